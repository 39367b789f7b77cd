// SPDX-License-Identifier: GPL-2.0
/* How many instructions ran, and how much memory the kernel holds. */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fpscale.h"

#define PAUSE		10	/* seconds: longer than anything is put off */
#define PATIENCE	100	/* pauses, at most, until memory rests */
#define SAMPLE		20	/* seconds in which nobody does anything */

/* --- instructions: a nanosecond is one, unless nobody had anything to do */

static double background;	/* instructions of a nanosecond, nevertheless */

static unsigned long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* /proc/stat knows it, too, but in hundredths of a second. */
static unsigned long long idle_ns(void)
{
	FILE *file = fopen("/proc/timer_list", "r");
	unsigned long long ns, sum = 0;
	bool found = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " .idle_sleeptime : %llu", &ns) == 1) {
			sum += ns;
			found = true;
		}
	if (!found)
		errx(1, "/proc/timer_list tells of no idle time");
	fclose(file);
	return sum;
}

struct moment instructions_begin(void)
{
	struct moment moment;

	moment.idle = idle_ns();
	moment.now = now_ns();
	return moment;
}

/* Less what runs when nobody does anything, as instructions_idle() found. */
double instructions_since(const struct moment *since)
{
	double passed = now_ns() - since->now;

	return passed - (idle_ns() - since->idle) - background * passed;
}

/* Of a second, more than the last time. */
double instructions_idle(void)
{
	struct moment moment = instructions_begin();
	double more;

	sleep(SAMPLE);
	more = instructions_since(&moment) / SAMPLE;
	background += more / 1e9;
	return more;
}

/* --- memory */

/*
 * A slab cache. Its files stay open: to open one allocates memory, which would
 * be seen.
 */
struct cache {
	char name[256];
	double slab;		/* bytes */
	double object;		/* its part of a slab */
	int objects;		/* files */
	int slabs;
	int shrink;
};

static struct cache caches[CACHES_MAX];
int nr_caches;

const char *cache_name(int nr)
{
	return caches[nr].name;
}

static int open_file(const char *cache, const char *name, int mode)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", cache, name);
	fd = open(path, mode | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static double read_number(int fd)
{
	char text[64];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		err(1, "/sys/kernel/slab");
	text[len] = 0;
	return atof(text);
}

static double constant(const char *cache, const char *name)
{
	int fd = open_file(cache, name, O_RDONLY);
	double value = read_number(fd);

	close(fd);
	return value;
}

static struct cache *find_cache(const char *name)
{
	struct cache *cache;

	for (cache = caches; cache < caches + nr_caches; cache++)
		if (!strcmp(cache->name, name))
			return cache;
	if (++nr_caches == CACHES_MAX)
		errx(1, "more slab caches than expected");
	snprintf(cache->name, sizeof(cache->name), "%s", name);
	cache->slab = ldexp(getpagesize(), constant(name, "order"));
	cache->object = cache->slab / constant(name, "objs_per_slab");
	cache->objects = open_file(name, "objects", O_RDONLY);
	cache->slabs = open_file(name, "slabs", O_RDONLY);
	cache->shrink = open_file(name, "shrink", O_WRONLY);
	return cache;
}

/*
 * Returns how much of pages its slabs are. What a processor keeps for itself
 * counts as used: it has to give it back.
 */
static double read_cache(struct cache *cache, struct memory *memory)
{
	double bytes;

	if (write(cache->shrink, "1", 1) != 1)
		err(1, "%s: shrink", cache->name);
	bytes = read_number(cache->objects) * cache->object;
	memory->bytes[cache - caches] = bytes;
	memory->bytes[MEMORY_SLABS] += bytes;
	return read_number(cache->slabs) * cache->slab;
}

/*
 * /proc/slabinfo has the same numbers, but estimates them where more than
 * 10,000 slabs of a cache are partly in use.
 */
static double read_caches(struct memory *memory)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	double sum = 0;

	if (!dir)
		err(1, "/sys/kernel/slab");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR)
			sum += read_cache(find_cache(entry->d_name), memory);
	closedir(dir);
	return sum;
}

/* The sum of what lines of this format say. */
static double sum_of(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	double sum = 0, value;
	bool found = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1) {
			sum += value;
			found = true;
		}
	if (!found)
		errx(1, "%s: no line like '%s'", path, format);
	fclose(file);
	return sum;
}

/* Those of each processor are added up. */
static void refresh_counters(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "w");

	if (!file || fputs("1", file) < 0 || fclose(file))
		err(1, "/proc/sys/vm/stat_refresh");
}

static void read_memory(struct memory *memory)
{
	const char *path = "/proc/meminfo";
	double slabs, free;

	memset(memory, 0, sizeof(*memory));
	slabs = read_caches(memory);
	refresh_counters();
	memory->bytes[MEMORY_AVAILABLE] =
		1024 * sum_of(path, "MemAvailable: %lf");
	/* Those kept at hand for a processor are free, too. */
	free = 1024 * sum_of(path, "MemFree: %lf") +
	       getpagesize() * sum_of("/proc/zoneinfo", " count: %lf");
	memory->bytes[MEMORY_PAGES] =
		1024 * sum_of(path, "MemTotal: %lf") - free - slabs;
}

static bool is_near(const struct memory *a, const struct memory *b, int nr)
{
	return fabs(a->bytes[nr] - b->bytes[nr]) < count / 4 + getpagesize();
}

/* Read it when it rests: some of what was freed comes back after a while. */
void memory_settle(struct memory *memory)
{
	int i;

	read_memory(memory);
	for (i = 0; i < PATIENCE; i++) {
		struct memory before = *memory;

		sleep(PAUSE);
		read_memory(memory);
		if (is_near(&before, memory, MEMORY_SLABS) &&
		    is_near(&before, memory, MEMORY_PAGES))
			return;
	}
	errx(1, "the kernel's memory does not come to rest");
}
