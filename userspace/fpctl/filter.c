// SPDX-License-Identifier: GPL-2.0
/*
 * The filter words of fpctl socket and fpctl connection.
 */
#include <err.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fastproto_netlink.h>

#include "filter.h"
#include "fpctl.h"

struct kind {
	unsigned int value;
	const char *name;
};

static const struct kind types[] = {
	{ SOCK_STREAM,		"stream" },
	{ SOCK_DGRAM,		"dgram" },
	{ SOCK_RDM,		"rdm" },
	{ SOCK_SEQPACKET,	"seqpacket" },
	{ }
};

static const struct kind states[] = {
	{ FASTPROTO_CONN_SYN_SENT,	"syn-sent" },
	{ FASTPROTO_CONN_ECHO_SENT,	"echo-sent" },
	{ FASTPROTO_CONN_ESTABLISHED,	"established" },
	{ FASTPROTO_CONN_FIN_WAIT_1,	"fin-wait-1" },
	{ FASTPROTO_CONN_FIN_WAIT_2,	"fin-wait-2" },
	{ FASTPROTO_CONN_CLOSE_WAIT,	"close-wait" },
	{ FASTPROTO_CONN_CLOSING,	"closing" },
	{ FASTPROTO_CONN_LAST_ACK,	"last-ack" },
	{ }
};

static const char *kind_name(const struct kind *kind, unsigned int value)
{
	while (kind->name && kind->value != value)
		kind++;
	return kind->name;
}

const char *filter_type_name(unsigned int type)
{
	return kind_name(types, type);
}

const char *filter_state_name(unsigned int state)
{
	return kind_name(states, state);
}

static int parse_kind(struct filter *filter, const struct kind *kind,
		      const char *text)
{
	while (kind->name && strcmp(kind->name, text))
		kind++;
	filter->kind = kind->value;
	return kind->name ? 0 : -1;
}

static int parse_type(struct filter *filter, const char *text)
{
	if (!parse_kind(filter, types, text))
		return 0;
	warnx("\"%s\" is not a type (dgram, seqpacket, rdm, stream)", text);
	return -1;
}

static int parse_state(struct filter *filter, const char *text)
{
	if (!parse_kind(filter, states, text))
		return 0;
	warnx("\"%s\" is not a state (try: fpctl help connection)", text);
	return -1;
}

static int parse_local(struct filter *filter, const char *text)
{
	return addr_parse(&filter->local, text);
}

static int parse_peer(struct filter *filter, const char *text)
{
	return addr_parse(&filter->peer, text);
}

static int parse_port(struct filter *filter, const char *text)
{
	return port_parse(&filter->port, text);
}

/* A word that is not of all commands names its own. */
static const struct {
	const char *name;
	const char *command;
	int (*parse)(struct filter *filter, const char *text);
} words[] = {
	{ "type",	"socket",	parse_type },
	{ "state",	"connection",	parse_state },
	{ "local",	NULL,		parse_local },
	{ "peer",	NULL,		parse_peer },
	{ "port",	NULL,		parse_port },
};

static size_t word_find(const char *command, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, name) &&
		    (!words[i].command || !strcmp(words[i].command, command)))
			break;
	return i;
}

int filter_parse(struct filter *filter, const char *command, char **argv)
{
	bool seen[ARRAY_SIZE(words)] = { 0 };

	memset(filter, 0, sizeof(*filter));
	for (; argv[0]; argv += 2) {
		size_t i = word_find(command, argv[0]);

		if (i == ARRAY_SIZE(words)) {
			warnx("%s: unknown filter \"%s\" (try: fpctl help %s)",
			      command, argv[0], command);
			return -1;
		}
		if (!argv[1] || seen[i]) {
			warnx("%s: filter \"%s\" %s", command, argv[0],
			      seen[i] ? "is given twice" : "needs a value");
			return -1;
		}
		if (words[i].parse(filter, argv[1]))
			return -1;
		seen[i] = true;
	}
	return 0;
}

bool filter_match(const struct filter *filter, unsigned int kind,
		  const struct addr *local, const struct addr *peer,
		  unsigned int dev)
{
	if (filter->kind && filter->kind != kind)
		return false;
	if (filter->port && filter->port != local->port &&
	    filter->port != peer->port)
		return false;
	return addr_match(&filter->local, local, dev) &&
	       addr_match(&filter->peer, peer, 0);
}
