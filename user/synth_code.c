// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions, labels and jumps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "synth_code.h"

#define JUMP_MAX	INT16_MAX

static bool code_grow(struct code *code, void *array, size_t *room, size_t size)
{
	void **p = array, *bigger;
	size_t wanted = *room ? *room * 2 : 256;

	bigger = realloc(*p, wanted * size);
	if (!bigger) {
		code->err = -ENOMEM;
		return false;
	}
	*p = bigger;
	*room = wanted;
	return true;
}

code_label code_new_label(struct code *code)
{
	if (code->err)
		return 0;
	if (!code->n_labels)
		code->n_labels = 1;
	if (code->n_labels >= code->labels_room &&
	    !code_grow(code, &code->label, &code->labels_room, sizeof(*code->label)))
		return 0;
	code->label[code->n_labels] = SIZE_MAX;
	return (code_label)code->n_labels++;
}

void code_place(struct code *code, code_label label)
{
	if (code->err)
		return;
	if (code->label[label] != SIZE_MAX)
		code->err = -EINVAL;
	code->label[label] = code->n;
}

static void emit(struct code *code, struct bpf_insn insn, code_label target)
{
	if (code->err)
		return;
	if (code->n >= CODE_MAX_INSNS) {
		code->err = -E2BIG;
		return;
	}
	if (code->n >= code->room &&
	    !code_grow(code, &code->entry, &code->room, sizeof(*code->entry)))
		return;
	code->entry[code->n++] = (struct code_entry){ insn, target };
}

void code_emit(struct code *code, struct bpf_insn insn)
{
	emit(code, insn, 0);
}

void code_jump(struct code *code, code_label target)
{
	emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_JA }, target);
}

void code_jump_imm(struct code *code, uint8_t op, uint8_t dst, int32_t imm, code_label target)
{
	emit(code, (struct bpf_insn){ .code = BPF_JMP | op | BPF_K, .dst_reg = dst, .imm = imm },
	     target);
}

void code_jump32_imm(struct code *code, uint8_t op, uint8_t dst, int32_t imm, code_label target)
{
	emit(code, (struct bpf_insn){ .code = BPF_JMP32 | op | BPF_K, .dst_reg = dst, .imm = imm },
	     target);
}

void code_jump_reg(struct code *code, uint8_t op, uint8_t dst, uint8_t src, code_label target)
{
	emit(code,
	     (struct bpf_insn){ .code = BPF_JMP | op | BPF_X, .dst_reg = dst, .src_reg = src },
	     target);
}

void code_move_imm(struct code *code, uint8_t dst, int32_t imm)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = dst,
					   .imm = imm });
}

void code_move32_imm(struct code *code, uint8_t dst, uint32_t imm)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = dst,
					   .imm = (int32_t)imm });
}

void code_move_reg(struct code *code, uint8_t dst, uint8_t src)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = dst,
					   .src_reg = src });
}

void code_move_imm64(struct code *code, uint8_t dst, uint64_t imm)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = dst,
					   .imm = (int32_t)(uint32_t)imm });
	code_emit(code, (struct bpf_insn){ .imm = (int32_t)(uint32_t)(imm >> 32) });
}

void code_alu_reg(struct code *code, uint8_t op, uint8_t dst, uint8_t src)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_ALU64 | op | BPF_X, .dst_reg = dst,
					   .src_reg = src });
}

void code_alu32_imm(struct code *code, uint8_t op, uint8_t dst, int32_t imm)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_ALU | op | BPF_K, .dst_reg = dst,
					   .imm = imm });
}

void code_to_big_endian(struct code *code, uint8_t dst)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = dst,
					   .imm = 64 });
}

void code_load(struct code *code, uint8_t size, uint8_t dst, uint8_t src, int16_t off)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | size, .dst_reg = dst,
					   .src_reg = src, .off = off });
}

void code_store(struct code *code, uint8_t dst, int16_t off, uint8_t src)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = dst,
					   .src_reg = src, .off = off });
}

void code_call(struct code *code, enum synth_kfunc kfunc)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL,
					   .src_reg = BPF_PSEUDO_KFUNC_CALL,
					   .imm = (int32_t)kfunc });
}

