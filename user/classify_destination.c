// SPDX-License-Identifier: GPL-2.0-only
/* DestinationRule and ServiceEntry. */
#include "classify_rules.h"
#include "schema.h"

#include <string.h>
#include <strings.h>

static void check_load_balancer(struct node_arena *arena, struct node *lb)
{
	if (!lb || lb->kind != NODE_MAP)
		return;
	if (node_get(lb, "simple") && node_get(lb, "consistentHash"))
		mark_invalid(arena, lb, "only one of simple and consistentHash may be set");
}

static void check_traffic_policy(struct node_arena *arena, struct node *policy)
{
	struct node *ports = node_get(policy, "portLevelSettings"), *tls;
	size_t i;

	if (!policy || policy->kind != NODE_MAP)
		return;
	check_load_balancer(arena, node_get(policy, "loadBalancer"));
	tls = node_get(policy, "tls");
	if (tls && tls->kind == NODE_MAP && !node_get(tls, "mode") && tls->n)
		mark_invalid(arena, tls, "tls needs a mode; DISABLE for plain text");
	for (i = 0; ports && ports->kind == NODE_LIST && i < ports->n; i++) {
		struct node *p = ports->child[i];

		if (p->kind != NODE_MAP)
			continue;
		if (!node_path(p, "port", "number", NULL))
			mark_invalid(arena, p, "portLevelSettings need a port with a number");
		check_load_balancer(arena, node_get(p, "loadBalancer"));
	}
}

static void check_subset(struct node_arena *arena, struct node *subsets, size_t i)
{
	struct node *subset = subsets->child[i], *name = node_get(subset, "name");
	const char *s = node_string(name);
	size_t k;

	if (subset->kind != NODE_MAP)
		return;
	if (!name || (s && !*s)) {
		mark_invalid(arena, subset, "a subset needs a name");
	} else if (s) {
		if (strlen(s) > 63 || !host_valid(s, false, false) || strchr(s, '.'))
			mark_invalid(arena, name, "\"%.100s\" is no name of a subset; expected letters, digits and \"-\"",
				     s);
		for (k = 0; k < i; k++) {
			const char *other = node_string(node_get(subsets->child[k], "name"));

			if (other && !strcmp(other, s))
				mark_invalid(arena, name, "the subset \"%.100s\" is there twice", s);
		}
	}
	check_traffic_policy(arena, node_get(subset, "trafficPolicy"));
}

void classify_destination_rule(struct node_arena *arena, struct document *d)
{
	struct node *spec = node_get(d->root, "spec");
	struct node *host = node_get(spec, "host"), *subsets = node_get(spec, "subsets");
	const char *s = node_string(host);
	size_t i;

	if (!spec || spec->kind != NODE_MAP) {
		mark_invalid(arena, spec ? spec : d->root, "a DestinationRule needs a spec");
		return;
	}
	if (!host)
		mark_invalid(arena, spec, "a DestinationRule needs a host");
	else if (s && !host_valid(s, true, true))
		mark_invalid(arena, host, "\"%.100s\" is no host", s);
	check_traffic_policy(arena, node_get(spec, "trafficPolicy"));
	for (i = 0; subsets && subsets->kind == NODE_LIST && i < subsets->n &&
	     !too_many_names(arena, subsets); i++)
		check_subset(arena, subsets, i);
	classify_export_to(arena, spec);
}

static void check_service_ports(struct node_arena *arena, struct node *ports)
{
	static const char * const protocols[] = {
		"HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "TCP", "TLS", "UDP", "REDIS",
		"MYSQL", "HTTP_PROXY",
	};
	size_t i, k;

	for (i = 0; ports && ports->kind == NODE_LIST && i < ports->n &&
	     !too_many_names(arena, ports); i++) {
		struct node *p = ports->child[i];
		struct node *name = node_get(p, "name"), *number = node_get(p, "number");
		struct node *protocol = node_get(p, "protocol");

		if (p->kind != NODE_MAP)
			continue;
		if (!number)
			mark_invalid(arena, p, "a port needs a number");
		if (!name)
			mark_invalid(arena, p, "a port needs a name");
		for (k = 0; node_string(protocol) && k < sizeof(protocols) / sizeof(protocols[0]);
		     k++)
			if (!strcasecmp(protocol->text, protocols[k]))
				break;
		if (node_string(protocol) && k == sizeof(protocols) / sizeof(protocols[0]))
			mark_invalid(arena, protocol,
				     "unknown protocol \"%.40s\"; expected HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS",
				     protocol->text);
		for (k = 0; k < i; k++) {
			const char *other = node_string(node_get(ports->child[k], "name"));
			const struct node *n = node_get(ports->child[k], "number");

			if (node_string(name) && other && !strcmp(other, name->text))
				mark_invalid(arena, name, "the port \"%.100s\" is there twice",
					     other);
			if (number && n && n->kind == NODE_INT && number->kind == NODE_INT &&
			    n->integer == number->integer)
				mark_invalid(arena, number, "the port %.20s is there twice",
					     number->text);
		}
	}
}

