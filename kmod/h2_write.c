// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads and trailers of HTTP/2: what is forwarded of a message, and local replies.
 *
 * A field block is encoded straight into the connection's queue, under its lock: the encoder's
 * table and the order of what is sent must agree. The exchange's lock is held, and has bottom
 * halves off.
 */
#include <linux/slab.h>
#include "compat.h"
#include "grpc.h"
#include "h2_connection.h"
#include "head.h"

/* Fields that we add ourselves, and the pseudo-header fields, beside their values of any length. */
#define OWN_FIELDS	512

/*
 * @block: where the block begins, behind size updates
 * @source: what it is made from, all of it; NULL: there is more
 * @changes: of the encoder's table, before
 * @made: it is one that was made before
 */
struct writer {
	struct l7fp_h2_connection *c;
	u8 *start, *p, *end, *block;
	const struct l7fp_hpack_source *source;
	u64 changes;
	bool failed, made;
};

/* What l7fp_hpack_source.how begins with. */
enum section {
	REQUEST,
	RESPONSE,
	INTERIM,
	TRAILERS,
};

static __always_inline struct l7fp_hpack_source
source_of(struct l7fp_hpack_origin origin, enum section section, u32 number, u32 flags)
{
	return (struct l7fp_hpack_source){
		.origin = origin,
		.how = { (u64)section << 62 | (u64)number << 32 | flags },
	};
}

/* Changes by the route are the same for as long as there is its generation; others are not. */
static bool add_ops(struct l7fp_hpack_source *source, const struct l7fp_exchange_kern *x,
		    u32 lists, u32 n_extra)
{
	if (!lists)
		return true;
	source->how[1] = x->generation->serial;
	source->how[2] = (unsigned long)x->route;
	source->how[3] = (unsigned long)x->route_cluster;
	return !n_extra;
}

static __always_inline struct l7fp_str str(const char *s)
{
	return (struct l7fp_str){ .data = (const u8 *)s, .len = strlen(s) };
}

/* Room for fields of at most @bound bytes. False: nothing was begun. */
static bool begin(struct writer *w, struct l7fp_h2_connection *c, u32 bound)
{
	int n;

	lockdep_assert_held(&c->lock);
	bound += L7FP_HPACK_BEGIN_BOUND;
	bound += (bound / L7FP_H2_MAX_FRAME + 1) * L7FP_H2_FRAME_HEAD;
	w->c = c;
	w->source = NULL;
	w->changes = c->encoder.table.changes;
	w->made = false;
	w->failed = false;
	w->start = l7fp_port_reserve(c->port, bound);
	if (!w->start)
		return false;
	w->end = w->start + bound;
	w->p = w->start + L7FP_H2_FRAME_HEAD;
	n = l7fp_hpack_encode_begin(&c->encoder, w->p, w->end - w->p);
	if (n < 0)
		w->failed = true;
	else
		w->p += n;
	w->block = w->p;
	return true;
}

/* The same, and all of a block that was made from the same before. False: it is to be made. */
static bool begin_made(struct writer *w, struct l7fp_h2_connection *c,
		       const struct l7fp_hpack_source *source)
{
	const u8 *made;
	u32 len;

	made = l7fp_hpack_made_find(&c->mades, &c->encoder, source, &len);
	if (!made || !begin(w, c, len))
		return false;
	memcpy(w->p, made, len);
	w->p += len;
	w->made = true;
	return true;
}

static void put(struct writer *w, const u8 *name, u32 name_len, const u8 *value, u32 value_len,
		struct l7fp_hpack_info info)
{
	const struct l7fp_hpack_field field = {
		.name = name, .name_len = name_len, .value = value, .value_len = value_len,
		.flags = info.flags & (L7FP_HPACK_NEVER_INDEXED | L7FP_HPACK_NOT_INDEXED),
		.name_index = info.name_index,
	};
	int n;

	if (w->failed)
		return;
	n = l7fp_hpack_encode(&w->c->encoder, w->p, w->end - w->p, &field);
	if (n < 0)
		w->failed = true;
	else
		w->p += n;
}

/* Names of our own, with their entries of the static table (RFC 7541 appendix A); 0: none. */
enum {
	AUTHORITY = 1,
	METHOD = 2,
	PATH = 4,
	SCHEME = 6,
	STATUS = 8,
	CONTENT_LENGTH = 28,
	CONTENT_TYPE = 31,
	DATE = 33,
};

