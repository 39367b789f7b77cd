// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RDM: one socket, any number of connections. What arrives on them comes to
 * one queue, in which a connection has one place however much it has: so each
 * gets its turn.
 */
#include <linux/file.h>
#include <linux/jhash.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sockios.h>

#include <asm/ioctls.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

#define FAVOUR_TIME	(1 * USEC_PER_SEC)	/* without a message completed */
#define INVITE_TIME	(1 * USEC_PER_SEC)	/* to come, at least; twice at most */

/**
 * struct fp_rdm - what a SOCK_RDM socket has
 * @conns: its connections (fp_conn.accept), a reference each; under
 *	fp_sock.rx_lock
 * @nr: how many they are; under the same, READ_ONCE()
 * @incoming: connections that have something for the application
 *	(fp_act.incoming), a reference each; filled without a lock, emptied under
 *	fp_sock.rx_lock
 * @ready: the same (fp_act.ready), in the order of their turns; under
 *	fp_sock.rx_lock
 * @out: how many are taken from there and will be back; under the same
 * @missed: somebody found nothing meanwhile; under the same
 * @memory: truesize of all messages, whole or not, bytes
 * @tx_bytes: payload of what is queued and not acknowledged
 * @refused: connections (fp_conn.accept) for whose frames there was no room, in
 *	the order in which they will be told that there is; a reference each;
 *	under fp_sock.rx_lock
 * @ended: connections (fp_conn.accept) that have ended while they were parked, a
 *	reference each: that is to be told, and without memory; under the same
 * @invited: how many were told of room in this INVITE_TIME and have not come;
 *	under the same, READ_ONCE(), as are
 * @invited_before: in the one before
 * @invited_at: when this one began, microseconds
 * @refused_charge: the truesize of what they will bring, on an average, bytes
 * @favoured: the ID of the one connection that may go beyond the limit, to
 *	finish a message, 0: none
 * @favoured_at: since when, microseconds; whoever wins @favoured writes it
 * @events: FP_EVENTS is set; READ_ONCE()/WRITE_ONCE()
 */
struct fp_rdm {
	struct list_head conns;
	struct list_head refused;
	struct list_head ended;
	u32 invited;
	u32 invited_before;
	u64 invited_at;
	u32 refused_charge;
	u32 nr;
	struct llist_head incoming;
	struct list_head ready;
	u32 out;
	bool missed;
	bool events;
	atomic_long_t memory;
	atomic_long_t tx_bytes;
	atomic64_t favoured;
	u64 favoured_at;
};

/* A connection that was opened by sending to an address. */
struct active_key {
	const struct fp_sock *fs;
	union fp_addr addr;
};

static u32 hash(const struct fp_sock *fs, const union fp_addr *addr, u32 seed)
{
	BUILD_BUG_ON(sizeof(*addr) % sizeof(u32));
	return jhash2((const u32 *)addr, sizeof(*addr) / sizeof(u32),
		      seed ^ fs->id);
}

static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct active_key *key = data;

	return hash(key->fs, &key->addr, seed);
}

/* A connection in the table has its socket. */
static u32 hash_conn(const void *data, u32 len, u32 seed)
{
	const struct fp_conn *conn = data;

	return hash(rcu_access_pointer(conn->fs), &conn->path->peer.addr, seed);
}

static int compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct active_key *key = arg->key;
	const struct fp_conn *conn = obj;

	return key->fs != rcu_access_pointer(conn->fs) ||
	       !fp_addr_equal(&key->addr, &conn->path->peer.addr);
}

static const struct rhashtable_params active_params = {
	.key_len	= sizeof(struct active_key),
	.head_offset	= offsetof(struct fp_conn, node),
	.hashfn		= hash_key,
	.obj_hashfn	= hash_conn,
	.obj_cmpfn	= compare,
	.automatic_shrinking = true,
};

int fp_rdm_net_init(struct fp_net *fn)
{
	return rhashtable_init(&fn->active, &active_params);
}

