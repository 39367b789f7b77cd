// SPDX-License-Identifier: GPL-2.0
/*
 * An idle connection is parked: it gives back nearly all of its memory, and goes
 * on as if nothing had been when something happens.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/sockios.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define IDLE_US		10000		/* the least that idle-timeout may be */
#define LARGE		1000000
#define MANY		50		/* pairs */
#define CONNS_MAX	(4 * MANY)

static unsigned char in[LARGE + 1], out[LARGE];

static int set_timeout(__u32 us)
{
	return dev_set_u32(HOST_A, FASTPROTO_A_DEV_IDLE_TIMEOUT, us) ?:
	       dev_set_u32(HOST_B, FASTPROTO_A_DEV_IDLE_TIMEOUT, us);
}

/* How many connections of a host are parked. */
static unsigned int parked(enum host host)
{
	static __u32 values[CONNS_MAX];
	unsigned int count, sum = 0;

	count = conn_get_u32(host, FASTPROTO_A_CONN_PARKED, values, CONNS_MAX);
	while (count)
		sum += values[--count];
	return sum;
}

/* Until that many are parked on either host. */
static bool wait_parked(unsigned int count)
{
	time_t end = time(NULL) + PATIENCE;

	while (parked(HOST_A) != count || parked(HOST_B) != count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Until no connection is left. */
static bool wait_gone(void)
{
	time_t end = time(NULL) + PATIENCE;

	while (conns_count(HOST_A) || conns_count(HOST_B)) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Until no more than that many objects of a cache are in use. */
static bool wait_objects(const char *cache, int most)
{
	time_t end = time(NULL) + PATIENCE;

	while (slab_objects(cache) > most) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* One message of some length arrives, and as what frame. */
static bool pass(int from, int to, size_t len, __u64 *seq)
{
	struct fp_recvinfo info = {};
	static __u32 seed;

	fill(out, len, ++seed);
	if (send(from, out, len, MSG_NOSIGNAL) != (ssize_t)len ||
	    fp_recvinfo(to, in, sizeof(in), 0, &info) != (ssize_t)len)
		return false;
	*seq = info.seq;
	return filled(in, len, seed);
}

/*
 * Did more wake up on a host than datagrams came in? That what was sent twice
 * arrives late, and wakes who is parked, is nobody's fault.
 */
static bool woke_for_nothing(enum host host, const struct stats *base)
{
	struct stats now;

	stats_read(host, &now);
	return now.v[FASTPROTO_A_STATS_WOKEN] -
	       base->v[FASTPROTO_A_STATS_WOKEN] >
	       now.v[FASTPROTO_A_STATS_IN_DATAGRAMS] -
	       base->v[FASTPROTO_A_STATS_IN_DATAGRAMS];
}

/* What was dropped and was no duplicate. */
static __u64 drops_since(enum host host, const struct stats *base)
{
	struct stats now;
	__u64 sum = 0;
	int i;

	stats_read(host, &now);
	for (i = STATS_DROP_FIRST; i <= STATS_DROP_LAST; i++)
		if (i != FASTPROTO_A_STATS_DROP_DUPLICATE)
			sum += now.v[i] - base->v[i];
	return sum;
}

static int fails_with(int fd)
{
	return recv(fd, in, sizeof(in), 0) < 0 ? errno : 0;
}

FIXTURE(park) {
	struct stats a;			/* of host A */
	struct stats b;			/* of host B */
	int client;			/* on host A */
	int server;			/* on host B */
};

FIXTURE_VARIANT(park) {
	int family;
};

FIXTURE_VARIANT_ADD(park, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(park, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(park)
{
	__u64 seq;

	ASSERT_TRUE(wait_gone());
	ASSERT_EQ(0, set_timeout(IDLE_US));
	stats_read(HOST_A, &self->a);
	stats_read(HOST_B, &self->b);
	ASSERT_EQ(0, fp_pair(variant->family, &self->client, &self->server));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_TRUE(pass(self->client, self->server, 10, &seq));
	ASSERT_TRUE(pass(self->server, self->client, 10, &seq));
	ASSERT_TRUE(wait_parked(1));
}

FIXTURE_TEARDOWN(park)
{
	if (self->client >= 0)
		fp_abort(self->client);
	if (self->server >= 0)
		fp_abort(self->server);
	/* Where there is such a thing. */
	fault_cache("fastproto_act", false);
	EXPECT_EQ(0, set_timeout(1000000));
}

static void forget(int *fd)
{
	close(*fd);
	*fd = -1;
}

#define count_a(name) stats_since(HOST_A, &self->a, FASTPROTO_A_STATS_##name)
#define count_b(name) stats_since(HOST_B, &self->b, FASTPROTO_A_STATS_##name)

TEST_F(park, gives_its_memory_back)
{
	int fd[MANY][2], acts, conns, i;

	/* But those of this test, what was there is gone a grace period later. */
	ASSERT_TRUE(wait_objects("fastproto_conn", 2));
	acts = slab_objects("fastproto_act");
	conns = slab_objects("fastproto_conn");
	ASSERT_LE(0, acts);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, fp_pair(variant->family, &fd[i][0], &fd[i][1]));
	EXPECT_TRUE(wait_parked(MANY + 1));
	EXPECT_TRUE(wait_objects("fastproto_act", acts));
	EXPECT_LE(conns + 2 * MANY, slab_objects("fastproto_conn"));
	EXPECT_LE(MANY + 1, count_a(PARKED));
	EXPECT_LE(MANY + 1, count_b(PARKED));
	for (i = 0; i < MANY; i++) {
		fp_abort(fd[i][0]);
		fp_abort(fd[i][1]);
	}
	EXPECT_TRUE(wait_objects("fastproto_conn", conns));
}

/* Whoever speaks first; and no number is missing or comes twice. */
TEST_F(park, goes_on)
{
	__u64 seq;
	int i;

	for (i = 1; i <= 5; i++) {
		ASSERT_TRUE(pass(self->client, self->server, 100, &seq));
		EXPECT_EQ(2 * i - 1, seq);
		ASSERT_TRUE(wait_parked(1));
		ASSERT_TRUE(pass(self->server, self->client, 3 * i, &seq));
		EXPECT_EQ(2 * i - 1, seq);
		ASSERT_TRUE(pass(self->server, self->client, 0, &seq));
		EXPECT_EQ(2 * i, seq);
		ASSERT_TRUE(pass(self->client, self->server, 1000, &seq));
		EXPECT_EQ(2 * i, seq);
		ASSERT_TRUE(wait_parked(1));
	}
	EXPECT_LE(10, count_a(WOKEN));
	EXPECT_LE(10, count_b(WOKEN));
	EXPECT_EQ(0, drops_since(HOST_A, &self->a));
	EXPECT_EQ(0, drops_since(HOST_B, &self->b));
}

TEST_F(park, large_message)
{
	__u64 seq;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(pass(self->client, self->server, LARGE, &seq));
		ASSERT_TRUE(wait_parked(1));
		ASSERT_TRUE(pass(self->server, self->client, LARGE, &seq));
		ASSERT_TRUE(wait_parked(1));
	}
}

TEST_F(park, poll_and_edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC), i;
	struct pollfd pfd = {
		.fd = self->server, .events = POLLIN | POLLOUT | POLLRDHUP,
	};
	int left = -1;

	ASSERT_LE(0, ep);
	stats_read(HOST_B, &self->b);
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLOUT, pfd.revents);
	EXPECT_EQ(0, ioctl(self->server, SIOCINQ, &left));
	EXPECT_EQ(0, left);
	EXPECT_EQ(0, ioctl(self->server, SIOCOUTQ, &left));
	EXPECT_EQ(0, left);
	EXPECT_FAILS(EAGAIN, recv(self->server, in, 1, MSG_DONTWAIT));
	EXPECT_FALSE(woke_for_nothing(HOST_B, &self->b));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->server, &event));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
		ASSERT_EQ(4, send(self->client, "ping", 4, 0));
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, PATIENCE * 1000));
		EXPECT_EQ(4, recv(self->server, in, sizeof(in), 0));
		ASSERT_TRUE(wait_parked(1));
	}
	close(ep);
}

