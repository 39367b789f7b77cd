// SPDX-License-Identifier: GPL-2.0
/*
 * The loop. A round: what was queued is flushed, wait until something is ready, and
 * then calls, timers, files and a batch of events of rings. If there is nothing but
 * one ring to wait for, it is flushed and waited for in one call, and epoll is not
 * asked; who wants to wake it up then has to know (wake_up()). A watch that is
 * removed stays in memory until the round is over, since the round may come across
 * it once more.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

#define BATCH		256	/* events, if nothing is said */
#define FILES		64	/* that epoll tells of at once */
#define SPINS		16	/* looks at memory for one at files */

/* Between rounds: there is nobody who still knows them. */
static void bury(struct fp_loop *loop)
{
	struct watch *watch;

	while ((watch = loop->dead)) {
		loop->dead = watch->next_dead;
		free(watch);
	}
}

static int epoll_set(struct fp_loop *loop, int op, struct watch *watch,
		     __u32 events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll, op, watch->fd, &event) ? -errno : 0;
}

static void set_ready(struct watch *watch)
{
	if (watch->is_ready)
		return;
	watch->is_ready = true;
	TAILQ_INSERT_TAIL(&watch->loop->ready, watch, ready);
}

static void clear_ready(struct watch *watch)
{
	if (!watch->is_ready)
		return;
	watch->is_ready = false;
	TAILQ_REMOVE(&watch->loop->ready, watch, ready);
}

void loop_dirty(struct watch *watch)
{
	if (watch->is_dirty)
		return;
	watch->is_dirty = true;
	TAILQ_INSERT_TAIL(&watch->loop->dirty, watch, dirty);
}

static void clear_dirty(struct watch *watch)
{
	if (!watch->is_dirty)
		return;
	watch->is_dirty = false;
	TAILQ_REMOVE(&watch->loop->dirty, watch, dirty);
}

/* Either may be NULL. */
static struct watch *watch_new(struct fp_loop *loop, int fd,
			       struct fp_ring *ring, fp_fd_handler *handler)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->fd = fd;
	watch->ring = ring;
	watch->handler = handler;
	return watch;
}

