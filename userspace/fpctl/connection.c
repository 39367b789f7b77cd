// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl connection: the connections of this network namespace, or one of them in
 * depth. fpctl kill: aborts some.
 */
#include <assert.h>
#include <err.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "filter.h"
#include "list.h"
#include "netlink.h"

#define ID_LEN	sizeof("0x0123456789abcdef")

static const char *state_name(const struct row *row, char buf[16])
{
	return row_kind_name(row, filter_state_name(row->kind), buf);
}

static const char *id_text(const struct row *row, int attr, char buf[ID_LEN])
{
	snprintf(buf, ID_LEN, row->tb[attr] ? "0x%016llx" : "-",
		 row_value(row, attr));
	return buf;
}

/* A string: not every reader of JSON has numbers of 64 bits. */
static void json_id(struct json *js, const char *key, const struct row *row,
		    int attr)
{
	char buf[ID_LEN];

	if (!row->tb[attr]) {
		json_null(js, key);
		return;
	}
	json_string(js, key, id_text(row, attr, buf));
}

/* In a list. */
static const struct row_number numbers[] = {
	{ FASTPROTO_A_CONN_PASSIVE,	"passive",	NULL },
	{ FASTPROTO_A_CONN_INODE,	"inode",	NULL },
	{ FASTPROTO_A_CONN_MTU,		"mtu",		"bytes" },
	{ FASTPROTO_A_CONN_SRTT,	"srtt",		"us" },
	{ FASTPROTO_A_CONN_RTT_MIN,	"rtt_min",	"us" },
	{ FASTPROTO_A_CONN_RTO,		"rto",		"us" },
	{ FASTPROTO_A_CONN_CWND,	"cwnd",		"bytes" },
	{ FASTPROTO_A_CONN_SSTHRESH,	"ssthresh",	"bytes" },
	{ FASTPROTO_A_CONN_IN_FLIGHT,	"in_flight",	"bytes" },
	{ FASTPROTO_A_CONN_TX_MEMORY,	"tx_memory",	"bytes" },
	{ FASTPROTO_A_CONN_TX_QUEUE,	"tx_queue",	"frames" },
	{ FASTPROTO_A_CONN_TX_UNACKED,	"tx_unacked",	"frames" },
	{ FASTPROTO_A_CONN_TX_LOST,	"tx_lost",	"frames" },
	{ FASTPROTO_A_CONN_TX_CREDIT,	"tx_credit",	"units" },
	{ FASTPROTO_A_CONN_RX_QUEUE,	"rx_queue",	"messages" },
	{ FASTPROTO_A_CONN_RX_MEMORY,	"rx_memory",	"bytes" },
	{ FASTPROTO_A_CONN_RX_LIMIT,	"rx_limit",	"bytes" },
	{ FASTPROTO_A_CONN_RX_CREDIT,	"rx_credit",	"units" },
	{ FASTPROTO_A_CONN_BACKOFF,	"backoff",	NULL },
	{ FASTPROTO_A_CONN_RETRIES,	"retries",	NULL },
	{ FASTPROTO_A_CONN_PARKED,	"parked",	NULL },
};

