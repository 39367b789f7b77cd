// SPDX-License-Identifier: GPL-2.0
/* The mapped pool and its rings, as an application uses them. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/fptest.h"

/* Have a socket make them. */
int ring_make(int fd, unsigned int slot_size, unsigned int slots,
	      unsigned int events)
{
	struct fp_ring_req req = {
		.slot_size = slot_size, .slots = slots, .events = events
	};

	return setsockopt(fd, SOL_FASTPROTO, FP_RING, &req, sizeof(req));
}

/* Map what a socket has. */
int ring_map(int fd, struct ring *ring)
{
	socklen_t len = sizeof(ring->info);

	memset(ring, 0, sizeof(*ring));
	ring->fd = fd;
	if (getsockopt(fd, SOL_FASTPROTO, FP_RING, &ring->info, &len))
		return -1;
	ring->base = mmap(NULL, ring->info.size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);
	if (ring->base == MAP_FAILED)
		return -1;
	ring->ctl = ring->base + ring->info.ctl_off;
	ring->events = ring->base + ring->info.events_off;
	ring->frees = ring->base + ring->info.frees_off;
	ring->sends = ring->base + ring->info.sends_off;
	ring->links = ring->base + ring->info.links_off;
	ring->names = ring->base + ring->info.names_off;
	ring->pool = ring->base + ring->info.pool_off;
	return 0;
}

/* Make and map, and give the first slots to the kernel. */
int ring_open(int fd, unsigned int slot_size, unsigned int slots,
	      unsigned int receive, struct ring *ring)
{
	unsigned int i;

	if (ring_make(fd, slot_size, slots, 0) || ring_map(fd, ring))
		return -1;
	for (i = 0; i < receive; i++)
		ring_give(ring, i);
	return ring_tell(ring);
}

void ring_unmap(struct ring *ring)
{
	munmap(ring->base, ring->info.size);
}

void *ring_slot(const struct ring *ring, __u32 slot)
{
	return ring->pool + (size_t)slot * ring->info.slot_size;
}

/* A slot for the kernel to receive into. */
void ring_give(struct ring *ring, __u32 slot)
{
	__u32 tail = ring->ctl->free_tail;

	ring->frees[tail & (ring->info.frees - 1)] = slot;
	__atomic_store_n(&ring->ctl->free_tail, tail + 1, __ATOMIC_RELEASE);
}

/* Call the kernel if it wants to be; returns what that says, or 0. */
int ring_tell(struct ring *ring)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->ctl->flags, __ATOMIC_RELAXED))
		return ioctl(ring->fd, SIOCFPRING) < 0 ? -1 : 0;
	return 0;
}

/* The next event, if there is one; it stays in the ring until ring_seen(). */
const struct fp_ring_event *ring_peek(struct ring *ring)
{
	const struct fp_ring_event *event;
	__u32 head = ring->ctl->event_head;

	event = &ring->events[head & (ring->info.events - 1)];
	if (__atomic_load_n(&event->stamp, __ATOMIC_ACQUIRE) != head + 1)
		return NULL;
	return event;
}

void ring_seen(struct ring *ring)
{
	__atomic_store_n(&ring->ctl->event_head, ring->ctl->event_head + 1,
			 __ATOMIC_RELEASE);
}

/* Wait for an event and take it. Returns false if none came. */
bool ring_wait(struct ring *ring, struct fp_ring_event *event)
{
	struct pollfd p = { .fd = ring->fd, .events = POLLIN };
	time_t end = time(NULL) + PATIENCE;
	const struct fp_ring_event *next;

	while (time(NULL) <= end) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		next = ring_peek(ring);
		if (next) {
			*event = *next;
			ring_seen(ring);
			return true;
		}
		if (ring_tell(ring))
			return false;
		poll(&p, 1, 1000);
	}
	errno = ETIMEDOUT;
	return false;
}

/* The bytes of a message, out of its slots. */
void ring_copy(const struct ring *ring, const struct fp_ring_event *event,
	       void *to)
{
	__u32 slot = event->slot, left = event->len, part;

	while (left) {
		part = left < ring->info.slot_size ? left :
						     ring->info.slot_size;
		memcpy(to, ring_slot(ring, slot), part);
		to += part;
		left -= part;
		slot = ring->links[slot];
	}
}

/* The slots of a message are for the kernel again. */
void ring_give_back(struct ring *ring, const struct fp_ring_event *event)
{
	__u32 slot = event->slot, nr, next;

	for (nr = event->nr; nr; nr--) {
		next = ring->links[slot];
		ring_give(ring, slot);
		slot = next;
	}
}

/* A message, in slots that follow each other, into the send ring. */
void ring_queue(struct ring *ring, __u64 conn, __u32 slot, const void *data,
		__u32 len, __u32 flags)
{
	__u32 tail = ring->ctl->send_tail, i, nr;
	struct fp_ring_send *send;

	nr = (len + ring->info.slot_size - 1) / ring->info.slot_size;
	for (i = 0; i + 1 < nr; i++)
		ring->links[slot + i] = slot + i + 1;
	memcpy(ring_slot(ring, slot), data, len);
	send = &ring->sends[tail & (ring->info.sends - 1)];
	memset(send, 0, sizeof(*send));
	send->conn = conn;
	send->slot = slot;
	send->len = len;
	send->flags = flags;
	__atomic_store_n(&ring->ctl->send_tail, tail + 1, __ATOMIC_RELEASE);
}

int ring_stats(int fd, struct fp_ring_stats *stats)
{
	socklen_t len = sizeof(*stats);

	return getsockopt(fd, SOL_FASTPROTO, FP_RING_STATS, stats, &len);
}
