// SPDX-License-Identifier: GPL-2.0
/* SO_KEEPALIVE: a peer that is gone is noticed, one that is there is left alone. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define IDLE_US		10000		/* the least that idle-timeout may be */
#define SECOND		1000000ULL

static char in[64];

static int set_timeout(__u32 us)
{
	return dev_set_u32(HOST_A, FASTPROTO_A_DEV_IDLE_TIMEOUT, us) ?:
	       dev_set_u32(HOST_B, FASTPROTO_A_DEV_IDLE_TIMEOUT, us);
}

static unsigned int parked(enum host host)
{
	static __u32 values[2000];
	unsigned int count, sum = 0;

	count = conn_get_u32(host, FASTPROTO_A_CONN_PARKED, values,
			     ARRAY_SIZE(values));
	while (count)
		sum += values[--count];
	return sum;
}

/* Until that many are parked on host A. */
static bool wait_parked(unsigned int count)
{
	time_t end = time(NULL) + PATIENCE;

	while (parked(HOST_A) != count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* How many parked connections have a peer to be asked some time. */
static int entries(void)
{
	return slab_objects("fastproto_keep");
}

static bool wait_entries(int count)
{
	time_t end = time(NULL) + PATIENCE;

	while (entries() != count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

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

/* What is idle has no timer any more: a wheel tells when it is time to ask. */
FIXTURE(parked) {
	struct stats base;		/* of host A */
	int client;			/* on host A */
	int server;			/* on host B */
	__u64 id;			/* of the client */
};

FIXTURE_SETUP(parked)
{
	ASSERT_EQ(0, set_timeout(IDLE_US));
	stats_read(HOST_A, &self->base);
	ASSERT_EQ(0, fp_pair(AF_INET, &self->client, &self->server));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE, 1));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPINTVL, 1));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPCNT, 2));
	ASSERT_EQ(1, conn_get_ids(HOST_A, &self->id, 1));
	ASSERT_TRUE(wait_entries(0));
}

FIXTURE_TEARDOWN(parked)
{
	fault_cache("fastproto_act", false);
	fp_abort(self->client);
	close(self->server);
	EXPECT_TRUE(wait_entries(0));
	EXPECT_EQ(0, set_timeout(SECOND));
}

/* Between two questions it is parked. */
TEST_F(parked, is_asked)
{
	struct conn_times times;
	struct stats base;

	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 2));
	EXPECT_LE(2, count(PARKED));
	EXPECT_EQ(0, count(KEEPALIVE_TIMEOUTS));
	ASSERT_TRUE(wait_entries(1));
	ASSERT_EQ(0, conn_get_times(HOST_A, self->id, &times));
	EXPECT_LT(0, times.keepalive);
	EXPECT_GE(2 * SECOND, times.keepalive);
	/* What it has to say comes and goes as ever. */
	ASSERT_EQ(2, send(self->client, "hi", 2, 0));
	EXPECT_EQ(2, recv(self->server, in, sizeof(in), 0));
	ASSERT_EQ(2, send(self->server, "ho", 2, 0));
	EXPECT_EQ(2, recv(self->client, in, sizeof(in), 0));
	stats_read(HOST_A, &base);
	ASSERT_TRUE(stats_wait(HOST_A, &base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 1));
}

TEST_F(parked, dead_peer)
{
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_TRUE(wait_entries(1));
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	EXPECT_TRUE(fp_wait(self->client, POLLERR));
	net_netem(HOST_A, NULL);
	EXPECT_FAILS(ETIMEDOUT, recv(self->client, in, sizeof(in), 0));
	EXPECT_LE(2, count(KEEPALIVE_PROBES));
	EXPECT_EQ(1, count(KEEPALIVE_TIMEOUTS));
}

/* The option and its times may change meanwhile, and wake nobody. */
TEST_F(parked, switched)
{
	struct conn_times times;

	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE, 600));
	ASSERT_TRUE(wait_parked(1));
	stats_read(HOST_A, &self->base);
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_TRUE(wait_entries(1));
	ASSERT_EQ(0, conn_get_times(HOST_A, self->id, &times));
	EXPECT_LT((600 - PATIENCE) * SECOND, times.keepalive);
	EXPECT_GE(675 * SECOND, times.keepalive);
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE,
			       32767));
	ASSERT_EQ(0, conn_get_times(HOST_A, self->id, &times));
	EXPECT_LT((32767 - PATIENCE) * SECOND, times.keepalive);
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 0));
	EXPECT_EQ(0, entries());
	ASSERT_EQ(0, conn_get_times(HOST_A, self->id, &times));
	EXPECT_EQ(0, times.keepalive);
	/* A frame that was late may have. */
	EXPECT_GE(count(IN_DATAGRAMS), count(WOKEN));
	/* Neither is it forgotten if less time is given. */
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE, 1));
	EXPECT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 1));
}

/* Without memory to wake up it is tried again. */
TEST_F(parked, no_memory)
{
	if (!fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	do {
		fault_cache("fastproto_act", false);
		ASSERT_TRUE(wait_entries(1));
		ASSERT_EQ(0, fault_cache("fastproto_act", true));
	} while (!parked(HOST_A));
	stats_read(HOST_A, &self->base);
	EXPECT_FALSE(poll(&(struct pollfd){ self->client, POLLIN, 0 }, 1,
			  4000));
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
	EXPECT_EQ(1, entries());
	ASSERT_EQ(0, fault_cache("fastproto_act", false));
	EXPECT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 1));
}

