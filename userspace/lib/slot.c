// SPDX-License-Identifier: GPL-2.0
/*
 * The slots of a ring, and who has them. Those below receive_slots are only ever
 * received into, the others only ever taken to be sent from: so neither side can
 * take all from the other. (What was received may be sent on: it comes home.)
 */
#include <errno.h>
#include <stdlib.h>

#include "lib.h"

/* The slots that are for receiving go to the kernel with the first flush. */
int slots_init(struct fp_ring *ring)
{
	__u32 slots = ring->info.slots;
	__u32 i;

	ring->owner = calloc(slots, sizeof(*ring->owner));
	ring->count = calloc(slots, sizeof(*ring->count));
	ring->next = calloc(slots, sizeof(*ring->next));
	ring->spare = calloc(slots - ring->receive_slots, sizeof(*ring->spare));
	if (!ring->owner || !ring->count || !ring->next || !ring->spare ||
	    quiet_init(ring))
		return -ENOMEM;
	for (i = 0; i < ring->receive_slots; i++)
		ring->frees[ring->free_tail++ & (ring->info.frees - 1)] = i;
	while (slots > ring->receive_slots)
		ring->spare[ring->nr_spare++] = --slots;
	return 0;
}

void slots_free(struct fp_ring *ring)
{
	free(ring->owner);
	free(ring->count);
	free(ring->next);
	free(ring->spare);
	quiet_free(ring);
}

/* Whether a message is one, and the application's. */
bool slots_held(const struct fp_ring *ring, const struct fp_ring_event *msg)
{
	__u8 owner;

	if (!msg || msg->slot >= ring->info.slots)
		return false;
	owner = ring->owner[msg->slot];
	return (owner == FP_OWNER_LOAN || owner == FP_OWNER_APP) &&
	       msg->nr == ring->count[msg->slot] &&
	       msg->len <= (__u64)msg->nr * ring->info.slot_size;
}

/*
 * The chain of a message that came is on loan. Its links are remembered where no
 * stray write reaches them. False: it makes no sense, which only such a one, or
 * another version of the kernel's rings, can bring about.
 */
bool slots_lend(struct fp_ring *ring, const struct fp_ring_event *msg)
{
	__u32 slot = msg->slot;
	__u32 i;

	if (!msg->nr || msg->nr > ring->receive_slots)
		return false;
	for (i = 0; i < msg->nr; i++) {
		if (slot >= ring->receive_slots)
			return false;
		ring->next[slot] = ring->links[slot];
		slot = ring->next[slot];
	}
	ring->count[msg->slot] = msg->nr;
	ring->owner[msg->slot] = FP_OWNER_LOAN;
	return true;
}

/* Returns the first of so many spare ones, chained; there must be so many. */
__u32 slots_take(struct fp_ring *ring, __u32 nr)
{
	__u32 first = ring->spare[--ring->nr_spare];
	__u32 slot = first;
	__u32 i;

	for (i = 1; i < nr; i++) {
		ring->next[slot] = ring->spare[--ring->nr_spare];
		ring->links[slot] = ring->next[slot];
		slot = ring->next[slot];
	}
	ring->count[first] = nr;
	ring->owner[first] = FP_OWNER_APP;
	return first;
}

/* So that they will be taken in the same order again. */
static void give_spare(struct fp_ring *ring, __u32 slot, __u32 nr)
{
	__u32 place = ring->nr_spare + nr;

	ring->nr_spare = place;
	for (; nr; nr--) {
		ring->spare[--place] = slot;
		slot = ring->next[slot];
	}
}

static void give_kernel(struct fp_ring *ring, __u32 slot, __u32 nr)
{
	for (; nr; nr--) {
		ring->frees[ring->free_tail++ & (ring->info.frees - 1)] = slot;
		slot = ring->next[slot];
	}
}

/* A chain goes back to where its slots belong. */
void slots_give(struct fp_ring *ring, __u32 first)
{
	__u32 nr = ring->count[first];

	ring->owner[first] = FP_OWNER_NOBODY;
	ring->count[first] = 0;
	if (first < ring->receive_slots)
		give_kernel(ring, first, nr);
	else
		give_spare(ring, first, nr);
}
