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
 * agent warm		makes connections and sends datagrams: the first of each
 *			kind have the kernel patch its text (see init).
 * agent tsc		prints, on the host, how many kHz the time stamp
 *			counter runs at. The emulated one is the host's, and a
 *			kernel that has to find out by itself fails on a busy
 *			host, and then may hang.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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

static void must(const char *what, ssize_t result)
{
	if (result < 0)
		err(1, "%s", what);
}

static int loopback_socket(int family, int type, struct sockaddr_storage *addr,
			   socklen_t *len)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;
	int fd = socket(family, type, 0);

	must("socket", fd);
	memset(addr, 0, sizeof(*addr));
	addr->ss_family = family;
	if (family == AF_INET6)
		sin6->sin6_addr = in6addr_loopback;
	else
		sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*len = family == AF_INET6 ? sizeof(*sin6) : sizeof(*sin);
	must("bind", bind(fd, (struct sockaddr *)addr, *len));
	must("getsockname", getsockname(fd, (struct sockaddr *)addr, len));
	return fd;
}

static void talk(int family, int type)
{
	struct sockaddr_storage to, from;
	int server, client, taken;
	socklen_t len;

	server = loopback_socket(family, type, &to, &len);
	client = loopback_socket(family, type, &from, &len);
	if (type == SOCK_STREAM)
		must("listen", listen(server, 1));
	must("connect", connect(client, (struct sockaddr *)&to, len));
	taken = type == SOCK_STREAM ? accept(server, NULL, NULL) : dup(server);
	must("accept", taken);
	must("send", send(client, "x", 1, 0));
	must("recv", recv(taken, buffer, 1, 0));
	close(taken);
	close(client);
	close(server);
}

static int warm(void)
{
	talk(AF_INET, SOCK_DGRAM);
	talk(AF_INET6, SOCK_DGRAM);
	talk(AF_INET, SOCK_STREAM);
	talk(AF_INET6, SOCK_STREAM);
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
	if (argc == 2 && !strcmp(argv[1], "warm"))
		return warm();
	if (argc == 2 && !strcmp(argv[1], "tsc"))
		return print_tsc();
	errx(2, "usage: agent port PORT | seed | warm | tsc");
}
