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
 * @sfp_conn: connection ID, 0 for none; must be 0 on SOCK_DGRAM
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
 * FP_MSG_MAX: read only: the largest message in bytes that one send on this
 *	socket can carry: to the connected peer's address family, or else to
 *	the family that carries less.
 */
#define FP_RECVINFO		1
#define FP_NEEDS_COPY		2
#define FP_MSG_MAX		3

/**
 * struct fp_recvinfo - what the kernel knows of the frame of a message
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
 * @seq: sequence number
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
 * Frame flags. A receiver takes a frame with a flag that it does not know for
 * an invalid one; FP_F_KNOWN is what this version knows, the other bits are
 * set aside (Documentation/protocol.rst).
 */
#define FP_F_NEEDS_COPY		(1 << 0)	/* receiver: copy, keep no reference */
#define FP_F_KNOWN		(FP_F_NEEDS_COPY)

/*
 * The largest message of a SOCK_DGRAM socket, in bytes: what one UDP datagram
 * of IPv4 (65,535 - 20 - 8) or IPv6 (65,535 - 8) holds beside the header.
 */
#define FP_DGRAM_MAX_INET	65483
#define FP_DGRAM_MAX_INET6	65503

#endif /* _UAPI_LINUX_FASTPROTO_H */
