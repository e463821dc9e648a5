// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plain load generator for HTTP/1.1 over TCP, for tools/bench: one thread, epoll, GETs.
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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS	100000
#define BUFFER		(256 * 1024)
#define MAX_HEAD	8192
/* A response that takes longer is a failure. */
#define STALL_NS	(30 * 1000000000LL)

struct connection {
	int fd;
	bool busy;
	bool denied;		/* the request under way is one that must be denied */
	bool in_body;
	bool closing;		/* the response is complete; the end of the connection is not there */
	size_t head;		/* bytes in head_bytes */
	uint64_t left;		/* of the body */
	int64_t due;		/* when the request should have been sent, ns */
	char head_bytes[MAX_HEAD];
};

static struct {
	const char *address, *host, *path, *denied_path, *command;
	int port, connections, every, denied_status;
	uint64_t requests, warm_up, body;
	double seconds, rate;
	bool close, marks;
} o = {
	.host = "reviews:9080", .path = "/reviews/1", .denied_path = "/admin/1",
	.connections = 1, .every = 100, .denied_status = 403, .requests = 1000, .warm_up = 100,
};

static struct connection *connections;
static int *idle, first_idle, n_idle;	/* a ring */
static int epoll_fd;
static struct sockaddr_in server;
static char *request[2];		/* allowed, denied */
static size_t request_size[2];

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

/* Status 3: with a mark at both ends of what was measured so far. */
__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *format, ...)
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

static void open_connection(struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0)
		die("socket: %s", strerror(errno));
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)))
		die("connect to %s:%d: %s", o.address, o.port, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll_ctl: %s", strerror(errno));
}

static void send_request(struct connection *c, int64_t due)
{
	ssize_t n;

	if (c->fd < 0)
		open_connection(c);
	c->busy = true;
	c->in_body = false;
	c->head = 0;
	c->due = due;
	c->denied = o.every && started % o.every == (uint64_t)o.every / 2;
	started++;
	denied_sent += c->denied;
	n = send(c->fd, request[c->denied], request_size[c->denied], MSG_NOSIGNAL);
	if (n != (ssize_t)request_size[c->denied])
		die("request %" PRIu64 ": send: %s", started, n < 0 ? strerror(errno) : "short");
}

/* Status and length of the body from a complete head; the rest of it is not looked at. */
static void read_head(struct connection *c, size_t size)
{
	int expected = c->denied ? o.denied_status : 200;
	char *line, *next, *last = c->head_bytes + size;
	bool length = false;
	int status;

	if (size < 12 || memcmp(c->head_bytes, "HTTP/1.1 ", 9))
		die("no HTTP/1.1 response: '%.*s'", (int)(size < 80 ? size : 80), c->head_bytes);
	status = atoi(c->head_bytes + 9);
	if (status != expected)
		die("request for %s: status %d, expected %d: '%.*s'",
		    c->denied ? o.denied_path : o.path, status, expected, (int)size,
		    c->head_bytes);
	for (line = c->head_bytes; line < last; line = next) {
		next = memchr(line, '\n', last - line);
		next = next ? next + 1 : last;
		if ((*line | 32) == 'c' && !strncasecmp(line, "content-length:", 15)) {
			c->left = strtoull(line + 15, NULL, 10);
			length = true;
		}
	}
	if (!length)
		die("a response without content-length: '%.*s'", (int)size, c->head_bytes);
	if (o.body && !c->denied && c->left != o.body)
		die("a body of %" PRIu64 " bytes, expected %" PRIu64, c->left, o.body);
}

static void on_complete(struct connection *c)
{
	int64_t t = now();

	completed++;
	c->busy = false;
	idle[(first_idle + n_idle++) % o.connections] = c - connections;
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
	t -= c->due;
	latencies[measured++] = t / 10 > UINT32_MAX ? UINT32_MAX : t / 10;
	if (o.seconds > 0 ? now() - begin >= o.seconds * 1e9 : measured >= o.requests) {
		mark();
		end = now();
	}
}

