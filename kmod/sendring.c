// SPDX-License-Identifier: GPL-2.0
/*
 * What the application has put into its send ring goes to the socket, as by
 * sendmsg(2): a small message as a copy, a large one as references to the pool's
 * pages.
 */
#include <linux/bvec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "crowd.h"
#include "ring.h"

/* Of less a copy is cheaper than references. */
#define ZEROCOPY_MIN	1024

/**
 * struct fp_ring_zc - a message that is sent from the pool's pages
 * @ubuf: what the skbs know of it; a reference each
 * @ring: the ring, a reference
 * @event: to be posted when the last of them is gone
 * @done: link in fp_ring.done
 */
struct fp_ring_zc {
	struct ubuf_info ubuf;
	struct fp_ring *ring;
	struct fp_ring_event event;
	struct llist_node done;
};

/**
 * fp_sendring_wake_up - who waits for events is to look
 * @ring: the ring
 *
 * Context: any.
 */
void fp_sendring_wake_up(struct fp_ring *ring)
{
	struct sock *sk;

	rcu_read_lock();
	sk = rcu_dereference(ring->sk);
	if (sk)
		sk->sk_data_ready(sk);
	rcu_read_unlock();
}

static bool post(struct fp_ring *ring, const struct fp_ring_event *event)
{
	bool wake = false, posted;

	/* Once it has begun it is not to be interrupted: others wait for it. */
	local_bh_disable();
	posted = fp_ring_post(ring, event, &wake);
	local_bh_enable();
	if (!posted)
		return false;
	if (!event->error)
		this_cpu_add(ring->stats->sent, 1);
	if (wake)
		fp_sendring_wake_up(ring);
	return true;
}

static void zc_free(struct fp_ring_zc *zc)
{
	fp_pool_put(zc->ring);
	kfree(zc);
}

/* Events for which there was no room. Returns false if there still is none. */
static bool flush_done(struct fp_ring *ring)
{
	struct fp_ring_zc *zc, *next;
	struct llist_node *list;
	bool room = true;

	if (llist_empty(&ring->done))
		return true;
	list = llist_del_all(&ring->done);
	llist_for_each_entry_safe(zc, next, list, done) {
		if (room && post(ring, &zc->event)) {
			zc_free(zc);
		} else {
			room = false;
			llist_add(&zc->done, &ring->done);
		}
	}
	return room;
}

/**
 * fp_sendring_forget - nobody wants the events that wait
 * @ring: the ring of a socket that is closed
 *
 * Context: any.
 */
void fp_sendring_forget(struct fp_ring *ring)
{
	struct llist_node *list = llist_del_all(&ring->done);
	struct fp_ring_zc *zc, *next;

	llist_for_each_entry_safe(zc, next, list, done)
		zc_free(zc);
}

/* There is no room for an event: it waits, unless the socket is closed. */
static void put_off(struct fp_ring_zc *zc)
{
	struct fp_ring *ring = zc->ring;

	fp_pool_get(ring);
	/* A full barrier; pairs with that in fp_ring_close(). */
	llist_add(&zc->done, &ring->done);
	if (!rcu_access_pointer(ring->sk)) {
		fp_sendring_forget(ring);
	} else {
		do
			fp_ring_need(ring, FP_RING_NEED_ROOM);
		while (!fp_ring_is_full(ring) && !flush_done(ring));
	}
	fp_pool_put(ring);
}

static void zc_complete(struct sk_buff *skb, struct ubuf_info *ubuf,
			bool success)
{
	struct fp_ring_zc *zc = container_of(ubuf, struct fp_ring_zc, ubuf);

	if (!success)
		WRITE_ONCE(zc->event.flags, FP_RING_F_COPIED);
	if (!refcount_dec_and_test(&ubuf->refcnt))
		return;
	if (post(zc->ring, &zc->event))
		zc_free(zc);
	else
		put_off(zc);
}

FP_UBUF_OPS(zc_ops, zc_complete);

/* Of a message that is to be sent without a copy; one reference of @ubuf. */
static struct fp_ring_zc *zc_create(struct fp_ring *ring,
				    const struct fp_ring_event *event)
{
	struct fp_ring_zc *zc;

	zc = kzalloc(sizeof(*zc), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!zc)
		return NULL;
	fp_pool_get(ring);
	zc->ring = ring;
	zc->event = *event;
	zc->event.flags = 0;
	fp_ubuf_init(&zc->ubuf, zc_ops);
	return zc;
}

