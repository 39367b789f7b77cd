// SPDX-License-Identifier: GPL-2.0
/* Timers in a binary heap. */
#include <errno.h>
#include <stdlib.h>

#include "lib.h"

static bool before(const struct fp_timer *a, const struct fp_timer *b)
{
	if (a->reserved[TIMER_WHEN] != b->reserved[TIMER_WHEN])
		return a->reserved[TIMER_WHEN] < b->reserved[TIMER_WHEN];
	return a->reserved[TIMER_ORDER] < b->reserved[TIMER_ORDER];
}

/* Places count from 1. */
static void place(struct timers *timers, size_t n, struct fp_timer *timer)
{
	timers->heap[n - 1] = timer;
	timer->reserved[TIMER_PLACE] = n;
}

static void up(struct timers *timers, size_t n, struct fp_timer *timer)
{
	for (; n > 1 && before(timer, timers->heap[n / 2 - 1]); n /= 2)
		place(timers, n, timers->heap[n / 2 - 1]);
	place(timers, n, timer);
}

static void down(struct timers *timers, size_t n, struct fp_timer *timer)
{
	size_t child;

	while ((child = 2 * n) <= timers->nr) {
		if (child < timers->nr &&
		    before(timers->heap[child], timers->heap[child - 1]))
			child++;
		if (!before(timers->heap[child - 1], timer))
			break;
		place(timers, n, timers->heap[child - 1]);
		n = child;
	}
	place(timers, n, timer);
}

/* It may never have been in a heap, or in another one. */
static bool is_set(const struct timers *timers, const struct fp_timer *timer)
{
	__u64 n = timer->reserved[TIMER_PLACE];

	return n && n <= timers->nr && timers->heap[n - 1] == timer;
}

static int make_room(struct timers *timers)
{
	size_t room = timers->room ? 2 * timers->room : 16;
	struct fp_timer **heap;

	if (timers->nr < timers->room)
		return 0;
	heap = reallocarray(timers->heap, room, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	timers->heap = heap;
	timers->room = room;
	return 0;
}

int timers_set(struct timers *timers, struct fp_timer *timer, __u64 when,
	       __u64 period)
{
	int err = make_room(timers);

	if (err)
		return err;
	timers_del(timers, timer);
	timer->reserved[TIMER_WHEN] = when;
	timer->reserved[TIMER_PERIOD] = period;
	timer->reserved[TIMER_ORDER] = timers->order++;
	up(timers, ++timers->nr, timer);
	return 0;
}

int timers_del(struct timers *timers, struct fp_timer *timer)
{
	size_t n = timer->reserved[TIMER_PLACE];
	struct fp_timer *last;

	if (!is_set(timers, timer))
		return -ENOENT;
	timer->reserved[TIMER_PLACE] = 0;
	last = timers->heap[--timers->nr];
	if (last == timer)
		return 0;
	if (n > 1 && before(last, timers->heap[n / 2 - 1]))
		up(timers, n, last);
	else
		down(timers, n, last);
	return 0;
}

/* NULL: there is none. */
struct fp_timer *timers_first(const struct timers *timers)
{
	return timers->nr ? timers->heap[0] : NULL;
}

void timers_clear(struct timers *timers)
{
	size_t i;

	for (i = 0; i < timers->nr; i++)
		timers->heap[i]->reserved[TIMER_PLACE] = 0;
	free(timers->heap);
	*timers = (struct timers){ 0 };
}
