// SPDX-License-Identifier: GPL-2.0
/* What the echo server does with answers that are refused; with fake_ring.c. */
#define main	fpecho_main
#include "../../userspace/examples/echo.c"
#undef main

#include "kselftest_harness.h"
#include "fake_ring.h"

#define CONN	77

FIXTURE(echo)
{
	struct fp_ring *ring;
	const struct fp_ring_send *send;
};

/* One message has come, and its answer was taken. */
FIXTURE_SETUP(echo)
{
	self->ring = fake_ring(64, 16, 8);
	waiting = calloc(16, sizeof(*waiting));
	rooms_then = calloc(16, sizeof(*rooms_then));
	ASSERT_NE(NULL, self->ring);
	ASSERT_EQ(0, fp_loop_new(&loop, NULL));
	ASSERT_EQ(0, fp_loop_add_ring(loop, self->ring, &handlers, NULL));
	fake_message("hello", 5, CONN);
	ASSERT_EQ(1, fp_loop_once(loop, -1));
	self->send = fake_sent_next();
	ASSERT_NE(NULL, self->send);
}

FIXTURE_TEARDOWN(echo)
{
	fp_loop_free(loop);
	fp_ring_close(self->ring);
	free(waiting);
	free(rooms_then);
}

static void post(int type, __u64 conn)
{
	fake_post((struct fp_ring_event){ .type = type, .conn = conn });
}

/* All that is there. */
static void handle(struct fp_ring *ring)
{
	while (ring_pending(ring))
		fp_loop_once(loop, -1);
	fp_ring_flush(ring);
}

/* The answer is sent once more, or not. */
static bool sent_again(struct fp_ring *ring)
{
	const struct fp_ring_send *send;

	handle(ring);
	send = fake_sent_next();
	return send && send->conn == CONN && send->len == 5 &&
	       !memcmp(fake_slot(send->slot), "hello", 5);
}

TEST_F(echo, answer_that_is_sent)
{
	EXPECT_EQ(FP_RING_QUIET, self->send->flags);
	EXPECT_FALSE(sent_again(self->ring));
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(echo, refused_until_there_is_room)
{
	fake_refuse(self->send, EAGAIN);
	EXPECT_FALSE(sent_again(self->ring));
	post(FP_RING_WRITABLE, CONN + 1);
	EXPECT_FALSE(sent_again(self->ring));
	EXPECT_EQ(1, nr_waiting);
	post(FP_RING_WRITABLE, CONN);
	EXPECT_TRUE(sent_again(self->ring));
	EXPECT_EQ(0, nr_waiting);
	EXPECT_FALSE(sent_again(self->ring));
	EXPECT_EQ(8, fake_free_count());
}

/* Two CPUs tell of it, in whatever order. */
TEST_F(echo, room_is_told_before_the_refusal)
{
	post(FP_RING_WRITABLE, CONN);
	fake_refuse(self->send, EAGAIN);
	EXPECT_TRUE(sent_again(self->ring));
	EXPECT_EQ(0, nr_waiting);
	EXPECT_FALSE(sent_again(self->ring));
	EXPECT_EQ(8, fake_free_count());
}

/* Whether its end is told before or after: it holds no slots for ever. */
TEST_F(echo, refused_and_closed)
{
	fake_refuse(self->send, EAGAIN);
	EXPECT_FALSE(sent_again(self->ring));
	post(FP_RING_CLOSED, CONN);
	handle(self->ring);
	fake_refuse(fake_sent_next(), EINVAL);
	EXPECT_FALSE(sent_again(self->ring));
	EXPECT_EQ(0, nr_waiting);
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(echo, closed_before_the_refusal)
{
	post(FP_RING_CLOSED, CONN);
	fake_refuse(self->send, EAGAIN);
	handle(self->ring);
	fake_refuse(fake_sent_next(), EINVAL);
	EXPECT_FALSE(sent_again(self->ring));
	EXPECT_EQ(0, nr_waiting);
	EXPECT_EQ(8, fake_free_count());
}

TEST_HARNESS_MAIN
