// SPDX-License-Identifier: GPL-2.0
/* libfastproto's loop: timers, files, calls, and a ring of fake_ring.c. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "fake_ring.h"

#define MS	1000000ll
#define SECOND	NSEC_PER_SEC

static struct fp_loop *the_loop;
static int seen[64];
static int nr_seen;

static void see(int what)
{
	if (nr_seen < 64)
		seen[nr_seen++] = what;
}

static bool saw(const char *what)
{
	int i;

	for (i = 0; i < nr_seen; i++)
		if (seen[i] != what[i])
			return false;
	return !what[i];
}

FIXTURE(loop)
{
	struct fp_loop *loop;
};

FIXTURE_SETUP(loop)
{
	ASSERT_EQ(0, fp_loop_new(&self->loop, NULL));
	the_loop = self->loop;
	nr_seen = 0;
}

FIXTURE_TEARDOWN(loop)
{
	EXPECT_EQ(0, fp_loop_free(self->loop));
}

static void on_timer(struct fp_loop *loop, struct fp_timer *timer)
{
	see((intptr_t)timer->arg);
	if ((intptr_t)timer->arg == '.')
		fp_loop_stop(loop);
}

#define TIMER(c)	{ .handler = on_timer, .arg = (void *)(intptr_t)(c) }

TEST_F(loop, timers_in_their_order)
{
	struct fp_timer a = TIMER('a'), b = TIMER('b'), c = TIMER('c');
	struct fp_timer end = TIMER('.');

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &end, 4 * MS, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &c, 3 * MS, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &a, 0, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &b, 2 * MS, 0));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("abc."));
	EXPECT_EQ(-ENOENT, fp_loop_del_timer(self->loop, &a));
}

TEST_F(loop, timer_is_never_early)
{
	struct fp_timer end = TIMER('.');
	__u64 begin = clock_now();

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &end, 5 * MS, 0));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_LE(begin + 5 * MS, clock_now());
	EXPECT_LE(begin + 5 * MS, fp_loop_now(self->loop));
}

TEST_F(loop, timer_set_anew_and_removed)
{
	struct fp_timer a = TIMER('a'), b = TIMER('b'), end = TIMER('.');

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &a, 0, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &b, 0, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &a, 1 * MS, 0));
	ASSERT_EQ(0, fp_loop_del_timer(self->loop, &b));
	EXPECT_EQ(-ENOENT, fp_loop_del_timer(self->loop, &b));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &end, 2 * MS, 0));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("a."));
}

static void at_last(struct fp_loop *loop, struct fp_timer *timer)
{
	see('p');
	if (nr_seen < 5)
		return;
	if (fp_loop_del_timer(loop, timer))
		see('!');
	fp_loop_stop(loop);
}

TEST_F(loop, timer_with_a_period)
{
	struct fp_timer period = { .handler = at_last };
	__u64 begin = clock_now();

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &period, 0, MS));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("ppppp"));
	EXPECT_LE(begin + 4 * MS, clock_now());
	EXPECT_EQ(0, fp_loop_once(self->loop, 2 * MS));
	EXPECT_EQ(5, nr_seen);
}

static struct fp_timer other = TIMER('x');

static void removes_other(struct fp_loop *loop, struct fp_timer *timer)
{
	see('r');
	if (fp_loop_del_timer(loop, &other))
		see('!');
	timer->handler = on_timer;
	timer->arg = (void *)'.';
	fp_loop_set_timer(loop, timer, 0, 0);
}

/* Both are due, and the first removes the second and sets itself. */
TEST_F(loop, timers_change_in_a_handler)
{
	struct fp_timer first = { .handler = removes_other };

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &first, 0, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &other, 0, 0));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("r."));
}

static void for_ever(struct fp_loop *loop, struct fp_timer *timer)
{
	if (nr_seen < 60)
		see('t');
	fp_loop_set_timer(loop, timer, 0, 0);
}

