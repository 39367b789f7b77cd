/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table. A connection's ID is the index of its slot and a random
 * tag; finding it takes no lock and no hash.
 *
 * A slot is one word: a pointer to the connection, or, with the lowest bit set,
 * a free slot's link to the next one. Slots lie in segments, two from each power
 * of two of slots to the next, so nothing is ever moved and two loads find any of
 * them. Each CPU has a list of free slots under a lock of its own, which
 * others take only if they have none left themselves.
 *
 * Readers hold the RCU read lock. A slot is given again only after a grace
 * period has passed since its connection was taken out.
 */
#ifndef _FP_SLOT_H
#define _FP_SLOT_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define FP_SLOT_BITS		24	/* of an index */
#define FP_SLOT_MAX		BIT(FP_SLOT_BITS)
#define FP_SLOT_BITS_0		8	/* of an index into the first segment */
#define FP_SLOT_SEGMENTS	(2 * (FP_SLOT_BITS - FP_SLOT_BITS_0) + 1)

struct fp_conn;

/**
 * struct fp_slot_cpu - the free slots that a CPU has at hand
 * @lock: guards the rest and the links of these slots; taken with BH off
 * @first: first of them, or FP_SLOT_NONE
 * @last: last of them
 */
struct fp_slot_cpu {
	spinlock_t lock;	/* see above */
	u32 first;
	u32 last;
};

/**
 * struct fp_slots - the connection table of a network namespace
 * @segment: the slots; set once under @grow, until all are given up
 * @capacity: how many slots there are; written under @grow
 * @fresh: first slot that was never used
 * @used: slots in use; negative while the table is torn down
 * @cpu: free slots
 * @tight: somebody asked @work to make it larger
 * @grow: guards growing and tearing down
 * @work: grows the table ahead of need, or gives it up when nothing is left
 */
struct fp_slots {
	unsigned long __rcu *segment[FP_SLOT_SEGMENTS];
	u32 capacity;
	bool tight;
	atomic_t fresh ____cacheline_aligned_in_smp;
	atomic_t used;
	struct fp_slot_cpu __percpu *cpu;
	struct mutex grow;	/* see above */
	struct delayed_work work;
};

#define FP_SLOT_NONE	(~0U)
#define FP_SLOT_FREE	1UL	/* the lowest bit of a slot without connection */

/* Where an index lies: the segment, and the place in it. */
static inline unsigned int fp_slot_segment(u32 index)
{
	unsigned int bits = fls(index);

	if (bits <= FP_SLOT_BITS_0)
		return 0;
	/* The second highest bit tells the lower half from the upper one. */
	return 2 * (bits - FP_SLOT_BITS_0) - 3 + (index >> (bits - 2));
}

/* How many slots there are in one. */
static inline u32 fp_slot_segment_size(unsigned int segment)
{
	return 1U << (segment ? FP_SLOT_BITS_0 - 1 + (segment - 1) / 2 :
				FP_SLOT_BITS_0);
}

static inline u32 fp_slot_offset(u32 index, unsigned int segment)
{
	return segment ? index & (fp_slot_segment_size(segment) - 1) : index;
}

/**
 * fp_slot_find - look a slot up
 * @slots: the table
 * @index: any number
 *
 * Context: RCU read lock held.
 * Return: the connection in that slot, valid until rcu_read_unlock(), or NULL.
 *	The caller compares the tag.
 */
static inline struct fp_conn *fp_slot_find(const struct fp_slots *slots,
					   u32 index)
{
	const unsigned long *segment;
	unsigned long word;
	unsigned int nr;

	if (index >= FP_SLOT_MAX)
		return NULL;
	index = array_index_nospec(index, FP_SLOT_MAX);
	nr = fp_slot_segment(index);
	segment = rcu_dereference(slots->segment[nr]);
	if (!segment)
		return NULL;
	/* Pairs with smp_store_release() in fp_slot_publish(). */
	word = READ_ONCE(segment[fp_slot_offset(index, nr)]);
	return word & FP_SLOT_FREE ? NULL : (struct fp_conn *)word;
}

int fp_slots_init(struct fp_slots *slots);
void fp_slots_exit(struct fp_slots *slots);
u32 fp_slot_reserve(struct fp_slots *slots);
int fp_slot_reserve_wait(struct fp_slots *slots, u32 *index);
void fp_slot_publish(struct fp_slots *slots, u32 index, struct fp_conn *conn);
void fp_slot_unpublish(struct fp_slots *slots, u32 index);
void fp_slot_release(struct fp_slots *slots, u32 index);

#endif /* _FP_SLOT_H */
