/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configurations for a slow-path proxy, written from the same policies.
 */
#ifndef _L7FP_PROXY_H
#define _L7FP_PROXY_H

#include <stdbool.h>
#include <stdio.h>
#include "input.h"
#include "policy_files.h"

/* "l7fp-" and a digest in hexadecimal, with the NUL. */
#define PROXY_TOKEN_LEN	(5 + 64 + 1)

enum proxy_format {
	PROXY_ENVOY,
	PROXY_HAPROXY,
};

/**
 * struct proxy_options - what of a configuration does not come from the policies
 * @address: where the proxy listens; NULL: 127.0.0.1
 * @port: likewise; 0: PROXY_DEFAULT_PORT
 * @access_log: one line a request; NULL: none
 * @certificates: the folder with tls.crt, tls.key and ca.crt of the workload; NULL: none, and
 *	what goes to servers that speak mutual TLS is refused
 * @configuration: the file that the configuration goes to, beside which secrets are; NULL: none
 */
struct proxy_options {
	enum proxy_format format;
	const char *address;
	unsigned int port;
	const char *access_log;
	const char *certificates;
	const char *configuration;
};

/* What Envoy reads from a file of its own. */
enum proxy_secret {
	PROXY_SECRET_CERTIFICATE,
	PROXY_SECRET_TRUST,
	PROXY_SECRETS,
};

#define PROXY_DEFAULT_PORT	15003

/* A rule that the format cannot express. */
struct proxy_refusal {
	const struct ir_source *source;
	const char *reason;
};

struct proxy_refusals {
	size_t n;
	struct proxy_refusal *list;
};

void proxy_refuse(struct proxy_refusals *refusals, const struct ir_source *source,
		  const char *reason);
void proxy_refusals_free(struct proxy_refusals *refusals);

/* Takes the verdict "slow path" from the fields that a proxy does. */
void proxy_express(struct documents *docs);

/* What tells configurations apart: a digest of all that one says. @ir: see translate_for_proxy(). */
void proxy_token(const struct ir *ir, char token[PROXY_TOKEN_LEN]);

/* Write a configuration. @refusals: what is answered with 503; HAProxy's is none then. */
void envoy_write(FILE *out, const struct ir *ir, const struct proxy_options *options,
		 const char *token, struct proxy_refusals *refusals);
void haproxy_write(FILE *out, const struct ir *ir, const struct proxy_options *options,
		   const char *token, struct proxy_refusals *refusals);

/*
 * Writes a secret beside @o->configuration; @path: its file, filled in. 0, or -1 with errno: it is
 * not (all) there.
 */
int envoy_write_secret(const struct proxy_options *o, enum proxy_secret which, char *path,
		       size_t size);

#endif /* _L7FP_PROXY_H */
