// SPDX-License-Identifier: GPL-2.0
/*
 * Messages and events into the mapped rings. Any number of CPUs do that at once,
 * without a lock that they share: who has a place in the event ring writes the
 * entry and then its stamp.
 */
#include "crowd.h"
#include "ring.h"

#define DRAIN_ROUNDS	8	/* in softirq, of what gets room meanwhile */
#define FILL_WEIGHT	8	/* fp_ring.fill is over so many slots */

/* An entry for an event, and its index. */
static inline struct fp_ring_event *reserve_event(struct fp_ring *ring, u32 *index)
{
	int tail = atomic_read(&ring->event_tail);
	u32 head;

	do {
		/*
		 * Pairs with the application's release: it has read the entry
		 * that is overwritten. try_cmpxchg is a full barrier.
		 */
		head = READ_ONCE(ring->ctl->event_head);
		if ((u32)tail - head >= ring->info.events)
			return NULL;
	} while (!atomic_try_cmpxchg(&ring->event_tail, &tail, tail + 1));
	*index = tail;
	return &ring->event[*index & (ring->info.events - 1)];
}

/* Returns whether there was nothing to be read before it. */
static bool publish(struct fp_ring *ring, struct fp_ring_event *entry,
		    u32 index)
{
	/* Pairs with the application's acquire: the entry is written. */
	smp_store_release(&entry->stamp, index + 1);
	/* Pairs with its full barrier: it sees the entry, or is woken. */
	smp_mb();
	return READ_ONCE(ring->ctl->event_head) == index;
}

/* An event; the kernel holds so many slots of it. */
static bool put_event(struct fp_ring *ring, const struct fp_ring_event *event,
		      u32 held, bool *wake)
{
	struct fp_ring_event *entry;
	u32 index;

	entry = reserve_event(ring, &index);
	if (unlikely(!entry)) {
		this_cpu_add(ring->stats->events_full, 1);
		return false;
	}
	if (held)
		fp_pool_release(ring, event->slot, held);
	memcpy(entry, event, offsetof(struct fp_ring_event, stamp));
	if (publish(ring, entry, index))
		*wake = true;
	return true;
}

/**
 * fp_ring_post - put an event into the ring
 * @ring: the ring
 * @event: the event; its stamp is not looked at. The kernel holds its slots, and
 *	does no more after it.
 * @wake: set if who polls is to be woken
 *
 * Context: any; several at a time.
 * Return: false: the ring is full.
 */
bool fp_ring_post(struct fp_ring *ring, const struct fp_ring_event *event,
		  bool *wake)
{
	return put_event(ring, event, event->nr, wake);
}

/* The same of a slot that was only looked at, and is the application's still. */
bool fp_ring_post_copied(struct fp_ring *ring, const struct fp_ring_event *event,
			 bool *wake)
{
	return put_event(ring, event, 0, wake);
}

/**
 * fp_ring_need - tell the application that the kernel has to be called
 * @ring: the ring
 * @what: FP_RING_NEED_*
 *
 * It is a full barrier, which pairs with the application's, from its tails and
 * heads to the flags: what it gave before and did not see this for, is seen
 * after it.
 */
void fp_ring_need(struct fp_ring *ring, u32 what)
{
	if (what & FP_RING_NEED_ROOM)
		xchg(&ring->waits, true);
	atomic_or(what, (atomic_t *)&ring->ctl->flags);
	/* See above. */
	smp_mb__after_atomic();
	if (what & FP_RING_NEED_ROOM && READ_ONCE(ring->lends))
		fp_sendring_wake_up(ring);
}

static void copy_part(const struct fp_packet *packet, u32 offset, void *to,
		      u32 len)
{
	if (!packet->skb)
		memcpy(to, packet->data + offset, len);
	else if (skb_copy_bits(packet->skb, packet->offset + offset, to, len))
		memset(to, 0, len);	/* it was all there */
}

