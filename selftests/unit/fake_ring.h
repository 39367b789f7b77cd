/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's side of a ring, in the test's own memory: the calls by which the
 * library makes and kicks a ring come here (the linker's --wrap).
 */
#ifndef _FAKE_RING_H
#define _FAKE_RING_H

#include <sys/socket.h>

#include "lib.h"

#define NONE	UINT32_MAX

/**
 * struct fake - what the kernel would know
 * @fd: the socket
 * @type: SOCK_*
 * @msg_max: FP_MSG_MAX
 * @connected: it may be set no more
 * @events_on: FP_EVENTS
 * @req: FP_RING
 * @info: what is told of it
 * @map: what is mapped
 * @event_tail: events posted
 * @free_head: slots taken
 * @send_head: descriptors taken
 * @takes: calls of SIOCFPRING and recv(2) take all descriptors; none is refused
 * @kicks: calls of SIOCFPRING
 * @kick_error: what they fail with
 * @sleeps: calls of recv(2)
 * @sleep_error: what they fail with
 * @on_sleep: what happens while it sleeps, or NULL; if there is no event after it, it
 *	sleeps until SIOCFPWAKE
 */
struct fake {
	int fd;
	int type;
	int msg_max;
	bool connected;
	int events_on;
	struct fp_ring_req req;
	struct fp_ring_info info;
	unsigned char *map;
	__u32 event_tail;
	__u32 free_head;
	__u32 send_head;
	bool takes;
	int kicks;
	int kick_error;
	int sleeps;
	int sleep_error;
	void (*on_sleep)(void);
};

/* The calls, and what they would be without us. */
int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __wrap_munmap(void *addr, size_t len);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __real_munmap(void *addr, size_t len);

extern struct fake fake;

struct fp_ring *fake_ring(__u32 slot_size, __u32 slots,
			  __u32 receive_slots);
struct fp_ring_ctl *fake_ctl(void);
void fake_post(struct fp_ring_event event);
__u32 fake_take(void);
__u32 fake_message(const void *bytes, __u32 len, __u64 conn);
const struct fp_ring_send *fake_sent_next(void);
void fake_sent(const struct fp_ring_send *send, int error, bool took);
void fake_refuse(const struct fp_ring_send *send, int error);
__u32 fake_free_count(void);
__u32 fake_link(__u32 slot);
void fake_set_link(__u32 slot, __u32 next);
unsigned char *fake_slot(__u32 slot);
struct sockaddr_fp *fake_name(__u32 slot);

#endif /* _FAKE_RING_H */
