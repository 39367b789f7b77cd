// SPDX-License-Identifier: GPL-2.0
/* libfastproto's parser, its CRC and its addresses. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <zlib.h>

#include "kselftest_harness.h"
#include "fastproto.h"
#include "wire.h"

#define ROOM	4096

/* A frame at @buf; returns its size. */
static size_t put(unsigned char *buf, __u64 seq, __u16 flags,
		  const char *payload)
{
	struct fp_frame frame = {
		.seq = seq, .flags = flags,
		.size = FP_HDR_LEN + strlen(payload),
	};

	fp_header_encode(buf, &frame, NULL);
	memcpy(buf + FP_HDR_LEN, payload, strlen(payload));
	return frame.size;
}

/* One of a connection, with an acknowledgment. */
static size_t put_conn(unsigned char *buf, const char *payload)
{
	const __u16 flags = FP_F_CONN | FP_F_ACK | FP_F_BEGIN | FP_F_END;
	const struct fp_sections sections = {
		.conn_id = 0x1122334455667788ull, .conn_slot = 99,
		.ack = { .ack = 5, .nr = 1, .ranges = { { 7, 9 } } },
	};
	size_t header = fp_header_len(flags, 1);
	struct fp_frame frame = {
		.seq = 3, .flags = flags, .size = header + strlen(payload),
	};

	fp_header_encode(buf, &frame, &sections);
	memcpy(buf + header, payload, strlen(payload));
	return frame.size;
}

TEST(several_packets_in_one_buffer)
{
	const char *const payload[] = { "one", "", "three and more" };
	unsigned char buf[ROOM], *p = buf;
	struct fp_packet packet;
	size_t len = 0;
	ssize_t n;
	int i;

	for (i = 0; i < 3; i++)
		len += put(buf + len, 10 + i, i == 2 ? FP_F_NEEDS_COPY : 0,
			   payload[i]);
	put(buf + len, 13, 0, "not all of it");
	len += FP_HDR_LEN + 3;
	for (i = 0; (n = fp_parse(p, len, &packet)) > 0; i++) {
		ASSERT_GT(3, i);
		EXPECT_EQ(10u + i, packet.seq);
		EXPECT_EQ((size_t)n, packet.size);
		EXPECT_EQ(FP_VERSION, packet.version);
		EXPECT_EQ(i == 2 ? FP_F_NEEDS_COPY : 0, packet.flags);
		EXPECT_EQ(FP_HDR_LEN, packet.header_len);
		EXPECT_EQ(0, packet.conn);
		EXPECT_EQ(FP_INVALID_NONE, packet.invalid);
		EXPECT_EQ(p + FP_HDR_LEN, packet.payload);
		ASSERT_EQ(strlen(payload[i]), packet.payload_len);
		EXPECT_EQ(0, memcmp(payload[i], packet.payload,
				    packet.payload_len));
		p += n;
		len -= n;
	}
	EXPECT_EQ(3, i);
	EXPECT_EQ(0, n);
	EXPECT_EQ(FP_HDR_LEN + 3, len);
}

TEST(a_beginning_is_incomplete)
{
	unsigned char buf[ROOM];
	struct fp_packet packet;
	size_t size, len;

	size = put(buf, 1, 0, "payload");
	for (len = 0; len < size; len++) {
		ASSERT_EQ(0, fp_parse(buf, len, &packet));
		ASSERT_EQ(FP_INVALID_NONE, packet.invalid);
	}
	ASSERT_EQ((ssize_t)size, fp_parse(buf, len, &packet));
	size = put_conn(buf, "payload");
	for (len = 0; len < size; len++)
		ASSERT_EQ(0, fp_parse(buf, len, &packet));
	ASSERT_EQ((ssize_t)size, fp_parse(buf, len, &packet));
}

TEST(sections_of_a_connection)
{
	unsigned char buf[ROOM];
	struct fp_packet packet;
	size_t size = put_conn(buf + 1, "hello");	/* not aligned */

	ASSERT_EQ((ssize_t)size, fp_parse(buf + 1, sizeof(buf) - 1, &packet));
	EXPECT_EQ(0x1122334455667788ull, packet.conn);
	EXPECT_EQ(99, packet.conn_slot);
	EXPECT_EQ(fp_header_len(packet.flags, 1), packet.header_len);
	EXPECT_EQ(5, packet.payload_len);
	EXPECT_EQ(0, memcmp("hello", packet.payload, 5));
}