/* Who opened the connection, or sent the datagram. */
static void put_name(struct fp_ring *ring, u32 slot, const union fp_addr *from,
		     u64 id)
{
	struct sockaddr_fp name;

	fp_addr_report(from, &name);
	name.sfp_conn = id;
	ring->name[slot] = name;
}

/* A message into its slots, as far as they go. */
static void fill(const struct fp_ring *ring, u32 slot, u32 room,
		 const struct fp_packet *packet)
{
	u32 size = ring->info.slot_size, in_slot = 0, done, part;

	for (; packet; packet = packet->next) {
		u32 len = min(packet->frame.payload_len, room);

		room -= len;
		for (done = 0; done < len; done += part) {
			if (in_slot == size) {
				slot = ring->next[slot];
				in_slot = 0;
			}
			part = min(len - done, size - in_slot);
			copy_part(packet, done,
				  fp_ring_slot(ring, slot) + in_slot, part);
			in_slot += part;
		}
	}
}

static inline u64 time_of(const struct sock *sk, const struct fp_rx *rx)
{
	if (!sock_flag(sk, SOCK_RCVTSTAMP))
		return 0;
	return ktime_to_ns(rx->tstamp ?: ktime_get_real());
}

static void note_fill(struct fp_ring *ring, u32 len, u32 nr)
{
	u32 old = READ_ONCE(ring->fill);
	u32 new = nr == 1 ? len : len / nr;

	if (old != new)
		WRITE_ONCE(ring->fill, old + ((s32)(new - old) / FILL_WEIGHT ?:
					      (new > old ? 1 : -1)));
}

/* A message is in the ring, and takes so many slots of it. */
static inline void count_message(struct fp_ring *ring, u32 len, u32 nr)
{
	this_cpu_add(ring->stats->messages, 1);
	this_cpu_add(ring->stats->rx_copied, len);
	note_fill(ring, len, nr);
}

/*
 * A message into free slots, and its event into the ring. Returns false if there
 * is no room for one of both.
 */
static bool put_message(struct fp_ring *ring, const struct sock *sk,
			const struct fp_packet *packet,
			const union fp_addr *from, u64 id, bool *wake,
			u32 *needed)
{
	struct fp_ring_event event = { .type = FP_RING_MESSAGE, .conn = id };
	u32 nr = fp_ring_slots_of(ring, packet->len), slot;

	if (unlikely(nr > ring->info.slots)) {
		nr = ring->info.slots;
		event.flags = FP_RING_F_TRUNCATED;
	}
	if (unlikely(fp_ring_is_full(ring))) {
		this_cpu_add(ring->stats->events_full, 1);
		*needed = 0;
		return false;
	}
	if (!fp_pool_take(ring, nr, &slot)) {
		this_cpu_add(ring->stats->no_free_slots, 1);
		*needed = nr;
		return false;
	}
	event.len = min_t(u64, packet->len, (u64)nr * ring->info.slot_size);
	event.seq = packet->frame.seq;
	event.time = time_of(sk, &packet->rx);
	event.slot = slot;
	event.nr = nr;
	fill(ring, slot, event.len, packet);
	if (from)
		put_name(ring, slot, from, id);
	if (likely(fp_ring_post(ring, &event, wake))) {
		count_message(ring, event.len, nr);
		return true;
	}
	/* Others were faster. */
	*needed = 0;
	fp_pool_untake(ring, slot, nr);
	return false;
}

/* A message of a connection, which is locked. Takes it if there is room. */
static bool deliver_message(struct fp_ring *ring, struct fp_conn *conn,
			    struct fp_packet *packet, struct fp_todo *todo)
{
	const struct fp_sock *fs = fp_conn_sock(conn);
	bool wake = false;

	if (!put_message(ring, &fs->sk, packet,
			 fp_conn_is(conn, FP_CONN_RDM) ?
			 &conn->path->peer.addr : NULL, conn->id,
			 &wake, &todo->needed))
		return false;
	if (wake)
		todo->flags |= FP_WAKE_READ;
	return true;
}

/*
 * A peer is to hear of the room that there will be. Who sees no slots after this
 * has the application call.
 */
