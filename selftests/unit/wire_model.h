/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A second decoder of the wire format, written down independently, and simple
 * rather than fast: what kmod/wire.c is compared with.
 */
#ifndef _WIRE_MODEL_H
#define _WIRE_MODEL_H

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "wire.h"

/* Where the fields lie, told once more, and not taken from a struct. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_FLAGS = 6,
	AT_SIZE = 8,
	AT_SEQ = 12,
	AT_CHECKSUM = 20,
	HEADER = 24,
	AT_ID = 24,
	AT_SLOT = 32,
	AT_ACK = 36,
	AT_NR = 63,
	AT_RANGES = 64,
	HEADER_MAX = 24 + 12 + 28 + 32 * 8 + 20 + 12,
	LARGEST = 65535 - 8,
};

/* And the flags. */
enum {
	CONN = 0x2,
	ACK = 0x4,
	SYN = 0x8,
	COOKIE = 0x10,
	FIN = 0x20,
	RST = 0x40,
	BEGIN = 0x80,
	END = 0x100,
	CSUM = 0x200,
	PROBE = 0x400,
	DONE = 0x800,
	PACK = 0x1000,
	REPLY = CONN | SYN | COOKIE,
	ECHO = CONN | ACK | SYN | COOKIE,
};

static inline void put(unsigned char *p, unsigned int bytes, u64 value)
{
	while (bytes--) {
		*p++ = value;
		value >>= 8;
	}
}

