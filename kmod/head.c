// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads: what is forwarded of a request's or response's head, and local
 * replies.
 *
 * A head is written from its private copy, once, into the output queue: runs
 * of lines that stay are copied together, hop-by-hop fields (RFC 9110 7.6.1)
 * and what a policy replaces are left out, and what is added follows.
 */
#include <linux/random.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include "compat.h"
#include "downstream.h"
#include "h2_connection.h"
#include "head.h"

/* Room for what we add ourselves: the fields below, with their values. */
#define OWN_FIELDS	640

struct writer {
	u8 *p;
};

/* Inline, so that literals are stored and not copied. */
static __always_inline void put(struct writer *w, const void *data, u32 len)
{
	memcpy(w->p, data, len);
	w->p += len;
}

#define put_literal(w, s)	put(w, s, sizeof(s) - 1)

static void put_decimal(struct writer *w, u64 value)
{
	u8 digits[20];
	int i = sizeof(digits);

	do {
		digits[--i] = '0' + value % 10;
		value /= 10;
	} while (value);
	put(w, digits + i, sizeof(digits) - i);
}

static void put_field(struct writer *w, const void *name, u32 name_len, const void *value,
		      u32 value_len)
{
	put(w, name, name_len);
	put_literal(w, ": ");
	put(w, value, value_len);
	put_literal(w, "\r\n");
}

static bool equal_lower(const u8 *name, const u8 *lower, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		u8 c = name[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != lower[i])
			return false;
	}
	return true;
}

static bool is(const struct l7fp_header_op *op, const char *name, u32 len)
{
	return op->lower.len == len && !memcmp(op->lower.data, name, len);
}

/* Fields that frame the message or name its target are not a policy's to set. */
static bool op_applies(const struct l7fp_header_op *op)
{
	if (op->lower.len && op->lower.data[0] == ':')
		return false;
	switch (op->lower.len) {
	case 2:
		return !is(op, "te", 2);
	case 4:
		return !is(op, "host", 4);
	case 7:
		return !is(op, "trailer", 7) && !is(op, "upgrade", 7);
	case 10:
		return !is(op, "connection", 10) && !is(op, "keep-alive", 10);
	case 14:
		return !is(op, "content-length", 14);
	case 17:
		return !is(op, "transfer-encoding", 17);
	}
	return true;
}

static bool op_removes(const struct l7fp_header_op *op, const u8 *name, u32 len)
{
	return op->kind != L7FP_HEADER_ADD && op->lower.len == len &&
	       equal_lower(name, op->lower.data, len) && op_applies(op);
}

bool l7fp_ops_remove(const struct l7fp_header_ops *list, u32 lists, const u8 *name, u32 len)
{
	u32 i, j;

	for (i = 0; i < lists; i++)
		for (j = 0; j < list[i].n; j++)
			if (op_removes(&list[i].op[j], name, len))
				return true;
	return false;
}

bool l7fp_op_is_written(const struct l7fp_header_ops *list, u32 lists, u32 i, u32 j)
{
	const struct l7fp_header_op *op = &list[i].op[j];
	u32 k, l;

	if (op->kind == L7FP_HEADER_REMOVE || !op_applies(op))
		return false;
	for (k = i; k < lists; k++)
		for (l = k == i ? j + 1 : 0; l < list[k].n; l++)
			if (op_removes(&list[k].op[l], op->lower.data, op->lower.len))
				return false;
	return true;
}

static void put_ops(struct writer *w, const struct l7fp_header_ops *list, u32 lists)
{
	u32 i, j;

	for (i = 0; i < lists; i++) {
		for (j = 0; j < list[i].n; j++) {
			const struct l7fp_header_op *op = &list[i].op[j];

			if (l7fp_op_is_written(list, lists, i, j))
				put_field(w, op->name.data, op->name.len, op->value.data,
					  op->value.len);
		}
	}
}

static u32 ops_room(const struct l7fp_header_ops *list, u32 lists)
{
	u32 i, j, room = 0;

	for (i = 0; i < lists; i++)
		for (j = 0; j < list[i].n; j++)
			room += list[i].op[j].name.len + list[i].op[j].value.len + 4;
	return room;
}

/* Lines that do not pass to the next hop as they are. */
#define HOP_BY_HOP	(BIT_ULL(L7FP_H_CONNECTION) | BIT_ULL(L7FP_H_KEEP_ALIVE) | \
			 BIT_ULL(L7FP_H_PROXY_CONNECTION) | BIT_ULL(L7FP_H_TRANSFER_ENCODING) | \
			 BIT_ULL(L7FP_H_UPGRADE) | BIT_ULL(L7FP_H_HTTP2_SETTINGS) | \
			 BIT_ULL(L7FP_H_TE) | BIT_ULL(L7FP_H_X_FORWARDED_CLIENT_CERT))
