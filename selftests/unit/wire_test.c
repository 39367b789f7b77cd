// SPDX-License-Identifier: GPL-2.0
/* The module's frame parser, kmod/wire.c, built in user space. */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "crc.h"
#include "wire.h"
#include "wire_model.h"

#define CASES	1000000	/* of the fuzz test */

static enum fp_wire_status decode(const void *buf, size_t len)
{
	struct fp_frame frame;

	return fp_header_decode(buf, len, len, &frame);
}

static u64 random64(void)
{
	static u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

TEST(crc_is_that_of_zlib)
{
	unsigned char bytes[999];
	size_t i, at, len;
	u32 before;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = random64();
	for (i = 0; i < 20000; i++) {
		before = random64();
		at = random64() % 8;
		len = random64() % (sizeof(bytes) - at) & ~3;
		ASSERT_EQ((u32)crc32(before, bytes + at, len),
			  (u32)~fp_crc_words(~before, bytes + at, len));
	}
}

/* Bytes written out by hand; the sums are those that zlib computes. */
static const struct vector {
	unsigned char bytes[HEADER];
	u64 seq;
	u32 size;
	u16 flags;
} vectors[] = {
	{
		.bytes = {
			0x46, 0x53, 0x54, 0x50, 0x01, 0x00, 0x00, 0x00,
			0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
			0x00, 0x00, 0x00, 0x00, 0x88, 0xfb, 0x33, 0x37,
		},
		.size = 24,
	},
	{
		.bytes = {
			0x46, 0x53, 0x54, 0x50, 0x01, 0x00, 0x00, 0x00,
			0x1d, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
			0x00, 0x00, 0x00, 0x00, 0xf1, 0x6a, 0xcf, 0xd6,
		},
		.seq = 1,
		.size = 29,
	},
	{
		.bytes = {
			0x46, 0x53, 0x54, 0x50, 0x01, 0x00, 0x01, 0x00,
			0x1a, 0x00, 0x00, 0x00, 0xef, 0xcd, 0xab, 0x89,
			0x67, 0x45, 0x23, 0x01, 0x82, 0x7f, 0xf6, 0xe4,
		},
		.seq = 0x0123456789abcdef,
		.size = 26,
		.flags = FP_F_NEEDS_COPY,
	},
};

TEST(known_headers)
{
	unsigned char bytes[HEADER];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct fp_frame frame;

		memset(&frame, 0x55, sizeof(frame));
		EXPECT_EQ(sum(v->bytes, HEADER), get(v->bytes + AT_CHECKSUM, 4));
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(v->bytes, HEADER,
						       v->size, &frame));
		EXPECT_EQ(v->seq, frame.seq);
		EXPECT_EQ(v->size, frame.size);
		EXPECT_EQ(v->size - HEADER, frame.payload_len);
		EXPECT_EQ(1, frame.version);
		EXPECT_EQ(v->flags, frame.flags);
		EXPECT_EQ(HEADER, frame.hdr_len);
		fp_header_encode(bytes, &frame, NULL);
		EXPECT_EQ(0, memcmp(bytes, v->bytes, HEADER));
	}
}

TEST(encode_agrees_with_zlib)
{
	unsigned char expected[HEADER], bytes[HEADER];
	struct fp_frame frame = { 0 };
	int i;

	for (i = 0; i < 100000; i++) {
		frame.seq = random64() >> random64() % 64;
		frame.size = HEADER + random64() % (LARGEST - HEADER + 1);
		frame.flags = random64() & FP_F_DGRAM;
		make(expected, frame.seq, frame.flags, frame.size);
		fp_header_encode(bytes, &frame, NULL);
		ASSERT_EQ(0, memcmp(bytes, expected, HEADER));
	}
}

TEST(decode_undoes_encode)
{
	struct fp_frame in = { 0 }, out;
	unsigned char bytes[HEADER];
	int i;

	for (i = 0; i < 100000; i++) {
		in.seq = random64();
		in.size = HEADER + random64() % (LARGEST - HEADER + 1);
		in.flags = random64() & FP_F_DGRAM;
		fp_header_encode(bytes, &in, NULL);
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(bytes, HEADER, in.size,
						       &out));
		ASSERT_EQ(in.seq, out.seq);
		ASSERT_EQ(in.size, out.size);
		ASSERT_EQ(in.flags, out.flags);
		ASSERT_EQ(in.size - HEADER, out.payload_len);
		ASSERT_EQ(HEADER, out.hdr_len);
		ASSERT_EQ(FP_VERSION, out.version);
	}
}

