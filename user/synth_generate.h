/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generators of the synthesizer. Each appends code to @synth->code; the
 * register convention is in synth.h.
 */
#ifndef _L7FP_SYNTH_GENERATE_H
#define _L7FP_SYNTH_GENERATE_H

#include "synth_code.h"

#define REG_EXCHANGE	BPF_REG_6
#define REG_RANK	BPF_REG_7
#define REG_VALUE	BPF_REG_8
#define REG_ZERO	BPF_REG_9
#define REG_STACK	BPF_REG_10

#define STACK_CONNECTION	(-8)
/* The beginning of a field that a decision tree walks through, one for each tree around another. */
#define STACK_FIELD(depth)	((int16_t)(-16 - 8 * (int)(depth)))
#define MAX_FIELD_TREES		4
/* What synth_headers_begin() found: bit i: slot i is there. */
#define STACK_HEADERS		STACK_FIELD(MAX_FIELD_TREES)

/* The connection's addresses, as keys of decision trees beside the fields. */
#define KEY_SOURCE_IP		0x10000
#define KEY_DESTINATION_IP	0x10001

struct synth {
	const struct ir *ir;
	const uint32_t *cluster_id;
	struct ir *scratch;	/* expressions made here; freed at the end */
	struct tables *tables;
	struct code code;
	bool large;		/* compare without a branch for each word (synth.h) */
	bool connect;		/* the connect op: REG_EXCHANGE holds the connection */
	unsigned int field_trees;	/* around what is being emitted */
	uint64_t headers;	/* slots in STACK_HEADERS, where what is being emitted runs */
	/*
	 * Shared ends. r2 holds the route or rule; each is reached with
	 * nothing else in registers.
	 */
	code_label route, deny, slow_path, no_route, forward, error, exit;
};

/* Like code.err for what is not code. */
void synth_fail(struct synth *synth, int err);

/*
 * synth_expr.c. Goes on at @target when @e (no UNKNOWN in it; NULL is true) has
 * the value @when, else falls through. Clobbers r0 to r5.
 */
void synth_branch(struct synth *synth, const struct ir_expr *e, bool when, code_label target);

/*
 * A comparison of the beginning of a field with words of the exchange.
 * @exact: the whole field is @text; else it begins with it.
 */
struct synth_inline {
	uint32_t field;		/* L7FP_FIELD_PATH or L7FP_FIELD_AUTHORITY */
	const char *text;
	uint32_t len;
	bool exact;
	uint32_t bits;		/* of @text: all of them, but of an address those of its prefix */
};

/* Whether IR_STRING @e can be such a comparison, and which. */
bool synth_inline_test(struct synth *synth, const struct ir_expr *e, struct synth_inline *test);
/*
 * Whether a decision tree can make the test @e: one of those, the beginning of a
 * slot, or an address (@field is then a KEY).
 */
bool synth_tree_test(struct synth *synth, const struct ir_expr *e, struct synth_inline *test);
/* L7FP_MATCH_SEGMENT_PREFIX as an OR of such, or NULL. */
const struct ir_expr *synth_segments(struct synth *synth, const struct ir_expr *e);
int16_t synth_field_offset(uint32_t field);
int16_t synth_field_len_offset(uint32_t field);
/* Of src_addr or dst_addr in the connection. */
int16_t synth_address_offset(uint32_t key);

/* synth_headers.c. What conditions read of a request's headers. */
struct synth_headers {
	uint64_t slots;
	size_t tests;
};

void synth_headers_count(const struct synth *synth, const struct ir_expr *e,
			 struct synth_headers *headers);
/* What is emitted until synth_headers_end() may use synth_header_branch(). Clobbers r0 to r5. */
void synth_headers_begin(struct synth *synth, const struct synth_headers *headers);
void synth_headers_end(struct synth *synth);
bool synth_headers_known(const struct synth *synth, uint32_t field);
/* Goes on at @target when the header is there, or when it is not. Clobbers r1 and r2. */
void synth_header_branch(struct synth *synth, uint32_t field, bool present, code_label target);

/**
 * struct synth_entry - a condition of a list, and what follows from it
 * @expr: no UNKNOWN in it; NULL: always true
 * @tail: goes on there when it is the first that is true
 * @value: with this in r2
 * @kind: number of @tail among the tails of the list (synth_list.c)
 */
struct synth_entry {
	const struct ir_expr *expr;
	code_label tail;
	uint32_t value;
	uint8_t kind;
};

/* A growing list; rank is the index. */
struct synth_list {
	struct synth_entry *entry;
	size_t n, room;
	bool by_rank;		/* more tails than a kind can tell */
};

void synth_list_add(struct synth *synth, struct synth_list *list, const struct ir_expr *expr,
		    code_label tail, uint32_t value);
void synth_list_free(struct synth_list *list);

/*
 * synth_list.c. Goes on at the tail of the first entry whose condition is true,
 * falls through when there is none.
 */
void synth_first_match(struct synth *synth, struct synth_list *list);

/*
 * One of a set of conditions, at its rank. In a decision tree @expr is what is
 * left to test when the tree has tested the rest.
 */
struct synth_candidate {
	uint32_t rank;
	const struct ir_expr *expr;
};

/*
 * Sets REG_RANK to the lowest rank of the candidates that are true, where that
 * is lower than what it holds. @candidate is in order of rank.
 */
void synth_lowest(struct synth *synth, const struct synth_list *list,
		  const struct synth_candidate *candidate, size_t n);

/* synth_tree.c. An alternative of a candidate: a string, and what is left to test. */
struct synth_item {
	struct synth_inline test;
	struct synth_candidate candidate;
};

/* The same for items, all on one field. Changes their order. */
void synth_tree(struct synth *synth, const struct synth_list *list, uint32_t field,
		struct synth_item *item, size_t n);

/*
 * synth_authorization.c. l7fp_route() chose a cluster: falls through when its
 * authorizations let the request pass.
 */
void synth_authorize(struct synth *synth);
/* The program of the connect op: judges what comes to an inbound listener and is not HTTP. */
void synth_connect(struct synth *synth);

#endif /* _L7FP_SYNTH_GENERATE_H */
