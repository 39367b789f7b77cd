/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module's parts know of each other: the structs, who owns them and
 * how they die, and the functions of each file.
 *
 * Contexts
 *	Receive runs in softirq, under the RCU read lock of the UDP receive path.
 *	It never takes a socket lock. Calls of the application run in process
 *	context; only control calls (bind, connect, close, options) take the
 *	socket lock, sending and receiving don't.
 *
 * Lock order
 *	1. fp_ring.lock
 *	2. lock_sock() of a FastProto socket
 *	3. fp_net.endpoint_lock
 *	4. lock_sock() of its endpoint's UDP socket
 *	5. fp_conn.lock
 *	6. fp_sock.rx_lock, fp_dgram.rx_lock, fp_slot_cpu.lock,
 *	   fp_net.acts_lock, fp_wheel.lock, fp_peer.lock, fp_net.sockets_lock,
 *	   fp_demux.lock, a jar's, fp_ring.list_lock (innermost)
 *	Softirq takes 5 and 6: always with BH off.
 *
 * Dependencies go one way, from the first to the last of: crc, wire, rtt,
 * cubic, rxwin, txwin; addr, packet, mib, setting, slot; demux, peer; endpoint; path;
 * txbuf; keep, act, conn; pool, ring; timer, transmit; jar, handshake; message;
 * input; receive, recvmsg, send; listen, connect, outgoing, seqpacket, crowd, rdm,
 * sendring, sockopt, af_fastproto, netlink; main. The only calls back are endpoint ->
 * receive, act -> timer, keep -> act; ring, handshake and message -> crowd; and
 * from conn and timer -> ring, transmit, handshake, input and crowd. build.c has
 * them all in one.
 */
#ifndef _FP_FASTPROTO_H
#define _FP_FASTPROTO_H

#include <linux/hash.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/udp.h>
#include <linux/workqueue.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/netns/generic.h>
#include <net/snmp.h>
#include <net/sock.h>

#include <linux/fastproto.h>
#include <linux/fastproto_netlink.h>

#include "compat.h"
#include "slot.h"
#include "wire.h"

#define FP_COPYBREAK		256	/* default of the setting, bytes */
#define FP_COPYBREAK_MAX	2048	/* its greatest value, bytes */

/* The most of FP_KEEPIDLE and FP_KEEPINTVL, and of FP_KEEPCNT: as TCP's. */
#define FP_KEEP_SECONDS_MAX	32767
#define FP_KEEP_CNT_MAX		127
#define FP_MSG_MAX_MAX		BIT(24)	/* that of FP_MSG_MAX, bytes */

/* The setting fast-open: connections begin without a round trip. */
#define FP_FAST_OPEN_CLIENT	BIT(0)
#define FP_FAST_OPEN_SERVER	BIT(1)
#define FP_FAST_OPEN_ALL	(FP_FAST_OPEN_CLIENT | FP_FAST_OPEN_SERVER)

/* The family number, AF_FASTPROTO unless the module was told another. */
extern int fp_family;

/**
 * struct fp_mib - counters, one set a CPU
 * @mibs: indexed by enum fastproto_stats_attr
 */
struct fp_mib {
	unsigned long mibs[__FASTPROTO_A_STATS_MAX];
};

