// SPDX-License-Identifier: GPL-2.0
/* Many threads, many messages: nothing lost, nothing twice, nothing bent. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define BODY_MAX	8192
#define SECONDS		100	/* for what moves much data */

/* What each message of this program begins with. */
struct stamp {
	__u32 id;
	__u32 len;		/* of the body that follows */
	__u64 hash;		/* of the body */
};

struct message {
	struct stamp stamp;
	unsigned char body[BODY_MAX];
};

static __u64 fnv1a(const void *buf, size_t len)
{
	__u64 hash = 0xcbf29ce484222325ull;
	const unsigned char *p = buf;

	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ull;
	return hash;
}

static size_t message_make(struct message *msg, __u32 id, __u32 len)
{
	fill(msg->body, len, id);
	msg->stamp.id = id;
	msg->stamp.len = len;
	msg->stamp.hash = fnv1a(msg->body, len);
	return sizeof(msg->stamp) + len;
}

static bool message_intact(const struct message *msg, ssize_t len)
{
	return len >= (ssize_t)sizeof(msg->stamp) &&
	       msg->stamp.len == len - sizeof(msg->stamp) &&
	       msg->stamp.hash == fnv1a(msg->body, msg->stamp.len) &&
	       filled(msg->body, msg->stamp.len, msg->stamp.id);
}

