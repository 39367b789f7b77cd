// SPDX-License-Identifier: GPL-2.0
/* The calls of a socket through io_uring. */
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

/* Of 6.7, which the headers that this is built with may not know. */
#define OP_URING_CMD	46
#define CMD_SIOCINQ	0
#define CMD_SIOCOUTQ	1

FIXTURE(uring) {
	struct io_uring ring;
	struct sockaddr_fp at;		/* of rx */
	int rx;				/* bound on host B */
	int tx;				/* on host A */
};

FIXTURE_VARIANT(uring) {
	int family;
};

FIXTURE_VARIANT_ADD(uring, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(uring, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(uring)
{
	int err = io_uring_queue_init(8, &self->ring, 0);

	if (err == -ENOSYS || err == -EPERM)
		SKIP(return, "no io_uring here");
	ASSERT_EQ(0, err);
	self->rx = fp_open_host(HOST_B, variant->family, &self->at);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open(HOST_A);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->ring);
}

static struct io_uring_sqe *next(struct io_uring *ring)
{
	return io_uring_get_sqe(ring);
}

/* What the one request that is under way ends with; -ETIME if it does not. */
static int completed(struct io_uring *ring)
{
	struct __kernel_timespec patience = { .tv_sec = PATIENCE };
	struct io_uring_cqe *cqe;
	int ret;

	ret = io_uring_wait_cqe_timeout(ring, &cqe, &patience);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static int submit(struct io_uring *ring)
{
	int ret = io_uring_submit(ring);

	return ret == 1 ? completed(ring) : ret;
}

static bool is_waiting(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_submit(ring) == 1 &&
	       io_uring_peek_cqe(ring, &cqe) == -EAGAIN;
}

TEST_F(uring, connect_send_and_receive)
{
	char in[8];

	io_uring_prep_connect(next(&self->ring), self->tx,
			      (struct sockaddr *)&self->at, sizeof(self->at));
	ASSERT_EQ(0, submit(&self->ring));
	io_uring_prep_send(next(&self->ring), self->tx, "hello", 5, 0);
	ASSERT_EQ(5, submit(&self->ring));
	io_uring_prep_recv(next(&self->ring), self->rx, in, sizeof(in), 0);
	ASSERT_EQ(5, submit(&self->ring));
	EXPECT_EQ(0, memcmp(in, "hello", 5));
}

TEST_F(uring, message_with_addresses)
{
	struct iovec out = { .iov_base = (char *)"whole", .iov_len = 5 };
	struct sockaddr_fp sender, from;
	char buf[3];
	struct iovec in = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &self->at, .msg_namelen = sizeof(self->at),
		.msg_iov = &out, .msg_iovlen = 1,
	};

	io_uring_prep_sendmsg(next(&self->ring), self->tx, &msg, 0);
	ASSERT_EQ(5, submit(&self->ring));
	msg = (struct msghdr) {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &in, .msg_iovlen = 1,
	};
	io_uring_prep_recvmsg(next(&self->ring), self->rx, &msg, 0);
	ASSERT_EQ(3, submit(&self->ring));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	ASSERT_EQ(sizeof(from), msg.msg_namelen);
	ASSERT_EQ(0, fp_name(self->tx, &sender));
	EXPECT_EQ(fp_port(&sender), fp_port(&from));
}

TEST_F(uring, receive_waits_for_a_message)
{
	char c;

	io_uring_prep_recv(next(&self->ring), self->rx, &c, 1, 0);
	ASSERT_TRUE(is_waiting(&self->ring));
	ASSERT_EQ(1, fp_sendto(self->tx, "w", 1, &self->at));
	EXPECT_EQ(1, completed(&self->ring));
	EXPECT_EQ('w', c);
}

TEST_F(uring, poll_waits_for_a_message)
{
	io_uring_prep_poll_add(next(&self->ring), self->rx, POLLIN);
	ASSERT_TRUE(is_waiting(&self->ring));
	ASSERT_EQ(1, fp_sendto(self->tx, "p", 1, &self->at));
	EXPECT_EQ(POLLIN, completed(&self->ring) & POLLIN);
}

TEST_F(uring, shutdown_ends_a_receive)
{
	char c;

	ASSERT_EQ(0, fp_connect(self->rx, &self->at));
	io_uring_prep_recv(next(&self->ring), self->rx, &c, 1, 0);
	ASSERT_TRUE(is_waiting(&self->ring));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RD));
	EXPECT_EQ(0, completed(&self->ring));
}

/* A request that waits holds the socket; it does not hold the ring. */
TEST_F(uring, closed_while_a_receive_waits)
{
	int first;
	char c;

	io_uring_prep_recv(next(&self->ring), self->rx, &c, 1, 0);
	ASSERT_TRUE(is_waiting(&self->ring));
	ASSERT_EQ(0, close(self->rx));
	io_uring_prep_cancel(next(&self->ring), NULL, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	/* The receive was cancelled, the cancelling succeeded. */
	first = completed(&self->ring);
	EXPECT_EQ(-ECANCELED, first + completed(&self->ring));
}

static int socket_command(struct io_uring *ring, int fd, int command)
{
	struct io_uring_sqe *sqe = next(ring);

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = OP_URING_CMD;
	sqe->fd = fd;
	sqe->off = command;
	return submit(ring);
}

TEST_F(uring, queue_lengths)
{
	int udp = udp_open(HOST_A, variant->family, 0, NULL);

	ASSERT_LE(0, udp);
	if (socket_command(&self->ring, udp, CMD_SIOCINQ) == -EOPNOTSUPP)
		SKIP(return, "this kernel has it for no socket (before 6.7)");
	ASSERT_EQ(7, fp_sendto(self->tx, "waiting", 7, &self->at));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	EXPECT_EQ(7, socket_command(&self->ring, self->rx, CMD_SIOCINQ));
	EXPECT_EQ(0, socket_command(&self->ring, self->rx, CMD_SIOCOUTQ));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