/* No connection is left. */
void fp_rdm_net_exit(struct fp_net *fn)
{
	rhashtable_destroy(&fn->active);
}

int fp_rdm_init(struct fp_sock *fs)
{
	struct fp_rdm *rdm = kzalloc(sizeof(*rdm), GFP_KERNEL_ACCOUNT);

	if (!rdm)
		return -ENOMEM;
	INIT_LIST_HEAD(&rdm->conns);
	INIT_LIST_HEAD(&rdm->refused);
	INIT_LIST_HEAD(&rdm->ended);
	INIT_LIST_HEAD(&rdm->ready);
	fs->rdm = rdm;
	return 0;
}

static struct fp_sock *socket_of(const struct fp_conn *conn)
{
	return rcu_dereference_protected(conn->fs,
					 lockdep_is_held(&conn->lock));
}

/**
 * fp_rdm_forget_addr - who sends to the peer's address from now on opens another
 * @conn: the connection, locked
 */
void fp_rdm_forget_addr(struct fp_conn *conn)
{
	if (!conn->by_addr)
		return;
	conn->by_addr = false;
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
static void charge(struct fp_rdm *rdm, struct fp_act *act)
{
	add_up(&rdm->memory, &act->rx_told, act->rx_memory);
	add_up(&rdm->tx_bytes, &act->tx_told, act->tx_bytes);
}

static void lose_favour(struct fp_rdm *rdm, const struct fp_conn *conn)
{
	if (unlikely(atomic64_read(&rdm->favoured) == (s64)conn->id))
		atomic64_cmpxchg(&rdm->favoured, conn->id, 0);
}

/* Those who were told that there is room have not come. Under the rx_lock. */
static void forget_invited(struct fp_rdm *rdm, u64 now)
{
	u64 passed = now - rdm->invited_at;

	if (passed < INVITE_TIME)
		return;
	WRITE_ONCE(rdm->invited_before,
		   passed < 2 * INVITE_TIME ? rdm->invited : 0);
	WRITE_ONCE(rdm->invited, 0);
	rdm->invited_at = now;
}

static void forget_one_invited(struct fp_rdm *rdm)
{
	if (rdm->invited_before)
		WRITE_ONCE(rdm->invited_before, rdm->invited_before - 1);
	else if (rdm->invited)
		WRITE_ONCE(rdm->invited, rdm->invited - 1);
}

/* What is kept for them, bytes. */
static long reserved(const struct fp_rdm *rdm)
{
	return ((long)rdm->invited + rdm->invited_before) *
	       rdm->refused_charge;
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
	struct fp_rdm *rdm = fs->rdm;
	long room = bytes_left(fs);
	bool may;

	spin_lock(&fs->rx_lock);
	forget_invited(rdm, ktime_to_us(ktime_get()));
	if (conn->invited) {
		conn->invited = false;
		forget_one_invited(rdm);
	} else {
		room -= reserved(rdm);
	}
	may = charge <= room;
	if (may && conn->refused) {
		conn->refused = false;
		list_move_tail(&conn->accept, &rdm->conns);
	}
	spin_unlock(&fs->rx_lock);
	return may;
}

static void refuse(struct fp_sock *fs, struct fp_conn *conn, u32 charge)
{
	struct fp_rdm *rdm = fs->rdm;

	spin_lock(&fs->rx_lock);
	if (!rdm->refused_charge)
		rdm->refused_charge = charge;
	rdm->refused_charge += ((s32)charge - (s32)rdm->refused_charge) / 8;
	if (!conn->refused) {
		conn->refused = true;
		list_move_tail(&conn->accept, &rdm->refused);
	}
	spin_unlock(&fs->rx_lock);
}

static bool is_readable(const struct fp_rdm *rdm)
{
	return !llist_empty(&rdm->incoming) || !list_empty(&rdm->ready) ||
	       !list_empty(&rdm->ended) || READ_ONCE(rdm->out);
}

/* May it go beyond the limit? */
static bool is_favoured(struct fp_sock *fs, struct fp_conn *conn, bool next)
{
	struct fp_rdm *rdm = fs->rdm;
	s64 favoured;
	u64 now;

	if (!next || is_readable(rdm))
		return false;
	now = ktime_to_us(ktime_get());
	favoured = atomic64_read(&rdm->favoured);
	if (favoured == (s64)conn->id)
		return true;
	if (favoured && now - READ_ONCE(rdm->favoured_at) < FAVOUR_TIME)
		return false;
	if (atomic64_cmpxchg(&rdm->favoured, favoured, conn->id) != favoured)
		return false;
	WRITE_ONCE(rdm->favoured_at, now);
	return true;
}

/**
 * fp_rdm_has_room - is there room in the socket for what came?
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
bool fp_rdm_has_room(struct fp_sock *fs, struct fp_conn *conn, bool next,
		     u32 charge)
{
	struct fp_rdm *rdm = fs->rdm;
	bool fits = charge <= bytes_left(fs);

	if (likely(list_empty(&rdm->refused) && !READ_ONCE(rdm->invited) &&
		   !READ_ONCE(rdm->invited_before))) {
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

/* Who is to be told that there is room, a reference; or NULL. */
static struct fp_conn *next_refused(struct fp_sock *fs)
{
	struct fp_rdm *rdm = fs->rdm;
	struct fp_conn *conn;
	long room;

	spin_lock_bh(&fs->rx_lock);
	forget_invited(rdm, ktime_to_us(ktime_get()));
	room = bytes_left(fs) - reserved(rdm);
	conn = list_first_entry_or_null(&rdm->refused, struct fp_conn, accept);
	/* One may come, and perhaps go beyond the limit, if nothing else will. */
	if (room < (long)rdm->refused_charge &&
	    (rdm->invited || rdm->invited_before || is_readable(rdm)))
		conn = NULL;
	if (conn) {
		list_move_tail(&conn->accept, &rdm->conns);
		fp_conn_get(conn);
		WRITE_ONCE(rdm->invited, rdm->invited + 1);
	}
	spin_unlock_bh(&fs->rx_lock);
	return conn;
}

/* Without memory for that it comes by itself. */
static void tell_of_room(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_act *act = NULL;
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	conn->refused = false;
	if (socket_of(conn) == fs && conn->state != FP_CLOSED)
		act = fp_conn_wake(conn, GFP_ATOMIC | __GFP_NOWARN, todo.now);
	if (act) {
		conn->invited = true;
		act->ack_now = true;
		FP_INC_STATS(conn->endpoint->fn, ROOM_TOLD);
		fp_transmit_push(conn, &todo);
	} else {
		spin_lock(&fs->rx_lock);
		forget_one_invited(fs->rdm);
		spin_unlock(&fs->rx_lock);
	}
	fp_conn_unlock(conn, &todo);
}

/*
 * There may be room again: those who found none are told so in turn, as many as
 * there is room for. No lock is held but the socket's.
 */
static void tell_refused(struct fp_sock *fs)
{
	struct fp_conn *conn;

	while (!list_empty(&fs->rdm->refused) && (conn = next_refused(fs))) {
		tell_of_room(fs, conn);
		fp_conn_put(conn);
	}
}

/* The connection is locked. */
static void enqueue(struct fp_rdm *rdm, struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	if (act->queued)
		return;
	act->queued = true;
	fp_conn_get(conn);
	llist_add(&act->incoming, &rdm->incoming);
}

/* A parked one, of which nothing is left to be told but its end. */
static void enqueue_ended(struct fp_sock *fs, struct fp_conn *conn,
			  struct fp_todo *todo)
{
	spin_lock(&fs->rx_lock);
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
 * fp_rdm_part - a socket and one of its connections part
 * @conn: the connection, locked
 * @todo: from fp_conn_lock(); the socket's reference goes at its end
 *
 * If the connection has a place in the queue, who comes to it drops it.
 */
void fp_rdm_part(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_sock *fs = socket_of(conn);
	struct fp_rdm *rdm = fs->rdm;

	fp_rdm_forget_addr(conn);
	lose_favour(rdm, conn);
	if (conn->act) {
		add_up(&rdm->memory, &conn->act->rx_told, 0);
		add_up(&rdm->tx_bytes, &conn->act->tx_told, 0);
	}
	spin_lock(&fs->rx_lock);
	list_del_init(&conn->accept);
	if (conn->invited)
		forget_one_invited(rdm);
	conn->refused = false;
	conn->invited = false;
	WRITE_ONCE(rdm->nr, rdm->nr - 1);
	spin_unlock(&fs->rx_lock);
	RCU_INIT_POINTER(conn->fs, NULL);
	todo->flags |= FP_PARTED;
	/* Who waits for room finds the end. */
	fs->sk.sk_state_change(&fs->sk);
}

/* Does something wait for the application? */
bool fp_rdm_is_readable(const struct fp_sock *fs)
{
	return is_readable(fs->rdm);
}

/**
 * fp_rdm_collect - tell the socket what happened to one of its connections
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 */
void fp_rdm_collect(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_sock *fs = socket_of(conn);
	struct fp_act *act = conn->act;
	struct fp_ring *ring;
	struct fp_rdm *rdm;
	u8 events = 0;

	if (!fs)
		return;
	rdm = fs->rdm;
	ring = fp_sock_ring(fs);
	if (READ_ONCE(rdm->events)) {
		if (todo->flags & FP_OPENED)
			events |= BIT(FP_EVENT_OPENED);
		else if (todo->flags & FP_WAKE_WRITE)
			events |= BIT(FP_EVENT_WRITABLE);
		if (todo->flags & FP_ENDED)
			events |= BIT(FP_EVENT_CLOSED);
	}
	if (act) {
		if (todo->flags & FP_WAKE_READ)
			lose_favour(rdm, conn);
		if (todo->flags & FP_ENDED)
			drop_unfinished(act);
		act->events |= events;
		if (events && !ring)
			todo->flags |= FP_WAKE_READ;
		if (unlikely(ring) && !act->queued && !is_readable(rdm))
			fp_ring_pump(ring, conn, todo);
		charge(rdm, act);
	}
	if (unlikely(ring) && !(todo->flags & FP_PUMPED) &&
	    !list_empty(&rdm->refused))
		todo->flags |= FP_STALLED;
	if (act && (conn->rx_count || act->events)) {
		if (unlikely(ring) && !(todo->flags & FP_PUMPED))
			todo->flags |= FP_STALLED;
		enqueue(rdm, conn);
	} else if (events && !act &&
		   !(ring && fp_ring_tell_closed(ring, conn, todo))) {
		enqueue_ended(fs, conn, todo);
		if (unlikely(ring))
			todo->flags |= FP_STALLED;
	} else if (todo->flags & FP_ENDED) {
		fp_rdm_part(conn, todo);
	}
}

/**
 * fp_rdm_is_full - has a socket as many connections as it may have?
 * @fs: the socket
 *
 * Of several that come at the same time, a few more may be taken.
 *
 * Return: whether it has.
 */
bool fp_rdm_is_full(const struct fp_sock *fs)
{
	const struct fp_net *fn = fp_net(sock_net(&fs->sk));

	return READ_ONCE(fs->rdm->nr) >=
	       fp_setting(fn, socket_connections_max);
}

/*
 * A new connection of the socket; the list gets a reference. Returns false if a
 * peer opened it, and the socket listens no more.
 */
static bool enlist(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_rdm *rdm = fs->rdm;
	bool wanted;

	spin_lock_bh(&fs->rx_lock);
	wanted = !conn->passive || fs->sk.sk_state == TCP_LISTEN;
	if (wanted) {
		list_add_tail(&fp_conn_get(conn)->accept, &rdm->conns);
		WRITE_ONCE(rdm->nr, rdm->nr + 1);
	}
	spin_unlock_bh(&fs->rx_lock);
	return wanted;
}

/**
 * fp_rdm_adopt - a peer has opened a connection
 * @fs: the socket, which listens
 * @conn: the connection, locked
 *
 * Context: softirq, RCU read lock held.
 * Return: false: the socket has just stopped to listen.
 */
bool fp_rdm_adopt(struct fp_sock *fs, struct fp_conn *conn)
{
	u64 now = ktime_to_us(ktime_get());

	if (!enlist(fs, conn))
		return false;
	conn->rdm = true;
	rcu_assign_pointer(conn->fs, fs);
	fp_sock_set_limits(fs, conn);
	fp_timer_keepalive(conn, sock_flag(&fs->sk, SOCK_KEEPOPEN), now);
	return true;
}

/* One more connection; a reference. The socket lock is held. */
static struct fp_conn *open_locked(struct fp_sock *fs, const union fp_addr *to,
				   bool by_addr)
{
	struct fp_conn *conn, *old = NULL;

	if (READ_ONCE(fs->sk.sk_shutdown) & SEND_SHUTDOWN)
		return ERR_PTR(-EPIPE);
	if (fp_rdm_is_full(fs)) {
		FP_INC_STATS(fp_net(sock_net(&fs->sk)), CONNECTS_LIMITED);
		return ERR_PTR(-EAGAIN);
	}
	conn = fp_connect_create(fs, to);
	if (IS_ERR(conn))
		return conn;
	if (by_addr) {
		struct active_key key = {
			.fs = fs, .addr = conn->path->peer.addr
		};

		/* 0.0.0.0 is another name of an address that is known. */
		rcu_read_lock();
		old = rhashtable_lookup_get_insert_key(&conn->endpoint->fn->active, &key,
						       &conn->node,
						       active_params);
		if (!IS_ERR_OR_NULL(old) && !refcount_inc_not_zero(&old->refs))
			old = ERR_PTR(-EAGAIN);
		rcu_read_unlock();
	}
	if (old) {
		RCU_INIT_POINTER(conn->fs, NULL);
		fp_conn_put(conn);
		return old;
	}
	conn->by_addr = by_addr;
	enlist(fs, conn);
	fp_conn_get(conn);
	fp_connect_start(conn, sock_flag(&fs->sk, SOCK_KEEPOPEN));
	return conn;
}

static struct fp_conn *find_addr(struct fp_sock *fs, const union fp_addr *to)
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

/* The connection with this ID, a reference; or NULL. */
static struct fp_conn *find_id(struct fp_sock *fs, u64 id)
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

/* The connection to an address, opened if need be; a reference. */
static struct fp_conn *to_addr(struct fp_sock *fs, const union fp_addr *to,
			       bool *opened)
{
	struct fp_conn *conn = find_addr(fs, to);

	*opened = false;
	if (conn)
		return conn;
	lock_sock(&fs->sk);
	conn = find_addr(fs, to);
	if (!conn) {
		conn = open_locked(fs, to, true);
		*opened = true;
	}
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
		err = fp_seqpacket_send(fs, conn, msg, len);
		if (err != -EPIPE || READ_ONCE(fs->sk.sk_shutdown))
			break;
		/* It was refused at once. */
		if (opened) {
			err = conn->err ?: err;
			break;
		}
		/* It has ended. Perhaps it had all of the message before. */
		left = iov_iter_count(&msg->msg_iter);
		iov_iter_revert(&msg->msg_iter, len - left);
		fp_conn_put(conn);
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	fp_conn_put(conn);
	return err;
}

static int sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
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
	conn = find_id(fs, to->sfp_conn);
	if (!conn)
		return -ENOTCONN;
	err = fp_seqpacket_send(fs, conn, msg, len);
	fp_conn_put(conn);
	return err ?: len;
}

/**
 * struct item - what recvmsg() hands over
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

/* Whose turn it is; the queue's reference is the caller's now. Or NULL. */
static struct fp_conn *next_conn(struct fp_sock *fs)
{
	struct fp_rdm *rdm = fs->rdm;
	struct llist_node *incoming;
	struct fp_act *act, *next;

	spin_lock_bh(&fs->rx_lock);
	/* Those that came first are last in it. */
	incoming = llist_reverse_order(llist_del_all(&rdm->incoming));
	llist_for_each_entry_safe(act, next, incoming, incoming)
		list_add_tail(&act->ready, &rdm->ready);
	act = list_first_entry_or_null(&rdm->ready, struct fp_act, ready);
	if (act) {
		list_del_init(&act->ready);
		WRITE_ONCE(rdm->out, rdm->out + 1);
	} else if (rdm->out) {
		rdm->missed = true;
	}
	spin_unlock_bh(&fs->rx_lock);
	return act ? act->conn : NULL;
}

/*
 * Back into the queue, at its end or for who only peeks at its head, or out of
 * it. The connection is locked.
 */
static void put_back(struct fp_sock *fs, struct fp_conn *conn, bool more,
		     bool first)
{
	struct fp_rdm *rdm = fs->rdm;
	bool missed;

	conn->act->queued = more;
	spin_lock(&fs->rx_lock);
	if (more && first)
		list_add(&conn->act->ready, &rdm->ready);
	else if (more)
		list_add_tail(&conn->act->ready, &rdm->ready);
	WRITE_ONCE(rdm->out, rdm->out - 1);
	missed = rdm->missed && more;
	if (missed)
		rdm->missed = false;
	spin_unlock(&fs->rx_lock);
	if (missed)
		fs->sk.sk_data_ready(&fs->sk);
}

/* The first connection of one of the socket's lists, a reference; or NULL. */
static struct fp_conn *first_of(struct fp_sock *fs,
				struct list_head *list)
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

static void set_closed(const struct fp_conn *conn, struct item *item)
{
	item->id = conn->id;
	item->addr = conn->path->peer.addr;
	item->event.type = FP_EVENT_CLOSED;
	item->event.conn = conn->id;
	item->event.error = -conn->err;
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
		item->event.error = -conn->err;
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

	while (!own && (conn = first_of(fs, &fs->rdm->ended))) {
		fp_conn_lock(conn, &todo);
		own = socket_of(conn) == fs;
		if (own) {
			set_closed(conn, item);
			if (!peek)
				fp_rdm_part(conn, &todo);
		}
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	return own;
}

/* Returns false if there is nothing. */
static bool take(struct fp_sock *fs, bool peek, struct item *item)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool found = false;
	bool own, more;

	while (!found && (conn = next_conn(fs))) {
		fp_conn_lock(conn, &todo);
		own = socket_of(conn) == fs;
		if (own)
			found = take_item(conn, peek, item, &todo);
		more = own && (conn->rx_count || conn->act->events);
		put_back(fs, conn, more, peek);
		if (own && !more && conn->state == FP_CLOSED)
			fp_rdm_part(conn, &todo);
		fp_conn_unlock(conn, &todo);
		if (!more)
			fp_conn_put(conn);
	}
	if (!peek)
		tell_refused(fs);
	return found || take_ended(fs, peek, item);
}

/* Of those that were parked. Returns false if there is no room for all. */
static bool pump_ended(struct fp_sock *fs, struct fp_ring *ring)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool room = true;

	while (room && (conn = first_of(fs, &fs->rdm->ended))) {
		fp_conn_lock(conn, &todo);
		todo.flags |= FP_PUMPED;
		if (socket_of(conn) == fs) {
			room = fp_ring_tell_closed(ring, conn, &todo);
			if (room)
				fp_rdm_part(conn, &todo);
		}
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
	return room;
}

/**
 * fp_rdm_pump - put what waits for room into the socket's ring
 * @fs: the socket
 * @ring: its ring
 * @needed: set to how many slots what comes next needs
 *
 * Context: any.
 * Return: whether something still waits.
 */
bool fp_rdm_pump(struct fp_sock *fs, struct fp_ring *ring, u32 *needed)
{
	struct fp_conn *conn;
	struct fp_todo todo;
	bool own, more;

	while ((conn = next_conn(fs))) {
		fp_conn_lock(conn, &todo);
		own = socket_of(conn) == fs;
		more = own && fp_ring_pump_conn(ring, conn, &todo);
		put_back(fs, conn, more, true);
		if (own && !more && conn->state == FP_CLOSED)
			fp_rdm_part(conn, &todo);
		if (more)
			*needed = todo.needed;
		fp_conn_unlock(conn, &todo);
		if (more)
			return true;
		fp_conn_put(conn);
	}
	tell_refused(fs);
	*needed = 0;
	return !pump_ended(fs, ring);
}

/* FP_EVENTS */
void fp_rdm_want_events(struct fp_sock *fs)
{
	WRITE_ONCE(fs->rdm->events, true);
}

static bool may_receive(const struct fp_sock *fs, const struct fp_conn *conn)
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
		if (take(fs, flags & MSG_PEEK, item))
			return 1;
		if (READ_ONCE(fs->sk.sk_shutdown) & RCV_SHUTDOWN)
			return 0;
		if (!timeo)
			return -EAGAIN;
		err = fp_wait(fs, &timeo, EPOLLIN, false, NULL, may_receive);
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

static int recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		   int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct item item = {};
	int ret;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(&fs->sk, msg, len, SOL_FASTPROTO,
					  FP_RECVINFO);
	if (fp_sock_ring(fs))
		return -EBUSY;
	ret = next_item(fs, flags, &item);
	if (ret <= 0)
		return ret;
	ret = copy_item(fs, &item, msg, len, flags);
	if (item.packet)
		fp_packet_put(item.packet);
	return ret;
}

