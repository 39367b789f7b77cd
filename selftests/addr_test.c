// SPDX-License-Identifier: GPL-2.0
/* Addresses: socket, bind, connect, getsockname, getpeername. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

static int bind_len(int fd, const struct sockaddr_fp *addr, socklen_t len)
{
	return bind(fd, (const struct sockaddr *)addr, len);
}

static int connect_len(int fd, const struct sockaddr_fp *addr, socklen_t len)
{
	return connect(fd, (const struct sockaddr *)addr, len);
}

TEST(not_every_type_yet)
{
	static const int others[] = {
		SOCK_STREAM, SOCK_RAW,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		EXPECT_FAILS(ESOCKTNOSUPPORT,
			     socket(AF_FASTPROTO, others[i], 0));
}

TEST(no_protocols)
{
	EXPECT_FAILS(EPROTONOSUPPORT, socket(AF_FASTPROTO, SOCK_DGRAM, 1));
	EXPECT_FAILS(EPROTONOSUPPORT,
		     socket(AF_FASTPROTO, SOCK_DGRAM, IPPROTO_UDP));
}

TEST(socket_flags)
{
	int fd = socket(AF_FASTPROTO, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST(no_pairs)
{
	int fds[2];

	EXPECT_FAILS(EOPNOTSUPP,
		     socketpair(AF_FASTPROTO, SOCK_DGRAM, 0, fds));
}

TEST(no_listening)
{
	struct sockaddr_fp addr;
	int fd = fp_open_host(HOST_A, AF_INET, &addr);

	ASSERT_LE(0, fd);
	EXPECT_FAILS(EOPNOTSUPP, listen(fd, 1));
	EXPECT_FAILS(EOPNOTSUPP, accept(fd, NULL, NULL));
}

TEST(unbound_names)
{
	struct sockaddr_fp addr;
	int fd = fp_open(HOST_A);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_name(fd, &addr));
	EXPECT_EQ(AF_FASTPROTO, addr.sfp_family);
	EXPECT_EQ(AF_UNSPEC, addr.sfp_transport);
	EXPECT_EQ(0, addr.sfp_flags);
	EXPECT_EQ(0, addr.sfp_pad);
	EXPECT_EQ(0, addr.sfp_conn);
	EXPECT_FAILS(ENOTCONN, fp_peer(fd, &addr));
}

TEST(short_address)
{
	struct sockaddr_fp addr = fp_host(AF_INET, HOST_A, 0);
	int fd = fp_open(HOST_A);
	socklen_t len;

	ASSERT_LE(0, fd);
	for (len = 0; len < 18; len++)
		EXPECT_FAILS(EINVAL, bind_len(fd, &addr, len));
	addr = fp_host(AF_INET, HOST_B, 1);
	/* From 2 bytes on, connect() can at least tell the family. */
	for (len = 0; len < 18; len++)
		EXPECT_FAILS(EINVAL, connect_len(fd, &addr, len));
}

TEST(bad_pointer)
{
	int fd = fp_open(HOST_A);

	ASSERT_LE(0, fd);
	EXPECT_FAILS(EFAULT, bind_len(fd, (void *)1, 48));
	EXPECT_FAILS(EFAULT, connect_len(fd, (void *)1, 48));
}

TEST(mapped_address_is_ipv4)
{
	struct sockaddr_fp mapped = fp_addr(AF_INET6, "::ffff:10.77.0.1", 0);
	struct sockaddr_fp addr, peer;
	int fd = fp_open(HOST_A);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_bind(fd, &mapped));
	ASSERT_EQ(0, fp_name(fd, &addr));
	EXPECT_EQ(AF_INET, addr.sfp_transport);
	peer = fp_host(AF_INET, HOST_A, 0);
	EXPECT_TRUE(fp_same_ip(&peer, &addr));
	EXPECT_NE(0, fp_port(&addr));

	mapped = fp_addr(AF_INET6, "::ffff:10.77.0.2", 4077);
	ASSERT_EQ(0, fp_connect(fd, &mapped));
	ASSERT_EQ(0, fp_peer(fd, &peer));
	addr = fp_host(AF_INET, HOST_B, 4077);
	EXPECT_TRUE(fp_same(&addr, &peer));
}

