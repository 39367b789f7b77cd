// SPDX-License-Identifier: GPL-2.0
/*
 * kmod/cubic.c against RFC 9438 in floating point (cubic_model.h) and RFC 9406
 * as told there. Each event is compared alone, from the same state, so that
 * rounding does not add up and no comparison of windows is decided by it.
 */
#include <linux/limits.h>
#include <string.h>

#include "cubic.h"
#include "cubic_model.h"
#include "fuzz.h"

#define MS	0.001
#define SLOT	0.002	/* seconds that the growth function is off at most */
#define LONGEST	2097.151	/* seconds that it counts */

/* RFC 9406, sections 4.2 and 4.3; times in us. */
struct slow_start {
	double last, current, baseline;
	unsigned int samples, rounds;
	bool conservative;
};

/* What an undo goes back to; all 0: nothing. */
struct before {
	u32 cwnd, ssthresh, w_max, cwnd_prior;
	bool begun;
};

struct flow {
	struct fp_cubic cc;
	struct slow_start slow;
	struct before before;
	u64 now;
};

static unsigned long seen_cubic, seen_reno, seen_most, seen_least, seen_undo,
		     seen_slow, seen_avoid, seen_idle;

static double segments(const struct flow *f, double bytes)
{
	return bytes / f->cc.mss;
}

/* The state as the model has it. */
static struct cubic_model model_of(const struct flow *f)
{
	const struct fp_cubic *cc = &f->cc;

	return (struct cubic_model){
		.cwnd = segments(f, cc->cwnd),
		.ssthresh = cc->ssthresh == FP_SSTHRESH_NONE ? INFINITY :
			    segments(f, cc->ssthresh),
		.w_max = segments(f, cc->w_max),
		.cwnd_prior = segments(f, cc->cwnd_prior),
		.w_est = segments(f, cc->epoch.w_est),
		.k = cc->epoch.k * MS,
		.start = 0,
		.limit = segments(f, FP_CWND_MAX),
		.begun = cc->epoch.begun,
	};
}

static bool within(double value, double low, double high, double slack)
{
	return value >= low - slack && value <= high + slack;
}

/* Bytes by which a window may be off: what is below a byte, and thousandths. */
static double slack_of(const struct flow *f)
{
	return segments(f, 4 + f->cc.mss / 1000.0);
}

static double elapsed(const struct flow *f, double later)
{
	double t = f->now > f->cc.epoch.start ? f->now - f->cc.epoch.start : 0;

	return fmin(fmax((t + later) / 1e6, 0), LONGEST);
}

static double elapsed_with(const struct flow *f, u32 srtt)
{
	u64 when = f->now + srtt;
	double t = when > f->cc.epoch.start ? when - f->cc.epoch.start : 0;

	return fmin(t / 1e6, LONGEST);
}

/*
 * The window in congestion avoidance. @m is how it was, but with Reno's growth;
 * near to where Reno's window and CUBIC's are the same, either may count.
 */
static void check_avoidance(const struct flow *f, const struct cubic_model *m,
			    double acked, u32 srtt)
{
	double slack = slack_of(f), cwnd = segments(f, f->cc.cwnd);
	double t = elapsed(f, 0), later = elapsed_with(f, srtt);
	double low = cubic_model_w(m, t - SLOT) - slack;
	double high = cubic_model_w(m, t + SLOT) + slack;
	bool reno, cubic;

	FUZZ_CHECK(fabs(segments(f, f->cc.epoch.w_est) - m->w_est) <= slack);
	reno = within(cwnd, fmax(m->cwnd, m->w_est), fmax(m->cwnd, m->w_est),
		      slack);
	cubic = within(cwnd,
		       cubic_model_grown(m, acked,
					 cubic_model_w(m, later - SLOT)),
		       cubic_model_grown(m, acked,
					 cubic_model_w(m, later + SLOT)),
		       slack);
	FUZZ_CHECK(high < m->w_est ? reno : low > m->w_est ? cubic :
		   reno || cubic);
	seen_reno += high < m->w_est;
	seen_cubic += low > m->w_est;
}

