// SPDX-License-Identifier: GPL-2.0
/* A ring: its making, its events, and what the kernel is told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

#define SLOT_SIZE	2048	/* if nothing is said */
#define SLOTS		1024
#define LONG		1000000	/* seconds, 11 days */

static int get_option(int fd, int level, int name, void *value, socklen_t size)
{
	socklen_t len = size;

	return getsockopt(fd, level, name, value, &len) ? -errno : 0;
}

static int set_option(int fd, int level, int name, const void *value,
		      socklen_t size)
{
	return setsockopt(fd, level, name, value, size) ? -errno : 0;
}

__u64 clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void fill_in(struct fp_ring_config *config)
{
	if (!config->slot_size)
		config->slot_size = SLOT_SIZE;
	if (!config->slots)
		config->slots = SLOTS;
	if (!config->receive_slots)
		config->receive_slots = config->slots / 2;
}

/* What the kernel checks is left to it. */
static bool config_fits(const struct fp_ring_config *config)
{
	return config->receive_slots && config->receive_slots < config->slots &&
	       !(config->flags & ~FP_RING_IN_ORDER) && !config->reserved[0] &&
	       !config->reserved[1] && !config->reserved[2];
}

/*
 * Whether recv(2) of no bytes waits for events. With a timeout, however long, it is
 * interrupted by any signal, as poll(2) is. Errors of datagrams are to be read by
 * the application, not by that.
 */
