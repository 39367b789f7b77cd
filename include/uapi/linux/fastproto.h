/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_FASTPROTO: addresses, socket options, control messages and the wire
 * header, as applications see them.
 */
#ifndef _UAPI_LINUX_FASTPROTO_H
#define _UAPI_LINUX_FASTPROTO_H

#ifndef __KERNEL__
#include <sys/socket.h>	/* libc's own definitions first: then the two agree */
#include <netinet/in.h>
#endif

#include <linux/types.h>
#include <linux/socket.h>
#include <linux/in.h>
#include <linux/in6.h>

/*
 * The family number. The kernel gives none to loadable modules, so the module
 * takes one that no kernel code uses (AF_ASH); its parameter family= chooses
 * another, which `fpctl show` and the netlink family report.
 */
#define AF_FASTPROTO	18
#define PF_FASTPROTO	AF_FASTPROTO

/* The level of setsockopt(2), getsockopt(2) and of control messages. */
#define SOL_FASTPROTO	0x4650

/**
 * struct sockaddr_fp - the address of a FastProto socket
 * @sfp_family: AF_FASTPROTO
 * @sfp_flags: must be zero
 * @sfp_pad: must be zero
 * @sfp_conn: connection ID, 0 for none; may be another on SOCK_RDM only
 * @sfp_transport: family of the transport address, AF_INET or AF_INET6
 * @sfp_sin: the IPv4 address and UDP port that carry the frames
 * @sfp_sin6: the same for IPv6
 * @sfp_room: makes room for both
 *
 * An address may be passed with the length that its transport address needs
 * (FP_ADDRLEN_INET, FP_ADDRLEN_INET6) or with any greater one. The kernel
 * returns the whole struct. An IPv4-mapped IPv6 address means the IPv4
 * address, and that is how the kernel reports it. The address of a socket that
 * is not bound has the transport family AF_UNSPEC.
 */
struct sockaddr_fp {
	__kernel_sa_family_t	sfp_family;
	__u16			sfp_flags;
	__u32			sfp_pad;
	__u64			sfp_conn;
	union {
		__kernel_sa_family_t	sfp_transport;
		struct sockaddr_in	sfp_sin;
		struct sockaddr_in6	sfp_sin6;
		__u64			sfp_room[4];
	};
};

#define FP_ADDRLEN_INET		32	/* up to the end of sfp_sin */
#define FP_ADDRLEN_INET6	44	/* up to the end of sfp_sin6 */

/*
 * Socket options, level SOL_FASTPROTO. All values are int.
 *
 * FP_RECVINFO: with every received message comes a control message of this
 *	level and type that holds a struct fp_recvinfo (0 or 1, default 0).
 * FP_NEEDS_COPY: frames sent from now on carry FP_F_NEEDS_COPY (0 or 1,
 *	default 0).
 * FP_MSG_MAX: to read: the largest message in bytes that one send on this
 *	socket can carry. SOCK_DGRAM: to the connected peer's address family, or
 *	else to the family that carries less. Otherwise: what the peer
 *	takes, or before there is one, what we do.
 *	To set, not with SOCK_DGRAM: the largest message that this end takes,
 *	1 to 16 MiB, before connect() and listen() (afterwards EISCONN). The peer
 *	is told, and there a larger one is refused with EMSGSIZE. A socket from
 *	accept() has the limit of its listener. The default is the setting
 *	msg-max of the namespace when the socket was made (`fpctl get msg-max`).
 *
 * Not of SOCK_DGRAM; an accepted socket has them from its listener, and those of
 * SOCK_RDM are for all its connections (but SO_KEEPALIVE is switched on for
 * those that begin later, and FP_NODELAY changes nothing):
 *
 * FP_PAYLOAD_CSUM: messages sent from now on carry a checksum of their payload,
 *	frame by frame (FP_F_CSUM; 0 or 1, default 0). The receiver drops a frame
 *	that does not match, and it is sent again.
 * FP_KEEPIDLE: with SO_KEEPALIVE, seconds of silence until the peer is asked if
 *	it is still there (1 to 32767, default 7200). If nothing else happens on
 *	the connection it may be later, by an eighth of that and a second.
 * FP_KEEPINTVL: seconds from one question to the next (1 to 32767, default 75).
 * FP_KEEPCNT: questions without an answer until the connection ends with
 *	ETIMEDOUT (1 to 127, default 9). The defaults of these three are settings
 *	of the namespace, too (`fpctl get`).
 * FP_NODELAY: a small message leaves at once (0 or 1, default 0). Otherwise one
 *	that is sent while there are messages to be read waits for those that
 *	answer them, to share a datagram: until all is read, the socket is
 *	polled, a datagram is full, or half a millisecond has passed (`fpctl get
 *	hold-time`).
 */
