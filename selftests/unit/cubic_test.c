// SPDX-License-Identifier: GPL-2.0
/* Congestion control, kmod/cubic.c, built in user space. */
#include <linux/limits.h>

#include "kselftest_harness.h"
#include "cubic.h"
#include "cubic_model.h"

#define MSS	1000	/* so that bytes are easily read as segments */
#define CASES	1000	/* of the fuzz tests, and events of each */
#define MS	1000u
#define SECOND	1000000ull

static u64 random64(void)
{
	static u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A sender that is never short of data, and its clock. */
struct path {
	struct fp_cubic cc;
	u64 now;
	u32 rtt;
};

static struct path path(u32 rtt)
{
	struct path p = { .now = 1000 * SECOND, .rtt = rtt };

	fp_cubic_init(&p.cc, MSS);
	return p;
}

static void ack(struct path *p, u32 bytes, bool limited)
{
	struct fp_cubic_ack a = {
		.acked = bytes,
		.rtt = p->rtt,
		.srtt = p->rtt,
		.limited = limited,
	};

	fp_cubic_ack(&p->cc, &a, p->now);
}

/* A round trip: a window's worth of acknowledgments, evenly spread. */
static void round_trip(struct path *p, bool limited)
{
	u32 left = p->cc.cwnd, n = left < 100 * MSS ? left / MSS + 1 : 100;
	u64 began = p->now;
	u32 i, bytes;

	for (i = 1; i <= n; i++) {
		bytes = left / (n - i + 1);
		p->now = began + (u64)p->rtt * i / n;
		ack(p, bytes, limited);
		left -= bytes;
	}
}

/* In congestion avoidance with a window of so many segments. */
static struct path avoiding(u32 rtt, u32 segments)
{
	struct path p = path(rtt);

	p.cc.cwnd = segments * MSS;
	p.cc.ssthresh = segments * MSS;
	return p;
}

static double segments(const struct path *p)
{
	return (double)p->cc.cwnd / MSS;
}

static bool near(double expected, double seen, double tolerance)
{
	if (fabs(expected - seen) <= tolerance)
		return true;
	printf("# %g expected within %g, but it is %g\n", expected, tolerance,
	       seen);
	return false;
}

/* RFC 6928. */
TEST(initial_window)
{
	static const struct {
		u32 mss, cwnd;
	} windows[] = {
		{ 0, 10 }, { 1, 10 }, { 536, 5360 }, { 1200, 12000 },
		{ 1460, 14600 }, { 1461, 14600 }, { 4000, 14600 },
		{ 7300, 14600 }, { 9000, 18000 }, { 65535, 131070 },
		{ 65536, 131070 }, { U32_MAX, 131070 },
	};
	struct fp_cubic cc;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		memset(&cc, 0x55, sizeof(cc));
		fp_cubic_init(&cc, windows[i].mss);
		EXPECT_EQ(windows[i].cwnd, cc.cwnd);
		EXPECT_EQ(FP_SSTHRESH_NONE, cc.ssthresh);
	}
}

TEST(slow_start_doubles)
{
	struct path p = path(100 * MS);
	u32 expected;

	for (expected = 10; expected <= 10 << 12; expected *= 2) {
		EXPECT_EQ(expected * MSS, p.cc.cwnd);
		round_trip(&p, true);
	}
	/* An acknowledgment of all is worth as much as one of each. */
	p = path(100 * MS);
	ack(&p, 10 * MSS, true);
	EXPECT_EQ(20 * MSS, p.cc.cwnd);
	/* But none is worth more than was in flight. */
	ack(&p, U32_MAX, true);
	EXPECT_EQ(40 * MSS, p.cc.cwnd);
}

TEST(slow_start_ends_at_ssthresh)
{
	struct path p = path(100 * MS);

	p.cc.ssthresh = 15 * MSS;
	ack(&p, 4 * MSS, true);
	EXPECT_EQ(14 * MSS, p.cc.cwnd);
	/* The rest is for congestion avoidance, which has only begun. */
	ack(&p, 4 * MSS, true);
	EXPECT_LE(15 * MSS, p.cc.cwnd);
	EXPECT_GT(15 * MSS + MSS / 4, p.cc.cwnd);
}

TEST(loss_takes_three_tenths)
{
	struct path p = avoiding(100 * MS, 100);

	fp_cubic_loss(&p.cc);
	EXPECT_EQ(70 * MSS, p.cc.cwnd);
	EXPECT_EQ(70 * MSS, p.cc.ssthresh);
	EXPECT_EQ(100 * MSS, p.cc.w_max);
	fp_cubic_ecn(&p.cc);
	EXPECT_EQ(49 * MSS, p.cc.cwnd);
	EXPECT_EQ(49 * MSS, p.cc.ssthresh);
}