TEST(every_field_wrong_in_turn)
{
	static const struct {
		unsigned int at, bytes;
		u64 value;
		enum fp_wire_status status;
	} wrong[] = {
		{ AT_MAGIC, 4, 0, FP_WIRE_MAGIC },
		{ AT_MAGIC, 4, 0x46535450, FP_WIRE_MAGIC },
		{ AT_VERSION, 2, 0, FP_WIRE_VERSION },
		{ AT_VERSION, 2, 2, FP_WIRE_VERSION },
		{ AT_VERSION, 2, 0x0100, FP_WIRE_VERSION },
		{ AT_VERSION, 2, 0xffff, FP_WIRE_VERSION },
		{ AT_FLAGS, 2, 0x0002, FP_WIRE_FLAGS },
		{ AT_FLAGS, 2, 0x0003, FP_WIRE_FLAGS },
		{ AT_FLAGS, 2, 0x8000, FP_WIRE_FLAGS },
		{ AT_FLAGS, 2, 0xffff, FP_WIRE_FLAGS },
		{ AT_SIZE, 4, 0, FP_WIRE_SIZE },
		{ AT_SIZE, 4, HEADER - 1, FP_WIRE_SIZE },
		{ AT_SIZE, 4, LARGEST + 1, FP_WIRE_SIZE },
		{ AT_SIZE, 4, 0x10000 + HEADER, FP_WIRE_SIZE },
		{ AT_SIZE, 4, 0xffffffff, FP_WIRE_SIZE },
	};
	unsigned char frame[HEADER];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		make(frame, 5, 0, HEADER);
		put(frame + wrong[i].at, wrong[i].bytes, wrong[i].value);
		seal(frame, HEADER);
		EXPECT_EQ(wrong[i].status, decode(frame, HEADER));
		/* The same with a checksum that is wrong on top. */
		frame[AT_CHECKSUM] ^= 1;
		EXPECT_EQ(wrong[i].status, decode(frame, HEADER));
	}
	make(frame, 5, 0, HEADER);
	ASSERT_EQ(FP_WIRE_OK, decode(frame, HEADER));
	put(frame + AT_SEQ, 8, 6);
	EXPECT_EQ(FP_WIRE_CHECKSUM, decode(frame, HEADER));
	seal(frame, HEADER);
	EXPECT_EQ(FP_WIRE_OK, decode(frame, HEADER));
	put(frame + AT_CHECKSUM, 4, 0);
	EXPECT_EQ(FP_WIRE_CHECKSUM, decode(frame, HEADER));
}

TEST(every_flag_bit_of_a_datagram)
{
	unsigned char frame[HEADER];
	int bit;

	for (bit = 0; bit < 16; bit++) {
		make(frame, 0, 1 << bit, HEADER);
		EXPECT_EQ(FP_F_DGRAM & 1 << bit ? FP_WIRE_OK : FP_WIRE_FLAGS,
			  decode(frame, HEADER));
	}
}

TEST(first_wrong_field_is_the_reason)
{
	unsigned char frame[HEADER];

	make(frame, 0, 0, 100);
	frame[AT_SEQ] = 1;
	/* A wrong sum comes before the missing rest. */
	EXPECT_EQ(FP_WIRE_CHECKSUM, decode(frame, HEADER));
	put(frame + AT_SIZE, 4, 1);
	EXPECT_EQ(FP_WIRE_SIZE, decode(frame, HEADER));
	put(frame + AT_FLAGS, 2, 0x8000);
	EXPECT_EQ(FP_WIRE_FLAGS, decode(frame, HEADER));
	put(frame + AT_VERSION, 2, 7);
	EXPECT_EQ(FP_WIRE_VERSION, decode(frame, HEADER));
	put(frame + AT_MAGIC, 4, 7);
	EXPECT_EQ(FP_WIRE_MAGIC, decode(frame, HEADER));
	/* And too few bytes for a header before everything. */
	EXPECT_EQ(FP_WIRE_INCOMPLETE, decode(frame, HEADER - 1));
}

TEST(every_bit_of_the_header_counts)
{
	static const u64 seqs[] = { 0, 1, 0x0123456789abcdef, ~0ull };
	static const u32 sizes[] = { HEADER, 29, 1024, LARGEST };
	unsigned char frame[HEADER];
	size_t i, j;
	int bit;

	for (i = 0; i < ARRAY_SIZE(seqs); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			struct fp_frame out;

			make(frame, seqs[i], j & 1, sizes[j]);
			for (bit = 0; bit < HEADER * 8; bit++) {
				frame[bit / 8] ^= 1 << bit % 8;
				ASSERT_NE(FP_WIRE_OK,
					  fp_header_decode(frame, HEADER,
							   LARGEST, &out));
				frame[bit / 8] ^= 1 << bit % 8;
			}
			ASSERT_EQ(FP_WIRE_OK, fp_header_decode(frame, HEADER,
							       LARGEST, &out));
		}
	}
}

TEST(every_truncation)
{
	unsigned char frame[HEADER + 300] = { 0 };
	size_t len;

	make(frame, 9, 0, sizeof(frame));
	for (len = 0; len < sizeof(frame); len++)
		ASSERT_EQ(FP_WIRE_INCOMPLETE, decode(frame, len));
	EXPECT_EQ(FP_WIRE_OK, decode(frame, len));
}

TEST(smallest_and_largest)
{
	unsigned char frame[HEADER];
	struct fp_frame out;

	make(frame, 0, 0, HEADER);
	ASSERT_EQ(FP_WIRE_OK, decode(frame, HEADER));
	make(frame, 0, 0, LARGEST);
	ASSERT_EQ(FP_WIRE_OK, fp_header_decode(frame, HEADER, LARGEST, &out));
	EXPECT_EQ(LARGEST - HEADER, out.payload_len);
	EXPECT_EQ(FP_WIRE_INCOMPLETE,
		  fp_header_decode(frame, HEADER, LARGEST - 1, &out));
	EXPECT_EQ(FP_DGRAM_MAX_INET6, out.payload_len);
}

