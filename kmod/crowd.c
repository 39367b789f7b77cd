// SPDX-License-Identifier: GPL-2.0
/*
 * The connections of a SOCK_RDM socket: which they are, and whose turn it is.
 * What arrives on them comes to one queue, in which a connection has one place
 * however much it has: so each gets its turn.
 */
#include <linux/jhash.h>

#include "fastproto.h"
#include "conn.h"
#include "crowd.h"
#include "ring.h"

#define FAVOUR_TIME	(1 * USEC_PER_SEC)	/* without a message completed */
#define INVITE_TIME	HZ	/* to come, at least; twice at most */
#define REMINDERS	2	/* to who does not come */

/* A connection that was opened by sending to an address. */
struct active_key {
	const struct fp_sock *fs;
	union fp_addr addr;
};

static u32 hash_addr(const struct fp_sock *fs, const union fp_addr *addr, u32 seed)
{
	const struct sockaddr_in *sin = &addr->sin;

	BUILD_BUG_ON(sizeof(*addr) % sizeof(u32));
	if (addr->family == AF_INET)
		return jhash_2words((__force u32)sin->sin_addr.s_addr,
				    (__force u16)sin->sin_port, seed ^ fs->id);
	return jhash2((const u32 *)addr, sizeof(*addr) / sizeof(u32),
		      seed ^ fs->id);
}

static u32 hash_active_key(const void *data, u32 len, u32 seed)
{
	const struct active_key *key = data;

	return hash_addr(key->fs, &key->addr, seed);
}

/* A connection in the table has its socket. */
static u32 hash_active(const void *data, u32 len, u32 seed)
{
	const struct fp_conn *conn = data;

	return hash_addr(rcu_access_pointer(conn->fs), &conn->path->peer.addr, seed);
}

static int compare_active(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct active_key *key = arg->key;
	const struct fp_conn *conn = obj;

	return key->fs != rcu_access_pointer(conn->fs) ||
	       !fp_addr_equal(&key->addr, &conn->path->peer.addr);
}

static const struct rhashtable_params active_params = {
	.key_len	= sizeof(struct active_key),
	.head_offset	= offsetof(struct fp_conn, node),
	.hashfn		= hash_active_key,
	.obj_hashfn	= hash_active,
	.obj_cmpfn	= compare_active,
	.automatic_shrinking = true,
};

int fp_crowd_net_init(struct fp_net *fn)
{
	return rhashtable_init(&fn->active, &active_params);
}

/* No connection is left. */
void fp_crowd_net_exit(struct fp_net *fn)
{
	rhashtable_destroy(&fn->active);
}

static void remind_all(struct work_struct *work);

int fp_crowd_init(struct fp_sock *fs)
{
	struct fp_crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL_ACCOUNT);

	if (!crowd)
		return -ENOMEM;
	INIT_LIST_HEAD(&crowd->conns);
	INIT_LIST_HEAD(&crowd->refused);
	INIT_LIST_HEAD(&crowd->told);
	INIT_LIST_HEAD(&crowd->told_before);
	INIT_LIST_HEAD(&crowd->ended);
	INIT_LIST_HEAD(&crowd->ready);
	INIT_DELAYED_WORK(&crowd->reminder, remind_all);
	fp_peer_init(&crowd->way);
	crowd->fs = fs;
	fs->rdm = crowd;
	return 0;
}

/* The socket is no more. */
void fp_crowd_exit(struct fp_sock *fs)
{
	if (!fs->rdm)
		return;
	fp_peer_destroy(&fs->rdm->way);
	kfree(fs->rdm);
}

/**
 * fp_crowd_forget_addr - who sends to the peer's address from now on opens another
 * @conn: the connection, locked
 */
void fp_crowd_forget_addr(struct fp_conn *conn)
{
	if (conn->passive || !conn->hashed)
		return;
	conn->hashed = false;
	rhashtable_remove_fast(&conn->endpoint->fn->active, &conn->node,
			       active_params);
}

static void add_up(atomic_long_t *sum, u32 *told, u32 value)
{
	if (*told == value)
		return;
	atomic_long_add((long)value - (long)*told, sum);
	*told = value;
}