#define FP_RECVINFO		1
#define FP_NEEDS_COPY		2
#define FP_MSG_MAX		3
#define FP_PAYLOAD_CSUM		4
#define FP_KEEPIDLE		5
#define FP_KEEPINTVL		6
#define FP_KEEPCNT		7
#define FP_NODELAY		8

/*
 * FP_ZEROCOPY: the same as SO_ZEROCOPY, which kernels before 6.7 refuse (int, 0 or
 *	1, default 0; an accepted socket has it from its listener). With it,
 *	sendmsg(2) with MSG_ZEROCOPY sends from the pages of the application,
 *	which must not change what is there until it is told, on the error queue,
 *	that they are not needed any more: poll(2) says POLLERR, recvmsg(2) with
 *	MSG_ERRQUEUE has a control message FP_RECVERR of this level, a struct
 *	sock_extended_err, as with TCP: ee_origin is SO_EE_ORIGIN_ZEROCOPY, calls
 *	ee_info to ee_data, counted from 0 on the socket, are over: acknowledged
 *	by the peer, or the connection has ended; of SOCK_DGRAM: they have left
 *	this host, or were dropped. SO_EE_CODE_ZEROCOPY_COPIED in ee_code: they
 *	were copied, by us (frames that carry up to 260 bytes, FP_PAYLOAD_CSUM,
 *	datagrams that IP cuts in pieces) or on the way to a receiver in this
 *	host. Empty messages do not count. ENOBUFS: too many are not over, or were
 *	not read (net.core.optmem_max), or the pages exceed RLIMIT_MEMLOCK.
 *	Without the option the flag means nothing.
 */
#define FP_ZEROCOPY		15

#define FP_RECVERR		16	/* no option: see above */

/*
 * Of SOCK_RDM only. SIOCOUTQ there tells the bytes of all messages, on all
 * connections, that are not yet acknowledged. With SO_LINGER and a time, close(2)
 * waits until all peers have everything, but no longer than that; with a time of 0
 * it aborts all connections.
 *
 * FP_OPEN: to read, with an argument that is a struct sockaddr_fp: one more
 *	connection to its address, whose ID it holds afterwards (sfp_conn). Messages
 *	may be sent to that at once.
 * FP_CLOSE: to set, a __u64: the connection with this ID is closed, after what
 *	was sent on it. What came in and was not read is lost, and the peer is
 *	told.
 * FP_EVENTS: what happens to a connection is told by recvmsg(2), in turn with
 *	its messages, as a struct fp_event with MSG_FP_EVENT among the flags (int,
 *	0 or 1, default 0).
 * FP_PEELOFF: to read, a struct fp_peeloff: a connection becomes a
 *	SOCK_SEQPACKET socket of its own, with all that came in and was not read.
 * FP_PEERNAME: to read, with an argument that is a struct sockaddr_fp with a
 *	connection's ID (sfp_conn): the address of its peer, beside the ID. What
 *	is received tells it, too; but FP_RING_OPENED does not.
 */
#define FP_OPEN			9
#define FP_CLOSE		10
#define FP_EVENTS		11
#define FP_PEELOFF		12
#define FP_PEERNAME		17

/**
 * struct fp_peeloff - a connection that gets a socket of its own
 * @conn: in: its ID
 * @flags: in: SOCK_CLOEXEC, SOCK_NONBLOCK
 * @fd: out: the new file descriptor
 */
struct fp_peeloff {
	__u64	conn;
	__u32	flags;
	__s32	fd;
};

/* In msg_flags: what was received is a struct fp_event. SCTP's number. */
#define MSG_FP_EVENT		0x8000

/**
 * enum fp_event_type - what happened to a connection
 * @FP_EVENT_OPENED: a peer opened it, or answered
 * @FP_EVENT_WRITABLE: there is room to send again, after an EAGAIN
 * @FP_EVENT_CLOSED: it is no more; its ID means nothing any more
 */
