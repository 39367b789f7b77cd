// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fake_ring.h"

#define EVENT_SIZE	128	/* of a later kernel: longer than we know */
#define SEND_SIZE	64
#define NAME_SIZE	64

struct fake fake;

static __u32 power_of_two(__u32 n)
{
	__u32 power = 1;

	while (power < n)
		power *= 2;
	return power;
}

static __u64 put(__u64 *end, __u64 bytes)
{
	__u64 at = *end;

	*end += (bytes + 63) / 64 * 64;
	return at;
}

static void make_ring(void)
{
	__u32 slots = fake.req.slots, slot_size = fake.req.slot_size;
	__u32 events = fake.req.events;
	struct fp_ring_info *info = &fake.info;

	*info = (struct fp_ring_info){
		.slot_size = slot_size, .slots = slots,
		.events = events ? events : power_of_two(2 * slots),
		.frees = power_of_two(slots), .sends = power_of_two(slots),
		.event_size = EVENT_SIZE, .send_size = SEND_SIZE,
		.name_size = NAME_SIZE,
	};
	info->ctl_off = put(&info->size, sizeof(struct fp_ring_ctl));
	info->events_off = put(&info->size, (__u64)EVENT_SIZE * info->events);
	info->frees_off = put(&info->size, 4ull * info->frees);
	info->sends_off = put(&info->size, (__u64)SEND_SIZE * info->sends);
	info->links_off = put(&info->size, 4ull * slots);
	info->names_off = put(&info->size, (__u64)NAME_SIZE * slots);
	info->pool_off = put(&info->size, (__u64)slots * slot_size);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	errno = EINVAL;
	if (fd == fake.fd && level == SOL_SOCKET && name == SO_RCVTIMEO)
		return 0;
	if (fd != fake.fd || level != SOL_FASTPROTO)
		return -1;
	if (name == FP_RING && len == sizeof(fake.req)) {
		memcpy(&fake.req, value, sizeof(fake.req));
		make_ring();
		return 0;
	}
	if (len != sizeof(int))
		return -1;
	if (name == FP_EVENTS) {
		memcpy(&fake.events_on, value, sizeof(int));
		return 0;
	}
	errno = EISCONN;
	if (name != FP_MSG_MAX || fake.connected)
		return -1;
	memcpy(&fake.msg_max, value, sizeof(int));
	return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	static const struct timeval no_time;
	const void *from = NULL;
	size_t size = sizeof(int);

	errno = EINVAL;
	if (fd != fake.fd)
		return -1;
	if (level == SOL_SOCKET && name == SO_TYPE)
		from = &fake.type;
	else if (level == SOL_FASTPROTO && name == FP_MSG_MAX)
		from = &fake.msg_max;
	else if (level == SOL_FASTPROTO && name == FP_RING)
		from = &fake.info;
	else if (level == SOL_SOCKET && name == SO_RCVTIMEO)
		from = &no_time;
	if (from == &fake.info)
		size = sizeof(fake.info);
	if (from == &no_time)
		size = sizeof(no_time);
	if (!from || *len < size)
		return -1;
	memcpy(value, from, size);
	*len = size;
	return 0;
}

static void take_all(void)
{
	while (fake.takes && fake_sent_next())
		;
}

/* The socket is an eventfd. */
static int wake(void)
{
	const __u64 one = 1;

	return write(fake.fd, &one, sizeof(one)) < 0 ? -1 : 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	errno = EINVAL;
	if (fd == fake.fd && request == SIOCFPWAKE)
		return wake();
	if (fd != fake.fd || request != SIOCFPRING)
		return -1;
	fake.kicks++;
	take_all();
	errno = fake.kick_error;
	return fake.kick_error ? -1 : 0;
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	__u64 count;

	if (fd != fake.fd || buf || len || flags)
		abort();
	fake.sleeps++;
	take_all();
	if (fake.on_sleep)
		fake.on_sleep();
	errno = fake.sleep_error;
	if (fake.sleep_error)
		return -1;
	if (fake.event_tail != fake_ctl()->event_head)
		return 0;
	return read(fd, &count, sizeof(count)) < 0 ? -1 : 0;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off)
{
	if (!fake.info.size || fd != fake.fd)
		return __real_mmap(addr, len, prot, flags, fd, off);
	errno = EINVAL;
	if (addr || len != fake.info.size || off ||
	    prot != (PROT_READ | PROT_WRITE) || flags != MAP_SHARED)
		return MAP_FAILED;
	fake.map = aligned_alloc(64, len);
	memset(fake.map, 0, len);
	return fake.map;
}

