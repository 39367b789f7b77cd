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

/*
 * Connections
 */
#define DEPTH		8	/* requests in a row */
#define LARGEST		20000
#define MESSAGES	400	/* each way */

FIXTURE(conn) {
	struct io_uring ring;
	struct sockaddr_fp at;		/* of listener */
	int listener;			/* on host B */
	int client;			/* on host A */
	int server;			/* on host B, once it is accepted */
};

FIXTURE_VARIANT(conn) {
	int family;
};

FIXTURE_VARIANT_ADD(conn, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(conn, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(conn)
{
	int err = io_uring_queue_init(8 * DEPTH, &self->ring, 0);

	self->server = -1;
	if (err == -ENOSYS || err == -EPERM)
		SKIP(return, "no io_uring here");
	ASSERT_EQ(0, err);
	self->listener = fp_listen(HOST_B, variant->family, DEPTH, &self->at);
	ASSERT_LE(0, self->listener);
	self->client = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(conn)
{
	io_uring_queue_exit(&self->ring);
	fp_abort(self->client);
	fp_abort(self->server);
	close(self->listener);
}

static int connect_by(struct io_uring *ring, int fd, struct sockaddr_fp *to)
{
	io_uring_prep_connect(next(ring), fd, (struct sockaddr *)to,
			      sizeof(*to));
	return submit(ring);
}

/* Accepted before anybody comes. */
static bool meet(struct _test_data_conn *self)
{
	struct io_uring *ring = &self->ring;

	io_uring_prep_accept(next(ring), self->listener, NULL, NULL,
			     SOCK_CLOEXEC);
	if (!is_waiting(ring) || fp_connect(self->client, &self->at))
		return false;
	self->server = completed(ring);
	return self->server >= 0;
}

TEST_F(conn, connect_and_accept)
{
	struct sockaddr_fp from, name;
	socklen_t len = sizeof(from);

	ASSERT_EQ(0, connect_by(&self->ring, self->client, &self->at));
	EXPECT_EQ(-EISCONN, connect_by(&self->ring, self->client, &self->at));
	io_uring_prep_accept(next(&self->ring), self->listener,
			     (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	self->server = submit(&self->ring);
	ASSERT_LE(0, self->server);
	EXPECT_EQ(sizeof(from), len);
	ASSERT_EQ(0, fp_name(self->client, &name));
	EXPECT_TRUE(fp_same(&name, &from));
}

TEST_F(conn, connect_is_refused)
{
	close(self->listener);
	self->listener = -1;
	EXPECT_EQ(-ECONNREFUSED, connect_by(&self->ring, self->client,
					    &self->at));
}

TEST_F(conn, accept_waits_for_a_client)
{
	char in[8];

	ASSERT_TRUE(meet(self));
	io_uring_prep_recv(next(&self->ring), self->server, in, sizeof(in), 0);
	ASSERT_TRUE(is_waiting(&self->ring));
	ASSERT_EQ(5, send(self->client, "hello", 5, 0));
	EXPECT_EQ(5, completed(&self->ring));
	EXPECT_EQ(0, memcmp(in, "hello", 5));
}

TEST_F(conn, one_accept_for_many)
{
	int clients[3], servers[3];
	unsigned int i;
	char c;

	io_uring_prep_multishot_accept(next(&self->ring), self->listener, NULL,
				       NULL, SOCK_CLOEXEC);
	ASSERT_TRUE(is_waiting(&self->ring));
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = fp_open_seqpacket(HOST_A);
		ASSERT_EQ(0, fp_connect(clients[i], &self->at));
		servers[i] = completed(&self->ring);
		ASSERT_LE(0, servers[i]);
	}
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		c = 'a' + i;
		ASSERT_EQ(1, send(clients[i], &c, 1, 0));
		ASSERT_EQ(1, recv(servers[i], &c, 1, 0));
		EXPECT_EQ('a' + (char)i, c);
		fp_abort(clients[i]);
		fp_abort(servers[i]);
	}
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(-EINVAL, completed(&self->ring));
}

TEST_F(conn, poll)
{
	struct io_uring *ring = &self->ring;

	io_uring_prep_poll_add(next(ring), self->listener, POLLIN);
	ASSERT_TRUE(is_waiting(ring));
	ASSERT_EQ(0, fp_connect(self->client, &self->at));
	ASSERT_EQ(POLLIN, completed(ring));
	self->server = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, self->server);

	io_uring_prep_poll_add(next(ring), self->client, POLLOUT);
	EXPECT_EQ(POLLOUT, submit(ring));
	io_uring_prep_poll_add(next(ring), self->client, POLLIN);
	ASSERT_TRUE(is_waiting(ring));
	ASSERT_EQ(1, send(self->server, "x", 1, 0));
	EXPECT_EQ(POLLIN, completed(ring) & POLLIN);
	io_uring_prep_poll_add(next(ring), self->server, POLLRDHUP);
	ASSERT_TRUE(is_waiting(ring));
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(POLLRDHUP, completed(ring) & POLLRDHUP);
}

TEST_F(conn, shutdown)
{
	struct io_uring *ring = &self->ring;
	char c;

	ASSERT_TRUE(meet(self));
	io_uring_prep_recv(next(ring), self->server, &c, 1, 0);
	ASSERT_TRUE(is_waiting(ring));
	io_uring_prep_shutdown(next(ring), self->client, SHUT_WR);
	/* The shutdown succeeds, and the receive is at the end. */
	ASSERT_EQ(0, submit(ring));
	EXPECT_EQ(0, completed(ring));
	io_uring_prep_send(next(ring), self->client, "x", 1, MSG_NOSIGNAL);
	EXPECT_EQ(-EPIPE, submit(ring));
	io_uring_prep_send(next(ring), self->server, "y", 1, MSG_NOSIGNAL);
	EXPECT_EQ(1, submit(ring));
	io_uring_prep_recv(next(ring), self->client, &c, 1, 0);
	EXPECT_EQ(1, submit(ring));
	EXPECT_EQ('y', c);
}

/* A request that waits, and then is not to wait any longer. */
static void expect_cancelled(struct __test_metadata *_metadata,
			     struct io_uring *ring)
{
	int first;

	ASSERT_TRUE(is_waiting(ring));
	io_uring_prep_cancel(next(ring), NULL, 0);
	ASSERT_EQ(1, io_uring_submit(ring));
	first = completed(ring);
	EXPECT_EQ(-ECANCELED, first + completed(ring));
}

TEST_F(conn, accept_is_cancelled)
{
	struct io_uring *ring = &self->ring;

	io_uring_prep_accept(next(ring), self->listener, NULL, NULL, 0);
	expect_cancelled(_metadata, ring);
	/* The next client is for the next accept. */
	EXPECT_TRUE(meet(self));
}

TEST_F(conn, receive_is_cancelled)
{
	struct io_uring *ring = &self->ring;
	char c;

	ASSERT_TRUE(meet(self));
	io_uring_prep_recv(next(ring), self->server, &c, 1, 0);
	expect_cancelled(_metadata, ring);
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	EXPECT_EQ(1, recv(self->server, &c, 1, 0));
}

TEST_F(conn, connect_is_cancelled)
{
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	io_uring_prep_connect(next(&self->ring), self->client,
			      (struct sockaddr *)&self->at, sizeof(self->at));
	expect_cancelled(_metadata, &self->ring);
	net_netem(HOST_A, NULL);
}

/* Closed while both wait; the requests hold the sockets until the ring goes. */
TEST_F(conn, closed_while_requests_wait)
{
	struct io_uring *ring = &self->ring;
	char c;

	ASSERT_TRUE(meet(self));
	io_uring_prep_accept(next(ring), self->listener, NULL, NULL, 0);
	ASSERT_TRUE(is_waiting(ring));
	io_uring_prep_recv(next(ring), self->server, &c, 1, 0);
	ASSERT_TRUE(is_waiting(ring));
	close(self->listener);
	close(self->server);
	self->listener = -1;
	self->server = -1;
	ASSERT_EQ(1, send(self->client, "x", 1, 0));
	EXPECT_EQ(1, completed(ring));
}

/* One direction: chains of requests, in which one begins after the other. */
struct flow {
	struct io_uring *ring;
	struct request {
		struct flow *flow;
		struct msghdr msg;
		struct iovec iov;
		unsigned int number;	/* of the message */
		unsigned char buf[LARGEST + 1];
	} out[DEPTH], in[DEPTH];
	int tx;
	int rx;
	unsigned int messages;
	unsigned int begun[2];		/* out, in */
	unsigned int done[2];
};

static size_t size_of(unsigned int number)
{
	return number * 2654435761u % (number % 4 ? 300 : LARGEST + 1);
}

/* Both kinds of call in turn. */
static void prepare(struct request *request, bool in, struct io_uring_sqe *sqe)
{
	struct flow *flow = request->flow;
	size_t len = in ? sizeof(request->buf) : size_of(request->number);

	request->iov = (struct iovec){ request->buf, len };
	request->msg = (struct msghdr){
		.msg_iov = &request->iov, .msg_iovlen = 1,
	};
	if (in && request->number % 2)
		io_uring_prep_recvmsg(sqe, flow->rx, &request->msg, 0);
	else if (in)
		io_uring_prep_recv(sqe, flow->rx, request->buf, len, 0);
	else if (request->number % 2)
		io_uring_prep_sendmsg(sqe, flow->tx, &request->msg, 0);
	else
		io_uring_prep_send(sqe, flow->tx, request->buf, len, 0);
	io_uring_sqe_set_data(sqe, request);
}

static void begin_chain(struct flow *flow, bool in)
{
	unsigned int i, n = flow->messages - flow->begun[in];

	if (flow->begun[in] != flow->done[in])
		return;
	if (n > DEPTH)
		n = DEPTH;
	for (i = 0; i < n; i++) {
		struct request *request = in ? &flow->in[i] : &flow->out[i];
		struct io_uring_sqe *sqe = next(flow->ring);

		request->flow = flow;
		request->number = flow->begun[in]++;
		if (!in)
			fill(request->buf, size_of(request->number),
			     request->number + flow->tx);
		prepare(request, in, sqe);
		if (i < n - 1)
			sqe->flags |= IOSQE_IO_LINK;
	}
}

/* A request is over: did it do what it should, and in its turn? */
static bool take(const struct io_uring_cqe *cqe)
{
	struct request *request = io_uring_cqe_get_data(cqe);
	struct flow *flow = request->flow;
	bool in = request >= flow->in && request < flow->in + DEPTH;

	return request->number == flow->done[in]++ &&
	       cqe->res == (int)size_of(request->number) &&
	       (!in || filled(request->buf, cqe->res,
			      request->number + flow->tx));
}

static bool is_complete(const struct flow *flow)
{
	return flow->done[0] == flow->messages &&
	       flow->done[1] == flow->messages;
}

static void transfer(struct __test_metadata *_metadata, struct flow *flows)
{
	struct __kernel_timespec patience = { .tv_sec = 3 * PATIENCE };
	struct io_uring *ring = flows->ring;
	struct io_uring_cqe *cqe;
	int i;

	while (!is_complete(&flows[0]) || !is_complete(&flows[1])) {
		for (i = 0; i < 4; i++)
			begin_chain(&flows[i / 2], i % 2);
		io_uring_submit(ring);
		ASSERT_EQ(0, io_uring_wait_cqe_timeout(ring, &cqe, &patience));
		ASSERT_TRUE(take(cqe)) {
			TH_LOG("result %d", cqe->res);
		}
		io_uring_cqe_seen(ring, cqe);
	}
}

TEST_F_TIMEOUT(conn, transfer_both_ways_over_a_bad_network, 300)
{
	static struct flow flows[2];
	int i;

	ASSERT_TRUE(meet(self));
	for (i = 0; i < 2; i++) {
		flows[i].ring = &self->ring;
		flows[i].tx = i ? self->server : self->client;
		flows[i].rx = i ? self->client : self->server;
		flows[i].messages = fewer(MESSAGES);
		/* So small that sending has to wait, too. */
		ASSERT_EQ(0, fp_setint(flows[i].tx, SOL_SOCKET, SO_SNDBUF,
				       30000));
		ASSERT_EQ(0, net_netem(i, "delay 2ms loss 2%"));
	}
	transfer(_metadata, flows);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, net_netem(i, NULL));
}

/*
 * One socket with many connections
 */
FIXTURE(rdm) {
	struct io_uring ring;
	struct sockaddr_fp at;		/* of server */
	int client;			/* on host A */
	int server;			/* on host B */
	__u64 id;			/* of the client's connection */
};

FIXTURE_SETUP(rdm)
{
	int err = io_uring_queue_init(8 * DEPTH, &self->ring, 0);

	if (err == -ENOSYS || err == -EPERM)
		SKIP(return, "no io_uring here");
	ASSERT_EQ(0, err);
	self->client = rdm_open(HOST_A);
	ASSERT_LE(0, self->client);
	self->server = rdm_listen(HOST_B, AF_INET, &self->at);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, rdm_dial(self->client, &self->at, &self->id));
}

