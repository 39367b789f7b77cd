// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_SEQPACKET: one connection, one socket. Control calls take the socket
 * lock; sending, receiving and poll() take only the connection's.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sockios.h>

#include <asm/ioctls.h>

#include "fastproto.h"
#include "conn.h"

#define BUFFER_DEFAULT	(4U << 20)	/* of each direction, bytes, if more than
					 * the system's default
					 */

/* The connection, a reference; or NULL. */
static struct fp_conn *conn_get(struct fp_sock *fs)
{
	struct fp_conn *conn;

	rcu_read_lock();
	conn = rcu_dereference(fs->conn);
	if (conn && !refcount_inc_not_zero(&conn->refs))
		conn = NULL;
	rcu_read_unlock();
	return conn;
}

/* Under the socket lock. */
static struct fp_conn *conn_of(struct fp_sock *fs)
{
	return rcu_dereference_protected(fs->conn,
					 lockdep_sock_is_held(&fs->sk));
}

static bool is_over(const struct fp_conn *conn)
{
	/* Pairs with smp_store_release() in fp_conn_end(). */
	return smp_load_acquire(&conn->state) == FP_CLOSED;
}

/* No more will come: the peer has closed its side. */
static bool is_at_end(const struct fp_conn *conn)
{
	switch (READ_ONCE(conn->state)) {
	case FP_CLOSE_WAIT:
	case FP_CLOSING:
	case FP_LAST_ACK:
	case FP_CLOSED:
		return true;
	default:
		return false;
	}
}

void fp_seqpacket_init(struct fp_sock *fs)
{
	struct sock *sk = &fs->sk;

	INIT_LIST_HEAD(&fs->accept_queue);
	WRITE_ONCE(sk->sk_sndbuf, max_t(int, sk->sk_sndbuf, BUFFER_DEFAULT));
	WRITE_ONCE(sk->sk_rcvbuf, max_t(int, sk->sk_rcvbuf, BUFFER_DEFAULT));
}

/* Nothing has been sent yet: what may be received before the first answer. */
static void set_limits(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	act->rx_limit = READ_ONCE(fs->sk.sk_rcvbuf);
	act->rx_msg_units = 2 * FP_MSG_MAX_DEFAULT;
}

/* A connection to @to; owned by the socket, whose lock is held. */
static struct fp_conn *create(struct fp_sock *fs, struct fp_endpoint *endpoint,
			      const union fp_addr *to)
{
	struct sock *sk = &fs->sk;
	struct fp_slots *slots = &fp_net(sock_net(sk))->slots;
	struct fp_flow flow = {
		.sk = sk,
		.mark = READ_ONCE(sk->sk_mark),
		.oif = sk->sk_bound_dev_if,
	};
	struct fp_peer peer = { .mark = flow.mark, .oif = flow.oif };
	struct fp_route route;
	struct fp_conn *conn;
	u32 slot;
	int err;

	err = fp_endpoint_route(endpoint, &flow, to, NULL, &route);
	if (err)
		return ERR_PTR(err);
	dst_release(route.dst);
	peer.addr = route.to;
	peer.local = route.src;

	err = fp_slot_reserve_wait(slots, &slot);
	if (err)
		return ERR_PTR(err == -ENOSPC ? -EAGAIN : err);
	conn = fp_conn_create(endpoint, &peer, slot, GFP_KERNEL);
	if (IS_ERR(conn)) {
		fp_slot_release(slots, slot);
		return conn;
	}
	set_limits(fs, conn);
	conn->act->rx_edge = fp_transmit_window(conn->act);
	rcu_assign_pointer(conn->fs, fs);
	return conn;
}

static void start(struct fp_conn *conn)
{
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	fp_conn_publish(conn, FP_SYN_SENT);
	fp_handshake_syn(conn, &todo);
	fp_timer_set(conn, FP_DEADLINE_HANDSHAKE, todo.now + USEC_PER_SEC,
		     todo.now);
	fp_conn_unlock(conn, &todo);
}

/*
 * Socket and connection part; the socket's reference becomes the caller's. NULL
 * if there is none. Under the socket lock.
 */
static struct fp_conn *detach(struct fp_sock *fs)
{
	struct fp_conn *conn = conn_of(fs);

