// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Istio itself makes of AuthorizationPolicy judges the translation: for
 * each pair NAME-in.yaml, NAME-out*.yaml requests are derived from the values
 * of the Envoy configuration (hit, near miss, negation), and the decision of
 * the translated policy must be the configuration's. Where the kernel leaves a
 * rule to the slow path it may say so, but never decide otherwise.
 *
 * The pairs lie beside the tree, or where L7FP_CORPORA says.
 */
#include "codec_test.h"
#include "golden_prune.h"
#include "golden_rbac.h"
#include "translate.h"
#include "classify_rules.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <string.h>

#define MAX_VALUES 96
#define MAX_REQUESTS 60000	/* of one pair */
#define MAX_FILTERS 4
#define MAX_PAIRS 64

/* @hit: those that a configuration value itself matches, drawn as often as all others. */
struct values {
	size_t n, n_hits;
	char *item[MAX_VALUES];
	size_t hit[MAX_VALUES];
};

struct pair {
	char *name;
	struct node *filter[MAX_FILTERS];
	size_t n_filters;
	struct values values[RBAC_KINDS];
	char header[256];
	struct node_arena *arena;
	const char *without;	/* values taken out of both sides; NULL: the pair as it is */
	size_t requests, decided, slow, allowed;
	char wrong[1024];
};

static const char service[] =
	"apiVersion: v1\n"
	"kind: Service\n"
	"metadata: {name: httpbin, namespace: foo}\n"
	"spec:\n"
	"  clusterIP: 10.96.0.1\n"
	"  selector: {app: httpbin}\n"
	"  ports: [{name: %s, port: 8000, targetPort: %s}]\n"
	"---\n"
	"apiVersion: l7fp.io/v1\n"
	"kind: Workload\n"
	"metadata: {name: httpbin, namespace: foo, labels: {app: httpbin, version: v1}}\n"
	"spec: {addresses: [%s]}\n";

static void add_value(struct values *v, const char *format, const char *a, const char *b)
{
	char text[512];
	size_t i;

	snprintf(text, sizeof(text), format, a, b);
	for (i = 0; i < v->n; i++)
		if (!strcmp(v->item[i], text))
			return;
	if (v->n < MAX_VALUES)
		v->item[v->n++] = strdup(text);
}

static void add_hit(struct values *v, const char *format, const char *a, const char *b)
{
	char text[512];
	size_t i;

	add_value(v, format, a, b);
	snprintf(text, sizeof(text), format, a, b);
	for (i = 0; i < v->n && v->n_hits < MAX_VALUES; i++)
		if (!strcmp(v->item[i], text))
			v->hit[v->n_hits++] = i;
}

