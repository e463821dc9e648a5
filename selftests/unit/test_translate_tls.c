// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutual TLS in policies: what a workload's ports take, and what is expected of the servers that
 * it calls.
 */
#include "front_end.h"
#include "proxy.h"

#define WORKLOAD(name, ns, sa, ip, more) \
	"---\napiVersion: l7fp.io/v1\nkind: Workload\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {serviceAccount: " sa ", labels: {app: " name "}, addresses: [" ip "]" more "}\n"
#define ENFORCED(name) ", networkNamespace: " name
#define SERVICE(name, ip, port, number, target, endpoints) \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: default}\n" \
	"spec: {clusterIP: " ip ", ports: [{name: " port ", port: " number "}]}\n" \
	"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: " name ", namespace: default}\n" \
	"subsets: [{addresses: [" endpoints "], ports: [{name: " port ", port: " target "}]}]\n"
#define PA(name, ns, more, spec) \
	"---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n" \
	"metadata: {name: " name ", namespace: " ns more "}\nspec: {" spec "}\n"
#define FOR_B "selector: {matchLabels: {app: b}}, "
#define DR(host, policy) \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\n" \
	"spec: {host: " host ", trafficPolicy: {" policy "}}\n"
#define AGE(year) ", creationTimestamp: \"" year "-01-01T00:00:00Z\""

/* a calls; b and twin have their policies enforced, plain has not. */
static const char mesh[] =
	WORKLOAD("a", "default", "client", "10.1.0.1", ENFORCED("a"))
	WORKLOAD("b", "default", "server", "10.1.0.2", ENFORCED("b"))
	WORKLOAD("twin", "default", "twin", "10.1.0.3", ENFORCED("twin"))
	WORKLOAD("plain", "default", "plain", "10.1.0.4", "")
	SERVICE("b", "10.0.0.2", "http", "80", "8080", "{ip: 10.1.0.2}")
	SERVICE("both", "10.0.0.3", "grpc", "80", "8080", "{ip: 10.1.0.2}, {ip: 10.1.0.3}")
	SERVICE("mixed", "10.0.0.4", "http", "80", "8080", "{ip: 10.1.0.2}, {ip: 10.1.0.4}")
	SERVICE("mail", "10.0.0.5", "tcp", "25", "2525", "{ip: 10.1.0.2}")
	SERVICE("auto", "10.0.0.6", "any", "26", "2626", "{ip: 10.1.0.2}")
	SERVICE("plain", "10.0.0.7", "http", "80", "8080", "{ip: 10.1.0.4}");

#define SPIFFE(account) "spiffe://cluster.local/ns/default/sa/" account
#define HTTP1 "istio-http/1.1,istio,http/1.1"
#define SNI(port, name) "outbound_." port "_._." name ".default.svc.cluster.local"

