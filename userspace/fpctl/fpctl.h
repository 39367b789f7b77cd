/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands share: options and output.
 */
#ifndef _FPCTL_H
#define _FPCTL_H

#include <stdbool.h>

#include "json.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Exit codes, those of iproute2. */
#define EXIT_USAGE	1	/* and what is local, as output that fails */
#define EXIT_KERNEL	2	/* the kernel said no, or lacks the module */

/**
 * struct fpctl - options, and the output
 * @json: write JSON
 * @all: also what is zero
 * @statistics: more about each socket or connection
 * @count: how many they are, and none of them
 * @netns: name of the network namespace to work in, or NULL
 * @write_error: errno of the first write to stdout that failed, or 0
 * @js: the JSON writer
 */
struct fpctl {
	bool json;
	bool all;
	bool statistics;
	bool count;
	const char *netns;
	int write_error;
	struct json js;
};

/* True if stdout takes no more: what follows need not be fetched. */
bool fpctl_write_failed(struct fpctl *fp);

/*
 * The commands. They get the arguments after their name, up to a NULL, and
 * return the exit code. They check all arguments before they ask the kernel.
 */
int show_run(struct fpctl *fp, char **argv);
int get_run(struct fpctl *fp, char **argv);
int set_run(struct fpctl *fp, char **argv);
int stats_run(struct fpctl *fp, char **argv);
int socket_run(struct fpctl *fp, char **argv);
int connection_run(struct fpctl *fp, char **argv);
int kill_run(struct fpctl *fp, char **argv);

/* Writes out what settings there are. */
void setting_help(void);

#endif /* _FPCTL_H */
