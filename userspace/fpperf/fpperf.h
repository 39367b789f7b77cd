/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fpperf: what its files share. main.c reads the command line; watch.c starts
 * the processes that work and sees that they get on; server.c and client.c are
 * what these do, over the transports of transport.c; report.c writes it down.
 */
#ifndef _FPPERF_H
#define _FPPERF_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "frame.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_USAGE	2

#define PORT_DEFAULT	7700
#define SIZE_MAX_BYTES	1048576
#define BUFFER_DEFAULT	(4u << 20)

/**
 * struct message - what a message begins with, little-endian
 * @magic: MESSAGE_MAGIC
 * @run: a number that the client has chosen for all messages of its run
 * @number: of the message; an answer has that of the request
 * @answer: how many bytes the answer shall have; 0 for none
 * @count: of an answer: how many messages of the run have come
 * @flags: MESSAGE_END: no more will come of this run
 */
struct message {
	__u32 magic;
	__u32 run;
	__u32 number;
	__u32 answer;
	__u32 count;
	__u32 flags;
};

#define MESSAGE_MAGIC	0x46525046	/* "FPRF" */
#define MESSAGE_END	1
#define SIZE_MIN_BYTES	sizeof(struct message)

/* transport.c */

/**
 * struct transport - a way to carry messages
 * @name: for the command line
 * @what: for people
 * @domain: AF_FASTPROTO or AF_UNIX; 0 for the family of the address
 * @type: SOCK_*
 * @protocol: IPPROTO_* or 0
 * @port: what is added to the port number, so that no two share one
 * @max: bytes in a message, at most
 * @connected: there are connections: listen, accept, connect
 * @addressed: each message is sent to an address, and brings that of its sender
 * @framed: carries bytes; frames are made here
 * @rings: by the mapped pool and its rings
 * @set_rcvbuf: the receive buffer is set, to the default at least; where it is
 *	not, it grows by itself or is large anyway
 * @set_sndbuf: the same for the send buffer
 */
struct transport {
	const char *name;
	const char *what;
	int domain;
	int type;
	int protocol;
	unsigned int port;
	__u32 max;
	bool connected;
	bool addressed;
	bool framed;
	bool rings;
	bool set_rcvbuf;
	bool set_sndbuf;
};

/**
 * struct address - where a transport listens
 * @sa: the address
 * @len: its length
 */
struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

/**
 * struct link - a socket to send messages by and to receive them from
 * @transport: its transport
 * @fd: the socket
 * @reader: what came (a message, or a beginning of frames)
 * @ring: of transport.rings
 * @peer: where messages go
 * @out: the message to send, with FRAME_HEADROOM bytes in front of it; or where
 *	in the pool it is to be
 * @seq: of the next frame
 */
struct link {
	const struct transport *transport;
	int fd;
	struct frame_reader reader;
	struct ring *ring;
	struct address peer;
	unsigned char *out;
	__u64 seq;
};

extern const struct transport transports[];
extern const size_t transports_nr;

const struct transport *transport_find(const char *name);
int transport_resolve(const struct transport *transport, const char *host,
		      unsigned int port, bool passive, struct address *address);
int transport_socket(const struct transport *transport,
		     const struct address *address);
void transport_set_buffers(const struct transport *transport, int fd,
			   __u32 bytes);
int transport_accept(const struct transport *transport, int listener,
		     __u32 buffer);
int transport_listen(const struct transport *transport,
		     const struct address *address, __u32 buffer);
const char *transport_name(const struct address *address, char *text,
			   size_t size);
bool transport_absent(int error);

void link_init(struct link *link, const struct transport *transport);
int link_connect(struct link *link, int fd, const struct address *to);
void link_begin(struct link *link, int fd);
void link_end(struct link *link);
int link_send(struct link *link, size_t len);
int link_send_to(struct link *link, size_t len, const struct address *to);
ssize_t link_receive(struct link *link, struct message **message);
ssize_t link_receive_from(struct link *link, struct message **message,
			  struct address *from);

