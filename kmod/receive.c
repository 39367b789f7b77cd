// SPDX-License-Identifier: GPL-2.0
/* Wire to application, up to the socket's queue. Context: softirq. */
#include <linux/filter.h>
#include <net/busy_poll.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

static enum fastproto_stats_attr invalid_reason(enum fp_wire_status status)
{
	switch (status) {
	case FP_WIRE_MAGIC:
		return FASTPROTO_A_STATS_DROP_MAGIC;
	case FP_WIRE_VERSION:
		return FASTPROTO_A_STATS_DROP_VERSION;
	case FP_WIRE_FLAGS:
		return FASTPROTO_A_STATS_DROP_FLAGS;
	case FP_WIRE_SIZE:
		return FASTPROTO_A_STATS_DROP_SIZE;
	case FP_WIRE_CHECKSUM:
		return FASTPROTO_A_STATS_DROP_CHECKSUM;
	default:
		return FASTPROTO_A_STATS_DROP_INCOMPLETE;
	}
}

/*
 * Check header and sections where they lie; @buf is for what lies in pages: that
 * is always copied, since its sender may still be able to change it.
 */
static enum fp_wire_status decode(const struct sk_buff *skb, u32 offset,
				  struct fp_frame *frame, void *buf, u32 size,
				  const void **hdr)
{
	u32 avail = skb->len - offset;
	u32 have = min_t(u32, avail, size);

	*hdr = skb_header_pointer(skb, offset, have, buf);
	if (!*hdr)
		return FP_WIRE_INCOMPLETE;
	return fp_header_decode(*hdr, have, avail, frame);
}

/* Does a frame with a connection section begin here, as far as one can see? */
static inline bool has_connection(const struct sk_buff *skb, u32 offset)
{
	const u8 *flags;
	u8 copy;

	BUILD_BUG_ON(FP_F_CONN > 0xff);
	flags = skb_header_pointer(skb, offset + offsetof(struct fp_hdr, flags),
				   sizeof(copy), &copy);
	return flags && *flags & FP_F_CONN;
}

/* A connected socket takes frames of its peer only. */
static bool wants(const struct fp_sock *fs, const struct fp_rx *rx)
{
	const struct fp_peer *peer = rcu_dereference(fp_dgram(fs)->peer);

	return !peer || fp_addr_equal(&peer->addr, &rx->src);
}

/*
 * Charge a packet to the receive buffer, if that is not full already. Views
 * into one datagram pay for it together: the first one has it charged, and the
 * last one to go gives it back (sock_rfree()).
 */
static bool charge(struct sock *sk, struct fp_packet *packet)
{
	struct sk_buff *skb = packet->skb;

	if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf))
		return false;
	atomic_add(fp_packet_truesize(packet), &sk->sk_rmem_alloc);
	if (skb && skb->destructor != sock_rfree)
		skb_set_owner_r(skb, sk);
	return true;
}

static void count_in(struct fp_net *fn, const struct fp_packet *packet)
{
	FP_INC_STATS(fn, IN_FRAMES);
	FP_ADD_STATS(fn, IN_BYTES, packet->frame.payload_len);
	if (packet->rx_flags & FP_RX_COPIED)
		FP_INC_STATS(fn, IN_COPIES);
	else
		FP_INC_STATS(fn, IN_VIEWS);
}

/*
 * Put the packets of one datagram into the queue; what does not fit is left on
 * the list.
 */
static unsigned int enqueue(struct fp_sock *fs, struct list_head *packets)
{
	struct fp_dgram *dgram = fp_dgram(fs);
	struct fp_packet *packet, *next;
	unsigned int queued = 0;

	spin_lock_bh(&dgram->rx_lock);
	list_for_each_entry_safe(packet, next, packets, list) {
		if (!charge(&fs->sk, packet))
			break;
		packet->drops = atomic_read(&fs->sk.sk_drops);
		count_in(fp_net(sock_net(&fs->sk)), packet);
		list_move_tail(&packet->list, &dgram->rx_queue);
		queued++;
	}
	WRITE_ONCE(dgram->rx_count, dgram->rx_count + queued);
	dgram->rx_frames += queued;
	spin_unlock_bh(&dgram->rx_lock);
	return queued;
}

