// SPDX-License-Identifier: GPL-2.0
/*
 * Deadlines of a connection. One timer serves all of them; it is set again only
 * if something is due earlier than it would fire, so in a lively conversation it
 * is hardly ever touched.
 */
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/timer.h>

#include "fastproto.h"
#include "conn.h"

#define NO_MEMORY_PAUSE	(10 * USEC_PER_MSEC)

/*
 * A peer that holds an acknowledgment back does so with a timer that is late by
 * two of its ticks at most, of 10 ms.
 */
#define ACK_LATEST	(FP_ACK_DELAY + 20 * USEC_PER_MSEC)

/*
 * So many timeouts before one is sent again that a peer had no room for; then four
 * times as many, and so on.
 */
#define REFUSED_PAUSE	8

#define TIMER_MAX	(600 * USEC_PER_SEC)

static noinline void set_timer(struct fp_conn *conn, u64 at, u64 now)
{
	u64 delay = at > now ? min_t(u64, at - now, TIMER_MAX) : 0;
	struct fp_act *act = conn->act;

	act->timer_at = now + delay;
	if (!mod_timer(&act->timer, jiffies + usecs_to_jiffies(delay))) {
		act->timers++;
		fp_conn_get(conn);
	}
}

/*
 * Set the timer for this deadline, unless it fires earlier anyway, as nearly
 * always. When it fires it is set for what is due then.
 */
static inline void arm(struct fp_conn *conn, u64 at, u64 now)
{
	if (unlikely(at && at < conn->act->timer_at))
		set_timer(conn, at, now);
}

static void arm_all(struct fp_conn *conn, u64 now)
{
	int i;

	for (i = 0; i < FP_DEADLINES; i++)
		arm(conn, conn->act->deadline[i], now);
}

/* May a tail loss probe be sent next (RFC 8985, section 7.2)? */
static bool may_probe(const struct fp_act *act)
{
	return fp_rtt_srtt(&act->rtt) && !act->tx.in_recovery &&
	       !act->tx.lost_nr && act->tx.probe_seq == U64_MAX &&
	       !act->retries && !act->tx_refused;
}

static u64 loss_deadline(struct fp_act *act, u64 now)
{
	bool one = act->tx.next - act->tx.una == 1;
	u32 rto;

	act->probing = may_probe(act);
	if (act->probing)
		return now + fp_rtt_pto(&act->rtt, one, ACK_LATEST);
	rto = fp_rtt_rto(&act->rtt);
	/* Many who were refused are not to come again together, nor soon. */
	if (unlikely(act->tx_refused)) {
		rto = min_t(u64, (u64)rto * REFUSED_PAUSE << act->rtt.backoff,
			    act->rtt.rto_max);
		rto += reciprocal_scale(get_random_u32(), rto);
	}
	return now + rto;
}

/* Something is in flight. */
static noinline void update_loss(struct fp_conn *conn, u64 now)
{
	struct fp_act *act = conn->act;
	u64 *loss = &act->deadline[FP_DEADLINE_LOSS];

	if (act->tx_restart || !*loss)
		*loss = loss_deadline(act, now);
	if (act->tx_check && *loss > act->tx_check)
		*loss = act->tx_check;
	arm(conn, *loss, now);
}

/* Something is to be sent, and may not be, or not yet. */
static noinline void update_waiting(struct fp_conn *conn, bool waiting,
				    bool starved, u64 now)
{
	struct fp_act *act = conn->act;
	u64 *window = &act->deadline[FP_DEADLINE_WINDOW];
	u64 *cork = &act->deadline[FP_DEADLINE_CORK];

	if (!waiting || act->tx.flight || starved || act->tx_corked ||
	    fp_conn_is(conn, FP_CONN_HELD))
		*window = 0;
	else if (!*window)
		*window = now + fp_rtt_rto(&act->rtt);
	if (starved)
		*cork = now + NO_MEMORY_PAUSE;
	else if (!waiting || !act->tx_corked)
		*cork = 0;
	else if (!*cork)
		*cork = now + fp_setting(conn->endpoint->fn, cork_timeout);
	arm(conn, *window, now);
	arm(conn, *cork, now);
}

/**
 * fp_timer_update - think over what a connection waits for
 * @conn: the connection, locked
 * @waiting: the frame to be sent next, which the peer's window, the congestion
 *	window or MSG_MORE holds back; or NULL
 * @starved: there was no memory to send it
 * @now: microseconds
 */
