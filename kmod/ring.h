/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mapped pool and its rings: what the kernel keeps of them. All that is
 * mapped may be changed by user space at any time: it is read once, and the copy
 * is checked; nothing there is read back that the kernel wrote. Who writes what,
 * and each barrier with its pair: Documentation/rings.rst.
 */
#ifndef _FP_RING_H
#define _FP_RING_H

#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched/user.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "fastproto.h"
#include "conn.h"

#define FP_RING_NO_SLOT		U32_MAX
#define FP_RING_BATCH		32	/* small messages that are sent at once */

/**
 * struct fp_ring - a pool and its rings
 * @refs: one of the socket, one of each struct fp_ring_zc
 * @sk: the socket until it is closed, or NULL; read under RCU
 * @fs: the same, for @again, which has a reference
 * @info: what the application was told
 * @pages: all that is mapped
 * @nr_pages: how many they are
 * @charged: the user whose RLIMIT_MEMLOCK they count for, or NULL
 * @base: the pages, in a row
 * @ctl: struct fp_ring_ctl there, and so on
 * @event: entries of the event ring
 * @free: entries of the free ring
 * @send: entries of the send ring
 * @link: the application's copy of @next
 * @name: addresses
 * @held: slots that the kernel is receiving into or sending from, a bit each
 * @next: the slot behind each of those, until the last one
 * @stats: counters, one set a CPU
 * @again: goes on with what waits, on behalf of softirq
 * @end: frees it
 * @event_tail: how many events were begun
 * @free_head: how many slots were taken from the free ring
 * @waits: FP_RING_NEED_ROOM was set since somebody looked last
 * @fill: bytes of a slot that are used, on average; READ_ONCE()
 * @list_lock: guards @hungry, @spare and @nr_spare; innermost
 * @hungry: struct fp_act of connections whose peers are to hear of the next free
 *	slots, a reference each
 * @spare: slots that were taken in vain, a list by @next
 * @nr_spare: how many they are; READ_ONCE()
 * @lock: of who sends; outermost
 * @send_head: how many descriptors were taken; under @lock, as are
 * @refused: how many of those, with FP_RING_QUIET, were refused
 * @vec: where the bytes of a message are
 * @vec_max: for how many pieces there is room in it
 * @batch: descriptors of small messages that are sent at once
 * @bufs: the messages
 * @send_flags: which flags a descriptor may have
 * @in_order: FP_RING_IN_ORDER
 * @unsent: an event for which there was no room
 * @has_unsent: there is one
 * @done: struct fp_ring_zc with an event for which there was no room
 * @closed: SOCK_SEQPACKET: FP_RING_CLOSED was told; under fp_conn.lock
 * @woken: who waits in recv(2) is to return; xchg()
 * @lends: he may have slots to give that he does not know of; READ_ONCE()
 *
 * Made once for a socket, which owns it; goes with the last reference, in a work
 * item. A mapping has the pages only. What has no lock here is constant.
 */
struct fp_ring {
	refcount_t refs;
	struct sock __rcu *sk;
	struct fp_sock *fs;
	struct fp_ring_info info;
	struct page **pages;
	unsigned long nr_pages;
	struct user_struct *charged;
	void *base;
	struct fp_ring_ctl *ctl;
	struct fp_ring_event *event;
	u32 *free;
	struct fp_ring_send *send;
	u32 *link;
	struct sockaddr_fp *name;
	unsigned long *held;
	u32 *next;
	struct fp_ring_stats __percpu *stats;
	struct work_struct again;
	struct work_struct end;

	atomic_t event_tail ____cacheline_aligned_in_smp;
	atomic_t free_head ____cacheline_aligned_in_smp;
	u32 waits;
	u32 fill;
	spinlock_t list_lock;	/* see above */
	struct list_head hungry;
	u32 spare;
	u32 nr_spare;

	struct mutex lock ____cacheline_aligned_in_smp;	/* see above */
	u32 send_head;
	u32 send_flags;
	bool in_order;
	u32 refused;
	struct bio_vec *vec;
	u32 vec_max;
	struct fp_ring_send batch[FP_RING_BATCH];
	struct fp_txbuf *bufs[FP_RING_BATCH];
	struct fp_ring_event unsent;
	bool has_unsent;
	struct llist_head done;
	bool closed;
	u32 woken;
	bool lends;
};

/* How many slots a message takes. */
static inline u32 fp_ring_slots_of(const struct fp_ring *ring, u32 len)
{
	return len ? DIV_ROUND_UP(len, ring->info.slot_size) : 1;
}

/* What all slots hold together, bytes. */
static inline u64 fp_ring_capacity(const struct fp_ring *ring)
{
	return (u64)ring->info.slots * ring->info.slot_size;
}

/* Does the kernel hold a slot, which there is? */
static inline bool fp_ring_holds(const struct fp_ring *ring, u32 slot)
{
	return test_bit(slot, ring->held);
}

static inline u64 fp_ring_slot_offset(const struct fp_ring *ring, u32 slot)
{
	return ring->info.pool_off + (u64)slot * ring->info.slot_size;
}

static inline void *fp_ring_slot(const struct fp_ring *ring, u32 slot)
{
	return ring->base + fp_ring_slot_offset(ring, slot);
}

