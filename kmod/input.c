// SPDX-License-Identifier: GPL-2.0
/*
 * A connection's frames from wire. Context: softirq. All frames of a datagram
 * are worked through under one hold of the connection's lock; then what they
 * allow is sent.
 */
#include <net/inet_ecn.h>

#include "fastproto.h"
#include "conn.h"

#define TS_VALID	(60 * USEC_PER_SEC)	/* of the newest timestamp */
#define HOLE_ANSWERS	3	/* that make sure of a black hole */

static bool is_data(const struct fp_frame *frame)
{
	return frame->payload_len ||
	       frame->flags & (FP_F_BEGIN | FP_F_END | FP_F_FIN);
}

/* Our FIN was acknowledged: close() may be waiting for that. */
static void fin_acked(struct fp_conn *conn, struct fp_todo *todo)
{
	switch (conn->state) {
	case FP_FIN_WAIT_1:
		WRITE_ONCE(conn->state, FP_FIN_WAIT_2);
		todo->flags |= FP_WAKE_STATE;
		if (fp_conn_is(conn, FP_CONN_ORPHAN))
			fp_timer_set(conn, FP_DEADLINE_END, todo->now +
				     fp_setting(conn->endpoint->fn, fin_timeout),
				     todo->now);
		break;
	case FP_CLOSING:
	case FP_LAST_ACK:
		conn->act->finished = true;
		break;
	default:
		break;
	}
}

static void react(struct fp_conn *conn, const struct fp_tx_result *res,
		  bool limited, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_cubic_ack ack = {
		.acked = res->acked_bytes,
		.rtt = res->rtt == FP_TX_NO_RTT ? 0 : res->rtt,
		.limited = limited,
	};

	if (res->spurious) {
		FP_CONN_INC_STATS(conn, SPURIOUS);
		fp_cubic_undo(&act->cc);
	}
	if (res->enter_recovery) {
		FP_CONN_INC_STATS(conn, RECOVERIES);
		fp_cubic_loss(&act->cc);
	}
	if (res->enter_cwr) {
		FP_CONN_INC_STATS(conn, CE_REDUCTIONS);
		fp_cubic_ecn(&act->cc);
	}
	if (res->rtt != FP_TX_NO_RTT)
		fp_rtt_sample(&act->rtt, res->rtt, todo->now);
	if (act->tx.una > act->round) {
		act->round = act->tx.next;
		ack.round_start = true;
	}
	ack.srtt = fp_rtt_srtt(&act->rtt);
	/* In recovery the window stands; after a timeout it grows again. */
	if (res->acked_bytes &&
	    (!act->tx.in_recovery || act->cc.cwnd < act->cc.ssthresh))
		fp_cubic_ack(&act->cc, &ack, todo->now);
	act->tx_check = res->check;
}

/**
 * fp_input_detect - RACK's reordering window has passed
 * @conn: the connection, locked
 * @todo: from fp_conn_lock()
 */
void fp_input_detect(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_tx_result res;

	fp_txwin_detect(&act->tx, fp_rtt_srtt(&act->rtt), todo->now, &res);
	react(conn, &res, false, todo);
}

/*
 * Is it only what is large that gets lost? A question without data was sent
 * together with a large frame, again and again, and it alone is answered: then
 * some router drops what does not fit, and its ICMP message does not come (RFC
 * 8899, section 4.3). A peer that has no room for what came says so (fp_ack.dup).
 */
static void look_for_hole(struct fp_conn *conn, const struct fp_ack *ack,
			  const struct fp_tx_result *res, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (res->una_advanced || res->dup_more) {
		act->hole_asked = 0;
		act->hole_answers = 0;
		return;
	}
	if (!act->hole_asked ||
	    (s32)(ack->ts_echo - (u32)act->hole_asked) < 0)
		return;
	act->hole_asked = 0;
	if (++act->hole_answers < HOLE_ANSWERS)
		return;
	act->hole_answers = 0;
	FP_CONN_INC_STATS(conn, BLACK_HOLES);
	todo->flags |= FP_LOWER_MTU;
	/* All again at once, in smaller pieces. */
	act->timed_out = todo->now;
	act->in_hole = true;
	fp_txwin_timeout(&act->tx);
	act->tx_check = 0;
}

/* Was this written after the first frame in flight had come, or another one later? */
static bool has_seen_first(const struct fp_act *act, const struct fp_ack *ack)
{
	const struct fp_txframe *first = fp_txwin_frame(&act->tx, act->tx.una);

	return first && !act->tx.sacked &&
	       (s32)(ack->ts_echo - (u32)first->sent) >= 0;
}

