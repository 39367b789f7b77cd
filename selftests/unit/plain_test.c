// SPDX-License-Identifier: GPL-2.0
/*
 * The shortcut of kmod/txwin.c for an ordinary acknowledgment does the same as what
 * takes any: two windows with the same history, one of which never uses it.
 */
#include "kselftest_harness.h"

/* Another copy of it, to get at what is static there. */
#define fp_txwin_init		own_init
#define fp_txwin_resume		own_resume
#define fp_txwin_move		own_move
#define fp_txwin_frame		own_frame
#define fp_txwin_queue		own_queue
#define fp_txwin_sent		own_sent
#define fp_txwin_ack		own_ack
#define fp_txwin_detect		own_detect
#define fp_txwin_timeout	own_timeout
#define fp_txwin_probe		own_probe
#define fp_txwin_probe_new	own_probe_new

#include "txwin_model.h"
#include "txwin.c"

#define SEEDS	300
#define FRAMES	600
#define SIZE	64
#define RTT	20000

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

/* A window, what it has sent, and what it was told of that. */
struct side {
	struct fp_txwin w;
	struct fp_txframe *ring[SIZE];
	struct fp_txframe frames[FRAMES];
	unsigned int acked[FRAMES];
	u64 order;	/* in which it was told, in a sum */
};

static struct side shortcut, detour;

static void on_acked(struct fp_txwin *w, struct fp_txframe *frame)
{
	struct side *side = (struct side *)w;

	side->acked[frame->seq]++;
	side->order = side->order * 31 + frame->seq;
}

static void begin(struct side *side, u64 first)
{
	memset(side, 0, sizeof(*side));
	fp_txwin_init(&side->w, side->ring, SIZE, on_acked);
	/* A part of the histories goes on from another one. */
	if (first)
		fp_txwin_resume(&side->w, first, first, first);
}

static void send_one(struct side *side, u32 bytes, u64 now)
{
	struct fp_txframe *frame = fp_txwin_next(&side->w);

	if (!frame && !fp_txwin_room(&side->w))
		return;
	if (!frame) {
		frame = &side->frames[side->w.end];
		frame->bytes = bytes;
		fp_txwin_queue(&side->w, frame);
	}
	fp_txwin_sent(&side->w, frame, now);
}

static void probe(struct side *side, u64 now)
{
	struct fp_txframe *frame = fp_txwin_probe(&side->w);

	if (frame)
		fp_txwin_sent(&side->w, frame, now);
}

/* A list, its members' numbers in a sum. */
static u64 sum_of(const struct list_head *list)
{
	const struct fp_txframe *frame;
	u64 sum = 1;

	list_for_each_entry(frame, list, link)
		sum = sum * 31 + frame->seq;
	return sum;
}

/* What is not the same in both; or NULL. */
static const char *differs(void)
{
	static const struct {
		const char *name;
		size_t at, len;
	} fields[] = {
#define FIELD(name) { #name, offsetof(struct fp_txwin, name), \
		      sizeof(((struct fp_txwin *)NULL)->name) }
		FIELD(mask), FIELD(flight), FIELD(una), FIELD(next), FIELD(end),
		FIELD(lost_bytes), FIELD(lost_nr), FIELD(sacked), FIELD(oldest),
		FIELD(recovery), FIELD(reduced), FIELD(eifel_seq),
		FIELD(eifel_sent), FIELD(probe_seq), FIELD(probe_sent),
		FIELD(ce), FIELD(dup), FIELD(eifel), FIELD(probe_dup),
		FIELD(in_recovery), FIELD(rack.sent), FIELD(rack.seq),
		FIELD(rack.fack), FIELD(rack.dup_round), FIELD(rack.min_stamp),
		FIELD(rack.rtt), FIELD(rack.min_rtt), FIELD(rack.wnd_mult),
		FIELD(rack.wnd_persist), FIELD(rack.reordered),
	};
	const struct fp_txwin *a = &shortcut.w, *b = &detour.w;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (memcmp((const char *)a + fields[i].at,
			   (const char *)b + fields[i].at, fields[i].len))
			return fields[i].name;
	}
	if (sum_of(&a->flight_list) != sum_of(&b->flight_list) ||
	    sum_of(&a->lost_list) != sum_of(&b->lost_list))
		return "lists";
	for (i = 0; i < FRAMES; i++) {
		const struct fp_txframe *f = &shortcut.frames[i];
		const struct fp_txframe *g = &detour.frames[i];

		if (f->seq != g->seq || f->sent != g->sent ||
		    f->bytes != g->bytes || f->state != g->state ||
		    f->transmissions != g->transmissions ||
		    shortcut.acked[i] != detour.acked[i])
			return "frames";
	}
	return shortcut.order == detour.order ? NULL : "order";
}

