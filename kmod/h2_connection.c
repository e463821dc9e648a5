// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that speak HTTP/2: made, their streams' table, and their end.
 */
#include <linux/slab.h>
#include "compat.h"
#include "h2_connection.h"
#include "trace.h"

/* Control frames go out beside the data, which stops at L7FP_TX_HIGH: so much of both. */
#define QUEUE_MAX	(2 * L7FP_TX_HIGH)

/* Decoders so far: each has a number that no other one has. */
static atomic64_t decoders;

struct l7fp_h2_connection *l7fp_h2_new(struct l7fp_port *port, bool server, gfp_t gfp)
{
	u32 size = l7fp_hpack_memory(L7FP_HPACK_TABLE), i;
	struct l7fp_h2_connection *c = kzalloc(sizeof(*c), gfp | __GFP_NOWARN);

	if (!c)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(c->tables); i++)
		c->tables[i] = kmalloc(size, gfp | __GFP_NOWARN);
	if (!c->tables[0] || !c->tables[1]) {
		l7fp_h2_free(c);
		return NULL;
	}
	c->port = port;
	spin_lock_init(&c->lock);
	l7fp_h2_reader_init(&c->reader, server);
	l7fp_hpack_decoder_init(&c->decoder, c->tables[0], L7FP_HPACK_TABLE);
	/* Where there is no memory for it each block is decoded. */
	l7fp_hpack_decoder_repeats(&c->decoder, kmalloc(sizeof(*c->decoder.repeats),
							gfp | __GFP_NOWARN),
				   atomic64_inc_return(&decoders));
	l7fp_hpack_encoder_init(&c->encoder, c->tables[1], L7FP_HPACK_TABLE);
	c->ids.server = server;
	INIT_LIST_HEAD(&c->waiting);
	c->send_window = L7FP_H2_DEFAULT_WINDOW;
	c->peer_window = L7FP_H2_DEFAULT_WINDOW;
	c->peer_streams = L7FP_H2_MAX_STREAMS;
	c->recv_window = L7FP_H2_CONNECTION_WINDOW;
	c->next_id = 1;
	c->last = L7FP_H2_MAX_WINDOW;
	c->flood_since = jiffies;
	c->idle_since = jiffies;
	return c;
}

void l7fp_h2_free(struct l7fp_h2_connection *c)
{
	u32 i;

	if (!c)
		return;
	for (i = 0; i < ARRAY_SIZE(c->tables); i++)
		kfree(c->tables[i]);
	kfree(c->decoder.repeats);
	l7fp_buffer_free(&c->block);
	kfree(c);
}

DEFINE_PER_CPU(struct l7fp_h2_batch *, l7fp_h2_batch);

/* False: there is no batch here, or no room in it. */
static bool batch_add(struct l7fp_h2_connection *c)
{
	struct l7fp_h2_batch *batch;
	bool added = false;
	u32 i;

	local_bh_disable();
	batch = __this_cpu_read(l7fp_h2_batch);
	if (!batch)
		goto out;
	for (i = 0; i < batch->n && batch->c[i] != c; i++)
		;
	added = i < ARRAY_SIZE(batch->c);
	if (added && i == batch->n) {
		l7fp_port_get(c->port);
		batch->c[batch->n++] = c;
	}
out:
	local_bh_enable();
	return added;
}

void l7fp_h2_kick(struct l7fp_h2_connection *c)
{
	if (batch_add(c))
		return;
	set_bit(L7FP_PORT_SPACE, &c->port->flags);
	/* Pairs with the one in l7fp_h2_input(): either it sees the bit, or we that it is over. */
	smp_mb__after_atomic();
	if (!READ_ONCE(c->in_input))
		c->port->ops->read(c->port);
}

bool l7fp_h2_append(struct l7fp_h2_connection *c, const u8 *frame, u32 len)
{
	lockdep_assert_held(&c->lock);
	if (c->failed)
		return true;
	return READ_ONCE(c->port->tx_bytes) < QUEUE_MAX && !l7fp_port_send(c->port, frame, len);
}

void l7fp_h2_append_reset(struct l7fp_h2_connection *c, u32 id, u32 code)
{
	u8 frame[L7FP_H2_FRAME_HEAD + 4];

	lockdep_assert_held(&c->lock);
	l7fp_h2_ids_reset(&c->ids, id);
	l7fp_count(c->port->ln, h2_tx_reset);
	/* Where there is no memory for it the peer waits until its own time is over. */
	l7fp_h2_append(c, frame, l7fp_h2_put_rst_stream(frame, id, code));
}

void l7fp_h2_begin(struct l7fp_h2_connection *c)
{
	u8 out[L7FP_H2_PREFACE_LEN + 2 * L7FP_H2_FRAME_HEAD + 3 * 6 + 4], *p = out;
	bool server = c->ids.server;

	if (!server) {
		memcpy(p, L7FP_H2_PREFACE, L7FP_H2_PREFACE_LEN);
		p += L7FP_H2_PREFACE_LEN;
	}
	p += l7fp_h2_put_head(p, 12, L7FP_H2_T_SETTINGS, 0, 0);
	if (server)
		p += l7fp_h2_put_setting(p, L7FP_H2_S_MAX_CONCURRENT_STREAMS,
					 L7FP_H2_MAX_STREAMS);
	else
		p += l7fp_h2_put_setting(p, L7FP_H2_S_ENABLE_PUSH, 0);
	p += l7fp_h2_put_setting(p, L7FP_H2_S_MAX_HEADER_LIST_SIZE, L7FP_MAX_HEAD);
	p += l7fp_h2_put_window_update(p, 0, L7FP_H2_CONNECTION_WINDOW - L7FP_H2_DEFAULT_WINDOW);
	spin_lock_bh(&c->lock);
	l7fp_h2_append(c, out, p - out);
	spin_unlock_bh(&c->lock);
}

