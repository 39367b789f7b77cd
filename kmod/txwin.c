// SPDX-License-Identifier: GPL-2.0
/*
 * What an acknowledgment costs: a step for each frame that it tells of for the
 * first time, some for each that it shows to be lost, plus a few for each of its
 * ranges, and if any is lost a walk over those that are to be sent again, which
 * is short if they have a higher number than those before.
 * Frames that came are skipped in runs (fp_txwin.ring), and a walk over runs
 * joins them, so that not even a peer that chooses its ranges for it can make
 * us walk over the same frames again and again.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/list_sort.h>
#include <linux/string.h>

#include "txwin.h"

#define DUP_THRESH	3		/* RFC 8985, section 6.2, step 4 */
#define WND_PERSIST	16		/* recoveries, ibid. */
#define MIN_RTT_AGE	300000000ULL	/* us that the least RTT is believed */

/**
 * struct arrival - what is gathered while an acknowledgment is worked on
 * @res: the result
 * @now: the time, us
 * @echo: when the frame that caused the acknowledgment was sent
 * @valid: @echo and @elapsed are known
 * @elapsed: us since @echo without the receiver's delay
 * @plain_rtt: least time from sending of a frame that was sent once
 * @any: a frame came
 * @any_rack: a frame came that RACK can use; the most recently sent of them is
 * @sent: sent at this time
 * @seq: with this number
 * @early: a lost frame came before anything was sent again in this recovery
 * @eifel: the first retransmission in this recovery came, or its original did
 * @probe: the same of the tail loss probe
 */
struct arrival {
	struct fp_tx_result *res;
	u64 now;
	u64 echo;
	u64 sent;
	u64 seq;
	u32 elapsed;
	u32 plain_rtt;
	bool valid;
	bool any;
	bool any_rack;
	bool early;
	bool eifel;
	bool probe;
};

static bool is_run(const struct fp_txframe *slot)
{
	return (unsigned long)slot & 1;
}

static u64 run_len(const struct fp_txframe *slot)
{
	return (unsigned long)slot >> 1;
}

static struct fp_txframe *make_run(u64 len)
{
	return (struct fp_txframe *)((unsigned long)len << 1 | 1);
}

static struct fp_txframe **slot_of(const struct fp_txwin *w, u64 seq)
{
	return w->ring + (seq & w->mask);
}

/* Clocks of two CPUs may differ by a little. */
static u32 since(u64 then, u64 now)
{
	if (then >= now)
		return 0;
	return now - then < FP_TX_NO_RTT ? now - then : FP_TX_NO_RTT - 1;
}

static bool sent_after(u64 sent1, u64 seq1, u64 sent2, u64 seq2)
{
	return sent1 > sent2 || (sent1 == sent2 && seq1 > seq2);
}

/**
 * fp_txwin_init - an empty window that begins with frame 0
 * @w: the window
 * @ring: memory of the caller for @size frames; need not be cleared
 * @size: a power of two, at most 2^30; or 0 and no @ring
 * @acked: called with each frame that came
 */
void fp_txwin_init(struct fp_txwin *w, struct fp_txframe **ring, u32 size,
		   void (*acked)(struct fp_txwin *w, struct fp_txframe *frame))
{
	BUILD_BUG_ON(sizeof(struct fp_txframe) > 40);

	memset(w, 0, sizeof(*w));
	w->ring = ring;
	w->mask = size - 1;
	w->acked = acked;
	w->probe_seq = U64_MAX;
	w->rack.min_rtt = FP_TX_NO_RTT;
	w->rack.wnd_mult = 1;
	INIT_LIST_HEAD(&w->flight_list);
	INIT_LIST_HEAD(&w->lost_list);
	w->lost_at = &w->lost_list;
}

/**
 * fp_txwin_resume - go on where another window ended
 * @w: the window, as fp_txwin_init() has left it
 * @seq: the first frame's number; all before came
 * @ce: fp_txwin.ce of the other
 * @dup: fp_txwin.dup of the other
 *
 * What RACK knew of the path is forgotten.
 */
void fp_txwin_resume(struct fp_txwin *w, u64 seq, u16 ce, u8 dup)
{
	w->una = seq;
	w->next = seq;
	w->end = seq;
	w->ce = ce;
	w->dup = dup;
}

