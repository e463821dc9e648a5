// SPDX-License-Identifier: GPL-2.0-only
/* Routes: when they apply, and what they do, as Istio writes them for Envoy. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "envoy.h"
#include "schema.h"
#include "classify_rules.h"

#define TYPE	"type.googleapis.com/"
#define HTTP	TYPE "envoy.extensions.filters.http."

/* Istio's defaults (networking/core/route/retry). */
#define RETRY_ON	"connect-failure,refused-stream,unavailable,cancelled"
#define RETRIES		2
#define PREVIOUS_HOSTS	TYPE "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
#define HOST_ATTEMPTS	5

static const char * const methods[__L7FP_METHOD_MAX] = {
	[L7FP_METHOD_GET] = "GET", [L7FP_METHOD_HEAD] = "HEAD", [L7FP_METHOD_POST] = "POST",
	[L7FP_METHOD_PUT] = "PUT", [L7FP_METHOD_DELETE] = "DELETE",
	[L7FP_METHOD_CONNECT] = "CONNECT", [L7FP_METHOD_OPTIONS] = "OPTIONS",
	[L7FP_METHOD_TRACE] = "TRACE", [L7FP_METHOD_PATCH] = "PATCH",
};

static const struct ir_expr *child_of(const struct ir_expr *x, size_t i)
{
	return x->kind == IR_AND ? x->child[i] : x;
}

static size_t n_children(const struct ir_expr *x)
{
	return !x || x->kind == IR_TRUE ? 0 : x->kind == IR_AND ? x->n_children : 1;
}

static const char *leaf_refusal(const struct ir_expr *x)
{
	switch (x->kind) {
	case IR_TRUE:
	case IR_METHOD:
		return NULL;
	case IR_STRING:
		return x->field == L7FP_FIELD_AUTHORITY ? "the host without its port" : NULL;
	case IR_NOT:
		if (x->child[0]->kind == IR_METHOD ||
		    (x->child[0]->kind == IR_STRING && x->child[0]->field != L7FP_FIELD_PATH &&
		     x->child[0]->field != L7FP_FIELD_AUTHORITY))
			return NULL;
		return "a negation that no route matcher has";
	case IR_UNKNOWN:
		return x->reason;
	default:
		return "a condition that no route matcher has";
	}
}

const char *envoy_match_refusal(const struct ir_expr *x)
{
	size_t i, paths = 0;

	for (i = 0; i < n_children(x); i++) {
		const struct ir_expr *c = child_of(x, i);

		if (leaf_refusal(c))
			return leaf_refusal(c);
		paths += c->kind == IR_STRING && c->field == L7FP_FIELD_PATH;
	}
	return paths > 1 ? "several conditions on the path" : NULL;
}

static const struct ir_expr *path_of(const struct ir_expr *x)
{
	size_t i;

	for (i = 0; i < n_children(x); i++)
		if (child_of(x, i)->kind == IR_STRING &&
		    child_of(x, i)->field == L7FP_FIELD_PATH)
			return child_of(x, i);
	return NULL;
}

static void path(struct json *j, const struct ir_expr *x)
{
	if (!x) {
		json_string(j, "prefix", "/");
		return;
	}
	switch (x->op & ~L7FP_MATCH_IGNORE_CASE) {
	case L7FP_MATCH_EXACT:
		json_string(j, "path", x->value);
		break;
	case L7FP_MATCH_PREFIX:
		json_string(j, "prefix", x->value);
		break;
	case L7FP_MATCH_SEGMENT_PREFIX:
		json_string(j, "path_separated_prefix", x->value);
		break;
	case IR_MATCH_REGEX:
		json_object(j, "safe_regex");
		json_string(j, "regex", x->value);
		json_end(j);
		return;
	default:
		json_string(j, "prefix", "/");
		return;
	}
	json_bool(j, "case_sensitive", !(x->op & L7FP_MATCH_IGNORE_CASE));
}

