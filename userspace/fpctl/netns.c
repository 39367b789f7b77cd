// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces by name, where `ip netns` keeps them.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"

#define NETNS_DIR	"/run/netns"

int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int err;
	int fd;

	if (!*name || *name == '.' || strchr(name, '/') ||
	    strlen(name) > NAME_MAX) {
		warnx("\"%s\" is not the name of a network namespace", name);
		return -1;
	}

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		warn("cannot open network namespace \"%s\"", name);
		return -1;
	}

	err = setns(fd, CLONE_NEWNET);
	if (err)
		warn("cannot enter network namespace \"%s\"", name);
	close(fd);
	return err;
}
