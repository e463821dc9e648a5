// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verdicts: each case is the spec of a document and what check says of its
 * rules; and Documentation/policy-support.rst is what the tables say now.
 */
#include "front_end.h"
#include "schema.h"

#include <sys/stat.h>

#define VS "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\n"
#define DR "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\n"
#define SE "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\n"
#define AP "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x}\n"
#define ROUTE "route: [{destination: {host: b}}]"
#define HTTP(fields) VS "spec: {hosts: [a], http: [{" ROUTE ", " fields "}]}\n"
#define MATCH(match) VS "spec: {hosts: [a], http: [{" ROUTE ", match: [{" match "}]}]}\n"
#define GATEWAY_ROUTE "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: x}\n"
#define GRPC(fields) GATEWAY_ROUTE \
	"spec: {parentRefs: [{group: \"\", kind: Service, name: a}], rules: [{" fields "}]}\n"
#define POLICY(fields) DR "spec: {host: a, trafficPolicy: {" fields "}}\n"
#define RULE(fields) AP "spec: {rules: [{" fields "}]}\n"
#define FROM(fields) RULE("from: [{source: {" fields "}}]")
#define TO(fields) RULE("to: [{operation: {" fields "}}]")
#define WHEN(key, values) RULE("when: [{key: \"" key "\", values: [" values "]}]")