TEST(loss_leaves_two_segments)
{
	struct path p = avoiding(100 * MS, 3);
	int i;

	fp_cubic_loss(&p.cc);
	EXPECT_EQ(2100, p.cc.cwnd);
	for (i = 0; i < 5; i++) {
		fp_cubic_loss(&p.cc);
		EXPECT_EQ(2 * MSS, p.cc.cwnd);
		EXPECT_EQ(2 * MSS, p.cc.ssthresh);
	}
	/* A timeout leaves one, and a loss then doesn't make it more. */
	fp_cubic_timeout(&p.cc);
	EXPECT_EQ(MSS, p.cc.cwnd);
	fp_cubic_loss(&p.cc);
	EXPECT_EQ(MSS, p.cc.cwnd);
	EXPECT_EQ(2 * MSS, p.cc.ssthresh);
}

TEST(fast_convergence)
{
	struct path p = avoiding(100 * MS, 100);

	fp_cubic_loss(&p.cc);
	EXPECT_EQ(100 * MSS, p.cc.w_max);
	/* Again before 100 was reached: 70 * (1 + 0.7) / 2. */
	fp_cubic_loss(&p.cc);
	EXPECT_EQ(59500, p.cc.w_max);
	EXPECT_EQ(70 * MSS, p.cc.cwnd_prior);
	/* And after it was. */
	p.cc.cwnd = 60 * MSS;
	fp_cubic_loss(&p.cc);
	EXPECT_EQ(60 * MSS, p.cc.w_max);
}

/* W_cubic(t) = C * (t - K)^3 + W_max, RFC 9438, section 4.2. */
TEST(follows_the_cubic_function)
{
	static const u32 windows[] = { 1000, 5000, 20000 };
	static const u32 rtts[] = { 50 * MS, 100 * MS, 200 * MS };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		for (j = 0; j < ARRAY_SIZE(rtts); j++) {
			double w = windows[i], k = cbrt(w * (1 - BETA) / C), t;
			struct path p = avoiding(rtts[j], windows[i]);
			u64 began;

			fp_cubic_loss(&p.cc);
			began = p.now;
			ack(&p, 0, true);
			while (p.now - began < 2e6 * k) {
				round_trip(&p, true);
				t = (p.now - began) / 1e6;
				ASSERT_TRUE(near(C * pow(t - k, 3) + w,
						 segments(&p), 0.01 * w));
			}
			/* In milliseconds, down. */
			EXPECT_TRUE(near(k * 1000 - 0.5, p.cc.epoch.k, 0.51));
		}
	}
}

/* A window so large that most acknowledgments are worth less than a byte. */
TEST(parts_of_a_byte_add_up)
{
	struct path p = avoiding(10 * MS, 200000), q;
	double before;
	u32 i, n;

	fp_cubic_loss(&p.cc);
	ack(&p, 0, true);
	ack(&p, 1, true);
	q = p;
	before = segments(&p);
	n = 5 * (p.cc.cwnd / MSS);
	for (i = 0; i < n; i++) {
		p.now = q.now + (u64)i * 50 * MS / n;
		ack(&p, MSS, true);
	}
	for (i = 0; i < 5; i++)
		round_trip(&q, true);
	/* 3 * C * K^2 segments a second, for 50 ms. */
	EXPECT_TRUE(near(169, segments(&p) - before, 3));
	EXPECT_TRUE(near(169, segments(&q) - before, 3));
}

/* At the plateau, K after the loss, the window is what it was before. */
TEST(plateau)
{
	double k = cbrt(300 / C);
	struct path p = avoiding(100 * MS, 1000);
	u64 began = p.now;

	EXPECT_TRUE(near(9.0856, k, 0.0001));
	fp_cubic_loss(&p.cc);
	while (p.now - began < k * 1e6)
		round_trip(&p, true);
	EXPECT_TRUE(near(1000, segments(&p), 1));
	/* A second to each side it is within half a segment of it. */
	while (p.now - began < (k + 1) * 1e6)
		round_trip(&p, true);
	EXPECT_TRUE(near(1000, segments(&p), 1));
	/* Ten seconds later it is C * 10^3 segments above. */
	while (p.now - began < (k + 10) * 1e6)
		round_trip(&p, true);
	EXPECT_TRUE(near(1400, segments(&p), 15));
}

