// SPDX-License-Identifier: GPL-2.0
/* Frames written and read field by field, with none of the module's code. */
#include <endian.h>
#include <string.h>
#include <zlib.h>

#include "grammar.h"

/* A section: its flag, how it is written, and how it is read. */
struct section {
	__u16 flag;
	size_t (*size)(const struct words *w);
	void (*put)(void *at, const struct words *w);
	/* Is given as many bytes as struct and ranges take, or says how many. */
	size_t (*get)(const void *at, size_t left, struct words *w);
};

static size_t conn_size(const struct words *w)
{
	(void)w;
	return sizeof(struct fp_hdr_conn);
}

static void conn_put(void *at, const struct words *w)
{
	const struct fp_hdr_conn conn = {
		.id = htole64(w->id), .slot = htole32(w->slot),
	};

	memcpy(at, &conn, sizeof(conn));
}

static size_t conn_get(const void *at, size_t left, struct words *w)
{
	struct fp_hdr_conn conn;

	if (left < sizeof(conn))
		return 0;
	memcpy(&conn, at, sizeof(conn));
	w->id = le64toh(conn.id);
	w->slot = le32toh(conn.slot);
	return sizeof(conn);
}

static size_t ack_size(const struct words *w)
{
	return sizeof(struct fp_hdr_ack) + w->nr * sizeof(struct fp_hdr_range);
}

static void ack_put(void *at, const struct words *w)
{
	const struct fp_hdr_ack ack = {
		.ack = htole64(w->ack), .window = htole32(w->window),
		.ts = htole32(w->ts), .ts_echo = htole32(w->ts_echo),
		.delay = htole32(w->delay), .ce = htole16(w->ce),
		.dup = w->dup, .nr = w->nr,
	};
	struct fp_hdr_range range;
	unsigned int i;

	memcpy(at, &ack, sizeof(ack));
	for (i = 0; i < w->nr; i++) {
		range.offset = htole32(w->ranges[i].offset);
		range.length = htole32(w->ranges[i].length);
		memcpy((char *)at + sizeof(ack) + i * sizeof(range), &range,
		       sizeof(range));
	}
}

static size_t ack_get(const void *at, size_t left, struct words *w)
{
	struct fp_hdr_range range;
	struct fp_hdr_ack ack;
	unsigned int i;

	if (left < sizeof(ack))
		return 0;
	memcpy(&ack, at, sizeof(ack));
	w->ack = le64toh(ack.ack);
	w->window = le32toh(ack.window);
	w->ts = le32toh(ack.ts);
	w->ts_echo = le32toh(ack.ts_echo);
	w->delay = le32toh(ack.delay);
	w->ce = le16toh(ack.ce);
	w->dup = ack.dup;
	w->nr = ack.nr;
	if (left < ack_size(w))
		return 0;
	for (i = 0; i < w->nr; i++) {
		memcpy(&range, (const char *)at + sizeof(ack) +
		       i * sizeof(range), sizeof(range));
		w->ranges[i].offset = le32toh(range.offset);
		w->ranges[i].length = le32toh(range.length);
	}
	return ack_size(w);
}

static size_t syn_size(const struct words *w)
{
	(void)w;
	return sizeof(struct fp_hdr_syn);
}

static void syn_put(void *at, const struct words *w)
{
	const struct fp_hdr_syn syn = {
		.tag = htole32(w->tag), .msg_max = htole32(w->msg_max),
		.window = htole32(w->syn_window), .ts = htole32(w->syn_ts),
		.options = htole16(w->options),
		.version_min = w->version_min, .version_max = w->version_max,
	};

	memcpy(at, &syn, sizeof(syn));
}

static size_t syn_get(const void *at, size_t left, struct words *w)
{
	struct fp_hdr_syn syn;

	if (left < sizeof(syn))
		return 0;
	memcpy(&syn, at, sizeof(syn));
	w->tag = le32toh(syn.tag);
	w->msg_max = le32toh(syn.msg_max);
	w->syn_window = le32toh(syn.window);
	w->syn_ts = le32toh(syn.ts);
	w->options = le16toh(syn.options);
	w->version_min = syn.version_min;
	w->version_max = syn.version_max;
	return sizeof(syn);
}

static size_t cookie_size(const struct words *w)
{
	(void)w;
	return sizeof(struct fp_hdr_cookie);
}

static void cookie_put(void *at, const struct words *w)
{
	const struct fp_hdr_cookie cookie = {
		.time = htole32(w->time), .mac = htole64(w->mac),
	};

	memcpy(at, &cookie, sizeof(cookie));
}

static size_t cookie_get(const void *at, size_t left, struct words *w)
{
	struct fp_hdr_cookie cookie;

	if (left < sizeof(cookie))
		return 0;
	memcpy(&cookie, at, sizeof(cookie));
	w->time = le32toh(cookie.time);
	w->mac = le64toh(cookie.mac);
	return sizeof(cookie);
}

/* In the order of the wire. */
static const struct section sections[] = {
	{ FP_F_CONN, conn_size, conn_put, conn_get },
	{ FP_F_ACK, ack_size, ack_put, ack_get },
	{ FP_F_SYN, syn_size, syn_put, syn_get },
	{ FP_F_COOKIE, cookie_size, cookie_put, cookie_get },
};