/* And what is told of one in depth. */
static const struct row_number depth[] = {
	{ FASTPROTO_A_CONN_RTTVAR,	"rttvar",	"us" },
	{ FASTPROTO_A_CONN_MSG_MAX,	"msg_max",	"bytes" },
	{ FASTPROTO_A_CONN_PEER_MSG_MAX, "peer_msg_max", "bytes" },
	{ FASTPROTO_A_CONN_HEADROOM,	"headroom",	"bytes" },
	{ FASTPROTO_A_CONN_TX_BYTES,	"tx_bytes",	"bytes" },
	{ FASTPROTO_A_CONN_TX_LIMIT,	"tx_limit",	"bytes" },
	{ FASTPROTO_A_CONN_RX_GAPS,	"rx_gaps",	NULL },
	{ FASTPROTO_A_CONN_AGE,		"age",		"us" },
	{ FASTPROTO_A_CONN_SINCE_IN,	"since_in",	"us" },
	{ FASTPROTO_A_CONN_SINCE_OUT,	"since_out",	"us" },
	{ FASTPROTO_A_CONN_IN_FRAMES,	"in_frames",	"frames" },
	{ FASTPROTO_A_CONN_IN_BYTES,	"in_bytes",	"bytes" },
	{ FASTPROTO_A_CONN_OUT_FRAMES,	"out_frames",	"frames" },
	{ FASTPROTO_A_CONN_OUT_BYTES,	"out_bytes",	"bytes" },
	{ FASTPROTO_A_CONN_OUT_ACKS,	"out_acks",	"frames" },
	{ FASTPROTO_A_CONN_OUT_RETRANS,	"out_retrans",	"frames" },
	{ FASTPROTO_A_CONN_RETRANS_RACK, "retrans_rack", "frames" },
	{ FASTPROTO_A_CONN_RETRANS_TLP,	"retrans_tlp",	"frames" },
	{ FASTPROTO_A_CONN_RETRANS_RTO,	"retrans_rto",	"frames" },
	{ FASTPROTO_A_CONN_RETRANS_HOLE, "retrans_hole", "frames" },
	{ FASTPROTO_A_CONN_TLP_PROBES,	"tlp_probes",	NULL },
	{ FASTPROTO_A_CONN_RTO_TIMEOUTS, "rto_timeouts", NULL },
	{ FASTPROTO_A_CONN_WINDOW_PROBES, "window_probes", NULL },
	{ FASTPROTO_A_CONN_WINDOW_UPDATES, "window_updates", NULL },
	{ FASTPROTO_A_CONN_RECOVERIES,	"recoveries",	NULL },
	{ FASTPROTO_A_CONN_SPURIOUS,	"spurious",	NULL },
	{ FASTPROTO_A_CONN_DUPLICATES,	"duplicates",	"frames" },
	{ FASTPROTO_A_CONN_CE_MARKS,	"ce_marks",	"frames" },
	{ FASTPROTO_A_CONN_CE_REDUCTIONS, "ce_reductions", NULL },
	{ FASTPROTO_A_CONN_BLACK_HOLES,	"black_holes",	NULL },
	{ FASTPROTO_A_CONN_PACED,	"paced",	NULL },
	{ FASTPROTO_A_CONN_KEEPALIVE_PROBES, "keepalive_probes", NULL },
};

static const struct row_number timers[] = {
	{ FASTPROTO_A_TIMER_HANDSHAKE,	"handshake",	"us" },
	{ FASTPROTO_A_TIMER_LOSS,	"loss",		"us" },
	{ FASTPROTO_A_TIMER_WINDOW,	"window",	"us" },
	{ FASTPROTO_A_TIMER_ACK,	"ack",		"us" },
	{ FASTPROTO_A_TIMER_CORK,	"cork",		"us" },
	{ FASTPROTO_A_TIMER_KEEPALIVE,	"keepalive",	"us" },
	{ FASTPROTO_A_TIMER_END,	"end",		"us" },
	{ FASTPROTO_A_TIMER_PACE,	"pace",		"us" },
};

static_assert(ARRAY_SIZE(timers) ==
	      FASTPROTO_A_TIMER_MAX - FASTPROTO_A_TIMER_PAD,
	      "every timer has a name");

static void json_members(struct json *js, const struct row *row)
{
	char buf[16];

	json_id(js, "id", row, FASTPROTO_A_CONN_ID);
	json_id(js, "peer_id", row, FASTPROTO_A_CONN_PEER_ID);
	json_string(js, "state", state_name(row, buf));
	addr_json(js, "local", &row->local);
	addr_json(js, "peer", &row->peer);
	row_json(js, row, numbers, ARRAY_SIZE(numbers));
}

static void json_row(struct json *js, const struct row *row)
{
	json_open(js, NULL, '{');
	json_members(js, row);
	json_close(js, '}');
}