enum fp_event_type {
	FP_EVENT_OPENED = 1,
	FP_EVENT_WRITABLE = 2,
	FP_EVENT_CLOSED = 3,
};

/**
 * struct fp_event - something happened to a connection
 * @type: enum fp_event_type
 * @error: of FP_EVENT_CLOSED: why, as an errno; 0: in good order
 * @conn: its ID
 */
struct fp_event {
	__u32	type;
	__s32	error;
	__u64	conn;
};

/*
 * The mapped pool and its rings, of any socket: messages without a copy to user
 * buffers, and without a system call for each.
 *
 * FP_RING: to set, once, a struct fp_ring_req: makes a pool of slots and three
 *	rings. To read, a struct fp_ring_info: where they lie in the mapping.
 *	mmap(2) of the socket with MAP_SHARED maps them, or whole pages of them.
 *	It must hold the largest message that the socket takes (FP_MSG_MAX, which
 *	is lowered to that if it is not told to anybody yet, or else EMSGSIZE).
 *	The memory counts for RLIMIT_MEMLOCK, unless with CAP_IPC_LOCK: else
 *	ENOBUFS. From then on all that comes in goes there: recvmsg(2) is
 *	EBUSY, but for one of no bytes: see below. sendmsg(2) goes on as before.
 * FP_RING_STATS: to read: a struct fp_ring_stats.
 *
 * A message is a chain of slots: all are full but the last one, and links[slot]
 * is the next one's number; behind the last one it means nothing. An empty one
 * has a slot, too. In the beginning all slots belong to the application. It gives
 * some to the kernel to receive into, by writing their numbers to the free ring;
 * they come back with an event FP_RING_MESSAGE. It fills others, writes a
 * descriptor to the send ring, and gets them back with an event FP_RING_SENT.
 *
 * All indices run freely and wrap; an entry's place is its index modulo the
 * number of entries, a power of two.
 *
 *	The free and the send ring are written by one thread at a time: entries
 *	first, then free_tail or send_tail, with release semantics.
 *	The event ring is read by one thread at a time. The entry of index i is
 *	there when its stamp is (__u32)(i + 1), read with acquire semantics;
 *	event_head, written with release semantics, says which were read.
 *
 * poll(2) says POLLIN while there are events that were not read by event_head,
 * and wakes up when an event comes while there are none.
 *
 * ioctl(2) with SIOCFPRING has the kernel look at the rings: it sends what is in
 * the send ring, and goes on with what waits for slots or for room in the event
 * ring. It never sleeps for long. Whether there is need for it, fp_ring_ctl.flags
 * says: to be read after the tail or head was written and a full memory barrier.
 * It returns how many descriptors were taken, or EINVAL (no ring), EAGAIN (none,
 * since the event ring is full: it is to be read first), EINTR (a signal: there is
 * more to do).
 *
 * recv(2) of no bytes does that, too, and then waits until there is an event: who
 * asks and answers needs no other call. If it has taken descriptors, it waits no
 * longer than until messages wait for slots: those of FP_RING_QUIET can be given to
 * the kernel then. It returns 0, or EAGAIN (MSG_DONTWAIT,
 * O_NONBLOCK or SO_RCVTIMEO: there is none yet), EINTR, ENOTCONN, the pending error
 * of the socket, or EPIPE (there is none, and none will come).
 *
 * ioctl(2) with SIOCFPWAKE, which any thread may call, has it return 0 though there
 * is no event: who waits in it now, or the next one who would. It returns 0 or
 * EINVAL (no ring).
 */
#define FP_RING			13
#define FP_RING_STATS		14

#define SIOCFPRING		0x89e0	/* SIOCPROTOPRIVATE */
#define SIOCFPWAKE		0x89e1

#define FP_RING_SLOT_MIN	64		/* fp_ring_req.slot_size */
#define FP_RING_SLOT_MAX	(1 << 20)
#define FP_RING_SLOTS_MIN	2		/* fp_ring_req.slots */
#define FP_RING_SLOTS_MAX	(1 << 20)
#define FP_RING_EVENTS_MIN	2		/* fp_ring_req.events */
#define FP_RING_EVENTS_MAX	(1 << 22)

