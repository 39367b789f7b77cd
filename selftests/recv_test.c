// SPDX-License-Identifier: GPL-2.0
/* Receiving: blocking and not, flags, cut messages, ioctls. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

static unsigned char out[4096];
static unsigned char in[4096];

FIXTURE(recv) {
	struct sockaddr_fp from;	/* of tx */
	struct sockaddr_fp to;		/* of rx */
	int rx;				/* bound on host B */
	int tx;				/* bound on host A */
};

FIXTURE_VARIANT(recv) {
	int family;
};

FIXTURE_VARIANT_ADD(recv, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(recv, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(recv)
{
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open_host(HOST_A, variant->family, &self->from);
	ASSERT_LE(0, self->tx);
	fill(out, sizeof(out), 2);
	net_pin();
}

FIXTURE_TEARDOWN(recv)
{
	close(self->tx);
	close(self->rx);
}

TEST_F(recv, nothing_there)
{
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, fcntl(self->rx, F_SETFL, O_NONBLOCK));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, 0));
	EXPECT_FAILS(EAGAIN, read(self->rx, in, 1));
	EXPECT_FAILS(EAGAIN, recv(fp_open(HOST_A), in, 1, MSG_DONTWAIT));
}

TEST_F(recv, time_out)
{
	struct timeval tv = { .tv_usec = 200000 };
	struct timespec begin, end;
	long ms;

	ASSERT_EQ(0, setsockopt(self->rx, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, 0));
	clock_gettime(CLOCK_MONOTONIC, &end);
	ms = (end.tv_sec - begin.tv_sec) * 1000 +
	     (end.tv_nsec - begin.tv_nsec) / 1000000;
	/* It slept; how long is the scheduler's business on a busy host. */
	EXPECT_LT(0, ms);
	EXPECT_GE(PATIENCE * 1000, ms);
}

TEST_F(recv, order)
{
	__u32 i, n;

	for (i = 0; i < 500; i++) {
		ASSERT_EQ(sizeof(i), fp_sendto(self->tx, &i, sizeof(i),
					       &self->to));
		/* The buffer holds some hundred of them. */
		if (i % 50 != 49)
			continue;
		for (n = i - 49; n <= i; n++) {
			ASSERT_EQ(4, recv(self->rx, in, sizeof(in), 0));
			ASSERT_EQ(0, memcmp(in, &n, sizeof(n)));
		}
	}
}

TEST_F(recv, peek)
{
	ASSERT_EQ(10, fp_sendto(self->tx, out, 10, &self->to));
	ASSERT_EQ(20, fp_sendto(self->tx, out + 10, 20, &self->to));
	ASSERT_EQ(10, recv(self->rx, in, sizeof(in), MSG_PEEK));
	EXPECT_EQ(0, memcmp(in, out, 10));
	memset(in, 0, sizeof(in));
	ASSERT_EQ(10, recv(self->rx, in, sizeof(in), MSG_PEEK));
	EXPECT_EQ(0, memcmp(in, out, 10));
	/* A peek at a part leaves the whole. */
	ASSERT_EQ(3, recv(self->rx, in, 3, MSG_PEEK));
	memset(in, 0, sizeof(in));
	ASSERT_EQ(10, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out, 10));
	ASSERT_EQ(20, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out + 10, 20));
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_PEEK | MSG_DONTWAIT));
}

TEST_F(recv, cut)
{
	struct iovec iov = { .iov_base = in, .iov_len = 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(1000, fp_sendto(self->tx, out, 1000, &self->to));
	ASSERT_EQ(1, fp_sendto(self->tx, "n", 1, &self->to));
	in[4] = 0x55;
	ASSERT_EQ(4, recvmsg(self->rx, &msg, 0));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(in, out, 4));
	EXPECT_EQ(0x55, in[4]);
	/* The rest is gone. */
	ASSERT_EQ(1, recvmsg(self->rx, &msg, 0));
	EXPECT_EQ('n', in[0]);
	EXPECT_EQ(0, msg.msg_flags & MSG_TRUNC);
}

TEST_F(recv, real_length)
{
	ASSERT_EQ(1000, fp_sendto(self->tx, out, 1000, &self->to));
	ASSERT_EQ(200, fp_sendto(self->tx, out, 200, &self->to));
	EXPECT_EQ(1000, recv(self->rx, in, 4, MSG_TRUNC | MSG_PEEK));
	EXPECT_EQ(1000, recv(self->rx, NULL, 0, MSG_TRUNC | MSG_PEEK));
	EXPECT_EQ(1000, recv(self->rx, in, 4, MSG_TRUNC));
	EXPECT_EQ(200, recv(self->rx, in, sizeof(in), MSG_TRUNC));
}

