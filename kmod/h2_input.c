// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a peer sends on a connection with HTTP/2: frames are read, judged by the state of their
 * stream, and passed on; what floods is counted.
 *
 * All bytes are consumed as they come, whatever becomes of their streams: frames that open windows
 * again must not wait behind data that nobody takes.
 *
 * Runs in the port's events, of which one runs at a time, with bottom halves off: locks need not
 * turn them off once more.
 */
#include <linux/highmem.h>
#include <linux/slab.h>
#include "compat.h"
#include "h2_connection.h"

/* Where field sections are decoded; l7fp_h2_input() has bottom halves off. */
struct scratch {
	struct l7fp_h1_header headers[L7FP_MAX_HEADERS];
	struct l7fp_hpack_info info[L7FP_MAX_HEADERS];
	struct l7fp_h1_head trailers;
	u8 buf[L7FP_MAX_HEAD];
};

static DEFINE_PER_CPU(struct scratch *, scratch);

static void flood(struct l7fp_h2_connection *c, enum l7fp_h2_flood kind)
{
	static const struct {
		u32 limit;
		const char *why;
	} floods[L7FP_H2_FLOODS] = {
		[L7FP_H2_FLOOD_RESET] = { L7FP_H2_MAX_RESETS, "too many streams reset" },
		[L7FP_H2_FLOOD_MADE_RESET] = { L7FP_H2_MAX_MADE_RESETS, "too many stream errors" },
		[L7FP_H2_FLOOD_CONTROL] = { L7FP_H2_MAX_CONTROL, "too many control frames" },
		[L7FP_H2_FLOOD_EMPTY] = { L7FP_H2_MAX_EMPTY, "too many empty DATA frames" },
	};

	if (time_after(jiffies, c->flood_since + HZ)) {
		memset(c->flood, 0, sizeof(c->flood));
		c->flood_since = jiffies;
	}
	if (++c->flood[kind] <= floods[kind].limit)
		return;
	this_cpu_inc(c->port->ln->stats->h2_flood[kind]);
	l7fp_h2_fail(c, L7FP_H2_ENHANCE_YOUR_CALM, floods[kind].why);
}

/* The engine hears of it as of a reset by the peer. @s, held, or NULL when it is not open. */
static void stream_error(struct l7fp_h2_connection *c, struct l7fp_stream *s, u32 id, u32 code)
{
	bool hashed = false;

	spin_lock(&c->lock);
	l7fp_h2_append_reset(c, id, code);
	if (s) {
		hashed = l7fp_h2_unhash(c, s);
		s->h2.reset = 1;
		s->rx_reset = true;
		s->code = code;
	}
	spin_unlock(&c->lock);
	l7fp_h2_kick(c);
	if (s)
		l7fp_h2_stream_run(s);
	if (hashed)
		l7fp_port_put(s->port);
	flood(c, L7FP_H2_FLOOD_MADE_RESET);
}

void l7fp_h2_refuse(struct l7fp_h2_connection *c, u32 id, u32 code)
{
	if (code != L7FP_H2_REFUSED_STREAM) {
		stream_error(c, NULL, id, code);
		return;
	}
	/* It may not know yet how many are allowed. */
	spin_lock(&c->lock);
	l7fp_h2_append_reset(c, id, code);
	spin_unlock(&c->lock);
	l7fp_h2_kick(c);
	flood(c, L7FP_H2_FLOOD_CONTROL);
}

/* The stream of a frame, held; NULL: there is none, or the frame is in error, which was seen to. */
static struct l7fp_stream *stream_of(struct l7fp_h2_connection *c, u32 id, u8 type,
				     bool end_stream, enum l7fp_h2_judgement *judgement)
{
	struct l7fp_stream *s;
	u32 code;

	spin_lock(&c->lock);
	s = l7fp_h2_find(c, id);
	*judgement = l7fp_h2_judge(&c->ids, s ? &s->h2 : NULL, id, type, end_stream, &code);
	spin_unlock(&c->lock);
	switch (*judgement) {
	case L7FP_H2_BAD_CONNECTION:
		l7fp_h2_fail(c, code, "a frame in the wrong state of its stream");
		break;
	case L7FP_H2_BAD_STREAM:
		stream_error(c, s, id, code);
		break;
	default:
		return s;
	}
	if (s)
		l7fp_port_put(s->port);
	return NULL;
}

/* ---- field sections */

