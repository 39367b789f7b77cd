// SPDX-License-Identifier: GPL-2.0
/*
 * fpecho ADDRESS PORT - sends every message back, on any number of connections
 *
 * Nothing is kept of a connection, so a million of them cost no more here than
 * one; and no message is copied: it goes back in the slots in which it came.
 */
#include <err.h>
#include <errno.h>
#include <fastproto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT	1024	/* bytes: below that a copy is the cheapest way */

static struct fp_loop *loop;

/* What a connection had no room for. It holds slots: no more than there are. */
static struct fp_ring_event *waiting;
static unsigned int nr_waiting;

/* How often there was room again, and how often when a slot was queued. */
static unsigned int nr_rooms;
static unsigned int *rooms_then;

/* That a short one is sent need not be told. */
static void answer(struct fp_ring *ring, const struct fp_ring_event *msg)
{
	rooms_then[msg->slot] = nr_rooms;
	fp_ring_queue(ring, msg->conn, NULL, msg,
		      msg->len < SHORT ? FP_RING_QUIET : 0);
}

static void echo(struct fp_ring *ring, const struct fp_ring_event *msg,
		 void *arg)
{
	(void)arg;
	answer(ring, msg);
}

/*
 * Of a message that was refused since its connection is full: it waits. That there
 * is room may have been told already, before this.
 */
static void on_sent(struct fp_ring *ring, const struct fp_ring_event *msg,
		    void *arg)
{
	(void)arg;
	if (msg->error != EAGAIN)
		return;
	if (rooms_then[msg->slot] != nr_rooms)
		answer(ring, msg);
	else if (!fp_ring_keep(ring, msg))
		waiting[nr_waiting++] = *msg;
}

/* There is room again, or none ever: then it is refused for good. */
static void on_room(struct fp_ring *ring, const struct fp_ring_event *event,
		    void *arg)
{
	unsigned int i, left = 0;

	(void)arg;
	nr_rooms++;
	for (i = 0; i < nr_waiting; i++) {
		if (waiting[i].conn == event->conn)
			answer(ring, &waiting[i]);
		else
			waiting[left++] = waiting[i];
	}
	nr_waiting = left;
}

static const struct fp_handlers handlers = {
	.on_message = echo,
	.on_sent = on_sent,
	.on_writable = on_room,
	.on_closed = on_room,
};

static void on_signal(int number)
{
	(void)number;
	fp_loop_stop(loop);
}

static void check(int error, const char *what)
{
	if (error < 0)
		errx(1, "%s: %s", what, strerror(-error));
}

int main(int argc, char **argv)
{
	struct fp_ring_config config;
	struct sockaddr_fp addr;
	struct fp_ring *ring;

	if (argc != 3 || fp_address(&addr, argv[1], atoi(argv[2]))) {
		fprintf(stderr, "usage: fpecho ADDRESS PORT\n");
		return 2;
	}
	check(fp_ring_open(&ring, SOCK_RDM, &addr, NULL), argv[1]);
	check(fp_ring_listen(ring), "listen");
	check(fp_ring_config(ring, &config), "configuration");
	waiting = calloc(config.slots, sizeof(*waiting));
	rooms_then = calloc(config.slots, sizeof(*rooms_then));
	check(waiting && rooms_then ? 0 : -ENOMEM, "memory");

	check(fp_loop_new(&loop, NULL), "loop");
	check(fp_loop_add_ring(loop, ring, &handlers, NULL), "loop");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	puts("ready");
	fflush(stdout);
	check(fp_loop_run(loop), "loop");
	fp_loop_free(loop);
	fp_ring_close(ring);
	free(waiting);
	free(rooms_then);
	return 0;
}
