// SPDX-License-Identifier: GPL-2.0
/* A connection's life: how it is made, found, ended and freed. */
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/wait_bit.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

#define XMIT_ROUNDS	16	/* of what others collect meanwhile */

static struct kmem_cache *conn_cache;
static struct kmem_cache *crowded_cache;

/* Who the client is: by that a listener's connection is found. */
struct passive_key {
	union fp_addr addr;
	u64 id;
};

/* IDs are as good as random; for those that are not there is the seed. */
static u32 hash_passive_key(const void *data, u32 len, u32 seed)
{
	const struct passive_key *key = data;

	return jhash_2words(key->id >> 32, key->id, seed);
}

static u32 hash_passive(const void *data, u32 len, u32 seed)
{
	const struct fp_conn *conn = data;

	return jhash_2words(conn->peer_id >> 32, conn->peer_id, seed);
}

static int compare_passive(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct passive_key *key = arg->key;
	const struct fp_conn *conn = obj;

	return key->id != conn->peer_id ||
	       !fp_addr_equal(&key->addr, &conn->path->peer.addr);
}

static const struct rhashtable_params passive_params = {
	.key_len	= sizeof(struct passive_key),
	.head_offset	= offsetof(struct fp_conn, node),
	.hashfn		= hash_passive_key,
	.obj_hashfn	= hash_passive,
	.obj_cmpfn	= compare_passive,
	.automatic_shrinking = true,
};

int __init fp_conn_init(void)
{
	int err = -ENOMEM;

	BUILD_BUG_ON(sizeof(spinlock_t) == sizeof(u32) &&
		     offsetof(struct fp_conn, crowd_seqs) > FP_CONN_SIZE_MAX);

	conn_cache = kmem_cache_create("fastproto_conn",
				       offsetof(struct fp_conn, crowd_seqs),
				       0, SLAB_ACCOUNT, NULL);
	if (!conn_cache)
		return err;
	crowded_cache = kmem_cache_create("fastproto_conn_rdm",
					  sizeof(struct fp_conn), 0,
					  SLAB_ACCOUNT, NULL);
	if (!crowded_cache)
		goto destroy_cache;
	err = fp_path_init();
	if (err)
		goto destroy_crowded;
	err = fp_act_init();
	if (err)
		goto exit_path;
	err = fp_keep_init();
	if (err)
		goto exit_act;
	return 0;

exit_act:
	fp_act_exit();
exit_path:
	fp_path_exit();
destroy_crowded:
	kmem_cache_destroy(crowded_cache);
destroy_cache:
	kmem_cache_destroy(conn_cache);
	return err;
}

/* No connection is left. */
void fp_conn_exit(void)
{
	fp_keep_exit();
	fp_act_exit();
	fp_path_exit();
	kmem_cache_destroy(crowded_cache);
	kmem_cache_destroy(conn_cache);
}

int fp_conn_net_init(struct net *net)
{
	struct fp_net *fn = fp_net(net);
	int err;

	fp_act_net_init(fn);
	fp_keep_net_init(fn);
	err = fp_slots_init(&fn->slots);
	if (err)
		return err;
	/*
	 * What follows gets its memory in any case (rhashtable_init() ends with
	 * __GFP_NOFAIL); only a limit on vmalloc space could make it fail.
	 */
	err = fp_path_net_init(fn);
	if (err)
		goto exit_slots;
	err = fp_crowd_net_init(fn);
	if (err)
		goto exit_paths;
	err = rhashtable_init(&fn->passive, &passive_params);
	if (err)
		goto exit_crowd;
	ratelimit_state_init(&fn->rst_limit, HZ, 0);
	ratelimit_set_flags(&fn->rst_limit, RATELIMIT_MSG_ON_RELEASE);
	return 0;

exit_crowd:
	fp_crowd_net_exit(fn);
exit_paths:
	fp_path_net_exit(fn);
exit_slots:
	fp_slots_exit(&fn->slots);
	return err;
}

