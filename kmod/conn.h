/* SPDX-License-Identifier: GPL-2.0 */
/* A connection: what it consists of, who owns it, how it dies. */
#ifndef _FP_CONN_H
#define _FP_CONN_H

#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/rhashtable.h>
#include <linux/timer.h>

#include <linux/fastproto_netlink.h>

#include "cubic.h"
#include "fastproto.h"
#include "rtt.h"
#include "rxwin.h"
#include "slot.h"
#include "txwin.h"
#include "wire.h"

#define FP_ACK_DELAY		25000		/* of an acknowledgment at most, us */
#define FP_COOKIE_LIFETIME	60000000	/* of a cookie at most, us */
#define FP_RANGES_SENT		4		/* selective ranges beside data */
#define FP_ECT_RETRIES		2		/* timeouts until ECT is left out */
#define FP_ECT_FAILURES		3		/* times that helped until it stays so */

/*
 * Flow control counts in units: a frame costs its payload's bytes and that many
 * more, for what the receiver needs to keep it.
 */
#define FP_FRAME_COST		512

/**
 * enum fp_state - of a connection (Documentation/protocol.rst)
 * @FP_CLOSED: it is over; nobody finds it any more
 * @FP_SYN_SENT: client: a SYN is under way
 * @FP_ECHO_SENT: client: has a cookie, does not know the server's ID yet
 * @FP_ESTABLISHED: both ends know each other
 * @FP_FIN_WAIT_1: our FIN is sent or waits behind data
 * @FP_FIN_WAIT_2: our FIN is acknowledged
 * @FP_CLOSE_WAIT: the peer's FIN came
 * @FP_CLOSING: both FINs are sent, ours is not acknowledged
 * @FP_LAST_ACK: the same, the peer's came first
 */
enum fp_state {
	FP_CLOSED = FASTPROTO_CONN_CLOSED,
	FP_SYN_SENT = FASTPROTO_CONN_SYN_SENT,
	FP_ECHO_SENT = FASTPROTO_CONN_ECHO_SENT,
	FP_ESTABLISHED = FASTPROTO_CONN_ESTABLISHED,
	FP_FIN_WAIT_1 = FASTPROTO_CONN_FIN_WAIT_1,
	FP_FIN_WAIT_2 = FASTPROTO_CONN_FIN_WAIT_2,
	FP_CLOSE_WAIT = FASTPROTO_CONN_CLOSE_WAIT,
	FP_CLOSING = FASTPROTO_CONN_CLOSING,
	FP_LAST_ACK = FASTPROTO_CONN_LAST_ACK,
};

/**
 * enum fp_deadline - what a connection may be waiting for
 * @FP_DEADLINE_HANDSHAKE: to send the SYN again
 * @FP_DEADLINE_LOSS: RACK's reordering window, a tail loss probe or the
 *	retransmission timeout
 * @FP_DEADLINE_WINDOW: to probe a closed window
 * @FP_DEADLINE_ACK: to send a delayed acknowledgment
 * @FP_DEADLINE_CORK: to send what MSG_MORE holds back
 * @FP_DEADLINE_KEEPALIVE: to see if the peer is still there
 * @FP_DEADLINE_END: to give up a connection that no socket owns any more
 * @FP_DEADLINES: how many there are
 */
enum fp_deadline {
	FP_DEADLINE_HANDSHAKE,
	FP_DEADLINE_LOSS,
	FP_DEADLINE_WINDOW,
	FP_DEADLINE_ACK,
	FP_DEADLINE_CORK,
	FP_DEADLINE_KEEPALIVE,
	FP_DEADLINE_END,
	FP_DEADLINES
};

/**
 * struct fp_path - what the connections to one peer share (RFC 9040)
 * @node: in fp_net.paths
 * @refs: one of each connection
 * @peer: to whom and how, the key; and the route
 * @mtu: of the route, bytes; READ_ONCE()/WRITE_ONCE()
 * @headroom: what a frame needs before it, bytes; READ_ONCE()/WRITE_ONCE()
 * @rtt: a recent round-trip time in microseconds, 0 for none;
 *	READ_ONCE()/WRITE_ONCE()
 *
 * Freed after a grace period.
 */
struct fp_path {
	struct rhash_head node;
	refcount_t refs;
	u32 mtu;
	u32 headroom;
	u32 rtt;
	struct fp_peer peer;
};

/**
 * struct fp_txbuf - a frame that is to be sent, or is not acknowledged yet
 * @frame: in fp_act.tx, which has it from fp_transmit_queue() until it came;
 *	its bytes are known from the beginning on
 * @next: the next one in a list, of a message or of what is to be freed
 * @data: payload and trailer of a small one
 *
 * A small one is a slab object, a large one the control block of the skb that
 * has payload and trailer.
 */
struct fp_txbuf {
	struct fp_txframe frame;
	struct fp_txbuf *next;
	u8 data[];
};

#define FP_TXBUF_SMALL	(FP_COPYBREAK + FP_CSUM_LEN)	/* the most of it, bytes */

static inline struct fp_txbuf *fp_txbuf_of(const struct fp_txframe *frame)
{
	return container_of((void *)frame, struct fp_txbuf, frame);
}

/* Payload and trailer, bytes. */
static inline u32 fp_txbuf_len(const struct fp_txbuf *buf)
{
	return buf->frame.bytes - FP_DATA_HDR;
}

static inline bool fp_txbuf_is_small(const struct fp_txbuf *buf)
{
	return fp_txbuf_len(buf) <= FP_TXBUF_SMALL;
}

