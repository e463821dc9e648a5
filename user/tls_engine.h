/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many handshakes at once, in one thread.
 *
 * The engine is one file descriptor to wait on and one time to wake up at, for a loop such
 * as l7fpd's. No handshake waits for another: each goes on when its own socket can be read
 * or written, and ends at its own deadline.
 *
 * The process must ignore SIGPIPE: OpenSSL writes to sockets that peers have closed.
 */
#ifndef _L7FP_TLS_ENGINE_H
#define _L7FP_TLS_ENGINE_H

#include <stddef.h>
#include <stdint.h>
#include "tls_handshake.h"

/* Handshakes under way; each holds some 40 KiB. */
#define TLS_ENGINE_MAX		4096
/* What Envoy gives a handshake, as a listener's connection has it in Istio. */
#define TLS_ENGINE_TIMEOUT_MS	10000

struct tls_engine;

/**
 * tls_done - a handshake is over
 * @owner: as given to tls_engine_start()
 * @fd: TLS_DONE: the socket, now the callee's. Else -1: an alert was sent where there was
 *	something to say, and the socket is closed.
 * @outcome: what came of it; keys are wiped when this returns, so install them now. The
 *	     callee may take @peer by setting it to NULL.
 *
 * It may start and cancel handshakes.
 */
typedef void (*tls_done)(void *owner, int fd, struct tls_outcome *outcome);

/* At most @max handshakes, up to TLS_ENGINE_MAX. NULL, and errno, where it cannot be made. */
struct tls_engine *tls_engine_new(size_t max);
/* Closes the sockets of what is under way; nobody is told. */
void tls_engine_free(struct tls_engine *engine);

/**
 * tls_engine_start() - begin a handshake
 * @engine: the engine
 * @context: a reference is taken
 * @fd: a TCP socket, connected or connecting; the engine's from now on, unless this fails.
 *	It is made not to block.
 * @timeout_ms: from now until it has to be done; 0: TLS_ENGINE_TIMEOUT_MS
 * @done: called once, from tls_engine_run() and never from here, unless it is cancelled
 * @owner: for @done
 *
 * Return: a number for tls_engine_cancel(), or 0 and errno: EAGAIN when there are as many
 * handshakes as may be, ENOKEY when we have no certificate, else what the system said.
 */
uint64_t tls_engine_start(struct tls_engine *engine, struct tls_context *context, int fd,
			  unsigned int timeout_ms, tls_done done, void *owner);

/* Closes the socket; @done is not called. Nothing happens when it is over already. */
void tls_engine_cancel(struct tls_engine *engine, uint64_t number);

int tls_engine_fd(const struct tls_engine *engine);
/* Milliseconds until tls_engine_run() wants to be called anyway; -1: never. */
int tls_engine_timeout(const struct tls_engine *engine);
/* Goes on with what can go on, up to a bounded number, and ends what is late. */
void tls_engine_run(struct tls_engine *engine);

size_t tls_engine_under_way(const struct tls_engine *engine);
/* How many ended so, TLS_DONE included. */
uint64_t tls_engine_count(const struct tls_engine *engine, enum tls_failure failure);
/* How many were not begun because there were too many. */
uint64_t tls_engine_refused(const struct tls_engine *engine);

#endif /* _L7FP_TLS_ENGINE_H */