static __always_inline void put_str(struct writer *w, const char *name, u8 index,
				    struct l7fp_str value)
{
	put(w, (const u8 *)name, strlen(name), value.data, value.len,
	    (struct l7fp_hpack_info){ .name_index = index });
}

static void put_number(struct writer *w, const char *name, u8 index, u64 value)
{
	char text[24];
	u32 len = scnprintf(text, sizeof(text), "%llu", value);

	put_str(w, name, index, (struct l7fp_str){ .data = (const u8 *)text, .len = len });
}

static void put_status(struct writer *w, u32 status)
{
	const u8 text[3] = { '0' + status / 100, '0' + status / 10 % 10, '0' + status % 10 };

	put_str(w, ":status", STATUS, (struct l7fp_str){ .data = text, .len = sizeof(text) });
}

static void put_list(struct writer *w, const struct l7fp_header_ops *list, u32 lists)
{
	u32 i, j;

	for (i = 0; i < lists; i++) {
		for (j = 0; j < list[i].n; j++) {
			const struct l7fp_header_op *op = &list[i].op[j];

			if (l7fp_op_is_written(list, lists, i, j))
				put(w, op->lower.data, op->lower.len, op->value.data,
				    op->value.len, (struct l7fp_hpack_info){ .flags = 0 });
		}
	}
}

static u32 list_bound(const struct l7fp_header_ops *list, u32 lists)
{
	u32 i, j, bound = 0;

	for (i = 0; i < lists; i++)
		for (j = 0; j < list[i].n; j++)
			bound += l7fp_hpack_field_bound(list[i].op[j].lower.len,
							list[i].op[j].value.len);
	return bound;
}

static u32 head_bound(const struct l7fp_h1_header *headers, u32 n)
{
	u32 i, bound = 0;

	for (i = 0; i < n; i++)
		bound += l7fp_hpack_field_bound(headers[i].name_len, headers[i].value_len);
	return bound;
}

/* Puts frame heads before and into the block, and appends it. 0 or a negative error. */
static int finish(struct writer *w, struct l7fp_stream *s, bool end)
{
	u32 len = w->p - w->start - L7FP_H2_FRAME_HEAD, i, off, n;
	u32 frames = len ? (len - 1) / L7FP_H2_MAX_FRAME + 1 : 1;
	u8 *p = w->start;

	if (WARN_ON_ONCE(w->failed)) {
		/* The peer's table would not agree with ours any more. */
		l7fp_port_commit(w->c->port, 0);
		w->c->failed = true;
		l7fp_port_finish(w->c->port);
		return -ENOSPC;
	}
	if (w->source && !w->made)
		l7fp_hpack_made_keep(&w->c->mades, &w->c->encoder, w->source, w->changes, w->block,
				     w->p - w->block);
	for (i = frames - 1; i; i--) {
		off = i * L7FP_H2_MAX_FRAME;
		n = min_t(u32, len - off, L7FP_H2_MAX_FRAME);
		memmove(p + L7FP_H2_FRAME_HEAD * (i + 1) + off, p + L7FP_H2_FRAME_HEAD + off, n);
	}
	for (i = 0; i < frames; i++) {
		off = i * L7FP_H2_MAX_FRAME;
		n = min_t(u32, len - off, L7FP_H2_MAX_FRAME);
		l7fp_h2_put_head(p + off + i * L7FP_H2_FRAME_HEAD, n,
				 i ? L7FP_H2_T_CONTINUATION : L7FP_H2_T_HEADERS,
				 (i == frames - 1 ? L7FP_H2_F_END_HEADERS : 0) |
				 (!i && end ? L7FP_H2_F_END_STREAM : 0), s->h2.id);
	}
	l7fp_port_commit(w->c->port, len + frames * L7FP_H2_FRAME_HEAD);
	if (end) {
		s->h2.sent_end = 1;
		l7fp_h2_ended(s->c, s);
	}
	return 0;
}

/* Whether anything can still be sent on the stream; else its error is on its way. */
static bool is_open(const struct l7fp_stream *s)
{
	lockdep_assert_held(&s->c->lock);
	return s->hashed && !s->h2.reset && !s->h2.sent_end && !s->c->failed;
}

/* ---- requests */

