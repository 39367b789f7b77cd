// SPDX-License-Identifier: GPL-2.0
/*
 * What a receiver refuses: crafted bytes from a plain UDP socket. Every frame
 * refused is counted once, under its reason, and nothing of it is delivered.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <poll.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define DROP(reason)	FASTPROTO_A_STATS_DROP_##reason

static unsigned char out[65535];
static unsigned char in[65535];

FIXTURE(drop) {
	struct sockaddr_fp to;		/* of rx */
	struct sockaddr_fp from;	/* of udp */
	struct stats base;		/* of host B */
	int rx;				/* bound on host B */
	int udp;			/* plain, on host A */
};

FIXTURE_VARIANT(drop) {
	int family;
};

FIXTURE_VARIANT_ADD(drop, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(drop, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(drop)
{
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->udp = udp_open(HOST_A, variant->family, 0, &self->from);
	ASSERT_LE(0, self->udp);
	fill(out, sizeof(out), 4);
	stats_read(HOST_B, &self->base);
	net_pin();
}

FIXTURE_TEARDOWN(drop)
{
	close(self->udp);
	close(self->rx);
}

static bool emit(struct _test_data_drop *self, const void *buf, size_t len)
{
	return udp_sendto(self->udp, buf, len, &self->to) == (ssize_t)len;
}

/*
 * All datagrams so far made exactly that many drops, all of this reason, and
 * no message; and the socket takes a good frame after them.
 */
static bool dropped(struct _test_data_drop *self, int reason, __u64 count)
{
	unsigned char frame[FP_HDR_LEN + 4];
	__u64 delivered;

	if (!stats_wait(HOST_B, &self->base, reason, count) ||
	    stats_since(HOST_B, &self->base, reason) != count ||
	    stats_drops_since(HOST_B, &self->base) != count)
		return false;
	delivered = stats_since(HOST_B, &self->base,
				FASTPROTO_A_STATS_IN_FRAMES);
	if (recv(self->rx, in, sizeof(in), MSG_DONTWAIT) != -1)
		return false;
	frame_build(frame, 0, 0, "good", 4);
	return emit(self, frame, sizeof(frame)) &&
	       recv(self->rx, in, sizeof(in), 0) == 4 &&
	       !memcmp(in, "good", 4) &&
	       stats_drops_since(HOST_B, &self->base) == count &&
	       stats_since(HOST_B, &self->base, FASTPROTO_A_STATS_IN_FRAMES) ==
	       delivered + 1;
}

TEST_F(drop, shorter_than_a_header)
{
	size_t len;

	frame_build(in, 0, 0, NULL, 0);
	memcpy(out, in, FP_HDR_LEN);
	for (len = 0; len < FP_HDR_LEN; len++)
		ASSERT_TRUE(emit(self, out, len));
	EXPECT_TRUE(dropped(self, DROP(INCOMPLETE), FP_HDR_LEN));
}

TEST_F(drop, shorter_than_its_size)
{
	static const size_t sent[] = { 24, 25, 123 };
	size_t i;

	frame_build(in, 0, 0, out, 100);
	for (i = 0; i < ARRAY_SIZE(sent); i++)
		ASSERT_TRUE(emit(self, in, sent[i]));
	EXPECT_TRUE(dropped(self, DROP(INCOMPLETE), i));
}

TEST_F(drop, magic)
{
	struct fp_hdr hdr;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		frame_build(&hdr, 0, 0, NULL, 0);
		hdr.magic ^= htole32(1u << bit);
		frame_seal(&hdr);
		ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	}
	EXPECT_TRUE(dropped(self, DROP(MAGIC), 32));
}

TEST_F(drop, version)
{
	static const unsigned int versions[] = { 0, 2, 3, 0x0100, 0xffff };
	struct fp_hdr hdr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		frame_build(&hdr, 0, 0, NULL, 0);
		hdr.version = htole16(versions[i]);
		frame_seal(&hdr);
		ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	}
	EXPECT_TRUE(dropped(self, DROP(VERSION), i));
}

TEST_F(drop, flags)
{
	unsigned int count = 0;
	struct fp_hdr hdr;
	int bit;

	for (bit = 0; bit < 16; bit++) {
		if (FP_F_DGRAM & (1 << bit))
			continue;
		frame_build(&hdr, 0, 1 << bit, NULL, 0);
		ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
		count++;
	}
	EXPECT_LT(0, count);
	EXPECT_TRUE(dropped(self, DROP(FLAGS), count));
}

