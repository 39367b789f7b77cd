// SPDX-License-Identifier: GPL-2.0
/*
 * A connection's frames to wire: what may be sent now is made into datagrams
 * under the connection's lock and sent after it.
 *
 * What a queued frame carries (struct fp_txbuf) stays until it is acknowledged;
 * what goes out is a copy of it, or a clone if it is large. Small frames that go
 * at the same time share a datagram.
 */
#include <linux/crc32.h>
#include <linux/skbuff.h>
#include <net/inet_ecn.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

#define IPV4_LEAST_MTU	576	/* RFC 791, section 3.2 */
#define HOLE_COPIES	3	/* of what may have come to a black hole */

/*
 * So much goes out at once (RFC 6928, section 2), and so much more for the time
 * that a timer may be late; what is beyond is spread over the round trip. But not
 * what an ordinary acknowledgment makes room for: who waits with that finds the
 * room in a full queue taken by those who do not.
 */
#define BURST_FRAMES	10
#define BURST_TIME	1000ULL	/* microseconds */
#define BURST_ACK	3	/* full frames */

/*
 * How much of a connection may be in queues of this host: so many datagrams, or
 * what goes out in so many microseconds.
 */
#define QUEUED_FRAMES	5
#define QUEUED_TIME	1000U
#define PACE_SHIFT	10	/* fp_act.pace_at */

/* The handshake's sections. */
#define ECHO_HDR	(sizeof(struct fp_hdr_syn) + \
			 sizeof(struct fp_hdr_cookie))

/* Payload and trailer. */
static u32 len_of(const struct fp_txframe *frame)
{
	return fp_txbuf_len(fp_txbuf_of(frame));
}

/**
 * fp_transmit_mtu_below - what a path that loses large datagrams is tried with
 * @conn: the connection
 *
 * Return: an MTU in bytes: what every link of IPv6 has, or below that, what
 *	every host of IPv4 takes; 0: it can't be less.
 */
u32 fp_transmit_mtu_below(const struct fp_conn *conn)
{
	u32 mtu = READ_ONCE(conn->path->mtu);

	if (mtu > IPV6_MIN_MTU)
		return IPV6_MIN_MTU;
	if (conn->path->peer.addr.family == AF_INET && mtu > IPV4_LEAST_MTU)
		return IPV4_LEAST_MTU;
	return 0;
}

/**
 * fp_transmit_exceeds - would a frame be too large?
 * @conn: the connection
 * @frame: the frame
 * @mtu: bytes; 0: nothing is too large
 *
 * Return: whether its datagram, headers of IP included, is larger than @mtu.
 */
bool fp_transmit_exceeds(const struct fp_conn *conn,
			 const struct fp_txframe *frame, u32 mtu)
{
	u32 ip_len = conn->path->peer.addr.family == AF_INET ?
		     sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return mtu && frame->bytes + ip_len + sizeof(struct udphdr) > mtu;
}

/**
 * fp_transmit_payload_max - the most of a frame's payload
 * @conn: the connection
 *
 * Context: any; without the lock the answer may be out of date.
 * Return: bytes, with all sections that a frame may have beside.
 */
u32 fp_transmit_payload_max(const struct fp_conn *conn)
{
	u32 max = fp_conn_mss(conn) - FP_DATA_HDR;

	if (READ_ONCE(conn->state) <= FP_ECHO_SENT ||
	    fp_conn_seems(conn, FP_CONN_SYN_DUE))
		max -= ECHO_HDR;
	return max;
}

static unsigned int headroom_of(const struct fp_conn *conn)
{
	return READ_ONCE(conn->path->headroom) + FP_DATA_HDR + ECHO_HDR +
	       FP_RANGES_SENT * sizeof(struct fp_hdr_range);
}

/* Without the trailer that there may be. */
static u32 payload_of(const struct fp_txframe *frame)
{
	u32 trailer = frame->flags & FP_F_CSUM ? FP_CSUM_LEN : 0;

	return len_of(frame) - trailer;
}

static u32 cost_of(const struct fp_txframe *frame)
{
	return payload_of(frame) + FP_FRAME_COST;
}

/* To be freed when the lock is released. */
static void done(struct fp_act *act, struct fp_txbuf *buf)
{
	buf->next = act->tx_done;
	act->tx_done = buf;
}

/* The window has forgotten an acknowledged frame. */
void fp_transmit_acked(struct fp_txwin *w, struct fp_txframe *frame)
{
	struct fp_act *act = container_of(w, struct fp_act, tx);
	struct fp_txbuf *buf = fp_txbuf_of(frame);

	WRITE_ONCE(act->tx_memory, act->tx_memory - fp_txbuf_truesize(buf));
	if (!act->tx_memory)
		fp_conn_unset(act->conn, FP_CONN_SENDING);
	act->tx_bytes -= payload_of(frame);
	done(act, buf);
}

