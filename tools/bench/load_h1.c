// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP/1.1: one request at a time on each connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "load.h"

#define BUFFER		(256 * 1024)
#define MAX_HEAD	8192

struct connection {
	int fd;
	bool busy;
	bool denied;		/* the request under way is one that must be denied */
	bool in_body;
	bool closing;		/* the response is complete; the end of the connection is not there */
	size_t head;		/* bytes in head_bytes */
	uint64_t left;		/* of the body */
	char head_bytes[MAX_HEAD];
};

static struct connection *connections;
static char *request[2];		/* allowed, denied */
static size_t request_size[2];

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
	connections = calloc(o.connections, sizeof(*connections));
	if (!connections)
		die("no memory");
	for (i = 0; i < o.connections; i++)
		connections[i].fd = -1;
}

static void send_request(int slot, bool denied)
{
	struct connection *c = &connections[slot];
	ssize_t n;

	if (c->fd < 0)
		c->fd = open_connection(c);
	c->busy = true;
	c->in_body = false;
	c->head = 0;
	c->denied = denied;
	n = send(c->fd, request[denied], request_size[denied], MSG_NOSIGNAL);
	if (n != (ssize_t)request_size[denied])
		die("request %" PRIu64 ": send: %s", requests_sent(),
		    n < 0 ? strerror(errno) : "short");
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

static void complete(struct connection *c)
{
	c->busy = false;
	on_complete(c - connections);
}

static void input(void *connection)
{
	static char buffer[BUFFER];
	struct connection *c = connection;
	char *body;
	ssize_t n;
	size_t size;

	if (c->in_body)
		n = recv(c->fd, buffer, sizeof(buffer), 0);
	else
		n = recv(c->fd, c->head_bytes + c->head, sizeof(c->head_bytes) - c->head, 0);
	if (n < 0)
		die("recv: %s", strerror(errno));
	if (!n) {
		if (!c->closing)
			die("the connection ended before the response to request %" PRIu64
			    " (%zu bytes of a head)", requests_sent(), c->head);
		/* The server closes first; the file descriptor takes itself out of epoll. */
		close(c->fd);
		c->fd = -1;
		c->closing = false;
		complete(c);
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
		complete(c);
}

const struct protocol load_h1 = {
	.prepare = prepare,
	.send = send_request,
	.input = input,
};
