// SPDX-License-Identifier: GPL-2.0
/* The socket's queue to the application. Context: process. */
#include <linux/errqueue.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <net/busy_poll.h>

#include "fastproto.h"
#include "ring.h"

static void uncharge(struct sock *sk, const struct fp_packet *packet)
{
	atomic_sub(fp_packet_truesize(packet), &sk->sk_rmem_alloc);
}

/* The first packet, with a reference; it stays if the caller only peeks. */
static struct fp_packet *dgram_take(struct fp_sock *fs, int flags)
{
	struct fp_dgram *dgram = fp_dgram(fs);
	struct fp_packet *packet;

	spin_lock_bh(&dgram->rx_lock);
	packet = list_first_entry_or_null(&dgram->rx_queue, struct fp_packet,
					  list);
	if (packet && flags & MSG_PEEK) {
		refcount_inc(&packet->refs);
	} else if (packet) {
		list_del(&packet->list);
		WRITE_ONCE(dgram->rx_count, dgram->rx_count - 1);
		dgram->rx_bytes += packet->frame.payload_len;
		uncharge(&fs->sk, packet);
	}
	spin_unlock_bh(&dgram->rx_lock);
	return packet;
}

/**
 * struct waiter - a thread that waits for some events of a socket
 * @entry: in the socket's wait queue
 * @events: what it waits for
 */
struct waiter {
	wait_queue_entry_t entry;
	__poll_t events;
};

/* Room to send must not wake, and use up, one of those who wait to receive. */
static int wake_reader(wait_queue_entry_t *entry, unsigned int mode, int sync,
		       void *key)
{
	const struct waiter *waiter = container_of(entry, struct waiter, entry);

	if (key && !(key_to_poll(key) & (waiter->events | EPOLLERR)))
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

/**
 * struct busy - who looks for himself at what a device has received
 * @fs: the socket
 * @conn: for @is_ready
 * @is_ready: whether what is waited for has come
 */
struct busy {
	struct fp_sock *fs;
	const struct fp_conn *conn;
	bool (*is_ready)(const struct fp_sock *fs, const struct fp_conn *conn);
};

#ifdef CONFIG_NET_RX_BUSY_POLL
static bool is_enough(void *arg, unsigned long begin)
{
	struct busy *busy = arg;

	return busy->is_ready(busy->fs, busy->conn) ||
	       sk_busy_loop_timeout(&busy->fs->sk, begin);
}

/* SO_BUSY_POLL: the queue from which the last message came, for a while. */
static void busy_poll(struct busy *busy)
{
	const struct sock *sk = &busy->fs->sk;
	unsigned int queue = READ_ONCE(sk->sk_napi_id);

	if (queue >= MIN_NAPI_ID)
		napi_busy_loop(queue, is_enough, busy,
			       READ_ONCE(sk->sk_prefer_busy_poll),
			       READ_ONCE(sk->sk_busy_poll_budget) ?:
			       BUSY_POLL_BUDGET);
}
#else
static void busy_poll(struct busy *busy)
{
}
#endif

/**
 * fp_wait - sleep until something happens to a socket
 * @fs: the socket
 * @timeo: for how long at most, jiffies; what is left of it afterwards
 * @events: EPOLLIN or EPOLLOUT
 * @alone: each of these events is for one thread, and wakes one
 * @conn: for @is_ready: a reference of the caller, or NULL
 * @is_ready: whether there is no need to sleep
 *
 * Context: process, socket lock not held unless nobody else needs it.
 * Return: 0: look again; -EINTR or -ERESTARTSYS.
 */
int fp_wait(struct fp_sock *fs, long *timeo, __poll_t events, bool alone,
	    const struct fp_conn *conn,
	    bool (*is_ready)(const struct fp_sock *fs,
			     const struct fp_conn *conn))
{
	struct waiter waiter = { .events = events };
	struct sock *sk = &fs->sk;
	int err = 0;

	if (events == EPOLLIN && sk_can_busy_loop(sk))
		busy_poll(&(struct busy){ fs, conn, is_ready });
	init_wait(&waiter.entry);
	waiter.entry.func = wake_reader;
	if (alone)
		prepare_to_wait_exclusive(sk_sleep(sk), &waiter.entry,
					  TASK_INTERRUPTIBLE);
	else
		prepare_to_wait(sk_sleep(sk), &waiter.entry,
				TASK_INTERRUPTIBLE);
	if (!is_ready(fs, conn)) {
		if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		else
			*timeo = schedule_timeout(*timeo);
	}
	finish_wait(sk_sleep(sk), &waiter.entry);
	return err;
}

static bool dgram_may_receive(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return READ_ONCE(fp_dgram(fs)->rx_count) || READ_ONCE(fs->sk.sk_err) ||
	       READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN;
}

/* The next packet; NULL and *err 0 is the end of file after a shutdown. */
static struct fp_packet *next_packet(struct fp_sock *fs, int flags, int *err)
{
	struct sock *sk = &fs->sk;
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct fp_packet *packet;

	for (;;) {
		*err = sock_error(sk);
		if (*err)
			return NULL;
		packet = dgram_take(fs, flags);
		if (packet)
			return packet;
		if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
			return NULL;
		/* What came before that was made is here. */
		if (fp_sock_ring(fs)) {
			*err = -EBUSY;
			return NULL;
		}
		if (!timeo) {
			*err = -EAGAIN;
			return NULL;
		}
		*err = fp_wait(fs, &timeo, EPOLLIN, true, NULL, dgram_may_receive);
		if (*err)
			return NULL;
	}
}

static void put_recvinfo(struct msghdr *msg, const struct fp_packet *packet)
{
	struct fp_recvinfo info = {
		.seq = packet->frame.seq,
		.size = packet->frame.size,
		.ifindex = packet->rx.ifindex,
		.version = packet->frame.version,
		.flags = packet->frame.flags,
		.rx_flags = packet->rx_flags,
		.index = packet->index,
	};

	if (packet->rx.dst.family == AF_INET)
		info.local.sin = packet->rx.dst.sin;
	else
		info.local.sin6 = packet->rx.dst.sin6;
	put_cmsg(msg, SOL_FASTPROTO, FP_RECVINFO, sizeof(info), &info);
}

/* SO_TIMESTAMP in its four kinds; what the core does takes an skb. */
static void put_timestamp(struct msghdr *msg, const struct sock *sk,
			  ktime_t tstamp)
{
	struct timespec64 ts = ktime_to_timespec64(tstamp);
	bool ns = sock_flag(sk, SOCK_RCVTSTAMPNS);

	if (sock_flag(sk, SOCK_TSTAMP_NEW)) {
		struct __kernel_timespec val = {
			ts.tv_sec, ns ? ts.tv_nsec : ts.tv_nsec / NSEC_PER_USEC
		};

		/* struct __kernel_sock_timeval has the same two 64-bit fields. */
		put_cmsg(msg, SOL_SOCKET,
			 ns ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMP_NEW,
			 sizeof(val), &val);
	} else if (ns) {
		struct __kernel_old_timespec val = { ts.tv_sec, ts.tv_nsec };

		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_OLD, sizeof(val),
			 &val);
	} else {
		struct __kernel_old_timeval val = {
			ts.tv_sec, ts.tv_nsec / NSEC_PER_USEC
		};

		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_OLD, sizeof(val), &val);
	}
}

