// SPDX-License-Identifier: GPL-2.0
/* kmod/rtt.c against RFC 6298 in floating point, and its bounds anywhere. */
#include "fuzz.h"
#include "rtt.h"
#include "rtt_model.h"

#define MOST	256	/* samples that are remembered */

/* All samples of a case: the minimum is looked for among them. */
struct history {
	struct fp_rtt rtt;
	struct rtt_model model;
	u32 samples[MOST];
	u64 times[MOST];
	unsigned int nr;
	u64 now;
};

static unsigned long backed_off, forgotten;

static u32 clamped(u32 sample)
{
	return sample < 1 ? 1 : sample > FP_RTT_MAX ? FP_RTT_MAX : sample;
}

/* The least that came in less than @age us before the last one. */
static u32 least(const struct history *h, u64 age)
{
	u32 min = h->samples[h->nr - 1];
	u64 last = h->times[h->nr - 1];
	unsigned int i = h->nr;

	while (i-- && last - h->times[i] < age)
		min = h->samples[i] < min ? h->samples[i] : min;
	return min;
}

static void check_minimum(const struct history *h)
{
	u32 min = fp_rtt_min(&h->rtt);

	/* Half the window at least, the whole of it at most. */
	FUZZ_CHECK(min <= least(h, FP_RTT_MIN_WINDOW / 2));
	FUZZ_CHECK(min >= least(h, FP_RTT_MIN_WINDOW));
	forgotten += min > least(h, ~0ull);
}

/*
 * The integers lose up to an eighth of a microsecond a sample of the smoothed
 * time, and a quarter of the deviation, all of which fades as fast as it comes.
 */
static void check_estimate(const struct history *h)
{
	double slack = 16.0 * (1 << h->rtt.backoff);

	FUZZ_CHECK(distance(h->model.srtt, fp_rtt_srtt(&h->rtt)) < 2);
	FUZZ_CHECK(distance(rtt_model_rto(&h->model), fp_rtt_rto(&h->rtt)) <
		   slack);
}

static void check_bounds(struct fuzz *f, const struct fp_rtt *rtt)
{
	u32 rto = fp_rtt_rto(rtt), delay = fuzz_any(f);
	double pto = 2.0 * fp_rtt_srtt(rtt);
	bool one = fuzz_chance(f, 50);

	FUZZ_CHECK(rto >= rtt->rto_min && rto <= rtt->rto_max);
	if (!rtt->srtt)
		pto = rtt->rto_initial;
	else if (one)
		pto += delay;
	FUZZ_CHECK(fp_rtt_pto(rtt, one, delay) == (pto < rto ? pto : rto));
}

static void sample(struct fuzz *f, struct history *h, u32 scale)
{
	u32 rtt = fuzz_chance(f, 90) ? fuzz_any(f) % scale : fuzz_any(f);

	h->samples[h->nr] = clamped(rtt);
	h->times[h->nr] = h->now;
	fp_rtt_sample(&h->rtt, rtt, h->now);
	rtt_model_sample(&h->model, h->samples[h->nr++]);
}

static void back_off(struct history *h, unsigned int times)
{
	while (times--) {
		fp_rtt_backoff(&h->rtt);
		h->model.backoff++;
	}
	backed_off += h->model.backoff > 20;
	if (h->model.backoff > 1000)
		h->model.backoff = 1000;
}

/* From a millisecond to a quarter of an hour. */
static void set_limits(struct fuzz *f, struct fp_rtt *rtt)
{
	u32 least = 1000 + fuzz_any(f) % 1000000;
	u32 greatest = least + fuzz_any(f) % 900000000;

	fp_rtt_set_limits(rtt, fuzz_any(f), least, greatest);
}

int fuzz_one(const u8 *data, size_t size)
{
	struct fuzz f = { .at = data, .end = data + size };
	u32 scale = 1 + fuzz_any(&f) % FP_RTT_MAX;
	static struct history h;

	h.nr = 0;
	h.now = fuzz_any(&f) >> 2;
	fp_rtt_init(&h.rtt);
	FUZZ_CHECK(fp_rtt_rto(&h.rtt) == FP_RTO_INITIAL);
	if (fuzz_chance(&f, 50))
		set_limits(&f, &h.rtt);
	h.model = (struct rtt_model){
		.rto_min = h.rtt.rto_min,
		.rto_max = h.rtt.rto_max,
	};
	FUZZ_CHECK(!fp_rtt_srtt(&h.rtt) && !fp_rtt_min(&h.rtt));
	while (fuzz_more(&f) && h.nr < MOST) {
		h.now += fuzz_any(&f) & 0x3fffffff;
		if (fuzz_chance(&f, 20))
			back_off(&h, 1 + fuzz_below(&f, 32));
		else
			sample(&f, &h, scale);
		check_bounds(&f, &h.rtt);
		if (!h.nr)
			continue;
		check_estimate(&h);
		check_minimum(&h);
	}
	return 0;
}

static const char *missed(void)
{
	if (!backed_off)
		return "a long back-off";
	return forgotten ? NULL : "a minimum that was forgotten";
}

const struct fuzz_target fuzz_target = {
	.name = "rtt",
	.cases = 20000,
	.size = 2048,
	.missed = missed,
};
