// SPDX-License-Identifier: GPL-2.0
/* Wire to application, up to the socket's queue. Context: softirq. */
#include <linux/filter.h>

#include "fastproto.h"

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
 * Apart, since a kernel that zeroes its stack pays for the buffer. What lies in
 * pages is always copied: the sender may still be able to change it.
 */
static noinline enum fp_wire_status
decode_sections(const struct sk_buff *skb, u32 offset, struct fp_frame *frame)
{
	u32 avail = skb->len - offset;
	u32 have = min_t(u32, avail, FP_HDR_MAX);
	u8 copy[FP_HDR_MAX];
	const void *buf;

	buf = skb_header_pointer(skb, offset, have, copy);
	if (!buf)
		return FP_WIRE_INCOMPLETE;
	return fp_header_decode(buf, have, avail, frame);
}

static enum fp_wire_status decode(const struct sk_buff *skb, u32 offset,
				  struct fp_frame *frame)
{
	u32 avail = skb->len - offset;
	u32 have = min_t(u32, avail, FP_HDR_LEN);
	enum fp_wire_status status;
	u8 copy[FP_HDR_LEN];
	const void *buf;

	buf = skb_header_pointer(skb, offset, have, copy);
	if (!buf)
		return FP_WIRE_INCOMPLETE;
	status = fp_header_decode(buf, have, avail, frame);
	if (status == FP_WIRE_INCOMPLETE && have < avail)
		status = decode_sections(skb, offset, frame);
	/* No socket takes connections yet. */
	if (status == FP_WIRE_OK && frame->flags & ~FP_F_DGRAM)
		status = FP_WIRE_FLAGS;
	return status;
}

/* A connected socket takes frames of its peer only. */
static bool wants(const struct fp_sock *fs, const struct fp_rx *rx)
{
	const struct fp_peer *peer = rcu_dereference(fs->peer);

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

static void count_in(struct net *net, const struct fp_packet *packet)
{
	FP_INC_STATS(net, IN_FRAMES);
	FP_ADD_STATS(net, IN_BYTES, packet->frame.payload_len);
	if (packet->rx_flags & FP_RX_COPIED)
		FP_INC_STATS(net, IN_COPIES);
	else
		FP_INC_STATS(net, IN_VIEWS);
}

/*
 * Put the packets of one datagram into the queue; what does not fit is left on
 * the list.
 */
static unsigned int enqueue(struct fp_sock *fs, struct list_head *packets)
{
	struct fp_packet *packet, *next;
	unsigned int queued = 0;

	spin_lock_bh(&fs->rx_lock);
	list_for_each_entry_safe(packet, next, packets, list) {
		if (!charge(&fs->sk, packet))
			break;
		packet->drops = atomic_read(&fs->sk.sk_drops);
		count_in(sock_net(&fs->sk), packet);
		list_move_tail(&packet->list, &fs->rx_queue);
		queued++;
	}
	WRITE_ONCE(fs->rx_count, fs->rx_count + queued);
	fs->rx_frames += queued;
	spin_unlock_bh(&fs->rx_lock);
	return queued;
}

/* Returns why the last packet was dropped, or 0 if none was. */
static int deliver(struct fp_sock *fs, struct sk_buff *skb,
		   struct list_head *packets)
{
	struct fp_packet *packet, *next;
	struct sock *sk = &fs->sk;
	unsigned int queued;
	int why = 0;

	queued = enqueue(fs, packets);

	list_for_each_entry_safe(packet, next, packets, list) {
		why = FASTPROTO_A_STATS_DROP_QUEUE_FULL;
		atomic_inc(&sk->sk_drops);
		fp_drop(sk, skb, packet->frame.size, why);
		fp_packet_put(packet);
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
	u32 copybreak = READ_ONCE(fp_net(sock_net(&fs->sk))->copybreak);
	struct fp_packet *packet;

	packet = fp_packet_create(skb, offset + frame->hdr_len, frame,
				  copybreak);
	if (packet) {
		packet->index = index;
		packet->rx = *rx;
	}
	return packet;
}

/*
 * Take one datagram apart. An invalid frame ends it, and what came before
 * stands. Returns why the last dropped frame was dropped, or 0.
 */
static int parse(struct fp_sock *fs, struct sk_buff *skb,
		 const struct fp_rx *rx, struct list_head *packets)
{
	enum fp_wire_status status;
	struct fp_packet *packet;
	struct fp_frame frame;
	u32 offset = 0;
	u16 index = 0;
	int why = 0;

	do {
		status = decode(skb, offset, &frame);
		if (status != FP_WIRE_OK) {
			why = invalid_reason(status);
			fp_drop(&fs->sk, skb, skb->len - offset, why);
			break;
		}
		packet = NULL;
		if (!wants(fs, rx)) {
			why = FASTPROTO_A_STATS_DROP_NO_SOCKET;
			fp_drop(&fs->sk, skb, frame.size, why);
		} else {
			packet = packet_of(fs, skb, offset, &frame, rx, index);
			if (!packet) {
				why = FASTPROTO_A_STATS_DROP_NO_MEMORY;
				fp_drop(&fs->sk, skb, frame.size, why);
			}
		}
		if (packet)
			list_add_tail(&packet->list, packets);
		offset += frame.size;
		index++;
	} while (offset < skb->len);

	return why;
}

/**
 * fp_receive - take in a datagram
 * @fs: the socket bound to the port where it came in
 * @skb: the datagram, its data the first frame; taken
 * @rx: where it came from
 *
 * Context: softirq, RCU read lock held.
 */
void fp_receive(struct fp_sock *fs, struct sk_buff *skb, struct fp_rx *rx)
{
	struct sock *sk = &fs->sk;
	LIST_HEAD(packets);
	int why, full;

	FP_INC_STATS(sock_net(sk), IN_DATAGRAMS);
	if (sk_filter(sk, skb)) {
		why = FASTPROTO_A_STATS_DROP_FILTER;
		fp_drop(sk, skb, skb->len, why);
		kfree_skb_reason(skb, fp_drop_reason(why));
		return;
	}
	if (!rx->tstamp && sock_flag(sk, SOCK_RCVTSTAMP))
		rx->tstamp = ktime_get_real();

	why = parse(fs, skb, rx, &packets);
	full = deliver(fs, skb, &packets);
	if (full)
		why = full;

	if (why)
		kfree_skb_reason(skb, fp_drop_reason(why));
	else
		consume_skb(skb);
}

/**
 * fp_receive_error - take in an ICMP error
 * @fs: the socket bound to the port whose datagram it is about
 * @to: where that datagram went
 * @err: what it means, a negative errno, or 0 for nothing that ends a
 *	conversation
 *
 * As with UDP, only a connected socket is told, and only of its peer.
 *
 * Context: softirq, RCU read lock held.
 */
void fp_receive_error(struct fp_sock *fs, const union fp_addr *to, int err)
{
	const struct fp_peer *peer = rcu_dereference(fs->peer);
	struct sock *sk = &fs->sk;

	FP_INC_STATS(sock_net(sk), ICMP_ERRORS);
	if (!err || !peer || !fp_addr_equal(&peer->addr, to))
		return;
	WRITE_ONCE(sk->sk_err, -err);
	sk_error_report(sk);
}
