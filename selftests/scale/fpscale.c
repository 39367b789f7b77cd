// SPDX-License-Identifier: GPL-2.0
/*
 * fpscale - what a connection costs where there are very many
 *
 *   fpscale [-t TRANSPORT] [-c CASE] [-n NUMBER] [-a NUMBER]
 *	[-i SECONDS] [-g SECONDS] [-k SECONDS] [-b BYTES]
 *
 *   -t	rdm (one socket at each end), seqpacket, tcp (one file each),
 *	rdm-server (one socket there; clients with a file and an address each)
 *   -c	hold: open, send on each, rest, send on some, close
 *	churn: open, send, get the answer, close, one after the other
 *	keep: as hold, with SO_KEEPALIVE at the client
 *	flood: the client opens and sends on each, then the server reads
 *	echo: the server is fpecho: open, send on each, rest, send on some,
 *	close one by one; has each had all of its answers?
 *	leave: open, send on each, say so with a line, and when standard
 *	input ends, end at once, with all of them open
 *   -n	how many connections
 *   -a	how many of them to one address of the server; 0: all to the same
 *   -i	for how many seconds to rest
 *   -g	how many seconds after that what nobody uses is gone
 *   -k	keep: after how many seconds of silence a peer is asked
 *   -b	flood: the server's SO_RCVBUF
 *
 * The hosts are two namespaces, alice and bob, joined by a veth pair, veth0 at
 * both ends; bob is at 10.77.0.2 and at all of 10.128.0.0/10, alice at 10.77.0.1
 * and all of 10.192.0.0/10 (scale.sh). There are three processes: a client, a
 * server, and a conductor, which tells them what to do and looks at clock and
 * memory meanwhile. The result is a line of JSON.
 *
 * It is made for a machine with one processor whose nanosecond is one
 * instruction. Waiting costs nothing there.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/fastproto.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fpscale.h"

#define TAIL		1	/* seconds: what is put off is part of the cost */
#define ENOUGH		1000	/* messages, for a figure to be one */
#define ROUND		100	/* messages, at least, at a time */
#define WARM_UP		200	/* connections, before others count */
#define MOST		0x1000000	/* connections */
#define PERIODS		4	/* in which silent peers are asked */
#define PATIENCE	100	/* seconds, until what was closed is gone */

struct connection *connections;
unsigned int *chosen;
unsigned int count = 1000, per_address, keep_idle, rcvbuf;
static unsigned int idle_seconds = 60, gone_seconds = 400;

/* That each connection has one at one end, at least. */
static bool has_files(void)
{
	return transport->type != SOCK_RDM ||
	       transport->client_type != SOCK_RDM;
}

/* --- hold: all of them at the same time */

struct result {
	struct memory empty;	/* neither server nor client */
	struct memory alone;	/* the server, without connections */
	struct memory none;	/* the client, too */
	struct memory all;	/* with all connections */
	struct memory half;	/* the client is no more */
	struct memory end;	/* nor is the server */
	double open;		/* instructions */
	double message;
	double rest;		/* of a second */
	double open_seconds;
	struct list list;
	double asking;		/* of a connection, in the time of keep_idle */
	double asked;		/* questions, of all, in that time */
};

/* One in each of @nr parts, by chance: none twice. */
static void choose(unsigned int nr)
{
	unsigned int part = count / nr, i;

	for (i = 0; i < nr; i++)
		chosen[i] = i * part + random() % part;
}

static void open_all(const struct player *server, const struct player *client,
		     struct result *result)
{
	struct moment moment = instructions_begin();
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	player_both(server, client, ACT_OPEN, count);
	clock_gettime(CLOCK_MONOTONIC, &to);
	sleep(TAIL);
	result->open = instructions_since(&moment) / count;
	result->open_seconds = to.tv_sec - from.tv_sec +
			       (to.tv_nsec - from.tv_nsec) / 1e9;
}

/* On 1 % of the connections, and again, on others, until it is a figure. */
static double send_on_some(const struct player *server,
			   const struct player *client)
{
	unsigned int nr = count / 100, sent;
	struct moment moment;
	double sum = 0;

	if (nr < ROUND)
		nr = ROUND;
	for (sent = 0; sent < ENOUGH; sent += nr) {
		choose(nr);
		moment = instructions_begin();
		player_both(server, client, ACT_MESSAGE, nr);
		sleep(TAIL);
		sum += instructions_since(&moment);
		sleep(idle_seconds);
	}
	return sum / sent;
}

