// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses: from the kernel's struct to ours, to text and from text.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "args.h"

int port_parse(unsigned int *port, const char *text)
{
	if (!args_u32(port, text) && *port > 0 && *port <= 65535)
		return 0;
	warnx("\"%s\" is not a port (1 to 65535)", text);
	return -1;
}

static int scope_parse(unsigned int *scope, const char *text)
{
	*scope = if_nametoindex(text);
	if (*scope || (!args_u32(scope, text) && *scope))
		return 0;
	warnx("there is no interface \"%s\"", text);
	return -1;
}

/* The kernel reports an IPv4-mapped address as the IPv4 address. */
static void unmap(struct addr *addr)
{
	struct in_addr in;

	if (!IN6_IS_ADDR_V4MAPPED(&addr->in6))
		return;
	memcpy(&in, &addr->in6.s6_addr[12], sizeof(in));
	addr->family = AF_INET;
	addr->in = in;
}

static int host_parse(struct addr *addr, char *host)
{
	char *scope = strchr(host, '%');

	if (scope) {
		*scope++ = '\0';
		if (scope_parse(&addr->scope, scope))
			return -1;
	}
	if (!strcmp(host, "*") || !*host)
		return 0;
	if (inet_pton(AF_INET, host, &addr->in) == 1) {
		addr->family = AF_INET;
	} else if (inet_pton(AF_INET6, host, &addr->in6) == 1) {
		addr->family = AF_INET6;
		unmap(addr);
	} else {
		warnx("\"%s\" is not an address", host);
		return -1;
	}
	return 0;
}

/*
 * Divides @text in place into the host and what follows it: NULL, or the port
 * after its colon. An IPv6 address without brackets has no port.
 */
static char *host_split(char **text)
{
	char *end;

	if (**text != '[') {
		end = strchr(*text, ':');
		if (!end || strchr(end + 1, ':'))
			return NULL;
		*end = '\0';
		return end + 1;
	}

	end = strchr(*text, ']');
	if (!end || (end[1] && end[1] != ':'))
		return NULL;	/* the bracket stays, and is no address */
	++*text;
	*end = '\0';
	return end[1] ? end + 2 : NULL;
}

/**
 * addr_parse() - reads ADDR, ADDR:PORT or [ADDR]:PORT
 * @addr: filled in; AF_UNSPEC if the address is left out or "*"
 * @text: what to read; it may hold %DEV after the address
 *
 * Return: 0, or -1 after a complaint.
 */
int addr_parse(struct addr *addr, const char *text)
{
	char buf[ADDR_TEXT_LEN];
	size_t len = strlen(text);
	char *host = buf;
	char *port;

	memset(addr, 0, sizeof(*addr));
	if (!len || len >= sizeof(buf)) {
		warnx("\"%s\" is not an address", text);
		return -1;
	}
	memcpy(buf, text, len + 1);

	port = host_split(&host);
	if (host_parse(addr, host))
		return -1;
	return port ? port_parse(&addr->port, port) : 0;
}

/**
 * addr_from_sockaddr() - takes the transport address out of a sockaddr_fp
 * @addr: filled in; AF_UNSPEC if there is no address
 * @data: the struct sockaddr_fp, not aligned
 * @len: how much of it there is
 */
void addr_from_sockaddr(struct addr *addr, const void *data, size_t len)
{
	struct sockaddr_fp sfp = { 0 };

	memset(addr, 0, sizeof(*addr));
	memcpy(&sfp, data, len < sizeof(sfp) ? len : sizeof(sfp));

	if (sfp.sfp_transport == AF_INET && len >= FP_ADDRLEN_INET) {
		addr->family = AF_INET;
		addr->in = sfp.sfp_sin.sin_addr;
		addr->port = ntohs(sfp.sfp_sin.sin_port);
	} else if (sfp.sfp_transport == AF_INET6 && len >= FP_ADDRLEN_INET6) {
		addr->family = AF_INET6;
		addr->in6 = sfp.sfp_sin6.sin6_addr;
		addr->port = ntohs(sfp.sfp_sin6.sin6_port);
		addr->scope = sfp.sfp_sin6.sin6_scope_id;
	}
}

static bool addr_is_any(const struct addr *addr)
{
	if (addr->family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->in6);
	return !addr->in.s_addr;
}

static void scope_append(char *buf, unsigned int scope)
{
	size_t len = strlen(buf);
	char name[IF_NAMESIZE];

	if (!scope)
		return;
	if (!if_indextoname(scope, name))
		snprintf(name, sizeof(name), "%u", scope);
	snprintf(buf + len, ADDR_HOST_LEN - len, "%%%s", name);
}

void addr_host(const struct addr *addr, unsigned int dev, char *buf)
{
	inet_ntop(addr->family, &addr->in6, buf, INET6_ADDRSTRLEN);
	scope_append(buf, addr->scope ? addr->scope : dev);
}

void addr_text(const struct addr *addr, unsigned int dev, char *buf)
{
	char host[ADDR_HOST_LEN] = "*";
	const char *format = "%s:%u";

	if (addr->family == AF_UNSPEC) {
		snprintf(buf, ADDR_TEXT_LEN, "*:*");
		return;
	}
	if (addr_is_any(addr))
		scope_append(host, addr->scope ? addr->scope : dev);
	else
		addr_host(addr, dev, host);
	if (addr->family == AF_INET6 && *host != '*')
		format = "[%s]:%u";
	snprintf(buf, ADDR_TEXT_LEN, format, host, addr->port);
}

void addr_json(struct json *js, const char *key, const struct addr *addr)
{
	char host[ADDR_HOST_LEN];

	if (addr->family == AF_UNSPEC) {
		json_null(js, key);
		return;
	}
	addr_host(addr, 0, host);
	json_open(js, key, '{');
	json_string(js, "address", host);
	json_uint(js, "port", addr->port);
	json_close(js, '}');
}

static bool host_match(const struct addr *want, const struct addr *have)
{
	if (want->family == AF_UNSPEC)
		return true;
	if (want->family != have->family)
		return false;
	if (want->family == AF_INET)
		return want->in.s_addr == have->in.s_addr;
	return IN6_ARE_ADDR_EQUAL(&want->in6, &have->in6);
}

/**
 * addr_match() - does an address fit a filter
 * @want: the filter: what is 0 in it fits all
 * @have: the address
 * @dev: the interface that the socket is bound to, or 0
 */
bool addr_match(const struct addr *want, const struct addr *have,
		unsigned int dev)
{
	if (want->port && want->port != have->port)
		return false;
	if (want->scope && want->scope != (have->scope ? have->scope : dev))
		return false;
	return host_match(want, have);
}
