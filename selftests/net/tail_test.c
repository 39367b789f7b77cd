// SPDX-License-Identifier: GPL-2.0
/*
 * The end of what is sent: a message that nothing follows and nobody answers is
 * acknowledged with delay, and that is not taken for a loss.
 *
 * For a machine whose time counts instructions (vm/run --icount): there a timer
 * is as late as the clock's ticks make it, and never later because the host is
 * busy.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"

#define ROUNDS		100
#define GAP_US		10300	/* not a multiple of a tick */

static char in[64];

FIXTURE(tail) {
	struct stats base;		/* of host A */
	int client;			/* on host A */
	int server;			/* on host B */
};

FIXTURE_SETUP(tail)
{
	ASSERT_EQ(0, fp_pair(AF_INET, &self->client, &self->server));
	stats_read(HOST_A, &self->base);
}

FIXTURE_TEARDOWN(tail)
{
	close(self->client);
	close(self->server);
}

static bool is_acknowledged(int fd)
{
	time_t end = time(NULL) + PATIENCE;
	int left = -1;

	while (!ioctl(fd, SIOCOUTQ, &left) && left && time(NULL) <= end)
		usleep(1000);
	return !left;
}

#define count(name) \
	stats_since(HOST_A, &self->base, FASTPROTO_A_STATS_##name)

TEST_F(tail, lone_messages_are_not_probed)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(4, send(self->client, "lone", 4, 0));
		ASSERT_EQ(4, recv(self->server, in, sizeof(in), 0));
		ASSERT_TRUE(is_acknowledged(self->client));
		usleep(GAP_US);
	}
	EXPECT_EQ(0, count(TLP_PROBES));
	EXPECT_EQ(0, count(OUT_RETRANS));
}

/* One that is lost is: no timeout is waited for. */
TEST_F(tail, lost_tail_is_probed)
{
	ASSERT_EQ(4, send(self->client, "warm", 4, 0));
	ASSERT_EQ(4, recv(self->server, in, sizeof(in), 0));
	ASSERT_TRUE(is_acknowledged(self->client));
	ASSERT_EQ(0, net_netem(HOST_A, "loss 100%"));
	ASSERT_EQ(4, send(self->client, "lost", 4, 0));
	net_netem(HOST_A, NULL);
	ASSERT_EQ(4, recv(self->server, in, sizeof(in), 0));
	EXPECT_EQ(1, count(TLP_PROBES));
	EXPECT_EQ(0, count(RTO_TIMEOUTS));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
