// SPDX-License-Identifier: GPL-2.0
/* The generic netlink family "fastproto": what fpctl asks and changes. */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/ip.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

#define DUMP_BATCH	256	/* slots to look at before others may run */

static struct genl_family family;

/* Requests that take no attribute refuse each. */
static const struct nla_policy no_policy[] = {
	[1] = { .type = NLA_REJECT },
};

static const struct nla_policy conn_policy[] = {
	[FASTPROTO_A_CONN_ID] = { .type = NLA_U64 },
};

static struct sk_buff *reply_begin(struct genl_info *info, void **hdr)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return NULL;
	*hdr = genlmsg_put_reply(msg, info, &family, 0, info->genlhdr->cmd);
	if (!*hdr) {	/* cannot be: it is the first in there */
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int dev_get(struct sk_buff *skb, struct genl_info *info)
{
	struct fp_net *fn = fp_net(genl_info_net(info));
	struct sk_buff *msg;
	void *hdr;

	msg = reply_begin(info, &hdr);
	if (!msg)
		return -ENOMEM;

	if (nla_put_string(msg, FASTPROTO_A_DEV_MODULE_VERSION,
			   FP_MODULE_VERSION) ||
	    nla_put_u32(msg, FASTPROTO_A_DEV_PROTOCOL, FP_VERSION) ||
	    nla_put_u32(msg, FASTPROTO_A_DEV_FAMILY, fp_family) ||
	    nla_put_u32(msg, FASTPROTO_A_DEV_MSG_MAX_INET,
			FP_DGRAM_MAX_INET) ||
	    nla_put_u32(msg, FASTPROTO_A_DEV_MSG_MAX_INET6,
			FP_DGRAM_MAX_INET6) ||
	    nla_put_u32(msg, FASTPROTO_A_DEV_COPYBREAK_MAX,
			FP_COPYBREAK_MAX) ||
	    nla_put_u32(msg, FASTPROTO_A_DEV_SOCKETS,
			atomic_read(&fn->nr_sockets)) ||
	    fp_setting_put(msg, fn)) {
		/* Cannot be: NLMSG_DEFAULT_SIZE is more than all of it. */
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

static int dev_set(struct sk_buff *skb, struct genl_info *info)
{
	if (fp_setting_set(fp_net(genl_info_net(info)), info->attrs))
		return 0;
	NL_SET_ERR_MSG(info->extack, "no setting is given");
	return -EINVAL;
}

static int stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct fp_net *fn = fp_net(genl_info_net(info));
	struct sk_buff *msg;
	void *hdr;
	int i;

	msg = reply_begin(info, &hdr);
	if (!msg)
		return -ENOMEM;

	for (i = FASTPROTO_A_STATS_PAD + 1; i <= FASTPROTO_A_STATS_MAX; i++) {
		u64 val = snmp_fold_field((void __percpu *)fn->mib, i);

		if (nla_put_u64_64bit(msg, i, val, FASTPROTO_A_STATS_PAD)) {
			/* Cannot be: NLMSG_DEFAULT_SIZE has room for all. */
			nlmsg_free(msg);
			return -EMSGSIZE;
		}
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

static int put_addr(struct sk_buff *msg, int attr, const union fp_addr *addr)
{
	struct sockaddr_fp sfp;

	return nla_put(msg, attr, fp_addr_report(addr, &sfp), &sfp);
}

/* Of a socket that has one peer. Under the RCU read lock. */
static const struct fp_peer *peer_of(const struct fp_sock *fs)
{
	const struct fp_conn *conn;

	switch (fs->sk.sk_type) {
	case SOCK_DGRAM:
		return rcu_dereference(fp_dgram(fs)->peer);
	case SOCK_SEQPACKET:
		conn = rcu_dereference(fs->conn);
		return conn ? &conn->path->peer : NULL;
	default:
		return NULL;
	}
}

static int put_addrs(struct sk_buff *msg, struct fp_sock *fs)
{
	/* Pairs with smp_store_release() in set_endpoint(). */
	const struct fp_endpoint *endpoint = smp_load_acquire(&fs->endpoint);
	const struct fp_peer *peer = peer_of(fs);

	if (peer)
		return put_addr(msg, FASTPROTO_A_SOCKET_LOCAL, &peer->local) ||
		       put_addr(msg, FASTPROTO_A_SOCKET_PEER, &peer->addr);
	return endpoint &&
	       put_addr(msg, FASTPROTO_A_SOCKET_LOCAL, &endpoint->local);
}

static int put_identity(struct sk_buff *msg, struct sock *sk,
			struct user_namespace *user_ns)
{
	u64 cookie = atomic64_read(&sk->sk_cookie);
	int oif = READ_ONCE(sk->sk_bound_dev_if);

	return (cookie && nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_COOKIE,
					    cookie, FASTPROTO_A_SOCKET_PAD)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_TYPE, sk->sk_type) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_INODE, sock_i_ino(sk)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_UID,
			   from_kuid_munged(user_ns, sock_i_uid(sk))) ||
	       (oif && nla_put_u32(msg, FASTPROTO_A_SOCKET_IFINDEX, oif)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_MARK,
			   READ_ONCE(sk->sk_mark)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_SHUTDOWN,
			   READ_ONCE(sk->sk_shutdown));
}

/**
 * struct queues - what waits at a socket, and has passed
 * @rx_count: messages to be received
 * @rx_memory: bytes charged for them
 * @tx_memory: bytes charged for what is sent
 * @rx_frames: frames taken in
 * @tx_frames: frames sent
 * @rx_bytes: payload of what the application took
 * @tx_bytes: payload of what it sent
 */
struct queues {
	u32 rx_count;
	u32 rx_memory;
	u32 tx_memory;
	u64 rx_frames;
	u64 tx_frames;
	u64 rx_bytes;
	u64 tx_bytes;
};

static u64 count_of(const struct fp_conn *conn, int attr)
{
	return conn->act ? conn->act->counts[attr - FP_COUNT_FIRST] :
			   fp_rest_count(conn, attr);
}

static void conn_queues(struct fp_sock *fs, struct queues *queues)
{
	struct fp_conn *conn = fp_sock_conn_get(fs);

	if (!conn)
		return;
	spin_lock_bh(&conn->lock);
	if (conn->act) {
		queues->rx_count = conn->act->rx_count;
		queues->rx_memory = conn->act->rx_memory;
		queues->tx_memory = conn->act->tx_memory;
	}
	queues->rx_frames = count_of(conn, FASTPROTO_A_CONN_IN_FRAMES);
	queues->tx_frames = count_of(conn, FASTPROTO_A_CONN_OUT_FRAMES);
	/* One that is parked has nothing that waits. */
	queues->rx_bytes = count_of(conn, FASTPROTO_A_CONN_IN_BYTES);
	queues->tx_bytes = count_of(conn, FASTPROTO_A_CONN_OUT_BYTES);
	if (conn->act) {
		queues->rx_bytes -= fp_seqpacket_waiting(conn->act);
		queues->tx_bytes += fp_transmit_waiting(conn->act);
	}
	spin_unlock_bh(&conn->lock);
	fp_conn_put(conn);
}

static void dgram_queues(struct fp_sock *fs, struct queues *queues)
{
	struct fp_dgram *dgram = fp_dgram(fs);

	spin_lock_bh(&dgram->rx_lock);
	queues->rx_count = dgram->rx_count;
	queues->rx_frames = dgram->rx_frames;
	queues->rx_bytes = dgram->rx_bytes;
	spin_unlock_bh(&dgram->rx_lock);
	queues->rx_memory = sk_rmem_alloc_get(&fs->sk);
	queues->tx_memory = sk_wmem_alloc_get(&fs->sk);
	queues->tx_frames = atomic64_read(&dgram->tx_seq);
	queues->tx_bytes = atomic64_read(&dgram->tx_bytes);
}

static void rdm_queues(struct fp_sock *fs, struct queues *queues)
{
	queues->rx_memory = fp_crowd_memory(fs);
	fp_crowd_bytes(fs, &queues->tx_bytes, &queues->rx_bytes);
}

/* What the module copied and what not, of the payload. */
static int put_copied(struct sk_buff *msg, struct fp_sock *fs,
		      const struct queues *queues)
{
	const struct fp_ring *ring = fp_sock_ring(fs);
	struct fp_ring_stats stats;
	u64 taken = queues->rx_bytes, zerocopy;

	zerocopy = READ_ONCE(*fp_sock_zerocopied(fs));
	if (ring) {
		fp_ring_stats(ring, &stats);
		zerocopy += stats.tx_zerocopy;
		/* A connection that has a socket counts what comes itself. */
		if (fs->sk.sk_type != SOCK_SEQPACKET)
			taken += stats.rx_copied;
	}
	/* What is sent at this moment may be in one of them only. */
	zerocopy = min(zerocopy, queues->tx_bytes);
	return nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_TX_COPIED,
				 queues->tx_bytes - zerocopy,
				 FASTPROTO_A_SOCKET_PAD) ||
	       nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_TX_ZEROCOPY, zerocopy,
				 FASTPROTO_A_SOCKET_PAD) ||
	       nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_RX_COPIED,
				 taken, FASTPROTO_A_SOCKET_PAD);
}