static int block_append(struct l7fp_h2_connection *c, const u8 *p, u32 len)
{
	struct l7fp_buffer *b = &c->block;

	if (b->len + len > b->cap) {
		u32 cap = min_t(u32, roundup_pow_of_two(b->len + len), L7FP_MAX_HEAD);
		u8 *data = krealloc(b->data, max_t(u32, cap, 1024), GFP_ATOMIC | __GFP_NOWARN);

		if (!data)
			return -ENOMEM;
		b->data = data;
		b->cap = max_t(u32, cap, 1024);
	}
	memcpy(b->data + b->len, p, len);
	b->len += len;
	return 0;
}

static struct l7fp_h2_trailers *trailers_of(const struct l7fp_hpack_list *list)
{
	struct l7fp_h2_trailers *t;

	if (list->len > L7FP_MAX_TRAILERS)
		return NULL;
	t = kmalloc(sizeof(*t) + list->n * (sizeof(*t->headers) + sizeof(*t->info)) + list->len,
		    GFP_ATOMIC | __GFP_NOWARN);
	if (!t)
		return NULL;
	t->n = list->n;
	t->len = list->len;
	t->origin = list->origin;
	t->headers = (struct l7fp_h1_header *)(t + 1);
	t->info = (struct l7fp_hpack_info *)(t->headers + t->n);
	t->buf = (u8 *)(t->info + t->n);
	memcpy(t->headers, list->headers, t->n * sizeof(*t->headers));
	memcpy(t->info, list->info, t->n * sizeof(*t->info));
	memcpy(t->buf, list->buf, t->len);
	return t;
}

/* The peer's message is complete. */
static void end_of(struct l7fp_h2_connection *c, struct l7fp_stream *s,
		   struct l7fp_h2_trailers *trailers)
{
	u32 code;

	spin_lock(&c->lock);
	code = l7fp_h2_end(&s->h2);
	l7fp_h2_ended(c, s);
	if (!code) {
		swap(s->rx_trailers, trailers);
		WRITE_ONCE(s->rx_end, true);
	}
	spin_unlock(&c->lock);
	l7fp_h2_trailers_free(trailers);
	if (code)
		stream_error(c, s, s->h2.id, code);
	else
		l7fp_h2_stream_run(s);
}

static void trailers_came(struct l7fp_h2_connection *c, struct l7fp_stream *s,
			  struct l7fp_hpack_list *list, bool end_stream)
{
	struct l7fp_h1_head *h = &__this_cpu_read(scratch)->trailers;
	struct l7fp_h2_trailers *trailers;
	int err;

	memcpy(h->headers, list->headers, list->n * sizeof(h->headers[0]));
	h->n_headers = list->n;
	err = l7fp_h2_head(h, list, L7FP_H2_TRAILERS, end_stream, 0);
	trailers = err ? NULL : trailers_of(list);
	if (trailers)
		end_of(c, s, trailers);
	else
		stream_error(c, s, s->h2.id,
			     err ? L7FP_H2_PROTOCOL_ERROR : L7FP_H2_INTERNAL_ERROR);
}

static void fields_came(struct l7fp_h2_connection *c, u32 id, struct l7fp_hpack_list *list,
			bool end_stream, bool too_large)
{
	enum l7fp_h2_judgement judgement;
	struct l7fp_stream *s = stream_of(c, id, L7FP_H2_T_HEADERS, end_stream, &judgement);

	if (judgement == L7FP_H2_OPEN) {
		bool refused;

		spin_lock(&c->lock);
		/* RFC 9113 6.8: what comes behind GOAWAY is not looked at. */
		refused = c->failed || id > c->last;
		if (!refused)
			l7fp_h2_ids_open(&c->ids, id);
		spin_unlock(&c->lock);
		if (refused)
			return;
		if (c->block_code || too_large)
			stream_error(c, NULL, id, c->block_code ?: L7FP_H2_ENHANCE_YOUR_CALM);
		else
			l7fp_h2_downstream_open(c, id, list, end_stream);
		return;
	}
	if (!s)
		return;
	if (c->block_code || too_large)
		stream_error(c, s, id, c->block_code ?: L7FP_H2_ENHANCE_YOUR_CALM);
	else if (s->h2.heads)
		trailers_came(c, s, list, end_stream);
	else
		l7fp_h2_upstream_head(s, list, end_stream);
	l7fp_port_put(s->port);
}

static void block_end(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	struct scratch *room = __this_cpu_read(scratch);
	struct l7fp_hpack_list list = {
		.headers = room->headers, .info = room->info, .buf = room->buf,
		.size = sizeof(room->buf), .max_headers = L7FP_MAX_HEADERS,
	};
	int err;

	/* Whatever becomes of the stream, the table must not miss a block. */
	err = l7fp_hpack_decode_block(&c->decoder, c->block.data, c->block.len, NULL, &list);
	if (err == L7FP_HPACK_ERR_BAD)
		l7fp_h2_fail(c, L7FP_H2_COMPRESSION_ERROR, "a field block that cannot be decoded");
	else
		fields_came(c, e->stream, &list, e->end_stream, err);
	l7fp_buffer_reset(&c->block);
}

