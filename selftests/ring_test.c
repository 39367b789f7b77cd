// SPDX-License-Identifier: GPL-2.0
/* The mapped pool, the event ring, the free ring and the send ring. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define SLOT	2048
#define LARGE	(100 * SLOT)

static unsigned char in[LARGE + 1], out[LARGE + 1];

static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RDM };

TEST(sizes_are_checked)
{
	static const struct fp_ring_req bad[] = {
		{ .slot_size = 0, .slots = 8 },
		{ .slot_size = 32, .slots = 8 },
		{ .slot_size = 100, .slots = 8 },
		{ .slot_size = 2 << 20, .slots = 8 },
		{ .slot_size = 2048, .slots = 0 },
		{ .slot_size = 2048, .slots = 1 },
		{ .slot_size = 64, .slots = (1 << 20) + 1 },
		{ .slot_size = 1 << 20, .slots = 1 << 13 },
		{ .slot_size = 2048, .slots = 8, .events = 1 },
		{ .slot_size = 2048, .slots = 8, .events = 12 },
		{ .slot_size = 2048, .slots = 8, .events = 1U << 31 },
		{ .slot_size = 2048, .slots = 8, .flags = 2 },
		{ .slot_size = 2048, .slots = 8, .reserved = { 0, 1 } },
	};
	struct fp_ring_req good = { .slot_size = 64, .slots = 2 };
	struct fp_ring_info info;
	socklen_t len = sizeof(info);
	size_t i, j;
	int fd;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fd = socket(AF_FASTPROTO, types[i], 0);
		ASSERT_LE(0, fd);
		for (j = 0; j < ARRAY_SIZE(bad); j++)
			EXPECT_FAILS(EINVAL, setsockopt(fd, SOL_FASTPROTO,
							FP_RING, &bad[j],
							sizeof(bad[j])));
		EXPECT_FAILS(EINVAL, setsockopt(fd, SOL_FASTPROTO, FP_RING,
						&good, sizeof(good) - 1));
		EXPECT_FAILS(EFAULT, setsockopt(fd, SOL_FASTPROTO, FP_RING,
						NULL, sizeof(good)));
		EXPECT_FAILS(EINVAL, getsockopt(fd, SOL_FASTPROTO, FP_RING,
						&info, &len));
		EXPECT_FAILS(EINVAL, ioctl(fd, SIOCFPRING));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
					   fd, 0));
		EXPECT_EQ(0, setsockopt(fd, SOL_FASTPROTO, FP_RING, &good,
					sizeof(good)));
		EXPECT_FAILS(EBUSY, setsockopt(fd, SOL_FASTPROTO, FP_RING,
					       &good, sizeof(good)));
		EXPECT_EQ(0, getsockopt(fd, SOL_FASTPROTO, FP_RING, &info,
					&len));
		EXPECT_EQ(sizeof(info), len);
		EXPECT_EQ(2, info.slots);
		EXPECT_EQ(4, info.events);
		EXPECT_EQ(EBUSY, recv(fd, in, sizeof(in), MSG_DONTWAIT) < 0 ?
			  errno : 0);
		close(fd);
	}
}

TEST(a_mapping_is_shared_and_whole)
{
	struct fp_ring_info info;
	socklen_t len = sizeof(info);
	int fd = fp_open(HOST_A);
	void *p;

	ASSERT_EQ(0, ring_make(fd, SLOT, 16, 0));
	ASSERT_EQ(0, getsockopt(fd, SOL_FASTPROTO, FP_RING, &info, &len));
	p = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	EXPECT_EQ(MAP_FAILED, p);
	p = mmap(NULL, info.size + 4096, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT_EQ(MAP_FAILED, p);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, info.size);
	EXPECT_EQ(MAP_FAILED, p);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, info.pool_off);
	EXPECT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, munmap(p, 4096));
	p = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT_NE(MAP_FAILED, p);
	EXPECT_EQ(MAP_FAILED, mremap(p, info.size, info.size + 8192,
				     MREMAP_MAYMOVE));
	/* The mapping keeps the socket, and so what is mapped. */
	close(fd);
	memset(p, 0xff, info.size);
	EXPECT_EQ(0, munmap(p, info.size));
}

FIXTURE(ring) {
	int client;
	int server;
	struct sockaddr_fp addr;	/* of the server */
	struct ring a;			/* of the client */
	struct ring b;			/* of the server */
	__u64 to;			/* for the client to send to */
	struct stats base;		/* of host B */
};

FIXTURE_VARIANT(ring) {
	int type;
	int family;
};

FIXTURE_VARIANT_ADD(ring, seqpacket_ipv4) {
	.type = SOCK_SEQPACKET, .family = AF_INET,
};

FIXTURE_VARIANT_ADD(ring, seqpacket_ipv6) {
	.type = SOCK_SEQPACKET, .family = AF_INET6,
};

FIXTURE_VARIANT_ADD(ring, rdm_ipv4) {
	.type = SOCK_RDM, .family = AF_INET,
};

