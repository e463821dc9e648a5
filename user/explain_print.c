// SPDX-License-Identifier: GPL-2.0-only
/*
 * An explanation, for people and as JSON.
 */
#include <stdio.h>
#include <string.h>
#include "explain.h"
#include "json_out.h"

/* Endpoints that are listed; a cluster may have thousands. */
#define MAX_ENDPOINTS	8

static void print_source(const char *label, const struct ir_source *s)
{
	printf("%-15s", label);
	if (s->file)
		printf("%s:%d: ", s->file, s->line);
	printf("%s\n", s->what ? s->what : "");
}

/* The match whose route this is, for its own place in the file. */
static const struct ir_source *route_source(const struct ir *ir, const struct ir_decision *d)
{
	return &ir->route[d->route].source;
}

static void print_cluster(const struct ir *ir, const struct explain_outcome *o)
{
	const struct ir_cluster *c = &ir->cluster[o->decision.cluster];
	char text[NAME_ADDRESS_LEN];
	size_t i;

	printf("%-15s%s", "cluster", c->name);
	if (o->total)
		printf(" (%.4g%% of the requests)", 100.0 * o->weight / o->total);
	printf("\n%-15s", "endpoints");
	if (c->kind == L7FP_CLUSTER_ORIGINAL_DST)
		printf("where the client connects to");
	else if (!c->n_endpoints)
		printf("none: 503 UH");
	for (i = 0; i < c->n_endpoints && i < MAX_ENDPOINTS; i++)
		printf("%s%s%s", i ? ", " : "",
		       name_address(text, &c->endpoint[i].address, c->endpoint[i].port),
		       c->endpoint[i].healthy ? "" : " (not healthy)");
	if (c->n_endpoints > MAX_ENDPOINTS)
		printf(" and %zu more", c->n_endpoints - MAX_ENDPOINTS);
	putchar('\n');
}

static const char *action_name(enum ir_action action)
{
	return action == IR_DENY ? "DENY" : "ALLOW";
}

static const struct ir_authorization_rule *find_rule(const struct ir *ir, int32_t rule)
{
	size_t i, k;

	for (i = 0; i < ir->n_authorization; i++)
		for (k = 0; k < ir->authorization[i].n_rules; k++)
			if (ir->authorization[i].rule[k].rule == (uint32_t)rule)
				return &ir->authorization[i].rule[k];
	return NULL;
}

/* Every ALLOW rule that did not match. */
static void print_no_allow(const struct ir *ir, const struct ir_cluster *c)
{
	size_t i, k;

	printf("%-15sno ALLOW rule matched:\n", "authorization");
	for (i = 0; i < c->n_authorization; i++) {
		const struct ir_authorization *a = &ir->authorization[c->authorization[i]];

		for (k = 0; k < a->n_rules; k++)
			if (a->rule[k].action == IR_ALLOW)
				print_source("", &a->rule[k].source);
	}
}

static void print_authorization(const struct ir *ir, const struct ir_decision *d)
{
	const struct ir_cluster *c;
	const struct ir_authorization_rule *rule;
	char label[64];

	if (d->cluster < 0)
		return;
	c = &ir->cluster[d->cluster];
	if (d->rule >= 0) {
		rule = find_rule(ir, d->rule);
		print_source("authorization", &ir->rule[d->rule]);
		snprintf(label, sizeof(label), "%s rule %s",
			 rule ? action_name(rule->action) : "a",
			 d->verdict == L7FP_SLOW_PATH ? "that the kernel cannot decide" :
							"matched");
		printf("%-15s%s\n", "", label);
	} else if (d->reason == L7FP_REASON_RBAC) {
		print_no_allow(ir, c);
	} else if (d->verdict == L7FP_FORWARD) {
		printf("%-15s%s\n", "authorization",
		       c->n_authorization ? "no DENY rule matched, and there is no ALLOW policy" :
					    "no policy selects this workload");
	}
}

static void print_result(const struct ir *ir, const struct explain_request *r,
			 const struct ir_decision *d)
{
	printf("%-15s", "result");
	switch (d->verdict) {
	case L7FP_FORWARD:
		printf("forwarded to %s", ir->cluster[d->cluster].name);
		if (strcmp(d->path, r->request.target))
			printf(", path %s", d->path);
		if (strcmp(d->host, r->request.host))
			printf(", host %s", d->host);
		putchar('\n');
		break;
	case L7FP_SLOW_PATH:
		printf("%u %s: %s\n", d->status, name_reason(d->reason),
		       d->slow_path_reason ? d->slow_path_reason : text_reason(d->reason));
		break;
	case L7FP_RESET:
		puts("the connection is reset");
		break;
	default:
		printf("%u %s: %s", d->status, name_reason(d->reason), text_reason(d->reason));
		if (d->location[0])
			printf(", location %s", d->location);
		putchar('\n');
	}
}

static void print_outcome(const struct ir *ir, const struct explain_request *r,
			  const struct explain_outcome *o)
{
	const struct ir_decision *d = &o->decision;

	if (d->cluster >= 0)
		print_cluster(ir, o);
	print_authorization(ir, d);
	print_result(ir, r, d);
}

