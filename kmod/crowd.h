/* SPDX-License-Identifier: GPL-2.0 */
/* The connections of a SOCK_RDM socket, for those who work on all of them. */
#ifndef _FP_CROWD_H
#define _FP_CROWD_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "fastproto.h"

/**
 * struct fp_crowd - what a SOCK_RDM socket has
 * @fs: the socket
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
 * @sent: payload of all messages that were queued, bytes
 * @taken: payload of those that the application took; not those in its ring
 * @refused: connections (fp_conn.accept) for whose frames there was no room, in
 *	the order in which they will be told that there is; a reference each;
 *	under fp_sock.rx_lock
 * @told: connections (fp_conn.accept) that were told so and have not come, a
 *	reference each; under the same
 * @told_before: those of them that are to be reminded next; under the same
 * @reminder: does so; queued while there are any, or some in @refused
 * @ended: connections (fp_conn.accept) that have ended while they were parked, a
 *	reference each: that is to be told, and without memory; under the same
 * @invited: how many were told of room and have not come, or are being told; under
 *	the same, READ_ONCE()
 * @refused_charge: the truesize of what they will bring, on an average, bytes
 * @favoured: the ID of the one connection that may go beyond the limit, to
 *	finish a message, 0: none
 * @favoured_at: since when, microseconds; whoever wins @favoured writes it
 * @events: FP_EVENTS is set; READ_ONCE()/WRITE_ONCE()
 * @way: to where a connection was opened last; under the socket lock
 */
struct fp_crowd {
	struct fp_sock *fs;
	struct list_head conns;
	struct list_head refused;
	struct list_head told;
	struct list_head told_before;
	struct delayed_work reminder;
	struct list_head ended;
	u32 invited;
	u32 refused_charge;
	u32 nr;
	struct llist_head incoming;
	struct list_head ready;
	u32 out;
	bool missed;
	bool events;
	atomic_long_t memory;
	atomic_long_t tx_bytes;
	atomic64_t sent;
	atomic64_t taken;
	atomic64_t favoured;
	u64 favoured_at;
	struct fp_peer way;
};

struct fp_conn *fp_crowd_insert_addr(struct fp_conn *conn);
struct fp_conn *fp_crowd_find_addr(struct fp_sock *fs, const union fp_addr *to);
struct fp_conn *fp_crowd_find_id(struct fp_sock *fs, u64 id);
struct fp_conn *fp_crowd_first_of(struct fp_sock *fs, struct list_head *list);
struct fp_conn *fp_crowd_first(struct fp_sock *fs);
bool fp_crowd_enlist(struct fp_sock *fs, struct fp_conn *conn);
void fp_crowd_turn_away(struct fp_sock *fs, struct fp_conn *conn);
bool fp_crowd_is_readable(const struct fp_crowd *crowd);
struct fp_conn *fp_crowd_next(struct fp_sock *fs);
void fp_crowd_tell_refused(struct fp_sock *fs);
void fp_crowd_stop(struct fp_sock *fs);
void fp_crowd_put_back(struct fp_sock *fs, struct fp_conn *conn, bool more,
		       bool first);

#endif /* _FP_CROWD_H */