FIXTURE_VARIANT_ADD(ring, rdm_ipv6) {
	.type = SOCK_RDM, .family = AF_INET6,
};

FIXTURE_SETUP(ring)
{
	stats_read(HOST_B, &self->base);
	if (variant->type == SOCK_SEQPACKET) {
		ASSERT_EQ(0, fp_pair(variant->family, &self->client,
				     &self->server));
	} else {
		self->client = rdm_open(HOST_A);
		self->server = rdm_listen(HOST_B, variant->family,
					  &self->addr);
		ASSERT_LE(0, self->client);
		ASSERT_LE(0, self->server);
		/* Before the ring: it must hold the largest message. */
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &self->to));
	}
	ASSERT_EQ(0, ring_make(self->client, SLOT, 1024, 0));
	ASSERT_EQ(0, ring_map(self->client, &self->a));
}

FIXTURE_TEARDOWN(ring)
{
	ring_unmap(&self->a);
	ring_unmap(&self->b);
	close(self->client);
	close(self->server);
}

/* The server's ring: the first @receive slots are to receive into. */
static int serve(int server, struct ring *ring, unsigned int receive)
{
	return ring_open(server, SLOT, 1024, receive, ring);
}

/* The next event that is not about opening. */
static bool next(struct ring *ring, struct fp_ring_event *event)
{
	do {
		if (!ring_wait(ring, event))
			return false;
	} while (event->type == FP_RING_OPENED);
	return true;
}

TEST_F(ring, messages_of_all_sizes)
{
	static const __u32 sizes[] = {
		0, 1, 64, 255, 256, 257, 1023, 1024, 1025, 1500, SLOT - 1, SLOT,
		SLOT + 1, 5 * SLOT, 16384, LARGE,
	};
	struct fp_ring_event event;
	size_t i;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i);
		ring_queue(&self->a, self->to, 10, out, sizes[i], 0);
		ASSERT_EQ(0, ring_tell(&self->a));
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		ASSERT_EQ(sizes[i], event.len);
		EXPECT_EQ((sizes[i] + SLOT - 1) / SLOT ?: 1, event.nr);
		EXPECT_EQ(0, event.flags);
		ring_copy(&self->b, &event, in);
		EXPECT_TRUE(filled(in, sizes[i], i));
		ring_give_back(&self->b, &event);
		ASSERT_EQ(0, ring_tell(&self->b));
		ASSERT_TRUE(next(&self->a, &event));
		EXPECT_EQ(FP_RING_SENT, event.type);
		EXPECT_EQ(0, event.error);
		EXPECT_EQ(10, event.slot);
		EXPECT_EQ(sizes[i], event.len);
		EXPECT_EQ((sizes[i] + SLOT - 1) / SLOT ?: 1, event.nr);
	}
}

TEST_F(ring, question_and_answer)
{
	struct fp_ring_event event;
	__u64 back;
	int i;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	for (i = 0; i < 512; i++)
		ring_give(&self->a, 512 + i);
	for (i = 0; i < 100; i++) {
		ring_queue(&self->a, self->to, 0, "question", 8, 0);
		ASSERT_EQ(0, ring_tell(&self->a));
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		ASSERT_EQ(8, event.len);
		EXPECT_EQ(0, memcmp(ring_slot(&self->b, event.slot),
				    "question", 8));
		back = variant->type == SOCK_RDM ? event.conn : 0;
		ring_give_back(&self->b, &event);
		ring_queue(&self->b, back, 1000, "answer", 6, 0);
		ASSERT_EQ(0, ring_tell(&self->b));
		ASSERT_TRUE(next(&self->b, &event));
		EXPECT_EQ(FP_RING_SENT, event.type);
		ASSERT_TRUE(next(&self->a, &event));
		EXPECT_EQ(FP_RING_SENT, event.type);
		ASSERT_TRUE(next(&self->a, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		ASSERT_EQ(6, event.len);
		ring_give_back(&self->a, &event);
	}
}

/* More than the receiver has slots for: it is slowed down, nothing is lost. */
TEST_F(ring, few_slots)
{
	const unsigned int count = fewer(500);
	unsigned int sent = 0, got = 0, done = 0;
	const struct fp_ring_event *event;
	struct pollfd p[2] = {
		{ .fd = self->client, .events = POLLIN },
		{ .fd = self->server, .events = POLLIN },
	};
	__u32 len;

	ASSERT_EQ(0, serve(self->server, &self->b, 2));
	while (got < count || done < count) {
		for (; sent < count && sent - done < 512; sent++) {
			len = sent % SLOT;
			fill(out, len, sent);
			ring_queue(&self->a, self->to, sent % 512, out, len, 0);
		}
		ASSERT_EQ(0, ring_tell(&self->a));
		while ((event = ring_peek(&self->a))) {
			if (event->type == FP_RING_SENT) {
				ASSERT_EQ(0, event->error);
				done++;
			}
			ring_seen(&self->a);
		}
		while ((event = ring_peek(&self->b))) {
			if (event->type == FP_RING_MESSAGE) {
				ASSERT_EQ(got % SLOT, event->len);
				ring_copy(&self->b, event, in);
				ASSERT_TRUE(filled(in, event->len, got));
				got++;
				ring_give_back(&self->b, event);
			}
			ring_seen(&self->b);
		}
		ASSERT_EQ(0, ring_tell(&self->b));
		if ((got == count && done == count) || ring_peek(&self->a) ||
		    ring_peek(&self->b))
			continue;
		ASSERT_LT(0, poll(p, 2, PATIENCE * 1000)) {
			TH_LOG("sent %u, done %u, got %u", sent, done, got);
		}
	}
}

#define BATCH	300	/* small messages */

/* All at once into the send ring, every other one so that nothing is told of it. */
static void queue_small(struct ring *ring, __u64 to)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		fill(out, i % 90, i);
		ring_queue(ring, to, i, out, i % 90,
			   i % 2 ? FP_RING_QUIET : 0);
	}
}

