// SPDX-License-Identifier: GPL-2.0
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "cubic.h"

#define MSS_MAX		65535U

/* The growth function runs on milliseconds; their cube has to fit 64 bits. */
#define TIME_MAX	2097151ULL

/* C = 0.4 segments/s^3 is one segment per so many ms^3. */
#define MS3_PER_SEGMENT	2500000000ULL

/* Reno's growth with CUBIC's reduction: 3 * (1 - 0.7) / (1 + 0.7) = 9 / 17. */
#define ALPHA_NUM	9
#define ALPHA_DEN	17

/* The constants of HyStart++, RFC 9406, section 4.3. */
#define RTT_RISE_MIN	4000U
#define RTT_RISE_MAX	16000U
#define RTT_RISE_DIVISOR	8
#define RTT_SAMPLES	8
#define SLOW_DIVISOR	4
#define SLOW_ROUNDS	5

static u32 initial_window(u32 mss)
{
	return min(10 * mss, max(2 * mss, 14600U));
}

static void hystart_round(struct fp_hystart *hs)
{
	hs->last_min = hs->current_min;
	hs->current_min = U32_MAX;
	hs->samples = 0;
}

/**
 * fp_cubic_init - the window of a path of which nothing is known
 * @cc: the state
 * @mss: largest frame in bytes, from 1 to 65535 or taken as that
 *
 * The window is that of RFC 6928.
 */
void fp_cubic_init(struct fp_cubic *cc, u32 mss)
{
	memset(cc, 0, sizeof(*cc));
	cc->mss = clamp(mss, 1U, MSS_MAX);
	cc->cwnd = initial_window(cc->mss);
	cc->ssthresh = FP_SSTHRESH_NONE;
	cc->hystart.last_min = U32_MAX;
	cc->hystart.current_min = U32_MAX;
}

/**
 * fp_cubic_resume - go on with the window of another
 * @cc: the state, as fp_cubic_init() has left it
 * @cwnd: fp_cubic.cwnd of the other
 * @ssthresh: its fp_cubic.ssthresh
 *
 * Where on the curve it was is forgotten.
 */
void fp_cubic_resume(struct fp_cubic *cc, u32 cwnd, u32 ssthresh)
{
	cc->cwnd = clamp(cwnd, cc->mss, FP_CWND_MAX);
	cc->ssthresh = ssthresh;
}

/**
 * fp_cubic_set_mss - the path MTU has changed
 * @cc: the state
 * @mss: largest frame in bytes, from 1 to 65535 or taken as that
 *
 * The window stays what it is in bytes, but not less than two frames, or one if
 * a timeout had left less than two.
 */
void fp_cubic_set_mss(struct fp_cubic *cc, u32 mss)
{
	u32 least = cc->cwnd < 2 * cc->mss ? 1 : 2;

	mss = clamp(mss, 1U, MSS_MAX);
	if (mss == cc->mss)
		return;
	cc->mss = mss;
	cc->cwnd = max(cc->cwnd, least * mss);
	/* The curve is in frames: begin another one from here. */
	cc->epoch.begun = false;
	cc->undo.epoch.begun = false;
}

static bool in_slow_start(const struct fp_cubic *cc)
{
	return cc->cwnd < cc->ssthresh;
}

static bool in_hystart(const struct fp_cubic *cc)
{
	return cc->ssthresh == FP_SSTHRESH_NONE;
}

/* Has the delay risen against the round before, enough to leave slow start? */
static bool delay_rose(const struct fp_hystart *hs)
{
	u32 rise;

	if (hs->last_min == U32_MAX)
		return false;
	rise = clamp(hs->last_min / RTT_RISE_DIVISOR, RTT_RISE_MIN,
		     RTT_RISE_MAX);
	return hs->current_min >= (u64)hs->last_min + rise;
}

/* RFC 9406, section 4.2, all but the growth. */
static void hystart_ack(struct fp_cubic *cc, u32 rtt, bool round_start)
{
	struct fp_hystart *hs = &cc->hystart;

	if (round_start) {
		hystart_round(hs);
		if (hs->conservative && ++hs->rounds >= SLOW_ROUNDS) {
			cc->ssthresh = cc->cwnd;
			return;
		}
	}
	if (!rtt)
		return;
	hs->current_min = min(hs->current_min, rtt);
	if (hs->samples < RTT_SAMPLES && ++hs->samples < RTT_SAMPLES)
		return;
	if (!hs->conservative && delay_rose(hs)) {
		hs->baseline = hs->current_min;
		hs->rounds = 0;
		hs->conservative = true;
	} else if (hs->conservative && hs->current_min < hs->baseline) {
		hs->conservative = false;
	}
}

/*
 * The whole of @acked counts, however much it is: what is sent is paced.
 * Returns what is left of it for congestion avoidance.
 */
