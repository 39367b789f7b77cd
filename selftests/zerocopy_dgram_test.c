// SPDX-License-Identifier: GPL-2.0
/* MSG_ZEROCOPY on SOCK_DGRAM: a datagram is sent from the application's pages. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define LARGE	100000
#define MANY	1000
#define STAYS	1200	/* a datagram that IP sends as it is, bytes */
#define CUT	20000	/* one that IP has to cut in pieces */

static unsigned char in[LARGE + 1];

/* What host A sends waits. */
static bool is_held;

/* What is sent waits until mend(), and is dropped then; or only so long. */
static int hold(const char *words)
{
	is_held = true;
	return net_netem(HOST_A, words);
}

static int mend(void)
{
	is_held = false;
	return net_netem(HOST_A, NULL);
}

static unsigned char *map_pages(void)
{
	void *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool receive(int fd, size_t len, __u32 seed)
{
	if (!fp_wait(fd, POLLIN))
		return false;
	return recv(fd, in, sizeof(in), 0) == (ssize_t)len &&
	       filled(in, len, seed);
}

FIXTURE(datagram) {
	int client;
	int server;
	struct sockaddr_fp to;
	unsigned char *out;	/* pages of our own */
	bool seen[MANY];	/* calls that are over */
};

FIXTURE_VARIANT(datagram) {
	int family;
	bool connected;
};

FIXTURE_VARIANT_ADD(datagram, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(datagram, ipv6_connected) {
	.family = AF_INET6, .connected = true,
};

FIXTURE_SETUP(datagram)
{
	self->client = fp_open(HOST_A);
	self->server = fp_open_host(HOST_B, variant->family, &self->to);
	ASSERT_LE(0, self->client);
	ASSERT_LE(0, self->server);
	if (variant->connected)
		ASSERT_EQ(0, fp_connect(self->client, &self->to));
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_ZEROCOPY, 1));
	self->out = map_pages();
	ASSERT_NE(NULL, self->out);
	/* Neighbours are known, and what is lost is lost on purpose. */
	ASSERT_EQ(1, fp_sendto(self->client, self->out, 1, &self->to));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	ASSERT_EQ(1, recv(self->server, in, sizeof(in), 0));
}

FIXTURE_TEARDOWN(datagram)
{
	if (is_held)
		mend();
	close(self->client);
	close(self->server);
	munmap(self->out, LARGE);
}

static struct msghdr message(struct _test_data_datagram *self,
			     const struct _fixture_variant_datagram *variant,
			     struct iovec *iov, size_t pieces)
{
	return (struct msghdr){
		.msg_name = variant->connected ? NULL : &self->to,
		.msg_namelen = variant->connected ? 0 : sizeof(self->to),
		.msg_iov = iov, .msg_iovlen = pieces,
	};
}

static ssize_t post(struct _test_data_datagram *self,
		    const struct _fixture_variant_datagram *variant,
		    const void *buf, size_t len, int flags)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = message(self, variant, &iov, 1);

	return sendmsg(self->client, &msg, flags | MSG_ZEROCOPY);
}

TEST_F(datagram, told_when_it_has_left)
{
	struct notice notice;

	ASSERT_EQ(0, hold("delay 200s"));
	ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
	EXPECT_TRUE(notice_none(self->client));
	ASSERT_EQ(0, mend());
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_EQ(0, notice.first);
	EXPECT_EQ(0, notice.last);
	/* Nobody had it. */
	EXPECT_FALSE(notice.copied);
	EXPECT_TRUE(notice_none(self->client));
}

/* It is on the way to a socket on this machine that it is copied. */
TEST_F(datagram, receiver_has_a_copy)
{
	struct notice notice;

	fill(self->out, STAYS, 1);
	ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_TRUE(notice.copied);
	memset(self->out, 0, STAYS);
	EXPECT_TRUE(receive(self->server, STAYS, 1));
	EXPECT_TRUE(notice_none(self->client));
}

/*
 * Who writes to the pages before he is told changes what is sent: so it is not a
 * copy. Had it left before it was written to, it tells nothing: once more.
 */
TEST_F(datagram, it_is_not_a_copy_that_waits)
{
	bool early = false;
	time_t end = time(NULL) + PATIENCE;

	ASSERT_EQ(0, hold("delay 300ms"));
	while (!early && time(NULL) <= end) {
		fill(self->out, STAYS, 2);
		ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
		fill(self->out, STAYS, 3);
		early = notice_none(self->client);
		ASSERT_TRUE(fp_wait(self->server, POLLIN));
		ASSERT_EQ(STAYS, recv(self->server, in, sizeof(in), 0));
		if (early)
			EXPECT_TRUE(filled(in, STAYS, 3));
	}
	EXPECT_TRUE(early);
}

