// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "crc.h"
#include "wire.h"

/* Of the handshake; its other frames have an ACK, too, and may have data. */
#define SYN		(FP_F_CONN | FP_F_SYN)
#define COOKIE_REPLY	(FP_F_CONN | FP_F_SYN | FP_F_COOKIE)
#define RST		(FP_F_CONN | FP_F_RST)

/* Of what says what a payload is: whole messages, and nothing else. */
#define PACK		(FP_F_BEGIN | FP_F_END | FP_F_PACK)
#define PACK_DATA	(PACK | FP_F_FIN | FP_F_CSUM | FP_F_DONE)

/* What the CRC is behind magic and version, if two bytes of 0 follow. */
#define FIXED_CRC	0x70a2fa99

/* CRC-32 of IEEE 802.3, but for its inversion, over a header without checksum. */
static inline u32 header_crc(u16 flags, u32 size, u64 seq)
{
	u32 crc = FIXED_CRC;

	crc ^= fp_crc_table[1][flags & 0xff] ^ fp_crc_table[0][flags >> 8];
	crc = fp_crc_step(crc, size, seq);
	/* The checksum counts as 0, and adds nothing. */
	return fp_crc_word(crc ^ seq >> 32, 4);
}

/* Nothing else is most of what comes. */
#define DATA_SECTIONS	(FP_DATA_HDR - FP_HDR_LEN)

/* The CRC of header and sections, of which that of the header is known. */
static inline u32 sections_crc(u32 crc, const void *sections, u32 len)
{
	BUILD_BUG_ON(DATA_SECTIONS != 5 * 8);

	if (len != DATA_SECTIONS)
		return fp_crc_words(crc, sections, len);
	crc = fp_crc_step_at(crc, sections);
	crc = fp_crc_step_at(crc, sections + 8);
	crc = fp_crc_step_at(crc, sections + 16);
	crc = fp_crc_step_at(crc, sections + 24);
	return fp_crc_step_at(crc, sections + 32);
}

#define SECTIONS	(FP_F_CONN | FP_F_ACK | FP_F_SYN | FP_F_COOKIE)
#define DATA		(FP_F_CONN | FP_F_ACK)
#define DATA_MAY	(FP_F_BEGIN | FP_F_END | FP_F_PROBE | FP_F_NEEDS_COPY)

/* Of a header and its sections, but for ranges. */
static inline u32 fixed_len(u16 flags)
{
	u32 len = sizeof(struct fp_hdr);

	/* As most of those that come to be many. */
	if ((flags & SECTIONS) == DATA)
		return FP_DATA_HDR;
	if (flags & FP_F_CONN)
		len += sizeof(struct fp_hdr_conn);
	if (flags & FP_F_ACK)
		len += sizeof(struct fp_hdr_ack);
	if (flags & FP_F_SYN)
		len += sizeof(struct fp_hdr_syn);
	if (flags & FP_F_COOKIE)
		len += sizeof(struct fp_hdr_cookie);
	return len;
}

/* Only for flags that no datagram message has. */
static bool flags_fit(u16 flags)
{
	if (flags & ~FP_F_KNOWN || !(flags & FP_F_CONN))
		return false;
	if ((flags & (SECTIONS | FP_F_RST | FP_F_FIN | FP_F_DONE | FP_F_PACK)) ==
	    DATA)
		return true;
	if (flags == RST || flags == SYN || flags == COOKIE_REPLY)
		return true;
	if (flags & FP_F_RST || !(flags & FP_F_ACK))
		return false;
	if (flags & FP_F_COOKIE && !(flags & FP_F_SYN))
		return false;
	if (flags & FP_F_PACK)
		return (flags & PACK_DATA) == PACK;
	if (!(flags & FP_F_FIN))
		return !(flags & FP_F_DONE);
	return !(flags & (FP_F_BEGIN | FP_F_END | FP_F_CSUM));
}

