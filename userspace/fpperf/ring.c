// SPDX-License-Identifier: GPL-2.0
/*
 * A connection over the mapped pool and its rings: the message is written where
 * it is sent from, and read where it came in. The kernel is called when there is
 * nothing to do, or for so many messages at once.
 */
#include <err.h>
#include <errno.h>
#include <linux/fastproto.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fpperf.h"

#define SLOT		2048u	/* bytes */
#define SLOTS		4096u
#define BATCH		64	/* messages */
#define SPINS		100	/* how often it looks before it sleeps */
#define COPIED		1024	/* of messages of less nobody wants to know */

/* Where a message came in. */
struct place {
	__u32 slot;	/* the first */
	__u32 nr;	/* how many slots */
	__u32 len;	/* bytes */
};

/**
 * struct ring - what a connection has
 * @base: the mapping
 * @size: its length
 * @ctl: indices
 * @events: the event ring
 * @frees: the free ring
 * @sends: the send ring
 * @links: from each slot to the next
 * @pool: the slots
 * @event_mask: entries of the event ring, less one
 * @mask: the same of the others
 * @head: of the event ring
 * @free_tail: of the free ring
 * @send_tail: of the send ring
 * @queued: descriptors of which the kernel does not know yet
 * @room: the first of the slots to send from; all behind it are
 * @next: the next one
 * @busy: for each of those that a message begins with: an event will tell when it
 *	is ours again
 * @until: for each of them: it is not before so many descriptors were taken
 * @in: messages that came, and were not handed over, by @in_begin to @in_end
 * @in_begin: the first
 * @in_end: behind the last one
 * @held: the one that was handed over last; its slots are still ours
 */
struct ring {
	unsigned char *base;
	size_t size;
	struct fp_ring_ctl *ctl;
	struct fp_ring_event *events;
	__u32 *frees;
	struct fp_ring_send *sends;
	__u32 *links;
	unsigned char *pool;
	__u32 event_mask;
	__u32 mask;
	__u32 head;
	__u32 free_tail;
	__u32 send_tail;
	__u32 queued;
	__u32 room;
	__u32 next;
	bool busy[SLOTS];
	__u32 until[SLOTS];
	struct place in[SLOTS];
	__u32 in_begin;
	__u32 in_end;
	struct place held;
};

static __u32 slots_of(size_t len)
{
	return len ? (len + SLOT - 1) / SLOT : 1;
}

static void give(struct ring *ring, __u32 slot)
{
	ring->frees[ring->free_tail++ & ring->mask] = slot;
}

static void map(struct ring *ring, int fd)
{
	struct fp_ring_req req = { .slot_size = SLOT, .slots = SLOTS };
	struct fp_ring_info info;
	socklen_t len = sizeof(info);

	if (setsockopt(fd, SOL_FASTPROTO, FP_RING, &req, sizeof(req)) ||
	    getsockopt(fd, SOL_FASTPROTO, FP_RING, &info, &len))
		err(1, "rings");
	ring->size = info.size;
	ring->base = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0);
	if (ring->base == MAP_FAILED)
		err(1, "mapping");
	ring->ctl = (void *)(ring->base + info.ctl_off);
	ring->events = (void *)(ring->base + info.events_off);
	ring->frees = (void *)(ring->base + info.frees_off);
	ring->sends = (void *)(ring->base + info.sends_off);
	ring->links = (void *)(ring->base + info.links_off);
	ring->pool = ring->base + info.pool_off;
	ring->event_mask = info.events - 1;
	ring->mask = info.frees - 1;
}

/* For a new connection. */
struct ring *ring_begin(int fd)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	__u32 i;

	if (!ring)
		err(1, "memory");
	map(ring, fd);
	for (i = 0; i < SLOTS; i++)
		ring->links[i] = i + 1;
	/* Half of the slots are to receive into. */
	ring->room = SLOTS / 2;
	ring->next = ring->room;
	for (i = 0; i < ring->room; i++)
		give(ring, i);
	__atomic_store_n(&ring->ctl->free_tail, ring->free_tail,
			 __ATOMIC_RELEASE);
	ioctl(fd, SIOCFPRING);
	return ring;
}

void ring_end(struct ring *ring)
{
	munmap(ring->base, ring->size);
	free(ring);
}

/* Where the next message, of any length, is to be written. */
unsigned char *ring_room(struct ring *ring)
{
	return ring->pool + (size_t)ring->next * SLOT;
}

static void publish(struct ring *ring)
{
	__atomic_store_n(&ring->ctl->event_head, ring->head, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->ctl->free_tail, ring->free_tail,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&ring->ctl->send_tail, ring->send_tail,
			 __ATOMIC_RELEASE);
}

/* Tell the kernel what was done; it is called only if it wants to be. */
static void tell(struct ring *ring, int fd)
{
	publish(ring);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->ctl->flags, __ATOMIC_RELAXED) &
	    (ring->queued ? FP_RING_NEED_SEND | FP_RING_NEED_ROOM :
			    FP_RING_NEED_ROOM))
		ioctl(fd, SIOCFPRING);
	ring->queued = 0;
}

