// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference evaluator: what a policy decides of a request, answered from
 * the intermediate representation. It shares the codecs with the module, and
 * nothing with the synthesizer, so that each can be judged by the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "../kmod/h1.h"
#include "../kmod/match.h"
#include "../kmod/path.h"
#include "ir.h"

#define STATUS_BAD_REQUEST	400
#define STATUS_FORBIDDEN	403
#define STATUS_NOT_FOUND	404
#define STATUS_UNAVAILABLE	503

enum truth { IS_FALSE, IS_TRUE, IS_UNKNOWN };

/* Bytes with a length; @data NULL: absent. */
struct text {
	const char *data;
	size_t len;
};

struct evaluation {
	const struct ir *ir;
	const struct ir_request *request;
	uint32_t pick;
	struct ir_decision *decision;
	char *path;		/* with the query */
	size_t path_len, query;	/* the query begins at @query, or that is @path_len */
	bool has_host;		/* HTTP/1.0 may go without */
	bool https;		/* the target says so */
	char *host, *authority;	/* Host as forwarded; lower case without the port */
	const struct ir_route *route;
	const struct ir_weighted *weighted;
	bool routed;		/* header changes are visible */
	char *joined[L7FP_MAX_SLOTS]; /* values of repeated headers */
	const char *reason;	/* of the last UNKNOWN */
};

static void *must(void *p)
{
	if (p)
		return p;
	fputs("l7fp-tool: out of memory\n", stderr);
	exit(1);
}

static void append(char **s, size_t *len, const char *value, size_t n)
{
	*s = must(realloc(*s, *len + n + 1));
	memcpy(*s + *len, value, n);
	*len += n;
	(*s)[*len] = 0;
}

/* The header changes that apply: the weighted cluster's first, then the route's, as in Envoy. */
static size_t request_ops(const struct evaluation *e, const struct ir_header_ops *list[2])
{
	size_t n = 0;

	if (!e->routed || !e->route)
		return 0;
	if (e->weighted)
		list[n++] = &e->weighted->request;
	list[n++] = &e->route->request;
	return n;
}

static bool is_token(const char *token, size_t len, const char *name)
{
	return strlen(name) == len && !strncasecmp(token, name, len);
}

/*
 * Goes through the options of Connection. True when one of them is @name, or,
 * for NULL, when one is none of those that the engine knows: only then the
 * headers that it names are looked at.
 */
static bool connection_lists(const struct ir_request *request, const char *name)
{
	static const char separators[] = ", \t";

	for (size_t i = 0; i < request->n_headers; i++) {
		const char *p = request->header[i].value;

		if (strcasecmp(request->header[i].name, "connection"))
			continue;
		for (p += strspn(p, separators); *p; p += strspn(p, separators)) {
			size_t len = strcspn(p, separators);

			if (name ? is_token(p, len, name) :
			    !is_token(p, len, "close") && !is_token(p, len, "keep-alive") &&
			    !is_token(p, len, "upgrade") && !is_token(p, len, "te"))
				return true;
			p += len;
		}
	}
	return false;
}

/* Lines of one header, joined with commas. */
struct lines {
	char *value;
	size_t len;
	bool present;
};

static void add_line(struct lines *lines, const char *value)
{
	if (lines->present)
		append(&lines->value, &lines->len, ",", 1);
	append(&lines->value, &lines->len, value, strlen(value));
	lines->present = true;
}

/* The lines of a header as they are forwarded. The caller frees the value. */
static struct lines header_lines(const struct evaluation *e, const char *name)
{
	const struct ir_header_ops *list[2];
	size_t n_lists = request_ops(e, list);
	struct lines lines = { 0 };

	/* What Connection names is for this hop only. */
	if (!connection_lists(e->request, NULL) || !connection_lists(e->request, name))
		for (size_t i = 0; i < e->request->n_headers; i++)
			if (!strcasecmp(e->request->header[i].name, name))
				add_line(&lines, e->request->header[i].value);
	/* The engine adds it where there is none. */
	if (!lines.present && !strcasecmp(name, "x-forwarded-proto"))
		add_line(&lines, "http");
	for (size_t i = 0; i < n_lists; i++) {
		for (size_t j = 0; j < list[i]->n; j++) {
			const struct ir_header_op *op = &list[i]->op[j];

			if (strcasecmp(op->name, name))
				continue;
			if (op->kind != L7FP_HEADER_ADD) {
				lines.present = false;
				lines.len = 0;
			}
			if (op->kind != L7FP_HEADER_REMOVE)
				add_line(&lines, op->value ? op->value : "");
		}
	}
	return lines;
}