/*
 * A peer that has no room for the first frame in flight says so (fp_ack.dup): that
 * is no loss, and to try again and again helps nobody. It speaks again, of nothing
 * new, when there is room.
 */
static void look_for_room(struct fp_act *act, const struct fp_ack *ack,
			  const struct fp_tx_result *res, bool alone,
			  struct fp_todo *todo)
{
	if (res->una_advanced || !act->tx.flight) {
		act->tx_refused = false;
	} else if (res->dup_more) {
		if (!act->tx_refused && has_seen_first(act, ack)) {
			act->tx_refused = true;
			act->tx_restart = true;
		}
	} else if (act->tx_refused && alone) {
		act->tx_refused = false;
		act->tx_check = 0;
		act->tx_restart = true;
		act->timed_out = todo->now;
		act->in_hole = false;
		fp_txwin_timeout(&act->tx);
	}
}

/* Who waits for room to send is woken when there is a good deal of it. */
static bool has_space(const struct fp_conn *conn)
{
	const struct fp_sock *fs = fp_conn_sock(conn);

	return fs && conn->act->tx_memory <=
		     (u32)READ_ONCE(fs->sk.sk_sndbuf) / 3 * 2;
}

/*
 * @alone: nothing else came with it. Returns false if the peer acknowledges what
 * it can't have.
 */
static bool take_ack(struct fp_conn *conn, const struct fp_ack *ack, bool alone,
		     struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_tx_ack tx_ack = {
		.ack = ack->ack,
		.ts_echo = ack->ts_echo,
		.delay = ack->delay,
		.ce = ack->ce,
		.dup = ack->dup,
		.nr = ack->nr,
		.ranges = ack->ranges,
	};
	struct fp_tx_result res __fp_uninitialized;
	u32 memory = act->tx_memory;
	bool limited;
	s32 more;

	/* Without pacing the window would be used up (RFC 9002, section 7.8). */
	limited = act->paced ||
		  act->tx.flight + act->cc.mss > act->cc.cwnd;
	if (fp_txwin_ack(&act->tx, &tx_ack, fp_rtt_srtt(&act->rtt), todo->now,
			 &res))
		return false;
	react(conn, &res, limited, todo);
	if (unlikely(act->hole_asked || act->hole_answers))
		look_for_hole(conn, ack, &res, todo);
	if (unlikely(res.dup_more || act->tx_refused))
		look_for_room(act, ack, &res, alone, todo);
	if (res.acked_bytes) {
		/* What was sent without ECT got through, after all. */
		if (act->retries >= FP_ECT_RETRIES &&
		    conn->ect_failures < FP_ECT_FAILURES)
			conn->ect_failures++;
		act->retries = 0;
		act->tx_restart = true;
		if (unlikely(act->unlisted))
			fp_act_list(act, todo->now);
		/* Whoever gets on may take his time. */
		if (fp_conn_is(conn, FP_CONN_ORPHAN))
			fp_timer_set(conn, FP_DEADLINE_END, todo->now +
				     fp_setting(conn->endpoint->fn, orphan_timeout),
				     todo->now);
	}
	/* Never less than was promised before. */
	more = ack->window - (u32)act->tx_edge;
	if (more > 0)
		act->tx_edge += more;
	/* A peer that answers is there, however long it takes nothing. */
	act->retries = min_t(u8, act->retries, 1);
	if (act->tx_full && act->tx_memory < memory && has_space(conn)) {
		act->tx_full = false;
		todo->flags |= FP_WAKE_WRITE;
	}
	if (act->fin_queued && act->tx.una == act->tx.end)
		fin_acked(conn, todo);
	return true;
}

/* The server tells its ID to a client in FP_ECHO_SENT. */
static void learn_peer(struct fp_conn *conn, const struct fp_frame *frame,
		       const struct fp_sections *sections, struct fp_todo *todo)
{
	FP_INC_STATS(conn->endpoint->fn, CONNECTED);
	if (frame->flags & FP_F_COOKIE)
		fp_handshake_keep(conn, sections, todo->now);
	if (conn->act->early) {
		conn->act->early = false;
		todo->flags |= FP_OPENED;
	}
	conn->knows_done = !!(sections->syn.options & FP_OPT_DONE);
	conn->packs = !!(sections->syn.options & FP_OPT_PACK);
	conn->peer_id = (u64)sections->syn.tag << 32 | sections->conn_slot;
	conn->act->deadline[FP_DEADLINE_HANDSHAKE] = 0;
	conn->act->retries = 0;
	WRITE_ONCE(conn->state, conn->act->fin_queued ? FP_FIN_WAIT_1 :
							FP_ESTABLISHED);
}