/**
 * fp_transmit_purge - give up all that is queued or in flight
 * @conn: the connection, locked; it sends nothing any more
 */
void fp_transmit_purge(struct fp_conn *conn)
{
	struct fp_act *act = conn->act;
	struct fp_txframe *frame;
	u64 seq;

	for (seq = act->tx.una; seq != act->tx.end; seq++) {
		frame = fp_txwin_frame(&act->tx, seq);
		if (frame)
			done(act, fp_txbuf_of(frame));
	}
	WRITE_ONCE(act->tx_memory, 0);
	fp_conn_unset(conn, FP_CONN_SENDING);
	act->tx_bytes = 0;
	act->tx.una = act->tx.end;
	act->tx.next = act->tx.end;
	INIT_LIST_HEAD(&act->tx.flight_list);
	INIT_LIST_HEAD(&act->tx.lost_list);
	act->tx.flight = 0;
}

/* How much is free of the memory that a peer may fill, in units. */
static u32 free_units(const struct fp_act *act)
{
	u32 used = act->rx_memory, limit = act->rx_limit;

	/*
	 * Truesize is at most about twice a frame's cost; if it is not, what
	 * does not fit is not acknowledged and comes again.
	 */
	return used < limit ? (limit - used) / 2 : 0;
}

/**
 * fp_transmit_window - how far the peer may go from now on
 * @act: of a connection, locked
 *
 * Return: the sum of the costs of all frames that it may have sent then, units
 *	modulo 2^32. What was promised stays promised.
 */
u32 fp_transmit_window(struct fp_act *act)
{
	struct fp_ring *ring = fp_conn_ring(act->conn);
	u32 window = free_units(act);
	u64 edge;

	if (unlikely(ring))
		window = fp_ring_window(ring, act, window);
	/* A message that has begun may always be finished. */
	else if (!act->rx_count)
		window = max(window, act->rx_msg_units);
	/* Rather none than one of a few bytes at a time. */
	else if (window < min_t(u32, act->rx_limit / 8, 4096))
		window = 0;
	edge = act->rx_cost + window;
	if (edge > act->rx_edge)
		act->rx_edge = edge;
	return act->rx_edge;
}

/* The acknowledgment that goes with every frame of a connection. */
static void fill_ack(struct fp_conn *conn, struct fp_ack *ack, u64 now,
		     unsigned int max_ranges)
{
	struct fp_act *act = conn->act;

	ack->ack = act->rx.next;
	ack->window = fp_transmit_window(act);
	ack->ts = now;
	ack->ts_echo = act->ts_recent;
	ack->delay = act->ts_recent_at ?
		     min_t(u64, now - act->ts_recent_at, U32_MAX) : 0;
	ack->ce = act->ce;
	ack->dup = act->dup;
	ack->nr = 0;
	if (unlikely(act->rx.nr))
		ack->nr = fp_rxwin_report(&act->rx, ack->ranges, max_ranges);
}

static void acked(struct fp_act *act)
{
	act->ack_now = false;
	act->ack_later = false;
	act->ack_bytes = 0;
	act->deadline[FP_DEADLINE_ACK] = 0;
}

/* What the sections of the next frames are, and the flags that say so. */
static u16 fill_sections(struct fp_conn *conn, struct fp_sections *sections,
			 u64 now, unsigned int max_ranges)
{
	u16 flags = FP_F_CONN | FP_F_ACK;

	sections->conn_id = conn->state == FP_ECHO_SENT ? 0 : conn->peer_id;
	sections->conn_slot = fp_id_slot(conn->id);
	fill_ack(conn, &sections->ack, now, max_ranges);
	if (conn->state == FP_ECHO_SENT) {
		fp_handshake_fill(conn, &sections->syn, now);
		sections->cookie = conn->act->cookie;
		flags |= FP_F_SYN | FP_F_COOKIE;
	} else if (fp_conn_is(conn, FP_CONN_SYN_DUE)) {
		fp_handshake_fill(conn, &sections->syn, now);
		flags |= FP_F_SYN;
		if (fp_handshake_give(conn, sections, now))
			flags |= FP_F_COOKIE;
	}
	return flags;
}

/* Put header and sections before what the skb holds. */
static void push_header(struct sk_buff *skb, u16 flags, u64 seq,
			const struct fp_sections *sections)
{
	struct fp_frame frame = {
		.seq = seq,
		.flags = flags,
		.size = skb->len + fp_header_len(flags, sections->ack.nr),
	};

	fp_header_encode(__skb_push(skb, frame.size - skb->len), &frame,
			 sections);
}