/* A slot that is a header; @joined holds the value of one that had to be made. */
static struct text header_value(const struct evaluation *e, const char *name, char **joined)
{
	struct lines lines;

	if (!strcmp(name, ":path"))
		return (struct text){ e->path_len ? e->path : NULL, e->path_len };
	if (!strcmp(name, ":authority") || !strcmp(name, "host"))
		return (struct text){ e->has_host ? e->host : NULL, strlen(e->host) };
	if (!strcmp(name, ":method"))
		return (struct text){ e->request->method, strlen(e->request->method) };
	if (!strcmp(name, ":scheme"))
		return e->https ? (struct text){ "https", 5 } : (struct text){ "http", 4 };
	lines = header_lines(e, name);
	free(*joined);
	*joined = lines.value;
	return (struct text){ lines.present ? lines.value : NULL, lines.len };
}

const struct ir_workload *ir_workload_at(const struct ir *ir, const uint32_t address[4])
{
	for (size_t i = 0; i < ir->n_workloads; i++)
		for (size_t j = 0; j < ir->workload[i].n_addresses; j++)
			if (!memcmp(&ir->workload[i].address[j], address, sizeof(struct in6_addr)))
				return &ir->workload[i];
	return NULL;
}

/* Principal or namespace of the client; absent where nobody knows it. */
static struct text source_value(const struct evaluation *e, uint32_t field)
{
	const struct ir_workload *w = ir_workload_at(e->ir, e->request->source_ip);
	const char *value;

	if (!w)
		return (struct text){ NULL, 0 };
	value = field == L7FP_FIELD_SOURCE_PRINCIPAL ? w->principal : w->namespace;
	return (struct text){ value, strlen(value) };
}

static struct text field_value(struct evaluation *e, uint32_t field)
{
	const struct ir_slot *slot;
	struct l7fp_slice slice;

	switch (field) {
	case L7FP_FIELD_PATH:
		return (struct text){ e->path, e->query };
	case L7FP_FIELD_AUTHORITY:
		return (struct text){ e->has_host ? e->authority : NULL, strlen(e->authority) };
	case L7FP_FIELD_METHOD:
		return (struct text){ e->request->method, strlen(e->request->method) };
	case L7FP_FIELD_HOST:
		return (struct text){ e->has_host ? e->host : NULL, strlen(e->host) };
	case L7FP_FIELD_SOURCE_PRINCIPAL:
	case L7FP_FIELD_SOURCE_NAMESPACE:
		return source_value(e, field);
	default:
		break;
	}
	if (field < L7FP_FIELD_SLOT || field - L7FP_FIELD_SLOT >= e->ir->n_slots)
		return (struct text){ NULL, 0 };
	slot = &e->ir->slot[field - L7FP_FIELD_SLOT];
	if (slot->kind == L7FP_SLOT_HEADER)
		return header_value(e, slot->name, &e->joined[field - L7FP_FIELD_SLOT]);
	if (!l7fp_query_param((const u8 *)e->path, (u32)e->path_len, (const u8 *)slot->name,
			      (u32)strlen(slot->name), &slice))
		return (struct text){ NULL, 0 };
	return (struct text){ e->path + slice.off, slice.len };
}

static bool address_matches(const uint32_t address[4], const uint32_t wanted[4], uint32_t prefix)
{
	const uint8_t *a = (const uint8_t *)address, *w = (const uint8_t *)wanted;
	uint32_t bytes = prefix / 8, bits = prefix % 8;

	if (prefix > 128 || memcmp(a, w, bytes))
		return false;
	return !bits || !((a[bytes] ^ w[bytes]) >> (8 - bits));
}