static u32 slow_start(struct fp_cubic *cc, u32 acked)
{
	u32 room = min(cc->ssthresh, FP_CWND_MAX) - cc->cwnd;
	u32 grow = acked;

	if (in_hystart(cc) && cc->hystart.conservative)
		grow /= SLOW_DIVISOR;
	grow = min(grow, room);
	cc->cwnd += grow;
	return in_slow_start(cc) ? 0 : acked - grow;
}

/* The largest number whose cube is not larger than @x; @x below 2^63. */
static u32 cube_root(u64 x)
{
	u64 root = 0, next;
	int bit;

	for (bit = 20; bit >= 0; bit--) {
		next = root | 1U << bit;
		if (next * next * next <= x)
			root = next;
	}
	return root;
}

static void epoch_begin(struct fp_cubic *cc, u64 now)
{
	struct fp_cubic_epoch *epoch = &cc->epoch;
	u64 ms3;

	memset(epoch, 0, sizeof(*epoch));
	epoch->begun = true;
	epoch->start = now;
	epoch->w_est = cc->cwnd;
	/* With nothing to come back to, it is only convex. */
	cc->w_max = max(cc->w_max, cc->cwnd);
	ms3 = div_u64((cc->w_max - cc->cwnd) * MS3_PER_SEGMENT, cc->mss);
	epoch->k = cube_root(ms3);
}

/* W_cubic of RFC 9438, section 4.2, in bytes, for the time @when. */
static u32 w_cubic(const struct fp_cubic *cc, u64 when)
{
	u64 t = when > cc->epoch.start ? when - cc->epoch.start : 0;
	u32 k = cc->epoch.k;
	u64 off, bytes;

	t = min(div_u64(t, USEC_PER_MSEC), TIME_MAX);
	off = t > k ? t - k : k - t;
	/* Thousandths of a segment in between: no product overflows. */
	bytes = div_u64(off * off * off, MS3_PER_SEGMENT / 1000);
	bytes = div_u64(bytes * cc->mss, 1000);
	if (t < k)
		return cc->w_max - min(bytes, (u64)cc->w_max);
	return min(cc->w_max + bytes, (u64)FP_CWND_MAX);
}

/* W_est of RFC 9438, section 4.3. */
static void reno_grow(struct fp_cubic *cc, u32 acked)
{
	struct fp_cubic_epoch *epoch = &cc->epoch;
	u64 whole = (u64)ALPHA_DEN * cc->cwnd;
	u32 alpha = epoch->w_est < cc->cwnd_prior ? ALPHA_NUM : ALPHA_DEN;
	u64 bytes;

	epoch->w_est_part += (u64)acked * cc->mss * alpha;
	bytes = div64_u64(epoch->w_est_part, whole);
	epoch->w_est_part -= bytes * whole;
	epoch->w_est = min(epoch->w_est + bytes, (u64)FP_CWND_MAX);
}

/* The concave and the convex region, RFC 9438, sections 4.4 and 4.5. */
static void cubic_grow(struct fp_cubic *cc, u32 acked, u32 target)
{
	struct fp_cubic_epoch *epoch = &cc->epoch;
	u64 bytes;

	target = clamp(target, cc->cwnd, cc->cwnd + cc->cwnd / 2);
	epoch->cwnd_part += (u64)acked * (target - cc->cwnd);
	bytes = div_u64(epoch->cwnd_part, cc->cwnd);
	epoch->cwnd_part -= bytes * cc->cwnd;
	cc->cwnd += bytes;
}

static void avoid(struct fp_cubic *cc, u32 acked, u32 srtt, u64 now)
{
	if (!cc->epoch.begun)
		epoch_begin(cc, now);
	reno_grow(cc, acked);
	if (w_cubic(cc, now) < cc->epoch.w_est)
		cc->cwnd = max(cc->cwnd, cc->epoch.w_est);
	else
		cubic_grow(cc, acked, w_cubic(cc, now + srtt));
}

/**
 * fp_cubic_ack - grow the window for what was acknowledged
 * @cc: the state
 * @ack: what the acknowledgment told
 * @now: the time, of a clock that doesn't go back
 *
 * Not to be called for what is acknowledged while a loss or a mark is being
 * recovered from; but after a timeout it is. A window that is not used up
 * doesn't grow, and that time doesn't count (RFC 9438, sections 4.2 and 5.8).
 */
void fp_cubic_ack(struct fp_cubic *cc, const struct fp_cubic_ack *ack, u64 now)
{
	u32 acked = min(ack->acked, cc->cwnd);

	if (in_hystart(cc))
		hystart_ack(cc, ack->rtt, ack->round_start);
	if (!ack->limited) {
		cc->epoch.start += now - cc->last_ack;
	} else {
		if (in_slow_start(cc))
			acked = slow_start(cc, acked);
		if (acked)
			avoid(cc, acked, ack->srtt, now);
	}
	cc->last_ack = now;
}

