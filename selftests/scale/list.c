// SPDX-License-Identifier: GPL-2.0
/* What fpctl tells of a host's connections, and how much memory it needs for it. */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fpscale.h"

static void be_fpctl(const char *host, const char *option, const int wire[2])
{
	if (dup2(wire[1], STDOUT_FILENO) < 0)
		_exit(127);
	close(wire[0]);
	close(wire[1]);
	execlp("fpctl", "fpctl", "-N", host, "connection", option, NULL);
	_exit(127);
}

/* The output; its process in @pid. */
static FILE *fpctl_begin(const char *host, const char *option, pid_t *pid)
{
	int wire[2];
	FILE *file;

	if (pipe(wire))
		err(1, "pipe");
	*pid = fork();
	if (*pid < 0)
		err(1, "fork");
	if (!*pid)
		be_fpctl(host, option, wire);
	close(wire[1]);
	file = fdopen(wire[0], "r");
	if (!file)
		err(1, "fdopen");
	return file;
}

/* Returns the most memory that it had, in KiB. */
static long fpctl_end(FILE *file, pid_t pid)
{
	struct rusage usage;
	int status;

	fclose(file);
	if (wait4(pid, &status, 0, &usage) != pid)
		err(1, "wait4");
	if (status)
		errx(1, "fpctl: status %#x", status);
	return usage.ru_maxrss;
}

static unsigned long count_lines(FILE *file)
{
	static char buf[1 << 16];
	unsigned long lines = 0;
	size_t len, i;

	while ((len = fread(buf, 1, sizeof(buf), file)))
		for (i = 0; i < len; i++)
			lines += buf[i] == '\n';
	return lines;
}

/* Returns the most memory that fpctl had for it. */
static long count_connections(const char *host, unsigned long *total)
{
	FILE *file;
	pid_t pid;

	file = fpctl_begin(host, "-c", &pid);
	if (fscanf(file, "total %lu", total) != 1)
		errx(1, "fpctl connection -c: no total");
	count_lines(file);
	return fpctl_end(file, pid);
}

/* How many there are. */
unsigned long list_count(const char *host)
{
	unsigned long total;

	count_connections(host, &total);
	return total;
}

void list_connections(const char *host, struct list *list)
{
	FILE *file;
	pid_t pid;

	file = fpctl_begin(host, NULL, &pid);
	/* The first line is the head. */
	list->listed = count_lines(file) - 1;
	list->listing = fpctl_end(file, pid);
	list->counting = count_connections(host, &list->counted);
}
