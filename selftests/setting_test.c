// SPDX-License-Identifier: GPL-2.0
/* Limits and timers of a host: what they do when they are set. */
#define _GNU_SOURCE
#include <poll.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

static unsigned char in[2000];

/* What was changed is changed back. */
FIXTURE(settings) {
	struct stats a;			/* of host A */
	struct stats b;			/* of host B */
	struct sockaddr_fp addr;	/* of listener */
	int listener;			/* on host B */
	int client;			/* on host A */
	bool lossy;
	int changes;
	struct change {
		enum host host;
		int attr;
		__u32 before;
	} change[10];
};

FIXTURE_SETUP(settings)
{
	stats_read(HOST_A, &self->a);
	stats_read(HOST_B, &self->b);
	self->listener = fp_listen(HOST_B, AF_INET, 5, &self->addr);
	ASSERT_LE(0, self->listener);
	self->client = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(settings)
{
	const struct change *change;

	if (self->lossy)
		net_netem(HOST_A, NULL);
	close(self->client);
	close(self->listener);
	while (self->changes) {
		change = &self->change[--self->changes];
		EXPECT_EQ(0, dev_set_u32(change->host, change->attr,
					 change->before));
	}
}

static bool set(struct _test_data_settings *self, enum host host, int attr,
		__u32 value)
{
	struct change *change = &self->change[self->changes];

	change->host = host;
	change->attr = attr;
	if (self->changes++ == ARRAY_SIZE(self->change) ||
	    dev_get_u32(host, attr, &change->before))
		return false;
	return !dev_set_u32(host, attr, value);
}

/* What host A sends from now on is lost. */
static int lose_all(struct _test_data_settings *self)
{
	self->lossy = true;
	return net_netem(HOST_A, "loss 100%");
}

static __u64 count_a(const struct _test_data_settings *self, int attr)
{
	return stats_since(HOST_A, &self->a, attr);
}

static __u64 count_b(const struct _test_data_settings *self, int attr)
{
	return stats_since(HOST_B, &self->b, attr);
}

/* A connection of which each end has heard of the other; the server's socket. */
static int establish(struct _test_data_settings *self)
{
	int fd;

	if (fp_connect(self->client, &self->addr) ||
	    send(self->client, "ping", 4, 0) != 4)
		return -1;
	fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || recv(fd, in, sizeof(in), 0) != 4 ||
	    send(fd, "pong", 4, 0) != 4 ||
	    recv(self->client, in, sizeof(in), 0) != 4)
		return -1;
	return fd;
}

/* Of sockets that are made afterwards. */
TEST_F(settings, buffers_and_largest_message)
{
	int before = fp_open_seqpacket(HOST_A), fd;

	ASSERT_LE(0, before);
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_MSG_MAX, 5000));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_RX_BUFFER, 8192));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_TX_BUFFER, 1 << 30));
	fd = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1 << 20, fp_getint(before, SOL_FASTPROTO, FP_MSG_MAX));
	EXPECT_EQ(4 << 20, fp_getint(before, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(4 << 20, fp_getint(before, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(5000, fp_getint(fd, SOL_FASTPROTO, FP_MSG_MAX));
	EXPECT_EQ(8192, fp_getint(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(1 << 30, fp_getint(fd, SOL_SOCKET, SO_SNDBUF));
	close(fd);
	close(before);
}

/* No more connections than there may be: nobody is reset, it takes longer. */
TEST_F(settings, ceiling_of_connections)
{
	const int ceiling = FASTPROTO_A_DEV_CONNECTIONS_MAX;
	struct sockaddr_fp addr;
	struct stats base;
	int listener, a, b, server;

	listener = fp_listen(HOST_B, AF_INET, 5, &addr);
	ASSERT_LE(0, listener);
	a = fp_open_seqpacket(HOST_A);
	b = fp_open_seqpacket(HOST_A);
	stats_read(HOST_B, &base);
	ASSERT_TRUE(set(self, HOST_B, ceiling, 0));
	ASSERT_EQ(0, fp_connect(a, &addr));
	ASSERT_EQ(4, send(a, "ping", 4, 0));
	EXPECT_TRUE(stats_wait(HOST_B, &base, FASTPROTO_A_STATS_DROP_LIMIT, 1));
	EXPECT_EQ(0, stats_since(HOST_B, &base, FASTPROTO_A_STATS_OUT_RESETS));
	EXPECT_EQ(0, stats_since(HOST_B, &base, FASTPROTO_A_STATS_ACCEPTED));
	ASSERT_TRUE(set(self, HOST_B, ceiling, 1));
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, server);
	EXPECT_EQ(4, recv(server, in, sizeof(in), 0));

	/* Host A has as many as there may be. */
	ASSERT_TRUE(set(self, HOST_A, ceiling, 1));
	EXPECT_FAILS(EAGAIN, fp_connect(b, &addr));
	EXPECT_EQ(0, fp_getint(b, SOL_SOCKET, SO_ERROR));
	ASSERT_TRUE(set(self, HOST_A, ceiling, 1 << 24));
	ASSERT_TRUE(set(self, HOST_B, ceiling, 1 << 24));
	EXPECT_EQ(0, fp_connect(b, &addr));
	close(server);
	close(listener);
	close(a);
	close(b);
}

TEST_F(settings, retries_of_a_syn)
{
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_SYN_TIMEOUT, 10000));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_SYN_RETRIES, 2));
	ASSERT_EQ(0, lose_all(self));
	EXPECT_FAILS(ETIMEDOUT, fp_connect(self->client, &self->addr));
	EXPECT_EQ(2, count_a(self, FASTPROTO_A_STATS_RETRANS_SYN));
	EXPECT_EQ(1, count_a(self, FASTPROTO_A_STATS_ENDED_TIMEOUT));
}