/* An skb around a piece of a page: as drivers do for what comes in. */
static struct sk_buff *alloc_around_frag(unsigned int size)
{
	void *data = napi_alloc_frag(size);
	struct sk_buff *skb;

	if (unlikely(!data))
		return NULL;
	skb = napi_build_skb(data, size);
	if (unlikely(!skb))
		skb_free_frag(data);
	return skb;
}

/*
 * With BH off, as the connection's lock has it, there is a cache of skbs that
 * drivers use; what comes in is given back to it (fp_receive()). There is one of
 * page fragments, too. Unlike what slabs give away, these are not cleared each
 * time, which takes longer than all else that is done here. KASAN knows slabs only.
 */
static struct sk_buff *alloc_datagram(unsigned int headroom, u32 len)
{
	unsigned int size = SKB_DATA_ALIGN(headroom + len) +
			    SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct sk_buff *skb;

	if (!IS_ENABLED(CONFIG_KASAN) && size <= PAGE_SIZE)
		skb = alloc_around_frag(size);
	else
		skb = __alloc_skb(headroom + len, GFP_ATOMIC | __GFP_NOWARN,
				  SKB_ALLOC_NAPI, NUMA_NO_NODE);
	if (skb)
		skb_reserve(skb, headroom);
	return skb;
}

/* What a small frame carries, behind room for its headers. */
static struct sk_buff *copy_small(const struct fp_conn *conn,
				  const struct fp_txbuf *buf)
{
	u32 len = fp_txbuf_len(buf);
	struct sk_buff *skb;

	skb = alloc_datagram(headroom_of(conn), len);
	if (skb)
		__skb_put_data(skb, buf->data, len);
	return skb;
}

/* What a large one carries, shared or copied. */
static struct sk_buff *copy_large(struct sk_buff *skb)
{
	struct sk_buff *copy;

	/* Headers are written into the space before shared data: once. */
	if (skb_cloned(skb))
		copy = pskb_copy(skb, GFP_ATOMIC);
	else
		copy = skb_clone(skb, GFP_ATOMIC);
	if (copy)
		memset(copy->cb, 0, sizeof(copy->cb));
	return copy;
}

static u16 flags_of(struct fp_act *act, const struct fp_txframe *frame)
{
	u16 flags = frame->flags;

	if (act->tx_probe)
		flags |= FP_F_PROBE;
	act->tx_probe = false;
	return flags;
}

static struct sk_buff *single(struct fp_conn *conn, struct fp_txframe *frame,
			      u64 now)
{
	struct fp_sections sections __fp_uninitialized;
	unsigned int ranges = 0;
	struct fp_txbuf *buf = fp_txbuf_of(frame);
	struct sk_buff *skb;
	u16 flags;

	if (conn->act->rx.nr &&
	    fp_txbuf_len(buf) + FP_RANGES_SENT * sizeof(struct fp_hdr_range) <=
	    fp_transmit_payload_max(conn))
		ranges = FP_RANGES_SENT;
	if (fp_txbuf_is_small(buf))
		skb = copy_small(conn, buf);
	else
		skb = copy_large(fp_txbuf_skb(buf));
	if (!skb)
		return NULL;
	flags = fill_sections(conn, &sections, now, ranges) |
		flags_of(conn->act, frame);
	push_header(skb, flags, frame->seq, &sections);
	return skb;
}

/* Has the peer's window room for a frame that was never sent? */
static bool window_admits(const struct fp_act *act,
			  const struct fp_txframe *frame)
{
	if (frame->state == FP_TXFRAME_LOST)
		return true;
	return act->tx_cost_next + cost_of(frame) <= act->tx_edge;
}

static bool congestion_admits(const struct fp_act *act,
			      const struct fp_txframe *frame)
{
	return !act->tx.flight ||
	       act->tx.flight + frame->bytes <= act->cc.cwnd;
}

static bool may_send(const struct fp_act *act, const struct fp_txframe *frame)
{
	return window_admits(act, frame) && congestion_admits(act, frame);
}

/*
 * With so little in flight, nothing is spread. The same cheap comparison keeps
 * all of pacing away from who only asks and answers.
 */
static bool is_paced(const struct fp_act *act)
{
	return act->tx.flight > BURST_FRAMES * act->cc.mss;
}

static bool pace_admits(const struct fp_conn *conn, u64 now)
{
	const struct fp_act *act = conn->act;
	u64 burst = max(BURST_TIME << PACE_SHIFT,
			BURST_ACK * act->pace_gap);

	return !is_paced(act) || !fp_setting(conn->endpoint->fn, pacing) ||
	       act->pace_at <= (now << PACE_SHIFT) + burst;
}