static bool request_drops(const struct l7fp_exchange_kern *x, const struct l7fp_h1_header *header,
			  const struct l7fp_header_ops *list, u32 lists)
{
	switch (header->token) {
	case L7FP_H_HOST:
	case L7FP_H_TE:
	case L7FP_H_HTTP2_SETTINGS:
	case L7FP_H_X_FORWARDED_CLIENT_CERT:
		return true;
	case L7FP_H_X_ENVOY_ATTEMPT_COUNT:
		return !(x->listener_flags & L7FP_LISTENER_NO_ATTEMPT_COUNT);
	case L7FP_H_CONTENT_LENGTH:
		return false;
	}
	return lists && l7fp_ops_remove(list, lists, x->head + header->name_off,
					header->name_len);
}

/* As put_client_cert() of head.c. Without memory there is none, which claims nothing. */
static void put_client_cert(struct writer *w, struct l7fp_exchange_kern *x)
{
	static const u8 name[] = "x-forwarded-client-cert";
	struct l7fp_str own = l7fp_client_cert(x);
	const struct l7fp_h1_head *h = &x->request;
	u32 len = 0;
	u8 *value;
	int i = -1;

	if (likely(!own.len))
		return;
	while ((i = l7fp_h1_find(h, x->head, name, sizeof(name) - 1, i)) >= 0)
		len += h->headers[i].value_len + 1;
	value = l7fp_arena_alloc(&x->arena, len + own.len);
	if (!value)
		return;
	len = 0;
	while ((i = l7fp_h1_find(h, x->head, name, sizeof(name) - 1, i)) >= 0) {
		memcpy(value + len, x->head + h->headers[i].value_off, h->headers[i].value_len);
		len += h->headers[i].value_len;
		value[len++] = ',';
	}
	memcpy(value + len, own.data, own.len);
	put_str(w, "x-forwarded-client-cert", 0, (struct l7fp_str){ value, len + own.len });
}

static void put_request(struct writer *w, struct l7fp_exchange_kern *x,
			const struct l7fp_header_ops *list, u32 lists)
{
	const struct l7fp_h1_head *h = &x->request;
	u8 uuid[L7FP_UUID_LEN];
	u32 i;

	put_str(w, ":method", METHOD, (struct l7fp_str){
		.data = x->head + h->method_name.off, .len = h->method_name.len });
	put_str(w, ":scheme", SCHEME, h->https ? str("https") : str("http"));
	put_str(w, ":authority", AUTHORITY, x->host);
	put_str(w, ":path", PATH, x->path);
	for (i = 0; i < h->n_headers; i++) {
		const struct l7fp_h1_header *header = &h->headers[i];

		if (!request_drops(x, header, list, lists))
			put(w, x->head + header->name_off, header->name_len,
			    x->head + header->value_off, header->value_len, x->request_info[i]);
	}
	if (h->te_trailers)
		put_str(w, "te", 0, str("trailers"));
	if (!l7fp_h1_has(h, L7FP_H_X_REQUEST_ID) &&
	    !(x->listener_flags & L7FP_LISTENER_NO_REQUEST_ID) &&
	    !l7fp_ops_remove(list, lists, (const u8 *)"x-request-id", 12)) {
		l7fp_uuid_text(uuid);
		put(w, (const u8 *)"x-request-id", 12, uuid, sizeof(uuid),
		    (struct l7fp_hpack_info){ .flags = L7FP_HPACK_NOT_INDEXED });
	}
	if (!l7fp_h1_has(h, L7FP_H_X_FORWARDED_PROTO) &&
	    !(x->listener_flags & L7FP_LISTENER_NO_FORWARDED_PROTO) &&
	    !l7fp_ops_remove(list, lists, (const u8 *)"x-forwarded-proto", 17))
		put_str(w, "x-forwarded-proto", 0, str("http"));
	if (!(x->listener_flags & L7FP_LISTENER_NO_ATTEMPT_COUNT) &&
	    !l7fp_ops_remove(list, lists, (const u8 *)"x-envoy-attempt-count", 21))
		put_number(w, "x-envoy-attempt-count", 0, x->pub.attempt);
	put_client_cert(w, x);
	put_list(w, list, lists);
}

