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
 * @FASTPROTO_CMD_DEV_GET: do: version, family number, limits, settings
 * @FASTPROTO_CMD_DEV_SET: do: change settings of the namespace, all that are
 *	given or none; needs CAP_NET_ADMIN there
 * @FASTPROTO_CMD_STATS_GET: do: the counters of the namespace
 * @FASTPROTO_CMD_SOCKET_GET: dump: the sockets of the namespace
 * @FASTPROTO_CMD_CONN_GET: dump: the connections of the namespace; their IDs
 *	only for a reader with CAP_NET_ADMIN there; do: one by its ID, in depth;
 *	needs CAP_NET_ADMIN there
 * @FASTPROTO_CMD_CONN_DEL: do: abort a connection; its socket gets
 *	ECONNABORTED; needs CAP_NET_ADMIN in the namespace
 */
enum fastproto_cmd {
	FASTPROTO_CMD_DEV_GET = 1,
	FASTPROTO_CMD_DEV_SET,
	FASTPROTO_CMD_STATS_GET,
	FASTPROTO_CMD_SOCKET_GET,
	FASTPROTO_CMD_CONN_GET,
	FASTPROTO_CMD_CONN_DEL,

	/* private: */
	__FASTPROTO_CMD_MAX,
	FASTPROTO_CMD_MAX = (__FASTPROTO_CMD_MAX - 1)
};

/*
 * Attributes of FASTPROTO_CMD_DEV_GET and FASTPROTO_CMD_DEV_SET. COPYBREAK and
 * those from MSG_MAX on are settings of the namespace, which may be changed;
 * times are in microseconds. Those marked "new" act on sockets or connections
 * that are made afterwards; the timeouts, on those that wake up, too.
 */
enum fastproto_dev_attr {
	FASTPROTO_A_DEV_PAD = 1,
	FASTPROTO_A_DEV_MODULE_VERSION,	/* string: version of the module */
	FASTPROTO_A_DEV_PROTOCOL,	/* u32: protocol version on the wire */
	FASTPROTO_A_DEV_FAMILY,		/* u32: number of the socket family */
	FASTPROTO_A_DEV_MSG_MAX_INET,	/* u32: largest datagram message, bytes */
	FASTPROTO_A_DEV_MSG_MAX_INET6,	/* u32: the same over IPv6 */
	FASTPROTO_A_DEV_COPYBREAK,	/* u32: payloads up to it are copied, bytes */
	FASTPROTO_A_DEV_COPYBREAK_MAX,	/* u32: greatest value of it */
	FASTPROTO_A_DEV_SOCKETS,	/* u32: sockets open in this namespace */
	FASTPROTO_A_DEV_LEAST,		/* nest: the least value of each setting */
	FASTPROTO_A_DEV_GREATEST,	/* nest: the greatest value of each */
	FASTPROTO_A_DEV_PRESET,		/* nest: the value that each has at first */
	FASTPROTO_A_DEV_MSG_MAX,	/* u32: largest message to take, bytes; new */
	FASTPROTO_A_DEV_RX_BUFFER,	/* u32: SO_RCVBUF of SOCK_SEQPACKET, bytes; new */
	FASTPROTO_A_DEV_TX_BUFFER,	/* u32: SO_SNDBUF of SOCK_SEQPACKET, bytes; new */
	FASTPROTO_A_DEV_EARLY_BUFFER,	/* u32: memory before accept(), bytes; new */
	FASTPROTO_A_DEV_RX_AHEAD,	/* u32: frames to keep beyond a gap */
	FASTPROTO_A_DEV_ACK_DELAY,	/* u32: of an acknowledgment */
	FASTPROTO_A_DEV_RTO_MIN,	/* u32: least retransmission timeout; new */
	FASTPROTO_A_DEV_RTO_INITIAL,	/* u32: the same before a sample; new */
	FASTPROTO_A_DEV_RTO_MAX,	/* u32: greatest one; new */
	FASTPROTO_A_DEV_SYN_TIMEOUT,	/* u32: before the first SYN is repeated */
	FASTPROTO_A_DEV_SYN_RETRIES,	/* u32: times that a SYN is repeated */
	FASTPROTO_A_DEV_DATA_RETRIES,	/* u32: times for the rest, without answer */
	FASTPROTO_A_DEV_COOKIE_LIFETIME, /* u32: for how long a cookie is good */
	FASTPROTO_A_DEV_CORK_TIMEOUT,	/* u32: for how long MSG_MORE holds back */
	FASTPROTO_A_DEV_ORPHAN_TIMEOUT,	/* u32: closed, without progress */
	FASTPROTO_A_DEV_FIN_TIMEOUT,	/* u32: closed, waits for the peer's FIN */
	FASTPROTO_A_DEV_RESETS_PER_SECOND, /* u32: to frames without a connection */
	FASTPROTO_A_DEV_CONNECTIONS_MAX, /* u32: connections in the namespace */
	FASTPROTO_A_DEV_SOCKET_CONNECTIONS_MAX, /* u32: the same, of a SOCK_RDM socket */
	FASTPROTO_A_DEV_HOLD_TIME,	/* u32: for small frames, if more is to be read */
	FASTPROTO_A_DEV_IDLE_TIMEOUT,	/* u32: until a connection is parked */
	FASTPROTO_A_DEV_ECN,	/* u32: 1: datagrams are ECN-capable */
	FASTPROTO_A_DEV_PACING,	/* u32: 1: a large window is spread */
	FASTPROTO_A_DEV_KEEPALIVE_IDLE,	/* u32: FP_KEEPIDLE, seconds; new */
	FASTPROTO_A_DEV_KEEPALIVE_INTERVAL, /* u32: FP_KEEPINTVL, seconds; new */
	FASTPROTO_A_DEV_KEEPALIVE_PROBES, /* u32: FP_KEEPCNT; new */
	FASTPROTO_A_DEV_FAST_OPEN,	/* u32: 1 client, 2 server: without a round trip */

