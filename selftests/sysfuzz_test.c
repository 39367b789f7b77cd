// SPDX-License-Identifier: GPL-2.0
/*
 * Every call with arguments of any kind, from several threads, on sockets that
 * they share: what one is in, another one closes. On a kernel with fault
 * injection, allocations and copies fail in the middle. No call may return what
 * is not an error for applications, all must come back when a signal comes, and
 * afterwards nothing is left and the family works as before.
 *
 * FASTPROTO_SEED=   the same arguments again, for each thread; it is printed
 * FASTPROTO_CALLS=  how many calls, of each variant
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/grammar.h"

#define THREADS		4
#define CALLS		60000
#define FDS		24
#define IDS		32
#define ROOM		20000
#define PORTS		4
#define FIRST_PORT	7100
#define TICK_US		20000
#define ERRNO_MAX	133	/* EHWPOISON; what is above is the kernel's own */
#define SLABS		512	/* KiB that may be in use afterwards */
#define AVAILABLE	16384

/* What the threads share. */
static atomic_int fds[FDS];
static atomic_ullong ids[IDS];
static int epoll_fd, file_fd, netlink_family;

/* A thread, and what it is doing. */
struct caller {
	pthread_t thread;
	pid_t tid;
	struct dice dice;
	unsigned long calls;
	unsigned long count;
	unsigned long refused;
	bool faults;
	unsigned long struck;		/* faults that came */
	int netlink;
	unsigned char *edge;		/* behind that, nothing may be read */
	unsigned char buf[ROOM];
	unsigned int favourite;		/* of the table */
	const char *call;
	const char *wrong;
	int error;
	atomic_bool done;
};

/* Often the one of the call before: much needs more than one call. */
static int some_fd(struct caller *c)
{
	if (dice_chance(&c->dice, 20))
		c->favourite = dice_below(&c->dice, FDS);
	if (dice_chance(&c->dice, 30))
		return fds[dice_below(&c->dice, FDS)];
	return fds[c->favourite];
}

static __u64 some_id(struct caller *c)
{
	__u64 id = ids[dice_below(&c->dice, IDS)];

	return dice_chance(&c->dice, 80) ? id : dice_edge(&c->dice, id);
}

static void note_id(struct caller *c, __u64 id)
{
	if (id)
		ids[dice_below(&c->dice, IDS)] = id;
}

/* Somewhere in the table; what is there is closed, whoever is in it. */
static void keep_fd(struct caller *c, int fd)
{
	if (fd < 0)
		return;
	c->favourite = dice_below(&c->dice, FDS);
	close(atomic_exchange(&fds[c->favourite], fd));
}

/* These bytes, right before what cannot be read; or a pointer to nowhere. */
static void *place(struct caller *c, const void *bytes, size_t len)
{
	static const unsigned long nowhere[] = {
		0, 1, 0xffff888000000000, 0x7ffffffff000, ~0ul, 0xdead0000,
	};

	if (dice_chance(&c->dice, 4))
		return (void *)nowhere[dice_below(&c->dice,
						  ARRAY_SIZE(nowhere))];
	if (len > ROOM)
		len = ROOM;
	return memcpy(c->edge - len, bytes, len);
}

/* A length that is this, or about this, or none. */
static size_t some_length(struct caller *c, size_t right)
{
	if (dice_chance(&c->dice, 85))
		return right;
	return (int)dice_edge(&c->dice, right);
}

static struct sockaddr_fp some_addr(struct caller *c)
{
	int family = dice_chance(&c->dice, 50) ? AF_INET : AF_INET6;
	unsigned int port = FIRST_PORT + dice_below(&c->dice, PORTS);
	struct sockaddr_fp addr;
	unsigned char *p = (void *)&addr;

	if (dice_chance(&c->dice, 30))
		addr = fp_any(family, port);
	else
		addr = fp_host(family, dice_below(&c->dice, HOSTS), port);
	if (dice_chance(&c->dice, 30))
		addr.sfp_conn = some_id(c);
	if (dice_chance(&c->dice, 8))
		addr = (struct sockaddr_fp){ .sfp_family = AF_UNSPEC };
	while (dice_chance(&c->dice, 8))
		p[dice_below(&c->dice, sizeof(addr))] = dice_roll(&c->dice);
	return addr;
}

