// SPDX-License-Identifier: GPL-2.0
/*
 * The second UDP socket of an endpoint, connected to its busiest peer: nobody
 * notices when it appears and goes, but who looks into /proc/net/udp.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define SHORT_US	100000		/* long enough to be seen */
#define LONG_US		600000000	/* the most that idle-timeout may be */
#define ESTABLISHED	1		/* as /proc/net/udp says it */

/* Who talks to the server, on host A, and what the server has for it. */
struct end {
	int fd;
	int server;
	bool connection;
	unsigned int port;
};

static int set_timeout(__u32 us)
{
	return dev_set_u32(HOST_A, FASTPROTO_A_DEV_IDLE_TIMEOUT, us) ?:
	       dev_set_u32(HOST_B, FASTPROTO_A_DEV_IDLE_TIMEOUT, us);
}

/* How many connected UDP sockets a host has from and to these ports; 0: any. */
static unsigned int connected(enum host host, int family, unsigned int local,
			      unsigned int remote)
{
	unsigned int count = 0, from, to, state;
	char line[256];
	FILE *file;

	net_enter(host);
	file = fopen(family == AF_INET ? "/proc/thread-self/net/udp" :
					 "/proc/thread-self/net/udp6", "r");
	net_enter(HOST_A);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*[0-9A-F]:%x %*[0-9A-F]:%x %x",
			   &from, &to, &state) == 3 &&
		    state == ESTABLISHED && (!local || from == local) &&
		    (!remote || to == remote))
			count++;
	if (file)
		fclose(file);
	return count;
}

/* A question and its answer. */
static bool ask(const struct end *end)
{
	static __u32 seed;
	struct sockaddr_fp from = {};
	socklen_t len = sizeof(from);
	char in[100], out[100];

	fill(out, sizeof(out), ++seed);
	if (send(end->fd, out, sizeof(out), 0) != sizeof(out) ||
	    recvfrom(end->server, in, sizeof(in), 0, (struct sockaddr *)&from,
		     &len) != sizeof(in) ||
	    !filled(in, sizeof(in), seed) ||
	    fp_sendto(end->server, in, sizeof(in),
		      end->connection ? NULL : &from) != sizeof(in) ||
	    recv(end->fd, out, sizeof(out), 0) != sizeof(out))
		return false;
	return filled(out, sizeof(out), seed);
}

static bool ask_often(const struct end *end)
{
	unsigned int i;

	for (i = 0; i < 200; i++)
		if (!ask(end))
			return false;
	return true;
}

FIXTURE(demux) {
	struct stats base[HOSTS];
	struct sockaddr_fp address;	/* of the server, as seen by clients */
	unsigned int port;		/* that of it */
	int server;			/* on host B; of connections: listens */
	struct end client;
};

FIXTURE_VARIANT(demux) {
	int family;
	int type;
	bool any;			/* both are bound to no address */
	bool link;			/* the addresses are link-local ones */
};

