// SPDX-License-Identifier: GPL-2.0
/* What the connections to one peer share. */
#include <linux/jhash.h>
#include <net/ip6_route.h>

#include "fastproto.h"
#include "conn.h"

/* All that decides on the way; what lies behind it in struct fp_peer does not. */
#define KEY_LEN		offsetof(struct fp_peer, dst)

static struct kmem_cache *path_cache;

/* The addresses are enough, but for who uses several marks or interfaces. */
static u32 hash_path_key(const void *data, u32 len, u32 seed)
{
	const struct fp_peer *key = data;
	const struct sockaddr_in *to = &key->addr.sin;
	const struct sockaddr_in *from = &key->local.sin;

	if (key->addr.family != AF_INET)
		return jhash2(data, len / sizeof(u32), seed);
	return jhash_3words((__force u32)to->sin_addr.s_addr,
			    (__force u32)from->sin_addr.s_addr,
			    (u32)(__force u16)to->sin_port << 16 |
			    (__force u16)from->sin_port, seed);
}

static const struct rhashtable_params params = {
	.hashfn		= hash_path_key,
	.key_len	= KEY_LEN,
	.key_offset	= offsetof(struct fp_path, peer),
	.head_offset	= offsetof(struct fp_path, node),
	.automatic_shrinking = true,
};

int __init fp_path_init(void)
{
	path_cache = kmem_cache_create("fastproto_path", sizeof(struct fp_path),
				       0, SLAB_ACCOUNT, NULL);
	return path_cache ? 0 : -ENOMEM;
}

/* No path is left. */
void fp_path_exit(void)
{
	kmem_cache_destroy(path_cache);
}

int fp_path_net_init(struct fp_net *fn)
{
	return rhashtable_init(&fn->paths, &params);
}

/* No connection is left, hence no path. */
void fp_path_net_exit(struct fp_net *fn)
{
	rhashtable_destroy(&fn->paths);
}

static void destroy_path(struct fp_path *path)
{
	fp_peer_destroy(&path->peer);
	kmem_cache_free(path_cache, path);
}

static void free_path_rcu(struct rcu_head *rcu)
{
	struct fp_path *path = container_of(rcu, struct fp_path, peer.rcu);

	destroy_path(path);
}

static struct fp_path *create_path(const struct fp_peer *key, gfp_t gfp)
{
	struct fp_path *path;

	path = kmem_cache_zalloc(path_cache, gfp);
	if (!path)
		return NULL;
	memcpy(&path->peer, key, KEY_LEN);
	fp_peer_init(&path->peer);
	refcount_set(&path->refs, 1);
	return path;
}

/* What follows from the route for all frames. */
static void note_route(struct fp_path *path, const struct fp_route *route)
{
	u32 headroom;

	if (likely(READ_ONCE(path->mtu) == route->mtu))
		return;
	WRITE_ONCE(path->mtu, route->mtu);
	headroom = fp_endpoint_headroom(route);
	WRITE_ONCE(path->headroom, headroom);
}

/* Look at the route once, so that the MTU is known. */
static int probe(struct fp_path *path, struct fp_endpoint *endpoint,
		 const struct fp_route *known)
{
	struct fp_route route;
	int err;

	if (known) {
		fp_peer_set_route(&path->peer, known);
		note_route(path, known);
		return 0;
	}
	rcu_read_lock_bh();
	err = fp_path_route(path, endpoint, NULL, &route);
	rcu_read_unlock_bh();
	return err;
}

/**
 * fp_path_get - find or make the path to a peer
 * @endpoint: where the connection leaves from
 * @key: addresses, mark and interface; what they do not use is 0
 * @route: the way there, if it is known, or NULL
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Context: any.
 * Return: the path, one reference; -ENOMEM, or what fp_endpoint_route() says.
 */
struct fp_path *fp_path_get(struct fp_endpoint *endpoint,
			    const struct fp_peer *key,
			    const struct fp_route *route, gfp_t gfp)
{
	struct fp_net *fn = endpoint->fn;
	struct fp_path *path, *old;
	int err;

	rcu_read_lock();
	path = rhashtable_lookup(&fn->paths, key, params);
	if (path && refcount_inc_not_zero(&path->refs)) {
		rcu_read_unlock();
		return path;
	}
	rcu_read_unlock();

	path = create_path(key, gfp);
	if (!path)
		return ERR_PTR(-ENOMEM);
	err = probe(path, endpoint, route);
	if (err)	/* the way by which its cookie came has just gone */
		goto free;

	rcu_read_lock();
	for (;;) {
		old = rhashtable_lookup_get_insert_fast(&fn->paths, &path->node,
							params);
		/* One whose end has begun is about to leave the table. */
		if (!IS_ERR_OR_NULL(old) && !refcount_inc_not_zero(&old->refs)) {
			cpu_relax();
			continue;
		}
		break;
	}
	rcu_read_unlock();
	if (!old)
		return path;
	err = PTR_ERR_OR_ZERO(old);
free:
	destroy_path(path);
	return err ? ERR_PTR(err) : old;
}