void fp_timer_update(struct fp_conn *conn, struct fp_txframe *waiting,
		     bool starved, u64 now)
{
	struct fp_act *act = conn->act;
	u64 *deadline = act->deadline;

	if (act->tx.flight)
		update_loss(conn, now);
	else
		deadline[FP_DEADLINE_LOSS] = 0;
	act->tx_restart = false;

	if (act->ack_later && !deadline[FP_DEADLINE_ACK]) {
		deadline[FP_DEADLINE_ACK] = now +
			fp_setting(conn->endpoint->fn, ack_delay);
		arm(conn, deadline[FP_DEADLINE_ACK], now);
	}

	if (unlikely(waiting || starved)) {
		update_waiting(conn, waiting, starved, now);
	} else {
		deadline[FP_DEADLINE_WINDOW] = 0;
		deadline[FP_DEADLINE_CORK] = 0;
	}
}

/**
 * fp_timer_set - set one deadline
 * @conn: the connection, locked
 * @which: which one
 * @at: microseconds, 0: never
 * @now: microseconds
 */
void fp_timer_set(struct fp_conn *conn, enum fp_deadline which, u64 at, u64 now)
{
	conn->act->deadline[which] = at;
	arm(conn, at, now);
}

/* Seconds of a socket's option, in microseconds. */
static u64 seconds(const u16 *option)
{
	return (u64)READ_ONCE(*option) * USEC_PER_SEC;
}

/* When the peer is to be asked if it is still there. */
static u64 keepalive_due(const struct fp_sock *fs, const struct fp_act *act)
{
	if (act->keep_asked)
		return act->keep_since + seconds(&fs->keep_intvl);
	return max(act->ts_recent_at, act->keep_since) +
	       seconds(&fs->keep_idle);
}

/**
 * fp_timer_keepalive - have the peer's silence noticed, or not any more
 * @conn: the connection, locked
 * @on: SO_KEEPALIVE is set
 * @now: microseconds
 */
void fp_timer_keepalive(struct fp_conn *conn, bool on, u64 now)
{
	struct fp_act *act = conn->act;
	u64 due = 0;

	if (on) {
		act->keep_asked = 0;
		act->keep_since = now;
		due = keepalive_due(fp_conn_sock(conn), act);
	}
	fp_timer_set(conn, FP_DEADLINE_KEEPALIVE, due, now);
}

/**
 * fp_timer_is_asking - was the peer asked if it is still there?
 * @act: what its connection has
 *
 * Return: whether it was, and has not answered.
 */
bool fp_timer_is_asking(const struct fp_act *act)
{
	return act->keep_asked && act->ts_recent_at < act->keep_since;
}

/**
 * fp_timer_resume - have the peer's silence noticed, after a pause
 * @conn: the connection, locked
 * @keep: what was known of that while it was parked
 * @now: microseconds
 */
void fp_timer_resume(struct fp_conn *conn, const struct fp_keep *keep, u64 now)
{
	conn->act->keep_since = keep->since;
	fp_timer_set(conn, FP_DEADLINE_KEEPALIVE, keep->due, now);
}

/**
 * fp_timer_stop - nothing is due any more
 * @conn: the connection, locked, and not parked; the caller holds a reference
 */
void fp_timer_stop(struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	/* If it has fired already, it finds the connection closed or idle. */
	if (del_timer(&act->timer)) {
		act->timers--;
		act->timer_at = U64_MAX;
		fp_conn_put(conn);
	}
	if (act->pacing && hrtimer_try_to_cancel(&act->pace) == 1) {
		act->pacing = false;
		fp_conn_put(conn);
	}
}

/* At what time, in microseconds; an earlier one that was set stays. */
static void start_pace(struct fp_conn *conn, u64 at)
{
	struct fp_act *act = conn->act;
	ktime_t expires = ns_to_ktime(at * NSEC_PER_USEC);

	if (!act->pacing) {
		act->pacing = true;
		fp_conn_get(conn);
	} else if (!ktime_before(expires, hrtimer_get_expires(&act->pace)) ||
		   hrtimer_try_to_cancel(&act->pace) != 1) {
		return;
	}
	hrtimer_start(&act->pace, expires, HRTIMER_MODE_ABS_SOFT);
}

