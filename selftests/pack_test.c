// SPDX-License-Identifier: GPL-2.0
/*
 * Small messages that share a header (FP_F_PACK): each pack of a burst gets lost
 * once, and connections that carry them are parked and get sockets of their own.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/relay.h"

#define BURST		150	/* messages that are sent at once */
#define LARGEST		300	/* the largest of them, which shares no header */
#define IDLE_US		10000	/* the least that idle-timeout may be */
#define SLOTS		(2 * BURST)
#define SLOT		320	/* bytes, divisible by 64 */

static unsigned char in[LARGEST + 1], out[BURST][LARGEST];

/* Empty ones, one byte, and one that is too large for a pack are among them. */
static size_t size_of(unsigned int i)
{
	return i % 41 == 40 ? LARGEST : i * 29 % 123;
}

/* All at once, on a connection of a SOCK_RDM socket or, with 0, of another. */
static int send_burst(int fd, __u64 conn, __u32 seed)
{
	struct sockaddr_fp to = {
		.sfp_family = AF_FASTPROTO, .sfp_conn = conn
	};
	static struct mmsghdr many[BURST];
	static struct iovec iov[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		fill(out[i], size_of(i), seed + i);
		iov[i] = (struct iovec){ out[i], size_of(i) };
		many[i].msg_hdr = (struct msghdr){
			.msg_name = conn ? &to : NULL,
			.msg_namelen = conn ? sizeof(to) : 0,
			.msg_iov = &iov[i], .msg_iovlen = 1,
		};
	}
	return sendmmsg(fd, many, BURST, MSG_NOSIGNAL);
}

/* What was received of a burst. */
struct burst {
	unsigned int count;
	unsigned int packed;
	__u64 seq;		/* the next one's */
};

/* The next message of a burst is whole, and follows the one before. */
static bool take_one(int fd, struct burst *burst, __u32 seed)
{
	struct fp_recvinfo info = {};
	const unsigned int i = burst->count++;

	if (fp_recvinfo(fd, in, sizeof(in), MSG_DONTWAIT, &info) !=
	    (ssize_t)size_of(i) || !filled(in, size_of(i), seed + i))
		return false;
	if (i && info.seq != burst->seq)
		return false;
	burst->seq = info.seq + 1;
	burst->packed += !!(info.flags & FP_F_PACK);
	return true;
}