/* The name of a header matcher; NULL: it is none. */
static const char *header_name(const struct ir *ir, const struct ir_expr *x)
{
	const struct ir_slot *slot;

	if (x->kind == IR_METHOD)
		return ":method";
	if (x->kind != IR_STRING)
		return NULL;
	if (x->field == L7FP_FIELD_METHOD)
		return ":method";
	if (x->field == L7FP_FIELD_HOST)
		return ":authority";
	if (x->field < L7FP_FIELD_SLOT)
		return NULL;
	slot = &ir->slot[x->field - L7FP_FIELD_SLOT];
	return slot->kind == L7FP_SLOT_HEADER ? slot->name : NULL;
}

static void match_value(struct json *j, const struct ir_expr *x)
{
	if (x->kind == IR_METHOD) {
		json_object(j, "string_match");
		json_string(j, "exact", methods[x->method]);
		json_end(j);
	} else if (x->op == L7FP_MATCH_PRESENT) {
		json_bool(j, "present_match", true);
	} else {
		envoy_string_match(j, "string_match", x);
	}
}

static void headers(struct envoy *e, const struct ir_expr *x)
{
	struct json *j = &e->j;
	size_t i;

	json_array(j, "headers");
	for (i = 0; i < n_children(x); i++) {
		const struct ir_expr *c = child_of(x, i), *one = c->kind == IR_NOT ? c->child[0] : c;

		if (!header_name(e->ir, one))
			continue;
		json_object(j, NULL);
		json_string(j, "name", header_name(e->ir, one));
		match_value(j, one);
		if (c->kind == IR_NOT) {
			json_bool(j, "invert_match", true);
			if (one->kind == IR_STRING && one->op != L7FP_MATCH_PRESENT)
				json_bool(j, "treat_missing_header_as_empty", true);
		}
		json_end(j);
	}
	json_end(j);
	json_array(j, "query_parameters");
	for (i = 0; i < n_children(x); i++) {
		const struct ir_expr *c = child_of(x, i);

		if (c->kind != IR_STRING || c->field < L7FP_FIELD_SLOT || header_name(e->ir, c))
			continue;
		json_object(j, NULL);
		json_string(j, "name", e->ir->slot[c->field - L7FP_FIELD_SLOT].name);
		match_value(j, c);
		json_end(j);
	}
	json_end(j);
}

static void match(struct envoy *e, const struct ir_expr *expr)
{
	json_object(&e->j, "match");
	path(&e->j, path_of(expr));
	headers(e, expr);
	if (e->destination) {
		json_array(&e->j, "filter_state");
		json_object(&e->j, NULL);
		json_string(&e->j, "key", ENVOY_DESTINATION);
		json_object(&e->j, "string_match");
		json_string(&e->j, "exact", e->destination);
		json_end(&e->j);
		json_end(&e->j);
		json_end(&e->j);
	}
	json_end(&e->j);
}

static void seconds(struct json *j, const char *key, uint64_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%03us", (unsigned long long)(ms / 1000),
		 (unsigned int)(ms % 1000));
	json_string(j, key, text);
}

static uint64_t duration_ms(const struct node *n)
{
	const char *s = node_string(n);
	int64_t ns = s ? schema_duration(s) : 0;

	return ns > 0 ? (uint64_t)((ns + 999999) / 1000000) : 0;
}