static int reserve_vec(struct fp_ring *ring, u32 pieces)
{
	struct bio_vec *vec;

	if (likely(pieces <= ring->vec_max))
		return 0;
	vec = kvmalloc_array(pieces, sizeof(*vec), GFP_KERNEL_ACCOUNT);
	if (!vec)
		return -ENOMEM;
	kvfree(ring->vec);
	ring->vec = vec;
	ring->vec_max = pieces;
	return 0;
}

/* Where the bytes of a message are: one page after another. */
static int gather(struct fp_ring *ring, u32 slot, u32 len,
		  struct iov_iter *iter)
{
	u32 size = ring->info.slot_size, left = len, nr = 0;
	int err;

	err = reserve_vec(ring, fp_ring_slots_of(ring, len) *
				(size / PAGE_SIZE + 2));
	if (err)
		return err;
	while (left) {
		u64 at = fp_ring_slot_offset(ring, slot);
		u32 in_slot = min(left, size), part;

		for (left -= in_slot; in_slot; in_slot -= part) {
			part = min_t(u32, in_slot, PAGE_SIZE -
						   offset_in_page(at));
			ring->vec[nr].bv_page = ring->pages[at >> PAGE_SHIFT];
			ring->vec[nr].bv_offset = offset_in_page(at);
			ring->vec[nr++].bv_len = part;
			at += part;
		}
		slot = ring->next[slot];
	}
	iov_iter_bvec(iter, ITER_SOURCE, ring->vec, nr, len);
	return 0;
}

/* A descriptor, read once. */
static void read_descriptor(const struct fp_ring *ring, u32 index,
			    struct fp_ring_send *send)
{
	const struct fp_ring_send *entry;

	entry = &ring->send[index & (ring->info.sends - 1)];
	send->conn = READ_ONCE(entry->conn);
	send->slot = READ_ONCE(entry->slot);
	send->len = READ_ONCE(entry->len);
	send->flags = READ_ONCE(entry->flags);
	send->reserved[0] = READ_ONCE(entry->reserved[0]) |
			    READ_ONCE(entry->reserved[1]) |
			    READ_ONCE(entry->reserved[2]);
}

/* To whom: by the connection's ID, or by address. Returns false: nonsense. */
static bool read_name(const struct fp_ring *ring, const struct sock *sk,
		      const struct fp_ring_send *send, struct msghdr *msg,
		      struct sockaddr_fp *name)
{
	bool named = send->flags & FP_RING_TO;

	if (sk->sk_type == SOCK_SEQPACKET)
		return !named && !send->conn;
	if (named && send->conn)
		return false;
	if (named) {
		memcpy(name, &ring->name[send->slot], sizeof(*name));
		if (name->sfp_conn)
			return false;
	} else if (sk->sk_type == SOCK_RDM) {
		memset(name, 0, sizeof(*name));
		name->sfp_family = fp_family;
		name->sfp_conn = send->conn;
		if (!send->conn)
			return false;
	}
	if (named || send->conn) {
		if (sk->sk_type == SOCK_DGRAM && !named)
			return false;
		msg->msg_name = name;
		msg->msg_namelen = sizeof(*name);
	}
	return true;
}

static int send_descriptor(struct fp_ring *ring, struct socket *sock,
			   const struct fp_ring_send *send, bool more,
			   struct fp_ring_zc *zc)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct sockaddr_fp name;
	int err;

	if (!read_name(ring, sock->sk, send, &msg, &name))
		return -EINVAL;
	if (sock->type != SOCK_DGRAM &&
	    (more || send->flags & FP_RING_MORE))
		msg.msg_flags |= MSG_MORE;
	if (zc) {
		msg.msg_flags |= MSG_ZEROCOPY;
		msg.msg_ubuf = &zc->ubuf;
	}
	err = gather(ring, send->slot, send->len, &msg.msg_iter);
	if (err)
		return err;
	err = sock->ops->sendmsg(sock, &msg, send->len);
	if (zc && !msg.msg_ubuf)
		zc->event.flags = FP_RING_F_COPIED;
	return min(err, 0);
}

/* An event without which the next descriptor is not looked at. */
static void must_post(struct fp_ring *ring, const struct fp_ring_event *event)
{
	if (post(ring, event))
		return;
	ring->unsent = *event;
	WRITE_ONCE(ring->has_unsent, true);
}

