// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual hosts of one port. The IR asks for names and addresses in one list
 * that is searched in order; Envoy looks a name up (exact, then the longest
 * wildcard, then "*"). So each name gets the virtual hosts that ask for it, and
 * those of the wildcards behind it; where one of them asks for an address, too,
 * the name's routes depend on the destination address.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "envoy.h"
#include "envoy_host.h"

/* One way to ask for a virtual host; members that are NULL are not asked for. */
struct way {
	const struct ir_expr *authority, *address, *port;
};

struct ways {
	size_t n, room;
	struct way *way;
	bool failed;		/* a condition of another kind */
};

struct entry {
	const struct ir_expr *address;
	size_t host;
};

struct domain {
	char *name;
	size_t n;
	struct entry *entry;
	bool done;
};

struct domains {
	size_t n;
	struct domain *domain;
};

static void *grow(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n, size);
	if (!p) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static void add_way(struct ways *ways, struct way way)
{
	if (ways->n == ways->room) {
		ways->room = ways->room ? 2 * ways->room : 8;
		ways->way = grow(ways->way, ways->room, sizeof(way));
	}
	ways->way[ways->n++] = way;
}

static bool merge(struct way *to, const struct way *from)
{
	if ((to->authority && from->authority) || (to->address && from->address) ||
	    (to->port && from->port))
		return false;
	if (from->authority)
		to->authority = from->authority;
	if (from->address)
		to->address = from->address;
	if (from->port)
		to->port = from->port;
	return true;
}

static struct ways expand(const struct ir_expr *x)
{
	struct ways all = { 0 }, one, more;
	size_t i, k, m;

	switch (x ? x->kind : IR_TRUE) {
	case IR_TRUE:
		add_way(&all, (struct way){ 0 });
		return all;
	case IR_FALSE:
		return all;
	case IR_STRING:
		if (x->field == L7FP_FIELD_AUTHORITY &&
		    (x->op == L7FP_MATCH_EXACT || x->op == L7FP_MATCH_SUFFIX)) {
			add_way(&all, (struct way){ .authority = x });
			return all;
		}
		break;
	case IR_DESTINATION_IP:
		if (x->prefix == 128) {
			add_way(&all, (struct way){ .address = x });
			return all;
		}
		break;
	case IR_DESTINATION_PORT:
		add_way(&all, (struct way){ .port = x });
		return all;
	case IR_OR:
		for (i = 0; i < x->n_children; i++) {
			one = expand(x->child[i]);
			all.failed |= one.failed;
			for (k = 0; k < one.n; k++)
				add_way(&all, one.way[k]);
			free(one.way);
		}
		return all;
	case IR_AND:
		add_way(&all, (struct way){ 0 });
		for (i = 0; i < x->n_children; i++) {
			one = expand(x->child[i]);
			more = (struct ways){ .failed = all.failed || one.failed };
			for (k = 0; k < all.n; k++) {
				for (m = 0; m < one.n; m++) {
					struct way both = all.way[k];

					if (merge(&both, &one.way[m]))
						add_way(&more, both);
					else
						more.failed = true;
				}
			}
			free(all.way);
			free(one.way);
			all = more;
		}
		return all;
	default:
		break;
	}
	all.failed = true;
	return all;
}

static struct domain *find_domain(struct domains *d, const char *prefix, const char *name)
{
	struct domain *new;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (!strncmp(d->domain[i].name, prefix, strlen(prefix)) &&
		    !strcmp(d->domain[i].name + strlen(prefix), name))
			return &d->domain[i];
	d->domain = grow(d->domain, d->n + 1, sizeof(*d->domain));
	new = &d->domain[d->n++];
	memset(new, 0, sizeof(*new));
	if (asprintf(&new->name, "%s%s", prefix, name) < 0)
		abort();
	return new;
}

static bool decided(const struct domain *d)
{
	return d->n && !d->entry[d->n - 1].address;
}

static void add_entry(struct domain *d, const struct ir_expr *address, size_t host)
{
	if (decided(d))
		return;
	d->entry = grow(d->entry, d->n + 1, sizeof(*d->entry));
	d->entry[d->n++] = (struct entry){ .address = address, .host = host };
}