static bool nothing_left(int fd)
{
	return recv(fd, in, sizeof(in), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Messages of a burst arrive, up to the one of that number. */
static bool receive(int fd, struct burst *burst, unsigned int count, __u32 seed)
{
	while (burst->count < count)
		if (!fp_wait(fd, POLLIN) || !take_one(fd, burst, seed))
			return false;
	return count < BURST || nothing_left(fd);
}

/* How many connections of a host are parked. */
static unsigned int parked(enum host host)
{
	__u32 values[4];
	unsigned int count, sum = 0;

	count = conn_get_u32(host, FASTPROTO_A_CONN_PARKED, values, 4);
	while (count)
		sum += values[--count];
	return sum;
}

/* Until the connection is parked at both ends. */
static bool wait_parked(void)
{
	time_t end = time(NULL) + PATIENCE;

	while (parked(HOST_A) != 1 || parked(HOST_B) != 1) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

static int set_timeout(__u32 us)
{
	return dev_set_u32(HOST_A, FASTPROTO_A_DEV_IDLE_TIMEOUT, us) ?:
	       dev_set_u32(HOST_B, FASTPROTO_A_DEV_IDLE_TIMEOUT, us);
}

FIXTURE(parked) {
	struct sockaddr_fp addr;	/* of the server */
	int client;			/* SOCK_RDM */
	int server;			/* SOCK_RDM */
	__u64 id;			/* of the client's connection */
	__u64 peer;			/* of the server's */
};

FIXTURE_VARIANT(parked) {
	int family;
};

FIXTURE_VARIANT_ADD(parked, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(parked, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(parked)
{
	struct got got;

	ASSERT_EQ(0, set_timeout(IDLE_US));
	self->client = rdm_open(HOST_A);
	self->server = rdm_listen(HOST_B, variant->family, &self->addr);
	ASSERT_LE(0, self->client);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &self->id));
	ASSERT_EQ(1, rdm_send(self->client, self->id, "x", 1, 0));
	got = rdm_receive(self->server, in, sizeof(in), 0);
	ASSERT_EQ(1, got.len);
	self->peer = got.name.sfp_conn;
	ASSERT_TRUE(wait_parked());
}

FIXTURE_TEARDOWN(parked)
{
	close(self->client);
	close(self->server);
	EXPECT_TRUE(conns_wait_gone());
	EXPECT_EQ(0, set_timeout(1000000));
}

/* A pack wakes who is parked, and is taken in by who just woke up. */
TEST_F(parked, packs_wake_up)
{
	struct burst up, down;
	__u32 seed;

	for (seed = 0; seed < 5 * BURST; seed += BURST) {
		up = (struct burst){};
		ASSERT_EQ(BURST, send_burst(self->client, self->id, seed));
		ASSERT_TRUE(receive(self->server, &up, BURST, seed));
		EXPECT_LT(BURST / 2, up.packed);
		ASSERT_TRUE(wait_parked());
		down = (struct burst){};
		ASSERT_EQ(BURST, send_burst(self->server, self->peer, seed));
		ASSERT_TRUE(receive(self->client, &down, BURST, seed));
		EXPECT_LT(BURST / 2, down.packed);
		ASSERT_TRUE(wait_parked());
	}
}

/* Who is parked gets a socket of its own, and then packs. */
TEST_F(parked, peeled_off_before)
{
	struct burst up = {}, down = {}, again = {};
	int fd;

	fd = rdm_peel(self->server, self->peer);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_setint(fd, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_EQ(BURST, send_burst(self->client, self->id, 1));
	ASSERT_TRUE(receive(fd, &up, BURST, 1));
	EXPECT_LT(BURST / 2, up.packed);
	ASSERT_TRUE(wait_parked());
	ASSERT_EQ(BURST, send_burst(fd, 0, 2));
	ASSERT_TRUE(receive(self->client, &down, BURST, 2));
	EXPECT_LT(BURST / 2, down.packed);
	ASSERT_TRUE(wait_parked());
	ASSERT_EQ(BURST, send_burst(self->client, self->id, 3));
	ASSERT_TRUE(receive(fd, &again, BURST, 3));
	EXPECT_TRUE(nothing_left(self->server));
	close(fd);
}

/* It gets its socket in the middle of a pack, which was read in part. */
TEST_F(parked, peeled_off_in_between)
{
	static const unsigned int read[] = { 0, 1, 7, BURST - 1 };
	struct burst up;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(read); i++) {
		up = (struct burst){};
		ASSERT_EQ(BURST, send_burst(self->client, self->id, i));
		ASSERT_TRUE(fp_wait(self->server, POLLIN));
		ASSERT_TRUE(receive(self->server, &up, read[i], i));
		fd = rdm_peel(self->server, self->peer);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fp_setint(fd, SOL_FASTPROTO, FP_RECVINFO, 1));
		ASSERT_TRUE(receive(fd, &up, BURST, i));
		EXPECT_LT(BURST / 2, up.packed);
		EXPECT_TRUE(nothing_left(self->server));
		ASSERT_TRUE(wait_parked());
		up = (struct burst){};
		ASSERT_EQ(BURST, send_burst(self->client, self->id, i));
		ASSERT_TRUE(receive(fd, &up, BURST, i));
		close(fd);
		/* That ends it at both ends: another one for the next time. */
		ASSERT_TRUE(conns_wait_gone());
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &self->id));
		ASSERT_EQ(1, rdm_send(self->client, self->id, "x", 1, 0));
		self->peer = rdm_receive(self->server, in, sizeof(in),
					 0).name.sfp_conn;
		ASSERT_TRUE(wait_parked());
	}
}

FIXTURE(loss) {
	struct relay relay;
	struct sockaddr_fp addr;	/* of the relay */
	int client;
	int server;
	int listener;			/* SOCK_SEQPACKET */
	__u64 id;			/* SOCK_RDM: of the client's connection */
	struct ring calls;
	struct ring serves;
};

FIXTURE_VARIANT(loss) {
	int family;
	int type;
	bool rings;
};

