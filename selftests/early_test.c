// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that begin with data at once, by a cookie that the server gave
 * ahead, and that end without a last word: what bad networks and strangers make
 * of it. Whatever happens, a message comes once.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <sched.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/relay.h"

static unsigned char in[65536];

FIXTURE(early) {
	struct relay relay;
	struct sockaddr_fp addr;	/* of the relay, for clients */
	struct stats base;		/* of host B */
	struct stats client_base;	/* of host A */
	int stray;			/* speaks for nobody */
	int listener;
	int client;
	__u64 server_conn;		/* of the listener, the latest */
};

FIXTURE_VARIANT(early) {
	int family;
};

FIXTURE_VARIANT_ADD(early, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(early, ipv6) { .family = AF_INET6 };

#define count(name) \
	stats_since(HOST_B, &self->base, FASTPROTO_A_STATS_##name)
#define client_count(name) \
	stats_since(HOST_A, &self->client_base, FASTPROTO_A_STATS_##name)

/* The relay works until this is so. */
#define pump_until(condition)						\
	({								\
		time_t end = time(NULL) + PATIENCE;			\
									\
		while (!(condition) && time(NULL) <= end)		\
			relay_pump(&self->relay);			\
		condition;						\
	})

/* The next message, or event; the relay works until there is one. */
static struct got receive(struct _test_data_early *self, int fd)
{
	time_t end = time(NULL) + PATIENCE;
	struct got got;

	do {
		relay_pump(&self->relay);
		got = rdm_receive(fd, in, sizeof(in), MSG_DONTWAIT);
	} while (got.len < 0 && errno == EAGAIN && time(NULL) <= end);
	return got;
}

static bool nothing(int fd)
{
	return rdm_receive(fd, in, sizeof(in), MSG_DONTWAIT).len == -1 &&
	       errno == EAGAIN;
}

static bool comes(struct _test_data_early *self, int fd, const char *word,
		  __u64 *conn)
{
	const ssize_t len = strlen(word);
	struct got got = receive(self, fd);

	*conn = got.name.sfp_conn;
	return got.len == len && !memcmp(in, word, len);
}

static bool ask(struct _test_data_early *self, const char *word)
{
	const ssize_t len = strlen(word);

	return fp_sendto(self->client, word, len, &self->addr) == len;
}

static bool answer(struct _test_data_early *self, const char *word)
{
	const ssize_t len = strlen(word);

	return rdm_send(self->listener, self->server_conn, word, len, 0) == len;
}

/* A message each way, on a new connection, whose ID is returned; 0: failed. */
static __u64 visit(struct _test_data_early *self)
{
	__u64 conn = 0;

	return ask(self, "question") &&
	       comes(self, self->listener, "question", &self->server_conn) &&
	       answer(self, "answer") &&
	       comes(self, self->client, "answer", &conn) ? conn : 0;
}

/* And the end of it. */
static bool leave(struct _test_data_early *self, __u64 conn)
{
	return conn && !rdm_close(self->client, conn) &&
	       pump_until(!conns_count(HOST_A) && !conns_count(HOST_B));
}

static bool trip(struct _test_data_early *self)
{
	return leave(self, visit(self));
}

/* Another one at the same address. */
static bool listen_anew(struct _test_data_early *self, int msg_max)
{
	close(self->listener);
	self->listener = rdm_open(HOST_B);
	return self->listener >= 0 &&
	       (!msg_max || !fp_setint(self->listener, SOL_FASTPROTO,
				       FP_MSG_MAX, msg_max)) &&
	       !fp_bind(self->listener, &self->relay.server) &&
	       !listen(self->listener, 1);
}

static void begin_counting(struct _test_data_early *self)
{
	stats_read(HOST_B, &self->base);
	stats_read(HOST_A, &self->client_base);
	memset(self->relay.seen, 0, sizeof(self->relay.seen));
	self->relay.echo_len = 0;
}

static bool set_up(struct _test_data_early *self, int family)
{
	struct relay *relay = &self->relay;

	/* What is sent first comes first. */
	net_pin();
	memset(relay, 0, sizeof(*relay));
	self->listener = rdm_listen(HOST_B, family, &relay->server);
	self->client = rdm_open(HOST_A);
	relay->front = udp_open(HOST_B, family, 0, &self->addr);
	relay->back = udp_open(HOST_B, family, 0, NULL);
	self->stray = udp_open(HOST_B, family, 0, NULL);
	return self->listener >= 0 && self->client >= 0 && relay->front >= 0 &&
	       relay->back >= 0 && self->stray >= 0;
}

/* All but one test begin when the client has been there once. */
FIXTURE_SETUP(early)
{
	ASSERT_TRUE(set_up(self, variant->family));
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(1, self->relay.seen[SYN]);
	begin_counting(self);
}

FIXTURE_TEARDOWN(early)
{
	EXPECT_EQ(0, dev_set_u32(HOST_A, FASTPROTO_A_DEV_FAST_OPEN, 3));
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_FAST_OPEN, 3));
	fp_abort(self->client);
	fp_abort(self->listener);
	close(self->relay.front);
	close(self->relay.back);
	close(self->stray);
}

/* One connection, which has begun without a SYN. */
static void expect_early(struct __test_metadata *_metadata,
			 struct _test_data_early *self)
{
	EXPECT_EQ(0, self->relay.seen[SYN]);
	EXPECT_EQ(1, client_count(CONNECTS));
	EXPECT_EQ(1, client_count(CONNECTED));
	EXPECT_EQ(1, client_count(EARLY_CONNECTS));
	EXPECT_EQ(1, count(ACCEPTED));
	EXPECT_TRUE(nothing(self->listener));
	EXPECT_TRUE(nothing(self->client));
}

/* And the server has taken its cookie. */
static void expect_accepted(struct __test_metadata *_metadata,
			    struct _test_data_early *self)
{
	expect_early(_metadata, self);
	EXPECT_EQ(0, self->relay.seen[COOKIE]);
	EXPECT_EQ(1, count(EARLY_ACCEPTED));
	EXPECT_EQ(0, client_count(EARLY_REFUSED));
	EXPECT_EQ(1, client_count(ENDED_CLOSED) +
		     client_count(IN_RESETS_NO_CONNECTION));
	EXPECT_EQ(1, count(ENDED_CLOSED) + count(IN_RESETS_NO_CONNECTION));
}

/* Or it wanted another one, and the message came with that. */
static void expect_refused(struct __test_metadata *_metadata,
			   struct _test_data_early *self)
{
	expect_early(_metadata, self);
	EXPECT_LE(1, self->relay.seen[COOKIE]);
	EXPECT_EQ(0, count(EARLY_ACCEPTED));
	EXPECT_EQ(1, client_count(EARLY_REFUSED));
	EXPECT_LE(1, count(DROP_COOKIE));
}

TEST_F(early, data_at_once)
{
	ASSERT_TRUE(trip(self));
	expect_accepted(_metadata, self);
	/* Each first answer gives one more. */
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(2, count(EARLY_ACCEPTED));
	EXPECT_EQ(0, self->relay.seen[SYN]);
}

static void expect_trip(struct __test_metadata *_metadata,
			struct _test_data_early *self)
{
	ASSERT_TRUE(trip(self));
	EXPECT_LT(0, self->relay.struck);
	expect_accepted(_metadata, self);
}

TEST_F(early, echo_is_lost)
{
	self->relay.lose = ECHO_;
	expect_trip(_metadata, self);
}

TEST_F(early, echo_comes_twice)
{
	self->relay.twice = ECHO_;
	expect_trip(_metadata, self);
}

TEST_F(early, answer_is_lost)
{
	self->relay.lose = ANSWER;
	expect_trip(_metadata, self);
}

TEST_F(early, answer_comes_twice)
{
	self->relay.twice = ANSWER;
	expect_trip(_metadata, self);
}

TEST_F(early, fin_is_lost)
{
	self->relay.lose = FIN;
	expect_trip(_metadata, self);
}

TEST_F(early, fin_comes_twice)
{
	self->relay.twice = FIN;
	expect_trip(_metadata, self);
}

/* Nobody sends it again: a reset says that all is done. */
TEST_F(early, last_word_is_lost)
{
	self->relay.lose = LAST;
	expect_trip(_metadata, self);
	EXPECT_EQ(1, count(ENDED_CLOSED));
	EXPECT_EQ(1, client_count(IN_RESETS_NO_CONNECTION));
}

TEST_F(early, last_word_comes_twice)
{
	self->relay.twice = LAST;
	expect_trip(_metadata, self);
}

/* The second message overtakes the first, and makes the connection. */
TEST_F(early, echoes_change_places)
{
	__u64 conn, first;

	self->relay.late = ECHO_;
	ASSERT_TRUE(ask(self, "one"));
	ASSERT_TRUE(ask(self, "two"));
	ASSERT_TRUE(comes(self, self->listener, "one", &first));
	ASSERT_TRUE(comes(self, self->listener, "two", &self->server_conn));
	EXPECT_EQ(first, self->server_conn);
	EXPECT_LT(0, self->relay.struck);
	ASSERT_TRUE(answer(self, "answer"));
	ASSERT_TRUE(comes(self, self->client, "answer", &conn));
	ASSERT_TRUE(leave(self, conn));
	expect_accepted(_metadata, self);
}

TEST_F(early, answers_change_places)
{
	__u64 conn;

	ASSERT_TRUE(ask(self, "question"));
	ASSERT_TRUE(comes(self, self->listener, "question",
			  &self->server_conn));
	self->relay.late = ANSWER;
	ASSERT_TRUE(answer(self, "one"));
	ASSERT_TRUE(answer(self, "two"));
	ASSERT_TRUE(comes(self, self->client, "one", &conn));
	ASSERT_TRUE(comes(self, self->client, "two", &conn));
	EXPECT_LT(0, self->relay.struck);
	ASSERT_TRUE(leave(self, conn));
	expect_accepted(_metadata, self);
}

/* Nobody has anything to say: a connection there is all the same. */
TEST_F(early, no_data)
{
	__u64 conn, id;

	ASSERT_EQ(0, fp_setint(self->listener, SOL_FASTPROTO, FP_EVENTS, 1));
	ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn));
	EXPECT_EQ(FP_EVENT_OPENED,
		  (int)receive(self, self->listener).event.type);
	EXPECT_TRUE(pump_until(client_count(CONNECTED)));
	EXPECT_EQ(1, conn_get_ids(HOST_A, &id, 1));
	ASSERT_TRUE(leave(self, conn));
	EXPECT_EQ(FP_EVENT_CLOSED,
		  (int)receive(self, self->listener).event.type);
	expect_accepted(_metadata, self);
}

