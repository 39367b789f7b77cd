// SPDX-License-Identifier: GPL-2.0
/*
 * fpsubscribe ADDRESS PORT [COUNT] - prints what a publisher sends, until it ends
 *
 * With COUNT it is so many subscribers, and prints all that each of them gets.
 */
#include <err.h>
#include <fastproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long connections = 1;

static void check(int error, const char *what)
{
	if (error < 0)
		errx(1, "%s: %s", what, strerror(-error));
}

static void on_message(struct fp_ring *ring, const struct fp_ring_event *msg,
		       void *arg)
{
	struct iovec iov[64];
	int i, n;

	(void)arg;
	n = fp_ring_iov(ring, msg, iov, 64);
	for (i = 0; i < n; i++)
		fwrite(iov[i].iov_base, 1, iov[i].iov_len, stdout);
	putchar('\n');
}

static void on_closed(struct fp_ring *ring, const struct fp_ring_event *event,
		      void *arg)
{
	(void)arg;
	if (event->error)
		warnx("connection lost: %s", strerror(event->error));
	if (!--connections)
		fp_loop_stop(fp_ring_loop(ring));
}

int main(int argc, char **argv)
{
	static const struct fp_handlers handlers = {
		.on_message = on_message,
		.on_closed = on_closed,
	};
	struct sockaddr_fp addr;
	struct fp_ring *ring;
	struct fp_loop *loop;
	long i;

	if (argc == 4)
		connections = atol(argv[3]);
	if (argc < 3 || argc > 4 || connections < 1 ||
	    fp_address(&addr, argv[1], atoi(argv[2]))) {
		fprintf(stderr, "usage: fpsubscribe ADDRESS PORT [COUNT]\n");
		return 2;
	}
	check(fp_ring_open(&ring, SOCK_RDM, NULL, NULL), "socket");
	for (i = 0; i < connections; i++)
		check(fp_ring_connect(ring, &addr, NULL), argv[1]);
	check(fp_loop_new(&loop, NULL), "loop");
	check(fp_loop_add_ring(loop, ring, &handlers, NULL), "loop");
	check(fp_loop_run(loop), "loop");
	fp_loop_free(loop);
	fp_ring_close(ring);
	return 0;
}