/*
 * RFC 9438, sections 4.6 and 4.7. What is reduced is the window and not what is
 * in flight: a window that is not used up hasn't grown.
 */
static void reduce(struct fp_cubic *cc)
{
	cc->undo.cwnd = cc->cwnd;
	cc->undo.ssthresh = cc->ssthresh;
	cc->undo.w_max = cc->w_max;
	cc->undo.cwnd_prior = cc->cwnd_prior;
	cc->undo.epoch = cc->epoch;

	cc->cwnd_prior = cc->cwnd;
	/* Fast convergence: with ever less room, leave some to others. */
	if (cc->cwnd < cc->w_max)
		cc->w_max = div_u64(17ULL * cc->cwnd, 20);
	else
		cc->w_max = cc->cwnd;
	cc->ssthresh = max((u32)div_u64(7ULL * cc->cwnd, 10), 2 * cc->mss);
	cc->epoch.begun = false;
}

/**
 * fp_cubic_loss - something was lost
 * @cc: the state
 *
 * Once for all that was in flight when the first loss of it was seen.
 */
void fp_cubic_loss(struct fp_cubic *cc)
{
	reduce(cc);
	/* A timeout may have left less than that. */
	cc->cwnd = min(cc->cwnd, cc->ssthresh);
}

/**
 * fp_cubic_ecn - the peer has seen a congestion mark
 * @cc: the state
 *
 * As a loss, but never spurious: it can't be undone. Once for all that was in
 * flight then, and not if a loss has been counted for it.
 */
void fp_cubic_ecn(struct fp_cubic *cc)
{
	fp_cubic_loss(cc);
	cc->undo.cwnd = 0;
}

/**
 * fp_cubic_timeout - the retransmission timeout fired
 * @cc: the state
 *
 * For the first of a series only: until something new is acknowledged, further
 * ones change nothing but the back-off. Slow start comes next, and then a curve
 * with its plateau at its beginning (RFC 9438, section 4.8).
 */
void fp_cubic_timeout(struct fp_cubic *cc)
{
	reduce(cc);
	cc->cwnd = cc->mss;
	cc->w_max = 0;
}

/**
 * fp_cubic_undo - the last loss or timeout was none
 * @cc: the state
 *
 * Does nothing if there is nothing to undo: no reduction since the last call,
 * the last one was for a mark, or a pause has shrunk the window since. Not to
 * be called if a mark came with the loss (RFC 9438, section 4.9).
 */
void fp_cubic_undo(struct fp_cubic *cc)
{
	if (!cc->undo.cwnd)
		return;
	cc->cwnd = max(cc->cwnd, cc->undo.cwnd);
	cc->ssthresh = cc->undo.ssthresh;
	cc->w_max = cc->undo.w_max;
	cc->cwnd_prior = cc->undo.cwnd_prior;
	cc->epoch = cc->undo.epoch;
	cc->undo.cwnd = 0;
}

/**
 * fp_cubic_idle - sending again after a pause
 * @cc: the state
 * @idle_us: how long nothing was in flight, in microseconds
 * @rto_us: the retransmission timeout, without back-off, in microseconds, 0:
 *	longer than the pause
 *
 * Half the window for every timeout (RFC 2861, section 3.1), but not less than
 * the initial one; slow start leads back. The pause doesn't count as time in
 * congestion avoidance.
 */
void fp_cubic_idle(struct fp_cubic *cc, u64 idle_us, u32 rto_us)
{
	u64 halves = rto_us ? div_u64(idle_us, rto_us) : 0;
	u32 least;

	cc->epoch.start += idle_us;
	cc->last_ack += idle_us;
	if (!halves)
		return;
	least = min(initial_window(cc->mss), cc->cwnd);
	if (cc->cwnd == least)
		return;
	cc->ssthresh = max(cc->ssthresh, cc->cwnd - cc->cwnd / 4);
	cc->cwnd = max(cc->cwnd >> min(halves, 31ULL), least);
	cc->epoch.begun = false;
	cc->undo.cwnd = 0;
}

/**
 * fp_cubic_pacing_rate - how fast to send
 * @cc: the state
 * @srtt_us: the smoothed round-trip time in microseconds, 0: not known
 *
 * Enough to double the window each round trip in slow start, and a fifth above
 * the window per round trip after it, so that pacing is not what limits.
 *
 * Return: bytes per second, 0: as fast as it goes.
 */
u64 fp_cubic_pacing_rate(const struct fp_cubic *cc, u32 srtt_us)
{
	u64 bytes = 2ULL * cc->cwnd;

	if (!srtt_us)
		return 0;
	if (!in_slow_start(cc))
		bytes = div_u64(6ULL * cc->cwnd, 5);
	return div_u64(bytes * USEC_PER_SEC, srtt_us);
}