/* The application knows that it has to look for the event of a quiet one, too. */
static void refuse_send(struct fp_ring *ring, const struct fp_ring_send *send,
			const struct fp_ring_event *event)
{
	if (send->flags & FP_RING_QUIET)
		WRITE_ONCE(ring->ctl->refused, ++ring->refused);
	must_post(ring, event);
}

static bool makes_sense(const struct fp_ring *ring,
			const struct fp_ring_send *send)
{
	return !send->reserved[0] &&
	       !(send->flags & ~ring->send_flags) &&
	       send->slot < ring->info.slots &&
	       send->len <= fp_ring_capacity(ring);
}

static struct fp_conn *find_conn(struct fp_sock *fs, u64 id)
{
	return fp_sock_is_rdm(fs) ? fp_crowd_find_id(fs, id) :
				    fp_sock_conn_get(fs);
}

/*
 * Is a descriptor behind one that was refused with EAGAIN? With this one what was
 * refused may begin anew.
 */
static bool is_behind(struct fp_conn *conn, u32 flags)
{
	struct fp_act *act;
	bool behind;

	spin_lock_bh(&conn->lock);
	act = conn->act;
	if (act && flags & FP_RING_AGAIN)
		act->tx_again = false;
	behind = act && act->tx_again;
	spin_unlock_bh(&conn->lock);
	return behind;
}

/* From now on all is behind one that was refused. Returns false: no memory. */
static bool fall_behind(struct fp_conn *conn)
{
	if (fp_conn_rouse(conn, GFP_KERNEL))
		return false;
	spin_lock_bh(&conn->lock);
	if (conn->act)
		conn->act->tx_again = true;
	spin_unlock_bh(&conn->lock);
	return true;
}

/* As send_descriptor(), with FP_RING_IN_ORDER. */
static int send_in_turn(struct fp_ring *ring, struct socket *sock,
			const struct fp_ring_send *send, bool more,
			struct fp_ring_zc *zc)
{
	struct fp_conn *conn = NULL;
	int err = -EAGAIN;

	if (sock->type != SOCK_DGRAM && !(send->flags & FP_RING_TO))
		conn = find_conn(fp_sk(sock->sk), send->conn);
	if (!conn)
		return send_descriptor(ring, sock, send, more, zc);
	if (!is_behind(conn, send->flags))
		err = send_descriptor(ring, sock, send, more, zc);
	if (err == -EAGAIN && !fall_behind(conn))	/* parked in between */
		err = -ENOMEM;
	fp_conn_put(conn);
	return err;
}

/* Send what a descriptor says. More may follow for the same connection. */
static void send_one(struct fp_ring *ring, struct socket *sock,
		     const struct fp_ring_send *send, bool more)
{
	struct fp_ring_event event = {
		.type = FP_RING_SENT,
		.conn = send->conn,
		.slot = send->slot,
		.len = send->len,
		.error = EINVAL,
	};
	struct fp_ring_zc *zc = NULL;
	u32 nr;

	if (!makes_sense(ring, send)) {
		this_cpu_add(ring->stats->invalid, 1);
		refuse_send(ring, send, &event);
		return;
	}
	nr = fp_ring_slots_of(ring, send->len);
	if (!fp_pool_hold(ring, send->slot, nr)) {
		refuse_send(ring, send, &event);
		return;
	}
	event.nr = nr;
	if (send->len >= ZEROCOPY_MIN && !(send->flags & FP_RING_QUIET))
		zc = zc_create(ring, &event);
	if (ring->in_order)
		event.error = -send_in_turn(ring, sock, send, more, zc);
	else
		event.error = -send_descriptor(ring, sock, send, more, zc);
	if (zc) {
		zc->event.error = event.error;
		zc_complete(NULL, &zc->ubuf, true);
		return;
	}
	if (!event.error)
		this_cpu_add(ring->stats->tx_copied, send->len);
	if (!event.error && send->flags & FP_RING_QUIET) {
		fp_pool_release(ring, send->slot, nr);
		this_cpu_add(ring->stats->sent, 1);
		return;
	}
	event.flags = FP_RING_F_COPIED;
	if (event.error)
		refuse_send(ring, send, &event);
	else
		must_post(ring, &event);
}

/*
 * Is it a message that is copied at once, so that its slot need not be taken for
 * that? Who writes to it meanwhile spoils only the message.
 */