static void drop(struct sock *sk, struct sk_buff *skb,
		 struct fp_packet *packet, int why)
{
	atomic_inc(&sk->sk_drops);
	fp_drop(sock_net(sk), sk, skb, packet->frame.size, why);
	fp_packet_put(packet);
}

/* The same as deliver(), of a socket with a ring. */
static int deliver_to_ring(struct fp_sock *fs, struct sk_buff *skb,
			   struct list_head *packets)
{
	struct fp_packet *packet, *next;
	struct sock *sk = &fs->sk;
	bool wake = false;
	int why = 0, full;

	list_for_each_entry_safe(packet, next, packets, list) {
		full = fp_ring_datagram(fs, packet, &wake);
		if (full) {
			why = full;
			drop(sk, skb, packet, why);
			continue;
		}
		count_in(fp_net(sock_net(sk)), packet);
		fp_packet_put(packet);
	}
	if (wake)
		sk->sk_data_ready(sk);
	return why;
}

/* Returns why the last packet was dropped, or 0 if none was. */
static int deliver(struct fp_sock *fs, struct sk_buff *skb,
		   struct list_head *packets)
{
	struct fp_packet *packet, *next;
	struct sock *sk = &fs->sk;
	unsigned int queued;
	int why = 0;

	if (list_empty(packets))
		return 0;
	sk_mark_napi_id(sk, skb);
	if (unlikely(fp_sock_ring(fs)))
		return deliver_to_ring(fs, skb, packets);
	queued = enqueue(fs, packets);

	list_for_each_entry_safe(packet, next, packets, list) {
		why = FASTPROTO_A_STATS_DROP_QUEUE_FULL;
		drop(sk, skb, packet, why);
	}
	/* Each wakes one reader, and there may be as many as there are frames. */
	while (queued--)
		sk->sk_data_ready(sk);
	return why;
}

static struct fp_packet *packet_of(struct fp_sock *fs, struct sk_buff *skb,
				   u32 offset, const struct fp_frame *frame,
				   const struct fp_rx *rx, u16 index)
{
	u32 copybreak = fp_setting(fp_net(sock_net(&fs->sk)), copybreak);
	struct fp_packet *packet;

	packet = fp_packet_create(skb, offset + frame->hdr_len, frame,
				  copybreak);
	if (packet) {
		packet->index = index;
		packet->rx = *rx;
	}
	return packet;
}

/* Where we are in a datagram. */
struct cursor {
	u32 offset;
	u16 index;
};

/*
 * Frames of connections, up to the next one without. Returns why the last
 * dropped one was dropped, or 0. Not inlined, for its buffers are large.
 */
static noinline int connection_frames(struct fp_endpoint *endpoint,
				      struct sk_buff *skb,
				      struct fp_rx *rx, struct cursor *at)
{
	struct fp_input in __fp_uninitialized;
	u8 copy[FP_HDR_MAX] __fp_uninitialized;
	struct fp_frame frame __fp_uninitialized;
	enum fp_wire_status status;
	int why = 0, reason;
	const void *hdr;

	in.conn = NULL;
	do {
		status = decode(skb, at->offset, &frame, copy, sizeof(copy),
				&hdr);
		if (status != FP_WIRE_OK) {
			why = invalid_reason(status);
			fp_drop(endpoint->net, NULL, skb,
				skb->len - at->offset, why);
			at->offset = skb->len;
			break;
		}
		reason = fp_input_frame(&in, endpoint, skb, at->offset, &frame,
					hdr, rx, &at->index);
		if (reason) {
			why = reason;
			fp_drop(endpoint->net, NULL, skb, frame.size, why);
		}
		at->offset += frame.size;
		at->index++;
	} while (at->offset < skb->len && has_connection(skb, at->offset));

	fp_input_finish(&in);
	return why;
}

/* A frame without a connection. Returns why it was dropped, or 0. */
static int datagram_frame(struct fp_endpoint *endpoint, struct fp_sock *fs,
			  struct sk_buff *skb, const struct fp_rx *rx,
			  struct cursor *at, struct list_head *packets)
{
	const struct sock *sk = fs ? &fs->sk : NULL;
	enum fp_wire_status status;
	struct fp_packet *packet;
	struct fp_frame frame;
	u8 copy[FP_HDR_LEN];
	const void *hdr;
	int why = 0;