/**
 * struct fp_settings - limits and timers of a namespace
 * @copybreak: payloads up to that many bytes are copied out of their datagram
 * @msg_max: FP_MSG_MAX of new sockets, bytes
 * @rx_buffer: SO_RCVBUF of new sockets but SOCK_DGRAM, bytes
 * @tx_buffer: SO_SNDBUF of the same
 * @early_buffer: what a connection may keep before accept(), bytes
 * @rx_ahead: frames to keep beyond the next one
 * @ack_delay: of an acknowledgment
 * @rto_min: least retransmission timeout
 * @rto_initial: the same while there is no sample
 * @rto_max: greatest one
 * @syn_timeout: before the first SYN is sent again
 * @syn_retries: how often a SYN is sent again
 * @data_retries: how often anything else is, without an answer
 * @cookie_lifetime: for how long a cookie is good
 * @cork_timeout: for how long MSG_MORE holds a frame back
 * @orphan_timeout: for how long a closed connection may make no progress
 * @fin_timeout: for how long it waits for the peer's FIN
 * @resets_per_second: for frames without a connection
 * @connections_max: how many connections there may be
 * @socket_connections_max: how many a SOCK_RDM socket may have
 * @hold_time: for how long a small frame may wait while its socket has more to read
 * @idle_timeout: after so long a connection on which nothing happens is parked
 * @ecn: whether datagrams are ECN-capable: 0 or 1
 * @pacing: whether a large window is spread over the round trip: 0 or 1
 * @keepalive_idle: FP_KEEPIDLE of new sockets, seconds
 * @keepalive_interval: FP_KEEPINTVL of new sockets, seconds
 * @keepalive_probes: FP_KEEPCNT of new sockets
 * @fast_open: FP_FAST_OPEN_*: who may do without a round trip before data
 *
 * Times are in microseconds. READ_ONCE()/WRITE_ONCE(); the table is in
 * setting.c.
 */
struct fp_settings {
	u32 copybreak;
	u32 msg_max;
	u32 rx_buffer;
	u32 tx_buffer;
	u32 early_buffer;
	u32 rx_ahead;
	u32 ack_delay;
	u32 rto_min;
	u32 rto_initial;
	u32 rto_max;
	u32 syn_timeout;
	u32 syn_retries;
	u32 data_retries;
	u32 cookie_lifetime;
	u32 cork_timeout;
	u32 orphan_timeout;
	u32 fin_timeout;
	u32 resets_per_second;
	u32 connections_max;
	u32 socket_connections_max;
	u32 hold_time;
	u32 idle_timeout;
	u32 ecn;
	u32 pacing;
	u32 keepalive_idle;
	u32 keepalive_interval;
	u32 keepalive_probes;
	u32 fast_open;
};

#define FP_SOCKET_LISTS	128	/* of a namespace's sockets */
#define FP_WHEEL_SLOTS	256	/* seconds that a wheel looks ahead */

/**
 * struct fp_wheel - parked connections whose peers are to be asked some time
 * @lock: guards what follows, and the entries' links and times
 * @tick: none is in a slot before this one, seconds
 * @next: when @work is due, seconds; U64_MAX: never. None is in a slot before it
 * @slots: struct fp_keep, by the second in which to look at it
 * @work: looks at them
 */
struct fp_wheel {
	spinlock_t lock;	/* see above */
	u64 tick;
	u64 next;
	struct hlist_head slots[FP_WHEEL_SLOTS];
	struct delayed_work work;
};

/**
 * struct fp_net - what a network namespace has
 * @sockets: struct fp_sock by the lowest bits of its id, all that are open, the
 *	newest first; readers under RCU
 * @sockets_lock: guards @sockets and @last_id; innermost, not for softirq
 * @last_id: the next socket's id
 * @nr_sockets: how many they are
 * @settings: limits and timers
 * @endpoint_lock: guards @clients, @left and fp_endpoint.fs
 * @clients: ports that sockets without one share
 * @left: ports whose socket was closed, while connections still use them
 * @slots: connections by their ID
 * @passive: connections that came in, by their client
 * @active: those that SOCK_RDM sockets opened by sending to an address, by that
 * @paths: ways to peers
 * @conns: how many connections there are, those on their way out included
 * @acts_lock: guards @acts and @tries
 * @acts: struct fp_act of the connections that have one and do not wait for the
 *	peer, by fp_act.seen
 * @park: looks at them; queued while there are any
 * @tries: struct fp_act of those that are to send again what a peer had no room
 *	for
 * @try: has them do so; queued while there are any
 * @wheel: parked connections with SO_KEEPALIVE
 * @cookies: for listeners; made when first needed
 * @jar: for clients, cookies that servers gave ahead; likewise
 * @rst_limit: how many resets we send for frames without a connection
 * @mib: counters
 *
 * A socket holds its namespace, so none is left when it dies.
 */