static long call_socket(struct caller *c)
{
	static const int types[] = {
		SOCK_DGRAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_SEQPACKET,
		SOCK_SEQPACKET, SOCK_RDM, SOCK_RDM, SOCK_RDM, SOCK_STREAM,
		SOCK_RAW, 0, 11,
	};
	int type = types[dice_below(&c->dice, ARRAY_SIZE(types))];
	int protocol = dice_chance(&c->dice, 97) ? 0 : dice_roll(&c->dice);
	int fd;

	/* Most of them never wait; the others are interrupted. */
	if (dice_chance(&c->dice, 85))
		type |= SOCK_NONBLOCK;
	fd = socket(AF_FASTPROTO, type | SOCK_CLOEXEC, protocol);
	keep_fd(c, fd);
	return fd;
}

static long call_bind(struct caller *c)
{
	struct sockaddr_fp addr = some_addr(c);

	return bind(some_fd(c), place(c, &addr, sizeof(addr)),
		    some_length(c, sizeof(addr)));
}

static long call_connect(struct caller *c)
{
	struct sockaddr_fp addr = some_addr(c);

	return connect(some_fd(c), place(c, &addr, sizeof(addr)),
		       some_length(c, sizeof(addr)));
}

static long call_listen(struct caller *c)
{
	return listen(some_fd(c), some_length(c, dice_below(&c->dice, 8)));
}

static long call_accept(struct caller *c)
{
	struct sockaddr_fp addr = {};
	socklen_t len = some_length(c, sizeof(addr));
	int flags = dice_chance(&c->dice, 80) ? SOCK_NONBLOCK :
						(int)dice_roll(&c->dice);
	int fd;

	fd = accept4(some_fd(c), place(c, &addr, sizeof(addr)), &len, flags);
	keep_fd(c, fd);
	return fd;
}

