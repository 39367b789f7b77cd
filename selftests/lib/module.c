// SPDX-License-Identifier: GPL-2.0
/* Loading and removing the module, each in one system call of this thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "fptest.h"

#define MODULE	"fastproto"

static int module = -1;

/* The module's file is opened; false if there is none, or it is compressed. */
bool module_find(void)
{
	char folder[128], path[512], line[4096];
	struct utsname host;
	FILE *list;
	size_t len;

	if (module >= 0)
		return true;
	uname(&host);
	snprintf(folder, sizeof(folder), "/lib/modules/%s", host.release);
	snprintf(path, sizeof(path), "%s/modules.dep", folder);
	list = fopen(path, "r");
	if (!list)
		return false;
	while (fgets(line, sizeof(line), list)) {
		len = strcspn(line, ":");
		line[len] = 0;
		if (!strstr(line, "/" MODULE ".ko") ||
		    strcmp(line + len - 3, ".ko"))
			continue;
		snprintf(path, sizeof(path), "%s/%.300s", folder, line);
		module = open(path, O_RDONLY | O_CLOEXEC);
		break;
	}
	fclose(list);
	return module >= 0;
}

int module_load(const char *args)
{
	return syscall(SYS_finit_module, module, args, 0);
}

int module_try_unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK);
}

/* What still holds the module may need a moment to go. */
int module_unload(void)
{
	time_t end = time(NULL) + PATIENCE;
	int ret;

	do {
		ret = module_try_unload();
		if (ret && errno == EAGAIN)
			usleep(1000);
	} while (ret && errno == EAGAIN && time(NULL) <= end);
	return ret;
}
