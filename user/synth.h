/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The synthesizer: from the intermediate representation to the BPF programs of
 * the policy's request and connect ops, and to the tables that they refer to.
 *
 * What the program does, in this order:
 *   1. finds the first virtual host whose condition is true, and in it the
 *      first match; a condition that the kernel cannot decide ends in
 *      l7fp_slow_path(), none at all in l7fp_no_route();
 *   2. calls l7fp_route(); a verdict other than FORWARD is returned as it is;
 *   3. finds the authorizations of the cluster that l7fp_route() chose, and
 *      judges the request as it will be forwarded: fields are read again;
 *   4. returns L7FP_FORWARD.
 *
 * Registers, from the first to the last instruction:
 *   r6  the exchange. Callee-saved, so that it outlives kfunc calls.
 *   r7  priority of the best candidate of a decision tree (synth_tree.c)
 *   r8  outcome of the best candidate
 *   r9  zero, but not known to be zero by the verifier. Adding it to a copy of
 *       r7 or r8 before a comparison keeps the verifier from predicting the
 *       branch: a predicted branch makes the register "precise", states with
 *       different constants no longer match each other, and what is verified
 *       grows with the product of the candidates, not with their sum.
 *   r1-r5, r0 scratch; nothing is expected in them across two generators.
 * The stack holds at r10 - 8 the connection, where the policy asks for it: the
 * verifier searches all of the kernel's BTF each time that a pointer is loaded
 * from the exchange, milliseconds each time. Below it are the beginnings of
 * fields that decision trees are walking through.
 *
 * A condition is compiled to code that falls through when it is true and jumps
 * to a label when it is false. The true branch ends soon (it jumps to a shared
 * tail), the false branch goes on: the verifier walks the fall-through first
 * and keeps the jump for later, so few branches are pending at any time. It
 * refuses more than 8192 (BPF_COMPLEXITY_LIMIT_JMP_SEQ). A test of several
 * words has a jump for each, and all but the last stay pending while the
 * verifier goes on through the rest of the program; so in a large policy a test
 * is made without branches up to its end, where there is one.
 */
#ifndef _L7FP_SYNTH_H
#define _L7FP_SYNTH_H

#include <stddef.h>
#include <stdint.h>
#include <linux/bpf.h>
#include "ir.h"
#include "tables.h"

/*
 * The kfuncs that synthesized programs call. In struct synth_program a call
 * has src_reg BPF_PSEUDO_KFUNC_CALL and this number as its imm; policy_load()
 * puts the BTF ids in.
 */
enum synth_kfunc {
	SYNTH_ROUTE,
	SYNTH_DENY,
	SYNTH_ALLOW,
	SYNTH_NO_ROUTE,
	SYNTH_SLOW_PATH,
	SYNTH_FIELD_MATCH,
	SYNTH_FIELD,
	SYNTH_FIELD_LEN,
	SYNTH_HPACK_DECODE,
	SYNTH_CONNECT_MATCH,
	SYNTH_CONNECT_RULE,
	__SYNTH_KFUNC_MAX
};

extern const char *const synth_kfunc_name[__SYNTH_KFUNC_MAX];

/**
 * struct synth_program - the programs of a policy
 * @insn: of the request op, @n
 * @connect: of the connect op, @n_connect; NULL where nothing is judged there
 */
struct synth_program {
	struct bpf_insn *insn;
	size_t n;
	struct bpf_insn *connect;
	size_t n_connect;
};

/**
 * synthesize() - compile a policy
 * @ir: the policy; @tables keeps pointers into it
 * @cluster_id: the kernel's id of each cluster of @ir
 * @program: filled in; free with synth_program_free()
 * @tables: filled in; free with tables_free()
 * @error: what is wrong, when it fails
 * @error_len: size of @error
 *
 * Return: 0, or a negative errno with @program and @tables empty: -E2BIG when
 * a limit is exceeded, -EINVAL when @ir contradicts itself.
 */
int synthesize(const struct ir *ir, const uint32_t *cluster_id, struct synth_program *program,
	       struct tables *tables, char *error, size_t error_len);
void synth_program_free(struct synth_program *program);

#endif /* _L7FP_SYNTH_H */