struct fp_net {
	struct hlist_head sockets[FP_SOCKET_LISTS];
	spinlock_t sockets_lock;	/* see above */
	unsigned long last_id;
	atomic_t nr_sockets;
	struct fp_settings settings;
	struct mutex endpoint_lock;	/* see above */
	struct list_head clients;
	struct list_head left;
	struct fp_slots slots;
	struct rhashtable passive;
	struct rhashtable active;
	struct rhashtable paths;
	atomic_t conns;
	spinlock_t acts_lock;	/* see above */
	struct list_head acts;
	struct delayed_work park;
	struct list_head tries;
	struct delayed_work try;
	struct fp_wheel wheel;
	struct fp_cookies *cookies;
	struct fp_jar *jar;
	struct ratelimit_state rst_limit;
	struct fp_mib __percpu *mib;
};

extern unsigned int fp_net_id;

static inline struct fp_net *fp_net(const struct net *net)
{
	return net_generic(net, fp_net_id);
}

#define fp_setting(fn, name)	READ_ONCE((fn)->settings.name)

/**
 * union fp_addr - a transport address that was checked
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for none
 * @sin: IPv4
 * @sin6: IPv6; never an IPv4-mapped address, and no scope but for link-local
 *
 * What a family does not use is 0.
 */
union fp_addr {
	__kernel_sa_family_t family;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
};

/**
 * struct fp_peer - the other end of a connected socket, or of a path
 * @addr: its address
 * @local: the source address chosen for it, port included
 * @mark: SO_MARK and
 * @oif: SO_BINDTODEVICE when @dst was looked up: it serves no others
 * @dst: the route, a reference; or NULL
 * @dst_cookie: for dst_check()
 * @lock: of who changes these two
 * @rcu: for its end
 *
 * Constant but for the route once published in fp_dgram.peer or as part of a
 * path, which own it; freed after a grace period.
 */
struct fp_peer {
	union fp_addr addr;
	union fp_addr local;
	u32 mark;
	int oif;
	struct dst_entry __rcu *dst;
	u32 dst_cookie;
	spinlock_t lock;	/* see above */
	struct rcu_head rcu;
};

/**
 * struct fp_demux - the way in of an endpoint's busiest peer, if it has one
 * @lock: guards what follows but @work; softirq only tries to take it
 * @udp: a UDP socket connected to @peer, or NULL; changed under
 *	fp_net.endpoint_lock as well, but at the endpoint's end
 * @local: the address that @peer sends to
 * @peer: who is ahead; constant while there is @udp
 * @votes: of the datagrams looked at, so many more are from @peer than from
 *	others; with @udp: so many have come by it since the last look
 * @others: with @udp: so many have come by the endpoint's own socket
 * @row: with @udp: so many of them since one came by it
 * @since: with @udp: when it came, jiffies
 * @over: the endpoint ends
 * @paused: it could not be made: not to be tried again before @work has run
 * @work: makes @udp; then sees every idle-timeout if it is of use
 *
 * Part of the endpoint. The sk_user_data of @udp points to that, too.
 */
struct fp_demux {
	spinlock_t lock;	/* see above */
	struct socket *udp;
	union fp_addr local;
	union fp_addr peer;
	u32 votes;
	u32 others;
	u32 row;
	unsigned long since;
	bool over;
	bool paused;
	struct delayed_work work;
};