/* The next event, or NULL. */
static const struct fp_ring_event *peek(const struct ring *ring)
{
	const struct fp_ring_event *event;

	event = &ring->events[ring->head & ring->event_mask];
	if (__atomic_load_n(&event->stamp, __ATOMIC_ACQUIRE) != ring->head + 1)
		return NULL;
	return event;
}

static struct place place_of(const struct fp_ring_event *event)
{
	return (struct place){ event->slot, event->nr, event->len };
}

/* Take the next event, which there is. Returns its type. */
static int take(struct ring *ring, const struct fp_ring_event *event)
{
	int type = event->type;

	if (type == FP_RING_SENT) {
		ring->busy[event->slot] = false;
		if (event->error)
			errx(1, "a message was not sent: %s",
			     strerror(event->error));
	} else if (type == FP_RING_MESSAGE) {
		ring->in[ring->in_end++ % SLOTS] = place_of(event);
	} else if (type == FP_RING_CLOSED) {
		errno = event->error;
	}
	ring->head++;
	return type;
}

/*
 * Send what there is, and wait for an event. Who asks and answers does not wait for
 * long: others may have the processor meanwhile, but nobody needs to be woken.
 */
static void await_event(struct ring *ring, int fd)
{
	int i;

	publish(ring);
	if (ring->queued && recv(fd, NULL, 0, MSG_DONTWAIT) &&
	    errno != EAGAIN && errno != EINTR)
		err(1, "sending");
	ring->queued = 0;
	for (i = 0; i < SPINS; i++) {
		if (peek(ring))
			return;
		sched_yield();
	}
	if (recv(fd, NULL, 0, 0) && errno != EINTR)
		err(1, "waiting for an event");
}

/* Are the slots that begin here not ours yet? */
static bool is_busy(const struct ring *ring, __u32 slot)
{
	__u32 head;

	if (ring->busy[slot])
		return true;
	head = __atomic_load_n(&ring->ctl->send_head, __ATOMIC_ACQUIRE);
	return (__s32)(ring->until[slot] - head) > 0;
}

/* A message that is at ring_room() is sent. */
int ring_send(struct ring *ring, int fd, size_t len)
{
	__u32 nr = slots_of(len), begin = ring->next;

	ring->sends[ring->send_tail++ & ring->mask] = (struct fp_ring_send){
		.slot = begin, .len = len,
		.flags = len < COPIED ? FP_RING_QUIET : 0,
	};
	ring->busy[begin] = len >= COPIED;
	ring->until[begin] = ring->send_tail;
	ring->next += nr;
	/* The largest message fits behind it. */
	if (ring->next + slots_of(SIZE_MAX_BYTES) > SLOTS)
		ring->next = ring->room;
	if (++ring->queued < BATCH && !is_busy(ring, ring->next))
		return 0;
	tell(ring, fd);
	while (is_busy(ring, ring->next)) {
		const struct fp_ring_event *event = peek(ring);

		if (event)
			take(ring, event);
		else
			await_event(ring, fd);
	}
	return 0;
}

/* The message that was handed over last is not needed any more. */
static void release(struct ring *ring)
{
	struct place *held = &ring->held;

	for (; held->nr > 1; held->nr--) {
		give(ring, held->slot);
		held->slot = ring->links[held->slot];
	}
	if (held->nr)
		give(ring, held->slot);
	held->nr = 0;
}

static bool in_a_row(const struct ring *ring, __u32 slot, __u32 nr)
{
	for (; nr > 1; nr--, slot++)
		if (ring->links[slot] != slot + 1)
			return false;
	return true;
}

/* The next message, which is the next event if it can be. Returns false: it is over. */
static bool next_message(struct ring *ring, int fd)
{
	while (ring->in_begin == ring->in_end) {
		const struct fp_ring_event *event = peek(ring);

		if (!event) {
			await_event(ring, fd);
		} else if (event->type == FP_RING_MESSAGE) {
			ring->held = place_of(event);
			ring->head++;
			return true;
		} else if (take(ring, event) == FP_RING_CLOSED) {
			return false;
		}
	}
	ring->held = ring->in[ring->in_begin++ % SLOTS];
	return true;
}

/* The next message, where it lies or in @buf. As link_receive(). */
ssize_t ring_receive(struct ring *ring, int fd, unsigned char *buf,
		     unsigned char **payload)
{
	const struct place *in = &ring->held;
	__u32 slot, done;

	release(ring);
	if (!next_message(ring, fd))
		return errno ? -1 : 0;
	slot = in->slot;
	*payload = ring->pool + (size_t)slot * SLOT;
	if (in_a_row(ring, slot, in->nr))
		return in->len;
	for (done = 0; done < in->len; done += SLOT) {
		memcpy(buf + done, ring->pool + (size_t)slot * SLOT, SLOT);
		slot = ring->links[slot];
	}
	*payload = buf;
	return in->len;
}
