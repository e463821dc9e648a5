// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include "outcome.h"

static const char *const name[__OUTCOME_MAX] = {
	[OUTCOME_FORWARD] = "forward",	 [OUTCOME_DENY_RULE] = "denied by a rule",
	[OUTCOME_NO_ALLOW] = "not allowed", [OUTCOME_ANSWER] = "direct response",
	[OUTCOME_REDIRECT] = "redirect", [OUTCOME_NO_ROUTE] = "no route",
	[OUTCOME_SLOW_PATH] = "slow path", [OUTCOME_OTHER] = "other",
};

static enum outcome_kind outcome_of(const struct ir *ir, const struct ir_decision *d)
{
	switch (d->verdict) {
	case L7FP_FORWARD:
		return OUTCOME_FORWARD;
	case L7FP_SLOW_PATH:
		return OUTCOME_SLOW_PATH;
	case L7FP_RESPOND:
		break;
	default:
		return OUTCOME_OTHER;
	}
	switch (d->reason) {
	case L7FP_REASON_RBAC:
		return d->rule >= 0 ? OUTCOME_DENY_RULE : OUTCOME_NO_ALLOW;
	case L7FP_REASON_NR:
		return OUTCOME_NO_ROUTE;
	case L7FP_REASON_DR:
		return ir->route[d->route].kind == L7FP_ROUTE_REDIRECT ? OUTCOME_REDIRECT :
									 OUTCOME_ANSWER;
	default:
		return OUTCOME_OTHER;
	}
}

void outcome_count(struct outcomes *outcomes, const struct ir *ir, const struct ir_decision *d)
{
	outcomes->n++;
	outcomes->count[outcome_of(ir, d)]++;
}

void outcome_print(const struct outcomes *outcomes)
{
	printf("# %lu cases:", outcomes->n);
	for (int i = 0; i < __OUTCOME_MAX; i++)
		printf(" %s %lu (%.1f %%)%s", name[i], outcomes->count[i],
		       outcomes->n ? 100.0 * outcomes->count[i] / outcomes->n : 0,
		       i + 1 < __OUTCOME_MAX ? "," : "\n");
}

const char *outcome_rare(const struct outcomes *outcomes)
{
	const unsigned long *n = outcomes->count;
	const struct {
		const char *what;
		unsigned long n;
	} kind[] = {
		{ "forwarded", n[OUTCOME_FORWARD] },
		{ "denied", n[OUTCOME_DENY_RULE] + n[OUTCOME_NO_ALLOW] },
		{ "answered by the route", n[OUTCOME_ANSWER] + n[OUTCOME_REDIRECT] },
		{ "no route", n[OUTCOME_NO_ROUTE] },
		{ "slow path", n[OUTCOME_SLOW_PATH] },
	};

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		if (kind[i].n * 100 < outcomes->n * OUTCOME_PERCENT || !outcomes->n)
			return kind[i].what;
	return NULL;
}
