// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bodies: from one port to another, by page reference, under any framing.
 *
 * Data is passed on as it came; chunk lines and trailers are read once and
 * written anew, so that what is forwarded is what was understood (the pages
 * may be files or pipes of the sender and change under us).
 */
#include <linux/highmem.h>
#include <linux/slab.h>
#include "compat.h"
#include "downstream.h"

#define BUFFER_MIN	1024
/* A buffer up to this size is kept for the next message. */
#define BUFFER_KEEP	2048

int l7fp_buffer_fill(struct l7fp_buffer *b, const struct bio_vec *v, u32 off, u32 limit)
{
	u32 want = v->bv_len - off, n, done = 0;

	if (b->len >= limit)
		return 0;
	want = min(want, limit - b->len);
	if (b->len + want > b->cap) {
		/* A head is mostly short: do not copy a body's beginning with it. */
		u32 cap = b->cap ? b->cap : BUFFER_MIN;
		u8 *data;

		if (b->len == b->cap)
			cap = b->cap ? min(b->cap * 2, limit) : BUFFER_MIN;
		if (cap != b->cap) {
			data = krealloc(b->data, cap, GFP_ATOMIC | __GFP_NOWARN);
			if (!data)
				return -ENOMEM;
			b->data = data;
			b->cap = cap;
		}
		want = min(want, b->cap - b->len);
	}
	off += v->bv_offset;
	while (done < want) {
		n = min_t(u32, want - done, PAGE_SIZE - off % PAGE_SIZE);
		memcpy_from_page(b->data + b->len + done, v->bv_page + off / PAGE_SIZE,
				 off % PAGE_SIZE, n);
		done += n;
		off += n;
	}
	b->len += done;
	return done;
}

void l7fp_buffer_reset(struct l7fp_buffer *b)
{
	b->len = 0;
	b->scan = 0;
	if (b->cap > BUFFER_KEEP)
		l7fp_buffer_free(b);
}

void l7fp_buffer_free(struct l7fp_buffer *b)
{
	kfree(b->data);
	memset(b, 0, sizeof(*b));
}

void l7fp_body_begin(struct l7fp_body *body, u8 in, u8 out, u64 length)
{
	body->in = in;
	body->out = out;
	body->done = in == L7FP_BODY_NONE;
	body->trailers = false;
	body->remaining = length;
	if (in == L7FP_BODY_CHUNKED)
		l7fp_h1_chunk_init(&body->chunk);
	body->trailer.len = 0;
	body->trailer.scan = 0;
}

void l7fp_body_free(struct l7fp_body *body)
{
	if (body->trailer.data)
		l7fp_buffer_free(&body->trailer);
}

static int send_range(struct l7fp_port *to, const struct bio_vec *v, u32 off, u32 len)
{
	return l7fp_port_send_page(to, v->bv_page, v->bv_offset + off, len);
}

static int send_chunk_line(struct l7fp_port *to, u64 size)
{
	char line[24];
	int n = scnprintf(line, sizeof(line), "%llx\r\n", size);

	return l7fp_port_send(to, line, n);
}

/* Trailers: copied, checked, written without the fields that frame a message. */
static int send_trailers(struct l7fp_body *body, struct l7fp_port *to,
			 const struct l7fp_h1_head *h)
{
	int err, i;

	err = l7fp_port_send(to, "0\r\n", 3);
	for (i = 0; i < h->n_headers && !err; i++) {
		switch (h->headers[i].token) {
		case L7FP_H_CONTENT_LENGTH:
		case L7FP_H_TRANSFER_ENCODING:
		case L7FP_H_HOST:
		case L7FP_H_CONNECTION:
		case L7FP_H_TRAILER:
		case L7FP_H_TE:
		case L7FP_H_UPGRADE:
		case L7FP_H_KEEP_ALIVE:
		case L7FP_H_AUTHORIZATION:
			continue;
		}
		err = l7fp_port_send(to, body->trailer.data + h->headers[i].name_off,
				     l7fp_h1_line_len(h, i));
	}
	return err ?: l7fp_port_send(to, "\r\n", 2);
}