static inline u64 get(const unsigned char *p, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

/* Over the header and its sections, @len bytes in all. */
static inline u32 sum(const unsigned char *p, size_t len)
{
	static const unsigned char zero[4];
	u32 crc = crc32(0, p, AT_CHECKSUM);

	return crc32(crc32(crc, zero, sizeof(zero)), p + HEADER, len - HEADER);
}

static inline void seal(unsigned char *p, size_t len)
{
	put(p + AT_CHECKSUM, 4, sum(p, len));
}

static inline void make(unsigned char *p, u64 seq, unsigned int flags, u32 size)
{
	put(p + AT_MAGIC, 4, 0x50545346);
	put(p + AT_VERSION, 2, 1);
	put(p + AT_FLAGS, 2, flags);
	put(p + AT_SIZE, 4, size);
	put(p + AT_SEQ, 8, seq);
	seal(p, HEADER);
}

/* The rules of Documentation/protocol.rst, written down independently. */
static inline bool together(unsigned int flags)
{
	if (!(flags & CONN))
		return flags <= 1;
	if (flags == (CONN | RST) || flags == (CONN | SYN) || flags == REPLY)
		return true;
	switch (flags & (ECHO | RST)) {
	case CONN | ACK:
	case CONN | ACK | SYN:
	case ECHO:
		break;
	default:
		return false;
	}
	if (flags & FIN ? flags & (BEGIN | END | CSUM) : flags & DONE)
		return false;
	if (flags & PACK && (flags & (BEGIN | END | FIN | CSUM)) != (BEGIN | END))
		return false;
	return flags < 2 * PACK;
}

/* Header and sections, but for the ranges. */
static inline size_t fixed_len(unsigned int flags)
{
	return HEADER + 12 * !!(flags & CONN) + 28 * !!(flags & ACK) +
	       20 * !!(flags & SYN) + 12 * !!(flags & COOKIE);
}

/* The sizes that a frame with a header of @len bytes may have. */
static inline u32 smallest(unsigned int flags, size_t len)
{
	if (flags == (CONN | SYN))
		return 68;
	if (flags & PACK)
		return len + 2;
	if (!(flags & CSUM))
		return len;
	return flags & (BEGIN | END) ? len + 4 : len + 5;
}

static inline u32 largest(unsigned int flags, size_t len)
{
	return flags & (RST | FIN) || flags == REPLY ? len : LARGEST;
}

static inline bool range_is_one(u64 ack, const unsigned char *p)
{
	u64 begin, end, offset = get(p, 4), length = get(p + 4, 4);

	return offset && length &&
	       !__builtin_add_overflow(ack, offset, &begin) &&
	       !__builtin_add_overflow(begin, length, &end);
}

/* Which the ID has to be: -1: any, 0: none, 1: one. */
static inline int id_wanted(unsigned int flags)
{
	if (!(flags & SYN) || (flags & ECHO) == ECHO)
		return -1;
	return flags == REPLY || flags & ACK;
}

static inline enum fp_wire_status model_contents(const unsigned char *p,
						 unsigned int flags, unsigned int nr)
{
	u64 id = flags & CONN ? get(p + AT_ID, 8) : 0;
	unsigned int i;

	if (id_wanted(flags) >= 0 && !!id != id_wanted(flags))
		return FP_WIRE_FLAGS;
	for (i = 0; i < nr; i++)
		if (!range_is_one(get(p + AT_ACK, 8), p + AT_RANGES + 8 * i))
			return FP_WIRE_SIZE;
	return FP_WIRE_OK;
}

static inline enum fp_wire_status wire_model(const unsigned char *p, size_t have,
					     size_t avail)
{
	enum fp_wire_status status;
	unsigned int flags, nr;
	size_t len;
	u32 size;

	if (have < HEADER || avail < HEADER)
		return FP_WIRE_INCOMPLETE;
	if (memcmp(p, "FSTP", 4))
		return FP_WIRE_MAGIC;
	if (p[AT_VERSION] != 1 || p[AT_VERSION + 1] != 0)
		return FP_WIRE_VERSION;
	flags = get(p + AT_FLAGS, 2);
	if (!together(flags))
		return FP_WIRE_FLAGS;
	size = get(p + AT_SIZE, 4);
	len = fixed_len(flags);
	if (size < len || size > LARGEST)
		return FP_WIRE_SIZE;
	if (have < len || avail < len)
		return FP_WIRE_INCOMPLETE;
	nr = flags & ACK ? p[AT_NR] : 0;
	len += 8 * nr;
	if (nr > 32 || size < smallest(flags, len) ||
	    size > largest(flags, len))
		return FP_WIRE_SIZE;
	if (have < len || avail < len)
		return FP_WIRE_INCOMPLETE;
	if (get(p + AT_CHECKSUM, 4) != sum(p, len))
		return FP_WIRE_CHECKSUM;
	status = model_contents(p, flags, nr);
	if (status == FP_WIRE_OK && size > avail)
		return FP_WIRE_INCOMPLETE;
	return status;
}

/* How many messages of a pack fit, one after the other; *@all: nothing is left. */
static inline unsigned int pack_model(const unsigned char *p, size_t len,
				      bool *all)
{
	unsigned int nr = 0;

	while (len >= 2 && get(p, 2) <= len - 2) {
		len -= 2 + get(p, 2);
		p += 2 + get(p, 2);
		nr++;
	}
	*all = !len;
	return nr;
}

/* How long the sections are that these bytes announce, right or wrong. */
static inline size_t announced(const unsigned char *p)
{
	unsigned int flags = get(p + AT_FLAGS, 2);

	return fixed_len(flags) +
	       (flags & ACK && p[AT_NR] <= 32 ? p[AT_NR] * 8 : 0);
}

/* All combinations of flags that a frame may have. */
static inline unsigned int valid_flags(u16 *flags, unsigned int room)
{
	unsigned int i, nr = 0;

	for (i = 0; i < 0x10000; i++)
		if (together(i) && nr < room)
			flags[nr++] = i;
	return nr;
}

static inline unsigned char *put_ack(unsigned char *p, const struct fp_ack *ack)
{
	unsigned int i;

	put(p, 8, ack->ack);
	put(p + 8, 4, ack->window);
	put(p + 12, 4, ack->ts);
	put(p + 16, 4, ack->ts_echo);
	put(p + 20, 4, ack->delay);
	put(p + 24, 2, ack->ce);
	put(p + 26, 1, ack->dup);
	put(p + 27, 1, ack->nr);
	p += 28;
	for (i = 0; i < ack->nr; i++, p += 8) {
		const struct fp_range *range = &ack->ranges[i];

		put(p, 4, range->begin - ack->ack);
		put(p + 4, 4, range->end - range->begin);
	}
	return p;
}

static inline unsigned char *put_syn(unsigned char *p, const struct fp_syn *syn)
{
	put(p, 4, syn->tag);
	put(p + 4, 4, syn->msg_max);
	put(p + 8, 4, syn->window);
	put(p + 12, 4, syn->ts);
	put(p + 16, 2, syn->options);
	put(p + 18, 1, syn->version_min);
	put(p + 19, 1, syn->version_max);
	return p + 20;
}

/* What fp_header_encode() should write; returns how much. */
static inline size_t build(unsigned char *p, const struct fp_frame *frame,
			   const struct fp_sections *s)
{
	unsigned char *at = p + HEADER;

	make(p, frame->seq, frame->flags, frame->size);
	if (frame->flags & CONN) {
		put(at, 8, s->conn_id);
		put(at + 8, 4, s->conn_slot);
		at += 12;
	}
	if (frame->flags & ACK)
		at = put_ack(at, &s->ack);
	if (frame->flags & SYN)
		at = put_syn(at, &s->syn);
	if (frame->flags & COOKIE) {
		put(at, 4, s->cookie.time);
		put(at + 4, 8, s->cookie.mac);
		at += 12;
	}
	seal(p, at - p);
	return at - p;
}

static inline bool same_ack(const struct fp_ack *a, const struct fp_ack *b)
{
	return a->ack == b->ack && a->window == b->window && a->ts == b->ts &&
	       a->ts_echo == b->ts_echo && a->delay == b->delay &&
	       a->ce == b->ce && a->dup == b->dup && a->nr == b->nr &&
	       !memcmp(a->ranges, b->ranges, a->nr * sizeof(*a->ranges));
}

static inline bool same_syn(const struct fp_syn *a, const struct fp_syn *b)
{
	return a->tag == b->tag && a->msg_max == b->msg_max &&
	       a->window == b->window && a->ts == b->ts &&
	       a->options == b->options && a->version_min == b->version_min &&
	       a->version_max == b->version_max;
}

static inline bool same_sections(const struct fp_sections *a,
				 const struct fp_sections *b, unsigned int flags)
{
	if (flags & CONN &&
	    (a->conn_id != b->conn_id || a->conn_slot != b->conn_slot))
		return false;
	if (flags & ACK && !same_ack(&a->ack, &b->ack))
		return false;
	if (flags & SYN && !same_syn(&a->syn, &b->syn))
		return false;
	return !(flags & COOKIE) || (a->cookie.time == b->cookie.time &&
				     a->cookie.mac == b->cookie.mac);
}

/*
 * The decoder on a copy of the first bytes, as long as they are: ASan notices
 * when it reads before or behind them.
 */
static inline enum fp_wire_status decode_copy(const unsigned char *p, size_t have,
					      size_t avail, struct fp_frame *frame,
					      struct fp_sections *sections)
{
	unsigned char *copy = malloc(have);
	enum fp_wire_status status;

	memcpy(copy, p, have);
	status = fp_header_decode(copy, have, avail, frame);
	if (status == FP_WIRE_OK && sections)
		fp_sections_decode(copy, frame, sections);
	free(copy);
	return status;
}

#endif /* _WIRE_MODEL_H */
