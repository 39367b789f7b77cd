// SPDX-License-Identifier: GPL-2.0
/* libfastproto's rings, with the kernel's side played by fake_ring.c. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "fake_ring.h"

#define SIZE	64	/* of a slot */

static void fill(unsigned char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = seed + i * 7 + i / 256;
}

FIXTURE(ring)
{
	struct fp_ring *ring;
};

/* 16 slots, 0 to 7 for receiving. */
FIXTURE_SETUP(ring)
{
	self->ring = fake_ring(SIZE, 16, 8);
	ASSERT_NE(NULL, self->ring);
}

FIXTURE_TEARDOWN(ring)
{
	fp_ring_close(self->ring);
	EXPECT_EQ(NULL, fake.map);
}

TEST_F(ring, receive_slots_are_given_at_once)
{
	__u32 slot;

	EXPECT_EQ(8, fake_ctl()->free_tail);
	for (slot = 0; slot < 8; slot++)
		EXPECT_EQ(slot, fake_take());
	EXPECT_EQ(NONE, fake_take());
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	EXPECT_EQ(0, fake.kicks);
	EXPECT_EQ(1, fake.events_on);
	EXPECT_EQ(8 * SIZE, fake.msg_max);
	EXPECT_EQ(fake.fd, fp_ring_fd(self->ring));
}

TEST_F(ring, message_in_one_slot)
{
	const struct fp_ring_event *event;
	__u32 slot;

	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	slot = fake_message("hello", 5, 77);
	fake_name(slot)->sfp_conn = 77;
	event = fp_ring_next(self->ring);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(FP_RING_MESSAGE, event->type);
	EXPECT_EQ(77, event->conn);
	EXPECT_EQ(5, event->len);
	EXPECT_EQ(fake_slot(slot), fp_ring_data(self->ring, event, NULL));
	EXPECT_EQ(fake_name(slot), fp_ring_name(self->ring, event));
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(7, fake_free_count());
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(8, fake_free_count());
	EXPECT_EQ(1, fake_ctl()->event_head);
	EXPECT_EQ(0, fake.kicks);
}

TEST_F(ring, empty_message_has_a_slot)
{
	const struct fp_ring_event *event;
	struct iovec iov;

	fake_message(NULL, 0, 1);
	event = fp_ring_next(self->ring);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(0, event->len);
	EXPECT_EQ(1, event->nr);
	EXPECT_NE(NULL, fp_ring_data(self->ring, event, NULL));
	EXPECT_EQ(0, fp_ring_iov(self->ring, event, &iov, 1));
	EXPECT_EQ(0, fp_ring_iov(self->ring, event, NULL, 0));
	EXPECT_EQ(0, fp_ring_release(self->ring, event));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(8, fake_free_count());
}

/* Slots 0 1 2 | 5 | 4: three pieces, the last one is not full. */
TEST_F(ring, message_in_pieces)
{
	unsigned char sent[5 * SIZE - 9], buf[sizeof(sent)];
	static const __u32 chain[] = { 0, 1, 2, 5, 4 };
	struct fp_ring_event message = {
		.type = FP_RING_MESSAGE, .len = sizeof(sent), .nr = 5
	};
	const struct fp_ring_event *event;
	struct iovec iov[5];
	int i;

	fill(sent, sizeof(sent), 3);
	for (i = 0; i < 5; i++) {
		size_t n = i < 4 ? SIZE : SIZE - 9;

		fake_take();
		memcpy(fake_slot(chain[i]), sent + i * SIZE, n);
		fake_set_link(chain[i], i < 4 ? chain[i + 1] : 3);
	}
	fake_post(message);
	event = fp_ring_next(self->ring);
	ASSERT_NE(NULL, event);
	ASSERT_EQ(3, fp_ring_iov(self->ring, event, iov, 5));
	EXPECT_EQ(fake_slot(0), iov[0].iov_base);
	EXPECT_EQ(3 * SIZE, iov[0].iov_len);
	EXPECT_EQ(fake_slot(5), iov[1].iov_base);
	EXPECT_EQ(SIZE, iov[1].iov_len);
	EXPECT_EQ(fake_slot(4), iov[2].iov_base);
	EXPECT_EQ(SIZE - 9, iov[2].iov_len);
	EXPECT_EQ(3, fp_ring_iov(self->ring, event, iov, 3));
	EXPECT_EQ(-ENOBUFS, fp_ring_iov(self->ring, event, iov, 2));
	EXPECT_EQ(NULL, fp_ring_data(self->ring, event, NULL));
	EXPECT_EQ(&buf[0], fp_ring_data(self->ring, event, buf));
	EXPECT_EQ(0, memcmp(sent, buf, sizeof(buf)));
}