/* Of a large one. */
static inline struct sk_buff *fp_txbuf_skb(const struct fp_txbuf *buf)
{
	return container_of((void *)buf, struct sk_buff, cb);
}

/* What it takes of the memory, bytes. */
static inline u32 fp_txbuf_truesize(const struct fp_txbuf *buf)
{
	return fp_txbuf_is_small(buf) ? sizeof(*buf) + FP_TXBUF_SMALL :
					fp_txbuf_skb(buf)->truesize;
}

static inline void *fp_txbuf_data(struct fp_txbuf *buf)
{
	return fp_txbuf_is_small(buf) ? buf->data : fp_txbuf_skb(buf)->data;
}

#define FP_RING_SIZE	16	/* of the first ring, frames */

/* What is counted for each connection. */
#define FP_COUNT_FIRST	FASTPROTO_A_CONN_IN_FRAMES
#define FP_COUNT_LAST	FASTPROTO_A_CONN_KEEPALIVE_PROBES
#define FP_COUNTS	(FP_COUNT_LAST - FP_COUNT_FIRST + 1)

/**
 * struct fp_act - what a connection has while it is at work
 * @conn: whose it is
 * @tx_cost_next: cost of all frames that were ever sent, units
 * @tx_edge: how far the peer lets us go, units
 * @tx_bytes: payload of what is queued and not acknowledged
 * @tx_memory: truesize of that; fp_conn_tx_memory() without the lock
 * @tx_done: acknowledged frames, the last one first, to be freed after the lock
 * @out: datagrams to be given to IP, the first, linked by sk_buff.next
 * @out_end: where the next one belongs
 * @xmitting: somebody is about that, with the lock released now and then and a
 *	reference of his own; who finds it set leaves the datagrams to him
 * @tx_corked: MSG_MORE: wait for more before a small frame is sent
 * @tx_probe: the next frame is to ask for an answer
 * @tx_check: when to look for lost frames again, microseconds, 0: no need
 * @tx_last: when data was sent last, microseconds
 * @timed_out: when all in flight was last given up as lost, microseconds
 * @in_hole: that was for a black hole, not for a timeout
 * @round: a round trip ends when all below are acknowledged
 * @tx_restart: something was sent or acknowledged: wait anew
 * @tx_full: somebody waits for room to send
 * @tx_refused: the peer has no room for what is in flight, and will speak again
 * @echoed: the cookie was shown
 * @probing: FP_DEADLINE_LOSS is for a tail loss probe
 * @fin_queued: nothing follows what is queued
 * @peer_done: the peer's FIN said that nothing else is left there
 * @last_word: our FIN is to go with the acknowledgment of that, once
 * @finished: both ends are through; to be ended when the last
 *	acknowledgment is out
 * @tx_again: a descriptor was refused with EAGAIN, and so is all that comes before
 *	FP_RING_AGAIN; with FP_RING_IN_ORDER
 * @rx_cost: cost of all frames that came in order, units
 * @rx_edge: how far we let the peer go, units
 * @rx_memory: truesize of what waits for the application or for its turn
 * @rx_limit: how much of that there may be
 * @rx_msg_units: what a message may need beyond that, units
 * @rx_refused: something came for which there was no room: the peer is to hear of
 *	it when a message has been read
 * @rx_ahead: frames that came too early, by sequence number
 * @rx_partial: the message in the making, its first fragment
 * @rx_partial_last: its last one
 * @rx_partial_cost: cost of all of them, units
 * @rx_ready: whole messages, the first
 * @rx_count: how many these are
 * @rx_end: where the next one belongs
 * @ts_recent: the peer's timestamp to be echoed
 * @ts_recent_at: when it came, microseconds
 * @ack_bytes: payload since the last acknowledgment that we sent
 * @ack_now: one is due at once
 * @ack_later: one is due some time
 * @ce: frames that came with a congestion mark
 * @dup: frames that came in vain: twice, or without room for them
 * @retries: how often a timer has fired for the same thing
 * @keep_asked: how often the peer was asked in vain if it is still there
 * @keep_since: when it was asked last, or when that was switched on,
 *	microseconds
 * @syn_sent: when the SYN was sent last, microseconds; an answer to what was sent
 *	until then has no news
 * @cookie: what the server is to be shown until it has answered
 * @early: it was given ahead, and the server has not answered yet
 * @wants_cookie: the server's: the client would like one for its next connection
 * @hole_asked: when a question was sent beside a large frame that is lost again
 *	and again, microseconds; 0: none is open
 * @hole_answers: how often in a row such a question was answered, but not the
 *	frame
 * @pacing: @pace is armed, and has a reference
 * @paced: it was not the next one's turn when something was to be sent last
 * @pace_at: when the next datagram would be sent if they were evenly spread,
 *	2^-10 microseconds
 * @pace_gap: how long after it another full one, 2^-10 microseconds
 * @pace: fires when more may be sent: it is the next one's turn, what is held
 *	has waited long enough, or too much was left in @out
 * @fin: SOCK_RDM: to be queued when the peer's FIN is next in order
 * @tx_largest: the largest message that was queued before the peer has answered,
 *	bytes: its limit is not known until then, or that of before
 * @incoming: link in fp_crowd.incoming
 * @ready: link in fp_crowd.ready, under fp_sock.rx_lock
 * @queued: it is in one of these, or about to be again, with a reference
 * @events: BIT(enum fp_event_type), for the application to fetch
 * @hungry: link in fp_ring.hungry, under fp_ring.list_lock
 * @is_hungry: it is in there, or about to be taken out, with a reference
 * @reminded: how often it was told again that there is room
 * @rx_told: how much of @rx_memory fp_crowd.memory holds
 * @tx_told: how much of @tx_bytes fp_crowd.tx_bytes holds
 * @rx_last: when a frame came last, microseconds, 0: never
 * @counts: counters, by their netlink attributes from FP_COUNT_FIRST on
 * @deadline: microseconds, 0 for none
 * @timer: fires at the first of them or earlier
 * @timer_at: when that is, microseconds; U64_MAX: it is not set
 * @timers: references of @timer: it may have been set anew while it fires
 * @woken: when this was made, microseconds
 * @rcu: for its end, when it is in neither of these:
 * @link: in fp_net.acts or fp_net.tries, under fp_net.acts_lock, as is
 * @seen: when it was last looked at there, microseconds
 * @unlisted: it is not in fp_net.acts, until something is acknowledged
 * @trying: it is in fp_net.tries, or has just been taken from there
 * @tx: what was sent and is not acknowledged
 * @rtt: round-trip time
 * @cc: congestion control
 * @ring: the first ring of @tx
 * @rx: which frames came
 *
 * The connection's lock guards all of it but that. Freed with the connection, or a
 * grace period after that was found idle: never while a timer or @xmitting needs
 * it.
 */
