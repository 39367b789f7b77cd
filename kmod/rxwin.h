/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which frames of a connection have come: all below a sequence number, and
 * ranges above it. Pure: no skb, no lock, no allocation; user-space tests build
 * the same source.
 */
#ifndef _FP_RXWIN_H
#define _FP_RXWIN_H

#include <linux/types.h>

#include "wire.h"

#define FP_RXWIN_RANGES	64	/* most ranges that a receiver keeps */

/**
 * struct fp_rxwin - which frames have come
 * @next: all below have come, this one has not
 * @nr: used entries of @ranges
 * @newest: the entry that holds the newest arrival of those above @next; less
 *	than @nr unless both are 0
 * @ranges: what came above @next: sorted, with a gap before each
 *
 * Belongs to a connection; the caller's lock guards it.
 */
struct fp_rxwin {
	u64 next;
	u16 nr;
	u16 newest;
	struct fp_range ranges[FP_RXWIN_RANGES];
};

/**
 * enum fp_rxwin_result - what a frame that came was
 * @FP_RXWIN_NEXT: the next one: fp_rxwin.next went on, perhaps over a range
 * @FP_RXWIN_AHEAD: new, but one before it is missing
 * @FP_RXWIN_OLD: it had come before
 * @FP_RXWIN_FULL: too far ahead, or one gap too many; it counts as not come
 */
enum fp_rxwin_result {
	FP_RXWIN_NEXT,
	FP_RXWIN_AHEAD,
	FP_RXWIN_OLD,
	FP_RXWIN_FULL,
};

void fp_rxwin_init(struct fp_rxwin *w);
enum fp_rxwin_result fp_rxwin_add_slow(struct fp_rxwin *w, u64 seq, u64 limit);
unsigned int fp_rxwin_report(const struct fp_rxwin *w, struct fp_range *out,
			     unsigned int max);

/**
 * fp_rxwin_add - a frame came
 * @w: the window
 * @seq: its sequence number
 * @limit: the first sequence number that is too far ahead; so the last possible
 *	number, U64_MAX, is never taken
 *
 * Return: what it was.
 */
static inline enum fp_rxwin_result fp_rxwin_add(struct fp_rxwin *w, u64 seq,
						u64 limit)
{
	if (seq != w->next || w->nr || seq >= limit)
		return fp_rxwin_add_slow(w, seq, limit);
	w->next++;
	return FP_RXWIN_NEXT;
}

#endif /* _FP_RXWIN_H */
