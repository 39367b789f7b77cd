// SPDX-License-Identifier: GPL-2.0
/* SOCK_RDM: one socket, any number of connections. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/sockios.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define LARGE	200000

static unsigned char in[LARGE + 1], out[LARGE + 1];

static struct got receive(int fd, int flags)
{
	return rdm_receive(fd, in, sizeof(in), flags);
}

/*
 * Until a host has so many connections; for longer than it takes until nobody waits
 * for a peer that is gone any more.
 */
static bool wait_conns(enum host host, unsigned int count)
{
	time_t end = time(NULL) + 10 * PATIENCE;

	while (conns_count(host) != count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

FIXTURE(rdm) {
	int client;			/* on host A */
	int server;			/* on host B, listens */
	struct sockaddr_fp addr;	/* of the server */
	struct stats base;		/* of host A */
	bool cut;			/* nothing gets from host A to B */
};

FIXTURE_VARIANT(rdm) {
	int family;
};

FIXTURE_VARIANT_ADD(rdm, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(rdm, ipv6) {
	.family = AF_INET6,
};

/*
 * Both sockets are closed at once. A peer whose last word got lost, among thousands,
 * hears that the port is gone. Linux says so to each once in a second; and a thousand
 * times in all, which stays.
 */
static int tell_all_of_closed_ports(void)
{
	return net_sysctl(HOST_B, "ipv4/icmp_ratelimit", "0") ?:
	       net_sysctl(HOST_B, "ipv6/icmp/ratelimit", "0");
}

FIXTURE_SETUP(rdm)
{
	ASSERT_EQ(0, tell_all_of_closed_ports());
	self->client = rdm_open(HOST_A);
	ASSERT_LE(0, self->client);
	self->server = rdm_listen(HOST_B, variant->family, &self->addr);
	ASSERT_LE(0, self->server);
}

FIXTURE_TEARDOWN(rdm)
{
	if (self->cut)
		net_netem(HOST_A, NULL);
	close(self->client);
	close(self->server);
	EXPECT_TRUE(wait_conns(HOST_A, 0));
	EXPECT_TRUE(wait_conns(HOST_B, 0));
}

static int set_events(int fd)
{
	return fp_setint(fd, SOL_FASTPROTO, FP_EVENTS, 1);
}

TEST_F(rdm, question_and_answer)
{
	static const char one_connection[] =
		"fpctl -j socket type rdm|jq -e 'map(.connections)==[1]' >&2";
	struct got question, answer;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(8, fp_sendto(self->client, "question", 8,
				       &self->addr));
		question = receive(self->server, 0);
		ASSERT_EQ(8, question.len);
		EXPECT_EQ(0, memcmp(in, "question", 8));
		EXPECT_TRUE(question.flags & MSG_EOR);
		EXPECT_FALSE(question.flags & MSG_FP_EVENT);
		EXPECT_NE(0, question.name.sfp_conn);
		EXPECT_EQ(variant->family, question.name.sfp_transport);
		ASSERT_EQ(6, rdm_send(self->server, question.name.sfp_conn,
				      "answer", 6, 0));
		answer = receive(self->client, 0);
		ASSERT_EQ(6, answer.len);
		EXPECT_EQ(0, memcmp(in, "answer", 6));
		EXPECT_TRUE(fp_same(&answer.name, &self->addr) ||
			    fp_same_ip(&answer.name, &self->addr));
		EXPECT_NE(0, answer.name.sfp_conn);
	}
	EXPECT_EQ(0, system(one_connection));
	/* One connection was opened, and kept. */
	EXPECT_EQ(1, conns_count(HOST_A));
	EXPECT_EQ(1, conns_count(HOST_B));
	/* A message of no bytes is one. */
	ASSERT_EQ(0, rdm_send(self->client, answer.name.sfp_conn, "", 0, 0));
	EXPECT_EQ(0, receive(self->server, 0).len);
	EXPECT_EQ(-1, receive(self->server, MSG_DONTWAIT).len);
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(rdm, many_in_order)
{
	const unsigned int count = fewer(500);
	unsigned int i;

	for (i = 0; i < count; i++) {
		size_t len = i % 10 ? i : 20000;

		fill(out, len, i);
		ASSERT_EQ((ssize_t)len, fp_sendto(self->client, out, len,
						  &self->addr));
	}
	for (i = 0; i < count; i++) {
		size_t len = i % 10 ? i : 20000;

		ASSERT_EQ((ssize_t)len, receive(self->server, 0).len);
		ASSERT_TRUE(filled(in, len, i));
	}
}

TEST_F(rdm, several_connections)
{
	const unsigned int count = fewer(100);
	__u64 conns[100], id;
	unsigned int i, j, left;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conns[i]));
		for (j = 0; j < i; j++)
			ASSERT_NE(conns[i], conns[j]);
		ASSERT_EQ(4, rdm_send(self->client, conns[i], &i, 4, 0));
	}
	for (i = 0; i < count; i++) {
		struct got got = receive(self->server, 0);

		ASSERT_EQ(4, got.len);
		id = got.name.sfp_conn;
		ASSERT_EQ(4, rdm_send(self->server, id, in, 4, 0));
	}
	for (left = count; left; left--) {
		struct got got = receive(self->client, 0);

		ASSERT_EQ(4, got.len);
		memcpy(&i, in, 4);
		ASSERT_GT(count, i);
		EXPECT_EQ(conns[i], got.name.sfp_conn);
		conns[i] = 0;
	}
	EXPECT_EQ(count, conns_count(HOST_B));
}

