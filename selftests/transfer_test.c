// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_SEQPACKET over bad networks: whatever happens to the datagrams, each
 * message arrives once, whole and in order, and no connection is reset.
 *
 * Two connections at a time, one over IPv4 and one over IPv6, both ways; by calls,
 * and over mapped rings.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"
#include "lib/ringtransfer.h"

#define LARGEST	1048576	/* bytes: what a connection takes by default */
#define FLOWS	4

static const int families[] = { AF_INET, AF_INET6 };

/* The connections, and what goes over them. */
struct traffic {
	int client[2], server[2];
	struct transfer flows[FLOWS];
	struct ring_end ends[FLOWS];
	bool mapped;			/* it goes over rings */
	struct stats base[HOSTS];
};

/* Of the rings: half of that is to receive into, and holds the largest message. */
static const struct fp_ring_config usual = { .slot_size = 2048, .slots = 1024 };

/* The end of connections before may still be under way: nobody is to count it. */
static bool wait_nothing_left(void)
{
	time_t end = time(NULL) + PATIENCE;

	while (conns_count(HOST_A) || conns_count(HOST_B)) {
		if (time(NULL) > end)
			return false;
		usleep(10000);
	}
	return true;
}

static int traffic_open(struct traffic *traffic)
{
	int i;

	if (!wait_nothing_left())
		return -1;
	stats_read(HOST_A, &traffic->base[HOST_A]);
	stats_read(HOST_B, &traffic->base[HOST_B]);
	for (i = 0; i < 2; i++)
		if (fp_pair(families[i], &traffic->client[i],
			    &traffic->server[i]))
			return -1;
	return 0;
}

static void traffic_close(struct traffic *traffic)
{
	int i;

	for (i = 0; i < 2 && !traffic->mapped; i++) {
		close(traffic->client[i]);
		close(traffic->server[i]);
	}
}

static void prepare_flows(struct traffic *traffic, unsigned int messages,
			  size_t largest)
{
	int i;

	for (i = 0; i < FLOWS; i++)
		traffic->flows[i] = (struct transfer) {
			.from = i % 2 ? traffic->server[i / 2] :
					traffic->client[i / 2],
			.to = i % 2 ? traffic->client[i / 2] :
				      traffic->server[i / 2],
			.stream = i,
			.messages = messages,
			.largest = largest,
		};
}

/* So many messages each way; 0: until traffic_stop(). */
static int traffic_start(struct traffic *traffic, unsigned int messages,
			 size_t largest)
{
	int i;

	prepare_flows(traffic, messages, largest);
	for (i = 0; i < FLOWS; i++)
		if (transfer_start(&traffic->flows[i]))
			return -1;
	return 0;
}

/* The same over rings, which have the sockets then. */
static int traffic_start_mapped(struct traffic *traffic, unsigned int messages,
				size_t largest,
				const struct fp_ring_config *config)
{
	int i;

	traffic->mapped = true;
	prepare_flows(traffic, messages, largest);
	for (i = 0; i < FLOWS; i++) {
		traffic->ends[i] = (struct ring_end) {
			.out = &traffic->flows[i],
			.in = &traffic->flows[i ^ 1],
		};
		if (ring_end_start(&traffic->ends[i], traffic->flows[i].from,
				   config))
			return -1;
	}
	return 0;
}

static void traffic_stop(struct traffic *traffic)
{
	int i;

	for (i = 0; i < FLOWS; i++)
		transfer_stop(&traffic->flows[i]);
}

static void traffic_wait(struct traffic *traffic)
{
	int i;

	for (i = 0; i < FLOWS; i++)
		transfer_wait(&traffic->flows[i]);
}

static bool traffic_end(struct traffic *traffic)
{
	bool good = true;
	int i;

	for (i = 0; i < FLOWS && traffic->mapped; i++)
		ring_end_finish(&traffic->ends[i]);
	for (i = 0; i < FLOWS; i++)
		good &= traffic->mapped ? ring_end_join(&traffic->ends[i]) :
					  transfer_end(&traffic->flows[i]);
	return good;
}

