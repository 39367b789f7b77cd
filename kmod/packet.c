// SPDX-License-Identifier: GPL-2.0
/*
 * Messages on their way to the application. A message is a view into the
 * datagram that it came in, or, if it is small or its sender asked for it, a
 * copy, so that the datagram can go.
 */
#include <linux/slab.h>
#include <linux/uio.h>

#include "fastproto.h"
#include "spare.h"

static struct kmem_cache *view_cache;	/* no payload: it stays in the skb */
static struct kmem_cache *small_cache;	/* payloads up to FP_COPYBREAK */
static struct kmem_cache *large_cache;	/* payloads up to FP_COPYBREAK_MAX */
static DEFINE_PER_CPU(void *, spare_packets);	/* of small_cache */

/*
 * The allocator clears what it gives away, but not where there is a constructor.
 * Here all is written before it is read.
 */
static void construct_packet(void *object)
{
	struct fp_packet *packet = object;

	packet->skb = NULL;
}

static struct kmem_cache *create_cache(const char *name, unsigned int room)
{
	return kmem_cache_create_usercopy(name, sizeof(struct fp_packet) + room,
					  0, SLAB_ACCOUNT,
					  sizeof(struct fp_packet), room,
					  construct_packet);
}

int __init fp_packet_init(void)
{
	BUILD_BUG_ON(offsetof(struct fp_packet, data) !=
		     sizeof(struct fp_packet));

	view_cache = kmem_cache_create("fastproto_packet",
				       sizeof(struct fp_packet), 0,
				       SLAB_ACCOUNT, construct_packet);
	if (!view_cache)
		goto out;
	small_cache = create_cache("fastproto_small", FP_COPYBREAK);
	if (!small_cache)
		goto destroy_view;
	large_cache = create_cache("fastproto_large", FP_COPYBREAK_MAX);
	if (!large_cache)
		goto destroy_small;
	return 0;

destroy_small:
	kmem_cache_destroy(small_cache);
destroy_view:
	kmem_cache_destroy(view_cache);
out:
	return -ENOMEM;
}

/* No socket is left, hence no packet. */
void fp_packet_exit(void)
{
	fp_spare_drain(small_cache, &spare_packets);
	kmem_cache_destroy(large_cache);
	kmem_cache_destroy(small_cache);
	kmem_cache_destroy(view_cache);
}

/* A frame whose sender asked for a copy, too large for a slab object. */
static noinline struct sk_buff *copy_to_pages(const struct sk_buff *skb,
					      u32 offset, u32 len)
{
	struct sk_buff *copy;
	int err, i;

	copy = alloc_skb_with_frags(0, len, 0, &err, GFP_ATOMIC);
	if (!copy)
		return NULL;
	copy->data_len = len;
	copy->len = len;

	for (i = 0; i < skb_shinfo(copy)->nr_frags; i++) {
		skb_frag_t *frag = &skb_shinfo(copy)->frags[i];

		if (skb_copy_bits(skb, offset, skb_frag_address(frag),
				  skb_frag_size(frag))) {
			/* Cannot be: it was found to be all there. */
			kfree_skb(copy);
			return NULL;
		}
		offset += skb_frag_size(frag);
	}
	return copy;
}

/* How large the object's data[] is to be: 0 for a view. */
static u16 choose_room(const struct fp_frame *frame, u32 copybreak)
{
	bool copy = frame->flags & FP_F_NEEDS_COPY ||
		    frame->payload_len <= copybreak;

	if (copy && frame->payload_len <= FP_COPYBREAK)
		return FP_COPYBREAK;
	if (copy && frame->payload_len <= FP_COPYBREAK_MAX)
		return FP_COPYBREAK_MAX;
	return 0;
}

static struct fp_packet *alloc(u16 room)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;

	if (room == FP_COPYBREAK)
		return fp_spare_alloc(small_cache, &spare_packets, gfp);
	return kmem_cache_alloc(room ? large_cache : view_cache, gfp);
}

static void release(struct fp_packet *packet)
{
	if (packet->room == FP_COPYBREAK)
		fp_spare_free(small_cache, &spare_packets, packet);
	else
		kmem_cache_free(packet->room ? large_cache : view_cache,
				packet);
}

static int copy_payload(void *to, const struct sk_buff *skb, u32 offset,
			u32 len)
{
	/* As nearly always with so little. */
	if (offset + len > skb_headlen(skb))
		return skb_copy_bits(skb, offset, to, len);
	memcpy(to, skb->data + offset, len);
	return 0;
}

static int take_payload(struct fp_packet *packet, struct sk_buff *skb,
			u32 offset)
{
	u32 len = packet->frame.payload_len;

	packet->skb = NULL;
	packet->offset = 0;
	packet->rx_flags = FP_RX_COPIED;
	if (packet->room)
		return copy_payload(packet->data, skb, offset, len);

	if (packet->frame.flags & FP_F_NEEDS_COPY) {
		packet->skb = copy_to_pages(skb, offset, len);
		return packet->skb ? 0 : -ENOMEM;
	}
	packet->skb = skb_get(skb);
	packet->offset = offset;
	packet->rx_flags = 0;
	return 0;
}

/**
 * fp_packet_create - make a message of a frame's payload
 * @skb: the datagram; the caller keeps its reference
 * @offset: where in it the payload begins; all of the payload is there
 * @frame: the frame's header
 * @copybreak: payloads up to that many bytes are copied
 *
 * Context: any.
 * Return: the packet, one reference; the caller fills in the rest. NULL if
 *	there is no memory.
 */
struct fp_packet *fp_packet_create(struct sk_buff *skb, u32 offset,
				   const struct fp_frame *frame,
				   u32 copybreak)
{
	u16 room = choose_room(frame, copybreak);
	struct fp_packet *packet;

	packet = alloc(room);
	if (!packet)
		return NULL;
	packet->room = room;
	packet->next = NULL;
	packet->len = frame->payload_len;
	packet->frame = *frame;
	refcount_set(&packet->refs, 1);
	if (take_payload(packet, skb, offset)) {	/* cannot be: see there */
		release(packet);
		return NULL;
	}
	return packet;
}

/**
 * fp_packet_put - give up a reference
 * @packet: not used any more by the caller, or NULL; with the last reference
 *	all fragments of the message go
 *
 * Context: any.
 */
void fp_packet_put(struct fp_packet *packet)
{
	struct fp_packet *next;

	if (!packet || !refcount_dec_and_test(&packet->refs))
		return;
	do {
		next = packet->next;
		if (packet->skb)
			consume_skb(packet->skb);
		release(packet);
		packet = next;
	} while (packet);
}

/**
 * fp_packet_copy_to - copy the payload to the application
 * @packet: the packet
 * @to: where to
 * @len: how many bytes from the payload's beginning; not more than it has
 *
 * Context: process.
 * Return: 0 or -EFAULT.
 */
int fp_packet_copy_to(const struct fp_packet *packet, struct iov_iter *to,
		      size_t len)
{
	if (packet->skb)
		return skb_copy_datagram_iter(packet->skb, packet->offset, to,
					      len);
	return copy_to_iter(packet->data, len, to) == len ? 0 : -EFAULT;
}