static void *receive_one(void *fd)
{
	char byte;

	return (void *)recv(*(int *)fd, &byte, 1, 0);
}

TEST_F(park, receiver_waits)
{
	pthread_t thread;
	void *got;

	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_one, &self->server));
	EXPECT_TRUE(wait_others_asleep(1));
	EXPECT_TRUE(wait_parked(1));
	EXPECT_EQ(1, send(self->client, "x", 1, 0));
	EXPECT_EQ(0, pthread_join(thread, &got));
	EXPECT_EQ(1, (long)got);
}

TEST_F(park, shutdown)
{
	__u64 seq;

	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
	/* The half that is left goes on, after a pause, too. */
	while (!parked(HOST_B))
		usleep(1000);
	ASSERT_TRUE(pass(self->server, self->client, 5000, &seq));
	while (!parked(HOST_B))
		usleep(1000);
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_TRUE(wait_gone());
	EXPECT_EQ(1, count_a(ENDED_CLOSED));
	EXPECT_EQ(1, count_b(ENDED_CLOSED));
}

TEST_F(park, close)
{
	forget(&self->client);
	EXPECT_EQ(0, recv(self->server, in, sizeof(in), 0));
	forget(&self->server);
	EXPECT_TRUE(wait_gone());
	EXPECT_EQ(1, count_a(ENDED_CLOSED));
	EXPECT_EQ(1, count_b(ENDED_CLOSED));
}

