// SPDX-License-Identifier: GPL-2.0
/*
 * The mapped pool and its rings in the hands of an application that writes what
 * it likes, or goes away whenever it likes: nobody else notices, and nothing is
 * left behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define SLOT		1024
#define SLOTS		64
#define LARGEST		16384	/* what is ever sent to the socket, bytes */
#define PAGE		4096UL

#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), value, __ATOMIC_RELAXED)

static unsigned char message[LARGEST];

static unsigned int random_below(unsigned int *seed, unsigned int limit)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % limit;
}

static int limit_messages(int fd)
{
	return fp_setint(fd, SOL_FASTPROTO, FP_MSG_MAX, LARGEST);
}

/*
 * A socket with a ring, on host A, and one without, on host B, that sends to it
 * and receives from it as fast as it can.
 */
struct victim {
	int type;
	int fd;
	int peer;
	__u64 conn;			/* for descriptors */
	struct sockaddr_fp name;
	struct sockaddr_fp peer_name;
	struct ring ring;
	__u32 given;			/* free_tail, to be honest */
	__u32 queued;			/* the same of send_tail */
	unsigned int seed;

	bool stop;
	pthread_t traffic;
	unsigned long sent;
	unsigned long received;
};

/* Both ends are small: a ring of few slots is what a wrong number hits. */
static int connect_seqpacket(struct victim *v)
{
	struct sockaddr_fp any = fp_host(AF_INET, HOST_B, 0);
	int listener = fp_open_seqpacket(HOST_B);

	v->fd = fp_open_seqpacket(HOST_A);
	if (limit_messages(listener) || limit_messages(v->fd) ||
	    fp_bind(listener, &any) || listen(listener, 1) ||
	    fp_name(listener, &v->peer_name) ||
	    fp_connect(v->fd, &v->peer_name))
		return -1;
	v->peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return close(listener);
}

static int connect_rdm(struct victim *v)
{
	v->peer = rdm_listen(HOST_B, AF_INET, &v->peer_name);
	v->fd = rdm_open(HOST_A);
	if (limit_messages(v->fd))
		return -1;
	return rdm_dial(v->fd, &v->peer_name, &v->conn);
}

static int open_dgram(struct victim *v)
{
	v->peer = fp_open_host(HOST_B, AF_INET, &v->peer_name);
	v->fd = fp_open_host(HOST_A, AF_INET, &v->name);
	return v->fd < 0 || v->peer < 0 ? -1 : 0;
}

/* An honest descriptor, of any slot and length. */
static void queue(struct victim *v)
{
	__u32 slot = random_below(&v->seed, SLOTS), len, i;
	struct fp_ring_send *send;

	send = &v->ring.sends[v->queued++ & (v->ring.info.sends - 1)];
	len = random_below(&v->seed, 2) ? random_below(&v->seed, LARGEST) :
					  random_below(&v->seed, SLOT);
	if (v->type == SOCK_DGRAM)
		len = random_below(&v->seed, SLOT);
	for (i = slot; i + 1 < SLOTS; i++)
		v->ring.links[i] = i + 1;
	memset(send, 0, sizeof(*send));
	send->conn = v->conn;
	send->slot = slot;
	send->len = len;
	if (v->type == SOCK_DGRAM) {
		v->ring.names[slot] = v->peer_name;
		send->flags = FP_RING_TO;
	}
	__atomic_store_n(&v->ring.ctl->send_tail, v->queued, __ATOMIC_RELEASE);
}

static void give(struct victim *v, __u32 slot)
{
	v->ring.frees[v->given++ & (v->ring.info.frees - 1)] = slot;
	__atomic_store_n(&v->ring.ctl->free_tail, v->given, __ATOMIC_RELEASE);
}