/* False: the block has what no other one has, or what is not worth comparing. */
static bool request_source(struct l7fp_hpack_source *source, const struct l7fp_exchange_kern *x,
			   u32 lists)
{
	if (!x->request_origin.block || l7fp_client_cert(x).len)
		return false;
	if (!l7fp_h1_has(&x->request, L7FP_H_X_REQUEST_ID) &&
	    !(x->listener_flags & L7FP_LISTENER_NO_REQUEST_ID))
		return false;
	*source = source_of(x->request_origin, REQUEST, x->pub.attempt, x->listener_flags);
	source->text[0] = x->path.data;
	source->text_len[0] = x->path.len;
	source->text[1] = x->host.data;
	source->text_len[1] = x->host.len;
	return add_ops(source, x, lists, x->n_extra_request);
}

int l7fp_h2_write_request(struct l7fp_exchange_kern *x, struct l7fp_port *to, bool end)
{
	struct l7fp_header_ops list[L7FP_OPS_LISTS];
	u32 lists = l7fp_request_ops(x, list);
	struct l7fp_hpack_source source;
	bool whole = request_source(&source, x, lists);
	struct l7fp_stream *s = to->stream;
	struct l7fp_h2_connection *c = s->c;
	struct writer w;
	int err = -ENOMEM;

	spin_lock(&c->lock);
	if (c->failed || c->going || c->next_id > L7FP_H2_MAX_WINDOW) {
		/* It was there when it was chosen: the same as if the peer had refused it. */
		s->rx_reset = true;
		s->rx_refused = true;
		spin_unlock(&c->lock);
		to->ops->read(to);
		return 0;
	}
	if ((whole && begin_made(&w, c, &source)) ||
	    begin(&w, c, OWN_FIELDS + x->path.len + x->host.len +
		  head_bound(x->request.headers, x->request.n_headers) +
		  list_bound(list, lists))) {
		l7fp_h2_hash(c, s, c->next_id);
		c->next_id += 2;
		w.source = whole ? &source : NULL;
		if (!w.made)
			put_request(&w, x, list, lists);
		err = finish(&w, s, end);
	}
	spin_unlock(&c->lock);
	l7fp_h2_kick(c);
	return err;
}

/* ---- responses */

static bool response_drops(const struct l7fp_h1_header *header, const u8 *head,
			   const struct l7fp_header_ops *list, u32 lists)
{
	if (header->token == L7FP_H_CONTENT_LENGTH)
		return false;
	/* It tells our own replies from others': no upstream may say it. */
	if (header->token == L7FP_H_X_L7FP_REASON)
		return true;
	return lists && l7fp_ops_remove(list, lists, head + header->name_off, header->name_len);
}

static void put_date(struct writer *w)
{
	char text[L7FP_DATE_ROOM];
	u32 len = l7fp_date_text(text);

	put_str(w, "date", DATE, (struct l7fp_str){ .data = (const u8 *)text, .len = len });
}

static void put_response(struct writer *w, const struct l7fp_exchange_kern *x, const u8 *head,
			 const struct l7fp_header_ops *list, u32 lists)
{
	const struct l7fp_h1_head *h = &x->response;
	u32 i;

	put_status(w, h->status);
	for (i = 0; i < h->n_headers; i++) {
		const struct l7fp_h1_header *header = &h->headers[i];

		if (!response_drops(header, head, list, lists))
			put(w, head + header->name_off, header->name_len,
			    head + header->value_off, header->value_len, x->response_info[i]);
	}
}

static int write_response(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to,
			  bool interim, bool end)
{
	const struct l7fp_h1_head *h = &x->response;
	struct l7fp_header_ops list[L7FP_OPS_LISTS];
	u32 lists = interim ? 0 : l7fp_response_ops(x, list);
	bool date = interim || l7fp_h1_has(h, L7FP_H_DATE);
	struct l7fp_hpack_source source = source_of(x->response_origin,
						    interim ? INTERIM : RESPONSE, 0, 0);
	bool whole = date && add_ops(&source, x, lists, x->n_extra_response);
	struct l7fp_stream *s = to->stream;
	struct writer w;
	int err = 0;

	spin_lock(&s->c->lock);
	if (!is_open(s)) {
		spin_unlock(&s->c->lock);
		return 0;
	}
	if ((whole && begin_made(&w, s->c, &source)) ||
	    begin(&w, s->c, OWN_FIELDS + head_bound(h->headers, h->n_headers) +
		  list_bound(list, lists))) {
		w.source = whole ? &source : NULL;
		if (!w.made) {
			put_response(&w, x, head, list, lists);
			if (!date)
				put_date(&w);
			put_list(&w, list, lists);
		}
		err = finish(&w, s, end);
	} else {
		err = -ENOMEM;
	}
	spin_unlock(&s->c->lock);
	l7fp_h2_kick(s->c);
	return err;
}

