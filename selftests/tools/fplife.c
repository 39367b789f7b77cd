// SPDX-License-Identifier: GPL-2.0
/*
 * fplife - a life of connections, for tests that take something away from it
 *
 *   fplife serve ADDR PORT	takes in who comes, and gives back what they say
 *   fplife call ADDR PORT	connects there, over and over
 *
 * Both say "ready" and go on until they are killed. They leave their
 * connections in every way there is, at any moment: in good order, half closed,
 * with messages unread or under way, by a reset, and while another thread is in
 * a call. No call of theirs blocks for long, and none need succeed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fastproto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#define MANY		24	/* connections at a time */
#define PAUSE_US	4000	/* so that others get on, too */
#define LARGE		60000

static char message[LARGE];

static struct sockaddr_fp parse(const char *host, const char *port)
{
	struct sockaddr_fp addr = { .sfp_family = AF_FASTPROTO };

	if (inet_pton(AF_INET, host, &addr.sfp_sin.sin_addr) == 1) {
		addr.sfp_sin.sin_family = AF_INET;
		addr.sfp_sin.sin_port = htons(atoi(port));
		return addr;
	}
	addr.sfp_sin6.sin6_family = AF_INET6;
	addr.sfp_sin6.sin6_port = htons(atoi(port));
	if (inet_pton(AF_INET6, host, &addr.sfp_sin6.sin6_addr) != 1)
		errx(1, "%s: no address", host);
	return addr;
}

static void ready(void)
{
	/* Nobody is to be left behind by a test that was killed. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(1, "prctl");
	if (nice(19) < 0)
		err(1, "nice");
	puts("ready");
	fflush(stdout);
}

static int open_socket(void)
{
	int fd = socket(AF_FASTPROTO, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void reset(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* A thread that is in a call of the socket when it is closed or shut down. */
static void *receive_a_while(void *arg)
{
	const struct timeval tv = { .tv_usec = 100000 };
	int fd = (long)arg;
	char in[16];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	fcntl(fd, F_SETFL, 0);
	recv(fd, in, sizeof(in), 0);
	return NULL;
}

static void close_under_a_thread(int fd, bool first_shut_down)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, receive_a_while, (void *)(long)fd)) {
		close(fd);
		return;
	}
	usleep(PAUSE_US);
	if (first_shut_down)
		shutdown(fd, SHUT_RDWR);
	close(fd);
	pthread_join(thread, NULL);
}

/* One of the ways to leave a connection. */
static void leave(int fd)
{
	switch (random() % 8) {
	case 0:
		reset(fd);
		break;
	case 1:
		send(fd, message, LARGE, MSG_NOSIGNAL);
		break;
	case 2:
		send(fd, message, LARGE, MSG_NOSIGNAL);
		reset(fd);
		break;
	case 3:
		shutdown(fd, SHUT_WR);
		usleep(PAUSE_US);
		break;
	case 4:
		close_under_a_thread(fd, random() % 2);
		return;
	default:
		break;
	}
	close(fd);
}

static void speak(int fd)
{
	int i;

	switch (random() % 16) {
	case 0:
		break;
	case 1:
		for (i = 0; i < 8; i++)
			send(fd, message, LARGE, MSG_NOSIGNAL);
		break;
	case 2:
		send(fd, message, 100, MSG_NOSIGNAL | MSG_MORE);
		break;
	case 3:
		send(fd, message, 100, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		break;
	default:
		send(fd, message, random() % 3000, MSG_NOSIGNAL);
		break;
	}
}

static void call(const struct sockaddr_fp *to)
{
	int fds[MANY], i;

	for (i = 0; i < MANY; i++)
		fds[i] = open_socket();
	ready();
	for (;;) {
		i = random() % MANY;
		usleep(PAUSE_US);
		switch (random() % 4) {
		case 0:
			connect(fds[i], (const struct sockaddr *)to,
				sizeof(*to));
			break;
		case 1:
			speak(fds[i]);
			break;
		case 2:
			recv(fds[i], message, LARGE, 0);
			break;
		default:
			leave(fds[i]);
			fds[i] = open_socket();
			break;
		}
	}
}

static int start_listening(const struct sockaddr_fp *at)
{
	int fd = open_socket();

	/* What held the port may still be on its way out. */
	while (bind(fd, (const struct sockaddr *)at, sizeof(*at))) {
		if (errno != EADDRINUSE)
			err(1, "bind");
		usleep(PAUSE_US);
	}
	if (listen(fd, 2 * MANY))
		err(1, "listen");
	return fd;
}

/* What a server does with one connection, or in place of one. */
static int attend(int fd, int listener)
{
	ssize_t len;
	int i;

	if (fd < 0)
		return accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	/* Now and then nothing is read for a while. */
	if (random() % 4 == 0)
		return fd;
	for (i = 0; i < 10; i++) {
		len = recv(fd, message, LARGE, 0);
		if (len < 0 && errno == EAGAIN)
			break;
		if (len <= 0 || random() % 32 == 0) {
			leave(fd);
			return -1;
		}
		send(fd, message, len, MSG_NOSIGNAL);
	}
	return fd;
}

static void serve(const struct sockaddr_fp *at)
{
	int listener = start_listening(at);
	int fds[MANY], i;

	memset(fds, 0xff, sizeof(fds));
	ready();
	for (;;) {
		struct pollfd pfd = { .fd = listener, .events = POLLIN };

		poll(&pfd, 1, PAUSE_US / 1000);
		for (i = 0; i < MANY; i++)
			fds[i] = attend(fds[i], listener);
		/* With all who wait to be accepted. */
		if (random() % 256)
			continue;
		close(listener);
		listener = start_listening(at);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_fp addr;
	bool serves = argc == 4 && !strcmp(argv[1], "serve");

	if (argc != 4 || (!serves && strcmp(argv[1], "call"))) {
		fprintf(stderr, "usage: fplife serve|call ADDR PORT\n");
		return 2;
	}
	addr = parse(argv[2], argv[3]);
	srandom(getpid());
	if (serves)
		serve(&addr);
	call(&addr);
}