/* The kernel is given them back in that order. */
TEST_F(ring, message_in_a_row_is_one_piece)
{
	const struct fp_ring_event *event;
	unsigned char sent[3 * SIZE];
	struct iovec iov;
	__u32 slot;
	int i;

	fill(sent, sizeof(sent), 1);
	for (i = 0; i < 100; i++) {
		slot = fake_message(sent, sizeof(sent), 1);
		event = fp_ring_next(self->ring);
		ASSERT_NE(NULL, event);
		if (slot < 6) {
			ASSERT_EQ(1, fp_ring_iov(self->ring, event, &iov, 1));
			ASSERT_EQ(sizeof(sent), iov.iov_len);
			ASSERT_EQ(fake_slot(slot),
				  fp_ring_data(self->ring, event, NULL));
		}
		ASSERT_EQ(NULL, fp_ring_next(self->ring));
		ASSERT_EQ(0, fp_ring_flush(self->ring));
	}
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(ring, loan_ends_with_the_next_event)
{
	struct fp_ring_event first;

	fake_message("a", 1, 1);
	fake_message("b", 1, 1);
	first = *fp_ring_next(self->ring);
	ASSERT_NE(NULL, fp_ring_data(self->ring, &first, NULL));
	ASSERT_NE(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(NULL, fp_ring_data(self->ring, &first, NULL));
	EXPECT_EQ(NULL, fp_ring_name(self->ring, &first));
	EXPECT_EQ(-EINVAL, fp_ring_keep(self->ring, &first));
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, &first));
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, &first, 0));
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	fp_ring_flush(self->ring);
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(ring, kept_until_released)
{
	struct fp_ring_event first;

	fake_message("a", 1, 1);
	fake_message("b", 1, 1);
	first = *fp_ring_next(self->ring);
	ASSERT_EQ(0, fp_ring_keep(self->ring, &first));
	ASSERT_NE(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(0, memcmp("a", fp_ring_data(self->ring, &first, NULL), 1));
	fp_ring_flush(self->ring);
	EXPECT_EQ(7, fake_free_count());
	EXPECT_EQ(0, fp_ring_release(self->ring, &first));
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, &first));
	fp_ring_flush(self->ring);
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(ring, alloc_until_there_is_none)
{
	struct fp_ring_event msg[8], more;
	int i;

	EXPECT_EQ(-EMSGSIZE, fp_ring_alloc(self->ring, 8 * SIZE + 1, &more));
	EXPECT_EQ(-EMSGSIZE, fp_ring_alloc(self->ring, SIZE_MAX, &more));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, fp_ring_alloc(self->ring, i ? SIZE : 0, &msg[i]));
		EXPECT_EQ(8 + i, (int)msg[i].slot);
		EXPECT_EQ(1, msg[i].nr);
	}
	EXPECT_EQ(0, fp_ring_spare(self->ring));
	EXPECT_EQ(-EAGAIN, fp_ring_alloc(self->ring, 1, &more));
	EXPECT_EQ(-EAGAIN, fp_ring_send(self->ring, 1, "x", 1, 0));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, fp_ring_release(self->ring, &msg[i]));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	ASSERT_EQ(0, fp_ring_alloc(self->ring, 8 * SIZE, &more));
	EXPECT_EQ(8, more.nr);
	EXPECT_EQ(0, fp_ring_spare(self->ring));
	EXPECT_EQ(0, fp_ring_release(self->ring, &more));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

TEST_F(ring, slots_for_sending_are_not_those_for_receiving)
{
	struct fp_ring_event msg;
	int i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, fp_ring_alloc(self->ring, 1, &msg));
		EXPECT_LE(8, msg.slot);
	}
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(ring, send_fills_slots_and_a_descriptor)
{
	unsigned char sent[2 * SIZE + 3];
	const struct fp_ring_send *send;

	fill(sent, sizeof(sent), 9);
	ASSERT_EQ(0, fp_ring_send(self->ring, 5, sent, sizeof(sent),
				  FP_RING_MORE));
	EXPECT_EQ(NULL, fake_sent_next());
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	send = fake_sent_next();
	ASSERT_NE(NULL, send);
	EXPECT_EQ(5, send->conn);
	EXPECT_EQ(sizeof(sent), send->len);
	EXPECT_EQ(FP_RING_MORE, send->flags);
	EXPECT_EQ(0, memcmp(fake_slot(send->slot), sent, SIZE));
	EXPECT_EQ(0, memcmp(fake_slot(fake_link(send->slot)), sent + SIZE,
			    SIZE));
	EXPECT_EQ(0, memcmp(fake_slot(fake_link(fake_link(send->slot))),
			    sent + 2 * SIZE, 3));
	EXPECT_EQ(NULL, fake_sent_next());
	EXPECT_EQ(5, fp_ring_spare(self->ring));
}

