// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process for each workload of this node that shakes hands for it, in its network namespace and
 * with its certificate: what one is sent cannot reach the keys of another. They end with l7fpd;
 * connections that stand need them no more.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "daemon.h"
#include "workloads.h"

/* One that ends at once, for want of its certificate perhaps, is tried again so often. */
#define AGAIN_S		2
#define MAX_ARGUMENTS	(16 + 2 * HANDSHAKES_MAX_ALIASES)

struct helper {
	char *netns, *folder;
	pid_t pid;		/* 0: not running */
	time_t started;
	bool wanted;
};

struct daemon_handshakes {
	const struct handshakes_options *options;
	struct helper *helper;
	size_t n;
};

static void *must(void *p)
{
	if (p)
		return p;
	fputs("l7fpd: out of memory\n", stderr);
	exit(1);
}

struct daemon_handshakes *daemon_handshakes_new(const struct handshakes_options *options)
{
	struct daemon_handshakes *h;

	if (!options->folder)
		return NULL;
	h = must(calloc(1, sizeof(*h)));
	h->options = options;
	return h;
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void run(const struct handshakes_options *o, const struct helper *p)
{
	char *argument[MAX_ARGUMENTS];
	sigset_t none;
	size_t i, n = 0;

	argument[n++] = (char *)"l7fpd";
	argument[n++] = (char *)"--handshakes";
	argument[n++] = (char *)"--certificates";
	argument[n++] = p->folder;
	argument[n++] = (char *)"--netns";
	argument[n++] = p->netns;
	for (i = 0; i < o->n_aliases; i++) {
		argument[n++] = (char *)"--trust-domain-alias";
		argument[n++] = (char *)o->alias[i];
	}
	argument[n] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argument);
	fprintf(stderr, "l7fpd: /proc/self/exe: %s\n", strerror(errno));
	_exit(1);
}

static void start(struct daemon_handshakes *h, struct helper *p)
{
	pid_t pid = fork();

	p->started = now();
	if (!pid)
		run(h->options, p);
	if (pid < 0)
		fprintf(stderr, "l7fpd: fork: %s\n", strerror(errno));
	p->pid = pid > 0 ? pid : 0;
}

static void stop(struct helper *p)
{
	if (p->pid) {
		kill(p->pid, SIGTERM);
		waitpid(p->pid, NULL, 0);
	}
	p->pid = 0;
	free(p->netns);
	free(p->folder);
}

static struct helper *find(struct daemon_handshakes *h, const char *netns, const char *folder)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (!strcmp(h->helper[i].netns, netns) && !strcmp(h->helper[i].folder, folder))
			return &h->helper[i];
	h->helper = must(reallocarray(h->helper, h->n + 1, sizeof(*h->helper)));
	h->helper[h->n] = (struct helper){
		.netns = must(strdup(netns)), .folder = must(strdup(folder)),
	};
	return &h->helper[h->n++];
}

void daemon_handshakes_update(struct daemon_handshakes *h, const struct workloads *w)
{
	char folder[PATH_MAX];
	struct helper *p;
	size_t i, kept = 0;

	for (i = 0; h && i < h->n; i++)
		h->helper[i].wanted = false;
	for (i = 0; h && i < w->n; i++) {
		snprintf(folder, sizeof(folder), "%s/%s/%s", h->options->folder,
			 w->policy[i].namespace, w->policy[i].account);
		p = find(h, w->policy[i].netns, folder);
		p->wanted = true;
		if (!p->pid)
			start(h, p);
	}
	for (i = 0; h && i < h->n; i++) {
		if (h->helper[i].wanted)
			h->helper[kept++] = h->helper[i];
		else
			stop(&h->helper[i]);
	}
	if (h)
		h->n = kept;
}

int daemon_handshakes_look(struct daemon_handshakes *h)
{
	int wait_ms = -1;
	size_t i;

	for (i = 0; h && i < h->n; i++) {
		struct helper *p = &h->helper[i];

		if (p->pid && waitpid(p->pid, NULL, WNOHANG) == p->pid) {
			fprintf(stderr, "l7fpd: who shakes hands in %s has ended; started again\n",
				p->netns);
			p->pid = 0;
		}
		if (!p->pid && now() >= p->started + AGAIN_S)
			start(h, p);
		if (!p->pid)
			wait_ms = AGAIN_S * 1000;
	}
	return wait_ms;
}

void daemon_handshakes_free(struct daemon_handshakes *h)
{
	size_t i;

	for (i = 0; h && i < h->n; i++)
		stop(&h->helper[i]);
	if (h)
		free(h->helper);
	free(h);
}