/**
 * fp_conn_net_end - end all connections of a namespace
 * @net: the namespace, which has no sockets left
 *
 * What is still being delivered after its socket was closed is given up.
 *
 * Context: process.
 */
void fp_conn_net_end(struct net *net)
{
	struct fp_net *fn = fp_net(net);
	struct fp_todo todo;
	struct fp_conn *conn;
	u32 i;

	for (i = 0; i < fn->slots.capacity; i++) {
		rcu_read_lock();
		conn = fp_conn_find(fn, i);
		rcu_read_unlock();
		if (!conn)
			continue;
		fp_conn_lock(conn, &todo);
		fp_conn_end(conn, -ENETDOWN, &todo);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
	}
}

/**
 * fp_conn_net_wait - wait until no connection is left
 * @net: the namespace, after fp_conn_net_end()
 *
 * That takes a grace period, and timers that run just now. The last connection's
 * RCU callback may still be about to return.
 *
 * Context: process.
 */
void fp_conn_net_wait(struct net *net)
{
	struct fp_net *fn = fp_net(net);

	wait_var_event(&fn->conns, !atomic_read(&fn->conns));
}

/**
 * fp_conn_net_exit - free the tables of a namespace's connections
 * @net: the namespace; no connection is left, and nobody looks for one
 *
 * Context: process.
 */
void fp_conn_net_exit(struct net *net)
{
	struct fp_net *fn = fp_net(net);

	fp_act_net_exit(fn);
	fp_keep_net_exit(fn);
	fp_cookies_free(fn);
	fp_jar_free(fn);
	rhashtable_destroy(&fn->passive);
	fp_crowd_net_exit(fn);
	fp_path_net_exit(fn);
	fp_slots_exit(&fn->slots);
}

static void uncount(struct fp_net *fn)
{
	if (atomic_dec_and_test(&fn->conns))
		wake_up_var(&fn->conns);
}

/* One of SOCK_RDM is larger: in a list of its socket as long as that has it. */
static struct kmem_cache *cache_of(bool crowded)
{
	return crowded ? crowded_cache : conn_cache;
}

static void free_conn_rcu(struct rcu_head *rcu)
{
	struct fp_conn *conn = container_of(rcu, struct fp_conn, rcu);
	struct fp_net *fn = conn->endpoint->fn;

	fp_path_put(fn, conn->path);
	fp_endpoint_put(conn->endpoint);
	fp_slot_release(&fn->slots, fp_id_slot(conn->id));
	kmem_cache_free(cache_of(conn->crowded), conn);
	uncount(fn);
}

/**
 * fp_conn_put - give up a reference
 * @conn: not used any more by the caller, or NULL
 *
 * Context: any.
 */
void fp_conn_put(struct fp_conn *conn)
{
	if (!conn || !refcount_dec_and_test(&conn->refs))
		return;
	/* Who finds the connection yet can't have a reference to it any more. */
	fp_act_free(conn->act);
	call_rcu(&conn->rcu, free_conn_rcu);
}

/* One connection more, unless there are as many as there may be. */
static bool count(struct fp_net *fn)
{
	int max = READ_ONCE(fn->settings.connections_max);
	int conns = atomic_read(&fn->conns);

	do {
		if (conns >= max)
			return false;
	} while (!atomic_try_cmpxchg(&fn->conns, &conns, conns + 1));
	return true;
}

/**
 * fp_conn_create - make a connection that nobody knows yet
 * @endpoint: its local port
 * @peer: addresses, mark and interface
 * @route: the way there, if it is known, or NULL
 * @slot: from fp_slot_reserve()
 * @crowded: it is for a socket of SOCK_RDM
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Context: any.
 * Return: the connection in FP_CLOSED, one reference, which is to be the
 *	table's; the slot goes with it. Or -EAGAIN (there are as many as there
 *	may be), -ESHUTDOWN (the port was found under RCU only, and is just being
 *	closed), -ENOMEM, or what fp_path_get() says.
 */
