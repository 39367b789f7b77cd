// SPDX-License-Identifier: GPL-2.0
/* Sockets of the tests, with limits on how long they block. */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fptest.h"

static int give_patience(int fd)
{
	struct timeval tv = { .tv_sec = PATIENCE };

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)))
		return -1;
	return fd;
}

int fp_open(enum host host)
{
	int fd;

	net_enter(host);
	fd = socket(AF_FASTPROTO, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	net_enter(HOST_A);
	return give_patience(fd);
}

int fp_bind(int fd, const struct sockaddr_fp *addr)
{
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

int fp_connect(int fd, const struct sockaddr_fp *addr)
{
	return connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

int fp_disconnect(int fd)
{
	struct sockaddr_fp none = { .sfp_family = AF_UNSPEC };

	return fp_connect(fd, &none);
}

int fp_name(int fd, struct sockaddr_fp *addr)
{
	socklen_t len = sizeof(*addr);

	memset(addr, 0xff, sizeof(*addr));
	if (getsockname(fd, (struct sockaddr *)addr, &len))
		return -1;
	return len == sizeof(*addr) ? 0 : -1;
}

int fp_peer(int fd, struct sockaddr_fp *addr)
{
	socklen_t len = sizeof(*addr);

	memset(addr, 0xff, sizeof(*addr));
	if (getpeername(fd, (struct sockaddr *)addr, &len))
		return -1;
	return len == sizeof(*addr) ? 0 : -1;
}

/* Opens and binds; *addr becomes the address that the socket then has. */
int fp_open_bound(enum host host, struct sockaddr_fp *addr)
{
	int fd = fp_open(host);

	if (fd < 0)
		return -1;
	if (fp_bind(fd, addr) || fp_name(fd, addr)) {
		close(fd);
		return -1;
	}
	return fd;
}

int fp_open_host(enum host host, int family, struct sockaddr_fp *addr)
{
	*addr = fp_host(family, host, 0);
	return fp_open_bound(host, addr);
}

ssize_t fp_sendto(int fd, const void *buf, size_t len,
		  const struct sockaddr_fp *to)
{
	return sendto(fd, buf, len, 0, (const struct sockaddr *)to,
		      to ? sizeof(*to) : 0);
}

int fp_setint(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

int fp_getint(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	if (getsockopt(fd, level, name, &value, &len) || len != sizeof(value))
		return -1;
	return value;
}

bool fp_wait(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, PATIENCE * 1000) == 1 && (pfd.revents & events);
}

/* A receive that wants its struct fp_recvinfo; without one it fails. */
ssize_t fp_recvinfo(int fd, void *buf, size_t len, int flags,
		    struct fp_recvinfo *info)
{
	char control[CMSG_SPACE(sizeof(*info)) + CMSG_SPACE(64)];
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t ret;

	ret = recvmsg(fd, &msg, flags);
	if (ret < 0)
		return ret;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_FASTPROTO ||
		    cmsg->cmsg_type != FP_RECVINFO ||
		    cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
			continue;
		memcpy(info, CMSG_DATA(cmsg), sizeof(*info));
		return ret;
	}
	return -1;
}

/* A plain UDP socket on the host's address; *addr says where, if wanted. */
int udp_open(enum host host, int family, unsigned int port,
	     struct sockaddr_fp *addr)
{
	struct sockaddr_fp local = fp_host(family, host, port);
	socklen_t len = sizeof(local.sfp_room);
	int fd;

	net_enter(host);
	fd = give_patience(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	net_enter(HOST_A);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&local.sfp_sin,
		 family == AF_INET ? sizeof(local.sfp_sin) :
				     sizeof(local.sfp_sin6)) ||
	    getsockname(fd, (struct sockaddr *)&local.sfp_sin, &len)) {
		close(fd);
		return -1;
	}
	if (addr)
		*addr = local;
	return fd;
}

ssize_t udp_sendto(int fd, const void *buf, size_t len,
		   const struct sockaddr_fp *to)
{
	return sendto(fd, buf, len, 0, (const struct sockaddr *)&to->sfp_sin,
		      to->sfp_transport == AF_INET ? sizeof(to->sfp_sin) :
						     sizeof(to->sfp_sin6));
}

static __u32 next(__u32 state)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Bytes that depend on the seed and on the place. */
void fill(void *buf, size_t len, __u32 seed)
{
	__u32 state = (seed + 1) * 2654435761u | 1;
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++) {
		state = next(state);
		p[i] = state >> 11;
	}
}

bool filled(const void *buf, size_t len, __u32 seed)
{
	__u32 state = (seed + 1) * 2654435761u | 1;
	const unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++) {
		state = next(state);
		if (p[i] != (unsigned char)(state >> 11))
			return false;
	}
	return true;
}

int fp_open_seqpacket(enum host host)
{
	int fd;

	net_enter(host);
	fd = socket(AF_FASTPROTO, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	net_enter(HOST_A);
	return give_patience(fd);
}

/* A listener on a host's address; @addr gets the address with the port. */
int fp_listen(enum host host, int family, int backlog, struct sockaddr_fp *addr)
{
	int fd = fp_open_seqpacket(host);

	if (fd < 0)
		return fd;
	*addr = fp_host(family, host, 0);
	if (fp_bind(fd, addr) || fp_name(fd, addr) || listen(fd, backlog)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A connection from host A to host B, without its listener. */
int fp_pair(int family, int *client, int *server)
{
	struct sockaddr_fp addr;
	int listener = fp_listen(HOST_B, family, 1, &addr);

	*client = fp_open_seqpacket(HOST_A);
	if (listener < 0 || *client < 0 || fp_connect(*client, &addr)) {
		close(listener);
		close(*client);
		return -1;
	}
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return *server < 0 ? -1 : 0;
}

/* Closes a connection, which lives on no longer. */
void fp_abort(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}