struct fp_act {
	struct fp_conn *conn;
	u64 tx_cost_next;
	u64 tx_edge;
	u32 tx_bytes;
	u32 tx_memory;
	u64 tx_check;
	u64 tx_last;
	u64 timed_out;
	u64 round;
	bool tx_corked;
	bool tx_probe;
	bool tx_restart;
	bool tx_full;
	bool tx_refused;
	bool echoed;
	bool probing;
	bool in_hole;
	bool fin_queued;
	bool peer_done;
	bool last_word;
	bool finished;
	bool unlisted;
	bool trying;
	bool tx_again;
	struct fp_txbuf *tx_done;
	struct sk_buff *out;
	struct sk_buff **out_end;
	bool xmitting;

	u64 rx_cost;
	u64 rx_edge;
	u32 rx_memory;
	u32 rx_limit;
	u32 rx_msg_units;
	bool rx_refused;
	struct rb_root rx_ahead;
	struct fp_packet *rx_partial;
	struct fp_packet *rx_partial_last;
	u32 rx_partial_cost;
	u32 rx_count;
	struct fp_packet *rx_ready;
	struct fp_packet **rx_end;

	u32 ts_recent;
	u64 ts_recent_at;
	u32 ack_bytes;
	bool ack_now;
	bool ack_later;
	u16 ce;
	u8 dup;
	u8 retries;
	u8 keep_asked;
	u64 keep_since;

	u64 syn_sent;
	struct fp_cookie cookie;
	bool early;
	bool wants_cookie;

	u64 hole_asked;
	u8 hole_answers;
	bool pacing;
	bool paced;
	u64 pace_at;
	u64 pace_gap;
	struct hrtimer pace;
	struct fp_txbuf *fin;
	u32 tx_largest;
	u32 rx_told;
	u32 tx_told;
	struct llist_node incoming;
	struct list_head ready;
	struct list_head hungry;
	bool queued;
	bool is_hungry;
	u8 events;
	u8 reminded;
	u64 rx_last;
	u64 counts[FP_COUNTS];

	u64 deadline[FP_DEADLINES];
	struct timer_list timer;
	u64 timer_at;
	u8 timers;

	u64 woken;
	union {
		struct list_head link;
		struct rcu_head rcu;
	};
	u64 seen;

	/* What follows is not cleared: each has a function that begins it. */
	struct fp_txwin tx;
	struct fp_rtt rtt;
	struct fp_cubic cc;
	struct fp_txframe *ring[FP_RING_SIZE];
	struct fp_rxwin rx;
};

/**
 * struct fp_keep - what a connection with SO_KEEPALIVE has while it is parked
 * @node: in fp_wheel.slots; under fp_wheel.lock
 * @due: when the peer is to be asked, microseconds; written under that and the
 *	connection's lock
 * @conn: whose it is; constant
 * @since: since when the peer is silent, or that was switched on, microseconds;
 *	constant
 * @ts_recent_at: fp_act.ts_recent_at; constant
 *
 * The connection's own; gone before that is at work again, or over.
 */
struct fp_keep {
	struct hlist_node node;
	u64 due;
	struct fp_conn *conn;
	u64 since;
	u64 ts_recent_at;
};

/**
 * struct fp_rest_seqs - where a connection is while it is idle
 * @tx: the next frame's sequence number; all before it are acknowledged
 * @tx_pause: by how much fp_act.tx_last was before fp_act.ts_recent_at, 65 ms, or
 *	U16_MAX if it was more
 * @rx: that of the peer's next frame; all before it came
 * @ce: fp_act.ce
 */
struct fp_rest_seqs {
	u64 tx : 48;
	u64 tx_pause : 16;
	u64 rx : 48;
	u64 ce : 16;
};

/**
 * struct fp_rest - what is left of struct fp_act while a connection is idle
 * @tx_bytes: payload of all that was sent
 * @tx_ce: fp_txwin.ce
 * @rx_bytes: payload of all that came
 * @cwnd: congestion window, 256 bytes
 * @ts_recent_at: fp_act.ts_recent_at, unless fp_conn.kept
 * @keep: the entry for its keepalive, if fp_conn.kept
 * @ts_recent: fp_act.ts_recent
 * @tx_credit: how much the peer lets us send, units
 * @rx_credit: how much we let the peer send, units
 * @ssthresh: slow start below it, 256 bytes; U16_MAX for FP_SSTHRESH_NONE
 * @dup: fp_act.dup
 * @tx_dup: fp_txwin.dup
 *
 * And struct fp_rest_seqs. What else there was is begun anew: it is about what is
 * under way, and nothing is; or it is measured again before long. A connection
 * with a number that needs more bits is not parked.
 */