static void found(void *context, enum rbac_kind kind, const char *how, const char *name,
		  const char *value)
{
	struct pair *p = context;
	struct values *v = &p->values[kind];
	char text[512], *out = text;
	struct in_addr a;

	if (kind == RBAC_HEADER)
		snprintf(p->header, sizeof(p->header), "%s", name);
	if (kind == RBAC_SOURCE_IP || kind == RBAC_DESTINATION_IP) {
		add_hit(v, "%s%s", value, "");
		if (inet_pton(AF_INET, value, &a) != 1)
			return;
		a.s_addr = htonl(ntohl(a.s_addr) + 1);
		add_value(v, "%s%s", inet_ntop(AF_INET, &a, text, sizeof(text)), "");
		a.s_addr = htonl(ntohl(a.s_addr) - 2);
		add_value(v, "%s%s", inet_ntop(AF_INET, &a, text, sizeof(text)), "");
		a.s_addr ^= htonl(0x00010000);
		add_value(v, "%s%s", inet_ntop(AF_INET, &a, text, sizeof(text)), "");
		return;
	}
	if (kind == RBAC_PORT) {
		add_value(v, "%s%s", value, "");
		return;
	}
	if (!strcmp(how, "regex") || !strcmp(how, "template")) {
		/* One string of the expression: operators become bytes. */
		for (; *value && out < text + sizeof(text) - 8; value++) {
			if (!strncmp(value, "(?i)", 4))
				value += 3;
			else if (*value == '\\')
				*out++ = *++value;
			else if (!strncmp(value, ".*", 2) || !strncmp(value, ".+", 2))
				out += sprintf(out, "s%s", ++value && kind == RBAC_PATH ? "/t" : "t");
			else if (!strncmp(value, "**", 2))
				out += sprintf(out, "s/t%s", ++value ? "" : "");
			else if (*value == '*')
				*out++ = 's';
			else
				*out++ = *value;
		}
		*out = '\0';
		value = text;
		if (kind == RBAC_PATH && *value != '/')
			return;
	}
	if (!strcmp(how, "suffix"))
		add_hit(v, kind == RBAC_PATH ? "/x%s%s" : "x%s%s", "", value);
	else
		add_hit(v, kind == RBAC_PATH && *value != '/' ? "/%s%s" : "%s%s", value,
			strcmp(how, "prefix") ? "" : "x");
	if (kind == RBAC_PATH) {
		/* A target begins with a slash. */
		add_value(v, *value == '/' ? "%s%s" : "/%s%s", value, "");
		add_value(v, *value == '/' ? "%s%s" : "/%s%s", value, "x");
		add_value(v, *value == '/' ? "%s%s" : "/%s%s", value, "?x=/exact");
		add_value(v, *value == '/' ? "%s%s" : "/%s%s", value, "/x");
		add_value(v, "/x%s%s", *value == '/' ? "" : "/", value);
	} else {
		add_value(v, "%s%s", value, "");
		add_value(v, "%s%s", value, "x");
		add_value(v, "x%s%s", value, "");
	}
	if (kind == RBAC_AUTHORITY) {
		size_t i;

		add_value(v, "%s%s", value, ":8000");
		for (i = 0; value[i] && i < sizeof(text) - 1; i++)
			text[i] = value[i] >= 'a' && value[i] <= 'z' ? value[i] - 32 : value[i];
		text[i] = '\0';
		add_value(v, "%s%s", text, "");
	}
	if (strlen(value) > 1) {
		snprintf(text + 256, 200, "%.*s", (int)strlen(value) - 1, value);
		add_value(v, kind == RBAC_PATH && *value != '/' ? "/%s%s" : "%s%s", text + 256, "");
	}
}

static void filter_document(void *context, struct node *root)
{
	struct pair *p = context;

	if (p->n_filters < MAX_FILTERS)
		p->filter[p->n_filters++] = root;
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	if (!f || !text) {
		free(text);
		if (f)
			fclose(f);
		return NULL;
	}
	if (!fread(text, 1, (1 << 20) - 1, f))
		text[0] = '\0';
	fclose(f);
	return text;
}

static void read_filters(struct pair *p, const char *folder)
{
	static const char * const suffix[] = { "", "1", "2", "3" };
	struct diagnostics *diag = diag_new();
	char path[1024];
	size_t i;

	p->arena = node_arena_new();
	for (i = 0; i < ARRAY_SIZE(suffix); i++) {
		char *text;

		snprintf(path, sizeof(path), "%s/%s-out%s.yaml", folder, p->name, suffix[i]);
		text = read_all(path);
		if (!text)
			continue;
		if (yaml_parse(p->arena, p->name, text, strlen(text), diag, filter_document, p))
			snprintf(p->wrong, sizeof(p->wrong), "%.900s: not YAML", path);
		free(text);
	}
	for (i = 0; i < p->n_filters; i++) {
		if (p->without)
			prune_filter(p->filter[i], p->without);
		rbac_values(p->filter[i], found, p);
	}
	diag_free(diag);
}