/* That it is open is told when the server has answered. */
TEST_F(early, events)
{
	struct got got;
	__u64 conn;

	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_EVENTS, 1));
	ASSERT_TRUE(ask(self, "question"));
	EXPECT_TRUE(nothing(self->client));
	ASSERT_TRUE(comes(self, self->listener, "question",
			  &self->server_conn));
	ASSERT_TRUE(answer(self, "answer"));
	got = receive(self, self->client);
	EXPECT_EQ(FP_EVENT_OPENED, (int)got.event.type);
	ASSERT_TRUE(comes(self, self->client, "answer", &conn));
	EXPECT_EQ(conn, got.event.conn);
	ASSERT_TRUE(leave(self, conn));
}

/* Both say at the same time that they are through: none is an answer. */
TEST_F(early, both_close)
{
	__u64 conn = visit(self);

	ASSERT_NE(0, conn);
	ASSERT_EQ(0, rdm_close(self->client, conn));
	ASSERT_EQ(0, rdm_close(self->listener, self->server_conn));
	EXPECT_TRUE(pump_until(!conns_count(HOST_A) && !conns_count(HOST_B)));
	expect_accepted(_metadata, self);
}

/* The server closes first. */
TEST_F(early, server_closes)
{
	__u64 conn = visit(self);

	ASSERT_NE(0, conn);
	ASSERT_EQ(0, rdm_close(self->listener, self->server_conn));
	EXPECT_TRUE(pump_until(!conns_count(HOST_A) && !conns_count(HOST_B)));
	expect_accepted(_metadata, self);
}

