// SPDX-License-Identifier: GPL-2.0
/* The send window, kmod/txwin.c, built in user space. */
#include <errno.h>
#include <stdlib.h>

#include "kselftest_harness.h"
#include "rxwin.h"
#include "steps.h"
#include "txwin.h"
#include "txwin_model.h"

#define SIZE	64	/* of the ring in the hand-made traces */
#define BYTES	100	/* of a frame there */
#define RTT	10000	/* us */
#define T0	0x100000000ull	/* so that timestamps wrap in the traces */
#define SEEDS	128
#define FRAMES	2000	/* that a simulation transfers */
#define REACH	256	/* greatest window there */

static u64 state;

static u64 random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static bool chance(unsigned int percent)
{
	return random64() % 100 < percent;
}

static struct fp_txframe frames[FRAMES];
static struct fp_txframe *ring[2 * REACH];
static unsigned int acked[FRAMES];
static u64 last_acked;
static bool wrong;	/* something that must not be was seen */

static void on_acked(struct fp_txwin *w, struct fp_txframe *frame)
{
	(void)w;
	acked[frame->seq]++;
	if (last_acked != ~0ull && frame->seq <= last_acked)
		wrong = true;
	last_acked = frame->seq;
}

static void start(struct fp_txwin *w)
{
	memset(frames, 0x55, sizeof(frames));
	memset(acked, 0, sizeof(acked));
	memset(ring, 0x55, sizeof(ring));
	fp_txwin_init(w, ring, SIZE, on_acked);
}

#define ASSERT_WHOLE(w) \
do { \
	const char *what = broken(w, acked); \
	if (what) \
		TH_LOG("%s", what); \
	ASSERT_EQ(NULL, what); \
} while (0)

/* Sends @nr frames, new ones or lost ones, @gap us apart. */
static u64 transmit(struct fp_txwin *w, unsigned int nr, u64 now, u64 gap)
{
	while (nr--) {
		struct fp_txframe *frame = fp_txwin_next(w);

		if (!frame) {
			frame = &frames[w->end];
			frame->bytes = BYTES;
			fp_txwin_queue(w, frame);
		}
		fp_txwin_sent(w, frame, now);
		now += gap;
	}
	return now;
}

/* An acknowledgment, caused by a frame that was sent at @echo. */
static struct fp_tx_result ack(struct __test_metadata *_metadata,
			       struct fp_txwin *w, u64 now, u64 echo, u64 una,
			       unsigned int nr, const struct fp_range *ranges)
{
	struct fp_tx_ack a = {
		.ack = una,
		.ts_echo = echo,
		.nr = nr,
		.ranges = ranges,
		.dup = w->dup,
	};
	struct fp_tx_result res;

	ASSERT_EQ(0, fp_txwin_ack(w, &a, RTT, now, &res));
	ASSERT_WHOLE(w);
	return res;
}

#define ACK(w, now, echo, una, ...) \
({ \
	const struct fp_range r_[] = { { 0, 0 }, ##__VA_ARGS__ }; \
	ack(_metadata, w, now, echo, una, ARRAY_SIZE(r_) - 1, r_ + 1); \
})

TEST(in_order)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0 - 25000;
	int i;

	start(&w);
	EXPECT_EQ(SIZE, fp_txwin_room(&w));
	EXPECT_EQ(NULL, fp_txwin_next(&w));
	for (i = 0; i < 10; i++) {
		transmit(&w, 3, now, 0);
		EXPECT_EQ(300, w.flight);
		EXPECT_EQ(SIZE - 3, fp_txwin_room(&w));
		res = ACK(&w, now + RTT, now, 3 * i + 3);
		EXPECT_EQ(300, res.acked_bytes);
		EXPECT_EQ(RTT, res.rtt);
		EXPECT_TRUE(res.una_advanced);
		EXPECT_EQ(3 * i, res.old_una);
		EXPECT_EQ(0, res.check);
		EXPECT_FALSE(res.new_lost || res.enter_recovery ||
			     res.spurious || res.ce_more || res.dup_more);
		EXPECT_EQ(0, w.flight);
		EXPECT_EQ(RTT, w.rack.min_rtt);
		now += RTT;
	}
	EXPECT_FALSE(w.rack.reordered);
}

