// SPDX-License-Identifier: GPL-2.0
/*
 * The mapped pool: its pages, and its slots. A slot is the application's, or it
 * is in the free ring, or the kernel holds it.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "ring.h"

#define BAD_ENTRIES	64	/* of the free ring that are skipped at once */

static struct workqueue_struct *pool_wq;

int __init fp_pool_init(void)
{
	BUILD_BUG_ON(sizeof(struct fp_ring_event) != 64);
	BUILD_BUG_ON(sizeof(struct fp_ring_send) != 32);
	BUILD_BUG_ON(sizeof(struct fp_ring_ctl) != 4 * 64);
	BUILD_BUG_ON(sizeof(struct fp_ring_req) != 32);
	BUILD_BUG_ON(sizeof(struct fp_ring_info) != 128);

	pool_wq = alloc_workqueue("fastproto", WQ_UNBOUND, 0);
	return pool_wq ? 0 : -ENOMEM;
}

/* No socket is left, and no pool: each holds the module. */
void fp_pool_exit(void)
{
	destroy_workqueue(pool_wq);
}

static void uncharge_pool(struct fp_ring *ring)
{
	if (!ring->charged)
		return;
	atomic_long_sub(ring->nr_pages, &ring->charged->locked_vm);
	free_uid(ring->charged);
}

/* As for locked memory: RLIMIT_MEMLOCK. */
static int charge_pool(struct fp_ring *ring)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();
	long locked = atomic_long_read(&user->locked_vm);

	if (capable(CAP_IPC_LOCK))
		return 0;
	do {
		if (locked + ring->nr_pages > limit)
			return -ENOBUFS;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &locked,
					  locked + ring->nr_pages));
	ring->charged = get_uid(user);
	return 0;
}

static void destroy_pool(struct fp_ring *ring)
{
	unsigned long i;

	vunmap(ring->base);
	/* Mappings, and skbs on their way, have references of their own. */
	for (i = 0; ring->pages && i < ring->nr_pages && ring->pages[i]; i++)
		__free_page(ring->pages[i]);
	uncharge_pool(ring);
	kvfree(ring->pages);
	kvfree(ring->held);
	kvfree(ring->next);
	kvfree(ring->vec);
	free_percpu(ring->stats);
	kfree(ring);
}

static void end_work(struct work_struct *work)
{
	destroy_pool(container_of(work, struct fp_ring, end));
	module_put(THIS_MODULE);
}

static int alloc_pages_of(struct fp_ring *ring)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN |
		    __GFP_RETRY_MAYFAIL;
	unsigned long i;

	ring->pages = kvcalloc(ring->nr_pages, sizeof(*ring->pages),
			       GFP_KERNEL_ACCOUNT);
	if (!ring->pages)
		return -ENOMEM;
	for (i = 0; i < ring->nr_pages; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ring->pages[i] = alloc_page(gfp);
		if (!ring->pages[i])
			return -ENOMEM;
		cond_resched();
	}
	ring->base = vmap(ring->pages, ring->nr_pages, VM_MAP, PAGE_KERNEL);
	return ring->base ? 0 : -ENOMEM;
}

static int alloc_tables(struct fp_ring *ring)
{
	u32 slots = ring->info.slots;

	ring->held = kvcalloc(BITS_TO_LONGS(slots), sizeof(long),
			      GFP_KERNEL_ACCOUNT);
	ring->next = kvcalloc(slots, sizeof(*ring->next), GFP_KERNEL_ACCOUNT);
	ring->stats = alloc_percpu_gfp(struct fp_ring_stats,
				       GFP_KERNEL_ACCOUNT);
	return ring->held && ring->next && ring->stats ? 0 : -ENOMEM;
}

/* So many bytes more, from the next page on. */
static u64 place_part(u64 *end, u64 size)
{
	u64 offset = *end;

	*end = PAGE_ALIGN(offset + size);
	return offset;
}

static void lay_out(struct fp_ring_info *info, const struct fp_ring_req *req)
{
	u32 slots = req->slots, entries = roundup_pow_of_two(slots);

	info->slot_size = req->slot_size;
	info->slots = slots;
	info->events = req->events ?: 2 * entries;
	info->frees = entries;
	info->sends = entries;
	info->event_size = sizeof(struct fp_ring_event);
	info->send_size = sizeof(struct fp_ring_send);
	info->name_size = sizeof(struct sockaddr_fp);

	info->ctl_off = place_part(&info->size, sizeof(struct fp_ring_ctl));
	info->events_off = place_part(&info->size, (u64)info->events *
				      info->event_size);
	info->frees_off = place_part(&info->size, (u64)entries * sizeof(u32));
	info->sends_off = place_part(&info->size, (u64)entries * info->send_size);
	info->links_off = place_part(&info->size, (u64)slots * sizeof(u32));
	info->names_off = place_part(&info->size, (u64)slots * info->name_size);
	info->pool_off = place_part(&info->size, (u64)slots * info->slot_size);
}

