// SPDX-License-Identifier: GPL-2.0
/*
 * What a stranger, or a peer who means harm, can do: one attack, one test, and a
 * figure that must hold. Documentation/security.rst says which attack is shown
 * where. The attacker is host A, who plays a client by hand (lib/liar.c); host B
 * is attacked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/grammar.h"

static unsigned char in[1 << 16], out[1 << 16];
static struct words words;

FIXTURE(attack) {
	struct stats base;		/* of host B */
	struct sockaddr_fp addr;	/* of the listener */
	struct sockaddr_fp rdm_addr;
	struct sockaddr_fp dgram_addr;
	struct liar liar;
	int family;
	int listener;
	int rdm;
	int dgram;
};

FIXTURE_VARIANT(attack) {
	int family;
};

FIXTURE_VARIANT_ADD(attack, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(attack, ipv6) { .family = AF_INET6 };

/* Each time another client. */
static void aim(struct liar *liar, const struct sockaddr_fp *to)
{
	static __u64 number;

	liar->to = *to;
	liar_begin(liar, ++number);
}

FIXTURE_SETUP(attack)
{
	time_t end = time(NULL) + PATIENCE;

	self->family = variant->family;
	/* What is sent first comes first. */
	net_pin();
	/* What the test before has left nobody answers. */
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_ORPHAN_TIMEOUT,
				 1000000));
	while (conns_count(HOST_B) && time(NULL) <= end)
		usleep(10000);
	ASSERT_EQ(0, conns_count(HOST_B));
	self->listener = fp_listen(HOST_B, variant->family, 5, &self->addr);
	self->rdm = rdm_listen(HOST_B, variant->family, &self->rdm_addr);
	self->dgram = fp_open_host(HOST_B, variant->family, &self->dgram_addr);
	self->liar.fd = udp_open(HOST_A, variant->family, 0, NULL);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->rdm);
	ASSERT_LE(0, self->dgram);
	ASSERT_LE(0, self->liar.fd);
	aim(&self->liar, &self->addr);
	stats_read(HOST_B, &self->base);
}

FIXTURE_TEARDOWN(attack)
{
	close(self->listener);
	close(self->rdm);
	close(self->dgram);
	close(self->liar.fd);
}

static __u64 count(const struct _test_data_attack *self, int attr)
{
	return stats_since(HOST_B, &self->base, attr);
}

/* Waits until host B has worked through all that was sent to it. */
static bool wait_taken(const struct _test_data_attack *self,
		       unsigned int datagrams)
{
	return stats_wait(HOST_B, &self->base, FASTPROTO_A_STATS_IN_DATAGRAMS,
			  datagrams);
}

/* A data frame with this number, of some bytes; nothing is remembered. */
static bool say(struct liar *liar, __u64 seq, unsigned int flags,
		const char *text)
{
	liar_words(liar, WORDS_FRAME, &words);
	words.flags |= flags;
	words.seq = seq;
	words.payload = text;
	words.len = strlen(text);
	return liar_say(liar, &words);
}

#define WHOLE	(FP_F_BEGIN | FP_F_END)

/* Once that was a crash: a FIN too early, another one, and what is before. */
TEST_F(attack, two_fins_too_early)
{
	const struct sockaddr_fp *to[] = { &self->addr, &self->rdm_addr };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(to); i++) {
		aim(&self->liar, to[i]);
		ASSERT_TRUE(liar_connect(&self->liar));
		ASSERT_TRUE(say(&self->liar, 1, FP_F_FIN, ""));
		ASSERT_TRUE(say(&self->liar, 2, FP_F_FIN, ""));
		ASSERT_TRUE(say(&self->liar, 0, WHOLE, "first"));
		EXPECT_TRUE(stats_wait(HOST_B, &self->base,
				       FASTPROTO_A_STATS_DROP_PROTOCOL, i + 1));
		EXPECT_EQ(i + 1, count(self,
				       FASTPROTO_A_STATS_OUT_RESETS_ABORTED));
	}
}