/**
 * struct fp_ring_req - what a pool and its rings are to be like
 * @slot_size: of a slot, bytes: a multiple of 64, FP_RING_SLOT_MIN to
 *	FP_RING_SLOT_MAX
 * @slots: how many, FP_RING_SLOTS_MIN to FP_RING_SLOTS_MAX; all together at most
 *	2^32 bytes
 * @events: entries of the event ring, a power of two, FP_RING_EVENTS_MIN to
 *	FP_RING_EVENTS_MAX; 0: twice as many as slots. With less than one for each
 *	slot it may be full, which loses nothing but takes time.
 * @flags: FP_RING_IN_ORDER
 * @reserved: must be zero
 *
 * The free and the send ring have as many entries as there are slots, rounded up
 * to a power of two.
 */
struct fp_ring_req {
	__u32	slot_size;
	__u32	slots;
	__u32	events;
	__u32	flags;
	__u64	reserved[2];
};

/*
 * fp_ring_req.flags
 * FP_RING_IN_ORDER: when a descriptor was refused with EAGAIN, so are all that
 *	follow for the same connection, be there room or not, until one comes with
 *	FP_RING_AGAIN. So what is written again is not overtaken. Not of
 *	SOCK_DGRAM, nor of descriptors with FP_RING_TO.
 */
#define FP_RING_IN_ORDER	(1 << 0)

/**
 * struct fp_ring_info - what there is, and where in the mapping
 * @slot_size: of a slot, bytes
 * @slots: how many
 * @events: entries of the event ring
 * @frees: entries of the free ring
 * @sends: entries of the send ring
 * @event_size: bytes from one entry of the event ring to the next
 * @send_size: the same of the send ring
 * @name_size: the same of the addresses
 * @size: bytes of the whole mapping
 * @ctl_off: struct fp_ring_ctl
 * @events_off: struct fp_ring_event, @events of them
 * @frees_off: __u32, @frees of them: slot numbers
 * @sends_off: struct fp_ring_send, @sends of them
 * @links_off: __u32, @slots of them: behind each slot
 * @names_off: struct sockaddr_fp, @slots of them: where the message that begins
 *	with this slot came from or goes to
 * @pool_off: the slots themselves
 * @reserved: zero
 *
 * Offsets are in bytes. A later kernel may have longer entries, and may tell
 * more: a shorter or longer struct is cut or filled with zeroes.
 */
struct fp_ring_info {
	__u32	slot_size;
	__u32	slots;
	__u32	events;
	__u32	frees;
	__u32	sends;
	__u32	event_size;
	__u32	send_size;
	__u32	name_size;
	__u64	size;
	__u64	ctl_off;
	__u64	events_off;
	__u64	frees_off;
	__u64	sends_off;
	__u64	links_off;
	__u64	names_off;
	__u64	pool_off;
	__u64	reserved[4];
};

/**
 * struct fp_ring_ctl - indices
 * @flags: FP_RING_NEED_*; written by the kernel
 * @send_head: how many descriptors it has taken; written by the kernel
 * @refused: how many of those, with FP_RING_QUIET, it has refused; written by the
 *	kernel, before @send_head
 * @event_head: how many events were read; written by the application, as are
 * @free_tail: how many slots were given to the kernel
 * @send_tail: how many descriptors were written
 * @pad0: what each side writes is on cache lines of its own
 * @pad1: the same
 * @pad2: the same
 * @pad3: the same
 */
struct fp_ring_ctl {
	__u32	flags;
	__u32	send_head;
	__u32	refused;
	__u32	pad0[13];
	__u32	event_head;
	__u32	pad1[15];
	__u32	free_tail;
	__u32	pad2[15];
	__u32	send_tail;
	__u32	pad3[15];
};

/*
 * fp_ring_ctl.flags: SIOCFPRING is needed after ...
 * FP_RING_NEED_SEND: ... something was written to the send ring. Not set while
 *	another thread's call is about that.
 * FP_RING_NEED_ROOM: ... slots were given or events were read: something waits
 *	for that.
 */
#define FP_RING_NEED_SEND	(1 << 0)
#define FP_RING_NEED_ROOM	(1 << 1)