/* At the limit no more are opened, and those that there are live. */
TEST_F(rdm, limit)
{
	const int attr = FASTPROTO_A_DEV_SOCKET_CONNECTIONS_MAX;
	struct stats base;
	struct got got;
	__u64 conn[4];
	__u32 before;

	ASSERT_EQ(0, dev_get_u32(HOST_A, attr, &before));
	ASSERT_EQ(0, dev_set_u32(HOST_A, attr, 3));
	ASSERT_EQ(0, dev_set_u32(HOST_B, attr, 2));
	stats_read(HOST_A, &self->base);
	stats_read(HOST_B, &base);
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn[0]));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn[1]));
	ASSERT_EQ(1, rdm_send(self->client, conn[0], "0", 1, 0));
	ASSERT_EQ(1, rdm_send(self->client, conn[1], "1", 1, 0));
	ASSERT_EQ(1, receive(self->server, 0).len);
	got = receive(self->server, 0);
	ASSERT_EQ(1, got.len);
	/* The server's limit: not refused, but not yet taken, either. */
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn[2]));
	ASSERT_EQ(1, rdm_send(self->client, conn[2], "2", 1, 0));
	EXPECT_TRUE(stats_wait(HOST_B, &base, FASTPROTO_A_STATS_DROP_LIMIT, 1));
	/* The client's own. */
	EXPECT_FAILS(EAGAIN, rdm_dial(self->client, &self->addr, &conn[3]));
	EXPECT_FAILS(EAGAIN, fp_sendto(self->client, "x", 1, &self->addr));
	EXPECT_EQ(2, stats_since(HOST_A, &self->base,
				 FASTPROTO_A_STATS_CONNECTS_LIMITED));
	ASSERT_EQ(1, rdm_send(self->client, conn[0], "0", 1, 0));
	ASSERT_EQ(1, receive(self->server, 0).len);
	/* One goes, and the one that waits gets its place. */
	ASSERT_EQ(0, rdm_close(self->server, got.name.sfp_conn));
	ASSERT_EQ(1, receive(self->server, 0).len);
	EXPECT_EQ('2', in[0]);
	ASSERT_EQ(0, dev_set_u32(HOST_A, attr, before));
	ASSERT_EQ(0, dev_set_u32(HOST_B, attr, before));
}

/* One that has much to say is heard as often as one that has little. */
TEST_F(rdm, each_gets_its_turn)
{
	__u64 loud, quiet;
	int i;

	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &loud));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &quiet));
	for (i = 0; i < 50; i++)
		ASSERT_EQ(4, rdm_send(self->client, loud, "loud", 4, 0));
	ASSERT_EQ(4, receive(self->server, MSG_PEEK).len);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(5, rdm_send(self->client, quiet, "quiet", 5, 0));
	/* All are there when the acknowledgments are. */
	while (conn_get_u32(HOST_B, FASTPROTO_A_CONN_STATE, NULL, 0) != 2)
		usleep(1000);
	usleep(100000);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(i % 2 ? 5 : 4, receive(self->server, 0).len);
}

