// SPDX-License-Identifier: GPL-2.0
/* libfastproto with the kernel: rings and loops, as applications use them. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"
#include "lib/loopserver.h"

#define MS		1000000ll
#define LARGEST		(20 * SLOT)

static unsigned char out[LARGEST + 1], in[LARGEST + 1];

static const struct fp_ring_config tiny = { .slot_size = SLOT, .slots = 2 };

/* A datagram that finds no slot is lost, and those of the one before may be missing. */
static const struct fp_ring_config roomy = {
	.slot_size = SLOT, .slots = 128, .receive_slots = 4 * LARGEST / SLOT,
};

static const struct fp_ring_config few_events = {
	.slot_size = SLOT, .slots = 64, .events = 2,
};

/*
 * The next event of a type, within patience; what else comes meanwhile is left,
 * but for a send that failed: NULL, as if nothing had come.
 */
static const struct fp_ring_event *await(struct fp_ring *ring, int type)
{
	const struct fp_ring_event *event;

	for (;;) {
		while ((event = fp_ring_next(ring))) {
			if (event->type == type)
				return event;
			if (event->type == FP_RING_SENT && event->error)
				return NULL;
		}
		if (fp_ring_wait(ring, PATIENCE * SECOND, 0) != 1)
			return NULL;
	}
}

/* Until all slots for sending are back. */
static bool all_sent(struct fp_ring *ring)
{
	struct fp_ring_config config;

	fp_ring_config(ring, &config);
	while (fp_ring_spare(ring) < config.slots - config.receive_slots) {
		if (!await(ring, FP_RING_SENT))
			return false;
	}
	return true;
}

/* --- one connection, or none: of each type */

FIXTURE(echo)
{
	struct server server;
	struct fp_ring *client;
	__u64 conn;
};

FIXTURE_VARIANT(echo)
{
	int type;
	const struct fp_ring_config *config;
};

FIXTURE_VARIANT_ADD(echo, rdm)
{
	.type = SOCK_RDM, .config = &small,
};

FIXTURE_VARIANT_ADD(echo, seqpacket)
{
	.type = SOCK_SEQPACKET, .config = &small,
};

FIXTURE_VARIANT_ADD(echo, dgram)
{
	.type = SOCK_DGRAM, .config = &roomy,
};

FIXTURE_VARIANT_ADD(echo, rdm_two_slots)
{
	.type = SOCK_RDM, .config = &tiny,
};

FIXTURE_VARIANT_ADD(echo, seqpacket_two_slots)
{
	.type = SOCK_SEQPACKET, .config = &tiny,
};

FIXTURE_VARIANT_ADD(echo, rdm_two_events)
{
	.type = SOCK_RDM, .config = &few_events,
};

FIXTURE_VARIANT_ADD(echo, seqpacket_two_events)
{
	.type = SOCK_SEQPACKET, .config = &few_events,
};

/*
 * The listener has a socket of its own, and what it accepts gets a ring. It must
 * not promise its peers more than that holds.
 */
static struct fp_ring *accept_ring(struct fp_ring *client,
				   const struct fp_ring_config *config)
{
	struct sockaddr_fp addr = fp_host(AF_INET, HOST_B, 0);
	int fd = fp_open_seqpacket(HOST_B), accepted;
	struct fp_ring *ring = NULL;

	if (fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX,
		      config->slots / 2 * SLOT) ||
	    fp_bind(fd, &addr) || fp_name(fd, &addr) || listen(fd, 1) ||
	    fp_ring_connect(client, &addr, NULL))
		abort();
	accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	close(fd);
	if (accepted < 0 || fp_ring_attach(&ring, accepted, config))
		abort();
	return ring;
}