/* What the socket holds follows what the connection holds. */
static void charge_crowd(struct fp_crowd *crowd, struct fp_act *act)
{
	add_up(&crowd->memory, &act->rx_told, act->rx_memory);
	add_up(&crowd->tx_bytes, &act->tx_told, act->tx_bytes);
}

static void lose_favour(struct fp_crowd *crowd, const struct fp_conn *conn)
{
	if (unlikely(atomic64_read(&crowd->favoured) == (s64)conn->id))
		atomic64_cmpxchg(&crowd->favoured, conn->id, 0);
}

/* It came, or will not. Under the rx_lock and the connection's. */
static void uninvite(struct fp_crowd *crowd, struct fp_conn *conn)
{
	if (!conn->invited)
		return;
	conn->invited = false;
	WRITE_ONCE(crowd->invited, crowd->invited - 1);
}

/* What is kept for those who were told that there is room, bytes. */
static long reserved(const struct fp_crowd *crowd)
{
	return (long)crowd->invited * crowd->refused_charge;
}

static long bytes_left(const struct fp_sock *fs)
{
	return READ_ONCE(fs->sk.sk_rcvbuf) -
	       atomic_long_read(&fs->rdm->memory);
}

/*
 * Somebody waits for room, or will come for it. What is kept for those who were
 * told of it is nobody else's, however often he asks.
 */
static bool may_come(struct fp_sock *fs, struct fp_conn *conn, u32 charge)
{
	struct fp_crowd *crowd = fs->rdm;
	long room = bytes_left(fs);
	bool may;

	spin_lock(&fs->rx_lock);
	if (!conn->invited)
		room -= reserved(crowd);
	may = charge <= room;
	if (conn->invited || (conn->refused && may)) {
		conn->refused = false;
		list_move_tail(&conn->accept, &crowd->conns);
	}
	uninvite(crowd, conn);
	spin_unlock(&fs->rx_lock);
	return may;
}

static void refuse(struct fp_sock *fs, struct fp_conn *conn, u32 charge)
{
	struct fp_crowd *crowd = fs->rdm;

	spin_lock(&fs->rx_lock);
	if (!crowd->refused_charge)
		crowd->refused_charge = charge;
	crowd->refused_charge += ((s32)charge - (s32)crowd->refused_charge) / 8;
	if (!conn->refused) {
		conn->refused = true;
		list_move_tail(&conn->accept, &crowd->refused);
	}
	spin_unlock(&fs->rx_lock);
}

/**
 * fp_crowd_is_readable - is there something to be read?
 * @crowd: of a socket
 *
 * Return: whether there is; it may be in somebody's hands.
 */
bool fp_crowd_is_readable(const struct fp_crowd *crowd)
{
	return !llist_empty(&crowd->incoming) || !list_empty(&crowd->ready) ||
	       !list_empty(&crowd->ended) || READ_ONCE(crowd->out);
}

/* May it go beyond the limit? */
static bool is_favoured(struct fp_sock *fs, struct fp_conn *conn, bool next)
{
	struct fp_crowd *crowd = fs->rdm;
	s64 favoured;
	u64 now;

	if (!next || fp_crowd_is_readable(crowd))
		return false;
	now = ktime_to_us(ktime_get());
	favoured = atomic64_read(&crowd->favoured);
	if (favoured == (s64)conn->id)
		return true;
	if (favoured && now - READ_ONCE(crowd->favoured_at) < FAVOUR_TIME)
		return false;
	if (atomic64_cmpxchg(&crowd->favoured, favoured, conn->id) != favoured)
		return false;
	WRITE_ONCE(crowd->favoured_at, now);
	return true;
}

/**
 * fp_crowd_has_room - is there room in the socket for what came?
 * @fs: the socket
 * @conn: the connection that it came on, locked; it has room itself
 * @next: it is next in order
 * @charge: its truesize in bytes
 *
 * The windows of all connections together may be more than the socket can hold.
 * What does not fit is not acknowledged; when there is room, one after the other
 * is told so. When there is nothing whole to be read, a message must get on none
 * the less: one at a time, and if it does not, another's.
 *
 * Context: softirq.
 * Return: whether there is.
 */