/* What lies behind a frame makes no difference to it. */
TEST(several_frames_in_a_row)
{
	static const u32 payloads[] = { 0, 1, 7, 300, 0, 0, 24, 1000 };
	unsigned char buf[4096] = { 0 };
	size_t i, end = 0, offset = 0;
	struct fp_frame frame;

	for (i = 0; i < ARRAY_SIZE(payloads); i++) {
		make(buf + end, i, 0, HEADER + payloads[i]);
		end += HEADER + payloads[i];
	}
	for (i = 0; i < ARRAY_SIZE(payloads); i++) {
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(buf + offset,
						       end - offset,
						       end - offset, &frame));
		EXPECT_EQ(i, frame.seq);
		EXPECT_EQ(payloads[i], frame.payload_len);
		offset += frame.size;
	}
	EXPECT_EQ(end, offset);
	EXPECT_EQ(FP_WIRE_INCOMPLETE, decode(buf + offset, 0));
}

TEST(no_alignment_needed)
{
	unsigned char room[HEADER + 8], again[HEADER + 8];
	struct fp_frame frame;
	size_t i;

	for (i = 0; i < 8; i++) {
		make(room + i, 77, 1, HEADER);
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(room + i, HEADER,
						       HEADER, &frame));
		fp_header_encode(again + i, &frame, NULL);
		EXPECT_EQ(0, memcmp(room + i, again + i, HEADER));
	}
}

TEST(encode_writes_a_header_and_no_more)
{
	struct fp_frame frame = { .size = HEADER, .seq = ~0ull };
	unsigned char room[HEADER + 16];
	size_t i;

	memset(room, 0x55, sizeof(room));
	fp_header_encode(room + 8, &frame, NULL);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0x55, room[i]);
		EXPECT_EQ(0x55, room[HEADER + 8 + i]);
	}
}

/* Two pages, the second not to be touched; returns where it begins. */
static unsigned char *guard(int protection)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned char *p;

	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	make(p + page - HEADER, 3, 0, 5000);
	if (mprotect(p, page, protection) ||
	    mprotect(p + page, page, PROT_NONE))
		return NULL;
	return p + page;
}

/*
 * Only the header need be readable, whatever the datagram holds behind it; and
 * of a header that is not all there, nothing behind its end is read.
 */
TEST(reads_only_what_it_has)
{
	unsigned char *end = guard(PROT_READ | PROT_WRITE);
	struct fp_frame frame;
	size_t have;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(FP_WIRE_OK, fp_header_decode(end - HEADER, HEADER, 5000,
					       &frame));
	ASSERT_EQ(FP_WIRE_OK, fp_header_decode(end - HEADER, HEADER, 60000,
					       &frame));
	for (have = 0; have < HEADER; have++) {
		memcpy(end - have, "FSTP\1\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0",
		       have);
		ASSERT_EQ(FP_WIRE_INCOMPLETE,
			  fp_header_decode(end - have, have, have, &frame));
	}
}

TEST(changes_nothing)
{
	unsigned char *end = guard(PROT_READ);
	struct fp_frame frame;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(FP_WIRE_OK, fp_header_decode(end - HEADER, HEADER, 5000,
					       &frame));
	ASSERT_EQ(FP_WIRE_INCOMPLETE, fp_header_decode(end - HEADER, HEADER,
						       4999, &frame));
}

/*
 * Headers that are right but for some random damage, mostly sealed again: so
 * that all checks are reached, and not only the first.
 */
TEST(fuzz)
{
	unsigned int count[FP_WIRE_CHECKSUM + 1] = { 0 };
	unsigned char buf[HEADER];
	int i, n;

	for (i = 0; i < CASES; i++) {
		enum fp_wire_status expected, status;
		size_t avail = random64() % 200;
		struct fp_frame frame;
		u64 r = random64();

		make(buf, random64(), r & 1, r >> 8 & 0xff);
		for (n = r >> 16 & 3; n; n--)
			buf[random64() % HEADER] = random64();
		if (r >> 20 & 3)
			seal(buf, HEADER);
		if (!(r >> 24 & 15))
			avail = random64() % 70000;
		expected = wire_model(buf, avail < HEADER ? avail : HEADER,
				      avail);
		status = fp_header_decode(buf, avail < HEADER ? avail : HEADER,
					  avail, &frame);
		ASSERT_EQ(expected, status);
		count[status]++;
		if (status != FP_WIRE_OK)
			continue;
		ASSERT_EQ(get(buf + AT_SEQ, 8), frame.seq);
		ASSERT_EQ(get(buf + AT_SIZE, 4), frame.size);
		ASSERT_EQ(get(buf + AT_FLAGS, 2), frame.flags);
		ASSERT_EQ(frame.size, frame.hdr_len + frame.payload_len);
		ASSERT_LE(frame.size, avail);
	}
	/* Every answer came often enough to mean something. */
	for (n = 0; n <= FP_WIRE_CHECKSUM; n++)
		EXPECT_LT(CASES / 1000, count[n]);
}

