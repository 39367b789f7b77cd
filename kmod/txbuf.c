// SPDX-License-Identifier: GPL-2.0
/*
 * What a queued frame carries. A small payload lies in a slab object, and is
 * copied to each datagram that it goes out with: that costs less than an skb of
 * its own and a clone of that. A large one lies in an skb, and clones go out.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "fastproto.h"
#include "conn.h"
#include "spare.h"

#define MAGAZINE	64

/**
 * struct magazine - small ones that a CPU keeps at hand for who takes several
 * @nr: how many
 * @bufs: they
 */
struct magazine {
	u32 nr;
	void *bufs[MAGAZINE];
};

static struct kmem_cache *txbuf_cache;
static DEFINE_PER_CPU(void *, spare_txbufs);
static DEFINE_PER_CPU(struct magazine, magazines);	/* with BH off */

/* As for struct fp_packet: what is written before it is read need not be cleared. */
static void construct_txbuf(void *object)
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
	txbuf_cache = kmem_cache_create_usercopy("fastproto_frame",
						 sizeof(struct fp_txbuf) +
						 FP_TXBUF_SMALL, 0, 0,
						 sizeof(struct fp_txbuf),
						 FP_TXBUF_SMALL, construct_txbuf);
	return txbuf_cache ? 0 : -ENOMEM;
}

/* No connection is left. */
void fp_txbuf_exit(void)
{
	struct magazine *m;
	int cpu;

	fp_spare_drain(txbuf_cache, &spare_txbufs);
	for_each_possible_cpu(cpu) {
		m = per_cpu_ptr(&magazines, cpu);
		if (m->nr)	/* not with KASAN */
			kmem_cache_free_bulk(txbuf_cache, m->nr, m->bufs);
		m->nr = 0;
	}
	kmem_cache_destroy(txbuf_cache);
}

/* As many as there are at hand, up to @nr. Returns how many. */
static u32 take_at_hand(void **bufs, u32 nr)
{
	struct magazine *m;

	local_bh_disable();
	m = this_cpu_ptr(&magazines);
	nr = min(nr, m->nr);
	m->nr -= nr;
	memcpy(bufs, &m->bufs[m->nr], nr * sizeof(*bufs));
	local_bh_enable();
	return nr;
}

/**
 * fp_txbuf_alloc_small - make room for several small frames
 * @bufs: set to the buffers, their payloads and sizes to be filled in
 * @nr: how many
 * @gfp: how to allocate
 *
 * Return: whether they are there; if not, none is.
 */
bool fp_txbuf_alloc_small(struct fp_txbuf **bufs, u32 nr, gfp_t gfp)
{
	u32 have, i;

	if (nr == 1) {
		*bufs = fp_spare_alloc(txbuf_cache, &spare_txbufs, gfp);
		return *bufs;
	}
	have = take_at_hand((void **)bufs, nr);
	if (have == nr || kmem_cache_alloc_bulk(txbuf_cache, gfp, nr - have,
						(void **)bufs + have))
		return true;
	/* With KASAN, which faults are injected beside, none is at hand. */
	for (i = 0; i < have; i++)
		kmem_cache_free(txbuf_cache, bufs[i]);
	return false;
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
		buf = fp_spare_alloc(txbuf_cache, &spare_txbufs, gfp);
	else
		buf = alloc_large(headroom, len, gfp);
	if (!buf)
		return NULL;
	buf->next = NULL;
	buf->frame.bytes = FP_DATA_HDR + len;
	return buf;
}

static int map_pages(struct sk_buff *skb, struct iov_iter *from, u32 len)
{
	struct page *pages[MAX_SKB_FRAGS];
	int nr = 0, used, i;
	size_t start;
	ssize_t part;

	while (len) {
		if (nr == MAX_SKB_FRAGS)
			return -EMSGSIZE;
		part = iov_iter_get_pages2(from, pages, len, MAX_SKB_FRAGS - nr,
					   &start);
		if (part <= 0)
			return -EFAULT;
		len -= part;
		skb->len += part;
		skb->data_len += part;
		used = DIV_ROUND_UP(start + part, PAGE_SIZE);
		for (i = 0; i < used; i++) {
			u32 size = min_t(size_t, part, PAGE_SIZE - start);

			skb_fill_page_desc(skb, nr++, pages[i], start, size);
			skb->truesize += PAGE_SIZE;
			part -= size;
			start = 0;
		}
	}
	return 0;
}