/* It goes on from another window: numbers and counts are what they were. */
TEST(resumed)
{
	struct fp_tx_ack a = { .ack = 9, .ts_echo = (u32)T0, .ce = 1 };
	struct fp_tx_result res;
	struct fp_txwin w;
	int i;

	start(&w);
	for (i = 0; i < 7; i++)
		acked[i] = 1;
	fp_txwin_resume(&w, 7, 0xffff, 0xff);
	ASSERT_WHOLE(&w);
	EXPECT_EQ(SIZE, fp_txwin_room(&w));
	EXPECT_EQ(NULL, fp_txwin_next(&w));
	transmit(&w, 2, T0, 0);
	EXPECT_EQ(9, w.next);
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	ASSERT_WHOLE(&w);
	EXPECT_EQ(7, res.old_una);
	EXPECT_EQ(9, w.una);
	EXPECT_EQ(RTT, res.rtt);
	EXPECT_EQ(2, res.ce_nr);
	EXPECT_TRUE(res.dup_more);
	EXPECT_FALSE(w.rack.reordered);
	/* What it had acknowledged before can't be taken back. */
	a.ack = 10;
	EXPECT_EQ(-EINVAL, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
}

TEST(room_and_growth)
{
	struct fp_txframe *small[4], *large[8];
	struct fp_txwin w;
	int i;

	start(&w);
	fp_txwin_init(&w, NULL, 0, on_acked);
	EXPECT_EQ(0, fp_txwin_room(&w));
	EXPECT_EQ(NULL, fp_txwin_move(&w, small, 4));
	EXPECT_EQ(4, fp_txwin_room(&w));
	for (i = 0; i < 6; i++) {
		transmit(&w, 1, T0 + i, 0);
		if (i < 3)
			ACK(&w, T0 + RTT + i, T0 + i, i < 2 ? i + 1 : 2);
	}
	EXPECT_EQ(2, w.una);
	/* Full: 2..6, with 4 sacked. */
	EXPECT_EQ(0, fp_txwin_room(&w));
	ACK(&w, T0 + RTT + 4, T0 + 4, 2, { 4, 5 });
	EXPECT_EQ(0, fp_txwin_room(&w));
	ASSERT_EQ(&small[0], fp_txwin_move(&w, large, 8));
	memset(small, 0x55, sizeof(small));
	ASSERT_WHOLE(&w);
	EXPECT_EQ(4, fp_txwin_room(&w));
	EXPECT_EQ(&frames[3], fp_txwin_frame(&w, 3));
	EXPECT_EQ(NULL, fp_txwin_frame(&w, 4));
	EXPECT_EQ(NULL, fp_txwin_frame(&w, 1));
	EXPECT_EQ(NULL, fp_txwin_frame(&w, 6));
	transmit(&w, 4, T0 + 6, 0);
	EXPECT_EQ(0, fp_txwin_room(&w));
	/* Too small: nothing is done. */
	EXPECT_EQ(&small[0], fp_txwin_move(&w, small, 4));
	EXPECT_EQ(&large[0], w.ring);
	ACK(&w, T0 + RTT + 6, T0 + 6, 8);
	ASSERT_EQ(&large[0], fp_txwin_move(&w, small, 4));
	memset(large, 0x55, sizeof(large));
	ASSERT_WHOLE(&w);
	ACK(&w, T0 + RTT + 6, T0 + 6, 10);
	EXPECT_EQ(&small[0], fp_txwin_move(&w, NULL, 0));
	EXPECT_EQ(0, fp_txwin_room(&w));
}

/* RFC 8985, section 3.3.1: a frame lost, the reordering window passes. */
TEST(loss_after_the_reordering_window)
{
	struct fp_tx_result res;
	struct fp_txwin w;

	start(&w);
	transmit(&w, 1, T0, 0);
	ACK(&w, T0 + RTT, T0, 1);
	/* 1, 2, 3 at 20, 21, 22 ms; 1 is lost, 2 comes. */
	transmit(&w, 3, T0 + 20000, 1000);
	res = ACK(&w, T0 + 31000, T0 + 21000, 1, { 2, 3 });
	EXPECT_FALSE(res.new_lost);
	EXPECT_EQ(RTT, res.rtt);
	/* Sent at 20 ms, an RTT of 10 ms, a quarter of that as window. */
	EXPECT_EQ(T0 + 32500, res.check);
	EXPECT_EQ(T0 + 32500, fp_txwin_detect(&w, RTT, T0 + 32499, &res));
	EXPECT_FALSE(res.new_lost);
	EXPECT_EQ(0, fp_txwin_detect(&w, RTT, T0 + 32500, &res));
	EXPECT_TRUE(res.new_lost);
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(BYTES, res.lost_bytes);
	ASSERT_WHOLE(&w);
	EXPECT_EQ(&frames[1], fp_txwin_next(&w));
	EXPECT_EQ(4, w.recovery);
	transmit(&w, 1, T0 + 33000, 0);
	EXPECT_EQ(2, frames[1].transmissions);
	res = ACK(&w, T0 + 43000, T0 + 33000, 4);
	EXPECT_FALSE(res.spurious);
	EXPECT_FALSE(w.in_recovery);
	EXPECT_EQ(2 * BYTES, res.acked_bytes);
}

/* Three frames behind it came: no patience (DupThresh). */
TEST(loss_after_three)
{
	struct fp_tx_result res;
	struct fp_txwin w;

	start(&w);
	transmit(&w, 5, T0, 100);
	EXPECT_FALSE(ACK(&w, T0 + RTT + 100, T0 + 100, 0, { 1, 2 }).new_lost);
	EXPECT_FALSE(ACK(&w, T0 + RTT + 200, T0 + 200, 0, { 1, 3 }).new_lost);
	res = ACK(&w, T0 + RTT + 300, T0 + 300, 0, { 1, 4 });
	EXPECT_TRUE(res.new_lost);
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(FP_TXFRAME_LOST, frames[0].state);
	EXPECT_EQ(FP_TXFRAME_FLIGHT, frames[4].state);
	/* A second loss in the same window is the same congestion. */
	res = ACK(&w, T0 + RTT + 300, T0 + 300, 0, { 1, 4 });
	EXPECT_FALSE(res.new_lost || res.enter_recovery);
}

/* The retransmission is lost, too; later ones tell. */
TEST(lost_retransmission)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 5, now, 0);
	res = ACK(&w, now + RTT, now, 0, { 1, 5 });
	EXPECT_TRUE(res.enter_recovery);
	now += RTT;
	transmit(&w, 1, now, 0);			/* 0 again: lost */
	transmit(&w, 2, now + 100, 100);		/* 5, 6 */
	EXPECT_EQ(FP_TXFRAME_FLIGHT, frames[0].state);
	res = ACK(&w, now + 100 + RTT, now + 100, 0, { 1, 6 });
	EXPECT_TRUE(res.new_lost);
	EXPECT_FALSE(res.enter_recovery);
	EXPECT_FALSE(res.spurious);
	EXPECT_EQ(&frames[0], fp_txwin_next(&w));
	now += 100 + RTT;
	transmit(&w, 1, now, 0);
	EXPECT_EQ(3, frames[0].transmissions);
	res = ACK(&w, now + RTT, now, 7);
	EXPECT_FALSE(res.spurious);
	EXPECT_FALSE(w.in_recovery);
}

TEST(reordering_within_the_window)
{
	struct fp_tx_result res;
	struct fp_txwin w;

	start(&w);
	transmit(&w, 10, T0, 10);
	res = ACK(&w, T0 + RTT + 10, T0 + 10, 0, { 1, 2 });
	EXPECT_FALSE(res.new_lost);
	EXPECT_NE(0, res.check);
	/* 0 comes 1 ms late; from now on three behind are no proof. */
	res = ACK(&w, T0 + RTT + 1000, T0, 2);
	EXPECT_FALSE(res.new_lost);
	EXPECT_TRUE(w.rack.reordered);
	res = ACK(&w, T0 + RTT + 1100, T0 + 70, 2, { 3, 8 });
	EXPECT_FALSE(res.new_lost);
	res = ACK(&w, T0 + RTT + 2000, T0 + 20, 8);
	EXPECT_FALSE(res.new_lost);
	EXPECT_FALSE(w.in_recovery);
	EXPECT_EQ(200, w.flight);
}

/* Beyond it: sent again in vain, which the echo tells. */
TEST(reordering_beyond_the_window)
{
	struct fp_tx_result res;
	struct fp_txwin w;

	start(&w);
	transmit(&w, 6, T0, 10);
	res = ACK(&w, T0 + RTT + 40, T0 + 40, 0, { 2, 5 });
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(2, w.lost_nr);
	transmit(&w, 1, T0 + RTT + 100, 0);		/* 0 again, 1 is still lost */
	EXPECT_EQ(1, w.lost_nr);
	res = ACK(&w, T0 + RTT + 200, T0, 1, { 2, 5 });
	EXPECT_TRUE(res.spurious);
	/* RACK finds 1 again, by itself: it is that late. */
	EXPECT_FALSE(w.rack.reordered);
	EXPECT_TRUE(res.new_lost);
	EXPECT_TRUE(res.enter_recovery);
	res = ACK(&w, T0 + RTT + 300, T0 + 10, 5);
	/* It came before it was sent again: no need of an echo. */
	EXPECT_TRUE(res.spurious);
	EXPECT_TRUE(w.rack.reordered);
	EXPECT_FALSE(w.in_recovery);
	EXPECT_EQ(0, w.lost_nr);
}