bool fp_crowd_has_room(struct fp_sock *fs, struct fp_conn *conn, bool next,
		       u32 charge)
{
	struct fp_crowd *crowd = fs->rdm;
	bool fits = charge <= bytes_left(fs);

	if (likely(list_empty(&crowd->refused) && !READ_ONCE(crowd->invited))) {
		if (likely(fits))
			return true;
	} else if (may_come(fs, conn, charge)) {
		return true;
	}
	if (!fits && is_favoured(fs, conn, next))
		return true;
	refuse(fs, conn, charge);
	return false;
}

static void remind_later(struct fp_crowd *crowd)
{
	queue_delayed_work(system_power_efficient_wq, &crowd->reminder,
			   INVITE_TIME);
}

/* Who is to be told that there is room, a reference; or NULL. */
static struct fp_conn *next_refused(struct fp_sock *fs)
{
	struct fp_crowd *crowd = fs->rdm;
	struct fp_conn *conn;
	long room;

	spin_lock_bh(&fs->rx_lock);
	room = bytes_left(fs) - reserved(crowd);
	conn = list_first_entry_or_null(&crowd->refused, struct fp_conn, accept);
	/* One may come, and perhaps go beyond the limit, if nothing else will. */
	if (room < (long)crowd->refused_charge &&
	    (crowd->invited || fp_crowd_is_readable(crowd)))
		conn = NULL;
	if (conn) {
		list_move_tail(&conn->accept, &crowd->told);
		fp_conn_get(conn);
		WRITE_ONCE(crowd->invited, crowd->invited + 1);
		remind_later(crowd);
	}
	spin_unlock_bh(&fs->rx_lock);
	return conn;
}

static void tell_crowd(struct fp_conn *conn, struct fp_todo *todo)
{
	conn->act->ack_now = true;
	FP_INC_STATS(conn->endpoint->fn, ROOM_TOLD);
	fp_transmit_push(conn, todo);
}

/* A connection of the socket that goes on, at work; or NULL. */
static struct fp_act *wake_conn(struct fp_sock *fs, struct fp_conn *conn, u64 now)
{
	if (fp_conn_sock(conn) != fs || conn->state == FP_CLOSED)
		return NULL;
	return fp_conn_wake(conn, GFP_ATOMIC | __GFP_NOWARN, now);
}

/* Without memory for that it comes by itself. */
static void tell_of_room(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_crowd *crowd = fs->rdm;
	struct fp_act *act = NULL;
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	/* If not, it has come meanwhile, or is over. */
	if (conn->refused)
		act = wake_conn(fs, conn, todo.now);
	spin_lock(&fs->rx_lock);
	if (act) {
		act->reminded = 0;
		conn->invited = true;
	} else {	/* as above, or no memory: another time */
		WRITE_ONCE(crowd->invited, crowd->invited - 1);
		if (conn->refused)
			list_move_tail(&conn->accept, &crowd->conns);
	}
	conn->refused = false;
	spin_unlock(&fs->rx_lock);
	if (act)
		tell_crowd(conn, &todo);
	fp_conn_unlock(conn, &todo);
}

/**
 * fp_crowd_tell_refused - there may be room again
 * @fs: the socket
 *
 * Those who found none are told so in turn, as many as there is room for.
 *
 * Context: process; no lock is held but the socket's.
 */
void fp_crowd_tell_refused(struct fp_sock *fs)
{
	struct fp_conn *conn;

	while (!list_empty(&fs->rdm->refused) && (conn = next_refused(fs))) {
		tell_of_room(fs, conn);
		fp_conn_put(conn);
	}
}

/* What it was told may have got lost, as may what it has sent. */
static void remind(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_crowd *crowd = fs->rdm;
	struct fp_act *act = NULL;
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	if (fp_conn_sock(conn) == fs && conn->invited) {
		act = wake_conn(fs, conn, todo.now);
		if (act && act->reminded++ < REMINDERS) {
			tell_crowd(conn, &todo);
		} else {	/* in vain, or no memory */
			spin_lock(&fs->rx_lock);
			uninvite(crowd, conn);
			list_move_tail(&conn->accept, &crowd->conns);
			spin_unlock(&fs->rx_lock);
		}
	}
	fp_conn_unlock(conn, &todo);
}