/**
 * fp_rx_put_control - write the control messages that go with a message
 * @msg: where to
 * @fs: the socket; its options say which
 * @packet: the message
 */
void fp_rx_put_control(struct msghdr *msg, struct fp_sock *fs,
		       const struct fp_packet *packet)
{
	const struct sock *sk = &fs->sk;
	u32 drops = packet->drops;

	BUILD_BUG_ON(sizeof(struct __kernel_timespec) !=
		     sizeof(struct __kernel_sock_timeval));

	if (fp_sock_has(fs, FP_OPTION_RECVINFO))
		put_recvinfo(msg, packet);
	if (sock_flag(sk, SOCK_RCVTSTAMP))
		put_timestamp(msg, sk, packet->rx.tstamp ?: ktime_get_real());
	if (sock_flag(sk, SOCK_RXQ_OVFL) && drops)
		put_cmsg(msg, SOL_SOCKET, SO_RXQ_OVFL, sizeof(drops), &drops);
}

/**
 * fp_recvmsg - receive one message
 * @sock: the socket
 * @msg: where to; name and control messages are filled in
 * @len: room for the payload in bytes; what does not fit is gone
 *	(MSG_TRUNC in msg_flags)
 * @flags: MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_ERRQUEUE
 *
 * Context: process; takes no socket lock.
 * Return: bytes copied, or with MSG_TRUNC the message's length; 0 after
 *	shutdown; -EAGAIN, -EINTR, -EFAULT, -EOPNOTSUPP, or the pending error.
 */
int fp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_packet *packet;
	size_t copied;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(&fs->sk, msg, len, SOL_FASTPROTO,
					  FP_RECVERR);

	if (fp_sock_ring(fs) && !len)
		return fp_sendring_wait(sock, NULL, flags);
	packet = next_packet(fs, flags, &err);
	if (!packet)
		return err;

	copied = packet->frame.payload_len;
	if (copied > len) {
		copied = len;
		msg->msg_flags |= MSG_TRUNC;
	}
	err = fp_packet_copy_to(packet, &msg->msg_iter, copied);
	if (!err) {
		if (msg->msg_name)
			msg->msg_namelen = fp_addr_report(&packet->rx.src,
							  msg->msg_name);
		fp_rx_put_control(msg, fs, packet);
		err = flags & MSG_TRUNC ? packet->frame.payload_len : copied;
	}
	fp_packet_put(packet);
	return err;
}

/**
 * fp_rx_next_len - SIOCINQ
 * @fs: the socket
 *
 * Return: bytes of the next message, 0 if there is none.
 */
u32 fp_rx_next_len(struct fp_sock *fs)
{
	struct fp_dgram *dgram = fp_dgram(fs);
	struct fp_packet *packet;
	u32 len = 0;

	spin_lock_bh(&dgram->rx_lock);
	packet = list_first_entry_or_null(&dgram->rx_queue, struct fp_packet,
					  list);
	if (packet)
		len = packet->frame.payload_len;
	spin_unlock_bh(&dgram->rx_lock);
	return len;
}

/**
 * fp_rx_purge - drop what the application did not fetch
 * @fs: the socket, closed; what softirq brings yet is left
 *
 * Context: process or RCU callback.
 */
void fp_rx_purge(struct fp_sock *fs)
{
	struct fp_packet *packet;

	while (READ_ONCE(fp_dgram(fs)->rx_count)) {
		packet = dgram_take(fs, 0);
		fp_packet_put(packet);
	}
}