/**
 * struct fp_endpoint - a local UDP port: the bearer of frames
 * @list: link in fp_net.clients or fp_net.left, or in none: @fs has it
 * @refs: one of @fs, or of the namespace if @client; one of each connection
 * @net: the namespace
 * @fn: and what it has of ours
 * @udp: the kernel's UDP socket; closed with the last reference
 * @udp_sk: its struct sock, which lives as long as this struct: for softirq; its
 *	sk_user_data points here
 * @fs: the socket that is bound to it, or NULL; it takes the frames without a
 *	connection; written under fp_net.endpoint_lock, read under RCU
 * @local: what it is bound to
 * @oif: the interface that it is bound to, or 0
 * @client: number of an endpoint that sockets without a port share, or 0
 * @dual: an IPv6 socket that carries IPv4, too
 * @demux: a faster way in for one peer
 * @listen_slot: if @fs listens: a slot that nobody gets, which keeps the table;
 *	under its socket lock
 * @accept_queue: if @fs listens: connections (fp_conn.accept), a reference each;
 *	under fp_sock.rx_lock
 * @end: closes the port when the last reference is gone
 * @rcu: for its end
 *
 * Softirq finds it through sk_user_data under RCU and may use @fs under the same
 * RCU read lock. What has no lock here is constant, but @oif, which
 * SO_BINDTODEVICE writes under the socket lock of @fs and fp_net.endpoint_lock.
 */
struct fp_endpoint {
	struct list_head list;
	refcount_t refs;
	struct net *net;
	struct fp_net *fn;
	struct socket *udp;
	struct sock *udp_sk;
	struct fp_sock __rcu *fs;
	union fp_addr local;
	int oif;
	u8 client;
	bool dual;
	struct fp_demux demux;
	u32 listen_slot;
	struct list_head accept_queue;
	struct work_struct end;
	struct rcu_head rcu;
};

#define FP_CLIENT_ENDPOINTS	8	/* that sockets without a port share */

/* For who has a reference already. */
static inline struct fp_endpoint *fp_endpoint_get(struct fp_endpoint *endpoint)
{
	refcount_inc(&endpoint->refs);
	return endpoint;
}

struct fp_ring;

/* Options of a socket that are set or not. */
#define FP_OPTION_RECVINFO	BIT(0)
#define FP_OPTION_NEEDS_COPY	BIT(1)
#define FP_OPTION_PAYLOAD_CSUM	BIT(2)
#define FP_OPTION_NODELAY	BIT(3)

/**
 * struct fp_sock - a socket
 * @sk: the generic socket; first
 * @pinet6: of SOCK_DGRAM: always NULL. skb->sk of what that sends is the socket,
 *	and IPv6 output asks inet6_sk(skb->sk) without looking at the family.
 *	What connections send has no socket.
 * @conn: of SOCK_SEQPACKET: its connection, a reference, or NULL; written under
 *	the socket lock, read under RCU
 * @rdm: of SOCK_RDM; constant
 * @id: greater than that of all who were opened before; constant
 * @endpoint: set once, under the socket lock, by smp_store_release(); gone only
 *	after the last call of the application
 * @msg_max: not SOCK_DGRAM: FP_MSG_MAX, what this end takes, bytes; written
 *	under the socket lock while there is no connection and no listener
 * @keep_idle: FP_KEEPIDLE, seconds; READ_ONCE()/WRITE_ONCE()
 * @keep_intvl: FP_KEEPINTVL, seconds; READ_ONCE()/WRITE_ONCE()
 * @keep_cnt: FP_KEEPCNT; READ_ONCE()/WRITE_ONCE()
 * @options: FP_OPTION_*; written under the socket lock, READ_ONCE() without
 * @rx_lock: not SOCK_DGRAM: guards fp_endpoint.accept_queue or what struct fp_crowd
 *	says, and the change of sk_state from and to TCP_LISTEN
 *
 * Its sk_node is the link in fp_net.sockets, its sk_user_data the mapped rings,
 * if it has them. There may be very many, each with
 * one connection: what only some need is elsewhere, and all that does not change
 * the size as long as FP_SOCK_SIZE_MAX is not reached is for nothing.
 *
 * Freed after a grace period (SOCK_RCU_FREE), so softirq needs no reference.
 */