/* What came before the end can be read, what came behind the FIN cannot. */
TEST_F(attack, message_behind_a_fin)
{
	int fd;

	ASSERT_TRUE(liar_connect(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(say(&self->liar, 2, WHOLE, "behind"));
	ASSERT_TRUE(say(&self->liar, 1, FP_F_FIN, ""));
	ASSERT_TRUE(say(&self->liar, 0, WHOLE, "before"));
	EXPECT_TRUE(fp_wait(fd, POLLERR));
	EXPECT_EQ(6, recv(fd, in, sizeof(in), 0));
	EXPECT_FAILS(EPROTO, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_PROTOCOL));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_OUT_RESETS_ABORTED));
	close(fd);
}

/* Half a message is none. */
TEST_F(attack, fin_in_a_message)
{
	int fd;

	ASSERT_TRUE(liar_connect(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(say(&self->liar, 0, FP_F_BEGIN, "half"));
	ASSERT_TRUE(say(&self->liar, 1, FP_F_FIN, ""));
	EXPECT_TRUE(fp_wait(fd, POLLERR));
	EXPECT_FAILS(EPROTO, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_PROTOCOL));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_OUT_RESETS_ABORTED));
	close(fd);
}

/* A pack with these bytes. */
static bool say_pack(struct liar *liar, __u64 seq, const char *bytes,
		     size_t len)
{
	liar_words(liar, WORDS_FRAME, &words);
	words.flags |= WHOLE | FP_F_PACK;
	words.seq = seq;
	words.payload = bytes;
	words.len = len;
	return liar_say(liar, &words);
}

#define SAY_PACK(liar, seq, bytes) \
	say_pack(liar, seq, bytes, sizeof(bytes) - 1)

/*
 * Packs that lie about lengths, that come before their time, or that overlap:
 * each message once, in order, and none that is made up.
 */
TEST_F(attack, packs)
{
	static const char * const expected[] = {
		"zero", "one", "", "three", "four", "five", "six",
	};
	struct fp_recvinfo info;
	unsigned int i;
	int fd;

	ASSERT_TRUE(liar_connect(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_setint(fd, SOL_FASTPROTO, FP_RECVINFO, 1));
	/* 5 and 6 too early; then 3 and 4, of which the second says too much. */
	ASSERT_TRUE(SAY_PACK(&self->liar, 5, "\4\0five\3\0six"));
	ASSERT_TRUE(SAY_PACK(&self->liar, 3, "\5\0three\5\0four"));
	/* Half a length, and the greatest one. */
	ASSERT_TRUE(SAY_PACK(&self->liar, 0, "\4\0zero\1"));
	ASSERT_TRUE(SAY_PACK(&self->liar, 1, "\377\377one"));
	/* All of the beginning, some of it once more. */
	ASSERT_TRUE(SAY_PACK(&self->liar, 0,
			     "\4\0zero\3\0one\0\0\5\0three"));
	ASSERT_TRUE(SAY_PACK(&self->liar, 2, "\0\0\5\0three\4\0four"));
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		ssize_t len = strlen(expected[i]);

		ASSERT_EQ(len, fp_recvinfo(fd, in, sizeof(in), 0, &info));
		EXPECT_EQ(0, memcmp(in, expected[i], len));
		EXPECT_EQ(i, info.seq);
	}
	EXPECT_EQ(3, count(self, FASTPROTO_A_STATS_DROP_PAYLOAD));
	EXPECT_EQ(2, count(self, FASTPROTO_A_STATS_DROP_DUPLICATE));
	EXPECT_FAILS(EAGAIN, recv(fd, in, sizeof(in), MSG_DONTWAIT));
	close(fd);
}

/* Very many messages that take no room in a datagram take some in the buffer. */
TEST_F(attack, packs_of_nothing)
{
	static char nothing[60000];
	int fd, size, got = 0;

	ASSERT_TRUE(liar_connect(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	size = fp_getint(fd, SOL_SOCKET, SO_RCVBUF);
	ASSERT_LT(0, size);
	ASSERT_TRUE(say_pack(&self->liar, 0, nothing, sizeof(nothing)));
	ASSERT_TRUE(wait_taken(self, 3));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_DROP_QUEUE_FULL));
	while (recv(fd, in, sizeof(in), MSG_DONTWAIT) == 0)
		got++;
	EXPECT_LT(0, got);
	EXPECT_GT(size / 128, got);
	close(fd);
}

