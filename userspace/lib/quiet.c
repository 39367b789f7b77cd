// SPDX-License-Identifier: GPL-2.0
/*
 * Messages with FP_RING_QUIET: no event gives their slots back. The kernel has copied
 * all whose descriptors it has taken, but for those that it refused: of each of these
 * there is an event. So as long as such events are still to be read, none of the
 * slots is touched.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib.h"

int quiet_init(struct fp_ring *ring)
{
	ring->quiet = calloc(ring->info.sends, sizeof(*ring->quiet));
	ring->sent_at = calloc(ring->info.slots, sizeof(*ring->sent_at));
	return ring->quiet && ring->sent_at ? 0 : -ENOMEM;
}

void quiet_free(struct fp_ring *ring)
{
	free(ring->quiet);
	free(ring->sent_at);
}

static struct quiet *entry(const struct fp_ring *ring, __u32 index)
{
	return &ring->quiet[index & (ring->info.sends - 1)];
}

/* Of one that was refused meanwhile the slots may be anywhere. */
static bool is_valid(const struct fp_ring *ring, const struct quiet *quiet)
{
	return ring->owner[quiet->slot] == FP_OWNER_QUIET &&
	       ring->sent_at[quiet->slot] == quiet->at;
}

bool quiet_any(const struct fp_ring *ring)
{
	return ring->quiet_begin != ring->quiet_end;
}

/*
 * A descriptor is being written, of a message that begins with @slot. False: too many
 * events are to be read first, and it cannot be a quiet one.
 */
bool quiet_add(struct fp_ring *ring, __u32 slot)
{
	if (ring->quiet_end - ring->quiet_begin >= ring->info.sends)
		return false;
	*entry(ring, ring->quiet_end++) = (struct quiet){
		.slot = slot, .at = ring->send_tail,
	};
	ring->sent_at[slot] = ring->send_tail;
	ring->owner[slot] = FP_OWNER_QUIET;
	return true;
}

/* An event says that a message is refused. Returns whether it was a quiet one. */
bool quiet_refused(struct fp_ring *ring, __u32 slot)
{
	if (ring->owner[slot] != FP_OWNER_QUIET)
		return false;
	ring->refused++;
	return true;
}

/* Until which descriptor are all of them known to be sent? Returns the next one. */
static __u32 known_until(const struct fp_ring *ring)
{
	__u32 head = __atomic_load_n(&ring->ctl->send_head, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&ring->ctl->refused, __ATOMIC_RELAXED) ==
	    ring->refused)
		return head;
	return entry(ring, ring->quiet_begin)->at;
}

static bool is_before(__u32 index, __u32 other)
{
	return (__s32)(index - other) < 0;
}

/* How many slots could be sent from, if quiet_reclaim() was called. */
__u32 quiet_spare(const struct fp_ring *ring)
{
	__u32 spare = 0, until, i;

	if (!quiet_any(ring))
		return 0;
	until = known_until(ring);
	for (i = ring->quiet_begin; i != ring->quiet_end; i++) {
		const struct quiet *quiet = entry(ring, i);

		if (!is_before(quiet->at, until))
			break;
		if (is_valid(ring, quiet) && quiet->slot >= ring->receive_slots)
			spare += ring->count[quiet->slot];
	}
	return spare;
}

/* Take back what the kernel has copied. */
void quiet_reclaim(struct fp_ring *ring)
{
	__u32 until;

	if (!quiet_any(ring))
		return;
	until = known_until(ring);
	while (quiet_any(ring)) {
		const struct quiet *quiet = entry(ring, ring->quiet_begin);
		bool valid = is_valid(ring, quiet);

		if (valid && !is_before(quiet->at, until))
			return;
		ring->quiet_begin++;
		if (valid)
			slots_give(ring, quiet->slot);
	}
}
