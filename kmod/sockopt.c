// SPDX-License-Identifier: GPL-2.0
/* The only place where a socket option is checked. */
#include "fastproto.h"
#include "conn.h"

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
	u32 max = FP_DGRAM_MAX_INET;

	if (fs->sk.sk_type == SOCK_SEQPACKET)
		max = FP_MSG_MAX_DEFAULT;
	rcu_read_lock();
	conn = rcu_dereference(fs->conn);
	if (conn && fp_conn_connected(conn))
		max = conn->msg_max;
	peer = rcu_dereference(fs->peer);
	if (peer && peer->addr.family == AF_INET6)
		max = FP_DGRAM_MAX_INET6;
	rcu_read_unlock();
	return max;
}

/* The core has taken SOL_SOCKET. */
int fp_setsockopt(struct socket *sock, int level, int optname,
		  sockptr_t optval, unsigned int optlen)
{
	struct fp_sock *fs = fp_sk(sock->sk);
	bool *option;
	int val;

	if (level != SOL_FASTPROTO)
		return -ENOPROTOOPT;

	switch (optname) {
	case FP_RECVINFO:
		option = &fs->recvinfo;
		break;
	case FP_NEEDS_COPY:
		option = &fs->needs_copy;
		break;
	default:
		return -ENOPROTOOPT;
	}

	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (val < 0 || val > 1)
		return -EINVAL;
	WRITE_ONCE(*option, val);
	return 0;
}

int fp_getsockopt(struct socket *sock, int level, int optname,
		  char __user *optval, int __user *optlen)
{
	const struct fp_sock *fs = fp_sk(sock->sk);
	int len, val;

	if (level != SOL_FASTPROTO)
		return -ENOPROTOOPT;

	switch (optname) {
	case FP_RECVINFO:
		val = READ_ONCE(fs->recvinfo);
		break;
	case FP_NEEDS_COPY:
		val = READ_ONCE(fs->needs_copy);
		break;
	case FP_MSG_MAX:
		val = fp_msg_max(fs);
		break;
	default:
		return -ENOPROTOOPT;
	}

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(int, len, sizeof(val));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}
