/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two ends of an exchange: downstream and upstream connections, and the
 * bodies that pass between them.
 *
 * Locking. A downstream and the upstream that it is bound to are one session
 * under the downstream's lock. A port's events take it, change state and
 * append output, and leave it through l7fp_session_leave(), which flushes,
 * connects and closes with no lock held. Order: l7fp_downstream.lock, then
 * l7fp_endpoint.lock, then l7fp_port.tx_lock.
 *
 * References. A downstream is held by its being open, an upstream likewise; a
 * bound pair holds each other.
 */
#ifndef _L7FP_DOWNSTREAM_H
#define _L7FP_DOWNSTREAM_H

#include "drain.h"
#include "exchange.h"
#include "listener.h"
#include "port.h"
#include "tls.h"
#include "upstream.h"
#include "workload.h"

#define L7FP_LINGER_MS		5000	/* after our FIN, until the peer's */
#define L7FP_STREAM_IDLE_MS	300000	/* an exchange in which no byte of a body moves */
#define L7FP_TUNNEL_IDLE_MS	3600000	/* a tunnel in which no byte moves */

/* A growing private copy of a head or a trailer section. */
struct l7fp_buffer {
	u8 *data;
	u32 len, cap, scan;
};

/**
 * struct l7fp_body - a message body on its way
 * @in: enum l7fp_h1_body of the sender
 * @out: how it is written: LENGTH (as is), CHUNKED, or EOF (as is)
 * @done: all of it was taken
 */
struct l7fp_body {
	u8 in, out;
	bool done, trailers;
	u64 remaining;
	struct l7fp_h1_chunk chunk;
	struct l7fp_buffer trailer;
};

enum l7fp_downstream_state {
	L7FP_D_NEW,		/* the policy has not let it in yet; input waits */
	L7FP_D_DETECT,		/* waits for bytes that tell what it speaks */
	L7FP_D_HEAD,		/* waits for a request, or for the rest of its head */
	L7FP_D_BODY,		/* the request's body passes */
	L7FP_D_WAIT,		/* the request is complete */
	L7FP_D_TUNNEL,		/* bytes pass both ways */
	L7FP_D_H2,		/* carries streams: each is a downstream of its own */
	L7FP_D_DISCARD,		/* our FIN is queued or out; input is thrown away */
	L7FP_D_CLOSED,
};

struct l7fp_downstream {
	struct l7fp_port port;
	struct l7fp_connection conn;
	const struct l7fp_tls *tls;	/* of the connection, once it is encrypted; else NULL */
	struct l7fp_cgroups cgroups;	/* of a local client; beside conn.cgroup those around it */
	struct l7fp_listener *listener;
	struct list_head list;		/* in l7fp_net.downstreams */
	spinlock_t lock;
	/* All below: under @lock. */
	u8 state;
	bool close_after;		/* no further request */
	bool blocked;			/* input was refused: start it again */
	bool rx_more;			/* bytes of this event follow those being looked at */
	bool upstream_blocked;		/* likewise the upstream's */
	bool connecting;		/* an upstream is on its way */
	u32 connect_seq;		/* tells the wanted connection from one given up */
	u32 rx_left;			/* bytes of the upstream's event not yet consumed */
	bool close_now, close_reset;	/* for l7fp_session_leave() */
	bool down_eof, up_eof;		/* of a tunnel */
	unsigned long since;		/* when @state was entered, jiffies */
	u64 n_exchanges;
	u32 place;			/* of what it takes from struct l7fp_spares */
	u32 opaque_cluster;		/* where an opaque connection goes */
	struct l7fp_generation *judged_by; /* while its connect op runs */
	struct l7fp_buffer head;	/* also what came before it was known to be opaque */
	struct l7fp_exchange_kern *x;
	struct l7fp_body request, response;
	struct l7fp_upstream *upstream;	/* holds a reference */
	struct l7fp_endpoint *connect_to; /* holds a reference */
	struct l7fp_upstream *old_upstream; /* its queue moves to the next one */
	struct l7fp_h2_connection *h2;	/* of a connection with HTTP/2, else NULL */
	struct l7fp_endpoint *slow_endpoint; /* this downstream's own; holds a reference */
	struct list_head closing;	/* upstreams to close, each with a reference */
	struct rcu_head rcu;
};

