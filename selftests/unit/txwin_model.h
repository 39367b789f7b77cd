/* SPDX-License-Identifier: GPL-2.0 */
/* What kmod/txwin.c keeps, counted once more, frame by frame. */
#ifndef _TXWIN_MODEL_H
#define _TXWIN_MODEL_H

#include "txwin.h"

/*
 * All that must hold at any time: what of it does not, or NULL. @acked tells
 * for each sequence number how often the window said that it came.
 */
static inline const char *broken(const struct fp_txwin *w,
				 const unsigned int *acked)
{
	u32 flight = 0, flight_nr = 0, lost = 0, lost_nr = 0, came = 0;
	const struct fp_txframe *frame;
	u64 seq, sent = 0, number = 0;
	bool queued;

	if (w->una > w->next || w->next > w->end)
		return "una, next, end";
	for (seq = w->una; seq < w->end; seq++) {
		frame = fp_txwin_frame(w, seq);
		if (!frame && seq >= w->next)
			return "came, but not sent";
		if (!frame) {
			came++;
			if (acked[seq] != 1)
				return "told as acked not once";
			continue;
		}
		if (frame->seq != seq || acked[seq])
			return "wrong frame in the ring";
		queued = seq >= w->next;
		if (queued != !frame->transmissions)
			return "transmissions";
		if (!queued && frame->state == FP_TXFRAME_FLIGHT) {
			flight += frame->bytes;
			flight_nr++;
		} else if (!queued && frame->state == FP_TXFRAME_LOST) {
			lost += frame->bytes;
			lost_nr++;
		} else if (!queued || frame->state != FP_TXFRAME_QUEUED) {
			return "state";
		}
	}
	if (w->una < w->next && !fp_txwin_frame(w, w->una))
		return "una came";
	if (came != w->sacked || flight != w->flight ||
	    lost != w->lost_bytes || lost_nr != w->lost_nr)
		return "sums";
	list_for_each_entry(frame, &w->flight_list, link) {
		if (frame->state != FP_TXFRAME_FLIGHT || frame->sent < sent)
			return "flight list";
		sent = frame->sent;
		flight_nr--;
	}
	list_for_each_entry(frame, &w->lost_list, link) {
		if (frame->state != FP_TXFRAME_LOST ||
		    (number && frame->seq < number))
			return "lost list";
		number = frame->seq + 1;
		lost_nr--;
	}
	if (flight_nr || lost_nr)
		return "length of a list";
	if (lost && !w->in_recovery)
		return "losses without recovery";
	frame = fp_txwin_frame(w, w->probe_seq);
	if (w->probe_seq != ~0ull &&
	    (!frame || frame->state != FP_TXFRAME_FLIGHT))
		return "probe is not in flight";
	return NULL;
}

#endif /* _TXWIN_MODEL_H */