/* The others have an event each. */
static unsigned int count_sent(struct ring *ring)
{
	const struct fp_ring_event *event;
	unsigned int count = 0;

	while ((event = ring_peek(ring))) {
		count += event->type == FP_RING_SENT && !event->error &&
			 event->slot % 2 == 0;
		ring_seen(ring);
	}
	return count;
}

/* Small messages that are sent at once share headers, and come as they went. */
TEST_F(ring, small_ones_share_a_datagram)
{
	struct fp_ring_event event;
	__u64 seq = 0;
	int i;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	/* Both know each other. */
	ring_queue(&self->a, self->to, 0, "first", 5, FP_RING_QUIET);
	ASSERT_EQ(0, ring_tell(&self->a));
	ASSERT_TRUE(next(&self->b, &event));
	stats_read(HOST_B, &self->base);
	queue_small(&self->a, self->to);
	ASSERT_EQ(0, ring_tell(&self->a));
	for (i = 0; i < BATCH; i++) {
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		ASSERT_EQ(i % 90, event.len);
		ASSERT_EQ(1, event.nr);
		if (i)
			EXPECT_EQ(seq + 1, event.seq);
		seq = event.seq;
		ring_copy(&self->b, &event, in);
		ASSERT_TRUE(filled(in, event.len, i));
	}
	EXPECT_EQ(BATCH / 2, count_sent(&self->a));
	EXPECT_LE(BATCH, stats_since(HOST_B, &self->base,
				     FASTPROTO_A_STATS_IN_FRAMES));
	EXPECT_GE(BATCH / 5, stats_since(HOST_B, &self->base,
					 FASTPROTO_A_STATS_IN_DATAGRAMS));
}

/* The receiver has slots for some of those that share a header. */
TEST_F(ring, slots_run_out_within_a_pack)
{
	struct fp_ring_event event;
	int i;

	ASSERT_EQ(0, serve(self->server, &self->b, 3));
	queue_small(&self->a, self->to);
	ASSERT_EQ(0, ring_tell(&self->a));
	for (i = 0; i < BATCH; i++) {
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		ASSERT_EQ(i % 90, event.len);
		ring_copy(&self->b, &event, in);
		ASSERT_TRUE(filled(in, event.len, i));
		ring_give_back(&self->b, &event);
		ASSERT_EQ(0, ring_tell(&self->b));
	}
	EXPECT_EQ(BATCH / 2, count_sent(&self->a));
}

/* How many descriptors the kernel has taken. */
static __u32 taken(const struct ring *ring)
{
	return __atomic_load_n(&ring->ctl->send_head, __ATOMIC_ACQUIRE);
}

TEST_F(ring, quiet_messages)
{
	static const __u32 sizes[] = { 0, 1, 256, 257, 1024, 5 * SLOT };
	const struct fp_ring_event *other;
	struct fp_ring_event event;
	struct fp_ring_stats stats;
	__u64 bytes = 0;
	size_t i;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i);
		ring_queue(&self->a, self->to, 10, out, sizes[i], FP_RING_QUIET);
		ASSERT_EQ(0, ring_tell(&self->a));
		ASSERT_EQ(i + 1, taken(&self->a));
		/* It is ours already. */
		memset(ring_slot(&self->a, 10), 0xff, SLOT);
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(sizes[i], event.len);
		ring_copy(&self->b, &event, in);
		EXPECT_TRUE(filled(in, sizes[i], i));
		bytes += sizes[i];
	}
	while ((other = ring_peek(&self->a))) {
		EXPECT_NE(FP_RING_SENT, other->type);
		ring_seen(&self->a);
	}
	ASSERT_EQ(0, ring_stats(self->client, &stats));
	EXPECT_EQ(ARRAY_SIZE(sizes), stats.sent);
	EXPECT_EQ(bytes, stats.tx_copied);
	EXPECT_EQ(0, stats.tx_zerocopy);
	EXPECT_EQ(0, self->a.ctl->refused);

	/* What is refused is told none the less, and counted. */
	ring_queue(&self->a, self->to, 10, "", 0, FP_RING_QUIET | 0x80);
	ASSERT_EQ(0, ring_tell(&self->a));
	ASSERT_TRUE(next(&self->a, &event));
	EXPECT_EQ(FP_RING_SENT, event.type);
	EXPECT_EQ(EINVAL, event.error);
	EXPECT_EQ(1, self->a.ctl->refused);
	ring_queue(&self->a, self->to, 10, "", 0, FP_RING_QUIET | FP_RING_TO);
	ring_queue(&self->a, self->to, 10, "", 0, 0x80);
	ASSERT_EQ(0, ring_tell(&self->a));
	EXPECT_EQ(2, self->a.ctl->refused);
}