/**
 * enum fp_ring_type - of an event
 * @FP_RING_MESSAGE: a message came
 * @FP_RING_OPENED: SOCK_RDM: a connection was opened by a peer, or a peer has
 *	answered (FP_PEERNAME says who); SOCK_SEQPACKET: connected
 * @FP_RING_WRITABLE: there is room on the connection again, after EAGAIN; it
 *	may come before the FP_RING_SENT that says EAGAIN
 * @FP_RING_CLOSED: nothing will come on the connection any more; on SOCK_RDM its
 *	ID means nothing any more
 * @FP_RING_SENT: the slots of a descriptor are the application's again, or it was
 *	refused
 */
enum fp_ring_type {
	FP_RING_MESSAGE = 1,
	FP_RING_OPENED = 2,
	FP_RING_WRITABLE = 3,
	FP_RING_CLOSED = 4,
	FP_RING_SENT = 5,
};

/**
 * struct fp_ring_event - an entry of the event ring
 * @conn: the connection's ID; 0 of SOCK_DGRAM
 * @seq: of FP_RING_MESSAGE: the sequence number of its first frame
 * @time: of FP_RING_MESSAGE: with SO_TIMESTAMP or SO_TIMESTAMPNS: when it came,
 *	nanoseconds since 1970, or else 0
 * @slot: of FP_RING_MESSAGE and FP_RING_SENT: the first slot
 * @nr: the same: how many slots there are in the chain; 0: FP_RING_SENT of a
 *	descriptor with which something is wrong (EINVAL): it took none
 * @len: bytes of the message
 * @error: of FP_RING_CLOSED: why, of FP_RING_SENT: what became of it: an errno,
 *	0: in good order
 * @type: enum fp_ring_type
 * @flags: FP_RING_F_*
 * @reserved: zero
 * @stamp: the entry's index plus one; written last
 */
struct fp_ring_event {
	__u64	conn;
	__u64	seq;
	__u64	time;
	__u32	slot;
	__u32	nr;
	__u32	len;
	__s32	error;
	__u16	type;
	__u16	flags;
	__u32	reserved[4];
	__u32	stamp;
};

/* fp_ring_event.flags */
#define FP_RING_F_COPIED	(1 << 0)	/* SENT: it went as a copy */
#define FP_RING_F_TRUNCATED	(1 << 1)	/* MESSAGE: larger than the pool */

/**
 * struct fp_ring_send - a descriptor in the send ring
 * @conn: SOCK_RDM: the ID of the connection, or 0 with FP_RING_TO; else 0
 * @slot: the first slot; not to be touched until FP_RING_SENT
 * @len: bytes of the message; it takes as many slots as they fill, at least one
 * @flags: FP_RING_TO, FP_RING_MORE, FP_RING_QUIET, FP_RING_AGAIN
 * @reserved: must be zero
 */
struct fp_ring_send {
	__u64	conn;
	__u32	slot;
	__u32	len;
	__u32	flags;
	__u32	reserved[3];
};

/*
 * fp_ring_send.flags
 * FP_RING_TO: not of SOCK_SEQPACKET: to the address in names[slot]
 * FP_RING_MORE: as MSG_MORE; what is written to the ring at once goes together
 *	in any case
 * FP_RING_QUIET: it is copied, however long it is, and its slots are the
 *	application's again as soon as fp_ring_ctl.send_head, read with acquire
 *	semantics, is beyond the descriptor. FP_RING_SENT comes only if it was
 *	refused; until as many of these were read as fp_ring_ctl.refused says, read
 *	after send_head, one of them may be about the descriptor.
 * FP_RING_AGAIN: with FP_RING_IN_ORDER: what was refused with EAGAIN begins anew
 *	here, in the same order. It is to be written when fp_ring_ctl.send_head is
 *	beyond all descriptors of the connection that were written before, and
 *	the events were read that were there then: none is still to be refused.
 *	Whether there is room, FP_RING_WRITABLE says: the first one that was
 *	refused counts.
 */
#define FP_RING_TO		(1 << 0)
#define FP_RING_MORE		(1 << 1)
#define FP_RING_QUIET		(1 << 2)
#define FP_RING_AGAIN		(1 << 3)