TEST_F(drop, frame_of_a_connection)
{
	/* Valid: an RST of protocol.rst. But there is no such connection. */
	static const unsigned char rst[36] = {
		0x46, 0x53, 0x54, 0x50, 0x01, 0x00, 0x42, 0x00,
		0x24, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x05, 0x4f, 0x40, 0xef,
		0x03, 0x00, 0x00, 0x00, 0xd4, 0xc3, 0xb2, 0xa1,
		0x07, 0x00, 0x00, 0x00,
	};
	unsigned char *p = in;

	ASSERT_TRUE(emit(self, rst, sizeof(rst)));
	EXPECT_TRUE(dropped(self, DROP(ID), 1));
	/* Behind a message that is large enough for its datagram's pages. */
	p += frame_build(p, 0, 0, out, 5000);
	memcpy(p, rst, sizeof(rst));
	ASSERT_TRUE(emit(self, in, p + sizeof(rst) - in));
	ASSERT_EQ(5000, recv(self->rx, in, sizeof(in), 0));
	EXPECT_TRUE(dropped(self, DROP(ID), 2));
}

TEST_F(drop, size)
{
	static const __u32 sizes[] = {
		0, 1, 23, 65528, 65536, 65536 + 24, 0x7fffffff, 0x80000000,
		0xffffffff,
	};
	struct fp_hdr hdr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		frame_build(&hdr, 0, 0, NULL, 0);
		hdr.size = htole32(sizes[i]);
		frame_seal(&hdr);
		ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	}
	EXPECT_TRUE(dropped(self, DROP(SIZE), i));
}

TEST_F(drop, checksum)
{
	struct fp_hdr hdr;
	int bit;

	/* Every bit that no check before it looks at: seq and the sum. */
	for (bit = 12 * 8; bit < FP_HDR_LEN * 8; bit++) {
		frame_build(&hdr, 0x0123456789abcdef, 0, NULL, 0);
		((unsigned char *)&hdr)[bit / 8] ^= 1 << bit % 8;
		ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	}
	EXPECT_TRUE(dropped(self, DROP(CHECKSUM), 12 * 8));
}

TEST_F(drop, first_wrong_field_counts)
{
	struct fp_hdr hdr = { 0 };

	hdr.size = 0;
	ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	EXPECT_TRUE(dropped(self, DROP(MAGIC), 1));
	stats_read(HOST_B, &self->base);
	hdr.magic = htole32(FP_MAGIC);
	hdr.flags = 0xffff;
	ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	EXPECT_TRUE(dropped(self, DROP(VERSION), 1));
	stats_read(HOST_B, &self->base);
	hdr.version = htole16(FP_VERSION);
	ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	EXPECT_TRUE(dropped(self, DROP(FLAGS), 1));
	stats_read(HOST_B, &self->base);
	hdr.flags = 0;
	ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	EXPECT_TRUE(dropped(self, DROP(SIZE), 1));
	stats_read(HOST_B, &self->base);
	hdr.size = htole32(25);
	ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	EXPECT_TRUE(dropped(self, DROP(CHECKSUM), 1));
	stats_read(HOST_B, &self->base);
	frame_seal(&hdr);
	ASSERT_TRUE(emit(self, &hdr, sizeof(hdr)));
	EXPECT_TRUE(dropped(self, DROP(INCOMPLETE), 1));
}

TEST_F(drop, no_frames_at_all)
{
	/* Random bytes of many lengths: each datagram is one drop. */
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_TRUE(emit(self, out + i, 24 + i * 50));
	EXPECT_TRUE(dropped(self, DROP(MAGIC), 100));
}

TEST_F(drop, invalid_frame_ends_its_datagram)
{
	unsigned char *p = in;

	p += frame_build(p, 0, 0, "first", 5);
	p += frame_build(p, 1, 0, out, 1000);
	p[-1024] ^= 1;
	p += frame_build(p, 2, 0, "third", 5);
	ASSERT_TRUE(emit(self, in, p - in));
	ASSERT_EQ(5, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "first", 5));
	EXPECT_TRUE(dropped(self, DROP(MAGIC), 1));
}

TEST_F(drop, rest_too_short_for_a_frame)
{
	unsigned char *p = in;

	p += frame_build(p, 0, 0, out, 600);
	p += frame_build(p, 1, 0, NULL, 0);
	ASSERT_TRUE(emit(self, in, p - in - 1));
	ASSERT_EQ(600, recv(self->rx, in, sizeof(in), 0));
	EXPECT_TRUE(dropped(self, DROP(INCOMPLETE), 1));
}

