// SPDX-License-Identifier: GPL-2.0
/*
 * A transfer: one thread sends messages of known sizes and contents, another
 * receives them and compares size, order and every byte. Both draw size and
 * contents of each message from the same numbers, so nothing travels but them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fptest.h"

/* A hash of 64 bits (the finalizer of SplitMix64). */
static __u64 mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* What decides on a message: the transfer and its number in it. */
static __u64 key_of(const struct transfer *t, unsigned int number)
{
	return mix(mix(t->stream + 1) + number);
}

/*
 * Most are short; some are about one frame, for any path MTU; some are long; and
 * now and then it is the largest one.
 */
size_t transfer_size(const struct transfer *t, unsigned int number)
{
	static const size_t frames[] = { 1188, 1408, 8908 };
	__u64 key = key_of(t, number);
	unsigned int kind = key % 64, r = key >> 32;
	size_t size;

	if (t->size)
		return t->size;
	if (number % 5000 == 99)
		size = t->largest;
	else if (number % 2000 == 49)
		size = r % (t->largest + 1);
	else if (kind == 0)
		size = r % 20000;
	else if (kind <= 4)
		size = frames[r % ARRAY_SIZE(frames)] - 24 + (r >> 8) % 49;
	else if (kind == 5)
		size = (r >> 8) % 2;
	else
		size = r % 300;
	return size < t->largest ? size : t->largest;
}

/* The bytes of a message: each word is a hash of message and place. */
void transfer_write(const struct transfer *t, unsigned int number,
		    unsigned char *buf, size_t len)
{
	__u64 key = key_of(t, number), word;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		word = mix(key + i);
		memcpy(buf + i, &word, sizeof(word));
	}
	word = mix(key + i);
	memcpy(buf + i, &word, len - i);
}

bool transfer_is(const struct transfer *t, unsigned int number,
		 const unsigned char *buf, size_t len)
{
	__u64 key = key_of(t, number), word;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		word = mix(key + i);
		if (memcmp(buf + i, &word, sizeof(word)))
			return false;
	}
	word = mix(key + i);
	return !memcmp(buf + i, &word, len - i);
}

/* Is there no message of this number to be sent any more? */
bool transfer_is_over(const struct transfer *t, unsigned int number)
{
	return __atomic_load_n(&t->stop, __ATOMIC_RELAXED) ||
	       (t->messages && number >= t->messages);
}