/* One message to the socket with the ring, and what came from it. */
static void talk(struct victim *v, unsigned char *buf)
{
	size_t len = random_below(&v->seed, 4) ? 100 : LARGEST - 1;
	struct got got;
	ssize_t done;

	if (v->type == SOCK_DGRAM) {
		done = fp_sendto(v->peer, message, 100, &v->name);
	} else if (v->type == SOCK_SEQPACKET) {
		done = send(v->peer, message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		done = v->conn && v->received ?
		       rdm_send(v->peer, v->name.sfp_conn, message, len,
				MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
	}
	if (done >= 0)
		__atomic_add_fetch(&v->sent, 1, __ATOMIC_RELAXED);
	do {
		if (v->type == SOCK_RDM) {
			got = rdm_receive(v->peer, buf, LARGEST, MSG_DONTWAIT);
			done = got.len;
			if (done >= 0)
				v->name = got.name;
		} else {
			done = recv(v->peer, buf, LARGEST, MSG_DONTWAIT);
		}
		if (done > 0 || (!done && v->type != SOCK_SEQPACKET))
			__atomic_add_fetch(&v->received, 1, __ATOMIC_RELAXED);
	} while (done > 0);
}

static void *traffic(void *arg)
{
	struct pollfd p = { .events = POLLIN };
	unsigned char *buf = malloc(LARGEST);
	struct victim *v = arg;

	p.fd = v->peer;
	while (!__atomic_load_n(&v->stop, __ATOMIC_RELAXED)) {
		talk(v, buf);
		poll(&p, 1, 1);
	}
	free(buf);
	return NULL;
}

static int victim_open(struct victim *v, int type, unsigned int receive)
{
	struct fp_ring_req req = { .slot_size = SLOT, .slots = SLOTS };
	unsigned int i;
	int err;

	memset(v, 0, sizeof(*v));
	v->type = type;
	v->seed = 1;
	if (type == SOCK_SEQPACKET)
		err = connect_seqpacket(v);
	else
		err = type == SOCK_RDM ? connect_rdm(v) : open_dgram(v);
	if (err || setsockopt(v->fd, SOL_FASTPROTO, FP_RING, &req, sizeof(req)) ||
	    ring_map(v->fd, &v->ring))
		return -1;
	for (i = 0; i < receive; i++)
		give(v, i);
	return ring_tell(&v->ring);
}

static int victim_start(struct victim *v)
{
	return pthread_create(&v->traffic, NULL, traffic, v) ? -1 : 0;
}

static void victim_stop(struct victim *v)
{
	__atomic_store_n(&v->stop, true, __ATOMIC_RELAXED);
	pthread_join(v->traffic, NULL);
}

static void victim_close(struct victim *v)
{
	ring_unmap(&v->ring);
	close(v->fd);
	close(v->peer);
}

/* All that has come is read. Returns how many descriptors were done with. */
static unsigned int read_events(struct victim *v)
{
	const struct fp_ring_event *event;
	unsigned int done = 0;

	while ((event = ring_peek(&v->ring))) {
		done += event->type == FP_RING_SENT;
		ring_seen(&v->ring);
	}
	return done;
}

/* A number that somebody might forget to look at. */
static __u32 strange(struct victim *v)
{
	const __u32 numbers[] = {
		0, 1, 2, SLOTS - 1, SLOTS, SLOTS + 1, 2 * SLOTS, SLOT, SLOT + 1,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, v->given,
		v->given - 1, v->given + SLOTS, v->queued + 1,
		v->queued + SLOTS + 1, v->ring.ctl->event_head + 1,
	};
	unsigned int i = random_below(&v->seed, ARRAY_SIZE(numbers) + 4);

	if (i < ARRAY_SIZE(numbers))
		return numbers[i];
	return random_below(&v->seed, 1 << 24) * (i & 1 ? 257 : 1);
}

/* Somewhere in so many bytes from there on. */
static void spoil(struct victim *v, __u64 offset, __u64 size)
{
	__u32 *words = v->ring.base + offset;

	WRITE_ONCE(words[random_below(&v->seed, size / sizeof(__u32))],
		   strange(v));
}

static void write_anywhere(struct victim *v)
{
	const struct fp_ring_info *info = &v->ring.info;

	switch (random_below(&v->seed, 10)) {
	case 0:
		spoil(v, info->ctl_off, sizeof(struct fp_ring_ctl));
		break;
	case 1:
		WRITE_ONCE(v->ring.ctl->event_head, strange(v));
		break;
	case 2:
		WRITE_ONCE(v->ring.ctl->free_tail, strange(v));
		break;
	case 3:
		WRITE_ONCE(v->ring.ctl->send_tail, strange(v));
		break;
	case 4:
		spoil(v, info->events_off, (__u64)info->events * info->event_size);
		break;
	case 5:
		spoil(v, info->frees_off, info->frees * sizeof(__u32));
		break;
	case 6:
		spoil(v, info->sends_off, (__u64)info->sends * info->send_size);
		break;
	case 7:
		spoil(v, info->links_off, info->slots * sizeof(__u32));
		break;
	case 8:
		spoil(v, info->names_off, (__u64)info->slots * info->name_size);
		break;
	default:
		spoil(v, 0, info->size);
		break;
	}
}

/* For a while it is an application as any other, so that things happen. */
static void behave(struct victim *v)
{
	struct fp_ring_ctl *ctl = v->ring.ctl;
	__u32 i, best = 0, stamp;

	for (i = 0; i < v->ring.info.events; i++) {
		stamp = READ_ONCE(v->ring.events[i].stamp);
		if (((stamp - 1) & (v->ring.info.events - 1)) == i &&
		    (__s32)(stamp - best) > 0 && stamp - best < 1 << 20)
			best = stamp;
	}
	__atomic_store_n(&ctl->event_head, best, __ATOMIC_RELEASE);
	for (i = 0; i < 4; i++)
		give(v, random_below(&v->seed, SLOTS));
	for (i = 0; i < 4; i++)
		queue(v);
	ioctl(v->fd, SIOCFPRING);
	read_events(v);
}

/* Others on the same hosts, who must not notice. */
struct witness {
	int from;
	int to;
	struct transfer transfer;
};

static int witness_start(struct witness *w)
{
	if (fp_pair(AF_INET, &w->from, &w->to))
		return -1;
	w->transfer = (struct transfer) {
		.from = w->from, .to = w->to, .stream = 1, .largest = 20000,
	};
	return transfer_start(&w->transfer);
}

/* Something came since, and all that was sent did. */
static bool witness_end(struct witness *w)
{
	time_t end = time(NULL) + PATIENCE;
	bool good;

	/* A short test on a busy host may be faster. */
	while (!transfer_received(&w->transfer) && time(NULL) <= end)
		usleep(1000);
	good = transfer_received(&w->transfer) > 0;
	transfer_stop(&w->transfer);
	good = transfer_end(&w->transfer) && good;
	close(w->from);
	close(w->to);
	return good;
}

/* The same kind of socket, anew: does it work? */
static bool works(int type)
{
	struct fp_ring_event event;
	struct victim v;
	int i;

	if (victim_open(&v, type, SLOTS / 2))
		return false;
	for (i = 0; i < 10; i++) {
		ring_queue(&v.ring, v.conn, SLOTS - 1, "hello", 5,
			   type == SOCK_DGRAM ? FP_RING_TO : 0);
		v.ring.names[SLOTS - 1] = v.peer_name;
		if (ring_tell(&v.ring))
			break;
		do {
			if (!ring_wait(&v.ring, &event))
				break;
		} while (event.type != FP_RING_SENT);
		if (event.type != FP_RING_SENT || event.error ||
		    event.slot != SLOTS - 1 || !fp_wait(v.peer, POLLIN) ||
		    recv(v.peer, message, sizeof(message), 0) != 5)
			break;
	}
	victim_close(&v);
	return i == 10;
}

FIXTURE(hostile) {
	struct victim victim;
	struct witness witness;
};

FIXTURE_VARIANT(hostile) {
	int type;
};

FIXTURE_VARIANT_ADD(hostile, seqpacket) { .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(hostile, rdm) { .type = SOCK_RDM };
FIXTURE_VARIANT_ADD(hostile, dgram) { .type = SOCK_DGRAM };

FIXTURE_SETUP(hostile)
{
	/* What is allocated once and kept. */
	ASSERT_TRUE(works(variant->type));
	ASSERT_EQ(0, witness_start(&self->witness));
	ASSERT_EQ(0, victim_open(&self->victim, variant->type, SLOTS / 2));
	ASSERT_EQ(0, victim_start(&self->victim));
}

FIXTURE_TEARDOWN(hostile)
{
	EXPECT_TRUE(witness_end(&self->witness));
	EXPECT_TRUE(works(variant->type));
}

/* Every byte of what is mapped, under traffic. */
TEST_F_TIMEOUT(hostile, writes_anywhere, 900)
{
	const unsigned int writes = fewer(350000);
	struct victim *v = &self->victim;
	unsigned int i;

	for (i = 0; i < writes; i++) {
		write_anywhere(v);
		if (i % 37 == 0)
			ioctl(v->fd, SIOCFPRING);
		if (i % 101 == 0)
			behave(v);
	}
	victim_stop(v);
	EXPECT_LT(0, v->sent);
	EXPECT_LT(0, v->received);
	victim_close(v);
}

struct flipper {
	struct victim *v;
	bool stop;
	pthread_t thread;
};

/* Between check and use, if that is two loads. */
static void *flip(void *arg)
{
	struct flipper *f = arg;
	struct victim *v = f->v;
	unsigned int seed = 7, i;
	struct fp_ring_send *send;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		i = random_below(&seed, SLOTS);
		send = &v->ring.sends[i];
		WRITE_ONCE(send->slot, 0xffffffff);
		WRITE_ONCE(send->len, 0xfffffff0);
		WRITE_ONCE(v->ring.links[i], 0xffffffff);
		WRITE_ONCE(send->flags, 0x80);
		WRITE_ONCE(send->slot, i);
		WRITE_ONCE(send->len, 3 * SLOT);
		WRITE_ONCE(v->ring.links[i], i + 1);
		WRITE_ONCE(send->flags, v->type == SOCK_DGRAM ? FP_RING_TO : 0);
		WRITE_ONCE(v->ring.names[i].sfp_family, i & 1 ? 0 : 18);
	}
	return NULL;
}

/* Is it the application's, for the kernel as well? */
static bool is_sendable(struct victim *v, __u32 slot)
{
	struct fp_ring_event event;
	int tries;

	/* The window may be full, for a while. */
	for (tries = 0; tries < 10000; tries++) {
		ring_queue(&v->ring, v->conn, slot, "x", 1,
			   v->type == SOCK_DGRAM ? FP_RING_TO : 0);
		v->ring.names[slot] = v->peer_name;
		if (ring_tell(&v->ring))
			return false;
		do {
			if (!ring_wait(&v->ring, &event))
				return false;
		} while (event.type != FP_RING_SENT || event.slot != slot);
		if (event.error != EAGAIN)
			break;
		usleep(1000);
	}
	if (!event.error && event.nr == 1)
		return true;
	printf("# slot %u: error %d, %u slots\n", slot, event.error, event.nr);
	return false;
}

/*
 * What a descriptor says changes while the kernel reads it. Each is answered, and
 * in the end every slot is the application's again.
 */
TEST_F_TIMEOUT(hostile, descriptors_change, 900)
{
	const unsigned int rounds = fewer(20000);
	struct victim *v = &self->victim;
	struct flipper f = { .v = v };
	struct fp_ring_stats stats;
	unsigned int i, taken = 0, done = 0;
	time_t end;
	int ret;

	ASSERT_EQ(0, pthread_create(&f.thread, NULL, flip, &f));
	for (i = 0; i < rounds; i++) {
		v->queued = READ_ONCE(v->ring.ctl->send_head) + 8;
		__atomic_store_n(&v->ring.ctl->send_tail, v->queued,
				 __ATOMIC_RELEASE);
		ret = ioctl(v->fd, SIOCFPRING);
		EXPECT_TRUE(ret >= 0 || errno == EAGAIN);
		taken += ret > 0 ? ret : 0;
		done += read_events(v);
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(f.thread, NULL);
	EXPECT_LT(rounds, taken);
	ASSERT_EQ(0, ring_stats(v->fd, &stats));
	EXPECT_LT(0, stats.invalid);
	/* Each is told of once. */
	for (end = time(NULL) + PATIENCE; done < taken && time(NULL) <= end;) {
		ASSERT_LE(0, poll(&(struct pollfd){ v->fd, POLLIN, 0 }, 1, 100));
		done += read_events(v);
		ASSERT_EQ(0, ring_tell(&v->ring));
	}
	EXPECT_EQ(taken, done);
	/* None was given to receive into but the first half. */
	for (i = SLOTS / 2; i < SLOTS; i++)
		ASSERT_TRUE(is_sendable(v, i)) {
			TH_LOG("slot %u is lost", i);
		}
	victim_stop(v);
	victim_close(v);
}

/* Numbers that cannot be, one after the other: nothing happens, nothing stops. */
TEST_F(hostile, indices_make_no_sense)
{
	static const __s64 distances[] = {
		-1, -SLOTS, SLOTS + 1, 1000, 0x7fffffff, 0x80000000,
	};
	struct victim *v = &self->victim;
	struct fp_ring_ctl *ctl = v->ring.ctl;
	__u32 head;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(distances); i++) {
		head = ctl->send_head;
		WRITE_ONCE(ctl->send_tail, head + distances[i]);
		EXPECT_EQ(0, ioctl(v->fd, SIOCFPRING));
		EXPECT_EQ(head, ctl->send_head);
		WRITE_ONCE(ctl->send_tail, head);
		WRITE_ONCE(ctl->free_tail, v->given + distances[i]);
		EXPECT_LE(0, ioctl(v->fd, SIOCFPRING));
		WRITE_ONCE(ctl->free_tail, v->given);
		head = ctl->event_head;
		WRITE_ONCE(ctl->event_head, head + distances[i]);
		ioctl(v->fd, SIOCFPRING);
		WRITE_ONCE(ctl->event_head, head);
		EXPECT_LE(0, ioctl(v->fd, SIOCFPRING));
		read_events(v);
	}
	for (i = SLOTS / 2; i < SLOTS; i++)
		ASSERT_TRUE(is_sendable(v, i));
	victim_stop(v);
	victim_close(v);
}

/* Slots that do not exist, or are given twice, are passed over and counted. */
TEST_F(hostile, slots_that_make_no_sense)
{
	struct victim *v = &self->victim;
	time_t end = time(NULL) + PATIENCE;
	struct fp_ring_stats stats;
	int i;

	for (i = 0; i < 4; i++) {
		give(v, SLOTS - 1);
		give(v, SLOTS);
		give(v, SLOTS - 1);
		give(v, 0xffffffff);
	}
	/*
	 * They are taken when something comes, behind those that are good; a
	 * large message waits until there are as many as it needs.
	 */
	i = 0;
	do {
		if (i < SLOTS / 4)
			give(v, i++);
		queue(v);
		ASSERT_LE(0, ioctl(v->fd, SIOCFPRING));
		ASSERT_LE(0, poll(&(struct pollfd){ v->fd, POLLIN, 0 }, 1, 100));
		read_events(v);
		ASSERT_EQ(0, ring_stats(v->fd, &stats));
	} while (stats.invalid < 8 && time(NULL) <= end);
	EXPECT_LE(8, stats.invalid);
	victim_stop(v);
	victim_close(v);
}

/* The mapping goes, and comes again, in parts, elsewhere. */
TEST_F(hostile, unmapped_in_use)
{
	struct victim *v = &self->victim;
	size_t size = v->ring.info.size;
	__u32 *part, *moved, *at;
	int i;

	for (i = 0; i < 20; i++) {
		behave(v);
		EXPECT_EQ(0, munmap(v->ring.base, size));
		ioctl(v->fd, SIOCFPRING);
		usleep(1000);
		ASSERT_EQ(0, ring_map(v->fd, &v->ring));
		/* A hole, and what is behind it elsewhere. */
		EXPECT_EQ(0, munmap(v->ring.base + PAGE, PAGE));
		moved = mremap(v->ring.base + 2 * PAGE, PAGE, PAGE,
			       MREMAP_MAYMOVE);
		EXPECT_NE(MAP_FAILED, moved);
		part = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    v->fd, 2 * PAGE);
		ASSERT_NE(MAP_FAILED, part);
		at = part + PAGE / sizeof(*part) - 1;
		WRITE_ONCE(*at, i);
		EXPECT_EQ(i, READ_ONCE(moved[at - part]));
		EXPECT_EQ(0, munmap(part, PAGE));
		EXPECT_EQ(MAP_FAILED, mremap(moved, PAGE, 2 * PAGE,
					     MREMAP_MAYMOVE));
		EXPECT_EQ(0, munmap(moved, PAGE));
		munmap(v->ring.base, size);
		ASSERT_EQ(0, ring_map(v->fd, &v->ring));
	}
	victim_stop(v);
	victim_close(v);
}

/* What a child does to the mapping after fork(), it does to the parent's. */
TEST_F(hostile, forked)
{
	struct victim *v = &self->victim;
	int i, status;
	pid_t child;

	for (i = 0; i < 5; i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			for (i = 0; i < 5000; i++) {
				write_anywhere(v);
				if (i % 50 == 0)
					ioctl(v->fd, SIOCFPRING);
			}
			_exit(0);
		}
		while (!waitpid(child, &status, WNOHANG))
			behave(v);
		EXPECT_EQ(0, status);
	}
	/* One that has nothing but the mapping outlives the socket. */
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(v->fd);
		for (i = 0; i < 20000; i++)
			write_anywhere(v);
		_exit(0);
	}
	victim_stop(v);
	victim_close(v);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

