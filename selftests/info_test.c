// SPDX-License-Identifier: GPL-2.0
/* What comes with a message: FP_RECVINFO, time stamps, and the counters. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/time.h>
#include <time.h>
#include <linux/sock_diag.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define COPYBREAK	256		/* the default */
#define COPYBREAK_MAX	2048

static unsigned char out[FP_DGRAM_MAX_INET6 + 1];
static unsigned char in[FP_DGRAM_MAX_INET6 + 1];

FIXTURE(info) {
	struct sockaddr_fp to;		/* of rx */
	struct fp_recvinfo info;
	struct stats base[HOSTS];
	int rx;				/* bound on host B, FP_RECVINFO */
	int tx;				/* on host A, not bound */
};

FIXTURE_VARIANT(info) {
	int family;
};

FIXTURE_VARIANT_ADD(info, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(info, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(info)
{
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	ASSERT_EQ(0, fp_setint(self->rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	self->tx = fp_open(HOST_A);
	ASSERT_LE(0, self->tx);
	fill(out, sizeof(out), 3);
	stats_read(HOST_A, &self->base[HOST_A]);
	stats_read(HOST_B, &self->base[HOST_B]);
	net_pin();
}

FIXTURE_TEARDOWN(info)
{
	close(self->tx);
	close(self->rx);
}

/* Sends one message and receives it; false if that fails. */
static bool pass(struct _test_data_info *self, size_t len)
{
	if (fp_sendto(self->tx, out, len, &self->to) != (ssize_t)len)
		return false;
	memset(&self->info, 0x55, sizeof(self->info));
	return fp_recvinfo(self->rx, in, sizeof(in), 0, &self->info) ==
	       (ssize_t)len;
}

TEST_F(info, only_if_asked)
{
	char control[256];
	struct iovec iov = { .iov_base = in, .iov_len = sizeof(in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ASSERT_EQ(0, fp_setint(self->rx, SOL_FASTPROTO, FP_RECVINFO, 0));
	ASSERT_EQ(1, fp_sendto(self->tx, "x", 1, &self->to));
	ASSERT_EQ(1, recvmsg(self->rx, &msg, 0));
	EXPECT_EQ(0, msg.msg_controllen);
}

TEST_F(info, numbers_count_from_0)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(pass(self, i));
		EXPECT_EQ(i, self->info.seq);
	}
}

TEST_F(info, every_socket_counts_by_itself)
{
	struct sockaddr_fp other;
	int rx2 = fp_open_host(HOST_B, variant->family, &other);
	int tx2 = fp_open(HOST_A);

	ASSERT_LE(0, rx2);
	ASSERT_EQ(0, fp_setint(rx2, SOL_FASTPROTO, FP_RECVINFO, 1));
	ASSERT_TRUE(pass(self, 1));
	EXPECT_EQ(0, self->info.seq);
	/* The number belongs to the sending socket, not to the way. */
	ASSERT_EQ(1, fp_sendto(self->tx, "x", 1, &other));
	ASSERT_EQ(1, fp_recvinfo(rx2, in, sizeof(in), 0, &self->info));
	EXPECT_EQ(1, self->info.seq);
	ASSERT_EQ(1, fp_sendto(tx2, "x", 1, &self->to));
	ASSERT_EQ(1, fp_recvinfo(self->rx, in, sizeof(in), 0, &self->info));
	EXPECT_EQ(0, self->info.seq);
	ASSERT_TRUE(pass(self, 1));
	EXPECT_EQ(2, self->info.seq);
}

TEST_F(info, failed_sends_take_no_number)
{
	struct sockaddr_fp nowhere = fp_addr(variant->family,
					     variant->family == AF_INET ?
					     "198.51.100.1" : "2001:db8::1",
					     4077);
	struct sockaddr_fp wrong = self->to;

	wrong.sfp_conn = 1;
	ASSERT_TRUE(pass(self, 1));
	EXPECT_FAILS(EMSGSIZE, fp_sendto(self->tx, out, 70000, &self->to));
	EXPECT_FAILS(EFAULT, fp_sendto(self->tx, (void *)1, 10, &self->to));
	EXPECT_FAILS(EFAULT, fp_sendto(self->tx, (void *)1, 9000, &self->to));
	EXPECT_FAILS(ENETUNREACH, fp_sendto(self->tx, "x", 1, &nowhere));
	EXPECT_FAILS(EINVAL, fp_sendto(self->tx, "x", 1, &wrong));
	EXPECT_FAILS(EDESTADDRREQ, fp_sendto(self->tx, "x", 1, NULL));
	EXPECT_FAILS(EOPNOTSUPP, send(self->tx, "x", 1, MSG_OOB));
	ASSERT_TRUE(pass(self, 1));
	EXPECT_EQ(1, self->info.seq);
}

TEST_F(info, frame)
{
	static const unsigned int sizes[] = { 0, 1, 256, 257, 5000, 65483 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_TRUE(pass(self, sizes[i]));
		EXPECT_EQ(FP_HDR_LEN + sizes[i], self->info.size);
		EXPECT_EQ(FP_VERSION, self->info.version);
		EXPECT_EQ(0, self->info.flags);
		EXPECT_EQ(0, self->info.index);
	}
}

TEST_F(info, interface)
{
	struct sockaddr_fp any = fp_any(variant->family, 0);
	struct sockaddr_fp to;
	int rx;

	ASSERT_TRUE(pass(self, 1));
	EXPECT_EQ(net_ifindex(HOST_B, DEVICE), self->info.ifindex);
	rx = fp_open_bound(HOST_A, &any);
	ASSERT_LE(0, rx);
	ASSERT_EQ(0, fp_setint(rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	to = fp_loopback(variant->family, fp_port(&any));
	ASSERT_EQ(1, fp_sendto(self->tx, "l", 1, &to));
	ASSERT_EQ(1, fp_recvinfo(rx, in, sizeof(in), 0, &self->info));
	EXPECT_EQ(net_ifindex(HOST_A, "lo"), self->info.ifindex);
}

TEST_F(info, local_address)
{
	struct sockaddr_fp any = fp_any(AF_INET6, 0);
	struct sockaddr_fp to, local = { .sfp_family = AF_FASTPROTO };
	int rx = fp_open_bound(HOST_B, &any);

	ASSERT_TRUE(pass(self, 1));
	memcpy(local.sfp_room, &self->info.local, sizeof(local.sfp_room));
	EXPECT_TRUE(fp_same(&self->to, &local));
	/* A socket bound to no address hears which one was meant. */
	ASSERT_LE(0, rx);
	ASSERT_EQ(0, fp_setint(rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	to = fp_host(variant->family, HOST_B, fp_port(&any));
	ASSERT_EQ(1, fp_sendto(self->tx, "l", 1, &to));
	ASSERT_EQ(1, fp_recvinfo(rx, in, sizeof(in), 0, &self->info));
	memcpy(local.sfp_room, &self->info.local, sizeof(local.sfp_room));
	EXPECT_TRUE(fp_same(&to, &local));
}

TEST_F(info, small_payloads_are_copied)
{
	static const unsigned int views[] = { COPYBREAK + 1, 1000, 60000 };
	static const unsigned int copies[] = { 1, 100, COPYBREAK };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		ASSERT_TRUE(pass(self, copies[i]));
		EXPECT_EQ(FP_RX_COPIED, self->info.rx_flags);
	}
	EXPECT_EQ(ARRAY_SIZE(copies),
		  stats_since(HOST_B, &self->base[HOST_B],
			      FASTPROTO_A_STATS_IN_COPIES));
	for (i = 0; i < ARRAY_SIZE(views); i++) {
		ASSERT_TRUE(pass(self, views[i]));
		EXPECT_EQ(0, self->info.rx_flags);
	}
	EXPECT_EQ(ARRAY_SIZE(views),
		  stats_since(HOST_B, &self->base[HOST_B],
			      FASTPROTO_A_STATS_IN_VIEWS));
}

TEST_F(info, sender_can_ask_for_a_copy)
{
	static const unsigned int sizes[] = { 10, 1000, 60000 };
	size_t i;

	ASSERT_EQ(0, fp_setint(self->tx, SOL_FASTPROTO, FP_NEEDS_COPY, 1));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_TRUE(pass(self, sizes[i]));
		EXPECT_EQ(FP_F_NEEDS_COPY, self->info.flags);
		EXPECT_EQ(FP_RX_COPIED, self->info.rx_flags);
		EXPECT_EQ(0, memcmp(in, out, sizes[i]));
	}
	ASSERT_EQ(0, fp_setint(self->tx, SOL_FASTPROTO, FP_NEEDS_COPY, 0));
	ASSERT_TRUE(pass(self, 1000));
	EXPECT_EQ(0, self->info.flags);
	EXPECT_EQ(0, self->info.rx_flags);
}

TEST_F(info, copybreak_is_the_hosts)
{
	__u32 value;

	ASSERT_EQ(0, dev_get_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK, &value));
	EXPECT_EQ(COPYBREAK, value);
	ASSERT_EQ(0, dev_get_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK_MAX,
				 &value));
	EXPECT_EQ(COPYBREAK_MAX, value);

	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK, 0));
	ASSERT_EQ(0, dev_get_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_COPYBREAK, &value));
	EXPECT_EQ(COPYBREAK, value);
	EXPECT_TRUE(pass(self, 1));
	EXPECT_EQ(0, self->info.rx_flags);

	ASSERT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK,
				 COPYBREAK_MAX));
	EXPECT_TRUE(pass(self, COPYBREAK_MAX));
	EXPECT_EQ(FP_RX_COPIED, self->info.rx_flags);
	EXPECT_EQ(0, memcmp(in, out, COPYBREAK_MAX));
	EXPECT_TRUE(pass(self, COPYBREAK_MAX + 1));
	EXPECT_EQ(0, self->info.rx_flags);

	EXPECT_EQ(-ERANGE, dev_set_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK,
				       COPYBREAK_MAX + 1));
	EXPECT_EQ(0, dev_set_u32(HOST_B, FASTPROTO_A_DEV_COPYBREAK,
				 COPYBREAK));
}