/* With the headers of UDP and IP. */
static size_t on_the_wire(const struct sockaddr_fp *to, size_t len)
{
	return len + 8 + (to->sfp_transport == AF_INET ? 20 : 40);
}

/* All that has come back, in bytes on the wire. */
static size_t hear_answers(const struct liar *liar)
{
	size_t sum = 0;
	ssize_t len;

	while ((len = recv(liar->fd, in, sizeof(in), MSG_DONTWAIT)) >= 0)
		sum += on_the_wire(&liar->to, len);
	return sum;
}

/* As many of a kind as fit into so many bytes, and with a few bytes more each. */
static size_t write_many(struct liar *liar, enum words_kind kind, size_t room,
			 size_t more)
{
	size_t len = 0;

	do {
		liar_words(liar, kind, &words);
		/* It is for nobody, or would have to be. */
		if (kind == WORDS_COOKIE || kind == WORDS_ANSWER ||
		    kind == WORDS_FRAME || kind == WORDS_RESET)
			words.id = 0x123456789abcdefull + len;
		if (kind == WORDS_SYN)
			words.slot += len;
		words.len += more;
		len += words_write(out + len, &words);
	} while (len + words_size(&words) <= room);
	return len;
}

static double worst_reflection(struct __test_metadata *_metadata,
			       struct _test_data_attack *self,
			       enum words_kind kind)
{
	static const size_t rooms[] = { 0, 200, 400, 1400, 20000 };
	struct liar *liar = &self->liar;
	size_t i, more, len, back;
	double worst = 0;
	struct stats now;

	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		for (more = 0; more < 20; more += 19) {
			stats_read(HOST_B, &now);
			len = write_many(liar, kind, rooms[i], more);
			ASSERT_TRUE(liar_send(liar, out, len));
			ASSERT_TRUE(stats_wait(HOST_B, &now,
					       FASTPROTO_A_STATS_IN_DATAGRAMS,
					       1));
			back = hear_answers(liar);
			len = on_the_wire(&liar->to, len);
			if ((double)back / len > worst)
				worst = (double)back / len;
		}
	}
	return worst;
}

/* Whatever kind of frame a stranger sends, no more comes back than he sent. */
TEST_F(attack, reflection)
{
	const struct {
		const char *name;
		const struct sockaddr_fp *addr;
	} ports[] = {
		{ "listener", &self->addr }, { "SOCK_RDM", &self->rdm_addr },
		{ "SOCK_DGRAM", &self->dgram_addr },
	};
	enum words_kind kind;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		double worst = 0;

		for (kind = 0; kind < WORDS_KINDS; kind++) {
			double ratio;

			aim(&self->liar, ports[i].addr);
			ratio = worst_reflection(_metadata, self, kind);
			if (ratio > worst)
				worst = ratio;
		}
		TH_LOG("%s: %.3f of the bytes at most come back",
		       ports[i].name, worst);
		EXPECT_GE(1, worst);
	}
	EXPECT_LT(0, count(self, FASTPROTO_A_STATS_COOKIES_SENT));
	EXPECT_LT(0, count(self, FASTPROTO_A_STATS_OUT_RESETS));
}

/* Frames for connections that there are not. */
TEST_F(attack, resets_are_limited)
{
	const unsigned int limit = 5, least = 200;
	time_t begin = time(NULL);
	unsigned int frames = 0;
	__u64 sent;

	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RESETS_PER_SECOND,
				 limit));
	/* In the second that has begun there may have been more already. */
	do {
		self->liar.id = 0x5eed00000000ull + frames;
		ASSERT_TRUE(say(&self->liar, 0, FP_F_PROBE, ""));
		EXPECT_TRUE(wait_taken(self, ++frames));
		sent = count(self, FASTPROTO_A_STATS_OUT_RESETS);
	} while ((frames < least || !sent) && time(NULL) <= begin + PATIENCE);
	EXPECT_LT(0, sent);
	EXPECT_LE(least, frames);
	EXPECT_GE((time(NULL) - begin + 2) * limit, sent);
	EXPECT_EQ(frames, sent +
		  count(self, FASTPROTO_A_STATS_OUT_RESETS_LIMITED));
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RESETS_PER_SECOND,
				 1000));
}