TEST(mapped_destination_is_ipv4)
{
	struct sockaddr_fp addr, mapped, from;
	socklen_t len = sizeof(from);
	int tx = fp_open(HOST_A);
	int rx = fp_open_host(HOST_B, AF_INET, &addr);
	char c;

	ASSERT_LE(0, tx);
	ASSERT_LE(0, rx);
	mapped = fp_addr(AF_INET6, "::ffff:10.77.0.2", fp_port(&addr));
	ASSERT_EQ(1, fp_sendto(tx, "m", 1, &mapped));
	ASSERT_EQ(1, recvfrom(rx, &c, 1, 0, (struct sockaddr *)&from, &len));
	EXPECT_EQ('m', c);
	EXPECT_EQ(AF_INET, from.sfp_transport);
}

TEST(any6_takes_both)
{
	struct sockaddr_fp any = fp_any(AF_INET6, 0);
	struct sockaddr_fp any4, to, from, sender;
	int rx = fp_open_bound(HOST_B, &any);
	static const int families[] = { AF_INET, AF_INET6 };
	socklen_t len;
	int other, tx;
	size_t i;
	char c;

	ASSERT_LE(0, rx);
	EXPECT_EQ(AF_INET6, any.sfp_transport);
	for (i = 0; i < ARRAY_SIZE(families); i++) {
		tx = fp_open_host(HOST_A, families[i], &sender);
		ASSERT_LE(0, tx);
		to = fp_host(families[i], HOST_B, fp_port(&any));
		ASSERT_EQ(1, fp_sendto(tx, "b", 1, &to));
		len = sizeof(from);
		ASSERT_EQ(1, recvfrom(rx, &c, 1, 0, (struct sockaddr *)&from,
				      &len));
		EXPECT_TRUE(fp_same(&sender, &from));
		close(tx);
	}
	/* The port is taken for IPv4 too. */
	other = fp_open(HOST_B);
	any4 = fp_any(AF_INET, fp_port(&any));
	EXPECT_FAILS(EADDRINUSE, fp_bind(other, &any4));
}

TEST(any4_leaves_ipv6)
{
	struct sockaddr_fp any = fp_any(AF_INET, 0);
	struct sockaddr_fp to;
	int rx = fp_open_bound(HOST_B, &any);
	int udp;
	char c;

	ASSERT_LE(0, rx);
	to = fp_host(AF_INET6, HOST_B, fp_port(&any));
	udp = udp_open(HOST_B, AF_INET6, fp_port(&any), NULL);
	ASSERT_LE(0, udp);
	ASSERT_EQ(1, fp_sendto(fp_open(HOST_A), "6", 1, &to));
	EXPECT_TRUE(fp_wait(udp, POLLIN));
	EXPECT_FAILS(EAGAIN, recv(rx, &c, 1, MSG_DONTWAIT));
}

TEST(any6_with_bindv6only)
{
	struct sockaddr_fp any6 = fp_any(AF_INET6, 0);
	struct sockaddr_fp any4, to;
	int rx4, rx6, tx;
	char c;

	ASSERT_EQ(0, net_sysctl(HOST_B, "ipv6/bindv6only", "1"));
	rx6 = fp_open_bound(HOST_B, &any6);
	any4 = fp_any(AF_INET, fp_port(&any6));
	rx4 = fp_open_bound(HOST_B, &any4);
	EXPECT_EQ(0, net_sysctl(HOST_B, "ipv6/bindv6only", "0"));
	ASSERT_LE(0, rx6);
	ASSERT_LE(0, rx4);
	tx = fp_open(HOST_A);
	to = fp_host(AF_INET, HOST_B, fp_port(&any6));
	ASSERT_EQ(1, fp_sendto(tx, "4", 1, &to));
	EXPECT_EQ(1, recv(rx4, &c, 1, 0));
	EXPECT_FAILS(EAGAIN, recv(rx6, &c, 1, MSG_DONTWAIT));
	to = fp_host(AF_INET6, HOST_B, fp_port(&any6));
	ASSERT_EQ(1, fp_sendto(tx, "6", 1, &to));
	EXPECT_EQ(1, recv(rx6, &c, 1, 0));
	EXPECT_FAILS(EAGAIN, recv(rx4, &c, 1, MSG_DONTWAIT));
}

