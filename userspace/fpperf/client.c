// SPDX-License-Identifier: GPL-2.0
/*
 * The client: connects, does each test's work once to warm up and once with
 * the clock running. Whatever fails ends the process; who watches it notices.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fpperf.h"

#define REPEAT_MS	200	/* what may be lost, and is not answered */
#define REPEAT_MAX	10

/**
 * struct client - a run of a test
 * @options: what is asked for
 * @address: of the server
 * @link: the socket; of TEST_SETUP, the present connection
 * @progress: for who watches us
 * @run: the run's number
 * @number: of the next message; how many have been sent
 * @lost: messages of which the server knows nothing
 * @times: when each operation was over, if that is wanted
 */
struct client {
	const struct options *options;
	const struct address *address;
	struct link link;
	struct progress *progress;
	__u32 run;
	__u32 number;
	__u32 lost;
	__u64 *times;
};

const char *const test_names[TEST_NR] = {
	[TEST_RTT] = "rtt",
	[TEST_STREAM] = "stream",
	[TEST_BURST] = "burst",
	[TEST_OUTSTANDING] = "outstanding",
	[TEST_SETUP] = "setup",
};

const char *const test_operations[TEST_NR] = {
	[TEST_RTT] = "round trip",
	[TEST_STREAM] = "message",
	[TEST_BURST] = "message",
	[TEST_OUTSTANDING] = "request",
	[TEST_SETUP] = "connection",
};

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Sends the next message, which asks for so long an answer. */
static void send_next(struct client *client, __u32 answer)
{
	struct message *message = (struct message *)client->link.out;

	message->magic = htole32(MESSAGE_MAGIC);
	message->run = client->run;
	message->number = htole32(client->number++);
	message->answer = htole32(answer);
	if (link_send(&client->link, client->options->size))
		err(1, "cannot send message %u", client->number - 1);
}

static void say(struct client *client, __u32 answer)
{
	send_next(client, answer);
	progress_step(client->progress);
}

/*
 * Receives an answer of this run and of that length, and returns the number of
 * the request. What datagrams bring of another run is ignored.
 */
static __u32 hear(struct client *client, __u32 answer)
{
	struct message *message;
	ssize_t len;

	do {
		len = link_receive(&client->link, &message);
		if (!len)
			errx(1, "the server has closed the connection");
		if (len < 0)
			err(1, "cannot receive an answer");
	} while (message->run != client->run);
	progress_step(client->progress);
	if ((__u32)len != answer)
		errx(1, "the answer has %zd bytes instead of %u", len, answer);
	client->lost = client->number - le32toh(message->count);
	return le32toh(message->number);
}

static void ask(struct client *client)
{
	__u32 size = client->options->size;
	__u32 number = client->number;

	say(client, size);
	while (hear(client, size) != number)
		;
}

static void note_time(struct client *client)
{
	if (client->times)
		*client->times++ = now_ns();
}

static void do_rtt(struct client *client, __u32 count)
{
	while (count--) {
		ask(client);
		note_time(client);
	}
}

static bool is_answered(struct client *client)
{
	struct pollfd pfd = { .fd = client->link.fd, .events = POLLIN };

	return poll(&pfd, 1, REPEAT_MS) > 0;
}

/* Datagrams: the last one may be lost as any other may, or its answer. */
static void insist(struct client *client)
{
	while (!is_answered(client))
		send_next(client, SIZE_MIN_BYTES);
}

static void do_stream(struct client *client, __u32 count)
{
	__u32 last = client->number + count - 1;

	while (client->number != last)
		say(client, 0);
	say(client, SIZE_MIN_BYTES);
	do {
		if (!client->link.transport->connected)
			insist(client);
	} while (hear(client, SIZE_MIN_BYTES) < last);
}

static void do_burst(struct client *client, __u32 count)
{
	__u32 width = client->options->width;
	__u32 i;

	for (; count; count -= width) {
		for (i = 1; i < width; i++)
			say(client, 0);
		say(client, SIZE_MIN_BYTES);
		while (hear(client, SIZE_MIN_BYTES) != client->number - 1)
			;
	}
}

static void do_outstanding(struct client *client, __u32 count)
{
	__u32 size = client->options->size;
	__u32 last = client->number + count;
	__u32 i;

	for (i = 0; i < client->options->width; i++)
		say(client, size);
	while (count--) {
		hear(client, size);
		if (client->number != last)
			say(client, size);
	}
}

