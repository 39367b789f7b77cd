// SPDX-License-Identifier: GPL-2.0
/* Numbers that look random and follow from a seed (splitmix64). */
#include <stdlib.h>
#include <time.h>

#include "grammar.h"

__u64 dice_roll(struct dice *dice)
{
	__u64 z = dice->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Seeds in a row give numbers that have nothing to do with each other. */
void dice_seed(struct dice *dice, __u64 seed)
{
	dice->state = seed;
	dice->state = dice_roll(dice);
}

/* A number below @limit, which is not 0. */
__u64 dice_below(struct dice *dice, __u64 limit)
{
	return dice_roll(dice) % limit;
}

bool dice_chance(struct dice *dice, unsigned int percent)
{
	return dice_below(dice, 100) < percent;
}

/* A number where something may change: about @middle, or a limit of some type. */
__u64 dice_edge(struct dice *dice, __u64 middle)
{
	static const __u64 limits[] = {
		0, 1 << 7, 1 << 8, 1 << 15, 1 << 16, 1 << 20, 1u << 31,
		1ull << 32, 1ull << 63,
	};
	__u64 near = dice_below(dice, 5) - 2;

	switch (dice_below(dice, 8)) {
	case 0:
	case 1:
	case 2:
		return middle + near;
	case 3:
		return middle + dice_below(dice, 200) - 100;
	case 4:
		return middle + limits[dice_below(dice, ARRAY_SIZE(limits))] +
		       near;
	case 5:
		return limits[dice_below(dice, ARRAY_SIZE(limits))] + near;
	case 6:
		return dice_roll(dice) >> dice_below(dice, 64);
	default:
		return dice_roll(dice);
	}
}

/* FASTPROTO_SEED, or another one each time. */
__u64 test_seed(void)
{
	const char *preset = getenv("FASTPROTO_SEED");

	return preset ? strtoull(preset, NULL, 0) : (__u64)time(NULL);
}

/* How many, if the variable says nothing else. */
unsigned long test_count(const char *name, unsigned long preset)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : fewer(preset);
}
