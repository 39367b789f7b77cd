// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl connection: the connections of this network namespace, written out as
 * they come. fpctl kill: aborts some.
 */
#include <err.h>
#include <netlink/msg.h>
#include <stdio.h>

#include "args.h"
#include "filter.h"
#include "fpctl.h"
#include "netlink.h"

#define ID_LEN	sizeof("0x0123456789abcdef")

/**
 * struct listing - one run of the command
 * @fp: options and output
 * @nl: where the connections come from
 * @filter: which are wanted
 * @rows: how many were written
 */
struct listing {
	struct fpctl *fp;
	struct netlink nl;
	struct filter filter;
	unsigned long rows;
};

/**
 * struct row - a connection
 * @tb: its attributes
 * @state: enum fastproto_conn_state
 * @local: the address of our end
 * @peer: that of the other end
 */
struct row {
	struct nlattr *tb[FASTPROTO_A_CONN_MAX + 1];
	unsigned int state;
	struct addr local;
	struct addr peer;
};

static unsigned long long value(const struct row *row, int attr)
{
	return netlink_uint(row->tb[attr]);
}

static const char *state_name(const struct row *row, char buf[16])
{
	const char *name = filter_state_name(row->state);

	if (name)
		return name;
	snprintf(buf, 16, "%u", row->state);
	return buf;
}