/* A peer who asks and asks gets no more answers than it asks datagrams. */
TEST_F(attack, probes)
{
	const unsigned int datagrams = 50;
	unsigned int i, n;
	size_t len = 0;
	__u64 acks;

	ASSERT_TRUE(liar_connect(&self->liar));
	liar_words(&self->liar, WORDS_FRAME, &words);
	words.flags |= FP_F_PROBE;
	for (n = 0; n < 20; n++)
		len += words_write(out + len, &words);
	stats_read(HOST_B, &self->base);
	for (i = 0; i < datagrams; i++)
		ASSERT_TRUE(liar_send(&self->liar, out, len));
	EXPECT_TRUE(wait_taken(self, datagrams));
	acks = count(self, FASTPROTO_A_STATS_OUT_ACKS);
	EXPECT_LT(0, acks);
	EXPECT_GE(datagrams, acks);
}

/* What became of an echo with a cookie that is not good. */
static void expect_no_good(struct __test_metadata *_metadata,
			   struct _test_data_attack *self, const char *what)
{
	struct stats now;

	stats_read(HOST_B, &now);
	ASSERT_TRUE(liar_say(&self->liar, &words));
	EXPECT_TRUE(stats_wait(HOST_B, &now, FASTPROTO_A_STATS_DROP_COOKIE,
			       1)) {
		TH_LOG("%s", what);
	}
	EXPECT_EQ(0, stats_since(HOST_B, &now, FASTPROTO_A_STATS_ACCEPTED)) {
		TH_LOG("%s", what);
	}
	/* Another one is sent to where it came from. */
	EXPECT_EQ(1, stats_since(HOST_B, &now, FASTPROTO_A_STATS_COOKIES_SENT));
}

static void get_cookie(struct __test_metadata *_metadata,
		       struct _test_data_attack *self)
{
	struct pollfd pfd = { .fd = self->liar.fd, .events = POLLIN };

	aim(&self->liar, &self->addr);
	liar_words(&self->liar, WORDS_SYN, &words);
	ASSERT_TRUE(liar_say(&self->liar, &words));
	while (!self->liar.cookie) {
		ASSERT_EQ(1, poll(&pfd, 1, PATIENCE * 1000));
		liar_listen(&self->liar);
	}
	liar_words(&self->liar, WORDS_ECHO, &words);
}

static void forge_cookies(struct __test_metadata *_metadata,
			  struct _test_data_attack *self)
{
	const __u64 mac = words.mac;
	const __u32 time = words.time;
	int bit;

	for (bit = 0; bit < 64; bit += 9) {
		words.mac = mac ^ 1ull << bit;
		expect_no_good(_metadata, self, "another mac");
	}
	words.mac = mac;
	for (bit = 0; bit < 32; bit += 5) {
		words.time = time ^ 1u << bit;
		expect_no_good(_metadata, self, "another time");
	}
	words.time = time;
	words.tag ^= 1;
	expect_no_good(_metadata, self, "another tag");
	words.tag ^= 1;
	words.slot ^= 1;
	expect_no_good(_metadata, self, "another slot");
	words.slot ^= 1;
}

TEST_F(attack, forged_cookies)
{
	struct liar other = self->liar;

	get_cookie(_metadata, self);
	forge_cookies(_metadata, self);
	/* It is good from where it went to only. */
	other = self->liar;
	self->liar.fd = udp_open(HOST_A, variant->family, 0, NULL);
	ASSERT_LE(0, self->liar.fd);
	expect_no_good(_metadata, self, "another port");
	close(self->liar.fd);
	self->liar = other;
	/* After all that it still is. */
	EXPECT_TRUE(liar_echo(&self->liar));
	EXPECT_EQ(1, count(self, FASTPROTO_A_STATS_ACCEPTED));
}

