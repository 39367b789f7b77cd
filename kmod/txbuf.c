// SPDX-License-Identifier: GPL-2.0
/*
 * What a queued frame carries. A small payload lies in a slab object, and is
 * copied to each datagram that it goes out with: that costs less than an skb of
 * its own and a clone of that. A large one lies in an skb, and clones go out.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "fastproto.h"
#include "conn.h"
#include "spare.h"

static struct kmem_cache *cache;
static DEFINE_PER_CPU(void *, spares);

/* As for struct fp_packet: what is written before it is read need not be cleared. */
static void construct(void *object)
{
	struct fp_txbuf *buf = object;

	buf->next = NULL;
}

int __init fp_txbuf_init(void)
{
	BUILD_BUG_ON(sizeof(struct fp_txbuf) >
		     sizeof_field(struct sk_buff, cb));
	BUILD_BUG_ON(offsetof(struct fp_txbuf, data) !=
		     sizeof(struct fp_txbuf));

	/* No accounting, as for the heads of UDP's small datagrams. */
	cache = kmem_cache_create_usercopy("fastproto_frame",
					   sizeof(struct fp_txbuf) +
					   FP_TXBUF_SMALL, 0, 0,
					   sizeof(struct fp_txbuf),
					   FP_TXBUF_SMALL, construct);
	return cache ? 0 : -ENOMEM;
}

/* No connection is left. */
void fp_txbuf_exit(void)
{
	fp_spare_drain(cache, &spares);
	kmem_cache_destroy(cache);
}

static struct fp_txbuf *alloc_large(unsigned int headroom, u32 len, gfp_t gfp)
{
	struct sk_buff *skb;

	skb = alloc_skb_fclone(headroom + len, gfp | __GFP_ACCOUNT);
	if (!skb)
		return NULL;
	skb_reserve(skb, headroom);
	skb_put(skb, len);
	/* A clone may write headers into the space before our data. */
	__skb_header_release(skb);
	return (struct fp_txbuf *)skb->cb;
}

/**
 * fp_txbuf_alloc - make room for a frame
 * @headroom: what its headers need, bytes
 * @len: its payload and trailer, bytes
 * @gfp: how to allocate
 *
 * Return: the buffer, its payload still to be filled in; or NULL.
 */
struct fp_txbuf *fp_txbuf_alloc(unsigned int headroom, u32 len, gfp_t gfp)
{
	struct fp_txbuf *buf;

	if (len <= FP_TXBUF_SMALL)
		buf = fp_spare_alloc(cache, &spares, gfp);
	else
		buf = alloc_large(headroom, len, gfp);
	if (!buf)
		return NULL;
	buf->next = NULL;
	buf->frame.bytes = FP_DATA_HDR + len;
	return buf;
}

/**
 * fp_txbuf_free - give a frame's buffer back
 * @buf: in no window any more
 */
void fp_txbuf_free(struct fp_txbuf *buf)
{
	if (fp_txbuf_is_small(buf))
		fp_spare_free(cache, &spares, buf);
	else
		consume_skb(fp_txbuf_skb(buf));
}

/**
 * fp_txbuf_purge - give back all of a list
 * @buf: the first, or NULL
 */
void fp_txbuf_purge(struct fp_txbuf *buf)
{
	struct fp_txbuf *next;

	for (; buf; buf = next) {
		next = buf->next;
		fp_txbuf_free(buf);
	}
}
