// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual hosts. One for each host and port: of VirtualServices and routes of the
 * Gateway API, of services
 * that none names, and at the end of captured addresses.
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>

/* A host of a VirtualService, or of routes of the Gateway API. */
struct claim {
	struct document *document;
	const struct gateway_host *gateway;	/* NULL: a VirtualService */
	const char *host;	/* in full */
	size_t order;
};

struct hosts {
	struct translation *tr;
	LIST(struct claim) claim;
	struct names claim_names;	/* of @claim, before it is sorted */
	struct names made;		/* routes; see find_route() */
};

static struct ir_expr *authority_is(struct translation *tr, uint32_t op, const char *host)
{
	return ir_string(tr->ir, L7FP_FIELD_AUTHORITY, op, ir_strdup(tr->ir, host));
}

static size_t services_named(struct translation *tr, const char *name)
{
	uint32_t n;

	return names_find(&tr->short_names, name, &n) ? n : 0;
}

static struct ir_expr *addresses_are(struct translation *tr, const struct in6_addr *address,
				     size_t n)
{
	struct ir_expr **child = ir_alloc(tr->ir, (n + 1) * sizeof(struct ir_expr *));
	size_t i;

	for (i = 0; i < n; i++) {
		uint32_t addr[4];

		memcpy(addr, &address[i], sizeof(addr));
		child[i] = ir_address_in(tr, IR_DESTINATION_IP, addr, 128);
	}
	return ir_or(tr->ir, child, n);
}

/*
 * The names a client may use for a host of the cluster's domain: reviews,
 * reviews.default, reviews.default.svc and all of it. The first depends on the
 * client's namespace; where that is not known and several services have that
 * name it counts only with the service's own address.
 */
static size_t short_names(struct translation *tr, const char *host, const struct service *s,
			  struct ir_expr **child)
{
	const char *suffix = node_printf(tr->docs->arena, ".svc.%s", tr->domain);
	size_t n = strlen(host), m = strlen(suffix), c = 0;
	const char *dot, *name, *namespace;

	if (n <= m || strcmp(host + n - m, suffix) || *host == '*')
		return 0;
	dot = strchr(host, '.');
	if (!dot || dot >= host + n - m || memchr(dot + 1, '.', (size_t)(host + n - m - dot - 1)))
		return 0;
	name = node_printf(tr->docs->arena, "%.*s", (int)(dot - host), host);
	namespace = node_printf(tr->docs->arena, "%.*s", (int)(n - m - strlen(name) - 1), dot + 1);
	child[c++] = authority_is(tr, L7FP_MATCH_EXACT,
				  node_printf(tr->docs->arena, "%s.%s", name, namespace));
	child[c++] = authority_is(tr, L7FP_MATCH_EXACT,
				  node_printf(tr->docs->arena, "%s.%s.svc", name, namespace));
	if (tr->self) {
		if (!strcmp(namespace, tr->self->namespace))
			child[c++] = authority_is(tr, L7FP_MATCH_EXACT, name);
	} else if (services_named(tr, name) <= 1) {
		child[c++] = authority_is(tr, L7FP_MATCH_EXACT, name);
	} else if (s && s->address.n) {
		struct ir_expr *both[2] = {
			authority_is(tr, L7FP_MATCH_EXACT, name),
			addresses_are(tr, s->address.item, s->address.n),
		};

		child[c++] = ir_and(tr->ir, both, 2);
	}
	return c;
}

static struct ir_expr *host_expr(struct translation *tr, const char *host,
				 const struct service *s, uint32_t port)
{
	size_t n_addresses = s ? s->address.n : 0, i, n = 0;
	struct ir_expr **child = ir_alloc(tr->ir, (5 + n_addresses) * sizeof(struct ir_expr *));
	struct ir_expr *both[2];
	char text[INET6_ADDRSTRLEN];

	if (*host == '*')
		child[n++] = authority_is(tr, L7FP_MATCH_SUFFIX, host + 1);
	else
		child[n++] = authority_is(tr, L7FP_MATCH_EXACT, host);
	n += short_names(tr, host, s, child + n);
	for (i = 0; i < n_addresses; i++) {
		address_print(&s->address.item[i], text);
		child[n++] = authority_is(tr, L7FP_MATCH_EXACT, strchr(text, ':') ?
					  node_printf(tr->docs->arena, "[%s]", text) : text);
	}
	both[0] = ir_or(tr->ir, child, n);
	both[1] = ir_port_is(tr, port);
	return ir_and(tr->ir, both, 2);
}