/* What a listener has, or a socket with many connections. */
static int put_connections(struct sk_buff *msg, const struct fp_sock *fs)
{
	const struct sock *sk = &fs->sk;

	if (fp_sock_is_rdm(fs))
		return nla_put_u32(msg, FASTPROTO_A_SOCKET_CONNECTIONS,
				   fp_crowd_size(fs));
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return 0;
	return nla_put_u32(msg, FASTPROTO_A_SOCKET_ACCEPT_QUEUE,
			   READ_ONCE(sk->sk_ack_backlog)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_BACKLOG,
			   READ_ONCE(sk->sk_max_ack_backlog));
}

static int put_ring(struct sk_buff *msg, const struct fp_sock *fs)
{
	static const struct {
		u16 attr;
		u16 offset;
	} counters[] = {
		{ FASTPROTO_A_SOCKET_RING_MESSAGES,
		  offsetof(struct fp_ring_stats, messages) },
		{ FASTPROTO_A_SOCKET_RING_SENT,
		  offsetof(struct fp_ring_stats, sent) },
		{ FASTPROTO_A_SOCKET_RING_COPIED,
		  offsetof(struct fp_ring_stats, tx_copied) },
		{ FASTPROTO_A_SOCKET_RING_ZEROCOPY,
		  offsetof(struct fp_ring_stats, tx_zerocopy) },
		{ FASTPROTO_A_SOCKET_RING_NO_SLOT,
		  offsetof(struct fp_ring_stats, no_free_slots) },
		{ FASTPROTO_A_SOCKET_RING_FULL,
		  offsetof(struct fp_ring_stats, events_full) },
		{ FASTPROTO_A_SOCKET_RING_INVALID,
		  offsetof(struct fp_ring_stats, invalid) },
	};
	const struct fp_ring *ring = fp_sock_ring(fs);
	struct fp_ring_stats stats;
	unsigned int i;

	if (!ring)
		return 0;
	if (nla_put_u32(msg, FASTPROTO_A_SOCKET_RING_SLOTS, ring->info.slots) ||
	    nla_put_u32(msg, FASTPROTO_A_SOCKET_RING_FREE, fp_pool_free(ring)))
		return -EMSGSIZE;	/* and comes in the next message */
	fp_ring_stats(ring, &stats);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		const u64 *value = (void *)&stats + counters[i].offset;

		if (nla_put_u64_64bit(msg, counters[i].attr, *value,
				      FASTPROTO_A_SOCKET_PAD))
			return -EMSGSIZE;
	}
	return 0;
}

