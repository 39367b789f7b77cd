// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl socket: the sockets of this network namespace.
 */
#include <stdio.h>

#include "filter.h"
#include "list.h"

static const char *type_name(const struct row *row, char buf[16])
{
	return row_kind_name(row, filter_type_name(row->kind), buf);
}

static void json_row(struct json *js, const struct row *row)
{
	static const struct row_number numbers[] = {
		{ FASTPROTO_A_SOCKET_IFINDEX,	"ifindex", NULL },
		{ FASTPROTO_A_SOCKET_MARK,	"mark", NULL },
		{ FASTPROTO_A_SOCKET_SHUTDOWN,	"shutdown", NULL },
		{ FASTPROTO_A_SOCKET_MSG_MAX,	"msg_max", NULL },
		{ FASTPROTO_A_SOCKET_ACCEPT_QUEUE, "accept_queue", NULL },
		{ FASTPROTO_A_SOCKET_BACKLOG,	"backlog", NULL },
		{ FASTPROTO_A_SOCKET_CONNECTIONS, "connections", NULL },
		{ FASTPROTO_A_SOCKET_RX_QUEUE,	"rx_queue", NULL },
		{ FASTPROTO_A_SOCKET_RX_MEMORY,	"rx_memory", NULL },
		{ FASTPROTO_A_SOCKET_RX_LIMIT,	"rx_limit", NULL },
		{ FASTPROTO_A_SOCKET_TX_MEMORY,	"tx_memory", NULL },
		{ FASTPROTO_A_SOCKET_TX_LIMIT,	"tx_limit", NULL },
		{ FASTPROTO_A_SOCKET_RX_FRAMES,	"rx_frames", NULL },
		{ FASTPROTO_A_SOCKET_RX_DROPS,	"rx_drops", NULL },
		{ FASTPROTO_A_SOCKET_TX_FRAMES,	"tx_frames", NULL },
		{ FASTPROTO_A_SOCKET_TX_COPIED,	"tx_copied", NULL },
		{ FASTPROTO_A_SOCKET_TX_ZEROCOPY, "tx_zerocopy", NULL },
		{ FASTPROTO_A_SOCKET_RX_COPIED,	"rx_copied", NULL },
		{ FASTPROTO_A_SOCKET_RING_SLOTS, "ring_slots", NULL },
		{ FASTPROTO_A_SOCKET_RING_FREE,	"ring_free", NULL },
		{ FASTPROTO_A_SOCKET_RING_MESSAGES, "ring_messages", NULL },
		{ FASTPROTO_A_SOCKET_RING_SENT,	"ring_sent", NULL },
		{ FASTPROTO_A_SOCKET_RING_COPIED, "ring_copied", NULL },
		{ FASTPROTO_A_SOCKET_RING_ZEROCOPY, "ring_zerocopy", NULL },
		{ FASTPROTO_A_SOCKET_RING_NO_SLOT, "ring_no_slot", NULL },
		{ FASTPROTO_A_SOCKET_RING_FULL,	"ring_full", NULL },
		{ FASTPROTO_A_SOCKET_RING_INVALID, "ring_invalid", NULL },
		{ FASTPROTO_A_SOCKET_UID,	"uid", NULL },
		{ FASTPROTO_A_SOCKET_INODE,	"inode", NULL },
		{ FASTPROTO_A_SOCKET_COOKIE,	"cookie", NULL },
	};
	char buf[16];

	json_open(js, NULL, '{');
	json_string(js, "type", type_name(row, buf));
	addr_json(js, "local", &row->local);
	addr_json(js, "peer", &row->peer);
	row_json(js, row, numbers, ARRAY_SIZE(numbers));
	json_close(js, '}');
}

static void text_ring(const struct row *row)
{
	printf(" ring:%llu/%llu ringin:%llu ringout:%llu copied:%llu zerocopy:%llu",
	       row_value(row, FASTPROTO_A_SOCKET_RING_FREE),
	       row_value(row, FASTPROTO_A_SOCKET_RING_SLOTS),
	       row_value(row, FASTPROTO_A_SOCKET_RING_MESSAGES),
	       row_value(row, FASTPROTO_A_SOCKET_RING_SENT),
	       row_value(row, FASTPROTO_A_SOCKET_RING_COPIED),
	       row_value(row, FASTPROTO_A_SOCKET_RING_ZEROCOPY));
	printf(" noslot:%llu full:%llu invalid:%llu",
	       row_value(row, FASTPROTO_A_SOCKET_RING_NO_SLOT),
	       row_value(row, FASTPROTO_A_SOCKET_RING_FULL),
	       row_value(row, FASTPROTO_A_SOCKET_RING_INVALID));
}

