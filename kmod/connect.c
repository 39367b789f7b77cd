// SPDX-License-Identifier: GPL-2.0
/*
 * How a socket gets a connection as a client, and how it gives one up. The
 * socket lock is held; the connection's own only for a moment.
 */
#include "fastproto.h"
#include "conn.h"
#include "crowd.h"

/**
 * fp_sock_set_limits - what a connection may hold for its socket
 * @fs: the socket
 * @conn: the connection, locked or known to nobody else
 */
void fp_sock_set_limits(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	act->rx_limit = READ_ONCE(fs->sk.sk_rcvbuf);
	act->rx_msg_units = fp_msg_cost(act);
}

/* A connection on this way; owned by the socket, whose lock is held. */
static struct fp_conn *create_conn(struct fp_sock *fs, struct fp_endpoint *endpoint,
				   const struct fp_flow *flow,
				   const struct fp_route *route)
{
	struct sock *sk = &fs->sk;
	struct fp_slots *slots = &fp_net(sock_net(sk))->slots;
	const struct fp_peer peer = {
		.addr = route->to,
		.local = route->src,
		.mark = flow->mark,
		.oif = flow->oif,
	};
	struct fp_conn *conn;
	u32 slot;
	int err;

	err = fp_slot_reserve_wait(slots, &slot);
	if (err)	/* one fault is not enough: there is vmalloc(), too */
		return ERR_PTR(err == -ENOSPC ? -EAGAIN : err);
	conn = fp_conn_create(endpoint, &peer, route, slot,
			      fp_sock_is_rdm(fs), GFP_KERNEL);
	if (IS_ERR(conn)) {
		if (PTR_ERR(conn) == -EAGAIN)
			FP_INC_STATS(fp_net(sock_net(sk)), CONNECTS_LIMITED);
		fp_slot_release(slots, slot);
		return conn;
	}
	conn->rx_msg_max = fs->msg_max;
	fp_sock_set_limits(fs, conn);
	conn->act->rx_edge = fp_transmit_window(conn->act);
	rcu_assign_pointer(conn->fs, fs);
	if (conn->crowded) {
		fp_conn_set(conn, FP_CONN_RDM);
		/* What is sent before that is known is checked then. */
		conn->msg_max = FP_MSG_MAX_MAX;
	}
	return conn;
}

/* Is this the way that was taken last, and would be again? */
static bool find_way(struct fp_peer *way, const struct fp_endpoint *endpoint,
		     const struct fp_flow *flow, const union fp_addr *to,
		     struct fp_route *route)
{
	bool found;

	if (!fp_addr_equal(&way->addr, to) || way->mark != flow->mark ||
	    way->oif != flow->oif ||
	    fp_addr_port(&way->local) != fp_addr_port(&endpoint->local))
		return false;
	rcu_read_lock_bh();
	found = fp_peer_route(way, route) && dst_hold_safe(route->dst);
	rcu_read_unlock_bh();
	return found;
}

static void note_way(struct fp_peer *way, const struct fp_flow *flow,
		     const struct fp_route *route)
{
	way->addr = route->to;
	way->local = route->src;
	way->mark = flow->mark;
	way->oif = flow->oif;
	fp_peer_set_route(way, route);
}

/*
 * The way to a peer, and the address of ours that goes with it. Who has many
 * connections has most of them with the same one.
 */
static int look_up_path(struct fp_sock *fs, struct fp_endpoint *endpoint,
			const struct fp_flow *flow, const union fp_addr *to,
			struct fp_route *route)
{
	struct fp_peer *way = fp_sock_is_rdm(fs) ? &fs->rdm->way : NULL;
	int err;

	if (way && find_way(way, endpoint, flow, to, route))
		return 0;
	err = fp_endpoint_route(endpoint, flow, to, NULL, route);
	if (!err && way)
		note_way(way, flow, route);
	return err;
}

