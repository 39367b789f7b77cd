// SPDX-License-Identifier: GPL-2.0
/* What a client and a server do with their connections, for each transport. */
#include <arpa/inet.h>
#include <err.h>
#include <linux/fastproto.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fpscale.h"

#define PORT		7000
#define BACKLOG		1024
#define SIZE		64

struct message {
	unsigned long long index;		/* of its connection */
	char rest[SIZE - sizeof(unsigned long long)];
};

const struct transport *transport;
static int sock = -1;		/* the listener, or the one for all */
static int latest = -1;		/* the file that was accepted last */

static in_addr_t address_of(unsigned int i)
{
	if (!per_address)
		return inet_addr("10.77.0.2");
	return htonl(inet_network("10.128.0.0") + i / per_address);
}

static in_addr_t own_address_of(unsigned int i)
{
	return htonl(inet_network("10.192.0.0") + i);
}

static socklen_t fill_address(struct sockaddr_fp *addr, in_addr_t to)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;
	socklen_t len = sizeof(*sin);

	memset(addr, 0, sizeof(*addr));
	if (transport->family == AF_FASTPROTO) {
		addr->sfp_family = AF_FASTPROTO;
		sin = &addr->sfp_sin;
		len = sizeof(*addr);
	}
	sin->sin_family = AF_INET;
	sin->sin_port = htons(PORT);
	sin->sin_addr.s_addr = to;
	return len;
}

static int make_socket(int type)
{
	int fd = socket(transport->family, type, 0);

	if (fd < 0)
		err(1, "%s: socket", transport->name);
	return fd;
}

void transport_serve(void)
{
	struct sockaddr_fp addr;
	socklen_t len = fill_address(&addr, htonl(INADDR_ANY));

	sock = make_socket(transport->type);
	if (bind(sock, (struct sockaddr *)&addr, len))
		err(1, "bind");
	if (rcvbuf && setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
				 sizeof(rcvbuf)))
		err(1, "SO_RCVBUF");
	if (listen(sock, BACKLOG))
		err(1, "listen");
}

/* Peers that stay silent are to be asked if they are there. */
static void keep_alive(int fd)
{
	const int on = 1;

	if (setsockopt(fd, SOL_FASTPROTO, FP_KEEPIDLE, &keep_idle,
		       sizeof(keep_idle)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)))
		err(1, "SO_KEEPALIVE");
}

void transport_call(void)
{
	if (transport->client_type != SOCK_RDM)
		return;
	sock = make_socket(SOCK_RDM);
	if (keep_idle)
		keep_alive(sock);
}

/* Its connections are to go at once when it is closed. */
static void forget(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)))
		err(1, "SO_LINGER");
}

/* --- a file for each connection */

static void put(int fd, const struct message *message)
{
	if (send(fd, message, SIZE, MSG_NOSIGNAL) != SIZE)
		err(1, "send");
}

/* False at the end. */
static bool get(int fd, struct message *message)
{
	int flags = transport->type == SOCK_STREAM ? MSG_WAITALL : 0;
	ssize_t len = recv(fd, message, SIZE, flags);

	if (!len)
		return false;
	if (len < 0)
		err(1, "recv");
	if (len != SIZE || message->index >= count)
		errx(1, "recv: not what was sent");
	return true;
}

static void take_own_address(int fd, unsigned int i)
{
	struct sockaddr_fp addr;
	socklen_t len = fill_address(&addr, own_address_of(i));

	addr.sfp_sin.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&addr, len))
		err(1, "bind, number %u", i);
}

static void file_open(unsigned int i)
{
	struct sockaddr_fp addr;
	socklen_t len = fill_address(&addr, address_of(i));
	int fd = make_socket(transport->client_type);

	if (transport->own_address)
		take_own_address(fd, i);
	if (keep_idle)
		keep_alive(fd);
	if (connect(fd, (struct sockaddr *)&addr, len))
		err(1, "connect, number %u", i);
	connections[i].client = fd;
}

static void file_request(unsigned int i)
{
	struct message message = { .index = i };

	put(connections[i].client, &message);
}

static void file_meet(unsigned int i)
{
	file_open(i);
	file_request(i);
}

static void file_answer(unsigned int i)
{
	struct message message;

	if (!get(connections[i].client, &message) || message.index != i)
		errx(1, "number %u has no answer", i);
}

static void file_close(unsigned int i)
{
	close(connections[i].client);
}

static void file_abort(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		forget(connections[i].client);
}

static void serve_file(int fd, struct message *message)
{
	if (!get(fd, message))
		errx(1, "the client hung up");
	put(fd, message);
}

static void file_welcome(void)
{
	struct message message;

	latest = accept(sock, NULL, NULL);
	if (latest < 0)
		err(1, "accept");
	serve_file(latest, &message);
	connections[message.index].server = latest;
}

static void file_serve(unsigned int i)
{
	struct message message;

	serve_file(connections[i].server, &message);
}

