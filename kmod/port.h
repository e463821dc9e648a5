/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports: where bytes enter and leave the engine.
 *
 * Below a port is a transport (struct l7fp_port_ops): a TCP socket that the
 * module owns, with or without kTLS, or an application's joined socket. Above
 * it is the engine (struct l7fp_port_events). The rules between them:
 *
 * - Input is pushed: ->input() is given byte ranges whose pages the transport
 *   holds; the engine takes references of its own on what it keeps. It returns
 *   how many bytes it consumed; fewer than it was given means blocked, and the
 *   engine calls ->read() when it can go on. The transport keeps the rest.
 * - Output never sleeps: l7fp_port_send() and its companions append to a queue.
 *   ->flush() moves it to the socket; the engine calls it with no lock held.
 * - No engine lock is held across a call into a socket.
 * - Events come without locks, for one port one at a time. They may come in
 *   softirq: what has to sleep (connecting, closing, FIN) is put off to the
 *   port's work with l7fp_port_defer(), whose event is ->deferred().
 */
#ifndef _L7FP_PORT_H
#define _L7FP_PORT_H

#include <linux/bvec.h>
#include <linux/llist.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include "state.h"

#define L7FP_TX_HIGH		(256 * 1024)	/* queued bytes at which input blocks */
#define L7FP_TX_LOW		(64 * 1024)	/* and at which it goes on */
#define L7FP_TX_INLINE		8		/* queue entries without an allocation */
#define L7FP_TX_ENTRIES		1024		/* queue entries at most */
#define L7FP_RX_VECS		16		/* byte ranges of one ->input() */
#define L7FP_RX_BYTES		(64 * 1024)

struct l7fp_app;
struct l7fp_port;
struct l7fp_stream;
struct l7fp_tls;

/*
 * The engine is run on this CPU with bottom halves off: by an application's send call, or while
 * what each CPU has one of is in use.
 */
DECLARE_PER_CPU(bool, l7fp_port_bh_off);

/*
 * Whether an event may not sleep, nor do what belongs to nobody in the context of whoever is
 * current. Says so under the engine's locks as well as without them.
 */
static inline bool l7fp_port_atomic(void)
{
	return in_serving_softirq() || this_cpu_read(l7fp_port_bh_off);
}

struct l7fp_port_ops {
	/* Before anything else. */
	void (*init)(struct l7fp_port *port);
	/* Input may go on after it blocked. Any context. */
	void (*read)(struct l7fp_port *port);
	/* Sends what is queued. No engine lock. */
	void (*flush)(struct l7fp_port *port);
	/* Queues the work that calls ->deferred() in process context. Any context. */
	void (*defer)(struct l7fp_port *port);
	/*
	 * Ends the connection: no event follows but the one that runs. @reset: tell
	 * the peer that it failed. Process context, no engine lock.
	 */
	void (*close)(struct l7fp_port *port, bool reset);
	/*
	 * For the end of a connection on which nothing is under way: calls @finish, which looks
	 * once more and queues FIN, so that no input can have been on its way to it unseen; or
	 * does not, when there is some. True when it was called and was true. Process context,
	 * no engine lock.
	 */
	bool (*finish_idle)(struct l7fp_port *port, bool (*finish)(struct l7fp_port *port));
	/* Waits for the running event and lets go of the socket. Process context. */
	void (*release)(struct l7fp_port *port);
};