static void random_sections(struct fp_sections *s, unsigned int flags,
			    unsigned int nr)
{
	unsigned char *p = (unsigned char *)s;
	unsigned int i;
	u64 r;

	for (i = 0; i < sizeof(*s) / sizeof(r); i++) {
		r = random64();
		memcpy(p + i * sizeof(r), &r, sizeof(r));
	}
	if (id_wanted(flags) > 0)
		s->conn_id |= 1;
	else if (!id_wanted(flags))
		s->conn_id = 0;
	s->ack.ack >>= 1 + random64() % 63;
	s->ack.nr = nr;
	for (i = 0; i < nr; i++) {
		struct fp_range *range = &s->ack.ranges[i];

		range->begin = s->ack.ack + 1 + random64() % 0xffffffff;
		range->end = range->begin + 1 + random64() % 0xffffffff;
	}
}

/* A frame of these flags with random sections; returns its header's length. */
static size_t make_conn(unsigned char *p, unsigned int flags, unsigned int nr)
{
	struct fp_frame frame = { .seq = random64(), .flags = flags };
	struct fp_sections s;

	if (!(flags & ACK))
		nr = 0;
	frame.size = smallest(flags, fixed_len(flags) + nr * 8);
	random_sections(&s, flags, nr);
	return build(p, &frame, &s);
}

TEST(header_lengths)
{
	EXPECT_EQ(352, HEADER_MAX);
	EXPECT_EQ(HEADER_MAX, FP_HDR_MAX);
	EXPECT_EQ(24, fp_header_len(0, 0));
	EXPECT_EQ(24, fp_header_len(1, 7));
	EXPECT_EQ(36, fp_header_len(CONN | RST, 7));
	EXPECT_EQ(56, fp_header_len(CONN | SYN, 7));
	EXPECT_EQ(68, fp_header_len(REPLY, 7));
	EXPECT_EQ(64, fp_header_len(CONN | ACK, 0));
	EXPECT_EQ(72, fp_header_len(CONN | ACK | BEGIN | CSUM, 1));
	EXPECT_EQ(320, fp_header_len(CONN | ACK | FIN, 32));
	EXPECT_EQ(96, fp_header_len(ECHO | END, 0));
	EXPECT_EQ(352, fp_header_len(ECHO | PROBE, 32));
}

TEST(every_combination_of_flags)
{
	unsigned char buf[HEADER_MAX + 5] = { 0 };
	unsigned int flags, count = 0;

	for (flags = 0; flags < 0x10000; flags++) {
		bool ok = together(flags);

		make_conn(buf, flags, 0);
		ASSERT_EQ(ok ? FP_WIRE_OK : FP_WIRE_FLAGS,
			  decode(buf, get(buf + AT_SIZE, 4)))
			TH_LOG("flags 0x%x", flags);
		count += ok;
	}
	/*
	 * 2 datagrams, RST, SYN and the cookie reply; and with an echo, with a
	 * SYN section only, and with neither: 5 free bits, or FIN and 3, or a pack
	 * and 2.
	 */
	EXPECT_EQ(2 + 3 + 3 * (32 + 8 + 4), count);
}

TEST(sections_there_and_back)
{
	unsigned int i, nr, nr_flags, round;
	u16 flags[256];

	nr_flags = valid_flags(flags, ARRAY_SIZE(flags));
	for (i = 0; i < nr_flags; i++) {
		for (round = 0; round < 330; round++) {
			struct fp_frame in = { .flags = flags[i] }, out;
			unsigned char expected[HEADER_MAX], *buf;
			struct fp_sections s, again;
			size_t len;

			nr = round % 33;
			random_sections(&s, in.flags, nr);
			len = fixed_len(in.flags);
			if (in.flags & ACK)
				len += nr * 8;
			ASSERT_EQ(len, fp_header_len(in.flags, nr));
			in.seq = random64();
			in.size = smallest(in.flags, len);
			if (largest(in.flags, len) == LARGEST)
				in.size += random64() % 60000;
			ASSERT_EQ(len, build(expected, &in, &s));
			buf = malloc(len);
			fp_header_encode(buf, &in, &s);
			ASSERT_EQ(0, memcmp(expected, buf, len));
			ASSERT_EQ(FP_WIRE_OK, decode_copy(buf, len, in.size,
							  &out, &again));
			free(buf);
			ASSERT_EQ(in.seq, out.seq);
			ASSERT_EQ(in.size, out.size);
			ASSERT_EQ(in.flags, out.flags);
			ASSERT_EQ(len, out.hdr_len);
			ASSERT_EQ(in.size, len + out.payload_len +
				  (in.flags & CSUM ? 4 : 0));
			ASSERT_TRUE(same_sections(&s, &again, in.flags));
		}
	}
}