/* Reads the size, the flags and the length of the header. */
static bool size_fits(const struct fp_frame *frame)
{
	u32 rest = frame->size - frame->hdr_len;

	if (frame->size < frame->hdr_len)
		return false;
	if (frame->flags == SYN)
		return frame->size >= FP_SYN_SIZE_MIN;
	if (frame->flags == COOKIE_REPLY ||
	    frame->flags & (FP_F_RST | FP_F_FIN))
		return !rest;
	if (frame->flags & FP_F_PACK)
		return rest >= FP_PACK_LEN;
	if (!(frame->flags & FP_F_CSUM))
		return true;
	if (frame->flags & (FP_F_BEGIN | FP_F_END))
		return rest >= FP_CSUM_LEN;
	return rest > FP_CSUM_LEN;
}

/*
 * A client does not know the server's ID before the handshake is over. With ACK
 * and a cookie it is the echo of one, or a server gives it ahead.
 */
static bool id_fits(u16 flags, const struct fp_hdr_conn *conn)
{
	if (!(flags & FP_F_SYN))
		return true;
	if (flags == SYN)
		return !conn->id;
	return conn->id || (flags & (FP_F_ACK | FP_F_COOKIE)) ==
			   (FP_F_ACK | FP_F_COOKIE);
}

/* Whether every range is one, and ends where a u64 can say so. */
static bool ranges_fit(const struct fp_hdr_ack *ack, unsigned int nr)
{
	const struct fp_hdr_range *range = (const void *)(ack + 1);
	u64 room = ~le64_to_cpu(ack->ack);

	for (; nr; nr--, range++) {
		u32 offset = le32_to_cpu(range->offset);
		u32 length = le32_to_cpu(range->length);

		if (!offset || !length || (u64)offset + length > room)
			return false;
	}
	return true;
}

/* Data or an acknowledgment, without ranges: it needs no other look. */
static inline bool is_plain_data(const void *buf, size_t have,
				 const struct fp_frame *frame)
{
	const struct fp_hdr_ack *ack;

	ack = buf + FP_HDR_LEN + sizeof(struct fp_hdr_conn);
	return (frame->flags & ~DATA_MAY) == DATA && have >= FP_DATA_HDR &&
	       frame->size >= FP_DATA_HDR && frame->size <= FP_FRAME_MAX &&
	       !ack->nr;
}

/*
 * Finds out how long the sections are, and how many ranges there are, which is
 * in the sections themselves: so these bytes are used before the checksum, and
 * for nothing else.
 */
static inline enum fp_wire_status measure(const void *buf, size_t have,
					  struct fp_frame *frame)
{
	const struct fp_hdr_ack *ack;

	if (is_plain_data(buf, have, frame)) {
		frame->hdr_len = FP_DATA_HDR;
		frame->ranges = 0;
		return FP_WIRE_OK;
	}
	if (!flags_fit(frame->flags))
		return FP_WIRE_FLAGS;
	frame->hdr_len = fixed_len(frame->flags);
	if (frame->size < frame->hdr_len || frame->size > FP_FRAME_MAX)
		return FP_WIRE_SIZE;
	if (have < frame->hdr_len)
		return FP_WIRE_INCOMPLETE;

	frame->ranges = 0;
	if (frame->flags & FP_F_ACK) {
		ack = buf + FP_HDR_LEN + sizeof(struct fp_hdr_conn);
		frame->ranges = ack->nr;
	}
	if (frame->ranges > FP_RANGES_MAX)
		return FP_WIRE_SIZE;
	frame->hdr_len += frame->ranges * sizeof(struct fp_hdr_range);
	if (!size_fits(frame))
		return FP_WIRE_SIZE;
	return have < frame->hdr_len ? FP_WIRE_INCOMPLETE : FP_WIRE_OK;
}

/* The rest of fp_header_decode() for a frame that is no datagram message. */
static enum fp_wire_status decode_conn(u32 checksum, const void *buf,
				       size_t have, size_t avail,
				       struct fp_frame *frame)
{
	const struct fp_hdr_conn *conn = buf + FP_HDR_LEN;
	enum fp_wire_status status;
	u32 crc;

