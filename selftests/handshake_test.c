// SPDX-License-Identifier: GPL-2.0
/*
 * How connections begin on a bad network, and what strangers can do to them.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/sockios.h>

#include "kselftest_harness.h"
#include "lib/relay.h"

static unsigned char in[2048], frame[2048];

static bool say(struct relay *relay, int from, int to, const char *word)
{
	const ssize_t len = strlen(word);

	return send(from, word, len, MSG_NOSIGNAL) == len &&
	       relay_pump_until(relay, to, POLLIN) &&
	       recv(to, in, sizeof(in), 0) == len && !memcmp(in, word, len);
}

FIXTURE(relay) {
	struct relay relay;
	struct sockaddr_fp addr;	/* of the relay, for clients */
	struct stats base;		/* of host B */
	struct stats client_base;	/* of host A */
	int stray[HOSTS];		/* speak for nobody */
	int listener;
	int client;
	int server;
};

FIXTURE_VARIANT(relay) {
	int family;
};

FIXTURE_VARIANT_ADD(relay, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(relay, ipv6) { .family = AF_INET6 };

static bool set_up(struct _test_data_relay *self, int family)
{
	struct relay *relay = &self->relay;

	/* What is sent first comes first. */
	net_pin();
	memset(relay, 0, sizeof(*relay));
	self->server = -1;
	self->listener = fp_listen(HOST_B, family, 5, &relay->server);
	self->client = fp_open_seqpacket(HOST_A);
	relay->front = udp_open(HOST_B, family, 0, &self->addr);
	relay->back = udp_open(HOST_B, family, 0, NULL);
	self->stray[HOST_A] = udp_open(HOST_A, family, 0, NULL);
	self->stray[HOST_B] = udp_open(HOST_B, family, 0, NULL);
	stats_read(HOST_B, &self->base);
	stats_read(HOST_A, &self->client_base);
	return self->listener >= 0 && self->client >= 0 && relay->front >= 0 &&
	       relay->back >= 0 && self->stray[HOST_A] >= 0 &&
	       self->stray[HOST_B] >= 0 &&
	       !fcntl(self->listener, F_SETFL, O_NONBLOCK) &&
	       !fcntl(self->client, F_SETFL, O_NONBLOCK);
}

/* A SYN is under way. */
static bool begin(struct _test_data_relay *self)
{
	return fp_connect(self->client, &self->addr) == -1 &&
	       errno == EINPROGRESS;
}

/* Connected, and each has heard of the other. */
static bool complete(struct _test_data_relay *self)
{
	struct relay *relay = &self->relay;

	if (!relay_pump_until(relay, self->client, POLLOUT) ||
	    send(self->client, "x", 1, 0) != 1 ||
	    !relay_pump_until(relay, self->listener, POLLIN))
		return false;
	self->server = accept(self->listener, NULL, NULL);
	return self->server >= 0 &&
	       relay_pump_until(relay, self->server, POLLIN) &&
	       recv(self->server, in, sizeof(in), 0) == 1 &&
	       say(relay, self->server, self->client, "answer") &&
	       say(relay, self->client, self->server, "again") &&
	       relay_pump_until_sent(relay, self->client) &&
	       relay_pump_until_sent(relay, self->server);
}

static bool establish(struct _test_data_relay *self)
{
	return begin(self) && complete(self);
}

static __u64 count(const struct _test_data_relay *self, int attr)
{
	return stats_since(HOST_B, &self->base, attr);
}

static __u64 client_count(const struct _test_data_relay *self, int attr)
{
	return stats_since(HOST_A, &self->client_base, attr);
}

FIXTURE_SETUP(relay)
{
	ASSERT_TRUE(set_up(self, variant->family));
}

FIXTURE_TEARDOWN(relay)
{
	close(self->relay.front);
	close(self->relay.back);
	close(self->stray[HOST_A]);
	close(self->stray[HOST_B]);
	fp_abort(self->client);
	fp_abort(self->server);
	close(self->listener);
}

static void expect_one(struct __test_metadata *_metadata,
		       struct _test_data_relay *self)
{
	ASSERT_TRUE(establish(self));
	EXPECT_LT(0, self->relay.struck);
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ACCEPTED));
	EXPECT_EQ(1, client_count(self, FASTPROTO_A_STATS_CONNECTS));
	EXPECT_EQ(1, client_count(self, FASTPROTO_A_STATS_CONNECTED));
	EXPECT_FAILS(EAGAIN, accept(self->listener, NULL, NULL));
}