/* ---- data */

static void data_begin(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	u8 frame[L7FP_H2_FRAME_HEAD + 4];
	enum l7fp_h2_judgement judgement;
	u32 code = 0;
	bool kick = false;

	spin_lock(&c->lock);
	c->recv_window -= e->value;
	if (c->recv_window < 0) {
		code = L7FP_H2_FLOW_CONTROL_ERROR;
	} else {
		/* What streams may hold is bounded by their own windows. */
		c->credit += e->value;
		if (c->credit >= L7FP_H2_CONNECTION_WINDOW / 4) {
			c->recv_window += c->credit;
			l7fp_h2_append(c, frame, l7fp_h2_put_window_update(frame, 0, c->credit));
			c->credit = 0;
			kick = true;
		}
	}
	spin_unlock(&c->lock);
	if (kick)
		l7fp_h2_kick(c);
	if (code) {
		l7fp_h2_fail(c, code, "more data than the connection's window allows");
		return;
	}
	c->data_left = e->value;
	c->data_empty = !e->end_stream;
	c->data = stream_of(c, e->stream, L7FP_H2_T_DATA, e->end_stream, &judgement);
	if (!c->data)
		return;
	spin_lock(&c->lock);
	code = l7fp_h2_data(&c->data->h2, e->value);
	spin_unlock(&c->lock);
	if (!code)
		return;
	stream_error(c, c->data, e->stream, code);
	l7fp_port_put(c->data->port);
	c->data = NULL;
}

static void data_came(struct l7fp_h2_connection *c, const struct bio_vec *v)
{
	struct l7fp_stream *s = c->data;
	u32 code;

	c->data_left -= v->bv_len;
	c->data_empty = false;
	if (!s)
		return;
	spin_lock(&c->lock);
	code = l7fp_h2_content(&s->h2, v->bv_len);
	spin_unlock(&c->lock);
	if (!code) {
		l7fp_h2_stream_data(s, v);
		return;
	}
	c->data = NULL;
	stream_error(c, s, s->h2.id, code);
	l7fp_port_put(s->port);
}

static void data_end(struct l7fp_h2_connection *c, bool end_stream)
{
	struct l7fp_stream *s = c->data;

	c->data = NULL;
	if (s) {
		/* Padding was taken by us; a window that is not opened for it would shrink. */
		spin_lock(&c->lock);
		s->credit += c->data_left;
		spin_unlock(&c->lock);
		if (end_stream)
			end_of(c, s, NULL);
		l7fp_port_put(s->port);
	}
	if (c->data_empty)
		flood(c, L7FP_H2_FLOOD_EMPTY);
}

/* ---- all else */

static void reset_came(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	enum l7fp_h2_judgement judgement;
	struct l7fp_stream *s = stream_of(c, e->stream, L7FP_H2_T_RST_STREAM, false, &judgement);
	bool hashed;

	if (s) {
		l7fp_count(c->port->ln, h2_rx_reset);
		spin_lock(&c->lock);
		hashed = l7fp_h2_unhash(c, s);
		s->h2.reset = 1;
		s->rx_reset = true;
		s->rx_refused = e->code == L7FP_H2_REFUSED_STREAM;
		s->code = e->code;
		spin_unlock(&c->lock);
		l7fp_h2_stream_run(s);
		if (hashed)
			l7fp_port_put(s->port);
		l7fp_port_put(s->port);
	}
	/*
	 * A server may reset each stream, and does so with NO_ERROR where it answers before it has
	 * the whole request (RFC 9113 8.1): as many as we opened cost no more than those.
	 */
	if (!c->ids.server && c->rx_resets < READ_ONCE(c->n_exchanges))
		c->rx_resets++;
	else
		flood(c, L7FP_H2_FLOOD_RESET);
}

/* Streams that their own window stopped are in no list: all are looked at. */
static void resume(struct l7fp_port *port)
{
	l7fp_h2_pump_stream(port->stream);
}

