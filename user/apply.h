/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Putting a policy in force: clusters, listeners, a generation with its
 * program, capture. Nothing is applied half: until the program is swapped every
 * step can be taken back, and is when a later one fails.
 */
#ifndef _L7FP_APPLY_H
#define _L7FP_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ir.h"

#define APPLY_HTTP_PORT		15001
/*
 * Where nobody says what a port speaks: a client that is silent for so long
 * waits for the server to begin.
 */
#define APPLY_DETECT_MS		500
/* How long apply waits for exchanges of the replaced policy before it leaves what they use. */
#define APPLY_DRAIN_MS		1000

/**
 * struct apply_memory - what one process applied last
 * @blob: the program and its tables
 *
 * Where the next policy has the same ones, only clusters, endpoints and
 * captured addresses change, and the generation stays. Zeroed at first.
 */
struct apply_memory {
	char *blob;
	size_t blob_len;
	uint64_t generation;
};

void apply_memory_free(struct apply_memory *memory);

/**
 * struct apply_slow_path - the proxy for what the kernel cannot decide
 * @port: 0: none; what came to a workload goes to the port behind it
 * @token: of its configuration, see proxy_token()
 */
struct apply_slow_path {
	struct in6_addr address;
	uint16_t port;
	char token[L7FP_MAX_SLOW_PATH_TOKEN + 1];
};

/**
 * struct apply_options - how
 * @cgroup: folders whose processes are captured; none: CAPTURE_DEFAULT_CGROUP
 * @port: of the HTTP listener; 0: APPLY_HTTP_PORT, or any where that is taken
 * @listener_flags: L7FP_LISTENER_*
 * @slow_path: zeroed where there is none
 * @exempt: cgroups whose processes are not captured
 * @dry_run: synthesize only; needs neither the module nor root
 * @memory: may be NULL
 */
struct apply_options {
	size_t n_cgroups;
	const char *const *cgroup;
	uint16_t port;
	uint32_t listener_flags;
	struct apply_slow_path slow_path;
	size_t n_exempt;
	const char *const *exempt;
	bool dry_run;
	struct apply_memory *memory;
};

/**
 * struct apply_result - what was done
 * @generation: now in force
 * @replaced: the one before, or 0
 * @same_generation: only clusters, endpoints or captured addresses changed
 * @no_ipv6: IPv6 addresses are captured, but there is no ::1 to listen on: such
 *	connects are refused
 * @leftover: listeners and clusters that the replaced policy still uses
 * @synthesize_ms: the program and its tables from the translated policy
 * @verify_ms: the kernel's verifier and JIT compiler
 * @load_ms: from the translated policy to its being in force, those two included
 */
struct apply_result {
	uint64_t generation, replaced;
	bool same_generation;
	bool no_ipv6;
	size_t n_clusters, n_endpoints, n_routes, n_rules, n_virtual_hosts, n_captures;
	size_t n_insns, n_verified_insns;
	size_t n_listeners, n_cgroups, n_inbound;
	size_t clusters_changed, leftover;
	uint16_t http_port;
	double synthesize_ms, verify_ms, load_ms;
};

/* 0 or a negative errno with @error set. */
int apply(const struct ir *ir, const struct apply_options *options, struct apply_result *result,
	  char *error, size_t error_len);

/*
 * Where the module is not there to judge: what arrives for the workload that @ir is for is
 * refused, where any policy concerns it, and so are connects to what an authorization binds here
 * (@n_guarded addresses). The next apply() takes over.
 */
int apply_guard(const struct ir *ir, const struct apply_options *options, size_t *n_guarded,
		char *error, size_t error_len);

/* Remove what a replaced policy used, once its exchanges have ended. @leftover: what remains. */
int apply_sweep(const struct ir *ir, const struct apply_options *options, size_t *leftover,
		char *error, size_t error_len);

/* Take everything of this network namespace away, so that the module can be unloaded. */
int apply_reset(char *error, size_t error_len);

#endif /* _L7FP_APPLY_H */