	if (!conn)
		return NULL;
	RCU_INIT_POINTER(fs->conn, NULL);
	spin_lock_bh(&conn->lock);
	RCU_INIT_POINTER(conn->fs, NULL);
	spin_unlock_bh(&conn->lock);
	return conn;
}

static int begin_connect(struct fp_sock *fs, struct sockaddr *uaddr, int len)
{
	struct fp_endpoint *endpoint = fs->endpoint;
	struct fp_conn *conn;
	union fp_addr to;
	int err;

	err = fp_addr_parse(&to, uaddr, len);
	if (err)
		return err;
	if (endpoint)
		fp_endpoint_get(endpoint);
	else
		endpoint = fp_endpoint_client(sock_net(&fs->sk), to.family);
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	conn = create(fs, endpoint, &to);
	fp_endpoint_put(endpoint);
	if (IS_ERR(conn))
		return PTR_ERR(conn);

	fp_conn_put(detach(fs));
	rcu_assign_pointer(fs->conn, fp_conn_get(conn));
	fs->sk.sk_err = 0;
	WRITE_ONCE(fs->sk.sk_shutdown, 0);
	WRITE_ONCE(fs->sk.sk_state, TCP_SYN_SENT);
	start(conn);
	return 0;
}

static bool is_decided(const struct fp_sock *fs)
{
	const struct fp_conn *conn = rcu_access_pointer(fs->conn);

	return !conn || READ_ONCE(conn->state) != FP_SYN_SENT;
}

/* Wait for the handshake. The socket lock is held, and released meanwhile. */
static int end_connect(struct fp_sock *fs, int flags)
{
	struct sock *sk = &fs->sk;
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	struct fp_conn *conn = fp_conn_get(conn_of(fs));
	int err = 0;

	while (READ_ONCE(conn->state) == FP_SYN_SENT && !err) {
		if (!timeo) {
			err = -EINPROGRESS;
			break;
		}
		release_sock(sk);
		err = fp_wait(fs, &timeo, EPOLLOUT, false, is_decided);
		lock_sock(sk);
		if (conn_of(fs) != conn) {
			/* Another thread was faster. */
			fp_conn_put(conn);
			return -ECONNABORTED;
		}
	}
	if (is_over(conn)) {
		err = sock_error(sk) ?: conn->err ?: -ECONNABORTED;
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
		fp_conn_put(detach(fs));
	} else if (!err) {
		WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
	}
	fp_conn_put(conn);
	return err;
}

/* Give a connection up. Under the socket lock. */
static void disconnect(struct fp_sock *fs)
{
	struct fp_conn *conn = detach(fs);
	struct fp_todo todo;

	WRITE_ONCE(fs->sk.sk_state, TCP_CLOSE);
	if (!conn)
		return;
	fp_conn_lock(conn, &todo);
	fp_conn_abort(conn, -ECONNABORTED, FP_RST_ABORTED, &todo);
	fp_conn_unlock(conn, &todo);
	fp_conn_put(conn);
}

static int connect(struct socket *sock, struct sockaddr *uaddr, int len,
		   int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	int err = 0;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	lock_sock(sock->sk);
	conn = conn_of(fs);
	if (fs->sk.sk_state == TCP_LISTEN) {
		err = -EISCONN;
		goto out;
	}
	if (uaddr->sa_family == AF_UNSPEC) {
		disconnect(fs);
		goto out;
	}
	if (conn && is_over(conn)) {
		/* What became of it may not have been told yet. */
		err = sock_error(&fs->sk);
		fp_conn_put(detach(fs));
		if (err)
			goto out;
		conn = NULL;
	}
	if (conn && READ_ONCE(conn->state) != FP_SYN_SENT) {
		/* The first one to ask after a connect that did not block. */
		err = fs->sk.sk_state == TCP_SYN_SENT ? 0 : -EISCONN;
		WRITE_ONCE(fs->sk.sk_state, TCP_ESTABLISHED);
		goto out;
	}
	if (conn && flags & O_NONBLOCK)
		err = -EALREADY;
	else if (!conn)
		err = begin_connect(fs, uaddr, len);
	if (!err)
		err = end_connect(fs, flags);
out:
	release_sock(sock->sk);
	return err;
}

/*
 * Softirq can't make a table of connections; while there is a listener, there is
 * one. The socket lock is held.
 */