TEST_F(rdm, events)
{
	struct got got;
	__u64 conn, other;

	ASSERT_EQ(0, set_events(self->client));
	ASSERT_EQ(0, set_events(self->server));
	EXPECT_EQ(1, fp_getint(self->server, SOL_FASTPROTO, FP_EVENTS));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn));
	got = receive(self->client, 0);
	EXPECT_EQ(sizeof(struct fp_event), got.len);
	EXPECT_TRUE(got.flags & MSG_FP_EVENT);
	EXPECT_EQ(FP_EVENT_OPENED, got.event.type);
	EXPECT_EQ(conn, got.event.conn);
	EXPECT_EQ(conn, got.name.sfp_conn);
	got = receive(self->server, 0);
	EXPECT_EQ(FP_EVENT_OPENED, got.event.type);
	other = got.event.conn;
	ASSERT_EQ(3, rdm_send(self->server, other, "bye", 3, 0));
	ASSERT_EQ(0, rdm_close(self->server, other));
	EXPECT_FAILS(ENOTCONN, rdm_send(self->server, other, "x", 1, 0));
	EXPECT_FAILS(ENOTCONN, rdm_close(self->server, other));
	/* First what was said, then the end, both if somebody peeks or not. */
	EXPECT_EQ(3, receive(self->client, MSG_PEEK).len);
	EXPECT_EQ(3, receive(self->client, 0).len);
	got = receive(self->client, MSG_PEEK);
	EXPECT_EQ(FP_EVENT_CLOSED, got.event.type);
	got = receive(self->client, 0);
	EXPECT_TRUE(got.flags & MSG_FP_EVENT);
	EXPECT_EQ(FP_EVENT_CLOSED, got.event.type);
	EXPECT_EQ(0, got.event.error);
	EXPECT_EQ(conn, got.event.conn);
	EXPECT_FAILS(ENOTCONN, rdm_send(self->client, conn, "x", 1, 0));
	EXPECT_TRUE(wait_conns(HOST_A, 0));
}

TEST_F(rdm, nobody_there)
{
	struct sockaddr_fp nobody = self->addr;
	struct got got;
	__u64 conn;

	ASSERT_EQ(0, set_events(self->client));
	close(self->server);
	self->server = rdm_open(HOST_B);
	ASSERT_EQ(0, rdm_dial(self->client, &nobody, &conn));
	/* Unless the answer is there already. */
	rdm_send(self->client, conn, "lost", 4, 0);
	got = receive(self->client, 0);
	EXPECT_EQ(FP_EVENT_CLOSED, got.event.type);
	EXPECT_EQ(ECONNREFUSED, got.event.error);
	EXPECT_EQ(conn, got.event.conn);
	EXPECT_FAILS(ENOTCONN, rdm_send(self->client, conn, "x", 1, 0));
	/* The socket is as good as before. */
	EXPECT_EQ(0, fp_getint(self->client, SOL_SOCKET, SO_ERROR));
	/* Bound, but it does not listen. */
	ASSERT_EQ(0, fp_bind(self->server, &self->addr));
	if (fp_sendto(self->client, "lost", 4, &self->addr) != 4)
		EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(ECONNREFUSED, receive(self->client, 0).event.error);
}

/* Whoever closes at once has said what he said. */
TEST_F(rdm, last_words)
{
	int i;

	for (i = 0; i < 20; i++) {
		fill(out, 3000, i);
		ASSERT_EQ(3000, fp_sendto(self->client, out, 3000,
					  &self->addr));
	}
	close(self->client);
	self->client = rdm_open(HOST_A);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(3000, receive(self->server, 0).len);
		EXPECT_TRUE(filled(in, 3000, i));
	}
}

/* A full connection is nobody else's business. */
TEST_F(rdm, full)
{
	__u64 full, other;
	struct got got;
	int count = 0;

	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUF, 30000));
	self->cut = true;
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &full));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &other));
	fill(out, 1000, 1);
	while (rdm_send(self->client, full, out, 1000, MSG_DONTWAIT) == 1000)
		ASSERT_GT(1000, ++count);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, count);
	EXPECT_EQ(4, rdm_send(self->client, other, "room", 4, MSG_DONTWAIT));
	ASSERT_EQ(0, set_events(self->client));
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	self->cut = false;
	do
		got = receive(self->client, 0);
	while (got.event.type == FP_EVENT_OPENED);
	EXPECT_EQ(FP_EVENT_WRITABLE, got.event.type);
	EXPECT_EQ(full, got.event.conn);
	EXPECT_EQ(1000, rdm_send(self->client, full, out, 1000, MSG_DONTWAIT));
	for (count += 2; count; count--)
		ASSERT_LT(0, receive(self->server, 0).len);
}

/* What is not acknowledged, on all connections. */
static int unacked(int fd)
{
	int bytes = -1;

	return ioctl(fd, SIOCOUTQ, &bytes) ? -1 : bytes;
}