static void stop_it(void *arg)
{
	fp_loop_stop(arg);
}

/* A timer that is always due does not keep the rest from its turn. */
TEST_F(loop, timer_without_delay_is_not_for_ever)
{
	struct fp_timer timer = { .handler = for_ever };

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &timer, 0, 0));
	ASSERT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_EQ(1, nr_seen);
	ASSERT_EQ(0, fp_loop_call(self->loop, stop_it, self->loop));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_EQ(0, fp_loop_del_timer(self->loop, &timer));
}

TEST_F(loop, timers_far_away)
{
	struct fp_timer never = TIMER('n'), end = TIMER('.');

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &never, UINT64_MAX, 0));
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &end, 0, UINT64_MAX));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("."));
	EXPECT_EQ(0, fp_loop_once(self->loop, MS));
	EXPECT_EQ(0, fp_loop_del_timer(self->loop, &never));
	EXPECT_EQ(0, fp_loop_del_timer(self->loop, &end));
}

#define TIMERS	500

/* Found the plain way; NULL: none is set. */
static struct fp_timer *least_of(struct fp_timer *all)
{
	struct fp_timer *least = NULL;
	int i;

	for (i = 0; i < TIMERS; i++) {
		const __u64 *this = all[i].reserved;

		if (!this[TIMER_PLACE])
			continue;
		if (!least ||
		    this[TIMER_WHEN] < least->reserved[TIMER_WHEN] ||
		    (this[TIMER_WHEN] == least->reserved[TIMER_WHEN] &&
		     this[TIMER_ORDER] < least->reserved[TIMER_ORDER]))
			least = &all[i];
	}
	return least;
}

TEST(heap_of_timers)
{
	static struct fp_timer all[TIMERS];
	struct timers timers = { 0 };
	int i;

	srandom(1);
	for (i = 0; i < 100000; i++) {
		struct fp_timer *timer = &all[random() % TIMERS];
		bool set = timer->reserved[TIMER_PLACE];

		if (random() % 3) {
			ASSERT_EQ(0, timers_set(&timers, timer,
						random() % 1000, 0));
		} else {
			ASSERT_EQ(set ? 0 : -ENOENT,
				  timers_del(&timers, timer));
		}
		if (!(i % 16))
			ASSERT_EQ(least_of(all), timers_first(&timers));
	}
	timers_clear(&timers);
}

static void on_file(struct fp_loop *loop, int fd, __u32 events, void *arg)
{
	char byte;

	see((intptr_t)arg);
	if (events & EPOLLIN && read(fd, &byte, 1) == 1 && byte == '.')
		fp_loop_stop(loop);
}

TEST_F(loop, files)
{
	int a[2], b[2];

	ASSERT_EQ(0, pipe(a));
	ASSERT_EQ(0, pipe(b));
	ASSERT_EQ(0, fp_loop_add_fd(self->loop, a[0], EPOLLIN, on_file,
				    (void *)'a'));
	ASSERT_EQ(0, fp_loop_add_fd(self->loop, b[0], EPOLLIN, on_file,
				    (void *)'b'));
	EXPECT_EQ(-EEXIST, fp_loop_add_fd(self->loop, a[0], EPOLLIN, on_file,
					  NULL));
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	ASSERT_EQ(3, write(a[1], "xxx", 3));
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	ASSERT_EQ(1, write(b[1], ".", 1));
	ASSERT_EQ(0, fp_loop_mod_fd(self->loop, a[0], 0));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("aab"));
	ASSERT_EQ(0, fp_loop_mod_fd(self->loop, a[0], EPOLLIN));
	ASSERT_EQ(1, fp_loop_once(self->loop, -1));
	ASSERT_EQ(0, fp_loop_del_fd(self->loop, a[0]));
	EXPECT_EQ(-ENOENT, fp_loop_del_fd(self->loop, a[0]));
	EXPECT_EQ(-ENOENT, fp_loop_mod_fd(self->loop, a[0], EPOLLIN));
	EXPECT_EQ(-EBADF, fp_loop_add_fd(self->loop, 999, EPOLLIN, on_file,
					 NULL));
}

