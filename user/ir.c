// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory and slots of the intermediate representation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ir.h"

#define IR_ARENA_BLOCK	65536

/* The newest block comes first; only it has room. */
struct ir_arena {
	struct ir_arena *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

static void ir_no_memory(void)
{
	fputs("l7fp-tool: out of memory; nothing was applied\n", stderr);
	exit(1);
}

struct ir *ir_new(void)
{
	struct ir *ir = calloc(1, sizeof(*ir));

	if (!ir)
		ir_no_memory();
	return ir;
}

void ir_free(struct ir *ir)
{
	struct ir_arena *next;

	if (!ir)
		return;
	for (; ir->arena; ir->arena = next) {
		next = ir->arena->next;
		free(ir->arena);
	}
	free(ir);
}

void *ir_alloc(struct ir *ir, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct ir_arena *block = ir->arena;
	void *p;

	if (size > SIZE_MAX / 2)
		ir_no_memory();
	size = (size + align - 1) / align * align;
	if (!block || block->size - block->used < size) {
		size_t room = size > IR_ARENA_BLOCK ? size : IR_ARENA_BLOCK;

		block = calloc(1, sizeof(*block) + room);
		if (!block)
			ir_no_memory();
		block->size = room;
		block->next = ir->arena;
		ir->arena = block;
	}
	p = block->data + block->used;
	block->used += size;
	return p;
}

char *ir_strdup(struct ir *ir, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(ir_alloc(ir, n), s, n);
}

int ir_slot(struct ir *ir, uint32_t kind, const char *name)
{
	for (size_t i = 0; i < ir->n_slots; i++)
		if (ir->slot[i].kind == kind && !strcmp(ir->slot[i].name, name))
			return (int)i;
	if (ir->n_slots >= L7FP_MAX_SLOTS)
		return -1;
	if (!ir->slot)
		ir->slot = ir_alloc(ir, L7FP_MAX_SLOTS * sizeof(*ir->slot));
	ir->slot[ir->n_slots].kind = kind;
	ir->slot[ir->n_slots].name = ir_strdup(ir, name);
	return (int)ir->n_slots++;
}

bool ir_is_inbound(const struct ir_virtual_host *host)
{
	return host->expr && host->expr->kind == IR_INBOUND;
}

static bool same_expr(const struct ir_expr *x, const struct ir_expr *y)
{
	size_t i;

	if (x->kind != y->kind || x->field != y->field || x->op != y->op ||
	    x->value_len != y->value_len || x->prefix != y->prefix || x->port != y->port ||
	    x->method != y->method || x->n_children != y->n_children ||
	    memcmp(x->addr, y->addr, sizeof(x->addr)) ||
	    (x->value_len && memcmp(x->value, y->value, x->value_len)))
		return false;
	for (i = 0; i < x->n_children; i++)
		if (!same_expr(x->child[i], y->child[i]))
			return false;
	return true;
}

bool ir_same_rules(const struct ir_authorization *x, const struct ir_authorization *y)
{
	size_t i;

	if (x == y)
		return true;
	if (x->has_allow != y->has_allow || x->n_rules != y->n_rules)
		return false;
	for (i = 0; i < x->n_rules; i++)
		if (x->rule[i].action != y->rule[i].action || x->rule[i].rule != y->rule[i].rule ||
		    !same_expr(x->rule[i].expr, y->rule[i].expr))
			return false;
	return true;
}