FIXTURE_SETUP(echo)
{
	self->client = open_ring(HOST_A, variant->type, variant->config, NULL);
	ASSERT_NE(NULL, self->client);
	if (variant->type == SOCK_SEQPACKET)
		self->server.ring = accept_ring(self->client, variant->config);
	ASSERT_EQ(0, server_start(&self->server, variant->type,
				  variant->config, NULL));
	if (variant->type != SOCK_SEQPACKET)
		ASSERT_EQ(0, fp_ring_connect(self->client, &self->server.addr,
					     &self->conn));
}

FIXTURE_TEARDOWN(echo)
{
	server_stop(&self->server);
	EXPECT_EQ(0, self->server.result);
	EXPECT_EQ(0, self->server.failed);
	fp_ring_close(self->server.ring);
	fp_ring_close(self->client);
}

/* As many bytes as fit on either side, and on the way. */
static size_t largest(struct fp_ring *ring)
{
	struct fp_ring_config config;
	size_t most;

	fp_ring_config(ring, &config);
	most = (size_t)(config.slots - config.receive_slots) * SLOT;
	return most < LARGEST ? most : LARGEST;
}

TEST_F(echo, messages_of_all_sizes)
{
	static const size_t sizes[] = {
		0, 1, 63, 64, 1023, 1024, SLOT - 1, SLOT, SLOT + 1,
		3 * SLOT, 7 * SLOT + 5, LARGEST - 1, LARGEST
	};
	const struct fp_ring_event *msg;
	size_t i, tested = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > largest(self->client))
			break;
		fill(out, sizes[i], i);
		ASSERT_EQ(0, fp_ring_send(self->client, self->conn, out,
					  sizes[i], 0));
		msg = await(self->client, FP_RING_MESSAGE);
		ASSERT_NE(NULL, msg);
		ASSERT_EQ(sizes[i], msg->len);
		if (variant->type == SOCK_RDM)
			ASSERT_EQ(self->conn, msg->conn);
		ASSERT_TRUE(filled(fp_ring_data(self->client, msg, in),
				   sizes[i], i));
		tested++;
		fp_ring_release(self->client, msg);
		ASSERT_TRUE(all_sent(self->client));
	}
	EXPECT_LE(8, tested);
}

/* In order, and each once, however few slots and events there are. */
TEST_F(echo, many_messages)
{
	unsigned int count = fewer(2000), sent = 0, got = 0;
	const struct fp_ring_event *event;

	if (variant->type == SOCK_DGRAM)
		count = 16;	/* what is lost there is lost */
	while (got < count) {
		while (sent < count && sent - got < 50 &&
		       !fp_ring_send(self->client, self->conn, &sent,
				     sizeof(sent), 0))
			sent++;
		event = fp_ring_next(self->client);
		if (!event) {
			ASSERT_EQ(1, fp_ring_wait(self->client,
						  PATIENCE * SECOND, 0));
			continue;
		}
		if (event->type == FP_RING_SENT)
			ASSERT_EQ(0, event->error);
		if (event->type != FP_RING_MESSAGE)
			continue;
		ASSERT_EQ(sizeof(got), event->len);
		ASSERT_EQ(0, memcmp(fp_ring_data(self->client, event, NULL),
				    &got, sizeof(got)));
		got++;
	}
}

/* --- very many connections */

/* Answers, by the numbers that were sent. */
struct many {
	struct fp_ring *ring;
	unsigned int count;
	__u64 *conns;
	char *seen;
	unsigned int got, wrong, refused;
};

static void count_answer(struct many *many, const struct fp_ring_event *msg)
{
	const void *data = fp_ring_data(many->ring, msg, NULL);
	unsigned int number;

	memcpy(&number, data, sizeof(number));
	if (msg->len != sizeof(number) || number >= many->count ||
	    many->conns[number] != msg->conn || many->seen[number]++)
		many->wrong++;
	many->got++;
}

/* One event, within patience. */
static bool go_on_with(struct many *many)
{
	const struct fp_ring_event *event = fp_ring_next(many->ring);

	if (!event)
		return fp_ring_wait(many->ring, PATIENCE * SECOND, 0) == 1;
	if (event->type == FP_RING_MESSAGE)
		count_answer(many, event);
	else if (event->type == FP_RING_SENT && event->error)
		many->refused++;
	return true;
}