/* Any socket of IPv6 would take no IPv4, so one of IPv4 is taken. */
TEST(autobind_with_bindv6only)
{
	struct sockaddr_fp to4, to6, name;
	int rx4, rx6, tx;

	rx4 = fp_open_host(HOST_A, AF_INET, &to4);
	rx6 = fp_open_host(HOST_A, AF_INET6, &to6);
	ASSERT_LE(0, rx4);
	ASSERT_LE(0, rx6);
	tx = fp_open(HOST_B);
	ASSERT_EQ(0, net_sysctl(HOST_B, "ipv6/bindv6only", "1"));
	EXPECT_EQ(1, fp_sendto(tx, "4", 1, &to4));
	EXPECT_EQ(0, net_sysctl(HOST_B, "ipv6/bindv6only", "0"));
	EXPECT_TRUE(fp_wait(rx4, POLLIN));
	ASSERT_EQ(0, fp_name(tx, &name));
	EXPECT_EQ(AF_INET, name.sfp_transport);
	EXPECT_FAILS(EAFNOSUPPORT, fp_sendto(tx, "6", 1, &to6));
}

TEST(unspecified_destination_is_this_host)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct sockaddr_fp to, from, loop;
	socklen_t len;
	int rx, tx;
	size_t i;
	char c;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		to = fp_any(families[i], 0);
		rx = fp_open_bound(HOST_A, &to);
		tx = fp_open(HOST_A);
		ASSERT_LE(0, rx);
		ASSERT_EQ(1, fp_sendto(tx, "h", 1, &to));
		len = sizeof(from);
		ASSERT_EQ(1, recvfrom(rx, &c, 1, 0, (struct sockaddr *)&from,
				      &len));
		loop = fp_loopback(families[i], 0);
		EXPECT_TRUE(fp_same_ip(&loop, &from));
		close(rx);
		close(tx);
	}
}

TEST(linklocal_needs_scope)
{
	struct sockaddr_fp addr = fp_addr(AF_INET6, "fe80::77:1", 0);
	int fd = fp_open(HOST_A);

	ASSERT_LE(0, fd);
	EXPECT_FAILS(EINVAL, fp_bind(fd, &addr));
	addr.sfp_sin6.sin6_scope_id = net_ifindex(HOST_A, DEVICE);
	EXPECT_EQ(0, fp_bind(fd, &addr));
	addr = fp_addr(AF_INET6, "fe80::77:2", 4077);
	fd = fp_open(HOST_A);
	EXPECT_FAILS(EINVAL, fp_connect(fd, &addr));
	EXPECT_FAILS(EINVAL, fp_sendto(fd, "x", 1, &addr));
}

TEST(linklocal_traffic)
{
	struct sockaddr_fp addr = fp_addr(AF_INET6, "fe80::77:2", 0);
	struct sockaddr_fp from, sender;
	socklen_t len = sizeof(from);
	int rx, tx;
	char c;

	addr.sfp_sin6.sin6_scope_id = net_ifindex(HOST_B, DEVICE);
	rx = fp_open_bound(HOST_B, &addr);
	ASSERT_LE(0, rx);
	EXPECT_EQ(net_ifindex(HOST_B, DEVICE), addr.sfp_sin6.sin6_scope_id);
	addr.sfp_sin6.sin6_scope_id = net_ifindex(HOST_A, DEVICE);
	tx = fp_open(HOST_A);
	ASSERT_EQ(1, fp_sendto(tx, "l", 1, &addr));
	ASSERT_EQ(1, recvfrom(rx, &c, 1, 0, (struct sockaddr *)&from, &len));
	sender = fp_addr(AF_INET6, "fe80::77:1", 0);
	EXPECT_TRUE(fp_same_ip(&sender, &from));
	EXPECT_EQ(net_ifindex(HOST_B, DEVICE), from.sfp_sin6.sin6_scope_id);
	/* The address is good enough to answer to. */
	ASSERT_EQ(1, fp_sendto(rx, "a", 1, &from));
	ASSERT_EQ(1, recv(tx, &c, 1, 0));
	EXPECT_EQ('a', c);
}

