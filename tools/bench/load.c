// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plain load generator for HTTP over TCP, for tools/bench: one thread, epoll. load_h1.c and
 * load_h2.c have the protocols.
 *
 * What the load generators that Debian packages do not offer together, and the benchmark needs:
 * each hundredth request is one that the policy must deny, and must get exactly the status that
 * is expected of it, each other one 200; requests are counted from the middle of a steady
 * stream, with marks for plugin.c at both ends; in an open loop each request has its time, and
 * its latency counts from there whether or not a connection was free; a new connection for each
 * request; a command that runs while the connections are open and idle.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "load.h"

#define MAX_SLOTS	100000
/* A response that takes longer is a failure. */
#define STALL_NS	(30 * 1000000000LL)

struct options o = {
	.host = "reviews:9080", .connections = 1, .streams = 1, .every = 100,
	.denied_status = 403, .requests = 1000, .warm_up = 100,
};

static const struct protocol *protocol = &load_h1;
static int n_slots;
static int64_t *due_of;			/* of each slot: when its request should have been sent, ns */
static int *idle, first_idle, n_idle;	/* a ring */
static int epoll_fd;
static struct sockaddr_in server;

/* All requests: warm-up, measured, and those under way at the end. */
static uint64_t started, completed, denied_sent;
static uint64_t measured, scheduled;
static uint32_t *latencies;		/* of the measured ones, in units of 10 ns */
static uint64_t latency_room;
static int64_t begin, end;		/* 0: not yet */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void mark(void)
{
	/* Fails at once, with EFAULT; plugin.c sees the call. */
	if (o.marks)
		syscall(SYS_swapoff, NULL);
}

void die(const char *format, ...)
{
	va_list ap;

	fputs("load: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (o.marks && begin) {
		if (!end)
			mark();
		exit(3);
	}
	exit(1);
}

uint64_t requests_sent(void)
{
	return started;
}