/**
 * struct l7fp_client - on whose behalf an upstream connection was made
 * @addr: as in struct l7fp_connection; likewise @port
 * @cgroup: likewise; exchanges of other clients never use the connection
 * @alone: it serves one downstream connection only, and @addr and @port are its client's
 * @inbound: it was made for an INBOUND listener, which sk_lookup must not see again
 */
struct l7fp_client {
	u32 addr[4];
	u32 port;
	u64 cgroup;
	bool alone;
	bool inbound;
};

struct l7fp_upstream {
	struct l7fp_port port;
	struct l7fp_client client;	/* before the connection is begun; does not change */
	bool adopted;			/* user space made it, for any client */
	struct l7fp_endpoint *endpoint;	/* holds a reference */
	struct l7fp_h2_connection *h2;	/* of a connection with HTTP/2, else NULL */
	struct l7fp_downstream __rcu *downstream; /* holds a reference */
	struct list_head idle;		/* in l7fp_endpoint.idle, or in a closing list */
	struct l7fp_buffer head;
	u32 n_exchanges;
	u32 tls_changes;		/* of the cluster, when it was made */
	bool connected;
	bool pending;			/* counted in l7fp_cluster.n_pending */
	bool pooled;			/* in l7fp_endpoint.idle; under its lock */
	bool reset;			/* to be closed with RST; under the downstream's lock */
	unsigned long idle_since;
	struct rcu_head rcu;
};

/* Whether the response that is about to begin is the connection's last. Under the lock. */
static inline bool l7fp_downstream_drains(const struct l7fp_downstream *d)
{
	return unlikely(READ_ONCE(d->port.ln->draining)) && l7fp_drain_is_last(d);
}

/*
 * Who the client is, by the tables of @generation or by its certificate; NULL: nobody knows. TLS
 * without a certificate says that nobody does, whatever the address.
 */
static inline const struct l7fp_workload *
l7fp_downstream_workload(const struct l7fp_downstream *d, const struct l7fp_generation *generation)
{
	if (d->tls)
		return d->tls->peer.principal.data ? &d->tls->peer : NULL;
	return l7fp_workload_find(generation, &d->conn, &d->cgroups);
}

/* Of the client's certificate, for x-forwarded-client-cert; or empty. */
static inline struct l7fp_str l7fp_client_cert(const struct l7fp_exchange_kern *x)
{
	const struct l7fp_tls *tls = x->downstream->tls;

	return unlikely(tls) ? tls->client_cert : (struct l7fp_str){};
}

/* Whether exchanges of @d can go to @cluster: nothing is converted between HTTP/1.1 and HTTP/2. */
static inline bool l7fp_cluster_speaks(const struct l7fp_cluster *cluster,
				       const struct l7fp_downstream *d)
{
	u32 protocol = READ_ONCE(cluster->config.protocol);

	return protocol == L7FP_CLUSTER_ANY_HTTP || cluster->originals ||
	       (protocol == L7FP_CLUSTER_HTTP2) == !!d->port.stream;
}

/* Port events of every downstream connection, whatever it speaks. No lock is held. */
void l7fp_downstream_deferred(struct l7fp_port *port);
void l7fp_downstream_free(struct l7fp_port *port);

int l7fp_engine_init(void);
void l7fp_engine_uninit(void);
/*
 * Ends all downstream connections of a namespace, to which none is added any more. Of those on
 * which nothing is under way the peer sees FIN, unless @reset. Returns how many were reset.
 */
u32 l7fp_downstreams_kill(struct l7fp_net *ln, bool reset);
#define L7FP_DOWNSTREAMS_BATCH	64	/* that a walk holds at a time */
/*
 * References on those that come next behind the one with id @last, in the order of ids; 0: there
 * are none. @from: NULL, or a connection not behind that one, to begin there.
 */
u32 l7fp_downstreams_take(struct l7fp_net *ln, struct l7fp_downstream *from, u64 last,
			  struct l7fp_downstream *batch[L7FP_DOWNSTREAMS_BATCH]);
/* Calls @act with each, without a lock. Process context. */
void l7fp_downstreams_each(struct l7fp_net *ln, void (*act)(struct l7fp_downstream *d));
/* Waits until no port of the namespace is left; its clusters are deleted before. */
void l7fp_ports_wait(struct l7fp_net *ln);
/* Closes what is idle or late; queues itself again. */
void l7fp_sweep(struct work_struct *work);

