// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conditions to code.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "../kmod/codec.h"
#include "../kmod/context.h"
#include "synth_generate.h"

/*
 * With more children, and in a large policy, an AND or OR is emitted so that
 * only one of its branches is pending in the verifier at a time (synth.h).
 */
#define CHILDREN_COMPACT	32

#define EXCHANGE(member)	((int16_t)offsetof(struct l7fp_exchange, member))
#define CONNECTION(member)	((int16_t)offsetof(struct l7fp_connection, member))

void synth_fail(struct synth *synth, int err)
{
	if (!synth->code.err)
		synth->code.err = err;
}

int16_t synth_field_offset(uint32_t field)
{
	return field == L7FP_FIELD_PATH ? EXCHANGE(path) : EXCHANGE(authority);
}

int16_t synth_field_len_offset(uint32_t field)
{
	return field == L7FP_FIELD_PATH ? EXCHANGE(path_len) : EXCHANGE(authority_len);
}

int16_t synth_address_offset(uint32_t key)
{
	return key == KEY_SOURCE_IP ? CONNECTION(src_addr) : CONNECTION(dst_addr);
}

static const char *lower_case(struct synth *synth, const char *text, uint32_t len)
{
	char *lower = ir_alloc(synth->scratch, len + 1);

	for (uint32_t i = 0; i < len; i++)
		lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i];
	return lower;
}

/*
 * An empty string is left to the kfunc, which knows an absent field from an
 * empty one, and so is one with a NUL in it: a field is padded with those.
 */
bool synth_inline_test(struct synth *synth, const struct ir_expr *e, struct synth_inline *test)
{
	uint32_t op = e->op & ~(uint32_t)L7FP_MATCH_IGNORE_CASE;
	uint32_t room;

	if (e->kind != IR_STRING || (op != L7FP_MATCH_EXACT && op != L7FP_MATCH_PREFIX))
		return false;
	if (e->field == L7FP_FIELD_PATH)
		room = L7FP_PATH_INLINE;
	else if (e->field == L7FP_FIELD_AUTHORITY)
		room = L7FP_AUTHORITY_INLINE;
	else
		return false;
	if (!e->value_len || e->value_len > room || memchr(e->value, 0, e->value_len))
		return false;
	*test = (struct synth_inline){ e->field, e->value, e->value_len, op == L7FP_MATCH_EXACT,
				       8 * e->value_len };
	if (!(e->op & L7FP_MATCH_IGNORE_CASE))
		return true;
	/* A host is in lower case already. */
	if (e->field != L7FP_FIELD_AUTHORITY)
		return false;
	test->text = lower_case(synth, e->value, e->value_len);
	return true;
}

static bool address_test(struct synth *synth, const struct ir_expr *e, struct synth_inline *test)
{
	uint32_t *addr = ir_alloc(synth->scratch, sizeof(e->addr));

	if (e->prefix > 128)
		return false;
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t bits = e->prefix > 32 * i ? e->prefix - 32 * i : 0;

		if (bits)
			addr[i] = e->addr[i] & htonl(bits >= 32 ? ~0U : ~(~0U >> bits));
	}
	*test = (struct synth_inline){
		.field = e->kind == IR_SOURCE_IP ? KEY_SOURCE_IP : KEY_DESTINATION_IP,
		.text = (const char *)addr,
		.len = sizeof(e->addr),
		.bits = e->prefix,
	};
	return true;
}

bool synth_tree_test(struct synth *synth, const struct ir_expr *e, struct synth_inline *test)
{
	if (e->kind == IR_SOURCE_IP || e->kind == IR_DESTINATION_IP)
		return address_test(synth, e, test);
	if (e->kind != IR_STRING || e->field < L7FP_FIELD_SLOT)
		return synth_inline_test(synth, e, test);
	/* With a case to ignore it is none of these. */
	if (e->op != L7FP_MATCH_EXACT && e->op != L7FP_MATCH_PREFIX)
		return false;
	if (!e->value_len || e->value_len > L7FP_PATH_INLINE || memchr(e->value, 0, e->value_len))
		return false;
	*test = (struct synth_inline){ e->field, e->value, e->value_len,
				       e->op == L7FP_MATCH_EXACT, 8 * e->value_len };
	return true;
}

