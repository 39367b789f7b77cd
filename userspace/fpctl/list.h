/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of sockets or connections, written out as they come from the kernel.
 */
#ifndef _FPCTL_LIST_H
#define _FPCTL_LIST_H

#include <netlink/netlink.h>
#include <linux/fastproto_netlink.h>

#include "addr.h"
#include "fpctl.h"

/* The most attributes of either. */
#define ROW_ATTR_MAX							\
	((int)FASTPROTO_A_CONN_MAX > (int)FASTPROTO_A_SOCKET_MAX ?	\
	 (int)FASTPROTO_A_CONN_MAX : (int)FASTPROTO_A_SOCKET_MAX)

/**
 * struct row - a socket or a connection
 * @tb: its attributes
 * @kind: its SOCK_*, or its enum fastproto_conn_state
 * @ifindex: the interface that it is bound to, or 0
 * @local: its own address
 * @peer: that of the other end
 */
struct row {
	struct nlattr *tb[ROW_ATTR_MAX + 1];
	unsigned int kind;
	unsigned int ifindex;
	struct addr local;
	struct addr peer;
};

/**
 * struct row_number - a number that rows have
 * @attr: its attribute
 * @key: its name in JSON
 * @unit: its unit, or NULL
 */
struct row_number {
	int attr;
	const char *key;
	const char *unit;
};

/**
 * struct list_kind - what is listed
 * @command: the command that lists it, which names its filters
 * @cmd: what asks the kernel for it
 * @max: its greatest attribute
 * @kind: the attribute with its kind
 * @ifindex: that with its interface, or 0
 * @local: that with its own address
 * @peer: that with the peer's
 * @kinds: what a count has that of each kind under in JSON
 * @kind_name: the name of a kind, or NULL: there is none with this number
 * @head: writes the heads of the columns
 * @json: writes a row as JSON
 * @text: writes it as text, with more of it if @statistics
 */
struct list_kind {
	const char *command;
	int cmd;
	int max;
	int kind;
	int ifindex;
	int local;
	int peer;
	const char *kinds;
	const char *(*kind_name)(unsigned int kind);
	void (*head)(void);
	void (*json)(struct json *js, const struct row *row);
	void (*text)(const struct row *row, bool statistics);
};

/* Lists or counts what fits the filters in @argv; returns the exit code. */
int list_run(struct fpctl *fp, const struct list_kind *kind, char **argv);

/* A row from a message; returns 0 or a libnl error. */
int row_parse(const struct list_kind *kind, struct row *row,
	      struct nl_msg *msg);

unsigned long long row_value(const struct row *row, int attr);

/* All of the numbers; null is what the row does not have. */
void row_json(struct json *js, const struct row *row,
	      const struct row_number *numbers, size_t count);

/* @name, or if there is none, the number of the row's kind in @buf. */
const char *row_kind_name(const struct row *row, const char *name,
			  char buf[16]);

#endif /* _FPCTL_LIST_H */