/**
 * struct server - who answers
 * @ring: its ring
 * @named: of SOCK_RDM: the connection is named
 */
struct server {
	struct ring *ring;
	bool named;
};

/* Answers one question after the other, with no call but recv(2). */
static void *answer(void *arg)
{
	const struct fp_ring_event *event;
	const struct server *server = arg;
	struct ring *ring = server->ring;
	unsigned int left = 100;

	while (left) {
		event = ring_peek(ring);
		if (!event) {
			if (recv(ring->fd, NULL, 0, 0) && errno != EINTR)
				return (void *)"recv";
			continue;
		}
		if (event->type == FP_RING_MESSAGE) {
			ring_queue(ring, server->named ? event->conn : 0, 1000,
				   ring_slot(ring, event->slot), event->len,
				   FP_RING_QUIET);
			ring_give_back(ring, event);
			left--;
		}
		ring_seen(ring);
	}
	recv(ring->fd, NULL, 0, MSG_DONTWAIT);
	return NULL;
}

TEST_F(ring, one_call_sends_and_waits)
{
	struct server server = { &self->b, variant->type == SOCK_RDM };
	const struct fp_ring_event *event;
	unsigned int asked = 0, heard = 0;
	pthread_t thread;
	void *problem;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	ring_give(&self->a, 500);
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer, &server));
	while (heard < 100) {
		if (asked == heard) {
			fill(out, 64, asked++);
			ring_queue(&self->a, self->to, 0, out, 64,
				   FP_RING_QUIET);
		}
		ASSERT_EQ(0, recv(self->client, NULL, 0, 0));
		event = ring_peek(&self->a);
		ASSERT_NE(NULL, event);
		if (event->type == FP_RING_MESSAGE) {
			ring_copy(&self->a, event, in);
			EXPECT_TRUE(filled(in, 64, heard++));
			ring_give_back(&self->a, event);
		}
		ring_seen(&self->a);
	}
	ASSERT_EQ(0, pthread_join(thread, &problem));
	EXPECT_EQ(NULL, problem);
}

static void *wait_once(void *ring)
{
	const struct ring *mine = ring;

	return (void *)(intptr_t)recv(mine->fd, NULL, 0, 0);
}

/* Whether he waits already, or is only about to. */
TEST_F(ring, another_thread_wakes_who_waits)
{
	unsigned int i, count = fewer(200);
	struct fp_ring_event event;
	pthread_t thread;
	void *result;
	int other;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	ring_give(&self->a, 500);
	ring_queue(&self->a, self->to, 0, "first", 5, FP_RING_QUIET);
	ASSERT_EQ(0, ring_tell(&self->a));
	ASSERT_TRUE(next(&self->b, &event));
	/* After an answer there is nothing else to be told of. */
	ring_queue(&self->b, variant->type == SOCK_RDM ? event.conn : 0, 1000,
		   "answer", 6, FP_RING_QUIET);
	ASSERT_EQ(0, ring_tell(&self->b));
	memset(&event, 0, sizeof(event));
	while (event.type != FP_RING_MESSAGE)
		ASSERT_TRUE(next(&self->a, &event));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, wait_once, &self->a));
		if (i % 2)
			usleep(1000);
		ASSERT_EQ(0, ioctl(self->client, SIOCFPWAKE));
		ASSERT_EQ(0, pthread_join(thread, &result));
		ASSERT_EQ(NULL, result);
	}
	EXPECT_EQ(NULL, ring_peek(&self->a));
	EXPECT_FAILS(EAGAIN, recv(self->client, NULL, 0, MSG_DONTWAIT));
	ASSERT_EQ(0, ioctl(self->client, SIOCFPWAKE));
	EXPECT_EQ(0, recv(self->client, NULL, 0, MSG_DONTWAIT));
	EXPECT_FAILS(EAGAIN, recv(self->client, NULL, 0, MSG_DONTWAIT));
	other = fp_open(HOST_A);
	EXPECT_FAILS(EINVAL, ioctl(other, SIOCFPWAKE));
	close(other);
}

/*
 * Who answers in the only slot that he has, and waits in the same call, cannot know
 * that it could be given back: he is told when it is missed.
 */
