// SPDX-License-Identifier: GPL-2.0
/* The only place where a socket option is checked. */
#include "fastproto.h"
#include "conn.h"
#include "ring.h"

/**
 * fp_msg_max - the largest message that a send can carry
 * @fs: the socket
 *
 * Return: bytes; what the peer of a connection takes; for datagrams what its
 *	address family carries, or the one that carries less.
 */
u32 fp_msg_max(const struct fp_sock *fs)
{
	const struct fp_conn *conn;
	const struct fp_peer *peer;
	u32 max;

	if (fs->sk.sk_type == SOCK_RDM)
		return READ_ONCE(fs->msg_max);
	rcu_read_lock();
	if (fs->sk.sk_type == SOCK_SEQPACKET) {
		conn = rcu_dereference(fs->conn);
		max = conn && fp_conn_connected(conn) ? conn->msg_max :
							READ_ONCE(fs->msg_max);
	} else {
		peer = rcu_dereference(fp_dgram(fs)->peer);
		max = peer && peer->addr.family == AF_INET6 ?
		      FP_DGRAM_MAX_INET6 : FP_DGRAM_MAX_INET;
	}
	rcu_read_unlock();
	return max;
}

/* The peer is told in the handshake; from then on it stands. */
static int set_msg_max(struct fp_sock *fs, int val)
{
	struct sock *sk = &fs->sk;
	int err = 0;

	if (val < 1 || val > FP_MSG_MAX_MAX)
		return -EINVAL;
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN || fp_sock_conn(fs))
		err = -EISCONN;
	else if (fp_sock_ring(fs) && val > fp_ring_capacity(fp_sock_ring(fs)))
		err = -EMSGSIZE;
	else
		WRITE_ONCE(fs->msg_max, val);
	release_sock(sk);
	return err;
}

static int set_flag(struct fp_sock *fs, u8 option, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	lock_sock(&fs->sk);
	WRITE_ONCE(fs->options,
		   val ? fs->options | option : fs->options & ~option);
	release_sock(&fs->sk);
	return 0;
}

static int set_seconds(struct fp_sock *fs, u16 *option, int val)
{
	if (val < 1 || val > FP_KEEP_SECONDS_MAX)
		return -EINVAL;
	lock_sock(&fs->sk);
	WRITE_ONCE(*option, val);
	if (sock_flag(&fs->sk, SOCK_KEEPOPEN))
		fp_connect_keepalive(&fs->sk, true);
	release_sock(&fs->sk);
	return 0;
}

static int set_count(u8 *option, int val)
{
	if (val < 1 || val > FP_KEEP_CNT_MAX)
		return -EINVAL;
	WRITE_ONCE(*option, val);
	return 0;
}

static int set_zerocopy(struct fp_sock *fs, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	lock_sock(&fs->sk);
	sock_valbool_flag(&fs->sk, SOCK_ZEROCOPY, val);
	release_sock(&fs->sk);
	return 0;
}

static bool is_for_connections(int optname)
{
	return optname >= FP_PAYLOAD_CSUM && optname <= FP_NODELAY;
}

static int write_option(struct fp_sock *fs, int optname, int val)
{
	switch (optname) {
	case FP_RECVINFO:
		return set_flag(fs, FP_OPTION_RECVINFO, val);
	case FP_NEEDS_COPY:
		return set_flag(fs, FP_OPTION_NEEDS_COPY, val);
	case FP_MSG_MAX:
		return set_msg_max(fs, val);
	case FP_PAYLOAD_CSUM:
		return set_flag(fs, FP_OPTION_PAYLOAD_CSUM, val);
	case FP_NODELAY:
		return set_flag(fs, FP_OPTION_NODELAY, val);
	case FP_KEEPIDLE:
		return set_seconds(fs, &fs->keep_idle, val);
	case FP_KEEPINTVL:
		return set_seconds(fs, &fs->keep_intvl, val);
	case FP_KEEPCNT:
		return set_count(&fs->keep_cnt, val);
	case FP_ZEROCOPY:
		return set_zerocopy(fs, val);
	default:
		return -ENOPROTOOPT;
	}
}

static bool is_option(int optname)
{
	return (optname >= FP_RECVINFO && optname <= FP_NODELAY) ||
	       optname == FP_ZEROCOPY;
}

int fp_setsockopt(struct socket *sock, int level, int optname,
		  sockptr_t optval, unsigned int optlen)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	int val;

	/* All of these are the core's but one, which it refuses most families. */
	if (level == SOL_SOCKET && optname != SO_ZEROCOPY)
		return sock_setsockopt(sock, level, optname, optval, optlen);
	if (level == SOL_SOCKET) {
		level = SOL_FASTPROTO;
		optname = FP_ZEROCOPY;
	}
	if (level == SOL_FASTPROTO && optname == FP_RING)
		return fp_ring_create(fs, optval, optlen);
	if (level != SOL_FASTPROTO || !is_option(optname))
		return -ENOPROTOOPT;
	if (optname == FP_MSG_MAX && sock->type == SOCK_DGRAM)
		return -ENOPROTOOPT;
	if (is_for_connections(optname) && sock->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	return write_option(fs, optname, val);
}

static int read_option(const struct fp_sock *fs, int optname, int *val)
{
	switch (optname) {
	case FP_RECVINFO:
		*val = fp_sock_has(fs, FP_OPTION_RECVINFO);
		return 0;
	case FP_NEEDS_COPY:
		*val = fp_sock_has(fs, FP_OPTION_NEEDS_COPY);
		return 0;
	case FP_MSG_MAX:
		*val = fp_msg_max(fs);
		return 0;
	case FP_PAYLOAD_CSUM:
		*val = fp_sock_has(fs, FP_OPTION_PAYLOAD_CSUM);
		return 0;
	case FP_NODELAY:
		*val = fp_sock_has(fs, FP_OPTION_NODELAY);
		return 0;
	case FP_KEEPIDLE:
		*val = READ_ONCE(fs->keep_idle);
		return 0;
	case FP_KEEPINTVL:
		*val = READ_ONCE(fs->keep_intvl);
		return 0;
	case FP_KEEPCNT:
		*val = READ_ONCE(fs->keep_cnt);
		return 0;
	case FP_ZEROCOPY:
		*val = sock_flag(&fs->sk, SOCK_ZEROCOPY);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int fp_getsockopt(struct socket *sock, int level, int optname,
		  char __user *optval, int __user *optlen)
{
	int len, val, err;

	if (level != SOL_FASTPROTO)
		return -ENOPROTOOPT;
	if (optname == FP_RING || optname == FP_RING_STATS)
		return fp_ring_getsockopt(fp_sk(sock->sk), optname, optval,
					  optlen);
	if (is_for_connections(optname) && sock->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	err = read_option(fp_sk(sock->sk), optname, &val);
	if (err)
		return err;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(int, len, sizeof(val));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}
