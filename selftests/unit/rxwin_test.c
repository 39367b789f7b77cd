// SPDX-License-Identifier: GPL-2.0
/* The receive window, kmod/rxwin.c, built in user space. */
#include "kselftest_harness.h"
#include "rxwin.h"

#define SPACE	2048	/* sequence numbers that the model knows */
#define REACH	300	/* how far ahead of the window a frame may be */
#define SEEDS	64

static u64 state;

static u64 random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* What came, a byte a frame; the last one never comes. */
static unsigned char came[SPACE + 1];

static u64 model_next(void)
{
	u64 seq = 0;

	while (came[seq])
		seq++;
	return seq;
}

static unsigned int model_ranges(struct fp_range *out)
{
	unsigned int nr = 0;
	u64 seq;

	for (seq = model_next(); seq < SPACE; seq++) {
		if (!came[seq])
			continue;
		out[nr].begin = seq;
		while (came[seq])
			seq++;
		out[nr++].end = seq;
	}
	return nr;
}

static enum fp_rxwin_result model_add(u64 seq, u64 limit)
{
	static struct fp_range ranges[SPACE];
	u64 next = model_next();

	if (came[seq])
		return FP_RXWIN_OLD;
	if (seq >= limit)
		return FP_RXWIN_FULL;
	came[seq] = 1;
	if (seq == next)
		return FP_RXWIN_NEXT;
	if (model_ranges(ranges) <= FP_RXWIN_RANGES)
		return FP_RXWIN_AHEAD;
	came[seq] = 0;
	return FP_RXWIN_FULL;
}

static bool same(const struct fp_range *a, const struct fp_range *b,
		 unsigned int nr)
{
	return !memcmp(a, b, nr * sizeof(*a));
}

/* The order that is promised, made of sorted ranges. */
static unsigned int model_report(const struct fp_range *ranges,
				 unsigned int nr, u64 newest,
				 struct fp_range *out)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		if (newest >= ranges[i].begin && newest < ranges[i].end)
			out[n++] = ranges[i];
	}
	for (i = 0; i < nr; i++) {
		if (newest < ranges[i].begin || newest >= ranges[i].end)
			out[n++] = ranges[i];
	}
	return n;
}

TEST(in_order)
{
	struct fp_range out[1];
	struct fp_rxwin w;
	u64 seq;

	fp_rxwin_init(&w);
	for (seq = 0; seq < 1000; seq++) {
		ASSERT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, seq, seq + 1));
		ASSERT_EQ(seq + 1, w.next);
		ASSERT_EQ(FP_RXWIN_OLD, fp_rxwin_add(&w, seq, seq + 9));
		ASSERT_EQ(FP_RXWIN_OLD, fp_rxwin_add(&w, 0, seq + 9));
	}
	EXPECT_EQ(0, w.nr);
	EXPECT_EQ(0, fp_rxwin_report(&w, out, 1));
}

TEST(gaps_close)
{
	struct fp_rxwin w;

	fp_rxwin_init(&w);
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 3, 100));
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 1, 100));
	EXPECT_EQ(2, w.nr);
	EXPECT_EQ(FP_RXWIN_OLD, fp_rxwin_add(&w, 3, 100));
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 2, 100));
	ASSERT_EQ(1, w.nr);
	EXPECT_EQ(1, w.ranges[0].begin);
	EXPECT_EQ(4, w.ranges[0].end);
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 5, 100));
	EXPECT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, 0, 100));
	EXPECT_EQ(4, w.next);
	EXPECT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, 4, 100));
	EXPECT_EQ(6, w.next);
	EXPECT_EQ(0, w.nr);
	EXPECT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, 6, 100));
	EXPECT_EQ(7, w.next);
}

TEST(limit)
{
	struct fp_rxwin w;

	fp_rxwin_init(&w);
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, 0, 0));
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, 10, 10));
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, 11, 10));
	EXPECT_EQ(0, w.next);
	EXPECT_EQ(0, w.nr);
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 9, 10));
	EXPECT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, 0, 10));
	/* What came stays a duplicate, whatever the limit is now. */
	EXPECT_EQ(FP_RXWIN_OLD, fp_rxwin_add(&w, 0, 0));
}

TEST(end_of_the_numbers)
{
	struct fp_rxwin w;

	fp_rxwin_init(&w);
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, ~0ull, ~0ull));
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, ~0ull - 1, ~0ull));
	ASSERT_EQ(1, w.nr);
	EXPECT_EQ(~0ull, w.ranges[0].end);
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, ~0ull, ~0ull));
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, ~0ull - 2, ~0ull));
	EXPECT_EQ(FP_RXWIN_OLD, fp_rxwin_add(&w, ~0ull - 1, ~0ull));

	w.next = ~0ull - 3;
	EXPECT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, ~0ull - 3, ~0ull));
	EXPECT_EQ(~0ull, w.next);
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, ~0ull, ~0ull));
	EXPECT_EQ(FP_RXWIN_OLD, fp_rxwin_add(&w, ~0ull - 1, ~0ull));
	EXPECT_EQ(~0ull, w.next);
}