static const struct {
	const char *name, *documents;
	bool tls;
	const char *what;	/* a Service; "in": what arrives at b */
	const char *expected;
} cases[] = {
#define IN(name, documents, expected) { name, documents, true, "in", expected }
#define OUT(name, documents, service, expected) { name, documents, true, service, expected }
	{ "without certificates nothing arrives", "", false, "in", "not captured" },
	{ "without certificates STRICT is the slow path's", PA("p", "default", "", "mtls: {mode: STRICT}"), false, "in", "slow" },
	{ "without certificates servers are plain", "", false, "b", "plain" },
	{ "without certificates ISTIO_MUTUAL is the slow path's", DR("b", "tls: {mode: ISTIO_MUTUAL}"), false, "b", "slow" },
	IN("nothing said", "", "permissive 2525:permissive 2626:permissive 8080:permissive"),
	IN("the namespace", PA("p", "default", "", "mtls: {mode: STRICT}"), "strict 2525:strict 2626:strict 8080:strict"),
	IN("the mesh", PA("p", "istio-system", "", "mtls: {mode: STRICT}"), "strict 2525:strict 2626:strict 8080:strict"),
	IN("another namespace", PA("p", "other", "", "mtls: {mode: STRICT}"), "permissive 2525:permissive 2626:permissive 8080:permissive"),
	IN("the namespace before the mesh", PA("p", "istio-system", "", "mtls: {mode: STRICT}") PA("q", "default", "", "mtls: {mode: PERMISSIVE}"), "permissive 2525:permissive 2626:permissive 8080:permissive"),
	IN("the workload before the namespace", PA("p", "default", "", "mtls: {mode: STRICT}") PA("q", "default", "", FOR_B "mtls: {mode: PERMISSIVE}"), "permissive 2525:permissive 2626:permissive 8080:permissive"),
	IN("another workload", PA("p", "default", "", "selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}"), "permissive 2525:permissive 2626:permissive 8080:permissive"),
	IN("a port", PA("p", "default", "", FOR_B "mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}"), "strict 2525:strict 2626:strict 8080:disable"),
	IN("a port that no Service has", PA("p", "default", "", FOR_B "portLevelMtls: {9090: {mode: STRICT}}"), "permissive 2525:permissive 2626:permissive 8080:permissive 9090:strict"),
	IN("UNSET leaves it to the next one", PA("p", "default", "", "mtls: {mode: STRICT}") PA("q", "default", "", FOR_B "mtls: {mode: UNSET}, portLevelMtls: {8080: {mode: UNSET}}"), "strict 2525:strict 2626:strict 8080:strict"),
	IN("the oldest of two", PA("p", "default", AGE("2024"), "mtls: {mode: PERMISSIVE}") PA("q", "default", AGE("2020"), "mtls: {mode: STRICT}"), "strict 2525:strict 2626:strict 8080:strict"),
	IN("DISABLE", PA("p", "default", "", "mtls: {mode: DISABLE}"), "not captured"),

	OUT("a server whose policies are enforced", "", "b", "sni=" SNI("80", "b") " san=" SPIFFE("server") " alpn=" HTTP1),
	OUT("two of them, gRPC", "", "both", "sni=" SNI("80", "both") " san=" SPIFFE("server") "," SPIFFE("twin") " alpn=istio-h2,istio,h2"),
	OUT("bytes", "", "mail", "sni=" SNI("25", "mail") " san=" SPIFFE("server") " alpn=istio"),
	OUT("a port that says nothing", "", "auto", "sni=" SNI("26", "auto") " san=" SPIFFE("server") " alpn=istio"),
	OUT("one of two is plain", "", "mixed", "plain"),
	OUT("a plain server", "", "plain", "plain"),
	OUT("a server that takes plain text only", PA("p", "default", "", FOR_B "mtls: {mode: DISABLE}"), "b", "plain"),
	OUT("a port that takes plain text only", PA("p", "default", "", FOR_B "portLevelMtls: {8080: {mode: DISABLE}}"), "b", "plain"),
	OUT("DISABLE", DR("b", "tls: {mode: DISABLE}"), "b", "plain"),
	OUT("ISTIO_MUTUAL to one that nobody enforces", DR("plain", "tls: {mode: ISTIO_MUTUAL}"), "plain", "sni=" SNI("80", "plain") " san=" SPIFFE("plain") " alpn=" HTTP1),
	OUT("names and SNI as written", DR("b", "tls: {mode: ISTIO_MUTUAL, sni: b.example, subjectAltNames: [" SPIFFE("x") "]}"), "b", "sni=b.example san=" SPIFFE("x") " alpn=" HTTP1),
	OUT("of a port", DR("b", "tls: {mode: DISABLE}, portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]"), "b", "sni=" SNI("80", "b") " san=" SPIFFE("server") " alpn=" HTTP1),
	OUT("SIMPLE is the slow path's", DR("b", "tls: {mode: SIMPLE}"), "b", "slow"),
};

static const char *mode_name(enum l7fp_tls_mode mode)
{
	static const char * const names[] = { "disable", "permissive", "strict" };

	return names[mode];
}

static int by_port(const void *a, const void *b)
{
	const struct ir_inbound_port *x = a, *y = b;

	return (x->port > y->port) - (x->port < y->port);
}

static void join(char *out, size_t size, const char *head, const char *const *list, size_t n)
{
	size_t i, len = strlen(out);

	for (i = 0; i < n; i++) {
		snprintf(out + len, size - len, "%s%s", i ? "," : head, list[i]);
		len += strlen(out + len);
	}
}

