// SPDX-License-Identifier: GPL-2.0
/* SOCK_SEQPACKET as socket(7) has it: waiting or not, ends, full buffers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <linux/sockios.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define DELAY_MS	500	/* of a slow network, one way */
#define SMALL_BUFFER	100000
#define MOST		100000	/* messages to fill a buffer */

static unsigned char in[100000], out[100000];

static int events_of(int fd)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLRDHUP,
	};

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

static int set_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

static int error_of(int fd)
{
	return fp_getint(fd, SOL_SOCKET, SO_ERROR);
}

static int set_linger(int fd, int seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static __u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* One message each way. */
static bool talk(int a, int b)
{
	return send(a, "ping", 4, MSG_NOSIGNAL) == 4 &&
	       recv(b, in, sizeof(in), 0) == 4 && !memcmp(in, "ping", 4) &&
	       send(b, "pong", 4, MSG_NOSIGNAL) == 4 &&
	       recv(a, in, sizeof(in), 0) == 4 && !memcmp(in, "pong", 4);
}

/* Until the peer has acknowledged all. */
static bool wait_sent(int fd)
{
	time_t end = time(NULL) + PATIENCE;
	int left = -1;

	while (!ioctl(fd, SIOCOUTQ, &left) && left && time(NULL) <= end)
		usleep(1000);
	return !left;
}

/*
 * Connecting and accepting
 */
static void *receive_one(void *fd)
{
	char byte;

	return (void *)recv(*(int *)fd, &byte, 1, 0);
}

static void *send_one(void *fd)
{
	return (void *)send(*(int *)fd, "x", 1, 0);
}

FIXTURE(listener) {
	struct sockaddr_fp addr;	/* of fd */
	int fd;				/* on host B */
	int client;			/* on host A */
	bool slow;
};

FIXTURE_VARIANT(listener) {
	int family;
};

FIXTURE_VARIANT_ADD(listener, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(listener, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(listener)
{
	self->fd = fp_listen(HOST_B, variant->family, 5, &self->addr);
	ASSERT_LE(0, self->fd);
	self->client = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(listener)
{
	if (self->slow)
		net_netem(HOST_A, NULL);
	close(self->client);
	close(self->fd);
}

/* Long enough to see what is between question and answer. */
static int slow_down(bool *slow)
{
	*slow = true;
	return net_netem(HOST_A, "delay 500ms");
}

TEST_F(listener, connect_without_waiting)
{
	ASSERT_EQ(0, slow_down(&self->slow));
	ASSERT_EQ(0, set_nonblock(self->client));
	EXPECT_FAILS(EINPROGRESS, fp_connect(self->client, &self->addr));
	EXPECT_EQ(0, events_of(self->client));
	EXPECT_FAILS(EALREADY, fp_connect(self->client, &self->addr));
	EXPECT_FAILS(EAGAIN, send(self->client, "x", 1, 0));
	EXPECT_TRUE(fp_wait(self->client, POLLOUT));
	EXPECT_EQ(POLLOUT, events_of(self->client));
	EXPECT_EQ(0, error_of(self->client));
	EXPECT_EQ(0, fp_connect(self->client, &self->addr));
	EXPECT_FAILS(EISCONN, fp_connect(self->client, &self->addr));
}

TEST_F(listener, refusal_without_waiting)
{
	struct sockaddr_fp addr = self->addr;

	close(self->fd);
	ASSERT_EQ(0, slow_down(&self->slow));
	ASSERT_EQ(0, set_nonblock(self->client));
	EXPECT_FAILS(EINPROGRESS, fp_connect(self->client, &addr));
	EXPECT_TRUE(fp_wait(self->client, POLLHUP));
	EXPECT_EQ(POLLERR | POLLHUP, events_of(self->client) &
				     (POLLERR | POLLHUP));
	EXPECT_EQ(ECONNREFUSED, error_of(self->client));
	EXPECT_EQ(0, error_of(self->client));

	/* The next one tells it if nobody has asked. */
	EXPECT_FAILS(EINPROGRESS, fp_connect(self->client, &addr));
	EXPECT_TRUE(fp_wait(self->client, POLLERR));
	EXPECT_FAILS(ECONNREFUSED, fp_connect(self->client, &addr));

	self->fd = fp_open_seqpacket(HOST_B);
	ASSERT_EQ(0, fp_bind(self->fd, &addr));
	ASSERT_EQ(0, listen(self->fd, 1));
	EXPECT_FAILS(EINPROGRESS, fp_connect(self->client, &addr));
	EXPECT_TRUE(fp_wait(self->client, POLLOUT));
	EXPECT_EQ(0, error_of(self->client));
	EXPECT_EQ(0, fp_connect(self->client, &addr));
}

TEST_F(listener, full_backlog_makes_clients_wait)
{
	struct stats base;
	int second, fd;

	stats_read(HOST_B, &base);
	second = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, second);
	ASSERT_EQ(0, listen(self->fd, 0));
	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	ASSERT_EQ(3, send(self->client, "one", 3, 0));
	ASSERT_TRUE(fp_wait(self->fd, POLLIN));
	ASSERT_EQ(0, fp_connect(second, &self->addr));
	ASSERT_EQ(3, send(second, "two", 3, 0));
	ASSERT_TRUE(stats_wait(HOST_B, &base,
			       FASTPROTO_A_STATS_DROP_BACKLOG, 2));
	EXPECT_EQ(POLLOUT, events_of(second));

	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "one", 3));
	close(fd);
	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "two", 3));
	EXPECT_EQ(2, stats_since(HOST_B, &base, FASTPROTO_A_STATS_ACCEPTED));
}

