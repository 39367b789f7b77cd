// SPDX-License-Identifier: GPL-2.0
/*
 * The bearer: one kernel UDP socket for a local port. Frames come in through
 * its encap_rcv and go out as UDP datagrams of its port; the UDP socket itself
 * queues nothing.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "fastproto.h"

/* Any but 0 has UDP call encap_rcv; this is what tunnels without a name take. */
#define ENCAP_TYPE	1

/**
 * fp_endpoint_init - have UDP look for encap_rcv as long as the module is there
 *
 * Each endpoint switches that on, too, and off again when it goes. The switch
 * patches the kernel's text and interrupts every CPU: far too much to do for
 * each socket that opens and closes.
 */
void __init fp_endpoint_init(void)
{
	udp_encap_enable();
#if IS_ENABLED(CONFIG_IPV6)
	static_branch_inc(&udpv6_encap_needed_key);
#endif
}

void fp_endpoint_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	static_branch_dec(&udpv6_encap_needed_key);
#endif
	udp_encap_disable();
}

static struct sock *udp_sk_of(const struct fp_endpoint *endpoint)
{
	return endpoint->udp->sk;
}

/*
 * A UDP datagram came in, its checksum was verified. Takes the skb.
 * Context: softirq, RCU read lock held.
 */
static int encap_rcv(struct sock *udp_sk, struct sk_buff *skb)
{
	struct fp_endpoint *endpoint = rcu_dereference_sk_user_data(udp_sk);
	struct fp_rx rx;

	if (unlikely(!endpoint)) {
		fp_drop(udp_sk, skb, skb->len - sizeof(struct udphdr),
			FASTPROTO_A_STATS_DROP_NO_SOCKET);
		kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
		return 0;
	}

	fp_addr_of_skb(skb, &rx);
	rx.tstamp = skb->tstamp;

	__skb_pull(skb, sizeof(struct udphdr));
	skb_orphan(skb);
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	fp_receive(endpoint->fs, skb, &rx);
	return 0;
}

/* What UDP tells a connected socket of an ICMP message: a negative errno or 0. */
static int icmp_hard_error(const struct sk_buff *skb)
{
	u8 type = icmp_hdr(skb)->type;
	u8 code = icmp_hdr(skb)->code;
	int err;

	if (skb->protocol == htons(ETH_P_IPV6))
		return icmpv6_err_convert(type, code, &err) ? -err : 0;

	switch (type) {
	case ICMP_PARAMETERPROB:
		return -EPROTO;
	case ICMP_DEST_UNREACH:
		/* The route has learnt the path MTU: the next one will fit. */
		if (code > NR_ICMP_UNREACH || code == ICMP_FRAG_NEEDED)
			return 0;
		return icmp_err_convert[code].fatal ?
		       -icmp_err_convert[code].errno : 0;
	default:
		return 0;
	}
}

/*
 * An ICMP message about a datagram of ours. skb->data is its IP header; uh, its
 * UDP header, lies within the linear part (the UDP socket was found by it).
 * Context: softirq, RCU read lock held.
 */
static void icmp_error(struct sock *udp_sk, struct sk_buff *skb,
		       const struct udphdr *uh)
{
	struct fp_endpoint *endpoint = rcu_dereference_sk_user_data(udp_sk);
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)skb->data;
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	union fp_addr to = {};

	if (!endpoint)
		return;

	if (skb->protocol == htons(ETH_P_IPV6)) {
		to.sin6.sin6_family = AF_INET6;
		to.sin6.sin6_addr = ip6h->daddr;
		to.sin6.sin6_port = uh->dest;
		to.sin6.sin6_scope_id = ipv6_iface_scope_id(&ip6h->daddr,
							    inet6_iif(skb));
	} else {
		to.sin.sin_family = AF_INET;
		to.sin.sin_addr.s_addr = iph->daddr;
		to.sin.sin_port = uh->dest;
	}
	fp_receive_error(endpoint->fs, &to, icmp_hard_error(skb));
}

FP_ENCAP_ERR_RCV(encap_err_rcv, icmp_error)

static int create_udp(struct net *net, int oif, const union fp_addr *local,
		      struct socket **udp)
{
	struct udp_port_cfg cfg = {
		.bind_ifindex = oif,
		.use_udp_checksums = true,
		.use_udp6_tx_checksums = true,
		.use_udp6_rx_checksums = true,
	};

