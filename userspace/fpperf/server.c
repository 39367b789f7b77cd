// SPDX-License-Identifier: GPL-2.0
/*
 * The server of one transport: it counts what comes, and answers what asks for
 * an answer. That is all it has to know of tests.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <unistd.h>

#include "fpperf.h"

/**
 * struct server - the server of one transport
 * @link: the socket without connections, or the connection that is served
 * @progress: for who watches us
 * @run: that the last message belonged to
 * @count: messages of this run
 */
struct server {
	struct link link;
	struct progress *progress;
	__u32 run;
	__u32 count;
};

static void fill_answer(struct server *server, const struct message *request)
{
	struct message *reply = (struct message *)server->link.out;

	reply->magic = htole32(MESSAGE_MAGIC);
	reply->run = request->run;
	reply->number = request->number;
	reply->count = htole32(server->count);
}

/* Returns 0, or -1 if the answer can't be sent. */
static int take(struct server *server, const struct message *message)
{
	__u32 len = le32toh(message->answer);

	if (message->run != server->run) {
		server->run = message->run;
		server->count = 0;
	}
	server->count++;
	progress_step(server->progress);
	if (len < SIZE_MIN_BYTES || len > server->link.transport->max)
		return 0;
	fill_answer(server, message);
	return link_send(&server->link, len);
}

/* Until the peer closes it, or anything fails, which is no news to us. */
static void serve_connection(struct server *server)
{
	struct message *message;

	for (;;) {
		ssize_t len = link_receive(&server->link, &message);

		if (len <= 0 || take(server, message))
			return;
	}
}

static void serve_connections(struct server *server, int listener,
			      __u32 buffer)
{
	for (;;) {
		int fd = transport_accept(server->link.transport, listener,
					  buffer);

		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			err(1, "accept");
		progress_set_busy(server->progress, true);
		link_begin(&server->link, fd);
		serve_connection(server);
		link_end(&server->link);
		progress_step(server->progress);
		progress_set_busy(server->progress, false);
	}
}

/*
 * One client, from its first message to its last: the socket is connected to
 * it, as it would be for a conversation of two. A client that is gone without a
 * last message is noticed by an ICMP error, or by who watches us. Returns true
 * if the last message came; the answer to it is prepared.
 */
static bool serve_run(struct server *server, struct message *message)
{
	ssize_t len;

	do {
		if (le32toh(message->flags) & MESSAGE_END) {
			fill_answer(server, message);
			return true;
		}
		if (take(server, message))
			return false;
		do {
			len = link_receive(&server->link, &message);
		} while (len < 0 && errno == EPROTO);
	} while (len > 0);
	return false;
}

/* A new one: a UDP socket that is disconnected does not hear everybody. */
static void reopen(struct server *server, const struct options *options,
		   struct service *service)
{
	close(service->fd);
	service->fd = transport_listen(service->transport, &service->address,
				       options->buffer);
	if (service->fd < 0)
		err(1, "%s: cannot listen again", service->transport->name);
	link_begin(&server->link, service->fd);
}

static void serve_datagrams(struct server *server,
			    const struct options *options,
			    struct service *service)
{
	struct message *message;
	struct address peer;
	bool ended;

	link_begin(&server->link, service->fd);
	for (;;) {
		if (link_receive_from(&server->link, &message, &peer) < 0 ||
		    link_connect(&server->link, service->fd, &peer))
			continue;
		progress_set_busy(server->progress, true);
		ended = serve_run(server, message);
		reopen(server, options, service);
		progress_set_busy(server->progress, false);
		/* Who hears that finds us free for the next one. */
		if (ended)
			link_send_to(&server->link, SIZE_MIN_BYTES, &peer);
	}
}

void server_work(const struct options *options, struct service *service)
{
	const struct transport *transport = service->transport;
	struct server server = { .progress = service->progress };

	link_init(&server.link, transport);
	if (transport->connected)
		serve_connections(&server, service->fd, options->buffer);
	else
		serve_datagrams(&server, options, service);
}
