// SPDX-License-Identifier: GPL-2.0
/*
 * kmod/txwin.c and kmod/rxwin.c, a sender and a receiver, with a network in
 * between that loses, repeats and reorders as the case says, and a peer that
 * lies if it says so. What the sender concludes is compared with a model that
 * goes through all frames each time: what came, and what is lost by the
 * pseudocode of RFC 8985, section 6.2.
 */
#include <errno.h>
#include <linux/limits.h>
#include <string.h>

#include "fuzz.h"
#include "rxwin.h"
#include "steps.h"
#include "txwin.h"
#include "txwin_model.h"

#define FRAMES	1024	/* of a case */
#define RING	512	/* the largest */
#define PACKETS	96	/* under way in one direction */
#define REACH	200	/* that the receiver allows */

/* A frame as the model has it. */
struct sent {
	u64 first;	/* when it was sent first */
	u64 when;	/* and last */
	u32 bytes;
	u32 times;
	u8 state;
};

struct packet {
	u64 seq;
	u32 ts;
	struct fp_tx_ack ack;
	struct fp_range ranges[FP_TX_RANGES];
};

struct network {
	struct packet packets[PACKETS];
	unsigned int nr;
};

/* RACK's variables, RFC 8985, section 5.3. */
struct rack {
	u64 sent, seq, fack, min_stamp;
	u32 rtt, min_rtt;
	bool reordered;
};

static struct world {
	struct fp_txwin tx;
	struct fp_rxwin rx;
	struct fp_txframe frames[FRAMES];
	struct fp_txframe *rings[2][RING];
	struct sent sent[FRAMES];
	unsigned int acked[FRAMES];
	bool came[FRAMES];
	struct network data, acks;
	struct rack rack;
	u64 now, reduced, order, refused;
	unsigned long cost, budget;
	u32 srtt;
	u16 ce;
	u8 dups;
	bool lied, probed, which;
} world;

static unsigned long seen_resent, seen_lost, seen_again, seen_spurious,
		     seen_repaired, seen_reordered, seen_refused, seen_old,
		     seen_full, seen_far, seen_marks, seen_moved, seen_done;

static void on_acked(struct fp_txwin *w, struct fp_txframe *frame)
{
	struct world *o = &world;

	FUZZ_CHECK(w == &o->tx);
	FUZZ_CHECK(frame == &o->frames[frame->seq]);
	/* In the order of the numbers, and each once. */
	FUZZ_CHECK(o->order == U64_MAX || frame->seq > o->order);
	FUZZ_CHECK(!o->acked[frame->seq]++);
	o->order = frame->seq;
}

static bool in_flight(const struct sent *s)
{
	return s->state == FP_TXFRAME_FLIGHT;
}

/* The window is what the model says. */
static void check_window(struct world *o)
{
	const char *what = broken(&o->tx, o->acked);
	const struct fp_txframe *frame;
	u64 seq;

	if (what) {
		fprintf(stderr, "window: %s\n", what);
		abort();
	}
	for (seq = o->tx.una; seq < o->tx.end; seq++) {
		frame = fp_txwin_frame(&o->tx, seq);
		if (o->sent[seq].state == FP_TXFRAME_ACKED) {
			FUZZ_CHECK(!frame);
			continue;
		}
		FUZZ_CHECK(frame && frame->state == o->sent[seq].state);
		FUZZ_CHECK(frame->sent == o->sent[seq].when);
		/* No echo that is older is believed. */
		FUZZ_CHECK(seq >= o->tx.next ||
			   o->sent[seq].first >= o->tx.oldest);
	}
}

static bool is_sent_after(u64 t1, u64 seq1, u64 t2, u64 seq2)
{
	return t1 > t2 || (t1 == t2 && seq1 > seq2);
}

static void put(struct network *net, const struct packet *packet)
{
	if (net->nr < PACKETS)
		net->packets[net->nr++] = *packet;
}