static int start_listening(struct fp_sock *fs)
{
	int err;

	if (fs->sk.sk_state == TCP_LISTEN)
		return 0;
	err = fp_slot_reserve_wait(&fp_net(sock_net(&fs->sk))->slots,
				   &fs->listen_slot);
	if (err)
		return err == -ENOSPC ? -EAGAIN : err;
	spin_lock_bh(&fs->rx_lock);
	WRITE_ONCE(fs->sk.sk_state, TCP_LISTEN);
	spin_unlock_bh(&fs->rx_lock);
	return 0;
}

static int listen(struct socket *sock, int backlog)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct sock *sk = sock->sk;
	int err;

	err = fp_cookies_get(fp_net(sock_net(sk)));
	if (!err)
		err = fp_sock_autobind(fs, AF_INET6);
	if (err)
		return err;
	lock_sock(sk);
	if (conn_of(fs)) {
		err = -EINVAL;
	} else {
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		err = start_listening(fs);
	}
	release_sock(sk);
	return err;
}

static bool may_accept(const struct fp_sock *fs)
{
	return !list_empty(&fs->accept_queue) ||
	       READ_ONCE(fs->sk.sk_state) != TCP_LISTEN;
}

static struct fp_conn *dequeue(struct fp_sock *fs)
{
	struct fp_conn *conn;

	spin_lock_bh(&fs->rx_lock);
	conn = list_first_entry_or_null(&fs->accept_queue, struct fp_conn,
					accept);
	if (conn) {
		list_del_init(&conn->accept);
		sk_acceptq_removed(&fs->sk);
	}
	spin_unlock_bh(&fs->rx_lock);
	return conn;
}

/* The next connection; its reference becomes the caller's. */
static struct fp_conn *wait_for_conn(struct fp_sock *fs, int flags)
{
	long timeo = sock_rcvtimeo(&fs->sk, flags & O_NONBLOCK);
	struct fp_conn *conn;
	int err;

	for (;;) {
		if (READ_ONCE(fs->sk.sk_state) != TCP_LISTEN)
			return ERR_PTR(-EINVAL);
		conn = dequeue(fs);
		if (conn)
			return conn;
		if (!timeo)
			return ERR_PTR(-EAGAIN);
		err = fp_wait(fs, &timeo, EPOLLIN, true, may_accept);
		if (err)
			return ERR_PTR(err);
	}
}

/* What a socket has of the listener that it comes from. */
static void inherit(struct sock *sk, const struct sock *from)
{
	sk->sk_sndbuf = READ_ONCE(from->sk_sndbuf);
	sk->sk_rcvbuf = READ_ONCE(from->sk_rcvbuf);
	sk->sk_sndtimeo = READ_ONCE(from->sk_sndtimeo);
	sk->sk_rcvtimeo = READ_ONCE(from->sk_rcvtimeo);
	sk->sk_priority = READ_ONCE(from->sk_priority);
	sk->sk_mark = READ_ONCE(from->sk_mark);
	sk->sk_bound_dev_if = READ_ONCE(from->sk_bound_dev_if);
	sk->sk_lingertime = READ_ONCE(from->sk_lingertime);
	if (sock_flag(from, SOCK_LINGER))
		sock_set_flag(sk, SOCK_LINGER);
	fp_sk(sk)->recvinfo = READ_ONCE(fp_sk(from)->recvinfo);
	fp_sk(sk)->needs_copy = READ_ONCE(fp_sk(from)->needs_copy);
}

/* Nobody knows the new socket yet. */
static void attach(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_todo todo;

	fs->sk.sk_state = TCP_ESTABLISHED;
	RCU_INIT_POINTER(fs->conn, conn);
	fp_conn_lock(conn, &todo);
	rcu_assign_pointer(conn->fs, fs);
	set_limits(fs, conn);
	if (conn->err)
		WRITE_ONCE(fs->sk.sk_err, -conn->err);
	if (conn->state != FP_CLOSED) {
		/* More may come now. */
		conn->act->ack_later = true;
		fp_transmit_push(conn, &todo);
	}
	fp_conn_unlock(conn, &todo);
}

/**
 * fp_accept - take the next connection of a listener
 * @sock: the listener
 * @newsock: becomes the connection's socket
 * @arg: flags; whether it is the kernel's own
 *
 * Context: process.
 * Return: 0, -EAGAIN, -EINTR, -EINVAL (it does not listen), -ENOMEM.
 */
