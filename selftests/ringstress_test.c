// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of one socket under the traffic of many, from as many CPUs as there
 * are: a server that sends each message back out of the slots that it came in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define SLOT		512
#define SLOTS		64
#define LARGEST		(3 * SLOT)
#define CLIENTS		8
#define WINDOW		16	/* messages of a client that are under way */

/* A socket with one connection to the server, and a thread. */
struct client {
	unsigned int number;
	unsigned int count;	/* of messages to be sent */
	unsigned int got;
	int fd;
	__u64 conn;
	const char *wrong;
	pthread_t thread;
};

static __u32 size_of(unsigned int client, unsigned int i)
{
	return (client * 7919 + i * 104729) % (LARGEST + 1);
}

static __u32 seed_of(unsigned int client, unsigned int i)
{
	return client << 24 | i;
}

static void client_send(struct client *c, unsigned int *sent)
{
	unsigned char buf[LARGEST];
	__u32 len;

	while (*sent < c->count && *sent - c->got < WINDOW) {
		len = size_of(c->number, *sent);
		fill(buf, len, seed_of(c->number, *sent));
		if (rdm_send(c->fd, c->conn, buf, len, MSG_DONTWAIT) < 0) {
			if (errno != EAGAIN)
				c->wrong = "sending failed";
			return;
		}
		(*sent)++;
	}
}

static void client_receive(struct client *c)
{
	unsigned char buf[LARGEST + 1];
	struct got got;

	for (;;) {
		got = rdm_receive(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got.len < 0) {
			if (errno != EAGAIN)
				c->wrong = "receiving failed";
			return;
		}
		if (got.len != size_of(c->number, c->got) ||
		    !filled(buf, got.len, seed_of(c->number, c->got))) {
			c->wrong = "another message came";
			return;
		}
		c->got++;
	}
}

static void *client_run(void *arg)
{
	struct client *c = arg;
	struct pollfd p = { .fd = c->fd };
	unsigned int sent = 0;

	while (c->got < c->count && !c->wrong) {
		client_send(c, &sent);
		p.events = POLLIN;
		if (sent < c->count && sent - c->got < WINDOW)
			p.events |= POLLOUT;
		if (poll(&p, 1, 2 * PATIENCE * 1000) != 1 && !c->wrong)
			c->wrong = "nothing came";
		client_receive(c);
	}
	return NULL;
}

/* What came on a connection and is to go back, in order. */
struct echo {
	__u64 conn;
	unsigned int first;
	unsigned int last;
	struct {
		__u32 slot;
		__u32 nr;
		__u32 len;
	} queue[SLOTS];
	bool busy;		/* one is being sent, no other is written */
	bool blocked;		/* until there is room on the connection */
	bool writable;		/* there was, since it was written */
};

struct server {
	struct ring ring;
	int fd;
	int epoll;		/* edge-triggered; or -1: poll(2) */
	struct sockaddr_fp name;
	struct echo echoes[CLIENTS];
	unsigned int count;	/* of the messages that went back */
	const char *wrong;
};

static struct echo *find(struct server *s, __u64 conn)
{
	unsigned int i;

	for (i = 0; i < CLIENTS; i++) {
		if (!s->echoes[i].conn)
			s->echoes[i].conn = conn;
		if (s->echoes[i].conn == conn)
			return &s->echoes[i];
	}
	s->wrong = "more connections than clients";
	return NULL;
}

static void take_message(struct server *s, struct echo *e,
			 const struct fp_ring_event *event)
{
	__u32 nr = (event->len + SLOT - 1) / SLOT ?: 1;

	if (event->nr != nr || event->flags || event->slot >= SLOTS)
		s->wrong = "an event makes no sense";
	if (e->last - e->first == SLOTS) {
		s->wrong = "more came than there are slots";
		return;
	}
	e->queue[e->last % SLOTS].slot = event->slot;
	e->queue[e->last % SLOTS].nr = event->nr;
	e->queue[e->last % SLOTS].len = event->len;
	e->last++;
}

static void take_sent(struct server *s, struct echo *e,
		      const struct fp_ring_event *event)
{
	if (!e->busy || event->slot != e->queue[e->first % SLOTS].slot ||
	    event->nr != e->queue[e->first % SLOTS].nr) {
		s->wrong = "slots of another message came back";
		return;
	}
	e->busy = false;
	if (event->error == EAGAIN) {
		e->blocked = !e->writable;
		return;
	}
	if (event->error)
		s->wrong = "sending back failed";
	ring_give_back(&s->ring, event);
	e->first++;
	s->count++;
}

static void take(struct server *s, const struct fp_ring_event *event)
{
	struct echo *e = find(s, event->conn);

	if (!e)
		return;
	switch (event->type) {
	case FP_RING_MESSAGE:
		take_message(s, e, event);
		break;
	case FP_RING_SENT:
		take_sent(s, e, event);
		break;
	case FP_RING_WRITABLE:
		e->writable = true;
		e->blocked = false;
		break;
	case FP_RING_CLOSED:
		s->wrong = "a connection was closed";
		break;
	}
}