static int pipes[2][2];

static void removes_the_other(struct fp_loop *loop, int fd, __u32 events,
			      void *arg)
{
	int other_fd = fd == pipes[0][0] ? pipes[1][0] : pipes[0][0];

	(void)events;
	(void)arg;
	see('f');
	if (fp_loop_del_fd(loop, other_fd) || fp_loop_del_fd(loop, fd))
		see('!');
	close(other_fd);
	close(fd);
}

/* Both are ready; whichever is first, the other one is not called. */
TEST_F(loop, file_removed_in_a_handler)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pipe(pipes[i]));
		ASSERT_EQ(1, write(pipes[i][1], "x", 1));
		ASSERT_EQ(0, fp_loop_add_fd(self->loop, pipes[i][0], EPOLLIN,
					    removes_the_other, NULL));
	}
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_TRUE(saw("f"));
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
}

static void *stop_later(void *loop)
{
	usleep(10000);
	fp_loop_stop(loop);
	return NULL;
}

TEST_F(loop, stop_by_another_thread)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_later, self->loop));
	EXPECT_EQ(0, fp_loop_run(self->loop));
	pthread_join(thread, NULL);
}

static void on_signal(int number)
{
	(void)number;
	fp_loop_stop(the_loop);
}

static void *signal_later(void *thread)
{
	usleep(10000);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return NULL;
}

TEST_F(loop, stop_by_a_signal)
{
	pthread_t thread, me = pthread_self();

	signal(SIGUSR1, on_signal);
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_later, &me));
	EXPECT_EQ(0, fp_loop_run(self->loop));
	pthread_join(thread, NULL);
}

/* Others do not end it. */
static void no_stop(int number)
{
	(void)number;
	see('s');
	fp_loop_call(the_loop, stop_it, the_loop);
}

TEST_F(loop, run_goes_on_after_a_signal)
{
	pthread_t thread, me = pthread_self();

	signal(SIGUSR1, no_stop);
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_later, &me));
	EXPECT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("s"));
	pthread_join(thread, NULL);
}

TEST_F(loop, stop_before_run)
{
	fp_loop_stop(self->loop);
	EXPECT_EQ(0, fp_loop_run(self->loop));
	fp_loop_stop(self->loop);
	EXPECT_EQ(0, fp_loop_once(self->loop, -1));
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
}

#define THREADS	4
#define CALLS	2000

static int last_of[THREADS];
static int calls_done, disorder;

static void numbered(void *arg)
{
	int thread = (intptr_t)arg / CALLS, number = (intptr_t)arg % CALLS;

	if (number && last_of[thread] != number - 1)
		disorder++;
	last_of[thread] = number;
	if (++calls_done == THREADS * CALLS)
		fp_loop_stop(the_loop);
}

static void *call_often(void *arg)
{
	intptr_t i, thread = (intptr_t)arg;

	for (i = 0; i < CALLS; i++)
		if (fp_loop_call(the_loop, numbered,
				 (void *)(thread * CALLS + i)))
			abort();
	return NULL;
}

TEST_F(loop, calls_by_many_threads)
{
	pthread_t threads[THREADS];
	intptr_t i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, call_often,
					    (void *)i));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_EQ(THREADS * CALLS, calls_done);
	EXPECT_EQ(0, disorder);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* One that is not called any more is freed (by the word of the sanitizer). */
TEST_F(loop, call_that_comes_too_late)
{
	EXPECT_EQ(0, fp_loop_call(self->loop, stop_it, self->loop));
	EXPECT_EQ(-EINVAL, fp_loop_call(self->loop, NULL, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_call(NULL, stop_it, NULL));
}

static int inner[3];

static void run_inside(void *arg)
{
	inner[0] = fp_loop_run(arg);
	inner[1] = fp_loop_once(arg, 0);
	inner[2] = fp_loop_free(arg);
}

TEST_F(loop, not_in_a_handler)
{
	int i;

	ASSERT_EQ(0, fp_loop_call(self->loop, run_inside, self->loop));
	ASSERT_EQ(1, fp_loop_once(self->loop, -1));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EBUSY, inner[i]);
}

