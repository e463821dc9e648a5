// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET /metrics over HTTP/1.0, for Prometheus: on a Unix socket, and on an
 * address where one is given. A few clients at a time, each with a deadline.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "daemon.h"
#include "kernel.h"
#include "stats_format.h"

#define MAX_CLIENTS	16
#define MAX_REQUEST	8192
#define DEADLINE_MS	5000

struct client {
	int fd;			/* -1: free */
	uint64_t deadline;
	size_t got;
	char request[MAX_REQUEST + 1];
	char *response;		/* NULL while the request comes in */
	size_t response_len, sent;
};

struct daemon_stats {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int listen[2];
	size_t n_listen;
	struct client client[MAX_CLIENTS];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void daemon_socket_path(char *out, size_t size, uint64_t cookie)
{
	snprintf(out, size, "%s/%" PRIu64 ".sock", DAEMON_RUN_DIR, cookie);
}

static int listen_unix(struct daemon_stats *s, uint64_t cookie)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, probe;

	if (mkdir(DAEMON_RUN_DIR, 0755) && errno != EEXIST) {
		fprintf(stderr, "l7fpd: %s: %s\n", DAEMON_RUN_DIR, strerror(errno));
		return -1;
	}
	daemon_socket_path(address.sun_path, sizeof(address.sun_path), cookie);
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe >= 0 && !connect(probe, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "l7fpd: another one runs for this network namespace: %s answers\n",
			address.sun_path);
		close(probe);
		return -1;
	}
	if (probe >= 0)
		close(probe);
	/* What one that was killed left behind. */
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chmod(address.sun_path, 0600) || listen(fd, MAX_CLIENTS)) {
		fprintf(stderr, "l7fpd: %s: %s\n", address.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	strcpy(s->path, address.sun_path);
	return fd;
}

static int listen_inet(const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *address = (struct sockaddr *)&in6;
	socklen_t len = sizeof(in6);
	int fd, one = 1;
	uint16_t port;

	if (address_parse(text, &in6.sin6_addr, &port) || !port) {
		fprintf(stderr,
			"l7fpd: --stats-listen: expected an address and port such as 127.0.0.1:9150, got '%s'\n",
			text);
		return -1;
	}
	in6.sin6_port = htons(port);
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], 4);
		in.sin_port = htons(port);
		address = (struct sockaddr *)&in;
		len = sizeof(in);
	}
	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, address, len) || listen(fd, MAX_CLIENTS)) {
		fprintf(stderr, "l7fpd: --stats-listen %s: %s\n", text, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

struct daemon_stats *daemon_stats_new(uint64_t cookie, const char *listen_on)
{
	struct daemon_stats *s = calloc(1, sizeof(*s));
	size_t i;

	if (!s) {
		fputs("l7fpd: out of memory\n", stderr);
		exit(1);
	}
	for (i = 0; i < MAX_CLIENTS; i++)
		s->client[i].fd = -1;
	s->listen[0] = listen_unix(s, cookie);
	if (s->listen[0] < 0)
		goto fail;
	s->n_listen = 1;
	if (listen_on) {
		s->listen[1] = listen_inet(listen_on);
		if (s->listen[1] < 0)
			goto fail;
		s->n_listen = 2;
	}
	return s;
fail:
	daemon_stats_free(s);
	return NULL;
}

static void drop(struct client *c)
{
	close(c->fd);
	free(c->response);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

void daemon_stats_free(struct daemon_stats *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < MAX_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			drop(&s->client[i]);
	for (i = 0; i < s->n_listen; i++)
		close(s->listen[i]);
	if (s->path[0])
		unlink(s->path);
	free(s);
}

size_t daemon_stats_poll(const struct daemon_stats *s, struct pollfd *fds, size_t max)
{
	size_t i, n = 0;

	for (i = 0; i < s->n_listen && n < max; i++)
		fds[n++] = (struct pollfd){ .fd = s->listen[i], .events = POLLIN };
	for (i = 0; i < MAX_CLIENTS && n < max; i++)
		if (s->client[i].fd >= 0)
			fds[n++] = (struct pollfd){
				.fd = s->client[i].fd,
				.events = s->client[i].response ? POLLOUT : POLLIN,
			};
	return n;
}

int daemon_stats_timeout(const struct daemon_stats *s)
{
	uint64_t now = now_ms();
	int64_t least = -1;
	size_t i;

	for (i = 0; i < MAX_CLIENTS; i++) {
		const struct client *c = &s->client[i];
		int64_t left;

		if (c->fd < 0)
			continue;
		left = c->deadline > now ? c->deadline - now : 0;
		if (least < 0 || left < least)
			least = left;
	}
	return least;
}

static void metrics(FILE *out, const struct daemon_health *health)
{
	struct kernel kernel = {};
	char error[ERROR_LEN];
	struct netlink *nl;
	int err;

	err = netlink_open(&nl, error, sizeof(error));
	if (!err)
		err = kernel_read(nl, KERNEL_STATS, &kernel, error, sizeof(error));
	if (!err)
		stats_prometheus(out, &kernel);
	fprintf(out, "# TYPE l7fpd_up gauge\nl7fpd_up %d\n", !err);
	fprintf(out, "# TYPE l7fpd_config_ok gauge\nl7fpd_config_ok %d\n", health->ok);
	fprintf(out, "# TYPE l7fpd_generation gauge\nl7fpd_generation %" PRIu64 "\n",
		health->generation);
	fprintf(out, "# TYPE l7fpd_applied_total counter\nl7fpd_applied_total %" PRIu64 "\n",
		health->applied);
	fprintf(out, "# TYPE l7fpd_failed_total counter\nl7fpd_failed_total %" PRIu64 "\n",
		health->failed);
	kernel_free(&kernel);
	netlink_close(nl);
}

static void respond(struct client *c, const struct daemon_health *health)
{
	bool head = !strncmp(c->request, "HEAD ", 5), get = !strncmp(c->request, "GET ", 4);
	const char *target = c->request + (head ? 5 : 4), *status = "200 OK";
	size_t target_len = strcspn(target, " ?\r\n"), body_len;
	char *body = NULL;
	FILE *f;

	f = open_memstream(&body, &body_len);
	if (!f)
		goto no_memory;
	if (!get && !head) {
		status = "405 Method Not Allowed";
		fputs("only GET and HEAD\n", f);
	} else if (target_len != 8 || memcmp(target, "/metrics", 8)) {
		status = "404 Not Found";
		fputs("the counters are at /metrics\n", f);
	} else {
		metrics(f, health);
	}
	if (fclose(f))
		goto no_memory;
	f = open_memstream(&c->response, &c->response_len);
	if (!f)
		goto no_memory;
	fprintf(f, "HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
		status, STATS_PROMETHEUS_TYPE, body_len);
	if (!head)
		fwrite(body, body_len, 1, f);
	if (fclose(f))
		goto no_memory;
	free(body);
	return;
no_memory:
	fputs("l7fpd: out of memory\n", stderr);
	exit(1);
}

/* Reads on; false when the client is to go. */
static bool receive(struct client *c, const struct daemon_health *health)
{
	ssize_t n = read(c->fd, c->request + c->got, MAX_REQUEST - c->got);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		return false;
	c->got += n;
	c->request[c->got] = '\0';
	if (strstr(c->request, "\r\n\r\n") || strstr(c->request, "\n\n"))
		respond(c, health);
	else if (c->got == MAX_REQUEST)
		return false;
	return true;
}

static bool transmit(struct client *c)
{
	ssize_t n = send(c->fd, c->response + c->sent, c->response_len - c->sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->sent += n;
	return c->sent < c->response_len;
}

static void accept_client(struct daemon_stats *s, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	size_t i;

	if (fd < 0)
		return;
	for (i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &s->client[i];

		if (c->fd >= 0)
			continue;
		c->fd = fd;
		c->deadline = now_ms() + DEADLINE_MS;
		return;
	}
	close(fd);
}

void daemon_stats_serve(struct daemon_stats *s, const struct pollfd *fds, size_t n,
			const struct daemon_health *health)
{
	uint64_t now = now_ms();
	size_t i, k;

	for (i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		for (k = 0; k < MAX_CLIENTS; k++) {
			struct client *c = &s->client[k];

			if (c->fd != fds[i].fd)
				continue;
			if (!(c->response ? transmit(c) : receive(c, health)))
				drop(c);
			break;
		}
		for (k = 0; k < s->n_listen; k++)
			if (s->listen[k] == fds[i].fd)
				accept_client(s, fds[i].fd);
	}
	for (k = 0; k < MAX_CLIENTS; k++)
		if (s->client[k].fd >= 0 && s->client[k].deadline <= now)
			drop(&s->client[k]);
}
