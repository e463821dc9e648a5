/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens with one request, step by step.
 */
#ifndef _L7FP_EXPLAIN_H
#define _L7FP_EXPLAIN_H

#include <stdbool.h>
#include <stdio.h>
#include "ir.h"
#include "kernel.h"

#define EXPLAIN_MAX_HEADERS	L7FP_MAX_HEADERS

/**
 * struct explain_request - a request, as the command line gives it
 * @destination_given: else it is guessed from the host, explain_guess_destination()
 */
struct explain_request {
	struct ir_request request;
	struct ir_header header[EXPLAIN_MAX_HEADERS];
	struct in6_addr source, destination;
	bool destination_given;
};

/**
 * struct explain_outcome - one of the possible decisions
 * @weight: of @total, when the route has several clusters
 *
 * A route with weighted clusters has as many as it has clusters with a weight.
 */
struct explain_outcome {
	struct ir_decision decision;
	uint32_t weight;
	uint64_t total;
};

struct explanation {
	size_t n;
	struct explain_outcome *outcome;
};

/* Where a client that connects to this host would go: the address and port that are captured. */
void explain_guess_destination(const struct ir *ir, struct explain_request *r);
/* Fills in @request's addresses from @source and @destination. */
void explain_set_addresses(struct explain_request *r);

void explain_evaluate(const struct ir *ir, const struct explain_request *r,
		      struct explanation *explanation);
void explain_free(struct explanation *explanation);

void explain_print_text(const struct ir *ir, const struct explain_request *r,
			const struct explanation *explanation);
void explain_print_json(const struct ir *ir, const struct explain_request *r,
			const struct explanation *explanation,
			const struct kernel_explain *kernel, const struct kernel *tables,
			bool agrees);
void explain_print_kernel(const struct kernel_explain *kernel, const struct kernel *tables);

/* The request as a head. The caller frees it. */
char *explain_head(const struct explain_request *r, size_t *len);
/* Whether the loaded program decided as one of the outcomes. */
bool explain_agrees(const struct ir *ir, const struct explanation *explanation,
		    const struct kernel_explain *kernel, const struct kernel *tables);

#endif /* _L7FP_EXPLAIN_H */
