/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was sent and is not acknowledged, and which of it is lost: RACK-TLP
 * (RFC 8985) with our timestamps. Pure: no skb, no lock, no allocation;
 * user-space tests build the same source.
 *
 * The times are in us, of a clock that does not go back. The timestamp that a
 * frame carries is the low half of fp_txframe.sent. The caller's lock guards a
 * window and its frames.
 */
#ifndef _FP_TXWIN_H
#define _FP_TXWIN_H

#include <linux/list.h>
#include <linux/types.h>

#include "rxwin.h"

#define FP_TX_RANGES	32		/* most ranges in an acknowledgment */
#define FP_TX_NO_RTT	((u32)~0U)	/* in fp_tx_result.rtt: no sample */

/**
 * enum fp_txframe_state - where a frame is
 * @FP_TXFRAME_QUEUED: never sent
 * @FP_TXFRAME_FLIGHT: sent; on its way for all that we know
 * @FP_TXFRAME_LOST: to be sent again
 * @FP_TXFRAME_ACKED: came; no longer in the window
 */
enum fp_txframe_state {
	FP_TXFRAME_QUEUED,
	FP_TXFRAME_FLIGHT,
	FP_TXFRAME_LOST,
	FP_TXFRAME_ACKED,
};

/**
 * struct fp_txframe - a frame in the window
 * @link: in fp_txwin.flight_list or .lost_list, or empty
 * @seq: sequence number
 * @sent: when it was last sent; 0: never
 * @bytes: what it counts against the congestion window; set by the caller
 *	before it is queued
 * @state: enum fp_txframe_state
 * @transmissions: how often it was sent; stops at 255
 * @flags: the caller's
 *
 * The caller owns the memory, and lends it from fp_txwin_queue() until
 * fp_txwin.acked is called for it. It lies in skb->cb.
 */
struct fp_txframe {
	struct list_head link;
	u64 seq;
	u64 sent;
	u32 bytes;
	u8 state;
	u8 transmissions;
	u16 flags;
};

/**
 * struct fp_txrack - what RACK knows (RFC 8985, section 5.2)
 * @sent: when the most recently sent frame of those that came was sent; 0: none
 * @seq: the sequence number of that frame
 * @fack: the highest that came, + 1
 * @dup_round: what una must reach before another duplicate makes the reordering
 *	window larger; 0: any may
 * @min_stamp: when @min_rtt was measured
 * @rtt: us from sending to acknowledgment of a most recently sent frame
 * @min_rtt: the least RTT of some minutes, us; FP_TX_NO_RTT: not known
 * @wnd_mult: the reordering window in quarters of @min_rtt
 * @wnd_persist: recoveries without a duplicate until @wnd_mult is 1 again
 * @reordered: the network is known to change the order
 */
struct fp_txrack {
	u64 sent;
	u64 seq;
	u64 fack;
	u64 dup_round;
	u64 min_stamp;
	u32 rtt;
	u32 min_rtt;
	u8 wnd_mult;
	u8 wnd_persist;
	bool reordered;
};

/**
 * enum fp_txwin_eifel - is the first retransmission of a recovery in question?
 * @FP_EIFEL_OFF: no
 * @FP_EIFEL_ARMED: yes, and it is still to be sent
 * @FP_EIFEL_WAIT: yes, and its acknowledgment will tell
 */
enum fp_txwin_eifel {
	FP_EIFEL_OFF,
	FP_EIFEL_ARMED,
	FP_EIFEL_WAIT,
};

/**
 * struct fp_txwin - a connection's send window
 * @ring: the frames, a frame at its sequence number & @mask; in place of one
 *	that came and is not below @una, an odd number: twice the count of
 *	frames from here on that are known to have come, + 1
 * @mask: the size of @ring - 1
 * @flight: bytes of the frames in flight
 * @una: the first that is not acknowledged
 * @next: the first never sent
 * @end: the first not queued
 * @flight_list: the frames in flight, in the order of their last transmission
 * @lost_list: the lost ones, by sequence number
 * @lost_at: where in @lost_list the last one was put in
 * @lost_bytes: their bytes
 * @lost_nr: their number
 * @sacked: how many of @una..@next came
 * @acked: called with each frame that came, when the window has forgotten it;
 *	must not call into the window
 * @oldest: no frame at or above @una was sent before
 * @recovery: @next when the recovery began; its end
 * @reduced: @next when the congestion window was last to be reduced: losses
 *	and marks of a frame below are of the same congestion
 * @eifel_seq: the first retransmission in this recovery
 * @eifel_sent: when it was sent
 * @probe_seq: the frame that was sent as a tail loss probe; U64_MAX: none
 * @probe_sent: when it was, if that was not its first transmission; else 0
 * @ce: last count of CE marks
 * @dup: last count of duplicates
 * @eifel: enum fp_txwin_eifel
 * @probe_dup: a probe was not needed: one duplicate is no sign of reordering
 * @in_recovery: lost frames are being repaired
 * @rack: RACK's state
 */