static uint32_t method_number(const char *method)
{
	static const char *const name[__L7FP_METHOD_MAX] = {
		[L7FP_METHOD_GET] = "GET",	   [L7FP_METHOD_HEAD] = "HEAD",
		[L7FP_METHOD_POST] = "POST",	   [L7FP_METHOD_PUT] = "PUT",
		[L7FP_METHOD_DELETE] = "DELETE",   [L7FP_METHOD_CONNECT] = "CONNECT",
		[L7FP_METHOD_OPTIONS] = "OPTIONS", [L7FP_METHOD_TRACE] = "TRACE",
		[L7FP_METHOD_PATCH] = "PATCH",
	};

	for (uint32_t i = 1; i < __L7FP_METHOD_MAX; i++)
		if (!strcmp(name[i], method))
			return i;
	return L7FP_METHOD_OTHER;
}

static enum truth truth_of(bool value)
{
	return value ? IS_TRUE : IS_FALSE;
}

/* A condition that is missing is true. */
static enum truth evaluate(struct evaluation *e, const struct ir_expr *x)
{
	const struct ir_request *r = e->request;
	enum truth all, one;
	struct text value;

	if (!x)
		return IS_TRUE;
	switch (x->kind) {
	case IR_TRUE:
		return IS_TRUE;
	case IR_FALSE:
		return IS_FALSE;
	case IR_UNKNOWN:
		e->reason = x->reason;
		return IS_UNKNOWN;
	case IR_NOT:
		one = evaluate(e, x->child[0]);
		return one == IS_UNKNOWN ? IS_UNKNOWN : truth_of(one == IS_FALSE);
	case IR_AND:
		all = IS_TRUE;
		for (size_t i = 0; i < x->n_children; i++) {
			one = evaluate(e, x->child[i]);
			if (one == IS_FALSE)
				return IS_FALSE;
			if (one == IS_UNKNOWN)
				all = IS_UNKNOWN;
		}
		return all;
	case IR_OR:
		all = IS_FALSE;
		for (size_t i = 0; i < x->n_children; i++) {
			one = evaluate(e, x->child[i]);
			if (one == IS_TRUE)
				return IS_TRUE;
			if (one == IS_UNKNOWN)
				all = IS_UNKNOWN;
		}
		return all;
	case IR_STRING:
		value = field_value(e, x->field);
		return truth_of(value.data &&
				l7fp_match(x->op, (const u8 *)value.data, (u32)value.len,
					   (const u8 *)x->value, x->value_len));
	case IR_REMOTE_IP:
		e->reason = "X-Forwarded-For is for a proxy to read";
		return IS_UNKNOWN;
	case IR_SOURCE_IP:
		return truth_of(address_matches(r->source_ip, x->addr, x->prefix));
	case IR_DESTINATION_IP:
		return truth_of(address_matches(r->destination_ip, x->addr, x->prefix));
	case IR_SOURCE_PORT:
		return truth_of(r->source_port == x->port);
	case IR_DESTINATION_PORT:
		return truth_of(r->destination_port == x->port);
	case IR_METHOD:
		return truth_of(method_number(r->method) == x->method);
	case IR_INBOUND:
		return truth_of(r->inbound);
	}
	return IS_UNKNOWN;
}

static void respond(struct evaluation *e, enum l7fp_reason reason, uint32_t status)
{
	e->decision->verdict = L7FP_RESPOND;
	e->decision->reason = reason;
	e->decision->status = status;
}

static void slow_path(struct evaluation *e, const char *why, int32_t rule)
{
	e->decision->verdict = L7FP_SLOW_PATH;
	e->decision->reason = L7FP_REASON_SP;
	e->decision->status = STATUS_UNAVAILABLE;
	e->decision->slow_path_reason = why;
	e->decision->rule = rule;
}

/* Host becomes @host; false when it is none. */
static bool set_host(struct evaluation *e, const char *host)
{
	size_t len = strlen(host);
	char *copy = must(strdup(host));
	char *authority = must(malloc(len + 1));
	u32 port;
	int n;

	n = l7fp_host_normalize((u8 *)authority, (u32)len, (const u8 *)host, (u32)len, &port);
	if (n < 0) {
		free(copy);
		free(authority);
		return false;
	}
	authority[n] = 0;
	free(e->host);
	free(e->authority);
	e->host = copy;
	e->authority = authority;
	e->has_host = true;
	return true;
}