TEST(autobind_sends_to_both_families)
{
	struct sockaddr_fp to4, to6, from4, from6, name;
	int rx4 = fp_open_host(HOST_B, AF_INET, &to4);
	int rx6 = fp_open_host(HOST_B, AF_INET6, &to6);
	socklen_t len = sizeof(from4);
	int tx = fp_open(HOST_A);
	char c;

	ASSERT_EQ(1, fp_sendto(tx, "4", 1, &to4));
	ASSERT_EQ(1, fp_sendto(tx, "6", 1, &to6));
	ASSERT_EQ(1, recvfrom(rx4, &c, 1, 0, (struct sockaddr *)&from4, &len));
	EXPECT_EQ('4', c);
	len = sizeof(from6);
	ASSERT_EQ(1, recvfrom(rx6, &c, 1, 0, (struct sockaddr *)&from6, &len));
	EXPECT_EQ('6', c);
	ASSERT_EQ(0, fp_name(tx, &name));
	EXPECT_NE(0, fp_port(&name));
	EXPECT_EQ(fp_port(&name), fp_port(&from4));
	EXPECT_EQ(fp_port(&name), fp_port(&from6));
	/* It is bound now. */
	to4 = fp_host(AF_INET, HOST_A, 0);
	EXPECT_FAILS(EINVAL, fp_bind(tx, &to4));
}

TEST(family_of_bound_socket)
{
	struct sockaddr_fp addr4, addr6, loop6 = fp_loopback(AF_INET6, 0);
	struct sockaddr_fp to4 = fp_host(AF_INET, HOST_B, 4077);
	struct sockaddr_fp to6 = fp_host(AF_INET6, HOST_B, 4077);
	int fd4 = fp_open_host(HOST_A, AF_INET, &addr4);
	int fd6 = fp_open_host(HOST_A, AF_INET6, &addr6);
	int fdl = fp_open_bound(HOST_A, &loop6);

	ASSERT_LE(0, fd4);
	ASSERT_LE(0, fd6);
	ASSERT_LE(0, fdl);
	EXPECT_FAILS(EAFNOSUPPORT, fp_sendto(fd4, "x", 1, &to6));
	EXPECT_FAILS(EAFNOSUPPORT, fp_connect(fd4, &to6));
	EXPECT_FAILS(ENETUNREACH, fp_sendto(fd6, "x", 1, &to4));
	EXPECT_FAILS(ENETUNREACH, fp_connect(fd6, &to4));
	EXPECT_FAILS(ENETUNREACH, fp_sendto(fdl, "x", 1, &to4));
}

TEST(broadcast_needs_option)
{
	struct sockaddr_fp any = fp_any(AF_INET, 0);
	int rx = fp_open_bound(HOST_B, &any);
	struct sockaddr_fp to = fp_addr(AF_INET, "10.77.0.255", fp_port(&any));
	int tx = fp_open(HOST_A);
	char c;

	ASSERT_LE(0, rx);
	EXPECT_FAILS(EACCES, fp_sendto(tx, "b", 1, &to));
	EXPECT_FAILS(EACCES, fp_connect(tx, &to));
	ASSERT_EQ(0, fp_setint(tx, SOL_SOCKET, SO_BROADCAST, 1));
	ASSERT_EQ(1, fp_sendto(tx, "b", 1, &to));
	ASSERT_EQ(1, recv(rx, &c, 1, 0));
	ASSERT_EQ(0, fp_connect(tx, &to));
	ASSERT_EQ(1, send(tx, "c", 1, 0));
	ASSERT_EQ(1, recv(rx, &c, 1, 0));
	EXPECT_EQ('c', c);
}

FIXTURE(addr) {
	struct sockaddr_fp local;	/* on host A, port 0 */
	struct sockaddr_fp remote;	/* on host B, nobody there */
	int fd;				/* on host A, not bound */
};

FIXTURE_VARIANT(addr) {
	int family;
};

