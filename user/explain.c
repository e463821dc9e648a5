// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evaluating one request for l7fp-tool explain, and holding the loaded
 * program's answer against it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "explain.h"

static void *must(void *p)
{
	if (p)
		return p;
	fputs("l7fp-tool: out of memory\n", stderr);
	exit(1);
}

/* The host in "outbound|9080|v1|reviews.default.svc.cluster.local". */
static const char *cluster_host(const char *name)
{
	const char *bar = strrchr(name, '|');

	return bar ? bar + 1 : name;
}

static uint16_t cluster_port(const char *name)
{
	const char *bar = strchr(name, '|');

	return bar ? strtoul(bar + 1, NULL, 10) : 0;
}

/* "reviews" and "reviews.default" name reviews.default.svc.cluster.local. */
static bool host_names(const char *host, size_t len, const char *full)
{
	return !strncasecmp(host, full, len) && (!full[len] || full[len] == '.');
}

static const struct ir_capture *find_capture(const struct ir *ir, const char *host, size_t len,
					     uint16_t port)
{
	size_t i, k;

	for (k = 0; k < ir->n_clusters; k++) {
		const char *name = ir->cluster[k].name;
		uint16_t cluster = cluster_port(name);

		if (!host_names(host, len, cluster_host(name)) || (port && cluster != port))
			continue;
		for (i = 0; i < ir->n_captures; i++)
			if (ir->capture[i].port == cluster && ir->capture[i].cluster < ir->n_clusters &&
			    !strcasecmp(cluster_host(ir->cluster[ir->capture[i].cluster].name),
					cluster_host(name)))
				return &ir->capture[i];
	}
	/* A host without a cluster of its own name: any captured address of that port. */
	for (i = 0; i < ir->n_captures; i++)
		if (ir->capture[i].port == port)
			return &ir->capture[i];
	return NULL;
}

void explain_guess_destination(const struct ir *ir, struct explain_request *r)
{
	const char *host = r->request.host, *colon = strrchr(host, ':');
	const struct ir_capture *c;
	uint16_t port = 0;
	size_t len;

	if (colon && strchr(colon, ']'))
		colon = NULL;
	len = colon ? (size_t)(colon - host) : strlen(host);
	if (colon)
		port = strtoul(colon + 1, NULL, 10);
	c = find_capture(ir, host, len, port);
	if (!c && !port)
		c = find_capture(ir, host, len, 80);
	if (c) {
		r->destination = c->address;
		r->request.destination_port = c->port;
	} else {
		r->request.destination_port = port ? port : 80;
	}
}

void explain_set_addresses(struct explain_request *r)
{
	memcpy(r->request.source_ip, &r->source, sizeof(r->source));
	memcpy(r->request.destination_ip, &r->destination, sizeof(r->destination));
	r->request.header = r->header;
}

static struct explain_outcome *add(struct explanation *e)
{
	e->outcome = must(reallocarray(e->outcome, e->n + 1, sizeof(*e->outcome)));
	memset(&e->outcome[e->n], 0, sizeof(*e->outcome));
	return &e->outcome[e->n++];
}

void explain_evaluate(const struct ir *ir, const struct explain_request *r,
		      struct explanation *e)
{
	const struct ir_route *route;
	struct explain_outcome *o;
	uint64_t total = 0, begin;
	size_t i;

	memset(e, 0, sizeof(*e));
	o = add(e);
	ir_evaluate(ir, &r->request, 0, &o->decision);
	if (o->decision.route < 0)
		return;
	route = &ir->route[o->decision.route];
	for (i = 0; i < route->n_clusters; i++)
		total += route->cluster[i].weight;
	if (route->kind != L7FP_ROUTE_FORWARD || route->n_clusters < 2 || !total)
		return;
	e->n = 0;
	for (i = 0, begin = 0; i < route->n_clusters; begin += route->cluster[i++].weight) {
		if (!route->cluster[i].weight)
			continue;
		o = add(e);
		o->weight = route->cluster[i].weight;
		o->total = total;
		/* The least number whose point is @begin. */
		ir_evaluate(ir, &r->request, ((begin << 32) + total - 1) / total, &o->decision);
	}
}

void explain_free(struct explanation *e)
{
	free(e->outcome);
	memset(e, 0, sizeof(*e));
}

char *explain_head(const struct explain_request *r, size_t *len)
{
	char *head = NULL;
	FILE *f = must(open_memstream(&head, len));
	size_t i;

	fprintf(f, "%s %s HTTP/1.1\r\nHost: %s\r\n", r->request.method, r->request.target,
		r->request.host);
	for (i = 0; i < r->request.n_headers; i++)
		fprintf(f, "%s: %s\r\n", r->header[i].name, r->header[i].value);
	fputs("\r\n", f);
	if (fclose(f))
		must(NULL);
	return head;
}

static bool same(const struct ir *ir, const struct ir_decision *d,
		 const struct kernel_explain *k, const struct kernel *tables)
{
	const struct kernel_cluster *cluster;

	if (d->verdict != k->verdict || d->reason != k->reason)
		return false;
	if (d->verdict == L7FP_RESPOND)
		return d->status == k->status && !strcmp(d->location, k->location);
	if (d->verdict != L7FP_FORWARD)
		return true;
	cluster = kernel_cluster(tables, k->cluster);
	return cluster && d->cluster >= 0 &&
	       !strncmp(cluster->name, ir->cluster[d->cluster].name, L7FP_MAX_NAME) &&
	       !strcmp(d->path, k->path) && !strcmp(d->host, k->host);
}

bool explain_agrees(const struct ir *ir, const struct explanation *e,
		    const struct kernel_explain *kernel, const struct kernel *tables)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (same(ir, &e->outcome[i].decision, kernel, tables))
			return true;
	return false;
}