TEST_F(info, several_frames_in_one_datagram)
{
	static const unsigned int sizes[] = { 0, 10, 300, 0, 256, 257, 400 };
	unsigned char *p = in;
	unsigned char *copy;
	struct sockaddr_fp from, sender;
	socklen_t len = sizeof(from);
	size_t i;
	int udp;

	udp = udp_open(HOST_A, variant->family, 0, &sender);
	ASSERT_LE(0, udp);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		p += frame_build(p, 1000 + i, 0, out, sizes[i]);
	ASSERT_EQ(p - in, udp_sendto(udp, in, p - in, &self->to));
	ASSERT_EQ(0, recvfrom(self->rx, in, sizeof(in), MSG_PEEK,
			      (struct sockaddr *)&from, &len));
	EXPECT_TRUE(fp_same(&sender, &from));
	copy = malloc(1000);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(sizes[i], fp_recvinfo(self->rx, copy, 1000, 0,
						&self->info));
		EXPECT_EQ(i, self->info.index);
		EXPECT_EQ(1000 + i, self->info.seq);
		EXPECT_EQ(FP_HDR_LEN + sizes[i], self->info.size);
		EXPECT_EQ(0, memcmp(copy, out, sizes[i]));
	}
	free(copy);
	EXPECT_EQ(1, stats_since(HOST_B, &self->base[HOST_B],
				 FASTPROTO_A_STATS_IN_DATAGRAMS));
	EXPECT_EQ(ARRAY_SIZE(sizes), stats_since(HOST_B, &self->base[HOST_B],
						 FASTPROTO_A_STATS_IN_FRAMES));
}