TEST(sections_not_announced_are_left_alone)
{
	static const u16 flags[] = {
		0, CONN | RST, CONN | SYN, REPLY, CONN | ACK, ECHO,
	};
	struct fp_sections s, untouched;
	unsigned char buf[100];
	struct fp_frame frame;
	size_t i;

	memset(&untouched, 0x55, sizeof(untouched));
	untouched.ack.nr = 32;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		make_conn(buf, flags[i], 0);
		s = untouched;
		ASSERT_EQ(FP_WIRE_OK, decode_copy(buf, sizeof(buf),
						  sizeof(buf), &frame, &s));
		EXPECT_TRUE(same_sections(&s, &untouched, ~flags[i]));
		if (flags[i])
			EXPECT_FALSE(same_sections(&s, &untouched, flags[i]));
	}
}

TEST(every_section_field_wrong_in_turn)
{
	static const struct {
		unsigned int flags, nr;
		unsigned int at, bytes;
		u64 value;
		enum fp_wire_status status;
		bool sealed;	/* found behind the checksum */
	} wrong[] = {
		{ CONN | RST, 0, AT_SIZE, 4, 35, FP_WIRE_SIZE, false },
		{ CONN | RST, 0, AT_SIZE, 4, 37, FP_WIRE_SIZE, false },
		{ CONN | SYN, 0, AT_SIZE, 4, 55, FP_WIRE_SIZE, false },
		{ CONN | SYN, 0, AT_SIZE, 4, 67, FP_WIRE_SIZE, false },
		{ CONN | SYN, 0, AT_SIZE, 4, 65528, FP_WIRE_SIZE, false },
		{ CONN | SYN, 0, AT_ID, 8, 1, FP_WIRE_FLAGS, true },
		{ CONN | SYN, 0, AT_ID, 8, 1ull << 63, FP_WIRE_FLAGS, true },
		{ REPLY, 0, AT_SIZE, 4, 67, FP_WIRE_SIZE, false },
		{ REPLY, 0, AT_SIZE, 4, 69, FP_WIRE_SIZE, false },
		{ REPLY, 0, AT_ID, 8, 0, FP_WIRE_FLAGS, true },
		{ ECHO, 0, AT_SIZE, 4, 95, FP_WIRE_SIZE, false },
		{ CONN | ACK | SYN, 0, AT_ID, 8, 0, FP_WIRE_FLAGS, true },
		{ CONN | ACK | SYN | BEGIN, 2, AT_ID, 8, 0, FP_WIRE_FLAGS,
		  true },
		{ CONN | ACK, 0, AT_SIZE, 4, 63, FP_WIRE_SIZE, false },
		{ CONN | ACK, 0, AT_SIZE, 4, 65528, FP_WIRE_SIZE, false },
		{ CONN | ACK, 0, AT_NR, 1, 1, FP_WIRE_SIZE, false },
		{ CONN | ACK, 3, AT_NR, 1, 4, FP_WIRE_SIZE, false },
		{ CONN | ACK, 32, AT_NR, 1, 33, FP_WIRE_SIZE, false },
		{ CONN | ACK, 0, AT_NR, 1, 255, FP_WIRE_SIZE, false },
		{ CONN | ACK, 3, AT_SIZE, 4, 87, FP_WIRE_SIZE, false },
		{ CONN | ACK, 3, AT_RANGES, 4, 0, FP_WIRE_SIZE, true },
		{ CONN | ACK, 3, AT_RANGES + 4, 4, 0, FP_WIRE_SIZE, true },
		{ CONN | ACK, 3, AT_RANGES + 16, 4, 0, FP_WIRE_SIZE, true },
		{ CONN | ACK, 3, AT_RANGES + 20, 4, 0, FP_WIRE_SIZE, true },
		{ CONN | ACK, 1, AT_ACK, 8, ~0ull, FP_WIRE_SIZE, true },
		{ CONN | ACK, 1, AT_ACK, 8, ~0ull - 1, FP_WIRE_SIZE, true },
		{ CONN | ACK | FIN, 0, AT_SIZE, 4, 65, FP_WIRE_SIZE, false },
		{ CONN | ACK | FIN, 1, AT_NR, 1, 0, FP_WIRE_SIZE, false },
		{ ECHO | FIN, 1, AT_SIZE, 4, 105, FP_WIRE_SIZE, false },
		{ CONN | ACK | CSUM, 0, AT_SIZE, 4, 64, FP_WIRE_SIZE, false },
		{ CONN | ACK | CSUM, 0, AT_SIZE, 4, 68, FP_WIRE_SIZE, false },
		{ CONN | ACK | CSUM | END, 0, AT_SIZE, 4, 67, FP_WIRE_SIZE,
		  false },
		{ ECHO | CSUM | BEGIN, 32, AT_SIZE, 4, 355, FP_WIRE_SIZE,
		  false },
	};
	unsigned char buf[HEADER_MAX + 16] = { 0 };
	struct fp_frame frame;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		len = make_conn(buf, wrong[i].flags, wrong[i].nr);
		ASSERT_EQ(FP_WIRE_OK, decode(buf, sizeof(buf)));
		put(buf + wrong[i].at, wrong[i].bytes, wrong[i].value);
		EXPECT_EQ(wrong[i].sealed ? FP_WIRE_CHECKSUM : wrong[i].status,
			  fp_header_decode(buf, sizeof(buf), 70000, &frame));
		seal(buf, len);
		EXPECT_EQ(wrong[i].status,
			  fp_header_decode(buf, sizeof(buf), 70000, &frame))
			TH_LOG("case %zu", i);
	}
}

