// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which addresses and ports are captured, and whether as HTTP or as bytes.
 * Endpoints are captured beside their service's address, or a client could go
 * round the policies by connecting to one.
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>

/* A tcp or tls item applies to the port. */
static bool routes_port(const struct document *d, const char *kind, uint32_t port)
{
	const struct node *list = node_path(d->root, "spec", kind, NULL);
	size_t i, k;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *match = node_get(list->child[i], "match");

		if (!node_count(match))
			return true;
		for (k = 0; k < match->n; k++) {
			const struct node *want = node_get(match->child[k], "port");

			if (!want || want->kind != NODE_INT || !want->integer ||
			    want->integer == (int64_t)port)
				return true;
		}
	}
	return false;
}

static void decide_protocol(struct translation *tr, struct service *s, struct service_port *p)
{
	const char *routed = NULL;
	bool guarded;
	size_t i;

	for (i = 0; i < tr->route_host.n; i++) {
		const struct document *d = tr->route_host.item[i].document;

		if (!host_matches(tr->route_host.item[i].host, s->host))
			continue;
		if (node_count(node_path(d->root, "spec", "http", NULL)))
			routed = d->kind;
		if (routes_port(d, "tcp", p->number) || routes_port(d, "tls", p->number))
			p->l4_routed = true;
	}
	for (i = 0; i < tr->gateway_host.n; i++)
		if (tr->gateway_host.item[i].service == s)
			routed = tr->gateway_host.item[i].document->kind;
	if (p->protocol == PORT_HTTP2)
		diag_add(tr->diag, DIAG_INFORMATION, &s->document->at,
			 "%s port %u is HTTP/2: requests of HTTP/1.1 to it are answered with 502",
			 s->document->what, p->number);
	if (p->protocol != PORT_AUTO) {
		p->http = p->protocol != PORT_TCP;
		return;
	}
	if (tr->self) {
		p->http = true;
		p->detect = true;
		return;
	}
	guarded = port_has_http_guard(tr, s, p);
	p->http = routed || guarded;
	diag_add(tr->diag, DIAG_INFORMATION, &s->document->at,
		 "%s port %u names no protocol: %s; name it http-%s or tcp-%s to say which",
		 s->document->what, p->number,
		 routed ? node_printf(tr->docs->arena, "taken for HTTP, since a %s routes it",
				      routed) :
		 guarded ? "taken for HTTP, since an AuthorizationPolicy looks at HTTP there" :
		 "forwarded as bytes", *p->name ? p->name : "web", *p->name ? p->name : "web");
}

void protocols_decide(struct translation *tr)
{
	size_t i, k;

	for (i = 0; i < tr->service.n; i++)
		for (k = 0; k < tr->service.item[i]->port.n; k++)
			decide_protocol(tr, tr->service.item[i], &tr->service.item[i]->port.item[k]);
}

static uint32_t closed_cluster(struct translation *tr, const struct service *s,
			       const struct service_port *p)
{
	return cluster_empty(tr, node_printf(tr->docs->arena, "closed|%u||%s", p->number, s->host),
			     NULL, s->document);
}

/* The cluster of an opaque port; one without endpoints where it may not pass unjudged. */
static uint32_t opaque_cluster(struct translation *tr, struct service *s, struct service_port *p,
			       bool *closed)
{
	const char *by = NULL;
	enum static_decision decision = decide_port(tr, s, p, &by);
	uint32_t cluster;

	*closed = true;
	if (decision != DECIDED_ALLOW) {
		diag_add(tr->diag, decision == DECIDED_DENY ? DIAG_INFORMATION : DIAG_WARNING,
			 &s->document->at,
			 decision == DECIDED_DENY ?
			 "connections to %s port %u are refused: %s" :
			 "connections to %s port %u are refused, since the kernel cannot judge them yet: %s",
			 s->document->what, p->number, by);
		return closed_cluster(tr, s, p);
	}
	if (p->l4_routed) {
		diag_add(tr->diag, DIAG_WARNING, &s->document->at,
			 "connections to %s port %u are refused: a VirtualService routes them, which the kernel does not do yet",
			 s->document->what, p->number);
		return closed_cluster(tr, s, p);
	}
	cluster = cluster_of(tr, s, p, NULL, NULL);
	if (tr->cluster_slow.item[cluster]) {
		diag_add(tr->diag, DIAG_WARNING, &s->document->at,
			 "connections to %s port %u are refused: %s", s->document->what, p->number,
			 tr->cluster_slow.item[cluster]);
		return closed_cluster(tr, s, p);
	}
	*closed = false;
	return cluster;
}

static struct ir_capture *capture(struct translation *tr, const struct in6_addr *address,
				  uint16_t port, bool opaque, uint32_t cluster)
{
	struct ir_capture *c = list_add(tr, &tr->capture);

	memset(c, 0, sizeof(*c));
	c->address = *address;
	c->port = port;
	c->opaque = opaque;
	c->cluster = cluster;
	return c;
}