void explain_print_text(const struct ir *ir, const struct explain_request *r,
			const struct explanation *e)
{
	const struct ir_workload *caller = ir_workload_at(ir, r->request.source_ip);
	const struct ir_decision *d = &e->outcome[0].decision;
	char text[NAME_ADDRESS_LEN];
	size_t i;

	printf("%-15s%s %s, host %s\n", "request", r->request.method, r->request.target,
	       r->request.host);
	printf("%-15s%s%s%s\n", "from", name_address(text, &r->source, r->request.source_port),
	       caller ? ", " : "", caller ? caller->principal : "");
	printf("%-15s%s%s\n", "to",
	       name_address(text, &r->destination, r->request.destination_port),
	       r->destination_given ? "" : " (assumed; --destination says otherwise)");
	if (d->virtual_host >= 0)
		print_source("virtual host", &ir->virtual_host[d->virtual_host].source);
	else
		printf("%-15s%s\n", "virtual host", "none has this host and port");
	if (d->route >= 0)
		print_source("route", route_source(ir, d));
	else if (d->virtual_host >= 0)
		printf("%-15s%s\n", "route", d->verdict == L7FP_SLOW_PATH ?
		       "one that the kernel cannot match" : "none matches");
	for (i = 0; i < e->n; i++)
		print_outcome(ir, r, &e->outcome[i]);
}

/* What the kernel calls a route or a rule. */
static const char *stat_object(const struct kernel *tables, uint32_t scope, uint32_t id)
{
	size_t i;

	for (i = 0; i < tables->n_stats; i++)
		if (tables->stat[i].scope == scope && tables->stat[i].id == id)
			return tables->stat[i].object;
	return "";
}

void explain_print_kernel(const struct kernel_explain *k, const struct kernel *tables)
{
	const struct kernel_cluster *c = kernel_cluster(tables, k->cluster);

	printf("%-15sgeneration %llu: %s", "kernel", (unsigned long long)k->generation,
	       name_verdict(k->verdict));
	if (k->verdict == L7FP_FORWARD)
		printf(" to %s, path %s, host %s\n", c ? c->name : "a cluster that is gone",
		       k->path, k->host);
	else
		printf(", %u %s: %s%s%s\n", k->status, name_reason(k->reason),
		       text_reason(k->reason), k->location[0] ? ", location " : "", k->location);
	if (k->route != KERNEL_NONE)
		printf("%-15sroute %u %s\n", "", k->route,
		       stat_object(tables, L7FP_STAT_ROUTE, k->route));
	if (k->rule != KERNEL_NONE)
		printf("%-15srule %u %s\n", "", k->rule,
		       stat_object(tables, L7FP_STAT_RULE, k->rule));
}

static void json_source(struct json *j, const char *key, const struct ir_source *s)
{
	json_object(j, key);
	json_string(j, "file", s->file);
	json_signed(j, "line", s->line);
	json_signed(j, "column", s->column);
	json_string(j, "what", s->what);
	json_end(j);
}

static void json_outcome(struct json *j, const struct ir *ir, const struct explain_outcome *o)
{
	const struct ir_decision *d = &o->decision;

	json_object(j, NULL);
	json_double(j, "share", o->total ? (double)o->weight / o->total : 1);
	json_string(j, "verdict", name_verdict(d->verdict));
	json_string(j, "reason", name_reason(d->reason));
	json_unsigned(j, "status", d->status);
	if (d->virtual_host >= 0)
		json_source(j, "virtual_host", &ir->virtual_host[d->virtual_host].source);
	if (d->route >= 0)
		json_source(j, "route", route_source(ir, d));
	if (d->cluster >= 0)
		json_string(j, "cluster", ir->cluster[d->cluster].name);
	if (d->rule >= 0)
		json_source(j, "rule", &ir->rule[d->rule]);
	if (d->verdict == L7FP_FORWARD) {
		json_string(j, "path", d->path);
		json_string(j, "host", d->host);
	}
	if (d->location[0])
		json_string(j, "location", d->location);
	if (d->slow_path_reason)
		json_string(j, "slow_path_reason", d->slow_path_reason);
	json_end(j);
}

static void json_kernel(struct json *j, const struct kernel_explain *k,
			const struct kernel *tables)
{
	const struct kernel_cluster *c = kernel_cluster(tables, k->cluster);

	json_object(j, "kernel");
	json_unsigned(j, "generation", k->generation);
	json_string(j, "verdict", name_verdict(k->verdict));
	json_string(j, "reason", name_reason(k->reason));
	json_unsigned(j, "status", k->status);
	if (k->route != KERNEL_NONE) {
		json_unsigned(j, "route", k->route);
		json_string(j, "route_name", stat_object(tables, L7FP_STAT_ROUTE, k->route));
	}
	if (c)
		json_string(j, "cluster", c->name);
	if (k->rule != KERNEL_NONE) {
		json_unsigned(j, "rule", k->rule);
		json_string(j, "rule_name", stat_object(tables, L7FP_STAT_RULE, k->rule));
	}
	json_string(j, "path", k->path);
	json_string(j, "host", k->host);
	if (k->location[0])
		json_string(j, "location", k->location);
	json_end(j);
}

void explain_print_json(const struct ir *ir, const struct explain_request *r,
			const struct explanation *e, const struct kernel_explain *kernel,
			const struct kernel *tables, bool agrees)
{
	char text[NAME_ADDRESS_LEN];
	struct json j;
	size_t i;

	json_begin(&j, stdout, JSON_PRETTY);
	json_object(&j, NULL);
	json_object(&j, "request");
	json_string(&j, "method", r->request.method);
	json_string(&j, "target", r->request.target);
	json_string(&j, "host", r->request.host);
	json_string(&j, "source", name_address(text, &r->source, r->request.source_port));
	json_string(&j, "destination",
		    name_address(text, &r->destination, r->request.destination_port));
	json_bool(&j, "destination_assumed", !r->destination_given);
	json_end(&j);
	if (ir) {
		json_array(&j, "outcomes");
		for (i = 0; i < e->n; i++)
			json_outcome(&j, ir, &e->outcome[i]);
		json_end(&j);
	}
	if (kernel) {
		json_kernel(&j, kernel, tables);
		if (ir)
			json_bool(&j, "agree", agrees);
	}
	json_end(&j);
	json_finish(&j);
}
