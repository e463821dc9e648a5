// SPDX-License-Identifier: GPL-2.0-only
/*
 * AuthorizationPolicy, as pkg/config/validation and pkg/config/security of
 * Istio refuse it.
 */
#include "classify_rules.h"
#include "schema.h"
#include "match.h"
#include "../kmod/uapi/l7fp.h"

#include <string.h>

static void check_values(struct node_arena *arena, struct node *list)
{
	size_t i;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		struct node *n = list->child[i];

		if (node_string(n) && !n->length)
			mark_invalid(arena, n, "an empty value is not allowed");
		else if (node_string(n) && n->length > L7FP_MAX_STRING)
			mark_slow(arena, n, "longer than the %d bytes that the kernel compares",
				  L7FP_MAX_STRING);
	}
}

static void check_ports(struct node_arena *arena, struct node *list)
{
	size_t i;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *s = node_string(list->child[i]);
		size_t n = s ? strlen(s) : 0;

		if (!s)
			continue;
		if (!n || n > 5 || strspn(s, "0123456789") != n || (n == 5 && strcmp(s, "65535") > 0))
			mark_invalid(arena, list->child[i],
				     "\"%.40s\" is no port; expected 0 to 65535", s);
	}
}

static void check_blocks(struct node_arena *arena, struct node *list)
{
	uint32_t addr[4], bits;
	size_t i;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *s = node_string(list->child[i]);

		if (s && !parse_address(s, true, addr, &bits))
			mark_invalid(arena, list->child[i],
				     "\"%.60s\" is no IP address or prefix; expected one like \"10.0.0.0/8\"",
				     s);
	}
}

/* What Istio takes as a template may hold no other variables or wildcards. */
static bool template_valid(const char *s)
{
	char pattern[L7FP_MAX_STRING + 1];

	return authorization_template(s, pattern, sizeof(pattern)) &&
	       l7fp_match_template_valid((const u8 *)pattern, (u32)strlen(pattern));
}

bool authorization_template(const char *s, char *pattern, size_t room)
{
	size_t used = 0;

	while (*s) {
		size_t braces = !strncmp(s, "{**}", 4) ? 4 : !strncmp(s, "{*}", 3) ? 3 : 0;

		if (used + 3 > room || (!braces && strchr("*{}", *s)))
			return false;
		if (braces) {
			pattern[used++] = '*';
			if (braces == 4)
				pattern[used++] = '*';
			s += braces;
		} else {
			pattern[used++] = *s++;
		}
	}
	pattern[used] = '\0';
	return true;
}

static void check_paths(struct node_arena *arena, struct node *list)
{
	size_t i;

	check_values(arena, list);
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *s = node_string(list->child[i]);

		if (s && (strstr(s, "{*}") || strstr(s, "{**}")) && !template_valid(s))
			mark_invalid(arena, list->child[i],
				     "no template; {*} stands for a segment and {**}, the last of them, for the rest; no other \"*\" or braces");
	}
}

static void check_from(struct node_arena *arena, struct node *from)
{
	struct node *source = node_get(from, "source");
	size_t i, set = 0;

	if (from->kind != NODE_MAP)
		return;
	if (!source) {
		mark_invalid(arena, from, "a source is needed");
		return;
	}
	if (source->kind != NODE_MAP)
		return;
	for (i = 0; i < source->n; i++) {
		set += node_count(source->child[i]);
		check_values(arena, source->child[i]);
	}
	if (!set && source->verdict != NODE_INVALID && node_worst(source, NULL) != NODE_INVALID)
		mark_invalid(arena, source, "an empty source; remove \"from\" to mean every source");
	check_blocks(arena, node_get(source, "ipBlocks"));
	check_blocks(arena, node_get(source, "notIpBlocks"));
	check_blocks(arena, node_get(source, "remoteIpBlocks"));
	check_blocks(arena, node_get(source, "notRemoteIpBlocks"));
}

static void check_to(struct node_arena *arena, struct node *to)
{
	struct node *operation = node_get(to, "operation");
	size_t i, set = 0;

	if (to->kind != NODE_MAP)
		return;
	if (!operation) {
		mark_invalid(arena, to, "an operation is needed");
		return;
	}
	if (operation->kind != NODE_MAP)
		return;
	for (i = 0; i < operation->n; i++) {
		set += node_count(operation->child[i]);
		check_values(arena, operation->child[i]);
	}
	if (!set && node_worst(operation, NULL) != NODE_INVALID)
		mark_invalid(arena, operation,
			     "an empty operation; remove \"to\" to mean every operation");
	check_ports(arena, node_get(operation, "ports"));
	check_ports(arena, node_get(operation, "notPorts"));
	check_paths(arena, node_get(operation, "paths"));
	check_paths(arena, node_get(operation, "notPaths"));
}

static bool map_key(const char *key, const char *prefix)
{
	size_t n = strlen(prefix), length = strlen(key);

	return !strncmp(key, prefix, n) && key[n] == '[' && key[length - 1] == ']' &&
	       length > n + 2;
}

static void check_header_key(struct node_arena *arena, struct node *key)
{
	char name[L7FP_MAX_NAME + 2];
	size_t n = key->length - strlen("request.headers[]");

	if (n > L7FP_MAX_NAME) {
		mark_slow(arena, key, "a name longer than the %d bytes that the kernel looks up",
			  L7FP_MAX_NAME);
		return;
	}
	memcpy(name, key->text + strlen("request.headers["), n);
	name[n] = '\0';
	if (header_is_authority(name) || !strcmp(name, ":method"))
		return;
	if (name[0] == ':')
		mark_slow(arena, key, "%s is not matched as a header by the kernel", name);
	else if (!header_name_valid(name))
		mark_invalid(arena, key, "\"%s\" is no name of a header", name);
}

