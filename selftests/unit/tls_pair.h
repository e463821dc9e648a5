/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two ends of a handshake, and records as the kernel would make and read them with the keys
 * that it gets: with nothing but what is in struct tls_direction.
 */
#ifndef _TLS_PAIR_H
#define _TLS_PAIR_H

#include <stdbool.h>
#include "tls_engine.h"
#include "tls_pki.h"

#define RECORD_MAX	(5 + 16384 + 256)
/* Slow machines and sanitizers; nothing waits for it that goes well. */
#define PAIR_TIMEOUT_MS	20000

/**
 * struct side - what came of a handshake
 * @fd: the socket, or -1
 * @over: done was called
 * @outcome: a copy; @keys in it points to @keys here
 */
struct side {
	int fd;
	bool over;
	struct tls_outcome outcome;
	struct tls_keys keys;
};

/* For tls_engine_start(): @owner is a struct side. */
void side_done(void *owner, int fd, struct tls_outcome *outcome);
void side_free(struct side *side);

/* A TCP connection over loopback. */
void tcp_pair(int fd[2]);
/* A listener there, and its port. */
int tcp_listener(unsigned short *port);
/* Tries until it works or PAIR_TIMEOUT_MS are over; -1. */
int tcp_connect(unsigned short port);

/* Runs the engine until both are over (@b may be NULL); false when that takes too long. */
bool engine_run(struct tls_engine *engine, const struct side *a, const struct side *b);

/* A source of files for tests: NULL for what there is none of. The folder is @folder. */
struct tls_source *pki_source(const char *folder, const struct pki *leaf,
			      const struct pki *authority);

/* Bytes of the record in @out, which has room for RECORD_MAX. */
size_t record_seal(struct tls_direction *d, uint8_t type, const void *data, size_t len,
		   uint8_t *out);
/* Bytes of plain text, or -1: it is none for these keys. */
int record_open(struct tls_direction *d, const uint8_t *record, size_t len, uint8_t *type,
		uint8_t *out);
/* Over a socket, waiting. Reading skips handshake records (tickets) and counts them. */
bool record_send(int fd, struct tls_direction *d, const char *text);
int record_receive(int fd, struct tls_direction *d, uint8_t *type, uint8_t *out, int *skipped);

#endif /* _TLS_PAIR_H */
