// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl show, fpctl set: the module as this network namespace has it.
 */
#include <err.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "fpctl.h"
#include "netlink.h"

static const struct {
	int attr;
	const char *key;
} numbers[] = {
	{ FASTPROTO_A_DEV_PROTOCOL,		"protocol" },
	{ FASTPROTO_A_DEV_FAMILY,		"family" },
	{ FASTPROTO_A_DEV_MSG_MAX_INET,		"msg_max_inet" },
	{ FASTPROTO_A_DEV_MSG_MAX_INET6,	"msg_max_inet6" },
	{ FASTPROTO_A_DEV_COPYBREAK,		"copybreak" },
	{ FASTPROTO_A_DEV_COPYBREAK_MAX,	"copybreak_max" },
	{ FASTPROTO_A_DEV_SOCKETS,		"sockets" },
};

static const struct nla_policy policy[FASTPROTO_A_DEV_MAX + 1] = {
	[FASTPROTO_A_DEV_MODULE_VERSION] = { .type = NLA_STRING },
};

static void print_json(struct json *js, const char *version, struct nlattr **tb)
{
	size_t i;

	json_open(js, NULL, '{');
	json_string(js, "version", version);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		json_uint(js, numbers[i].key, netlink_uint(tb[numbers[i].attr]));
	json_close(js, '}');
}

static void print_text(const char *version, struct nlattr **tb)
{
	size_t i;

	printf("%-16s %s\n", "version", version);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		printf("%-16s %llu\n", numbers[i].key,
		       netlink_uint(tb[numbers[i].attr]));
}

static int on_dev(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[FASTPROTO_A_DEV_MAX + 1];
	const char *version = "";
	struct fpctl *fp = arg;
	int err;

	err = genlmsg_parse(nlmsg_hdr(msg), 0, tb, FASTPROTO_A_DEV_MAX, policy);
	if (err < 0)
		return err;

	if (tb[FASTPROTO_A_DEV_MODULE_VERSION])
		version = nla_get_string(tb[FASTPROTO_A_DEV_MODULE_VERSION]);
	if (fp->json)
		print_json(&fp->js, version, tb);
	else
		print_text(version, tb);
	return NL_OK;
}

int show_run(struct fpctl *fp, char **argv)
{
	if (args_end("show", argv))
		return EXIT_USAGE;
	return netlink_get("show", FASTPROTO_CMD_DEV_GET, on_dev, fp);
}

static int set_copybreak(unsigned int bytes)
{
	struct netlink nl;
	struct nl_msg *msg;
	int err;

	err = netlink_open(&nl, "set");
	if (err)
		return err;

	err = EXIT_KERNEL;
	msg = netlink_request(&nl, FASTPROTO_CMD_DEV_SET);
	if (msg) {
		nla_put_u32(msg, FASTPROTO_A_DEV_COPYBREAK, bytes);
		err = netlink_do(&nl, msg, NULL, NULL);
	}
	netlink_close(&nl);
	return err;
}

int set_run(struct fpctl *fp, char **argv)
{
	unsigned int bytes;

	(void)fp;
	if (!argv[0]) {
		warnx("set: it needs a setting (try: fpctl help set)");
		return EXIT_USAGE;
	}
	if (strcmp(argv[0], "copybreak")) {
		warnx("set: unknown setting \"%s\" (try: fpctl help set)",
		      argv[0]);
		return EXIT_USAGE;
	}
	if (!argv[1]) {
		warnx("set: copybreak needs a number of bytes");
		return EXIT_USAGE;
	}
	if (args_u32(&bytes, argv[1])) {
		warnx("set: \"%s\" is not a number of bytes", argv[1]);
		return EXIT_USAGE;
	}
	if (args_end("set", argv + 2))
		return EXIT_USAGE;
	return set_copybreak(bytes);
}
