// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RDM: one socket, any number of connections. What an application does with
 * them: open, send, receive, close, peel off.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sockios.h>

#include <asm/ioctls.h>

#include "fastproto.h"
#include "conn.h"
#include "crowd.h"
#include "ring.h"

/* One more connection; a reference. The socket lock is held. */
static struct fp_conn *open_locked(struct fp_sock *fs, const union fp_addr *to,
				   bool by_addr, bool *opened)
{
	struct fp_conn *conn, *old = NULL;

	*opened = false;

	if (READ_ONCE(fs->sk.sk_shutdown) & SEND_SHUTDOWN)
		return ERR_PTR(-EPIPE);
	if (fp_crowd_is_full(fs)) {
		FP_INC_STATS(fp_net(sock_net(&fs->sk)), CONNECTS_LIMITED);
		return ERR_PTR(-EAGAIN);
	}
	conn = fp_connect_create(fs, to);
	if (IS_ERR(conn))
		return conn;
	/* 0.0.0.0 is another name of an address that is known. */
	if (by_addr)
		old = fp_crowd_insert_addr(conn);
	if (old) {
		RCU_INIT_POINTER(conn->fs, NULL);
		fp_conn_put(conn);
		return old;
	}
	fp_crowd_enlist(fs, conn);
	fp_conn_get(conn);
	*opened = true;
	fp_connect_start(conn, sock_flag(&fs->sk, SOCK_KEEPOPEN));
	return conn;
}

/* The connection to an address, opened if need be; a reference. */
static struct fp_conn *to_addr(struct fp_sock *fs, const union fp_addr *to,
			       bool *opened)
{
	struct fp_conn *conn = fp_crowd_find_addr(fs, to);

	*opened = false;
	if (conn)
		return conn;
	lock_sock(&fs->sk);
	conn = open_locked(fs, to, true, opened);
	/* Another thread was faster, and it was the last one that there may be. */
	if (conn == ERR_PTR(-EAGAIN))
		conn = fp_crowd_find_addr(fs, to) ?: conn;
	release_sock(&fs->sk);
	return conn;
}

/* Send to an address, which another connection may lead to meanwhile. */
static int send_to(struct fp_sock *fs, struct msghdr *msg, size_t len)
{
	struct fp_conn *conn;
	union fp_addr to;
	bool opened;
	size_t left;
	int err;

	err = fp_addr_parse(&to, msg->msg_name, msg->msg_namelen);
	if (err)
		return err;
	for (;;) {
		conn = to_addr(fs, &to, &opened);
		if (IS_ERR(conn))
			return PTR_ERR(conn);
		err = fp_outgoing_send(fs, conn, msg, len);
		if (err != -EPIPE || READ_ONCE(fs->sk.sk_shutdown))
			break;
		/* It was refused at once. */
		if (opened) {
			err = fp_conn_error(conn) ?: err;
			break;
		}
		/* It has ended. Perhaps it had all of the message before. */
		left = iov_iter_count(&msg->msg_iter);
		iov_iter_revert(&msg->msg_iter, len - left);
		fp_conn_put(conn);
		/* Nothing here sleeps: this ends a long row of such. */
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	fp_conn_put(conn);
	return err;
}

static int rdm_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	const struct sockaddr_fp *to = msg->msg_name;
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_conn *conn;
	int err;

	if (msg->msg_flags & MSG_OOB || msg->msg_controllen)
		return -EOPNOTSUPP;
	if (!to)
		return -EDESTADDRREQ;
	if (msg->msg_namelen < (int)offsetofend(struct sockaddr_fp, sfp_conn))
		return -EINVAL;
	if (to->sfp_family != fp_family)
		return -EAFNOSUPPORT;
	if (!to->sfp_conn)
		return send_to(fs, msg, len) ?: len;
	if (to->sfp_flags || to->sfp_pad)
		return -EINVAL;
	conn = fp_crowd_find_id(fs, to->sfp_conn);
	if (!conn)
		return -ENOTCONN;
	err = fp_outgoing_send(fs, conn, msg, len);
	fp_conn_put(conn);
	return err ?: len;
}

/**
 * struct item - what rdm_recvmsg() hands over
 * @packet: a message, a reference; or NULL
 * @event: otherwise
 * @id: the connection's ID
 * @addr: the peer's address
 */
struct item {
	struct fp_packet *packet;
	struct fp_event event;
	u64 id;
	union fp_addr addr;
};