/**
 * fp_timer_wait_pace - go on when it is the next datagram's turn
 * @conn: the connection, locked; fp_act.pace_at is in the future
 */
void fp_timer_wait_pace(struct fp_conn *conn)
{
	struct fp_act *act = conn->act;

	if (!act->pacing)
		FP_CONN_INC_STATS(conn, PACED);
	start_pace(conn, act->pace_at >> 10);
}

/**
 * fp_timer_hold - have what is held sent even if nothing else happens
 * @conn: the connection, locked
 * @us: after so many microseconds
 * @now: microseconds
 */
void fp_timer_hold(struct fp_conn *conn, u32 us, u64 now)
{
	start_pace(conn, now + us);
}

/* Context: softirq. The timer's reference is ours now. */
enum hrtimer_restart fp_timer_pace(struct hrtimer *timer)
{
	struct fp_act *act = container_of(timer, struct fp_act, pace);
	struct fp_conn *conn = act->conn;
	struct fp_todo todo;

	__fp_conn_lock(conn, &todo);
	act->pacing = false;
	fp_conn_unset(conn, FP_CONN_HELD);
	if (conn->state != FP_CLOSED)
		fp_transmit_push(conn, &todo);
	__fp_conn_unlock(conn, &todo);
	fp_conn_put(conn);
	return HRTIMER_NORESTART;
}

/* Returns true if the connection was given up. */
static bool give_up(struct fp_conn *conn, unsigned int limit,
		    struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (act->retries++ < limit)
		return false;
	fp_conn_abort(conn, -ETIMEDOUT, FP_RST_TIMEOUT, todo);
	return true;
}

/* When a SYN would be given up, microseconds. */
static u64 last_call(const struct fp_conn *conn)
{
	u64 timeout = fp_setting(conn->endpoint->fn, syn_timeout);

	/* Rather later than it is noted. */
	return (((u64)conn->created + 1) << FP_CREATED_SHIFT) +
	       (timeout << min_t(u32, fp_setting(conn->endpoint->fn, syn_retries), 30));
}

/* Of a server that has said nothing yet nobody knows if it is there. */
static bool is_vain(const struct fp_conn *conn, u64 now)
{
	return conn->act->early && now >= last_call(conn);
}

static void handshake(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (conn->state != FP_SYN_SENT && conn->state != FP_ECHO_SENT)
		return;
	if (is_vain(conn, todo->now)) {
		fp_conn_abort(conn, -ETIMEDOUT, FP_RST_TIMEOUT, todo);
		return;
	}
	/* Data in flight carry the echo and are sent again as data. */
	if (conn->state == FP_ECHO_SENT && act->tx.flight) {
		if (act->early)
			act->deadline[FP_DEADLINE_HANDSHAKE] = last_call(conn);
		return;
	}
	if (give_up(conn, conn->state == FP_SYN_SENT ?
		    fp_setting(conn->endpoint->fn, syn_retries) :
		    fp_setting(conn->endpoint->fn, data_retries), todo))
		return;
	act->deadline[FP_DEADLINE_HANDSHAKE] = todo->now +
		((u64)fp_setting(conn->endpoint->fn, syn_timeout) <<
		 min(act->retries - 1, 6));
	if (conn->state == FP_SYN_SENT) {
		FP_INC_STATS(conn->endpoint->fn, RETRANS_SYN);
		fp_handshake_syn(conn, todo);
		return;
	}
	if (act->echoed)
		FP_INC_STATS(conn->endpoint->fn, RETRANS_ECHO);
	act->echoed = true;
	act->tx_probe = true;
}

static void probe_tail(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	FP_CONN_INC_STATS(conn, TLP_PROBES);
	act->tx_restart = true;
	fp_transmit_probe(conn, todo);
}

/* All that is in flight counts as lost. */
static void time_out(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_txframe *first;

	if (give_up(conn, fp_setting(conn->endpoint->fn, data_retries), todo))
		return;
	FP_CONN_INC_STATS(conn, RTO_TIMEOUTS);
	/* A peer without room is no congestion. */
	if (act->retries == 1 && !act->tx_refused)
		fp_cubic_timeout(&act->cc);
	/* If there still is none, it will say so again. */
	act->tx_refused = false;
	act->timed_out = todo->now;
	act->in_hole = false;
	fp_txwin_timeout(&act->tx);
	fp_rtt_backoff(&act->rtt);
	act->tx_check = 0;
	act->tx_restart = true;
	first = fp_txwin_frame(&act->tx, act->tx.una);
	if (first && fp_transmit_exceeds(conn, first,
					 fp_transmit_mtu_below(conn)))
		act->hole_asked = todo->now;
}