struct l7fp_port_events {
	void (*connected)(struct l7fp_port *port);
	u32 (*input)(struct l7fp_port *port, const struct bio_vec *v, u32 n);
	/* The peer sends no more; all input was consumed. */
	void (*eof)(struct l7fp_port *port);
	/*
	 * Of a stream of HTTP/2: the peer's message is complete; all input was consumed. False: it
	 * is blocked, as with ->input(). And: all that was queued has gone, with its end.
	 */
	bool (*end)(struct l7fp_port *port);
	void (*sent)(struct l7fp_port *port);
	/* The connection failed. */
	void (*error)(struct l7fp_port *port, int err);
	/* The queue fell below L7FP_TX_LOW after it was found full. */
	void (*writable)(struct l7fp_port *port);
	/* l7fp_port_arm() ran out. */
	void (*timer)(struct l7fp_port *port);
	/* What could not be done in softirq is due. Process context. */
	void (*deferred)(struct l7fp_port *port);
	/* The last reference is gone: free the owner. Process context, but for a stream: any. */
	void (*free)(struct l7fp_port *port);
};

enum l7fp_port_flag {
	L7FP_PORT_CONNECTING,
	L7FP_PORT_CONNECT_CALLED,	/* from here on a closed socket is one that failed */
	L7FP_PORT_CLOSED,		/* ->close() was called */
	L7FP_PORT_EOF_SEEN,		/* ->eof() was called */
	L7FP_PORT_ERROR_SEEN,
	L7FP_PORT_TX_BUSY,		/* somebody is in ->flush() */
	L7FP_PORT_TX_AGAIN,		/* and has to look once more */
	L7FP_PORT_TX_FULL,		/* the engine waits for ->writable() */
	L7FP_PORT_TX_FIN,		/* shut down when the queue is empty */
	L7FP_PORT_FIN_SENT,
	L7FP_PORT_TIMER,
	L7FP_PORT_SPACE,		/* the socket has room again */
	L7FP_PORT_DEFERRED,		/* ->deferred() is due */
	L7FP_PORT_RUNNING,		/* an event runs */
	L7FP_PORT_RUN_AGAIN,		/* and another one is due */
	L7FP_PORT_APP,			/* may be joined to an application's socket */
	L7FP_PORT_SYNC,			/* a work item or the timer may know it still */
	L7FP_PORT_QUEUED,		/* for its turn in softirq */
};

/**
 * struct l7fp_port - one end of the engine
 * @refs: the owner's references; the last one frees through @free_work or @free_node
 * @tx_lock: protects the members that begin with tx
 * @tx: queue of ranges, each with a page reference
 * @tx_reserved: between l7fp_port_reserve() and l7fp_port_commit()
 * @tx_error: of the socket, which told it to the sender; 0 or negative; whoever flushes
 * @tx_room: bytes behind the last range that are ours to fill
 * @tx_buffer: size of the memory that the last range begins, when l7fp_port_reserve() made it
 *	with room for a struct skb_shared_info at the end; else 0
 * @rx: ranges that the engine has not consumed; only the work touches it
 * @stream: of a stream of HTTP/2, whose bytes another port carries; else NULL
 * @tx_high: queued bytes at which it is full
 * @dirty: the engine appended since the last flush; under the engine's lock
 */
struct l7fp_port {
	const struct l7fp_port_ops *ops;
	const struct l7fp_port_events *events;
	struct l7fp_net *ln;
	struct l7fp_stream *stream;
	struct socket *sock;
	struct l7fp_tls *tls;		/* of a connection with TLS, or that may become one */
	unsigned long flags;
	refcount_t refs;
	struct work_struct work;	/* process context */
	union {				/* softirq */
		struct llist_node queue_node;	/* the way of a plain TCP socket's bytes */
		struct work_struct bh_work;	/* of a stream */
	};
	union {
		struct work_struct free_work;
		struct llist_node free_node;	/* of a stream */
	};
	struct timer_list timer;
	unsigned long last_activity;	/* jiffies */

	spinlock_t tx_lock;		/* the output queue */
	u32 tx_first, tx_n, tx_cap;
	u32 tx_bytes, tx_high;
	u32 tx_room;
	u32 tx_buffer;
	bool tx_reserved;
	int tx_error;
	struct bio_vec *tx;
	struct bio_vec tx_inline[L7FP_TX_INLINE];