	status = measure(buf, have, frame);
	if (status != FP_WIRE_OK)
		return status;

	crc = header_crc(frame->flags, frame->size, frame->seq);
	if (~sections_crc(crc, conn, frame->hdr_len - FP_HDR_LEN) != checksum)
		return FP_WIRE_CHECKSUM;

	if (!id_fits(frame->flags, conn))
		return FP_WIRE_FLAGS;
	if (frame->ranges &&
	    !ranges_fit((const void *)(conn + 1), frame->ranges))
		return FP_WIRE_SIZE;
	if (frame->size > avail)
		return FP_WIRE_INCOMPLETE;

	frame->payload_len = frame->size - frame->hdr_len;
	if (frame->flags & FP_F_CSUM)
		frame->payload_len -= FP_CSUM_LEN;
	return FP_WIRE_OK;
}

/**
 * fp_header_decode - check a frame's header and sections, and read the header
 * @buf: where the frame begins; no alignment needed
 * @have: bytes readable at @buf; at least FP_HDR_LEN unless @avail is less
 * @avail: bytes from the frame's beginning to the end of its datagram
 * @frame: filled in if the answer is FP_WIRE_OK, else undefined
 *
 * The checks go in the order of the fields, each before the next field is
 * believed, and what is missing is reported only for a header that is right:
 * so a wrong byte is never mistaken for a long wait. Sections have to be
 * readable, too: FP_HDR_MAX bytes, or @avail if that is less, are always
 * enough. With fewer, FP_WIRE_INCOMPLETE may mean only that.
 *
 * The header is read once; the sender may change it meanwhile. Sections that
 * change meanwhile may pass the checks, but do no other harm.
 *
 * Return: the first check that failed, or FP_WIRE_OK.
 */
enum fp_wire_status fp_header_decode(const void *buf, size_t have,
				     size_t avail, struct fp_frame *frame)
{
	struct fp_hdr hdr;
	u32 checksum, crc;

	BUILD_BUG_ON(sizeof(struct fp_hdr) != FP_HDR_LEN);
	BUILD_BUG_ON(offsetof(struct fp_hdr, seq) != 12);

	if (have > avail)
		have = avail;
	if (have < sizeof(hdr))
		return FP_WIRE_INCOMPLETE;
	memcpy(&hdr, buf, sizeof(hdr));

	if (le32_to_cpu(hdr.magic) != FP_MAGIC)
		return FP_WIRE_MAGIC;
	frame->version = le16_to_cpu(hdr.version);
	if (frame->version != FP_VERSION)
		return FP_WIRE_VERSION;
	frame->flags = le16_to_cpu(hdr.flags);
	frame->size = le32_to_cpu(hdr.size);
	frame->seq = le64_to_cpu(hdr.seq);
	checksum = le32_to_cpu(hdr.checksum);
	if (frame->flags & ~FP_F_DGRAM)
		return decode_conn(checksum, buf, have, avail, frame);
	if (frame->size < sizeof(hdr) || frame->size > FP_FRAME_MAX)
		return FP_WIRE_SIZE;

	crc = header_crc(frame->flags, frame->size, frame->seq);
	if (~crc != checksum)
		return FP_WIRE_CHECKSUM;
	if (frame->size > avail)
		return FP_WIRE_INCOMPLETE;

	frame->hdr_len = sizeof(hdr);
	frame->ranges = 0;
	frame->payload_len = frame->size - frame->hdr_len;
	return FP_WIRE_OK;
}

/**
 * fp_pack_decode - the next message of a frame with FP_F_PACK
 * @buf: where its length stands, FP_PACK_LEN bytes if @left says so; no alignment
 *	needed
 * @left: bytes from there to the end of the frame
 * @len: set to the message's length in bytes; it begins FP_PACK_LEN behind @buf
 *
 * The length is read once. There may be none, which is a message, too.
 *
 * Return: false: it does not fit into the frame.
 */
