// SPDX-License-Identifier: GPL-2.0
/* A message in its slots: to read, to fill, to send, to give back. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib.h"

/* May they be asked for? */
static bool flags_fit(const struct fp_ring *ring, __u32 flags)
{
	__u32 known = FP_RING_MORE | FP_RING_QUIET;

	if (ring->flags & FP_RING_IN_ORDER)
		known |= FP_RING_AGAIN;
	return !(flags & ~known);
}

static unsigned char *slot_at(const struct fp_ring *ring, __u32 slot)
{
	return ring->pool + (size_t)slot * ring->info.slot_size;
}

static struct sockaddr_fp *name_at(const struct fp_ring *ring, __u32 slot)
{
	return (void *)(ring->names + (size_t)slot * ring->info.name_size);
}

static struct fp_ring_send *descriptor_at(const struct fp_ring *ring,
					  __u32 index)
{
	__u32 place = index & (ring->info.sends - 1);

	return (void *)(ring->sends + (size_t)place * ring->info.send_size);
}

/* Slots that follow each other are one piece. */
static __u32 piece(const struct fp_ring *ring, __u32 *slot, size_t len,
		   struct iovec *iov)
{
	size_t size = ring->info.slot_size;

	iov->iov_base = slot_at(ring, *slot);
	iov->iov_len = size;
	while (iov->iov_len < len && ring->next[*slot] == *slot + 1) {
		iov->iov_len += size;
		++*slot;
	}
	if (iov->iov_len > len)
		iov->iov_len = len;
	*slot = ring->next[*slot];
	return iov->iov_len;
}

int fp_ring_iov(const struct fp_ring *ring, const struct fp_ring_event *msg,
		struct iovec *iov, unsigned int max)
{
	unsigned int n = 0;
	__u32 slot;
	size_t left;

	if (!ring || !slots_held(ring, msg) || (!iov && max))
		return -EINVAL;
	slot = msg->slot;
	for (left = msg->len; left; left -= piece(ring, &slot, left, &iov[n++]))
		if (n == max)
			return -ENOBUFS;
	return n;
}

static void copy(const struct fp_ring *ring, const struct fp_ring_event *msg,
		 unsigned char *to, const unsigned char *from)
{
	__u32 slot = msg->slot;
	size_t left = msg->len;
	struct iovec iov;

	while (left) {
		left -= piece(ring, &slot, left, &iov);
		if (to) {
			memcpy(to, iov.iov_base, iov.iov_len);
			to += iov.iov_len;
		} else {
			memcpy(iov.iov_base, from, iov.iov_len);
			from += iov.iov_len;
		}
	}
}

const void *fp_ring_data(const struct fp_ring *ring,
			 const struct fp_ring_event *msg, void *buf)
{
	struct iovec iov;
	__u32 slot;

	if (!ring || !slots_held(ring, msg))
		return NULL;
	slot = msg->slot;
	if (piece(ring, &slot, msg->len, &iov) == msg->len)
		return iov.iov_base;
	if (buf)
		copy(ring, msg, buf, NULL);
	return buf;
}

const struct sockaddr_fp *fp_ring_name(const struct fp_ring *ring,
				       const struct fp_ring_event *msg)
{
	if (!ring || !slots_held(ring, msg))
		return NULL;
	return name_at(ring, msg->slot);
}

int fp_ring_keep(struct fp_ring *ring, const struct fp_ring_event *msg)
{
	if (!ring || !slots_held(ring, msg))
		return -EINVAL;
	ring->owner[msg->slot] = FP_OWNER_APP;
	return 0;
}

int fp_ring_release(struct fp_ring *ring, const struct fp_ring_event *msg)
{
	if (!ring || !slots_held(ring, msg))
		return -EINVAL;
	slots_give(ring, msg->slot);
	ring_touched(ring);
	return 0;
}

/* Slots may be back, or will be as soon as the kernel has copied what is in them. */
static int find_spare(struct fp_ring *ring, size_t nr)
{
	int err = 0;

	quiet_reclaim(ring);
	if (nr > ring->nr_spare && quiet_any(ring))
		err = fp_ring_flush(ring);
	if (!err && nr > ring->nr_spare)
		err = -EAGAIN;
	return err;
}

int fp_ring_alloc(struct fp_ring *ring, size_t len, struct fp_ring_event *msg)
{
	size_t nr;
	int err;

	if (!ring || !msg)
		return -EINVAL;
	nr = len / ring->info.slot_size + !!(len % ring->info.slot_size);
	if (!nr)
		nr = 1;
	if (nr > ring->info.slots - ring->receive_slots || len > UINT32_MAX)
		return -EMSGSIZE;
	err = nr > ring->nr_spare ? find_spare(ring, nr) : 0;
	if (err)
		return err;
	memset(msg, 0, sizeof(*msg));
	msg->slot = slots_take(ring, nr);
	msg->nr = nr;
	msg->len = len;
	return 0;
}

/* The links are written anew: a message that came may have been changed. */
static void write_links(struct fp_ring *ring, const struct fp_ring_event *msg)
{
	__u32 slot = msg->slot;
	__u32 i;

	for (i = 1; i < msg->nr; i++) {
		ring->links[slot] = ring->next[slot];
		slot = ring->next[slot];
	}
}

/* Does anybody want to know when it is sent? To find out costs an event. */
static bool is_quiet(const struct fp_ring *ring,
		     const struct fp_ring_event *msg, __u32 flags)
{
	return flags & FP_RING_QUIET ||
	       (ring->watch && !ring->watch->handlers.on_sent &&
		msg->len < COPIED_BELOW);
}

int fp_ring_queue(struct fp_ring *ring, __u64 conn,
		  const struct sockaddr_fp *to,
		  const struct fp_ring_event *msg, __u32 flags)
{
	struct fp_ring_send *send;

	if (!ring || !slots_held(ring, msg) || !flags_fit(ring, flags))
		return -EINVAL;
	write_links(ring, msg);
	if (to)
		*name_at(ring, msg->slot) = *to;
	send = descriptor_at(ring, ring->send_tail);
	memset(send, 0, ring->info.send_size);
	send->conn = ring->type == SOCK_RDM ? conn : 0;
	send->slot = msg->slot;
	send->len = msg->len;
	send->flags = (flags & (FP_RING_MORE | FP_RING_AGAIN)) |
		      (to ? FP_RING_TO : 0);
	ring->owner[msg->slot] = FP_OWNER_SENDING;
	if (is_quiet(ring, msg, flags) && quiet_add(ring, msg->slot))
		send->flags |= FP_RING_QUIET;
	ring->send_tail++;
	ring_touched(ring);
	return 0;
}

static int send_copy(struct fp_ring *ring, __u64 conn,
		     const struct sockaddr_fp *to, const void *buf, size_t len,
		     __u32 flags)
{
	struct fp_ring_event msg;
	int err;

	if (!ring || (!buf && len) || !flags_fit(ring, flags))
		return -EINVAL;
	err = fp_ring_alloc(ring, len, &msg);
	if (err)
		return err;
	copy(ring, &msg, NULL, buf);
	return fp_ring_queue(ring, conn, to, &msg, flags);
}

int fp_ring_send(struct fp_ring *ring, __u64 conn, const void *buf,
		 size_t len, __u32 flags)
{
	return send_copy(ring, conn, NULL, buf, len, flags);
}

int fp_ring_sendto(struct fp_ring *ring, const struct sockaddr_fp *to,
		   const void *buf, size_t len, __u32 flags)
{
	if (!to)
		return -EINVAL;
	return send_copy(ring, 0, to, buf, len, flags);
}
