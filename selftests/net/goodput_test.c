// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_SEQPACKET beside the kernel's TCP with CUBIC, through the same router at
 * the same time: what gets through a link that loses datagrams, and who gets
 * how much of a bottleneck.
 *
 * For a machine whose time counts instructions (vm/run --icount): there the
 * network is the limit, whatever the host is doing, and a run can be repeated.
 * A kernel that takes more instructions for a datagram needs a slower bottleneck:
 * FASTPROTO_MBITS is its rate, in Mbit/s, and the round-trip time follows it.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define MESSAGE	65536	/* bytes */

static int mbits = 20;

enum {
	OURS,
	TCP,
	FLOWS
};

/* A TCP connection from host A to host B. */
static int tcp_pair(int *client, int *server)
{
	struct sockaddr_fp addr = fp_host(AF_INET, HOST_B, 0);
	struct sockaddr *sa = (struct sockaddr *)&addr.sfp_sin;
	socklen_t len = sizeof(addr.sfp_sin);
	int listener;

	net_enter(HOST_B);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	net_enter(HOST_A);
	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, sa, len) || listen(listener, 1) ||
	    getsockname(listener, sa, &len) ||
	    setsockopt(*client, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) ||
	    connect(*client, sa, len))
		return -1;
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return *server < 0 ? -1 : 0;
}

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

FIXTURE(beside_tcp) {
	__u64 bytes[FLOWS];	/* what got through, in messages */
};

FIXTURE_SETUP(beside_tcp)
{
	/* It is single segments that are lost, or wait. */
	ASSERT_EQ(0, net_run(HOST_A, "ip link set detour gso_max_segs 1"));
	net_detour(true);
}

FIXTURE_TEARDOWN(beside_tcp)
{
	net_qdisc(ROUTER, "b", NULL);
	net_qdisc(HOST_A, "detour", NULL);
	net_qdisc(HOST_B, "detour", NULL);
	net_detour(false);
}

/* One connection of each kind; adds what each gets through meanwhile. */
static bool run(unsigned int seconds, __u64 *sums)
{
	struct transfer flows[FLOWS];
	int from[FLOWS], to[FLOWS];
	bool good = true;
	double end;
	int i;

	if (fp_pair(AF_INET, &from[OURS], &to[OURS]) ||
	    tcp_pair(&from[TCP], &to[TCP]))
		return false;
	for (i = 0; i < FLOWS; i++) {
		flows[i] = (struct transfer) {
			.from = from[i],
			.to = to[i],
			.stream = i,
			.largest = MESSAGE,
			.size = MESSAGE,
			.framed = i == TCP,
		};
		if (transfer_start(&flows[i]))
			return false;
	}
	end = clock_now() + seconds;
	while (clock_now() < end)
		usleep(10000);
	for (i = 0; i < FLOWS; i++) {
		__u64 bytes = transfer_bytes(&flows[i]);

		sums[i] += bytes;
		printf("# %s: %.2f Mbit/s\n", i == TCP ? "tcp" : "ours",
		       bytes * 8 / 1e6 / seconds);
	}
	for (i = 0; i < FLOWS; i++)
		transfer_stop(&flows[i]);
	for (i = 0; i < FLOWS; i++) {
		good &= transfer_end(&flows[i]);
		/*
		 * Everything came. What waits for a last word when the router has
		 * gone would keep its host for minutes.
		 */
		fp_abort(from[i]);
		fp_abort(to[i]);
	}
	return good;
}

/* Nothing but the losses limits them, so they do not disturb each other. */
TEST_F_TIMEOUT(beside_tcp, loss, 3600)
{
	ASSERT_EQ(0, net_qdisc(ROUTER, "b", "netem delay 10ms loss 1%"));
	ASSERT_EQ(0, net_qdisc(HOST_B, "detour", "netem delay 10ms"));
	ASSERT_TRUE(run(60, self->bytes));
	EXPECT_LE(self->bytes[TCP] * 9 / 10, self->bytes[OURS]);
}

/* A queue of what fits into a round-trip time; so is who loses by chance. */
static void share(struct __test_metadata *_metadata,
		  struct _test_data_beside_tcp *self, int host, const char *dev)
{
	char bottleneck[80], way_back[40];
	int i;

	snprintf(bottleneck, sizeof(bottleneck),
		 "tbf rate %dmbit burst 3200 limit 50000", mbits);
	snprintf(way_back, sizeof(way_back), "netem delay %dms", 400 / mbits);
	ASSERT_EQ(0, net_qdisc(host, dev, bottleneck));
	ASSERT_EQ(0, net_qdisc(HOST_B, "detour", way_back));
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(run(30, self->bytes));
	EXPECT_LE(self->bytes[TCP] * 2 / 3, self->bytes[OURS]);
	EXPECT_LE(self->bytes[OURS] * 2 / 3, self->bytes[TCP]);
	/* And it was one: they had all of it between them. */
	EXPECT_LT(60 * .85e6 * mbits / 8, self->bytes[TCP] + self->bytes[OURS]);
}

TEST_F_TIMEOUT(beside_tcp, bottleneck, 3600)
{
	share(_metadata, self, ROUTER, "b");
}

/* In a queue of its own host TCP keeps a few large segments at most. */
TEST_F_TIMEOUT(beside_tcp, own_bottleneck, 3600)
{
	ASSERT_EQ(0, net_run(HOST_A, "ip link set detour gso_max_segs 65535"));
	share(_metadata, self, HOST_A, "detour");
}

int main(int argc, char **argv)
{
	const char *rate = getenv("FASTPROTO_MBITS");

	if (rate)
		mbits = atoi(rate);
	if (mbits < 1 || mbits > 400)
		ksft_exit_fail_msg("FASTPROTO_MBITS: no rate\n");
	net_setup();
	net_router();
	return test_harness_run(argc, argv);
}