/* Is there no entry for an event? */
static inline bool fp_ring_is_full(const struct fp_ring *ring)
{
	u32 tail = atomic_read(&ring->event_tail);

	return tail - READ_ONCE(ring->ctl->event_head) >= ring->info.events;
}

/**
 * fp_pool_free - how many slots there are to receive into
 * @ring: the ring
 *
 * Context: any.
 * Return: slots, as far as the application can be believed.
 */
static inline u32 fp_pool_free(const struct fp_ring *ring)
{
	u32 head = atomic_read(&ring->free_head);
	u32 given = READ_ONCE(ring->ctl->free_tail) - head;

	if (given > ring->info.frees)
		given = 0;
	return given + READ_ONCE(ring->nr_spare);
}

/*
 * Has FP_RING_NEED_ROOM been set since this was asked last? The flag itself can't be
 * believed. Both are full barriers: who finds that it was, finds what waits; and if
 * it is set after that, so is the flag, after fp_ring_need_not().
 */
static inline bool fp_ring_waited(struct fp_ring *ring)
{
	return READ_ONCE(ring->waits) && xchg(&ring->waits, false);
}

/*
 * The opposite of fp_ring_need(); what is given after it is told of again. A full
 * barrier, too.
 */
static inline void fp_ring_need_not(struct fp_ring *ring, u32 what)
{
	atomic_andnot(what, (atomic_t *)&ring->ctl->flags);
	/* See there. */
	smp_mb__after_atomic();
}

/*
 * The ring of a connection's socket, or NULL. The connection is locked, or nobody
 * else knows it yet.
 */
static inline struct fp_ring *fp_conn_ring(const struct fp_conn *conn)
{
	const struct fp_sock *fs;

	fs = rcu_dereference_protected(conn->fs,
				       conn->state == FP_CLOSED ||
				       lockdep_is_held(&conn->lock));
	return fs ? fp_sock_ring(fs) : NULL;
}

/* pool.c */
struct fp_ring *fp_pool_create(struct sock *sk, const struct fp_ring_req *req);
bool fp_pool_queue(struct work_struct *work);
void fp_pool_get(struct fp_ring *ring);
void fp_pool_put(struct fp_ring *ring);
int fp_pool_mmap(struct file *file, struct socket *sock,
		 struct vm_area_struct *vma);
bool fp_pool_take(struct fp_ring *ring, u32 nr, u32 *first);
void fp_pool_untake(struct fp_ring *ring, u32 first, u32 nr);
bool fp_pool_hold(struct fp_ring *ring, u32 first, u32 nr);
void fp_pool_release(struct fp_ring *ring, u32 first, u32 nr);

/* ring.c */
bool fp_ring_post(struct fp_ring *ring, const struct fp_ring_event *event,
		  bool *wake);
bool fp_ring_post_copied(struct fp_ring *ring, const struct fp_ring_event *event,
			 bool *wake);
void fp_ring_need(struct fp_ring *ring, u32 what);
bool fp_ring_is_direct(const struct fp_conn *conn, const struct fp_todo *todo);
bool fp_ring_put(struct fp_conn *conn, const void *data, u32 len, u64 seq,
		 const struct fp_rx *rx, struct fp_todo *todo);
bool fp_ring_has_room(struct fp_ring *ring, const struct fp_conn *conn);
u32 fp_ring_window(struct fp_ring *ring, struct fp_act *act, u32 memory);
bool fp_ring_message(struct fp_conn *conn, struct fp_packet *packet,
		     struct fp_todo *todo);
void fp_ring_pump(struct fp_ring *ring, struct fp_conn *conn,
		  struct fp_todo *todo);
bool fp_ring_pump_conn(struct fp_ring *ring, struct fp_conn *conn,
		       struct fp_todo *todo);
bool fp_ring_tell_closed(struct fp_ring *ring, struct fp_conn *conn,
			 struct fp_todo *todo);
void fp_ring_collect(struct fp_conn *conn, struct fp_todo *todo);
void fp_ring_wait(struct fp_sock *fs);
void fp_ring_drain(struct fp_sock *fs);
void fp_ring_again(struct work_struct *work);
int fp_ring_datagram(struct fp_sock *fs, struct fp_packet *packet, bool *wake);

int fp_ring_create(struct fp_sock *fs, sockptr_t optval, unsigned int optlen);
int fp_ring_getsockopt(struct fp_sock *fs, int optname, char __user *optval,
		       int __user *optlen);
void fp_ring_stats(const struct fp_ring *ring, struct fp_ring_stats *stats);
void fp_ring_close(struct fp_sock *fs);
void fp_ring_count_sent(struct fp_sock *fs, u32 len, bool mapped);
bool fp_ring_is_readable(const struct fp_ring *ring);

/* sendring.c */
void fp_sendring_wake_up(struct fp_ring *ring);
void fp_sendring_forget(struct fp_ring *ring);
int fp_sendring_enter(struct socket *sock);
int fp_sendring_wait(struct socket *sock, struct fp_conn *conn, int flags);
int fp_sendring_wake(struct socket *sock);

#endif /* _FP_RING_H */
