/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections that speak HTTP/2, and their streams.
 *
 * A stream is a port of its own: what the engine appends to it goes out as DATA frames of the
 * connection's port, as its windows allow, and DATA frames that arrive are pushed to it. So each
 * exchange is a session of a downstream and an upstream with a lock of its own, as in HTTP/1.1,
 * and streams of one connection do not wait for each other.
 *
 * Locking. l7fp_h2_connection.lock protects the streams' table, the windows, the encoder and the
 * order of what is appended to the connection's port. It is taken under l7fp_downstream.lock and
 * l7fp_endpoint.lock; l7fp_port.tx_lock is taken under it. Reader and decoder belong to the
 * port's events, of which one runs at a time.
 *
 * References. A stream in the table is held by it, and holds the connection's port.
 */
#ifndef _L7FP_H2_CONNECTION_H
#define _L7FP_H2_CONNECTION_H

#include "downstream.h"
#include "h2.h"

#define L7FP_H2_BUCKETS		32
/* What we let a peer send on a connection beyond what the streams allow. */
#define L7FP_H2_CONNECTION_WINDOW	(1024 * 1024)
/* A stream's window is L7FP_H2_DEFAULT_WINDOW: at most so many pages hold it. */
#define L7FP_H2_RX_PAGES	(L7FP_H2_DEFAULT_WINDOW / PAGE_SIZE + 2)
/* Queued bytes at which a stream is full. */
#define L7FP_H2_TX_HIGH		(64 * 1024)

enum l7fp_h2_flood {
	L7FP_H2_FLOOD_RESET,		/* the peer resets streams */
	L7FP_H2_FLOOD_MADE_RESET,	/* it makes us reset them */
	L7FP_H2_FLOOD_CONTROL,
	L7FP_H2_FLOOD_EMPTY,
	L7FP_H2_FLOODS,
};

/**
 * struct l7fp_h2_trailers - a trailer section on its way
 * @n: of fields
 * @headers: they; offsets into @buf
 * @origin: of them
 */
struct l7fp_h2_trailers {
	u32 n;
	u32 len;
	struct l7fp_h1_header *headers;
	struct l7fp_hpack_info *info;
	u8 *buf;
	struct l7fp_hpack_origin origin;
};

/**
 * struct l7fp_stream - a stream as a port's transport
 * @h2: its state; under the connection's lock, as all that follows but for @port and @c
 * @node: in the connection's table, while @hashed
 * @waiting: in the connection's list of those that could send but for the connection
 * @moved: bytes of its queue have gone: they cannot be sent again elsewhere
 * @told_sent: ->sent() was or is being called
 * @rx: pages with input that the engine did not take yet; whoever has L7FP_PORT_RUNNING takes
 *	from their beginning
 * @credit: bytes that were taken and are still to be announced
 * @rx_end: END_STREAM came; ->end() is due behind the input
 * @rx_reset: ->error() is due
 * @code: of that reset
 */
struct l7fp_stream {
	struct l7fp_h2_stream h2;
	struct l7fp_h2_connection *c;	/* holds a reference on its port */
	struct l7fp_port *port;
	struct hlist_node node;
	struct list_head waiting;
	bool hashed, open, moved, told_sent;
	bool rx_end, rx_reset, rx_refused;
	u32 code;
	u32 credit;
	u32 rx_off, rx_len, rx_pages;
	struct page *rx[L7FP_H2_RX_PAGES];
	struct l7fp_h2_trailers *rx_trailers, *tx_trailers;
};

/**
 * struct l7fp_h2_connection - one connection
 * @port: what carries it; its owner owns this, too
 * @downstream: the owner, where the peer is a client; else @upstream is
 * @lock: see above
 * @n_streams: of @streams, of those that have no number yet, and of those that end
 * @n_open: of them, neither reset nor at an end on both sides: what RFC 9113 5.1.2 counts
 * @peer_streams: SETTINGS_MAX_CONCURRENT_STREAMS of the peer, at most L7FP_H2_MAX_STREAMS
 * @peer_window: its SETTINGS_INITIAL_WINDOW_SIZE
 * @failed: GOAWAY with an error went, or the connection is gone: nothing is sent any more
 * @going: no further stream: GOAWAY was sent or came
 * @last: the highest stream of the peer that is looked at, once GOAWAY said so
 */
