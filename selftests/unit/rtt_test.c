// SPDX-License-Identifier: GPL-2.0
/* The round-trip time and its timeouts, kmod/rtt.c, built in user space. */
#include <linux/limits.h>

#include "kselftest_harness.h"
#include "rtt.h"
#include "rtt_model.h"

#define CASES	1000	/* of the fuzz test, and samples of each */
#define SECOND	1000000ull
#define MINUTE	(60 * SECOND)

static u64 random64(void)
{
	static u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A path with these samples, one a second. */
static struct fp_rtt sampled(const u32 *samples, size_t n)
{
	struct fp_rtt rtt;
	size_t i;

	fp_rtt_init(&rtt);
	for (i = 0; i < n; i++)
		fp_rtt_sample(&rtt, samples[i], i * SECOND);
	return rtt;
}

TEST(nothing_known)
{
	struct fp_rtt rtt;

	memset(&rtt, 0x55, sizeof(rtt));
	fp_rtt_init(&rtt);
	EXPECT_EQ(0, fp_rtt_srtt(&rtt));
	EXPECT_EQ(0, fp_rtt_min(&rtt));
	EXPECT_EQ(1000000, fp_rtt_rto(&rtt));
	EXPECT_EQ(1000000, fp_rtt_pto(&rtt, false, 25000));
	EXPECT_EQ(1000000, fp_rtt_pto(&rtt, true, 25000));
}

/* RFC 6298, section 2, by hand. */
TEST(rules_of_rfc_6298)
{
	static const struct {
		u32 samples[3];
		size_t n;
		u32 srtt, rto;
	} rules[] = {
		/* SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 * RTTVAR. */
		{ { 100000 }, 1, 100000, 300000 },
		{ { 2000000 }, 1, 2000000, 6000000 },
		/*
		 * RTTVAR = 3/4 * 50000 + 1/4 * |100000 - 180000| = 57500,
		 * SRTT = 7/8 * 100000 + 1/8 * 180000 = 110000
		 */
		{ { 100000, 180000 }, 2, 110000, 340000 },
		/* RTTVAR = 47500, SRTT = 97500. */
		{ { 100000, 180000, 10000 }, 3, 97500, 97500 + 4 * 68125 },
		/* RTTVAR = 3/4 * 50000, SRTT stays. */
		{ { 100000, 100000 }, 2, 100000, 250000 },
		/* Less than the minimum, more than the maximum. */
		{ { 1000 }, 1, 1000, 200000 },
		{ { 30000000 }, 1, 30000000, 60000000 },
	};
	struct fp_rtt rtt;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		rtt = sampled(rules[i].samples, rules[i].n);
		EXPECT_EQ(rules[i].srtt, fp_rtt_srtt(&rtt));
		EXPECT_EQ(rules[i].rto, fp_rtt_rto(&rtt));
	}
}

/* A deviation of nothing still counts as one tick of the clock. */
TEST(granularity)
{
	struct fp_rtt rtt;
	int i;

	fp_rtt_init(&rtt);
	for (i = 0; i < 200; i++)
		fp_rtt_sample(&rtt, 400000, i);
	EXPECT_EQ(400000, fp_rtt_srtt(&rtt));
	EXPECT_EQ(401000, fp_rtt_rto(&rtt));
}

TEST(converges)
{
	struct fp_rtt rtt;
	u32 last, rto;
	int i;

	fp_rtt_init(&rtt);
	fp_rtt_sample(&rtt, 900000, 0);
	last = fp_rtt_srtt(&rtt);
	for (i = 0; i < 200; i++) {
		fp_rtt_sample(&rtt, 300000, 0);
		EXPECT_GE(last, fp_rtt_srtt(&rtt));
		last = fp_rtt_srtt(&rtt);
		EXPECT_LE(300000, last);
	}
	EXPECT_EQ(300000, last);
	rto = fp_rtt_rto(&rtt);
	EXPECT_GE(301004, rto);
	EXPECT_LE(301000, rto);

	/* And up again; from below, it stops within a microsecond. */
	for (i = 0; i < 200; i++)
		fp_rtt_sample(&rtt, 900000, 0);
	EXPECT_LE(899999, fp_rtt_srtt(&rtt));
	EXPECT_GE(900000, fp_rtt_srtt(&rtt));
}

