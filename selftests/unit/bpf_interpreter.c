// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include "bpf_interpreter.h"

#define REGISTERS	11
#define FRAME		10
#define STACK_SIZE	64

struct state {
	struct bpf_machine *machine;
	const struct synth_program *program;
	size_t pc;
	uint64_t r[REGISTERS];
	bool set[REGISTERS];
	const char *wrong;
	uint64_t stack[STACK_SIZE / 8];
	bool stack_set[STACK_SIZE / 8];
};

static uint64_t get(struct state *s, unsigned int reg)
{
	if (reg >= REGISTERS)
		s->wrong = "register out of range";
	else if (!s->set[reg])
		s->wrong = "register read before it is written";
	else
		return s->r[reg];
	return 0;
}

static void put(struct state *s, unsigned int reg, uint64_t value)
{
	if (reg >= FRAME) {
		s->wrong = "register out of range";
		return;
	}
	s->r[reg] = value;
	s->set[reg] = true;
}

static void alu(struct state *s, const struct bpf_insn *insn)
{
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	uint64_t a, b;

	if (BPF_OP(insn->code) == BPF_END) {
		if (insn->code != (BPF_ALU | BPF_END | BPF_TO_BE) || insn->imm != 64)
			s->wrong = "unknown byte swap";
		put(s, insn->dst_reg, htobe64(get(s, insn->dst_reg)));
		return;
	}
	b = BPF_SRC(insn->code) == BPF_X ? get(s, insn->src_reg) : (uint64_t)(int64_t)insn->imm;
	a = BPF_OP(insn->code) == BPF_MOV ? 0 : get(s, insn->dst_reg);
	switch (BPF_OP(insn->code)) {
	case BPF_MOV:
		a = b;
		break;
	case BPF_ADD:
		a += b;
		break;
	case BPF_SUB:
		a -= b;
		break;
	case BPF_AND:
		a &= b;
		break;
	case BPF_OR:
		a |= b;
		break;
	case BPF_XOR:
		a ^= b;
		break;
	default:
		s->wrong = "unknown arithmetic";
	}
	put(s, insn->dst_reg, wide ? a : (uint32_t)a);
}

static bool holds(struct state *s, uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return a & b;
	default:
		s->wrong = "unknown jump";
		return false;
	}
}

static void jump(struct state *s, const struct bpf_insn *insn)
{
	bool narrow = BPF_CLASS(insn->code) == BPF_JMP32;
	int64_t off = insn->off;
	uint64_t a, b;

	if (BPF_OP(insn->code) == BPF_JA) {
		if (narrow)
			off = insn->imm;
	} else {
		a = get(s, insn->dst_reg);
		b = BPF_SRC(insn->code) == BPF_X ? get(s, insn->src_reg) :
						    (uint64_t)(int64_t)insn->imm;
		if (!holds(s, BPF_OP(insn->code), narrow ? (uint32_t)a : a,
			   narrow ? (uint32_t)b : b))
			return;
	}
	if (off < 0)
		s->wrong = "jump backwards";
	s->pc += (size_t)off;
}

/* A slot of the stack, by its offset from the frame pointer; NULL when there is none. */
static uint64_t *stack_slot(struct state *s, const struct bpf_insn *insn, bool **set)
{
	int at = STACK_SIZE + insn->off;

	if (BPF_SIZE(insn->code) != BPF_DW || at < 0 || at > STACK_SIZE - 8 || at % 8) {
		s->wrong = "stack access that is none of a slot";
		return NULL;
	}
	*set = &s->stack_set[at / 8];
	return &s->stack[at / 8];
}

static void store(struct state *s, const struct bpf_insn *insn)
{
	uint64_t *slot;
	bool *set;

	if (insn->dst_reg != FRAME) {
		s->wrong = "store elsewhere than on the stack";
		return;
	}
	slot = stack_slot(s, insn, &set);
	if (slot) {
		*slot = get(s, insn->src_reg);
		*set = true;
	}
}