static void complete_values(struct pair *p)
{
	static const struct {
		enum rbac_kind kind;
		const char *value;
	} more[] = {
		{ RBAC_METHOD, "GET" }, { RBAC_METHOD, "DELETE" }, { RBAC_PATH, "/" },
		{ RBAC_PATH, "/none/of/them" }, { RBAC_AUTHORITY, "httpbin.foo" },
		{ RBAC_AUTHORITY, "httpbin:8000" }, { RBAC_HEADER, "other" },
		{ RBAC_HEADER, "" }, { RBAC_SOURCE_IP, "172.16.99.1" },
		{ RBAC_DESTINATION_IP, "10.200.0.1" }, { RBAC_PORT, "8888" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(more); i++)
		add_value(&p->values[more[i].kind], "%s%s", more[i].value, "");
}

static void map_address(const char *text, uint32_t to[4])
{
	uint32_t bits;

	if (!parse_address(text, false, to, &bits))
		abort();
}

/* The decision of the policy must be that of the filters. */
static void compare(struct pair *p, const struct ir *ir, const struct rbac_request *r,
		    const char *target, bool undecidable)
{
	struct ir_header headers[2] = {
		{ r->header_name, r->header_value }, { "accept", "*/*" },
	};
	struct ir_request request = {
		.method = r->method, .target = target, .host = r->authority,
		.source_port = 40000, .destination_port = 8000,
		.n_headers = 2, .header = headers,
	};
	struct ir_decision decision;
	const char *wrong = NULL;
	bool allowed = true;
	size_t i;

	if (!r->header_value) {
		request.header = headers + 1;
		request.n_headers = 1;
	}
	map_address(r->source_ip, request.source_ip);
	map_address("10.96.0.1", request.destination_ip);
	for (i = 0; i < p->n_filters; i++)
		allowed &= rbac_allows(p->filter[i], r, &wrong);
	memset(&decision, 0, sizeof(decision));
	ir_evaluate(ir, &request, 0, &decision);
	p->requests++;
	p->allowed += allowed;
	if (wrong) {
		snprintf(p->wrong, sizeof(p->wrong), "the judge met %s", wrong);
		return;
	}
	if (decision.verdict == L7FP_SLOW_PATH) {
		p->slow++;
		if (undecidable)
			return;
	} else {
		p->decided++;
		if (allowed ? decision.verdict == L7FP_FORWARD :
		    decision.verdict == L7FP_RESPOND && decision.status == 403 &&
		    decision.reason == L7FP_REASON_RBAC)
			return;
	}
	snprintf(p->wrong, sizeof(p->wrong),
		 "%.40s %.150s host %.100s header %.40s=%.60s from %s to %s:%u: verdict %d status %u, Envoy %s",
		 r->method, target, r->authority, r->header_name ? r->header_name : "-",
		 r->header_value ? r->header_value : "(absent)", r->source_ip, r->destination_ip,
		 r->destination_port, (int)decision.verdict, decision.status,
		 allowed ? "allows" : "denies");
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void requests(struct pair *p, const struct ir *ir, uint32_t port, const char *address,
		     bool undecidable)
{
	struct rbac_request r = { .destination_port = port, .destination_ip = address };
	enum rbac_kind kinds[] = { RBAC_METHOD, RBAC_PATH, RBAC_AUTHORITY, RBAC_HEADER,
				   RBAC_SOURCE_IP };
	size_t combinations = p->values[RBAC_PORT].n * p->values[RBAC_DESTINATION_IP].n;
	size_t most = MAX_REQUESTS / combinations, total = 1, i, k, pick[5];
	uint32_t state = 2463534242U;
	char path[512];

	for (k = 0; k < 5; k++)
		total *= p->values[kinds[k]].n + (kinds[k] == RBAC_HEADER);
	for (i = 0; i < (total < most ? total : most) && !*p->wrong; i++) {
		size_t rest = i;
		const char *target;

		for (k = 0; k < 5; k++) {
			size_t n = p->values[kinds[k]].n + (kinds[k] == RBAC_HEADER);

			pick[k] = (total < most ? rest : next_random(&state)) % n;
			rest /= n;
			if (total >= most && p->values[kinds[k]].n_hits && next_random(&state) & 64)
				pick[k] = p->values[kinds[k]].hit[next_random(&state) %
								  p->values[kinds[k]].n_hits];
		}
		r.method = p->values[RBAC_METHOD].item[pick[0]];
		target = p->values[RBAC_PATH].item[pick[1]];
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(target, "?"), target);
		r.path = path;
		r.authority = p->values[RBAC_AUTHORITY].item[pick[2]];
		r.header_name = *p->header ? p->header : NULL;
		r.header_value = !*p->header || pick[3] == p->values[RBAC_HEADER].n ? NULL :
			p->values[RBAC_HEADER].item[pick[3]];
		r.source_ip = p->values[RBAC_SOURCE_IP].item[pick[4]];
		compare(p, ir, &r, target, undecidable);
	}
}

static struct ir *translate_pair(struct pair *p, const char *folder, const char *name,
				 const char *port, const char *address, size_t *n_slow)
{
	struct documents *docs = documents_new();
	struct diagnostics *diag = diag_new();
	struct verdicts *verdicts = verdicts_new();
	char text[1024], path[1024];
	struct ir *ir;
	size_t i;

	snprintf(text, sizeof(text), service, name, port, address);
	documents_read_buffer(docs, "service", text, strlen(text), diag);
	snprintf(path, sizeof(path), "%s/%s-in.yaml", folder, p->name);
	documents_read(docs, path, diag);
	for (i = 0; p->without && i < docs->n; i++)
		if (!strcmp(docs->list[i]->kind, "AuthorizationPolicy"))
			prune_policy(docs->list[i]->root, p->without);
	ir = translate(docs, diag, verdicts);
	if (!ir) {
		diag_print(diag, stdout, DIAG_ERROR);
		verdicts_print(verdicts, stdout, VERDICT_INVALID);
		snprintf(p->wrong, sizeof(p->wrong), "not translated");
	}
	*n_slow = verdicts->n_slow_path;
	verdicts_free(verdicts);
	diag_free(diag);
	documents_free(docs);
	return ir;
}

static bool has_unknown(const struct ir *ir)
{
	size_t i, k;

	for (i = 0; i < ir->n_authorization; i++)
		for (k = 0; k < ir->authorization[i].n_rules; k++)
			if (ir_expr_has_unknown(ir->authorization[i].rule[k].expr))
				return true;
	return false;
}

static void check_http(struct pair *p, const char *folder)
{
	size_t i, k, n_slow;

	read_filters(p, folder);
	complete_values(p);
	for (i = 0; i < p->values[RBAC_PORT].n && !*p->wrong; i++) {
		const char *port = p->values[RBAC_PORT].item[i];

		for (k = 0; k < p->values[RBAC_DESTINATION_IP].n && !*p->wrong; k++) {
			const char *address = p->values[RBAC_DESTINATION_IP].item[k];
			struct ir *ir = translate_pair(p, folder, "http", port, address, &n_slow);

			if (!ir)
				return;
			requests(p, ir, (uint32_t)atoi(port), address, has_unknown(ir));
			ir_free(ir);
		}
	}
	printf("# %s: %zu requests (%zu allowed), %zu decided, %zu left to the slow path\n",
	       p->name, p->requests, p->allowed, p->decided, p->slow);
}

/* A port that is not HTTP passes only where every connection may. */
static void check_tcp(struct pair *p, const char *folder)
{
	struct rbac_request r = { "", "", "", NULL, NULL, "172.16.99.1", "10.200.0.1", 0 };
	const char *wrong = NULL;
	size_t i, k, n_slow;

	read_filters(p, folder);
	complete_values(p);
	for (i = 0; i < p->values[RBAC_PORT].n && !*p->wrong; i++) {
		const char *port = p->values[RBAC_PORT].item[i];
		struct ir *ir = translate_pair(p, folder, "tcp", port, r.destination_ip, &n_slow);
		bool open = false, allowed = true;

		if (!ir)
			return;
		for (k = 0; k < ir->n_captures; k++)
			open |= ir->cluster[ir->capture[k].cluster].n_endpoints > 0;
		r.destination_port = (uint32_t)atoi(port);
		for (k = 0; k < p->n_filters; k++)
			allowed &= rbac_allows(p->filter[k], &r, &wrong);
		if (wrong)
			snprintf(p->wrong, sizeof(p->wrong), "the judge met %s", wrong);
		else if (open && !allowed)
			snprintf(p->wrong, sizeof(p->wrong), "port %s is open, Envoy denies", port);
		if (ir->n_captures != 2)
			snprintf(p->wrong, sizeof(p->wrong), "%zu captures, expected 2",
				 ir->n_captures);
		ir_free(ir);
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

/* CUSTOM is for an external authorizer: what the pair holds is no decision. */
static size_t find_pairs(const char *folder, char *names[MAX_PAIRS])
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		char *end = strstr(e->d_name, "-in.yaml");

		if (end && strncmp(e->d_name, "custom", 6) && n < MAX_PAIRS)
			names[n++] = strndup(e->d_name, (size_t)(end - e->d_name));
	}
	if (dir)
		closedir(dir);
	qsort(names, n, sizeof(*names), compare_names);
	return n;
}

static struct pair *new_pair(const char *name, const char *without)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->name = strdup(name);
	p->without = without;
	return p;
}

