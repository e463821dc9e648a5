// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the documents of Services do not say of a workload: which connections
 * that arrive for it are judged, and what becomes of those that it makes to
 * destinations that nobody has described.
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>

#define BAD_GATEWAY 502
#define MAX_TLS_PORTS 1024

static struct ir_virtual_host *add_host(struct translation *tr, const char *what,
					struct ir_expr *expr, uint32_t route)
{
	struct ir_virtual_host *host = list_add(tr, &tr->virtual_host);

	memset(host, 0, sizeof(*host));
	source_of(tr, &host->source, tr->self->document, NULL, what);
	host->expr = expr;
	host->fallback = -1;
	host->n_matches = 1;
	host->match = ir_alloc(tr->ir, sizeof(*host->match));
	host->match->source = host->source;
	host->match->route = route;
	return host;
}

static enum l7fp_protocol protocol_of(enum port_protocol protocol)
{
	switch (protocol) {
	case PORT_HTTP:
	case PORT_HTTP2:
		return L7FP_PROTOCOL_HTTP;
	case PORT_AUTO:
		return L7FP_PROTOCOL_DETECT;
	case PORT_TCP:
		break;
	}
	return L7FP_PROTOCOL_OPAQUE;
}

typedef LIST(struct ir_inbound_port) port_list;

static void add_port(struct translation *tr, port_list *list, uint16_t number,
		     enum l7fp_protocol protocol)
{
	struct ir_inbound_port *p;
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->item[i].port != number)
			continue;
		/* Where two Services differ the bytes tell. */
		if (list->item[i].protocol != protocol)
			list->item[i].protocol = L7FP_PROTOCOL_DETECT;
		return;
	}
	p = list_add(tr, list);
	p->port = number;
	p->protocol = protocol;
	p->tls = tr->tls ? tls_mode_of(tr, tr->self->namespace, &tr->self->labels, number) :
		 L7FP_TLS_DISABLE;
}

static void read_ports(struct translation *tr, port_list *list)
{
	size_t i, k, j;

	for (i = 0; i < tr->service.n; i++) {
		const struct service *s = tr->service.item[i];

		for (k = 0; k < s->port.n; k++)
			for (j = 0; j < s->port.item[k].endpoint.n; j++)
				if (self_is_at(tr, &s->port.item[k].endpoint.item[j].address))
					add_port(tr, list, s->port.item[k].endpoint.item[j].port,
						 protocol_of(s->port.item[k].protocol));
	}
}

/* Of ports that no Service has: PeerAuthentication names workload ports. */
static void read_tls_ports(struct translation *tr, port_list *list)
{
	uint16_t port[MAX_TLS_PORTS];
	size_t i, k, n = tls_ports(tr, port, MAX_TLS_PORTS);

	for (i = 0; i < n; i++) {
		for (k = 0; k < list->n && list->item[k].port != port[i]; k++)
			;
		if (k == list->n)
			add_port(tr, list, port[i], L7FP_PROTOCOL_DETECT);
	}
}

/* Whether TLS may come in; then all that does is looked at. */
static bool takes_tls(struct translation *tr, struct ir_inbound *in, const port_list *list)
{
	size_t i;

	if (!tr->tls)
		return false;
	in->tls = tls_mode_of(tr, tr->self->namespace, &tr->self->labels, 0);
	for (i = 0; i < list->n; i++)
		if (list->item[i].tls != L7FP_TLS_DISABLE)
			return true;
	return in->tls != L7FP_TLS_DISABLE;
}