/*
 * The route of an action: one for all blocks, hosts and ports, unless a
 * rewrite depends on the block, or what is done on the port.
 */
static uint32_t find_route(struct hosts *h, const struct host_rule *rule, uint32_t port,
			   const char *slow)
{
	const struct node *match = rule->match;
	const char *key;
	uint32_t route;

	if (!node_path(rule->action, "rewrite", "uri", NULL))
		match = NULL;
	if (!route_depends_on_port(h->tr, rule->document, rule->action))
		port = 0;
	key = node_printf(h->tr->docs->arena, "%p %p %u", (void *)rule->action,
			  (const void *)match, port);
	if (names_find(&h->made, key, &route))
		return route;
	route = route_of(h->tr, rule, match, port, slow);
	names_add(h->tr, &h->made, key, route);
	return route;
}

static void add_match(struct hosts *h, struct ir_virtual_host *host, const struct host_rule *rule,
		      uint32_t port, const char *slow)
{
	struct ir_expr *e = rule->match ? match_expr(h->tr, rule->match, port) : NULL;
	struct ir_match *m;

	if (e && e->kind == IR_FALSE)
		return;
	m = &host->match[host->n_matches++];
	source_of(h->tr, &m->source, rule->document, rule->match ? rule->match : rule->action,
		  rule->what_match);
	m->expr = e && e->kind == IR_TRUE ? NULL : e;
	m->route = find_route(h, rule, port, slow);
}

/* The blocks of the items of http, in their order. */
static size_t virtual_service_rules(struct translation *tr, const struct document *d,
				    struct host_rule **rules)
{
	struct node *http = node_path(d->root, "spec", "http", NULL);
	size_t i, k, n = 0, room = 0;
	struct host_rule *r;

	for (i = 0; i < node_count(http); i++)
		room += 1 + node_count(node_get(http->child[i], "match"));
	*rules = ir_alloc(tr->ir, (room + 1) * sizeof(**rules));
	for (i = 0; http && http->kind == NODE_LIST && i < http->n; i++) {
		struct node *blocks = node_get(http->child[i], "match");
		const char *what = node_printf(tr->docs->arena, "%s http[%zu]", d->what, i);

		if (blocks && blocks->kind != NODE_LIST)
			blocks = NULL;
		for (k = 0; k < node_count(blocks) || !k; k++) {
			r = &(*rules)[n++];
			r->document = d;
			r->action = http->child[i];
			r->match = node_count(blocks) ? blocks->child[k] : NULL;
			r->what = what;
			r->what_match = r->match ?
				node_printf(tr->docs->arena, "%s.match[%zu]", what, k) : what;
		}
	}
	return n;
}

/* Why all of a VirtualService is for the slow path; NULL: it is not. */
static const char *document_slow(const struct document *d)
{
	const struct node *export = node_path(d->root, "spec", "exportTo", NULL);

	return export ? slow_reason(export) : NULL;
}

/* False when nothing of the claim is for the port: as if it were not there. */
static bool routed_host(struct hosts *h, const struct claim *c, const char *name,
			const struct service *s, uint32_t port)
{
	const struct document *d = c->document;
	struct ir_virtual_host host = { .fallback = -1 };
	struct translation *tr = h->tr;
	struct host_rule *rules;
	size_t i, n;

	if (c->gateway) {
		rules = c->gateway->rule.item;
		n = c->gateway->rule.n;
	} else {
		n = virtual_service_rules(tr, d, &rules);
	}
	host.match = ir_alloc(tr->ir, (n + 1) * sizeof(*host.match));
	for (i = 0; i < n; i++)
		add_match(h, &host, &rules[i], port, c->gateway ? NULL : document_slow(d));
	if (!host.n_matches)
		return false;
	source_of(tr, &host.source, d, NULL, node_printf(tr->docs->arena, "%s host %s", d->what,
							 name));
	host.expr = host_expr(tr, name, s, port);
	*list_add(tr, &tr->virtual_host) = host;
	return true;
}