/* Any of those under way, which may come once more. */
static bool take(struct fuzz *f, struct network *net, struct packet *packet)
{
	unsigned int i;

	if (!net->nr)
		return false;
	i = fuzz_chance(f, 60) ? 0 : fuzz_below(f, net->nr);
	*packet = net->packets[i];
	if (fuzz_chance(f, 10))
		return true;
	net->nr--;
	memmove(net->packets + i, net->packets + i + 1,
		(net->nr - i) * sizeof(*net->packets));
	return true;
}

static u64 first_of(const struct world *o, u8 state)
{
	u64 seq = o->tx.una;

	while (seq < o->tx.end && o->sent[seq].state != state)
		seq++;
	return seq;
}

static void transmit(struct world *o, struct fp_txframe *frame, bool lose)
{
	struct sent *s = &o->sent[frame->seq];
	struct packet packet = { .seq = frame->seq, .ts = o->now };

	fp_txwin_sent(&o->tx, frame, o->now);
	s->state = FP_TXFRAME_FLIGHT;
	s->when = o->now;
	if (!s->times++)
		s->first = o->now;
	seen_resent += s->times > 1;
	if (!lose)
		put(&o->data, &packet);
}

static bool send_one(struct world *o, u32 bytes, bool lose)
{
	struct fp_txframe *frame = fp_txwin_next(&o->tx);
	u64 seq = first_of(o, FP_TXFRAME_LOST);

	if (seq == o->tx.end)
		seq = first_of(o, FP_TXFRAME_QUEUED);
	if (seq == o->tx.end) {
		FUZZ_CHECK(!frame);
		if (!fp_txwin_room(&o->tx) || seq == FRAMES)
			return false;
		frame = &o->frames[seq];
		frame->bytes = bytes;
		o->sent[seq].bytes = bytes;
		fp_txwin_queue(&o->tx, frame);
		FUZZ_CHECK(fp_txwin_next(&o->tx) == frame);
	}
	FUZZ_CHECK(frame == &o->frames[seq]);
	transmit(o, frame, lose);
	return true;
}

static void send_some(struct fuzz *f, struct world *o)
{
	unsigned int nr = 1 + fuzz_below(f, fuzz_chance(f, 20) ? 64 : 8);
	unsigned int gap = fuzz_chance(f, 50) ? 0 : fuzz_below(f, 100);
	unsigned int loss = fuzz_chance(f, 70) ? 0 : 40;
	bool comb = fuzz_chance(f, 5);

	/* Every other one: more gaps than the receiver has room for. */
	nr = comb ? 160 : nr;
	while (nr--) {
		if (!send_one(o, 1 + fuzz_below(f, 1500),
			      comb ? nr & 1 : fuzz_chance(f, loss)))
			return;
		o->now += gap;
	}
}

/* What the receiver has, by what came. */
static void check_receiver(const struct world *o)
{
	unsigned int i, nr = 0;
	u64 seq = o->rx.next;

	FUZZ_CHECK(!o->came[seq]);
	for (i = 0; i < o->rx.nr; i++) {
		const struct fp_range *range = &o->rx.ranges[i];

		FUZZ_CHECK(range->begin > seq && range->begin < range->end);
		for (; seq < range->begin; seq++)
			FUZZ_CHECK(!o->came[seq]);
		for (; seq < range->end; seq++, nr++)
			FUZZ_CHECK(o->came[seq]);
	}
	for (; seq < FRAMES; seq++)
		FUZZ_CHECK(!o->came[seq]);
}