/* @verdict: k, s or i for each rule in order; @reason: a part of one of the reasons. */
static const struct {
	const char *text, *verdict, *reason;
} cases[] = {
	/* VirtualService */
	{ HTTP("name: first"), "k", "" },
	{ HTTP("timeout: 5s"), "k", "" },
	{ HTTP("timeout: 0s"), "k", "" },
	{ HTTP("timeout: 1ms"), "k", "" },
	{ HTTP("timeout: 999us"), "i", "at least 1ms" },
	{ HTTP("timeout: 5"), "i", "expected a duration" },
	{ HTTP("timeout: 5 s"), "i", "no duration" },
	{ HTTP("timeout: -1s"), "i", "no duration" },
	{ HTTP("timeout: 1h2m3.5s"), "k", "" },
	{ HTTP("retries: {attempts: 0}"), "k", "" },
	{ HTTP("retries: {attempts: 3}"), "s", "attempts: 0" },
	{ HTTP("retries: {attempts: -1}"), "i", "out of range" },
	{ HTTP("retries: {attempts: 0, retryOn: 5xx}"), "i", "turns retries off" },
	{ HTTP("fault: {abort: {httpStatus: 500}}"), "s", "faults" },
	{ HTTP("fault: {abort: {httpStatos: 500}}"), "i", "did you mean \"httpStatus\"" },
	{ HTTP("mirror: {host: c}"), "s", "mirrored" },
	{ HTTP("corsPolicy: {}"), "s", "cross-origin" },
	{ HTTP("corsPolicy: null"), "k", "" },
	{ HTTP("unknown: 1"), "i", "unknown field \"unknown\"" },
	{ HTTP("rewrite: {uri: /}"), "k", "" },
	{ HTTP("rewrite: {}"), "i", "a rewrite needs" },
	{ HTTP("rewrite: {uriRegexRewrite: {match: a, rewrite: b}}"), "s", "regular" },
	{ HTTP("headers: {request: {set: {a: b}, remove: [c]}}"), "k", "" },
	{ HTTP("headers: {request: {set: {a: 1}}}"), "i", "put it in quotes" },
	{ HTTP("headers: {request: {set: {\"a b\": c}}}"), "i", "no name of a header" },
	{ HTTP("headers: {request: {set: {a: \"%REQ(x)%\"}}}"), "s", "variables" },
	{ HTTP("headers: {request: {set: {a: \"b\\nc\"}}}"), "i", "control character" },
	{ HTTP("headers: {request: {set: {Transfer-Encoding: x}}}"), "s", "framing" },
	{ HTTP("headers: {response: {set: {host: x}}}"), "i", "host cannot be changed" },
	{ HTTP("rewrite: {authority: b}, headers: {request: {set: {host: x}}}"), "i",
	  "a second time" },
	{ HTTP("redirect: {uri: /}"), "i", "may not be together" },
	{ HTTP("delegate: {name: d}"), "i", "may not be together" },
	{ VS "spec: {hosts: [a], http: [{delegate: {name: d}}]}\n", "s", "delegated" },
	{ VS "spec: {hosts: [a], http: [{}]}\n", "i", "nothing to do" },
	{ VS "spec: {hosts: [a], http: [null]}\n", "i", "nothing is written" },
	{ VS "spec: {hosts: [a]}\n", "i", "needs http, tls or tcp" },
	{ VS "spec: {http: [{" ROUTE "}]}\n", "s", "no hosts" },
	{ VS "spec: {hosts: [\"*\"], http: [{" ROUTE "}]}\n", "i", "not allowed for the mesh" },
	{ VS "spec: {hosts: [\"*\"], gateways: [g], http: [{" ROUTE "}]}\n", "s", "ingress" },
	{ VS "spec: {hosts: [a], gateways: [g, mesh], http: [{" ROUTE "}]}\n", "k", "" },
	{ VS "spec: {hosts: [a_b], http: [{" ROUTE "}]}\n", "i", "no host" },
	{ VS "spec: {hosts: [a, A], http: [{" ROUTE "}]}\n", "i", "twice" },
	{ VS "spec: {hosts: [a], exportTo: [\".\"], http: [{" ROUTE "}]}\n", "s", "exportTo" },
	{ VS "spec: {hosts: [a], exportTo: [\"*\"], http: [{" ROUTE "}]}\n", "k", "" },
	{ VS "spec: {hosts: [a], http: [{" ROUTE "}, {" ROUTE ", mirrors: []}], tcp: [{" ROUTE "}]}\n",
	  "kss", "not routed" },
	{ VS "spec: {hosts: [a], http: {}}\n", "i", "expected a list" },
	{ VS "spec: []\n", "i", "" },
	{ VS, "i", "needs a spec" },
	{ MATCH("uri: {exact: /a}"), "k", "" },
	{ MATCH("uri: {regex: /a}"), "s", "regular" },
	{ MATCH("uri: {exact: /a, prefix: /b}"), "i", "only one of" },
	{ MATCH("uri: {}"), "i", "one of exact" },
	{ MATCH("headers: {x: {}}"), "k", "" },
	{ MATCH("headers: {x: null}"), "i", "nothing is written" },
	{ MATCH("headers: {\"@request.auth.claims.a\": {exact: b}}"), "s", "tokens" },
	{ MATCH("headers: {\":path\": {exact: b}}"), "s", ":path" },
	{ MATCH("withoutHeaders: {x: {prefix: b}}"), "k", "" },
	{ MATCH("queryParams: {x: {exact: b}}, port: 80, ignoreUriCase: true"), "k", "" },
	{ MATCH("port: 65536"), "i", "out of range" },
	{ MATCH("port: \"80\""), "i", "expected a number" },
	{ MATCH("sourceLabels: {a: b}"), "s", "workload that calls" },
	{ MATCH("gateways: [g]"), "s", "ingress" },
	{ MATCH("gateways: [mesh]"), "k", "" },
	{ MATCH("ignoreUriCase: \"true\""), "i", "expected true or false" },
	{ VS "spec: {hosts: [a], http: [{route: [{destination: {host: b}, weight: 0}, {destination: {host: c}}]}]}\n",
	  "i", "add up to 0" },
	{ VS "spec: {hosts: [a], http: [{route: [{destination: {host: b}, weight: -1}]}]}\n", "i",
	  "out of range" },
	{ VS "spec: {hosts: [a], http: [{route: [{destination: {}}]}]}\n", "i", "needs a host" },
	{ VS "spec: {hosts: [a], http: [{redirect: {}}]}\n", "i", "a redirect needs" },
	{ VS "spec: {hosts: [a], http: [{redirect: {uri: /, redirectCode: 200}}]}\n", "i", "301" },
	{ VS "spec: {hosts: [a], http: [{redirect: {uri: /, redirectCode: 308}}]}\n", "k", "" },
	{ VS "spec: {hosts: [a], http: [{redirect: {uri: \"/\\r\\nb: c\"}}]}\n", "i", "control" },
	{ VS "spec: {hosts: [a], http: [{redirect: {authority: \"a b\"}}]}\n", "i", "control" },
	{ HTTP("rewrite: {uri: \"/a b\"}"), "i", "control" },
	{ HTTP("rewrite: {uri: \"/a?b\"}"), "s", "a query in a rewrite" },
	{ HTTP("headers: {request: {set: {Host: \"a b\"}}}"), "i", "control" },
	{ HTTP("rewrite: {authority: a/b}"), "i", "no host" },
	{ VS "spec: {hosts: [a], http: [{directResponse: {status: 200, body: {bytes: YQ==}}}]}\n",
	  "k", "" },
	{ VS "spec: {hosts: [a], http: [{directResponse: {status: 200, body: {bytes: YQ}}}]}\n",
	  "i", "base64" },
	{ VS "spec: {hosts: [a], http: [{directResponse: {body: {string: a}}}]}\n", "i",
	  "needs a status" },
	{ "apiVersion: networking.istio.io/v2\nkind: VirtualService\nmetadata: {name: x}\n"
	  "spec: {hosts: [a], http: [{" ROUTE "}]}\n", "i", "no version" },
	{ "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {hosts: [a], http: [{" ROUTE "}]}\n",
	  "i", "metadata.name" },
	{ "apiVersion: networking.istoi.io/v1\nkind: VirtualService\nmetadata: {name: x}\n", "i",
	  "expected apiVersion networking.istio.io/v1" },

	/* DestinationRule */
	{ DR "spec: {host: a}\n", "k", "" },
	{ DR "spec: {}\n", "i", "needs a host" },
	{ POLICY("loadBalancer: {simple: ROUND_ROBIN}"), "k", "" },
	{ POLICY("loadBalancer: {simple: RANDOM}"), "k", "" },
	{ POLICY("loadBalancer: {simple: LEAST_REQUEST}"), "s", "round robin and at random" },
	{ POLICY("loadBalancer: {simple: BEST}"), "i", "unknown value \"BEST\"" },
	{ POLICY("loadBalancer: {consistentHash: {useSourceIp: true}}"), "s", "at random" },
	{ POLICY("connectionPool: {tcp: {connectTimeout: 1s}}"), "k", "" },
	{ POLICY("connectionPool: {tcp: {maxConnections: 1}}"), "s", "connection pool" },
	{ POLICY("outlierDetection: {}"), "s", "outlier" },
	{ POLICY("tls: {mode: DISABLE}"), "k", "" },
	{ POLICY("tls: {mode: ISTIO_MUTUAL}"), "s", "TLS" },
	{ DR "spec: {host: a, subsets: [{name: v1, labels: {v: a}}, {name: v2, trafficPolicy: {outlierDetection: {}}}]}\n",
	  "ks", "outlier" },
	{ DR "spec: {host: a, subsets: [{name: v1}, {name: v1}]}\n", "ki", "twice" },
	{ DR "spec: {host: a, workloadSelector: {matchLabels: {a: b}}, trafficPolicy: {}}\n", "s",
	  "workload that calls" },

	/* ServiceEntry */
	{ SE "spec: {hosts: [a.b], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1}]}\n",
	  "k", "" },
	{ SE "spec: {hosts: [a.b], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: c.d}]}\n",
	  "i", "no IP address" },
	{ SE "spec: {hosts: [a.b], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}\n",
	  "s", "names are not resolved" },
	{ SE "spec: {hosts: [a.b], ports: [{number: 80, name: http, protocol: HTTP}]}\n", "s",
	  "NONE" },
	{ SE "spec: {hosts: [a.b], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTPP}]}\n",
	  "i", "unknown protocol" },
	{ SE "spec: {hosts: [a.b], resolution: STATIC}\n", "i", "needs ports" },

	/* AuthorizationPolicy */
	{ AP, "k", "" },
	{ AP "spec: {}\n", "k", "" },
	{ RULE(""), "k", "" },
	{ AP "spec: {action: DENY}\n", "k", "" },
	{ AP "spec: {action: ALOW, rules: [{}]}\n", "i", "expected one of ALLOW, DENY" },
	{ AP "spec: {action: AUDIT, rules: [{}]}\n", "s", "AUDIT" },
	{ AP "spec: {action: CUSTOM, provider: {name: p}, rules: [{}]}\n", "s", "external" },
	{ AP "spec: {action: CUSTOM, rules: [{}]}\n", "i", "needs a provider" },
	{ AP "spec: {rules: [{}, {from: [{source: {principals: [p]}}]}]}\n", "ks", "who callers are" },
	{ FROM("ipBlocks: [10.0.0.0/8]"), "k", "" },
	{ FROM("ipBlocks: [10.0.0.0/33]"), "i", "no IP address" },
	{ FROM("ipBlocks: [\"::/0\"]"), "k", "" },
	{ FROM("remoteIpBlocks: [10.0.0.0/8]"), "s", "X-Forwarded-For" },
	{ FROM("requestPrincipals: [\"*\"]"), "s", "tokens" },
	{ FROM(""), "i", "an empty source" },
	{ RULE("from: []"), "i", "an empty list" },
	{ RULE("from: [{}]"), "i", "a source is needed" },
	{ TO("methods: [GET], paths: [/a*], hosts: [\"*.b\"], notPorts: [\"80\"]"), "k", "" },
	{ TO("ports: [80]"), "i", "expected a string" },
	{ TO("ports: [\"65536\"]"), "i", "no port" },
	{ TO("ports: [\"65535\"]"), "k", "" },
	{ TO("paths: [\"/a/{*}/b/{**}\"]"), "k", "" },
	{ TO("paths: [\"/a/{**}/b/{*}\"]"), "i", "no template" },
	{ TO("paths: [\"/a/{x}/{*}\"]"), "i", "no template" },
	{ TO("paths: [\"\"]"), "i", "empty value" },
	{ TO("path: [/a]"), "i", "did you mean \"paths\"" },
	{ WHEN("request.headers[x]", "a"), "k", "" },
	{ WHEN("request.headers[]", "a"), "i", "unknown key" },
	{ WHEN("request.headers[a b]", "a"), "i", "no name of a header" },
	{ WHEN("request.headers[:path]", "a"), "s", ":path" },
	{ WHEN("source.ip", "10.0.0.1"), "k", "" },
	{ WHEN("source.ip", "x"), "i", "no IP address" },
	{ WHEN("destination.port", "\"80\""), "k", "" },
	{ WHEN("destination.ip", "10.0.0.0/8"), "k", "" },
	{ WHEN("source.namespace", "a"), "s", "who callers are" },
	{ WHEN("request.auth.claims[iss]", "a"), "s", "tokens" },
	{ WHEN("request.regex.headers[a]", "a"), "i", "unknown key" },
	{ RULE("when: [{key: source.ip}]"), "i", "values or notValues" },
	{ "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
	  "metadata: {name: x, annotations: {istio.io/dry-run: \"true\"}}\nspec: {rules: [{}]}\n",
	  "s", "dry run" },

	/* GRPCRoute */
	{ GRPC(""), "k", "" },
	{ GRPC("matches: [{}], filters: [], backendRefs: []"), "k", "" },
	{ GRPC("matches: [{method: {}}]"), "i", "one or both of service and method" },
	{ GRPC("matches: [{method: {service: shop.Reviews, method: Get}}]"), "k", "" },
	{ GRPC("matches: [{method: {service: shop..Reviews}}]"), "i", "no name of a service" },
	{ GRPC("matches: [{method: {method: a/b}}]"), "i", "no name of a method" },
	{ GRPC("matches: [{method: {type: RegularExpression, method: a/b}}]"), "s", "regular" },
	{ GRPC("matches: [{method: {type: Prefix, method: a}}]"), "i", "unknown value" },
	{ GRPC("matches: [{headers: [{name: a, value: b}]}]"), "k", "" },
	{ GRPC("matches: [{headers: [{name: a}]}]"), "i", "needs a value" },
	{ GRPC("matches: [{headers: [{name: \"a b\", value: c}]}]"), "i", "no name of a header" },
	{ GRPC("matches: [{path: {value: /}}]"), "i", "unknown field \"path\"" },
	{ GRPC("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: \"5%\"}], remove: [b]}}]"),
	  "k", "" },
	{ GRPC("filters: [{type: RequestHeaderModifier}]"), "i", "needs requestHeaderModifier" },
	{ GRPC("filters: [{type: RequestHeaderModifier, responseHeaderModifier: {}}]"), "i", "needs requestHeaderModifier" },
	{ GRPC("filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {}}, {type: ResponseHeaderModifier, responseHeaderModifier: {}}]"),
	  "i", "only one filter" },
	{ GRPC("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: te, value: x}]}}]"),
	  "s", "framing" },
	{ GRPC("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}}}]"), "s",
	  "mirrored" },
	{ GRPC("filters: [{type: ExtensionRef, extensionRef: {group: g, kind: k, name: n}}]"), "s", "vendors" },
	{ GRPC("backendRefs: [{name: a, port: 1, weight: 0}]"), "k", "" },
	{ GRPC("backendRefs: [{name: a}]"), "i", "needs a port" },
	{ GRPC("backendRefs: [{name: a, port: 1, weight: -1}]"), "i", "out of range" },
	{ GRPC("backendRefs: [{name: a, port: 1, namespace: b}]"), "s", "ReferenceGrants" },
	{ GRPC("backendRefs: [{group: x, kind: Other, name: a}]"), "s", "other than Services" },
	{ GRPC("sessionPersistence: {}"), "s", "sessions" },
	{ GATEWAY_ROUTE "spec: {parentRefs: [{name: gateway}], rules: [{}]}\n", "s", "ingress" },
	{ GATEWAY_ROUTE "spec: {rules: [{}]}\n", "s", "parentRefs" },
	{ GATEWAY_ROUTE, "i", "needs spec" },

	/* Other kinds */
	{ "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: x}\nspec: {servers: [{}, {}]}\n",
	  "ss", "ingress" },
	{ "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: x}\nspec: {rules: [{}]}\n",
	  "s", "Gateway API" },
	{ "apiVersion: security.istio.io/v9\nkind: Brandnew\nmetadata: {name: x}\n", "s",
	  "unknown kind" },
	{ "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {fooo: 1}\n", "", "" },
	{ "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 80}], unheardOf: 1}\nstatus: {}\n",
	  "", "" },
	{ "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: x}]}\n", "i",
	  "expected a number" },
	{ "kind: VirtualService\n", "i", "needs apiVersion and kind" },
	{ "a: b\n", "i", "needs apiVersion and kind" },
};