TEST_F(loop, once_takes_its_time)
{
	__u64 begin = clock_now();

	EXPECT_EQ(0, fp_loop_once(self->loop, 5 * MS));
	EXPECT_LE(begin + 5 * MS, clock_now());
}

/* It spins, and still notices all that it would be woken up by. */
TEST(spinning)
{
	const struct fp_loop_config config = { .spin = 3600 * SECOND };
	struct fp_timer end = TIMER('.');
	pthread_t thread;
	int fds[2];

	ASSERT_EQ(0, fp_loop_new(&the_loop, &config));
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, fp_loop_call(the_loop, stop_it, the_loop));
	ASSERT_EQ(0, fp_loop_run(the_loop));	/* now there was something */
	ASSERT_EQ(0, fp_loop_set_timer(the_loop, &end, MS, 0));
	ASSERT_EQ(0, fp_loop_run(the_loop));
	ASSERT_EQ(0, fp_loop_add_fd(the_loop, fds[0], EPOLLIN, on_file,
				    (void *)'f'));
	ASSERT_EQ(1, write(fds[1], ".", 1));
	ASSERT_EQ(0, fp_loop_run(the_loop));
	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_later, the_loop));
	ASSERT_EQ(0, fp_loop_run(the_loop));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, fp_loop_once(the_loop, MS));
	EXPECT_TRUE(saw(".f"));
	EXPECT_EQ(0, fp_loop_free(the_loop));
}

