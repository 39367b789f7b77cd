// SPDX-License-Identifier: GPL-2.0
/*
 * The transports: how their sockets are made, and how a message goes over one
 * with plain, blocking calls.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/fastproto.h>
#include <linux/sctp.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "fpperf.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

#define BACKLOG		1024
#define UDP_MAX		65507	/* 65,535 without the headers of IPv4 and UDP */
#define UNIX_MAX	(128u << 10)

/*
 * Those that are UDP on the wire need ports of their own, and so do those that
 * are TCP.
 */
const struct transport transports[] = {
	{ .name = "udp", .what = "UDP",
	  .type = SOCK_DGRAM, .protocol = IPPROTO_UDP, .max = UDP_MAX,
	  .set_rcvbuf = true, .set_sndbuf = true },
	{ .name = "udp-sendto", .what = "UDP, each message with its address",
	  .type = SOCK_DGRAM, .protocol = IPPROTO_UDP, .port = 4, .max = UDP_MAX,
	  .addressed = true, .set_rcvbuf = true, .set_sndbuf = true },
	{ .name = "tcp", .what = "TCP, framed in user space",
	  .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .max = SIZE_MAX_BYTES,
	  .connected = true, .framed = true, .set_sndbuf = true },
	{ .name = "fastproto-seqpacket", .what = "FastProto, connections",
	  .domain = AF_FASTPROTO, .type = SOCK_SEQPACKET, .port = 2,
	  .max = SIZE_MAX_BYTES, .connected = true },
	{ .name = "fastproto-ring", .what = "FastProto, mapped rings",
	  .domain = AF_FASTPROTO, .type = SOCK_SEQPACKET, .port = 3,
	  .max = SIZE_MAX_BYTES, .connected = true, .rings = true },
	{ .name = "fastproto-dgram", .what = "FastProto, datagrams",
	  .domain = AF_FASTPROTO, .type = SOCK_DGRAM, .port = 1,
	  .max = FP_DGRAM_MAX_INET, .set_rcvbuf = true, .set_sndbuf = true },
	{ .name = "sctp", .what = "SCTP",
	  .type = SOCK_STREAM, .protocol = IPPROTO_SCTP, .max = UDP_MAX,
	  .connected = true, .set_rcvbuf = true, .set_sndbuf = true },
	{ .name = "mptcp", .what = "MPTCP, framed in user space",
	  .type = SOCK_STREAM, .protocol = IPPROTO_MPTCP, .port = 1,
	  .max = SIZE_MAX_BYTES, .connected = true, .framed = true,
	  .set_sndbuf = true },
	{ .name = "unix", .what = "AF_UNIX, SOCK_SEQPACKET",
	  .domain = AF_UNIX, .type = SOCK_SEQPACKET, .max = UNIX_MAX,
	  .connected = true, .set_sndbuf = true },
};

const size_t transports_nr = ARRAY_SIZE(transports);

const struct transport *transport_find(const char *name)
{
	size_t i;

	for (i = 0; i < transports_nr; i++)
		if (!strcmp(name, transports[i].name))
			return &transports[i];
	return NULL;
}

/* Does this errno of socket() say that the kernel has no such transport? */
bool transport_absent(int error)
{
	return error == EAFNOSUPPORT || error == EPROTONOSUPPORT ||
	       error == ESOCKTNOSUPPORT || error == ENOPROTOOPT;
}

/* --- addresses */

/* A path, or without one a name that belongs to the network namespace. */
static int resolve_unix(const char *path, unsigned int port,
			struct address *address)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&address->sa;
	size_t len;

	sun->sun_family = AF_UNIX;
	if (path && strlen(path) >= sizeof(sun->sun_path)) {
		warnx("\"%s\" is too long for a path", path);
		return -1;
	}
	if (path)
		memcpy(sun->sun_path, path, strlen(path) + 1);
	else
		snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1,
			 "fpperf-%u", port);
	len = path ? strlen(path) + 1 : 1 + strlen(sun->sun_path + 1);
	address->len = offsetof(struct sockaddr_un, sun_path) + len;
	return 0;
}