static void short_timeout(int fd)
{
	struct timeval tv = { .tv_usec = 100000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

FIXTURE(thread) {
	struct sockaddr_fp from;	/* of tx */
	struct sockaddr_fp to;		/* of rx */
	int rx;				/* bound on host B */
	int tx;				/* bound on host A */
};

FIXTURE_VARIANT(thread) {
	int family;
};

FIXTURE_VARIANT_ADD(thread, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(thread, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(thread)
{
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open_host(HOST_A, variant->family, &self->from);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(thread)
{
	close(self->tx);
	close(self->rx);
}

/*
 * Four threads send on one socket, two receive on another. The senders keep
 * few enough messages under way that none can be dropped.
 */
#define SENDERS		4
#define RECEIVERS	2
#define EACH		600
#define TOTAL		(SENDERS * EACH)
#define WINDOW		32

struct crowd {
	int tx, rx;
	atomic_int senders;		/* hands out the senders' numbers */
	atomic_int sent, received, errors;
	atomic_uchar seen_id[TOTAL];
	atomic_uchar seen_seq[TOTAL];
};

static void *crowd_send(void *arg)
{
	struct crowd *crowd = arg;
	__u32 first = EACH * atomic_fetch_add(&crowd->senders, 1);
	struct message msg;
	ssize_t len;
	__u32 i;

	for (i = 0; i < EACH; i++) {
		while (atomic_load(&crowd->sent) -
		       atomic_load(&crowd->received) > WINDOW) {
			if (atomic_load(&crowd->errors))
				return NULL;
			sched_yield();
		}
		atomic_fetch_add(&crowd->sent, 1);
		len = message_make(&msg, first + i, (first + i) % 700);
		if (send(crowd->tx, &msg, len, 0) != len)
			atomic_fetch_add(&crowd->errors, 1);
	}
	return NULL;
}

static void *crowd_receive(void *arg)
{
	struct timeval tv, end = { 0 };
	struct crowd *crowd = arg;
	struct fp_recvinfo info;
	struct message msg;
	ssize_t len;

	while (atomic_load(&crowd->received) < TOTAL) {
		gettimeofday(&tv, NULL);
		len = fp_recvinfo(crowd->rx, &msg, sizeof(msg), 0, &info);
		if (len < 0 && errno == EAGAIN) {
			/* Quiet for that long: it will not come any more. */
			if (!end.tv_sec)
				end.tv_sec = tv.tv_sec + PATIENCE;
			if (tv.tv_sec < end.tv_sec)
				continue;
		}
		end.tv_sec = 0;
		if (!message_intact(&msg, len) || msg.stamp.id >= TOTAL ||
		    info.seq >= TOTAL) {
			atomic_fetch_add(&crowd->errors, 1);
			return NULL;
		}
		atomic_fetch_add(&crowd->seen_id[msg.stamp.id], 1);
		atomic_fetch_add(&crowd->seen_seq[info.seq], 1);
		atomic_fetch_add(&crowd->received, 1);
	}
	return NULL;
}

TEST_F_TIMEOUT(thread, one_socket_for_all, SECONDS)
{
	pthread_t threads[SENDERS + RECEIVERS];
	static struct crowd crowd;
	struct stats base;
	int i;

	stats_read(HOST_B, &base);
	crowd.tx = self->tx;
	crowd.rx = self->rx;
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	ASSERT_EQ(0, fp_setint(self->rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	short_timeout(self->rx);
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, i < SENDERS ?
					    crowd_send : crowd_receive,
					    &crowd));
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, crowd.errors);
	EXPECT_EQ(TOTAL, crowd.received);
	for (i = 0; i < TOTAL; i++) {
		ASSERT_EQ(1, crowd.seen_id[i]);
		ASSERT_EQ(1, crowd.seen_seq[i]);
	}
	EXPECT_EQ(0, stats_drops_since(HOST_B, &base));
}

/* Four megabytes each way at the same time, in messages of all sizes. */
#define WAY_BYTES	(4 << 20)
#define WAY_WINDOW	8

struct way {
	int tx, rx;
	const struct sockaddr_fp *to;
	atomic_int sent, received;
	atomic_bool failed;
	__u64 bytes;
};

static __u32 way_len(__u32 id)
{
	return id * 2654435761u % (BODY_MAX + 1);
}

static void *way_send(void *arg)
{
	struct way *way = arg;
	__u64 bytes = 0;
	struct message msg;
	__u32 id;
	ssize_t len;

	for (id = 0; bytes < WAY_BYTES; id++) {
		while (atomic_load(&way->sent) - atomic_load(&way->received) >=
		       WAY_WINDOW) {
			if (atomic_load(&way->failed))
				return NULL;
			sched_yield();
		}
		len = message_make(&msg, id, way_len(id));
		bytes += msg.stamp.len;
		atomic_fetch_add(&way->sent, 1);
		if (fp_sendto(way->tx, &msg, len, way->to) != len)
			atomic_store(&way->failed, true);
	}
	return NULL;
}

static void *way_receive(void *arg)
{
	struct way *way = arg;
	struct message msg;
	ssize_t len;

	while (way->bytes < WAY_BYTES) {
		len = recv(way->rx, &msg, sizeof(msg), 0);
		if (!message_intact(&msg, len)) {
			atomic_store(&way->failed, true);
			break;
		}
		way->bytes += msg.stamp.len;
		atomic_fetch_add(&way->received, 1);
	}
	return NULL;
}

TEST_F_TIMEOUT(thread, megabytes_both_ways, SECONDS)
{
	struct way there = { .tx = self->tx, .rx = self->rx, .to = &self->to };
	struct way back = { .tx = self->rx, .rx = self->tx, .to = &self->from };
	pthread_t threads[4];
	size_t i;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, way_send, &there));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, way_receive, &there));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, way_send, &back));
	ASSERT_EQ(0, pthread_create(&threads[3], NULL, way_receive, &back));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_FALSE(there.failed);
	EXPECT_FALSE(back.failed);
	EXPECT_LE(WAY_BYTES, there.bytes);
	EXPECT_LE(WAY_BYTES, back.bytes);
	EXPECT_EQ(there.sent, there.received);
	EXPECT_EQ(back.sent, back.received);
}

#define NETEM	"tc qdisc add dev " DEVICE " root netem delay 1ms 1ms " \
		"loss 5% duplicate 5% corrupt 10% reorder 25% limit 10000"
#define CLEAN	"tc qdisc del dev " DEVICE " root"
#define MANY	1000

struct taker {
	int rx;
	unsigned int bent, came, twice;
	unsigned char seen[MANY + 1];
};