/* On a short path: 9/17 of a segment a round trip, then a segment. */
TEST(reno_friendly)
{
	struct path p = avoiding(10 * MS, 100);
	double expected = 70;
	int i;

	fp_cubic_loss(&p.cc);
	for (i = 0; i < 100; i++) {
		round_trip(&p, true);
		expected += expected < 100 ? ALPHA : 1;
		ASSERT_TRUE(near(expected, segments(&p), 1));
	}
	EXPECT_LT(140 * MSS, p.cc.cwnd);
}

/* No more than half a window in a round trip, however far the target is. */
TEST(growth_has_a_limit)
{
	struct path p = avoiding(100 * MS, 1000);
	u32 before;

	fp_cubic_loss(&p.cc);
	ack(&p, 0, true);
	ack(&p, MSS, true);
	p.now += 1000 * SECOND;
	before = p.cc.cwnd;
	ack(&p, before, true);
	EXPECT_EQ(before + before / 2, p.cc.cwnd);
}

TEST(unused_window_does_not_grow)
{
	struct path p = path(100 * MS);
	int i;

	for (i = 0; i < 100; i++)
		round_trip(&p, false);
	EXPECT_EQ(10 * MSS, p.cc.cwnd);
	p = avoiding(100 * MS, 100);
	fp_cubic_loss(&p.cc);
	for (i = 0; i < 1000; i++)
		round_trip(&p, false);
	EXPECT_EQ(70 * MSS, p.cc.cwnd);
}

/* Time that the application left unused is not in t. */
TEST(unused_time_does_not_count)
{
	struct path p = avoiding(100 * MS, 1000), q;
	int i;

	fp_cubic_loss(&p.cc);
	for (i = 0; i < 20; i++)
		round_trip(&p, true);
	q = p;
	for (i = 0; i < 1000; i++)
		round_trip(&q, false);
	EXPECT_EQ(p.cc.cwnd, q.cc.cwnd);
	for (i = 0; i < 200; i++) {
		round_trip(&p, true);
		round_trip(&q, true);
		ASSERT_EQ(p.cc.cwnd, q.cc.cwnd);
	}
	EXPECT_LT(1000 * MSS, p.cc.cwnd);
}

/* RFC 9438, section 4.8: slow start, then convex from where that ended. */
TEST(timeout)
{
	struct path p = avoiding(100 * MS, 1000);
	double t;
	u64 began;

	fp_cubic_timeout(&p.cc);
	EXPECT_EQ(MSS, p.cc.cwnd);
	EXPECT_EQ(700 * MSS, p.cc.ssthresh);
	while (p.cc.cwnd < 512 * MSS) {
		u32 before = p.cc.cwnd;

		round_trip(&p, true);
		EXPECT_EQ(2 * before, p.cc.cwnd);
	}
	ack(&p, 188 * MSS, true);
	EXPECT_EQ(700 * MSS, p.cc.cwnd);
	began = p.now;
	while (p.now - began < 15 * SECOND) {
		round_trip(&p, true);
		t = (p.now - began) / 1e6;
		ASSERT_TRUE(near(700 + fmax(C * t * t * t, ALPHA * t * 10),
				 segments(&p), 20));
	}
	EXPECT_EQ(0, p.cc.epoch.k);
}

TEST(undo_of_a_loss)
{
	struct path p = avoiding(100 * MS, 100), before;
	int i;

	fp_cubic_loss(&p.cc);
	for (i = 0; i < 20; i++)
		round_trip(&p, true);
	before = p;
	fp_cubic_loss(&p.cc);
	fp_cubic_undo(&p.cc);
	EXPECT_EQ(before.cc.cwnd, p.cc.cwnd);
	EXPECT_EQ(before.cc.ssthresh, p.cc.ssthresh);
	EXPECT_EQ(before.cc.w_max, p.cc.w_max);
	EXPECT_EQ(before.cc.cwnd_prior, p.cc.cwnd_prior);
	/* And it goes on as if nothing had happened. */
	for (i = 0; i < 50; i++) {
		round_trip(&before, true);
		round_trip(&p, true);
		ASSERT_EQ(before.cc.cwnd, p.cc.cwnd);
	}
	/* It works once. */
	before = p;
	fp_cubic_undo(&p.cc);
	EXPECT_EQ(before.cc.cwnd, p.cc.cwnd);
	EXPECT_EQ(before.cc.ssthresh, p.cc.ssthresh);
}