FIXTURE_TEARDOWN(rdm)
{
	io_uring_queue_exit(&self->ring);
	close(self->client);
	close(self->server);
}

/* A message with the address that it is for, or comes from. */
struct letter {
	struct sockaddr_fp addr;
	struct iovec iov;
	struct msghdr msg;
	char buf[64];
};

static struct msghdr *letter(struct letter *letter, const char *text)
{
	*letter = (struct letter){
		.addr.sfp_family = AF_FASTPROTO,
		.iov = { letter->buf, text ? strlen(text) : sizeof(letter->buf) },
	};
	letter->msg = (struct msghdr){
		.msg_name = &letter->addr, .msg_namelen = sizeof(letter->addr),
		.msg_iov = &letter->iov, .msg_iovlen = 1,
	};
	if (text)
		memcpy(letter->buf, text, strlen(text));
	return &letter->msg;
}

TEST_F(rdm, question_and_answer)
{
	struct io_uring *ring = &self->ring;
	struct letter in, out;

	io_uring_prep_recvmsg(next(ring), self->server, letter(&in, NULL), 0);
	ASSERT_TRUE(is_waiting(ring));
	letter(&out, "question");
	out.addr.sfp_conn = self->id;
	ASSERT_EQ(8, sendmsg(self->client, &out.msg, 0));
	ASSERT_EQ(8, completed(ring));
	EXPECT_EQ(0, memcmp(in.buf, "question", 8));
	EXPECT_NE(0, in.addr.sfp_conn);
	letter(&out, "answer");
	out.addr = in.addr;
	io_uring_prep_sendmsg(next(ring), self->server, &out.msg, 0);
	ASSERT_EQ(6, submit(ring));
	io_uring_prep_recvmsg(next(ring), self->client, letter(&in, NULL), 0);
	ASSERT_EQ(6, submit(ring));
	EXPECT_EQ(self->id, in.addr.sfp_conn);
	/* To an address, too: that opens another one. */
	letter(&out, "hello");
	out.addr = self->at;
	io_uring_prep_sendmsg(next(ring), self->client, &out.msg, 0);
	ASSERT_EQ(5, submit(ring));
	EXPECT_EQ(5, rdm_receive(self->server, in.buf, sizeof(in.buf), 0).len);
	EXPECT_EQ(2, conns_count(HOST_B));
	letter(&out, "nobody");
	out.addr.sfp_conn = self->id + 1;
	io_uring_prep_sendmsg(next(ring), self->client, &out.msg, 0);
	EXPECT_EQ(-ENOTCONN, submit(ring));
}

