// SPDX-License-Identifier: GPL-2.0
/* MSG_ZEROCOPY: the application's pages are sent, and it hears when they are free. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define LARGE	100000
#define MANY	1000

static unsigned char in[LARGE + 1];

static bool is_cut;

static int cut(void)
{
	is_cut = true;
	return net_netem(HOST_A, "loss 100%");
}

static int mend(void)
{
	is_cut = false;
	return net_netem(HOST_A, NULL);
}

FIXTURE(zerocopy) {
	int client;
	int server;
	__u64 to;		/* SOCK_RDM: the connection's ID */
	unsigned char *out;	/* pages of our own */
	bool seen[MANY];	/* calls that are over */
};

FIXTURE_VARIANT(zerocopy) {
	int type;
	int family;
};

FIXTURE_VARIANT_ADD(zerocopy, seqpacket_ipv4) {
	.type = SOCK_SEQPACKET, .family = AF_INET,
};

FIXTURE_VARIANT_ADD(zerocopy, seqpacket_ipv6) {
	.type = SOCK_SEQPACKET, .family = AF_INET6,
};

FIXTURE_VARIANT_ADD(zerocopy, rdm_ipv4) {
	.type = SOCK_RDM, .family = AF_INET,
};

static unsigned char *map_pages(void)
{
	void *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

FIXTURE_SETUP(zerocopy)
{
	struct sockaddr_fp addr;

	if (variant->type == SOCK_SEQPACKET) {
		ASSERT_EQ(0, fp_pair(variant->family, &self->client,
				     &self->server));
	} else {
		self->client = rdm_open(HOST_A);
		self->server = rdm_listen(HOST_B, variant->family, &addr);
		ASSERT_LE(0, self->client);
		ASSERT_LE(0, self->server);
		ASSERT_EQ(0, rdm_dial(self->client, &addr, &self->to));
		/* Its handshake is over. */
		ASSERT_EQ(1, rdm_send(self->client, self->to, "", 1, 0));
		ASSERT_TRUE(fp_wait(self->server, POLLIN));
		ASSERT_EQ(1, recv(self->server, in, sizeof(in), 0));
	}
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_ZEROCOPY, 1));
	self->out = map_pages();
	ASSERT_NE(NULL, self->out);
}

FIXTURE_TEARDOWN(zerocopy)
{
	if (is_cut)
		mend();
	close(self->client);
	close(self->server);
	munmap(self->out, LARGE);
}

static ssize_t send_from(struct _test_data_zerocopy *self, const void *buf,
			 size_t len, int flags)
{
	struct sockaddr_fp name = {
		.sfp_family = AF_FASTPROTO, .sfp_conn = self->to
	};
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_name = self->to ? &name : NULL,
		.msg_namelen = self->to ? sizeof(name) : 0,
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	return sendmsg(self->client, &msg,
		       flags | MSG_ZEROCOPY | MSG_NOSIGNAL);
}

static unsigned int collect(struct _test_data_zerocopy *self,
			    unsigned int calls)
{
	return notice_collect(self->client, self->seen, calls);
}

static bool receive(int fd, size_t len, __u32 seed)
{
	if (!fp_wait(fd, POLLIN))
		return false;
	return recv(fd, in, sizeof(in), 0) == (ssize_t)len &&
	       filled(in, len, seed);
}

