/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames as a struct, for programs that speak the protocol by hand and lie: what
 * a frame says and what is written need not go together. A new section, or a new
 * flag, is a row of a table in grammar.c.
 */
#ifndef _GRAMMAR_H
#define _GRAMMAR_H

#include "fptest.h"

#define WORDS_MAX	65507	/* bytes of a datagram over IPv4 */
#define WORDS_ROOM	(WORDS_MAX + 4096)	/* and what is behind them */
#define WORDS_RANGES	255	/* what the field can say */

/* Numbers that follow from a seed. */
struct dice {
	__u64 state;
};

void dice_seed(struct dice *dice, __u64 seed);
__u64 dice_roll(struct dice *dice);
__u64 dice_below(struct dice *dice, __u64 limit);
bool dice_chance(struct dice *dice, unsigned int percent);
__u64 dice_edge(struct dice *dice, __u64 middle);
__u64 test_seed(void);
unsigned long test_count(const char *name, unsigned long preset);

struct words_range {
	__u32 offset;
	__u32 length;
};

/**
 * struct words - all that a frame can say, in the order of the wire
 * @payload: what lies behind the sections; NULL: zeroes
 * @len: of it
 *
 * The flags say which sections are written. The rest as in protocol.rst.
 */
struct words {
	__u32 magic;
	__u16 version;
	__u16 flags;
	__u32 size;		/* 0: the right one is written */
	__u64 seq;

	__u64 id;
	__u32 slot;

	__u64 ack;
	__u32 window;
	__u32 ts;
	__u32 ts_echo;
	__u32 delay;
	__u16 ce;
	__u8 dup;
	__u8 nr;
	struct words_range ranges[WORDS_RANGES];

	__u32 tag;
	__u32 msg_max;
	__u32 syn_window;
	__u32 syn_ts;
	__u16 options;
	__u8 version_min;
	__u8 version_max;

	__u32 time;
	__u64 mac;

	const void *payload;
	__u32 len;
	bool spoiled;		/* the payload's sum does not fit */
};

void words_begin(struct words *w, unsigned int flags);
size_t words_size(const struct words *w);
size_t words_write(void *buf, const struct words *w);
bool words_read(const void *buf, size_t len, struct words *w);

/* Kinds of frames, as protocol.rst has them. */
enum words_kind {
	WORDS_DATAGRAM,
	WORDS_SYN,
	WORDS_COOKIE,
	WORDS_ECHO,
	WORDS_ANSWER,
	WORDS_FRAME,
	WORDS_RESET,
	WORDS_KINDS
};

enum words_kind words_kind(unsigned int flags);
unsigned int words_flags(enum words_kind kind);

/* What is changed in a frame so that it lies. */
void words_lie(struct words *w, struct dice *dice);
size_t words_damage(void *buf, size_t len, struct dice *dice);

/**
 * struct liar - one end of a connection, played by hand over a UDP socket
 * @fd: the socket
 * @to: whom it speaks with
 * @serves: it waits to be asked
 * @known: @id is the peer's
 * @cookie: it has one
 * @wants: it asks for another one ahead
 * @early: that was given ahead, for the next connection
 * @over: a reset has come
 * @slot: its own
 * @tag: its own
 * @id: the peer's
 * @next: of the next data frame
 * @end: all numbers that were sent are below
 * @una: all below is acknowledged
 * @received: all below has come
 * @window: the credit that it gives
 * @ts: the latest timestamp that came
 * @time: of the cookie
 * @mac: of the cookie
 * @heard: frames that came
 * @clients: of one that serves: how many there were
 * @wrong: what the peer must not do, and did
 */
struct liar {
	int fd;
	struct sockaddr_fp to;
	bool serves;
	bool known;
	bool cookie;
	bool wants;
	bool early;
	bool over;
	__u32 slot;
	__u32 tag;
	__u64 id;
	__u64 next;
	__u64 end;
	__u64 una;
	__u64 received;
	__u32 window;
	__u32 ts;
	__u32 time;
	__u64 mac;
	unsigned long heard;
	unsigned long clients;
	const char *wrong;
};

__u64 liar_id(const struct liar *liar);
void liar_begin(struct liar *liar, __u64 number);
void liar_words(const struct liar *liar, enum words_kind kind,
		struct words *w);
bool liar_send(struct liar *liar, const void *buf, size_t len);
void liar_mark(struct liar *liar, int mark);
bool liar_say(struct liar *liar, const struct words *w);
void liar_listen(struct liar *liar);
bool liar_echo(struct liar *liar);
bool liar_connect(struct liar *liar);

#endif /* _GRAMMAR_H */
