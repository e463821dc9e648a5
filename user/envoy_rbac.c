// SPDX-License-Identifier: GPL-2.0-only
/*
 * Authorization as Envoy's RBAC filter has it. A rule's condition is an AND
 * whose parts are permissions (what is asked) or principals (who asks).
 *
 * The filters are in every chain without rules; a route gives them those of
 * its cluster. All DENY rules are one filter; each authorization with ALLOW
 * rules is one, so that a request must pass all of them.
 */
#include <string.h>
#include "envoy.h"

#define RBAC		"type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
#define RBAC_ROUTE	"type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute"
#define URI_TEMPLATE \
	"type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"

enum side { SIDE_BOTH, SIDE_PERMISSION, SIDE_PRINCIPAL, SIDE_MIXED };

/* Which side an expression belongs to; SIDE_BOTH: either. */
static enum side side_of(const struct ir_expr *x)
{
	enum side side = SIDE_BOTH, one;
	size_t i;

	switch (x->kind) {
	case IR_TRUE:
	case IR_FALSE:
		return SIDE_BOTH;
	case IR_SOURCE_IP:
	case IR_REMOTE_IP:
		return SIDE_PRINCIPAL;
	case IR_STRING:
		if (x->field == L7FP_FIELD_SOURCE_PRINCIPAL)
			return SIDE_PRINCIPAL;
		return (x->op & ~L7FP_MATCH_IGNORE_CASE) == L7FP_MATCH_TEMPLATE ?
		       SIDE_PERMISSION : SIDE_BOTH;
	case IR_METHOD:
		return SIDE_BOTH;
	case IR_DESTINATION_IP:
	case IR_DESTINATION_PORT:
		return SIDE_PERMISSION;
	case IR_AND:
	case IR_OR:
	case IR_NOT:
		for (i = 0; i < x->n_children; i++) {
			one = side_of(x->child[i]);
			if (side == SIDE_BOTH)
				side = one;
			else if (one != SIDE_BOTH && one != side)
				return SIDE_MIXED;
		}
		return side;
	default:
		return SIDE_MIXED;
	}
}

static const char *rule_refusal(const struct ir_expr *x)
{
	size_t i;

	if (ir_expr_has_unknown(x))
		return "the proxy cannot decide it either";
	if (x->kind != IR_AND)
		return side_of(x) == SIDE_MIXED ? "who and what are mixed in one condition" : NULL;
	for (i = 0; i < x->n_children; i++)
		if (side_of(x->child[i]) == SIDE_MIXED)
			return "who and what are mixed in one condition";
	return NULL;
}

const char *envoy_authorization_refusal(const struct ir *ir, uint32_t cluster)
{
	const struct ir_cluster *c = &ir->cluster[cluster];
	size_t i, k;

	for (i = 0; i < c->n_authorization; i++) {
		const struct ir_authorization *a = &ir->authorization[c->authorization[i]];

		for (k = 0; k < a->n_rules; k++)
			if (rule_refusal(a->rule[k].expr))
				return rule_refusal(a->rule[k].expr);
	}
	return NULL;
}

static const char *field_header(const struct ir *ir, uint32_t field)
{
	switch (field) {
	case L7FP_FIELD_METHOD:
		return ":method";
	case L7FP_FIELD_HOST:
	case L7FP_FIELD_AUTHORITY:
		return ":authority";
	default:
		return ir->slot[field - L7FP_FIELD_SLOT].name;
	}
}

static void header(struct envoy *e, const char *name, const struct ir_expr *x)
{
	struct json *j = &e->j;

	json_object(j, "header");
	json_string(j, "name", name);
	if (x->op == L7FP_MATCH_PRESENT)
		json_bool(j, "present_match", true);
	else
		envoy_string_match(j, "string_match", x);
	json_end(j);
}

