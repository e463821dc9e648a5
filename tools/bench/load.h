/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The load generator: what its protocols share.
 *
 * A slot is room for one request under way: of HTTP/1.1 a connection, of HTTP/2 a stream of one.
 */
#ifndef L7FP_BENCH_LOAD_H
#define L7FP_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *address, *host, *path, *denied_path, *command;
	int port, connections, streams, every, denied_status;
	uint64_t requests, warm_up, body;
	double seconds, rate;
	bool close, marks, h2, grpc;
};

extern struct options o;

/**
 * struct protocol - how requests are sent and responses read
 * @prepare: before anything else, once
 * @send: the request of a slot; @denied: one that the policy must deny
 * @flush: everything due was given to @send. Optional.
 * @input: a connection, as given to open_connection(), can be read
 *
 * Each request ends in on_complete(). What goes wrong ends the program.
 */
struct protocol {
	void (*prepare)(void);
	void (*send)(int slot, bool denied);
	void (*flush)(void);
	void (*input)(void *connection);
};

extern const struct protocol load_h1, load_h2;

/* Status 3: with a mark at both ends of what was measured so far. */
__attribute__((format(printf, 1, 2), noreturn))
void die(const char *format, ...);

/* A connected socket; @connection is given to the protocol when there is something to read. */
int open_connection(void *connection);

/* Number of the request that was sent last, for messages. */
uint64_t requests_sent(void);

/* The response to a slot's request is complete; the slot is free. */
void on_complete(int slot);

#endif /* L7FP_BENCH_LOAD_H */