static u32 trailer_input(struct l7fp_body *body, struct l7fp_port *to, const struct bio_vec *v,
			 u32 off, int *error)
{
	u32 before = body->trailer.len;
	struct l7fp_h1_head *h;
	int n, len;

	n = l7fp_buffer_fill(&body->trailer, v, off, L7FP_MAX_TRAILERS);
	if (n <= 0) {
		*error = n ?: -EMSGSIZE;
		return 0;
	}
	/* Most often there are none: the empty line alone. */
	if (body->trailer.len >= 2 && !memcmp(body->trailer.data, "\r\n", 2)) {
		len = 2;
		if (body->out == L7FP_BODY_CHUNKED)
			*error = l7fp_port_send(to, "0\r\n\r\n", 5);
	} else {
		h = kmalloc(sizeof(*h), GFP_ATOMIC | __GFP_NOWARN);
		if (!h) {
			*error = -ENOMEM;
			return 0;
		}
		len = l7fp_h1_parse_trailers(h, body->trailer.data, body->trailer.len,
					     &body->trailer.scan);
		if (len < 0)
			*error = -EPROTO;
		else if (len && body->out == L7FP_BODY_CHUNKED)
			*error = send_trailers(body, to, h);
		kfree(h);
		if (*error)
			return 0;
		if (!len)
			return n;
	}
	body->done = true;
	l7fp_buffer_reset(&body->trailer);
	return len - before;
}

static u32 chunked_input(struct l7fp_body *body, struct l7fp_port *to, const struct bio_vec *v,
			 int *error)
{
	bool chunked = body->out == L7FP_BODY_CHUNKED;
	u32 off = 0, used, n;

	while (off < v->bv_len && !*error && !body->done) {
		u32 at = v->bv_offset + off;
		const u8 *p;

		if (body->trailers) {
			n = trailer_input(body, to, v, off, error);
			if (!n)
				break;
			off += n;
			continue;
		}
		if (l7fp_port_full(to))
			break;
		/* One page at a time: ranges may be of high memory. */
		n = min_t(u32, v->bv_len - off, PAGE_SIZE - at % PAGE_SIZE);
		p = kmap_local_page(v->bv_page + at / PAGE_SIZE) + at % PAGE_SIZE;
		used = 0;
		switch (l7fp_h1_chunk_feed(&body->chunk, p, n, &used)) {
		case L7FP_CHUNK_MORE:
			kunmap_local(p);
			off += used;
			break;
		case L7FP_CHUNK_BEGIN:
			kunmap_local(p);
			off += used;
			if (chunked)
				*error = send_chunk_line(to, body->chunk.remaining);
			break;
		case L7FP_CHUNK_DATA:
			kunmap_local(p);
			off += used;
			n = min_t(u64, v->bv_len - off, body->chunk.remaining);
			*error = send_range(to, v, off, n);
			if (*error)
				break;
			l7fp_h1_chunk_advance(&body->chunk, n);
			off += n;
			if (chunked && !body->chunk.remaining)
				*error = l7fp_port_send(to, "\r\n", 2);
			break;
		case L7FP_CHUNK_LAST:
			kunmap_local(p);
			off += used;
			body->trailers = true;
			break;
		case L7FP_CHUNK_ERROR:
			kunmap_local(p);
			*error = -EPROTO;
			break;
		}
	}
	return off;
}

u32 l7fp_body_input(struct l7fp_body *body, struct l7fp_port *to, const struct bio_vec *v,
		    int *error)
{
	u32 n = v->bv_len;

	if (body->done)
		return 0;
	if (body->in == L7FP_BODY_CHUNKED)
		return chunked_input(body, to, v, error);
	if (l7fp_port_full(to))
		return 0;
	if (body->in == L7FP_BODY_LENGTH)
		n = min_t(u64, n, body->remaining);
	if (body->out == L7FP_BODY_CHUNKED) {
		*error = send_chunk_line(to, n);
		if (!*error)
			*error = send_range(to, v, 0, n);
		if (!*error)
			*error = l7fp_port_send(to, "\r\n", 2);
	} else {
		*error = send_range(to, v, 0, n);
	}
	if (*error)
		return 0;
	if (body->in == L7FP_BODY_LENGTH) {
		body->remaining -= n;
		body->done = !body->remaining;
	}
	return n;
}

int l7fp_body_eof(struct l7fp_body *body, struct l7fp_port *to)
{
	if (body->done)
		return 0;
	if (body->in != L7FP_BODY_EOF)
		return -ECONNRESET;
	body->done = true;
	return body->out == L7FP_BODY_CHUNKED ? l7fp_port_send(to, "0\r\n\r\n", 5) : 0;
}