int fp_accept(struct socket *sock, struct socket *newsock,
	      const struct proto_accept_arg *arg)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	struct sock *sk;

	conn = wait_for_conn(fs, arg->flags);
	if (IS_ERR(conn))
		return PTR_ERR(conn);
	sk = fp_sock_alloc(sock_net(sock->sk), newsock, arg->kern);
	if (IS_ERR(sk)) {
		struct fp_todo todo;

		fp_conn_lock(conn, &todo);
		fp_conn_abort(conn, -ECONNABORTED, FP_RST_ABORTED, &todo);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
		return PTR_ERR(sk);
	}
	inherit(sk, sock->sk);
	attach(fp_sk(sk), conn);
	newsock->state = SS_CONNECTED;
	return 0;
}

/* Nothing follows what is queued. The connection is locked. */
static void queue_fin(struct fp_conn *conn, struct sk_buff *skb,
		      struct fp_todo *todo)
{
	if (conn->act->fin_queued || conn->state <= FP_SYN_SENT || !skb) {
		kfree_skb(skb);
		return;
	}
	conn->act->fin_queued = true;
	conn->act->tx_corked = false;
	fp_transmit_queue(conn, skb, FP_F_FIN);
	if (conn->state == FP_ESTABLISHED)
		WRITE_ONCE(conn->state, FP_FIN_WAIT_1);
	else if (conn->state == FP_CLOSE_WAIT)
		WRITE_ONCE(conn->state, FP_LAST_ACK);
	fp_transmit_push(conn, todo);
}

/* Is there something that the application will never read? */
static bool has_unread(const struct fp_act *act)
{
	return act->rx_count || act->rx_partial ||
	       !RB_EMPTY_ROOT(&act->rx_ahead);
}

static bool is_delivered(const struct fp_sock *fs)
{
	const struct fp_conn *conn = rcu_access_pointer(fs->conn);
	u8 state = READ_ONCE(conn->state);

	return state == FP_CLOSED || state == FP_FIN_WAIT_2;
}

/* SO_LINGER: until the peer has everything. The socket lock is held. */
static void linger(struct fp_sock *fs)
{
	long timeo = fs->sk.sk_lingertime;

	if (current->flags & PF_EXITING)
		return;
	while (timeo && !is_delivered(fs))
		if (fp_wait(fs, &timeo, EPOLLOUT, false, is_delivered))
			break;
}

/* The application is through with a connection. The socket lock is held. */
static void finish(struct fp_sock *fs, struct fp_conn *conn)
{
	bool at_once = sock_flag(&fs->sk, SOCK_LINGER) && !fs->sk.sk_lingertime;
	struct sk_buff *fin = fp_transmit_alloc(conn, 0, GFP_KERNEL);
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	if (conn->state <= FP_SYN_SENT || at_once || !fin ||
	    has_unread(conn->act)) {
		kfree_skb(fin);
		fp_conn_abort(conn, 0, FP_RST_ABORTED, &todo);
	} else {
		conn->orphan = true;
		queue_fin(conn, fin, &todo);
		fp_timer_set(conn, FP_DEADLINE_END, todo.now + FP_ORPHAN_TIMEOUT,
			     todo.now);
	}
	fp_conn_unlock(conn, &todo);

	if (sock_flag(&fs->sk, SOCK_LINGER))
		linger(fs);
}