static void file_depart(void)
{
	struct message message;

	if (get(latest, &message))
		errx(1, "the client does not hang up");
	close(latest);
}

/* --- one socket for all connections */

static void rdm_open(unsigned int i)
{
	struct sockaddr_fp addr;
	socklen_t len = fill_address(&addr, address_of(i));

	if (getsockopt(sock, SOL_FASTPROTO, FP_OPEN, &addr, &len))
		err(1, "FP_OPEN, number %u", i);
	connections[i].id = addr.sfp_conn;
}

static void rdm_put(const struct message *message,
		    const struct sockaddr_fp *addr)
{
	if (sendto(sock, message, SIZE, 0, (const struct sockaddr *)addr,
		   sizeof(*addr)) != SIZE)
		err(1, "sendto");
}

static void rdm_get(struct message *message, struct sockaddr_fp *addr)
{
	socklen_t len = sizeof(*addr);
	ssize_t size = recvfrom(sock, message, SIZE, 0, (struct sockaddr *)addr,
				&len);

	if (size < 0)
		err(1, "recvfrom");
	if (size != SIZE || message->index >= count)
		errx(1, "recvfrom: not what was sent");
}

/* What comes back must be what was sent: all of it. */
static void write_message(struct message *message, unsigned int i)
{
	message->index = i;
	memset(message->rest, i * 7 + 1, sizeof(message->rest));
}

static void rdm_request(unsigned int i)
{
	struct message message;
	struct sockaddr_fp addr;

	write_message(&message, i);
	fill_address(&addr, address_of(i));
	addr.sfp_conn = connections[i].id;
	rdm_put(&message, &addr);
}

/* Whoever sends to an address opens a connection to it: the answer tells its ID. */
static void rdm_meet(unsigned int i)
{
	connections[i].id = 0;
	rdm_request(i);
}

/* In whatever order they come, but each on the connection of its request. */
static void rdm_answer(unsigned int i)
{
	struct message message, sent;
	struct sockaddr_fp addr;

	(void)i;
	rdm_get(&message, &addr);
	write_message(&sent, message.index);
	if (memcmp(&message, &sent, SIZE))
		errx(1, "an answer is not what was sent");
	connections[message.index].answers++;
	if (!connections[message.index].id)
		connections[message.index].id = addr.sfp_conn;
	if (addr.sfp_conn != connections[message.index].id)
		errx(1, "an answer came on another connection");
}

static void rdm_close(unsigned int i)
{
	if (setsockopt(sock, SOL_FASTPROTO, FP_CLOSE, &connections[i].id,
		       sizeof(connections[i].id)))
		err(1, "FP_CLOSE");
}

static void rdm_abort(void)
{
	forget(sock);
}

static void rdm_welcome(void)
{
	struct message message;
	struct sockaddr_fp addr;

	rdm_get(&message, &addr);
	rdm_put(&message, &addr);
}

static unsigned int rdm_hear(void)
{
	struct message message;
	struct sockaddr_fp addr;

	rdm_get(&message, &addr);
	return message.index;
}

static void rdm_serve(unsigned int i)
{
	(void)i;
	rdm_welcome();
}

/* The kernel sees to that. */
static void rdm_depart(void)
{
}

#define FILE_CLIENT							\
	.open = file_open, .meet = file_meet, .request = file_request,	\
	.answer = file_answer, .close = file_close, .abort = file_abort

#define FILE_SERVER							\
	.welcome = file_welcome, .serve = file_serve, .depart = file_depart

#define RDM_CLIENT							\
	.open = rdm_open, .meet = rdm_meet, .request = rdm_request,	\
	.answer = rdm_answer, .close = rdm_close, .abort = rdm_abort

#define RDM_SERVER							\
	.welcome = rdm_welcome, .serve = rdm_serve, .depart = rdm_depart, \
	.hear = rdm_hear

static const struct transport transports[] = {
	{
		.name = "rdm", .family = AF_FASTPROTO, .type = SOCK_RDM,
		.client_type = SOCK_RDM, RDM_CLIENT, RDM_SERVER,
	}, {
		/* The other way round, -a 1 does it: a client of many. */
		.name = "rdm-server", .family = AF_FASTPROTO, .type = SOCK_RDM,
		.client_type = SOCK_SEQPACKET, .own_address = true,
		FILE_CLIENT, RDM_SERVER,
	}, {
		.name = "seqpacket", .family = AF_FASTPROTO,
		.type = SOCK_SEQPACKET, .client_type = SOCK_SEQPACKET,
		FILE_CLIENT, FILE_SERVER,
	}, {
		/* The client has 28,232 ports for an address of the server. */
		.name = "tcp", .family = AF_INET, .type = SOCK_STREAM,
		.client_type = SOCK_STREAM, .per_address = 10000,
		FILE_CLIENT, FILE_SERVER,
	},
};

const struct transport *transport_named(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(transports); i++)
		if (!strcmp(transports[i].name, name))
			return &transports[i];
	errx(2, "no transport '%s'", name);
}