TEST_F(ring, sendto_writes_the_name)
{
	const struct fp_ring_send *send;
	struct sockaddr_fp to;

	ASSERT_EQ(0, fp_address(&to, "10.0.0.1", 77));
	ASSERT_EQ(0, fp_ring_sendto(self->ring, &to, "x", 1, 0));
	EXPECT_EQ(-EINVAL, fp_ring_sendto(self->ring, NULL, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	send = fake_sent_next();
	ASSERT_NE(NULL, send);
	EXPECT_EQ(FP_RING_TO, send->flags);
	EXPECT_EQ(0, send->conn);
	EXPECT_EQ(0, memcmp(&to, fake_name(send->slot), sizeof(to)));
}

TEST_F(ring, sent_gives_the_slots_back)
{
	const struct fp_ring_event *event;
	char bytes[3 * SIZE] = "";

	ASSERT_EQ(0, fp_ring_send(self->ring, 5, bytes, sizeof(bytes), 0));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	fake_sent(fake_sent_next(), 0, true);
	event = fp_ring_next(self->ring);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(FP_RING_SENT, event->type);
	EXPECT_EQ(0, event->nr);
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	EXPECT_EQ(-EINVAL, fp_ring_keep(self->ring, event));
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

/* Refused, and the kernel took no slots: the message is still there. */
TEST_F(ring, refused_may_be_sent_again)
{
	const struct fp_ring_event *event;
	const struct fp_ring_send *send;
	char bytes[3 * SIZE] = "again";
	__u32 slot;
	int i;

	ASSERT_EQ(0, fp_ring_send(self->ring, 5, bytes, sizeof(bytes), 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fp_ring_flush(self->ring));
		send = fake_sent_next();
		ASSERT_NE(NULL, send);
		slot = send->slot;
		fake_sent(send, i ? EINVAL : EAGAIN, !i);
		event = fp_ring_next(self->ring);
		ASSERT_NE(NULL, event);
		EXPECT_EQ(i ? EINVAL : EAGAIN, event->error);
		EXPECT_EQ(slot, event->slot);
		EXPECT_EQ(3, event->nr);
		ASSERT_EQ(0, fp_ring_queue(self->ring, event->conn, NULL,
					   event, 0));
	}
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	send = fake_sent_next();
	EXPECT_EQ(0, strcmp("again", (char *)fake_slot(send->slot)));
	fake_sent(send, 0, true);
	ASSERT_NE(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

/* Zero-copy echo: the slots come home to where they are received into. */
TEST_F(ring, what_came_may_go_on)
{
	const struct fp_ring_event *event;
	const struct fp_ring_send *send;
	unsigned char sent[2 * SIZE];
	__u32 slot;

	slot = fake_message(sent, sizeof(sent), 4);
	event = fp_ring_next(self->ring);
	ASSERT_EQ(0, fp_ring_queue(self->ring, event->conn, NULL, event, 0));
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, event, 0));
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, event));
	EXPECT_EQ(NULL, fp_ring_data(self->ring, event, NULL));
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(6, fake_free_count());
	send = fake_sent_next();
	EXPECT_EQ(slot, send->slot);
	EXPECT_EQ(4, send->conn);
	EXPECT_EQ(sizeof(sent), send->len);
	fake_sent(send, 0, true);
	ASSERT_NE(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(8, fake_free_count());
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

/* Less than it had is sent, and all of its slots come back. */
TEST_F(ring, sent_shorter_than_it_was)
{
	struct fp_ring_event msg;

	ASSERT_EQ(0, fp_ring_alloc(self->ring, 4 * SIZE, &msg));
	msg.len = SIZE + 1;
	ASSERT_EQ(0, fp_ring_queue(self->ring, 1, NULL, &msg, 0));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	fake_sent(fake_sent_next(), 0, true);
	ASSERT_NE(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	ASSERT_EQ(0, fp_ring_alloc(self->ring, SIZE, &msg));
	msg.len = SIZE + 1;
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, &msg, 0));
}

/* Nothing tells of them: the kernel has taken them, and so they are back. */
TEST_F(ring, quiet_slots_come_back_without_an_event)
{
	char bytes[3 * SIZE] = "";
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, fp_ring_send(self->ring, 5, bytes, sizeof(bytes),
					  FP_RING_QUIET));
		ASSERT_EQ(0, fp_ring_send(self->ring, 5, "x", 1,
					  FP_RING_QUIET | FP_RING_MORE));
		ASSERT_EQ(4, fp_ring_spare(self->ring));
		ASSERT_EQ(0, fp_ring_flush(self->ring));
		ASSERT_EQ(4, fp_ring_spare(self->ring));
		ASSERT_EQ(FP_RING_QUIET, fake_sent_next()->flags);
		ASSERT_EQ(7, fp_ring_spare(self->ring));
		ASSERT_EQ(FP_RING_QUIET | FP_RING_MORE,
			  fake_sent_next()->flags);
		ASSERT_EQ(8, fp_ring_spare(self->ring));
	}
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(0, fake.kicks);
}