static int put_queues(struct sk_buff *msg, struct fp_sock *fs)
{
	struct sock *sk = &fs->sk;
	struct queues queues = {};

	if (sk->sk_type == SOCK_SEQPACKET)
		conn_queues(fs, &queues);
	else if (fp_sock_is_rdm(fs))
		rdm_queues(fs, &queues);
	else
		dgram_queues(fs, &queues);

	return nla_put_u32(msg, FASTPROTO_A_SOCKET_RX_QUEUE, queues.rx_count) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_RX_MEMORY,
			   queues.rx_memory) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_RX_LIMIT,
			   READ_ONCE(sk->sk_rcvbuf)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_TX_MEMORY,
			   queues.tx_memory) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_TX_LIMIT,
			   READ_ONCE(sk->sk_sndbuf)) ||
	       nla_put_u32(msg, FASTPROTO_A_SOCKET_MSG_MAX, fp_msg_max(fs)) ||
	       put_connections(msg, fs) || put_ring(msg, fs) ||
	       put_copied(msg, fs, &queues) ||
	       nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_RX_FRAMES,
				 queues.rx_frames, FASTPROTO_A_SOCKET_PAD) ||
	       nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_RX_DROPS,
				 atomic_read(&sk->sk_drops),
				 FASTPROTO_A_SOCKET_PAD) ||
	       nla_put_u64_64bit(msg, FASTPROTO_A_SOCKET_TX_FRAMES,
				 queues.tx_frames, FASTPROTO_A_SOCKET_PAD);
}

