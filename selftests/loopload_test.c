// SPDX-License-Identifier: GPL-2.0
/* libfastproto with the kernel: threads, each with a ring and a loop of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "lib/fptest.h"
#include "lib/loopserver.h"

#define THREADS	4

struct asker {
	struct fp_loop *loop;
	struct fp_ring *ring;
	pthread_t thread;
	__u64 conn;
	unsigned int wanted, got, wrong;
	int result;
};

static void ask(struct asker *asker)
{
	if (fp_ring_send(asker->ring, asker->conn, &asker->got,
			 sizeof(asker->got), 0))
		asker->wrong++;
}

static void on_answer(struct fp_ring *ring, const struct fp_ring_event *msg,
		      void *arg)
{
	struct asker *asker = arg;

	if (msg->len != sizeof(asker->got) ||
	    memcmp(fp_ring_data(ring, msg, NULL), &asker->got, msg->len))
		asker->wrong++;
	if (++asker->got == asker->wanted)
		fp_loop_stop(asker->loop);
	else
		ask(asker);
}

static void *ask_often(void *arg)
{
	struct asker *asker = arg;

	ask(asker);
	asker->result = fp_loop_run(asker->loop);
	return NULL;
}

static int asker_start(struct asker *asker, const struct sockaddr_fp *to,
		       const struct fp_loop_config *config)
{
	static const struct fp_handlers handlers = { .on_message = on_answer };

	asker->wanted = fewer(300);
	asker->ring = open_ring(HOST_A, SOCK_RDM, &small, NULL);
	if (!asker->ring || fp_ring_connect(asker->ring, to, &asker->conn) ||
	    fp_loop_new(&asker->loop, config) ||
	    fp_loop_add_ring(asker->loop, asker->ring, &handlers, asker))
		return -1;
	return pthread_create(&asker->thread, NULL, ask_often, asker);
}

static void ask_all(struct __test_metadata *_metadata, unsigned int threads,
		    const struct fp_loop_config *config)
{
	struct asker askers[THREADS] = {};
	struct server server = {};
	unsigned int i;

	ASSERT_EQ(0, server_start(&server, SOCK_RDM, &small, config));
	for (i = 0; i < threads; i++)
		ASSERT_EQ(0, asker_start(&askers[i], &server.addr, config));
	for (i = 0; i < threads; i++) {
		pthread_join(askers[i].thread, NULL);
		EXPECT_EQ(0, askers[i].result);
		EXPECT_EQ(0, askers[i].wrong);
		EXPECT_EQ(askers[i].wanted, askers[i].got);
		fp_loop_free(askers[i].loop);
		fp_ring_close(askers[i].ring);
	}
	server_stop(&server);
	EXPECT_EQ(threads * fewer(300), server.messages);
	EXPECT_EQ(0, server.failed);
	fp_ring_close(server.ring);
}

TEST(threads_with_their_own_rings)
{
	ask_all(_metadata, THREADS, NULL);
}

/* --- the same with many messages under way, from each to each */

#define WINDOW	16

struct loader {
	struct fp_loop *loop;
	struct fp_ring *ring;
	pthread_t thread;
	__u64 conns[THREADS];
	unsigned int sent[THREADS], got[THREADS];
	unsigned int wanted, done, wrong, called;
	int result;
};

static void load(struct loader *loader, unsigned int to)
{
	unsigned int *sent = &loader->sent[to];

	while (*sent < loader->wanted && *sent - loader->got[to] < WINDOW &&
	       !fp_ring_send(loader->ring, loader->conns[to], sent,
			     sizeof(*sent), 0))
		++*sent;
}