/* A datagram of so many bytes goes out: when is it the next one's turn? */
static void pace(struct fp_act *act, u32 bytes, u64 now)
{
	u64 rate;

	if (!is_paced(act))
		return;
	rate = fp_cubic_pacing_rate(&act->cc, fp_rtt_srtt(&act->rtt));
	if (!rate)
		return;
	act->pace_gap = div64_u64(((u64)act->cc.mss * USEC_PER_SEC) <<
				  PACE_SHIFT, rate);
	act->pace_at = max(act->pace_at, now << PACE_SHIFT) +
		       div_u64(act->pace_gap * bytes, act->cc.mss);
}

/*
 * The socket that a large datagram is charged to until it has left this host, if
 * there are many and the connection has one for itself. What IP's queues hold
 * adds nothing but delay, and takes room from others who are as considerate: TCP
 * small queues, Linux, Documentation/networking/ip-sysctl.rst,
 * tcp_limit_output_bytes.
 */
static struct sock *owner_of(const struct fp_conn *conn)
{
	struct fp_sock *fs;

	if (fp_conn_is(conn, FP_CONN_RDM) || !is_paced(conn->act))
		return NULL;
	fs = rcu_dereference_bh(conn->fs);
	return fs ? &fs->sk : NULL;
}

/*
 * For how many microseconds is another one to wait? 0: it may go; else until one may
 * have left.
 */
static u32 queue_delay(const struct fp_act *act, const struct sock *sk)
{
	u64 queued = sk_wmem_alloc_get(sk);
	u64 rate;

	/* Nearly always: nothing is divided for that. */
	if (queued < QUEUED_FRAMES * SKB_TRUESIZE((u64)act->cc.mss))
		return 0;
	rate = fp_cubic_pacing_rate(&act->cc, fp_rtt_srtt(&act->rtt));
	if (queued < div_u64(rate * QUEUED_TIME, USEC_PER_SEC))
		return 0;
	return clamp_t(u64, act->pace_gap >> PACE_SHIFT, QUEUED_TIME,
		       USEC_PER_SEC);
}

/* A frame is sent once more. */
static void count_again(struct fp_conn *conn, const struct fp_txframe *frame)
{
	FP_CONN_INC_STATS(conn, OUT_RETRANS);
	if (frame->state == FP_TXFRAME_FLIGHT)
		FP_CONN_INC_STATS(conn, RETRANS_TLP);
	else if (frame->sent >= conn->act->timed_out)
		FP_CONN_INC_STATS(conn, RETRANS_RACK);
	else if (conn->act->in_hole)
		FP_CONN_INC_STATS(conn, RETRANS_HOLE);
	else
		FP_CONN_INC_STATS(conn, RETRANS_RTO);
}

static void sent(struct fp_conn *conn, struct fp_txframe *frame, u64 now)
{
	struct fp_act *act = conn->act;

	if (frame->state == FP_TXFRAME_QUEUED) {
		act->tx_cost_next += cost_of(frame);
		FP_CONN_INC_STATS(conn, OUT_FRAMES);
		FP_CONN_ADD_STATS(conn, OUT_BYTES, payload_of(frame));
	} else {
		count_again(conn, frame);
	}
	act->tx_restart = true;
	act->tx_last = now;
	fp_txwin_sent(&act->tx, frame, now);
	pace(act, frame->bytes, now);
}

/* May it share a header with others? */
static bool is_packable(const struct fp_conn *conn,
			const struct fp_txframe *frame)
{
	return conn->packs &&
	       (frame->flags & ~FP_F_NEEDS_COPY) == (FP_F_BEGIN | FP_F_END);
}

/* May it, with the one before it? */
static bool fits_pack(const struct fp_conn *conn,
		      const struct fp_txframe *before,
		      const struct fp_txframe *frame, u32 room)
{
	return frame && frame->state == FP_TXFRAME_QUEUED &&
	       frame->flags == before->flags &&
	       FP_PACK_LEN + len_of(frame) <= room && may_send(conn->act, frame);
}

/* Payload and trailer behind what there is of a datagram. */
static void put_data(struct sk_buff *skb, const struct fp_txframe *frame)
{
	u32 len = len_of(frame);

	fp_txbuf_copy_to(fp_txbuf_of(frame), __skb_put(skb, len));
}

/**
 * struct bundle - a datagram of several small frames in the making
 * @skb: the datagram
 * @max: how large it may be, bytes
 * @hdr_len: of a header with its sections, bytes
 * @flags: which sections these are
 * @sections: the same of all frames
 */
struct bundle {
	struct sk_buff *skb;
	u32 max;
	u32 hdr_len;
	u16 flags;
	struct fp_sections sections;
};