static void text_control(const struct row *row)
{
	printf("\t%s mtu:%llu",
	       row_value(row, FASTPROTO_A_CONN_PASSIVE) ? "passive" : "active",
	       row_value(row, FASTPROTO_A_CONN_MTU));
	if (row->tb[FASTPROTO_A_CONN_SRTT])
		printf(" rtt:%llu minrtt:%llu",
		       row_value(row, FASTPROTO_A_CONN_SRTT),
		       row_value(row, FASTPROTO_A_CONN_RTT_MIN));
	printf(" rto:%llu cwnd:%llu", row_value(row, FASTPROTO_A_CONN_RTO),
	       row_value(row, FASTPROTO_A_CONN_CWND));
	if (row->tb[FASTPROTO_A_CONN_SSTHRESH])
		printf(" ssthresh:%llu", row_value(row, FASTPROTO_A_CONN_SSTHRESH));
	if (row_value(row, FASTPROTO_A_CONN_BACKOFF))
		printf(" backoff:%llu", row_value(row, FASTPROTO_A_CONN_BACKOFF));
	if (row_value(row, FASTPROTO_A_CONN_RETRIES))
		printf(" retries:%llu", row_value(row, FASTPROTO_A_CONN_RETRIES));
	if (row_value(row, FASTPROTO_A_CONN_PARKED))
		printf(" parked");
}

static void text_queues(const struct row *row)
{
	printf(" flight:%llu unsent:%llu unacked:%llu lost:%llu",
	       row_value(row, FASTPROTO_A_CONN_IN_FLIGHT),
	       row_value(row, FASTPROTO_A_CONN_TX_QUEUE),
	       row_value(row, FASTPROTO_A_CONN_TX_UNACKED),
	       row_value(row, FASTPROTO_A_CONN_TX_LOST));
	printf(" queue:%llu rmem:%llu/%llu credit:%llu/%llu",
	       row_value(row, FASTPROTO_A_CONN_RX_QUEUE),
	       row_value(row, FASTPROTO_A_CONN_RX_MEMORY),
	       row_value(row, FASTPROTO_A_CONN_RX_LIMIT),
	       row_value(row, FASTPROTO_A_CONN_RX_CREDIT),
	       row_value(row, FASTPROTO_A_CONN_TX_CREDIT));
	if (row->tb[FASTPROTO_A_CONN_INODE])
		printf(" ino:%llu", row_value(row, FASTPROTO_A_CONN_INODE));
	if (row->tb[FASTPROTO_A_CONN_PEER_ID])
		printf(" peerid:0x%016llx",
		       row_value(row, FASTPROTO_A_CONN_PEER_ID));
	putchar('\n');
}

static void text_row(const struct row *row, bool statistics)
{
	char local[ADDR_TEXT_LEN];
	char peer[ADDR_TEXT_LEN];
	char buf[16], id[ID_LEN];

	addr_text(&row->local, 0, local);
	addr_text(&row->peer, 0, peer);
	printf("%-11s %-7llu %-7llu %-28s %-28s %s\n", state_name(row, buf),
	       row_value(row, FASTPROTO_A_CONN_RX_MEMORY),
	       row_value(row, FASTPROTO_A_CONN_TX_MEMORY), local, peer,
	       id_text(row, FASTPROTO_A_CONN_ID, id));
	if (!statistics)
		return;
	text_control(row);
	text_queues(row);
}

static void head(void)
{
	printf("%-11s %-7s %-7s %-28s %-28s %s\n", "State", "Recv-Q", "Send-Q",
	       "Local Address:Port", "Peer Address:Port", "ID");
}

static const struct list_kind connections = {
	.command	= "connection",
	.cmd		= FASTPROTO_CMD_CONN_GET,
	.max		= FASTPROTO_A_CONN_MAX,
	.kind		= FASTPROTO_A_CONN_STATE,
	.local		= FASTPROTO_A_CONN_LOCAL,
	.peer		= FASTPROTO_A_CONN_PEER,
	.kinds		= "states",
	.kind_name	= filter_state_name,
	.head		= head,
	.json		= json_row,
	.text		= text_row,
};

static void text_numbers(const char *prefix, const struct row *row,
			 const struct row_number *number, size_t count)
{
	int width = 16 - (int)strlen(prefix);

	for (; count; count--, number++)
		if (row->tb[number->attr])
			printf("%s%-*s %llu%s%s\n", prefix, width,
			       number->key, row_value(row, number->attr),
			       number->unit ? " " : "",
			       number->unit ? number->unit : "");
}