TEST(undo_of_a_timeout)
{
	struct path p = path(100 * MS);

	round_trip(&p, true);
	fp_cubic_timeout(&p.cc);
	round_trip(&p, true);
	EXPECT_EQ(2 * MSS, p.cc.cwnd);
	fp_cubic_undo(&p.cc);
	EXPECT_EQ(20 * MSS, p.cc.cwnd);
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	round_trip(&p, true);
	EXPECT_EQ(40 * MSS, p.cc.cwnd);
}

TEST(mark_is_not_undone)
{
	struct path p = avoiding(100 * MS, 100);

	fp_cubic_undo(&p.cc);
	EXPECT_EQ(100 * MSS, p.cc.cwnd);
	fp_cubic_loss(&p.cc);
	fp_cubic_ecn(&p.cc);
	fp_cubic_undo(&p.cc);
	EXPECT_EQ(49 * MSS, p.cc.cwnd);
	EXPECT_EQ(49 * MSS, p.cc.ssthresh);
}

/* RFC 2861: half for every timeout, slow start back to three quarters. */
/* The window of another: what it was, within what one may be. */
TEST(resumed)
{
	struct path p = path(100 * MS);

	fp_cubic_resume(&p.cc, 50 * MSS, 40 * MSS);
	EXPECT_EQ(50 * MSS, p.cc.cwnd);
	round_trip(&p, true);
	/* In congestion avoidance, and not in slow start. */
	EXPECT_LE(50 * MSS, p.cc.cwnd);
	EXPECT_GE(52 * MSS, p.cc.cwnd);
	p = path(100 * MS);
	fp_cubic_resume(&p.cc, 20 * MSS, FP_SSTHRESH_NONE);
	round_trip(&p, true);
	EXPECT_EQ(40 * MSS, p.cc.cwnd);
	p = path(100 * MS);
	fp_cubic_resume(&p.cc, 1, 2 * MSS);
	EXPECT_EQ(MSS, p.cc.cwnd);
}

TEST(idle_restart)
{
	static const struct {
		u32 halves, cwnd;
	} pauses[] = {
		{ 0, 160 }, { 1, 80 }, { 2, 40 }, { 3, 20 }, { 4, 10 },
		{ 5, 10 }, { 31, 10 }, { 32, 10 }, { 1000, 10 },
	};
	struct path p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pauses); i++) {
		p = avoiding(100 * MS, 160);
		p.cc.ssthresh = 50 * MSS;
		fp_cubic_idle(&p.cc, pauses[i].halves * 300ull * MS + 299 * MS,
			      300 * MS);
		EXPECT_EQ(pauses[i].cwnd * MSS, p.cc.cwnd);
		EXPECT_EQ(pauses[i].halves ? 120 * MSS : 50 * MSS,
			  p.cc.ssthresh);
	}
	/* A window below the initial one stays. */
	p = avoiding(100 * MS, 4);
	fp_cubic_idle(&p.cc, 100 * SECOND, 300 * MS);
	EXPECT_EQ(4 * MSS, p.cc.cwnd);
	EXPECT_EQ(4 * MSS, p.cc.ssthresh);
	/* Nothing was lost yet: no reason to end slow start early. */
	p = path(100 * MS);
	round_trip(&p, true);
	fp_cubic_idle(&p.cc, 100 * SECOND, 300 * MS);
	EXPECT_EQ(10 * MSS, p.cc.cwnd);
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	/* What a loss had taken doesn't come back after a pause. */
	p = avoiding(100 * MS, 160);
	fp_cubic_loss(&p.cc);
	fp_cubic_idle(&p.cc, 100 * SECOND, 300 * MS);
	fp_cubic_undo(&p.cc);
	EXPECT_EQ(10 * MSS, p.cc.cwnd);
}

/* A pause shorter than the timeout leaves the window; t leaves it out. */
TEST(idle_time_does_not_count)
{
	struct path p = avoiding(100 * MS, 1000), q;
	int i;

	fp_cubic_loss(&p.cc);
	for (i = 0; i < 20; i++)
		round_trip(&p, true);
	q = p;
	for (i = 0; i < 100; i++) {
		q.now += 250 * MS;
		fp_cubic_idle(&q.cc, 250 * MS, 300 * MS);
		/* Not twice if what comes after is short of data, too. */
		ack(&q, MSS, false);
	}
	for (i = 0; i < 200; i++) {
		round_trip(&p, true);
		round_trip(&q, true);
		ASSERT_EQ(p.cc.cwnd, q.cc.cwnd);
	}
}