/* Naming these in Connection must not take them from the upstream. */
#define NOT_LISTED	(BIT_ULL(L7FP_H_HOST) | BIT_ULL(L7FP_H_CONTENT_LENGTH) | \
			 BIT_ULL(L7FP_H_X_FORWARDED_FOR) | BIT_ULL(L7FP_H_X_FORWARDED_PROTO) | \
			 BIT_ULL(L7FP_H_X_FORWARDED_HOST))

/*
 * Which lines are left out: those of the known headers in @always, none in @kept, and of the
 * others what Connection lists or @list removes.
 */
struct drops {
	u64 always, kept;
	struct l7fp_header_ops list[L7FP_OPS_LISTS];
	u32 lists;
};

static bool removed(const struct drops *d, const struct l7fp_h1_head *h, const u8 *head,
		    const struct l7fp_h1_header *line)
{
	const u8 *name = head + line->name_off;

	if (d->kept >> line->token & 1)
		return false;
	return (h->has_connection_options && !(NOT_LISTED >> line->token & 1) &&
		l7fp_h1_connection_lists(h, head, name, line->name_len)) ||
	       (d->lists && l7fp_ops_remove(d->list, d->lists, name, line->name_len));
}

/* Copies what is at @from before the lines, and the lines that stay, neighbours together. */
static void put_lines(struct writer *w, const struct l7fp_h1_head *h, const u8 *head, u32 from,
		      const struct drops *d)
{
	bool some = d->lists || h->has_connection_options;
	u32 end = h->head_len - 2;
	u64 always = d->always;
	int i = 0;

	/* The usual response: the first line to be left out is known. */
	if (!some && (h->tokens & always) == BIT_ULL(L7FP_H_CONNECTION))
		i = h->connection;
	for (; (some || (h->tokens & always)) && i < h->n_headers; i++) {
		const struct l7fp_h1_header *line = &h->headers[i];

		if (likely(!(always >> line->token & 1) && !(some && removed(d, h, head, line))))
			continue;
		if (line->name_off > from)
			put(w, head + from, line->name_off - from);
		from = line->name_off + l7fp_h1_line_len(h, i);
	}
	if (end > from)
		put(w, head + from, end - from);
}

void l7fp_uuid_text(u8 p[L7FP_UUID_LEN])
{
	static const char hex[] = "0123456789abcdef";
	u64 half[2];
	int i;

	half[0] = get_random_u64();
	half[1] = get_random_u64();
	half[0] = (half[0] & ~0xf000ULL) | 0x4000;
	half[1] = (half[1] & ~(3ULL << 62)) | (2ULL << 62);
	for (i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*p++ = '-';
		*p++ = hex[(half[i / 16] >> (60 - 4 * (i % 16))) & 15];
	}
}

static void put_uuid(struct writer *w)
{
	l7fp_uuid_text(w->p);
	w->p += L7FP_UUID_LEN;
}

/* x-forwarded-client-cert of a client with a certificate: what it sent, and the certificate. */
static void put_client_cert(struct writer *w, const struct l7fp_exchange_kern *x)
{
	struct l7fp_str own = l7fp_client_cert(x);
	const struct l7fp_h1_head *h = &x->request;
	int i = -1;

	if (likely(!own.len))
		return;
	put_literal(w, "x-forwarded-client-cert: ");
	while ((i = l7fp_h1_find(h, x->head, (const u8 *)"x-forwarded-client-cert", 23, i)) >= 0) {
		put(w, x->head + h->headers[i].value_off, h->headers[i].value_len);
		put_literal(w, ",");
	}
	put(w, own.data, own.len);
	put_literal(w, "\r\n");
}

/* Whether the line is to be sent as it came; then it lies right before the header lines. */
static bool same_request_line(const struct l7fp_exchange_kern *x)
{
	const struct l7fp_h1_head *h = &x->request;

	return h->minor == 1 && (h->method == L7FP_METHOD_CONNECT ||
				 (x->path.data == x->head + h->target.off &&
				  x->path.len == h->target.len));
}

