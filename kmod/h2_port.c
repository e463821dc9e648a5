// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of HTTP/2 as ports: input from DATA frames, output into them.
 *
 * A stream's window is opened again as the engine takes its bytes, and what it cannot take is
 * kept in pages of our own, at most a window: a receiver that is slow stalls its sender through
 * that. The connection's window is opened as bytes arrive, so that such a stream does not stall
 * the others.
 *
 * Output goes as far as both windows and the connection's queue allow. A stream that its own
 * window stops is sent on when that is opened; the others wait in the connection's list and are
 * served a frame each in turn.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "compat.h"
#include "h2_connection.h"

/* Bytes of a window that are announced together. */
#define CREDIT_MIN	(L7FP_H2_DEFAULT_WINDOW / 2)

static void stream_work(struct work_struct *work);
static void stream_bh_work(struct work_struct *work);

/* The caller holds the port. */
static void stream_queue(struct l7fp_port *port, struct workqueue_struct *wq,
			 struct work_struct *work)
{
	set_bit(L7FP_PORT_SYNC, &port->flags);
	queue_work(wq, work);
}

void l7fp_h2_trailers_free(struct l7fp_h2_trailers *trailers)
{
	kfree(trailers);
}

/* ---- input */

/* Copies to the end of what waits. Under the lock. */
static int keep(struct l7fp_stream *s, const struct bio_vec *v, u32 off)
{
	u32 len = v->bv_len - off;

	lockdep_assert_held(&s->c->lock);
	off += v->bv_offset;
	while (len) {
		u32 at = (s->rx_off + s->rx_len) % PAGE_SIZE;
		u32 n = min_t(u32, len, min(PAGE_SIZE - at, PAGE_SIZE - off % PAGE_SIZE));
		struct page *from = v->bv_page + off / PAGE_SIZE;

		if (s->rx_off + s->rx_len == s->rx_pages * PAGE_SIZE) {
			/* The window bounds what can come. */
			if (WARN_ON_ONCE(s->rx_pages == L7FP_H2_RX_PAGES))
				return -ENOBUFS;
			s->rx[s->rx_pages] = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
			if (!s->rx[s->rx_pages])
				return -ENOMEM;
			s->rx_pages++;
		}
		memcpy_page(s->rx[s->rx_pages - 1], at, from, off % PAGE_SIZE, n);
		s->rx_len += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* The first @used bytes were taken. Under the lock. */
static void drop(struct l7fp_stream *s, u32 used)
{
	u32 n;

	lockdep_assert_held(&s->c->lock);
	s->rx_off += used;
	s->rx_len -= used;
	n = s->rx_len ? s->rx_off / PAGE_SIZE : s->rx_pages;
	if (!n)
		return;
	s->rx_off = s->rx_len ? s->rx_off % PAGE_SIZE : 0;
	s->rx_pages -= n;
	release_pages(s->rx, n);
	memmove(s->rx, s->rx + n, s->rx_pages * sizeof(s->rx[0]));
}

/* Opens the window again by what was taken. Under the lock; true: there is something to send. */
static bool give_credit(struct l7fp_stream *s, u32 n)
{
	u8 frame[L7FP_H2_FRAME_HEAD + 4];

	lockdep_assert_held(&s->c->lock);
	s->credit += n;
	if (s->credit < CREDIT_MIN || s->h2.recv_end || !s->hashed)
		return false;
	s->h2.recv_window += s->credit;
	l7fp_h2_append(s->c, frame, l7fp_h2_put_window_update(frame, s->h2.id, s->credit));
	s->credit = 0;
	return true;
}

static void credit(struct l7fp_stream *s, u32 n)
{
	bool kick;

	spin_lock(&s->c->lock);
	kick = give_credit(s, n);
	spin_unlock(&s->c->lock);
	if (kick)
		l7fp_h2_kick(s->c);
}

/* Gives the engine what waits. False: it is blocked. */
static bool push_kept(struct l7fp_stream *s)
{
	struct l7fp_h2_connection *c = s->c;
	struct bio_vec v;
	bool kick = false;
	u32 used;

	for (;;) {
		spin_lock_bh(&c->lock);
		if (!s->rx_len) {
			spin_unlock_bh(&c->lock);
			return true;
		}
		bvec_set_page(&v, s->rx[0], min_t(u32, s->rx_len, PAGE_SIZE - s->rx_off),
			      s->rx_off);
		spin_unlock_bh(&c->lock);
		/* Nobody else takes from the beginning: the page stays. */
		used = s->port->events->input(s->port, &v, 1);
		if (!used)
			return false;
		s->port->last_activity = jiffies;
		spin_lock_bh(&c->lock);
		drop(s, used);
		kick = give_credit(s, used);
		spin_unlock_bh(&c->lock);
		if (kick)
			l7fp_h2_kick(c);
	}
}

/* One event at a time, as a wire port's. */
static bool stream_enter(struct l7fp_port *port)
{
	set_bit(L7FP_PORT_RUN_AGAIN, &port->flags);
	/* Pairs with the one in stream_leave(): one of us sees the other. */
	smp_mb__after_atomic();
	return !test_and_set_bit_lock(L7FP_PORT_RUNNING, &port->flags);
}

/* True when another event is due. */
static bool stream_leave(struct l7fp_port *port)
{
	clear_bit_unlock(L7FP_PORT_RUNNING, &port->flags);
	/* Pairs with the one in stream_enter(): a wish left meanwhile is seen. */
	smp_mb__after_atomic();
	return test_bit(L7FP_PORT_RUN_AGAIN, &port->flags) &&
	       !test_and_set_bit_lock(L7FP_PORT_RUNNING, &port->flags);
}

static bool ended(const struct l7fp_port *port)
{
	return port->flags & (BIT(L7FP_PORT_CLOSED) | BIT(L7FP_PORT_ERROR_SEEN));
}

static void stream_events(struct l7fp_stream *s, bool sleeps)
{
	struct l7fp_port *port = s->port;

	if (sleeps && test_and_clear_bit(L7FP_PORT_DEFERRED, &port->flags)) {
		port->events->deferred(port);
		l7fp_port_put(port);
	}
	if (ended(port))
		return;
	if (READ_ONCE(s->rx_reset)) {
		if (!test_and_set_bit(L7FP_PORT_ERROR_SEEN, &port->flags))
			port->events->error(port, -ECONNRESET);
		return;
	}
	if (test_and_clear_bit(L7FP_PORT_TIMER, &port->flags))
		port->events->timer(port);
	if (ended(port) || !push_kept(s) || ended(port))
		return;
	if (READ_ONCE(s->rx_end) && !test_bit(L7FP_PORT_EOF_SEEN, &port->flags) &&
	    port->events->end(port))
		set_bit(L7FP_PORT_EOF_SEEN, &port->flags);
}

static void run(struct l7fp_stream *s, bool sleeps)
{
	struct l7fp_port *port = s->port;

	if (!stream_enter(port))
		return;
	do {
		clear_bit(L7FP_PORT_RUN_AGAIN, &port->flags);
		/* What came before the wish was left is seen by this round. */
		smp_mb__after_atomic();
		stream_events(s, sleeps);
	} while (stream_leave(port));
	if (!sleeps && test_bit(L7FP_PORT_DEFERRED, &port->flags))
		stream_queue(port, l7fp_port_wq, &port->work);
}

void l7fp_h2_stream_run(struct l7fp_stream *s)
{
	run(s, false);
}

void l7fp_h2_stream_data(struct l7fp_stream *s, const struct bio_vec *v)
{
	struct l7fp_port *port = s->port;
	u32 used = 0;
	bool mine = stream_enter(port);
	int err = 0;

	lockdep_assert_in_softirq();
	if (mine) {
		clear_bit(L7FP_PORT_RUN_AGAIN, &port->flags);
		if (ended(port)) {
			used = v->bv_len;
		} else if (!s->rx_len) {
			used = port->events->input(port, v, 1);
			port->last_activity = jiffies;
			if (used)
				credit(s, used);
		}
	}
	if (used < v->bv_len) {
		spin_lock(&s->c->lock);
		err = keep(s, v, used);
		if (err) {
			l7fp_h2_append_reset(s->c, s->h2.id, L7FP_H2_INTERNAL_ERROR);
			s->h2.reset = 1;
			s->rx_reset = true;
		}
		spin_unlock(&s->c->lock);
	}
	if (mine && stream_leave(port))
		clear_bit_unlock(L7FP_PORT_RUNNING, &port->flags);
	else if (mine && !err)
		return;
	if (err)
		l7fp_h2_kick(s->c);
	/* Whoever has the stream may have looked before the bytes were there. */
	stream_queue(port, l7fp_bh_wq, &port->bh_work);
}

static void stream_work(struct work_struct *work)
{
	run(container_of(work, struct l7fp_port, work)->stream, true);
}

static void stream_bh_work(struct work_struct *work)
{
	run(container_of(work, struct l7fp_port, bh_work)->stream, false);
}

/* ---- output */

/* Whether the connection takes more data. */
static bool has_room(struct l7fp_h2_connection *c)
{
	struct l7fp_port *port = c->port;
	bool room;

	if (c->failed || (port->flags & (BIT(L7FP_PORT_CONNECTING) | BIT(L7FP_PORT_CLOSED))))
		return false;
	spin_lock_bh(&port->tx_lock);
	room = port->tx_bytes < L7FP_TX_HIGH && port->tx_n < L7FP_TX_ENTRIES * 3 / 4;
	if (!room)
		set_bit(L7FP_PORT_TX_FULL, &port->flags);
	spin_unlock_bh(&port->tx_lock);
	return room;
}

/* One frame of data. 0, or a negative error. Under the lock. */
static int send_data(struct l7fp_stream *s, u32 len, bool end)
{
	struct l7fp_h2_connection *c = s->c;
	u8 head[L7FP_H2_FRAME_HEAD];
	int err;

	l7fp_h2_put_head(head, len, L7FP_H2_T_DATA, end ? L7FP_H2_F_END_STREAM : 0, s->h2.id);
	err = l7fp_port_send(c->port, head, sizeof(head));
	if (!err && len)
		err = l7fp_port_take(c->port, s->port, len);
	/* A frame that is not whole cannot be mended. */
	if (err) {
		c->failed = true;
		l7fp_port_finish(c->port);
		return err;
	}
	c->send_window -= len;
	s->h2.send_window -= len;
	s->moved = true;
	if (end) {
		s->h2.sent_end = 1;
		l7fp_h2_ended(c, s);
	}
	return 0;
}

/*
 * The next frame of @s, if there is one to send. True when one went. Sets @waits when the
 * connection is what stops it. Under the lock.
 */
static bool send_frame(struct l7fp_stream *s, bool *waits)
{
	struct l7fp_h2_connection *c = s->c;
	bool fin = test_bit(L7FP_PORT_TX_FIN, &s->port->flags);
	u32 queued = READ_ONCE(s->port->tx_bytes);
	s64 len;

	lockdep_assert_held(&c->lock);
	*waits = false;
	if (!s->hashed || s->h2.sent_end || s->h2.reset || (!queued && !fin))
		return false;
	if (!has_room(c)) {
		*waits = true;
		return false;
	}
	if (!queued) {
		if (!s->tx_trailers)
			return !send_data(s, 0, true);
		if (l7fp_h2_write_trailers(s)) {
			l7fp_h2_append_reset(c, s->h2.id, L7FP_H2_INTERNAL_ERROR);
			s->h2.reset = 1;
		}
		return true;
	}
	if (s->h2.send_window <= 0)
		return false;
	if (c->send_window <= 0) {
		*waits = true;
		return false;
	}
	len = min_t(s64, min(s->h2.send_window, c->send_window), min(queued, L7FP_H2_MAX_FRAME));
	return !send_data(s, len, len == queued && fin && !s->tx_trailers);
}

/* What the engine is to be told after something was sent; without a lock. */
static void tell_sent(struct l7fp_stream *s, bool done)
{
	struct l7fp_port *port = s->port;

	port->last_activity = jiffies;
	if (done)
		port->events->sent(port);
	else if (test_bit(L7FP_PORT_TX_FULL, &port->flags) &&
		 READ_ONCE(port->tx_bytes) < port->tx_high / 4 &&
		 test_and_clear_bit(L7FP_PORT_TX_FULL, &port->flags))
		port->events->writable(port);
}

/* Under the lock. */
static bool is_done(struct l7fp_stream *s)
{
	if (!s->h2.sent_end || s->told_sent || !test_bit(L7FP_PORT_TX_FIN, &s->port->flags))
		return false;
	s->told_sent = true;
	return true;
}

void l7fp_h2_pump_stream(struct l7fp_stream *s)
{
	struct l7fp_h2_connection *c = s->c;
	bool sent = false, waits, done;

	spin_lock_bh(&c->lock);
	/* Others wait: take the place behind them. */
	if (list_empty(&c->waiting) || !list_empty(&s->waiting)) {
		while (send_frame(s, &waits))
			sent = true;
	} else {
		waits = s->hashed && !s->h2.sent_end;
	}
	if (waits && list_empty(&s->waiting))
		list_add_tail(&s->waiting, &c->waiting);
	done = is_done(s);
	spin_unlock_bh(&c->lock);
	if (sent)
		l7fp_h2_kick(c);
	if (sent || done)
		tell_sent(s, done);
}

void l7fp_h2_pump(struct l7fp_h2_connection *c)
{
	struct l7fp_stream *s;
	bool waits, sent, any = false, done;

	for (;;) {
		spin_lock_bh(&c->lock);
		s = list_first_entry_or_null(&c->waiting, struct l7fp_stream, waiting);
		if (!s) {
			spin_unlock_bh(&c->lock);
			break;
		}
		sent = send_frame(s, &waits);
		if (!sent && waits) {
			spin_unlock_bh(&c->lock);
			break;
		}
		any |= sent;
		if (sent)
			list_move_tail(&s->waiting, &c->waiting);
		else
			list_del_init(&s->waiting);
		done = is_done(s);
		l7fp_port_get(s->port);
		spin_unlock_bh(&c->lock);
		if (sent || done)
			tell_sent(s, done);
		l7fp_port_put(s->port);
	}
	if (any)
		l7fp_h2_kick(c);
}

void l7fp_h2_stream_end(struct l7fp_port *port, struct l7fp_h2_trailers *trailers)
{
	struct l7fp_stream *s = port->stream;

	lockdep_assert_in_softirq();
	spin_lock(&s->c->lock);
	swap(s->tx_trailers, trailers);
	spin_unlock(&s->c->lock);
	l7fp_h2_trailers_free(trailers);
	l7fp_port_finish(port);
}

/* ---- the port */

static void stream_read(struct l7fp_port *port)
{
	stream_queue(port, l7fp_bh_wq, &port->bh_work);
}

static void stream_flush(struct l7fp_port *port)
{
	l7fp_h2_pump_stream(port->stream);
}

static void stream_defer(struct l7fp_port *port)
{
	if (!test_and_set_bit(L7FP_PORT_DEFERRED, &port->flags))
		l7fp_port_get(port);
	stream_queue(port, l7fp_port_wq, &port->work);
}

/* Any context: nothing here sleeps. */
static void stream_close(struct l7fp_port *port, bool reset)
{
	struct l7fp_stream *s = port->stream;
	struct l7fp_h2_connection *c = s->c;
	bool hashed, kick = false;
	u32 code;

	if (test_and_set_bit(L7FP_PORT_CLOSED, &port->flags))
		return;
	spin_lock_bh(&c->lock);
	if (s->hashed && !s->h2.reset && !(s->h2.sent_end && s->h2.recv_end)) {
		/* RFC 9113 8.1: after the whole response a client need not send the rest. */
		code = !c->ids.server ? L7FP_H2_CANCEL :
		       s->h2.sent_end ? L7FP_H2_NO_ERROR : L7FP_H2_INTERNAL_ERROR;
		l7fp_h2_append_reset(c, s->h2.id, code);
		kick = true;
	}
	s->h2.reset = 1;
	hashed = l7fp_h2_unhash(c, s);
	c->n_streams--;
	if (!c->n_streams)
		c->idle_since = jiffies;
	spin_unlock_bh(&c->lock);
	if (hashed)
		l7fp_port_put(port);
	if (kick)
		l7fp_h2_kick(c);
	/* The last one may have been waited for. */
	if (READ_ONCE(c->going) && !READ_ONCE(c->n_streams))
		c->port->ops->defer(c->port);
}

static void stream_release(struct l7fp_port *port)
{
	disable_work_sync(&port->bh_work);
	disable_work_sync(&port->work);
}

static void stream_port_init(struct l7fp_port *port)
{
	INIT_WORK(&port->work, stream_work);
	INIT_WORK(&port->bh_work, stream_bh_work);
}

const struct l7fp_port_ops l7fp_h2_stream_ops = {
	.init = stream_port_init,
	.read = stream_read,
	.flush = stream_flush,
	.defer = stream_defer,
	.close = stream_close,
	.release = stream_release,
};

void l7fp_h2_stream_init(struct l7fp_stream *s, struct l7fp_h2_connection *c,
			 struct l7fp_port *port, const struct l7fp_port_events *events)
{
	l7fp_port_init(port, c->port->ln, &l7fp_h2_stream_ops, events);
	port->stream = s;
	port->tx_high = L7FP_H2_TX_HIGH;
	l7fp_port_get(c->port);
	s->c = c;
	s->port = port;
	INIT_HLIST_NODE(&s->node);
	INIT_LIST_HEAD(&s->waiting);
}

void l7fp_h2_stream_free(struct l7fp_stream *s)
{
	if (s->rx_pages)
		release_pages(s->rx, s->rx_pages);
	l7fp_h2_trailers_free(s->rx_trailers);
	l7fp_h2_trailers_free(s->tx_trailers);
	l7fp_port_put(s->c->port);
}