/* One condition as an object, an item of the open array or the member @key. */
static void condition(struct envoy *e, const char *key, const struct ir_expr *x, bool permission)
{
	static const char * const methods[__L7FP_METHOD_MAX] = {
		[L7FP_METHOD_GET] = "GET", [L7FP_METHOD_HEAD] = "HEAD",
		[L7FP_METHOD_POST] = "POST", [L7FP_METHOD_PUT] = "PUT",
		[L7FP_METHOD_DELETE] = "DELETE", [L7FP_METHOD_CONNECT] = "CONNECT",
		[L7FP_METHOD_OPTIONS] = "OPTIONS", [L7FP_METHOD_TRACE] = "TRACE",
		[L7FP_METHOD_PATCH] = "PATCH",
	};
	struct json *j = &e->j;
	size_t i;

	json_object(j, key);
	switch (x->kind) {
	case IR_FALSE:
		json_object(j, permission ? "not_rule" : "not_id");
		json_bool(j, "any", true);
		json_end(j);
		break;
	case IR_NOT:
		condition(e, permission ? "not_rule" : "not_id", x->child[0], permission);
		break;
	case IR_AND:
	case IR_OR:
		if (x->kind == IR_AND)
			json_object(j, permission ? "and_rules" : "and_ids");
		else
			json_object(j, permission ? "or_rules" : "or_ids");
		json_array(j, permission ? "rules" : "ids");
		for (i = 0; i < x->n_children; i++)
			condition(e, NULL, x->child[i], permission);
		json_end(j);
		json_end(j);
		break;
	case IR_SOURCE_IP:
		/* Of the PROXY header: direct_remote_ip is ours, and remote_ip X-Forwarded-For's. */
		json_object(j, "filter_state");
		json_string(j, "key", ENVOY_SOURCE);
		json_object(j, "address_match");
		json_array(j, "ranges");
		envoy_cidr(j, NULL, x->addr, x->prefix);
		json_end(j);
		json_end(j);
		json_end(j);
		break;
	case IR_REMOTE_IP:
		envoy_cidr(j, "remote_ip", x->addr, x->prefix);
		break;
	case IR_DESTINATION_IP:
		envoy_cidr(j, "destination_ip", x->addr, x->prefix);
		break;
	case IR_DESTINATION_PORT:
		json_unsigned(j, "destination_port", x->port);
		break;
	case IR_METHOD:
		json_object(j, "header");
		json_string(j, "name", ":method");
		json_object(j, "string_match");
		json_string(j, "exact", methods[x->method]);
		json_end(j);
		json_end(j);
		break;
	case IR_STRING:
		if (x->op == L7FP_MATCH_TEMPLATE) {
			json_object(j, "uri_template");
			json_string(j, "name", "uri-template");
			envoy_any(j, "typed_config", URI_TEMPLATE);
			json_string(j, "path_template", x->value);
			json_end(j);
			json_end(j);
		} else if (x->field == L7FP_FIELD_SOURCE_PRINCIPAL) {
			json_object(j, "filter_state");
			json_string(j, "key", ENVOY_PRINCIPAL);
			envoy_string_match(j, "string_match", x);
			json_end(j);
		} else if (x->field == L7FP_FIELD_PATH) {
			json_object(j, "url_path");
			envoy_string_match(j, "path", x);
			json_end(j);
		} else {
			header(e, field_header(e->ir, x->field), x);
		}
		break;
	default:
		json_bool(j, "any", true);
		break;
	}
	json_end(j);
}

static bool is_principal(const struct ir_expr *x)
{
	return side_of(x) == SIDE_PRINCIPAL;
}

