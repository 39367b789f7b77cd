// SPDX-License-Identifier: GPL-2.0
/*
 * fplife - a life of connections, for tests that take something away from it
 *
 *   fplife serve ADDR PORT	takes in who comes, and gives back what they say
 *   fplife call ADDR PORT	connects there, over and over
 *   fplife rdm-serve ADDR PORT	the same, by one socket for all (SOCK_RDM)
 *   fplife rdm-call ADDR PORT
 *
 * They say "ready" and go on until they are killed. They leave their
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

static int open_type(int type)
{
	int fd = socket(AF_FASTPROTO, type | SOCK_NONBLOCK, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static int open_socket(void)
{
	return open_type(SOCK_SEQPACKET);
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

static int start_listening(int type, const struct sockaddr_fp *at)
{
	int fd = open_type(type);

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
	int listener = start_listening(SOCK_SEQPACKET, at);
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
		listener = start_listening(SOCK_SEQPACKET, at);
	}
}

/*
 * One socket with many connections
 */

/* What it may have, and what becomes of it. */
static void choose_options(int fd)
{
	const int on = 1, idle = 1;
	const struct linger linger = { .l_onoff = 1, .l_linger = random() % 2 };

	if (random() % 2)
		setsockopt(fd, SOL_FASTPROTO, FP_EVENTS, &on, sizeof(on));
	if (random() % 2)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, SOL_FASTPROTO, FP_KEEPIDLE, &idle, sizeof(idle));
	if (random() % 4 == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void send_on(int fd, __u64 conn, size_t len)
{
	struct sockaddr_fp to = {
		.sfp_family = AF_FASTPROTO, .sfp_conn = conn
	};

	sendto(fd, message, len, MSG_NOSIGNAL, (void *)&to, sizeof(to));
}

/* It gets a socket of its own, which is left in some way. */
static void peel_off(int fd, __u64 conn)
{
	struct fp_peeloff peel = { .conn = conn, .flags = SOCK_NONBLOCK };
	socklen_t len = sizeof(peel);

	if (getsockopt(fd, SOL_FASTPROTO, FP_PEELOFF, &peel, &len))
		return;
	speak(peel.fd);
	leave(peel.fd);
}

static void close_conn(int fd, __u64 conn)
{
	setsockopt(fd, SOL_FASTPROTO, FP_CLOSE, &conn, sizeof(conn));
}

static void open_conn(int fd, struct sockaddr_fp to, __u64 *conn)
{
	socklen_t len = sizeof(to);

	if (!getsockopt(fd, SOL_FASTPROTO, FP_OPEN, &to, &len))
		*conn = to.sfp_conn;
}

/* A message and its answer; or what else may become of its connection. */
static bool answer(int fd)
{
	struct sockaddr_fp from = {};
	struct iovec iov = { message, LARGE };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	ssize_t len = recvmsg(fd, &msg, 0);

	if (len < 0)
		return false;
	if (msg.msg_flags & MSG_FP_EVENT)
		return true;
	switch (random() % 32) {
	case 0:
		close_conn(fd, from.sfp_conn);
		break;
	case 1:
		peel_off(fd, from.sfp_conn);
		break;
	default:
		send_on(fd, from.sfp_conn, len);
		break;
	}
	return true;
}

static void rdm_serve(const struct sockaddr_fp *at)
{
	int fd = start_listening(SOCK_RDM, at), i;

	choose_options(fd);
	ready();
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		poll(&pfd, 1, PAUSE_US / 1000);
		/* Now and then nothing is read for a while. */
		if (random() % 4 == 0)
			usleep(PAUSE_US);
		for (i = 0; i < MANY && answer(fd); i++)
			;
		if (random() % 256)
			continue;
		close(fd);
		fd = start_listening(SOCK_RDM, at);
		choose_options(fd);
	}
}

static void rdm_speak(int fd, const struct sockaddr_fp *to, __u64 conn)
{
	size_t len = random() % 8 ? random() % 3000 : LARGE;

	if (random() % 4)
		send_on(fd, conn, len);
	else
		sendto(fd, message, len, MSG_NOSIGNAL,
		       (const struct sockaddr *)to, sizeof(*to));
}

static void rdm_call(const struct sockaddr_fp *to)
{
	int fd = open_type(SOCK_RDM), i;
	__u64 conns[MANY] = {};

	choose_options(fd);
	ready();
	for (;;) {
		i = random() % MANY;
		usleep(PAUSE_US);
		switch (random() % 8) {
		case 0:
		case 1:
			open_conn(fd, *to, &conns[i]);
			break;
		case 2:
			close_conn(fd, conns[i]);
			break;
		case 3:
			recv(fd, message, LARGE, 0);
			break;
		case 4:
			if (random() % 4 == 0)
				peel_off(fd, conns[i]);
			break;
		default:
			rdm_speak(fd, to, conns[i]);
			break;
		}
		if (random() % 128)
			continue;
		close(fd);
		fd = open_type(SOCK_RDM);
		choose_options(fd);
	}
}

static const struct {
	const char *name;
	void (*live)(const struct sockaddr_fp *addr);
} roles[] = {
	{ "serve", serve }, { "call", call },
	{ "rdm-serve", rdm_serve }, { "rdm-call", rdm_call }, { }
};

int main(int argc, char **argv)
{
	struct sockaddr_fp addr;
	unsigned int i;

	for (i = 0; argc == 4 && roles[i].name; i++) {
		if (strcmp(argv[1], roles[i].name))
			continue;
		addr = parse(argv[2], argv[3]);
		srandom(getpid());
		roles[i].live(&addr);
	}
	fprintf(stderr,
		"usage: fplife serve|call|rdm-serve|rdm-call ADDR PORT\n");
	return 2;
}
