/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control: CUBIC (RFC 9438) with HyStart++ (RFC 9406) and a pacing
 * rate. Pure: no lock, no clock; user-space tests build the same source. Sizes
 * are in bytes and times in microseconds, unless they say otherwise.
 */
#ifndef _FP_CUBIC_H
#define _FP_CUBIC_H

#include <linux/types.h>

#define FP_CWND_MAX	0x40000000U	/* 1 GiB */
#define FP_SSTHRESH_NONE	0xffffffffU	/* nothing was ever lost */

/**
 * struct fp_cubic_epoch - a stretch of congestion avoidance
 * @start: when it began, later by all times that the application was slow
 * @k: from @start to the plateau at fp_cubic.w_max, milliseconds
 * @w_est: the window that Reno would have
 * @w_est_part: what @w_est is due, below one byte
 * @cwnd_part: what fp_cubic.cwnd is due, below one byte
 * @begun: it did; else the next acknowledgment begins it
 */
struct fp_cubic_epoch {
	u64 start;
	u64 w_est_part;
	u64 cwnd_part;
	u32 k;
	u32 w_est;
	bool begun;
};

/**
 * struct fp_hystart - the first slow start, round by round
 * @last_min: least round-trip time of the round before, U32_MAX: none
 * @current_min: of this round
 * @baseline: of the round that ended the fast growth
 * @samples: how many this round has had, up to what is needed
 * @rounds: of conservative slow start, so far
 * @conservative: the delay has risen: growing slowly until that is sure
 */
struct fp_hystart {
	u32 last_min;
	u32 current_min;
	u32 baseline;
	u8 samples;
	u8 rounds;
	bool conservative;
};

/**
 * struct fp_cubic - the congestion window of a path
 * @cwnd: congestion window
 * @ssthresh: slow start below this; FP_SSTHRESH_NONE at first
 * @mss: largest frame
 * @w_max: the window to come back to
 * @cwnd_prior: the window before the last reduction
 * @last_ack: when the last acknowledgment came
 * @epoch: congestion avoidance
 * @hystart: slow start, while @ssthresh is FP_SSTHRESH_NONE
 * @undo: all of this before the last reduction; its cwnd is 0: can't be undone
 *
 * Whoever holds it guards it.
 */
struct fp_cubic {
	u32 cwnd;
	u32 ssthresh;
	u32 mss;
	u32 w_max;
	u32 cwnd_prior;
	u64 last_ack;
	struct fp_cubic_epoch epoch;
	struct fp_hystart hystart;
	struct {
		u32 cwnd;
		u32 ssthresh;
		u32 w_max;
		u32 cwnd_prior;
		struct fp_cubic_epoch epoch;
	} undo;
};

/**
 * struct fp_cubic_ack - what an acknowledgment tells
 * @acked: bytes that it is the first to acknowledge
 * @rtt: the round-trip time that it measured, 0: none
 * @srtt: the smoothed round-trip time, 0: not known
 * @limited: the window kept the sender from sending more
 * @round_start: it acknowledges a frame that was sent after the previous
 *	acknowledgment that had this set (the first one has it, too)
 */
struct fp_cubic_ack {
	u32 acked;
	u32 rtt;
	u32 srtt;
	bool limited;
	bool round_start;
};

void fp_cubic_init(struct fp_cubic *cc, u32 mss);
void fp_cubic_resume(struct fp_cubic *cc, u32 cwnd, u32 ssthresh);
void fp_cubic_set_mss(struct fp_cubic *cc, u32 mss);
void fp_cubic_ack(struct fp_cubic *cc, const struct fp_cubic_ack *ack, u64 now);
void fp_cubic_loss(struct fp_cubic *cc);
void fp_cubic_ecn(struct fp_cubic *cc);
void fp_cubic_timeout(struct fp_cubic *cc);
void fp_cubic_undo(struct fp_cubic *cc);
void fp_cubic_idle(struct fp_cubic *cc, u64 idle_us, u32 rto_us);
u64 fp_cubic_pacing_rate(const struct fp_cubic *cc, u32 srtt_us);

#endif /* _FP_CUBIC_H */