/* Those that nobody accepted are given up. The socket lock is held. */
static void stop_listening(struct fp_sock *fs)
{
	struct fp_conn *conn;
	struct fp_todo todo;

	spin_lock_bh(&fs->rx_lock);
	WRITE_ONCE(fs->sk.sk_state, TCP_CLOSE);
	spin_unlock_bh(&fs->rx_lock);
	while ((conn = dequeue(fs))) {
		fp_conn_lock(conn, &todo);
		fp_conn_abort(conn, -ECONNABORTED, FP_RST_ABORTED, &todo);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	fp_slot_release(&fp_net(sock_net(&fs->sk))->slots, fs->listen_slot);
}

/**
 * fp_seqpacket_close - give up all that a socket of this type has
 * @fs: the socket, locked; no call of the application is left
 */
void fp_seqpacket_close(struct fp_sock *fs)
{
	struct fp_conn *conn = conn_of(fs);

	if (fs->sk.sk_state == TCP_LISTEN)
		stop_listening(fs);
	if (!conn)
		return;
	finish(fs, conn);
	fp_conn_put(detach(fs));
}

static int shutdown(struct socket *sock, int how)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct sock *sk = sock->sk;
	struct sk_buff *fin = NULL;
	struct fp_conn *conn;
	struct fp_todo todo;
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;
	lock_sock(sk);
	conn = conn_of(fs);
	if (sk->sk_state == TCP_LISTEN && how & RCV_SHUTDOWN) {
		stop_listening(fs);
		goto out;
	}
	if (!conn || conn->state <= FP_SYN_SENT) {
		err = -ENOTCONN;
		goto out;
	}
	if (how & SEND_SHUTDOWN) {
		fin = fp_transmit_alloc(conn, 0, GFP_KERNEL);
		if (!fin) {
			err = -ENOMEM;
			goto out;
		}
	}
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
	if (how & SEND_SHUTDOWN) {
		fp_conn_lock(conn, &todo);
		queue_fin(conn, fin, &todo);
		fp_conn_unlock(conn, &todo);
	}
out:
	sk->sk_state_change(sk);
	release_sock(sk);
	return err;
}

static int get_name(struct socket *sock, struct sockaddr *uaddr, int peername)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn = conn_get(fs);
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

static bool has_room(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return READ_ONCE(conn->act->tx_memory) < READ_ONCE(fs->sk.sk_sndbuf);
}

/* As has_room(); if not, acknowledgments will wake those who wait. */
static bool ask_room(struct fp_sock *fs, struct fp_conn *conn)
{
	bool room;

	if (has_room(fs, conn))
		return true;
	spin_lock_bh(&conn->lock);
	conn->act->tx_full = true;
	room = has_room(fs, conn);
	spin_unlock_bh(&conn->lock);
	return room;
}

static __poll_t poll_conn(struct fp_sock *fs, struct fp_conn *conn)
{
	u8 state = READ_ONCE(conn->state), down;
	__poll_t mask = 0;

	down = READ_ONCE(fs->sk.sk_shutdown);
	if (READ_ONCE(conn->act->rx_count))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (is_at_end(conn) || down & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state == FP_CLOSED || state == FP_LAST_ACK ||
	    state == FP_CLOSING || down == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (state != FP_SYN_SENT &&
	    (state == FP_CLOSED || down & SEND_SHUTDOWN || ask_room(fs, conn)))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static __poll_t poll(struct file *file, struct socket *sock,
		     struct poll_table_struct *wait)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(fs->sk.sk_state) == TCP_LISTEN)
		return list_empty(&fs->accept_queue) ? 0 :
						       EPOLLIN | EPOLLRDNORM;
	conn = conn_get(fs);
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

/* Connected, and a message may be queued? Or will it never be? */
static bool may_send(const struct fp_sock *fs)
{
	const struct fp_conn *conn;
	bool ready = true;

	rcu_read_lock();
	conn = rcu_dereference(fs->conn);
	if (conn && READ_ONCE(conn->state) != FP_CLOSED &&
	    !(READ_ONCE(fs->sk.sk_shutdown) & SEND_SHUTDOWN))
		ready = READ_ONCE(conn->state) != FP_SYN_SENT &&
			has_room(fs, conn);
	rcu_read_unlock();
	return ready;
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
		if (is_over(conn) ||
		    READ_ONCE(fs->sk.sk_shutdown) & SEND_SHUTDOWN)
			return -EPIPE;
		if (READ_ONCE(conn->state) != FP_SYN_SENT &&
		    ask_room(fs, conn))
			return 0;
		if (!timeo)
			return -EAGAIN;
		err = fp_wait(fs, &timeo, EPOLLOUT, false, may_send);
		if (err)
			return err;
	}
}

