// SPDX-License-Identifier: GPL-2.0
/*
 * The filter words of fpctl socket.
 */
#include <err.h>
#include <string.h>
#include <sys/socket.h>

#include "filter.h"
#include "fpctl.h"

static const struct {
	unsigned int type;
	const char *name;
} types[] = {
	{ SOCK_STREAM,		"stream" },
	{ SOCK_DGRAM,		"dgram" },
	{ SOCK_RDM,		"rdm" },
	{ SOCK_SEQPACKET,	"seqpacket" },
};

const char *filter_type_name(unsigned int type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

static int parse_type(struct filter *filter, const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, text))
			continue;
		filter->type = types[i].type;
		return 0;
	}
	warnx("\"%s\" is not a type (dgram, seqpacket, rdm, stream)", text);
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

static const struct {
	const char *name;
	int (*parse)(struct filter *filter, const char *text);
} words[] = {
	{ "type",	parse_type },
	{ "local",	parse_local },
	{ "peer",	parse_peer },
	{ "port",	parse_port },
};

int filter_parse(struct filter *filter, char **argv)
{
	bool seen[ARRAY_SIZE(words)] = { 0 };
	size_t i;

	memset(filter, 0, sizeof(*filter));
	for (; argv[0]; argv += 2) {
		for (i = 0; i < ARRAY_SIZE(words); i++)
			if (!strcmp(words[i].name, argv[0]))
				break;
		if (i == ARRAY_SIZE(words)) {
			warnx("socket: unknown filter \"%s\" (try: fpctl help socket)",
			      argv[0]);
			return -1;
		}
		if (!argv[1] || seen[i]) {
			warnx("socket: filter \"%s\" %s", argv[0],
			      seen[i] ? "is given twice" : "needs a value");
			return -1;
		}
		if (words[i].parse(filter, argv[1]))
			return -1;
		seen[i] = true;
	}
	return 0;
}

bool filter_match(const struct filter *filter, unsigned int type,
		  const struct addr *local, const struct addr *peer,
		  unsigned int dev)
{
	if (filter->type && filter->type != type)
		return false;
	if (filter->port && filter->port != local->port &&
	    filter->port != peer->port)
		return false;
	return addr_match(&filter->local, local, dev) &&
	       addr_match(&filter->peer, peer, 0);
}