int l7fp_write_request(struct l7fp_exchange_kern *x, struct l7fp_port *to, u8 body)
{
	const struct l7fp_h1_head *h = &x->request;
	const u8 *name = x->head + h->method_name.off;
	bool line, host, own_attempt_count;
	struct writer w;
	struct drops d __uninitialized;
	u8 *start;

	if (to->stream)
		return l7fp_h2_write_request(x, to, body == L7FP_BODY_NONE);
	d.lists = l7fp_request_ops(x, d.list);
	d.always = HOP_BY_HOP;
	d.kept = BIT_ULL(L7FP_H_HOST) | BIT_ULL(L7FP_H_CONTENT_LENGTH) |
		 BIT_ULL(L7FP_H_X_ENVOY_ATTEMPT_COUNT);
	/* Host is written anew. */
	host = h->absolute_form || h->host < 0 ||
	       x->host.data != x->head + h->headers[h->host].value_off;
	if (host)
		d.always |= BIT_ULL(L7FP_H_HOST);
	own_attempt_count = !(x->listener_flags & L7FP_LISTENER_NO_ATTEMPT_COUNT);
	if (own_attempt_count) {
		d.always |= BIT_ULL(L7FP_H_X_ENVOY_ATTEMPT_COUNT);
		own_attempt_count = !l7fp_ops_remove(d.list, d.lists,
						(const u8 *)"x-envoy-attempt-count", 21);
	}
	start = l7fp_port_reserve(to, h->head_len + x->path.len + x->host.len + OWN_FIELDS +
				  l7fp_client_cert(x).len + ops_room(d.list, d.lists));
	if (!start)
		return -ENOMEM;
	w.p = start;
	if (!host && same_request_line(x)) {
		put_lines(&w, h, x->head, h->method_name.off, &d);
	} else {
		put(&w, name, h->method_name.len);
		put_literal(&w, " ");
		if (h->method == L7FP_METHOD_CONNECT)
			put(&w, x->head + h->target.off, h->target.len);
		else
			put(&w, x->path.data, x->path.len);
		put_literal(&w, " HTTP/1.1\r\n");
		if (host)
			put_field(&w, "Host", 4, x->host.data, x->host.len);
		put_lines(&w, h, x->head, h->headers_off, &d);
	}
	if (body == L7FP_BODY_CHUNKED)
		put_literal(&w, "Transfer-Encoding: chunked\r\n");
	if (h->upgrade) {
		int i = -1;

		put_literal(&w, "Connection: Upgrade\r\n");
		while ((i = l7fp_h1_find(h, x->head, (const u8 *)"upgrade", 7, i)) >= 0)
			put(&w, x->head + h->headers[i].name_off, l7fp_h1_line_len(h, i));
	} else if (h->te_trailers) {
		put_literal(&w, "TE: trailers\r\nConnection: TE\r\n");
	}
	line = l7fp_h1_has(h, L7FP_H_X_REQUEST_ID);
	if (!line && !(x->listener_flags & L7FP_LISTENER_NO_REQUEST_ID) &&
	    !l7fp_ops_remove(d.list, d.lists, (const u8 *)"x-request-id", 12)) {
		put_literal(&w, "x-request-id: ");
		put_uuid(&w);
		put_literal(&w, "\r\n");
	}
	line = l7fp_h1_has(h, L7FP_H_X_FORWARDED_PROTO);
	if (!line && !(x->listener_flags & L7FP_LISTENER_NO_FORWARDED_PROTO) &&
	    !l7fp_ops_remove(d.list, d.lists, (const u8 *)"x-forwarded-proto", 17))
		put_literal(&w, "x-forwarded-proto: http\r\n");
	if (own_attempt_count) {
		put_literal(&w, "x-envoy-attempt-count: ");
		put_decimal(&w, x->pub.attempt);
		put_literal(&w, "\r\n");
	}
	put_client_cert(&w, x);
	put_ops(&w, d.list, d.lists);
	put_literal(&w, "\r\n");
	l7fp_port_commit(to, w.p - start);
	return 0;
}

