// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ringtransfer.h"

#define LOOK_AGAIN	20000000	/* ns: nobody wakes us to stop or finish */

static bool flag(const bool *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void fail(struct ring_end *end, const char *wrong, int err)
{
	end->in->wrong = wrong;
	end->in->receive_error = err;
}

static void message_came(struct ring_end *end,
			 const struct fp_ring_event *event)
{
	struct transfer *in = end->in;
	const void *data;

	data = fp_ring_data(end->ring, event, end->buf);
	if (event->flags || !data)
		fail(end, "a message is not whole", 0);
	else if (in->messages && in->received == in->messages)
		fail(end, "more came than was sent", 0);
	else if (event->len != transfer_size(in, in->received))
		fail(end, "another size was sent", 0);
	else if (!transfer_is(in, in->received, data, event->len))
		fail(end, "other bytes were sent", 0);
	else
		__atomic_add_fetch(&in->received, 1, __ATOMIC_RELAXED);
}

static void was_sent(struct ring_end *end, const struct fp_ring_event *event)
{
	if (!event->error)
		return;
	if (event->error != EAGAIN || end->blocked ||
	    fp_ring_keep(end->ring, event)) {
		fail(end, "sending failed", event->error);
		return;
	}
	end->again = *event;
	end->blocked = true;
}

static void was_closed(struct ring_end *end, const struct fp_ring_event *event)
{
	if (event->error || !flag(&end->finish))
		fail(end, "the connection has ended", event->error);
	end->closed = true;
}

/* All that is there. Returns whether there was anything. */
static bool read_events(struct ring_end *end)
{
	const struct fp_ring_event *event;
	bool any = false;

	while (!end->in->wrong && (event = fp_ring_next(end->ring))) {
		any = true;
		switch (event->type) {
		case FP_RING_MESSAGE:
			message_came(end, event);
			break;
		case FP_RING_SENT:
			was_sent(end, event);
			break;
		case FP_RING_WRITABLE:
			end->writable = true;
			break;
		case FP_RING_CLOSED:
			was_closed(end, event);
			break;
		}
	}
	return any;
}

static int queue_again(struct ring_end *end)
{
	end->blocked = false;
	return fp_ring_queue(end->ring, 0, NULL, &end->again, 0);
}

/* The next message. Returns -EAGAIN if there are no slots for it. */
static int queue_next(struct ring_end *end)
{
	struct transfer *out = end->out;
	size_t len = transfer_size(out, out->sent);
	int err;

	transfer_write(out, out->sent, end->buf, len);
	err = fp_ring_send(end->ring, 0, end->buf, len, 0);
	if (!err)
		__atomic_add_fetch(&out->sent, 1, __ATOMIC_RELAXED);
	return err;
}

/*
 * Messages, one at a time, and what becomes of each: if one is refused for want of
 * room, none behind it may have been sent. Returns 0, or why there are no more.
 */
static int send_one(struct ring_end *end)
{
	bool over = transfer_is_over(end->out, end->out->sent);
	int err;

	if (end->blocked && !end->writable)
		return -EAGAIN;
	if (!end->blocked && over)
		return -ENODATA;
	end->writable = false;
	err = end->blocked ? queue_again(end) : queue_next(end);
	if (!err)
		err = fp_ring_flush(end->ring);
	if (err && err != -EAGAIN)
		fail(end, "sending failed", -err);
	return err;
}

/* Whatever can be done now. Returns whether anything was. */
static bool get_on(struct ring_end *end)
{
	bool any = read_events(end);

	while (!end->in->wrong) {
		int err = send_one(end);

		any |= read_events(end) || !err;
		if (err == -ENODATA && !end->blocked)
			__atomic_store_n(&end->out->all_sent, true,
					 __ATOMIC_RELEASE);
		if (err)
			break;
	}
	return any;
}

/* Nothing has happened for long: is there anything that should have? */
static bool is_stuck(const struct ring_end *end, time_t since)
{
	return time(NULL) - since > TRANSFER_PATIENCE &&
	       !(transfer_all_came(end->in) && flag(&end->out->all_sent) &&
		 !flag(&end->finish));
}

static void *play(void *arg)
{
	struct ring_end *end = arg;
	time_t last = time(NULL);
	bool finished = false;
	int ret;

	while (!end->in->wrong && !end->closed) {
		if (get_on(end))
			last = time(NULL);
		if (flag(&end->finish) && !finished) {
			finished = true;
			ret = fp_ring_disconnect(end->ring, 0);
			if (ret)
				fail(end, "closing failed", -ret);
		}
		if (end->closed)
			break;
		ret = fp_ring_wait(end->ring, LOOK_AGAIN, 0);
		if (ret < 0 && ret != -EPIPE)
			fail(end, "waiting failed", -ret);
		else if (is_stuck(end, last))
			fail(end, "nothing comes any more", 0);
	}
	__atomic_store_n(&end->in->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/**
 * ring_end_start - begin to send and receive
 * @end: out and in are set, the rest is 0
 * @fd: a connected socket; the ring's from now on, unless this fails
 * @config: of the ring
 *
 * Return: 0 or -1.
 */
int ring_end_start(struct ring_end *end, int fd,
		   const struct fp_ring_config *config)
{
	size_t room = end->out->largest > end->in->largest ?
		      end->out->largest : end->in->largest;

	if (fp_ring_attach(&end->ring, fd, config))
		return -1;
	end->buf = malloc(room + 1);
	return pthread_create(&end->thread, NULL, play, end) ? -1 : 0;
}

/* All has come that was sent; or nobody is to wait for it any more. */
void ring_end_finish(struct ring_end *end)
{
	__atomic_store_n(&end->finish, true, __ATOMIC_RELEASE);
}

static bool counts_add_up(const struct ring_end *end)
{
	struct fp_ring_stats stats;

	return !fp_ring_stats(end->ring, &stats) && !stats.invalid &&
	       stats.messages == end->in->received &&
	       stats.sent == end->out->sent;
}

/**
 * ring_end_join - wait for the end, and close the ring
 * @end: that was told to finish, as was the other end
 *
 * Return: false if anything was lost, doubled, reordered or altered, or if a call
 * failed; what, is printed.
 */
bool ring_end_join(struct ring_end *end)
{
	const struct transfer *in = end->in;
	bool good;

	pthread_join(end->thread, NULL);
	good = !in->wrong && in->received == in->sent && counts_add_up(end);
	if (!good)
		printf("# transfer %llu over a ring: %u sent, %u received: %s (%s)\n",
		       (unsigned long long)in->stream, in->sent, in->received,
		       in->wrong ? in->wrong : "not all is right",
		       strerror(in->receive_error));
	fp_ring_close(end->ring);
	free(end->buf);
	return good;
}