static __u64 clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

TEST_F(attack, old_cookies)
{
	const int lifetime = FASTPROTO_A_DEV_COOKIE_LIFETIME;
	__u32 preset;
	__u64 end;

	ASSERT_EQ(0, dev_get_u32(HOST_B, lifetime, &preset));
	ASSERT_EQ(0, dev_set_u32(HOST_B, lifetime, 1000000));
	get_cookie(_metadata, self);
	end = clock_ms() + 1001;
	while (clock_ms() < end)
		usleep(10000);
	expect_no_good(_metadata, self, "old");
	EXPECT_EQ(0, dev_set_u32(HOST_B, lifetime, preset));
}

/* One that made a connection, when that is no more. */
TEST_F(attack, used_cookies)
{
	int fd;

	get_cookie(_metadata, self);
	/* It knows the ID: what is given up it has heard of. */
	ASSERT_TRUE(liar_echo(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(say(&self->liar, 0, WHOLE, "known"));
	ASSERT_TRUE(fp_wait(fd, POLLIN));
	fp_abort(fd);
	ASSERT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_ENDED_ABORTED, 1));
	liar_words(&self->liar, WORDS_ECHO, &words);
	expect_no_good(_metadata, self, "used");
}

/* Memory that messages of a byte hold which nobody reads. */
static unsigned int held(void)
{
	__u32 memory[4] = { 0 };

	conn_get_u32(HOST_B, FASTPROTO_A_CONN_RX_MEMORY, memory, 4);
	return memory[0];
}

/*
 * A peer sends crumbs, and does not care for credit; a view would hold all of
 * its datagram, so some come with a large neighbour.
 */
