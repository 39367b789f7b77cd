// SPDX-License-Identifier: GPL-2.0
/* Two hosts, each a network namespace, joined by a veth pair. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fptest.h"

#define EXIT_SKIP	4

static int hosts[NAMESPACES];

static void skip(const char *why)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", why);
	exit(EXIT_SKIP);
}

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

void net_enter(enum host host)
{
	if (setns(hosts[host], CLONE_NEWNET))
		die("setns");
}

/*
 * Runs a program, found in PATH, and waits for it: without a shell, which might
 * have an "ip" of its own. Returns 0 if it succeeds.
 */
static int run(char *const *argv, int input)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		if (input >= 0)
			dup2(input, STDIN_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs a command, some words, on a host; its output goes where ours goes. */
int net_run(enum host host, const char *command)
{
	char *words = strdup(command);
	char *argv[32] = { 0 };
	size_t n = 0;
	int ret;

	for (argv[0] = strtok(words, " "); argv[n]; argv[n] = strtok(NULL, " "))
		if (++n == ARRAY_SIZE(argv) - 1)
			die(command);
	net_enter(host);
	ret = run(argv, -1);
	net_enter(HOST_A);
	free(words);
	return ret;
}

/* What leaves by a device waits in this queue, some words; NULL: no longer. */
int net_qdisc(enum host host, const char *device, const char *words)
{
	char command[200];

	if (words)
		snprintf(command, sizeof(command),
			 "tc qdisc replace dev %s root %s", device, words);
	else
		snprintf(command, sizeof(command), "tc qdisc del dev %s root",
			 device);
	return net_run(host, command);
}

/* What leaves a host goes through netem with these words; NULL: no longer. */
int net_netem(enum host host, const char *words)
{
	char netem[160];

	if (!words)
		return net_qdisc(host, DEVICE, NULL);
	snprintf(netem, sizeof(netem), "netem limit 10000 %s", words);
	return net_qdisc(host, DEVICE, netem);
}

int net_mtu(enum host host, const char *device, unsigned int mtu)
{
	char command[80];

	snprintf(command, sizeof(command), "ip link set dev %s mtu %u", device,
		 mtu);
	return net_run(host, command);
}

int net_sysctl(enum host host, const char *name, const char *value)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	net_enter(host);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	err = fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
	if (fd >= 0)
		close(fd);
	net_enter(HOST_A);
	return err;
}

int net_ifindex(enum host host, const char *device)
{
	int index;

	net_enter(host);
	index = if_nametoindex(device);
	net_enter(HOST_A);
	return index;
}

/*
 * Keeps the caller on one CPU, so that what it sends over veth or loopback is
 * received in the order in which it was sent.
 */
void net_pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void ip_batch(enum host host, const char *commands)
{
	char *argv[4] = { "ip", "-batch", "-" };
	FILE *file = tmpfile();

	if (!file || fputs(commands, file) == EOF || fflush(file))
		die("temporary file");
	rewind(file);
	net_enter(host);
	if (run(argv, fileno(file)))
		die("ip -batch");
	fclose(file);
}

static void host_new(enum host host)
{
	if (unshare(CLONE_NEWNET)) {
		if (errno == EPERM)
			skip("needs root");
		die("unshare");
	}
	hosts[host] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (hosts[host] < 0)
		die("/proc/self/ns/net");
}

static void host_addresses(enum host host)
{
	char commands[512];
	int n = host + 1;

	snprintf(commands, sizeof(commands),
		 "link set lo up\n"
		 "link set " DEVICE " addrgenmode none\n"
		 "link set " DEVICE " up\n"
		 "addr add 10.77.0.%d/24 brd + dev " DEVICE "\n"
		 "addr add fd77::%d/64 dev " DEVICE " nodad\n"
		 "addr add fe80::77:%d/64 dev " DEVICE " nodad\n",
		 n, n, n);
	ip_batch(host, commands);
}

/*
 * A second way between the hosts, over a router; it is not used until
 * net_detour(). The router's device to host A has the name "a", that to host B
 * the name "b"; the hosts' own are called "detour".
 */
