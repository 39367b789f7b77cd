// SPDX-License-Identifier: GPL-2.0
/*
 * Settings: limits and timers of a namespace that netlink reads and changes.
 * A new one needs an attribute, a field of struct fp_settings and a row here.
 */
#include <net/genetlink.h>

#include "fastproto.h"
#include "conn.h"
#include "rtt.h"

#define MILLISECOND	1000U		/* times are in microseconds */
#define SECOND		1000000U
#define HOUR		(3600 * SECOND)
#define KIB		1024U
#define MIB		(1024 * KIB)

/**
 * struct row - a setting
 * @attr: its attribute, one of enum fastproto_dev_attr
 * @offset: of its field in struct fp_settings
 * @preset: what it is at first
 * @range: its least and its greatest value
 */
struct row {
	u16 attr;
	u16 offset;
	u32 preset;
	struct netlink_range_validation range;
};

#define SETTING(name, field, least, greatest, first) {			\
	.attr	= FASTPROTO_A_DEV_##name,				\
	.offset	= offsetof(struct fp_settings, field),			\
	.preset	= (first),						\
	.range	= { .min = (least), .max = (greatest) },		\
}

/* Not const, since a policy of 6.1 points to a range that is not. */
static struct row rows[] __ro_after_init = {
	SETTING(COPYBREAK, copybreak, 0, FP_COPYBREAK_MAX, FP_COPYBREAK),
	SETTING(MSG_MAX, msg_max, KIB, FP_MSG_MAX_MAX, MIB),
	SETTING(RX_BUFFER, rx_buffer, 8 * KIB, 1024 * MIB, 4 * MIB),
	SETTING(TX_BUFFER, tx_buffer, 8 * KIB, 1024 * MIB, 4 * MIB),
	SETTING(EARLY_BUFFER, early_buffer, 4 * KIB, 16 * MIB, 64 * KIB),
	SETTING(RX_AHEAD, rx_ahead, 16, MIB, 64 * KIB),
	SETTING(ACK_DELAY, ack_delay, 0, FP_ACK_DELAY, FP_ACK_DELAY),
	SETTING(RTO_MIN, rto_min, MILLISECOND, SECOND, FP_RTO_MIN),
	SETTING(RTO_INITIAL, rto_initial, MILLISECOND, 60 * SECOND,
		FP_RTO_INITIAL),
	SETTING(RTO_MAX, rto_max, SECOND, 300 * SECOND, FP_RTO_MAX),
	SETTING(SYN_TIMEOUT, syn_timeout, 10 * MILLISECOND, 60 * SECOND,
		SECOND),
	SETTING(SYN_RETRIES, syn_retries, 0, 127, 6),
	SETTING(DATA_RETRIES, data_retries, 1, 127, 15),
	SETTING(COOKIE_LIFETIME, cookie_lifetime, SECOND, FP_COOKIE_LIFETIME,
		FP_COOKIE_LIFETIME),
	SETTING(CORK_TIMEOUT, cork_timeout, 0, 10 * SECOND, 200 * MILLISECOND),
	SETTING(ORPHAN_TIMEOUT, orphan_timeout, SECOND, HOUR, 120 * SECOND),
	SETTING(FIN_TIMEOUT, fin_timeout, SECOND, HOUR, 60 * SECOND),
	SETTING(RESETS_PER_SECOND, resets_per_second, 0, 1000000, 1000),
	SETTING(CONNECTIONS_MAX, connections_max, 0, FP_SLOT_MAX, FP_SLOT_MAX),
	SETTING(SOCKET_CONNECTIONS_MAX, socket_connections_max, 0, FP_SLOT_MAX,
		FP_SLOT_MAX),
	SETTING(HOLD_TIME, hold_time, 0, SECOND, 500),
	SETTING(IDLE_TIMEOUT, idle_timeout, 10 * MILLISECOND, 600 * SECOND,
		SECOND),
	SETTING(ECN, ecn, 0, 1, 1),
	SETTING(PACING, pacing, 0, 1, 1),
	SETTING(KEEPALIVE_IDLE, keepalive_idle, 1, FP_KEEP_SECONDS_MAX, 7200),
	SETTING(KEEPALIVE_INTERVAL, keepalive_interval, 1, FP_KEEP_SECONDS_MAX,
		75),
	SETTING(KEEPALIVE_PROBES, keepalive_probes, 1, FP_KEEP_CNT_MAX, 9),
	SETTING(FAST_OPEN, fast_open, 0, FP_FAST_OPEN_ALL, FP_FAST_OPEN_ALL),
};