/* Nor is it parked without memory for that. */
TEST_F(parked, no_memory_to_park)
{
	if (!fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	ASSERT_TRUE(wait_parked(1));
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_EQ(0, fault_cache("fastproto_keep", true));
	stats_read(HOST_A, &self->base);
	EXPECT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_KEEPALIVE_PROBES, 2));
	EXPECT_EQ(0, fault_cache("fastproto_keep", false));
	EXPECT_TRUE(wait_entries(1));
}

/* One socket with many connections. */
FIXTURE(many) {
	struct stats base;		/* of host A */
	int client;			/* on host A */
	int server;			/* on host B */
	struct sockaddr_fp addr;
	__u64 ids[1000];
	unsigned int nr;
};

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, set_timeout(IDLE_US));
	stats_read(HOST_A, &self->base);
	ASSERT_LE(0, entries());
	self->client = rdm_open(HOST_A);
	ASSERT_LE(0, self->client);
	self->server = rdm_listen(HOST_B, AF_INET, &self->addr);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPINTVL, 1));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPCNT, 2));
	ASSERT_TRUE(wait_entries(0));
}

FIXTURE_TEARDOWN(many)
{
	time_t end = time(NULL) + PATIENCE;

	close(self->client);
	close(self->server);
	while (conns_count(HOST_A) && time(NULL) <= end)
		usleep(1000);
	EXPECT_EQ(0, conns_count(HOST_A));
	EXPECT_TRUE(wait_entries(0));
	EXPECT_EQ(0, set_timeout(SECOND));
}

static bool open_many(struct _test_data_many *self, unsigned int nr,
		      int keep_idle)
{
	if (fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE, keep_idle))
		return false;
	for (self->nr = 0; self->nr < nr; self->nr++)
		if (rdm_dial(self->client, &self->addr, &self->ids[self->nr]))
			return false;
	return true;
}

/* All that begin at the same time are not asked at the same time. */
TEST_F(many, spread)
{
	enum { IDLE = 600, LATEST = 675, PARTS = 4 };
	unsigned int part[PARTS] = {}, i;
	struct conn_times times;
	__u64 due;

	ASSERT_TRUE(open_many(self, fewer(1000), IDLE));
	ASSERT_TRUE(wait_parked(self->nr));
	EXPECT_EQ((int)self->nr, entries());
	for (i = 0; i < self->nr; i++) {
		ASSERT_EQ(0, conn_get_times(HOST_A, self->ids[i], &times));
		due = times.since_in + times.keepalive;
		ASSERT_LE(IDLE * SECOND, due);
		ASSERT_GT(LATEST * SECOND, due);
		part[(due - IDLE * SECOND) * PARTS /
		     ((LATEST - IDLE) * SECOND)]++;
	}
	for (i = 0; i < PARTS; i++)
		EXPECT_LE(self->nr / 16, part[i]);
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
}

static __u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

TEST_F(many, all_are_asked)
{
	unsigned int i, silent;
	struct conn_times times;
	time_t end;
	__u64 from;

	ASSERT_TRUE(open_many(self, fewer(1000), 2));
	ASSERT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_PARKED, self->nr));
	from = now_us();
	end = time(NULL) + PATIENCE;
	do {
		for (i = 0, silent = 0; i < self->nr; i++) {
			ASSERT_EQ(0, conn_get_times(HOST_A, self->ids[i],
						    &times));
			silent += times.since_in >= now_us() - from;
		}
	} while (silent && time(NULL) <= end);
	EXPECT_EQ(0, silent);
	EXPECT_LE(self->nr, count(KEEPALIVE_PROBES));
	EXPECT_LE(self->nr, count(WOKEN));
	EXPECT_EQ(0, count(KEEPALIVE_TIMEOUTS));
	EXPECT_EQ(self->nr, conns_count(HOST_A));
}

TEST_F(many, dead_peer)
{
	unsigned int i, j;
	struct got got;

	ASSERT_TRUE(open_many(self, 20, 2));
	ASSERT_TRUE(wait_entries(20));
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_EVENTS, 1));
	for (i = 0; i < self->nr; i++) {
		got = rdm_receive(self->client, in, sizeof(in), 0);
		EXPECT_EQ(FP_EVENT_CLOSED, got.event.type);
		EXPECT_EQ(ETIMEDOUT, got.event.error);
		for (j = 0; j < self->nr && self->ids[j] != got.event.conn;)
			j++;
		ASSERT_GT(self->nr, j);
		self->ids[j] = 0;
	}
	net_netem(HOST_A, NULL);
	EXPECT_EQ(0, conns_count(HOST_A));
	EXPECT_EQ(self->nr, count(KEEPALIVE_TIMEOUTS));
}

/* Nobody looks for them, but they ask no more, and leave the wheel. */
TEST_F(many, switched_off)
{
	ASSERT_TRUE(open_many(self, 20, 2));
	ASSERT_TRUE(wait_entries(20));
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 0));
	stats_read(HOST_A, &self->base);
	EXPECT_TRUE(wait_entries(0));
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
	EXPECT_EQ(20, conns_count(HOST_A));
}

/* Longer is longer, for who is in the wheel already, too. */
TEST_F(many, more_time)
{
	struct conn_times times;
	unsigned int i;
	time_t end;

	ASSERT_TRUE(open_many(self, 20, 2));
	ASSERT_TRUE(wait_entries(20));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_KEEPIDLE, 600));
	stats_read(HOST_A, &self->base);
	end = time(NULL) + PATIENCE;
	for (i = 0; i < self->nr && time(NULL) <= end;) {
		ASSERT_EQ(0, conn_get_times(HOST_A, self->ids[i], &times));
		if (times.keepalive > 100 * SECOND)
			i++;
		else
			usleep(1000);
	}
	EXPECT_EQ(self->nr, i);
	EXPECT_EQ(0, count(KEEPALIVE_PROBES));
	EXPECT_EQ(20, entries());
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