/* Who has no slots left has the kernel copy what is in them. */
TEST_F(ring, quiet_sender_need_not_wait_for_slots)
{
	int i;

	fake.takes = true;
	fake_ctl()->flags = FP_RING_NEED_SEND;
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, fp_ring_send(self->ring, 5, "x", 1,
					  FP_RING_QUIET));
	EXPECT_EQ(12, fake.kicks);
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(13, fake.kicks);
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	fake.kick_error = EIO;
	fake.takes = false;
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, fp_ring_send(self->ring, 5, "x", 1,
					  FP_RING_QUIET));
	EXPECT_EQ(-EIO, fp_ring_send(self->ring, 5, "x", 1, FP_RING_QUIET));
}

/* Until it is known which one was refused, none of the slots is touched. */
TEST_F(ring, quiet_and_refused)
{
	const struct fp_ring_event *event;
	const struct fp_ring_send *send;

	ASSERT_EQ(0, fp_ring_send(self->ring, 5, "a", 1, FP_RING_QUIET));
	ASSERT_EQ(0, fp_ring_send(self->ring, 6, "b", 1, FP_RING_QUIET));
	ASSERT_EQ(0, fp_ring_send(self->ring, 7, "c", 1, FP_RING_QUIET));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	fake_sent_next();
	fake_refuse(fake_sent_next(), EAGAIN);
	fake_sent_next();
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(5, fp_ring_spare(self->ring));
	event = fp_ring_next(self->ring);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(FP_RING_SENT, event->type);
	EXPECT_EQ(EAGAIN, event->error);
	EXPECT_EQ(1, event->nr);
	EXPECT_EQ(0, memcmp("b", fp_ring_data(self->ring, event, NULL), 1));
	EXPECT_EQ(7, fp_ring_spare(self->ring));
	ASSERT_EQ(0, fp_ring_queue(self->ring, event->conn, NULL, event,
				   FP_RING_QUIET));
	EXPECT_EQ(7, fp_ring_spare(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	send = fake_sent_next();
	ASSERT_NE(NULL, send);
	EXPECT_EQ(0, memcmp("b", fake_slot(send->slot), 1));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
}

/* One is refused, and told of, while another was refused but not told of yet. */
TEST_F(ring, quiet_and_refused_over_and_over)
{
	const struct fp_ring_event *event;
	const struct fp_ring_send *send;
	int i, ordinary = 0;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, fp_ring_send(self->ring, i, "x", 1,
					  FP_RING_QUIET));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	fake_sent_next();
	fake_refuse(fake_sent_next(), EAGAIN);
	fake_refuse(fake_sent_next(), EAGAIN);
	for (i = 0; i < 100; i++) {
		event = fp_ring_next(self->ring);
		ASSERT_NE(NULL, event);
		ASSERT_EQ(1, event->nr);
		ASSERT_EQ(1 + i % 2, (int)event->conn);
		ASSERT_EQ(0, fp_ring_queue(self->ring, event->conn, NULL,
					   event, FP_RING_QUIET));
		ASSERT_EQ(0, fp_ring_flush(self->ring));
		send = fake_sent_next();
		if (send->flags & FP_RING_QUIET) {
			fake_refuse(send, EAGAIN);
		} else {
			ordinary++;
			fake_sent(send, EAGAIN, true);
		}
	}
	/* There was no room to remember that it is a quiet one. */
	EXPECT_LT(0, ordinary);
	EXPECT_NE(NULL, fp_ring_next(self->ring));
	EXPECT_NE(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

/* An answer in the slots of the question: they are given back by the same flush. */
TEST_F(ring, quiet_answer_comes_home_at_once)
{
	const struct fp_ring_event *event;
	char bytes[3 * SIZE] = "";

	fake.takes = true;
	fake_ctl()->flags = FP_RING_NEED_SEND;
	fake_message(bytes, sizeof(bytes), 4);
	event = fp_ring_next(self->ring);
	ASSERT_EQ(0, fp_ring_queue(self->ring, event->conn, NULL, event,
				   FP_RING_QUIET));
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(1, fake.kicks);
	EXPECT_EQ(8, fake_free_count());
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

static void answers(void)
{
	fake_message("x", 1, 1);
}

/* One call, in which the message is sent and the answer comes. */
TEST_F(ring, wait_for_ever_is_one_call)
{
	int i;

	fake.takes = true;
	fake.on_sleep = answers;
	fake_ctl()->flags = FP_RING_NEED_SEND | FP_RING_NEED_ROOM;
	for (i = 1; i < 100; i++) {
		ASSERT_EQ(0, fp_ring_send(self->ring, 1, "y", 1,
					  FP_RING_QUIET));
		ASSERT_EQ(1, fp_ring_wait(self->ring, -1, 0));
		ASSERT_NE(NULL, fp_ring_next(self->ring));
		ASSERT_EQ(NULL, fp_ring_next(self->ring));
		ASSERT_EQ(i, fake.sleeps);
	}
	EXPECT_EQ(0, fake.kicks);
	EXPECT_EQ(7, fake_free_count());	/* one was not told of yet */
}

TEST_F(ring, wait_is_interrupted)
{
	fake.sleep_error = EINTR;
	EXPECT_EQ(-EINTR, fp_ring_wait(self->ring, -1, 0));
	EXPECT_EQ(-EINTR, fp_ring_wait(self->ring, -1, 0));
	EXPECT_EQ(2, fake.sleeps);
}

/* As with O_NONBLOCK: from then on it is poll(2) that waits. */
TEST_F(ring, wait_that_would_not_sleep)
{
	ASSERT_EQ(0, eventfd_write(fake.fd, 1));
	fake.sleep_error = EAGAIN;
	fake_ctl()->flags = FP_RING_NEED_SEND;
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "y", 1, 0));
	EXPECT_EQ(0, fp_ring_wait(self->ring, -1, 0));
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "y", 1, 0));
	EXPECT_EQ(0, fp_ring_wait(self->ring, -1, 0));
	EXPECT_EQ(1, fake.sleeps);
	EXPECT_EQ(1, fake.kicks);
}

