// SPDX-License-Identifier: GPL-2.0
/*
 * From data frames to messages, and to the end of them: what is missing, what waits
 * for what is before it, and what goes to the connection's queue or ring. Context:
 * softirq.
 */
#include <linux/crc32.h>
#include <net/busy_poll.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

/*
 * An acknowledgment is due at once after two full frames of payload; that is more
 * than one with its headers.
 */
static bool has_enough_to_ack(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return act->ack_bytes > act->cc.mss &&
	       act->ack_bytes >= 2 * fp_transmit_payload_max(conn);
}

static u32 frame_cost(const struct fp_frame *frame)
{
	return frame->payload_len + FP_FRAME_COST;
}

/* The peer's FIN is next in order. Who sees that sees all messages before. */
static void fin_received(struct fp_conn *conn)
{
	switch (conn->state) {
	case FP_ESTABLISHED:
		/* Pairs with smp_load_acquire() in fp_conn_is_at_end(). */
		smp_store_release(&conn->state, FP_CLOSE_WAIT);
		break;
	case FP_FIN_WAIT_1:
		/* The same. */
		smp_store_release(&conn->state, FP_CLOSING);
		/* With an acknowledgment it would be taken for an answer. */
		fp_transmit_fin_only(conn);
		break;
	case FP_FIN_WAIT_2:
		conn->act->finished = true;
		break;
	default:
		break;
	}
}

/* A message is whole: into the ring, or into the queue. */
static void finish_message(struct fp_conn *conn, struct fp_packet *head,
			   struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (unlikely(fp_conn_ring(conn))) {
		if (fp_ring_message(conn, head, todo)) {
			for (struct fp_packet *p = head; p; p = p->next)
				act->rx_memory -= p->charge;
			fp_packet_put(head);
			return;
		}
	} else {
		todo->flags |= FP_WAKE_READ;
	}
	head->later = NULL;
	*act->rx_end = head;
	act->rx_end = &head->later;
	if (!act->rx_count++)
		fp_conn_set(conn, FP_CONN_READABLE);
}

/* A fragment is next in order. Returns false if it makes no sense. */
static bool append(struct fp_conn *conn, struct fp_packet *packet,
		   struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	u16 flags = packet->frame.flags;
	struct fp_packet *head;

	act->rx_cost += frame_cost(&packet->frame);
	act->rx_partial_cost += frame_cost(&packet->frame);
	packet->next = NULL;
	if (!!(flags & FP_F_BEGIN) != !act->rx_partial)
		return false;
	if (flags & FP_F_BEGIN) {
		packet->len = 0;
		act->rx_partial_cost = frame_cost(&packet->frame);
		act->rx_partial = packet;
	} else {
		act->rx_partial_last->next = packet;
	}
	act->rx_partial_last = packet;
	head = act->rx_partial;
	if (packet->frame.payload_len > conn->rx_msg_max - head->len ||
	    act->rx_partial_cost > fp_msg_cost(act))
		return false;
	head->len += packet->frame.payload_len;
	if (!(flags & FP_F_END))
		return true;

	act->rx_partial = NULL;
	act->rx_partial_last = NULL;
	finish_message(conn, head, todo);
	return true;
}

static void keep_ahead(struct fp_act *act, struct fp_packet *packet)
{
	struct rb_node **link = &act->rx_ahead.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (packet->frame.seq <
		    rb_entry(parent, struct fp_packet, node)->frame.seq)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&packet->node, parent, link);
	rb_insert_color(&packet->node, &act->rx_ahead);
}

/* A connection of many is not half closed: what was sent goes, then our FIN. */
static void answer_fin(struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	fp_crowd_forget_addr(conn);
	fp_transmit_fin(conn, act->fin);
	act->fin = NULL;
}

/* The peer's FIN is next in order. Returns false if a message is unfinished. */
static bool end_input(struct fp_conn *conn, u16 flags, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (act->rx_partial)
		return false;
	todo->flags |= FP_WAKE_STATE | FP_WAKE_READ;
	act->peer_done = flags & FP_F_DONE;
	fin_received(conn);
	if (conn->state == FP_FIN_WAIT_2 && act->peer_done) {
		/* An answer to ours: the peer has forgotten us by now. */
		act->ack_now = false;
		act->ack_later = false;
		return true;
	}
	if (fp_conn_is(conn, FP_CONN_RDM))
		answer_fin(conn);
	/* Ours may go with the acknowledgment. */
	if (act->fin_queued)
		act->ack_now = true;
	return true;
}