static void data_comes(struct fuzz *f, struct world *o)
{
	struct packet packet, reply = { 0 };
	enum fp_rxwin_result result;

	if (!take(f, &o->data, &packet))
		return;
	result = fp_rxwin_add(&o->rx, packet.seq, o->rx.next + REACH);
	FUZZ_CHECK((result == FP_RXWIN_OLD) == o->came[packet.seq]);
	if (result == FP_RXWIN_FULL)
		FUZZ_CHECK(o->rx.nr == FP_RXWIN_RANGES ||
			   packet.seq >= o->rx.next + REACH);
	else
		o->came[packet.seq] = true;
	o->dups += result == FP_RXWIN_OLD;
	o->ce += fuzz_chance(f, 3);
	seen_old += result == FP_RXWIN_OLD;
	seen_full += result == FP_RXWIN_FULL && o->rx.nr == FP_RXWIN_RANGES;
	seen_far += result == FP_RXWIN_FULL &&
		    packet.seq >= o->rx.next + REACH;
	check_receiver(o);
	reply.ack.ack = o->rx.next;
	reply.ack.ts_echo = packet.ts;
	reply.ack.delay = fuzz_below(f, 50);
	reply.ack.dup = o->dups;
	reply.ack.ce = o->ce;
	reply.ack.nr = fp_rxwin_report(&o->rx, reply.ranges, FP_TX_RANGES);
	if (!fuzz_chance(f, 30))
		put(&o->acks, &reply);
}

static void all_comes(struct fuzz *f, struct world *o)
{
	unsigned int nr = o->data.nr;

	while (nr--)
		data_comes(f, o);
}

/* Would an honest receiver say this? */
static bool may_be(const struct world *o, const struct fp_tx_ack *ack)
{
	unsigned int i, j;

	if (ack->ack > o->tx.next || ack->nr > FP_TX_RANGES)
		return false;
	for (i = 0; i < ack->nr; i++) {
		const struct fp_range *a = &ack->ranges[i];

		if (a->begin <= ack->ack || a->begin >= a->end ||
		    a->end > o->tx.next)
			return false;
		for (j = 0; j < i; j++)
			if (a->begin < ack->ranges[j].end &&
			    ack->ranges[j].begin < a->end)
				return false;
	}
	return true;
}

static bool is_told(const struct fp_tx_ack *ack, u64 seq)
{
	unsigned int i;

	for (i = 0; i < ack->nr; i++)
		if (seq >= ack->ranges[i].begin && seq < ack->ranges[i].end)
			return true;
	return seq < ack->ack;
}

/* When what caused it was sent, if that can be; else 0. */
static u64 echo_of(const struct world *o, const struct fp_txwin *before,
		   const struct fp_tx_ack *ack)
{
	u32 elapsed = (u32)o->now - ack->ts_echo;

	if (o->now < before->oldest || elapsed > o->now - before->oldest ||
	    ack->delay > elapsed)
		return 0;
	return o->now - elapsed;
}

/* What one acknowledgment tells that is new. */
struct news {
	u64 echo;
	u64 acked_bytes;
	unsigned int nr;
	u32 plain;	/* least time of a frame that was sent once */
	u32 rtt;
	bool any_rack;
	bool doubtful;	/* a reason to think that a loss was none */
};

/* Steps 2 and 3 for one frame; they come by rising numbers. */
static void rack_acked(struct world *o, u64 seq, struct news *n,
		       struct rack *rack, struct sent *newest)
{
	const struct sent *s = &o->sent[seq];
	u32 rtt = FP_TX_NO_RTT - 1;

	if (o->now - s->when < rtt)
		rtt = o->now - s->when;
	if (seq >= rack->fack)
		rack->fack = seq + 1;
	else if (s->times == 1)
		rack->reordered = true;
	if (s->times == 1 && rtt < n->plain)
		n->plain = rtt;
	if (s->times > 1 && ((n->echo && n->echo < s->when) ||
			     (rack->min_rtt != FP_TX_NO_RTT &&
			      rtt < rack->min_rtt)))
		return;
	if (!n->any_rack || s->when >= newest->when) {
		*newest = *s;
		n->rtt = rtt;
		if (is_sent_after(s->when, seq, rack->sent, rack->seq)) {
			rack->sent = s->when;
			rack->seq = seq;
		}
	}
	n->any_rack = true;
}