static int put_socket(struct sk_buff *msg, struct netlink_callback *cb,
		      struct fp_sock *fs)
{
	void *hdr;

	hdr = genlmsg_put(msg, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &family, NLM_F_MULTI, FASTPROTO_CMD_SOCKET_GET);
	if (!hdr)
		return -EMSGSIZE;
	/* Wherever in it the message is full, all of it comes in the next one. */
	if (put_identity(msg, &fs->sk, sk_user_ns(NETLINK_CB(cb->skb).sk)) ||
	    put_addrs(msg, fs) || put_queues(msg, fs)) {
		genlmsg_cancel(msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return 0;
}

/* Those of a list that are older than *@id, which is the last one's then. */
static int put_sockets(struct sk_buff *msg, struct netlink_callback *cb,
		       const struct hlist_head *list, unsigned long *id)
{
	struct sock *sk;
	int err;

	sk_for_each_rcu(sk, list) {
		struct fp_sock *fs = fp_sk(sk);

		if (fs->id >= *id)
			continue;
		err = put_socket(msg, cb, fs);
		if (err)
			return err;
		*id = fs->id;
	}
	return 0;
}

/*
 * The dump goes on in the list where the last message was full, behind the last
 * socket that fitted in.
 */
static int socket_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct fp_net *fn = fp_net(sock_net(msg->sk));
	unsigned long id = cb->args[0] ? cb->args[1] : ULONG_MAX;
	unsigned int i = cb->args[0] ? cb->args[0] - 1 : 0;
	int err = 0;

	for (; i < FP_SOCKET_LISTS; i++, id = ULONG_MAX) {
		/* A socket is off its list a grace period before it is freed. */
		rcu_read_lock();
		err = put_sockets(msg, cb, &fn->sockets[i], &id);
		rcu_read_unlock();
		if (err)
			break;
	}
	cb->args[0] = i + 1;
	cb->args[1] = id;
	return msg->len ?: err;
}

/* Who knows the tags of an ID can forge frames: they are not for everybody. */
static int put_conn_ids(struct sk_buff *msg, const struct fp_conn *conn)
{
	u64 peer_id = conn->state > FP_ECHO_SENT ? conn->peer_id : 0;

	return nla_put_u64_64bit(msg, FASTPROTO_A_CONN_ID, conn->id,
				 FASTPROTO_A_CONN_PAD) ||
	       (peer_id && nla_put_u64_64bit(msg, FASTPROTO_A_CONN_PEER_ID,
					     peer_id, FASTPROTO_A_CONN_PAD));
}

static int put_conn_identity(struct sk_buff *msg, const struct fp_conn *conn)
{
	const struct fp_path *path = conn->path;
	struct fp_sock *fs = rcu_dereference(conn->fs);
	u32 inode = fs ? sock_i_ino(&fs->sk) : 0;

	return nla_put_u32(msg, FASTPROTO_A_CONN_STATE, conn->state) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_PASSIVE, conn->passive) ||
	       put_addr(msg, FASTPROTO_A_CONN_LOCAL, &path->peer.local) ||
	       put_addr(msg, FASTPROTO_A_CONN_PEER, &path->peer.addr) ||
	       (inode && nla_put_u32(msg, FASTPROTO_A_CONN_INODE, inode)) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_MTU, READ_ONCE(path->mtu));
}