/* Takes messages until the last one, number MANY, comes. */
static void *take_all(void *arg)
{
	struct taker *taker = arg;
	struct message msg;
	ssize_t len;

	do {
		len = recv(taker->rx, &msg, sizeof(msg), 0);
		if (len < 0)
			break;
		if (!message_intact(&msg, len) || msg.stamp.id > MANY) {
			taker->bent++;
			msg.stamp.id = 0;
			continue;
		}
		taker->came++;
		taker->twice += taker->seen[msg.stamp.id]++;
	} while (msg.stamp.id != MANY);
	return NULL;
}

/*
 * Datagrams may be lost, doubled and reordered by a bad network; what arrives
 * is what was sent.
 */
TEST_F_TIMEOUT(thread, bad_network_bends_nothing, SECONDS)
{
	struct taker taker = { .rx = self->rx };
	struct message msg;
	pthread_t thread;
	ssize_t len;
	__u32 id;

	if (net_run(HOST_A, NETEM))
		SKIP(return, "no netem");
	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RCVBUF, 200000));
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_all, &taker));
	for (id = 0; id < MANY; id++) {
		/*
		 * One packet each: a single bit that netem turns is always
		 * found by UDP's checksum, two in one datagram are not.
		 */
		len = message_make(&msg, id, id * 7 % 1400);
		ASSERT_EQ(len, fp_sendto(self->tx, &msg, len, &self->to));
	}
	ASSERT_EQ(0, net_run(HOST_A, CLEAN));
	len = message_make(&msg, MANY, 0);
	ASSERT_EQ(len, fp_sendto(self->tx, &msg, len, &self->to));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, taker.bent);
	EXPECT_EQ(1, taker.seen[MANY]);
	/* The network was as bad as it should be, and let some through. */
	EXPECT_LT(MANY / 10, taker.came);
	EXPECT_LT(0, taker.twice);
}

static void *recv_once(void *arg)
{
	char c;

	return (void *)(intptr_t)recv(*(int *)arg, &c, 1, 0);
}

TEST_F(thread, shutdown_wakes_all)
{
	pthread_t threads[4];
	void *ret;
	size_t i;

	ASSERT_EQ(0, fp_connect(self->rx, &self->from));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, recv_once,
					    &self->rx));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RD));
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &ret));
		EXPECT_EQ(0, (intptr_t)ret);
	}
}

/* A call under way holds the socket: it still gets its message. */
TEST_F(thread, close_under_receive)
{
	int fd = self->rx;
	pthread_t thread;
	struct pollfd pfd;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, recv_once, &fd));
	/*
	 * Whether the thread is in recv() by now is not to be seen for sure;
	 * a message for itself would be taken, so give it the time to block.
	 */
	pfd.fd = self->tx;
	pfd.events = POLLIN;
	poll(&pfd, 1, 300);
	close(self->rx);
	self->rx = -1;
	ASSERT_EQ(1, fp_sendto(self->tx, "c", 1, &self->to));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(1, (intptr_t)ret);
}