/* All that came is marked; RACK's steps 1 to 3. */
static struct news mark_acked(struct world *o, const struct fp_tx_ack *ack,
			      u64 echo, u64 una)
{
	struct news n = { .echo = echo, .plain = FP_TX_NO_RTT };
	struct rack *rack = &o->rack;
	struct sent newest = { 0 };
	u64 seq;

	for (seq = una; seq < o->tx.next; seq++) {
		struct sent *s = &o->sent[seq];

		if (s->state == FP_TXFRAME_ACKED || !is_told(ack, seq))
			continue;
		rack_acked(o, seq, &n, rack, &newest);
		n.doubtful |= s->times == 1 && s->state == FP_TXFRAME_LOST;
		n.doubtful |= s->times > 1 && echo && echo < s->when;
		s->state = FP_TXFRAME_ACKED;
		n.acked_bytes += s->bytes;
		n.nr++;
	}
	if (n.any_rack)
		rack->rtt = n.rtt;
	if (echo)
		n.plain = (u32)o->now - ack->ts_echo - ack->delay;
	if (n.nr && n.plain != FP_TX_NO_RTT &&
	    (n.plain <= rack->min_rtt ||
	     o->now - rack->min_stamp > 300000000)) {
		rack->min_rtt = n.plain;
		rack->min_stamp = o->now;
	}
	return n;
}

/* Step 4, but for how large the window has become by duplicates. */
static u64 reordering_window(const struct world *o, bool in_recovery)
{
	u64 wnd = (u64)o->rack.min_rtt * o->tx.rack.wnd_mult / 4;

	if (!o->rack.reordered && (in_recovery || o->tx.sacked >= 3))
		return 0;
	if (o->rack.min_rtt == FP_TX_NO_RTT)
		return o->srtt;
	return o->srtt && wnd > o->srtt ? o->srtt : wnd;
}

/* Was something that was sent later delivered? */
static bool is_passed(const struct world *o, u64 seq)
{
	const struct sent *s = &o->sent[seq];

	return in_flight(s) && is_sent_after(o->rack.sent, o->rack.seq,
					     s->when, seq);
}

/* Is it so by step 5? */
static bool is_lost(const struct world *o, u64 seq, u64 patience)
{
	return is_passed(o, seq) && o->sent[seq].when + patience <= o->now;
}

/*
 * Of frames that were sent in the same microsecond, the sender may leave for
 * later those behind one that was not passed.
 */
static bool is_behind(const struct world *o, u64 seq)
{
	u64 other;

	for (other = o->tx.una; other < o->tx.next; other++)
		if (in_flight(&o->sent[other]) &&
		    o->sent[other].when == o->sent[seq].when &&
		    !is_passed(o, other))
			return true;
	return false;
}

/* Step 5, for each frame; and when to look again. */
static void check_losses(struct world *o, const struct fp_tx_result *res,
			 bool in_recovery)
{
	u64 patience = o->rack.rtt + reordering_window(o, in_recovery);
	u64 seq, lost_bytes = 0, check = 0;
	const struct fp_txframe *frame;
	bool again = false, left = false, behind;

	for (seq = o->tx.una; seq < o->tx.next; seq++) {
		frame = fp_txwin_frame(&o->tx, seq);
		if (!in_flight(&o->sent[seq]))
			continue;
		FUZZ_CHECK(frame);
		if (frame->state == FP_TXFRAME_FLIGHT) {
			behind = is_passed(o, seq) && is_behind(o, seq);
			left |= behind;
			FUZZ_CHECK(behind || !is_lost(o, seq, patience));
			continue;
		}
		FUZZ_CHECK(is_lost(o, seq, patience));
		lost_bytes += frame->bytes;
		again |= frame->transmissions > 1;
		seen_lost++;
		o->budget += 100;
	}
	if (lost_bytes)
		o->budget += 5 * o->tx.lost_nr;
	seen_again += again;
	for (seq = o->tx.una; seq < o->tx.next; seq++) {
		frame = fp_txwin_frame(&o->tx, seq);
		if (frame)
			o->sent[seq].state = frame->state;
		if (frame && is_passed(o, seq) &&
		    (!check || frame->sent + patience < check))
			check = frame->sent + patience;
	}
	FUZZ_CHECK(res->lost_bytes == lost_bytes);
	FUZZ_CHECK(res->new_lost == !!lost_bytes);
	FUZZ_CHECK(left || res->check == check);
}

