// SPDX-License-Identifier: GPL-2.0
/*
 * Keepalive of parked connections. A connection at work has a timer for it; one
 * that is parked has an entry in a coarse wheel of its namespace, which has it at
 * work again when its peer is to be asked. What goes on then is the timer's.
 *
 * However many they are, and if all began at the same time: when an entry is due
 * is spread at random, and a bounded number is woken at a time.
 */
#include <linux/jiffies.h>
#include <linux/random.h>

#include "fastproto.h"
#include "conn.h"

#define TICK	USEC_PER_SEC
#define LATER	8	/* up to that part of FP_KEEPIDLE */
#define WAKES	256	/* connections woken at a time, */
#define VISITS	4096	/* and entries looked at */

static struct kmem_cache *keep_cache;

int __init fp_keep_init(void)
{
	keep_cache = kmem_cache_create("fastproto_keep", sizeof(struct fp_keep), 0,
				       SLAB_ACCOUNT, NULL);
	return keep_cache ? 0 : -ENOMEM;
}

/* No connection is left. */
void fp_keep_exit(void)
{
	kmem_cache_destroy(keep_cache);
}

/**
 * fp_keep_create - make an entry
 * @gfp: how to allocate it
 *
 * Context: any.
 * Return: it, for fp_keep_begin() or fp_keep_free(); or NULL.
 */
struct fp_keep *fp_keep_create(gfp_t gfp)
{
	return kmem_cache_alloc(keep_cache, gfp);
}

/**
 * fp_keep_free - give it back
 * @keep: nobody's, or NULL
 */
void fp_keep_free(struct fp_keep *keep)
{
	if (keep)
		kmem_cache_free(keep_cache, keep);
}

static struct hlist_head *wheel_slot(struct fp_wheel *wheel, u64 tick)
{
	return &wheel->slots[tick % FP_WHEEL_SLOTS];
}

/* The wheel has to turn at this tick. */
static void schedule_at(struct fp_wheel *wheel, u64 tick, u64 now)
{
	u64 at = tick * TICK;

	wheel->next = tick;
	mod_delayed_work(system_power_efficient_wq, &wheel->work,
			 (at > now ? usecs_to_jiffies(at - now) : 0) + 1);
}

/*
 * Into the slot of a tick. Those that are too far away are looked at on the way:
 * not all of them at once.
 */
static void place(struct fp_wheel *wheel, struct fp_keep *keep, u64 tick,
		  u64 now)
{
	/* Nothing is in the slots that were left out. */
	wheel->tick = max(wheel->tick, min(div_u64(now, TICK), wheel->next));
	if (tick < wheel->tick)
		tick = wheel->tick;
	else if (tick - wheel->tick >= FP_WHEEL_SLOTS)
		tick = wheel->tick + FP_WHEEL_SLOTS - 1 -
		       reciprocal_scale(get_random_u32(), FP_WHEEL_SLOTS / 4);
	hlist_add_head(&keep->node, wheel_slot(wheel, tick));
	if (tick < wheel->next)
		schedule_at(wheel, tick, now);
}

/* The first tick at whose beginning an entry is due. */
static u64 tick_of(const struct fp_keep *keep)
{
	return div_u64(keep->due, TICK) + 1;
}

/* Later, by chance. */
static void set_due(struct fp_keep *keep, u64 idle)
{
	keep->due = keep->since + idle +
		    reciprocal_scale(get_random_u32(), idle / LATER);
}

static u64 idle_of(const struct fp_sock *fs)
{
	BUILD_BUG_ON(FP_KEEP_SECONDS_MAX * (u64)USEC_PER_SEC / LATER > U32_MAX);
	return READ_ONCE(fs->keep_idle) * (u64)USEC_PER_SEC;
}

/**
 * fp_keep_begin - have the peer of a parked connection asked some time
 * @conn: the connection, locked; it has a socket and no entry
 * @keep: from fp_keep_create()
 * @since: since when the peer is silent, microseconds
 * @now: microseconds
 */
void fp_keep_begin(struct fp_conn *conn, struct fp_keep *keep, u64 since,
		   u64 now)
{
	struct fp_wheel *wheel = &conn->endpoint->fn->wheel;

	keep->conn = conn;
	keep->since = since;
	keep->ts_recent_at = conn->rest.ts_recent_at;
	set_due(keep, idle_of(fp_conn_sock(conn)));
	conn->kept = true;
	conn->rest.keep = keep;
	spin_lock(&wheel->lock);
	place(wheel, keep, tick_of(keep), now);
	spin_unlock(&wheel->lock);
}

