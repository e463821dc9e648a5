/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A differential test: random policies and requests, a program that is asked,
 * and the evaluator to hold its answers against. What the two tests share, one
 * with an interpreter in user space and one with the kernel.
 *
 * Options, each with a number, or a list of them for --cuts:
 *	--cases N	requests in all
 *	--requests N	for each policy
 *	--seed N	of the first policy; each next one has the next number
 *	--request N	only this one of the first policy: a case of an earlier run
 *	--cuts N,N,...	and of that only what these cuts leave (shrink.h)
 */
#ifndef L7FP_DIFFERENTIAL_H
#define L7FP_DIFFERENTIAL_H

#include "outcome.h"
#include "random_policy.h"

enum differential_result {
	DIFFERENTIAL_AGREES,
	DIFFERENTIAL_DIFFERS,
	DIFFERENTIAL_REFUSED,	/* before a policy saw the request; not counted as a case */
	DIFFERENTIAL_ERROR,	/* nobody could be asked */
};

/**
 * struct differential - who is asked
 * @cases, @requests, @seed: what the options are when they are not given
 * @policy: puts a policy in force in the place of the one before; 0 or an errno, said on stdout
 * @ask: judges one request, counts its outcome unless @outcomes is NULL, prints both answers
 *	when @show and they differ
 */
struct differential {
	unsigned long cases, requests;
	uint64_t seed;
	int (*policy)(struct random_policy *r);
	enum differential_result (*ask)(struct random_policy *r, const struct ir_request *q,
					uint32_t pick, struct outcomes *outcomes, bool show);
};

/* What went wrong, or NULL; @rare: the outcome that there was too little of, or NULL. */
const char *differential_run(const struct differential *d, int argc, char **argv,
			     const char **rare);

#endif /* L7FP_DIFFERENTIAL_H */
