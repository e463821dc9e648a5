/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cases for field sections of HTTP/2, shared by the unit test and KUnit: fields as text, "name:
 * value" separated by newlines, and what becomes of them.
 */
#ifndef L7FP_H2_HEAD_CASES_H
#define L7FP_H2_HEAD_CASES_H

#include "../h2.h"
#include "../h1_private.h"

#define GET_ ":method: GET\n:scheme: http\n:path: /\n:authority: a\n"
#define POST_ ":method: POST\n:scheme: http\n:path: /\n:authority: a\n"

struct h2_head_case {
	const char *name;
	const char *fields;
	u8 section;
	bool end;
	s8 want;
	u8 method;			/* of a response: the request's */
};

#define BAD L7FP_H1_ERR_BAD

static const struct h2_head_case h2_head_cases[] = {
	{ "a request", GET_ "x: y\n", L7FP_H2_REQUEST, true, 0, 0 },
	{ "a request with a body", POST_, L7FP_H2_REQUEST, false, 0, 0 },
	{ "https", ":method: GET\n:scheme: https\n:path: /\n:authority: a\n", L7FP_H2_REQUEST, true,
	  0, 0 },
	{ "no :method", ":scheme: http\n:path: /\n:authority: a\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "no :scheme", ":method: GET\n:path: /\n:authority: a\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "no :path", ":method: GET\n:scheme: http\n:authority: a\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "an empty :path", ":method: GET\n:scheme: http\n:path: \n:authority: a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "a :path without slash", ":method: GET\n:scheme: http\n:path: a\n:authority: a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "a :path with a space", ":method: GET\n:scheme: http\n:path: /a b\n:authority: a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "a :path with a fragment", ":method: GET\n:scheme: http\n:path: /a#b\n:authority: a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "OPTIONS *", ":method: OPTIONS\n:scheme: http\n:path: *\n:authority: a\n",
	  L7FP_H2_REQUEST, true, 0, 0 },
	{ "GET *", ":method: GET\n:scheme: http\n:path: *\n:authority: a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "no authority", ":method: GET\n:scheme: http\n:path: /\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "Host in place of :authority", ":method: GET\n:scheme: http\n:path: /\nhost: a\n",
	  L7FP_H2_REQUEST, true, 0, 0 },
	{ "Host that agrees", GET_ "host: a\n", L7FP_H2_REQUEST, true, 0, 0 },
	{ "Host that does not", GET_ "host: b\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "a second Host that differs", ":method: GET\n:scheme: http\n:path: /\nhost: a\nhost: b\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "userinfo", ":method: GET\n:scheme: http\n:path: /\n:authority: u@a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "another scheme", ":method: GET\n:scheme: ftp\n:path: /\n:authority: a\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ ":path twice", GET_ ":path: /\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ ":method twice", GET_ ":method: GET\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "a pseudo-header behind a field", ":method: GET\n:scheme: http\n:authority: a\nx: y\n:path: /\n",
	  L7FP_H2_REQUEST, true, BAD, 0 },
	{ "an unknown pseudo-header", GET_ ":what: x\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ ":status in a request", GET_ ":status: 200\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ ":protocol", ":method: CONNECT\n:scheme: http\n:path: /\n:authority: a\n:protocol: websocket\n",
	  L7FP_H2_REQUEST, false, BAD, 0 },
	{ "CONNECT", ":method: CONNECT\n:authority: a:1\n", L7FP_H2_REQUEST, false,
	  L7FP_H1_ERR_NOT_IMPLEMENTED, 0 },
	{ "CONNECT with :path", ":method: CONNECT\n:path: /\n:authority: a:1\n", L7FP_H2_REQUEST,
	  false, BAD, 0 },
	{ "connection", GET_ "connection: close\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "keep-alive", GET_ "keep-alive: 1\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "proxy-connection", GET_ "proxy-connection: x\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "transfer-encoding", POST_ "transfer-encoding: chunked\n", L7FP_H2_REQUEST, false, BAD, 0 },
	{ "upgrade", GET_ "upgrade: x\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "te: trailers", GET_ "te: trailers\n", L7FP_H2_REQUEST, true, 0, 0 },
	{ "te: gzip", GET_ "te: gzip\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "te with more than trailers", GET_ "te: trailers, deflate\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "content-length", POST_ "content-length: 5\n", L7FP_H2_REQUEST, false, 0, 0 },
	{ "content-length and no data", POST_ "content-length: 5\n", L7FP_H2_REQUEST, true, BAD, 0 },
	{ "content-length 0 and no data", POST_ "content-length: 0\n", L7FP_H2_REQUEST, true, 0, 0 },
	{ "content-length twice", POST_ "content-length: 5\ncontent-length: 5\n",
	  L7FP_H2_REQUEST, false, BAD, 0 },
	{ "content-length that is no number", POST_ "content-length: +5\n", L7FP_H2_REQUEST, false,
	  BAD, 0 },
	{ "a response", ":status: 200\nx: y\n", L7FP_H2_RESPONSE, false, 0, 0 },
	{ "a response without :status", "x: y\n", L7FP_H2_RESPONSE, false, BAD, 0 },
	{ "a status of two digits", ":status: 20\n", L7FP_H2_RESPONSE, false, BAD, 0 },
	{ "a status that is none", ":status: 2x0\n", L7FP_H2_RESPONSE, false, BAD, 0 },
	{ "101", ":status: 101\n", L7FP_H2_RESPONSE, false, BAD, 0 },
	{ "103", ":status: 103\n", L7FP_H2_RESPONSE, false, 0, 0 },
	{ "103 that ends the stream", ":status: 103\n", L7FP_H2_RESPONSE, true, BAD, 0 },
	{ ":path in a response", ":status: 200\n:path: /\n", L7FP_H2_RESPONSE, true, BAD, 0 },
	{ "content-length of a response to HEAD", ":status: 200\ncontent-length: 7\n",
	  L7FP_H2_RESPONSE, true, 0, L7FP_METHOD_HEAD },
	{ "content-length of a 304", ":status: 304\ncontent-length: 7\n", L7FP_H2_RESPONSE, true, 0,
	  L7FP_METHOD_GET },
	{ "content-length and no data in a response", ":status: 200\ncontent-length: 7\n",
	  L7FP_H2_RESPONSE, true, BAD, L7FP_METHOD_GET },
	{ "trailers", "grpc-status: 0\n", L7FP_H2_TRAILERS, true, 0, 0 },
	{ "trailers that do not end the stream", "a: b\n", L7FP_H2_TRAILERS, false, BAD, 0 },
	{ "a pseudo-header in trailers", ":status: 200\n", L7FP_H2_TRAILERS, true, BAD, 0 },
	{ "connection in trailers", "connection: x\n", L7FP_H2_TRAILERS, true, BAD, 0 },
};

struct h2_head_room {
	struct l7fp_h1_head h;
	struct l7fp_hpack_info info[L7FP_MAX_HEADERS];
	u8 buf[1024];
};

static u16 h2_pseudo_token(const u8 *p, u32 len)
{
	if (len == 7 && IS(p, ":method"))
		return L7FP_H_PSEUDO_METHOD;
	if (len == 7 && IS(p, ":scheme"))
		return L7FP_H_PSEUDO_SCHEME;
	if (len == 5 && IS(p, ":path"))
		return L7FP_H_PSEUDO_PATH;
	if (len == 10 && IS(p, ":authority"))
		return L7FP_H_PSEUDO_AUTHORITY;
	if (len == 7 && IS(p, ":status"))
		return L7FP_H_PSEUDO_STATUS;
	if (len == 9 && IS(p, ":protocol"))
		return L7FP_H_PSEUDO_PROTOCOL;
	return L7FP_H_OTHER;
}

/* The list that the decoder would have made of @fields. */
static void h2_list(struct l7fp_hpack_list *list, struct h2_head_room *room, const char *fields)
{
	const char *line = fields, *colon, *end;

	memset(&room->h, 0xa5, sizeof(room->h));
	memset(room->info, 0, sizeof(room->info));
	*list = (struct l7fp_hpack_list){
		.headers = room->h.headers, .info = room->info, .buf = room->buf,
		.size = sizeof(room->buf), .max_headers = L7FP_MAX_HEADERS,
	};
	for (; *line; line = end + 1) {
		struct l7fp_h1_header *header = &list->headers[list->n++];

		end = strchr(line, '\n');
		colon = strchr(line + 1, ':');
		header->name_off = list->len;
		header->name_len = colon - line;
		memcpy(list->buf + list->len, line, header->name_len);
		header->token = *line == ':' ?
			h2_pseudo_token((const u8 *)line, header->name_len) :
			l7fp_h1_lookup_token((const u8 *)line, header->name_len);
		list->len += header->name_len;
		header->value_off = list->len;
		header->value_len = end - colon - 2;
		memcpy(list->buf + list->len, colon + 2, header->value_len);
		list->len += header->value_len;
		list->tokens |= BIT_ULL(header->token);
	}
	room->h.n_headers = list->n;
}

static const char *h2_head_case_run(const struct h2_head_case *c, struct h2_head_room *room)
{
	struct l7fp_hpack_list list;
	int got;

	h2_list(&list, room, c->fields);
	got = l7fp_h2_head(&room->h, &list, c->section, c->end, c->method);
	if (got != c->want)
		return got ? "an error" : "no error";
	if (!got && c->section == L7FP_H2_REQUEST &&
	    (room->h.authority.len != 1 || room->buf[room->h.authority.off] != 'a'))
		return "authority";
	if (!got && c->section != L7FP_H2_TRAILERS &&
	    room->h.body != (c->end ? L7FP_BODY_NONE : L7FP_BODY_STREAM))
		return "body";
	return NULL;
}

static const char *h2_head_check(struct h2_head_room *room)
{
	struct l7fp_hpack_list list;
	int i;

	h2_list(&list, room, ":method: POST\n:scheme: https\n:authority: a:80\n:path: /x?y\n"
		"cookie: a=1\nte: trailers\ncookie: b=2\nx: y\ncookie: c=3\n");
	list.info[6].flags = L7FP_HPACK_NEVER_INDEXED;
	if (l7fp_h2_head(&room->h, &list, L7FP_H2_REQUEST, false, 0))
		return "an error";
	if (room->h.method != L7FP_METHOD_POST || !room->h.https || !room->h.te_trailers ||
	    room->h.path.len != 4 || room->h.authority.len != 4 || room->h.host != -1)
		return "what it says";
	if (room->h.n_headers != 3)
		return "pseudo-headers gone, cookies in one";
	i = l7fp_h1_find(&room->h, room->buf, (const u8 *)"cookie", 6, -1);
	if (i < 0 || l7fp_h1_find(&room->h, room->buf, (const u8 *)"cookie", 6, i) >= 0)
		return "one cookie";
	if (room->h.headers[i].value_len != 13 ||
	    memcmp(room->buf + room->h.headers[i].value_off, "a=1; b=2; c=3", 13))
		return "its value";
	if (!(list.info[i].flags & L7FP_HPACK_NEVER_INDEXED))
		return "never indexed";
	i = l7fp_h1_find(&room->h, room->buf, (const u8 *)"x", 1, -1);
	if (i < 0 || room->buf[room->h.headers[i].value_off] != 'y')
		return "a field behind";
	h2_list(&list, room, GET_ "cookie: a\ncookie: b\n");
	list.size = list.len + 3;
	if (l7fp_h2_head(&room->h, &list, L7FP_H2_REQUEST, true, 0) != L7FP_H1_ERR_TOO_LARGE)
		return "no room for the cookies";
	h2_list(&list, room, GET_);
	list.bad = L7FP_HPACK_BAD_NAME;
	if (l7fp_h2_head(&room->h, &list, L7FP_H2_REQUEST, true, 0) != L7FP_H1_ERR_BAD)
		return "a name that is none";
	return NULL;
}

#endif /* L7FP_H2_HEAD_CASES_H */