static struct fp_rtt rtt_of(const struct fp_conn *conn)
{
	struct fp_rtt rtt;

	if (conn->act)
		return conn->act->rtt;
	fp_rest_rtt(conn, &rtt);
	return rtt;
}

static int put_conn_control(struct sk_buff *msg, const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;
	u32 ssthresh = act ? act->cc.ssthresh : fp_rest_ssthresh(&conn->rest);
	u32 cwnd = act ? act->cc.cwnd : fp_rest_cwnd(&conn->rest);
	const struct fp_rtt rtt = rtt_of(conn);
	u32 srtt = fp_rtt_srtt(&rtt);

	return (srtt && (nla_put_u32(msg, FASTPROTO_A_CONN_SRTT, srtt) ||
			 nla_put_u32(msg, FASTPROTO_A_CONN_RTT_MIN,
				     fp_rtt_min(&rtt)))) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RTO, fp_rtt_rto(&rtt)) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_CWND, cwnd) ||
	       (ssthresh != FP_SSTHRESH_NONE &&
		nla_put_u32(msg, FASTPROTO_A_CONN_SSTHRESH, ssthresh)) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_BACKOFF, rtt.backoff) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RETRIES,
			   act ? act->retries : 0);
}

/* A probe may go beyond the edge. */
static u32 credit(u64 edge, u64 used)
{
	return edge > used ? min_t(u64, edge - used, U32_MAX) : 0;
}

static int put_conn_tx(struct sk_buff *msg, const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;
	const struct fp_txwin *tx = &act->tx;
	u32 unacked = tx->next - tx->una - tx->sacked;

	return nla_put_u32(msg, FASTPROTO_A_CONN_IN_FLIGHT, tx->flight) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_TX_MEMORY,
			   act->tx_memory) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_TX_QUEUE,
			   tx->end - tx->next) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_TX_UNACKED, unacked) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_TX_LOST, tx->lost_nr) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_TX_CREDIT,
			   credit(act->tx_edge, act->tx_cost_next));
}

static int put_conn_rx(struct sk_buff *msg, const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return nla_put_u32(msg, FASTPROTO_A_CONN_RX_QUEUE, act->rx_count) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RX_MEMORY, act->rx_memory) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RX_LIMIT, act->rx_limit) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RX_CREDIT,
			   credit(act->rx_edge, act->rx_cost));
}