/* What was not acknowledged before goes the long way. */
TEST_F(early, close_behind_data)
{
	__u64 conn = visit(self);

	ASSERT_NE(0, conn);
	ASSERT_EQ(4, rdm_send(self->client, conn, "last", 4, 0));
	self->relay.lose = LAST;
	ASSERT_EQ(0, rdm_close(self->client, conn));
	ASSERT_TRUE(comes(self, self->listener, "last", &conn));
	EXPECT_TRUE(pump_until(!conns_count(HOST_A) && !conns_count(HOST_B)));
	EXPECT_LT(0, self->relay.struck);
	expect_early(_metadata, self);
	EXPECT_EQ(0, client_count(IN_RESETS));
}

/*
 * Whoever knows no options gets no cookie ahead, and has the last word.
 */
TEST_F(early, options_that_nobody_knows)
{
	self->relay.ancient = true;
	/* There is one yet, which counts for nothing now. */
	ASSERT_TRUE(trip(self));
	expect_refused(_metadata, self);
	begin_counting(self);
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(1, self->relay.seen[SYN]);
	EXPECT_EQ(0, client_count(EARLY_CONNECTS));
	EXPECT_EQ(1, client_count(ENDED_CLOSED));
	EXPECT_EQ(1, count(ENDED_CLOSED));
}