	status = decode(skb, at->offset, &frame, copy, sizeof(copy), &hdr);
	if (status != FP_WIRE_OK) {
		why = invalid_reason(status);
		fp_drop(endpoint->net, sk, skb, skb->len - at->offset, why);
		at->offset = skb->len;
		return why;
	}
	if (!fs) {
		why = FASTPROTO_A_STATS_DROP_NO_SOCKET;
	} else if (!wants(fs, rx)) {
		why = FASTPROTO_A_STATS_DROP_PEER;
	} else {
		packet = packet_of(fs, skb, at->offset, &frame, rx, at->index);
		if (packet)
			list_add_tail(&packet->list, packets);
		else
			why = FASTPROTO_A_STATS_DROP_NO_MEMORY;
	}
	if (why)
		fp_drop(endpoint->net, sk, skb, frame.size, why);
	at->offset += frame.size;
	at->index++;
	return why;
}

/*
 * Take one datagram apart. An invalid frame ends it, and what came before
 * stands. Returns why the last dropped frame was dropped, or 0.
 */
static int parse(struct fp_endpoint *endpoint, struct fp_sock *fs,
		 struct sk_buff *skb, struct fp_rx *rx,
		 struct list_head *packets)
{
	struct cursor at = {};
	int why = 0, reason;

	do {
		if (has_connection(skb, at.offset))
			reason = connection_frames(endpoint, skb, rx, &at);
		else
			reason = datagram_frame(endpoint, fs, skb, rx, &at,
						packets);
		if (reason)
			why = reason;
	} while (at.offset < skb->len);
	return why;
}

/* The socket that takes frames without a connection, if there is one. */
static struct fp_sock *datagram_socket(const struct fp_endpoint *endpoint)
{
	struct fp_sock *fs = rcu_dereference(endpoint->fs);

	return fs && fs->sk.sk_type == SOCK_DGRAM ? fs : NULL;
}

/**
 * fp_receive - take in a datagram
 * @endpoint: the port where it came in
 * @skb: the datagram, its data the first frame; taken
 * @rx: where it came from
 *
 * Context: softirq, RCU read lock held.
 */
void fp_receive(struct fp_endpoint *endpoint, struct sk_buff *skb,
		struct fp_rx *rx)
{
	struct fp_sock *fs = datagram_socket(endpoint);
	LIST_HEAD(packets);
	int why, full = 0;

	FP_INC_STATS(endpoint->fn, IN_DATAGRAMS);
	if (fs && sk_filter(&fs->sk, skb)) {
		why = FASTPROTO_A_STATS_DROP_FILTER;
		fp_drop(endpoint->net, &fs->sk, skb, skb->len, why);
		kfree_skb_reason(skb, fp_drop_reason(why));
		return;
	}
	if (fs && !rx->tstamp && sock_flag(&fs->sk, SOCK_RCVTSTAMP))
		rx->tstamp = ktime_get_real();

	why = parse(endpoint, fs, skb, rx, &packets);
	if (fs)
		full = deliver(fs, skb, &packets);
	if (full)
		why = full;

	if (why)
		kfree_skb_reason(skb, fp_drop_reason(why));
	else	/* Not 0 is what says that BH is off. */
		napi_consume_skb(skb, 1);
}

/**
 * fp_receive_error - take in an ICMP error
 * @endpoint: the port whose datagram it is about
 * @to: where that datagram went
 * @err: what it means, a negative errno, or 0 for nothing that ends a
 *	conversation
 * @skb: the ICMP message
 * @offset: where in it the beginning of our datagram is quoted
 *
 * As with UDP, only a connected socket is told, and only of its peer.
 *
 * Context: softirq, RCU read lock held.
 */
void fp_receive_error(struct fp_endpoint *endpoint, const union fp_addr *to,
		      int err, const struct sk_buff *skb, u32 offset)
{
	struct fp_sock *fs = datagram_socket(endpoint);
	const struct fp_peer *peer;

	FP_INC_STATS(endpoint->fn, ICMP_ERRORS);
	if (!err)
		return;
	if (has_connection(skb, offset)) {
		fp_input_error(endpoint, to, err, skb, offset);
		return;
	}
	if (!fs)
		return;
	peer = rcu_dereference(fp_dgram(fs)->peer);
	if (!peer || !fp_addr_equal(&peer->addr, to))
		return;
	WRITE_ONCE(fs->sk.sk_err, -err);
	sk_error_report(&fs->sk);
}
