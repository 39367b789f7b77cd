// SPDX-License-Identifier: GPL-2.0
/* The socket family: create, release, bind, connect, poll, and the ops. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sockios.h>
#include <net/ip.h>

#include <asm/ioctls.h>

#include "fastproto.h"
#include "conn.h"
#include "ring.h"

static void peer_free_rcu(struct rcu_head *rcu)
{
	struct fp_peer *peer = container_of(rcu, struct fp_peer, rcu);

	fp_peer_destroy(peer);
	kfree(peer);
}

/* Connect to @peer, or disconnect with NULL. The socket lock is held. */
static void set_peer(struct fp_sock *fs, struct fp_peer *peer)
{
	struct fp_peer *old;

	old = rcu_replace_pointer(fp_dgram(fs)->peer, peer,
				  lockdep_sock_is_held(&fs->sk));
	WRITE_ONCE(fs->sk.sk_state, peer ? TCP_ESTABLISHED : TCP_CLOSE);
	if (old)
		call_rcu(&old->rcu, peer_free_rcu);
}

/* Softirq is done with the socket, and no call of the application is left. */
static void sock_destruct(struct sock *sk)
{
	if (sk->sk_type == SOCK_DGRAM)
		fp_rx_purge(fp_sk(sk));
	else if (sk->sk_type == SOCK_RDM)
		fp_crowd_exit(fp_sk(sk));
	fp_pool_put(fp_sock_ring(fp_sk(sk)));
	skb_queue_purge(&sk->sk_error_queue);
	WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));
}

/**
 * fp_release - close a socket
 * @sock: the socket; no call of the application is left
 *
 * Context: process.
 * Return: 0.
 */
int fp_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct fp_sock *fs;
	struct fp_net *fn;

	if (!sk)
		return 0;
	fs = fp_sk(sk);
	fn = fp_net(sock_net(sk));

	spin_lock(&fn->sockets_lock);
	sk_del_node_init_rcu(sk);
	spin_unlock(&fn->sockets_lock);
	atomic_dec(&fn->nr_sockets);

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_type == SOCK_RDM)
		fp_rdm_close(fs);
	else if (sk->sk_type == SOCK_SEQPACKET)
		fp_connect_close(fs);
	else
		set_peer(fs, NULL);
	fp_endpoint_release(fs->endpoint);
	fp_ring_close(fs);
	release_sock(sk);

	if (sk->sk_type == SOCK_DGRAM)
		fp_rx_purge(fs);
	sock_orphan(sk);
	sock->sk = NULL;
	sock_put(sk);
	return 0;
}

/* Own an endpoint just created, or pass its error on. Socket lock held. */
static int set_endpoint(struct fp_sock *fs, struct fp_endpoint *endpoint)
{
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	/* Pairs with the smp_load_acquire() of those who look without a lock. */
	smp_store_release(&fs->endpoint, endpoint);
	return 0;
}

/**
 * fp_sock_autobind - give a socket a local port, unless it has one
 * @fs: the socket
 * @family: of the address that it is about to send to
 *
 * Context: process, socket lock not held.
 * Return: 0 or a negative errno; on success fs->endpoint may be read.
 */
int fp_sock_autobind(struct fp_sock *fs, int family)
{
	int err = 0;

	/* Pairs with smp_store_release() in set_endpoint(). */
	if (likely(smp_load_acquire(&fs->endpoint)))
		return 0;
	lock_sock(&fs->sk);
	if (!fs->endpoint)
		err = set_endpoint(fs, fp_endpoint_create_any(fs, family));
	release_sock(&fs->sk);
	return err;
}

/**
 * fp_bind - bind a socket to a local address
 * @sock: the socket
 * @uaddr: the address
 * @len: its length in bytes
 *
 * Context: process.
 * Return: 0, -EINVAL (bound or connected already), -EACCES, or as
 *	fp_addr_parse() and fp_endpoint_create() say.
 */
int fp_bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	struct net *net = sock_net(sock->sk);
	union fp_addr local;
	u16 port;
	int err;

	err = fp_addr_parse(&local, uaddr, len);
	if (err)
		return err;
	port = ntohs(fp_addr_port(&local));
	if (port && inet_port_requires_bind_service(net, port) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;

	lock_sock(sock->sk);
	if (fs->endpoint || fp_sock_conn(fs))
		err = -EINVAL;
	else
		err = set_endpoint(fs, fp_endpoint_create(fs, &local));
	release_sock(sock->sk);
	return err;
}

/* The socket lock is held, the socket is bound. */
static int connect_locked(struct fp_sock *fs, const union fp_addr *to)
{
	struct sock *sk = &fs->sk;
	struct fp_flow flow = {
		.sk = sk,
		.mark = READ_ONCE(sk->sk_mark),
		.oif = sk->sk_bound_dev_if,
		.onlink = sock_flag(sk, SOCK_LOCALROUTE),
		.broadcast = sock_flag(sk, SOCK_BROADCAST),
	};
	struct fp_route route;
	struct fp_peer *peer;
	int err;

	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return -ENOMEM;
	fp_peer_init(peer);
	peer->mark = flow.mark;
	peer->oif = flow.oif;
	err = fp_endpoint_route(fs->endpoint, &flow, to, NULL, &route);
	if (err) {
		kfree(peer);
		return err;
	}
	dst_release(route.dst);
	peer->addr = route.to;
	peer->local = route.src;
	set_peer(fs, peer);
	return 0;
}