struct l7fp_h2_connection {
	struct l7fp_port *port;
	struct l7fp_downstream *downstream;
	struct l7fp_upstream *upstream;
	bool in_input;			/* the port's event runs, and flushes at its end */

	/* The port's events alone. */
	struct l7fp_h2_reader reader;
	struct l7fp_hpack_decoder decoder;
	struct l7fp_buffer block;
	u32 block_code;			/* of the HEADERS frame under way */
	struct l7fp_stream *data;	/* of the DATA frame under way, held; NULL: thrown away */
	u32 data_left;			/* of what it counts against the window, not data yet */
	bool data_empty;
	bool opened;			/* SETTINGS under way made the streams' windows larger */
	unsigned long flood_since;
	u32 flood[L7FP_H2_FLOODS];
	u32 rx_resets;			/* of streams that we opened */

	spinlock_t lock;		/* all below */
	struct l7fp_hpack_encoder encoder;
	struct l7fp_hpack_mades mades;
	struct l7fp_h2_ids ids;
	struct hlist_head streams[L7FP_H2_BUCKETS];
	u32 n_streams;
	u32 n_open;
	struct list_head waiting;
	s64 send_window;
	u32 peer_window;
	u32 peer_streams;
	u32 credit;			/* of the connection's window, to be announced */
	s32 recv_window;
	u32 next_id;			/* of the streams that we open */
	bool failed, going, closing;
	u32 reason;			/* enum l7fp_reason, once it failed */
	u32 last;
	u32 n_exchanges;
	unsigned long idle_since;
	void *tables[2];
};

static inline struct l7fp_upstream *l7fp_h2_upstream_of(const struct l7fp_stream *s)
{
	return container_of(s->port, struct l7fp_upstream, port);
}

/* h2_connection.c */
/* NULL without memory. Any context. */
struct l7fp_h2_connection *l7fp_h2_new(struct l7fp_port *port, bool server, gfp_t gfp);
void l7fp_h2_free(struct l7fp_h2_connection *c);
/* Our preface: SETTINGS and the window. Once, before all else. */
void l7fp_h2_begin(struct l7fp_h2_connection *c);
/* Sees to it that what was appended goes out. Any context. */
void l7fp_h2_kick(struct l7fp_h2_connection *c);

/*
 * What the input of one connection appends to others, and to itself, is sent when the input has
 * been handled: frames that belong together go together. Set while bottom halves are off.
 */
struct l7fp_h2_batch {
	struct l7fp_h2_connection *c[8];
	u32 n;
};

DECLARE_PER_CPU(struct l7fp_h2_batch *, l7fp_h2_batch);
/* The stream of a number, held, or NULL. */
struct l7fp_stream *l7fp_h2_find(struct l7fp_h2_connection *c, u32 id);
/* Under the lock. */
void l7fp_h2_hash(struct l7fp_h2_connection *c, struct l7fp_stream *s, u32 id);
/* Looks whether both sides of @s are at an end. Under the lock. */
void l7fp_h2_ended(struct l7fp_h2_connection *c, struct l7fp_stream *s);
/* Out of the table. True: the caller has to put its port. Under the lock. */
bool l7fp_h2_unhash(struct l7fp_h2_connection *c, struct l7fp_stream *s);
/* Ends the connection with GOAWAY. The port's events. */
void l7fp_h2_fail(struct l7fp_h2_connection *c, u32 code, const char *why);
/* All streams end with a reset; those above @last, which the peer did not look at, as refused. */
void l7fp_h2_end_streams(struct l7fp_h2_connection *c, u32 last, bool all);
/* GOAWAY without an error: @last as the last stream that is looked at. */
void l7fp_h2_go(struct l7fp_h2_connection *c, u32 last);
/* Calls @act with each stream's port, without a lock. */
void l7fp_h2_each(struct l7fp_h2_connection *c, void (*act)(struct l7fp_port *port));
/* Appends a frame. False: the peer does not read; the connection is to end. Under the lock. */
bool l7fp_h2_append(struct l7fp_h2_connection *c, const u8 *frame, u32 len);
/* Appends RST_STREAM and notes it. Under the lock. */
void l7fp_h2_append_reset(struct l7fp_h2_connection *c, u32 id, u32 code);

int l7fp_h2_init(void);
void l7fp_h2_uninit(void);
int l7fp_h2_downstream_init(void);
void l7fp_h2_downstream_uninit(void);
int l7fp_h2_upstream_init(void);
void l7fp_h2_upstream_uninit(void);