TEST_F_TIMEOUT(attack, crumbs, 400)
{
	const unsigned int limit = 256 << 10, datagrams = fewer(2000);
	unsigned int i, n, most = 0;
	__u64 seq = 0;
	size_t len;
	int fd;

	/* Twice that is what the option gives. */
	ASSERT_EQ(0, fp_setint(self->listener, SOL_SOCKET, SO_RCVBUF,
			       limit / 2));
	ASSERT_TRUE(liar_connect(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	stats_read(HOST_B, &self->base);
	for (i = 0; i < datagrams; i++) {
		for (n = 0, len = 0; n < 10; n++) {
			liar_words(&self->liar, WORDS_FRAME, &words);
			words.flags |= WHOLE;
			words.seq = seq++;
			words.len = i % 2 && !n ? 257 : 1;
			len += words_write(out + len, &words);
		}
		ASSERT_TRUE(liar_send(&self->liar, out, len));
		if (i % 64 == 0 && held() > most)
			most = held();
		liar_listen(&self->liar);
		/* What was refused has to come again. */
		seq = self->liar.una;
	}
	EXPECT_TRUE(wait_taken(self, datagrams));
	most = held() > most ? held() : most;
	TH_LOG("%u bytes held at most, of %u allowed", most, limit);
	EXPECT_LT(limit / 4, most);
	EXPECT_GE(limit, most);
	EXPECT_LT(0, count(self, FASTPROTO_A_STATS_DROP_QUEUE_FULL));
	fp_abort(fd);
}

/* A message that is not copied holds its datagram: that is what it costs. */
TEST_F(attack, views_are_charged_in_full)
{
	const unsigned int messages = 20, len = 1000;
	unsigned int i;
	int fd;

	ASSERT_TRUE(liar_connect(&self->liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	stats_read(HOST_B, &self->base);
	for (i = 0; i < messages; i++) {
		liar_words(&self->liar, WORDS_FRAME, &words);
		words.flags |= WHOLE;
		words.seq = i;
		words.len = len;
		ASSERT_TRUE(liar_send(&self->liar, out,
				      words_write(out, &words)));
	}
	ASSERT_TRUE(wait_taken(self, messages));
	/* An skb and what belongs to its data are half a kilobyte at least. */
	EXPECT_LE(messages * (len + 512), held());
	for (i = 0; i < messages; i++)
		EXPECT_EQ(len, recv(fd, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(0, held());
	fp_abort(fd);
}

/*
 * Peers that found no room are told when there is some, and do not come, for that
 * may have got lost; they are reminded of it, and then not any more.
 */
TEST_F(attack, told_in_vain)
{
	char text[1000];
	unsigned int i;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	ASSERT_EQ(0, fp_setint(self->rdm, SOL_SOCKET, SO_RCVBUF, 10000));
	for (i = 0; !count(self, FASTPROTO_A_STATS_DROP_QUEUE_FULL); i++) {
		aim(&self->liar, &self->rdm_addr);
		ASSERT_TRUE(liar_connect(&self->liar));
		ASSERT_TRUE(say(&self->liar, 0, WHOLE, text));
		while (count(self, FASTPROTO_A_STATS_IN_FRAMES) +
		       count(self, FASTPROTO_A_STATS_DROP_QUEUE_FULL) <= i)
			usleep(1000);
	}
	EXPECT_EQ(0, count(self, FASTPROTO_A_STATS_ROOM_TOLD));
	for (; i > 1; i--)
		ASSERT_EQ(strlen(text), recv(self->rdm, in, sizeof(in), 0));
	EXPECT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_ROOM_TOLD, 3));
	/* It comes late, and is as welcome as any. */
	ASSERT_TRUE(say(&self->liar, 0, WHOLE, text));
	EXPECT_EQ(strlen(text), recv(self->rdm, in, sizeof(in), 0));
	EXPECT_EQ(3, count(self, FASTPROTO_A_STATS_ROOM_TOLD));
}

/* Peers take all connections there may be. Those that there are go on. */
TEST_F(attack, all_slots_taken)
{
	const int max = FASTPROTO_A_DEV_CONNECTIONS_MAX;
	int client, server, another, i;
	struct stats now;
	__u32 preset;

	ASSERT_EQ(0, fp_pair(variant->family, &client, &server));
	ASSERT_EQ(0, dev_get_u32(HOST_B, max, &preset));
	ASSERT_EQ(0, dev_set_u32(HOST_B, max, 20));
	for (i = 0; i < 19; i++) {
		aim(&self->liar, &self->rdm_addr);
		ASSERT_TRUE(liar_connect(&self->liar));
	}
	/* A cookie may be taken for one that was used: then there is another. */
	do {
		stats_read(HOST_B, &now);
		get_cookie(_metadata, self);
		ASSERT_TRUE(liar_say(&self->liar, &words));
		ASSERT_TRUE(stats_wait(HOST_B, &now,
				       FASTPROTO_A_STATS_IN_DATAGRAMS, 2));
	} while (stats_since(HOST_B, &now, FASTPROTO_A_STATS_DROP_COOKIE));
	EXPECT_EQ(1, stats_since(HOST_B, &now, FASTPROTO_A_STATS_DROP_LIMIT));
	EXPECT_EQ(20, conns_count(HOST_B));
	ASSERT_EQ(2, send(client, "on", 2, 0));
	EXPECT_EQ(2, recv(server, in, sizeof(in), 0));
	/* The application parts with those who say nothing; then others may. */
	fp_abort(self->rdm);
	self->rdm = -1;
	another = fp_open_seqpacket(HOST_A);
	ASSERT_EQ(0, fp_connect(another, &self->addr));
	ASSERT_EQ(2, send(another, "in", 2, 0));
	i = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, i);
	EXPECT_EQ(2, recv(i, in, sizeof(in), 0));
	EXPECT_EQ(0, dev_set_u32(HOST_B, max, preset));
	close(another);
	close(i);
	close(client);
	close(server);
}

/* How large the congestion window of the only connection is. */
static __u32 window(void)
{
	__u32 cwnd[4] = { 0 };

	conn_get_u32(HOST_B, FASTPROTO_A_CONN_CWND, cwnd, 4);
	return cwnd[0];
}

static __u32 unacked(void)
{
	__u32 frames[4] = { 0 };

	conn_get_u32(HOST_B, FASTPROTO_A_CONN_TX_UNACKED, frames, 4);
	return frames[0];
}

#define FIRST_WINDOW	10	/* frames (RFC 6928) */

/*
 * All that is sent of one flight is acknowledged by a peer, by one frame or by
 * very many. Returns the window afterwards, less that of before.
 */
static __s64 grow_window(struct __test_metadata *_metadata,
			 struct _test_data_attack *self, bool split)
{
	struct liar *liar = &self->liar;
	__u64 ack, end;
	__u32 before;
	int fd, i;

	aim(liar, &self->addr);
	liar->window = 1 << 24;
	ASSERT_TRUE(liar_connect(liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	before = window();
	/* More than the first window holds: that is full. */
	ASSERT_EQ(40000, send(fd, out, 40000, 0));
	while (liar->received < FIRST_WINDOW) {
		ASSERT_TRUE(fp_wait(liar->fd, POLLIN));
		liar_listen(liar);
	}
	end = liar->received;
	/* A probe of the tail may bring one more (RFC 8985, section 7.3). */
	EXPECT_LE(end, unacked());
	EXPECT_GE(end + 1, unacked());
	stats_read(HOST_B, &self->base);
	for (ack = split ? 1 : end; ack <= end; ack++) {
		for (i = 0; i < (split ? 20 : 1); i++) {
			liar_words(liar, WORDS_FRAME, &words);
			words.ack = ack;
			words.dup = split ? i : 0;
			ASSERT_TRUE(liar_say(liar, &words));
		}
	}
	EXPECT_TRUE(wait_taken(self, split ? 20 * end : 1));
	before = window() - before;
	fp_abort(fd);
	EXPECT_EQ(0, conns_count(HOST_B));
	return (__s32)before;
}

/* The window grows by what was acknowledged, not by the number of frames. */
TEST_F(attack, split_acknowledgments)
{
	__s64 whole, split;

	/* Nothing is lost, for nothing is lost so soon. */
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RTO_INITIAL,
				 60000000));
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RTO_MIN, 1000000));
	whole = grow_window(_metadata, self, false);
	split = grow_window(_metadata, self, true);
	TH_LOG("the window grew by %lld bytes at once, by %lld in splits",
	       (long long)whole, (long long)split);
	EXPECT_LT(0, whole);
	EXPECT_GE(whole, split);
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RTO_INITIAL, 1000000));
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_RTO_MIN, 200000));
}