static void describe_inbound(const struct ir *ir, char *out, size_t size)
{
	const struct ir_inbound *in = &ir->inbound;
	size_t i, len;

	snprintf(out, size, "%s", in->captured ? mode_name(in->tls) : "not captured");
	if (!in->captured)
		return;
	qsort(in->port, in->n_ports, sizeof(*in->port), by_port);
	for (i = 0; i < in->n_ports; i++) {
		len = strlen(out);
		snprintf(out + len, size - len, " %u:%s", in->port[i].port,
			 mode_name(in->port[i].tls));
	}
}

static void describe_cluster(const struct ir *ir, const char *service, char *out, size_t size)
{
	const struct ir_cluster *c = NULL;
	char host[100];
	size_t i;

	snprintf(host, sizeof(host), "||%s.default.svc.cluster.local", service);
	for (i = 0; i < ir->n_clusters; i++)
		if (strstr(ir->cluster[i].name, host))
			c = &ir->cluster[i];
	snprintf(out, size, "%s", !c ? "no cluster" : c->tls ? "sni=" : "plain");
	if (!c || !c->tls)
		return;
	snprintf(out, size, "sni=%s", c->tls->sni);
	join(out, size, " san=", c->tls->san, c->tls->n_sans);
	join(out, size, " alpn=", c->tls->alpn, c->tls->n_alpn);
}

static const char *check_case(size_t index)
{
	static char got[1024], text[2048];
	bool inbound = !strcmp(cases[index].what, "in");
	const struct translate_view view = {
		.workload = inbound ? "default/b" : "default/a", .tls = cases[index].tls,
	};
	const char *wrong = NULL;
	struct front_end f;
	char *all;

	if (asprintf(&all, "%s%s", mesh, cases[index].documents) < 0)
		abort();
	front_end_read(&f, all);
	f.ir = translate_for_workload(f.docs, f.diag, f.verdicts, &view);
	if (!f.ir)
		snprintf(got, sizeof(got), "not translated: %s",
			 f.diag->n ? f.diag->list[0].text : "?");
	else if (f.verdicts->n_slow_path)
		snprintf(got, sizeof(got), "slow");
	else if (inbound)
		describe_inbound(f.ir, got, sizeof(got));
	else
		describe_cluster(f.ir, cases[index].what, got, sizeof(got));
	if (strcmp(got, cases[index].expected)) {
		snprintf(text, sizeof(text), "expected '%s', got '%s'", cases[index].expected, got);
		wrong = text;
	}
	front_end_free(&f);
	free(all);
	return wrong;
}

/* What is written for a proxy of a; NULL: nothing is. The caller frees it. */
static char *proxy_of_a(const char *documents, bool tls, const char *certificates,
			enum proxy_format format, char token[PROXY_TOKEN_LEN])
{
	const struct translate_view view = { .workload = "default/a", .tls = tls };
	const struct proxy_options options = {
		.format = format, .certificates = certificates, .configuration = "/x/proxy",
	};
	struct proxy_refusals refusals = { 0 };
	struct front_end f;
	char *all, *text = NULL;
	size_t len;
	FILE *out;

	if (asprintf(&all, "%s%s", mesh, documents) < 0)
		abort();
	front_end_read(&f, all);
	f.ir = translate_for_proxy(f.docs, f.diag, f.verdicts, &view);
	out = f.ir ? open_memstream(&text, &len) : NULL;
	if (out) {
		proxy_token(f.ir, token);
		if (format == PROXY_ENVOY)
			envoy_write(out, f.ir, &options, "token", &refusals);
		else
			haproxy_write(out, f.ir, &options, "token", &refusals);
		for (size_t i = 0; i < refusals.n; i++)
			fprintf(out, "refused: %s\n", refusals.list[i].reason);
		fclose(out);
		proxy_refusals_free(&refusals);
	}
	front_end_free(&f);
	free(all);
	return text;
}

#define SIMPLE_B DR("b", "tls: {mode: SIMPLE}")
#define NAMED_B DR("b", "tls: {mode: ISTIO_MUTUAL, subjectAltNames: [" SPIFFE("x") "]}")

