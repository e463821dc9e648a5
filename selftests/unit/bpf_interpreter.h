/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs synthesized programs in a unit test: the instructions that the
 * synthesizer emits, with what the verifier would check of memory and
 * registers checked at run time.
 */
#ifndef L7FP_BPF_INTERPRETER_H
#define L7FP_BPF_INTERPRETER_H

#include <stddef.h>
#include <stdint.h>
#include "../../user/synth.h"

/* What a program may read. */
struct bpf_region {
	const void *start;
	size_t size;
};

#define BPF_REGIONS	36

struct bpf_machine {
	struct bpf_region region[BPF_REGIONS];
	uint64_t (*call)(void *context, enum synth_kfunc kfunc, const uint64_t arg[5]);
	void *context;
	size_t steps;		/* of the last run */
};

/* Sets @r0 to what the program returns; NULL, or what it did wrong. */
const char *bpf_run(struct bpf_machine *machine, const struct synth_program *program,
		    const void *r1, uint64_t *r0);

#endif /* L7FP_BPF_INTERPRETER_H */