static void starve(struct fp_ring *ring, struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	if (!act->is_hungry) {
		act->is_hungry = true;
		fp_conn_get(conn);
		/* A connection that is just being made is not locked. */
		spin_lock_bh(&ring->list_lock);
		list_add_tail(&act->hungry, &ring->hungry);
		spin_unlock_bh(&ring->list_lock);
	}
	fp_ring_need(ring, FP_RING_NEED_ROOM);
}

static bool others_wait(const struct fp_conn *conn)
{
	const struct fp_sock *fs = fp_conn_sock(conn);

	return fp_conn_is(conn, FP_CONN_RDM) && fp_crowd_is_readable(fs->rdm);
}

/**
 * fp_ring_message - a message is whole: into the ring with it, if that can be now
 * @conn: the connection, locked; its socket has a ring
 * @packet: the message, not in the queue yet
 * @todo: from fp_conn_lock()
 *
 * Nobody is overtaken: neither what came on the connection before, nor the
 * others of the socket that wait for room.
 *
 * Context: softirq.
 * Return: whether it is there; if not, it is to be queued.
 */
bool fp_ring_message(struct fp_conn *conn, struct fp_packet *packet,
		     struct fp_todo *todo)
{
	struct fp_ring *ring = fp_conn_ring(conn);
	struct fp_act *act = conn->act;

	if (act->rx_ready || act->queued || act->events ||
	    todo->flags & FP_OPENED || others_wait(conn))
		return false;
	return deliver_message(ring, conn, packet, todo);
}

/**
 * fp_ring_is_direct - does what is next in order on a connection go to the ring?
 * @conn: the connection, locked; its socket has a ring
 * @todo: from fp_conn_lock()
 *
 * As fp_ring_message(), but for a message that was not made into a packet yet.
 *
 * Context: softirq.
 * Return: whether fp_ring_put() may be called.
 */
bool fp_ring_is_direct(const struct fp_conn *conn, const struct fp_todo *todo)
{
	const struct fp_act *act = conn->act;

	/* Of those that were refused account is kept. */
	return !(act->rx_ready || act->queued || act->events || conn->refused ||
		 conn->invited || todo->flags & FP_OPENED || others_wait(conn));
}

/**
 * fp_ring_put - put a small message into the ring
 * @conn: the connection, for which fp_ring_is_direct() holds
 * @data: the message
 * @len: its length in bytes
 * @seq: its sequence number
 * @rx: where it came from
 * @todo: from fp_conn_lock()
 *
 * Return: false: there is no room, or it needs more than a slot; nothing was
 *	done.
 */
bool fp_ring_put(struct fp_conn *conn, const void *data, u32 len, u64 seq,
		 const struct fp_rx *rx, struct fp_todo *todo)
{
	struct fp_ring *ring = fp_conn_ring(conn);
	struct fp_ring_event *entry;
	const struct fp_sock *fs;
	u32 slot, index;

	if (len > ring->info.slot_size || fp_ring_is_full(ring) ||
	    !fp_pool_take(ring, 1, &slot))
		return false;
	memcpy(fp_ring_slot(ring, slot), data, len);
	if (fp_conn_is(conn, FP_CONN_RDM))
		put_name(ring, slot, &conn->path->peer.addr, conn->id);
	entry = reserve_event(ring, &index);
	if (unlikely(!entry)) {	/* others were faster */
		fp_pool_untake(ring, slot, 1);
		return false;
	}
	fp_pool_release(ring, slot, 1);
	fs = fp_conn_sock(conn);
	entry->conn = conn->id;
	entry->seq = seq;
	entry->time = time_of(&fs->sk, rx);
	entry->slot = slot;
	entry->nr = 1;
	entry->len = len;
	entry->error = 0;
	entry->type = FP_RING_MESSAGE;
	entry->flags = 0;
	memset(entry->reserved, 0, sizeof(entry->reserved));
	if (publish(ring, entry, index))
		todo->flags |= FP_WAKE_READ;
	count_message(ring, len, 1);
	return true;
}