/*
 * A frame, and those behind it that share its header. Returns the next one that
 * is to be sent.
 */
static struct fp_txframe *put_frames(struct fp_conn *conn, struct bundle *b,
				     struct fp_txframe *frame, u64 now)
{
	struct fp_txwin *tx = &conn->act->tx;
	struct sk_buff *skb = b->skb;
	struct fp_frame header = {
		.seq = frame->seq,
		.flags = b->flags | flags_of(conn->act, frame),
	};
	void *begin = __skb_put(skb, b->hdr_len);
	u32 before = skb->len, room = b->max - before;
	struct fp_txframe *last;

	if (is_packable(conn, frame) && 2 * FP_PACK_LEN + len_of(frame) <= room &&
	    fits_pack(conn, frame, fp_txwin_frame(tx, frame->seq + 1),
		      room - FP_PACK_LEN - len_of(frame)))
		header.flags |= FP_F_PACK;
	do {
		if (header.flags & FP_F_PACK)
			fp_pack_encode(__skb_put(skb, FP_PACK_LEN),
				       len_of(frame));
		put_data(skb, frame);
		sent(conn, frame, now);
		last = frame;
		frame = fp_txwin_next(tx);
	} while (header.flags & FP_F_PACK &&
		 fits_pack(conn, last, frame, b->max - skb->len));
	header.size = b->hdr_len + skb->len - before;
	fp_header_encode(begin, &header, &b->sections);
	return frame;
}

/* Several small frames into one datagram; NULL: there is only one, or no room. */
static struct sk_buff *bundle(struct fp_conn *conn, struct fp_txframe *frame,
			      u64 now)
{
	struct bundle b __fp_uninitialized;
	struct fp_txframe *next;
	u32 hdr_len;

	/* Does the next one fit, too? */
	next = fp_txwin_frame(&conn->act->tx, frame->seq + 1);
	if (!next || next->state != FP_TXFRAME_QUEUED)
		return NULL;
	b.max = fp_conn_mss(conn);
	hdr_len = b.max - fp_transmit_payload_max(conn);
	if (2 * hdr_len + len_of(frame) + len_of(next) > b.max)
		return NULL;
	b.flags = fill_sections(conn, &b.sections, now, 0);
	b.hdr_len = fp_header_len(b.flags, 0);
	/* The path may have changed meanwhile. */
	if (b.hdr_len + len_of(frame) > b.max)
		return NULL;

	b.skb = alloc_datagram(READ_ONCE(conn->path->headroom), b.max);
	if (!b.skb)
		return NULL;
	do
		frame = put_frames(conn, &b, frame, now);
	while (frame && frame->state == FP_TXFRAME_QUEUED &&
	       may_send(conn->act, frame) &&
	       b.skb->len + b.hdr_len + len_of(frame) <= b.max);
	return b.skb;
}

/* Does it wait for company, by MSG_MORE or since more is to be read? */
static bool is_corked(const struct fp_conn *conn, struct fp_txframe *frame)
{
	const struct fp_act *act = conn->act;
	u32 len = 0, max;

	if ((!act->tx_corked && !fp_conn_is(conn, FP_CONN_HELD)) ||
	    frame->state != FP_TXFRAME_QUEUED)
		return false;
	max = fp_conn_mss(conn);
	while (frame) {
		len += frame->bytes;
		if (len + FP_DATA_HDR >= max)
			return false;
		frame = fp_txwin_frame(&act->tx, frame->seq + 1);
	}
	return true;
}

static struct sk_buff *build(struct fp_conn *conn, struct fp_txframe *frame,
			     u64 now)
{
	struct sk_buff *skb = NULL;

	if (frame->state == FP_TXFRAME_QUEUED &&
	    frame->seq + 1 != conn->act->tx.end)
		skb = bundle(conn, frame, now);
	if (skb)
		return skb;
	skb = single(conn, frame, now);
	if (skb)
		sent(conn, frame, now);
	return skb;
}

/* An skb for a frame without payload; the header is pushed into it. */
static struct sk_buff *alloc_bare(const struct fp_conn *conn)
{
	return alloc_datagram(READ_ONCE(conn->path->headroom) + FP_HDR_MAX, 0);
}

/* A frame without data: an acknowledgment, perhaps a question. */
static void push_ack(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_sections sections __fp_uninitialized;
	struct sk_buff *skb;
	u16 flags;

	skb = alloc_bare(conn);
	if (!skb)
		return;		/* it comes again, and asks again */
	flags = fill_sections(conn, &sections, todo->now, FP_RANGES_MAX);
	if (act->tx_probe)
		flags |= FP_F_PROBE;
	act->tx_probe = false;
	if (unlikely(act->last_word)) {
		flags |= FP_F_FIN | FP_F_DONE;
		FP_CONN_INC_STATS(conn, OUT_FRAMES);
	} else {
		FP_CONN_INC_STATS(conn, OUT_ACKS);
	}
	push_header(skb, flags, act->tx.next, &sections);
	fp_act_out(act, skb);
	acked(act);
}

