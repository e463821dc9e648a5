// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clusters: a port of a service, or of a subset that a DestinationRule
 * defines, with its endpoints, its load balancing and what guards it.
 */
#include "translation.h"
#include "classify_rules.h"

#include <string.h>

#define DEFAULT_CONNECT_TIMEOUT_MS 10000

/* The parts of a traffic policy, merged as Istio's MergeTrafficPolicy does. */
struct traffic_policy {
	const struct node *load_balancer, *connection_pool, *outlier_detection, *tls;
	const char *slow;	/* of parts that are not merged by port */
};

static void take(const struct node **part, const struct node *policy, const char *name)
{
	const struct node *n = node_get(policy, name);

	if (n)
		*part = n;
}

static void merge_policy(struct traffic_policy *t, const struct node *policy, uint32_t port)
{
	static const char * const others[] = { "tunnel", "proxyProtocol", "retryBudget" };
	const struct node *ports = node_get(policy, "portLevelSettings");
	size_t i;

	if (!policy)
		return;
	take(&t->load_balancer, policy, "loadBalancer");
	take(&t->connection_pool, policy, "connectionPool");
	take(&t->outlier_detection, policy, "outlierDetection");
	take(&t->tls, policy, "tls");
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (node_get(policy, others[i]) && slow_reason(node_get(policy, others[i])))
			t->slow = slow_reason(node_get(policy, others[i]));
	/* What a port sets replaces all of it: fields left out are the defaults. */
	for (i = 0; ports && ports->kind == NODE_LIST && i < ports->n; i++) {
		const struct node *number = node_path(ports->child[i], "port", "number", NULL);

		if (!number || number->kind != NODE_INT || number->integer != (int64_t)port)
			continue;
		t->load_balancer = node_get(ports->child[i], "loadBalancer");
		t->connection_pool = node_get(ports->child[i], "connectionPool");
		t->outlier_detection = node_get(ports->child[i], "outlierDetection");
		t->tls = node_get(ports->child[i], "tls");
		break;
	}
}

/*
 * How well a DestinationRule fits: the host exactly before the longest
 * wildcard; of those the caller's namespace where it is known, the service's
 * own, then the root namespace.
 */
static size_t rule_rank(struct translation *tr, const struct named_host *rule,
			const struct service *s)
{
	const struct document *d = rule->document;
	const char *host = rule->host;
	size_t rank;

	if (!*host || !host_matches(host, s->host) || !self_sees(tr, d))
		return 0;
	rank = 8 * (*host == '*' ? strlen(host) : 1024);
	if (tr->self && !strcmp(d->namespace, tr->self->namespace))
		return rank + 4;
	if (!strcmp(d->namespace, s->namespace))
		return rank + 3;
	return rank + (strcmp(d->namespace, tr->root_namespace) ? 1 : 2);
}

/* Those of the best rank, the oldest first. */
void rules_match(struct translation *tr)
{
	size_t i, k;

	for (k = 0; k < tr->service.n; k++) {
		struct service *s = tr->service.item[k];
		size_t best = 1;

		for (i = 0; i < tr->destination_rule.n; i++) {
			size_t rank = rule_rank(tr, &tr->destination_rule.item[i], s);

			if (rank < best)
				continue;
			if (rank > best)
				s->rule.n = 0;
			best = rank;
			*list_add(tr, &s->rule) = (uint32_t)i;
		}
	}
}

/* Whole documents may be for the slow path: exportTo, workloadSelector. */
static const char *rule_slow(const struct document *d)
{
	const struct node *spec = node_get(d->root, "spec");
	static const char * const fields[] = { "exportTo", "workloadSelector" };
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (node_get(spec, fields[i]) && slow_reason(node_get(spec, fields[i])))
			return slow_reason(node_get(spec, fields[i]));
	return NULL;
}

/*
 * Rules of one host and rank are one, as Istio merges them: the oldest
 * trafficPolicy, and all subsets.
 */
static const struct node *find_policy(struct translation *tr, const struct service *s,
				      const char *subset, struct traffic_policy *t, uint32_t port)
{
	const struct node *found = NULL, *policy = NULL;
	size_t i, k;

	for (i = 0; i < s->rule.n; i++) {
		const struct document *d = tr->destination_rule.item[s->rule.item[i]].document;
		const struct node *subsets = node_path(d->root, "spec", "subsets", NULL);

		if (rule_slow(d))
			t->slow = rule_slow(d);
		if (!policy)
			policy = node_path(d->root, "spec", "trafficPolicy", NULL);
		for (k = 0; subset && !found && subsets && subsets->kind == NODE_LIST &&
		     k < subsets->n; k++) {
			const char *name = node_string(node_get(subsets->child[k], "name"));

			if (name && !strcmp(name, subset))
				found = subsets->child[k];
		}
	}
	merge_policy(t, policy, port);
	if (found)
		merge_policy(t, node_get(found, "trafficPolicy"), port);
	return found;
}