static void send_back(struct server *s, struct echo *e)
{
	__u32 tail = s->ring.ctl->send_tail;
	struct fp_ring_send *send;

	if (e->busy || e->blocked || e->first == e->last)
		return;
	send = &s->ring.sends[tail & (s->ring.info.sends - 1)];
	memset(send, 0, sizeof(*send));
	send->conn = e->conn;
	send->slot = e->queue[e->first % SLOTS].slot;
	send->len = e->queue[e->first % SLOTS].len;
	__atomic_store_n(&s->ring.ctl->send_tail, tail + 1, __ATOMIC_RELEASE);
	e->busy = true;
	e->writable = false;
}

static void server_sleep(struct server *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct epoll_event event;
	int ret;

	if (s->epoll < 0)
		ret = poll(&p, 1, PATIENCE * 1000);
	else
		ret = epoll_wait(s->epoll, &event, 1, PATIENCE * 1000);
	if (ret != 1)
		s->wrong = "it was not woken up";
}

static void server_run(struct server *s, unsigned int count)
{
	const struct fp_ring_event *event;
	unsigned int i;

	while (s->count < count && !s->wrong) {
		while ((event = ring_peek(&s->ring)) && !s->wrong) {
			take(s, event);
			ring_seen(&s->ring);
		}
		for (i = 0; i < CLIENTS; i++)
			send_back(s, &s->echoes[i]);
		/* EAGAIN: there are events to be read first. */
		if (ring_tell(&s->ring) && errno != EAGAIN)
			s->wrong = "the ioctl failed";
		if (!ring_peek(&s->ring) && !s->wrong && s->count < count)
			server_sleep(s);
	}
}

FIXTURE(stress) {
	struct server server;
	struct client clients[CLIENTS];
};

FIXTURE_VARIANT(stress) {
	unsigned int events;	/* 0: enough of them */
	unsigned int receive;	/* how many slots are given */
	bool edge;
};

FIXTURE_VARIANT_ADD(stress, enough) { .receive = SLOTS };
FIXTURE_VARIANT_ADD(stress, enough_edge) { .receive = SLOTS, .edge = true };
FIXTURE_VARIANT_ADD(stress, few_slots) { .receive = 4 };
FIXTURE_VARIANT_ADD(stress, few_slots_edge) { .receive = 4, .edge = true };
FIXTURE_VARIANT_ADD(stress, few_events) { .receive = SLOTS, .events = 2 };
FIXTURE_VARIANT_ADD(stress, few_of_both) {
	.receive = 3, .events = 2, .edge = true
};

static int open_server(struct server *s, unsigned int events,
		       unsigned int receive, bool edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned int i;

	s->epoll = -1;
	s->fd = rdm_open(HOST_B);
	s->name = fp_host(AF_INET, HOST_B, 0);
	if (fp_setint(s->fd, SOL_FASTPROTO, FP_MSG_MAX, LARGEST) ||
	    fp_bind(s->fd, &s->name) || listen(s->fd, CLIENTS) ||
	    fp_name(s->fd, &s->name) ||
	    ring_make(s->fd, SLOT, SLOTS, events) ||
	    ring_map(s->fd, &s->ring))
		return -1;
	for (i = 0; i < receive; i++)
		ring_give(&s->ring, i);
	if (!edge)
		return ring_tell(&s->ring);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->fd, &event) ? -1 :
	       ring_tell(&s->ring);
}

FIXTURE_SETUP(stress)
{
	unsigned int i;

	ASSERT_EQ(0, open_server(&self->server, variant->events,
				 variant->receive, variant->edge));
	for (i = 0; i < CLIENTS; i++) {
		struct client *c = &self->clients[i];

		c->number = i;
		c->count = fewer(400);
		c->fd = rdm_open(HOST_A);
		ASSERT_EQ(0, rdm_dial(c->fd, &self->server.name, &c->conn));
	}
}

FIXTURE_TEARDOWN(stress)
{
	unsigned int i;

	for (i = 0; i < CLIENTS; i++)
		close(self->clients[i].fd);
	ring_unmap(&self->server.ring);
	close(self->server.fd);
	if (self->server.epoll >= 0)
		close(self->server.epoll);
}

TEST_F_TIMEOUT(stress, all_comes_back_in_order, 600)
{
	struct server *s = &self->server;
	struct fp_ring_stats stats;
	unsigned int i, total = 0;

	for (i = 0; i < CLIENTS; i++) {
		total += self->clients[i].count;
		ASSERT_EQ(0, pthread_create(&self->clients[i].thread, NULL,
					    client_run, &self->clients[i]));
	}
	server_run(s, total);
	EXPECT_EQ(NULL, s->wrong) {
		TH_LOG("server: %s, after %u of %u", s->wrong, s->count, total);
	}
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(self->clients[i].thread, NULL);
		EXPECT_EQ(NULL, self->clients[i].wrong) {
			TH_LOG("client %u: %s, after %u", i,
			       self->clients[i].wrong, self->clients[i].got);
		}
	}
	ASSERT_EQ(0, ring_stats(s->fd, &stats));
	EXPECT_EQ(total, stats.messages);
	EXPECT_EQ(total, stats.sent);
	EXPECT_EQ(0, stats.invalid);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
