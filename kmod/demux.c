// SPDX-License-Identifier: GPL-2.0
/*
 * The way in of an endpoint's busiest peer: a second UDP socket for its port,
 * which is connected to that peer. IP finds such a socket, and in it the route,
 * before it has looked for a route (early demultiplexing); UDP then need not
 * look for a socket.
 *
 * It is a matter of speed alone. Datagrams do not care by which of the two
 * sockets they come in, and none is lost when it appears or goes.
 */
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/transp_v6.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "fastproto.h"

/* So far must a peer be ahead of all others together. */
#define VOTES		5

/* It stays as long as so many times its datagrams do not come by other ways. */
#define STICKY		4

/* So many others in a row: it is time to see whether it stays. */
#define ROW		16

/* But it stays for so long at least. */
#define STAY		(HZ / 10)

/*
 * Not what many sockets get a copy of, nor what never is demultiplexed early:
 * only the first socket of a hash chain is, and the second one that is bound to
 * the same address of IPv6 is last.
 */
static bool is_eligible(const struct fp_endpoint *endpoint,
			const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);

	if (skb->dev->flags & IFF_LOOPBACK)
		return false;
	if (skb->protocol == htons(ETH_P_IPV6))
		return fp_addr_is_any(&endpoint->local) &&
		       !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
	return rt && rt->rt_type == RTN_LOCAL;
}

static void vote(struct fp_endpoint *endpoint, const struct sk_buff *skb,
		 const struct fp_rx *rx)
{
	struct fp_demux *demux = &endpoint->demux;

	if (demux->over || demux->paused)
		return;
	if (!demux->votes) {
		if (!is_eligible(endpoint, skb))
			return;
		demux->peer = rx->src;
		demux->local = rx->dst;
		demux->votes = 1;
	} else if (!fp_addr_equal(&demux->peer, &rx->src) ||
		   !fp_addr_equal(&demux->local, &rx->dst)) {
		demux->votes--;
	} else if (++demux->votes == VOTES) {
		mod_delayed_work(system_unbound_wq, &demux->work, 0);
	}
}

/* One that did not come by it, but by the endpoint's own socket. */
static void count_other(struct fp_demux *demux)
{
	unsigned long end = demux->since + STAY, now = jiffies;

	demux->others++;
	if (++demux->row == ROW && !demux->over)
		mod_delayed_work(system_unbound_wq, &demux->work,
				 time_before(now, end) ? end - now : 0);
}

static void count_own(struct fp_demux *demux)
{
	demux->votes++;
	demux->row = 0;
}

/**
 * fp_demux_look - look at a datagram: whose are most?
 * @endpoint: where it came in
 * @udp_sk: and by which socket
 * @skb: the datagram, which still has its route
 * @rx: where it came from
 *
 * Context: softirq, RCU read lock held.
 */
void fp_demux_look(struct fp_endpoint *endpoint, const struct sock *udp_sk,
		   const struct sk_buff *skb, const struct fp_rx *rx)
{
	struct fp_demux *demux = &endpoint->demux;

	/* One more or less: who is in the way goes first. */
	if (!spin_trylock(&demux->lock))
		return;
	if (!demux->udp)
		vote(endpoint, skb, rx);
	else if (udp_sk == endpoint->udp_sk)
		count_other(demux);
	else
		count_own(demux);
	spin_unlock(&demux->lock);
}

static void share(struct sock *sk, bool on)
{
	lock_sock(sk);
	/* UDP's bind() looks at it without a lock, as when setsockopt() sets it. */
	data_race((bool)(sk->sk_reuseport = on));
	release_sock(sk);
}

/*
 * The port is in use, by the endpoint's own socket. With SO_REUSEPORT, sockets of
 * one user can share a port; and the user of these two is none
 * (fp_demux_init()), so that no program's socket is the third.
 */
static int bind(struct fp_endpoint *endpoint, struct socket *udp,
		union fp_addr *local)
{
	int err, len = local->family == AF_INET ? sizeof(local->sin) :
						  sizeof(local->sin6);

	SOCK_INODE(udp)->i_uid = INVALID_UID;
	share(endpoint->udp_sk, true);
	share(udp->sk, true);
	err = kernel_bind(udp, (struct sockaddr *)local, len);
	share(udp->sk, false);
	share(endpoint->udp_sk, false);
	return err;
}

static void begin_count(struct fp_demux *demux)
{
	demux->votes = 0;
	demux->others = 0;
	demux->row = 0;
}

/* From now on it is there, or NULL: no longer; what was there. */
static struct socket *replace(struct fp_demux *demux, struct socket *udp)
{
	struct socket *old;

	spin_lock_bh(&demux->lock);
	old = demux->udp;
	demux->udp = udp;
	demux->since = jiffies;
	begin_count(demux);
	spin_unlock_bh(&demux->lock);
	return old;
}

/* A link-local address has its link. */
static int oif_of(const struct fp_endpoint *endpoint,
		  const union fp_addr *local, const union fp_addr *peer)
{
	if (local->family == AF_INET)
		return endpoint->oif;
	return peer->sin6.sin6_scope_id ?: local->sin6.sin6_scope_id ?:
	       endpoint->oif;
}

/*
 * Until it is connected, it takes the datagrams of others, too, to that address:
 * the endpoint's, all the same.
 */
static int connect_udp(struct fp_endpoint *endpoint, struct socket *udp,
		       union fp_addr *local, union fp_addr *peer)
{
	int err, len = peer->family == AF_INET ? sizeof(peer->sin) :
						 sizeof(peer->sin6);