static const char *policy_slow(const struct traffic_policy *t)
{
	const struct node *parts[] = {
		t->load_balancer, t->connection_pool, t->outlier_detection, t->tls,
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i] && slow_reason(parts[i]))
			return slow_reason(parts[i]);
	return t->slow;
}

/* Which version its servers speak, as Istio has it: by the port, or the client's. */
static enum l7fp_cluster_protocol protocol_of(const struct translation *tr,
					      const struct traffic_policy *t,
					      const struct service_port *p)
{
	const char *upgrade = node_string(node_path(t->connection_pool, "http",
						    "h2UpgradePolicy", NULL));

	/* A proxy speaks it to the servers of clients that do not. */
	if (tr->for_proxy && upgrade && !strcmp(upgrade, "UPGRADE"))
		return L7FP_CLUSTER_HTTP2;
	if (node_true(node_path(t->connection_pool, "http", "useClientProtocol", NULL)))
		return L7FP_CLUSTER_ANY_HTTP;
	switch (p->protocol) {
	case PORT_HTTP2:
		return L7FP_CLUSTER_HTTP2;
	case PORT_AUTO:
		return L7FP_CLUSTER_ANY_HTTP;
	case PORT_HTTP:
	case PORT_TCP:
		break;
	}
	return L7FP_CLUSTER_HTTP1;
}

static void apply_policy(struct translation *tr, struct ir_cluster *c,
			 const struct traffic_policy *t, const struct service_port *p)
{
	const char *simple = node_string(node_get(t->load_balancer, "simple"));
	const char *connect = node_string(node_path(t->connection_pool, "tcp", "connectTimeout",
						    NULL));

	if (tr->for_proxy) {
		c->load_balancer = t->load_balancer;
		c->connection_pool = t->connection_pool;
		c->outlier_detection = t->outlier_detection;
	}
	c->protocol = protocol_of(tr, t, p);
	if (simple && !strcmp(simple, "RANDOM"))
		c->lb = L7FP_LB_RANDOM;
	else if (!simple || !strcmp(simple, "UNSPECIFIED"))
		tr->n_default_lb++;
	if (connect && schema_duration(connect) > 0) {
		int64_t ms = (schema_duration(connect) + 999999) / 1000000;

		c->connect_timeout_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	}
}

static uint32_t new_cluster(struct translation *tr, const char *name, const struct node *at,
			    const struct document *d)
{
	struct ir_cluster *c = list_add(tr, &tr->cluster);

	memset(c, 0, sizeof(*c));
	if (strlen(name) >= L7FP_MAX_NAME)
		name = node_printf(tr->docs->arena, "%.200s..%zu", name, tr->cluster.n);
	c->name = ir_strdup(tr->ir, name);
	c->connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
	if (d)
		source_of(tr, &c->source, d, at, d->what);
	*list_add(tr, &tr->cluster_slow) = NULL;
	names_add(tr, &tr->cluster_names, c->name, (uint32_t)tr->cluster.n - 1);
	return (uint32_t)tr->cluster.n - 1;
}

static bool find_cluster(struct translation *tr, const char *name, uint32_t *index)
{
	return names_find(&tr->cluster_names, name, index);
}

uint32_t cluster_empty(struct translation *tr, const char *name, const struct node *at,
		       const struct document *d)
{
	uint32_t index;

	if (find_cluster(tr, name, &index))
		return index;
	return new_cluster(tr, name, at, d);
}

uint32_t cluster_original(struct translation *tr, const char *name)
{
	uint32_t index;

	if (find_cluster(tr, name, &index))
		return index;
	index = new_cluster(tr, name, NULL, tr->self->document);
	tr->cluster.item[index].kind = L7FP_CLUSTER_ORIGINAL_DST;
	tr->cluster.item[index].protocol = L7FP_CLUSTER_ANY_HTTP;
	return index;
}