/* Who was told two rounds ago, and did not come, a reference; or NULL. */
static struct fp_conn *next_missing(struct fp_sock *fs)
{
	struct fp_crowd *crowd = fs->rdm;
	struct fp_conn *conn;

	spin_lock_bh(&fs->rx_lock);
	conn = list_first_entry_or_null(&crowd->told_before, struct fp_conn,
					accept);
	if (conn) {
		fp_conn_get(conn);
		list_move_tail(&conn->accept, &crowd->told);
	} else {
		list_splice_init(&crowd->told, &crowd->told_before);
	}
	spin_unlock_bh(&fs->rx_lock);
	return conn;
}

/* What is kept for who does not come is for others after that. */
static void remind_all(struct work_struct *work)
{
	struct fp_crowd *crowd = container_of(to_delayed_work(work),
					      struct fp_crowd, reminder);
	struct fp_sock *fs = crowd->fs;
	struct fp_conn *conn;

	while ((conn = next_missing(fs))) {
		remind(fs, conn);
		fp_conn_put(conn);
		cond_resched();
	}
	fp_crowd_tell_refused(fs);
	if (!list_empty(&crowd->told_before) || !list_empty(&crowd->refused))
		remind_later(crowd);
}

/**
 * fp_crowd_stop - tell nobody of room any more
 * @fs: the socket, which has no connection left
 */
void fp_crowd_stop(struct fp_sock *fs)
{
	cancel_delayed_work_sync(&fs->rdm->reminder);
}

/* The connection is locked. */
static void enqueue_ready(struct fp_crowd *crowd, struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	if (act->queued)
		return;
	act->queued = true;
	fp_conn_get(conn);
	llist_add(&act->incoming, &crowd->incoming);
}

/* A parked one, of which nothing is left to be told but its end. */
static void enqueue_ended(struct fp_sock *fs, struct fp_conn *conn,
			  struct fp_todo *todo)
{
	spin_lock(&fs->rx_lock);
	uninvite(fs->rdm, conn);
	conn->refused = false;
	list_move_tail(&conn->accept, &fs->rdm->ended);
	spin_unlock(&fs->rx_lock);
	todo->flags |= FP_WAKE_READ;
}

/* What never became a message. */
static void drop_unfinished(struct fp_act *act)
{
	struct fp_packet *packet;
	struct rb_node *node;

	while ((node = rb_first(&act->rx_ahead))) {
		rb_erase(node, &act->rx_ahead);
		packet = rb_entry(node, struct fp_packet, node);
		act->rx_memory -= packet->charge;
		fp_packet_put(packet);
	}
	for (packet = act->rx_partial; packet; packet = packet->next)
		act->rx_memory -= packet->charge;
	fp_packet_put(act->rx_partial);
	act->rx_partial = NULL;
	act->rx_partial_last = NULL;
}

/**
 * fp_crowd_part - a socket and one of its connections part
 * @conn: the connection, locked
 * @todo: from fp_conn_lock(); the socket's reference goes at its end
 *
 * If the connection has a place in the queue, who comes to it drops it.
 */
void fp_crowd_part(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_sock *fs = fp_conn_sock(conn);
	struct fp_crowd *crowd = fs->rdm;

	fp_crowd_forget_addr(conn);
	lose_favour(crowd, conn);
	if (conn->act) {
		add_up(&crowd->memory, &conn->act->rx_told, 0);
		add_up(&crowd->tx_bytes, &conn->act->tx_told, 0);
	}
	spin_lock(&fs->rx_lock);
	list_del_init(&conn->accept);
	uninvite(crowd, conn);
	conn->refused = false;
	WRITE_ONCE(crowd->nr, crowd->nr - 1);
	spin_unlock(&fs->rx_lock);
	RCU_INIT_POINTER(conn->fs, NULL);
	todo->flags |= FP_PARTED;
	/* Who waits for room finds the end. */
	fs->sk.sk_state_change(&fs->sk);
}