TEST_F(info, any_number_is_reported)
{
	static const __u64 numbers[] = {
		0, 0x0123456789abcdef, UINT64_MAX, 1ull << 63,
	};
	unsigned char frame[FP_HDR_LEN + 3];
	size_t i, len;
	int udp;

	udp = udp_open(HOST_A, variant->family, 0, NULL);
	ASSERT_LE(0, udp);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		len = frame_build(frame, numbers[i], 0, "seq", 3);
		ASSERT_EQ(len, udp_sendto(udp, frame, len, &self->to));
		ASSERT_EQ(3, fp_recvinfo(self->rx, in, sizeof(in), 0,
					 &self->info));
		EXPECT_EQ(numbers[i], self->info.seq);
	}
}

TEST_F(info, peek_tells_the_same)
{
	struct fp_recvinfo info;

	ASSERT_EQ(500, fp_sendto(self->tx, out, 500, &self->to));
	ASSERT_EQ(500, fp_recvinfo(self->rx, in, sizeof(in), MSG_PEEK, &info));
	ASSERT_EQ(500, fp_recvinfo(self->rx, in, sizeof(in), 0, &self->info));
	EXPECT_EQ(0, memcmp(&info, &self->info, sizeof(info)));
}

TEST_F(info, small_control_buffer)
{
	char control[CMSG_SPACE(sizeof(struct fp_recvinfo)) - 16];
	struct iovec iov = { .iov_base = in, .iov_len = sizeof(in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ASSERT_EQ(10, fp_sendto(self->tx, out, 10, &self->to));
	ASSERT_EQ(10, recvmsg(self->rx, &msg, 0));
	EXPECT_EQ(MSG_CTRUNC, msg.msg_flags & MSG_CTRUNC);
	EXPECT_EQ(0, memcmp(in, out, 10));
}

/* Receives one message with a control message of SOL_SOCKET. */
static ssize_t recv_control(int fd, int type, void *data, size_t len)
{
	char control[512];
	struct iovec iov = { .iov_base = in, .iov_len = sizeof(in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t ret;

	ret = recvmsg(fd, &msg, 0);
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != type)
			continue;
		if (cmsg->cmsg_len != CMSG_LEN(len))
			return -1;
		memcpy(data, CMSG_DATA(cmsg), len);
		return ret;
	}
	return -1;
}

static bool is_recent(time_t sec)
{
	struct timespec now;

	/* Not time(), which is as late as the last tick. */
	clock_gettime(CLOCK_REALTIME, &now);
	return sec > now.tv_sec - PATIENCE && sec <= now.tv_sec;
}

TEST_F(info, time_stamps)
{
	struct timespec ts = { 0 };
	struct timeval tv = { 0 };
	__s64 wide[2] = { 0 };

	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_TIMESTAMP, 1));
	ASSERT_EQ(1, fp_sendto(self->tx, "t", 1, &self->to));
	ASSERT_EQ(1, recv_control(self->rx, SO_TIMESTAMP, &tv, sizeof(tv)));
	EXPECT_TRUE(is_recent(tv.tv_sec));
	EXPECT_GT(1000000, tv.tv_usec);
	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	ASSERT_EQ(1, fp_sendto(self->tx, "t", 1, &self->to));
	ASSERT_EQ(1, recv_control(self->rx, SO_TIMESTAMPNS, &ts, sizeof(ts)));
	EXPECT_TRUE(is_recent(ts.tv_sec));
	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_TIMESTAMP_NEW, 1));
	ASSERT_EQ(1, fp_sendto(self->tx, "t", 1, &self->to));
	ASSERT_EQ(1, recv_control(self->rx, SO_TIMESTAMP_NEW, wide,
				  sizeof(wide)));
	EXPECT_TRUE(is_recent(wide[0]));
	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1));
	ASSERT_EQ(1, fp_sendto(self->tx, "t", 1, &self->to));
	ASSERT_EQ(1, recv_control(self->rx, SO_TIMESTAMPNS_NEW, wide,
				  sizeof(wide)));
	EXPECT_TRUE(is_recent(wide[0]));
}

