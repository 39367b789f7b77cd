// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "lib.h"

/* An IPv6 address, perhaps with %interface. */
static int parse_in6(struct sockaddr_in6 *sin6, const char *host)
{
	const char *scope = strchr(host, '%');
	char digits[INET6_ADDRSTRLEN];
	size_t len;

	len = scope ? (size_t)(scope - host) : strlen(host);
	if (len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, host, len);
	digits[len] = '\0';
	if (inet_pton(AF_INET6, digits, &sin6->sin6_addr) != 1)
		return -EINVAL;
	if (scope) {
		sin6->sin6_scope_id = if_nametoindex(scope + 1);
		if (!sin6->sin6_scope_id)
			return -EINVAL;
	}
	return 0;
}

int fp_address(struct sockaddr_fp *addr, const char *host, __u16 port)
{
	if (!addr)
		return -EINVAL;
	memset(addr, 0, sizeof(*addr));
	addr->sfp_family = AF_FASTPROTO;
	if (host && inet_pton(AF_INET, host, &addr->sfp_sin.sin_addr) == 1) {
		addr->sfp_sin.sin_family = AF_INET;
		addr->sfp_sin.sin_port = htons(port);
		return 0;
	}
	memset(addr->sfp_room, 0, sizeof(addr->sfp_room));
	if (host && parse_in6(&addr->sfp_sin6, host))
		return -EINVAL;
	addr->sfp_sin6.sin6_family = AF_INET6;
	addr->sfp_sin6.sin6_port = htons(port);
	return 0;
}
