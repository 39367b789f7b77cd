// SPDX-License-Identifier: GPL-2.0
/*
 * The module as one translation unit, which is all there is of the program: so the
 * compiler sees what nobody else calls, and makes one function of what calls each
 * other. A message passes some forty functions of a dozen files; each call of those
 * that are called at one place costs ten to twenty instructions for nothing.
 *
 * For that no two files may have a static function, or a macro, of the same name.
 * What others refer to is __visible: the two at the end of fastproto.h.
 * Each includes what it needs, as if it were alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* In the order of their dependencies: fastproto.h. */
#include "crc.c"
#include "wire.c"
#include "rtt.c"
#include "cubic.c"
#include "rxwin.c"
#include "txwin.c"
#include "addr.c"
#include "packet.c"
#include "mib.c"
#include "setting.c"
#include "slot.c"
#include "demux.c"
#include "peer.c"
#include "endpoint.c"
#include "path.c"
#include "txbuf.c"
#include "keep.c"
#include "act.c"
#include "conn.c"
#include "pool.c"
#include "ring.c"
#include "timer.c"
#include "transmit.c"
#include "jar.c"
#include "handshake.c"
#include "message.c"
#include "input.c"
#include "receive.c"
#include "recvmsg.c"
#include "send.c"
#include "listen.c"
#include "connect.c"
#include "outgoing.c"
#include "seqpacket.c"
#include "crowd.c"
#include "rdm.c"
#include "sendring.c"
#include "sockopt.c"
#include "af_fastproto.c"
#include "netlink.c"
#include "main.c"