FIXTURE_VARIANT_ADD(addr, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(addr, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(addr)
{
	self->local = fp_host(variant->family, HOST_A, 0);
	self->remote = fp_host(variant->family, HOST_B, 4077);
	self->fd = fp_open(HOST_A);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(addr)
{
	close(self->fd);
}

TEST_F(addr, bind_takes_the_length_of_its_transport)
{
	socklen_t need = fp_addrlen(&self->local);

	EXPECT_FAILS(EINVAL, bind_len(self->fd, &self->local, need - 1));
	EXPECT_EQ(0, bind_len(self->fd, &self->local, need));
}

TEST_F(addr, connect_takes_the_length_of_its_transport)
{
	socklen_t need = fp_addrlen(&self->remote);

	EXPECT_FAILS(EINVAL, connect_len(self->fd, &self->remote, need - 1));
	EXPECT_EQ(0, connect_len(self->fd, &self->remote, need));
}

TEST_F(addr, longer_address)
{
	union {
		struct sockaddr_storage room;
		struct sockaddr_fp addr;
	} big = { .addr = self->local };

	memset((char *)&big + sizeof(big.addr), 0x55,
	       sizeof(big) - sizeof(big.addr));
	EXPECT_EQ(0, bind_len(self->fd, &big.addr, sizeof(big)));
	EXPECT_FAILS(EINVAL, bind_len(fp_open(HOST_A), &big.addr,
				      sizeof(big) + 1));
}

TEST_F(addr, wrong_families)
{
	struct sockaddr_fp addr = self->local;

	addr.sfp_family = AF_INET;
	EXPECT_FAILS(EAFNOSUPPORT, fp_bind(self->fd, &addr));
	EXPECT_FAILS(EAFNOSUPPORT, fp_connect(self->fd, &addr));
	addr.sfp_family = AF_UNSPEC;
	EXPECT_FAILS(EAFNOSUPPORT, fp_bind(self->fd, &addr));
	addr = self->local;
	addr.sfp_transport = AF_UNIX;
	EXPECT_FAILS(EAFNOSUPPORT, fp_bind(self->fd, &addr));
	EXPECT_FAILS(EAFNOSUPPORT, fp_connect(self->fd, &addr));
	addr.sfp_transport = AF_UNSPEC;
	EXPECT_FAILS(EAFNOSUPPORT, fp_bind(self->fd, &addr));
	EXPECT_FAILS(EAFNOSUPPORT, fp_connect(self->fd, &addr));
}

TEST_F(addr, reserved_fields)
{
	struct sockaddr_fp addrs[] = {
		self->remote, self->remote, self->remote
	};
	size_t i;

	addrs[0].sfp_flags = 1;
	addrs[1].sfp_pad = 1;
	addrs[2].sfp_conn = 1;
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		EXPECT_FAILS(EINVAL, fp_bind(self->fd, &addrs[i]));
		EXPECT_FAILS(EINVAL, fp_connect(self->fd, &addrs[i]));
		EXPECT_FAILS(EINVAL, fp_sendto(self->fd, "x", 1, &addrs[i]));
	}
}

TEST_F(addr, bind_twice)
{
	struct sockaddr_fp before, after;

	ASSERT_EQ(0, fp_bind(self->fd, &self->local));
	ASSERT_EQ(0, fp_name(self->fd, &before));
	EXPECT_FAILS(EINVAL, fp_bind(self->fd, &self->local));
	ASSERT_EQ(0, fp_name(self->fd, &after));
	EXPECT_TRUE(fp_same(&before, &after));
}

TEST_F(addr, bind_elsewhere)
{
	EXPECT_FAILS(EADDRNOTAVAIL, fp_bind(self->fd, &self->remote));
	/* A bind that failed leaves the socket as it was. */
	EXPECT_EQ(0, fp_bind(self->fd, &self->local));
}

TEST_F(addr, port_of_another_socket)
{
	struct sockaddr_fp addr = self->local;
	struct sockaddr_fp any;
	int holder = fp_open_bound(HOST_A, &addr);

	ASSERT_LE(0, holder);
	EXPECT_FAILS(EADDRINUSE, fp_bind(self->fd, &addr));
	any = fp_any(variant->family, fp_port(&addr));
	EXPECT_FAILS(EADDRINUSE, fp_bind(self->fd, &any));
	close(holder);
	EXPECT_EQ(0, fp_bind(self->fd, &addr));
}

TEST_F(addr, same_port_on_another_address)
{
	struct sockaddr_fp loop, addr = self->local;
	int holder = fp_open_bound(HOST_A, &addr);

	ASSERT_LE(0, holder);
	loop = fp_loopback(variant->family, fp_port(&addr));
	EXPECT_EQ(0, fp_bind(self->fd, &loop));
}

TEST_F(addr, port_of_a_udp_socket)
{
	struct sockaddr_fp addr;
	int udp = udp_open(HOST_A, variant->family, 0, &addr);

	ASSERT_LE(0, udp);
	EXPECT_FAILS(EADDRINUSE, fp_bind(self->fd, &addr));
	close(udp);
	ASSERT_EQ(0, fp_bind(self->fd, &addr));
	EXPECT_EQ(-1, udp_open(HOST_A, variant->family, fp_port(&addr), NULL));
	EXPECT_EQ(EADDRINUSE, errno);
}

TEST_F(addr, ephemeral_ports)
{
	struct sockaddr_fp one = self->local, two = self->local;
	int fds[] = {
		fp_open_bound(HOST_A, &one), fp_open_bound(HOST_A, &two)
	};

	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	EXPECT_TRUE(fp_same_ip(&self->local, &one));
	/* The default of net.ipv4.ip_local_port_range. */
	EXPECT_LE(32768, fp_port(&one));
	EXPECT_GE(60999, fp_port(&one));
	EXPECT_NE(fp_port(&one), fp_port(&two));
}

static int drop_capability(int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
	return syscall(SYS_capset, &header, data);
}

TEST_F(addr, privileged_port)
{
	struct sockaddr_fp addr = fp_host(variant->family, HOST_A, 77);
	struct sockaddr_fp edge = fp_host(variant->family, HOST_A, 1024);
	int holder = fp_open_bound(HOST_A, &addr);

	ASSERT_LE(0, holder);
	close(holder);
	ASSERT_EQ(0, drop_capability(CAP_NET_BIND_SERVICE));
	EXPECT_FAILS(EACCES, fp_bind(self->fd, &addr));
	addr = fp_host(variant->family, HOST_A, 1023);
	EXPECT_FAILS(EACCES, fp_bind(self->fd, &addr));
	EXPECT_EQ(0, fp_bind(self->fd, &edge));
}

TEST_F(addr, name_is_cut_to_the_buffer)
{
	struct sockaddr_fp full;
	socklen_t room, cut, len;
	unsigned char buf[64];

	ASSERT_EQ(0, fp_bind(self->fd, &self->local));
	ASSERT_EQ(0, fp_connect(self->fd, &self->remote));
	ASSERT_EQ(0, fp_name(self->fd, &full));
	for (room = 0; room <= sizeof(buf); room += 7) {
		memset(buf, 0x55, sizeof(buf));
		len = room;
		ASSERT_EQ(0, getsockname(self->fd, (void *)buf, &len));
		EXPECT_EQ(sizeof(full), len);
		cut = room < sizeof(full) ? room : sizeof(full);
		EXPECT_EQ(0, memcmp(buf, &full, cut));
		EXPECT_EQ(0x55, buf[cut]);
	}
	len = 20;
	memset(buf, 0x55, sizeof(buf));
	ASSERT_EQ(0, getpeername(self->fd, (void *)buf, &len));
	EXPECT_EQ(sizeof(full), len);
	EXPECT_EQ(0, memcmp(buf, &self->remote, 20));
	EXPECT_EQ(0x55, buf[20]);
	len = -1;
	EXPECT_FAILS(EINVAL, getsockname(self->fd, (void *)buf, &len));
	len = sizeof(buf);
	EXPECT_FAILS(EFAULT, getsockname(self->fd, (void *)1, &len));
}

TEST_F(addr, connect_names_both_ends)
{
	struct sockaddr_fp name, peer;

	ASSERT_EQ(0, fp_connect(self->fd, &self->remote));
	ASSERT_EQ(0, fp_name(self->fd, &name));
	ASSERT_EQ(0, fp_peer(self->fd, &peer));
	EXPECT_TRUE(fp_same(&self->remote, &peer));
	EXPECT_TRUE(fp_same_ip(&self->local, &name));
	EXPECT_NE(0, fp_port(&name));
	EXPECT_EQ(0, name.sfp_conn);
	EXPECT_EQ(0, peer.sfp_conn);
}

TEST_F(addr, connect_again_elsewhere)
{
	struct sockaddr_fp first, second, peer;
	int one = fp_open_host(HOST_B, variant->family, &first);
	int two = fp_open_host(HOST_B, variant->family, &second);
	char c;

	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, fp_connect(self->fd, &first));
	ASSERT_EQ(1, send(self->fd, "1", 1, 0));
	ASSERT_EQ(0, fp_connect(self->fd, &second));
	ASSERT_EQ(0, fp_peer(self->fd, &peer));
	EXPECT_TRUE(fp_same(&second, &peer));
	ASSERT_EQ(1, send(self->fd, "2", 1, 0));
	ASSERT_EQ(1, recv(one, &c, 1, 0));
	EXPECT_EQ('1', c);
	ASSERT_EQ(1, recv(two, &c, 1, 0));
	EXPECT_EQ('2', c);
}

TEST_F(addr, disconnect)
{
	struct sockaddr_fp to, name, peer;
	int other = fp_open_host(HOST_B, variant->family, &to);
	char c;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, fp_bind(self->fd, &self->local));
	ASSERT_EQ(0, fp_name(self->fd, &name));
	ASSERT_EQ(0, fp_connect(self->fd, &self->remote));
	ASSERT_EQ(0, fp_disconnect(self->fd));
	EXPECT_FAILS(ENOTCONN, fp_peer(self->fd, &peer));
	EXPECT_FAILS(EDESTADDRREQ, send(self->fd, "x", 1, 0));
	/* It keeps the address it was bound to, and hears everyone again. */
	ASSERT_EQ(0, fp_name(self->fd, &peer));
	EXPECT_TRUE(fp_same(&name, &peer));
	ASSERT_EQ(1, fp_sendto(other, "d", 1, &name));
	EXPECT_EQ(1, recv(self->fd, &c, 1, 0));
	/* Once more, on a socket that is not connected, is no error. */
	EXPECT_EQ(0, fp_disconnect(self->fd));
	EXPECT_EQ(0, fp_connect(self->fd, &to));
}

