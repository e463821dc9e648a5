/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS handshakes that the module wants done, and what it keeps about the servers of a cluster.
 * Same rules for errors as in netlink.h.
 */
#ifndef _L7FP_KERNEL_HANDSHAKE_H
#define _L7FP_KERNEL_HANDSHAKE_H

#include "netlink.h"

/**
 * struct kernel_tls - what is expected of a TLS server, as the module keeps it
 * @len: of @data
 * @data: attributes of enum l7fp_attr_tls; equal terms have equal bytes. NULL: no TLS
 */
struct kernel_tls {
	size_t len;
	void *data;
};

#define KERNEL_TLS_ALPN	8	/* protocols of one cluster */

/* The same, to be read; the texts are in the struct kernel_tls or the caller's. */
struct kernel_tls_terms {
	uint32_t check;			/* enum l7fp_tls_check */
	const char *sni;		/* or NULL */
	size_t n_sans, n_alpn;
	const char *san[L7FP_MAX_TLS_SANS];
	const char *alpn[KERNEL_TLS_ALPN];
};

/* Makes @tls, to be freed with kernel_tls_free(). -E2BIG: more than the module keeps. */
int kernel_tls_encode(struct kernel_tls *tls, const struct kernel_tls_terms *terms, char *error,
		      size_t error_len);
/* 0 or -EBADMSG. */
int kernel_tls_decode(const struct kernel_tls *tls, struct kernel_tls_terms *terms);
/* A copy of an attribute's payload; NULL is no TLS. */
void kernel_tls_copy(struct kernel_tls *tls, struct nlattr *attr);
bool kernel_tls_equal(const struct kernel_tls *a, const struct kernel_tls *b);
void kernel_tls_free(struct kernel_tls *tls);

/**
 * struct kernel_handshake - a connection that needs one
 * @number: to give it back by
 * @fd: its socket, ours to close
 * @client: we are the client, of a server as @tls says; else the server
 * @id: of the cluster or of the listener
 * @left_ms: until the module gives the connection up
 * @tls: to be freed by kernel_handshake_free()
 */
struct kernel_handshake {
	uint64_t number;
	int fd;
	bool client;
	uint32_t id, left_ms;
	struct kernel_tls tls;
};

/* The oldest; -EAGAIN: there is none. */
int kernel_handshake_accept(struct netlink *nl, struct kernel_handshake *out, char *error,
			    size_t error_len);
/* Closes @fd unless it is -1, and frees. */
void kernel_handshake_free(struct kernel_handshake *handshake);

/**
 * struct kernel_handshake_result - what came of it
 * @failure: enum l7fp_tls_failure; where it is not L7FP_TLS_DONE nothing else is read
 * @version: L7FP_TLS_1_2 or L7FP_TLS_1_3
 * @cipher: enum l7fp_tls_cipher
 * @max_record: bytes of plain text in a record of ours
 * @alpn: or ""
 * @principal: of the peer, or NULL: it has no identity
 * @namespace: likewise
 * @client_cert: for x-forwarded-client-cert, or NULL
 */
struct kernel_handshake_result {
	uint32_t failure, version, cipher, max_record;
	const char *alpn, *principal, *namespace, *client_cert;
};

/* The keys are installed and every descriptor is closed. -ENOENT: the module has given it up. */
int kernel_handshake_done(struct netlink *nl, uint64_t number,
			  const struct kernel_handshake_result *result, char *error,
			  size_t error_len);

#endif /* _L7FP_KERNEL_HANDSHAKE_H */