struct fp_rest {
	u64 tx_bytes : 48;
	u64 tx_ce : 16;
	u64 rx_bytes : 48;
	u64 cwnd : 16;
	union {
		u64 ts_recent_at;
		struct fp_keep *keep;
	};
	u32 ts_recent;
	s32 tx_credit;
	s32 rx_credit;
	u16 ssthresh;
	u8 dup;
	u8 tx_dup;
};

/**
 * struct fp_conn - a connection
 * @id: its ID: low half the slot's index, high half the tag; constant
 * @peer_id: the peer's; its tag is not known in FP_SYN_SENT and FP_ECHO_SENT
 * @refs: one of the table until FP_CLOSED, one of the socket or of the accept
 *	queue, one of the armed timer, and of who is at work
 * @lock: guards what follows, unless it says otherwise, and @act
 * @state: READ_ONCE() without the lock
 * @passive: made by a listener; constant
 * @flags: FP_CONN_*; fp_conn_seems() without the lock
 * @hashed: it is in fp_net.passive, or in fp_net.active; while the peer may not
 *	know its ID, or does not name it by that
 * @crowded: it was made for a socket of SOCK_RDM, and has @crowd_seqs; constant
 * @kept: it is parked, and fp_rest.keep says when its peer is to be asked
 * @refused: SOCK_RDM: what came found no room; it is in fp_crowd.refused, or is
 *	about to be told that there is room
 * @invited: SOCK_RDM: it was told so, and what it sends then did not come yet
 * @ect_failures: how often a frame came as soon as it was sent without ECT
 * @error: why it ended, an errno or 0
 * @msg_max: largest message that the peer takes, bytes, but not more than
 *	FP_MSG_MAX_MAX: a send call queues all of one; constant from FP_ESTABLISHED
 *	on, READ_ONCE() without the lock
 * @rx_msg_max: largest message that we take, bytes; constant
 * @endpoint: the local port, a reference; constant. What the namespace has, which
 *	waits for its connections, is found there
 * @path: the way to the peer, a reference; constant
 * @act: NULL while it is idle: parked. Under @lock, or by who has the last
 *	reference; fp_conn_tx_memory() without it
 * @fs: its socket, or NULL; written under @lock, read under RCU
 * @accept: link in fp_endpoint.accept_queue, or in one of the lists of struct
 *	fp_crowd, under fp_sock.rx_lock
 * @node: in fp_net.passive, by the peer's address and ID, or in fp_net.active
 * @rcu: for its end, when it is in no queue any more
 * @seqs: fp_rest_seqs() if not @crowded: one that is parked was accepted
 * @created: when it was made, 131 ms; constant
 * @packs: the peer takes frames with FP_F_PACK
 * @knows_done: the peer knows FP_F_DONE
 * @rest: what is left of @act while that is NULL
 * @crowd_seqs: fp_rest_seqs() if @crowded; there is no such place in others
 *
 * Found through its slot under RCU; freed, and the slot with it, a grace period
 * after the last reference is gone; @act goes with that. There may be very many,
 * most of them idle: so this is small.
 */
struct fp_conn {
	u64 id;
	u64 peer_id;
	refcount_t refs;
	spinlock_t lock;	/* see above */
	u8 state;
	u8 flags;
	u8 passive : 1;
	u8 hashed : 1;
	u8 kept : 1;
	u8 ect_failures : 2;
	u8 refused : 1;
	u8 invited : 1;
	u8 crowded : 1;
	u8 error;
	u32 created : 30;
	u32 packs : 1;
	u32 knows_done : 1;
	u32 msg_max;
	u32 rx_msg_max;
	struct fp_endpoint *endpoint;
	struct fp_path *path;
	struct fp_act *act;
	struct fp_sock __rcu *fs;
	struct rhash_head node;
	struct fp_rest rest;
	union {
		struct list_head accept;
		struct rcu_head rcu;
		struct fp_rest_seqs seqs;
	};
	struct fp_rest_seqs crowd_seqs;
};

/* fp_conn.flags */
#define FP_CONN_RDM	BIT(0)	/* its socket is of SOCK_RDM */
#define FP_CONN_ORPHAN	BIT(1)	/* its socket was closed */
/* the server's: frames carry the SYN section until the peer knows us */
#define FP_CONN_SYN_DUE	BIT(2)
/* more is to be read: a small frame waits, until fp_act.pace fires */
#define FP_CONN_HELD	BIT(3)
#define FP_CONN_READABLE BIT(4)	/* fp_act.rx_count is not 0 */
#define FP_CONN_SENDING	BIT(5)	/* fp_act.tx_memory is not 0 */

#define FP_CREATED_SHIFT	17	/* of fp_conn.created, to microseconds */
#define FP_SEQ_BITS		48	/* those that a parked connection has */
#define FP_REST_WINDOW_SHIFT	8	/* of fp_rest.cwnd, to bytes */

/*
 * But for @crowd_seqs, with locks that are not debugged: 30 to a page, or 26 of
 * SOCK_RDM.
 */
#define FP_CONN_SIZE_MAX	136

/* What struct fp_rest has of fp_cubic.cwnd and .ssthresh, bytes. */
static inline u32 fp_rest_cwnd(const struct fp_rest *rest)
{
	return (u32)rest->cwnd << FP_REST_WINDOW_SHIFT;
}