TEST_F(drop, last_frame_incomplete)
{
	unsigned char *p = in;

	p += frame_build(p, 0, 0, out, 600);
	p += frame_build(p, 1, 0, out, 600);
	ASSERT_TRUE(emit(self, in, p - in - 1));
	ASSERT_EQ(600, recv(self->rx, in, sizeof(in), 0));
	EXPECT_TRUE(dropped(self, DROP(INCOMPLETE), 1));
}

TEST_F(drop, connected_to_another)
{
	struct sockaddr_fp peer;
	int tx = fp_open_host(HOST_A, variant->family, &peer);
	unsigned char *p = in;

	ASSERT_LE(0, tx);
	ASSERT_EQ(0, fp_connect(self->rx, &peer));
	p += frame_build(p, 0, 0, "one", 3);
	p += frame_build(p, 1, 0, "two", 3);
	ASSERT_TRUE(emit(self, in, p - in));
	EXPECT_TRUE(stats_wait(HOST_B, &self->base, DROP(PEER), 2));
	EXPECT_EQ(2, stats_drops_since(HOST_B, &self->base));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
	ASSERT_EQ(4, fp_sendto(tx, "peer", 4, &self->to));
	ASSERT_EQ(4, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "peer", 4));
	/* Connected to the plain socket, it hears that. */
	ASSERT_EQ(0, fp_connect(self->rx, &self->from));
	EXPECT_TRUE(dropped(self, DROP(PEER), 2));
}

TEST_F(drop, receive_buffer_full)
{
	__u64 full, delivered, got = 0;
	const unsigned int count = 300;
	unsigned int i;

	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RCVBUF, 8192));
	frame_build(in, 0, 0, out, 1000);
	for (i = 0; i < count; i++)
		ASSERT_TRUE(emit(self, in, FP_HDR_LEN + 1000));
	ASSERT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_IN_DATAGRAMS, count));
	full = stats_since(HOST_B, &self->base, DROP(QUEUE_FULL));
	delivered = stats_since(HOST_B, &self->base,
				FASTPROTO_A_STATS_IN_FRAMES);
	EXPECT_LT(0, full);
	EXPECT_LT(0, delivered);
	EXPECT_EQ(count, full + delivered);
	EXPECT_EQ(full, stats_drops_since(HOST_B, &self->base));
	/* By truesize: 16384 bytes never hold more than 16 of 1024. */
	EXPECT_GE(16, delivered);
	while (recv(self->rx, in, sizeof(in), MSG_DONTWAIT) == 1000)
		got++;
	EXPECT_EQ(delivered, got);
	/* Reading made room. */
	EXPECT_TRUE(dropped(self, DROP(QUEUE_FULL), full));
}

TEST_F(drop, small_messages_fill_the_buffer_too)
{
	const unsigned int count = 1000;
	__u64 delivered;
	unsigned int i;

	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RCVBUF, 8192));
	frame_build(in, 0, 0, NULL, 0);
	for (i = 0; i < count; i++)
		ASSERT_TRUE(emit(self, in, FP_HDR_LEN));
	ASSERT_TRUE(stats_wait(HOST_B, &self->base,
			       FASTPROTO_A_STATS_IN_DATAGRAMS, count));
	delivered = stats_since(HOST_B, &self->base,
				FASTPROTO_A_STATS_IN_FRAMES);
	/* An empty message costs memory: not 1000 of them in 16 KiB. */
	EXPECT_GT(200, delivered);
	EXPECT_EQ(count - delivered,
		  stats_since(HOST_B, &self->base, DROP(QUEUE_FULL)));
}

TEST_F(drop, nobody_at_the_port)
{
	struct stats now;
	char c;

	close(self->rx);
	self->rx = fp_open(HOST_B);
	frame_build(in, 0, 0, NULL, 0);
	ASSERT_EQ(0, connect(self->udp, (struct sockaddr *)&self->to.sfp_sin,
			     variant->family == AF_INET ?
			     sizeof(self->to.sfp_sin) :
			     sizeof(self->to.sfp_sin6)));
	ASSERT_EQ(FP_HDR_LEN, send(self->udp, in, FP_HDR_LEN, 0));
	/* UDP itself answers: port unreachable. The module saw nothing. */
	EXPECT_FAILS(ECONNREFUSED, recv(self->udp, &c, 1, 0));
	stats_read(HOST_B, &now);
	EXPECT_EQ(0, memcmp(&now, &self->base, sizeof(now)));
}