TEST_F(loop, null_arguments)
{
	struct fp_loop_config config = { .batch = FP_LOOP_BATCH_MAX };
	struct fp_handlers handlers = { .on_message = NULL };
	struct fp_timer timer = TIMER('a');
	struct fp_loop *loop = self->loop, *new;

	ASSERT_EQ(0, fp_loop_new(&new, &config));
	EXPECT_EQ(0, fp_loop_free(new));
	config.batch++;
	EXPECT_EQ(-EINVAL, fp_loop_new(&new, &config));
	config.batch = 1;
	config.flags = 1;
	EXPECT_EQ(-EINVAL, fp_loop_new(&new, &config));
	EXPECT_EQ(-EINVAL, fp_loop_new(NULL, NULL));
	EXPECT_EQ(0, fp_loop_free(NULL));
	EXPECT_EQ(-EINVAL, fp_loop_run(NULL));
	EXPECT_EQ(-EINVAL, fp_loop_once(NULL, 0));
	fp_loop_stop(NULL);
	EXPECT_EQ(0, fp_loop_now(NULL));
	EXPECT_EQ(-EINVAL, fp_loop_add_ring(NULL, NULL, &handlers, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_add_ring(loop, NULL, &handlers, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_del_ring(NULL, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_del_ring(loop, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_add_fd(NULL, 0, 0, on_file, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_add_fd(loop, 0, 0, NULL, NULL));
	EXPECT_EQ(-EINVAL, fp_loop_mod_fd(NULL, 0, 0));
	EXPECT_EQ(-EINVAL, fp_loop_del_fd(NULL, 0));
	EXPECT_EQ(-EINVAL, fp_loop_set_timer(NULL, &timer, 0, 0));
	EXPECT_EQ(-EINVAL, fp_loop_set_timer(loop, NULL, 0, 0));
	timer.handler = NULL;
	EXPECT_EQ(-EINVAL, fp_loop_set_timer(loop, &timer, 0, 0));
	EXPECT_EQ(-EINVAL, fp_loop_del_timer(NULL, &timer));
	EXPECT_EQ(-EINVAL, fp_loop_del_timer(loop, NULL));
}

static void on_message(struct fp_ring *ring, const struct fp_ring_event *msg,
		       void *arg)
{
	const char *text = fp_ring_data(ring, msg, NULL);

	(void)arg;
	see(*text);
	if (*text == 'c')
		fp_ring_close(ring);
	else if (*text == 'd')
		fp_loop_del_ring(fp_ring_loop(ring), ring);
	else if (*text == 'k')
		fp_ring_keep(ring, msg);
	else if (*text == '.')
		fp_loop_stop(fp_ring_loop(ring));
}

static void on_other(struct fp_ring *ring, const struct fp_ring_event *event,
		     void *arg)
{
	(void)ring;
	(void)arg;
	see('0' + event->type);
}

static const struct fp_handlers handle_all = {
	.on_message = on_message, .on_opened = on_other,
	.on_writable = on_other, .on_closed = on_other, .on_sent = on_other,
};

static struct fp_ring *ring_in(struct fp_loop *loop)
{
	struct fp_ring *ring = fake_ring(64, 16, 8);

	if (!ring || fp_loop_add_ring(loop, ring, &handle_all, NULL))
		abort();
	return ring;
}

TEST_F(loop, events_go_to_their_handlers)
{
	static const struct fp_handlers none;
	struct fp_ring *ring = ring_in(self->loop);

	EXPECT_EQ(-EEXIST, fp_loop_add_ring(self->loop, ring, &none, NULL));
	EXPECT_EQ(self->loop, fp_ring_loop(ring));
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	fake_post((struct fp_ring_event){ .type = FP_RING_OPENED });
	fake_message("m", 1, 1);
	fake_post((struct fp_ring_event){ .type = FP_RING_WRITABLE });
	fake_post((struct fp_ring_event){ .type = 99 });
	fake_post((struct fp_ring_event){ .type = 0 });
	fp_ring_send(ring, 1, "x", 1, 0);	/* makes the loop look */
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	fake_sent(fake_sent_next(), 0, true);
	fake_post((struct fp_ring_event){ .type = FP_RING_CLOSED });
	fp_ring_send(ring, 1, "x", 1, 0);
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_TRUE(saw("2m354"));
	EXPECT_EQ(8, fake_free_count());
	ASSERT_EQ(0, fp_loop_del_ring(self->loop, ring));
	EXPECT_EQ(-ENOENT, fp_loop_del_ring(self->loop, ring));
	ASSERT_EQ(0, fp_loop_add_ring(self->loop, ring, &none, NULL));
	fake_message("m", 1, 1);
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_EQ(8, fake_free_count());
	fp_ring_close(ring);
}

TEST_F(loop, message_kept_by_its_handler)
{
	struct fp_ring *ring = ring_in(self->loop);

	fake_message("k", 1, 1);
	fake_message("m", 1, 1);
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_EQ(7, fake_free_count());
	fp_ring_close(ring);
}

TEST_F(loop, ring_closed_by_its_handler)
{
	ring_in(self->loop);
	fake_message("c", 1, 1);
	fake_message("m", 1, 1);
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_TRUE(saw("c"));
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
}

TEST_F(loop, ring_removed_by_its_handler)
{
	struct fp_ring *ring = ring_in(self->loop);

	fake_message("d", 1, 1);
	fake_message("m", 1, 1);
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	EXPECT_TRUE(saw("d"));
	EXPECT_NE(NULL, fp_ring_next(ring));
	fp_ring_close(ring);
}

TEST_F(loop, ring_stopped_by_its_handler)
{
	struct fp_ring *ring = ring_in(self->loop);

	fake_message("a", 1, 1);
	fake_message(".", 1, 1);
	fake_message("b", 1, 1);
	fake_message(".", 1, 1);
	EXPECT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("a."));
	EXPECT_EQ(0, fp_loop_run(self->loop));
	EXPECT_TRUE(saw("a.b."));
	fp_ring_close(ring);
}

static void *ring_to_send_on;

static void sends(void *arg)
{
	(void)arg;
	fp_ring_send(ring_to_send_on, 1, "x", 1, 0);
}

/* What is queued outside of the ring's own handlers leaves, too. */
TEST_F(loop, flushed_at_the_end_of_a_round)
{
	struct fp_ring *ring = ring_in(self->loop);

	ring_to_send_on = ring;
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	ASSERT_EQ(0, fp_loop_call(self->loop, sends, NULL));
	EXPECT_EQ(1, fp_loop_once(self->loop, -1));
	EXPECT_NE(NULL, fake_sent_next());
	sends(NULL);
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	EXPECT_NE(NULL, fake_sent_next());
	fp_ring_close(ring);
}

/* --- one ring is all there is: one call sends and waits */

static int left;

static void next_question(void)
{
	fake_message(left ? "?" : ".", 1, 1);
	left--;
}

static void answer(struct fp_ring *ring, const struct fp_ring_event *msg,
		   void *arg)
{
	const char *text = fp_ring_data(ring, msg, NULL);

	(void)arg;
	if (*text == '.')
		fp_loop_stop(fp_ring_loop(ring));
	else if (fp_ring_queue(ring, msg->conn, NULL, msg, 0))
		see('!');
}

static const struct fp_handlers answering = { .on_message = answer };

static struct fp_ring *answering_ring(struct fp_loop *loop, __u32 slots)
{
	struct fp_ring *ring = fake_ring(64, slots, slots / 2);

	if (!ring || fp_loop_add_ring(loop, ring, &answering, NULL))
		abort();
	fake.takes = true;
	fake.on_sleep = next_question;
	fake_ctl()->flags = FP_RING_NEED_SEND | FP_RING_NEED_ROOM;
	left = 100;
	return ring;
}

/* Nobody asked to be told of what is sent: no event comes, and no other call. */
TEST_F(loop, answer_and_next_question_in_one_call)
{
	struct fp_ring *ring = answering_ring(self->loop, 32);

	EXPECT_EQ(0, fp_loop_run(self->loop));
	EXPECT_EQ(101, fake.sleeps);
	EXPECT_EQ(0, nr_seen);
	/* The first flush, with all slots, and the last. */
	EXPECT_GE(1, fake.kicks);
	EXPECT_EQ(100, (int)fake.send_head);
	EXPECT_EQ(16, fake_free_count());
	fp_ring_close(ring);
}

/* Without a slot for the next question the kernel has it return. */
static void needs_slot(void)
{
	if (fake_free_count())
		next_question();
	else if (eventfd_write(fake.fd, 1))
		abort();
}

TEST_F(loop, gives_its_only_slot_back)
{
	struct fp_ring *ring = answering_ring(self->loop, 2);

	fake.on_sleep = needs_slot;
	EXPECT_EQ(0, fp_loop_run(self->loop));
	EXPECT_EQ(0, nr_seen);
	EXPECT_EQ(201, fake.sleeps);
	fp_ring_close(ring);
}

/* Who wants to know when a message is sent is told, however short it is. */
TEST_F(loop, quiet_only_if_nobody_asked)
{
	struct fp_ring *ring = ring_in(self->loop);
	char bytes[COPIED_BELOW] = "";

	fp_ring_send(ring, 1, "x", 1, 0);
	fp_ring_send(ring, 1, "x", 1, FP_RING_QUIET);
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	EXPECT_EQ(0, fake_sent_next()->flags);
	EXPECT_EQ(FP_RING_QUIET, fake_sent_next()->flags);
	fp_ring_close(ring);

	ring = fake_ring(COPIED_BELOW, 16, 8);
	ASSERT_EQ(0, fp_loop_add_ring(self->loop, ring, &answering, NULL));
	fp_ring_send(ring, 1, bytes, COPIED_BELOW - 1, 0);
	fp_ring_send(ring, 1, bytes, COPIED_BELOW, 0);
	fp_ring_send(ring, 1, bytes, COPIED_BELOW, FP_RING_QUIET);
	EXPECT_EQ(0, fp_loop_once(self->loop, 0));
	EXPECT_EQ(FP_RING_QUIET, fake_sent_next()->flags);
	EXPECT_EQ(0, fake_sent_next()->flags);
	EXPECT_EQ(FP_RING_QUIET, fake_sent_next()->flags);
	fp_ring_close(ring);
}

/* Whatever else there is to wait for, it is epoll that waits. */
TEST_F(loop, sleeps_in_a_ring_only_if_there_is_nothing_else)
{
	struct fp_timer end = TIMER('.'), never = TIMER('n');
	struct fp_ring *ring = ring_in(self->loop);
	int fds[2];

	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &end, MS, 0));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	EXPECT_EQ(0, fp_loop_once(self->loop, MS));
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, fp_loop_add_fd(self->loop, fds[0], EPOLLIN, on_file,
				    (void *)'f'));
	ASSERT_EQ(1, write(fds[1], ".", 1));
	ASSERT_EQ(0, fp_loop_run(self->loop));
	ASSERT_EQ(0, fp_loop_del_fd(self->loop, fds[0]));
	EXPECT_EQ(0, fake.sleeps);
	fake.sleep_error = EINTR;
	EXPECT_EQ(0, fp_loop_once(self->loop, -1));
	EXPECT_EQ(1, fake.sleeps);
	/* Nor if it cannot sleep there. */
	fake.sleep_error = EAGAIN;
	ASSERT_EQ(0, fp_loop_set_timer(self->loop, &never, UINT64_MAX, 0));
	ASSERT_EQ(0, eventfd_write(fake.fd, 1));
	EXPECT_EQ(0, fp_loop_once(self->loop, -1));
	EXPECT_EQ(0, fp_loop_once(self->loop, -1));
	EXPECT_EQ(2, fake.sleeps);
	EXPECT_EQ(0, fp_loop_del_timer(self->loop, &never));
	EXPECT_TRUE(saw(".f"));
	fp_ring_close(ring);
}

/* Those who wake it up find it in its ring, or on the way there. */
TEST_F(loop, woken_in_its_ring_by_many_threads)
{
	struct fp_ring *ring = ring_in(self->loop);
	pthread_t threads[THREADS];
	intptr_t i;
	int round;

	for (round = 0; round < 50; round++) {
		calls_done = 0;
		disorder = 0;
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL,
						    call_often, (void *)i));
		ASSERT_EQ(0, fp_loop_run(self->loop));
		EXPECT_EQ(THREADS * CALLS, calls_done);
		EXPECT_EQ(0, disorder);
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	fp_ring_close(ring);
}

