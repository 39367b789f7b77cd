// SPDX-License-Identifier: GPL-2.0
/* The client and the server: processes that the conductor tells what to do. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fpscale.h"

#define WINDOW		64	/* requests that are under way together */

struct order {
	enum act what;
	unsigned int nr;
};

/* --- what they do */

static void call_on(const struct order *order, unsigned int first, unsigned int end)
{
	bool opens = order->what == ACT_OPEN;
	unsigned int i;

	for (i = first; i < end; i++) {
		if (opens)
			transport->open(i);
		transport->request(opens ? i : chosen[i]);
	}
	for (i = first; i < end; i++)
		transport->answer(opens ? i : chosen[i]);
}

static void call_in_windows(const struct order *order)
{
	unsigned int first, end;

	for (first = 0; first < order->nr; first = end) {
		end = first + WINDOW;
		if (end > order->nr)
			end = order->nr;
		call_on(order, first, end);
	}
}

static void close_all(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		transport->close(i);
}

static void churn(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		transport->meet(i);
		transport->answer(i);
		transport->close(i);
	}
}

static void say(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		transport->open(i);
		transport->request(i);
	}
}

static void call(const struct order *order)
{
	if (order->what == ACT_CHURN)
		churn(order->nr);
	else if (order->what == ACT_SAY)
		say(order->nr);
	else if (order->what == ACT_PART)
		close_all(order->nr);
	else
		call_in_windows(order);
}

/* Each has said something once. */
static void hear(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		chosen[i] = 0;
	for (i = 0; i < nr; i++) {
		unsigned int from = transport->hear();

		if (chosen[from]++)
			errx(1, "a message came twice");
	}
}

static void serve(const struct order *order)
{
	unsigned int i;

	if (order->what == ACT_HEAR) {
		hear(order->nr);
		return;
	}
	for (i = 0; i < order->nr; i++) {
		if (order->what == ACT_MESSAGE)
			transport->serve(chosen[i]);
		else
			transport->welcome();
		if (order->what == ACT_CHURN)
			transport->depart();
	}
}

/* --- how they are told */

void player_enter(const char *host)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", host);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

static void say_done(int wire)
{
	const char done = 0;

	if (write(wire, &done, 1) != 1)
		err(1, "write");
}

static void wait_until_done(const struct player *player)
{
	char done;

	if (read(player->wire, &done, 1) != 1)
		errx(1, "a process ended too soon");
}

static void play(int wire, void (*act)(const struct order *order))
{
	struct order order;

	say_done(wire);
	while (read(wire, &order, sizeof(order)) == sizeof(order)) {
		switch (order.what) {
		case ACT_ABORT:
			transport->abort();
			_exit(0);
		case ACT_CLOSE:
			_exit(0);
		default:
			act(&order);
		}
		say_done(wire);
	}
	_exit(1);
}

static struct player start(const char *host, void (*prepare)(void),
			   void (*act)(const struct order *order))
{
	struct player player;
	int wires[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wires))
		err(1, "socketpair");
	player.wire = wires[0];
	player.pid = fork();
	if (player.pid < 0)
		err(1, "fork");
	if (!player.pid) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL))
			err(1, "prctl");
		close(wires[0]);
		player_enter(host);
		prepare();
		play(wires[1], act);
	}
	close(wires[1]);
	wait_until_done(&player);
	return player;
}

struct player player_server(const char *host)
{
	return start(host, transport_serve, serve);
}

struct player player_client(const char *host)
{
	return start(host, transport_call, call);
}

static void tell(const struct player *player, enum act what, unsigned int nr)
{
	const struct order order = { .what = what, .nr = nr };

	if (write(player->wire, &order, sizeof(order)) != sizeof(order))
		err(1, "write");
}

void player_one(const struct player *player, enum act what, unsigned int nr)
{
	tell(player, what, nr);
	wait_until_done(player);
}

/* Client and server do the same together; unless the server (NULL) needs no orders. */
void player_both(const struct player *server, const struct player *client,
		 enum act what, unsigned int nr)
{
	if (server)
		tell(server, what, nr);
	tell(client, what, nr);
	if (server)
		wait_until_done(server);
	wait_until_done(client);
}

void player_end(const struct player *player, enum act what)
{
	int status;

	tell(player, what, 0);
	if (waitpid(player->pid, &status, 0) < 0 || status)
		errx(1, "a process failed");
	close(player->wire);
}
