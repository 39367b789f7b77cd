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

static struct fp_loop *loop;

/* What a connection had no room for. It holds slots: no more than there are. */
static struct fp_ring_event *waiting;
static unsigned int nr_waiting;

static void echo(struct fp_ring *ring, const struct fp_ring_event *msg,
		 void *arg)
{
	(void)arg;
	fp_ring_queue(ring, msg->conn, NULL, msg, 0);
}

/* Of a message that was refused since its connection is full: it waits. */
static void on_sent(struct fp_ring *ring, const struct fp_ring_event *msg,
		    void *arg)
{
	(void)arg;
	if (msg->error == EAGAIN && !fp_ring_keep(ring, msg))
		waiting[nr_waiting++] = *msg;
}

/* There is room again, or none ever: then it is refused for good. */
static void on_room(struct fp_ring *ring, const struct fp_ring_event *event,
		    void *arg)
{
	unsigned int i, left = 0;

	(void)arg;
	for (i = 0; i < nr_waiting; i++) {
		if (waiting[i].conn == event->conn)
			fp_ring_queue(ring, event->conn, NULL, &waiting[i], 0);
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
	check(waiting ? 0 : -ENOMEM, "memory");

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
	return 0;
}