static void free_pair(struct pair *p)
{
	size_t k, v;

	for (k = 0; k < RBAC_KINDS; k++)
		for (v = 0; v < p->values[k].n; v++)
			free(p->values[k].item[v]);
	node_arena_free(p->arena);
	free(p->name);
	free(p);
}

static size_t run(const char *folder, char **names, size_t n, const char *group,
		  void (*check)(struct pair *, const char *))
{
	size_t i, decided = 0;

	for (i = 0; i < n; i++) {
		struct pair *p = new_pair(names[i], NULL);

		check(p, folder);
		if (!*p->wrong && check == check_http && !p->requests)
			snprintf(p->wrong, sizeof(p->wrong), "no request was compared");
		ktap_result(group, p->name, *p->wrong ? p->wrong : NULL);
		decided += p->requests && !p->slow;
		free_pair(p);
		free(names[i]);
	}
	return decided;
}

/*
 * The conditions of the largest pairs exclude each other ("ports" and
 * "destination.port" have no port in common): without one half they can match.
 */
static const struct {
	const char *pair, *without;
} pruned[] = {
	{ "allow-path", "" },
	{ "allow-host-before-111", "" },
	{ "allow-full-rule",
	  "80,90,8000,9000,1.2.3.4,5.6.0.0/16,9.0.0.1,9.2.0.0/16" },
	{ "allow-full-rule",
	  "91,92,9001,9002,10.10.10.10,192.168.10.0/24,90.10.10.10,90.168.10.0/24" },
	{ "multiple-policies", "" },
};