static inline u32 fp_rest_ssthresh(const struct fp_rest *rest)
{
	return rest->ssthresh == U16_MAX ? FP_SSTHRESH_NONE :
	       (u32)rest->ssthresh << FP_REST_WINDOW_SHIFT;
}

/* Of a connection that is locked, or known to nobody yet. */
static inline bool fp_conn_is(const struct fp_conn *conn, u8 flag)
{
	return conn->flags & flag;
}

/* The same without the lock: a moment ago. */
static inline bool fp_conn_seems(const struct fp_conn *conn, u8 flag)
{
	return READ_ONCE(conn->flags) & flag;
}

/* By who may use fp_conn_is(). */
static inline void fp_conn_set(struct fp_conn *conn, u8 flag)
{
	WRITE_ONCE(conn->flags, conn->flags | flag);
}

/* Likewise. */
static inline void fp_conn_unset(struct fp_conn *conn, u8 flag)
{
	WRITE_ONCE(conn->flags, conn->flags & ~flag);
}

/* Its socket, or NULL; it is locked. */
static inline struct fp_sock *fp_conn_sock(const struct fp_conn *conn)
{
	return rcu_dereference_protected(conn->fs, lockdep_is_held(&conn->lock));
}

/* Why it ended, a negative errno or 0. */
static inline int fp_conn_error(const struct fp_conn *conn)
{
	return -(int)conn->error;
}

/* The sequence numbers of a connection that is parked; it is locked. */
static inline const struct fp_rest_seqs *
fp_rest_seqs(const struct fp_conn *conn)
{
	return conn->crowded ? &conn->crowd_seqs : &conn->seqs;
}

/*
 * Memory of what is queued to be sent, bytes, as it was a moment ago: a reference is
 * held, but not the lock. Pairs with smp_store_release() in fp_act_begin(); it is
 * freed a grace period after it was given back.
 */
static inline u32 fp_conn_tx_memory(const struct fp_conn *conn)
{
	const struct fp_act *act;
	u32 memory;

	rcu_read_lock();
	act = READ_ONCE(conn->act);
	memory = act ? READ_ONCE(act->tx_memory) : 0;
	rcu_read_unlock();
	return memory;
}

/* Count for a connection, which is locked. */
#define FP_CONN_ADD(conn, name, value) \
	((conn)->act->counts[FASTPROTO_A_CONN_##name - FP_COUNT_FIRST] += \
	 (value))

/* The same, and for its namespace. */
#define FP_CONN_ADD_STATS(conn, name, value) \
	fp_conn_count(conn, FASTPROTO_A_CONN_##name, \
		      FASTPROTO_A_STATS_##name, value)
#define FP_CONN_INC_STATS(conn, name)	FP_CONN_ADD_STATS(conn, name, 1)

/* What is to be done for a connection once its lock is released. */
#define FP_WAKE_READ	BIT(0)	/* something to receive */
#define FP_WAKE_WRITE	BIT(1)	/* room to send */
#define FP_WAKE_STATE	BIT(2)	/* connected, or half closed */
#define FP_WAKE_ERROR	BIT(3)	/* it failed */
#define FP_ENDED	BIT(4)	/* the table's reference is to go */
#define FP_LOWER_MTU	BIT(5)	/* the path loses what is large */
#define FP_OPENED	BIT(6)	/* it can be used from now on */
#define FP_PARTED	BIT(7)	/* its socket's reference is to go */
#define FP_STALLED	BIT(8)	/* something waits for room in the socket's ring */
#define FP_PUMPED	BIT(9)	/* who has the lock sees to that */
#define FP_LEAVES	BIT(10)	/* it is to part with its socket, of SOCK_RDM */

#define FP_WAKES	(FP_WAKE_READ | FP_WAKE_WRITE | FP_WAKE_STATE | \
			 FP_WAKE_ERROR)

/**
 * struct fp_todo - what is to be done once the lock is released
 * @reset: what a parked connection has to say at its end, or NULL
 * @flags: FP_WAKE_*, FP_ENDED, FP_LOWER_MTU, FP_OPENED, FP_PARTED, FP_STALLED,
 *	FP_PUMPED, FP_LEAVES
 * @needed: how many slots there must be for what waits for some
 * @now: microseconds, one reading of the clock for all that is done at once
 */
struct fp_todo {
	struct sk_buff *reset;
	u32 flags;
	u32 needed;
	u64 now;
};

/**
 * struct fp_input - the work on the frames of one datagram
 * @conn: the connection whose lock is held, a reference; or NULL
 * @todo: what is to be done for it
 * @told: @ack holds what the frame before it of this connection told
 * @ack: its acknowledgment, but for ranges
 * @sections: those of the frame in hand
 */
struct fp_input {
	struct fp_conn *conn;
	struct fp_todo todo;
	bool told;
	struct {
		u64 ack;
		u32 window;
		u32 ts;
		u16 ce;
		u8 dup;
	} ack;
	struct fp_sections sections;
};

/**
 * struct fp_ahead - what a server gave a client for its next connection
 * @cookie: to be shown
 * @msg_max: the largest message that the server takes, bytes
 * @window: the credit that it gives at first, units
 */
struct fp_ahead {
	struct fp_cookie cookie;
	u32 msg_max;
	u32 window;
};

/* Before a frame that answers one without a connection, bytes. */
#define FP_REPLY_HEADROOM	(LL_MAX_HEADER + sizeof(struct ipv6hdr) + \
				 sizeof(struct udphdr))

