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
 * fp_count_reset - count a reset, and its reason
 * @fn: of the namespace
 * @which: FASTPROTO_A_STATS_OUT_RESETS or FASTPROTO_A_STATS_IN_RESETS
 * @why: enum fp_rst_reason, or what a peer says in place of it
 *
 * Context: any.
 */
void fp_count_reset(struct fp_net *fn, enum fastproto_stats_attr which,
		    u64 why)
{
	/* In the order of the reasons, and behind them that for all others. */
	BUILD_BUG_ON(FASTPROTO_A_STATS_OUT_RESETS_TIMEOUT !=
		     FASTPROTO_A_STATS_OUT_RESETS + 1 + FP_RST_TIMEOUT);
	BUILD_BUG_ON(FASTPROTO_A_STATS_IN_RESETS_OTHER !=
		     FASTPROTO_A_STATS_IN_RESETS + 2 + FP_RST_TIMEOUT);

	SNMP_INC_STATS(fn->mib, which);
	SNMP_INC_STATS(fn->mib,
		       which + 1 + min_t(u64, why, FP_RST_TIMEOUT + 1));
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
	case FASTPROTO_A_STATS_DROP_TAG:
	case FASTPROTO_A_STATS_DROP_ADDRESS:
	case FASTPROTO_A_STATS_DROP_PEER:
	case FASTPROTO_A_STATS_DROP_REFUSED:
	case FASTPROTO_A_STATS_DROP_CLOSED:
		return SKB_DROP_REASON_NO_SOCKET;
	case FASTPROTO_A_STATS_DROP_NO_MEMORY:
	case FASTPROTO_A_STATS_DROP_MEMORY:
		return SKB_DROP_REASON_NOMEM;
	case FASTPROTO_A_STATS_DROP_QUEUE_FULL:
	case FASTPROTO_A_STATS_DROP_AHEAD:
	case FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS:
		return SKB_DROP_REASON_SOCKET_RCVBUFF;
	case FASTPROTO_A_STATS_DROP_FILTER:
		return SKB_DROP_REASON_SOCKET_FILTER;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}