/**
 * fp_ring_has_room - is there room for what came?
 * @ring: the ring
 * @conn: the connection that it came on, locked; it may hold that much
 *
 * One message may wait for slots. Were it refused, its sender would take it for
 * lost, again and again if there are few slots and many peers. What comes after it
 * is not taken, and comes again when the sender hears that there is room.
 *
 * Return: whether there is.
 */
bool fp_ring_has_room(struct fp_ring *ring, const struct fp_conn *conn)
{
	if (!conn->act->rx_count)
		return true;
	this_cpu_add(ring->stats->no_free_slots, 1);
	return false;
}

/**
 * fp_ring_window - what the peer may send
 * @ring: the ring of the connection's socket
 * @act: of the connection, which is locked
 * @memory: what there is memory for, units
 *
 * Return: units: as much as there are free slots, filled as those before; and
 *	always the rest of a message that has begun.
 */
u32 fp_ring_window(struct fp_ring *ring, struct fp_act *act, u32 memory)
{
	struct fp_conn *conn = act->conn;
	u32 free = fp_pool_free(ring);
	u64 window;

	if (unlikely(!free)) {
		starve(ring, conn);
		free = fp_pool_free(ring);
	}
	window = (u64)free * (FP_FRAME_COST + READ_ONCE(ring->fill));
	window = min_t(u64, window, memory);
	if (act->rx_partial)
		return max_t(u64, window, act->rx_msg_units);
	if (act->rx_count || !free)
		return 0;
	/* One frame at least; none needs more than that. */
	if (likely(window >= FP_FRAME_MAX + FP_FRAME_COST))
		return window;
	return max_t(u64, window, fp_transmit_payload_max(conn) + FP_FRAME_COST);
}

/* Returns false if it waits for room. */
static bool tell_ring(struct fp_ring *ring, struct fp_conn *conn,
		      enum fp_event_type what, struct fp_todo *todo)
{
	struct fp_ring_event event = {
		.type = what - FP_EVENT_OPENED + FP_RING_OPENED,
		.conn = conn->id,
		.slot = FP_RING_NO_SLOT,
	};
	bool wake = false;

	if (what == FP_EVENT_CLOSED)
		event.error = conn->error;
	if (!fp_ring_post(ring, &event, &wake)) {
		todo->needed = 0;
		return false;
	}
	if (wake)
		todo->flags |= FP_WAKE_READ;
	return true;
}

static bool tell_if(struct fp_ring *ring, struct fp_conn *conn,
		    enum fp_event_type what, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (!act || !(act->events & BIT(what)))
		return true;
	if (!tell_ring(ring, conn, what, todo))
		return false;
	act->events &= ~BIT(what);
	return true;
}

static bool pump_messages(struct fp_ring *ring, struct fp_conn *conn,
			  struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	bool news;

	while (act && act->rx_ready) {
		if (!deliver_message(ring, conn, act->rx_ready, todo))
			return false;
		fp_packet_put(fp_seqpacket_dequeue(conn, &news));
	}
	return true;
}

/* The one connection of a socket: nothing more will come. */
static bool is_end_due(const struct fp_ring *ring, const struct fp_conn *conn)
{
	return !fp_conn_is(conn, FP_CONN_RDM) && !ring->closed &&
	       fp_conn_is_at_end(conn);
}

/**
 * fp_ring_pump - put what waits on a connection into the ring
 * @ring: the ring of its socket
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 *
 * Opening, messages, the end, in this order.
 */
void fp_ring_pump(struct fp_ring *ring, struct fp_conn *conn,
		  struct fp_todo *todo)
{
	if (!tell_if(ring, conn, FP_EVENT_OPENED, todo) ||
	    !tell_if(ring, conn, FP_EVENT_WRITABLE, todo) ||
	    !pump_messages(ring, conn, todo) ||
	    !tell_if(ring, conn, FP_EVENT_CLOSED, todo))
		return;
	if (is_end_due(ring, conn))
		ring->closed = tell_ring(ring, conn, FP_EVENT_CLOSED, todo);
}

