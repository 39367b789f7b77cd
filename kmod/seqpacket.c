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
	    (state == FP_CLOSED || down & SEND_SHUTDOWN ||
	     fp_outgoing_ask_room(fs, conn)))
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
		err = fp_outgoing_send(fs, conn, msg, len);
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