/* Nobody else uses the ring's socket any more: it may be closed. */
static void await_wakers(const struct fp_loop *loop)
{
	/* Pairs with that in wake_up(), from @wakers to @sleeper. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (__atomic_load_n(&loop->wakers, __ATOMIC_ACQUIRE))
		sched_yield();
}

void watch_del(struct watch *watch)
{
	struct fp_loop *loop = watch->loop;

	if (watch->ring) {
		await_wakers(loop);
		clear_ready(watch);
		clear_dirty(watch);
		TAILQ_REMOVE(&loop->rings, watch, all);
		watch->ring->watch = NULL;
	} else {
		TAILQ_REMOVE(&loop->files, watch, all);
	}
	epoll_set(loop, EPOLL_CTL_DEL, watch, 0);
	watch->is_dead = true;
	watch->next_dead = loop->dead;
	loop->dead = watch;
	if (!loop->running)
		bury(loop);
}

static bool config_fits(const struct fp_loop_config *config)
{
	return config->batch <= FP_LOOP_BATCH_MAX && !config->flags &&
	       !config->reserved[0] && !config->reserved[1];
}

static int open_files(struct fp_loop *loop)
{
	loop->wake.fd = -1;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake.fd < 0)
		return -errno;
	return epoll_set(loop, EPOLL_CTL_ADD, &loop->wake, EPOLLIN);
}

static void close_files(struct fp_loop *loop)
{
	if (loop->wake.fd >= 0)
		close(loop->wake.fd);
	if (loop->epoll >= 0)
		close(loop->epoll);
}

int fp_loop_new(struct fp_loop **to, const struct fp_loop_config *from)
{
	struct fp_loop_config config = { 0 };
	struct fp_loop *loop;
	int err;

	if (from)
		config = *from;
	if (!to || !config_fits(&config))
		return -EINVAL;
	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	TAILQ_INIT(&loop->rings);
	TAILQ_INIT(&loop->files);
	TAILQ_INIT(&loop->ready);
	TAILQ_INIT(&loop->dirty);
	loop->batch = config.batch ? config.batch : BATCH;
	loop->spin = config.spin;
	loop->sleeper = -1;
	loop->now = clock_now();
	err = open_files(loop);
	if (err) {
		close_files(loop);
		free(loop);
		return err;
	}
	*to = loop;
	return 0;
}

/* Those that are asked for from now on come after what this returns. */
static struct call *take_calls(struct fp_loop *loop)
{
	struct call *call, *next, *first = NULL;

	call = __atomic_exchange_n(&loop->calls, NULL, __ATOMIC_ACQUIRE);
	for (; call; call = next) {
		next = call->next;
		call->next = first;
		first = call;
	}
	return first;
}

int fp_loop_free(struct fp_loop *loop)
{
	struct call *call, *next;

	if (!loop)
		return 0;
	if (loop->running)
		return -EBUSY;
	while (!TAILQ_EMPTY(&loop->rings))
		watch_del(TAILQ_FIRST(&loop->rings));
	while (!TAILQ_EMPTY(&loop->files))
		watch_del(TAILQ_FIRST(&loop->files));
	timers_clear(&loop->timers);
	for (call = take_calls(loop); call; call = next) {
		next = call->next;
		free(call);
	}
	close_files(loop);
	free(loop);
	return 0;
}

__u64 fp_loop_now(const struct fp_loop *loop)
{
	return loop ? loop->now : 0;
}

/* A full eventfd is as good as one more. */
static void wake_epoll(const struct fp_loop *loop)
{
	const __u64 one = 1;

	if (write(loop->wake.fd, &one, sizeof(one)) < 0)
		return;
}

/*
 * What it is to see was written before. Either it sees that before it sleeps, or we
 * see where it sleeps: the first fence pairs with that in sleep_in().
 */
static void wake_up(struct fp_loop *loop)
{
	int saved = errno, fd;

	__atomic_add_fetch(&loop->wakers, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	fd = __atomic_load_n(&loop->sleeper, __ATOMIC_RELAXED);
	if (fd < 0 || ring_wake(fd))
		wake_epoll(loop);
	__atomic_sub_fetch(&loop->wakers, 1, __ATOMIC_RELEASE);
	errno = saved;
}

void fp_loop_stop(struct fp_loop *loop)
{
	if (!loop)
		return;
	__atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
	wake_up(loop);
}

static bool stopped(const struct fp_loop *loop)
{
	return __atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE);
}

/* Who finds the list empty wakes the loop up, for all who come after him. */
int fp_loop_call(struct fp_loop *loop, void (*function)(void *arg), void *arg)
{
	struct call *call;

	if (!loop || !function)
		return -EINVAL;
	call = malloc(sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->function = function;
	call->arg = arg;
	call->next = __atomic_load_n(&loop->calls, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&loop->calls, &call->next, call,
					    true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	if (!call->next)
		wake_up(loop);
	return 0;
}

static bool has_calls(const struct fp_loop *loop)
{
	return __atomic_load_n(&loop->calls, __ATOMIC_RELAXED);
}

int fp_loop_add_ring(struct fp_loop *loop, struct fp_ring *ring,
		     const struct fp_handlers *handlers, void *arg)
{
	struct watch *watch;
	int err;

	if (!loop || !ring || !handlers || handlers->reserved[0] ||
	    handlers->reserved[1] || handlers->reserved[2])
		return -EINVAL;
	if (ring->watch)
		return -EEXIST;
	watch = watch_new(loop, ring->fd, ring, NULL);
	if (!watch)
		return -ENOMEM;
	watch->handlers = *handlers;
	watch->arg = arg;
	err = epoll_set(loop, EPOLL_CTL_ADD, watch, EPOLLIN);
	if (err) {
		free(watch);
		return err;
	}
	ring->watch = watch;
	TAILQ_INSERT_TAIL(&loop->rings, watch, all);
	set_ready(watch);
	loop_dirty(watch);
	return 0;
}

/* cppcheck-suppress constParameter */
int fp_loop_del_ring(struct fp_loop *loop, struct fp_ring *ring)
{
	if (!loop || !ring)
		return -EINVAL;
	if (!ring->watch || ring->watch->loop != loop)
		return -ENOENT;
	watch_del(ring->watch);
	return 0;
}

struct fp_loop *fp_ring_loop(const struct fp_ring *ring)
{
	return ring && ring->watch ? ring->watch->loop : NULL;
}

static struct watch *find_file(const struct fp_loop *loop, int fd)
{
	struct watch *watch;

	TAILQ_FOREACH(watch, &loop->files, all)
		if (watch->fd == fd)
			return watch;
	return NULL;
}

int fp_loop_add_fd(struct fp_loop *loop, int fd, __u32 events,
		   fp_fd_handler *handler, void *arg)
{
	struct watch *watch;
	int err;

	if (!loop || !handler)
		return -EINVAL;
	watch = watch_new(loop, fd, NULL, handler);
	if (!watch)
		return -ENOMEM;
	watch->arg = arg;
	err = epoll_set(loop, EPOLL_CTL_ADD, watch, events);
	if (err) {
		free(watch);
		return err;
	}
	TAILQ_INSERT_HEAD(&loop->files, watch, all);
	return 0;
}

int fp_loop_mod_fd(struct fp_loop *loop, int fd, __u32 events)
{
	struct watch *watch;

	if (!loop)
		return -EINVAL;
	watch = find_file(loop, fd);
	return watch ? epoll_set(loop, EPOLL_CTL_MOD, watch, events) : -ENOENT;
}

int fp_loop_del_fd(struct fp_loop *loop, int fd)
{
	struct watch *watch;

	if (!loop)
		return -EINVAL;
	watch = find_file(loop, fd);
	if (!watch)
		return -ENOENT;
	watch_del(watch);
	return 0;
}

/* In a round its beginning is too early. */
int fp_loop_set_timer(struct fp_loop *loop, struct fp_timer *timer,
		      __u64 delay, __u64 period)
{
	__u64 now;

	if (!loop || !timer || !timer->handler)
		return -EINVAL;
	now = clock_now();
	return timers_set(&loop->timers, timer,
			  delay < UINT64_MAX - now ? now + delay : UINT64_MAX,
			  period);
}

int fp_loop_del_timer(struct fp_loop *loop, struct fp_timer *timer)
{
	if (!loop || !timer)
		return -EINVAL;
	return timers_del(&loop->timers, timer);
}

/* The next time of the period that is still to come. */
static __u64 next_time(__u64 when, __u64 period, __u64 now)
{
	if (period > UINT64_MAX - now)
		return UINT64_MAX;
	return when + ((now - when) / period + 1) * period;
}

/* Those that are set meanwhile have their turn in the next round. */
static int run_timers(struct fp_loop *loop)
{
	__u64 order = loop->timers.order;
	struct fp_timer *timer;
	int n = 0;

	while (!stopped(loop) && (timer = timers_first(&loop->timers)) &&
	       timer->reserved[TIMER_WHEN] <= loop->now &&
	       timer->reserved[TIMER_ORDER] < order) {
		__u64 period = timer->reserved[TIMER_PERIOD];
		__u64 when = timer->reserved[TIMER_WHEN];

		timers_del(&loop->timers, timer);
		if (period)	/* there is room: it was in the heap just now */
			timers_set(&loop->timers, timer,
				   next_time(when, period, loop->now), period);
		timer->handler(loop, timer);
		n++;
	}
	return n;
}

static int run_calls(struct fp_loop *loop)
{
	struct call *call, *next;
	int n = 0;

	if (!has_calls(loop))
		return 0;
	for (call = take_calls(loop); call; call = next) {
		next = call->next;
		call->function(call->arg);
		free(call);
		n++;
	}
	return n;
}

static fp_ring_handler *handler_of(const struct fp_handlers *handlers, int type)
{
	switch (type) {
	case FP_RING_MESSAGE:
		return handlers->on_message;
	case FP_RING_OPENED:
		return handlers->on_opened;
	case FP_RING_WRITABLE:
		return handlers->on_writable;
	case FP_RING_CLOSED:
		return handlers->on_closed;
	case FP_RING_SENT:
		return handlers->on_sent;
	default:
		return NULL;	/* a later kernel's */
	}
}

static void hand_out(struct watch *watch, const struct fp_ring_event *event)
{
	fp_ring_handler *handler = handler_of(&watch->handlers, event->type);

	if (handler)
		handler(watch->ring, event, watch->arg);
}

/* Returns how many events there were. The ring may be gone afterwards. */
static __u32 serve(struct watch *watch, __u32 most)
{
	struct fp_loop *loop = watch->loop;
	__u32 n;

	for (n = 0; n < most && !stopped(loop); n++) {
		const struct fp_ring_event *event;

		event = fp_ring_next(watch->ring);
		if (!event)
			break;
		hand_out(watch, event);
		if (watch->is_dead)
			return n + 1;
	}
	ring_end_loan(watch->ring);
	loop_dirty(watch);
	return n;
}

/* Each ring in turn, until all are empty or the batch is full. */
static __u32 run_rings(struct fp_loop *loop)
{
	__u32 left = loop->batch;
	struct watch *watch;

	while (left && !stopped(loop) &&
	       (watch = TAILQ_FIRST(&loop->ready))) {
		left -= serve(watch, left);
		if (watch->is_dead)
			continue;
		clear_ready(watch);
		if (ring_pending(watch->ring))
			set_ready(watch);
	}
	return loop->batch - left;
}

/*
 * What came before the kernel was told that all was read, it need not have told
 * to epoll.
 */
static int flush_rings(struct fp_loop *loop)
{
	struct watch *watch;
	int err = 0;

	while ((watch = TAILQ_FIRST(&loop->dirty))) {
		int ret;

		clear_dirty(watch);
		ret = fp_ring_flush(watch->ring);
		if (ret)
			err = ret;
		if (ring_pending(watch->ring))
			set_ready(watch);
	}
	return err;
}

/*
 * A ring on which nothing will come any more stays so: that is told once, as is
 * from then on all that does come.
 */
static void ring_ready(struct watch *watch, __u32 events)
{
	if (ring_pending(watch->ring)) {
		set_ready(watch);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR) && !watch->is_edge) {
		watch->is_edge = true;
		epoll_set(watch->loop, EPOLL_CTL_MOD, watch,
			  EPOLLIN | EPOLLET);
	}
}

static void drain(struct watch *wake)
{
	__u64 count;

	if (read(wake->fd, &count, sizeof(count)) < 0)
		return;	/* it was empty: as good */
}

/* Returns how many had their turn: all, since some are told of but once. */
static int run_files(struct fp_loop *loop, const struct epoll_event *events,
		     int nr)
{
	int n = 0;
	int i;

	for (i = 0; i < nr; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch->is_dead || !watch->handler)
			continue;
		watch->handler(loop, watch->fd, events[i].events, watch->arg);
		n++;
	}
	return n;
}

static void sort_ready(const struct epoll_event *events, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch->ring)
			ring_ready(watch, events[i].events);
		else if (!watch->handler)
			drain(watch);
	}
}