TEST(order_of_the_section_checks)
{
	const unsigned int first = CONN | ACK | SYN;
	unsigned char buf[HEADER_MAX + 4];
	size_t len;

	/* All is wrong: each step puts one thing right. */
	len = make_conn(buf, first | FIN, 2);
	put(buf + AT_ID, 8, 0);
	put(buf + AT_RANGES, 4, 0);
	put(buf + AT_NR, 1, 33);
	put(buf + AT_SIZE, 4, 10);
	put(buf + AT_FLAGS, 2, first | FIN | CSUM);
	put(buf + AT_CHECKSUM, 4, 0);
	EXPECT_EQ(FP_WIRE_FLAGS, decode(buf, HEADER));
	put(buf + AT_FLAGS, 2, first | DONE);
	EXPECT_EQ(FP_WIRE_FLAGS, decode(buf, HEADER));
	put(buf + AT_FLAGS, 2, first | FIN);
	EXPECT_EQ(FP_WIRE_SIZE, decode(buf, HEADER));
	put(buf + AT_SIZE, 4, len);
	EXPECT_EQ(FP_WIRE_INCOMPLETE, decode(buf, 83));
	EXPECT_EQ(FP_WIRE_SIZE, decode(buf, 84));
	put(buf + AT_NR, 1, 2);
	EXPECT_EQ(FP_WIRE_INCOMPLETE, decode(buf, 84));
	EXPECT_EQ(FP_WIRE_CHECKSUM, decode(buf, len));
	seal(buf, len);
	EXPECT_EQ(FP_WIRE_FLAGS, decode(buf, len));
	put(buf + AT_ID, 8, 5);
	seal(buf, len);
	EXPECT_EQ(FP_WIRE_SIZE, decode(buf, len));
	put(buf + AT_RANGES, 4, 1);
	seal(buf, len);
	EXPECT_EQ(FP_WIRE_OK, decode(buf, len));

	/* What the sections say comes before a payload that is missing. */
	len = make_conn(buf, first | BEGIN, 0);
	put(buf + AT_SIZE, 4, len + 1);
	put(buf + AT_ID, 8, 0);
	seal(buf, len);
	EXPECT_EQ(FP_WIRE_FLAGS, decode(buf, len));
	put(buf + AT_ID, 8, 5);
	seal(buf, len);
	EXPECT_EQ(FP_WIRE_INCOMPLETE, decode(buf, len));
	EXPECT_EQ(FP_WIRE_OK, decode(buf, len + 1));
}

TEST(ranges_up_to_the_last_number)
{
	static const struct {
		u32 below;	/* of ack, below 2^64 - 1 */
		u32 offset, length;
		bool ok;
	} ends[] = {
		{ 0, 1, 1, false },
		{ 1, 1, 1, false },
		{ 2, 1, 1, true },
		{ 100, 50, 50, true },
		{ 100, 50, 51, false },
		{ 100, 51, 50, false },
		{ 100, 99, 1, true },
		{ 100, 100, 1, false },
		{ 100, 1, 0xffffffff, false },
		{ 0xffffffff, 0xfffffffe, 1, true },
		{ 0xffffffff, 0xffffffff, 1, false },
		{ 0xffffffff, 0xffffffff, 0xffffffff, false },
	};
	unsigned char buf[HEADER_MAX];
	struct fp_sections s;
	struct fp_frame frame;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		len = make_conn(buf, CONN | ACK, 2);
		put(buf + AT_ACK, 8, ~0ull - ends[i].below);
		put(buf + AT_RANGES, 4, 1);
		put(buf + AT_RANGES + 4, 4, 1);
		put(buf + AT_RANGES + 8, 4, ends[i].offset);
		put(buf + AT_RANGES + 12, 4, ends[i].length);
		seal(buf, len);
		ASSERT_EQ(ends[i].ok ? FP_WIRE_OK : FP_WIRE_SIZE,
			  decode_copy(buf, len, len, &frame, &s))
			TH_LOG("case %zu", i);
		if (!ends[i].ok)
			continue;
		EXPECT_EQ(~0ull - ends[i].below + ends[i].offset,
			  s.ack.ranges[1].begin);
		EXPECT_EQ(s.ack.ranges[1].begin + ends[i].length,
			  s.ack.ranges[1].end);
	}
	/* Far from the end, the greatest range there is. */
	len = make_conn(buf, CONN | ACK, 1);
	put(buf + AT_ACK, 8, 0);
	put(buf + AT_RANGES, 8, ~0ull);
	seal(buf, len);
	ASSERT_EQ(FP_WIRE_OK, decode_copy(buf, len, len, &frame, &s));
	EXPECT_EQ(0xffffffffull, s.ack.ranges[0].begin);
	EXPECT_EQ(0x1fffffffeull, s.ack.ranges[0].end);
}

