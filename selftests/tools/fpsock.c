// SPDX-License-Identifier: GPL-2.0
/*
 * fpsock - what a shell test needs of sockets
 *
 *   fpsock [-f FAMILY] open                 can one be opened?
 *   fpsock [-f FAMILY] hold ADDR PORT       bind one, say "ready", stay
 *   fpsock [-f FAMILY] idle                 the same, but don't bind it
 *   fpsock [-f FAMILY] leave NETNS ADDR PORT
 *                                           the same in a namespace that the
 *                                           process then leaves again; print
 *                                           "got MESSAGE" for each
 *   fpsock [-f FAMILY] crowd N SIZE         hold N, each with an unread message
 *                                           of that size, unless it is 0
 *   fpsock [-f FAMILY] recv ADDR PORT       print one message
 *   fpsock [-f FAMILY] send ADDR PORT TEXT  send one
 *   fpsock [-f FAMILY] flood ADDR PORT      send until killed, say "ready"
 *   fpsock [-f FAMILY] listen ADDR PORT     let connections come in, accept none
 *   fpsock [-f FAMILY] accept ADDR PORT     accept one, say "accepted", don't
 *                                           read, print "end: WHY" when it is
 *                                           over
 *   fpsock [-f FAMILY] echo ADDR PORT       accept connections, one after the
 *                                           other, and give back what comes
 *   fpsock [-f FAMILY] connect ADDR PORT N  make N connections with a message
 *                                           each, say "ready", print "end: WHY"
 *                                           when the first one is over
 *   fpsock [-f FAMILY] ask ADDR PORT N      make N connections by one socket, send
 *                                           on each, print how many answers are
 *                                           what was sent, close them
 *   fpsock storm ADDR PORT                  the same with UDP: frames, good and
 *                                           bad, to PORT and the 15 ports
 *                                           after it
 *
 * What stays ends when the program that started it does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fastproto.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The checksum of an empty frame with number 0. */
#define EMPTY_SUM	0x3733fb88

static int family = AF_FASTPROTO;