static void text_statistics(const struct row *row)
{
	unsigned long long shutdown = row_value(row, FASTPROTO_A_SOCKET_SHUTDOWN);

	printf("\tqueue:%llu rmem:%llu/%llu wmem:%llu/%llu",
	       row_value(row, FASTPROTO_A_SOCKET_RX_QUEUE),
	       row_value(row, FASTPROTO_A_SOCKET_RX_MEMORY),
	       row_value(row, FASTPROTO_A_SOCKET_RX_LIMIT),
	       row_value(row, FASTPROTO_A_SOCKET_TX_MEMORY),
	       row_value(row, FASTPROTO_A_SOCKET_TX_LIMIT));
	printf(" in:%llu drop:%llu out:%llu uid:%llu ino:%llu",
	       row_value(row, FASTPROTO_A_SOCKET_RX_FRAMES),
	       row_value(row, FASTPROTO_A_SOCKET_RX_DROPS),
	       row_value(row, FASTPROTO_A_SOCKET_TX_FRAMES),
	       row_value(row, FASTPROTO_A_SOCKET_UID),
	       row_value(row, FASTPROTO_A_SOCKET_INODE));
	printf(" incopied:%llu outcopied:%llu outzerocopy:%llu",
	       row_value(row, FASTPROTO_A_SOCKET_RX_COPIED),
	       row_value(row, FASTPROTO_A_SOCKET_TX_COPIED),
	       row_value(row, FASTPROTO_A_SOCKET_TX_ZEROCOPY));
	printf(" msgmax:%llu", row_value(row, FASTPROTO_A_SOCKET_MSG_MAX));
	if (row->tb[FASTPROTO_A_SOCKET_BACKLOG])
		printf(" accept:%llu/%llu",
		       row_value(row, FASTPROTO_A_SOCKET_ACCEPT_QUEUE),
		       row_value(row, FASTPROTO_A_SOCKET_BACKLOG));
	if (row->tb[FASTPROTO_A_SOCKET_CONNECTIONS])
		printf(" connections:%llu",
		       row_value(row, FASTPROTO_A_SOCKET_CONNECTIONS));
	if (row->tb[FASTPROTO_A_SOCKET_RING_SLOTS])
		text_ring(row);
	if (row_value(row, FASTPROTO_A_SOCKET_COOKIE))
		printf(" cookie:%llu", row_value(row, FASTPROTO_A_SOCKET_COOKIE));
	if (row_value(row, FASTPROTO_A_SOCKET_MARK))
		printf(" mark:0x%llx", row_value(row, FASTPROTO_A_SOCKET_MARK));
	if (shutdown)
		printf(" shutdown:%s%s%s", shutdown & 1 ? "in" : "",
		       (shutdown & 3) == 3 ? "," : "",
		       shutdown & 2 ? "out" : "");
	putchar('\n');
}

/* Of a listener: what waits for accept(), and how much may, as in ss. */
static void text_row(const struct row *row, bool statistics)
{
	bool listens = row->tb[FASTPROTO_A_SOCKET_BACKLOG];
	char local[ADDR_TEXT_LEN];
	char peer[ADDR_TEXT_LEN];
	char buf[16];

	addr_text(&row->local, row->ifindex, local);
	addr_text(&row->peer, 0, peer);
	printf("%-9s %-7llu %-7llu %-28s %s\n", type_name(row, buf),
	       row_value(row, listens ? FASTPROTO_A_SOCKET_ACCEPT_QUEUE :
					FASTPROTO_A_SOCKET_RX_MEMORY),
	       row_value(row, listens ? FASTPROTO_A_SOCKET_BACKLOG :
					FASTPROTO_A_SOCKET_TX_MEMORY),
	       local, peer);
	if (statistics)
		text_statistics(row);
}

static void head(void)
{
	printf("%-9s %-7s %-7s %-28s %s\n", "Type", "Recv-Q", "Send-Q",
	       "Local Address:Port", "Peer Address:Port");
}

static const struct list_kind sockets = {
	.command	= "socket",
	.cmd		= FASTPROTO_CMD_SOCKET_GET,
	.max		= FASTPROTO_A_SOCKET_MAX,
	.kind		= FASTPROTO_A_SOCKET_TYPE,
	.ifindex	= FASTPROTO_A_SOCKET_IFINDEX,
	.local		= FASTPROTO_A_SOCKET_LOCAL,
	.peer		= FASTPROTO_A_SOCKET_PEER,
	.kinds		= "types",
	.kind_name	= filter_type_name,
	.head		= head,
	.json		= json_row,
	.text		= text_row,
};

int socket_run(struct fpctl *fp, char **argv)
{
	return list_run(fp, &sockets, argv);
}