TEST(idle_then_back_to_the_old_plateau)
{
	struct path p = avoiding(100 * MS, 1000);
	u64 began;
	int i;

	fp_cubic_loss(&p.cc);
	for (i = 0; i < 20; i++)
		round_trip(&p, true);
	p.now += 100 * SECOND;
	fp_cubic_idle(&p.cc, 100 * SECOND, 300 * MS);
	EXPECT_EQ(10 * MSS, p.cc.cwnd);
	while (p.cc.cwnd < p.cc.ssthresh)
		round_trip(&p, true);
	EXPECT_EQ(700 * MSS, p.cc.ssthresh);
	began = p.now;
	while (p.now - began < cbrt(300 / C) * 1e6)
		round_trip(&p, true);
	EXPECT_TRUE(near(1000, segments(&p), 5));
}

TEST(pacing)
{
	struct path p = path(100 * MS);

	EXPECT_EQ(0, fp_cubic_pacing_rate(&p.cc, 0));
	EXPECT_EQ(200000, fp_cubic_pacing_rate(&p.cc, 100 * MS));
	p.cc.ssthresh = p.cc.cwnd;
	EXPECT_EQ(120000, fp_cubic_pacing_rate(&p.cc, 100 * MS));
	p.cc.cwnd = FP_CWND_MAX;
	p.cc.ssthresh = FP_SSTHRESH_NONE;
	EXPECT_EQ(2147483648000000ull, fp_cubic_pacing_rate(&p.cc, 1));
	EXPECT_EQ(500000, fp_cubic_pacing_rate(&p.cc, U32_MAX));
}

TEST(other_segment_size)
{
	struct path p = avoiding(100 * MS, 1000);

	fp_cubic_set_mss(&p.cc, 500);
	EXPECT_EQ(1000 * MSS, p.cc.cwnd);
	fp_cubic_loss(&p.cc);
	ack(&p, 0, true);
	ack(&p, MSS, true);
	EXPECT_TRUE(near(1000 * cbrt(600 / C), p.cc.epoch.k, 1));
	/* The same bytes are other segments, and so another curve. */
	fp_cubic_set_mss(&p.cc, 2000);
	ack(&p, MSS, true);
	EXPECT_TRUE(near(1000 * cbrt(150 / C), p.cc.epoch.k, 1));
	EXPECT_TRUE(near(700, segments(&p), 1));
	/* Nor does the old curve come back with what a loss had taken. */
	fp_cubic_loss(&p.cc);
	fp_cubic_set_mss(&p.cc, 1000);
	fp_cubic_undo(&p.cc);
	EXPECT_TRUE(near(700, segments(&p), 1));
	ack(&p, MSS, true);
	EXPECT_TRUE(near(1000 * cbrt(300 / C), p.cc.epoch.k, 5));

	p = avoiding(100 * MS, 2);
	fp_cubic_set_mss(&p.cc, 9000);
	EXPECT_EQ(18000, p.cc.cwnd);
	fp_cubic_timeout(&p.cc);
	fp_cubic_set_mss(&p.cc, 10000);
	EXPECT_EQ(10000, p.cc.cwnd);
	fp_cubic_set_mss(&p.cc, 0);
	EXPECT_EQ(1, p.cc.mss);
	EXPECT_EQ(10000, p.cc.cwnd);
}

/* A round of slow start with so many samples, all the same but the first. */
static void hystart_round(struct path *p, int samples, u32 first, u32 rest)
{
	struct fp_cubic_ack a = {
		.limited = true,
		.round_start = true,
	};
	u32 left = p->cc.cwnd;
	int i;

	for (i = 0; i < samples; i++) {
		a.acked = left / (samples - i);
		left -= a.acked;
		a.rtt = i ? rest : first;
		a.srtt = a.rtt;
		p->now += a.rtt / samples;
		fp_cubic_ack(&p->cc, &a, p->now);
		a.round_start = false;
	}
}

static bool doubles(struct path *p, int samples, u32 rtt)
{
	u32 before = p->cc.cwnd;

	hystart_round(p, samples, rtt, rtt);
	return p->cc.cwnd == 2 * before;
}

/* RFC 9406: the rise, five rounds at a quarter of the speed, the end. */
TEST(hystart_leaves_slow_start)
{
	struct path p = path(0);
	u32 before;
	int i;

	for (i = 0; i < 5; i++)
		EXPECT_TRUE(doubles(&p, 10, 100 * MS));
	EXPECT_EQ(320 * MSS, p.cc.cwnd);
	/*
	 * An eighth more. That is sure with the eighth sample, which counts a
	 * quarter, and so do the ninth and the tenth.
	 */
	hystart_round(&p, 10, 112500, 112500);
	EXPECT_EQ((320 + 7 * 32 + 3 * 8) * MSS, p.cc.cwnd);
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	/* That was the first of the five rounds. */
	for (i = 2; i <= 5; i++) {
		before = p.cc.cwnd;
		hystart_round(&p, 10, 120 * MS, 120 * MS);
		EXPECT_TRUE(near(1.25 * before, p.cc.cwnd, 100));
		EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	}
	before = p.cc.cwnd;
	hystart_round(&p, 10, 120 * MS, 120 * MS);
	EXPECT_EQ(before, p.cc.ssthresh);
	EXPECT_GT(before + before / 50, p.cc.cwnd);
}