/* Each window with duplicates makes it larger; 16 recoveries forget that. */
TEST(duplicates_widen_the_window)
{
	struct fp_tx_ack a = { 0 };
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;
	int i;

	start(&w);
	for (i = 1; i <= 6; i++) {
		transmit(&w, 2, now, 0);
		now += RTT;
		a.ack = 2 * i - 1;
		a.ts_echo = now - RTT;
		a.dup += 100;
		ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now, &res));
		EXPECT_TRUE(res.dup_more);
		EXPECT_EQ(1 + i, w.rack.wnd_mult);
		a.dup++;
		/* Once a round. */
		ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now, &res));
		EXPECT_TRUE(res.dup_more);
		EXPECT_EQ(1 + i, w.rack.wnd_mult);
		/* An older count says nothing. */
		a.dup--;
		ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now, &res));
		EXPECT_FALSE(res.dup_more);
		a.dup++;
		a.ack = 2 * i;
		ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now, &res));
	}
	/* Never more than the smoothed RTT. */
	w.rack.reordered = true;
	transmit(&w, 2, now, 0);
	res = ACK(&w, now + RTT, now, 12, { 13, 14 });
	EXPECT_EQ(now + 2 * RTT, res.check);
	res = ACK(&w, now + RTT, now, 14);
	w.rack.reordered = false;
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(7, w.rack.wnd_mult);
		now += 2 * RTT;
		transmit(&w, 4, now, 0);
		res = ACK(&w, now + RTT, now, w.una,
			  { w.una + 1, w.una + 4 });
		ASSERT_TRUE(res.enter_recovery);
		now += RTT;
		transmit(&w, 1, now, 0);
		ACK(&w, now + RTT, now, w.next);
		ASSERT_FALSE(w.in_recovery);
	}
	EXPECT_EQ(1, w.rack.wnd_mult);
}

/* The examples of RFC 8985, one by one, with an RTT of 10 ms. */

/*
 * Section 1: of 100 frames, only the last is lost. What was an RTO, and a
 * window of one frame, is a probe that repairs the loss, and a reduction.
 */
TEST(rfc8985_1_last_of_a_hundred_lost)
{
	struct fp_txframe *large[128];
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	fp_txwin_move(&w, large, 128);
	transmit(&w, 100, now, 10);
	ACK(&w, now + RTT + 980, now + 980, 99);
	now += 990 + 2 * RTT;
	ASSERT_EQ(&frames[99], fp_txwin_probe(&w));
	fp_txwin_sent(&w, &frames[99], now);
	res = ACK(&w, now + RTT, now, 100);
	EXPECT_TRUE(res.probe_repaired);
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_FALSE(w.in_recovery || res.new_lost || res.spurious);
	EXPECT_EQ(0, w.flight);
}

/* Section 3.2: the last three are; fast recovery, in four RTTs. */
TEST(rfc8985_3_2_last_three_of_a_hundred_lost)
{
	struct fp_txframe *large[128];
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	EXPECT_EQ(NULL, fp_txwin_probe(&w));
	fp_txwin_move(&w, large, 128);
	transmit(&w, 100, now, 0);
	ACK(&w, now + RTT, now, 97);
	now += 2 * RTT;
	ASSERT_EQ(&frames[99], fp_txwin_probe(&w));
	fp_txwin_sent(&w, &frames[99], now);
	ASSERT_WHOLE(&w);
	EXPECT_EQ(3 * BYTES, w.flight);
	/* One at a time. */
	EXPECT_EQ(NULL, fp_txwin_probe(&w));
	now += RTT;
	res = ACK(&w, now, now - RTT, 97, { 99, 100 });
	EXPECT_TRUE(res.probe_repaired);
	EXPECT_EQ(2 * BYTES, res.lost_bytes);
	EXPECT_EQ(FP_TXFRAME_LOST, frames[97].state);
	EXPECT_EQ(FP_TXFRAME_LOST, frames[98].state);
	/* One loss of one window, however it was found. */
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_TRUE(w.in_recovery);
	EXPECT_EQ(NULL, fp_txwin_probe(&w));
	transmit(&w, 2, now, 0);
	EXPECT_EQ(100, w.next);
	res = ACK(&w, now + RTT, now, 100);
	EXPECT_FALSE(res.enter_recovery || w.in_recovery || res.spurious);
	EXPECT_EQ(T0 + 4 * RTT, now + RTT);
}

/* Section 3.4, figure 1, event by event. */
TEST(rfc8985_3_4_figure_1)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 4, now, 0);			/* 1. P1..P3 dropped */
	now += RTT;
	ACK(&w, now, T0, 1);				/* 2. */
	now += 2 * RTT;
	ASSERT_EQ(&frames[3], fp_txwin_probe(&w));	/* 3a. */
	fp_txwin_sent(&w, &frames[3], now);		/* 3b. */
	now += RTT;
	res = ACK(&w, now, now - RTT, 1, { 3, 4 });	/* 4., 5a. */
	EXPECT_EQ(2 * BYTES, res.lost_bytes);		/* 5b. */
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(FP_TXFRAME_LOST, frames[1].state);
	EXPECT_EQ(FP_TXFRAME_LOST, frames[2].state);
	transmit(&w, 2, now, 0);			/* 5c. P1 dropped */
	EXPECT_EQ(4, w.next);
	now += RTT;
	res = ACK(&w, now, now - RTT, 1, { 2, 4 });	/* 6. */
	EXPECT_EQ(BYTES, res.lost_bytes);		/* 7a. */
	EXPECT_EQ(&frames[1], fp_txwin_next(&w));
	transmit(&w, 1, now, 0);			/* 7b. */
	EXPECT_EQ(3, frames[1].transmissions);
	now += RTT;
	res = ACK(&w, now, now - RTT, 4);		/* 8. */
	EXPECT_FALSE(res.spurious || res.new_lost || w.in_recovery);
	EXPECT_EQ(0, w.flight);
}

/*
 * Section 3.5: a timeout in vain, just after two more were sent. All three
 * count as lost, for the window is one frame then; but that the first was not
 * is seen before it is the others' turn, and they are not sent again.
 */
TEST(rfc8985_3_5_timeout_in_vain)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0 + 1000000;

	start(&w);
	transmit(&w, 1, T0, 0);
	transmit(&w, 2, now - 200, 100);
	fp_txwin_timeout(&w);
	EXPECT_EQ(&frames[0], fp_txwin_next(&w));
	transmit(&w, 1, now, 0);
	res = ACK(&w, now + 100, T0, 1);
	EXPECT_TRUE(res.spurious);
	EXPECT_FALSE(w.in_recovery || res.new_lost || res.enter_recovery);
	EXPECT_EQ(NULL, fp_txwin_next(&w));
	EXPECT_EQ(2 * BYTES, w.flight);
	res = ACK(&w, now + RTT, now - 100, 3);
	EXPECT_FALSE(res.new_lost || res.enter_recovery);
	EXPECT_EQ(1, frames[1].transmissions);
	EXPECT_EQ(1, frames[2].transmissions);
}

