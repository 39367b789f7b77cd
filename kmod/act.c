// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection has while it is at work: how it gets that, and how it is
 * parked, that is gives it back when nothing has happened for a while. All that
 * have it are in a list of their namespace, those first that were not looked at
 * for the longest time. A work item goes through it, so that a connection that
 * has nothing to do costs no timer, and one that has pays nothing for this. Who
 * waits for the peer is not looked at again and again: he comes back to the list
 * with the acknowledgment.
 */
#include "fastproto.h"
#include "conn.h"

#define TX_PAUSE_SHIFT	16	/* of microseconds: 65 ms */
#define TRIES_AT_ONCE	64	/* in a jiffy */

static struct kmem_cache *act_cache;

/*
 * The allocator clears what it gives away, but not where there is a constructor:
 * fp_act_create() clears what has to be.
 */
static void construct_act(void *object)
{
	struct fp_act *act = object;

	act->conn = NULL;
}

int __init fp_act_init(void)
{
	act_cache = kmem_cache_create("fastproto_act", sizeof(struct fp_act), 0,
				      SLAB_ACCOUNT, construct_act);
	return act_cache ? 0 : -ENOMEM;
}

/* No connection is left. */
void fp_act_exit(void)
{
	kmem_cache_destroy(act_cache);
}

/**
 * fp_act_create - make what a connection at work has
 * @gfp: how to allocate it
 *
 * Context: any.
 * Return: it, for fp_act_begin() or fp_act_free(); or NULL.
 */
struct fp_act *fp_act_create(gfp_t gfp)
{
	struct fp_act *act;

	act = kmem_cache_alloc(act_cache, gfp);
	if (!act)
		return NULL;
	memset(act, 0, offsetof(struct fp_act, tx));
	fp_txwin_init(&act->tx, act->ring, ARRAY_SIZE(act->ring),
		      fp_transmit_acked);
	fp_rxwin_init(&act->rx);
	act->out_end = &act->out;
	act->rx_ahead = RB_ROOT;
	act->rx_end = &act->rx_ready;
	INIT_LIST_HEAD(&act->ready);
	INIT_LIST_HEAD(&act->link);
	timer_setup(&act->timer, fp_timer_fire, 0);
	act->timer_at = U64_MAX;
	fp_hrtimer_setup(&act->pace, fp_timer_pace, CLOCK_MONOTONIC,
			 HRTIMER_MODE_ABS_SOFT);
	return act;
}

static void free_packets(struct fp_act *act)
{
	struct fp_packet *packet, *next;
	struct rb_node *node;

	while ((node = rb_first(&act->rx_ahead))) {
		rb_erase(node, &act->rx_ahead);
		fp_packet_put(rb_entry(node, struct fp_packet, node));
	}
	for (packet = act->rx_ready; packet; packet = next) {
		next = packet->later;
		fp_packet_put(packet);
	}
	fp_packet_put(act->rx_partial);
}

static void unlink_act(struct fp_act *act)
{
	struct fp_net *fn;

	if (!act->conn)
		return;
	fn = act->conn->endpoint->fn;
	spin_lock_bh(&fn->acts_lock);
	list_del_init(&act->link);
	spin_unlock_bh(&fn->acts_lock);
}

static void empty(struct fp_act *act)
{
	unlink_act(act);
	free_packets(act);
	fp_txbuf_purge(act->fin);
	kfree_skb_list(act->out);
	/* The first one is a part of @act. */
	if (act->tx.ring != act->ring)
		kvfree(act->tx.ring);
}

/**
 * fp_act_free - give it back
 * @act: nobody's, or of a connection that has no reference any more; or NULL
 *
 * Context: any.
 */
void fp_act_free(struct fp_act *act)
{
	if (!act)
		return;
	empty(act);
	kmem_cache_free(act_cache, act);
}

static void free_act_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(act_cache, container_of(rcu, struct fp_act, rcu));
}

/* Of a connection that has just been parked: see fp_conn_tx_memory(). */
static void give_back(struct fp_act *act)
{
	empty(act);
	call_rcu(&act->rcu, free_act_rcu);
}

/* Look at the first in the list after so many microseconds. */
static void look_after(struct fp_net *fn, u64 us)
{
	queue_delayed_work(system_power_efficient_wq, &fn->park,
			   usecs_to_jiffies(us) + 1);
}