TEST(every_bit_of_the_sections_counts)
{
	static const u16 flags[] = { CONN | RST, CONN | SYN, REPLY, ECHO | END };
	unsigned char buf[HEADER_MAX + 12];
	struct fp_frame frame;
	size_t i, len, bit;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		len = make_conn(buf, flags[i], 32);
		for (bit = 0; bit < len * 8; bit++) {
			buf[bit / 8] ^= 1 << bit % 8;
			ASSERT_NE(FP_WIRE_OK, fp_header_decode(buf, len, 70000,
							       &frame));
			buf[bit / 8] ^= 1 << bit % 8;
		}
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(buf, len, 70000,
						       &frame));
	}
}

/*
 * Every valid frame, cut everywhere: the sections must be readable, and no
 * more; and the datagram must hold the frame.
 */
TEST(every_truncation_of_sections)
{
	unsigned char buf[HEADER_MAX + 100] = { 0 };
	u16 flags[256];
	unsigned int i, nr_flags, nr;
	struct fp_sections s;
	struct fp_frame frame;
	size_t have, len;
	u32 size;

	nr_flags = valid_flags(flags, ARRAY_SIZE(flags));
	for (i = 0; i < nr_flags; i++) {
		for (nr = 0; nr <= 32; nr += 16) {
			len = make_conn(buf, flags[i], nr);
			size = get(buf + AT_SIZE, 4);
			for (have = 0; have < len; have++)
				ASSERT_EQ(FP_WIRE_INCOMPLETE,
					  decode_copy(buf, have, sizeof(buf),
						      &frame, &s));
			for (; have < size; have++)
				ASSERT_EQ(FP_WIRE_INCOMPLETE,
					  decode_copy(buf, have, have, &frame,
						      &s));
			ASSERT_EQ(FP_WIRE_OK,
				  decode_copy(buf, len, size, &frame, &s));
		}
	}
}

/* Bytes may be readable behind the datagram's end: they are none of it. */
TEST(datagram_ends_before_what_is_readable)
{
	unsigned char buf[HEADER_MAX];
	struct fp_frame frame;
	size_t avail, len;

	len = make_conn(buf, ECHO, 32);
	for (avail = 0; avail < len; avail++)
		ASSERT_EQ(FP_WIRE_INCOMPLETE,
			  fp_header_decode(buf, len, avail, &frame));
	/* What is wrong there is not seen. */
	put(buf + AT_RANGES, 4, 0);
	ASSERT_EQ(FP_WIRE_INCOMPLETE,
		  fp_header_decode(buf, len, AT_RANGES, &frame));
	ASSERT_EQ(FP_WIRE_CHECKSUM, fp_header_decode(buf, len, len, &frame));
}

/* Behind the check, the count of ranges is what the check has found. */
TEST(count_of_ranges_is_read_once)
{
	struct fp_sections *s = malloc(sizeof(*s));
	unsigned char *buf = malloc(72);
	struct fp_frame frame;

	make_conn(buf, CONN | ACK, 1);
	ASSERT_EQ(FP_WIRE_OK, fp_header_decode(buf, 72, 72, &frame));
	buf[AT_NR] = 255;
	fp_sections_decode(buf, &frame, s);
	EXPECT_EQ(1, s->ack.nr);
	free(buf);
	free(s);
}

TEST(sections_need_no_alignment)
{
	unsigned char room[HEADER_MAX + 24], again[HEADER_MAX + 24];
	struct fp_frame frame;
	struct fp_sections s;
	size_t i, j, len;

	for (i = 0; i < 8; i++) {
		len = make_conn(room + i, ECHO, 32);
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(room + i, len, len,
						       &frame));
		fp_sections_decode(room + i, &frame, &s);
		memset(again, 0x55, sizeof(again));
		fp_header_encode(again + 8 + i, &frame, &s);
		EXPECT_EQ(0, memcmp(room + i, again + 8 + i, len));
		/* Nothing is written before and behind. */
		for (j = 0; j < 8; j++) {
			EXPECT_EQ(0x55, again[i + j]);
			EXPECT_EQ(0x55, again[8 + i + len + j]);
		}
	}
}

TEST(several_kinds_in_a_row)
{
	static const struct {
		u16 flags, nr, payload;
	} in[] = {
		{ 0, 0, 10 }, { CONN | RST, 0, 0 }, { CONN | ACK, 3, 0 },
		{ CONN | ACK | BEGIN, 0, 700 }, { CONN | ACK, 32, 700 },
		{ CONN | ACK | END | CSUM, 1, 3 }, { 1, 0, 0 },
		{ CONN | ACK | FIN, 0, 0 }, { CONN | ACK | FIN | DONE, 1, 0 },
	};
	size_t i, len, end = 0, offset = 0;
	unsigned char buf[4096] = { 0 };
	struct fp_frame frame;
	u32 size;

	for (i = 0; i < ARRAY_SIZE(in); i++) {
		len = make_conn(buf + end, in[i].flags, in[i].nr);
		size = len + in[i].payload + (in[i].flags & CSUM ? 4 : 0);
		put(buf + end + AT_SIZE, 4, size);
		seal(buf + end, len);
		end += size;
	}
	for (i = 0; i < ARRAY_SIZE(in); i++) {
		ASSERT_EQ(FP_WIRE_OK, decode_copy(buf + offset, end - offset,
						  end - offset, &frame, NULL));
		EXPECT_EQ(in[i].flags, frame.flags);
		EXPECT_EQ(in[i].payload, frame.payload_len);
		offset += frame.size;
	}
	EXPECT_EQ(end, offset);
}