/* What has happened to the path since something was sent; @next is to be. */
static void adapt(struct fp_conn *conn, const struct fp_txframe *next, u64 now)
{
	struct fp_act *act = conn->act;
	u32 mss = fp_conn_mss(conn);
	u64 idle = now - act->tx_last;
	u32 rto = 0;

	if (unlikely(mss != act->cc.mss))
		fp_cubic_set_mss(&act->cc, mss);
	if (!next || act->tx.flight || !act->tx_last)
		return;
	/* What is shorter than any timeout shrinks nothing. */
	if (idle >= act->rtt.rto_min)
		rto = fp_rtt_rto(&act->rtt);
	fp_cubic_idle(&act->cc, idle, rto);
	act->tx_last = now;
}

/*
 * Send queued frames, of which @frame is the next, as far as they may go. Returns
 * the one that may not, or NULL. *@starved is set if there was no memory for it.
 */
static struct fp_txframe *push_data(struct fp_conn *conn,
				    struct fp_txframe *frame, bool *starved,
				    u64 now)
{
	struct fp_act *act = conn->act;
	struct sk_buff *skb;
	struct sock *owner;
	u32 delay;

	act->paced = false;
	for (; frame; frame = fp_txwin_next(&act->tx)) {
		if (!may_send(act, frame) || is_corked(conn, frame))
			break;
		owner = owner_of(conn);
		delay = owner ? queue_delay(act, owner) : 0;
		if (delay) {
			fp_timer_hold(conn, delay, now);
			break;
		}
		if (!pace_admits(conn, now)) {
			act->paced = true;
			fp_timer_wait_pace(conn);
			break;
		}
		skb = build(conn, frame, now);
		if (!skb) {
			*starved = true;
			break;
		}
		if (owner && skb->len > FP_TXBUF_SMALL)
			skb_set_owner_w(skb, owner);
		fp_act_out(act, skb);
		/* There may have been no room to tell of gaps. */
		if (!act->rx.nr)
			acked(act);
	}
	return frame;
}

/*
 * Where many datagrams get lost, large or small, one of them may well be lost
 * when a small one is answered. So once a black hole is suspected, the large one
 * goes several times. Returns false if it has not gone, or there is no memory.
 */
static bool repeat(struct fp_conn *conn, u64 now)
{
	struct fp_act *act = conn->act;
	struct fp_txframe *frame = fp_txwin_frame(&act->tx, act->tx.una);
	unsigned int copies = act->hole_answers ? HOLE_COPIES : 0;
	struct sk_buff *skb;

	if (frame->sent != now)
		return false;
	for (; copies; copies--) {
		skb = single(conn, frame, now);
		if (!skb)
			return false;
		FP_CONN_INC_STATS(conn, OUT_RETRANS);
		FP_CONN_INC_STATS(conn, RETRANS_RTO);
		fp_act_out(act, skb);
	}
	return true;
}

/* The rest of fp_transmit_push(), if there may be something to send. */
static noinline void push(struct fp_conn *conn, struct fp_txframe *frame,
			  struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	bool starved = false;

	if (frame || act->ack_now)
		adapt(conn, frame, todo->now);
	if (frame)
		frame = push_data(conn, frame, &starved, todo->now);
	if (unlikely(act->hole_asked == todo->now)) {
		if (starved || !repeat(conn, todo->now))
			act->hole_asked = 0;
		else	/* What goes with the frame may be lost as that is. */
			act->tx_probe = true;
	}
	if (act->ack_now || act->tx_probe)
		push_ack(conn, todo);
	/* Who ends now waits for nothing. */
	if (likely(!act->finished))
		fp_timer_update(conn, frame, starved, todo->now);
}

/**
 * fp_transmit_push - send what may be sent now
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 *
 * An acknowledgment that is due goes with data or alone. The deadlines follow
 * from what is in flight then.
 */
void fp_transmit_push(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_txframe *frame;

	/* Who is parked has nothing to send. */
	if (conn->state <= FP_SYN_SENT || !act)
		return;
	frame = fp_txwin_next(&act->tx);
	if (frame || act->ack_now || act->tx_probe ||
	    act->hole_asked == todo->now)
		push(conn, frame, todo);
	else
		fp_timer_update(conn, NULL, false, todo->now);
}