TEST_F(relay, syn_is_lost)
{
	self->relay.lose = SYN;
	expect_one(_metadata, self);
	EXPECT_LT(0, client_count(self, FASTPROTO_A_STATS_RETRANS_SYN));
}

TEST_F(relay, syn_comes_twice)
{
	self->relay.twice = SYN;
	expect_one(_metadata, self);
}

TEST_F(relay, cookie_is_lost)
{
	self->relay.lose = COOKIE;
	expect_one(_metadata, self);
	EXPECT_LT(0, client_count(self, FASTPROTO_A_STATS_RETRANS_SYN));
}

TEST_F(relay, cookie_comes_twice)
{
	self->relay.twice = COOKIE;
	expect_one(_metadata, self);
}

/* The data go along with the next cookie, and wait for no timer. */
TEST_F(relay, cookie_is_not_taken)
{
	self->relay.spoil = true;
	expect_one(_metadata, self);
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_COOKIE));
	EXPECT_EQ(1, client_count(self, FASTPROTO_A_STATS_RETRANS_ECHO));
	EXPECT_EQ(0, client_count(self, FASTPROTO_A_STATS_RTO_TIMEOUTS));
}

/* Whoever puts frames together: a SYN may follow a frame of a connection. */
TEST_F(relay, syn_behind_another_frame)
{
	struct relay *relay = &self->relay;
	time_t end = time(NULL) + PATIENCE;
	__u64 cookies;
	size_t len;

	ASSERT_TRUE(establish(self));
	cookies = count(self, FASTPROTO_A_STATS_COOKIES_SENT);
	len = frame_build_conn(frame, 2, FP_F_ACK, relay->server_id,
			       relay->client_id, 1, NULL, 0);
	len += frame_build_syn(frame + len, 7, 77);
	udp_sendto(relay->back, frame, len, &relay->server);
	while (count(self, FASTPROTO_A_STATS_COOKIES_SENT) == cookies &&
	       time(NULL) <= end)
		relay_pump(relay);
	EXPECT_EQ(cookies + 1, count(self, FASTPROTO_A_STATS_COOKIES_SENT));
	EXPECT_TRUE(say(relay, self->client, self->server, "still here"));
}

TEST_F(relay, echo_is_lost)
{
	self->relay.lose = ECHO_;
	expect_one(_metadata, self);
	/* With data it is one of these, without one of those. */
	EXPECT_LT(0, client_count(self, FASTPROTO_A_STATS_OUT_RETRANS) +
		     client_count(self, FASTPROTO_A_STATS_RETRANS_ECHO));
}

TEST_F(relay, echo_comes_twice)
{
	self->relay.twice = ECHO_;
	expect_one(_metadata, self);
}

/* Copies of an echo are taken in by two CPUs, neither of which knows it. */
TEST_F(relay, echo_comes_twice_at_once)
{
	const int rounds = fewer(40);
	struct relay *relay = &self->relay;
	time_t end;
	int i;

	for (i = 0; i < rounds; i++) {
		relay->echo_len = 0;
		relay->lose = ECHO_;
		relay->struck = 0;
		ASSERT_TRUE(begin(self));
		ASSERT_TRUE(relay_pump_until(relay, self->client, POLLOUT));
		end = time(NULL) + PATIENCE;
		while (!relay->echo_len && time(NULL) <= end)
			relay_pump(relay);
		ASSERT_TRUE(relay_volley(relay, false));
		ASSERT_TRUE(complete(self));
		EXPECT_EQ(i + 1, count(self, FASTPROTO_A_STATS_ACCEPTED));
		EXPECT_FAILS(EAGAIN, accept(self->listener, NULL, NULL));
		fp_abort(self->client);
		fp_abort(self->server);
		self->server = -1;
		self->client = fp_open_seqpacket(HOST_A);
		ASSERT_EQ(0, fcntl(self->client, F_SETFL, O_NONBLOCK));
	}
}

