// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once: a scripted life of a socket is lived again and
 * again, and each time the next allocation or copy in it fails, until a life
 * passes untouched. Whatever fails ends in a clean error, after which the same
 * call works; nothing hangs and nothing is left.
 *
 * A new kind of socket, or a new call, needs a script only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

/* More allocations than any life makes. */
#define LIVES_MAX	5000

/* The patience of a single receive after a fault, in milliseconds. */
#define WAIT_MS		2000

struct life {
	int family;
	bool failed;		/* the fault has shown */
	const char *wrong;	/* what must not happen, and did */
};

static unsigned char out[20000];
static unsigned char in[20000];

static bool is_clean(int error)
{
	switch (error) {
	case ENOMEM:
	case ENOBUFS:
	case ENFILE:	/* socket(): no inode */
	case EFAULT:	/* the fault was in a copy */
		return true;
	default:
		return false;
	}
}

/* Is the call to be made again? Only the one fault excuses an error. */
static bool again(struct life *life, long ret, const char *what)
{
	if (ret >= 0 || life->wrong)
		return false;
	if (!life->failed && is_clean(errno)) {
		life->failed = true;
		return true;
	}
	ksft_print_msg("%s: %s\n", what, strerror(errno));
	life->wrong = what;
	return false;
}

#define TRY(life, call) ({						\
	long __ret = (call);						\
									\
	if (again(life, __ret, #call)) {				\
		__ret = (call);						\
		again(life, __ret, #call);				\
	}								\
	__ret;								\
})

static void demand(struct life *life, bool truth, const char *what)
{
	if (!truth && !life->wrong)
		life->wrong = what;
}

#define DEMAND(life, truth)	demand(life, truth, #truth)

static ssize_t take(int fd, size_t len)
{
	struct fp_recvinfo info;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, WAIT_MS) != 1) {
		errno = EAGAIN;
		return -1;
	}
	return fp_recvinfo(fd, in, len, 0, &info);
}

/*
 * Send and receive one message. The fault may lose a datagram on its way, and
 * a copy that fails in the middle of a receive takes its message along, as
 * with UDP: then it is sent again.
 */
static void exchange(struct life *life, int from, int to, size_t len)
{
	ssize_t got;

	TRY(life, send(from, out, len, 0));
	got = take(to, sizeof(in));
	if (got < 0 && (!life->failed || is_clean(errno))) {
		life->failed = true;
		TRY(life, send(from, out, len, 0));
		got = take(to, sizeof(in));
	}
	DEMAND(life, got == (ssize_t)len);
	DEMAND(life, !memcmp(in, out, len));
}

static void dgram_life(struct life *life)
{
	static const size_t lengths[] = { 0, 1, 256, 257, 1400, sizeof(out) };
	struct sockaddr_fp at = fp_loopback(life->family, 0), peer;
	int rx, tx, value;
	size_t i;

	rx = TRY(life, socket(AF_FASTPROTO, SOCK_DGRAM, 0));
	tx = TRY(life, socket(AF_FASTPROTO, SOCK_DGRAM, 0));
	TRY(life, fp_bind(rx, &at));
	TRY(life, fp_name(rx, &at));
	TRY(life, fp_setint(rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	TRY(life, fp_sendto(tx, out, 1, &at));
	TRY(life, fp_connect(tx, &at));
	TRY(life, fp_peer(tx, &peer));
	while (recv(rx, in, sizeof(in), MSG_DONTWAIT) > 0)
		;
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		exchange(life, tx, rx, lengths[i]);
	TRY(life, fp_setint(tx, SOL_FASTPROTO, FP_NEEDS_COPY, 1));
	exchange(life, tx, rx, sizeof(out));
	TRY(life, ioctl(rx, FIONREAD, &value));
	TRY(life, shutdown(tx, SHUT_RDWR));
	close(tx);
	close(rx);
}

FIXTURE(fault) {
	__u32 sockets;
};

FIXTURE_VARIANT(fault) {
	void (*script)(struct life *life);
	int family;
};

FIXTURE_VARIANT_ADD(fault, dgram_ipv4) {
	.script = dgram_life, .family = AF_INET,
};

FIXTURE_VARIANT_ADD(fault, dgram_ipv6) {
	.script = dgram_life, .family = AF_INET6,
};

FIXTURE_SETUP(fault)
{
	if (!fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	fill(out, sizeof(out), 8);
	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS,
				 &self->sockets));
}

FIXTURE_TEARDOWN(fault)
{
}

TEST_F_TIMEOUT(fault, every_allocation_fails_once, 100)
{
	unsigned int n, shown = 0;
	bool untouched = false;
	__u32 sockets;

	for (n = 1; n < LIVES_MAX && !untouched; n++) {
		struct life life = { .family = variant->family };

		ASSERT_EQ(0, fault_arm(n));
		variant->script(&life);
		untouched = fault_pending();
		ASSERT_EQ(NULL, life.wrong) {
			TH_LOG("fault %u: %s", n, life.wrong);
		}
		shown += life.failed;
	}
	ASSERT_TRUE(untouched);
	ksft_print_msg("%u faults, %u of them came back as an error\n",
		       n - 2, shown);
	EXPECT_LT(20, shown);
	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS, &sockets));
	EXPECT_EQ(self->sockets, sockets);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