/* Nothing waits and nothing is under way. */
static int put_conn_rest(struct sk_buff *msg, const struct fp_conn *conn)
{
	static const u8 none[] = {
		FASTPROTO_A_CONN_IN_FLIGHT, FASTPROTO_A_CONN_TX_MEMORY,
		FASTPROTO_A_CONN_TX_QUEUE, FASTPROTO_A_CONN_TX_UNACKED,
		FASTPROTO_A_CONN_TX_LOST, FASTPROTO_A_CONN_RX_QUEUE,
		FASTPROTO_A_CONN_RX_MEMORY,
	};
	const struct fp_sock *fs = rcu_dereference(conn->fs);
	const struct fp_rest *rest = &conn->rest;
	int i;

	for (i = 0; i < ARRAY_SIZE(none); i++)
		if (nla_put_u32(msg, none[i], 0))
			return -EMSGSIZE;
	return nla_put_u32(msg, FASTPROTO_A_CONN_TX_CREDIT,
			   max(rest->tx_credit, 0)) ||
	       (fs && nla_put_u32(msg, FASTPROTO_A_CONN_RX_LIMIT,
				  READ_ONCE(fs->sk.sk_rcvbuf))) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RX_CREDIT,
			   max(rest->rx_credit, 0));
}

static int put_ago(struct sk_buff *msg, int attr, u64 then, u64 now)
{
	if (!then)
		return 0;
	return nla_put_u64_64bit(msg, attr, now > then ? now - then : 0,
				 FASTPROTO_A_CONN_PAD);
}

static u64 deadline_of(const struct fp_conn *conn, enum fp_deadline which)
{
	if (conn->act)
		return conn->act->deadline[which];
	if (which == FP_DEADLINE_KEEPALIVE && conn->kept)
		return conn->rest.keep->due;
	return 0;
}

static int put_until(struct sk_buff *msg, int attr, u64 at, u64 now)
{
	return nla_put_u64_64bit(msg, attr, at > now ? at - now : 0,
				 FASTPROTO_A_TIMER_PAD);
}

static int put_conn_timers(struct sk_buff *msg, const struct fp_conn *conn,
			   u64 now)
{
	const struct fp_act *act = conn->act;
	struct nlattr *nest;
	u64 at;
	int i;

	BUILD_BUG_ON(FASTPROTO_A_TIMER_PACE - FASTPROTO_A_TIMER_HANDSHAKE !=
		     (int)FP_DEADLINES);
	BUILD_BUG_ON(FASTPROTO_A_TIMER_END - FASTPROTO_A_TIMER_HANDSHAKE !=
		     (int)FP_DEADLINE_END);
	nest = nla_nest_start(msg, FASTPROTO_A_CONN_TIMERS);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < FP_DEADLINES; i++) {
		at = deadline_of(conn, i);
		if (at && put_until(msg, FASTPROTO_A_TIMER_HANDSHAKE + i, at,
				    now))
			return -EMSGSIZE;
	}
	if (act && act->pacing &&
	    put_until(msg, FASTPROTO_A_TIMER_PACE,
		      ktime_to_us(hrtimer_get_expires(&act->pace)), now))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_conn_times(struct sk_buff *msg, const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;
	u64 now = ktime_to_us(ktime_get());

	return put_ago(msg, FASTPROTO_A_CONN_AGE,
		       (u64)conn->created << FP_CREATED_SHIFT, now) ||
	       put_ago(msg, FASTPROTO_A_CONN_SINCE_IN,
		       act ? act->rx_last : fp_rest_ts_recent_at(conn),
		       now) ||
	       put_ago(msg, FASTPROTO_A_CONN_SINCE_OUT,
		       act ? act->tx_last : fp_rest_tx_last(conn), now) ||
	       put_conn_timers(msg, conn, now);
}

static int put_conn_counts(struct sk_buff *msg, const struct fp_conn *conn)
{
	int attr;

	for (attr = FP_COUNT_FIRST; attr <= FP_COUNT_LAST; attr++)
		if (nla_put_u64_64bit(msg, attr, count_of(conn, attr),
				      FASTPROTO_A_CONN_PAD))
			return -EMSGSIZE;
	return 0;
}