/* ring.c */

struct ring *ring_begin(int fd);
void ring_end(struct ring *ring);
unsigned char *ring_room(struct ring *ring);
int ring_send(struct ring *ring, int fd, size_t len);
ssize_t ring_receive(struct ring *ring, int fd, unsigned char *buf,
		     unsigned char **payload);

/* client.c */

enum test {
	TEST_RTT,
	TEST_STREAM,
	TEST_BURST,
	TEST_OUTSTANDING,
	TEST_SETUP,
	TEST_NR,
};

extern const char *const test_names[TEST_NR];
extern const char *const test_operations[TEST_NR];

/**
 * struct options - what the command line says
 * @transport: of a client
 * @test: of a client
 * @size: bytes in a message
 * @count: operations that are measured
 * @warmup: operations before that
 * @width: messages in a burst, or requests outstanding
 * @buffer: of the sockets in bytes; 0: nothing was said
 * @port: to which struct transport.port is added
 * @timeout: seconds without progress until we give up
 * @host: address or name; NULL: nothing was said
 * @latency: look at the clock after each operation, too
 * @json: write JSON
 */
struct options {
	const struct transport *transport;
	enum test test;
	__u32 size;
	__u32 count;
	__u32 warmup;
	__u32 width;
	__u32 buffer;
	unsigned int port;
	unsigned int timeout;
	const char *host;
	bool latency;
	bool json;
};

/* Of the times of all operations: how many per mille took no longer. */
enum quantile {
	QUANTILE_MIN,
	QUANTILE_50,
	QUANTILE_90,
	QUANTILE_99,
	QUANTILE_999,
	QUANTILE_MAX,
	QUANTILE_NR,
};

/**
 * struct result - what a client has measured
 * @operations: how many
 * @ns: how long they took
 * @lost: messages that did not come
 * @quantiles: of the time of one, in nanoseconds, if options.latency
 */
struct result {
	__u64 operations;
	__u64 ns;
	__u64 lost;
	__u64 quantiles[QUANTILE_NR];
};

/**
 * struct progress - what a process that works shares with the one that watches
 * @steps: changes with every message and connection
 * @busy: there is something to wait for
 * @what: what it does
 * @result: of a client
 */
struct progress {
	__u64 steps;
	bool busy;
	const char *what;
	struct result result;
};

static inline __u64 progress_steps(const struct progress *progress)
{
	return __atomic_load_n(&progress->steps, __ATOMIC_RELAXED);
}

/* The only one who does so is who works. */
static inline void progress_step(struct progress *progress)
{
	__atomic_store_n(&progress->steps, progress->steps + 1,
			 __ATOMIC_RELAXED);
}

static inline void progress_tell(struct progress *progress, const char *what)
{
	__atomic_store_n(&progress->what, what, __ATOMIC_RELAXED);
}

static inline bool progress_busy(const struct progress *progress)
{
	return __atomic_load_n(&progress->busy, __ATOMIC_RELAXED);
}

static inline void progress_set_busy(struct progress *progress, bool busy)
{
	__atomic_store_n(&progress->busy, busy, __ATOMIC_RELAXED);
}

void client_work(const struct options *options, const struct address *address,
		 struct progress *progress);

/* server.c */

/**
 * struct service - a transport that is served
 * @transport: which
 * @address: where
 * @fd: its socket, which listens; it is with who serves
 * @pid: the process that serves it
 * @steps: of its progress, when we last looked
 * @progress: what it shares with us
 */
struct service {
	const struct transport *transport;
	struct address address;
	int fd;
	pid_t pid;
	__u64 steps;
	struct progress *progress;
};

void server_work(const struct options *options, struct service *service);

/* watch.c */

int watch_client(const struct options *options, const struct address *address,
		 struct result *result);

int watch_services(const struct options *options, struct service *first,
		   size_t nr);

/* report.c */

void report_text(const struct options *options, const struct result *result);
void report_json(const struct options *options, const struct result *result);

#endif /* _FPPERF_H */
