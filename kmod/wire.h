/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wire format: bytes to host structs and back. Pure: no skb, no lock, no
 * allocation; user-space tests build the same source.
 */
#ifndef _FP_WIRE_H
#define _FP_WIRE_H

#include <linux/types.h>
#include <linux/fastproto.h>

/* No frame is longer: it has to fit into a UDP datagram (65,535 - 8). */
#define FP_FRAME_MAX	65527

/**
 * enum fp_wire_status - what a receiver finds in the bytes before it
 * @FP_WIRE_OK: a whole, valid frame
 * @FP_WIRE_INCOMPLETE: valid so far, but the rest is not there
 * @FP_WIRE_MAGIC: invalid: not a FastProto frame
 * @FP_WIRE_VERSION: invalid: a version that we do not speak
 * @FP_WIRE_FLAGS: invalid: a flag that we do not know
 * @FP_WIRE_SIZE: invalid: smaller than its header, or larger than FP_FRAME_MAX
 * @FP_WIRE_CHECKSUM: invalid: the CRC-32 does not match
 */
enum fp_wire_status {
	FP_WIRE_OK,
	FP_WIRE_INCOMPLETE,
	FP_WIRE_MAGIC,
	FP_WIRE_VERSION,
	FP_WIRE_FLAGS,
	FP_WIRE_SIZE,
	FP_WIRE_CHECKSUM,
};

/**
 * struct fp_frame - a frame's header in host terms
 * @seq: sequence number
 * @size: the whole frame in bytes
 * @payload_len: its payload in bytes; it begins at @hdr_len
 * @version: protocol version
 * @flags: FP_F_*
 * @hdr_len: header and sections in bytes
 */
struct fp_frame {
	u64 seq;
	u32 size;
	u32 payload_len;
	u16 version;
	u16 flags;
	u16 hdr_len;
};

enum fp_wire_status fp_header_decode(const void *buf, size_t have,
				     size_t avail, struct fp_frame *frame);
void fp_header_encode(void *buf, const struct fp_frame *frame);

#endif /* _FP_WIRE_H */
