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

/* Header and sections of a data frame, without ranges and the handshake's, bytes. */
#define FP_DATA_HDR	(sizeof(struct fp_hdr) + sizeof(struct fp_hdr_conn) + \
			 sizeof(struct fp_hdr_ack))

/* The longest header with its sections, in bytes. */
#define FP_HDR_MAX	(FP_DATA_HDR + FP_RANGES_MAX * sizeof(struct fp_hdr_range) + \
			 sizeof(struct fp_hdr_syn) + \
			 sizeof(struct fp_hdr_cookie))

/**
 * enum fp_wire_status - what a receiver finds in the bytes before it
 * @FP_WIRE_OK: a whole, valid frame
 * @FP_WIRE_INCOMPLETE: valid so far, but the rest is not there
 * @FP_WIRE_MAGIC: invalid: not a FastProto frame
 * @FP_WIRE_VERSION: invalid: a version that we do not speak
 * @FP_WIRE_FLAGS: invalid: a flag that we do not know, flags that do not go
 *	together, or a connection ID that does not go with them
 * @FP_WIRE_SIZE: invalid: a size that no such frame has, or an impossible
 *	range in its acknowledgment
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
 * @seq: sequence number; of a frame with FP_F_RST: enum fp_rst_reason
 * @size: the whole frame in bytes
 * @payload_len: its payload in bytes; it begins at @hdr_len
 * @version: protocol version
 * @flags: FP_F_*
 * @hdr_len: header and sections in bytes
 * @ranges: how many its acknowledgment has
 */
struct fp_frame {
	u64 seq;
	u32 size;
	u32 payload_len;
	u16 version;
	u16 flags;
	u16 hdr_len;
	u16 ranges;
};

/**
 * struct fp_range - sequence numbers in a row
 * @begin: the first
 * @end: the one behind the last
 */
struct fp_range {
	u64 begin;
	u64 end;
};

/**
 * struct fp_ack - acknowledgment section in host terms
 * @ack: see struct fp_hdr_ack, as for all but @ranges
 * @window: units
 * @ts: microseconds
 * @ts_echo: microseconds
 * @delay: microseconds
 * @ce: congestion marks
 * @dup: duplicates
 * @nr: ranges
 * @ranges: what has come beyond @ack, in the order of the frame; the first @nr
 *	are valid
 */
struct fp_ack {
	u64 ack;
	u32 window;
	u32 ts;
	u32 ts_echo;
	u32 delay;
	u16 ce;
	u8 dup;
	u8 nr;
	struct fp_range ranges[FP_RANGES_MAX];
};

/**
 * struct fp_syn - SYN section in host terms
 * @tag: see struct fp_hdr_syn, as for all of them
 * @msg_max: bytes
 * @window: units
 * @ts: microseconds
 * @options: bits
 * @version_min: version
 * @version_max: version
 */
struct fp_syn {
	u32 tag;
	u32 msg_max;
	u32 window;
	u32 ts;
	u16 options;
	u8 version_min;
	u8 version_max;
};

/**
 * struct fp_cookie - cookie section in host terms
 * @time: see struct fp_hdr_cookie, as for both
 * @mac: keyed hash
 */
struct fp_cookie {
	u32 time;
	u64 mac;
};

/**
 * struct fp_sections - all sections in host terms
 * @conn_id: the receiver's connection ID
 * @conn_slot: the sender's slot index
 * @ack: acknowledgment
 * @syn: handshake
 * @cookie: handshake
 *
 * The frame's flags say which of them mean something.
 */
struct fp_sections {
	u64 conn_id;
	u32 conn_slot;
	struct fp_ack ack;
	struct fp_syn syn;
	struct fp_cookie cookie;
};

enum fp_wire_status fp_header_decode(const void *buf, size_t have,
				     size_t avail, struct fp_frame *frame);
bool fp_pack_decode(const void *buf, u32 left, u32 *len);
void fp_pack_encode(void *buf, u32 len);
void fp_sections_decode(const void *buf, const struct fp_frame *frame,
			struct fp_sections *sections);
u32 fp_header_len(u16 flags, unsigned int nr_ranges);
void fp_header_encode(void *buf, const struct fp_frame *frame,
		      const struct fp_sections *sections);

#endif /* _FP_WIRE_H */
