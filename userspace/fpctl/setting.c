// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl get, fpctl set: limits and timers of this network namespace.
 */
#include <err.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "fpctl.h"
#include "netlink.h"

/* In the order in which they are shown. */
static const struct setting {
	int attr;
	const char *name;
	const char *unit;
	const char *what;
} settings[] = {
	{ FASTPROTO_A_DEV_COPYBREAK, "copybreak", "bytes",
	  "payloads up to it are copied out of their datagram" },
	{ FASTPROTO_A_DEV_MSG_MAX, "msg-max", "bytes",
	  "largest message that a connection takes" },
	{ FASTPROTO_A_DEV_RX_BUFFER, "rx-buffer", "bytes",
	  "receive buffer of a connection" },
	{ FASTPROTO_A_DEV_TX_BUFFER, "tx-buffer", "bytes",
	  "send buffer of a connection" },
	{ FASTPROTO_A_DEV_EARLY_BUFFER, "early-buffer", "bytes",
	  "receive buffer before accept()" },
	{ FASTPROTO_A_DEV_RX_AHEAD, "rx-ahead", "frames",
	  "to be kept beyond a gap" },
	{ FASTPROTO_A_DEV_ACK_DELAY, "ack-delay", "us",
	  "an acknowledgment waits for company" },
	{ FASTPROTO_A_DEV_RTO_MIN, "rto-min", "us",
	  "least retransmission timeout" },
	{ FASTPROTO_A_DEV_RTO_INITIAL, "rto-initial", "us",
	  "the same before the first sample" },
	{ FASTPROTO_A_DEV_RTO_MAX, "rto-max", "us",
	  "greatest retransmission timeout" },
	{ FASTPROTO_A_DEV_SYN_TIMEOUT, "syn-timeout", "us",
	  "before a SYN is repeated; then doubled" },
	{ FASTPROTO_A_DEV_SYN_RETRIES, "syn-retries", "times",
	  "a SYN is repeated" },
	{ FASTPROTO_A_DEV_DATA_RETRIES, "data-retries", "times",
	  "all else is repeated without an answer" },
	{ FASTPROTO_A_DEV_COOKIE_LIFETIME, "cookie-lifetime", "us",
	  "a client has to show its cookie" },
	{ FASTPROTO_A_DEV_CORK_TIMEOUT, "cork-timeout", "us",
	  "MSG_MORE holds a frame back" },
	{ FASTPROTO_A_DEV_ORPHAN_TIMEOUT, "orphan-timeout", "us",
	  "a closed connection may stand still" },
	{ FASTPROTO_A_DEV_FIN_TIMEOUT, "fin-timeout", "us",
	  "a closed connection waits for the peer's end" },
	{ FASTPROTO_A_DEV_RESETS_PER_SECOND, "resets-per-second", "frames",
	  "resets to frames without a connection" },
	{ FASTPROTO_A_DEV_CONNECTIONS_MAX, "connections-max", "connections",
	  "that there may be at a time" },
	{ FASTPROTO_A_DEV_SOCKET_CONNECTIONS_MAX, "socket-connections-max",
	  "connections", "that a socket of SOCK_RDM may have" },
	{ FASTPROTO_A_DEV_HOLD_TIME, "hold-time", "us",
	  "a small frame waits while there is more to read" },
	{ FASTPROTO_A_DEV_IDLE_TIMEOUT, "idle-timeout", "us",
	  "without a frame until a connection is parked" },
	{ FASTPROTO_A_DEV_ECN, "ecn", "flag",
	  "1: datagrams are ECN-capable" },
	{ FASTPROTO_A_DEV_PACING, "pacing", "flag",
	  "1: what opens at once is spread" },
	{ FASTPROTO_A_DEV_KEEPALIVE_IDLE, "keepalive-idle", "seconds",
	  "of silence until a peer is asked" },
	{ FASTPROTO_A_DEV_KEEPALIVE_INTERVAL, "keepalive-interval", "seconds",
	  "until it is asked again" },
	{ FASTPROTO_A_DEV_KEEPALIVE_PROBES, "keepalive-probes", "times",
	  "it is asked in vain" },
	{ FASTPROTO_A_DEV_FAST_OPEN, "fast-open", "bits",
	  "1 client, 2 server: no round trip before data" },
};

