// SPDX-License-Identifier: GPL-2.0
/*
 * The bearer: one kernel UDP socket for a local port (demux.c may add another).
 * Frames come in through its encap_rcv and go out as UDP datagrams of its port;
 * the UDP socket itself queues nothing.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "fastproto.h"

/* Any but 0 has UDP call encap_rcv; this is what tunnels without a name take. */
#define ENCAP_TYPE	1

/* Where endpoints end whose last user could not sleep. */
static struct workqueue_struct *end_queue;

/**
 * fp_endpoint_init - have UDP look for encap_rcv as long as the module is there
 *
 * Each endpoint switches that on, too, and off again when it goes. The switch
 * patches the kernel's text and interrupts every CPU: far too much to do for
 * each socket that opens and closes.
 *
 * Return: 0 or -ENOMEM.
 */
int __init fp_endpoint_init(void)
{
	/* They wait for each other: threads of their own are only left over. */
	end_queue = alloc_ordered_workqueue("fastproto", 0);
	if (!end_queue)
		return -ENOMEM;
	udp_encap_enable();
#if IS_ENABLED(CONFIG_IPV6)
	static_branch_inc(&udpv6_encap_needed_key);
#endif
	return 0;
}

void fp_endpoint_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	static_branch_dec(&udpv6_encap_needed_key);
#endif
	udp_encap_disable();
	destroy_workqueue(end_queue);
}

/*
 * A UDP datagram came in, its checksum was verified. Takes the skb.
 * Context: softirq, RCU read lock held.
 */
static int encap_rcv(struct sock *udp_sk, struct sk_buff *skb)
{
	struct fp_endpoint *endpoint = rcu_dereference_sk_user_data(udp_sk);
	struct fp_rx rx __fp_uninitialized;

	if (unlikely(!endpoint)) {
		fp_drop(sock_net(udp_sk), NULL, skb,
			skb->len - sizeof(struct udphdr),
			FASTPROTO_A_STATS_DROP_NO_SOCKET);
		kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
		return 0;
	}

	fp_addr_of_skb(skb, &rx);
	rx.answered = false;
	rx.tstamp = skb->tstamp;
	if (unlikely(fp_demux_sample(endpoint->fn)))
		fp_demux_look(endpoint, udp_sk, skb, &rx);

	__skb_pull(skb, sizeof(struct udphdr));
	skb_orphan(skb);
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	fp_receive(endpoint, skb, &rx);
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

	if (!endpoint)	/* the port is just being closed */
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
	fp_receive_error(endpoint, &to, icmp_hard_error(skb), skb,
			 (const u8 *)(uh + 1) - skb->data);
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
	struct sock *udp_sk = endpoint->udp_sk;

	if (endpoint->local.family == AF_INET) {
		endpoint->local.sin.sin_port = inet_sk(udp_sk)->inet_sport;
		return;
	}
	endpoint->local.sin6.sin6_port = inet_sk(udp_sk)->inet_sport;
	/* An IPv6 socket for all addresses serves IPv4, too. */
	endpoint->dual = fp_addr_is_any(&endpoint->local) &&
			 !ipv6_only_sock(udp_sk);
}

static const union fp_addr any6 = { .sin6.sin6_family = AF_INET6 };
static const union fp_addr any4 = { .sin.sin_family = AF_INET };

/* Was it in vain to try to serve all families by an IPv6 socket? */
static bool must_be_inet(const struct fp_endpoint *endpoint, int family)
{
	if (family == AF_INET6)
		return false;
	if (!IS_ERR(endpoint))
		return !endpoint->dual;
	return PTR_ERR(endpoint) == -EAFNOSUPPORT ||
	       PTR_ERR(endpoint) == -EPFNOSUPPORT;
}

/* The last reference is gone; the memory follows after a grace period. */
static void end(struct work_struct *work)
{
	struct fp_endpoint *endpoint = container_of(work, struct fp_endpoint,
						    end);
	struct fp_net *fn = endpoint->fn;

	fp_demux_end(&endpoint->demux);
	mutex_lock(&fn->endpoint_lock);
	list_del(&endpoint->list);
	rcu_assign_sk_user_data(endpoint->udp_sk, NULL);
	kernel_sock_shutdown(endpoint->udp, SHUT_RDWR);
	sock_release(endpoint->udp);
	mutex_unlock(&fn->endpoint_lock);
	kfree_rcu(endpoint, rcu);
}

