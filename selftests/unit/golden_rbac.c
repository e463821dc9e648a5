// SPDX-License-Identifier: GPL-2.0-only
#include "golden_rbac.h"

#include <arpa/inet.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct judging {
	const struct rbac_request *request;
	const char *wrong;
};

/* RE2's full match, of the few forms that Istio writes: literals, ".*", ".+", "(?i)". */
static bool regex_matches(struct judging *j, const char *regex, const char *value)
{
	int flags = REG_EXTENDED | REG_NOSUB;
	char text[512];
	regex_t re;
	bool match;

	if (!strncmp(regex, "(?i)", 4)) {
		regex += 4;
		flags |= REG_ICASE;
	}
	snprintf(text, sizeof(text), "^(%s)$", regex);
	if (regcomp(&re, text, flags)) {
		j->wrong = "a regular expression that is not understood";
		return false;
	}
	match = !regexec(&re, value, 0, NULL, 0);
	regfree(&re);
	return match;
}

/* envoy.type.matcher.v3.StringMatcher; an absent value matches nothing. */
static bool string_matches(struct judging *j, const struct node *m, const char *value)
{
	const struct node *fold = node_get(m, "ignoreCase");
	bool icase = fold && fold->kind == NODE_BOOL && fold->boolean;
	const char *s;
	size_t n, len;

	if (!value)
		return false;
	len = strlen(value);
	s = node_string(node_get(m, "exact"));
	if (s)
		return icase ? !strcasecmp(s, value) : !strcmp(s, value);
	s = node_string(node_get(m, "prefix"));
	if (s) {
		n = strlen(s);
		return icase ? !strncasecmp(s, value, n) : !strncmp(s, value, n);
	}
	s = node_string(node_get(m, "suffix"));
	if (s) {
		n = strlen(s);
		if (n > len)
			return false;
		return icase ? !strcasecmp(s, value + len - n) : !strcmp(s, value + len - n);
	}
	s = node_string(node_path(m, "safeRegex", "regex", NULL));
	if (s)
		return regex_matches(j, s, value);
	j->wrong = "a string match that is not understood";
	return false;
}

static const char *header_value(const struct rbac_request *r, const char *name)
{
	if (!strcmp(name, ":method"))
		return r->method;
	if (!strcmp(name, ":authority"))
		return r->authority;
	if (r->header_name && !strcasecmp(name, r->header_name))
		return r->header_value;
	return NULL;
}

static bool header_matches(struct judging *j, const struct node *h)
{
	const char *name = node_string(node_get(h, "name"));
	const char *value = header_value(j->request, name ? name : "");
	const struct node *regex = node_get(h, "safeRegexMatch");

	if (node_get(h, "presentMatch"))
		return value;
	if (regex)
		return value && regex_matches(j, node_string(node_get(regex, "regex")), value);
	return string_matches(j, node_get(h, "stringMatch"), value);
}

static bool address_matches(struct judging *j, const struct node *range, const char *text)
{
	const char *prefix = node_string(node_get(range, "addressPrefix"));
	const struct node *n = node_get(range, "prefixLen");
	struct in_addr a, b;
	uint32_t mask;

	if (!prefix || !n || inet_pton(AF_INET, prefix, &a) != 1 ||
	    inet_pton(AF_INET, text, &b) != 1) {
		j->wrong = "an address that is not understood";
		return false;
	}
	mask = n->integer ? 0xffffffffU << (32 - n->integer) : 0;
	return !((ntohl(a.s_addr) ^ ntohl(b.s_addr)) & mask);
}

/* envoy.extensions.path.match.uri_template: "*" is a segment, "**" any of them. */
static bool template_matches(struct judging *j, const char *template, const char *path)
{
	char regex[512];
	size_t n = 0;

	for (; *template && n + 8 < sizeof(regex); template++) {
		if (template[0] == '*' && template[1] == '*') {
			n += (size_t)snprintf(regex + n, sizeof(regex) - n, ".*");
			template++;
		} else if (*template == '*') {
			n += (size_t)snprintf(regex + n, sizeof(regex) - n, "[^/]+");
		} else if (strchr(".+?()[]{}|^$\\", *template)) {
			n += (size_t)snprintf(regex + n, sizeof(regex) - n, "\\%c", *template);
		} else {
			regex[n++] = *template;
		}
	}
	regex[n] = '\0';
	return regex_matches(j, regex, path);
}

static bool matches(struct judging *j, const struct node *rule);

static bool all_match(struct judging *j, const struct node *list, bool any)
{
	size_t i;

	for (i = 0; list && i < list->n; i++)
		if (matches(j, list->child[i]) == any)
			return any;
	return !any;
}

