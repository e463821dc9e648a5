// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a proxy does though the kernel cannot: fields that have a golden
 * translation in Istio lose the verdict "slow path" here, so that the
 * translation for a proxy takes them up. Whatever keeps it can be expressed by
 * nobody, and its requests are answered with 503.
 */
#include "classify_rules.h"
#include "proxy.h"

#include <string.h>

static void express(struct node *n)
{
	size_t i;

	if (!n)
		return;
	if (n->verdict == NODE_SLOW_PATH) {
		n->verdict = NODE_KERNEL;
		n->reason = NULL;
	}
	for (i = 0; i < n->n; i++)
		express(n->child[i]);
}

static bool text_is(const struct node *n, const char *value)
{
	const char *s = node_string(n);

	return s && !strcmp(s, value);
}

static struct node *item(const struct node *list, size_t i)
{
	return list && list->kind == NODE_LIST && i < list->n ? list->child[i] : NULL;
}

static void string_match(struct node *match)
{
	static const char * const kinds[] = { "exact", "prefix", "regex" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		express(node_get(match, kinds[i]));
}

/* Names with "@" are claims of tokens, which need their keys. */
static void string_matches(struct node *map)
{
	size_t i;

	for (i = 0; map && map->kind == NODE_MAP && i < map->n; i++) {
		if (map->key[i]->text[0] == '@')
			continue;
		string_match(map->child[i]);
		if (map->key[i]->text[0] == ':')
			express(map->child[i]);
	}
}

static void http_match(struct node *match)
{
	static const char * const fields[] = { "uri", "scheme", "method", "authority" };
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		string_match(node_get(match, fields[i]));
	string_matches(node_get(match, "headers"));
	string_matches(node_get(match, "withoutHeaders"));
	string_matches(node_get(match, "queryParams"));
}

/* Values with variables; the fields of the message's frame stay with the codecs. */
static void header_values(struct node *headers)
{
	static const char * const directions[] = { "request", "response" };
	static const char * const kinds[] = { "set", "add" };
	size_t i, d, k;

	for (d = 0; d < 2; d++) {
		for (k = 0; k < 2; k++) {
			struct node *map = node_path(headers, directions[d], kinds[k], NULL);

			for (i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
				if (!header_frames_message(map->key[i]->text))
					express(map->child[i]);
		}
	}
}

static bool fault_expressible(const struct node *fault)
{
	const struct node *abort = node_get(fault, "abort"), *delay = node_get(fault, "delay");

	if (abort && !node_get(abort, "httpStatus"))
		return false;
	return !delay || node_get(delay, "fixedDelay");
}

static void http_route(struct node *http)
{
	static const char * const fields[] = {
		"mirror", "mirrors", "mirrorPercent", "mirrorPercentage", "corsPolicy", "retries",
	};
	struct node *match = node_get(http, "match"), *route = node_get(http, "route");
	struct node *fault = node_get(http, "fault");
	size_t i;

	for (i = 0; match && match->kind == NODE_LIST && i < match->n; i++)
		http_match(match->child[i]);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		express(node_get(http, fields[i]));
	if (fault && fault_expressible(fault))
		express(fault);
	express(node_path(http, "rewrite", "uriRegexRewrite", NULL));
	header_values(node_get(http, "headers"));
	for (i = 0; route && route->kind == NODE_LIST && i < route->n; i++)
		header_values(node_get(route->child[i], "headers"));
}

static void traffic_policy(struct node *policy)
{
	static const char * const tcp[] = { "maxConnections", "idleTimeout" };
	static const char * const http[] = {
		"http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection",
		"maxRetries", "idleTimeout", "h2UpgradePolicy",
	};
	struct node *pool = node_get(policy, "connectionPool"), *hash;
	struct node *simple = node_path(policy, "loadBalancer", "simple", NULL);
	size_t i;

	if (text_is(simple, "LEAST_REQUEST") || text_is(simple, "LEAST_CONN"))
		express(simple);
	hash = node_path(policy, "loadBalancer", "consistentHash", NULL);
	express(hash);
	for (i = 0; i < sizeof(tcp) / sizeof(tcp[0]); i++)
		express(node_path(pool, "tcp", tcp[i], NULL));
	for (i = 0; i < sizeof(http) / sizeof(http[0]); i++)
		express(node_path(pool, "http", http[i], NULL));
	express(node_get(policy, "outlierDetection"));
}

static void traffic_policies(struct node *policy)
{
	struct node *ports = node_get(policy, "portLevelSettings");
	size_t i;

	traffic_policy(policy);
	for (i = 0; item(ports, i); i++)
		traffic_policy(item(ports, i));
}

static void destination_rule(const struct document *d)
{
	struct node *subsets = node_path(d->root, "spec", "subsets", NULL);
	size_t i;

	traffic_policies(node_path(d->root, "spec", "trafficPolicy", NULL));
	for (i = 0; item(subsets, i); i++)
		traffic_policies(node_get(item(subsets, i), "trafficPolicy"));
}

static void authorization_policy(const struct document *d)
{
	struct node *rules = node_path(d->root, "spec", "rules", NULL), *list;
	size_t i, k;

	for (i = 0; item(rules, i); i++) {
		list = node_get(item(rules, i), "from");
		for (k = 0; item(list, k); k++) {
			const struct node *source = node_get(item(list, k), "source");

			express(node_get(source, "remoteIpBlocks"));
			express(node_get(source, "notRemoteIpBlocks"));
		}
		list = node_get(item(rules, i), "when");
		for (k = 0; item(list, k); k++)
			if (text_is(node_get(item(list, k), "key"), "remote.ip"))
				express(node_get(item(list, k), "key"));
	}
}

static void grpc_route(struct node *rule)
{
	struct node *matches = node_get(rule, "matches"), *headers;
	size_t i, k;

	for (i = 0; item(matches, i); i++) {
		express(node_path(item(matches, i), "method", "type", NULL));
		headers = node_get(item(matches, i), "headers");
		for (k = 0; item(headers, k); k++)
			express(node_get(item(headers, k), "type"));
	}
}

void proxy_express(struct documents *docs)
{
	size_t i, k;

	for (i = 0; i < docs->n; i++) {
		const struct document *d = docs->list[i];
		struct node *http = node_path(d->root, "spec", "http", NULL);
		struct node *rules = node_path(d->root, "spec", "rules", NULL);

		if (!strcmp(d->kind, "VirtualService"))
			for (k = 0; item(http, k); k++)
				http_route(item(http, k));
		else if (!strcmp(d->kind, "GRPCRoute"))
			for (k = 0; item(rules, k); k++)
				grpc_route(item(rules, k));
		else if (!strcmp(d->kind, "DestinationRule"))
			destination_rule(d);
		else if (!strcmp(d->kind, "AuthorizationPolicy") &&
			 !strcmp(d->group, "security.istio.io"))
			authorization_policy(d);
	}
}