FIXTURE_VARIANT_ADD(loss, seqpacket_ipv4) {
	.family = AF_INET, .type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(loss, rdm_ipv6) {
	.family = AF_INET6, .type = SOCK_RDM,
};

FIXTURE_VARIANT_ADD(loss, rings_ipv4) {
	.family = AF_INET, .type = SOCK_RDM, .rings = true,
};

/* The pools before anybody is told how large a message may be. */
static bool set_up_many(struct _test_data_loss *self, int family, bool rings)
{
	struct sockaddr_fp *addr = &self->relay.server;

	*addr = fp_host(family, HOST_B, 0);
	self->client = rdm_open(HOST_A);
	self->server = rdm_open(HOST_B);
	if (self->client < 0 || self->server < 0)
		return false;
	if (rings && (ring_open(self->client, SLOT, SLOTS, 0, &self->calls) ||
		      ring_open(self->server, SLOT, SLOTS, SLOTS,
				&self->serves)))
		return false;
	return !fp_bind(self->server, addr) && !fp_name(self->server, addr) &&
	       !listen(self->server, 1);
}

static bool set_up_sockets(struct _test_data_loss *self, int family, int type,
			   bool rings)
{
	if (type == SOCK_SEQPACKET) {
		self->client = fp_open_seqpacket(HOST_A);
		self->listener = fp_listen(HOST_B, family, 1,
					   &self->relay.server);
		return !fcntl(self->client, F_SETFL, O_NONBLOCK) &&
		       !fcntl(self->listener, F_SETFL, O_NONBLOCK);
	}
	return set_up_many(self, family, rings);
}

static bool connect_both(struct _test_data_loss *self, int type)
{
	if (type == SOCK_RDM)
		return !rdm_dial(self->client, &self->addr, &self->id);
	if (!fp_connect(self->client, &self->addr) || errno != EINPROGRESS ||
	    !relay_pump_until(&self->relay, self->client, POLLOUT) ||
	    send(self->client, "x", 1, 0) != 1 ||
	    !relay_pump_until(&self->relay, self->listener, POLLIN))
		return false;
	self->server = accept(self->listener, NULL, NULL);
	return self->server >= 0 &&
	       relay_pump_until(&self->relay, self->server, POLLIN) &&
	       recv(self->server, in, sizeof(in), 0) == 1;
}

FIXTURE_SETUP(loss)
{
	struct relay *relay = &self->relay;

	memset(self, 0, sizeof(*self));
	self->listener = -1;
	self->server = -1;
	net_pin();
	ASSERT_TRUE(set_up_sockets(self, variant->family, variant->type,
				   variant->rings));
	relay->front = udp_open(HOST_B, variant->family, 0, &self->addr);
	relay->back = udp_open(HOST_B, variant->family, 0, NULL);
	ASSERT_LE(0, relay->front);
	ASSERT_LE(0, relay->back);
	ASSERT_TRUE(connect_both(self, variant->type));
	if (!variant->rings)
		ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO,
				       FP_RECVINFO, 1));
}

FIXTURE_TEARDOWN(loss)
{
	if (variant->rings) {
		ring_unmap(&self->calls);
		ring_unmap(&self->serves);
	}
	close(self->relay.front);
	close(self->relay.back);
	if (variant->type == SOCK_SEQPACKET) {
		fp_abort(self->client);
		fp_abort(self->server);
		close(self->listener);
	} else {
		close(self->client);
		close(self->server);
	}
}

/* All at once, out of the slots of a pool. */
static int ring_send_burst(struct _test_data_loss *self, __u32 seed)
{
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		fill(out[i], size_of(i), seed + i);
		ring_queue(&self->calls, self->id, i, out[i], size_of(i),
			   FP_RING_QUIET);
	}
	return ring_tell(&self->calls) ? -1 : BURST;
}

/* As take_one(); what is no message is passed over. */
static bool ring_take_one(struct ring *ring, struct burst *burst, __u32 seed)
{
	const struct fp_ring_event *next = ring_peek(ring);
	struct fp_ring_event event;
	unsigned int i;

	if (!next)
		return true;
	event = *next;
	ring_seen(ring);
	if (event.type != FP_RING_MESSAGE)
		return event.type == FP_RING_OPENED;
	i = burst->count++;
	ring_copy(ring, &event, in);
	ring_give_back(ring, &event);
	if (ring_tell(ring) || event.len != size_of(i) ||
	    !filled(in, event.len, seed + i) ||
	    (i && event.seq != burst->seq))
		return false;
	burst->seq = event.seq + 1;
	return true;
}

/* All of a burst goes over the relay and arrives. */
static bool transfer(struct _test_data_loss *self, bool rings, __u32 seed)
{
	struct burst burst = {};
	int sent;

	sent = rings ? ring_send_burst(self, seed) :
		       send_burst(self->client, self->id, seed);
	if (sent != BURST)
		return false;
	while (burst.count < BURST) {
		if (!relay_pump_until(&self->relay, self->server, POLLIN))
			return false;
		if (rings ? !ring_take_one(&self->serves, &burst, seed) :
			    !take_one(self->server, &burst, seed))
			return false;
	}
	return relay_pump_until_sent(&self->relay, self->client) &&
	       (rings ? !ring_peek(&self->serves) :
			nothing_left(self->server));
}

/*
 * The first pack of a burst gets lost, of the next burst the second one, and so on
 * until one has not so many. Then it is all of them, one after the other.
 */
TEST_F_TIMEOUT(loss, each_pack_once, 120)
{
	struct relay *relay = &self->relay;
	int nr = 0;

	/* Both know each other, and what the path takes. */
	ASSERT_TRUE(transfer(self, variant->rings, 0));
	EXPECT_LT(3, relay->packs);
	do {
		relay->struck = 0;
		relay->packs = 0;
		relay->lose_pack = ++nr;
		ASSERT_TRUE(transfer(self, variant->rings, nr * BURST)) {
			TH_LOG("pack %d", nr);
		}
	} while (relay->struck);
	EXPECT_LT(3, nr);
}

/* Every other one, sent again or not. */
TEST_F_TIMEOUT(loss, many_packs, 120)
{
	struct relay *relay = &self->relay;

	ASSERT_TRUE(transfer(self, variant->rings, 0));
	relay->lose_packs = 2;
	ASSERT_TRUE(transfer(self, variant->rings, 1));
	EXPECT_LT(1, relay->struck);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