static char wrong[1024];

static const char *check_case(size_t i)
{
	static const char letters[] = { 'k', 's', 'i' };
	char got[64] = "", reasons[2048] = "";
	struct front_end f;
	const char *w = NULL;
	size_t k, n = 0;

	front_end_translate(&f, cases[i].text);
	for (k = 0; k < f.verdicts->n; k++) {
		const struct verdict *v = &f.verdicts->list[k];

		if (v->kind > VERDICT_INVALID)
			continue;
		got[n++] = letters[v->kind];
		got[n] = '\0';
		snprintf(reasons + strlen(reasons), sizeof(reasons) - strlen(reasons), "%.200s; ",
			 v->reason);
	}
	if (strcmp(got, cases[i].verdict) || !strstr(reasons, cases[i].reason)) {
		snprintf(wrong, sizeof(wrong), "\"%s\" %.900s", got, reasons);
		w = wrong;
	} else if (!f.ir != (strchr(got, 'i') != NULL)) {
		w = "a policy is translated although something is invalid, or is not although nothing is";
	}
	front_end_free(&f);
	return w;
}

/* All of a file, to be freed; NULL: it cannot be read. */
static char *read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	struct stat st;
	char *text;
	size_t n;

	if (!in)
		return NULL;
	if (fstat(fileno(in), &st)) {
		fclose(in);
		return NULL;
	}
	text = calloc(1, (size_t)st.st_size + 1);
	n = text ? fread(text, 1, (size_t)st.st_size, in) : 0;
	fclose(in);
	if (text)
		text[n] = '\0';
	return text;
}