TEST(one_range_too_many)
{
	struct fp_rxwin w, before;
	unsigned int i;

	fp_rxwin_init(&w);
	for (i = 0; i < FP_RXWIN_RANGES; i++)
		ASSERT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 2 + 3 * i, 1000));
	before = w;
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, 2 + 3 * i, 1000));
	EXPECT_EQ(FP_RXWIN_FULL, fp_rxwin_add(&w, 999, 1000));
	EXPECT_EQ(0, memcmp(&before, &w, sizeof(w)));
	/* What needs no range is taken. */
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 3 * i, 1000));
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 1, 1000));
	EXPECT_EQ(FP_RXWIN_RANGES, w.nr);
	/* And what makes room. */
	EXPECT_EQ(FP_RXWIN_NEXT, fp_rxwin_add(&w, 0, 1000));
	EXPECT_EQ(FP_RXWIN_RANGES - 1, w.nr);
	EXPECT_EQ(3, w.next);
	EXPECT_EQ(FP_RXWIN_AHEAD, fp_rxwin_add(&w, 999, 1000));
	EXPECT_EQ(FP_RXWIN_RANGES, w.nr);
}

static void expect_report(struct __test_metadata *_metadata,
			  const struct fp_rxwin *w, const u64 *begins,
			  unsigned int nr)
{
	struct fp_range out[FP_RXWIN_RANGES];
	unsigned int i;

	for (i = 0; i <= nr; i++)
		ASSERT_EQ(i, fp_rxwin_report(w, out, i));
	ASSERT_EQ(nr, fp_rxwin_report(w, out, FP_RXWIN_RANGES));
	for (i = 0; i < nr; i++)
		EXPECT_EQ(begins[i], out[i].begin);
}

TEST(newest_range_is_reported_first)
{
	struct fp_rxwin w;

	fp_rxwin_init(&w);
	fp_rxwin_add(&w, 20, 100);
	fp_rxwin_add(&w, 10, 100);
	expect_report(_metadata, &w, (u64[]){ 10, 20 }, 2);
	fp_rxwin_add(&w, 30, 100);
	expect_report(_metadata, &w, (u64[]){ 30, 10, 20 }, 3);
	fp_rxwin_add(&w, 21, 100);
	expect_report(_metadata, &w, (u64[]){ 20, 10, 30 }, 3);
	/* A duplicate is an arrival, too. */
	fp_rxwin_add(&w, 30, 100);
	expect_report(_metadata, &w, (u64[]){ 30, 10, 20 }, 3);
	/* The window goes on: the same range in another place. */
	fp_rxwin_add(&w, 0, 100);
	expect_report(_metadata, &w, (u64[]){ 30, 10, 20 }, 3);
	w.next = 9;
	fp_rxwin_add(&w, 9, 100);
	ASSERT_EQ(11, w.next);
	expect_report(_metadata, &w, (u64[]){ 30, 20 }, 2);
	w.next = 29;
	w.nr = 1;
	w.ranges[0] = w.ranges[1];
	w.newest = 0;
	fp_rxwin_add(&w, 29, 100);
	expect_report(_metadata, &w, NULL, 0);
}

static u64 pick(const struct fp_rxwin *w)
{
	u64 r = random64();
	u64 seq = w->next;

	switch (r & 7) {
	case 0:
		return (r >> 8) % (w->next + 1);
	case 1:
		seq += (r >> 8) % (REACH + 2);
		break;
	case 2:
	case 3:
		if (w->nr)
			seq = w->ranges[(r >> 8) % w->nr].end;
		break;
	case 4:
		seq += (r >> 8) % 8;
		break;
	default:
		/* Every other one: many ranges. */
		seq += (r >> 8) % REACH & ~1;
	}
	return seq < SPACE ? seq : SPACE - 1;
}

TEST(agrees_with_a_bitmap)
{
	static struct fp_range ranges[SPACE], expected[SPACE];
	unsigned int count[FP_RXWIN_FULL + 1] = { 0 };
	unsigned int seed, most = 0;

	for (seed = 1; seed <= SEEDS; seed++) {
		u64 newest = SPACE;
		struct fp_rxwin w;
		int i;

		state = seed * 0x9e3779b97f4a7c15;
		memset(came, 0, sizeof(came));
		fp_rxwin_init(&w);
		for (i = 0; i < 1500; i++) {
			struct fp_range out[FP_RXWIN_RANGES];
			u64 seq = pick(&w), limit = w.next + REACH;
			enum fp_rxwin_result result;
			unsigned int nr, max;

			/* A hole that lasts, so that ranges gather. */
			if (seq == w.next && random64() % 16 >= seed % 16 + 1)
				seq++;
			if (limit > SPACE - 1)
				limit = SPACE - 1;
			result = model_add(seq, limit);
			ASSERT_EQ(result, fp_rxwin_add(&w, seq, limit));
			count[result]++;
			ASSERT_EQ(model_next(), w.next);
			nr = model_ranges(ranges);
			ASSERT_EQ(nr, w.nr);
			ASSERT_TRUE(same(ranges, w.ranges, nr));
			most = nr > most ? nr : most;
			if (seq > w.next && result != FP_RXWIN_FULL)
				newest = seq;
			max = random64() % (FP_RXWIN_RANGES + 1);
			nr = model_report(ranges, nr, newest, expected);
			if (nr > max)
				nr = max;
			ASSERT_EQ(nr, fp_rxwin_report(&w, out, max));
			/* Which comes first is not told after it is gone. */
			if (newest > w.next)
				ASSERT_TRUE(same(expected, out, nr));
		}
	}
	/* Every answer came often enough to mean something. */
	for (seed = 0; seed <= FP_RXWIN_FULL; seed++)
		EXPECT_LT(10 * SEEDS, count[seed]);
	EXPECT_EQ(FP_RXWIN_RANGES, most);
}

TEST_HARNESS_MAIN