/* Enough room in the window's ring for @count more frames and a FIN. */
static int reserve(struct fp_conn *conn, u32 count)
{
	struct fp_txframe **ring, **old;
	struct fp_act *act = conn->act;
	u32 size;

	for (;;) {
		spin_lock_bh(&conn->lock);
		size = roundup_pow_of_two(act->tx.end - act->tx.una + count +
					  1);
		if (size <= act->tx.mask + 1) {
			spin_unlock_bh(&conn->lock);
			return 0;
		}
		spin_unlock_bh(&conn->lock);

		ring = kvcalloc(size, sizeof(*ring), GFP_KERNEL_ACCOUNT);
		if (!ring)
			return -ENOMEM;
		spin_lock_bh(&conn->lock);
		old = ring;
		if (size > act->tx.mask + 1)
			old = fp_txwin_move(&act->tx, ring, size);
		spin_unlock_bh(&conn->lock);
		kvfree(old);
	}
}

/* The message in fragments. */
static int copy_message(struct fp_conn *conn, struct msghdr *msg, size_t len,
			struct sk_buff_head *list)
{
	u32 max = fp_transmit_payload_max(conn), part;
	struct sk_buff *skb;

	do {
		part = min_t(size_t, len, max);
		skb = fp_transmit_alloc(conn, part, GFP_KERNEL_ACCOUNT);
		if (!skb)
			return -ENOMEM;
		__skb_queue_tail(list, skb);
		if (!part)
			break;
		if (!copy_from_iter_full(skb->data, part, &msg->msg_iter))
			return -EFAULT;
		len -= part;
	} while (len);
	return 0;
}

static int queue_message(struct fp_sock *fs, struct fp_conn *conn,
			 struct sk_buff_head *list, bool more)
{
	u16 flags = READ_ONCE(fs->needs_copy) ? FP_F_NEEDS_COPY : 0;
	struct fp_act *act = conn->act;
	u16 begin = FP_F_BEGIN;
	struct fp_todo todo;
	struct sk_buff *skb;
	int err = 0;

	fp_conn_lock(conn, &todo);
	if (conn->state == FP_CLOSED || act->fin_queued) {
		err = -EPIPE;
	} else if (fp_txwin_room(&act->tx) <= skb_queue_len(list)) {
		err = -ERESTART;	/* another thread took it */
	} else {
		while ((skb = __skb_dequeue(list))) {
			u16 end = skb_queue_empty(list) ? FP_F_END : 0;

			fp_transmit_queue(conn, skb, flags | begin | end);
			begin = 0;
		}
		act->tx_corked = more;
		fp_transmit_push(conn, &todo);
	}
	fp_conn_unlock(conn, &todo);
	return err;
}

static int send_message(struct fp_sock *fs, struct fp_conn *conn,
			struct msghdr *msg, size_t len)
{
	bool more = msg->msg_flags & (MSG_MORE | MSG_BATCH);
	struct sk_buff_head list;
	int err;

	err = wait_to_send(fs, conn, msg->msg_flags);
	if (err)
		return err;
	if (len > conn->msg_max)
		return -EMSGSIZE;
	__skb_queue_head_init(&list);
	err = copy_message(conn, msg, len, &list);
	while (!err) {
		err = reserve(conn, skb_queue_len(&list));
		if (!err)
			err = queue_message(fs, conn, &list, more);
		if (err != -ERESTART)
			break;
		err = 0;
	}
	__skb_queue_purge(&list);
	return err;
}

static int sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	int err;

	if (msg->msg_flags & MSG_OOB || msg->msg_controllen)
		return -EOPNOTSUPP;
	conn = conn_get(fs);
	if (!conn) {
		err = sock_error(sock->sk) ?:
		      READ_ONCE(sock->sk->sk_shutdown) ? -EPIPE : -ENOTCONN;
	} else if (msg->msg_name) {
		err = -EISCONN;
	} else {
		err = send_message(fs, conn, msg, len);
	}
	fp_conn_put(conn);
	if (err == -EPIPE && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return err ?: len;
}

/* Does the peer need to hear that it may send more now? */
static bool is_news(struct fp_act *act)
{
	u64 promised = act->rx_edge - act->rx_cost;
	u64 before = act->rx_edge;
	bool news;

	fp_transmit_window(act);
	news = act->rx_edge - act->rx_cost >= 2 * promised &&
	       act->rx_edge != before;
	act->rx_edge = before;
	return news;
}

static u32 charge_of(const struct fp_packet *packet)
{
	u32 charge = 0;

	for (; packet; packet = packet->next)
		charge += packet->charge;
	return charge;
}