/**
 * fp_txwin_move - change the size of the window
 * @w: the window
 * @ring: memory of the caller for @size frames; need not be cleared
 * @size: a power of two, or 0 and no @ring; enough for what is queued
 *
 * Return: the ring that was used until now, which is the caller's again; or
 * @ring, if @size is not enough: then nothing was changed.
 */
struct fp_txframe **fp_txwin_move(struct fp_txwin *w, struct fp_txframe **ring,
				  u32 size)
{
	struct fp_txframe **old = w->ring;
	u64 seq;

	if (size < w->end - w->una)
		return ring;
	for (seq = w->una; seq < w->end; seq++)
		ring[seq & (size - 1)] = *slot_of(w, seq);
	w->ring = ring;
	w->mask = size - 1;
	return old;
}

/**
 * fp_txwin_frame - find a frame
 * @w: the window
 * @seq: its sequence number
 *
 * Return: the frame, or NULL if it is not in the window or came.
 */
struct fp_txframe *fp_txwin_frame(const struct fp_txwin *w, u64 seq)
{
	struct fp_txframe *frame;

	if (seq < w->una || seq >= w->end)
		return NULL;
	frame = *slot_of(w, seq);
	return is_run(frame) ? NULL : frame;
}

/**
 * fp_txwin_queue - put a frame at the end of the window
 * @w: the window; fp_txwin_room() is not 0
 * @frame: its bytes (and flags) are set; the rest is set here
 */
void fp_txwin_queue(struct fp_txwin *w, struct fp_txframe *frame)
{
	INIT_LIST_HEAD(&frame->link);
	frame->seq = w->end;
	frame->sent = 0;
	frame->state = FP_TXFRAME_QUEUED;
	frame->transmissions = 0;
	*slot_of(w, w->end++) = frame;
}

static void unlink_lost(struct fp_txwin *w, struct fp_txframe *frame)
{
	if (w->lost_at == &frame->link)
		w->lost_at = frame->link.prev;
	list_del_init(&frame->link);
	w->lost_bytes -= frame->bytes;
	w->lost_nr--;
}

static int by_seq(void *unused, const struct list_head *a,
		  const struct list_head *b)
{
	return list_entry(a, struct fp_txframe, link)->seq >
	       list_entry(b, struct fp_txframe, link)->seq;
}

/*
 * Puts those of @lost among the lost ones. Frames are lost in runs of rising
 * numbers: so the first one's place is looked for from where the last one went.
 * That they are sorted before makes it one walk for all of them, even if frames
 * that were sent again and new ones were sent by turns.
 */
static void link_lost(struct fp_txwin *w, struct list_head *lost)
{
	struct list_head *head = &w->lost_list, *at = w->lost_at;
	struct fp_txframe *frame, *after;

	list_sort(NULL, lost, by_seq);
	list_for_each_entry_safe(frame, after, lost, link) {
		while (at != head && by_seq(NULL, at, &frame->link))
			at = at->prev;
		while (at->next != head && by_seq(NULL, &frame->link, at->next))
			at = at->next;
		list_move(&frame->link, at);
		at = &frame->link;
	}
	w->lost_at = at;
}

/**
 * fp_txwin_sent - a frame was sent
 * @w: the window
 * @frame: from fp_txwin_next() or fp_txwin_probe()
 * @now: the time, us, not 0; its low half is the timestamp in the frame
 */
void fp_txwin_sent(struct fp_txwin *w, struct fp_txframe *frame, u64 now)
{
	switch (frame->state) {
	case FP_TXFRAME_QUEUED:
		if (w->una == w->next)
			w->oldest = now;
		w->next++;
		w->flight += frame->bytes;
		break;
	case FP_TXFRAME_LOST:
		unlink_lost(w, frame);
		w->flight += frame->bytes;
		if (w->eifel == FP_EIFEL_ARMED) {
			w->eifel = FP_EIFEL_WAIT;
			w->eifel_seq = frame->seq;
			w->eifel_sent = now;
		}
		break;
	default:
		list_del_init(&frame->link);
		w->probe_seq = frame->seq;
		w->probe_sent = now;
	}
	frame->state = FP_TXFRAME_FLIGHT;
	frame->sent = now;
	if (frame->transmissions < U8_MAX)
		frame->transmissions++;
	list_add_tail(&frame->link, &w->flight_list);
}

