// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdio.h>
#include "shrink.h"

static void print_field(const struct ir *ir, uint32_t field)
{
	static const char *const name[] = { [L7FP_FIELD_PATH] = "path", [L7FP_FIELD_HOST] = "Host",
					    [L7FP_FIELD_AUTHORITY] = "host",
					    [L7FP_FIELD_METHOD] = "method" };

	if (field < sizeof(name) / sizeof(name[0]) && name[field])
		printf("%s", name[field]);
	else if (field >= L7FP_FIELD_SLOT && field - L7FP_FIELD_SLOT < ir->n_slots)
		printf("%s %s",
		       ir->slot[field - L7FP_FIELD_SLOT].kind == L7FP_SLOT_QUERY ? "query" : "header",
		       ir->slot[field - L7FP_FIELD_SLOT].name);
	else
		printf("field %u", field);
}

static void print_op(uint32_t op)
{
	static const char *const name[] = {
		[L7FP_MATCH_EXACT] = "is",	   [L7FP_MATCH_PREFIX] = "begins with",
		[L7FP_MATCH_SUFFIX] = "ends with", [L7FP_MATCH_PRESENT] = "is present",
		[L7FP_MATCH_CONTAINS] = "contains", [L7FP_MATCH_TEMPLATE] = "fits",
		[L7FP_MATCH_SEGMENT_PREFIX] = "has the first segments",
		[L7FP_MATCH_NOT_EMPTY] = "is not empty",
	};
	uint32_t plain = op & ~(uint32_t)L7FP_MATCH_IGNORE_CASE;

	if (plain < sizeof(name) / sizeof(name[0]) && name[plain])
		printf(" %s%s", name[plain], op == plain ? "" : " (any case)");
	else
		printf(" op %u", op);
}

static void print_address(const uint32_t addr[4])
{
	char text[INET6_ADDRSTRLEN];

	printf("%s", inet_ntop(AF_INET6, addr, text, sizeof(text)));
}

static void print_expr(const struct ir *ir, const struct ir_expr *e)
{
	static const char *const name[] = { [IR_TRUE] = "true", [IR_FALSE] = "false",
					    [IR_UNKNOWN] = "unknown", [IR_AND] = "and",
					    [IR_OR] = "or", [IR_NOT] = "not",
					    [IR_SOURCE_IP] = "source in",
					    [IR_DESTINATION_IP] = "destination in",
					    [IR_SOURCE_PORT] = "source port",
					    [IR_DESTINATION_PORT] = "destination port",
					    [IR_REMOTE_IP] = "remote address",
					    [IR_METHOD] = "method number" };

	if (!e) {
		printf("always");
		return;
	}
	switch (e->kind) {
	case IR_STRING:
		print_field(ir, e->field);
		print_op(e->op);
		printf(" \"%.*s\"", (int)e->value_len, e->value);
		return;
	case IR_SOURCE_IP:
	case IR_DESTINATION_IP:
		printf("%s ", name[e->kind]);
		print_address(e->addr);
		printf("/%u", e->prefix);
		return;
	case IR_SOURCE_PORT:
	case IR_DESTINATION_PORT:
		printf("%s %u", name[e->kind], e->port);
		return;
	case IR_METHOD:
		printf("%s %u", name[e->kind], e->method);
		return;
	default:
		break;
	}
	if ((size_t)e->kind < sizeof(name) / sizeof(name[0]) && name[e->kind])
		printf("%s", name[e->kind]);
	else
		printf("condition of kind %d", e->kind);
	for (size_t i = 0; i < e->n_children; i++) {
		printf(i ? ", " : "(");
		print_expr(ir, e->child[i]);
	}
	if (e->n_children)
		printf(")");
}

static void print_ops(const char *what, const struct ir_header_ops *ops)
{
	static const char *const name[] = { [L7FP_HEADER_SET] = "set", [L7FP_HEADER_ADD] = "add",
					    [L7FP_HEADER_REMOVE] = "remove" };

	for (size_t i = 0; i < ops->n; i++)
		printf("#     %s: %s %s \"%s\"\n", what,
		       ops->op[i].kind < sizeof(name) / sizeof(name[0]) && name[ops->op[i].kind] ?
		       name[ops->op[i].kind] : "?",
		       ops->op[i].name, ops->op[i].value ? ops->op[i].value : "");
}