	sock_bindtoindex(udp->sk, oif_of(endpoint, local, peer), true);
	err = bind(endpoint, udp, local);
	if (err)
		return err;
	return kernel_connect(udp, (struct sockaddr *)peer, len, 0);
}

static struct socket *create_demux(struct fp_endpoint *endpoint, int family)
{
	const struct udp_sock *own = udp_sk(endpoint->udp_sk);
	struct udp_tunnel_sock_cfg cfg = {
		.sk_user_data = endpoint,
		.encap_type = own->encap_type,
		.encap_rcv = own->encap_rcv,
		.encap_err_rcv = own->encap_err_rcv,
	};
	struct socket *udp;

	if (sock_create_kern(endpoint->net, family, SOCK_DGRAM, IPPROTO_UDP,
			     &udp))
		return NULL;
	setup_udp_tunnel_sock(endpoint->net, udp, &cfg);
	return udp;
}

static void pause(struct fp_demux *demux, bool on)
{
	spin_lock_bh(&demux->lock);
	demux->paused = on;
	demux->votes = 0;
	spin_unlock_bh(&demux->lock);
}

/*
 * Who has the votes gets it; if that fails, nothing is lost. Under the
 * endpoint_lock. Returns what is to be given to fp_demux_release(), or NULL.
 */
static struct socket *begin(struct fp_endpoint *endpoint,
			    union fp_addr *local, union fp_addr *peer)
{
	struct fp_demux *demux = &endpoint->demux;
	struct socket *udp = create_demux(endpoint, local->family);

	if (udp && !connect_udp(endpoint, udp, local, peer)) {
		replace(demux, udp);
		return NULL;
	}
	pause(demux, true);
	if (udp)
		udp->sk->sk_prot->unhash(udp->sk);
	return udp;
}

/**
 * fp_demux_take - have the peer's datagrams come in as all others
 * @demux: the endpoint's
 *
 * Context: process, fp_net.endpoint_lock held.
 * Return: what is to be given to fp_demux_release(), or NULL.
 */
struct socket *fp_demux_take(struct fp_demux *demux)
{
	struct socket *udp = replace(demux, NULL);

	if (udp)
		udp->sk->sk_prot->unhash(udp->sk);
	return udp;
}

/**
 * fp_demux_release - close the UDP socket
 * @udp: from fp_demux_take(), or NULL
 *
 * Softirq may have found it before it left the tables: what is under way is
 * not lost. But a datagram that netfilter keeps for a program may have it for
 * longer than there is an endpoint.
 *
 * Context: process.
 */
void fp_demux_release(struct socket *udp)
{
	if (!udp)
		return;
	synchronize_rcu();
	rcu_assign_sk_user_data(udp->sk, NULL);
	sock_release(udp);
}

/*
 * Have few datagrams come by it, or none, since it was looked at last? It was most
 * of them in the beginning: with two peers that are as busy as each other it is
 * not given from one to the other and back.
 */
static bool demux_is_over(struct fp_demux *demux)
{
	bool over;

	spin_lock_bh(&demux->lock);
	over = demux->votes <= demux->others / STICKY;
	begin_count(demux);
	spin_unlock_bh(&demux->lock);
	return over;
}

/* Who has the votes, or nobody any more. */
static bool elected(struct fp_demux *demux, union fp_addr *local,
		    union fp_addr *peer)
{
	bool yes;

	spin_lock_bh(&demux->lock);
	yes = demux->votes >= VOTES;
	*local = demux->local;
	*peer = demux->peer;
	spin_unlock_bh(&demux->lock);
	return yes;
}

/* A peer has the votes; or it is time to see whether it was worth it. */
static void work(struct work_struct *work)
{
	struct fp_endpoint *endpoint = container_of(to_delayed_work(work),
						    struct fp_endpoint,
						    demux.work);
	struct fp_demux *demux = &endpoint->demux;
	struct fp_net *fn = endpoint->fn;
	union fp_addr local, peer;
	struct socket *udp = NULL;

	mutex_lock(&fn->endpoint_lock);
	if (demux->paused)
		pause(demux, false);
	else if (!demux->udp && elected(demux, &local, &peer))
		udp = begin(endpoint, &local, &peer);
	else if (demux->udp && demux_is_over(demux))
		udp = fp_demux_take(demux);
	if (demux->udp || demux->paused)
		queue_delayed_work(system_unbound_wq, &demux->work,
				   usecs_to_jiffies(fp_setting(fn, idle_timeout)));
	mutex_unlock(&fn->endpoint_lock);
	fp_demux_release(udp);
}

/**
 * fp_demux_init - begin without
 * @demux: the endpoint's
 * @udp: its own UDP socket, which is no user's from now on
 */
void fp_demux_init(struct fp_demux *demux, struct socket *udp)
{
	/* Who looks into /proc meanwhile sees the one or the other. */
	data_race(SOCK_INODE(udp)->i_uid = INVALID_UID);
	spin_lock_init(&demux->lock);
	INIT_DELAYED_WORK(&demux->work, work);
}

/**
 * fp_demux_end - the endpoint ends
 * @demux: its own
 *
 * Context: process, fp_net.endpoint_lock not held.
 */
void fp_demux_end(struct fp_demux *demux)
{
	struct socket *udp;

	spin_lock_bh(&demux->lock);
	demux->over = true;
	spin_unlock_bh(&demux->lock);
	cancel_delayed_work_sync(&demux->work);
	udp = replace(demux, NULL);
	if (!udp)
		return;
	rcu_assign_sk_user_data(udp->sk, NULL);
	sock_release(udp);
}