	if (local->family == AF_INET6) {
		cfg.family = AF_INET6;
		cfg.local_ip6 = local->sin6.sin6_addr;
		cfg.local_udp_port = local->sin6.sin6_port;
		if (local->sin6.sin6_scope_id)
			cfg.bind_ifindex = local->sin6.sin6_scope_id;
	} else {
		cfg.family = AF_INET;
		cfg.local_ip = local->sin.sin_addr;
		cfg.local_udp_port = local->sin.sin_port;
	}
	return udp_sock_create(net, &cfg, udp);
}

/* What the UDP socket tells of itself, now that it is bound. */
static void read_back(struct fp_endpoint *endpoint)
{
	struct sock *udp_sk = udp_sk_of(endpoint);

	if (endpoint->local.family == AF_INET) {
		endpoint->local.sin.sin_port = inet_sk(udp_sk)->inet_sport;
		return;
	}
	endpoint->local.sin6.sin6_port = inet_sk(udp_sk)->inet_sport;
	/* An IPv6 socket for all addresses serves IPv4, too. */
	endpoint->dual = fp_addr_is_any(&endpoint->local) &&
			 !ipv6_only_sock(udp_sk);
}

/**
 * fp_endpoint_create - bind a socket to a local address
 * @fs: the socket, which will own the endpoint
 * @local: where to; port 0 takes a free one
 *
 * Context: process, socket lock held.
 * Return: the endpoint, frames may come in from now on; or -EADDRINUSE,
 *	-EADDRNOTAVAIL, -EACCES (privileged port), -EINVAL (scope),
 *	-EAFNOSUPPORT (no IPv6), -ENOMEM ...
 */
struct fp_endpoint *fp_endpoint_create(struct fp_sock *fs,
				       const union fp_addr *local)
{
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = ENCAP_TYPE,
		.encap_rcv = encap_rcv,
		.encap_err_rcv = encap_err_rcv,
	};
	struct net *net = sock_net(&fs->sk);
	struct fp_endpoint *endpoint;
	int err;

	endpoint = kzalloc(sizeof(*endpoint), GFP_KERNEL_ACCOUNT);
	if (!endpoint)
		return ERR_PTR(-ENOMEM);
	endpoint->fs = fs;
	endpoint->local = *local;

	err = create_udp(net, fs->sk.sk_bound_dev_if, local, &endpoint->udp);
	if (err) {
		kfree(endpoint);
		return ERR_PTR(err);
	}
	read_back(endpoint);
	cfg.sk_user_data = endpoint;
	setup_udp_tunnel_sock(net, endpoint->udp, &cfg);
	return endpoint;
}

/**
 * fp_endpoint_create_any - bind a socket to any address and a free port
 * @fs: the socket, which will own the endpoint
 * @family: what is to be sent first, AF_INET or AF_INET6
 *
 * The endpoint carries both families if the namespace lets it, else @family.
 *
 * Context: process, socket lock held.
 * Return: as fp_endpoint_create().
 */
struct fp_endpoint *fp_endpoint_create_any(struct fp_sock *fs, int family)
{
	static const union fp_addr any6 = { .sin6.sin6_family = AF_INET6 };
	static const union fp_addr any4 = { .sin.sin_family = AF_INET };
	struct fp_endpoint *endpoint;

	endpoint = fp_endpoint_create(fs, &any6);
	if (family == AF_INET6)
		return endpoint;
	if (!IS_ERR(endpoint) && endpoint->dual)
		return endpoint;
	if (!IS_ERR(endpoint))
		fp_endpoint_destroy(endpoint);
	else if (PTR_ERR(endpoint) != -EAFNOSUPPORT &&
		 PTR_ERR(endpoint) != -EPFNOSUPPORT)
		return endpoint;
	return fp_endpoint_create(fs, &any4);
}

/**
 * fp_endpoint_destroy - give a local port back
 * @endpoint: from fp_endpoint_create(), or NULL; freed after a grace period
 *
 * Softirq may be at work on the endpoint's socket until then.
 *
 * Context: process.
 */
void fp_endpoint_destroy(struct fp_endpoint *endpoint)
{
	if (!endpoint)
		return;
	rcu_assign_sk_user_data(udp_sk_of(endpoint), NULL);
	kernel_sock_shutdown(endpoint->udp, SHUT_RDWR);
	sock_release(endpoint->udp);
	kfree_rcu(endpoint, rcu);
}

/**
 * fp_endpoint_bind_device - SO_BINDTODEVICE of a socket that is bound
 * @endpoint: its endpoint
 * @ifindex: the interface, or 0 for all
 *
 * It can't fail: the core has checked the same of the socket before.
 *
 * Context: process, socket lock held.
 */
