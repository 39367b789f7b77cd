// SPDX-License-Identifier: GPL-2.0
/*
 * kmod/wire.c against the decoder of wire_model.h: bytes of any kind, and
 * frames of our own making, right ones and damaged ones.
 */
#include "fuzz.h"
#include "wire.h"
#include "wire_model.h"

#define ROOM	(HEADER_MAX + 128)

static unsigned long seen[FP_WIRE_CHECKSUM + 1], seen_conn;
static unsigned long seen_packs[2];	/* with a lie in them, and without */

/* The messages of a pack, read from a copy that is as long as what there is. */
static void check_pack(const u8 *p, u32 len)
{
	u8 *copy = malloc(len);
	unsigned int nr = 0;
	u32 at = 0, part;
	bool all;

	memcpy(copy, p, len);
	while (fp_pack_decode(copy + at, len - at, &part)) {
		FUZZ_CHECK(part == get(p + at, 2));
		at += 2 + part;
		FUZZ_CHECK(at <= len);
		nr++;
	}
	FUZZ_CHECK(nr == pack_model(p, len, &all));
	FUZZ_CHECK(all == (at == len));
	seen_packs[all]++;
	free(copy);
}

/* What was read makes the same bytes again, and says what they say. */
static void check_frame(const u8 *p, size_t avail,
			const struct fp_frame *frame,
			const struct fp_sections *sections)
{
	u8 *again;

	FUZZ_CHECK(frame->version == 1);
	FUZZ_CHECK(frame->seq == get(p + AT_SEQ, 8));
	FUZZ_CHECK(frame->size == get(p + AT_SIZE, 4));
	FUZZ_CHECK(frame->flags == get(p + AT_FLAGS, 2));
	FUZZ_CHECK(frame->hdr_len == announced(p));
	FUZZ_CHECK(frame->size <= avail);
	FUZZ_CHECK(frame->size == frame->hdr_len + frame->payload_len +
				  (frame->flags & CSUM ? 4 : 0));
	again = malloc(frame->hdr_len);
	fp_header_encode(again, frame, sections);
	FUZZ_CHECK(!memcmp(p, again, frame->hdr_len));
	free(again);
}

static void check_bytes(const u8 *p, size_t have, size_t avail)
{
	struct fp_sections sections;
	enum fp_wire_status status;
	struct fp_frame frame;

	/* The parts that are not announced: garbage, and not used. */
	memset(&sections, 0xa5, sizeof(sections));
	status = decode_copy(p, have, avail, &frame, &sections);
	FUZZ_CHECK(status == wire_model(p, have, avail));
	seen[status]++;
	if (status != FP_WIRE_OK)
		return;
	seen_conn += frame.flags & CONN;
	if (frame.flags & PACK && frame.size <= have)
		check_pack(p + frame.hdr_len, frame.payload_len);
	check_frame(p, avail, &frame, &sections);
}

/* All frames of a datagram, as the receiver walks through them. */
static void walk(const u8 *p, size_t len)
{
	struct fp_frame frame;

	while (fp_header_decode(p, len, len, &frame) == FP_WIRE_OK) {
		check_bytes(p, len, len);
		FUZZ_CHECK(frame.size >= HEADER);
		p += frame.size;
		len -= frame.size;
	}
	check_bytes(p, len, len);
}

static void take_sections(struct fuzz *f, struct fp_sections *s,
			  unsigned int flags)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->conn_id = fuzz_any(f);
	if (id_wanted(flags) >= 0)
		s->conn_id = id_wanted(flags) ? s->conn_id | 1 : 0;
	s->conn_slot = fuzz_take(f, 4);
	s->syn.tag = fuzz_take(f, 4);
	s->syn.msg_max = fuzz_any(f);
	s->syn.window = fuzz_any(f);
	s->syn.ts = fuzz_take(f, 4);
	s->syn.options = fuzz_take(f, 2);
	s->syn.version_min = fuzz_take(f, 1);
	s->syn.version_max = fuzz_take(f, 1);
	s->cookie.time = fuzz_take(f, 4);
	s->cookie.mac = fuzz_any(f);
	s->ack.ack = fuzz_any(f) >> 1;
	s->ack.window = fuzz_any(f);
	s->ack.ts = fuzz_take(f, 4);
	s->ack.ts_echo = fuzz_take(f, 4);
	s->ack.delay = fuzz_any(f);
	s->ack.ce = fuzz_take(f, 2);
	s->ack.dup = fuzz_take(f, 1);
	s->ack.nr = flags & ACK ? fuzz_below(f, 33) : 0;
	for (i = 0; i < s->ack.nr; i++) {
		struct fp_range *range = &s->ack.ranges[i];

		range->begin = s->ack.ack + 1 + fuzz_any(f) % 0xffffffff;
		range->end = range->begin + 1 + fuzz_any(f) % 0xffffffff;
	}
}