/* The congestion window is reduced once in a window of data. */
static void check_reduction(struct world *o, const struct fp_tx_result *res)
{
	if (res->spurious)
		o->reduced = o->tx.una;
	FUZZ_CHECK(!(res->enter_recovery && res->enter_cwr));
	FUZZ_CHECK(!res->enter_cwr || res->ce_nr);
	FUZZ_CHECK(!res->enter_recovery || res->new_lost || o->tx.lost_nr ||
		   res->probe_repaired);
	if (!res->enter_recovery && !res->enter_cwr)
		return;
	FUZZ_CHECK(o->tx.una >= o->reduced);
	o->reduced = o->tx.next;
}

/* Those that RACK would decide about anew, after a loss that was none. */
static void mark_restored(struct world *o)
{
	u64 seq;

	for (seq = o->tx.una; seq < o->tx.next; seq++) {
		if (o->sent[seq].state != FP_TXFRAME_LOST ||
		    o->sent[seq].times > 1)
			continue;
		o->sent[seq].state = FP_TXFRAME_FLIGHT;
		o->budget += 40 + o->tx.next - o->tx.una;
	}
}

static void check_counts(const struct world *o, const struct fp_txwin *before,
			 const struct fp_tx_ack *ack,
			 const struct fp_tx_result *res)
{
	s16 ce = ack->ce - before->ce;
	s8 dup = ack->dup - before->dup;
	int mult = o->tx.rack.wnd_mult - before->rack.wnd_mult;

	FUZZ_CHECK(res->ce_nr == (ce > 0 ? ce : 0));
	FUZZ_CHECK(res->ce_more == (ce > 0));
	FUZZ_CHECK(res->dup_more == (dup > 0));
	FUZZ_CHECK(mult <= (dup > 0));
	FUZZ_CHECK(mult >= 0 || o->tx.rack.wnd_mult == 1);
}

static void check_conclusions(struct world *o, const struct fp_txwin *before,
			      const struct fp_tx_ack *ack,
			      const struct fp_tx_result *res)
{
	u64 echo = echo_of(o, before, ack);
	struct news n = mark_acked(o, ack, echo, before->una);
	bool in_recovery;

	FUZZ_CHECK(res->old_una == before->una);
	FUZZ_CHECK(res->una_advanced == (o->tx.una > before->una));
	FUZZ_CHECK(res->acked_bytes == n.acked_bytes);
	FUZZ_CHECK(res->rtt == (n.nr && echo ? n.plain : FP_TX_NO_RTT));
	check_counts(o, before, ack, res);
	FUZZ_CHECK(!res->spurious || n.doubtful);
	FUZZ_CHECK(!res->probe_repaired ||
		   (before->probe_seq != U64_MAX && echo));
	if (res->spurious)
		mark_restored(o);
	in_recovery = before->in_recovery && !res->spurious &&
		      o->tx.una < before->recovery;
	check_losses(o, res, in_recovery);
	FUZZ_CHECK(o->tx.in_recovery == (in_recovery || o->tx.lost_nr));
	check_reduction(o, res);
	o->budget += 60 * n.nr;
	seen_spurious += res->spurious;
	seen_repaired += res->probe_repaired;
	seen_reordered += o->rack.reordered;
	seen_marks += res->enter_cwr;
	if (res->rtt != FP_TX_NO_RTT && res->rtt)
		o->srtt = o->srtt ? (7ull * o->srtt + res->rtt) / 8 : res->rtt;
}