static bool rings_pending(struct fp_loop *loop)
{
	struct watch *watch;
	bool any = false;

	TAILQ_FOREACH(watch, &loop->rings, all) {
		/* cppcheck-suppress uninitvar */
		if (ring_pending(watch->ring)) {
			set_ready(watch);
			any = true;
		}
	}
	return any;
}

/* The ring that is all there is to wait for, or NULL. */
static struct watch *only_ring(const struct fp_loop *loop)
{
	struct watch *watch = TAILQ_FIRST(&loop->rings);

	if (!watch || TAILQ_NEXT(watch, all) || !TAILQ_EMPTY(&loop->files) ||
	    !watch->ring->may_sleep)
		return NULL;
	return watch;
}

static bool is_busy(const struct fp_loop *loop)
{
	return !TAILQ_EMPTY(&loop->ready) || has_calls(loop) || stopped(loop);
}

/*
 * Looks at memory again and again, and now and then at files; or, if there are none,
 * it lets others have the processor.
 */
static int spin(struct fp_loop *loop, struct epoll_event *events, __u64 until)
{
	bool files = !only_ring(loop);
	unsigned int i;
	int nr;

	if (until > loop->spin_until)
		until = loop->spin_until;
	for (i = 1; loop->now < until; i++, loop->now = clock_now()) {
		if (rings_pending(loop) || has_calls(loop) || stopped(loop))
			return 0;
		if (i % SPINS)
			continue;
		if (!files) {
			sched_yield();
			continue;
		}
		nr = epoll_wait(loop->epoll, events, FILES, 0);
		if (nr)
			return nr < 0 ? -errno : nr;
	}
	return 0;
}