/* What makes sense, so that others meet more than sockets without a peer. */
static long call_serve(struct caller *c)
{
	struct sockaddr_fp addr = some_addr(c);
	int rdm = dice_below(&c->dice, 2);
	int fd = socket(AF_FASTPROTO, (rdm ? SOCK_RDM : SOCK_SEQPACKET) |
			SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	long ret = fp_bind(fd, &addr);

	if (!ret)
		ret = listen(fd, 3);
	keep_fd(c, fd);
	return ret;
}

/* Two ends of a connection. */
static long call_pair(struct caller *c)
{
	struct sockaddr_fp at = fp_loopback(dice_below(&c->dice, 2) ?
					    AF_INET : AF_INET6, 0);
	int listener = socket(AF_FASTPROTO, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int client = socket(AF_FASTPROTO, SOCK_SEQPACKET | SOCK_NONBLOCK |
			    SOCK_CLOEXEC, 0);
	struct pollfd pfd = { .fd = listener, .events = POLLIN };
	int fd = -1;

	if (!fp_bind(listener, &at) && !fp_name(listener, &at) &&
	    !listen(listener, 1) &&
	    (!fp_connect(client, &at) || errno == EINPROGRESS) &&
	    poll(&pfd, 1, 100) == 1)
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	keep_fd(c, client);
	keep_fd(c, fd);
	if (dice_chance(&c->dice, 50))
		keep_fd(c, listener);
	else
		close(listener);
	return fd;
}

static int some_flags(struct caller *c, int usual)
{
	if (dice_chance(&c->dice, 10))
		usual |= 1 << dice_below(&c->dice, 31);
	/* A batch of processes would end otherwise; that is tested elsewhere. */
	return usual | MSG_NOSIGNAL;
}

/* One message, of parts, with an address and a control message, or what not. */
struct letter {
	struct sockaddr_fp addr;
	struct iovec iov[5];
	union {
		char room[128];
		struct cmsghdr cmsg;
	} control;
};

static void write_letter(struct caller *c, struct letter *letter,
			 struct msghdr *msg)
{
	size_t i, n = dice_below(&c->dice, 5);

	letter->addr = some_addr(c);
	for (i = 0; i < n; i++) {
		letter->iov[i].iov_base = c->buf;
		letter->iov[i].iov_len = dice_below(&c->dice, ROOM) >>
					 dice_below(&c->dice, 15);
		if (dice_chance(&c->dice, 3))
			letter->iov[i].iov_base = place(c, "", 1);
		if (dice_chance(&c->dice, 2))
			letter->iov[i].iov_len = dice_edge(&c->dice, ROOM);
	}
	*msg = (struct msghdr){ .msg_iov = letter->iov, .msg_iovlen = n };
	if (dice_chance(&c->dice, 50)) {
		msg->msg_name = &letter->addr;
		msg->msg_namelen = some_length(c, sizeof(letter->addr));
	}
	if (dice_chance(&c->dice, 15)) {
		letter->control.cmsg = (struct cmsghdr){
			.cmsg_len = some_length(c, CMSG_LEN(4)),
			.cmsg_level = dice_chance(&c->dice, 50) ?
				      SOL_SOCKET : SOL_FASTPROTO,
			.cmsg_type = dice_below(&c->dice, 64),
		};
		msg->msg_control = &letter->control;
		msg->msg_controllen = some_length(c, CMSG_SPACE(4));
	}
}

static long call_sendmsg(struct caller *c)
{
	struct letter letter = {};
	struct msghdr msg;

	write_letter(c, &letter, &msg);
	return sendmsg(some_fd(c), place(c, &msg, sizeof(msg)),
		       some_flags(c, dice_chance(&c->dice, 10) ? MSG_MORE : 0));
}

static long call_recvmsg(struct caller *c)
{
	struct letter letter = {};
	struct msghdr msg;
	long ret;

	write_letter(c, &letter, &msg);
	ret = recvmsg(some_fd(c), place(c, &msg, sizeof(msg)),
		      some_flags(c, dice_chance(&c->dice, 10) ? MSG_PEEK : 0));
	if (ret >= 0)
		note_id(c, letter.addr.sfp_conn);
	return ret;
}

static long call_mmsg(struct caller *c)
{
	struct timespec wait = { .tv_nsec = dice_below(&c->dice, 1000000) };
	struct letter letters[4] = {};
	struct mmsghdr msgs[4] = {};
	unsigned int i, n = some_length(c, dice_below(&c->dice, 5)) % 5;

	for (i = 0; i < ARRAY_SIZE(msgs); i++)
		write_letter(c, &letters[i], &msgs[i].msg_hdr);
	if (dice_chance(&c->dice, 50))
		return sendmmsg(some_fd(c), msgs, n, some_flags(c, 0));
	return recvmmsg(some_fd(c), msgs, n, some_flags(c, MSG_DONTWAIT),
			dice_chance(&c->dice, 50) ? &wait : NULL);
}

static long call_write(struct caller *c)
{
	return send(some_fd(c), c->buf, dice_below(&c->dice, 3000),
		    MSG_NOSIGNAL);
}

static long call_read(struct caller *c)
{
	return read(some_fd(c), place(c, "", 1), dice_below(&c->dice, 2));
}

static const int options[][2] = {
	{ SOL_FASTPROTO, FP_RECVINFO }, { SOL_FASTPROTO, FP_NEEDS_COPY },
	{ SOL_FASTPROTO, FP_MSG_MAX }, { SOL_FASTPROTO, FP_PAYLOAD_CSUM },
	{ SOL_FASTPROTO, FP_KEEPIDLE }, { SOL_FASTPROTO, FP_KEEPINTVL },
	{ SOL_FASTPROTO, FP_KEEPCNT }, { SOL_FASTPROTO, FP_NODELAY },
	{ SOL_FASTPROTO, FP_OPEN }, { SOL_FASTPROTO, FP_OPEN },
	{ SOL_FASTPROTO, FP_CLOSE }, { SOL_FASTPROTO, FP_CLOSE },
	{ SOL_FASTPROTO, FP_EVENTS }, { SOL_FASTPROTO, FP_PEELOFF },
	{ SOL_FASTPROTO, FP_PEELOFF }, { SOL_FASTPROTO, FP_ZEROCOPY },
	{ SOL_FASTPROTO, FP_PEERNAME }, { SOL_FASTPROTO, FP_PEERNAME },
	{ SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_SNDBUF },
	{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_ERROR },
	{ SOL_SOCKET, SO_ATTACH_FILTER }, { SOL_SOCKET, SO_DETACH_FILTER },
	{ SOL_SOCKET, SO_BINDTODEVICE }, { SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_TIMESTAMP }, { SOL_SOCKET, SO_PEEK_OFF },
	{ SOL_SOCKET, SO_BUSY_POLL }, { SOL_SOCKET, SO_ZEROCOPY },
	{ SOL_SOCKET, SO_RCVLOWAT }, { SOL_SOCKET, SO_MEMINFO },
};

/* What the options take; which one is meant may be another one. */
union value {
	int number;
	__u64 id;
	struct linger linger;
	struct timeval time;
	struct sockaddr_fp addr;
	struct fp_peeloff peel;
	struct sock_fprog filter;
	char device[16];
};

static size_t some_value(struct caller *c, int name, union value *value)
{
	static struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);

	memset(value, 0, sizeof(*value));
	switch (name) {
	case SO_LINGER:
		value->linger.l_onoff = dice_below(&c->dice, 2);
		value->linger.l_linger = dice_below(&c->dice, 3);
		return sizeof(value->linger);
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		value->time.tv_usec = dice_edge(&c->dice, 1000);
		return sizeof(value->time);
	case SO_ATTACH_FILTER:
		value->filter.len = 1;
		value->filter.filter = &all;
		return sizeof(value->filter);
	case SO_BINDTODEVICE:
		if (dice_chance(&c->dice, 50))
			memcpy(value->device, DEVICE, sizeof(DEVICE));
		return sizeof(value->device);
	default:
		value->number = dice_chance(&c->dice, 60) ?
				dice_below(&c->dice, 2) :
				dice_edge(&c->dice, 1 << 14);
		return sizeof(value->number);
	}
}

static size_t some_own_value(struct caller *c, int name, union value *value)
{
	if (name == FP_OPEN) {
		value->addr = some_addr(c);
		return sizeof(value->addr);
	}
	if (name == FP_PEERNAME) {
		value->addr = (struct sockaddr_fp){
			.sfp_family = AF_FASTPROTO, .sfp_conn = some_id(c)
		};
		return sizeof(value->addr);
	}
	if (name == FP_CLOSE) {
		value->id = some_id(c);
		return sizeof(value->id);
	}
	if (name == FP_PEELOFF) {
		value->peel = (struct fp_peeloff){
			.conn = some_id(c), .flags = SOCK_NONBLOCK
		};
		return sizeof(value->peel);
	}
	return some_value(c, -1, value);
}

struct choice {
	int level;
	int name;
	union value value;
	size_t len;
};

static void choose(struct caller *c, struct choice *choice)
{
	const int *option = options[dice_below(&c->dice, ARRAY_SIZE(options))];

	choice->level = option[0];
	choice->name = option[1];
	if (choice->level == SOL_FASTPROTO)
		choice->len = some_own_value(c, choice->name, &choice->value);
	else
		choice->len = some_value(c, choice->name, &choice->value);
	choice->len = some_length(c, choice->len);
	if (dice_chance(&c->dice, 5))
		choice->name = dice_below(&c->dice, 100);
	if (dice_chance(&c->dice, 2))
		choice->level = dice_roll(&c->dice);
}

static long call_setsockopt(struct caller *c)
{
	struct choice choice;

	choose(c, &choice);
	return setsockopt(some_fd(c), choice.level, choice.name,
			  place(c, &choice.value, sizeof(choice.value)),
			  choice.len);
}

static long call_getsockopt(struct caller *c)
{
	struct choice choice;
	socklen_t len;
	unsigned char *value;
	long ret;

	choose(c, &choice);
	len = choice.len;
	value = place(c, &choice.value, sizeof(choice.value));
	ret = getsockopt(some_fd(c), choice.level, choice.name, value, &len);
	if (ret || choice.level != SOL_FASTPROTO ||
	    value != c->edge - sizeof(choice.value))
		return ret;
	memcpy(&choice.value, value, sizeof(choice.value));
	if (choice.name == FP_OPEN)
		note_id(c, choice.value.addr.sfp_conn);
	if (choice.name == FP_PEELOFF)
		keep_fd(c, choice.value.peel.fd);
	return ret;
}

static long call_names(struct caller *c)
{
	struct sockaddr_fp addr = {};
	socklen_t len = some_length(c, sizeof(addr));
	void *to = place(c, &addr, sizeof(addr));

	if (dice_chance(&c->dice, 50))
		return getsockname(some_fd(c), to, &len);
	return getpeername(some_fd(c), to, &len);
}

static long call_shutdown(struct caller *c)
{
	return shutdown(some_fd(c), some_length(c, dice_below(&c->dice, 3)));
}

static long call_ioctl(struct caller *c)
{
	static const unsigned long requests[] = {
		SIOCINQ, SIOCOUTQ, SIOCATMARK, FIONBIO, FIOASYNC, SIOCGPGRP,
		SIOCGSTAMP, SIOCGIFCONF, 0, 0x5421, 0x89ff,
	};
	__u64 value = dice_below(&c->dice, 2);

	return ioctl(some_fd(c), requests[dice_below(&c->dice,
						     ARRAY_SIZE(requests))],
		     place(c, &value, sizeof(value)));
}

static long call_dup(struct caller *c)
{
	int fd = fcntl(some_fd(c), F_DUPFD_CLOEXEC, 0);

	keep_fd(c, fd);
	return fd;
}

static long call_poll(struct caller *c)
{
	struct pollfd pfd[3];
	int i;

	for (i = 0; i < 3; i++)
		pfd[i] = (struct pollfd){
			.fd = some_fd(c), .events = dice_roll(&c->dice)
		};
	return poll(pfd, 3, dice_below(&c->dice, 3));
}

static long call_epoll(struct caller *c)
{
	struct epoll_event event = { .events = dice_roll(&c->dice) };
	int fd = some_fd(c);

	if (dice_chance(&c->dice, 40))
		return epoll_wait(epoll_fd, &event, 1,
				  dice_below(&c->dice, 2));
	return epoll_ctl(epoll_fd, 1 + dice_below(&c->dice, 3), fd, &event);
}

static long call_splice(struct caller *c)
{
	off_t at = 0;

	if (dice_chance(&c->dice, 50))
		return sendfile(some_fd(c), file_fd, &at,
				dice_below(&c->dice, ROOM));
	return splice(some_fd(c), NULL, file_fd, NULL,
		      dice_below(&c->dice, ROOM), SPLICE_F_NONBLOCK);
}

static long call_mmap(struct caller *c)
{
	size_t len = 4096ul << dice_below(&c->dice, 8);
	void *map;

	map = mmap(NULL, len, dice_below(&c->dice, 8), MAP_SHARED, some_fd(c),
		   dice_below(&c->dice, 8) << 12);
	return map == MAP_FAILED ? -1 : munmap(map, len);
}

static long call_close(struct caller *c)
{
	int fd = atomic_exchange(&fds[dice_below(&c->dice, FDS)], -1);

	return close(fd);
}

/* A request with attributes of any kind. */
static long call_netlink(struct caller *c)
{
	struct {
		struct nlmsghdr nl;
		struct genlmsghdr genl;
		unsigned char attrs[128];
	} msg = {
		.nl.nlmsg_type = netlink_family,
		.nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.genl.cmd = some_length(c, 1 + dice_below(&c->dice,
							  FASTPROTO_CMD_MAX)),
		.genl.version = FASTPROTO_FAMILY_VERSION,
	};
	size_t at = 0;
	struct nlattr attr;
	__u64 value;

	while (dice_chance(&c->dice, 70) && at + 12 < sizeof(msg.attrs)) {
		attr.nla_type = dice_below(&c->dice,
					   FASTPROTO_A_DEV_MAX + 2);
		attr.nla_len = some_length(c, NLA_HDRLEN + 4);
		value = some_id(c);
		if (msg.genl.cmd >= FASTPROTO_CMD_CONN_GET)
			attr.nla_type = FASTPROTO_A_CONN_ID;
		else
			value = dice_edge(&c->dice, 1000);
		if (attr.nla_type == FASTPROTO_A_CONN_ID &&
		    dice_chance(&c->dice, 80))
			attr.nla_len = NLA_HDRLEN + 8;
		memcpy(msg.attrs + at, &attr, sizeof(attr));
		memcpy(msg.attrs + at + NLA_HDRLEN, &value, sizeof(value));
		at += NLA_ALIGN(attr.nla_len > 12 ? 12 : attr.nla_len);
	}
	if (dice_chance(&c->dice, 40))
		msg.nl.nlmsg_flags |= NLM_F_DUMP;
	msg.nl.nlmsg_len = some_length(c, NLMSG_LENGTH(GENL_HDRLEN) + at);
	while (recv(c->netlink, c->buf, sizeof(c->buf), MSG_DONTWAIT) > 0)
		;
	return send(c->netlink, &msg, NLMSG_LENGTH(GENL_HDRLEN) + at,
		    MSG_DONTWAIT);
}

/* What is done more often stands here more often. */
static const struct {
	long (*make)(struct caller *c);
	const char *name;
} calls[] = {
	{ call_socket, "socket" }, { call_bind, "bind" },
	{ call_serve, "socket, bind, listen" },
	{ call_pair, "connect, accept" }, { call_pair, "connect, accept" },
	{ call_bind, "bind" }, { call_connect, "connect" },
	{ call_connect, "connect" }, { call_listen, "listen" },
	{ call_listen, "listen" }, { call_accept, "accept4" },
	{ call_accept, "accept4" }, { call_accept, "accept4" },
	{ call_sendmsg, "sendmsg" }, { call_sendmsg, "sendmsg" },
	{ call_sendmsg, "sendmsg" }, { call_sendmsg, "sendmsg" },
	{ call_recvmsg, "recvmsg" }, { call_recvmsg, "recvmsg" },
	{ call_recvmsg, "recvmsg" }, { call_recvmsg, "recvmsg" },
	{ call_mmsg, "sendmmsg, recvmmsg" }, { call_write, "send" },
	{ call_write, "send" }, { call_read, "read" },
	{ call_setsockopt, "setsockopt" }, { call_setsockopt, "setsockopt" },
	{ call_getsockopt, "getsockopt" }, { call_getsockopt, "getsockopt" },
	{ call_getsockopt, "getsockopt" },
	{ call_names, "getsockname, getpeername" },
	{ call_shutdown, "shutdown" }, { call_ioctl, "ioctl" },
	{ call_dup, "dup" }, { call_poll, "poll" }, { call_epoll, "epoll" },
	{ call_splice, "sendfile, splice" }, { call_mmap, "mmap" },
	{ call_close, "close" }, { call_netlink, "netlink" },
};

static atomic_ulong made[ARRAY_SIZE(calls)], good[ARRAY_SIZE(calls)];

/* What a signal's frame is made by may not fail: it comes later. */
static void arm(unsigned int nth)
{
	sigset_t tick;

	sigemptyset(&tick);
	sigaddset(&tick, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &tick, NULL);
	fault_arm(nth);
}

/* Has it struck? */
static bool disarm(void)
{
	bool struck = !fault_disarm();
	sigset_t tick;

	sigemptyset(&tick);
	sigaddset(&tick, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
	return struck;
}

static void call_once(struct caller *c)
{
	size_t which = dice_below(&c->dice, ARRAY_SIZE(calls));
	bool faulty = c->faults && dice_chance(&c->dice, 30);
	unsigned int nth = 1 + dice_below(&c->dice, 24);
	int error;
	long ret;

	c->call = calls[which].name;
	if (faulty)
		arm(nth);
	ret = calls[which].make(c);
	error = errno;
	if (faulty)
		c->struck += disarm();
	made[which]++;
	good[which] += ret >= 0;
	if (ret >= 0)
		return;
	c->refused++;
	if (ret == -1 && error > 0 && error <= ERRNO_MAX)
		return;
	c->wrong = calls[which].name;
	c->error = error;
}

static void *keep_calling(void *arg)
{
	struct caller *c = arg;

	c->tid = gettid();
	for (c->count = 0; c->count < c->calls && !c->wrong; c->count++) {
		if (c->count % 64 == 0)
			net_enter(dice_below(&c->dice, HOSTS));
		call_once(c);
	}
	c->done = true;
	return NULL;
}

/*
 * Before and after
 */

/* All settings that may be changed. */
static const int settings[] = {
	FASTPROTO_A_DEV_COPYBREAK, FASTPROTO_A_DEV_MSG_MAX,
	FASTPROTO_A_DEV_RX_BUFFER, FASTPROTO_A_DEV_TX_BUFFER,
	FASTPROTO_A_DEV_EARLY_BUFFER, FASTPROTO_A_DEV_RX_AHEAD,
	FASTPROTO_A_DEV_ACK_DELAY, FASTPROTO_A_DEV_RTO_MIN,
	FASTPROTO_A_DEV_RTO_INITIAL, FASTPROTO_A_DEV_RTO_MAX,
	FASTPROTO_A_DEV_SYN_TIMEOUT, FASTPROTO_A_DEV_SYN_RETRIES,
	FASTPROTO_A_DEV_DATA_RETRIES, FASTPROTO_A_DEV_COOKIE_LIFETIME,
	FASTPROTO_A_DEV_CORK_TIMEOUT, FASTPROTO_A_DEV_ORPHAN_TIMEOUT,
	FASTPROTO_A_DEV_FIN_TIMEOUT, FASTPROTO_A_DEV_RESETS_PER_SECOND,
	FASTPROTO_A_DEV_CONNECTIONS_MAX, FASTPROTO_A_DEV_SOCKET_CONNECTIONS_MAX,
	FASTPROTO_A_DEV_HOLD_TIME, FASTPROTO_A_DEV_IDLE_TIMEOUT,
	FASTPROTO_A_DEV_ECN, FASTPROTO_A_DEV_PACING,
	FASTPROTO_A_DEV_KEEPALIVE_IDLE, FASTPROTO_A_DEV_KEEPALIVE_INTERVAL,
	FASTPROTO_A_DEV_KEEPALIVE_PROBES,
};

static void on_tick(int number)
{
	(void)number;
}

FIXTURE(calls) {
	struct caller callers[THREADS];
	__u32 presets[HOSTS][ARRAY_SIZE(settings)];
	__u32 sockets[HOSTS];
	struct memory memory;
};

FIXTURE_VARIANT(calls) {
	bool faults;
};

FIXTURE_VARIANT_ADD(calls, plain) { .faults = false };
FIXTURE_VARIANT_ADD(calls, faults) { .faults = true };

static bool read_settings(struct _test_data_calls *self, bool restore)
{
	enum host host;
	size_t i;
	int err = 0;

	for (host = 0; host < HOSTS; host++) {
		for (i = 0; i < ARRAY_SIZE(settings); i++) {
			__u32 *value = &self->presets[host][i];

			err |= restore ? dev_set_u32(host, settings[i], *value) :
					 dev_get_u32(host, settings[i], value);
		}
	}
	return !err;
}

static bool set_up_caller(struct caller *c, __u64 seed, unsigned long count)
{
	unsigned char *map;

	dice_seed(&c->dice, seed);
	c->calls = count;
	map = mmap(NULL, 2 * (1 << 16), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return false;
	c->edge = map + (1 << 16);
	c->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			    NETLINK_GENERIC);
	return !mprotect(c->edge, 1 << 16, PROT_NONE) && c->netlink >= 0;
}

FIXTURE_SETUP(calls)
{
	const unsigned long count = test_count("FASTPROTO_CALLS", CALLS);
	const struct sigaction action = { .sa_handler = on_tick };
	const __u64 seed = test_seed();
	int i;

	if (variant->faults && !fault_allow())
		SKIP(return, "needs a kernel with fault injection");
	/* The kernel's own detector would say that it is blind from then on. */
	if (variant->faults && !fault_not_in("ref_tracker_alloc"))
		SKIP(return, "needs the stack filter of fault injection");
	TH_LOG("seed %llu, %lu calls", (unsigned long long)seed, count);
	netlink_family = genl_family();
	ASSERT_TRUE(read_settings(self, false));
	for (i = 0; i < HOSTS; i++)
		ASSERT_EQ(0, dev_get_u32(i, FASTPROTO_A_DEV_SOCKETS,
					 &self->sockets[i]));
	memory_read(&self->memory);
	/* Interrupted, and not begun again. */
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR2, &action, NULL));
	ASSERT_NE(SIG_ERR, signal(SIGPIPE, SIG_IGN));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	file_fd = memfd_create("file", MFD_CLOEXEC);
	ASSERT_LE(0, epoll_fd);
	ASSERT_LE(0, file_fd);
	ASSERT_EQ(0, ftruncate(file_fd, ROOM));
	for (i = 0; i < FDS; i++)
		fds[i] = -1;
	for (i = 0; i < THREADS; i++) {
		ASSERT_TRUE(set_up_caller(&self->callers[i], seed * THREADS + i,
					  count / THREADS));
		self->callers[i].faults = variant->faults;
	}
}