/* Until all was acknowledged. */
static bool wait_acknowledged(int fd)
{
	time_t end = time(NULL) + PATIENCE;
	int left;

	while (!ioctl(fd, SIOCOUTQ, &left) && left) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

TEST_F(zerocopy, told_when_acknowledged)
{
	struct notice notice;

	fill(self->out, LARGE, 1);
	ASSERT_EQ(0, cut());
	ASSERT_EQ(LARGE, send_from(self, self->out, LARGE, 0));
	EXPECT_TRUE(notice_none(self->client));
	ASSERT_EQ(0, mend());
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_EQ(0, notice.first);
	EXPECT_EQ(0, notice.last);
	/* On the way, for who receives it on this machine. */
	EXPECT_TRUE(notice.copied);
	EXPECT_TRUE(notice_none(self->client));
	/* What is done to the memory from now on is nobody's business. */
	memset(self->out, 0, LARGE);
	EXPECT_TRUE(receive(self->server, LARGE, 1));
}

TEST_F(zerocopy, every_call_is_told_of_once)
{
	static const size_t sizes[] = { 1, 256, 257, 1000, 1409, 5000, 20000 };
	const unsigned int calls = 100;
	unsigned int i, notices;

	for (i = 0; i < calls; i++) {
		size_t len = sizes[i % ARRAY_SIZE(sizes)];

		fill(self->out + i, len, i);
		ASSERT_EQ(len, send_from(self, self->out + i, len, 0));
		ASSERT_TRUE(receive(self->server, len, i));
		/* Neighbours share pages: none may be under way. */
		ASSERT_TRUE(wait_acknowledged(self->client));
	}
	notices = collect(self, calls);
	EXPECT_LT(0, notices);
	/* One that follows the one before is added to it. */
	EXPECT_GT(calls, notices);
}

TEST_F(zerocopy, memory_may_be_unmapped_at_once)
{
	unsigned char *p = map_pages();

	ASSERT_NE(NULL, p);
	fill(p, LARGE, 2);
	ASSERT_EQ(0, cut());
	ASSERT_EQ(LARGE, send_from(self, p, LARGE, 0));
	ASSERT_EQ(0, munmap(p, LARGE));
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, LARGE, 2));
	EXPECT_EQ(1, collect(self, 1));
}

TEST_F(zerocopy, socket_is_closed_meanwhile)
{
	fill(self->out, LARGE, 3);
	ASSERT_EQ(0, cut());
	ASSERT_EQ(LARGE, send_from(self, self->out, LARGE, 0));
	ASSERT_EQ(0, close(self->client));
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, LARGE, 3));
	self->client = fp_open(HOST_A);
}

TEST_F(zerocopy, process_is_killed_meanwhile)
{
	pid_t pid;
	int status;

	fill(self->out, LARGE, 4);
	ASSERT_EQ(0, cut());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Pages of its own. */
		fill(self->out, LARGE, 4);
		send_from(self, self->out, LARGE, 0);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	memset(self->out, 0, LARGE);
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, LARGE, 4));
	/* The socket is ours, too, and hears of it. */
	EXPECT_EQ(1, collect(self, 1));
}

TEST_F(zerocopy, connection_ends_meanwhile)
{
	struct notice notice;
	__u64 id;
	int i;

	ASSERT_EQ(1, conn_get_ids(HOST_A, &id, 1));
	ASSERT_EQ(0, cut());
	for (i = 0; i < 5; i++)
		ASSERT_EQ(20000, send_from(self, self->out, 20000, 0));
	EXPECT_TRUE(notice_none(self->client));
	ASSERT_EQ(0, conn_kill(HOST_A, id));
	for (i = 0; i < 5; i = notice.last + 1) {
		ASSERT_TRUE(notice_wait(self->client, &notice));
		EXPECT_EQ(i, notice.first);
		EXPECT_GT(5, notice.last);
		/* Nobody had them. */
		EXPECT_FALSE(notice.copied);
	}
	if (variant->type == SOCK_SEQPACKET)
		EXPECT_EQ(ECONNABORTED,
			  fp_getint(self->client, SOL_SOCKET, SO_ERROR));
	EXPECT_TRUE(notice_none(self->client));
}

/* A few bytes are copied, whatever was asked for: and are free at once. */
TEST_F(zerocopy, small_messages_are_copied)
{
	struct notice notice;

	ASSERT_EQ(0, cut());
	fill(self->out, 256, 5);
	ASSERT_EQ(256, send_from(self, self->out, 256, 0));
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_EQ(0, notice.first);
	EXPECT_EQ(0, notice.last);
	EXPECT_TRUE(notice.copied);
	memset(self->out, 0, 256);
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, 256, 5));
	EXPECT_TRUE(notice_none(self->client));
}

TEST_F(zerocopy, payload_with_checksum_is_copied)
{
	struct notice notice;

	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_PAYLOAD_CSUM,
			       1));
	ASSERT_EQ(0, cut());
	fill(self->out, 20000, 6);
	ASSERT_EQ(20000, send_from(self, self->out, 20000, 0));
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_TRUE(notice.copied);
	memset(self->out, 0, 20000);
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, 20000, 6));
}

TEST_F(zerocopy, flag_alone_means_nothing)
{
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_ZEROCOPY, 0));
	ASSERT_EQ(0, cut());
	fill(self->out, 20000, 7);
	ASSERT_EQ(20000, send_from(self, self->out, 20000, 0));
	memset(self->out, 0, 20000);
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, 20000, 7));
	EXPECT_TRUE(wait_acknowledged(self->client));
	EXPECT_TRUE(notice_none(self->client));
}