/* A congestion mark on the datagram. */
static bool is_marked(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return INET_ECN_is_ce(ip_hdr(skb)->tos);
	return INET_ECN_is_ce(ipv6_get_dsfield(ipv6_hdr(skb)));
}

static void note_timestamp(struct fp_act *act, const struct fp_ack *ack,
			   u64 now)
{
	/* After a long silence "before" and "after" mean nothing. */
	if (now - act->ts_recent_at < TS_VALID &&
	    (s32)(ack->ts - act->ts_recent) < 0)
		return;
	act->ts_recent = ack->ts;
	act->ts_recent_at = now;
}

/* Frames that were made at once tell the same: is it the second of them? */
static bool is_told(const struct fp_input *in, const struct fp_ack *ack)
{
	return in->told && ack->ts == in->ack.ts && ack->ack == in->ack.ack &&
	       ack->window == in->ack.window && ack->ce == in->ack.ce &&
	       ack->dup == in->ack.dup && !ack->nr;
}

static void note_told(struct fp_input *in, const struct fp_ack *ack)
{
	in->told = true;
	in->ack.ack = ack->ack;
	in->ack.window = ack->window;
	in->ack.ts = ack->ts;
	in->ack.ce = ack->ce;
	in->ack.dup = ack->dup;
}

/* A frame of an established connection. Returns 0 or why it is dropped. */
static int take_frame(struct fp_input *in, struct sk_buff *skb, u32 offset,
		      const struct fp_frame *frame, const struct fp_rx *rx,
		      u16 *index)
{
	const struct fp_sections *sections = &in->sections;
	struct fp_todo *todo = &in->todo;
	struct fp_conn *conn = in->conn;
	struct fp_act *act;

	/* As good as lost on the way: it is not acknowledged. */
	act = fp_conn_wake(conn, GFP_ATOMIC | __GFP_NOWARN, todo->now);
	if (!act)
		return FASTPROTO_A_STATS_DROP_NO_MEMORY;
	if (conn->state == FP_ECHO_SENT) {
		if (!(frame->flags & FP_F_SYN))
			return FASTPROTO_A_STATS_DROP_STATE;
		learn_peer(conn, frame, sections, todo);
	} else if (fp_conn_is(conn, FP_CONN_SYN_DUE) && !(frame->flags & FP_F_SYN)) {
		fp_conn_unset(conn, FP_CONN_SYN_DUE);
	}
	if (!is_told(in, &sections->ack)) {
		if (!take_ack(conn, &sections->ack, !is_data(frame), todo))
			return FASTPROTO_A_STATS_DROP_ACK;
		note_timestamp(act, &sections->ack, todo->now);
		if (offset + frame->size < skb->len)
			note_told(in, &sections->ack);
	}
	act->rx_last = todo->now;
	if (is_marked(skb)) {
		FP_CONN_INC_STATS(conn, CE_MARKS);
		act->ce++;
	}
	if (frame->flags & FP_F_PROBE)
		act->ack_now = true;
	if (!is_data(frame))
		return 0;
	return fp_message_take(conn, skb, offset, frame, rx, index, todo);
}

/* Is this what ends a connection, and not somebody's guess? */
static bool is_own_rst(const struct fp_conn *conn,
		       const struct fp_sections *sections)
{
	/* A server that a client has never answered shows him his own ID. */
	if (!conn->passive && sections->conn_id == conn->id)
		return true;
	if (conn->state == FP_SYN_SENT || conn->state == FP_ECHO_SENT)
		return false;
	return fp_id_tag(sections->conn_id) == fp_id_tag(conn->peer_id) &&
	       sections->conn_slot == fp_id_slot(conn->peer_id);
}

/* Is our FIN all that is not acknowledged, with these flags among its own? */
static bool waits_for_fin(const struct fp_conn *conn, u16 flags)
{
	const struct fp_txwin *tx = &conn->act->tx;
	const struct fp_txframe *fin;

	if (tx->end - tx->una != 1)
		return false;
	fin = fp_txwin_frame(tx, tx->una);
	return fin && (fin->flags & flags) == flags;
}

/* What a reset means to the application. */
static int rst_error(const struct fp_conn *conn, u64 why)
{
	switch (conn->state) {
	case FP_SYN_SENT:
	case FP_ECHO_SENT:
		if (why == FP_RST_VERSION)
			return -EPROTONOSUPPORT;
		/* What was given up had begun. */
		return why == FP_RST_ABORTED ? -ECONNRESET : -ECONNREFUSED;
	case FP_FIN_WAIT_1:
		/* The answer to our FIN, which needs none, was lost. */
		return why == FP_RST_NO_CONNECTION &&
		       waits_for_fin(conn, FP_F_FIN | FP_F_DONE) ?
		       0 : -ECONNRESET;
	case FP_CLOSING:
	case FP_LAST_ACK:
		/* The peer has all but our FIN, and its own has come. */
		return why == FP_RST_NO_CONNECTION &&
		       waits_for_fin(conn, FP_F_FIN) ? 0 : -ECONNRESET;
	default:
		return -ECONNRESET;
	}
}