static void loss(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (act->tx_check && act->tx_check <= todo->now) {
		fp_input_detect(conn, todo);
		return;
	}
	if (!act->tx.flight)
		return;
	if (act->probing)
		probe_tail(conn, todo);
	else if (unlikely(act->tx_refused))
		fp_act_try(act);
	else
		time_out(conn, todo);
}

/**
 * fp_timer_try - try to send what a peer had no room for
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 *
 * Nothing happens if it has said meanwhile that there is room.
 *
 * Context: process.
 */
void fp_timer_try(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (conn->state == FP_CLOSED || !act || !act->trying)
		return;
	act->trying = false;
	if (!act->tx_refused || !act->tx.flight)
		return;
	time_out(conn, todo);
	if (conn->state != FP_CLOSED)
		fp_transmit_push(conn, todo);
}

static void window(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (give_up(conn, fp_setting(conn->endpoint->fn, data_retries), todo))
		return;
	FP_CONN_INC_STATS(conn, WINDOW_PROBES);
	fp_rtt_backoff(&act->rtt);
	act->tx_probe = true;
}

/* RFC 1122, section 4.2.3.6; what is sent again asks more often than that. */
static void keepalive(struct fp_conn *conn, struct fp_todo *todo)
{
	const struct fp_sock *fs = fp_conn_sock(conn);
	struct fp_act *act = conn->act;

	if (!fs || !sock_flag(&fs->sk, SOCK_KEEPOPEN))
		return;
	if (!fp_timer_is_asking(act))
		act->keep_asked = 0;
	if (conn->state <= FP_ECHO_SENT || act->tx.una != act->tx.end) {
		act->keep_asked = 0;
		act->keep_since = todo->now;
	} else if (keepalive_due(fs, act) <= todo->now) {
		if (act->keep_asked >= READ_ONCE(fs->keep_cnt)) {
			FP_INC_STATS(conn->endpoint->fn, KEEPALIVE_TIMEOUTS);
			fp_conn_abort(conn, -ETIMEDOUT, FP_RST_TIMEOUT, todo);
			return;
		}
		FP_CONN_INC_STATS(conn, KEEPALIVE_PROBES);
		act->keep_asked++;
		act->keep_since = todo->now;
		act->tx_probe = true;
	}
	act->deadline[FP_DEADLINE_KEEPALIVE] = keepalive_due(fs, act);
}

static void expire(struct fp_conn *conn, enum fp_deadline which,
		   struct fp_todo *todo)
{
	switch (which) {
	case FP_DEADLINE_HANDSHAKE:
		handshake(conn, todo);
		break;
	case FP_DEADLINE_LOSS:
		loss(conn, todo);
		break;
	case FP_DEADLINE_WINDOW:
		window(conn, todo);
		break;
	case FP_DEADLINE_ACK:
		conn->act->ack_now = true;
		break;
	case FP_DEADLINE_CORK:
		conn->act->tx_corked = false;
		break;
	case FP_DEADLINE_KEEPALIVE:
		keepalive(conn, todo);
		break;
	case FP_DEADLINE_END:
		fp_conn_abort(conn, -ETIMEDOUT, FP_RST_TIMEOUT, todo);
		break;
	case FP_DEADLINES:
		break;
	}
}

/* Context: softirq. The timer's reference is ours now. */
void fp_timer_fire(struct timer_list *timer)
{
	struct fp_act *act = container_of(timer, struct fp_act, timer);
	struct fp_conn *conn = act->conn;
	struct fp_todo todo;
	int i;

	__fp_conn_lock(conn, &todo);
	act->timers--;
	act->timer_at = U64_MAX;
	for (i = 0; i < FP_DEADLINES; i++) {
		if (!act->deadline[i] || act->deadline[i] > todo.now)
			continue;
		act->deadline[i] = 0;
		expire(conn, i, &todo);
	}
	if (conn->state != FP_CLOSED)
		fp_transmit_push(conn, &todo);
	if (conn->state != FP_CLOSED)
		arm_all(conn, todo.now);
	__fp_conn_unlock(conn, &todo);
	fp_conn_put(conn);
}