static void link_of_alice(const char *what)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "tc -n alice qdisc %s dev veth0 root %s", what,
		 strcmp(what, "add") ? "" : "netem loss 100%");
	if (system(command))
		errx(1, "%s: failed", command);
}

/* Nobody says anything, for some periods; all are asked, and answer. */
static void watch(struct result *result)
{
	struct moment moment = instructions_begin();
	double before = counter("alice", "keepalive_probes");

	sleep(PERIODS * keep_idle);
	result->asking = instructions_since(&moment) / PERIODS / count;
	result->asked = (counter("alice", "keepalive_probes") - before) /
			PERIODS;
}

/*
 * Whose memory is it? The client ends while nothing can tell the server, so that
 * all that is the server's stays. The long waits are for threads of work queues,
 * which the kernel keeps for 5 minutes, and for connections without a peer.
 */
static void hold(struct result *result)
{
	struct player bob, alice;

	memory_settle(&result->empty);
	bob = player_server("bob");
	memory_settle(&result->alone);
	alice = player_client("alice");
	memory_settle(&result->none);
	instructions_idle();

	open_all(&bob, &alice, result);
	sleep(idle_seconds);
	result->message = send_on_some(&bob, &alice);
	sleep(gone_seconds);
	memory_settle(&result->all);
	/* The peers that are asked meanwhile are no part of the background. */
	if (keep_idle)
		watch(result);
	else
		result->rest = instructions_idle();
	if (transport->family == AF_FASTPROTO)
		list_connections("alice", &result->list);

	link_of_alice("add");
	player_end(&alice, ACT_ABORT);
	sleep(gone_seconds);
	memory_settle(&result->half);
	link_of_alice("del");
	player_end(&bob, ACT_CLOSE);
	sleep(gone_seconds);
	memory_settle(&result->end);
}

/* Bytes of a connection at each end. */
struct share {
	double client;
	double server;
	double left;		/* at none */
};

/* Of a slab cache, by its number, or of all, or of pages. */
static struct share share_of(const struct result *result, int nr)
{
	double server = result->half.bytes[nr] - result->alone.bytes[nr];
	double both = result->all.bytes[nr] - result->none.bytes[nr];
	double left = result->end.bytes[nr] - result->empty.bytes[nr];

	return (struct share) {
		.client = (both - server) / count,
		.server = server / count,
		.left = left / count,
	};
}

static void print_share(const char *name, struct share share)
{
	printf("\"%s\":{\"client\":%.1f,\"server\":%.1f,\"left\":%.1f}", name,
	       share.client, share.server, share.left);
}

/* The caches in which a byte or more is for each connection, and the rest. */
static void print_parts(const struct result *result)
{
	int i;

	printf(",\"memory\":{");
	for (i = 0; i < nr_caches; i++) {
		struct share share = share_of(result, i);

		if (fabs(share.client) < 1 && fabs(share.server) < 1 &&
		    fabs(share.left) < 1)
			continue;
		print_share(cache_name(i), share);
		putchar(',');
	}
	print_share("pages", share_of(result, MEMORY_PAGES));
	putchar('}');
}

static void print_list(const struct list *list)
{
	if (!list->listed)
		return;
	printf(",\"listed\":%lu,\"counted\":%lu", list->listed,
	       list->counted);
	printf(",\"kib_to_list\":%ld,\"kib_to_count\":%ld", list->listing,
	       list->counting);
}

static void print_result(const struct result *result)
{
	struct share slabs = share_of(result, MEMORY_SLABS);
	struct share pages = share_of(result, MEMORY_PAGES);
	struct share available = share_of(result, MEMORY_AVAILABLE);

	printf(",\"bytes_per_connection_client\":%.1f",
	       slabs.client + pages.client);
	printf(",\"bytes_per_connection_server\":%.1f",
	       slabs.server + pages.server);
	printf(",\"bytes_available_both\":%.1f",
	       -(available.client + available.server));
	printf(",\"bytes_left\":%.0f", (slabs.left + pages.left) * count);
	printf(",\"instructions_per_open\":%.0f", result->open);
	printf(",\"instructions_per_message\":%.0f", result->message);
	if (!keep_idle)
		printf(",\"instructions_per_idle_second\":%.0f",
		       result->rest);
	printf(",\"seconds_open\":%.3f", result->open_seconds);
	print_list(&result->list);
	print_parts(result);
}

static void hold_case(void)
{
	static struct result result;

	hold(&result);
	print_result(&result);
}