static int take_rst(struct fp_conn *conn, const struct fp_frame *frame,
		    const struct fp_sections *sections, struct fp_todo *todo)
{
	if (conn->state == FP_CLOSED)
		return FASTPROTO_A_STATS_DROP_ID;
	if (!is_own_rst(conn, sections))
		return FASTPROTO_A_STATS_DROP_TAG;
	fp_count_reset(conn->endpoint->fn, FASTPROTO_A_STATS_IN_RESETS, frame->seq);
	fp_conn_end(conn, rst_error(conn, frame->seq), todo);
	return 0;
}

/* As fp_conn_unlock(), which needs a reference if there is something to send. */
static void unlock(struct fp_conn *conn, struct fp_todo *todo)
{
	/* For sparse: see hold(). */
	__acquire(&conn->lock);
	if (!fp_conn_has_output(conn, todo)) {
		__fp_conn_unlock(conn, todo);
		return;
	}
	fp_conn_get(conn);
	__fp_conn_unlock(conn, todo);
	fp_conn_put(conn);
}

/**
 * fp_input_finish - all frames of a datagram are worked through
 * @in: the work; nothing happens if it holds no connection
 */
void fp_input_finish(struct fp_input *in)
{
	struct fp_conn *conn = in->conn;

	if (!conn)
		return;
	if (conn->state != FP_CLOSED)
		fp_transmit_push(conn, &in->todo);
	if (conn->state != FP_CLOSED && conn->act && conn->act->finished)
		fp_conn_finish(conn, &in->todo);
	unlock(conn, &in->todo);
	in->conn = NULL;
}

/*
 * Hold this connection's lock, and no other. There is no need for a reference:
 * RCU keeps the connection, and until it is over the table has one, which we
 * take over if it is by us that it ends. Returns false if it was over before.
 */
static bool hold(struct fp_input *in, struct fp_conn *conn)
{
	__fp_conn_lock(conn, &in->todo);
	if (unlikely(conn->state == FP_CLOSED)) {
		__fp_conn_leave(conn);
		return false;
	}
	/* It is held from frame to frame, and sparse can't follow that. */
	__release(&conn->lock);
	in->conn = conn;
	in->told = false;
	return true;
}

/*
 * The connection that a cookie's echo is for. It is as in the table as one that
 * is found there, so the reference is not needed.
 */
static struct fp_conn *find_echo(struct fp_endpoint *endpoint,
				 const struct fp_frame *frame,
				 const struct fp_sections *sections,
				 struct fp_rx *rx, int *why)
{
	struct fp_conn *conn;

	conn = fp_handshake_echo_rcv(endpoint, frame, sections, rx, why);
	fp_conn_put(conn);
	return conn;
}

/*
 * The connection of a frame, under the RCU read lock; or NULL, and why it is
 * dropped.
 */
static struct fp_conn *conn_of_frame(struct fp_endpoint *endpoint,
				     const struct fp_frame *frame,
				     const struct fp_sections *sections,
				     struct fp_rx *rx, int *why)
{
	struct fp_conn *conn;

	if (frame->flags & FP_F_COOKIE && !sections->conn_id)
		return find_echo(endpoint, frame, sections, rx, why);
	conn = fp_slot_find(&endpoint->fn->slots,
			    fp_id_slot(sections->conn_id));
	*why = FASTPROTO_A_STATS_DROP_ID;
	if (!conn)
		goto refuse;
	/* A reset names the tag of the other end; that is checked later. */
	if (!(frame->flags & FP_F_RST) && conn->id != sections->conn_id) {
		*why = FASTPROTO_A_STATS_DROP_TAG;
		goto refuse;
	}
	if (conn->endpoint != endpoint ||
	    !fp_addr_equal(&conn->path->peer.addr, &rx->src)) {
		*why = FASTPROTO_A_STATS_DROP_ADDRESS;
		return NULL;
	}
	return conn;

refuse:
	if (frame->flags & FP_F_ACK)
		fp_handshake_refuse(endpoint, frame, sections, rx,
				    FP_RST_NO_CONNECTION);
	return NULL;
}