TEST_F(relay, answer_is_lost)
{
	self->relay.lose = ANSWER;
	expect_one(_metadata, self);
}

TEST_F(relay, answer_comes_twice)
{
	self->relay.twice = ANSWER;
	expect_one(_metadata, self);
}

/* A copy of the beginning comes, and makes no other connection. */
static void expect_no_other(struct __test_metadata *_metadata,
			    struct _test_data_relay *self)
{
	struct relay *relay = &self->relay;
	time_t end = time(NULL) + PATIENCE;

	do {
		udp_sendto(relay->back, relay->echo, relay->echo_len,
			   &relay->server);
		relay_pump(relay);
	} while (!count(self, FASTPROTO_A_STATS_DROP_COOKIE) &&
		 time(NULL) <= end);
	EXPECT_LT(0, count(self, FASTPROTO_A_STATS_DROP_COOKIE));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ACCEPTED));
	EXPECT_FAILS(EAGAIN, accept(self->listener, NULL, NULL));
}

/* Long after the connection has ended, there is a copy of its echo. */
TEST_F(relay, late_copy_of_an_echo)
{
	struct relay *relay = &self->relay;

	ASSERT_TRUE(establish(self));
	ASSERT_LT(0, relay->echo_len);
	shutdown(self->client, SHUT_WR);
	shutdown(self->server, SHUT_WR);
	ASSERT_TRUE(relay_pump_until(relay, self->server, POLLHUP));
	ASSERT_TRUE(relay_pump_until(relay, self->client, POLLHUP));
	expect_no_other(_metadata, self);
}

static bool wait_parked(struct _test_data_relay *self)
{
	return stats_wait(HOST_B, &self->base, FASTPROTO_A_STATS_PARKED,
			  count(self, FASTPROTO_A_STATS_PARKED) + 1);
}

/* It has heard of its client: an echo is not for it any more. */
TEST_F(relay, late_copy_of_the_echo_of_a_parked_connection)
{
	struct relay *relay = &self->relay;

	ASSERT_TRUE(establish(self));
	ASSERT_LT(0, relay->echo_len);
	ASSERT_TRUE(wait_parked(self));
	expect_no_other(_metadata, self);
	EXPECT_TRUE(say(relay, self->client, self->server, "still here"));
	EXPECT_TRUE(say(relay, self->server, self->client, "as ever"));
}

/* The client may not have heard of it: the next echo is for it, parked or not. */
TEST_F(relay, echo_for_a_parked_connection)
{
	struct relay *relay = &self->relay;

	ASSERT_TRUE(begin(self));
	ASSERT_TRUE(relay_pump_until(relay, self->client, POLLOUT));
	relay->deaf = true;
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_TRUE(relay_pump_until(relay, self->listener, POLLIN));
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(1, recv(self->server, in, sizeof(in), 0));
	/* What the client sends meanwhile is on its way. */
	ASSERT_TRUE(wait_parked(self));
	relay->deaf = false;
	EXPECT_TRUE(say(relay, self->client, self->server, "again"));
	EXPECT_TRUE(say(relay, self->server, self->client, "answer"));
	EXPECT_EQ(0, count(self, FASTPROTO_A_STATS_DROP_COOKIE));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ACCEPTED));
	EXPECT_FAILS(EAGAIN, accept(self->listener, NULL, NULL));
}

/*
 * What strangers do
 */
struct aim {
	enum host host;			/* who gets their frames */
	const struct sockaddr_fp *to;
	int fd;				/* speaks from the peer's address */
	int stray;			/* from another one */
	__u64 id;			/* the receiver's */
	__u64 peer_id;			/* what a reset shows the tag of */
	__u64 seq;			/* next in order */
};