static void wrap_fastproto(struct address *address)
{
	struct sockaddr_fp sfp = { .sfp_family = AF_FASTPROTO };

	memcpy(sfp.sfp_room, &address->sa, sizeof(sfp.sfp_room));
	memcpy(&address->sa, &sfp, sizeof(sfp));
	address->len = sizeof(sfp);
}

/* Returns 0, or -1 after a complaint. */
int transport_resolve(const struct transport *transport, const char *host,
		      unsigned int port, bool passive, struct address *address)
{
	struct addrinfo hints = {
		.ai_flags = passive ? AI_PASSIVE : 0,
		.ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo *found;
	char service[16];
	int error;

	*address = (struct address){ 0 };
	port += transport->port;
	if (transport->domain == AF_UNIX)
		return resolve_unix(host && *host == '/' ? host : NULL, port,
				    address);
	/* For any address, IPv6 is for both. */
	if (passive && !host)
		hints.ai_family = AF_INET6;

	snprintf(service, sizeof(service), "%u", port);
	error = getaddrinfo(host, service, &hints, &found);
	if (error) {
		warnx("%s: %s", host ? host : "any address",
		      gai_strerror(error));
		return -1;
	}
	memcpy(&address->sa, found->ai_addr, found->ai_addrlen);
	address->len = found->ai_addrlen;
	freeaddrinfo(found);
	if (transport->domain == AF_FASTPROTO)
		wrap_fastproto(address);
	return 0;
}

const char *transport_name(const struct address *address, char *text,
			   size_t size)
{
	const struct sockaddr *sa = (const struct sockaddr *)&address->sa;
	const struct sockaddr_fp *sfp = (const struct sockaddr_fp *)sa;
	const struct sockaddr_un *sun = (const struct sockaddr_un *)sa;
	char host[NI_MAXHOST], port[NI_MAXSERV];
	socklen_t len = address->len;

	if (sa->sa_family == AF_UNIX) {
		snprintf(text, size, "%s%s", *sun->sun_path ? "" : "@",
			 sun->sun_path + !*sun->sun_path);
		return text;
	}
	if (sa->sa_family == AF_FASTPROTO) {
		sa = (const struct sockaddr *)sfp->sfp_room;
		len = sfp->sfp_transport == AF_INET ?
			sizeof(struct sockaddr_in) :
			sizeof(struct sockaddr_in6);
	}
	if (getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return "?";
	snprintf(text, size, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		 host, port);
	return text;
}

/* --- sockets */

/* Beyond the system's limit, if we may; or what it admits. */
static void set_buffer(int fd, int force, int option, __u32 bytes)
{
	int value = bytes;

	if (setsockopt(fd, SOL_SOCKET, force, &value, sizeof(value)))
		setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

/* Nobody waits for more to send. Returns 0, or -1. */
static int set_nodelay(const struct transport *transport, int fd)
{
	int on = 1;

	switch (transport->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
				  sizeof(on));
	case IPPROTO_SCTP:
		return setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &on,
				  sizeof(on));
	default:
		return 0;
	}
}

/* Both of them, if @bytes are asked for; or else where the default is small. */
void transport_set_buffers(const struct transport *transport, int fd,
			   __u32 bytes)
{
	if (transport->set_sndbuf || bytes)
		set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF,
			   bytes ?: BUFFER_DEFAULT);
	if (transport->set_rcvbuf || bytes)
		set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF,
			   bytes ?: BUFFER_DEFAULT);
}