/**
 * fp_crowd_collect - tell the socket what happened to one of its connections
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 */
void fp_crowd_collect(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_sock *fs = fp_conn_sock(conn);
	struct fp_act *act = conn->act;
	struct fp_crowd *crowd;
	struct fp_ring *ring;
	u8 events = 0;

	if (!fs)
		return;
	if (todo->flags & FP_LEAVES) {
		fp_crowd_part(conn, todo);
		return;
	}
	crowd = fs->rdm;
	if (READ_ONCE(crowd->events)) {
		if (todo->flags & FP_OPENED)
			events |= BIT(FP_EVENT_OPENED);
		else if (todo->flags & FP_WAKE_WRITE)
			events |= BIT(FP_EVENT_WRITABLE);
		if (todo->flags & FP_ENDED)
			events |= BIT(FP_EVENT_CLOSED);
	}
	ring = fp_sock_ring(fs);
	if (act) {
		if (todo->flags & FP_WAKE_READ)
			lose_favour(crowd, conn);
		if (todo->flags & FP_ENDED)
			drop_unfinished(act);
		act->events |= events;
		if (events && !ring)
			todo->flags |= FP_WAKE_READ;
		if (unlikely(ring) && !act->queued &&
		    !fp_crowd_is_readable(crowd))
			fp_ring_pump(ring, conn, todo);
		charge_crowd(crowd, act);
	}
	if (unlikely(ring) && !(todo->flags & FP_PUMPED) &&
	    !list_empty(&crowd->refused))
		todo->flags |= FP_STALLED;
	if (act && (act->rx_count || act->events)) {
		if (unlikely(ring) && !(todo->flags & FP_PUMPED))
			todo->flags |= FP_STALLED;
		enqueue_ready(crowd, conn);
	} else if (events && !act &&
		   !(ring && fp_ring_tell_closed(ring, conn, todo))) {
		enqueue_ended(fs, conn, todo);
		if (unlikely(ring))
			todo->flags |= FP_STALLED;
	} else if (todo->flags & FP_ENDED) {
		fp_crowd_part(conn, todo);
	}
}

/**
 * fp_crowd_is_full - has a socket as many connections as it may have?
 * @fs: the socket
 *
 * Of several that come at the same time, a few more may be taken.
 *
 * Return: whether it has.
 */
bool fp_crowd_is_full(const struct fp_sock *fs)
{
	const struct fp_net *fn = fp_net(sock_net(&fs->sk));

	return READ_ONCE(fs->rdm->nr) >=
	       fp_setting(fn, socket_connections_max);
}

/**
 * fp_crowd_enlist - a new connection of the socket
 * @fs: the socket
 * @conn: the connection; the list gets a reference
 *
 * Return: false: a peer opened it, and the socket listens no more.
 */
bool fp_crowd_enlist(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_crowd *crowd = fs->rdm;
	bool wanted;

	spin_lock_bh(&fs->rx_lock);
	wanted = !conn->passive || fs->sk.sk_state == TCP_LISTEN;
	if (wanted) {
		list_add_tail(&fp_conn_get(conn)->accept, &crowd->conns);
		WRITE_ONCE(crowd->nr, crowd->nr + 1);
	}
	spin_unlock_bh(&fs->rx_lock);
	return wanted;
}

/**
 * fp_crowd_adopt - a peer has opened a connection
 * @fs: the socket, which listens
 * @conn: the connection, locked
 *
 * Context: softirq, RCU read lock held.
 * Return: false: the socket has just stopped to listen.
 */
bool fp_crowd_adopt(struct fp_sock *fs, struct fp_conn *conn)
{
	u64 now = ktime_to_us(ktime_get());

	if (!fp_crowd_enlist(fs, conn))
		return false;
	fp_conn_set(conn, FP_CONN_RDM);
	rcu_assign_pointer(conn->fs, fs);
	fp_sock_set_limits(fs, conn);
	fp_timer_keepalive(conn, sock_flag(&fs->sk, SOCK_KEEPOPEN), now);
	return true;
}

/**
 * fp_crowd_insert_addr - let a connection be found by its peer's address
 * @conn: a new connection, known to nobody yet
 *
 * Return: NULL; or the one that is found so already, a reference; -EAGAIN if
 *	that is about to go; or another error.
 */
struct fp_conn *fp_crowd_insert_addr(struct fp_conn *conn)
{
	const struct active_key key = {
		.fs = rcu_access_pointer(conn->fs),
		.addr = conn->path->peer.addr,
	};
	struct fp_conn *old;