static bool is_small(const struct fp_ring *ring, const struct sock *sk,
		     const struct fp_ring_send *send)
{
	return sk->sk_type != SOCK_DGRAM && send->len <= FP_COPYBREAK &&
	       send->len <= ring->info.slot_size &&
	       !(send->flags & FP_RING_TO) && makes_sense(ring, send) &&
	       !send->conn == (sk->sk_type == SOCK_SEQPACKET) &&
	       !fp_ring_holds(ring, send->slot);
}

/*
 * Read small messages for one connection, as many as there are in a row. *@more is
 * set if the next one is for it, too.
 */
static u32 read_batch(struct fp_ring *ring, const struct sock *sk, u32 left,
		      bool *more)
{
	struct fp_ring_send *batch = ring->batch, next;
	u32 nr = 0;

	*more = false;
	for (; nr < min_t(u32, left, FP_RING_BATCH); nr++) {
		read_descriptor(ring, ring->send_head + nr, &batch[nr]);
		if (nr && batch[nr].conn != batch[0].conn)
			return nr;
		if (!is_small(ring, sk, &batch[nr])) {
			*more = !(batch[nr].flags & FP_RING_TO);
			return nr;
		}
	}
	if (nr < left) {
		read_descriptor(ring, ring->send_head + nr, &next);
		*more = next.conn == batch[0].conn &&
			!(next.flags & FP_RING_TO);
	}
	return nr;
}

/* A slot is the application's again: it was only looked at. */
static bool return_slot(struct fp_ring *ring, const struct fp_ring_send *send,
			struct fp_todo *todo)
{
	const struct fp_ring_event event = {
		.conn = send->conn,
		.slot = send->slot,
		.nr = 1,
		.len = send->len,
		.type = FP_RING_SENT,
		.flags = FP_RING_F_COPIED,
	};
	bool wake = false;

	if (!fp_ring_post_copied(ring, &event, &wake))
		return false;
	if (wake)
		todo->flags |= FP_WAKE_READ;
	return true;
}

/* A small message is being sent. */
static bool begin_small(void *arg, u32 index, struct fp_todo *todo)
{
	struct fp_ring *ring = arg;
	const struct fp_ring_send *send = &ring->batch[index];

	return send->flags & FP_RING_QUIET || return_slot(ring, send, todo);
}

static bool copy_batch(struct fp_ring *ring, u32 nr)
{
	u32 i;

	if (!fp_txbuf_alloc_small(ring->bufs, nr, GFP_KERNEL | __GFP_NOWARN))
		return false;
	for (i = 0; i < nr; i++) {
		const struct fp_ring_send *send = &ring->batch[i];
		struct fp_txbuf *buf = ring->bufs[i];

		buf->next = NULL;
		buf->frame.bytes = FP_DATA_HDR + send->len;
		memcpy(buf->data, fp_ring_slot(ring, send->slot), send->len);
	}
	return true;
}

/* The messages are for @conn. Returns how many of them were sent. */
static u32 send_batch_on(struct fp_ring *ring, struct fp_sock *fs,
			 struct fp_conn *conn, u32 nr, bool more)
{
	u64 bytes = 0;
	u32 sent, i;

	if ((ring->in_order && is_behind(conn, ring->batch[0].flags)) ||
	    !copy_batch(ring, nr))
		return 0;
	if (ring->batch[nr - 1].flags & FP_RING_MORE)
		more = true;
	sent = fp_outgoing_send_small(fs, conn, ring->bufs, nr, more,
				      begin_small, ring);
	for (i = 0; i < sent; i++)
		bytes += ring->batch[i].len;
	for (; i < nr; i++)
		fp_txbuf_free(ring->bufs[i]);
	this_cpu_add(ring->stats->sent, sent);
	this_cpu_add(ring->stats->tx_copied, bytes);
	if (fp_sock_is_rdm(fs))
		fp_crowd_count_sent(fs, bytes);
	return sent;
}

/* The same; @own: of SOCK_SEQPACKET: its connection, if the caller has it. */
static u32 send_batch(struct fp_ring *ring, struct fp_sock *fs,
		      struct fp_conn *own, u32 nr, bool more)
{
	struct fp_conn *conn = own ?: find_conn(fs, ring->batch[0].conn);
	u32 sent;

	if (!conn)
		return 0;
	sent = send_batch_on(ring, fs, conn, nr, more);
	if (!own)
		fp_conn_put(conn);
	return sent;
}