/**
 * struct numbers - one number of each setting
 * @tb: attributes of struct setting
 */
struct numbers {
	struct nlattr *tb[FASTPROTO_A_DEV_MAX + 1];
};

/**
 * struct listing - one run of fpctl get
 * @fp: options and output
 * @names: the settings that are wanted, up to a NULL; none: all
 * @value: what they are
 * @least: the least value of each
 * @greatest: the greatest value of each
 * @preset: what they are at first
 */
struct listing {
	struct fpctl *fp;
	char **names;
	struct numbers value;
	struct numbers least;
	struct numbers greatest;
	struct numbers preset;
};

static const struct setting *setting_find(const char *command, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (!strcmp(name, settings[i].name))
			return &settings[i];
	warnx("%s: unknown setting \"%s\" (try: fpctl help %s)", command, name,
	      command);
	return NULL;
}

void setting_help(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		printf("  %-17s %s: %s\n", settings[i].name, settings[i].unit,
		       settings[i].what);
}

/* What the kernel calls it, for its errors. */
static const char *setting_name(int attr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].attr == attr)
			return settings[i].name;
	return NULL;
}

static int parse_nest(struct numbers *numbers, const struct numbers *from,
		      int attr)
{
	if (!from->tb[attr])
		return 0;
	return nla_parse_nested(numbers->tb, FASTPROTO_A_DEV_MAX,
				from->tb[attr], NULL);
}

static int listing_parse(struct listing *list, struct nl_msg *msg)
{
	int err;

	err = genlmsg_parse(nlmsg_hdr(msg), 0, list->value.tb,
			    FASTPROTO_A_DEV_MAX, NULL);
	if (err < 0)
		return err;
	err = parse_nest(&list->least, &list->value, FASTPROTO_A_DEV_LEAST);
	if (err < 0)
		return err;
	err = parse_nest(&list->greatest, &list->value,
			 FASTPROTO_A_DEV_GREATEST);
	if (err < 0)
		return err;
	return parse_nest(&list->preset, &list->value, FASTPROTO_A_DEV_PRESET);
}

static unsigned long long number(const struct numbers *numbers,
				 const struct setting *setting)
{
	return netlink_uint(numbers->tb[setting->attr]);
}

static void json_setting(struct json *js, const struct listing *list,
			 const struct setting *setting)
{
	json_open(js, setting->name, '{');
	json_uint(js, "value", number(&list->value, setting));
	json_string(js, "unit", setting->unit);
	json_uint(js, "least", number(&list->least, setting));
	json_uint(js, "greatest", number(&list->greatest, setting));
	json_uint(js, "default", number(&list->preset, setting));
	json_close(js, '}');
}

static void text_setting(const struct listing *list,
			 const struct setting *setting)
{
	printf("%-17s %10llu %s", setting->name,
	       number(&list->value, setting), setting->unit);
	if (list->fp->statistics)
		printf(" (%llu to %llu, default %llu): %s",
		       number(&list->least, setting),
		       number(&list->greatest, setting),
		       number(&list->preset, setting), setting->what);
	putchar('\n');
}

/* A module that is older than this program lacks some. */
static void list_setting(const struct listing *list,
			 const struct setting *setting)
{
	if (!list->value.tb[setting->attr])
		return;
	if (list->fp->json)
		json_setting(&list->fp->js, list, setting);
	else
		text_setting(list, setting);
}

