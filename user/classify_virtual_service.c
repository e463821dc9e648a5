// SPDX-License-Identifier: GPL-2.0-only
/*
 * VirtualService: pkg/config/validation of Istio says what is refused, and
 * pilot/pkg/networking/core/route what the fields mean.
 */
#include "classify_rules.h"
#include "schema.h"
#include "../kmod/uapi/l7fp.h"

#include <string.h>
#include <strings.h>

#define MAX_WEIGHT 2147483647

struct ctx {
	struct node_arena *arena;
};

static void check_host(struct ctx *c, struct node *n, bool mesh)
{
	const char *s = node_string(n);

	if (!s)
		return;
	if (!host_valid(s, true, true))
		mark_invalid(c->arena, n,
			     "\"%.100s\" is no host; expected a name, an address, or a name with \"*.\" in front",
			     s);
	else if (mesh && !strcmp(s, "*"))
		mark_invalid(c->arena, n,
			     "\"*\" is not allowed for the mesh gateway; name the hosts, or only ingress gateways");
}

static void check_string_match(struct ctx *c, struct node *n, bool present)
{
	static const char * const kinds[] = { "exact", "prefix", "regex" };
	size_t i, set = 0;

	if (!n || n->kind != NODE_MAP)
		return;
	for (i = 0; i < 3; i++) {
		struct node *v = node_get(n, kinds[i]);

		if (!v)
			continue;
		set++;
		if (v->kind == NODE_STRING && v->length > L7FP_MAX_STRING)
			mark_slow(c->arena, v, "longer than the %d bytes that the kernel compares",
				  L7FP_MAX_STRING);
	}
	if (set > 1)
		mark_invalid(c->arena, n, "only one of exact, prefix, regex may be set");
	/* Envoy refuses an empty prefix of a header; of a path it matches all. */
	if (!set && !present && n->verdict < NODE_SLOW_PATH)
		mark_invalid(c->arena, n, "one of exact, prefix, regex is needed");
}

static void check_header_matches(struct ctx *c, struct node *map)
{
	size_t i;

	if (!map || map->kind != NODE_MAP)
		return;
	for (i = 0; i < map->n; i++) {
		const char *name = map->key[i]->text;
		struct node *v = map->child[i];

		if (!*name)
			mark_invalid(c->arena, v, "a header needs a name");
		else if (name[0] == '@')
			mark_slow(c->arena, v, "tokens are not checked by the kernel yet");
		else if (name[0] == ':' && strcmp(name, ":authority") && strcmp(name, ":method"))
			mark_slow(c->arena, v, "%.100s is not matched as a header by the kernel",
				  name);
		else if (name[0] != ':' && !header_name_valid(name))
			mark_invalid(c->arena, v, "\"%.100s\" is no name of a header", name);
		else if (strlen(name) > L7FP_MAX_NAME)
			mark_slow(c->arena, v, "a name longer than the %d bytes that the kernel looks up",
				  L7FP_MAX_NAME);
		check_string_match(c, v, true);
	}
}

static bool names_mesh(const struct node *gateways)
{
	size_t i;

	if (!node_count(gateways))
		return true;
	for (i = 0; i < gateways->n; i++) {
		const char *s = node_string(gateways->child[i]);

		if (s && !strcmp(s, "mesh"))
			return true;
	}
	return false;
}

static void check_match(struct ctx *c, struct node *m)
{
	struct node *params = node_get(m, "queryParams"), *gateways = node_get(m, "gateways");
	size_t i;

	if (m->kind != NODE_MAP)
		return;
	check_string_match(c, node_get(m, "uri"), false);
	check_string_match(c, node_get(m, "scheme"), true);
	check_string_match(c, node_get(m, "method"), true);
	check_string_match(c, node_get(m, "authority"), true);
	check_header_matches(c, node_get(m, "headers"));
	check_header_matches(c, node_get(m, "withoutHeaders"));
	for (i = 0; params && params->kind == NODE_MAP && i < params->n; i++) {
		if (!params->key[i]->length)
			mark_invalid(c->arena, params->child[i], "a query parameter needs a name");
		else if (params->key[i]->length > L7FP_MAX_NAME)
			mark_slow(c->arena, params->child[i],
				  "a name longer than the %d bytes that the kernel looks up",
				  L7FP_MAX_NAME);
		check_string_match(c, params->child[i], true);
	}
	if (gateways && gateways->kind == NODE_LIST && !names_mesh(gateways))
		mark_slow(c->arena, gateways, "ingress gateways are not served by the kernel yet");
}

static const char * const framing[] = {
	"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade",
};

