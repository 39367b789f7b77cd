// SPDX-License-Identifier: GPL-2.0
/* What connections make of the way to their peer: marks, bursts, its MTU. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define LARGE	20000	/* bytes: a message in several frames */

static unsigned char in[LARGE], out[LARGE];

FIXTURE(path) {
	struct stats base[HOSTS];
	int client;			/* on host A */
	int server;			/* on host B */
};

FIXTURE_VARIANT(path) {
	int family;
};

FIXTURE_VARIANT_ADD(path, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(path, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(path)
{
	stats_read(HOST_A, &self->base[HOST_A]);
	stats_read(HOST_B, &self->base[HOST_B]);
	ASSERT_EQ(0, fp_pair(variant->family, &self->client, &self->server));
}

FIXTURE_TEARDOWN(path)
{
	close(self->client);
	close(self->server);
}

#define count(host, name) \
	stats_since(host, &self->base[host], FASTPROTO_A_STATS_##name)

/* So many large messages to the server, each of which comes as it was sent. */
static bool transfer(int client, int server, unsigned int messages)
{
	unsigned int i;

	for (i = 0; i < messages; i++) {
		fill(out, sizeof(out), i);
		if (send(client, out, sizeof(out), 0) != sizeof(out) ||
		    recv(server, in, sizeof(in), 0) != sizeof(in) ||
		    !filled(in, sizeof(in), i))
			return false;
	}
	return true;
}

/* A router that would drop marks instead: nothing is lost. */
TEST_F(path, marks_instead_of_losses)
{
	/* Several CPUs would change the order, which looks like loss. */
	net_pin();
	/* What begins a connection is not to be marked. */
	ASSERT_TRUE(transfer(self->client, self->server, 1));
	ASSERT_EQ(0, net_netem(HOST_A, "loss 20% ecn"));
	EXPECT_TRUE(transfer(self->client, self->server, 20));
	net_netem(HOST_A, NULL);
	EXPECT_LT(0, count(HOST_B, CE_MARKS));
	EXPECT_LT(0, count(HOST_A, CE_REDUCTIONS));
	EXPECT_EQ(0, count(HOST_A, RECOVERIES));
}

/* A way that loses what says that it understands marks (seen in the wild). */
TEST_F(path, without_ect_if_that_is_lost)
{
	const char *prio = "tc qdisc add dev fp0 root handle 1: prio";
	const char *filter = variant->family == AF_INET ?
"tc filter add dev fp0 parent 1: protocol ip u32 match u8 2 3 at 1 action drop" :
"tc filter add dev fp0 parent 1: protocol ipv6 u32 match u16 0x20 0x30 at 0 action drop";

	ASSERT_EQ(0, net_run(HOST_A, prio));
	ASSERT_EQ(0, net_run(HOST_A, filter));
	EXPECT_TRUE(transfer(self->client, self->server, 2));
	net_run(HOST_A, "tc qdisc del dev fp0 root");
	EXPECT_LT(0, count(HOST_A, RTO_TIMEOUTS));
}

static void *receive_all(void *arg)
{
	int *fd = arg;

	while (recv(*fd, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

/* With a long way and much to send, a window is not sent all at once. */
TEST_F(path, large_windows_are_spread)
{
	unsigned int i, messages = fewer(100);
	pthread_t thread;

	ASSERT_EQ(0, net_netem(HOST_A, "delay 20ms"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_all,
				    &self->server));
	for (i = 0; i < messages; i++)
		ASSERT_EQ((ssize_t)sizeof(out),
			  send(self->client, out, sizeof(out), 0));
	shutdown(self->client, SHUT_WR);
	pthread_join(thread, NULL);
	net_netem(HOST_A, NULL);
	EXPECT_LT(0, count(HOST_A, PACED));
}

/* Nothing but a question and its answer: there is nothing to be spread. */
TEST_F(path, questions_are_not_spread)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(64, send(self->client, out, 64, 0));
		ASSERT_EQ(64, recv(self->server, in, sizeof(in), 0));
		ASSERT_EQ(64, send(self->server, out, 64, 0));
		ASSERT_EQ(64, recv(self->client, in, sizeof(in), 0));
	}
	EXPECT_EQ(0, count(HOST_A, PACED));
	EXPECT_EQ(0, count(HOST_B, PACED));
}

/*
 * A black hole: what is larger than host B's interface takes is dropped, and
 * nobody is told. What was under way comes, and what follows is small enough.
 */
TEST_F(path, black_hole)
{
	__u64 holes, timeouts;

	ASSERT_TRUE(transfer(self->client, self->server, 1));
	ASSERT_EQ(0, net_run(HOST_B, "ip link set fp0 mtu 1300"));
	EXPECT_TRUE(transfer(self->client, self->server, 3));
	EXPECT_EQ(1, holes = count(HOST_A, BLACK_HOLES));
	EXPECT_LT(0, count(HOST_A, RETRANS_HOLE));
	/* It is known from now on, for others, too. */
	timeouts = count(HOST_A, RTO_TIMEOUTS);
	close(self->client);
	close(self->server);
	ASSERT_EQ(0, fp_pair(variant->family, &self->client, &self->server));
	EXPECT_TRUE(transfer(self->client, self->server, 3));
	EXPECT_EQ(holes, count(HOST_A, BLACK_HOLES));
	EXPECT_EQ(timeouts, count(HOST_A, RTO_TIMEOUTS));
	net_run(HOST_B, "ip link set fp0 mtu 1500");
	net_run(HOST_A, "ip route flush cache");
	net_run(HOST_A, "ip -6 route flush cache");
}

/*
 * A peer whose application reads nothing drops what it has no room for, and
 * answers questions: that is no black hole. Several small messages of one datagram
 * take more room than was promised for them; then come large ones.
 */
TEST_F(path, full_peer_is_no_black_hole)
{
	const int max = FASTPROTO_A_DEV_RTO_MAX;
	unsigned int i;
	__u32 before;

	/* Who is refused does not hurry, but to the greatest timeout. */
	ASSERT_EQ(0, dev_get_u32(HOST_A, max, &before));
	ASSERT_EQ(0, dev_set_u32(HOST_A, max, 1000000));
	close(self->client);
	close(self->server);
	ASSERT_EQ(0, fp_pair(variant->family, &self->client, &self->server));
	EXPECT_EQ(0, dev_set_u32(HOST_A, max, before));
	ASSERT_TRUE(transfer(self->client, self->server, 1));
	for (i = 0; i < 1500; i++)
		ASSERT_EQ(300, send(self->client, out, 300, MSG_MORE));
	while (send(self->client, out, 1350, MSG_DONTWAIT) == 1350)
		;
	/* Sent again and again, which is how a hole would be found. */
	for (i = 0; i < 300 && count(HOST_A, RTO_TIMEOUTS) < 6; i++)
		usleep(100 * 1000);
	EXPECT_LT(0, count(HOST_B, DROP_QUEUE_FULL));
	EXPECT_LE(6, count(HOST_A, RTO_TIMEOUTS));
	EXPECT_EQ(0, count(HOST_A, BLACK_HOLES));
}

/* Loss alone is no black hole. */
TEST_F(path, loss_is_no_black_hole)
{
	ASSERT_EQ(0, net_netem(HOST_A, "loss 20%"));
	EXPECT_TRUE(transfer(self->client, self->server, 20));
	net_netem(HOST_A, NULL);
	EXPECT_LT(0, count(HOST_A, OUT_RETRANS));
	EXPECT_EQ(0, count(HOST_A, BLACK_HOLES));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