static void *kick(void *arg)
{
	struct victim *v = arg;

	while (ioctl(v->fd, SIOCFPRING) >= 0 || errno != EBADF)
		;
	return NULL;
}

static void *wait_for_events(void *arg)
{
	struct victim *v = arg;
	struct pollfd p = { .fd = v->fd, .events = POLLIN };

	while (poll(&p, 1, 10) >= 0 && !(p.revents & POLLNVAL))
		WRITE_ONCE(v->ring.ctl->event_head,
			   v->ring.ctl->event_head + 1);
	return NULL;
}

/* While others are in poll() and in the ioctl. */
TEST_F(hostile, closed_by_another_thread)
{
	struct victim *v = &self->victim;
	pthread_t threads[2];
	int i;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, kick, v));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, wait_for_events, v));
	for (i = 0; i < 20; i++)
		behave(v);
	/* Whatever the number means next, it must not be another socket. */
	EXPECT_EQ(0, close(v->fd));
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	for (i = 0; i < 1000; i++)
		write_anywhere(v);
	ring_unmap(&v->ring);
	victim_stop(v);
	close(v->peer);
}

/* A process that is killed, or becomes another, in the middle of it. */
TEST_F(hostile, killed_and_replaced)
{
	struct victim *v = &self->victim;
	int i, status, pipes[2];
	pid_t child;
	char byte;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			struct victim own;

			if (victim_open(&own, variant->type, SLOTS / 2) ||
			    victim_start(&own) || write(pipes[1], "x", 1) != 1)
				_exit(1);
			if (i & 1) {
				behave(&own);
				execl("/bin/true", "true", NULL);
				_exit(1);
			}
			for (;;)
				behave(&own);
		}
		close(pipes[1]);
		ASSERT_EQ(1, read(pipes[0], &byte, 1));
		close(pipes[0]);
		if (!(i & 1)) {
			usleep(20000);
			kill(child, SIGKILL);
		}
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(i & 1 ? 0 : SIGKILL, status);
	}
	victim_stop(v);
	victim_close(v);
}