static u32 waiting(const struct fp_ring *ring)
{
	/* Pairs with the application's release: the entries are written. */
	u32 nr = smp_load_acquire(&ring->ctl->send_tail) - ring->send_head;

	return nr <= ring->info.sends ? nr : 0;
}

/* The next descriptor by itself. */
static void send_next(struct fp_ring *ring, struct socket *sock, u32 left)
{
	struct fp_ring_send now, next;
	bool more = false;

	read_descriptor(ring, ring->send_head, &now);
	if (left > 1) {
		read_descriptor(ring, ring->send_head + 1, &next);
		more = next.conn == now.conn &&
		       !((next.flags | now.flags) & FP_RING_TO);
	}
	WRITE_ONCE(ring->send_head, ring->send_head + 1);
	send_one(ring, sock, &now, more);
}

/* Returns how many descriptors were taken. */
static u32 send_some(struct fp_ring *ring, struct socket *sock,
		     struct fp_conn *own)
{
	u32 left = waiting(ring), taken = 0, nr;
	bool more;

	while (left && !ring->has_unsent && !fp_ring_is_full(ring)) {
		nr = read_batch(ring, sock->sk, left, &more);
		if (nr)
			nr = send_batch(ring, fp_sk(sock->sk), own, nr, more);
		WRITE_ONCE(ring->send_head, ring->send_head + nr);
		if (!nr) {
			send_next(ring, sock, left);
			nr = 1;
		}
		taken += nr;
		left -= nr;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	/* Pairs with the application's acquire: FP_RING_QUIET. */
	smp_store_release(&ring->ctl->send_head, ring->send_head);
	return taken;
}

static bool flush_unsent(struct fp_ring *ring)
{
	if (ring->has_unsent && post(ring, &ring->unsent))
		WRITE_ONCE(ring->has_unsent, false);
	return !ring->has_unsent;
}

/*
 * Returns how many descriptors were taken; or -ERESTARTSYS: a signal, and there
 * is more to do. @lock is held.
 */
static int enter(struct fp_ring *ring, struct socket *sock,
		 struct fp_conn *own)
{
	bool blocked;
	u32 taken = 0;

	fp_ring_need_not(ring, FP_RING_NEED_SEND | FP_RING_NEED_ROOM);
	if (fp_ring_waited(ring))
		fp_ring_drain(fp_sk(sock->sk));
	for (;;) {
		blocked = !flush_unsent(ring) || !flush_done(ring);
		if (!blocked)
			taken += send_some(ring, sock, own);
		blocked = blocked || ring->has_unsent ||
			  (waiting(ring) && fp_ring_is_full(ring));
		/* What is given or read from now on is told of by a call. */
		if (blocked)
			fp_ring_need(ring, FP_RING_NEED_ROOM);
		fp_ring_need(ring, FP_RING_NEED_SEND);
		if (blocked ? fp_ring_is_full(ring) : !waiting(ring))
			break;
		if (signal_pending(current))
			return -ERESTARTSYS;
		fp_ring_need_not(ring, FP_RING_NEED_SEND);
	}
	return !taken && blocked ? -EAGAIN : taken;
}

/* @own: of SOCK_SEQPACKET: its connection, or NULL: it is to be looked up. */
static int lock_and_enter(struct fp_ring *ring, struct socket *sock,
			  struct fp_conn *own)
{
	int ret;

