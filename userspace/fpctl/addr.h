/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FPCTL_ADDR_H
#define _FPCTL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/fastproto.h>
#include <net/if.h>

#include "json.h"

#define ADDR_HOST_LEN	(INET6_ADDRSTRLEN + 1 + IF_NAMESIZE)
#define ADDR_TEXT_LEN	(ADDR_HOST_LEN + sizeof("[]:65535"))

/**
 * struct addr - an address and a port, of a socket or of a filter
 * @family: AF_INET, AF_INET6; AF_UNSPEC: no address
 * @scope: interface index, 0 for none
 * @port: in host order, 0 for none
 * @in: the IPv4 address
 * @in6: the IPv6 address
 */
struct addr {
	int family;
	unsigned int scope;
	unsigned int port;
	union {
		struct in_addr in;
		struct in6_addr in6;
	};
};

int port_parse(unsigned int *port, const char *text);
int addr_parse(struct addr *addr, const char *text);
void addr_from_sockaddr(struct addr *addr, const void *data, size_t len);

/* @buf is ADDR_HOST_LEN long: the address as inet_ntop() has it, and %dev. */
void addr_host(const struct addr *addr, unsigned int dev, char *buf);
/* @buf is ADDR_TEXT_LEN long: address and port in the manner of ss. */
void addr_text(const struct addr *addr, unsigned int dev, char *buf);

/* An object, or null if there is no address. */
void addr_json(struct json *js, const char *key, const struct addr *addr);

bool addr_match(const struct addr *want, const struct addr *have,
		unsigned int dev);

#endif /* _FPCTL_ADDR_H */