bool fp_pack_decode(const void *buf, u32 left, u32 *len)
{
	__le16 field;

	if (left < sizeof(field))
		return false;
	memcpy(&field, buf, sizeof(field));
	*len = le16_to_cpu(field);
	return *len <= left - sizeof(field);
}

/**
 * fp_pack_encode - write what stands before a message in a frame with FP_F_PACK
 * @buf: FP_PACK_LEN writable bytes; no alignment needed
 * @len: the message's length in bytes, up to FP_FRAME_MAX
 */
void fp_pack_encode(void *buf, u32 len)
{
	__le16 field = cpu_to_le16(len);

	BUILD_BUG_ON(sizeof(field) != FP_PACK_LEN);
	memcpy(buf, &field, sizeof(field));
}

static const void *decode_ack(const void *p, unsigned int nr,
			      struct fp_ack *ack)
{
	const struct fp_hdr_ack *from = p;
	const struct fp_hdr_range *range = (const void *)(from + 1);
	unsigned int i;

	ack->ack = le64_to_cpu(from->ack);
	ack->window = le32_to_cpu(from->window);
	ack->ts = le32_to_cpu(from->ts);
	ack->ts_echo = le32_to_cpu(from->ts_echo);
	ack->delay = le32_to_cpu(from->delay);
	ack->ce = le16_to_cpu(from->ce);
	ack->dup = from->dup;
	ack->nr = nr;
	for (i = 0; i < nr; i++, range++) {
		struct fp_range *to = &ack->ranges[i];

		to->begin = ack->ack + le32_to_cpu(range->offset);
		to->end = to->begin + le32_to_cpu(range->length);
	}
	return range;
}

static const void *decode_syn(const void *p, struct fp_syn *syn)
{
	const struct fp_hdr_syn *from = p;

	syn->tag = le32_to_cpu(from->tag);
	syn->msg_max = le32_to_cpu(from->msg_max);
	syn->window = le32_to_cpu(from->window);
	syn->ts = le32_to_cpu(from->ts);
	syn->options = le16_to_cpu(from->options);
	syn->version_min = from->version_min;
	syn->version_max = from->version_max;
	return from + 1;
}

/**
 * fp_sections_decode - read a frame's sections
 * @buf: where the frame begins, as fp_header_decode() had it
 * @frame: what fp_header_decode() made of it, which was FP_WIRE_OK
 * @sections: those that the flags announce are filled in
 *
 * How many ranges there are is taken from @frame, and not read again.
 */
void fp_sections_decode(const void *buf, const struct fp_frame *frame,
			struct fp_sections *sections)
{
	const struct fp_hdr_cookie *cookie;
	const struct fp_hdr_conn *conn;
	const void *p = buf + FP_HDR_LEN;

	if (!(frame->flags & FP_F_CONN))
		return;
	conn = p;
	sections->conn_id = le64_to_cpu(conn->id);
	sections->conn_slot = le32_to_cpu(conn->slot);
	p = conn + 1;
	if (frame->flags & FP_F_ACK)
		p = decode_ack(p, frame->ranges, &sections->ack);
	if (frame->flags & FP_F_SYN)
		p = decode_syn(p, &sections->syn);
	if (frame->flags & FP_F_COOKIE) {
		cookie = p;
		sections->cookie.time = le32_to_cpu(cookie->time);
		sections->cookie.mac = le64_to_cpu(cookie->mac);
	}
}

/**
 * fp_header_len - the length of a header with its sections
 * @flags: the frame's, FP_F_*
 * @nr_ranges: how many ranges it acknowledges, up to FP_RANGES_MAX; means
 *	nothing without FP_F_ACK
 *
 * Return: bytes, at most FP_HDR_MAX.
 */
