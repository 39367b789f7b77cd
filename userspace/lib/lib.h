/* SPDX-License-Identifier: GPL-2.0 */
/* What the library's files share. */
#ifndef _FP_LIB_H
#define _FP_LIB_H

/* All is hidden (-fvisibility) but what the application sees. */
#pragma GCC visibility push(default)
#include "fastproto.h"
#pragma GCC visibility pop

#include <stdbool.h>
#include <sys/queue.h>

#define NSEC_PER_SEC	1000000000ll
#define COPIED_BELOW	1024	/* bytes: shorter messages are copied in any case */

/* Of the first slot of a chain: whose it is. Others are as good as nobody's. */
enum fp_owner {
	FP_OWNER_NOBODY = 0,	/* the kernel's to receive into, or spare */
	FP_OWNER_LOAN,		/* the application's until the next event */
	FP_OWNER_APP,
	FP_OWNER_SENDING,	/* the kernel's until FP_RING_SENT */
	FP_OWNER_QUIET,		/* the kernel's until it has taken the descriptor */
};

/**
 * struct quiet - a message of which nothing is told unless it is refused
 * @slot: its first slot
 * @at: index of its descriptor
 */
struct quiet {
	__u32 slot;
	__u32 at;
};

/**
 * struct fp_ring - a socket with its mapped pool and rings
 * @info: what the kernel says of them
 * @fd: the socket
 * @type: SOCK_*
 * @map: the mapping; what follows is in it
 * @ctl: indices
 * @events: entries of the event ring
 * @frees: entries of the free ring
 * @sends: entries of the send ring
 * @links: behind each slot
 * @names: addresses
 * @pool: the slots
 * @owner: enum fp_owner, of every slot
 * @count: of the first slot of a chain: how many slots there are in it
 * @next: behind each slot of a chain
 * @sent_at: of the first slot of a chain: index of its descriptor
 * @spare: a stack of those that may be sent from
 * @nr_spare: how many they are
 * @flags: as configured
 * @receive_slots: slots below this are for receiving, those above for sending
 * @quiet: those that were queued, a queue with a place for each descriptor
 * @quiet_begin: the first of them, modulo the number of places
 * @quiet_end: behind the last one
 * @refused: how many of them were told to be refused
 * @may_sleep: recv(2) of no bytes waits, until it is known not to
 * @event_head: as in struct fp_ring_ctl, but the kernel was not told yet
 * @free_tail: the same
 * @send_tail: the same
 * @told: what the kernel was told
 * @event: the last one; it has its slots on loan
 * @watch: where it is in a loop, or NULL
 */
struct fp_ring {
	struct fp_ring_info info;
	int fd;
	int type;

	void *map;
	struct fp_ring_ctl *ctl;
	unsigned char *events;
	__u32 *frees;
	unsigned char *sends;
	__u32 *links;
	unsigned char *names;
	unsigned char *pool;

	__u8 *owner;
	__u32 *count;
	__u32 *next;
	__u32 *sent_at;
	__u32 *spare;
	__u32 nr_spare;
	__u32 flags;
	__u32 receive_slots;
	struct quiet *quiet;
	__u32 quiet_begin;
	__u32 quiet_end;
	__u32 refused;
	bool may_sleep;

	__u32 event_head;
	__u32 free_tail;
	__u32 send_tail;
	struct {
		__u32 event_head;
		__u32 free_tail;
		__u32 send_tail;
	} told;
	struct fp_ring_event event;
	struct watch *watch;
};

/* ring.c */
bool ring_pending(const struct fp_ring *ring);
void ring_end_loan(struct fp_ring *ring);
void ring_touched(struct fp_ring *ring);
int ring_sleep(struct fp_ring *ring);
int ring_wake(int fd);

/* quiet.c */
int quiet_init(struct fp_ring *ring);
void quiet_free(struct fp_ring *ring);
bool quiet_add(struct fp_ring *ring, __u32 slot);
bool quiet_refused(struct fp_ring *ring, __u32 slot);
bool quiet_any(const struct fp_ring *ring);
__u32 quiet_spare(const struct fp_ring *ring);
void quiet_reclaim(struct fp_ring *ring);

/* slot.c */
int slots_init(struct fp_ring *ring);
void slots_free(struct fp_ring *ring);
bool slots_held(const struct fp_ring *ring, const struct fp_ring_event *msg);
bool slots_lend(struct fp_ring *ring, const struct fp_ring_event *msg);
__u32 slots_take(struct fp_ring *ring, __u32 nr);
void slots_give(struct fp_ring *ring, __u32 first);

/* What a loop watches: a ring, a file, or its own eventfd (no handler). */
struct watch {
	TAILQ_ENTRY(watch) all;		/* loop->rings or loop->files */
	TAILQ_ENTRY(watch) ready;	/* loop->ready: has events */
	TAILQ_ENTRY(watch) dirty;	/* loop->dirty: is to be flushed */
	struct watch *next_dead;	/* loop->dead: to be freed */
	struct fp_loop *loop;
	struct fp_ring *ring;
	struct fp_handlers handlers;
	fp_fd_handler *handler;
	void *arg;
	int fd;
	bool is_ready;
	bool is_dirty;
	bool is_edge;
	bool is_dead;
};

TAILQ_HEAD(watches, watch);

/* A function to be called by the loop's thread. */
struct call {
	struct call *next;
	void (*function)(void *arg);
	void *arg;
};

/**
 * struct timers - a heap, the earliest first; of those at one time, the one that
 *	was set first
 * @heap: the timers
 * @nr: how many
 * @room: for how many there is room
 * @order: grows with every one that is set
 */
struct timers {
	struct fp_timer **heap;
	size_t nr;
	size_t room;
	__u64 order;
};

/* fp_timer.reserved */
enum {
	TIMER_WHEN,	/* CLOCK_MONOTONIC, nanoseconds */
	TIMER_PERIOD,
	TIMER_ORDER,
	TIMER_PLACE,	/* in the heap, from 1; 0: not set */
};

/* timer.c */
int timers_set(struct timers *timers, struct fp_timer *timer, __u64 when,
	       __u64 period);
int timers_del(struct timers *timers, struct fp_timer *timer);
struct fp_timer *timers_first(const struct timers *timers);
void timers_clear(struct timers *timers);

/* loop.c */
void loop_dirty(struct watch *watch);
void watch_del(struct watch *watch);
__u64 clock_now(void);

/**
 * struct fp_loop - see fastproto.h
 * @epoll: watches all files and rings
 * @wake: eventfd, for calls and stop
 * @sleeper: the ring's socket in which the loop sleeps, or is about to; else -1
 * @wakers: threads that may have read @sleeper; as long as there are any, it is not
 *	closed
 * @stop: fp_loop_stop() was called; any thread
 * @calls: latest first; any thread
 * @running: in a round
 * @batch: as configured
 * @spin: as configured
 * @now: when the present round began
 * @spin_until: then it sleeps
 * @rings: all
 * @files: all others
 * @ready: rings that have events
 * @dirty: rings that are to be flushed
 * @dead: watches that were removed, while a round may still know them
 * @timers: that are set
 */
struct fp_loop {
	int epoll;
	struct watch wake;
	int sleeper;
	unsigned int wakers;
	bool stop;
	struct call *calls;

	bool running;
	__u32 batch;
	__u64 spin;
	__u64 now;
	__u64 spin_until;
	struct watches rings;
	struct watches files;
	struct watches ready;
	struct watches dirty;
	struct watch *dead;
	struct timers timers;
};

#endif /* _FP_LIB_H */
