// SPDX-License-Identifier: GPL-2.0
/* How much memory is in use: the module's slabs, and all that it may take. */
#include <fnmatch.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fptest.h"

/* The caches that the module allocates from, its own and others'. */
static const char * const caches[] = {
	"fastproto_*", "FASTPROTO*", "kmalloc-*", "skbuff_*", "UDP*",
};

static bool is_ours(const char *cache)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caches); i++)
		if (!fnmatch(caches[i], cache, 0))
			return true;
	return false;
}

/* What a CPU keeps for itself counts as used: give it back. */
static int give_back(const char *folder)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/shrink", folder);
	file = fopen(path, "w");
	return !file || fputs("1", file) < 0 || fclose(file) ? -1 : 0;
}

/* How many objects of a slab cache are in use; -1: it has no name of its own. */
int slab_objects(const char *cache)
{
	char folder[128], line[256], name[64];
	int count = -1, active;
	FILE *file;

	snprintf(folder, sizeof(folder), "/sys/kernel/slab/%s", cache);
	if (give_back(folder))
		return -1;
	file = fopen("/proc/slabinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %d", name, &active) == 2 &&
		    !strcmp(name, cache))
			count = active;
	if (file)
		fclose(file);
	return count;
}

/* How many connections there are, of any kind; -1: no names of their own. */
int slab_conns(void)
{
	int conns = slab_objects("fastproto_conn");
	int crowded = slab_objects("fastproto_conn_rdm");

	return conns < 0 || crowded < 0 ? -1 : conns + crowded;
}

static void shrink_ours(void)
{
	glob_t found;
	size_t i;

	if (glob("/sys/kernel/slab/*", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		if (is_ours(basename(found.gl_pathv[i])))
			give_back(found.gl_pathv[i]);
	globfree(&found);
}

static long slab_bytes(void)
{
	char line[256], name[64];
	long sum = 0, active, size;
	FILE *file;

	file = fopen("/proc/slabinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld %*d %ld", name, &active,
			   &size) == 3 && is_ours(name))
			sum += active * size;
	if (file)
		fclose(file);
	return sum;
}

/* Free pages that a CPU has at hand do not count as free. */
static long at_hand_kb(void)
{
	long pages = 0, value;
	char line[256];
	FILE *file;

	file = fopen("/proc/zoneinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &value) == 1)
			pages += value;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long available_kb(void)
{
	long kb = at_hand_kb(), value;
	char line[256];
	FILE *file;

	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %ld", &value) == 1)
			kb += value;
	if (file)
		fclose(file);
	return kb;
}

void memory_read(struct memory *memory)
{
	shrink_ours();
	memory->slabs = slab_bytes() / 1024;
	memory->available = available_kb();
}

/*
 * Until no more than so many KiB are in use than before: some of what was freed
 * comes back after a grace period, and namespaces go one after another. False if
 * nothing more of it does, and it says so.
 */
bool memory_wait(const struct memory *before, long slabs, long available)
{
	time_t end = time(NULL) + PATIENCE;
	long least = LONG_MAX;
	struct memory now;

	for (;;) {
		memory_read(&now);
		if (now.slabs < least) {
			least = now.slabs;
			end = time(NULL) + PATIENCE;
		}
		if (now.slabs <= before->slabs + slabs &&
		    now.available >= before->available - available)
			return true;
		if (time(NULL) > end)
			break;
		usleep(10000);
	}
	printf("# slabs: %ld KiB before, %ld now; available: %ld, %ld\n",
	       before->slabs, now.slabs, before->available, now.available);
	return false;
}

/*
 * Until neither host has a connection, nor anything that belongs to one. False
 * if that never comes.
 */
bool conns_wait_gone(void)
{
	time_t end = time(NULL) + 3 * PATIENCE;

	while (conns_count(HOST_A) || conns_count(HOST_B) ||
	       slab_conns() ||
	       slab_objects("fastproto_act") || slab_objects("fastproto_path") ||
	       slab_objects("fastproto_keep") > 0) {
		if (time(NULL) > end)
			return false;
		usleep(10000);
	}
	return true;
}