/* Nor do empty messages count, as with TCP and UDP. */
TEST_F(zerocopy, calls_that_fail_do_not_count)
{
	const size_t msg_max = 1 << 20;
	void *hole = mmap(NULL, 2 * msg_max, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, hole);
	EXPECT_FAILS(EFAULT, send_from(self, hole, 20000, 0));
	EXPECT_FAILS(EFAULT, send_from(self, hole, 20, 0));
	EXPECT_FAILS(EMSGSIZE, send_from(self, hole, msg_max + 1, 0));
	EXPECT_EQ(0, send_from(self, self->out, 0, 0));
	EXPECT_TRUE(notice_none(self->client));
	/* The first pages are there, others are not. */
	ASSERT_EQ(0, munmap(self->out + 65536, LARGE - 65536));
	EXPECT_FAILS(EFAULT, send_from(self, self->out, LARGE, 0));
	EXPECT_TRUE(notice_none(self->client));
	fill(self->out, 20000, 8);
	ASSERT_EQ(20000, send_from(self, self->out, 20000, 0));
	EXPECT_TRUE(receive(self->server, 0, 0));
	EXPECT_TRUE(receive(self->server, 20000, 8));
	EXPECT_EQ(1, collect(self, 1));
	munmap(hole, 2 * msg_max);
}

/* Notices take memory, of which a socket has only so much. */
TEST_F(zerocopy, too_many_at_once)
{
	const int room = 16 << 20;
	unsigned int sent = 0, i;
	struct notice notice;

	ASSERT_EQ(0, fp_setint(self->client, SOL_SOCKET, SO_SNDBUFFORCE, room));
	fill(self->out, 300, 9);
	ASSERT_EQ(0, cut());
	while (send_from(self, self->out, 300, MSG_DONTWAIT) == 300)
		ASSERT_GT(MANY, ++sent);
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_LT(10, sent);
	/* Without the flag there is no need of that. */
	EXPECT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_ZEROCOPY, 0));
	EXPECT_EQ(300, send_from(self, self->out, 300, MSG_DONTWAIT));
	EXPECT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_ZEROCOPY, 1));
	ASSERT_EQ(0, mend());
	for (i = 0; i < sent + 1; i++)
		ASSERT_TRUE(receive(self->server, 300, 9));
	ASSERT_LT(0, collect(self, sent));
	/* And it goes on, with the number after those that were sent. */
	ASSERT_EQ(300, send_from(self, self->out, 300, 0));
	EXPECT_TRUE(receive(self->server, 300, 9));
	ASSERT_TRUE(notice_wait(self->client, &notice));
	EXPECT_EQ(sent, notice.first);
	EXPECT_EQ(sent, notice.last);
}

TEST_F(zerocopy, epoll_tells)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epfd = epoll_create1(0);
	struct notice notice;

	ASSERT_LE(0, epfd);
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->client, &event));
	ASSERT_EQ(0, epoll_wait(epfd, &event, 1, 0));
	fill(self->out, 5000, 10);
	ASSERT_EQ(5000, send_from(self, self->out, 5000, 0));
	ASSERT_EQ(1, epoll_wait(epfd, &event, 1, PATIENCE * 1000));
	EXPECT_EQ(EPOLLERR, event.events);
	EXPECT_TRUE(notice_take(self->client, &notice));
	EXPECT_TRUE(receive(self->server, 5000, 10));
	close(epfd);
}

