// SPDX-License-Identifier: GPL-2.0
/* poll, select, epoll (level and edge), and SIGIO. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

static char in[100];

FIXTURE(poll) {
	struct sockaddr_fp from;	/* of tx */
	struct sockaddr_fp to;		/* of rx */
	int rx;				/* bound on host B */
	int tx;				/* bound on host A */
	int ep;
};

FIXTURE_VARIANT(poll) {
	int family;
};

FIXTURE_VARIANT_ADD(poll, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(poll, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(poll)
{
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open_host(HOST_A, variant->family, &self->from);
	ASSERT_LE(0, self->tx);
	self->ep = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->ep);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->ep);
	close(self->tx);
	close(self->rx);
}

/* What poll() says at once. */
static int events_of(int fd)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP,
	};

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

/* The next event, within a time; 0 if there is none. */
static int next_event(int ep, int ms)
{
	struct epoll_event event = { 0 };

	return epoll_wait(ep, &event, 1, ms) == 1 ? (int)event.events : 0;
}

static int watch(int ep, int fd, __u32 events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
}

TEST_F(poll, new_socket_is_writable)
{
	int fd = fp_open(HOST_A);

	EXPECT_EQ(POLLOUT, events_of(fd));
	EXPECT_EQ(POLLOUT, events_of(self->rx));
}

TEST_F(poll, readable_while_there_is_a_message)
{
	ASSERT_EQ(1, fp_sendto(self->tx, "1", 1, &self->to));
	ASSERT_EQ(0, fp_sendto(self->tx, NULL, 0, &self->to));
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	EXPECT_EQ(POLLIN | POLLOUT, events_of(self->rx));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	/* An empty message is one to read. */
	ASSERT_TRUE(fp_wait(self->rx, POLLIN));
	ASSERT_EQ(0, recv(self->rx, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(POLLOUT, events_of(self->rx));
}

TEST_F(poll, select)
{
	struct timeval tv = { .tv_sec = PATIENCE };
	fd_set set;

	ASSERT_EQ(1, fp_sendto(self->tx, "1", 1, &self->to));
	FD_ZERO(&set);
	FD_SET(self->rx, &set);
	EXPECT_EQ(1, select(self->rx + 1, &set, NULL, NULL, &tv));
	EXPECT_TRUE(FD_ISSET(self->rx, &set));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	tv = (struct timeval){ 0 };
	EXPECT_EQ(0, select(self->rx + 1, &set, NULL, NULL, &tv));
}

TEST_F(poll, level_triggered)
{
	ASSERT_EQ(0, watch(self->ep, self->rx, EPOLLIN));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_EQ(1, fp_sendto(self->tx, "1", 1, &self->to));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, 0));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, next_event(self->ep, 0));
}

TEST_F(poll, edge_triggered)
{
	ASSERT_EQ(0, watch(self->ep, self->rx, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_EQ(1, fp_sendto(self->tx, "1", 1, &self->to));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(0, next_event(self->ep, 0));
	/* The next message is a new edge, though the first is still there. */
	ASSERT_EQ(1, fp_sendto(self->tx, "2", 1, &self->to));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	ASSERT_EQ(1, recv(self->rx, in, sizeof(in), 0));
	EXPECT_EQ(0, next_event(self->ep, 0));
}

TEST_F(poll, one_shot)
{
	ASSERT_EQ(0, watch(self->ep, self->rx, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(1, fp_sendto(self->tx, "1", 1, &self->to));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(0, next_event(self->ep, 0));
}

TEST_F(poll, after_shutdown)
{
	ASSERT_EQ(0, fp_connect(self->rx, &self->from));
	ASSERT_EQ(0, watch(self->ep, self->rx, EPOLLIN | EPOLLRDHUP));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RD));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP,
		  next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events_of(self->rx));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP,
		  next_event(self->ep, PATIENCE * 1000));
}

TEST_F(poll, error)
{
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	close(self->rx);
	self->rx = -1;
	ASSERT_EQ(0, watch(self->ep, self->tx, EPOLLIN));
	ASSERT_EQ(1, send(self->tx, "x", 1, 0));
	EXPECT_EQ(EPOLLERR, next_event(self->ep, PATIENCE * 1000) & EPOLLERR);
	EXPECT_EQ(ECONNREFUSED, fp_getint(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(POLLOUT, events_of(self->tx));
}

static void *send_later(void *arg)
{
	struct _test_data_poll *self = arg;

	usleep(20000);
	fp_sendto(self->tx, "1", 1, &self->to);
	return NULL;
}

TEST_F(poll, wakes_a_sleeper)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, self));
	EXPECT_TRUE(fp_wait(self->rx, POLLIN));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(1, recv(self->rx, in, sizeof(in), MSG_DONTWAIT));
}