/* Section 9.1, example 1: P1 and P3 of three are lost, far enough apart. */
TEST(rfc8985_9_1_drops_at_the_end)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 1, now, 0);
	ACK(&w, now + RTT, now, 1);
	now += RTT;
	transmit(&w, 3, now, RTT / 4);
	now += RTT / 4 + RTT;
	res = ACK(&w, now, now - RTT, 1, { 2, 3 });
	EXPECT_EQ(BYTES, res.lost_bytes);
	EXPECT_EQ(FP_TXFRAME_LOST, frames[1].state);
	EXPECT_EQ(FP_TXFRAME_FLIGHT, frames[3].state);
	transmit(&w, 1, now, 0);			/* R1 */
	now += RTT;
	res = ACK(&w, now, now - RTT, 3);
	EXPECT_EQ(BYTES, res.lost_bytes);
	EXPECT_EQ(&frames[3], fp_txwin_next(&w));
	transmit(&w, 1, now, 0);			/* R3 */
	now += RTT;
	res = ACK(&w, now, now - RTT, 4);
	EXPECT_FALSE(res.spurious || w.in_recovery);
}

/* Example 2: P1 and P2 of three are lost, and then R1. */
TEST(rfc8985_9_1_lost_retransmission)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 1, now, 0);
	ACK(&w, now + RTT, now, 1);
	now += RTT;
	transmit(&w, 3, now, RTT / 4);
	now += 2 * (RTT / 4) + RTT;
	res = ACK(&w, now, now - RTT, 1, { 3, 4 });
	EXPECT_EQ(2 * BYTES, res.lost_bytes);
	now = transmit(&w, 2, now, RTT / 4);		/* R1, R2 */
	now += RTT - RTT / 4;
	res = ACK(&w, now, now - RTT, 1, { 2, 4 });
	EXPECT_EQ(BYTES, res.lost_bytes);
	EXPECT_EQ(&frames[1], fp_txwin_next(&w));
	transmit(&w, 1, now, 0);
	now += RTT;
	res = ACK(&w, now, now - RTT, 4);
	EXPECT_FALSE(res.spurious || w.in_recovery);
}

/* Three frames of which the small one comes first, the others so much later. */
static struct fp_tx_result reordered(struct __test_metadata *_metadata,
				     struct fp_txwin *w, u64 late)
{
	struct fp_tx_result res;
	u64 now = T0;
	int i;

	start(w);
	transmit(w, 1, now, 0);
	ACK(w, now + RTT, now, 1);
	w->rack.reordered = true;
	now += RTT;
	for (i = 1; i <= 3; i++) {
		frames[i].bytes = i < 3 ? BYTES : 1;
		fp_txwin_queue(w, &frames[i]);
	}
	transmit(w, 3, now, 0);
	now += RTT;
	res = ACK(w, now, now - RTT, 1, { 3, 4 });
	EXPECT_FALSE(res.new_lost);
	EXPECT_EQ(now + RTT / 4, res.check);
	fp_txwin_detect(w, RTT, now + late, &res);
	return res;
}

/* Example 3: a quarter of the least RTT is what they may be late. */
TEST(rfc8985_9_1_reordering)
{
	struct fp_tx_result res;
	struct fp_txwin w;

	res = reordered(_metadata, &w, RTT / 4 - 1);
	EXPECT_FALSE(res.new_lost);
	res = ACK(&w, T0 + 2 * RTT + RTT / 4 - 1, T0 + RTT, 4);
	EXPECT_FALSE(res.new_lost || res.enter_recovery || res.spurious);
	EXPECT_EQ(1, frames[1].transmissions);

	res = reordered(_metadata, &w, RTT / 4);
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(2, w.lost_nr);
	transmit(&w, 1, T0 + 2 * RTT + RTT / 4, 0);
	/* In TCP that is all. With an echo it turns out to be wrong. */
	res = ACK(&w, T0 + 2 * RTT + RTT / 4 + 1, T0 + RTT, 4);
	EXPECT_TRUE(res.spurious);
	EXPECT_FALSE(w.in_recovery);
}

/* Section 9.3: all of ten frames are lost; no RTO, and done in six RTTs. */
TEST(rfc8985_9_3_ten_lost)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 10, now, 0);
	now += 2 * RTT;
	ASSERT_EQ(&frames[9], fp_txwin_probe(&w));
	fp_txwin_sent(&w, &frames[9], now);
	now += RTT;
	res = ACK(&w, now, now - RTT, 0, { 9, 10 });
	EXPECT_EQ(9 * BYTES, res.lost_bytes);
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(0, w.flight);
	/* Half of the window of 20 is room for all of them. */
	transmit(&w, 9, now, 0);
	EXPECT_EQ(10, w.next);
	now += RTT;
	res = ACK(&w, now, now - RTT, 10);
	EXPECT_FALSE(res.new_lost || res.spurious || w.in_recovery);
	EXPECT_GE(T0 + 6 * RTT, now);
}

/* Only the last one is lost: the probe repairs it, which is congestion. */
TEST(probe_repairs)
{
	struct fp_tx_ack a = { .ack = 2, .ce = 1 };
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 2, now, 0);
	ACK(&w, now + RTT, now, 1);
	now += 3 * RTT;
	fp_txwin_sent(&w, fp_txwin_probe(&w), now);
	a.ts_echo = now;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now + RTT, &res));
	EXPECT_TRUE(res.probe_repaired);
	EXPECT_TRUE(res.enter_recovery);
	/* A mark at the same time is the same congestion. */
	EXPECT_TRUE(res.ce_more);
	EXPECT_FALSE(res.enter_cwr);
	EXPECT_FALSE(w.in_recovery);
}

TEST(probe_not_needed)
{
	struct fp_tx_ack a = { .ack = 1 };
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	/* The original's acknowledgment was late; the duplicate follows. */
	transmit(&w, 1, now, 0);
	now += 3 * RTT;
	fp_txwin_sent(&w, fp_txwin_probe(&w), now);
	res = ACK(&w, now + 100, T0, 1);
	EXPECT_FALSE(res.probe_repaired || res.enter_recovery || res.spurious);
	a.ts_echo = now;
	a.dup = 1;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now + RTT, &res));
	EXPECT_FALSE(res.probe_repaired || res.enter_recovery);
	EXPECT_EQ(FP_TX_NO_RTT, res.rtt);
	EXPECT_EQ(1, w.rack.wnd_mult);

	/* It was lost: the duplicate is what comes. */
	now += 2 * RTT;
	transmit(&w, 1, now, 0);
	now += 3 * RTT;
	fp_txwin_sent(&w, fp_txwin_probe(&w), now);
	a.ack = 2;
	a.ts_echo = now;
	a.dup = 2;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, now + RTT, &res));
	EXPECT_TRUE(res.dup_more);
	EXPECT_FALSE(res.probe_repaired || res.enter_recovery);
	EXPECT_EQ(1, w.rack.wnd_mult);
}

