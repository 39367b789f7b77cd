// SPDX-License-Identifier: GPL-2.0
/* The module's frame parser, kmod/wire.c, built in user space. */
#include <sys/mman.h>
#include <zlib.h>

#include "kselftest_harness.h"
#include "wire.h"

#define CASES	1000000	/* of the fuzz test */

/* Where the fields lie, told once more, and not taken from a struct. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_FLAGS = 6,
	AT_SIZE = 8,
	AT_SEQ = 12,
	AT_CHECKSUM = 20,
	HEADER = 24,
	LARGEST = 65535 - 8,
};

static void put(unsigned char *p, unsigned int bytes, u64 value)
{
	while (bytes--) {
		*p++ = value;
		value >>= 8;
	}
}

static u64 get(const unsigned char *p, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

static u32 sum(const unsigned char *p)
{
	static const unsigned char zero[4];

	return crc32(crc32(0, p, AT_CHECKSUM), zero, sizeof(zero));
}

static void seal(unsigned char *p)
{
	put(p + AT_CHECKSUM, 4, sum(p));
}

static void make(unsigned char *p, u64 seq, unsigned int flags, u32 size)
{
	put(p + AT_MAGIC, 4, 0x50545346);
	put(p + AT_VERSION, 2, 1);
	put(p + AT_FLAGS, 2, flags);
	put(p + AT_SIZE, 4, size);
	put(p + AT_SEQ, 8, seq);
	seal(p);
}

/* The rules of Documentation/protocol.rst, written down independently. */
static enum fp_wire_status model(const unsigned char *p, size_t have,
				 size_t avail)
{
	u32 size;

	if (have < HEADER || avail < HEADER)
		return FP_WIRE_INCOMPLETE;
	if (memcmp(p, "FSTP", 4))
		return FP_WIRE_MAGIC;
	if (p[AT_VERSION] != 1 || p[AT_VERSION + 1] != 0)
		return FP_WIRE_VERSION;
	if (p[AT_FLAGS] > 1 || p[AT_FLAGS + 1] != 0)
		return FP_WIRE_FLAGS;
	size = get(p + AT_SIZE, 4);
	if (size < HEADER || size > LARGEST)
		return FP_WIRE_SIZE;
	if (get(p + AT_CHECKSUM, 4) != sum(p))
		return FP_WIRE_CHECKSUM;
	if (size > avail)
		return FP_WIRE_INCOMPLETE;
	return FP_WIRE_OK;
}

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
		EXPECT_EQ(sum(v->bytes), get(v->bytes + AT_CHECKSUM, 4));
		ASSERT_EQ(FP_WIRE_OK, fp_header_decode(v->bytes, HEADER,
						       v->size, &frame));
		EXPECT_EQ(v->seq, frame.seq);
		EXPECT_EQ(v->size, frame.size);
		EXPECT_EQ(v->size - HEADER, frame.payload_len);
		EXPECT_EQ(1, frame.version);
		EXPECT_EQ(v->flags, frame.flags);
		EXPECT_EQ(HEADER, frame.hdr_len);
		fp_header_encode(bytes, &frame);
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
		frame.flags = random64() & FP_F_KNOWN;
		make(expected, frame.seq, frame.flags, frame.size);
		fp_header_encode(bytes, &frame);
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
		in.flags = random64() & FP_F_KNOWN;
		fp_header_encode(bytes, &in);
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
		seal(frame);
		EXPECT_EQ(wrong[i].status, decode(frame, HEADER));
		/* The same with a checksum that is wrong on top. */
		frame[AT_CHECKSUM] ^= 1;
		EXPECT_EQ(wrong[i].status, decode(frame, HEADER));
	}
	make(frame, 5, 0, HEADER);
	ASSERT_EQ(FP_WIRE_OK, decode(frame, HEADER));
	put(frame + AT_SEQ, 8, 6);
	EXPECT_EQ(FP_WIRE_CHECKSUM, decode(frame, HEADER));
	seal(frame);
	EXPECT_EQ(FP_WIRE_OK, decode(frame, HEADER));
	put(frame + AT_CHECKSUM, 4, 0);
	EXPECT_EQ(FP_WIRE_CHECKSUM, decode(frame, HEADER));
}

TEST(every_flag_bit)
{
	unsigned char frame[HEADER];
	int bit;

	for (bit = 0; bit < 16; bit++) {
		make(frame, 0, 1 << bit, HEADER);
		EXPECT_EQ(FP_F_KNOWN & 1 << bit ? FP_WIRE_OK : FP_WIRE_FLAGS,
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
		fp_header_encode(again + i, &frame);
		EXPECT_EQ(0, memcmp(room + i, again + i, HEADER));
	}
}

TEST(encode_writes_a_header_and_no_more)
{
	struct fp_frame frame = { .size = HEADER, .seq = ~0ull };
	unsigned char room[HEADER + 16];
	size_t i;

	memset(room, 0x55, sizeof(room));
	fp_header_encode(room + 8, &frame);
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
			seal(buf);
		if (!(r >> 24 & 15))
			avail = random64() % 70000;
		expected = model(buf, avail < HEADER ? avail : HEADER, avail);
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

TEST_HARNESS_MAIN