/* The beginning of an epoch: the plateau, and when it will be reached. */
static void check_begin(const struct flow *f, struct cubic_model *m)
{
	double k;

	cubic_model_begin(m, 0);
	k = m->k;
	FUZZ_CHECK(f->cc.epoch.begun && f->cc.epoch.start == f->now);
	FUZZ_CHECK(within(f->cc.epoch.k * MS, k - 1.001 * MS, k, 0.001 * MS));
	FUZZ_CHECK(fabs(segments(f, f->cc.w_max) - m->w_max) <
		   segments(f, 0.5));
	m->k = f->cc.epoch.k * MS;
}

static void slow_round(struct slow_start *s)
{
	s->last = s->current;
	s->current = INFINITY;
	s->samples = 0;
}

/* Returns whether slow start is over. */
static bool slow_ack(struct slow_start *s, const struct fp_cubic_ack *ack)
{
	double rise;

	if (ack->round_start) {
		slow_round(s);
		if (s->conservative && ++s->rounds == 5)
			return true;
	}
	if (!ack->rtt)
		return false;
	s->current = fmin(s->current, ack->rtt);
	if (++s->samples < 8)
		return false;
	rise = fmin(fmax(floor(s->last / 8), 4000), 16000);
	if (!s->conservative && s->current >= s->last + rise) {
		s->conservative = true;
		s->baseline = s->current;
		s->rounds = 0;
	} else if (s->conservative && s->current < s->baseline) {
		s->conservative = false;
	}
	seen_slow += s->conservative;
	return false;
}

/* An acknowledgment that came while the window was used up. */
static void check_growth(const struct flow *f, struct cubic_model *m,
			 const struct fp_cubic_ack *ack, double divisor)
{
	double acked = fmin(segments(f, ack->acked), m->cwnd);
	double rest = cubic_model_slow_start(m, acked, divisor);

	/* Bytes are whole: less than one is none. */
	if (rest < segments(f, 0.5)) {
		FUZZ_CHECK(fabs(segments(f, f->cc.cwnd) - m->cwnd) <=
			   segments(f, 1));
		return;
	}
	seen_avoid++;
	if (!m->begun)
		check_begin(f, m);
	cubic_model_reno(m, rest);
	check_avoidance(f, m, rest, ack->srtt);
}

static void do_ack(struct fuzz *in, struct flow *f)
{
	struct fp_cubic_ack ack = {
		.limited = fuzz_chance(in, 80),
		.round_start = fuzz_chance(in, 15),
	};
	struct cubic_model m = model_of(f);
	bool first = f->cc.ssthresh == FP_SSTHRESH_NONE;
	struct fp_cubic old = f->cc;

	ack.acked = fuzz_chance(in, 80) ? fuzz_below(in, 65536) : fuzz_any(in);
	ack.rtt = fuzz_chance(in, 80) ? fuzz_below(in, 65536) : fuzz_any(in);
	ack.srtt = fuzz_chance(in, 80) ? ack.rtt : fuzz_any(in);
	fp_cubic_ack(&f->cc, &ack, f->now);

	if (first && slow_ack(&f->slow, &ack)) {
		FUZZ_CHECK(f->cc.ssthresh == old.cwnd);
		m.ssthresh = m.cwnd;
	} else {
		FUZZ_CHECK(f->cc.ssthresh == old.ssthresh);
	}
	FUZZ_CHECK(f->cc.last_ack == f->now && f->cc.mss == old.mss &&
		   f->cc.cwnd_prior == old.cwnd_prior);
	FUZZ_CHECK(f->cc.cwnd >= old.cwnd);
	if (ack.limited) {
		check_growth(f, &m, &ack,
			     first && f->slow.conservative ? 4 : 1);
		return;
	}
	FUZZ_CHECK(f->cc.cwnd == old.cwnd);
	FUZZ_CHECK(f->cc.epoch.start - old.epoch.start ==
		   f->now - old.last_ack);
}

static void remember(struct flow *f)
{
	f->before = (struct before){
		.cwnd = f->cc.cwnd,
		.ssthresh = f->cc.ssthresh,
		.w_max = f->cc.w_max,
		.cwnd_prior = f->cc.cwnd_prior,
		.begun = f->cc.epoch.begun,
	};
}