/* A part of @text as the number that a load of it gives. */
static uint64_t word_at(const struct synth_inline *test, uint32_t off, uint32_t size)
{
	uint64_t word = 0;
	uint32_t left = test->len - off;

	memcpy(&word, test->text + off, left < size ? left : size);
	return word;
}

/*
 * Falls through when what is in r1 is @word, of @size bytes. In a large policy
 * (synth.h) only adds the difference to r3.
 */
static void compare_word(struct synth *synth, uint64_t word, uint32_t size, code_label otherwise)
{
	struct code *code = &synth->code;

	if (size == 8)
		code_move_imm64(code, BPF_REG_2, word);
	if (!synth->large && size == 8) {
		code_jump_reg(code, BPF_JNE, BPF_REG_1, BPF_REG_2, otherwise);
		return;
	}
	if (!synth->large) {
		code_jump32_imm(code, BPF_JNE, BPF_REG_1, (int32_t)(uint32_t)word, otherwise);
		return;
	}
	if (size == 8)
		code_alu_reg(code, BPF_XOR, BPF_REG_1, BPF_REG_2);
	else
		code_alu32_imm(code, BPF_XOR, BPF_REG_1, (int32_t)(uint32_t)word);
	code_alu_reg(code, BPF_OR, BPF_REG_3, BPF_REG_1);
}

static void compare_begin(struct synth *synth)
{
	if (synth->large)
		code_move_imm(&synth->code, BPF_REG_3, 0);
}

/* After the words: goes on at @target when one of them differed. */
static void compare_false(struct synth *synth, code_label target)
{
	if (synth->large)
		code_jump_imm(&synth->code, BPF_JNE, BPF_REG_3, 0, target);
}

/* After the words: goes on at @target when none of them differed. */
static void compare_true(struct synth *synth, code_label target)
{
	if (synth->large)
		code_jump_imm(&synth->code, BPF_JEQ, BPF_REG_3, 0, target);
	else
		code_jump(&synth->code, target);
}

/*
 * Goes on at @otherwise when the field does not match, or leaves that to
 * compare_false() and compare_true(). What follows the field is zero, so the
 * last word of an exact string is compared whole; a prefix must stop in time.
 */
static void compare_inline(struct synth *synth, const struct synth_inline *test,
			   code_label otherwise)
{
	static const uint8_t load[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };
	struct code *code = &synth->code;
	uint32_t off = 0;

	compare_begin(synth);
	if (test->exact) {
		code_load(code, BPF_W, BPF_REG_1, REG_EXCHANGE,
			  synth_field_len_offset(test->field));
		compare_word(synth, test->len, 4, otherwise);
	}
	while (off < test->len) {
		uint32_t left = test->len - off;
		uint32_t size = left >= 8 || test->exact ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;

		code_load(code, load[size], BPF_REG_1, REG_EXCHANGE,
			  (int16_t)(synth_field_offset(test->field) + (int16_t)off));
		compare_word(synth, word_at(test, off, size), size, otherwise);
		off += size;
	}
}

static void branch_inline(struct synth *synth, const struct synth_inline *test, bool when,
			  code_label target)
{
	code_label otherwise;

	if (!when) {
		compare_inline(synth, test, target);
		compare_false(synth, target);
		return;
	}
	otherwise = code_new_label(&synth->code);
	compare_inline(synth, test, otherwise);
	compare_true(synth, target);
	code_place(&synth->code, otherwise);
}

