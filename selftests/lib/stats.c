// SPDX-License-Identifier: GPL-2.0
/* The module's counters and settings, over generic netlink. */
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fptest.h"

static void die(const char *what, int err)
{
	printf("Bail out! netlink: %s: %s\n", what, nl_geterror(err));
	exit(EXIT_FAILURE);
}

static struct nl_sock *nl_open(enum host host)
{
	struct nl_sock *sk = nl_socket_alloc();
	int err;

	if (!sk)
		die("socket", -NLE_NOMEM);
	net_enter(host);
	err = genl_connect(sk);
	net_enter(HOST_A);
	if (err)
		die("connect", err);
	return sk;
}

static struct nl_msg *request(struct nl_sock *sk, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();
	int family;

	family = genl_ctrl_resolve(sk, FASTPROTO_FAMILY_NAME);
	if (family < 0)
		die("family", family);
	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
				 flags, cmd, FASTPROTO_FAMILY_VERSION))
		die("message", -NLE_NOMEM);
	return msg;
}

/* The number of the module's generic netlink family. */
int genl_family(void)
{
	struct nl_sock *sk = nl_open(HOST_A);
	int family = genl_ctrl_resolve(sk, FASTPROTO_FAMILY_NAME);

	if (family < 0)
		die("family", family);
	nl_socket_free(sk);
	return family;
}

static int on_stats(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[FASTPROTO_A_STATS_MAX + 1];
	struct stats *stats = arg;
	int i;

	genlmsg_parse(nlmsg_hdr(msg), 0, attrs, FASTPROTO_A_STATS_MAX, NULL);
	for (i = FASTPROTO_A_STATS_PAD + 1; i <= FASTPROTO_A_STATS_MAX; i++) {
		if (!attrs[i] || nla_len(attrs[i]) != sizeof(__u64))
			die("a counter is missing", -NLE_MISSING_ATTR);
		stats->v[i] = nla_get_u64(attrs[i]);
	}
	return NL_OK;
}

void stats_read(enum host host, struct stats *stats)
{
	struct nl_sock *sk = nl_open(host);
	int err;

	memset(stats, 0, sizeof(*stats));
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_stats, stats);
	err = nl_send_sync(sk, request(sk, FASTPROTO_CMD_STATS_GET, 0));
	if (err < 0)
		die("stats", err);
	nl_socket_free(sk);
}

__u64 stats_since(enum host host, const struct stats *base, int attr)
{
	struct stats now;

	stats_read(host, &now);
	return now.v[attr] - base->v[attr];
}

/* All drop counters together. */
__u64 stats_drops_since(enum host host, const struct stats *base)
{
	struct stats now;
	__u64 sum = 0;
	int i;

	stats_read(host, &now);
	for (i = STATS_DROP_FIRST; i <= STATS_DROP_LAST; i++)
		sum += now.v[i] - base->v[i];
	return sum;
}

/* Waits until a counter has grown by so much; false if it never does. */
bool stats_wait(enum host host, const struct stats *base, int attr,
		__u64 count)
{
	time_t end = time(NULL) + PATIENCE;

	while (stats_since(host, base, attr) < count) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* How many connections a host has. */
unsigned int conns_count(enum host host)
{
	return conn_get_u32(host, FASTPROTO_A_CONN_STATE, NULL, 0);
}

struct u32_wanted {
	int attr;
	__u32 value;
	bool found;
};

static int on_dev(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[FASTPROTO_A_DEV_MAX + 1];
	struct u32_wanted *wanted = arg;

	genlmsg_parse(nlmsg_hdr(msg), 0, attrs, FASTPROTO_A_DEV_MAX, NULL);
	if (attrs[wanted->attr]) {
		wanted->value = nla_get_u32(attrs[wanted->attr]);
		wanted->found = true;
	}
	return NL_OK;
}

int dev_get_u32(enum host host, int attr, __u32 *value)
{
	struct u32_wanted wanted = { .attr = attr };
	struct nl_sock *sk = nl_open(host);
	int err;

	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_dev, &wanted);
	err = nl_send_sync(sk, request(sk, FASTPROTO_CMD_DEV_GET, 0));
	nl_socket_free(sk);
	if (err >= 0 && !wanted.found)
		err = -NLE_MISSING_ATTR;
	*value = wanted.value;
	return err < 0 ? err : 0;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *answer,
		    void *arg)
{
	int *error = arg;

	(void)from;
	*error = answer->error;
	return NL_STOP;
}

/* Returns 0 or the kernel's own negative error. */
int dev_set_u32(enum host host, int attr, __u32 value)
{
	struct nl_sock *sk = nl_open(host);
	struct nl_msg *msg;
	int error = 0;
	int err;

	msg = request(sk, FASTPROTO_CMD_DEV_SET, 0);
	nla_put_u32(msg, attr, value);
	nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, on_error, &error);
	err = nl_send_sync(sk, msg);
	nl_socket_free(sk);
	return error ? error : err;
}

