// SPDX-License-Identifier: GPL-2.0
/*
 * What heavy traffic needs is taken from it, over and over: the link, the
 * addresses, a socket that another thread is in, the process, the namespace, the
 * module. It is traffic of connections, sockets of many, and rings, and each time
 * all three of them move. In the end nothing is left.
 *
 * life_test.sh does the same to programs, in any order, more slowly.
 *
 * FASTPROTO_SEED=    the same decisions again; it is printed
 * FASTPROTO_LOSSES=  how many, of each variant
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "lib/traffic.h"

#define LOSSES		500	/* of each variant; selftests/check demands them */
#define ANSWERS		8	/* between two losses, of each kind of traffic */
#define SLABS		512	/* KiB that may be in use afterwards */
#define AVAILABLE	16384

FIXTURE(death) {
	struct traffic *traffic;
	struct memory memory;
	struct dice dice;
	__u64 seed;
	pid_t child;
	__u32 sockets;
	unsigned long left;	/* modules that were lost with connections */
};

/* What it is that goes, and comes back. */
FIXTURE_VARIANT(death) {
	const char *what;
	bool (*lose)(struct _test_data_death *self);
	/* All of it is in a process, which is begun again for each round. */
	bool dies;
	bool alone;		/* in a namespace of its own */
	bool threads;		/* in threads of the test */
};

static void be_a_process(struct _test_data_death *self, bool alone)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(1);
	if (alone)
		net_alone();
	traffic_run(self->traffic, dice_roll(&self->dice));
	_exit(0);
}

static bool begin_process(struct _test_data_death *self, bool alone)
{
	/* The process has the same numbers, the next one others. */
	dice_roll(&self->dice);
	self->child = fork();
	if (!self->child)
		be_a_process(self, alone);
	return self->child > 0;
}

static bool end_process(struct _test_data_death *self)
{
	pid_t child = self->child;
	int status;

	self->child = 0;
	return !kill(child, SIGKILL) && waitpid(child, &status, 0) == child &&
	       WIFSIGNALED(status);
}

static bool lose_link(struct _test_data_death *self)
{
	(void)self;
	return !net_link(HOST_B, false) && !net_link(HOST_B, true);
}

static bool lose_addresses(struct _test_data_death *self)
{
	(void)self;
	return !net_addresses(HOST_B, false) && !net_addresses(HOST_B, true);
}

/* Another thread is in calls of it, and one waits for it. */
static bool lose_sockets(struct _test_data_death *self)
{
	struct flow *flow;
	int i;

	for (i = 0; i < FLOWS; i++) {
		flow = &self->traffic->flows[i];
		if (dice_chance(&self->dice, 20))
			shutdown(flow->client, dice_below(&self->dice, 3));
		if (dice_chance(&self->dice, 50))
			close(flow_take(&flow->server));
		if (dice_chance(&self->dice, 20))
			close(flow_take(&flow->listener));
		close(flow_take(&flow->client));
	}
	return true;
}