/*
 * Who acknowledges before it has come gets no more than it would have got, and
 * nothing that was not sent: such a frame is dropped, whatever else it says.
 */
TEST_F(attack, optimistic_acknowledgments)
{
	struct liar *liar = &self->liar;
	__u32 before;
	int fd;

	liar->window = 1 << 24;
	ASSERT_TRUE(liar_connect(liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	before = window();
	ASSERT_EQ(8000, send(fd, out, 8000, 0));
	ASSERT_LT(0, unacked());
	liar_words(liar, WORDS_FRAME, &words);
	words.ack = unacked() + 1;
	ASSERT_TRUE(liar_say(liar, &words));
	EXPECT_TRUE(stats_wait(HOST_B, &self->base, FASTPROTO_A_STATS_DROP_ACK,
			       1));
	EXPECT_EQ(before, window());
	words.ack = 0;
	words.nr = 1;
	words.ranges[0].offset = 1;
	words.ranges[0].length = unacked();
	ASSERT_TRUE(liar_say(liar, &words));
	EXPECT_TRUE(stats_wait(HOST_B, &self->base, FASTPROTO_A_STATS_DROP_ACK,
			       2));
	EXPECT_EQ(before, window());
	EXPECT_LT(0, unacked());
	fp_abort(fd);
}

/* The connection has ended, well, and another liar may come. */
static void expect_closed(struct __test_metadata *_metadata,
			  struct _test_data_attack *self)
{
	struct liar *liar = &self->liar;

	EXPECT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_ENDED_CLOSED, 1));
	EXPECT_EQ(0, conns_count(HOST_B));
	EXPECT_EQ(0, count(self, FASTPROTO_A_STATS_ENDED_TIMEOUT));
	liar->fd = udp_open(HOST_A, self->family, 0, NULL);
	ASSERT_LE(0, liar->fd);
	aim(liar, &self->addr);
}

