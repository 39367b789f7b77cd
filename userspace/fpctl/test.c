// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the parts of fpctl that need no kernel: the JSON writer, addresses,
 * filters, numbers. Output is TAP.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fastproto_netlink.h>

#include "args.h"
#include "filter.h"
#include "fpctl.h"

static unsigned int tests;
static unsigned int failed;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %u %s\n", good ? "" : "not ", ++tests, name);
	if (good)
		return;
	failed++;
	printf("# got: %s\n", detail);
}

static void write_sample(struct json *js)
{
	json_open(js, NULL, '{');
	json_uint(js, "n", ~0ULL);
	json_null(js, "z");
	json_open(js, "e", '[');
	json_close(js, ']');
	json_open(js, "l", '[');
	json_string(js, NULL, "a");
	json_open(js, NULL, '{');
	json_close(js, '}');
	json_close(js, ']');
	json_close(js, '}');
}

static void test_json(bool pretty, const char *want, const char *name)
{
	struct json js = { .pretty = pretty };
	char *text = NULL;
	size_t len;

	js.out = open_memstream(&text, &len);
	write_sample(&js);
	fclose(js.out);
	ok(!strcmp(text, want), name, text);
	free(text);
}

static void test_string(const char *in, const char *want, const char *name)
{
	struct json js = { 0 };
	char *text = NULL;
	size_t len;

	js.out = open_memstream(&text, &len);
	json_string(&js, NULL, in);
	fclose(js.out);
	ok(!strcmp(text, want), name, text);
	free(text);
}

static void test_strings(void)
{
	test_string("", "\"\"", "an empty string");
	test_string("a\"b\\c/", "\"a\\\"b\\\\c/\"", "quote and backslash");
	test_string("\n\x1b\x7f", "\"\\u000a\\u001b\\u007f\"", "controls");
	test_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7",
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7\"", "good UTF-8");
	test_string("\xff-\xc3", "\"\\ufffd-\\ufffd\"", "stray bytes");
	test_string("\xc0\xaf", "\"\\ufffd\\ufffd\"", "overlong UTF-8");
	test_string("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", "a surrogate");
}

/* What @text is read as, written out again. */
static void test_addr(const char *text, const char *want)
{
	char buf[ADDR_TEXT_LEN] = "refused";
	struct addr addr;

	if (!addr_parse(&addr, text))
		addr_text(&addr, 0, buf);
	ok(!strcmp(buf, want), text, buf);
}

static void test_addrs(void)
{
	test_addr("192.0.2.1", "192.0.2.1:0");
	test_addr("192.0.2.1:4000", "192.0.2.1:4000");
	test_addr("2001:db8::1", "[2001:db8::1]:0");
	test_addr("[2001:db8::1]:65535", "[2001:db8::1]:65535");
	test_addr("[fe80::1%lo]:1", "[fe80::1%lo]:1");
	test_addr("[::ffff:192.0.2.1]:1", "192.0.2.1:1");
	test_addr("0.0.0.0:1", "*:1");
	test_addr("[::]:1", "*:1");
	test_addr("*", "*:*");
	test_addr("*:1", "*:*");
	test_addr(":1", "*:*");
	test_addr("", "refused");
	test_addr("192.0.2.1:", "refused");
	test_addr("192.0.2.1:0", "refused");
	test_addr("192.0.2.1:65536", "refused");
	test_addr("192.0.2.1:-1", "refused");
	test_addr("192.0.2.256", "refused");
	test_addr("[192.0.2.1", "refused");
	test_addr("[::1]1", "refused");
	test_addr("::1%no-such-dev", "refused");
	test_addr("host.example", "refused");
}

static void test_sockaddr(void)
{
	struct sockaddr_fp sfp = { .sfp_family = AF_FASTPROTO };
	char buf[ADDR_TEXT_LEN];
	struct addr addr;

	sfp.sfp_sin6.sin6_family = AF_INET6;
	sfp.sfp_sin6.sin6_port = htons(4000);
	memset(&sfp.sfp_sin6.sin6_addr, 0xfd, sizeof(struct in6_addr));
	addr_from_sockaddr(&addr, &sfp, sizeof(sfp));
	addr_text(&addr, 0, buf);
	ok(!strcmp(buf, "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:4000"),
	   "struct sockaddr_fp with IPv6", buf);

	addr_from_sockaddr(&addr, &sfp, FP_ADDRLEN_INET6 - 1);
	addr_text(&addr, 0, buf);
	ok(!strcmp(buf, "*:*"), "a short struct sockaddr_fp", buf);

	memset(&sfp, 0, sizeof(sfp));
	sfp.sfp_sin.sin_family = AF_INET;
	sfp.sfp_sin.sin_port = htons(5);
	addr_from_sockaddr(&addr, &sfp, FP_ADDRLEN_INET);
	addr_text(&addr, 1, buf);
	ok(!strcmp(buf, "*%lo:5"), "bound to a device and a port", buf);
}