void code_exit(struct code *code)
{
	code_emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* ---- resolving ---- */

static bool is_jump(const struct code_entry *e)
{
	return e->target != 0;
}

static bool is_always(const struct code_entry *e)
{
	return e->insn.code == (BPF_JMP | BPF_JA);
}

static bool is_exit(const struct code_entry *e)
{
	return e->insn.code == (BPF_JMP | BPF_EXIT);
}

/* Where a jump ends, jumps to jumps followed. */
static size_t destination(const struct code *code, const struct code_entry *e)
{
	size_t to = code->label[e->target];

	while (to < code->n && is_always(&code->entry[to]))
		to = code->label[code->entry[to].target];
	return to;
}

/* All jumps go forward, so one pass from the first instruction finds all that is reached. */
static int mark_reached(const struct code *code, bool *reached)
{
	reached[0] = true;
	for (size_t i = 0; i < code->n; i++) {
		const struct code_entry *e = &code->entry[i];

		if (!reached[i])
			continue;
		if (is_jump(e)) {
			size_t to = destination(code, e);

			if (to <= i || to >= code->n)
				return -EINVAL;
			reached[to] = true;
		}
		if (!is_exit(e) && !(is_jump(e) && is_always(e))) {
			if (i + 1 >= code->n)
				return -EINVAL;
			reached[i + 1] = true;
		}
	}
	return 0;
}

/*
 * Instructions that entry @i becomes: a conditional jump that is too far
 * becomes "if (cond) goto +1; goto +1; gotol target".
 */
static size_t entry_size(const struct code *code, size_t i, const size_t *position)
{
	const struct code_entry *e = &code->entry[i];
	size_t to;

	if (!is_jump(e))
		return 1;
	to = destination(code, e);
	if (is_always(e))
		return position[to] == position[i + 1] ? 0 : 1;
	return position[to] - position[i] - 1 > JUMP_MAX ? 3 : 1;
}

/*
 * Sizes grow only (but for the jumps to the next instruction, which are left
 * out from the start), so this ends.
 */
static void lay_out(const struct code *code, const bool *reached, size_t *position, uint8_t *size)
{
	bool changed = true;

	for (size_t i = 0; i < code->n; i++)
		size[i] = reached[i];
	while (changed) {
		changed = false;
		position[0] = 0;
		for (size_t i = 0; i < code->n; i++)
			position[i + 1] = position[i] + size[i];
		for (size_t i = 0; i < code->n; i++) {
			size_t wanted = reached[i] ? entry_size(code, i, position) : 0;

			if (size[i] && wanted > size[i]) {
				size[i] = (uint8_t)wanted;
				changed = true;
			} else if (size[i] == 1 && !wanted) {
				size[i] = 0;
				changed = true;
			}
		}
	}
}

static struct bpf_insn long_jump(size_t distance)
{
	return (struct bpf_insn){ .code = BPF_JMP32 | BPF_JA, .imm = (int32_t)distance };
}

static void write_jump(struct bpf_insn *at, struct bpf_insn insn, size_t distance, size_t size)
{
	if (size == 3) {
		insn.off = 1;
		at[0] = insn;
		at[1] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = 1 };
		at[2] = long_jump(distance - 2);
	} else if (distance > JUMP_MAX) {
		at[0] = long_jump(distance);
	} else {
		insn.off = (int16_t)distance;
		at[0] = insn;
	}
}

static int resolve(const struct code *code, struct synth_program *program, bool *reached,
		   size_t *position, uint8_t *size)
{
	int err = mark_reached(code, reached);

	if (err)
		return err;
	lay_out(code, reached, position, size);
	if (position[code->n] > CODE_MAX_INSNS)
		return -E2BIG;
	program->insn = calloc(position[code->n], sizeof(*program->insn));
	if (!program->insn)
		return -ENOMEM;
	program->n = position[code->n];
	for (size_t i = 0; i < code->n; i++) {
		const struct code_entry *e = &code->entry[i];

		if (!size[i])
			continue;
		if (is_jump(e))
			write_jump(&program->insn[position[i]], e->insn,
				   position[destination(code, e)] - position[i] - 1, size[i]);
		else
			program->insn[position[i]] = e->insn;
	}
	return 0;
}

int code_finish(struct code *code, struct synth_program *program)
{
	bool *reached = calloc(code->n + 1, sizeof(*reached));
	size_t *position = calloc(code->n + 1, sizeof(*position));
	uint8_t *size = calloc(code->n + 1, sizeof(*size));
	int err = code->err;

	*program = (struct synth_program){ 0 };
	if (!err && (!reached || !position || !size))
		err = -ENOMEM;
	for (size_t i = 0; i < code->n && !err; i++) {
		code_label target = code->entry[i].target;

		if (target && code->label[target] == SIZE_MAX)
			err = -EINVAL;
	}
	if (!err)
		err = code->n ? resolve(code, program, reached, position, size) : -EINVAL;
	free(reached);
	free(position);
	free(size);
	code_free(code);
	return err;
}

void code_free(struct code *code)
{
	free(code->entry);
	free(code->label);
	*code = (struct code){ 0 };
}

void synth_program_free(struct synth_program *program)
{
	free(program->insn);
	free(program->connect);
	*program = (struct synth_program){ 0 };
}
