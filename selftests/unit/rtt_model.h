/* SPDX-License-Identifier: GPL-2.0 */
/* RFC 6298 in floating point, what kmod/rtt.c is compared with. */
#ifndef _RTT_MODEL_H
#define _RTT_MODEL_H

#include <linux/types.h>

static inline double distance(double a, double b)
{
	return a < b ? b - a : a - b;
}

/* No rounding and no scaling; the caller sets the limits. */
struct rtt_model {
	double srtt, rttvar, rto_min, rto_max;
	u32 min;
	int backoff;
};

static inline void rtt_model_sample(struct rtt_model *m, u32 sample)
{
	if (m->srtt == 0) {
		m->srtt = sample;
		m->rttvar = sample / 2.0;
		m->min = sample;
	} else {
		m->rttvar = 0.75 * m->rttvar +
			    0.25 * distance(m->srtt, sample);
		m->srtt = 0.875 * m->srtt + 0.125 * sample;
	}
	m->min = sample < m->min ? sample : m->min;
	m->backoff = 0;
}

static inline double rtt_model_rto(const struct rtt_model *m)
{
	double var = 4 * m->rttvar > 1000 ? 4 * m->rttvar : 1000;
	double rto = m->srtt + var;
	int i;

	rto = rto < m->rto_min ? m->rto_min : rto;
	for (i = 0; i < m->backoff; i++)
		rto *= 2;
	return rto > m->rto_max ? m->rto_max : rto;
}

#endif /* _RTT_MODEL_H */
