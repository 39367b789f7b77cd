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
