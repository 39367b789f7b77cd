// SPDX-License-Identifier: GPL-2.0
/* A bad network, and what strangers send: see relay.h. */
#define _GNU_SOURCE
#include <endian.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/sockios.h>

#include "relay.h"

static unsigned char in[2048];

enum kind relay_kind_of(const unsigned char *buf)
{
	const struct fp_hdr *hdr = (const void *)buf;
	const struct fp_hdr_conn *conn = (const void *)(hdr + 1);

	if (le16toh(hdr->flags) & FP_F_RST)
		return RESET;
	switch (le16toh(hdr->flags) & (FP_F_SYN | FP_F_COOKIE | FP_F_ACK)) {
	case FP_F_SYN:
		return SYN;
	case FP_F_SYN | FP_F_COOKIE:
		return COOKIE;
	case FP_F_SYN | FP_F_COOKIE | FP_F_ACK:
		/* Or a cookie for later, from who knows the client's ID. */
		return conn->id ? ANSWER : ECHO_;
	case FP_F_SYN | FP_F_ACK:
		return ANSWER;
	default:
		return OTHER;
	}
}

/* The same, but for who sent it. */
static enum kind kind_from(bool up)
{
	const struct fp_hdr *hdr = (const void *)in;
	enum kind kind = relay_kind_of(in);

	if (kind == OTHER && le16toh(hdr->flags) & FP_F_FIN)
		return up ? FIN : LAST;
	return kind;
}

/* Where the SYN section is, or NULL. */
static struct fp_hdr_syn *find_syn(void *buf)
{
	struct fp_hdr *hdr = buf;
	struct fp_hdr_conn *conn = (void *)(hdr + 1);
	struct fp_hdr_ack *ack = (void *)(conn + 1);

	if (!(le16toh(hdr->flags) & FP_F_SYN))
		return NULL;
	if (!(le16toh(hdr->flags) & FP_F_ACK))
		return (void *)ack;
	return (void *)((char *)(ack + 1) +
			ack->nr * sizeof(struct fp_hdr_range));
}

/* Where sections end that end with that of SYN, or a cookie behind it. */
static size_t end_of(const void *buf, const struct fp_hdr_syn *syn)
{
	const struct fp_hdr *hdr = buf;
	size_t end = (const char *)(syn + 1) - (const char *)buf;

	if (le16toh(hdr->flags) & FP_F_COOKIE)
		end += sizeof(struct fp_hdr_cookie);
	return end;
}

/* Nobody knows of any option. */
static void age(void *buf)
{
	struct fp_hdr_syn *syn = find_syn(buf);

	if (!syn)
		return;
	syn->options = 0;
	frame_seal_sections(buf, end_of(buf, syn) - FP_HDR_LEN);
}

/* As if another client had the same cookie: every bit of its ID may differ. */
void relay_disguise(void *buf, __u32 bits)
{
	struct fp_hdr_conn *conn = (void *)((struct fp_hdr *)buf + 1);
	struct fp_hdr_syn *syn = find_syn(buf);

	conn->slot ^= htole32(bits);
	syn->tag ^= htole32(bits);
	frame_seal_sections(buf, end_of(buf, syn) - FP_HDR_LEN);
}

static void note(struct relay *relay, enum kind kind, ssize_t len)
{
	const struct fp_hdr_conn *conn = (void *)(in + sizeof(struct fp_hdr));
	const struct fp_hdr_syn *syn;

	relay->seen[kind]++;
	if (kind == ECHO_ && !relay->echo_len) {
		memcpy(relay->echo, in, len);
		relay->echo_len = len;
	}
	if (kind == ANSWER) {
		syn = find_syn(in);
		relay->client_id = le64toh(conn->id);
		relay->server_id = (__u64)le32toh(syn->tag) << 32 |
				   le32toh(conn->slot);
	}
}

static void announce(void *buf, size_t len, __u32 msg_max)
{
	struct fp_hdr_conn *conn = (void *)((struct fp_hdr *)buf + 1);
	struct fp_hdr_syn *syn = (void *)(conn + 1);

	syn->msg_max = htole32(msg_max);
	frame_seal_sections(buf, len - FP_HDR_LEN);
}

/* As if the server had taken this cookie for one that was used. */
static void spoil(void *buf)
{
	struct fp_hdr_syn *syn = find_syn(buf);
	struct fp_hdr_cookie *cookie = (void *)(syn + 1);

	cookie->mac ^= htole64(1);
	frame_seal_sections(buf, end_of(buf, syn) - FP_HDR_LEN);
}

static void pass(struct relay *relay, bool up, const void *buf, ssize_t len)
{
	udp_sendto(up ? relay->back : relay->front, buf, len,
		   up ? &relay->server : &relay->client);
}

/* Is it a datagram of the client with several messages under a header? */
static bool is_pack(bool up)
{
	const struct fp_hdr *hdr = (const void *)in;

	return up && le16toh(hdr->flags) & FP_F_PACK;
}