TEST(hystart_returns_when_it_was_nothing)
{
	struct path p = path(0);
	u32 before;
	int i;

	EXPECT_TRUE(doubles(&p, 10, 100 * MS));
	EXPECT_TRUE(doubles(&p, 10, 100 * MS));
	hystart_round(&p, 10, 130 * MS, 130 * MS);
	hystart_round(&p, 10, 130 * MS, 130 * MS);
	EXPECT_FALSE(doubles(&p, 10, 130 * MS));
	/* Less than what had been seen as the rise. */
	before = p.cc.cwnd;
	hystart_round(&p, 10, 129 * MS, 129 * MS);
	EXPECT_TRUE(near(1.0 * before + before * (7 * 0.025 + 3 * 0.1),
			 p.cc.cwnd, 100));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(doubles(&p, 10, 129 * MS));
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	/* And a true rise ends it still, after five rounds from the start. */
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
		hystart_round(&p, 10, 160 * MS, 160 * MS);
	}
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	hystart_round(&p, 10, 160 * MS, 160 * MS);
	EXPECT_NE(FP_SSTHRESH_NONE, p.cc.ssthresh);
}

/* An eighth, but from 4 to 16 ms. */
TEST(hystart_thresholds)
{
	static const struct {
		u32 rtt, rise;
	} rises[] = {
		{ 100, 4 * MS }, { 10 * MS, 4 * MS }, { 32 * MS, 4 * MS },
		{ 40 * MS, 5 * MS }, { 80 * MS, 10 * MS },
		{ 128 * MS, 16 * MS }, { 300 * MS, 16 * MS },
		{ U32_MAX - 17 * MS, 16 * MS },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rises); i++) {
		struct path p = path(0);

		EXPECT_TRUE(doubles(&p, 8, rises[i].rtt));
		hystart_round(&p, 8, rises[i].rtt, rises[i].rtt);
		hystart_round(&p, 8, rises[i].rtt + rises[i].rise - 1,
			      rises[i].rtt + rises[i].rise - 1);
		EXPECT_FALSE(p.cc.hystart.conservative);
		p = path(0);
		hystart_round(&p, 8, rises[i].rtt, rises[i].rtt);
		hystart_round(&p, 8, rises[i].rtt + rises[i].rise,
			      rises[i].rtt + rises[i].rise);
		EXPECT_TRUE(p.cc.hystart.conservative);
	}
}

/* It is the least sample of a round that counts, of eight at least. */
TEST(hystart_ignores_jitter)
{
	struct path p = path(0);
	int i;

	EXPECT_TRUE(doubles(&p, 10, 100 * MS));
	/* Seven are too few. */
	hystart_round(&p, 7, 200 * MS, 200 * MS);
	EXPECT_FALSE(p.cc.hystart.conservative);
	EXPECT_TRUE(doubles(&p, 10, 100 * MS));
	/* One of the ten is as before. */
	for (i = 0; i < 5; i++)
		hystart_round(&p, 10, 100 * MS, 200 * MS);
	EXPECT_EQ((10 << 8) * MSS, p.cc.cwnd);
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	/* Acknowledgments without a sample say nothing. */
	for (i = 0; i < 5; i++)
		hystart_round(&p, 10, 300 * MS, 0);
	EXPECT_EQ(FP_SSTHRESH_NONE, p.cc.ssthresh);
	EXPECT_FALSE(p.cc.hystart.conservative);
}

