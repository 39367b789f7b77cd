// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations, on a kernel with fault injection: see
 * Documentation/fault-injection in the kernel's source.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fptest.h"

#define KNOBS	"/sys/kernel/debug/"

static const char * const kinds[] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

static int write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text);
	int fd = open(path, O_WRONLY);
	ssize_t ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, len);
	close(fd);
	return ret == len ? 0 : -1;
}

static int set_knob(const char *what, const char *knob, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), KNOBS "%s/%s", what, knob);
	return write_file(path, text);
}

/*
 * Make allocations that may sleep fail, too, and don't log each. Returns false
 * if the kernel has no fault injection.
 */
bool fault_allow(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (set_knob(kinds[i], "verbose", "0"))
			return false;
	return !set_knob("failslab", "cache-filter", "N") &&
	       !set_knob("failslab", "ignore-gfp-wait", "N") &&
	       !set_knob("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       !set_knob("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       !set_knob("fail_page_alloc", "min-order", "0");
}

/* From where to where a function of the kernel goes. */
static bool find_function(const char *name, unsigned long *start,
			  unsigned long *end)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char symbol[256];
	int pass;

	*start = 0;
	*end = ULONG_MAX;
	/* First where it is, then what comes next. */
	for (pass = 0; symbols && pass < 2; pass++) {
		rewind(symbols);
		while (fscanf(symbols, "%lx %*c %255s%*[^\n]", &address,
			      symbol) == 2) {
			if (!*start && !strcmp(symbol, name))
				*start = address;
			if (*start && address > *start && address < *end)
				*end = address;
		}
	}
	if (symbols)
		fclose(symbols);
	return *start;
}

/* Is there such a function? It may have become a part of another one. */
bool fault_finds(const char *function)
{
	unsigned long start, end;

	return find_function(function, &start, &end);
}

static bool set_range(const char *which, unsigned long start,
		      unsigned long end)
{
	char knob[32], value[24];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(knob, sizeof(knob), "%s-start", which);
		snprintf(value, sizeof(value), "%lu", start);
		if (set_knob(kinds[i], knob, value))
			return false;
		snprintf(knob, sizeof(knob), "%s-end", which);
		snprintf(value, sizeof(value), "%lu", end);
		if (set_knob(kinds[i], knob, value))
			return false;
	}
	return true;
}

/*
 * Only what a function of the kernel does, or what it calls does, fails, with
 * the exception of what another one does. Returns false if the kernel can't
 * tell them apart.
 */
bool fault_only_in(const char *function, const char *except)
{
	unsigned long start, end;

	return find_function(function, &start, &end) &&
	       set_range("require", start, end) &&
	       (!except || (find_function(except, &start, &end) &&
			    set_range("reject", start, end)));
}

/* Everything may fail, but for what a function of the kernel does. */
bool fault_not_in(const char *function)
{
	unsigned long start, end;

	return find_function(function, &start, &end) &&
	       set_range("reject", start, end);
}

/* Everything may fail again. */
void fault_anywhere(void)
{
	set_range("require", 0, ULONG_MAX);
	set_range("reject", 0, 0);
}

/* Opened once, for opening it makes allocations. */
static int fail_nth(void)
{
	static __thread int fd = -1;

	if (fd < 0)
		fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fd;
}

/*
 * The n-th allocation, or copy from or to user space, that this thread makes
 * from now on fails; 0: none does. Allocations in softirq do not count.
 */
int fault_arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(fail_nth(), text, len, 0) == len ? 0 : -1;
}

/* How far away the armed fault still is; 0: it has happened. Disarms it. */
unsigned int fault_disarm(void)
{
	char text[16] = "";
	ssize_t len = pread(fail_nth(), text, sizeof(text) - 1, 0);

	fault_arm(0);
	return len > 0 ? strtoul(text, NULL, 10) : 0;
}

/* All allocations from a slab cache fail, in any context, or no longer. */
int fault_cache(const char *cache, bool fail)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", cache);
	/* Without the filter, the whole system would be out of memory. */
	return set_knob("failslab", "cache-filter", "Y") ||
	       set_knob("failslab", "times", "-1") ||
	       set_knob("failslab", "interval", "1") ||
	       set_knob("failslab", "probability", fail ? "100" : "0") ||
	       write_file(path, fail ? "1" : "0");
}

/*
 * Storms: of all that the module asks for, in any context, some is refused
 */

/* More than a storm refuses; what is left of it tells how much it was. */
#define STORM_MOST	1000000

static bool find_module_text(unsigned long *start, unsigned long *end)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char line[512], type;

	*start = ULONG_MAX;
	*end = 0;
	while (symbols && fgets(line, sizeof(line), symbols)) {
		if (!strstr(line, "[fastproto]") ||
		    sscanf(line, "%lx %c", &address, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		if (address < *start)
			*start = address;
		if (address > *end)
			*end = address;
	}
	if (symbols)
		fclose(symbols);
	return *start < *end;
}

/* Makes ready for it; false if the kernel cannot. */
bool fault_storm_allow(void)
{
	unsigned long start, end;
	char most[16];

	snprintf(most, sizeof(most), "%d", STORM_MOST);
	return fault_allow() && find_module_text(&start, &end) &&
	       set_range("require", start, end) &&
	       fault_not_in("ref_tracker_alloc") &&
	       !set_knob("failslab", "probability", "0") &&
	       !set_knob("failslab", "interval", "1") &&
	       !set_knob("failslab", "times", most);
}

/* So many percent from now on; 0: none. */
void fault_storm(unsigned int percent)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", percent);
	set_knob("failslab", "probability", text);
}

/* How many failed so far. */
unsigned long fault_storm_struck(void)
{
	FILE *file = fopen(KNOBS "failslab/times", "r");
	long left = STORM_MOST;

	if (file && fscanf(file, "%ld", &left) != 1)
		left = STORM_MOST;
	if (file)
		fclose(file);
	return STORM_MOST - left;
}