/**
 * struct fp_ring_stats - what happened to a ring, since it was made
 * @messages: FP_RING_MESSAGE
 * @sent: FP_RING_SENT without an error, and messages with FP_RING_QUIET
 * @tx_copied: bytes of them that were copied
 * @tx_zerocopy: bytes of them that were not
 * @no_free_slots: how often something came and there was no slot for it
 * @events_full: how often there was no room for an event
 * @invalid: entries of the free and the send ring that made no sense
 * @kicks: calls of SIOCFPRING, and of recv(2) that had something to do
 * @rx_copied: bytes of @messages; all are copied
 */
struct fp_ring_stats {
	__u64	messages;
	__u64	sent;
	__u64	tx_copied;
	__u64	tx_zerocopy;
	__u64	no_free_slots;
	__u64	events_full;
	__u64	invalid;
	__u64	kicks;
	__u64	rx_copied;
};

/**
 * struct fp_recvinfo - what the kernel knows of the frame of a message, or of
 *	the first one
 * @seq: the frame's sequence number
 * @size: the whole frame in bytes, header included
 * @ifindex: the interface that it came in by
 * @version: protocol version of the frame
 * @flags: the frame's flags, FP_F_*
 * @rx_flags: FP_RX_*
 * @index: place of the frame in its datagram, from 0
 * @local: the address and port it was sent to (struct sockaddr_in or
 *	struct sockaddr_in6)
 */
struct fp_recvinfo {
	__u64	seq;
	__u32	size;
	__u32	ifindex;
	__u16	version;
	__u16	flags;
	__u16	rx_flags;
	__u16	index;
	union {
		struct sockaddr_in	sin;
		struct sockaddr_in6	sin6;
		__u64			room[4];
	} local;
};

/* fp_recvinfo.rx_flags */
#define FP_RX_COPIED		(1 << 0)	/* not a view into the datagram */

/**
 * struct fp_hdr - what a frame begins with, protocol version 1
 * @magic: FP_MAGIC
 * @version: FP_VERSION
 * @flags: FP_F_*
 * @size: the whole frame in bytes: header, sections, payload, trailer
 * @seq: sequence number; of a frame with FP_F_RST: enum fp_rst_reason
 * @checksum: CRC-32 (IEEE 802.3) over the header and all sections that the
 *	flags announce, taken with this field as 0
 *
 * All fields are little-endian and lie in memory without padding.
 */
struct fp_hdr {
	__le32	magic;
	__le16	version;
	__le16	flags;
	__le32	size;
	__le64	seq;
	__le32	checksum;
} __attribute__((packed));

#define FP_MAGIC		0x50545346	/* "FSTP" on the wire */
#define FP_VERSION		1
#define FP_HDR_LEN		24

/*
 * Frame flags. CONN, ACK, SYN and COOKIE say which sections follow the header,
 * in this order. A receiver takes a frame with a flag that it does not know, or
 * with flags that do not go together, for an invalid one
 * (Documentation/protocol.rst). FP_F_KNOWN is what this version knows,
 * FP_F_DGRAM what a message without a connection may have.
 */
#define FP_F_NEEDS_COPY		(1 << 0)	/* receiver: copy, keep no reference */
#define FP_F_CONN		(1 << 1)	/* struct fp_hdr_conn follows */
#define FP_F_ACK		(1 << 2)	/* struct fp_hdr_ack follows */
#define FP_F_SYN		(1 << 3)	/* struct fp_hdr_syn follows */
#define FP_F_COOKIE		(1 << 4)	/* struct fp_hdr_cookie follows */
#define FP_F_FIN		(1 << 5)	/* sender: no data after this */
#define FP_F_RST		(1 << 6)	/* the connection is no more */
#define FP_F_BEGIN		(1 << 7)	/* first fragment of a message */
#define FP_F_END		(1 << 8)	/* last fragment of a message */
#define FP_F_CSUM		(1 << 9)	/* CRC-32C of the payload trails */
#define FP_F_PROBE		(1 << 10)	/* receiver: answer at once */
#define FP_F_DONE		(1 << 11)	/* with FIN: nothing else is left */
#define FP_F_PACK		(1 << 12)	/* the payload is several messages */
#define FP_F_KNOWN		((1 << 13) - 1)
#define FP_F_DGRAM		(FP_F_NEEDS_COPY)

/**
 * struct fp_hdr_conn - connection section
 * @id: the receiver's connection ID: low half its slot index, high half its
 *	tag; 0 while the sender does not know it
 * @slot: the sender's slot index; 0 beside a cookie for a client
 */