/* Numbers in retryOn are status codes. */
static void retry_on(struct json *j, const char *list)
{
	char text[1024] = "", *item, *rest, *copy = strdup(list);
	unsigned int code[64];
	size_t n = 0, i, len = 0;

	for (item = strtok_r(copy, ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) {
		if (strspn(item, "0123456789") == strlen(item) && n < 64)
			code[n++] = (unsigned int)strtoul(item, NULL, 10);
		else if (len + strlen(item) + 2 < sizeof(text))
			len += (size_t)sprintf(text + len, "%s%s", len ? "," : "", item);
	}
	if (n && !strstr(text, "retriable-status-codes") && len + 32 < sizeof(text))
		sprintf(text + len, "%sretriable-status-codes", len ? "," : "");
	json_string(j, "retry_on", text);
	json_array(j, "retriable_status_codes");
	for (i = 0; i < n; i++)
		json_unsigned(j, NULL, code[i]);
	json_end(j);
	free(copy);
}

static void retries(struct json *j, const struct node *http)
{
	const struct node *retries = node_get(http, "retries");
	const struct node *attempts = node_get(retries, "attempts");
	const struct node *on = node_get(retries, "retryOn");
	const struct node *ignore = node_get(retries, "retryIgnorePreviousHosts");

	if (retries && (!attempts || !attempts->integer))
		return;
	json_object(j, "retry_policy");
	json_unsigned(j, "num_retries", attempts ? (uint64_t)attempts->integer : RETRIES);
	retry_on(j, node_string(on) && on->length ? on->text : RETRY_ON);
	if (duration_ms(node_get(retries, "perTryTimeout")))
		seconds(j, "per_try_timeout", duration_ms(node_get(retries, "perTryTimeout")));
	if (duration_ms(node_get(retries, "backoff"))) {
		json_object(j, "retry_back_off");
		seconds(j, "base_interval", duration_ms(node_get(retries, "backoff")));
		json_end(j);
	}
	if (!ignore || ignore->boolean) {
		json_array(j, "retry_host_predicate");
		json_object(j, NULL);
		json_string(j, "name", "envoy.retry_host_predicates.previous_hosts");
		envoy_any(j, "typed_config", PREVIOUS_HOSTS);
		json_end(j);
		json_end(j);
		json_end(j);
		json_unsigned(j, "host_selection_retry_max_attempts", HOST_ATTEMPTS);
	}
	json_end(j);
}

static void fraction(struct json *j, const char *key, uint64_t millionth)
{
	json_object(j, key);
	json_unsigned(j, "numerator", millionth);
	json_string(j, "denominator", "MILLION");
	json_end(j);
}

static uint64_t fault_share(const struct node *fault)
{
	const struct node *value = node_path(fault, "percentage", "value", NULL);
	const struct node *percent = node_get(fault, "percent");
	double x = 100;

	if (value && value->text)
		x = strtod(value->text, NULL);
	else if (node_get(fault, "percentage"))
		x = 0;
	else if (percent && percent->kind == NODE_INT && percent->integer)
		x = (double)percent->integer;
	return x <= 0 ? 0 : x >= 100 ? 1000000 : (uint64_t)(x * 10000 + 0.5);
}

static void fault(struct json *j, const struct node *fault)
{
	const struct node *delay = node_get(fault, "delay"), *abort = node_get(fault, "abort");

	if (!fault)
		return;
	envoy_any(j, "envoy.filters.http.fault", HTTP "fault.v3.HTTPFault");
	if (delay) {
		json_object(j, "delay");
		seconds(j, "fixed_delay", duration_ms(node_get(delay, "fixedDelay")));
		fraction(j, "percentage", fault_share(delay));
		json_end(j);
	}
	if (abort) {
		json_object(j, "abort");
		json_signed(j, "http_status", node_get(abort, "httpStatus")->integer);
		fraction(j, "percentage", fault_share(abort));
		json_end(j);
	}
	json_end(j);
}

static void joined(struct json *j, const char *key, const struct node *list)
{
	char *text = NULL;
	size_t i, len;
	FILE *f;

	if (!node_count(list) || list->kind != NODE_LIST)
		return;
	f = open_memstream(&text, &len);
	if (!f)
		abort();
	for (i = 0; i < list->n; i++)
		fprintf(f, "%s%s", i ? "," : "", list->child[i]->text);
	fclose(f);
	json_string(j, key, text);
	free(text);
}

static void cors(struct json *j, const struct node *policy)
{
	static const char * const kinds[] = { "exact", "prefix", "regex" };
	const struct node *origins = node_get(policy, "allowOrigins");
	const struct node *old = node_get(policy, "allowOrigin");
	const struct node *credentials = node_get(policy, "allowCredentials");
	const struct node *unmatched = node_get(policy, "unmatchedPreflights");
	size_t i, k;

	if (!policy)
		return;
	envoy_any(j, "envoy.filters.http.cors", HTTP "cors.v3.CorsPolicy");
	json_array(j, "allow_origin_string_match");
	for (i = 0; origins && origins->kind == NODE_LIST && i < origins->n; i++) {
		for (k = 0; k < 3; k++) {
			const struct node *v = node_get(origins->child[i], kinds[k]);

			if (!v)
				continue;
			json_object(j, NULL);
			if (k == 2)
				json_object(j, "safe_regex");
			json_string(j, kinds[k], v->text);
			if (k == 2)
				json_end(j);
			json_end(j);
		}
	}
	for (i = 0; !origins && old && old->kind == NODE_LIST && i < old->n; i++) {
		json_object(j, NULL);
		json_string(j, "exact", old->child[i]->text);
		json_end(j);
	}
	json_end(j);
	joined(j, "allow_methods", node_get(policy, "allowMethods"));
	joined(j, "allow_headers", node_get(policy, "allowHeaders"));
	joined(j, "expose_headers", node_get(policy, "exposeHeaders"));
	if (node_get(policy, "maxAge")) {
		char age[32];

		snprintf(age, sizeof(age), "%llu",
			 (unsigned long long)duration_ms(node_get(policy, "maxAge")) / 1000);
		json_string(j, "max_age", age);
	}
	if (credentials)
		json_bool(j, "allow_credentials", credentials->boolean);
	json_bool(j, "forward_not_matching_preflights",
		  !unmatched || !node_string(unmatched) || strcmp(unmatched->text, "IGNORE"));
	json_object(j, "filter_enabled");
	fraction(j, "default_value", 1000000);
	json_end(j);
	json_end(j);
}

static void mirrors(struct envoy *e, const struct ir_route *r)
{
	struct json *j = &e->j;
	size_t i;

	if (!r->n_mirrors)
		return;
	json_array(j, "request_mirror_policies");
	for (i = 0; i < r->n_mirrors; i++) {
		json_object(j, NULL);
		json_string(j, "cluster", e->ir->cluster[r->mirror[i].cluster].name);
		json_object(j, "runtime_fraction");
		fraction(j, "default_value", r->mirror[i].millionth);
		json_end(j);
		json_bool(j, "trace_sampled", false);
		json_end(j);
	}
	json_end(j);
}

static void rewrites(struct json *j, const struct ir_route *r)
{
	const struct node *regex = node_path(r->node, "rewrite", "uriRegexRewrite", NULL);
	const char *pattern = node_string(node_get(regex, "match"));
	const char *rewrite = node_string(node_get(regex, "rewrite"));

	if (r->rewrite_kind != L7FP_REWRITE_NONE)
		json_string(j, "prefix_rewrite", r->rewrite_path);
	if (pattern) {
		json_object(j, "regex_rewrite");
		json_object(j, "pattern");
		json_string(j, "regex", pattern);
		json_end(j);
		json_string(j, "substitution", rewrite ? rewrite : "");
		json_end(j);
	}
	if (r->rewrite_authority)
		json_string(j, "host_rewrite_literal", r->rewrite_authority);
}

static void clusters(struct envoy *e, const struct ir_route *r)
{
	struct json *j = &e->j;
	size_t i;

	if (r->n_clusters == 1) {
		json_string(j, "cluster", e->ir->cluster[r->cluster->cluster].name);
		return;
	}
	json_object(j, "weighted_clusters");
	json_array(j, "clusters");
	for (i = 0; i < r->n_clusters; i++) {
		const struct ir_weighted *w = &r->cluster[i];

		json_object(j, NULL);
		json_string(j, "name", e->ir->cluster[w->cluster].name);
		json_unsigned(j, "weight", w->weight);
		envoy_header_ops(j, "request", &w->request);
		envoy_header_ops(j, "response", &w->response);
		json_object(j, "typed_per_filter_config");
		envoy_authorization(e, w->cluster);
		json_end(j);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void forward(struct envoy *e, const struct ir_route *r)
{
	struct json *j = &e->j;

	json_object(j, "route");
	clusters(e, r);
	rewrites(j, r);
	seconds(j, "timeout", r->timeout_ms);
	retries(j, r->node);
	mirrors(e, r);
	envoy_hash_policy(e, r->cluster->cluster);
	json_end(j);
	envoy_header_ops(j, "request", &r->request);
	envoy_header_ops(j, "response", &r->response);
	json_object(j, "typed_per_filter_config");
	if (r->n_clusters == 1)
		envoy_authorization(e, r->cluster->cluster);
	fault(j, node_get(r->node, "fault"));
	cors(j, node_get(r->node, "corsPolicy"));
	json_end(j);
}

static void redirect(struct envoy *e, const struct ir_route *r)
{
	static const struct {
		unsigned int status;
		const char *name;
	} codes[] = {
		{ 301, "MOVED_PERMANENTLY" }, { 302, "FOUND" }, { 303, "SEE_OTHER" },
		{ 307, "TEMPORARY_REDIRECT" }, { 308, "PERMANENT_REDIRECT" },
	};
	struct json *j = &e->j;
	size_t i;

	json_object(j, "redirect");
	if (r->redirect_path)
		json_string(j, "path_redirect", r->redirect_path);
	if (r->redirect_authority)
		json_string(j, "host_redirect", r->redirect_authority);
	if (r->redirect_scheme)
		json_string(j, "scheme_redirect", r->redirect_scheme);
	if (r->redirect_port)
		json_unsigned(j, "port_redirect", r->redirect_port);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == r->status)
			json_string(j, "response_code", codes[i].name);
	json_end(j);
	envoy_header_ops(j, "response", &r->response);
}

static void direct(struct json *j, uint32_t status, const char *body, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((len + 2) / 3 * 4 + 1), *p = text;
	size_t i;

	if (!text)
		abort();
	for (i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)body[i] << 16;

		v |= i + 1 < len ? (uint32_t)(uint8_t)body[i + 1] << 8 : 0;
		v |= i + 2 < len ? (uint8_t)body[i + 2] : 0;
		*p++ = digits[v >> 18];
		*p++ = digits[v >> 12 & 63];
		*p++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*p++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*p = '\0';
	json_object(j, "direct_response");
	json_unsigned(j, "status", status);
	if (len) {
		json_object(j, "body");
		json_string(j, "inline_bytes", text);
		json_end(j);
	}
	json_end(j);
	free(text);
}

void envoy_unavailable(struct envoy *e, const struct ir_expr *expr, const char *reason)
{
	char body[512];
	int n = snprintf(body, sizeof(body), "neither the kernel nor the proxy can decide: %s",
			 reason);

	json_object(&e->j, NULL);
	match(e, expr);
	direct(&e->j, 503, body, (size_t)n < sizeof(body) ? (size_t)n : sizeof(body) - 1);
	json_end(&e->j);
}

void envoy_not_found(struct envoy *e)
{
	json_object(&e->j, NULL);
	match(e, NULL);
	direct(&e->j, 404, NULL, 0);
	json_end(&e->j);
}

static bool ops_change(const struct ir_header_ops *ops, const char *name)
{
	size_t i;

	for (i = 0; i < ops->n; i++)
		if (!strcasecmp(ops->op[i].name, name))
			return true;
	return false;
}

/* Does the route change what a condition of authorization looks at? */
static bool changes(const struct ir *ir, const struct ir_route *r, const struct ir_weighted *w,
		    const struct ir_expr *x)
{
	bool path = r->rewrite_kind != L7FP_REWRITE_NONE ||
		    node_path(r->node, "rewrite", "uriRegexRewrite", NULL);
	const struct ir_slot *slot;
	size_t i;

	for (i = 0; i < x->n_children; i++)
		if (changes(ir, r, w, x->child[i]))
			return true;
	if (x->kind != IR_STRING)
		return false;
	if (x->field == L7FP_FIELD_PATH)
		return path;
	if (x->field == L7FP_FIELD_HOST || x->field == L7FP_FIELD_AUTHORITY)
		return r->rewrite_authority;
	if (x->field < L7FP_FIELD_SLOT)
		return false;
	slot = &ir->slot[x->field - L7FP_FIELD_SLOT];
	if (slot->kind != L7FP_SLOT_HEADER || !strcmp(slot->name, ":path"))
		return path;
	if (!strcmp(slot->name, "host") || !strcmp(slot->name, ":authority"))
		return r->rewrite_authority;
	return ops_change(&r->request, slot->name) || ops_change(&w->request, slot->name);
}

/*
 * Envoy's filters judge what the client sent, before the route changes it; a
 * server's sidecar judges what it gets.
 */
static const char *order_refusal(const struct ir *ir, const struct ir_route *r,
				 const struct ir_weighted *w)
{
	const struct ir_cluster *c = &ir->cluster[w->cluster];
	size_t i, k;

	for (i = 0; i < c->n_authorization; i++) {
		const struct ir_authorization *a = &ir->authorization[c->authorization[i]];

		for (k = 0; k < a->n_rules; k++)
			if (changes(ir, r, w, a->rule[k].expr))
				return "it changes what the authorization of its destination looks at";
	}
	return NULL;
}

static bool has_rules(const struct ir *ir, const struct ir_cluster *c,
		      const struct ir_authorization *rules)
{
	size_t i;

	for (i = 0; i < c->n_authorization; i++)
		if (ir_same_rules(&ir->authorization[c->authorization[i]], rules))
			return true;
	return false;
}

/* Copies pass no filter: whoever may not be asked must be known before they are made. */
static const char *mirror_refusal(const struct ir *ir, const struct ir_route *r)
{
	size_t i, k, m;

	for (m = 0; m < r->n_mirrors; m++) {
		const struct ir_cluster *to = &ir->cluster[r->mirror[m].cluster];

		for (i = 0; i < r->n_clusters; i++)
			for (k = 0; k < to->n_authorization; k++)
				if (!has_rules(ir, &ir->cluster[r->cluster[i].cluster],
					       &ir->authorization[to->authorization[k]]))
					return "nobody would judge its copies by the authorization of where they go, which is another than its destination's";
	}
	return NULL;
}

/* Nothing goes in plain text to where the kernel would speak TLS. */
static const char *tls_refusal(struct envoy *e, const struct ir_route *r)
{
	static const char reason[] =
		"its servers are spoken to with mutual TLS, for which the proxy has no certificate (--certificates)";
	size_t i;

	if (e->options->certificates)
		return NULL;
	for (i = 0; i < r->n_clusters; i++)
		if (e->ir->cluster[r->cluster[i].cluster].tls)
			return reason;
	for (i = 0; i < r->n_mirrors; i++)
		if (e->ir->cluster[r->mirror[i].cluster].tls)
			return reason;
	return NULL;
}

/* Why the route cannot be written; NULL: it can. */
static const char *refusal(struct envoy *e, const struct ir_route *r)
{
	const char *reason = NULL;
	size_t i;

	if (r->kind == L7FP_ROUTE_SLOW_PATH)
		return r->slow_path_reason;
	for (i = 0; i < r->n_clusters && !reason; i++) {
		reason = envoy_authorization_refusal(e->ir, r->cluster[i].cluster);
		if (!reason)
			reason = order_refusal(e->ir, r, &r->cluster[i]);
	}
	if (!reason)
		reason = mirror_refusal(e->ir, r);
	if (!reason)
		reason = tls_refusal(e, r);
	if (!reason && r->kind == L7FP_ROUTE_FORWARD && !r->n_clusters)
		reason = "no destination has a weight";
	return reason;
}

void envoy_route(struct envoy *e, const struct ir_match *m, const struct ir_expr *expr,
		 const struct ir_route *r)
{
	const char *reason = expr ? envoy_match_refusal(expr) : NULL;
	struct ir *ir = (struct ir *)e->ir;	/* grows by expressions */
	struct json *j = &e->j;

	if (reason) {
		/* What may be meant is answered with 503, and does not reach the routes after it. */
		const struct ir_expr *may = ir_expr_may(ir, expr), *must = ir_expr_must(ir, expr);

		proxy_refuse(e->refusals, &m->source, reason);
		if (ir_expr_has_unknown(expr) && must->kind != IR_FALSE &&
		    !envoy_match_refusal(must))
			envoy_route(e, m, must, r);
		if (may->kind != IR_FALSE)
			envoy_unavailable(e, envoy_match_refusal(may) ? NULL : may, reason);
		return;
	}
	reason = refusal(e, r);
	if (reason) {
		proxy_refuse(e->refusals, &m->source, reason);
		envoy_unavailable(e, expr, reason);
		return;
	}
	json_object(j, NULL);
	json_string(j, "name", m->source.what ? m->source.what : "");
	match(e, expr);
	switch (r->kind) {
	case L7FP_ROUTE_REDIRECT:
		redirect(e, r);
		break;
	case L7FP_ROUTE_DIRECT:
		direct(j, r->status, r->body, r->body_len);
		envoy_header_ops(j, "response", &r->response);
		break;
	default:
		forward(e, r);
		break;
	}
	json_end(j);
}