TEST_F(ring, kick_only_if_asked)
{
	struct fp_ring_ctl *ctl = fake_ctl();

	ctl->flags = FP_RING_NEED_ROOM;
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(0, fake.kicks);
	ctl->flags = FP_RING_NEED_SEND;
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(0, fake.kicks);
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "x", 1, 0));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(1, fake.kicks);

	fake_message("x", 1, 1);
	ASSERT_NE(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(1, fake.kicks);
	ctl->flags = FP_RING_NEED_ROOM;
	ASSERT_EQ(NULL, fp_ring_next(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(2, fake.kicks);
}

TEST_F(ring, kick_that_fails)
{
	fake_ctl()->flags = FP_RING_NEED_SEND;
	fake.kick_error = EAGAIN;
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "x", 1, 0));
	EXPECT_EQ(0, fp_ring_flush(self->ring));
	fake.kick_error = EIO;
	ASSERT_EQ(0, fp_ring_send(self->ring, 1, "x", 1, 0));
	EXPECT_EQ(-EIO, fp_ring_flush(self->ring));
	EXPECT_EQ(2, fake.kicks);
}

TEST_F(ring, indices_wrap)
{
	struct fp_ring *ring = self->ring;
	__u32 start = UINT32_MAX - 20;
	int i;

	/* As after so many messages: nothing is zero any more. */
	memset(ring->events, 0x55,
	       (size_t)fake.info.event_size * fake.info.events);
	fake.event_tail = start;
	ring->event_head = start;
	ring->told.event_head = start;
	fake_ctl()->event_head = start;
	fake.send_head = start;
	ring->send_tail = start;
	ring->told.send_tail = start;
	fake_ctl()->send_tail = start;
	for (i = 0; i < 8; i++)
		ring->frees[(start + i) & 15] = fake_take();
	fake.free_head = start;
	ring->free_tail = start + 8;
	ring->told.free_tail = start + 8;
	fake_ctl()->free_tail = start + 8;

	for (i = 0; i < 100; i++) {
		const struct fp_ring_event *event;

		fake_message(&i, sizeof(i), i);
		event = fp_ring_next(ring);
		ASSERT_NE(NULL, event);
		ASSERT_EQ(0, memcmp(fp_ring_data(ring, event, NULL), &i,
				    sizeof(i)));
		ASSERT_EQ(0, fp_ring_queue(ring, i, NULL, event, 0));
		ASSERT_EQ(0, fp_ring_flush(ring));
		fake_sent(fake_sent_next(), 0, true);
		event = fp_ring_next(ring);
		ASSERT_NE(NULL, event);
		ASSERT_EQ(i, (int)event->conn);
		ASSERT_EQ(NULL, fp_ring_next(ring));
		ASSERT_EQ(0, fp_ring_flush(ring));
		ASSERT_EQ(8, fake_free_count());
	}
}