/* A socket for this address; or -1. */
int transport_socket(const struct transport *transport,
		     const struct address *address)
{
	int fd = socket(address->sa.ss_family, transport->type,
			transport->protocol);

	if (fd >= 0 && set_nodelay(transport, fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What is accepted has the listener's options, but for AF_UNIX. */
int transport_accept(const struct transport *transport, int listener,
		     __u32 buffer)
{
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0 && transport->domain == AF_UNIX)
		transport_set_buffers(transport, fd, buffer);
	return fd;
}

int transport_listen(const struct transport *transport,
		     const struct address *address, __u32 buffer)
{
	int fd = transport_socket(transport, address);
	int on = 1;

	if (fd < 0)
		return -1;
	transport_set_buffers(transport, fd, buffer);
	/* One that is closed does not keep the next one from its port. */
	if (transport->connected && transport->domain == 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address->sa, address->len) ||
	    (transport->connected && listen(fd, BACKLOG))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- messages */

static unsigned char *allocate(size_t size)
{
	unsigned char *room = calloc(1, size);

	if (!room)
		err(1, "memory");
	return room;
}

void link_init(struct link *link, const struct transport *transport)
{
	*link = (struct link){ .transport = transport, .fd = -1 };
	link->reader.size = FRAME_HEADROOM + transport->max;
	link->reader.buf = allocate(link->reader.size);
	link->out = allocate(link->reader.size) + FRAME_HEADROOM;
}

/* Messages go to this address from now on. Returns 0, or -1. */
int link_connect(struct link *link, int fd, const struct address *to)
{
	link->peer = *to;
	if (link->transport->addressed)
		return 0;
	return connect(fd, (const struct sockaddr *)&to->sa, to->len);
}

/* From now on by this socket. */
void link_begin(struct link *link, int fd)
{
	link->fd = fd;
	link->seq = 0;
	link->reader.begin = 0;
	link->reader.end = 0;
	if (!link->transport->rings)
		return;
	link->ring = ring_begin(fd);
	link->out = ring_room(link->ring);
}

/* The connection is closed. */
void link_end(struct link *link)
{
	if (link->ring)
		ring_end(link->ring);
	link->ring = NULL;
	close(link->fd);
}

static int send_frame(struct link *link, size_t len)
{
	const unsigned char *next = link->out - FRAME_HEADROOM;
	ssize_t sent;

	frame_put_header(link->out, len, link->seq++);
	for (len += FRAME_HEADROOM; len; len -= sent) {
		sent = send(link->fd, next, len, MSG_NOSIGNAL);
		if (sent < 0)
			return -1;
		next += sent;
	}
	return 0;
}

/* A datagram without a connection. Returns 0, or -1. */
int link_send_to(struct link *link, size_t len, const struct address *to)
{
	return sendto(link->fd, link->out, len, MSG_NOSIGNAL,
		      (const struct sockaddr *)&to->sa, to->len) < 0 ? -1 : 0;
}

/* The message in link->out. Returns 0, or -1. */
int link_send(struct link *link, size_t len)
{
	if (link->transport->framed)
		return send_frame(link, len);
	if (link->ring) {
		ring_send(link->ring, link->fd, len);
		link->out = ring_room(link->ring);
		return 0;
	}
	if (link->transport->addressed)
		return link_send_to(link, len, &link->peer);
	return send(link->fd, link->out, len, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static ssize_t receive_frame(struct link *link, unsigned char **payload)
{
	ssize_t len;

	while (!(len = frame_next(&link->reader, payload))) {
		size_t size;
		void *room = frame_room(&link->reader, &size);
		ssize_t got = recv(link->fd, room, size, 0);

		if (got <= 0)
			return got;
		link->reader.end += got;
	}
	return len;
}

static ssize_t check(unsigned char *payload, ssize_t len,
		     struct message **message)
{
	*message = (struct message *)payload;
	if (len >= (ssize_t)sizeof(**message) &&
	    (*message)->magic == htole32(MESSAGE_MAGIC))
		return len;
	if (len >= 0)
		errno = EPROTO;
	return -1;
}

/* The next message without a connection: who has sent it? As link_receive(). */
ssize_t link_receive_from(struct link *link, struct message **message,
			  struct address *from)
{
	unsigned char *payload = link->reader.buf;
	ssize_t len;

	from->len = sizeof(from->sa);
	len = recvfrom(link->fd, payload, link->reader.size, 0,
		       (struct sockaddr *)&from->sa, &from->len);
	return check(payload, len, message);
}

/*
 * The next message. Returns its length; 0 at the end of a connection; -1, with
 * errno EPROTO if it is none of ours.
 */
ssize_t link_receive(struct link *link, struct message **message)
{
	unsigned char *payload = link->reader.buf;
	ssize_t len;

	if (link->transport->addressed)
		return link_receive_from(link, message, &link->peer);
	if (link->transport->framed)
		len = receive_frame(link, &payload);
	else if (link->ring)
		len = ring_receive(link->ring, link->fd, payload, &payload);
	else
		len = recv(link->fd, payload, link->reader.size, 0);
	if (!len && link->transport->connected)
		return 0;
	return check(payload, len, message);
}
