// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: one request at a time over one socket.
 */
#include <err.h>
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fpctl.h"
#include "netlink.h"

#define DUMP_ATTEMPTS	8

/* The range in the policy of an attribute, if it tells one. */
static void range_save(struct netlink *nl, struct nlattr *policy)
{
	struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1];

	if (nla_parse_nested(tb, NL_POLICY_TYPE_ATTR_MAX, policy, NULL) < 0 ||
	    !tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U] ||
	    !tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U])
		return;
	nl->range = true;
	nl->least = netlink_uint(tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]);
	nl->greatest = netlink_uint(tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]);
}

/* Which attribute of the request begins at this offset. */
static int attr_at(const struct nlmsghdr *request, unsigned int offset)
{
	struct nlattr *attr;
	int left;

	nlmsg_for_each_attr(attr, (struct nlmsghdr *)request, GENL_HDRLEN, left)
		if ((char *)attr - (const char *)request == offset)
			return nla_type(attr);
	return 0;
}

/* Keeps what the kernel put @offset bytes into the message @nlh. */
static void extack_save(struct netlink *nl, struct nlmsghdr *nlh, int offset)
{
	struct nlattr *text, *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	attr = nlmsg_find_attr(nlh, offset, NLMSGERR_ATTR_OFFS);
	if (attr)
		nl->attr = attr_at(nl->request, nla_get_u32(attr));
	attr = nlmsg_find_attr(nlh, offset, NLMSGERR_ATTR_POLICY);
	if (attr)
		range_save(nl, attr);
	text = nlmsg_find_attr(nlh, offset, NLMSGERR_ATTR_MSG);
	if (text)
		snprintf(nl->extack, sizeof(nl->extack), "%.*s", nla_len(text),
			 (const char *)nla_data(text));
}

/* NLMSG_ERROR: the request, without its payload if capped, comes first. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct nlmsghdr *nlh = (void *)((char *)error - NLMSG_HDRLEN);
	struct netlink *nl = arg;
	int offset;

	(void)from;
	offset = sizeof(*error);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += error->msg.nlmsg_len - NLMSG_HDRLEN;

	nl->error = -error->error;
	extack_save(nl, nlh, offset);
	nl->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct netlink *nl = arg;

	(void)msg;
	nl->done = true;
	return NL_STOP;
}

/* NLMSG_DONE: a dump that failed on its way says so here. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct netlink *nl = arg;
	int error;

	nl->done = true;
	if (nlmsg_datalen(nlh) < (int)sizeof(error))
		return NL_OK;
	memcpy(&error, nlmsg_data(nlh), sizeof(error));
	if (error >= 0)
		return NL_OK;

	nl->error = -error;
	extack_save(nl, nlh, sizeof(error));
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

/* Says what went wrong: the kernel's errno if it gave one, else libnl's. */
static int report(const struct netlink *nl, int error)
{
	const char *text, *name = NULL;
	char range[64] = "";

	if (!nl->error && error >= 0)
		return 0;
	text = nl->error ? strerror(nl->error) : nl_geterror(error);
	if (nl->attr && nl->attr_name)
		name = nl->attr_name(nl->attr);
	if (nl->error && nl->range)
		snprintf(range, sizeof(range), " (%llu to %llu)", nl->least,
			 nl->greatest);
	warnx("%s: %s%s%s%s%s%s", nl->command, name ? name : "",
	      name ? ": " : "", text, *nl->extack ? ": " : "", nl->extack,
	      range);
	return EXIT_KERNEL;
}

static int connect_family(struct netlink *nl)
{
	int on = 1;
	int err;

	err = genl_connect(nl->sock);
	if (err < 0)
		return report(nl, err);

	/* Without these an error comes without its text, and is no worse. */
	(void)setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK,
			 NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK,
			 NETLINK_CAP_ACK, &on, sizeof(on));

	nl->family = genl_ctrl_resolve(nl->sock, FASTPROTO_FAMILY_NAME);
	if (nl->family == -NLE_OBJ_NOTFOUND) {
		warnx("the fastproto module is not loaded (try: modprobe fastproto)");
		return EXIT_KERNEL;
	}
	return nl->family < 0 ? report(nl, nl->family) : 0;
}

int netlink_open(struct netlink *nl, const char *command)
{
	int err;

	memset(nl, 0, sizeof(*nl));
	nl->command = command;
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		return report(nl, -NLE_NOMEM);

	err = connect_family(nl);
	if (err) {
		nl_socket_free(nl->sock);
		return err;
	}

	nl_socket_modify_err_cb(nl->sock, NL_CB_CUSTOM, on_error, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_ACK, NL_CB_CUSTOM, on_ack, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_finish,
			    nl);
	return 0;
}

void netlink_close(struct netlink *nl)
{
	nl_socket_free(nl->sock);
}

struct nl_msg *netlink_request(struct netlink *nl, int cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, 0,
			       cmd, FASTPROTO_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	report(nl, -NLE_NOMEM);
	return NULL;
}

/* Returns a libnl error code; what the kernel said is in nl->error. */
static int exchange(struct netlink *nl, struct nl_msg *msg,
		    nl_recvmsg_msg_cb_t reply, void *arg)
{
	int err;

	nl->done = false;
	nl->error = 0;
	*nl->extack = '\0';
	nl->attr = 0;
	nl->range = false;
	nl->request = nlmsg_hdr(msg);
	nl_socket_modify_cb(nl->sock, NL_CB_VALID, NL_CB_CUSTOM,
			    reply ? reply : on_valid, arg);
	err = nl_send_auto(nl->sock, msg);
	while (err >= 0 && !nl->done)
		err = nl_recvmsgs_default(nl->sock);
	nl->request = NULL;
	nlmsg_free(msg);
	return err;
}

int netlink_do(struct netlink *nl, struct nl_msg *msg,
	       nl_recvmsg_msg_cb_t reply, void *arg)
{
	return report(nl, exchange(nl, msg, reply, arg));
}

int netlink_get(const char *command, int cmd, nl_recvmsg_msg_cb_t reply,
		void *arg)
{
	struct netlink nl;
	struct nl_msg *msg;
	int err;

	err = netlink_open(&nl, command);
	if (err)
		return err;

	msg = netlink_request(&nl, cmd);
	err = msg ? netlink_do(&nl, msg, reply, arg) : EXIT_KERNEL;
	netlink_close(&nl);
	return err;
}

int netlink_dump(struct netlink *nl, int cmd, nl_recvmsg_msg_cb_t reply,
		 void *arg, const unsigned long *rows)
{
	int attempt = 0;
	int err;

	do {
		struct nl_msg *msg = netlink_request(nl, cmd);

		if (!msg)
			return EXIT_KERNEL;
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
		err = exchange(nl, msg, reply, arg);
	} while (err == -NLE_DUMP_INTR && !*rows && ++attempt < DUMP_ATTEMPTS);

	if (err == -NLE_DUMP_INTR) {
		warnx("%s: the dump was interrupted and may be inconsistent",
		      nl->command);
		err = 0;
	}
	return report(nl, err);
}

unsigned long long netlink_uint(const struct nlattr *attr)
{
	if (!attr)
		return 0;
	if (nla_len(attr) >= (int)sizeof(uint64_t))
		return nla_get_u64(attr);
	return nla_len(attr) >= (int)sizeof(uint32_t) ? nla_get_u32(attr) : 0;
}