int __wrap_munmap(void *addr, size_t len)
{
	if (!addr || addr != fake.map)
		return __real_munmap(addr, len);
	if (len != fake.info.size)
		abort();
	free(fake.map);
	fake.map = NULL;
	return 0;
}

struct fp_ring *fake_ring(__u32 slot_size, __u32 slots,
			  __u32 receive_slots)
{
	const struct fp_ring_config config = {
		.slot_size = slot_size, .slots = slots,
		.receive_slots = receive_slots,
	};
	struct fp_ring *ring;

	fake = (struct fake){
		.fd = eventfd(0, 0), .type = SOCK_RDM, .msg_max = 65536
	};
	return fp_ring_attach(&ring, fake.fd, &config) ? NULL : ring;
}

struct fp_ring_ctl *fake_ctl(void)
{
	return (void *)(fake.map + fake.info.ctl_off);
}

static __u32 *links(void)
{
	return (void *)(fake.map + fake.info.links_off);
}

__u32 fake_link(__u32 slot)
{
	return links()[slot];
}

void fake_set_link(__u32 slot, __u32 next)
{
	links()[slot] = next;
}

unsigned char *fake_slot(__u32 slot)
{
	return fake.map + fake.info.pool_off +
	       (size_t)slot * fake.info.slot_size;
}

struct sockaddr_fp *fake_name(__u32 slot)
{
	return (void *)(fake.map + fake.info.names_off +
			(size_t)slot * NAME_SIZE);
}

void fake_post(struct fp_ring_event event)
{
	__u32 place = fake.event_tail & (fake.info.events - 1);
	struct fp_ring_event *to = (void *)(fake.map + fake.info.events_off +
					    (size_t)place * EVENT_SIZE);

	if (fake.event_tail - fake_ctl()->event_head >= fake.info.events)
		abort();
	event.stamp = ++fake.event_tail;
	*to = event;
}

__u32 fake_free_count(void)
{
	return fake_ctl()->free_tail - fake.free_head;
}

/* A slot of those that were given to the kernel, or NONE. */
__u32 fake_take(void)
{
	const __u32 *frees = (void *)(fake.map + fake.info.frees_off);

	if (!fake_free_count())
		return NONE;
	return frees[fake.free_head++ & (fake.info.frees - 1)];
}

/* A message comes. Returns its first slot. */
__u32 fake_message(const void *bytes, __u32 len, __u64 conn)
{
	struct fp_ring_event event = {
		.type = FP_RING_MESSAGE, .conn = conn, .len = len,
	};
	__u32 slot, last = NONE;
	__u32 at = 0, n;

	do {
		slot = fake_take();
		if (slot == NONE)
			abort();
		n = len - at;
		if (n > fake.info.slot_size)
			n = fake.info.slot_size;
		if (n)
			memcpy(fake_slot(slot), bytes + at, n);
		at += n;
		if (last == NONE)
			event.slot = slot;
		else
			links()[last] = slot;
		last = slot;
		event.nr++;
	} while (at < len);
	links()[last] = NONE;	/* means nothing */
	fake_post(event);
	return event.slot;
}

/* The next descriptor, or NULL. */
const struct fp_ring_send *fake_sent_next(void)
{
	__u32 place = fake.send_head & (fake.info.sends - 1);

	if (fake.send_head == fake_ctl()->send_tail)
		return NULL;
	fake_ctl()->send_head = ++fake.send_head;
	return (void *)(fake.map + fake.info.sends_off +
			(size_t)place * SEND_SIZE);
}

/* What became of a descriptor; it may be one that was not even taken. */
void fake_sent(const struct fp_ring_send *send, int error, bool took)
{
	__u32 nr = (send->len + fake.info.slot_size - 1) /
		      fake.info.slot_size;

	fake_post((struct fp_ring_event){
		.type = FP_RING_SENT, .conn = send->conn, .error = error,
		.slot = send->slot, .nr = !took ? 0 : nr ? nr : 1,
		.len = send->len,
	});
}

/* A descriptor with FP_RING_QUIET is refused; that is counted before it is told. */
void fake_refuse(const struct fp_ring_send *send, int error)
{
	fake_ctl()->refused++;
	fake_sent(send, error, true);
}
