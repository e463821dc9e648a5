// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of one workload: whose routes it sees, what is judged at which of
 * its ends, who callers are, and what becomes of what nobody described.
 */
#include "front_end.h"

#include <arpa/inet.h>

#define NET "apiVersion: networking.istio.io/v1\n"
#define WORKLOAD(name, ns, sa, ip, more) \
	"---\napiVersion: l7fp.io/v1\nkind: Workload\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {serviceAccount: " sa ", labels: {app: " name "}, addresses: [" ip "]" more "}\n"
#define ENFORCED(name) ", networkNamespace: " name
#define SERVICE(name, ns, ip, port, number, target, endpoint) \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"spec: {clusterIP: " ip ", ports: [{name: " port ", port: " number "}]}\n" \
	"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: " name ", namespace: " ns "}\n" \
	"subsets: [{addresses: [" endpoint "], ports: [{name: " port ", port: " target "}]}]\n"
#define AP(name, ns, spec) \
	"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n" \
	"metadata: {name: " name ", namespace: " ns "}\nspec: {" spec "}\n"
#define VS(name, ns, spec) \
	"---\n" NET "kind: VirtualService\nmetadata: {name: " name ", namespace: " ns "}\nspec: {" spec "}\n"
#define ALLOW(from) "rules: [{from: [{source: {" from "}}]}]"
#define DENY(from) "action: DENY, " ALLOW(from)
#define DIRECT(status) "directResponse: {status: " status "}"
#define SIDECAR(ns, spec) \
	"---\n" NET "kind: Sidecar\nmetadata: {name: s, namespace: " ns "}\nspec: {" spec "}\n"

/* a calls, b is called; far is another namespace's; plain has no network namespace. */
static const char mesh[] =
	WORKLOAD("a", "default", "client", "10.1.0.1", ENFORCED("a"))
	WORKLOAD("b", "default", "server", "10.1.0.2", ENFORCED("b"))
	WORKLOAD("far", "other", "job", "10.1.0.3", ENFORCED("far"))
	WORKLOAD("plain", "default", "plain", "10.1.0.4", "")
	SERVICE("b", "default", "10.0.0.2", "http", "80", "8080", "{ip: 10.1.0.2}")
	SERVICE("plain", "default", "10.0.0.4", "http", "80", "8080", "{ip: 10.1.0.4}")
	SERVICE("mail", "default", "10.0.0.5", "tcp", "25", "2525", "{ip: 10.1.0.2}")
	SERVICE("auto", "default", "10.0.0.6", "any", "26", "2626", "{ip: 10.1.0.2}")
	SERVICE("all", "default", "None", "http", "8080", "8080", "{ip: 10.1.0.2}, {ip: 10.1.0.4}");

#define B "outbound|80||b.default.svc.cluster.local"

