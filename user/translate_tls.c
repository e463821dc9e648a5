// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutual TLS: what a workload's ports take (PeerAuthentication), and what is said to servers
 * (DestinationRule, or by itself where every endpoint has its policies enforced).
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>

static bool is_peer_authentication(const struct document *d)
{
	return !strcmp(d->group, "security.istio.io") && !strcmp(d->kind, "PeerAuthentication") &&
	       node_worst(d->root, NULL) != NODE_INVALID;
}

static const struct node *client_mode(const struct node *policy)
{
	return node_path(policy, "tls", "mode", NULL);
}

static void express_policy(const struct node *policy)
{
	const struct node *ports = node_get(policy, "portLevelSettings");
	size_t i;

	if (tls_is_istio_mutual(client_mode(policy)))
		node_express((struct node *)client_mode(policy));
	for (i = 0; ports && ports->kind == NODE_LIST && i < ports->n; i++)
		if (tls_is_istio_mutual(client_mode(ports->child[i])))
			node_express((struct node *)client_mode(ports->child[i]));
}

bool tls_is_istio_mutual(const struct node *mode)
{
	return node_string(mode) && !strcmp(mode->text, "ISTIO_MUTUAL");
}

void tls_express(struct translation *tr)
{
	size_t i, k;

	for (i = 0; i < tr->docs->n; i++) {
		struct document *d = tr->docs->list[i];
		const struct node *spec = node_get(d->root, "spec"), *subsets;

		if (is_peer_authentication(d))
			node_express(d->root);
		if (strcmp(d->group, "networking.istio.io") || strcmp(d->kind, "DestinationRule"))
			continue;
		express_policy(node_get(spec, "trafficPolicy"));
		subsets = node_get(spec, "subsets");
		for (k = 0; subsets && subsets->kind == NODE_LIST && k < subsets->n; k++)
			express_policy(node_get(subsets->child[k], "trafficPolicy"));
	}
}

/* How near a document is to a workload; 0: it does not concern it. */
enum { NOT_FOR_IT, FOR_MESH, FOR_NAMESPACE, FOR_WORKLOAD };

static int concerns(const struct translation *tr, const struct document *d, const char *namespace,
		    const struct labels *labels)
{
	const struct node *match = node_path(d->root, "spec", "selector", "matchLabels", NULL);
	bool own = !strcmp(d->namespace, namespace);
	struct labels wanted = { 0 };

	if (!node_count(match)) {
		if (own)
			return FOR_NAMESPACE;
		return strcmp(d->namespace, tr->root_namespace) ? NOT_FOR_IT : FOR_MESH;
	}
	labels_read(tr->docs->arena, &wanted, match);
	return own && labels && labels_match(&wanted, labels) ? FOR_WORKLOAD : NOT_FOR_IT;
}

static bool is_older(const struct document *a, const struct document *b)
{
	const char *x = node_string(node_path(a->root, "metadata", "creationTimestamp", NULL));
	const char *y = node_string(node_path(b->root, "metadata", "creationTimestamp", NULL));

	return x && y && strcmp(x, y) < 0;
}

/* One that is not there, or UNSET, leaves it to the next wider one. */
static bool read_mode(const struct node *mtls, enum l7fp_tls_mode *mode)
{
	const char *s = node_string(node_get(mtls, "mode"));

	if (!s || !strcmp(s, "UNSET"))
		return false;
	*mode = !strcmp(s, "STRICT") ? L7FP_TLS_STRICT :
		!strcmp(s, "DISABLE") ? L7FP_TLS_DISABLE : L7FP_TLS_PERMISSIVE;
	return true;
}

static const struct node *port_level(const struct document *d, uint16_t port)
{
	const struct node *ports = node_path(d->root, "spec", "portLevelMtls", NULL);
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	return node_get(ports, text);
}

enum l7fp_tls_mode tls_mode_of(struct translation *tr, const char *namespace,
			       const struct labels *labels, uint16_t port)
{
	const struct document *best[FOR_WORKLOAD + 1] = { NULL };
	enum l7fp_tls_mode mode = L7FP_TLS_PERMISSIVE;
	size_t i;
	int near;

	for (i = 0; i < tr->docs->n; i++) {
		const struct document *d = tr->docs->list[i];

		if (!is_peer_authentication(d))
			continue;
		near = concerns(tr, d, namespace, labels);
		if (near && (!best[near] || is_older(d, best[near])))
			best[near] = d;
	}
	if (best[FOR_WORKLOAD] && port && read_mode(port_level(best[FOR_WORKLOAD], port), &mode))
		return mode;
	for (near = FOR_WORKLOAD; near; near--)
		if (best[near] && read_mode(node_path(best[near]->root, "spec", "mtls", NULL),
					    &mode))
			break;
	return mode;
}