/**
 * fp_transmit_probe - send a tail loss probe
 * @conn: the connection, locked; something is in flight
 * @todo: from fp_conn_lock()
 *
 * Something new if the peer's window has room, else what was sent last: RFC
 * 8985, section 7.3. The congestion window may be exceeded by it.
 */
void fp_transmit_probe(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_txframe *frame;
	struct sk_buff *skb;
	bool fresh;

	frame = fp_txwin_next(&act->tx);
	if (!frame || !window_admits(act, frame))
		frame = fp_txwin_probe(&act->tx);
	if (!frame)
		return;
	act->tx_probe = true;
	skb = single(conn, frame, todo->now);
	if (!skb)
		return;
	fresh = frame->state == FP_TXFRAME_QUEUED;
	sent(conn, frame, todo->now);
	if (fresh)
		fp_txwin_probe_new(&act->tx, frame);
	fp_act_out(act, skb);
}

/**
 * fp_transmit_rst - tell the peer that a connection is no more
 * @conn: the connection, locked
 * @why: the reason
 * @todo: from fp_conn_lock(); gets the datagram if the connection is parked
 */
void fp_transmit_rst(struct fp_conn *conn, enum fp_rst_reason why,
		     struct fp_todo *todo)
{
	struct fp_sections sections = {
		.conn_id = (u64)fp_id_tag(conn->id) << 32 |
			   fp_id_slot(conn->peer_id),
		.conn_slot = fp_id_slot(conn->id),
	};
	struct sk_buff *skb;

	/* A client that does not know our tag yet is shown its own. */
	if (fp_conn_is(conn, FP_CONN_SYN_DUE))
		sections.conn_id = conn->peer_id;

	skb = alloc_bare(conn);
	if (!skb)
		return;
	push_header(skb, FP_F_CONN | FP_F_RST, why, &sections);
	if (conn->act)
		fp_act_out(conn->act, skb);
	else
		todo->reset = skb;
	fp_count_reset(conn->endpoint->fn, FASTPROTO_A_STATS_OUT_RESETS, why);
}

/*
 * Are the datagrams ECN-capable (RFC 3168)? Not in the handshake; and there are
 * ways that lose all that are.
 */
static bool may_be_marked(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return conn->state > FP_ECHO_SENT && fp_setting(conn->endpoint->fn, ecn) &&
	       act->retries < FP_ECT_RETRIES &&
	       conn->ect_failures < FP_ECT_FAILURES;
}

/**
 * fp_transmit_tos - the type of service of a connection's datagrams
 * @conn: the connection, locked, and not parked
 *
 * Return: ECN's bits.
 */
u8 fp_transmit_tos(const struct fp_conn *conn)
{
	return may_be_marked(conn) ? INET_ECN_ECT_0 : 0;
}

/**
 * fp_transmit_xmit - give datagrams to IP
 * @conn: whose they are, not locked
 * @list: the datagrams, the first; taken
 * @tos: their type of service
 *
 * Context: BH off.
 */
void fp_transmit_xmit(struct fp_conn *conn, struct sk_buff *list, u8 tos)
{
	struct fp_sock *fs = rcu_dereference_bh(conn->fs);
	struct sock *sk = fs ? &fs->sk : NULL;
	struct fp_route route __fp_uninitialized;
	struct sk_buff *skb, *next;
	int err;

	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		err = fp_path_route(conn->path, conn->endpoint, sk, &route);
		if (!err)
			err = skb_cow_head(skb, fp_endpoint_headroom(&route));
		if (err) {
			/* As good as lost on the way. */
			FP_INC_STATS(conn->endpoint->fn, OUT_ERRORS);
			kfree_skb(skb);
			continue;
		}
		if (sk)
			skb->priority = READ_ONCE(sk->sk_priority);
		skb->mark = conn->path->peer.mark;
		route.tos = tos;
		skb_dst_set_noref(skb, route.dst);
		fp_endpoint_xmit(conn->endpoint, skb, &route);
	}
}

/**
 * fp_transmit_alloc - a buffer for a fragment of a message
 * @conn: the connection
 * @len: payload in bytes, not more than fits
 * @gfp: how to allocate
 *
 * Return: what it is to be put into; or NULL.
 */
struct fp_txbuf *fp_transmit_alloc(struct fp_conn *conn, u32 len, gfp_t gfp)
{
	return fp_txbuf_alloc(headroom_of(conn), len, gfp);
}

/**
 * fp_transmit_map - a buffer for a fragment that stays where it is
 * @conn: the connection
 * @msg: its bytes, with MSG_ZEROCOPY and an owner
 * @len: how many, not more than fits
 *
 * Return: as fp_txbuf_map().
 */