static void acknowledge(struct world *o, const struct fp_tx_ack *ack)
{
	static struct fp_txframe frames[FRAMES];
	struct fp_txwin before = o->tx;
	struct fp_tx_result res, poison;
	unsigned long began = steps;
	bool right = may_be(o, ack);
	int err;

	memset(&res, 0x55, sizeof(res));
	poison = res;
	if (!right)
		memcpy(frames, o->frames, sizeof(frames));
	o->order = U64_MAX;
	err = fp_txwin_ack(&o->tx, ack, o->srtt, o->now, &res);
	o->cost += steps - began;
	o->budget += 150 + 80 * ack->nr + 4 * ack->nr * ack->nr;
	if (right) {
		FUZZ_CHECK(!err);
		check_conclusions(o, &before, ack, &res);
	} else {
		FUZZ_CHECK(err == -EINVAL);
		FUZZ_CHECK(!memcmp(&before, &o->tx, sizeof(before)));
		FUZZ_CHECK(!memcmp(frames, o->frames, sizeof(frames)));
		FUZZ_CHECK(!memcmp(&poison, &res, sizeof(res)));
		seen_refused++;
	}
	FUZZ_CHECK(o->cost <= o->budget);
}

static void ack_comes(struct fuzz *f, struct world *o)
{
	struct packet packet;

	if (!take(f, &o->acks, &packet))
		return;
	packet.ack.ranges = packet.ranges;
	acknowledge(o, &packet.ack);
}

/* Anything may be told, also of frames that did not come. */
static void lie(struct fuzz *f, struct world *o)
{
	struct fp_range ranges[FP_TX_RANGES];
	struct fp_tx_ack ack = { .ranges = ranges };
	u64 at;

	ack.ack = fuzz_chance(f, 80) ? o->tx.una : fuzz_below(f, FRAMES);
	ack.ack += fuzz_chance(f, 20) ? fuzz_below(f, 8) : 0;
	ack.ts_echo = fuzz_chance(f, 50) ? o->now - fuzz_below(f, 60000) :
					   fuzz_any(f);
	ack.delay = fuzz_chance(f, 70) ? 0 : fuzz_any(f);
	ack.ce = fuzz_chance(f, 70) ? o->tx.ce : fuzz_take(f, 2);
	ack.dup = fuzz_chance(f, 70) ? o->tx.dup : fuzz_take(f, 1);
	at = ack.ack;
	while (ack.nr < FP_TX_RANGES && fuzz_chance(f, 70)) {
		struct fp_range *range = &ranges[ack.nr++];

		at += fuzz_below(f, fuzz_chance(f, 80) ? 4 : 256);
		range->begin = at;
		at += fuzz_below(f, fuzz_chance(f, 80) ? 4 : 256);
		range->end = at;
		if (fuzz_chance(f, 5))
			range->end = fuzz_any(f);
	}
	o->lied = true;
	acknowledge(o, &ack);
}

/* An acknowledgment of one frame. */
static void tell_one(struct world *o, u64 seq)
{
	const struct fp_range range = { .begin = seq, .end = seq + 1 };
	const struct fp_tx_ack ack = {
		.ack = o->tx.una,
		.ts_echo = o->sent[seq].when,
		.ce = o->tx.ce,
		.dup = o->tx.dup,
		.nr = 1,
		.ranges = &range,
	};

	acknowledge(o, &ack);
}

/* Frames one by one, from the last to the first, and then all again and again. */
static void make_runs(struct fuzz *f, struct world *o)
{
	struct fp_range all = { .begin = o->tx.una + 1, .end = o->tx.next };
	struct fp_tx_ack ack = {
		.ack = o->tx.una,
		.ts_echo = o->now,
		.ce = o->tx.ce,
		.dup = o->tx.dup,
		.nr = 1,
		.ranges = &all,
	};
	unsigned int times = fuzz_take(f, 1);
	u64 seq = o->tx.next;

	while (--seq > o->tx.una)
		if (o->sent[seq].state != FP_TXFRAME_ACKED)
			tell_one(o, seq);
	while (times--) {
		ack.ack = o->tx.una;
		acknowledge(o, &ack);
	}
}

