// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl stats: the counters of this network namespace.
 */
#include <assert.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "fpctl.h"
#include "netlink.h"

struct counter {
	int attr;
	const char *key;
};

static const struct counter traffic[] = {
	{ FASTPROTO_A_STATS_IN_DATAGRAMS,	"in_datagrams" },
	{ FASTPROTO_A_STATS_IN_FRAMES,		"in_frames" },
	{ FASTPROTO_A_STATS_IN_BYTES,		"in_bytes" },
	{ FASTPROTO_A_STATS_IN_VIEWS,		"in_views" },
	{ FASTPROTO_A_STATS_IN_COPIES,		"in_copies" },
	{ FASTPROTO_A_STATS_OUT_FRAMES,		"out_frames" },
	{ FASTPROTO_A_STATS_OUT_BYTES,		"out_bytes" },
	{ FASTPROTO_A_STATS_OUT_ERRORS,		"out_errors" },
	{ FASTPROTO_A_STATS_ICMP_ERRORS,	"icmp_errors" },
	{ FASTPROTO_A_STATS_OUT_ACKS,		"out_acks" },
	{ FASTPROTO_A_STATS_OUT_RETRANS,	"out_retrans" },
	{ FASTPROTO_A_STATS_RETRANS_RACK,		"retrans_rack" },
	{ FASTPROTO_A_STATS_RETRANS_TLP,		"retrans_tlp" },
	{ FASTPROTO_A_STATS_RETRANS_RTO,		"retrans_rto" },
	{ FASTPROTO_A_STATS_RETRANS_HOLE,	"retrans_hole" },
	{ FASTPROTO_A_STATS_RETRANS_SYN,		"retrans_syn" },
	{ FASTPROTO_A_STATS_RETRANS_ECHO,		"retrans_echo" },
	{ FASTPROTO_A_STATS_OUT_RESETS,		"out_resets" },
	{ FASTPROTO_A_STATS_OUT_RESETS_NO_CONNECTION,	"out_resets_no_connection" },
	{ FASTPROTO_A_STATS_OUT_RESETS_REFUSED,	"out_resets_refused" },
	{ FASTPROTO_A_STATS_OUT_RESETS_VERSION,	"out_resets_version" },
	{ FASTPROTO_A_STATS_OUT_RESETS_ABORTED,	"out_resets_aborted" },
	{ FASTPROTO_A_STATS_OUT_RESETS_TIMEOUT,	"out_resets_timeout" },
	{ FASTPROTO_A_STATS_OUT_RESETS_LIMITED,	"out_resets_limited" },
	{ FASTPROTO_A_STATS_IN_RESETS,		"in_resets" },
	{ FASTPROTO_A_STATS_IN_RESETS_NO_CONNECTION,	"in_resets_no_connection" },
	{ FASTPROTO_A_STATS_IN_RESETS_REFUSED,	"in_resets_refused" },
	{ FASTPROTO_A_STATS_IN_RESETS_VERSION,	"in_resets_version" },
	{ FASTPROTO_A_STATS_IN_RESETS_ABORTED,	"in_resets_aborted" },
	{ FASTPROTO_A_STATS_IN_RESETS_TIMEOUT,	"in_resets_timeout" },
	{ FASTPROTO_A_STATS_IN_RESETS_OTHER,		"in_resets_other" },
	{ FASTPROTO_A_STATS_ACCEPTED,		"accepted" },
	{ FASTPROTO_A_STATS_CONNECTS,		"connects" },
	{ FASTPROTO_A_STATS_CONNECTED,		"connected" },
	{ FASTPROTO_A_STATS_CONNECTS_LIMITED,		"connects_limited" },
	{ FASTPROTO_A_STATS_ENDED_CLOSED,		"ended_closed" },
	{ FASTPROTO_A_STATS_ENDED_ABORTED,		"ended_aborted" },
	{ FASTPROTO_A_STATS_ENDED_TIMEOUT,		"ended_timeout" },
	{ FASTPROTO_A_STATS_ENDED_ICMP,		"ended_icmp" },
	{ FASTPROTO_A_STATS_COOKIES_SENT,	"cookies_sent" },
	{ FASTPROTO_A_STATS_TLP_PROBES,		"tlp_probes" },
	{ FASTPROTO_A_STATS_RTO_TIMEOUTS,	"rto_timeouts" },
	{ FASTPROTO_A_STATS_WINDOW_PROBES,	"window_probes" },
	{ FASTPROTO_A_STATS_WINDOW_UPDATES,		"window_updates" },
	{ FASTPROTO_A_STATS_ROOM_TOLD,		"room_told" },
	{ FASTPROTO_A_STATS_RECOVERIES,		"recoveries" },
	{ FASTPROTO_A_STATS_SPURIOUS,		"spurious" },
	{ FASTPROTO_A_STATS_KEEPALIVE_PROBES,	"keepalive_probes" },
	{ FASTPROTO_A_STATS_KEEPALIVE_TIMEOUTS,	"keepalive_timeouts" },
	{ FASTPROTO_A_STATS_CE_MARKS,		"ce_marks" },
	{ FASTPROTO_A_STATS_CE_REDUCTIONS,	"ce_reductions" },
	{ FASTPROTO_A_STATS_BLACK_HOLES,	"black_holes" },
	{ FASTPROTO_A_STATS_PACED,		"paced" },
	{ FASTPROTO_A_STATS_PARKED,		"parked" },
	{ FASTPROTO_A_STATS_WOKEN,		"woken" },
	{ FASTPROTO_A_STATS_EARLY_CONNECTS,	"early_connects" },
	{ FASTPROTO_A_STATS_EARLY_REFUSED,	"early_refused" },
	{ FASTPROTO_A_STATS_EARLY_ACCEPTED,	"early_accepted" },
	{ FASTPROTO_A_STATS_EARLY_STALE,	"early_stale" },
	{ FASTPROTO_A_STATS_EARLY_REPLAYED,	"early_replayed" },
	{ }
};

