// SPDX-License-Identifier: GPL-2.0
/* What the other threads of a test are doing, and how much there is to do. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fptest.h"

/* Of what is repeated, so much: the kernels that look for bugs are slow. */
unsigned int fewer(unsigned int count)
{
	return getenv("FASTPROTO_ROUNDS") ? (count + 9) / 10 : count;
}

static bool is_asleep(const char *tid)
{
	char path[300], line[512];
	FILE *file;
	char *p;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	p = fgets(line, sizeof(line), file);
	fclose(file);
	p = p ? strrchr(line, ')') : NULL;
	return p && p[2] == 'S';
}

static int count_asleep(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != getpid() &&
		    is_asleep(entry->d_name))
			count++;
	if (dir)
		closedir(dir);
	return count;
}

/* Until so many threads beside the first one sleep, or patience ends. */
bool wait_others_asleep(int count)
{
	time_t end = time(NULL) + PATIENCE;

	while (count_asleep() < count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}
