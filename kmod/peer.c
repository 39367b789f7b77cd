// SPDX-License-Identifier: GPL-2.0
/*
 * The other end of a connected socket, or of a path, and the way to it. That is
 * kept as a socket keeps it (sk_dst_cache): one pointer, so that a million peers
 * cost little. It is looked up anew when it is valid no more.
 */
#include <net/ip6_fib.h>

#include "fastproto.h"

/**
 * fp_peer_init - begin without a route
 * @peer: what is to be known of it is filled in, or will be
 */
void fp_peer_init(struct fp_peer *peer)
{
	RCU_INIT_POINTER(peer->dst, NULL);
	peer->dst_cookie = 0;
	spin_lock_init(&peer->lock);
}

/**
 * fp_peer_destroy - forget the route
 * @peer: nobody uses it any more
 *
 * Context: any.
 */
void fp_peer_destroy(struct fp_peer *peer)
{
	dst_release(rcu_dereference_protected(peer->dst, true));
}

/* IPv4's routes know by themselves if they are valid. */
static u32 cookie_of(const struct fp_route *route)
{
	if (route->to.family == AF_INET)
		return 0;
	return rt6_get_cookie(container_of(route->dst, struct rt6_info, dst));
}

/**
 * fp_peer_set_route - remember the way to a peer
 * @peer: the peer
 * @route: the way, which keeps its reference
 *
 * Context: any.
 */
void fp_peer_set_route(struct fp_peer *peer, const struct fp_route *route)
{
	struct dst_entry *old;

	dst_hold(route->dst);
	spin_lock_bh(&peer->lock);
	old = rcu_replace_pointer(peer->dst, route->dst,
				  lockdep_is_held(&peer->lock));
	/*
	 * Pairs with smp_load_acquire() in fp_peer_route(): a route is never
	 * taken for valid by the cookie of one that came after it.
	 */
	smp_store_release(&peer->dst_cookie, cookie_of(route));
	spin_unlock_bh(&peer->lock);
	dst_release(old);
}

/**
 * fp_peer_route - the way to a peer, if it is at hand
 * @peer: the peer; its mark and its interface are those that are wanted
 * @route: filled in on success, without a reference to the route: that stays
 *	while BH is off
 *
 * Context: BH off.
 * Return: whether it is.
 */
bool fp_peer_route(const struct fp_peer *peer, struct fp_route *route)
{
	/* Pairs with smp_store_release() in fp_peer_set_route(). */
	u32 cookie = smp_load_acquire(&peer->dst_cookie);
	struct dst_entry *dst = rcu_dereference_bh(peer->dst);

	if (unlikely(!dst || !dst_check(dst, cookie)))
		return false;
	route->dst = dst;
	route->to = peer->addr;
	route->src = peer->local;
	route->mtu = dst_mtu(dst);
	route->tos = 0;
	return true;
}