TEST_F(recv, exact_buffer_is_not_cut)
{
	struct iovec iov = { .iov_base = in, .iov_len = 1000 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(1000, fp_sendto(self->tx, out, 1000, &self->to));
	ASSERT_EQ(1000, recvmsg(self->rx, &msg, 0));
	EXPECT_EQ(0, msg.msg_flags);
}

TEST_F(recv, waitall_takes_one_message)
{
	ASSERT_EQ(10, fp_sendto(self->tx, out, 10, &self->to));
	ASSERT_EQ(10, fp_sendto(self->tx, out, 10, &self->to));
	EXPECT_EQ(10, recv(self->rx, in, sizeof(in), MSG_WAITALL));
	EXPECT_EQ(10, recv(self->rx, in, sizeof(in), MSG_WAITALL));
}

TEST_F(recv, sender_is_cut_to_the_buffer)
{
	unsigned char name[sizeof(struct sockaddr_fp) + 8];
	socklen_t len;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, fp_sendto(self->tx, "a", 1, &self->to));
	memset(name, 0x55, sizeof(name));
	len = 20;
	ASSERT_EQ(1, recvfrom(self->rx, in, 1, 0, (void *)name, &len));
	EXPECT_EQ(sizeof(struct sockaddr_fp), len);
	EXPECT_EQ(0, memcmp(name, &self->from, 20));
	EXPECT_EQ(0x55, name[20]);
	len = sizeof(name);
	ASSERT_EQ(1, recvfrom(self->rx, in, 1, 0, (void *)name, &len));
	EXPECT_EQ(sizeof(struct sockaddr_fp), len);
	EXPECT_EQ(0x55, name[len]);
	len = 0;
	ASSERT_EQ(1, recvfrom(self->rx, in, 1, 0, (void *)name, &len));
	EXPECT_EQ(sizeof(struct sockaddr_fp), len);
}

TEST_F(recv, sender_carries_nothing_else)
{
	struct sockaddr_fp from;
	socklen_t len = sizeof(from);
	size_t end;

	ASSERT_EQ(1, fp_sendto(self->tx, "a", 1, &self->to));
	memset(&from, 0x55, sizeof(from));
	ASSERT_EQ(1, recvfrom(self->rx, in, 1, 0, (void *)&from, &len));
	EXPECT_EQ(0, from.sfp_flags);
	EXPECT_EQ(0, from.sfp_pad);
	EXPECT_EQ(0, from.sfp_conn);
	/* What the transport address does not fill is zero. */
	end = fp_addrlen(&from);
	if (variant->family == AF_INET)
		end -= sizeof(from.sfp_sin.sin_zero);
	for (; end < sizeof(from); end++)
		EXPECT_EQ(0, ((unsigned char *)&from)[end]);
}

TEST_F(recv, no_urgent_data)
{
	ASSERT_EQ(1, fp_sendto(self->tx, "a", 1, &self->to));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	EXPECT_FAILS(EOPNOTSUPP, recv(self->rx, in, 1, MSG_OOB));
	EXPECT_EQ(1, recv(self->rx, in, 1, 0));
}

TEST_F(recv, empty_error_queue)
{
	ASSERT_EQ(1, fp_sendto(self->tx, "a", 1, &self->to));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	/* It never waits, and takes no message. */
	EXPECT_FAILS(EAGAIN, recv(self->rx, in, 1, MSG_ERRQUEUE));
	EXPECT_EQ(1, recv(self->rx, in, 1, 0));
}

TEST_F(recv, several_with_one_call)
{
	struct sockaddr_fp from[6];
	struct mmsghdr msgs[6];
	struct iovec iov[6];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(msgs); i++) {
		iov[i].iov_base = in + i * 100;
		iov[i].iov_len = 100;
		memset(&msgs[i], 0, sizeof(msgs[i]));
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_name = &from[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	for (i = 0; i < 4; i++)
		ASSERT_EQ(10 + i, fp_sendto(self->tx, out, 10 + i, &self->to));
	/* More room than messages: it waits for the first only. */
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	ASSERT_EQ(4, recvmmsg(self->rx, msgs, ARRAY_SIZE(msgs), MSG_WAITFORONE,
			      NULL));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(10 + i, msgs[i].msg_len);
		EXPECT_EQ(0, memcmp(in + i * 100, out, 10 + i));
		EXPECT_TRUE(fp_same(&self->from, &from[i]));
	}
	EXPECT_FAILS(EAGAIN, recvmmsg(self->rx, msgs, 1, MSG_DONTWAIT, NULL));
	/* More messages than room. */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(20 + i, fp_sendto(self->tx, out, 20 + i, &self->to));
	ASSERT_EQ(2, recvmmsg(self->rx, msgs, 2, 0, NULL));
	EXPECT_EQ(21, msgs[1].msg_len);
	EXPECT_EQ(22, recv(self->rx, in, sizeof(in), 0));
}

