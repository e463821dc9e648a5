// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of a generation: checked against the limits of the module, so that a
 * refusal names what was written and not a netlink attribute.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tables.h"

#define STRING_HASH_MIN		64

struct complaint {
	char *error;
	size_t error_len;
};

static const char *source_what(const struct ir_source *source)
{
	return source->what ? source->what : "policy";
}

static int refuse(const struct complaint *c, int err, const struct ir_source *at, const char *what,
		  unsigned long long value, unsigned long long limit)
{
	const char *file = at && at->file ? at->file : "policy";

	snprintf(c->error, c->error_len, "%s:%d: %s: %s is %llu, the limit is %llu", file,
		 at ? at->line : 0, at ? source_what(at) : "policy", what, value, limit);
	return err;
}

/* "VirtualService default/reviews http[0] (mesh.yaml:12)" */
static char *source_name(const struct ir_source *source)
{
	char name[L7FP_MAX_NAME];
	const char *file = source->file ? source->file : "-";
	const char *slash = strrchr(file, '/');

	snprintf(name, sizeof(name), "%.160s (%.60s:%d)", source_what(source),
		 slash ? slash + 1 : file, source->line);
	return strdup(name);
}

static int check_text(const struct complaint *c, const struct ir_source *at, const char *what,
		      const char *text, size_t limit)
{
	size_t len = text ? strlen(text) : 0;

	return len > limit ? refuse(c, -E2BIG, at, what, len, limit) : 0;
}

static int check_ops(const struct complaint *c, const struct ir_source *at,
		     const struct ir_header_ops *ops)
{
	int err = 0;

	if (ops->n > L7FP_MAX_HEADER_OPS)
		return refuse(c, -E2BIG, at, "the number of header changes", ops->n,
			      L7FP_MAX_HEADER_OPS);
	for (size_t i = 0; i < ops->n && !err; i++) {
		err = check_text(c, at, "the length of a header's name", ops->op[i].name,
				 L7FP_MAX_NAME);
		if (!err)
			err = check_text(c, at, "the length of a header's value",
					 ops->op[i].value, L7FP_MAX_STRING);
	}
	return err;
}

static int check_route(const struct complaint *c, const struct ir *ir, const struct ir_route *route)
{
	const struct ir_source *at = &route->source;
	uint64_t total = 0;
	int err;

	if (route->n_clusters > L7FP_MAX_ROUTE_CLUSTERS)
		return refuse(c, -E2BIG, at, "the number of weighted clusters", route->n_clusters,
			      L7FP_MAX_ROUTE_CLUSTERS);
	for (size_t i = 0; i < route->n_clusters; i++) {
		if (route->cluster[i].cluster >= ir->n_clusters)
			return refuse(c, -EINVAL, at, "the index of a cluster",
				      route->cluster[i].cluster, ir->n_clusters);
		total += route->cluster[i].weight;
		err = check_ops(c, at, &route->cluster[i].request);
		if (!err)
			err = check_ops(c, at, &route->cluster[i].response);
		if (err)
			return err;
	}
	if (total > INT32_MAX)
		return refuse(c, -E2BIG, at, "the sum of the weights", total, INT32_MAX);
	if (route->body_len > L7FP_MAX_BODY)
		return refuse(c, -E2BIG, at, "the length of the body", route->body_len,
			      L7FP_MAX_BODY);
	if (route->redirect_port > UINT16_MAX)
		return refuse(c, -E2BIG, at, "the redirect's port", route->redirect_port,
			      UINT16_MAX);
	err = check_text(c, at, "the length of the rewritten path", route->rewrite_path,
			 L7FP_MAX_STRING);
	if (!err)
		err = check_text(c, at, "the length of the rewritten host",
				 route->rewrite_authority, L7FP_MAX_NAME);
	if (!err)
		err = check_text(c, at, "the length of the redirect's path", route->redirect_path,
				 L7FP_MAX_STRING);
	if (!err)
		err = check_text(c, at, "the length of the redirect's host",
				 route->redirect_authority, L7FP_MAX_NAME);
	if (!err)
		err = check_ops(c, at, &route->request);
	return err ? err : check_ops(c, at, &route->response);
}

