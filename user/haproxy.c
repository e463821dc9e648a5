// SPDX-License-Identifier: GPL-2.0-only
/*
 * A configuration for HAProxy: one frontend that chooses the virtual host, the
 * route and the cluster in turn, each in a variable, judges, and goes to the
 * backend of that route; and likewise one for what came to the workload. Rules
 * that it cannot express are refused as a whole.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "classify_rules.h"
#include "haproxy.h"
#include "proxy.h"

struct haproxy {
	FILE *out;
	const struct ir *ir;
	struct proxy_refusals *refusals;
	bool *used;		/* routes that some match of the frontend leads to */
	bool *backend;		/* routes of either */
};

static void refuse(struct haproxy *h, const struct ir_source *source, const char *reason)
{
	proxy_refuse(h->refusals, source, reason);
}

/* "ACTION if GUARD TERM", a line for each alternative. */
static void lines(struct haproxy *h, const char *action, const char *guard,
		  const struct ir_expr *expr, const struct ir_source *source)
{
	struct haproxy_terms t = haproxy_terms(h->ir, expr);
	size_t i;

	if (t.refusal)
		refuse(h, source, t.refusal);
	for (i = 0; i < t.n; i++)
		fprintf(h->out, "    %s%s%s%s\n", action, *guard || *t.text[i] ? " if" : "", guard,
			t.text[i]);
	haproxy_terms_free(&t);
}

static const char deny[] =
	"http-request return status 403 content-type text/plain string RBAC:\\x20access\\x20denied";

static void choose_hosts(struct haproxy *h, bool inbound)
{
	char action[64];
	size_t i, k;

	fputs("    http-request set-var(txn.host) 'req.hdr(host),lower,regsub(:[0-9]+$,)'\n", h->out);
	for (i = 0; i < h->ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *v = &h->ir->virtual_host[i];

		if (ir_is_inbound(v) != inbound)
			continue;
		snprintf(action, sizeof(action), "http-request set-var(txn.vh) str(h%zu)", i);
		lines(h, action, " !{ var(txn.vh) -m found }", inbound ? NULL : v->expr,
		      &v->source);
	}
	for (i = 0; i < h->ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *v = &h->ir->virtual_host[i];
		char guard[96];

		if (ir_is_inbound(v) != inbound)
			continue;
		snprintf(guard, sizeof(guard), " { var(txn.vh) -m str h%zu } !{ var(txn.rt) -m found }",
			 i);
		for (k = 0; k < v->n_matches; k++) {
			snprintf(action, sizeof(action), "http-request set-var(txn.rt) str(r%u)",
				 v->match[k].route);
			lines(h, action, guard, v->match[k].expr, &v->match[k].source);
			h->used[v->match[k].route] = true;
		}
		if (v->fallback >= 0) {
			snprintf(action, sizeof(action), "http-request set-var(txn.rt) str(r%d)",
				 v->fallback);
			lines(h, action, guard, NULL, &v->source);
			h->used[v->fallback] = true;
		}
	}
	fputs("    http-request return status 404 content-type text/plain string NR if !{ var(txn.rt) -m found }\n",
	      h->out);
}

static void choose_cluster(struct haproxy *h, size_t index)
{
	const struct ir_route *r = &h->ir->route[index];
	uint64_t total = 0, end = 0;
	size_t i;

	for (i = 0; i < r->n_clusters; i++)
		total += r->cluster[i].weight;
	if (!total) {
		refuse(h, &r->source, "no destination has a weight");
		return;
	}
	fprintf(h->out, "    http-request set-var(txn.w) rand(%llu) if { var(txn.rt) -m str r%zu }\n",
		(unsigned long long)total, index);
	for (i = 0; i < r->n_clusters; i++) {
		end += r->cluster[i].weight;
		fprintf(h->out,
			"    http-request set-var(txn.cl) str(c%u) if { var(txn.rt) -m str r%zu } !{ var(txn.cl) -m found } { var(txn.w) -m int lt %llu }\n",
			r->cluster[i].cluster, index, (unsigned long long)end);
	}
}

