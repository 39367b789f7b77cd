// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once: a scripted life of a socket is lived again and
 * again, and each time the next allocation or copy in it fails, until a life
 * passes untouched. Whatever fails ends in a clean error, after which the same
 * call works; nothing hangs and nothing is left.
 *
 * A new kind of socket, or a new call, needs a script only. The module has such
 * a life, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

/* More allocations than any life makes. */
#define LIVES_MAX	5000

#define RING_SLOT	512
#define RING_SLOTS	16
#define RING_BATCH	4
#define RING_LARGEST	(3 * RING_SLOT + 1)

/* The patience of a single receive after a fault, in milliseconds. */
#define WAIT_MS		2000

struct life {
	int family;
	bool failed;		/* the fault has shown */
	const char *wrong;	/* what must not happen, and did */
};

static unsigned char out[20000];
static unsigned char in[20000];
static int netlink_family;

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

/* What was sent twice because the fault looked as if it was lost. */
static void drain(int fd)
{
	while (recv(fd, in, sizeof(in), MSG_DONTWAIT) >= 0)
		;
}

/*
 * Send and receive one message. The fault may lose a datagram on its way, and
 * a copy that fails in the middle of a receive takes its message along, as
 * with UDP: then it is sent again. Returns how often it was sent.
 */
static unsigned int exchange(struct life *life, int from, int to, size_t len,
			     int flags)
{
	unsigned int sent = 1;
	ssize_t got;

	drain(to);
	TRY(life, send(from, out, len, flags));
	got = take(to, sizeof(in));
	if (got < 0 && (!life->failed || is_clean(errno))) {
		life->failed = true;
		TRY(life, send(from, out, len, flags));
		got = take(to, sizeof(in));
		sent++;
	}
	DEMAND(life, got == (ssize_t)len);
	DEMAND(life, !memcmp(in, out, len));
	return sent;
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
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		exchange(life, tx, rx, lengths[i], 0);
	TRY(life, fp_setint(tx, SOL_FASTPROTO, FP_NEEDS_COPY, 1));
	exchange(life, tx, rx, sizeof(out), 0);
	TRY(life, ioctl(rx, FIONREAD, &value));
	TRY(life, shutdown(tx, SHUT_RDWR));
	close(tx);
	close(rx);
}

/* Wait for the notices of all calls, each of which has one. */
static void take_notices(struct life *life, int fd, unsigned int calls)
{
	unsigned int ahead = fault_disarm();
	bool seen[16] = {};

	DEMAND(life, life->wrong || notice_collect(fd, seen, calls));
	fault_arm(ahead);
}

/* From pages that stay where they are, and from those that don't. */
static void zerocopy_life(struct life *life)
{
	static const size_t lengths[] = { 1, 257, 1400, sizeof(out) };
	struct sockaddr_fp at = fp_loopback(life->family, 0);
	unsigned int calls = 0;
	int rx, tx;
	size_t i;

	rx = TRY(life, socket(AF_FASTPROTO, SOCK_DGRAM, 0));
	tx = TRY(life, socket(AF_FASTPROTO, SOCK_DGRAM, 0));
	TRY(life, fp_bind(rx, &at));
	TRY(life, fp_name(rx, &at));
	TRY(life, fp_setint(rx, SOL_FASTPROTO, FP_RECVINFO, 1));
	TRY(life, fp_connect(tx, &at));
	TRY(life, fp_setint(tx, SOL_FASTPROTO, FP_ZEROCOPY, 1));
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		calls += exchange(life, tx, rx, lengths[i], MSG_ZEROCOPY);
	take_notices(life, tx, calls);
	close(tx);
	close(rx);
}

/*
 * A reliable message: a copy that fails in the middle of a receive takes it
 * along, but what is lost on the way comes again.
 */
static void deliver(struct life *life, int from, int to, size_t len)
{
	struct pollfd pfd = { .fd = to, .events = POLLIN };
	ssize_t got;

	TRY(life, send(from, out, len, 0));
	DEMAND(life, TRY(life, poll(&pfd, 1, PATIENCE * 1000)) == 1);
	got = recv(to, in, sizeof(in), MSG_DONTWAIT);
	if (got < 0 && !life->failed && is_clean(errno)) {
		life->failed = true;
		TRY(life, send(from, out, len, 0));
		DEMAND(life, TRY(life, poll(&pfd, 1, PATIENCE * 1000)) == 1);
		got = recv(to, in, sizeof(in), MSG_DONTWAIT);
	}
	DEMAND(life, got == (ssize_t)len);
	DEMAND(life, !memcmp(in, out, len));
}