struct fp_txwin {
	struct fp_txframe **ring;
	u32 mask;
	u32 flight;
	u64 una;
	u64 next;
	u64 end;
	struct list_head flight_list;
	struct list_head lost_list;
	struct list_head *lost_at;
	u32 lost_bytes;
	u32 lost_nr;
	u32 sacked;
	void (*acked)(struct fp_txwin *w, struct fp_txframe *frame);
	u64 oldest;
	u64 recovery;
	u64 reduced;
	u64 eifel_seq;
	u64 eifel_sent;
	u64 probe_seq;
	u64 probe_sent;
	u16 ce;
	u8 dup;
	u8 eifel;
	bool probe_dup;
	bool in_recovery;
	struct fp_txrack rack;
};

/**
 * struct fp_tx_ack - an acknowledgment in host terms
 * @ack: all below came
 * @ts_echo: timestamp of the frame that caused it most recently
 * @delay: us from that frame's arrival to the acknowledgment
 * @ce: running count of frames that came with a CE mark
 * @dup: running count of frames that came twice
 * @nr: how many ranges
 * @ranges: what came above @ack, in any order
 */
struct fp_tx_ack {
	u64 ack;
	u32 ts_echo;
	u32 delay;
	u16 ce;
	u8 dup;
	u8 nr;
	const struct fp_range *ranges;
};

/**
 * struct fp_tx_result - what an acknowledgment or a timer brought
 * @old_una: fp_txwin.una before
 * @check: when to call fp_txwin_detect(), us; 0: not needed
 * @acked_bytes: bytes of the frames that came
 * @lost_bytes: bytes of the frames found lost
 * @rtt: us on the way, the receiver's delay not counted; FP_TX_NO_RTT: none
 * @ce_nr: how many CE marks are new
 * @una_advanced: fp_txwin.una went on
 * @new_lost: frames were found lost
 * @enter_recovery: frames were lost: reduce the congestion window
 * @enter_cwr: frames were marked: reduce the congestion window; never together
 *	with @enter_recovery, and of both only one in a window of data
 * @ce_more: @ce_nr is not 0
 * @dup_more: frames came twice
 * @spurious: the last reduction was for nothing: undo it, before anything else
 *	that is told here is done
 * @probe_repaired: a tail loss probe replaced a lost frame
 */
struct fp_tx_result {
	u64 old_una;
	u64 check;
	u32 acked_bytes;
	u32 lost_bytes;
	u32 rtt;
	u16 ce_nr;
	bool una_advanced;
	bool new_lost;
	bool enter_recovery;
	bool enter_cwr;
	bool ce_more;
	bool dup_more;
	bool spurious;
	bool probe_repaired;
};

void fp_txwin_init(struct fp_txwin *w, struct fp_txframe **ring, u32 size,
		   void (*acked)(struct fp_txwin *w, struct fp_txframe *frame));
void fp_txwin_resume(struct fp_txwin *w, u64 seq, u16 ce, u8 dup);
struct fp_txframe **fp_txwin_move(struct fp_txwin *w, struct fp_txframe **ring,
				  u32 size);
struct fp_txframe *fp_txwin_frame(const struct fp_txwin *w, u64 seq);
void fp_txwin_queue(struct fp_txwin *w, struct fp_txframe *frame);
void fp_txwin_sent(struct fp_txwin *w, struct fp_txframe *frame, u64 now);
int fp_txwin_ack(struct fp_txwin *w, const struct fp_tx_ack *ack, u32 srtt,
		 u64 now, struct fp_tx_result *res);
u64 fp_txwin_detect(struct fp_txwin *w, u32 srtt, u64 now,
		    struct fp_tx_result *res);
void fp_txwin_timeout(struct fp_txwin *w);
struct fp_txframe *fp_txwin_probe(const struct fp_txwin *w);
void fp_txwin_probe_new(struct fp_txwin *w, const struct fp_txframe *frame);

/**
 * fp_txwin_next - what to send now
 * @w: the window
 *
 * Return: the first lost frame, or the first never sent, or NULL. It stays so
 * until fp_txwin_sent() is called.
 */
static inline struct fp_txframe *fp_txwin_next(const struct fp_txwin *w)
{
	if (!list_empty(&w->lost_list))
		return list_first_entry(&w->lost_list, struct fp_txframe, link);
	return w->next < w->end ? w->ring[w->next & w->mask] : NULL;
}

/**
 * fp_txwin_room - how many more frames may be queued
 * @w: the window
 *
 * Return: their number.
 */
static inline u32 fp_txwin_room(const struct fp_txwin *w)
{
	return w->mask + 1 - (u32)(w->end - w->una);
}

#endif /* _FP_TXWIN_H */