static void add_entries(struct domain *d, const struct domain *from)
{
	size_t i;

	for (i = 0; from && i < from->n; i++)
		add_entry(d, from->entry[i].address, from->entry[i].host);
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

/* Domains that @name falls back on, the longest wildcard first. */
static void fall_back(struct domains *d, struct domain *one)
{
	size_t length, longest = strlen(one->name), i;

	for (length = longest; length > 0 && !decided(one); length--)
		for (i = 0; i < d->n; i++)
			if (&d->domain[i] != one && d->domain[i].name[0] == '*' &&
			    strlen(d->domain[i].name) == length &&
			    ends_with(one->name, d->domain[i].name + 1))
				add_entries(one, &d->domain[i]);
}

static int compare_length(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;
	size_t n = strlen(x->name), m = strlen(y->name);

	/* "*" last: nothing falls back on one that has fallen back itself. */
	return n > m ? -1 : n < m;
}

static void collect(struct envoy *e, uint32_t port, struct domains *d)
{
	size_t i, k;

	for (i = 0; i < e->ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *host = &e->ir->virtual_host[i];
		struct ways ways;

		if (ir_is_inbound(host))
			continue;
		ways = expand(host->expr);
		if (ways.failed)
			proxy_refuse(e->refusals, &host->source,
				     "its host asks for what no virtual host of Envoy can");
		for (k = 0; k < ways.n; k++) {
			const struct way *w = &ways.way[k];

			if (w->port && w->port->port != port)
				continue;
			if (!w->authority)
				add_entry(find_domain(d, "", "*"), w->address, i);
			else
				add_entry(find_domain(d, w->authority->op == L7FP_MATCH_SUFFIX ?
						      "*" : "", w->authority->value),
					  w->address, i);
		}
		free(ways.way);
	}
	if (!d->n)
		return;
	qsort(d->domain, d->n, sizeof(*d->domain), compare_length);
	for (i = 0; i < d->n; i++)
		fall_back(d, &d->domain[i]);
}

static void routes(struct envoy *e, size_t index)
{
	const struct ir_virtual_host *host = &e->ir->virtual_host[index];
	size_t i;

	for (i = 0; i < host->n_matches; i++) {
		const struct ir_match *m = &host->match[i];

		envoy_route(e, m, m->expr, &e->ir->route[m->route]);
	}
	if (host->fallback >= 0) {
		const struct ir_match all = { .source = host->source };

		envoy_route(e, &all, NULL, &e->ir->route[host->fallback]);
	}
}

static const char *address_text(const struct ir_expr *x, char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)x->addr))
		return inet_ntop(AF_INET, &x->addr[3], text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, x->addr, text, INET6_ADDRSTRLEN);
}

/* Entries in order; those of one address go on to no other when none of its routes matches. */
static void by_address(struct envoy *e, const struct domain *d)
{
	char text[INET6_ADDRSTRLEN];
	size_t i;

	for (i = 0; i < d->n; i++) {
		const struct ir_expr *address = d->entry[i].address;

		e->destination = address ? address_text(address, text) : NULL;
		routes(e, d->entry[i].host);
		if (address)
			envoy_not_found(e);
	}
	e->destination = NULL;
}

static void virtual_host(struct envoy *e, struct domains *d, size_t first)
{
	struct domain *one = &d->domain[first];
	bool plain = !one->entry[0].address;
	struct json *j = &e->j;
	size_t i;

	json_object(j, NULL);
	json_string(j, "name", one->name);
	json_array(j, "domains");
	for (i = first; i < d->n; i++) {
		struct domain *other = &d->domain[i];

		if (i != first && (!plain || other->done || other->entry[0].address ||
				   other->entry[0].host != one->entry[0].host))
			continue;
		json_string(j, NULL, other->name);
		other->done = true;
	}
	json_end(j);
	json_bool(j, "include_request_attempt_count", true);
	json_array(j, "routes");
	if (plain)
		routes(e, one->entry[0].host);
	else
		by_address(e, one);
	json_end(j);
	json_end(j);
}

void envoy_virtual_hosts(struct envoy *e, uint32_t port)
{
	struct domains d = { 0 };
	size_t i;

	collect(e, port, &d);
	json_array(&e->j, "virtual_hosts");
	for (i = 0; i < d.n; i++)
		if (!d.domain[i].done && d.domain[i].n)
			virtual_host(e, &d, i);
	json_end(&e->j);
	for (i = 0; i < d.n; i++) {
		free(d.domain[i].name);
		free(d.domain[i].entry);
	}
	free(d.domain);
}

void envoy_inbound(struct envoy *e)
{
	struct json *j = &e->j;
	size_t i;

	json_array(j, "virtual_hosts");
	json_object(j, NULL);
	json_string(j, "name", "inbound");
	json_array(j, "domains");
	json_string(j, NULL, "*");
	json_end(j);
	json_bool(j, "include_request_attempt_count", true);
	json_array(j, "routes");
	for (i = 0; i < e->ir->n_virtual_hosts; i++)
		if (ir_is_inbound(&e->ir->virtual_host[i]))
			routes(e, i);
	json_end(j);
	json_end(j);
	json_end(j);
}

static int compare_ports(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static size_t add_ports(const struct ir_expr *x, uint32_t **port, size_t n)
{
	struct ways ways = expand(x);
	size_t i;

	*port = grow(*port, n + ways.n + 1, sizeof(**port));
	for (i = 0; i < ways.n; i++)
		if (ways.way[i].port)
			(*port)[n++] = ways.way[i].port->port;
	free(ways.way);
	return n;
}

uint32_t *envoy_ports(const struct ir *ir, size_t *n)
{
	uint32_t *port = NULL;
	size_t i, k;

	*n = 0;
	for (i = 0; i < ir->n_virtual_hosts; i++)
		if (!ir_is_inbound(&ir->virtual_host[i]))
			*n = add_ports(ir->virtual_host[i].expr, &port, *n);
	if (*n)
		qsort(port, *n, sizeof(*port), compare_ports);
	for (i = 0, k = 0; i < *n; i++)
		if (!i || port[i] != port[i - 1])
			port[k++] = port[i];
	*n = k;
	return port;
}
