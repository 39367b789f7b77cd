// SPDX-License-Identifier: GPL-2.0
/* Addresses of the tests' hosts as struct sockaddr_fp. */
#include <arpa/inet.h>
#include <string.h>

#include "fptest.h"

struct sockaddr_fp fp_addr(int family, const char *text, unsigned int port)
{
	struct sockaddr_fp addr = { .sfp_family = AF_FASTPROTO };

	addr.sfp_transport = family;
	if (family == AF_INET) {
		addr.sfp_sin.sin_port = htons(port);
		inet_pton(AF_INET, text, &addr.sfp_sin.sin_addr);
	} else {
		addr.sfp_sin6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &addr.sfp_sin6.sin6_addr);
	}
	return addr;
}

struct sockaddr_fp fp_host(int family, enum host host, unsigned int port)
{
	if (family == AF_INET)
		return fp_addr(family, host ? "10.77.0.2" : "10.77.0.1", port);
	return fp_addr(family, host ? "fd77::2" : "fd77::1", port);
}

struct sockaddr_fp fp_any(int family, unsigned int port)
{
	return fp_addr(family, family == AF_INET ? "0.0.0.0" : "::", port);
}

struct sockaddr_fp fp_loopback(int family, unsigned int port)
{
	return fp_addr(family, family == AF_INET ? "127.0.0.1" : "::1", port);
}

socklen_t fp_addrlen(const struct sockaddr_fp *addr)
{
	return addr->sfp_transport == AF_INET ? FP_ADDRLEN_INET :
						FP_ADDRLEN_INET6;
}

unsigned int fp_port(const struct sockaddr_fp *addr)
{
	return ntohs(addr->sfp_transport == AF_INET ? addr->sfp_sin.sin_port :
						      addr->sfp_sin6.sin6_port);
}

bool fp_same_ip(const struct sockaddr_fp *a, const struct sockaddr_fp *b)
{
	if (a->sfp_family != b->sfp_family ||
	    a->sfp_transport != b->sfp_transport)
		return false;
	if (a->sfp_transport == AF_INET)
		return a->sfp_sin.sin_addr.s_addr == b->sfp_sin.sin_addr.s_addr;
	return !memcmp(&a->sfp_sin6.sin6_addr, &b->sfp_sin6.sin6_addr,
		       sizeof(a->sfp_sin6.sin6_addr));
}

bool fp_same(const struct sockaddr_fp *a, const struct sockaddr_fp *b)
{
	return fp_same_ip(a, b) && fp_port(a) == fp_port(b) &&
	       a->sfp_conn == b->sfp_conn && a->sfp_flags == b->sfp_flags &&
	       a->sfp_pad == b->sfp_pad;
}