/* Accepts a client; who is given up for lack of memory comes again. */
static int receive_client(struct life *life, int listener, int *client,
			  const struct sockaddr_fp *at)
{
	int fd;

	TRY(life, fp_connect(*client, at));
	fd = accept(listener, NULL, NULL);
	if (fd >= 0 || life->failed || !is_clean(errno))
		return TRY(life, fd);
	life->failed = true;
	/* It may still be there: the file descriptor comes first. */
	close(*client);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
	fcntl(listener, F_SETFL, 0);
	*client = socket(AF_FASTPROTO, SOCK_SEQPACKET, 0);
	TRY(life, fp_connect(*client, at));
	return TRY(life, accept(listener, NULL, NULL));
}

/*
 * Until all connections are parked: what happens next has to wake them. That
 * asks for it, in which nothing may fail.
 */
static void park(struct life *life)
{
	unsigned int ahead = fault_disarm();
	time_t end = time(NULL) + PATIENCE;
	__u32 parked[2];
	unsigned int n;

	do {
		n = conn_get_u32(HOST_A, FASTPROTO_A_CONN_PARKED, parked, 2);
	} while ((n != 2 || !parked[0] || !parked[1]) && time(NULL) <= end);
	DEMAND(life, n == 2 && parked[0] && parked[1]);
	fault_arm(ahead);
}

static void seqpacket_life(struct life *life)
{
	static const size_t lengths[] = { 0, 1, 256, 257, 1400, sizeof(out) };
	const struct timeval wait = { .tv_sec = PATIENCE };
	struct sockaddr_fp at = fp_loopback(life->family, 0), peer;
	int listener, client, server, value;
	size_t i;

	listener = TRY(life, socket(AF_FASTPROTO, SOCK_SEQPACKET, 0));
	client = TRY(life, socket(AF_FASTPROTO, SOCK_SEQPACKET, 0));
	TRY(life, setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait,
			     sizeof(wait)));
	TRY(life, fp_bind(listener, &at));
	TRY(life, fp_name(listener, &at));
	TRY(life, listen(listener, 5));
	server = receive_client(life, listener, &client, &at);
	TRY(life, fp_peer(server, &peer));
	for (i = 0; i < ARRAY_SIZE(lengths) && !life->wrong; i++) {
		deliver(life, client, server, lengths[i]);
		deliver(life, server, client, lengths[i]);
	}
	park(life);
	deliver(life, client, server, sizeof(out));
	park(life);
	TRY(life, fp_setint(client, SOL_SOCKET, SO_KEEPALIVE, 1));
	TRY(life, fp_setint(client, SOL_SOCKET, SO_KEEPALIVE, 0));
	park(life);
	TRY(life, ioctl(server, FIONREAD, &value));
	TRY(life, shutdown(client, SHUT_WR));
	DEMAND(life, life->wrong || TRY(life, recv(server, in, 1, 0)) == 0);
	close(client);
	close(server);
	close(listener);
}

/* As deliver(), between sockets of many; @name is then whom to answer. */
static void deliver_on(struct life *life, int from, int to, size_t len,
		       struct sockaddr_fp *name)
{
	struct pollfd pfd = { .fd = to, .events = POLLIN };
	socklen_t namelen = sizeof(*name);
	const struct sockaddr_fp dest = *name;
	ssize_t got;

	TRY(life, fp_sendto(from, out, len, &dest));
	DEMAND(life, TRY(life, poll(&pfd, 1, PATIENCE * 1000)) == 1);
	got = recvfrom(to, in, sizeof(in), MSG_DONTWAIT, (void *)name,
		       &namelen);
	if (got < 0 && !life->failed && is_clean(errno)) {
		life->failed = true;
		TRY(life, fp_sendto(from, out, len, &dest));
		DEMAND(life, TRY(life, poll(&pfd, 1, PATIENCE * 1000)) == 1);
		got = recvfrom(to, in, sizeof(in), MSG_DONTWAIT, (void *)name,
			       &namelen);
	}
	DEMAND(life, got == (ssize_t)len);
	DEMAND(life, !memcmp(in, out, len));
}