static int check_virtual_host(const struct complaint *c, const struct ir *ir,
			      const struct ir_virtual_host *host)
{
	for (size_t i = 0; i < host->n_matches; i++)
		if (host->match[i].route >= ir->n_routes)
			return refuse(c, -EINVAL, &host->match[i].source, "the index of a route",
				      host->match[i].route, ir->n_routes);
	if (host->fallback >= 0 && (size_t)host->fallback >= ir->n_routes)
		return refuse(c, -EINVAL, &host->source, "the index of a route",
			      (unsigned long long)host->fallback, ir->n_routes);
	return 0;
}

static int check_authorization(const struct complaint *c, const struct ir *ir)
{
	for (size_t i = 0; i < ir->n_clusters; i++)
		for (size_t j = 0; j < ir->cluster[i].n_authorization; j++)
			if (ir->cluster[i].authorization[j] >= ir->n_authorization)
				return refuse(c, -EINVAL, &ir->cluster[i].source,
					      "the index of an authorization",
					      ir->cluster[i].authorization[j],
					      ir->n_authorization);
	for (size_t i = 0; i < ir->n_authorization; i++)
		for (size_t j = 0; j < ir->authorization[i].n_rules; j++)
			if (ir->authorization[i].rule[j].rule >= ir->n_rules)
				return refuse(c, -EINVAL, &ir->authorization[i].rule[j].source,
					      "the index of a rule",
					      ir->authorization[i].rule[j].rule, ir->n_rules);
	return 0;
}

static int check_workloads(const struct complaint *c, const struct ir *ir)
{
	size_t keys = 0;
	int err = 0;

	for (size_t i = 0; i < ir->n_workloads && !err; i++) {
		const struct ir_workload *w = &ir->workload[i];

		keys += w->n_addresses + (w->cgroup ? 1 : 0);
		err = check_text(c, &w->source, "the length of the principal", w->principal,
				 L7FP_MAX_PRINCIPAL);
		if (!err)
			err = check_text(c, &w->source, "the length of the namespace",
					 w->namespace, L7FP_MAX_NAME);
	}
	if (!err && keys > L7FP_MAX_WORKLOAD_KEYS)
		err = refuse(c, -E2BIG, NULL, "the number of addresses and cgroups of workloads",
			     keys, L7FP_MAX_WORKLOAD_KEYS);
	return err;
}

static int check(const struct complaint *c, const struct ir *ir)
{
	int err = 0;

	if (ir->n_slots > L7FP_MAX_SLOTS)
		return refuse(c, -E2BIG, NULL, "the number of headers and query parameters",
			      ir->n_slots, L7FP_MAX_SLOTS);
	if (ir->n_routes > L7FP_MAX_ROUTES)
		return refuse(c, -E2BIG, NULL, "the number of routes", ir->n_routes,
			      L7FP_MAX_ROUTES);
	if (ir->n_rules > L7FP_MAX_RULES)
		return refuse(c, -E2BIG, NULL, "the number of authorization rules", ir->n_rules,
			      L7FP_MAX_RULES);
	if (ir->n_clusters > L7FP_MAX_CLUSTERS)
		return refuse(c, -E2BIG, NULL, "the number of clusters", ir->n_clusters,
			      L7FP_MAX_CLUSTERS);
	err = check_workloads(c, ir);
	for (size_t i = 0; i < ir->n_slots && !err; i++)
		err = check_text(c, NULL, "the length of a header's or query parameter's name",
				 ir->slot[i].name, L7FP_MAX_NAME);
	for (size_t i = 0; i < ir->n_routes && !err; i++)
		err = check_route(c, ir, &ir->route[i]);
	for (size_t i = 0; i < ir->n_virtual_hosts && !err; i++)
		err = check_virtual_host(c, ir, &ir->virtual_host[i]);
	return err ? err : check_authorization(c, ir);
}

static int no_memory(struct tables *tables, const struct complaint *c)
{
	tables_free(tables);
	snprintf(c->error, c->error_len, "out of memory for the tables of the policy");
	return -ENOMEM;
}

