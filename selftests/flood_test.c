// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of very many: of strangers who only ask for a connection, and of
 * connections that came and went; and what very many do who wait for room.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define SPOOFED		100000
#define ECHO_SIZE	96
#define STRANGERS	"198.18.0.0/15"
#define FIRST_STRANGER	0xc6120000
#define BATCH		500	/* fewer than an interface's queue takes */
#define FRIENDS		10	/* at least */
#define CONNECTIONS	2000
#define SPEAKERS	10000
#define BACKLOG		"200"	/* datagrams that wait for a processor */

/*
 * How much more memory may be in use afterwards, KiB: the kernel has other things
 * to do, too. If each SYN, or each connection, left but 32 bytes behind, that
 * would be more.
 */
#define SLABS		56
#define SLABS_MEANWHILE	1024	/* the friends' own, and what waits for RCU */
#define AVAILABLE	8192

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	unsigned char frame[ECHO_SIZE];
};

/*
 * A SYN, or the echo of a cookie that nobody gave, from an address that nobody
 * has, another one each time. Returns its length.
 */
static size_t spoof(struct packet *packet, const struct sockaddr_fp *to,
		    bool echo, unsigned int i)
{
	const __u32 slot = i, tag = i * 2654435761u;
	size_t len = offsetof(struct packet, frame);

	if (echo)
		len += frame_build_conn(packet->frame, 0, FP_F_ACK | FP_F_SYN |
					FP_F_COOKIE, 0, slot, 0, NULL, 0);
	else
		len += frame_build_syn(packet->frame, slot, tag);
	packet->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(FIRST_STRANGER + i % (1 << 17)),
		.daddr = to->sfp_sin.sin_addr.s_addr,
	};
	packet->udp = (struct udphdr){
		.source = htons(1024 + i % 60000),
		.dest = to->sfp_sin.sin_port,
		.len = htons(len - offsetof(struct packet, udp)),
	};
	return len;
}

static bool send_batch(int fd, const struct sockaddr_fp *to, bool echo,
		       unsigned int first)
{
	static struct packet packets[BATCH];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	int i, sent = 0, n;

	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = &packets[i];
		iov[i].iov_len = spoof(&packets[i], to, echo, first + i);
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = (void *)&to->sfp_sin,
			.msg_namelen = sizeof(to->sfp_sin),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
		};
	}
	while (sent < BATCH) {
		n = sendmmsg(fd, msgs + sent, BATCH - sent, 0);
		if (n < 0)
			return false;
		sent += n;
	}
	return true;
}

/* Somebody who means it, and the server that he speaks with. */
struct friends {
	struct sockaddr_fp addr;
	int listener;
	atomic_bool stop;
	atomic_uint done;	/* conversations */
	const char *failed;
};

static bool hear(int fd, const char *word)
{
	char in[16];

	return recv(fd, in, sizeof(in), 0) == (ssize_t)strlen(word) &&
	       !memcmp(in, word, strlen(word));
}

static const char *converse(const struct friends *friends)
{
	int client = fp_open_seqpacket(HOST_A), server;
	const char *failed = NULL;

	if (fp_connect(client, &friends->addr) ||
	    send(client, "question", 8, 0) != 8) {
		close(client);
		return "connect";
	}
	server = accept(friends->listener, NULL, NULL);
	if (!hear(server, "question") || send(server, "answer", 6, 0) != 6)
		failed = "question";
	else if (!hear(client, "answer"))
		failed = "answer";
	close(client);
	close(server);
	return failed;
}

static void *converse_on(void *arg)
{
	struct friends *friends = arg;

	while (!friends->stop && !friends->failed) {
		friends->failed = converse(friends);
		friends->done++;
	}
	return NULL;
}

/*
 * The others happen to those who mean it, too: a last acknowledgment is late, or
 * a cookie is taken for one that was used.
 */
static const int never[] = {
	FASTPROTO_A_STATS_DROP_NO_MEMORY,
	FASTPROTO_A_STATS_DROP_MEMORY,
	FASTPROTO_A_STATS_DROP_LIMIT,
	FASTPROTO_A_STATS_DROP_REFUSED,
	FASTPROTO_A_STATS_DROP_BACKLOG,
	FASTPROTO_A_STATS_OUT_ERRORS,
	FASTPROTO_A_STATS_OUT_RESETS_LIMITED,
};