struct fp_sock {
	struct sock sk;
	union {
		void *pinet6;
		struct fp_conn __rcu *conn;
		struct fp_crowd *rdm;
	};
	unsigned long id;
	struct fp_endpoint *endpoint;
	u32 msg_max;
	u16 keep_idle;
	u16 keep_intvl;
	u8 keep_cnt;
	u8 options;
	spinlock_t rx_lock;	/* see above */
};

/* Ten to two pages, on the kernels that have a struct sock of 776 bytes. */
#define FP_SOCK_SIZE_MAX	816

/**
 * struct fp_dgram - a SOCK_DGRAM socket
 * @fs: what all have; first
 * @peer: NULL if not connected; written under the socket lock, read under RCU
 * @rx_lock: guards @rx_queue, @rx_count, @rx_frames and @rx_bytes
 * @rx_count: how many are in @rx_queue; read without the lock by poll
 * @rx_frames: how many there have ever been
 * @rx_bytes: payload that the application has taken
 * @rx_queue: struct fp_packet that wait for the application
 * @tx_seq: the next frame's sequence number
 * @tx_bytes: payload of all before it
 *
 * What softirq writes and what senders write are on cache lines of their own.
 */
struct fp_dgram {
	struct fp_sock fs;
	struct fp_peer __rcu *peer;

	spinlock_t rx_lock ____cacheline_aligned_in_smp;	/* see above */
	u32 rx_count;
	u64 rx_frames;
	u64 rx_bytes;
	struct list_head rx_queue;

	atomic64_t tx_seq ____cacheline_aligned_in_smp;
	atomic64_t tx_bytes;
};

static inline struct fp_sock *fp_sk(const struct sock *sk)
{
	return (struct fp_sock *)sk;
}

/* A SOCK_DGRAM socket. */
static inline struct fp_dgram *fp_dgram(const struct fp_sock *fs)
{
	return (struct fp_dgram *)fs;
}

/*
 * The mapped pool and its rings, or NULL; set once, under the socket lock, by
 * smp_store_release(), with which this pairs by the dependency of what is done
 * with it.
 */
static inline struct fp_ring *fp_sock_ring(const struct fp_sock *fs)
{
	return READ_ONCE(fs->sk.sk_user_data);
}

/*
 * Bytes that a socket has sent without a copy, but those of its ring; written
 * under the socket lock, READ_ONCE() without. It is in a member of struct sock that
 * is there for protocols, and that we have no other use for, since struct fp_sock
 * must not grow.
 */
static inline unsigned long *fp_sock_zerocopied(struct fp_sock *fs)
{
	BUILD_BUG_ON(sizeof(fs->sk.sk_send_head) != sizeof(unsigned long));
	return (unsigned long *)&fs->sk.sk_send_head;
}

/* Is the application to be told when its pages are not needed any more? */
static inline bool fp_sock_wants_notice(const struct fp_sock *fs,
					const struct msghdr *msg, size_t len)
{
	return msg->msg_flags & MSG_ZEROCOPY && !msg->msg_ubuf && len &&
	       sock_flag(&fs->sk, SOCK_ZEROCOPY);
}

static inline bool fp_sock_is_rdm(const struct fp_sock *fs)
{
	return fs->sk.sk_type == SOCK_RDM;
}

static inline bool fp_sock_has(const struct fp_sock *fs, u8 option)
{
	return READ_ONCE(fs->options) & option;
}

/**
 * struct fp_rx - where a datagram came from
 * @src: the sender's address
 * @dst: the local address that it was sent to
 * @ifindex: the interface that it came in by
 * @answered: a frame of it without a connection was, and no other one is
 * @tstamp: when, or 0 if nobody had asked yet
 */
struct fp_rx {
	union fp_addr src;
	union fp_addr dst;
	int ifindex;
	bool answered;
	ktime_t tstamp;
};

