// SPDX-License-Identifier: GPL-2.0
/*
 * fpctl - configures and inspects AF_FASTPROTO.
 *
 * This file has the command line: options, the table of commands, help. What
 * a command does is in the file of its noun: dev.c (show), setting.c (get, set),
 * stats.c, socket.c, connection.c (connection, kill); both list by list.c. They
 * ask through netlink.c and write through json.c or stdio.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "fpctl.h"
#include "netns.h"

#define ADDR_HELP							\
	"  port PORT         the port at either end\n"			\
	"ADDR is an IPv4 or IPv6 address or *, and %DEV may follow it; before :PORT an\n" \
	"IPv6 address stands in brackets.\n"

static int help_run(struct fpctl *fp, char **argv);

static const struct command {
	const char *name;
	const char *args;
	const char *what;
	const char *more;
	int (*run)(struct fpctl *fp, char **argv);
	void (*list)(void);
	bool counts;
} commands[] = {
	{ "show", "", "version, family number and limits", "", show_run, NULL, false },
	{ "get", "[ -s ] [ NAME ... ]",
	  "settings; -s: what they may be and are for",
	  "NAME:\n", get_run, setting_help, false },
	{ "set", "NAME VALUE ...", "change settings, all or none of them",
	  "VALUE is a number or \"default\".\n"
	  "It needs CAP_NET_ADMIN in the network namespace.\n"
	  "NAME:\n", set_run, setting_help, false },
	{ "stats", "[ -a ]", "counters that are not zero; -a: all counters",
	  "JSON output always has all counters.\n",
	  stats_run, NULL, false },
	{ "socket", "[ -s | -c ] [ FILTER ... ]",
	  "sockets; -s: more about each; -c: how many",
	  "FILTER, of which all must fit:\n"
	  "  type TYPE         dgram, seqpacket, rdm or stream\n"
	  "  local ADDR[:PORT] the socket's own address\n"
	  "  peer ADDR[:PORT]  the address it is connected to\n"
	  ADDR_HELP,
	  socket_run, NULL, true },
	{ "connection", "[ -s | -c ] [ FILTER ... ] | id ID",
	  "connections; -s: more about each; -c: how many; or one, in depth",
	  "  id ID             this one: times, windows, queues, counters, timers\n"
	  "FILTER, of which all must fit:\n"
	  "  state STATE       syn-sent, echo-sent, established, fin-wait-1, fin-wait-2,\n"
	  "                    close-wait, closing or last-ack\n"
	  "  local ADDR[:PORT] the address of our end\n"
	  "  peer ADDR[:PORT]  the address of the other end\n"
	  ADDR_HELP
	  "IDs are only for those who have CAP_NET_ADMIN in the network namespace.\n",
	  connection_run, NULL, true },
	{ "kill", "ID ...", "abort connections",
	  "  ID                as fpctl connection shows it: 0x and hexadecimal digits\n"
	  "It needs CAP_NET_ADMIN in the network namespace.\n",
	  kill_run, NULL, false },
	{ "help", "[ COMMAND ]", "this text, or the help of a command", "",
	  help_run, NULL, false },
};

static const char option_help[] =
	"Options:\n"
	"  -j, --json        write JSON\n"
	"  -p, --pretty      with -j: indented, for people\n"
	"  -n, --numeric     accepted; names are never looked up\n"
	"  -s, --statistics  socket: memory, limits, frames, drops, owner;\n"
	"                    connection: times, windows, queues, losses;\n"
	"                    get: ranges, defaults, meanings\n"
	"  -c, --count       socket, connection: how many, by type or state\n"
	"  -a, --all         stats: also the counters that are zero\n"
	"  -N, --netns NAME  work in the network namespace NAME\n"
	"  -h, --help        this text, or the help of a command\n"
	"  -V, --version     version of fpctl\n";

static const struct option long_options[] = {
	{ "json",	no_argument,		NULL, 'j' },
	{ "pretty",	no_argument,		NULL, 'p' },
	{ "numeric",	no_argument,		NULL, 'n' },
	{ "statistics",	no_argument,		NULL, 's' },
	{ "count",	no_argument,		NULL, 'c' },
	{ "all",	no_argument,		NULL, 'a' },
	{ "netns",	required_argument,	NULL, 'N' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: fpctl [ OPTIONS ] COMMAND [ ARGUMENTS ]\nCommands:\n",
	      out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-10s %-22s %s\n", commands[i].name,
			commands[i].args, commands[i].what);
	fputs(option_help, out);
}

static void command_usage(const struct command *cmd)
{
	printf("Usage: fpctl [ OPTIONS ] %s%s%s\n%s: %s\n%s", cmd->name,
	       *cmd->args ? " " : "", cmd->args, cmd->name, cmd->what,
	       cmd->more);
	if (cmd->list)
		cmd->list();
	fputs(option_help, stdout);
}

/* A command by its name or by a beginning that no other shares. */
static const struct command *command_find(const char *name)
{
	const struct command *found = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i].name))
			return &commands[i];
		if (strncmp(name, commands[i].name, strlen(name)))
			continue;
		if (found) {
			warnx("command \"%s\" is ambiguous: %s or %s", name,
			      found->name, commands[i].name);
			return NULL;
		}
		found = &commands[i];
	}
	if (!found)
		warnx("unknown command \"%s\" (try: fpctl help)", name);
	return found;
}