TEST_F(listener, accept_flags)
{
	int fd, other;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_FAILS(EAGAIN, recv(fd, in, sizeof(in), 0));

	other = fp_open_seqpacket(HOST_A);
	ASSERT_EQ(0, fp_connect(other, &self->addr));
	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_FAILS(EINVAL, accept(fd, NULL, NULL));
	EXPECT_FAILS(EINVAL, accept4(self->fd, NULL, NULL, 1));
}

TEST_F(listener, accept_without_waiting)
{
	int fd;

	ASSERT_EQ(0, set_nonblock(self->fd));
	EXPECT_EQ(0, events_of(self->fd));
	EXPECT_FAILS(EAGAIN, accept(self->fd, NULL, NULL));
	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	ASSERT_TRUE(fp_wait(self->fd, POLLIN));
	EXPECT_EQ(POLLIN, events_of(self->fd));
	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, events_of(self->fd));
	EXPECT_TRUE(talk(self->client, fd));
}

static void on_alarm(int nr)
{
	(void)nr;
}

/* Again and again: a signal may come before the call that is to be interrupted. */
static bool interrupt_often(void)
{
	const struct itimerval often = {
		.it_value = { .tv_usec = 10000 },
		.it_interval = { .tv_usec = 10000 },
	};
	const struct sigaction act = { .sa_handler = on_alarm };

	return !sigaction(SIGALRM, &act, NULL) &&
	       !setitimer(ITIMER_REAL, &often, NULL);
}

TEST_F(listener, accept_is_interrupted)
{
	ASSERT_TRUE(interrupt_often());
	EXPECT_FAILS(EINTR, accept(self->fd, NULL, NULL));
}

TEST_F(listener, accepts_a_client_that_is_gone)
{
	int fd;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	ASSERT_EQ(4, send(self->client, "left", 4, 0));
	close(self->client);
	self->client = -1;
	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(fd, in, sizeof(in), 0));
}

TEST_F(listener, close_resets_who_was_not_accepted)
{
	int waiting = fp_open_seqpacket(HOST_A), fd;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_connect(waiting, &self->addr));
	ASSERT_EQ(1, send(waiting, "x", 1, 0));
	ASSERT_TRUE(fp_wait(self->fd, POLLIN));
	close(self->fd);
	self->fd = -1;
	EXPECT_FAILS(ECONNRESET, recv(waiting, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(waiting, in, sizeof(in), 0));
	EXPECT_TRUE(talk(self->client, fd));
}

/* The same, but the client has heard of the server before. */
TEST_F(listener, close_resets_who_was_acknowledged)
{
	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_TRUE(wait_sent(self->client));
	ASSERT_TRUE(fp_wait(self->fd, POLLIN));
	close(self->fd);
	self->fd = -1;
	EXPECT_FAILS(ECONNRESET, recv(self->client, in, sizeof(in), 0));
}