FIXTURE_TEARDOWN(calls)
{
	if (variant->faults)
		fault_anywhere();
}

static bool all_done(struct _test_data_calls *self)
{
	int i;

	for (i = 0; i < THREADS; i++)
		if (!self->callers[i].done)
			return false;
	return true;
}

/* It waits, and may have a fault before it, so the usual signal waits, too. */
static void wake(const struct caller *c)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", c->tid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) == 1)
		pthread_kill(c->thread, SIGUSR2);
	close(fd);
}

/* Returns the name of a call that does not come back though signals come. */
static const char *drive(struct _test_data_calls *self)
{
	unsigned long before[THREADS] = {};
	time_t since[THREADS];
	unsigned int ticks = 0;
	int i;

	for (i = 0; i < THREADS; i++)
		since[i] = time(NULL);
	while (!all_done(self)) {
		usleep(TICK_US);
		/* Of those that were changed some let nobody get far. */
		if (ticks++ % 16 == 0)
			read_settings(self, true);
		for (i = 0; i < THREADS; i++) {
			struct caller *c = &self->callers[i];

			if (c->done)
				continue;
			pthread_kill(c->thread, SIGUSR1);
			if (c->count != before[i])
				since[i] = time(NULL);
			else if (time(NULL) - since[i] > 1)
				wake(c);
			before[i] = c->count;
			if (time(NULL) - since[i] > 6 * PATIENCE)
				return c->call;
		}
	}
	return NULL;
}

