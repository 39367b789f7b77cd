// SPDX-License-Identifier: GPL-2.0
/* SOCK_SEQPACKET: connect, accept, messages, end. */
#define _GNU_SOURCE
#include <poll.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define LARGEST	1048576	/* bytes: what a connection takes by default */

static unsigned char in[LARGEST + 1], out[LARGEST + 1];

static int events_of(int fd)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLRDHUP,
	};

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

FIXTURE(conn) {
	struct sockaddr_fp addr;	/* of listener */
	int listener;			/* on host B */
	int client;			/* on host A */
};

FIXTURE_VARIANT(conn) {
	int family;
};

FIXTURE_VARIANT_ADD(conn, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(conn, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(conn)
{
	self->listener = fp_listen(HOST_B, variant->family, 5, &self->addr);
	ASSERT_LE(0, self->listener);
	self->client = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(conn)
{
	close(self->client);
	close(self->listener);
}

TEST_F(conn, both_know_each_other)
{
	struct sockaddr_fp local, peer, from;
	socklen_t len = sizeof(from);
	int fd;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	fd = accept(self->listener, (struct sockaddr *)&from, &len);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_name(self->client, &local));
	ASSERT_EQ(0, fp_peer(self->client, &peer));
	EXPECT_TRUE(fp_same(&self->addr, &peer));
	EXPECT_TRUE(fp_same(&local, &from));
	EXPECT_NE(0, fp_port(&local));
	ASSERT_EQ(0, fp_name(fd, &local));
	ASSERT_EQ(0, fp_peer(fd, &peer));
	EXPECT_TRUE(fp_same(&self->addr, &local));
	EXPECT_TRUE(fp_same(&from, &peer));
	EXPECT_FAILS(EISCONN, fp_connect(self->client, &self->addr));
	close(fd);
}

TEST_F(conn, messages_of_all_sizes)
{
	static const size_t sizes[] = {
		0, 1, 64, 255, 256, 257, 1000, 1380, 1400, 1408, 1409, 1410,
		1436, 1437, 2048, 4096, 65535, 65536, 100000, LARGEST - 1,
		LARGEST,
	};
	int fd, ends[2];
	unsigned int i, way;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ends[0] = self->client;
	ends[1] = fd;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (way = 0; way < 2; way++) {
			struct iovec iov = { in, sizeof(in) };
			struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

			fill(out, sizes[i], i + way);
			ASSERT_EQ((ssize_t)sizes[i],
				  send(ends[way], out, sizes[i], 0));
			ASSERT_EQ((ssize_t)sizes[i],
				  recvmsg(ends[!way], &msg, 0)) {
				TH_LOG("size %zu", sizes[i]);
			}
			EXPECT_EQ(MSG_EOR, msg.msg_flags);
			ASSERT_TRUE(filled(in, sizes[i], i + way));
		}
	}
	EXPECT_FAILS(EMSGSIZE, send(fd, out, LARGEST + 1, 0));
	close(fd);
}

TEST_F(conn, payload_checksum)
{
	/* A small frame, with its trailer, is not kept as a large one is. */
	static const size_t sizes[] = {
		0, 1, 255, 256, 257, 260, 261, 300, 1400, 5000, 100000
	};
	struct fp_recvinfo info;
	unsigned int i;
	int fd;

	EXPECT_EQ(0, fp_getint(self->client, SOL_FASTPROTO, FP_PAYLOAD_CSUM));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_PAYLOAD_CSUM,
			       1));
	EXPECT_FAILS(EINVAL, fp_setint(self->client, SOL_FASTPROTO,
				       FP_PAYLOAD_CSUM, 2));
	ASSERT_EQ(0, fp_setint(self->listener, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i);
		ASSERT_EQ((ssize_t)sizes[i],
			  send(self->client, out, sizes[i], 0));
		ASSERT_EQ((ssize_t)sizes[i],
			  fp_recvinfo(fd, in, sizeof(in), 0, &info));
		EXPECT_TRUE(filled(in, sizes[i], i));
		EXPECT_TRUE(info.flags & FP_F_CSUM);
	}
	/* It counts from the next message on. */
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_PAYLOAD_CSUM,
			       0));
	ASSERT_EQ(1, send(self->client, out, 1, 0));
	ASSERT_EQ(1, fp_recvinfo(fd, in, sizeof(in), 0, &info));
	EXPECT_FALSE(info.flags & FP_F_CSUM);
	close(fd);
}

