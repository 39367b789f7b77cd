// SPDX-License-Identifier: GPL-2.0
/* What fpctl tells of a host's counters. */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "fpscale.h"

/* It names those that are not 0. */
double counter(const char *host, const char *name)
{
	char command[64], key[64];
	double value, found = 0;
	FILE *file;

	snprintf(command, sizeof(command), "fpctl -N %s stats", host);
	file = popen(command, "r");
	if (!file)
		err(1, "popen");
	while (fscanf(file, "%63s %lf", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (pclose(file))
		errx(1, "%s: failed", command);
	return found;
}