	__FASTPROTO_A_DEV_MAX,
	FASTPROTO_A_DEV_MAX = (__FASTPROTO_A_DEV_MAX - 1)
};

/*
 * Attributes of FASTPROTO_CMD_STATS_GET, all u64 counters of the namespace
 * since it began. A dropped frame is counted in exactly one DROP counter. "Of
 * them" is what the counter before it, or the first one before without "of
 * them", counts; IN_RESETS counts what these ended, so together with ENDED it
 * has all connections that are no more.
 */
enum fastproto_stats_attr {
	FASTPROTO_A_STATS_PAD = 1,
	FASTPROTO_A_STATS_IN_DATAGRAMS,	/* UDP datagrams that came in */
	FASTPROTO_A_STATS_IN_FRAMES,	/* frames given to a socket */
	FASTPROTO_A_STATS_IN_BYTES,	/* their payload */
	FASTPROTO_A_STATS_IN_VIEWS,	/* frames kept as a view into their datagram */
	FASTPROTO_A_STATS_IN_COPIES,	/* frames copied out of it */
	FASTPROTO_A_STATS_OUT_FRAMES,	/* messages and data frames sent, each once */
	FASTPROTO_A_STATS_OUT_BYTES,	/* their payload */
	FASTPROTO_A_STATS_OUT_ERRORS,	/* frames that could not be sent */
	FASTPROTO_A_STATS_ICMP_ERRORS,	/* ICMP errors that came in */
	FASTPROTO_A_STATS_OUT_ACKS,	/* frames without data sent */
	FASTPROTO_A_STATS_OUT_RETRANS,	/* frames sent again */
	FASTPROTO_A_STATS_RETRANS_RACK,	/* of them: found lost by RACK */
	FASTPROTO_A_STATS_RETRANS_TLP,	/* of them: as a tail loss probe */
	FASTPROTO_A_STATS_RETRANS_RTO,	/* of them: after a timeout */
	FASTPROTO_A_STATS_RETRANS_HOLE,	/* of them: smaller, after a black hole */
	FASTPROTO_A_STATS_RETRANS_SYN,	/* SYNs sent again */
	FASTPROTO_A_STATS_RETRANS_ECHO,	/* cookies shown again without data, or another one */
	FASTPROTO_A_STATS_OUT_RESETS,	/* resets sent */
	FASTPROTO_A_STATS_OUT_RESETS_NO_CONNECTION,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_OUT_RESETS_REFUSED,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_OUT_RESETS_VERSION,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_OUT_RESETS_ABORTED,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_OUT_RESETS_TIMEOUT,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_OUT_RESETS_LIMITED,	/* resets not sent: too many */
	FASTPROTO_A_STATS_IN_RESETS,	/* resets that ended a connection */
	FASTPROTO_A_STATS_IN_RESETS_NO_CONNECTION,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_IN_RESETS_REFUSED,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_IN_RESETS_VERSION,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_IN_RESETS_ABORTED,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_IN_RESETS_TIMEOUT,	/* of them: enum fp_rst_reason */
	FASTPROTO_A_STATS_IN_RESETS_OTHER,	/* of them: for another reason */
	FASTPROTO_A_STATS_ACCEPTED,	/* connections that came in */
	FASTPROTO_A_STATS_CONNECTS,	/* connections asked for by connect() */
	FASTPROTO_A_STATS_CONNECTED,	/* of them: a server took them */
	FASTPROTO_A_STATS_CONNECTS_LIMITED,	/* connect() beyond connections-max */
	FASTPROTO_A_STATS_ENDED_CLOSED,	/* connections that both ends closed */
	FASTPROTO_A_STATS_ENDED_ABORTED,	/* given up by close(), kill, for nonsense */
	FASTPROTO_A_STATS_ENDED_TIMEOUT,	/* given up: no answer, no progress */
	FASTPROTO_A_STATS_ENDED_ICMP,	/* given up for an ICMP error */
	FASTPROTO_A_STATS_COOKIES_SENT,	/* cookies sent to clients */
	FASTPROTO_A_STATS_TLP_PROBES,	/* tail loss probes sent */
	FASTPROTO_A_STATS_RTO_TIMEOUTS,	/* retransmission timeouts */
	FASTPROTO_A_STATS_WINDOW_PROBES,	/* questions about a closed window */
	FASTPROTO_A_STATS_WINDOW_UPDATES,	/* acknowledgments to tell of a window */
	FASTPROTO_A_STATS_ROOM_TOLD,	/* the same to whom a socket had no room for */
	FASTPROTO_A_STATS_RECOVERIES,	/* times that loss made a sender slow down */
	FASTPROTO_A_STATS_SPURIOUS,	/* losses and timeouts that were none */
	FASTPROTO_A_STATS_KEEPALIVE_PROBES,	/* questions to a silent peer */
	FASTPROTO_A_STATS_KEEPALIVE_TIMEOUTS,	/* connections that ended since it stayed silent */
	FASTPROTO_A_STATS_CE_MARKS,	/* frames that came in with a congestion mark */
	FASTPROTO_A_STATS_CE_REDUCTIONS,	/* times that marks made a sender slow down */
	FASTPROTO_A_STATS_BLACK_HOLES,	/* paths found to lose what is large, without a word */
	FASTPROTO_A_STATS_PACED,	/* times that a sender waited, not to send all at once */
	FASTPROTO_A_STATS_PARKED,	/* times that an idle connection gave its memory back */
	FASTPROTO_A_STATS_WOKEN,	/* times that it needed it again */
	FASTPROTO_A_STATS_EARLY_CONNECTS,	/* connections begun by a cookie given ahead */
	FASTPROTO_A_STATS_EARLY_REFUSED,	/* of them: the server wanted another one */
	FASTPROTO_A_STATS_EARLY_ACCEPTED,	/* connections that came in by such a cookie */
	FASTPROTO_A_STATS_EARLY_STALE,	/* such cookies refused: too old, or not for him */
	FASTPROTO_A_STATS_EARLY_REPLAYED,	/* such cookies refused: used before */
	FASTPROTO_A_STATS_DROP_INCOMPLETE, /* shorter than a header or its size */
	FASTPROTO_A_STATS_DROP_MAGIC,	/* header: wrong magic */
	FASTPROTO_A_STATS_DROP_VERSION,	/* header: unknown version */
	FASTPROTO_A_STATS_DROP_FLAGS,	/* header: flags that are unknown, or no kind */
	FASTPROTO_A_STATS_DROP_SIZE,	/* header: impossible size */
	FASTPROTO_A_STATS_DROP_CHECKSUM, /* header: wrong checksum */
	FASTPROTO_A_STATS_DROP_NO_SOCKET, /* nobody wants it */
	FASTPROTO_A_STATS_DROP_NO_MEMORY, /* no memory to keep it */
	FASTPROTO_A_STATS_DROP_QUEUE_FULL, /* over the socket's receive buffer */
	FASTPROTO_A_STATS_DROP_FILTER,	/* refused by the socket's BPF filter or by an LSM */
	FASTPROTO_A_STATS_DROP_DUPLICATE,	/* came twice, or after the end */
	FASTPROTO_A_STATS_DROP_ID,	/* there is no connection with that ID */
	FASTPROTO_A_STATS_DROP_ACK,	/* acknowledges what was not sent */
	FASTPROTO_A_STATS_DROP_PROTOCOL,	/* fragments that make no message */
	FASTPROTO_A_STATS_DROP_COOKIE,	/* echo of an old, used or wrong cookie */
	FASTPROTO_A_STATS_DROP_BACKLOG,	/* the listener's queue is full */
	FASTPROTO_A_STATS_DROP_PAYLOAD,	/* the payload's checksum is wrong */
	FASTPROTO_A_STATS_DROP_LIMIT,	/* echo: as many connections as there may be */
	FASTPROTO_A_STATS_DROP_MEMORY,	/* echo: no memory for a connection */
	FASTPROTO_A_STATS_DROP_REFUSED,	/* SYN or echo: nobody listens */
	FASTPROTO_A_STATS_DROP_NO_VERSION,	/* SYN: no version in common */
	FASTPROTO_A_STATS_DROP_TAG,	/* the ID, or a reset's, has a wrong tag */
	FASTPROTO_A_STATS_DROP_ADDRESS,	/* the ID is of a connection to another peer */
	FASTPROTO_A_STATS_DROP_STATE,	/* not to be expected at that time */
	FASTPROTO_A_STATS_DROP_BROADCAST,	/* of a connection, to many */
	FASTPROTO_A_STATS_DROP_PEER,	/* datagram: its socket has another peer */
	FASTPROTO_A_STATS_DROP_CLOSED,	/* data, the application has closed */
	FASTPROTO_A_STATS_DROP_AHEAD,	/* beyond rx-ahead, or too many gaps */
	FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS,	/* no slot or event free in the socket's ring */

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
	FASTPROTO_A_SOCKET_MSG_MAX,	/* u32: FP_MSG_MAX, bytes */
	FASTPROTO_A_SOCKET_ACCEPT_QUEUE, /* u32: wait for accept(); absent: no listener */
	FASTPROTO_A_SOCKET_BACKLOG,	/* u32: how many may; absent: no listener */
	FASTPROTO_A_SOCKET_CONNECTIONS,	/* u32: of SOCK_RDM: how many it has */
	FASTPROTO_A_SOCKET_RING_SLOTS,	/* u32: of its pool; absent, as what follows: it has none */
	FASTPROTO_A_SOCKET_RING_FREE,	/* u32: of these: free to receive into */
	FASTPROTO_A_SOCKET_RING_MESSAGES, /* u64: that came in there */
	FASTPROTO_A_SOCKET_RING_SENT,	/* u64: that were sent from there */
	FASTPROTO_A_SOCKET_RING_COPIED,	/* u64: bytes of them that were copied */
	FASTPROTO_A_SOCKET_RING_ZEROCOPY, /* u64: bytes of them that were not */
	FASTPROTO_A_SOCKET_RING_NO_SLOT, /* u64: times that no slot was free */
	FASTPROTO_A_SOCKET_RING_FULL,	/* u64: times that the event ring was full */
	FASTPROTO_A_SOCKET_RING_INVALID, /* u64: entries that made no sense */
	FASTPROTO_A_SOCKET_TX_COPIED,	/* u64: bytes to be sent that were copied */
	FASTPROTO_A_SOCKET_TX_ZEROCOPY,	/* u64: bytes to be sent that stayed where they were */
	FASTPROTO_A_SOCKET_RX_COPIED,	/* u64: bytes handed over, all of them copied */

