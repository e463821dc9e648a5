/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vector of instructions with labels. All jumps go forward, to labels that
 * may be placed later; code_finish() resolves them.
 *
 * Errors stick: after the first one nothing more is emitted, and code_finish()
 * returns it. So generators need not look at each call.
 */
#ifndef _L7FP_SYNTH_CODE_H
#define _L7FP_SYNTH_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "synth.h"

/* What the kernel takes from a privileged user (BPF_COMPLEXITY_LIMIT_INSNS). */
#define CODE_MAX_INSNS	1000000

/* 0 is no label. */
typedef uint32_t code_label;

struct code_entry {
	struct bpf_insn insn;
	code_label target;	/* of a jump, else 0 */
};

struct code {
	struct code_entry *entry;
	size_t n, room;
	size_t *label;		/* where each was placed, or SIZE_MAX */
	size_t n_labels, labels_room;
	int err;
};

code_label code_new_label(struct code *code);
void code_place(struct code *code, code_label label);
void code_emit(struct code *code, struct bpf_insn insn);
void code_jump(struct code *code, code_label target);
/* @op: BPF_JEQ ... on 64 bits, or on the lower 32 with code_jump32_imm(). */
void code_jump_imm(struct code *code, uint8_t op, uint8_t dst, int32_t imm, code_label target);
void code_jump32_imm(struct code *code, uint8_t op, uint8_t dst, int32_t imm, code_label target);
void code_jump_reg(struct code *code, uint8_t op, uint8_t dst, uint8_t src, code_label target);

void code_move_imm(struct code *code, uint8_t dst, int32_t imm);
/* Zero-extended. */
void code_move32_imm(struct code *code, uint8_t dst, uint32_t imm);
void code_move_reg(struct code *code, uint8_t dst, uint8_t src);
void code_move_imm64(struct code *code, uint8_t dst, uint64_t imm);
/* @op: BPF_ADD, BPF_SUB, ... */
void code_alu_reg(struct code *code, uint8_t op, uint8_t dst, uint8_t src);
void code_alu32_imm(struct code *code, uint8_t op, uint8_t dst, int32_t imm);
/* The bytes of memory as a big-endian number, after code_load() of 64 bits. */
void code_to_big_endian(struct code *code, uint8_t dst);
/* @size: BPF_B, BPF_H, BPF_W, BPF_DW */
void code_load(struct code *code, uint8_t size, uint8_t dst, uint8_t src, int16_t off);
/* 64 bits. */
void code_store(struct code *code, uint8_t dst, int16_t off, uint8_t src);
void code_call(struct code *code, enum synth_kfunc kfunc);
void code_exit(struct code *code);

/*
 * Leaves out what cannot be reached (the verifier refuses it), resolves jumps,
 * and replaces those that are too far for 16 bits. Frees the vector.
 */
int code_finish(struct code *code, struct synth_program *program);
void code_free(struct code *code);

#endif /* _L7FP_SYNTH_CODE_H */
