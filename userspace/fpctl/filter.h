/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FPCTL_FILTER_H
#define _FPCTL_FILTER_H

#include <stdbool.h>

#include "addr.h"

/**
 * struct filter - which sockets to show: those that fit all of it
 * @type: SOCK_*, 0 for all
 * @port: at either end, 0 for all
 * @local: 0 in it fits all
 * @peer: the same
 */
struct filter {
	unsigned int type;
	unsigned int port;
	struct addr local;
	struct addr peer;
};

/* Reads words up to the NULL; -1 after a complaint. */
int filter_parse(struct filter *filter, char **argv);

bool filter_match(const struct filter *filter, unsigned int type,
		  const struct addr *local, const struct addr *peer,
		  unsigned int dev);

/* The name of SOCK_*, or NULL. */
const char *filter_type_name(unsigned int type);

#endif /* _FPCTL_FILTER_H */