/* Who has something to read is not idle. */
TEST_F(park, unread)
{
	int fd[2];

	ASSERT_EQ(4, send(self->client, "ping", 4, 0));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	/* What is idle since then is parked. */
	ASSERT_EQ(0, fp_pair(variant->family, &fd[0], &fd[1]));
	while (parked(HOST_A) != 2)
		usleep(1000);
	while (!parked(HOST_B))
		usleep(1000);
	EXPECT_EQ(1, parked(HOST_B));
	forget(&self->server);
	EXPECT_EQ(ECONNRESET, fails_with(self->client));
	fp_abort(fd[0]);
	fp_abort(fd[1]);
}

/* Its reset goes out, and is taken in by one that is parked, too. */
TEST_F(park, reset)
{
	stats_read(HOST_A, &self->a);
	fp_abort(self->client);
	self->client = -1;
	EXPECT_EQ(ECONNRESET, fails_with(self->server));
	EXPECT_TRUE(wait_gone());
	EXPECT_FALSE(woke_for_nothing(HOST_A, &self->a));
	EXPECT_EQ(1, count_b(IN_RESETS));
}

TEST_F(park, kill)
{
	static const char kill[] =
		"sh -c fpctl\tkill\t$(fpctl\tconnection|awk\t'NR>1{print$NF}')";

	stats_read(HOST_A, &self->a);
	ASSERT_EQ(0, net_run(HOST_A, kill));
	EXPECT_EQ(ECONNABORTED, fails_with(self->client));
	EXPECT_EQ(ECONNRESET, fails_with(self->server));
	EXPECT_FALSE(woke_for_nothing(HOST_A, &self->a));
	EXPECT_EQ(1, count_b(IN_RESETS));
}

TEST_F(park, connects_again)
{
	struct sockaddr_fp addr;
	int listener, i;
	__u64 seq;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, fp_disconnect(self->client));
		EXPECT_EQ(ECONNRESET, fails_with(self->server));
		forget(&self->server);
		listener = fp_listen(HOST_B, variant->family, 1, &addr);
		ASSERT_LE(0, listener);
		ASSERT_EQ(0, fp_connect(self->client, &addr));
		self->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ASSERT_LE(0, self->server);
		close(listener);
		ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO, FP_RECVINFO,
				       1));
		ASSERT_TRUE(pass(self->client, self->server, 10, &seq));
		EXPECT_EQ(0, seq);
		ASSERT_TRUE(wait_parked(1));
	}
}

static __u32 value_of(enum host host, int attr)
{
	__u32 value = 0;

	return conn_get_u32(host, attr, &value, 1) == 1 ? value : 0;
}

