// SPDX-License-Identifier: GPL-2.0
/* The connection table; how it is made is told in slot.h. */
#include <linux/percpu.h>
#include <linux/slab.h>

#include "slot.h"

#define BATCH		16	/* never used slots that a CPU takes at once */
#define LINGER		HZ	/* an empty table is kept for so long */
#define AHEAD		4096	/* a table grows when so many are left, or half */
#define AHEAD_SHIFT	5	/* or, of a large one, that part of it */

static unsigned long *word_of(struct fp_slots *slots, u32 index)
{
	unsigned int nr = fp_slot_segment(index);
	unsigned long *segment;

	/* The index was given out, so its segment stays. */
	segment = rcu_dereference_raw(slots->segment[nr]);
	return &segment[fp_slot_offset(index, nr)];
}

static void set_next(struct fp_slots *slots, u32 index, u32 next)
{
	WRITE_ONCE(*word_of(slots, index),
		   (unsigned long)next << 1 | FP_SLOT_FREE);
}

static u32 next_of(struct fp_slots *slots, u32 index)
{
	return *word_of(slots, index) >> 1;
}

/* Put the chain from @first to @last onto this CPU's list. */
static void give(struct fp_slots *slots, u32 first, u32 last)
{
	struct fp_slot_cpu *cpu;

	if (first == FP_SLOT_NONE)
		return;
	cpu = raw_cpu_ptr(slots->cpu);
	spin_lock_bh(&cpu->lock);
	set_next(slots, last, cpu->first);
	if (cpu->first == FP_SLOT_NONE)
		cpu->last = last;
	cpu->first = first;
	spin_unlock_bh(&cpu->lock);
}

/* One slot of this CPU's list. */
static u32 take_own(struct fp_slots *slots)
{
	struct fp_slot_cpu *cpu = raw_cpu_ptr(slots->cpu);
	u32 index;

	spin_lock_bh(&cpu->lock);
	index = cpu->first;
	if (index != FP_SLOT_NONE)
		cpu->first = next_of(slots, index);
	spin_unlock_bh(&cpu->lock);
	return index;
}

/* One slot that was never used, and some more for next time. */
static u32 take_fresh(struct fp_slots *slots)
{
	/* Pairs with smp_store_release() in add_segment(). */
	u32 capacity = smp_load_acquire(&slots->capacity);
	int old = atomic_read(&slots->fresh);
	u32 i, n;

	do {
		if (old >= capacity)
			return FP_SLOT_NONE;
		n = min_t(u32, BATCH, capacity - old);
	} while (!atomic_try_cmpxchg(&slots->fresh, &old, old + n));

	for (i = 1; i + 1 < n; i++)
		set_next(slots, old + i, old + i + 1);
	if (n > 1)
		give(slots, old + 1, old + n - 1);
	return old;
}

/*
 * All that another CPU has: one slot for now, the rest for later. Only if the table has
 * not grown yet, though it was asked to when there were some left, or cannot any more.
 */
static u32 take_others(struct fp_slots *slots)
{
	struct fp_slot_cpu *cpu;
	u32 first, last, rest;
	int i;

	for_each_possible_cpu(i) {
		cpu = per_cpu_ptr(slots->cpu, i);
		if (READ_ONCE(cpu->first) == FP_SLOT_NONE)
			continue;
		spin_lock_bh(&cpu->lock);
		first = cpu->first;
		last = cpu->last;
		cpu->first = FP_SLOT_NONE;
		spin_unlock_bh(&cpu->lock);
		if (first == FP_SLOT_NONE)
			continue;
		rest = next_of(slots, first);
		give(slots, rest, last);
		return first;
	}
	return FP_SLOT_NONE;
}

/* Under @grow. Returns 0, -ENOSPC or -ENOMEM. */
static int add_segment(struct fp_slots *slots)
{
	unsigned int nr = slots->capacity ? fp_slot_segment(slots->capacity) : 0;
	u32 size = fp_slot_segment_size(nr);
	unsigned long *segment;

	/* Of so many connections, which take more memory than a test has. */
	if (slots->capacity == FP_SLOT_MAX)
		return -ENOSPC;
	/* Every word is a free one: a forged index may be looked up. */
	segment = kvmalloc_array(size, sizeof(*segment), GFP_KERNEL);
	if (!segment)
		return -ENOMEM;
	memset(segment, 0xff, size * sizeof(*segment));
	rcu_assign_pointer(slots->segment[nr], segment);
	/* Pairs with smp_load_acquire() in take_fresh(). */
	smp_store_release(&slots->capacity, slots->capacity + size);
	return 0;
}

/*
 * Those that are left have to last until it has grown. A segment makes it larger by
 * up to a half: to add it with half of the slots in use and no more would be two
 * thirds of the memory for nothing.
 */
static bool is_tight(const struct fp_slots *slots)
{
	u32 capacity = READ_ONCE(slots->capacity);
	u32 ahead = max(capacity >> AHEAD_SHIFT, min_t(u32, capacity / 2, AHEAD));
	int used = atomic_read(&slots->used);

	/* While it is torn down there is nothing. */
	return used < 0 ||
	       (capacity < FP_SLOT_MAX && used >= (int)(capacity - ahead));
}