static bool wait_acked(int fd)
{
	time_t end = time(NULL) + PATIENCE;

	while (unacked(fd)) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

TEST_F(rdm, queue_length)
{
	__u64 conns[3];
	struct got got;
	int i, fd;

	EXPECT_EQ(0, unacked(self->client));
	self->cut = true;
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conns[i]));
		ASSERT_EQ(1000 * (i + 1), rdm_send(self->client, conns[i], out,
						   1000 * (i + 1), 0));
	}
	EXPECT_EQ(6000, unacked(self->client));
	ASSERT_EQ(0, rdm_close(self->client, conns[1]));
	EXPECT_EQ(4000, unacked(self->client));
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	self->cut = false;
	/* What is closed is delivered, too. */
	for (i = 0; i < 3; i++) {
		got = receive(self->server, 0);
		ASSERT_LT(0, got.len);
	}
	EXPECT_TRUE(wait_acked(self->client));
	/* What is peeled off counts there. */
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	self->cut = true;
	ASSERT_EQ(500, rdm_send(self->client, conns[0], out, 500, 0));
	ASSERT_EQ(300, rdm_send(self->client, conns[2], out, 300, 0));
	EXPECT_EQ(800, unacked(self->client));
	fd = rdm_peel(self->client, conns[0]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(300, unacked(self->client));
	EXPECT_EQ(500, unacked(fd));
	fp_abort(fd);
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	self->cut = false;
	EXPECT_TRUE(wait_acked(self->client));
}

static int set_linger(int fd, int seconds)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Opens so many connections, and says something on each. */
static bool say_on(int fd, const struct sockaddr_fp *to, int count)
{
	__u64 conn;

	for (; count; count--)
		if (rdm_dial(fd, to, &conn) ||
		    rdm_send(fd, conn, out, 2000, 0) != 2000)
			return false;
	return true;
}

/* When close() returns, the peers have everything. */
TEST_F(rdm, linger)
{
	int i;

	ASSERT_EQ(0, net_netem(HOST_A, "delay 200ms"));
	self->cut = true;
	ASSERT_EQ(0, set_events(self->client));
	ASSERT_EQ(0, set_linger(self->client, PATIENCE));
	ASSERT_TRUE(say_on(self->client, &self->addr, 10));
	EXPECT_EQ(0, close(self->client));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(2000, receive(self->server, MSG_DONTWAIT).len);
	self->client = -1;
}

/* Or the time is over: then the rest happens in the background. */
TEST_F(rdm, linger_no_longer)
{
	struct timespec from, to;
	int i;

	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	self->cut = true;
	ASSERT_EQ(0, set_linger(self->client, 1));
	ASSERT_TRUE(say_on(self->client, &self->addr, 5));
	clock_gettime(CLOCK_MONOTONIC, &from);
	EXPECT_EQ(0, close(self->client));
	clock_gettime(CLOCK_MONOTONIC, &to);
	self->client = -1;
	/* A tick may be missing. */
	EXPECT_LT(900, (to.tv_sec - from.tv_sec) * 1000 +
		  (to.tv_nsec - from.tv_nsec) / 1000000);
	EXPECT_EQ(5, conns_count(HOST_A));
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	self->cut = false;
	for (i = 0; i < 5; i++)
		EXPECT_EQ(2000, receive(self->server, 0).len);
}

TEST_F(rdm, linger_not_at_all)
{
	struct got got;

	ASSERT_TRUE(say_on(self->client, &self->addr, 1));
	ASSERT_TRUE(wait_acked(self->client));
	ASSERT_EQ(0, set_events(self->server));
	ASSERT_EQ(0, set_linger(self->client, 0));
	EXPECT_EQ(0, close(self->client));
	self->client = -1;
	EXPECT_EQ(2000, receive(self->server, 0).len);
	got = receive(self->server, 0);
	EXPECT_EQ(FP_EVENT_CLOSED, got.event.type);
	EXPECT_EQ(ECONNRESET, got.event.error);
}

struct blocked {
	int fd;
	__u64 conn;
	int err;
};

static void *send_until_over(void *arg)
{
	struct blocked *blocked = arg;

	while (rdm_send(blocked->fd, blocked->conn, out, 1000, 0) == 1000)
		;
	blocked->err = errno;
	return NULL;
}

/* Who waits for room is told that there will be none. */
TEST_F(rdm, blocked_until_the_end)
{
	struct blocked blocked = { .fd = self->client };
	pthread_t thread;

	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUF, 30000));
	self->cut = true;
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &blocked.conn));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_until_over, &blocked));
	ASSERT_TRUE(wait_others_asleep(1));
	ASSERT_EQ(0, rdm_close(self->client, blocked.conn));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(blocked.err == EPIPE || blocked.err == ENOTCONN);
}

/* Says a number on a connection of its own. */
static int say_on_new(struct _test_data_rdm *t, unsigned int number)
{
	__u64 conn;

	if (rdm_dial(t->client, &t->addr, &conn))
		return -1;
	return rdm_send(t->client, conn, &number, sizeof(number), 0);
}

