// SPDX-License-Identifier: GPL-2.0
/*
 * Lists: a dump of the kernel's, filtered, and written out as it comes or counted.
 */
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "list.h"
#include "netlink.h"

#define KINDS_MAX	16	/* more than there are types or states */

/**
 * struct listing - one run of a command that lists
 * @fp: options and output
 * @kind: what it lists
 * @nl: where the rows come from
 * @filter: which are wanted
 * @rows: how many were written, or counted
 * @of_kind: how many of each kind were counted
 */
struct listing {
	struct fpctl *fp;
	const struct list_kind *kind;
	struct netlink nl;
	struct filter filter;
	unsigned long rows;
	unsigned long of_kind[KINDS_MAX];
};

unsigned long long row_value(const struct row *row, int attr)
{
	return netlink_uint(row->tb[attr]);
}

void row_json(struct json *js, const struct row *row,
	      const struct row_number *numbers, size_t count)
{
	for (; count; count--, numbers++) {
		if (row->tb[numbers->attr])
			json_uint(js, numbers->key,
				  row_value(row, numbers->attr));
		else
			json_null(js, numbers->key);
	}
}

const char *row_kind_name(const struct row *row, const char *name,
			  char buf[16])
{
	if (name)
		return name;
	snprintf(buf, 16, "%u", row->kind);
	return buf;
}

static void addr_of(struct addr *addr, const struct nlattr *attr)
{
	if (attr)
		addr_from_sockaddr(addr, nla_data(attr), nla_len(attr));
}

int row_parse(const struct list_kind *kind, struct row *row,
	      struct nl_msg *msg)
{
	int err;

	memset(row, 0, sizeof(*row));
	err = genlmsg_parse(nlmsg_hdr(msg), 0, row->tb, kind->max, NULL);
	if (err < 0)
		return err;
	row->kind = row_value(row, kind->kind);
	if (kind->ifindex)
		row->ifindex = row_value(row, kind->ifindex);
	addr_of(&row->local, row->tb[kind->local]);
	addr_of(&row->peer, row->tb[kind->peer]);
	return 0;
}

static void begin(struct listing *list)
{
	if (list->fp->json)
		json_open(&list->fp->js, NULL, '[');
	else
		list->kind->head();
}

static int on_row(struct nl_msg *msg, void *arg)
{
	struct listing *list = arg;
	struct row row;
	int err;

	err = row_parse(list->kind, &row, msg);
	if (err < 0)
		return err;
	if (!filter_match(&list->filter, row.kind, &row.local, &row.peer,
			  row.ifindex))
		return NL_OK;

	if (list->fp->count) {
		list->rows++;
		if (row.kind < KINDS_MAX)
			list->of_kind[row.kind]++;
		return NL_OK;
	}
	if (!list->rows++)
		begin(list);
	if (list->fp->json)
		list->kind->json(&list->fp->js, &row);
	else
		list->kind->text(&row, list->fp->statistics);
	if (!fpctl_write_failed(list->fp))
		return NL_OK;
	list->nl.done = true;
	return NL_STOP;
}

/* All kinds that there are. */
static void json_counts(const struct listing *list)
{
	struct json *js = &list->fp->js;
	unsigned int i;

	json_open(js, NULL, '{');
	json_uint(js, "total", list->rows);
	json_open(js, list->kind->kinds, '{');
	for (i = 0; i < KINDS_MAX; i++) {
		const char *name = list->kind->kind_name(i);

		if (name)
			json_uint(js, name, list->of_kind[i]);
	}
	json_close(js, '}');
	json_close(js, '}');
}

/* Only those that some are of. */
static void text_counts(const struct listing *list)
{
	unsigned int i;

	printf("%-11s %lu\n", "total", list->rows);
	for (i = 0; i < KINDS_MAX; i++) {
		const char *name = list->kind->kind_name(i);

		if (name && list->of_kind[i])
			printf("%-11s %lu\n", name, list->of_kind[i]);
	}
}

int list_run(struct fpctl *fp, const struct list_kind *kind, char **argv)
{
	struct listing list = { .fp = fp, .kind = kind };
	int err;

	if (filter_parse(&list.filter, kind->command, argv))
		return EXIT_USAGE;
	err = netlink_open(&list.nl, kind->command);
	if (err)
		return err;
	err = netlink_dump(&list.nl, kind->cmd, on_row, &list, &list.rows);
	netlink_close(&list.nl);

	if (fp->count) {
		if (!err)
			(fp->json ? json_counts : text_counts)(&list);
		return err;
	}
	if (!list.rows && !err)
		begin(&list);
	if (fp->js.depth)
		json_close(&fp->js, ']');
	return err;
}