TEST_F(loop, stopped_in_its_ring)
{
	struct fp_ring *ring = ring_in(self->loop);
	pthread_t thread, me = pthread_self();

	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_later, self->loop));
	EXPECT_EQ(0, fp_loop_run(self->loop));
	pthread_join(thread, NULL);
	signal(SIGUSR1, on_signal);
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_later, &me));
	EXPECT_EQ(0, fp_loop_run(self->loop));
	pthread_join(thread, NULL);
	EXPECT_LE(2, fake.sleeps);
	fp_ring_close(ring);
}

static struct fp_ring *ring_to_close;

static void close_it(void *arg)
{
	(void)arg;
	fp_ring_close(ring_to_close);
	ring_to_close = NULL;
}

static void *call_and_stop(void *arg)
{
	if (fp_loop_call(the_loop, close_it, NULL))
		abort();
	fp_loop_stop(arg);
	return NULL;
}

/* Its ring is closed while others still wake it up. */
TEST_F(loop, ring_closed_while_it_is_woken)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 500; i++) {
		ring_to_close = ring_in(self->loop);
		ASSERT_EQ(0, pthread_create(&thread, NULL, call_and_stop,
					    self->loop));
		while (ring_to_close)
			ASSERT_LE(0, fp_loop_once(self->loop, -1));
		pthread_join(thread, NULL);
		fp_loop_once(self->loop, 0);	/* it may have been stopped */
	}
}

