// SPDX-License-Identifier: GPL-2.0
/*
 * Heavy traffic between the hosts, by connections, sockets of many, and rings,
 * that goes on whatever is taken away from it: what does not move any more is
 * left, in one of the ways there are, and begun again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

#define BURST		8
#define LARGE		20000
#define SLOT		2048
#define SLOTS		16
#define PATIENCE_FIRST	4	/* milliseconds */
#define PATIENCE_LAST	2000
/* What a socket's number means may have changed: no call of it may wait. */
#define TIMID		(MSG_DONTWAIT | MSG_NOSIGNAL)

static char out[LARGE];

static unsigned long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static size_t some_length(struct dice *dice)
{
	return dice_chance(dice, 5) ? LARGE : dice_below(dice, 1400);
}

static void never_wait(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
}

/*
 * A connection whose server gives back what it gets
 */

static bool begin_seqpacket(struct flow *flow, int family)
{
	struct sockaddr_fp at;

	flow->listener = fp_listen(HOST_B, family, 4, &at);
	flow->client = fp_open_seqpacket(HOST_A);
	never_wait(flow->listener);
	never_wait(flow->client);
	return flow->listener >= 0 &&
	       (!fp_connect(flow->client, &at) || errno == EINPROGRESS);
}

static void move_seqpacket(struct flow *flow, struct dice *dice)
{
	char in[LARGE];
	ssize_t len;
	int i;

	if (flow->server < 0) {
		flow->server = accept(flow->listener, NULL, NULL);
		never_wait(flow->server);
	}
	for (i = 0; i < BURST; i++)
		send(flow->client, out, some_length(dice), TIMID);
	for (i = 0; i < 2 * BURST; i++) {
		len = recv(flow->server, in, sizeof(in), MSG_DONTWAIT);
		if (len <= 0)
			break;
		send(flow->server, in, len, TIMID);
	}
	for (i = 0; i < 2 * BURST; i++)
		if (recv(flow->client, in, sizeof(in), MSG_DONTWAIT) > 0)
			flow->moved++;
}

/*
 * The same by two sockets of many
 */

static bool begin_rdm(struct flow *flow, int family)
{
	struct sockaddr_fp at;

	flow->server = rdm_listen(HOST_B, family, &at);
	flow->client = rdm_open(HOST_A);
	return flow->server >= 0 && !rdm_dial(flow->client, &at, &flow->conn);
}

static void move_rdm(struct flow *flow, struct dice *dice)
{
	struct got got;
	char in[LARGE];
	int i;

	for (i = 0; i < BURST; i++)
		rdm_send(flow->client, flow->conn, out, some_length(dice),
			 TIMID);
	for (i = 0; i < 2 * BURST; i++) {
		got = rdm_receive(flow->server, in, sizeof(in), MSG_DONTWAIT);
		if (got.len < 0)
			break;
		rdm_send(flow->server, got.name.sfp_conn, in, got.len, TIMID);
	}
	for (i = 0; i < 2 * BURST; i++) {
		got = rdm_receive(flow->client, in, sizeof(in), MSG_DONTWAIT);
		if (got.len > 0 && !(got.flags & MSG_FP_EVENT))
			flow->moved++;
	}
}

/*
 * The same by rings: the server sends out of the slots in which it was told
 */

static bool begin_ring(struct flow *flow, int family)
{
	struct sockaddr_fp at;

	flow->server = rdm_open(HOST_B);
	flow->client = rdm_open(HOST_A);
	at = fp_host(family, HOST_B, 0);
	flow->busy = 0;
	return !fp_setint(flow->server, SOL_FASTPROTO, FP_MSG_MAX, SLOT) &&
	       !fp_setint(flow->client, SOL_FASTPROTO, FP_MSG_MAX, SLOT) &&
	       !fp_bind(flow->server, &at) && !listen(flow->server, 4) &&
	       !fp_name(flow->server, &at) &&
	       !ring_open(flow->server, SLOT, SLOTS, SLOTS, &flow->serves) &&
	       !ring_open(flow->client, SLOT, SLOTS, SLOTS / 2, &flow->calls) &&
	       !rdm_dial(flow->client, &at, &flow->conn);
}

static void send_back(struct ring *ring, const struct fp_ring_event *event)
{
	__u32 tail = ring->ctl->send_tail;
	struct fp_ring_send *send = &ring->sends[tail & (ring->info.sends - 1)];

	memset(send, 0, sizeof(*send));
	send->conn = event->conn;
	send->slot = event->slot;
	send->len = event->len;
	__atomic_store_n(&ring->ctl->send_tail, tail + 1, __ATOMIC_RELEASE);
}

static void serve_ring(struct ring *ring)
{
	const struct fp_ring_event *event;

	while ((event = ring_peek(ring))) {
		if (event->type == FP_RING_MESSAGE)
			send_back(ring, event);
		else if (event->type == FP_RING_SENT)
			ring_give_back(ring, event);
		ring_seen(ring);
	}
	ring_tell(ring);
}