/* Moves a frame from flight to @lost. */
static void lose(struct fp_txwin *w, struct fp_txframe *frame,
		 struct list_head *lost)
{
	list_move_tail(&frame->link, lost);
	w->flight -= frame->bytes;
	w->lost_bytes += frame->bytes;
	w->lost_nr++;
	frame->state = FP_TXFRAME_LOST;
	/* Recovery sees to it now. */
	if (frame->seq == w->probe_seq)
		w->probe_seq = U64_MAX;
}

/* Reduce the congestion window, unless that was done for the same data. */
static bool may_reduce(struct fp_txwin *w)
{
	if (w->una < w->reduced)
		return false;
	w->reduced = w->next;
	return true;
}

static void begin_recovery(struct fp_txwin *w, struct fp_tx_result *res)
{
	w->in_recovery = true;
	w->recovery = w->next;
	w->eifel = FP_EIFEL_OFF;
	if (!may_reduce(w))
		return;
	res->enter_recovery = true;
	w->eifel = FP_EIFEL_ARMED;
}

/* RFC 8985, section 6.2, step 4. */
static u32 reorder_wnd(const struct fp_txwin *w, u32 srtt)
{
	const struct fp_txrack *rack = &w->rack;
	u64 wnd;

	if (!rack->reordered && (w->in_recovery || w->sacked >= DUP_THRESH))
		return 0;
	if (rack->min_rtt == FP_TX_NO_RTT)
		return srtt;
	wnd = (u64)rack->min_rtt * rack->wnd_mult / 4;
	if (srtt && wnd > srtt)
		wnd = srtt;
	return wnd < FP_TX_NO_RTT ? wnd : FP_TX_NO_RTT;
}

/*
 * RFC 8985, section 6.2, step 5. The list is sorted by time: the first frame
 * that may yet come ends it, and is the one to look at again. (The RFC waits
 * for the last one, but to find that takes a walk over all.)
 */
static u64 detect(struct fp_txwin *w, u32 srtt, u64 now,
		  struct fp_tx_result *res)
{
	const struct fp_txrack *rack = &w->rack;
	struct fp_txframe *frame, *after;
	LIST_HEAD(lost);
	u64 check = 0;
	u64 patience;

	patience = (u64)rack->rtt + reorder_wnd(w, srtt);
	list_for_each_entry_safe(frame, after, &w->flight_list, link) {
		if (!sent_after(rack->sent, rack->seq, frame->sent, frame->seq))
			break;
		if (frame->sent + patience > now) {
			check = frame->sent + patience;
			break;
		}
		lose(w, frame, &lost);
		res->lost_bytes += frame->bytes;
		res->new_lost = true;
	}
	link_lost(w, &lost);
	if (w->lost_nr && !w->in_recovery)
		begin_recovery(w, res);
	return check;
}

/**
 * fp_txwin_detect - the reordering timer: what should have come by now is lost
 * @w: the window
 * @srtt: smoothed RTT, us; 0: not known
 * @now: the time, us
 * @res: filled in; only what is told of losses can be set
 *
 * Return: when to call this again, us; 0: not needed. An acknowledgment may
 * change that.
 */
u64 fp_txwin_detect(struct fp_txwin *w, u32 srtt, u64 now,
		    struct fp_tx_result *res)
{
	memset(res, 0, sizeof(*res));
	res->old_una = w->una;
	res->rtt = FP_TX_NO_RTT;
	res->check = detect(w, srtt, now, res);
	return res->check;
}

/**
 * fp_txwin_timeout - the retransmission timeout: all in flight is lost
 * @w: the window
 *
 * RFC 8985, section 6.3, would keep what was sent a short time ago. But the
 * congestion window is one frame now, and what counts as in flight would fill
 * it. If it comes nevertheless, fp_tx_result.spurious tells.
 *
 * The caller reduces the congestion window; what is lost until all that was
 * sent so far came does not reduce it again.
 */