static void rewrite_path(struct evaluation *e, const struct ir_route *route)
{
	char *path = NULL;
	size_t len = 0, kept = 0;

	if (route->rewrite_kind == L7FP_REWRITE_NONE)
		return;
	if (route->rewrite_kind == L7FP_REWRITE_FULL || route->rewrite_match_len > e->query)
		kept = e->query;
	else
		kept = route->rewrite_match_len;
	if (route->rewrite_path)
		append(&path, &len, route->rewrite_path, strlen(route->rewrite_path));
	e->query = len + e->query - kept;
	append(&path, &len, e->path + kept, e->path_len - kept);
	free(e->path);
	e->path = path;
	e->path_len = len;
}

/*
 * Envoy's processRequestHost(): the request's port goes when there is a new
 * one, or when the scheme changes and it is the default of the old scheme.
 */
static size_t redirect_host_len(const struct evaluation *e, const char *scheme, bool new_port)
{
	const char *host = e->host, *colon = strrchr(host, ':');
	struct lines proto;
	const char *old;
	bool drop;

	if (host[0] == '[') {
		const char *bracket = strrchr(host, ']');

		colon = bracket && bracket[1] == ':' ? bracket + 1 : NULL;
	}
	if (!colon)
		return strlen(host);
	proto = header_lines(e, "x-forwarded-proto");
	old = proto.present ? proto.value : "http";
	drop = new_port;
	if (strcmp(scheme, old))
		drop |= (!strcmp(old, "https") && !strcmp(colon, ":443")) ||
			(!strcmp(old, "http") && !strcmp(colon, ":80"));
	free(proto.value);
	return drop ? (size_t)(colon - host) : strlen(host);
}

/* As Envoy's newUri(). */
static void redirect(struct evaluation *e, const struct ir_route *route)
{
	const char *scheme = e->https ? "https" : "http", *path = route->redirect_path;
	char *location = NULL;
	size_t len = 0;
	char port[16];

	if (route->redirect_scheme)
		scheme = route->redirect_scheme;
	rewrite_path(e, route);
	append(&location, &len, scheme, strlen(scheme));
	append(&location, &len, "://", 3);
	if (route->redirect_authority)
		append(&location, &len, route->redirect_authority,
		       strlen(route->redirect_authority));
	else
		append(&location, &len, e->host,
		       redirect_host_len(e, scheme, route->redirect_port));
	if (route->redirect_port) {
		snprintf(port, sizeof(port), ":%u", route->redirect_port);
		append(&location, &len, port, strlen(port));
	}
	if (path) {
		append(&location, &len, path, strlen(path));
		/* A query of the redirect's own replaces that of the request. */
		if (!strchr(path, '?'))
			append(&location, &len, e->path + e->query, e->path_len - e->query);
	} else {
		append(&location, &len, e->path, e->path_len);
	}
	snprintf(e->decision->location, sizeof(e->decision->location), "%s", location);
	free(location);
	respond(e, L7FP_REASON_DR, route->status);
}

static bool pick_cluster(struct evaluation *e, const struct ir_route *route)
{
	uint64_t total = 0, point, end = 0;

	for (size_t i = 0; i < route->n_clusters; i++)
		total += route->cluster[i].weight;
	point = e->pick * total >> 32;
	for (size_t i = 0; i < route->n_clusters; i++) {
		end += route->cluster[i].weight;
		if (point < end) {
			e->weighted = &route->cluster[i];
			e->decision->cluster = (int32_t)route->cluster[i].cluster;
			return true;
		}
	}
	return false;
}

/* True when the request goes on to the authorization of its cluster. */
static bool apply_route(struct evaluation *e, uint32_t index)
{
	const struct ir_route *route = &e->ir->route[index];
	struct ir_decision *d = e->decision;

	d->route = (int32_t)index;
	e->route = route;
	switch (route->kind) {
	case L7FP_ROUTE_REDIRECT:
		redirect(e, route);
		return false;
	case L7FP_ROUTE_DIRECT:
		respond(e, L7FP_REASON_DR, route->status);
		return false;
	case L7FP_ROUTE_SLOW_PATH:
		slow_path(e, route->slow_path_reason, -1);
		return false;
	case L7FP_ROUTE_FORWARD:
	default:
		break;
	}
	if (!pick_cluster(e, route)) {
		respond(e, L7FP_REASON_NC, STATUS_UNAVAILABLE);
		return false;
	}
	rewrite_path(e, route);
	if (route->rewrite_authority && !set_host(e, route->rewrite_authority)) {
		respond(e, L7FP_REASON_PE, STATUS_UNAVAILABLE);
		return false;
	}
	e->routed = true;
	return true;
}