static void die(const char *what)
{
	fprintf(stderr, "fpsock: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void die_usage(void)
{
	fprintf(stderr, "usage: fpsock [-f FAMILY] open | idle | ");
	fprintf(stderr, "hold ADDR PORT | leave NETNS ADDR PORT |\n");
	fprintf(stderr, "       crowd N SIZE | recv ADDR PORT | ");
	fprintf(stderr, "send ADDR PORT TEXT | flood ADDR PORT |\n");
	fprintf(stderr, "       listen ADDR PORT | accept ADDR PORT | ");
	fprintf(stderr, "echo ADDR PORT |\n");
	fprintf(stderr, "       connect ADDR PORT N | ask ADDR PORT N | ");
	fprintf(stderr, "storm ADDR PORT\n");
	exit(2);
}

static struct sockaddr_fp parse(const char *host, const char *port)
{
	struct sockaddr_fp addr = { .sfp_family = family };

	if (inet_pton(AF_INET, host, &addr.sfp_sin.sin_addr) == 1) {
		addr.sfp_sin.sin_family = AF_INET;
		addr.sfp_sin.sin_port = htons(atoi(port));
		return addr;
	}
	addr.sfp_sin6.sin6_family = AF_INET6;
	addr.sfp_sin6.sin6_port = htons(atoi(port));
	if (inet_pton(AF_INET6, host, &addr.sfp_sin6.sin6_addr) != 1) {
		errno = EINVAL;
		die(host);
	}
	return addr;
}

static int open_type(int type)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int open_socket(void)
{
	return open_type(SOCK_DGRAM);
}

static int open_bound_type(int type, char **where)
{
	struct sockaddr_fp addr = parse(where[0], where[1]);
	int fd = open_type(type);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
	return fd;
}

static int open_bound(char **where)
{
	return open_bound_type(SOCK_DGRAM, where);
}

static int open_connected_type(int type, char **where)
{
	struct sockaddr_fp addr = parse(where[0], where[1]);
	int fd = open_type(type);

	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	return fd;
}

static int open_connected(char **where)
{
	return open_connected_type(SOCK_DGRAM, where);
}

static int open_listening(char **where)
{
	int fd = open_bound_type(SOCK_SEQPACKET, where);

	if (listen(fd, 4096))
		die("listen");
	return fd;
}

static void ready(void)
{
	/* Nobody is to be left behind by a test that was killed. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		die("prctl");
	puts("ready");
	fflush(stdout);
}

/* Sends as much as it can without taking the processor from others. */
static void ready_to_send(void)
{
	if (nice(19) < 0)
		die("nice");
	ready();
}

static void pause_now_and_then(unsigned int count)
{
	if (count % 16 == 0)
		usleep(2000);
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void leave(char **where)
{
	char path[4096];
	int fd, home;

	home = open("/proc/self/ns/net", O_RDONLY);
	if (home < 0)
		die("/proc/self/ns/net");
	snprintf(path, sizeof(path), "/run/netns/%s", where[0]);
	enter(path);
	fd = open_bound(where + 1);
	if (setns(home, CLONE_NEWNET))
		die("setns");
	close(home);
	ready();
	for (;;) {
		ssize_t len = recv(fd, path, sizeof(path), 0);

		if (len < 0)
			die("recv");
		printf("got %.*s\n", (int)len, path);
		fflush(stdout);
	}
}

/* Needs "lo" up. Each sends to itself, and never reads. */
static void crowd(int count, size_t size)
{
	char *where[2] = { "127.0.0.1", "0" };
	char message[60000] = { 0 };

	if (size > sizeof(message))
		die_usage();
	while (count--) {
		struct sockaddr_fp addr;
		socklen_t len = sizeof(addr);
		struct sockaddr *sa = (struct sockaddr *)&addr;
		int fd = open_bound(where);

		if (getsockname(fd, sa, &len))
			die("getsockname");
		if (size && sendto(fd, message, size, 0, sa, len) < 0)
			die("sendto");
	}
	ready();
	pause();
}

static void receive(char **where)
{
	char buf[65536];
	int fd = open_bound(where);
	ssize_t len;

	ready();
	len = recv(fd, buf, sizeof(buf), 0);
	if (len < 0)
		die("recv");
	printf("%.*s\n", (int)len, buf);
}

static void flood(char **where)
{
	int fd = open_connected(where);
	char message[1200] = "flood";
	unsigned int i;

	ready_to_send();
	/* The other side may be gone for now; go on. */
	for (i = 0;; i++) {
		send(fd, message, sizeof(message), 0);
		pause_now_and_then(i);
	}
}

/* Until neither side can send any more. */
static void wait_for_end(int fd)
{
	struct pollfd pfd = { .fd = fd };
	int err;
	socklen_t len = sizeof(err);

	if (poll(&pfd, 1, -1) < 0)
		die("poll");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		die("getsockopt");
	printf("end: %s\n", strerror(err));
}

static void accept_one(char **where)
{
	int listener = open_listening(where);
	int fd;

	ready();
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	puts("accepted");
	fflush(stdout);
	wait_for_end(fd);
}

/* Message for message, until the peer has no more. */
static void give_back(int fd)
{
	static char buf[1 << 20];
	ssize_t len;

	while ((len = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (send(fd, buf, len, MSG_NOSIGNAL) != len)
			die("send");
	if (len < 0)
		die("recv");
}

static void echo(char **where)
{
	int listener = open_listening(where);

	ready();
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		give_back(fd);
		close(fd);
	}
}

static void connect_many(char **where, int count)
{
	int first = -1;

	while (count--) {
		int fd = open_connected_type(SOCK_SEQPACKET, where);

		if (send(fd, "hello", 5, 0) < 0)
			die("send");
		if (first < 0)
			first = fd;
	}
	ready();
	wait_for_end(first);
}

/* On a connection of its own. */
static void ask_one(int fd, struct sockaddr_fp addr, int number)
{
	socklen_t len = sizeof(addr);

	if (getsockopt(fd, SOL_FASTPROTO, FP_OPEN, &addr, &len))
		die("open");
	if (sendto(fd, &number, sizeof(number), 0, (struct sockaddr *)&addr,
		   sizeof(addr)) != sizeof(number))
		die("send");
}

/* Returns whether it is an answer that was asked for, and closes. */
static int answered(int fd, int first, int end)
{
	struct sockaddr_fp from;
	socklen_t len = sizeof(from);
	int number;

	if (recvfrom(fd, &number, sizeof(number), MSG_TRUNC,
		     (struct sockaddr *)&from, &len) != sizeof(number))
		return 0;
	setsockopt(fd, SOL_FASTPROTO, FP_CLOSE, &from.sfp_conn,
		   sizeof(from.sfp_conn));
	return number >= first && number < end;
}

static void ask(char **where, int count)
{
	struct sockaddr_fp addr = parse(where[0], where[1]);
	const struct timeval patience = { .tv_sec = 60 };
	int fd = open_type(SOCK_RDM), first, end, i, good = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (first = 0; first < count; first = end) {
		end = first + 64 < count ? first + 64 : count;
		for (i = first; i < end; i++)
			ask_one(fd, addr, i);
		for (i = first; i < end; i++)
			good += answered(fd, first, end);
	}
	printf("answers: %d\n", good);
}

static void storm(char **where)
{
	struct sockaddr_fp addr = parse(where[0], where[1]);
	unsigned int i, first = atoi(where[1]);
	const struct sockaddr *sa = (struct sockaddr *)&addr.sfp_sin;
	int v4 = addr.sfp_transport == AF_INET;
	/* An empty frame, number 0, with its checksum (protocol.rst). */
	unsigned char frame[1000] = {
		'F', 'S', 'T', 'P', 1, 0, 0, 0, FP_HDR_LEN,
	};
	const __u32 sum = htole32(EMPTY_SUM);
	int fd;

	memcpy(frame + offsetof(struct fp_hdr, checksum), &sum, sizeof(sum));
	fd = socket(addr.sfp_transport, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket");
	ready_to_send();
	for (i = 0;; i++) {
		pause_now_and_then(i);
		addr.sfp_sin.sin_port = htons(first + i % 16);
		sendto(fd, frame, i % 3 ? FP_HDR_LEN : sizeof(frame), 0, sa,
		       v4 ? sizeof(addr.sfp_sin) : sizeof(addr.sfp_sin6));
	}
}

int main(int argc, char **argv)
{
	const char *verb;
	int opt;

	while ((opt = getopt(argc, argv, "+f:")) != -1) {
		if (opt != 'f')
			die_usage();
		family = atoi(optarg);
	}
	argv += optind;
	argc -= optind;
	if (!argc)
		die_usage();
	verb = *argv++;
	argc--;
	if (!strcmp(verb, "open") && argc == 0) {
		open_socket();
	} else if (!strcmp(verb, "hold") && argc == 2) {
		open_bound(argv);
		ready();
		pause();
	} else if (!strcmp(verb, "idle") && argc == 0) {
		open_socket();
		ready();
		pause();
	} else if (!strcmp(verb, "crowd") && argc == 2) {
		crowd(atoi(argv[0]), atoi(argv[1]));
	} else if (!strcmp(verb, "leave") && argc == 3) {
		leave(argv);
	} else if (!strcmp(verb, "recv") && argc == 2) {
		receive(argv);
	} else if (!strcmp(verb, "send") && argc == 3) {
		int fd = open_connected(argv);

		if (send(fd, argv[2], strlen(argv[2]), 0) < 0)
			die("send");
	} else if (!strcmp(verb, "flood") && argc == 2) {
		flood(argv);
	} else if (!strcmp(verb, "listen") && argc == 2) {
		open_listening(argv);
		ready();
		pause();
	} else if (!strcmp(verb, "accept") && argc == 2) {
		accept_one(argv);
	} else if (!strcmp(verb, "echo") && argc == 2) {
		echo(argv);
	} else if (!strcmp(verb, "connect") && argc == 3) {
		connect_many(argv, atoi(argv[2]));
	} else if (!strcmp(verb, "ask") && argc == 3) {
		ask(argv, atoi(argv[2]));
	} else if (!strcmp(verb, "storm") && argc == 2) {
		storm(argv);
	} else {
		die_usage();
	}
	return EXIT_SUCCESS;
}