/**
 * fp_path_put - give up a reference
 * @fn: the namespace
 * @path: not used any more by the caller
 *
 * Context: any.
 */
void fp_path_put(struct fp_net *fn, struct fp_path *path)
{
	if (refcount_dec_not_one(&path->refs))
		return;
	/* Who finds a path without references waits for it to leave the table. */
	local_bh_disable();
	if (refcount_dec_and_test(&path->refs)) {
		rhashtable_remove_fast(&fn->paths, &path->node, params);
		call_rcu(&path->peer.rcu, free_path_rcu);
	}
	local_bh_enable();
}

/* As much of a datagram to the peer as tells the way that it takes. */
static struct sk_buff *sample(const struct fp_route *route)
{
	struct sk_buff *skb = alloc_skb(sizeof(struct ipv6hdr), GFP_ATOMIC);

	if (!skb)
		return NULL;
	skb_reset_network_header(skb);
	skb->dev = route->dst->dev;
	if (route->to.family == AF_INET) {
		struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

		skb->protocol = htons(ETH_P_IP);
		iph->version = 4;
		iph->ihl = sizeof(*iph) / 4;
		iph->protocol = IPPROTO_UDP;
		iph->saddr = route->src.sin.sin_addr.s_addr;
		iph->daddr = route->to.sin.sin_addr.s_addr;
	} else {
		struct ipv6hdr *ip6h = skb_put_zero(skb, sizeof(*ip6h));

		skb->protocol = htons(ETH_P_IPV6);
		ip6h->version = 6;
		ip6h->nexthdr = IPPROTO_UDP;
		ip6h->saddr = route->src.sin6.sin6_addr;
		ip6h->daddr = route->to.sin6.sin6_addr;
	}
	return skb;
}

/**
 * fp_path_lower_mtu - large datagrams get lost on the way
 * @path: the path
 * @endpoint: where they leave from
 * @mtu: the new path MTU in bytes, 0: leave it
 *
 * IP is told what an ICMP message would have told it, and keeps that for so long
 * (RFC 8899, section 3, allows it): frames that were made before are fragmented
 * from now on, those to come are smaller.
 *
 * Context: BH off, RCU read lock held.
 */
void fp_path_lower_mtu(struct fp_path *path, struct fp_endpoint *endpoint,
		       u32 mtu)
{
	struct fp_route route;
	struct sk_buff *skb;

	if (!mtu || fp_path_route(path, endpoint, NULL, &route))
		return;		/* it is lost in another way */
	skb = sample(&route);
	if (skb) {
		skb->mark = path->peer.mark;
		route.dst->ops->update_pmtu(route.dst, NULL, skb, mtu, false);
		kfree_skb(skb);
	}
}

/* The route is not at hand. */
static noinline int renew_route(struct fp_path *path,
				struct fp_endpoint *endpoint, struct sock *sk,
				struct fp_route *route)
{
	const struct fp_flow flow = {
		.sk = sk,
		.mark = path->peer.mark,
		.oif = path->peer.oif,
	};
	int err;

	err = fp_endpoint_route(endpoint, &flow, NULL, &path->peer, route);
	/* The peer has one, or had it until now. */
	if (!err)
		dst_release(route->dst);
	return err;
}

/**
 * fp_path_route - the route for a datagram
 * @path: where to
 * @endpoint: where it leaves from
 * @sk: on whose behalf, or NULL
 * @route: filled in on success, without a reference to the route: that stays
 *	while BH is off
 *
 * Context: BH off, RCU read lock held.
 * Return: 0 or as fp_endpoint_route().
 */
int fp_path_route(struct fp_path *path, struct fp_endpoint *endpoint,
		  struct sock *sk, struct fp_route *route)
{
	int err;

	if (unlikely(!fp_peer_route(&path->peer, route))) {
		err = renew_route(path, endpoint, sk, route);
		if (err)
			return err;
	}
	note_route(path, route);
	return 0;
}
