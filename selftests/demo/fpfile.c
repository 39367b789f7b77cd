// SPDX-License-Identifier: GPL-2.0
/*
 * fpfile - sends a file over AF_FASTPROTO
 *
 *   fpfile recv ADDR PORT FILE	wait there for one file
 *   fpfile send ADDR PORT FILE	send it
 *
 * The file goes in messages of a SOCK_SEQPACKET connection: they come whole,
 * once and in order, so that the receiver writes down what comes until the
 * sender has closed its side. Then it answers with the number of bytes that it
 * has written, so that the sender knows, too.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "address.h"

#define CHUNK		65536	/* bytes of the file in a message */
#define RETRY_US	200000	/* nobody listens there yet: try again */
#define GIVE_UP_S	20	/* nothing happens: the other side is gone */

static char buf[CHUNK];
static __u64 messages, bytes;
static double begun;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* One more message; and a line a second, for a person to watch. */
static void count(const char *what, size_t len)
{
	static double told;
	double t = now();

	messages++;
	bytes += len;
	if (!told)
		told = begun;
	if (t - told < 1)
		return;
	told = t;
	printf("   %s: %.0f s, %.1f MB\n", what, t - begun, bytes / 1e6);
	fflush(stdout);
}

static void tell_result(const char *what)
{
	printf("   %s %ju bytes in %ju messages, %.2f s\n", what,
	       (uintmax_t)bytes, (uintmax_t)messages, now() - begun);
}

static int open_socket(void)
{
	const struct timeval tv = { .tv_sec = GIVE_UP_S };
	int fd = socket(AF_FASTPROTO, SOCK_SEQPACKET, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)))
		err(1, "socket");
	return fd;
}

static int connect_to(const struct sockaddr_fp *addr)
{
	const struct sockaddr *sa = (const struct sockaddr *)addr;
	int fd = open_socket();

	begun = now();
	while (connect(fd, sa, sizeof(*addr))) {
		if (errno != ECONNREFUSED || now() - begun > GIVE_UP_S)
			err(1, "connect");
		usleep(RETRY_US);
	}
	begun = now();
	return fd;
}

static void send_file(int fd, int file)
{
	__u64 written;
	ssize_t len;

	while ((len = read(file, buf, CHUNK)) > 0) {
		if (send(fd, buf, len, 0) < 0)
			err(1, "send");
		count("sent", len);
	}
	if (len < 0)
		err(1, "read");
	if (shutdown(fd, SHUT_WR))
		err(1, "shutdown");
	if (recv(fd, &written, sizeof(written), 0) != sizeof(written))
		err(1, "answer");
	if (le64toh(written) != bytes)
		errx(1, "the receiver has %ju bytes of %ju",
		     (uintmax_t)le64toh(written), (uintmax_t)bytes);
	tell_result("sent");
}

static int accept_at(const struct sockaddr_fp *addr)
{
	int listener = open_socket();
	int fd;

	if (bind(listener, (const struct sockaddr *)addr, sizeof(*addr)))
		err(1, "bind");
	if (listen(listener, 1))
		err(1, "listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		err(1, "accept");
	close(listener);
	begun = now();
	return fd;
}

static void receive_file(int fd, int file)
{
	__u64 written;
	ssize_t len;

	while ((len = recv(fd, buf, CHUNK, 0)) > 0) {
		if (write(file, buf, len) != len)
			err(1, "write");
		count("received", len);
	}
	if (len < 0)
		err(1, "receive");
	written = htole64(bytes);
	if (send(fd, &written, sizeof(written), 0) < 0)
		err(1, "answer");
	tell_result("received");
}

int main(int argc, char **argv)
{
	struct sockaddr_fp addr;
	int file, sends;

	sends = argc == 5 && !strcmp(argv[1], "send");
	if ((!sends && (argc != 5 || strcmp(argv[1], "recv"))) ||
	    parse_address(argv[2], argv[3], &addr)) {
		fprintf(stderr, "usage: fpfile send|recv ADDR PORT FILE\n");
		return 2;
	}
	if (sends)
		file = open(argv[4], O_RDONLY);
	else
		file = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (file < 0)
		err(1, "%s", argv[4]);
	if (sends)
		send_file(connect_to(&addr), file);
	else
		receive_file(accept_at(&addr), file);
	return 0;
}
