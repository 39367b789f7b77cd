/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The round-trip time, and how long to wait for an acknowledgment: RFC 6298
 * and the probe timeout of RFC 8985. Pure: no lock, no clock; user-space tests
 * build the same source. All times are in microseconds.
 */
#ifndef _FP_RTT_H
#define _FP_RTT_H

#include <linux/minmax.h>
#include <linux/types.h>

/* Unless fp_rtt_set_limits() says otherwise. */
#define FP_RTO_INITIAL	1000000U	/* while there is no sample */
#define FP_RTO_MIN	200000U
#define FP_RTO_MAX	60000000U

/* Samples are clamped to 1 and this (250 s), so that no sum overflows. */
#define FP_RTT_MAX	250000000U

/* The minimum covers this much time at most, half of it at least. */
#define FP_RTT_MIN_WINDOW	300000000U

/**
 * struct fp_rtt - what is known of the round-trip time of a path
 * @srtt: smoothed round-trip time, in eighths; 0: no sample yet
 * @rttvar: its mean deviation, in quarters
 * @min: the least samples of this half of the window and of the half before,
 *	0: none
 * @min_since: when this half began
 * @rto_initial: the retransmission timeout while there is no sample
 * @rto_min: the least one
 * @rto_max: the greatest one
 * @backoff: retransmission timeouts in a row
 *
 * Whoever holds it guards it.
 */
struct fp_rtt {
	u32 srtt;
	u32 rttvar;
	u32 min[2];
	u64 min_since;
	u32 rto_initial;
	u32 rto_min;
	u32 rto_max;
	u8 backoff;
};

void fp_rtt_init(struct fp_rtt *rtt);
void fp_rtt_set_limits(struct fp_rtt *rtt, u32 initial, u32 least, u32 greatest);
void fp_rtt_sample(struct fp_rtt *rtt, u32 rtt_us, u64 now);
u32 fp_rtt_min(const struct fp_rtt *rtt);
u32 fp_rtt_rto(const struct fp_rtt *rtt);
void fp_rtt_backoff(struct fp_rtt *rtt);

/**
 * fp_rtt_srtt - the smoothed round-trip time
 * @rtt: the estimate
 *
 * Return: microseconds, 0 if there is no sample yet.
 */
static inline u32 fp_rtt_srtt(const struct fp_rtt *rtt)
{
	return rtt->srtt / 8;
}

/**
 * fp_rtt_pto - how long to wait before probing for a lost tail
 * @rtt: the estimate
 * @one_in_flight: a single frame is unacknowledged, its receiver may wait for
 *	another one before it answers
 * @max_ack_delay_us: for how long at most, in microseconds
 *
 * RFC 8985, section 7.2. With a PTO that equals the RTO there is nothing to
 * probe for: the RTO is about to do more.
 *
 * Return: microseconds, never more than the RTO.
 */
static inline u32 fp_rtt_pto(const struct fp_rtt *rtt, bool one_in_flight,
			     u32 max_ack_delay_us)
{
	u64 pto = rtt->rto_initial;

	if (rtt->srtt) {
		pto = 2 * (u64)fp_rtt_srtt(rtt);
		if (one_in_flight)
			pto += max_ack_delay_us;
	}
	return min(pto, (u64)fp_rtt_rto(rtt));
}

#endif /* _FP_RTT_H */
