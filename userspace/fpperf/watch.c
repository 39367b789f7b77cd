// SPDX-License-Identifier: GPL-2.0
/*
 * The work is done by a process of its own, with plain calls that may block for
 * ever, and nothing that a measurement would see. This one waits, and ends it
 * if it makes no progress.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fpperf.h"

static struct progress *progress_create(void)
{
	struct progress *progress;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		err(1, "memory");
	return progress;
}

/* In the child: ends with its parent, however that ends. */
static void follow_parent(pid_t parent)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static pid_t fork_or_die(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid)
		follow_parent(parent);
	return pid;
}

/* True if the process has ended within that time. */
static bool ends_within(int pidfd, unsigned int seconds)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int got;

	do {
		got = poll(&pfd, 1, seconds * 1000);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		err(1, "poll");
	return got;
}

static int exit_status(int status)
{
	if (WIFSIGNALED(status))
		warnx("ended by %s", strsignal(WTERMSIG(status)));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Returns 0, or 1 after a complaint. */
int watch_client(const struct options *options, const struct address *address,
		 struct result *result)
{
	struct progress *progress = progress_create();
	__u64 steps = 0;
	int pidfd, status;
	pid_t pid;

	pid = fork_or_die();
	if (!pid) {
		client_work(options, address, progress);
		_exit(0);
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		err(1, "pidfd_open");

	while (!ends_within(pidfd, options->timeout)) {
		__u64 now = progress_steps(progress);

		if (steps != now) {
			steps = now;
			continue;
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		errx(1, "%s: nothing came for %u seconds; giving up",
		     progress->what, options->timeout);
	}
	if (waitpid(pid, &status, 0) < 0)
		err(1, "wait");
	*result = progress->result;
	return exit_status(status);
}

/**
 * struct services - all that are served
 * @nr: how many
 * @first: the first of them
 */
struct services {
	size_t nr;
	struct service *first;
};

/* Nobody but who serves it keeps a socket open. */
static void close_others(const struct services *services,
			 const struct service *mine)
{
	size_t i;

	for (i = 0; i < services->nr; i++)
		if (services->first + i != mine)
			close(services->first[i].fd);
}

static void service_start(const struct options *options,
			  const struct services *services,
			  struct service *service)
{
	*service->progress = (struct progress){ 0 };
	service->pid = fork_or_die();
	if (!service->pid) {
		close_others(services, service);
		server_work(options, service);
		_exit(1);
	}
	close(service->fd);
	service->fd = -1;
}

/* A client that has gone without a word must not keep others waiting. */
static void service_check(const struct options *options,
			  const struct services *services,
			  struct service *service)
{
	__u64 steps = progress_steps(service->progress);

	if (!progress_busy(service->progress) || service->steps != steps) {
		service->steps = steps;
		return;
	}
	warnx("%s: nothing came from a client for %u seconds",
	      service->transport->name, options->timeout);
	kill(service->pid, SIGKILL);
	waitpid(service->pid, NULL, 0);
	service->fd = transport_listen(service->transport, &service->address,
				       options->buffer);
	if (service->fd < 0)
		err(1, "%s: cannot listen again", service->transport->name);
	service_start(options, services, service);
}

/* Until one of them fails. */
int watch_services(const struct options *options, struct service *first,
		   size_t nr)
{
	struct services services = { .nr = nr, .first = first };
	struct timespec idle = { .tv_sec = options->timeout };
	sigset_t child;
	int status;
	size_t i;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (i = 0; i < nr; i++) {
		first[i].progress = progress_create();
		service_start(options, &services, &first[i]);
	}
	for (;;) {
		if (sigtimedwait(&child, NULL, &idle) == SIGCHLD) {
			if (waitpid(-1, &status, WNOHANG) > 0)
				return exit_status(status);
			continue;	/* one that we have ended */
		}
		for (i = 0; i < nr; i++)
			service_check(options, &services, &first[i]);
	}
}
