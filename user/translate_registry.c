// SPDX-License-Identifier: GPL-2.0-only
/*
 * The services that the documents describe.
 */
#include "translation.h"
#include "classify_rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *host_in_full(struct translation *tr, const char *host, const char *namespace)
{
	char *full;
	size_t i, n;

	/* Istio: only a name without a dot is short. */
	if (strchr(host, '.') || strchr(host, ':') || *host == '*')
		full = node_printf(tr->docs->arena, "%s", host);
	else
		full = node_printf(tr->docs->arena, "%s.%s.svc.%s", host, namespace, tr->domain);
	n = strlen(full);
	for (i = 0; i < n; i++)
		full[i] = (char)tolower((unsigned char)full[i]);
	if (n > 1 && full[n - 1] == '.')
		full[n - 1] = '\0';
	return full;
}

bool host_matches(const char *pattern, const char *host)
{
	size_t n = strlen(host), m;

	if (*pattern != '*')
		return !strcmp(pattern, host);
	m = strlen(++pattern);
	return n > m && !strcmp(host + n - m, pattern);
}

struct service *registry_find(struct translation *tr, const char *host)
{
	uint32_t index;

	return names_find(&tr->service_names, host, &index) ? tr->service.item[index] : NULL;
}

struct service_port *service_port_find(struct service *s, uint32_t number)
{
	size_t i;

	for (i = 0; i < s->port.n; i++)
		if (s->port.item[i].number == number)
			return &s->port.item[i];
	return NULL;
}

static bool prefix_is(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncasecmp(name, prefix, n) && (!name[n] || name[n] == '-');
}

/* As Istio: appProtocol, else the port's name up to "-". */
static enum port_protocol protocol_of(const char *name, const char *app)
{
	static const char * const http2[] = { "http2", "grpc", "grpc-web" };
	static const char * const tcp[] = { "tcp", "tls", "https", "mongo", "mysql", "redis" };
	const char *s = app && *app ? app : name;
	size_t i;

	if (!s || !*s)
		return PORT_AUTO;
	if (!strcasecmp(s, "kubernetes.io/h2c"))
		return PORT_HTTP2;
	if (!strcasecmp(s, "kubernetes.io/ws"))
		return PORT_HTTP;
	if (!strcasecmp(s, "kubernetes.io/wss"))
		return PORT_TCP;
	for (i = 0; i < sizeof(http2) / sizeof(http2[0]); i++)
		if (prefix_is(s, http2[i]))
			return PORT_HTTP2;
	for (i = 0; i < sizeof(tcp) / sizeof(tcp[0]); i++)
		if (prefix_is(s, tcp[i]))
			return PORT_TCP;
	return prefix_is(s, "http") ? PORT_HTTP : PORT_AUTO;
}

static uint32_t number_of(const struct node *n)
{
	return n && n->kind == NODE_INT && n->integer > 0 && n->integer <= 65535 ?
		(uint32_t)n->integer : 0;
}

static void add_endpoint(struct translation *tr, struct service *s, struct service_port *p,
			 const char *address, uint32_t port, bool healthy)
{
	const struct workload *w;
	struct endpoint *e;
	struct in6_addr in6;
	size_t i;

	if (!address || !port || !address_read(address, &in6))
		return;
	/* Slices of one Service may repeat an endpoint. */
	for (i = 0; i < p->endpoint.n; i++)
		if (p->endpoint.item[i].port == port &&
		    !memcmp(&p->endpoint.item[i].address, &in6, sizeof(in6)))
			return;
	if (p->endpoint.n == L7FP_MAX_ENDPOINTS) {
		diag_add(tr->diag, DIAG_ERROR, &s->document->at,
			 "%s has more than %d endpoints; the kernel takes no more",
			 s->document->what, L7FP_MAX_ENDPOINTS);
		return;
	}
	w = workload_find(tr, &in6);
	e = list_add(tr, &p->endpoint);
	e->address = in6;
	e->port = (uint16_t)port;
	e->weight = 1;
	e->healthy = healthy;
	e->labels = w ? &w->labels : NULL;
	e->enforced = w && w->enforced;
	e->namespace = w ? w->namespace : s->namespace;
}

/* A host that two documents describe would be captured for one of them only. */
static bool add_host(struct translation *tr, struct service *s)
{
	const struct service *other = registry_find(tr, s->host);

	if (other) {
		diag_add(tr->diag, DIAG_ERROR, &s->document->at,
			 "%s describes the host %s, as %s does (%s:%d); keep one of them",
			 s->document->what, s->host, other->document->what,
			 other->document->at.file, other->document->at.line);
		return false;
	}
	names_add(tr, &tr->service_names, s->host, (uint32_t)tr->service.n);
	*list_add(tr, &tr->service) = s;
	return true;
}

