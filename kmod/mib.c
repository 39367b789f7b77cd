// SPDX-License-Identifier: GPL-2.0
/* Counters, and what is told of a dropped frame. */
#include "fastproto.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * fp_drop - count a dropped frame
 * @net: the namespace
 * @sk: the socket whose frame it would have been, or NULL
 * @skb: the datagram that holds it
 * @len: what is dropped, bytes
 * @why: one of the FASTPROTO_A_STATS_DROP_* counters
 *
 * Context: any. The caller frees the skb, by fp_drop_reason().
 */
void fp_drop(const struct net *net, const struct sock *sk,
	     const struct sk_buff *skb, u32 len, enum fastproto_stats_attr why)
{
	SNMP_INC_STATS(fp_net(net)->mib, why);
	trace_fp_drop(net, sk, skb, len, why);
}

/**
 * fp_drop_reason - the kernel's name for a reason of ours
 * @why: one of the FASTPROTO_A_STATS_DROP_* counters
 *
 * Return: what to give to kfree_skb_reason().
 */
enum skb_drop_reason fp_drop_reason(enum fastproto_stats_attr why)
{
	switch (why) {
	case FASTPROTO_A_STATS_DROP_INCOMPLETE:
		return SKB_DROP_REASON_PKT_TOO_SMALL;
	case FASTPROTO_A_STATS_DROP_NO_SOCKET:
	case FASTPROTO_A_STATS_DROP_ID:
		return SKB_DROP_REASON_NO_SOCKET;
	case FASTPROTO_A_STATS_DROP_NO_MEMORY:
		return SKB_DROP_REASON_NOMEM;
	case FASTPROTO_A_STATS_DROP_QUEUE_FULL:
		return SKB_DROP_REASON_SOCKET_RCVBUFF;
	case FASTPROTO_A_STATS_DROP_FILTER:
		return SKB_DROP_REASON_SOCKET_FILTER;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}
