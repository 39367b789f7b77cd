// SPDX-License-Identifier: GPL-2.0
#include <linux/string.h>

#include "rxwin.h"

/**
 * fp_rxwin_init - begin with frame 0
 * @w: the window
 */
void fp_rxwin_init(struct fp_rxwin *w)
{
	w->next = 0;
	w->nr = 0;
	w->newest = 0;
}

static void remove(struct fp_rxwin *w, unsigned int at)
{
	w->nr--;
	memmove(w->ranges + at, w->ranges + at + 1,
		(w->nr - at) * sizeof(*w->ranges));
	if (w->newest > at)
		w->newest--;
}

static void insert(struct fp_rxwin *w, unsigned int at, u64 seq)
{
	memmove(w->ranges + at + 1, w->ranges + at,
		(w->nr - at) * sizeof(*w->ranges));
	w->ranges[at].begin = seq;
	w->ranges[at].end = seq + 1;
	w->nr++;
}

/* The first range that ends at or behind @seq, so that may hold or touch it. */
static unsigned int find_range(const struct fp_rxwin *w, u64 seq)
{
	unsigned int low = 0, high = w->nr;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (w->ranges[middle].end < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum fp_rxwin_result add_next(struct fp_rxwin *w)
{
	w->next++;
	if (w->nr && w->ranges[0].begin == w->next) {
		w->next = w->ranges[0].end;
		remove(w, 0);
	}
	return FP_RXWIN_NEXT;
}

static enum fp_rxwin_result add_ahead(struct fp_rxwin *w, u64 seq)
{
	unsigned int at = find_range(w, seq);
	struct fp_range *range = w->ranges + at;
	enum fp_rxwin_result result = FP_RXWIN_AHEAD;

	if (at == w->nr || seq + 1 < range->begin) {
		if (w->nr == FP_RXWIN_RANGES)
			return FP_RXWIN_FULL;
		insert(w, at, seq);
	} else if (seq + 1 == range->begin) {
		range->begin = seq;
	} else if (seq < range->end) {
		result = FP_RXWIN_OLD;
	} else {
		range->end++;
		if (at + 1 < w->nr && range[1].begin == range->end) {
			range->end = range[1].end;
			remove(w, at + 1);
		}
	}
	/* Even a duplicate: perhaps its first acknowledgment was lost. */
	w->newest = at;
	return result;
}

/**
 * fp_rxwin_add_slow - a frame came: fp_rxwin_add() but for its usual case
 * @w: the window
 * @seq: its sequence number
 * @limit: the first sequence number that is too far ahead
 *
 * Return: what it was.
 */
enum fp_rxwin_result fp_rxwin_add_slow(struct fp_rxwin *w, u64 seq, u64 limit)
{
	if (seq < w->next)
		return FP_RXWIN_OLD;
	/* No range can end behind the greatest number. */
	if (seq >= limit)
		return FP_RXWIN_FULL;
	if (seq == w->next)
		return add_next(w);
	return add_ahead(w, seq);
}

/**
 * fp_rxwin_report - what to acknowledge selectively
 * @w: the window
 * @out: where to write the ranges to
 * @max: how many fit there
 *
 * The range with the newest arrival comes first, as long as that is not below
 * fp_rxwin.next; then the lowest ones, which the sender needs most.
 *
 * Return: how many ranges were written, each once.
 */
unsigned int fp_rxwin_report(const struct fp_rxwin *w, struct fp_range *out,
			     unsigned int max)
{
	unsigned int i, nr = 0;

	if (!w->nr || !max)
		return 0;
	out[nr++] = w->ranges[w->newest];
	for (i = 0; i < w->nr && nr < max; i++) {
		if (i != w->newest)
			out[nr++] = w->ranges[i];
	}
	return nr;
}
