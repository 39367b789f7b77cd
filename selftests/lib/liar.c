// SPDX-License-Identifier: GPL-2.0
/* A peer played by hand. What it says can be changed before it says so. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "grammar.h"

#define SERVER_MAC	0x5eed5eed5eedull

__u64 liar_id(const struct liar *liar)
{
	return (__u64)liar->tag << 32 | liar->slot;
}

static __u32 clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

/*
 * It knows nothing of any connection; each @number gives it another ID. What it
 * has been given is a cookie, if that was for later.
 */
void liar_begin(struct liar *liar, __u64 number)
{
	struct dice dice;

	dice_seed(&dice, number);
	liar->known = false;
	liar->cookie = liar->early;
	liar->over = false;
	liar->slot = dice_roll(&dice);
	liar->tag = dice_roll(&dice) | 1;
	liar->id = 0;
	liar->next = 0;
	liar->end = 0;
	liar->una = 0;
	liar->received = 0;
	liar->window = 1 << 20;
	liar->ts = 0;
}

/* An honest frame of this kind, as things are now, without data. */
void liar_words(const struct liar *liar, enum words_kind kind, struct words *w)
{
	words_begin(w, words_flags(kind));
	w->seq = liar->next;
	w->id = kind == WORDS_SYN || kind == WORDS_ECHO ? 0 : liar->id;
	w->slot = kind == WORDS_COOKIE ? 0 : liar->slot;
	w->ack = liar->received;
	w->window = liar->window;
	w->ts = clock_us();
	w->ts_echo = liar->ts;
	w->tag = kind == WORDS_COOKIE ? 0 : liar->tag;
	w->msg_max = 1 << 20;
	w->syn_window = liar->window;
	w->syn_ts = kind == WORDS_COOKIE ? liar->ts : clock_us();
	w->options = liar->wants ? FP_OPT_DONE | FP_OPT_AHEAD : FP_OPT_DONE;
	if (kind == WORDS_ECHO && liar->early)
		w->options |= FP_OPT_EARLY;
	w->time = liar->time;
	w->mac = liar->mac;
	if (kind == WORDS_SYN)
		w->len = FP_SYN_SIZE_MIN - words_size(w);
	if (kind == WORDS_RESET)
		w->id = (__u64)liar->tag << 32 | (__u32)liar->id;
}

static bool is_data(const struct words *w)
{
	return w->len || w->flags & (FP_F_BEGIN | FP_F_END | FP_F_FIN);
}

/* How many numbers a frame has: that is, how many messages of a pack fit. */
static __u64 numbers(const struct words *w)
{
	const unsigned char *p = w->payload;
	__u32 left = w->len, len;
	__u64 nr = 0;

	if (!(w->flags & FP_F_PACK))
		return is_data(w);
	while (left >= 2) {
		len = 2 + p[0] + p[1] * 256;
		if (len > left)
			break;
		left -= len;
		p += len;
		nr++;
	}
	return nr;
}

/* What is sent with these bytes, if they are frames. */
static void note(struct liar *liar, const unsigned char *buf, size_t len)
{
	static struct words w;
	__u64 nr, end;
	size_t at;

	for (at = 0; words_read(buf + at, len - at, &w); at += w.size) {
		nr = numbers(&w);
		end = w.seq > ~0ull - nr ? ~0ull : w.seq + nr;
		if (nr && end > liar->end)
			liar->end = end;
	}
}

bool liar_send(struct liar *liar, const void *buf, size_t len)
{
	note(liar, buf, len);
	return udp_sendto(liar->fd, buf, len, &liar->to) == (ssize_t)len;
}

/* What routers would say of it (ECN), from now on. */
void liar_mark(struct liar *liar, int mark)
{
	if (liar->to.sfp_transport == AF_INET)
		fp_setint(liar->fd, IPPROTO_IP, IP_TOS, mark);
	else
		fp_setint(liar->fd, IPPROTO_IPV6, IPV6_TCLASS, mark);
}

bool liar_say(struct liar *liar, const struct words *w)
{
	static unsigned char buf[WORDS_ROOM];

	return liar_send(liar, buf, words_write(buf, w));
}

static void answer(struct liar *liar, enum words_kind kind)
{
	static struct words w;

	liar_words(liar, kind, &w);
	liar_say(liar, &w);
}

/*
 * A client asks: perhaps another one. One that was there before gets another ID:
 * what was said to it is forgotten.
 */