u32 l7fp_date_text(char text[L7FP_DATE_ROOM])
{
	static const char day[] = "SunMonTueWedThuFriSat";
	static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	time64_to_tm(ktime_get_real_seconds(), 0, &tm);
	return scnprintf(text, L7FP_DATE_ROOM, "%.3s, %02d %.3s %04ld %02d:%02d:%02d GMT",
			 day + 3 * tm.tm_wday, tm.tm_mday, month + 3 * tm.tm_mon,
			 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_date(struct writer *w)
{
	char text[L7FP_DATE_ROOM];

	put_field(w, "date", 4, text, l7fp_date_text(text));
}

static void put_connection(struct writer *w, const struct l7fp_exchange_kern *x, bool close)
{
	if (close)
		put_literal(w, "Connection: close\r\n");
	else if (x && x->request.minor == 0)
		put_literal(w, "Connection: keep-alive\r\n");
}

/* The status line, as it came where it is to be sent so, and the lines that stay. */
static void put_status_and_lines(struct writer *w, const struct l7fp_h1_head *h, const u8 *head,
				 const struct drops *d)
{
	if (h->minor == 1 && h->reason.off == sizeof("HTTP/1.1 200 ") - 1) {
		put_lines(w, h, head, 0, d);
		return;
	}
	put_literal(w, "HTTP/1.1 ");
	put_decimal(w, h->status);
	put_literal(w, " ");
	put(w, head + h->reason.off, h->reason.len);
	put_literal(w, "\r\n");
	put_lines(w, h, head, h->headers_off, d);
}

int l7fp_write_response(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to,
			u8 body, bool close)
{
	const struct l7fp_h1_head *h = &x->response;
	struct writer w;
	struct drops d __uninitialized;
	u8 *start;

	if (to->stream)
		return l7fp_h2_write_response(x, head, to, body == L7FP_BODY_NONE);
	d.lists = l7fp_response_ops(x, d.list);
	/* Our own replies are told from others' by the reason: no upstream may say it. */
	d.always = HOP_BY_HOP | BIT_ULL(L7FP_H_X_L7FP_REASON);
	d.kept = BIT_ULL(L7FP_H_CONTENT_LENGTH);
	if (h->body == L7FP_BODY_CHUNKED || body == L7FP_BODY_TUNNEL)
		d.always |= BIT_ULL(L7FP_H_CONTENT_LENGTH);
	start = l7fp_port_reserve(to, h->head_len + OWN_FIELDS + ops_room(d.list, d.lists));
	if (!start)
		return -ENOMEM;
	w.p = start;
	put_status_and_lines(&w, h, head, &d);
	if (body == L7FP_BODY_CHUNKED)
		put_literal(&w, "Transfer-Encoding: chunked\r\n");
	if (body == L7FP_BODY_TUNNEL && h->status == 101) {
		int i = -1;

		put_literal(&w, "Connection: Upgrade\r\n");
		while ((i = l7fp_h1_find(h, head, (const u8 *)"upgrade", 7, i)) >= 0)
			put(&w, head + h->headers[i].name_off, l7fp_h1_line_len(h, i));
	} else if (body != L7FP_BODY_TUNNEL) {
		put_connection(&w, x, close);
	}
	if (!l7fp_h1_has(h, L7FP_H_DATE))
		put_date(&w);
	put_ops(&w, d.list, d.lists);
	put_literal(&w, "\r\n");
	l7fp_port_commit(to, w.p - start);
	return 0;
}

int l7fp_write_interim(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to)
{
	const struct l7fp_h1_head *h = &x->response;
	struct drops d = { .always = HOP_BY_HOP };
	struct writer w;
	u8 *start;

	if (to->stream)
		return l7fp_h2_write_interim(x, head, to);
	start = l7fp_port_reserve(to, h->head_len + OWN_FIELDS);
	if (!start)
		return -ENOMEM;
	w.p = start;
	put_status_and_lines(&w, h, head, &d);
	put_literal(&w, "\r\n");
	l7fp_port_commit(to, w.p - start);
	return 0;
}

const char *l7fp_status_phrase(u32 status)
{
	switch (status) {
	case 200: return "OK";
	case 201: return "Created";
	case 202: return "Accepted";
	case 204: return "No Content";
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 303: return "See Other";
	case 304: return "Not Modified";
	case 307: return "Temporary Redirect";
	case 308: return "Permanent Redirect";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 413: return "Content Too Large";
	case 418: return "I'm a teapot";
	case 426: return "Upgrade Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	}
	return "Unknown";
}

int l7fp_write_reply(struct l7fp_exchange_kern *x, struct l7fp_port *to, u32 status,
		     struct l7fp_str body, u32 reason, u32 listener_flags, bool close)
{
	const char *phrase = l7fp_status_phrase(status), *name = l7fp_reason_name(reason);
	struct l7fp_header_ops list[L7FP_OPS_LISTS];
	bool bodiless = status == 204 || status == 304;
	u32 lists = x ? l7fp_response_ops(x, list) : 0;
	struct writer w;
	u8 *start;

	if (to->stream)
		return l7fp_h2_write_reply(x, to, status, body, reason, listener_flags);
	start = l7fp_port_reserve(to, OWN_FIELDS + ops_room(list, lists) + body.len);
	if (!start)
		return -ENOMEM;
	w.p = start;
	put_literal(&w, "HTTP/1.1 ");
	put_decimal(&w, status);
	put_literal(&w, " ");
	put(&w, phrase, strlen(phrase));
	put_literal(&w, "\r\n");
	if (!bodiless) {
		put_literal(&w, "content-length: ");
		put_decimal(&w, body.len);
		put_literal(&w, "\r\n");
		if (body.len && !l7fp_ops_remove(list, lists, (const u8 *)"content-type", 12))
			put_literal(&w, "content-type: text/plain\r\n");
	}
	put_date(&w);
	put_connection(&w, x, close);
	if (!(listener_flags & L7FP_LISTENER_NO_REASON))
		put_field(&w, "x-l7fp-reason", 13, name, strlen(name));
	put_ops(&w, list, lists);
	put_literal(&w, "\r\n");
	if (!bodiless && !(x && x->request.method == L7FP_METHOD_HEAD))
		put(&w, body.data, body.len);
	l7fp_port_commit(to, w.p - start);
	return 0;
}
