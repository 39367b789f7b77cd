/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The generic netlink family "fastproto". Its specification is
 * Documentation/netlink/fastproto.yaml; a test holds the two together.
 */
#ifndef _UAPI_LINUX_FASTPROTO_NETLINK_H
#define _UAPI_LINUX_FASTPROTO_NETLINK_H

#define FASTPROTO_FAMILY_NAME		"fastproto"
#define FASTPROTO_FAMILY_VERSION	1

/**
 * enum fastproto_cmd - requests
 * @FASTPROTO_CMD_DEV_GET: do: version, family number, limits
 * @FASTPROTO_CMD_DEV_SET: do: change a limit of the namespace; needs
 *	CAP_NET_ADMIN there
 * @FASTPROTO_CMD_STATS_GET: do: the counters of the namespace
 * @FASTPROTO_CMD_SOCKET_GET: dump: the sockets of the namespace
 */
enum fastproto_cmd {
	FASTPROTO_CMD_DEV_GET = 1,
	FASTPROTO_CMD_DEV_SET,
	FASTPROTO_CMD_STATS_GET,
	FASTPROTO_CMD_SOCKET_GET,

	/* private: */
	__FASTPROTO_CMD_MAX,
	FASTPROTO_CMD_MAX = (__FASTPROTO_CMD_MAX - 1)
};

/* Attributes of FASTPROTO_CMD_DEV_GET and FASTPROTO_CMD_DEV_SET. */
enum fastproto_dev_attr {
	FASTPROTO_A_DEV_PAD = 1,
	FASTPROTO_A_DEV_MODULE_VERSION,	/* string: version of the module */
	FASTPROTO_A_DEV_PROTOCOL,	/* u32: protocol version on the wire */
	FASTPROTO_A_DEV_FAMILY,		/* u32: number of the socket family */
	FASTPROTO_A_DEV_MSG_MAX_INET,	/* u32: largest datagram message, bytes */
	FASTPROTO_A_DEV_MSG_MAX_INET6,	/* u32: the same over IPv6 */
	FASTPROTO_A_DEV_COPYBREAK,	/* u32: payloads up to it are copied; settable */
	FASTPROTO_A_DEV_COPYBREAK_MAX,	/* u32: greatest value of it */
	FASTPROTO_A_DEV_SOCKETS,	/* u32: sockets open in this namespace */

	__FASTPROTO_A_DEV_MAX,
	FASTPROTO_A_DEV_MAX = (__FASTPROTO_A_DEV_MAX - 1)
};

/*
 * Attributes of FASTPROTO_CMD_STATS_GET, all u64 counters of the namespace
 * since it began. A dropped frame is counted in exactly one DROP counter.
 */
enum fastproto_stats_attr {
	FASTPROTO_A_STATS_PAD = 1,
	FASTPROTO_A_STATS_IN_DATAGRAMS,	/* UDP datagrams that came in */
	FASTPROTO_A_STATS_IN_FRAMES,	/* frames given to a socket */
	FASTPROTO_A_STATS_IN_BYTES,	/* their payload */
	FASTPROTO_A_STATS_IN_VIEWS,	/* frames kept as a view into their datagram */
	FASTPROTO_A_STATS_IN_COPIES,	/* frames copied out of it */
	FASTPROTO_A_STATS_OUT_FRAMES,	/* frames given to IP */
	FASTPROTO_A_STATS_OUT_BYTES,	/* their payload */
	FASTPROTO_A_STATS_OUT_ERRORS,	/* frames that could not be sent */
	FASTPROTO_A_STATS_ICMP_ERRORS,	/* ICMP errors that came in */
	FASTPROTO_A_STATS_DROP_INCOMPLETE, /* shorter than a header or its size */
	FASTPROTO_A_STATS_DROP_MAGIC,	/* header: wrong magic */
	FASTPROTO_A_STATS_DROP_VERSION,	/* header: unknown version */
	FASTPROTO_A_STATS_DROP_FLAGS,	/* header: unknown flag */
	FASTPROTO_A_STATS_DROP_SIZE,	/* header: impossible size */
	FASTPROTO_A_STATS_DROP_CHECKSUM, /* header: wrong checksum */
	FASTPROTO_A_STATS_DROP_NO_SOCKET, /* nobody wants it */
	FASTPROTO_A_STATS_DROP_NO_MEMORY, /* no memory to keep it */
	FASTPROTO_A_STATS_DROP_QUEUE_FULL, /* over the socket's receive buffer */
	FASTPROTO_A_STATS_DROP_FILTER,	/* refused by the socket's BPF filter or by an LSM */

	__FASTPROTO_A_STATS_MAX,
	FASTPROTO_A_STATS_MAX = (__FASTPROTO_A_STATS_MAX - 1)
};

/* Attributes of FASTPROTO_CMD_SOCKET_GET. */
enum fastproto_socket_attr {
	FASTPROTO_A_SOCKET_PAD = 1,
	FASTPROTO_A_SOCKET_COOKIE,	/* u64: SO_COOKIE; absent: nobody asked yet */
	FASTPROTO_A_SOCKET_TYPE,	/* u32: SOCK_* */
	FASTPROTO_A_SOCKET_INODE,	/* u32: of the socket's file */
	FASTPROTO_A_SOCKET_UID,		/* u32: its owner, in the reader's namespace */
	FASTPROTO_A_SOCKET_LOCAL,	/* binary: struct sockaddr_fp; absent: not bound */
	FASTPROTO_A_SOCKET_PEER,	/* binary: struct sockaddr_fp; absent: not connected */
	FASTPROTO_A_SOCKET_IFINDEX,	/* u32: SO_BINDTODEVICE; absent: none */
	FASTPROTO_A_SOCKET_MARK,	/* u32: SO_MARK */
	FASTPROTO_A_SOCKET_SHUTDOWN,	/* u32: bit 0 receive, bit 1 send */
	FASTPROTO_A_SOCKET_RX_QUEUE,	/* u32: messages waiting */
	FASTPROTO_A_SOCKET_RX_MEMORY,	/* u32: bytes charged to the receive buffer */
	FASTPROTO_A_SOCKET_RX_LIMIT,	/* u32: SO_RCVBUF */
	FASTPROTO_A_SOCKET_TX_MEMORY,	/* u32: bytes charged to the send buffer */
	FASTPROTO_A_SOCKET_TX_LIMIT,	/* u32: SO_SNDBUF */
	FASTPROTO_A_SOCKET_RX_FRAMES,	/* u64: messages taken in */
	FASTPROTO_A_SOCKET_RX_DROPS,	/* u64: dropped, receive buffer full */
	FASTPROTO_A_SOCKET_TX_FRAMES,	/* u64: frames sent, so the next seq */

	__FASTPROTO_A_SOCKET_MAX,
	FASTPROTO_A_SOCKET_MAX = (__FASTPROTO_A_SOCKET_MAX - 1)
};

#endif /* _UAPI_LINUX_FASTPROTO_NETLINK_H */