TEST(thousands_of_connections)
{
	const unsigned int count = fewer(4000);
	struct many many = {
		.ring = open_ring(HOST_A, SOCK_RDM, NULL, NULL),
		.count = count,
		.conns = calloc(count, sizeof(*many.conns)),
		.seen = calloc(count, 1),
	};
	struct server server = {};
	unsigned int i;

	ASSERT_NE(NULL, many.ring);
	ASSERT_EQ(0, server_start(&server, SOCK_RDM, NULL, NULL));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, fp_ring_connect(many.ring, &server.addr,
					     &many.conns[i]));
		while (fp_ring_send(many.ring, many.conns[i], &i, sizeof(i), 0))
			ASSERT_TRUE(go_on_with(&many));
	}
	while (many.got < count)
		ASSERT_TRUE(go_on_with(&many));
	EXPECT_EQ(0, many.wrong);
	EXPECT_EQ(0, many.refused);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, fp_ring_disconnect(many.ring, many.conns[i]));
	EXPECT_TRUE(wait_count(&server.closed, count));
	server_stop(&server);
	EXPECT_EQ(count, server.opened);
	EXPECT_EQ(count, server.messages);
	EXPECT_EQ(0, server.failed);
	fp_ring_close(server.ring);
	fp_ring_close(many.ring);
}

/* --- messages that are kept, and peers that must wait for that */

FIXTURE(pair)
{
	struct fp_ring *client;
	struct fp_ring *server;
	struct sockaddr_fp addr;
	__u64 conn;
};

FIXTURE_SETUP(pair)
{
	self->client = open_ring(HOST_A, SOCK_RDM, &small, NULL);
	self->server = open_ring(HOST_B, SOCK_RDM, &small, &self->addr);
	ASSERT_NE(NULL, self->client);
	ASSERT_NE(NULL, self->server);
	ASSERT_EQ(0, fp_ring_listen(self->server));
	ASSERT_EQ(0, fp_ring_connect(self->client, &self->addr, &self->conn));
}

FIXTURE_TEARDOWN(pair)
{
	fp_ring_close(self->client);
	fp_ring_close(self->server);
}

/* All that is taken without an answer; the last that was refused is @again. */
static unsigned int send_until_refused(struct fp_ring *ring, __u64 conn,
				       unsigned int number)
{
	const struct fp_ring_event *event;

	for (;; number++) {
		if (fp_ring_send(ring, conn, &number, sizeof(number), 0))
			return number;
		if (fp_ring_flush(ring))
			abort();
		do
			event = fp_ring_next(ring);
		while (event && event->type != FP_RING_SENT);
		if (!event)
			return number + 1;	/* under way */
		if (event->error == EAGAIN)
			return number;
		if (event->error)
			abort();
	}
}

TEST_F(pair, kept_messages_slow_the_peer_down)
{
	struct fp_ring_event kept[32];
	const struct fp_ring_event *msg;
	unsigned int i, sent, number;

	sent = send_until_refused(self->client, self->conn, 0);
	EXPECT_LT(32, sent);
	for (i = 0; i < 32; i++) {
		msg = await(self->server, FP_RING_MESSAGE);
		ASSERT_NE(NULL, msg);
		kept[i] = *msg;
		ASSERT_EQ(0, fp_ring_keep(self->server, msg));
	}
	/* All slots are kept: nothing else comes in. */
	EXPECT_EQ(0, fp_ring_wait(self->server, 50 * MS, 0));
	for (i = 0; i < sent; i++) {
		const struct fp_ring_event *this = &kept[i];

		if (i >= 32)
			this = await(self->server, FP_RING_MESSAGE);
		ASSERT_NE(NULL, this);
		memcpy(&number, fp_ring_data(self->server, this, NULL),
		       sizeof(number));
		ASSERT_EQ(i, number);
		ASSERT_EQ(0, fp_ring_release(self->server, this));
		ASSERT_EQ(0, fp_ring_flush(self->server));
	}
	EXPECT_NE(NULL, await(self->client, FP_RING_WRITABLE));
}

