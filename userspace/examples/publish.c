// SPDX-License-Identifier: GPL-2.0
/*
 * fppublish ADDRESS PORT - sends every line of its input to all who are connected
 *
 * Who cannot keep up is let go. While a line is under way no other one is read.
 */
#include <err.h>
#include <errno.h>
#include <fastproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LINE_MAX_LEN	1000

static struct fp_loop *loop;

static __u64 *subscribers;		/* their connections' IDs */
static size_t nr_subscribers, room;

static char line[LINE_MAX_LEN];
static size_t line_len;
static size_t still;			/* so many subscribers lack the line */

static void check(int error, const char *what)
{
	if (error < 0)
		errx(1, "%s: %s", what, strerror(-error));
}

static void on_input(struct fp_loop *the_loop, int fd, __u32 events,
		     void *ring);

/* To those who lack it, as far as there are slots; and then the next one. */
static void publish(struct fp_ring *ring)
{
	for (; still; still--) {
		if (fp_ring_send(ring, subscribers[still - 1], line, line_len,
				 0) == -EAGAIN)
			return;		/* on_sent() goes on */
	}
	line_len = 0;
	check(fp_loop_add_fd(loop, STDIN_FILENO, EPOLLIN, on_input, ring),
	      "standard input");
}

static void on_opened(struct fp_ring *ring, const struct fp_ring_event *event,
		      void *arg)
{
	(void)ring;
	(void)arg;
	if (nr_subscribers == room) {
		__u64 *more;

		room = room ? 2 * room : 64;
		more = reallocarray(subscribers, room, sizeof(*more));
		check(more ? 0 : -ENOMEM, "memory");
		subscribers = more;
	}
	subscribers[nr_subscribers++] = event->conn;
	printf("%zu\n", nr_subscribers);
}

/* The last one takes his place, but is not told a line twice, nor misses it. */
static void on_closed(struct fp_ring *ring, const struct fp_ring_event *event,
		      void *arg)
{
	size_t i;

	(void)ring;
	(void)arg;
	for (i = 0; i < nr_subscribers; i++)
		if (subscribers[i] == event->conn)
			break;
	if (i == nr_subscribers)
		return;
	if (i < still) {
		subscribers[i] = subscribers[--still];
		i = still;
	}
	subscribers[i] = subscribers[--nr_subscribers];
}

static void on_sent(struct fp_ring *ring, const struct fp_ring_event *msg,
		    void *arg)
{
	(void)arg;
	if (msg->error == EAGAIN)
		fp_ring_disconnect(ring, msg->conn);
	if (still)
		publish(ring);
}

/* Byte by byte: what is read stays in the pipe until then. */
static void on_input(struct fp_loop *the_loop, int fd, __u32 events,
		     void *ring)
{
	char byte;

	(void)events;
	if (read(fd, &byte, 1) != 1) {
		fp_loop_stop(the_loop);
		return;
	}
	if (byte != '\n' && line_len < sizeof(line)) {
		line[line_len++] = byte;
		return;
	}
	fp_loop_del_fd(the_loop, fd);
	still = nr_subscribers;
	publish(ring);
}

int main(int argc, char **argv)
{
	static const struct fp_handlers handlers = {
		.on_opened = on_opened,
		.on_closed = on_closed,
		.on_sent = on_sent,
	};
	struct sockaddr_fp addr;
	struct fp_ring *ring;

	if (argc != 3 || fp_address(&addr, argv[1], atoi(argv[2]))) {
		fprintf(stderr, "usage: fppublish ADDRESS PORT\n");
		return 2;
	}
	check(fp_ring_open(&ring, SOCK_RDM, &addr, NULL), argv[1]);
	check(fp_ring_listen(ring), "listen");
	check(fp_loop_new(&loop, NULL), "loop");
	check(fp_loop_add_ring(loop, ring, &handlers, NULL), "loop");
	check(fp_loop_add_fd(loop, STDIN_FILENO, EPOLLIN, on_input, ring),
	      "standard input");
	setlinebuf(stdout);
	puts("ready");
	check(fp_loop_run(loop), "loop");
	fp_loop_free(loop);
	fp_ring_close(ring);
	free(subscribers);
	return 0;
}