static void move_ring(struct flow *flow, struct dice *dice)
{
	struct ring *ring = &flow->calls;
	const struct fp_ring_event *event;
	unsigned int i;

	while ((event = ring_peek(ring))) {
		if (event->type == FP_RING_MESSAGE) {
			flow->moved++;
			ring_give_back(ring, event);
		} else if (event->type == FP_RING_SENT) {
			flow->busy &= ~(1u << event->slot);
		}
		ring_seen(ring);
	}
	for (i = SLOTS / 2; i < SLOTS; i++) {
		if (flow->busy & 1u << i)
			continue;
		flow->busy |= 1u << i;
		ring_queue(ring, flow->conn, i, out, dice_below(dice, SLOT), 0);
	}
	ring_tell(ring);
	serve_ring(&flow->serves);
}

static const struct {
	bool (*begin)(struct flow *flow, int family);
	void (*move)(struct flow *flow, struct dice *dice);
} kinds[FLOWS] = {
	[FLOW_SEQPACKET] = { begin_seqpacket, move_seqpacket },
	[FLOW_RDM] = { begin_rdm, move_rdm },
	[FLOW_RING] = { begin_ring, move_ring },
};

/* Closed once, by whoever takes it: its number may be another's afterwards. */
int flow_take(atomic_int *fd)
{
	return atomic_exchange(fd, -1);
}

static void leave_one(int fd, struct dice *dice)
{
	switch (dice_below(dice, 5)) {
	case 0:
		fp_abort(fd);
		return;
	case 1:
		shutdown(fd, dice_below(dice, 3));
		break;
	case 2:
		send(fd, out, LARGE, TIMID);
		break;
	default:
		break;
	}
	close(fd);
}

static void leave(struct flow *flow, struct dice *dice)
{
	if (flow->calls.fd >= 0)
		ring_unmap(&flow->calls);
	if (flow->serves.fd >= 0)
		ring_unmap(&flow->serves);
	if (dice_chance(dice, 10))
		rdm_close(flow->client, flow->conn);
	leave_one(flow_take(&flow->client), dice);
	leave_one(flow_take(&flow->server), dice);
	close(flow_take(&flow->listener));
}

static void begin(struct flow *flow, enum flow_kind kind, struct dice *dice)
{
	flow->listener = -1;
	flow->client = -1;
	flow->server = -1;
	flow->calls.fd = -1;
	flow->serves.fd = -1;
	flow->whole = kinds[kind].begin(flow, dice_chance(dice, 50) ?
					      AF_INET : AF_INET6);
	flow->since = now_ms();
}

/*
 * Without an answer for long it is begun again: after as much patience as was
 * needed so far, or more of it, so that some outlive what befalls them.
 */
static void renew(struct flow *flow, enum flow_kind kind, struct dice *dice)
{
	if (flow->in_vain && flow->whole && flow->patience < PATIENCE_LAST)
		flow->patience *= 2;
	flow->in_vain = true;
	leave(flow, dice);
	begin(flow, kind, dice);
	flow->until = flow->patience * (dice_chance(dice, 25) ? 8 : 1);
	/* Where there is no address, or not yet. */
	if (!flow->whole)
		flow->until = PATIENCE_FIRST;
}

static void note_answer(struct flow *flow)
{
	flow->since = now_ms();
	if (flow->in_vain && flow->patience > PATIENCE_FIRST)
		flow->patience /= 2;
	flow->in_vain = false;
}

/* Returns whether anything came. */
static bool go_on(struct flow *flow, enum flow_kind kind, struct dice *dice)
{
	unsigned long before = flow->moved;

	if (flow->whole)
		kinds[kind].move(flow, dice);
	if (flow->moved != before)
		note_answer(flow);
	else if (now_ms() - flow->since >= flow->until || flow->client < 0)
		renew(flow, kind, dice);
	return flow->moved != before;
}

/* Shared with the processes that are forked afterwards. */
struct traffic *traffic_new(void)
{
	struct traffic *traffic;

	traffic = mmap(NULL, sizeof(*traffic), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return traffic == MAP_FAILED ? NULL : traffic;
}

/* Returns when traffic->stop says so, and has left all. */
void traffic_run(struct traffic *traffic, __u64 seed)
{
	struct dice dice;
	bool moved;
	int i;

	dice_seed(&dice, seed);
	for (i = 0; i < FLOWS; i++) {
		traffic->flows[i].in_vain = true;
		/* What those before had learnt of it is not learnt again. */
		if (!traffic->flows[i].patience)
			traffic->flows[i].patience = PATIENCE_FIRST;
		begin(&traffic->flows[i], i, &dice);
		traffic->flows[i].until = traffic->flows[i].patience;
	}
	while (!traffic->stop) {
		moved = false;
		for (i = 0; i < FLOWS; i++)
			moved |= go_on(&traffic->flows[i], i, &dice);
		if (!moved)
			usleep(100);
	}
	for (i = 0; i < FLOWS; i++)
		leave(&traffic->flows[i], &dice);
}

/* Until so many more answers came, of each kind; false if they never do. */
bool traffic_wait(const struct traffic *traffic, unsigned int count)
{
	time_t end = time(NULL) + TRAFFIC_PATIENCE;
	unsigned long base[FLOWS];
	int i;

	for (i = 0; i < FLOWS; i++)
		base[i] = traffic->flows[i].moved;
	for (i = 0; i < FLOWS; i++) {
		while (traffic->flows[i].moved - base[i] < count) {
			if (time(NULL) > end)
				return false;
			usleep(100);
		}
	}
	return true;
}