static const struct counter drops[] = {
	{ FASTPROTO_A_STATS_DROP_INCOMPLETE,	"incomplete" },
	{ FASTPROTO_A_STATS_DROP_MAGIC,		"magic" },
	{ FASTPROTO_A_STATS_DROP_VERSION,	"version" },
	{ FASTPROTO_A_STATS_DROP_FLAGS,		"flags" },
	{ FASTPROTO_A_STATS_DROP_SIZE,		"size" },
	{ FASTPROTO_A_STATS_DROP_CHECKSUM,	"checksum" },
	{ FASTPROTO_A_STATS_DROP_NO_SOCKET,	"no_socket" },
	{ FASTPROTO_A_STATS_DROP_NO_MEMORY,	"no_memory" },
	{ FASTPROTO_A_STATS_DROP_QUEUE_FULL,	"queue_full" },
	{ FASTPROTO_A_STATS_DROP_FILTER,	"filter" },
	{ FASTPROTO_A_STATS_DROP_DUPLICATE,	"duplicate" },
	{ FASTPROTO_A_STATS_DROP_ID,		"id" },
	{ FASTPROTO_A_STATS_DROP_ACK,		"ack" },
	{ FASTPROTO_A_STATS_DROP_PROTOCOL,	"protocol" },
	{ FASTPROTO_A_STATS_DROP_COOKIE,	"cookie" },
	{ FASTPROTO_A_STATS_DROP_BACKLOG,	"backlog" },
	{ FASTPROTO_A_STATS_DROP_PAYLOAD,	"payload" },
	{ FASTPROTO_A_STATS_DROP_LIMIT,		"limit" },
	{ FASTPROTO_A_STATS_DROP_MEMORY,		"memory" },
	{ FASTPROTO_A_STATS_DROP_REFUSED,		"refused" },
	{ FASTPROTO_A_STATS_DROP_NO_VERSION,		"no_version" },
	{ FASTPROTO_A_STATS_DROP_TAG,		"tag" },
	{ FASTPROTO_A_STATS_DROP_ADDRESS,		"address" },
	{ FASTPROTO_A_STATS_DROP_STATE,		"state" },
	{ FASTPROTO_A_STATS_DROP_BROADCAST,		"broadcast" },
	{ FASTPROTO_A_STATS_DROP_PEER,		"peer" },
	{ FASTPROTO_A_STATS_DROP_CLOSED,		"closed" },
	{ FASTPROTO_A_STATS_DROP_AHEAD,		"ahead" },
	{ FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS,	"no_free_slots" },
	{ }
};

static_assert(ARRAY_SIZE(traffic) - 1 + ARRAY_SIZE(drops) - 1 ==
	      FASTPROTO_A_STATS_MAX - FASTPROTO_A_STATS_PAD,
	      "every counter has a name");

static void print_json(struct json *js, struct nlattr **tb)
{
	const struct counter *c;

	json_open(js, NULL, '{');
	for (c = traffic; c->key; c++)
		json_uint(js, c->key, netlink_uint(tb[c->attr]));
	json_open(js, "drop", '{');
	for (c = drops; c->key; c++)
		json_uint(js, c->key, netlink_uint(tb[c->attr]));
	json_close(js, '}');
	json_close(js, '}');
}

static void print_text(const struct counter *c, const char *prefix,
		       struct nlattr **tb, bool all)
{
	int width = 24 - (int)strlen(prefix);

	for (; c->key; c++) {
		unsigned long long value = netlink_uint(tb[c->attr]);

		if (value || all)
			printf("%s%-*s %llu\n", prefix, width, c->key, value);
	}
}

static int on_stats(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[FASTPROTO_A_STATS_MAX + 1];
	struct fpctl *fp = arg;
	int err;

	err = genlmsg_parse(nlmsg_hdr(msg), 0, tb, FASTPROTO_A_STATS_MAX, NULL);
	if (err < 0)
		return err;

	if (fp->json) {
		print_json(&fp->js, tb);
	} else {
		print_text(traffic, "", tb, fp->all);
		print_text(drops, "drop_", tb, fp->all);
	}
	return NL_OK;
}

int stats_run(struct fpctl *fp, char **argv)
{
	if (args_end("stats", argv))
		return EXIT_USAGE;
	return netlink_get("stats", FASTPROTO_CMD_STATS_GET, on_stats, fp);
}