static inline u32 fp_id_slot(u64 id)
{
	return id;
}

static inline u32 fp_id_tag(u64 id)
{
	return id >> 32;
}

/* keep.c */
int fp_keep_init(void);
void fp_keep_exit(void);
void fp_keep_net_init(struct fp_net *fn);
void fp_keep_net_exit(struct fp_net *fn);
struct fp_keep *fp_keep_create(gfp_t gfp);
void fp_keep_free(struct fp_keep *keep);
void fp_keep_begin(struct fp_conn *conn, struct fp_keep *keep, u64 since,
		   u64 now);
struct fp_keep *fp_keep_end(struct fp_conn *conn);

/* txbuf.c */
int fp_txbuf_init(void);
void fp_txbuf_exit(void);
struct fp_txbuf *fp_txbuf_alloc(unsigned int headroom, u32 len, gfp_t gfp);
bool fp_txbuf_alloc_small(struct fp_txbuf **bufs, u32 nr, gfp_t gfp);
int fp_txbuf_map_pages(struct sk_buff *skb, struct iov_iter *from, u32 len);
struct fp_txbuf *fp_txbuf_map(unsigned int headroom, struct iov_iter *from,
			      u32 len, struct ubuf_info *ubuf, gfp_t gfp);
void fp_txbuf_copy_to(struct fp_txbuf *buf, void *to);
void fp_txbuf_free(struct fp_txbuf *buf);
void fp_txbuf_purge(struct fp_txbuf *buf);
void fp_txbuf_purge_reversed(struct fp_txbuf *buf);

/* act.c */
int fp_act_init(void);
void fp_act_exit(void);
void fp_act_net_init(struct fp_net *fn);
void fp_act_net_exit(struct fp_net *fn);
struct fp_act *fp_act_create(gfp_t gfp);
void fp_act_free(struct fp_act *act);
void fp_act_list(struct fp_act *act, u64 now);
void fp_act_try(struct fp_act *act);
void fp_act_begin(struct fp_conn *conn, struct fp_act *act, u64 now);
struct fp_act *fp_act_wake(struct fp_conn *conn, gfp_t gfp, u64 now);
void fp_act_look(struct fp_net *fn);
int fp_conn_rouse(struct fp_conn *conn, gfp_t gfp);
u64 fp_rest_count(const struct fp_conn *conn, enum fastproto_conn_attr attr);
void fp_rest_rtt(const struct fp_conn *conn, struct fp_rtt *rtt);
u64 fp_rest_ts_recent_at(const struct fp_conn *conn);
u64 fp_rest_tx_last(const struct fp_conn *conn);

/* path.c */
int fp_path_init(void);
void fp_path_exit(void);
int fp_path_net_init(struct fp_net *fn);
void fp_path_net_exit(struct fp_net *fn);
struct fp_path *fp_path_get(struct fp_endpoint *endpoint,
			    const struct fp_peer *key,
			    const struct fp_route *route, gfp_t gfp);
void fp_path_put(struct fp_net *fn, struct fp_path *path);
void fp_path_lower_mtu(struct fp_path *path, struct fp_endpoint *endpoint,
		       u32 mtu);
int fp_path_route(struct fp_path *path, struct fp_endpoint *endpoint,
		  struct sock *sk, struct fp_route *route);

/* conn.c */
int fp_conn_init(void);
void fp_conn_exit(void);
int fp_conn_net_init(struct net *net);
void fp_conn_net_end(struct net *net);
void fp_conn_net_wait(struct net *net);
void fp_conn_net_exit(struct net *net);
struct fp_conn *fp_conn_create(struct fp_endpoint *endpoint,
			       const struct fp_peer *peer,
			       const struct fp_route *route, u32 slot,
			       bool crowded, gfp_t gfp);
struct fp_conn *fp_conn_find(struct fp_net *fn, u32 slot);
void fp_conn_forget_client(struct fp_conn *conn);
struct fp_conn *fp_conn_find_passive(struct fp_net *fn,
				     const union fp_addr *peer, u64 peer_id);
void fp_conn_put(struct fp_conn *conn);
void __fp_conn_lock(struct fp_conn *conn, struct fp_todo *todo);
void __fp_conn_unlock(struct fp_conn *conn, struct fp_todo *todo);
void __fp_conn_leave(struct fp_conn *conn);
void fp_conn_end(struct fp_conn *conn, int err, struct fp_todo *todo);
void fp_conn_abort(struct fp_conn *conn, int err, enum fp_rst_reason why,
		   struct fp_todo *todo);
void fp_conn_finish(struct fp_conn *conn, struct fp_todo *todo);
int fp_conn_publish(struct fp_conn *conn, enum fp_state state);

/* transmit.c */
u32 fp_transmit_payload_max(const struct fp_conn *conn);
struct fp_txbuf *fp_transmit_alloc(struct fp_conn *conn, u32 len, gfp_t gfp);
struct fp_txbuf *fp_transmit_map(struct fp_conn *conn, struct msghdr *msg,
				 u32 len);
void fp_transmit_seal(struct fp_txbuf *buf);
u64 fp_transmit_waiting(const struct fp_act *act);
void fp_transmit_queue(struct fp_conn *conn, struct fp_txbuf *buf, u16 flags);
void fp_transmit_fin(struct fp_conn *conn, struct fp_txbuf *fin);
void fp_transmit_fin_only(struct fp_conn *conn);
bool fp_transmit_is_done(const struct fp_conn *conn);
void fp_transmit_push(struct fp_conn *conn, struct fp_todo *todo);
void fp_transmit_probe(struct fp_conn *conn, struct fp_todo *todo);
void fp_transmit_rst(struct fp_conn *conn, enum fp_rst_reason why,
		     struct fp_todo *todo);