/* How many came before another one was not in time, or was not one of them. */
static unsigned int receive_each(int fd, unsigned int count)
{
	bool *came = calloc(count, sizeof(*came));
	unsigned int seen, i;

	for (seen = 0; seen < count; seen++) {
		if (receive(fd, 0).len != sizeof(i))
			break;
		memcpy(&i, in, sizeof(i));
		if (i >= count || came[i])
			break;
		came[i] = true;
	}
	free(came);
	return seen;
}

/*
 * All at once into a small buffer: each is told in its turn that there is room. If
 * all had to try, those who tried in vain, each time after twice as long a pause,
 * would keep it waiting.
 */
static void overflow(struct __test_metadata *_metadata, struct _test_data_rdm *t,
		     unsigned int count, int buffer)
{
	unsigned int i;

	ASSERT_EQ(0, set_events(t->client));
	ASSERT_EQ(0, fp_setint(t->server, SOL_SOCKET, SO_RCVBUF, buffer));
	for (i = 0; i < count; i++)
		ASSERT_EQ(4, say_on_new(t, i));
	ASSERT_EQ(count, receive_each(t->server, count));
	/* Nobody was reset. */
	for (i = 0; i < count; i++)
		EXPECT_EQ(FP_EVENT_OPENED, receive(t->client, 0).event.type);
}

TEST_F_TIMEOUT(rdm, more_than_fits, 600)
{
	overflow(_metadata, self, fewer(5000), 100000);
}

TEST_F_TIMEOUT(rdm, much_more_than_fits, 600)
{
	overflow(_metadata, self, fewer(1000), 5000);
}

/* Who asks for more than others gets no more of it. */
TEST_F_TIMEOUT(rdm, loud_one_among_many, 600)
{
	const unsigned int count = fewer(200), loud = UINT_MAX;
	unsigned int quiet = 0, heard = 0, i;
	__u64 conn;

	ASSERT_EQ(0, fp_setint(self->server, SOL_SOCKET, SO_RCVBUF, 5000));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn));
	for (i = 0; i < 10 * count; i++)
		ASSERT_EQ(4, rdm_send(self->client, conn, &loud, 4, 0));
	for (i = 0; i < count; i++)
		ASSERT_EQ(4, say_on_new(self, i));
	while (quiet < count) {
		ASSERT_EQ(4, receive(self->server, 0).len);
		memcpy(&i, in, 4);
		if (i == loud)
			heard++;
		else
			quiet++;
	}
	TH_LOG("%u messages of the loud one, %u of others", heard, quiet);
	EXPECT_GT(count / 2, heard);
}

/* Nor do pieces of large messages keep each other from being finished. */
TEST_F_TIMEOUT(rdm, large_ones_at_once, 600)
{
	const unsigned int count = fewer(20);
	unsigned int i;
	__u64 conn;

	ASSERT_EQ(0, fp_setint(self->server, SOL_SOCKET, SO_RCVBUF, 50000));
	fill(out, LARGE, 7);
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn));
		ASSERT_EQ(LARGE, rdm_send(self->client, conn, out, LARGE, 0));
	}
	for (i = 0; i < count; i++) {
		ASSERT_EQ(LARGE, receive(self->server, 0).len) {
			TH_LOG("after %u messages", i);
		}
		ASSERT_TRUE(filled(in, LARGE, 7));
	}
}

/* The same bytes where nobody can write to them; NULL: no memory. */
static void *read_only(const void *bytes, size_t len)
{
	void *page = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	memcpy(page, bytes, len);
	return mprotect(page, len, PROT_READ) ? NULL : page;
}

