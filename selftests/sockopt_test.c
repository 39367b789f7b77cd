// SPDX-License-Identifier: GPL-2.0
/* Socket options: our own and those of every socket. */
#define _GNU_SOURCE
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF	42
#endif

/* A pointer that the compiler knows nothing of. */
void *nowhere = (void *)1;

FIXTURE(opt) {
	int fd;
};

FIXTURE_SETUP(opt)
{
	self->fd = fp_open(HOST_A);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(opt)
{
	close(self->fd);
}

TEST_F(opt, what_the_socket_is)
{
	EXPECT_EQ(SOCK_DGRAM, fp_getint(self->fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(AF_FASTPROTO, fp_getint(self->fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(0, fp_getint(self->fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, fp_getint(self->fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, fp_getint(self->fd, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(opt, switches)
{
	static const int names[] = { FP_RECVINFO, FP_NEEDS_COPY };
	static const int bad[] = { 2, -1, 0x7fffffff, 256 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		int name = names[i];

		EXPECT_EQ(0, fp_getint(self->fd, SOL_FASTPROTO, name));
		EXPECT_EQ(0, fp_setint(self->fd, SOL_FASTPROTO, name, 1));
		EXPECT_EQ(1, fp_getint(self->fd, SOL_FASTPROTO, name));
		for (j = 0; j < ARRAY_SIZE(bad); j++)
			EXPECT_FAILS(EINVAL, fp_setint(self->fd, SOL_FASTPROTO,
						       name, bad[j]));
		EXPECT_EQ(1, fp_getint(self->fd, SOL_FASTPROTO, name));
		EXPECT_EQ(0, fp_setint(self->fd, SOL_FASTPROTO, name, 0));
		EXPECT_EQ(0, fp_getint(self->fd, SOL_FASTPROTO, name));
	}
}

TEST_F(opt, set_with_bad_arguments)
{
	int one = 1;
	socklen_t len;

	for (len = 0; len < sizeof(one); len++)
		EXPECT_FAILS(EINVAL, setsockopt(self->fd, SOL_FASTPROTO,
						FP_RECVINFO, &one, len));
	EXPECT_FAILS(EINVAL, setsockopt(self->fd, SOL_FASTPROTO, FP_RECVINFO,
					&one, -1));
	EXPECT_FAILS(EFAULT, setsockopt(self->fd, SOL_FASTPROTO, FP_RECVINFO,
					(void *)1, sizeof(one)));
	EXPECT_EQ(0, fp_getint(self->fd, SOL_FASTPROTO, FP_RECVINFO));
}

TEST_F(opt, get_with_bad_arguments)
{
	unsigned char buf[16];
	socklen_t len, room;

	ASSERT_EQ(0, fp_setint(self->fd, SOL_FASTPROTO, FP_RECVINFO, 1));
	for (room = 0; room < sizeof(buf); room++) {
		memset(buf, 0x55, sizeof(buf));
		len = room;
		ASSERT_EQ(0, getsockopt(self->fd, SOL_FASTPROTO, FP_RECVINFO,
					buf, &len));
		EXPECT_EQ(room < 4 ? room : 4, len);
		if (len)
			EXPECT_EQ(1, buf[0]);
		EXPECT_EQ(0x55, buf[len]);
	}
	len = -1;
	EXPECT_FAILS(EINVAL, getsockopt(self->fd, SOL_FASTPROTO, FP_RECVINFO,
					buf, &len));
	len = 4;
	EXPECT_FAILS(EFAULT, getsockopt(self->fd, SOL_FASTPROTO, FP_RECVINFO,
					nowhere, &len));
	EXPECT_FAILS(EFAULT, getsockopt(self->fd, SOL_FASTPROTO, FP_RECVINFO,
					buf, nowhere));
}

TEST_F(opt, unknown)
{
	static const int names[] = { 0, 77, 1000, -1 };
	static const int levels[] = {
		IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, 0x4651, -1,
	};
	socklen_t len;
	int value = 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		len = sizeof(value);
		EXPECT_FAILS(ENOPROTOOPT, fp_setint(self->fd, SOL_FASTPROTO,
						    names[i], 1));
		EXPECT_FAILS(ENOPROTOOPT, getsockopt(self->fd, SOL_FASTPROTO,
						     names[i], &value, &len));
	}
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		len = sizeof(value);
		EXPECT_FAILS(ENOPROTOOPT, fp_setint(self->fd, levels[i],
						    FP_RECVINFO, 1));
		EXPECT_FAILS(ENOPROTOOPT, getsockopt(self->fd, levels[i],
						     FP_RECVINFO, &value,
						     &len));
	}
}

TEST_F(opt, largest_message)
{
	struct sockaddr_fp to = fp_host(AF_INET6, HOST_B, 4077);

	EXPECT_EQ(FP_DGRAM_MAX_INET,
		  fp_getint(self->fd, SOL_FASTPROTO, FP_MSG_MAX));
	EXPECT_FAILS(ENOPROTOOPT, fp_setint(self->fd, SOL_FASTPROTO,
					    FP_MSG_MAX, 100));
	ASSERT_EQ(0, fp_connect(self->fd, &to));
	EXPECT_EQ(FP_DGRAM_MAX_INET6,
		  fp_getint(self->fd, SOL_FASTPROTO, FP_MSG_MAX));
	to = fp_host(AF_INET, HOST_B, 4077);
	ASSERT_EQ(0, fp_connect(self->fd, &to));
	EXPECT_EQ(FP_DGRAM_MAX_INET,
		  fp_getint(self->fd, SOL_FASTPROTO, FP_MSG_MAX));
}

TEST_F(opt, not_supported)
{
	EXPECT_FAILS(EOPNOTSUPP,
		     fp_setint(self->fd, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_FAILS(EOPNOTSUPP,
		     fp_setint(self->fd, SOL_SOCKET, SO_PEEK_OFF, 0));
}

TEST_F(opt, buffer_sizes)
{
	/* Doubled, as socket(7) says. */
	ASSERT_EQ(0, fp_setint(self->fd, SOL_SOCKET, SO_RCVBUF, 50000));
	EXPECT_EQ(100000, fp_getint(self->fd, SOL_SOCKET, SO_RCVBUF));
	ASSERT_EQ(0, fp_setint(self->fd, SOL_SOCKET, SO_SNDBUF, 60000));
	EXPECT_EQ(120000, fp_getint(self->fd, SOL_SOCKET, SO_SNDBUF));
}

TEST_F(opt, kept_values)
{
	ASSERT_EQ(0, fp_setint(self->fd, SOL_SOCKET, SO_MARK, 7));
	EXPECT_EQ(7, fp_getint(self->fd, SOL_SOCKET, SO_MARK));
	ASSERT_EQ(0, fp_setint(self->fd, SOL_SOCKET, SO_PRIORITY, 5));
	EXPECT_EQ(5, fp_getint(self->fd, SOL_SOCKET, SO_PRIORITY));
	ASSERT_EQ(0, fp_setint(self->fd, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, fp_getint(self->fd, SOL_SOCKET, SO_BROADCAST));
}

TEST_F(opt, unknown_ioctl)
{
	struct ifreq ifr = { 0 };

	EXPECT_FAILS(ENOTTY, ioctl(self->fd, _IO('F', 0x77), &ifr));
	/* Those of the network core work on every socket. */
	memcpy(ifr.ifr_name, DEVICE, sizeof(DEVICE));
	EXPECT_EQ(0, ioctl(self->fd, SIOCGIFINDEX, &ifr));
	EXPECT_EQ(net_ifindex(HOST_A, DEVICE), ifr.ifr_ifindex);
}

FIXTURE(use) {
	struct sockaddr_fp to;		/* of rx */
	int rx;				/* bound on host B */
	int tx;				/* on host A, not bound */
};

FIXTURE_VARIANT(use) {
	int family;
};

FIXTURE_VARIANT_ADD(use, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(use, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(use)
{
	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open(HOST_A);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(use)
{
	close(self->tx);
	close(self->rx);
}

static int bind_device(int fd, const char *device)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
			  strlen(device) + 1);
}

/* Sends from host A to a port of host B; true if it comes to fd there. */
static bool reaches(int family, int fd, int tx, unsigned int port)
{
	struct sockaddr_fp to = fp_host(family, HOST_B, port);
	char c;

	return fp_sendto(tx, "d", 1, &to) == 1 && recv(fd, &c, 1, 0) == 1 &&
	       c == 'd';
}

/* The same on host B itself, by its loopback address. */
static bool reaches_over_loopback(int family, int fd, unsigned int port)
{
	struct sockaddr_fp to = fp_loopback(family, port);
	int tx = fp_open(HOST_B);
	bool ret;
	char c;

	ret = fp_sendto(tx, "l", 1, &to) == 1 && recv(fd, &c, 1, 0) == 1 &&
	      c == 'l';
	close(tx);
	return ret;
}

static void short_patience(int fd)
{
	struct timeval tv = { .tv_usec = 200000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

TEST_F(use, device_before_bind)
{
	struct sockaddr_fp any = fp_any(variant->family, 0);
	int rx = fp_open(HOST_B);

	ASSERT_EQ(0, bind_device(rx, DEVICE));
	ASSERT_EQ(0, fp_bind(rx, &any));
	ASSERT_EQ(0, fp_name(rx, &any));
	EXPECT_TRUE(reaches(variant->family, rx, self->tx, fp_port(&any)));
	short_patience(rx);
	EXPECT_FALSE(reaches_over_loopback(variant->family, rx,
					   fp_port(&any)));
	EXPECT_TRUE(reaches(variant->family, rx, self->tx, fp_port(&any)));
}

TEST_F(use, device_after_bind)
{
	struct sockaddr_fp any = fp_any(variant->family, 0);
	int rx = fp_open_bound(HOST_B, &any);

	ASSERT_LE(0, rx);
	ASSERT_EQ(0, bind_device(rx, "lo"));
	EXPECT_TRUE(reaches_over_loopback(variant->family, rx,
					  fp_port(&any)));
	short_patience(rx);
	EXPECT_FALSE(reaches(variant->family, rx, self->tx, fp_port(&any)));
	/* And no longer. */
	ASSERT_EQ(0, bind_device(rx, ""));
	EXPECT_TRUE(reaches(variant->family, rx, self->tx, fp_port(&any)));
	EXPECT_FAILS(ENODEV, bind_device(rx, "none0"));
}

TEST_F(use, device_of_the_sender)
{
	ASSERT_EQ(0, bind_device(self->tx, "lo"));
	/* Over loopback it may go nowhere or fail, but never get to host B. */
	fp_sendto(self->tx, "x", 1, &self->to);
	ASSERT_EQ(0, bind_device(self->tx, DEVICE));
	EXPECT_TRUE(reaches(variant->family, self->rx, self->tx,
			    fp_port(&self->to)));
}

TEST_F(use, mark_chooses_the_route)
{
	const char *rule = variant->family == AF_INET ?
			   "ip -4 rule add fwmark 119 prohibit" :
			   "ip -6 rule add fwmark 119 prohibit";
	const char *undo = variant->family == AF_INET ?
			   "ip -4 rule del fwmark 119 prohibit" :
			   "ip -6 rule del fwmark 119 prohibit";

	ASSERT_EQ(0, net_run(HOST_A, rule));
	EXPECT_TRUE(reaches(variant->family, self->rx, self->tx,
			    fp_port(&self->to)));
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	EXPECT_EQ(1, send(self->tx, "c", 1, 0));
	ASSERT_EQ(0, fp_setint(self->tx, SOL_SOCKET, SO_MARK, 119));
	EXPECT_FAILS(EACCES, fp_sendto(self->tx, "x", 1, &self->to));
	/* The route of a connected socket follows, too. */
	EXPECT_FAILS(EACCES, send(self->tx, "x", 1, 0));
	ASSERT_EQ(0, fp_setint(self->tx, SOL_SOCKET, SO_MARK, 118));
	EXPECT_EQ(1, fp_sendto(self->tx, "x", 1, &self->to));
	EXPECT_EQ(1, send(self->tx, "c", 1, 0));
	EXPECT_EQ(0, net_run(HOST_A, undo));
}

/*
 * A full send buffer: a token bucket on the device lets next to nothing out,
 * so what was sent stays charged to its socket.
 */
#define PLUG	"tc qdisc add dev " DEVICE \
		" root tbf rate 8kbit burst 1600 limit 10000000"
#define UNPLUG	"tc qdisc del dev " DEVICE " root"

FIXTURE(full) {
	struct sockaddr_fp to;
	char message[1000];
	int rx;
	int tx;				/* connected, its device plugged */
};

FIXTURE_VARIANT(full) {
	int family;
};

FIXTURE_VARIANT_ADD(full, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(full, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(full)
{
	int sent = 0;

	self->rx = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->rx);
	self->tx = fp_open(HOST_A);
	ASSERT_EQ(0, fp_connect(self->tx, &self->to));
	ASSERT_EQ(0, fp_setint(self->tx, SOL_SOCKET, SO_SNDBUF, 10000));
	memset(self->message, 'f', sizeof(self->message));
	ASSERT_EQ(0, net_run(HOST_A, PLUG));
	while (send(self->tx, self->message, sizeof(self->message),
		    MSG_DONTWAIT) == sizeof(self->message))
		ASSERT_GT(100, sent++);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, sent);
}

FIXTURE_TEARDOWN(full)
{
	net_run(HOST_A, UNPLUG);
	close(self->tx);
	close(self->rx);
}

TEST_F(full, would_block)
{
	struct pollfd pfd = { .fd = self->tx, .events = POLLOUT };

	EXPECT_EQ(0, poll(&pfd, 1, 0));
	EXPECT_FAILS(EAGAIN, send(self->tx, self->message,
				  sizeof(self->message), MSG_DONTWAIT));
}

TEST_F(full, time_out)
{
	struct timeval tv = { .tv_usec = 50000 };

	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	EXPECT_FAILS(EAGAIN, send(self->tx, self->message,
				  sizeof(self->message), 0));
}

TEST_F(full, bytes_in_flight)
{
	int bytes = 0;

	ASSERT_EQ(0, ioctl(self->tx, SIOCOUTQ, &bytes));
	/* More than the payload, since it is what the kernel holds. */
	EXPECT_LT(sizeof(self->message), bytes);
	EXPECT_EQ(0, net_run(HOST_A, UNPLUG));
	ASSERT_TRUE(fp_wait(self->tx, POLLOUT));
	while (bytes) {
		ASSERT_EQ(0, ioctl(self->tx, SIOCOUTQ, &bytes));
		usleep(1000);
	}
	EXPECT_EQ(0, net_run(HOST_A, PLUG));
}

TEST_F(full, unplugged)
{
	int child;

	/* The child opens the way once the sender sleeps, or before. */
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(net_run(HOST_A, UNPLUG) ? 1 : 0);
	EXPECT_EQ(sizeof(self->message), send(self->tx, self->message,
					      sizeof(self->message), 0));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_TRUE(fp_wait(self->tx, POLLOUT));
	EXPECT_EQ(0, net_run(HOST_A, PLUG));
}

/*
 * FP_MSG_MAX of a connection: what one end takes is what the other may send.
 */
#define LIMIT_MAX	(16 << 20)

static unsigned char large_in[LIMIT_MAX + 1], large_out[LIMIT_MAX + 1];

FIXTURE(limit) {
	struct sockaddr_fp addr;	/* of listener */
	int listener;			/* on host B */
	int client;			/* on host A */
	int server;
};

FIXTURE_VARIANT(limit) {
	int limit;
	int buffer;			/* the server's SO_RCVBUF, halved */
};

FIXTURE_VARIANT_ADD(limit, byte) { .limit = 1, .buffer = 1 << 20 };
FIXTURE_VARIANT_ADD(limit, byte_small_buffer) { .limit = 1, .buffer = 2000 };
FIXTURE_VARIANT_ADD(limit, fragments) { .limit = 10000, .buffer = 1 << 20 };
FIXTURE_VARIANT_ADD(limit, fragments_small_buffer) {
	.limit = 100000, .buffer = 2000
};

FIXTURE_VARIANT_ADD(limit, largest) { .limit = LIMIT_MAX, .buffer = 1 << 20 };
FIXTURE_VARIANT_ADD(limit, largest_small_buffer) {
	.limit = LIMIT_MAX, .buffer = 20000
};

FIXTURE_SETUP(limit)
{
	size_t i;

	self->server = -1;
	self->listener = fp_open_seqpacket(HOST_B);
	self->client = fp_open_seqpacket(HOST_A);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, fp_setint(self->listener, SOL_SOCKET, SO_RCVBUF,
			       variant->buffer));
	self->addr = fp_host(AF_INET, HOST_B, 0);
	ASSERT_EQ(0, fp_bind(self->listener, &self->addr));
	ASSERT_EQ(0, fp_name(self->listener, &self->addr));
	for (i = 0; i < sizeof(large_out); i++)
		large_out[i] = i ^ i >> 8 ^ i >> 16;
}

FIXTURE_TEARDOWN(limit)
{
	close(self->listener);
	close(self->client);
	close(self->server);
}

/* The largest takes a slow machine that looks for bugs more than PATIENCE. */
static int long_patience(int fd)
{
	struct timeval tv = { .tv_sec = 500 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ?:
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static bool passes_limit(int from, int to, int limit)
{
	memset(large_in, 0, limit);
	return send(from, large_out, limit + 1, 0) == -1 &&
	       errno == EMSGSIZE && send(from, large_out, limit, 0) == limit &&
	       recv(to, large_in, sizeof(large_in), 0) == limit &&
	       !memcmp(large_in, large_out, limit);
}

TEST_F_TIMEOUT(limit, both_directions, 600)
{
	ASSERT_EQ(0, fp_setint(self->listener, SOL_FASTPROTO, FP_MSG_MAX,
			       variant->limit));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_MSG_MAX, 777));
	EXPECT_EQ(777, fp_getint(self->client, SOL_FASTPROTO, FP_MSG_MAX));
	ASSERT_EQ(0, listen(self->listener, 1));
	ASSERT_EQ(0, fp_connect(self->client, &self->addr));
	EXPECT_EQ(variant->limit,
		  fp_getint(self->client, SOL_FASTPROTO, FP_MSG_MAX));
	/* The echo says it again, and what comes before accept() is no more. */
	EXPECT_FAILS(EMSGSIZE, send(self->client, large_out,
				    variant->limit + 1, 0));
	self->server = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, self->server);
	EXPECT_EQ(777, fp_getint(self->server, SOL_FASTPROTO, FP_MSG_MAX));
	ASSERT_EQ(0, long_patience(self->client));
	ASSERT_EQ(0, long_patience(self->server));
	EXPECT_TRUE(passes_limit(self->client, self->server, variant->limit));
	EXPECT_TRUE(passes_limit(self->server, self->client, 777));
	EXPECT_TRUE(passes_limit(self->client, self->server, variant->limit));
}

TEST(limit_of_a_socket)
{
	static const int good[] = { 1, 2, 12345, LIMIT_MAX };
	static const int bad[] = { 0, -1, LIMIT_MAX + 1, 0x7fffffff };
	int listener = fp_open_seqpacket(HOST_B);
	int fd = fp_open_seqpacket(HOST_A);
	struct sockaddr_fp addr;
	size_t i;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, listener);
	EXPECT_EQ(1 << 20, fp_getint(fd, SOL_FASTPROTO, FP_MSG_MAX));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX, good[i]));
		EXPECT_EQ(good[i], fp_getint(fd, SOL_FASTPROTO, FP_MSG_MAX));
		EXPECT_FAILS(EINVAL, fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX,
					       bad[i]));
		EXPECT_EQ(good[i], fp_getint(fd, SOL_FASTPROTO, FP_MSG_MAX));
	}

	addr = fp_host(AF_INET6, HOST_B, 0);
	ASSERT_EQ(0, fp_bind(listener, &addr));
	ASSERT_EQ(0, fp_name(listener, &addr));
	ASSERT_EQ(0, listen(listener, 1));
	EXPECT_FAILS(EISCONN, fp_setint(listener, SOL_FASTPROTO, FP_MSG_MAX,
					100));
	ASSERT_EQ(0, fp_connect(fd, &addr));
	EXPECT_FAILS(EISCONN, fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX, 100));
	EXPECT_EQ(1 << 20, fp_getint(fd, SOL_FASTPROTO, FP_MSG_MAX));
	/* And anew when that is over. */
	addr.sfp_family = AF_UNSPEC;
	ASSERT_EQ(0, fp_connect(fd, &addr));
	EXPECT_EQ(0, fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX, 100));
	close(fd);
	close(listener);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