TEST_F(recv, into_several_buffers)
{
	struct iovec iov[] = {
		{ .iov_base = in, .iov_len = 1 },
		{ .iov_base = in + 100, .iov_len = 0 },
		{ .iov_base = in + 200, .iov_len = 300 },
		{ .iov_base = in + 600, .iov_len = 3000 },
	};

	ASSERT_EQ(2000, fp_sendto(self->tx, out, 2000, &self->to));
	ASSERT_EQ(2000, readv(self->rx, iov, ARRAY_SIZE(iov)));
	EXPECT_EQ(0, memcmp(in, out, 1));
	EXPECT_EQ(0, memcmp(in + 200, out + 1, 300));
	EXPECT_EQ(0, memcmp(in + 600, out + 301, 1699));
}

TEST_F(recv, bad_buffer)
{
	ASSERT_EQ(10, fp_sendto(self->tx, out, 10, &self->to));
	EXPECT_FAILS(EFAULT, recv(self->rx, (void *)1, 10, 0));
	ASSERT_EQ(2000, fp_sendto(self->tx, out, 2000, &self->to));
	/* Whether the message stays is not said; the socket must work on. */
	while (recv(self->rx, in, sizeof(in), 0) != 2000)
		;
	EXPECT_EQ(0, memcmp(in, out, 2000));
}

TEST_F(recv, length_of_the_next_message)
{
	int len = -1;

	ASSERT_EQ(0, ioctl(self->rx, SIOCINQ, &len));
	EXPECT_EQ(0, len);
	ASSERT_EQ(0, fp_sendto(self->tx, NULL, 0, &self->to));
	ASSERT_EQ(700, fp_sendto(self->tx, out, 700, &self->to));
	ASSERT_EQ(7, fp_sendto(self->tx, out, 7, &self->to));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	len = -1;
	ASSERT_EQ(0, ioctl(self->rx, SIOCINQ, &len));
	EXPECT_EQ(0, len);
	ASSERT_EQ(0, recv(self->rx, in, sizeof(in), 0));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	ASSERT_EQ(0, ioctl(self->rx, FIONREAD, &len));
	EXPECT_EQ(700, len);
	ASSERT_EQ(700, recv(self->rx, in, sizeof(in), 0));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	ASSERT_EQ(0, ioctl(self->rx, SIOCINQ, &len));
	EXPECT_EQ(7, len);
	ASSERT_EQ(7, recv(self->rx, in, sizeof(in), 0));
	ASSERT_EQ(0, ioctl(self->rx, SIOCINQ, &len));
	EXPECT_EQ(0, len);
}

TEST_F(recv, unknown_ioctl)
{
	int value = 0;

	EXPECT_FAILS(ENOTTY, ioctl(self->rx, _IO('F', 0x77), &value));
	EXPECT_FAILS(EFAULT, ioctl(self->rx, SIOCINQ, (void *)1));
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* SO_RCVTIMEO would make a restart impossible: here there is none. */
TEST_F(recv, interrupted)
{
	struct itimerval timer = {
		.it_value.tv_usec = 20000,
		.it_interval.tv_usec = 20000,
	};
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval off = { 0 };
	struct timeval never = { 0 };

	ASSERT_EQ(0, setsockopt(self->rx, SOL_SOCKET, SO_RCVTIMEO, &never,
				sizeof(never)));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
	EXPECT_FAILS(EINTR, recv(self->rx, in, 1, 0));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
}

struct waiter {
	int fd;
	ssize_t ret;
	int err;
};

static void *wait_for_message(void *arg)
{
	struct waiter *waiter = arg;

	waiter->ret = recv(waiter->fd, in, sizeof(in), 0);
	waiter->err = errno;
	return NULL;
}

TEST_F(recv, blocked_until_a_message_comes)
{
	struct waiter waiter = { .fd = self->rx };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_message, &waiter));
	ASSERT_TRUE(wait_others_asleep(1));
	ASSERT_EQ(300, fp_sendto(self->tx, out, 300, &self->to));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(300, waiter.ret);
	EXPECT_EQ(0, memcmp(in, out, 300));
}

TEST_F(recv, blocked_until_shutdown)
{
	struct waiter waiter = { .fd = self->rx, .ret = -2 };
	pthread_t thread;

	ASSERT_EQ(0, fp_connect(self->rx, &self->from));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_message, &waiter));
	ASSERT_TRUE(wait_others_asleep(1));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RD));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, waiter.ret);
	/* And so it stays. */
	EXPECT_EQ(0, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, recv(self->rx, in, sizeof(in), MSG_DONTWAIT));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