/* A new endpoint with one reference. Under the namespace's endpoint_lock. */
static struct fp_endpoint *create_endpoint(struct net *net, int oif,
					   const union fp_addr *local)
{
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = ENCAP_TYPE,
		.encap_rcv = encap_rcv,
		.encap_err_rcv = encap_err_rcv,
	};
	struct fp_endpoint *endpoint;
	int err;

	endpoint = kzalloc(sizeof(*endpoint), GFP_KERNEL_ACCOUNT);
	if (!endpoint)
		return ERR_PTR(-ENOMEM);
	refcount_set(&endpoint->refs, 1);
	INIT_LIST_HEAD(&endpoint->list);
	INIT_LIST_HEAD(&endpoint->accept_queue);
	INIT_WORK(&endpoint->end, end);
	endpoint->net = net;
	endpoint->fn = fp_net(net);
	endpoint->oif = oif;
	endpoint->local = *local;

	err = create_udp(net, oif, local, &endpoint->udp);
	if (err) {
		kfree(endpoint);
		return ERR_PTR(err);
	}
	endpoint->udp_sk = endpoint->udp->sk;
	fp_demux_init(&endpoint->demux, endpoint->udp);
	read_back(endpoint);
	cfg.sk_user_data = endpoint;
	setup_udp_tunnel_sock(net, endpoint->udp, &cfg);
	return endpoint;
}

/*
 * The endpoint of a port whose socket was closed, while connections still use
 * it; a reference. Under the endpoint_lock.
 */
static struct fp_endpoint *adopt(struct net *net, int oif,
				 const union fp_addr *local)
{
	struct fp_endpoint *endpoint;

	if (!fp_addr_port(local))
		return NULL;
	list_for_each_entry(endpoint, &fp_net(net)->left, list) {
		if (endpoint->oif != oif ||
		    !fp_addr_equal(&endpoint->local, local) ||
		    !refcount_inc_not_zero(&endpoint->refs))
			continue;
		list_del_init(&endpoint->list);
		return endpoint;
	}
	return NULL;
}

static struct fp_endpoint *adopt_or_create(struct net *net, int oif,
					   const union fp_addr *local,
					   struct fp_sock *fs)
{
	struct fp_endpoint *endpoint;

	mutex_lock(&fp_net(net)->endpoint_lock);
	endpoint = adopt(net, oif, local);
	if (!endpoint)
		endpoint = create_endpoint(net, oif, local);
	if (!IS_ERR(endpoint))
		rcu_assign_pointer(endpoint->fs, fs);
	mutex_unlock(&fp_net(net)->endpoint_lock);
	return endpoint;
}

/**
 * fp_endpoint_create - bind a socket to a local address
 * @fs: the socket, which gets a reference
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
	struct net *net = sock_net(&fs->sk);
	int oif = fs->sk.sk_bound_dev_if;
	struct fp_endpoint *endpoint;

	endpoint = adopt_or_create(net, oif, local, fs);
	if (endpoint == ERR_PTR(-EADDRINUSE)) {
		/* By one that is about to end? */
		flush_workqueue(end_queue);
		endpoint = adopt_or_create(net, oif, local, fs);
	}
	return endpoint;
}

/**
 * fp_endpoint_create_any - bind a socket to any address and a free port
 * @fs: the socket, which gets a reference
 * @family: what is to be sent first, AF_INET or AF_INET6
 *
 * The endpoint carries both families if the namespace lets it, else @family.
 *
 * Context: process, socket lock held.
 * Return: as fp_endpoint_create().
 */
struct fp_endpoint *fp_endpoint_create_any(struct fp_sock *fs, int family)
{
	struct fp_endpoint *endpoint;

	endpoint = fp_endpoint_create(fs, &any6);
	if (!must_be_inet(endpoint, family))
		return endpoint;
	if (!IS_ERR(endpoint))
		fp_endpoint_release(endpoint);
	return fp_endpoint_create(fs, &any4);
}

static struct fp_endpoint *find_client(struct fp_net *fn, int family,
				       unsigned int nr)
{
	struct fp_endpoint *endpoint;

	list_for_each_entry(endpoint, &fn->clients, list) {
		if (endpoint->client != nr)
			continue;
		if (endpoint->local.family == family || endpoint->dual)
			return endpoint;
	}
	return NULL;
}