TEST_F(zerocopy, what_is_copied_is_counted)
{
	const int before = variant->type == SOCK_RDM;	/* bytes */
	const int all = 20000 + 256 + before;

	fill(self->out, 20000, 12);
	ASSERT_EQ(0, cut());
	ASSERT_EQ(20000, send_from(self, self->out, 20000, 0));
	ASSERT_EQ(256, send_from(self, self->out, 256, 0));
	/* Whether it has left or not; a short fragment may be copied. */
	EXPECT_EQ(all, socket_counted(HOST_A, "tx_copied") +
		       socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_LE(20000 - 260, socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_LE(256 + before, socket_counted(HOST_A, "tx_copied"));
	EXPECT_EQ(before, socket_counted(HOST_B, "rx_copied"));
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(fp_wait(self->server, POLLIN));
	EXPECT_TRUE(wait_acknowledged(self->client));
	EXPECT_EQ(before, socket_counted(HOST_B, "rx_copied"));
	EXPECT_TRUE(receive(self->server, 20000, 12));
	EXPECT_EQ(20000 + before, socket_counted(HOST_B, "rx_copied"));
	EXPECT_TRUE(receive(self->server, 256, 12));
	EXPECT_EQ(all, socket_counted(HOST_B, "rx_copied"));
	EXPECT_EQ(all, socket_counted(HOST_A, "tx_copied") +
		       socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_EQ(0, socket_counted(HOST_B, "tx_zerocopy"));
}

/* With a ring there are two who count, and two who are told of pages. */
TEST_F(zerocopy, beside_a_ring)
{
	const int before = variant->type == SOCK_RDM;	/* bytes */
	struct fp_ring_event event;
	struct notice notice;
	struct ring ring;

	ASSERT_EQ(0, ring_open(self->client, 4096, 512, 8, &ring));
	fill(self->out, 20000, 14);
	ASSERT_EQ(0, cut());
	ASSERT_EQ(5000, send_from(self, self->out, 5000, 0));
	ASSERT_EQ(256, send_from(self, self->out, 256, 0));
	/* A short fragment may be copied. */
	EXPECT_LE(256 + before, socket_counted(HOST_A, "tx_copied"));
	EXPECT_LE(5000 - 260, socket_counted(HOST_A, "tx_zerocopy"));
	/* It is the slot's own again at once, for all went as a copy. */
	ASSERT_EQ(0, fp_setint(self->client, SOL_FASTPROTO, FP_PAYLOAD_CSUM,
			       1));
	ring_queue(&ring, self->to, 2, self->out, 3000, 0);
	ASSERT_EQ(0, ring_tell(&ring));
	ASSERT_TRUE(ring_wait(&ring, &event));
	EXPECT_EQ(FP_RING_SENT, event.type);
	EXPECT_EQ(2, event.slot);
	EXPECT_EQ(0, event.error);
	EXPECT_EQ(FP_RING_F_COPIED, event.flags);
	EXPECT_LE(3256 + before, socket_counted(HOST_A, "tx_copied"));
	ASSERT_EQ(0, mend());
	EXPECT_TRUE(receive(self->server, 5000, 14));
	EXPECT_TRUE(receive(self->server, 256, 14));
	EXPECT_TRUE(receive(self->server, 3000, 14));
	EXPECT_TRUE(notice_wait(self->client, &notice));
	ring_unmap(&ring);
}

#define THREADS	4

/* Who sends in a thread. */
struct sender {
	struct _test_data_zerocopy *self;
	unsigned int calls;
	unsigned int failed;
	pthread_t thread;
};

/* Every other call fails, and gives its number back. */
static void *send_many(void *arg)
{
	struct sender *sender = arg;
	unsigned int i;

	for (i = 0; i < sender->calls; i++) {
		if (send_from(sender->self, NULL, 1000, 0) >= 0)
			sender->failed++;
		if (send_from(sender->self, sender->self->out, 1000, 0) != 1000)
			sender->failed++;
	}
	return NULL;
}

TEST_F(zerocopy, threads_get_numbers_of_their_own)
{
	const unsigned int calls = fewer(THREADS * 20) / THREADS;
	struct sender senders[THREADS];
	unsigned int i;

	fill(self->out, 1000, 11);
	for (i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){ .self = self, .calls = calls };
		ASSERT_EQ(0, pthread_create(&senders[i].thread, NULL,
					    send_many, &senders[i]));
	}
	for (i = 0; i < THREADS * calls; i++)
		EXPECT_TRUE(receive(self->server, 1000, 11));
	for (i = 0; i < THREADS; i++) {
		pthread_join(senders[i].thread, NULL);
		EXPECT_EQ(0, senders[i].failed);
	}
	EXPECT_LT(0, collect(self, THREADS * calls));
}

/* From 6.7 on the kernel asks us. */
static bool core_asks(void)
{
	unsigned int major, minor;
	struct utsname name;

	uname(&name);
	return sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 7));
}

static int set_so(int fd, int value)
{
	return setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &value, sizeof(value));
}