	rcu_read_lock();
	old = rhashtable_lookup_get_insert_key(&conn->endpoint->fn->active, &key,
					       &conn->node, active_params);
	/* Its last reference went since it was found, a few instructions ago. */
	if (!IS_ERR_OR_NULL(old) && !refcount_inc_not_zero(&old->refs))
		old = ERR_PTR(-EAGAIN);
	rcu_read_unlock();
	if (!old)
		conn->hashed = true;
	return old;
}

/**
 * fp_crowd_find_addr - find a connection that was opened by sending to an address
 * @fs: the socket
 * @to: the address
 *
 * Return: the connection, a reference; or NULL.
 */
struct fp_conn *fp_crowd_find_addr(struct fp_sock *fs, const union fp_addr *to)
{
	struct active_key key = { .fs = fs, .addr = *to };
	struct fp_conn *conn;

	rcu_read_lock();
	conn = rhashtable_lookup(&fp_net(sock_net(&fs->sk))->active, &key,
				 active_params);
	if (conn && !refcount_inc_not_zero(&conn->refs))
		conn = NULL;
	rcu_read_unlock();
	return conn;
}

/**
 * fp_crowd_find_id - find a connection of a socket
 * @fs: the socket
 * @id: the connection's ID
 *
 * Return: the connection, a reference; or NULL.
 */
struct fp_conn *fp_crowd_find_id(struct fp_sock *fs, u64 id)
{
	struct fp_conn *conn;

	rcu_read_lock();
	conn = fp_conn_find(fp_net(sock_net(&fs->sk)), fp_id_slot(id));
	if (conn && (conn->id != id || rcu_access_pointer(conn->fs) != fs)) {
		fp_conn_put(conn);
		conn = NULL;
	}
	rcu_read_unlock();
	return conn;
}

/**
 * fp_crowd_next - whose turn is it to be read?
 * @fs: the socket
 *
 * Return: the connection, the queue's reference, for fp_crowd_put_back(); or NULL.
 */
struct fp_conn *fp_crowd_next(struct fp_sock *fs)
{
	struct fp_crowd *crowd = fs->rdm;
	struct llist_node *incoming;
	struct fp_act *act, *next;

	spin_lock_bh(&fs->rx_lock);
	/* Those that came first are last in it. */
	incoming = llist_reverse_order(llist_del_all(&crowd->incoming));
	llist_for_each_entry_safe(act, next, incoming, incoming)
		list_add_tail(&act->ready, &crowd->ready);
	act = list_first_entry_or_null(&crowd->ready, struct fp_act, ready);
	if (act) {
		list_del_init(&act->ready);
		WRITE_ONCE(crowd->out, crowd->out + 1);
	} else if (crowd->out) {
		crowd->missed = true;
	}
	spin_unlock_bh(&fs->rx_lock);
	return act ? act->conn : NULL;
}

/**
 * fp_crowd_put_back - back into the queue, or out of it
 * @fs: the socket
 * @conn: from fp_crowd_next(), locked
 * @more: there is more to be read: the reference is the queue's again
 * @first: for who only peeks: at its head, and not at its end
 */
void fp_crowd_put_back(struct fp_sock *fs, struct fp_conn *conn, bool more,
		       bool first)
{
	struct fp_crowd *crowd = fs->rdm;
	bool missed;

	conn->act->queued = more;
	spin_lock(&fs->rx_lock);
	if (more && first)
		list_add(&conn->act->ready, &crowd->ready);
	else if (more)
		list_add_tail(&conn->act->ready, &crowd->ready);
	WRITE_ONCE(crowd->out, crowd->out - 1);
	missed = crowd->missed && more;
	if (missed)
		crowd->missed = false;
	spin_unlock(&fs->rx_lock);
	if (missed)
		fs->sk.sk_data_ready(&fs->sk);
}

/* How many connections a socket has. */
u32 fp_crowd_size(const struct fp_sock *fs)
{
	return READ_ONCE(fs->rdm->nr);
}