static void add_leg(enum host host, char name)
{
	char commands[768];
	int n = host + 1;

	snprintf(commands, sizeof(commands),
		 "link add detour type veth peer name %c netns /proc/%d/fd/%d\n"
		 "link set detour addrgenmode none\n"
		 "link set detour up\n"
		 "addr add 10.78.%d.1/24 dev detour\n"
		 "addr add fd78:%d::1/64 dev detour nodad\n"
		 "addr add fe80::78:1/64 dev detour nodad\n",
		 name, getpid(), hosts[ROUTER], n, n);
	ip_batch(host, commands);
	snprintf(commands, sizeof(commands),
		 "link set dev %c addrgenmode none\n"
		 "link set dev %c up\n"
		 "addr add 10.78.%d.9/24 dev %c\n"
		 "addr add fd78:%d::9/64 dev %c nodad\n"
		 "addr add fe80::78:9/64 dev %c nodad\n"
		 "route add 10.77.0.%d/32 via 10.78.%d.1\n"
		 "route add fd77::%d/128 via fd78:%d::1\n",
		 name, name, n, name, n, name, name, n, n, n, n);
	ip_batch(ROUTER, commands);
	net_enter(HOST_A);
}

/* To be called after net_setup(), by a test that wants a router. */
void net_router(void)
{
	host_new(ROUTER);
	add_leg(HOST_A, 'a');
	add_leg(HOST_B, 'b');
	if (net_sysctl(ROUTER, "ipv4/ip_forward", "1") ||
	    net_sysctl(ROUTER, "ipv6/conf/all/forwarding", "1"))
		die("forwarding");
}

/* From now on all goes over the router, or no longer. */
void net_detour(bool on)
{
	const char *verb = on ? "add" : "del";
	char commands[256];
	enum host host;

	for (host = HOST_A; host < HOSTS; host++) {
		int own = host + 1, other = HOSTS - host;

		snprintf(commands, sizeof(commands),
			 "route %s 10.77.0.%d/32 via 10.78.%d.9 src 10.77.0.%d\n"
			 "route %s fd77::%d/128 via fd78:%d::9 src fd77::%d\n",
			 verb, other, own, own, verb, other, own, own);
		ip_batch(host, commands);
	}
	net_enter(HOST_A);
}

/* The router sends nothing that is larger, but ICMP messages about it. */
void net_hop_mtu(unsigned int mtu)
{
	char commands[512];

	snprintf(commands, sizeof(commands),
		 "route change 10.77.0.1/32 via 10.78.1.1 mtu lock %u\n"
		 "route change 10.77.0.2/32 via 10.78.2.1 mtu lock %u\n"
		 "route change fd77::1/128 via fd78:1::1 mtu %u\n"
		 "route change fd77::2/128 via fd78:2::1 mtu %u\n",
		 mtu, mtu, mtu, mtu);
	ip_batch(ROUTER, commands);
	net_enter(HOST_A);
}

/*
 * The router itself sends the hosts nothing, and so no ICMP messages, or does
 * again. Whatever it sends of its own has come from "lo", to the routing.
 */
int net_quiet(bool on)
{
	const char *verb = on ? "add" : "del";
	char command[100];
	int err;

	snprintf(command, sizeof(command),
		 "ip rule %s iif lo to 10.77.0.0/24 blackhole", verb);
	err = net_run(ROUTER, command);
	snprintf(command, sizeof(command),
		 "ip -6 rule %s iif lo to fd77::/64 blackhole", verb);
	return err | net_run(ROUTER, command);
}

/*
 * A counter of IP or UDP, as nstat calls it: IpInHdrErrors, UdpInCsumErrors,
 * Udp6InCsumErrors ...
 */
__u64 net_counter(enum host host, const char *name)
{
	char command[80], word[64];
	unsigned long long value = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "nstat -az %s", name);
	fflush(stdout);
	net_enter(host);
	pipe = popen(command, "r");
	net_enter(HOST_A);
	while (pipe && fscanf(pipe, "%63s", word) == 1)
		if (!strcmp(word, name) && fscanf(pipe, "%llu", &value) == 1)
			break;
	if (!pipe || pclose(pipe))
		die("nstat");
	return value;
}

/* Until a datagram goes through, the link may still be coming up. */
static void wait_for_link(int family)
{
	struct pollfd pfd = { .events = POLLIN };
	int tries = PATIENCE * 20;
	struct sockaddr_fp to;
	int tx;

	tx = udp_open(HOST_A, family, 0, NULL);
	pfd.fd = udp_open(HOST_B, family, 0, &to);
	if (tx < 0 || pfd.fd < 0)
		die("udp socket");
	do {
		udp_sendto(tx, "x", 1, &to);
	} while (poll(&pfd, 1, 50) == 0 && tries--);
	if (tries < 0)
		die("no link between the hosts");
	close(tx);
	close(pfd.fd);
}

