// SPDX-License-Identifier: GPL-2.0
/* The only place where a sockaddr of the application is checked. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "fastproto.h"

static inline void set_inet(union fp_addr *addr, __be32 ip, __be16 port)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin.sin_family = AF_INET;
	addr->sin.sin_addr.s_addr = ip;
	addr->sin.sin_port = port;
}

/* Does it mean something on one link only? */
static inline bool needs_scope(const struct in6_addr *ip)
{
	/* fe80::/10 does, and so does a part of ff00::/8. */
	return ip->s6_addr[0] >= 0xfe &&
	       __ipv6_addr_needs_scope_id(__ipv6_addr_type(ip));
}

static inline void set_inet6(union fp_addr *addr, const struct in6_addr *ip,
			     __be16 port, u32 scope)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin6.sin6_family = AF_INET6;
	addr->sin6.sin6_addr = *ip;
	addr->sin6.sin6_port = port;
	if (unlikely(needs_scope(ip)))
		addr->sin6.sin6_scope_id = scope;
}

/**
 * fp_addr_parse - check an address that the application gave
 * @addr: filled in on success
 * @uaddr: a struct sockaddr_fp, already in kernel memory
 * @len: its length in bytes
 *
 * Context: any.
 * Return: 0, -EINVAL (length, padding, connection ID) or -EAFNOSUPPORT.
 */
int fp_addr_parse(union fp_addr *addr, const void *uaddr, int len)
{
	const struct sockaddr_fp *sfp = uaddr;
	const struct sockaddr_in6 *sin6;

	BUILD_BUG_ON(offsetofend(struct sockaddr_fp, sfp_sin) !=
		     FP_ADDRLEN_INET);
	BUILD_BUG_ON(offsetofend(struct sockaddr_fp, sfp_sin6) !=
		     FP_ADDRLEN_INET6);
	BUILD_BUG_ON(sizeof(struct sockaddr_fp) != 48);
	BUILD_BUG_ON(sizeof(struct sockaddr_fp) >
		     sizeof(struct sockaddr_storage));

	if (len < (int)offsetofend(struct sockaddr_fp, sfp_transport))
		return -EINVAL;
	if (sfp->sfp_family != fp_family)
		return -EAFNOSUPPORT;
	if (sfp->sfp_flags || sfp->sfp_pad || sfp->sfp_conn)
		return -EINVAL;

	switch (sfp->sfp_transport) {
	case AF_INET:
		if (len < FP_ADDRLEN_INET)
			return -EINVAL;
		set_inet(addr, sfp->sfp_sin.sin_addr.s_addr,
			 sfp->sfp_sin.sin_port);
		return 0;
	case AF_INET6:
		if (len < FP_ADDRLEN_INET6)
			return -EINVAL;
		sin6 = &sfp->sfp_sin6;
		if (ipv6_addr_v4mapped(&sin6->sin6_addr))
			set_inet(addr, sin6->sin6_addr.s6_addr32[3],
				 sin6->sin6_port);
		else
			set_inet6(addr, &sin6->sin6_addr, sin6->sin6_port,
				  sin6->sin6_scope_id);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

/**
 * fp_addr_report - write an address as the application reads it
 * @addr: the address; family AF_UNSPEC for none
 * @uaddr: room for a struct sockaddr_fp
 *
 * Return: how many bytes were written, always sizeof(struct sockaddr_fp).
 */
int fp_addr_report(const union fp_addr *addr, void *uaddr)
{
	struct sockaddr_fp *sfp = uaddr;

	memset(sfp, 0, sizeof(*sfp));
	sfp->sfp_family = fp_family;
	if (addr->family == AF_INET)
		sfp->sfp_sin = addr->sin;
	else if (addr->family == AF_INET6)
		sfp->sfp_sin6 = addr->sin6;
	return sizeof(*sfp);
}

/**
 * fp_addr_of_skb - read the addresses and the interface of a datagram
 * @skb: as the UDP receive path has it: network and transport header set
 * @rx: its addresses and interface are filled in
 *
 * Context: softirq, before the skb's control block and dst are gone.
 */
void fp_addr_of_skb(const struct sk_buff *skb, struct fp_rx *rx)
{
	const struct udphdr *uh = udp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IP)) {
		rx->ifindex = inet_iif(skb);
		set_inet(&rx->src, ip_hdr(skb)->saddr, uh->source);
		set_inet(&rx->dst, ip_hdr(skb)->daddr, uh->dest);
	} else {
		rx->ifindex = inet6_iif(skb);
		set_inet6(&rx->src, &ipv6_hdr(skb)->saddr, uh->source,
			  rx->ifindex);
		set_inet6(&rx->dst, &ipv6_hdr(skb)->daddr, uh->dest,
			  rx->ifindex);
	}
}

bool fp_addr_is_any(const union fp_addr *addr)
{
	if (addr->family == AF_INET)
		return !addr->sin.sin_addr.s_addr;
	return ipv6_addr_any(&addr->sin6.sin6_addr);
}

__be16 fp_addr_port(const union fp_addr *addr)
{
	return addr->family == AF_INET ? addr->sin.sin_port :
					 addr->sin6.sin6_port;
}
