// SPDX-License-Identifier: GPL-2.0
/* ICMP errors: told to a connected socket about its peer, to nobody else. */
#define _GNU_SOURCE
#include <poll.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

FIXTURE(error) {
	struct sockaddr_fp closed;	/* a port of host B with nobody there */
	struct sockaddr_fp open;	/* of rx */
	struct stats base;		/* of host A */
	int rx;				/* bound on host B */
	int tx;				/* on host A, not bound */
	char c;
};

FIXTURE_VARIANT(error) {
	int family;
};

FIXTURE_VARIANT_ADD(error, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(error, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(error)
{
	int fd = fp_open_host(HOST_B, variant->family, &self->closed);

	ASSERT_LE(0, fd);
	self->rx = fp_open_host(HOST_B, variant->family, &self->open);
	ASSERT_LE(0, self->rx);
	close(fd);
	self->tx = fp_open(HOST_A);
	ASSERT_LE(0, self->tx);
	stats_read(HOST_A, &self->base);
	/* The hosts answer each datagram, not some a second. */
	ASSERT_EQ(0, net_sysctl(HOST_B, "ipv4/icmp_ratelimit", "0"));
	ASSERT_EQ(0, net_sysctl(HOST_B, "ipv6/icmp/ratelimit", "0"));
}

FIXTURE_TEARDOWN(error)
{
	close(self->tx);
	close(self->rx);
}

static bool error_came(struct _test_data_error *self, __u64 count)
{
	return stats_wait(HOST_A, &self->base,
			  FASTPROTO_A_STATS_ICMP_ERRORS, count);
}

TEST_F(error, told_by_receive)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(1, send(self->tx, "x", 1, 0));
	EXPECT_FAILS(ECONNREFUSED, recv(self->tx, &self->c, 1, 0));
	/* Once. */
	EXPECT_FAILS(EAGAIN, recv(self->tx, &self->c, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
}

TEST_F(error, told_by_send)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(1, send(self->tx, "x", 1, 0));
	ASSERT_TRUE(error_came(self, 1));
	EXPECT_FAILS(ECONNREFUSED, send(self->tx, "x", 1, 0));
	EXPECT_EQ(1, send(self->tx, "x", 1, 0));
}

TEST_F(error, told_by_option)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(1, send(self->tx, "x", 1, 0));
	ASSERT_TRUE(error_came(self, 1));
	EXPECT_EQ(ECONNREFUSED, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_FAILS(EAGAIN, recv(self->tx, &self->c, 1, MSG_DONTWAIT));
}

TEST_F(error, unconnected_is_not_told)
{
	ASSERT_EQ(1, fp_sendto(self->tx, "x", 1, &self->closed));
	ASSERT_TRUE(error_came(self, 1));
	EXPECT_EQ(0, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_FAILS(EAGAIN, recv(self->tx, &self->c, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, fp_sendto(self->tx, "x", 1, &self->open));
}

TEST_F(error, not_told_of_others_than_the_peer)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->open));
	ASSERT_EQ(1, fp_sendto(self->tx, "x", 1, &self->closed));
	ASSERT_TRUE(error_came(self, 1));
	EXPECT_EQ(0, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(1, send(self->tx, "x", 1, 0));
}

TEST_F(error, not_told_after_disconnect)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(0, fp_disconnect(self->tx));
	ASSERT_EQ(1, fp_sendto(self->tx, "x", 1, &self->closed));
	ASSERT_TRUE(error_came(self, 1));
	EXPECT_EQ(0, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
}

TEST_F(error, only_the_socket_concerned)
{
	int other = fp_open(HOST_A);

	ASSERT_EQ(0, fp_connect(other, &self->closed));
	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(1, send(self->tx, "x", 1, 0));
	ASSERT_TRUE(error_came(self, 1));
	EXPECT_EQ(0, fp_getint(other, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(ECONNREFUSED, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
}

TEST_F(error, of_a_large_message)
{
	static char big[20000];

	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(sizeof(big), send(self->tx, big, sizeof(big), 0));
	EXPECT_FAILS(ECONNREFUSED, recv(self->tx, &self->c, 1, 0));
}

TEST_F(error, peer_comes_back)
{
	int fd;

	ASSERT_EQ(0, fp_connect(self->tx, &self->closed));
	ASSERT_EQ(1, send(self->tx, "x", 1, 0));
	EXPECT_FAILS(ECONNREFUSED, recv(self->tx, &self->c, 1, 0));
	fd = fp_open_bound(HOST_B, &self->closed);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, send(self->tx, "b", 1, 0));
	ASSERT_EQ(1, recv(fd, &self->c, 1, 0));
	EXPECT_EQ('b', self->c);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