static void test_addr_json(void)
{
	static const char want[] =
	"{\"a\":{\"address\":\"fe80::1%lo\",\"port\":1},\"b\":null}\n";
	struct json js = { 0 };
	struct addr addr;
	char *text = NULL;
	size_t len;

	js.out = open_memstream(&text, &len);
	json_open(&js, NULL, '{');
	addr_parse(&addr, "[fe80::1%lo]:1");
	addr_json(&js, "a", &addr);
	addr_parse(&addr, "*");
	addr_json(&js, "b", &addr);
	json_close(&js, '}');
	fclose(js.out);
	ok(!strcmp(text, want), "addresses in JSON", text);
	free(text);
}

/* Does what is of that kind, 192.0.2.1:4000 -> 192.0.2.2:5000, fit? */
static void test_filter(const char *command, unsigned int kind, char **words,
			int want, const char *name)
{
	static const char * const answers[] = { "no", "yes", "refused" };
	struct filter filter;
	struct addr local;
	struct addr peer;
	int got = 2;

	addr_parse(&local, "192.0.2.1:4000");
	addr_parse(&peer, "192.0.2.2:5000");
	if (!filter_parse(&filter, command, words))
		got = filter_match(&filter, kind, &local, &peer, 1);
	ok(got == want, name, answers[got]);
}

#define FILTER(want, ...)						\
	test_filter("socket", SOCK_DGRAM,				\
		    (char *[]){ __VA_ARGS__, NULL }, want,		\
		    "filter " #__VA_ARGS__)

#define FILTER_CONN(want, ...)						\
	test_filter("connection", FASTPROTO_CONN_ESTABLISHED,		\
		    (char *[]){ __VA_ARGS__, NULL }, want,		\
		    "filter of connections " #__VA_ARGS__)

static void test_filters(void)
{
	test_filter("socket", SOCK_DGRAM, (char *[]){ NULL }, true,
		    "no filter");
	FILTER(true, "type", "dgram");
	FILTER(false, "type", "stream");
	FILTER(true, "local", "192.0.2.1");
	FILTER(true, "local", "*:4000", "peer", "192.0.2.2:5000");
	FILTER(true, "local", "*%lo");
	FILTER(false, "local", "192.0.2.2");
	FILTER(false, "local", "::1");
	FILTER(false, "peer", "192.0.2.2:5001");
	FILTER(true, "port", "5000");
	FILTER(true, "port", "4000");
	FILTER(false, "port", "1");
	FILTER(2, "type", "raw");
	FILTER(2, "type");
	FILTER(2, "port", "1", "port", "2");
	FILTER(2, "color", "red");
	FILTER(2, "state", "established");
}

static void test_conn_filters(void)
{
	FILTER_CONN(true, "state", "established");
	FILTER_CONN(true, "port", "4000", "state", "established");
	FILTER_CONN(false, "port", "4001", "state", "established");
	FILTER_CONN(false, "state", "syn-sent");
	FILTER_CONN(false, "state", "last-ack");
	FILTER_CONN(true, "local", "192.0.2.1:4000", "peer", "192.0.2.2");
	FILTER_CONN(false, "peer", "192.0.2.1");
	FILTER_CONN(2, "state", "closed");
	FILTER_CONN(2, "state", "");
	FILTER_CONN(2, "state", "closing", "state", "closing");
	FILTER_CONN(2, "type", "seqpacket");
}

/* All that the kernel may report. */
static void test_state_names(void)
{
	unsigned int state;

	for (state = FASTPROTO_CONN_CLOSED + 1; state <= FASTPROTO_CONN_MAX;
	     state++)
		ok(filter_state_name(state), "a state has a name", "none");
	ok(!filter_state_name(FASTPROTO_CONN_CLOSED) &&
	   !filter_state_name(state), "others have none", "a name");
}

static void test_numbers(void)
{
	static const char * const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x10", "1k", "4294967296",
		"99999999999999999999999",
	};
	unsigned int value;
	size_t i;

	ok(!args_u32(&value, "4294967295") && value == 4294967295U,
	   "the greatest number", "another");
	ok(!args_u32(&value, "010") && value == 10, "not octal", "another");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(args_u32(&value, bad[i]) < 0, bad[i], "taken");
}

static void test_ids(void)
{
	static const char * const bad[] = {
		"", "0x", "1", "ff", "0xg", "0x1g", " 0x1", "0x 1", "0x-1",
		"0x1 ", "-0x1", "0x0x1", "0x10000000000000000",
	};
	unsigned long long id;
	size_t i;

	ok(!args_id(&id, "0xffffffffffffffff") && id == ~0ULL,
	   "the greatest ID", "another");
	ok(!args_id(&id, "0x1a2B") && id == 0x1a2b, "an ID", "another");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(args_id(&id, bad[i]) < 0, bad[i], "taken");
}

int main(void)
{
	static const char compact[] =
	"{\"n\":18446744073709551615,\"z\":null,\"e\":[],\"l\":[\"a\",{}]}\n";
	static const char pretty[] =
		"{\n    \"n\": 18446744073709551615,\n"
		"    \"z\": null,\n    \"e\": [],\n"
		"    \"l\": [\n        \"a\",\n        {}\n    ]\n}\n";

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	test_json(false, compact, "compact JSON");
	test_json(true, pretty, "pretty JSON");
	test_strings();
	test_addrs();
	test_sockaddr();
	test_addr_json();
	test_filters();
	test_conn_filters();
	test_state_names();
	test_numbers();
	test_ids();
	printf("1..%u\n", tests);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