static const char *id_text(const struct row *row, int attr, char buf[ID_LEN])
{
	snprintf(buf, ID_LEN, row->tb[attr] ? "0x%016llx" : "-",
		 value(row, attr));
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

static void json_numbers(struct json *js, const struct row *row)
{
	static const struct {
		int attr;
		const char *key;
	} numbers[] = {
		{ FASTPROTO_A_CONN_PASSIVE,	"passive" },
		{ FASTPROTO_A_CONN_INODE,	"inode" },
		{ FASTPROTO_A_CONN_MTU,		"mtu" },
		{ FASTPROTO_A_CONN_SRTT,	"srtt" },
		{ FASTPROTO_A_CONN_RTT_MIN,	"rtt_min" },
		{ FASTPROTO_A_CONN_RTO,		"rto" },
		{ FASTPROTO_A_CONN_CWND,	"cwnd" },
		{ FASTPROTO_A_CONN_SSTHRESH,	"ssthresh" },
		{ FASTPROTO_A_CONN_IN_FLIGHT,	"in_flight" },
		{ FASTPROTO_A_CONN_TX_MEMORY,	"tx_memory" },
		{ FASTPROTO_A_CONN_TX_QUEUE,	"tx_queue" },
		{ FASTPROTO_A_CONN_TX_UNACKED,	"tx_unacked" },
		{ FASTPROTO_A_CONN_TX_LOST,	"tx_lost" },
		{ FASTPROTO_A_CONN_TX_CREDIT,	"tx_credit" },
		{ FASTPROTO_A_CONN_RX_QUEUE,	"rx_queue" },
		{ FASTPROTO_A_CONN_RX_MEMORY,	"rx_memory" },
		{ FASTPROTO_A_CONN_RX_LIMIT,	"rx_limit" },
		{ FASTPROTO_A_CONN_RX_CREDIT,	"rx_credit" },
		{ FASTPROTO_A_CONN_BACKOFF,	"backoff" },
		{ FASTPROTO_A_CONN_RETRIES,	"retries" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (row->tb[numbers[i].attr])
			json_uint(js, numbers[i].key,
				  value(row, numbers[i].attr));
		else
			json_null(js, numbers[i].key);
	}
}

static void json_row(struct json *js, const struct row *row)
{
	char buf[16];

	json_open(js, NULL, '{');
	json_id(js, "id", row, FASTPROTO_A_CONN_ID);
	json_id(js, "peer_id", row, FASTPROTO_A_CONN_PEER_ID);
	json_string(js, "state", state_name(row, buf));
	addr_json(js, "local", &row->local);
	addr_json(js, "peer", &row->peer);
	json_numbers(js, row);
	json_close(js, '}');
}

static void text_control(const struct row *row)
{
	printf("\t%s mtu:%llu",
	       value(row, FASTPROTO_A_CONN_PASSIVE) ? "passive" : "active",
	       value(row, FASTPROTO_A_CONN_MTU));
	if (row->tb[FASTPROTO_A_CONN_SRTT])
		printf(" rtt:%llu minrtt:%llu",
		       value(row, FASTPROTO_A_CONN_SRTT),
		       value(row, FASTPROTO_A_CONN_RTT_MIN));
	printf(" rto:%llu cwnd:%llu", value(row, FASTPROTO_A_CONN_RTO),
	       value(row, FASTPROTO_A_CONN_CWND));
	if (row->tb[FASTPROTO_A_CONN_SSTHRESH])
		printf(" ssthresh:%llu", value(row, FASTPROTO_A_CONN_SSTHRESH));
	if (value(row, FASTPROTO_A_CONN_BACKOFF))
		printf(" backoff:%llu", value(row, FASTPROTO_A_CONN_BACKOFF));
	if (value(row, FASTPROTO_A_CONN_RETRIES))
		printf(" retries:%llu", value(row, FASTPROTO_A_CONN_RETRIES));
}

static void text_queues(const struct row *row)
{
	printf(" flight:%llu unsent:%llu unacked:%llu lost:%llu",
	       value(row, FASTPROTO_A_CONN_IN_FLIGHT),
	       value(row, FASTPROTO_A_CONN_TX_QUEUE),
	       value(row, FASTPROTO_A_CONN_TX_UNACKED),
	       value(row, FASTPROTO_A_CONN_TX_LOST));
	printf(" queue:%llu rmem:%llu/%llu credit:%llu/%llu",
	       value(row, FASTPROTO_A_CONN_RX_QUEUE),
	       value(row, FASTPROTO_A_CONN_RX_MEMORY),
	       value(row, FASTPROTO_A_CONN_RX_LIMIT),
	       value(row, FASTPROTO_A_CONN_RX_CREDIT),
	       value(row, FASTPROTO_A_CONN_TX_CREDIT));
	if (row->tb[FASTPROTO_A_CONN_INODE])
		printf(" ino:%llu", value(row, FASTPROTO_A_CONN_INODE));
	if (row->tb[FASTPROTO_A_CONN_PEER_ID])
		printf(" peerid:0x%016llx",
		       value(row, FASTPROTO_A_CONN_PEER_ID));
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
	       value(row, FASTPROTO_A_CONN_RX_MEMORY),
	       value(row, FASTPROTO_A_CONN_TX_MEMORY), local, peer,
	       id_text(row, FASTPROTO_A_CONN_ID, id));
	if (!statistics)
		return;
	text_control(row);
	text_queues(row);
}

static void begin(struct fpctl *fp)
{
	if (fp->json)
		json_open(&fp->js, NULL, '[');
	else
		printf("%-11s %-7s %-7s %-28s %-28s %s\n", "State", "Recv-Q",
		       "Send-Q", "Local Address:Port", "Peer Address:Port",
		       "ID");
}

static int row_parse(struct row *row, struct nl_msg *msg)
{
	const struct nlattr *addr;
	int err;

	err = genlmsg_parse(nlmsg_hdr(msg), 0, row->tb, FASTPROTO_A_CONN_MAX,
			    NULL);
	if (err < 0)
		return err;

	row->state = value(row, FASTPROTO_A_CONN_STATE);
	addr = row->tb[FASTPROTO_A_CONN_LOCAL];
	if (addr)
		addr_from_sockaddr(&row->local, nla_data(addr), nla_len(addr));
	addr = row->tb[FASTPROTO_A_CONN_PEER];
	if (addr)
		addr_from_sockaddr(&row->peer, nla_data(addr), nla_len(addr));
	return 0;
}

static int on_connection(struct nl_msg *msg, void *arg)
{
	struct listing *list = arg;
	struct row row = { 0 };
	int err;

	err = row_parse(&row, msg);
	if (err < 0)
		return err;
	if (!filter_match(&list->filter, row.state, &row.local, &row.peer, 0))
		return NL_OK;

	if (!list->rows++)
		begin(list->fp);
	if (list->fp->json)
		json_row(&list->fp->js, &row);
	else
		text_row(&row, list->fp->statistics);
	if (!fpctl_write_failed(list->fp))
		return NL_OK;
	list->nl.done = true;
	return NL_STOP;
}

int connection_run(struct fpctl *fp, char **argv)
{
	struct listing list = { .fp = fp };
	int err;

	if (filter_parse(&list.filter, "connection", argv))
		return EXIT_USAGE;
	err = netlink_open(&list.nl, "connection");
	if (err)
		return err;

	err = netlink_dump(&list.nl, FASTPROTO_CMD_CONN_GET, on_connection,
			   &list, &list.rows);
	netlink_close(&list.nl);

	if (!list.rows && !err)
		begin(fp);
	if (fp->js.depth)
		json_close(&fp->js, ']');
	return err;
}

static int kill_one(struct netlink *nl, const char *text)
{
	char command[sizeof("kill ") + ID_LEN];
	unsigned long long id = 0;
	struct nl_msg *msg;
	int err;

	args_id(&id, text);
	msg = netlink_request(nl, FASTPROTO_CMD_CONN_DEL);
	if (!msg)
		return EXIT_KERNEL;
	nla_put_u64(msg, FASTPROTO_A_CONN_ID, id);

	snprintf(command, sizeof(command), "kill %s", text);
	nl->command = command;
	err = netlink_do(nl, msg, NULL, NULL);
	nl->command = "kill";
	return err;
}

/* One that is gone does not save those after it. */
int kill_run(struct fpctl *fp, char **argv)
{
	unsigned long long id;
	struct netlink nl;
	int err, status = 0;
	char **arg;

	(void)fp;
	if (!*argv) {
		warnx("kill: it needs an ID (try: fpctl help kill)");
		return EXIT_USAGE;
	}
	for (arg = argv; *arg; arg++) {
		if (!args_id(&id, *arg))
			continue;
		warnx("kill: \"%s\" is not an ID (try: fpctl help kill)", *arg);
		return EXIT_USAGE;
	}

	err = netlink_open(&nl, "kill");
	if (err)
		return err;
	for (arg = argv; *arg; arg++) {
		err = kill_one(&nl, *arg);
		if (err)
			status = err;
	}
	netlink_close(&nl);
	return status;
}