/**
 * struct fp_packet - a message on its way to the application
 * @list: link in fp_dgram.rx_queue
 * @node: link in fp_act.rx_ahead
 * @later: the next message in fp_act.rx_ready
 * @next: the next fragment of the message, which is freed with this one
 * @len: of a message's first fragment: the payload of all of them, bytes
 * @charge: what a connection was charged for it, bytes
 * @refs: one of the queue or of who took it from there, one of each who peeks
 * @skb: the datagram that holds the payload, one reference; NULL: @data does
 * @offset: where in @skb the payload begins
 * @index: place of the frame in its datagram
 * @rx_flags: FP_RX_*
 * @room: how large @data is, bytes; by that follows the slab cache
 * @drops: the socket's drops when it was queued (SO_RXQ_OVFL)
 * @frame: the frame's header
 * @rx: where it came from
 * @data: the payload, if it was copied into the object
 *
 * Constant once queued, but for the links and @refs.
 */
struct fp_packet {
	union {
		struct list_head list;
		struct rb_node node;
		struct fp_packet *later;
	};
	struct fp_packet *next;
	u32 len;
	u32 charge;
	refcount_t refs;
	u32 offset;
	struct sk_buff *skb;
	u16 index;
	u16 rx_flags;
	u16 room;
	u32 drops;
	struct fp_frame frame;
	struct fp_rx rx;
	u8 data[];
};

/* addr.c */
int fp_addr_parse(union fp_addr *addr, const void *uaddr, int len);
int fp_addr_report(const union fp_addr *addr, void *uaddr);
void fp_addr_of_skb(const struct sk_buff *skb, struct fp_rx *rx);
bool fp_addr_is_any(const union fp_addr *addr);
__be16 fp_addr_port(const union fp_addr *addr);

/* Of each frame of a connection: here, so that it costs no call. */
static inline bool fp_addr_equal(const union fp_addr *a, const union fp_addr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET)
		return a->sin.sin_addr.s_addr == b->sin.sin_addr.s_addr &&
		       a->sin.sin_port == b->sin.sin_port;
	return ipv6_addr_equal(&a->sin6.sin6_addr, &b->sin6.sin6_addr) &&
	       a->sin6.sin6_port == b->sin6.sin6_port &&
	       a->sin6.sin6_scope_id == b->sin6.sin6_scope_id;
}

/* packet.c */
int fp_packet_init(void);
void fp_packet_exit(void);
struct fp_packet *fp_packet_create(struct sk_buff *skb, u32 offset,
				   const struct fp_frame *frame,
				   u32 copybreak);
void fp_packet_put(struct fp_packet *packet);

/**
 * fp_packet_truesize - what the object itself takes
 * @packet: the packet
 *
 * Return: bytes, without the skb, which is charged by its own truesize.
 */
static inline u32 fp_packet_truesize(const struct fp_packet *packet)
{
	return sizeof(*packet) + packet->room;
}

int fp_packet_copy_to(const struct fp_packet *packet, struct iov_iter *to,
		      size_t len);

