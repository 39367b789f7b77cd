// SPDX-License-Identifier: GPL-2.0
#include <linux/minmax.h>
#include <linux/string.h>

#include "rtt.h"

#define GRANULARITY	1000U	/* G of RFC 6298, us */

/* From a millisecond that is more than any limit: no need to count on. */
#define BACKOFF_MAX	20

/**
 * fp_rtt_init - forget all samples
 * @rtt: the estimate
 */
void fp_rtt_init(struct fp_rtt *rtt)
{
	memset(rtt, 0, sizeof(*rtt));
	fp_rtt_set_limits(rtt, FP_RTO_INITIAL, FP_RTO_MIN, FP_RTO_MAX);
}

/**
 * fp_rtt_set_limits - choose what the retransmission timeout may be
 * @rtt: the estimate
 * @initial: while there is no sample
 * @least: with samples, and before the first one, too
 * @greatest: the same, and with back-off; not less than @least
 */
void fp_rtt_set_limits(struct fp_rtt *rtt, u32 initial, u32 least, u32 greatest)
{
	rtt->rto_initial = initial;
	rtt->rto_min = least;
	rtt->rto_max = greatest;
}

/* Two halves of the window, so that one old sample goes without the others. */
static void sample_min(struct fp_rtt *rtt, u32 sample, u64 now)
{
	u64 age = now - rtt->min_since;

	if (!rtt->min[0] || age >= FP_RTT_MIN_WINDOW) {
		rtt->min[1] = 0;
		rtt->min[0] = sample;
		rtt->min_since = now;
	} else if (age >= FP_RTT_MIN_WINDOW / 2) {
		rtt->min[1] = rtt->min[0];
		rtt->min[0] = sample;
		rtt->min_since += FP_RTT_MIN_WINDOW / 2;
	}
	rtt->min[0] = min(rtt->min[0], sample);
}

/**
 * fp_rtt_sample - take in a measured round-trip time
 * @rtt: the estimate
 * @rtt_us: the sample in microseconds
 * @now: the time in microseconds, of a clock that doesn't go back
 *
 * RFC 6298, sections 2.2 and 2.3. The sample ends the back-off (section 5.7).
 */
void fp_rtt_sample(struct fp_rtt *rtt, u32 rtt_us, u64 now)
{
	u32 sample = clamp(rtt_us, 1U, FP_RTT_MAX);
	u32 srtt = fp_rtt_srtt(rtt);
	u32 deviation;

	rtt->backoff = 0;
	sample_min(rtt, sample, now);
	if (!srtt) {
		rtt->srtt = 8 * sample;
		rtt->rttvar = 2 * sample;
		return;
	}
	deviation = sample > srtt ? sample - srtt : srtt - sample;
	rtt->rttvar = rtt->rttvar - rtt->rttvar / 4 + deviation;
	rtt->srtt = rtt->srtt - srtt + sample;
}

/**
 * fp_rtt_min - the least round-trip time of the last minutes
 * @rtt: the estimate
 *
 * It covers FP_RTT_MIN_WINDOW at most, half of it at least.
 *
 * Return: microseconds, 0 if there is no sample yet.
 */
u32 fp_rtt_min(const struct fp_rtt *rtt)
{
	return rtt->min[1] ? min(rtt->min[0], rtt->min[1]) : rtt->min[0];
}

/**
 * fp_rtt_rto - how long to wait before all in flight counts as lost
 * @rtt: the estimate
 *
 * RFC 6298 with the minimum of fp_rtt_set_limits() instead of a second.
 *
 * Return: microseconds within these limits, back-off included.
 */
u32 fp_rtt_rto(const struct fp_rtt *rtt)
{
	u64 rto = rtt->rto_initial;

	/* Kept in quarters, rttvar is what the RFC multiplies by 4. */
	if (rtt->srtt)
		rto = fp_rtt_srtt(rtt) + max(rtt->rttvar, GRANULARITY);
	rto = clamp(rto, (u64)rtt->rto_min, (u64)rtt->rto_max);
	return min(rto << rtt->backoff, (u64)rtt->rto_max);
}

/**
 * fp_rtt_backoff - the retransmission timeout fired: wait twice as long
 * @rtt: the estimate
 */
void fp_rtt_backoff(struct fp_rtt *rtt)
{
	if (rtt->backoff < BACKOFF_MAX)
		rtt->backoff++;
}