	if (mutex_lock_interruptible(&ring->lock))
		return -ERESTARTSYS;
	this_cpu_add(ring->stats->kicks, 1);
	ret = enter(ring, sock, own);
	mutex_unlock(&ring->lock);
	return ret;
}

/**
 * fp_sendring_enter - the application asks the kernel to look at the rings
 * @sock: the socket
 *
 * Context: process.
 * Return: how many descriptors were taken; -EINVAL (no ring), -EAGAIN (none,
 *	since the event ring is full), -ERESTARTSYS (a signal, and there are
 *	others).
 */
int fp_sendring_enter(struct socket *sock)
{
	struct fp_ring *ring = fp_sock_ring(fp_sk(sock->sk));

	return ring ? lock_and_enter(ring, sock, NULL) : -EINVAL;
}

/* Is there anything to do but to wait? */
static bool has_work(const struct fp_ring *ring)
{
	/*
	 * Pairs with that of fp_ring_need(), as the application's would from
	 * what it gave to the flags.
	 */
	smp_mb();
	return READ_ONCE(ring->ctl->send_tail) != READ_ONCE(ring->send_head) ||
	       READ_ONCE(ring->waits) || READ_ONCE(ring->has_unsent) ||
	       !llist_empty(&ring->done);
}

/* Nothing will come any more, or an error is to be told? */
static bool is_over(const struct fp_sock *fs, const struct fp_conn *conn)
{
	return READ_ONCE(fs->sk.sk_err) ||
	       READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN ||
	       (conn && fp_conn_is_at_end(conn));
}

/* Who has just seen the end tells of it before he lets go of the connection. */
static void await_last(struct fp_conn *conn)
{
	if (!conn)
		return;
	spin_lock_bh(&conn->lock);
	spin_unlock_bh(&conn->lock);
}

/* Something waits for slots, and the application may have some to give. */
static bool lacks_slots(const struct fp_ring *ring)
{
	return READ_ONCE(ring->lends) && READ_ONCE(ring->waits);
}

static bool may_return(const struct fp_sock *fs, const struct fp_conn *conn)
{
	const struct fp_ring *ring = fp_sock_ring(fs);

	return fp_ring_is_readable(ring) || is_over(fs, conn) ||
	       READ_ONCE(ring->woken) || lacks_slots(ring);
}

static bool was_woken(struct fp_ring *ring)
{
	return READ_ONCE(ring->woken) && xchg(&ring->woken, false);
}

/* There may be an event, or another reason for the application to look. */
static bool is_done(struct fp_ring *ring)
{
	return fp_ring_is_readable(ring) || was_woken(ring) ||
	       lacks_slots(ring);
}

/* Returns 0 as soon as there is something to do. */
static int await_event(struct fp_sock *fs, struct fp_conn *conn, int flags)
{
	struct fp_ring *ring = fp_sock_ring(fs);
	long timeo = sock_rcvtimeo(&fs->sk, flags & MSG_DONTWAIT);
	int err;

	while (!is_done(ring)) {
		if (is_over(fs, conn)) {
			await_last(conn);
			if (fp_ring_is_readable(ring))
				break;
			return sock_error(&fs->sk) ?: -EPIPE;
		}
		if (!timeo)
			return -EAGAIN;
		err = fp_wait(fs, &timeo, EPOLLIN, false, conn, may_return);
		if (err)
			return err;
	}
	return 0;
}

/**
 * fp_sendring_wait - look at the rings, then wait for an event: recv(2)
 * @sock: the socket; it has a ring
 * @conn: of SOCK_SEQPACKET: its connection, a reference is held; or NULL
 * @flags: MSG_DONTWAIT
 *
 * If descriptors were taken, the slots of those with FP_RING_QUIET are the
 * application's again, and it does not know of it before this is over. So it is,
 * when something waits for slots.
 *
 * Context: process.
 * Return: 0: there is one, or see above, or fp_sendring_wake() was called; -EBUSY
 *	(other flags), -EAGAIN, -EINTR, -ERESTARTSYS, -EPIPE (none will come), or the
 *	pending error.
 */
int fp_sendring_wait(struct socket *sock, struct fp_conn *conn, int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct fp_ring *ring = fp_sock_ring(fs);
	int taken = 0, err;

	if (flags & (MSG_PEEK | MSG_WAITALL | MSG_TRUNC))
		return -EBUSY;
	if (has_work(ring))
		taken = lock_and_enter(ring, sock, conn);
	if (taken < 0 && taken != -EAGAIN)
		return taken;
	if (conn && fp_conn_seems(conn, FP_CONN_HELD))
		fp_seqpacket_let_go(conn);
	if (taken <= 0 || flags & MSG_DONTWAIT)
		return await_event(fs, conn, flags);

	/* The wait queue has the barrier that pairs with that of fp_ring_need(). */
	WRITE_ONCE(ring->lends, true);
	err = await_event(fs, conn, flags);
	WRITE_ONCE(ring->lends, false);
	return err;
}

/**
 * fp_sendring_wake - who waits in fp_sendring_wait(), or will, is to return
 * @sock: the socket
 *
 * What he is to see was written before.
 *
 * Context: process.
 * Return: 0, or -EINVAL: no ring.
 */
int fp_sendring_wake(struct socket *sock)
{
	struct fp_ring *ring = fp_sock_ring(fp_sk(sock->sk));

	if (!ring)
		return -EINVAL;
	/* Pairs with the barrier from the wait queue to may_return(). */
	xchg(&ring->woken, true);
	sock->sk->sk_data_ready(sock->sk);
	return 0;
}