/* mib.c */
#define FP_INC_STATS(fn, name) \
	SNMP_INC_STATS((fn)->mib, FASTPROTO_A_STATS_##name)
#define FP_ADD_STATS(fn, name, value) \
	SNMP_ADD_STATS((fn)->mib, FASTPROTO_A_STATS_##name, value)
void fp_drop(const struct net *net, const struct sock *sk,
	     const struct sk_buff *skb, u32 len,
	     enum fastproto_stats_attr why);
void fp_count_reset(struct fp_net *fn, enum fastproto_stats_attr which,
		    u64 why);
enum skb_drop_reason fp_drop_reason(enum fastproto_stats_attr why);

/* setting.c */
struct nla_policy;
struct nlattr;
extern struct nla_policy fp_setting_policy[];
void fp_setting_init(void);
void fp_setting_net_init(struct fp_net *fn);
int fp_setting_put(struct sk_buff *msg, struct fp_net *fn);
int fp_setting_set(struct fp_net *fn, struct nlattr **attrs);

/* demux.c */
void fp_demux_init(struct fp_demux *demux, struct socket *udp);
void fp_demux_end(struct fp_demux *demux);
void fp_demux_look(struct fp_endpoint *endpoint, const struct sock *udp_sk,
		   const struct sk_buff *skb, const struct fp_rx *rx);
struct socket *fp_demux_take(struct fp_demux *demux);
void fp_demux_release(struct socket *udp);

#define FP_DEMUX_SAMPLE	4	/* look at one datagram of 2^4 */

/**
 * fp_demux_sample - whether a datagram that comes in is to be looked at
 * @fn: the namespace
 *
 * There is nothing to count, since datagrams are counted anyway. The hash takes
 * them evenly, but in step with nothing: of two endpoints that take turns, one
 * might else never be looked at.
 *
 * Context: softirq.
 * Return: whether fp_demux_look() is to be called.
 */
static inline bool fp_demux_sample(const struct fp_net *fn)
{
	u32 nr = __this_cpu_read(fn->mib->mibs[FASTPROTO_A_STATS_IN_DATAGRAMS]);

	return !hash_32(nr, FP_DEMUX_SAMPLE);
}

/* endpoint.c */

/**
 * struct fp_route - the way to an address, for one message
 * @dst: the route; a reference, or none if it is from fp_peer_route() or
 *	fp_path_route()
 * @src: source address and port
 * @to: destination address and port
 * @mtu: of the route, bytes
 * @tos: type of service or traffic class, ECN's bits among it; the user's
 */
struct fp_route {
	struct dst_entry *dst;
	union fp_addr src;
	union fp_addr to;
	u32 mtu;
	u8 tos;
};

/**
 * struct fp_flow - what decides on a route beside the addresses
 * @sk: on whose behalf, or NULL
 * @mark: routing mark
 * @oif: the interface to leave by, or 0
 * @onlink: only to hosts on a link (SO_DONTROUTE, MSG_DONTROUTE)
 * @broadcast: may go to a broadcast address
 */
struct fp_flow {
	struct sock *sk;
	u32 mark;
	int oif;
	bool onlink;
	bool broadcast;
};

void fp_peer_init(struct fp_peer *peer);
void fp_peer_destroy(struct fp_peer *peer);
void fp_peer_set_route(struct fp_peer *peer, const struct fp_route *route);
bool fp_peer_route(const struct fp_peer *peer, struct fp_route *route);

int fp_endpoint_init(void);
void fp_endpoint_exit(void);
struct fp_endpoint *fp_endpoint_create(struct fp_sock *fs,
				       const union fp_addr *local);
struct fp_endpoint *fp_endpoint_create_any(struct fp_sock *fs, int family);
struct fp_endpoint *fp_endpoint_client(struct net *net, int family);
void fp_endpoint_release(struct fp_endpoint *endpoint);
void fp_endpoint_put(struct fp_endpoint *endpoint);
void fp_endpoint_net_end(struct net *net);
void fp_endpoint_flush(void);
void fp_endpoint_bind_device(struct fp_endpoint *endpoint, int ifindex);
int fp_endpoint_route(struct fp_endpoint *endpoint, const struct fp_flow *flow,
		      const union fp_addr *to, struct fp_peer *peer,
		      struct fp_route *route);
void fp_endpoint_reply(struct fp_endpoint *endpoint, struct sk_buff *skb,
		       const struct fp_rx *rx);
int fp_endpoint_xmit(struct fp_endpoint *endpoint, struct sk_buff *skb,
		     const struct fp_route *route);

/**
 * fp_endpoint_headroom - what a frame needs in front of it
 * @route: the way that it will go
 *
 * Return: bytes for the headers of UDP, IP and the link.
 */
static inline unsigned int fp_endpoint_headroom(const struct fp_route *route)
{
	unsigned int ip_len = route->to.family == AF_INET ?
			      sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return LL_RESERVED_SPACE(route->dst->dev) + route->dst->header_len +
	       ip_len + sizeof(struct udphdr);
}

/* receive.c */
void fp_receive(struct fp_endpoint *endpoint, struct sk_buff *skb,
		struct fp_rx *rx);
void fp_receive_error(struct fp_endpoint *endpoint, const union fp_addr *to,
		      int err, const struct sk_buff *skb, u32 offset);

/* recvmsg.c */
int fp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);
int fp_wait(struct fp_sock *fs, long *timeo, __poll_t events, bool alone,
	    const struct fp_conn *conn,
	    bool (*is_ready)(const struct fp_sock *fs,
			     const struct fp_conn *conn));

/* May a message of this socket have control messages? */
static inline bool fp_rx_has_control(const struct fp_sock *fs)
{
	return fp_sock_has(fs, FP_OPTION_RECVINFO) ||
	       READ_ONCE(fs->sk.sk_flags) &
	       (BIT(SOCK_RCVTSTAMP) | BIT(SOCK_RXQ_OVFL));
}

void fp_rx_put_control(struct msghdr *msg, struct fp_sock *fs,
		       const struct fp_packet *packet);
u32 fp_rx_next_len(struct fp_sock *fs);
void fp_rx_purge(struct fp_sock *fs);

/* send.c */
int fp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/* listen.c */
int fp_listen(struct socket *sock, int backlog);
void fp_listen_stop(struct fp_sock *fs);

/* connect.c */
int fp_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags);
int fp_shutdown(struct socket *sock, int how);
void fp_connect_close(struct fp_sock *fs);
void fp_connect_keepalive(struct sock *sk, int on);