TEST_F(rdm, events)
{
	struct io_uring *ring = &self->ring;
	struct fp_event event;
	struct letter in;

	ASSERT_EQ(1, rdm_send(self->client, self->id, "x", 1, 0));
	ASSERT_EQ(1, rdm_receive(self->server, in.buf, sizeof(in.buf), 0).len);
	ASSERT_EQ(0, fp_setint(self->server, SOL_FASTPROTO, FP_EVENTS, 1));
	io_uring_prep_recvmsg(next(ring), self->server, letter(&in, NULL), 0);
	ASSERT_TRUE(is_waiting(ring));
	ASSERT_EQ(0, rdm_close(self->client, self->id));
	ASSERT_EQ(sizeof(event), completed(ring));
	EXPECT_TRUE(in.msg.msg_flags & MSG_FP_EVENT);
	memcpy(&event, in.buf, sizeof(event));
	EXPECT_EQ(FP_EVENT_CLOSED, event.type);
	EXPECT_EQ(in.addr.sfp_conn, event.conn);
}

TEST_F(rdm, poll_and_cancel)
{
	struct io_uring *ring = &self->ring;
	struct letter in;

	io_uring_prep_poll_add(next(ring), self->client, POLLOUT);
	EXPECT_EQ(POLLOUT, submit(ring) & POLLOUT);
	io_uring_prep_poll_add(next(ring), self->server, POLLIN);
	ASSERT_TRUE(is_waiting(ring));
	ASSERT_EQ(1, rdm_send(self->client, self->id, "x", 1, 0));
	EXPECT_EQ(POLLIN, completed(ring) & POLLIN);
	ASSERT_EQ(1, rdm_receive(self->server, in.buf, sizeof(in.buf), 0).len);
	io_uring_prep_recvmsg(next(ring), self->server, letter(&in, NULL), 0);
	expect_cancelled(_metadata, ring);
	ASSERT_EQ(1, rdm_send(self->client, self->id, "y", 1, 0));
	EXPECT_EQ(1, rdm_receive(self->server, in.buf, sizeof(in.buf), 0).len);
}