static void print_route(const struct ir *ir, const uint32_t *cluster_id, size_t index)
{
	const struct ir_route *route = &ir->route[index];

	printf("#   route %zu: kind %d status %u", index, route->kind, route->status);
	if (route->rewrite_kind != L7FP_REWRITE_NONE)
		printf(", rewrite %d of %u to \"%s\"", route->rewrite_kind,
		       route->rewrite_match_len, route->rewrite_path ? route->rewrite_path : "");
	if (route->rewrite_authority)
		printf(", host %s", route->rewrite_authority);
	if (route->kind == L7FP_ROUTE_REDIRECT)
		printf(", to %s://%s:%u%s",
		       route->redirect_scheme ? route->redirect_scheme : "-",
		       route->redirect_authority ? route->redirect_authority : "-",
		       route->redirect_port, route->redirect_path ? route->redirect_path : "-");
	printf("\n");
	print_ops("route", &route->request);
	for (size_t i = 0; i < route->n_clusters; i++) {
		const struct ir_weighted *to = &route->cluster[i];

		printf("#     cluster %u (id %u) weight %u\n", to->cluster,
		       cluster_id[to->cluster], to->weight);
		print_ops("cluster", &to->request);
	}
}

static bool is_used(const struct ir *ir, size_t route)
{
	for (size_t i = 0; i < ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *host = &ir->virtual_host[i];

		if (host->fallback == (int32_t)route)
			return true;
		for (size_t j = 0; j < host->n_matches; j++)
			if (host->match[j].route == route)
				return true;
	}
	return false;
}

static void print_authorization(const struct ir *ir, size_t index)
{
	const struct ir_authorization *a = &ir->authorization[index];

	printf("#   authorization %zu%s\n", index, a->has_allow ? ", one ALLOW must match" : "");
	for (size_t i = 0; i < a->n_rules; i++) {
		printf("#     %s rule %u: ", a->rule[i].action == IR_DENY ? "DENY" : "ALLOW",
		       a->rule[i].rule);
		print_expr(ir, a->rule[i].expr);
		printf("\n");
	}
}

void print_policy(const struct ir *ir, const uint32_t *cluster_id)
{
	printf("#   path mode %u\n", ir->path_mode);
	for (size_t i = 0; i < ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *host = &ir->virtual_host[i];

		printf("#   virtual host %zu: ", i);
		print_expr(ir, host->expr);
		printf("\n");
		for (size_t j = 0; j < host->n_matches; j++) {
			printf("#     match %zu: route %u if ", j, host->match[j].route);
			print_expr(ir, host->match[j].expr);
			printf("\n");
		}
		printf("#     else: route %d\n", host->fallback);
	}
	for (size_t i = 0; i < ir->n_routes; i++)
		if (is_used(ir, i))
			print_route(ir, cluster_id, i);
	for (size_t i = 0; i < ir->n_clusters; i++) {
		const struct ir_cluster *c = &ir->cluster[i];

		for (size_t j = 0; j < c->n_authorization; j++)
			printf("#   cluster %zu: authorization %u\n", i, c->authorization[j]);
	}
	for (size_t i = 0; i < ir->n_authorization; i++)
		print_authorization(ir, i);
}

void print_request(const struct ir_request *q, uint32_t pick)
{
	printf("#   %s %s\n", q->method, q->target);
	if (q->host)
		printf("#   Host: %s\n", q->host);
	for (size_t i = 0; i < q->n_headers; i++)
		printf("#   %s: %s\n", q->header[i].name, q->header[i].value);
	printf("#   from ");
	print_address(q->source_ip);
	printf(" port %u to ", q->source_port);
	print_address(q->destination_ip);
	printf(" port %u; random number %u\n", q->destination_port, pick);
}