TEST_F(datagram, short_ones_and_what_ip_cuts_are_copied)
{
	static const size_t lengths[] = { 1, 256, 260, CUT };
	struct notice notice;
	size_t i;

	ASSERT_EQ(0, hold("delay 200s"));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		ASSERT_EQ(lengths[i], post(self, variant, self->out,
					   lengths[i], 0));
		ASSERT_TRUE(notice_take(self->client, &notice));
		EXPECT_EQ(i, notice.first);
		EXPECT_EQ(i, notice.last);
		EXPECT_TRUE(notice.copied);
	}
	ASSERT_EQ(261, post(self, variant, self->out, 261, 0));
	EXPECT_TRUE(notice_none(self->client));
}

/* Up to the last byte that fits into one packet of IP. */
TEST_F(datagram, path_mtu_decides)
{
	const size_t headers = FP_HDR_LEN + 8 +
			       (variant->family == AF_INET ? 20 : 40);
	struct notice notice;

	ASSERT_EQ(0, hold("delay 200s"));
	ASSERT_EQ(1500 - headers + 1,
		  post(self, variant, self->out, 1500 - headers + 1, 0));
	ASSERT_TRUE(notice_take(self->client, &notice));
	EXPECT_TRUE(notice.copied);
	ASSERT_EQ(1500 - headers,
		  post(self, variant, self->out, 1500 - headers, 0));
	EXPECT_TRUE(notice_none(self->client));
}

TEST_F(datagram, every_call_is_told_of_once)
{
	static const size_t sizes[] = {
		1, 260, 261, 1000, 1420, 5000, CUT, 60000
	};
	const unsigned int calls = 100;
	unsigned int i, notices;

	for (i = 0; i < calls; i++) {
		size_t len = sizes[i % ARRAY_SIZE(sizes)];

		fill(self->out + i, len, i);
		ASSERT_EQ(len, post(self, variant, self->out + i, len, 0));
		ASSERT_TRUE(receive(self->server, len, i));
	}
	notices = notice_collect(self->client, self->seen, calls);
	EXPECT_LT(0, notices);
	/* One that follows the one before is added to it. */
	EXPECT_GT(calls, notices);
}

/* 64 KiB of pages in one datagram, over the loopback interface. */
TEST_F(datagram, largest_over_loopback)
{
	const size_t len = (variant->family == AF_INET ? 65535 - 20 : 65535) -
			   8 - FP_HDR_LEN;
	struct notice notice;

	close(self->server);
	self->to = fp_loopback(variant->family, 0);
	self->server = socket(AF_FASTPROTO, SOCK_DGRAM, 0);
	ASSERT_EQ(0, fp_bind(self->server, &self->to));
	ASSERT_EQ(0, fp_name(self->server, &self->to));
	if (variant->connected)
		ASSERT_EQ(0, fp_connect(self->client, &self->to));
	fill(self->out + 4000, len, 4);
	ASSERT_EQ(len, post(self, variant, self->out + 4000, len, 0));
	EXPECT_TRUE(receive(self->server, len, 4));
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_EQ(0, notice.last);
	EXPECT_TRUE(notice.copied);
	/* Those whose route has an MTU of less are cut. */
	EXPECT_EQ(variant->family == AF_INET ? (long long)len : 0,
		  socket_counted(HOST_A, "tx_zerocopy"));
}

TEST_F(datagram, memory_may_be_unmapped_at_once)
{
	unsigned char *p = map_pages();

	ASSERT_NE(NULL, p);
	fill(p, STAYS, 5);
	ASSERT_EQ(0, hold("delay 100ms"));
	ASSERT_EQ(STAYS, post(self, variant, p, STAYS, 0));
	ASSERT_EQ(0, munmap(p, LARGE));
	EXPECT_TRUE(receive(self->server, STAYS, 5));
	EXPECT_EQ(1, notice_collect(self->client, self->seen, 1));
}

TEST_F(datagram, socket_is_closed_meanwhile)
{
	fill(self->out, STAYS, 6);
	ASSERT_EQ(0, hold("delay 100ms"));
	ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
	ASSERT_EQ(0, close(self->client));
	EXPECT_TRUE(receive(self->server, STAYS, 6));
	self->client = fp_open(HOST_A);
}