/* Something new as a probe: one at a time, too, and nothing to be repaired. */
TEST(probe_new)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 3, now, 0);
	now += 3 * RTT;
	transmit(&w, 1, now, 0);
	fp_txwin_probe_new(&w, &frames[3]);
	EXPECT_EQ(3, w.probe_seq);
	EXPECT_EQ(NULL, fp_txwin_probe(&w));
	res = ACK(&w, now + RTT, now, 4);
	EXPECT_FALSE(res.probe_repaired || res.enter_recovery || res.spurious);
	EXPECT_EQ(~0ull, w.probe_seq);

	/* It finds a loss as any other frame does. */
	now += 2 * RTT;
	transmit(&w, 5, now, 0);
	now += 3 * RTT;
	transmit(&w, 1, now, 0);
	fp_txwin_probe_new(&w, &frames[9]);
	res = ACK(&w, now + RTT, now, 4, { 9, 10 });
	EXPECT_FALSE(res.probe_repaired);
	EXPECT_TRUE(res.enter_recovery);
	EXPECT_EQ(5 * BYTES, res.lost_bytes);

	/* A timeout ends the waiting. */
	now += 2 * RTT;
	transmit(&w, 5, now, 0);
	ACK(&w, now + RTT, now, 10);
	transmit(&w, 1, now, 0);
	fp_txwin_probe_new(&w, &frames[10]);
	fp_txwin_timeout(&w);
	EXPECT_EQ(~0ull, w.probe_seq);
}

TEST(timeout)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;
	int i;

	start(&w);
	fp_txwin_timeout(&w);
	EXPECT_FALSE(w.in_recovery);
	transmit(&w, 10, now, 10);
	ACK(&w, now + RTT, now + 50, 1, { 5, 6 });
	now += 300000;
	fp_txwin_timeout(&w);
	ASSERT_WHOLE(&w);
	EXPECT_EQ(0, w.flight);
	EXPECT_EQ(8, w.lost_nr);
	EXPECT_EQ(8 * BYTES, w.lost_bytes);
	transmit(&w, 1, now, 0);
	EXPECT_EQ(2, frames[1].transmissions);
	now += 300000;
	fp_txwin_timeout(&w);
	ASSERT_WHOLE(&w);
	for (i = 0; i < 8; i++)
		transmit(&w, 1, now, 0);
	EXPECT_EQ(10, w.next);
	EXPECT_EQ(NULL, fp_txwin_next(&w));
	res = ACK(&w, now + RTT, now, 10);
	EXPECT_EQ(8 * BYTES, res.acked_bytes);
	EXPECT_FALSE(res.spurious || res.enter_recovery || w.in_recovery);
}

/* The way became slow at once: all comes, nothing need be sent again. */
TEST(spurious_timeout)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;

	start(&w);
	transmit(&w, 10, now, 10);
	ACK(&w, now + RTT, now + 20, 3);
	now += 300000;
	fp_txwin_timeout(&w);
	transmit(&w, 1, now, 0);
	res = ACK(&w, now + 1000, T0 + 30, 4);
	EXPECT_TRUE(res.spurious);
	EXPECT_EQ(now + 1000 - T0 - 30, res.rtt);
	EXPECT_FALSE(w.in_recovery || res.new_lost || res.enter_recovery);
	EXPECT_EQ(0, w.lost_nr);
	EXPECT_EQ(6 * BYTES, w.flight);
	EXPECT_EQ(NULL, fp_txwin_next(&w));
	res = ACK(&w, now + 1100, T0 + 90, 10);
	EXPECT_FALSE(res.spurious || res.new_lost || res.enter_recovery);
}

/* The same with a timeout that was right. */
TEST(timeout_not_spurious)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0 + 300000;

	start(&w);
	transmit(&w, 10, T0, 10);
	fp_txwin_timeout(&w);
	transmit(&w, 1, now, 0);
	res = ACK(&w, now + RTT, now, 1);
	EXPECT_FALSE(res.spurious || res.enter_recovery);
	EXPECT_TRUE(w.in_recovery);
	EXPECT_EQ(9, w.lost_nr);
	EXPECT_EQ(RTT, res.rtt);
}

/* Sent in small portions: few frames are there to tell of a loss. */
TEST(application_limited)
{
	struct fp_tx_result res;
	struct fp_txwin w;
	u64 now = T0;
	int i;

	start(&w);
	transmit(&w, 1, now, 0);
	ACK(&w, now + RTT, now, 1);
	for (i = 0; i < 5; i++) {
		u64 una = w.una;

		now += 100000;
		transmit(&w, 2, now, 0);		/* The first is lost. */
		res = ACK(&w, now + RTT, now, una, { una + 1, una + 2 });
		EXPECT_EQ(now + RTT + RTT / 4, res.check);
		now = res.check;
		fp_txwin_detect(&w, RTT, now, &res);
		EXPECT_TRUE(res.enter_recovery);
		transmit(&w, 1, now, 0);
		res = ACK(&w, now + RTT, now, una + 2);
		EXPECT_FALSE(w.in_recovery);
		now += RTT;
	}
}

/* One reduction a window, by a mark or by a loss. */
TEST(marks)
{
	struct fp_tx_ack a = { .ack = 2, .ce = 0xffff };
	struct fp_tx_result res;
	struct fp_txwin w;

	start(&w);
	w.ce = 0xfffe;
	transmit(&w, 10, T0, 0);
	a.ts_echo = (u32)T0;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	EXPECT_TRUE(res.ce_more);
	EXPECT_EQ(1, res.ce_nr);
	EXPECT_TRUE(res.enter_cwr);
	a.ack = 4;
	a.ce = 3;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	EXPECT_EQ(4, res.ce_nr);
	EXPECT_FALSE(res.enter_cwr);
	a.ce = 1;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	EXPECT_FALSE(res.ce_more);
	a.ce = 3;
	a.nr = 1;
	a.ranges = &(struct fp_range){ 5, 10 };
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	EXPECT_TRUE(res.new_lost);
	EXPECT_TRUE(w.in_recovery);
	EXPECT_FALSE(res.enter_recovery);
	transmit(&w, 3, T0 + RTT, 0);
	a.nr = 0;
	a.ack = 10;
	a.ce = 4;
	ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + 2 * RTT, &res));
	EXPECT_FALSE(w.in_recovery);
	EXPECT_TRUE(res.enter_cwr);
	ASSERT_WHOLE(&w);
}