TEST_F(info, lost_messages_are_told)
{
	struct stats *base = &self->base[HOST_B];
	__u32 lost = 0;
	int i = 0;

	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RXQ_OVFL, 1));
	ASSERT_EQ(0, fp_setint(self->rx, SOL_SOCKET, SO_RCVBUF, 1));
	while (!stats_since(HOST_B, base, FASTPROTO_A_STATS_DROP_QUEUE_FULL)) {
		ASSERT_GT(1000, i++);
		ASSERT_EQ(2000, fp_sendto(self->tx, out, 2000, &self->to));
	}
	while (recv(self->rx, in, sizeof(in), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(9, fp_sendto(self->tx, out, 9, &self->to));
	ASSERT_EQ(9, recv_control(self->rx, SO_RXQ_OVFL, &lost, sizeof(lost)));
	EXPECT_EQ(lost, stats_since(HOST_B, base,
				    FASTPROTO_A_STATS_DROP_QUEUE_FULL));
	EXPECT_LT(0, lost);
}

/* What waits to be received, with all that it holds. */
static unsigned int held(int fd)
{
	__u32 memory[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(memory);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len);
	return memory[SK_MEMINFO_RMEM_ALLOC];
}

/* A message that is not copied holds its datagram: that is what it costs. */
TEST_F(info, views_are_charged_in_full)
{
	const unsigned int messages = 20, len = 1000;
	unsigned int i;

	for (i = 0; i < messages; i++)
		ASSERT_EQ(len, fp_sendto(self->tx, out, len, &self->to));
	ASSERT_TRUE(stats_wait(HOST_B, &self->base[HOST_B],
			       FASTPROTO_A_STATS_IN_FRAMES, messages));
	/* An skb and what belongs to its data are half a kilobyte at least. */
	EXPECT_LE(messages * (len + 512), held(self->rx));
	for (i = 0; i < messages; i++)
		EXPECT_EQ(len, recv(self->rx, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(0, held(self->rx));
}

TEST_F(info, counters)
{
	struct stats *a = &self->base[HOST_A];
	struct stats *b = &self->base[HOST_B];

	ASSERT_TRUE(pass(self, 0));
	ASSERT_TRUE(pass(self, 100));
	ASSERT_TRUE(pass(self, 10000));
	EXPECT_EQ(3, stats_since(HOST_A, a, FASTPROTO_A_STATS_OUT_FRAMES));
	EXPECT_EQ(10100, stats_since(HOST_A, a, FASTPROTO_A_STATS_OUT_BYTES));
	EXPECT_EQ(0, stats_since(HOST_A, a, FASTPROTO_A_STATS_IN_FRAMES));
	EXPECT_EQ(3, stats_since(HOST_B, b, FASTPROTO_A_STATS_IN_DATAGRAMS));
	EXPECT_EQ(3, stats_since(HOST_B, b, FASTPROTO_A_STATS_IN_FRAMES));
	EXPECT_EQ(10100, stats_since(HOST_B, b, FASTPROTO_A_STATS_IN_BYTES));
	EXPECT_EQ(3, stats_since(HOST_B, b, FASTPROTO_A_STATS_IN_VIEWS) +
		     stats_since(HOST_B, b, FASTPROTO_A_STATS_IN_COPIES));
	EXPECT_EQ(0, stats_since(HOST_B, b, FASTPROTO_A_STATS_OUT_FRAMES));
	EXPECT_EQ(0, stats_drops_since(HOST_A, a));
	EXPECT_EQ(0, stats_drops_since(HOST_B, b));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