/* --- what is refused keeps its place */

#define NUMBERS	500u

FIXTURE(order)
{
	struct fp_ring *client;
	struct fp_ring *server;
	__u64 conn;
	unsigned int first;	/* that was refused; NUMBERS: none */
	bool writable;
};

FIXTURE_VARIANT(order)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(order, told) {
};

FIXTURE_VARIANT_ADD(order, quiet) {
	.flags = FP_RING_QUIET,
};

FIXTURE_SETUP(order)
{
	const struct fp_ring_config config = {
		.slot_size = SLOT, .slots = 2048, .flags = FP_RING_IN_ORDER,
	};
	struct sockaddr_fp addr;

	self->client = open_ring(HOST_A, SOCK_RDM, &config, NULL);
	self->server = open_ring(HOST_B, SOCK_RDM, &small, &addr);
	ASSERT_NE(NULL, self->client);
	ASSERT_NE(NULL, self->server);
	ASSERT_EQ(0, fp_ring_listen(self->server));
	ASSERT_EQ(0, fp_setint(fp_ring_fd(self->client), SOL_SOCKET, SO_SNDBUF,
			       20000));
	ASSERT_EQ(0, fp_ring_connect(self->client, &addr, &self->conn));
}

FIXTURE_TEARDOWN(order)
{
	fp_ring_close(self->client);
	fp_ring_close(self->server);
}

/* From a number on, all of them. */
static bool send_numbers(struct _test_data_order *self, unsigned int number,
			 __u32 flags, __u32 first_flags)
{
	for (; number < NUMBERS; number++, first_flags = 0)
		if (fp_ring_send(self->client, self->conn, &number,
				 sizeof(number), flags | first_flags))
			return false;
	return !fp_ring_flush(self->client);
}

/* Until it is known which of them were refused: all from the first on. */
static bool settle(struct _test_data_order *self)
{
	const struct fp_ring_event *event;
	unsigned int number, next = 0;

	self->first = NUMBERS;
	do {
		while ((event = fp_ring_next(self->client))) {
			self->writable |= event->type == FP_RING_WRITABLE;
			if (event->type != FP_RING_SENT || !event->error)
				continue;
			memcpy(&number, fp_ring_data(self->client, event, NULL),
			       sizeof(number));
			if (self->first == NUMBERS) {
				self->first = number;
				next = number;
			}
			if (event->error != EAGAIN || number != next++)
				return false;
		}
	} while (!fp_ring_settled(self->client));
	return self->first == NUMBERS || next == NUMBERS;
}

/* Until there is room at the client, or all have come. */
static bool take_numbers(struct _test_data_order *self, unsigned int *next)
{
	const struct fp_ring_event *msg;
	unsigned int number;

	while (*next < self->first) {
		msg = await(self->server, FP_RING_MESSAGE);
		if (!msg)
			return false;
		memcpy(&number, fp_ring_data(self->server, msg, NULL),
		       sizeof(number));
		if (number != (*next)++)
			return false;
	}
	return true;
}

TEST_F(order, nothing_overtakes_what_was_refused)
{
	unsigned int next = 0, rounds = 0;
	__u32 again = 0;

	for (self->first = 0; self->first < NUMBERS; rounds++) {
		unsigned int first = self->first;

		self->writable = false;
		ASSERT_TRUE(send_numbers(self, first, variant->flags, again));
		ASSERT_TRUE(settle(self));
		ASSERT_LE(first, self->first);
		again = FP_RING_AGAIN;
		ASSERT_TRUE(take_numbers(self, &next));
		if (self->first < NUMBERS && !self->writable)
			ASSERT_NE(NULL, await(self->client, FP_RING_WRITABLE));
	}
	/* It would show nothing if all had fitted. */
	EXPECT_LT(2, rounds);
	EXPECT_EQ(NUMBERS, next);
}