TEST_F(early, switched_off_at_the_client)
{
	ASSERT_EQ(0, dev_set_u32(HOST_A, FASTPROTO_A_DEV_FAST_OPEN, 2));
	ASSERT_TRUE(trip(self));
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(2, self->relay.seen[SYN]);
	EXPECT_EQ(0, client_count(EARLY_CONNECTS));
	/* It has not asked for one meanwhile; that of before is good yet. */
	ASSERT_EQ(0, dev_set_u32(HOST_A, FASTPROTO_A_DEV_FAST_OPEN, 3));
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(1, count(EARLY_ACCEPTED));
}

TEST_F(early, switched_off_at_the_server)
{
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_FAST_OPEN, 1));
	ASSERT_TRUE(trip(self));
	expect_refused(_metadata, self);
	EXPECT_EQ(1, count(EARLY_STALE));
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(1, self->relay.seen[SYN]);
	EXPECT_EQ(1, client_count(EARLY_CONNECTS));
}

/* Another program listens there: its secret is not that of before. */
TEST_F(early, another_listener)
{
	ASSERT_TRUE(listen_anew(self, 0));
	ASSERT_TRUE(trip(self));
	expect_refused(_metadata, self);
	EXPECT_EQ(1, count(EARLY_STALE));
	EXPECT_EQ(0, client_count(RTO_TIMEOUTS));
}

TEST_F(early, another_listener_whose_cookie_is_lost)
{
	ASSERT_TRUE(listen_anew(self, 0));
	self->relay.lose = COOKIE;
	ASSERT_TRUE(trip(self));
	EXPECT_LT(0, self->relay.struck);
	expect_refused(_metadata, self);
}

TEST_F(early, another_listener_whose_cookie_comes_twice)
{
	ASSERT_TRUE(listen_anew(self, 0));
	self->relay.twice = COOKIE;
	ASSERT_TRUE(trip(self));
	EXPECT_LT(0, self->relay.struck);
	expect_refused(_metadata, self);
}

/* It takes less: that is told, and nothing is cut off. */
TEST_F(early, another_listener_that_takes_less)
{
	static const unsigned char large[4000];
	struct got got;

	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_EVENTS, 1));
	ASSERT_TRUE(listen_anew(self, 1000));
	ASSERT_EQ(4000, fp_sendto(self->client, large, sizeof(large),
				  &self->addr));
	got = receive(self, self->client);
	EXPECT_EQ(FP_EVENT_CLOSED, (int)got.event.type);
	EXPECT_EQ(EMSGSIZE, got.event.error);
	EXPECT_EQ(0, count(ACCEPTED));
	EXPECT_TRUE(nothing(self->listener));
}