TEST_F(ring, waiting_ends_if_slots_are_missed)
{
	unsigned int i, count = fewer(100);
	struct fp_ring_event event;
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, serve(self->server, &self->b, 1));
	for (i = 0; i < count; i++) {
		fill(out, 64, i);
		ring_queue(&self->a, self->to, 0, out, 64, FP_RING_QUIET);
		ASSERT_EQ(0, ring_tell(&self->a));
		if (i) {
			ASSERT_EQ(0, pthread_join(thread, &result));
			ASSERT_EQ(NULL, result);
			ASSERT_EQ(NULL, ring_peek(&self->b));
			ASSERT_EQ(i, taken(&self->b));
			ring_give(&self->b, event.slot);
		}
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		ring_copy(&self->b, &event, in);
		EXPECT_TRUE(filled(in, 64, i));
		ring_queue(&self->b,
			   variant->type == SOCK_RDM ? event.conn : 0,
			   event.slot, "answer", 6, FP_RING_QUIET);
		ASSERT_EQ(0, pthread_create(&thread, NULL, wait_once, &self->b));
		if (i % 2)
			usleep(1000);
	}
	ASSERT_EQ(0, ioctl(self->server, SIOCFPWAKE));
	ASSERT_EQ(0, pthread_join(thread, &result));
}

/* Without an event recv(2) waits for no longer than it is told to. */
TEST_F(ring, waiting_ends)
{
	const struct timeval soon = { .tv_usec = 20000 };
	struct fp_ring_event event;

	ASSERT_EQ(0, serve(self->server, &self->b, 512));
	ring_queue(&self->a, self->to, 0, "first", 5, FP_RING_QUIET);
	ASSERT_EQ(0, ring_tell(&self->a));
	ASSERT_TRUE(next(&self->b, &event));
	while (ring_peek(&self->a))
		ring_seen(&self->a);
	ring_queue(&self->a, self->to, 0, "second", 6, FP_RING_QUIET);
	EXPECT_FAILS(EAGAIN, recv(self->client, NULL, 0, MSG_DONTWAIT));
	/* It was sent. */
	ASSERT_TRUE(next(&self->b, &event));
	EXPECT_EQ(6, event.len);
	ASSERT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_RCVTIMEO, &soon,
				sizeof(soon)));
	EXPECT_FAILS(EAGAIN, recv(self->client, NULL, 0, 0));
	EXPECT_FAILS(EBUSY, recv(self->client, NULL, 0, MSG_PEEK));
	EXPECT_FAILS(EBUSY, recv(self->client, in, 1, 0));
	/* Who waits is woken by the end, and then there is nothing to wait for. */
	ring_unmap(&self->b);
	close(self->server);
	self->server = fp_open(HOST_B);
	ASSERT_EQ(0, ring_open(self->server, 64, 2, 0, &self->b));
	memset(&event, 0, sizeof(event));
	while (event.type != FP_RING_CLOSED)
		ASSERT_TRUE(next(&self->a, &event));
	if (variant->type == SOCK_SEQPACKET)
		EXPECT_FAILS(EPIPE, recv(self->client, NULL, 0, 0));
}

TEST_F(ring, end_is_told)
{
	struct fp_ring_event event;

	ASSERT_EQ(0, serve(self->server, &self->b, 16));
	ring_queue(&self->a, self->to, 0, "last", 4, 0);
	ASSERT_EQ(0, ring_tell(&self->a));
	ASSERT_TRUE(next(&self->a, &event));
	ring_unmap(&self->a);
	close(self->client);
	ASSERT_TRUE(next(&self->b, &event));
	EXPECT_EQ(FP_RING_MESSAGE, event.type);
	ASSERT_TRUE(next(&self->b, &event));
	EXPECT_EQ(FP_RING_CLOSED, event.type);
	EXPECT_EQ(0, event.error);
	self->client = fp_open(HOST_A);
	ASSERT_EQ(0, ring_open(self->client, 64, 2, 0, &self->a));
}

/* Descriptors that make no sense are refused, one by one. */
TEST_F(ring, bad_descriptors)
{
	struct fp_ring_event event;
	struct fp_ring_stats stats;
	struct fp_ring_send *send;
	int i;

	ASSERT_EQ(0, serve(self->server, &self->b, 16));
	ring_queue(&self->a, self->to, 0, "", 0, 0);
	send = &self->a.sends[0];
	for (i = 0; i < 6; i++) {
		struct fp_ring_send bad = *send;

		switch (i) {
		case 0:
			bad.slot = 1024;
			break;
		case 1:
			bad.flags = 0x80;
			break;
		case 2:
			bad.reserved[2] = 1;
			break;
		case 3:
			bad.len = 1024 * SLOT + 1;
			break;
		case 4:		/* a ring of slots */
			bad.len = 3 * SLOT;
			self->a.links[0] = 1;
			self->a.links[1] = 0;
			break;
		case 5:		/* out of the pool */
			bad.len = 3 * SLOT;
			self->a.links[1] = 0xffffffff;
			break;
		}
		self->a.sends[i] = bad;
	}
	__atomic_store_n(&self->a.ctl->send_tail, 6, __ATOMIC_RELEASE);
	ASSERT_EQ(6, ioctl(self->client, SIOCFPRING));
	for (i = 0; i < 6; i++) {
		ASSERT_TRUE(next(&self->a, &event));
		EXPECT_EQ(FP_RING_SENT, event.type);
		EXPECT_EQ(EINVAL, event.error);
		EXPECT_EQ(0, event.nr);
	}
	EXPECT_EQ(0, ring_stats(self->client, &stats));
	EXPECT_EQ(0, stats.sent);
	EXPECT_LE(6, stats.invalid);
	/* It goes on. */
	ring_queue(&self->a, self->to, 0, "good", 4, 0);
	ASSERT_EQ(0, ring_tell(&self->a));
	ASSERT_TRUE(next(&self->b, &event));
	EXPECT_EQ(4, event.len);
}

