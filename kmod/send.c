// SPDX-License-Identifier: GPL-2.0
/* Application to wire. Context: process. */
#include "fastproto.h"
#include "conn.h"
#include "ring.h"

/* Up to that many bytes of a message lie in the skb's linear part. */
#define LINEAR_MAX	SKB_MAX_HEAD(256)

/* Of the control messages only those of SOL_SOCKET mean something here. */
static int parse_control(struct sock *sk, struct msghdr *msg,
			 struct sockcm_cookie *sockc)
{
	struct cmsghdr *cmsg;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg) || cmsg->cmsg_level == SOL_FASTPROTO)
			return -EINVAL;
	}
	return sock_cmsg_send(sk, msg, sockc);
}

static u32 family_msg_max(const union fp_addr *to)
{
	return to->family == AF_INET ? FP_DGRAM_MAX_INET : FP_DGRAM_MAX_INET6;
}

/* To the address in the message, or else to the peer. */
static int find_route(struct fp_sock *fs, struct msghdr *msg, size_t len,
		      u32 mark, struct fp_route *route)
{
	struct fp_flow flow = {
		.sk = &fs->sk,
		.mark = mark,
		.oif = READ_ONCE(fs->sk.sk_bound_dev_if),
		.onlink = sock_flag(&fs->sk, SOCK_LOCALROUTE) ||
			  msg->msg_flags & MSG_DONTROUTE,
		.broadcast = sock_flag(&fs->sk, SOCK_BROADCAST),
	};
	struct fp_peer *peer;
	union fp_addr to;
	int err;

	if (msg->msg_name) {
		err = fp_addr_parse(&to, msg->msg_name, msg->msg_namelen);
		if (err)
			return err;
		if (len > family_msg_max(&to))
			return -EMSGSIZE;
		err = fp_sock_autobind(fs, to.family);
		if (err)
			return err;
		return fp_endpoint_route(fs->endpoint, &flow, &to, NULL, route);
	}

	rcu_read_lock_bh();
	peer = rcu_dereference_bh(fp_dgram(fs)->peer);
	if (!peer)
		err = -EDESTADDRREQ;
	else if (len > family_msg_max(&peer->addr))
		err = -EMSGSIZE;
	else
		err = fp_endpoint_route(fs->endpoint, &flow, NULL, peer, route);
	rcu_read_unlock_bh();
	return err;
}