static struct fp_endpoint *create_client(struct net *net, unsigned int nr,
					 const union fp_addr *local)
{
	struct fp_endpoint *endpoint = create_endpoint(net, 0, local);

	if (!IS_ERR(endpoint)) {
		endpoint->client = nr;
		list_add(&endpoint->list, &fp_net(net)->clients);
	}
	return endpoint;
}

/**
 * fp_endpoint_client - an endpoint for a connection of a socket without a port
 * @net: the namespace, which keeps a few of them for all
 * @family: of the peer's address
 *
 * There are several, so that what comes back is spread over receive queues.
 *
 * Context: process.
 * Return: the endpoint, one reference; or as fp_endpoint_create().
 */
struct fp_endpoint *fp_endpoint_client(struct net *net, int family)
{
	unsigned int nr = 1 + raw_smp_processor_id() % FP_CLIENT_ENDPOINTS;
	struct fp_net *fn = fp_net(net);
	struct fp_endpoint *endpoint;

	mutex_lock(&fn->endpoint_lock);
	endpoint = find_client(fn, family, nr);
	if (!endpoint) {
		endpoint = create_client(net, nr, &any6);
		/* No IPv6 in this kernel; or if it failed for bindv6only. */
		if (must_be_inet(endpoint, family))
			endpoint = create_client(net, nr, &any4);
	}
	if (!IS_ERR(endpoint))
		fp_endpoint_get(endpoint);
	mutex_unlock(&fn->endpoint_lock);
	return endpoint;
}

/**
 * fp_endpoint_release - a socket gives its local port back
 * @endpoint: from fp_endpoint_create(), or NULL
 *
 * Softirq may be at work on the socket until a grace period has passed.
 * Connections may keep the port.
 *
 * Context: process.
 */
void fp_endpoint_release(struct fp_endpoint *endpoint)
{
	if (!endpoint)
		return;
	mutex_lock(&endpoint->fn->endpoint_lock);
	RCU_INIT_POINTER(endpoint->fs, NULL);
	list_add(&endpoint->list, &endpoint->fn->left);
	mutex_unlock(&endpoint->fn->endpoint_lock);
	/* The port is to be free when close() returns. */
	if (refcount_dec_and_test(&endpoint->refs))
		end(&endpoint->end);
}

/**
 * fp_endpoint_put - give up a reference
 * @endpoint: not used any more by the caller
 *
 * Context: any.
 */
void fp_endpoint_put(struct fp_endpoint *endpoint)
{
	if (refcount_dec_and_test(&endpoint->refs))
		queue_work(end_queue, &endpoint->end);
}

/**
 * fp_endpoint_net_end - close the ports of a namespace
 * @net: the namespace; neither a socket nor a connection is left in it, and all
 *	that was put is flushed (fp_endpoint_flush())
 *
 * Softirq may still be in encap_rcv, for a grace period.
 *
 * Context: process.
 */
void fp_endpoint_net_end(struct net *net)
{
	struct fp_net *fn = fp_net(net);
	struct fp_endpoint *endpoint, *next;

	WARN_ON(!list_empty(&fn->left));
	list_for_each_entry_safe(endpoint, next, &fn->clients, list)
		end(&endpoint->end);
}

/**
 * fp_endpoint_flush - wait until the ports are closed that nobody refers to
 *
 * Context: process.
 */
void fp_endpoint_flush(void)
{
	flush_workqueue(end_queue);
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
	struct socket *udp;

	/* A link-local address keeps its link. */
	if (endpoint->local.family == AF_INET6 &&
	    endpoint->local.sin6.sin6_scope_id)
		return;
	mutex_lock(&endpoint->fn->endpoint_lock);
	endpoint->oif = ifindex;
	sock_bindtoindex(endpoint->udp_sk, ifindex, true);
	udp = fp_demux_take(&endpoint->demux);
	mutex_unlock(&endpoint->fn->endpoint_lock);
	fp_demux_release(udp);
}