static int dgram_connect(struct socket *sock, struct sockaddr *uaddr, int len,
			 int flags)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	union fp_addr to;
	int err;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (uaddr->sa_family == AF_UNSPEC) {
		lock_sock(sock->sk);
		set_peer(fs, NULL);
		release_sock(sock->sk);
		return 0;
	}

	err = fp_addr_parse(&to, uaddr, len);
	if (!err)
		err = fp_sock_autobind(fs, to.family);
	if (err)
		return err;
	lock_sock(sock->sk);
	err = connect_locked(fs, &to);
	release_sock(sock->sk);
	return err;
}

static int dgram_get_name(struct socket *sock, struct sockaddr *uaddr, int peername)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	const struct fp_peer *peer;
	union fp_addr addr = {};

	rcu_read_lock();
	peer = rcu_dereference(fp_dgram(fs)->peer);
	if (peer)
		addr = peername ? peer->addr : peer->local;
	rcu_read_unlock();

	if (peername && !peer)
		return -ENOTCONN;
	/* Pairs with smp_store_release() in set_endpoint(). */
	if (!peer && smp_load_acquire(&fs->endpoint))
		addr = fs->endpoint->local;
	return fp_addr_report(&addr, uaddr);
}

static __poll_t dgram_poll(struct file *file, struct socket *sock,
			   struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	const struct fp_ring *ring;
	__poll_t mask = 0;
	u8 shutdown;

	sock_poll_wait(file, sock, wait);
	shutdown = READ_ONCE(sk->sk_shutdown);

	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	ring = fp_sock_ring(fp_sk(sk));
	if (READ_ONCE(fp_dgram(fp_sk(sk))->rx_count) ||
	    (ring && fp_ring_is_readable(ring)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (sock_writeable(sk))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	else
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	return mask;
}

/* SIOCINQ is FIONREAD, SIOCOUTQ is TIOCOUTQ. */
static int ioctl_value(struct sock *sk, int cmd, int *val)
{
	switch (cmd) {
	case SIOCINQ:
		*val = fp_rx_next_len(fp_sk(sk));
		return 0;
	case SIOCOUTQ:
		*val = sk_wmem_alloc_get(sk);
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

/* io_uring comes here. */
static int proto_ioctl(struct sock *sk, int cmd, FP_IOCTL_ARG arg)
{
	int err, val;

	if (sk->sk_type == SOCK_RDM)
		err = fp_rdm_ioctl(fp_sk(sk), cmd, &val);
	else if (sk->sk_type == SOCK_SEQPACKET)
		err = fp_seqpacket_ioctl(fp_sk(sk), cmd, &val);
	else
		err = ioctl_value(sk, cmd, &val);
	return err ?: fp_ioctl_store(arg, val);
}

static int dgram_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	int err, val;

	if (cmd == SIOCFPRING)
		return fp_sendring_enter(sock);
	if (cmd == SIOCFPWAKE)
		return fp_sendring_wake(sock);
	err = ioctl_value(sock->sk, cmd, &val);
	return err ?: put_user(val, (int __user *)arg);
}

static int dgram_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	int err = -ENOTCONN;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	if (sk->sk_state == TCP_ESTABLISHED) {
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
		sk->sk_state_change(sk);
		err = 0;
	}
	release_sock(sk);
	return err;
}

/* SO_BINDTODEVICE of a bound socket. The socket lock is held. */
static void rehash(struct sock *sk)
{
	struct fp_endpoint *endpoint = fp_sk(sk)->endpoint;

	if (endpoint)
		fp_endpoint_bind_device(endpoint, sk->sk_bound_dev_if);
}

/* SOCK_SEQPACKET, SOCK_RDM */
static struct proto conn_proto = {
	.name		= "FASTPROTO",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct fp_sock),
	.ioctl		= proto_ioctl,
	.keepalive	= fp_connect_keepalive,
	.rehash		= rehash,
};

static struct proto dgram_proto = {
	.name		= "FASTPROTO-DGRAM",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct fp_dgram),
	.slab_flags	= SLAB_ACCOUNT,
	.ioctl		= proto_ioctl,
	.rehash		= rehash,
};

/*
 * proto_register() would align each socket to a cache line, which costs one of
 * eleven; it takes a cache that is there already as well, and proto_unregister()
 * destroys it. The size is known of kernels whose locks are not debugged.
 */