void fp_transmit_acked(struct fp_txwin *w, struct fp_txframe *frame);
void fp_transmit_purge(struct fp_conn *conn);
u8 fp_transmit_tos(const struct fp_conn *conn);
void fp_transmit_xmit(struct fp_conn *conn, struct sk_buff *list, u8 tos);
u32 fp_transmit_mtu_below(const struct fp_conn *conn);
bool fp_transmit_exceeds(const struct fp_conn *conn,
			 const struct fp_txframe *frame, u32 mtu);
u32 fp_transmit_window(struct fp_act *act);

/* timer.c */
void fp_timer_fire(struct timer_list *timer);
enum hrtimer_restart fp_timer_pace(struct hrtimer *timer);
void fp_timer_wait_pace(struct fp_conn *conn);
void fp_timer_hold(struct fp_conn *conn, u32 us, u64 now);
void fp_timer_stop(struct fp_conn *conn);
void fp_timer_try(struct fp_conn *conn, struct fp_todo *todo);
void fp_timer_set(struct fp_conn *conn, enum fp_deadline which, u64 at,
		  u64 now);
void fp_timer_keepalive(struct fp_conn *conn, bool on, u64 now);
bool fp_timer_is_asking(const struct fp_act *act);
void fp_timer_resume(struct fp_conn *conn, const struct fp_keep *keep, u64 now);
void fp_timer_update(struct fp_conn *conn, struct fp_txframe *waiting,
		     bool starved, u64 now);

/* jar.c */
void fp_jar_get(struct fp_net *fn);
void fp_jar_free(struct fp_net *fn);
void fp_jar_put(struct fp_net *fn, const struct fp_peer *peer,
		const struct fp_ahead *ahead, u64 now);
bool fp_jar_take(struct fp_net *fn, const struct fp_peer *peer,
		 struct fp_ahead *ahead, u64 now);

/* handshake.c */
int fp_cookies_get(struct fp_net *fn);
void fp_cookies_free(struct fp_net *fn);
void fp_handshake_given_up(const struct fp_conn *conn);
void fp_handshake_fill(const struct fp_conn *conn, struct fp_syn *syn, u64 now);
bool fp_handshake_give(const struct fp_conn *conn, struct fp_sections *sections,
		       u64 now);
void fp_handshake_keep(const struct fp_conn *conn,
		       const struct fp_sections *sections, u64 now);
bool fp_handshake_early(struct fp_conn *conn, struct fp_todo *todo);
void fp_handshake_syn(struct fp_conn *conn, struct fp_todo *todo);
int fp_handshake_syn_rcv(struct fp_endpoint *endpoint,
			 const struct fp_frame *frame,
			 const struct fp_sections *sections,
			 struct fp_rx *rx);
int fp_handshake_cookie_rcv(struct fp_conn *conn,
			    const struct fp_sections *sections,
			    struct fp_todo *todo);
struct fp_conn *fp_handshake_echo_rcv(struct fp_endpoint *endpoint,
				      const struct fp_frame *frame,
				      const struct fp_sections *sections,
				      struct fp_rx *rx, int *why);
void fp_handshake_refuse(struct fp_endpoint *endpoint,
			 const struct fp_frame *frame,
			 const struct fp_sections *sections,
			 struct fp_rx *rx, enum fp_rst_reason why);

/* connect.c */
void fp_sock_set_limits(struct fp_sock *fs, struct fp_conn *conn);
struct fp_conn *fp_connect_create(struct fp_sock *fs, const union fp_addr *to);
void fp_connect_start(struct fp_conn *conn, bool keep);
void fp_connect_finish(struct fp_sock *fs, struct fp_conn *conn, bool part);
void fp_connect_linger(struct fp_sock *fs, const struct fp_conn *conn,
		       long *timeo);

/* listen.c */
void fp_listen_attach(struct fp_sock *fs, struct fp_conn *conn,
		      const struct sock *from);

/* outgoing.c */
bool fp_outgoing_ask_room(struct fp_sock *fs, struct fp_conn *conn);
int fp_outgoing_send(struct fp_sock *fs, struct fp_conn *conn,
		     struct msghdr *msg, size_t len);
u32 fp_outgoing_send_small(struct fp_sock *fs, struct fp_conn *conn,
			   struct fp_txbuf **bufs, u32 nr, bool more,
			   bool (*begin)(void *arg, u32 index,
					 struct fp_todo *todo), void *arg);

/* seqpacket.c */
void fp_seqpacket_let_go(struct fp_conn *conn);
struct fp_packet *fp_seqpacket_dequeue(struct fp_conn *conn, bool *news);
u64 fp_seqpacket_waiting(const struct fp_act *act);
int fp_seqpacket_copy(const struct fp_packet *packet, struct iov_iter *to,
		      size_t len);

/* crowd.c */
void fp_crowd_collect(struct fp_conn *conn, struct fp_todo *todo);
void fp_crowd_part(struct fp_conn *conn, struct fp_todo *todo);
void fp_crowd_forget_addr(struct fp_conn *conn);
bool fp_crowd_adopt(struct fp_sock *fs, struct fp_conn *conn);
bool fp_crowd_is_full(const struct fp_sock *fs);
bool fp_crowd_has_room(struct fp_sock *fs, struct fp_conn *conn, bool next,
		       u32 charge);
bool fp_crowd_pump(struct fp_sock *fs, struct fp_ring *ring, u32 *needed);
void fp_crowd_want_events(struct fp_sock *fs);