TEST_F(rdm, peel_off)
{
	struct fp_peeloff peel = { .flags = SOCK_CLOEXEC };
	void *readonly;
	struct rlimit before, none = {};
	socklen_t len = sizeof(peel);
	struct got got;
	int i;

	for (i = 0; i < 5; i++) {
		fill(out, 100 + i, i);
		ASSERT_EQ(100 + i, fp_sendto(self->client, out, 100 + i,
					     &self->addr));
	}
	got = receive(self->server, 0);
	ASSERT_EQ(100, got.len);
	peel.conn = got.name.sfp_conn + 1;
	EXPECT_FAILS(ENOTCONN, getsockopt(self->server, SOL_FASTPROTO,
					  FP_PEELOFF, &peel, &len));
	peel.conn = got.name.sfp_conn;
	peel.flags = 1;
	EXPECT_FAILS(EINVAL, getsockopt(self->server, SOL_FASTPROTO,
					FP_PEELOFF, &peel, &len));
	peel.flags = SOCK_CLOEXEC;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_FAILS(EMFILE, getsockopt(self->server, SOL_FASTPROTO,
					FP_PEELOFF, &peel, &len));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
	/* The answer could not be told. */
	readonly = read_only(&peel, sizeof(peel));
	ASSERT_NE(NULL, readonly);
	EXPECT_FAILS(EFAULT, getsockopt(self->server, SOL_FASTPROTO, FP_PEELOFF,
					readonly, &len));
	ASSERT_EQ(0, getsockopt(self->server, SOL_FASTPROTO, FP_PEELOFF, &peel,
				&len));
	EXPECT_EQ(-1, receive(self->server, MSG_DONTWAIT).len);
	EXPECT_FAILS(ENOTCONN, rdm_send(self->server, peel.conn, "x", 1, 0));
	for (i = 1; i < 5; i++) {
		ASSERT_TRUE(fp_wait(peel.fd, POLLIN));
		ASSERT_EQ(100 + i, recv(peel.fd, in, sizeof(in), 0));
		EXPECT_TRUE(filled(in, 100 + i, i));
	}
	ASSERT_EQ(4, send(peel.fd, "here", 4, 0));
	EXPECT_EQ(4, receive(self->client, 0).len);
	close(peel.fd);
	EXPECT_TRUE(wait_conns(HOST_A, 0));
}

/* The other end may have one socket for each connection. */
TEST_F(rdm, with_seqpacket)
{
	struct sockaddr_fp addr;
	struct got got;
	int listener, fd, one;

	one = fp_open_seqpacket(HOST_A);
	ASSERT_EQ(0, fp_connect(one, &self->addr));
	ASSERT_EQ(5, send(one, "hello", 5, 0));
	got = receive(self->server, 0);
	ASSERT_EQ(5, got.len);
	ASSERT_EQ(2, rdm_send(self->server, got.name.sfp_conn, "hi", 2, 0));
	EXPECT_EQ(2, recv(one, in, sizeof(in), 0));
	/* It is not half closed. */
	ASSERT_EQ(0, shutdown(one, SHUT_WR));
	EXPECT_EQ(0, recv(one, in, sizeof(in), 0));
	close(one);

	listener = fp_listen(HOST_B, variant->family, 1, &addr);
	ASSERT_EQ(5, fp_sendto(self->client, "hello", 5, &addr));
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, recv(fd, in, sizeof(in), 0));
	ASSERT_EQ(2, send(fd, "hi", 2, 0));
	EXPECT_EQ(2, receive(self->client, 0).len);
	close(fd);
	close(listener);
}

/* After the end another is opened. */
TEST_F(rdm, again_after_the_end)
{
	struct got first, second;

	ASSERT_EQ(1, fp_sendto(self->client, "1", 1, &self->addr));
	first = receive(self->server, 0);
	ASSERT_EQ(1, first.len);
	ASSERT_EQ(0, rdm_close(self->server, first.name.sfp_conn));
	ASSERT_TRUE(wait_conns(HOST_A, 0));
	ASSERT_EQ(1, fp_sendto(self->client, "2", 1, &self->addr));
	second = receive(self->server, 0);
	ASSERT_EQ(1, second.len);
	EXPECT_NE(first.name.sfp_conn, second.name.sfp_conn);
}