/* Makes the hosts, or ends the program with kselftest's code for a skip. */
void net_setup(void)
{
	char commands[128];
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = socket(AF_FASTPROTO, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		skip("no AF_FASTPROTO: the module is not loaded");
	if (fd < 0)
		die("socket(AF_FASTPROTO)");
	close(fd);
	host_new(HOST_A);
	host_new(HOST_B);
	snprintf(commands, sizeof(commands),
		 "link add " DEVICE " type veth peer name " DEVICE
		 " netns /proc/%d/fd/%d\n", getpid(), hosts[HOST_B]);
	ip_batch(HOST_A, commands);
	host_addresses(HOST_A);
	host_addresses(HOST_B);
	net_enter(HOST_A);
	wait_for_link(AF_INET);
	wait_for_link(AF_INET6);
}

/*
 * What happens hundreds of times in a test takes a system call, not a program.
 */

/* Of <linux/ipv6.h>, which <netinet/in.h> does not bear beside it. */
struct in6_request {
	struct in6_addr addr;
	__u32 prefix;
	int ifindex;
};

static int request(enum host host, int family, unsigned long what, void *arg)
{
	int fd, ret;

	net_enter(host);
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ret = ioctl(fd, what, arg);
	close(fd);
	net_enter(HOST_A);
	return ret;
}

static int set_flags(enum host host, const char *device, bool up)
{
	struct ifreq ifr = { .ifr_flags = up ? IFF_UP | IFF_RUNNING : 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	return request(host, AF_INET, SIOCSIFFLAGS, &ifr);
}

/* An IPv4 address of a device, which has one; "0.0.0.0": none any more. */
static int set_inet(enum host host, const char *device, const char *text)
{
	struct ifreq ifr = {}, mask = {};
	struct sockaddr_in *addr = (void *)&ifr.ifr_addr;
	int err;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	addr->sin_family = AF_INET;
	inet_pton(AF_INET, text, &addr->sin_addr);
	err = request(host, AF_INET, SIOCSIFADDR, &ifr);
	if (err || !addr->sin_addr.s_addr)
		return err;
	mask = ifr;
	addr = (void *)&mask.ifr_netmask;
	inet_pton(AF_INET, "255.255.255.0", &addr->sin_addr);
	return request(host, AF_INET, SIOCSIFNETMASK, &mask);
}

static int set_inet6(enum host host, const char *device, const char *text,
		     bool there)
{
	struct in6_request ifr = {
		.prefix = 64, .ifindex = net_ifindex(host, device)
	};

	inet_pton(AF_INET6, text, &ifr.addr);
	return request(host, AF_INET6, there ? SIOCSIFADDR : SIOCDIFADDR, &ifr);
}

/* Takes the device down, or up; its addresses stay. */
int net_link(enum host host, bool up)
{
	if (!up && net_sysctl(host, "ipv6/conf/" DEVICE "/keep_addr_on_down",
			      "1"))
		return -1;
	return set_flags(host, DEVICE, up);
}

/* Takes a host its addresses, or gives them back. */
int net_addresses(enum host host, bool there)
{
	const char *inet = host ? "10.77.0.2" : "10.77.0.1";
	const char *inet6 = host ? "fd77::2" : "fd77::1";

	/* Nobody is asked whether they are free. */
	if (net_sysctl(host, "ipv6/conf/all/accept_dad", "0") ||
	    net_sysctl(host, "ipv6/conf/" DEVICE "/accept_dad", "0"))
		return -1;
	return set_inet(host, DEVICE, there ? inet : "0.0.0.0") ||
	       set_inet6(host, DEVICE, inet6, there) ? -1 : 0;
}

/*
 * For this process, both hosts are from now on a new one, without a link to
 * anywhere. It goes with the process and its sockets.
 */
void net_alone(void)
{
	host_new(HOST_A);
	hosts[HOST_B] = hosts[HOST_A];
	if (set_flags(HOST_A, "lo", true) ||
	    set_inet(HOST_A, "lo:1", "10.77.0.1") ||
	    set_inet(HOST_A, "lo:2", "10.77.0.2") ||
	    set_inet6(HOST_A, "lo", "fd77::1", true) ||
	    set_inet6(HOST_A, "lo", "fd77::2", true))
		die("a host alone");
}