TEST_F(drop, socket_filter)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	int none = 0;

	ASSERT_EQ(0, setsockopt(self->rx, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	frame_build(in, 0, 0, "drop", 4);
	ASSERT_TRUE(emit(self, in, FP_HDR_LEN + 4));
	ASSERT_TRUE(stats_wait(HOST_B, &self->base, DROP(FILTER), 1));
	EXPECT_EQ(1, stats_drops_since(HOST_B, &self->base));
	EXPECT_EQ(0, stats_since(HOST_B, &self->base,
				 FASTPROTO_A_STATS_IN_FRAMES));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, setsockopt(self->rx, SOL_SOCKET, SO_DETACH_FILTER, &none,
				sizeof(none)));
	frame_build(in, 0, 0, "pass", 4);
	ASSERT_TRUE(emit(self, in, FP_HDR_LEN + 4));
	ASSERT_EQ(4, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "pass", 4));
}

TEST_F(drop, no_memory)
{
	static const struct {
		const char *cache;
		unsigned int flags;
		size_t len;
	} kinds[] = {
		{ "fastproto_small", 0, 100 },
		{ "fastproto_large", FP_F_NEEDS_COPY, 2000 },
		{ "fastproto_packet", 0, 1000 },
	};
	size_t i, len;

	if (!fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		len = frame_build(in, 0, kinds[i].flags, out, kinds[i].len);
		ASSERT_EQ(0, fault_cache(kinds[i].cache, true));
		EXPECT_TRUE(emit(self, in, len));
		EXPECT_TRUE(stats_wait(HOST_B, &self->base, DROP(NO_MEMORY),
				       i + 1));
		ASSERT_EQ(0, fault_cache(kinds[i].cache, false));
		EXPECT_TRUE(dropped(self, DROP(NO_MEMORY), i + 1));
	}
}

/* A datagram of many IP fragments, frame headers across their seams. */
TEST_F(drop, frames_across_fragments)
{
	unsigned char *p = in;
	unsigned int i, n = 0;
	size_t len;

	if (variant->family == AF_INET6)
		len = 60001;
	else
		len = 59989;
	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	while (p + FP_HDR_LEN + 1999 < in + len) {
		p += frame_build(p, n, 0, out + n, n * 37 % 2000);
		n++;
	}
	ASSERT_LT(40, n);
	ASSERT_TRUE(emit(self, in, p - in));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(i * 37 % 2000, recv(self->rx, in, sizeof(in), 0));
		ASSERT_EQ(0, memcmp(in, out + i, i * 37 % 2000));
	}
	EXPECT_EQ(0, stats_drops_since(HOST_B, &self->base));
}

/*
 * One send with UDP_SEGMENT is many datagrams that may travel as one packet:
 * each is taken for itself.
 */
TEST_F(drop, segmented_datagrams)
{
	const unsigned int segments = 20, size = 500;
	struct stats now;
	unsigned int i;

	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	ASSERT_EQ(0, fp_setint(self->rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_EQ(0, fp_setint(self->udp, SOL_UDP, UDP_SEGMENT, size));
	for (i = 0; i < segments; i++)
		frame_build(in + i * size, i, 0, out + i, size - FP_HDR_LEN);
	/* One of them is bad, and takes nobody with it. */
	in[7 * size] ^= 1;
	ASSERT_TRUE(emit(self, in, segments * size));
	for (i = 0; i < segments; i++) {
		struct fp_recvinfo info;

		if (i == 7)
			continue;
		ASSERT_EQ(size - FP_HDR_LEN,
			  fp_recvinfo(self->rx, in, sizeof(in), 0, &info));
		EXPECT_EQ(i, info.seq);
		EXPECT_EQ(0, info.index);
		EXPECT_EQ(0, memcmp(in, out + i, size - FP_HDR_LEN));
	}
	stats_read(HOST_B, &now);
	EXPECT_EQ(1, now.v[DROP(MAGIC)] - self->base.v[DROP(MAGIC)]);
	EXPECT_EQ(1, stats_drops_since(HOST_B, &self->base));
	EXPECT_EQ(segments, now.v[FASTPROTO_A_STATS_IN_DATAGRAMS] -
			    self->base.v[FASTPROTO_A_STATS_IN_DATAGRAMS]);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
