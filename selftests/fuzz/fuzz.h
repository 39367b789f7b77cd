/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzz target makes a case out of some bytes, runs it on a pure part of the
 * module and on a model, and compares. The bytes come from libFuzzer, or from
 * a generator with a seed (driver.c), or from a file.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct fuzz_target - what driver.c wants to know; each target has one
 * @name: its name
 * @cases: how many are run if not told otherwise
 * @size: most bytes of one
 * @missed: what no case has reached that some should, or NULL
 */
struct fuzz_target {
	const char *name;
	unsigned long cases;
	size_t size;
	const char *(*missed)(void);
};

extern const struct fuzz_target fuzz_target;

/* What libFuzzer calls, by a longer name. */
int fuzz_one(const u8 *data, size_t size);

#define FUZZ_CHECK(condition) \
do { \
	if (!(condition)) \
		fuzz_failed(__FILE__, __LINE__, #condition); \
} while (0)

static inline void fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* The bytes of a case that are not used yet. */
struct fuzz {
	const u8 *at;
	const u8 *end;
};

static inline bool fuzz_more(const struct fuzz *f)
{
	return f->at < f->end;
}

/* A number of so many bytes; behind the end, there are zeroes. */
static inline u64 fuzz_take(struct fuzz *f, unsigned int bytes)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < bytes && fuzz_more(f); i++)
		value |= (u64)*f->at++ << 8 * i;
	return value;
}

/* A number below @limit, which is below 2^32 and not 0. */
static inline u64 fuzz_below(struct fuzz *f, u64 limit)
{
	unsigned int bytes = 1;

	while (bytes < 4 && limit > 1ull << 8 * bytes)
		bytes++;
	return fuzz_take(f, bytes) % limit;
}

/* Is it one of so many in a hundred? Behind the end, it is not. */
static inline bool fuzz_chance(struct fuzz *f, unsigned int percent)
{
	return fuzz_more(f) && fuzz_take(f, 1) * 100 < 256 * percent;
}

/* A number of any size, with a liking for the least and the greatest. */
static inline u64 fuzz_any(struct fuzz *f)
{
	unsigned int how = fuzz_take(f, 1);

	switch (how & 7) {
	case 0:
		return how >> 3 & 3;
	case 1:
		return ~0ull - (how >> 3 & 3);
	case 2:
		return 1ull << (how >> 3) * 2;
	default:
		return fuzz_take(f, 8) >> (how >> 3) * 2;
	}
}

#endif /* _FUZZ_H */