/**
 * fp_act_list - look at a connection from time to time, if it is idle
 * @act: what it has; the connection is locked or known to nobody yet
 * @now: microseconds
 */
void fp_act_list(struct fp_act *act, u64 now)
{
	struct fp_net *fn = act->conn->endpoint->fn;

	act->unlisted = false;
	act->trying = false;
	spin_lock_bh(&fn->acts_lock);
	act->seen = now;
	if (list_empty(&fn->acts))
		look_after(fn, fp_setting(fn, idle_timeout));
	list_move_tail(&act->link, &fn->acts);
	spin_unlock_bh(&fn->acts_lock);
}

/**
 * fp_act_try - soon call fp_timer_try() for a connection
 * @act: what it has; the connection is locked, and waits for an acknowledgment
 *
 * The timers of very many may fire at the same time, and not all that they would
 * send then would arrive. A work item does it bit by bit, without keeping others
 * from the processor.
 */
void fp_act_try(struct fp_act *act)
{
	struct fp_net *fn = act->conn->endpoint->fn;

	if (act->trying)
		return;
	act->trying = true;
	act->unlisted = true;
	spin_lock_bh(&fn->acts_lock);
	if (list_empty(&fn->tries))
		queue_delayed_work(system_power_efficient_wq, &fn->try, 0);
	list_move_tail(&act->link, &fn->tries);
	spin_unlock_bh(&fn->acts_lock);
}

/**
 * fp_rest_rtt - the round-trip time that a connection begins with
 * @conn: the connection
 * @rtt: filled in with what is known of its path
 */
void fp_rest_rtt(const struct fp_conn *conn, struct fp_rtt *rtt)
{
	const struct fp_net *fn = conn->endpoint->fn;
	u32 sample = READ_ONCE(conn->path->rtt);

	fp_rtt_init(rtt);
	fp_rtt_set_limits(rtt, fp_setting(fn, rto_initial),
			  fp_setting(fn, rto_min), fp_setting(fn, rto_max));
	if (sample)
		fp_rtt_sample(rtt, sample, ktime_to_us(ktime_get()));
}

/**
 * fp_act_begin - a connection is at work from now on
 * @conn: the connection, locked or known to nobody yet
 * @act: from fp_act_create()
 * @now: microseconds
 */
void fp_act_begin(struct fp_conn *conn, struct fp_act *act, u64 now)
{
	act->conn = conn;
	act->woken = now;
	fp_cubic_init(&act->cc, fp_conn_mss(conn));
	fp_rest_rtt(conn, &act->rtt);
	/* Pairs with READ_ONCE() in fp_conn_tx_memory(). */
	smp_store_release(&conn->act, act);
	fp_act_list(act, now);
}

/**
 * fp_rest_count - a counter of a parked connection
 * @conn: the connection, locked
 * @attr: which one
 *
 * Return: what it has kept of frames and bytes; the others are 0.
 */
u64 fp_rest_count(const struct fp_conn *conn, enum fastproto_conn_attr attr)
{
	switch (attr) {
	case FASTPROTO_A_CONN_IN_FRAMES:
		return fp_rest_seqs(conn)->rx;
	case FASTPROTO_A_CONN_IN_BYTES:
		return conn->rest.rx_bytes;
	case FASTPROTO_A_CONN_OUT_FRAMES:
		return fp_rest_seqs(conn)->tx;
	case FASTPROTO_A_CONN_OUT_BYTES:
		return conn->rest.tx_bytes;
	default:
		return 0;
	}
}

/**
 * fp_rest_ts_recent_at - when a parked connection has heard of its peer last
 * @conn: the connection, locked
 *
 * Return: microseconds.
 */
u64 fp_rest_ts_recent_at(const struct fp_conn *conn)
{
	const struct fp_rest *rest = &conn->rest;

	return conn->kept ? rest->keep->ts_recent_at : rest->ts_recent_at;
}

/**
 * fp_rest_tx_last - when a parked connection has sent data last
 * @conn: the connection, locked
 *
 * Return: microseconds, 0: never; if it is long ago, it may have been earlier.
 */
u64 fp_rest_tx_last(const struct fp_conn *conn)
{
	const struct fp_rest_seqs *seqs = fp_rest_seqs(conn);

	if (!seqs->tx)
		return 0;
	return fp_rest_ts_recent_at(conn) -
	       ((u64)seqs->tx_pause << TX_PAUSE_SHIFT);
}