static void authorize(struct haproxy *h, size_t index)
{
	const struct ir_cluster *c = &h->ir->cluster[index];
	char guard[160], action[96];
	size_t i, k;

	for (i = 0; i < c->n_authorization; i++) {
		const struct ir_authorization *a = &h->ir->authorization[c->authorization[i]];

		snprintf(guard, sizeof(guard), " { var(txn.cl) -m str c%zu }", index);
		for (k = 0; k < a->n_rules; k++)
			if (a->rule[k].action == IR_DENY)
				lines(h, deny, guard, a->rule[k].expr, &a->rule[k].source);
		if (!a->has_allow)
			continue;
		snprintf(action, sizeof(action), "http-request set-var(txn.a%zu) bool(true)", i);
		for (k = 0; k < a->n_rules; k++)
			if (a->rule[k].action == IR_ALLOW)
				lines(h, action, guard, a->rule[k].expr, &a->rule[k].source);
		snprintf(guard, sizeof(guard),
			 " { var(txn.cl) -m str c%zu } !{ var(txn.a%zu) -m found }", index, i);
		lines(h, deny, guard, NULL, &c->source);
	}
}

static void change_headers(struct haproxy *h, const char *when, const char *guard,
			   const struct ir_header_ops *ops, const struct ir_source *source)
{
	static const char * const verb[] = {
		[L7FP_HEADER_SET] = "set-header", [L7FP_HEADER_ADD] = "add-header",
		[L7FP_HEADER_REMOVE] = "del-header",
	};
	size_t i;

	for (i = 0; i < ops->n; i++) {
		const struct ir_header_op *op = &ops->op[i];
		const char *value = op->value ? op->value : "";

		if (strchr(value, '%'))
			refuse(h, source, "Envoy's variables (%…%) have no meaning in HAProxy");
		fprintf(h->out, "    %s %s ", when, verb[op->kind]);
		haproxy_word(h->out, op->name, strlen(op->name), false);
		if (op->kind != L7FP_HEADER_REMOVE) {
			putc(' ', h->out);
			haproxy_word(h->out, value, strlen(value), true);
		}
		fprintf(h->out, " if%s\n", guard);
	}
}

static void rewrite(struct haproxy *h, const struct ir_route *r, const char *guard)
{
	if (r->rewrite_kind == L7FP_REWRITE_PREFIX) {
		/* What matched has this length, whatever it was. */
		fprintf(h->out, "    http-request set-path ");
		haproxy_word(h->out, r->rewrite_path, strlen(r->rewrite_path), true);
		fprintf(h->out, "%%[path,bytes(%u)] if%s\n", r->rewrite_match_len, guard);
	} else if (r->rewrite_kind == L7FP_REWRITE_FULL) {
		fprintf(h->out, "    http-request set-path ");
		haproxy_word(h->out, r->rewrite_path, strlen(r->rewrite_path), true);
		fprintf(h->out, " if%s\n", guard);
	}
	if (r->rewrite_authority) {
		fprintf(h->out, "    http-request set-header host ");
		haproxy_word(h->out, r->rewrite_authority, strlen(r->rewrite_authority), true);
		fprintf(h->out, " if%s\n", guard);
	}
}

static void location(struct haproxy *h, const struct ir_route *r)
{
	const char *scheme = r->redirect_scheme ? r->redirect_scheme : "http";

	fprintf(h->out, "%s://", scheme);
	if (r->redirect_authority)
		haproxy_word(h->out, r->redirect_authority, strlen(r->redirect_authority), true);
	else
		fputs("%[req.hdr(host)]", h->out);
	if (r->redirect_port)
		fprintf(h->out, ":%u", r->redirect_port);
}