TEST_F(addr, port_0_is_no_destination)
{
	struct sockaddr_fp to = fp_host(variant->family, HOST_B, 0);

	EXPECT_FAILS(EINVAL, fp_connect(self->fd, &to));
	EXPECT_FAILS(EINVAL, fp_sendto(self->fd, "x", 1, &to));
}

TEST_F(addr, no_route)
{
	struct sockaddr_fp to = fp_addr(variant->family,
					variant->family == AF_INET ?
					"198.51.100.1" : "2001:db8::1", 4077);

	EXPECT_FAILS(ENETUNREACH, fp_connect(self->fd, &to));
	EXPECT_FAILS(ENETUNREACH, fp_sendto(self->fd, "x", 1, &to));
	/* A failed connect leaves the socket unconnected. */
	EXPECT_FAILS(EDESTADDRREQ, send(self->fd, "x", 1, 0));
}

TEST_F(addr, any_takes_all_addresses)
{
	struct sockaddr_fp any = fp_any(variant->family, 0);
	struct sockaddr_fp name, loop, host;
	int fd = fp_open_bound(HOST_A, &any);
	char c;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_name(fd, &name));
	EXPECT_TRUE(fp_same(&any, &name));
	host = fp_host(variant->family, HOST_A, fp_port(&any));
	loop = fp_loopback(variant->family, fp_port(&any));
	ASSERT_EQ(1, fp_sendto(self->fd, "h", 1, &host));
	ASSERT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ('h', c);
	ASSERT_EQ(1, fp_sendto(self->fd, "l", 1, &loop));
	ASSERT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ('l', c);
}

TEST_F(addr, hosts_do_not_share_ports)
{
	struct sockaddr_fp a = fp_any(variant->family, 4078);
	struct sockaddr_fp b = a;

	EXPECT_LE(0, fp_open_bound(HOST_A, &a));
	EXPECT_LE(0, fp_open_bound(HOST_B, &b));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
