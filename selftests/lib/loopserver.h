/* SPDX-License-Identifier: GPL-2.0 */
/* A server for tests of libfastproto: in a thread of its own, with ring and loop. */
#ifndef _LOOPSERVER_H
#define _LOOPSERVER_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fastproto.h"
#include "lib/fptest.h"

#define SECOND		1000000000ll
#define SLOT		2048

static const struct fp_ring_config small = {
	.slot_size = SLOT, .slots = 64, .receive_slots = 32,
};

/* A ring with a socket on a host; bound there, if the address is wanted. */
static struct fp_ring *open_ring(enum host host, int type,
				 const struct fp_ring_config *config,
				 struct sockaddr_fp *addr)
{
	struct sockaddr_fp any = fp_host(AF_INET, host, 0);
	struct fp_ring *ring;
	int err;

	net_enter(host);
	err = fp_ring_open(&ring, type, addr ? &any : NULL, config);
	net_enter(HOST_A);
	if (err) {
		errno = -err;
		return NULL;
	}
	if (addr && fp_name(fp_ring_fd(ring), addr))
		abort();
	return ring;
}

struct server {
	struct fp_loop *loop;
	struct fp_ring *ring;
	struct sockaddr_fp addr;
	pthread_t thread;
	struct fp_ring_event waiting[64];
	unsigned int nr_waiting;
	__u32 flags;			/* of what it sends */
	unsigned int rooms, rooms_then[1024];	/* when a slot was queued */
	unsigned int messages, opened, closed, refused, failed, called;
	int result;
};

static void answer(struct server *server, const struct fp_ring_event *msg)
{
	const struct sockaddr_fp *to = NULL;

	server->rooms_then[msg->slot] = server->rooms;
	if (!msg->conn)
		to = fp_ring_name(server->ring, msg);
	if (fp_ring_queue(server->ring, msg->conn, to, msg, server->flags))
		server->failed++;
}

static void echo(struct fp_ring *ring, const struct fp_ring_event *msg,
		 void *arg)
{
	struct server *server = arg;

	(void)ring;
	server->messages++;
	answer(server, msg);
}

static void on_sent(struct fp_ring *ring, const struct fp_ring_event *msg,
		    void *arg)
{
	struct server *server = arg;

	if (msg->error != EAGAIN) {
		server->failed += !!msg->error;
		return;
	}
	server->refused++;
	/* There may have been room since, and that was told before. */
	if (server->rooms_then[msg->slot] != server->rooms)
		answer(server, msg);
	else if (fp_ring_keep(ring, msg))
		server->failed++;
	else
		server->waiting[server->nr_waiting++] = *msg;
}

static void on_writable(struct fp_ring *ring, const struct fp_ring_event *event,
			void *arg)
{
	struct server *server = arg;
	unsigned int i, left = 0;

	(void)ring;
	server->rooms++;
	for (i = 0; i < server->nr_waiting; i++) {
		struct fp_ring_event *msg = &server->waiting[i];

		if (msg->conn == event->conn)
			answer(server, msg);
		else
			server->waiting[left++] = *msg;
	}
	server->nr_waiting = left;
}

static void on_opened(struct fp_ring *ring, const struct fp_ring_event *event,
		      void *arg)
{
	struct server *server = arg;

	(void)ring;
	(void)event;
	__atomic_add_fetch(&server->opened, 1, __ATOMIC_RELAXED);
}

static void on_closed(struct fp_ring *ring, const struct fp_ring_event *event,
		      void *arg)
{
	struct server *server = arg;

	(void)ring;
	(void)event;
	__atomic_add_fetch(&server->closed, 1, __ATOMIC_RELAXED);
}

static void *serve(void *arg)
{
	struct server *server = arg;

	server->result = fp_loop_run(server->loop);
	return NULL;
}

/* One that sends back all that comes. */
static int server_start(struct server *server, int type,
			const struct fp_ring_config *config,
			const struct fp_loop_config *loop)
{
	const struct fp_handlers handlers = {
		.on_message = echo,
		.on_sent = on_sent,
		.on_writable = on_writable,
		.on_opened = on_opened,
		.on_closed = on_closed,
	};

	if (!server->ring) {
		server->ring = open_ring(HOST_B, type, config, &server->addr);
		if (!server->ring)
			return -errno;
		if (type == SOCK_RDM && fp_ring_listen(server->ring))
			return -EINVAL;
	}
	if (fp_loop_new(&server->loop, loop) ||
	    fp_loop_add_ring(server->loop, server->ring, &handlers, server))
		return -ENOMEM;
	return -pthread_create(&server->thread, NULL, serve, server);
}

static void server_stop(struct server *server)
{
	fp_loop_stop(server->loop);
	pthread_join(server->thread, NULL);
	fp_loop_free(server->loop);
}

static bool wait_count(unsigned int *count, unsigned int value)
{
	time_t end = time(NULL) + 3 * PATIENCE;

	while (__atomic_load_n(count, __ATOMIC_RELAXED) != value) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

#endif /* _LOOPSERVER_H */