TEST_F(loop, failing_kick_is_told)
{
	struct fp_ring *ring = ring_in(self->loop);

	fake_ctl()->flags = FP_RING_NEED_SEND;
	fake.kick_error = EIO;
	sends(ring_to_send_on = ring);
	EXPECT_EQ(-EIO, fp_loop_run(self->loop));
	fp_ring_close(ring);
}

/* Between batches others have their turn. */
TEST(batches)
{
	const struct fp_loop_config config = { .batch = 2 };
	struct fp_timer timer = TIMER('t');
	struct fp_ring *ring;

	ASSERT_EQ(0, fp_loop_new(&the_loop, &config));
	ring = ring_in(the_loop);
	fake_message("1", 1, 1);
	fake_message("2", 1, 1);
	fake_message("3", 1, 1);
	fake_message("4", 1, 1);
	fake_message("5", 1, 1);
	EXPECT_EQ(1, fp_loop_once(the_loop, -1));
	EXPECT_EQ(2, fake_ctl()->event_head);
	ASSERT_EQ(0, fp_loop_set_timer(the_loop, &timer, 0, 0));
	EXPECT_EQ(1, fp_loop_once(the_loop, -1));
	EXPECT_EQ(1, fp_loop_once(the_loop, -1));
	EXPECT_EQ(0, fp_loop_once(the_loop, 0));
	EXPECT_TRUE(saw("12t345"));
	fp_ring_close(ring);
	EXPECT_EQ(0, fp_loop_free(the_loop));
}