static void redirect(struct haproxy *h, const struct ir_route *r, const char *guard)
{
	static const char * const has_query[] = { " !{ query -m found }", " { query -m found }" };
	int query;

	if (!r->redirect_authority && (r->redirect_port || r->redirect_scheme))
		refuse(h, &r->source, "HAProxy cannot take the port from the host of a redirect");
	for (query = 0; query < 2; query++) {
		fprintf(h->out, "    http-request return status %u hdr location ", r->status);
		location(h, r);
		if (!r->redirect_path)
			fputs("%[pathq]", h->out);
		else
			haproxy_word(h->out, r->redirect_path, strlen(r->redirect_path), true);
		if (query && r->redirect_path && !strchr(r->redirect_path, '?'))
			fputs("\\x3f%[query]", h->out);
		fprintf(h->out, " if%s%s\n", guard, has_query[query]);
	}
}

static void direct(struct haproxy *h, const struct ir_route *r, const char *guard)
{
	if (memchr(r->body ? r->body : "", 0, r->body_len) || r->body_len > 1000)
		refuse(h, &r->source, "a body with a NUL or over 1000 bytes does not fit into a line of HAProxy");
	fprintf(h->out, "    http-request return status %u", r->status);
	if (r->body_len) {
		fputs(" content-type text/plain string ", h->out);
		haproxy_word(h->out, r->body, r->body_len, false);
	}
	fprintf(h->out, " if%s\n", guard);
}

static void fault(struct haproxy *h, const struct ir_route *r, const char *guard)
{
	const struct node *fault = node_get(r->node, "fault"), *abort = node_get(fault, "abort");
	const struct node *value = node_path(abort, "percentage", "value", NULL);

	if (node_get(fault, "delay"))
		refuse(h, &r->source, "HAProxy cannot delay requests");
	if (!abort)
		return;
	fprintf(h->out,
		"    http-request return status %lld content-type text/plain string fault\\x20filter\\x20abort if%s { rand(1000000) lt %u }\n",
		(long long)node_get(abort, "httpStatus")->integer, guard,
		value && value->text ? (unsigned int)(strtod(value->text, NULL) * 10000 + 0.5) :
		1000000);
}

/* What a route has that HAProxy has not. */
static void refuse_features(struct haproxy *h, const struct ir_route *r)
{
	if (r->kind == L7FP_ROUTE_SLOW_PATH)
		refuse(h, &r->source, r->slow_path_reason);
	if (r->n_mirrors)
		refuse(h, &r->source, "HAProxy cannot mirror requests");
	if (node_get(r->node, "corsPolicy"))
		refuse(h, &r->source, "HAProxy does not answer cross-origin requests by itself");
	if (node_path(r->node, "rewrite", "uriRegexRewrite", NULL))
		refuse(h, &r->source, "HAProxy replaces the whole path or nothing by a regular expression");
}

static void route(struct haproxy *h, size_t index)
{
	const struct ir_route *r = &h->ir->route[index];
	char guard[128];
	size_t i;

	snprintf(guard, sizeof(guard), " { var(txn.rt) -m str r%zu }", index);
	refuse_features(h, r);
	change_headers(h, "http-after-response", guard, &r->response, &r->source);
	switch (r->kind) {
	case L7FP_ROUTE_REDIRECT:
		redirect(h, r, guard);
		return;
	case L7FP_ROUTE_DIRECT:
		direct(h, r, guard);
		return;
	default:
		break;
	}
	fault(h, r, guard);
	for (i = 0; i < r->n_clusters && r->n_clusters > 1; i++) {
		char one[256];

		snprintf(one, sizeof(one), "%s { var(txn.cl) -m str c%u }", guard,
			 r->cluster[i].cluster);
		change_headers(h, "http-request", one, &r->cluster[i].request, &r->source);
		change_headers(h, "http-after-response", one, &r->cluster[i].response, &r->source);
	}
	change_headers(h, "http-request", guard, &r->request, &r->source);
	rewrite(h, r, guard);
}

static void choose_backend(struct haproxy *h, size_t index)
{
	const struct ir_route *r = &h->ir->route[index];
	size_t i;

	for (i = 0; i < r->n_clusters; i++)
		fprintf(h->out,
			"    use_backend r%zu-c%u if { var(txn.rt) -m str r%zu } { var(txn.cl) -m str c%u }\n",
			index, r->cluster[i].cluster, index, r->cluster[i].cluster);
}