/* An endpoint whose labels are not known is in a subset that its Service's selector proves. */
static bool in_subset(const struct service *s, const struct endpoint *e,
		      const struct labels *subset)
{
	if (e->labels)
		return labels_match(subset, e->labels);
	return s->name && labels_match(subset, &s->selector);
}

static void add_endpoint(struct translation *tr, uint32_t index, const struct service *s,
			 const struct endpoint *e, const struct labels *subset)
{
	struct ir_cluster *c = &tr->cluster.item[index];
	struct ir_endpoint *to = &c->endpoint[c->n_endpoints++];

	to->address = e->address;
	to->port = e->port;
	to->weight = e->weight;
	to->healthy = e->healthy;
	authorizations_of(tr, s, e, subset, c);
}

static void report_members(struct translation *tr, const struct ir_cluster *c, size_t n_unknown,
			   size_t n_all, const struct document *d)
{
	if (n_unknown && !c->n_endpoints)
		diag_add(tr->diag, DIAG_WARNING, &d->at,
			 "%s: no endpoint, since the labels of %zu are not known; give their Pods or Workloads",
			 c->name, n_unknown);
	else if (!c->n_endpoints)
		diag_add(tr->diag, DIAG_INFORMATION, &d->at, "%s: no endpoint%s", c->name,
			 n_all ? " has the labels of the subset" : "");
	if (c->n_authorization > 1)
		diag_add(tr->diag, DIAG_INFORMATION, &d->at,
			 "%s: its endpoints are guarded by different policies; a request must pass all of them",
			 c->name);
}

uint32_t cluster_of(struct translation *tr, const struct service *s, const struct service_port *p,
		    const char *subset, const struct node *at)
{
	const char *name = node_printf(tr->docs->arena, "outbound|%u|%s|%s", p->number,
				       subset ? subset : "", s->host);
	struct traffic_policy t = { 0 };
	struct labels labels = { 0 };
	const struct node *found;
	size_t i, n_unknown = 0;
	uint32_t index;

	if (find_cluster(tr, name, &index))
		return index;
	index = new_cluster(tr, name, NULL, s->document);
	found = find_policy(tr, s, subset, &t, p->number);
	if (subset && !found)
		diag_add(tr->diag, DIAG_WARNING, at ? &at->at : &s->document->at,
			 "no DestinationRule defines the subset \"%s\" of %s; its requests are answered with 503",
			 subset, s->host);
	labels_read(tr->docs->arena, &labels, node_get(found, "labels"));
	apply_policy(tr, &tr->cluster.item[index], &t, p);
	tr->cluster_slow.item[index] = s->slow ? s->slow : policy_slow(&t);
	tls_of_cluster(tr, &tr->cluster.item[index], s, p, subset, t.tls);
	tr->cluster.item[index].endpoint = ir_alloc(tr->ir, (p->endpoint.n + 1) *
						    sizeof(struct ir_endpoint));
	for (i = 0; i < p->endpoint.n && (!subset || found); i++) {
		const struct endpoint *e = &p->endpoint.item[i];

		if (!subset || in_subset(s, e, &labels))
			add_endpoint(tr, index, s, e, subset ? &labels : NULL);
		else if (!e->labels && s->name)
			n_unknown++;
	}
	if (!subset || found)
		report_members(tr, &tr->cluster.item[index], n_unknown, p->endpoint.n,
			       s->document);
	return index;
}

uint32_t cluster_of_endpoint(struct translation *tr, const struct service *s,
			     const struct service_port *p, const struct endpoint *e)
{
	char address[INET6_ADDRSTRLEN];
	struct traffic_policy t = { 0 };
	const char *name;
	uint32_t index;

	address_print(&e->address, address);
	name = node_printf(tr->docs->arena, "endpoint|%u||%s", e->port, address);
	if (find_cluster(tr, name, &index))
		return index;
	index = new_cluster(tr, name, NULL, s->document);
	(void)find_policy(tr, s, NULL, &t, p->number);
	/* One endpoint: nothing is balanced. */
	t.load_balancer = NULL;
	apply_policy(tr, &tr->cluster.item[index], &t, p);
	tr->n_default_lb--;
	tr->cluster_slow.item[index] = s->slow ? s->slow : policy_slow(&t);
	tls_of_cluster(tr, &tr->cluster.item[index], s, p, NULL, t.tls);
	tr->cluster.item[index].endpoint = ir_alloc(tr->ir, sizeof(struct ir_endpoint));
	add_endpoint(tr, index, s, e, NULL);
	return index;
}