/* Clients choose the endpoint: they are told all addresses and no one stands for them. */
static bool is_headless(const struct service *s)
{
	const char *ip = node_string(node_path(s->document->root, "spec", "clusterIP", NULL));

	return s->name && ip && !strcmp(ip, "None");
}

/*
 * A host without routes of its own: to the service's port. One of a headless
 * Service is known by the address that the client chose, and goes there.
 */
static void plain_host(struct translation *tr, const struct service *s,
		       const struct service_port *p)
{
	const char *what = node_printf(tr->docs->arena, "%s port %u", s->document->what,
				       p->number);
	struct ir_virtual_host host = { .fallback = -1, .n_matches = 1 };

	if (is_headless(s))
		return;
	host.match = ir_alloc(tr->ir, sizeof(*host.match));
	source_of(tr, &host.match->source, s->document, NULL, what);
	source_of(tr, &host.source, s->document, NULL, what);
	host.match->route = route_to_cluster(tr, cluster_of(tr, s, p, NULL, NULL), what);
	host.expr = host_expr(tr, s->host, s, p->number);
	*list_add(tr, &tr->virtual_host) = host;
}

static void service_hosts(struct hosts *h, const struct claim *c, struct service *s)
{
	size_t i;

	s->routed = true;
	for (i = 0; i < s->port.n; i++) {
		const struct service_port *p = &s->port.item[i];

		if (p->http && !routed_host(h, c, s->host, s, p->number))
			plain_host(h->tr, s, p);
	}
}

bool is_for_mesh(const struct document *d)
{
	const struct node *gateways = node_path(d->root, "spec", "gateways", NULL);
	size_t i;

	if (!node_count(gateways))
		return true;
	for (i = 0; i < gateways->n; i++)
		if (node_string(gateways->child[i]) && !strcmp(gateways->child[i]->text, "mesh"))
			return true;
	return false;
}

/* Exact hosts first, then the longer wildcard; of two alike the older. */
static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	bool wild_x = *x->host == '*', wild_y = *y->host == '*';

	if (wild_x != wild_y)
		return wild_x ? 1 : -1;
	if (wild_x && strlen(x->host) != strlen(y->host))
		return strlen(x->host) > strlen(y->host) ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool claimed(struct hosts *h, const struct position *at, const char *host)
{
	const struct document *older;
	uint32_t index;

	if (!names_find(&h->claim_names, host, &index))
		return false;
	older = h->claim.item[index].document;
	diag_add(h->tr->diag, DIAG_WARNING, at,
		 "the host %s belongs to %s (%s:%d), which goes before; as in Istio it is not merged, and the rules here do not apply to it",
		 host, older->what, older->at.file, older->at.line);
	return true;
}

static void collect_claims(struct hosts *h)
{
	struct translation *tr = h->tr;
	size_t i;

	for (i = 0; i < tr->route_host.n; i++) {
		const struct named_host *named = &tr->route_host.item[i];
		struct claim *c;

		if (!node_count(node_path(named->document->root, "spec", "http", NULL)) ||
		    claimed(h, &named->node->at, named->host))
			continue;
		c = list_add(tr, &h->claim);
		c->document = named->document;
		c->host = named->host;
		c->order = h->claim.n;
		names_add(tr, &h->claim_names, c->host, (uint32_t)h->claim.n - 1);
	}
	for (i = 0; i < tr->gateway_host.n; i++) {
		const struct gateway_host *g = &tr->gateway_host.item[i];
		struct claim *c;

		if (claimed(h, &g->document->at, g->service->host))
			continue;
		c = list_add(tr, &h->claim);
		c->document = g->document;
		c->gateway = g;
		c->host = g->service->host;
		c->order = h->claim.n;
		names_add(tr, &h->claim_names, c->host, (uint32_t)h->claim.n - 1);
	}
	if (h->claim.n)
		qsort(h->claim.item, h->claim.n, sizeof(*h->claim.item), compare_claims);
}