static struct hlist_head *bucket(struct l7fp_h2_connection *c, u32 id)
{
	return &c->streams[id / 2 % L7FP_H2_BUCKETS];
}

/* Under the lock. */
static struct l7fp_stream *find(struct l7fp_h2_connection *c, u32 id)
{
	struct l7fp_stream *s;

	hlist_for_each_entry(s, bucket(c, id), node)
		if (s->h2.id == id)
			return s;
	return NULL;
}

struct l7fp_stream *l7fp_h2_find(struct l7fp_h2_connection *c, u32 id)
{
	struct l7fp_stream *s;

	lockdep_assert_held(&c->lock);
	s = find(c, id);
	if (s)
		l7fp_port_get(s->port);
	return s;
}

void l7fp_h2_hash(struct l7fp_h2_connection *c, struct l7fp_stream *s, u32 id)
{
	lockdep_assert_held(&c->lock);
	s->h2.id = id;
	s->h2.send_window = c->peer_window;
	s->h2.recv_window = L7FP_H2_DEFAULT_WINDOW;
	s->hashed = true;
	s->open = true;
	c->n_open++;
	hlist_add_head(&s->node, bucket(c, id));
	l7fp_h2_ids_open(&c->ids, id);
	l7fp_port_get(s->port);
}

static void count_closed(struct l7fp_h2_connection *c, struct l7fp_stream *s)
{
	if (s->open)
		c->n_open--;
	s->open = false;
}

void l7fp_h2_ended(struct l7fp_h2_connection *c, struct l7fp_stream *s)
{
	lockdep_assert_held(&c->lock);
	if (s->h2.sent_end && s->h2.recv_end)
		count_closed(c, s);
}

bool l7fp_h2_unhash(struct l7fp_h2_connection *c, struct l7fp_stream *s)
{
	bool hashed = s->hashed;

	lockdep_assert_held(&c->lock);
	if (hashed)
		hlist_del(&s->node);
	count_closed(c, s);
	s->hashed = false;
	list_del_init(&s->waiting);
	return hashed;
}

/*
 * Ends streams, a batch at a time: each is taken from the table, marked, and told without a lock.
 */
void l7fp_h2_end_streams(struct l7fp_h2_connection *c, u32 last, bool all)
{
	struct l7fp_stream *s, *batch[16];
	u32 i, n;

	do {
		n = 0;
		spin_lock_bh(&c->lock);
		for (i = 0; i < L7FP_H2_BUCKETS && n < ARRAY_SIZE(batch); i++) {
			struct hlist_node *next;

			hlist_for_each_entry_safe(s, next, &c->streams[i], node) {
				if (!all && s->h2.id <= last)
					continue;
				l7fp_h2_unhash(c, s);
				s->h2.reset = 1;
				s->rx_reset = true;
				s->rx_refused = s->h2.id > last;
				batch[n++] = s;
				if (n == ARRAY_SIZE(batch))
					break;
			}
		}
		spin_unlock_bh(&c->lock);
		for (i = 0; i < n; i++) {
			l7fp_h2_stream_run(batch[i]);
			l7fp_port_put(batch[i]->port);
		}
	} while (n);
}

void l7fp_h2_each(struct l7fp_h2_connection *c, void (*act)(struct l7fp_port *port))
{
	struct l7fp_stream *s;
	u32 i, n, skip;

	for (i = 0; i < L7FP_H2_BUCKETS; i++) {
		for (skip = 0;; skip++) {
			n = 0;
			spin_lock_bh(&c->lock);
			hlist_for_each_entry(s, &c->streams[i], node)
				if (n++ == skip)
					break;
			if (s)
				l7fp_port_get(s->port);
			spin_unlock_bh(&c->lock);
			if (!s)
				break;
			act(s->port);
			l7fp_port_put(s->port);
		}
	}
}

static void go(struct l7fp_h2_connection *c, u32 last, u32 code, const char *why)
{
	u8 frame[L7FP_H2_GOAWAY_MAX];

	lockdep_assert_held(&c->lock);
	c->going = true;
	c->last = min(c->last, last);
	l7fp_h2_append(c, frame, l7fp_h2_put_goaway(frame, c->last, code, why));
}

void l7fp_h2_go(struct l7fp_h2_connection *c, u32 last)
{
	spin_lock_bh(&c->lock);
	go(c, last, L7FP_H2_NO_ERROR, NULL);
	spin_unlock_bh(&c->lock);
	l7fp_h2_kick(c);
}

void l7fp_h2_fail(struct l7fp_h2_connection *c, u32 code, const char *why)
{
	bool first;

	spin_lock_bh(&c->lock);
	first = !c->failed;
	if (first) {
		go(c, c->ids.server ? c->ids.last : 0, code, why);
		c->failed = true;
	}
	spin_unlock_bh(&c->lock);
	if (!first)
		return;
	l7fp_count(c->port->ln, h2_error);
	trace_l7fp_h2_error(!c->ids.server, code, why);
	l7fp_h2_end_streams(c, L7FP_H2_MAX_WINDOW, true);
	c->port->ops->flush(c->port);
	if (c->downstream)
		l7fp_h2_downstream_finish(c->downstream);
	else
		l7fp_h2_upstream_retire(c->upstream);
}
