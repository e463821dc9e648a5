// SPDX-License-Identifier: GPL-2.0-only
#include "golden_prune.h"

#include <stdio.h>
#include <string.h>

static bool listed(const char *values, const char *value)
{
	size_t n = strlen(value);
	const char *p;

	for (p = values; (p = strstr(p, value)); p += n)
		if ((p == values || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

static void remove_child(struct node *n, size_t i)
{
	n->n--;
	memmove(&n->child[i], &n->child[i + 1], (n->n - i) * sizeof(struct node *));
	if (n->key)
		memmove(&n->key[i], &n->key[i + 1], (n->n - i) * sizeof(struct node *));
}

static void prune_values(struct node *list, const char *values)
{
	size_t i;

	for (i = list->n; i-- > 0; )
		if (list->child[i]->kind == NODE_STRING &&
		    (!strcmp(list->child[i]->text, "*") || listed(values, list->child[i]->text)))
			remove_child(list, i);
}

/* Fields of a source, an operation or a condition. True: nothing is left. */
static bool prune_fields(struct node *map, const char *values)
{
	static const char * const kernel[] = {
		"ipBlocks", "notIpBlocks", "hosts", "notHosts", "ports", "notPorts", "methods",
		"notMethods", "paths", "notPaths", "values", "notValues", NULL
	};
	size_t i, k, left = 0;

	for (i = map->n; i-- > 0; ) {
		if (!strcmp(map->key[i]->text, "key"))
			continue;
		for (k = 0; kernel[k] && strcmp(kernel[k], map->key[i]->text); k++)
			;
		if (kernel[k])
			prune_values(map->child[i], values);
		if (!kernel[k] || !map->child[i]->n)
			remove_child(map, i);
		else
			left++;
	}
	return !left;
}

static bool known_key(const char *key)
{
	return !strncmp(key, "request.headers[", 16) || !strcmp(key, "source.ip") ||
	       !strcmp(key, "destination.ip") || !strcmp(key, "destination.port");
}

static void prune_list(struct node *rule, const char *name, const char *field,
		       const char *values)
{
	struct node *list = node_get(rule, name);
	size_t i;

	for (i = list ? list->n : 0; i-- > 0; ) {
		struct node *item = list->child[i];
		struct node *fields = field ? node_get(item, field) : item;
		const char *key = node_string(node_get(item, "key"));

		if ((key && !known_key(key)) || prune_fields(fields, values))
			remove_child(list, i);
	}
	for (i = rule->n; list && !list->n && i-- > 0; )
		if (rule->child[i] == list)
			remove_child(rule, i);
}

void prune_policy(struct node *root, const char *values)
{
	struct node *rules = node_path(root, "spec", "rules", NULL);
	size_t i;

	for (i = rules ? rules->n : 0; i-- > 0; ) {
		size_t before = rules->child[i]->n;

		prune_list(rules->child[i], "from", "source", values);
		prune_list(rules->child[i], "to", "operation", values);
		prune_list(rules->child[i], "when", NULL, values);
		if (before && !rules->child[i]->n)
			remove_child(rules, i);
	}
}

static bool prune_rule(struct node *rule, const char *values);

static bool prune_rules(struct node *list, const char *values)
{
	size_t i;

	for (i = list->n; i-- > 0; )
		if (prune_rule(list->child[i], values))
			remove_child(list, i);
	return !list->n;
}

static bool range_listed(const char *values, const struct node *range)
{
	const char *prefix = node_string(node_get(range, "addressPrefix"));
	const struct node *n = node_get(range, "prefixLen");
	char text[128];

	snprintf(text, sizeof(text), "%s/%d", prefix, (int)n->integer);
	return listed(values, prefix) || listed(values, text);
}

/* True: take it out. */
static bool prune_rule(struct node *rule, const char *values)
{
	static const char * const foreign[] = { "authenticated", "metadata", "requestedServerName",
						"remoteIp", "filterState" };
	const char *key = rule->key[0]->text;
	struct node *v = rule->child[0];
	const char *regex;
	size_t i;

	if (!strcmp(key, "andRules") || !strcmp(key, "orRules"))
		return prune_rules(node_get(v, "rules"), values);
	if (!strcmp(key, "andIds") || !strcmp(key, "orIds"))
		return prune_rules(node_get(v, "ids"), values);
	if (!strcmp(key, "notRule") || !strcmp(key, "notId"))
		return prune_rule(v, values);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (!strcmp(key, foreign[i]))
			return true;
	if (!strcmp(key, "header"))
		return node_get(v, "presentMatch");
	if (!strcmp(key, "urlPath")) {
		regex = node_string(node_path(v, "path", "safeRegex", "regex", NULL));
		return regex && !strcmp(regex, ".+");
	}
	if (!strcmp(key, "destinationPort"))
		return listed(values, v->text);
	if (!strcmp(key, "directRemoteIp") || !strcmp(key, "destinationIp"))
		return range_listed(values, v);
	return false;
}

static bool only_any(const struct node *list)
{
	const struct node *inner;
	size_t i;

	for (i = 0; list && i < list->n; i++) {
		inner = node_path(list->child[i], "andRules", "rules", NULL);
		if (!inner)
			inner = node_path(list->child[i], "andIds", "ids", NULL);
		if (!inner || inner->n != 1 || !node_get(inner->child[0], "any"))
			return false;
	}
	return true;
}

void prune_filter(struct node *filter, const char *values)
{
	struct node *policies = node_path(filter, "typedConfig", "rules", "policies", NULL);
	size_t i;

	for (i = policies ? policies->n : 0; i-- > 0; ) {
		struct node *permissions = node_get(policies->child[i], "permissions");
		struct node *principals = node_get(policies->child[i], "principals");
		bool all = only_any(permissions) && only_any(principals);

		/* A side without conditions is "any"; both: the rule says nothing any more. */
		bool no_permissions = prune_rules(permissions, values) || only_any(permissions);
		bool no_principals = prune_rules(principals, values) || only_any(principals);

		if (no_permissions && no_principals && !all)
			remove_child(policies, i);
	}
}