/* Datagrams: the server is free for others. If it does not answer, so be it. */
static void finish(struct client *client)
{
	struct message *message = (struct message *)client->link.out;
	int i;

	message->answer = htole32(SIZE_MIN_BYTES);
	message->flags = htole32(MESSAGE_END);
	for (i = 0; i < REPEAT_MAX; i++)
		if (link_send(&client->link, SIZE_MIN_BYTES) ||
		    is_answered(client))
			return;
}

static void client_connect(struct client *client)
{
	const struct options *options = client->options;
	const struct address *address = client->address;
	int fd = transport_socket(options->transport, address);

	if (fd < 0)
		err(1, "%s: cannot make a socket", options->transport->name);
	/* One message at a time fits into any buffer. */
	if (options->test != TEST_SETUP || options->buffer)
		transport_set_buffers(options->transport, fd, options->buffer);
	if (link_connect(&client->link, fd, address))
		err(1, "cannot connect");
	progress_step(client->progress);
	link_begin(&client->link, fd);
}

static void do_setup(struct client *client, __u32 count)
{
	while (count--) {
		client_connect(client);
		ask(client);
		link_end(&client->link);
		note_time(client);
	}
}

static void (*const work[TEST_NR])(struct client *, __u32) = {
	[TEST_RTT] = do_rtt,
	[TEST_STREAM] = do_stream,
	[TEST_BURST] = do_burst,
	[TEST_OUTSTANDING] = do_outstanding,
	[TEST_SETUP] = do_setup,
};

/*
 * Datagrams that find the buffer full are lost. Requests on a connection whose
 * answers find no room make both sides wait for each other. A buffer is
 * charged with more than the message.
 */
static void check_room(const struct client *client)
{
	const struct options *options = client->options;
	bool connected = options->transport->connected;
	__u64 need = options->width * (2ull * options->size + 1024);
	socklen_t len = sizeof(int);
	int room;

	if (options->test != TEST_OUTSTANDING &&
	    (options->test != TEST_BURST || connected))
		return;
	if (getsockopt(client->link.fd, SOL_SOCKET,
		       connected ? SO_SNDBUF : SO_RCVBUF, &room, &len))
		err(1, "size of the buffer");
	if ((__u64)room < need)
		errx(1, "%u messages of %u bytes are too many for a buffer of %d (-B, net.core.%s)",
		     options->width, options->size, room / 2,
		     connected ? "wmem_max" : "rmem_max");
}

static int compare(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of moments it makes the quantiles of the times between them. */
static void set_quantiles(struct result *result, __u64 begin,
			  __u64 *times)
{
	static const unsigned int per_mille[QUANTILE_NR] = {
		0, 500, 900, 990, 999, 1000
	};
	__u64 nr = result->operations, i;

	for (i = 0; i < nr; i++) {
		__u64 last = begin;

		begin = times[i];
		times[i] -= last;
	}
	qsort(times, nr, sizeof(*times), compare);
	for (i = 0; i < QUANTILE_NR; i++)
		result->quantiles[i] = times[(nr - 1) * per_mille[i] / 1000];
}

static void measure(struct client *client)
{
	const struct options *options = client->options;
	struct result *result = &client->progress->result;
	__u64 *times = NULL;
	__u64 begin;

	if (options->latency) {
		times = calloc(options->count, sizeof(*times));
		if (!times)
			err(1, "memory for the times");
	}
	client->times = times;
	begin = now_ns();
	work[options->test](client, options->count);
	result->ns = now_ns() - begin;
	result->operations = options->count;
	result->lost = client->lost;
	if (times)
		set_quantiles(result, begin, times);
	free(times);
}

void client_work(const struct options *options, const struct address *address,
		 struct progress *progress)
{
	struct client client = {
		.options = options,
		.address = address,
		.progress = progress,
		.run = getpid() ^ now_ns(),
	};

	link_init(&client.link, options->transport);
	progress_tell(progress, "connecting");
	if (options->test != TEST_SETUP) {
		client_connect(&client);
		check_room(&client);
	}
	/* Is there anybody? It may take him a while to be free for us. */
	if (!options->transport->connected)
		do_stream(&client, 1);
	if (options->warmup) {
		progress_tell(progress, "warming up");
		work[options->test](&client, options->warmup);
	}
	progress_tell(progress, "measuring");
	measure(&client);
	if (!options->transport->connected)
		finish(&client);
}