/* One frame of each kind that could do harm. */
static const struct {
	unsigned int flags;
	size_t len;
} harmful[] = {
	{ FP_F_ACK, 0 },
	{ FP_F_ACK | FP_F_PROBE, 0 },
	{ FP_F_ACK | FP_F_BEGIN | FP_F_END, 5 },
	{ FP_F_ACK | FP_F_FIN, 0 },
	{ FP_F_ACK | FP_F_SYN, 0 },
	{ FP_F_ACK | FP_F_SYN | FP_F_BEGIN | FP_F_END, 5 },
	{ FP_F_ACK | FP_F_SYN | FP_F_FIN, 0 },
	{ FP_F_SYN | FP_F_COOKIE, 0 },
	{ FP_F_RST, 0 },
};

static struct aim aim_at(const struct _test_data_relay *self, enum host host)
{
	const struct relay *relay = &self->relay;
	const bool up = host == HOST_B;

	return (struct aim){
		.host = host,
		.to = up ? &relay->server : &relay->client,
		.fd = up ? relay->back : relay->front,
		.stray = self->stray[!host],
		.id = up ? relay->server_id : relay->client_id,
		.peer_id = up ? relay->client_id : relay->server_id,
		.seq = up ? 2 : 1,
	};
}

/* Sends those that have one of these flags; returns how many, or -1. */
static int forge(const struct aim *aim, int fd, unsigned int flags, __u64 ack)
{
	size_t i, len;
	int sent = 0;

	for (i = 0; i < ARRAY_SIZE(harmful); i++) {
		const bool rst = harmful[i].flags & FP_F_RST;
		__u64 id = aim->id;

		if (!(harmful[i].flags & flags))
			continue;
		if (rst)
			id = aim->peer_id >> 32 << 32 | (__u32)aim->id;
		len = frame_build_conn(frame, rst ? FP_RST_ABORTED : aim->seq,
				       harmful[i].flags, id, aim->peer_id, ack,
				       "false", harmful[i].len);
		if (udp_sendto(fd, frame, len, aim->to) != (ssize_t)len)
			return -1;
		sent++;
	}
	return sent;
}

/* All are dropped for this reason, and no other. */
static void expect_drops(struct __test_metadata *_metadata,
			 const struct aim *aim, int fd, unsigned int flags,
			 __u64 ack, int attr)
{
	struct stats base;
	int sent;

	stats_read(aim->host, &base);
	sent = forge(aim, fd, flags, ack);
	ASSERT_LT(0, sent);
	ASSERT_TRUE(stats_wait(aim->host, &base, attr, sent));
	EXPECT_EQ(sent, (int)stats_drops_since(aim->host, &base));
	EXPECT_EQ(0, stats_since(aim->host, &base,
				 FASTPROTO_A_STATS_IN_RESETS));
	EXPECT_EQ(0, stats_since(aim->host, &base,
				 FASTPROTO_A_STATS_IN_FRAMES));
}

/* From anywhere, with a tag that is a guess, or to a slot that is none. */
static void expect_no_harm(struct __test_metadata *_metadata, struct aim aim)
{
	const __u64 tag = 1ULL << 40, slot = 1 << 23;

	expect_drops(_metadata, &aim, aim.stray, ~0, 0,
		     FASTPROTO_A_STATS_DROP_ADDRESS);
	aim.id ^= tag;
	aim.peer_id ^= tag;
	expect_drops(_metadata, &aim, aim.fd, ~0, 0,
		     FASTPROTO_A_STATS_DROP_TAG);
	expect_drops(_metadata, &aim, aim.stray, ~FP_F_RST, 0,
		     FASTPROTO_A_STATS_DROP_TAG);
	expect_drops(_metadata, &aim, aim.stray, FP_F_RST, 0,
		     FASTPROTO_A_STATS_DROP_ADDRESS);
	aim.id ^= tag | slot;
	aim.peer_id ^= tag;
	expect_drops(_metadata, &aim, aim.fd, ~0, 0,
		     FASTPROTO_A_STATS_DROP_ID);
}