TEST(echo_is_checked)
{
	static const struct {
		u64 echo;
		u32 delay, rtt;
	} cases[] = {
		{ T0, 0, RTT },
		{ T0, 1000, RTT - 1000 },
		{ T0, RTT, 0 },
		{ T0, RTT + 1, FP_TX_NO_RTT },
		{ T0, ~0u, FP_TX_NO_RTT },
		{ T0 - 1, 0, FP_TX_NO_RTT },
		{ T0 + RTT, 0, 0 },
		{ T0 + RTT + 1, 0, FP_TX_NO_RTT },
		{ T0 + RTT + (1u << 31), 0, FP_TX_NO_RTT },
		{ T0 + 500, 500, RTT - 1000 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fp_tx_ack a = {
			.ack = 1,
			.ts_echo = cases[i].echo,
			.delay = cases[i].delay,
		};
		struct fp_tx_result res;
		struct fp_txwin w;

		start(&w);
		transmit(&w, 2, T0, 500);
		ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
		EXPECT_EQ(cases[i].rtt, res.rtt);
		/* No sample of what brought nothing new. */
		ASSERT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
		EXPECT_EQ(FP_TX_NO_RTT, res.rtt);
	}
}

TEST(lies_are_refused)
{
	static const struct fp_range r[] = {
		{ 5, 7 }, { 8, 10 },	/* Right. */
		{ 8, 8 }, { 9, 8 }, { 8, 11 }, { 11, 12 }, { 2, 4 }, { 3, 5 },
		{ 4, 5 }, { 6, 8 }, { 5, 7 }, { 4, 10 }, { 0, ~0ull },
		{ ~0ull, 0 }, { ~0ull - 1, ~0ull },
	};
	struct fp_tx_ack a = { .ack = 4, .ts_echo = (u32)T0, .nr = 2 };
	struct fp_range many[FP_TX_RANGES + 1];
	struct fp_tx_result res, poison;
	struct fp_txwin w, before;
	size_t i;

	start(&w);
	transmit(&w, 10, T0, 0);
	ACK(&w, T0 + RTT, T0, 3, { 6, 7 });
	before = w;
	memset(&res, 0x55, sizeof(res));
	poison = res;
	for (i = 2; i < ARRAY_SIZE(r); i++) {
		struct fp_range pair[2][2] = { { r[0], r[i] }, { r[i], r[0] } };
		int j;

		for (j = 0; j < 2; j++) {
			a.ranges = pair[j];
			ASSERT_EQ(-EINVAL, fp_txwin_ack(&w, &a, RTT, T0 + RTT,
							&res));
		}
	}
	a.ranges = r;
	a.ack = 11;
	ASSERT_EQ(-EINVAL, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	a.nr = 0;
	ASSERT_EQ(-EINVAL, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	a.ack = ~0ull;
	ASSERT_EQ(-EINVAL, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	a.ack = 0;
	a.nr = FP_TX_RANGES + 1;
	a.ranges = many;
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct fp_range){ 2 * i + 2, 2 * i + 3 };
	ASSERT_EQ(-EINVAL, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	EXPECT_EQ(0, memcmp(&before, &w, sizeof(w)));
	EXPECT_EQ(0, memcmp(&poison, &res, sizeof(res)));
	EXPECT_EQ(3 + 1, acked[0] + acked[1] + acked[2] + acked[6]);
	ASSERT_WHOLE(&w);

	a = (struct fp_tx_ack){ .ack = 4, .nr = 2, .ranges = r };
	EXPECT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	/* An old one still tells of ranges. */
	a = (struct fp_tx_ack){ .ack = 2, .nr = 1, .ranges = &(struct fp_range)
				{ 3, 9 } };
	EXPECT_EQ(0, fp_txwin_ack(&w, &a, RTT, T0 + RTT, &res));
	EXPECT_EQ(10, w.una);
	ASSERT_WHOLE(&w);
}

/* RACK learns of a retransmission only what is surely of it. */
TEST(rack_ignores_originals)
{
	static const struct {
		u64 now, echo, sent;
	} cases[] = {
		{ T0 + 3 * RTT, T0, T0 },		/* By the echo. */
		{ T0 + RTT + 100, T0 - 1, T0 },		/* By the time. */
		{ T0 + 2 * RTT, T0 + RTT, T0 + RTT },	/* It is the new one. */
	};
	struct fp_txwin w;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start(&w);
		transmit(&w, 6, T0, 0);
		ACK(&w, T0 + RTT, T0, 0, { 1, 5 });
		transmit(&w, 1, T0 + RTT, 0);
		EXPECT_EQ(2, frames[0].transmissions);
		ACK(&w, cases[i].now, cases[i].echo, 1, { 2, 5 });
		EXPECT_EQ(cases[i].sent, w.rack.sent);
	}
}

TEST(least_rtt_grows_old)
{
	struct fp_txwin w;
	u64 now = T0;
	int i;

	start(&w);
	transmit(&w, 1, now, 0);
	ACK(&w, now + RTT, now, 1);
	for (i = 1; i <= 4; i++) {
		now = T0 + i * 100000000ull;
		transmit(&w, 1, now, 0);
		ACK(&w, now + 2 * RTT, now, i + 1);
		EXPECT_EQ(i < 3 ? RTT : 2 * RTT, w.rack.min_rtt);
	}
}

/* No echo is older than the first frame that is not acknowledged. */
TEST(oldest_moves_on)
{
	struct fp_tx_result res;
	struct fp_txwin w;

	start(&w);
	transmit(&w, 3, T0, 1000);
	res = ACK(&w, T0 + RTT, T0 + 1, 1);
	EXPECT_EQ(RTT - 1, res.rtt);
	res = ACK(&w, T0 + RTT, T0 + 999, 2);
	EXPECT_EQ(FP_TX_NO_RTT, res.rtt);
	res = ACK(&w, T0 + RTT, T0 + 2000, 3);
	EXPECT_EQ(RTT - 2000, res.rtt);
}

TEST(many_transmissions)
{
	struct fp_txwin w;
	int i;

	start(&w);
	for (i = 0; i < 600; i++) {
		transmit(&w, 1, T0 + i, 0);
		ASSERT_EQ(i < 255 ? i + 1 : 255, frames[0].transmissions);
		fp_txwin_timeout(&w);
		ASSERT_WHOLE(&w);
	}
	EXPECT_EQ(1, w.next);
}

/* What is told is skipped in one step the next time, wherever that begins. */
TEST(known_ranges_are_skipped)
{
	struct fp_txwin w;
	u64 i;

	start(&w);
	transmit(&w, 50, T0, 0);
	for (i = 49; i > 1; i--)
		ACK(&w, T0 + RTT, T0, 0, { i, i + 1 });
	ACK(&w, T0 + RTT, T0, 0, { 2, 50 });
	for (i = 2; i < 50; i++)
		ASSERT_EQ(2 * (50 - i) + 1, (unsigned long)ring[i]);
	/* And by the window. */
	ACK(&w, T0 + RTT, T0, 2);
	EXPECT_EQ(50, w.una);
}

/*
 * A peer sees to it that frames that were sent again and new ones leave by
 * turns; then all of them are lost at once. To put them in order takes not much
 * more than a step for each.
 */
TEST(woven_losses)
{
	struct fp_txframe *large[2048];
	struct fp_txwin w;
	unsigned long began;
	u64 now = T0, i;

	start(&w);
	fp_txwin_move(&w, large, 2048);
	now = transmit(&w, 800, now, 10) + RTT;
	for (i = 1; i < 800; i += 2) {
		/* The one before is lost, but for the first ones. */
		ACK(&w, now, frames[i].sent, 0, { i, i + 1 });
		now = transmit(&w, 2, now, 10);
	}
	ASSERT_LT(1100, w.next);
	now = transmit(&w, 1, now, 10) + 10 * RTT;
	began = steps;
	ACK(&w, now, frames[w.next - 1].sent, 0, { w.next - 1, w.next });
	ASSERT_LT(700, w.lost_nr);
	ASSERT_LT(w.lost_nr, steps - began);
	EXPECT_GT(w.lost_nr * 150, steps - began)
		TH_LOG("%u lost: %lu steps", w.lost_nr, steps - began);
}

/* A datagram under way, in one of the two directions. */
struct packet {
	u64 due;
	u64 order;	/* in which they were sent, if due at once */
	bool data;
	u64 seq;
	u32 ts;
	struct fp_tx_ack ack;
	struct fp_range ranges[FP_TX_RANGES];
};

#define PACKETS	4096

static struct sim {
	struct fp_txwin tx;
	struct fp_rxwin rx;
	struct packet packets[PACKETS];
	unsigned int nr;
	unsigned int loss;	/* percent */
	unsigned int dup;	/* percent */
	unsigned int jitter;	/* us */
	unsigned int lies;	/* percent */
	u64 now;
	u64 order;
	u64 check;
	u64 rto;
	u64 pto;
	u32 srtt;
	u32 cwnd;
	u8 dups;
	unsigned int believed, refused;
	unsigned int resent, timeouts, probes, recoveries, spurious;
} sim;

static void put(struct sim *s, const struct packet *packet)
{
	int copies = 1 + chance(s->dup);

	while (copies--) {
		if (chance(s->loss) || s->nr == PACKETS)
			continue;
		s->packets[s->nr] = *packet;
		s->packets[s->nr].order = s->order++;
		s->packets[s->nr++].due = s->now + RTT / 2 +
					  random64() % (s->jitter + 1);
	}
}

static void sim_send(struct sim *s, struct fp_txframe *frame)
{
	struct packet packet = {
		.data = true, .seq = frame->seq, .ts = s->now,
	};

	if (acked[frame->seq])
		wrong = true;
	s->resent += frame->transmissions > 0;
	fp_txwin_sent(&s->tx, frame, s->now);
	put(s, &packet);
	s->rto = s->now + 200000;
	s->pto = s->now + (s->srtt ? 2 * s->srtt : 1000000);
}

static void fill(struct sim *s)
{
	struct fp_txframe *frame;

	while (s->tx.end < FRAMES && fp_txwin_room(&s->tx)) {
		frames[s->tx.end].bytes = 1 + random64() % 1500;
		fp_txwin_queue(&s->tx, &frames[s->tx.end]);
	}
	while (s->tx.flight < s->cwnd) {
		frame = fp_txwin_next(&s->tx);
		if (!frame)
			break;
		sim_send(s, frame);
		/* A burst takes its time, or none. */
		s->now += s->jitter & 1;
	}
}

static void sim_result(struct sim *s, const struct fp_tx_result *res)
{
	s->spurious += res->spurious;
	s->recoveries += res->enter_recovery;
	if (res->enter_recovery)
		s->cwnd = s->cwnd / 2 > 4000 ? s->cwnd / 2 : 4000;
	s->cwnd += res->acked_bytes / 8;
	s->check = res->check;
	if (res->rtt != FP_TX_NO_RTT)
		s->srtt = s->srtt ? (7 * s->srtt + res->rtt) / 8 : res->rtt;
	if (res->acked_bytes) {
		s->rto = s->now + 200000;
		s->pto = s->now + 2 * s->srtt;
	}
}

/*
 * What a peer may say that is odd: old news in pieces, ranges that overlap,
 * frames that were never sent, echoes and counts of all kinds. Frames that did
 * not come are left out: a peer that confirms them harms only itself.
 */
static void lie(struct sim *s)
{
	struct fp_range ranges[FP_TX_RANGES];
	struct fp_tx_ack a = {
		.ack = random64() % (s->rx.next + 1),
		.ts_echo = chance(50) ? random64() :
			   s->now - random64() % (4 * RTT),
		.delay = random64() >> random64() % 64,
		.dup = random64(),
		.ce = random64(),
		.ranges = ranges,
	};
	struct fp_txwin before = s->tx;
	struct fp_tx_result res;

	while (s->rx.nr && a.nr < FP_TX_RANGES && !chance(30)) {
		const struct fp_range *from =
			&s->rx.ranges[random64() % s->rx.nr];
		struct fp_range *to = &ranges[a.nr++];

		to->begin = from->begin +
			    random64() % (from->end - from->begin);
		to->end = to->begin + random64() % (from->end - to->begin + 1);
	}
	if (chance(20))
		a.ack = s->tx.next + 1 + random64() % 3;
	last_acked = ~0ull;
	if (!fp_txwin_ack(&s->tx, &a, s->srtt, s->now, &res)) {
		s->believed++;
		sim_result(s, &res);
		return;
	}
	s->refused++;
	if (memcmp(&before, &s->tx, sizeof(before)))
		wrong = true;
}

static void data_came(struct sim *s, const struct packet *packet)
{
	enum fp_rxwin_result result;
	struct packet reply = {
		.ack.ts_echo = packet->ts,
		.ack.delay = random64() % 50,
	};

	result = fp_rxwin_add(&s->rx, packet->seq, s->rx.next + REACH);
	s->dups += result == FP_RXWIN_OLD;
	/* Some that are in order wait for the next one. */
	if (result == FP_RXWIN_NEXT && !(packet->seq & 1) && chance(50))
		return;
	reply.ack.ack = s->rx.next;
	reply.ack.dup = s->dups;
	reply.ack.nr = fp_rxwin_report(&s->rx, reply.ranges, FP_TX_RANGES);
	put(s, &reply);
}

static int ack_came(struct sim *s, struct packet *packet)
{
	struct fp_tx_result res;
	int err;

	packet->ack.ranges = packet->ranges;
	last_acked = ~0ull;
	err = fp_txwin_ack(&s->tx, &packet->ack, s->srtt, s->now, &res);
	if (!err)
		sim_result(s, &res);
	return err;
}

static void timers(struct sim *s)
{
	struct fp_tx_result res;
	struct fp_txframe *frame;

	if (s->check && s->now >= s->check) {
		fp_txwin_detect(&s->tx, s->srtt, s->now, &res);
		sim_result(s, &res);
	}
	if (s->srtt && s->now >= s->pto) {
		s->pto = s->now + 1000000;
		frame = fp_txwin_probe(&s->tx);
		if (frame) {
			s->probes++;
			sim_send(s, frame);
		}
	}
	if (s->now >= s->rto) {
		s->timeouts++;
		fp_txwin_timeout(&s->tx);
		s->cwnd = 1500;
		s->rto = s->now + 200000;
	}
}

static bool before(const struct packet *a, const struct packet *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

/* Takes the packet that is due first, unless a timer is before. */
static bool take(struct sim *s, struct packet *packet)
{
	u64 when = s->rto < s->pto ? s->rto : s->pto;
	unsigned int i, first = 0;

	if (s->check && s->check < when)
		when = s->check;
	for (i = 1; i < s->nr; i++) {
		if (before(&s->packets[i], &s->packets[first]))
			first = i;
	}
	if (!s->nr || s->packets[first].due > when) {
		s->now = when > s->now ? when : s->now;
		return false;
	}
	*packet = s->packets[first];
	s->packets[first] = s->packets[--s->nr];
	s->now = packet->due > s->now ? packet->due : s->now;
	return true;
}

static void begin(struct sim *s, unsigned int seed)
{
	memset(s, 0, sizeof(*s));
	memset(acked, 0, sizeof(acked));
	state = seed * 0x9e3779b97f4a7c15;
	fp_txwin_init(&s->tx, ring, REACH, on_acked);
	fp_rxwin_init(&s->rx);
	s->now = T0;
	s->now -= random64() % 1000000;
	s->rto = s->now + 1000000;
	s->pto = s->rto;
	s->cwnd = 15000;
	s->loss = seed % 4 ? random64() % 31 : 0;
	s->dup = seed % 3 ? 0 : random64() % 20;
	s->jitter = seed % 5 ? random64() % 100 : random64() % (2 * RTT);
	s->jitter = seed % 8 ? s->jitter : 0;
	s->lies = seed % 7 ? 0 : 20;
}

TEST(transfers_over_bad_networks)
{
	unsigned int total = 0, resent = 0, timeouts = 0, probes = 0;
	unsigned int recoveries = 0, spurious = 0, believed = 0, refused = 0;
	unsigned int seed, i;

	for (seed = 1; seed <= SEEDS; seed++) {
		struct sim *s = &sim;
		struct packet packet;
		u64 steps = 0;

		begin(s, seed);
		while (s->tx.una < FRAMES) {
			fill(s);
			ASSERT_WHOLE(&s->tx);
			/* Nothing hangs. */
			ASSERT_GT(100 * FRAMES, ++steps);
			if (!take(s, &packet))
				timers(s);
			else if (packet.data)
				data_came(s, &packet);
			else
				ASSERT_EQ(0, ack_came(s, &packet));
			if (chance(s->lies)) {
				ASSERT_WHOLE(&s->tx);
				lie(s);
			}
			ASSERT_FALSE(wrong);
		}
		for (i = 0; i < FRAMES; i++)
			ASSERT_EQ(1, acked[i]);
		EXPECT_EQ(FRAMES, s->rx.next);
		EXPECT_EQ(0, s->tx.flight);
		/* A way that loses and reorders nothing needs nothing twice. */
		if (!s->loss && !s->jitter && !s->lies)
			EXPECT_EQ(0, s->resent);
		total += FRAMES;
		resent += s->resent;
		timeouts += s->timeouts;
		probes += s->probes;
		recoveries += s->recoveries;
		spurious += s->spurious;
		believed += s->believed;
		refused += s->refused;
	}
	TH_LOG("of %u frames %u sent again; recoveries: %u, spurious: %u",
	       total, resent, recoveries, spurious);
	TH_LOG("timeouts: %u, probes: %u; odd acks taken: %u, refused: %u",
	       timeouts, probes, believed, refused);
	EXPECT_LT(1000, resent);
	EXPECT_LT(100, timeouts);
	EXPECT_LT(20, probes);
	EXPECT_LT(1000, recoveries);
	EXPECT_LT(100, spurious);
	EXPECT_LT(1000, believed);
	EXPECT_LT(1000, refused);
}

/* Whatever is acknowledged, in whatever order: the window stays in order. */
TEST(any_acknowledgment)
{
	unsigned int seed, refused = 0, believed = 0;

	for (seed = 1; seed <= SEEDS; seed++) {
		struct fp_range ranges[FP_TX_RANGES];
		struct fp_txwin w, before;
		u64 now = T0;

		start(&w);
		state = seed * 0x9e3779b97f4a7c15;
		while (w.una < FRAMES - 2 * SIZE) {
			struct fp_tx_ack a = { .ranges = ranges };
			struct fp_tx_result res;

			while (fp_txwin_room(&w) && chance(80))
				now = transmit(&w, 1, now, random64() % 50);
			now += random64() % RTT;
			if (chance(5))
				fp_txwin_timeout(&w);
			if (fp_txwin_probe(&w) && chance(5))
				fp_txwin_sent(&w, fp_txwin_probe(&w), now);
			fp_txwin_detect(&w, random64() % RTT, now, &res);
			a.ack = w.una + random64() % 4 - (w.una && chance(50));
			a.ts_echo = now - random64() % (5 * RTT);
			a.dup = random64() % 256;
			a.nr = random64() % 4;
			if (chance(1))
				a.nr = random64() % 256 % (FP_TX_RANGES + 1);
			for (int i = 0; i < a.nr; i++) {
				ranges[i].begin = a.ack + random64() % SIZE;
				ranges[i].end = ranges[i].begin +
						random64() % 9;
			}
			before = w;
			last_acked = ~0ull;
			if (fp_txwin_ack(&w, &a, RTT, now, &res)) {
				refused++;
				ASSERT_EQ(0, memcmp(&before, &w, sizeof(w)));
			} else {
				believed++;
			}
			ASSERT_FALSE(wrong);
			ASSERT_WHOLE(&w);
		}
	}
	EXPECT_LT(1000, refused);
	EXPECT_LT(1000, believed);
}

TEST_HARNESS_MAIN