/* In more pages than an skb has room for. */
TEST_F(datagram, too_many_pieces_are_copied)
{
	struct iovec iov[20];
	struct msghdr msg = message(self, variant, iov, ARRAY_SIZE(iov));
	struct notice notice;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iov); i++) {
		iov[i] = (struct iovec){ self->out + i * 4096, 50 };
		memset(iov[i].iov_base, i, 50);
	}
	ASSERT_EQ(0, hold("delay 200s"));
	ASSERT_EQ(1000, sendmsg(self->client, &msg, MSG_ZEROCOPY));
	ASSERT_TRUE(notice_take(self->client, &notice));
	EXPECT_TRUE(notice.copied);
	ASSERT_EQ(0, mend());
	ASSERT_EQ(1000, sendmsg(self->client, &msg, MSG_ZEROCOPY));
	ASSERT_TRUE(fp_wait(self->server, POLLIN));
	ASSERT_EQ(1000, recv(self->server, in, sizeof(in), 0));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(i / 50, in[i]);
}

TEST_F(datagram, flag_alone_means_nothing)
{
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_ZEROCOPY, 0));
	ASSERT_EQ(0, hold("delay 200s"));
	ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
	EXPECT_EQ(0, socket_counted(HOST_A, "tx_zerocopy"));
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(notice_none(self->client));
}

TEST_F(datagram, calls_that_fail_do_not_count)
{
	const struct sockaddr_fp nobody = fp_host(variant->family, HOST_B, 0);
	void *hole = mmap(NULL, LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct iovec iov = { self->out, STAYS };
	struct msghdr msg = message(self, variant, &iov, 1);

	ASSERT_NE(MAP_FAILED, hole);
	EXPECT_FAILS(EFAULT, post(self, variant, hole, STAYS, 0));
	EXPECT_FAILS(EFAULT, post(self, variant, hole, 20, 0));
	EXPECT_FAILS(EFAULT, post(self, variant, hole, CUT, 0));
	EXPECT_FAILS(EMSGSIZE, post(self, variant, self->out, LARGE, 0));
	EXPECT_FAILS(EOPNOTSUPP, post(self, variant, self->out, STAYS,
				      MSG_MORE));
	msg.msg_name = (void *)&nobody;
	msg.msg_namelen = sizeof(nobody);
	EXPECT_FAILS(EINVAL, sendmsg(self->client, &msg, MSG_ZEROCOPY));
	/* The first page is there, the next one is not. */
	ASSERT_EQ(0, munmap(self->out + 4096, LARGE - 4096));
	EXPECT_FAILS(EFAULT, post(self, variant, self->out + 3500, STAYS, 0));
	/* Nor does an empty one. */
	EXPECT_EQ(0, post(self, variant, self->out, 0, 0));
	EXPECT_TRUE(notice_none(self->client));
	fill(self->out, STAYS, 8);
	ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
	EXPECT_TRUE(receive(self->server, 0, 0));
	EXPECT_TRUE(receive(self->server, STAYS, 8));
	EXPECT_EQ(1, notice_collect(self->client, self->seen, 1));
	munmap(hole, LARGE);
}

/* Notices take memory, of which a socket has only so much. */
TEST_F(datagram, too_many_at_once)
{
	const int room = 16 << 20;
	unsigned int sent = 0;
	struct notice notice;

	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUFFORCE, room));
	ASSERT_EQ(0, hold("delay 200s"));
	while (post(self, variant, self->out, 300, MSG_DONTWAIT) == 300)
		ASSERT_GT(MANY, ++sent);
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_LT(10, sent);
	/* What is copied has a notice, too. */
	EXPECT_FAILS(ENOBUFS, post(self, variant, self->out, 3, 0));
	EXPECT_EQ(300, fp_sendto(self->client, self->out, 300, &self->to));
	ASSERT_EQ(0, mend());
	ASSERT_LT(0, notice_collect(self->client, self->seen, sent));
	/* And it goes on, with the number after those that were sent. */
	ASSERT_EQ(300, post(self, variant, self->out, 300, 0));
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_EQ(sent, notice.first);
	EXPECT_EQ(sent, notice.last);
}

/* The exit code of a process that may lock no memory; 0: it was told so. */
static int send_unlocked(struct _test_data_datagram *self,
			 const struct _fixture_variant_datagram *variant)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &none) || setuid(65534))
		return 1;
	if (post(self, variant, self->out, STAYS, 0) != -1 || errno != ENOBUFS)
		return 2;
	return send(self->client, self->out, STAYS, 0) == STAYS ||
	       errno == EDESTADDRREQ ? 0 : 3;
}

TEST_F(datagram, pages_count_as_locked_memory)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(send_unlocked(self, variant));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(notice_none(self->client));
}