static const struct {
	unsigned int have;	/* flags that make the kind */
} kinds[WORDS_KINDS] = {
	[WORDS_DATAGRAM] = { 0 },
	[WORDS_SYN] = { FP_F_CONN | FP_F_SYN },
	[WORDS_COOKIE] = { FP_F_CONN | FP_F_SYN | FP_F_COOKIE },
	[WORDS_ECHO] = { FP_F_CONN | FP_F_ACK | FP_F_SYN | FP_F_COOKIE },
	[WORDS_ANSWER] = { FP_F_CONN | FP_F_ACK | FP_F_SYN },
	[WORDS_FRAME] = { FP_F_CONN | FP_F_ACK },
	[WORDS_RESET] = { FP_F_CONN | FP_F_RST },
};

unsigned int words_flags(enum words_kind kind)
{
	return kinds[kind].have;
}

/* WORDS_KINDS if it is none. */
enum words_kind words_kind(unsigned int flags)
{
	const unsigned int makes = FP_F_CONN | FP_F_ACK | FP_F_SYN |
				   FP_F_COOKIE | FP_F_RST;
	unsigned int i;

	for (i = 0; i < WORDS_KINDS; i++)
		if ((flags & makes) == kinds[i].have)
			break;
	return i;
}

/* An empty frame with these flags. */
void words_begin(struct words *w, unsigned int flags)
{
	memset(w, 0, sizeof(*w));
	w->magic = FP_MAGIC;
	w->version = FP_VERSION;
	w->flags = flags;
	w->version_min = FP_VERSION;
	w->version_max = FP_VERSION;
}

static size_t header_size(const struct words *w)
{
	size_t len = sizeof(struct fp_hdr), i;

	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (w->flags & sections[i].flag)
			len += sections[i].size(w);
	return len;
}

/* What its size field has to say. */
size_t words_size(const struct words *w)
{
	return header_size(w) + w->len +
	       (w->flags & FP_F_CSUM ? FP_CSUM_LEN : 0);
}

static __u32 crc32c(const unsigned char *p, size_t len)
{
	__u32 sum = ~0u;
	int bit;

	while (len--) {
		sum ^= *p++;
		for (bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
	}
	return ~sum;
}

/*
 * Writes what it says, with the right sums. Returns the number of bytes.
 */
size_t words_write(void *buf, const struct words *w)
{
	struct fp_hdr hdr = {
		.magic = htole32(w->magic), .version = htole16(w->version),
		.flags = htole16(w->flags), .size = htole32(w->size ? w->size : words_size(w)),
		.seq = htole64(w->seq),
	};
	size_t at = sizeof(hdr), i;
	unsigned char *p = buf;
	__u32 sum;

	memcpy(p, &hdr, sizeof(hdr));
	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		if (!(w->flags & sections[i].flag))
			continue;
		sections[i].put(p + at, w);
		at += sections[i].size(w);
	}
	hdr.checksum = htole32(crc32(0, p, at));
	memcpy(p, &hdr, sizeof(hdr));
	if (w->payload)
		memcpy(p + at, w->payload, w->len);
	else
		memset(p + at, 0, w->len);
	at += w->len;
	if (w->flags & FP_F_CSUM) {
		sum = htole32(crc32c(p + at - w->len, w->len) ^ w->spoiled);
		memcpy(p + at, &sum, sizeof(sum));
		at += sizeof(sum);
	}
	return at;
}

/* Is it a valid frame, as far as sizes and sums go? Then it says that. */
bool words_read(const void *buf, size_t len, struct words *w)
{
	const unsigned char *p = buf;
	struct fp_hdr hdr;
	size_t at, i, got;
	__u32 sum;

	memset(w, 0, sizeof(*w));
	if (len < sizeof(hdr))
		return false;
	memcpy(&hdr, p, sizeof(hdr));
	w->magic = le32toh(hdr.magic);
	w->version = le16toh(hdr.version);
	w->flags = le16toh(hdr.flags);
	w->size = le32toh(hdr.size);
	w->seq = le64toh(hdr.seq);
	if (w->magic != FP_MAGIC || w->version != FP_VERSION ||
	    w->flags & ~FP_F_KNOWN || w->size > len ||
	    w->size < sizeof(hdr) ||
	    words_kind(w->flags) == WORDS_KINDS)
		return false;
	at = sizeof(hdr);
	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		if (!(w->flags & sections[i].flag))
			continue;
		got = sections[i].get(p + at, w->size - at, w);
		if (!got)
			return false;
		at += got;
	}
	sum = hdr.checksum;
	hdr.checksum = 0;
	if (le32toh(sum) != crc32(crc32(0, (void *)&hdr, sizeof(hdr)),
				  p + sizeof(hdr), at - sizeof(hdr)))
		return false;
	if (w->flags & FP_F_CSUM)
		at += FP_CSUM_LEN;
	if (w->size < at)
		return false;
	w->payload = p + header_size(w);
	w->len = w->size - at;
	return true;
}
