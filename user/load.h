/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading a synthesized program and making it the current policy.
 *
 * The order of an `apply`: clusters and endpoints, GENERATION_NEW and _ADD with
 * the tables, policy_load(), GENERATION_PREPARE with @map_fd, then
 * policy_attach() or policy_replace().
 *
 * All functions return 0 or a negative errno and then say in @error what was
 * expected and what to do next.
 */
#ifndef _L7FP_LOAD_H
#define _L7FP_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "synth.h"

/**
 * struct loaded_policy - a verified program in a struct_ops map
 * @prog_fd: the program of the request op
 * @connect_fd: that of the connect op, or -1
 * @map_fd: the struct_ops map, which holds the programs
 * @verified_insns: instructions of the first that the verifier processed
 */
struct loaded_policy {
	int prog_fd;
	int connect_fd;
	int map_fd;
	uint32_t verified_insns;
};

#define LOADED_POLICY_NONE \
	((struct loaded_policy){ .prog_fd = -1, .connect_fd = -1, .map_fd = -1 })

/**
 * policy_load() - verify a program and put it into a struct_ops map
 * @program: from synthesize(), or any with kfunc calls in its form
 * @generation: the tables it belongs to
 * @name: shown in dumps; cut to 15 bytes
 * @out: filled in; close with policy_close()
 * @verifier_log: where not NULL, set to the verifier's log when the program is
 *	refused (the caller frees it), else to NULL
 * @error: what failed
 * @error_len: size of @error
 */
int policy_load(const struct synth_program *program, uint64_t generation, const char *name,
		struct loaded_policy *out, char **verifier_log, char *error, size_t error_len);
/* Closes the file descriptors; what is attached or prepared stays. */
void policy_close(struct loaded_policy *policy);

/*
 * Makes the policy the current one of this network namespace and pins its link
 * (on bpffs) so that it outlives the process. -EBUSY when there is one already.
 */
int policy_attach(const struct loaded_policy *policy, const char *pin_path, char *error,
		  size_t error_len);
/* Swaps the policy behind the pinned link: one pointer, no request in between. */
int policy_replace(const struct loaded_policy *policy, const char *pin_path, char *error,
		   size_t error_len);
/* Removes the pin, and with it the link. -ENOENT when there is none. */
int policy_detach(const char *pin_path, char *error, size_t error_len);
/* Whether a link is pinned there. */
bool policy_is_attached(const char *pin_path);

#endif /* _L7FP_LOAD_H */