struct fp_conn *fp_conn_create(struct fp_endpoint *endpoint,
			       const struct fp_peer *peer,
			       const struct fp_route *route, u32 slot,
			       bool crowded, gfp_t gfp)
{
	struct fp_net *fn = endpoint->fn;
	struct fp_conn *conn;
	struct fp_act *act;
	int err = -ENOMEM;
	u64 now;

	if (!count(fn))
		return ERR_PTR(-EAGAIN);
	conn = kmem_cache_zalloc(cache_of(crowded), gfp);
	if (!conn)
		goto uncount;
	act = fp_act_create(gfp);
	if (!act)
		goto free_conn;
	if (!refcount_inc_not_zero(&endpoint->refs)) {
		err = -ESHUTDOWN;
		goto free_act;
	}
	conn->path = fp_path_get(endpoint, peer, route, gfp);
	if (IS_ERR(conn->path)) {
		err = PTR_ERR(conn->path);
		goto put_endpoint;
	}
	conn->endpoint = endpoint;
	conn->crowded = crowded;
	/* Never 0: that is what a frame says whose sender knows no ID. */
	conn->id = (u64)(get_random_u32() | 1) << 32 | slot;
	refcount_set(&conn->refs, 1);
	spin_lock_init(&conn->lock);
	INIT_LIST_HEAD(&conn->accept);
	now = ktime_to_us(ktime_get());
	conn->created = now >> FP_CREATED_SHIFT;
	fp_act_begin(conn, act, now);
	return conn;

put_endpoint:
	fp_endpoint_put(endpoint);
free_act:
	fp_act_free(act);
free_conn:
	kmem_cache_free(cache_of(crowded), conn);
uncount:
	uncount(fn);
	return ERR_PTR(err);
}

/**
 * fp_conn_publish - let frames find a connection
 * @conn: from fp_conn_create()
 * @state: its state from now on
 *
 * Context: any.
 * Return: 0; a passive one may find that there is already a connection with
 *	this client: -EEXIST; -ENOMEM.
 */
int fp_conn_publish(struct fp_conn *conn, enum fp_state state)
{
	struct fp_net *fn = conn->endpoint->fn;
	int err;

	conn->state = state;
	if (conn->passive) {
		const struct passive_key key = {
			.addr = conn->path->peer.addr, .id = conn->peer_id
		};

		err = rhashtable_lookup_insert_key(&fn->passive, &key,
						   &conn->node, passive_params);
		if (err) {
			conn->state = FP_CLOSED;
			return err;
		}
		conn->hashed = true;
	}
	fp_slot_publish(&fn->slots, fp_id_slot(conn->id), conn);
	return 0;
}

/**
 * fp_conn_find - find the connection of a slot
 * @fn: the namespace
 * @slot: index of the slot
 *
 * Context: any, RCU read lock held.
 * Return: the connection, a reference; or NULL. The tag is not looked at.
 */
struct fp_conn *fp_conn_find(struct fp_net *fn, u32 slot)
{
	struct fp_conn *conn = fp_slot_find(&fn->slots, slot);

	if (!conn || !refcount_inc_not_zero(&conn->refs))
		return NULL;
	return conn;
}

/**
 * fp_conn_forget_client - an echo of its client does not find it any more
 * @conn: the connection, locked
 *
 * Its cookie has been used, so another connection does not come of such an echo.
 */
void fp_conn_forget_client(struct fp_conn *conn)
{
	if (!conn->passive || !conn->hashed)
		return;
	conn->hashed = false;
	rhashtable_remove_fast(&conn->endpoint->fn->passive, &conn->node,
			       passive_params);
}

/**
 * fp_conn_find_passive - find a listener's connection by its client
 * @fn: the namespace
 * @addr: the client's address
 * @id: the client's connection ID
 *
 * Context: any, RCU read lock held.
 * Return: the connection, a reference; or NULL.
 */
struct fp_conn *fp_conn_find_passive(struct fp_net *fn,
				     const union fp_addr *addr, u64 id)
{
	struct passive_key key = { .addr = *addr, .id = id };
	struct fp_conn *conn;

	conn = rhashtable_lookup(&fn->passive, &key, passive_params);
	if (!conn || !refcount_inc_not_zero(&conn->refs))
		return NULL;
	return conn;
}