void fp_endpoint_bind_device(struct fp_endpoint *endpoint, int ifindex)
{
	/* A link-local address keeps its link. */
	if (endpoint->local.family == AF_INET6 &&
	    endpoint->local.sin6.sin6_scope_id)
		return;
	sock_bindtoindex(udp_sk_of(endpoint), ifindex, true);
}

static int route_inet(struct fp_endpoint *endpoint, int oif, u32 mark,
		      bool onlink, struct fp_route *route)
{
	struct sock *sk = &endpoint->fs->sk;
	struct net *net = sock_net(sk);
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, oif, mark, 0, RT_SCOPE_UNIVERSE, IPPROTO_UDP,
			   0, route->to.sin.sin_addr.s_addr,
			   route->src.sin.sin_addr.s_addr,
			   route->to.sin.sin_port, route->src.sin.sin_port,
			   sock_net_uid(net, sk));
	if (onlink)
		fp_flow4_set_onlink(&fl4);
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));

	rt = ip_route_output_flow(net, &fl4, udp_sk_of(endpoint));
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return -EACCES;
	}
	route->src.sin.sin_addr.s_addr = fl4.saddr;
	route->to.sin.sin_addr.s_addr = fl4.daddr;
	route->dst = &rt->dst;
	return 0;
}

static int route_inet6(struct fp_endpoint *endpoint, int oif, u32 mark,
		       struct fp_route *route)
{
	struct sock *sk = &endpoint->fs->sk;
	struct net *net = sock_net(sk);
	struct flowi6 fl6 = {
		.flowi6_oif = oif,
		.flowi6_mark = mark,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = sock_net_uid(net, sk),
		.daddr = route->to.sin6.sin6_addr,
		.saddr = route->src.sin6.sin6_addr,
		.fl6_dport = route->to.sin6.sin6_port,
		.fl6_sport = route->src.sin6.sin6_port,
	};
	u32 scope = route->to.sin6.sin6_scope_id;
	struct dst_entry *dst;

	/* Bound to a link-local address is bound to its link. */
	if (!oif)
		fl6.flowi6_oif = endpoint->local.sin6.sin6_scope_id;
	if (scope && fl6.flowi6_oif && fl6.flowi6_oif != scope)
		return -EINVAL;
	if (scope)
		fl6.flowi6_oif = scope;
	if (!fl6.flowi6_oif && ipv6_addr_type(&fl6.daddr) & IPV6_ADDR_LINKLOCAL)
		return -EINVAL;
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&fl6));

	dst = ipv6_stub->ipv6_dst_lookup_flow(net, udp_sk_of(endpoint), &fl6,
					      NULL);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	route->src.sin6.sin6_addr = fl6.saddr;
	route->src.sin6.sin6_scope_id =
		ipv6_iface_scope_id(&fl6.saddr, fl6.flowi6_oif);
	route->dst = dst;
	return 0;
}

/* Send to the unspecified address means to this host, as for UDP and TCP. */
static void resolve_any(union fp_addr *to)
{
	if (!fp_addr_is_any(to))
		return;
	if (to->family == AF_INET)
		to->sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		to->sin6.sin6_addr = in6addr_loopback;
}

/*
 * The source that goes with the destination's family, or an errno. The UDP
 * socket knows whether the bound address is one to send from: a multicast
 * address is not.
 */
static int choose_source(const struct fp_endpoint *endpoint,
			 struct fp_route *route)
{
	const struct sock *udp_sk = udp_sk_of(endpoint);

	memset(&route->src, 0, sizeof(route->src));
	route->src.family = route->to.family;

	if (route->to.family == AF_INET6) {
		if (endpoint->local.family == AF_INET)
			return -EAFNOSUPPORT;
		route->src.sin6.sin6_addr = inet6_sk(udp_sk)->saddr;
		route->src.sin6.sin6_port = inet_sk(udp_sk)->inet_sport;
		return 0;
	}
	if (endpoint->local.family == AF_INET6 && !endpoint->dual)
		return -ENETUNREACH;
	if (endpoint->local.family == AF_INET)
		route->src.sin.sin_addr.s_addr = inet_sk(udp_sk)->inet_saddr;
	route->src.sin.sin_port = inet_sk(udp_sk)->inet_sport;
	return 0;
}

static struct dst_entry *cached_route(struct fp_peer *peer)
{
	struct dst_entry *dst;

	local_bh_disable();
	dst = dst_cache_get(&peer->cache);
	local_bh_enable();
	return dst;
}

static void cache_route(struct fp_peer *peer, const struct fp_route *route)
{
	local_bh_disable();
	if (route->to.family == AF_INET)
		dst_cache_set_ip4(&peer->cache, route->dst,
				  route->src.sin.sin_addr.s_addr);
	else
		dst_cache_set_ip6(&peer->cache, route->dst,
				  &route->src.sin6.sin6_addr);
	local_bh_enable();
}