/* What one end has left of what the other has given. */
#define EXPECT_SAME_CREDIT() do {					\
	EXPECT_EQ(value_of(HOST_B, FASTPROTO_A_CONN_RX_CREDIT),		\
		  value_of(HOST_A, FASTPROTO_A_CONN_TX_CREDIT));	\
	EXPECT_EQ(value_of(HOST_A, FASTPROTO_A_CONN_RX_CREDIT),		\
		  value_of(HOST_B, FASTPROTO_A_CONN_TX_CREDIT));	\
} while (0)

/* Until all that may go has arrived, and the rest waits for credit. */
static bool wait_full(void)
{
	time_t end = time(NULL) + PATIENCE;

	while (value_of(HOST_A, FASTPROTO_A_CONN_TX_UNACKED) ||
	       !value_of(HOST_A, FASTPROTO_A_CONN_TX_QUEUE)) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Not a unit of credit is made or lost by parking, on either side. */
TEST_F_TIMEOUT(park, credit, 240)
{
	enum { LEN = 1000, COST = LEN + 512 };
	__u32 buffer, msg_max;
	int sent, got, round;

	/* A connection of which little fills the window. */
	forget(&self->client);
	forget(&self->server);
	ASSERT_TRUE(wait_gone());
	ASSERT_EQ(0, dev_get_u32(HOST_B, FASTPROTO_A_DEV_RX_BUFFER, &buffer));
	ASSERT_EQ(0, dev_get_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, &msg_max));
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RX_BUFFER, 200000));
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, 5000));
	ASSERT_EQ(0, fp_pair(variant->family, &self->client, &self->server));
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RX_BUFFER, buffer));
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, msg_max));
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUF, 300000));
	ASSERT_TRUE(wait_parked(1));

	EXPECT_SAME_CREDIT();
	for (round = 0; round < 3; round++) {
		for (sent = 0; send(self->client, out, LEN, MSG_DONTWAIT) ==
			       LEN; sent++)
			;
		EXPECT_EQ(EAGAIN, errno);
		ASSERT_TRUE(wait_full());
		EXPECT_SAME_CREDIT();
		EXPECT_GT(COST, value_of(HOST_A, FASTPROTO_A_CONN_TX_CREDIT));
		for (got = 0; got < sent; got++)
			ASSERT_EQ(LEN, recv(self->server, in, sizeof(in), 0));
		ASSERT_TRUE(wait_parked(1));
		EXPECT_SAME_CREDIT();
		EXPECT_LT(COST, value_of(HOST_A, FASTPROTO_A_CONN_TX_CREDIT));
	}
}

/* More of it: keepalive_test.c. */
TEST_F(park, keepalive)
{
	__u64 seq;
	int i;

	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 1));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(wait_parked(1));
		EXPECT_TRUE(wait_objects("fastproto_act", 0));
		EXPECT_EQ(1, slab_objects("fastproto_keep"));
		ASSERT_TRUE(pass(self->client, self->server, 100, &seq));
		EXPECT_EQ(i + 1, seq);
		ASSERT_TRUE(pass(self->server, self->client, 100, &seq));
		EXPECT_EQ(i + 1, seq);
	}
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_KEEPALIVE, 0));
	EXPECT_TRUE(wait_parked(1));
	EXPECT_TRUE(wait_objects("fastproto_keep", 0));
	EXPECT_EQ(0, count_a(KEEPALIVE_PROBES));
}

/* A message of a conversation has its number, and then what follows from it. */
struct talk {
	int from;
	int to;
	unsigned int count;
	__u32 seed;
	bool good;
	pthread_t sender;
	pthread_t receiver;
};

static size_t length_of(__u32 number)
{
	return number % 97 == 96 ? 150000 : number * 7919 % 3000;
}

static void *say(void *arg)
{
	const struct talk *t = arg;
	unsigned char *buf = malloc(150000);
	__u32 random = t->seed, i;
	bool good = true;

	for (i = 0; i < t->count && good; i++) {
		fill(buf, length_of(i), t->seed + i);
		good = send(t->from, buf, length_of(i), MSG_NOSIGNAL) ==
		       (ssize_t)length_of(i);
		random = random * 1664525 + 1013904223;
		/* Half of the pauses are longer than it takes to be parked. */
		usleep(random % (4 * IDLE_US));
	}
	free(buf);
	return good ? arg : NULL;
}