/* What frames cost, units. */
static u64 cost(u64 bytes, u64 frames)
{
	return bytes + frames * FP_FRAME_COST;
}

/* Of those that came: a FIN costs its receiver nothing. */
static u64 data_frames(const struct fp_conn *conn, u64 frames)
{
	return frames - (conn->state == FP_CLOSE_WAIT);
}

static void restore(struct fp_conn *conn, struct fp_act *act)
{
	const struct fp_rest_seqs *seqs = fp_rest_seqs(conn);
	const struct fp_rest *rest = &conn->rest;
	struct fp_sock *fs;
	int i;

	fp_txwin_resume(&act->tx, seqs->tx, rest->tx_ce, rest->tx_dup);
	act->rx.next = seqs->rx;
	act->tx_cost_next = cost(rest->tx_bytes, seqs->tx);
	act->tx_edge = act->tx_cost_next + rest->tx_credit;
	act->tx_last = fp_rest_tx_last(conn);
	act->rx_cost = cost(rest->rx_bytes, data_frames(conn, seqs->rx));
	act->rx_edge = act->rx_cost + rest->rx_credit;
	act->rx_last = rest->ts_recent_at;
	act->ts_recent = rest->ts_recent;
	act->ts_recent_at = rest->ts_recent_at;
	act->ce = seqs->ce;
	act->dup = rest->dup;
	fp_cubic_resume(&act->cc, fp_rest_cwnd(rest), fp_rest_ssthresh(rest));
	for (i = 0; i < FP_COUNTS; i++)
		act->counts[i] = fp_rest_count(conn, FP_COUNT_FIRST + i);
	/* A socket that has just let go of it is about to end it. */
	fs = fp_conn_sock(conn);
	if (fs)
		fp_sock_set_limits(fs, conn);
}

static void resume(struct fp_conn *conn, struct fp_act *act, u64 now)
{
	struct fp_keep *keep = fp_keep_end(conn);

	fp_act_begin(conn, act, now);
	restore(conn, act);
	if (keep)
		fp_timer_resume(conn, keep, now);
	fp_keep_free(keep);
	FP_INC_STATS(conn->endpoint->fn, WOKEN);
}

/**
 * fp_act_wake - have a parked connection at work: fp_conn_wake()
 * @conn: the connection, locked
 * @gfp: how to allocate what it needs for that
 * @now: microseconds
 *
 * Return: fp_conn.act, or NULL: no memory.
 */
struct fp_act *fp_act_wake(struct fp_conn *conn, gfp_t gfp, u64 now)
{
	struct fp_act *act;

	lockdep_assert_held(&conn->lock);
	act = fp_act_create(gfp);
	if (act)
		resume(conn, act, now);
	return act;
}

/**
 * fp_conn_rouse - have a connection at work, with time to look for memory
 * @conn: the connection, a reference is held
 * @gfp: how to allocate
 *
 * It stays so for the time of idle-timeout at least.
 *
 * Context: process.
 * Return: 0 or -ENOMEM. One that is over is left as it is.
 */
int fp_conn_rouse(struct fp_conn *conn, gfp_t gfp)
{
	struct fp_act *act;

	if (READ_ONCE(conn->act) || fp_conn_is_over(conn))
		return 0;
	act = fp_act_create(gfp);
	if (!act)
		return -ENOMEM;
	spin_lock_bh(&conn->lock);
	if (!conn->act && conn->state != FP_CLOSED) {
		resume(conn, act, ktime_to_us(ktime_get()));
		act = NULL;
	}
	spin_unlock_bh(&conn->lock);
	/* Somebody else was faster. */
	fp_act_free(act);
	return 0;
}

static u64 tx_bytes(const struct fp_act *act)
{
	return act->tx_cost_next - cost(0, act->tx.end);
}

static u64 rx_bytes(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return act->rx_cost - cost(0, data_frames(conn, act->rx.next));
}

/* Is there room in struct fp_rest for numbers as large? */
static bool fits(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return (act->tx.end | act->rx.next | tx_bytes(act) | rx_bytes(conn)) >>
	       FP_SEQ_BITS == 0;
}