TEST_F(datagram, many_in_one_call)
{
	struct mmsghdr many[5];
	struct iovec iov[5];
	unsigned int i;

	for (i = 0; i < 5; i++) {
		iov[i] = (struct iovec){ self->out + 4096 * i, STAYS };
		fill(iov[i].iov_base, STAYS, i);
		many[i].msg_hdr = message(self, variant, &iov[i], 1);
	}
	ASSERT_EQ(5, sendmmsg(self->client, many, 5, MSG_ZEROCOPY));
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(receive(self->server, STAYS, i));
	EXPECT_LT(0, notice_collect(self->client, self->seen, 5));
}

TEST_F(datagram, what_is_copied_is_counted)
{
	ASSERT_EQ(0, hold("delay 200s"));
	ASSERT_EQ(STAYS, post(self, variant, self->out, STAYS, 0));
	ASSERT_EQ(260, post(self, variant, self->out, 260, 0));
	ASSERT_EQ(CUT, post(self, variant, self->out, CUT, 0));
	EXPECT_EQ(STAYS, socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_EQ(1 + 260 + CUT, socket_counted(HOST_A, "tx_copied"));
	EXPECT_EQ(0, socket_counted(HOST_B, "tx_zerocopy"));
}

/* From a pool it goes the same way; the slots come back when it has left. */
TEST(slots_stay_until_it_has_left)
{
	static unsigned char large[3000];
	struct fp_ring_event event;
	struct sockaddr_fp addr;
	struct ring ring;
	int rx, tx;

	tx = fp_open(HOST_A);
	rx = fp_open_host(HOST_B, AF_INET, &addr);
	ASSERT_EQ(0, fp_connect(tx, &addr));
	ASSERT_EQ(0, ring_open(tx, 4096, 8, 0, &ring));
	fill(large, sizeof(large), 9);
	ASSERT_EQ(0, hold("delay 200s"));
	ring_queue(&ring, 0, 1, large, STAYS, 0);
	ring_queue(&ring, 0, 2, large, 1023, 0);
	ring_queue(&ring, 0, 3, large, sizeof(large), 0);
	ASSERT_EQ(0, ring_tell(&ring));
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(FP_RING_SENT, event.type);
	EXPECT_EQ(2, event.slot);
	EXPECT_EQ(FP_RING_F_COPIED, event.flags);
	/* IP cuts it in pieces. */
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(3, event.slot);
	EXPECT_EQ(FP_RING_F_COPIED, event.flags);
	EXPECT_EQ(NULL, ring_peek(&ring));
	EXPECT_EQ(STAYS, socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_EQ(1023 + 3000, socket_counted(HOST_A, "tx_copied"));
	ASSERT_EQ(0, mend());
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(1, event.slot);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(0, event.error);
	/* And on its way to somebody here it is copied. */
	ring_queue(&ring, 0, 1, large, STAYS, 0);
	ASSERT_EQ(0, ring_tell(&ring));
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(1, event.slot);
	EXPECT_EQ(FP_RING_F_COPIED, event.flags);
	EXPECT_TRUE(receive(rx, STAYS, 9));
	ring_unmap(&ring);
	close(tx);
	close(rx);
}

TEST(datagrams_are_counted_as_copied)
{
	struct fp_ring_event event;
	struct sockaddr_fp addr;
	int rx, tx, mapped;
	struct ring ring;

	tx = fp_open(HOST_A);
	rx = fp_open_host(HOST_B, AF_INET, &addr);
	ASSERT_EQ(100, fp_sendto(tx, in, 100, &addr));
	EXPECT_EQ(100, socket_counted(HOST_A, "tx_copied"));
	EXPECT_EQ(0, socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_TRUE(fp_wait(rx, POLLIN));
	EXPECT_EQ(0, socket_counted(HOST_B, "rx_copied"));
	EXPECT_EQ(100, recv(rx, in, sizeof(in), MSG_PEEK));
	EXPECT_EQ(0, socket_counted(HOST_B, "rx_copied"));
	EXPECT_EQ(100, recv(rx, in, sizeof(in), 0));
	EXPECT_EQ(100, socket_counted(HOST_B, "rx_copied"));
	close(rx);
	mapped = fp_open_host(HOST_B, AF_INET, &addr);
	ASSERT_EQ(0, ring_open(mapped, 2048, 8, 4, &ring));
	ASSERT_EQ(50, fp_sendto(tx, in, 50, &addr));
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(FP_RING_MESSAGE, event.type);
	EXPECT_EQ(50, socket_counted(HOST_B, "rx_copied"));
	EXPECT_EQ(150, socket_counted(HOST_A, "tx_copied"));
	ring_unmap(&ring);
	close(mapped);
	close(tx);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