static void check_entry_endpoints(struct node_arena *arena, struct node *spec, bool is_static)
{
	struct node *list = node_get(spec, "endpoints"), *ports = node_get(spec, "ports");
	uint32_t addr[4], bits;
	size_t i, k, j;

	if (list && too_many_names(arena, list))
		return;
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		struct node *address = node_get(list->child[i], "address");
		struct node *map = node_get(list->child[i], "ports");
		const char *s = node_string(address);

		if (list->child[i]->kind != NODE_MAP)
			continue;
		if (!address)
			mark_invalid(arena, list->child[i], "an endpoint needs an address");
		else if (s && !strncmp(s, "unix://", 7))
			mark_slow(arena, address, "sockets of the file system are not connected by the kernel module");
		else if (s && is_static && !parse_address(s, false, addr, &bits))
			mark_invalid(arena, address,
				     "\"%.100s\" is no IP address, which resolution STATIC needs", s);
		for (k = 0; map && map->kind == NODE_MAP && k < map->n; k++) {
			for (j = 0; j < node_count(ports); j++) {
				const char *name = node_string(node_get(ports->child[j], "name"));

				if (name && !strcmp(name, map->key[k]->text))
					break;
			}
			if (j == node_count(ports))
				mark_invalid(arena, map->child[k],
					     "the service has no port named \"%.100s\"",
					     map->key[k]->text);
		}
	}
}

void classify_service_entry(struct node_arena *arena, struct document *d)
{
	struct node *spec = node_get(d->root, "spec");
	struct node *hosts = node_get(spec, "hosts"), *addresses = node_get(spec, "addresses");
	const char *resolution = node_string(node_get(spec, "resolution"));
	uint32_t addr[4], bits;
	size_t i;

	if (!spec || spec->kind != NODE_MAP) {
		mark_invalid(arena, spec ? spec : d->root, "a ServiceEntry needs a spec");
		return;
	}
	if (!node_count(hosts))
		mark_invalid(arena, spec, "a ServiceEntry needs hosts");
	for (i = 0; hosts && hosts->kind == NODE_LIST && i < hosts->n; i++) {
		const char *s = node_string(hosts->child[i]);

		if (!s)
			continue;
		if (!strcmp(s, "*") || !host_valid(s, true, false))
			mark_invalid(arena, hosts->child[i], "\"%.100s\" is no host", s);
		else if (*s == '*')
			mark_slow(arena, hosts->child[i],
				  "a wildcard has no endpoints that the kernel could connect to");
	}
	for (i = 0; addresses && addresses->kind == NODE_LIST && i < addresses->n; i++) {
		const char *s = node_string(addresses->child[i]);

		if (s && !parse_address(s, true, addr, &bits))
			mark_invalid(arena, addresses->child[i],
				     "\"%.100s\" is no IP address or prefix", s);
		else if (s && bits != 128)
			mark_slow(arena, addresses->child[i],
				  "prefixes are not captured by the kernel yet; name the addresses");
	}
	if (!node_count(node_get(spec, "ports")))
		mark_invalid(arena, spec, "a ServiceEntry needs ports");
	check_service_ports(arena, node_get(spec, "ports"));
	if (!resolution)
		mark_slow(arena, spec, "resolution NONE, the default: %s",
			  "the kernel connects to STATIC endpoints only");
	check_entry_endpoints(arena, spec, resolution && !strcmp(resolution, "STATIC"));
	if (node_count(node_get(spec, "endpoints")) && node_get(spec, "workloadSelector"))
		mark_invalid(arena, node_get(spec, "workloadSelector"),
			     "only one of endpoints and workloadSelector may be set");
	classify_export_to(arena, spec);
}