static void point(struct fp_ring *ring)
{
	const struct fp_ring_info *info = &ring->info;

	ring->ctl = ring->base + info->ctl_off;
	ring->event = ring->base + info->events_off;
	ring->free = ring->base + info->frees_off;
	ring->send = ring->base + info->sends_off;
	ring->link = ring->base + info->links_off;
	ring->name = ring->base + info->names_off;
}

static int check(const struct fp_ring_req *req)
{
	if (req->flags & ~FP_RING_IN_ORDER || req->reserved[0] || req->reserved[1])
		return -EINVAL;
	if (req->slot_size < FP_RING_SLOT_MIN ||
	    req->slot_size > FP_RING_SLOT_MAX ||
	    req->slot_size % FP_RING_SLOT_MIN)
		return -EINVAL;
	if (req->slots < FP_RING_SLOTS_MIN || req->slots > FP_RING_SLOTS_MAX)
		return -EINVAL;
	if ((u64)req->slots * req->slot_size > BIT_ULL(32))
		return -EINVAL;
	if (req->events && (req->events < FP_RING_EVENTS_MIN ||
			    req->events > FP_RING_EVENTS_MAX ||
			    !is_power_of_2(req->events)))
		return -EINVAL;
	return 0;
}

/**
 * fp_pool_create - make a pool and its rings
 * @sk: the socket that will own it
 * @req: what it is to be like
 *
 * Context: process.
 * Return: the ring, one reference; or -EINVAL, -ENOBUFS (RLIMIT_MEMLOCK),
 *	-ENOMEM, -EINTR.
 */
struct fp_ring *fp_pool_create(struct sock *sk, const struct fp_ring_req *req)
{
	struct fp_ring *ring;
	int err;

	err = check(req);
	if (err)
		return ERR_PTR(err);
	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	lay_out(&ring->info, req);
	ring->nr_pages = ring->info.size >> PAGE_SHIFT;
	err = charge_pool(ring);
	if (!err)
		err = alloc_tables(ring);
	if (!err)
		err = alloc_pages_of(ring);
	if (err) {
		destroy_pool(ring);
		return ERR_PTR(err);
	}
	point(ring);
	refcount_set(&ring->refs, 1);
	RCU_INIT_POINTER(ring->sk, sk);
	ring->fs = fp_sk(sk);
	INIT_WORK(&ring->again, fp_ring_again);
	INIT_WORK(&ring->end, end_work);
	spin_lock_init(&ring->list_lock);
	mutex_init(&ring->lock);
	init_llist_head(&ring->done);
	INIT_LIST_HEAD(&ring->hungry);
	ring->spare = FP_RING_NO_SLOT;
	ring->in_order = req->flags & FP_RING_IN_ORDER;
	ring->send_flags = FP_RING_TO | FP_RING_MORE | FP_RING_QUIET;
	if (ring->in_order)
		ring->send_flags |= FP_RING_AGAIN;
	/* An skb may outlive the socket that holds the module. */
	__module_get(THIS_MODULE);
	return ring;
}

/**
 * fp_pool_queue - have something done in process context
 * @work: of a ring, whose socket is held until it is done
 *
 * Return: false: it is to be done already.
 */
bool fp_pool_queue(struct work_struct *work)
{
	return queue_work(pool_wq, work);
}

void fp_pool_get(struct fp_ring *ring)
{
	refcount_inc(&ring->refs);
}

/**
 * fp_pool_put - give up a reference
 * @ring: not used any more by the caller, or NULL
 *
 * Context: any.
 */
void fp_pool_put(struct fp_ring *ring)
{
	if (ring && refcount_dec_and_test(&ring->refs))
		queue_work(pool_wq, &ring->end);
}

/**
 * fp_pool_mmap - mmap(2) of a socket
 * @file: the socket's
 * @sock: the socket
 * @vma: where to; whole pages of the mapping, as a shared one
 *
 * Return: 0, -EINVAL (no ring, or private), -ENXIO (beyond its end), or -ENOMEM.
 */
int fp_pool_mmap(struct file *file, struct socket *sock,
		 struct vm_area_struct *vma)
{
	struct fp_ring *ring = fp_sock_ring(fp_sk(sock->sk));