TEST_F(settings, retries_of_data)
{
	int server;

	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_RTO_MIN, 10000));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_RTO_INITIAL, 10000));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_DATA_RETRIES, 3));
	server = establish(self);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, lose_all(self));
	stats_read(HOST_A, &self->a);
	ASSERT_EQ(4, send(self->client, "lost", 4, 0));
	EXPECT_TRUE(fp_wait(self->client, POLLERR));
	EXPECT_FAILS(ETIMEDOUT, send(self->client, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(3, count_a(self, FASTPROTO_A_STATS_RTO_TIMEOUTS));
	EXPECT_EQ(3, count_a(self, FASTPROTO_A_STATS_RETRANS_RTO));
	EXPECT_EQ(1, count_a(self, FASTPROTO_A_STATS_ENDED_TIMEOUT));
	close(server);
}

/* Closed, and the peer is not. */
TEST_F(settings, timeout_of_a_fin)
{
	int server = establish(self);

	ASSERT_LE(0, server);
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_FIN_TIMEOUT, 1000000));
	close(self->client);
	self->client = -1;
	EXPECT_EQ(0, recv(server, in, sizeof(in), 0));
	EXPECT_TRUE(stats_wait(HOST_A, &self->a,
			       FASTPROTO_A_STATS_ENDED_TIMEOUT, 1));
	EXPECT_TRUE(fp_wait(server, POLLHUP));
	EXPECT_EQ(1, count_b(self, FASTPROTO_A_STATS_IN_RESETS_TIMEOUT));
	close(server);
}

/* Closed, and what was sent does not come. */
TEST_F(settings, timeout_of_a_fin_after_shutdown)
{
	int server = establish(self);

	ASSERT_LE(0, server);
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_FIN_TIMEOUT, 1000000));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(0, recv(server, in, sizeof(in), 0));
	sleep(1);
	close(self->client);
	self->client = -1;
	EXPECT_TRUE(stats_wait(HOST_A, &self->a,
			       FASTPROTO_A_STATS_ENDED_TIMEOUT, 1));
	close(server);
}

TEST_F(settings, timeout_of_an_orphan)
{
	int server = establish(self);

	ASSERT_LE(0, server);
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_ORPHAN_TIMEOUT, 1000000));
	ASSERT_EQ(0, lose_all(self));
	ASSERT_EQ(4, send(self->client, "lost", 4, 0));
	close(self->client);
	self->client = -1;
	EXPECT_TRUE(stats_wait(HOST_A, &self->a,
			       FASTPROTO_A_STATS_ENDED_TIMEOUT, 1));
	close(server);
}

TEST_F(settings, no_resets)
{
	close(self->listener);
	self->listener = fp_open_seqpacket(HOST_B);
	ASSERT_EQ(0, fp_bind(self->listener, &self->addr));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_SYN_TIMEOUT, 10000));
	ASSERT_TRUE(set(self, HOST_A, FASTPROTO_A_DEV_SYN_RETRIES, 1));
	ASSERT_TRUE(set(self, HOST_B, FASTPROTO_A_DEV_RESETS_PER_SECOND, 0));
	EXPECT_FAILS(ETIMEDOUT, fp_connect(self->client, &self->addr));
	EXPECT_EQ(2, count_b(self, FASTPROTO_A_STATS_DROP_REFUSED));
	EXPECT_EQ(2, count_b(self, FASTPROTO_A_STATS_OUT_RESETS_LIMITED));
	EXPECT_EQ(0, count_b(self, FASTPROTO_A_STATS_OUT_RESETS));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
