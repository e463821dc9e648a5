// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which documents decide about requests to an endpoint. A guard is an
 * AuthorizationPolicy, or a document that only the slow path understands: such
 * a one is a DENY rule that nobody can decide, so that no request passes the
 * kernel as if the document did not exist.
 */
#include "translation.h"
#include "classify_rules.h"

#include <string.h>

/* A guard that concerns an endpoint; @may: its labels are not all known. */
struct applicable {
	uint32_t guard;
	bool may;
};

#define KEY_HEAD 5	/* words before the guards: count, port, 3 of the address */

static bool is_value(const struct node *n, const char *value)
{
	const char *s = node_string(n);

	return s && !strcmp(s, value);
}

static bool rule_is_http(const struct node *rule)
{
	static const char * const operations[] = {
		"hosts", "notHosts", "methods", "notMethods", "paths", "notPaths",
	};
	const struct node *list = node_get(rule, "to"), *n;
	size_t i, k;

	for (i = 0; i < node_count(list); i++)
		for (k = 0; k < sizeof(operations) / sizeof(operations[0]); k++)
			if (node_count(node_path(list->child[i], "operation", operations[k], NULL)))
				return true;
	list = node_get(rule, "from");
	for (i = 0; i < node_count(list); i++) {
		n = node_get(list->child[i], "source");
		if (node_get(n, "requestPrincipals") || node_get(n, "notRequestPrincipals"))
			return true;
	}
	list = node_get(rule, "when");
	for (i = 0; i < node_count(list); i++) {
		const char *key = node_string(node_get(list->child[i], "key"));

		if (key && !strncmp(key, "request.", 8))
			return true;
	}
	return false;
}

static bool rule_has_destination_ip(const struct node *rule)
{
	const struct node *list = node_get(rule, "when");
	size_t i;

	for (i = 0; i < node_count(list); i++)
		if (is_value(node_get(list->child[i], "key"), "destination.ip"))
			return true;
	return false;
}

static const struct node *guard_rules(const struct guard *g)
{
	const struct node *rules = g->is_policy ? node_get(g->spec, "rules") : NULL;

	return rules && rules->kind == NODE_LIST ? rules : NULL;
}

static struct guard *add_guard(struct translation *tr, struct document *d)
{
	struct guard *g = list_add(tr, &tr->guard);

	memset(g, 0, sizeof(*g));
	g->document = d;
	g->spec = node_get(d->root, "spec");
	g->namespace = strcmp(d->namespace, tr->root_namespace) ? d->namespace : NULL;
	g->first_rule = (uint32_t)tr->rule.n;
	return g;
}

static void name_rules(struct translation *tr, const struct guard *g)
{
	const struct node *rules = guard_rules(g);
	size_t i;

	for (i = 0; i < node_count(rules); i++)
		source_of(tr, list_add(tr, &tr->rule), g->document, rules->child[i],
			  node_printf(tr->docs->arena, "%s rules[%zu]", g->document->what, i));
	if (!node_count(rules))
		source_of(tr, list_add(tr, &tr->rule), g->document, NULL, g->document->what);
}

/* Labels of whichever selector the kind has; none: all workloads. */
static void read_selector(struct translation *tr, struct guard *g)
{
	const struct node *n = node_path(g->spec, "selector", "matchLabels", NULL);

	if (!n)
		n = node_path(g->spec, "workloadSelector", "labels", NULL);
	if (!n)
		n = node_path(g->spec, "workloadSelector", "matchLabels", NULL);
	if (!n)
		n = node_path(g->spec, "podSelector", "matchLabels", NULL);
	labels_read(tr->docs->arena, &g->selector, n);
}

/* The Service that a parentRef or targetRef names; NULL: it names none. */
static const struct service *ref_service(struct translation *tr, const struct document *d,
					 const struct node *ref)
{
	const char *name = node_string(node_get(ref, "name"));
	const char *kind = node_string(node_get(ref, "kind"));
	const char *namespace = node_string(node_get(ref, "namespace"));
	size_t i;

	if (!name || !kind || (strcmp(kind, "Service") && strcmp(kind, "ServiceEntry")))
		return NULL;
	for (i = 0; i < tr->service.n; i++) {
		const struct service *s = tr->service.item[i];

		if (!strcmp(s->document->name, name) && !strcmp(s->document->kind, kind) &&
		    !strcmp(s->namespace, namespace ? namespace : d->namespace))
			return s;
	}
	return NULL;
}