/* h2_input.c: bytes of the connection; all are consumed. */
u32 l7fp_h2_input(struct l7fp_h2_connection *c, const struct bio_vec *v, u32 n);

/* A stream that is not opened: RST_STREAM. The port's events. */
void l7fp_h2_refuse(struct l7fp_h2_connection *c, u32 id, u32 code);

/* h2_port.c: streams as ports. */
extern const struct l7fp_port_ops l7fp_h2_stream_ops;
void l7fp_h2_stream_init(struct l7fp_stream *s, struct l7fp_h2_connection *c,
			 struct l7fp_port *port, const struct l7fp_port_events *events);
/* What is left of it; its port is being freed. */
void l7fp_h2_stream_free(struct l7fp_stream *s);
/* Data that arrived. */
void l7fp_h2_stream_data(struct l7fp_stream *s, const struct bio_vec *v);
/* Looks at what is due: input that waits, the end, a reset. */
void l7fp_h2_stream_run(struct l7fp_stream *s);
/* Sends what may be sent of all streams that wait for the connection. No lock. */
void l7fp_h2_pump(struct l7fp_h2_connection *c);
/* The same of one stream. */
void l7fp_h2_pump_stream(struct l7fp_stream *s);
/* The engine has no more to send, but for @trailers, which are taken over. Under its lock. */
void l7fp_h2_stream_end(struct l7fp_port *port, struct l7fp_h2_trailers *trailers);

/* h2_write.c. 0 or a negative error. */
int l7fp_h2_write_request(struct l7fp_exchange_kern *x, struct l7fp_port *to, bool end);
int l7fp_h2_write_response(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to,
			   bool end);
int l7fp_h2_write_interim(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to);
int l7fp_h2_write_reply(struct l7fp_exchange_kern *x, struct l7fp_port *to, u32 status,
			struct l7fp_str body, u32 reason, u32 listener_flags);
/* Under the connection's lock. */
int l7fp_h2_write_trailers(struct l7fp_stream *s);
void l7fp_h2_trailers_free(struct l7fp_h2_trailers *trailers);

/* h2_downstream.c */
/* @d speaks HTTP/2; @preface: told by it. Under its lock; false without memory. */
bool l7fp_h2_downstream_begin(struct l7fp_downstream *d, bool preface);
/* A new stream of a client, whose fields @list holds. Bottom halves off. */
void l7fp_h2_downstream_open(struct l7fp_h2_connection *c, u32 id, struct l7fp_hpack_list *list,
			     bool end_stream);
/* The connection's end after GOAWAY: FIN follows. */
void l7fp_h2_downstream_finish(struct l7fp_downstream *d);
/* What is due of a connection and its streams. */
void l7fp_h2_downstream_sweep(struct l7fp_downstream *d);
/* As a drain has it: GOAWAY, and the end when nothing is under way. */
void l7fp_h2_downstream_drain(struct l7fp_downstream *d);

/* h2_upstream.c */
/* Binds a stream of a connection to @endpoint, if one has room. Under @d's lock. */
bool l7fp_h2_upstream_take(struct l7fp_endpoint *endpoint, struct l7fp_downstream *d);
/* l7fp_pool_connect() for a stream. */
void l7fp_h2_upstream_connect(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint, u32 seq);
/* A response's fields came on @s. Bottom halves off. */
void l7fp_h2_upstream_head(struct l7fp_stream *s, struct l7fp_hpack_list *list, bool end_stream);
/* No further stream is opened on it; it closes with the last one. */
void l7fp_h2_upstream_retire(struct l7fp_upstream *u);
/* Under the endpoint's lock: those without a stream that are unused for @idle go to @list. */
void l7fp_h2_upstream_expire(struct l7fp_endpoint *endpoint, unsigned long idle, bool all,
			     struct list_head *list);
/* None takes a further stream, each closes with its last one. Under the endpoint's lock. */
void l7fp_h2_upstream_abandon(struct l7fp_endpoint *endpoint);
/* What @d's request needs on the stream that was bound after another one. */
int l7fp_h2_resume(struct l7fp_downstream *d);
bool l7fp_h2_is_upstream(const struct l7fp_port *port);

#endif /* _L7FP_H2_CONNECTION_H */
