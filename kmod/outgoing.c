// SPDX-License-Identifier: GPL-2.0
/*
 * From messages to frames: what the application sends on a connection, of
 * SOCK_SEQPACKET or of SOCK_RDM, waits for room, becomes fragments and is queued.
 * No lock is taken but the connection's.
 */
#include "fastproto.h"
#include "conn.h"
#include "ring.h"

static bool has_send_room(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return !fp_conn_seems(conn, FP_CONN_SENDING) ||
	       fp_conn_tx_memory(conn) < READ_ONCE(fs->sk.sk_sndbuf);
}

/**
 * fp_outgoing_ask_room - is there room for a message?
 * @fs: the socket
 * @conn: the connection, a reference is held
 *
 * If there is not, acknowledgments will wake those who wait (FP_WAKE_WRITE).
 *
 * Context: process.
 * Return: whether there is.
 */
bool fp_outgoing_ask_room(struct fp_sock *fs, struct fp_conn *conn)
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
static bool outgoing_may_send(const struct fp_sock *fs, const struct fp_conn *conn)
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
		if (takes_messages(conn) && fp_outgoing_ask_room(fs, conn))
			return 0;
		if (!timeo)
			return -EAGAIN;
		err = fp_wait(fs, &timeo, EPOLLOUT, false, conn, outgoing_may_send);
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
 * fp_outgoing_send - send a message on a connection
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
int fp_outgoing_send(struct fp_sock *fs, struct fp_conn *conn,
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

/* As fp_outgoing_send_small(), if there is room in the window's ring for all. */
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
 * fp_outgoing_send_small - send several small messages at once
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
 * fp_outgoing_send(), which says why it can't be.
 *
 * Context: process; takes no socket lock, does not wait.
 * Return: how many were sent, from the first on.
 */
u32 fp_outgoing_send_small(struct fp_sock *fs, struct fp_conn *conn,
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
