/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FPCTL_FILTER_H
#define _FPCTL_FILTER_H

#include <stdbool.h>

#include "addr.h"

/**
 * struct filter - which sockets or connections to show: those that fit all of it
 * @kind: a socket's SOCK_*, a connection's enum fastproto_conn_state; 0 for all
 * @port: at either end, 0 for all
 * @local: 0 in it fits all
 * @peer: the same
 */
struct filter {
	unsigned int kind;
	unsigned int port;
	struct addr local;
	struct addr peer;
};

/* Reads the words of @command up to the NULL; -1 after a complaint. */
int filter_parse(struct filter *filter, const char *command, char **argv);

bool filter_match(const struct filter *filter, unsigned int kind,
		  const struct addr *local, const struct addr *peer,
		  unsigned int dev);

/* The name of SOCK_* and of enum fastproto_conn_state, or NULL. */
const char *filter_type_name(unsigned int type);
const char *filter_state_name(unsigned int state);

#endif /* _FPCTL_FILTER_H */