static const struct {
	const char *name, *documents;
	bool tls;
	const char *certificates;
	enum proxy_format format;
	const char *part;	/* of what is written; with "!" before it: not */
} proxies[] = {
	{ "a proxy, no certificate: refused", "", true, NULL, PROXY_ENVOY, "refused: its servers are spoken to with mutual TLS" },
	{ "a proxy, no certificate: no plain text to it", "", true, NULL, PROXY_ENVOY, "!\"cluster\": \"outbound|80||b." },
	{ "a proxy, no certificate: others are reached", "", true, NULL, PROXY_ENVOY, "\"cluster\": \"outbound|80||plain." },
	{ "a proxy: its name", "", true, "/pki", PROXY_ENVOY, "\"sni\": \"" SNI("80", "b") "\"" },
	{ "a proxy: who it may be", "", true, "/pki", PROXY_ENVOY, "\"exact\": \"" SPIFFE("server") "\"" },
	{ "a proxy: where the secrets are", "", true, "/pki", PROXY_ENVOY, "\"path\": \"/x/proxy.certificate.json\"" },
	{ "a proxy: it is reached", "", true, "/pki", PROXY_ENVOY, "\"cluster\": \"outbound|80||b." },
	{ "a proxy: ISTIO_MUTUAL", NAMED_B, true, "/pki", PROXY_ENVOY, "\"exact\": \"" SPIFFE("x") "\"" },
	{ "a proxy: SIMPLE is nobody's", SIMPLE_B, true, "/pki", PROXY_ENVOY, "!\"cluster\": \"outbound|80||b." },
	{ "a proxy: nobody speaks TLS", "", false, NULL, PROXY_ENVOY, "!UpstreamTlsContext" },
	{ "a proxy: nobody speaks TLS, it is reached", "", false, NULL, PROXY_ENVOY, "\"cluster\": \"outbound|80||b." },
	{ "HAProxy: refused", "", true, NULL, PROXY_HAPROXY, "refused: HAProxy cannot tell servers by their SPIFFE identity" },
	{ "HAProxy: nobody speaks TLS", "", false, NULL, PROXY_HAPROXY, "!refused" },
};

static const char *check_proxy(size_t index)
{
	const char *part = proxies[index].part;
	bool wanted = *part != '!';
	char token[PROXY_TOKEN_LEN];
	char *text = proxy_of_a(proxies[index].documents, proxies[index].tls,
				proxies[index].certificates, proxies[index].format, token);
	const char *wrong = NULL;

	if (!text)
		wrong = "not translated";
	else if (!!strstr(text, part + !wanted) != wanted)
		wrong = part;
	free(text);
	return wrong;
}

/* A proxy that expects another server must not be taken for this one. */
static const char *check_tokens(void)
{
	char one[PROXY_TOKEN_LEN], other[PROXY_TOKEN_LEN], plain[PROXY_TOKEN_LEN];

	free(proxy_of_a(DR("b", "tls: {mode: ISTIO_MUTUAL}"), true, NULL, PROXY_ENVOY, one));
	free(proxy_of_a(NAMED_B, true, NULL, PROXY_ENVOY, other));
	free(proxy_of_a("", false, NULL, PROXY_ENVOY, plain));
	if (!strcmp(one, other) || !strcmp(one, plain))
		return "the same token";
	free(proxy_of_a(NAMED_B, true, "/pki", PROXY_ENVOY, one));
	return strcmp(one, other) ? "where certificates are is in it" : NULL;
}

int main(void)
{
	size_t i, n = sizeof(cases) / sizeof(cases[0]);
	size_t n_proxies = sizeof(proxies) / sizeof(proxies[0]);

	ktap_begin(n + n_proxies + 1);
	for (i = 0; i < n; i++)
		ktap_result("tls", cases[i].name, check_case(i));
	for (i = 0; i < n_proxies; i++)
		ktap_result("tls", proxies[i].name, check_proxy(i));
	ktap_result("tls", "the token tells whom a proxy expects", check_tokens());
	return ktap_end();
}
