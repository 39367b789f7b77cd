/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of RFC 9438's section 4 in floating point, written down independently of
 * kmod/cubic.c, in segments and seconds.
 */
#ifndef _CUBIC_MODEL_H
#define _CUBIC_MODEL_H

#include <math.h>
#include <stdbool.h>

#define C	0.4
#define BETA	0.7
#define ALPHA	(3 * (1 - BETA) / (1 + BETA))

/* The names are those of the RFC; no window becomes larger than @limit. */
struct cubic_model {
	double cwnd, ssthresh, w_max, cwnd_prior, w_est, k, start, limit;
	bool begun;
};

/* W_cubic(t), section 4.2, for the time @now. */
static inline double cubic_model_w(const struct cubic_model *m, double now)
{
	return fmin(C * pow(now - m->start - m->k, 3) + m->w_max, m->limit);
}

/* What of @acked is left for congestion avoidance. */
static inline double cubic_model_slow_start(struct cubic_model *m,
					    double acked, double divisor)
{
	double room = m->ssthresh - m->cwnd;

	if (room <= 0)
		return acked;
	if (acked / divisor < room) {
		m->cwnd = fmin(m->cwnd + acked / divisor, m->limit);
		return 0;
	}
	m->cwnd = m->ssthresh;
	return acked - room;
}

static inline void cubic_model_begin(struct cubic_model *m, double now)
{
	m->begun = true;
	m->start = now;
	m->w_max = fmax(m->w_max, m->cwnd);
	m->k = cbrt((m->w_max - m->cwnd) / C);
	m->w_est = m->cwnd;
}

/* Section 4.3. */
static inline void cubic_model_reno(struct cubic_model *m, double acked)
{
	double alpha = m->w_est < m->cwnd_prior ? ALPHA : 1;

	m->w_est = fmin(m->w_est + alpha * acked / m->cwnd, m->limit);
}

/* Sections 4.4 and 4.5: what the window becomes, with W_cubic(t + RTT). */
static inline double cubic_model_grown(const struct cubic_model *m,
				       double acked, double w)
{
	double target = fmin(fmax(w, m->cwnd), 1.5 * m->cwnd);

	return m->cwnd + (target - m->cwnd) * acked / m->cwnd;
}

static inline void cubic_model_ack(struct cubic_model *m, double acked,
				   double rtt, double now)
{
	acked = cubic_model_slow_start(m, acked, 1);
	if (!acked)
		return;
	if (!m->begun)
		cubic_model_begin(m, now);
	cubic_model_reno(m, acked);
	if (cubic_model_w(m, now) < m->w_est)
		m->cwnd = fmax(m->cwnd, m->w_est);
	else
		m->cwnd = cubic_model_grown(m, acked,
					    cubic_model_w(m, now + rtt));
}

/* Sections 4.6 and 4.7. */
static inline void cubic_model_loss(struct cubic_model *m)
{
	m->cwnd_prior = m->cwnd;
	m->w_max = m->cwnd < m->w_max ? m->cwnd * (1 + BETA) / 2 : m->cwnd;
	m->ssthresh = fmax(m->cwnd * BETA, 2);
	m->cwnd = fmin(m->cwnd, m->ssthresh);
	m->begun = false;
}

/* Section 4.8. */
static inline void cubic_model_timeout(struct cubic_model *m)
{
	cubic_model_loss(m);
	m->cwnd = 1;
	m->w_max = 0;
}

#endif /* _CUBIC_MODEL_H */
