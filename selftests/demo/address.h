/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DEMO_ADDRESS_H
#define _DEMO_ADDRESS_H

#include <arpa/inet.h>
#include <linux/fastproto.h>
#include <stdlib.h>

/* An IPv4 or IPv6 address in digits and a port; returns 0 or -1. */
static inline int parse_address(const char *host, const char *port,
				struct sockaddr_fp *addr)
{
	*addr = (struct sockaddr_fp){ .sfp_family = AF_FASTPROTO };
	if (inet_pton(AF_INET, host, &addr->sfp_sin.sin_addr) == 1) {
		addr->sfp_sin.sin_family = AF_INET;
		addr->sfp_sin.sin_port = htons(atoi(port));
		return 0;
	}
	if (inet_pton(AF_INET6, host, &addr->sfp_sin6.sin6_addr) == 1) {
		addr->sfp_sin6.sin6_family = AF_INET6;
		addr->sfp_sin6.sin6_port = htons(atoi(port));
		return 0;
	}
	return -1;
}

#endif /* _DEMO_ADDRESS_H */