bool header_frames_message(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
		if (!strcasecmp(name, framing[i]))
			return true;
	return false;
}

static void check_header_op(struct ctx *c, struct node *n, const char *name, bool authority)
{
	size_t i;

	if (header_is_authority(name)) {
		if (!authority)
			mark_invalid(c->arena, n, "the host cannot be changed here; use set of request");
		return;
	}
	if (!header_name_valid(name)) {
		mark_invalid(c->arena, n, "\"%.100s\" is no name of a header", name);
		return;
	}
	if (strlen(name) > L7FP_MAX_NAME)
		mark_slow(c->arena, n, "a name longer than %d bytes", L7FP_MAX_NAME);
	for (i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
		if (!strcasecmp(name, framing[i]))
			mark_slow(c->arena, n,
				  "%s belongs to the framing of the message, which the kernel does not let policies change",
				  framing[i]);
}

/* Text that becomes a part of a message head. */
static void check_head_text(struct ctx *c, struct node *n, size_t max)
{
	if (!node_string(n))
		return;
	if (!header_value_valid(n->text) || strpbrk(n->text, " \t"))
		mark_invalid(c->arena, n, "a space or control character is not allowed here");
	else if (n->length > max)
		mark_slow(c->arena, n, "longer than %zu bytes", max);
}

static void check_header_ops(struct ctx *c, struct node *ops, bool request)
{
	static const char * const kinds[] = { "set", "add" };
	struct node *list;
	size_t i, k, total = 0;

	if (!ops || ops->kind != NODE_MAP)
		return;
	for (k = 0; k < 2; k++) {
		list = node_get(ops, kinds[k]);
		if (!list || list->kind != NODE_MAP)
			continue;
		total += list->n;
		for (i = 0; i < list->n; i++) {
			struct node *v = list->child[i];
			const char *s = node_string(v);

			check_header_op(c, v, list->key[i]->text, request);
			if (!s)
				continue;
			if (header_is_authority(list->key[i]->text))
				check_head_text(c, v, L7FP_MAX_NAME);
			if (!header_value_valid(s))
				mark_invalid(c->arena, v, "a control character in the value");
			else if (strchr(s, '%'))
				mark_slow(c->arena, v,
					  "Envoy's variables (%%…%%) are not filled in by the kernel");
			else if (v->length > L7FP_MAX_STRING)
				mark_slow(c->arena, v, "longer than %d bytes", L7FP_MAX_STRING);
		}
	}
	list = node_get(ops, "remove");
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		total++;
		if (node_string(list->child[i]))
			check_header_op(c, list->child[i], list->child[i]->text, false);
	}
	if (total > L7FP_MAX_HEADER_OPS)
		mark_slow(c->arena, ops, "more than %d changes of headers", L7FP_MAX_HEADER_OPS);
}

static void check_headers(struct ctx *c, struct node *holder)
{
	struct node *headers = node_get(holder, "headers");

	check_header_ops(c, node_get(headers, "request"), true);
	check_header_ops(c, node_get(headers, "response"), false);
}

static void check_destination(struct ctx *c, struct node *holder, struct node *destination)
{
	struct node *host = node_get(destination, "host");
	struct node *port = node_get(destination, "port");
	const char *s = node_string(host);

	if (!destination) {
		mark_invalid(c->arena, holder, "a destination is needed");
		return;
	}
	if (destination->kind != NODE_MAP)
		return;
	if (!host)
		mark_invalid(c->arena, destination, "a destination needs a host");
	else if (s && !host_valid(s, false, true))
		mark_invalid(c->arena, host, "\"%.100s\" is no host; expected the name of a service",
			     s);
	if (port && port->kind == NODE_MAP && !node_get(port, "number"))
		mark_invalid(c->arena, port, "a port needs a number");
}

static void check_weights(struct ctx *c, struct node *route)
{
	uint64_t total = 0;
	size_t i, used = 0;

	for (i = 0; i < route->n; i++) {
		struct node *weight = node_get(route->child[i], "weight");

		if (weight && weight->kind == NODE_INT && weight->integer > 0) {
			total += (uint64_t)weight->integer;
			used++;
		}
	}
	if (route->n > 1 && !total)
		mark_invalid(c->arena, route, "the weights of the destinations add up to 0");
	if (total > MAX_WEIGHT)
		mark_slow(c->arena, route, "weights that add up to more than %d", MAX_WEIGHT);
	if (used > L7FP_MAX_ROUTE_CLUSTERS)
		mark_slow(c->arena, route, "more than %d destinations", L7FP_MAX_ROUTE_CLUSTERS);
}

