/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS below a wire port: the kernel (kTLS) encrypts and decrypts records; who shakes hands is a
 * process, which has the socket for that time only (handshake.c).
 *
 * A port with TLS works in process context. Until the handshake is over it is CONNECTING: nothing
 * is read and nothing is sent, and ->connected() comes when it is, or when the client of a
 * permissive listener turns out to speak plain text.
 */
#ifndef _L7FP_TLS_H
#define _L7FP_TLS_H

#include "port.h"
#include "workload.h"

#define L7FP_TLS_MAX_RECORD	16384	/* bytes of plain text: RFC 8446 section 5.1 */

enum l7fp_tls_state {
	L7FP_TLS_LOOK,		/* a server: waits for the first byte; a client: to be connected */
	L7FP_TLS_SHAKE,		/* in a list of the namespace, or given back and failed */
	L7FP_TLS_ON,
	L7FP_TLS_OFF,		/* plain text */
};

/**
 * struct l7fp_tls - TLS of a port
 * @port: whose it is
 * @list: in l7fp_net.handshakes or .handshakes_taken, holding the port; under handshakes_lock,
 *	and so are @queued, @number and @portid
 * @number: of the handshake
 * @portid: the netlink socket that took it, 0: none
 * @deadline: jiffies, of the handshake
 * @failure: SHAKE: enum l7fp_tls_failure of what was given back, -1: not yet
 * @id: of the listener or cluster
 * @mode: enum l7fp_tls_mode, of a server
 * @state: enum l7fp_tls_state
 * @client: we are the client
 * @passes: a handshake that is not the mesh's is for the application, of a server
 * @late: the time to look or to shake hands is up; of the port's events
 * @closed: the peer's close_notify came; of the port's events
 * @counted: the handshake's failure is; of the port's events and of who closes it
 * @tx_records: sent, about; whoever flushes
 * @version, @cipher, @max_record, @alpn: as in enum l7fp_attr_handshake, once ON
 * @client_cert: what x-forwarded-client-cert says of it; allocated
 * @peer: who the peer is; without data: it has no identity. Does not change once ON.
 */
struct l7fp_tls {
	struct l7fp_port *port;
	struct list_head list;
	bool queued;
	u64 number;
	u32 portid;
	unsigned long deadline;
	int failure;
	u32 id;
	u8 mode;
	u8 state;
	bool client;
	bool passes;
	bool late;
	bool closed;
	bool counted;
	u64 tx_records;
	u32 version, cipher, max_record;
	char alpn[L7FP_MAX_ALPN + 1];
	struct l7fp_workload peer;
	struct l7fp_str client_cert;
	u8 names[L7FP_MAX_PRINCIPAL + L7FP_MAX_NAME];
	struct rcu_head rcu;
};

/*
 * Makes @port one with TLS, before it has a socket. @mode: enum l7fp_tls_mode of a server. Process
 * context. 0 or -ENOMEM; freed by l7fp_tls_free().
 */
int l7fp_tls_new(struct l7fp_port *port, bool client, u32 mode, u32 id);
void l7fp_tls_free(struct l7fp_port *port);

/* Gives @sock a file, so that a process can have it. Consumes @sock where it fails. */
int l7fp_tls_make_file(struct socket *sock);

/* For the port's events, one at a time, process context. */
/* The connection stands: whether ->connected() and all else have to wait. May end the port. */
bool l7fp_tls_pending(struct l7fp_port *port);
/* The time to look, or to shake hands, is up; l7fp_tls_pending() acts on it. */
void l7fp_tls_expire(struct l7fp_port *port);
/*
 * A record that is no data comes next: takes it. 1: the peer closes, 0: go on, or a negative
 * error, counted.
 */
int l7fp_tls_control(struct l7fp_port *port);

/* Sends as records; process context, no lock. As sock_sendmsg(). */
int l7fp_tls_send(struct l7fp_port *port, struct msghdr *msg, u32 bytes);
/* Best effort, before FIN. Process context, no lock. */
void l7fp_tls_close_notify(struct l7fp_port *port);

/* Callbacks of a port, which kTLS saves when keys are installed. */
struct l7fp_tls_callbacks {
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
};

/*
 * The socket no longer knows the port, whoever has its file: the saved callbacks are in the place
 * of @ours, also where kTLS keeps them. Process context.
 */
void l7fp_tls_detach(struct l7fp_port *port, const struct l7fp_tls_callbacks *ours);

static inline bool l7fp_tls_on(const struct l7fp_port *port)
{
	/* Pairs with the release when the keys are there. */
	return port->tls && smp_load_acquire(&port->tls->state) == L7FP_TLS_ON;
}

/* A process has the socket, or may get it: its readiness is that process's to know. */
static inline bool l7fp_tls_shakes(const struct l7fp_port *port)
{
	const struct l7fp_tls *tls = READ_ONCE(port->tls);

	return tls && READ_ONCE(tls->state) == L7FP_TLS_SHAKE;
}

/* The handshake was given back as failed. */
static inline bool l7fp_tls_failed(const struct l7fp_port *port)
{
	return unlikely(port->tls) && READ_ONCE(port->tls->failure) > L7FP_TLS_DONE;
}

/*
 * More records than AES-GCM is good for with one key, which the kernel cannot change: 2^24.5 of
 * full size (RFC 8446 section 5.5), of which half are left for what is under way.
 */
static inline bool l7fp_tls_worn(const struct l7fp_port *port)
{
	return unlikely(port->tls) && READ_ONCE(port->tls->tx_records) >> 23;
}

/* handshake.c */
/* Puts it into the list. False: there are too many. */
bool l7fp_handshake_queue(struct l7fp_tls *tls);
/* Takes it out, if it is in one. Any context. */
void l7fp_handshake_cancel(struct l7fp_tls *tls);
/* The oldest, held by its port, now @portid's; or NULL. */
struct l7fp_tls *l7fp_handshake_take(struct l7fp_net *ln, u32 portid);
/* The one with this number that @portid has, held by its port, out of its list; or NULL. */
struct l7fp_tls *l7fp_handshake_return(struct l7fp_net *ln, u64 number, u32 portid);
/* A descriptor of its socket for the current process, which installs it; or a negative error. */
int l7fp_handshake_descriptor(struct l7fp_tls *tls, struct file **file);
/*
 * It was given back, with enum l7fp_tls_failure; where that is DONE the names and numbers of @tls
 * are filled. 0 or a negative error: it did not go well after all. Process context.
 */
int l7fp_handshake_finish(struct l7fp_tls *tls, u32 failure);
int l7fp_handshake_init(void);
void l7fp_handshake_uninit(void);

#endif /* _L7FP_TLS_H */