void fp_txwin_timeout(struct fp_txwin *w)
{
	struct fp_txframe *frame;
	u64 seq;

	if (w->una == w->next)
		return;
	INIT_LIST_HEAD(&w->flight_list);
	INIT_LIST_HEAD(&w->lost_list);
	w->flight = 0;
	w->lost_bytes = 0;
	w->lost_nr = 0;
	for (seq = w->una; seq < w->next;) {
		frame = *slot_of(w, seq);
		if (is_run(frame)) {
			seq += run_len(frame);
			continue;
		}
		frame->state = FP_TXFRAME_LOST;
		list_add_tail(&frame->link, &w->lost_list);
		w->lost_bytes += frame->bytes;
		w->lost_nr++;
		seq++;
	}
	w->lost_at = &w->lost_list;
	w->in_recovery = true;
	w->recovery = w->next;
	w->reduced = w->next;
	w->probe_seq = U64_MAX;
	/* Of several timeouts in a row, the first is in question. */
	if (w->eifel != FP_EIFEL_WAIT)
		w->eifel = FP_EIFEL_ARMED;
}

/**
 * fp_txwin_probe - what to send as a tail loss probe, if nothing new is queued
 * @w: the window
 *
 * To be called when the probe timeout has passed; to send something new is
 * better (RFC 8985, section 7.3).
 *
 * Return: the highest frame in flight; NULL if there is none, or if it is not
 * the time for a probe: in recovery, or while another is on its way. Then the
 * retransmission timeout has to see to it.
 */
struct fp_txframe *fp_txwin_probe(const struct fp_txwin *w)
{
	struct fp_txframe *frame;
	u64 seq;

	if (w->in_recovery || w->probe_seq != U64_MAX)
		return NULL;
	for (seq = w->next; seq > w->una; seq--) {
		frame = *slot_of(w, seq - 1);
		if (!is_run(frame))
			return frame;
	}
	return NULL;
}

/**
 * fp_txwin_probe_new - what was just sent for the first time was a probe, too
 * @w: the window
 * @frame: what was sent
 *
 * Until it came there is not to be another one (RFC 8985, section 7.2).
 */
void fp_txwin_probe_new(struct fp_txwin *w, const struct fp_txframe *frame)
{
	w->probe_seq = frame->seq;
	w->probe_sent = 0;
}

/*
 * The ranges' indices, sorted by where they begin; or -EINVAL for ranges that
 * no honest receiver sends.
 */
static int sort_ranges(const struct fp_txwin *w, const struct fp_tx_ack *ack,
		       u8 *order)
{
	const struct fp_range *ranges = ack->ranges;
	unsigned int i, at;
	u64 end = ack->ack;

	if (ack->nr > FP_TX_RANGES)
		return -EINVAL;
	for (i = 0; i < ack->nr; i++) {
		for (at = i; at; at--) {
			if (ranges[order[at - 1]].begin < ranges[i].begin)
				break;
			order[at] = order[at - 1];
		}
		order[at] = i;
	}
	for (i = 0; i < ack->nr; i++) {
		const struct fp_range *range = ranges + order[i];

		/* Frame ack->ack did not come, else that were higher. */
		if (range->begin < end || range->begin == ack->ack ||
		    range->begin >= range->end || range->end > w->next)
			return -EINVAL;
		end = range->end;
	}
	return 0;
}

/*
 * How long ago the frame that caused the acknowledgment was sent. A peer may echo
 * anything: what cannot be is ignored.
 */
static bool echo_is_valid(const struct fp_txwin *w, const struct fp_tx_ack *ack,
			  u64 now, u32 elapsed)
{
	return now >= w->oldest && elapsed <= now - w->oldest &&
	       ack->delay <= elapsed;
}

/* When that frame was sent, and how long that and the way back took. */
static void read_echo(const struct fp_txwin *w, const struct fp_tx_ack *ack,
		      struct arrival *a)
{
	u32 elapsed = (u32)a->now - ack->ts_echo;

	if (!echo_is_valid(w, ack, a->now, elapsed))
		return;
	a->valid = true;
	a->echo = a->now - elapsed;
	a->elapsed = elapsed - ack->delay;
}