/* A connection to @to. */
static struct fp_conn *create_to(struct fp_sock *fs,
				 struct fp_endpoint *endpoint,
				 const union fp_addr *to)
{
	const struct fp_flow flow = {
		.sk = &fs->sk,
		.mark = READ_ONCE(fs->sk.sk_mark),
		.oif = fs->sk.sk_bound_dev_if,
	};
	struct fp_route route;
	struct fp_conn *conn;
	int err;

	err = look_up_path(fs, endpoint, &flow, to, &route);
	if (err)
		return ERR_PTR(err);
	conn = create_conn(fs, endpoint, &flow, &route);
	dst_release(route.dst);
	return conn;
}

/**
 * fp_connect_create - make a connection that nobody knows yet
 * @fs: the socket, locked
 * @to: the server's address
 *
 * Context: process.
 * Return: the connection, a reference, which becomes the table's with
 *	fp_connect_start(); or what fp_endpoint_route() and fp_conn_create() say.
 */
struct fp_conn *fp_connect_create(struct fp_sock *fs, const union fp_addr *to)
{
	struct fp_endpoint *endpoint = fs->endpoint;
	struct fp_conn *conn;

	if (endpoint)
		fp_endpoint_get(endpoint);
	else
		endpoint = fp_endpoint_client(sock_net(&fs->sk), to->family);
	if (IS_ERR(endpoint))
		return ERR_CAST(endpoint);
	conn = create_to(fs, endpoint, to);
	fp_endpoint_put(endpoint);
	return conn;
}

/**
 * fp_connect_start - begin the handshake
 * @conn: from fp_connect_create(); the caller has another reference
 * @keep: SO_KEEPALIVE is set
 */
void fp_connect_start(struct fp_conn *conn, bool keep)
{
	struct fp_todo todo;

	FP_INC_STATS(conn->endpoint->fn, CONNECTS);
	if (fp_setting(conn->endpoint->fn, fast_open) & FP_FAST_OPEN_CLIENT)
		fp_jar_get(conn->endpoint->fn);
	fp_conn_lock(conn, &todo);
	if (!fp_conn_is(conn, FP_CONN_RDM) || !fp_handshake_early(conn, &todo)) {
		fp_conn_publish(conn, FP_SYN_SENT);
		fp_handshake_syn(conn, &todo);
		fp_timer_set(conn, FP_DEADLINE_HANDSHAKE, todo.now +
			     fp_setting(conn->endpoint->fn, syn_timeout), todo.now);
	}
	fp_timer_keepalive(conn, keep, todo.now);
	fp_conn_unlock(conn, &todo);
}

/*
 * Socket and connection part; the socket's reference becomes the caller's. NULL
 * if there is none. Under the socket lock.
 */
static struct fp_conn *detach(struct fp_sock *fs)
{
	struct fp_conn *conn = fp_sock_conn(fs);

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
	struct fp_conn *conn;
	union fp_addr to;
	int err;

	err = fp_addr_parse(&to, uaddr, len);
	if (err)
		return err;
	conn = fp_connect_create(fs, &to);
	if (IS_ERR(conn))
		return PTR_ERR(conn);

	fp_conn_put(detach(fs));
	rcu_assign_pointer(fs->conn, fp_conn_get(conn));
	fs->sk.sk_err = 0;
	WRITE_ONCE(fs->sk.sk_shutdown, 0);
	WRITE_ONCE(fs->sk.sk_state, TCP_SYN_SENT);
	fp_connect_start(conn, sock_flag(&fs->sk, SOCK_KEEPOPEN));
	return 0;
}

/**
 * fp_connect_keepalive - SO_KEEPALIVE was set or cleared, or one of its times
 * @sk: the socket, locked
 * @on: it is set
 */
void fp_connect_keepalive(struct sock *sk, int on)
{
	struct fp_conn *conn = fp_sock_conn(fp_sk(sk));
	struct fp_keep *keep = NULL;
	struct fp_todo todo;

	if (!conn)
		return;
	/* Nobody could be told that there is no memory for it. */
	if (on)
		keep = fp_keep_create(GFP_KERNEL | __GFP_NOFAIL);
	fp_conn_lock(conn, &todo);
	if (conn->state != FP_CLOSED && conn->act) {
		fp_timer_keepalive(conn, on, todo.now);
	} else if (conn->state != FP_CLOSED) {
		fp_keep_free(fp_keep_end(conn));
		if (keep)
			fp_keep_begin(conn, keep, todo.now, todo.now);
		keep = NULL;
	}
	fp_conn_unlock(conn, &todo);
	fp_keep_free(keep);
}