/*
 * Every other frame comes. The rest is lost, but each only when the one before
 * was sent again, with a new one behind; and then all of these are lost at once.
 */
static void weave(struct world *o)
{
	u64 seq, end = o->tx.next;

	for (seq = o->tx.una + 1; seq < end; seq += 2) {
		if (o->sent[seq].state == FP_TXFRAME_ACKED)
			continue;
		o->now += 10;
		tell_one(o, seq);
		o->now++;
		send_one(o, 1, true);
		o->now++;
		send_one(o, 1, true);
	}
	o->now += 1000000;
	send_one(o, 1, true);
	seq = o->tx.next - 1;
	o->now += 1000000;
	if (o->sent[seq].state != FP_TXFRAME_ACKED)
		tell_one(o, seq);
}

/* What costs a sender most that walks where it need not. */
static void wear_out(struct fuzz *f, struct world *o)
{
	unsigned int nr = fuzz_below(f, RING);
	bool runs = fuzz_chance(f, 50);

	while (nr-- && fp_txwin_room(&o->tx) > RING / 4 &&
	       send_one(o, 1, true))
		o->now++;
	if (o->tx.next - o->tx.una < 2)
		return;
	o->lied = true;
	if (runs)
		make_runs(f, o);
	else
		weave(o);
}

static void detect(struct world *o)
{
	struct fp_txwin before = o->tx;
	struct fp_tx_result res;
	u64 check;

	check = fp_txwin_detect(&o->tx, o->srtt, o->now, &res);
	FUZZ_CHECK(check == res.check);
	FUZZ_CHECK(!res.acked_bytes && res.rtt == FP_TX_NO_RTT &&
		   !res.spurious && !res.enter_cwr);
	check_losses(o, &res, before.in_recovery);
	check_reduction(o, &res);
}

static void timeout(struct world *o)
{
	u64 seq;

	fp_txwin_timeout(&o->tx);
	if (o->tx.una == o->tx.next)
		return;
	for (seq = o->tx.una; seq < o->tx.next; seq++)
		if (in_flight(&o->sent[seq]))
			o->sent[seq].state = FP_TXFRAME_LOST;
	o->reduced = o->tx.next;
	FUZZ_CHECK(!o->tx.flight && o->tx.in_recovery);
}

static void probe(struct fuzz *f, struct world *o)
{
	struct fp_txframe *frame = fp_txwin_probe(&o->tx);
	u64 seq = o->tx.next;

	if (o->tx.in_recovery || o->tx.probe_seq != U64_MAX) {
		FUZZ_CHECK(!frame);
		return;
	}
	while (seq > o->tx.una &&
	       o->sent[seq - 1].state == FP_TXFRAME_ACKED)
		seq--;
	FUZZ_CHECK(frame == (seq > o->tx.una ? &o->frames[seq - 1] : NULL));
	if (frame)
		transmit(o, frame, fuzz_chance(f, 30));
}

static void move(struct fuzz *f, struct world *o)
{
	struct fp_txframe **ring = o->rings[!o->which], **old;
	u32 size = 4u << fuzz_below(f, 8);
	bool fits = size >= o->tx.end - o->tx.una;

	memset(ring, 0x55, sizeof(o->rings[0]));
	old = fp_txwin_move(&o->tx, ring, size);
	FUZZ_CHECK(old == (fits ? o->rings[o->which] : ring));
	o->which ^= fits;
	memset(old, 0x55, sizeof(o->rings[0]));
	FUZZ_CHECK(!fits || fp_txwin_room(&o->tx) ==
			    size - (o->tx.end - o->tx.una));
	seen_moved += fits;
}

static void pass_time(struct fuzz *f, struct world *o)
{
	u64 by = fuzz_below(f, 4096);

	if (fuzz_chance(f, 10))
		by = fuzz_below(f, 1 << 20);
	else if (fuzz_chance(f, 2))
		by = fuzz_below(f, 1u << 31);
	o->now += by;
}