static void expect_untouched(struct __test_metadata *_metadata,
			     struct _test_data_relay *self)
{
	EXPECT_TRUE(say(&self->relay, self->client, self->server, "still"));
	EXPECT_TRUE(say(&self->relay, self->server, self->client, "here"));
	EXPECT_EQ(1, conns_count(HOST_A));
	EXPECT_EQ(1, conns_count(HOST_B));
}

TEST_F(relay, frames_of_strangers)
{
	ASSERT_TRUE(establish(self));
	expect_no_harm(_metadata, aim_at(self, HOST_A));
	expect_no_harm(_metadata, aim_at(self, HOST_B));
	expect_untouched(_metadata, self);
}

/* Who is asked for by the SYN that waits at the relay. */
static bool learn_client(struct relay *relay)
{
	const struct fp_hdr_conn *conn = (void *)(in + sizeof(struct fp_hdr));
	const struct fp_hdr_syn *syn = (const void *)(conn + 1);
	socklen_t len = sizeof(relay->client.sfp_room);

	if (!fp_wait(relay->front, POLLIN) ||
	    recvfrom(relay->front, in, sizeof(in), MSG_PEEK,
		     (struct sockaddr *)&relay->client.sfp_sin, &len) < 0)
		return false;
	relay->client_id = (__u64)le32toh(syn->tag) << 32 |
			   le32toh(conn->slot);
	return relay_kind_of(in) == SYN;
}

static bool is_decided(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pfd, 1, 0);
}

TEST_F(relay, frames_of_strangers_to_a_handshake)
{
	struct relay *relay = &self->relay;
	struct aim aim;

	ASSERT_TRUE(begin(self));
	ASSERT_TRUE(learn_client(relay));
	aim = aim_at(self, HOST_A);
	/* A client that knows no server is refused by its own tag. */
	aim.peer_id = relay->client_id;
	expect_no_harm(_metadata, aim);
	EXPECT_FALSE(is_decided(self->client));

	/* It has a cookie; its echo waits at the relay. */
	ASSERT_TRUE(relay_pump_until(relay, self->client, POLLOUT));
	expect_no_harm(_metadata, aim);
	ASSERT_TRUE(complete(self));
	expect_untouched(_metadata, self);
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ACCEPTED));
}

TEST_F(relay, echo_of_a_false_cookie)
{
	const unsigned int echo = FP_F_SYN | FP_F_COOKIE | FP_F_ACK;
	struct relay *relay = &self->relay;
	size_t len;

	ASSERT_TRUE(establish(self));
	stats_read(HOST_B, &self->base);
	len = frame_build_conn(frame, 0, echo | FP_F_BEGIN | FP_F_END, 0,
			       relay->client_id, 0, "false", 5);
	ASSERT_EQ((ssize_t)len, udp_sendto(relay->back, frame, len,
					   &relay->server));
	ASSERT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_DROP_COOKIE, 1));
	EXPECT_EQ(1, stats_drops_since(HOST_B, &self->base));
	EXPECT_EQ(0, count(self, FASTPROTO_A_STATS_ACCEPTED));
	EXPECT_EQ(0, count(self, FASTPROTO_A_STATS_IN_FRAMES));
	expect_untouched(_metadata, self);
}

TEST_F(relay, frames_that_acknowledge_the_unsent)
{
	const int attr = FASTPROTO_A_STATS_DROP_ACK;
	struct aim aim;

	ASSERT_TRUE(establish(self));
	aim = aim_at(self, HOST_A);
	expect_drops(_metadata, &aim, aim.fd, FP_F_ACK, 1000, attr);
	aim = aim_at(self, HOST_B);
	expect_drops(_metadata, &aim, aim.fd, FP_F_ACK, 1000, attr);
	expect_untouched(_metadata, self);
}