/* A peer that promises more than that is none of ours. */
static s32 credit_of(u64 edge, u64 used)
{
	return clamp_t(s64, edge - used, S32_MIN, S32_MAX);
}

/* A window for struct fp_rest: after a pause 16 MiB are enough of a larger one. */
static u16 shorten(u32 window)
{
	return min_t(u32, window >> FP_REST_WINDOW_SHIFT, U16_MAX - 1);
}

static void save(struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;
	u32 srtt = fp_rtt_srtt(&act->rtt);
	struct fp_rest_seqs seqs;
	u64 pause = 0;

	if (act->tx_last < act->ts_recent_at)
		pause = act->ts_recent_at - act->tx_last;
	seqs = (struct fp_rest_seqs) {
		.tx = act->tx.end,
		.tx_pause = min_t(u64, pause >> TX_PAUSE_SHIFT, U16_MAX),
		.rx = act->rx.next,
		.ce = act->ce,
	};
	if (conn->crowded)
		conn->crowd_seqs = seqs;
	else
		conn->seqs = seqs;
	conn->rest = (struct fp_rest) {
		.tx_bytes = tx_bytes(act),
		.tx_ce = act->tx.ce,
		.rx_bytes = rx_bytes(conn),
		.cwnd = shorten(act->cc.cwnd),
		.ts_recent_at = act->ts_recent_at,
		.ts_recent = act->ts_recent,
		.tx_credit = credit_of(act->tx_edge, act->tx_cost_next),
		.rx_credit = credit_of(act->rx_edge, act->rx_cost),
		.ssthresh = act->cc.ssthresh == FP_SSTHRESH_NONE ?
			    U16_MAX : shorten(act->cc.ssthresh),
		.dup = act->dup,
		.tx_dup = act->tx.dup,
	};
	if (srtt)
		WRITE_ONCE(conn->path->rtt, srtt);
}

/* For anything but its peer's silence, which is noticed without a timer, too? */
static bool waits(const struct fp_act *act)
{
	int i;

	for (i = 0; i < FP_DEADLINES; i++)
		if (act->deadline[i] && i != FP_DEADLINE_KEEPALIVE)
			return true;
	return fp_timer_is_asking(act);
}

/* Nothing to be sent, acknowledged, read or finished. */
static bool has_nothing(const struct fp_conn *conn)
{
	const struct fp_act *act = conn->act;

	return act->tx.una == act->tx.end && !act->xmitting &&
	       !act->out && !act->pacing && !act->tx_probe &&
	       !act->ack_now && !act->ack_later && !act->queued && !act->is_hungry &&
	       !act->rx_count && !act->rx_partial && !act->rx.nr &&
	       !act->tx_again && !conn->invited && !waits(act);
}

/* Nobody has sent anything for a while. */
static bool is_silent(const struct fp_conn *conn, u64 now)
{
	const struct fp_act *act = conn->act;
	u64 last;

	if (!act)
		return false;
	last = max3(act->rx_last, act->tx_last, act->woken);
	return now >= last + fp_setting(conn->endpoint->fn, idle_timeout);
}

static bool is_idle(const struct fp_conn *conn)
{
	return rcu_access_pointer(conn->fs) &&
	       (conn->state == FP_ESTABLISHED || conn->state == FP_CLOSE_WAIT) &&
	       has_nothing(conn) && fits(conn);
}

/*
 * Does it wait for an acknowledgment? There may be a million of them, whose peer
 * has no room, or is gone.
 */
static bool waits_for_peer(const struct fp_act *act)
{
	return act->tx.una != act->tx.end && !act->unlisted;
}

/* A timer that is set for nothing any more. Returns false: it is firing. */
static bool stop_timer(struct fp_conn *conn)
{
	fp_timer_stop(conn);
	return !conn->act->timers;
}

/* What it needs while it is parked. Returns false if there is no memory for it. */
static bool prepare_keep(const struct fp_conn *conn, struct fp_keep **keep)
{
	if (!conn->act->deadline[FP_DEADLINE_KEEPALIVE])
		return true;
	*keep = fp_keep_create(GFP_NOWAIT | __GFP_NOWARN);
	return *keep;
}