static int route_inet(struct fp_endpoint *endpoint, const struct fp_flow *flow,
		      struct fp_route *route)
{
	struct net *net = endpoint->net;
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, flow->oif, flow->mark, 0, RT_SCOPE_UNIVERSE, IPPROTO_UDP,
			   0, route->to.sin.sin_addr.s_addr,
			   route->src.sin.sin_addr.s_addr,
			   route->to.sin.sin_port, route->src.sin.sin_port,
			   sock_net_uid(net, flow->sk));
	if (flow->onlink)
		fp_flow4_set_onlink(&fl4);
	if (flow->sk)
		security_sk_classify_flow(flow->sk,
					  flowi4_to_flowi_common(&fl4));

	rt = ip_route_output_flow(net, &fl4, endpoint->udp_sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & RTCF_BROADCAST && !flow->broadcast) {
		ip_rt_put(rt);
		return -EACCES;
	}
	route->src.sin.sin_addr.s_addr = fl4.saddr;
	route->to.sin.sin_addr.s_addr = fl4.daddr;
	route->dst = &rt->dst;
	return 0;
}

static int route_inet6(struct fp_endpoint *endpoint, const struct fp_flow *flow,
		       struct fp_route *route)
{
	struct net *net = endpoint->net;
	struct flowi6 fl6 = {
		.flowi6_oif = flow->oif,
		.flowi6_mark = flow->mark,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = sock_net_uid(net, flow->sk),
		.daddr = route->to.sin6.sin6_addr,
		.saddr = route->src.sin6.sin6_addr,
		.fl6_dport = route->to.sin6.sin6_port,
		.fl6_sport = route->src.sin6.sin6_port,
	};
	u32 scope = route->to.sin6.sin6_scope_id;
	struct dst_entry *dst;

	/* Bound to a link-local address is bound to its link. */
	if (!fl6.flowi6_oif)
		fl6.flowi6_oif = endpoint->local.sin6.sin6_scope_id;
	if (scope && fl6.flowi6_oif && fl6.flowi6_oif != scope)
		return -EINVAL;
	if (scope)
		fl6.flowi6_oif = scope;
	if (!fl6.flowi6_oif && ipv6_addr_type(&fl6.daddr) & IPV6_ADDR_LINKLOCAL)
		return -EINVAL;
	if (flow->sk)
		security_sk_classify_flow(flow->sk,
					  flowi6_to_flowi_common(&fl6));