static void keep_case(void)
{
	static struct result result;

	hold(&result);
	printf(",\"keep_idle\":%u", keep_idle);
	printf(",\"questions_per_period\":%.4f", result.asked / count);
	printf(",\"instructions_per_period\":%.0f", result.asking);
	print_result(&result);
}

/* --- flood: all say something, and then somebody listens */

static double sum_of_resets(const char *host)
{
	return counter(host, "ended_aborted") + counter(host, "ended_timeout") +
	       counter(host, "out_resets");
}

static void print_per_message(const char *what, const char *host,
			      const char *name)
{
	printf(",\"%s\":%.4f", what, counter(host, name) / count);
}

/* What either end receives, the other has sent. */
static void print_flood(const struct moment *moment)
{
	printf(",\"instructions_per_message\":%.0f",
	       instructions_since(moment) / count);
	printf(",\"resets\":%.0f",
	       sum_of_resets("alice") + sum_of_resets("bob"));
	print_per_message("datagrams_client", "bob", "in_datagrams");
	print_per_message("datagrams_server", "alice", "in_datagrams");
	print_per_message("sent_again", "alice", "out_retrans");
	print_per_message("refused", "bob", "drop_queue_full");
	print_per_message("told_of_room", "bob", "room_told");
}

static void flood_case(void)
{
	struct player bob = player_server("bob");
	struct player alice = player_client("alice");
	struct timespec from, to;
	struct moment moment;

	if (!transport->hear)
		errx(2, "not of %s", transport->name);
	instructions_idle();
	moment = instructions_begin();
	player_one(&alice, ACT_SAY, count);
	clock_gettime(CLOCK_MONOTONIC, &from);
	player_one(&bob, ACT_HEAR, count);
	clock_gettime(CLOCK_MONOTONIC, &to);
	sleep(TAIL);
	printf(",\"buffer\":%u,\"seconds\":%.3f", rcvbuf,
	       to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
	print_flood(&moment);
	player_end(&alice, ACT_CLOSE);
	player_end(&bob, ACT_CLOSE);
}

/* --- echo: the server is the example, which nobody tells what to do */

/* Beyond one for each connection. */
static unsigned int more_messages(void)
{
	unsigned int nr = count / 100 < ROUND ? ROUND : count / 100;

	return (ENOUGH + nr - 1) / nr * nr;
}

static void count_answers(void)
{
	unsigned long long sum = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!connections[i].answers)
			errx(1, "number %u has no answer", i);
		sum += connections[i].answers;
	}
	if (sum != (unsigned long long)count + more_messages())
		errx(1, "%llu answers to %llu messages", sum,
		     (unsigned long long)count + more_messages());
	printf(",\"answers\":%llu", sum);
}

static void await_none(const char *host)
{
	int i;

	for (i = 0; list_count(host); i++) {
		if (i == PATIENCE)
			errx(1, "%s: %lu connections are left", host,
			     list_count(host));
		sleep(TAIL);
	}
}

/* Each by itself, and then neither end knows any of them. */
static double part_all(const struct player *client)
{
	struct moment moment = instructions_begin();
	double instructions;

	player_one(client, ACT_PART, count);
	sleep(TAIL);
	instructions = instructions_since(&moment) / count;
	await_none("alice");
	await_none("bob");
	return instructions;
}

static double growth(const struct memory *from, const struct memory *to)
{
	return to->bytes[MEMORY_SLABS] - from->bytes[MEMORY_SLABS] +
	       to->bytes[MEMORY_PAGES] - from->bytes[MEMORY_PAGES];
}

static void print_echo(const struct result *result, long before, long after,
		       double closing)
{
	printf(",\"seconds_open\":%.3f", result->open_seconds);
	printf(",\"bytes_per_connection_both\":%.1f",
	       growth(&result->none, &result->all) / count);
	printf(",\"bytes_left\":%.0f", growth(&result->none, &result->end));
	printf(",\"kib_server\":%ld,\"kib_server_more\":%ld", before,
	       after - before);
	printf(",\"instructions_per_open\":%.0f", result->open);
	printf(",\"instructions_per_message\":%.0f", result->message);
	printf(",\"instructions_per_close\":%.0f", closing);
}