static __poll_t poll(struct file *file, struct socket *sock,
		     struct poll_table_struct *wait)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	const struct fp_ring *ring;
	__poll_t mask = 0;
	u8 down;

	sock_poll_wait(file, sock, wait);
	down = READ_ONCE(fs->sk.sk_shutdown);
	ring = fp_sock_ring(fs);
	if (ring ? fp_ring_is_readable(ring) : is_readable(fs->rdm))
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

/* Open one more connection (FP_OPEN). */
static int open_conn(struct fp_sock *fs, char __user *optval,
		     int __user *optlen)
{
	struct sockaddr_fp name = {};
	struct fp_conn *conn;
	union fp_addr to;
	int len, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len != sizeof(name))
		return -EINVAL;
	if (copy_from_user(&name, optval, sizeof(name)))
		return -EFAULT;
	err = fp_addr_parse(&to, &name, len);
	if (err)
		return err;
	lock_sock(&fs->sk);
	conn = open_locked(fs, &to, false);
	release_sock(&fs->sk);
	if (IS_ERR(conn))
		return PTR_ERR(conn);
	name.sfp_conn = conn->id;
	fp_conn_put(conn);
	return copy_to_user(optval, &name, sizeof(name)) ? -EFAULT : 0;
}

/* The socket lock is held. Who has lingered is through with it already. */
static void close_conn(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_todo todo;

	if (!READ_ONCE(conn->orphan))
		fp_connect_finish(fs, conn);
	fp_conn_lock(conn, &todo);
	if (socket_of(conn) == fs)
		fp_rdm_part(conn, &todo);
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
	conn = find_id(fs, id);
	if (conn)
		close_conn(fs, conn);
	release_sock(&fs->sk);
	if (!conn)
		return -ENOTCONN;
	fp_conn_put(conn);
	/* What came on it is gone. */
	tell_refused(fs);
	return 0;
}