struct fp_hdr_conn {
	__le64	id;
	__le32	slot;
} __attribute__((packed));

/**
 * struct fp_hdr_range - frames that have come, beyond a gap
 * @offset: the first of them, counted from fp_hdr_ack.ack; at least 1
 * @length: how many they are; at least 1
 */
struct fp_hdr_range {
	__le32	offset;
	__le32	length;
} __attribute__((packed));

/**
 * struct fp_hdr_ack - acknowledgment section
 * @ack: all frames below have come
 * @window: credit: the sum of the costs of all frames that the peer may ever
 *	have sent on the connection; wraps. A frame costs its payload in bytes
 *	and 512 more; only what is sent for the first time counts.
 * @ts: the sender's clock in microseconds; wraps
 * @ts_echo: the latest @ts that came from the peer
 * @delay: how long ago that came, in microseconds
 * @ce: how many frames came with a congestion mark; wraps
 * @dup: how many data frames came twice, or after the end; wraps
 * @nr: how many struct fp_hdr_range follow, up to FP_RANGES_MAX, in any order
 */
struct fp_hdr_ack {
	__le64	ack;
	__le32	window;
	__le32	ts;
	__le32	ts_echo;
	__le32	delay;
	__le16	ce;
	__u8	dup;
	__u8	nr;
} __attribute__((packed));

#define FP_RANGES_MAX		32

/**
 * struct fp_hdr_syn - what the sender wants of a new connection
 * @tag: high half of the sender's connection ID; 0 beside a cookie for a client
 * @msg_max: the largest message that it takes, in bytes
 * @window: credit, as in struct fp_hdr_ack
 * @ts: the client's clock in microseconds when it sent the frame; beside a
 *	cookie for it, that of the frame that is answered
 * @options: wanted features, one bit each: FP_OPT_*
 * @version_min: lowest protocol version that it speaks
 * @version_max: highest protocol version that it speaks
 */
struct fp_hdr_syn {
	__le32	tag;
	__le32	msg_max;
	__le32	window;
	__le32	ts;
	__le16	options;
	__u8	version_min;
	__u8	version_max;
} __attribute__((packed));

/*
 * fp_hdr_syn.options. A receiver ignores what it does not know.
 */
#define FP_OPT_DONE		(1 << 0)	/* sender: knows FP_F_DONE */
#define FP_OPT_AHEAD		(1 << 1)	/* client: a cookie for later is welcome */
#define FP_OPT_EARLY		(1 << 2)	/* client: this cookie is such a one */
#define FP_OPT_PACK		(1 << 3)	/* sender: takes FP_F_PACK */

/* Before each message in a frame with FP_F_PACK: its length, a __le16. */
#define FP_PACK_LEN		2

/* A SYN is padded to this size, that of its answer. */
#define FP_SYN_SIZE_MIN		68

/**
 * struct fp_hdr_cookie - what proves that a peer is where it says
 * @time: when the cookie was made, by the clock of who made it
 * @mac: keyed hash; means something to who made it only
 */
struct fp_hdr_cookie {
	__le32	time;
	__le64	mac;
} __attribute__((packed));

/* The trailer: a little-endian CRC-32C (Castagnoli) of the payload. */
#define FP_CSUM_LEN		4

/**
 * enum fp_rst_reason - why a connection is no more: seq of a frame with RST
 * @FP_RST_NO_CONNECTION: there is none with this ID
 * @FP_RST_REFUSED: nobody listens, or he does not want it
 * @FP_RST_VERSION: no protocol version in common
 * @FP_RST_ABORTED: given up by the application
 * @FP_RST_TIMEOUT: the peer did not answer
 */
enum fp_rst_reason {
	FP_RST_NO_CONNECTION = 0,
	FP_RST_REFUSED = 1,
	FP_RST_VERSION = 2,
	FP_RST_ABORTED = 3,
	FP_RST_TIMEOUT = 4,
};

/*
 * The largest message of a SOCK_DGRAM socket, in bytes: what one UDP datagram
 * of IPv4 (65,535 - 20 - 8) or IPv6 (65,535 - 8) holds beside the header.
 */
#define FP_DGRAM_MAX_INET	65483
#define FP_DGRAM_MAX_INET6	65503

#endif /* _UAPI_LINUX_FASTPROTO_H */