FIXTURE_VARIANT_ADD(demux, dgram_ipv4) {
	.family = AF_INET, .type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(demux, dgram_any_ipv6) {
	.family = AF_INET6, .type = SOCK_DGRAM, .any = true,
};

FIXTURE_VARIANT_ADD(demux, dgram_any_ipv6_link) {
	.family = AF_INET6, .type = SOCK_DGRAM, .any = true, .link = true,
};

FIXTURE_VARIANT_ADD(demux, dgram_any_ipv4) {
	.family = AF_INET, .type = SOCK_DGRAM, .any = true,
};

FIXTURE_VARIANT_ADD(demux, seqpacket_ipv4) {
	.family = AF_INET, .type = SOCK_SEQPACKET,
};

FIXTURE_VARIANT_ADD(demux, seqpacket_any_ipv6) {
	.family = AF_INET6, .type = SOCK_SEQPACKET, .any = true,
};

static struct sockaddr_fp
address_of(const struct _fixture_variant_demux *variant, enum host host,
	   enum host seen_by, unsigned int port)
{
	struct sockaddr_fp addr;

	if (!variant->link)
		return fp_host(variant->family, host, port);
	addr = fp_addr(AF_INET6, host == HOST_A ? "fe80::77:1" : "fe80::77:2",
		       port);
	addr.sfp_sin6.sin6_scope_id = net_ifindex(seen_by, DEVICE);
	return addr;
}

static int open_server(struct _test_data_demux *self,
		       const struct _fixture_variant_demux *variant)
{
	struct sockaddr_fp addr = address_of(variant, HOST_B, HOST_B, 0);

	if (variant->any)
		addr = fp_any(AF_INET6, 0);
	self->server = variant->type == SOCK_DGRAM ?
		       fp_open(HOST_B) : fp_open_seqpacket(HOST_B);
	if (self->server < 0 || fp_bind(self->server, &addr) ||
	    fp_name(self->server, &addr))
		return -1;
	self->port = fp_port(&addr);
	self->address = address_of(variant, HOST_B, HOST_A, self->port);
	return variant->type == SOCK_DGRAM ? 0 : listen(self->server, 10);
}

static int open_client(struct _test_data_demux *self,
		       const struct _fixture_variant_demux *variant,
		       struct end *end)
{
	struct sockaddr_fp addr = address_of(variant, HOST_A, HOST_A, 0);

	if (variant->any)
		addr = fp_any(AF_INET6, 0);
	end->connection = variant->type != SOCK_DGRAM;
	end->fd = end->connection ? fp_open_seqpacket(HOST_A) :
				    fp_open(HOST_A);
	if (end->fd < 0 || fp_bind(end->fd, &addr) ||
	    fp_name(end->fd, &addr) || fp_connect(end->fd, &self->address))
		return -1;
	end->port = fp_port(&addr);
	end->server = end->connection ? accept(self->server, NULL, NULL) :
					self->server;
	return end->server < 0 ? -1 : 0;
}

static void close_client(const struct end *end)
{
	close(end->fd);
	if (end->connection)
		close(end->server);
}

static bool is_made(struct _test_data_demux *self, int family,
		    const struct end *end)
{
	return connected(HOST_A, family, end->port, self->port) &&
	       connected(HOST_B, family, self->port, end->port);
}

/* Ask until both ends have, or have had, one for the other. */
static bool make(struct _test_data_demux *self, int family,
		 const struct end *end)
{
	time_t last = time(NULL) + PATIENCE;
	bool a = false, b = false;

	while (!a || !b) {
		if (time(NULL) > last || !ask(end))
			return false;
		a |= connected(HOST_A, family, end->port, self->port);
		b |= connected(HOST_B, family, self->port, end->port);
	}
	return true;
}

/* Until there is none. */
static bool gone(struct _test_data_demux *self, int family)
{
	time_t last = time(NULL) + PATIENCE;

	while (connected(HOST_B, family, self->port, 0)) {
		if (time(NULL) > last)
			return false;
		usleep(1000);
	}
	return true;
}

FIXTURE_SETUP(demux)
{
	stats_read(HOST_A, &self->base[HOST_A]);
	stats_read(HOST_B, &self->base[HOST_B]);
	ASSERT_EQ(0, set_timeout(LONG_US));
	ASSERT_EQ(0, open_server(self, variant));
	ASSERT_EQ(0, open_client(self, variant, &self->client));
}

FIXTURE_TEARDOWN(demux)
{
	close_client(&self->client);
	close(self->server);
}

/* What was dropped and was no duplicate: that a slow machine sends. */
static __u64 drops(struct _test_data_demux *self, enum host host)
{
	return stats_drops_since(host, &self->base[host]) -
	       stats_since(host, &self->base[host],
			   FASTPROTO_A_STATS_DROP_DUPLICATE);
}

TEST_F(demux, made_for_who_talks)
{
	EXPECT_EQ(0, connected(HOST_B, variant->family, self->port, 0));
	ASSERT_TRUE(make(self, variant->family, &self->client));
	EXPECT_EQ(1, connected(HOST_B, variant->family, self->port, 0));
	EXPECT_EQ(1, connected(HOST_A, variant->family, self->client.port, 0));
	EXPECT_TRUE(ask_often(&self->client));
	EXPECT_EQ(1, connected(HOST_B, variant->family, self->port, 0));
	EXPECT_EQ(0, drops(self, HOST_A));
	EXPECT_EQ(0, drops(self, HOST_B));
}

/* No datagram is lost: each question is asked once. */
TEST_F(demux, appears_and_goes_unnoticed)
{
	unsigned int i;

	ASSERT_EQ(0, set_timeout(SHORT_US));
	for (i = 0; i < fewer(3); i++) {
		ASSERT_TRUE(make(self, variant->family, &self->client));
		ASSERT_TRUE(gone(self, variant->family));
	}
	EXPECT_TRUE(ask_often(&self->client));
	EXPECT_EQ(0, drops(self, HOST_A));
	EXPECT_EQ(0, drops(self, HOST_B));
}

TEST_F(demux, others_are_heard)
{
	struct end other;
	unsigned int i;

	ASSERT_TRUE(make(self, variant->family, &self->client));
	ASSERT_EQ(0, open_client(self, variant, &other));
	for (i = 0; i < 100; i++) {
		ASSERT_TRUE(ask(&other));
		ASSERT_TRUE(ask(&self->client));
	}
	EXPECT_EQ(1, connected(HOST_B, variant->family, self->port, 0));
	close_client(&other);
}

/* Under traffic, of both. */
TEST_F(demux, moves_to_who_talks_more)
{
	time_t last = time(NULL) + PATIENCE;
	unsigned int i = 0;
	struct end other;

	ASSERT_EQ(0, set_timeout(SHORT_US));
	ASSERT_TRUE(make(self, variant->family, &self->client));
	ASSERT_EQ(0, open_client(self, variant, &other));
	while (!connected(HOST_B, variant->family, self->port, other.port)) {
		ASSERT_GE(last, time(NULL));
		ASSERT_TRUE(ask(&other));
		if (i++ % 8 == 0)
			ASSERT_TRUE(ask(&self->client));
	}
	EXPECT_EQ(0, drops(self, HOST_A));
	EXPECT_EQ(0, drops(self, HOST_B));
	close_client(&other);
}

/* Who was ahead says nothing more: the next need not wait for the idle-timeout. */
TEST_F(demux, moves_to_who_comes_after)
{
	struct end other;

	ASSERT_TRUE(make(self, variant->family, &self->client));
	ASSERT_EQ(0, open_client(self, variant, &other));
	ASSERT_TRUE(make(self, variant->family, &other));
	EXPECT_EQ(1, connected(HOST_B, variant->family, self->port, 0));
	EXPECT_EQ(0, drops(self, HOST_A));
	EXPECT_EQ(0, drops(self, HOST_B));
	close_client(&other);
}

/* With so many, nobody is ahead. */
#define PEERS	200

TEST_F(demux, nobody_for_many_peers)
{
	struct end *peers = calloc(PEERS, sizeof(*peers));
	unsigned int i, round;

	ASSERT_NE(NULL, peers);
	for (i = 0; i < PEERS; i++)
		ASSERT_EQ(0, open_client(self, variant, &peers[i]));
	for (round = 0; round < fewer(20); round++)
		for (i = 0; i < PEERS; i++)
			ASSERT_TRUE(ask(&peers[i]));
	EXPECT_EQ(0, connected(HOST_B, variant->family, self->port, 0));
	for (i = 0; i < PEERS; i++)
		close_client(&peers[i]);
	free(peers);
	ASSERT_TRUE(make(self, variant->family, &self->client));
}

/* Programs that try to get at the server's port, as long as they may. */
struct thieves {
	int fd[4];
	struct sockaddr_fp where[2];
	atomic_uint tries;
	atomic_bool stop;
	atomic_bool succeeded;
};

static int bind_udp(int fd, const struct sockaddr_fp *addr)
{
	return bind(fd, (const struct sockaddr *)&addr->sfp_sin,
		    addr->sfp_transport == AF_INET ? sizeof(addr->sfp_sin) :
						     sizeof(addr->sfp_sin6));
}

static int open_thief(int family, int option)
{
	int fd;

	net_enter(HOST_B);
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	net_enter(HOST_A);
	return fd < 0 || fp_setint(fd, SOL_SOCKET, option, 1) ? -1 : fd;
}

static void *steal(void *arg)
{
	struct thieves *thieves = arg;
	unsigned int i;

	while (!atomic_load(&thieves->stop)) {
		for (i = 0; i < ARRAY_SIZE(thieves->fd); i++)
			if (!bind_udp(thieves->fd[i], &thieves->where[i / 2]) ||
			    errno != EADDRINUSE)
				atomic_store(&thieves->succeeded, true);
		atomic_fetch_add(&thieves->tries, 1);
	}
	return NULL;
}

TEST_F(demux, port_is_never_shared)
{
	struct thieves thieves = {};
	unsigned int i, tries;
	pthread_t thread;

	for (i = 0; i < ARRAY_SIZE(thieves.fd); i++) {
		thieves.fd[i] = open_thief(variant->family, i % 2 ?
					   SO_REUSEADDR : SO_REUSEPORT);
		ASSERT_LE(0, thieves.fd[i]);
	}
	thieves.where[0] = address_of(variant, HOST_B, HOST_B, self->port);
	thieves.where[1] = fp_any(variant->family, self->port);
	ASSERT_EQ(0, set_timeout(SHORT_US));
	ASSERT_EQ(0, pthread_create(&thread, NULL, steal, &thieves));
	for (i = 0; i < fewer(3); i++) {
		tries = atomic_load(&thieves.tries);
		ASSERT_TRUE(make(self, variant->family, &self->client));
		ASSERT_TRUE(gone(self, variant->family));
		while (atomic_load(&thieves.tries) - tries < 100)
			sched_yield();
	}
	ASSERT_EQ(0, set_timeout(LONG_US));
	ASSERT_TRUE(make(self, variant->family, &self->client));
	tries = atomic_load(&thieves.tries);
	while (atomic_load(&thieves.tries) - tries < 100)
		sched_yield();
	atomic_store(&thieves.stop, true);
	pthread_join(thread, NULL);
	EXPECT_FALSE(atomic_load(&thieves.succeeded));
	for (i = 0; i < ARRAY_SIZE(thieves.fd); i++)
		close(thieves.fd[i]);
}

/* The way to and from the peer changes, and changes back. */
TEST_F(demux, follows_the_route)
{
	ASSERT_TRUE(make(self, variant->family, &self->client));
	net_detour(true);
	EXPECT_TRUE(ask_often(&self->client));
	net_detour(false);
	EXPECT_TRUE(ask_often(&self->client));
	EXPECT_TRUE(is_made(self, variant->family, &self->client));
}

FIXTURE(datagrams) {
	struct _test_data_demux demux;
};

FIXTURE_VARIANT(datagrams) {
	struct _fixture_variant_demux demux;
	const char *address;		/* of host B */
	const char *route;		/* from host B to host A */
	const char *unwanted;		/* counter of what is for nobody */
};

FIXTURE_VARIANT_ADD(datagrams, ipv4) {
	.demux = { .family = AF_INET, .type = SOCK_DGRAM, .any = true },
	.address = "10.77.0.2/24 brd +",
	.route = "10.77.0.0/24",
	.unwanted = "IpInAddrErrors",
};

FIXTURE_VARIANT_ADD(datagrams, ipv6) {
	.demux = { .family = AF_INET6, .type = SOCK_DGRAM, .any = true },
	.address = "fd77::2/64 nodad",
	.route = "fd77::/64",
	.unwanted = "Ip6InNoRoutes",
};

FIXTURE_SETUP(datagrams)
{
	ASSERT_EQ(0, set_timeout(LONG_US));
	ASSERT_EQ(0, net_sysctl(HOST_B, "ipv4/icmp_ratelimit", "0"));
	ASSERT_EQ(0, net_sysctl(HOST_B, "ipv6/icmp/ratelimit", "0"));
	ASSERT_EQ(0, open_server(&self->demux, &variant->demux));
	ASSERT_EQ(0, open_client(&self->demux, &variant->demux,
				 &self->demux.client));
	ASSERT_TRUE(make(&self->demux, variant->demux.family,
			 &self->demux.client));
}

FIXTURE_TEARDOWN(datagrams)
{
	close_client(&self->demux.client);
	close(self->demux.server);
}

/* An ICMP message about a datagram to the peer of that socket. */
TEST_F(datagrams, errors_are_told)
{
	char c;

	close(self->demux.server);
	ASSERT_EQ(1, send(self->demux.client.fd, "x", 1, 0));
	EXPECT_FAILS(ECONNREFUSED, recv(self->demux.client.fd, &c, 1, 0));
	self->demux.server = -1;
}

/* When close() returns, the port is free, and nothing of it is left. */
TEST_F(datagrams, nothing_is_left)
{
	int fd;

	close(self->demux.server);
	EXPECT_EQ(0, connected(HOST_B, variant->demux.family, self->demux.port,
			       0));
	fd = udp_open(HOST_B, variant->demux.family, self->demux.port, NULL);
	EXPECT_LE(0, fd);
	close(fd);
	close(self->demux.client.fd);
	EXPECT_EQ(0, connected(HOST_A, variant->demux.family,
			       self->demux.client.port, 0));
	self->demux.server = -1;
	self->demux.client.fd = -1;
}

static int bind_device(int fd, const char *device)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
			  strlen(device));
}