static void guard_services(struct translation *tr, struct document *d, const struct node *refs,
			   const char *reason)
{
	size_t i;

	for (i = 0; refs && i < refs->n; i++) {
		const struct service *s = ref_service(tr, d, refs->kind == NODE_LIST ?
						      refs->child[i] : refs);
		struct guard *g;

		if (s) {
			g = add_guard(tr, d);
			g->namespace = NULL;
			g->service = s;
			g->reason = reason;
			name_rules(tr, g);
		}
		if (refs->kind != NODE_LIST)
			break;
	}
}

/* TrafficSplit: spec.service is the name of a Service. */
static void guard_split(struct translation *tr, struct document *d, const char *reason)
{
	const char *name = node_string(node_path(d->root, "spec", "service", NULL));
	const struct service *s = name ? registry_find(tr, host_in_full(tr, name, d->namespace)) :
		NULL;
	struct guard *g;

	if (!s)
		return;
	g = add_guard(tr, d);
	g->namespace = NULL;
	g->service = s;
	g->reason = reason;
	name_rules(tr, g);
}

static bool is_strict(const struct node *spec)
{
	const struct node *ports = node_get(spec, "portLevelMtls");
	size_t i;

	if (is_value(node_path(spec, "mtls", "mode", NULL), "STRICT"))
		return true;
	for (i = 0; ports && ports->kind == NODE_MAP && i < ports->n; i++)
		if (is_value(node_get(ports->child[i], "mode"), "STRICT"))
			return true;
	return false;
}

enum reach { REACH_NONE, REACH_WORKLOADS, REACH_ALL };

/* Patches for gateways change nothing here; outbound ones change what callers send. */
static enum reach filter_reach(const struct node *spec)
{
	const struct node *patches = node_get(spec, "configPatches");
	enum reach reach = REACH_NONE;
	size_t i;

	if (!node_count(patches))
		return REACH_WORKLOADS;
	for (i = 0; i < patches->n; i++) {
		const struct node *context = node_path(patches->child[i], "match", "context",
						       NULL);

		if (is_value(context, "GATEWAY"))
			continue;
		if (is_value(context, "SIDECAR_OUTBOUND"))
			return REACH_ALL;
		reach = REACH_WORKLOADS;
	}
	return reach;
}

static enum reach reach_of(const struct translation *tr, const struct document *d,
			   enum schema_scope scope)
{
	const struct node *spec = node_get(d->root, "spec");

	switch (scope) {
	case SCOPE_NONE:
	case SCOPE_INGRESS:
	case SCOPE_PARTS:
	case SCOPE_SERVICES:
		return REACH_NONE;
	case SCOPE_CLIENTS:
		if (strcmp(d->kind, "Sidecar"))
			return REACH_ALL;
		/* Of one workload it is done: self_find(). */
		if (!tr->self && is_value(node_path(spec, "outboundTrafficPolicy", "mode", NULL),
					  "REGISTRY_ONLY"))
			return REACH_ALL;
		return node_count(node_get(spec, "ingress")) ? REACH_WORKLOADS : REACH_NONE;
	case SCOPE_WORKLOADS:
		if (!strcmp(d->kind, "PeerAuthentication"))
			return !tr->tls && is_strict(spec) ? REACH_WORKLOADS : REACH_NONE;
		if (!strcmp(d->kind, "EnvoyFilter"))
			return filter_reach(spec);
		if (!strcmp(d->kind, "MeshPolicy") || !strcmp(d->kind, "ClusterRbacConfig") ||
		    !strcmp(d->kind, "RbacConfig"))
			return REACH_ALL;
		return REACH_WORKLOADS;
	}
	return REACH_ALL;
}

static void add_slow_path(struct translation *tr, struct document *d,
			  const struct schema_kind *kind)
{
	enum schema_scope scope = kind ? kind->scope : SCOPE_WORKLOADS;
	const char *reason = d->root->reason ? d->root->reason : "it needs the slow path";
	const struct node *spec = node_get(d->root, "spec");
	const struct node *refs = node_get(spec, "targetRefs");
	enum reach reach = reach_of(tr, d, scope);
	struct guard *g;

	if (!refs)
		refs = node_get(spec, "targetRef");
	if (scope == SCOPE_SERVICES) {
		guard_services(tr, d, node_get(spec, "parentRefs"), reason);
		guard_services(tr, d, refs, reason);
		guard_split(tr, d, reason);
		return;
	}
	if (reach == REACH_NONE)
		return;
	if (refs && strcmp(d->group, "policy.linkerd.io")) {
		guard_services(tr, d, refs, reason);
		return;
	}
	g = add_guard(tr, d);
	g->reason = reason;
	if (reach == REACH_ALL)
		g->namespace = NULL;
	else
		read_selector(tr, g);
	name_rules(tr, g);
}