/* Until each flow has got on by so many messages, or has ended. */
static bool traffic_goes_on(struct traffic *traffic, unsigned int messages)
{
	time_t end = time(NULL) + TRANSFER_PATIENCE;
	unsigned int goal[FLOWS];
	int i;

	for (i = 0; i < FLOWS; i++)
		goal[i] = transfer_received(&traffic->flows[i]) + messages;
	for (i = 0; i < FLOWS;) {
		if (transfer_received(&traffic->flows[i]) >= goal[i]) {
			i++;
			continue;
		}
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

static __u64 both_since(const struct traffic *traffic, int attr)
{
	return stats_since(HOST_A, &traffic->base[HOST_A], attr) +
	       stats_since(HOST_B, &traffic->base[HOST_B], attr);
}

/*
 * To be asked before the end: then the last frame, if it comes twice, is for
 * nobody, and a reset says so.
 */
static bool nobody_reset(const struct traffic *traffic)
{
	return !both_since(traffic, FASTPROTO_A_STATS_OUT_RESETS) &&
	       !both_since(traffic, FASTPROTO_A_STATS_IN_RESETS);
}

/* Each retransmission has a cause; while some are under way, look again. */
static bool causes_add_up(enum host host)
{
	time_t end = time(NULL) + PATIENCE;
	struct stats now;

	do {
		stats_read(host, &now);
		if (now.v[FASTPROTO_A_STATS_OUT_RETRANS] ==
		    now.v[FASTPROTO_A_STATS_RETRANS_RACK] +
		    now.v[FASTPROTO_A_STATS_RETRANS_TLP] +
		    now.v[FASTPROTO_A_STATS_RETRANS_RTO] +
		    now.v[FASTPROTO_A_STATS_RETRANS_HOLE])
			return true;
		usleep(1000);
	} while (time(NULL) <= end);
	return false;
}

/* Frames that UDP took for sound, and that are not. */
static __u64 damaged(const struct traffic *traffic)
{
	__u64 sum = 0;
	int attr;

	for (attr = STATS_DROP_FIRST; attr <= FASTPROTO_A_STATS_DROP_CHECKSUM;
	     attr++)
		sum += both_since(traffic, attr);
	return sum + both_since(traffic, FASTPROTO_A_STATS_DROP_ACK) +
	       both_since(traffic, FASTPROTO_A_STATS_DROP_PROTOCOL);
}

/*
 * Numbered UDP datagrams over the same link: does a later one overtake an
 * earlier one? Until that happens, or patience ends.
 */
static bool link_reorders(void)
{
	time_t end = time(NULL) + PATIENCE;
	__u32 number = 0, last = 0, got;
	struct sockaddr_fp to;
	struct pollfd pfd = { .events = POLLIN };
	bool seen = false;
	int tx;

	tx = udp_open(HOST_A, AF_INET, 0, NULL);
	pfd.fd = udp_open(HOST_B, AF_INET, 0, &to);
	while (!seen && time(NULL) <= end) {
		number++;
		udp_sendto(tx, &number, sizeof(number), &to);
		if (poll(&pfd, 1, 1) != 1)
			continue;
		recv(pfd.fd, &got, sizeof(got), 0);
		seen = got < last;
		last = got;
	}
	close(tx);
	close(pfd.fd);
	return seen;
}

/* What proves that the network was as bad as it was meant to be. */
#define LOSES		0x1
#define DOUBLES		0x2
#define DAMAGES		0x4
#define REORDERS	0x8

FIXTURE(transfer) {
	struct traffic traffic;
	__u64 damaged[2];	/* IPv4, IPv6 */
};

FIXTURE_VARIANT(transfer) {
	const char *netem;		/* of both directions */
	unsigned int badness;
	unsigned int mtu;		/* of the link; 0: as ever */
	unsigned int messages;		/* on each connection each way */
	size_t largest;
};

/* 100,000 messages in all. */
FIXTURE_VARIANT_ADD(transfer, clean) {
	.messages = 25000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, loss_1) {
	.netem = "delay 5ms loss 1%", .badness = LOSES,
	.messages = 3000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, loss_10) {
	.netem = "delay 5ms loss 10%", .badness = LOSES,
	.messages = 1000, .largest = 100000,
};

FIXTURE_VARIANT_ADD(transfer, reorder) {
	.netem = "delay 10ms reorder 25%", .badness = REORDERS,
	.messages = 1000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, duplicate) {
	.netem = "duplicate 5%", .badness = DOUBLES,
	.messages = 3000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, corrupt) {
	.netem = "delay 1ms corrupt 1%", .badness = DAMAGES | LOSES,
	.messages = 3000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, jitter) {
	.netem = "delay 50ms 20ms", .badness = REORDERS,
	.messages = 1000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, all) {
	.netem = "delay 10ms 5ms loss 3% duplicate 3% corrupt 1%",
	.badness = LOSES | DOUBLES | DAMAGES | REORDERS,
	.messages = 1000, .largest = 100000,
};

FIXTURE_VARIANT_ADD(transfer, mtu_1280) {
	.netem = "delay 1ms loss 1%", .badness = LOSES, .mtu = 1280,
	.messages = 2000, .largest = LARGEST,
};

FIXTURE_VARIANT_ADD(transfer, mtu_9000) {
	.netem = "delay 1ms loss 1%", .badness = LOSES, .mtu = 9000,
	.messages = 2000, .largest = LARGEST,
};

static __u64 count_damaged(int family)
{
	if (family == AF_INET6)
		return net_counter(HOST_A, "Udp6InCsumErrors") +
		       net_counter(HOST_B, "Udp6InCsumErrors");
	return net_counter(HOST_A, "UdpInCsumErrors") +
	       net_counter(HOST_B, "UdpInCsumErrors");
}

FIXTURE_SETUP(transfer)
{
	int i;

	if (variant->mtu) {
		ASSERT_EQ(0, net_mtu(HOST_A, DEVICE, variant->mtu));
		ASSERT_EQ(0, net_mtu(HOST_B, DEVICE, variant->mtu));
	}
	ASSERT_EQ(0, traffic_open(&self->traffic));
	for (i = 0; i < 2; i++)
		self->damaged[i] = count_damaged(families[i]);
	if (variant->netem) {
		ASSERT_EQ(0, net_netem(HOST_A, variant->netem));
		ASSERT_EQ(0, net_netem(HOST_B, variant->netem));
	}
}

FIXTURE_TEARDOWN(transfer)
{
	if (variant->netem) {
		net_netem(HOST_A, NULL);
		net_netem(HOST_B, NULL);
	}
	if (variant->mtu) {
		net_mtu(HOST_A, DEVICE, 1500);
		net_mtu(HOST_B, DEVICE, 1500);
	}
	traffic_close(&self->traffic);
}

/* Fewer than by calls; but the hundredth is the first that has many frames. */
static unsigned int fewer_mapped(unsigned int messages)
{
	messages = fewer(messages) / 10;
	return messages < 120 ? 120 : messages;
}

static int start(struct _test_data_transfer *self,
		 const struct _fixture_variant_transfer *variant, bool mapped)
{
	if (mapped)
		return traffic_start_mapped(&self->traffic,
					    fewer_mapped(variant->messages),
					    variant->largest, &usual);
	return traffic_start(&self->traffic, fewer(variant->messages),
			     variant->largest);
}

static void all_comes(struct __test_metadata *_metadata,
		      struct _test_data_transfer *self,
		      const struct _fixture_variant_transfer *variant,
		      bool mapped)
{
	struct traffic *traffic = &self->traffic;
	int i;

	ASSERT_EQ(0, start(self, variant, mapped));
	if (variant->badness & REORDERS)
		EXPECT_TRUE(link_reorders());
	traffic_wait(traffic);
	EXPECT_TRUE(nobody_reset(traffic));
	EXPECT_TRUE(traffic_end(traffic));
	EXPECT_TRUE(causes_add_up(HOST_A));
	EXPECT_TRUE(causes_add_up(HOST_B));
	if (variant->badness & LOSES) {
		EXPECT_LT(0, both_since(traffic,
					FASTPROTO_A_STATS_RETRANS_RACK));
		EXPECT_LT(0, both_since(traffic, FASTPROTO_A_STATS_RECOVERIES));
	}
	if (variant->badness & DOUBLES)
		EXPECT_LT(0, both_since(traffic,
					FASTPROTO_A_STATS_DROP_DUPLICATE));
	/* One bit is what UDP's checksum never overlooks. */
	EXPECT_EQ(0, damaged(traffic));
	EXPECT_EQ(0, both_since(traffic, FASTPROTO_A_STATS_BLACK_HOLES));
	for (i = 0; i < 2 && variant->badness & DAMAGES; i++)
		EXPECT_LT(self->damaged[i], count_damaged(families[i]));
}

TEST_F_TIMEOUT(transfer, all_comes_in_order, 900)
{
	all_comes(_metadata, self, variant, false);
}

TEST_F_TIMEOUT(transfer, all_comes_over_rings, 900)
{
	all_comes(_metadata, self, variant, true);
}

/* What happens to the network while messages are under way. */
FIXTURE(change) {
	struct traffic traffic;
};

FIXTURE_VARIANT(change) {
	int (*begin)(void);
	int (*end)(void);
	unsigned int seconds;	/* during which nothing gets through */
	unsigned int mtu;	/* what the path's becomes */
	unsigned int mtu_after;	/* and in the end */
	bool routed;		/* the router is between the hosts already */
	bool hole;		/* nobody tells of the smaller MTU */
};

/* The link says nothing, and swallows everything. */
static int cut(void)
{
	return net_netem(HOST_A, "loss 100%") | net_netem(HOST_B, "loss 100%");
}

static int mend(void)
{
	return net_netem(HOST_A, NULL) | net_netem(HOST_B, NULL);
}

/* The link is down: there is no route any more. Addresses stay. */
static int unplug(void)
{
	return net_sysctl(HOST_A, "ipv6/conf/all/keep_addr_on_down", "1") |
	       net_run(HOST_A, "ip link set " DEVICE " down");
}

static int plug(void)
{
	return net_run(HOST_A, "ip link set " DEVICE " up");
}

/*
 * While the ends differ, the link is a black hole for what is too large for the
 * other end. Therefore nothing is sent meanwhile.
 */
static int set_link(unsigned int mtu)
{
	int err = cut();

	err |= net_mtu(HOST_A, DEVICE, mtu) | net_mtu(HOST_B, DEVICE, mtu);
	return err | mend();
}

static int shrink_link(void)
{
	return set_link(1280);
}

static int widen_link(void)
{
	return set_link(1500);
}

static int shrink_hop(void)
{
	net_hop_mtu(1280);
	return 0;
}

/* The router does not tell that it drops what is larger. */
static int dig_hole(void)
{
	int err = net_quiet(true);

	net_hop_mtu(1280);
	return err;
}

static int fill_hole(void)
{
	net_detour(false);
	net_hop_mtu(1500);
	return net_quiet(false);
}

static int detour_into_hole(void)
{
	int err = dig_hole();

	net_detour(true);
	return err;
}

/* The route changes again, so that it forgets what it knew. */
static int leave_router(void)
{
	net_detour(false);
	net_hop_mtu(1500);
	return 0;
}

static int take_detour(void)
{
	net_hop_mtu(1280);
	net_detour(true);
	return 0;
}

FIXTURE_VARIANT_ADD(change, cut) {
	.begin = cut, .end = mend, .seconds = 10,
};

FIXTURE_VARIANT_ADD(change, unplugged) {
	.begin = unplug, .end = plug, .seconds = 3,
};

FIXTURE_VARIANT_ADD(change, mtu_of_link) {
	.begin = shrink_link, .end = widen_link, .mtu = 1280, .mtu_after = 1500,
};

FIXTURE_VARIANT_ADD(change, mtu_of_hop) {
	.begin = shrink_hop, .end = leave_router, .routed = true,
	.mtu = 1280, .mtu_after = 1500,
};

FIXTURE_VARIANT_ADD(change, route) {
	.begin = take_detour, .end = leave_router,
	.mtu = 1280, .mtu_after = 1500,
};

FIXTURE_VARIANT_ADD(change, black_hole) {
	.begin = dig_hole, .end = fill_hole, .routed = true, .hole = true,
};

FIXTURE_VARIANT_ADD(change, route_into_black_hole) {
	.begin = detour_into_hole, .end = fill_hole, .hole = true,
};

FIXTURE_SETUP(change)
{
	if (variant->routed)
		net_detour(true);
	ASSERT_EQ(0, traffic_open(&self->traffic));
}

FIXTURE_TEARDOWN(change)
{
	traffic_close(&self->traffic);
}

/* Do all connections of both hosts think that this is the path MTU? */
static bool mtu_is(__u32 mtu)
{
	unsigned int host, i;
	__u32 values[2];

	for (host = HOST_A; host < HOSTS; host++) {
		if (conn_get_u32(host, FASTPROTO_A_CONN_MTU, values, 2) != 2)
			return false;
		for (i = 0; i < 2; i++)
			if (values[i] != mtu)
				return false;
	}
	return true;
}

static bool wait_mtu(__u32 mtu)
{
	time_t end = time(NULL) + TRANSFER_PATIENCE;

	while (!mtu_is(mtu)) {
		if (time(NULL) > end)
			return false;
		usleep(1000);
	}
	return true;
}

/*
 * A cut, during which all senders notice that nothing is answered, and hold
 * back: one probe each, or two if an answer was still under way.
 */
static bool wait_cut(unsigned int seconds)
{
	const int timeouts = FASTPROTO_A_STATS_RTO_TIMEOUTS;
	struct stats base[HOSTS];
	bool good = true;
	enum host host;

	for (host = HOST_A; host < HOSTS; host++)
		stats_read(host, &base[host]);
	sleep(seconds);
	for (host = HOST_A; host < HOSTS; host++) {
		good &= stats_wait(host, &base[host], timeouts, 2);
		good &= stats_since(host, &base[host],
				    FASTPROTO_A_STATS_TLP_PROBES) <= 4;
	}
	return good;
}

/* Both hosts found out about both connections' way. */
static bool wait_hole(const struct traffic *traffic)
{
	enum host host;

	for (host = HOST_A; host < HOSTS; host++)
		if (!stats_wait(host, &traffic->base[host],
				FASTPROTO_A_STATS_BLACK_HOLES, 2))
			return false;
	return true;
}

static void goes_on(struct __test_metadata *_metadata,
		    struct _test_data_change *self,
		    const struct _fixture_variant_change *variant, bool mapped)
{
	struct traffic *traffic = &self->traffic;
	unsigned int messages = fewer(mapped ? 150 : 500);

	ASSERT_EQ(0, mapped ? traffic_start_mapped(traffic, 0, 200000, &usual) :
			      traffic_start(traffic, 0, 200000));
	EXPECT_TRUE(traffic_goes_on(traffic, messages));
	EXPECT_EQ(0, variant->begin());
	if (variant->seconds)
		EXPECT_TRUE(wait_cut(variant->seconds));
	if (variant->mtu)
		EXPECT_TRUE(wait_mtu(variant->mtu));
	if (variant->hole)
		EXPECT_TRUE(wait_hole(traffic));
	if (!variant->seconds)
		EXPECT_TRUE(traffic_goes_on(traffic, messages));
	EXPECT_EQ(0, variant->end());
	EXPECT_TRUE(traffic_goes_on(traffic, messages));
	if (variant->mtu_after)
		EXPECT_TRUE(wait_mtu(variant->mtu_after));
	traffic_stop(traffic);
	traffic_wait(traffic);
	EXPECT_TRUE(nobody_reset(traffic));
	EXPECT_TRUE(traffic_end(traffic));
	if (!variant->hole)
		EXPECT_EQ(0, both_since(traffic, FASTPROTO_A_STATS_BLACK_HOLES));
}

TEST_F_TIMEOUT(change, traffic_goes_on, 900)
{
	goes_on(_metadata, self, variant, false);
}

TEST_F_TIMEOUT(change, rings_go_on, 900)
{
	goes_on(_metadata, self, variant, true);
}

/* Rings with few slots and with many; messages as large as these allow. */
FIXTURE(pool) {
	struct traffic traffic;
	__u32 msg_max[HOSTS];
};

FIXTURE_VARIANT(pool) {
	unsigned int slots;
	unsigned int slot_size;
	unsigned int messages;
};

FIXTURE_VARIANT_ADD(pool, 2) {
	.slots = 2, .slot_size = 2048, .messages = 300,
};

FIXTURE_VARIANT_ADD(pool, 3) {
	.slots = 3, .slot_size = 1024, .messages = 300,
};

FIXTURE_VARIANT_ADD(pool, 64) {
	.slots = 64, .slot_size = 4096, .messages = 300,
};

FIXTURE_VARIANT_ADD(pool, 4096) {
	.slots = 4096, .slot_size = 256, .messages = 300,
};

FIXTURE_VARIANT_ADD(pool, 65536) {
	.slots = 65536, .slot_size = 64, .messages = 300,
};

static size_t largest_of(const struct _fixture_variant_pool *variant)
{
	return variant->slots / 2 * variant->slot_size;
}

/* What a listener takes is told to the client before there is a ring. */
FIXTURE_SETUP(pool)
{
	enum host host;

	for (host = HOST_A; host < HOSTS; host++) {
		ASSERT_EQ(0, dev_get_u32(host, FASTPROTO_A_DEV_MSG_MAX,
					 &self->msg_max[host]));
		ASSERT_EQ(0, dev_set_u32(host, FASTPROTO_A_DEV_MSG_MAX,
					 largest_of(variant)));
	}
	ASSERT_EQ(0, traffic_open(&self->traffic));
	for (host = HOST_A; host < HOSTS; host++)
		ASSERT_EQ(0, net_netem(host, "delay 1ms loss 1%"));
}

FIXTURE_TEARDOWN(pool)
{
	enum host host;

	for (host = HOST_A; host < HOSTS; host++) {
		net_netem(host, NULL);
		dev_set_u32(host, FASTPROTO_A_DEV_MSG_MAX,
			    self->msg_max[host]);
	}
	traffic_close(&self->traffic);
}

TEST_F_TIMEOUT(pool, all_comes_in_order, 900)
{
	const struct fp_ring_config config = {
		.slot_size = variant->slot_size, .slots = variant->slots,
	};
	struct traffic *traffic = &self->traffic;

	ASSERT_EQ(0, traffic_start_mapped(traffic, fewer(variant->messages),
					  largest_of(variant), &config));
	traffic_wait(traffic);
	EXPECT_TRUE(nobody_reset(traffic));
	EXPECT_TRUE(traffic_end(traffic));
	EXPECT_TRUE(causes_add_up(HOST_A));
	EXPECT_TRUE(causes_add_up(HOST_B));
	EXPECT_LT(0, both_since(traffic, FASTPROTO_A_STATS_OUT_RETRANS));
}

int main(int argc, char **argv)
{
	net_setup();
	net_router();
	return test_harness_run(argc, argv);
}