/* What may be changed, and to what. */
struct nla_policy fp_setting_policy[FASTPROTO_A_DEV_MAX + 1] __ro_after_init;

static u32 *field_of(struct fp_settings *settings, const struct row *row)
{
	return (u32 *)((u8 *)settings + row->offset);
}

void __init fp_setting_init(void)
{
	struct nla_policy *policy;
	struct row *row;

	/* As NLA_POLICY_FULL_RANGE(NLA_U32, &row->range). */
	for (row = rows; row != rows + ARRAY_SIZE(rows); row++) {
		policy = &fp_setting_policy[row->attr];
		policy->type = NLA_U32;
		policy->validation_type = NLA_VALIDATE_RANGE_PTR;
		policy->range = &row->range;
	}
}

/* What follows from settings. */
static void apply(struct fp_net *fn)
{
	WRITE_ONCE(fn->rst_limit.burst, fn->settings.resets_per_second);
}

/**
 * fp_setting_net_init - all settings as they are at first
 * @fn: the namespace, which nobody knows yet; fn->rst_limit is set up
 */
void fp_setting_net_init(struct fp_net *fn)
{
	const struct row *row;

	for (row = rows; row != rows + ARRAY_SIZE(rows); row++)
		*field_of(&fn->settings, row) = row->preset;
	apply(fn);
}

/* One number of each setting. */
static int put_all(struct sk_buff *msg, u32 (*number)(const struct row *row))
{
	const struct row *row;

	for (row = rows; row != rows + ARRAY_SIZE(rows); row++)
		if (nla_put_u32(msg, row->attr, number(row)))
			return -EMSGSIZE;
	return 0;
}

static int put_nest(struct sk_buff *msg, int attr,
		    u32 (*number)(const struct row *row))
{
	struct nlattr *nest = nla_nest_start(msg, attr);

	/* Cannot be: the message has room for all. */
	if (!nest || put_all(msg, number))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static u32 least(const struct row *row)
{
	return row->range.min;
}

static u32 greatest(const struct row *row)
{
	return row->range.max;
}

static u32 preset(const struct row *row)
{
	return row->preset;
}

/**
 * fp_setting_put - report all settings, what they may be and are at first
 * @msg: the message
 * @fn: the namespace
 *
 * Return: 0 or -EMSGSIZE.
 */
int fp_setting_put(struct sk_buff *msg, struct fp_net *fn)
{
	const struct row *row;

	for (row = rows; row != rows + ARRAY_SIZE(rows); row++)
		if (nla_put_u32(msg, row->attr,
				READ_ONCE(*field_of(&fn->settings, row))))
			return -EMSGSIZE;
	return put_nest(msg, FASTPROTO_A_DEV_LEAST, least) ?:
	       put_nest(msg, FASTPROTO_A_DEV_GREATEST, greatest) ?:
	       put_nest(msg, FASTPROTO_A_DEV_PRESET, preset);
}

/**
 * fp_setting_set - change settings
 * @fn: the namespace
 * @attrs: attributes, all of them valid by fp_setting_policy
 *
 * Return: how many there were.
 */
int fp_setting_set(struct fp_net *fn, struct nlattr **attrs)
{
	const struct row *row;
	int count = 0;

	for (row = rows; row != rows + ARRAY_SIZE(rows); row++) {
		if (!attrs[row->attr])
			continue;
		WRITE_ONCE(*field_of(&fn->settings, row),
			   nla_get_u32(attrs[row->attr]));
		count++;
	}
	apply(fn);
	if (attrs[FASTPROTO_A_DEV_IDLE_TIMEOUT])
		fp_act_look(fn);
	return count;
}