static void add_service(struct translation *tr, const struct document *d)
{
	const struct node *spec = node_get(d->root, "spec"), *list;
	struct service *s = ir_alloc(tr->ir, sizeof(*s));
	const char *ip = node_string(node_get(spec, "clusterIP"));
	const char *type = node_string(node_get(spec, "type"));
	struct in6_addr address;
	size_t i;

	s->document = d;
	s->name = d->name;
	s->namespace = d->namespace;
	s->host = host_in_full(tr, node_printf(tr->docs->arena, "%s.%s.svc.%s", d->name,
					       d->namespace, tr->domain), d->namespace);
	labels_read(tr->docs->arena, &s->selector, node_get(spec, "selector"));
	if (!add_host(tr, s))
		return;
	if (type && !strcmp(type, "ExternalName"))
		s->slow = "names are not resolved yet";
	list = node_get(spec, "clusterIPs");
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (node_string(list->child[i]) && address_read(list->child[i]->text, &address))
			*list_add(tr, &s->address) = address;
	if (!s->address.n && ip && address_read(ip, &address))
		*list_add(tr, &s->address) = address;
	list = node_get(spec, "ports");
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *n = list->child[i];
		const char *l4 = node_string(node_get(n, "protocol"));
		struct service_port *p;

		if (!number_of(node_get(n, "port")) || (l4 && strcmp(l4, "TCP")))
			continue;
		p = list_add(tr, &s->port);
		p->number = (uint16_t)number_of(node_get(n, "port"));
		p->name = node_string(node_get(n, "name"));
		if (!p->name)
			p->name = "";
		p->protocol = protocol_of(p->name, node_string(node_get(n, "appProtocol")));
	}
}

static struct service *service_named(struct translation *tr, const char *name,
				     const char *namespace)
{
	return registry_find(tr, host_in_full(tr, node_printf(tr->docs->arena, "%s.%s.svc.%s", name,
							      namespace, tr->domain), namespace));
}

static struct service_port *port_named(struct service *s, const struct node *n)
{
	const char *name = node_string(node_get(n, "name"));
	size_t i;

	for (i = 0; i < s->port.n; i++)
		if (!strcmp(s->port.item[i].name, name ? name : ""))
			return &s->port.item[i];
	return NULL;
}

static bool is_true(const struct node *n, bool otherwise)
{
	return n && n->kind == NODE_BOOL ? n->boolean : otherwise;
}

static void read_slice(struct translation *tr, const struct document *d)
{
	const char *name = node_string(node_path(d->root, "metadata", "labels",
						 "kubernetes.io/service-name", NULL));
	struct service *s = name ? service_named(tr, name, d->namespace) : NULL;
	const struct node *list = node_get(d->root, "endpoints"), *ports;
	size_t i, k, j;

	if (!s) {
		diag_add(tr->diag, DIAG_INFORMATION, &d->at, "%s: %s", d->what,
			 name ? "there is no document of its Service" :
			 "it has no label kubernetes.io/service-name");
		return;
	}
	ports = node_get(d->root, "ports");
	for (k = 0; k < node_count(ports); k++) {
		struct service_port *p = port_named(s, ports->child[k]);
		uint32_t number = number_of(node_get(ports->child[k], "port"));

		for (i = 0; p && i < node_count(list); i++) {
			const struct node *addresses = node_get(list->child[i], "addresses");
			bool ready = is_true(node_path(list->child[i], "conditions", "ready", NULL),
					     true);

			for (j = 0; addresses && addresses->kind == NODE_LIST &&
			     j < addresses->n; j++)
				add_endpoint(tr, s, p, node_string(addresses->child[j]), number,
					     ready);
		}
	}
}

static void read_endpoints(struct translation *tr, const struct document *d)
{
	static const char * const lists[] = { "addresses", "notReadyAddresses" };
	struct service *s = service_named(tr, d->name, d->namespace);
	const struct node *subsets = node_get(d->root, "subsets");
	size_t i, k, j, l;

	for (i = 0; s && i < node_count(subsets); i++) {
		const struct node *ports = node_get(subsets->child[i], "ports");

		for (k = 0; k < node_count(ports); k++) {
			struct service_port *p = port_named(s, ports->child[k]);
			uint32_t number = number_of(node_get(ports->child[k], "port"));

			for (l = 0; p && l < 2; l++) {
				const struct node *list = node_get(subsets->child[i], lists[l]);

				for (j = 0; j < node_count(list); j++)
					add_endpoint(tr, s, p,
						     node_string(node_get(list->child[j], "ip")),
						     number, l == 0);
			}
		}
	}
}

/* A Service without slices: the workloads that its selector matches. */
static void select_endpoints(struct translation *tr, struct service *s)
{
	const struct node *ports = node_path(s->document->root, "spec", "ports", NULL);
	char text[INET6_ADDRSTRLEN];
	size_t i, k;

	for (i = 0; i < s->port.n; i++)
		if (s->port.item[i].endpoint.n)
			return;
	if (!s->selector.n)
		return;
	for (k = 0; k < node_count(ports); k++) {
		const struct node *target = node_get(ports->child[k], "targetPort");
		struct service_port *p = service_port_find(s,
							   number_of(node_get(ports->child[k],
									      "port")));

		if (!p || (target && target->kind != NODE_INT))
			continue;
		for (i = 0; i < tr->workload.n; i++) {
			const struct workload *w = &tr->workload.item[i];

			if (strcmp(w->namespace, s->namespace) ||
			    !labels_match(&s->selector, &w->labels))
				continue;
			address_print(&w->address, text);
			add_endpoint(tr, s, p, text, target ? number_of(target) : p->number,
				     w->ready);
		}
	}
}