/* Who has not given a slot yet may open connections, and send. */
TEST(opens_without_slots)
{
	struct fp_ring_event event;
	struct sockaddr_fp addr;
	struct ring a, b;
	int client, server;
	__u64 to;

	client = rdm_open(HOST_A);
	server = rdm_listen(HOST_B, AF_INET, &addr);
	ASSERT_LE(0, client);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, ring_open(client, SLOT, 8, 0, &a));
	ASSERT_EQ(0, ring_open(server, SLOT, 1024, 4, &b));
	ASSERT_EQ(0, rdm_dial(client, &addr, &to));
	ring_queue(&a, to, 0, "question", 8, 0);
	ASSERT_EQ(0, ring_tell(&a));
	ASSERT_TRUE(next(&b, &event));
	ASSERT_EQ(FP_RING_MESSAGE, event.type);
	ring_queue(&b, event.conn, 7, "answer", 6, 0);
	ASSERT_EQ(0, ring_tell(&b));
	ASSERT_TRUE(next(&a, &event));
	EXPECT_EQ(FP_RING_SENT, event.type);
	/* The answer waits for a slot. */
	ring_give(&a, 1);
	ASSERT_EQ(0, ring_tell(&a));
	ASSERT_TRUE(next(&a, &event));
	ASSERT_EQ(FP_RING_MESSAGE, event.type);
	EXPECT_EQ(6, event.len);
	EXPECT_EQ(1, event.slot);
	ring_unmap(&a);
	ring_unmap(&b);
	close(client);
	close(server);
}

#define NUMBERS	200

FIXTURE(order) {
	int client;
	int server;
	struct sockaddr_fp addr;	/* of the server */
	struct ring ring;		/* of the client */
	__u64 to;			/* for the client to send to */
	bool is_cut;			/* what the client sends is lost */
	bool refused[NUMBERS + 1];
};

FIXTURE_VARIANT(order) {
	int type;
	size_t size;
};

FIXTURE_VARIANT_ADD(order, seqpacket_small) {
	.type = SOCK_SEQPACKET, .size = 100,
};

FIXTURE_VARIANT_ADD(order, seqpacket_large) {
	.type = SOCK_SEQPACKET, .size = SLOT,
};

FIXTURE_VARIANT_ADD(order, rdm_small) {
	.type = SOCK_RDM, .size = 100,
};

FIXTURE_VARIANT_ADD(order, rdm_large) {
	.type = SOCK_RDM, .size = SLOT,
};

FIXTURE_SETUP(order)
{
	const struct fp_ring_req req = {
		.slot_size = SLOT, .slots = 1024, .flags = FP_RING_IN_ORDER,
	};

	if (variant->type == SOCK_SEQPACKET) {
		ASSERT_EQ(0, fp_pair(AF_INET, &self->client, &self->server));
		ASSERT_EQ(1, send(self->client, "x", 1, 0));
	} else {
		self->client = rdm_open(HOST_A);
		self->server = rdm_listen(HOST_B, AF_INET, &self->addr);
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &self->to));
		ASSERT_EQ(1, rdm_send(self->client, self->to, "x", 1, 0));
	}
	/* Its handshake is over. */
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	ASSERT_EQ(1, recv(self->server, in, sizeof(in), 0));
	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUF, 8192));
	ASSERT_EQ(0, setsockopt(self->client, SOL_FASTPROTO, FP_RING, &req,
				sizeof(req)));
	ASSERT_EQ(0, ring_map(self->client, &self->ring));
}

FIXTURE_TEARDOWN(order)
{
	if (self->is_cut)
		net_netem(HOST_A, NULL);
	ring_unmap(&self->ring);
	close(self->client);
	close(self->server);
}

/* Each number has a slot of its own. */
static void queue_number(struct _test_data_order *self, size_t size,
			 __u32 number, __u32 flags)
{
	memset(out, 0, size);
	memcpy(out, &number, sizeof(number));
	ring_queue(&self->ring, self->to, number, out, size,
		   flags | FP_RING_QUIET);
	self->refused[number] = false;
}