static void check_when(struct node_arena *arena, struct node *when)
{
	static const struct {
		const char *key, *reason;
		bool map;
	} keys[] = {
		{ "remote.ip", "X-Forwarded-For is not read by the kernel yet", false },
		{ "request.auth.principal", "tokens are not checked by the kernel yet", false },
		{ "request.auth.audiences", "tokens are not checked by the kernel yet", false },
		{ "request.auth.presenter", "tokens are not checked by the kernel yet", false },
		{ "request.auth.claims", "tokens are not checked by the kernel yet", true },
		{ "connection.sni", "the kernel does not speak TLS yet", false },
	};
	struct node *key = node_get(when, "key"), *values = node_get(when, "values");
	struct node *not_values = node_get(when, "notValues");
	const char *s = node_string(key);
	size_t i;

	if (when->kind != NODE_MAP)
		return;
	if (!key || (s && !*s)) {
		mark_invalid(arena, when, "a condition needs a key");
		return;
	}
	if (!node_count(values) && !node_count(not_values))
		mark_invalid(arena, when, "a condition needs values or notValues");
	check_values(arena, values);
	check_values(arena, not_values);
	if (!s)
		return;
	if (!strcmp(s, "source.ip") || !strcmp(s, "destination.ip") || !strcmp(s, "remote.ip")) {
		check_blocks(arena, values);
		check_blocks(arena, not_values);
		if (*s != 'r')
			return;
	}
	if (!strcmp(s, "destination.port")) {
		check_ports(arena, values);
		check_ports(arena, not_values);
		return;
	}
	/* Whether anything says who callers are: authorization_without_callers(). */
	if (!strcmp(s, "source.principal") || !strcmp(s, "source.namespace") ||
	    !strcmp(s, "source.serviceAccount") || !strcmp(s, "source.trustDomain"))
		return;
	if (map_key(s, "request.headers")) {
		check_header_key(arena, key);
		return;
	}
	if (!strncmp(s, "experimental.envoy.filters.", 27) && strchr(s, '[') &&
	    s[strlen(s) - 1] == ']') {
		mark_slow(arena, key, "metadata of Envoy's filters has no meaning outside Envoy");
		return;
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].map ? map_key(s, keys[i].key) : !strcmp(s, keys[i].key)) {
			mark_slow(arena, key, "%s: %s", s, keys[i].reason);
			return;
		}
	mark_invalid(arena, key,
		     "unknown key \"%.100s\"; expected one like request.headers[x-name], source.ip, destination.port",
		     s);
}

static void check_rule(struct node_arena *arena, struct node *rule)
{
	static const char * const lists[] = { "from", "to", "when" };
	size_t i, k;

	if (rule->kind != NODE_MAP)
		return;
	for (k = 0; k < 3; k++) {
		struct node *list = node_get(rule, lists[k]);

		if (!list || list->kind != NODE_LIST)
			continue;
		if (!list->n && k < 2)
			mark_invalid(arena, list, "an empty list; remove \"%s\" to mean all",
				     lists[k]);
		for (i = 0; i < list->n; i++) {
			if (k == 0)
				check_from(arena, list->child[i]);
			else if (k == 1)
				check_to(arena, list->child[i]);
			else
				check_when(arena, list->child[i]);
		}
	}
}

static void check_selector(struct node_arena *arena, struct node *selector)
{
	struct node *labels = node_get(selector, "matchLabels");
	size_t i;

	for (i = 0; labels && labels->kind == NODE_MAP && i < labels->n; i++) {
		const char *s = node_string(labels->child[i]);

		if (!labels->key[i]->length)
			mark_invalid(arena, labels->child[i], "a label needs a name");
		else if (strchr(labels->key[i]->text, '*') || (s && strchr(s, '*')))
			mark_invalid(arena, labels->child[i],
				     "wildcards are not allowed in a selector");
	}
}

void classify_authorization_policy(struct node_arena *arena, struct document *d)
{
	struct node *spec = node_get(d->root, "spec"), *rules = node_get(spec, "rules");
	struct node *action = node_get(spec, "action"), *provider = node_get(spec, "provider");
	struct node *annotations = node_path(d->root, "metadata", "annotations", NULL);
	struct node *dry_run = node_get(annotations, "istio.io/dry-run");
	bool custom = node_string(action) && !strcmp(action->text, "CUSTOM");
	size_t i;

	if (spec && spec->kind != NODE_MAP)
		return;
	if (dry_run && node_string(dry_run)) {
		static const char * const yes[] = { "1", "t", "T", "true", "TRUE", "True" };

		for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
			if (!strcmp(dry_run->text, yes[i]))
				mark_slow(arena, dry_run,
					  "a dry run is for the logs of the proxy; requests are not affected");
	}
	if (custom && !node_string(node_get(provider, "name")))
		mark_invalid(arena, spec, "CUSTOM needs a provider with a name");
	if (custom && !node_count(rules))
		mark_invalid(arena, spec, "CUSTOM without rules never applies; add a rule {}");
	if (provider && !custom)
		mark_invalid(arena, provider, "a provider is for action CUSTOM only");
	if (node_get(spec, "selector") &&
	    (node_get(spec, "targetRef") || node_count(node_get(spec, "targetRefs"))))
		mark_invalid(arena, node_get(spec, "selector"),
			     "only one of selector and targetRefs may be set");
	check_selector(arena, node_get(spec, "selector"));
	for (i = 0; rules && rules->kind == NODE_LIST && i < rules->n; i++)
		check_rule(arena, rules->child[i]);
}