/* Park a connection, if it is idle. The caller has a reference. */
static void park(struct fp_conn *conn)
{
	struct fp_keep *keep = NULL;
	struct fp_act *act = NULL;
	struct fp_todo todo;

	fp_conn_lock(conn, &todo);
	if (!is_silent(conn, todo.now)) {
		/* Another time. */
	} else if (waits_for_peer(conn->act)) {
		conn->act->unlisted = true;
		unlink_act(conn->act);
	} else if (is_idle(conn) && prepare_keep(conn, &keep) && stop_timer(conn)) {
		act = conn->act;
		save(conn);
		WRITE_ONCE(conn->act, NULL);
		/* It names us by our ID, and waits for nothing. */
		if (!fp_conn_is(conn, FP_CONN_SYN_DUE))
			fp_conn_forget_client(conn);
		FP_INC_STATS(conn->endpoint->fn, PARKED);
	}
	if (act && keep) {
		fp_keep_begin(conn, keep, max(act->ts_recent_at,
					      act->keep_since), todo.now);
		keep = NULL;
	}
	fp_conn_unlock(conn, &todo);
	if (act)
		give_back(act);
	fp_keep_free(keep);
}

/* The next connection to be looked at, a reference; NULL: it is not yet time. */
static struct fp_conn *next(struct fp_net *fn, u64 now)
{
	u32 timeout = fp_setting(fn, idle_timeout);
	struct fp_conn *conn = NULL;
	struct fp_act *act;

	spin_lock_bh(&fn->acts_lock);
	while (!conn && !list_empty(&fn->acts)) {
		act = list_first_entry(&fn->acts, struct fp_act, link);
		if (act->seen + timeout > now) {
			look_after(fn, act->seen + timeout - now);
			break;
		}
		act->seen = now;
		list_move_tail(&act->link, &fn->acts);
		/* Its connection is freed after it. */
		if (refcount_inc_not_zero(&act->conn->refs))
			conn = act->conn;
	}
	spin_unlock_bh(&fn->acts_lock);
	return conn;
}

static void look(struct work_struct *work)
{
	struct fp_net *fn = container_of(to_delayed_work(work), struct fp_net,
					 park);
	u64 now = ktime_to_us(ktime_get());
	struct fp_conn *conn;

	/* Each is behind all others and seen now, when it comes back. */
	while ((conn = next(fn, now))) {
		park(conn);
		fp_conn_put(conn);
		cond_resched();
	}
}

/* The next connection in fp_net.tries, a reference; or NULL. */
static struct fp_conn *next_try(struct fp_net *fn)
{
	struct fp_conn *conn = NULL;
	struct fp_act *act;

	spin_lock_bh(&fn->acts_lock);
	while (!conn && !list_empty(&fn->tries)) {
		act = list_first_entry(&fn->tries, struct fp_act, link);
		list_del_init(&act->link);
		/* Its connection is freed after it. */
		if (refcount_inc_not_zero(&act->conn->refs))
			conn = act->conn;
	}
	spin_unlock_bh(&fn->acts_lock);
	return conn;
}

static void try(struct work_struct *work)
{
	struct fp_net *fn = container_of(to_delayed_work(work), struct fp_net,
					 try);
	struct fp_conn *conn;
	struct fp_todo todo;
	int left;

	for (left = TRIES_AT_ONCE; left; left--) {
		conn = next_try(fn);
		if (!conn)
			return;
		fp_conn_lock(conn, &todo);
		fp_timer_try(conn, &todo);
		fp_conn_unlock(conn, &todo);
		fp_conn_put(conn);
		cond_resched();
	}
	queue_delayed_work(system_power_efficient_wq, &fn->try, 1);
}

/**
 * fp_act_look - look for idle connections now: how long it takes was changed
 * @fn: the namespace
 */
void fp_act_look(struct fp_net *fn)
{
	mod_delayed_work(system_power_efficient_wq, &fn->park, 0);
}

void fp_act_net_init(struct fp_net *fn)
{
	spin_lock_init(&fn->acts_lock);
	INIT_LIST_HEAD(&fn->acts);
	INIT_DELAYED_WORK(&fn->park, look);
	INIT_LIST_HEAD(&fn->tries);
	INIT_DELAYED_WORK(&fn->try, try);
}

/* No connection is left. */
void fp_act_net_exit(struct fp_net *fn)
{
	cancel_delayed_work_sync(&fn->park);
	cancel_delayed_work_sync(&fn->try);
}
