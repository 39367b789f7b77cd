// SPDX-License-Identifier: GPL-2.0
/* Sockets with many connections. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "fptest.h"

/* Returns the socket. */
int rdm_open(enum host host)
{
	int fd;

	net_enter(host);
	fd = socket(AF_FASTPROTO, SOCK_RDM | SOCK_CLOEXEC, 0);
	net_enter(HOST_A);
	return fd;
}

/* One that listens, at some port of a host's address. */
int rdm_listen(enum host host, int family, struct sockaddr_fp *addr)
{
	struct sockaddr_fp any = fp_host(family, host, 0);
	int fd = rdm_open(host);

	if (fd < 0 || fp_bind(fd, &any) || listen(fd, 1) || fp_name(fd, addr))
		return -1;
	return fd;
}

/* Waits for it, unless that is not wanted. */
struct got rdm_receive(int fd, void *buf, size_t len, int flags)
{
	struct got got = {};
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_name = &got.name, .msg_namelen = sizeof(got.name),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct pollfd pfd = { fd, POLLIN, 0 };

	/* What is readable may be nobody's by now. */
	do {
		if (!(flags & MSG_DONTWAIT) &&
		    poll(&pfd, 1, PATIENCE * 1000) != 1) {
			errno = ETIME;
			got.len = -1;
			return got;
		}
		msg.msg_namelen = sizeof(got.name);
		got.len = recvmsg(fd, &msg, flags | MSG_DONTWAIT);
	} while (got.len < 0 && errno == EAGAIN && !(flags & MSG_DONTWAIT));
	got.flags = msg.msg_flags;
	if (got.len > 0 && got.flags & MSG_FP_EVENT)
		memcpy(&got.event, buf, sizeof(got.event));
	return got;
}

ssize_t rdm_send(int fd, __u64 conn, const void *buf, size_t len, int flags)
{
	struct sockaddr_fp to = {
		.sfp_family = AF_FASTPROTO, .sfp_conn = conn
	};

	return sendto(fd, buf, len, flags, (void *)&to, sizeof(to));
}

int rdm_dial(int fd, const struct sockaddr_fp *to, __u64 *conn)
{
	struct sockaddr_fp name = *to;
	socklen_t len = sizeof(name);
	int err;

	err = getsockopt(fd, SOL_FASTPROTO, FP_OPEN, &name, &len);
	*conn = name.sfp_conn;
	return err;
}

int rdm_close(int fd, __u64 conn)
{
	return setsockopt(fd, SOL_FASTPROTO, FP_CLOSE, &conn, sizeof(conn));
}

/* Returns the new socket. */
int rdm_peel(int fd, __u64 conn)
{
	struct fp_peeloff peel = { .conn = conn, .flags = SOCK_CLOEXEC };
	socklen_t len = sizeof(peel);

	if (getsockopt(fd, SOL_FASTPROTO, FP_PEELOFF, &peel, &len))
		return -1;
	return peel.fd;
}
