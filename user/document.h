/* SPDX-License-Identifier: GPL-2.0-only */
/* Views of documents that several translators need. */
#ifndef _L7FP_DOCUMENT_H
#define _L7FP_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include "input.h"

/* @hash: of name and value together, or NULL: most labels differ in it. */
struct labels {
	size_t n;
	const char **name, **value;
	uint32_t *hash;
};

/* Entries of a map of strings; others are left out. */
void labels_read(struct node_arena *arena, struct labels *labels, const struct node *map);
const char *labels_get(const struct labels *labels, const char *name);
/* All of @selector are in @labels; an empty selector matches all. */
bool labels_match(const struct labels *selector, const struct labels *labels);
/* No label of @selector has another value in @labels: they may match. */
bool labels_may_match(const struct labels *selector, const struct labels *labels);

/* IPv4 addresses become IPv4-mapped. */
bool address_read(const char *text, struct in6_addr *address);
void address_print(const struct in6_addr *address, char text[INET6_ADDRSTRLEN]);

/* Older first, by metadata.creationTimestamp; then by name and namespace, as Istio sorts. */
int document_compare_age(const struct document *a, const struct document *b);

/* A Workload document. */
bool document_is_workload(const struct document *document);
/* Where its fields are: below spec, or at the top. */
const struct node *workload_fields(const struct document *document);
const char *workload_namespace(const struct document *document);
const char *workload_name(const struct document *document);
const char *workload_account(const struct document *document);
const struct node *workload_labels(const struct document *document);

#endif /* _L7FP_DOCUMENT_H */