FIXTURE(many) {
	struct friends friends;
	struct friends six;		/* over IPv6 */
	struct memory memory;
	struct stats base;		/* of host B */
};

static const char *meet(struct friends *friends, int family)
{
	friends->listener = fp_listen(HOST_B, family, 5, &friends->addr);
	return friends->listener < 0 ? "listen" : converse(friends);
}

FIXTURE_SETUP(many)
{
	/* So that all is there that stays. */
	ASSERT_EQ(NULL, meet(&self->friends, AF_INET));
	ASSERT_EQ(NULL, meet(&self->six, AF_INET6));
	ASSERT_LE(0, slab_conns());
	memory_read(&self->memory);
	stats_read(HOST_B, &self->base);
}

FIXTURE_TEARDOWN(many)
{
	close(self->friends.listener);
	close(self->six.listener);
}

static bool wait_no_connection(void)
{
	time_t end = time(NULL) + PATIENCE;

	while (conns_count(HOST_A) || conns_count(HOST_B) ||
	       slab_conns() ||
	       slab_objects("fastproto_act")) {
		if (time(NULL) > end)
			return false;
		usleep(10000);
	}
	return true;
}

/* Who has no address of his own holds nothing, and is in nobody's way. */
static void flood(struct __test_metadata *_metadata,
		  struct _test_data_many *self, bool echo)
{
	struct friends *friends = &self->friends;
	unsigned int spoofed = fewer(SPOOFED), i;
	pthread_t thread;
	int raw;

	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	ASSERT_LE(0, raw);
	/* The answers have somewhere to go. */
	ASSERT_EQ(0, net_run(HOST_B, "ip route replace " STRANGERS
			     " via 10.77.0.1"));
	net_pin();
	ASSERT_EQ(0, pthread_create(&thread, NULL, converse_on, friends));
	for (i = 0; i < spoofed || friends->done < FRIENDS; i += BATCH) {
		ASSERT_EQ(NULL, friends->failed);
		ASSERT_TRUE(send_batch(raw, &friends->addr, echo, i));
		ASSERT_TRUE(stats_wait(HOST_B, &self->base,
				       FASTPROTO_A_STATS_COOKIES_SENT,
				       i + BATCH));
	}
	EXPECT_TRUE(memory_wait(&self->memory, SLABS_MEANWHILE, AVAILABLE));
	friends->stop = true;
	pthread_join(thread, NULL);
	/* All that was tried has succeeded. */
	EXPECT_EQ(NULL, friends->failed);
	TH_LOG("%u %s, %u conversations meanwhile", i, echo ? "echoes" : "SYNs",
	       friends->done);

	EXPECT_EQ(friends->done, stats_since(HOST_B, &self->base,
					     FASTPROTO_A_STATS_ACCEPTED));
	for (i = 0; i < ARRAY_SIZE(never); i++) {
		EXPECT_EQ(0, stats_since(HOST_B, &self->base, never[i])) {
			TH_LOG("counter %d", never[i]);
		}
	}
	EXPECT_TRUE(wait_no_connection());
	EXPECT_TRUE(memory_wait(&self->memory, SLABS, AVAILABLE));
	close(raw);
}

TEST_F_TIMEOUT(many, spoofed_syns, 400)
{
	/* As it is on the wire. */
	ASSERT_EQ(20 + 8 + ECHO_SIZE, sizeof(struct packet));
	flood(_metadata, self, false);
}

TEST_F_TIMEOUT(many, spoofed_echoes, 400)
{
	flood(_metadata, self, true);
	EXPECT_LE(fewer(SPOOFED), stats_since(HOST_B, &self->base,
					      FASTPROTO_A_STATS_DROP_COOKIE));
}

/* One connection; some say something, some nothing; either end may be first. */
static void connect_and_close(struct __test_metadata *_metadata,
			      struct friends *friends, int i)
{
	int client = fp_open_seqpacket(HOST_A);

	ASSERT_EQ(0, fp_connect(client, &friends->addr));
	if (i % 3)
		ASSERT_EQ(1, send(client, "x", 1, 0));
	if (i % 2)
		close(client);
	close(accept(friends->listener, NULL, NULL));
	if (!(i % 2))
		close(client);
}