/* Each is told by FP_RING_SENT, with the message still in its slots. */
TEST_F(pair, errors_of_sends)
{
	const struct fp_ring_event *event;
	struct sockaddr_fp nobody = {};

	ASSERT_EQ(0, fp_ring_send(self->client, 0x1234567890ull, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_sendto(self->client, &nobody, "y", 1, 0));
	ASSERT_EQ(0, fp_ring_send(self->client, 0, "z", 1, 0));
	ASSERT_EQ(1, fp_ring_wait(self->client, PATIENCE * SECOND, 0));
	do
		event = fp_ring_next(self->client);
	while (event && event->type != FP_RING_SENT);
	ASSERT_NE(NULL, event);
	EXPECT_NE(0, event->error);
	EXPECT_EQ(0x1234567890ull, event->conn);
	EXPECT_EQ(0, memcmp("x", fp_ring_data(self->client, event, NULL), 1));
	do
		event = fp_ring_next(self->client);
	while (event && event->type != FP_RING_SENT);
	ASSERT_NE(NULL, event);
	EXPECT_NE(0, event->error);
	EXPECT_EQ(0, memcmp("y", fp_ring_data(self->client, event, NULL), 1));
	do
		event = fp_ring_next(self->client);
	while (event && event->type != FP_RING_SENT);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(EINVAL, event->error);
	EXPECT_EQ(0, memcmp("z", fp_ring_data(self->client, event, NULL), 1));
	/* Nothing is lost by it, and the connection works. */
	ASSERT_EQ(0, fp_ring_queue(self->client, self->conn, NULL, event, 0));
	ASSERT_EQ(0, fp_ring_flush(self->client));
	event = await(self->server, FP_RING_MESSAGE);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(0, memcmp("z", fp_ring_data(self->server, event, NULL), 1));
	ASSERT_TRUE(all_sent(self->client));
}

/* Opened by a message to an address. */
TEST_F(pair, send_to_an_address)
{
	const struct fp_ring_event *event;
	__u64 conn;

	ASSERT_EQ(0, fp_ring_sendto(self->client, &self->addr, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->client));
	event = await(self->server, FP_RING_MESSAGE);
	ASSERT_NE(NULL, event);
	conn = event->conn;
	EXPECT_EQ(conn, fp_ring_name(self->server, event)->sfp_conn);
	EXPECT_EQ(AF_INET, fp_ring_name(self->server, event)->sfp_transport);
	ASSERT_EQ(0, fp_ring_send(self->server, conn, "y", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->server));
	event = await(self->client, FP_RING_MESSAGE);
	ASSERT_NE(NULL, event);
	EXPECT_NE(self->conn, event->conn);
}

TEST_F(pair, a_batch_is_one_system_call)
{
	struct fp_ring_stats before, after;
	int i;

	ASSERT_EQ(0, fp_ring_send(self->client, self->conn, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->client));
	ASSERT_NE(NULL, await(self->server, FP_RING_MESSAGE));
	ASSERT_TRUE(all_sent(self->client));
	ASSERT_EQ(0, fp_ring_stats(self->client, &before));
	for (i = 0; i < 30; i++)
		ASSERT_EQ(0, fp_ring_send(self->client, self->conn, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->client));
	for (i = 0; i < 30; i++)
		ASSERT_NE(NULL, await(self->server, FP_RING_MESSAGE));
	ASSERT_EQ(0, fp_ring_stats(self->client, &after));
	EXPECT_EQ(before.kicks + 1, after.kicks);
	EXPECT_EQ(before.sent + 30, after.sent);
}

TEST_F(pair, disconnect_comes_after_what_was_queued)
{
	const struct fp_ring_event *event;
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, fp_ring_send(self->client, self->conn, &i,
					  sizeof(i), 0));
	ASSERT_EQ(0, fp_ring_disconnect(self->client, self->conn));
	ASSERT_NE(NULL, await(self->server, FP_RING_OPENED));
	for (i = 0; i < 20; i++) {
		event = await(self->server, FP_RING_MESSAGE);
		ASSERT_NE(NULL, event);
		ASSERT_EQ(0, memcmp(&i, fp_ring_data(self->server, event, NULL),
				    sizeof(i)));
	}
	event = await(self->server, FP_RING_CLOSED);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(0, event->error);
	EXPECT_GT(0, fp_ring_disconnect(self->client, self->conn));
}