/* Each is invalid, and is so with the header alone, too: nobody waits for more. */
TEST(invalid_is_not_incomplete)
{
	static const struct {
		int at;
		unsigned char value;
		enum fp_invalid why;
	} wrong[] = {
		{ 0, 'x', FP_INVALID_MAGIC },
		{ 4, 2, FP_INVALID_VERSION },
		{ 7, 0x80, FP_INVALID_FLAGS },
		{ 6, FP_F_BEGIN, FP_INVALID_FLAGS },
		{ 8, 3, FP_INVALID_SIZE },
		{ 11, 1, FP_INVALID_SIZE },
		{ 8, 77, FP_INVALID_CHECKSUM },
		{ 12, 2, FP_INVALID_CHECKSUM },
		{ 23, 0, FP_INVALID_CHECKSUM },
	};
	unsigned char buf[ROOM];
	struct fp_packet packet;
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		size = put(buf, 1, 0, "payload");
		ASSERT_NE(wrong[i].value, buf[wrong[i].at]);
		buf[wrong[i].at] = wrong[i].value;
		EXPECT_EQ(-EBADMSG, fp_parse(buf, size, &packet));
		EXPECT_EQ(wrong[i].why, packet.invalid);
		EXPECT_EQ(-EBADMSG, fp_parse(buf, FP_HDR_LEN, &packet));
		EXPECT_EQ(wrong[i].why, packet.invalid);
		EXPECT_EQ(NULL, packet.payload);
		EXPECT_EQ(0, fp_parse(buf, FP_HDR_LEN - 1, &packet));
	}
}

TEST(parse_arguments)
{
	struct fp_packet packet;
	char byte = 0;

	EXPECT_EQ(-EINVAL, fp_parse(&byte, 1, NULL));
	EXPECT_EQ(-EINVAL, fp_parse(NULL, 1, &packet));
	EXPECT_EQ(0, fp_parse(NULL, 0, &packet));
}

TEST(addresses)
{
	const struct in6_addr one = { { { 0xfd, [15] = 1 } } };
	struct sockaddr_fp addr;

	memset(&addr, 0x55, sizeof(addr));
	ASSERT_EQ(0, fp_address(&addr, "10.1.2.3", 7000));
	EXPECT_EQ(AF_FASTPROTO, addr.sfp_family);
	EXPECT_EQ(0, addr.sfp_flags);
	EXPECT_EQ(0, addr.sfp_pad);
	EXPECT_EQ(0, addr.sfp_conn);
	EXPECT_EQ(AF_INET, addr.sfp_transport);
	EXPECT_EQ(htons(7000), addr.sfp_sin.sin_port);
	EXPECT_EQ(htonl(0x0a010203), addr.sfp_sin.sin_addr.s_addr);

	memset(&addr, 0x55, sizeof(addr));
	ASSERT_EQ(0, fp_address(&addr, "fd00::1", 9));
	EXPECT_EQ(AF_INET6, addr.sfp_transport);
	EXPECT_EQ(htons(9), addr.sfp_sin6.sin6_port);
	EXPECT_EQ(0, addr.sfp_sin6.sin6_scope_id);
	EXPECT_EQ(0, memcmp(&one, &addr.sfp_sin6.sin6_addr, sizeof(one)));

	ASSERT_EQ(0, fp_address(&addr, "fe80::1%lo", 9));
	EXPECT_EQ(if_nametoindex("lo"), addr.sfp_sin6.sin6_scope_id);

	ASSERT_EQ(0, fp_address(&addr, NULL, 0));
	EXPECT_EQ(AF_INET6, addr.sfp_transport);
	EXPECT_TRUE(IN6_IS_ADDR_UNSPECIFIED(&addr.sfp_sin6.sin6_addr));
}

TEST(no_addresses)
{
	static const char *const text[] = {
		"", "host", "10.1.2", "10.1.2.3.4", "fd00::1::2", "%lo",
		"fe80::1%", "fe80::1%no-such-if", "10.1.2.3%lo",
		"fd00:fd00:fd00:fd00:fd00:fd00:fd00:fd00:fd00:fd00:fd00:fd00",
	};
	struct sockaddr_fp addr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(text); i++) {
		EXPECT_EQ(-EINVAL, fp_address(&addr, text[i], 1)) {
			TH_LOG("\"%s\"", text[i]);
		}
	}
	EXPECT_EQ(-EINVAL, fp_address(NULL, "10.1.2.3", 1));
}

TEST_HARNESS_MAIN
