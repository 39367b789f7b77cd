// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_SEQPACKET: one connection, one socket. Sending, receiving and poll() take
 * no lock but the connection's.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sockios.h>

#include <asm/ioctls.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

/*
 * There may be room for messages: that is for them, whatever has been given to IP
 * meanwhile (fp_transmit_push()), which the core's would look at.
 */
static void write_space(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait, EPOLLOUT |
						EPOLLWRNORM | EPOLLWRBAND);
	sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

void fp_seqpacket_init(struct fp_sock *fs)
{
	struct sock *sk = &fs->sk;
	struct fp_net *fn = fp_net(sock_net(sk));

	fs->keep_idle = fp_setting(fn, keepalive_idle);
	fs->keep_intvl = fp_setting(fn, keepalive_interval);
	fs->keep_cnt = fp_setting(fn, keepalive_probes);
	fs->msg_max = fp_setting(fn, msg_max);
	WRITE_ONCE(sk->sk_sndbuf, fp_setting(fn, tx_buffer));
	WRITE_ONCE(sk->sk_rcvbuf, fp_setting(fn, rx_buffer));
	sk->sk_write_space = write_space;
	/* Nobody waits for what leaves a queue of this host. */
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
}

static int seqpacket_get_name(struct socket *sock, struct sockaddr *uaddr, int peername)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn = fp_sock_conn_get(fs);
	union fp_addr addr = {};

	if (peername && (!conn || !fp_conn_connected(conn))) {
		fp_conn_put(conn);
		return -ENOTCONN;
	}
	if (conn)
		addr = peername ? conn->path->peer.addr :
				  conn->path->peer.local;
	/* Pairs with smp_store_release() in set_endpoint(). */
	else if (smp_load_acquire(&fs->endpoint))
		addr = fs->endpoint->local;
	fp_conn_put(conn);
	return fp_addr_report(&addr, uaddr);
}

static bool has_send_room(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return !fp_conn_seems(conn, FP_CONN_SENDING) ||
	       fp_conn_tx_memory(conn) < READ_ONCE(fs->sk.sk_sndbuf);
}

/* As has_send_room(); if not, acknowledgments will wake those who wait. */
static bool ask_room(struct fp_sock *fs, struct fp_conn *conn)
{
	bool room;

	if (has_send_room(fs, conn))
		return true;
	spin_lock_bh(&conn->lock);
	if (conn->act)
		conn->act->tx_full = true;
	room = has_send_room(fs, conn);
	spin_unlock_bh(&conn->lock);
	return room;
}

/**
 * fp_seqpacket_let_go - what is held for company has to go
 * @conn: the connection, a reference is held; its application is about to wait
 */
void fp_seqpacket_let_go(struct fp_conn *conn)
{
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	fp_conn_unset(conn, FP_CONN_HELD);
	if (conn->state != FP_CLOSED)
		fp_transmit_push(conn, &todo);
	fp_conn_unlock(conn, &todo);
}