static bool may_sleep(const struct fp_ring *ring)
{
	const struct timeval patience = { .tv_sec = LONG };
	int flags = fcntl(ring->fd, F_GETFL);
	struct timeval old;

	if (ring->type == SOCK_DGRAM || flags < 0 || flags & O_NONBLOCK)
		return false;
	if (get_option(ring->fd, SOL_SOCKET, SO_RCVTIMEO, &old, sizeof(old)) ||
	    old.tv_sec || old.tv_usec)
		return false;
	return !set_option(ring->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
}

/*
 * The kernel sees to it that a message fits into the pool, but not all of that is
 * for receiving. Too late if the socket is connected.
 */
static int limit_messages(const struct fp_ring *ring,
			  const struct fp_ring_config *config)
{
	__u64 most = (__u64)config->receive_slots * config->slot_size;
	int value, err;

	if (ring->type == SOCK_DGRAM)
		return 0;
	err = get_option(ring->fd, SOL_FASTPROTO, FP_MSG_MAX, &value,
			 sizeof(value));
	if (err || (__u64)value <= most)
		return err;
	value = most;
	err = set_option(ring->fd, SOL_FASTPROTO, FP_MSG_MAX, &value,
			 sizeof(value));
	return err == -EISCONN ? 0 : err;
}

static int set_up(struct fp_ring *ring, const struct fp_ring_config *config)
{
	const struct fp_ring_req req = {
		.slot_size = config->slot_size,
		.slots = config->slots,
		.events = config->events,
		.flags = config->flags,
	};
	const int on = 1;
	int err;

	err = get_option(ring->fd, SOL_SOCKET, SO_TYPE, &ring->type,
			 sizeof(ring->type));
	if (!err)
		err = limit_messages(ring, config);
	if (!err && ring->type == SOCK_RDM)
		err = set_option(ring->fd, SOL_FASTPROTO, FP_EVENTS, &on,
				 sizeof(on));
	if (!err)
		err = set_option(ring->fd, SOL_FASTPROTO, FP_RING, &req,
				 sizeof(req));
	if (!err)
		err = get_option(ring->fd, SOL_FASTPROTO, FP_RING, &ring->info,
				 sizeof(ring->info));
	return err;
}

static int map_ring(struct fp_ring *ring)
{
	const struct fp_ring_info *info = &ring->info;
	unsigned char *at;
	void *map;

	map = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   ring->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	at = map;
	ring->map = map;
	ring->ctl = (void *)(at + info->ctl_off);
	ring->events = at + info->events_off;
	ring->frees = (void *)(at + info->frees_off);
	ring->sends = at + info->sends_off;
	ring->links = (void *)(at + info->links_off);
	ring->names = at + info->names_off;
	ring->pool = at + info->pool_off;
	return 0;
}

static void free_ring(struct fp_ring *ring)
{
	if (ring->map)
		munmap(ring->map, ring->info.size);
	slots_free(ring);
	free(ring);
}

int fp_ring_attach(struct fp_ring **to, int fd,
		   const struct fp_ring_config *from)
{
	struct fp_ring_config config = { 0 };
	struct fp_ring *ring;
	int err;

	if (from)
		config = *from;
	fill_in(&config);
	if (!to || fd < 0 || !config_fits(&config))
		return -EINVAL;

	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ring->fd = fd;
	ring->receive_slots = config.receive_slots;
	ring->flags = config.flags;
	err = set_up(ring, &config);
	if (!err)
		err = map_ring(ring);
	if (!err)
		err = slots_init(ring);
	if (!err)
		err = fp_ring_flush(ring);
	if (err) {
		free_ring(ring);
		return err;
	}
	ring->may_sleep = may_sleep(ring);
	*to = ring;
	return 0;
}

/* The ring comes first: nothing may come before it. */
int fp_ring_open(struct fp_ring **to, int type, const struct sockaddr_fp *local,
		 const struct fp_ring_config *config)
{
	struct fp_ring *ring;
	int fd, err;

	if (!to)
		return -EINVAL;
	fd = socket(AF_FASTPROTO, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = fp_ring_attach(&ring, fd, config);
	if (err) {
		close(fd);
		return err;
	}
	if (local && bind(fd, (const struct sockaddr *)local, sizeof(*local))) {
		err = -errno;
		fp_ring_close(ring);
		return err;
	}
	*to = ring;
	return 0;
}

void fp_ring_close(struct fp_ring *ring)
{
	if (!ring)
		return;
	if (ring->watch)
		watch_del(ring->watch);
	close(ring->fd);
	free_ring(ring);
}

int fp_ring_fd(const struct fp_ring *ring)
{
	return ring ? ring->fd : -EINVAL;
}

int fp_ring_listen(struct fp_ring *ring)
{
	if (!ring)
		return -EINVAL;
	return listen(ring->fd, SOMAXCONN) ? -errno : 0;
}

/* Without waiting for the answer. */
static int connect_only(const struct fp_ring *ring,
			const struct sockaddr_fp *to)
{
	int flags = fcntl(ring->fd, F_GETFL), err = 0;

	fcntl(ring->fd, F_SETFL, flags | O_NONBLOCK);
	if (connect(ring->fd, (const struct sockaddr *)to, sizeof(*to)) &&
	    errno != EINPROGRESS)
		err = -errno;
	fcntl(ring->fd, F_SETFL, flags);
	return err;
}

int fp_ring_connect(struct fp_ring *ring, const struct sockaddr_fp *to,
		    __u64 *conn)
{
	struct sockaddr_fp name;
	int err;

	if (!ring || !to)
		return -EINVAL;
	name = *to;
	name.sfp_conn = 0;
	if (ring->type == SOCK_RDM)
		err = get_option(ring->fd, SOL_FASTPROTO, FP_OPEN, &name,
				 sizeof(name));
	else
		err = connect_only(ring, &name);
	if (!err && conn)
		*conn = name.sfp_conn;
	return err;
}

/* What is queued goes before it. */
int fp_ring_disconnect(struct fp_ring *ring, __u64 conn)
{
	int err;

	if (!ring)
		return -EINVAL;
	err = fp_ring_flush(ring);
	if (err)
		return err;
	if (ring->type == SOCK_RDM)
		return set_option(ring->fd, SOL_FASTPROTO, FP_CLOSE, &conn,
				  sizeof(conn));
	return shutdown(ring->fd, SHUT_WR) ? -errno : 0;
}

/* In a loop, the loop flushes it. */
void ring_touched(struct fp_ring *ring)
{
	if (ring->watch)
		loop_dirty(ring->watch);
}

static const struct fp_ring_event *next_entry(const struct fp_ring *ring)
{
	__u32 place = ring->event_head & (ring->info.events - 1);

	return (const void *)(ring->events +
			      (size_t)place * ring->info.event_size);
}

/* Whether there is an event. Pairs with the kernel's release of the stamp. */
bool ring_pending(const struct fp_ring *ring)
{
	const struct fp_ring_event *entry = next_entry(ring);

	return __atomic_load_n(&entry->stamp, __ATOMIC_ACQUIRE) ==
	       ring->event_head + 1;
}

void ring_end_loan(struct fp_ring *ring)
{
	__u32 slot = ring->event.slot;

	if (ring->event.nr && ring->owner[slot] == FP_OWNER_LOAN)
		slots_give(ring, slot);
	ring->event.nr = 0;
}

static bool is_sending(struct fp_ring *ring, const struct fp_ring_event *event)
{
	if (event->slot >= ring->info.slots)
		return false;
	if (event->error && quiet_refused(ring, event->slot))
		return true;
	return ring->owner[event->slot] == FP_OWNER_SENDING;
}

/*
 * A descriptor's slots are the application's again: all that the message had, also
 * if it was sent shorter than that, or refused. If it was sent nobody needs them
 * any more: then they are spare at once.
 */
static void sent(struct fp_ring *ring, struct fp_ring_event *event)
{
	__u32 slot = event->slot;

	event->nr = 0;
	if (!is_sending(ring, event))
		return;
	if (!event->error) {
		slots_give(ring, slot);
		return;
	}
	event->nr = ring->count[slot];
	ring->owner[slot] = FP_OWNER_LOAN;
}

const struct fp_ring_event *fp_ring_next(struct fp_ring *ring)
{
	struct fp_ring_event *event;

	if (!ring)
		return NULL;
	event = &ring->event;
	ring_end_loan(ring);
	if (!ring_pending(ring))
		return NULL;
	*event = *next_entry(ring);
	ring->event_head++;
	if (event->type == FP_RING_SENT)
		sent(ring, event);
	else if (event->type != FP_RING_MESSAGE || !slots_lend(ring, event))
		event->nr = 0;
	ring_touched(ring);
	return event;
}

static bool publish(__u32 *to, __u32 *told, __u32 value)
{
	if (*told == value)
		return false;
	*told = value;
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
	return true;
}

/* The event ring is full (EAGAIN): that is no error, but has to be read first. */
static int kick(const struct fp_ring *ring)
{
	int ret;

	do
		ret = ioctl(ring->fd, SIOCFPRING, 0);
	while (ret < 0 && errno == EINTR);
	return ret < 0 && errno != EAGAIN ? -errno : 0;
}

/* Returns what the kernel may want to be called for. */
static __u32 publish_all(struct fp_ring *ring)
{
	__u32 need = 0;

	if (publish(&ring->ctl->event_head, &ring->told.event_head,
		    ring->event_head))
		need |= FP_RING_NEED_ROOM;
	if (publish(&ring->ctl->free_tail, &ring->told.free_tail,
		    ring->free_tail))
		need |= FP_RING_NEED_ROOM;
	if (publish(&ring->ctl->send_tail, &ring->told.send_tail,
		    ring->send_tail))
		need |= FP_RING_NEED_SEND;
	return need;
}

/*
 * The fence: either the kernel, before it sleeps over something, sees what was
 * published, or we see that it wants to be told. It pairs with the kernel's
 * between setting a flag and looking once more.
 */
static bool is_needed(const struct fp_ring *ring, __u32 need)
{
	if (!need)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&ring->ctl->flags, __ATOMIC_RELAXED) & need;
}

/* What was copied by the call is given back, and that is told, too. */
int fp_ring_flush(struct fp_ring *ring)
{
	int err = 0;

	if (!ring)
		return -EINVAL;
	quiet_reclaim(ring);
	while (!err && is_needed(ring, publish_all(ring))) {
		err = kick(ring);
		quiet_reclaim(ring);
	}
	return err;
}

/*
 * Flush, and wait for an event, in one call. Returns 0: perhaps there is one. Or it
 * was woken, or what the kernel has copied in that call is missed, which comes back
 * only when the call is over; or it did not sleep, see @may_sleep.
 */
int ring_sleep(struct fp_ring *ring)
{
	quiet_reclaim(ring);
	publish_all(ring);
	if (!recv(ring->fd, NULL, 0, 0))
		return 0;
	if (errno == EINTR)
		return -EINTR;
	ring->may_sleep = false;	/* nor would it the next time */
	return 0;
}

/* By any thread: who is in ring_sleep() returns, or who will be. */
int ring_wake(int fd)
{
	return ioctl(fd, SIOCFPWAKE, 0) ? -errno : 0;
}

/* Looks again and again, but only at memory. */
static bool spin_for(const struct fp_ring *ring, __u64 until)
{
	while (!ring_pending(ring)) {
		if (clock_now() >= until)
			return false;
	}
	return true;
}

static int sleep_for(const struct fp_ring *ring, __s64 timeout)
{
	const struct timespec ts = {
		timeout / NSEC_PER_SEC, timeout % NSEC_PER_SEC
	};
	struct pollfd pfd = { .fd = ring->fd, .events = POLLIN };

	if (ppoll(&pfd, 1, timeout < 0 ? NULL : &ts, NULL) < 0)
		return -errno;
	if (ring_pending(ring))
		return 1;
	return (pfd.revents & (POLLHUP | POLLERR)) ? -EPIPE : 0;
}

/* Until there is an event. Returns 0 if that cannot be done so. */
static int sleep_in_ring(struct fp_ring *ring)
{
	while (ring->may_sleep) {
		int err = ring_sleep(ring);

		if (err)
			return err;
		if (ring_pending(ring))
			return 1;
	}
	return 0;
}

/* For a time, or by looking, or by poll(2). */
static int wait_for(struct fp_ring *ring, __s64 timeout, __u64 spin)
{
	__u64 begin;
	int err;

	err = fp_ring_flush(ring);
	if (err)
		return err;
	if (ring_pending(ring))
		return 1;
	if (timeout >= 0 && spin > (__u64)timeout)
		spin = timeout;
	begin = clock_now();
	if (spin && spin_for(ring, begin + spin))
		return 1;
	if (timeout >= 0) {
		timeout -= clock_now() - begin;
		if (timeout < 0)
			timeout = 0;
	} else {
		err = sleep_in_ring(ring);
		if (err)
			return err;
	}
	return sleep_for(ring, timeout);
}

int fp_ring_wait(struct fp_ring *ring, __s64 timeout, __u64 spin)
{
	int ret = 0;

	if (!ring)
		return -EINVAL;
	if (timeout < 0 && !spin && !ring_pending(ring))
		ret = sleep_in_ring(ring);
	return ret ? ret : wait_for(ring, timeout, spin);
}

/*
 * Events of what was refused are written before send_head is, but for those that wait
 * for room in the event ring. There is room when all was read: then a call brings them.
 */
int fp_ring_settled(struct fp_ring *ring)
{
	__u32 head;

	if (!ring || fp_ring_flush(ring))
		return 0;
	head = __atomic_load_n(&ring->ctl->send_head, __ATOMIC_ACQUIRE);
	if (head != ring->send_tail || ring_pending(ring))
		return 0;
	if (is_needed(ring, FP_RING_NEED_ROOM) && kick(ring))
		return 0;
	return !ring_pending(ring);
}

__u32 fp_ring_spare(const struct fp_ring *ring)
{
	return ring ? ring->nr_spare + quiet_spare(ring) : 0;
}

int fp_ring_config(const struct fp_ring *ring, struct fp_ring_config *config)
{
	if (!ring || !config)
		return -EINVAL;
	*config = (struct fp_ring_config){
		.slot_size = ring->info.slot_size,
		.slots = ring->info.slots,
		.receive_slots = ring->receive_slots,
		.events = ring->info.events,
		.flags = ring->flags,
	};
	return 0;
}

int fp_ring_stats(const struct fp_ring *ring, struct fp_ring_stats *stats)
{
	if (!ring || !stats)
		return -EINVAL;
	return get_option(ring->fd, SOL_FASTPROTO, FP_RING_STATS, stats,
			  sizeof(*stats));
}