int tables_init(struct tables *tables, const struct ir *ir, const uint32_t *cluster_id,
		char *error, size_t error_len)
{
	const struct complaint c = { error, error_len };
	int err;

	*tables = (struct tables){ 0 };
	err = check(&c, ir);
	if (err)
		return err;
	tables->slot = ir->slot;
	tables->n_slots = ir->n_slots;
	tables->route = calloc(ir->n_routes + 1, sizeof(*tables->route));
	tables->rule = calloc(ir->n_rules + 1, sizeof(*tables->rule));
	tables->workload_cgroup = calloc(ir->n_workloads + 1, sizeof(*tables->workload_cgroup));
	if (!tables->route || !tables->rule || !tables->workload_cgroup)
		return no_memory(tables, &c);
	tables->workload = ir->workload;
	tables->n_workloads = ir->n_workloads;
	for (size_t i = 0; i < ir->n_routes; i++) {
		const struct ir_route *route = &ir->route[i];
		struct tables_route *to = &tables->route[i];

		tables->n_routes++;
		to->route = route;
		to->name = source_name(&route->source);
		to->cluster_id = calloc(route->n_clusters + 1, sizeof(*to->cluster_id));
		if (!to->name || !to->cluster_id)
			return no_memory(tables, &c);
		for (size_t j = 0; j < route->n_clusters; j++)
			to->cluster_id[j] = cluster_id[route->cluster[j].cluster];
	}
	for (size_t i = 0; i < ir->n_rules; i++) {
		tables->n_rules++;
		tables->rule[i].name = source_name(&ir->rule[i]);
		if (!tables->rule[i].name)
			return no_memory(tables, &c);
	}
	return 0;
}

/* FNV-1a. The strings are the operator's own, so no key is needed. */
static uint32_t hash_bytes(const char *data, uint32_t len)
{
	uint32_t h = 2166136261U;

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)data[i]) * 16777619U;
	return h;
}

static uint32_t *hash_find(struct tables *tables, const char *data, uint32_t len)
{
	size_t mask = tables->string_hash_size - 1, i = hash_bytes(data, len) & mask;

	for (; tables->string_hash[i]; i = (i + 1) & mask) {
		const struct tables_string *s = &tables->string[tables->string_hash[i] - 1];

		if (s->len == len && !memcmp(s->data, data, len))
			break;
	}
	return &tables->string_hash[i];
}

/* Room for one more string, and never more than half of the hash in use. */
static int strings_grow(struct tables *tables)
{
	size_t size = tables->string_hash_size ? tables->string_hash_size * 2 : STRING_HASH_MIN;
	struct tables_string *string;
	uint32_t *hash;

	if (tables->n_strings * 2 < tables->string_hash_size)
		return 0;
	string = realloc(tables->string, size * sizeof(*string));
	if (!string)
		return -ENOMEM;
	tables->string = string;
	hash = calloc(size, sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	free(tables->string_hash);
	tables->string_hash = hash;
	tables->string_hash_size = size;
	for (size_t i = 0; i < tables->n_strings; i++)
		*hash_find(tables, string[i].data, string[i].len) = (uint32_t)i + 1;
	return 0;
}

int tables_string(struct tables *tables, const char *data, uint32_t len)
{
	uint32_t *entry;
	char *copy;

	if (len > L7FP_MAX_STRING)
		return -E2BIG;
	if (strings_grow(tables))
		return -ENOMEM;
	entry = hash_find(tables, data, len);
	if (*entry)
		return (int)*entry - 1;
	if (tables->n_strings >= L7FP_MAX_STRINGS)
		return -E2BIG;
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	copy[len] = 0;
	tables->string[tables->n_strings] = (struct tables_string){ copy, len };
	*entry = (uint32_t)++tables->n_strings;
	return (int)tables->n_strings - 1;
}

void tables_free(struct tables *tables)
{
	for (size_t i = 0; i < tables->n_strings; i++)
		free(tables->string[i].data);
	for (size_t i = 0; i < tables->n_routes; i++) {
		free(tables->route[i].name);
		free(tables->route[i].cluster_id);
	}
	for (size_t i = 0; i < tables->n_rules; i++)
		free(tables->rule[i].name);
	free(tables->string);
	free(tables->string_hash);
	free(tables->route);
	free(tables->rule);
	free(tables->workload_cgroup);
	*tables = (struct tables){ 0 };
}