/* Something is wrong with it, perhaps; the sum is right, mostly. */
static void damage(struct fuzz *f, u8 *p, size_t len)
{
	while (fuzz_chance(f, 40))
		p[fuzz_below(f, len)] = fuzz_take(f, 1);
	if (fuzz_chance(f, 10))
		put(p + AT_SIZE, 4, fuzz_any(f));
	if (fuzz_chance(f, 10))
		p[AT_NR] = fuzz_below(f, 40);
	if (fuzz_chance(f, 10))
		put(p + AT_RANGES, 4, fuzz_any(f));
	if (fuzz_chance(f, 10))
		put(p + AT_ACK, 8, fuzz_any(f));
	if (fuzz_chance(f, 80))
		seal(p, announced(p));
}

/* What we write is what we read, and what stands in it is what was meant. */
static void check_round(const u8 *p, size_t len, const struct fp_frame *in,
			const struct fp_sections *sections)
{
	struct fp_sections again;
	struct fp_frame out;
	u8 *mine;

	FUZZ_CHECK(fp_header_len(in->flags, sections->ack.nr) == len);
	mine = malloc(len);
	fp_header_encode(mine, in, sections);
	FUZZ_CHECK(!memcmp(mine, p, len));
	FUZZ_CHECK(decode_copy(mine, len, in->size, &out, &again) ==
		   FP_WIRE_OK);
	free(mine);
	FUZZ_CHECK(out.seq == in->seq && out.size == in->size &&
		   out.flags == in->flags && out.hdr_len == len);
	FUZZ_CHECK(same_sections(sections, &again, in->flags));
}

/* Messages of any length, of which one may lie. Returns how long they are. */
static size_t make_pack(struct fuzz *f, u8 *p, size_t room)
{
	size_t at = 0, len;

	do {
		len = fuzz_below(f, room - at - 2 + 1) >> fuzz_below(f, 8);
		put(p + at, 2, fuzz_chance(f, 5) ? fuzz_take(f, 2) : len);
		at += 2 + len;
	} while (room - at >= 2 && fuzz_chance(f, 80));
	return at;
}

/* All of it is there to be read. */
static void packed(struct fuzz *f)
{
	struct fp_frame in = { .flags = CONN | ACK | BEGIN | END | PACK };
	struct fp_sections s;
	u8 p[ROOM] = { 0 };
	size_t len;

	in.seq = fuzz_any(f);
	take_sections(f, &s, in.flags);
	len = fixed_len(in.flags) + 8 * s.ack.nr;
	in.size = len + make_pack(f, p + len, sizeof(p) - len);
	FUZZ_CHECK(build(p, &in, &s) == len);
	check_bytes(p, in.size, in.size);
}

static void ours(struct fuzz *f)
{
	static unsigned int nr_flags;
	static u16 flags[256];
	struct fp_frame in = { 0 };
	struct fp_sections s;
	u8 p[ROOM] = { 0 };
	size_t len, have, avail;

	if (!nr_flags)
		nr_flags = valid_flags(flags, ARRAY_SIZE(flags));
	in.flags = flags[fuzz_below(f, nr_flags)];
	in.seq = fuzz_any(f);
	take_sections(f, &s, in.flags);
	len = fixed_len(in.flags) + 8 * s.ack.nr;
	in.size = smallest(in.flags, len);
	if (largest(in.flags, len) == LARGEST)
		in.size += fuzz_below(f, LARGEST + 1 - in.size) >>
			   (fuzz_below(f, 16));
	FUZZ_CHECK(build(p, &in, &s) == len);
	check_round(p, len, &in, &s);

	damage(f, p, len);
	avail = fuzz_chance(f, 80) ? LARGEST : fuzz_below(f, ROOM + 1);
	/* Bytes may be readable behind the datagram's end. */
	have = avail < HEADER_MAX && !fuzz_chance(f, 20) ? avail : HEADER_MAX;
	if (fuzz_chance(f, 20))
		have = fuzz_below(f, have + 1);
	check_bytes(p, have, avail);
}

int fuzz_one(const u8 *data, size_t size)
{
	struct fuzz f = { .at = data, .end = data + size };

	switch (fuzz_take(&f, 1) % 8) {
	case 0:
	case 4:
		walk(f.at, f.end - f.at);
		break;
	case 7:
		packed(&f);
		break;
	default:
		ours(&f);
	}
	return 0;
}

static const char *missed(void)
{
	static const char * const names[] = {
		"valid", "incomplete", "magic", "version", "flags", "size",
		"checksum",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(seen); i++)
		if (!seen[i])
			return names[i];
	if (!seen_packs[0] || !seen_packs[1])
		return "packs, right ones and wrong ones";
	return seen_conn ? NULL : "valid with sections";
}

const struct fuzz_target fuzz_target = {
	.name = "wire",
	.cases = 10000000,
	.size = 512,
	.missed = missed,
};