/* An acknowledgment of any kind, but most often of the next frame alone. */
static void invent(struct fp_tx_ack *a, struct fp_range *ranges, u64 now)
{
	const struct fp_txwin *w = &shortcut.w;
	int i;

	*a = (struct fp_tx_ack) {
		.ack = w->una + (w->una < w->next),
		.ts_echo = now - random64() % (2 * RTT),
		.ce = w->ce,
		.dup = w->dup,
		.ranges = ranges,
	};
	if (chance(30))
		a->delay = random64() >> random64() % 64;
	if (chance(10))
		a->ts_echo = random64();
	if (chance(5))
		a->ack = w->una + random64() % 5 - (w->una > 0);
	if (chance(2))
		a->dup += random64() % 3 - 1;
	if (chance(2))
		a->ce += random64() % 3 - 1;
	if (chance(3))
		a->nr = 1 + random64() % 3;
	for (i = 0; i < a->nr; i++) {
		ranges[i].begin = a->ack + 1 + random64() % 9;
		ranges[i].end = ranges[i].begin + 1 + random64() % 4;
	}
}

/* What happens between two acknowledgments. */
static u64 go_on(u64 now)
{
	struct fp_tx_result res;
	u32 nr, bytes;

	for (nr = chance(60) ? 1 : random64() % 8; nr; nr--) {
		bytes = 1 + random64() % 1500;
		send_one(&shortcut, bytes, now);
		send_one(&detour, bytes, now);
		now += chance(50) ? random64() % 50 : 0;
	}
	/* Now and then a long time, in which the least RTT grows old. */
	now += chance(1) ? random64() % (3 * MIN_RTT_AGE) : random64() % RTT;
	if (chance(1)) {
		fp_txwin_timeout(&shortcut.w);
		fp_txwin_timeout(&detour.w);
	}
	if (chance(2)) {
		probe(&shortcut, now);
		probe(&detour, now);
	}
	if (chance(3)) {
		fp_txwin_detect(&shortcut.w, RTT, now, &res);
		fp_txwin_detect(&detour.w, RTT, now, &res);
	}
	return now;
}

TEST(as_any_acknowledgment)
{
	unsigned int plain = 0, others = 0, lost = 0, refused = 0, seed;

	for (seed = 1; seed <= SEEDS; seed++) {
		struct fp_range ranges[FP_TX_RANGES];
		struct fp_tx_result a, b;
		struct fp_tx_ack ack;
		u64 now = 1ull << 40, then;
		u32 srtt;
		int err;

		state = seed * 0x9e3779b97f4a7c15;
		begin(&shortcut, seed % 3 ? 0 : 7);
		begin(&detour, seed % 3 ? 0 : 7);
		while (shortcut.w.end < FRAMES - SIZE) {
			now = go_on(now);
			/* Clocks of two CPUs may differ. */
			then = chance(2) ? now - random64() % (2 * RTT) : now;
			invent(&ack, ranges, then);
			if (is_plain(&shortcut.w, &ack))
				plain++;
			else
				others++;
			srtt = chance(80) ? RTT : 0;
			memset(&a, 0x55, sizeof(a));
			memset(&b, 0x55, sizeof(b));
			err = fp_txwin_ack(&shortcut.w, &ack, srtt, then, &a);
			ASSERT_EQ(err, ack_any(&detour.w, &ack, srtt, then, &b));
			/* Padding included: all of it was cleared. */
			ASSERT_EQ(0, memcmp(&a, &b, sizeof(a)));
			ASSERT_EQ(NULL, differs()) {
				TH_LOG("seed %u: %s", seed, differs());
			}
			ASSERT_EQ(NULL, broken(&shortcut.w, shortcut.acked));
			lost += !err && a.new_lost;
			refused += !!err;
		}
	}
	TH_LOG("plain: %u, others: %u, with losses: %u, refused: %u", plain,
	       others, lost, refused);
	EXPECT_LT(10000, plain);
	EXPECT_LT(10000, others);
	EXPECT_LT(1000, lost);
	EXPECT_LT(1000, refused);
}

TEST_HARNESS_MAIN