static void choose_route(struct evaluation *e, const struct ir_virtual_host *host, bool *go_on)
{
	for (size_t i = 0; i < host->n_matches; i++) {
		const struct ir_match *match = &host->match[i];
		enum truth truth = evaluate(e, match->expr);

		if (truth == IS_UNKNOWN)
			slow_path(e, e->reason, -1);
		if (truth == IS_TRUE)
			*go_on = apply_route(e, match->route);
		if (truth != IS_FALSE)
			return;
	}
	if (host->fallback >= 0)
		*go_on = apply_route(e, (uint32_t)host->fallback);
	else
		respond(e, L7FP_REASON_NR, STATUS_NOT_FOUND);
}

/* True when a cluster was chosen; else the decision is complete. */
static bool route(struct evaluation *e)
{
	bool go_on = false;

	for (size_t i = 0; i < e->ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *host = &e->ir->virtual_host[i];
		enum truth truth = evaluate(e, host->expr);

		if (truth == IS_FALSE)
			continue;
		if (truth == IS_UNKNOWN) {
			slow_path(e, e->reason, -1);
			return false;
		}
		e->decision->virtual_host = (int32_t)i;
		choose_route(e, host, &go_on);
		return go_on;
	}
	respond(e, L7FP_REASON_NR, STATUS_NOT_FOUND);
	return false;
}

/* What one authorization says: IS_FALSE denies. */
struct opinion {
	enum truth allowed;
	int32_t rule;
	const char *reason;
};

/*
 * A rule that is certainly true decides before one that may be: a DENY that
 * matches denies whatever the others are, and so does a list of ALLOW rules of
 * which none can match. Only what is left open then goes to the slow path.
 */
static struct opinion judge(struct evaluation *e, const struct ir_authorization *a)
{
	struct opinion deny = { IS_TRUE, -1, NULL }, allow = { IS_FALSE, -1, NULL };

	for (size_t i = 0; i < a->n_rules; i++) {
		const struct ir_authorization_rule *rule = &a->rule[i];
		struct opinion *o = rule->action == IR_DENY ? &deny : &allow;
		enum truth truth = evaluate(e, rule->expr);
		enum truth decided = rule->action == IR_DENY ? IS_FALSE : IS_TRUE;

		if (truth == IS_FALSE || o->allowed == decided)
			continue;
		if (truth == IS_TRUE) {
			*o = (struct opinion){ decided, (int32_t)rule->rule, NULL };
		} else if (o->allowed != IS_UNKNOWN) {
			*o = (struct opinion){ IS_UNKNOWN, (int32_t)rule->rule, e->reason };
		}
	}
	if (!a->has_allow)
		allow = (struct opinion){ IS_TRUE, -1, NULL };
	if (deny.allowed == IS_FALSE || allow.allowed == IS_TRUE)
		return deny.allowed == IS_TRUE ? allow : deny;
	if (allow.allowed == IS_FALSE)
		return allow;
	return deny.allowed == IS_UNKNOWN ? deny : allow;
}

/* All must allow; one that denies for certain counts before one that does not know. */
static void authorize(struct evaluation *e)
{
	const struct ir_cluster *cluster = &e->ir->cluster[e->decision->cluster];
	struct opinion open = { IS_TRUE, -1, NULL };
	int32_t rule = -1;

	for (size_t i = 0; i < cluster->n_authorization; i++) {
		struct opinion o = judge(e, &e->ir->authorization[cluster->authorization[i]]);

		if (o.allowed == IS_FALSE) {
			respond(e, L7FP_REASON_RBAC, STATUS_FORBIDDEN);
			e->decision->rule = o.rule;
			return;
		}
		if (o.allowed == IS_UNKNOWN && open.allowed != IS_UNKNOWN)
			open = o;
		if (o.allowed == IS_TRUE && o.rule >= 0)
			rule = o.rule;
	}
	if (open.allowed == IS_UNKNOWN) {
		slow_path(e, open.reason, open.rule);
		return;
	}
	e->decision->verdict = L7FP_FORWARD;
	e->decision->reason = L7FP_REASON_NONE;
	e->decision->rule = rule;
}

