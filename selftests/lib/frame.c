// SPDX-License-Identifier: GPL-2.0
/* Frames made by hand, with zlib's CRC-32 and none of the module's code. */
#include <endian.h>
#include <string.h>
#include <zlib.h>

#include "fptest.h"

static __u32 header_sum(const void *buf)
{
	unsigned char header[FP_HDR_LEN] = { 0 };

	memcpy(header, buf, offsetof(struct fp_hdr, checksum));
	return crc32(0, header, sizeof(header));
}

void frame_seal(void *buf)
{
	__u32 sum = htole32(header_sum(buf));

	memcpy((char *)buf + offsetof(struct fp_hdr, checksum), &sum,
	       sizeof(sum));
}

bool frame_sealed(const void *buf)
{
	__u32 sum = htole32(header_sum(buf));

	return !memcmp((const char *)buf + offsetof(struct fp_hdr, checksum),
		       &sum, sizeof(sum));
}

/* Returns the length of the frame. */
size_t frame_build(void *buf, __u64 seq, unsigned int flags,
		   const void *payload, size_t len)
{
	struct fp_hdr hdr = {
		.magic = htole32(FP_MAGIC),
		.version = htole16(FP_VERSION),
		.flags = htole16(flags),
		.size = htole32(FP_HDR_LEN + len),
		.seq = htole64(seq),
	};

	memcpy(buf, &hdr, sizeof(hdr));
	if (len)
		memcpy((char *)buf + sizeof(hdr), payload, len);
	frame_seal(buf);
	return FP_HDR_LEN + len;
}

/* The CRC over the header and @len bytes of sections. */
void frame_seal_sections(void *buf, size_t len)
{
	struct fp_hdr *hdr = buf;

	hdr->checksum = 0;
	hdr->checksum = htole32(crc32(0, buf, sizeof(*hdr) + len));
}

static size_t append(void *buf, size_t at, const void *section, size_t len)
{
	memcpy((char *)buf + at, section, len);
	return at + len;
}

/*
 * A frame to the connection @id from that in @slot, with the sections that the
 * flags say. It acknowledges all below @ack; tag and cookie are nobody's.
 */
size_t frame_build_conn(void *buf, __u64 seq, unsigned int flags, __u64 id,
			__u32 slot, __u64 ack, const void *payload, size_t len)
{
	const struct fp_hdr_conn conn = {
		.id = htole64(id), .slot = htole32(slot),
	};
	const struct fp_hdr_ack acks = {
		.ack = htole64(ack), .window = htole32(1 << 20),
	};
	const struct fp_hdr_syn syn = {
		.tag = htole32(0x5eed), .msg_max = htole32(1 << 20),
		.window = htole32(1 << 20),
		.version_min = FP_VERSION, .version_max = FP_VERSION,
	};
	const struct fp_hdr_cookie cookie = { .mac = htole64(0x5eed) };
	struct fp_hdr *hdr = buf;
	size_t at;

	frame_build(buf, seq, FP_F_CONN | flags, NULL, 0);
	at = append(buf, sizeof(*hdr), &conn, sizeof(conn));
	if (flags & FP_F_ACK)
		at = append(buf, at, &acks, sizeof(acks));
	if (flags & FP_F_SYN)
		at = append(buf, at, &syn, sizeof(syn));
	if (flags & FP_F_COOKIE)
		at = append(buf, at, &cookie, sizeof(cookie));
	hdr->size = htole32(at + len);
	frame_seal_sections(buf, at - sizeof(*hdr));
	if (len)
		append(buf, at, payload, len);
	return at + len;
}

/* A SYN of the connection with that slot and tag, padded. */
size_t frame_build_syn(void *buf, __u32 slot, __u32 tag)
{
	return frame_build_syn_version(buf, slot, tag, FP_VERSION);
}

/* The same, from somebody who speaks that version only. */
size_t frame_build_syn_version(void *buf, __u32 slot, __u32 tag, __u8 version)
{
	struct {
		struct fp_hdr_conn conn;
		struct fp_hdr_syn syn;
	} sections = {
		.conn = { .slot = htole32(slot) },
		.syn = {
			.tag = htole32(tag),
			.msg_max = htole32(1 << 20),
			.window = htole32(1 << 20),
			.version_min = version,
			.version_max = version,
		},
	};
	struct fp_hdr *hdr = buf;

	memset(buf, 0, FP_SYN_SIZE_MIN);
	frame_build(buf, 0, FP_F_CONN | FP_F_SYN, NULL, 0);
	hdr->size = htole32(FP_SYN_SIZE_MIN);
	memcpy(hdr + 1, &sections, sizeof(sections));
	frame_seal_sections(buf, sizeof(sections));
	return FP_SYN_SIZE_MIN;
}