static int help_run(struct fpctl *fp, char **argv)
{
	const struct command *cmd;

	(void)fp;
	if (!*argv) {
		usage(stdout);
		return 0;
	}
	if (args_end("help", argv + 1))
		return EXIT_USAGE;
	cmd = command_find(*argv);
	if (!cmd)
		return EXIT_USAGE;
	command_usage(cmd);
	return 0;
}

static int command_run(struct fpctl *fp, char **argv, bool help)
{
	const struct command *cmd;

	if (!*argv) {
		usage(help ? stdout : stderr);
		return help ? 0 : EXIT_USAGE;
	}
	cmd = command_find(*argv);
	if (!cmd)
		return EXIT_USAGE;
	if (help || (argv[1] && !strcmp(argv[1], "help"))) {
		command_usage(cmd);
		return 0;
	}
	if (fp->count && (!cmd->counts || fp->statistics)) {
		warnx(cmd->counts ? "%s: -c and -s do not go together" :
		      "%s: there is nothing to be counted (-c)", cmd->name);
		return EXIT_USAGE;
	}
	if (fp->netns && netns_enter(fp->netns))
		return EXIT_USAGE;
	return cmd->run(fp, argv + 1);
}

static int run(struct fpctl *fp, int argc, char **argv)
{
	bool help = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jpnscaN:hV", long_options,
				  NULL)) != -1) {
		switch (opt) {
		case 'j':
			fp->json = true;
			break;
		case 'p':
			fp->js.pretty = true;
			break;
		case 'n':
			break;
		case 's':
			fp->statistics = true;
			break;
		case 'c':
			fp->count = true;
			break;
		case 'a':
			fp->all = true;
			break;
		case 'N':
			fp->netns = optarg;
			break;
		case 'h':
			help = true;
			break;
		case 'V':
			puts("fpctl, fastproto " FPCTL_VERSION);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	return command_run(fp, argv + optind, help);
}

bool fpctl_write_failed(struct fpctl *fp)
{
	if (!fp->write_error && ferror(stdout))
		fp->write_error = errno;
	return fp->write_error;
}

/* A reader that went away is no news, a full disk is. */
static int finish(struct fpctl *fp, int status)
{
	if (!fpctl_write_failed(fp) && fflush(stdout))
		fp->write_error = errno;
	if (!fp->write_error)
		return status;
	if (fp->write_error != EPIPE)
		warnx("cannot write: %s", strerror(fp->write_error));
	return status ? status : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct fpctl fp = { .js.out = stdout };

	if (argc)
		argv[0] = program_invocation_short_name;
	return finish(&fp, run(&fp, argc, argv));
}