static void initial_window(struct l7fp_h2_connection *c, u32 value)
{
	s64 change = (s64)value - c->peer_window;
	struct l7fp_stream *s;
	bool fits = true;
	u32 i;

	spin_lock(&c->lock);
	for (i = 0; i < L7FP_H2_BUCKETS; i++)
		hlist_for_each_entry(s, &c->streams[i], node)
			fits &= l7fp_h2_window_add(&s->h2.send_window, change);
	c->peer_window = value;
	spin_unlock(&c->lock);
	if (!fits)
		l7fp_h2_fail(c, L7FP_H2_FLOW_CONTROL_ERROR,
			     "SETTINGS_INITIAL_WINDOW_SIZE makes a window too large");
	else if (change > 0)
		c->opened = true;
}

static void setting_came(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	switch (e->id) {
	case L7FP_H2_S_HEADER_TABLE_SIZE:
		spin_lock(&c->lock);
		l7fp_hpack_encoder_set_max(&c->encoder, e->value);
		spin_unlock(&c->lock);
		return;
	case L7FP_H2_S_MAX_CONCURRENT_STREAMS:
		WRITE_ONCE(c->peer_streams, min_t(u32, e->value, L7FP_H2_MAX_STREAMS));
		return;
	case L7FP_H2_S_INITIAL_WINDOW_SIZE:
		initial_window(c, e->value);
		return;
	}
}

/* An answer to a control frame. */
static void answer(struct l7fp_h2_connection *c, const u8 *frame, u32 len)
{
	bool queued;

	spin_lock(&c->lock);
	queued = l7fp_h2_append(c, frame, len);
	spin_unlock(&c->lock);
	if (!queued)
		l7fp_h2_fail(c, L7FP_H2_ENHANCE_YOUR_CALM, "what is sent is not read");
	else
		l7fp_h2_kick(c);
}

static void window_came(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	enum l7fp_h2_judgement judgement;
	struct l7fp_stream *s;
	bool fits;

	if (!e->stream) {
		spin_lock(&c->lock);
		fits = l7fp_h2_window_add(&c->send_window, e->value);
		spin_unlock(&c->lock);
		if (!fits)
			l7fp_h2_fail(c, L7FP_H2_FLOW_CONTROL_ERROR,
				     "WINDOW_UPDATE makes the window too large");
		else
			l7fp_h2_pump(c);
		return;
	}
	s = stream_of(c, e->stream, L7FP_H2_T_WINDOW_UPDATE, false, &judgement);
	if (!s)
		return;
	spin_lock(&c->lock);
	fits = l7fp_h2_window_add(&s->h2.send_window, e->value);
	spin_unlock(&c->lock);
	if (!fits)
		stream_error(c, s, e->stream, L7FP_H2_FLOW_CONTROL_ERROR);
	else
		l7fp_h2_pump_stream(s);
	l7fp_port_put(s->port);
}

/* A frame that is malformed, but concerns its stream only. */
static void error_came(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	enum l7fp_h2_judgement judgement;
	struct l7fp_stream *s;

	s = stream_of(c, e->stream, L7FP_H2_T_RST_STREAM, false, &judgement);
	if (judgement == L7FP_H2_BAD_CONNECTION)
		return;
	stream_error(c, s, e->stream, e->code);
	if (s)
		l7fp_port_put(s->port);
}

static void goaway_came(struct l7fp_h2_connection *c, const struct l7fp_h2_event *e)
{
	if (c->ids.server)
		return;
	l7fp_h2_upstream_retire(c->upstream);
	l7fp_h2_end_streams(c, e->value, false);
}

static void handle(struct l7fp_h2_connection *c, enum l7fp_h2_event_kind kind,
		   const struct l7fp_h2_event *e, const u8 *p, const struct bio_vec *v)
{
	u8 frame[L7FP_H2_FRAME_HEAD + 8];
	struct bio_vec part;

	lockdep_assert_in_softirq();
	switch (kind) {
	case L7FP_H2_MORE:
		return;
	case L7FP_H2_HEADERS:
		c->block.len = 0;
		c->block_code = e->code;
		return;
	case L7FP_H2_BLOCK:
		if (block_append(c, p + e->off, e->len))
			l7fp_h2_fail(c, L7FP_H2_INTERNAL_ERROR, "out of memory");
		return;
	case L7FP_H2_BLOCK_END:
		block_end(c, e);
		return;
	case L7FP_H2_DATA_BEGIN:
		data_begin(c, e);
		return;
	case L7FP_H2_DATA:
		bvec_set_page(&part, v->bv_page, e->len, v->bv_offset + e->off);
		data_came(c, &part);
		return;
	case L7FP_H2_DATA_END:
		data_end(c, e->end_stream);
		return;
	case L7FP_H2_RST_STREAM:
		reset_came(c, e);
		return;
	case L7FP_H2_SETTING:
		setting_came(c, e);
		return;
	case L7FP_H2_SETTINGS_END:
		answer(c, frame, l7fp_h2_put_head(frame, 0, L7FP_H2_T_SETTINGS, L7FP_H2_F_ACK, 0));
		/* What the values allow goes behind their acknowledgment. */
		if (c->opened)
			l7fp_h2_each(c, resume);
		c->opened = false;
		flood(c, L7FP_H2_FLOOD_CONTROL);
		return;
	case L7FP_H2_PING:
		answer(c, frame, l7fp_h2_put_ping(frame, true, e->data));
		fallthrough;
	case L7FP_H2_SETTINGS_ACK:
	case L7FP_H2_PING_ACK:
	case L7FP_H2_IGNORED:
		flood(c, L7FP_H2_FLOOD_CONTROL);
		return;
	case L7FP_H2_GOAWAY:
		goaway_came(c, e);
		return;
	case L7FP_H2_WINDOW_UPDATE:
		window_came(c, e);
		return;
	case L7FP_H2_STREAM_ERROR:
		error_came(c, e);
		return;
	case L7FP_H2_ERROR:
		l7fp_h2_fail(c, e->code, e->why);
		return;
	}
}

