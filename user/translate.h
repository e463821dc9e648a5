/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Documents to the intermediate representation.
 */
#ifndef _L7FP_TRANSLATE_H
#define _L7FP_TRANSLATE_H

#include "classify.h"
#include "diag.h"
#include "input.h"
#include "ir.h"

/* Istio's meshConfig.rootNamespace and trust in names. */
#define TRANSLATE_ROOT_NAMESPACE	"istio-system"
#define TRANSLATE_DOMAIN		"cluster.local"

/**
 * translate - classify all documents and say what they mean
 * @verdicts: filled; one for each rule
 *
 * The result owns all that it points to: @docs may be freed before it.
 *
 * Return: the policy; NULL when any rule is invalid or @diag has an error
 * (nothing may be applied then): diag_print() and
 * verdicts_print(VERDICT_INVALID) say why.
 */
struct ir *translate(struct documents *docs, struct diagnostics *diag, struct verdicts *verdicts);

/**
 * struct translate_view - whose policy it is to be
 * @workload: NAMESPACE/NAME of a Workload document. Routes are those that it sees, and
 *	authorization is that of what it is asked; where another Workload has a network namespace,
 *	authorization is left to that end
 * @registry_only: destinations that no document names are refused, not passed through
 * @tls: mutual TLS is spoken: l7fpd shakes hands with the workload's certificate
 */
struct translate_view {
	const char *workload;
	bool registry_only;
	bool tls;
};

/* Likewise for one workload. */
struct ir *translate_for_workload(struct documents *docs, struct diagnostics *diag,
				  struct verdicts *verdicts, const struct translate_view *view);
/*
 * Likewise for a proxy, of one workload or (@view NULL) of a network namespace: what only a
 * proxy can do is in the IR too, and what is left unknown nobody can. It refers to @docs.
 */
struct ir *translate_for_proxy(struct documents *docs, struct diagnostics *diag,
			       struct verdicts *verdicts, const struct translate_view *view);

#endif /* _L7FP_TRANSLATE_H */