/* Which of them are refused; with FP_RING_QUIET there is no other event. */
static bool note_refused(struct _test_data_order *self, bool *writable)
{
	const struct fp_ring_event *event;

	if (ring_tell(&self->ring) ||
	    self->ring.ctl->send_head != self->ring.ctl->send_tail)
		return false;
	for (; (event = ring_peek(&self->ring)); ring_seen(&self->ring)) {
		if (event->type == FP_RING_WRITABLE)
			*writable = true;
		if (event->type != FP_RING_SENT)
			continue;
		if (event->error != EAGAIN || event->slot > NUMBERS)
			return false;
		self->refused[event->slot] = true;
	}
	return true;
}

/* The first one that was refused, behind which all were; or what is behind all. */
static __u32 first_refused(const struct _test_data_order *self, __u32 end)
{
	__u32 first = 0, i;

	while (first < end && !self->refused[first])
		first++;
	for (i = first; i < end; i++)
		if (!self->refused[i])
			return UINT32_MAX;
	return first;
}

static bool wait_writable(struct _test_data_order *self)
{
	struct fp_ring_event event = {};

	while (event.type != FP_RING_WRITABLE)
		if (!ring_wait(&self->ring, &event))
			return false;
	return true;
}

/* All that come in are the next ones. */
static bool take_numbers(int fd, size_t size, __u32 *next)
{
	__u32 number;
	ssize_t got;

	while ((got = recv(fd, in, sizeof(in), MSG_DONTWAIT)) >= 0) {
		memcpy(&number, in, sizeof(number));
		if (got != (ssize_t)size || number != (*next)++)
			return false;
	}
	return errno == EAGAIN;
}

TEST_F(order, nothing_overtakes_what_was_refused)
{
	__u32 first, again, next = 0, i;
	bool writable = false;

	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	self->is_cut = true;
	for (i = 0; i < NUMBERS; i++)
		queue_number(self, variant->size, i, 0);
	ASSERT_TRUE(note_refused(self, &writable));
	first = first_refused(self, NUMBERS);
	ASSERT_GT(NUMBERS, first);
	EXPECT_LT(0, first);
	/* There is room, and yet it is not this one's turn. */
	ASSERT_EQ(0, net_netem(HOST_A, NULL));
	self->is_cut = false;
	ASSERT_TRUE(wait_writable(self));
	queue_number(self, variant->size, NUMBERS, 0);
	ASSERT_TRUE(note_refused(self, &writable));
	ASSERT_EQ(first, first_refused(self, NUMBERS + 1));
	for (writable = true; first <= NUMBERS; first = again) {
		ASSERT_TRUE(writable || wait_writable(self));
		writable = false;
		for (i = first; i <= NUMBERS; i++)
			queue_number(self, variant->size, i,
				     i == first ? FP_RING_AGAIN : 0);
		ASSERT_TRUE(note_refused(self, &writable));
		again = first_refused(self, NUMBERS + 1);
		ASSERT_LE(first, again);
		ASSERT_GE(NUMBERS + 1, again);
		ASSERT_TRUE(take_numbers(self->server, variant->size, &next));
	}
	while (next <= NUMBERS) {
		ASSERT_TRUE(fp_wait(self->server, POLLIN));
		ASSERT_TRUE(take_numbers(self->server, variant->size, &next));
	}
}

/* Of a datagram there is as much as the pool holds. */
TEST(datagram_larger_than_the_pool)
{
	struct fp_ring_event event;
	struct sockaddr_fp addr;
	struct ring ring;
	int rx, tx;

	tx = fp_open(HOST_A);
	rx = fp_open_host(HOST_B, AF_INET, &addr);
	ASSERT_EQ(0, ring_open(rx, SLOT, 2, 2, &ring));
	fill(out, 3 * SLOT, 5);
	ASSERT_EQ(3 * SLOT, fp_sendto(tx, out, 3 * SLOT, &addr));
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(FP_RING_MESSAGE, event.type);
	EXPECT_EQ(FP_RING_F_TRUNCATED, event.flags);
	EXPECT_EQ(2, event.nr);
	EXPECT_EQ(2 * SLOT, event.len);
	ring_unmap(&ring);
	close(tx);
	close(rx);
}

/* It says something only where it was agreed on. */
TEST(again_without_order_is_nonsense)
{
	struct fp_ring_event event;
	int client, server;
	struct ring ring;

	ASSERT_EQ(0, fp_pair(AF_INET, &client, &server));
	ASSERT_EQ(0, ring_open(client, SLOT, 1024, 0, &ring));
	ring_queue(&ring, 0, 3, out, 10, FP_RING_AGAIN);
	ASSERT_EQ(0, ring_tell(&ring));
	ASSERT_TRUE(next(&ring, &event));
	EXPECT_EQ(FP_RING_SENT, event.type);
	EXPECT_EQ(EINVAL, event.error);
	ring_unmap(&ring);
	close(client);
	close(server);
}