/* seqpacket.c */
extern const struct proto_ops fp_seqpacket_ops;
void fp_seqpacket_init(struct fp_sock *fs);
int fp_seqpacket_ioctl(struct fp_sock *fs, int cmd, int *val);

/* crowd.c */
int fp_crowd_init(struct fp_sock *fs);
void fp_crowd_exit(struct fp_sock *fs);
int fp_crowd_net_init(struct fp_net *fn);
void fp_crowd_net_exit(struct fp_net *fn);
u32 fp_crowd_size(const struct fp_sock *fs);
u32 fp_crowd_memory(const struct fp_sock *fs);
void fp_crowd_count_sent(struct fp_sock *fs, u32 len);
void fp_crowd_bytes(const struct fp_sock *fs, u64 *sent, u64 *taken);

/* rdm.c */
extern const struct proto_ops fp_rdm_ops;
void fp_rdm_close(struct fp_sock *fs);
int fp_rdm_ioctl(struct fp_sock *fs, int cmd, int *val);

/* pool.c */
int fp_pool_init(void);
void fp_pool_exit(void);

/* sockopt.c */
int fp_setsockopt(struct socket *sock, int level, int optname,
		  sockptr_t optval, unsigned int optlen);
int fp_getsockopt(struct socket *sock, int level, int optname,
		  char __user *optval, int __user *optlen);
u32 fp_msg_max(const struct fp_sock *fs);

/* af_fastproto.c */
struct sock *fp_sock_alloc(struct net *net, struct socket *sock, int kern);
int fp_sock_autobind(struct fp_sock *fs, int family);
int fp_bind(struct socket *sock, struct sockaddr *uaddr, int len);
int fp_release(struct socket *sock);
int fp_family_register(void);
void fp_family_unregister(void);
int fp_proto_init(void);
void fp_proto_exit(void);

/* netlink.c */
int fp_netlink_register(void);
void fp_netlink_unregister(void);

/* main.c, by module_init() and module_exit(): what is linked to the module calls them */
__visible int init_module(void);
__visible void cleanup_module(void);

#endif /* _FP_FASTPROTO_H */