/* message.c */
int fp_message_take(struct fp_conn *conn, struct sk_buff *skb, u32 offset,
		    const struct fp_frame *frame, const struct fp_rx *rx,
		    u16 *index, struct fp_todo *todo);

/* input.c */
int fp_input_frame(struct fp_input *in, struct fp_endpoint *endpoint,
		   struct sk_buff *skb, u32 offset,
		   const struct fp_frame *frame, const void *hdr,
		   struct fp_rx *rx, u16 *index);
void fp_input_finish(struct fp_input *in);
void fp_input_error(struct fp_endpoint *endpoint, const union fp_addr *to,
		    int err, const struct sk_buff *skb, u32 offset);
void fp_input_detect(struct fp_conn *conn, struct fp_todo *todo);

/**
 * fp_conn_mss - what a datagram to the peer holds
 * @conn: the connection
 *
 * Return: bytes, headers of ours included.
 */
static inline u32 fp_conn_mss(const struct fp_conn *conn)
{
	u32 mtu = max_t(u32, READ_ONCE(conn->path->mtu), IPV6_MIN_MTU);
	u32 ip_len = conn->path->peer.addr.family == AF_INET ?
		     sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return min_t(u32, mtu - ip_len - sizeof(struct udphdr), FP_FRAME_MAX);
}

/**
 * fp_conn_lock - begin to work on a connection
 * @conn: the connection, a reference is held
 * @todo: collects what is to be done in the end
 *
 * Context: any; BH is off until fp_conn_unlock().
 */
static inline void fp_conn_lock(struct fp_conn *conn, struct fp_todo *todo)
{
	local_bh_disable();
	__fp_conn_lock(conn, todo);
}

/**
 * fp_conn_unlock - send, wake and free what was collected meanwhile
 * @conn: the connection, the caller's reference stays
 * @todo: from fp_conn_lock()
 */
static inline void fp_conn_unlock(struct fp_conn *conn, struct fp_todo *todo)
{
	__fp_conn_unlock(conn, todo);
	local_bh_enable();
}

/*
 * Has it something to send once it is unlocked? Then it is locked and unlocked
 * again meanwhile.
 */
static inline bool fp_conn_has_output(const struct fp_conn *conn,
				      const struct fp_todo *todo)
{
	return conn->act && (conn->act->out || todo->flags & FP_LOWER_MTU);
}

/* A datagram, in no list, is to be given to IP when the lock is released. */
static inline void fp_act_out(struct fp_act *act, struct sk_buff *skb)
{
	*act->out_end = skb;
	act->out_end = &skb->next;
}

static inline struct fp_conn *fp_conn_get(struct fp_conn *conn)
{
	refcount_inc(&conn->refs);
	return conn;
}

/*
 * What a message may cost, units. Its fragments are large, or there is one: all
 * together cost less than this.
 */
static inline u32 fp_msg_cost(const struct fp_act *act)
{
	return 2 * (act->conn->rx_msg_max + FP_FRAME_COST);
}

/**
 * fp_conn_wake - have a connection at work
 * @conn: the connection, locked; not FP_CLOSED
 * @gfp: how to allocate what it needs for that, if it is parked
 * @now: microseconds
 *
 * Return: fp_conn.act, or NULL: no memory.
 */
static inline struct fp_act *fp_conn_wake(struct fp_conn *conn, gfp_t gfp,
					  u64 now)
{
	return likely(conn->act) ? conn->act : fp_act_wake(conn, gfp, now);
}

static inline void fp_conn_count(struct fp_conn *conn,
				 enum fastproto_conn_attr own,
				 enum fastproto_stats_attr all, u32 value)
{
	conn->act->counts[own - FP_COUNT_FIRST] += value;
	SNMP_ADD_STATS(conn->endpoint->fn->mib, all, value);
}

static inline bool fp_conn_is_over(const struct fp_conn *conn)
{
	/* Pairs with smp_store_release() in fp_conn_end(). */
	return smp_load_acquire(&conn->state) == FP_CLOSED;
}

/* No more will come: the peer has closed its side. */
static inline bool fp_conn_is_at_end(const struct fp_conn *conn)
{
	/* Pairs with smp_store_release() in fin_received() and fp_conn_end(). */
	switch (smp_load_acquire(&conn->state)) {
	case FP_CLOSE_WAIT:
	case FP_CLOSING:
	case FP_LAST_ACK:
	case FP_CLOSED:
		return true;
	default:
		return false;
	}
}

/* The connection of a SOCK_SEQPACKET socket, a reference; or NULL. */
static inline struct fp_conn *fp_sock_conn_get(struct fp_sock *fs)
{
	struct fp_conn *conn;

	/* It is what rcu_read_lock() is, but no call. */
	rcu_read_lock_sched();
	conn = rcu_dereference_sched(fs->conn);
	if (conn && !refcount_inc_not_zero(&conn->refs))
		conn = NULL;
	rcu_read_unlock_sched();
	return conn;
}

/* A socket's connection, or NULL; under the socket lock. Other types have none. */
static inline struct fp_conn *fp_sock_conn(struct fp_sock *fs)
{
	if (fs->sk.sk_type != SOCK_SEQPACKET)
		return NULL;
	return rcu_dereference_protected(fs->conn,
					 lockdep_sock_is_held(&fs->sk));
}

static inline bool fp_conn_connected(const struct fp_conn *conn)
{
	return READ_ONCE(conn->state) > FP_SYN_SENT;
}

#endif /* _FP_CONN_H */