static void set_closed(const struct fp_conn *conn, struct item *item)
{
	item->id = conn->id;
	item->addr = conn->path->peer.addr;
	item->event.type = FP_EVENT_CLOSED;
	item->event.conn = conn->id;
	item->event.error = conn->error;
}

static bool take_event(struct fp_conn *conn, enum fp_event_type type, bool peek,
		       struct item *item)
{
	if (!(conn->act->events & BIT(type)))
		return false;
	if (!peek)
		conn->act->events &= ~BIT(type);
	item->event.type = type;
	item->event.conn = conn->id;
	if (type == FP_EVENT_CLOSED)
		item->event.error = conn->error;
	return true;
}

static bool take_packet(struct fp_conn *conn, bool peek, struct item *item,
			struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	bool news;

	if (peek) {
		item->packet = act->rx_ready;
		if (item->packet)
			refcount_inc(&item->packet->refs);
		return item->packet;
	}
	item->packet = fp_seqpacket_dequeue(conn, &news);
	if (news && conn->state > FP_SYN_SENT) {
		act->ack_now = true;
		fp_transmit_push(conn, todo);
	}
	return item->packet;
}

/* What there is of a connection: opening, messages, the end, in this order. */
static bool take_item(struct fp_conn *conn, bool peek, struct item *item,
		      struct fp_todo *todo)
{
	item->id = conn->id;
	item->addr = conn->path->peer.addr;
	return take_event(conn, FP_EVENT_OPENED, peek, item) ||
	       take_event(conn, FP_EVENT_WRITABLE, peek, item) ||
	       take_packet(conn, peek, item, todo) ||
	       take_event(conn, FP_EVENT_CLOSED, peek, item);
}

/* The end of a connection that was parked. Returns false if there is none. */
static bool take_ended(struct fp_sock *fs, bool peek, struct item *item)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool own = false;

	while (!own && (conn = fp_crowd_first_of(fs, &fs->rdm->ended))) {
		fp_conn_lock(conn, &todo);
		own = fp_conn_sock(conn) == fs;
		if (own) {
			set_closed(conn, item);
			if (!peek)
				fp_crowd_part(conn, &todo);
		}
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	return own;
}

/* Returns false if there is nothing. */
static bool rdm_take(struct fp_sock *fs, bool peek, struct item *item)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool found = false;
	bool own, more;

	while (!found && (conn = fp_crowd_next(fs))) {
		fp_conn_lock(conn, &todo);
		own = fp_conn_sock(conn) == fs;
		if (own)
			found = take_item(conn, peek, item, &todo);
		more = own && (conn->act->rx_count || conn->act->events);
		fp_crowd_put_back(fs, conn, more, peek);
		if (own && !more && conn->state == FP_CLOSED)
			fp_crowd_part(conn, &todo);
		fp_conn_unlock(conn, &todo);
		if (!more)
			fp_conn_put(conn);
	}
	if (!peek)
		fp_crowd_tell_refused(fs);
	return found || take_ended(fs, peek, item);
}

static bool rdm_may_receive(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return !llist_empty(&fs->rdm->incoming) ||
	       !list_empty(&fs->rdm->ready) || !list_empty(&fs->rdm->ended) ||
	       READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN;
}

/* Returns 1, 0 (the end of file), or a negative errno. */
static int next_item(struct fp_sock *fs, int flags, struct item *item)
{
	long timeo = sock_rcvtimeo(&fs->sk, flags & MSG_DONTWAIT);
	int err;

	for (;;) {
		if (rdm_take(fs, flags & MSG_PEEK, item))
			return 1;
		if (READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN)
			return 0;
		if (!timeo)
			return -EAGAIN;
		err = fp_wait(fs, &timeo, EPOLLIN, false, NULL, rdm_may_receive);
		if (err)
			return err;
	}
}

static int copy_item(struct fp_sock *fs, const struct item *item,
		     struct msghdr *msg, size_t len, int flags)
{
	size_t size = item->packet ? item->packet->len : sizeof(item->event);
	size_t copied = min(len, size);
	struct sockaddr_fp *name = msg->msg_name;
	int err = 0;

	if (copied < size)
		msg->msg_flags |= MSG_TRUNC;
	msg->msg_flags |= MSG_EOR;
	if (item->packet)
		err = fp_seqpacket_copy(item->packet, &msg->msg_iter, copied);
	else if (copy_to_iter(&item->event, copied, &msg->msg_iter) != copied)
		err = -EFAULT;
	if (err)
		return err;
	if (name) {
		msg->msg_namelen = fp_addr_report(&item->addr, name);
		name->sfp_conn = item->id;
	}
	if (item->packet)
		fp_rx_put_control(msg, fs, item->packet);
	else
		msg->msg_flags |= MSG_FP_EVENT;
	return flags & MSG_TRUNC ? size : copied;
}