TEST_F(listener, port_is_free_while_its_connections_live)
{
	int other = fp_open_seqpacket(HOST_A), fd, fd2;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	fd = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd);
	close(self->fd);
	self->fd = fp_open_seqpacket(HOST_B);
	ASSERT_EQ(0, fp_bind(self->fd, &self->addr));
	EXPECT_FAILS(ECONNREFUSED, fp_connect(other, &self->addr));
	ASSERT_EQ(0, listen(self->fd, 1));
	ASSERT_EQ(0, fp_connect(other, &self->addr));
	fd2 = accept(self->fd, NULL, NULL);
	ASSERT_LE(0, fd2);
	EXPECT_TRUE(talk(self->client, fd));
	EXPECT_TRUE(talk(other, fd2));
}

/*
 * The end
 */
FIXTURE(pair) {
	int client;			/* on host A */
	int server;			/* on host B */
	bool slow;
};

FIXTURE_VARIANT(pair) {
	int family;
};

FIXTURE_VARIANT_ADD(pair, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(pair, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(pair)
{
	ASSERT_EQ(0, fp_pair(variant->family, &self->client, &self->server));
}

FIXTURE_TEARDOWN(pair)
{
	if (self->slow)
		net_netem(HOST_A, NULL);
	close(self->client);
	close(self->server);
}

TEST_F(pair, close_with_unread_data_resets)
{
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	close(self->server);
	self->server = -1;
	EXPECT_FAILS(ECONNRESET, recv(self->client, in, sizeof(in), 0));
	EXPECT_FAILS(EPIPE, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(POLLIN | POLLOUT | POLLHUP | POLLRDHUP,
		  events_of(self->client));
}

/* The server has said nothing yet but that it has what was sent. */
TEST_F(pair, close_with_unread_data_resets_a_silent_client)
{
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_TRUE(wait_sent(self->client));
	close(self->server);
	self->server = -1;
	EXPECT_FAILS(ECONNRESET, recv(self->client, in, sizeof(in), 0));
}

TEST_F(pair, data_after_close_are_reset)
{
	ASSERT_TRUE(talk(self->client, self->server));
	close(self->server);
	self->server = -1;
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(1, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(fp_wait(self->client, POLLERR));
	EXPECT_FAILS(ECONNRESET, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_FAILS(EPIPE, send(self->client, "x", 1, MSG_NOSIGNAL));
}

TEST_F(pair, linger_0_resets)
{
	ASSERT_TRUE(talk(self->client, self->server));
	ASSERT_EQ(0, set_linger(self->client, 0));
	/* What came before the reset can still be read. */
	ASSERT_EQ(4, send(self->client, "last", 4, 0));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	close(self->client);
	self->client = -1;
	ASSERT_TRUE(fp_wait(self->server, POLLERR));
	EXPECT_EQ(4, recv(self->server, in, sizeof(in), 0));
	EXPECT_FAILS(ECONNRESET, recv(self->server, in, sizeof(in), 0));
}

/* So many bytes at least have arrived, of all that fits into the send buffer. */
static bool fill_until_acknowledged(int fd, int bytes)
{
	time_t end = time(NULL) + PATIENCE;
	int sent = 0, left = 0;

	while (sent - left < bytes) {
		while (send(fd, out, 8000, MSG_DONTWAIT | MSG_NOSIGNAL) == 8000)
			sent += 8000;
		if (ioctl(fd, SIOCOUTQ, &left) || time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Until so many sockets are left, and no connection of host A. */
static bool wait_sockets(int count)
{
	time_t end = time(NULL) + PATIENCE;

	while (conns_count(HOST_A) || slab_objects("FASTPROTO") != count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* What is in a queue of this host is charged to its socket until it has left. */
TEST_F(pair, closed_before_its_datagrams_have_left)
{
	int sockets;

	self->slow = true;
	/* Slower than any host: the queue is never empty. */
	ASSERT_EQ(0, net_qdisc(HOST_A, DEVICE,
			       "tbf rate 1mbit burst 3200 limit 100000"));
	ASSERT_TRUE(fill_until_acknowledged(self->client, 50000));
	sockets = slab_objects("FASTPROTO");
	/* Nothing leaves any more. */
	ASSERT_EQ(0, net_qdisc(HOST_A, DEVICE,
			       "tbf rate 8bit burst 3200 limit 100000"));
	fp_abort(self->client);
	self->client = -1;
	EXPECT_TRUE(wait_sockets(sockets));
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	self->slow = false;
	EXPECT_TRUE(wait_sockets(sockets - 1));
}

TEST_F(pair, linger_until_delivered)
{
	__u64 start;

	ASSERT_TRUE(talk(self->client, self->server));
	ASSERT_EQ(0, set_linger(self->client, 2 * PATIENCE));
	ASSERT_EQ(0, slow_down(&self->slow));
	start = now_ms();
	ASSERT_EQ(4, send(self->client, "last", 4, 0));
	close(self->client);
	self->client = -1;
	EXPECT_LE(DELAY_MS, now_ms() - start);
	EXPECT_GT(PATIENCE * 1000, now_ms() - start);
	EXPECT_EQ(4, recv(self->server, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), MSG_DONTWAIT));
}

TEST_F(pair, linger_no_longer_than_told)
{
	__u64 start;

	ASSERT_TRUE(talk(self->client, self->server));
	ASSERT_EQ(0, set_linger(self->client, 1));
	self->slow = true;
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	start = now_ms();
	ASSERT_EQ(4, send(self->client, "last", 4, 0));
	close(self->client);
	self->client = -1;
	/* The kernel's ticks lag behind its clock while the host is busy. */
	EXPECT_LE(500, now_ms() - start);
	EXPECT_GT(PATIENCE * 1000, now_ms() - start);
	/* It is delivered none the less. */
	ASSERT_EQ(0, net_netem(HOST_A, "delay 0"));
	EXPECT_EQ(4, recv(self->server, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
}

TEST_F(pair, close_delivers_everything)
{
	int i;

	self->slow = true;
	ASSERT_EQ(0, net_netem(HOST_A, "delay 5ms loss 5%"));
	for (i = 0; i < 100; i++) {
		fill(out, 3000, i);
		ASSERT_EQ(3000, send(self->client, out, 3000, 0));
	}
	close(self->client);
	self->client = -1;
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(3000, recv(self->server, in, sizeof(in), 0));
		ASSERT_TRUE(filled(in, 3000, i));
	}
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
}

TEST_F(pair, shutdown_of_reading)
{
	ASSERT_EQ(1, send(self->server, "x", 1, 0));
	ASSERT_TRUE(fp_wait(self->client, POLLIN));
	ASSERT_EQ(0, shutdown(self->client, SHUT_RD));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events_of(self->client));
	EXPECT_EQ(1, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(1, send(self->client, "y", 1, 0));
	EXPECT_EQ(1, recv(self->server, in, sizeof(in), 0));
}

/* Is a SIGPIPE waiting, which is blocked? It is taken. */
static bool take_sigpipe(void)
{
	const struct timespec none = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return sigtimedwait(&set, NULL, &none) == SIGPIPE;
}

TEST_F(pair, shutdown_of_writing)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_FAILS(EPIPE, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_FALSE(take_sigpipe());
	EXPECT_FAILS(EPIPE, send(self->client, "x", 1, 0));
	EXPECT_TRUE(take_sigpipe());
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
	ASSERT_EQ(1, send(self->server, "y", 1, 0));
	EXPECT_EQ(1, recv(self->client, in, sizeof(in), 0));
	/* Once more changes nothing. */
	EXPECT_EQ(0, shutdown(self->client, SHUT_WR));
}

TEST_F(pair, shutdown_of_both)
{
	ASSERT_EQ(0, shutdown(self->client, SHUT_RDWR));
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_FAILS(EPIPE, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(POLLHUP, events_of(self->client) & POLLHUP);
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
	EXPECT_FAILS(EINVAL, shutdown(self->server, 3));
}

TEST_F(pair, simultaneous_close)
{
	ASSERT_TRUE(talk(self->client, self->server));
	self->slow = true;
	ASSERT_EQ(0, net_netem(HOST_A, "delay 100ms"));
	ASSERT_EQ(4, send(self->client, "last", 4, 0));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	ASSERT_EQ(5, send(self->server, "final", 5, 0));
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	EXPECT_EQ(5, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(4, recv(self->server, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
	EXPECT_TRUE(fp_wait(self->client, POLLHUP));
	EXPECT_TRUE(fp_wait(self->server, POLLHUP));
	EXPECT_EQ(0, error_of(self->client));
	EXPECT_EQ(0, error_of(self->server));
}

TEST(not_connected)
{
	int fd = fp_open_seqpacket(HOST_A);
	struct sockaddr_fp addr;

	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLOUT | POLLHUP, events_of(fd));
	EXPECT_FAILS(ENOTCONN, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_FAILS(ENOTCONN, recv(fd, in, sizeof(in), 0));
	EXPECT_FAILS(ENOTCONN, shutdown(fd, SHUT_WR));
	EXPECT_FAILS(ENOTCONN, fp_peer(fd, &addr));
	EXPECT_FAILS(EINVAL, accept(fd, NULL, NULL));
}

/*
 * Messages
 */
TEST_F(pair, peek_and_truncate)
{
	struct iovec iov = { in, 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int value;

	ASSERT_EQ(0, ioctl(self->server, SIOCINQ, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(7, send(self->client, "message", 7, 0));
	ASSERT_EQ(2, send(self->client, "ok", 2, 0));
	ASSERT_EQ(7, recv(self->server, in, sizeof(in), MSG_PEEK));
	ASSERT_EQ(0, ioctl(self->server, SIOCINQ, &value));
	EXPECT_EQ(7, value);
	EXPECT_EQ(3, recvmsg(self->server, &msg, MSG_PEEK));
	EXPECT_EQ(MSG_EOR | MSG_TRUNC, msg.msg_flags);
	EXPECT_EQ(7, recvmsg(self->server, &msg, MSG_TRUNC | MSG_PEEK));
	EXPECT_EQ(3, recvmsg(self->server, &msg, 0));
	EXPECT_EQ(MSG_EOR | MSG_TRUNC, msg.msg_flags);
	/* The rest is gone. */
	ASSERT_EQ(0, ioctl(self->server, SIOCINQ, &value));
	EXPECT_EQ(2, value);
	EXPECT_EQ(2, recvmsg(self->server, &msg, MSG_TRUNC));
	EXPECT_EQ(MSG_EOR, msg.msg_flags);
	EXPECT_TRUE(wait_sent(self->client));
}

TEST_F(pair, empty_message_is_not_the_end)
{
	struct iovec iov = { in, sizeof(in) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(0, send(self->client, NULL, 0, 0));
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_EQ(0, send(self->client, NULL, 0, 0));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(0, recvmsg(self->server, &msg, 0));
	EXPECT_EQ(MSG_EOR, msg.msg_flags);
	EXPECT_EQ(1, recvmsg(self->server, &msg, 0));
	EXPECT_EQ(0, recvmsg(self->server, &msg, 0));
	EXPECT_EQ(MSG_EOR, msg.msg_flags);
	EXPECT_EQ(0, recvmsg(self->server, &msg, 0));
	EXPECT_EQ(0, msg.msg_flags);
}

TEST_F(pair, recvinfo)
{
	const int flags = FP_F_CONN | FP_F_ACK | FP_F_BEGIN | FP_F_END;
	struct fp_recvinfo info;
	__u64 seq;

	ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_TRUE(talk(self->client, self->server));
	ASSERT_EQ(5, send(self->client, "first", 5, 0));
	ASSERT_EQ(5, fp_recvinfo(self->server, in, sizeof(in), 0, &info));
	EXPECT_EQ(flags, info.flags & flags);
	EXPECT_EQ(FP_VERSION, info.version);
	EXPECT_EQ(net_ifindex(HOST_B, DEVICE), info.ifindex);
	EXPECT_EQ(variant->family, info.local.sin.sin_family);
	seq = info.seq;
	ASSERT_EQ(6, send(self->client, "second", 6, 0));
	ASSERT_EQ(6, fp_recvinfo(self->server, in, sizeof(in), 0, &info));
	EXPECT_EQ(seq + 1, info.seq);
}

#define BATCH	10
#define PART	40	/* so short that all of them fit */

/* Ten messages are there, and each had its place in one and the same datagram. */
static void expect_one_datagram(struct __test_metadata *_metadata, int fd,
				const struct stats *base)
{
	struct fp_recvinfo info;
	int i;

	for (i = 0; i < BATCH; i++) {
		ASSERT_EQ(PART, fp_recvinfo(fd, in, sizeof(in), 0, &info));
		EXPECT_TRUE(filled(in, PART, i));
		EXPECT_EQ(i, info.index);
	}
	/* A probe may have come after them. */
	EXPECT_GE(2, stats_since(HOST_B, base,
				 FASTPROTO_A_STATS_IN_DATAGRAMS));
}

/* Both know each other, and nobody has anything to say. */
static bool come_to_rest(struct _test_data_pair *self, struct stats *base)
{
	if (fp_setint(self->server, SOL_FASTPROTO, FP_RECVINFO, 1) ||
	    !talk(self->client, self->server) || !wait_sent(self->client) ||
	    !wait_sent(self->server))
		return false;
	stats_read(HOST_B, base);
	return true;
}

TEST_F(pair, more_to_come_shares_a_datagram)
{
	struct stats base;
	int i;

	ASSERT_TRUE(come_to_rest(self, &base));
	for (i = 0; i < BATCH; i++) {
		fill(out, PART, i);
		ASSERT_EQ(PART, send(self->client, out, PART,
				     i < BATCH - 1 ? MSG_MORE : 0));
	}
	expect_one_datagram(_metadata, self->server, &base);
}

/* What is kept in objects of its own and what is kept in skbs, by turns. */
TEST_F(pair, large_and_small_share_a_datagram)
{
	static const size_t sizes[] = { 257, 1, 256, 300, 0, 40 };
	struct fp_recvinfo info;
	struct stats base;
	size_t i;

	ASSERT_TRUE(come_to_rest(self, &base));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i);
		ASSERT_EQ((ssize_t)sizes[i],
			  send(self->client, out, sizes[i],
			       i < ARRAY_SIZE(sizes) - 1 ? MSG_MORE : 0));
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ((ssize_t)sizes[i],
			  fp_recvinfo(self->server, in, sizeof(in), 0, &info));
		EXPECT_TRUE(filled(in, sizes[i], i));
		EXPECT_EQ((__u32)i, info.index);
	}
}

TEST_F(pair, sendmmsg_shares_a_datagram)
{
	struct mmsghdr msgs[BATCH] = {};
	struct iovec iov[BATCH];
	struct stats base;
	int i;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ out + PART * i, PART };
		fill(iov[i].iov_base, PART, i);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	ASSERT_TRUE(come_to_rest(self, &base));
	ASSERT_EQ(BATCH, sendmmsg(self->client, msgs, BATCH, 0));
	expect_one_datagram(_metadata, self->server, &base);
}

/* So many requests have come to the client, who has read none of them. */
static bool ask(int server)
{
	int i;

	for (i = 0; i < BATCH; i++)
		if (send(server, "?", 1, 0) != 1)
			return false;
	return wait_sent(server);
}

/* Who has more requests to read answers them, too: in one datagram. */
TEST_F(pair, answers_share_a_datagram)
{
	struct stats base;
	int i;

	ASSERT_EQ(0, net_run(HOST_A, "fpctl set hold-time 1000000"));
	ASSERT_TRUE(come_to_rest(self, &base));
	ASSERT_TRUE(ask(self->server));
	stats_read(HOST_B, &base);
	for (i = 0; i < BATCH; i++) {
		ASSERT_EQ(1, recv(self->client, in, sizeof(in), 0));
		fill(out, PART, i);
		ASSERT_EQ(PART, send(self->client, out, PART, 0));
	}
	expect_one_datagram(_metadata, self->server, &base);
	net_run(HOST_A, "fpctl set hold-time default");
}

/* What waits for company leaves when nothing else happens, */
TEST_F(pair, held_no_longer_than_told)
{
	struct stats base;

	ASSERT_TRUE(come_to_rest(self, &base));
	ASSERT_TRUE(ask(self->server));
	ASSERT_EQ(5, send(self->client, "first", 5, 0));
	EXPECT_TRUE(fp_wait(self->server, POLLIN));
	EXPECT_EQ(5, recv(self->server, in, sizeof(in), 0));
}

/* which is told when; on a slow machine it may have gone before one asks, */
TEST_F(pair, held_is_told_until_when)
{
	struct conn_times times = {};
	__u64 id;
	int i;

	ASSERT_EQ(0, net_run(HOST_A, "fpctl set hold-time 1000000"));
	ASSERT_EQ(1, conn_get_ids(HOST_A, &id, 1));
	ASSERT_EQ(0, conn_get_times(HOST_A, id, &times));
	EXPECT_EQ(0, times.pace);
	ASSERT_TRUE(ask(self->server));
	for (i = 0; i < 100 && !times.pace; i++) {
		ASSERT_EQ(1, send(self->client, "1", 1, 0));
		ASSERT_EQ(0, conn_get_times(HOST_A, id, &times));
	}
	EXPECT_LT(0, times.pace);
	EXPECT_GE(1000000, times.pace);
	net_run(HOST_A, "fpctl set hold-time default");
}

/* when the application waits, or if it is not to wait at all. */
TEST_F(pair, held_until_somebody_waits)
{
	ASSERT_EQ(0, net_run(HOST_A, "fpctl set hold-time 1000000"));
	ASSERT_TRUE(talk(self->client, self->server));
	net_pin();
	ASSERT_TRUE(ask(self->server));
	ASSERT_EQ(1, send(self->client, "1", 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, events_of(self->client));
	EXPECT_EQ(1, recv(self->server, in, sizeof(in), MSG_DONTWAIT));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_NODELAY, 1));
	EXPECT_EQ(1, fp_getint(self->client, SOL_FASTPROTO, FP_NODELAY));
	ASSERT_EQ(1, send(self->client, "2", 1, 0));
	EXPECT_EQ(1, recv(self->server, in, sizeof(in), MSG_DONTWAIT));
	net_run(HOST_A, "fpctl set hold-time default");
}

/* One datagram holds a message for each of those who wait. */
TEST_F(pair, two_readers_of_one_datagram)
{
	struct stats base;
	pthread_t readers[2];
	void *got;
	int i;

	ASSERT_TRUE(come_to_rest(self, &base));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&readers[i], NULL, receive_one,
					    &self->server));
	ASSERT_TRUE(wait_others_asleep(2));
	ASSERT_EQ(1, send(self->client, "1", 1, MSG_MORE));
	ASSERT_EQ(1, send(self->client, "2", 1, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(readers[i], &got));
		EXPECT_EQ(1, (long)got);
	}
}

TEST_F(pair, more_that_never_comes)
{
	ASSERT_TRUE(talk(self->client, self->server));
	ASSERT_EQ(1, send(self->client, "x", 1, MSG_MORE));
	EXPECT_EQ(1, recv(self->server, in, sizeof(in), 0));
}

/*
 * Full buffers
 */
FIXTURE(full) {
	struct stats base;		/* of host A */
	int client;			/* on host A */
	int server;			/* on host B */
	int ep;
};

FIXTURE_VARIANT(full) {
	int family;
	int buffer;			/* of each, bytes; 0: the default */
};

FIXTURE_VARIANT_ADD(full, ipv4) {
	.family = AF_INET, .buffer = SMALL_BUFFER,
};

FIXTURE_VARIANT_ADD(full, ipv6) {
	.family = AF_INET6, .buffer = SMALL_BUFFER,
};

FIXTURE_VARIANT_ADD(full, large) {
	.family = AF_INET, .buffer = 0,	/* 400,000 on slow kernels */
};

FIXTURE_SETUP(full)
{
	struct sockaddr_fp addr;
	int buffer = variant->buffer;
	int listener;

	listener = fp_listen(HOST_B, variant->family, 1, &addr);
	self->client = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, self->client);
	if (!buffer && fewer(10) < 10)
		buffer = 400000;
	if (buffer) {
		ASSERT_EQ(0, fp_setint(listener, SOL_SOCKET, SO_RCVBUF,
				       buffer));
		ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUF,
				       buffer));
	}
	ASSERT_EQ(0, fp_connect(self->client, &addr));
	self->server = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	close(listener);
	self->ep = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->ep);
	stats_read(HOST_A, &self->base);
}

FIXTURE_TEARDOWN(full)
{
	close(self->ep);
	close(self->client);
	close(self->server);
}

/* Sends while there is room. Returns how many messages, or -1. */
static int stuff(int fd, size_t len, int first, int most)
{
	int i;

	for (i = first; i < first + most; i++) {
		fill(out, len, i);
		if (send(fd, out, len, MSG_DONTWAIT) != (ssize_t)len)
			return errno == EAGAIN ? i - first : -1;
	}
	return most;
}

/*
 * Sends until the peer takes no more and nothing can be queued any more, but
 * not more than so many messages. Returns how many they are, or -1.
 */
static int stuff_all(struct _test_data_full *self, size_t len)
{
	time_t end = time(NULL) + PATIENCE;
	int sent = 0, more;
	bool stuck;

	do {
		/* It asks about a closed window, or repeats what has no room. */
		stuck = stats_since(HOST_A, &self->base,
				    FASTPROTO_A_STATS_WINDOW_PROBES) ||
			stats_since(HOST_A, &self->base,
				    FASTPROTO_A_STATS_RTO_TIMEOUTS) > 1;
		more = stuff(self->client, len, sent, MOST - sent);
		if (more < 0 || time(NULL) > end)
			return -1;
		sent += more;
	} while (sent < MOST && (more || !stuck));
	return sent;
}

static bool read_all(int fd, size_t len, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (recv(fd, in, sizeof(in), 0) != (ssize_t)len ||
		    !filled(in, len, i))
			return false;
	return true;
}

static int next_event(int ep, int ms)
{
	struct epoll_event event = { 0 };

	return epoll_wait(ep, &event, 1, ms) == 1 ? (int)event.events : 0;
}

TEST_F(full, room_to_send_is_told)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	struct stats server_base, client_base;
	int sent;

	sent = stuff_all(self, 1000);
	ASSERT_LT(0, sent);
	ASSERT_GT(MOST, sent);
	EXPECT_FAILS(EAGAIN, send(self->client, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(0, events_of(self->client));
	stats_read(HOST_A, &client_base);
	stats_read(HOST_B, &server_base);
	ASSERT_EQ(0, epoll_ctl(self->ep, EPOLL_CTL_ADD, self->client, &event));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_TRUE(read_all(self->server, 1000, sent));
	EXPECT_EQ(EPOLLOUT, next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(POLLOUT, events_of(self->client));
	/* Unasked, unless the reader was so slow that more was sent meanwhile. */
	EXPECT_LT(0, stats_since(HOST_B, &server_base,
				 FASTPROTO_A_STATS_WINDOW_UPDATES) +
		     stats_since(HOST_A, &client_base,
				 FASTPROTO_A_STATS_WINDOW_PROBES) +
		     stats_since(HOST_A, &client_base,
				 FASTPROTO_A_STATS_OUT_RETRANS));
	EXPECT_TRUE(talk(self->client, self->server));
	EXPECT_TRUE(wait_sent(self->client));
}

/* Room for many is told to all who wait for it. */
TEST_F(full, two_blocked_writers)
{
	pthread_t writers[2];
	void *sent;
	int i, count;

	count = stuff_all(self, 1000);
	ASSERT_LT(0, count);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&writers[i], NULL, send_one,
					    &self->client));
	ASSERT_TRUE(wait_others_asleep(2));
	ASSERT_TRUE(read_all(self->server, 1000, count));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(writers[i], &sent));
		EXPECT_EQ(1, (long)sent);
	}
}

TEST_F(full, send_gives_up_in_time)
{
	const struct timeval tv = { .tv_usec = 100000 };
	__u64 start;

	ASSERT_LT(0, stuff_all(self, 1000));
	ASSERT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	start = now_ms();
	EXPECT_FAILS(EAGAIN, send(self->client, "x", 1, 0));
	/* The kernel's ticks lag behind its clock while the host is busy. */
	EXPECT_LE(50, now_ms() - start);
}

TEST_F(full, send_is_interrupted)
{
	ASSERT_LT(0, stuff_all(self, 1000));
	ASSERT_TRUE(interrupt_often());
	EXPECT_FAILS(EINTR, send(self->client, "x", 1, 0));
}

TEST_F_TIMEOUT(full, smallest_messages, 120)
{
	int sent = stuff_all(self, 1);

	ASSERT_LT(0, sent);
	TH_LOG("%d messages of one byte", sent);
	ASSERT_TRUE(read_all(self->server, 1, sent));
	EXPECT_TRUE(talk(self->client, self->server));
}

struct sender {
	int fd;
	int count;
	int err;
};

static void *send_all(void *arg)
{
	static unsigned char buf[5000];
	struct sender *sender = arg;
	int i;

	for (i = 0; i < sender->count && !sender->err; i++) {
		fill(buf, sizeof(buf), i);
		if (send(sender->fd, buf, sizeof(buf), 0) != sizeof(buf))
			sender->err = errno;
	}
	return NULL;
}

TEST_F_TIMEOUT(full, slow_reader, 120)
{
	struct sender sender = { .fd = self->client, .count = 500 };
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_all, &sender));
	for (i = 0; i < sender.count; i++) {
		usleep(1000);
		ASSERT_EQ(5000, recv(self->server, in, sizeof(in), 0)) {
			TH_LOG("message %d", i);
		}
		ASSERT_TRUE(filled(in, 5000, i));
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, sender.err);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