static bool without_effect(const struct document *d)
{
	const struct node *annotations = node_path(d->root, "metadata", "annotations", NULL);
	const struct node *dry_run = node_get(annotations, "istio.io/dry-run");

	if (dry_run && dry_run->verdict == NODE_SLOW_PATH)
		return true;
	return is_value(node_path(d->root, "spec", "action", NULL), "AUDIT");
}

static void add_policy(struct translation *tr, struct document *d)
{
	const struct node *spec = node_get(d->root, "spec"), *rules;
	struct guard *g;
	size_t i;

	if (without_effect(d))
		return;
	if (node_get(spec, "targetRef") || node_count(node_get(spec, "targetRefs"))) {
		const char *reason = "waypoints are not served by the kernel yet";

		guard_services(tr, d, node_get(spec, "targetRef"), reason);
		guard_services(tr, d, node_get(spec, "targetRefs"), reason);
		return;
	}
	g = add_guard(tr, d);
	g->is_policy = true;
	g->deny = is_value(node_get(spec, "action"), "DENY");
	g->custom = is_value(node_get(spec, "action"), "CUSTOM");
	read_selector(tr, g);
	rules = guard_rules(g);
	for (i = 0; i < node_count(rules); i++) {
		g->http |= rule_is_http(rules->child[i]);
		g->destination_ip |= rule_has_destination_ip(rules->child[i]);
		if (!tr->caller.n && !tr->tls)
			authorization_without_callers(rules->child[i]);
	}
	name_rules(tr, g);
}

void guards_build(struct translation *tr)
{
	size_t i;

	for (i = 0; i < tr->docs->n; i++) {
		struct document *d = tr->docs->list[i];
		const struct schema_kind *kind = schema_find(d->group, d->kind);

		if (node_worst(d->root, NULL) == NODE_INVALID)
			continue;
		if (!strcmp(d->group, "security.istio.io") &&
		    !strcmp(d->kind, "AuthorizationPolicy"))
			add_policy(tr, d);
		else if ((kind && kind->role == ROLE_SLOW_PATH) ||
			 (!kind && d->root->verdict == NODE_SLOW_PATH))
			add_slow_path(tr, d, kind);
	}
	tr->applicable = ir_alloc(tr->ir, (tr->guard.n + 1) * sizeof(struct applicable));
}

void guards_report(struct translation *tr)
{
	size_t i, n = 0;

	for (i = 0; i < tr->guard.n; i++) {
		const struct guard *g = &tr->guard.item[i];

		if (!g->is_policy)
			continue;
		n++;
		if (!g->used && tr->service.n)
			diag_add(tr->diag, DIAG_INFORMATION, &g->document->at,
				 "%s concerns no endpoint of the services that are described",
				 g->document->what);
	}
	if (n && tr->service.n)
		diag_add(tr->diag, DIAG_INFORMATION, NULL,
			 "connections to ports that no Service or ServiceEntry names are not captured, and no AuthorizationPolicy judges them");
}

/* @s: NULL of what arrives for a workload. */
static bool concerns(const struct translation *tr, const struct guard *g, const struct service *s,
		     const struct endpoint *e, const struct labels *subset, bool *may)
{
	struct labels both = { 0 };
	const char *names[128], *values[128];
	size_t i;

	*may = false;
	if (g->service && g->service != s)
		return false;
	/*
	 * Judged where it arrives, and nowhere twice. Only from the workload's own proxy
	 * to the workload itself nothing is captured.
	 */
	if (s && tr->self && e->enforced && !g->service &&
	    !(tr->for_proxy && self_is_at(tr, &e->address)))
		return false;
	if (g->namespace && strcmp(g->namespace, e->namespace))
		return false;
	if (!g->selector.n)
		return true;
	if (e->labels)
		return labels_match(&g->selector, e->labels);
	/* Endpoints of a ServiceEntry have the labels that it gives them. */
	if (!s->name)
		return false;
	both.name = names;
	both.value = values;
	for (i = 0; i < s->selector.n && both.n < 128; i++) {
		names[both.n] = s->selector.name[i];
		values[both.n++] = s->selector.value[i];
	}
	for (i = 0; subset && i < subset->n && both.n < 128; i++) {
		names[both.n] = subset->name[i];
		values[both.n++] = subset->value[i];
	}
	if (labels_match(&g->selector, &both))
		return true;
	*may = labels_may_match(&g->selector, &both);
	return *may;
}

