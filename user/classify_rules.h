/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the table cannot say: values that need a look, and fields that must or
 * must not be together, as Istio's validation has it.
 */
#ifndef _L7FP_CLASSIFY_RULES_H
#define _L7FP_CLASSIFY_RULES_H

#include "input.h"

/* Hosts, subsets or ports of one document; each is compared with all others. */
#define CLASSIFY_MAX_NAMES	10000

void classify_virtual_service(struct node_arena *arena, struct document *d);
void classify_destination_rule(struct node_arena *arena, struct document *d);
void classify_service_entry(struct node_arena *arena, struct document *d);
void classify_authorization_policy(struct node_arena *arena, struct document *d);
void classify_grpc_route(struct node_arena *arena, struct document *d);
void classify_input(struct node_arena *arena, struct document *d);

void mark_invalid(struct node_arena *arena, struct node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void mark_slow(struct node_arena *arena, struct node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "reviews", "*.example.com", "*"; addresses where @address. */
bool host_valid(const char *host, bool wildcard, bool address);
/* An IP address, with "/bits" where @prefix; IPv4-mapped, bits of 128. */
bool parse_address(const char *text, bool prefix, uint32_t addr[4], uint32_t *bits);
/* A field name of RFC 9110 5.1. */
bool header_name_valid(const char *name);
bool header_value_valid(const char *value);
/* Fields of the message's frame: no policy changes them. */
bool header_frames_message(const char *name);
/* The header is Host under one of its names. */
bool header_is_authority(const char *name);

/*
 * Istio's template in Envoy's form ("{*}" is "*"); false when it holds other
 * braces or wildcards.
 */
bool authorization_template(const char *text, char *pattern, size_t room);

/* Items of a list or map, 0 of anything else. */
size_t node_count(const struct node *node);

/* True, and @list is marked, when it has more than CLASSIFY_MAX_NAMES items. */
bool too_many_names(struct node_arena *arena, struct node *list);

/* exportTo is absent or holds "*". */
void classify_export_to(struct node_arena *arena, const struct node *spec);

#endif /* _L7FP_CLASSIFY_RULES_H */