/* What a list does not tell. Under the RCU read lock and the connection's. */
static int put_conn_depth(struct sk_buff *msg, const struct fp_conn *conn)
{
	const struct fp_sock *fs = rcu_dereference(conn->fs);
	const struct fp_rtt rtt = rtt_of(conn);
	const struct fp_act *act = conn->act;

	return (fp_rtt_srtt(&rtt) &&
		nla_put_u32(msg, FASTPROTO_A_CONN_RTTVAR, rtt.rttvar / 4)) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_MSG_MAX, conn->rx_msg_max) ||
	       (fp_conn_connected(conn) &&
		nla_put_u32(msg, FASTPROTO_A_CONN_PEER_MSG_MAX,
			    conn->msg_max)) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_HEADROOM,
			   READ_ONCE(conn->path->headroom)) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_TX_BYTES,
			   act ? act->tx_bytes : 0) ||
	       (fs && nla_put_u32(msg, FASTPROTO_A_CONN_TX_LIMIT,
				  READ_ONCE(fs->sk.sk_sndbuf))) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_RX_GAPS,
			   act ? act->rx.nr : 0) ||
	       put_conn_times(msg, conn) || put_conn_counts(msg, conn);
}

/* Under the RCU read lock and the connection's. */
static int put_conn_all(struct sk_buff *msg, const struct fp_conn *conn,
			bool admin)
{
	return (admin && put_conn_ids(msg, conn)) ||
	       put_conn_identity(msg, conn) || put_conn_control(msg, conn) ||
	       nla_put_u32(msg, FASTPROTO_A_CONN_PARKED, !conn->act) ||
	       (conn->act ? put_conn_tx(msg, conn) || put_conn_rx(msg, conn) :
			    put_conn_rest(msg, conn));
}