static inline bool is_waiting(const struct fp_ring *ring, const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return (act && (act->rx_count || act->events)) ||
	       is_end_due(ring, conn);
}

/* A connection that was parked is over. Returns false if that waits for room. */
bool fp_ring_tell_closed(struct fp_ring *ring, struct fp_conn *conn,
			 struct fp_todo *todo)
{
	return tell_ring(ring, conn, FP_EVENT_CLOSED, todo);
}

/**
 * fp_ring_collect - tell a socket's ring what happened to its one connection
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 */
void fp_ring_collect(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_ring *ring = fp_conn_ring(conn);
	struct fp_act *act = conn->act;

	if (act && todo->flags & FP_OPENED)
		act->events |= BIT(FP_EVENT_OPENED);
	else if (act && todo->flags & FP_WAKE_WRITE)
		act->events |= BIT(FP_EVENT_WRITABLE);
	if (todo->flags & FP_PUMPED || !is_waiting(ring, conn))
		return;
	fp_ring_pump(ring, conn, todo);
	if (is_waiting(ring, conn))
		todo->flags |= FP_STALLED;
}

/* The peer hears what it may send now. */
static void speak_up(struct fp_conn *conn, struct fp_todo *todo)
{
	if (conn->state <= FP_SYN_SENT)
		return;
	conn->act->ack_now = true;
	fp_transmit_push(conn, todo);
}

static struct fp_conn *next_hungry(struct fp_ring *ring)
{
	struct fp_act *act;

	spin_lock_bh(&ring->list_lock);
	act = list_first_entry_or_null(&ring->hungry, struct fp_act, hungry);
	if (act)
		list_del(&act->hungry);
	spin_unlock_bh(&ring->list_lock);
	return act ? act->conn : NULL;
}

/**
 * fp_ring_pump_conn - put what waits on a connection into the ring, and go on
 *	with it
 * @ring: the ring of its socket
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 *
 * Return: whether something still waits.
 */
bool fp_ring_pump_conn(struct fp_ring *ring, struct fp_conn *conn,
		       struct fp_todo *todo)
{
	bool had = conn->act && conn->act->rx_count;

	todo->flags |= FP_PUMPED;
	todo->needed = 1;
	fp_ring_pump(ring, conn, todo);
	if (had && !conn->act->rx_count)
		speak_up(conn, todo);
	return is_waiting(ring, conn);
}

/*
 * Peers that were slowed down hear of the room that there is: as many as there
 * are slots. Returns whether there are others.
 */