static int rdm_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		       int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct item item = {};
	int ret;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(&fs->sk, msg, len, SOL_FASTPROTO,
					  FP_RECVERR);
	if (fp_sock_ring(fs))
		return len ? -EBUSY : fp_sendring_wait(sock, NULL, flags);
	ret = next_item(fs, flags, &item);
	if (ret <= 0)
		return ret;
	ret = copy_item(fs, &item, msg, len, flags);
	if (item.packet && !(flags & MSG_PEEK))
		atomic64_add(item.packet->len, &fs->rdm->taken);
	if (item.packet)
		fp_packet_put(item.packet);
	return ret;
}

static __poll_t rdm_poll(struct file *file, struct socket *sock,
			 struct poll_table_struct *wait)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	const struct fp_ring *ring;
	__poll_t mask = 0;
	u8 down;

	sock_poll_wait(file, sock, wait);
	down = READ_ONCE(fs->sk.sk_shutdown);
	ring = fp_sock_ring(fs);
	if (ring ? fp_ring_is_readable(ring) : fp_crowd_is_readable(fs->rdm))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (down & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (down == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	/* Whether there is room, a connection's event tells. */
	mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (!skb_queue_empty_lockless(&fs->sk.sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

/* What an option is asked about, @size bytes that are answered in the same place. */
static int read_question(void *question, int size, const char __user *optval,
			 const int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len != size)
		return -EINVAL;
	return copy_from_user(question, optval, size) ? -EFAULT : 0;
}

/* Open one more connection (FP_OPEN). */
static int open_conn(struct fp_sock *fs, char __user *optval,
		     int __user *optlen)
{
	struct sockaddr_fp name = {};
	struct fp_conn *conn;
	union fp_addr to;
	bool opened;
	int err;

	err = read_question(&name, sizeof(name), optval, optlen) ?:
	      fp_addr_parse(&to, &name, sizeof(name));
	if (err)
		return err;
	lock_sock(&fs->sk);
	conn = open_locked(fs, &to, false, &opened);
	release_sock(&fs->sk);
	if (IS_ERR(conn))
		return PTR_ERR(conn);
	name.sfp_conn = conn->id;
	fp_conn_put(conn);
	return copy_to_user(optval, &name, sizeof(name)) ? -EFAULT : 0;
}

/* Whom a connection is with (FP_PEERNAME). */
static int tell_peer(struct fp_sock *fs, char __user *optval,
		     int __user *optlen)
{
	struct sockaddr_fp name;
	struct fp_conn *conn;
	int err;

	err = read_question(&name, sizeof(name), optval, optlen);
	if (err)
		return err;
	if (name.sfp_family != fp_family)
		return -EAFNOSUPPORT;
	if (name.sfp_flags || name.sfp_pad)
		return -EINVAL;
	conn = fp_crowd_find_id(fs, name.sfp_conn);
	if (!conn)
		return -ENOTCONN;
	fp_addr_report(&conn->path->peer.addr, &name);
	name.sfp_conn = conn->id;
	fp_conn_put(conn);
	return copy_to_user(optval, &name, sizeof(name)) ? -EFAULT : 0;
}

/* The socket lock is held. Who has lingered is through with it already. */
static void close_conn(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_todo todo;

	if (!fp_conn_seems(conn, FP_CONN_ORPHAN)) {
		fp_connect_finish(fs, conn, true);
		return;
	}
	fp_conn_lock(conn, &todo);
	if (fp_conn_sock(conn) == fs)
		fp_crowd_part(conn, &todo);
	fp_conn_unlock(conn, &todo);
}

/* Close a connection (FP_CLOSE). */
static int close_id(struct fp_sock *fs, sockptr_t optval, unsigned int optlen)
{
	struct fp_conn *conn;
	u64 id;

	if (optlen != sizeof(id))
		return -EINVAL;
	if (copy_from_sockptr(&id, optval, sizeof(id)))
		return -EFAULT;
	/* It may not be peeled off meanwhile. */
	lock_sock(&fs->sk);
	conn = fp_crowd_find_id(fs, id);
	if (conn)
		close_conn(fs, conn);
	release_sock(&fs->sk);
	if (!conn)
		return -ENOTCONN;
	fp_conn_put(conn);
	/* What came on it is gone. */
	fp_crowd_tell_refused(fs);
	return 0;
}

/*
 * The connection is locked, fp_conn_rouse() was called before. It stays at work
 * as long as it has no socket. Returns 0, -ENOTCONN or -ENOMEM.
 */
static int detach_locked(struct fp_sock *fs, struct fp_conn *conn,
			 struct fp_todo *todo)
{
	if (fp_conn_sock(conn) != fs || conn->state != FP_ESTABLISHED)
		return -ENOTCONN;
	if (!fp_conn_wake(conn, GFP_ATOMIC, todo->now))
		return -ENOMEM;
	fp_crowd_part(conn, todo);
	fp_conn_unset(conn, FP_CONN_RDM);
	conn->act->events = 0;
	conn->act->tx_again = false;
	return 0;
}

/*
 * The connection, a reference, now without a socket; or an error. @fs is locked.
 */
static struct fp_conn *detach_id(struct fp_sock *fs, u64 id)
{
	struct fp_conn *conn = fp_crowd_find_id(fs, id);
	struct fp_todo todo;
	int err;

	if (!conn)
		return ERR_PTR(-ENOTCONN);
	fp_conn_rouse(conn, GFP_KERNEL);
	fp_conn_lock(conn, &todo);
	err = detach_locked(fs, conn, &todo);
	fp_conn_unlock(conn, &todo);
	if (!err)
		return conn;
	fp_conn_put(conn);
	return ERR_PTR(err);
}

/* Give a connection a socket of its own (FP_PEELOFF). */
static int peel_off(struct fp_sock *fs, char __user *optval, int __user *optlen)
{
	struct fp_peeloff arg;
	struct socket *sock;
	struct fp_conn *conn;
	struct file *file;
	int err;

	err = read_question(&arg, sizeof(arg), optval, optlen);
	if (err)
		return err;
	if (arg.flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = sock_create(fp_family, SOCK_SEQPACKET, 0, &sock);
	if (err)
		return err;
	arg.fd = get_unused_fd_flags(arg.flags & SOCK_CLOEXEC);
	if (arg.fd < 0) {
		sock_release(sock);
		return arg.fd;
	}
	file = sock_alloc_file(sock, arg.flags & SOCK_NONBLOCK, NULL);
	err = PTR_ERR_OR_ZERO(file);
	if (err)	/* it has released the socket */
		goto put_fd;
	err = -EFAULT;
	if (copy_to_user(optval, &arg, sizeof(arg)))
		goto put_file;
	lock_sock(&fs->sk);
	conn = detach_id(fs, arg.conn);
	release_sock(&fs->sk);
	err = PTR_ERR_OR_ZERO(conn);
	if (err)
		goto put_file;
	fp_listen_attach(fp_sk(sock->sk), conn, &fs->sk);
	sock->state = SS_CONNECTED;
	fd_install(arg.fd, file);
	return 0;

put_file:
	fput(file);
put_fd:
	put_unused_fd(arg.fd);
	return err;
}

static int set_events(struct fp_sock *fs, sockptr_t optval, unsigned int optlen)
{
	int val;

	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (val < 0 || val > 1)
		return -EINVAL;
	WRITE_ONCE(fs->rdm->events, val);
	return 0;
}

static int rdm_write_option(struct socket *sock, int level, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	struct fp_sock *fs = fp_sk(sock->sk);

	if (level == SOL_FASTPROTO && optname == FP_CLOSE)
		return close_id(fs, optval, optlen);
	if (level == SOL_FASTPROTO && optname == FP_EVENTS)
		return set_events(fs, optval, optlen);
	if (level == SOL_FASTPROTO && optname == FP_MSG_MAX &&
	    READ_ONCE(fs->rdm->nr))
		return -EISCONN;
	return fp_setsockopt(sock, level, optname, optval, optlen);
}

static int rdm_read_option(struct socket *sock, int level, int optname,
			   char __user *optval, int __user *optlen)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	int len, val;

	if (level == SOL_FASTPROTO && optname == FP_OPEN)
		return open_conn(fs, optval, optlen);
	if (level == SOL_FASTPROTO && optname == FP_PEELOFF)
		return peel_off(fs, optval, optlen);
	if (level == SOL_FASTPROTO && optname == FP_PEERNAME)
		return tell_peer(fs, optval, optlen);
	if (level != SOL_FASTPROTO || optname != FP_EVENTS)
		return fp_getsockopt(sock, level, optname, optval, optlen);
	val = READ_ONCE(fs->rdm->events);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(int, len, sizeof(val));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}

static int rdm_get_name(struct socket *sock, struct sockaddr *uaddr, int peername)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	union fp_addr addr = {};

	if (peername)
		return -ENOTCONN;
	/* Pairs with smp_store_release() in set_endpoint(). */
	if (smp_load_acquire(&fs->endpoint))
		addr = fs->endpoint->local;
	return fp_addr_report(&addr, uaddr);
}

/* For the socket as a whole: its connections live on. */
static int rdm_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
	sk->sk_state_change(sk);
	release_sock(sk);
	return 0;
}

/**
 * fp_rdm_ioctl - SIOCINQ, SIOCOUTQ
 * @fs: the socket
 * @cmd: which
 * @val: set to the bytes of the next message or event, or of all that is not yet
 *	acknowledged
 *
 * Return: 0 or -ENOIOCTLCMD.
 */
int fp_rdm_ioctl(struct fp_sock *fs, int cmd, int *val)
{
	struct item item = {};

	if (cmd == SIOCOUTQ) {
		*val = clamp_t(long, atomic_long_read(&fs->rdm->tx_bytes), 0,
			       INT_MAX);
		return 0;
	}
	if (cmd != SIOCINQ)
		return -ENOIOCTLCMD;
	*val = 0;
	if (fp_sock_ring(fs))
		return 0;
	if (!rdm_take(fs, true, &item))
		return 0;
	*val = item.packet ? item.packet->len : sizeof(item.event);
	if (item.packet)
		fp_packet_put(item.packet);
	return 0;
}

static int rdm_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	int err, val;

	if (cmd == SIOCFPRING)
		return fp_sendring_enter(sock);
	if (cmd == SIOCFPWAKE)
		return fp_sendring_wake(sock);
	err = fp_rdm_ioctl(fp_sk(sock->sk), cmd, &val);
	return err ?: put_user(val, (int __user *)arg);
}