TEST_F(rdm, peek_and_truncate)
{
	struct sockaddr_fp name;
	socklen_t len = sizeof(name);
	int next = 0;

	ASSERT_EQ(8, fp_sendto(self->client, "truncate", 8, &self->addr));
	ASSERT_EQ(8, receive(self->server, MSG_PEEK).len);
	EXPECT_EQ(0, ioctl(self->server, SIOCINQ, &next));
	EXPECT_EQ(8, next);
	EXPECT_EQ(8, recv(self->server, in, 3, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(3, recvfrom(self->server, in, 3, 0, (void *)&name, &len));
	EXPECT_EQ(sizeof(name), len);
	EXPECT_EQ(0, ioctl(self->server, SIOCINQ, &next));
	EXPECT_EQ(0, next);
}

TEST_F(rdm, wrong_arguments)
{
	struct sockaddr_fp to = self->addr;
	struct fp_peeloff peel = {};
	socklen_t len;
	__u64 conn = 1;

	EXPECT_FAILS(EDESTADDRREQ, send(self->client, "x", 1, 0));
	EXPECT_FAILS(EINVAL, sendto(self->client, "x", 1, 0, (void *)&to, 8));
	EXPECT_FAILS(EINVAL, sendto(self->client, "x", 1, 0, (void *)&to, 16));
	to.sfp_family = AF_INET;
	EXPECT_FAILS(EAFNOSUPPORT, fp_sendto(self->client, "x", 1, &to));
	to = self->addr;
	to.sfp_flags = 1;
	EXPECT_FAILS(EINVAL, fp_sendto(self->client, "x", 1, &to));
	to = self->addr;
	to.sfp_sin.sin_port = 0;
	EXPECT_FAILS(EINVAL, fp_sendto(self->client, "x", 1, &to));
	EXPECT_FAILS(ENOTCONN, rdm_send(self->client, 12345, "x", 1, 0));
	EXPECT_FAILS(ENOTCONN, rdm_send(self->client, ~0ULL, "x", 1, 0));
	EXPECT_FAILS(EOPNOTSUPP, fp_connect(self->client, &self->addr));
	EXPECT_FAILS(EOPNOTSUPP, accept(self->server, NULL, NULL));
	EXPECT_FAILS(ENOTCONN, fp_peer(self->client, &to));
	EXPECT_FAILS(EOPNOTSUPP, rdm_send(self->client, 1, "x", 1, MSG_OOB));

	EXPECT_FAILS(ENOTCONN, rdm_close(self->client, conn));
	EXPECT_FAILS(EINVAL, setsockopt(self->client, SOL_FASTPROTO, FP_CLOSE,
					&conn, 4));
	EXPECT_FAILS(EFAULT, setsockopt(self->client, SOL_FASTPROTO, FP_CLOSE,
					NULL, 8));
	EXPECT_FAILS(EINVAL, fp_setint(self->client, SOL_FASTPROTO, FP_EVENTS,
				       2));
	EXPECT_FAILS(ENOPROTOOPT, fp_setint(self->client, SOL_FASTPROTO, 99,
					    1));
	len = 8;
	EXPECT_FAILS(EINVAL, getsockopt(self->client, SOL_FASTPROTO, FP_OPEN,
					&to, &len));
	to = self->addr;
	len = sizeof(to);
	EXPECT_FAILS(EFAULT, getsockopt(self->client, SOL_FASTPROTO, FP_OPEN,
					NULL, &len));
	to.sfp_conn = 1;
	EXPECT_FAILS(EINVAL, getsockopt(self->client, SOL_FASTPROTO, FP_OPEN,
					&to, &len));
	len = sizeof(peel);
	EXPECT_FAILS(ENOTCONN, getsockopt(self->client, SOL_FASTPROTO,
					  FP_PEELOFF, &peel, &len));
	EXPECT_FAILS(EFAULT, getsockopt(self->client, SOL_FASTPROTO,
					FP_PEELOFF, NULL, &len));
	EXPECT_EQ(0, conns_count(HOST_A));
	EXPECT_FAILS(ENOTTY, ioctl(self->client, SIOCATMARK, &len));
}

TEST_F(rdm, shut_down)
{
	ASSERT_EQ(1, fp_sendto(self->client, "1", 1, &self->addr));
	ASSERT_EQ(1, receive(self->server, 0).len);
	EXPECT_FAILS(EINVAL, shutdown(self->client, 3));
	ASSERT_EQ(0, shutdown(self->client, SHUT_RDWR));
	EXPECT_FAILS(EPIPE, fp_sendto(self->client, "2", 1, &self->addr));
	EXPECT_EQ(0, receive(self->client, 0).len);
}

struct race {
	int fd;
	__u64 conn;
	int err;
};

static void *race_to_close(void *arg)
{
	struct race *race = arg;

	race->err = rdm_close(race->fd, race->conn) ? errno : 0;
	return NULL;
}

/* What one thread peels off, another one does not close. */
TEST_F_TIMEOUT(rdm, peel_off_or_close, 120)
{
	const unsigned int count = fewer(100);
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct fp_peeloff peel = { .flags = SOCK_CLOEXEC };
		struct race race = { .fd = self->server };
		socklen_t len = sizeof(peel);
		pthread_t thread;
		__u64 conn;
		int peeled;

		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn));
		ASSERT_EQ(1, rdm_send(self->client, conn, "1", 1, 0));
		peel.conn = receive(self->server, 0).name.sfp_conn;
		race.conn = peel.conn;
		ASSERT_EQ(0, pthread_create(&thread, NULL, race_to_close,
					    &race));
		peeled = getsockopt(self->server, SOL_FASTPROTO, FP_PEELOFF,
				    &peel, &len) ? errno : 0;
		ASSERT_EQ(0, pthread_join(thread, NULL));
		/* One of them had it. */
		ASSERT_EQ(ENOTCONN, race.err + peeled) {
			TH_LOG("close %d, peel off %d", race.err, peeled);
		}
		if (peeled)
			continue;
		ASSERT_EQ(1, send(peel.fd, "2", 1, 0));
		EXPECT_EQ(1, receive(self->client, 0).len);
		close(peel.fd);
	}
}