TEST_F(poll, signal_driven)
{
	struct timespec patience = { .tv_sec = PATIENCE };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->rx, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->rx, F_SETFL, O_ASYNC | O_NONBLOCK));
	ASSERT_EQ(1, fp_sendto(self->tx, "1", 1, &self->to));
	EXPECT_EQ(SIGIO, sigtimedwait(&set, NULL, &patience));
	EXPECT_EQ(1, recv(self->rx, in, sizeof(in), 0));
}

#define PLUG	"tc qdisc add dev " DEVICE \
		" root tbf rate 8kbit burst 1600 limit 10000000"
#define UNPLUG	"tc qdisc del dev " DEVICE " root"

/* A full send buffer, and the edge when there is room again. */
TEST_F(poll, writable_again)
{
	char message[1000] = { 0 };
	int sent = 0;

	ASSERT_EQ(0, fp_setint(self->tx, SOL_SOCKET, SO_SNDBUF, 10000));
	ASSERT_EQ(0, net_run(HOST_A, PLUG));
	ASSERT_EQ(0, fcntl(self->tx, F_SETFL, O_NONBLOCK));
	while (fp_sendto(self->tx, message, sizeof(message), &self->to) > 0)
		ASSERT_GT(100, sent++);
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, watch(self->ep, self->tx, EPOLLOUT | EPOLLET));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_EQ(0, net_run(HOST_A, UNPLUG));
	EXPECT_EQ(EPOLLOUT, next_event(self->ep, PATIENCE * 1000));
	EXPECT_EQ(sizeof(message), fp_sendto(self->tx, message,
					     sizeof(message), &self->to));
}

static int set_offload(enum host host, __u32 command, bool on)
{
	struct ethtool_value value = { .cmd = command, .data = on };
	struct ifreq ifr = { .ifr_name = DEVICE, .ifr_data = (void *)&value };
	int fd, ret;

	net_enter(host);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	net_enter(HOST_A);
	ret = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return ret;
}

/* With GRO a veth has a queue that can be polled, if its peer sends no TSO. */
static int set_queue(bool on)
{
	return set_offload(HOST_A, ETHTOOL_STSO, !on) ||
	       set_offload(HOST_B, ETHTOOL_SGRO, on);
}

struct talker {
	int fd;
	const struct sockaddr_fp *to;	/* NULL: it is connected */
	atomic_bool stop;
};

/* A message now and then. */
static void *talk(void *arg)
{
	struct talker *talker = arg;

	while (!talker->stop) {
		if (talker->to)
			fp_sendto(talker->fd, "1", 1, talker->to);
		else
			send(talker->fd, "1", 1, MSG_DONTWAIT);
		usleep(1000);
	}
	return NULL;
}

static void drain(int fd)
{
	while (recv(fd, in, sizeof(in), MSG_DONTWAIT) == 1)
		;
}

/* Waits for so many messages. */
static bool listen_to(int fd, int count)
{
	drain(fd);
	while (count--)
		if (recv(fd, in, sizeof(in), 0) != 1)
			return false;
	return true;
}

static __u64 busily_received(void)
{
	return net_counter(HOST_B, "TcpExtBusyPollRxPackets");
}

/*
 * Who waits sleeps, unless it has SO_BUSY_POLL: then it fetches packets from the
 * device itself.
 */
static void try_busy_polling(struct __test_metadata *_metadata, int tx,
			     const struct sockaddr_fp *to, int rx)
{
	struct talker talker = { .fd = tx, .to = to };
	time_t end = time(NULL) + PATIENCE;
	__u64 before = busily_received();
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, talk, &talker));
	EXPECT_TRUE(listen_to(rx, 50));
	EXPECT_EQ(before, busily_received());
	EXPECT_EQ(0, fp_setint(rx, SOL_SOCKET, SO_BUSY_POLL, 100000));
	do {
		EXPECT_TRUE(listen_to(rx, 50));
	} while (busily_received() == before && time(NULL) < end);
	EXPECT_LT(before, busily_received());
	/* It does not wait for ever. */
	talker.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	drain(rx);
	EXPECT_FAILS(EAGAIN, recv(rx, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(0, fp_setint(rx, SOL_SOCKET, SO_BUSY_POLL, 1000));
	EXPECT_EQ(0, setsockopt(rx, SOL_SOCKET, SO_RCVTIMEO,
				&(struct timeval){ .tv_usec = 50000 },
				sizeof(struct timeval)));
	EXPECT_FAILS(EAGAIN, recv(rx, in, sizeof(in), 0));
}

TEST_F(poll, busy_polling_for_datagrams)
{
	ASSERT_EQ(0, set_queue(true));
	try_busy_polling(_metadata, self->tx, &self->to, self->rx);
	EXPECT_EQ(0, set_queue(false));
}

TEST_F(poll, busy_polling_on_a_connection)
{
	int client, server;

	ASSERT_EQ(0, set_queue(true));
	ASSERT_EQ(0, fp_pair(variant->family, &client, &server));
	try_busy_polling(_metadata, client, NULL, server);
	EXPECT_EQ(0, set_queue(false));
	close(client);
	close(server);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