static void retries(struct haproxy *h, const struct ir_route *r)
{
	static const char * const known[] = { "connect-failure", "refused-stream", "unavailable",
					      "cancelled" };
	static const char * const codes[] = { "401", "403", "404", "408", "425", "429", "500",
					      "501", "502", "503", "504" };
	const struct node *retries = node_get(r->node, "retries");
	const struct node *attempts = node_get(retries, "attempts");
	const char *on = node_string(node_get(retries, "retryOn"));
	char *copy, *item, *rest;
	size_t i;

	if (node_get(retries, "perTryTimeout") || node_get(retries, "backoff"))
		refuse(h, &r->source, "HAProxy has no time limit or pause of its own for each try");
	fprintf(h->out, "    retries %lld\n    option redispatch 1\n    retry-on conn-failure",
		!retries ? 2LL : attempts ? (long long)attempts->integer : 0LL);
	copy = strdup(on ? on : "");
	for (item = strtok_r(copy, ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) {
		if (!strcmp(item, "5xx"))
			fputs(" 500 501 502 503 504 empty-response response-timeout", h->out);
		else if (!strcmp(item, "gateway-error"))
			fputs(" 502 503 504", h->out);
		for (i = 0; i < sizeof(codes) / sizeof(codes[0]) && strcmp(item, codes[i]); i++)
			;
		if (i < sizeof(codes) / sizeof(codes[0])) {
			fprintf(h->out, " %s", item);
			continue;
		}
		for (i = 0; i < sizeof(known) / sizeof(known[0]) && strcmp(item, known[i]); i++)
			;
		if (i == sizeof(known) / sizeof(known[0]) && strcmp(item, "5xx") &&
		    strcmp(item, "gateway-error"))
			refuse(h, &r->source, "a condition of retryOn that HAProxy does not know");
	}
	free(copy);
	fputs("\n", h->out);
}

static void backend(struct haproxy *h, size_t index, const struct ir_route *r,
		    const struct ir_cluster *c, uint32_t cluster)
{
	const char *simple = node_string(node_get(c->load_balancer, "simple"));
	char text[INET6_ADDRSTRLEN];
	size_t i;

	if (c->outlier_detection || node_get(c->load_balancer, "consistentHash") ||
	    node_get(c->connection_pool, "http") ||
	    node_path(c->connection_pool, "tcp", "maxConnections", NULL))
		refuse(h, &r->source, "its traffic policy has more than HAProxy's configuration expresses here");
	if (c->tls)
		refuse(h, &r->source, "HAProxy cannot tell servers by their SPIFFE identity, as its mutual TLS wants");
	fprintf(h->out, "\nbackend r%zu-c%u\n    timeout connect %ums\n", index, cluster,
		c->connect_timeout_ms);
	if (r->timeout_ms)
		fprintf(h->out, "    timeout server %ums\n", r->timeout_ms);
	fprintf(h->out, "    balance %s\n", !simple ? "leastconn" :
		!strcmp(simple, "RANDOM") ? "random" :
		!strcmp(simple, "ROUND_ROBIN") ? "roundrobin" : "leastconn");
	retries(h, r);
	/* Without an address it is that of the connection, which the PROXY header says. */
	if (c->kind == L7FP_CLUSTER_ORIGINAL_DST)
		fputs("    server original 0.0.0.0\n", h->out);
	for (i = 0; i < c->n_endpoints; i++) {
		const struct ir_endpoint *e = &c->endpoint[i];
		bool v4 = IN6_IS_ADDR_V4MAPPED(&e->address);

		if (!e->healthy)
			continue;
		inet_ntop(v4 ? AF_INET : AF_INET6, &e->address.s6_addr[v4 ? 12 : 0], text,
			  sizeof(text));
		fprintf(h->out, "    server e%zu %s%s:%u", i, v4 ? "" : "ipv6@", text, e->port);
		/* A server has one version here: of the client's it knows nothing. */
		if (c->protocol == L7FP_CLUSTER_HTTP2)
			fputs(" proto h2", h->out);
		if (e->weight > 1)
			fprintf(h->out, " weight %u", e->weight < 256 ? e->weight : 256);
		fputs("\n", h->out);
	}
}

static void backends(struct haproxy *h)
{
	size_t i, k, m;

	for (i = 0; i < h->ir->n_routes; i++) {
		const struct ir_route *r = &h->ir->route[i];

		for (k = 0; h->backend[i] && k < r->n_clusters; k++) {
			for (m = 0; m < k && r->cluster[m].cluster != r->cluster[k].cluster; m++)
				;
			if (m == k)
				backend(h, i, r, &h->ir->cluster[r->cluster[k].cluster],
					r->cluster[k].cluster);
		}
	}
}

static void single_lines(struct haproxy *h)
{
	size_t i;

	for (i = 0; i < h->ir->n_slots; i++)
		if (h->ir->slot[i].kind == L7FP_SLOT_HEADER && h->ir->slot[i].name[0] != ':')
			fprintf(h->out,
				"    http-request return status 503 content-type text/plain string repeated\\x20header if { req.fhdr_cnt(%s) gt 1 }\n",
				h->ir->slot[i].name);
}

static void frontend(struct haproxy *h, const struct proxy_options *o, const char *token,
		     bool inbound)
{
	unsigned int port = o->port ? o->port : PROXY_DEFAULT_PORT;
	size_t i;

	memset(h->used, 0, h->ir->n_routes * sizeof(*h->used));
	fprintf(h->out, "\nfrontend slow_path%s\n    bind %s%s:%u accept-proxy\n",
		inbound ? "_inbound" : "", o->address && strchr(o->address, ':') ? "ipv6@" : "",
		o->address ? o->address : "127.0.0.1", port + inbound);
	fprintf(h->out, "    tcp-request session reject unless { fc_pp_unique_id -m str %s }\n",
		token);
	if (o->access_log)
		fputs("    log global\n    log-format \"l7fp %ci:%cp %fi:%fp %HM %HU %ST\"\n", h->out);
	fputs("    http-request set-header x-request-id %[uuid()] unless { req.hdr(x-request-id) -m found }\n"
	      "    http-request set-header x-forwarded-proto http unless { req.hdr(x-forwarded-proto) -m found }\n"
	      "    http-request set-header x-envoy-attempt-count 1\n", h->out);
	single_lines(h);
	choose_hosts(h, inbound);
	for (i = 0; i < h->ir->n_routes; i++)
		if (h->used[i] && h->ir->route[i].kind == L7FP_ROUTE_FORWARD)
			choose_cluster(h, i);
	for (i = 0; i < h->ir->n_clusters; i++)
		authorize(h, i);
	for (i = 0; i < h->ir->n_routes; i++)
		if (h->used[i])
			route(h, i);
	for (i = 0; i < h->ir->n_routes; i++)
		if (h->used[i] && h->ir->route[i].kind == L7FP_ROUTE_FORWARD)
			choose_backend(h, i);
	for (i = 0; i < h->ir->n_routes; i++)
		h->backend[i] |= h->used[i];
}

void haproxy_write(FILE *out, const struct ir *ir, const struct proxy_options *options,
		   const char *token, struct proxy_refusals *refusals)
{
	struct haproxy h = { .out = out, .ir = ir, .refusals = refusals };

	h.used = calloc(ir->n_routes + 1, sizeof(*h.used));
	h.backend = calloc(ir->n_routes + 1, sizeof(*h.backend));
	if (!h.used || !h.backend) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	fputs("global\n", out);
	if (options->access_log)
		fprintf(out, "    log %s%s local0 info\n", options->access_log,
			!strcmp(options->access_log, "stdout") ? " format raw" : "");
	fputs("\ndefaults\n    mode http\n    timeout client 1h\n    timeout server 1h\n"
	      "    timeout connect 10s\n    timeout tunnel 1h\n", out);
	frontend(&h, options, token, false);
	if (ir->inbound.captured)
		frontend(&h, options, token, true);
	backends(&h);
	free(h.used);
	free(h.backend);
}