	__FASTPROTO_A_SOCKET_MAX,
	FASTPROTO_A_SOCKET_MAX = (__FASTPROTO_A_SOCKET_MAX - 1)
};

/**
 * enum fastproto_conn_state - of a connection (Documentation/protocol.rst)
 * @FASTPROTO_CONN_CLOSED: it is over; never reported
 * @FASTPROTO_CONN_SYN_SENT: client: a SYN is under way
 * @FASTPROTO_CONN_ECHO_SENT: client: has a cookie, does not know the server's
 *	ID yet
 * @FASTPROTO_CONN_ESTABLISHED: both ends know each other
 * @FASTPROTO_CONN_FIN_WAIT_1: our FIN is sent or waits behind data
 * @FASTPROTO_CONN_FIN_WAIT_2: our FIN is acknowledged
 * @FASTPROTO_CONN_CLOSE_WAIT: the peer's FIN came
 * @FASTPROTO_CONN_CLOSING: both FINs are sent, ours is not acknowledged
 * @FASTPROTO_CONN_LAST_ACK: the same, the peer's came first
 */
enum fastproto_conn_state {
	FASTPROTO_CONN_CLOSED = 0,
	FASTPROTO_CONN_SYN_SENT,
	FASTPROTO_CONN_ECHO_SENT,
	FASTPROTO_CONN_ESTABLISHED,
	FASTPROTO_CONN_FIN_WAIT_1,
	FASTPROTO_CONN_FIN_WAIT_2,
	FASTPROTO_CONN_CLOSE_WAIT,
	FASTPROTO_CONN_CLOSING,
	FASTPROTO_CONN_LAST_ACK,

