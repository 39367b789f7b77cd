// SPDX-License-Identifier: GPL-2.0
/* The module's parser (kmod/wire.c) over a caller's buffer. */
#include <errno.h>
#include <string.h>

#include "lib.h"
#include "wire.h"

static const __u16 invalid[] = {
	[FP_WIRE_OK] = FP_INVALID_NONE,
	[FP_WIRE_INCOMPLETE] = FP_INVALID_NONE,
	[FP_WIRE_MAGIC] = FP_INVALID_MAGIC,
	[FP_WIRE_VERSION] = FP_INVALID_VERSION,
	[FP_WIRE_FLAGS] = FP_INVALID_FLAGS,
	[FP_WIRE_SIZE] = FP_INVALID_SIZE,
	[FP_WIRE_CHECKSUM] = FP_INVALID_CHECKSUM,
};

/* The connection's section is the first one. */
static void read_conn(const unsigned char *buf, struct fp_packet *packet)
{
	struct fp_hdr_conn conn;

	memcpy(&conn, buf + FP_HDR_LEN, sizeof(conn));
	packet->conn = le64toh(conn.id);
	packet->conn_slot = le32toh(conn.slot);
}

ssize_t fp_parse(const void *buf, size_t len, struct fp_packet *packet)
{
	enum fp_wire_status status;
	struct fp_frame frame;

	if (!packet || (!buf && len))
		return -EINVAL;
	memset(packet, 0, sizeof(*packet));
	status = fp_header_decode(buf, len, len, &frame);
	packet->invalid = invalid[status];
	if (status == FP_WIRE_INCOMPLETE)
		return 0;
	if (status != FP_WIRE_OK)
		return -EBADMSG;

	packet->seq = frame.seq;
	packet->size = frame.size;
	packet->version = frame.version;
	packet->flags = frame.flags;
	packet->header_len = frame.hdr_len;
	packet->payload = (const unsigned char *)buf + frame.hdr_len;
	packet->payload_len = frame.payload_len;
	if (frame.flags & FP_F_CONN)
		read_conn(buf, packet);
	return frame.size;
}