int l7fp_h2_write_response(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to,
			   bool end)
{
	return write_response(x, head, to, false, end);
}

int l7fp_h2_write_interim(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to)
{
	return write_response(x, head, to, true, false);
}

/* ---- local replies */

/* Percent-encoded, as the gRPC protocol has it; cut at @room. */
static struct l7fp_str grpc_message(struct l7fp_str text, u8 *to, u32 room)
{
	static const char hex[] = "0123456789ABCDEF";
	u32 i, n = 0;

	for (i = 0; i < text.len && n + 3 <= room; i++) {
		u8 byte = text.data[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '%') {
			to[n++] = byte;
			continue;
		}
		to[n++] = '%';
		to[n++] = hex[byte >> 4];
		to[n++] = hex[byte & 15];
	}
	return (struct l7fp_str){ .data = to, .len = n };
}

int l7fp_h2_write_reply(struct l7fp_exchange_kern *x, struct l7fp_port *to, u32 status,
			struct l7fp_str body, u32 reason, u32 listener_flags)
{
	bool grpc = x && x->grpc, bodiless = status == 204 || status == 304 || grpc;
	struct l7fp_header_ops list[L7FP_OPS_LISTS];
	u32 lists = x ? l7fp_response_ops(x, list) : 0;
	struct l7fp_stream *s = to->stream;
	u8 message[256];
	struct writer w;
	bool end;
	int err = 0;

	end = bodiless || !body.len || (x && x->request.method == L7FP_METHOD_HEAD);
	spin_lock(&s->c->lock);
	if (!is_open(s)) {
		spin_unlock(&s->c->lock);
		return 0;
	}
	if (begin(&w, s->c, OWN_FIELDS + sizeof(message) + list_bound(list, lists))) {
		put_status(&w, grpc ? 200 : status);
		if (grpc) {
			put_str(&w, "content-type", CONTENT_TYPE, str("application/grpc"));
			put_number(&w, "grpc-status", 0, x->grpc_status);
			if (body.len)
				put_str(&w, "grpc-message", 0,
					grpc_message(body, message, sizeof(message)));
		} else if (!bodiless) {
			put_number(&w, "content-length", CONTENT_LENGTH, body.len);
			if (body.len &&
			    !l7fp_ops_remove(list, lists, (const u8 *)"content-type", 12))
				put_str(&w, "content-type", CONTENT_TYPE, str("text/plain"));
		}
		put_date(&w);
		if (!(listener_flags & L7FP_LISTENER_NO_REASON))
			put_str(&w, "x-l7fp-reason", 0, str(l7fp_reason_name(reason)));
		put_list(&w, list, lists);
		err = finish(&w, s, end);
	} else {
		err = -ENOMEM;
	}
	spin_unlock(&s->c->lock);
	if (!err && !end)
		err = l7fp_port_send(to, body.data, body.len);
	l7fp_h2_kick(s->c);
	return err;
}

/* ---- trailers */

static void put_trailers(struct writer *w, const struct l7fp_h2_trailers *t)
{
	u32 i;

	for (i = 0; i < t->n; i++) {
		const struct l7fp_h1_header *header = &t->headers[i];

		switch (header->token) {
		case L7FP_H_CONTENT_LENGTH:
		case L7FP_H_HOST:
		case L7FP_H_TRAILER:
		case L7FP_H_TE:
		case L7FP_H_AUTHORIZATION:
		case L7FP_H_X_L7FP_REASON:
			continue;
		}
		put(w, t->buf + header->name_off, header->name_len, t->buf + header->value_off,
		    header->value_len, t->info[i]);
	}
}

int l7fp_h2_write_trailers(struct l7fp_stream *s)
{
	const struct l7fp_h2_trailers *t = s->tx_trailers;
	const struct l7fp_hpack_source source = source_of(t->origin, TRAILERS, 0, 0);
	struct writer w;

	if (!begin_made(&w, s->c, &source) && !begin(&w, s->c, head_bound(t->headers, t->n)))
		return -ENOMEM;
	w.source = &source;
	if (!w.made)
		put_trailers(&w, t);
	return finish(&w, s, true);
}
