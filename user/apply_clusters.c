// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clusters and endpoints: what the policy names against what the module has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apply_steps.h"

static int by_name(const void *a, const void *b)
{
	const struct kernel_cluster *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int name_to_cluster(const void *key, const void *member)
{
	const struct kernel_cluster *const *c = member;

	return strcmp(key, (*c)->name);
}

/* The clusters of the dump, sorted by name. */
static const struct kernel_cluster **sorted(const struct kernel *kernel)
{
	const struct kernel_cluster **list = apply_alloc(kernel->n_clusters + 1, sizeof(*list));
	size_t i;

	for (i = 0; i < kernel->n_clusters; i++)
		list[i] = &kernel->cluster[i];
	qsort(list, kernel->n_clusters, sizeof(*list), by_name);
	return list;
}

/* The kernel keeps at most L7FP_MAX_NAME bytes of a name. */
static void cluster_name(char out[L7FP_MAX_NAME + 1], const char *name)
{
	snprintf(out, L7FP_MAX_NAME + 1, "%.*s", L7FP_MAX_NAME, name);
}

/* A cluster keeps its id, and so its pools and counters, as long as it keeps its name. */
void apply_assign_clusters(struct apply *a)
{
	const struct kernel_cluster **list = sorted(&a->kernel), **found;
	char name[L7FP_MAX_NAME + 1];
	uint32_t next = 0;
	size_t i;

	a->cluster_id = apply_alloc(a->ir->n_clusters + 1, sizeof(*a->cluster_id));
	for (i = 0; i < a->kernel.n_clusters; i++)
		if (a->kernel.cluster[i].id >= next)
			next = a->kernel.cluster[i].id + 1;
	for (i = 0; i < a->ir->n_clusters; i++) {
		cluster_name(name, a->ir->cluster[i].name);
		found = bsearch(name, list, a->kernel.n_clusters, sizeof(*list), name_to_cluster);
		a->cluster_id[i] = found ? (*found)->id : next++;
	}
	free(list);
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct kernel_endpoint *x = a, *y = b;
	int order = memcmp(&x->address, &y->address, sizeof(x->address));

	if (order)
		return order;
	return x->port < y->port ? -1 : x->port > y->port;
}

static bool equal_endpoints(const struct kernel_endpoint *a, const struct kernel_endpoint *b,
			    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (compare_endpoints(&a[i], &b[i]) || a[i].weight != b[i].weight ||
		    a[i].healthy != b[i].healthy)
			return false;
	return true;
}

/* Endpoints of @c in order; one address once, the last entry's weight and health. */
static struct kernel_endpoint *wanted_endpoints(const struct ir_cluster *c, size_t *n)
{
	struct kernel_endpoint *list = apply_alloc(c->n_endpoints + 1, sizeof(*list));
	size_t i, kept = 0;

	for (i = 0; i < c->n_endpoints; i++) {
		list[i].address = c->endpoint[i].address;
		list[i].port = c->endpoint[i].port;
		list[i].weight = c->endpoint[i].weight ? c->endpoint[i].weight : 1;
		list[i].healthy = c->endpoint[i].healthy;
	}
	qsort(list, c->n_endpoints, sizeof(*list), compare_endpoints);
	for (i = 0; i < c->n_endpoints; i++) {
		if (kept && !compare_endpoints(&list[kept - 1], &list[i]))
			list[kept - 1] = list[i];
		else
			list[kept++] = list[i];
	}
	*n = kept;
	return list;
}

static int sync_endpoints(struct apply *a, const struct ir_cluster *c,
			  const struct kernel_cluster *new, const struct kernel_cluster *old)
{
	struct kernel_endpoint *wanted, *have = NULL;
	bool same = false;
	size_t n;
	int err;

	wanted = wanted_endpoints(c, &n);
	a->result->n_endpoints += n;
	if (old && old->n_endpoints == n) {
		have = apply_alloc(n + 1, sizeof(*have));
		if (n)
			memcpy(have, &a->kernel.endpoint[old->first_endpoint], n * sizeof(*have));
		qsort(have, n, sizeof(*have), compare_endpoints);
		same = equal_endpoints(wanted, have, n);
		free(have);
	} else if (!old && !n) {
		same = true;
	}
	err = 0;
	if (!same) {
		err = kernel_endpoint_set(a->nl, new, wanted, n, a->error, a->error_len);
		if (!err && old)
			apply_undo_push(a, UNDO_ENDPOINTS, old->id, 0);
		a->result->clusters_changed++;
	}
	free(wanted);
	return err;
}

static int encode_tls(const struct ir_tls *from, struct kernel_tls *to, char *error,
		      size_t error_len)
{
	struct kernel_tls_terms *terms;
	int err;

	memset(to, 0, sizeof(*to));
	if (!from)
		return 0;
	terms = apply_alloc(1, sizeof(*terms));
	terms->check = from->check;
	terms->sni = from->sni;
	terms->n_sans = from->n_sans;
	memcpy(terms->san, from->san, from->n_sans * sizeof(*from->san));
	terms->n_alpn = from->n_alpn;
	memcpy(terms->alpn, from->alpn, from->n_alpn * sizeof(*from->alpn));
	err = kernel_tls_encode(to, terms, error, error_len);
	free(terms);
	return err;
}

int apply_clusters(struct apply *a)
{
	bool changed;
	const struct kernel_cluster *old;
	struct kernel_cluster new;
	size_t i;
	int err;

	for (i = 0; i < a->ir->n_clusters; i++) {
		const struct ir_cluster *c = &a->ir->cluster[i];

		old = kernel_cluster(&a->kernel, a->cluster_id[i]);
		if (old)
			new = *old;
		else
			memset(&new, 0, sizeof(new));
		new.id = a->cluster_id[i];
		cluster_name(new.name, c->name);
		new.lb = c->lb;
		new.kind = c->kind;
		new.protocol = c->protocol;
		/* Zero is the kernel's default, which a dump states. */
		if (c->connect_timeout_ms)
			new.connect_timeout_ms = c->connect_timeout_ms;
		err = encode_tls(c->tls, &new.tls, a->error, a->error_len);
		if (err)
			return err;
		changed = !old || old->lb != new.lb || old->protocol != new.protocol ||
			  old->connect_timeout_ms != new.connect_timeout_ms ||
			  !kernel_tls_equal(&old->tls, &new.tls);
		if (changed)
			err = kernel_cluster_new(a->nl, &new, a->error, a->error_len);
		kernel_tls_free(&new.tls);
		if (err)
			return err;
		if (changed)
			apply_undo_push(a, old ? UNDO_CLUSTER : UNDO_CLUSTER_NEW, new.id, 0);
		/* Where the client wanted to go: no endpoints. */
		err = c->kind == L7FP_CLUSTER_STATIC ? sync_endpoints(a, c, &new, old) : 0;
		if (err)
			return err;
	}
	a->result->n_clusters = a->ir->n_clusters;
	return 0;
}

static bool is_wanted(const struct apply *a, uint32_t id)
{
	size_t i;

	for (i = 0; i < a->ir->n_clusters; i++)
		if (a->cluster_id[i] == id)
			return true;
	return false;
}

size_t apply_count_stale_clusters(const struct apply *a)
{
	size_t i, n = 0;

	for (i = 0; i < a->kernel.n_clusters; i++)
		n += !is_wanted(a, a->kernel.cluster[i].id);
	return n;
}

int apply_remove_clusters(struct apply *a, size_t *removed)
{
	int err = 0, e;
	size_t i;

	for (i = 0; i < a->kernel.n_clusters; i++) {
		if (is_wanted(a, a->kernel.cluster[i].id))
			continue;
		e = kernel_cluster_del(a->nl, a->kernel.cluster[i].id, a->error, a->error_len);
		if (e && e != -ENOENT)
			err = e;
		else
			(*removed)++;
	}
	return err;
}
