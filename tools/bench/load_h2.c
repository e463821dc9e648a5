// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP/2 with prior knowledge, by libnghttp2: several streams on each connection; and unary gRPC
 * calls on it, which are POST requests with a message, answered with a message and a status in
 * the trailers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <nghttp2/nghttp2.h>
#include "load.h"

#define BUFFER		(256 * 1024)
#define WINDOW		(1 << 20)	/* of a stream and of a connection */
#define PERMISSION_DENIED "7"		/* what the gRPC status of denied calls is */

/* A message as gRPC frames it: not compressed, 26 bytes. */
static const uint8_t message[] = "\0\0\0\0\032abcdefghijklmnopqrstuvwxyz";
#define MESSAGE_SIZE (sizeof(message) - 1)

struct connection {
	int fd;
	bool dirty;		/* in the list of those with something to send */
	nghttp2_session *session;
	struct connection *next;
};

struct slot {
	bool denied;
	int status;
	char grpc_status[4], grpc_message[80];
	uint64_t size;		/* of the body so far */
	size_t sent;		/* bytes of the message */
};

static struct connection *connections, *dirty;
static struct slot *slots;
static nghttp2_session_callbacks *callbacks;

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
			     NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}

static struct slot *slot_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

static bool is(const uint8_t *p, size_t len, const char *s)
{
	return len == strlen(s) && !memcmp(p, s, len);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *user)
{
	struct slot *s = slot_of(session, frame->hd.stream_id);

	(void)flags;
	(void)user;
	if (s && is(name, name_len, ":status")) {
		s->status = atoi((const char *)value);
	} else if (s && is(name, name_len, "grpc-status") && value_len < sizeof(s->grpc_status)) {
		memcpy(s->grpc_status, value, value_len);
		s->grpc_status[value_len] = 0;
	} else if (s && is(name, name_len, "grpc-message") &&
		   value_len < sizeof(s->grpc_message)) {
		memcpy(s->grpc_message, value, value_len);
		s->grpc_message[value_len] = 0;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
		   size_t len, void *user)
{
	struct slot *s = slot_of(session, stream);

	(void)flags;
	(void)data;
	(void)user;
	if (s)
		s->size += len;
	return 0;
}

/* What is sent back for a request that must be denied says so as the protocol does. */
static void judge(const struct slot *s)
{
	const char *path = s->denied ? o.denied_path : o.path;
	int status = s->denied && !o.grpc ? o.denied_status : 200;
	const char *expected = s->denied && o.denied_status != 200 ? PERMISSION_DENIED : "0";

	if (s->status != status)
		die("request for %s: status %d, expected %d", path, s->status, status);
	if (o.grpc && strcmp(s->grpc_status, expected))
		die("call of %s: gRPC status '%s' (%s), expected '%s'", path, s->grpc_status,
		    s->grpc_message, expected);
	if (o.body && !s->denied && s->size != o.body)
		die("a body of %" PRIu64 " bytes, expected %" PRIu64, s->size, o.body);
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
	struct slot *s = slot_of(session, stream);

	(void)user;
	if (code)
		die("request %" PRIu64 ": the stream was reset: %s", requests_sent(),
		    nghttp2_http2_strerror(code));
	judge(s);
	on_complete(s - slots);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	(void)session;
	(void)user;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		die("the connection is given up: %s: %.*s",
		    nghttp2_http2_strerror(frame->goaway.error_code),
		    (int)frame->goaway.opaque_data_len, frame->goaway.opaque_data);
	return 0;
}

static ssize_t read_message(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len,
			    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct slot *s = source->ptr;
	size_t n = MESSAGE_SIZE - s->sent;

	(void)session;
	(void)stream;
	(void)user;
	if (n > len)
		n = len;
	memcpy(buf, message + s->sent, n);
	s->sent += n;
	if (s->sent == MESSAGE_SIZE)
		*flags = NGHTTP2_DATA_FLAG_EOF;
	return n;
}

static void prepare(void)
{
	connections = calloc(o.connections, sizeof(*connections));
	slots = calloc((size_t)o.connections * o.streams, sizeof(*slots));
	if (!connections || !slots || nghttp2_session_callbacks_new(&callbacks))
		die("no memory");
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
}

static void begin(struct connection *c)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	};

	if (nghttp2_session_client_new(&c->session, callbacks, c) ||
	    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2) ||
	    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW))
		die("no memory");
	c->fd = open_connection(c);
}

static void touch(struct connection *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next = dirty;
	dirty = c;
}

static void send_request(int slot, bool denied)
{
	/* The first requests go to as many connections as there are. */
	struct connection *c = &connections[slot % o.connections];
	struct slot *s = &slots[slot];
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_message };
	nghttp2_nv fields[] = {
		field(":method", o.grpc ? "POST" : "GET"),
		field(":scheme", "http"),
		field(":path", denied ? o.denied_path : o.path),
		field(":authority", o.host),
		field("content-type", "application/grpc"),
		field("te", "trailers"),
	};

	if (!c->session)
		begin(c);
	*s = (struct slot){ .denied = denied };
	if (nghttp2_submit_request(c->session, NULL, fields, o.grpc ? 6 : 4,
				   o.grpc ? &body : NULL, s) < 0)
		die("no memory");
	touch(c);
}

static void flush_connection(struct connection *c)
{
	static uint8_t buffer[BUFFER];
	const uint8_t *p;
	size_t len = 0;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &p)) > 0) {
		if ((size_t)n > sizeof(buffer) - len)
			die("more than %zu bytes to send at once", sizeof(buffer));
		memcpy(buffer + len, p, n);
		len += n;
	}
	if (n < 0)
		die("nghttp2: %s", nghttp2_strerror(n));
	if (!len)
		return;
	n = send(c->fd, buffer, len, MSG_NOSIGNAL);
	if (n != (ssize_t)len)
		die("request %" PRIu64 ": send: %s", requests_sent(),
		    n < 0 ? strerror(errno) : "short");
}

static void flush(void)
{
	struct connection *c;

	while (dirty) {
		c = dirty;
		dirty = c->next;
		c->dirty = false;
		flush_connection(c);
	}
}

static void input(void *connection)
{
	static uint8_t buffer[BUFFER];
	struct connection *c = connection;
	ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

	if (n < 0)
		die("recv: %s", strerror(errno));
	if (!n)
		die("the connection ended before the response to request %" PRIu64,
		    requests_sent());
	n = nghttp2_session_mem_recv(c->session, buffer, n);
	if (n < 0)
		die("nghttp2: %s", nghttp2_strerror(n));
	if (nghttp2_session_want_write(c->session))
		touch(c);
}

const struct protocol load_h2 = {
	.prepare = prepare,
	.send = send_request,
	.flush = flush,
	.input = input,
};
