// SPDX-License-Identifier: GPL-2.0
/* Sending: to whom, how much, with which flags, and what lies on the wire. */
#define _GNU_SOURCE
#include <endian.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define MSG_MAX	FP_DGRAM_MAX_INET6	/* the greatest of all */

static unsigned char out[MSG_MAX + 2];
static unsigned char in[MSG_MAX + FP_HDR_LEN + 2];

FIXTURE(send) {
	struct sockaddr_fp to;		/* of rx */
	size_t max;			/* the largest message */
	int rx;				/* bound on host B */
	int tx;				/* on host A, not bound */
};

FIXTURE_VARIANT(send) {
	int family;
};

FIXTURE_VARIANT_ADD(send, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(send, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(send)
{
	self->max = variant->family == AF_INET ? FP_DGRAM_MAX_INET :
						 FP_DGRAM_MAX_INET6;
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open(HOST_A);
	ASSERT_LE(0, self->tx);
	fill(out, sizeof(out), 1);
}

FIXTURE_TEARDOWN(send)
{
	close(self->tx);
	close(self->rx);
}

TEST_F(send, message_and_its_sender)
{
	struct sockaddr_fp bound, from;
	socklen_t len = sizeof(from);

	close(self->tx);
	self->tx = fp_open_host(HOST_A, variant->family, &bound);
	ASSERT_LE(0, self->tx);
	ASSERT_EQ(100, fp_sendto(self->tx, out, 100, &self->to));
	memset(&from, 0xff, sizeof(from));
	ASSERT_EQ(100, recvfrom(self->rx, in, sizeof(in), 0,
				(struct sockaddr *)&from, &len));
	EXPECT_EQ(sizeof(from), len);
	EXPECT_TRUE(fp_same(&bound, &from));
	EXPECT_EQ(0, memcmp(in, out, 100));
}

TEST_F(send, no_address)
{
	struct iovec iov = { .iov_base = out, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	EXPECT_FAILS(EDESTADDRREQ, send(self->tx, out, 1, 0));
	EXPECT_FAILS(EDESTADDRREQ, write(self->tx, out, 1));
	EXPECT_FAILS(EDESTADDRREQ, sendmsg(self->tx, &msg, 0));
	ASSERT_EQ(0, fp_bind(self->tx, &(struct sockaddr_fp){
		.sfp_family = AF_FASTPROTO,
		.sfp_sin.sin_family = AF_INET }));
	EXPECT_FAILS(EDESTADDRREQ, send(self->tx, out, 1, 0));
}

TEST_F(send, bad_address)
{
	struct sockaddr_fp to = self->to;
	socklen_t need = fp_addrlen(&to);
	const struct sockaddr *sa = (struct sockaddr *)&to;
	socklen_t len;

	/* A length of 0 is an address that was left out. */
	for (len = 1; len < need; len++)
		EXPECT_FAILS(EINVAL, sendto(self->tx, out, 1, 0, sa, len));
	to.sfp_family = AF_INET;
	EXPECT_FAILS(EAFNOSUPPORT, fp_sendto(self->tx, out, 1, &to));
	to.sfp_family = AF_UNSPEC;
	EXPECT_FAILS(EAFNOSUPPORT, fp_sendto(self->tx, out, 1, &to));
	to = self->to;
	to.sfp_transport = AF_UNIX;
	EXPECT_FAILS(EAFNOSUPPORT, fp_sendto(self->tx, out, 1, &to));
	EXPECT_FAILS(EFAULT, sendto(self->tx, out, 1, 0, (void *)1, need));
	to = self->to;
	EXPECT_EQ(1, sendto(self->tx, out, 1, 0, sa, need));
	EXPECT_EQ(1, recv(self->rx, in, 1, 0));
}

TEST_F(send, connected_with_every_call)
{
	struct iovec iov[] = {
		{ .iov_base = out, .iov_len = 10 },
		{ .iov_base = out + 10, .iov_len = 0 },
		{ .iov_base = out + 10, .iov_len = 1 },
		{ .iov_base = out + 11, .iov_len = 500 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };

	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	EXPECT_EQ(5, send(self->tx, out, 5, 0));
	EXPECT_EQ(6, write(self->tx, out, 6));
	EXPECT_EQ(511, writev(self->tx, iov, ARRAY_SIZE(iov)));
	EXPECT_EQ(511, sendmsg(self->tx, &msg, 0));
	EXPECT_EQ(5, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(6, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(511, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(511, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out, 511));
}

TEST_F(send, address_beats_connection)
{
	struct sockaddr_fp other, peer;
	int third = fp_open_host(HOST_B, variant->family, &other);

	ASSERT_LE(0, third);
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	ASSERT_EQ(1, fp_sendto(self->tx, "o", 1, &other));
	ASSERT_EQ(1, recv(third, in, 1, 0));
	EXPECT_EQ('o', in[0]);
	ASSERT_EQ(0, fp_peer(self->tx, &peer));
	EXPECT_TRUE(fp_same(&self->to, &peer));
	ASSERT_EQ(1, send(self->tx, "c", 1, 0));
	ASSERT_EQ(1, recv(self->rx, in, 1, 0));
	EXPECT_EQ('c', in[0]);
}

TEST_F(send, too_big)
{
	size_t len = self->max + 1;

	EXPECT_FAILS(EMSGSIZE, fp_sendto(self->tx, out, len, &self->to));
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	EXPECT_FAILS(EMSGSIZE, send(self->tx, out, len, 0));
	EXPECT_FAILS(EMSGSIZE, send(self->tx, out, 1 << 20, 0));
	EXPECT_FAILS(EMSGSIZE, send(self->tx, out, INT_MAX, 0));
	EXPECT_FAILS(EMSGSIZE, send(self->tx, out, 1ul << 40, 0));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
}

TEST_F(send, largest)
{
	size_t len = self->max;

	ASSERT_EQ(len, fp_sendto(self->tx, out, len, &self->to));
	ASSERT_EQ(len, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out, len));
}

TEST_F(send, largest_over_loopback)
{
	struct sockaddr_fp loop = fp_loopback(variant->family, 0);
	int rx = fp_open_bound(HOST_A, &loop);
	size_t len = self->max;

	ASSERT_LE(0, rx);
	ASSERT_EQ(len, fp_sendto(self->tx, out, len, &loop));
	ASSERT_EQ(len, recv(rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out, len));
}

TEST_F(send, to_itself)
{
	ASSERT_EQ(3, fp_sendto(self->rx, "ego", 3, &self->to));
	ASSERT_EQ(3, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "ego", 3));
}

TEST_F(send, every_size_arrives_whole)
{
	/* Around the header, the copybreak, a page, the MTU and fragments. */
	static const unsigned int sizes[] = {
		1, 2, 3, 7, 8, 15, 16, 23, 24, 25, 63, 64, 65, 127, 128, 129,
		255, 256, 257, 511, 512, 1000, 1023, 1024, 1427, 1428, 1429,
		1447, 1448, 1449, 1471, 1472, 1473, 2047, 2048, 2049, 2900,
		4071, 4072, 4073, 4095, 4096, 4097, 8191, 8192, 8193, 16384,
		32767, 32768, 40000, 65000,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i);
		ASSERT_EQ(sizes[i], fp_sendto(self->tx, out, sizes[i],
					      &self->to));
		ASSERT_EQ(sizes[i], recv(self->rx, in, sizeof(in), 0));
		ASSERT_TRUE(filled(in, sizes[i], i))
			TH_LOG("message of %u bytes", sizes[i]);
	}
}

TEST_F(send, zero_length)
{
	struct sockaddr_fp from = { 0 };
	socklen_t len = sizeof(from);

	ASSERT_EQ(0, fp_sendto(self->tx, NULL, 0, &self->to));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	ASSERT_EQ(0, recvfrom(self->rx, in, sizeof(in), MSG_DONTWAIT,
			      (struct sockaddr *)&from, &len));
	EXPECT_EQ(variant->family, from.sfp_transport);
	/* It was a message, not the end of the file. */
	ASSERT_EQ(1, fp_sendto(self->tx, "z", 1, &self->to));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
}

TEST_F(send, flags)
{
	static const int good[] = {
		MSG_CONFIRM, MSG_DONTROUTE, MSG_DONTWAIT, MSG_NOSIGNAL,
	};
	size_t i;

	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(1, send(self->tx, out, 1, good[i]));
		ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	}
	EXPECT_FAILS(EOPNOTSUPP, send(self->tx, out, 1, MSG_OOB));
	EXPECT_FAILS(EOPNOTSUPP, send(self->tx, out, 1, MSG_MORE));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
}

TEST_F(send, unknown_control_message)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = out, .iov_len = 1 };
	struct msghdr msg = {
		.msg_name = &self->to,
		.msg_namelen = sizeof(self->to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_FASTPROTO;
	cmsg->cmsg_type = 0x7777;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	cmsg->cmsg_type = FP_RECVINFO;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = 0x7777;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	/* One that claims to be longer than the buffer, one too short. */
	cmsg->cmsg_level = SOL_FASTPROTO;
	cmsg->cmsg_len = sizeof(control) + 1;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	cmsg->cmsg_len = sizeof(*cmsg) - 1;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
}

TEST_F(send, control_message_for_mark)
{
	union {
		char room[CMSG_SPACE(sizeof(__u32))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = out, .iov_len = 1 };
	struct msghdr msg = {
		.msg_name = &self->to,
		.msg_namelen = sizeof(self->to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	__u32 mark = 0x77;

	cmsg->cmsg_len = CMSG_LEN(sizeof(mark));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SO_MARK;
	memcpy(CMSG_DATA(cmsg), &mark, sizeof(mark));
	ASSERT_EQ(1, sendmsg(self->tx, &msg, 0));
	EXPECT_EQ(1, recv(self->rx, in, 1, 0));
}

TEST_F(send, after_shutdown)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	ASSERT_EQ(0, shutdown(self->tx, SHUT_WR));
	/* SIGPIPE would end this test. */
	EXPECT_FAILS(EPIPE, send(self->tx, out, 1, 0));
	EXPECT_FAILS(EPIPE, send(self->tx, out, 1, MSG_NOSIGNAL));
	EXPECT_FAILS(EPIPE, fp_sendto(self->tx, out, 1, &self->to));
}

TEST_F(send, shutdown_arguments)
{
	EXPECT_FAILS(ENOTCONN, shutdown(self->tx, SHUT_RD));
	EXPECT_FAILS(ENOTCONN, shutdown(self->tx, SHUT_WR));
	EXPECT_FAILS(ENOTCONN, shutdown(self->tx, SHUT_RDWR));
	/* And nothing was shut. */
	ASSERT_EQ(1, fp_sendto(self->tx, out, 1, &self->to));
	ASSERT_EQ(1, recv(self->rx, in, 1, 0));
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	EXPECT_FAILS(EINVAL, shutdown(self->tx, 99));
	EXPECT_FAILS(EINVAL, shutdown(self->tx, -1));
	EXPECT_EQ(1, send(self->tx, out, 1, 0));
}

TEST_F(send, bad_buffer)
{
	struct iovec iov[] = {
		{ .iov_base = out, .iov_len = 100 },
		{ .iov_base = (void *)1, .iov_len = 1000 },
	};
	struct msghdr msg = {
		.msg_name = &self->to,
		.msg_namelen = sizeof(self->to),
		.msg_iov = iov,
		.msg_iovlen = ARRAY_SIZE(iov),
	};

	EXPECT_FAILS(EFAULT, fp_sendto(self->tx, (void *)1, 10, &self->to));
	EXPECT_FAILS(EFAULT, fp_sendto(self->tx, (void *)1, 9000, &self->to));
	EXPECT_FAILS(EFAULT, sendmsg(self->tx, &msg, 0));
	ASSERT_EQ(1, fp_sendto(self->tx, "g", 1, &self->to));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ('g', in[0]);
}

TEST_F(send, several_with_one_call)
{
	struct mmsghdr msgs[8] = { 0 };
	struct iovec iov[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(msgs); i++) {
		iov[i].iov_base = out;
		iov[i].iov_len = 100 + i;
		msgs[i].msg_hdr.msg_name = &self->to;
		msgs[i].msg_hdr.msg_namelen = sizeof(self->to);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	net_pin();
	ASSERT_EQ(8, sendmmsg(self->tx, msgs, ARRAY_SIZE(msgs), 0));
	for (i = 0; i < ARRAY_SIZE(msgs); i++) {
		EXPECT_EQ(100 + i, msgs[i].msg_len);
		EXPECT_EQ(100 + i, recv(self->rx, in, sizeof(in), 0));
	}
	/* It stops at the one that fails, and says how many went. */
	iov[3].iov_base = (void *)1;
	ASSERT_EQ(3, sendmmsg(self->tx, msgs, ARRAY_SIZE(msgs), 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(100 + i, recv(self->rx, in, sizeof(in), 0));
	EXPECT_FAILS(EFAULT, sendmmsg(self->tx, msgs + 3, 1, 0));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
}

/* What a plain UDP socket finds is the frame, byte for byte. */
TEST_F(send, frame_on_the_wire)
{
	static const size_t sizes[] = { 0, 5, 256, 1400, 20000 };
	unsigned char expected[FP_HDR_LEN + 20000];
	struct sockaddr_fp to;
	size_t i, len;
	int udp;

	udp = udp_open(HOST_B, variant->family, 0, &to);
	ASSERT_LE(0, udp);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(sizes[i], fp_sendto(self->tx, out, sizes[i], &to));
		len = frame_build(expected, i, 0, out, sizes[i]);
		ASSERT_EQ(len, recv(udp, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(in, expected, len));
	}
	ASSERT_EQ(0, fp_setint(self->tx, SOL_FASTPROTO, FP_NEEDS_COPY, 1));
	ASSERT_EQ(5, fp_sendto(self->tx, out, 5, &to));
	len = frame_build(expected, i, FP_F_NEEDS_COPY, out, 5);
	ASSERT_EQ(len, recv(udp, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, expected, len));
	/* The first four bytes, for one who reads a dump. */
	EXPECT_EQ(0, memcmp(in, "FSTP", 4));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