TEST(backoff_doubles_up_to_the_maximum)
{
	u32 sample = 500000, expected;
	struct fp_rtt rtt = sampled(&sample, 1);
	int i;

	for (expected = 1500000; expected < 60000000; expected *= 2) {
		EXPECT_EQ(expected, fp_rtt_rto(&rtt));
		fp_rtt_backoff(&rtt);
	}
	for (i = 0; i < 1000; i++) {
		EXPECT_EQ(60000000, fp_rtt_rto(&rtt));
		fp_rtt_backoff(&rtt);
	}
	fp_rtt_sample(&rtt, 500000, 0);
	EXPECT_EQ(500000 + 4 * 187500, fp_rtt_rto(&rtt));
}

/* The minimum comes first, or a short path would not back off at all. */
TEST(backoff_begins_at_the_minimum)
{
	u32 sample = 50, expected = 200000;
	struct fp_rtt rtt = sampled(&sample, 1);
	int i;

	for (i = 0; i < 20; i++) {
		EXPECT_EQ(expected, fp_rtt_rto(&rtt));
		expected = expected < 30000000 ? 2 * expected : 60000000;
		fp_rtt_backoff(&rtt);
	}
	EXPECT_EQ(60000000, expected);
}

TEST(backoff_without_a_sample)
{
	struct fp_rtt rtt;
	int i;

	fp_rtt_init(&rtt);
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(1000000u << i, fp_rtt_rto(&rtt));
		EXPECT_EQ(1000000, fp_rtt_pto(&rtt, true, 0));
		fp_rtt_backoff(&rtt);
	}
	EXPECT_EQ(60000000, fp_rtt_rto(&rtt));
}

TEST(chosen_limits)
{
	struct fp_rtt rtt;
	int i;

	fp_rtt_init(&rtt);
	fp_rtt_set_limits(&rtt, 3000, 1000, 1000000);
	EXPECT_EQ(3000, fp_rtt_rto(&rtt));
	EXPECT_EQ(3000, fp_rtt_pto(&rtt, true, 0));
	fp_rtt_sample(&rtt, 1, 0);
	EXPECT_EQ(1001, fp_rtt_rto(&rtt));
	for (i = 1; i < 300; i++) {
		fp_rtt_backoff(&rtt);
		EXPECT_EQ(i < 10 ? 1001u << i : 1000000, fp_rtt_rto(&rtt));
	}
	fp_rtt_sample(&rtt, FP_RTT_MAX, 0);
	EXPECT_EQ(1000000, fp_rtt_rto(&rtt));

	/* The initial one is not beyond the others. */
	fp_rtt_init(&rtt);
	fp_rtt_set_limits(&rtt, 1000, 5000, 60000000);
	EXPECT_EQ(5000, fp_rtt_rto(&rtt));
	fp_rtt_set_limits(&rtt, 60000000, 5000, 1000000);
	EXPECT_EQ(1000000, fp_rtt_rto(&rtt));
	EXPECT_EQ(1000000, fp_rtt_pto(&rtt, false, 0));
	/* The greatest back-off of the least timeout is the greatest there is. */
	fp_rtt_set_limits(&rtt, 1000, 1000, 300000000);
	for (i = 0; i < 300; i++)
		fp_rtt_backoff(&rtt);
	EXPECT_EQ(300000000, fp_rtt_rto(&rtt));
}

/* RFC 8985, section 7.2. */
TEST(probe_timeout)
{
	u32 sample = 100000;
	struct fp_rtt rtt = sampled(&sample, 1);

	EXPECT_EQ(200000, fp_rtt_pto(&rtt, false, 25000));
	EXPECT_EQ(225000, fp_rtt_pto(&rtt, true, 25000));
	EXPECT_EQ(200000, fp_rtt_pto(&rtt, true, 0));
	/* The RTO is 300 ms. */
	EXPECT_EQ(300000, fp_rtt_pto(&rtt, true, 100001));
	EXPECT_EQ(300000, fp_rtt_pto(&rtt, true, U32_MAX));
	fp_rtt_backoff(&rtt);
	EXPECT_EQ(300001, fp_rtt_pto(&rtt, true, 100001));
	EXPECT_EQ(200000, fp_rtt_pto(&rtt, false, U32_MAX));
}