	u32 rx_n;
	struct bio_vec *rx;
	bool dirty;
	bool softirq;			/* the transport runs in softirq */
	bool app_input;			/* ->input() runs for an application's send call */
	u8 app_tries;			/* looks for the application's socket; whoever flushes */
	u8 app_state;			/* enum l7fp_app_state, by those looks; likewise */
	struct sock *app_sk;		/* it, held; likewise */
	struct l7fp_app *app;		/* what it is joined by, held; likewise */
	u64 rx_total, tx_total;
	u64 tx_counted;			/* of @tx_total, already in the statistics */

	void (*saved_data_ready)(struct sock *sk);
	void (*saved_write_space)(struct sock *sk);
	void (*saved_state_change)(struct sock *sk);
};

void l7fp_port_init(struct l7fp_port *port, struct l7fp_net *ln,
		    const struct l7fp_port_ops *ops, const struct l7fp_port_events *events);

static inline void l7fp_port_get(struct l7fp_port *port)
{
	refcount_inc(&port->refs);
}

/* Any context. */
void l7fp_port_put(struct l7fp_port *port);

/*
 * Appending: any context, serialised by the engine's lock, bottom halves off. 0 or -ENOMEM,
 * -ENOBUFS.
 */
int l7fp_port_send(struct l7fp_port *port, const void *data, u32 len);
/* Takes a reference on the page unless it copies. */
int l7fp_port_send_page(struct l7fp_port *port, struct page *page, u32 offset, u32 len);
/* Room for @len bytes at the end of the queue, or NULL; l7fp_port_commit() says how many count. */
u8 *l7fp_port_reserve(struct l7fp_port *port, u32 len);
void l7fp_port_commit(struct l7fp_port *port, u32 len);
/* Moves all that @from has queued behind what @to has. */
int l7fp_port_move(struct l7fp_port *to, struct l7fp_port *from);
/*
 * Moves @len bytes, of those that are there, from @from behind what @to has; small ranges are
 * copied. For streams.
 */
int l7fp_port_take(struct l7fp_port *to, struct l7fp_port *from, u32 len);
/* True when the engine has to wait; ->writable() comes. */
bool l7fp_port_full(struct l7fp_port *port);
/* Adds what was sent since the last call to a counter of the namespace. */
static inline void l7fp_port_count_sent(struct l7fp_port *port, u64 __percpu *counter)
{
	u64 total = READ_ONCE(port->tx_total);

	this_cpu_add(*counter, total - port->tx_counted);
	port->tx_counted = total;
}

/* FIN once the queue is empty. */
void l7fp_port_finish(struct l7fp_port *port);

/* ->timer() in @ms, replacing what was armed; any context. */
void l7fp_port_arm(struct l7fp_port *port, u32 ms);
void l7fp_port_disarm(struct l7fp_port *port);

/* For transports: the queue's beginning, and what was sent of it. */
u32 l7fp_port_peek(struct l7fp_port *port, struct bio_vec *v, u32 n, u32 *bytes, bool *more);
/* False: nothing is left. */
bool l7fp_port_sent(struct l7fp_port *port, u32 bytes);
/*
 * The whole queue, when it is one buffer of page memory that can become the head of a struct
 * sk_buff: *bytes of data, *size in all. Nothing is appended to it from here on. Else NULL.
 * Bottom halves off.
 */
u8 *l7fp_port_peek_buffer(struct l7fp_port *port, u32 *bytes, u32 *size);
/*
 * It was handed over, with the reference on its page. True when something was queued meanwhile.
 * Bottom halves off.
 */
bool l7fp_port_gave_buffer(struct l7fp_port *port);
void l7fp_port_purge(struct l7fp_port *port);

int l7fp_port_module_init(void);
void l7fp_port_module_uninit(void);
extern struct workqueue_struct *l7fp_port_wq, *l7fp_bh_wq, *l7fp_free_wq;

#endif /* _L7FP_PORT_H */