static int references(void)
{
	FILE *file = fopen("/sys/module/fastproto/refcnt", "r");
	int count = -1;

	if (file && fscanf(file, "%d", &count) != 1)
		count = -1;
	if (file)
		fclose(file);
	return count;
}

static bool wait_references(int count)
{
	time_t end = time(NULL) + PATIENCE;

	while (references() != count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

TEST(a_mapping_keeps_the_module)
{
	int before = references(), fd = fp_open(HOST_A);
	struct ring ring;

	ASSERT_LE(0, before);
	ASSERT_EQ(0, ring_open(fd, SLOT, SLOTS, 0, &ring));
	close(fd);
	EXPECT_LT(before, references());
	EXPECT_EQ(-1, module_unload());
	memset(ring.base, 0x55, ring.info.size);
	ring_unmap(&ring);
	EXPECT_TRUE(wait_references(before));
}

/* Only one of many threads makes it. */
static void *make(void *arg)
{
	int *fd = arg;

	return (void *)(long)(ring_make(*fd, SLOT, SLOTS, 0) ? errno : 0);
}

TEST(made_once)
{
	pthread_t threads[4];
	int i, j, fd, made;
	void *error;

	for (i = 0; i < 20; i++) {
		fd = fp_open(HOST_A);
		made = 0;
		for (j = 0; j < 4; j++)
			ASSERT_EQ(0, pthread_create(&threads[j], NULL, make,
						    &fd));
		for (j = 0; j < 4; j++) {
			pthread_join(threads[j], &error);
			made += !error;
			EXPECT_TRUE(!error || (long)error == EBUSY);
		}
		EXPECT_EQ(1, made);
		close(fd);
	}
}

/* As a user without rights; returns the line in which something is wrong. */
static int use_up_locked_memory(void)
{
	const struct rlimit limit = { 300 << 10, 300 << 10 };
	int a = fp_open(HOST_A), b = fp_open(HOST_A);
	time_t end = time(NULL) + PATIENCE;
	struct ring ring;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(65534, 65534, 65534))
		return __LINE__;
	if (!ring_make(a, SLOT, 1024, 0) || errno != ENOBUFS)
		return __LINE__;
	if (ring_make(a, SLOT, 128, 0) || ring_map(a, &ring))
		return __LINE__;
	if (!ring_make(b, SLOT, 128, 0) || errno != ENOBUFS)
		return __LINE__;
	close(a);
	/* It is still mapped. */
	usleep(10000);
	if (!ring_make(b, SLOT, 128, 0) || errno != ENOBUFS)
		return __LINE__;
	ring_unmap(&ring);
	while (ring_make(b, SLOT, 128, 0))
		if (errno != ENOBUFS || time(NULL) > end)
			return __LINE__;
	return 0;
}

TEST(locked_memory_is_limited)
{
	int status;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(use_up_locked_memory() & 0xff);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("line %d", WEXITSTATUS(status));
	}
}

/* What is closed under traffic, or is still being sent, comes back. */
TEST(memory_comes_back)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_RDM, SOCK_DGRAM };
	const unsigned int rounds = fewer(100) + 10;
	struct memory before;
	struct victim v;
	unsigned int i, j;

	for (i = 0; i < rounds; i++) {
		/* The first ones fill what is kept. */
		if (i == 10)
			memory_read(&before);
		ASSERT_EQ(0, victim_open(&v, types[i % 3], SLOTS / 2));
		ASSERT_EQ(0, victim_start(&v));
		for (j = 0; j < 3; j++)
			behave(&v);
		if (i & 1) {
			victim_stop(&v);
			victim_close(&v);
		} else {
			ring_unmap(&v.ring);
			close(v.fd);
			victim_stop(&v);
			close(v.peer);
		}
	}
	/* A ring is 100 KiB. */
	EXPECT_TRUE(memory_wait(&before, 512, 3000));
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	net_setup();
	return test_harness_run(argc, argv);
}