/* Parts of the rule on one side, joined by AND; none: any. */
static void side(struct envoy *e, const struct ir_expr *x, bool permission)
{
	const struct ir_expr one = { .kind = IR_AND, .n_children = 1,
				     .child = (struct ir_expr *[]){ (struct ir_expr *)x } };
	const struct ir_expr *all = x->kind == IR_AND ? x : &one;
	struct json *j = &e->j;
	size_t i, n = 0;

	json_array(j, permission ? "permissions" : "principals");
	json_object(j, NULL);
	for (i = 0; i < all->n_children; i++)
		n += is_principal(all->child[i]) != permission && all->child[i]->kind != IR_TRUE;
	if (n) {
		json_object(j, permission ? "and_rules" : "and_ids");
		json_array(j, permission ? "rules" : "ids");
		for (i = 0; i < all->n_children; i++)
			if (is_principal(all->child[i]) != permission &&
			    all->child[i]->kind != IR_TRUE)
				condition(e, NULL, all->child[i], permission);
		json_end(j);
		json_end(j);
	} else {
		json_bool(j, "any", true);
	}
	json_end(j);
	json_end(j);
}

static size_t policies(struct envoy *e, const struct ir_authorization *a, enum ir_action action,
		       size_t first)
{
	char name[32];
	size_t i, n = first;

	for (i = 0; i < a->n_rules; i++) {
		const struct ir_authorization_rule *r = &a->rule[i];

		if (r->action != action || r->expr->kind == IR_FALSE)
			continue;
		snprintf(name, sizeof(name), "%zu", n++);
		json_object(&e->j, name);
		side(e, r->expr, true);
		side(e, r->expr, false);
		json_end(&e->j);
	}
	return n;
}

static void begin_filter(struct envoy *e, const char *name, const char *action)
{
	envoy_any(&e->j, name, RBAC_ROUTE);
	json_object(&e->j, "rbac");
	json_object(&e->j, "rules");
	json_string(&e->j, "action", action);
	json_object(&e->j, "policies");
}

static void end_filter(struct envoy *e)
{
	json_end(&e->j);
	json_end(&e->j);
	json_end(&e->j);
	json_end(&e->j);
}

void envoy_authorization(struct envoy *e, uint32_t cluster)
{
	const struct ir_cluster *c = &e->ir->cluster[cluster];
	size_t i, k, n = 0;
	char name[64];
	bool deny = false;

	for (i = 0; i < c->n_authorization; i++)
		for (k = 0; k < e->ir->authorization[c->authorization[i]].n_rules; k++)
			deny |= e->ir->authorization[c->authorization[i]].rule[k].action == IR_DENY;
	if (deny) {
		begin_filter(e, ENVOY_RBAC_DENY, "DENY");
		for (i = 0; i < c->n_authorization; i++)
			n = policies(e, &e->ir->authorization[c->authorization[i]], IR_DENY, n);
		end_filter(e);
	}
	for (i = 0, k = 0; i < c->n_authorization; i++) {
		const struct ir_authorization *a = &e->ir->authorization[c->authorization[i]];

		if (!a->has_allow)
			continue;
		snprintf(name, sizeof(name), ENVOY_RBAC_ALLOW "%zu", k++);
		begin_filter(e, name, "ALLOW");
		policies(e, a, IR_ALLOW, 0);
		end_filter(e);
	}
}

size_t envoy_authorizations(const struct ir *ir)
{
	size_t i, most = 0;

	for (i = 0; i < ir->n_clusters; i++)
		if (ir->cluster[i].n_authorization > most)
			most = ir->cluster[i].n_authorization;
	return most;
}

static void filter(struct envoy *e, const char *name)
{
	json_object(&e->j, NULL);
	json_string(&e->j, "name", name);
	envoy_any(&e->j, "typed_config", RBAC);
	json_end(&e->j);
	json_end(&e->j);
}

void envoy_rbac_filters(struct envoy *e)
{
	char name[64];
	size_t i;

	filter(e, ENVOY_RBAC_DENY);
	for (i = 0; i < e->n_allow; i++) {
		snprintf(name, sizeof(name), ENVOY_RBAC_ALLOW "%zu", i);
		filter(e, name);
	}
}