/* An skb with the message behind room for the headers. */
static struct sk_buff *alloc_frame(struct fp_sock *fs, struct msghdr *msg,
				   size_t len, unsigned int headroom, int *err)
{
	size_t linear = min_t(size_t, len, LINEAR_MAX);
	struct sk_buff *skb;

	skb = sock_alloc_send_pskb(&fs->sk, headroom + FP_HDR_LEN + linear,
				   len - linear,
				   msg->msg_flags & MSG_DONTWAIT, err,
				   PAGE_ALLOC_COSTLY_ORDER);
	if (!skb)
		return NULL;
	skb_reserve(skb, headroom);
	skb_put(skb, FP_HDR_LEN + linear);
	skb->data_len = len - linear;
	skb->len += skb->data_len;

	*err = skb_copy_datagram_from_iter(skb, FP_HDR_LEN, &msg->msg_iter,
					   len);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/*
 * May a message be sent from where it lies? A short one is copied, and so is one
 * that IP has to cut in pieces, for which it would copy it anyway.
 */
static bool message_may_stay(const struct fp_route *route, size_t len)
{
	size_t headers = sizeof(struct udphdr) + FP_HDR_LEN;

	headers += route->to.family == AF_INET ? sizeof(struct iphdr) :
						 sizeof(struct ipv6hdr);
	return len > FP_TXBUF_SMALL && headers + len <= route->mtu;
}

/* An skb with room for the headers, and references to where the message lies. */
static struct sk_buff *map_frame(struct fp_sock *fs, struct msghdr *msg,
				 size_t len, unsigned int headroom, int *err)
{
	struct sk_buff *skb;
	u32 before;

	skb = sock_alloc_send_pskb(&fs->sk, headroom + FP_HDR_LEN, 0,
				   msg->msg_flags & MSG_DONTWAIT, err, 0);
	if (!skb)
		return NULL;
	skb_reserve(skb, headroom);
	skb_put(skb, FP_HDR_LEN);
	before = skb->truesize;
	*err = fp_txbuf_map_pages(skb, &msg->msg_iter, len);
	/* As much as it gives back to the send buffer when it is freed. */
	refcount_add(skb->truesize - before, &fs->sk.sk_wmem_alloc);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/* The message behind its headers. *@stay: may it, does it stay where it lies? */
static struct sk_buff *make_frame(struct fp_sock *fs, struct msghdr *msg,
				  size_t len, const struct fp_route *route,
				  bool *stay, int *err)
{
	unsigned int headroom = fp_endpoint_headroom(route);
	struct sk_buff *skb;

	if (unlikely(*stay)) {
		skb = map_frame(fs, msg, len, headroom, err);
		if (skb || *err != -EMSGSIZE)
			return skb;
		*stay = false;
	}
	return alloc_frame(fs, msg, len, headroom, err);
}

/* Nothing can fail any more: the frame gets its number. */
static void encode_header(struct fp_sock *fs, struct sk_buff *skb)
{
	struct fp_frame frame = {
		.seq = atomic64_inc_return(&fp_dgram(fs)->tx_seq) - 1,
		.size = skb->len,
		.flags = fp_sock_has(fs, FP_OPTION_NEEDS_COPY) ?
			 FP_F_NEEDS_COPY : 0,
	};

	fp_header_encode(skb->data, &frame, NULL);
}

/* The skb, which has its route, is taken. */
static int transmit_message(struct fp_sock *fs, struct sk_buff *skb, size_t len,
			    const struct fp_route *route)
{
	struct fp_net *fn = fp_net(sock_net(&fs->sk));
	int err;

	encode_header(fs, skb);
	FP_INC_STATS(fn, OUT_FRAMES);
	FP_ADD_STATS(fn, OUT_BYTES, len);
	atomic64_add(len, &fp_dgram(fs)->tx_bytes);
	rcu_read_lock_bh();
	err = fp_endpoint_xmit(fs->endpoint, skb, route);
	rcu_read_unlock_bh();
	/* A full queue on the way is a lost datagram, as with UDP. */
	return err == -ENOBUFS ? 0 : err;
}

/*
 * The same with a notice when the pages are not needed any more, or at once if it
 * is a copy. The notices' numbers are given under the socket lock, so that one
 * that is not used may be taken back.
 */
static noinline int transmit_pages(struct fp_sock *fs, struct sk_buff *skb,
				   size_t len, const struct fp_route *route,
				   bool stays)
{
	unsigned long *zerocopied = fp_sock_zerocopied(fs);
	struct ubuf_info *ubuf;
	int err = -ENOBUFS;

	lock_sock(&fs->sk);
	ubuf = msg_zerocopy_realloc(&fs->sk, len, NULL);
	if (!ubuf) {
		FP_INC_STATS(fp_net(sock_net(&fs->sk)), OUT_ERRORS);
		kfree_skb(skb);
		goto unlock;
	}
	if (stays) {
		skb_zcopy_set(skb, ubuf, NULL);
		WRITE_ONCE(*zerocopied, *zerocopied + len);
	} else {
		uarg_to_msgzc(ubuf)->zerocopy = 0;
	}
	err = transmit_message(fs, skb, len, route);
	if (err)	/* a queue was full, as without pages */
		net_zcopy_put_abort(ubuf, true);
	else
		net_zcopy_put(ubuf);
unlock:
	release_sock(&fs->sk);
	return err;
}

/* The same with the pool's pages, of which the ring hears, or with a copy. */
static int transmit_slots(struct fp_sock *fs, struct sk_buff *skb,
			  struct msghdr *msg, size_t len,
			  const struct fp_route *route, bool stays)
{
	if (stays)
		skb_zcopy_set(skb, msg->msg_ubuf, NULL);
	else
		msg->msg_ubuf = NULL;
	fp_ring_count_sent(fs, len, stays);
	return transmit_message(fs, skb, len, route);
}

/**
 * fp_sendmsg - send one message as one frame in one datagram
 * @sock: the socket; bound to a free port if it is not bound
 * @msg: the payload; address and control messages
 * @len: payload in bytes; 0 is a message, too
 *
 * A msg_ubuf that does not get the pages, since the message is copied, is set to
 * NULL.
 *
 * Context: process; takes the socket lock only to bind, and with SO_ZEROCOPY and
 *	MSG_ZEROCOPY.
 * Return: @len; or -EAGAIN (send buffer full), -EMSGSIZE, -EDESTADDRREQ,
 *	-EPIPE (after shutdown), -EOPNOTSUPP (MSG_OOB, MSG_MORE), -EINTR,
 *	-EFAULT, -ENOBUFS (no memory for another notice), what fp_addr_parse(),
 *	fp_endpoint_route() and fp_endpoint_xmit() (but for a full queue) say, or
 *	the pending error. A message that is not sent takes no sequence number.
 */
int fp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_net *fn = fp_net(sock_net(&fs->sk));
	struct sockcm_cookie sockc;
	struct fp_route route;
	struct sk_buff *skb;
	bool notice, stays;
	int err;

	if (msg->msg_flags & (MSG_OOB | MSG_MORE))
		return -EOPNOTSUPP;
	if (READ_ONCE(fs->sk.sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	sockcm_init(&sockc, &fs->sk);
	sockc.mark = READ_ONCE(fs->sk.sk_mark);
	if (msg->msg_controllen) {
		err = parse_control(&fs->sk, msg, &sockc);
		if (err)
			return err;
	}

	err = find_route(fs, msg, len, sockc.mark, &route);
	if (err)
		goto count;
	notice = fp_sock_wants_notice(fs, msg, len);
	stays = (notice || msg->msg_ubuf) && message_may_stay(&route, len);
	skb = make_frame(fs, msg, len, &route, &stays, &err);
	if (!skb) {
		dst_release(route.dst);
		goto count;
	}
	if (msg->msg_flags & MSG_CONFIRM)
		dst_confirm_neigh(route.dst, route.to.family == AF_INET ?
				  (void *)&route.to.sin.sin_addr :
				  (void *)&route.to.sin6.sin6_addr);
	skb->priority = READ_ONCE(fs->sk.sk_priority);
	skb->mark = sockc.mark;
	skb->tstamp = sockc.transmit_time;
	skb_dst_set(skb, route.dst);

	if (unlikely(notice))
		err = transmit_pages(fs, skb, len, &route, stays);
	else if (unlikely(msg->msg_ubuf))
		err = transmit_slots(fs, skb, msg, len, &route, stays);
	else
		err = transmit_message(fs, skb, len, &route);
	return err ?: len;

count:
	if (err != -EAGAIN)
		FP_INC_STATS(fn, OUT_ERRORS);
	return err;
}