	/* private: */
	__FASTPROTO_CONN_MAX,
	FASTPROTO_CONN_MAX = (__FASTPROTO_CONN_MAX - 1)
};

/* In FASTPROTO_A_CONN_TIMERS: from now until one is due, us; 0: it is overdue. */
enum fastproto_timer_attr {
	FASTPROTO_A_TIMER_PAD = 1,
	FASTPROTO_A_TIMER_HANDSHAKE,	/* u64: to ask again */
	FASTPROTO_A_TIMER_LOSS,		/* u64: to look for losses, probe, time out */
	FASTPROTO_A_TIMER_WINDOW,	/* u64: to ask about a closed window */
	FASTPROTO_A_TIMER_ACK,		/* u64: to acknowledge */
	FASTPROTO_A_TIMER_CORK,		/* u64: to send what MSG_MORE holds back */
	FASTPROTO_A_TIMER_KEEPALIVE,	/* u64: to ask a silent peer */
	FASTPROTO_A_TIMER_END,		/* u64: to give up what no socket owns */
	FASTPROTO_A_TIMER_PACE,		/* u64: to go on with what is held or spread */

	__FASTPROTO_A_TIMER_MAX,
	FASTPROTO_A_TIMER_MAX = (__FASTPROTO_A_TIMER_MAX - 1)
};