/* Nobody has a slot, and nobody can get one. Under @grow. */
static void free_segments(struct fp_slots *slots)
{
	unsigned long *old[FP_SLOT_SEGMENTS];
	int i;

	for (i = 0; i < FP_SLOT_SEGMENTS; i++)
		old[i] = rcu_replace_pointer(slots->segment[i], NULL,
					     lockdep_is_held(&slots->grow));
	slots->capacity = 0;
	atomic_set(&slots->fresh, 0);
	for_each_possible_cpu(i)
		per_cpu_ptr(slots->cpu, i)->first = FP_SLOT_NONE;
	synchronize_rcu();
	for (i = 0; i < FP_SLOT_SEGMENTS; i++)
		kvfree(old[i]);
}

/* The system's work item: grow if somebody found the table tight, else free. */
static void grow_or_free(struct work_struct *work)
{
	struct fp_slots *slots = container_of(to_delayed_work(work),
					      struct fp_slots, work);

	mutex_lock(&slots->grow);
	if (xchg(&slots->tight, false)) {
		if (is_tight(slots))
			add_segment(slots);
		if (!atomic_read(&slots->used))
			mod_delayed_work(system_wq, &slots->work, LINGER);
	} else if (atomic_cmpxchg(&slots->used, 0, INT_MIN) == 0) {
		free_segments(slots);
		atomic_set(&slots->used, 0);
	}
	mutex_unlock(&slots->grow);
}

/**
 * fp_slots_init - make an empty table
 * @slots: of a namespace
 *
 * Return: 0 or -ENOMEM.
 */
int fp_slots_init(struct fp_slots *slots)
{
	int i;

	slots->cpu = alloc_percpu(struct fp_slot_cpu);
	if (!slots->cpu)
		return -ENOMEM;
	for_each_possible_cpu(i) {
		struct fp_slot_cpu *cpu = per_cpu_ptr(slots->cpu, i);

		spin_lock_init(&cpu->lock);
		cpu->first = FP_SLOT_NONE;
	}
	mutex_init(&slots->grow);
	INIT_DELAYED_WORK(&slots->work, grow_or_free);
	return 0;
}

/**
 * fp_slots_exit - free the table
 * @slots: empty, and nobody looks anything up any more
 *
 * Context: process.
 */
void fp_slots_exit(struct fp_slots *slots)
{
	int i;

	cancel_delayed_work_sync(&slots->work);
	WARN_ON_ONCE(atomic_read(&slots->used));
	for (i = 0; i < FP_SLOT_SEGMENTS; i++)
		kvfree(rcu_dereference_protected(slots->segment[i], true));
	free_percpu(slots->cpu);
}

/* Make room. Returns 0, -ENOMEM, or -ENOSPC if the table is full for good. */
static int prepare_slots(struct fp_slots *slots)
{
	int err = 0;

	if (likely(!is_tight(slots)))
		return 0;
	mutex_lock(&slots->grow);
	if (is_tight(slots))
		err = add_segment(slots);
	/* If it is not larger now, some of it may still be free. */
	if (atomic_read(&slots->used) < (int)slots->capacity)
		err = 0;
	mutex_unlock(&slots->grow);
	return err;
}

/**
 * fp_slot_reserve - take a free slot
 * @slots: the table
 *
 * Context: any. Has the table grown by a work item if need be.
 * Return: its index, until fp_slot_release(); FP_SLOT_NONE if there is none now.
 */
u32 fp_slot_reserve(struct fp_slots *slots)
{
	u32 index = FP_SLOT_NONE;

	/* Fails while the table is torn down. */
	if (atomic_inc_unless_negative(&slots->used)) {
		index = take_own(slots);
		if (index == FP_SLOT_NONE)
			index = take_fresh(slots);
		if (index == FP_SLOT_NONE)
			index = take_others(slots);
		if (index == FP_SLOT_NONE)
			atomic_dec(&slots->used);
	}
	if (unlikely(is_tight(slots)) && !xchg(&slots->tight, true))
		mod_delayed_work(system_wq, &slots->work, 0);
	return index;
}

/**
 * fp_slot_reserve_wait - take a free slot, and make room for it
 * @slots: the table
 * @index: set to its index
 *
 * Context: process.
 * Return: 0, -ENOMEM, or -ENOSPC: the table is as large as it gets, and full.
 */
int fp_slot_reserve_wait(struct fp_slots *slots, u32 *index)
{
	int err;

	/* Others may take what was made, or tear the table down, meanwhile. */
	do {
		err = prepare_slots(slots);
		if (err)
			return err;
		*index = fp_slot_reserve(slots);
	} while (*index == FP_SLOT_NONE);
	return 0;
}

/**
 * fp_slot_publish - let a connection be found
 * @slots: the table
 * @index: from fp_slot_reserve()
 * @conn: ready to be used by others
 */
void fp_slot_publish(struct fp_slots *slots, u32 index, struct fp_conn *conn)
{
	/* Pairs with the dependent load in fp_slot_find(). */
	smp_store_release(word_of(slots, index), (unsigned long)conn);
}

/**
 * fp_slot_unpublish - let a connection not be found any more
 * @slots: the table
 * @index: its slot, which stays taken
 */
void fp_slot_unpublish(struct fp_slots *slots, u32 index)
{
	WRITE_ONCE(*word_of(slots, index), ~0UL);
}

/**
 * fp_slot_release - give a slot back
 * @slots: the table
 * @index: from fp_slot_reserve(); nobody can still be looking at what it held:
 *	a grace period has passed since fp_slot_unpublish()
 *
 * Context: any.
 */
void fp_slot_release(struct fp_slots *slots, u32 index)
{
	give(slots, index, index);
	if (atomic_dec_and_test(&slots->used))
		mod_delayed_work(system_wq, &slots->work, LINGER);
}