static bool end_connections(void)
{
	time_t end = time(NULL) + 3 * PATIENCE;
	__u64 left[64];
	enum host host;
	unsigned int i, n;

	for (;;) {
		unsigned int all = 0;

		for (host = 0; host < HOSTS; host++) {
			n = conn_get_ids(host, left, ARRAY_SIZE(left));
			all += n;
			for (i = 0; i < n && i < ARRAY_SIZE(left); i++)
				conn_kill(host, left[i]);
		}
		if (!all && slab_conns() <= 0 &&
		    slab_objects("fastproto_act") <= 0 &&
		    slab_objects("fastproto_path") <= 0)
			return true;
		if (time(NULL) > end)
			return false;
		usleep(10000);
	}
}

static bool works(void)
{
	struct sockaddr_fp addr;
	int client, server, many, other;
	char in[8];
	__u64 conn;
	bool good;

	if (fp_pair(AF_INET6, &client, &server))
		return false;
	many = rdm_listen(HOST_B, AF_INET, &addr);
	other = rdm_open(HOST_A);
	good = send(client, "works", 5, 0) == 5 &&
	       recv(server, in, sizeof(in), 0) == 5 &&
	       !rdm_dial(other, &addr, &conn) &&
	       rdm_send(other, conn, "works", 5, 0) == 5 &&
	       rdm_receive(many, in, sizeof(in), 0).len == 5;
	close(client);
	close(server);
	close(many);
	close(other);
	return good;
}

