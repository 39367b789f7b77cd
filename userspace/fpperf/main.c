// SPDX-License-Identifier: GPL-2.0
/*
 * fpperf - measures FastProto and other transports at the same work.
 *
 * This file has the command line: options, commands, help.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fpperf.h"

#define WIDTH_DEFAULT	32
#define COUNT_MAX	1000000000
#define CLIENT_TIMEOUT	5
#define SERVER_TIMEOUT	10

/**
 * struct arguments - the command line
 * @options: what the client and the server understand
 * @transports: names; NULL: nothing was said
 * @warmup: was it said?
 */
struct arguments {
	struct options options;
	char *transports;
	bool warmup;
};

static const char usage_text[] =
	"Usage: fpperf server [ OPTIONS ] [ ADDRESS ]\n"
	"       fpperf client [ OPTIONS ] HOST\n"
	"       fpperf list\n"
	"\n"
	"The server answers, the client measures and tells the time of an operation.\n"
	"\n"
	"  -t, --transport T  see fpperf list; server: several with commas between them\n"
	"                     (default: server all that the kernel has, client\n"
	"                     fastproto-seqpacket)\n"
	"  -p, --port PORT    default 7700; the two after it are used, too\n"
	"  -B, --buffer BYTES send and receive buffer of each socket\n"
	"  -T, --timeout S    seconds to give up after if nothing comes (default: client 5,\n"
	"                     server 10)\n"
	"  -h, --help         this text\n"
	"  -V, --version      version of fpperf\n"
	"Client only:\n"
	"  -c, --case CASE    what to measure (default rtt):\n"
	"       rtt           a request and its answer, one after the other\n"
	"       stream        messages in one direction, one answer in the end\n"
	"       burst         bursts of messages, each with one answer\n"
	"       outstanding   requests with answers, always some on their way\n"
	"       setup         open, connect, one request and its answer, close\n"
	"  -s, --size BYTES   bytes in a message (default 64)\n"
	"  -n, --count N      operations to measure (default 10000; setup: 1000)\n"
	"  -w, --warmup N     operations before that (default: a tenth)\n"
	"  -d, --depth N      messages in a burst, requests on their way (default 32)\n"
	"  -l, --latency      rtt, setup: tell how the times are distributed, too\n"
	"  -j, --json         write JSON\n"
	"BYTES may end in K or M. With transport unix, HOST may be left out, and an\n"
	"ADDRESS or HOST that begins with / is a path.\n";