/* What comes in by other interfaces is not for it any more, at once. */
TEST_F(datagrams, bound_to_a_device)
{
	const struct end *client = &self->demux.client;
	char c;

	ASSERT_EQ(0, bind_device(self->demux.server, "lo"));
	ASSERT_EQ(1, send(client->fd, "x", 1, 0));
	EXPECT_FAILS(ECONNREFUSED, recv(client->fd, &c, 1, 0));
	EXPECT_FAILS(EAGAIN, recv(self->demux.server, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, bind_device(self->demux.server, DEVICE));
	EXPECT_TRUE(ask(client));
	EXPECT_TRUE(make(&self->demux, variant->demux.family, client));
	ASSERT_EQ(0, bind_device(self->demux.server, ""));
	EXPECT_TRUE(ask(client));
	EXPECT_TRUE(make(&self->demux, variant->demux.family, client));
}

/* Two that send as fast as they can, one of them eight times as much. */
struct load {
	int fd[2];
	atomic_uint busy;
	atomic_bool stop;
};

static void *send_load(void *arg)
{
	struct load *load = arg;
	unsigned int i, busy;

	for (i = 0; !atomic_load(&load->stop); i++) {
		busy = atomic_load(&load->busy);
		send(load->fd[i % 9 ? busy : !busy], "x", 1, 0);
	}
	return NULL;
}

/* Moved again and again, while datagrams of both are under way. */
TEST_F(datagrams, moves_under_load)
{
	const char *no_port = variant->demux.family == AF_INET ?
			      "UdpNoPorts" : "Udp6NoPorts";
	__u64 before = net_counter(HOST_B, no_port);
	time_t last = time(NULL) + 2 * PATIENCE;
	struct load load = {};
	unsigned int i, busy;
	struct end ends[2];
	struct stats base;
	pthread_t thread;

	stats_read(HOST_B, &base);
	ASSERT_EQ(0, set_timeout(SHORT_US / 2));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, open_client(&self->demux, &variant->demux,
					 &ends[i]));
		load.fd[i] = ends[i].fd;
	}
	/* The one of the fixture would be looked at in ten minutes. */
	ASSERT_EQ(0, bind_device(self->demux.server, ""));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_load, &load));
	for (i = 0; i < fewer(10); i++) {
		busy = i % 2;
		atomic_store(&load.busy, busy);
		while (!connected(HOST_B, variant->demux.family,
				  self->demux.port, ends[busy].port) &&
		       time(NULL) <= last)
			;
	}
	atomic_store(&load.stop, true);
	pthread_join(thread, NULL);
	EXPECT_GE(last, time(NULL));
	EXPECT_EQ(before, net_counter(HOST_B, no_port));
	EXPECT_EQ(0, stats_since(HOST_B, &base,
				 FASTPROTO_A_STATS_DROP_NO_SOCKET));
	for (i = 0; i < 2; i++)
		close_client(&ends[i]);
}

