// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with its tables as bytes. Every string is preceded by its length,
 * so that two different policies never have the same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apply_blob.h"

static void number(FILE *f, uint64_t value)
{
	fwrite(&value, sizeof(value), 1, f);
}

static void bytes(FILE *f, const void *data, size_t len)
{
	number(f, len);
	if (len)
		fwrite(data, len, 1, f);
}

/* NULL and "" differ. */
static void text(FILE *f, const char *s)
{
	number(f, !!s);
	bytes(f, s, s ? strlen(s) : 0);
}

static void header_ops(FILE *f, const struct ir_header_ops *ops)
{
	size_t i;

	number(f, ops->n);
	for (i = 0; i < ops->n; i++) {
		number(f, ops->op[i].kind);
		text(f, ops->op[i].name);
		text(f, ops->op[i].value);
	}
}

static void route(FILE *f, const struct tables_route *t)
{
	const struct ir_route *r = t->route;
	size_t i;

	text(f, t->name);
	number(f, r->kind);
	number(f, r->n_clusters);
	for (i = 0; i < r->n_clusters; i++) {
		number(f, t->cluster_id[i]);
		number(f, r->cluster[i].weight);
		header_ops(f, &r->cluster[i].request);
		header_ops(f, &r->cluster[i].response);
	}
	number(f, r->rewrite_kind);
	number(f, r->rewrite_match_len);
	text(f, r->rewrite_path);
	text(f, r->rewrite_authority);
	text(f, r->redirect_scheme);
	text(f, r->redirect_authority);
	text(f, r->redirect_path);
	number(f, r->redirect_port);
	number(f, r->status);
	bytes(f, r->body, r->body_len);
	header_ops(f, &r->request);
	header_ops(f, &r->response);
	number(f, r->timeout_ms);
	number(f, r->connect_retries);
}

char *apply_blob(const struct synth_program *program, const struct tables *tables, size_t *len)
{
	char *blob = NULL;
	FILE *f = open_memstream(&blob, len);
	size_t i;

	if (!f)
		goto no_memory;
	bytes(f, program->insn, program->n * sizeof(*program->insn));
	number(f, tables->n_slots);
	for (i = 0; i < tables->n_slots; i++) {
		number(f, tables->slot[i].kind);
		text(f, tables->slot[i].name);
	}
	number(f, tables->n_strings);
	for (i = 0; i < tables->n_strings; i++)
		bytes(f, tables->string[i].data, tables->string[i].len);
	number(f, tables->n_routes);
	for (i = 0; i < tables->n_routes; i++)
		route(f, &tables->route[i]);
	number(f, tables->n_rules);
	for (i = 0; i < tables->n_rules; i++)
		text(f, tables->rule[i].name);
	bytes(f, program->connect, program->n_connect * sizeof(*program->connect));
	number(f, tables->n_workloads);
	for (i = 0; i < tables->n_workloads; i++) {
		const struct ir_workload *w = &tables->workload[i];

		text(f, w->principal);
		text(f, w->namespace);
		number(f, tables->workload_cgroup[i]);
		bytes(f, w->address, w->n_addresses * sizeof(*w->address));
	}
	if (!fclose(f))
		return blob;
no_memory:
	fprintf(stderr, "l7fp: out of memory\n");
	exit(1);
}