TEST_F(pair, larger_than_what_may_be)
{
	EXPECT_EQ(32 * SLOT, fp_getint(fp_ring_fd(self->client), SOL_FASTPROTO,
				       FP_MSG_MAX));
	EXPECT_EQ(-EMSGSIZE, fp_ring_send(self->client, self->conn, out,
					  32 * SLOT + 1, 0));
}

/* --- waiting */

struct later {
	struct fp_ring *ring;
	__u64 conn;
};

static void *send_later(void *arg)
{
	struct later *later = arg;

	usleep(20000);
	if (fp_ring_send(later->ring, later->conn, "x", 1, 0) ||
	    fp_ring_flush(later->ring))
		abort();
	return NULL;
}

TEST_F(pair, wait_until_an_event_comes)
{
	struct later later = { self->client, self->conn };
	pthread_t thread;

	/* After 25 ms the client speaks by itself; nothing comes after that. */
	ASSERT_NE(NULL, await(self->server, FP_RING_OPENED));
	EXPECT_EQ(0, fp_ring_wait(self->server, 0, 0));
	EXPECT_EQ(0, fp_ring_wait(self->server, MS, MS));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &later));
	EXPECT_EQ(1, fp_ring_wait(self->server, PATIENCE * SECOND, 0));
	EXPECT_NE(NULL, await(self->server, FP_RING_MESSAGE));
	pthread_join(thread, NULL);
	EXPECT_EQ(NULL, fp_ring_next(self->server));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &later));
	EXPECT_EQ(1, fp_ring_wait(self->server, -1, PATIENCE * SECOND));
	EXPECT_NE(NULL, await(self->server, FP_RING_MESSAGE));
	pthread_join(thread, NULL);
}

/* --- ends */

static int count_closed(struct fp_ring *ring, int *error)
{
	const struct fp_ring_event *event;

	event = await(ring, FP_RING_CLOSED);
	*error = event ? event->error : 0;
	return !!event;
}

TEST(nobody_listens)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_RDM };
	struct sockaddr_fp to = fp_host(AF_INET, HOST_B, 4444);
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct fp_ring *ring = open_ring(HOST_A, types[i], &small, NULL);

		ASSERT_NE(NULL, ring);
		/* The answer may be there at once. */
		err = -fp_ring_connect(ring, &to, NULL);
		if (!err)
			ASSERT_EQ(1, count_closed(ring, &err));
		EXPECT_EQ(ECONNREFUSED, err);
		fp_ring_close(ring);
	}
}

/* Nothing will come any more: that is told, but keeps no loop awake. */
TEST(end_of_a_connection)
{
	struct fp_ring *client = open_ring(HOST_A, SOCK_SEQPACKET, &small, NULL);
	const struct fp_handlers handlers = { .on_closed = on_closed };
	struct server server = {};
	struct fp_loop *loop;
	struct fp_ring *peer;
	int err;

	ASSERT_NE(NULL, client);
	peer = accept_ring(client, &small);
	ASSERT_EQ(0, fp_loop_new(&loop, NULL));
	ASSERT_EQ(0, fp_loop_add_ring(loop, client, &handlers, &server));
	ASSERT_EQ(0, fp_ring_disconnect(peer, 0));
	while (!server.closed)
		ASSERT_EQ(1, fp_loop_once(loop, PATIENCE * SECOND));
	ASSERT_EQ(0, fp_ring_disconnect(client, 0));
	ASSERT_EQ(1, count_closed(peer, &err));
	EXPECT_EQ(0, err);
	while (fp_ring_wait(peer, 0, 0) == 1)
		fp_ring_next(peer);
	EXPECT_EQ(-EPIPE, fp_ring_wait(peer, PATIENCE * SECOND, 0));
	/* What it still has to say about it, and then no more. */
	while (fp_loop_once(loop, 50 * MS))
		;
	EXPECT_EQ(1, server.closed);
	fp_loop_free(loop);
	fp_ring_close(client);
	fp_ring_close(peer);
}