struct fp_txbuf *fp_transmit_map(struct fp_conn *conn, struct msghdr *msg,
				 u32 len)
{
	return fp_txbuf_map(headroom_of(conn), &msg->msg_iter, len,
			    msg->msg_ubuf, GFP_KERNEL);
}

/**
 * fp_transmit_seal - put the checksum of the payload behind it
 * @buf: from fp_transmit_alloc(), which was asked for FP_CSUM_LEN bytes more;
 *	the payload is filled in
 */
void fp_transmit_seal(struct fp_txbuf *buf)
{
	u32 len = fp_txbuf_len(buf) - FP_CSUM_LEN;
	u8 *data = fp_txbuf_data(buf);
	__le32 csum = cpu_to_le32(~__crc32c_le(~0U, data, len));

	memcpy(data + len, &csum, sizeof(csum));
}

/**
 * fp_transmit_queue - queue a fragment of a message, or a FIN
 * @conn: the connection, locked; its window has room
 * @buf: from fp_transmit_alloc(); taken
 * @flags: FP_F_BEGIN, FP_F_END, FP_F_FIN, FP_F_NEEDS_COPY, FP_F_CSUM
 */
void fp_transmit_queue(struct fp_conn *conn, struct fp_txbuf *buf, u16 flags)
{
	struct fp_act *act = conn->act;

	buf->frame.flags = flags;
	if (!act->tx_memory)
		fp_conn_set(conn, FP_CONN_SENDING);
	WRITE_ONCE(act->tx_memory, act->tx_memory + fp_txbuf_truesize(buf));
	act->tx_bytes += payload_of(&buf->frame);
	fp_txwin_queue(&act->tx, &buf->frame);
}

/**
 * fp_transmit_is_done - is a FIN all that is left of this side?
 * @conn: the connection, locked
 *
 * Return: whether it is, may be sent at once, and the peer knows how to tell.
 */
bool fp_transmit_is_done(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return conn->knows_done && act->tx.una == act->tx.end &&
	       act->tx_cost_next + FP_FRAME_COST <= act->tx_edge;
}

/*
 * To the peer's FIN, which says the same, it is the answer that needs none, if it
 * is the first that the peer hears of us after that: until then the peer asks
 * again, and is told that there is nothing.
 */
static bool is_last_word(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return conn->state == FP_CLOSE_WAIT && act->peer_done &&
	       act->ack_later && fp_transmit_is_done(conn);
}

/**
 * fp_transmit_fin_only - the FIN that is queued says no more than others
 * @conn: the connection, locked
 */
void fp_transmit_fin_only(struct fp_conn *conn)
{
	struct fp_txwin *tx = &conn->act->tx;
	struct fp_txframe *fin = fp_txwin_frame(tx, tx->end - 1);

	if (fin)
		fin->flags &= ~FP_F_DONE;
}

/**
 * fp_transmit_waiting - what was queued and never sent
 * @act: of a connection, locked
 *
 * Return: payload, bytes.
 */
u64 fp_transmit_waiting(const struct fp_act *act)
{
	const struct fp_txframe *frame;
	u64 bytes = 0, seq;

	for (seq = act->tx.next; seq != act->tx.end; seq++) {
		frame = fp_txwin_frame(&act->tx, seq);
		bytes += frame ? payload_of(frame) : 0;
	}
	return bytes;
}

/**
 * fp_transmit_fin - nothing follows what is queued
 * @conn: the connection, locked
 * @fin: from fp_transmit_alloc(), without payload; taken. Or NULL, if that was
 *	said before, when nothing happens; or if the peer's FIN says that nothing
 *	else is left there, and it is so here
 */
void fp_transmit_fin(struct fp_conn *conn, struct fp_txbuf *fin)
{
	struct fp_act *act = conn->act;
	u16 flags = FP_F_FIN;

	if (act->fin_queued) {
		fp_txbuf_purge(fin);
		return;
	}
	act->fin_queued = true;
	act->tx_corked = false;
	fp_conn_unset(conn, FP_CONN_HELD);
	if (is_last_word(conn)) {
		fp_txbuf_purge(fin);
		act->last_word = true;
		act->ack_now = true;
		act->finished = true;
		WRITE_ONCE(conn->state, FP_LAST_ACK);
		return;
	}
	if (conn->state == FP_ESTABLISHED && fp_conn_is(conn, FP_CONN_ORPHAN) &&
	    fp_transmit_is_done(conn))
		flags |= FP_F_DONE;
	fp_transmit_queue(conn, fin, flags);
	if (conn->state == FP_ESTABLISHED)
		WRITE_ONCE(conn->state, FP_FIN_WAIT_1);
	else if (conn->state == FP_CLOSE_WAIT)
		WRITE_ONCE(conn->state, FP_LAST_ACK);
}