/*
 * The connection is locked, fp_conn_rouse() was called before. It stays at work
 * as long as it has no socket. Returns 0, -ENOTCONN or -ENOMEM.
 */
static int detach_locked(struct fp_sock *fs, struct fp_conn *conn,
			 struct fp_todo *todo)
{
	if (socket_of(conn) != fs || conn->state != FP_ESTABLISHED)
		return -ENOTCONN;
	if (!fp_conn_wake(conn, GFP_ATOMIC, todo->now))
		return -ENOMEM;
	fp_rdm_part(conn, todo);
	conn->rdm = false;
	conn->act->events = 0;
	return 0;
}

/*
 * The connection, a reference, now without a socket; or an error. @fs is locked.
 */
static struct fp_conn *detach(struct fp_sock *fs, u64 id)
{
	struct fp_conn *conn = find_id(fs, id);
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
	int len, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len != sizeof(arg))
		return -EINVAL;
	if (copy_from_user(&arg, optval, sizeof(arg)))
		return -EFAULT;
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
	conn = detach(fs, arg.conn);
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

static int write_option(struct socket *sock, int level, int optname,
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

static int read_option(struct socket *sock, int level, int optname,
		       char __user *optval, int __user *optlen)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	int len, val;

	if (level == SOL_FASTPROTO && optname == FP_OPEN)
		return open_conn(fs, optval, optlen);
	if (level == SOL_FASTPROTO && optname == FP_PEELOFF)
		return peel_off(fs, optval, optlen);
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

static int get_name(struct socket *sock, struct sockaddr *uaddr, int peername)
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
static int shutdown(struct socket *sock, int how)
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
	if (!take(fs, true, &item))
		return 0;
	*val = item.packet ? item.packet->len : sizeof(item.event);
	if (item.packet)
		fp_packet_put(item.packet);
	return 0;
}

