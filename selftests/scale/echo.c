// SPDX-License-Identifier: GPL-2.0
/* fpecho, the example, as the server: a program that takes no orders. */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fpscale.h"

static void be_fpecho(const char *host, const int wire[2])
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    dup2(wire[1], STDOUT_FILENO) < 0)
		_exit(127);
	close(wire[0]);
	close(wire[1]);
	player_enter(host);
	execlp("fpecho", "fpecho", "0.0.0.0", "7000", NULL);
	_exit(127);
}

/* Returns when it is ready. */
pid_t echo_begin(const char *host)
{
	char line[16] = "";
	int wire[2];
	FILE *file;
	pid_t pid;

	if (pipe(wire))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid)
		be_fpecho(host, wire);
	close(wire[1]);
	file = fdopen(wire[0], "r");
	if (!file)
		err(1, "fdopen");
	if (!fgets(line, sizeof(line), file) || strcmp(line, "ready\n"))
		errx(1, "fpecho is not ready");
	fclose(file);
	return pid;
}

void echo_end(pid_t pid)
{
	int status;

	if (kill(pid, SIGTERM) || waitpid(pid, &status, 0) != pid)
		err(1, "fpecho");
	if (status)
		errx(1, "fpecho: status %#x", status);
}

/*
 * What the process itself has, in KiB; the pool that it has mapped included. VmRSS
 * would not do: what a task has counted since it last faulted 64 times is not in it.
 */
long echo_memory(pid_t pid)
{
	char path[40], line[256];
	long value, found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Rss: %ld", &value) == 1)
			found = value;
	if (found < 0)
		errx(1, "%s: no Rss", path);
	fclose(file);
	return found;
}