/* The truesize of what came in on all of them, bytes. */
u32 fp_crowd_memory(const struct fp_sock *fs)
{
	return clamp_t(long, atomic_long_read(&fs->rdm->memory), 0, U32_MAX);
}

void fp_crowd_count_sent(struct fp_sock *fs, u32 len)
{
	atomic64_add(len, &fs->rdm->sent);
}

/* What went over all of them, those that have ended included. */
void fp_crowd_bytes(const struct fp_sock *fs, u64 *sent, u64 *taken)
{
	*sent = atomic64_read(&fs->rdm->sent);
	*taken = atomic64_read(&fs->rdm->taken);
}

/**
 * fp_crowd_first_of - the first connection of one of a socket's lists
 * @fs: the socket
 * @list: the list
 *
 * Return: the connection, a reference; or NULL.
 */
struct fp_conn *fp_crowd_first_of(struct fp_sock *fs, struct list_head *list)
{
	struct fp_conn *conn;

	if (list_empty(list))
		return NULL;
	spin_lock_bh(&fs->rx_lock);
	conn = list_first_entry_or_null(list, struct fp_conn, accept);
	if (conn)
		fp_conn_get(conn);
	spin_unlock_bh(&fs->rx_lock);
	return conn;
}

/**
 * fp_crowd_first - a connection of a socket
 * @fs: the socket
 *
 * Return: the connection, a reference, those that are waiting for something
 *	before others; or NULL.
 */
struct fp_conn *fp_crowd_first(struct fp_sock *fs)
{
	struct fp_crowd *crowd = fs->rdm;

	return fp_crowd_first_of(fs, &crowd->ended) ?:
	       fp_crowd_first_of(fs, &crowd->refused) ?:
	       fp_crowd_first_of(fs, &crowd->told) ?:
	       fp_crowd_first_of(fs, &crowd->told_before) ?:
	       fp_crowd_first_of(fs, &crowd->conns);
}

/* Of those that were parked. Returns false if there is no room for all. */
static bool pump_ended(struct fp_sock *fs, struct fp_ring *ring)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool room = true;

	while (room && (conn = fp_crowd_first_of(fs, &fs->rdm->ended))) {
		fp_conn_lock(conn, &todo);
		todo.flags |= FP_PUMPED;
		if (fp_conn_sock(conn) == fs) {
			room = fp_ring_tell_closed(ring, conn, &todo);
			if (room)
				fp_crowd_part(conn, &todo);
		}
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	return room;
}

/**
 * fp_crowd_pump - put what waits for room into the socket's ring
 * @fs: the socket
 * @ring: its ring
 * @needed: set to how many slots what comes next needs
 *
 * Context: any.
 * Return: whether something still waits.
 */
bool fp_crowd_pump(struct fp_sock *fs, struct fp_ring *ring, u32 *needed)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool own, more;

	while ((conn = fp_crowd_next(fs))) {
		fp_conn_lock(conn, &todo);
		own = fp_conn_sock(conn) == fs;
		more = own && fp_ring_pump_conn(ring, conn, &todo);
		fp_crowd_put_back(fs, conn, more, true);
		if (own && !more && conn->state == FP_CLOSED)
			fp_crowd_part(conn, &todo);
		if (more)
			*needed = todo.needed;
		fp_conn_unlock(conn, &todo);
		if (more)
			return true;
		fp_conn_put(conn);
	}
	fp_crowd_tell_refused(fs);
	*needed = 0;
	return !pump_ended(fs, ring);
}

/* FP_EVENTS */
void fp_crowd_want_events(struct fp_sock *fs)
{
	WRITE_ONCE(fs->rdm->events, true);
}

/**
 * fp_crowd_turn_away - to the end of the list, unless it is over
 * @fs: the socket
 * @conn: one of its connections
 */
void fp_crowd_turn_away(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	if (fp_conn_sock(conn) == fs && conn->state == FP_CLOSED) {
		fp_crowd_part(conn, &todo);
	} else if (fp_conn_sock(conn) == fs) {
		spin_lock(&fs->rx_lock);
		uninvite(fs->rdm, conn);
		list_move_tail(&conn->accept, &fs->rdm->conns);
		spin_unlock(&fs->rx_lock);
	}
	fp_conn_unlock(conn, &todo);
}