/* "in:" a request that arrives, "tcp:" a connection that does, else one that it makes. */
static const struct {
	const char *name, *documents, *workload;
	bool registry_only;
	const char *from, *to;		/* addresses; NULL: 10.1.0.1 and 10.1.0.2 */
	uint32_t port;
	const char *host, *target, *expected;
} cases[] = {
#define IN(name, policies, from, target, expected) \
	{ name, policies, "default/b", false, from, NULL, 8080, "in:b", target, expected }
#define TCP(name, policies, from, port, expected) \
	{ name, policies, "default/b", false, from, NULL, port, "tcp:", "/", expected }
#define OUT(name, documents, to, port, host, target, expected) \
	{ name, documents, "default/a", false, NULL, to, port, host, target, expected }
#define PRINCIPAL(list) AP("p", "default", ALLOW("principals: [" list "]"))
	IN("a principal", PRINCIPAL("cluster.local/ns/default/sa/client"), "10.1.0.1", "/", "inbound"),
	IN("another one", PRINCIPAL("cluster.local/ns/default/sa/client"), "10.1.0.3", "/", "403"),
	IN("nobody", PRINCIPAL("cluster.local/ns/default/sa/client"), "10.9.9.9", "/", "403"),
	IN("a prefix", PRINCIPAL("\"cluster.local/ns/default/*\""), "10.1.0.1", "/", "inbound"),
	IN("a suffix", PRINCIPAL("\"*/sa/job\""), "10.1.0.3", "/", "inbound"),
	IN("any: somebody", PRINCIPAL("\"*\""), "10.1.0.3", "/", "inbound"),
	IN("any: nobody", PRINCIPAL("\"*\""), "10.9.9.9", "/", "403"),
	IN("not a principal", AP("p", "default", ALLOW("notPrincipals: [\"*/sa/client\"]")), "10.1.0.1", "/", "403"),
	IN("not a principal: nobody is not", AP("p", "default", ALLOW("notPrincipals: [\"*/sa/client\"]")), "10.9.9.9", "/", "inbound"),
	IN("DENY: nobody is not denied by name", AP("p", "default", DENY("namespaces: [other]")), "10.9.9.9", "/", "inbound"),
	IN("DENY: by namespace", AP("p", "default", DENY("namespaces: [other]")), "10.1.0.3", "/", "403"),
	IN("DENY: all but a namespace", AP("p", "default", DENY("notNamespaces: [default]")), "10.9.9.9", "/", "403"),
	IN("an account of the policy's namespace", AP("p", "default", ALLOW("serviceAccounts: [client]")), "10.1.0.1", "/", "inbound"),
	IN("an account of another namespace", AP("p", "default", ALLOW("serviceAccounts: [other/job]")), "10.1.0.3", "/", "inbound"),
	IN("an account is not one of all namespaces", AP("p", "default", ALLOW("serviceAccounts: [job]")), "10.1.0.3", "/", "403"),
	IN("a trust domain", AP("p", "default", ALLOW("trustDomains: [cluster.local]")), "10.1.0.1", "/", "inbound"),
	IN("a trust domain: nobody has one", AP("p", "default", ALLOW("trustDomains: [\"*\"]")), "10.9.9.9", "/", "403"),
	IN("another trust domain", AP("p", "default", ALLOW("trustDomains: [other, \"cluster.local.*\", \"*x.local\"]")), "10.1.0.1", "/", "403"),
	IN("a trust domain's end", AP("p", "default", ALLOW("trustDomains: [\"*.local\"]")), "10.1.0.1", "/", "inbound"),
	IN("not a trust domain", AP("p", "default", DENY("notTrustDomains: [\"cluster.*\"]")), "10.9.9.9", "/", "403"),
	IN("a trust domain's key", AP("p", "default", "rules: [{when: [{key: source.trustDomain, values: [cluster.local]}]}]"), "10.1.0.1", "/", "inbound"),
	IN("a key", AP("p", "default", "rules: [{when: [{key: source.principal, values: [\"*/sa/client\"]}]}]"), "10.1.0.1", "/", "inbound"),
	IN("a port", AP("p", "default", "rules: [{to: [{operation: {ports: [\"8080\"]}}]}]"), "10.1.0.1", "/", "inbound"),
	IN("another port", AP("p", "default", "rules: [{to: [{operation: {ports: [\"80\"]}}]}]"), "10.1.0.1", "/", "403"),
	IN("the address", AP("p", "default", "rules: [{when: [{key: destination.ip, values: [10.1.0.2]}]}]"), "10.1.0.1", "/", "inbound"),
	IN("the root namespace", AP("p", "istio-system", ""), "10.1.0.1", "/", "403"),
	IN("another namespace's policy", AP("p", "other", ""), "10.1.0.1", "/", "not captured"),
	IN("another workload's", AP("p", "default", "selector: {matchLabels: {app: a}}"), "10.1.0.1", "/", "not captured"),
	IN("STRICT without TLS", "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: s}\nspec: {mtls: {mode: STRICT}}\n", "10.1.0.1", "/", "slow"),
	IN("an address of two", PRINCIPAL("\"*\"") WORKLOAD("thief", "other", "thief", "10.1.0.1", ""), "10.1.0.1", "/", "403"),
	IN("an address of two that are the same", PRINCIPAL("\"*\"") WORKLOAD("twin", "default", "client", "10.1.0.1", ""), "10.1.0.1", "/", "inbound"),
	IN("a Pod that has ended has no address", PRINCIPAL("\"*/sa/client\"") "---\napiVersion: v1\nkind: Pod\nmetadata: {name: old, namespace: other}\nstatus: {podIP: 10.1.0.1, phase: Succeeded}\n", "10.1.0.1", "/", "inbound"),

	TCP("bytes: a principal", PRINCIPAL("\"*/sa/client\""), "10.1.0.1", 2525, "forward"),
	TCP("bytes: nobody", PRINCIPAL("\"*/sa/client\""), "10.9.9.9", 2525, "reset"),
	TCP("bytes: a port", AP("p", "default", "action: DENY, rules: [{to: [{operation: {ports: [\"2525\"]}}]}]"), "10.1.0.1", 2525, "reset"),
	TCP("bytes: another port", AP("p", "default", "action: DENY, rules: [{to: [{operation: {ports: [\"2525\"]}}]}]"), "10.1.0.1", 2626, "forward"),
	TCP("bytes: ALLOW on HTTP never matches", AP("p", "default", "rules: [{to: [{operation: {paths: [\"*\"]}}]}]"), "10.1.0.1", 2525, "reset"),
	TCP("bytes: DENY on HTTP denies all", AP("p", "default", "action: DENY, rules: [{to: [{operation: {paths: [/x]}}]}]"), "10.1.0.1", 2525, "reset"),
	TCP("bytes: what cannot be decided is refused", "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: s}\nspec: {mtls: {mode: STRICT}}\n", "10.1.0.1", 2525, "reset"),

	OUT("the other end judges", AP("p", "default", ""), "10.0.0.2", 80, "b", "/", B),
	OUT("nobody else would", AP("p", "default", ""), "10.0.0.4", 80, "plain", "/", "403"),
	OUT("its own labels", VS("v", "default", "hosts: [b], http: [{match: [{sourceLabels: {app: a}}], " DIRECT("201") "}, {" DIRECT("202") "}]"), "10.0.0.2", 80, "b", "/", "201"),
	OUT("others' labels", VS("v", "default", "hosts: [b], http: [{match: [{sourceLabels: {app: x}}], " DIRECT("201") "}, {" DIRECT("202") "}]"), "10.0.0.2", 80, "b", "/", "202"),
	OUT("its own namespace", VS("v", "default", "hosts: [b], http: [{match: [{sourceNamespace: other}], " DIRECT("201") "}, {match: [{sourceNamespace: default}], " DIRECT("202") "}]"), "10.0.0.2", 80, "b", "/", "202"),
	OUT("exported to it", VS("v", "default", "hosts: [b], exportTo: [.], http: [{" DIRECT("201") "}]"), "10.0.0.2", 80, "b", "/", "201"),
	OUT("exported to others", VS("v", "default", "hosts: [b], exportTo: [other], http: [{" DIRECT("201") "}]"), "10.0.0.2", 80, "b", "/", B),
	OUT("a short host of its namespace", SERVICE("b", "other", "10.0.0.7", "http", "80", "8080", "{ip: 10.1.0.3}"), "10.0.0.7", 80, "b", "/", B),
	OUT("headless: the one that was asked", "", "10.1.0.4", 8080, "all", "/", "endpoint|8080||10.1.0.4"),
	OUT("headless: the other one", "", "10.1.0.2", 8080, "all", "/", "endpoint|8080||10.1.0.2"),
	OUT("ALLOW_ANY", "", "192.0.2.1", 80, "nobody", "/", "PassthroughCluster"),
	{ "REGISTRY_ONLY", "", "default/a", true, NULL, "192.0.2.1", 80, "nobody", "/", "502" },
	{ "REGISTRY_ONLY: what is named", "", "default/a", true, NULL, "10.0.0.2", 80, "b", "/", B },
	OUT("a Sidecar's REGISTRY_ONLY", SIDECAR("default", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "192.0.2.1", 80, "nobody", "/", "502"),
	OUT("another namespace's Sidecar", SIDECAR("other", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "192.0.2.1", 80, "nobody", "/", "PassthroughCluster"),
	OUT("another workload's Sidecar", SIDECAR("default", "workloadSelector: {labels: {app: b}}, outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "192.0.2.1", 80, "nobody", "/", "PassthroughCluster"),
};

static void mapped(uint32_t out[4], const char *text)
{
	out[0] = out[1] = 0;
	out[2] = htonl(0xffff);
	if (inet_pton(AF_INET, text, &out[3]) != 1)
		abort();
}

static const char *outcome(const struct ir *ir, const struct ir_decision *d)
{
	static char text[16];

	switch (d->verdict) {
	case L7FP_FORWARD:
		return ir->cluster[d->cluster].name;
	case L7FP_SLOW_PATH:
		return "slow";
	default:
		snprintf(text, sizeof(text), "%u", d->status);
		return text;
	}
}

/* @for_proxy: as the proxy of the workload would decide it. */
static const char *check_case(size_t i, bool for_proxy)
{
	const struct translate_view view = {
		.workload = cases[i].workload, .registry_only = cases[i].registry_only,
	};
	static struct ir_decision d;
	struct ir_request r = { .method = "GET", .target = cases[i].target,
				.source_port = 40000, .destination_port = cases[i].port };
	const char *host = cases[i].host, *got;
	static char wrong[512];
	struct front_end f;
	char text[16384];

	snprintf(text, sizeof(text), "%s%s", mesh, cases[i].documents);
	front_end_read(&f, text);
	f.ir = (for_proxy ? translate_for_proxy : translate_for_workload)(f.docs, f.diag,
									  f.verdicts, &view);
	mapped(r.source_ip, cases[i].from ? cases[i].from : "10.1.0.1");
	mapped(r.destination_ip, cases[i].to ? cases[i].to : "10.1.0.2");
	r.inbound = !strncmp(host, "in:", 3) || !strncmp(host, "tcp:", 4);
	r.host = r.inbound ? "b" : host;
	if (!f.ir) {
		got = f.diag->n ? f.diag->list[0].text : "not translated";
	} else if (!strncmp(host, "tcp:", 4)) {
		ir_evaluate_connection(f.ir, &r, &d);
		got = d.verdict == L7FP_FORWARD ? "forward" : "reset";
	} else if (r.inbound && !f.ir->inbound.captured) {
		got = "not captured";
	} else {
		ir_evaluate(f.ir, &r, 0, &d);
		got = outcome(f.ir, &d);
	}
	snprintf(wrong, sizeof(wrong), "expected %s, got %.400s", cases[i].expected, got);
	got = strcmp(got, cases[i].expected) ? wrong : NULL;
	front_end_free(&f);
	return got;
}

static const struct ir_capture *captured(const struct ir *ir, const char *address, uint16_t port)
{
	uint32_t a[4] = { 0 };
	size_t i;

	if (*address)
		mapped(a, address);
	for (i = 0; i < ir->n_captures; i++)
		if (!memcmp(&ir->capture[i].address, a, sizeof(a)) && ir->capture[i].port == port)
			return &ir->capture[i];
	return NULL;
}

static const char *check_captures(void)
{
	const struct translate_view view = { .workload = "default/b" };
	const struct ir_capture *c;
	struct front_end f;
	const char *wrong = NULL;
	char text[16384];

	snprintf(text, sizeof(text), "%s%s", mesh, PRINCIPAL("\"*\""));
	front_end_read(&f, text);
	f.ir = translate_for_workload(f.docs, f.diag, f.verdicts, &view);
	if (!f.ir) {
		wrong = "not translated";
		goto out;
	}
	c = captured(f.ir, "10.0.0.5", 25);
	if (!c || !c->opaque || c->detect)
		wrong = "a port of bytes is not captured as bytes";
	c = captured(f.ir, "10.0.0.6", 26);
	if (!c || c->opaque || !c->detect)
		wrong = "a port that says nothing is not looked into";
	c = captured(f.ir, "10.0.0.2", 80);
	if (!c || c->opaque || c->detect)
		wrong = "a port of HTTP is not captured as HTTP";
	c = captured(f.ir, "", 80);
	if (!c || !c->detect)
		wrong = "ports of HTTP are not looked into whatever the address";
	c = captured(f.ir, "", 0);
	if (!c || !c->opaque)
		wrong = "unknown ports are looked into";
	if (f.ir->inbound.n_ports != 3)
		wrong = "the workload has three ports that Services name";
	for (size_t i = 0; i < f.ir->inbound.n_ports; i++) {
		const struct ir_inbound_port *p = &f.ir->inbound.port[i];

		if (p->protocol != (p->port == 8080 ? L7FP_PROTOCOL_HTTP : p->port == 2525 ?
				    L7FP_PROTOCOL_OPAQUE : L7FP_PROTOCOL_DETECT))
			wrong = "a port that arrives has the wrong protocol";
	}
out:
	front_end_free(&f);
	return wrong;
}

/* What a workload asks of itself over its proxy is captured nowhere: the proxy judges it. */
static const char *check_self(void)
{
	static struct ir_decision d;
	const struct translate_view view = { .workload = "default/b" };
	struct ir_request r = { .method = "GET", .target = "/", .host = "b",
				.destination_port = 80 };
	const char *wrong = NULL;
	struct front_end f;
	char text[16384];

	snprintf(text, sizeof(text), "%s%s", mesh, PRINCIPAL("\"*/sa/client\""));
	mapped(r.destination_ip, "10.0.0.2");
	mapped(r.source_ip, "10.1.0.2");
	front_end_read(&f, text);
	f.ir = translate_for_proxy(f.docs, f.diag, f.verdicts, &view);
	ir_evaluate(f.ir, &r, 0, &d);
	if (d.status != 403)
		wrong = "its own principal is not denied";
	mapped(r.source_ip, "10.1.0.1");
	ir_evaluate(f.ir, &r, 0, &d);
	if (!wrong && d.verdict != L7FP_FORWARD)
		wrong = "the principal that is allowed is denied";
	front_end_free(&f);
	return wrong;
}

static const char *check_unknown(void)
{
	const struct translate_view view = { .workload = "default/nobody" };
	const char *wrong = NULL;
	struct front_end f;

	front_end_read(&f, mesh);
	f.ir = translate_for_workload(f.docs, f.diag, f.verdicts, &view);
	if (f.ir || !front_end_message(&f, "no Workload is default/nobody"))
		wrong = "a workload that is not there is not refused";
	front_end_free(&f);
	return wrong;
}

/* For all clients of a network namespace nobody's labels are known, but who calls is. */
static const char *check_simple(void)
{
	static struct ir_decision d;
	struct ir_request r = { .method = "GET", .target = "/", .host = "b",
				.destination_port = 80 };
	const char *wrong = NULL;
	struct front_end f;
	char text[16384];

	snprintf(text, sizeof(text), "%s%s", mesh, PRINCIPAL("\"*/sa/client\""));
	front_end_translate(&f, text);
	mapped(r.destination_ip, "10.0.0.2");
	mapped(r.source_ip, "10.1.0.1");
	if (!f.ir || f.ir->inbound.captured)
		wrong = "not translated, or something arrives";
	if (!wrong)
		ir_evaluate(f.ir, &r, 0, &d);
	if (!wrong && d.verdict != L7FP_FORWARD)
		wrong = "the principal is not allowed";
	mapped(r.source_ip, "10.1.0.3");
	if (!wrong)
		ir_evaluate(f.ir, &r, 0, &d);
	if (!wrong && d.status != 403)
		wrong = "another principal is not denied";
	front_end_free(&f);
	return wrong;
}

int main(void)
{
	size_t i, n = sizeof(cases) / sizeof(cases[0]);

	ktap_begin(2 * n + 4);
	for (i = 0; i < n; i++) {
		ktap_result("workload", cases[i].name, check_case(i, false));
		ktap_result("proxy", cases[i].name, check_case(i, true));
	}
	ktap_result("proxy", "what a workload asks of itself", check_self());
	ktap_result("workload", "what is captured, and as what", check_captures());
	ktap_result("workload", "one that is not there", check_unknown());
	ktap_result("workload", "principals without a workload's policy", check_simple());
	return ktap_end();
}