static void branch_match(struct synth *synth, const struct ir_expr *e, bool when, code_label target)
{
	struct code *code = &synth->code;
	int string = tables_string(synth->tables, e->value, e->value_len);
	code_label absent = code_new_label(code);

	if (string < 0) {
		synth_fail(synth, string);
		return;
	}
	if (synth->connect && e->field != L7FP_FIELD_SOURCE_PRINCIPAL &&
	    e->field != L7FP_FIELD_SOURCE_NAMESPACE) {
		/* A connection has no more than its client. */
		synth_fail(synth, -EINVAL);
		return;
	}
	if (synth_headers_known(synth, e->field)) {
		if (e->op == L7FP_MATCH_PRESENT) {
			synth_header_branch(synth, e->field, when, target);
			return;
		}
		synth_header_branch(synth, e->field, false, when ? absent : target);
	}
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_move_imm(code, BPF_REG_2, (int32_t)e->field);
	code_move_imm(code, BPF_REG_3, (int32_t)e->op);
	code_move_imm(code, BPF_REG_4, string);
	code_call(code, synth->connect ? SYNTH_CONNECT_MATCH : SYNTH_FIELD_MATCH);
	/* A C function sets only the lowest byte of a register when it returns bool. */
	if (when) {
		code_jump32_imm(code, BPF_JSET, BPF_REG_0, 1, target);
	} else {
		code_alu32_imm(code, BPF_AND, BPF_REG_0, 1);
		code_jump32_imm(code, BPF_JEQ, BPF_REG_0, 0, target);
	}
	code_place(code, absent);
}

/*
 * Whole segments: the path is the pattern, or goes on with a slash. NULL where
 * that is no plainer than @e.
 */
const struct ir_expr *synth_segments(struct synth *synth, const struct ir_expr *e)
{
	struct ir_expr *part[2];
	uint32_t len = e->value_len;
	char *text;

	if (e->kind != IR_STRING || e->field != L7FP_FIELD_PATH ||
	    e->op != L7FP_MATCH_SEGMENT_PREFIX)
		return NULL;
	if (len && e->value[len - 1] == '/')
		len--;
	if (!len || len + 1 > L7FP_PATH_INLINE || memchr(e->value, 0, len))
		return NULL;
	text = ir_alloc(synth->scratch, len + 2);
	memcpy(text, e->value, len);
	part[0] = ir_string(synth->scratch, e->field, L7FP_MATCH_EXACT, text);
	text[len] = '/';
	part[1] = ir_string(synth->scratch, e->field, L7FP_MATCH_PREFIX, text);
	return ir_or(synth->scratch, part, 2);
}

static void branch_string(struct synth *synth, const struct ir_expr *e, bool when,
			  code_label target)
{
	const struct ir_expr *segments = synth_segments(synth, e);
	struct synth_inline test;

	if (segments)
		synth_branch(synth, segments, when, target);
	else if (synth_inline_test(synth, e, &test))
		branch_inline(synth, &test, when, target);
	else
		branch_match(synth, e, when, target);
}

static void branch_address(struct synth *synth, const struct ir_expr *e, bool when,
			   code_label target)
{
	struct code *code = &synth->code;
	int16_t base = e->kind == IR_SOURCE_IP ? CONNECTION(src_addr) : CONNECTION(dst_addr);
	code_label otherwise = when ? code_new_label(code) : target;
	uint32_t left = e->prefix;

	if (e->prefix > 128) {
		synth_fail(synth, -EINVAL);
		return;
	}
	code_load(code, BPF_DW, BPF_REG_4, REG_STACK, STACK_CONNECTION);
	compare_begin(synth);
	for (int i = 0; i < 4 && left; i++) {
		uint32_t bits = left < 32 ? left : 32;
		uint32_t mask = htonl(bits == 32 ? ~0U : ~(~0U >> bits));

		code_load(code, BPF_W, BPF_REG_1, BPF_REG_4, (int16_t)(base + 4 * i));
		if (bits < 32)
			code_alu32_imm(code, BPF_AND, BPF_REG_1, (int32_t)mask);
		compare_word(synth, e->addr[i] & mask, 4, otherwise);
		left -= bits;
	}
	if (when) {
		compare_true(synth, target);
		code_place(code, otherwise);
	} else {
		compare_false(synth, target);
	}
}