static const struct option long_options[] = {
	{ "transport",	required_argument,	NULL, 't' },
	{ "port",	required_argument,	NULL, 'p' },
	{ "buffer",	required_argument,	NULL, 'B' },
	{ "case",	required_argument,	NULL, 'c' },
	{ "size",	required_argument,	NULL, 's' },
	{ "count",	required_argument,	NULL, 'n' },
	{ "warmup",	required_argument,	NULL, 'w' },
	{ "depth",	required_argument,	NULL, 'd' },
	{ "timeout",	required_argument,	NULL, 'T' },
	{ "latency",	no_argument,		NULL, 'l' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

/* Decimal digits, perhaps a K or M, and nothing else. */
static __u32 parse_number(const char *what, const char *text, __u32 min,
			  __u32 max, bool bytes)
{
	unsigned long value = 0;
	char *end = (char *)text;

	errno = 0;
	if (isdigit((unsigned char)*text))
		value = strtoul(text, &end, 10);
	if (errno || value > UINT_MAX)
		value = UINT_MAX;
	if (bytes && end != text && (*end == 'K' || *end == 'M'))
		value <<= *end++ == 'K' ? 10 : 20;
	if (end == text || *end)
		errx(EXIT_USAGE, "%s: \"%s\" is not a number", what, text);
	if (value < min || value > max)
		errx(EXIT_USAGE, "%s: %s is not between %u and %u", what, text,
		     min, max);
	return value;
}

static const struct transport *parse_transport(const char *name)
{
	const struct transport *transport = transport_find(name);

	if (!transport)
		errx(EXIT_USAGE, "unknown transport \"%s\" (try: fpperf list)",
		     name);
	return transport;
}

static enum test parse_case(const char *name)
{
	enum test test;

	for (test = 0; test < TEST_NR; test++)
		if (!strcmp(name, test_names[test]))
			return test;
	errx(EXIT_USAGE, "unknown case \"%s\" (try: fpperf --help)", name);
}

static void parse_common(int opt, struct arguments *args)
{
	struct options *options = &args->options;

	switch (opt) {
	case 't':
		args->transports = optarg;
		break;
	case 'p':
		options->port = parse_number("port", optarg, 1, 65533, false);
		break;
	case 'B':
		options->buffer = parse_number("buffer", optarg, 1, 1 << 30,
					       true);
		break;
	case 'T':
		options->timeout = parse_number("timeout", optarg, 1, 3600,
						false);
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	case 'V':
		puts("fpperf, fastproto " FPPERF_VERSION);
		exit(0);
	default:
		exit(EXIT_USAGE);
	}
}

static void parse_client(int opt, struct arguments *args)
{
	struct options *options = &args->options;

	switch (opt) {
	case 'c':
		options->test = parse_case(optarg);
		break;
	case 's':
		options->size = parse_number("size", optarg, SIZE_MIN_BYTES,
					     SIZE_MAX_BYTES, true);
		break;
	case 'n':
		options->count = parse_number("count", optarg, 1, COUNT_MAX,
					      false);
		break;
	case 'w':
		options->warmup = parse_number("warmup", optarg, 0, COUNT_MAX,
					       false);
		args->warmup = true;
		break;
	case 'd':
		options->width = parse_number("depth", optarg, 1, 100000,
					      false);
		break;
	case 'l':
		options->latency = true;
		break;
	case 'j':
		options->json = true;
		break;
	default:
		parse_common(opt, args);
	}
}

static void parse_host(int argc, char **argv, struct options *options)
{
	if (optind < argc)
		options->host = argv[optind++];
	if (optind < argc)
		errx(EXIT_USAGE, "extra argument \"%s\" (try: fpperf --help)",
		     argv[optind]);
}

/* Bursts and what is outstanding come as a whole. */
static void settle_counts(struct arguments *args)
{
	struct options *options = &args->options;

	if (!options->count)
		options->count = options->test == TEST_SETUP ? 1000 : 10000;
	if (!args->warmup)
		options->warmup = options->count / 10 ?: 1;
	if (options->test == TEST_BURST) {
		options->count += options->width - 1;
		options->count -= options->count % options->width;
		options->warmup += options->width - 1;
		options->warmup -= options->warmup % options->width;
	} else if (options->test == TEST_OUTSTANDING) {
		if (options->count < options->width)
			errx(EXIT_USAGE, "count: less than the %u that are outstanding",
			     options->width);
		if (options->warmup && options->warmup < options->width)
			options->warmup = options->width;
	}
}

static void check_client(const struct options *options)
{
	const struct transport *transport = options->transport;

	if (options->size > transport->max)
		errx(EXIT_USAGE, "size: %s carries up to %u bytes",
		     transport->name, transport->max);
	if (options->test == TEST_SETUP && !transport->connected)
		errx(EXIT_USAGE, "case setup: %s has no connections",
		     transport->name);
	if (options->latency && options->test != TEST_RTT &&
	    options->test != TEST_SETUP)
		errx(EXIT_USAGE, "case %s: there is no latency to tell",
		     test_names[options->test]);
	if (!options->host && transport->domain != AF_UNIX)
		errx(EXIT_USAGE, "no HOST (try: fpperf --help)");
}

static int client_run(int argc, char **argv, struct arguments *args)
{
	struct options *options = &args->options;
	struct address address;
	struct result result;
	int opt;

	while ((opt = getopt_long(argc, argv, "t:p:B:c:s:n:w:d:T:ljhV",
				  long_options, NULL)) != -1)
		parse_client(opt, args);
	parse_host(argc, argv, options);
	options->transport = parse_transport(args->transports ?:
					     "fastproto-seqpacket");
	settle_counts(args);
	check_client(options);

	options->timeout = options->timeout ?: CLIENT_TIMEOUT;
	frame_init();
	if (transport_resolve(options->transport, options->host, options->port,
			      false, &address) ||
	    watch_client(options, &address, &result))
		return 1;
	if (options->json)
		report_json(options, &result);
	else
		report_text(options, &result);
	return 0;
}

/* True if it listens; false if the kernel has no such transport. */
static bool serve(const struct options *options, struct service *service)
{
	const struct transport *transport = service->transport;
	const struct address *address = &service->address;
	char text[128];

	if (transport_resolve(transport, options->host, options->port, true,
			      &service->address))
		exit(1);
	service->fd = transport_listen(transport, address, options->buffer);
	if (service->fd < 0 && transport_absent(errno))
		return false;
	transport_name(address, text, sizeof(text));
	if (service->fd < 0)
		err(1, "%s: cannot listen at %s", transport->name, text);
	printf("%s: %s\n", transport->name, text);
	return true;
}

static size_t serve_all(const struct options *options,
			struct service *services)
{
	size_t i, nr = 0;

	for (i = 0; i < transports_nr; i++) {
		services[nr].transport = &transports[i];
		if (serve(options, &services[nr]))
			nr++;
	}
	return nr;
}

/* Nothing is begun if one of them is unknown. */
static size_t serve_named(const struct options *options,
			  struct service *services, char *names)
{
	size_t i, nr = 0;
	char *name;

	for (name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		if (nr == transports_nr)
			errx(EXIT_USAGE, "too many transports");
		services[nr++].transport = parse_transport(name);
	}
	for (i = 0; i < nr; i++)
		if (!serve(options, &services[i]))
			err(1, "%s", services[i].transport->name);
	return nr;
}

static int server_run(int argc, char **argv, struct arguments *args)
{
	struct service services[transports_nr];
	struct options *options = &args->options;
	size_t nr;
	int opt;

	while ((opt = getopt_long(argc, argv, "t:p:B:T:hV", long_options,
				  NULL)) != -1)
		parse_common(opt, args);
	parse_host(argc, argv, options);

	options->timeout = options->timeout ?: SERVER_TIMEOUT;
	frame_init();
	nr = args->transports ?
		serve_named(options, services, args->transports) :
		serve_all(options, services);
	if (!nr)
		errx(EXIT_USAGE, "no transport");
	puts("ready");
	fflush(stdout);
	return watch_services(options, services, nr);
}

static int list_run(void)
{
	size_t i;

	for (i = 0; i < transports_nr; i++)
		printf("%-20s %s, up to %u bytes, port + %u\n",
		       transports[i].name, transports[i].what,
		       transports[i].max, transports[i].port);
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments args = {
		.options.test = TEST_RTT,
		.options.size = 64,
		.options.width = WIDTH_DEFAULT,
		.options.port = PORT_DEFAULT,
	};
	const char *command = argc > 1 ? argv[1] : "";
	int opt;

	if (!strcmp(command, "server"))
		return server_run(argc - 1, argv + 1, &args);
	if (!strcmp(command, "client"))
		return client_run(argc - 1, argv + 1, &args);
	if (!strcmp(command, "list") && argc == 2)
		return list_run();
	while ((opt = getopt_long(argc, argv, "+hV", long_options,
				  NULL)) != -1)
		parse_common(opt, &args);
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}