TEST_F(thread, child_shares_the_socket)
{
	struct fp_recvinfo info;
	char c;
	int i;

	ASSERT_EQ(0, fp_setint(self->rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	for (i = 0; i < 3; i++) {
		pid_t child = fork();

		ASSERT_LE(0, child);
		if (!child)
			_exit(fp_sendto(self->tx, "c", 1, &self->to) != 1);
		ASSERT_EQ(child, waitpid(child, NULL, 0));
		ASSERT_EQ(1, fp_recvinfo(self->rx, &c, 1, 0, &info));
		EXPECT_EQ(i, info.seq);
	}
}

/* Sockets come and go while datagrams arrive for them. */
#define ROUNDS	100

struct churn {
	int family;
	atomic_uint port;	/* of the youngest socket */
	atomic_bool done;
	atomic_int errors;
};

static void *churn_open_close(void *arg)
{
	struct churn *churn = arg;
	struct sockaddr_fp addr;
	int fd, i;

	for (i = 0; i < ROUNDS; i++) {
		fd = fp_open_host(HOST_A, churn->family, &addr);
		if (fd < 0) {
			atomic_fetch_add(&churn->errors, 1);
			break;
		}
		atomic_store(&churn->port, fp_port(&addr));
		/* Left unread: the socket dies with a message in its queue. */
		if (fp_sendto(fd, "left", 4, &addr) != 4)
			atomic_fetch_add(&churn->errors, 1);
		close(fd);
	}
	return NULL;
}

static void *churn_storm(void *arg)
{
	static unsigned char frames[3000];
	struct churn *churn = arg;
	unsigned char *p = frames;
	int udp;

	udp = udp_open(HOST_A, churn->family, 0, NULL);
	p += frame_build(p, 0, 0, frames, 100);
	p += frame_build(p, 1, 0, frames, 1000);
	while (!atomic_load(&churn->done)) {
		struct sockaddr_fp to = fp_host(churn->family, HOST_A,
						atomic_load(&churn->port));

		if (fp_port(&to))
			udp_sendto(udp, frames, p - frames, &to);
	}
	close(udp);
	return NULL;
}

TEST_F_TIMEOUT(thread, open_and_close_under_fire, SECONDS)
{
	struct churn churn = { .family = variant->family };
	__u32 before, after;
	pthread_t threads[3];
	pthread_t storm;
	size_t i;

	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS, &before));
	ASSERT_EQ(0, pthread_create(&storm, NULL, churn_storm, &churn));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    churn_open_close, &churn));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	atomic_store(&churn.done, true);
	ASSERT_EQ(0, pthread_join(storm, NULL));
	EXPECT_EQ(0, churn.errors);
	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS, &after));
	EXPECT_EQ(before, after);
}

/* A socket that changes its peer while others send on it. */
struct turn {
	int fd;
	atomic_bool done;
	atomic_int sent, errors;
};

static void *turn_send(void *arg)
{
	struct turn *turn = arg;
	struct message msg;
	ssize_t len;

	while (!atomic_load(&turn->done)) {
		len = message_make(&msg, 1, 500);
		if (send(turn->fd, &msg, len, MSG_DONTWAIT) == len)
			atomic_fetch_add(&turn->sent, 1);
		else if (errno != EDESTADDRREQ && errno != EAGAIN)
			atomic_fetch_add(&turn->errors, 1);
	}
	return NULL;
}

TEST_F_TIMEOUT(thread, connect_under_send, SECONDS)
{
	struct turn turn = { .fd = self->tx };
	struct stats base;
	struct message msg;
	pthread_t threads[2];
	struct sockaddr_fp other;
	int i, n, rx2;

	rx2 = fp_open_host(HOST_B, variant->family, &other);
	ASSERT_LE(0, rx2);
	stats_read(HOST_B, &base);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, turn_send,
					    &turn));
	/* At least so often, and until the senders have met it. */
	for (i = 0; i < 200 || !atomic_load(&turn.sent); i++) {
		EXPECT_EQ(0, fp_connect(self->tx, &self->to));
		EXPECT_EQ(0, fp_connect(self->tx, &other));
		EXPECT_EQ(0, fp_disconnect(self->tx));
		while (recv(self->rx, &msg, sizeof(msg), MSG_DONTWAIT) > 0 ||
		       recv(rx2, &msg, sizeof(msg), MSG_DONTWAIT) > 0)
			EXPECT_EQ(1, msg.stamp.id);
	}
	atomic_store(&turn.done, true);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, turn.errors);
	EXPECT_LT(0, turn.sent);
	/* Each went to one of the two. */
	n = turn.sent;
	EXPECT_TRUE(stats_wait(HOST_B, &base, FASTPROTO_A_STATS_IN_DATAGRAMS,
			       n));
	EXPECT_EQ(n, stats_since(HOST_B, &base,
				 FASTPROTO_A_STATS_IN_DATAGRAMS));
	close(rx2);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