static int change(const char *what, const char *verb, const char *which)
{
	char command[100];

	snprintf(command, sizeof(command), "ip %s %s %s dev " DEVICE, what,
		 verb, which);
	return net_run(HOST_B, command);
}

/* The server's address goes, and with it what is sent there; and comes back. */
TEST_F(datagrams, address_goes_and_comes)
{
	struct pollfd p = { .fd = self->demux.server, .events = POLLIN };
	time_t last = time(NULL) + PATIENCE;
	char bare[32] = "", c;
	__u64 before;

	strncat(bare, variant->address, strcspn(variant->address, " "));
	before = net_counter(HOST_B, variant->unwanted);
	ASSERT_EQ(0, change("addr", "del", bare));
	do {
		ASSERT_GE(last, time(NULL));
		/* It may be told of an ICMP message instead. */
		send(self->demux.client.fd, "x", 1, 0);
	} while (net_counter(HOST_B, variant->unwanted) == before);
	EXPECT_FAILS(EAGAIN, recv(self->demux.server, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, change("addr", "add", variant->address));
	/* A neighbour that was not there may cost a datagram more. */
	do {
		ASSERT_GE(last, time(NULL));
		send(self->demux.client.fd, "x", 1, 0);
		poll(&p, 1, 100);
	} while (recv(self->demux.server, &c, 1, MSG_DONTWAIT) != 1);
	/* Others that had waited for it. */
	while (recv(self->demux.server, &c, 1, MSG_DONTWAIT) == 1)
		;
	EXPECT_TRUE(ask_often(&self->demux.client));
}

/* From the peer's side only: to it, no socket can be connected for a while. */
TEST_F(datagrams, no_way_back)
{
	struct _test_data_demux *demux = &self->demux;
	unsigned int i;
	char c;

	ASSERT_EQ(0, set_timeout(SHORT_US));
	/* The one of the fixture would be looked at in ten minutes. */
	ASSERT_EQ(0, bind_device(demux->server, ""));
	ASSERT_EQ(0, connected(HOST_B, variant->demux.family, demux->port, 0));
	ASSERT_EQ(0, change("route", "del", variant->route));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(1, send(demux->client.fd, "x", 1, 0));
		ASSERT_EQ(1, recv(demux->server, &c, 1, 0));
	}
	EXPECT_EQ(0, connected(HOST_B, variant->demux.family, demux->port, 0));
	ASSERT_EQ(0, change("route", "add", variant->route));
	ASSERT_TRUE(make(demux, variant->demux.family, &demux->client));
}

/*
 * The endpoint that clients without a port share. This one has it when the
 * namespace goes, at the end of this program: whoever runs it sees what is left.
 */
TEST(namespace_goes)
{
	int family = AF_INET6, server;
	struct sockaddr_fp addr;
	struct end client = { .connection = true };

	ASSERT_EQ(0, set_timeout(LONG_US));
	ASSERT_EQ(0, fp_pair(family, &client.fd, &client.server));
	ASSERT_EQ(0, fp_name(client.server, &addr));
	server = fp_port(&addr);
	ASSERT_TRUE(ask(&client));
	while (!connected(HOST_A, family, 0, server))
		ASSERT_TRUE(ask(&client));
	EXPECT_EQ(1, connected(HOST_A, family, 0, server));
	close_client(&client);
	EXPECT_EQ(1, connected(HOST_A, family, 0, server));
}

int main(int argc, char **argv)
{
	net_setup();
	net_router();
	return test_harness_run(argc, argv);
}