/* Returns true if the pack is one that gets lost. */
static bool lose_pack(struct relay *relay)
{
	const int nr = ++relay->packs;

	if (nr != relay->lose_pack &&
	    (!relay->lose_packs || nr % relay->lose_packs))
		return false;
	relay->struck++;
	return true;
}

/* Returns true if the frame has to wait for the next one. */
static bool hold_back(struct relay *relay, enum kind kind, ssize_t len)
{
	if (!kind || kind != relay->late || relay->struck)
		return false;
	relay->struck++;
	memcpy(relay->held, in, len);
	relay->held_len = len;
	return true;
}

/* The next frame has gone this way. */
static void catch_up(struct relay *relay, bool up)
{
	const bool held_up = relay->late == ECHO_ || relay->late == SYN ||
			     relay->late == FIN;

	if (!relay->held_len || held_up != up)
		return;
	pass(relay, up, relay->held, relay->held_len);
	relay->held_len = 0;
}

static void forward(struct relay *relay, int from)
{
	const bool up = from == relay->front;
	socklen_t len = sizeof(relay->client.sfp_room);
	struct sockaddr_fp src = {};
	enum kind kind;
	ssize_t got;

	got = recvfrom(from, in, sizeof(in), MSG_DONTWAIT,
		       (struct sockaddr *)&src.sfp_sin, &len);
	if (got < FP_HDR_LEN)
		return;
	if (up)
		relay->client = src;
	kind = kind_from(up);
	if (relay->ancient)
		age(in);
	note(relay, kind, got);
	if (kind && kind == relay->lose && !relay->struck++)
		return;
	if (is_pack(up) && lose_pack(relay))
		return;
	if (!up && relay->deaf) {
		relay->struck += kind == RESET;
		return;
	}
	if (kind == COOKIE && relay->msg_max)
		announce(in, got, relay->msg_max);
	if (kind == ECHO_ && relay->spoil && !relay->struck++)
		spoil(in);
	if (hold_back(relay, kind, got))
		return;
	pass(relay, up, in, got);
	catch_up(relay, up);
	if (kind && kind == relay->twice) {
		relay->struck++;
		pass(relay, up, in, got);
	}
}

/* What is there goes on its way; if nothing is, wait a moment. */
void relay_pump(struct relay *relay)
{
	struct pollfd pfd[2] = {
		{ .fd = relay->front, .events = POLLIN },
		{ .fd = relay->back, .events = POLLIN },
	};
	int i;

	poll(pfd, 2, 1);
	for (i = 0; i < 2; i++)
		if (pfd[i].revents & POLLIN)
			forward(relay, pfd[i].fd);
}

bool relay_pump_until(struct relay *relay, int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	time_t end = time(NULL) + PATIENCE;

	while (poll(&pfd, 1, 0) != 1 || !(pfd.revents & events)) {
		if (time(NULL) > end)
			return false;
		relay_pump(relay);
	}
	return true;
}

bool relay_pump_until_sent(struct relay *relay, int fd)
{
	time_t end = time(NULL) + PATIENCE;
	int left = -1;

	while (!ioctl(fd, SIOCOUTQ, &left) && left && time(NULL) <= end)
		relay_pump(relay);
	return !left;
}

#define VOLLEY_CPUS	2

/* A CPU's part in sending the echo from all of them at the same time. */
struct volley {
	const struct relay *relay;
	int cpu;
	bool disguised;
	int *ready;
};

static void *send_volley(void *arg)
{
	const struct volley *volley = arg;
	const struct relay *relay = volley->relay;
	unsigned char echo[sizeof(relay->echo)];
	cpu_set_t cpus;

	memcpy(echo, relay->echo, relay->echo_len);
	if (volley->disguised)
		relay_disguise(echo, 1 << volley->cpu);
	CPU_ZERO(&cpus);
	CPU_SET(volley->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	__atomic_add_fetch(volley->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(volley->ready, __ATOMIC_ACQUIRE) < VOLLEY_CPUS)
		sched_yield();
	udp_sendto(relay->back, echo, relay->echo_len, &relay->server);
	return NULL;
}

/*
 * The first echo, from two CPUs at the same time; @disguised: each as that of
 * another client.
 */
bool relay_volley(struct relay *relay, bool disguised)
{
	struct volley volleys[VOLLEY_CPUS];
	pthread_t threads[VOLLEY_CPUS];
	int ready = 0, i;

	for (i = 0; i < VOLLEY_CPUS; i++) {
		volleys[i] = (struct volley){ relay, i, disguised, &ready };
		if (pthread_create(&threads[i], NULL, send_volley,
				   &volleys[i]))
			return false;
	}
	for (i = 0; i < VOLLEY_CPUS; i++)
		pthread_join(threads[i], NULL);
	return true;
}