/* RFC 8985, section 6.2, steps 2 and 3, for one frame that came. */
static void rack_frame(struct fp_txrack *rack, const struct fp_txframe *frame,
		       struct arrival *a)
{
	bool again = frame->transmissions > 1;
	u32 rtt = since(frame->sent, a->now);

	if (frame->seq >= rack->fack)
		rack->fack = frame->seq + 1;
	else if (!again)
		rack->reordered = true;

	if (!again && rtt < a->plain_rtt)
		a->plain_rtt = rtt;
	/* Was it the retransmission that came, or one before? */
	if (again && ((a->valid && a->echo < frame->sent) ||
		      (rack->min_rtt != FP_TX_NO_RTT && rtt < rack->min_rtt)))
		return;
	if (a->any_rack && !sent_after(frame->sent, frame->seq, a->sent, a->seq))
		return;
	a->any_rack = true;
	a->sent = frame->sent;
	a->seq = frame->seq;
}

static void ack_frame(struct fp_txwin *w, struct fp_txframe *frame,
		      struct arrival *a)
{
	if (frame->state == FP_TXFRAME_LOST) {
		unlink_lost(w, frame);
		if (w->eifel == FP_EIFEL_ARMED && frame->transmissions == 1)
			a->early = true;
	} else {
		list_del_init(&frame->link);
		w->flight -= frame->bytes;
	}
	if (w->eifel == FP_EIFEL_WAIT && frame->seq == w->eifel_seq)
		a->eifel = true;
	if (frame->seq == w->probe_seq)
		a->probe = true;
	rack_frame(&w->rack, frame, a);
	a->any = true;
	a->res->acked_bytes += frame->bytes;
	frame->state = FP_TXFRAME_ACKED;
	w->acked(w, frame);
}

static void ack_below(struct fp_txwin *w, u64 ack, struct arrival *a)
{
	struct fp_txframe *frame;
	u64 seq = w->una;

	while (seq < ack) {
		frame = *slot_of(w, seq);
		if (is_run(frame)) {
			seq += run_len(frame);
			w->sacked -= run_len(frame);
		} else {
			ack_frame(w, frame, a);
			seq++;
		}
	}
	w->una = seq;
}

static void ack_range(struct fp_txwin *w, const struct fp_range *range,
		      struct arrival *a)
{
	u64 begin = range->begin > w->una ? range->begin : w->una;
	struct fp_txframe **slot;
	u64 seq, end;

	for (end = begin; end < range->end; end += run_len(*slot)) {
		struct fp_txframe *frame;

		slot = slot_of(w, end);
		if (is_run(*slot))
			continue;
		frame = *slot;
		*slot = make_run(1);
		w->sacked++;
		ack_frame(w, frame, a);
	}
	/* The next walk leads from each of these to the end in one step. */
	for (seq = begin; seq < end;) {
		slot = slot_of(w, seq);
		seq += run_len(*slot);
		*slot = make_run(end - seq + run_len(*slot));
	}
}

static void skip_acked(struct fp_txwin *w)
{
	const struct fp_txframe *first;

	while (w->una < w->next) {
		first = *slot_of(w, w->una);
		if (!is_run(first)) {
			if (first->transmissions == 1)
				w->oldest = first->sent;
			break;
		}
		w->una += run_len(first);
		w->sacked -= run_len(first);
	}
}

/* RFC 8985, section 6.2, step 1. */
static void rack_min(struct fp_txrack *rack, u32 rtt, u64 now)
{
	if (rtt != FP_TX_NO_RTT &&
	    (rtt <= rack->min_rtt || now - rack->min_stamp > MIN_RTT_AGE)) {
		rack->min_rtt = rtt;
		rack->min_stamp = now;
	}
}

/* Step 2, for the frame that was sent last of those that came. */
static void rack_last(struct fp_txrack *rack, u64 sent, u64 seq, u64 now)
{
	rack->rtt = since(sent, now);
	if (sent_after(sent, seq, rack->sent, rack->seq)) {
		rack->sent = sent;
		rack->seq = seq;
	}
}

static void rack_update(struct fp_txrack *rack, const struct arrival *a)
{
	rack_min(rack, a->valid ? a->elapsed : a->plain_rtt, a->now);
	if (a->any_rack)
		rack_last(rack, a->sent, a->seq, a->now);
}