/* The same. */
static int put_conn(struct sk_buff *msg, struct netlink_callback *cb,
		    const struct fp_conn *conn, bool admin)
{
	void *hdr;

	hdr = genlmsg_put(msg, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &family, NLM_F_MULTI, FASTPROTO_CMD_CONN_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (put_conn_all(msg, conn, admin)) {
		genlmsg_cancel(msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return 0;
}

/* Under the RCU read lock, which keeps the connection. */
static int put_slot(struct sk_buff *msg, struct netlink_callback *cb,
		    u32 index, bool admin)
{
	const struct fp_net *fn = fp_net(sock_net(msg->sk));
	struct fp_conn *conn = fp_slot_find(&fn->slots, index);
	int err = 0;

	if (!conn)
		return 0;
	spin_lock_bh(&conn->lock);
	if (conn->state != FP_CLOSED)
		err = put_conn(msg, cb, conn, admin);
	spin_unlock_bh(&conn->lock);
	return err;
}

/* The dump goes on from the slot where the last message was full. */
static int conn_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	const struct net *net = sock_net(msg->sk);
	const u32 *capacity = &fp_net(net)->slots.capacity;
	bool admin = netlink_ns_capable(cb->skb, net->user_ns, CAP_NET_ADMIN);
	u32 index = cb->args[0];
	int err = 0;

	/* One of them is asked for in another way. */
	if (nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return -EINVAL;
	while (!err && index < READ_ONCE(*capacity)) {
		rcu_read_lock();
		do {
			err = put_slot(msg, cb, index, admin);
		} while (!err && ++index % DUMP_BATCH);
		rcu_read_unlock();
		cond_resched();
	}
	cb->args[0] = index;
	return msg->len ?: err;
}

/* The connection with this ID, tag included, a reference; or NULL. */
static struct fp_conn *conn_find(struct net *net, u64 id)
{
	struct fp_conn *conn;

	rcu_read_lock();
	conn = fp_conn_find(fp_net(net), fp_id_slot(id));
	rcu_read_unlock();
	if (!conn || conn->id == id)
		return conn;
	fp_conn_put(conn);
	return NULL;
}

/* As struct fp_conn is now, or -ENOENT if it is over. */
static int put_living(struct sk_buff *msg, struct fp_conn *conn)
{
	int err = -ENOENT;

	rcu_read_lock();
	spin_lock_bh(&conn->lock);
	if (conn->state != FP_CLOSED)
		err = put_conn_all(msg, conn, true) ||
		      put_conn_depth(msg, conn) ? -EMSGSIZE : 0;
	spin_unlock_bh(&conn->lock);
	rcu_read_unlock();
	return err;
}

static int conn_get(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	struct fp_conn *conn;
	struct sk_buff *msg;
	void *hdr;
	int err;

	/* The same that GENL_UNS_ADMIN_PERM asks for, which a list does not. */
	if (!netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (GENL_REQ_ATTR_CHECK(info, FASTPROTO_A_CONN_ID))
		return -EINVAL;
	msg = reply_begin(info, &hdr);
	if (!msg)
		return -ENOMEM;
	conn = conn_find(net, nla_get_u64(info->attrs[FASTPROTO_A_CONN_ID]));
	err = conn ? put_living(msg, conn) : -ENOENT;
	fp_conn_put(conn);
	if (!err) {
		genlmsg_end(msg, hdr);
		return genlmsg_reply(msg, info);
	}
	nlmsg_free(msg);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "no connection has this ID");
	return err;
}

static int conn_del(struct sk_buff *skb, struct genl_info *info)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	int err = -ENOENT;

	if (GENL_REQ_ATTR_CHECK(info, FASTPROTO_A_CONN_ID))
		return -EINVAL;
	conn = conn_find(genl_info_net(info),
			 nla_get_u64(info->attrs[FASTPROTO_A_CONN_ID]));
	if (conn) {
		fp_conn_lock(conn, &todo);
		if (conn->state != FP_CLOSED) {
			fp_conn_abort(conn, -ECONNABORTED, FP_RST_ABORTED,
				      &todo);
			err = 0;
		}
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	if (err)
		NL_SET_ERR_MSG(info->extack, "no connection has this ID");
	return err;
}

static const struct genl_ops ops[] = {
	{
		.cmd		= FASTPROTO_CMD_DEV_GET,
		.doit		= dev_get,
		.policy		= no_policy,
		.maxattr	= ARRAY_SIZE(no_policy) - 1,
	}, {
		.cmd		= FASTPROTO_CMD_DEV_SET,
		.doit		= dev_set,
		.policy		= fp_setting_policy,
		.maxattr	= FASTPROTO_A_DEV_MAX,
		.flags		= GENL_UNS_ADMIN_PERM,
	}, {
		.cmd		= FASTPROTO_CMD_STATS_GET,
		.doit		= stats_get,
		.policy		= no_policy,
		.maxattr	= ARRAY_SIZE(no_policy) - 1,
	}, {
		.cmd		= FASTPROTO_CMD_SOCKET_GET,
		.dumpit		= socket_dump,
		.policy		= no_policy,
		.maxattr	= ARRAY_SIZE(no_policy) - 1,
	}, {
		.cmd		= FASTPROTO_CMD_CONN_GET,
		.doit		= conn_get,
		.dumpit		= conn_dump,
		.policy		= conn_policy,
		.maxattr	= ARRAY_SIZE(conn_policy) - 1,
	}, {
		.cmd		= FASTPROTO_CMD_CONN_DEL,
		.doit		= conn_del,
		.policy		= conn_policy,
		.maxattr	= ARRAY_SIZE(conn_policy) - 1,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

static struct genl_family family = {
	.name		= FASTPROTO_FAMILY_NAME,
	.version	= FASTPROTO_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	.resv_start_op	= __FASTPROTO_CMD_MAX,
};

int __init fp_netlink_register(void)
{
	return genl_register_family(&family);
}

void fp_netlink_unregister(void)
{
	genl_unregister_family(&family);
}