static void rdm_life(struct life *life)
{
	static const size_t lengths[] = { 0, 1, 257, sizeof(out) };
	struct sockaddr_fp at = fp_loopback(life->family, 0), name;
	struct fp_peeloff peel = { .flags = SOCK_CLOEXEC };
	struct sockaddr_fp another;
	int client, server;
	socklen_t len;
	size_t i;

	server = TRY(life, socket(AF_FASTPROTO, SOCK_RDM, 0));
	client = TRY(life, socket(AF_FASTPROTO, SOCK_RDM, 0));
	TRY(life, fp_bind(server, &at));
	TRY(life, fp_name(server, &at));
	TRY(life, listen(server, 5));
	another = at;
	len = sizeof(another);
	TRY(life, getsockopt(client, SOL_FASTPROTO, FP_OPEN, &another, &len));
	for (i = 0; i < ARRAY_SIZE(lengths) && !life->wrong; i++) {
		name = i % 2 ? another : at;
		deliver_on(life, client, server, lengths[i], &name);
		deliver_on(life, server, client, lengths[i], &name);
	}
	/* The last of the loop was on the other's connection. */
	name = at;
	deliver_on(life, client, server, 1, &name);
	peel.conn = name.sfp_conn;
	len = sizeof(peel);
	TRY(life, getsockopt(server, SOL_FASTPROTO, FP_PEELOFF, &peel, &len));
	TRY(life, setsockopt(client, SOL_FASTPROTO, FP_CLOSE,
			     &another.sfp_conn, sizeof(another.sfp_conn)));
	close(peel.fd);
	close(client);
	close(server);
}

/*
 * The next event of a kind. SIOCFPRING, which is called while there is none, is
 * what may fail.
 */
static bool ring_event(struct life *life, struct ring *ring, int type,
		       struct fp_ring_event *event)
{
	bool came;

	do {
		came = ring_wait(ring, event);
		if (!came && again(life, -1, "SIOCFPRING"))
			came = ring_wait(ring, event);
		if (!came)
			return false;
	} while (event->type != type);
	return true;
}

/* Out of slots, the upper half, into slots. */
static void ring_deliver(struct life *life, struct ring *from, struct ring *to,
			 __u64 *conn, size_t len)
{
	struct fp_ring_event event = {};

	ring_queue(from, *conn, RING_SLOTS / 2, out, len, 0);
	TRY(life, ring_tell(from));
	if (!ring_event(life, from, FP_RING_SENT, &event))
		return;
	if (event.error && !life->failed && is_clean(event.error)) {
		life->failed = true;
		ring_queue(from, *conn, RING_SLOTS / 2, out, len, 0);
		TRY(life, ring_tell(from));
		ring_event(life, from, FP_RING_SENT, &event);
	}
	DEMAND(life, !event.error);
	if (!ring_event(life, to, FP_RING_MESSAGE, &event))
		return;
	DEMAND(life, event.len == len);
	memset(in, 0, len);
	ring_copy(to, &event, in);
	DEMAND(life, !memcmp(in, out, len));
	ring_give_back(to, &event);
	TRY(life, ring_tell(to));
	*conn = event.conn;
}

/* Several at once, which are copied together. */
static void ring_deliver_batch(struct life *life, struct ring *from,
			       struct ring *to, __u64 conn)
{
	struct fp_ring_event event = {};
	int i, sent = 0;

	for (i = 0; i < RING_BATCH; i++)
		ring_queue(from, conn, RING_SLOTS / 2 + i, out, 100, 0);
	TRY(life, ring_tell(from));
	for (i = 0; i < RING_BATCH && !life->wrong; i++) {
		if (!ring_event(life, from, FP_RING_SENT, &event))
			return;
		DEMAND(life, !event.error || is_clean(event.error));
		life->failed |= event.error;
		sent += !event.error;
	}
	for (i = 0; i < sent && !life->wrong; i++) {
		if (!ring_event(life, to, FP_RING_MESSAGE, &event))
			return;
		DEMAND(life, event.len == 100);
		ring_give_back(to, &event);
	}
	TRY(life, ring_tell(to));
}

static int ring_begin(struct life *life, struct ring *ring)
{
	int fd = TRY(life, socket(AF_FASTPROTO, SOCK_RDM, 0));
	unsigned int i;

	TRY(life, fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX, RING_LARGEST));
	TRY(life, ring_make(fd, RING_SLOT, RING_SLOTS, 0));
	TRY(life, ring_map(fd, ring));
	if (life->wrong)
		return fd;
	for (i = 0; i < RING_SLOTS / 2; i++)
		ring_give(ring, i);
	TRY(life, ring_tell(ring));
	return fd;
}