/* Everything ends soon that nobody answers. */
static int be_hasty(enum host host)
{
	static const struct {
		int attr;
		__u32 value;
	} settings[] = {
		{ FASTPROTO_A_DEV_RTO_MIN, 10000 },
		{ FASTPROTO_A_DEV_RTO_INITIAL, 20000 },
		{ FASTPROTO_A_DEV_RTO_MAX, 1000000 },
		{ FASTPROTO_A_DEV_SYN_TIMEOUT, 20000 },
		{ FASTPROTO_A_DEV_SYN_RETRIES, 3 },
		{ FASTPROTO_A_DEV_ORPHAN_TIMEOUT, 1000000 },
		{ FASTPROTO_A_DEV_FIN_TIMEOUT, 1000000 },
		{ FASTPROTO_A_DEV_IDLE_TIMEOUT, 10000 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (dev_set_u32(host, settings[i].attr, settings[i].value))
			return -1;
	return 0;
}

/* Who is still waited for is waited for no longer. */
static void kill_connections(enum host host)
{
	__u64 ids[64];
	unsigned int i, count;

	count = conn_get_ids(host, ids, ARRAY_SIZE(ids));
	for (i = 0; i < count && i < ARRAY_SIZE(ids); i++)
		conn_kill(host, ids[i]);
}

/* A connection holds the module while it sends from a ring, to somebody or not. */
static bool unload(void)
{
	int tries;

	for (tries = 0; tries < 20; tries++) {
		if (!module_try_unload())
			return true;
		usleep(1000);
	}
	kill_connections(HOST_A);
	kill_connections(HOST_B);
	return !module_unload();
}

/*
 * With connections that have much to say: what the process left behind when the
 * link was down, which has just come up.
 */
static bool lose_module(struct _test_data_death *self)
{
	if (net_link(HOST_B, false) || !end_process(self))
		return false;
	self->left += conns_count(HOST_A) || conns_count(HOST_B);
	return !net_link(HOST_B, true) && unload() && !module_load("") &&
	       !be_hasty(HOST_A) && !be_hasty(HOST_B);
}

FIXTURE_VARIANT_ADD(death, link) {
	.what = "link", .lose = lose_link
};

FIXTURE_VARIANT_ADD(death, addresses) {
	.what = "addresses", .lose = lose_addresses
};

FIXTURE_VARIANT_ADD(death, socket) {
	.what = "socket", .lose = lose_sockets, .threads = true
};

FIXTURE_VARIANT_ADD(death, process) {
	.what = "process", .lose = end_process, .dies = true
};

FIXTURE_VARIANT_ADD(death, namespace) {
	.what = "namespace", .lose = end_process, .dies = true, .alone = true
};

FIXTURE_VARIANT_ADD(death, module) {
	.what = "module", .lose = lose_module, .dies = true
};

static __u32 sockets(void)
{
	__u32 count = 0, more = 0;

	dev_get_u32(HOST_A, FASTPROTO_A_DEV_SOCKETS, &count);
	dev_get_u32(HOST_B, FASTPROTO_A_DEV_SOCKETS, &more);
	return count + more;
}

FIXTURE_SETUP(death)
{
	self->seed = test_seed();
	dice_seed(&self->dice, self->seed);
	if (variant->lose == lose_module && !module_find())
		SKIP(return, "needs the module's file");
	self->traffic = traffic_new();
	ASSERT_NE(NULL, self->traffic);
	ASSERT_EQ(0, be_hasty(HOST_A));
	ASSERT_EQ(0, be_hasty(HOST_B));
	self->sockets = sockets();
	memory_read(&self->memory);
}

FIXTURE_TEARDOWN(death)
{
	if (self->child > 0)
		end_process(self);
}

/* The thread that all the sockets are of. */
static void *have_traffic(void *arg)
{
	struct _test_data_death *self = arg;

	traffic_run(self->traffic, self->seed);
	return NULL;
}

/* One that is in a call of whatever socket there is. */
static void *wait_for_trouble(void *arg)
{
	struct traffic *traffic = arg;
	struct pollfd pfds[2 * FLOWS] = {};
	int i;

	while (!traffic->stop) {
		for (i = 0; i < FLOWS; i++) {
			pfds[2 * i].fd = traffic->flows[i].client;
			pfds[2 * i + 1].fd = traffic->flows[i].server;
		}
		poll(pfds, ARRAY_SIZE(pfds), 2);
	}
	return NULL;
}

/*
 * The first times the kernel fills lists of free pages, some 15 MiB, which it never
 * calls available again; a leak goes on after that.
 */
static void forget_caches(struct _test_data_death *self)
{
	struct memory now;

	memory_read(&now);
	self->memory.available = now.available;
}

static void live(struct __test_metadata *_metadata,
		 struct _test_data_death *self,
		 const struct _fixture_variant_death *variant)
{
	unsigned long round, rounds;

	/* On a slow kernel each takes a second and more. */
	rounds = test_count("FASTPROTO_LOSSES", fewer(LOSSES));
	for (round = 0; round < rounds; round++) {
		if (variant->dies)
			ASSERT_TRUE(begin_process(self, variant->alone));
		ASSERT_TRUE(traffic_wait(self->traffic, ANSWERS)) {
			TH_LOG("round %lu: nothing moves", round);
		}
		ASSERT_TRUE(variant->lose(self));
		if (round == rounds / 2)
			forget_caches(self);
	}
	if (variant->lose == lose_module)
		EXPECT_LE(rounds / 2, self->left);
	ksft_print_msg("lost: %lu %s (seed %llu)\n", rounds, variant->what,
		       (unsigned long long)self->seed);
}

TEST_F_TIMEOUT(death, under_traffic, 1800)
{
	pthread_t threads[2];

	self->traffic->stop = false;
	if (variant->threads) {
		ASSERT_EQ(0, pthread_create(&threads[0], NULL, have_traffic,
					    self));
		ASSERT_EQ(0, pthread_create(&threads[1], NULL, wait_for_trouble,
					    self->traffic));
	} else if (!variant->dies) {
		ASSERT_TRUE(begin_process(self, false));
	}
	live(_metadata, self, variant);
	if (variant->threads) {
		self->traffic->stop = true;
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
	} else if (!variant->dies) {
		ASSERT_TRUE(end_process(self));
	}
	EXPECT_TRUE(conns_wait_gone());
	EXPECT_EQ(self->sockets, sockets());
	EXPECT_TRUE(memory_wait(&self->memory, SLABS, AVAILABLE));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