/* What came is not what was sent: as good as lost, until it comes again. */
TEST_F(relay, payload_checksum)
{
	static const char payload[] = "123456789\x83\x92\x06\xe3";
	struct relay *relay = &self->relay;
	time_t end = time(NULL) + PATIENCE;
	size_t len;

	ASSERT_TRUE(establish(self));
	len = frame_build_conn(frame, 2, FP_F_ACK | FP_F_BEGIN | FP_F_END |
			       FP_F_CSUM, relay->server_id, relay->client_id,
			       1, payload, 13);
	frame[len - 1] ^= 1;
	udp_sendto(relay->back, frame, len, &relay->server);
	while (!count(self, FASTPROTO_A_STATS_DROP_PAYLOAD) &&
	       time(NULL) <= end)
		relay_pump(relay);
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_PAYLOAD));
	EXPECT_FAILS(EAGAIN, recv(self->server, in, sizeof(in), MSG_DONTWAIT));
	frame[len - 1] ^= 1;
	udp_sendto(relay->back, frame, len, &relay->server);
	ASSERT_TRUE(relay_pump_until(relay, self->server, POLLIN));
	EXPECT_EQ(9, recv(self->server, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, payload, 9));
}

/*
 * The server gives up a connection of which the client has not heard yet, nor
 * does it hear of the end. What it says again makes no second connection.
 */
TEST_F(relay, reset_of_the_unknown_is_lost)
{
	struct relay *relay = &self->relay;
	time_t end = time(NULL) + PATIENCE;

	ASSERT_TRUE(begin(self));
	ASSERT_TRUE(relay_pump_until(relay, self->client, POLLOUT));
	relay->deaf = true;
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	ASSERT_TRUE(relay_pump_until(relay, self->listener, POLLIN));
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_TRUE(relay_pump_until(relay, self->server, POLLIN));
	close(self->server);
	self->server = -1;
	while (!relay->struck && time(NULL) <= end)
		relay_pump(relay);
	ASSERT_EQ(1, relay->struck);
	relay->deaf = false;

	ASSERT_TRUE(relay_pump_until(relay, self->client, POLLERR));
	EXPECT_FAILS(ECONNRESET, recv(self->client, in, sizeof(in), 0));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ACCEPTED));
	EXPECT_FAILS(EAGAIN, accept(self->listener, NULL, NULL));
}

/* So that the above shows something: the right one does end it. */
TEST_F(relay, reset_with_the_right_tag)
{
	struct aim aim;

	ASSERT_TRUE(establish(self));
	aim = aim_at(self, HOST_B);
	ASSERT_EQ(1, forge(&aim, aim.fd, FP_F_RST, 0));
	EXPECT_TRUE(fp_wait(self->server, POLLERR));
	EXPECT_FAILS(ECONNRESET, recv(self->server, in, sizeof(in), 0));
}

TEST_F(relay, message_larger_than_announced)
{
	static const unsigned char payload[1025];
	struct relay *relay = &self->relay;
	size_t len;

	close(self->listener);
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, 1024));
	self->listener = fp_listen(HOST_B, variant->family, 5, &relay->server);
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, 1 << 20));
	ASSERT_LE(0, self->listener);
	ASSERT_TRUE(establish(self));
	EXPECT_EQ(1024, fp_getint(self->client, SOL_FASTPROTO, FP_MSG_MAX));
	/* The largest one, and another which is one byte larger. */
	len = frame_build_conn(frame, 2, FP_F_ACK | FP_F_BEGIN | FP_F_END,
			       relay->server_id, relay->client_id, 1, payload,
			       1024);
	udp_sendto(relay->back, frame, len, &relay->server);
	ASSERT_TRUE(relay_pump_until(relay, self->server, POLLIN));
	EXPECT_EQ(1024, recv(self->server, in, sizeof(in), 0));
	len = frame_build_conn(frame, 3, FP_F_ACK | FP_F_BEGIN | FP_F_END,
			       relay->server_id, relay->client_id, 1, payload,
			       1025);
	udp_sendto(relay->back, frame, len, &relay->server);
	EXPECT_TRUE(fp_wait(self->server, POLLERR));
	EXPECT_FAILS(EPROTO, recv(self->server, in, sizeof(in), 0));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_PROTOCOL));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_OUT_RESETS_ABORTED));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ENDED_ABORTED));
}