/*
 * Attributes of FASTPROTO_CMD_CONN_GET and FASTPROTO_CMD_CONN_DEL. Credit is
 * counted in the units of flow control (Documentation/protocol.rst). Those from
 * RTTVAR on are told of one connection, not in a list. When a connection is
 * parked, its counters begin anew, but for frames and bytes (IN_FRAMES to
 * OUT_BYTES), and the round-trip time is that of the path.
 */
enum fastproto_conn_attr {
	FASTPROTO_A_CONN_PAD = 1,
	FASTPROTO_A_CONN_ID,		/* u64: its ID; absent: not for this reader */
	FASTPROTO_A_CONN_PEER_ID,	/* u64: the peer's; absent: the same, or not known */
	FASTPROTO_A_CONN_STATE,		/* u32: enum fastproto_conn_state */
	FASTPROTO_A_CONN_PASSIVE,	/* u32: 1: it came in, 0: it went out */
	FASTPROTO_A_CONN_LOCAL,		/* binary: struct sockaddr_fp */
	FASTPROTO_A_CONN_PEER,		/* binary: struct sockaddr_fp */
	FASTPROTO_A_CONN_INODE,		/* u32: of its socket's file; absent: none */
	FASTPROTO_A_CONN_MTU,		/* u32: of the path, bytes */
	FASTPROTO_A_CONN_SRTT,		/* u32: smoothed round-trip time, us; absent: no sample */
	FASTPROTO_A_CONN_RTT_MIN,	/* u32: the least one, us; absent: no sample */
	FASTPROTO_A_CONN_RTO,		/* u32: retransmission timeout, us */
	FASTPROTO_A_CONN_CWND,		/* u32: congestion window, bytes */
	FASTPROTO_A_CONN_SSTHRESH,	/* u32: slow start below it, bytes; absent: no loss yet */
	FASTPROTO_A_CONN_IN_FLIGHT,	/* u32: bytes sent and on their way for all we know */
	FASTPROTO_A_CONN_TX_MEMORY,	/* u32: bytes charged to the send buffer */
	FASTPROTO_A_CONN_TX_QUEUE,	/* u32: frames never sent */
	FASTPROTO_A_CONN_TX_UNACKED,	/* u32: frames sent and not acknowledged */
	FASTPROTO_A_CONN_TX_LOST,	/* u32: of them those to be sent again */
	FASTPROTO_A_CONN_TX_CREDIT,	/* u32: what the peer lets us send, units */
	FASTPROTO_A_CONN_RX_QUEUE,	/* u32: messages waiting */
	FASTPROTO_A_CONN_RX_MEMORY,	/* u32: bytes charged to the receive buffer */
	FASTPROTO_A_CONN_RX_LIMIT,	/* u32: how many there may be; absent: parked, no socket */
	FASTPROTO_A_CONN_RX_CREDIT,	/* u32: what we let the peer send, units */
	FASTPROTO_A_CONN_BACKOFF,	/* u32: retransmission timeouts in a row */
	FASTPROTO_A_CONN_RETRIES,	/* u32: times a timer fired for the same thing */
	FASTPROTO_A_CONN_PARKED,	/* u32: 1: it is idle, and has given its memory back */
	FASTPROTO_A_CONN_RTTVAR,	/* u32: mean deviation of it, us; absent: no sample */
	FASTPROTO_A_CONN_MSG_MAX,	/* u32: largest message that we take, bytes */
	FASTPROTO_A_CONN_PEER_MSG_MAX,	/* u32: that the peer takes; absent: not known */
	FASTPROTO_A_CONN_HEADROOM,	/* u32: what a frame on this path needs before it, bytes */
	FASTPROTO_A_CONN_TX_BYTES,	/* u32: payload never sent or not acknowledged */
	FASTPROTO_A_CONN_TX_LIMIT,	/* u32: SO_SNDBUF; absent: no socket */
	FASTPROTO_A_CONN_RX_GAPS,	/* u32: runs of frames that came too early */
	FASTPROTO_A_CONN_AGE,		/* u64: since it was made, us */
	FASTPROTO_A_CONN_SINCE_IN,	/* u64: since a frame came, us; absent: none did */
	FASTPROTO_A_CONN_SINCE_OUT,	/* u64: since data were sent, us; absent: none were */
	FASTPROTO_A_CONN_TIMERS,		/* nest: when they are due; those that are set */
	FASTPROTO_A_CONN_IN_FRAMES,	/* u64: data frames taken in */
	FASTPROTO_A_CONN_IN_BYTES,	/* u64: their payload */
	FASTPROTO_A_CONN_OUT_FRAMES,	/* u64: data frames sent, each counted once */
	FASTPROTO_A_CONN_OUT_BYTES,	/* u64: their payload */
	FASTPROTO_A_CONN_OUT_ACKS,	/* u64: frames without data sent */
	FASTPROTO_A_CONN_OUT_RETRANS,	/* u64: data frames sent again */
	FASTPROTO_A_CONN_RETRANS_RACK,	/* u64: of them: found lost by RACK */
	FASTPROTO_A_CONN_RETRANS_TLP,	/* u64: of them: as a tail loss probe */
	FASTPROTO_A_CONN_RETRANS_RTO,	/* u64: of them: after a timeout */
	FASTPROTO_A_CONN_RETRANS_HOLE,	/* u64: of them: smaller, after a black hole */
	FASTPROTO_A_CONN_TLP_PROBES,	/* u64: tail loss probes sent */
	FASTPROTO_A_CONN_RTO_TIMEOUTS,	/* u64: retransmission timeouts */
	FASTPROTO_A_CONN_WINDOW_PROBES,	/* u64: questions about a closed window */
	FASTPROTO_A_CONN_WINDOW_UPDATES,	/* u64: acknowledgments to tell of a window */
	FASTPROTO_A_CONN_RECOVERIES,	/* u64: times that loss made us slow down */
	FASTPROTO_A_CONN_SPURIOUS,	/* u64: losses and timeouts that were none */
	FASTPROTO_A_CONN_DUPLICATES,	/* u64: data frames that came twice, or after the end */
	FASTPROTO_A_CONN_CE_MARKS,	/* u64: frames that came with a congestion mark */
	FASTPROTO_A_CONN_CE_REDUCTIONS,	/* u64: times that marks made us slow down */
	FASTPROTO_A_CONN_BLACK_HOLES,	/* u64: times that large frames went missing */
	FASTPROTO_A_CONN_PACED,		/* u64: times that we waited, not to send all at once */
	FASTPROTO_A_CONN_KEEPALIVE_PROBES, /* u64: questions to a silent peer */

	__FASTPROTO_A_CONN_MAX,
	FASTPROTO_A_CONN_MAX = (__FASTPROTO_A_CONN_MAX - 1)
};

#endif /* _UAPI_LINUX_FASTPROTO_NETLINK_H */
