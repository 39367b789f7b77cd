/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fastproto

#if !defined(_FP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _FP_TRACE_H

#include <linux/tracepoint.h>
#include <net/sock.h>

#include <linux/fastproto_netlink.h>

#define FP_TRACE_DROPS						\
	{ FASTPROTO_A_STATS_DROP_INCOMPLETE,	"incomplete" },	\
	{ FASTPROTO_A_STATS_DROP_MAGIC,		"magic" },	\
	{ FASTPROTO_A_STATS_DROP_VERSION,	"version" },	\
	{ FASTPROTO_A_STATS_DROP_FLAGS,		"flags" },	\
	{ FASTPROTO_A_STATS_DROP_SIZE,		"size" },	\
	{ FASTPROTO_A_STATS_DROP_CHECKSUM,	"checksum" },	\
	{ FASTPROTO_A_STATS_DROP_NO_SOCKET,	"no_socket" },	\
	{ FASTPROTO_A_STATS_DROP_NO_MEMORY,	"no_memory" },	\
	{ FASTPROTO_A_STATS_DROP_QUEUE_FULL,	"queue_full" },	\
	{ FASTPROTO_A_STATS_DROP_FILTER,	"filter" },	\
	{ FASTPROTO_A_STATS_DROP_DUPLICATE,	"duplicate" },	\
	{ FASTPROTO_A_STATS_DROP_ID,	"id" },	\
	{ FASTPROTO_A_STATS_DROP_ACK,	"ack" },	\
	{ FASTPROTO_A_STATS_DROP_PROTOCOL,	"protocol" },	\
	{ FASTPROTO_A_STATS_DROP_COOKIE,	"cookie" },	\
	{ FASTPROTO_A_STATS_DROP_BACKLOG,	"backlog" },	\
	{ FASTPROTO_A_STATS_DROP_PAYLOAD,	"payload" },	\
	{ FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS,	"no_free_slots" }

/* A frame is dropped: by which socket, why, how many bytes, from which skb. */
TRACE_EVENT(fp_drop,

	TP_PROTO(const struct net *net, const struct sock *sk,
		 const struct sk_buff *skb, u32 len, u32 why),

	TP_ARGS(net, sk, skb, len, why),

	TP_STRUCT__entry(
		__field(const void *,	skaddr)
		__field(const void *,	skbaddr)
		__field(u32,		netns)
		__field(u32,		len)
		__field(u32,		why)
	),

	TP_fast_assign(
		__entry->skaddr = sk;
		__entry->skbaddr = skb;
		__entry->netns = net->ns.inum;
		__entry->len = len;
		__entry->why = why;
	),

	TP_printk("sk=%p skb=%p netns=%u len=%u why=%s",
		  __entry->skaddr, __entry->skbaddr, __entry->netns,
		  __entry->len, __print_symbolic(__entry->why, FP_TRACE_DROPS))
);

#endif /* _FP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