/* A frame in order: it, and what waited for it. Returns false: nonsense. */
static bool advance(struct fp_conn *conn, struct fp_packet *packet,
		    struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct rb_node *first;

	for (;;) {
		if (packet->frame.flags & FP_F_FIN) {
			u16 flags = packet->frame.flags;

			act->rx_memory -= packet->charge;
			fp_packet_put(packet);
			/* Nothing follows a FIN. */
			return RB_EMPTY_ROOT(&act->rx_ahead) &&
			       end_input(conn, flags, todo);
		}
		if (!append(conn, packet, todo)) {
			/* It is not part of anything, or of what is freed. */
			if (packet != act->rx_partial_last)
				fp_packet_put(packet);
			return false;
		}
		first = rb_first(&act->rx_ahead);
		if (!first)
			return true;
		packet = rb_entry(first, struct fp_packet, node);
		if (packet->frame.seq >= act->rx.next)
			return true;
		rb_erase(first, &act->rx_ahead);
	}
}

/* What the message takes of the receive limit. */
static u32 charge_of(const struct fp_packet *packet)
{
	/* A view keeps all of the datagram. */
	return fp_packet_truesize(packet) +
	       (packet->skb ? packet->skb->truesize : 0);
}

static bool conn_has_room(const struct fp_act *act, bool next, u32 charge)
{
	u64 limit = act->rx_limit;

	/* While the application has nothing to read, a message must get on. */
	if (!act->rx_count && next)
		return true;
	if (!act->rx_count)
		limit += 2 * act->rx_msg_units;
	return act->rx_memory + charge <= limit;
}

static bool has_room(struct fp_conn *conn, const struct fp_frame *frame,
		     u32 charge)
{
	struct fp_act *act = conn->act;
	bool next = frame->seq == act->rx.next;
	struct fp_ring *ring = fp_conn_ring(conn);
	struct fp_sock *fs;

	if (!conn_has_room(act, next, charge) ||
	    (unlikely(ring) && !fp_ring_has_room(ring, conn))) {
		act->rx_refused = true;
		return false;
	}
	if (!fp_conn_is(conn, FP_CONN_RDM))
		return true;
	fs = fp_conn_sock(conn);
	return !fs || fp_crowd_has_room(fs, conn, next, charge);
}

/* For the peer's FIN there is to be one of ours, which waits for its turn. */
static bool prepare_fin(struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	if (!act->fin && !act->fin_queued)
		act->fin = fp_transmit_alloc(conn, 0, GFP_ATOMIC | __GFP_NOWARN);
	return act->fin || act->fin_queued;
}

static __wsum crc32c_update(const void *buf, int len, __wsum sum)
{
	return (__force __wsum)__crc32c_le((__force u32)sum, buf, len);
}

static __wsum crc32c_combine(__wsum sum, __wsum more, int offset, int len)
{
	return (__force __wsum)__crc32c_le_combine((__force u32)sum,
						   (__force u32)more, len);
}

/* Does the trailer say what the payload is? */
static bool payload_is_whole(const struct sk_buff *skb, u32 offset,
			     const struct fp_frame *frame)
{
	static const struct skb_checksum_ops ops = {
		.update = crc32c_update,
		.combine = crc32c_combine,
	};
	u32 begin = offset + frame->hdr_len;
	__le32 trailer;
	__wsum sum;

	sum = __skb_checksum(skb, begin, frame->payload_len,
			     (__force __wsum)~0U, &ops);
	if (skb_copy_bits(skb, begin + frame->payload_len, &trailer,
			  sizeof(trailer)))
		return false;
	return ~(__force u32)sum == le32_to_cpu(trailer);
}

/* The state of those who may still receive data. */
static bool receives(const struct fp_conn *conn)
{
	return conn->state == FP_ESTABLISHED || conn->state == FP_FIN_WAIT_1 ||
	       conn->state == FP_FIN_WAIT_2;
}

/* Nothing is missing before it: nothing is to be kept. */
static bool is_next_fin(const struct fp_act *act, const struct fp_frame *frame)
{
	return frame->flags & FP_F_FIN && frame->seq == act->rx.next &&
	       !act->rx.nr;
}

/* Will our FIN be the last word, and need not be kept? */
static bool is_answered(const struct fp_conn *conn, u16 flags)
{
	return conn->state == FP_ESTABLISHED && flags & FP_F_DONE &&
	       fp_transmit_is_done(conn);
}