/* The first message, a reference; it stays if the caller only peeks. */
static struct fp_packet *take(struct fp_conn *conn, int flags)
{
	struct fp_act *act = conn->act;
	struct fp_packet *packet;
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	packet = list_first_entry_or_null(&act->rx_ready, struct fp_packet,
					  list);
	if (packet && flags & MSG_PEEK) {
		refcount_inc(&packet->refs);
	} else if (packet) {
		list_del(&packet->list);
		WRITE_ONCE(act->rx_count, act->rx_count - 1);
		act->rx_memory -= charge_of(packet);
		if (conn->state != FP_CLOSED && is_news(act)) {
			act->ack_now = true;
			fp_transmit_push(conn, &todo);
		}
	} else if (conn->state == FP_ECHO_SENT && !act->tx.flight) {
		/* Who waits for the server to speak has it told at once. */
		if (!act->echoed) {
			act->echoed = true;
			act->tx_probe = true;
			fp_transmit_push(conn, &todo);
		}
	}
	fp_conn_unlock(conn, &todo);
	return packet;
}

static bool may_receive(const struct fp_sock *fs)
{
	const struct fp_conn *conn;
	bool ready = true;

	if (READ_ONCE(fs->sk.sk_err) ||
	    READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN)
		return true;
	rcu_read_lock();
	conn = rcu_dereference(fs->conn);
	if (conn)
		ready = READ_ONCE(conn->act->rx_count) || is_at_end(conn);
	rcu_read_unlock();
	return ready;
}

/* The next message; NULL and *err 0 is the end of file. */
static struct fp_packet *next_message(struct fp_sock *fs, struct fp_conn *conn,
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
		if (is_at_end(conn)) {
			/* Look again: the last message comes with the end. */
			packet = take(conn, flags);
			return packet;
		}
		if (!timeo) {
			*err = -EAGAIN;
			return NULL;
		}
		/* One datagram may hold messages for several. */
		*err = fp_wait(fs, &timeo, EPOLLIN, false, may_receive);
		if (*err)
			return NULL;
	}
}

static int copy_to_user_iter(const struct fp_packet *packet,
			     struct iov_iter *to, size_t len)
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

static int recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
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
					  FP_RECVINFO);
	conn = conn_get(fs);
	if (!conn)
		return sock_error(sock->sk) ?: -ENOTCONN;
	packet = next_message(fs, conn, flags, &err);
	if (!packet)
		goto out;

	copied = packet->len;
	if (copied > len) {
		copied = len;
		msg->msg_flags |= MSG_TRUNC;
	}
	msg->msg_flags |= MSG_EOR;
	err = copy_to_user_iter(packet, &msg->msg_iter, copied);
	if (!err) {
		if (msg->msg_name)
			msg->msg_namelen = fp_addr_report(&packet->rx.src,
							  msg->msg_name);
		fp_rx_put_control(msg, fs, packet);
		err = flags & MSG_TRUNC ? packet->len : copied;
	}
	fp_packet_put(packet);
out:
	fp_conn_put(conn);
	return err;
}

static int ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	int err, val;

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
	struct fp_packet *packet;
	struct fp_conn *conn;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	if (READ_ONCE(fs->sk.sk_state) == TCP_LISTEN)
		return -EINVAL;
	*val = 0;
	conn = conn_get(fs);
	if (!conn)
		return 0;
	spin_lock_bh(&conn->lock);
	packet = list_first_entry_or_null(&conn->act->rx_ready,
					  struct fp_packet, list);
	if (cmd == SIOCOUTQ)
		*val = conn->act->tx_bytes;
	else if (packet)
		*val = packet->len;
	spin_unlock_bh(&conn->lock);
	fp_conn_put(conn);
	return 0;
}

const struct proto_ops fp_seqpacket_ops = {
	.owner		= THIS_MODULE,
	.release	= fp_release,
	.bind		= fp_bind,
	.connect	= connect,
	.socketpair	= sock_no_socketpair,
	.accept		= fp_proto_accept,
	.getname	= get_name,
	.poll		= poll,
	.ioctl		= ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= listen,
	.shutdown	= shutdown,
	.setsockopt	= fp_setsockopt,
	.getsockopt	= fp_getsockopt,
	.sendmsg	= sendmsg,
	.recvmsg	= recvmsg,
	.mmap		= sock_no_mmap,
};