/**
 * fp_txbuf_map_pages - put references to the sender's pages into an skb
 * @skb: without fragments yet; its truesize grows, whatever is returned
 * @from: where they are; advanced
 * @len: bytes
 *
 * Context: process.
 * Return: 0, -EFAULT, -EMSGSIZE: they lie in too many pieces (then @from is
 *	where it was, and @skb is to be freed).
 */
int fp_txbuf_map_pages(struct sk_buff *skb, struct iov_iter *from, u32 len)
{
	size_t before = iov_iter_count(from);
	int err;

	err = map_pages(skb, from, len);
	if (err)
		iov_iter_revert(from, before - iov_iter_count(from));
	return err;
}

/**
 * fp_txbuf_map - make a frame of what lies in the sender's pages
 * @headroom: what its headers need, bytes
 * @from: where they are; advanced
 * @len: its payload in bytes, too much for a small one
 * @ubuf: hears when the pages are not needed any more
 * @gfp: how to allocate
 *
 * Context: process.
 * Return: the buffer; or -ENOMEM, -EFAULT, -EMSGSIZE: it lies in too many pieces
 *	(then @from is where it was).
 */
struct fp_txbuf *fp_txbuf_map(unsigned int headroom, struct iov_iter *from,
			      u32 len, struct ubuf_info *ubuf, gfp_t gfp)
{
	struct fp_txbuf *buf;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_fclone(headroom, gfp | __GFP_ACCOUNT);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	skb_reserve(skb, headroom);
	err = fp_txbuf_map_pages(skb, from, len);
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	skb_zcopy_set(skb, ubuf, NULL);
	__skb_header_release(skb);
	buf = (struct fp_txbuf *)skb->cb;
	buf->next = NULL;
	buf->frame.bytes = FP_DATA_HDR + len;
	return buf;
}

/**
 * fp_txbuf_copy_to - a copy of payload and trailer
 * @buf: the buffer
 * @to: where to
 */
void fp_txbuf_copy_to(struct fp_txbuf *buf, void *to)
{
	u32 len = fp_txbuf_len(buf);

	if (fp_txbuf_is_small(buf))
		memcpy(to, buf->data, len);
	else if (skb_copy_bits(fp_txbuf_skb(buf), 0, to, len))
		memset(to, 0, len);	/* it is all there */
}

/**
 * fp_txbuf_free - give a frame's buffer back
 * @buf: in no window any more
 */
void fp_txbuf_free(struct fp_txbuf *buf)
{
	if (fp_txbuf_is_small(buf))
		fp_spare_free(txbuf_cache, &spare_txbufs, buf);
	else
		consume_skb(fp_txbuf_skb(buf));
}

/* Several small ones, at the head of a list. Returns what is behind them. */
static struct fp_txbuf *keep_at_hand(struct fp_txbuf *buf)
{
	struct magazine *m;

	local_bh_disable();
	m = this_cpu_ptr(&magazines);
	while (buf && fp_txbuf_is_small(buf)) {
		struct fp_txbuf *next = buf->next;

		if (FP_SPARES && m->nr < MAGAZINE)
			m->bufs[m->nr++] = buf;
		else
			kmem_cache_free(txbuf_cache, buf);
		buf = next;
	}
	local_bh_enable();
	return buf;
}

/**
 * fp_txbuf_purge - give back all of a list
 * @buf: the first, or NULL
 */
void fp_txbuf_purge(struct fp_txbuf *buf)
{
	struct fp_txbuf *next;

	while (buf) {
		next = buf->next;
		if (next && fp_txbuf_is_small(buf)) {
			buf = keep_at_hand(buf);
		} else {
			fp_txbuf_free(buf);
			buf = next;
		}
	}
}

/**
 * fp_txbuf_purge_reversed - give back all of a list, the last one first
 * @buf: the first, which was added last
 *
 * So who waits for their pages hears in the order in which they were sent.
 */
void fp_txbuf_purge_reversed(struct fp_txbuf *buf)
{
	struct fp_txbuf *next, *list = NULL;

	for (; buf; buf = next) {
		next = buf->next;
		buf->next = list;
		list = buf;
	}
	fp_txbuf_purge(list);
}