/* Nothing of that happens unless memory was overwritten; nor does harm then. */
TEST_F(ring, senseless_events)
{
	static const struct fp_ring_event wrong[] = {
		{ .type = FP_RING_MESSAGE, .slot = 8, .nr = 1 },
		{ .type = FP_RING_MESSAGE, .slot = UINT32_MAX, .nr = 1 },
		{ .type = FP_RING_MESSAGE, .slot = 0, .nr = 0 },
		{ .type = FP_RING_MESSAGE, .slot = 0, .nr = 9 },
		{ .type = FP_RING_MESSAGE, .slot = 1, .nr = 2 },
		{ .type = FP_RING_SENT, .slot = 9, .nr = 1 },
		{ .type = FP_RING_SENT, .slot = UINT32_MAX, .nr = 1 },
		{ .type = 99, .slot = 3, .nr = 1 },
	};
	const struct fp_ring_event *event;
	size_t i;

	fake_set_link(1, 77);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		fake_post(wrong[i]);
		event = fp_ring_next(self->ring);
		ASSERT_NE(NULL, event);
		EXPECT_EQ(0, event->nr);
		EXPECT_EQ(NULL, fp_ring_data(self->ring, event, NULL));
		EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, event));
		EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, event, 0));
	}
	EXPECT_EQ(NULL, fp_ring_next(self->ring));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
	ASSERT_EQ(0, fp_ring_flush(self->ring));
	EXPECT_EQ(8, fake_free_count());
}

TEST_F(ring, senseless_messages)
{
	struct fp_ring_event msg, wrong;

	ASSERT_EQ(0, fp_ring_alloc(self->ring, 2 * SIZE, &msg));
	wrong = msg;
	wrong.slot = UINT32_MAX;
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, &wrong));
	wrong.slot = fake_link(msg.slot);
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, &wrong));
	wrong = msg;
	wrong.nr = 1;
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, &wrong));
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, &msg, 0x80));
	/* It is not in order. */
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, &msg,
					 FP_RING_AGAIN));
	EXPECT_EQ(-EINVAL, fp_ring_send(self->ring, 1, "x", 1, FP_RING_AGAIN));
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, &msg,
					 FP_RING_TO));
	EXPECT_EQ(-EINVAL, fp_ring_send(self->ring, 1, NULL, 1, 0));
	EXPECT_EQ(-EINVAL, fp_ring_send(self->ring, 1, "x", 1, FP_RING_TO));
	EXPECT_EQ(0, fp_ring_release(self->ring, &msg));
	EXPECT_EQ(8, fp_ring_spare(self->ring));
}