size_t tls_ports(struct translation *tr, uint16_t *port, size_t max)
{
	size_t i, k, n = 0;

	for (i = 0; i < tr->docs->n; i++) {
		const struct document *d = tr->docs->list[i];
		const struct node *ports;

		if (!is_peer_authentication(d) ||
		    concerns(tr, d, tr->self->namespace, &tr->self->labels) != FOR_WORKLOAD)
			continue;
		ports = node_path(d->root, "spec", "portLevelMtls", NULL);
		for (k = 0; ports && ports->kind == NODE_MAP && k < ports->n && n < max; k++) {
			long number = strtol(ports->key[k]->text, NULL, 10);

			if (number > 0 && number <= UINT16_MAX)
				port[n++] = (uint16_t)number;
		}
	}
	return n;
}

/* Istio's own way to say mutual TLS: where a sidecar is at each endpoint. */
static bool all_take_it(struct translation *tr, const struct service_port *p)
{
	size_t i;

	for (i = 0; i < p->endpoint.n; i++) {
		const struct endpoint *e = &p->endpoint.item[i];

		if (!e->enforced || tls_mode_of(tr, e->namespace, e->labels, e->port) ==
				    L7FP_TLS_DISABLE)
			return false;
	}
	return p->endpoint.n;
}

static void add_name(struct ir_tls *tls, const char *name)
{
	size_t i;

	for (i = 0; i < tls->n_sans; i++)
		if (!strcmp(tls->san[i], name))
			return;
	if (tls->n_sans < L7FP_MAX_TLS_SANS)
		tls->san[tls->n_sans++] = name;
}

/* Who the servers may be: who the Pods and Workloads at their addresses are. */
static void accounts(struct translation *tr, struct ir_tls *tls, const struct service_port *p)
{
	size_t i;

	tls->san = ir_alloc(tr->ir, (p->endpoint.n + 1) * sizeof(*tls->san));
	for (i = 0; i < p->endpoint.n; i++) {
		const struct workload *w = workload_find(tr, &p->endpoint.item[i].address);

		if (w)
			add_name(tls, ir_strdup(tr->ir,
				 node_printf(tr->docs->arena, "spiffe://%s",
					     tr->caller.item[w->caller].principal)));
	}
}

static void written_names(struct translation *tr, struct ir_tls *tls, const struct node *names)
{
	size_t i;

	tls->san = ir_alloc(tr->ir, (names->n + 1) * sizeof(*tls->san));
	for (i = 0; i < names->n; i++)
		if (node_string(names->child[i]))
			add_name(tls, ir_strdup(tr->ir, names->child[i]->text));
}

static void protocols(struct ir_tls *tls, const struct service_port *p,
		      enum l7fp_cluster_protocol protocol)
{
	size_t n = 0;

	/* What a sidecar knows its kind by, then what any server does. */
	if (p->protocol != PORT_TCP && protocol == L7FP_CLUSTER_HTTP1)
		tls->alpn[n++] = "istio-http/1.1";
	else if (p->protocol != PORT_TCP && protocol == L7FP_CLUSTER_HTTP2)
		tls->alpn[n++] = "istio-h2";
	tls->alpn[n++] = "istio";
	if (p->protocol != PORT_TCP && protocol == L7FP_CLUSTER_HTTP1)
		tls->alpn[n++] = "http/1.1";
	else if (p->protocol != PORT_TCP && protocol == L7FP_CLUSTER_HTTP2)
		tls->alpn[n++] = "h2";
	tls->n_alpn = n;
}

void tls_of_cluster(struct translation *tr, struct ir_cluster *c, const struct service *s,
		    const struct service_port *p, const char *subset, const struct node *tls)
{
	const struct node *names = node_get(tls, "subjectAltNames");
	const char *sni = node_string(node_get(tls, "sni"));
	struct ir_tls *t;

	if (!tr->tls || (tls && !tls_is_istio_mutual(node_get(tls, "mode"))) ||
	    (!tls && !all_take_it(tr, p)))
		return;
	t = ir_alloc(tr->ir, sizeof(*t));
	t->check = L7FP_TLS_CHECK_SPIFFE;
	if (!sni || !*sni)
		sni = node_printf(tr->docs->arena, "outbound_.%u_.%s_.%s", p->number,
				  subset ? subset : "", s->host);
	t->sni = ir_strdup(tr->ir, sni);
	if (node_count(names))
		written_names(tr, t, names);
	else
		accounts(tr, t, p);
	protocols(t, p, c->protocol);
	c->tls = t;
}