static void ring_life(struct life *life)
{
	static const size_t lengths[] = { 0, 1, 300, RING_SLOT, RING_LARGEST };
	struct sockaddr_fp at = fp_loopback(life->family, 0);
	struct ring calls, serves;
	int client, server;
	__u64 conn, back;
	socklen_t len;
	size_t i;

	server = ring_begin(life, &serves);
	client = ring_begin(life, &calls);
	TRY(life, fp_bind(server, &at));
	TRY(life, fp_name(server, &at));
	TRY(life, listen(server, 5));
	len = sizeof(at);
	TRY(life, getsockopt(client, SOL_FASTPROTO, FP_OPEN, &at, &len));
	for (i = 0; i < ARRAY_SIZE(lengths) && !life->wrong; i++) {
		conn = at.sfp_conn;
		ring_deliver(life, &calls, &serves, &conn, lengths[i]);
		back = conn;
		ring_deliver(life, &serves, &calls, &back, lengths[i]);
		DEMAND(life, back == at.sfp_conn);
	}
	ring_deliver_batch(life, &calls, &serves, at.sfp_conn);
	ring_unmap(&calls);
	ring_unmap(&serves);
	close(client);
	close(server);
}

/* A namespace begins, which is not without us. */
static void namespace_life(struct life *life)
{
	TRY(life, unshare(CLONE_NEWNET));
	close(TRY(life, socket(AF_FASTPROTO, SOCK_RDM, 0)));
	net_enter(HOST_A);
}

/* Nothing fails while a namespace begins in which nothing was done so far. */
static void enter_fresh(struct life *life)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	unsigned int ahead = fault_disarm();
	int fd;

	DEMAND(life, !unshare(CLONE_NEWNET));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	DEMAND(life, !ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
	fault_arm(ahead);
}

/* What is made for the first socket of a namespace, and then stays. */
static void fresh_life(struct life *life)
{
	const struct timeval wait = { .tv_sec = PATIENCE };
	struct sockaddr_fp at = fp_loopback(life->family, 0);
	int listener, many, client, server;
	unsigned int ahead;

	enter_fresh(life);
	many = TRY(life, socket(AF_FASTPROTO, SOCK_RDM, 0));
	TRY(life, fp_bind(many, &at));
	TRY(life, listen(many, 5));
	listener = TRY(life, socket(AF_FASTPROTO, SOCK_SEQPACKET, 0));
	TRY(life, setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait,
			     sizeof(wait)));
	client = TRY(life, socket(AF_FASTPROTO, SOCK_SEQPACKET, 0));
	TRY(life, fp_bind(listener, &at));
	TRY(life, fp_name(listener, &at));
	TRY(life, listen(listener, 5));
	server = receive_client(life, listener, &client, &at);
	deliver(life, client, server, 1000);
	close(client);
	close(server);
	close(listener);
	close(many);
	ahead = fault_disarm();
	net_enter(HOST_A);
	fault_arm(ahead);
}

struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	struct nlattr attr;
	__u32 value;
};

/*
 * Sends a request and takes all of the answer: 0, or -1 and its error. What is
 * left of the answer to an earlier request is thrown away.
 */
static int transact(int fd, int command, bool dump, const __u32 *copybreak)
{
	struct request request = {
		.nl.nlmsg_type = netlink_family,
		.nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
				  (dump ? NLM_F_DUMP : 0),
		.nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		.genl.cmd = command,
		.genl.version = FASTPROTO_FAMILY_VERSION,
	};
	const struct nlmsghdr *nl = (void *)in;
	ssize_t len;

	if (copybreak) {
		request.nl.nlmsg_len = sizeof(request);
		request.attr.nla_type = FASTPROTO_A_DEV_COPYBREAK;
		request.attr.nla_len = NLA_HDRLEN + sizeof(request.value);
		request.value = *copybreak;
	}
	drain(fd);
	if (send(fd, &request, request.nl.nlmsg_len, 0) < 0)
		return -1;
	for (;;) {
		len = recv(fd, in, sizeof(in), 0);
		if (len < 0)
			return -1;
		for (nl = (void *)in; NLMSG_OK(nl, len);
		     nl = NLMSG_NEXT(nl, len)) {
			if (nl->nlmsg_type != NLMSG_ERROR &&
			    nl->nlmsg_type != NLMSG_DONE)
				continue;
			errno = -*(int *)NLMSG_DATA(nl);
			return errno ? -1 : 0;
		}
	}
}