	dst = ipv6_stub->ipv6_dst_lookup_flow(net, endpoint->udp_sk, &fl6,
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
	const struct sock *udp_sk = endpoint->udp_sk;

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

static int look_up(struct fp_endpoint *endpoint, const struct fp_flow *flow,
		   struct fp_route *route)
{
	int err;

	if (route->to.family == AF_INET)
		err = route_inet(endpoint, flow, route);
	else
		err = route_inet6(endpoint, flow, route);
	if (!err)
		route->mtu = dst_mtu(route->dst);
	return err;
}

/**
 * fp_endpoint_route - find the way to an address
 * @endpoint: where the message leaves from
 * @flow: what else decides on the way
 * @to: where it goes, or NULL: to @peer
 * @peer: the peer, or NULL; its route is remembered
 * @route: filled in on success, with a reference to the route
 *
 * Context: any; if @peer is given, BH is off and the RCU read lock held.
 * Return: 0, -EAFNOSUPPORT, -ENETUNREACH, -EHOSTUNREACH, -EACCES (broadcast
 *	that is not wanted), -EINVAL (port 0, scope) ...
 */
int fp_endpoint_route(struct fp_endpoint *endpoint, const struct fp_flow *flow,
		      const union fp_addr *to, struct fp_peer *peer,
		      struct fp_route *route)
{
	bool cache = !to && !flow->onlink && peer->mark == flow->mark &&
		     peer->oif == flow->oif;
	int err;

	if (cache && fp_peer_route(peer, route) && dst_hold_safe(route->dst))
		return 0;
	route->tos = 0;
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

	err = look_up(endpoint, flow, route);
	if (!err && cache)
		fp_peer_set_route(peer, route);
	return err;
}

static struct udphdr *push_udp(struct sk_buff *skb, __be16 source, __be16 dest)
{
	struct udphdr *uh;

	uh = __skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh->source = source;
	uh->dest = dest;
	uh->len = htons(skb->len);
	return uh;
}

/* The checksum is left to the device, which adds the rest to that of the ends. */
static void leave_csum(struct sk_buff *skb, struct udphdr *uh, __sum16 ends)
{
	uh->check = ~ends;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
}

/* As ip4_dst_hoplimit(), of which this is the namespace. */
static u8 hop_limit(const struct fp_endpoint *endpoint,
		    const struct dst_entry *dst)
{
	return dst_metric_raw(dst, RTAX_HOPLIMIT) ?:
	       READ_ONCE(endpoint->net->ipv4.sysctl_ip_default_ttl);
}

static int xmit_inet(struct fp_endpoint *endpoint, struct sk_buff *skb,
		     const struct fp_route *route)
{
	__be32 from = route->src.sin.sin_addr.s_addr;
	__be32 to = route->to.sin.sin_addr.s_addr;
	struct udphdr *uh;
	struct iphdr *iph;

	uh = push_udp(skb, route->src.sin.sin_port, route->to.sin.sin_port);
	leave_csum(skb, uh, udp_v4_check(skb->len, from, to, 0));

	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = route->tos;
	/* Larger than the path: we fragment, as UDP does. */
	iph->frag_off = skb->len <= route->mtu ? htons(IP_DF) : 0;
	iph->ttl = ipv4_is_multicast(to) ? 1 : hop_limit(endpoint, route->dst);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = from;
	iph->daddr = to;
	ip_select_ident(endpoint->net, skb, NULL);
	return ip_local_out(endpoint->net, endpoint->udp_sk, skb);
}

static int xmit_inet6(struct fp_endpoint *endpoint, struct sk_buff *skb,
		      const struct fp_route *route)
{
	const struct in6_addr *from = &route->src.sin6.sin6_addr;
	const struct in6_addr *to = &route->to.sin6.sin6_addr;
	struct ipv6hdr *ip6h;
	struct udphdr *uh;

	uh = push_udp(skb, route->src.sin6.sin6_port, route->to.sin6.sin6_port);
	leave_csum(skb, uh, udp_v6_check(skb->len, from, to, 0));

	ip6h = __skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	ip6_flow_hdr(ip6h, route->tos, 0);
	ip6h->nexthdr = IPPROTO_UDP;
	ip6h->hop_limit = ipv6_addr_is_multicast(to) ?
			  IPV6_DEFAULT_MCASTHOPS :
			  ip6_dst_hoplimit(route->dst);
	ip6h->saddr = *from;
	ip6h->daddr = *to;
	/* Larger than the path: we fragment, as UDP does. */
	skb->ignore_df = 1;
	return ip6_local_out(endpoint->net, endpoint->udp_sk, skb);
}

/**
 * fp_endpoint_xmit - send one datagram
 * @endpoint: where it leaves from
 * @skb: its payload, with fp_endpoint_headroom(), and its route (skb_dst_set());
 *	taken
 * @route: from fp_endpoint_route()
 *
 * Context: BH off, RCU read lock held.
 * Return: 0, or what IP says: -ENOBUFS (a queue is full), -EPERM (a rule
 *	refuses it) ... It is counted.
 */
int fp_endpoint_xmit(struct fp_endpoint *endpoint, struct sk_buff *skb,
		     const struct fp_route *route)
{
	int err;

	if (route->to.family == AF_INET)
		err = xmit_inet(endpoint, skb, route);
	else
		err = xmit_inet6(endpoint, skb, route);
	if (likely(!err))
		return 0;
	if (err > 0)
		err = net_xmit_errno(err);
	if (err)
		FP_INC_STATS(endpoint->fn, OUT_ERRORS);
	return err;
}

/**
 * fp_endpoint_reply - answer a datagram from the address that it was sent to
 * @endpoint: where it came in
 * @skb: the answer, with FP_REPLY_HEADROOM or more; taken
 * @rx: what is answered
 *
 * Context: softirq, RCU read lock held.
 */
void fp_endpoint_reply(struct fp_endpoint *endpoint, struct sk_buff *skb,
		       const struct fp_rx *rx)
{
	struct fp_flow flow = { .oif = endpoint->oif };
	struct fp_route route = { .src = rx->dst, .to = rx->src };
	int err;

	/* It came from there a moment ago, and @skb has room for its headers. */
	err = look_up(endpoint, &flow, &route);
	if (!err && skb_cow_head(skb, fp_endpoint_headroom(&route))) {
		dst_release(route.dst);
		err = -ENOMEM;
	}
	if (err) {
		FP_INC_STATS(endpoint->fn, OUT_ERRORS);
		kfree_skb(skb);
		return;
	}
	skb_dst_set(skb, route.dst);
	fp_endpoint_xmit(endpoint, skb, &route);
}
