// SPDX-License-Identifier: GPL-2.0
/*
 * What init in the virtual machine cannot do with busybox.
 *
 * agent port PORT	copies stdin to an I/O port. The machine has a debug
 *			console behind such a port, which needs no driver, no
 *			interrupt and no tty: bytes arrive as they were sent,
 *			at once, on any kernel.
 * agent seed		seeds the random generator with a constant, so that a
 *			counted boot neither waits for entropy nor differs
 *			from the boot before.
 * agent tsc		prints, on the host, how many kHz the time stamp
 *			counter runs at. The emulated one is the host's, and a
 *			kernel that has to find out by itself fails on a busy
 *			host, and then may hang.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static char buffer[65536];

static int copy_to_port(unsigned short port)
{
	ssize_t len;

	if (ioperm(port, 1, 1))
		err(1, "ioperm 0x%x", port);

	while ((len = read(STDIN_FILENO, buffer, sizeof(buffer)))) {
		if (len > 0)
			outsb(port, buffer, len);
		else if (errno != EINTR)
			err(1, "read");
	}
	return 0;
}

static int seed_random(void)
{
	struct {
		struct rand_pool_info info;
		unsigned char bytes[64];
	} seed = { .info = { .buf_size = 64, .entropy_count = 512 } };
	int fd = open("/dev/urandom", O_RDWR);
	size_t i;

	for (i = 0; i < sizeof(seed.bytes); i++)
		seed.bytes[i] = 37 * i + 11;

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed))
		err(1, "/dev/urandom");
	return 0;
}

struct moment {
	long long ns, ticks;
};

/* The closest of some looks, for one may be interrupted halfway. */
static struct moment now(void)
{
	struct moment moment = { 0 };
	long long best = -1;
	struct timespec ts;
	int i;

	for (i = 0; i < 100; i++) {
		long long before = __rdtsc(), took;

		clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		took = __rdtsc() - before;
		if (best >= 0 && took >= best)
			continue;
		best = took;
		moment.ns = ts.tv_sec * 1000000000LL + ts.tv_nsec;
		moment.ticks = before + best / 2;
	}
	return moment;
}

static int print_tsc(void)
{
	struct moment start = now(), end;

	usleep(50000);
	end = now();
	printf("%lld\n", (end.ticks - start.ticks) * 1000000 /
			 (end.ns - start.ns));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "port"))
		return copy_to_port(strtoul(argv[2], NULL, 0));
	if (argc == 2 && !strcmp(argv[1], "seed"))
		return seed_random();
	if (argc == 2 && !strcmp(argv[1], "tsc"))
		return print_tsc();
	errx(2, "usage: agent port PORT | agent seed | agent tsc");
}