static __poll_t poll_conn(struct fp_sock *fs, struct fp_conn *conn)
{
	const struct fp_ring *ring;
	__poll_t mask = 0;
	u8 state, down;

	if (fp_conn_seems(conn, FP_CONN_HELD))
		fp_seqpacket_let_go(conn);
	state = READ_ONCE(conn->state);
	down = READ_ONCE(fs->sk.sk_shutdown);
	ring = fp_sock_ring(fs);
	if (ring ? fp_ring_is_readable(ring) : fp_conn_seems(conn, FP_CONN_READABLE))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (fp_conn_is_at_end(conn) || down & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state == FP_CLOSED || state == FP_LAST_ACK ||
	    state == FP_CLOSING || down == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (state != FP_SYN_SENT &&
	    (state == FP_CLOSED || down & SEND_SHUTDOWN || ask_room(fs, conn)))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static __poll_t seqpacket_poll(struct file *file, struct socket *sock,
			       struct poll_table_struct *wait)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(fs->sk.sk_state) == TCP_LISTEN)
		return list_empty(&fs->endpoint->accept_queue) ?
		       0 : EPOLLIN | EPOLLRDNORM;
	conn = fp_sock_conn_get(fs);
	if (!conn)
		mask = EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
	else
		mask = poll_conn(fs, conn);
	fp_conn_put(conn);
	if (READ_ONCE(fs->sk.sk_err) ||
	    !skb_queue_empty_lockless(&fs->sk.sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

/* May messages be queued, if there is room? A socket of many does not wait. */
static bool takes_messages(const struct fp_conn *conn)
{
	return fp_conn_seems(conn, FP_CONN_RDM) ||
	       READ_ONCE(conn->state) != FP_SYN_SENT;
}

/* A connection of many may be closed while another thread sends on it. */
static bool is_through(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return fp_conn_is_over(conn) || fp_conn_seems(conn, FP_CONN_ORPHAN) ||
	       READ_ONCE(fs->sk.sk_shutdown) & SEND_SHUTDOWN;
}

/* Connected, and a message may be queued? Or will it never be? */
static bool seqpacket_may_send(const struct fp_sock *fs, const struct fp_conn *conn)
{
	if (is_through(fs, conn))
		return true;
	return takes_messages(conn) && has_send_room(fs, conn);
}

/* Wait until a message may be queued. */
static int wait_to_send(struct fp_sock *fs, struct fp_conn *conn, int flags)
{
	long timeo = sock_sndtimeo(&fs->sk, flags & MSG_DONTWAIT);
	int err;

	for (;;) {
		err = sock_error(&fs->sk);
		if (err)
			return err;
		if (is_through(fs, conn))
			return -EPIPE;
		if (takes_messages(conn) && ask_room(fs, conn))
			return 0;
		if (!timeo)
			return -EAGAIN;
		err = fp_wait(fs, &timeo, EPOLLOUT, false, conn, seqpacket_may_send);
		if (err)
			return err;
	}
}

/* How large a ring @count more frames and a FIN need; 0: there is room. */
static u32 ring_wanted(const struct fp_act *act, u32 count)
{
	u32 size;

	/* It is parked again, or over: who sends next will see. */
	if (!act)
		return 0;
	size = roundup_pow_of_two(act->tx.end - act->tx.una + count + 1);
	return size <= act->tx.mask + 1 ? 0 : size;
}

/* Have a window, and room in its ring for @count more frames and a FIN. */
static int reserve(struct fp_conn *conn, u32 count)
{
	struct fp_txframe **ring, **old;
	u32 size;
	int err;

	err = fp_conn_rouse(conn, GFP_KERNEL);
	while (!err) {
		spin_lock_bh(&conn->lock);
		size = ring_wanted(conn->act, count);
		spin_unlock_bh(&conn->lock);
		if (!size)
			break;

		ring = kvcalloc(size, sizeof(*ring), GFP_KERNEL_ACCOUNT);
		if (!ring)
			return -ENOMEM;
		spin_lock_bh(&conn->lock);
		old = ring;
		if (conn->act && size > conn->act->tx.mask + 1)
			old = fp_txwin_move(&conn->act->tx, ring, size);
		/* The first one is a part of it. */
		if (conn->act && old == conn->act->ring)
			old = NULL;
		spin_unlock_bh(&conn->lock);
		kvfree(old);
	}
	return err;
}

/**
 * struct fragments - those of a message
 * @first: the first, or NULL
 * @end: where the next one belongs
 * @count: how many they are
 * @mapped: how much stayed where the sender has it, bytes
 */
struct fragments {
	struct fp_txbuf *first;
	struct fp_txbuf **end;
	u32 count;
	u32 mapped;
};

/* May a fragment stay where the sender has it? */
static bool may_stay(const struct msghdr *msg, u32 len, u32 trailer)
{
	return msg->msg_flags & MSG_ZEROCOPY && msg->msg_ubuf && !trailer &&
	       len > FP_TXBUF_SMALL;
}

/* A fragment of a message, not filled in if it is to be copied. */
static struct fp_txbuf *begin_fragment(struct fp_conn *conn,
				       struct msghdr *msg, u32 len, u32 trailer,
				       bool *mapped)
{
	struct fp_txbuf *buf;

	*mapped = may_stay(msg, len, trailer);
	if (*mapped) {
		buf = fp_transmit_map(conn, msg, len);
		if (!IS_ERR(buf) || PTR_ERR(buf) != -EMSGSIZE)
			return buf;
		*mapped = false;
	}
	buf = fp_transmit_alloc(conn, len + trailer, GFP_KERNEL);
	return buf ?: ERR_PTR(-ENOMEM);
}

/* The message in fragments. */
static int copy_message(struct fp_conn *conn, struct msghdr *msg, size_t len,
			u16 flags, struct fragments *list)
{
	u32 trailer = flags & FP_F_CSUM ? FP_CSUM_LEN : 0;
	u32 max = FP_COPYBREAK, part;
	struct fp_txbuf *buf;
	bool mapped;

	/* So much fits always. */
	if (len > max)
		max = fp_transmit_payload_max(conn) - trailer;
	do {
		part = min_t(size_t, len, max);
		buf = begin_fragment(conn, msg, part, trailer, &mapped);
		if (IS_ERR(buf))
			return PTR_ERR(buf);
		*list->end = buf;
		list->end = &buf->next;
		list->count++;
		if (part && !mapped &&
		    !copy_from_iter_full(fp_txbuf_data(buf), part,
					 &msg->msg_iter))
			return -EFAULT;
		if (trailer)
			fp_transmit_seal(buf);
		list->mapped += mapped ? part : 0;
		len -= part;
	} while (len);
	return 0;
}

/*
 * Returns 0, -EPIPE, or -ENOSPC: the window's ring is too small, or the connection
 * is parked and has none.
 */
static int may_queue(const struct fp_conn *conn, u32 count)
{
	const struct fp_act *act = conn->act;

	if (conn->state == FP_CLOSED || (act && act->fin_queued))
		return -EPIPE;
	return !act || fp_txwin_room(&act->tx) <= count ? -ENOSPC : 0;
}

/*
 * With more to be read, and hence to be answered, a small message waits for so
 * many microseconds.
 */
static void push_queued(struct fp_conn *conn, bool more, u32 hold,
			struct fp_todo *todo)
{
	conn->act->tx_corked = more;
	if (hold && conn->act->rx_count) {
		fp_conn_set(conn, FP_CONN_HELD);
		fp_timer_hold(conn, hold, todo->now);
	} else if (fp_conn_is(conn, FP_CONN_HELD)) {
		fp_conn_unset(conn, FP_CONN_HELD);
	}
	fp_transmit_push(conn, todo);
}

/* As may_queue(). */
static int queue_message(struct fp_conn *conn, struct fragments *list,
			 size_t len, u16 flags, bool more, u32 hold)
{
	struct fp_todo todo __fp_uninitialized;
	u16 begin = FP_F_BEGIN;
	struct fp_txbuf *buf;
	struct fp_act *act;
	int err = 0;

	fp_conn_lock(conn, &todo);
	act = conn->act;
	err = may_queue(conn, list->count);
	/* The server may have told its limit meanwhile. */
	if (!err && unlikely(len > conn->msg_max))
		err = -EMSGSIZE;
	if (!err) {
		if (unlikely(conn->state <= FP_ECHO_SENT))
			act->tx_largest = max_t(u32, act->tx_largest, len);
		while ((buf = list->first)) {
			u16 end = buf->next ? 0 : FP_F_END;

			list->first = buf->next;
			fp_transmit_queue(conn, buf, flags | begin | end);
			begin = 0;
		}
		push_queued(conn, more, hold, &todo);
	}
	fp_conn_unlock(conn, &todo);
	return err;
}

/* What the socket asks for all its messages, and for how long one may wait. */
static u16 flags_for(const struct fp_sock *fs, const struct fp_conn *conn,
		     u32 *hold)
{
	u16 flags = 0;

	if (fp_sock_has(fs, FP_OPTION_NEEDS_COPY))
		flags |= FP_F_NEEDS_COPY;
	if (fp_sock_has(fs, FP_OPTION_PAYLOAD_CSUM))
		flags |= FP_F_CSUM;
	*hold = 0;
	if (!fp_conn_seems(conn, FP_CONN_RDM) && !fp_sock_has(fs, FP_OPTION_NODELAY))
		*hold = fp_setting(conn->endpoint->fn, hold_time);
	return flags;
}

/* Make a message of what the application has, and queue it. */
static int send_message(struct fp_sock *fs, struct fp_conn *conn,
			struct msghdr *msg, size_t len, u32 *mapped)
{
	bool more = msg->msg_flags & (MSG_MORE | MSG_BATCH);
	struct fragments list = { .end = &list.first };
	u32 hold;
	u16 flags;
	int err;

	flags = flags_for(fs, conn, &hold);
	err = copy_message(conn, msg, len, flags, &list);
	while (!err) {
		err = queue_message(conn, &list, len, flags, more, hold);
		if (err != -ENOSPC)
			break;
		/* Another thread may take it before we do. */
		err = reserve(conn, list.count);
	}
	*mapped = list.mapped;
	if (!err && fp_conn_seems(conn, FP_CONN_RDM))
		fp_crowd_count_sent(fs, len);
	if (unlikely(list.first))
		fp_txbuf_purge(list.first);
	return err;
}

/*
 * The same from the application's pages, with a notice when they are not needed
 * any more. The notices' numbers are given under the socket lock, so that one
 * that is not used may be taken back.
 */
static noinline int send_pages(struct fp_sock *fs, struct fp_conn *conn,
			       struct msghdr *msg, size_t len)
{
	struct ubuf_info *ubuf;
	u32 mapped;
	int err;

	lock_sock(&fs->sk);
	ubuf = msg_zerocopy_realloc(&fs->sk, len, NULL);
	if (!ubuf) {
		err = -ENOBUFS;
		goto unlock;
	}
	msg->msg_ubuf = ubuf;
	err = send_message(fs, conn, msg, len, &mapped);
	msg->msg_ubuf = NULL;
	if (!err && !mapped)
		uarg_to_msgzc(ubuf)->zerocopy = 0;
	if (err) {
		net_zcopy_put_abort(ubuf, true);
	} else {
		WRITE_ONCE(*fp_sock_zerocopied(fs),
			   *fp_sock_zerocopied(fs) + mapped);
		net_zcopy_put(ubuf);
	}
unlock:
	release_sock(&fs->sk);
	return err;
}

/* The same from a ring's slots, or of anybody else who hears of the pages. */
static int send_slots(struct fp_sock *fs, struct fp_conn *conn,
		      struct msghdr *msg, size_t len)
{
	u32 mapped;
	int err;

	err = send_message(fs, conn, msg, len, &mapped);
	if (err)
		return err;
	fp_ring_count_sent(fs, mapped, true);
	fp_ring_count_sent(fs, len - mapped, false);
	if (!mapped)
		msg->msg_ubuf = NULL;
	return 0;
}

/**
 * fp_seqpacket_send - send a message on a connection
 * @fs: the socket
 * @conn: the connection, a reference is held
 * @msg: the message
 * @len: its length in bytes
 *
 * A msg_ubuf that does not get the pages, since the message is copied, is set to
 * NULL.
 *
 * Context: process; takes no socket lock, but with SO_ZEROCOPY and MSG_ZEROCOPY.
 * Return: 0, -EAGAIN, -EINTR, -EMSGSIZE, -EPIPE, -ENOMEM, -ENOBUFS, -EFAULT, or
 *	the pending error.
 */
int fp_seqpacket_send(struct fp_sock *fs, struct fp_conn *conn,
		      struct msghdr *msg, size_t len)
{
	u32 mapped;
	int err;

	err = wait_to_send(fs, conn, msg->msg_flags);
	if (err)
		return err;
	if (len > READ_ONCE(conn->msg_max))
		return -EMSGSIZE;
	if (unlikely(fp_sock_wants_notice(fs, msg, len)))
		return send_pages(fs, conn, msg, len);
	if (unlikely(msg->msg_ubuf))
		return send_slots(fs, conn, msg, len);
	return send_message(fs, conn, msg, len, &mapped);
}

/* As fp_seqpacket_send_small(), if there is room in the window's ring for all. */
static int queue_small(struct fp_sock *fs, struct fp_conn *conn,
		       struct fp_txbuf **bufs, u32 nr, u16 flags, bool more,
		       u32 hold, bool (*begin)(void *arg, u32 index,
					       struct fp_todo *todo), void *arg)
{
	struct fp_todo todo __fp_uninitialized;
	struct fp_act *act;
	u32 i = 0;
	int err;

	fp_conn_lock(conn, &todo);
	act = conn->act;
	err = may_queue(conn, nr);
	/* The server has told its limit meanwhile. */
	if (!err && unlikely(conn->msg_max < FP_COPYBREAK))
		err = -EMSGSIZE;
	if (!err) {
		for (; i < nr && has_send_room(fs, conn); i++) {
			if (!begin(arg, i, &todo))
				break;
			if (unlikely(conn->state <= FP_ECHO_SENT))
				act->tx_largest = max(act->tx_largest,
						      fp_txbuf_len(bufs[i]));
			fp_transmit_queue(conn, bufs[i], flags);
		}
		push_queued(conn, more && i == nr, hold, &todo);
	}
	fp_conn_unlock(conn, &todo);
	return err ?: i;
}

/**
 * fp_seqpacket_send_small - send several small messages at once
 * @fs: the socket
 * @conn: the connection, a reference is held
 * @bufs: the messages, each of FP_COPYBREAK bytes at most; those that are sent
 *	are taken
 * @nr: how many
 * @more: others follow
 * @begin: called with each of them before it is queued, with the connection
 *	locked; if it returns false that one is not sent
 * @arg: for @begin
 *
 * It does nothing that would have to be told: what is not sent is to be sent by
 * fp_seqpacket_send(), which says why it can't be.
 *
 * Context: process; takes no socket lock, does not wait.
 * Return: how many were sent, from the first on.
 */
u32 fp_seqpacket_send_small(struct fp_sock *fs, struct fp_conn *conn,
			    struct fp_txbuf **bufs, u32 nr, bool more,
			    bool (*begin)(void *arg, u32 index,
					  struct fp_todo *todo), void *arg)
{
	u16 flags;
	u32 hold;
	int ret;

	if (READ_ONCE(fs->sk.sk_err) || is_through(fs, conn) ||
	    !takes_messages(conn) || conn->msg_max < FP_COPYBREAK)
		return 0;
	flags = flags_for(fs, conn, &hold) | FP_F_BEGIN | FP_F_END;
	if (flags & FP_F_CSUM)
		return 0;
	ret = queue_small(fs, conn, bufs, nr, flags, more, hold, begin, arg);
	/* Another thread may take the room before we do: then one by one. */
	if (ret == -ENOSPC && !reserve(conn, nr))
		ret = queue_small(fs, conn, bufs, nr, flags, more, hold, begin,
				  arg);
	return max(ret, 0);
}

static int seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	int err;

	if (msg->msg_flags & MSG_OOB || msg->msg_controllen)
		return -EOPNOTSUPP;
	conn = fp_sock_conn_get(fs);
	if (!conn) {
		err = sock_error(sock->sk) ?:
		      READ_ONCE(sock->sk->sk_shutdown) ? -EPIPE : -ENOTCONN;
	} else if (msg->msg_name) {
		err = -EISCONN;
	} else {
		err = fp_seqpacket_send(fs, conn, msg, len);
	}
	fp_conn_put(conn);
	if (err == -EPIPE && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return err ?: len;
}

/* A peer that may send so many frames need not hear at once of more. */
#define NEWS_FRAMES	8

/* Does the peer need to hear that it may send more now? */
static bool is_news(struct fp_act *act)
{
	u64 promised = act->rx_edge - act->rx_cost;
	u64 before = act->rx_edge;
	bool news;

	/* It can't be twice as much, or it is told soon, and that is enough. */
	if (promised > NEWS_FRAMES * act->cc.mss &&
	    (4 * promised > act->rx_limit || act->ack_later))
		return false;
	fp_transmit_window(act);
	news = act->rx_edge - act->rx_cost >= 2 * promised &&
	       act->rx_edge != before;
	act->rx_edge = before;
	return news;
}

static u32 message_charge(const struct fp_packet *packet)
{
	u32 charge = 0;

	for (; packet; packet = packet->next)
		charge += packet->charge;
	return charge;
}

/**
 * fp_seqpacket_dequeue - take the first message of a connection
 * @conn: the connection, locked
 * @news: set if the peer is to hear of the room that there is now
 *
 * Return: the message, a reference; or NULL.
 */
struct fp_packet *fp_seqpacket_dequeue(struct fp_conn *conn, bool *news)
{
	struct fp_act *act = conn->act;
	struct fp_packet *packet;

	*news = false;
	packet = act->rx_ready;
	if (!packet)
		return NULL;
	act->rx_ready = packet->later;
	if (!act->rx_ready)
		act->rx_end = &act->rx_ready;
	if (!--act->rx_count)
		fp_conn_unset(conn, FP_CONN_READABLE);
	act->rx_memory -= message_charge(packet);
	*news = conn->state != FP_CLOSED && (act->rx_refused || is_news(act));
	act->rx_refused = false;
	if (*news)
		FP_CONN_INC_STATS(conn, WINDOW_UPDATES);
	return packet;
}

/**
 * fp_seqpacket_waiting - what came in and was not taken by the application
 * @act: of a connection, locked
 *
 * Return: payload of whole messages and of others, bytes.
 */
u64 fp_seqpacket_waiting(const struct fp_act *act)
{
	const struct fp_packet *packet;
	struct rb_node *node;
	u64 bytes = 0;

	for (packet = act->rx_ready; packet; packet = packet->later)
		bytes += packet->len;
	for (packet = act->rx_partial; packet; packet = packet->next)
		bytes += packet->frame.payload_len;
	for (node = rb_first(&act->rx_ahead); node; node = rb_next(node))
		bytes += rb_entry(node, struct fp_packet,
				  node)->frame.payload_len;
	return bytes;
}

/* Have the peer asked or told something at once. */
static void speak(struct fp_conn *conn, bool ask)
{
	struct fp_act *act = NULL;
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	/* Without memory to wake up for that it has to ask. */
	if (conn->state > FP_SYN_SENT)
		act = fp_conn_wake(conn, GFP_ATOMIC, todo.now);
	if (act) {
		if (ask)
			act->tx_probe = true;
		else
			act->ack_now = true;
		fp_transmit_push(conn, &todo);
	}
	fp_conn_unlock(conn, &todo);
}

/* Who waits for the server to speak has it told that he is there. */
static void echo(struct fp_conn *conn)
{
	struct fp_act *act;
	bool due;

	spin_lock_bh(&conn->lock);
	act = conn->act;
	due = conn->state == FP_ECHO_SENT && !act->tx.flight && !act->echoed;
	if (due)
		act->echoed = true;
	spin_unlock_bh(&conn->lock);
	if (due)
		speak(conn, true);
}

/* The first message, a reference; it stays if the caller only peeks. */
static noinline struct fp_packet *take_first(struct fp_conn *conn, int flags)
{
	struct fp_packet *packet = NULL;
	struct fp_act *act;
	bool news = false;

	spin_lock_bh(&conn->lock);
	act = conn->act;
	/* Another thread may have been faster; it may even be parked. */
	if (act && act->rx_count)
		packet = act->rx_ready;
	if (packet && flags & MSG_PEEK)
		refcount_inc(&packet->refs);
	else if (packet)
		fp_seqpacket_dequeue(conn, &news);
	spin_unlock_bh(&conn->lock);
	if (news)
		speak(conn, false);
	return packet;
}

/* The same, if there is one; if not, what to do before it is waited for. */
static inline struct fp_packet *take(struct fp_conn *conn, int flags)
{
	if (fp_conn_seems(conn, FP_CONN_READABLE))
		return take_first(conn, flags);
	if (unlikely(fp_conn_seems(conn, FP_CONN_HELD)))
		fp_seqpacket_let_go(conn);
	if (unlikely(READ_ONCE(conn->state) == FP_ECHO_SENT))
		echo(conn);
	return NULL;
}

static bool seqpacket_may_receive(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return READ_ONCE(fs->sk.sk_err) ||
	       READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN ||
	       fp_conn_seems(conn, FP_CONN_READABLE) || fp_conn_is_at_end(conn);
}

/* The next message; NULL and *err 0 is the end of file. */
static struct fp_packet *await_message(struct fp_sock *fs, struct fp_conn *conn,
				       int flags, int *err)
{
	long timeo = sock_rcvtimeo(&fs->sk, flags & MSG_DONTWAIT);
	struct fp_packet *packet;

	for (;;) {
		/* What came before an error is still good. */
		packet = take(conn, flags);
		if (packet)
			return packet;
		*err = sock_error(&fs->sk);
		if (*err || READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN)
			return NULL;
		if (fp_conn_is_at_end(conn)) {
			/* Look again: the last message comes with the end. */
			packet = take(conn, flags);
			return packet;
		}
		if (!timeo) {
			*err = -EAGAIN;
			return NULL;
		}
		/* One datagram may hold messages for several. */
		*err = fp_wait(fs, &timeo, EPOLLIN, false, conn, seqpacket_may_receive);
		if (*err)
			return NULL;
	}
}

/**
 * fp_seqpacket_copy - copy a message to the application
 * @packet: its first fragment
 * @to: where to
 * @len: how much of it, bytes
 *
 * Return: 0 or -EFAULT.
 */
int fp_seqpacket_copy(const struct fp_packet *packet, struct iov_iter *to,
		      size_t len)
{
	size_t part;
	int err = 0;

	for (; packet && len && !err; packet = packet->next) {
		part = min_t(size_t, len, packet->frame.payload_len);
		err = fp_packet_copy_to(packet, to, part);
		len -= part;
	}
	return err;
}

/* What comes is in the ring. */
static int recv_ring(struct socket *sock, size_t len, int flags)
{
	struct fp_conn *conn;
	int err;

	if (len)
		return -EBUSY;
	conn = fp_sock_conn_get(fp_sk(sock->sk));
	if (!conn)
		return sock_error(sock->sk) ?: -ENOTCONN;
	err = fp_sendring_wait(sock, conn, flags);
	fp_conn_put(conn);
	return err;
}

static int seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			     int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_packet *packet;
	struct fp_conn *conn;
	size_t copied;
	int err = 0;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(&fs->sk, msg, len, SOL_FASTPROTO,
					  FP_RECVERR);
	if (fp_sock_ring(fs))
		return recv_ring(sock, len, flags);
	conn = fp_sock_conn_get(fs);
	if (!conn)
		return sock_error(sock->sk) ?: -ENOTCONN;
	packet = await_message(fs, conn, flags, &err);
	if (!packet)
		goto out;

	copied = packet->len;
	if (copied > len) {
		copied = len;
		msg->msg_flags |= MSG_TRUNC;
	}
	msg->msg_flags |= MSG_EOR;
	err = fp_seqpacket_copy(packet, &msg->msg_iter, copied);
	if (!err) {
		if (msg->msg_name)
			msg->msg_namelen = fp_addr_report(&packet->rx.src,
							  msg->msg_name);
		if (unlikely(fp_rx_has_control(fs)))
			fp_rx_put_control(msg, fs, packet);
		err = flags & MSG_TRUNC ? packet->len : copied;
	}
	fp_packet_put(packet);
out:
	fp_conn_put(conn);
	return err;
}

static int seqpacket_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	int err, val;

	if (cmd == SIOCFPRING)
		return fp_sendring_enter(sock);
	if (cmd == SIOCFPWAKE)
		return fp_sendring_wake(sock);
	err = fp_seqpacket_ioctl(fp_sk(sock->sk), cmd, &val);
	return err ?: put_user(val, (int __user *)arg);
}

/**
 * fp_seqpacket_ioctl - SIOCINQ and SIOCOUTQ
 * @fs: the socket
 * @cmd: which
 * @val: set to bytes of the next message, or of what is not acknowledged
 *
 * Return: 0, -EINVAL (a listener), or -ENOIOCTLCMD.
 */
int fp_seqpacket_ioctl(struct fp_sock *fs, int cmd, int *val)
{
	struct fp_conn *conn;
	struct fp_act *act;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	if (READ_ONCE(fs->sk.sk_state) == TCP_LISTEN)
		return -EINVAL;
	*val = 0;
	conn = fp_sock_conn_get(fs);
	if (!conn)
		return 0;
	spin_lock_bh(&conn->lock);
	act = conn->act;
	if (act && cmd == SIOCOUTQ)
		*val = act->tx_bytes;
	else if (act && act->rx_count)
		*val = act->rx_ready->len;
	spin_unlock_bh(&conn->lock);
	fp_conn_put(conn);
	return 0;
}

const struct proto_ops fp_seqpacket_ops = {
	.owner		= THIS_MODULE,
	.release	= fp_release,
	.bind		= fp_bind,
	.connect	= fp_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= fp_proto_accept,
	.getname	= seqpacket_get_name,
	.poll		= seqpacket_poll,
	.ioctl		= seqpacket_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= fp_listen,
	.shutdown	= fp_shutdown,
	.setsockopt	= fp_setsockopt,
	.getsockopt	= fp_getsockopt,
	.sendmsg	= seqpacket_sendmsg,
	.recvmsg	= seqpacket_recvmsg,
	.mmap		= fp_pool_mmap,
};