/**
 * fp_endpoint_route - find the way to an address
 * @endpoint: where the message leaves from
 * @to: where it goes, or NULL: to @peer
 * @peer: the socket's peer, or NULL; its route is remembered
 * @mark: routing mark
 * @onlink: only to hosts on a link (SO_DONTROUTE, MSG_DONTROUTE)
 * @route: filled in on success, with a reference to the route
 *
 * Context: process, RCU read lock held if @peer is given.
 * Return: 0, -EAFNOSUPPORT, -ENETUNREACH, -EHOSTUNREACH, -EACCES (broadcast
 *	without SO_BROADCAST), -EINVAL (port 0, scope) ...
 */
int fp_endpoint_route(struct fp_endpoint *endpoint, const union fp_addr *to,
		      struct fp_peer *peer, u32 mark, bool onlink,
		      struct fp_route *route)
{
	int oif = READ_ONCE(endpoint->fs->sk.sk_bound_dev_if);
	bool cache = !to && !onlink && peer->mark == mark && peer->oif == oif;
	int err;

	if (!to) {
		route->to = peer->addr;
		route->src = peer->local;
	} else {
		route->to = *to;
		err = choose_source(endpoint, route);
		if (err)
			return err;
		resolve_any(&route->to);
	}
	if (!fp_addr_port(&route->to))
		return -EINVAL;

	if (cache) {
		route->dst = cached_route(peer);
		if (route->dst)
			return 0;
	}
	if (route->to.family == AF_INET)
		err = route_inet(endpoint, oif, mark, onlink, route);
	else
		err = route_inet6(endpoint, oif, mark, route);
	if (!err && cache)
		cache_route(peer, route);
	return err;
}

/**
 * fp_endpoint_headroom - what a frame needs in front of it
 * @route: the way that it will go
 *
 * Return: bytes for the headers of UDP, IP and the link.
 */
unsigned int fp_endpoint_headroom(const struct fp_route *route)
{
	unsigned int ip_len = route->to.family == AF_INET ?
			      sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return LL_RESERVED_SPACE(route->dst->dev) + route->dst->header_len +
	       ip_len + sizeof(struct udphdr);
}

static void xmit_inet(struct sock *udp_sk, struct sk_buff *skb,
		      struct fp_route *route)
{
	unsigned int len = skb->len + sizeof(struct udphdr) +
			   sizeof(struct iphdr);
	__be32 to = route->to.sin.sin_addr.s_addr;
	__be16 df = len <= dst_mtu(route->dst) ? htons(IP_DF) : 0;
	__u8 ttl;

	ttl = ipv4_is_multicast(to) ? 1 : ip4_dst_hoplimit(route->dst);
	udp_tunnel_xmit_skb(dst_rtable(route->dst), udp_sk, skb,
			    route->src.sin.sin_addr.s_addr, to, 0, ttl, df,
			    route->src.sin.sin_port, route->to.sin.sin_port,
			    false, false);
}

static void xmit_inet6(struct sock *udp_sk, struct sk_buff *skb,
		       struct fp_route *route)
{
	struct in6_addr *to = &route->to.sin6.sin6_addr;
	__u8 ttl;

	/* Larger than the path: we fragment, as UDP does. */
	skb->ignore_df = 1;
	ttl = ipv6_addr_is_multicast(to) ? IPV6_DEFAULT_MCASTHOPS :
					   ip6_dst_hoplimit(route->dst);
	udp_tunnel6_xmit_skb(route->dst, udp_sk, skb, NULL,
			     &route->src.sin6.sin6_addr, to, 0, ttl, 0,
			     route->src.sin6.sin6_port,
			     route->to.sin6.sin6_port, false);
}

/**
 * fp_endpoint_xmit - send one datagram
 * @endpoint: where it leaves from
 * @skb: its payload, with fp_endpoint_headroom(); taken
 * @route: from fp_endpoint_route(); its reference is taken
 *
 * Context: process.
 */
void fp_endpoint_xmit(struct fp_endpoint *endpoint, struct sk_buff *skb,
		      struct fp_route *route)
{
	struct sock *udp_sk = udp_sk_of(endpoint);

	/* The tunnel code counts its recursion on this CPU. */
	rcu_read_lock_bh();
	if (route->to.family == AF_INET)
		xmit_inet(udp_sk, skb, route);
	else
		xmit_inet6(udp_sk, skb, route);
	rcu_read_unlock_bh();
	route->dst = NULL;
}