TEST(option_is_checked)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_RDM, SOCK_DGRAM };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fd = socket(AF_FASTPROTO, types[i], 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, fp_getint(fd, SOL_SOCKET, SO_ZEROCOPY));
		EXPECT_EQ(0, fp_getint(fd, SOL_FASTPROTO, FP_ZEROCOPY));
		EXPECT_EQ(0, fp_setint(fd, SOL_FASTPROTO, FP_ZEROCOPY, 1));
		EXPECT_EQ(1, fp_getint(fd, SOL_SOCKET, SO_ZEROCOPY));
		EXPECT_EQ(1, fp_getint(fd, SOL_FASTPROTO, FP_ZEROCOPY));
		EXPECT_FAILS(EINVAL, fp_setint(fd, SOL_FASTPROTO, FP_ZEROCOPY,
					       2));
		EXPECT_FAILS(EINVAL, fp_setint(fd, SOL_FASTPROTO, FP_ZEROCOPY,
					       -1));
		EXPECT_FAILS(ENOPROTOOPT, fp_setint(fd, SOL_FASTPROTO,
						    FP_RECVERR, 1));
		if (!core_asks()) {
			EXPECT_FAILS(EOPNOTSUPP, set_so(fd, 0));
		} else {
			EXPECT_FAILS(EINVAL, set_so(fd, 2));
			EXPECT_FAILS(EINVAL, setsockopt(fd, SOL_SOCKET,
							SO_ZEROCOPY, &i, 3));
			EXPECT_EQ(0, set_so(fd, 0));
			EXPECT_EQ(0, fp_getint(fd, SOL_FASTPROTO,
					       FP_ZEROCOPY));
			EXPECT_EQ(0, set_so(fd, 1));
			EXPECT_EQ(1, fp_getint(fd, SOL_FASTPROTO,
					       FP_ZEROCOPY));
		}
		/* The others are the core's. */
		EXPECT_EQ(0, fp_setint(fd, SOL_SOCKET, SO_PRIORITY, 3));
		EXPECT_EQ(3, fp_getint(fd, SOL_SOCKET, SO_PRIORITY));
		EXPECT_FAILS(ENOPROTOOPT, fp_setint(fd, SOL_SOCKET, 9999, 1));
		close(fd);
	}
}

/* Small messages go another way through rings than large ones. */
TEST(what_goes_over_many_rings_is_counted)
{
	struct ring client, server;
	struct fp_ring_event event;
	struct sockaddr_fp addr;
	int rx, tx, i;
	__u64 conn;

	tx = rdm_open(HOST_A);
	rx = rdm_open(HOST_B);
	ASSERT_LE(0, tx);
	ASSERT_LE(0, rx);
	ASSERT_EQ(0, ring_open(tx, 2048, 8, 2, &client));
	ASSERT_EQ(0, ring_open(rx, 2048, 8, 8, &server));
	addr = fp_host(AF_INET, HOST_B, 0);
	ASSERT_EQ(0, fp_bind(rx, &addr));
	ASSERT_EQ(0, fp_name(rx, &addr));
	ASSERT_EQ(0, listen(rx, 5));
	ASSERT_EQ(0, rdm_dial(tx, &addr, &conn));
	ring_queue(&client, conn, 2, in, 50, 0);
	ring_queue(&client, conn, 3, in, 60, 0);
	ring_queue(&client, conn, 4, in, 2000, 0);
	ring_queue(&client, conn, 5, in, 70, 0);
	ASSERT_EQ(0, ring_tell(&client));
	for (i = 0; i < 4;) {
		ASSERT_TRUE(ring_wait(&server, &event));
		i += event.type == FP_RING_MESSAGE;
	}
	EXPECT_EQ(2180, socket_counted(HOST_B, "rx_copied"));
	EXPECT_EQ(180, socket_counted(HOST_A, "tx_copied"));
	EXPECT_EQ(2000, socket_counted(HOST_A, "tx_zerocopy"));
	EXPECT_EQ(0, socket_counted(HOST_A, "rx_copied"));
	ring_unmap(&client);
	ring_unmap(&server);
	close(tx);
	close(rx);
}

TEST(accepted_socket_has_it_from_its_listener)
{
	struct sockaddr_fp addr;
	int listener, client, server;

	listener = fp_listen(HOST_B, AF_INET, 5, &addr);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, fp_setint(listener, SOL_FASTPROTO, FP_ZEROCOPY, 1));
	client = fp_open_seqpacket(HOST_A);
	ASSERT_EQ(0, fp_connect(client, &addr));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(1, fp_getint(server, SOL_FASTPROTO, FP_ZEROCOPY));
	close(server);
	close(client);
	close(listener);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
