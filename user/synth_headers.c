// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which headers a request has, asked once for all that a virtual host's
 * conditions read: most are absent, and then no condition needs a call.
 */
#include "../kmod/codec.h"
#include "../kmod/context.h"
#include "synth_generate.h"

static bool header_slot(const struct synth *synth, uint32_t field)
{
	return field >= L7FP_FIELD_SLOT && field - L7FP_FIELD_SLOT < synth->ir->n_slots &&
	       synth->ir->slot[field - L7FP_FIELD_SLOT].kind == L7FP_SLOT_HEADER;
}

void synth_headers_count(const struct synth *synth, const struct ir_expr *e,
			 struct synth_headers *headers)
{
	if (!e)
		return;
	if (e->kind == IR_STRING && header_slot(synth, e->field)) {
		headers->slots |= 1ULL << (e->field - L7FP_FIELD_SLOT);
		headers->tests++;
	}
	for (size_t i = 0; i < e->n_children; i++)
		synth_headers_count(synth, e->child[i], headers);
}

void synth_headers_begin(struct synth *synth, const struct synth_headers *headers)
{
	struct code *code = &synth->code;

	/* One test asks for itself. In a large policy the branches would be too many (synth.h). */
	if (headers->tests < 2 || synth->large)
		return;
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_move_imm64(code, BPF_REG_2, headers->slots);
	code_call(code, SYNTH_HPACK_DECODE);
	code_store(code, REG_STACK, STACK_HEADERS, BPF_REG_0);
	synth->headers = headers->slots;
}

void synth_headers_end(struct synth *synth)
{
	synth->headers = 0;
}

bool synth_headers_known(const struct synth *synth, uint32_t field)
{
	return header_slot(synth, field) && synth->headers >> (field - L7FP_FIELD_SLOT) & 1;
}

void synth_header_branch(struct synth *synth, uint32_t field, bool present, code_label target)
{
	struct code *code = &synth->code;
	uint32_t slot = field - L7FP_FIELD_SLOT;

	code_load(code, BPF_DW, BPF_REG_1, REG_STACK, STACK_HEADERS);
	if (slot < 31) {
		code_alu32_imm(code, BPF_AND, BPF_REG_1, 1 << slot);
	} else {
		code_move_imm64(code, BPF_REG_2, 1ULL << slot);
		code_alu_reg(code, BPF_AND, BPF_REG_1, BPF_REG_2);
	}
	code_jump_imm(code, present ? BPF_JNE : BPF_JEQ, BPF_REG_1, 0, target);
}