/*
 * Both have said that they are through, but the client has gone, with its port,
 * before it has answered our FIN. What the port says then is answer enough;
 * nobody waits for orphan-timeout. @crossed: it has not seen ours when it says its
 * own.
 */
static void go_before_the_answer(struct __test_metadata *_metadata,
				 struct _test_data_attack *self, bool crossed)
{
	struct liar *liar = &self->liar;
	int fd;

	ASSERT_TRUE(liar_connect(liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	stats_read(HOST_B, &self->base);
	if (crossed)
		ASSERT_EQ(0, close(fd));
	ASSERT_TRUE(say(liar, 0, FP_F_FIN, ""));
	ASSERT_TRUE(wait_taken(self, 1));
	close(liar->fd);
	if (!crossed)
		ASSERT_EQ(0, close(fd));
	expect_closed(_metadata, self);
}

TEST_F(attack, port_goes_before_the_last_answer)
{
	/* Nobody is to be forgotten before that. */
	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_ORPHAN_TIMEOUT,
				 3600000000));
	go_before_the_answer(_metadata, self, false);
	go_before_the_answer(_metadata, self, true);
}

/* The same of who only knows that we are through, and need not answer. */
TEST_F(attack, port_goes_instead_of_an_answer)
{
	struct liar *liar = &self->liar;
	int fd;

	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_ORPHAN_TIMEOUT,
				 3600000000));
	ASSERT_TRUE(liar_connect(liar));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	stats_read(HOST_B, &self->base);
	close(liar->fd);
	ASSERT_EQ(0, close(fd));
	expect_closed(_metadata, self);
}

/* A client that has a cookie, and whose echo is under way while... */
struct shot {
	struct sockaddr_fp to;
	int fd;
	size_t len;
	unsigned char echo[256];
	atomic_bool fire;
};

static bool load(struct shot *shot)
{
	struct liar liar = { .fd = shot->fd };
	struct pollfd pfd = { .fd = liar.fd, .events = POLLIN };

	aim(&liar, &shot->to);
	liar_words(&liar, WORDS_SYN, &words);
	liar_say(&liar, &words);
	while (!liar.cookie) {
		if (poll(&pfd, 1, PATIENCE * 1000) != 1)
			return false;
		liar_listen(&liar);
	}
	liar_words(&liar, WORDS_ECHO, &words);
	shot->len = words_write(shot->echo, &words);
	return true;
}

static void *fire(void *arg)
{
	struct shot *shot = arg;

	while (!shot->fire)
		;
	udp_sendto(shot->fd, shot->echo, shot->len, &shot->to);
	return NULL;
}

/*
 * Once that was a use after free: ... the port is closed. What comes first is
 * about even, for the wait is longer after an echo that was too late; it goes on
 * until both have been.
 */
TEST_F_TIMEOUT(attack, port_closes_under_a_client, 400)
{
	struct shot shot = { .fd = self->liar.fd, .to = self->addr };
	unsigned int rounds = fewer(1000), i, spins = 0, spin;
	__u64 accepted = 0, now;
	pthread_t thread;
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(all), &all));
	for (i = 0; i < rounds || !accepted || accepted == i; i++) {
		ASSERT_TRUE(load(&shot));
		shot.fire = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, fire, &shot));
		shot.fire = true;
		for (spin = 0; spin < spins; spin++)
			__asm__ volatile("");
		close(self->listener);
		pthread_join(thread, NULL);
		now = count(self, FASTPROTO_A_STATS_ACCEPTED);
		if (now == accepted)
			spins += 500 + spins / 8;
		else
			spins -= spins / 8;
		accepted = now;
		self->listener = fp_open_seqpacket(HOST_B);
		ASSERT_EQ(0, fp_bind(self->listener, &self->addr));
		ASSERT_EQ(0, listen(self->listener, 1));
	}
	TH_LOG("%u rounds, %llu connections", i, (unsigned long long)accepted);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
