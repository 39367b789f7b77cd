// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/crc32.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "wire.h"

/* CRC-32 of IEEE 802.3, over the header with a checksum field of 0. */
static u32 header_checksum(const struct fp_hdr *hdr)
{
	return ~crc32_le(~0U, (const unsigned char *)hdr, sizeof(*hdr));
}

/**
 * fp_header_decode - check a frame's header and read it
 * @buf: where the frame begins; no alignment needed
 * @have: bytes readable at @buf; at least FP_HDR_LEN unless @avail is less
 * @avail: bytes from the frame's beginning to the end of its datagram
 * @frame: filled in if the answer is FP_WIRE_OK, else undefined
 *
 * The checks go in the order of the fields, each before the next field is
 * believed, and what is missing is reported only for a header that is right:
 * so a wrong byte is never mistaken for a long wait. Every byte of @buf is read
 * once; the sender may change it meanwhile.
 *
 * Return: the first check that failed, or FP_WIRE_OK.
 */
enum fp_wire_status fp_header_decode(const void *buf, size_t have,
				     size_t avail, struct fp_frame *frame)
{
	struct fp_hdr hdr;
	u32 checksum;

	BUILD_BUG_ON(sizeof(struct fp_hdr) != FP_HDR_LEN);
	BUILD_BUG_ON(offsetof(struct fp_hdr, seq) != 12);

	if (have < sizeof(hdr) || avail < sizeof(hdr))
		return FP_WIRE_INCOMPLETE;
	memcpy(&hdr, buf, sizeof(hdr));

	if (le32_to_cpu(hdr.magic) != FP_MAGIC)
		return FP_WIRE_MAGIC;
	frame->version = le16_to_cpu(hdr.version);
	if (frame->version != FP_VERSION)
		return FP_WIRE_VERSION;
	frame->flags = le16_to_cpu(hdr.flags);
	if (frame->flags & ~FP_F_KNOWN)
		return FP_WIRE_FLAGS;
	frame->size = le32_to_cpu(hdr.size);
	if (frame->size < sizeof(hdr) || frame->size > FP_FRAME_MAX)
		return FP_WIRE_SIZE;

	checksum = le32_to_cpu(hdr.checksum);
	hdr.checksum = 0;
	if (header_checksum(&hdr) != checksum)
		return FP_WIRE_CHECKSUM;
	if (frame->size > avail)
		return FP_WIRE_INCOMPLETE;

	frame->seq = le64_to_cpu(hdr.seq);
	frame->hdr_len = sizeof(hdr);
	frame->payload_len = frame->size - frame->hdr_len;
	return FP_WIRE_OK;
}

/**
 * fp_header_encode - write a frame's header
 * @buf: FP_HDR_LEN writable bytes; no alignment needed
 * @frame: its size, seq and flags; the version is ours
 */
void fp_header_encode(void *buf, const struct fp_frame *frame)
{
	struct fp_hdr hdr = {
		.magic = cpu_to_le32(FP_MAGIC),
		.version = cpu_to_le16(FP_VERSION),
		.flags = cpu_to_le16(frame->flags),
		.size = cpu_to_le32(frame->size),
		.seq = cpu_to_le64(frame->seq),
	};

	hdr.checksum = cpu_to_le32(header_checksum(&hdr));
	memcpy(buf, &hdr, sizeof(hdr));
}