/* downstream.c: a connection from @listener; consumes @sock when it returns 0. */
int l7fp_downstream_open(struct l7fp_listener *listener, struct socket *sock);
/* The policy judges the connection, which speaks @protocol, and it begins. Under the lock. */
void l7fp_downstream_begin(struct l7fp_downstream *d, u32 protocol);
/* Ends the session. Under the lock. */
void l7fp_downstream_close(struct l7fp_downstream *d, bool reset);
/* Lets go of the lock, then flushes, connects and closes. Process context. */
void l7fp_session_leave(struct l7fp_downstream *d) __releases(&d->lock);

/* exchange.c: events of a downstream and of its upstream; all under the lock. */
u32 l7fp_exchange_downstream_input(struct l7fp_downstream *d, const struct bio_vec *v);
u32 l7fp_exchange_upstream_input(struct l7fp_downstream *d, const struct bio_vec *v);
void l7fp_exchange_downstream_eof(struct l7fp_downstream *d);
void l7fp_exchange_upstream_eof(struct l7fp_downstream *d);
void l7fp_exchange_upstream_failed(struct l7fp_downstream *d, u32 reason);
void l7fp_exchange_timeout(struct l7fp_downstream *d);
/* A head that does not come to its end: 408. */
void l7fp_exchange_head_timeout(struct l7fp_downstream *d);
/* A body that does not move. */
void l7fp_exchange_stalled(struct l7fp_downstream *d);
/* An opaque connection: no exchange, bytes to one cluster. */
void l7fp_exchange_opaque(struct l7fp_downstream *d);
/* FIN behind what is queued; what still comes is thrown away. */
void l7fp_exchange_linger(struct l7fp_downstream *d);
/* Ends the exchange without another answer. */
void l7fp_exchange_abort(struct l7fp_downstream *d, u32 reason);
/* Writes what an upstream that was just bound has to get. 0 or a negative error. */
int l7fp_exchange_bound(struct l7fp_downstream *d);

/* exchange_stream.c: what differs for streams of HTTP/2. All under the lock. */
struct l7fp_h2_trailers;
/* The request's head is there, in @d->x and its arena. @err: what l7fp_h2_head() said of it. */
void l7fp_exchange_stream_request(struct l7fp_downstream *d, int err);
/* Bounds the exchange by the time that a client of gRPC gives it. */
void l7fp_exchange_grpc_timeout(struct l7fp_exchange_kern *x);
/* The request is complete; takes over @trailers. False: not yet, input is blocked. */
bool l7fp_exchange_downstream_end(struct l7fp_downstream *d, struct l7fp_h2_trailers *trailers);
/* A response's head is there, final or interim: @head is its text. */
void l7fp_exchange_stream_response(struct l7fp_downstream *d, const u8 *head);
/* The response is complete; takes over @trailers. */
void l7fp_exchange_upstream_end(struct l7fp_downstream *d, struct l7fp_h2_trailers *trailers);
/* The upstream did not look at the request. */
void l7fp_exchange_upstream_refused(struct l7fp_downstream *d);

/* detect.c: what a connection speaks, by its first bytes. All under the lock. */
void l7fp_detect_begin(struct l7fp_downstream *d);
u32 l7fp_detect_input(struct l7fp_downstream *d, const struct bio_vec *v);
void l7fp_detect_eof(struct l7fp_downstream *d);
void l7fp_detect_timeout(struct l7fp_downstream *d);

/* exchange_memory.c: NULL without memory. Both under the lock. */
struct l7fp_exchange_kern *l7fp_exchange_new(struct l7fp_downstream *d);
void l7fp_exchange_free(struct l7fp_exchange_kern *x);

int l7fp_exchange_init(void);
void l7fp_exchange_uninit(void);

/* body.c. Moves bytes of @v to @to; *error is set on a broken body. Returns bytes consumed. */
void l7fp_body_begin(struct l7fp_body *body, u8 in, u8 out, u64 length);
u32 l7fp_body_input(struct l7fp_body *body, struct l7fp_port *to, const struct bio_vec *v,
		    int *error);