static int nr_events, at_timer;

static void count_event(struct fp_ring *ring, const struct fp_ring_event *event,
			void *arg)
{
	(void)ring;
	(void)event;
	(void)arg;
	nr_events++;
}

static void note_events(struct fp_loop *loop, struct fp_timer *timer)
{
	(void)loop;
	(void)timer;
	at_timer = nr_events;
}

/* So many events at once as was asked for, or 256; then it is the timer's turn. */
static int batch_of(__u32 batch)
{
	const struct fp_loop_config config = { .batch = batch };
	const struct fp_handlers counting = { .on_opened = count_event };
	struct fp_timer timer = { .handler = note_events };
	struct fp_ring *ring = fake_ring(64, 2048, 1024);
	struct fp_loop *loop;
	int i;

	nr_events = 0;
	if (!ring || fp_loop_new(&loop, &config) ||
	    fp_loop_add_ring(loop, ring, &counting, NULL))
		abort();
	for (i = 0; i < 3000; i++)
		fake_post((struct fp_ring_event){ .type = FP_RING_OPENED });
	fp_loop_once(loop, -1);
	fp_loop_set_timer(loop, &timer, 0, 0);
	while (nr_events < 3000)
		fp_loop_once(loop, -1);
	fp_ring_close(ring);
	fp_loop_free(loop);
	return at_timer;
}

TEST(batches_of_all_sizes)
{
	EXPECT_EQ(1, batch_of(1));
	EXPECT_EQ(256, batch_of(0));
	EXPECT_EQ(1000, batch_of(1000));
	EXPECT_EQ(FP_LOOP_BATCH_MAX, batch_of(FP_LOOP_BATCH_MAX));
}

/* The loop goes first: the ring is the application's again. */
TEST(loop_freed_before_its_ring)
{
	struct fp_ring *ring;

	ASSERT_EQ(0, fp_loop_new(&the_loop, NULL));
	ring = ring_in(the_loop);
	EXPECT_EQ(0, fp_loop_free(the_loop));
	EXPECT_EQ(NULL, fp_ring_loop(ring));
	fake_message("1", 1, 1);
	EXPECT_NE(NULL, fp_ring_next(ring));
	fp_ring_close(ring);
}

TEST_HARNESS_MAIN