/* An ICMP error is an error of the socket: poll(2) says so until it was read. */
TEST(error_of_a_datagram)
{
	struct fp_ring *ring = open_ring(HOST_A, SOCK_DGRAM, &small, NULL);
	struct sockaddr_fp to = fp_host(AF_INET, HOST_B, 4444);
	const struct fp_handlers handlers = {};
	struct fp_loop *loop;

	ASSERT_NE(NULL, ring);
	ASSERT_EQ(0, fp_ring_connect(ring, &to, NULL));
	ASSERT_EQ(0, fp_ring_send(ring, 0, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(ring));
	ASSERT_TRUE(fp_wait(fp_ring_fd(ring), POLLERR | POLLIN));
	ASSERT_EQ(0, fp_loop_new(&loop, NULL));
	ASSERT_EQ(0, fp_loop_add_ring(loop, ring, &handlers, NULL));
	while (fp_loop_once(loop, 50 * MS))
		;
	fp_loop_free(loop);
	fp_ring_close(ring);
}

/* What came before there was a ring. */
TEST(accepted_with_messages)
{
	struct fp_ring *client = open_ring(HOST_A, SOCK_SEQPACKET, &small, NULL);
	struct sockaddr_fp addr;
	int listener = fp_listen(HOST_B, AF_INET, 1, &addr), fd, i;
	const struct fp_ring_event *event;
	struct fp_ring *ring;

	ASSERT_NE(NULL, client);
	ASSERT_EQ(0, fp_ring_connect(client, &addr, NULL));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, await(client, FP_RING_OPENED));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, fp_ring_send(client, 0, &i, sizeof(i), 0));
	ASSERT_EQ(0, fp_ring_disconnect(client, 0));
	ASSERT_TRUE(fp_wait(fd, POLLIN));
	/* It may be told less than it takes by default. */
	EXPECT_EQ(-EMSGSIZE, fp_ring_attach(&ring, fd, &tiny));
	ASSERT_EQ(0, fp_ring_attach(&ring, fd, NULL));
	for (i = 0; i < 5; i++) {
		event = await(ring, FP_RING_MESSAGE);
		ASSERT_NE(NULL, event);
		ASSERT_EQ(0, memcmp(&i, fp_ring_data(ring, event, NULL),
				    sizeof(i)));
	}
	EXPECT_NE(NULL, await(ring, FP_RING_CLOSED));
	fp_ring_close(ring);
	fp_ring_close(client);
	close(listener);
}

TEST(attach_to_what_is_no_socket_of_ours)
{
	struct fp_ring *ring;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-ENOTSOCK, fp_ring_attach(&ring, fds[0], NULL));
	EXPECT_EQ(-EBADF, fp_ring_attach(&ring, 999, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_attach(&ring, -1, NULL));
	fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_GT(0, fp_ring_attach(&ring, fds[0], NULL));
	EXPECT_EQ(0, close(fds[0]));
	EXPECT_GT(0, fp_ring_open(&ring, 12345, NULL, NULL));
}

/* A second one on the same port. */
TEST(open_fails_as_bind_does)
{
	struct fp_ring *first, *second;
	struct sockaddr_fp addr;

	first = open_ring(HOST_A, SOCK_RDM, &small, &addr);
	ASSERT_NE(NULL, first);
	EXPECT_EQ(-EADDRINUSE, fp_ring_open(&second, SOCK_RDM, &addr, &small));
	fp_ring_close(first);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