/* Nothing may be left to the slow path here, and both answers must occur. */
static void run_pruned(const char *folder)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pruned); i++) {
		struct pair *p = new_pair(pruned[i].pair, pruned[i].without);

		check_http(p, folder);
		if (!*p->wrong && p->slow)
			snprintf(p->wrong, sizeof(p->wrong), "%zu requests were left to the slow path",
				 p->slow);
		else if (!*p->wrong && (!p->allowed || p->allowed == p->requests))
			snprintf(p->wrong, sizeof(p->wrong), "%zu of %zu requests are allowed",
				 p->allowed, p->requests);
		ktap_result("pruned", p->name, *p->wrong ? p->wrong : NULL);
		free_pair(p);
	}
}

int main(void)
{
	const char *corpora = getenv("L7FP_CORPORA");
	char http[1024], tcp[1024], *http_names[MAX_PAIRS], *tcp_names[MAX_PAIRS];
	size_t n_http, n_tcp, decided;

	if (!corpora)
		corpora = "../shared/corpora";
	snprintf(http, sizeof(http), "%s/istio-golden/authz/http", corpora);
	snprintf(tcp, sizeof(tcp), "%s/istio-golden/authz/tcp", corpora);
	n_http = find_pairs(http, http_names);
	n_tcp = find_pairs(tcp, tcp_names);
	if (!n_http) {
		printf("KTAP version 1\n1..0 # SKIP no pairs in %s\n", http);
		return 0;
	}
	ktap_begin((unsigned int)(n_http + n_tcp + ARRAY_SIZE(pruned) + 1));
	decided = run(http, http_names, n_http, "http", check_http);
	run_pruned(http);
	run(tcp, tcp_names, n_tcp, "tcp", check_tcp);
	ktap_result("golden", "pairs that the kernel decides alone", decided >= 8 ? NULL :
		    "fewer than 8 pairs were decided without the slow path");
	return ktap_end();
}