static int register_conn(void)
{
	int err;

#if !IS_ENABLED(CONFIG_DEBUG_SPINLOCK) && !IS_ENABLED(CONFIG_LOCKDEP)
	BUILD_BUG_ON(sizeof(struct sock) == 776 &&
		     sizeof(struct fp_sock) > FP_SOCK_SIZE_MAX);
#endif
	conn_proto.slab = kmem_cache_create(conn_proto.name,
					    conn_proto.obj_size, 0,
					    SLAB_ACCOUNT, NULL);
	if (!conn_proto.slab)
		return -ENOMEM;
	err = proto_register(&conn_proto, 0);
	if (err) {	/* all 64 numbers of protocols are taken */
		kmem_cache_destroy(conn_proto.slab);
		conn_proto.slab = NULL;
	}
	return err;
}

int __init fp_proto_init(void)
{
	int err = register_conn();

	if (err)
		return err;
	err = proto_register(&dgram_proto, 1);
	if (err)
		proto_unregister(&conn_proto);
	return err;
}

/* No socket is left. */
void fp_proto_exit(void)
{
	proto_unregister(&dgram_proto);
	proto_unregister(&conn_proto);
}

static const struct proto_ops dgram_ops = {
	.owner		= THIS_MODULE,
	.release	= fp_release,
	.bind		= fp_bind,
	.connect	= dgram_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= dgram_get_name,
	.poll		= dgram_poll,
	.ioctl		= dgram_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= dgram_shutdown,
	.setsockopt	= fp_setsockopt,
	.getsockopt	= fp_getsockopt,
	.sendmsg	= fp_sendmsg,
	.recvmsg	= fp_recvmsg,
	.mmap		= fp_pool_mmap,
};

static void init_dgram(struct fp_dgram *dgram)
{
	spin_lock_init(&dgram->rx_lock);
	INIT_LIST_HEAD(&dgram->rx_queue);
	atomic64_set(&dgram->tx_seq, 0);
	atomic64_set(&dgram->tx_bytes, 0);
}

static void enlist(struct fp_sock *fs)
{
	struct fp_net *fn = fp_net(sock_net(&fs->sk));

	spin_lock(&fn->sockets_lock);
	fs->id = fn->last_id++;
	sk_add_node_rcu(&fs->sk, &fn->sockets[fs->id % FP_SOCKET_LISTS]);
	spin_unlock(&fn->sockets_lock);
	atomic_inc(&fn->nr_sockets);
}

/**
 * fp_sock_alloc - give a struct socket what makes it one of ours
 * @net: the namespace
 * @sock: the socket; its type is set
 * @kern: of the kernel's own
 *
 * Context: process.
 * Return: the new sock, or -ENOMEM.
 */
struct sock *fp_sock_alloc(struct net *net, struct socket *sock, int kern)
{
	struct fp_sock *fs;
	struct sock *sk;
	int err;

	BUILD_BUG_ON(offsetof(struct fp_sock, sk));
	BUILD_BUG_ON(offsetof(struct fp_dgram, fs));
#if IS_ENABLED(CONFIG_IPV6)
	BUILD_BUG_ON(offsetof(struct fp_sock, pinet6) !=
		     offsetof(struct inet_sock, pinet6));
#endif

	sk = sk_alloc(net, fp_family, GFP_KERNEL,
		      sock->type == SOCK_DGRAM ? &dgram_proto : &conn_proto,
		      kern);
	if (!sk)
		return ERR_PTR(-ENOMEM);
	sock_init_data(sock, sk);
	sock->state = SS_UNCONNECTED;
	sk->sk_state = TCP_CLOSE;
	sk->sk_destruct = sock_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);

	fs = fp_sk(sk);
	spin_lock_init(&fs->rx_lock);
	if (sock->type == SOCK_DGRAM)
		init_dgram(fp_dgram(fs));
	else
		fp_seqpacket_init(fs);
	fp_take_sol_socket(sock);

	err = sock->type == SOCK_RDM ? fp_crowd_init(fs) : 0;
	if (err) {
		sock_orphan(sk);
		sock->sk = NULL;
		sock_put(sk);
		return ERR_PTR(err);
	}
	enlist(fs);
	return sk;
}

static int create_socket(struct net *net, struct socket *sock, int protocol, int kern)
{
	switch (sock->type) {
	case SOCK_DGRAM:
		sock->ops = &dgram_ops;
		break;
	case SOCK_SEQPACKET:
		sock->ops = &fp_seqpacket_ops;
		break;
	case SOCK_RDM:
		sock->ops = &fp_rdm_ops;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	if (protocol)
		return -EPROTONOSUPPORT;
	return PTR_ERR_OR_ZERO(fp_sock_alloc(net, sock, kern));
}

static struct net_proto_family family_ops = {
	.owner		= THIS_MODULE,
	.create		= create_socket,
};

/**
 * fp_family_register - let socket() find us
 *
 * Return: 0; -EBUSY if the number is taken, for to insmod -EEXIST would mean
 *	that the module is loaded already.
 */
int __init fp_family_register(void)
{
	int err;

	family_ops.family = fp_family;
	err = sock_register(&family_ops);
	if (err != -EEXIST)
		return err;
	pr_err("address family %d is taken\n", fp_family);
	return -EBUSY;
}

void fp_family_unregister(void)
{
	sock_unregister(fp_family);
}
