// SPDX-License-Identifier: GPL-2.0
/* What the error queue of a socket says of calls with MSG_ZEROCOPY. */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <sys/socket.h>

#include "fptest.h"

/* Take one from the error queue. Returns false, and errno, if there is none. */
bool notice_take(int fd, struct notice *notice)
{
	char control[200];
	struct msghdr msg = {
		.msg_control = control, .msg_controllen = sizeof(control)
	};
	const struct sock_extended_err *err;
	const struct cmsghdr *cmsg;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0)
		return false;
	errno = EBADMSG;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_FASTPROTO ||
	    cmsg->cmsg_type != FP_RECVERR || !(msg.msg_flags & MSG_ERRQUEUE))
		return false;
	err = (const void *)CMSG_DATA(cmsg);
	if (err->ee_origin != SO_EE_ORIGIN_ZEROCOPY || err->ee_errno)
		return false;
	notice->first = err->ee_info;
	notice->last = err->ee_data;
	notice->copied = err->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	return true;
}

static bool poll_error(int fd, int patience)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, patience) == 1 && p.revents & POLLERR;
}

bool notice_wait(int fd, struct notice *notice)
{
	return poll_error(fd, PATIENCE * 1000) && notice_take(fd, notice);
}

bool notice_none(int fd)
{
	struct notice notice;

	return !notice_take(fd, &notice) && errno == EAGAIN &&
	       !poll_error(fd, 0);
}

/*
 * Until so many calls are over, each of them once. Returns how many notices that
 * took, or 0.
 */
unsigned int notice_collect(int fd, bool *seen, unsigned int calls)
{
	unsigned int over = 0, count = 0;
	struct notice notice;
	__u32 i;

	while (over < calls) {
		if (!notice_wait(fd, &notice))
			return 0;
		count++;
		for (i = notice.first; i <= notice.last; i++) {
			if (i >= calls || seen[i])
				return 0;
			seen[i] = true;
			over++;
		}
	}
	return notice_none(fd) ? count : 0;
}