static const char *check_documentation(void)
{
	char *written = read_file("Documentation/policy-support.rst"), *now = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&now, &size);
	const char *w = NULL;

	if (out) {
		schema_print_support(out);
		fclose(out);
	}
	if (!written || !now || strcmp(written, now))
		w = "run build/l7fp-tool check --support-table >Documentation/policy-support.rst";
	free(written);
	free(now);
	return w;
}

static const char *check_summary(void)
{
	static const char text[] = FROM("ipBlocks: [10.0.0.1]") "---\n" FROM("principals: [a]")
		"---\n" RULE("") "---\napiVersion: v1\nkind: ConfigMap\n";
	char *now = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&now, &size);
	struct front_end f;
	const char *w = NULL;

	front_end_translate(&f, text);
	verdicts_print_summary(f.verdicts, out);
	fclose(out);
	if (strcmp(now, "2 of 3 rules in the kernel, 1 on the slow path, 0 invalid\n")) {
		snprintf(wrong, sizeof(wrong), "%s", now);
		w = wrong;
	} else if (f.verdicts->n_ignored != 1) {
		w = "a document that is no policy is not named";
	}
	free(now);
	front_end_free(&f);
	return w;
}

static void repeat(FILE *out, const char *format, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strchr(format, '%'))
			fprintf(out, format, i);
		else
			fputs(format, out);
}