/*
 * What the running counts tell that is new. They are compared as serial numbers
 * (RFC 1982), since acknowledgments overtake each other.
 */
static unsigned int read_counts(struct fp_txwin *w, const struct fp_tx_ack *ack,
				struct fp_tx_result *res)
{
	s16 ce = ack->ce - w->ce;
	s8 dup = ack->dup - w->dup;

	if (ce > 0) {
		w->ce = ack->ce;
		res->ce_nr = ce;
		res->ce_more = true;
	}
	if (dup <= 0)
		return 0;
	w->dup = ack->dup;
	res->dup_more = true;
	return dup;
}

/*
 * RFC 8985, section 7.4, with timestamps: the acknowledgment of the probe says
 * by its echo if the original came. If the probe came, it was needed unless it
 * came as a duplicate. Of something new there is no original.
 *
 * Return: of @dups duplicates, how many are no probes.
 */
static unsigned int probe_acked(struct fp_txwin *w, const struct arrival *a,
				unsigned int dups)
{
	if (w->probe_dup && dups) {
		w->probe_dup = false;
		dups--;
	}
	if (!a->probe)
		return dups;
	w->probe_seq = U64_MAX;
	if (!w->probe_sent)
		return dups;
	w->probe_dup = a->valid && a->echo < w->probe_sent;
	if (dups) {
		w->probe_dup = false;
		return dups - 1;
	}
	if (a->valid && !w->probe_dup) {
		a->res->probe_repaired = true;
		if (!w->in_recovery)
			a->res->enter_recovery = may_reduce(w);
	}
	return dups;
}

/*
 * The congestion was none: what seemed lost and was not sent again may be on
 * its way. RACK decides about it anew.
 */
static void restore_lost(struct fp_txwin *w)
{
	struct list_head *at = &w->flight_list;
	struct fp_txframe *frame, *after, *next;

	list_for_each_entry_safe(frame, after, &w->lost_list, link) {
		if (frame->transmissions > 1)
			continue;
		unlink_lost(w, frame);
		while (at->next != &w->flight_list) {
			next = list_entry(at->next, struct fp_txframe, link);
			if (next->sent > frame->sent)
				break;
			at = at->next;
		}
		list_add(&frame->link, at);
		at = &frame->link;
		frame->state = FP_TXFRAME_FLIGHT;
		w->flight += frame->bytes;
	}
}

/* Eifel detection (RFC 3522): did the original of what was sent again come? */
static void eifel_acked(struct fp_txwin *w, const struct arrival *a)
{
	if (!a->eifel && !a->early)
		return;
	w->eifel = FP_EIFEL_OFF;
	if (!a->early && (!a->valid || a->echo >= w->eifel_sent))
		return;
	a->res->spurious = true;
	w->in_recovery = false;
	w->reduced = w->una;
	restore_lost(w);
}

/* RFC 8985, section 6.2, step 4: how large the reordering window is. */
static void adapt_wnd(struct fp_txwin *w, bool dup, bool recovered)
{
	struct fp_txrack *rack = &w->rack;

	if (w->una >= rack->dup_round)
		rack->dup_round = 0;
	if (dup && !rack->dup_round) {
		rack->dup_round = w->next;
		if (rack->wnd_mult < U8_MAX)
			rack->wnd_mult++;
		rack->wnd_persist = WND_PERSIST;
	} else if (recovered) {
		if (rack->wnd_persist)
			rack->wnd_persist--;
		if (!rack->wnd_persist)
			rack->wnd_mult = 1;
	}
}

/* All frames that came are marked: what follows from it. */
static void conclude(struct fp_txwin *w, const struct fp_tx_ack *ack, u32 srtt,
		     struct arrival *a)
{
	struct fp_tx_result *res = a->res;
	bool recovered = false;
	unsigned int dups;

	if (a->any)
		rack_update(&w->rack, a);
	if (a->any && a->valid)
		res->rtt = a->elapsed;
	dups = read_counts(w, ack, res);
	dups = probe_acked(w, a, dups);
	eifel_acked(w, a);
	if (w->in_recovery && w->una >= w->recovery) {
		w->in_recovery = false;
		w->eifel = FP_EIFEL_OFF;
		recovered = true;
	}
	adapt_wnd(w, dups, recovered);
	/* With nothing left, a question was answered, as usual. */
	if (!list_empty(&w->flight_list) || w->lost_nr)
		res->check = detect(w, srtt, a->now, res);
	if (res->ce_more && !w->in_recovery && !res->enter_recovery)
		res->enter_cwr = may_reduce(w);
}

