// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in a stream of bytes.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "frame.h"

#define POLYNOMIAL	0xedb88320u	/* CRC-32 (IEEE 802.3), reflected */
#define SLICES		8
#define READ_LEN	(64u << 10)	/* bytes to read at a time, at most */

static __u32 table[SLICES][256];

void frame_init(void)
{
	__u32 crc;
	int i, bit, slice;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][i] = crc;
	}
	for (slice = 1; slice < SLICES; slice++) {
		for (i = 0; i < 256; i++) {
			crc = table[slice - 1][i];
			table[slice][i] = crc >> 8 ^ table[0][crc & 0xff];
		}
	}
}

/* Eight bytes at a time: a header is three times that. */
static __u32 header_crc(const struct fp_hdr *hdr)
{
	const unsigned char *bytes = (const unsigned char *)hdr;
	__u32 crc = ~0u;
	__u64 word;
	size_t i;

	for (i = 0; i < sizeof(*hdr); i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		word = le64toh(word) ^ crc;
		crc = table[7][word & 0xff] ^
		      table[6][word >> 8 & 0xff] ^
		      table[5][word >> 16 & 0xff] ^
		      table[4][word >> 24 & 0xff] ^
		      table[3][word >> 32 & 0xff] ^
		      table[2][word >> 40 & 0xff] ^
		      table[1][word >> 48 & 0xff] ^
		      table[0][word >> 56];
	}
	return ~crc;
}

void frame_put_header(unsigned char *payload, size_t len, __u64 seq)
{
	struct fp_hdr hdr = {
		.magic = htole32(FP_MAGIC),
		.version = htole16(FP_VERSION),
		.size = htole32(sizeof(hdr) + len),
		.seq = htole64(seq),
	};
	__u32 length = hdr.size;

	hdr.checksum = htole32(header_crc(&hdr));
	memcpy(payload - sizeof(hdr), &hdr, sizeof(hdr));
	memcpy(payload - FRAME_HEADROOM, &length, sizeof(length));
}

static int header_check(const unsigned char *frame, __u32 length)
{
	struct fp_hdr hdr;
	__u32 checksum;

	memcpy(&hdr, frame + FRAME_LENGTH_LEN, sizeof(hdr));
	checksum = le32toh(hdr.checksum);
	hdr.checksum = 0;
	if (le32toh(hdr.magic) != FP_MAGIC ||
	    le16toh(hdr.version) != FP_VERSION ||
	    le32toh(hdr.size) != length || header_crc(&hdr) != checksum) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

ssize_t frame_next(struct frame_reader *reader, unsigned char **payload)
{
	unsigned char *frame = reader->buf + reader->begin;
	size_t there = reader->end - reader->begin;
	__u32 length;

	if (there < FRAME_HEADROOM)
		return 0;
	memcpy(&length, frame, sizeof(length));
	length = le32toh(length);
	if (length <= FP_HDR_LEN || length > reader->size - FRAME_LENGTH_LEN) {
		errno = EPROTO;
		return -1;
	}
	if (there < FRAME_LENGTH_LEN + length)
		return 0;
	if (header_check(frame, length))
		return -1;

	*payload = frame + FRAME_HEADROOM;
	reader->begin += FRAME_LENGTH_LEN + length;
	return length - FP_HDR_LEN;
}

/* The beginning of a frame goes to the beginning, so that its end fits. */
void *frame_room(struct frame_reader *reader, size_t *len)
{
	size_t there = reader->end - reader->begin;

	if (reader->begin) {
		memmove(reader->buf, reader->buf + reader->begin, there);
		reader->begin = 0;
		reader->end = there;
	}
	*len = reader->size - there;
	if (*len > READ_LEN)
		*len = READ_LEN;
	return reader->buf + there;
}