static void check_route(struct ctx *c, struct node *http)
{
	struct node *route = node_get(http, "route");
	size_t i;

	if (!route || route->kind != NODE_LIST)
		return;
	for (i = 0; i < route->n; i++) {
		check_destination(c, route->child[i], node_get(route->child[i], "destination"));
		check_headers(c, route->child[i]);
	}
	check_weights(c, route);
}

static void check_redirect(struct ctx *c, struct node *redirect)
{
	static const int codes[] = { 301, 302, 303, 307, 308 };
	struct node *code = node_get(redirect, "redirectCode");
	struct node *scheme = node_get(redirect, "scheme");
	size_t i;

	if (!redirect || redirect->kind != NODE_MAP)
		return;
	if (!node_get(redirect, "uri") && !node_get(redirect, "authority") && !scheme &&
	    !node_get(redirect, "port") && !node_get(redirect, "derivePort"))
		mark_invalid(c->arena, redirect,
			     "a redirect needs uri, authority, port or scheme");
	check_head_text(c, node_get(redirect, "uri"), L7FP_MAX_STRING);
	check_head_text(c, node_get(redirect, "authority"), L7FP_MAX_NAME);
	if (node_get(redirect, "port") && node_get(redirect, "derivePort"))
		mark_invalid(c->arena, node_get(redirect, "port"),
			     "only one of port and derivePort may be set");
	if (node_string(scheme) && strcmp(scheme->text, "http") && strcmp(scheme->text, "https"))
		mark_invalid(c->arena, scheme, "expected http or https");
	for (i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code->kind != NODE_INT || code->integer == codes[i] || !code->integer)
			return;
	if (code)
		mark_invalid(c->arena, code, "expected 301, 302, 303, 307 or 308");
}

static void check_direct_response(struct ctx *c, struct node *direct)
{
	struct node *body = node_get(direct, "body");
	struct node *text = node_get(body, "string"), *bytes = node_get(body, "bytes");

	if (!direct || direct->kind != NODE_MAP)
		return;
	if (!node_get(direct, "status"))
		mark_invalid(c->arena, direct, "a direct response needs a status");
	if (text && bytes)
		mark_invalid(c->arena, body, "only one of string and bytes may be set");
	if (text && text->kind == NODE_STRING && text->length > L7FP_MAX_BODY)
		mark_slow(c->arena, text, "a body longer than %d bytes", L7FP_MAX_BODY);
	if (bytes && bytes->kind == NODE_STRING) {
		size_t n = strspn(bytes->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_");

		if (bytes->length % 4 || strspn(bytes->text + n, "=") != bytes->length - n ||
		    bytes->length - n > 2)
			mark_invalid(c->arena, bytes, "no base64");
		else if (bytes->length / 4 * 3 > L7FP_MAX_BODY)
			mark_slow(c->arena, bytes, "a body longer than %d bytes", L7FP_MAX_BODY);
	}
}

static void check_rewrite(struct ctx *c, struct node *http)
{
	struct node *rewrite = node_get(http, "rewrite");
	struct node *uri = node_get(rewrite, "uri"), *authority = node_get(rewrite, "authority");
	struct node *set = node_path(http, "headers", "request", "set", NULL);
	size_t i, writers = authority ? 1 : 0;

	for (i = 0; set && set->kind == NODE_MAP && i < set->n; i++)
		if (header_is_authority(set->key[i]->text) && ++writers > 1)
			mark_invalid(c->arena, set->child[i], "the host is set a second time");
	if (!rewrite || rewrite->kind != NODE_MAP)
		return;
	if (!uri && !authority && !node_get(rewrite, "uriRegexRewrite"))
		mark_invalid(c->arena, rewrite, "a rewrite needs uri, authority or uriRegexRewrite");
	if (uri && node_get(rewrite, "uriRegexRewrite"))
		mark_invalid(c->arena, rewrite, "only one of uri and uriRegexRewrite may be set");
	check_head_text(c, uri, L7FP_MAX_STRING);
	check_head_text(c, authority, L7FP_MAX_NAME);
	if (uri && node_string(uri) && strpbrk(uri->text, "?#"))
		mark_slow(c->arena, uri, "a query in a rewrite is not set by the kernel yet");
	if (node_string(authority) && strchr(authority->text, '/'))
		mark_invalid(c->arena, authority, "\"%.100s\" is no host", authority->text);
}

static void check_retries(struct ctx *c, struct node *retries)
{
	struct node *attempts = node_get(retries, "attempts");

	if (!retries || retries->kind != NODE_MAP)
		return;
	if (attempts && attempts->kind == NODE_INT && !attempts->integer) {
		if (node_get(retries, "perTryTimeout") || node_get(retries, "retryOn"))
			mark_invalid(c->arena, attempts,
				     "0 turns retries off; remove perTryTimeout and retryOn");
	} else if (!attempts && retries->n) {
		/* protobuf: no attempts is 0. */
		if (node_get(retries, "perTryTimeout") || node_get(retries, "retryOn"))
			mark_invalid(c->arena, retries,
				     "attempts is 0, which turns retries off; set attempts, or remove the other fields");
	} else if (attempts) {
		mark_slow(c->arena, attempts,
			  "retries other than \"attempts: 0\" are not made by the kernel yet");
	}
}

static void check_http(struct ctx *c, struct node *http)
{
	struct node *match = node_get(http, "match"), *route = node_get(http, "route");
	struct node *redirect = node_get(http, "redirect");
	struct node *direct = node_get(http, "directResponse");
	struct node *delegate = node_get(http, "delegate");
	size_t i;

	if (http->kind != NODE_MAP)
		return;
	for (i = 0; match && match->kind == NODE_LIST && i < match->n; i++)
		check_match(c, match->child[i]);
	if (delegate && (node_count(route) || redirect || direct))
		mark_invalid(c->arena, delegate,
			     "delegate may not be together with route, redirect or directResponse");
	if (redirect && node_count(route))
		mark_invalid(c->arena, redirect, "route and redirect may not be together");
	if (direct && node_count(route))
		mark_invalid(c->arena, direct, "route and directResponse may not be together");
	if (direct && redirect)
		mark_invalid(c->arena, direct, "redirect and directResponse may not be together");
	if (redirect && node_get(http, "rewrite"))
		mark_invalid(c->arena, redirect, "redirect and rewrite may not be together");
	if (redirect && node_get(http, "fault"))
		mark_invalid(c->arena, redirect, "redirect and fault may not be together");
	if (!delegate && !redirect && !direct && !node_count(route))
		mark_invalid(c->arena, http,
			     "nothing to do; one of route, redirect, directResponse is needed");
	check_route(c, http);
	check_redirect(c, redirect);
	check_direct_response(c, direct);
	check_rewrite(c, http);
	check_retries(c, node_get(http, "retries"));
	check_headers(c, http);
	if (node_get(http, "mirror"))
		check_destination(c, http, node_get(http, "mirror"));
}

static void check_l4(struct ctx *c, struct node *list)
{
	size_t i, k;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		struct node *route = node_get(list->child[i], "route");

		if (list->child[i]->kind != NODE_MAP)
			continue;
		if (!node_count(route))
			mark_invalid(c->arena, list->child[i], "a route is needed");
		for (k = 0; route && route->kind == NODE_LIST && k < route->n; k++)
			check_destination(c, route->child[k],
					  node_get(route->child[k], "destination"));
	}
}

