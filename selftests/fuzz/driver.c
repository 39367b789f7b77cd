// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a fuzz target without libFuzzer: the same cases each time, as many as
 * one has time for.
 *
 *   NAME_fuzz [-s SEED] [-n CASES]   from a seed: FASTPROTO_SEED, or 1
 *   NAME_fuzz FILE...                those that libFuzzer has found
 *
 * Each case has a seed of its own, the one after that of the case before; if
 * one fails, its seed is printed: with -s and -n 1, it comes again alone.
 */
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* What is running, if it is a case from a seed. */
static unsigned long long seed;
static bool seeded;

/* From a seed of any kind, an even spread (splitmix64). */
static u64 random64(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void tell_seed(void)
{
	if (seeded)
		fprintf(stderr, "again: %s_fuzz -s %llu -n 1\n",
			fuzz_target.name, seed);
}

static void on_abort(int number)
{
	tell_seed();
	signal(number, SIG_DFL);
	raise(number);
}

static void run_seed(u8 *room)
{
	u64 state = seed, r;
	size_t size, i;

	size = random64(&state) % (fuzz_target.size + 1);
	for (i = 0; i < size; i += sizeof(r)) {
		r = random64(&state);
		memcpy(room + i, &r, size - i < sizeof(r) ? size - i :
							    sizeof(r));
	}
	fuzz_one(room, size);
}

static int run_seeds(unsigned long cases, bool all)
{
	const char *missed = NULL;
	unsigned long long first = seed;
	unsigned long i;
	u8 *room;

	room = malloc(fuzz_target.size);
	if (!room)
		return 1;
	seeded = true;
	for (i = 0; i < cases; i++, seed++)
		run_seed(room);
	seeded = false;
	free(room);
	if (all)
		missed = fuzz_target.missed();
	if (missed)
		printf("# none of the cases has reached: %s\n", missed);
	printf("%sok 1 %s: %lu cases from seed %llu\n", missed ? "not " : "",
	       fuzz_target.name, cases, first);
	return !!missed;
}

static int run_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	size_t size = 0, room = 1 << 20;
	u8 *data = malloc(room);

	if (!file || !data) {
		perror(name);
		return 1;
	}
	size = fread(data, 1, room, file);
	fclose(file);
	/* As large as it is: what is read behind it is noticed. */
	data = realloc(data, size ? size : 1);
	fuzz_one(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	const char *preset = getenv("FASTPROTO_SEED");
	unsigned long cases = fuzz_target.cases;
	bool all = true;
	int option, i;

	seed = preset ? strtoull(preset, NULL, 0) : 1;
	while ((option = getopt(argc, argv, "s:n:")) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			cases = strtoul(optarg, NULL, 0);
		else
			return 1;
		all &= option != 'n';
	}
	signal(SIGABRT, on_abort);
	__sanitizer_set_death_callback(tell_seed);
	for (i = optind; i < argc; i++) {
		if (run_file(argv[i]))
			return 1;
	}
	if (optind < argc)
		return 0;
	printf("TAP version 13\n1..1\n");
	fflush(stdout);
	return run_seeds(cases, all);
}
