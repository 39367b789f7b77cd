/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FPCTL_NETNS_H
#define _FPCTL_NETNS_H

/* Moves this process into a named namespace; -1 after an error message. */
int netns_enter(const char *name);

#endif /* _FPCTL_NETNS_H */
