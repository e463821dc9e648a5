/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an Envoy RBAC configuration means for a request: an interpreter of the
 * YAML that Istio generates, written from Envoy's documentation and sharing
 * nothing with the translator but the YAML reader.
 */
#ifndef _L7FP_GOLDEN_RBAC_H
#define _L7FP_GOLDEN_RBAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "node.h"

/* A plain text request: no identity, no token, no server name. */
struct rbac_request {
	const char *method, *path, *authority;	/* @path without the query */
	const char *header_name, *header_value;	/* NULL: absent */
	const char *source_ip, *destination_ip;
	uint32_t destination_port;
};

/* @filter: one RBAC filter. Sets *@wrong when it holds what is not known here. */
bool rbac_allows(const struct node *filter, const struct rbac_request *request,
		 const char **wrong);

/* Values that the filter compares with, by what they are compared to. */
enum rbac_kind {
	RBAC_METHOD,
	RBAC_PATH,
	RBAC_AUTHORITY,
	RBAC_HEADER,
	RBAC_SOURCE_IP,
	RBAC_DESTINATION_IP,
	RBAC_PORT,
	RBAC_KINDS
};

/* @found: called for each; @how is exact, prefix, suffix, regex, template, ... */
void rbac_values(const struct node *filter,
		 void (*found)(void *context, enum rbac_kind kind, const char *how,
			       const char *name, const char *value),
		 void *context);

#endif /* _L7FP_GOLDEN_RBAC_H */