static void check_reduced(const struct flow *f, const struct cubic_model *m)
{
	double byte = segments(f, 1);

	FUZZ_CHECK(fabs(segments(f, f->cc.cwnd) - m->cwnd) <= byte);
	FUZZ_CHECK(fabs(segments(f, f->cc.ssthresh) - m->ssthresh) <= byte);
	FUZZ_CHECK(fabs(segments(f, f->cc.w_max) - m->w_max) <= byte);
	FUZZ_CHECK(segments(f, f->cc.cwnd_prior) == m->cwnd_prior);
	FUZZ_CHECK(!f->cc.epoch.begun);
}

static void do_loss(struct flow *f, bool mark)
{
	struct cubic_model m = model_of(f);

	remember(f);
	if (mark) {
		fp_cubic_ecn(&f->cc);
		f->before.cwnd = 0;
	} else {
		fp_cubic_loss(&f->cc);
	}
	cubic_model_loss(&m);
	check_reduced(f, &m);
}

static void do_timeout(struct flow *f)
{
	struct cubic_model m = model_of(f);

	remember(f);
	fp_cubic_timeout(&f->cc);
	cubic_model_timeout(&m);
	check_reduced(f, &m);
	FUZZ_CHECK(f->cc.cwnd == f->cc.mss);
}

static void do_undo(struct flow *f)
{
	struct fp_cubic old = f->cc;
	const struct before *b = &f->before;

	fp_cubic_undo(&f->cc);
	if (!b->cwnd) {
		FUZZ_CHECK(!memcmp(&old, &f->cc, sizeof(old)));
		return;
	}
	FUZZ_CHECK(f->cc.cwnd == (old.cwnd > b->cwnd ? old.cwnd : b->cwnd));
	FUZZ_CHECK(f->cc.ssthresh == b->ssthresh && f->cc.w_max == b->w_max &&
		   f->cc.cwnd_prior == b->cwnd_prior &&
		   f->cc.epoch.begun == b->begun);
	f->before.cwnd = 0;
	seen_undo++;
}

static u32 initial_window(const struct fp_cubic *cc)
{
	u32 most = 2 * cc->mss > 14600 ? 2 * cc->mss : 14600;

	return 10 * cc->mss < most ? 10 * cc->mss : most;
}

/* RFC 2861, a timeout at a time. */
static void do_idle(struct fuzz *in, struct flow *f)
{
	u64 idle = fuzz_any(in) >> 1;
	u32 rto = fuzz_any(in), least = initial_window(&f->cc);
	struct fp_cubic old = f->cc;
	u64 left = rto ? idle / rto : 0;
	u32 cwnd = old.cwnd;

	fp_cubic_idle(&f->cc, idle, rto);
	for (; left && cwnd > least; left--)
		cwnd = cwnd / 2 > least ? cwnd / 2 : least;
	FUZZ_CHECK(f->cc.cwnd == cwnd);
	FUZZ_CHECK(f->cc.epoch.start == old.epoch.start + idle);
	FUZZ_CHECK(f->cc.last_ack == old.last_ack + idle);
	if (cwnd == old.cwnd) {
		FUZZ_CHECK(f->cc.ssthresh == old.ssthresh);
	} else {
		FUZZ_CHECK(f->cc.ssthresh >= old.ssthresh &&
			   f->cc.ssthresh + 1.0 > 0.75 * old.cwnd);
		f->before.cwnd = 0;
		seen_idle++;
	}
	/* The clock went on meanwhile. */
	f->now += idle;
}

static void do_mss(struct fuzz *in, struct flow *f)
{
	u32 mss = fuzz_chance(in, 90) ? fuzz_below(in, 9000) : fuzz_any(in);
	struct fp_cubic old = f->cc;
	u32 least;

	fp_cubic_set_mss(&f->cc, mss);
	mss = mss < 1 ? 1 : mss > 65535 ? 65535 : mss;
	least = old.cwnd < 2 * old.mss ? mss : 2 * mss;
	FUZZ_CHECK(f->cc.mss == mss);
	if (mss == old.mss)
		least = 0;
	FUZZ_CHECK(f->cc.cwnd == (old.cwnd > least ? old.cwnd : least));
	FUZZ_CHECK(f->cc.ssthresh == old.ssthresh);
	if (mss != old.mss) {
		FUZZ_CHECK(!f->cc.epoch.begun);
		f->before.begun = false;
	}
}