static void event(struct fuzz *f, struct world *o, bool liar)
{
	unsigned int what = fuzz_take(f, 1);

	if (what < 50)
		send_some(f, o);
	else if (what < 107)
		data_comes(f, o);
	else if (what < 110)
		all_comes(f, o);
	else if (what < 170)
		ack_comes(f, o);
	else if (what < 215)
		pass_time(f, o);
	else if (what < 235)
		detect(o);
	else if (what < 238)
		timeout(o);
	else if (what < 244)
		probe(f, o);
	else if (what < 248)
		move(f, o);
	else if (liar && what < 250)
		wear_out(f, o);
	else if (liar)
		lie(f, o);
}

/* In the end all comes: through the network, or as the liar has it. */
static void finish(struct world *o)
{
	static const u8 none[1];
	struct fuzz f = { .at = none, .end = none };
	unsigned int rounds = 0;

	while (o->tx.una < o->tx.end) {
		struct fp_tx_ack all = { .ts_echo = o->now };

		FUZZ_CHECK(rounds++ < 4 * FRAMES);
		timeout(o);
		while (o->data.nr < PACKETS && fp_txwin_next(&o->tx))
			send_one(o, 1, false);
		o->now += 1000;
		while (o->data.nr && !o->lied) {
			data_comes(&f, o);
			ack_comes(&f, o);
		}
		o->data.nr = 0;
		all.ack = o->tx.next;
		all.dup = o->tx.dup;
		all.ce = o->tx.ce;
		if (o->lied)
			acknowledge(o, &all);
		check_window(o);
	}
	FUZZ_CHECK(!o->tx.flight && !o->tx.lost_nr && !o->tx.sacked);
	FUZZ_CHECK(!o->tx.in_recovery);
	FUZZ_CHECK(o->lied || o->rx.next == o->tx.end);
	seen_done += o->tx.end > 64;
}

int fuzz_one(const u8 *data, size_t size)
{
	struct fuzz f = { .at = data, .end = data + size };
	bool liar = fuzz_chance(&f, 40);
	struct world *o = &world;
	unsigned int events;
	u64 seq;

	memset(o, 0, sizeof(*o));
	memset(o->rings, 0x55, sizeof(o->rings));
	o->rack.min_rtt = FP_TX_NO_RTT;
	o->now = fuzz_chance(&f, 50) ? 0xffffffff - fuzz_take(&f, 2) :
				       1 + (fuzz_any(&f) >> 2);
	fp_rxwin_init(&o->rx);
	fp_txwin_init(&o->tx, o->rings[0], 4u << fuzz_below(&f, 8), on_acked);
	for (events = 0; fuzz_more(&f); events++) {
		event(&f, o, liar);
		if (o->tx.end - o->tx.una < 64 || !(events % 16))
			check_window(o);
	}
	check_window(o);
	finish(o);
	for (seq = 0; seq < o->tx.end; seq++)
		FUZZ_CHECK(o->acked[seq] == 1);
	return 0;
}

static const char *missed(void)
{
	const struct {
		unsigned long seen;
		const char *name;
	} all[] = {
		{ seen_resent, "a retransmission" },
		{ seen_lost, "a loss" },
		{ seen_again, "a lost retransmission" },
		{ seen_spurious, "a loss that was none" },
		{ seen_repaired, "a probe that repairs" },
		{ seen_reordered, "reordering" },
		{ seen_refused, "a lie that is refused" },
		{ seen_old, "a duplicate" },
		{ seen_full, "a frame for which there is no range" },
		{ seen_far, "a frame too far ahead" },
		{ seen_marks, "a reduction for marks" },
		{ seen_moved, "a ring of another size" },
		{ seen_done, "a long transfer" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!all[i].seen)
			return all[i].name;
	return NULL;
}

const struct fuzz_target fuzz_target = {
	.name = "window",
	.cases = 1000,
	.size = 4096,
	.missed = missed,
};