static void read_probes(struct translation *tr, struct ir_inbound *in)
{
	const struct node *spec = node_get(tr->self->document->root, "spec");
	const struct node *from = spec ? spec : tr->self->document->root;
	const struct node *ports = node_get(from, "probePorts");
	const struct node *nodes = node_get(from, "nodeAddresses");
	struct in6_addr address;
	size_t i;

	in->probe_port = ir_alloc(tr->ir, (node_count(ports) + 1) * sizeof(*in->probe_port));
	for (i = 0; ports && ports->kind == NODE_LIST && i < ports->n; i++)
		if (ports->child[i]->kind == NODE_INT)
			in->probe_port[in->n_probe_ports++] = (uint16_t)ports->child[i]->integer;
	in->node = ir_alloc(tr->ir, (node_count(nodes) + 1) * sizeof(*in->node));
	for (i = 0; nodes && nodes->kind == NODE_LIST && i < nodes->n; i++)
		if (node_string(nodes->child[i]) && address_read(nodes->child[i]->text, &address))
			in->node[in->n_nodes++] = address;
	if (in->n_probe_ports && !in->n_nodes)
		diag_add(tr->diag, DIAG_WARNING, &tr->self->document->at,
			 "%s has probePorts and no nodeAddresses: no probe is let through",
			 tr->self->document->what);
}

void inbound_build(struct translation *tr)
{
	struct ir_inbound *in = &tr->ir->inbound;
	port_list ports = { 0 };
	struct ir_expr *e;

	in->cluster = cluster_original(tr, "inbound");
	read_ports(tr, &ports);
	if (tr->tls)
		read_tls_ports(tr, &ports);
	in->captured = authorizations_inbound(tr, &tr->cluster.item[in->cluster], &in->connect);
	in->captured |= takes_tls(tr, in, &ports);
	if (!in->captured)
		return;
	if (!tr->self->address.n)
		diag_add(tr->diag, DIAG_ERROR, &tr->self->document->at,
			 "%s has no addresses: what arrives for it cannot be judged; give them",
			 tr->self->document->what);
	in->n_addresses = tr->self->address.n;
	in->address = tr->self->address.item;
	in->n_ports = ports.n;
	in->port = ports.item;
	read_probes(tr, in);
	e = ir_alloc(tr->ir, sizeof(*e));
	e->kind = IR_INBOUND;
	add_host(tr, node_printf(tr->docs->arena, "%s inbound", tr->self->document->what), e,
		 route_to_cluster(tr, in->cluster, "inbound"));
}

uint32_t cluster_passthrough(struct translation *tr)
{
	return cluster_original(tr, "PassthroughCluster");
}

static void capture_all(struct translation *tr, uint16_t port, bool detect, uint32_t cluster)
{
	struct ir_capture *c = list_add(tr, &tr->capture);

	memset(c, 0, sizeof(*c));
	c->port = port;
	c->opaque = !detect;
	c->detect = detect;
	c->cluster = cluster;
	c->opaque_cluster = cluster;
}

static uint32_t route_refused(struct translation *tr)
{
	struct ir_route *r = list_add(tr, &tr->route);

	memset(r, 0, sizeof(*r));
	source_of(tr, &r->source, tr->self->document, NULL,
		  "unknown destination, outboundTrafficPolicy REGISTRY_ONLY");
	r->kind = L7FP_ROUTE_DIRECT;
	r->status = BAD_GATEWAY;
	return (uint32_t)tr->route.n - 1;
}

/*
 * Requests are routed by port and Host, so a port that any Service has for HTTP
 * is looked into whatever the address. Other ports go on as they are, with no
 * look at them: nobody waits for a server that speaks first.
 */
void unknown_build(struct translation *tr)
{
	uint64_t seen[65536 / 64] = { 0 };
	uint32_t cluster;
	size_t i, k;

	if (tr->self->registry_only) {
		cluster = cluster_empty(tr, "BlackHoleCluster", NULL, tr->self->document);
		add_host(tr, "BlackHoleCluster", ir_true(tr->ir), route_refused(tr));
		capture_all(tr, 0, true, cluster);
		return;
	}
	cluster = cluster_passthrough(tr);
	add_host(tr, "PassthroughCluster", ir_true(tr->ir),
		 route_to_cluster(tr, cluster, "PassthroughCluster"));
	capture_all(tr, 0, false, cluster);
	for (i = 0; i < tr->service.n; i++) {
		for (k = 0; k < tr->service.item[i]->port.n; k++) {
			const struct service_port *p = &tr->service.item[i]->port.item[k];

			if (!p->http || seen[p->number / 64] & 1ULL << p->number % 64)
				continue;
			seen[p->number / 64] |= 1ULL << p->number % 64;
			capture_all(tr, p->number, true, cluster);
		}
	}
}