/* Many threads at one pair of sockets; each message says who wrote it, and when. */
#define THREADS	4

struct crowd {
	int client, server;
	struct sockaddr_fp addr;
	unsigned int count;		/* of each sender's messages */
	unsigned int received;
	unsigned int wrong;
	unsigned int failed;
	bool over;
};

struct member {
	struct crowd *crowd;
	unsigned int who;
	pthread_t thread;
};

static void *crowd_send(void *arg)
{
	struct member *member = arg;
	struct crowd *crowd = member->crowd;
	unsigned char buf[3000];
	unsigned int i;
	__u64 conn = 0;

	for (i = 0; i < crowd->count; i++) {
		size_t len = 4 + (i * 37) % (sizeof(buf) - 4);

		/* Now and then by another connection, whose order is its own. */
		if (i % 16 == 0) {
			if (conn && rdm_close(crowd->client, conn))
				__sync_fetch_and_add(&crowd->failed, 1);
			if (rdm_dial(crowd->client, &crowd->addr, &conn))
				__sync_fetch_and_add(&crowd->failed, 1);
		}
		fill(buf + 4, len - 4, i);
		memcpy(buf, &i, 4);
		if (rdm_send(crowd->client, conn, buf, len, 0) != (ssize_t)len)
			__sync_fetch_and_add(&crowd->failed, 1);
	}
	if (rdm_close(crowd->client, conn))
		__sync_fetch_and_add(&crowd->failed, 1);
	return NULL;
}

static void *crowd_receive(void *arg)
{
	struct member *member = arg;
	struct crowd *crowd = member->crowd;
	struct pollfd pfd = { crowd->server, POLLIN, 0 };
	unsigned char buf[3000];
	unsigned int i;
	ssize_t len;

	while (!__atomic_load_n(&crowd->over, __ATOMIC_RELAXED)) {
		len = recv(crowd->server, buf, sizeof(buf), MSG_DONTWAIT);
		if (len < 0) {
			poll(&pfd, 1, 10);
			continue;
		}
		memcpy(&i, buf, 4);
		if (len < 4 || !filled(buf + 4, len - 4, i))
			__sync_fetch_and_add(&crowd->wrong, 1);
		__sync_fetch_and_add(&crowd->received, 1);
	}
	return NULL;
}

/* Looks at everything all the time, and takes nothing. */
static void *crowd_look(void *arg)
{
	struct member *member = arg;
	struct crowd *crowd = member->crowd;
	int next;

	while (!__atomic_load_n(&crowd->over, __ATOMIC_RELAXED)) {
		char buf[8];

		recv(crowd->server, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
		ioctl(crowd->server, SIOCINQ, &next);
		fp_getint(crowd->server, SOL_FASTPROTO, FP_EVENTS);
		conns_count(HOST_B);
		usleep(1000);
	}
	return NULL;
}

TEST_F_TIMEOUT(rdm, many_threads, 300)
{
	struct crowd crowd = {
		.client = self->client, .server = self->server,
		.addr = self->addr, .count = fewer(400),
	};
	void *(*const roles[])(void *) = {
		crowd_send, crowd_receive, crowd_look
	};
	struct member members[ARRAY_SIZE(roles)][THREADS];
	unsigned int i, j;
	time_t end;

	for (i = 0; i < ARRAY_SIZE(roles); i++)
		for (j = 0; j < THREADS; j++) {
			members[i][j] = (struct member){ &crowd, j, 0 };
			ASSERT_EQ(0, pthread_create(&members[i][j].thread, NULL,
						    roles[i], &members[i][j]));
		}
	for (j = 0; j < THREADS; j++)
		ASSERT_EQ(0, pthread_join(members[0][j].thread, NULL));
	end = time(NULL) + TRANSFER_PATIENCE;
	while (__atomic_load_n(&crowd.received, __ATOMIC_RELAXED) <
	       THREADS * crowd.count && time(NULL) < end)
		usleep(1000);
	__atomic_store_n(&crowd.over, true, __ATOMIC_RELAXED);
	for (i = 1; i < ARRAY_SIZE(roles); i++)
		for (j = 0; j < THREADS; j++)
			ASSERT_EQ(0, pthread_join(members[i][j].thread, NULL));
	EXPECT_EQ(THREADS * crowd.count, crowd.received);
	EXPECT_EQ(0, crowd.wrong);
	EXPECT_EQ(0, crowd.failed);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