/* A document around something as large as the kernel takes: past that it is not for it. */
static const struct {
	const char *name, *before, *each, *after;
	size_t limit;
	char past;
} limits[] = {
	{ "body", VS "spec: {hosts: [a], http: [{directResponse: {status: 200, body: {string: ", "b",
	  "}}}]}\n", L7FP_MAX_BODY, 's' },
	{ "header changes", VS "spec: {hosts: [a], http: [{" ROUTE ", headers: {request: {remove: [",
	  "h%zu,", "]}}}]}\n", L7FP_MAX_HEADER_OPS, 's' },
	{ "header changes with the destination's",
	  VS "spec: {hosts: [a], http: [{headers: {request: {set: {a: b}}}, route: [{destination: {host: b}, headers: {request: {remove: [",
	  "h%zu,", "]}}}]}]}\n", L7FP_MAX_HEADER_OPS - 1, 's' },
	{ "destinations", VS "spec: {hosts: [a], http: [{route: [", "{destination: {host: b%zu}, weight: 1},",
	  "]}]}\n", L7FP_MAX_ROUTE_CLUSTERS, 's' },
	{ "path of a match", VS "spec: {hosts: [a], http: [{" ROUTE ", match: [{uri: {exact: ", "p",
	  "}}]}]}\n", L7FP_MAX_STRING, 's' },
	{ "path of a rewrite", VS "spec: {hosts: [a], http: [{" ROUTE ", rewrite: {uri: ", "p",
	  "}}]}\n", L7FP_MAX_STRING, 's' },
	{ "host of a rewrite", VS "spec: {hosts: [a], http: [{" ROUTE ", rewrite: {authority: ", "p",
	  "}}]}\n", L7FP_MAX_NAME, 's' },
	{ "path of a redirect", VS "spec: {hosts: [a], http: [{redirect: {uri: ", "p", "}}]}\n",
	  L7FP_MAX_STRING, 's' },
	{ "value of a header", VS "spec: {hosts: [a], http: [{" ROUTE ", headers: {request: {set: {a: ",
	  "v", "}}}}]}\n", L7FP_MAX_STRING, 's' },
	{ "name of a header", VS "spec: {hosts: [a], http: [{" ROUTE ", headers: {request: {remove: [",
	  "h", "]}}}]}\n", L7FP_MAX_NAME, 's' },
	{ "name of a header of a match", VS "spec: {hosts: [a], http: [{" ROUTE ", match: [{headers: {",
	  "h", ": {exact: a}}}]}]}\n", L7FP_MAX_NAME, 's' },
	{ "name of a query parameter", VS "spec: {hosts: [a], http: [{" ROUTE ", match: [{queryParams: {",
	  "q", ": {exact: a}}}]}]}\n", L7FP_MAX_NAME, 's' },
	{ "path of a policy", AP "spec: {rules: [{to: [{operation: {paths: [", "p", "]}}]}]}\n",
	  L7FP_MAX_STRING, 's' },
	{ "name of a header of a policy", AP "spec: {rules: [{when: [{values: [a], key: \"request.headers[",
	  "h", "]\"}]}]}\n", L7FP_MAX_NAME, 's' },
	{ "subsets", DR "spec: {host: a, subsets: [", "{name: s%zu},", "]}\n", CLASSIFY_MAX_NAMES,
	  'i' },
	{ "hosts", VS "spec: {http: [{" ROUTE "}], hosts: [", "h%zu,", "]}\n", CLASSIFY_MAX_NAMES,
	  'i' },
};