static void check_pacing(struct fuzz *in, const struct flow *f)
{
	u32 srtt = fuzz_any(in);
	double factor = f->cc.cwnd < f->cc.ssthresh ? 2 : 1.2;
	u64 rate = fp_cubic_pacing_rate(&f->cc, srtt);

	if (!srtt)
		FUZZ_CHECK(!rate);
	else
		FUZZ_CHECK(fabs(rate - factor * f->cc.cwnd * 1e6 / srtt) <=
			   2 + 1e6 / srtt);
}

static void check_bounds(const struct flow *f)
{
	const struct fp_cubic *cc = &f->cc;

	FUZZ_CHECK(cc->mss >= 1 && cc->mss <= 65535);
	FUZZ_CHECK(cc->cwnd >= cc->mss && cc->cwnd <= FP_CWND_MAX);
	FUZZ_CHECK(cc->w_max <= FP_CWND_MAX);
	FUZZ_CHECK(cc->epoch.w_est <= FP_CWND_MAX);
	FUZZ_CHECK(cc->epoch.k <= LONGEST * 1000);
	seen_most += cc->cwnd == FP_CWND_MAX;
	seen_least += cc->cwnd == cc->mss;
}

static void event(struct fuzz *in, struct flow *f)
{
	unsigned int what = fuzz_take(in, 1);
	u32 least = f->cc.ssthresh;

	f->now += fuzz_chance(in, 90) ? fuzz_below(in, 65536) :
					fuzz_any(in) >> 24;
	if (what < 8)
		do_loss(f, false);
	else if (what < 12)
		do_loss(f, true);
	else if (what < 16)
		do_timeout(f);
	else if (what < 22)
		do_undo(f);
	else if (what < 26)
		do_idle(in, f);
	else if (what < 28)
		do_mss(in, f);
	else if (what < 36)
		check_pacing(in, f);
	else
		do_ack(in, f);
	if (what < 16)
		FUZZ_CHECK(f->cc.ssthresh >= 2 * f->cc.mss);
	else if (what >= 26)
		FUZZ_CHECK(f->cc.ssthresh <= least);
	check_bounds(f);
}

int fuzz_one(const u8 *data, size_t size)
{
	struct fuzz in = { .at = data, .end = data + size };
	struct flow f = {
		.slow = { .last = INFINITY, .current = INFINITY },
	};

	f.now = fuzz_any(&in) >> 3;
	memset(&f.cc, 0x55, sizeof(f.cc));
	fp_cubic_init(&f.cc, fuzz_chance(&in, 80) ? 1400 : fuzz_any(&in));
	FUZZ_CHECK(f.cc.cwnd == initial_window(&f.cc));
	FUZZ_CHECK(f.cc.ssthresh == FP_SSTHRESH_NONE);
	/* Any window may have come about: no need to grow up to it first. */
	if (fuzz_chance(&in, 30)) {
		f.cc.cwnd += fuzz_any(&in) % (FP_CWND_MAX - f.cc.cwnd + 1);
		f.cc.ssthresh = fuzz_chance(&in, 50) ? f.cc.cwnd :
				FP_SSTHRESH_NONE;
	}
	while (fuzz_more(&in))
		event(&in, &f);
	return 0;
}

static const char *missed(void)
{
	const struct {
		unsigned long seen;
		const char *name;
	} all[] = {
		{ seen_slow, "conservative slow start" },
		{ seen_avoid, "congestion avoidance" },
		{ seen_reno, "growth as Reno's" },
		{ seen_cubic, "growth as CUBIC's" },
		{ seen_most, "the greatest window" },
		{ seen_least, "the least window" },
		{ seen_undo, "an undo" },
		{ seen_idle, "a pause that shrinks the window" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!all[i].seen)
			return all[i].name;
	return NULL;
}

const struct fuzz_target fuzz_target = {
	.name = "cubic",
	.cases = 20000,
	.size = 4096,
	.missed = missed,
};