/* A send call queues a whole message: whoever takes any is not sent any. */
TEST_F(relay, too_much_announced)
{
	self->relay.msg_max = 0xffffffff;
	ASSERT_TRUE(establish(self));
	EXPECT_EQ(1 << 24, fp_getint(self->client, SOL_FASTPROTO, FP_MSG_MAX));
}

/*
 * Each fragment takes memory beside its payload, and while nothing is ready to be
 * read one more is always kept: so there may not be any number of them.
 */
TEST_F(relay, message_in_crumbs)
{
	struct relay *relay = &self->relay;
	time_t end = time(NULL) + PATIENCE;
	unsigned int flags, i;
	size_t len;

	close(self->listener);
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, 1024));
	self->listener = fp_listen(HOST_B, variant->family, 5, &relay->server);
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_MSG_MAX, 1 << 20));
	ASSERT_LE(0, self->listener);
	ASSERT_TRUE(establish(self));
	/* Of 513 each; a message may cost 2 * (1024 + 512). */
	for (i = 0; i < 6; i++) {
		flags = i ? FP_F_ACK : FP_F_ACK | FP_F_BEGIN;
		len = frame_build_conn(frame, 2 + i, flags, relay->server_id,
				       relay->client_id, 1, "x", 1);
		udp_sendto(relay->back, frame, len, &relay->server);
	}
	while (!count(self, FASTPROTO_A_STATS_DROP_PROTOCOL) &&
	       time(NULL) <= end)
		relay_pump(relay);
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_PROTOCOL));
	EXPECT_FAILS(EPROTO, recv(self->server, in, sizeof(in), 0));
}

/* Such a frame is not kept, and it may come again. */
TEST_F(relay, frame_too_far_ahead)
{
	const int rx_ahead = FASTPROTO_A_DEV_RX_AHEAD;
	struct relay *relay = &self->relay;
	size_t len;

	ASSERT_TRUE(establish(self));
	stats_read(HOST_B, &self->base);
	ASSERT_EQ(0, dev_set_u32(HOST_B, rx_ahead, 16));
	len = frame_build_conn(frame, 2 + 16, FP_F_ACK | FP_F_BEGIN | FP_F_END,
			       relay->server_id, relay->client_id, 1, "far", 3);
	udp_sendto(relay->back, frame, len, &relay->server);
	EXPECT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_DROP_AHEAD, 1));
	EXPECT_EQ(0, dev_set_u32(HOST_B, rx_ahead, 65536));
	EXPECT_EQ(1, (int)stats_drops_since(HOST_B, &self->base));
	expect_untouched(_metadata, self);
}

/* Each has a reason of its own. */
TEST_F(relay, frames_that_are_not_expected)
{
	const __u32 other_slot = 0xabcdef;
	struct relay *relay = &self->relay;
	size_t len;

	/* A SYN of a later version. */
	len = frame_build_syn_version(frame, 1, 2, FP_VERSION + 1);
	udp_sendto(relay->back, frame, len, &relay->server);
	EXPECT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_DROP_NO_VERSION, 1));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_OUT_RESETS_VERSION));
	/* A slot that nobody has. */
	len = frame_build_conn(frame, 0, FP_F_ACK, 1ULL << 32 | other_slot, 1,
			       0, NULL, 0);
	udp_sendto(relay->back, frame, len, &relay->server);
	EXPECT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_DROP_ID, 1));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_OUT_RESETS_NO_CONNECTION));
	EXPECT_EQ(2, count(self, FASTPROTO_A_STATS_OUT_RESETS));
	EXPECT_EQ(2, (int)stats_drops_since(HOST_B, &self->base));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