TEST(hystart_ends_with_a_loss)
{
	struct path p = path(0);
	u32 before;

	EXPECT_TRUE(doubles(&p, 10, 100 * MS));
	hystart_round(&p, 10, 150 * MS, 150 * MS);
	EXPECT_TRUE(p.cc.hystart.conservative);
	before = p.cc.cwnd;
	fp_cubic_loss(&p.cc);
	EXPECT_EQ(7 * (u64)before / 10, p.cc.ssthresh);
	EXPECT_EQ(p.cc.ssthresh, p.cc.cwnd);
	/* Slow start after a timeout is the plain one. */
	p.cc.cwnd = 1000 * MSS;
	fp_cubic_timeout(&p.cc);
	EXPECT_TRUE(doubles(&p, 1, 100 * MS));
	EXPECT_TRUE(doubles(&p, 2, 100 * MS));
	EXPECT_TRUE(doubles(&p, 4, 200 * MS));
	EXPECT_TRUE(doubles(&p, 8, 300 * MS));
	EXPECT_TRUE(doubles(&p, 16, 400 * MS));
	EXPECT_TRUE(doubles(&p, 16, 500 * MS));
	EXPECT_EQ(64 * MSS, p.cc.cwnd);
}

/*
 * The average window with one loss in so many segments. The first losses lead
 * to the steady state.
 */
static double average_window(u32 rtt, double per_loss)
{
	struct path p = avoiding(rtt, 100);
	double acked = 0, area = 0, time = 0, t;
	int losses = 0;
	u32 step;

	while (losses < 60) {
		step = p.cc.cwnd / 50 > MSS ? p.cc.cwnd / 50 : MSS;
		t = (double)rtt * step / p.cc.cwnd;
		if (losses >= 20) {
			area += t * segments(&p);
			time += t;
		}
		/* Up by chance as often as the fraction is large. */
		p.now += t + (random64() % 1000 < fmod(t, 1) * 1000);
		ack(&p, step, true);
		acked += (double)step / MSS;
		if (acked >= per_loss) {
			fp_cubic_loss(&p.cc);
			acked -= per_loss;
			losses++;
		}
	}
	return area / time;
}

/* RFC 9438, section 5.1, tables 1 and 2, C = 0.4: segments. */
static const struct {
	u32 rtt, per_loss, window;
} averages[] = {
	{ 100 * MS, 100, 12 }, { 100 * MS, 1000, 38 },
	{ 100 * MS, 10000, 187 }, { 100 * MS, 100000, 1054 },
	{ 100 * MS, 1000000, 5926 }, { 100 * MS, 10000000, 33325 },
	{ 100 * MS, 100000000, 187400 },
	{ 10 * MS, 100, 12 }, { 10 * MS, 1000, 38 },
	{ 10 * MS, 10000, 120 }, { 10 * MS, 100000, 379 },
	{ 10 * MS, 1000000, 1200 }, { 10 * MS, 10000000, 5926 },
	{ 10 * MS, 100000000, 33325 },
};

/*
 * Where the figures come from: equations 6 and 7 of section 5, or what Reno's
 * window would be (RFC 3649, section 2) if that is more.
 */
static double average_of_rfc_9438(double rtt, double per_loss)
{
	double cubic = pow(C * 3.7 / 1.2, 0.25) * pow(rtt * per_loss, 0.75);

	return fmax(cubic, 1.2 * sqrt(per_loss));
}

TEST(tables_of_rfc_9438_follow_from_its_equations)
{
	double expected;
	size_t i;

	EXPECT_TRUE(near(1.054, pow(C * 3.7 / 1.2, 0.25), 0.0005));
	for (i = 0; i < ARRAY_SIZE(averages); i++) {
		expected = average_of_rfc_9438(averages[i].rtt / 1e6,
					       averages[i].per_loss);
		/* They have three or four digits. */
		EXPECT_TRUE(near(averages[i].window, expected,
				 0.5 + 0.001 * expected));
	}
}

TEST(average_windows_of_rfc_9438)
{
	double seen;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(averages); i++) {
		seen = average_window(averages[i].rtt, averages[i].per_loss);
		printf("# rtt %3u ms, a loss in %9u: %6.0f, RFC 9438: %6u\n",
		       averages[i].rtt / MS, averages[i].per_loss, seen,
		       averages[i].window);
		EXPECT_TRUE(near(averages[i].window, seen,
				 0.1 * averages[i].window));
	}
}

/* Section 5.2, table 3: segments of 1,500 bytes, 100 ms. */
TEST(loss_rates_of_rfc_9438)
{
	static const struct {
		double mbps, window, loss;
	} rates[] = {
		{ 1, 8.3, 0.020 },
		{ 10, 83.3, 0.00029 },
		{ 100, 833.3, 0.000014 },
		{ 1000, 8333.3, 0.00000063 },
		{ 10000, 83333.3, 0.000000029 },
	};
	double seen;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		EXPECT_TRUE(near(rates[i].window,
				 rates[i].mbps * 1e6 / 8 / 1500 * 0.1, 0.05));
		seen = average_window(100 * MS, 1 / rates[i].loss);
		printf("# %5.0f Mbps, a loss in %9.0f: %7.1f, RFC 9438: %7.1f\n",
		       rates[i].mbps, 1 / rates[i].loss, seen,
		       rates[i].window);
		/* The rates have two digits. */
		EXPECT_TRUE(near(rates[i].window, seen,
				 0.12 * rates[i].window));
	}
}