static int on_settings(struct nl_msg *msg, void *arg)
{
	struct listing *list = arg;
	char **name;
	size_t i;
	int err;

	err = listing_parse(list, msg);
	if (err < 0)
		return err;
	if (list->fp->json)
		json_open(&list->fp->js, NULL, '{');
	for (name = list->names; *name; name++)
		list_setting(list, setting_find("get", *name));
	for (i = 0; i < ARRAY_SIZE(settings) && !*list->names; i++)
		list_setting(list, &settings[i]);
	if (list->fp->json)
		json_close(&list->fp->js, '}');
	return NL_OK;
}

/* Complains of a name that is among those before it. */
static int given_twice(const char *command, char **first, char **name,
		       size_t step)
{
	for (; first < name; first += step) {
		if (strcmp(*first, *name))
			continue;
		warnx("%s: \"%s\" is given twice", command, *name);
		return -1;
	}
	return 0;
}

int get_run(struct fpctl *fp, char **argv)
{
	struct listing list = { .fp = fp, .names = argv };
	char **name;

	for (name = argv; *name; name++)
		if (!setting_find("get", *name) ||
		    given_twice("get", argv, name, 1))
			return EXIT_USAGE;
	return netlink_get("get", FASTPROTO_CMD_DEV_GET, on_settings, &list);
}

static bool is_default(const char *text)
{
	return !strcmp(text, "default");
}

/* The pairs of name and value that @argv is to be. */
static int pairs_check(char **argv)
{
	unsigned int value;
	char **arg;

	if (!*argv) {
		warnx("set: it needs a setting (try: fpctl help set)");
		return -1;
	}
	for (arg = argv; *arg; arg += 2) {
		const struct setting *setting = setting_find("set", *arg);

		if (!setting || given_twice("set", argv, arg, 2))
			return -1;
		if (!arg[1]) {
			warnx("set: %s needs a number of %s, or \"default\"",
			      *arg, setting->unit);
			return -1;
		}
		if (is_default(arg[1]) || !args_u32(&value, arg[1]))
			continue;
		warnx("set: %s: \"%s\" is not a number of %s", *arg, arg[1],
		      setting->unit);
		return -1;
	}
	return 0;
}

/* What the settings are at first, in the order of the table. */
static int on_presets(struct nl_msg *msg, void *arg)
{
	struct listing list = { 0 };
	unsigned int *presets = arg;
	size_t i;
	int err;

	err = listing_parse(&list, msg);
	if (err < 0)
		return err;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		presets[i] = number(&list.preset, &settings[i]);
	return NL_OK;
}

static bool wants_presets(char **argv)
{
	for (; *argv; argv += 2)
		if (is_default(argv[1]))
			return true;
	return false;
}

static int send_pairs(struct netlink *nl, char **argv,
		      const unsigned int *presets)
{
	unsigned int value = 0;
	struct nl_msg *msg;

	msg = netlink_request(nl, FASTPROTO_CMD_DEV_SET);
	if (!msg)
		return EXIT_KERNEL;
	for (; *argv; argv += 2) {
		const struct setting *setting = setting_find("set", argv[0]);

		if (is_default(argv[1]))
			value = presets[setting - settings];
		else
			args_u32(&value, argv[1]);
		nla_put_u32(msg, setting->attr, value);
	}
	nl->attr_name = setting_name;
	return netlink_do(nl, msg, NULL, NULL);
}

int set_run(struct fpctl *fp, char **argv)
{
	unsigned int presets[ARRAY_SIZE(settings)] = { 0 };
	struct nl_msg *msg;
	struct netlink nl;
	int err;

	(void)fp;
	if (pairs_check(argv))
		return EXIT_USAGE;
	err = netlink_open(&nl, "set");
	if (err)
		return err;
	if (wants_presets(argv)) {
		msg = netlink_request(&nl, FASTPROTO_CMD_DEV_GET);
		err = msg ? netlink_do(&nl, msg, on_presets, presets) :
			    EXIT_KERNEL;
	}
	if (!err)
		err = send_pairs(&nl, argv, presets);
	netlink_close(&nl);
	return err;
}