static bool feed(struct fp_ring *ring, const struct fp_sock *fs)
{
	u32 free = fp_pool_free(ring);
	struct fp_conn *conn;
	struct fp_todo todo;

	while (free-- && (conn = next_hungry(ring))) {
		fp_conn_lock(conn, &todo);
		conn->act->is_hungry = false;
		if (rcu_access_pointer(conn->fs) == fs && !conn->act->rx_count)
			speak_up(conn, &todo);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	return !list_empty(&ring->hungry);
}

/* Returns whether something still waits. */
static bool drain_one(struct fp_sock *fs, struct fp_ring *ring, u32 *needed)
{
	struct fp_conn *conn = fp_sock_conn_get(fs);
	struct fp_todo todo;
	bool waits = false;

	if (!conn)
		return false;
	fp_conn_lock(conn, &todo);
	if (rcu_access_pointer(conn->fs) == fs)
		waits = fp_ring_pump_conn(ring, conn, &todo);
	if (waits)
		*needed = todo.needed;
	fp_conn_unlock(conn, &todo);
	fp_conn_put(conn);
	return waits;
}

/* Returns whether there is room for some of what still waits. */
static bool drain_once(struct fp_sock *fs, struct fp_ring *ring)
{
	u32 needed = 1;
	bool waits;

	if (fp_sock_is_rdm(fs))
		waits = fp_crowd_pump(fs, ring, &needed);
	else
		waits = drain_one(fs, ring, &needed);
	if (feed(ring, fs) && !waits) {
		waits = true;
		needed = 1;
	}
	if (!waits)
		return false;
	fp_ring_need(ring, FP_RING_NEED_ROOM);
	return fp_pool_free(ring) >= needed && !fp_ring_is_full(ring);
}

/* Go on with it later. */
static void drain_later(struct fp_sock *fs)
{
	struct sock *sk = &fs->sk;

	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	if (!fp_pool_queue(&fp_sock_ring(fs)->again))
		sock_put(sk);
}

/**
 * fp_ring_drain - go on with what waits for room
 * @fs: the socket; it has a ring
 *
 * Context: process; several at a time.
 */
void fp_ring_drain(struct fp_sock *fs)
{
	if (fs->sk.sk_type == SOCK_DGRAM)
		return;
	while (drain_once(fs, fp_sock_ring(fs))) {
		if (signal_pending(current)) {
			drain_later(fs);
			break;
		}
		cond_resched();
	}
}

/* The same, of a work item, which has a reference to the socket. */
void fp_ring_again(struct work_struct *work)
{
	struct fp_ring *ring = container_of(work, struct fp_ring, again);
	struct fp_sock *fs = ring->fs;

	fp_ring_drain(fs);
	sock_put(&fs->sk);
}

/**
 * fp_ring_wait - something has begun to wait for room
 * @fs: the socket; it has a ring
 *
 * Context: BH off, no connection is locked.
 */
void fp_ring_wait(struct fp_sock *fs)
{
	unsigned int rounds = DRAIN_ROUNDS;

	fp_ring_need(fp_sock_ring(fs), FP_RING_NEED_ROOM);
	if (fp_ring_is_full(fp_sock_ring(fs)))
		return;
	/* Perhaps there is room since before the application could see that. */
	while (drain_once(fs, fp_sock_ring(fs))) {
		if (!--rounds) {
			drain_later(fs);
			break;
		}
	}
}

/**
 * fp_ring_datagram - put a message without a connection into the ring
 * @fs: the socket; it has a ring
 * @packet: the message; stays the caller's
 * @wake: set if who polls is to be woken
 *
 * Context: softirq.
 * Return: 0 or why it is dropped.
 */
int fp_ring_datagram(struct fp_sock *fs, struct fp_packet *packet, bool *wake)
{
	u32 needed;

	if (put_message(fp_sock_ring(fs), &fs->sk, packet, &packet->rx.src, 0, wake,
			&needed))
		return 0;
	return FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS;
}

/* What a socket may be sent must fit. The socket lock is held. */
static int fit(struct fp_sock *fs, const struct fp_ring *ring)
{
	u64 capacity = fp_ring_capacity(ring);
	struct fp_conn *conn = fp_sock_conn(fs);
	u32 max = READ_ONCE(fs->msg_max);

	if (conn)
		max = conn->rx_msg_max;
	if (fs->sk.sk_type == SOCK_DGRAM || max <= capacity)
		return 0;
	if (conn || fs->sk.sk_state == TCP_LISTEN ||
	    (fp_sock_is_rdm(fs) && fp_crowd_size(fs)))
		return -EMSGSIZE;
	WRITE_ONCE(fs->msg_max, capacity);
	return 0;
}

/**
 * fp_ring_create - give a socket a pool and rings (FP_RING)
 * @fs: the socket
 * @optval: struct fp_ring_req
 * @optlen: its length in bytes
 *
 * Context: process.
 * Return: 0, -EINVAL (or a listener of SOCK_SEQPACKET), -EBUSY (it has one),
 *	-EMSGSIZE, -EFAULT, or what fp_pool_create() says.
 */
int fp_ring_create(struct fp_sock *fs, sockptr_t optval, unsigned int optlen)
{
	struct fp_ring_req req;
	struct fp_ring *ring;
	int err = 0;

	if (optlen != sizeof(req))
		return -EINVAL;
	if (copy_from_sockptr(&req, optval, sizeof(req)))
		return -EFAULT;
	ring = fp_pool_create(&fs->sk, &req);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	WRITE_ONCE(ring->ctl->flags, FP_RING_NEED_SEND);

	lock_sock(&fs->sk);
	if (fp_sock_ring(fs))
		err = -EBUSY;
	else if (fs->sk.sk_type == SOCK_SEQPACKET &&
		 fs->sk.sk_state == TCP_LISTEN)
		err = -EINVAL;
	else
		err = fit(fs, ring);
	if (!err) {
		/* Pairs with READ_ONCE() and smp_load_acquire() of it. */
		smp_store_release(&fs->sk.sk_user_data, ring);
		if (fp_sock_is_rdm(fs))
			fp_crowd_want_events(fs);
		/* What came before. */
		fp_ring_drain(fs);
	}
	release_sock(&fs->sk);
	if (err)
		fp_pool_put(ring);
	return err;
}

/**
 * fp_ring_close - a socket is closed
 * @fs: the socket
 *
 * What is still being sent goes on.
 */
void fp_ring_close(struct fp_sock *fs)
{
	struct fp_ring *ring = fp_sock_ring(fs);
	struct fp_conn *conn;
	struct fp_todo todo;

	if (!ring)
		return;
	RCU_INIT_POINTER(ring->sk, NULL);
	/* Pairs with that in put_off() of sendring.c. */
	smp_mb();
	fp_sendring_forget(ring);
	while ((conn = next_hungry(ring))) {
		fp_conn_lock(conn, &todo);
		conn->act->is_hungry = false;
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
}

static int report(const void *value, size_t size, char __user *optval,
		  int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (len > size && clear_user(optval + size, len - size))
		return -EFAULT;
	len = min_t(int, len, size);
	if (put_user(len, optlen) || copy_to_user(optval, value, len))
		return -EFAULT;
	return 0;
}

/**
 * fp_ring_stats - what has happened to a ring
 * @ring: the ring
 * @stats: filled in
 */
void fp_ring_stats(const struct fp_ring *ring, struct fp_ring_stats *stats)
{
	u64 *sum = (u64 *)stats, *part;
	unsigned int i;
	int cpu;

	memset(stats, 0, sizeof(*stats));
	for_each_possible_cpu(cpu) {
		part = (u64 *)per_cpu_ptr(ring->stats, cpu);
		for (i = 0; i < sizeof(*stats) / sizeof(u64); i++)
			sum[i] += READ_ONCE(part[i]);
	}
}

/**
 * fp_ring_getsockopt - FP_RING and FP_RING_STATS
 * @fs: the socket
 * @optname: which
 * @optval: where to
 * @optlen: how much room there is, and how much was written, bytes
 *
 * Return: 0, -EINVAL (no ring), -EFAULT.
 */
int fp_ring_getsockopt(struct fp_sock *fs, int optname, char __user *optval,
		       int __user *optlen)
{
	const struct fp_ring *ring = fp_sock_ring(fs);
	struct fp_ring_stats stats;

	if (!ring)
		return -EINVAL;
	if (optname == FP_RING)
		return report(&ring->info, sizeof(ring->info), optval, optlen);
	fp_ring_stats(ring, &stats);
	return report(&stats, sizeof(stats), optval, optlen);
}

/* So many bytes of a message are sent, as a copy or from where they were. */
void fp_ring_count_sent(struct fp_sock *fs, u32 len, bool mapped)
{
	struct fp_ring *ring = fp_sock_ring(fs);

	if (ring && mapped)
		this_cpu_add(ring->stats->tx_zerocopy, len);
	else if (ring)
		this_cpu_add(ring->stats->tx_copied, len);
}

/**
 * fp_ring_is_readable - is there an event for the application? (poll)
 * @ring: the ring
 *
 * Return: whether there is, as far as the application can be believed.
 */
bool fp_ring_is_readable(const struct fp_ring *ring)
{
	u32 head = READ_ONCE(ring->ctl->event_head);
	const struct fp_ring_event *entry;

	/* Not "begun": who has to write it might never get the CPU. */
	entry = &ring->event[head & (ring->info.events - 1)];
	return READ_ONCE(entry->stamp) == head + 1;
}