static void on_input(struct connection *c)
{
	static char buffer[BUFFER];
	char *body;
	ssize_t n;
	size_t size;

	if (c->in_body) {
		n = recv(c->fd, buffer, sizeof(buffer), 0);
	} else {
		n = recv(c->fd, c->head_bytes + c->head, sizeof(c->head_bytes) - c->head, 0);
	}
	if (n < 0)
		die("recv: %s", strerror(errno));
	if (!n) {
		if (!c->closing)
			die("the connection ended before the response to request %" PRIu64
			    " (%zu bytes of a head)", started, c->head);
		/* The server closes first; the file descriptor takes itself out of epoll. */
		close(c->fd);
		c->fd = -1;
		c->closing = false;
		on_complete(c);
		return;
	}
	if (!c->busy || c->closing)
		die("bytes after a response");
	size = n;
	if (!c->in_body) {
		c->head += n;
		body = memmem(c->head_bytes, c->head, "\r\n\r\n", 4);
		if (!body) {
			if (c->head == sizeof(c->head_bytes))
				die("a head of more than %zu bytes", sizeof(c->head_bytes));
			return;
		}
		body += 4;
		read_head(c, body - c->head_bytes);
		c->in_body = true;
		size = c->head - (body - c->head_bytes);
	}
	if (size > c->left)
		die("bytes after a response");
	c->left -= size;
	if (c->left)
		return;
	if (o.close)
		c->closing = true;
	else
		on_complete(c);
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
		send_request(&connections[idle[first_idle]], due);
		first_idle = (first_idle + 1) % o.connections;
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
	      "  -k          a new connection for each request\n"
	      "  -H HOST     (reviews:9080)\n"
	      "  -p PATH     (/reviews/1)\n"
	      "  -d PATH     what must be denied (/admin/1)\n"
	      "  -e N        each Nth request is for that; 0: none (100)\n"
	      "  -s STATUS   the status of denied ones (403)\n"
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

	while ((c = getopt(argc, argv, "c:n:t:w:r:kH:p:d:e:s:b:mx:")) != -1) {
		switch (c) {
		case 'c': o.connections = number(optarg, 1); break;
		case 'n': o.requests = number(optarg, 1); break;
		case 't': o.seconds = number(optarg, 0); break;
		case 'w': o.warm_up = number(optarg, 1); break;
		case 'r': o.rate = number(optarg, 0.001); break;
		case 'k': o.close = true; break;
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
	if (argc - optind != 2 || o.connections > MAX_CONNECTIONS)
		usage();
	o.address = argv[optind];
	o.port = number(argv[optind + 1], 1);
	server.sin_family = AF_INET;
	server.sin_port = htons(o.port);
	if (inet_pton(AF_INET, o.address, &server.sin_addr) != 1)
		die("'%s' is no IPv4 address", o.address);
}

static void prepare(void)
{
	int i, n;

	for (i = 0; i < 2; i++) {
		n = asprintf(&request[i], "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
			     i ? o.denied_path : o.path, o.host,
			     o.close ? "Connection: close\r\n" : "");
		if (n < 0)
			die("no memory");
		request_size[i] = n;
	}
	epoll_fd = epoll_create1(0);
	connections = calloc(o.connections, sizeof(*connections));
	idle = calloc(o.connections, sizeof(*idle));
	if (epoll_fd < 0 || !connections || !idle)
		die("no memory, or no file descriptor");
	for (i = 0; i < o.connections; i++) {
		connections[i].fd = -1;
		idle[n_idle++] = i;
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	struct timespec wait;
	int64_t next;
	int i, n;

	parse(argc, argv);
	prepare();
	while (!end || n_idle < o.connections) {
		next = send_due();
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
			on_input(events[i].data.ptr);
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