/* Is the frame for the connection of the one before it in the datagram? */
static bool is_for(const struct fp_conn *conn, const struct fp_frame *frame,
		   const struct fp_sections *sections)
{
	if (sections->conn_id)
		return sections->conn_id == conn->id;
	/* The echo of a cookie does not know the ID yet. */
	return frame->flags & FP_F_COOKIE && conn->passive &&
	       conn->peer_id == ((u64)sections->syn.tag << 32 |
				 sections->conn_slot);
}

/**
 * fp_input_frame - take in a frame of a connection
 * @in: the work on this datagram
 * @endpoint: where it came in
 * @skb: the datagram
 * @offset: where in it the frame begins
 * @frame: its header
 * @hdr: header and sections
 * @rx: where it came from
 * @index: place of the frame in its datagram; raised by one for each more that
 *	shares its header
 *
 * Context: softirq, RCU read lock held.
 * Return: 0 or why the frame is dropped.
 */
int fp_input_frame(struct fp_input *in, struct fp_endpoint *endpoint,
		   struct sk_buff *skb, u32 offset,
		   const struct fp_frame *frame, const void *hdr,
		   struct fp_rx *rx, u16 *index)
{
	struct fp_sections *sections = &in->sections;
	struct fp_conn *conn;
	int why = 0;

	/* Connections are between two. */
	if (skb->pkt_type != PACKET_HOST)
		return FASTPROTO_A_STATS_DROP_BROADCAST;
	fp_sections_decode(hdr, frame, sections);
	conn = in->conn;
	if (!conn || !is_for(conn, frame, sections)) {
		/* Nothing is answered under the lock of a connection. */
		fp_input_finish(in);
		if (frame->flags == (FP_F_CONN | FP_F_SYN))
			return fp_handshake_syn_rcv(endpoint, frame, sections,
						    rx);
		conn = conn_of_frame(endpoint, frame, sections, rx, &why);
		if (!conn)
			return why;
		if (!hold(in, conn))
			return FASTPROTO_A_STATS_DROP_ID;
	}

	if (frame->flags & FP_F_RST)
		return take_rst(conn, frame, sections, &in->todo);
	if (conn->state == FP_CLOSED)
		return FASTPROTO_A_STATS_DROP_ID;
	if (!(frame->flags & FP_F_ACK))
		return fp_handshake_cookie_rcv(conn, sections, &in->todo);
	if (conn->state == FP_SYN_SENT)
		return FASTPROTO_A_STATS_DROP_STATE;
	return take_frame(in, skb, offset, frame, rx, index);
}

/*
 * Does an error about a frame to that ID say that the peer is through? Its port
 * may have gone with it, and the answer to our FIN got lost: it means what a reset
 * would mean then. Only who sees what we send knows the ID.
 */
static bool is_last_sign(const struct fp_conn *conn, u64 id, int err)
{
	return err == -ECONNREFUSED && id == conn->peer_id &&
	       !rst_error(conn, FP_RST_NO_CONNECTION);
}

/**
 * fp_input_error - an ICMP error about a frame of a connection
 * @endpoint: the port that the frame left from
 * @to: where it went
 * @err: a negative errno
 * @skb: the ICMP message
 * @offset: where in it the frame's beginning is quoted
 *
 * A client that has no answer yet gives up. Later an error means nothing: it
 * may be forged, and what is lost will be noticed. But if only the last answer is
 * missing, and the peer's port is gone, that is an answer, too.
 *
 * Context: softirq, RCU read lock held.
 */
void fp_input_error(struct fp_endpoint *endpoint, const union fp_addr *to,
		    int err, const struct sk_buff *skb, u32 offset)
{
	const struct fp_hdr_conn *hdr;
	struct fp_hdr_conn copy;
	struct fp_conn *conn;
	struct fp_todo todo;

	hdr = skb_header_pointer(skb, offset + sizeof(struct fp_hdr),
				 sizeof(copy), &copy);
	if (!hdr)
		return;
	conn = fp_conn_find(endpoint->fn, le32_to_cpu(hdr->slot));
	if (!conn)
		return;
	__fp_conn_lock(conn, &todo);
	if (conn->endpoint != endpoint ||
	    !fp_addr_equal(&conn->path->peer.addr, to))
		goto unlock;
	if (conn->state == FP_SYN_SENT || conn->state == FP_ECHO_SENT) {
		FP_INC_STATS(conn->endpoint->fn, ENDED_ICMP);
		fp_conn_end(conn, err, &todo);
	} else if (is_last_sign(conn, le64_to_cpu(hdr->id), err)) {
		fp_conn_finish(conn, &todo);
	}
unlock:
	__fp_conn_unlock(conn, &todo);
	fp_conn_put(conn);
}