static void add_entry(struct translation *tr, const struct document *d, const char *host)
{
	const struct node *spec = node_get(d->root, "spec"), *list;
	struct service *s = ir_alloc(tr->ir, sizeof(*s));
	struct in6_addr address;
	size_t i, k;

	s->document = d;
	s->namespace = d->namespace;
	s->host = host_in_full(tr, host, d->namespace);
	if (!add_host(tr, s))
		return;
	s->slow = slow_reason(d->root);
	list = node_get(spec, "addresses");
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (node_string(list->child[i]) && address_read(list->child[i]->text, &address))
			*list_add(tr, &s->address) = address;
	list = node_get(spec, "ports");
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *protocol = node_string(node_get(list->child[i], "protocol"));
		const char *name = node_string(node_get(list->child[i], "name"));
		struct service_port *p;

		if (!number_of(node_get(list->child[i], "number")) ||
		    (protocol && !strcasecmp(protocol, "UDP")))
			continue;
		p = list_add(tr, &s->port);
		p->number = (uint16_t)number_of(node_get(list->child[i], "number"));
		p->name = name ? name : "";
		p->protocol = protocol_of(p->name, protocol);
	}
	/* Ports do not move any more: endpoints may be hung on them. */
	for (k = 0; k < s->port.n; k++) {
		struct service_port *p = &s->port.item[k];
		const struct node *ports = node_get(spec, "ports"), *endpoints;
		uint32_t target = 0;

		for (i = 0; ports && i < ports->n; i++)
			if (number_of(node_get(ports->child[i], "number")) == p->number)
				target = number_of(node_get(ports->child[i], "targetPort"));
		endpoints = node_get(spec, "endpoints");
		for (i = 0; endpoints && endpoints->kind == NODE_LIST && i < endpoints->n; i++) {
			const struct node *n = endpoints->child[i];
			const struct node *weight = node_get(n, "weight");
			uint32_t port = number_of(node_get(node_get(n, "ports"), p->name));
			struct labels *labels;
			size_t before = p->endpoint.n;

			add_endpoint(tr, s, p, node_string(node_get(n, "address")),
				     port ? port : target ? target : p->number, true);
			if (p->endpoint.n == before)
				continue;
			if (weight && weight->kind == NODE_INT && weight->integer > 0)
				p->endpoint.item[before].weight = (uint32_t)weight->integer;
			if (node_get(n, "labels")) {
				labels = ir_alloc(tr->ir, sizeof(*labels));
				labels_read(tr->docs->arena, labels, node_get(n, "labels"));
				p->endpoint.item[before].labels = labels;
			}
		}
	}
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

/* How many namespaces have a Service of a name. */
static void count_names(struct translation *tr)
{
	const char **name = ir_alloc(tr->ir, (tr->service.n + 1) * sizeof(*name));
	size_t i, k, n = 0;

	for (i = 0; i < tr->service.n; i++)
		if (tr->service.item[i]->name)
			name[n++] = tr->service.item[i]->name;
	qsort(name, n, sizeof(*name), compare_text);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && !strcmp(name[i], name[k]); k++)
			;
		names_add(tr, &tr->short_names, name[i], (uint32_t)(k - i));
	}
}

static bool is_kind(const struct document *d, const char *group, const char *kind)
{
	return !strcmp(d->group, group) && !strcmp(d->kind, kind) &&
	       node_worst(d->root, NULL) != NODE_INVALID;
}

void registry_build(struct translation *tr)
{
	struct documents *docs = tr->docs;
	size_t i, k;

	for (i = 0; i < docs->n; i++) {
		struct document *d = docs->list[i];
		const struct node *hosts = node_path(d->root, "spec", "hosts", NULL);

		if (is_kind(d, "", "Service"))
			add_service(tr, d);
		else if (is_kind(d, "networking.istio.io", "ServiceEntry") && self_sees(tr, d))
			for (k = 0; hosts && hosts->kind == NODE_LIST && k < hosts->n; k++)
				if (node_string(hosts->child[k]))
					add_entry(tr, d, hosts->child[k]->text);
	}
	count_names(tr);
	for (i = 0; i < docs->n; i++)
		if (is_kind(docs->list[i], "discovery.k8s.io", "EndpointSlice"))
			read_slice(tr, docs->list[i]);
	for (i = 0; i < docs->n; i++)
		if (is_kind(docs->list[i], "", "Endpoints"))
			read_endpoints(tr, docs->list[i]);
	for (i = 0; i < tr->service.n; i++)
		if (tr->service.item[i]->name)
			select_endpoints(tr, tr->service.item[i]);
}
