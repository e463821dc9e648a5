// SPDX-License-Identifier: GPL-2.0-only
#include "document.h"
#include "schema.h"
#include "classify_rules.h"

#include <arpa/inet.h>
#include <string.h>

static uint32_t hash_pair(const char *name, const char *value)
{
	uint32_t h = 0x811c9dc5;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x01000193;
	h *= 0x01000193;
	for (; *value; value++)
		h = (h ^ (unsigned char)*value) * 0x01000193;
	return h;
}

void labels_read(struct node_arena *arena, struct labels *labels, const struct node *map)
{
	size_t i;

	labels->n = 0;
	if (!map || map->kind != NODE_MAP || !map->n)
		return;
	labels->name = node_alloc(arena, map->n * sizeof(*labels->name));
	labels->value = node_alloc(arena, map->n * sizeof(*labels->value));
	labels->hash = node_alloc(arena, map->n * sizeof(*labels->hash));
	for (i = 0; i < map->n; i++) {
		const char *value = node_string(map->child[i]);

		if (!value)
			continue;
		labels->name[labels->n] = map->key[i]->text;
		labels->hash[labels->n] = hash_pair(map->key[i]->text, value);
		labels->value[labels->n++] = value;
	}
}

const char *labels_get(const struct labels *labels, const char *name)
{
	size_t i;

	for (i = 0; i < labels->n; i++)
		if (!strcmp(labels->name[i], name))
			return labels->value[i];
	return NULL;
}

bool labels_match(const struct labels *selector, const struct labels *labels)
{
	size_t i, k;

	for (i = 0; i < selector->n; i++) {
		for (k = 0; k < labels->n; k++) {
			if (selector->hash && labels->hash && selector->hash[i] != labels->hash[k])
				continue;
			if (!strcmp(selector->name[i], labels->name[k]) &&
			    !strcmp(selector->value[i], labels->value[k]))
				break;
		}
		if (k == labels->n)
			return false;
	}
	return true;
}

bool labels_may_match(const struct labels *selector, const struct labels *labels)
{
	size_t i;

	for (i = 0; i < selector->n; i++) {
		const char *value = labels_get(labels, selector->name[i]);

		if (value && strcmp(value, selector->value[i]))
			return false;
	}
	return true;
}

bool address_read(const char *text, struct in6_addr *address)
{
	uint32_t addr[4], bits;

	if (!parse_address(text, false, addr, &bits))
		return false;
	memcpy(address, addr, sizeof(*address));
	return true;
}

void address_print(const struct in6_addr *address, char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

int document_compare_age(const struct document *a, const struct document *b)
{
	const struct node *x = node_path(a->root, "metadata", "creationTimestamp", NULL);
	const struct node *y = node_path(b->root, "metadata", "creationTimestamp", NULL);
	int d = strcmp(x ? x->text : "", y ? y->text : "");

	if (!d)
		d = strcmp(a->name, b->name);
	if (!d)
		d = strcmp(a->namespace, b->namespace);
	return d;
}

bool document_is_workload(const struct document *d)
{
	return !strcmp(d->kind, "Workload") && (!*d->group || !strcmp(d->group, "l7fp.io")) &&
	       node_worst(d->root, NULL) != NODE_INVALID;
}

const struct node *workload_fields(const struct document *d)
{
	const struct node *spec = node_get(d->root, "spec");

	return spec ? spec : d->root;
}

const char *workload_namespace(const struct document *d)
{
	const char *namespace = node_string(node_get(workload_fields(d), "namespace"));

	return namespace ? namespace : d->namespace;
}

const char *workload_name(const struct document *d)
{
	const char *name = node_string(node_get(workload_fields(d), "name"));

	return name ? name : d->name;
}

const char *workload_account(const struct document *d)
{
	const char *account = node_string(node_get(workload_fields(d), "serviceAccount"));

	return account && *account ? account : "default";
}

const struct node *workload_labels(const struct document *d)
{
	const struct node *labels = node_get(workload_fields(d), "labels");

	return labels ? labels : node_path(d->root, "metadata", "labels", NULL);
}