void classify_virtual_service(struct node_arena *arena, struct document *d)
{
	struct ctx c = { arena };
	struct node *spec = node_get(d->root, "spec");
	struct node *hosts = node_get(spec, "hosts"), *gateways = node_get(spec, "gateways");
	struct node *http = node_get(spec, "http");
	bool mesh = names_mesh(gateways);
	size_t i, k;

	if (!spec || spec->kind != NODE_MAP) {
		mark_invalid(arena, spec ? spec : d->root, "a VirtualService needs a spec");
		return;
	}
	for (i = 0; hosts && hosts->kind == NODE_LIST && i < hosts->n; i++) {
		if (too_many_names(arena, hosts))
			break;
		check_host(&c, hosts->child[i], mesh);
		for (k = 0; k < i && node_string(hosts->child[i]); k++)
			if (node_string(hosts->child[k]) &&
			    !strcasecmp(hosts->child[k]->text, hosts->child[i]->text))
				mark_invalid(arena, hosts->child[i], "the host is there twice");
	}
	if (!node_count(hosts)) {
		if (node_count(gateways))
			mark_invalid(arena, spec, "a VirtualService with gateways needs hosts");
		else
			mark_slow(arena, spec, "no hosts: routes for delegation, which are not merged yet");
	}
	if (!node_count(http) && !node_count(node_get(spec, "tls")) &&
	    !node_count(node_get(spec, "tcp")))
		mark_invalid(arena, spec, "a VirtualService needs http, tls or tcp");
	if (gateways && gateways->kind == NODE_LIST && !mesh)
		mark_slow(arena, gateways, "ingress gateways are not served by the kernel yet");
	classify_export_to(arena, spec);
	for (i = 0; http && http->kind == NODE_LIST && i < http->n; i++)
		check_http(&c, http->child[i]);
	check_l4(&c, node_get(spec, "tls"));
	check_l4(&c, node_get(spec, "tcp"));
}