/**
 * __fp_conn_lock - fp_conn_lock() where BH is off
 * @conn: the connection; a reference is held, or at least the RCU read lock: then
 *	only its state may be looked at if that is FP_CLOSED
 * @todo: collects what is to be done in the end
 *
 * Context: BH off, up to __fp_conn_unlock() at least.
 */
void __fp_conn_lock(struct fp_conn *conn, struct fp_todo *todo)
	__acquires(&conn->lock)
{
	todo->reset = NULL;
	todo->flags = 0;
	spin_lock(&conn->lock);
	todo->now = ktime_to_us(ktime_get());
}

/**
 * __fp_conn_leave - unlock a connection that was over before it was locked
 * @conn: the connection, in FP_CLOSED; by __fp_conn_lock()
 */
void __fp_conn_leave(struct fp_conn *conn)
	__releases(&conn->lock)
{
	spin_unlock(&conn->lock);
}

static void lower_mtu(struct fp_conn *conn)
	__must_hold(&conn->lock)
{
	u32 mtu = fp_transmit_mtu_below(conn);

	spin_unlock(&conn->lock);
	rcu_read_lock();
	fp_path_lower_mtu(conn->path, conn->endpoint, mtu);
	rcu_read_unlock();
	spin_lock(&conn->lock);
}

static void wake(struct fp_conn *conn, u32 flags)
{
	struct fp_sock *fs = rcu_dereference_bh(conn->fs);
	struct sock *sk;

	if (!fs)
		return;
	sk = &fs->sk;
	if (flags & FP_WAKE_ERROR)
		sk_error_report(sk);
	if (flags & FP_WAKE_STATE)
		sk->sk_state_change(sk);
	if (flags & FP_WAKE_READ)
		sk->sk_data_ready(sk);
	if (flags & FP_WAKE_WRITE)
		sk->sk_write_space(sk);
}

/* Something waits for room in the socket's ring. */
static void go_on(struct fp_conn *conn)
{
	struct fp_sock *fs = rcu_dereference_bh(conn->fs);

	if (fs)
		fp_ring_wait(fs);
}

/*
 * Give what is collected to IP, in the order in which it was made: only one at a
 * time does that for a connection, and for all others who come meanwhile. But not
 * for ever: then a timer goes on with it.
 */
static noinline void transmit(struct fp_conn *conn, bool lower)
	__must_hold(&conn->lock)
{
	struct fp_act *act = conn->act;
	unsigned int rounds = XMIT_ROUNDS;
	struct sk_buff *list;
	u8 tos;

	if (act->xmitting)
		return;
	act->xmitting = true;
	if (unlikely(lower))
		lower_mtu(conn);
	while (act->out && rounds--) {
		list = act->out;
		act->out = NULL;
		act->out_end = &act->out;
		tos = fp_transmit_tos(conn);
		spin_unlock(&conn->lock);
		fp_transmit_xmit(conn, list, tos);
		spin_lock(&conn->lock);
	}
	act->xmitting = false;
	if (unlikely(act->out))
		fp_timer_hold(conn, 0, ktime_to_us(ktime_get()));
}

/* What hardly ever is to be done. */
static noinline void finish_todo(struct fp_conn *conn, u32 flags)
{
	if (flags & FP_STALLED)
		go_on(conn);
	if (flags & FP_ENDED)
		fp_conn_put(conn);
	if (flags & FP_PARTED)
		fp_conn_put(conn);
}

/**
 * __fp_conn_unlock - fp_conn_unlock() that leaves BH off
 * @conn: the connection; the caller has a reference, which stays, or at least the
 *	RCU read lock if it has no output
 * @todo: from __fp_conn_lock()
 *
 * BH is off to the end: what came in now and allowed more to be sent would
 * overtake what goes out here.
 */