static int epoll_until(struct fp_loop *loop, struct epoll_event *events,
		       __u64 until)
{
	__u64 left = until > loop->now ? until - loop->now : 0;
	struct timespec ts = {
		left / NSEC_PER_SEC, left % NSEC_PER_SEC
	};

	int nr = epoll_pwait2(loop->epoll, events, FILES,
			      until == UINT64_MAX ? NULL : &ts, NULL);

	return nr < 0 ? -errno : nr;
}

/* Where the loop sleeps, -1: not in a ring. Each fence pairs with wake_up()'s. */
static void set_sleeper(struct fp_loop *loop, int fd)
{
	__atomic_store_n(&loop->sleeper, fd, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Flush the only ring, and wait for its events. */
static int sleep_in(struct watch *watch)
{
	struct fp_loop *loop = watch->loop;
	int err = 0;

	set_sleeper(loop, watch->fd);
	if (!is_busy(loop)) {
		clear_dirty(watch);
		err = ring_sleep(watch->ring);
	}
	set_sleeper(loop, -1);
	if (ring_pending(watch->ring))
		set_ready(watch);
	return err;
}

/*
 * Flushes what was queued, and waits for what epoll knows, but not if there is
 * something to do already.
 */
static int gather(struct fp_loop *loop, struct epoll_event *events,
		  __u64 until)
{
	struct fp_timer *first = timers_first(&loop->timers);
	struct watch *only = only_ring(loop);
	int ret;

	if (first && first->reserved[TIMER_WHEN] < until)
		until = first->reserved[TIMER_WHEN];
	if (only && until == UINT64_MAX && loop->spin_until <= loop->now &&
	    !rings_pending(loop) && !is_busy(loop))
		return sleep_in(only);

	ret = flush_rings(loop);
	if (!ret && until > loop->now)
		ret = spin(loop, events, until);
	if (ret)
		return ret;
	if (is_busy(loop))
		until = 0;
	if (only && !until)
		return 0;
	if (only && until == UINT64_MAX)
		return sleep_in(only);
	return epoll_until(loop, events, until);
}

/* Returns whether anything was done. */
static int work(struct fp_loop *loop, __u64 until)
{
	struct epoll_event events[FILES];
	int nr, n;

	nr = gather(loop, events, until);
	if (nr < 0)
		return nr;
	loop->now = clock_now();
	sort_ready(events, nr);
	n = run_calls(loop);
	n += run_timers(loop);
	n += run_files(loop, events, nr);
	n += run_rings(loop);
	if (n && loop->spin)
		loop->spin_until = clock_now() + loop->spin;
	return !!n;
}

/* Until when: CLOCK_MONOTONIC, nanoseconds; UINT64_MAX: for ever. */
static int one_round(struct fp_loop *loop, __u64 until)
{
	int ret;

	loop->running = true;
	ret = work(loop, until);
	loop->running = false;
	bury(loop);
	return ret;
}

static bool stop_now(struct fp_loop *loop)
{
	return __atomic_exchange_n(&loop->stop, false, __ATOMIC_ACQUIRE);
}

int fp_loop_once(struct fp_loop *loop, __s64 timeout)
{
	int ret, err;

	if (!loop)
		return -EINVAL;
	if (loop->running)
		return -EBUSY;
	if (stop_now(loop))
		return 0;
	loop->now = clock_now();
	ret = one_round(loop, timeout < 0 ? UINT64_MAX : loop->now + timeout);
	err = flush_rings(loop);
	if (err)
		return err;
	return ret == -EINTR ? 0 : ret;
}

int fp_loop_run(struct fp_loop *loop)
{
	if (!loop)
		return -EINVAL;
	if (loop->running)
		return -EBUSY;
	while (!stop_now(loop)) {
		int ret;

		loop->now = clock_now();
		ret = one_round(loop, UINT64_MAX);
		if (ret < 0 && ret != -EINTR)
			return ret;
	}
	return flush_rings(loop);
}