static void echo_case(void)
{
	pid_t server = echo_begin("bob");
	struct player alice = player_client("alice");
	static struct result result;
	double closing;
	long memory;

	if (has_files())
		errx(2, "not of %s", transport->name);
	memory_settle(&result.none);
	instructions_idle();
	memory = echo_memory(server);
	open_all(NULL, &alice, &result);
	sleep(idle_seconds);
	result.message = send_on_some(NULL, &alice);
	sleep(gone_seconds);
	memory_settle(&result.all);
	if (list_count("bob") != count)
		errx(1, "bob: %lu connections", list_count("bob"));
	count_answers();
	closing = part_all(&alice);
	sleep(gone_seconds);
	memory_settle(&result.end);
	print_echo(&result, memory, echo_memory(server), closing);
	player_end(&alice, ACT_CLOSE);
	echo_end(server);
}

/* --- churn: one after the other; what comes after it counts, too */

static void churn_case(void)
{
	struct player bob = player_server("bob");
	struct player alice = player_client("alice");
	struct moment moment;

	player_both(&bob, &alice, ACT_CHURN, WARM_UP);
	sleep(idle_seconds);
	instructions_idle();
	moment = instructions_begin();
	player_both(&bob, &alice, ACT_CHURN, count);
	sleep(TAIL);
	printf(",\"instructions_per_connection\":%.0f",
	       instructions_since(&moment) / count);
	player_end(&alice, ACT_CLOSE);
	player_end(&bob, ACT_CLOSE);
}

/* --- leave: what becomes of them is for others to see */

static void leave_case(void)
{
	struct player bob = player_server("bob");
	struct player alice = player_client("alice");

	player_both(&bob, &alice, ACT_OPEN, count);
	puts(",\"open\":true");
	fflush(stdout);
	while (getchar() != EOF)
		;
	player_end(&alice, ACT_CLOSE);
	player_end(&bob, ACT_CLOSE);
}

/* --- the beginning */

static void *shared_array(size_t size)
{
	void *array = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (array == MAP_FAILED)
		err(1, "mmap");
	return array;
}

static void prepare(void)
{
	const struct sched_param batch = { .sched_priority = 0 };
	const rlim_t files = 4 * CACHES_MAX + (has_files() ? count : 0);
	const struct rlimit limit = { .rlim_cur = files, .rlim_max = files };

	connections = shared_array(count * sizeof(*connections));
	chosen = shared_array(count * sizeof(*chosen));
	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "RLIMIT_NOFILE");
	/* Without wake-up preemption, which makes figures jump. */
	if (sched_setscheduler(0, SCHED_BATCH, &batch))
		err(1, "SCHED_BATCH");
	signal(SIGPIPE, SIG_IGN);
}

static unsigned int parse_number(const char *text, unsigned int least)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value < least || value > MOST)
		errx(2, "'%s' is no number from %u to %u", text, least, MOST);
	return value;
}

static void (*case_named(const char *name))(void)
{
	if (!strcmp(name, "churn"))
		return churn_case;
	if (!strcmp(name, "leave"))
		return leave_case;
	if (!strcmp(name, "keep")) {
		keep_idle = 300;
		return keep_case;
	}
	if (!strcmp(name, "flood")) {
		rcvbuf = 100000;
		return flood_case;
	}
	if (!strcmp(name, "echo"))
		return echo_case;
	if (strcmp(name, "hold"))
		errx(2, "no case '%s'", name);
	return hold_case;
}

int main(int argc, char **argv)
{
	void (*run)(void) = hold_case;
	const char *spread = NULL;
	int option;

	transport = transport_named("rdm");
	while ((option = getopt(argc, argv, "t:c:n:a:i:g:k:b:")) != -1)
		switch (option) {
		case 't':
			transport = transport_named(optarg);
			break;
		case 'c':
			run = case_named(optarg);
			break;
		case 'n':
			count = parse_number(optarg, WARM_UP);
			break;
		case 'a':
			spread = optarg;
			break;
		case 'i':
			idle_seconds = parse_number(optarg, 0);
			break;
		case 'g':
			gone_seconds = parse_number(optarg, 0);
			break;
		case 'k':
			keep_idle = parse_number(optarg, 1);
			break;
		case 'b':
			rcvbuf = parse_number(optarg, 1);
			break;
		default:
			return 2;
		}
	if (optind < argc)
		errx(2, "too many arguments");
	per_address = spread ? parse_number(spread, 0) : transport->per_address;
	prepare();
	printf("{\"transport\":\"%s\",\"connections\":%u,\"per_address\":%u",
	       transport->name, count, per_address);
	fflush(stdout);
	run();
	puts("}");
	return 0;
}