/* A Permission or a Principal: their forms do not clash. */
static bool matches(struct judging *j, const struct node *rule)
{
	const struct rbac_request *r = j->request;
	const struct node *v;
	const char *key;

	if (rule->kind != NODE_MAP || rule->n != 1) {
		j->wrong = "a rule that is not understood";
		return false;
	}
	key = rule->key[0]->text;
	v = rule->child[0];
	if (!strcmp(key, "any"))
		return true;
	if (!strcmp(key, "andRules"))
		return all_match(j, node_get(v, "rules"), false);
	if (!strcmp(key, "andIds"))
		return all_match(j, node_get(v, "ids"), false);
	if (!strcmp(key, "orRules"))
		return all_match(j, node_get(v, "rules"), true);
	if (!strcmp(key, "orIds"))
		return all_match(j, node_get(v, "ids"), true);
	if (!strcmp(key, "notRule") || !strcmp(key, "notId"))
		return !matches(j, v);
	if (!strcmp(key, "header"))
		return header_matches(j, v);
	if (!strcmp(key, "urlPath"))
		return string_matches(j, node_get(v, "path"), r->path);
	if (!strcmp(key, "uriTemplate"))
		return template_matches(j, node_string(node_path(v, "typedConfig", "pathTemplate",
								 NULL)), r->path);
	if (!strcmp(key, "destinationPort"))
		return v->integer == (int64_t)r->destination_port;
	if (!strcmp(key, "destinationIp"))
		return address_matches(j, v, r->destination_ip);
	if (!strcmp(key, "directRemoteIp") || !strcmp(key, "remoteIp"))
		return address_matches(j, v, r->source_ip);
	/* Plain text: no certificate, no server name; no token, so no metadata. */
	if (!strcmp(key, "authenticated") || !strcmp(key, "metadata") || !strcmp(key, "filterState"))
		return false;
	if (!strcmp(key, "requestedServerName"))
		return string_matches(j, v, "");
	j->wrong = "a rule of a kind that is not understood";
	return false;
}

static bool policy_matches(struct judging *j, const struct node *policy)
{
	const struct node *permissions = node_get(policy, "permissions");
	const struct node *principals = node_get(policy, "principals");

	return all_match(j, permissions, true) && all_match(j, principals, true);
}

bool rbac_allows(const struct node *filter, const struct rbac_request *request,
		 const char **wrong)
{
	struct judging j = { .request = request };
	const struct node *rules = node_path(filter, "typedConfig", "rules", NULL);
	const struct node *policies = node_get(rules, "policies");
	const char *action = node_string(node_get(rules, "action"));
	bool matched = false;
	size_t i;

	if (!rules)
		return true;
	for (i = 0; policies && i < policies->n; i++)
		matched |= policy_matches(&j, policies->child[i]);
	if (j.wrong)
		*wrong = j.wrong;
	if (action && !strcmp(action, "LOG"))
		return true;
	if (action && !strcmp(action, "DENY"))
		return !matched;
	if (action && strcmp(action, "ALLOW"))
		*wrong = "an action that is not understood";
	return matched;
}

struct walk {
	void (*found)(void *context, enum rbac_kind kind, const char *how, const char *name,
		      const char *value);
	void *context;
};

static void string_value(struct walk *w, enum rbac_kind kind, const char *name,
			 const struct node *m)
{
	static const char * const how[] = { "exact", "prefix", "suffix" };
	const char *regex = node_string(node_path(m, "safeRegex", "regex", NULL));
	size_t i;

	for (i = 0; i < 3; i++)
		if (node_string(node_get(m, how[i])))
			w->found(w->context, kind, how[i], name, node_get(m, how[i])->text);
	if (regex)
		w->found(w->context, kind, "regex", name, regex);
}

static void values(struct walk *w, const struct node *n)
{
	size_t i;

	for (i = 0; i < n->n; i++) {
		const char *key = n->key ? n->key[i]->text : "";
		const struct node *v = n->child[i];

		if (!strcmp(key, "header")) {
			const char *name = node_string(node_get(v, "name"));
			enum rbac_kind kind = !strcmp(name, ":method") ? RBAC_METHOD :
				!strcmp(name, ":authority") ? RBAC_AUTHORITY : RBAC_HEADER;
			const char *regex = node_string(node_path(v, "safeRegexMatch", "regex",
								  NULL));

			string_value(w, kind, name, node_get(v, "stringMatch"));
			if (regex)
				w->found(w->context, kind, "regex", name, regex);
		} else if (!strcmp(key, "urlPath")) {
			string_value(w, RBAC_PATH, "", node_get(v, "path"));
		} else if (!strcmp(key, "uriTemplate")) {
			w->found(w->context, RBAC_PATH, "template", "",
				 node_path(v, "typedConfig", "pathTemplate", NULL)->text);
		} else if (!strcmp(key, "destinationPort")) {
			w->found(w->context, RBAC_PORT, "exact", "", v->text);
		} else if (!strcmp(key, "destinationIp")) {
			w->found(w->context, RBAC_DESTINATION_IP, "exact", "",
				 node_get(v, "addressPrefix")->text);
		} else if (!strcmp(key, "directRemoteIp")) {
			w->found(w->context, RBAC_SOURCE_IP, "exact", "",
				 node_get(v, "addressPrefix")->text);
		} else {
			values(w, v);
		}
	}
}

void rbac_values(const struct node *filter,
		 void (*found)(void *context, enum rbac_kind kind, const char *how,
			       const char *name, const char *value),
		 void *context)
{
	struct walk w = { found, context };
	const struct node *rules = node_path(filter, "typedConfig", "rules", NULL);

	if (rules)
		values(&w, rules);
}