TEST_F(ring, null_arguments)
{
	struct fp_ring_config config;
	struct fp_ring_stats stats;
	struct fp_ring_event msg;
	struct sockaddr_fp addr;
	struct iovec iov;

	ASSERT_EQ(0, fp_address(&addr, NULL, 1));
	ASSERT_EQ(0, fp_ring_alloc(self->ring, 1, &msg));
	EXPECT_EQ(-EINVAL, fp_ring_open(NULL, SOCK_RDM, NULL, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_attach(NULL, fake.fd, NULL));
	fp_ring_close(NULL);
	EXPECT_EQ(-EINVAL, fp_ring_fd(NULL));
	EXPECT_EQ(-EINVAL, fp_ring_listen(NULL));
	EXPECT_EQ(-EINVAL, fp_ring_connect(NULL, &addr, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_connect(self->ring, NULL, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_disconnect(NULL, 1));
	EXPECT_EQ(NULL, fp_ring_next(NULL));
	EXPECT_EQ(-EINVAL, fp_ring_flush(NULL));
	EXPECT_EQ(-EINVAL, fp_ring_wait(NULL, 0, 0));
	EXPECT_EQ(NULL, fp_ring_data(NULL, &msg, NULL));
	EXPECT_EQ(NULL, fp_ring_data(self->ring, NULL, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_iov(NULL, &msg, &iov, 1));
	EXPECT_EQ(-EINVAL, fp_ring_iov(self->ring, NULL, &iov, 1));
	EXPECT_EQ(-EINVAL, fp_ring_iov(self->ring, &msg, NULL, 1));
	EXPECT_EQ(NULL, fp_ring_name(NULL, &msg));
	EXPECT_EQ(NULL, fp_ring_name(self->ring, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_keep(NULL, &msg));
	EXPECT_EQ(-EINVAL, fp_ring_release(NULL, &msg));
	EXPECT_EQ(-EINVAL, fp_ring_release(self->ring, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_alloc(NULL, 1, &msg));
	EXPECT_EQ(-EINVAL, fp_ring_alloc(self->ring, 1, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_queue(NULL, 1, NULL, &msg, 0));
	EXPECT_EQ(-EINVAL, fp_ring_queue(self->ring, 1, NULL, NULL, 0));
	EXPECT_EQ(-EINVAL, fp_ring_send(NULL, 1, "x", 1, 0));
	EXPECT_EQ(-EINVAL, fp_ring_sendto(NULL, &addr, "x", 1, 0));
	EXPECT_EQ(0, fp_ring_spare(NULL));
	EXPECT_EQ(-EINVAL, fp_ring_config(NULL, &config));
	EXPECT_EQ(-EINVAL, fp_ring_config(self->ring, NULL));
	EXPECT_EQ(-EINVAL, fp_ring_stats(NULL, &stats));
	EXPECT_EQ(0, fp_ring_settled(NULL));
	EXPECT_EQ(-EINVAL, fp_ring_stats(self->ring, NULL));
	EXPECT_EQ(NULL, fp_ring_loop(NULL));
	EXPECT_EQ(NULL, fp_ring_loop(self->ring));
}

TEST_F(ring, configuration)
{
	struct fp_ring_config config;

	ASSERT_EQ(0, fp_ring_config(self->ring, &config));
	EXPECT_EQ(SIZE, config.slot_size);
	EXPECT_EQ(16, config.slots);
	EXPECT_EQ(8, config.receive_slots);
	EXPECT_EQ(32, config.events);
}

TEST(impossible_configurations)
{
	const struct fp_ring_config unknown = { .flags = FP_RING_IN_ORDER << 1 };
	struct fp_ring *ring;
	int fd;

	EXPECT_EQ(NULL, fake_ring(SIZE, 1, 0));
	EXPECT_EQ(NULL, fake_ring(SIZE, 2, 2));
	EXPECT_EQ(NULL, fake_ring(SIZE, 2, 3));
	fd = dup(0);
	EXPECT_EQ(-EINVAL, fp_ring_attach(&ring, fd, &unknown));
	EXPECT_EQ(0, close(fd));
}

TEST(configuration_by_default)
{
	struct fp_ring_config config;
	struct fp_ring *ring = fake_ring(0, 0, 0);

	ASSERT_NE(NULL, ring);
	ASSERT_EQ(0, fp_ring_config(ring, &config));
	EXPECT_EQ(2048, config.slot_size);
	EXPECT_EQ(1024, config.slots);
	EXPECT_EQ(512, config.receive_slots);
	EXPECT_EQ(65536, fake.msg_max);
	fp_ring_close(ring);
}

TEST(pool_of_two_slots)
{
	struct fp_ring *ring = fake_ring(SIZE, 2, 1);
	const struct fp_ring_event *event;
	int i;

	ASSERT_NE(NULL, ring);
	for (i = 0; i < 10; i++) {
		fake_message("x", 1, i);
		event = fp_ring_next(ring);
		ASSERT_NE(NULL, event);
		ASSERT_EQ(0, fp_ring_send(ring, i, "y", 1, 0));
		ASSERT_EQ(-EAGAIN, fp_ring_send(ring, i, "z", 1, 0));
		ASSERT_EQ(NULL, fp_ring_next(ring));
		ASSERT_EQ(0, fp_ring_flush(ring));
		fake_sent(fake_sent_next(), 0, true);
		ASSERT_NE(NULL, fp_ring_next(ring));
		ASSERT_EQ(NULL, fp_ring_next(ring));
	}
	fp_ring_close(ring);
}

#define SLOTS	32

/* What may be done, at random; every slot must be somewhere, and only once. */
struct model {
	struct fp_ring *ring;
	struct fp_ring_event own[SLOTS];
	struct fp_ring_send sending[SLOTS];
	__u32 nr_own;
	__u32 nr_sending;	/* a quiet one: refused, but not told of yet */
	__u32 loan;		/* slots */
};

static __u32 slots_of(const struct fp_ring_event *msgs, __u32 nr)
{
	__u32 sum = 0, i;

	for (i = 0; i < nr; i++)
		sum += msgs[i].nr;
	return sum;
}

static __u32 sending_slots(const struct model *m)
{
	__u32 sum = 0, i;

	for (i = 0; i < SLOTS; i++) {
		__u8 owner = m->ring->owner[i];

		if (owner == FP_OWNER_SENDING || owner == FP_OWNER_QUIET)
			sum += m->ring->count[i];
	}
	return sum;
}

static void take_event(struct model *m)
{
	const struct fp_ring_event *event = fp_ring_next(m->ring);

	m->loan = 0;
	if (!event || !event->nr)
		return;
	switch (random() % 3) {
	case 0:
		if (fp_ring_keep(m->ring, event))
			abort();
		m->own[m->nr_own++] = *event;
		break;
	case 1:
		if (fp_ring_release(m->ring, event))
			abort();
		break;
	default:
		m->loan = event->nr;
	}
}

static struct fp_ring_event one_of_own(struct model *m)
{
	__u32 i = random() % m->nr_own;
	struct fp_ring_event msg = m->own[i];

	m->own[i] = m->own[--m->nr_own];
	return msg;
}

/* Returns false if there is none. */
static bool take_descriptor(struct model *m)
{
	const struct fp_ring_send *send = fake_sent_next();

	if (!send)
		return false;
	if (send->flags & FP_RING_QUIET) {
		if (random() % 2)
			return true;
		fake_ctl()->refused++;
	}
	m->sending[m->nr_sending++] = *send;
	return true;
}

static void kernel_acts(struct model *m)
{
	char bytes[3 * SIZE] = "";
	__u32 i;

	take_descriptor(m);
	if (m->nr_sending && random() % 2) {
		i = random() % m->nr_sending;
		fake_sent(&m->sending[i],
			  m->sending[i].flags & FP_RING_QUIET || random() % 2,
			  random() % 2);
		m->sending[i] = m->sending[--m->nr_sending];
	}
	if (fake_free_count() >= 3)
		fake_message(bytes, random() % sizeof(bytes), random());
}

static void act(struct model *m)
{
	struct fp_ring_event msg;

	switch (random() % 6) {
	case 0:
		take_event(m);
		break;
	case 1:
		if (!fp_ring_alloc(m->ring, random() % (5 * SIZE), &msg))
			m->own[m->nr_own++] = msg;
		break;
	case 2:
		if (m->nr_own) {
			msg = one_of_own(m);
			if (fp_ring_release(m->ring, &msg))
				abort();
		}
		break;
	case 3:
		if (m->nr_own) {
			msg = one_of_own(m);
			if (fp_ring_queue(m->ring, 1, NULL, &msg,
					  random() % 2 ? FP_RING_QUIET : 0))
				abort();
		}
		break;
	case 4:
		fp_ring_flush(m->ring);
		break;
	default:
		kernel_acts(m);
	}
}

/* All is told, and all events are read: then every slot is known to somebody. */
static __u32 all_slots(struct model *m)
{
	while (ring_pending(m->ring))
		take_event(m);
	fp_ring_flush(m->ring);
	while (take_descriptor(m))
		;
	return fake_free_count() + m->ring->nr_spare +
	       slots_of(m->own, m->nr_own) + sending_slots(m) + m->loan;
}

TEST(no_slot_is_lost)
{
	struct model m = { .ring = fake_ring(SIZE, SLOTS, SLOTS / 2) };
	int i;

	ASSERT_NE(NULL, m.ring);
	srandom(1);
	for (i = 0; i < 200000; i++) {
		act(&m);
		if (i % 100)
			continue;
		ASSERT_EQ(SLOTS, all_slots(&m));
	}
	fp_ring_close(m.ring);
}

TEST_HARNESS_MAIN
