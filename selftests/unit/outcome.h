/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways in which a request can end, as the differential tests count them:
 * a test in which one of them hardly happens would show little.
 */
#ifndef L7FP_OUTCOME_H
#define L7FP_OUTCOME_H

#include "../../user/ir.h"

enum outcome_kind {
	OUTCOME_FORWARD,
	OUTCOME_DENY_RULE,	/* 403: a DENY rule matched */
	OUTCOME_NO_ALLOW,	/* 403: no ALLOW rule matched */
	OUTCOME_ANSWER,		/* direct response */
	OUTCOME_REDIRECT,
	OUTCOME_NO_ROUTE,	/* 404 */
	OUTCOME_SLOW_PATH,
	OUTCOME_OTHER,		/* no cluster with a weight, a host that is none */
	__OUTCOME_MAX
};

/*
 * Of the cases: those forwarded, denied (by a rule or by none), answered by the route, without a
 * route, and those for the slow path.
 */
#define OUTCOME_PERCENT	5

struct outcomes {
	unsigned long n, count[__OUTCOME_MAX];
};

void outcome_count(struct outcomes *outcomes, const struct ir *ir, const struct ir_decision *d);
/* One line, "# 1000 cases: forward 300, ..." */
void outcome_print(const struct outcomes *outcomes);
/* NULL, or what there is too little of. */
const char *outcome_rare(const struct outcomes *outcomes);

#endif /* L7FP_OUTCOME_H */