/* The port is somebody's who takes no connections. */
TEST_F(early, nobody_listens)
{
	struct got got;

	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_EVENTS, 1));
	close(self->listener);
	self->listener = rdm_open(HOST_B);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, fp_bind(self->listener, &self->relay.server));
	ASSERT_TRUE(ask(self, "question"));
	got = receive(self, self->client);
	EXPECT_EQ(FP_EVENT_CLOSED, (int)got.event.type);
	EXPECT_EQ(ECONNREFUSED, got.event.error);
}

/* No answer at all: it is given up no later than a SYN would be. */
TEST_F(early, nobody_answers)
{
	struct got got;
	__u32 timeout;

	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SYN_TIMEOUT,
				 &timeout));
	ASSERT_EQ(0, dev_set_u32(HOST_A, FASTPROTO_A_DEV_SYN_TIMEOUT, 10000));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_EVENTS, 1));
	ASSERT_TRUE(ask(self, "question"));
	got = rdm_receive(self->client, in, sizeof(in), 0);
	EXPECT_EQ(0, dev_set_u32(HOST_A, FASTPROTO_A_DEV_SYN_TIMEOUT, timeout));
	EXPECT_EQ(FP_EVENT_CLOSED, (int)got.event.type);
	EXPECT_EQ(ETIMEDOUT, got.event.error);
	EXPECT_EQ(1, client_count(EARLY_CONNECTS));
}

/* A NAT has given the client another port: the cookie is not for that. */
TEST_F(early, client_has_moved)
{
	close(self->relay.back);
	self->relay.back = udp_open(HOST_B, variant->family, 0, NULL);
	ASSERT_LE(0, self->relay.back);
	ASSERT_TRUE(trip(self));
	expect_refused(_metadata, self);
	EXPECT_EQ(1, count(EARLY_STALE));
	/* The next one is. */
	ASSERT_TRUE(trip(self));
	EXPECT_EQ(1, count(EARLY_ACCEPTED));
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Its time is over when it comes. */
TEST_F(early, cookie_is_too_old)
{
	const long long begin = now_ms();
	__u32 lifetime;

	ASSERT_EQ(0, dev_get_u32(HOST_B, FASTPROTO_A_DEV_COOKIE_LIFETIME,
				 &lifetime));
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_COOKIE_LIFETIME,
				 1000000));
	while (now_ms() - begin <= 1000)
		sched_yield();
	EXPECT_TRUE(trip(self));
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_COOKIE_LIFETIME,
				 lifetime));
	expect_refused(_metadata, self);
	EXPECT_EQ(1, count(EARLY_STALE));
}

/*
 * What strangers do with an echo that they have seen
 */
static void send_echo(struct _test_data_early *self, int fd)
{
	udp_sendto(fd, self->relay.echo, self->relay.echo_len,
		   &self->relay.server);
}

static void expect_replayed(struct __test_metadata *_metadata,
			    struct _test_data_early *self)
{
	const unsigned int times = 3;
	unsigned int i;

	for (i = 0; i < times; i++) {
		send_echo(self, self->relay.back);
		ASSERT_TRUE(pump_until(count(EARLY_REPLAYED) > i));
	}
	EXPECT_EQ(times, count(EARLY_REPLAYED));
	EXPECT_EQ(times, count(DROP_COOKIE));
	EXPECT_EQ(1, count(ACCEPTED));
	EXPECT_TRUE(nothing(self->listener));
	EXPECT_EQ(0, conns_count(HOST_B));
}

TEST_F(early, replay_after_the_end)
{
	ASSERT_TRUE(trip(self));
	ASSERT_LT(0, self->relay.echo_len);
	expect_replayed(_metadata, self);
}

TEST_F(early, replay_as_another_client)
{
	ASSERT_TRUE(trip(self));
	ASSERT_LT(0, self->relay.echo_len);
	relay_disguise(self->relay.echo, 0x8);
	expect_replayed(_metadata, self);
}