/* Returns 0 or why the frame is dropped. */
static int take_fin(struct fp_conn *conn, u16 flags, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (fp_conn_is(conn, FP_CONN_RDM) && !is_answered(conn, flags) &&
	    !prepare_fin(conn))
		return FASTPROTO_A_STATS_DROP_NO_MEMORY;
	act->rx.next++;
	act->ack_later = true;
	FP_CONN_INC_STATS(conn, IN_FRAMES);
	if (end_input(conn, flags, todo))
		return 0;
	fp_conn_abort(conn, -EPROTO, FP_RST_ABORTED, todo);
	return FASTPROTO_A_STATS_DROP_PROTOCOL;
}

/* A frame is taken. */
static void account(struct fp_conn *conn, const struct fp_packet *packet)
{
	conn->act->rx_memory += packet->charge;
	FP_CONN_INC_STATS(conn, IN_FRAMES);
	FP_CONN_ADD_STATS(conn, IN_BYTES, packet->frame.payload_len);
	if (packet->rx_flags & FP_RX_COPIED)
		FP_INC_STATS(conn->endpoint->fn, IN_COPIES);
	else
		FP_INC_STATS(conn->endpoint->fn, IN_VIEWS);
}

/* Returns 0 or why the frame is dropped. */
static int take_data(struct fp_conn *conn, struct sk_buff *skb, u32 offset,
		     const struct fp_frame *frame, const struct fp_rx *rx,
		     u16 index, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	u32 copybreak = fp_setting(conn->endpoint->fn, copybreak);
	enum fp_rxwin_result result;
	struct fp_packet *packet;
	bool gaps;

	if (frame->seq < act->rx.next || !receives(conn)) {
		act->dup++;
		FP_CONN_ADD(conn, DUPLICATES, 1);
		act->ack_now = true;
		return FASTPROTO_A_STATS_DROP_DUPLICATE;
	}
	if (is_next_fin(act, frame))
		return take_fin(conn, frame->flags, todo);
	if (frame->flags & FP_F_CSUM && !payload_is_whole(skb, offset, frame))
		return FASTPROTO_A_STATS_DROP_PAYLOAD;
	if (fp_conn_is(conn, FP_CONN_ORPHAN) && !(frame->flags & FP_F_FIN)) {
		fp_conn_abort(conn, -ECONNRESET, FP_RST_ABORTED, todo);
		return FASTPROTO_A_STATS_DROP_CLOSED;
	}
	if (fp_conn_is(conn, FP_CONN_RDM) && frame->flags & FP_F_FIN &&
	    !prepare_fin(conn))
		return FASTPROTO_A_STATS_DROP_NO_MEMORY;
	packet = fp_packet_create(skb, offset + frame->hdr_len, frame,
				  copybreak);
	if (!packet)
		return FASTPROTO_A_STATS_DROP_NO_MEMORY;
	packet->index = index;
	packet->rx = *rx;
	packet->drops = 0;
	packet->charge = charge_of(packet);
	if (!has_room(conn, frame, packet->charge)) {
		fp_packet_put(packet);
		/* It was not lost on the way. */
		act->dup++;
		act->ack_now = true;
		return fp_conn_ring(conn) ?
		       FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS :
		       FASTPROTO_A_STATS_DROP_QUEUE_FULL;
	}

	gaps = act->rx.nr;
	result = fp_rxwin_add(&act->rx, frame->seq, act->rx.next +
			      fp_setting(conn->endpoint->fn, rx_ahead));
	if (result == FP_RXWIN_OLD || result == FP_RXWIN_FULL) {
		fp_packet_put(packet);
		act->ack_now = true;
		if (result == FP_RXWIN_FULL)
			return FASTPROTO_A_STATS_DROP_AHEAD;
		act->dup++;
		FP_CONN_ADD(conn, DUPLICATES, 1);
		return FASTPROTO_A_STATS_DROP_DUPLICATE;
	}
	account(conn, packet);
	act->ack_later = true;
	act->ack_bytes += frame->payload_len;
	if (has_enough_to_ack(conn) || gaps ||
	    result == FP_RXWIN_AHEAD)
		act->ack_now = true;
	if (result == FP_RXWIN_AHEAD) {
		keep_ahead(act, packet);
		return 0;
	}
	if (!advance(conn, packet, todo)) {
		fp_conn_abort(conn, -EPROTO, FP_RST_ABORTED, todo);
		return FASTPROTO_A_STATS_DROP_PROTOCOL;
	}
	return 0;
}

/* Whole messages of connections with a ring, when nothing waits or is missing. */
static bool may_go_direct(const struct fp_conn *conn,
			  const struct fp_frame *frame,
			  const struct fp_todo *todo)
{
	const u16 whole = FP_F_BEGIN | FP_F_END;
	const struct fp_act *act = conn->act;

	return (frame->flags & (whole | FP_F_CSUM)) == whole &&
	       frame->seq == act->rx.next && !act->rx.nr && !act->rx_partial &&
	       receives(conn) && !fp_conn_is(conn, FP_CONN_ORPHAN) &&
	       fp_ring_is_direct(conn, todo);
}