int open_connection(void *connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		die("connect to %s:%d: %s", o.address, o.port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl: %s", strerror(errno));
	return fd;
}

void on_complete(int slot)
{
	int64_t t = now();

	completed++;
	idle[(first_idle + n_idle++) % n_slots] = slot;
	if (!begin) {
		if (completed >= o.warm_up) {
			mark();
			begin = now();
		}
		return;
	}
	if (end)
		return;
	/*
	 * What completes between the marks counts, in a closed loop: as many requests are under
	 * way at the first mark as at the second.
	 */
	if (measured == latency_room) {
		latency_room = latency_room ? latency_room * 2 : 65536;
		latencies = realloc(latencies, latency_room * sizeof(*latencies));
		if (!latencies)
			die("no memory");
	}
	t -= due_of[slot];
	latencies[measured++] = t / 10 > UINT32_MAX ? UINT32_MAX : t / 10;
	if (o.seconds > 0 ? now() - begin >= o.seconds * 1e9 : measured >= o.requests) {
		mark();
		end = now();
	}
}

static void send_request(int slot, int64_t due)
{
	bool denied = o.every && started % o.every == (uint64_t)o.every / 2;

	started++;
	denied_sent += denied;
	due_of[slot] = due;
	protocol->send(slot, denied);
}

/* Sends what is due; returns how long to wait for the next, ns, or -1. */
static int64_t send_due(void)
{
	int64_t t, due;

	while (n_idle && !end) {
		due = t = now();
		if (begin && o.rate > 0) {
			due = begin + (int64_t)(scheduled * 1e9 / o.rate);
			if (due > t)
				return due - t;
			scheduled++;
		}
		send_request(idle[first_idle], due);
		first_idle = (first_idle + 1) % n_slots;
		n_idle--;
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile(double p)
{
	return measured ? latencies[(uint64_t)(p * (measured - 1) / 100 + 0.5)] / 100.0 : 0;
}

static void usage(void)
{
	fputs("usage: load [OPTION]... ADDRESS PORT\n\n"
	      "  -c N        connections (1)\n"
	      "  -n N        requests measured (1000)\n"
	      "  -t SECONDS  instead: how long is measured\n"
	      "  -w N        requests before (100)\n"
	      "  -r RATE     requests a second, open loop; else the next follows the response\n"
	      "  -k          a new connection for each request; HTTP/1.1 only\n"
	      "  -2          HTTP/2 with prior knowledge\n"
	      "  -g          unary gRPC calls\n"
	      "  -j N        streams at one time on each connection of HTTP/2 (1)\n"
	      "  -H HOST     (reviews:9080)\n"
	      "  -p PATH     (/reviews/1; gRPC: /reviews/Get)\n"
	      "  -d PATH     what must be denied (/admin/1; gRPC: /admin/Get)\n"
	      "  -e N        each Nth request is for that; 0: none (100)\n"
	      "  -s STATUS   the status of denied ones (403; gRPC: then it is 7)\n"
	      "  -b BYTES    length of the body of the others; 0: any (0)\n"
	      "  -m          marks for plugin.c around what is measured\n"
	      "  -x COMMAND  run at the end, while the connections are open and idle\n",
	      stderr);
	exit(2);
}

static double number(const char *s, double least)
{
	char *after;
	double n = strtod(s, &after);

	if (!*s || *after || n < least)
		die("'%s': expected a number of at least %g", s, least);
	return n;
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:n:t:w:r:k2gj:H:p:d:e:s:b:mx:")) != -1) {
		switch (c) {
		case 'c': o.connections = number(optarg, 1); break;
		case 'n': o.requests = number(optarg, 1); break;
		case 't': o.seconds = number(optarg, 0); break;
		case 'w': o.warm_up = number(optarg, 1); break;
		case 'r': o.rate = number(optarg, 0.001); break;
		case 'k': o.close = true; break;
		case '2': o.h2 = true; break;
		case 'g': o.h2 = o.grpc = true; break;
		case 'j': o.streams = number(optarg, 1); break;
		case 'H': o.host = optarg; break;
		case 'p': o.path = optarg; break;
		case 'd': o.denied_path = optarg; break;
		case 'e': o.every = number(optarg, 0); break;
		case 's': o.denied_status = number(optarg, 100); break;
		case 'b': o.body = number(optarg, 0); break;
		case 'm': o.marks = true; break;
		case 'x': o.command = optarg; break;
		default: usage();
		}
	}
	if (argc - optind != 2 || o.connections > MAX_SLOTS || o.streams > MAX_SLOTS ||
	    (int64_t)o.connections * o.streams > MAX_SLOTS ||
	    (o.h2 ? o.close : o.streams != 1))
		usage();
	if (o.h2)
		protocol = &load_h2;
	o.path = o.path ?: o.grpc ? "/reviews/Get" : "/reviews/1";
	o.denied_path = o.denied_path ?: o.grpc ? "/admin/Get" : "/admin/1";
	o.address = argv[optind];
	o.port = number(argv[optind + 1], 1);
	server.sin_family = AF_INET;
	server.sin_port = htons(o.port);
	if (inet_pton(AF_INET, o.address, &server.sin_addr) != 1)
		die("'%s' is no IPv4 address", o.address);
}

static void prepare(void)
{
	n_slots = o.connections * o.streams;
	epoll_fd = epoll_create1(0);
	due_of = calloc(n_slots, sizeof(*due_of));
	idle = calloc(n_slots, sizeof(*idle));
	if (epoll_fd < 0 || !due_of || !idle)
		die("no memory, or no file descriptor");
	for (n_idle = 0; n_idle < n_slots; n_idle++)
		idle[n_idle] = n_idle;
	protocol->prepare();
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	struct timespec wait;
	int64_t next;
	int i, n;

	parse(argc, argv);
	prepare();
	while (!end || n_idle < n_slots) {
		next = send_due();
		if (protocol->flush)
			protocol->flush();
		if (next < 0 || next > STALL_NS)
			next = STALL_NS;
		wait.tv_sec = next / 1000000000;
		wait.tv_nsec = next % 1000000000;
		n = epoll_pwait2(epoll_fd, events, 64, &wait, NULL);
		if (n < 0 && errno != EINTR)
			die("epoll_pwait2: %s", strerror(errno));
		if (!n && next == STALL_NS)
			die("no response within %lld s", STALL_NS / 1000000000);
		for (i = 0; i < n; i++)
			protocol->input(events[i].data.ptr);
	}
	if (o.command && system(o.command))
		die("'%s' failed", o.command);
	qsort(latencies, measured, sizeof(*latencies), compare);
	printf("{\"requests\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"denied\": %" PRIu64
	       ", \"elapsed_ns\": %" PRId64 ", \"p50_us\": %.2f, \"p90_us\": %.2f, "
	       "\"p99_us\": %.2f}\n", measured, started, denied_sent, end - begin,
	       percentile(50), percentile(90), percentile(99));
	return 0;
}