static void tell(struct __test_metadata *_metadata,
		 struct _test_data_calls *self)
{
	unsigned long all = 0, refused = 0, struck = 0;
	size_t i;

	for (i = 0; i < THREADS; i++) {
		all += self->callers[i].count;
		refused += self->callers[i].refused;
		struck += self->callers[i].struck;
	}
	TH_LOG("%lu calls, %lu refused, %lu with a fault", all, refused,
	       struck);
	/* Otherwise nothing was tried. Of few, none may have succeeded. */
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].make == call_mmap || made[i] < 1000)
			continue;
		EXPECT_LT(0, good[i]) {
			TH_LOG("%s has never succeeded, of %lu times",
			       calls[i].name, made[i]);
		}
	}
	if (self->callers[0].faults)
		EXPECT_LT(0, struck);
}

TEST_F_TIMEOUT(calls, of_any_kind, 900)
{
	const char *stuck;
	__u32 left;
	int i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&self->callers[i].thread, NULL,
					    keep_calling, &self->callers[i]));
	stuck = drive(self);
	ASSERT_EQ(NULL, stuck) {
		TH_LOG("does not come back: %s", stuck);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(self->callers[i].thread, NULL);
		EXPECT_EQ(NULL, self->callers[i].wrong) {
			TH_LOG("%s: error %d", self->callers[i].wrong,
			       self->callers[i].error);
		}
		close(self->callers[i].netlink);
	}
	tell(_metadata, self);
	for (i = 0; i < FDS; i++)
		if (fds[i] >= 0)
			fp_abort(fds[i]);
	close(epoll_fd);
	EXPECT_TRUE(read_settings(self, true));
	EXPECT_TRUE(end_connections());
	for (i = 0; i < HOSTS; i++) {
		ASSERT_EQ(0, dev_get_u32(i, FASTPROTO_A_DEV_SOCKETS, &left));
		EXPECT_EQ(self->sockets[i], left);
	}
	EXPECT_TRUE(works());
	EXPECT_TRUE(end_connections());
	EXPECT_TRUE(memory_wait(&self->memory, SLABS, AVAILABLE));
}

/*
 * The first socket that wants timestamps, and the last, have the kernel patch its
 * text, which an emulator with several processors may not survive (vm/init). So
 * there is one all the time.
 */
static void hold_timestamps(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || fp_setint(fd, SOL_SOCKET, SO_TIMESTAMP, 1))
		ksft_exit_fail_msg("no socket with timestamps\n");
}

int main(int argc, char **argv)
{
	hold_timestamps();
	net_setup();
	return test_harness_run(argc, argv);
}