static int ask_peer(int fd, __u64 conn, struct sockaddr_fp *peer, socklen_t len)
{
	*peer = (struct sockaddr_fp){
		.sfp_family = AF_FASTPROTO, .sfp_conn = conn
	};
	return getsockopt(fd, SOL_FASTPROTO, FP_PEERNAME, peer, &len);
}

/* Before there is any message, at both ends. */
static void who_has_opened(struct __test_metadata *_metadata, int family)
{
	struct sockaddr_fp addr, peer, own, stranger = {};
	const socklen_t len = sizeof(peer);
	struct fp_ring_event event;
	int client, server;
	struct ring ring;
	__u64 to;

	client = rdm_open(HOST_A);
	server = rdm_open(HOST_B);
	ASSERT_EQ(0, ring_open(server, SLOT, 8, 4, &ring));
	addr = fp_host(family, HOST_B, 0);
	ASSERT_EQ(0, fp_bind(server, &addr));
	ASSERT_EQ(0, fp_name(server, &addr));
	ASSERT_EQ(0, listen(server, 1));
	own = fp_host(family, HOST_A, 0);
	ASSERT_EQ(0, fp_bind(client, &own));
	ASSERT_EQ(0, fp_name(client, &own));
	ASSERT_EQ(0, rdm_dial(client, &addr, &to));
	ASSERT_TRUE(ring_wait(&ring, &event));
	ASSERT_EQ(FP_RING_OPENED, event.type);
	EXPECT_EQ(0, ask_peer(server, event.conn, &peer, len));
	own.sfp_conn = event.conn;
	EXPECT_TRUE(fp_same(&own, &peer));
	EXPECT_EQ(0, ask_peer(client, to, &peer, len));
	addr.sfp_conn = to;
	EXPECT_TRUE(fp_same(&addr, &peer));
	/* Nobody's, the other one's, and what is no question. */
	EXPECT_FAILS(ENOTCONN, ask_peer(server, 0, &peer, len));
	EXPECT_FAILS(ENOTCONN, ask_peer(server, event.conn + 1, &peer, len));
	EXPECT_FAILS(ENOTCONN, ask_peer(server, to, &peer, len));
	EXPECT_FAILS(EINVAL, ask_peer(client, to, &peer, len - 1));
	EXPECT_FAILS(EAFNOSUPPORT, getsockopt(client, SOL_FASTPROTO,
					      FP_PEERNAME, &stranger,
					      (socklen_t[]){ len }));
	ASSERT_EQ(0, rdm_close(client, to));
	EXPECT_FAILS(ENOTCONN, ask_peer(client, to, &peer, len));
	ring_unmap(&ring);
	close(client);
	close(server);
}

TEST(who_has_opened_ipv4)
{
	who_has_opened(_metadata, AF_INET);
}

TEST(who_has_opened_ipv6)
{
	who_has_opened(_metadata, AF_INET6);
}

FIXTURE(dgram) {
	int client;
	int server;
	struct sockaddr_fp addr;
	struct ring a;
	struct ring b;
};

FIXTURE_SETUP(dgram)
{
	self->client = fp_open(HOST_A);
	self->server = fp_open_host(HOST_B, AF_INET, &self->addr);
	ASSERT_LE(0, self->client);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, ring_open(self->client, SLOT, 64, 0, &self->a));
	ASSERT_EQ(0, ring_open(self->server, SLOT, 64, 4, &self->b));
}

FIXTURE_TEARDOWN(dgram)
{
	ring_unmap(&self->a);
	ring_unmap(&self->b);
	close(self->client);
	close(self->server);
}

TEST_F(dgram, to_an_address_and_back)
{
	struct fp_ring_event event;
	struct stats base;
	int i;

	for (i = 0; i < 20; i++) {
		self->a.names[5] = self->addr;
		ring_queue(&self->a, 0, 5, "hello", 5, FP_RING_TO);
		ASSERT_EQ(0, ring_tell(&self->a));
		ASSERT_TRUE(next(&self->a, &event));
		EXPECT_EQ(FP_RING_SENT, event.type);
		EXPECT_EQ(0, event.error);
		ASSERT_TRUE(next(&self->b, &event));
		ASSERT_EQ(FP_RING_MESSAGE, event.type);
		EXPECT_EQ(5, event.len);
		EXPECT_EQ(i, event.seq);
		EXPECT_EQ(AF_INET,
			  self->b.names[event.slot].sfp_transport);
		ring_give_back(&self->b, &event);
	}
	/* Without a slot it is dropped, and counted. */
	stats_read(HOST_B, &base);
	for (i = 0; i < 6; i++) {
		self->a.names[5] = self->addr;
		ring_queue(&self->a, 0, 5, "hello", 5, FP_RING_TO);
		ASSERT_EQ(0, ring_tell(&self->a));
		ASSERT_TRUE(next(&self->a, &event));
	}
	EXPECT_TRUE(stats_wait(HOST_B, &base,
			       FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS, 2));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