static void *hear(void *arg)
{
	const struct talk *t = arg;
	unsigned char *buf = malloc(150001);
	bool good = true;
	__u32 i;

	for (i = 0; i < t->count && good; i++)
		good = recv(t->to, buf, 150001, 0) == (ssize_t)length_of(i) &&
		       filled(buf, length_of(i), t->seed + i);
	free(buf);
	return good ? arg : NULL;
}

static bool talk_start(struct talk *t)
{
	return !pthread_create(&t->sender, NULL, say, t) &&
	       !pthread_create(&t->receiver, NULL, hear, t);
}

static bool talk_end(struct talk *t)
{
	void *said = NULL, *heard = NULL;

	pthread_join(t->sender, &said);
	pthread_join(t->receiver, &heard);
	return said && heard;
}

#define PAIRS		8

/* All talk to each other, with pauses. */
static bool talk_all(int fd[PAIRS][2])
{
	struct talk talk[2 * PAIRS] = {};
	bool good = true;
	int i;

	for (i = 0; i < 2 * PAIRS; i++) {
		talk[i] = (struct talk) {
			.from = fd[i / 2][i % 2], .to = fd[i / 2][1 - i % 2],
			.count = fewer(200), .seed = 1000 * i + 1,
		};
		if (!talk_start(&talk[i]))
			return false;
	}
	for (i = 0; i < 2 * PAIRS; i++)
		if (!talk_end(&talk[i])) {
			ksft_print_msg("talk %d\n", i);
			good = false;
		}
	return good;
}

/*
 * Many times a message comes just when its connection is being parked. How
 * often depends on the host; so it is tried until it was often enough.
 */
TEST_F_TIMEOUT(park, pauses, 480)
{
	const __u64 enough = PAIRS * fewer(200) / 20;
	int fd[PAIRS][2], rounds = 20, i;

	for (i = 0; i < PAIRS; i++)
		ASSERT_EQ(0, fp_pair(variant->family, &fd[i][0], &fd[i][1]));
	do {
		ASSERT_TRUE(talk_all(fd));
	} while ((count_a(WOKEN) <= enough || count_b(WOKEN) <= enough) &&
		 --rounds);
	EXPECT_LT(0, rounds);
	EXPECT_TRUE(wait_parked(PAIRS + 1));
	for (i = 0; i < PAIRS; i++) {
		fp_abort(fd[i][0]);
		fp_abort(fd[i][1]);
	}
}

/* From now on who is parked can't wake up: so many, until fault_cache(). */
static bool keep_parked(unsigned int a, unsigned int b)
{
	time_t end = time(NULL) + PATIENCE;

	do {
		if (fault_cache("fastproto_act", true))
			break;
		if (parked(HOST_A) == a && parked(HOST_B) == b)
			return true;
		fault_cache("fastproto_act", false);
		usleep(1000);
	} while (time(NULL) <= end);
	return false;
}

