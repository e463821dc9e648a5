/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inbound capture: the program of bpf/lookup.bpf.c in this network namespace,
 * and the addresses that it steers to listeners. All of it is pinned; a second
 * run takes over what is there. 0 or a negative errno with @error set.
 */
#ifndef _L7FP_USER_LOOKUP_H
#define _L7FP_USER_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include "bpffs.h"

#define LOOKUP_MAX_ENTRIES	65536
#define LOOKUP_MAX_NODES	1024

/**
 * struct lookup_entry - an address and port at which connections arrive
 * @port: 0: every port of the address that has no entry of its own
 * @listener: id; where there is none the connection is refused
 * @probes: connections from the node's addresses go straight to the application
 */
struct lookup_entry {
	struct in6_addr address;
	uint16_t port;
	uint32_t listener;
	bool probes;
};

/*
 * In force from now on: these entries and no others. Of two alike the last one counts.
 * @guard: what would be steered is refused; the module need not be there
 */
int lookup_set(const struct bpffs *fs, const struct lookup_entry *entry, size_t n,
	       const struct in6_addr *node, size_t n_nodes, bool guard, char *error,
	       size_t error_len);
/*
 * Nothing judges any more: what was steered is refused, by a program that does not hold the
 * module. No error where nothing was.
 */
int lookup_guard(const struct bpffs *fs, char *error, size_t error_len);
/* Whether that is so. */
bool lookup_is_guarded(const struct bpffs *fs);
/* A pin of inbound capture, by its name. */
bool lookup_is_pin(const char *name);
/* Nothing is steered any more. No error where nothing was. */
int lookup_detach(const struct bpffs *fs, char *error, size_t error_len);
/* Whether the program is attached here. */
bool lookup_is_attached(const struct bpffs *fs);

#endif /* _L7FP_USER_LOOKUP_H */