/*
 * A message from the datagram to the ring, without anything between. Returns
 * false if that can't be: then it takes the usual way.
 */
static inline bool put_direct(struct fp_conn *conn, const struct sk_buff *skb,
			      u32 offset, const struct fp_frame *frame,
			      const struct fp_rx *rx, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	u32 len = frame->payload_len;

	if (offset + frame->hdr_len + len > skb_headlen(skb) ||
	    len > conn->rx_msg_max ||
	    !fp_ring_put(conn, skb->data + offset + frame->hdr_len, len,
			 frame->seq, rx, todo))
		return false;
	act->rx.next++;
	act->rx_cost += frame_cost(frame);
	act->ack_bytes += len;
	return true;
}

/* So many messages went the direct way. */
static inline void went_direct(struct fp_conn *conn, u32 nr, u32 bytes)
{
	struct fp_net *fn = conn->endpoint->fn;
	struct fp_act *act = conn->act;

	FP_CONN_ADD(conn, IN_FRAMES, nr);
	FP_CONN_ADD(conn, IN_BYTES, bytes);
	FP_ADD_STATS(fn, IN_FRAMES, nr);
	FP_ADD_STATS(fn, IN_BYTES, bytes);
	FP_ADD_STATS(fn, IN_COPIES, nr);
	act->ack_later = true;
	if (has_enough_to_ack(conn))
		act->ack_now = true;
}

/* The message in a pack that begins here, if there is one. */
static bool next_message(const struct sk_buff *skb, u32 offset, u32 left,
			 u32 *len)
{
	u8 copy[FP_PACK_LEN];
	const void *p;

	p = skb_header_pointer(skb, offset, sizeof(copy), copy);
	return p && fp_pack_decode(p, left, len);
}

/*
 * Frames that share a header: each is taken as if it had one of its own. What is
 * behind one that does not fit is nothing, and that there is no room for one
 * holds for those behind it, which come again with it. Returns 0 or why one is
 * dropped.
 */
static int take_pack(struct fp_conn *conn, struct sk_buff *skb, u32 offset,
		     const struct fp_frame *frame, const struct fp_rx *rx,
		     u16 *index, bool direct, struct fp_todo *todo)
{
	u32 at = frame->hdr_len, end = at + frame->payload_len;
	u32 nr = 0, bytes = 0;
	struct fp_frame one = *frame;
	int why = 0, reason = 0;

	while (at < end) {
		if (!next_message(skb, offset + at, end - at,
				  &one.payload_len)) {
			why = FASTPROTO_A_STATS_DROP_PAYLOAD;
			break;
		}
		one.hdr_len = at + FP_PACK_LEN;
		if (at != frame->hdr_len)
			++*index;
		direct = direct && put_direct(conn, skb, offset, &one, rx, todo);
		if (direct) {
			nr++;
			bytes += one.payload_len;
		} else {
			reason = take_data(conn, skb, offset, &one, rx, *index,
					   todo);
		}
		if (reason)
			why = reason;
		if (reason && reason != FASTPROTO_A_STATS_DROP_DUPLICATE)
			break;
		at = one.hdr_len + one.payload_len;
		one.seq++;
	}
	if (nr)
		went_direct(conn, nr, bytes);
	return why;
}

/**
 * fp_message_take - take in a frame with data, or a FIN
 * @conn: the connection, locked
 * @skb: the datagram that it is in
 * @offset: where in it
 * @frame: its header
 * @rx: where it came from
 * @index: its place in the datagram; raised by one for each more that shares its
 *	header
 * @todo: from fp_conn_lock()
 *
 * Return: 0, or why it, or some of it, is dropped.
 */
int fp_message_take(struct fp_conn *conn, struct sk_buff *skb, u32 offset,
		    const struct fp_frame *frame, const struct fp_rx *rx,
		    u16 *index, struct fp_todo *todo)
{
	bool direct = fp_conn_ring(conn) && may_go_direct(conn, frame, todo);
	struct fp_sock *fs = fp_conn_sock(conn);

	if (fs)
		sk_mark_napi_id(&fs->sk, skb);
	if (frame->flags & FP_F_PACK)
		return take_pack(conn, skb, offset, frame, rx, index, direct,
				 todo);
	if (!direct || !put_direct(conn, skb, offset, frame, rx, todo))
		return take_data(conn, skb, offset, frame, rx, *index, todo);
	went_direct(conn, 1, frame->payload_len);
	return 0;
}