/**
 * fp_keep_end - take a connection's entry out of the wheel
 * @conn: the connection, locked
 *
 * Return: the entry, for fp_keep_free(); or NULL: there was none.
 */
struct fp_keep *fp_keep_end(struct fp_conn *conn)
{
	struct fp_wheel *wheel = &conn->endpoint->fn->wheel;
	struct fp_keep *keep;

	if (!conn->kept)
		return NULL;
	keep = conn->rest.keep;
	conn->kept = false;
	conn->rest.ts_recent_at = keep->ts_recent_at;
	spin_lock(&wheel->lock);
	hlist_del(&keep->node);
	spin_unlock(&wheel->lock);
	return keep;
}

/* Is the peer to be asked now? If it is later, the entry goes where it belongs. */
static bool is_due(struct fp_conn *conn, u64 now)
{
	struct fp_wheel *wheel = &conn->endpoint->fn->wheel;
	const struct fp_sock *fs = fp_conn_sock(conn);
	struct fp_keep *keep;

	if (!conn->kept)
		return false;
	/* A socket with many does not look for those that it has. */
	if (!fs || !sock_flag(&fs->sk, SOCK_KEEPOPEN)) {
		fp_keep_free(fp_keep_end(conn));
		return false;
	}
	keep = conn->rest.keep;
	if (keep->since + idle_of(fs) <= now)
		return true;
	spin_lock(&wheel->lock);
	set_due(keep, idle_of(fs));
	hlist_del(&keep->node);
	place(wheel, keep, tick_of(keep), now);
	spin_unlock(&wheel->lock);
	return false;
}

/* Without memory it is tried again at the next tick. */
static void ask(struct fp_conn *conn, u64 now)
{
	bool due;

	spin_lock_bh(&conn->lock);
	due = is_due(conn, now);
	spin_unlock_bh(&conn->lock);
	if (due)
		fp_conn_rouse(conn, GFP_KERNEL | __GFP_NOWARN);
}

/*
 * Look at one entry whose tick has come. Returns false if there is none, and
 * sets @conn if it is due, with a reference.
 */
static bool visit(struct fp_wheel *wheel, u64 now, struct fp_conn **conn)
{
	u64 tick = div_u64(now, TICK);
	struct hlist_head *slot;
	struct fp_keep *keep;

	*conn = NULL;
	spin_lock_bh(&wheel->lock);
	while (wheel->tick < tick && hlist_empty(wheel_slot(wheel, wheel->tick)))
		wheel->tick++;
	slot = wheel_slot(wheel, wheel->tick);
	if (wheel->tick > tick || hlist_empty(slot)) {
		spin_unlock_bh(&wheel->lock);
		return false;
	}
	keep = hlist_entry(slot->first, struct fp_keep, node);
	hlist_del(&keep->node);
	if (keep->due <= now) {
		place(wheel, keep, tick + 1, now);
		/* A connection has no entry any more when it is freed. */
		if (refcount_inc_not_zero(&keep->conn->refs))
			*conn = keep->conn;
	} else {
		place(wheel, keep, tick_of(keep), now);
	}
	spin_unlock_bh(&wheel->lock);
	return true;
}

/* When to go on. */
static void plan(struct fp_wheel *wheel, u64 now)
{
	unsigned int i;

	spin_lock_bh(&wheel->lock);
	wheel->next = U64_MAX;
	for (i = 0; i < FP_WHEEL_SLOTS; i++) {
		if (hlist_empty(wheel_slot(wheel, wheel->tick + i)))
			continue;
		schedule_at(wheel, wheel->tick + i, now);
		break;
	}
	spin_unlock_bh(&wheel->lock);
}

static void turn(struct work_struct *work)
{
	struct fp_wheel *wheel = container_of(to_delayed_work(work),
					      struct fp_wheel, work);
	u64 now = ktime_to_us(ktime_get());
	unsigned int wakes = 0, visits = 0;
	struct fp_conn *conn;

	while (wakes < WAKES && visits++ < VISITS && visit(wheel, now, &conn)) {
		if (conn) {
			ask(conn, now);
			fp_conn_put(conn);
			wakes++;
		}
		cond_resched();
	}
	plan(wheel, now);
}

void fp_keep_net_init(struct fp_net *fn)
{
	struct fp_wheel *wheel = &fn->wheel;

	spin_lock_init(&wheel->lock);
	wheel->next = U64_MAX;
	INIT_DELAYED_WORK(&wheel->work, turn);
}

/* No connection is left. */
void fp_keep_net_exit(struct fp_net *fn)
{
	cancel_delayed_work_sync(&fn->wheel.work);
}