static void load_stack(struct state *s, const struct bpf_insn *insn)
{
	bool *set;
	uint64_t *slot = stack_slot(s, insn, &set);

	if (slot && !*set)
		s->wrong = "slot of the stack read before it is written";
	else if (slot)
		put(s, insn->dst_reg, *slot);
}

static void load(struct state *s, const struct bpf_insn *insn)
{
	static const uint8_t bytes[] = { [BPF_B >> 3] = 1, [BPF_H >> 3] = 2, [BPF_W >> 3] = 4,
					 [BPF_DW >> 3] = 8 };
	size_t size = bytes[BPF_SIZE(insn->code) >> 3];
	uint64_t at = get(s, insn->src_reg) + (uint64_t)(int64_t)insn->off, value = 0;

	if (at % size) {
		s->wrong = "load is not aligned";
		return;
	}
	for (size_t i = 0; i < BPF_REGIONS && !s->wrong; i++) {
		const struct bpf_region *region = &s->machine->region[i];
		uint64_t start = (uintptr_t)region->start;

		if (!region->start || at < start || at + size > start + region->size)
			continue;
		memcpy(&value, (const char *)region->start + (at - start), size);
		put(s, insn->dst_reg, value);
		return;
	}
	s->wrong = "load of memory that is not the program's";
}

static void call(struct state *s, const struct bpf_insn *insn)
{
	/* How many arguments each kfunc reads. */
	static const uint8_t arguments[__SYNTH_KFUNC_MAX] = {
		[SYNTH_ROUTE] = 2, [SYNTH_DENY] = 2,	   [SYNTH_ALLOW] = 2,
		[SYNTH_NO_ROUTE] = 1, [SYNTH_SLOW_PATH] = 2, [SYNTH_FIELD_MATCH] = 4,
		[SYNTH_FIELD] = 3,   [SYNTH_FIELD_LEN] = 2, [SYNTH_HPACK_DECODE] = 2,
		[SYNTH_CONNECT_MATCH] = 4, [SYNTH_CONNECT_RULE] = 2,
	};
	uint64_t arg[5] = { 0 };

	if (insn->src_reg != BPF_PSEUDO_KFUNC_CALL || insn->imm < 0 ||
	    insn->imm >= __SYNTH_KFUNC_MAX) {
		s->wrong = "unknown kfunc";
		return;
	}
	for (unsigned int i = 0; i < arguments[insn->imm]; i++)
		arg[i] = get(s, 1 + i);
	if (s->wrong)
		return;
	put(s, 0, s->machine->call(s->machine->context, (enum synth_kfunc)insn->imm, arg));
	for (unsigned int i = 1; i <= 5; i++)
		s->set[i] = false;
}

static void step(struct state *s, const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		alu(s, insn);
		return;
	case BPF_JMP:
		if (insn->code == (BPF_JMP | BPF_CALL)) {
			call(s, insn);
			return;
		}
		jump(s, insn);
		return;
	case BPF_JMP32:
		jump(s, insn);
		return;
	case BPF_LDX:
		if (insn->src_reg == FRAME)
			load_stack(s, insn);
		else
			load(s, insn);
		return;
	case BPF_STX:
		store(s, insn);
		return;
	case BPF_LD:
		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW) || s->pc >= s->program->n) {
			s->wrong = "unknown load";
			return;
		}
		put(s, insn->dst_reg,
		    (uint32_t)insn->imm | (uint64_t)(uint32_t)insn[1].imm << 32);
		s->pc++;
		return;
	default:
		s->wrong = "unknown instruction";
	}
}

const char *bpf_run(struct bpf_machine *machine, const struct synth_program *program,
		    const void *r1, uint64_t *r0)
{
	struct state s = { .machine = machine, .program = program };

	put(&s, 1, (uintptr_t)r1);
	/* No jump goes back, so this ends. */
	for (machine->steps = 0; !s.wrong; machine->steps++) {
		const struct bpf_insn *insn;

		if (s.pc >= program->n)
			return "the program has no end";
		insn = &program->insn[s.pc++];
		if (insn->code == (BPF_JMP | BPF_EXIT)) {
			*r0 = get(&s, 0);
			return s.wrong;
		}
		step(&s, insn);
	}
	return s.wrong;
}
