/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family, and what goes wrong with it.
 */
#ifndef _FPCTL_NETLINK_H
#define _FPCTL_NETLINK_H

#include <stdbool.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <linux/fastproto_netlink.h>

/**
 * struct netlink - a socket of the family
 * @sock: the socket
 * @family: its number
 * @command: the fpctl command that asks, for error messages
 * @request: what is asked at the moment
 * @done: the answer is complete, or the rest of it is not wanted
 * @error: the errno that the kernel answered with, or 0
 * @extack: its own words about it, or ""
 * @attr_name: what the command line calls an attribute of the request, or NULL;
 *	may be NULL itself
 * @attr: the attribute that the kernel found wrong, or 0
 * @range: whether it said in what range the value must be:
 * @least: from this
 * @greatest: to this
 */
struct netlink {
	struct nl_sock *sock;
	int family;
	const char *command;
	const struct nlmsghdr *request;
	bool done;
	int error;
	char extack[256];
	const char *(*attr_name)(int attr);
	int attr;
	bool range;
	unsigned long long least;
	unsigned long long greatest;
};

/* All that return int return 0, or an exit code after an error message. */
int netlink_open(struct netlink *nl, const char *command);
void netlink_close(struct netlink *nl);

/* NULL after an error message. */
struct nl_msg *netlink_request(struct netlink *nl, int cmd);

/* Sends @msg and frees it; @reply, if not NULL, gets the answer. */
int netlink_do(struct netlink *nl, struct nl_msg *msg,
	       nl_recvmsg_msg_cb_t reply, void *arg);

/* All of it for a request without attributes: open, do, close. */
int netlink_get(const char *command, int cmd, nl_recvmsg_msg_cb_t reply,
		void *arg);

/*
 * Asks for a dump; @reply gets each message and counts in @rows what it wrote
 * out. An inconsistent dump is asked for again if nothing is written yet.
 */
int netlink_dump(struct netlink *nl, int cmd, nl_recvmsg_msg_cb_t reply,
		 void *arg, const unsigned long *rows);

/* The value of a u32 or u64 attribute; 0 if there is none. */
unsigned long long netlink_uint(const struct nlattr *attr);

#endif /* _FPCTL_NETLINK_H */