TEST_F(conn, refused)
{
	struct sockaddr_fp addr = self->addr;
	struct stats a, b;

	stats_read(HOST_A, &a);
	stats_read(HOST_B, &b);
	close(self->listener);
	EXPECT_FAILS(ECONNREFUSED, fp_connect(self->client, &addr));
	EXPECT_EQ(1, stats_since(HOST_A, &a, FASTPROTO_A_STATS_ENDED_ICMP));
	/* Somebody is bound there, but does not listen. */
	self->listener = fp_open_seqpacket(HOST_B);
	ASSERT_EQ(0, fp_bind(self->listener, &addr));
	EXPECT_FAILS(ECONNREFUSED, fp_connect(self->client, &addr));
	EXPECT_EQ(1, stats_since(HOST_B, &b, FASTPROTO_A_STATS_DROP_REFUSED));
	EXPECT_EQ(1, stats_drops_since(HOST_B, &b));
	EXPECT_EQ(1, stats_since(HOST_B, &b, FASTPROTO_A_STATS_OUT_RESETS));
	EXPECT_EQ(1, stats_since(HOST_B, &b,
				 FASTPROTO_A_STATS_OUT_RESETS_REFUSED));
	EXPECT_EQ(1, stats_since(HOST_A, &a, FASTPROTO_A_STATS_IN_RESETS));
	EXPECT_EQ(1, stats_since(HOST_A, &a,
				 FASTPROTO_A_STATS_IN_RESETS_REFUSED));
	EXPECT_EQ(2, stats_since(HOST_A, &a, FASTPROTO_A_STATS_CONNECTS));
	EXPECT_EQ(0, stats_since(HOST_A, &a, FASTPROTO_A_STATS_CONNECTED));
	/* And now he does. */
	ASSERT_EQ(0, listen(self->listener, 1));
	EXPECT_EQ(0, fp_connect(self->client, &addr));
}

TEST_F(conn, end_of_file)
{
	struct stats a, b;
	int fd;

	stats_read(HOST_A, &a);
	stats_read(HOST_B, &b);
	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	ASSERT_EQ(4, send(self->client, "last", 4, 0));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_FAILS(EPIPE, send(self->client, "more", 4, MSG_NOSIGNAL));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(fd, in, sizeof(in), 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events_of(fd));
	/* The other direction still works. */
	ASSERT_EQ(6, send(fd, "answer", 6, 0));
	EXPECT_EQ(6, recv(self->client, in, sizeof(in), 0));
	close(fd);
	EXPECT_EQ(0, recv(self->client, in, sizeof(in), 0));
	EXPECT_TRUE(stats_wait(HOST_A, &a, FASTPROTO_A_STATS_ENDED_CLOSED, 1));
	EXPECT_TRUE(stats_wait(HOST_B, &b, FASTPROTO_A_STATS_ENDED_CLOSED, 1));
	EXPECT_EQ(0, stats_since(HOST_A, &a, FASTPROTO_A_STATS_ENDED_ABORTED));
	EXPECT_EQ(0, stats_since(HOST_B, &b, FASTPROTO_A_STATS_ENDED_ABORTED));
}

TEST_F(conn, abort_is_counted_at_both_ends)
{
	struct stats a, b;
	int fd;

	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	ASSERT_EQ(4, send(self->client, "ping", 4, 0));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(fp_wait(fd, POLLIN));
	stats_read(HOST_A, &a);
	stats_read(HOST_B, &b);
	/* With something unread. */
	close(fd);
	EXPECT_TRUE(fp_wait(self->client, POLLHUP));
	EXPECT_EQ(1, stats_since(HOST_B, &b, FASTPROTO_A_STATS_ENDED_ABORTED));
	EXPECT_EQ(1, stats_since(HOST_B, &b,
				 FASTPROTO_A_STATS_OUT_RESETS_ABORTED));
	EXPECT_EQ(1, stats_since(HOST_A, &a,
				 FASTPROTO_A_STATS_IN_RESETS_ABORTED));
	EXPECT_EQ(1, stats_since(HOST_A, &a, FASTPROTO_A_STATS_IN_RESETS));
	EXPECT_EQ(0, stats_since(HOST_A, &a, FASTPROTO_A_STATS_ENDED_ABORTED));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