void __fp_conn_unlock(struct fp_conn *conn, struct fp_todo *todo)
	__releases(&conn->lock)
{
	struct fp_act *act = conn->act;
	struct fp_txbuf *done = NULL;

	if (likely(act)) {
		done = act->tx_done;
		act->tx_done = NULL;
		if (fp_conn_has_output(conn, todo))
			transmit(conn, todo->flags & FP_LOWER_MTU);
	}
	if (fp_conn_is(conn, FP_CONN_RDM))
		fp_crowd_collect(conn, todo);
	else if (unlikely(fp_conn_ring(conn)))
		fp_ring_collect(conn, todo);
	spin_unlock(&conn->lock);

	/* A parked connection has nothing to send but that. */
	if (unlikely(todo->reset))
		fp_transmit_xmit(conn, todo->reset, 0);
	if (todo->flags & FP_WAKES)
		wake(conn, todo->flags);
	if (done)
		fp_txbuf_purge_reversed(done);
	if (unlikely(todo->flags & (FP_STALLED | FP_ENDED | FP_PARTED)))
		finish_todo(conn, todo->flags);
}

/**
 * fp_conn_end - a connection is over
 * @conn: the connection, locked
 * @err: what its socket is told, a negative errno, or 0: it ended in good order
 * @todo: from fp_conn_lock()
 *
 * What the application has not fetched yet stays for it.
 */
void fp_conn_end(struct fp_conn *conn, int err, struct fp_todo *todo)
{
	struct fp_net *fn = conn->endpoint->fn;
	struct fp_act *act = conn->act;
	struct fp_sock *fs;

	lockdep_assert_held(&conn->lock);
	if (conn->state == FP_CLOSED)
		return;
	fs = fp_conn_sock(conn);
	BUILD_BUG_ON(EHWPOISON > U8_MAX);
	conn->error = -err;
	/* A socket with many goes on. */
	if (fs && err && !fp_conn_is(conn, FP_CONN_RDM))
		WRITE_ONCE(fs->sk.sk_err, -err);
	/* Who sees the state sees the error. */
	smp_store_release(&conn->state, FP_CLOSED);
	fp_conn_forget_client(conn);
	fp_slot_unpublish(&fn->slots, fp_id_slot(conn->id));
	if (act) {
		WRITE_ONCE(conn->path->rtt, fp_rtt_srtt(&act->rtt));
		fp_transmit_purge(conn);
		memset(act->deadline, 0, sizeof(act->deadline));
		fp_timer_stop(conn);
	}
	fp_keep_free(fp_keep_end(conn));
	fp_crowd_forget_addr(conn);
	todo->flags |= FP_ENDED | FP_WAKE_STATE;
	if (err && !fp_conn_is(conn, FP_CONN_RDM))
		todo->flags |= FP_WAKE_ERROR;
}

/**
 * fp_conn_finish - both ends are through
 * @conn: the connection, locked, with fp_act.finished
 * @todo: from fp_conn_lock()
 *
 * All that is to be said is said, or will be asked for again.
 */
void fp_conn_finish(struct fp_conn *conn, struct fp_todo *todo)
{
	FP_INC_STATS(conn->endpoint->fn, ENDED_CLOSED);
	fp_conn_end(conn, 0, todo);
}

/**
 * fp_conn_abort - end a connection and tell the peer
 * @conn: the connection, locked
 * @err: as for fp_conn_end()
 * @why: the reason for the peer
 * @todo: from fp_conn_lock()
 */
void fp_conn_abort(struct fp_conn *conn, int err, enum fp_rst_reason why,
		   struct fp_todo *todo)
{
	if (conn->state > FP_ECHO_SENT) {
		fp_handshake_given_up(conn);
		fp_transmit_rst(conn, why, todo);
	}
	if (conn->state != FP_CLOSED && why == FP_RST_TIMEOUT)
		FP_INC_STATS(conn->endpoint->fn, ENDED_TIMEOUT);
	else if (conn->state != FP_CLOSED)
		FP_INC_STATS(conn->endpoint->fn, ENDED_ABORTED);
	fp_conn_end(conn, err, todo);
}