static void add_rule(struct translation *tr, struct ir_authorization *a, const struct guard *g,
		     size_t index, enum ir_action action, struct ir_expr *expr)
{
	struct ir_authorization_rule *rule = &a->rule[a->n_rules++];

	rule->source = tr->rule.item[g->first_rule + index];
	rule->action = action;
	rule->expr = expr;
	rule->rule = g->first_rule + (uint32_t)index;
}

static const char labels_unknown[] =
	"the labels of an endpoint are not known, which the selector asks for: give its Pod or Workload";

/* @pass: 0 CUSTOM, 1 DENY and what cannot be decided, 2 ALLOW. */
static void add_rules(struct translation *tr, struct ir_authorization *a,
		      const struct applicable *one, const struct authorization_view *base,
		      int pass)
{
	const struct guard *g = &tr->guard.item[one->guard];
	const struct node *rules = guard_rules(g);
	struct authorization_view view = *base;
	size_t i;

	if (!g->is_policy || one->may) {
		for (i = 0; one->may && pass == 1 && i < node_count(rules); i++)
			node_mark(rules->child[i], NODE_SLOW_PATH, labels_unknown);
		if (pass == 1)
			add_rule(tr, a, g, 0, IR_DENY,
				 unknown(tr, one->may ? labels_unknown : g->reason));
		return;
	}
	if (pass != (g->custom ? 0 : g->deny ? 1 : 2))
		return;
	view.deny = pass != 2;
	view.namespace = g->document->namespace;
	if (pass == 2)
		a->has_allow = true;
	for (i = 0; i < node_count(rules); i++) {
		struct ir_expr *e = authorization_expr(tr, rules->child[i], &view);
		struct ir_expr *both[2] = { e, NULL };

		if (pass == 0) {
			both[1] = unknown(tr, "external authorization is not asked by the kernel yet");
			e = ir_and(tr->ir, both, 2);
		}
		add_rule(tr, a, g, i, pass == 2 ? IR_ALLOW : IR_DENY, e);
	}
}

static void build(struct translation *tr, struct ir_authorization *a,
		  const struct applicable *list, size_t n, const struct authorization_view *view)
{
	size_t i, total = 0;
	int pass;

	for (i = 0; i < n; i++)
		total += 1 + node_count(guard_rules(&tr->guard.item[list[i].guard]));
	a->rule = ir_alloc(tr->ir, total * sizeof(*a->rule));
	for (pass = 0; pass < 3; pass++)
		for (i = 0; i < n; i++)
			add_rules(tr, a, &list[i], view, pass);
}

static size_t applicable_to(struct translation *tr, const struct service *s,
			    const struct endpoint *e, const struct labels *subset,
			    struct applicable *list)
{
	size_t i, n = 0;

	for (i = 0; i < tr->guard.n; i++) {
		bool may;

		if (!concerns(tr, &tr->guard.item[i], s, e, subset, &may))
			continue;
		tr->guard.item[i].used = true;
		list[n].guard = (uint32_t)i;
		list[n++].may = may;
	}
	return n;
}

static bool needs_address(struct translation *tr, const struct applicable *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (tr->guard.item[list[i].guard].destination_ip)
			return true;
	return false;
}

static uint32_t find_or_build(struct translation *tr, const struct endpoint *e,
			      const struct applicable *list, size_t n)
{
	struct authorization_view view = { .port = e->port, .address = &e->address };
	uint64_t *key = ir_alloc(tr->ir, (KEY_HEAD + n) * sizeof(*key));
	size_t i;

	key[0] = n;
	key[1] = e->port;
	if (needs_address(tr, list, n)) {
		key[2] = 1;
		memcpy(&key[3], &e->address, sizeof(e->address));
	}
	for (i = 0; i < n; i++)
		key[KEY_HEAD + i] = (uint64_t)list[i].guard << 1 | list[i].may;
	for (i = 0; i < tr->authorization_key.n; i++)
		if (tr->authorization_key.item[i][0] == n &&
		    !memcmp(tr->authorization_key.item[i], key, (KEY_HEAD + n) * sizeof(*key)))
			return (uint32_t)i;
	*list_add(tr, &tr->authorization_key) = key;
	build(tr, list_add(tr, &tr->authorization), list, n, &view);
	return (uint32_t)i;
}

bool authorizations_inbound(struct translation *tr, struct ir_cluster *cluster,
			    struct ir_authorization *connect)
{
	const struct endpoint self = {
		.labels = &tr->self->labels, .namespace = tr->self->namespace,
	};
	struct authorization_view view = { .inbound = true };
	struct applicable *list = tr->applicable;
	size_t n = applicable_to(tr, NULL, &self, NULL, list);