/* Any acknowledgment at all. */
static noinline int ack_any(struct fp_txwin *w, const struct fp_tx_ack *ack,
			    u32 srtt, u64 now, struct fp_tx_result *res)
{
	struct arrival a = {
		.res = res,
		.now = now,
		.plain_rtt = FP_TX_NO_RTT,
	};
	u8 order[FP_TX_RANGES];
	unsigned int i;
	int err;

	if (ack->ack > w->next)
		return -EINVAL;
	err = sort_ranges(w, ack, order);
	if (err)
		return err;

	memset(res, 0, sizeof(*res));
	res->old_una = w->una;
	res->rtt = FP_TX_NO_RTT;
	read_echo(w, ack, &a);
	ack_below(w, ack->ack, &a);
	for (i = 0; i < ack->nr; i++)
		ack_range(w, ack->ranges + order[i], &a);
	skip_acked(w);
	res->una_advanced = w->una > res->old_una;
	conclude(w, ack, srtt, &a);
	return 0;
}

/*
 * Does it tell of the first frame in flight and of nothing else, with nothing lost,
 * sent twice or in question? So it is nearly always, if one asks and one answers.
 */
static bool is_plain(const struct fp_txwin *w, const struct fp_tx_ack *ack)
{
	return ack->ack == w->una + 1 && w->una < w->next && !ack->nr &&
	       !w->sacked && !w->lost_nr && !w->in_recovery && !w->eifel &&
	       w->probe_seq == U64_MAX && ack->ce == w->ce &&
	       ack->dup == w->dup &&
	       (*slot_of(w, w->una))->transmissions == 1;
}

/* What remains of ack_any() for such a one. */
static void ack_plain(struct fp_txwin *w, const struct fp_tx_ack *ack, u32 srtt,
		      u64 now, struct fp_tx_result *res)
{
	struct fp_txframe *frame = *slot_of(w, w->una);
	u64 seq = w->una, sent = frame->sent;
	u32 elapsed = (u32)now - ack->ts_echo;

	memset(res, 0, sizeof(*res));
	res->old_una = seq;
	res->una_advanced = true;
	res->acked_bytes = frame->bytes;
	res->rtt = FP_TX_NO_RTT;
	if (echo_is_valid(w, ack, now, elapsed)) {
		res->rtt = elapsed - ack->delay;
		rack_min(&w->rack, res->rtt, now);
	} else {
		rack_min(&w->rack, since(sent, now), now);
	}
	/* None above it came. */
	w->rack.fack = seq + 1;
	rack_last(&w->rack, sent, seq, now);

	list_del_init(&frame->link);
	w->flight -= frame->bytes;
	frame->state = FP_TXFRAME_ACKED;
	w->acked(w, frame);
	w->una = seq + 1;
	if (w->una >= w->rack.dup_round)
		w->rack.dup_round = 0;
	if (w->una == w->next)
		return;
	frame = *slot_of(w, w->una);
	if (frame->transmissions == 1)
		w->oldest = frame->sent;
	res->check = detect(w, srtt, now, res);
}

/**
 * fp_txwin_ack - an acknowledgment came
 * @w: the window
 * @ack: the acknowledgment; it need not be in order
 * @srtt: smoothed RTT, us; 0: not known
 * @now: the time, us
 * @res: filled in, if the answer is 0
 *
 * Calls fp_txwin.acked for each frame that came, in the order of the sequence
 * numbers.
 *
 * Return: 0; or -EINVAL if it tells of frames that were not sent, or
 * contradicts itself: then nothing was changed.
 */
int fp_txwin_ack(struct fp_txwin *w, const struct fp_tx_ack *ack, u32 srtt,
		 u64 now, struct fp_tx_result *res)
{
	if (!is_plain(w, ack))
		return ack_any(w, ack, srtt, now, res);
	ack_plain(w, ack, srtt, now, res);
	return 0;
}