/* Without memory a frame is as good as lost, and a call says so. */
TEST_F(park, no_memory)
{
	char byte;

	if (!fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	ASSERT_TRUE(keep_parked(1, 1));
	EXPECT_FAILS(ENOMEM, send(self->client, "x", 1, 0));
	EXPECT_FAILS(ENOMEM, shutdown(self->client, SHUT_WR));
	ASSERT_EQ(0, fault_cache("fastproto_act", false));

	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_EQ(1, recv(self->server, &byte, 1, 0));
	/* The client stays awake: it has something to read. */
	ASSERT_EQ(1, send(self->server, "z", 1, 0));
	ASSERT_TRUE(fp_wait(self->client, POLLIN));
	ASSERT_TRUE(keep_parked(0, 1));
	EXPECT_EQ(1, send(self->client, "y", 1, 0));
	EXPECT_TRUE(stats_wait(HOST_B, &self->b,
			       FASTPROTO_A_STATS_DROP_NO_MEMORY, 1));
	ASSERT_EQ(0, fault_cache("fastproto_act", false));
	EXPECT_EQ(1, recv(self->server, &byte, 1, 0));
	EXPECT_EQ('y', byte);

	/* It can't say farewell in good order: that is a reset. */
	EXPECT_EQ(1, recv(self->client, &byte, 1, 0));
	EXPECT_EQ('z', byte);
	ASSERT_TRUE(keep_parked(1, 1));
	forget(&self->client);
	EXPECT_EQ(ECONNRESET, fails_with(self->server));
	ASSERT_EQ(0, fault_cache("fastproto_act", false));
}

static bool all_parked_here(void)
{
	static const char count[] =
		"test $(fpctl -j connection|grep -o '\"parked\": *1'|wc -l) = 40";

	return !system(count);
}

/* A host of its own with parked connections, which goes with its process. */
static int live_and_die(int family)
{
	struct sockaddr_fp addr = fp_loopback(family, 0);
	time_t end = time(NULL) + PATIENCE;
	int listener, client, i;

	if (unshare(CLONE_NEWNET) || system("ip link set lo up") ||
	    system("fpctl set idle-timeout 10000 >/dev/null"))
		return 1;
	listener = socket(AF_FASTPROTO, SOCK_SEQPACKET, 0);
	if (fp_bind(listener, &addr) || fp_name(listener, &addr) ||
	    listen(listener, 5))
		return 2;
	for (i = 0; i < 20; i++) {
		client = socket(AF_FASTPROTO, SOCK_SEQPACKET, 0);
		if (fp_setint(client, SOL_SOCKET, SO_KEEPALIVE, i % 2) ||
		    fp_connect(client, &addr) ||
		    accept(listener, NULL, NULL) < 0)
			return 3;
	}
	while (!all_parked_here())
		if (time(NULL) > end)
			return 4;
	return 0;
}

/* The other host begins a few programs, which takes a slow kernel its time. */
TEST_F_TIMEOUT(park, namespace_goes, 240)
{
	int conns = slab_objects("fastproto_conn");
	int acts = slab_objects("fastproto_act");
	int status = -1;
	pid_t pid;

	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(live_and_die(variant->family));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(wait_objects("fastproto_act", acts));
	EXPECT_TRUE(wait_objects("fastproto_conn", conns));
	EXPECT_TRUE(wait_objects("fastproto_keep", 0));
}

/* A socket with many connections, idle ones as well as others. */
FIXTURE(rdm) {
	struct stats a;			/* of host A */
	struct stats b;			/* of host B */
	int client;			/* on host A */
	int server;			/* on host B */
	struct sockaddr_fp addr;	/* of the server */
	__u64 id;			/* of the client's connection */
	__u64 peer;			/* of the server's */
};

/* One message of some length arrives. */
static struct got pass_on(int from, __u64 conn, int to, size_t len)
{
	struct got got = { .len = -1 };
	static __u32 seed;

	fill(out, len, ++seed);
	if (rdm_send(from, conn, out, len, 0) == (ssize_t)len)
		got = rdm_receive(to, in, sizeof(in), 0);
	if (got.len != (ssize_t)len || !filled(in, len, seed))
		got.len = -1;
	return got;
}

FIXTURE_SETUP(rdm)
{
	struct got got;

	ASSERT_TRUE(wait_gone());
	ASSERT_EQ(0, set_timeout(IDLE_US));
	stats_read(HOST_A, &self->a);
	stats_read(HOST_B, &self->b);
	self->client = rdm_open(HOST_A);
	ASSERT_LE(0, self->client);
	self->server = rdm_listen(HOST_B, AF_INET, &self->addr);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &self->id));
	got = pass_on(self->client, self->id, self->server, 10);
	ASSERT_EQ(10, got.len);
	self->peer = got.name.sfp_conn;
	ASSERT_TRUE(wait_parked(1));
}

FIXTURE_TEARDOWN(rdm)
{
	close(self->client);
	close(self->server);
	EXPECT_TRUE(wait_gone());
	EXPECT_EQ(0, set_timeout(1000000));
}

TEST_F(rdm, goes_on)
{
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(100, pass_on(self->client, self->id, self->server,
				       100).len);
		ASSERT_TRUE(wait_parked(1));
		ASSERT_EQ(i, pass_on(self->server, self->peer, self->client,
				     i).len);
		ASSERT_EQ(LARGE, pass_on(self->server, self->peer, self->client,
					 LARGE).len);
		ASSERT_TRUE(wait_parked(1));
	}
	EXPECT_LE(10, count_a(WOKEN));
	EXPECT_LE(10, count_b(WOKEN));
	EXPECT_EQ(0, drops_since(HOST_A, &self->a));
	EXPECT_EQ(0, drops_since(HOST_B, &self->b));
}