static __u32 sockets(enum host host)
{
	__u32 count = 0;

	dev_get_u32(host, FASTPROTO_A_DEV_SOCKETS, &count);
	return count;
}

TEST_F_TIMEOUT(many, connects_and_closes, 400)
{
	const __u32 before[HOSTS] = { sockets(HOST_A), sockets(HOST_B) };
	int count = fewer(CONNECTIONS), i;

	for (i = 0; i < count; i++)
		connect_and_close(_metadata,
				  i % 4 < 2 ? &self->friends : &self->six, i);
	EXPECT_EQ(count, stats_since(HOST_B, &self->base,
				     FASTPROTO_A_STATS_ACCEPTED));
	EXPECT_TRUE(wait_no_connection());
	EXPECT_TRUE(memory_wait(&self->memory, SLABS, AVAILABLE));
	EXPECT_EQ(before[HOST_A], sockets(HOST_A));
	EXPECT_EQ(before[HOST_B], sockets(HOST_B));
}

/* Many connections of a socket, and one that has room for few of their messages. */
FIXTURE(crowd) {
	int client;			/* on host A */
	int server;			/* on host B */
	struct sockaddr_fp addr;	/* of the server */
	struct stats base;		/* of host A */
	char backlog[16];		/* as it was */
};

/* Only the namespace that the machine began with has it. */
static ssize_t access_backlog(char *value, size_t len, bool set)
{
	const char *path = "/proc/sys/net/core/netdev_max_backlog";
	int ns = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC), fd;
	ssize_t ret = -1;

	if (ns >= 0 && !setns(ns, CLONE_NEWNET)) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		ret = set ? write(fd, value, len) : read(fd, value, len);
		close(fd);
	}
	close(ns);
	net_enter(HOST_A);
	return ret;
}

/* What was lost since a processor had too much to receive, of all. */
static unsigned int lost(void)
{
	unsigned int sum = 0, dropped;
	char line[256];
	FILE *file;

	file = fopen("/proc/net/softnet_stat", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*x %x", &dropped) == 1)
			sum += dropped;
	if (file)
		fclose(file);
	return sum;
}

FIXTURE_SETUP(crowd)
{
	self->client = rdm_open(HOST_A);
	ASSERT_LE(0, self->client);
	self->server = rdm_listen(HOST_B, AF_INET, &self->addr);
	ASSERT_LE(0, self->server);
	ASSERT_LT(0, access_backlog(self->backlog, sizeof(self->backlog) - 1,
				    false));
	stats_read(HOST_A, &self->base);
}

FIXTURE_TEARDOWN(crowd)
{
	EXPECT_LT(0, access_backlog(self->backlog, strlen(self->backlog), true));
	close(self->client);
	close(self->server);
}

/*
 * The kernel's timers fire many at a time. What those send who have waited in vain
 * until then is not more at once than is taken, and all arrives once.
 */
TEST_F_TIMEOUT(crowd, tries_again, 400)
{
	unsigned int count = fewer(SPEAKERS), before, i, from;
	bool *came = calloc(count, sizeof(*came));
	char backlog[] = BACKLOG;
	__u64 conn;

	ASSERT_EQ(0, fp_setint(self->server, SOL_SOCKET, SO_RCVBUF, 5000));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, rdm_dial(self->client, &self->addr, &conn));
		ASSERT_EQ(sizeof(i), rdm_send(self->client, conn, &i, sizeof(i),
					      0));
	}
	before = lost();
	ASSERT_LT(0, access_backlog(backlog, strlen(backlog), true));
	EXPECT_TRUE(stats_wait(HOST_A, &self->base,
			       FASTPROTO_A_STATS_RTO_TIMEOUTS, count / 2));
	EXPECT_EQ(before, lost());
	ASSERT_LT(0, access_backlog(self->backlog, strlen(self->backlog), true));

	for (i = 0; i < count; i++) {
		ASSERT_EQ(sizeof(from), rdm_receive(self->server, &from,
						    sizeof(from), 0).len);
		ASSERT_GT(count, from);
		ASSERT_FALSE(came[from]);
		came[from] = true;
	}
	free(came);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