static void on_echo(struct fp_ring *ring, const struct fp_ring_event *msg,
		    void *arg)
{
	struct loader *loader = arg;
	unsigned int from = 0;

	while (from < THREADS && loader->conns[from] != msg->conn)
		from++;
	if (from == THREADS || msg->len != sizeof(unsigned int) ||
	    memcmp(fp_ring_data(ring, msg, NULL), &loader->got[from], msg->len)) {
		loader->wrong++;
		fp_loop_stop(loader->loop);
		return;
	}
	if (++loader->got[from] == loader->wanted &&
	    ++loader->done == THREADS)
		fp_loop_stop(loader->loop);
	load(loader, from);
}

static void *load_all(void *arg)
{
	struct loader *loader = arg;
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		load(loader, i);
	loader->result = fp_loop_run(loader->loop);
	return NULL;
}

static int loader_start(struct loader *loader, const struct server *servers,
			const struct fp_loop_config *config)
{
	static const struct fp_handlers handlers = { .on_message = on_echo };
	unsigned int i;

	loader->wanted = fewer(500);
	loader->ring = open_ring(HOST_A, SOCK_RDM, &small, NULL);
	if (!loader->ring)
		return -1;
	for (i = 0; i < THREADS; i++)
		if (fp_ring_connect(loader->ring, &servers[i].addr,
				    &loader->conns[i]))
			return -1;
	if (fp_loop_new(&loader->loop, config) ||
	    fp_loop_add_ring(loader->loop, loader->ring, &handlers, loader))
		return -1;
	return pthread_create(&loader->thread, NULL, load_all, loader);
}

static void count_call(void *called)
{
	__atomic_add_fetch((unsigned int *)called, 1, __ATOMIC_RELAXED);
}

/* Every one has messages for all, and is called by another thread meanwhile. */
TEST(threads_under_load)
{
	const struct fp_loop_config config = { .batch = FP_LOOP_BATCH_MAX };
	static struct server servers[THREADS];
	struct loader loaders[THREADS] = {};
	unsigned int i, j;

	for (i = 0; i < THREADS; i++) {
		servers[i].flags = i % 2 ? FP_RING_QUIET : 0;
		ASSERT_EQ(0, server_start(&servers[i], SOCK_RDM, &small,
					  &config));
	}
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, loader_start(&loaders[i], servers, &config));
	for (j = 0; j < 100; j++)
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, fp_loop_call(servers[i].loop, count_call,
						  &servers[i].called));
	for (i = 0; i < THREADS; i++) {
		pthread_join(loaders[i].thread, NULL);
		EXPECT_EQ(0, loaders[i].result);
		EXPECT_EQ(0, loaders[i].wrong);
		EXPECT_EQ(THREADS, loaders[i].done);
		fp_loop_free(loaders[i].loop);
	}
	for (i = 0; i < THREADS; i++) {
		server_stop(&servers[i]);
		EXPECT_EQ(100, servers[i].called);
		EXPECT_EQ(THREADS * fewer(500), servers[i].messages);
		EXPECT_EQ(0, servers[i].failed);
		fp_ring_close(servers[i].ring);
		fp_ring_close(loaders[i].ring);
	}
}

/*
 * It sleeps in its ring: whoever calls it wakes it up, also if that comes when it is
 * just about to sleep.
 */
TEST(called_while_it_sleeps)
{
	struct server server = {};
	unsigned int i, count = fewer(2000);

	ASSERT_EQ(0, server_start(&server, SOCK_RDM, &small, NULL));
	for (i = 1; i <= count; i++) {
		ASSERT_EQ(0, fp_loop_call(server.loop, count_call,
					  &server.called));
		if (i % 2)
			ASSERT_TRUE(wait_count(&server.called, i));
	}
	server_stop(&server);
	EXPECT_EQ(0, server.result);
	EXPECT_EQ(count, server.called);
	fp_ring_close(server.ring);
}

TEST(batches_of_one)
{
	const struct fp_loop_config config = { .batch = 1 };

	ask_all(_metadata, THREADS, &config);
}

/* It never sleeps: the answer is found by looking. */
TEST(spinning)
{
	const struct fp_loop_config config = { .spin = SECOND };

	ask_all(_metadata, 1, &config);
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