/* A host that is no service: Istio serves it on port 80. */
#define UNREGISTERED_PORT 80

/* Ports of the services that a wildcard covers, each once. */
static size_t wildcard_ports(struct translation *tr, const char *pattern, uint32_t *port,
			     size_t room)
{
	size_t i, k, j, n = 0;

	for (i = 0; i < tr->service.n; i++) {
		const struct service *s = tr->service.item[i];

		if (!host_matches(pattern, s->host))
			continue;
		for (k = 0; k < s->port.n; k++) {
			for (j = 0; j < n && port[j] != s->port.item[k].number; j++)
				;
			if (s->port.item[k].http && j == n && n < room)
				port[n++] = s->port.item[k].number;
		}
	}
	if (!n)
		port[n++] = UNREGISTERED_PORT;
	return n;
}

static void claim_hosts(struct hosts *h, const struct claim *c)
{
	struct translation *tr = h->tr;
	struct service *s = registry_find(tr, c->host);
	size_t i;

	if (*c->host != '*' && s) {
		if (!s->routed)
			service_hosts(h, c, s);
		return;
	}
	if (*c->host != '*') {
		if (tr->service.n)
			diag_add(tr->diag, DIAG_INFORMATION, &c->document->at,
				 "no Service or ServiceEntry has the host %s: it is served on port %d only, as in Istio",
				 c->host, UNREGISTERED_PORT);
		routed_host(h, c, c->host, NULL, UNREGISTERED_PORT);
		return;
	}
	for (i = 0; i < tr->service.n; i++)
		if (!tr->service.item[i]->routed &&
		    host_matches(c->host, tr->service.item[i]->host))
			service_hosts(h, c, tr->service.item[i]);
}

static void wildcard_hosts(struct hosts *h, const struct claim *c)
{
	uint32_t port[65536 / 64];
	size_t i, n;

	if (*c->host != '*')
		return;
	n = wildcard_ports(h->tr, c->host, port, sizeof(port) / sizeof(port[0]));
	for (i = 0; i < n; i++)
		routed_host(h, c, c->host, NULL, port[i]);
}

void host_of_address(struct translation *tr, const struct in6_addr *address, size_t n,
		     uint32_t port, uint32_t cluster)
{
	const char *what = node_printf(tr->docs->arena, "original destination, %s",
				       tr->cluster.item[cluster].name);
	struct ir_virtual_host host = { .fallback = -1, .n_matches = 1 };
	struct ir_expr *both[2];

	host.source = tr->cluster.item[cluster].source;
	host.source.what = ir_strdup(tr->ir, what);
	host.match = ir_alloc(tr->ir, sizeof(*host.match));
	host.match->source = host.source;
	host.match->route = route_to_cluster(tr, cluster, what);
	both[0] = addresses_are(tr, address, n);
	both[1] = ir_port_is(tr, port);
	host.expr = ir_and(tr->ir, both, 2);
	*list_add(tr, &tr->virtual_host) = host;
}

void hosts_build(struct translation *tr)
{
	struct hosts h = { .tr = tr };
	size_t i, k;

	if (tr->self)
		inbound_build(tr);
	rules_match(tr);
	gateway_build(tr);
	protocols_decide(tr);
	collect_claims(&h);
	for (i = 0; i < h.claim.n; i++)
		claim_hosts(&h, &h.claim.item[i]);
	for (i = 0; i < tr->service.n; i++) {
		const struct service *s = tr->service.item[i];

		for (k = 0; !s->routed && k < s->port.n; k++)
			if (s->port.item[k].http)
				plain_host(tr, s, &s->port.item[k]);
	}
	for (i = 0; i < h.claim.n; i++)
		wildcard_hosts(&h, &h.claim.item[i]);
	captures_build(tr);
	if (tr->self)
		unknown_build(tr);
}