static void netlink_life(struct life *life)
{
	const struct timeval wait = { .tv_sec = WAIT_MS / 1000 };
	const __u32 copybreak = 256;
	int fd, listed;

	listed = TRY(life, socket(AF_FASTPROTO, SOCK_DGRAM, 0));
	fd = TRY(life, socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
	TRY(life, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	TRY(life, transact(fd, FASTPROTO_CMD_DEV_GET, false, NULL));
	TRY(life, transact(fd, FASTPROTO_CMD_DEV_SET, false, &copybreak));
	TRY(life, transact(fd, FASTPROTO_CMD_STATS_GET, false, NULL));
	TRY(life, transact(fd, FASTPROTO_CMD_SOCKET_GET, true, NULL));
	TRY(life, transact(fd, FASTPROTO_CMD_CONN_GET, true, NULL));
	close(fd);
	close(listed);
}

static void module_life(struct life *life)
{
	TRY(life, module_load(""));
	module_unload();
}

FIXTURE(fault) {
	__u32 sockets;
};

FIXTURE_VARIANT(fault) {
	void (*script)(struct life *life);
	/* The kernel's function that calls the module, if others are around. */
	const char *within;
	/* One that leaks by itself if something in it fails. */
	const char *except;
	int family;
	bool unloaded;		/* the script begins without the module */
	unsigned int least;	/* of the faults show as an error */
};

FIXTURE_VARIANT_ADD(fault, dgram_ipv4) {
	.script = dgram_life, .family = AF_INET, .least = 20,
};

FIXTURE_VARIANT_ADD(fault, dgram_ipv6) {
	.script = dgram_life, .family = AF_INET6, .least = 20,
};

FIXTURE_VARIANT_ADD(fault, zerocopy_ipv4) {
	.script = zerocopy_life, .family = AF_INET, .least = 20,
};

FIXTURE_VARIANT_ADD(fault, seqpacket_ipv4) {
	.script = seqpacket_life, .family = AF_INET, .least = 20,
};

FIXTURE_VARIANT_ADD(fault, rdm_ipv4) {
	.script = rdm_life, .family = AF_INET, .least = 20,
};

FIXTURE_VARIANT_ADD(fault, ring_ipv6) {
	.script = ring_life, .family = AF_INET6, .least = 20,
};

FIXTURE_VARIANT_ADD(fault, namespace) {
	.script = namespace_life, .within = "fp_net_init",
};

FIXTURE_VARIANT_ADD(fault, fresh) {
	.script = fresh_life, .family = AF_INET, .least = 10,
	.except = "ref_tracker_alloc",	/* it says so in the log */
};

FIXTURE_VARIANT_ADD(fault, netlink) {
	.script = netlink_life, .least = 10,
};

FIXTURE_VARIANT_ADD(fault, module) {
	.script = module_life, .within = "do_init_module",
	.except = "sysfs_slab_add",	/* a cache's name, seen in 6.12 */
	.unloaded = true, .least = 5,
};

FIXTURE_SETUP(fault)
{
	if (!fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	ASSERT_TRUE(!variant->within || fault_finds(variant->within));
	if (variant->within && !fault_only_in(variant->within,
					      variant->except))
		SKIP(return, "needs the stack filter of fault injection");
	if (!variant->within && variant->except &&
	    !fault_not_in(variant->except))
		SKIP(return, "needs the stack filter of fault injection");
	if (variant->unloaded && !module_find())
		SKIP(return, "needs the module's file");
	fill(out, sizeof(out), 8);
	netlink_family = genl_family();
	ASSERT_EQ(0, dev_set_u32(HOST_A, FASTPROTO_A_DEV_IDLE_TIMEOUT, 10000));
	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS,
				 &self->sockets));
}

FIXTURE_TEARDOWN(fault)
{
	fault_anywhere();
	if (variant->unloaded)
		module_load("");
	dev_set_u32(HOST_A, FASTPROTO_A_DEV_IDLE_TIMEOUT, 1000000);
}

TEST_F_TIMEOUT(fault, every_allocation_fails_once, 900)
{
	unsigned int n, shown = 0;
	bool untouched = false;
	__u32 sockets;

	if (variant->unloaded)
		ASSERT_EQ(0, module_unload());
	for (n = 1; n < LIVES_MAX && !untouched; n++) {
		struct life life = { .family = variant->family };

		ASSERT_EQ(0, fault_arm(n));
		variant->script(&life);
		untouched = fault_disarm();
		ASSERT_EQ(NULL, life.wrong) {
			TH_LOG("fault %u: %s", n, life.wrong);
		}
		shown += life.failed;
	}
	ASSERT_TRUE(untouched);
	ksft_print_msg("%u faults, %u of them came back as an error\n",
		       n - 2, shown);
	EXPECT_LE(variant->least, shown);
	if (variant->unloaded)
		ASSERT_EQ(0, module_load(""));
	ASSERT_EQ(0, dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS, &sockets));
	EXPECT_EQ(self->sockets, sockets);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