static void input_range(struct l7fp_h2_connection *c, struct bio_vec v)
{
	enum l7fp_h2_event_kind kind;
	struct l7fp_h2_event e;
	const u8 *p;
	u32 used, n;

	while (v.bv_len) {
		/* Of high memory a page at a time can be seen. */
		n = PageHighMem(v.bv_page) ?
		    min_t(u32, v.bv_len, PAGE_SIZE - v.bv_offset % PAGE_SIZE) : v.bv_len;
		p = kmap_local_page(v.bv_page + v.bv_offset / PAGE_SIZE) + v.bv_offset % PAGE_SIZE;
		kind = l7fp_h2_read(&c->reader, p, n, &used, &e);
		handle(c, kind, &e, p, &v);
		kunmap_local(p);
		v.bv_offset += used;
		v.bv_len -= used;
		if (kind == L7FP_H2_ERROR || READ_ONCE(c->failed))
			return;
	}
	/* An event may be due without a further byte: the end of an empty frame. */
	do {
		kind = l7fp_h2_read(&c->reader, NULL, 0, &used, &e);
		handle(c, kind, &e, NULL, &v);
	} while (kind != L7FP_H2_MORE && kind != L7FP_H2_ERROR && !READ_ONCE(c->failed));
}

u32 l7fp_h2_input(struct l7fp_h2_connection *c, const struct bio_vec *v, u32 n)
{
	struct l7fp_h2_batch batch = { .n = 0 };
	u32 i, total = 0;
	bool outer;

	WRITE_ONCE(c->in_input, true);
	local_bh_disable();
	/* What sleeps, a new connection to a server first of all, is left to a work item. */
	outer = __this_cpu_read(l7fp_port_bh_off);
	__this_cpu_write(l7fp_port_bh_off, true);
	__this_cpu_write(l7fp_h2_batch, &batch);
	for (i = 0; i < n; i++) {
		total += v[i].bv_len;
		if (!READ_ONCE(c->failed))
			input_range(c, v[i]);
	}
	if (READ_ONCE(c->failed) && c->data) {
		l7fp_port_put(c->data->port);
		c->data = NULL;
	}
	__this_cpu_write(l7fp_h2_batch, NULL);
	__this_cpu_write(l7fp_port_bh_off, outer);
	local_bh_enable();
	for (i = 0; i < batch.n; i++) {
		batch.c[i]->port->ops->flush(batch.c[i]->port);
		l7fp_port_put(batch.c[i]->port);
	}
	WRITE_ONCE(c->in_input, false);
	/* Pairs with the one in l7fp_h2_kick(). */
	smp_mb();
	if (test_and_clear_bit(L7FP_PORT_SPACE, &c->port->flags))
		c->port->ops->flush(c->port);
	return total;
}

void l7fp_h2_uninit(void)
{
	int cpu;

	l7fp_h2_upstream_uninit();
	l7fp_h2_downstream_uninit();
	for_each_possible_cpu(cpu) {
		kvfree(per_cpu(scratch, cpu));
		per_cpu(scratch, cpu) = NULL;
	}
}

int l7fp_h2_init(void)
{
	int cpu;

	if (l7fp_h2_downstream_init() || l7fp_h2_upstream_init()) {
		l7fp_h2_uninit();
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		struct scratch *room = kvmalloc_node(sizeof(*room), GFP_KERNEL, cpu_to_node(cpu));

		if (!room) {
			l7fp_h2_uninit();
			return -ENOMEM;
		}
		per_cpu(scratch, cpu) = room;
	}
	return 0;
}