/* A frame that is right but for some random damage; mostly sealed. */
static void make_damaged(unsigned char *p, unsigned int flags)
{
	u64 r = random64();
	unsigned int nr = r & 3 ? r >> 2 & 3 : random64() % 33;
	size_t len = make_conn(p, flags, nr);

	/* Mostly a size that its kind may have, and a payload. */
	if (!(r >> 8 & 3) || largest(flags, len) == LARGEST)
		put(p + AT_SIZE, 4, get(p + AT_SIZE, 4) + (r >> 10 & 63));
	if (!(r >> 16 & 15))
		put(p + AT_SIZE, 4, random64() % 400);
	if (!(r >> 20 & 15))
		put(p + AT_ACK, 8, ~0ull >> (r >> 24 & 63) % 40);
	if (!(r >> 30 & 15))
		put(p + AT_ID, 8, r >> 34 & 1);
	if (!(r >> 36 & 7))
		put(p + AT_NR, 1, random64() % 40);
	if (!(r >> 40 & 15))
		put(p + AT_RANGES + (r >> 44 & 12), 4, r >> 48 & 1);
	if (!(r >> 50 & 7))
		p[random64() % len] = random64();
	if (r >> 56 & 15)
		seal(p, announced(p));
}

/* All messages of a pack whose bytes are these; the number of those that fit. */
static unsigned int unpack(const unsigned char *bytes, size_t len, u32 *lens)
{
	unsigned char *copy = malloc(len);
	unsigned int nr = 0;
	u32 at = 0;

	memcpy(copy, bytes, len);
	for (; fp_pack_decode(copy + at, len - at, &lens[nr]); nr++)
		at += FP_PACK_LEN + lens[nr];
	free(copy);
	return nr;
}

TEST(packs_there_and_back)
{
	static const u32 lens[] = { 0, 1, 255, 256, 0, 0, 3000, 0 };
	unsigned char bytes[4096] = { 0 };
	u32 out[ARRAY_SIZE(lens) + 1], end = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		fp_pack_encode(bytes + end, lens[i]);
		EXPECT_EQ(lens[i], get(bytes + end, 2));
		end += 2 + lens[i];
	}
	ASSERT_EQ(ARRAY_SIZE(lens), unpack(bytes, end, out));
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		EXPECT_EQ(lens[i], out[i]);
}

TEST(packs_that_lie)
{
	unsigned char bytes[] = { 1, 0, 'a', 3, 0, 'b', 'c', 'd' };
	u32 lens[8];
	size_t len;

	/* The end is missing: of a length, or of a message. */
	for (len = 0; len < sizeof(bytes); len++)
		EXPECT_EQ(len >= 3, unpack(bytes, len, lens));
	EXPECT_EQ(2, unpack(bytes, sizeof(bytes), lens));
	/* One byte more than there is, and as much as there can be. */
	bytes[3] = 4;
	EXPECT_EQ(1, unpack(bytes, sizeof(bytes), lens));
	bytes[0] = 0xff;
	bytes[1] = 0xff;
	EXPECT_EQ(0, unpack(bytes, sizeof(bytes), lens));
	EXPECT_EQ(0xffff, lens[0]);
}

TEST(fuzz_sections)
{
	unsigned int count[FP_WIRE_CHECKSUM + 1] = { 0 };
	unsigned int i, n, nr_flags;
	u16 valid[128];

	nr_flags = valid_flags(valid, ARRAY_SIZE(valid));
	for (i = 0; i < CASES / 4; i++) {
		unsigned char buf[HEADER_MAX + 512] = { 0 }, *again;
		enum fp_wire_status expected;
		u64 r = random64();
		size_t have, avail;
		struct fp_frame frame;
		struct fp_sections s;

		make_damaged(buf, r & 15 ? valid[random64() % nr_flags] :
					   r >> 48);
		avail = r >> 4 & 3 ? sizeof(buf) : random64() % sizeof(buf);
		have = avail < HEADER_MAX ? avail : HEADER_MAX;
		if (!(r >> 8 & 15))
			have = random64() % (have + 1);
		expected = wire_model(buf, have, avail);
		ASSERT_EQ(expected, decode_copy(buf, have, avail, &frame, &s));
		count[expected]++;
		if (expected != FP_WIRE_OK)
			continue;
		/* What was read makes the same bytes again. */
		ASSERT_EQ(announced(buf), frame.hdr_len);
		again = malloc(frame.hdr_len);
		fp_header_encode(again, &frame, &s);
		ASSERT_EQ(0, memcmp(buf, again, frame.hdr_len));
		free(again);
		ASSERT_EQ(frame.size, frame.hdr_len + frame.payload_len +
			  (frame.flags & CSUM ? 4 : 0));
		ASSERT_LE(frame.size, avail);
	}
	for (n = 0; n <= FP_WIRE_CHECKSUM; n++) {
		EXPECT_LT(CASES / 4000, count[n])
			TH_LOG("status %u: %u", n, count[n]);
	}
}

TEST_HARNESS_MAIN