static const char *check_limit(size_t i)
{
	const char *w = NULL;
	size_t over;

	for (over = 0; over < 2 && !w; over++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		struct front_end f;

		fputs(limits[i].before, out);
		repeat(out, limits[i].each, limits[i].limit + over);
		fputs(limits[i].after, out);
		fclose(out);
		front_end_translate(&f, text);
		free(text);
		if (!over && (f.verdicts->n_slow_path || f.verdicts->n_invalid))
			w = "at the limit";
		if (over && (limits[i].past == 's' ? f.verdicts->n_slow_path :
			     f.verdicts->n_invalid) == 0)
			w = "past the limit";
		front_end_free(&f);
	}
	return w;
}

int main(void)
{
	size_t i;

	ktap_begin(ARRAY_SIZE(cases) + ARRAY_SIZE(limits) + 2);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *spec = strstr(cases[i].text, "spec:");
		char name[128];

		snprintf(name, sizeof(name), "%zu %.*s", i,
			 (int)strcspn(spec ? spec : "(none)", "\n#") > 100 ? 100 :
			 (int)strcspn(spec ? spec : "(none)", "\n#"), spec ? spec : "(none)");
		ktap_result("verdict", name, check_case(i));
	}
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		ktap_result("limit", limits[i].name, check_limit(i));
	ktap_result("summary", "last line", check_summary());
	ktap_result("documentation", "policy-support.rst is current", check_documentation());
	return ktap_end();
}