/* Section 5.1: at 10 ms and 1e-6, no faster than Reno, which has 1.44 Gbps. */
TEST(as_fast_as_reno_as_in_rfc_9438)
{
	double window = average_window(10 * MS, 1e6);

	EXPECT_TRUE(near(1.44e9, window * 1500 * 8 / 0.01, 0.1 * 1.44e9));
}

TEST(agrees_with_the_equations)
{
	int i, n;

	for (i = 0; i < CASES / 10; i++) {
		u32 rtt = 1000 + random64() % 200000;
		struct path p = avoiding(rtt, 2 + random64() % 5000);
		struct cubic_model m = {
			.cwnd = segments(&p),
			.ssthresh = segments(&p),
			.limit = INFINITY,
		};

		for (n = 0; n < 10 * CASES; n++) {
			u32 bytes = 1 + random64() % (p.cc.cwnd / 20);
			u32 event = random64() % 1000;

			/* Where rounding decides, there is no loss. */
			if (fabs(m.cwnd - m.w_max) < 0.01 * m.w_max)
				event = 1000;
			if (event == 0) {
				fp_cubic_timeout(&p.cc);
				cubic_model_timeout(&m);
				bytes = MSS;
			} else if (event <= 2) {
				fp_cubic_loss(&p.cc);
				cubic_model_loss(&m);
				bytes = MSS;
			}
			p.now += (u64)rtt * bytes / p.cc.cwnd;
			ack(&p, bytes, true);
			cubic_model_ack(&m, (double)bytes / MSS, rtt / 1e6,
					p.now / 1e6);
			ASSERT_TRUE(near(m.cwnd, segments(&p),
					 0.1 + 0.005 * m.cwnd));
		}
	}
}

static bool sane(const struct fp_cubic *cc)
{
	return cc->mss >= 1 && cc->mss <= 65535 && cc->cwnd >= cc->mss &&
	       cc->cwnd <= FP_CWND_MAX && cc->ssthresh >= 2 &&
	       cc->w_max <= FP_CWND_MAX && cc->epoch.w_est <= FP_CWND_MAX &&
	       cc->epoch.k < 1u << 21;
}

/* Numbers of all sizes, with a liking for the least and the greatest. */
static u64 any(void)
{
	u64 r = random64();

	switch (r & 7) {
	case 0:
		return 0;
	case 1:
		return U64_MAX;
	default:
		return random64() >> (r >> 8) % 64;
	}
}

static void any_event(struct fp_cubic *cc, u64 *now)
{
	struct fp_cubic_ack a = {
		.acked = any(),
		.rtt = any(),
		.srtt = any(),
		.limited = random64() % 4,
		.round_start = !(random64() % 4),
	};

	switch (random64() % 64) {
	case 0:
		fp_cubic_loss(cc);
		break;
	case 1:
		fp_cubic_ecn(cc);
		break;
	case 2:
		fp_cubic_timeout(cc);
		break;
	case 3:
	case 4:
		fp_cubic_undo(cc);
		break;
	case 5:
		fp_cubic_idle(cc, any(), any());
		break;
	case 6:
		fp_cubic_set_mss(cc, any());
		break;
	case 7:
		*now = any();
		break;
	default:
		*now += any() >> 32;
		fp_cubic_ack(cc, &a, *now);
	}
}

TEST(fuzz)
{
	unsigned int largest = 0, smallest = 0;
	struct fp_cubic cc;
	u64 now = 0;
	int i, n;

	for (i = 0; i < CASES; i++) {
		fp_cubic_init(&cc, any());
		for (n = 0; n < CASES; n++) {
			u32 before = cc.cwnd;

			any_event(&cc, &now);
			ASSERT_TRUE(sane(&cc));
			if (cc.cwnd < before && cc.cwnd < 2 * cc.mss)
				ASSERT_EQ(cc.mss, cc.cwnd);
			ASSERT_GE(1ull << 51, fp_cubic_pacing_rate(&cc, any()));
			largest += cc.cwnd == FP_CWND_MAX;
			smallest += cc.cwnd == cc.mss;
		}
	}
	/* Both ends were reached. */
	EXPECT_LT(100, largest);
	EXPECT_LT(100, smallest);
}

TEST_HARNESS_MAIN