struct values {
	int attr;
	__u32 *v;
	__u64 *ids;			/* instead */
	unsigned int room;
	unsigned int count;
};

static int on_conn(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[FASTPROTO_A_CONN_MAX + 1], *attr;
	struct values *values = arg;

	genlmsg_parse(nlmsg_hdr(msg), 0, attrs, FASTPROTO_A_CONN_MAX, NULL);
	attr = attrs[values->attr];
	if (values->count < values->room && values->ids)
		values->ids[values->count] = attr ? nla_get_u64(attr) : 0;
	else if (values->count < values->room)
		values->v[values->count] = attr ? nla_get_u32(attr) : 0;
	values->count++;
	return NL_OK;
}

static unsigned int conn_dump(enum host host, struct values *values)
{
	struct nl_sock *sk = nl_open(host);
	int err;

	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_conn, values);
	err = nl_send_sync(sk, request(sk, FASTPROTO_CMD_CONN_GET,
				       NLM_F_DUMP));
	if (err < 0)
		die("connections", err);
	nl_socket_free(sk);
	return values->count;
}

/*
 * One attribute of each connection of a host, 0 where it is absent. Returns how
 * many connections there are, which may be more than there is room for.
 */
unsigned int conn_get_u32(enum host host, int attr, __u32 *values,
			  unsigned int room)
{
	return conn_dump(host, &(struct values){
		.attr = attr, .v = values, .room = room
	});
}

/* The same: their IDs. */
unsigned int conn_get_ids(enum host host, __u64 *ids, unsigned int room)
{
	return conn_dump(host, &(struct values){
		.attr = FASTPROTO_A_CONN_ID, .ids = ids, .room = room
	});
}

static int on_times(struct nl_msg *msg, void *arg)
{
	struct nlattr *timers[FASTPROTO_A_TIMER_MAX + 1] = {};
	struct nlattr *attrs[FASTPROTO_A_CONN_MAX + 1];
	struct conn_times *times = arg;

	genlmsg_parse(nlmsg_hdr(msg), 0, attrs, FASTPROTO_A_CONN_MAX, NULL);
	if (attrs[FASTPROTO_A_CONN_SINCE_IN])
		times->since_in = nla_get_u64(attrs[FASTPROTO_A_CONN_SINCE_IN]);
	if (attrs[FASTPROTO_A_CONN_TIMERS])
		nla_parse_nested(timers, FASTPROTO_A_TIMER_MAX,
				 attrs[FASTPROTO_A_CONN_TIMERS], NULL);
	if (timers[FASTPROTO_A_TIMER_KEEPALIVE])
		times->keepalive =
			nla_get_u64(timers[FASTPROTO_A_TIMER_KEEPALIVE]);
	if (timers[FASTPROTO_A_TIMER_PACE])
		times->pace = nla_get_u64(timers[FASTPROTO_A_TIMER_PACE]);
	return NL_OK;
}

/* Returns 0, or a negative error: there is no such connection. */
int conn_get_times(enum host host, __u64 id, struct conn_times *times)
{
	struct nl_sock *sk = nl_open(host);
	struct nl_msg *msg;
	int err;

	memset(times, 0, sizeof(*times));
	msg = request(sk, FASTPROTO_CMD_CONN_GET, 0);
	nla_put_u64(msg, FASTPROTO_A_CONN_ID, id);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_times, times);
	err = nl_send_sync(sk, msg);
	nl_socket_free(sk);
	return err < 0 ? err : 0;
}

/* Ends a connection. Returns 0, or a negative error: there is none. */
int conn_kill(enum host host, __u64 id)
{
	struct nl_sock *sk = nl_open(host);
	struct nl_msg *msg;
	int err;

	msg = request(sk, FASTPROTO_CMD_CONN_DEL, 0);
	nla_put_u64(msg, FASTPROTO_A_CONN_ID, id);
	err = nl_send_sync(sk, msg);
	nl_socket_free(sk);
	return err < 0 ? err : 0;
}

/* The sum of what fpctl tells of the sockets of a host. */
long long socket_counted(enum host host, const char *name)
{
	char pattern[40], line[4096];
	long long value, sum = 0;
	const char *p;
	FILE *pipe;

	net_enter(host);
	pipe = popen("fpctl -j socket", "r");
	net_enter(HOST_A);
	snprintf(pattern, sizeof(pattern), "\"%s\":%%lld", name);
	while (pipe && fgets(line, sizeof(line), pipe))
		for (p = strchr(line, '"'); p; p = strchr(p + 1, '"'))
			if (sscanf(p, pattern, &value) == 1)
				sum += value;
	return pipe && !pclose(pipe) ? sum : -1;
}