/* The sender's EOF: 0 when that ends the body, else a negative error. */
int l7fp_body_eof(struct l7fp_body *body, struct l7fp_port *to);
void l7fp_body_free(struct l7fp_body *body);
/* Copies from @v up to @limit bytes in all; returns bytes taken or -ENOMEM. */
int l7fp_buffer_fill(struct l7fp_buffer *b, const struct bio_vec *v, u32 off, u32 limit);
void l7fp_buffer_reset(struct l7fp_buffer *b);
void l7fp_buffer_free(struct l7fp_buffer *b);

/* head.c: writes heads. 0 or a negative error. */
int l7fp_write_request(struct l7fp_exchange_kern *x, struct l7fp_port *to, u8 body);
int l7fp_write_response(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to,
			u8 body, bool close);
int l7fp_write_interim(struct l7fp_exchange_kern *x, const u8 *head, struct l7fp_port *to);
/* A local reply; @x may be NULL when there was no usable request. */
int l7fp_write_reply(struct l7fp_exchange_kern *x, struct l7fp_port *to, u32 status,
		     struct l7fp_str body, u32 reason, u32 listener_flags, bool close);
const char *l7fp_status_phrase(u32 status);

/* pool.c: connections to endpoints. */
/*
 * The cluster's endpoint for @d, held, or NULL: the next one, other than @not if it can be; or
 * where the client wanted to go. Under the downstream's lock and RCU.
 */
struct l7fp_endpoint *l7fp_pool_pick(struct l7fp_cluster *cluster, struct l7fp_downstream *d,
				     struct l7fp_endpoint *not);
/* Binds an idle connection of @endpoint, if there is one. */
bool l7fp_pool_take(struct l7fp_endpoint *endpoint, struct l7fp_downstream *d);
/* Gives the bound upstream back to its pool, or closes it. */
void l7fp_pool_put(struct l7fp_downstream *d, bool reusable);
/* Asks for a new connection to @endpoint; takes over the reference. */
void l7fp_pool_want(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint);
/* A connection to @endpoint that is not begun yet, and holds it; or ERR_PTR. Process context. */
struct l7fp_upstream *l7fp_upstream_new(struct l7fp_endpoint *endpoint);
/* Binds @u. */
void l7fp_pool_bind(struct l7fp_downstream *d, struct l7fp_upstream *u);
/* The session that @u is bound to, locked and held, or NULL; and what ends it. */
struct l7fp_downstream *l7fp_upstream_enter(struct l7fp_upstream *u);
void l7fp_upstream_leave(struct l7fp_downstream *d);
/* Its counters and references; the rest is the caller's to free. */
void l7fp_upstream_uncount(struct l7fp_upstream *u);
void l7fp_upstream_connected(struct l7fp_upstream *u);
/* Makes it, unless @seq is no longer wanted. Process context, no lock. */
void l7fp_pool_connect(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint, u32 seq);
void l7fp_pool_close_idle(struct l7fp_endpoint *endpoint);
/* Closes what has been idle for @idle jiffies. Process context, under l7fp_net.lock. */
void l7fp_pool_sweep(struct l7fp_cluster *cluster, unsigned long idle);
/* Of one endpoint: closes what has been idle for @idle jiffies; the closed go to @list. */
void l7fp_pool_expire(struct l7fp_endpoint *endpoint, unsigned long idle, struct list_head *list);
/* Under the endpoint's lock: all idle ones, to be closed by the caller. */
void l7fp_pool_take_idle(struct l7fp_endpoint *endpoint, struct list_head *list);
/* On whose behalf @sk, an upstream's socket, connects; false when it is none. Any context. */
bool l7fp_upstream_client(struct sock *sk, struct l7fp_client *client);
void l7fp_endpoint_put(struct l7fp_endpoint *endpoint);
int l7fp_pool_adopt(struct l7fp_endpoint *endpoint, struct socket *sock);
void l7fp_cluster_put(struct l7fp_cluster *cluster);
/* Closes upstreams of a list made under some lock. Process context, no lock. */
void l7fp_pool_close_list(struct list_head *list);

/* A sweep of a stream, as of a connection. */
void l7fp_downstream_sweep(struct l7fp_downstream *d);

#endif /* _L7FP_DOWNSTREAM_H */