static int ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	int err, val;

	if (cmd == SIOCFPRING)
		return fp_sendring_enter(sock);
	err = fp_rdm_ioctl(fp_sk(sock->sk), cmd, &val);
	return err ?: put_user(val, (int __user *)arg);
}

/* How many connections a socket has. */
u32 fp_rdm_connections(const struct fp_sock *fs)
{
	return READ_ONCE(fs->rdm->nr);
}

/* The truesize of what came in on all of them, bytes. */
u32 fp_rdm_memory(const struct fp_sock *fs)
{
	return clamp_t(long, atomic_long_read(&fs->rdm->memory), 0, U32_MAX);
}

/* Those that are waiting for something come first. */
static struct fp_conn *first_conn(struct fp_sock *fs)
{
	struct fp_rdm *rdm = fs->rdm;

	return first_of(fs, &rdm->ended) ?: first_of(fs, &rdm->refused) ?:
	       first_of(fs, &rdm->conns);
}

/* To the end of the list, unless it is over. */
static void turn_away(struct fp_sock *fs, struct fp_conn *conn)
{
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	if (socket_of(conn) == fs && conn->state == FP_CLOSED) {
		fp_rdm_part(conn, &todo);
	} else if (socket_of(conn) == fs) {
		spin_lock(&fs->rx_lock);
		list_move_tail(&conn->accept, &fs->rdm->conns);
		spin_unlock(&fs->rx_lock);
	}
	fp_conn_unlock(conn, &todo);
}

/* Say farewell on all connections. Those where that is done are behind others. */
static void finish_all(struct fp_sock *fs)
{
	struct fp_conn *conn;

	while ((conn = first_conn(fs)) && !READ_ONCE(conn->orphan)) {
		fp_connect_finish(fs, conn);
		turn_away(fs, conn);
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
	while (timeo && (conn = first_conn(fs))) {
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
	while ((conn = first_conn(fs))) {
		close_conn(fs, conn);
		fp_conn_put(conn);
		cond_resched();
	}
	while ((conn = next_conn(fs))) {
		fp_conn_lock(conn, &todo);
		put_back(fs, conn, false, false);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
}

const struct proto_ops fp_rdm_ops = {
	.owner		= THIS_MODULE,
	.release	= fp_release,
	.bind		= fp_bind,
	.connect	= sock_no_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= get_name,
	.poll		= poll,
	.ioctl		= ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= fp_listen,
	.shutdown	= shutdown,
	.setsockopt	= write_option,
	.getsockopt	= read_option,
	.sendmsg	= sendmsg,
	.recvmsg	= recvmsg,
	.mmap		= fp_pool_mmap,
};