/* Of a workload's own connections: one to an endpoint goes there, without a listener for each. */
static uint32_t opaque_endpoint(struct translation *tr, const struct service *s,
				const struct service_port *p, const struct endpoint *e)
{
	return tr->self ? cluster_passthrough(tr) : cluster_of_endpoint(tr, s, p, e);
}

/* Istio has no proxy at such an endpoint, and so judges nothing there. */
static void report_external(struct translation *tr, const struct service *s,
			    const struct service_port *p, uint32_t cluster)
{
	const struct node *location = node_path(s->document->root, "spec", "location", NULL);

	if (s->name || !tr->cluster.item[cluster].n_authorization ||
	    (location && location->length && !strcmp(location->text, "MESH_INTERNAL")))
		return;
	diag_add(tr->diag, DIAG_INFORMATION, &s->document->at,
		 "%s port %u is outside the mesh (location MESH_EXTERNAL): policies of its namespace are applied to it all the same, other than in Istio",
		 s->host, p->number);
}

static void capture_http(struct translation *tr, struct service *s, struct service_port *p)
{
	uint32_t cluster = cluster_of(tr, s, p, NULL, NULL), opaque = cluster;
	struct ir_capture *c;
	bool closed = false;
	size_t i;

	report_external(tr, s, p, cluster);
	if (p->detect)
		opaque = opaque_cluster(tr, s, p, &closed);
	for (i = 0; i < s->address.n; i++) {
		c = capture(tr, &s->address.item[i], p->number, false, cluster);
		c->detect = p->detect;
		c->opaque_cluster = opaque;
	}
	if (s->address.n)
		host_of_address(tr, s->address.item, s->address.n, p->number, cluster);
	for (i = 0; i < p->endpoint.n; i++) {
		const struct endpoint *e = &p->endpoint.item[i];
		uint32_t one = cluster_of_endpoint(tr, s, p, e);

		c = capture(tr, &e->address, e->port, false, one);
		c->detect = p->detect;
		c->opaque_cluster = closed || !p->detect ? opaque : opaque_endpoint(tr, s, p, e);
		host_of_address(tr, &e->address, 1, e->port, one);
	}
}

static void capture_bytes(struct translation *tr, struct service *s, struct service_port *p)
{
	bool closed;
	uint32_t cluster = opaque_cluster(tr, s, p, &closed);
	size_t i;

	for (i = 0; i < s->address.n; i++)
		capture(tr, &s->address.item[i], p->number, true, cluster);
	for (i = 0; i < p->endpoint.n; i++) {
		const struct endpoint *e = &p->endpoint.item[i];

		capture(tr, &e->address, e->port, true,
			closed ? cluster : opaque_endpoint(tr, s, p, e));
	}
}

/* Bytes go somewhere. */
static bool is_open(const struct translation *tr, uint32_t cluster)
{
	return tr->cluster.item[cluster].n_endpoints > 0 ||
	       tr->cluster.item[cluster].kind == L7FP_CLUSTER_ORIGINAL_DST;
}

/* What is safest first: HTTP is judged, then closed, then open. */
static int compare_captures(const void *a, const void *b, void *context)
{
	const struct translation *tr = context;
	const struct ir_capture *x = a, *y = b;
	int d = memcmp(&x->address, &y->address, sizeof(x->address));

	if (!d)
		d = (int)x->port - (int)y->port;
	if (!d)
		d = (int)x->opaque - (int)y->opaque;
	if (!d)
		d = (int)x->detect - (int)y->detect;
	if (!d && x->opaque)
		d = (int)is_open(tr, x->cluster) - (int)is_open(tr, y->cluster);
	if (!d && x->detect)
		d = (int)is_open(tr, x->opaque_cluster) - (int)is_open(tr, y->opaque_cluster);
	if (!d)
		d = x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
	return d;
}

void captures_build(struct translation *tr)
{
	size_t i, k, n = 0;

	for (i = 0; i < tr->service.n; i++) {
		struct service *s = tr->service.item[i];

		if (s->name && !s->address.n && !s->slow)
			diag_add(tr->diag, DIAG_INFORMATION, &s->document->at,
				 "%s has no clusterIP: only its endpoints' addresses are captured",
				 s->document->what);
		for (k = 0; k < s->port.n; k++) {
			if (s->port.item[k].http)
				capture_http(tr, s, &s->port.item[k]);
			else
				capture_bytes(tr, s, &s->port.item[k]);
		}
	}
	if (!tr->capture.n)
		return;
	qsort_r(tr->capture.item, tr->capture.n, sizeof(*tr->capture.item), compare_captures, tr);
	for (i = 1; i < tr->capture.n; i++) {
		struct ir_capture *last = &tr->capture.item[n], *c = &tr->capture.item[i];

		if (last->port != c->port ||
		    memcmp(&last->address, &c->address, sizeof(c->address)))
			tr->capture.item[++n] = *c;
	}
	tr->capture.n = n + 1;
}