static void branch_port(struct synth *synth, const struct ir_expr *e, bool when, code_label target)
{
	struct code *code = &synth->code;

	code_load(code, BPF_DW, BPF_REG_1, REG_STACK, STACK_CONNECTION);
	code_load(code, BPF_W, BPF_REG_2, BPF_REG_1,
		  e->kind == IR_SOURCE_PORT ? CONNECTION(src_port) : CONNECTION(dst_port));
	code_jump32_imm(code, when ? BPF_JEQ : BPF_JNE, BPF_REG_2, (int32_t)e->port, target);
}

static void branch_inbound(struct synth *synth, bool when, code_label target)
{
	struct code *code = &synth->code;

	code_load(code, BPF_DW, BPF_REG_1, REG_STACK, STACK_CONNECTION);
	code_load(code, BPF_W, BPF_REG_2, BPF_REG_1, CONNECTION(inbound));
	code_jump32_imm(code, when ? BPF_JNE : BPF_JEQ, BPF_REG_2, 0, target);
}

static void branch_method(struct synth *synth, const struct ir_expr *e, bool when,
			  code_label target)
{
	struct code *code = &synth->code;

	code_load(code, BPF_W, BPF_REG_1, REG_EXCHANGE, EXCHANGE(method));
	code_jump32_imm(code, when ? BPF_JEQ : BPF_JNE, BPF_REG_1, (int32_t)e->method, target);
}

/*
 * AND and OR, seen as one: @decides is the value of a child that decides the
 * whole (false for AND, true for OR).
 */
static void branch_children(struct synth *synth, const struct ir_expr *e, bool decides, bool when,
			    code_label target)
{
	struct code *code = &synth->code;
	code_label decided = when == decides ? target : code_new_label(code);

	for (size_t i = 0; i < e->n_children; i++) {
		code_label next;

		if (!synth->large && e->n_children <= CHILDREN_COMPACT) {
			synth_branch(synth, e->child[i], decides, decided);
			continue;
		}
		next = code_new_label(code);
		synth_branch(synth, e->child[i], !decides, next);
		code_jump(code, decided);
		code_place(code, next);
	}
	if (when != decides) {
		code_jump(code, target);
		code_place(code, decided);
	}
}

void synth_branch(struct synth *synth, const struct ir_expr *e, bool when, code_label target)
{
	if (synth->code.err)
		return;
	if (!e) {
		if (when)
			code_jump(&synth->code, target);
		return;
	}
	switch (e->kind) {
	case IR_TRUE:
	case IR_FALSE:
		if (when == (e->kind == IR_TRUE))
			code_jump(&synth->code, target);
		return;
	case IR_AND:
		branch_children(synth, e, false, when, target);
		return;
	case IR_OR:
		branch_children(synth, e, true, when, target);
		return;
	case IR_NOT:
		synth_branch(synth, e->child[0], !when, target);
		return;
	case IR_STRING:
		branch_string(synth, e, when, target);
		return;
	case IR_SOURCE_IP:
	case IR_DESTINATION_IP:
		branch_address(synth, e, when, target);
		return;
	case IR_SOURCE_PORT:
	case IR_DESTINATION_PORT:
		branch_port(synth, e, when, target);
		return;
	case IR_METHOD:
		branch_method(synth, e, when, target);
		return;
	case IR_INBOUND:
		branch_inbound(synth, when, target);
		return;
	case IR_UNKNOWN:
	case IR_REMOTE_IP:
		break;
	}
	/* Cut away before: ir_expr_may(), ir_expr_must(). */
	synth_fail(synth, -EINVAL);
}