TEST_F(rdm, queue_lengths)
{
	int udp = udp_open(HOST_A, AF_INET, 0, NULL);

	ASSERT_LE(0, udp);
	if (socket_command(&self->ring, udp, CMD_SIOCINQ) == -EOPNOTSUPP)
		SKIP(return, "this kernel has it for no socket (before 6.7)");
	ASSERT_EQ(1, rdm_send(self->client, self->id, "x", 1, 0));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	EXPECT_EQ(1, socket_command(&self->ring, self->server, CMD_SIOCINQ));
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	ASSERT_EQ(7, rdm_send(self->client, self->id, "waiting", 7, 0));
	EXPECT_LE(7, socket_command(&self->ring, self->client, CMD_SIOCOUTQ));
	net_netem(HOST_A, NULL);
}

/* The request that waits holds the socket. */
TEST_F(rdm, closed_while_a_receive_waits)
{
	struct io_uring *ring = &self->ring;
	struct letter in;

	io_uring_prep_recvmsg(next(ring), self->server, letter(&in, NULL), 0);
	ASSERT_TRUE(is_waiting(ring));
	close(self->server);
	self->server = -1;
	ASSERT_EQ(1, rdm_send(self->client, self->id, "x", 1, 0));
	EXPECT_EQ(1, completed(ring));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