	if (!n)
		return false;
	cluster->authorization = ir_alloc(tr->ir, sizeof(*cluster->authorization));
	cluster->authorization[0] = (uint32_t)tr->authorization.n;
	cluster->n_authorization = 1;
	/* What finds equal ones must not find this one: it has no port. */
	*list_add(tr, &tr->authorization_key) = ir_alloc(tr->ir, KEY_HEAD * sizeof(uint64_t));
	build(tr, list_add(tr, &tr->authorization), list, n, &view);
	view.tcp = true;
	build(tr, connect, list, n, &view);
	return true;
}

void authorizations_of(struct translation *tr, const struct service *s, const struct endpoint *e,
		       const struct labels *subset, struct ir_cluster *cluster)
{
	struct applicable *list = tr->applicable;
	size_t n = applicable_to(tr, s, e, subset, list), i;
	uint32_t index, *more;

	if (!n)
		return;
	index = find_or_build(tr, e, list, n);
	for (i = 0; i < cluster->n_authorization; i++)
		if (cluster->authorization[i] == index)
			return;
	more = ir_alloc(tr->ir, (cluster->n_authorization + 1) * sizeof(*more));
	if (cluster->n_authorization)
		memcpy(more, cluster->authorization, cluster->n_authorization * sizeof(*more));
	more[cluster->n_authorization++] = index;
	cluster->authorization = more;
}

bool port_has_http_guard(struct translation *tr, const struct service *s,
			 const struct service_port *p)
{
	size_t i, k;
	bool may;

	for (i = 0; i < tr->guard.n; i++)
		for (k = 0; tr->guard.item[i].http && k < p->endpoint.n; k++)
			if (concerns(tr, &tr->guard.item[i], s, &p->endpoint.item[k], NULL, &may))
				return true;
	return false;
}

/* The rules that keep a connection from being decided at once are not the kernel's. */
static void blame(struct translation *tr, const struct ir_authorization *a,
		  const struct applicable *list, size_t n, const char *reason)
{
	size_t i, k;

	for (i = 0; i < a->n_rules; i++) {
		const struct ir_authorization_rule *r = &a->rule[i];

		if (r->expr->kind == IR_TRUE || r->expr->kind == IR_FALSE)
			continue;
		for (k = 0; k < n; k++) {
			const struct guard *g = &tr->guard.item[list[k].guard];
			const struct node *rules = guard_rules(g);
			uint32_t index = r->rule - g->first_rule;

			if (r->rule >= g->first_rule && index < node_count(rules))
				node_mark(rules->child[index], NODE_SLOW_PATH, reason);
		}
	}
}

static enum static_decision decide(const struct ir_authorization *a, const char **by)
{
	bool open = !a->has_allow, dynamic = false;
	size_t i;

	*by = "no ALLOW policy";
	for (i = 0; i < a->n_rules; i++) {
		const struct ir_authorization_rule *r = &a->rule[i];

		if (r->action == IR_DENY && r->expr->kind == IR_TRUE) {
			*by = r->source.what;
			return DECIDED_DENY;
		}
		if (r->action == IR_DENY && r->expr->kind != IR_FALSE) {
			*by = r->source.what;
			return UNDECIDED;
		}
		if (r->action == IR_ALLOW && r->expr->kind == IR_TRUE)
			open = true;
		else if (r->action == IR_ALLOW && r->expr->kind != IR_FALSE)
			dynamic = true;
	}
	if (open)
		return DECIDED_ALLOW;
	return dynamic ? UNDECIDED : DECIDED_DENY;
}

enum static_decision decide_port(struct translation *tr, const struct service *s,
				 struct service_port *p, const char **by)
{
	enum static_decision worst = DECIDED_ALLOW;
	size_t i;

	for (i = 0; i < p->endpoint.n; i++) {
		struct applicable *list = tr->applicable;
		const struct endpoint *e = &p->endpoint.item[i];
		size_t n = applicable_to(tr, s, e, NULL, list);
		struct authorization_view view = {
			.port = e->port, .address = &e->address, .tcp = true,
		};
		struct ir_authorization a = { 0 };
		enum static_decision one;
		const char *who;

		if (!n)
			continue;
		build(tr, &a, list, n, &view);
		one = decide(&a, &who);
		if (one == UNDECIDED)
			blame(tr, &a, list, n,
			      "a port that is not HTTP is concerned too, whose connections the kernel does not judge yet: they are refused");
		if (one > worst) {
			worst = one;
			*by = who;
		}
	}
	return worst;
}
