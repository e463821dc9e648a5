// SPDX-License-Identifier: GPL-2.0-only
/*
 * Documents: read, judged and translated, whatever they hold. Every document
 * gets a verdict, counts agree, and nothing is translated after an error.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "translate.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

static void check_verdicts(const struct documents *docs, const struct verdicts *v)
{
	size_t i, k = 0;

	CHECK(v->n == v->n_kernel + v->n_slow_path + v->n_invalid + v->n_input + v->n_ignored);
	for (i = 0; i < docs->n; i++) {
		CHECK(k < v->n && v->list[k].document == docs->list[i]);
		while (k < v->n && v->list[k].document == docs->list[i]) {
			CHECK(v->list[k].kind == VERDICT_KERNEL || *v->list[k].reason ||
			      v->list[k].kind == VERDICT_INPUT);
			k++;
		}
	}
	CHECK(k == v->n);
}

/* Indexes of the result are within its lists. */
static void check_ir(const struct ir *ir)
{
	size_t i, k;

	for (i = 0; i < ir->n_virtual_hosts; i++)
		for (k = 0; k < ir->virtual_host[i].n_matches; k++)
			CHECK(ir->virtual_host[i].match[k].route < ir->n_routes);
	for (i = 0; i < ir->n_routes; i++) {
		CHECK(ir->route[i].kind != L7FP_ROUTE_FORWARD || ir->route[i].n_clusters);
		for (k = 0; k < ir->route[i].n_clusters; k++)
			CHECK(ir->route[i].cluster[k].cluster < ir->n_clusters);
	}
	for (i = 0; i < ir->n_clusters; i++)
		for (k = 0; k < ir->cluster[i].n_authorization; k++)
			CHECK(ir->cluster[i].authorization[k] < ir->n_authorization);
	for (i = 0; i < ir->n_captures; i++)
		CHECK(ir->capture[i].cluster < ir->n_clusters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct documents *docs = documents_new();
	struct diagnostics *diag = diag_new();
	struct verdicts *verdicts = verdicts_new();
	struct ir *ir;

	documents_read_buffer(docs, "input", (const char *)data, size, diag);
	ir = translate(docs, diag, verdicts);
	CHECK(!ir == (verdicts->n_invalid || diag->n_errors));
	check_verdicts(docs, verdicts);
	if (ir)
		check_ir(ir);
	ir_free(ir);
	verdicts_free(verdicts);
	diag_free(diag);
	documents_free(docs);
	return 0;
}