/* A slot whose header the request has more than once, where lines are not one value; or NULL. */
static const char *repeated_slot(const struct evaluation *e)
{
	const struct ir_request *r = e->request;

	for (size_t i = 0; i < e->ir->n_slots; i++) {
		const char *name = e->ir->slot[i].name;
		size_t n = 0;

		if (e->ir->slot[i].kind != L7FP_SLOT_HEADER || name[0] == ':' ||
		    !strcmp(name, "host") ||
		    l7fp_h1_lines_join((const u8 *)name, (u32)strlen(name)))
			continue;
		for (size_t j = 0; j < r->n_headers; j++)
			n += !strcasecmp(r->header[j].name, name);
		if (n > 1 && (!connection_lists(r, NULL) || !connection_lists(r, name)))
			return name;
	}
	return NULL;
}

static bool set_path(struct evaluation *e, const char *target)
{
	size_t len = strlen(target), cap = 3 * len + 1;
	int n;

	e->path = must(malloc(cap + 1));
	n = l7fp_path_normalize((u8 *)e->path, (u32)cap, (const u8 *)target, (u32)len,
				e->ir->path_mode);
	if (n < 0)
		return false;
	e->path[n] = 0;
	e->path_len = (size_t)n;
	e->query = l7fp_path_query_off((const u8 *)e->path, (u32)n);
	return true;
}

static bool set_no_host(struct evaluation *e)
{
	e->host = must(strdup(""));
	e->authority = must(strdup(""));
	return true;
}

/*
 * Path and host of the target (RFC 9112 3.2). In authority-form and in
 * absolute-form the host is the target's, whatever Host says.
 */
static bool set_target(struct evaluation *e)
{
	const char *target = e->request->target, *path = target, *host = e->request->host;
	char *authority = NULL;
	bool ok;

	if (!strcmp(e->request->method, "CONNECT")) {
		e->path = must(strdup(""));
		return set_host(e, *target ? target : host ? host : "");
	}
	e->https = !strncasecmp(target, "https://", 8);
	if (e->https || !strncasecmp(target, "http://", 7)) {
		host = target + (e->https ? 8 : 7);
		path = host + strcspn(host, "/?");
		authority = must(strndup(host, path - host));
		host = authority;
	}
	ok = host ? set_host(e, host) : set_no_host(e);
	free(authority);
	return ok && set_path(e, path);
}

void ir_evaluate(const struct ir *ir, const struct ir_request *request, uint32_t pick,
		 struct ir_decision *decision)
{
	struct evaluation e = {
		.ir = ir, .request = request, .pick = pick, .decision = decision,
	};

	/* Its strings are long: only their ends are set. */
	decision->verdict = L7FP_VERDICT_NONE;
	decision->reason = L7FP_REASON_NONE;
	decision->status = 0;
	decision->virtual_host = decision->route = decision->rule = decision->cluster = -1;
	decision->path[0] = decision->host[0] = decision->location[0] = 0;
	decision->slow_path_reason = NULL;
	if (!set_target(&e))
		respond(&e, L7FP_REASON_DPE, STATUS_BAD_REQUEST);
	else if (repeated_slot(&e))
		slow_path(&e, "it repeats a header that the policy looks at", -1);
	else if (route(&e))
		authorize(&e);
	if (decision->verdict == L7FP_FORWARD) {
		snprintf(decision->path, sizeof(decision->path), "%s", e.path);
		snprintf(decision->host, sizeof(decision->host), "%s", e.host);
	}
	for (size_t i = 0; i < L7FP_MAX_SLOTS; i++)
		free(e.joined[i]);
	free(e.path);
	free(e.host);
	free(e.authority);
}

/* What is not known for certain does not let a connection in. */
void ir_evaluate_connection(const struct ir *ir, const struct ir_request *request,
			    struct ir_decision *decision)
{
	struct evaluation e = { .ir = ir, .request = request, .decision = decision };
	struct opinion o = { IS_TRUE, -1, NULL };

	*decision = (struct ir_decision){
		.virtual_host = -1, .route = -1, .rule = -1, .cluster = -1,
	};
	if (request->inbound && ir->inbound.captured)
		o = judge(&e, &ir->inbound.connect);
	decision->verdict = o.allowed == IS_TRUE ? L7FP_FORWARD : L7FP_RESET;
	decision->reason = o.allowed == IS_TRUE ? L7FP_REASON_NONE : L7FP_REASON_RBAC;
	decision->rule = o.rule;
	decision->slow_path_reason = o.reason;
}