	if (!ring || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	fp_vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_map_pages(vma, ring->pages, ring->nr_pages);
}

static bool take_spare(struct fp_ring *ring, u32 *slot)
{
	bool found;

	spin_lock_bh(&ring->list_lock);
	found = ring->nr_spare;
	if (found) {
		*slot = ring->spare;
		ring->spare = ring->next[*slot];
		WRITE_ONCE(ring->nr_spare, ring->nr_spare - 1);
	}
	spin_unlock_bh(&ring->list_lock);
	return found;
}

/* It is in use, or there is none with this number. */
static bool hold_slot(struct fp_ring *ring, u32 slot)
{
	if (slot < ring->info.slots && !test_and_set_bit(slot, ring->held))
		return true;
	this_cpu_add(ring->stats->invalid, 1);
	return false;
}

static bool take_one(struct fp_ring *ring, u32 *slot)
{
	u32 mask = ring->info.frees - 1, bad = 0, tail;
	int head;

	if (READ_ONCE(ring->nr_spare) && take_spare(ring, slot))
		return true;
	head = atomic_read(&ring->free_head);
	while (bad < BAD_ENTRIES) {
		/* Pairs with the application's release: the entry is written. */
		tail = smp_load_acquire(&ring->ctl->free_tail);
		if (tail == (u32)head)
			return false;
		if (tail - (u32)head > ring->info.frees) {
			u32 old = head;

			/* Either others have gone on, or it makes no sense. */
			head = atomic_read(&ring->free_head);
			if (old == (u32)head)
				return false;
			continue;
		}
		*slot = READ_ONCE(ring->free[head & mask]);
		if (!atomic_try_cmpxchg(&ring->free_head, &head, head + 1))
			continue;
		if (hold_slot(ring, *slot))
			return true;
		head++;
		bad++;
	}
	return false;
}

/**
 * fp_pool_take - take free slots to receive into
 * @ring: the ring
 * @nr: how many
 * @first: set to the first one; fp_ring.next and the application's links lead to
 *	the others
 *
 * Context: any; several at a time.
 * Return: false: there are not so many, and none was taken.
 */
bool fp_pool_take(struct fp_ring *ring, u32 nr, u32 *first)
{
	u32 slot, last, i;

	/* Rather than to take some in vain. */
	if (nr > 1 && fp_pool_free(ring) < nr)
		return false;
	if (!take_one(ring, first))
		return false;
	last = *first;
	for (i = 1; i < nr; i++) {
		if (!take_one(ring, &slot)) {
			fp_pool_untake(ring, *first, i);
			return false;
		}
		ring->next[last] = slot;
		WRITE_ONCE(ring->link[last], slot);
		last = slot;
	}
	return true;
}

/**
 * fp_pool_untake - slots were taken in vain
 * @ring: the ring
 * @first: from fp_pool_take()
 * @nr: how many they are
 */
void fp_pool_untake(struct fp_ring *ring, u32 first, u32 nr)
{
	u32 last = first, i;

	for (i = 1; i < nr; i++)
		last = ring->next[last];
	spin_lock_bh(&ring->list_lock);
	ring->next[last] = ring->spare;
	ring->spare = first;
	WRITE_ONCE(ring->nr_spare, ring->nr_spare + nr);
	spin_unlock_bh(&ring->list_lock);
}

/**
 * fp_pool_hold - take the application's slots to send from
 * @ring: the ring
 * @first: the first of them
 * @nr: how many; the application's links lead to the others
 *
 * Context: process.
 * Return: false: that makes no sense, and none was taken.
 */
bool fp_pool_hold(struct fp_ring *ring, u32 first, u32 nr)
{
	u32 slot = first, last = first, i;

	for (i = 0; i < nr; i++) {
		if (!hold_slot(ring, slot)) {
			fp_pool_release(ring, first, i);
			return false;
		}
		ring->next[last] = slot;
		last = slot;
		slot = i + 1 < nr ? READ_ONCE(ring->link[slot]) : slot;
	}
	return true;
}

/**
 * fp_pool_release - slots are about to be the application's again
 * @ring: the ring
 * @first: the first
 * @nr: how many
 *
 * Context: any. The event that tells so comes after it.
 */
void fp_pool_release(struct fp_ring *ring, u32 first, u32 nr)
{
	u32 slot = first, next;

	for (; nr; nr--) {
		/* Who holds it next may write it at once. */
		next = ring->next[slot];
		clear_bit_unlock(slot, ring->held);
		slot = next;
	}
}