/* On a stream the length goes before each message. */
static bool send_message(const struct transfer *t, const unsigned char *buf,
			 size_t len)
{
	size_t done = 0;
	ssize_t ret;

	if (!t->framed)
		return send(t->from, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
	while (done < len) {
		ret = send(t->from, buf + done, len - done, MSG_NOSIGNAL);
		if (ret <= 0)
			return false;
		done += ret;
	}
	return true;
}

static void *send_all(void *arg)
{
	struct transfer *t = arg;
	__u32 room = sizeof(__u32);
	unsigned char *buf = malloc(room + t->largest);

	while (!t->send_error && !transfer_is_over(t, t->sent)) {
		size_t len = transfer_size(t, t->sent);
		__u32 prefix = htonl(len);

		transfer_write(t, t->sent, buf + room, len);
		memcpy(buf, &prefix, room);
		if (send_message(t, t->framed ? buf : buf + room,
				 t->framed ? len + room : len))
			__atomic_add_fetch(&t->sent, 1, __ATOMIC_RELAXED);
		else
			t->send_error = errno;
	}
	free(buf);
	__atomic_store_n(&t->all_sent, true, __ATOMIC_RELEASE);
	return NULL;
}

/* How many messages have come. */
unsigned int transfer_received(const struct transfer *t)
{
	return __atomic_load_n(&t->received, __ATOMIC_RELAXED);
}

/* Was all received that will ever be sent? */
bool transfer_all_came(const struct transfer *t)
{
	return __atomic_load_n(&t->all_sent, __ATOMIC_ACQUIRE) &&
	       transfer_received(t) == t->sent;
}

/* Waits for longer than a link is cut, but not for ever. */
static bool wait_for_message(struct transfer *t)
{
	struct pollfd pfd = { .fd = t->to, .events = POLLIN };

	while (poll(&pfd, 1, TRANSFER_PATIENCE * 1000) != 1) {
		if (transfer_all_came(t))
			continue;
		t->wrong = "nothing comes any more";
		return false;
	}
	return true;
}

/*
 * Returns the size; 0 and *end at the end of the stream or connection, which an
 * empty message is not; -1 if it failed.
 */
static ssize_t receive_packet(struct transfer *t, unsigned char *buf,
			      size_t room, bool *end)
{
	struct iovec iov = { buf, room };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t ret;

	if (!wait_for_message(t))
		return -1;
	ret = recvmsg(t->to, &msg, 0);
	*end = !ret && !(msg.msg_flags & MSG_EOR);
	if (ret >= 0 && !*end && msg.msg_flags != MSG_EOR)
		t->wrong = "a message is not whole";
	return ret;
}

static bool receive_stream(struct transfer *t, void *buf, size_t len)
{
	char *p = buf;
	ssize_t ret;

	while (len) {
		if (!wait_for_message(t))
			return false;
		ret = recv(t->to, p, len, 0);
		if (ret <= 0)
			return false;
		p += ret;
		len -= ret;
		__atomic_add_fetch(&t->bytes, ret, __ATOMIC_RELAXED);
	}
	return true;
}

static ssize_t receive_message(struct transfer *t, unsigned char *buf,
			       size_t room, bool *end)
{
	__u32 prefix;
	ssize_t len;

	*end = false;
	if (!t->framed) {
		len = receive_packet(t, buf, room, end);
		if (len > 0)
			__atomic_add_fetch(&t->bytes, len, __ATOMIC_RELAXED);
		return len;
	}
	errno = 0;
	if (!receive_stream(t, &prefix, sizeof(prefix))) {
		*end = !errno && !t->wrong;
		return *end ? 0 : -1;
	}
	len = ntohl(prefix);
	if ((size_t)len > room || !receive_stream(t, buf, len))
		return -1;
	return len;
}

static void *receive_all(void *arg)
{
	struct transfer *t = arg;
	size_t room = t->largest + 1;
	unsigned char *buf = malloc(room);
	ssize_t len;
	bool end;

	while (!t->wrong) {
		len = receive_message(t, buf, room, &end);
		if (len < 0) {
			t->receive_error = errno;
			if (!t->wrong)
				t->wrong = "receiving failed";
		} else if (end) {
			break;
		} else if (t->messages && t->received == t->messages) {
			t->wrong = "more came than was sent";
		} else if ((size_t)len != transfer_size(t, t->received)) {
			t->wrong = "another size was sent";
		} else if (!transfer_is(t, t->received, buf, len)) {
			t->wrong = "other bytes were sent";
		} else {
			__atomic_add_fetch(&t->received, 1, __ATOMIC_RELAXED);
		}
	}
	free(buf);
	__atomic_store_n(&t->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static int set_patience(int fd)
{
	struct timeval tv = { .tv_sec = TRANSFER_PATIENCE };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/**
 * transfer_start - begin to send and receive, in two threads
 * @t: from, to, stream, largest, and what else is wanted; the rest 0
 *
 * Return: 0 or -1.
 */
int transfer_start(struct transfer *t)
{
	if (set_patience(t->from) ||
	    pthread_create(&t->receiver, NULL, receive_all, t))
		return -1;
	return pthread_create(&t->sender, NULL, send_all, t) ? -1 : 0;
}

/* How many bytes have come, in messages. */
__u64 transfer_bytes(const struct transfer *t)
{
	return __atomic_load_n(&t->bytes, __ATOMIC_RELAXED);
}

/* Let the sender end, at the latest after its next message. */
void transfer_stop(struct transfer *t)
{
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
}

/* Waits until all has come that was sent, or something goes wrong. */
void transfer_wait(struct transfer *t)
{
	while (!transfer_all_came(t) &&
	       !__atomic_load_n(&t->over, __ATOMIC_ACQUIRE))
		usleep(1000);
}

/*
 * Waits for the end. False if anything was lost, doubled, reordered or altered,
 * or if a call failed; and says what.
 */
bool transfer_end(struct transfer *t)
{
	int err, error = 0;
	socklen_t len = sizeof(error);

	transfer_wait(t);
	/* The end is to follow the last message; or nobody is to wait. */
	err = shutdown(t->from,
		       transfer_all_came(t) ? SHUT_WR : SHUT_RDWR);
	pthread_join(t->sender, NULL);
	pthread_join(t->receiver, NULL);
	if (!err)
		err = getsockopt(t->to, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!err && !error && !t->wrong && !t->send_error &&
	    t->received == t->sent)
		return true;
	printf("# transfer %llu: %u sent (%s), %u received (%s): %s (%s)\n",
	       (unsigned long long)t->stream, t->sent, strerror(t->send_error),
	       t->received, strerror(t->receive_error),
	       t->wrong ? t->wrong : "not all came", strerror(error));
	return false;
}