TEST(minimum_is_forgotten_in_time)
{
	struct fp_rtt rtt;
	u64 t;

	fp_rtt_init(&rtt);
	fp_rtt_sample(&rtt, 700, 5 * MINUTE);
	fp_rtt_sample(&rtt, 300, 6 * MINUTE);
	fp_rtt_sample(&rtt, 900, 6 * MINUTE);
	EXPECT_EQ(300, fp_rtt_min(&rtt));
	/* Known for two and a half minutes at least, five at most. */
	for (t = 6 * MINUTE; t <= 17 * MINUTE / 2; t += SECOND) {
		fp_rtt_sample(&rtt, 800, t);
		EXPECT_EQ(300, fp_rtt_min(&rtt));
	}
	for (; t <= 11 * MINUTE; t += SECOND)
		fp_rtt_sample(&rtt, 800, t);
	EXPECT_EQ(800, fp_rtt_min(&rtt));
	/* A lesser one counts at once, after a long silence any does. */
	fp_rtt_sample(&rtt, 200, t);
	EXPECT_EQ(200, fp_rtt_min(&rtt));
	fp_rtt_sample(&rtt, 5000, t + 5 * MINUTE);
	EXPECT_EQ(5000, fp_rtt_min(&rtt));
}

/* The least of the samples since @since. */
static u32 least(const u32 *samples, const u64 *times, int n, u64 since)
{
	u32 min = U32_MAX;

	while (n-- && times[n] > since)
		min = samples[n] < min ? samples[n] : min;
	return min;
}

TEST(minimum_covers_half_the_window_at_least)
{
	u32 samples[CASES];
	u64 times[CASES], now = 10 * MINUTE;
	struct fp_rtt rtt;
	int i;

	fp_rtt_init(&rtt);
	for (i = 0; i < CASES; i++) {
		now += random64() % (random64() % 100 ? 10 : 400) * SECOND;
		times[i] = now;
		samples[i] = 1 + random64() % 100000;
		fp_rtt_sample(&rtt, samples[i], now);
		ASSERT_GE(least(samples, times, i + 1, now - 150 * SECOND),
			  fp_rtt_min(&rtt));
		ASSERT_LE(least(samples, times, i + 1, now - 300 * SECOND),
			  fp_rtt_min(&rtt));
	}
}

TEST(extremes)
{
	static const u32 samples[] = { 0, 1, U32_MAX, U32_MAX - 1, 1u << 31 };
	struct fp_rtt rtt;
	size_t i, j;
	int n;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		for (j = 0; j < ARRAY_SIZE(samples); j++) {
			fp_rtt_init(&rtt);
			for (n = 0; n < 300; n++) {
				fp_rtt_sample(&rtt, samples[n & 1 ? i : j],
					      n & 2 ? 0 : U64_MAX);
				ASSERT_LE(1, fp_rtt_srtt(&rtt));
				ASSERT_GE(FP_RTT_MAX, fp_rtt_srtt(&rtt));
				ASSERT_LE(200000, fp_rtt_rto(&rtt));
				ASSERT_GE(60000000, fp_rtt_rto(&rtt));
			}
			ASSERT_GE(fp_rtt_rto(&rtt),
				  fp_rtt_pto(&rtt, true, U32_MAX));
		}
	}
	fp_rtt_init(&rtt);
	fp_rtt_sample(&rtt, 0, 0);
	EXPECT_EQ(1, fp_rtt_srtt(&rtt));
	EXPECT_EQ(1, fp_rtt_min(&rtt));
	for (n = 0; n < 300; n++)
		fp_rtt_sample(&rtt, U32_MAX, 0);
	EXPECT_LE(FP_RTT_MAX - 1, fp_rtt_srtt(&rtt));
	EXPECT_EQ(60000000, fp_rtt_rto(&rtt));
}

TEST(fuzz)
{
	int i, n;

	for (i = 0; i < CASES; i++) {
		u32 scale = 1 + random64() % (1u << random64() % 26);
		struct rtt_model model = {
			.rto_min = 200000,
			.rto_max = 60000000,
		};
		struct fp_rtt rtt;

		fp_rtt_init(&rtt);
		for (n = 0; n < CASES; n++) {
			u32 sample = 1 + random64() % scale;

			if (n && !(random64() % 8)) {
				fp_rtt_backoff(&rtt);
				model.backoff++;
			} else {
				fp_rtt_sample(&rtt, sample, n);
				rtt_model_sample(&model, sample);
			}
			ASSERT_GT(2, distance(model.srtt, fp_rtt_srtt(&rtt)));
			ASSERT_GT(16 << rtt.backoff,
				  distance(rtt_model_rto(&model),
					   fp_rtt_rto(&rtt)));
			ASSERT_EQ(model.min, fp_rtt_min(&rtt));
		}
	}
}

TEST_HARNESS_MAIN