/* Say farewell on all connections. Those where that is done are behind others. */
static void finish_all(struct fp_sock *fs)
{
	struct fp_conn *conn;

	while ((conn = fp_crowd_first(fs)) && !fp_conn_seems(conn, FP_CONN_ORPHAN)) {
		fp_connect_finish(fs, conn, false);
		fp_crowd_turn_away(fs, conn);
		fp_conn_put(conn);
		cond_resched();
	}
	fp_conn_put(conn);
}

/* SO_LINGER with a time: until all peers have everything. */
static void linger(struct fp_sock *fs)
{
	long timeo = fs->sk.sk_lingertime;
	struct fp_conn *conn;

	finish_all(fs);
	while (timeo && (conn = fp_crowd_first(fs))) {
		fp_connect_linger(fs, conn, &timeo);
		close_conn(fs, conn);
		fp_conn_put(conn);
		cond_resched();
	}
}

/**
 * fp_rdm_close - give up all that a socket of this type has
 * @fs: the socket, locked; no call of the application is left
 *
 * What was sent is delivered in the background, or with SO_LINGER for some time
 * in the foreground.
 */
void fp_rdm_close(struct fp_sock *fs)
{
	struct fp_conn *conn;
	struct fp_todo todo;

	if (fs->sk.sk_state == TCP_LISTEN)
		fp_listen_stop(fs);
	if (sock_flag(&fs->sk, SOCK_LINGER))
		linger(fs);
	while ((conn = fp_crowd_first(fs))) {
		close_conn(fs, conn);
		fp_conn_put(conn);
		cond_resched();
	}
	while ((conn = fp_crowd_next(fs))) {
		fp_conn_lock(conn, &todo);
		fp_crowd_put_back(fs, conn, false, false);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	fp_crowd_stop(fs);
}

const struct proto_ops fp_rdm_ops = {
	.owner		= THIS_MODULE,
	.release	= fp_release,
	.bind		= fp_bind,
	.connect	= sock_no_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= rdm_get_name,
	.poll		= rdm_poll,
	.ioctl		= rdm_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= fp_listen,
	.shutdown	= rdm_shutdown,
	.setsockopt	= rdm_write_option,
	.getsockopt	= rdm_read_option,
	.sendmsg	= rdm_sendmsg,
	.recvmsg	= rdm_recvmsg,
	.mmap		= fp_pool_mmap,
};
