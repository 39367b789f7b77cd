// SPDX-License-Identifier: GPL-2.0
/*
 * fpfile - sends a file over AF_FASTPROTO
 *
 *   fpfile recv ADDR PORT FILE	wait there for one file
 *   fpfile send ADDR PORT FILE	send it
 *
 * SOCK_DGRAM messages may be lost, doubled and reordered, so this program has
 * the simplest cure of its own. The file goes in numbered chunks, and the first
 * that is not full is the last. The receiver takes them in order and answers
 * each message with the number that it wants next. The sender is up to WINDOW
 * chunks ahead of that; if no answer comes for a while, it goes back to the
 * chunk that is wanted.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "address.h"

#define CHUNK		4096	/* bytes of the file in a message */
#define WINDOW		16	/* messages under way */
#define RETRY_MS	200	/* without an answer: send again */
#define GIVE_UP_S	20	/* without an answer: the other side is gone */
#define BYE		UINT64_MAX	/* from the sender: all is answered */

/* A message. An answer is the number alone. */
struct chunk {
	__u64 number;	/* little-endian */
	char data[CHUNK];
};

static __u64 messages, bytes;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A line a second, for a person to watch. */
static void tell_progress(const char *who)
{
	static double begin, last;
	double t = now();

	if (!begin)
		begin = t;
	if (!last)
		last = t;
	if (t - last < 1)
		return;
	last = t;
	printf("   %s: %.0f s, %.1f MB in %ju messages\n", who, t - begin,
	       bytes / 1e6, (uintmax_t)messages);
	fflush(stdout);
}

/* True once something can be received, or there is an error to fetch. */
static int wait_readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

/* Sends a chunk of the file; returns the bytes of the file in it. */
static ssize_t send_chunk(int fd, int file, __u64 number)
{
	struct chunk chunk = { .number = htole64(number) };
	ssize_t len;

	len = pread(file, chunk.data, CHUNK, number * CHUNK);
	if (len < 0)
		err(1, "read");
	/* Refused: the receiver is not there (yet); to try again is cheap. */
	if (send(fd, &chunk, sizeof(chunk.number) + len, 0) < 0 &&
	    errno != ECONNREFUSED)
		err(1, "send");
	messages++;
	return len;
}

/* Waits for an answer; returns the number wanted next, or 0 for none. */
static __u64 receive_answer(int fd)
{
	__u64 number;

	if (!wait_readable(fd, RETRY_MS))
		return 0;
	if (recv(fd, &number, sizeof(number), 0) == sizeof(number))
		return le64toh(number);
	if (errno == ECONNREFUSED)
		usleep(RETRY_MS * 1000);
	return 0;
}

static void send_file(int fd, int file)
{
	__u64 next = 0, wanted = 0, again = 0, answer, count;
	double begin = now(), heard = begin;
	struct stat st;

	if (fstat(file, &st))
		err(1, "stat");
	count = st.st_size / CHUNK + 1;

	while (wanted < count) {
		while (next < count && next < wanted + WINDOW)
			send_chunk(fd, file, next++);
		answer = receive_answer(fd);
		if (answer > wanted) {
			wanted = answer;
			heard = now();
			if (next < wanted)
				next = wanted;
			bytes = wanted * CHUNK;
		} else if (!answer) {
			again += next - wanted;
			next = wanted;
			if (now() - heard > GIVE_UP_S)
				errx(1, "no answer");
		}
		tell_progress("sent");
	}
	answer = BYE;
	send(fd, &answer, sizeof(answer), 0);
	printf("   sent %ju bytes in %ju messages (%ju sent again), %.2f s\n",
	       (uintmax_t)st.st_size, (uintmax_t)messages, (uintmax_t)again,
	       now() - begin);
}

static void answer_with(int fd, __u64 wanted)
{
	wanted = htole64(wanted);
	/* If this answer gets lost, the next one says the same. */
	send(fd, &wanted, sizeof(wanted), 0);
}

static void receive_file(int fd, int file)
{
	struct sockaddr_fp peer;
	socklen_t peer_len = sizeof(peer);
	__u64 wanted = 0;
	struct chunk chunk;
	int complete = 0;
	double begin;

	/* Who sends first is who we listen to from then on. */
	if (recvfrom(fd, &chunk, 0, MSG_PEEK, (struct sockaddr *)&peer,
		     &peer_len) < 0)
		err(1, "receive");
	if (connect(fd, (struct sockaddr *)&peer, peer_len))
		err(1, "connect");
	begin = now();

	/* After the last chunk, stay for a sender that missed our answer. */
	while (wait_readable(fd, complete ? 1000 : GIVE_UP_S * 1000)) {
		ssize_t len = recv(fd, &chunk, sizeof(chunk), 0);

		len -= sizeof(chunk.number);
		if (len < 0)
			continue;
		if (chunk.number == htole64(BYE))
			break;
		messages++;
		if (le64toh(chunk.number) == wanted && !complete) {
			if (write(file, chunk.data, len) != len)
				err(1, "write");
			bytes += len;
			wanted++;
			complete = len < CHUNK;
		}
		answer_with(fd, wanted);
		tell_progress("received");
	}
	if (!complete)
		errx(1, "the sender is gone");
	printf("   received %ju bytes in %ju messages, %.2f s\n",
	       (uintmax_t)bytes, (uintmax_t)messages, now() - begin);
}

int main(int argc, char **argv)
{
	struct sockaddr_fp addr;
	int fd, file, sends;

	sends = argc == 5 && !strcmp(argv[1], "send");
	if ((!sends && (argc != 5 || strcmp(argv[1], "recv"))) ||
	    parse_address(argv[2], argv[3], &addr)) {
		fprintf(stderr, "usage: fpfile send|recv ADDR PORT FILE\n");
		return 2;
	}
	if (sends)
		file = open(argv[4], O_RDONLY);
	else
		file = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (file < 0)
		err(1, "%s", argv[4]);

	fd = socket(AF_FASTPROTO, SOCK_DGRAM, 0);
	if (fd < 0)
		err(1, "socket");
	if (sends) {
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			err(1, "connect");
		send_file(fd, file);
	} else {
		if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
			err(1, "bind");
		receive_file(fd, file);
	}
	return 0;
}