u32 fp_header_len(u16 flags, unsigned int nr_ranges)
{
	u32 ranges = flags & FP_F_ACK ? nr_ranges : 0;

	return fixed_len(flags) + ranges * sizeof(struct fp_hdr_range);
}

static void *encode_ack(void *p, const struct fp_ack *ack)
{
	struct fp_hdr_ack *to = p;
	struct fp_hdr_range *range = (void *)(to + 1);
	unsigned int i;

	to->ack = cpu_to_le64(ack->ack);
	to->window = cpu_to_le32(ack->window);
	to->ts = cpu_to_le32(ack->ts);
	to->ts_echo = cpu_to_le32(ack->ts_echo);
	to->delay = cpu_to_le32(ack->delay);
	to->ce = cpu_to_le16(ack->ce);
	to->dup = ack->dup;
	to->nr = ack->nr;
	for (i = 0; i < ack->nr; i++, range++) {
		const struct fp_range *from = &ack->ranges[i];

		range->offset = cpu_to_le32(from->begin - ack->ack);
		range->length = cpu_to_le32(from->end - from->begin);
	}
	return range;
}

static void *encode_syn(void *p, const struct fp_syn *syn)
{
	struct fp_hdr_syn *to = p;

	to->tag = cpu_to_le32(syn->tag);
	to->msg_max = cpu_to_le32(syn->msg_max);
	to->window = cpu_to_le32(syn->window);
	to->ts = cpu_to_le32(syn->ts);
	to->options = cpu_to_le16(syn->options);
	to->version_min = syn->version_min;
	to->version_max = syn->version_max;
	return to + 1;
}

/* Returns where the payload begins. */
static void *encode_sections(void *p, u16 flags,
			     const struct fp_sections *sections)
{
	struct fp_hdr_conn *conn = p;
	struct fp_hdr_cookie *cookie;

	BUILD_BUG_ON(sizeof(struct fp_hdr_conn) != 12);
	BUILD_BUG_ON(sizeof(struct fp_hdr_ack) != 28);
	BUILD_BUG_ON(sizeof(struct fp_hdr_range) != 8);
	BUILD_BUG_ON(sizeof(struct fp_hdr_syn) != 20);
	BUILD_BUG_ON(sizeof(struct fp_hdr_cookie) != 12);

	conn->id = cpu_to_le64(sections->conn_id);
	conn->slot = cpu_to_le32(sections->conn_slot);
	p = conn + 1;
	if (flags & FP_F_ACK)
		p = encode_ack(p, &sections->ack);
	if (flags & FP_F_SYN)
		p = encode_syn(p, &sections->syn);
	if (flags & FP_F_COOKIE) {
		cookie = p;
		cookie->time = cpu_to_le32(sections->cookie.time);
		cookie->mac = cpu_to_le64(sections->cookie.mac);
		p = cookie + 1;
	}
	return p;
}

/**
 * fp_header_encode - write a frame's header and sections
 * @buf: fp_header_len() writable bytes; no alignment needed
 * @frame: its size (with payload and trailer), seq and flags, which go
 *	together; the version is ours
 * @sections: what goes into those that the flags announce, every range within
 *	a u32 of the ack; may be NULL without FP_F_CONN
 */
void fp_header_encode(void *buf, const struct fp_frame *frame,
		      const struct fp_sections *sections)
{
	u32 crc = header_crc(frame->flags, frame->size, frame->seq);
	struct fp_hdr hdr = {
		.magic = cpu_to_le32(FP_MAGIC),
		.version = cpu_to_le16(FP_VERSION),
		.flags = cpu_to_le16(frame->flags),
		.size = cpu_to_le32(frame->size),
		.seq = cpu_to_le64(frame->seq),
	};
	void *begin = buf + sizeof(hdr), *end;

	if (frame->flags & FP_F_CONN) {
		end = encode_sections(begin, frame->flags, sections);
		crc = sections_crc(crc, begin, end - begin);
	}
	hdr.checksum = cpu_to_le32(~crc);
	memcpy(buf, &hdr, sizeof(hdr));
}
