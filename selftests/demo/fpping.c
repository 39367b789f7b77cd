// SPDX-License-Identifier: GPL-2.0
/*
 * fpping - measures round trips over AF_FASTPROTO
 *
 *   fpping -l ADDR PORT	answer whoever asks there, until killed
 *   fpping ADDR PORT COUNT	ask so often, and say how long it took
 */
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "address.h"

#define SIZE		64	/* bytes in a message */
#define BUCKETS		32	/* of the histogram: powers of 2 */

static __s64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void answer_all(int fd)
{
	struct sockaddr_fp from;
	socklen_t from_len;
	char message[SIZE];

	for (;;) {
		ssize_t len;

		from_len = sizeof(from);
		len = recvfrom(fd, message, sizeof(message), 0,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0)
			err(1, "receive");
		sendto(fd, message, len, 0, (struct sockaddr *)&from,
		       from_len);
	}
}

/* One round trip in nanoseconds, or -1 if no answer comes. */
static __s64 ask(int fd, __u32 number)
{
	char message[SIZE] = { 0 };
	__s64 begin = now_ns();
	__u32 answer;

	memcpy(message, &number, sizeof(number));
	if (send(fd, message, sizeof(message), 0) < 0)
		return -1;
	do {
		if (recv(fd, message, sizeof(message), 0) < 0)
			return -1;
		memcpy(&answer, message, sizeof(answer));
	} while (answer != number);	/* late for an earlier question */
	return now_ns() - begin;
}

static int compare(const void *a, const void *b)
{
	const __s64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_histogram(const __s64 *ns, int count)
{
	int bucket[BUCKETS] = { 0 };
	int i, b;

	for (i = 0; i < count; i++) {
		for (b = 0; b < BUCKETS - 1 && ns[i] / 1000 >> b; b++)
			;
		bucket[b]++;
	}
	printf("   histogram:");
	for (b = 0; b < BUCKETS; b++)
		if (bucket[b])
			printf("  <%u us: %d", 1u << b, bucket[b]);
	printf("\n");
}

static int ask_all(int fd, int count)
{
	struct timeval tv = { .tv_sec = 1 };
	__s64 *ns, last = now_ns();
	int i, got = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		err(1, "SO_RCVTIMEO");
	ns = calloc(count, sizeof(*ns));
	if (!ns)
		err(1, "memory");
	for (i = 0; i < count; i++) {
		ns[got] = ask(fd, i);
		if (ns[got] >= 0)
			got++;
		if (now_ns() - last < 1000000000)
			continue;
		last = now_ns();
		printf("   %d of %d\n", i + 1, count);
		fflush(stdout);
	}
	printf("   %d round trips, %d without an answer\n", count,
	       count - got);
	if (got) {
		qsort(ns, got, sizeof(*ns), compare);
		printf("   min %.1f us, median %.1f us, max %.1f us\n",
		       ns[0] / 1e3, ns[got / 2] / 1e3, ns[got - 1] / 1e3);
		print_histogram(ns, got);
	}
	free(ns);
	return got != count;
}

int main(int argc, char **argv)
{
	struct sockaddr_fp addr;
	int fd, listens;

	listens = argc == 4 && !strcmp(argv[1], "-l");
	if (argc != 4 ||
	    parse_address(argv[1 + listens], argv[2 + listens], &addr) ||
	    (!listens && atoi(argv[3]) <= 0)) {
		fprintf(stderr, "usage: fpping -l ADDR PORT\n");
		fprintf(stderr, "       fpping ADDR PORT COUNT\n");
		return 2;
	}
	fd = socket(AF_FASTPROTO, SOCK_DGRAM, 0);
	if (fd < 0)
		err(1, "socket");
	if (listens) {
		if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
			err(1, "bind");
		answer_all(fd);
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "connect");
	return ask_all(fd, atoi(argv[3]));
}