static void text_depth(const struct row *row, const struct row *due)
{
	char local[ADDR_TEXT_LEN];
	char peer[ADDR_TEXT_LEN];
	char buf[16], id[ID_LEN];

	addr_text(&row->local, 0, local);
	addr_text(&row->peer, 0, peer);
	printf("%-16s %s\n", "id", id_text(row, FASTPROTO_A_CONN_ID, id));
	printf("%-16s %s\n", "peer_id",
	       id_text(row, FASTPROTO_A_CONN_PEER_ID, id));
	printf("%-16s %s\n", "state", state_name(row, buf));
	printf("%-16s %s\n", "local", local);
	printf("%-16s %s\n", "peer", peer);
	text_numbers("", row, numbers, ARRAY_SIZE(numbers));
	text_numbers("", row, depth, ARRAY_SIZE(depth));
	text_numbers("timer_", due, timers, ARRAY_SIZE(timers));
}

static void json_depth(struct json *js, const struct row *row,
		       const struct row *due)
{
	json_open(js, NULL, '{');
	json_members(js, row);
	row_json(js, row, depth, ARRAY_SIZE(depth));
	json_open(js, "timer", '{');
	row_json(js, due, timers, ARRAY_SIZE(timers));
	json_close(js, '}');
	json_close(js, '}');
}

static int on_one(struct nl_msg *msg, void *arg)
{
	struct row row, due = { 0 };
	struct fpctl *fp = arg;
	int err;

	err = row_parse(&connections, &row, msg);
	if (!err && row.tb[FASTPROTO_A_CONN_TIMERS])
		err = nla_parse_nested(due.tb, FASTPROTO_A_TIMER_MAX,
				       row.tb[FASTPROTO_A_CONN_TIMERS], NULL);
	if (err < 0)
		return err;
	if (fp->json)
		json_depth(&fp->js, &row, &due);
	else
		text_depth(&row, &due);
	return NL_OK;
}

/* Asks about the connection with an ID, which was checked. */
static int ask(struct netlink *nl, int cmd, const char *text,
	       nl_recvmsg_msg_cb_t reply, void *arg)
{
	const char *asks = nl->command;
	char command[sizeof("connection ") + ID_LEN];
	unsigned long long id = 0;
	struct nl_msg *msg;
	int err;

	args_id(&id, text);
	msg = netlink_request(nl, cmd);
	if (!msg)
		return EXIT_KERNEL;
	nla_put_u64(msg, FASTPROTO_A_CONN_ID, id);

	snprintf(command, sizeof(command), "%s %s", asks, text);
	nl->command = command;
	err = netlink_do(nl, msg, reply, arg);
	nl->command = asks;
	return err;
}

static int id_check(const char *command, const char *text)
{
	unsigned long long id;

	if (!args_id(&id, text))
		return 0;
	warnx("%s: \"%s\" is not an ID (try: fpctl help %s)", command, text,
	      command);
	return -1;
}

/* The one with this ID, in depth. */
static int show_one(struct fpctl *fp, char **argv)
{
	struct netlink nl;
	int err;

	if (fp->count) {
		warnx("connection: -c counts all that fit, not one with an ID");
		return EXIT_USAGE;
	}
	if (!*argv) {
		warnx("connection: \"id\" needs an ID");
		return EXIT_USAGE;
	}
	if (id_check("connection", *argv) || args_end("connection", argv + 1))
		return EXIT_USAGE;
	err = netlink_open(&nl, "connection");
	if (err)
		return err;
	err = ask(&nl, FASTPROTO_CMD_CONN_GET, *argv, on_one, fp);
	netlink_close(&nl);
	return err;
}

int connection_run(struct fpctl *fp, char **argv)
{
	if (*argv && !strcmp(*argv, "id"))
		return show_one(fp, argv + 1);
	return list_run(fp, &connections, argv);
}

/* One that is gone does not save those after it. */
int kill_run(struct fpctl *fp, char **argv)
{
	struct netlink nl;
	int err, status = 0;
	char **arg;

	(void)fp;
	if (!*argv) {
		warnx("kill: it needs an ID (try: fpctl help kill)");
		return EXIT_USAGE;
	}
	for (arg = argv; *arg; arg++)
		if (id_check("kill", *arg))
			return EXIT_USAGE;

	err = netlink_open(&nl, "kill");
	if (err)
		return err;
	for (arg = argv; *arg; arg++) {
		err = ask(&nl, FASTPROTO_CMD_CONN_DEL, *arg, NULL, NULL);
		if (err)
			status = err;
	}
	netlink_close(&nl);
	return status;
}
