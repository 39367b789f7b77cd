// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl socket: the sockets of this network namespace, written out as they
 * come.
 */
#include <netlink/msg.h>
#include <stdio.h>

#include "filter.h"
#include "fpctl.h"
#include "netlink.h"

/**
 * struct listing - one run of the command
 * @fp: options and output
 * @nl: where the sockets come from
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
 * struct row - a socket
 * @tb: its attributes
 * @type: SOCK_*
 * @ifindex: the interface it is bound to, or 0
 * @local: its address
 * @peer: the address it is connected to
 */
struct row {
	struct nlattr *tb[FASTPROTO_A_SOCKET_MAX + 1];
	unsigned int type;
	unsigned int ifindex;
	struct addr local;
	struct addr peer;
};

static unsigned long long value(const struct row *row, int attr)
{
	return netlink_uint(row->tb[attr]);
}

static const char *type_name(const struct row *row, char buf[16])
{
	const char *name = filter_type_name(row->type);

	if (name)
		return name;
	snprintf(buf, 16, "%u", row->type);
	return buf;
}

static void json_row(struct json *js, const struct row *row)
{
	static const struct {
		int attr;
		const char *key;
	} numbers[] = {
		{ FASTPROTO_A_SOCKET_IFINDEX,	"ifindex" },
		{ FASTPROTO_A_SOCKET_MARK,	"mark" },
		{ FASTPROTO_A_SOCKET_SHUTDOWN,	"shutdown" },
		{ FASTPROTO_A_SOCKET_RX_QUEUE,	"rx_queue" },
		{ FASTPROTO_A_SOCKET_RX_MEMORY,	"rx_memory" },
		{ FASTPROTO_A_SOCKET_RX_LIMIT,	"rx_limit" },
		{ FASTPROTO_A_SOCKET_TX_MEMORY,	"tx_memory" },
		{ FASTPROTO_A_SOCKET_TX_LIMIT,	"tx_limit" },
		{ FASTPROTO_A_SOCKET_RX_FRAMES,	"rx_frames" },
		{ FASTPROTO_A_SOCKET_RX_DROPS,	"rx_drops" },
		{ FASTPROTO_A_SOCKET_TX_FRAMES,	"tx_frames" },
		{ FASTPROTO_A_SOCKET_UID,	"uid" },
		{ FASTPROTO_A_SOCKET_INODE,	"inode" },
		{ FASTPROTO_A_SOCKET_COOKIE,	"cookie" },
	};
	char buf[16];
	size_t i;

	json_open(js, NULL, '{');
	json_string(js, "type", type_name(row, buf));
	addr_json(js, "local", &row->local);
	addr_json(js, "peer", &row->peer);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (row->tb[numbers[i].attr])
			json_uint(js, numbers[i].key,
				  value(row, numbers[i].attr));
		else
			json_null(js, numbers[i].key);
	}
	json_close(js, '}');
}

static void text_statistics(const struct row *row)
{
	unsigned long long shutdown = value(row, FASTPROTO_A_SOCKET_SHUTDOWN);

	printf("\tqueue:%llu rmem:%llu/%llu wmem:%llu/%llu",
	       value(row, FASTPROTO_A_SOCKET_RX_QUEUE),
	       value(row, FASTPROTO_A_SOCKET_RX_MEMORY),
	       value(row, FASTPROTO_A_SOCKET_RX_LIMIT),
	       value(row, FASTPROTO_A_SOCKET_TX_MEMORY),
	       value(row, FASTPROTO_A_SOCKET_TX_LIMIT));
	printf(" in:%llu drop:%llu out:%llu uid:%llu ino:%llu",
	       value(row, FASTPROTO_A_SOCKET_RX_FRAMES),
	       value(row, FASTPROTO_A_SOCKET_RX_DROPS),
	       value(row, FASTPROTO_A_SOCKET_TX_FRAMES),
	       value(row, FASTPROTO_A_SOCKET_UID),
	       value(row, FASTPROTO_A_SOCKET_INODE));
	if (value(row, FASTPROTO_A_SOCKET_COOKIE))
		printf(" cookie:%llu", value(row, FASTPROTO_A_SOCKET_COOKIE));
	if (value(row, FASTPROTO_A_SOCKET_MARK))
		printf(" mark:0x%llx", value(row, FASTPROTO_A_SOCKET_MARK));
	if (shutdown)
		printf(" shutdown:%s%s%s", shutdown & 1 ? "in" : "",
		       (shutdown & 3) == 3 ? "," : "",
		       shutdown & 2 ? "out" : "");
	putchar('\n');
}

static void text_row(const struct row *row, bool statistics)
{
	char local[ADDR_TEXT_LEN];
	char peer[ADDR_TEXT_LEN];
	char buf[16];

	addr_text(&row->local, row->ifindex, local);
	addr_text(&row->peer, 0, peer);
	printf("%-9s %-7llu %-7llu %-28s %s\n", type_name(row, buf),
	       value(row, FASTPROTO_A_SOCKET_RX_MEMORY),
	       value(row, FASTPROTO_A_SOCKET_TX_MEMORY), local, peer);
	if (statistics)
		text_statistics(row);
}

static void begin(struct fpctl *fp)
{
	if (fp->json)
		json_open(&fp->js, NULL, '[');
	else
		printf("%-9s %-7s %-7s %-28s %s\n", "Type", "Recv-Q", "Send-Q",
		       "Local Address:Port", "Peer Address:Port");
}

static int row_parse(struct row *row, struct nl_msg *msg)
{
	const struct nlattr *addr;
	int err;

	err = genlmsg_parse(nlmsg_hdr(msg), 0, row->tb, FASTPROTO_A_SOCKET_MAX,
			    NULL);
	if (err < 0)
		return err;

	row->type = value(row, FASTPROTO_A_SOCKET_TYPE);
	row->ifindex = value(row, FASTPROTO_A_SOCKET_IFINDEX);
	addr = row->tb[FASTPROTO_A_SOCKET_LOCAL];
	if (addr)
		addr_from_sockaddr(&row->local, nla_data(addr), nla_len(addr));
	addr = row->tb[FASTPROTO_A_SOCKET_PEER];
	if (addr)
		addr_from_sockaddr(&row->peer, nla_data(addr), nla_len(addr));
	return 0;
}

static int on_socket(struct nl_msg *msg, void *arg)
{
	struct listing *list = arg;
	struct row row = { 0 };
	int err;

	err = row_parse(&row, msg);
	if (err < 0)
		return err;
	if (!filter_match(&list->filter, row.type, &row.local, &row.peer,
			  row.ifindex))
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

int socket_run(struct fpctl *fp, char **argv)
{
	struct listing list = { .fp = fp };
	int err;

	if (filter_parse(&list.filter, "socket", argv))
		return EXIT_USAGE;
	err = netlink_open(&list.nl, "socket");
	if (err)
		return err;

	err = netlink_dump(&list.nl, FASTPROTO_CMD_SOCKET_GET, on_socket, &list,
			   &list.rows);
	netlink_close(&list.nl);

	if (!list.rows && !err)
		begin(fp);
	if (fp->js.depth)
		json_close(&fp->js, ']');
	return err;
}
