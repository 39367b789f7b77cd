// SPDX-License-Identifier: GPL-2.0
/* SO_KEEPALIVE: a peer that is gone is noticed, one that is there is left alone. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

static char in[64];

FIXTURE(keepalive) {
	struct stats base;		/* of host A */
	int client;			/* on host A */
	int server;			/* on host B */
};

FIXTURE_SETUP(keepalive)
{
	stats_read(HOST_A, &self->base);
	ASSERT_EQ(0, fp_pair(AF_INET, &self->client, &self->server));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE, 1));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPINTVL, 1));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPCNT, 2));
}

FIXTURE_TEARDOWN(keepalive)
{
	close(self->client);
	close(self->server);
}

#define count(name) \
	stats_since(HOST_A, &self->base, FASTPROTO_A_STATS_##name)

TEST_F(keepalive, dead_peer)
{
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_TRUE(fp_wait(self->client, POLLERR));
	net_netem(HOST_A, NULL);
	EXPECT_FAILS(ETIMEDOUT, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(2, count(KEEPALIVE_PROBES));
	EXPECT_EQ(1, count(KEEPALIVE_TIMEOUTS));
}

/* It answers, and so it is asked for ever. */
TEST_F(keepalive, quiet_peer)
{
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 4));
	EXPECT_EQ(0, count(KEEPALIVE_TIMEOUTS));
	ASSERT_EQ(2, send(self->client, "hi", 2, 0));
	EXPECT_EQ(2, recv(self->server, in, sizeof(in), 0));
	/* And no longer if that is not wanted. */
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 0));
	stats_read(HOST_A, &self->base);
	EXPECT_FALSE(poll(&(struct pollfd){ self->client, POLLIN, 0 }, 1,
			  3000));
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
}

/* Off, unless somebody asks for it. */
TEST_F(keepalive, off)
{
	EXPECT_EQ(0, fp_getint(self->client, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_FALSE(poll(&(struct pollfd){ self->client, POLLIN, 0 }, 1,
			  3000));
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
}

/* An accepted socket does as its listener, and one that connects later, too. */
TEST_F(keepalive, from_the_beginning)
{
	struct sockaddr_fp addr;
	int listener, fd;

	listener = fp_listen(HOST_A, AF_INET, 1, &addr);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, fp_setint(listener, SOL_FASTPROTO, FP_KEEPIDLE, 1));
	ASSERT_EQ(0, fp_setint(listener, SOL_FASTPROTO, FP_KEEPINTVL, 7));
	ASSERT_EQ(0, fp_setint(listener, SOL_FASTPROTO, FP_KEEPCNT, 3));
	ASSERT_EQ(0, fp_setint(listener, SOL_SOCKET, SO_KEEPALIVE, 1));
	close(self->server);
	self->server = fp_open_seqpacket(HOST_B);
	ASSERT_EQ(0, fp_connect(self->server, &addr));
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, fp_getint(fd, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, fp_getint(fd, SOL_FASTPROTO, FP_KEEPIDLE));
	EXPECT_EQ(7, fp_getint(fd, SOL_FASTPROTO, FP_KEEPINTVL));
	EXPECT_EQ(3, fp_getint(fd, SOL_FASTPROTO, FP_KEEPCNT));
	EXPECT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 1));
	close(fd);
	close(listener);
}

TEST_F(keepalive, knobs)
{
	static const int knobs[] = { FP_KEEPIDLE, FP_KEEPINTVL, FP_KEEPCNT };
	int fd = fp_open_seqpacket(HOST_A);
	unsigned int i;

	EXPECT_EQ(7200, fp_getint(fd, SOL_FASTPROTO, FP_KEEPIDLE));
	EXPECT_EQ(75, fp_getint(fd, SOL_FASTPROTO, FP_KEEPINTVL));
	EXPECT_EQ(9, fp_getint(fd, SOL_FASTPROTO, FP_KEEPCNT));
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		int most = knobs[i] == FP_KEEPCNT ? 127 : 32767;

		EXPECT_FAILS(EINVAL, fp_setint(fd, SOL_FASTPROTO, knobs[i], 0));
		EXPECT_FAILS(EINVAL, fp_setint(fd, SOL_FASTPROTO, knobs[i],
					       -1));
		EXPECT_FAILS(EINVAL, fp_setint(fd, SOL_FASTPROTO, knobs[i],
					       most + 1));
		EXPECT_EQ(0, fp_setint(fd, SOL_FASTPROTO, knobs[i], most));
		EXPECT_EQ(most, fp_getint(fd, SOL_FASTPROTO, knobs[i]));
	}
	close(fd);
	fd = fp_open(HOST_A);
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		EXPECT_FAILS(EOPNOTSUPP, fp_setint(fd, SOL_FASTPROTO, knobs[i],
						   1));
		EXPECT_FAILS(EOPNOTSUPP, fp_getint(fd, SOL_FASTPROTO,
						   knobs[i]));
	}
	close(fd);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