/* Only those wake up on which something happens. */
TEST_F(rdm, one_of_many)
{
	__u64 ids[MANY];
	struct got got;
	int i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &ids[i]));
	ASSERT_TRUE(wait_parked(MANY + 1));
	ASSERT_EQ(4, rdm_send(self->client, ids[7], "ping", 4, 0));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	while (parked(HOST_A) != MANY + 1)
		usleep(1000);
	/* It has something to read there. */
	EXPECT_EQ(MANY, parked(HOST_B));
	got = rdm_receive(self->server, in, sizeof(in), 0);
	EXPECT_EQ(4, got.len);
	ASSERT_TRUE(wait_parked(MANY + 1));
	got = pass_on(self->server, got.name.sfp_conn, self->client, 4);
	EXPECT_EQ(4, got.len);
	EXPECT_EQ(ids[7], got.name.sfp_conn);
	/* The end wakes nobody who has nothing to say, but is told. */
	ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO, FP_EVENTS, 1));
	ASSERT_TRUE(wait_parked(MANY + 1));
	ASSERT_EQ(0, rdm_close(self->client, ids[8]));
	got = rdm_receive(self->server, in, sizeof(in), 0);
	EXPECT_EQ(FP_EVENT_CLOSED, got.event.type);
	EXPECT_EQ(0, got.event.error);
	EXPECT_TRUE(wait_parked(MANY));
}

/* Who waits for an answer for long is not looked at; he is when it has come. */
TEST_F(rdm, late_answer)
{
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	EXPECT_EQ(4, rdm_send(self->client, self->id, "late", 4, 0));
	EXPECT_TRUE(stats_wait(HOST_A, &self->a,
			       FASTPROTO_A_STATS_RTO_TIMEOUTS, 2));
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	EXPECT_EQ(4, rdm_receive(self->server, in, sizeof(in), 0).len);
	EXPECT_TRUE(wait_parked(1));
}

/* A connection that is parked gets a socket of its own. */
TEST_F(rdm, peel_off)
{
	int fd;

	ASSERT_EQ(0, fp_setint(self->server, SOL_SOCKET, SO_KEEPALIVE, 1));
	fd = rdm_peel(self->server, self->peer);
	ASSERT_LE(0, fd);
	ASSERT_EQ(4, rdm_send(self->client, self->id, "ping", 4, 0));
	EXPECT_EQ(4, recv(fd, in, sizeof(in), 0));
	ASSERT_TRUE(wait_parked(1));
	ASSERT_EQ(4, send(fd, "pong", 4, 0));
	EXPECT_EQ(4, rdm_receive(self->client, in, sizeof(in), 0).len);
	close(fd);
}

/* The application that closes it wakes it, and so does the end of its socket. */
TEST_F(rdm, ends)
{
	__u64 ids[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &ids[i]));
	ASSERT_TRUE(wait_parked(MANY + 1));
	stats_read(HOST_A, &self->a);
	for (i = 0; i < MANY / 2; i++)
		ASSERT_EQ(0, rdm_close(self->client, ids[i]));
	close(self->client);
	self->client = -1;
	EXPECT_TRUE(wait_gone());
	EXPECT_EQ(MANY + 1, count_a(ENDED_CLOSED));
	EXPECT_EQ(0, count_a(ENDED_ABORTED));
}

TEST(module_goes)
{
	int fd[MANY][2], i;

	if (!module_find())
		SKIP(return, "needs the module's file");
	ASSERT_TRUE(wait_gone());
	ASSERT_EQ(0, set_timeout(IDLE_US));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, fp_pair(AF_INET, &fd[i][0], &fd[i][1]));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, fp_setint(fd[i][0], SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_TRUE(wait_parked(MANY));
	for (i = 0; i < MANY; i++) {
		close(fd[i][0]);
		close(fd[i][1]);
	}
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(""));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