/* While the connection lives, as another one of the same client. */
TEST_F(early, replay_beside_the_connection)
{
	__u64 conn = visit(self);

	ASSERT_NE(0, conn);
	relay_disguise(self->relay.echo, 0x8);
	send_echo(self, self->relay.back);
	ASSERT_TRUE(pump_until(count(EARLY_REPLAYED)));
	EXPECT_EQ(1, conns_count(HOST_B));
	ASSERT_TRUE(leave(self, conn));
	expect_early(_metadata, self);
	EXPECT_EQ(1, count(EARLY_ACCEPTED));
}

/* From somewhere else, before the client's own has come. */
TEST_F(early, stolen_cookie)
{
	__u64 conn;

	self->relay.lose = ECHO_;
	ASSERT_TRUE(ask(self, "question"));
	ASSERT_TRUE(pump_until(self->relay.echo_len));
	send_echo(self, self->stray);
	ASSERT_TRUE(pump_until(count(EARLY_STALE)));
	EXPECT_EQ(0, count(IN_FRAMES));
	ASSERT_TRUE(comes(self, self->listener, "question",
			  &self->server_conn));
	ASSERT_TRUE(answer(self, "answer"));
	ASSERT_TRUE(comes(self, self->client, "answer", &conn));
	ASSERT_TRUE(leave(self, conn));
	expect_accepted(_metadata, self);
}

/* The bit that says what it is may be changed: it proves nothing else then. */
TEST_F(early, cookie_for_another_purpose)
{
	struct fp_hdr_cookie *cookie;
	unsigned char *echo = self->relay.echo;
	struct fp_hdr_syn *syn;

	ASSERT_TRUE(trip(self));
	cookie = (void *)(echo + FP_HDR_LEN + sizeof(struct fp_hdr_conn) +
			  sizeof(struct fp_hdr_ack) + sizeof(*syn));
	syn = (void *)((unsigned char *)cookie - sizeof(*syn));
	ASSERT_TRUE(le16toh(syn->options) & FP_OPT_EARLY);
	syn->options &= ~htole16(FP_OPT_EARLY);
	relay_disguise(echo, 0x8);
	send_echo(self, self->relay.back);
	ASSERT_TRUE(pump_until(count(DROP_COOKIE)));
	EXPECT_EQ(0, count(EARLY_REPLAYED));
	EXPECT_EQ(1, count(ACCEPTED));
	EXPECT_TRUE(nothing(self->listener));
}

/*
 * Two clients show the same cookie, and two CPUs take it in, neither of which has
 * heard of it: it makes one connection.
 */
TEST_F(early, one_cookie_at_two_cpus)
{
	const struct linger at_once = { .l_onoff = 1 };
	const int rounds = fewer(40);
	struct relay *relay = &self->relay;
	__u64 stranger, conn;
	int i;

	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_LINGER, &at_once,
				sizeof(at_once)));
	for (i = 0; i < rounds; i++) {
		relay->echo_len = 0;
		relay->lose = ECHO_;
		relay->struck = 0;
		ASSERT_TRUE(ask(self, "question"));
		ASSERT_TRUE(pump_until(relay->echo_len));
		ASSERT_TRUE(relay_volley(relay, true));
		ASSERT_TRUE(comes(self, self->listener, "question", &stranger));
		EXPECT_EQ(2 * i + 1, (int)count(ACCEPTED));
		EXPECT_TRUE(nothing(self->listener));
		ASSERT_EQ(0, rdm_close(self->listener, stranger));
		/* The client was robbed of it, and is given another one. */
		ASSERT_TRUE(comes(self, self->listener, "question",
				  &self->server_conn));
		ASSERT_TRUE(answer(self, "answer"));
		ASSERT_TRUE(comes(self, self->client, "answer", &conn));
		ASSERT_TRUE(leave(self, conn));
		EXPECT_EQ(2 * i + 2, (int)count(ACCEPTED));
	}
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
