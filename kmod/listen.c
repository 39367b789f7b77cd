// SPDX-License-Identifier: GPL-2.0
/* A socket that listens: connections that came in wait here for accept(). */
#include "fastproto.h"
#include "conn.h"

/*
 * Softirq can't make a table of connections; while there is a listener, there is
 * one. The socket lock is held.
 */
static int start(struct fp_sock *fs)
{
	int err;

	if (fs->sk.sk_state == TCP_LISTEN)
		return 0;
	err = fp_slot_reserve_wait(&fp_net(sock_net(&fs->sk))->slots,
				   &fs->endpoint->listen_slot);
	if (err)
		return err == -ENOSPC ? -EAGAIN : err;
	spin_lock_bh(&fs->rx_lock);
	WRITE_ONCE(fs->sk.sk_state, TCP_LISTEN);
	spin_unlock_bh(&fs->rx_lock);
	return 0;
}

/**
 * fp_listen - listen(2)
 * @sock: the socket; bound to a free port if it is not bound
 * @backlog: how many connections may wait for accept()
 *
 * Context: process; takes the socket lock.
 * Return: 0, -EINVAL (it has a connection), -ENOMEM, -EAGAIN (no slot is free),
 *	or what fp_endpoint_create() says.
 */
int fp_listen(struct socket *sock, int backlog)
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
	if (fp_sock_conn(fs)) {
		err = -EINVAL;
	} else {
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		err = start(fs);
	}
	release_sock(sk);
	return err;
}

static bool may_accept(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return READ_ONCE(fs->sk.sk_state) != TCP_LISTEN ||
	       !list_empty(&fs->endpoint->accept_queue);
}

static struct fp_conn *dequeue(struct fp_sock *fs)
{
	struct fp_conn *conn;

	spin_lock_bh(&fs->rx_lock);
	conn = list_first_entry_or_null(&fs->endpoint->accept_queue,
					struct fp_conn, accept);
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
		err = fp_wait(fs, &timeo, EPOLLIN, true, NULL, may_accept);
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
	if (sock_flag(from, SOCK_KEEPOPEN))
		sock_set_flag(sk, SOCK_KEEPOPEN);
	if (sock_flag(from, SOCK_ZEROCOPY))
		sock_set_flag(sk, SOCK_ZEROCOPY);
	fp_sk(sk)->options = READ_ONCE(fp_sk(from)->options);
	fp_sk(sk)->keep_cnt = READ_ONCE(fp_sk(from)->keep_cnt);
	fp_sk(sk)->keep_idle = READ_ONCE(fp_sk(from)->keep_idle);
	fp_sk(sk)->keep_intvl = READ_ONCE(fp_sk(from)->keep_intvl);
	fp_sk(sk)->msg_max = READ_ONCE(fp_sk(from)->msg_max);
}

/**
 * fp_listen_attach - a connection gets a socket of its own
 * @fs: the socket, which nobody knows yet
 * @conn: the connection, a reference, which is taken
 * @from: the socket that it comes from; the new one gets its options
 */
void fp_listen_attach(struct fp_sock *fs, struct fp_conn *conn,
		      const struct sock *from)
{
	struct fp_todo todo;

	inherit(&fs->sk, from);
	fs->sk.sk_state = TCP_ESTABLISHED;
	RCU_INIT_POINTER(fs->conn, conn);
	fp_conn_lock(conn, &todo);
	rcu_assign_pointer(conn->fs, fs);
	fp_sock_set_limits(fs, conn);
	if (conn->error)
		WRITE_ONCE(fs->sk.sk_err, conn->error);
	if (conn->state != FP_CLOSED) {
		/* More may come now. */
		conn->act->ack_later = true;
		fp_timer_keepalive(conn, sock_flag(&fs->sk, SOCK_KEEPOPEN),
				   todo.now);
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
	fp_listen_attach(fp_sk(sk), conn, sock->sk);
	newsock->state = SS_CONNECTED;
	return 0;
}

/**
 * fp_listen_stop - a socket listens no more
 * @fs: the socket, locked; it listens
 *
 * The connections that nobody accepted are given up.
 */
void fp_listen_stop(struct fp_sock *fs)
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
	fp_slot_release(&fp_net(sock_net(&fs->sk))->slots,
			fs->endpoint->listen_slot);
}
