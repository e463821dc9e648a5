// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: sockets [--address IP] [--port FIRST] [--list] [NAME]...
 *
 * Runs scenarios, each in a process of its own, and writes their traces on
 * stdout: a line "== NAME/ROLE" and what was observed. Servers listen at
 * IP:FIRST and the following ports, PORTS of them; at the one after these
 * nobody does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "sockets.h"

/* A connection of one scenario that ends late does not meet the next one's listener. */
#define PORTS		16
#define TIME_LIMIT	60

static const struct scenario *const all[] = {
	receive_scenarios, send_scenarios, poll_scenarios, epoll_scenarios,
	shutdown_scenarios, close_scenarios, connect_scenarios, accept_scenarios,
	option_scenarios, info_scenarios, splice_scenarios, descriptor_scenarios,
	thread_scenarios, bulk_scenarios, pressure_scenarios, urgent_scenarios,
	zerocopy_scenarios, uring_scenarios, tls_scenarios, filter_scenarios,
};

static void child(const struct scenario *s)
{
	struct rlimit none = { 0, 0 };

	setsid();
	setrlimit(RLIMIT_CORE, &none);
	s->run();
	fflush(stdout);
	_exit(0);
}

static void sleep_ms(int ms)
{
	usleep(ms * 1000);
}

static void run(const struct scenario *s, bool swapped, unsigned int port)
{
	int status = 0, waited = 0;
	pid_t pid;

	place.swapped = swapped;
	((struct sockaddr_in *)&place.address)->sin_port = htons(port);
	printf("== %s/%s\n", s->name, s->once ? "once" : swapped ? "server" : "client");
	fflush(stdout);
	pid = fork();
	if (!pid)
		child(s);
	while (!waitpid(pid, &status, WNOHANG)) {
		sleep_ms(2);
		waited += 2;
		if (waited < TIME_LIMIT * 1000)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		break;
	}
	kill(-pid, SIGKILL);
	if (waited > 3000)
		note("took %d s", waited / 1000);
	if (waited >= TIME_LIMIT * 1000)
		see("ended", "by the time limit");
	else if (WIFSIGNALED(status))
		see("ended", "by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		see("ended", "with status %d", WEXITSTATUS(status));
}

static bool wanted(const char *name, char **names)
{
	size_t len;

	if (!*names)
		return true;
	for (; *names; names++) {
		len = strlen(*names);
		if (!strcmp(name, *names) || (len && (*names)[len - 1] == '*' &&
					      !strncmp(name, *names, len - 1)))
			return true;
	}
	return false;
}

static int parse_address(const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&place.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&place.address;

	memset(&place.address, 0, sizeof(place.address));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		place.len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		place.len = sizeof(*v6);
		return 0;
	}
	fprintf(stderr, "sockets: --address: expected an IP address, got '%s'\n", text);
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "list", no_argument, NULL, 'l' },
		{ 0 }
	};
	const struct scenario *s;
	unsigned int first = 9300, n = 0;
	bool list = false;
	size_t i;
	int c;

	parse_address("127.0.0.1");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a' && parse_address(optarg))
			return 2;
		if (c == 'p')
			first = strtoul(optarg, NULL, 10);
		if (c == 'l')
			list = true;
		if (c == '?')
			return 2;
	}
	if (!first || first + PORTS > 65535) {
		fprintf(stderr, "sockets: --port: expected 1 to %d\n", 65535 - PORTS);
		return 2;
	}
	place.refused = first + PORTS;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (s = all[i]; s->name; s++) {
			if (!wanted(s->name, argv + optind))
				continue;
			if (list) {
				puts(s->name);
				continue;
			}
			run(s, false, first + n++ % PORTS);
			if (!s->once)
				run(s, true, first + n++ % PORTS);
		}
	}
	return 0;
}