static bool is_decided(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return READ_ONCE(conn->state) != FP_SYN_SENT;
}

/* Wait for the handshake. The socket lock is held, and released meanwhile. */
static int end_connect(struct fp_sock *fs, int flags)
{
	struct sock *sk = &fs->sk;
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	struct fp_conn *conn = fp_conn_get(fp_sock_conn(fs));
	int err = 0;

	while (READ_ONCE(conn->state) == FP_SYN_SENT && !err) {
		if (!timeo) {
			err = -EINPROGRESS;
			break;
		}
		release_sock(sk);
		err = fp_wait(fs, &timeo, EPOLLOUT, false, conn, is_decided);
		lock_sock(sk);
		if (fp_sock_conn(fs) != conn) {
			/* Another thread was faster. */
			fp_conn_put(conn);
			return -ECONNABORTED;
		}
	}
	if (fp_conn_is_over(conn)) {
		err = sock_error(sk) ?: fp_conn_error(conn) ?: -ECONNABORTED;
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

/**
 * fp_connect - connect(2)
 * @sock: the socket
 * @uaddr: the server's address; of the family AF_UNSPEC: give up the connection
 * @len: its length in bytes
 * @flags: O_NONBLOCK
 *
 * Context: process; takes the socket lock.
 * Return: 0, -EINPROGRESS, -EALREADY, -EISCONN, -ECONNREFUSED, -ETIMEDOUT,
 *	-EPROTONOSUPPORT (no version in common), -EINTR, or what
 *	fp_addr_parse() and fp_endpoint_route() say.
 */
int fp_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	int err = 0;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	lock_sock(sock->sk);
	conn = fp_sock_conn(fs);
	if (fs->sk.sk_state == TCP_LISTEN) {
		err = -EISCONN;
		goto out;
	}
	if (uaddr->sa_family == AF_UNSPEC) {
		disconnect(fs);
		goto out;
	}
	if (conn && fp_conn_is_over(conn)) {
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
 * Nothing follows what is queued. The connection is locked, fp_conn_rouse() was
 * called before. Returns 0 or -ENOMEM.
 */
static int queue_fin(struct fp_conn *conn, struct fp_txbuf *fin,
		     struct fp_todo *todo)
{
	if (conn->state == FP_CLOSED || !fin) {	/* ended a moment ago */
		fp_txbuf_purge(fin);
		return 0;
	}
	if (!fp_conn_wake(conn, GFP_ATOMIC, todo->now)) {
		fp_txbuf_purge(fin);
		return -ENOMEM;
	}
	fp_transmit_fin(conn, fin);
	fp_transmit_push(conn, todo);
	if (conn->act->finished)
		fp_conn_finish(conn, todo);
	return 0;
}

/* Is there something that the application will never read? */
static bool has_unread(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return act && (act->rx_count || act->rx_partial ||
		       !RB_EMPTY_ROOT(&act->rx_ahead));
}

static bool is_delivered(const struct fp_sock *fs, const struct fp_conn *conn)
{
	u8 state = READ_ONCE(conn->state);

	return state == FP_CLOSED || state == FP_FIN_WAIT_2;
}

/**
 * fp_connect_linger - wait until a peer has everything (SO_LINGER)
 * @fs: the socket, locked; no call of the application is left
 * @conn: its connection, after fp_connect_finish()
 * @timeo: for how long at most, jiffies; what is left, or 0: no longer
 *
 * Context: process. One that ends does not wait.
 */
void fp_connect_linger(struct fp_sock *fs, const struct fp_conn *conn,
		       long *timeo)
{
	if (current->flags & PF_EXITING)	/* killed: nobody waits */
		*timeo = 0;
	while (*timeo && !is_delivered(fs, conn))
		if (fp_wait(fs, timeo, EPOLLOUT, false, conn, is_delivered))
			*timeo = 0;
}

/* Did it not get so far that there is something to be said? */
static bool is_futile(const struct fp_conn *conn)
{
	return conn->state == FP_CLOSED ||
	       (conn->state == FP_SYN_SENT && !conn->act->tx_bytes);
}

/**
 * fp_connect_finish - the application is through with a connection
 * @fs: its socket, locked
 * @conn: the connection
 * @part: SOCK_RDM: socket and connection part
 *
 * What was sent is delivered, unless there is something unread, or SO_LINGER is
 * set with a time of 0.
 */
void fp_connect_finish(struct fp_sock *fs, struct fp_conn *conn, bool part)
{
	bool at_once = sock_flag(&fs->sk, SOCK_LINGER) && !fs->sk.sk_lingertime;
	struct fp_txbuf *fin = fp_transmit_alloc(conn, 0, GFP_KERNEL);
	struct fp_todo todo;
	u32 timeout;

	if (!at_once)
		fp_conn_rouse(conn, GFP_KERNEL);
	fp_conn_lock(conn, &todo);
	if (is_futile(conn) || at_once || !fin || has_unread(conn)) {
		fp_txbuf_purge(fin);
		fp_conn_abort(conn, 0, FP_RST_ABORTED, &todo);
		goto unlock;
	}
	fp_conn_set(conn, FP_CONN_ORPHAN);
	if (queue_fin(conn, fin, &todo)) {
		fp_conn_abort(conn, 0, FP_RST_ABORTED, &todo);
	} else if (conn->state != FP_CLOSED) {
		timeout = conn->state == FP_FIN_WAIT_2 ?
			  fp_setting(conn->endpoint->fn, fin_timeout) :
			  fp_setting(conn->endpoint->fn, orphan_timeout);
		fp_timer_set(conn, FP_DEADLINE_END, todo.now + timeout,
			     todo.now);
	}
unlock:
	if (part)
		todo.flags |= FP_LEAVES;
	fp_conn_unlock(conn, &todo);
}

/**
 * fp_connect_close - give up all that a socket of this type has
 * @fs: the socket, locked; no call of the application is left
 */
void fp_connect_close(struct fp_sock *fs)
{
	struct fp_conn *conn = fp_sock_conn(fs);
	long timeo = fs->sk.sk_lingertime;

	if (fs->sk.sk_state == TCP_LISTEN)
		fp_listen_stop(fs);
	if (!conn)
		return;
	fp_connect_finish(fs, conn, false);
	if (sock_flag(&fs->sk, SOCK_LINGER))
		fp_connect_linger(fs, conn, &timeo);
	fp_conn_put(detach(fs));
}

/**
 * fp_shutdown - shutdown(2)
 * @sock: the socket; one that listens stops to with SHUT_RD
 * @how: SHUT_RD, SHUT_WR or SHUT_RDWR
 *
 * Context: process; takes the socket lock.
 * Return: 0, -EINVAL, -ENOTCONN or -ENOMEM.
 */
int fp_shutdown(struct socket *sock, int how)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct sock *sk = sock->sk;
	struct fp_txbuf *fin = NULL;
	struct fp_conn *conn;
	struct fp_todo todo;
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;
	lock_sock(sk);
	conn = fp_sock_conn(fs);
	if (sk->sk_state == TCP_LISTEN && how & RCV_SHUTDOWN) {
		fp_listen_stop(fs);
		goto out;
	}
	if (!conn || conn->state <= FP_SYN_SENT) {
		err = -ENOTCONN;
		goto out;
	}
	if (how & SEND_SHUTDOWN) {
		err = fp_conn_rouse(conn, GFP_KERNEL);
		fin = err ? NULL : fp_transmit_alloc(conn, 0, GFP_KERNEL);
		if (!fin) {
			err = -ENOMEM;
			goto out;
		}
		fp_conn_lock(conn, &todo);
		err = queue_fin(conn, fin, &todo);
		fp_conn_unlock(conn, &todo);
	}
	if (!err)
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
out:
	sk->sk_state_change(sk);
	release_sock(sk);
	return err;
}
