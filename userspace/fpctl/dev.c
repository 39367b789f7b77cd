// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl show: the module as this network namespace has it.
 */
#include <netlink/msg.h>
#include <stdio.h>

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