static void hear_client(struct liar *liar, const struct words *w)
{
	__u64 id = (__u64)w->tag << 32 | w->slot;

	if (!liar->known || liar->id != id) {
		liar_begin(liar, id + ++liar->clients);
		liar->known = true;
		liar->id = id;
		liar->mac = SERVER_MAC;
	}
	if (words_kind(w->flags) == WORDS_SYN) {
		liar->ts = w->syn_ts;
		answer(liar, WORDS_COOKIE);
	}
}

static void hear_ack(struct liar *liar, const struct words *w)
{
	unsigned int i;

	liar->ts = w->ts;
	if (w->ack > liar->end)
		liar->wrong = "acknowledges what was not sent";
	for (i = 0; i < w->nr; i++)
		if (w->ack + w->ranges[i].offset + w->ranges[i].length >
		    liar->end)
			liar->wrong = "has a range of what was not sent";
	if (w->ack > liar->una)
		liar->una = w->ack;
	if (is_data(w) && w->seq == liar->received)
		liar->received++;
}

static void take_cookie(struct liar *liar, const struct words *w, bool ahead)
{
	liar->early = ahead;
	liar->time = w->time;
	liar->mac = w->mac;
}

static bool is_for(const struct liar *liar, const struct words *w)
{
	if (!w->id)
		return liar->serves;
	return w->flags & FP_F_RST ? (__u32)w->id == liar->slot :
				     w->id == liar_id(liar);
}

static void hear(struct liar *liar, const struct words *w)
{
	enum words_kind kind = words_kind(w->flags);

	liar->heard++;
	if (!is_for(liar, w))
		return;
	/* What echoes a cookie has no ID yet. */
	if (kind == WORDS_ECHO && w->id)
		kind = WORDS_ANSWER;
	switch (kind) {
	case WORDS_SYN:
		hear_client(liar, w);
		return;
	case WORDS_ECHO:
		hear_client(liar, w);
		hear_ack(liar, w);
		answer(liar, WORDS_ANSWER);
		return;
	case WORDS_COOKIE:
		liar->cookie = true;
		take_cookie(liar, w, false);
		return;
	case WORDS_RESET:
		liar->over = true;
		return;
	case WORDS_ANSWER:
		liar->known = true;
		liar->id = (__u64)w->tag << 32 | w->slot;
		if (w->flags & FP_F_COOKIE)
			take_cookie(liar, w, true);
		hear_ack(liar, w);
		return;
	default:
		hear_ack(liar, w);
		return;
	}
}

/* All that has come. What the peer may not do is noted. */
void liar_listen(struct liar *liar)
{
	static unsigned char buf[1 << 16];
	static struct words w;
	struct sockaddr_fp from = liar->to;
	ssize_t len, at;
	socklen_t room;

	for (;;) {
		room = sizeof(from.sfp_room);
		len = recvfrom(liar->fd, buf, sizeof(buf), MSG_DONTWAIT,
			       (struct sockaddr *)&from.sfp_sin, &room);
		if (len < 0 && errno == ECONNREFUSED)
			continue;
		if (len < 0)
			return;
		if (liar->serves)
			liar->to = from;
		for (at = 0; at < len; at += w.size) {
			if (!words_read(buf + at, len - at, &w)) {
				liar->wrong = "sends an invalid frame";
				break;
			}
			hear(liar, &w);
		}
	}
}

static bool wait_for(struct liar *liar, const bool *truth)
{
	struct pollfd pfd = { .fd = liar->fd, .events = POLLIN };

	for (;;) {
		liar_listen(liar);
		if (*truth)
			return true;
		if (poll(&pfd, 1, PATIENCE * 1000) != 1)
			return false;
	}
}

/*
 * Shows the cookie, and another one that comes instead of an answer: for a server
 * may take one for used that is not. True when it knows the server's ID.
 */
bool liar_echo(struct liar *liar)
{
	struct pollfd pfd = { .fd = liar->fd, .events = POLLIN };
	static struct words w;
	__u64 shown = 0;

	do {
		if (shown != liar->mac) {
			liar_words(liar, WORDS_ECHO, &w);
			w.flags |= FP_F_PROBE;
			if (!liar_say(liar, &w))
				return false;
			shown = liar->mac;
		}
		if (poll(&pfd, 1, PATIENCE * 1000) != 1)
			return false;
		liar_listen(liar);
	} while (!liar->known);
	return true;
}

/* A client's handshake, all of it. */
bool liar_connect(struct liar *liar)
{
	static struct words w;

	liar_words(liar, WORDS_SYN, &w);
	w.seq = 0;
	return liar_say(liar, &w) && wait_for(liar, &liar->cookie) &&
	       liar_echo(liar);
}
