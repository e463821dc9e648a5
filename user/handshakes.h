/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TLS handshakes of a network namespace: taken from the module, done with OpenSSL, given back
 * with keys in the socket.
 *
 * In a process of its own: what peers send is parsed here, private keys are here, and nothing else
 * makes a handshake wait. Without it connections that need a handshake fail at its deadline;
 * those that stand need it no more.
 */
#ifndef _L7FP_HANDSHAKES_H
#define _L7FP_HANDSHAKES_H

#include <stddef.h>
#include <sys/types.h>

#define HANDSHAKES_MAX_ALIASES	64

/**
 * struct handshakes_options - whose certificates
 * @folder: tls.crt, tls.key and ca.crt; read again when they change
 * @alias: former names of the trust domain
 * @n_aliases: how many
 */
struct handshakes_options {
	const char *folder;
	const char *alias[HANDSHAKES_MAX_ALIASES];
	size_t n_aliases;
};

/*
 * Does them until @stop_fd can be read, or for ever where it is -1. 0, or -1 after a message: the
 * certificates or the module cannot be used.
 */
int handshakes_run(const struct handshakes_options *options, int stop_fd);

#endif /* _L7FP_HANDSHAKES_H */
