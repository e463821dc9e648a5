// SPDX-License-Identifier: GPL-2.0-only
/*
 * What documents mean: each case adds documents to a small mesh and asks the
 * evaluator what becomes of requests, and which ports are captured how.
 */
#include "front_end.h"

#include <arpa/inet.h>

#define NET "apiVersion: networking.istio.io/v1\n"
#define VS(name, spec) "---\n" NET "kind: VirtualService\nmetadata: {name: " name "}\nspec: {" spec "}\n"
#define DR(name, spec) "---\n" NET "kind: DestinationRule\nmetadata: {name: " name "}\nspec: {" spec "}\n"
#define AP(name, namespace, spec) \
	"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n" \
	"metadata: {name: " name ", namespace: " namespace "}\nspec: {" spec "}\n"
#define TO(host) "route: [{destination: {host: " host "}}]"
#define SUBSETS DR("reviews", "host: reviews, subsets: [{name: v1, labels: {version: v1}}, " \
		      "{name: v2, labels: {version: v2}}]")
#define GRPC(name, namespace, parents, rules) \
	"---\napiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n" \
	"metadata: {name: " name ", namespace: " namespace "}\n" \
	"spec: {parentRefs: [" parents "], rules: [" rules "]}\n"
#define RPC "{group: \"\", kind: Service, name: rpc}"
#define BACK(name) "backendRefs: [{name: " name ", port: 7}]"
#define A(name) "outbound|7||" name ".default.svc.cluster.local"
#define SELECT "selector: {matchLabels: {app: reviews}}"

/* reviews has two versions, ratings two ports, db is no HTTP, web says nothing. */
static const char mesh[] =
	"apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\n"
	"spec: {clusterIP: 10.0.0.1, selector: {app: reviews}, ports: [{name: http, port: 9080}]}\n"
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
	"metadata: {name: reviews-1, labels: {kubernetes.io/service-name: reviews}}\n"
	"ports: [{name: http, port: 8080}]\n"
	"endpoints:\n- {addresses: [10.1.0.1], conditions: {ready: true}}\n"
	"- {addresses: [10.1.0.2], conditions: {ready: false}}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: r1, labels: {app: reviews, version: v1}}\n"
	"status: {podIP: 10.1.0.1}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: r2, labels: {app: reviews, version: v2}}\n"
	"status: {podIP: 10.1.0.2}\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: ratings, namespace: other}\n"
	"spec: {clusterIP: 10.0.0.2, selector: {app: ratings}, ports: [{name: http-a, port: 80}, {name: http-b, port: 81}]}\n"
	"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: ratings, namespace: other}\n"
	"subsets: [{addresses: [{ip: 10.1.0.3}], ports: [{name: http-a, port: 8080}, {name: http-b, port: 8081}]}]\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: db}\n"
	"spec: {clusterIP: 10.0.0.3, selector: {app: db}, ports: [{name: tcp-sql, port: 5432}]}\n"
	"---\napiVersion: l7fp.io/v1\nkind: Workload\nmetadata: {name: db}\nspec: {labels: {app: db}, addresses: [10.1.0.4]}\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
	"spec: {clusterIP: 10.0.0.4, selector: {app: web}, ports: [{port: 80}]}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nstatus: {podIP: 10.1.0.5}\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: rpc}\n"
	"spec: {clusterIP: 10.0.0.5, selector: {app: rpc}, ports: [{name: grpc, port: 50051}]}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: rpc, labels: {app: rpc}}\nstatus: {podIP: 10.1.0.6}\n"
	"---\n" NET "kind: ServiceEntry\nmetadata: {name: api}\n"
	"spec: {hosts: [api.example.com], addresses: [240.0.0.1], resolution: STATIC, location: MESH_INTERNAL,"
	" ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8000}],"
	" endpoints: [{address: 10.2.0.1, labels: {app: api}, weight: 3}, {address: 10.2.0.2, ports: {http: 8888}}]}\n";

/* Ports 9080 of reviews, seen from a client at 10.9.0.1. */
struct asked {
	const char *method, *host, *target;
	const char *header;		/* "name: value"; NULL: none */
	const char *expected;
	const char *address;		/* NULL: 10.0.0.1 */
	uint32_t port;			/* 0: 9080 */
	uint32_t pick;
};

#define MAX_ASKED 12
#define ASK_AT(a, p, m, h, t, line, e) \
	{ .method = m, .host = h, .target = t, .header = line, .expected = e, .address = a, \
	  .port = p }
#define ASK(m, h, t, line, e) ASK_AT(NULL, 0, m, h, t, line, e)
#define ASK_PICK(n, m, h, t, line, e) \
	{ .method = m, .host = h, .target = t, .header = line, .expected = e, .pick = n }
#define R "outbound|9080||reviews.default.svc.cluster.local"
#define R1 "outbound|9080|v1|reviews.default.svc.cluster.local"
#define R2 "outbound|9080|v2|reviews.default.svc.cluster.local"

static const struct {
	const char *name, *documents;
	struct asked asked[MAX_ASKED];
} cases[] = {
	{ "without policies", "", {
		ASK("GET", "reviews", "/a?b", NULL, R " /a?b reviews"),
		ASK("GET", "reviews.default", "/", NULL, R " / reviews.default"),
		ASK("GET", "reviews.default.svc", "/", NULL, R " / reviews.default.svc"),
		ASK("GET", "reviews.default.svc.cluster.local:9080", "/", NULL, R " / reviews.default.svc.cluster.local:9080"),
		ASK("GET", "10.0.0.1:9080", "/", NULL, R " / 10.0.0.1:9080"),
		ASK("GET", "unknown.example.com", "/", NULL, R " / unknown.example.com"),
		ASK_AT("10.1.0.1", 8080, "GET", "unknown.example.com", "/", NULL,
		       "endpoint|8080||10.1.0.1 / unknown.example.com"),
		ASK_AT("10.0.0.2", 81, "GET", "ratings.other", "/", NULL,
		       "outbound|81||ratings.other.svc.cluster.local / ratings.other"),
		ASK_AT("240.0.0.1", 80, "GET", "api.example.com", "/", NULL,
		       "outbound|80||api.example.com / api.example.com"),
		ASK_AT("10.7.7.7", 7777, "GET", "reviews", "/", NULL,
		       "404"),
	} },
	{ "conditions", SUBSETS VS("r", "hosts: [reviews], http: ["
		"{match: [{uri: {exact: /exact}}, {uri: {prefix: /pre}, method: {exact: GET}}], " TO("a1") "},"
		"{match: [{uri: {exact: /Case}, ignoreUriCase: true}], " TO("a2") "},"
		"{match: [{headers: {End-User: {exact: jason}}}], " TO("a3") "},"
		"{match: [{headers: {x-p: {prefix: ab}}, withoutHeaders: {x-not: {}}}], " TO("a4") "},"
		"{match: [{queryParams: {v: {exact: \"2\"}}}], " TO("a5") "},"
		"{match: [{authority: {prefix: reviews.d}}], " TO("a6") "},"
		"{match: [{port: 9081}, {scheme: {exact: https}}, {gateways: [g]}], " TO("a7") "},"
		"{match: [{method: {prefix: PRO}}], " TO("a8") "}]"), {
		ASK("POST", "reviews", "/exact?x", NULL, "outbound|9080||a1.default.svc.cluster.local /exact?x reviews"),
		ASK("POST", "reviews", "/exact/", NULL, "404"),
		ASK("GET", "reviews", "/prefix", NULL, "outbound|9080||a1.default.svc.cluster.local /prefix reviews"),
		ASK("POST", "reviews", "/prefix", NULL, "404"),
		ASK("GET", "reviews", "/cASE", NULL, "outbound|9080||a2.default.svc.cluster.local /cASE reviews"),
		ASK("GET", "reviews", "/", "end-user: jason", "outbound|9080||a3.default.svc.cluster.local / reviews"),
		ASK("GET", "reviews", "/", "end-user: Jason", "404"),
		ASK("GET", "reviews", "/", "x-p: abc", "outbound|9080||a4.default.svc.cluster.local / reviews"),
		ASK("GET", "reviews", "/?u=1&v=2", NULL, "outbound|9080||a5.default.svc.cluster.local /?u=1&v=2 reviews"),
		ASK("GET", "reviews.default", "/", NULL, "outbound|9080||a6.default.svc.cluster.local / reviews.default"),
		ASK("PROPFIND", "reviews", "/", NULL, "outbound|9080||a8.default.svc.cluster.local / reviews"),
	} },
	{ "weights, subsets, first match", SUBSETS VS("r", "hosts: [reviews], http: ["
		"{match: [{headers: {t: {exact: x}}}], route: [{destination: {host: reviews, subset: v2}}]},"
		"{route: [{destination: {host: reviews, subset: v1}, weight: 90},"
		" {destination: {host: reviews, subset: v2}, weight: 10},"
		" {destination: {host: reviews, subset: v3}, weight: 0}]}]"), {
		ASK("GET", "reviews", "/", "t: x", R2 " / reviews"),
		ASK("GET", "reviews", "/", NULL, R1 " / reviews"),
		ASK_PICK(3865470565U, "GET", "reviews", "/", NULL, R1 " / reviews"),
		ASK_PICK(3865470567U, "GET", "reviews", "/", NULL, R2 " / reviews"),
		ASK_PICK(4294967295U, "GET", "reviews", "/", NULL, R2 " / reviews"),
	} },
	{ "rewrites", VS("r", "hosts: [reviews], http: ["
		"{match: [{uri: {prefix: /old}}, {uri: {prefix: /much-older}}], rewrite: {uri: /new}, " TO("reviews") "},"
		"{match: [{uri: {exact: /one}}], rewrite: {uri: /two, authority: other.host}, " TO("reviews") "},"
		"{match: [{headers: {x: {}}}], rewrite: {uri: /base/}, " TO("reviews") "}]"), {
		ASK("GET", "reviews", "/old/a?b", NULL, R " /new/a?b reviews"),
		ASK("GET", "reviews", "/much-older/a", NULL, R " /new/a reviews"),
		ASK("GET", "reviews", "/one?b", NULL, R " /two?b other.host"),
		ASK("GET", "reviews", "/a", "x: y", R " /base/a reviews"),
	} },
	{ "answers", VS("r", "hosts: [reviews], http: ["
		"{match: [{uri: {exact: /r1}}], redirect: {uri: /new, authority: other}},"
		"{match: [{uri: {exact: /r2}}], redirect: {scheme: https, redirectCode: 308}},"
		"{match: [{uri: {exact: /r3}}], redirect: {authority: o, derivePort: FROM_REQUEST_PORT}},"
		"{match: [{uri: {exact: /r4}}], redirect: {port: 80, uri: /x}},"
		"{match: [{uri: {exact: /d}}], directResponse: {status: 418, body: {string: tea}}}]"), {
		ASK("GET", "reviews", "/r1?q", NULL, "301 http://other/new?q"),
		ASK("GET", "reviews", "/r2?q", NULL, "308 https://reviews/r2?q"),
		ASK("GET", "reviews", "/r3", NULL, "301 http://o:9080/r3"),
		ASK("GET", "reviews", "/r4", NULL, "301 http://reviews/x"),
		ASK("GET", "reviews", "/d", NULL, "418"),
	} },
	{ "undecidable keeps its place", VS("r", "hosts: [reviews], http: ["
		"{match: [{uri: {exact: /before}}], " TO("reviews") "},"
		"{match: [{uri: {regex: /re}, method: {exact: GET}}], " TO("a") "},"
		"{match: [{uri: {exact: /fault}}], fault: {abort: {httpStatus: 500}}, " TO("a") "},"
		"{" TO("reviews") "}]"), {
		ASK("GET", "reviews", "/before", NULL, R " /before reviews"),
		ASK("GET", "reviews", "/x", NULL, "slow"),
		ASK("POST", "reviews", "/x", NULL, R " /x reviews"),
		ASK("POST", "reviews", "/fault", NULL, "slow"),
	} },
	{ "hosts", VS("wild", "hosts: [\"*.example.com\"], http: [{" TO("w") "}]")
		VS("wilder", "hosts: [\"*.b.example.com\"], http: [{" TO("w2") "}]")
		VS("short", "hosts: [foo], http: [{" TO("s") "}]")
		VS("older", "hosts: [a.b.example.com], http: [{" TO("e") "}]")
		VS("ratings", "hosts: [ratings.other.svc.cluster.local], http: [{match: [{port: 81}], " TO("reviews.default.svc.cluster.local") "}]")
		VS("zz", "hosts: [foo], http: [{" TO("never") "}]"), {
		ASK_AT(NULL, 80, "GET", "x.example.com", "/", NULL,
		       "outbound|80||w.default.svc.cluster.local / x.example.com"),
		ASK_AT(NULL, 80, "GET", "x.b.example.com", "/", NULL,
		       "outbound|80||w2.default.svc.cluster.local / x.b.example.com"),
		ASK_AT(NULL, 80, "GET", "A.b.example.com", "/", NULL,
		       "outbound|80||e.default.svc.cluster.local / A.b.example.com"),
		ASK_AT(NULL, 80, "GET", "foo", "/", NULL,
		       "outbound|80||s.default.svc.cluster.local / foo"),
		ASK_AT(NULL, 80, "GET", "foo.default.svc", "/", NULL,
		       "outbound|80||s.default.svc.cluster.local / foo.default.svc"),
		/* A service that a wildcard covers has its routes. */
		ASK_AT("240.0.0.1", 80, "GET", "api.example.com", "/", NULL,
		       "outbound|80||w.default.svc.cluster.local / api.example.com"),
		/* Routed on one port only: the other goes where it was going. */
		ASK_AT("10.0.0.2", 81, "GET", "ratings.other", "/", NULL,
		       R " / ratings.other"),
		ASK_AT("10.0.0.2", 80, "GET", "ratings.other", "/", NULL,
		       "outbound|80||ratings.other.svc.cluster.local / ratings.other"),
	} },
	{ "only ingress gateways", VS("r", "hosts: [reviews], gateways: [g], http: [{" TO("a") "}]"), {
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
	} },
	{ "destination rules", SUBSETS VS("r", "hosts: [reviews], http: [{match: [{uri: {exact: /v1}}],"
		" route: [{destination: {host: reviews, subset: v1}}]}, {" TO("ratings.other.svc.cluster.local") "}]")
		DR("wide", "host: \"*.other.svc.cluster.local\", trafficPolicy: {outlierDetection: {}, portLevelSettings: [{port: {number: 81}}]}"), {
		ASK("GET", "reviews", "/v1", NULL, R1 " /v1 reviews"),
		/* The port of the request, which the service does not have. */
		ASK("GET", "reviews", "/", NULL, "outbound|9080||ratings.other.svc.cluster.local / reviews"),
		ASK_AT("10.0.0.2", 80, "GET", "ratings.other", "/", NULL,
		       "slow"),
		/* What the port sets replaces the rest. */
		ASK_AT("10.0.0.2", 81, "GET", "ratings.other", "/", NULL,
		       "outbound|81||ratings.other.svc.cluster.local / ratings.other"),
	} },
	{ "DENY before ALLOW, selectors, namespaces",
		AP("deny", "default", SELECT ", action: DENY, rules: [{to: [{operation: {paths: [\"/admin*\"]}}]}]")
		AP("allow", "default", SELECT ", rules: [{to: [{operation: {methods: [GET], ports: [\"8080\"]}}]}, {to: [{operation: {methods: [POST], ports: [\"9080\"]}}]}]")
		AP("other", "default", "selector: {matchLabels: {app: nobody}}, action: DENY, rules: [{}]")
		AP("elsewhere", "elsewhere", "action: DENY, rules: [{}]")
		AP("root", "istio-system", "action: DENY, rules: [{from: [{source: {ipBlocks: [10.9.0.0/24], notIpBlocks: [10.9.0.1]}}]}]"), {
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
		ASK("GET", "reviews", "/admin", NULL, "403"),
		ASK("GET", "reviews", "/x/%2e%2e/admin", NULL, "403"),
		ASK("POST", "reviews", "/", NULL, "403"),
		ASK_AT("10.0.0.2", 80, "GET", "ratings.other", "/admin", NULL,
		       "outbound|80||ratings.other.svc.cluster.local /admin ratings.other"),
		/* Not round the policy by the endpoint's address. */
		ASK_AT("10.1.0.1", 8080, "GET", "x", "/admin", NULL,
		       "403"),
	} },
	{ "the root namespace is everywhere",
		AP("root", "istio-system", "action: DENY, rules: [{to: [{operation: {paths: [/rooted]}}]}]"), {
		ASK("GET", "reviews", "/rooted", NULL, "403"),
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
		ASK_AT("10.0.0.2", 80, "GET", "ratings.other", "/rooted", NULL, "403"),
	} },
	{ "deny all, allow all", AP("none", "default", "selector: {matchLabels: {app: reviews}}")
		AP("all", "other", "rules: [{}]"), {
		ASK("GET", "reviews", "/", NULL, "403"),
		ASK_AT("10.0.0.2", 80, "GET", "ratings.other", "/", NULL,
		       "outbound|80||ratings.other.svc.cluster.local / ratings.other"),
	} },
	{ "a policy for one version guards both",
		AP("v2", "default", "selector: {matchLabels: {version: v2}}, action: DENY, rules: [{to: [{operation: {methods: [PUT]}}]}]")
		SUBSETS VS("r", "hosts: [reviews], http: [{match: [{uri: {exact: /v1}}], route: [{destination: {host: reviews, subset: v1}}]}, {" TO("reviews") "}]"), {
		ASK("PUT", "reviews", "/", NULL, "403"),
		ASK("PUT", "reviews", "/v1", NULL, R1 " /v1 reviews"),
	} },
	{ "undecidable ALLOW and DENY are not weakened",
		AP("deny", "default", SELECT ", action: DENY, rules: [{from: [{source: {requestPrincipals: [p]}}], to: [{operation: {paths: [/d]}}]}]")
		AP("allow", "default", SELECT ", rules: [{to: [{operation: {paths: [/d, /ok]}}]}, {from: [{source: {notRequestPrincipals: [p]}}], to: [{operation: {paths: [/a]}}]}]"), {
		ASK("GET", "reviews", "/ok", NULL, R " /ok reviews"),
		ASK("GET", "reviews", "/d", NULL, "slow"),
		ASK("GET", "reviews", "/a", NULL, "slow"),
		ASK("GET", "reviews", "/other", NULL, "403"),
	} },
	{ "what is certain is denied before the slow path is asked",
		AP("deny", "default", SELECT ", action: DENY, rules: [{to: [{operation: {paths: [/d*], methods: [GET]}}]}]")
		SUBSETS VS("r", "hosts: [reviews], http: ["
		   "{match: [{uri: {prefix: /d/fault}}], fault: {abort: {httpStatus: 500, percentage: {value: 1}}}, " TO("reviews") "},"
		   "{match: [{uri: {regex: \"/d/[a-z]+\"}}], route: [{destination: {host: reviews, subset: v1}}]}, {" TO("reviews") "}]"), {
		ASK("GET", "reviews", "/d/fault", NULL, "403"),
		ASK("POST", "reviews", "/d/fault", NULL, "slow"),
		ASK("GET", "reviews", "/d/x", NULL, "403"),
		ASK("POST", "reviews", "/d/x", NULL, "slow"),
		ASK("GET", "reviews", "/other", NULL, "slow"),
	} },
	{ "not where the route that is meant could change what is judged",
		AP("deny", "default", SELECT ", action: DENY, rules: [{to: [{operation: {paths: [/d*]}}]}]")
		SUBSETS VS("r", "hosts: [reviews], http: ["
		   "{match: [{uri: {prefix: /d/fault}}], rewrite: {uri: /}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}, " TO("reviews") "},"
		   "{match: [{uri: {regex: \"/d/[a-z]+\"}}], route: [{destination: {host: reviews, subset: v1}}]}, {rewrite: {uri: /}, " TO("reviews") "}]"), {
		ASK("GET", "reviews", "/d/fault", NULL, "slow"),
		ASK("GET", "reviews", "/d/x", NULL, "slow"),
	} },
	{ "a header that a route adds and authorization looks at",
		AP("deny", "default", SELECT ", action: DENY, rules: [{when: [{key: \"request.headers[x-a]\", values: [bad]}]}]")
		VS("r", "hosts: [reviews], http: ["
		   "{match: [{uri: {prefix: /add}}], headers: {request: {add: {x-a: b}}}, " TO("reviews") "},"
		   "{match: [{uri: {prefix: /set}}], headers: {request: {set: {x-a: b}}}, " TO("reviews") "}, {" TO("reviews") "}]"), {
		ASK("GET", "reviews", "/add", "x-a: bad", "slow"),
		ASK("GET", "reviews", "/set", "x-a: bad", R " /set reviews"),
		ASK("GET", "reviews", "/", "x-a: bad", "403"),
	} },
	{ "GRPCRoute: which match goes first", GRPC("a", "default", RPC,
		"{matches: [{method: {service: s.A}}, {method: {method: Watch}}], " BACK("a1") "}, {" BACK("a0") "},"
		"{matches: [{method: {service: s.A, method: Get}}], " BACK("a2") "},"
		"{matches: [{method: {service: s.A, method: Get}, headers: [{name: X-User, value: me}, {name: x-user, value: you}]}], " BACK("a3") "},"
		"{matches: [{method: {service: s.None}}]}"), {
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.A/Get", NULL, A("a2") " /s.A/Get rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.A/Get", "x-user: me", A("a3") " /s.A/Get rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.A/Get", "x-user: you", A("a2") " /s.A/Get rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.A/Put", "x-user: me", A("a1") " /s.A/Put rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.B/Watch", NULL, A("a1") " /s.B/Watch rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s/B/Watch", NULL, A("a0") " /s/B/Watch rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.AB/Get", NULL, A("a0") " /s.AB/Get rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.None/Get", NULL, "503"),
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
	} },
	{ "GRPCRoutes of one Service, the parent's port, weights",
		GRPC("b", "default", RPC, "{matches: [{method: {service: s.B}}], " BACK("a2") "}")
		GRPC("a", "default", "{group: \"\", kind: Service, name: rpc, port: 50051}",
		     "{matches: [{method: {service: s.B}}, {method: {service: s.A}}], "
		     "backendRefs: [{name: a0, port: 7, weight: 0}, {name: a1, port: 7, weight: 3}]}")
		GRPC("c", "default", "{group: \"\", kind: Service, name: rpc, port: 50052}", "{" BACK("a4") "}"), {
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.A/Get", NULL, A("a1") " /s.A/Get rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.B/Get", NULL, A("a1") " /s.B/Get rpc"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.C/Get", NULL, "404"),
	} },
	{ "a GRPCRoute of another namespace, and one whose Service has a VirtualService",
		GRPC("a", "other", "{group: \"\", kind: Service, name: rpc, namespace: default}", "{" BACK("a1") "}")
		GRPC("v", "default", "{group: \"\", kind: Service, name: reviews}", "{" BACK("a1") "}")
		VS("r", "hosts: [reviews], http: [{" TO("reviews") "}]"), {
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.A/Get", NULL, "slow"),
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
	} },
	{ "GRPCRoute: what the kernel does not do", GRPC("a", "default", RPC,
		"{matches: [{method: {type: RegularExpression, service: \"s[.]R\", method: Get}}], " BACK("a1") "},"
		"{matches: [{method: {service: s.Mirror}}], filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a9, port: 7}}}], " BACK("a1") "},"
		"{matches: [{method: {service: s.Far}}], backendRefs: [{name: a1, namespace: other, port: 7}]}"), {
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.Mirror/Get", NULL, "slow"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.Far/Get", NULL, "slow"),
		ASK_AT("10.0.0.5", 50051, "POST", "rpc", "/s.R/Get", NULL, "slow"),
	} },
	{ "CUSTOM", AP("c", "default", SELECT ", action: CUSTOM, provider: {name: p}, rules: [{to: [{operation: {paths: [/c]}}]}]"), {
		ASK("GET", "reviews", "/c", NULL, "slow"),
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
	} },
	{ "AUDIT and dry runs change nothing", AP("a", "default", "action: AUDIT, rules: [{}]")
		"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: d, annotations: {istio.io/dry-run: \"true\"}}\nspec: {}\n", {
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
	} },
	{ "kinds for the slow path stop what they concern",
		"---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: s, namespace: other}\nspec: {mtls: {mode: STRICT}}\n"
		"---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p}\nspec: {mtls: {mode: PERMISSIVE}}\n"
		"---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: h}\nspec: {parentRefs: [{group: \"\", kind: Service, name: web}], rules: []}\n"
		"---\n" NET "kind: EnvoyFilter\nmetadata: {name: e}\nspec: {workloadSelector: {labels: {app: api}}, configPatches: [{applyTo: HTTP_FILTER}]}\n"
		"---\n" NET "kind: EnvoyFilter\nmetadata: {name: g}\nspec: {configPatches: [{match: {context: GATEWAY}}]}\n", {
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
		ASK_AT("10.0.0.2", 80, "GET", "ratings.other", "/", NULL,
		       "slow"),
		ASK_AT("240.0.0.1", 80, "GET", "api.example.com", "/", NULL,
		       "slow"),
	} },
	{ "labels that are not known are not assumed",
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: dark}\nspec: {clusterIP: 10.0.0.9, selector: {app: dark}, ports: [{name: http, port: 80}]}\n"
		"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: dark}\nsubsets: [{addresses: [{ip: 10.1.9.9}], ports: [{name: http, port: 80}]}]\n"
		AP("p", "default", "selector: {matchLabels: {app: dark, version: v9}}, action: DENY, rules: [{}]"), {
		ASK_AT("10.0.0.9", 80, "GET", "dark", "/", NULL,
		       "slow"),
		ASK("GET", "reviews", "/", NULL, R " / reviews"),
	} },
	{ "conditions of authorization", AP("p", "default", SELECT ", rules: ["
		"{to: [{operation: {hosts: [reviews, \"*.cluster.local\"], notPaths: [/no]}}], when: [{key: \"request.headers[X-A]\", values: [\"b*\"], notValues: [bad]}]},"
		"{to: [{operation: {paths: [\"/t/{*}/end\"]}}], when: [{key: source.ip, notValues: [10.8.0.0/16]}, {key: destination.port, values: [\"8080\"]}]}]"), {
		ASK("GET", "REVIEWS", "/", "x-a: bc", R " / REVIEWS"),
		ASK("GET", "reviews:9080", "/", "x-a: bc", "403"),
		ASK("GET", "reviews.default.svc.cluster.local", "/", "x-a: bc", R " / reviews.default.svc.cluster.local"),
		ASK("GET", "reviews", "/", "x-a: bad", "403"),
		ASK("GET", "reviews", "/no", "x-a: bc", "403"),
		ASK("GET", "reviews", "/", NULL, "403"),
		ASK("GET", "reviews", "/t/x/end", NULL, R " /t/x/end reviews"),
		ASK("GET", "reviews", "/t/x/y/end", NULL, "403"),
	} },
};

static char wrong[2048];

static void map_address(const char *text, uint32_t to[4])
{
	uint32_t bits;

	if (!parse_address(text, false, to, &bits))
		abort();
}

static void print_decision(const struct ir *ir, const struct ir_decision *d, char *text,
			   size_t size)
{
	if (d->verdict == L7FP_FORWARD)
		snprintf(text, size, "%s %s %s", ir->cluster[d->cluster].name, d->path, d->host);
	else if (d->verdict == L7FP_RESPOND)
		snprintf(text, size, "%u%s%s", d->status, *d->location ? " " : "", d->location);
	else
		snprintf(text, size, d->verdict == L7FP_SLOW_PATH ? "slow" : "none");
}

static const char *ask(const struct ir *ir, const struct asked *a)
{
	static struct ir_decision d;
	struct ir_header header;
	struct ir_request r = {
		.method = a->method, .host = a->host, .target = a->target,
		.source_port = 40000, .destination_port = a->port ? a->port : 9080,
	};
	char text[L7FP_MAX_STRING + 1024], name[64];

	if (a->header) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(a->header, ":"), a->header);
		header.name = name;
		header.value = strchr(a->header, ':') + 2;
		r.header = &header;
		r.n_headers = 1;
	}
	map_address("10.9.0.1", r.source_ip);
	map_address(a->address ? a->address : "10.0.0.1", r.destination_ip);
	memset(&d, 0, sizeof(d));
	ir_evaluate(ir, &r, a->pick, &d);
	print_decision(ir, &d, text, sizeof(text));
	if (!strcmp(text, a->expected))
		return NULL;
	snprintf(wrong, sizeof(wrong), "%s %s%s: \"%.900s\", expected \"%s\"", a->method, a->host,
		 a->target, text, a->expected);
	return wrong;
}

static const char *translate_with(struct front_end *f, const char *documents)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s", mesh, documents) < 0)
		abort();
	front_end_translate(f, text);
	free(text);
	if (f->ir)
		return NULL;
	diag_print(f->diag, stdout, DIAG_ERROR);
	verdicts_print(f->verdicts, stdout, VERDICT_INVALID);
	return "not translated";
}

static const char *check_case(size_t i)
{
	struct front_end f;
	const char *w = translate_with(&f, cases[i].documents);
	size_t k;

	/* The policy owns all that it points to. */
	documents_free(f.docs);
	f.docs = NULL;
	for (k = 0; !w && k < MAX_ASKED && cases[i].asked[k].method; k++)
		w = ask(f.ir, &cases[i].asked[k]);
	front_end_free(&f);
	return w;
}

/* "http", "bytes", "closed" or "none" for an address and port. */
static const struct {
	const char *name, *documents, *address;
	uint16_t port;
	const char *how;
} captures[] = {
	{ "a service", "", "10.0.0.1", 9080, "http" },
	{ "an endpoint", "", "10.1.0.1", 8080, "http" },
	{ "the port of a service at an endpoint", "", "10.1.0.1", 9080, "none" },
	{ "bytes", "", "10.0.0.3", 5432, "bytes" },
	{ "bytes at an endpoint", "", "10.1.0.4", 5432, "bytes" },
	{ "no protocol named", "", "10.0.0.4", 80, "bytes" },
	{ "no protocol named, routed", VS("w", "hosts: [web], http: [{" TO("web") "}]"), "10.0.0.4",
	  80, "http" },
	{ "no protocol named, guarded by HTTP",
	  AP("w", "default", "selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {methods: [GET]}}]}]"),
	  "10.0.0.4", 80, "http" },
	{ "no protocol named, guarded by address",
	  AP("w", "default", "selector: {matchLabels: {app: web}}, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]"),
	  "10.0.0.4", 80, "closed" },
	{ "HTTP/2", "", "10.0.0.5", 50051, "http" },
	{ "HTTP/2, routed", VS("g", "hosts: [rpc], http: [{" TO("rpc") "}]"), "10.0.0.5", 50051,
	  "http" },
	{ "HTTP/2, guarded", AP("g", "default", "selector: {matchLabels: {app: rpc}}, rules: [{to: [{operation: {paths: [/a]}}]}]"),
	  "10.0.0.5", 50051, "http" },
	{ "bytes, ALLOW of HTTP never matches",
	  AP("d", "default", "selector: {matchLabels: {app: db}}, rules: [{to: [{operation: {methods: [GET], ports: [\"5432\"]}}]}]"),
	  "10.0.0.3", 5432, "closed" },
	{ "bytes, ALLOW of the port",
	  AP("d", "default", "selector: {matchLabels: {app: db}}, rules: [{to: [{operation: {ports: [\"5432\"]}}]}]"),
	  "10.0.0.3", 5432, "bytes" },
	{ "bytes, ALLOW of another port",
	  AP("d", "default", "selector: {matchLabels: {app: db}}, rules: [{to: [{operation: {ports: [\"5433\"]}}]}]"),
	  "10.1.0.4", 5432, "closed" },
	{ "bytes, DENY drops what is HTTP",
	  AP("d", "default", "selector: {matchLabels: {app: db}}, action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]"),
	  "10.0.0.3", 5432, "closed" },
	{ "bytes, DENY of another port",
	  AP("d", "default", "selector: {matchLabels: {app: db}}, action: DENY, rules: [{to: [{operation: {methods: [GET], ports: [\"80\"]}}]}]"),
	  "10.0.0.3", 5432, "bytes" },
	{ "bytes, a rule by address",
	  AP("d", "default", "selector: {matchLabels: {app: db}}, action: DENY, rules: [{from: [{source: {ipBlocks: [10.9.0.0/16]}}]}]"),
	  "10.0.0.3", 5432, "closed" },
	{ "bytes, routed", VS("d", "hosts: [db], tcp: [{" TO("reviews") "}]"), "10.0.0.3", 5432,
	  "closed" },
	{ "bytes, another port routed", VS("d", "hosts: [db], tcp: [{match: [{port: 1}], " TO("reviews") "}]"),
	  "10.0.0.3", 5432, "bytes" },
	{ "bytes, DestinationRule for the slow path",
	  DR("d", "host: db, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}"), "10.0.0.3", 5432, "closed" },
	{ "a port of its own at an endpoint of an entry", "", "10.2.0.2", 8888, "http" },
	{ "the target port of an entry", "", "10.2.0.1", 8000, "http" },
};

static const char *check_capture(size_t i)
{
	struct front_end f;
	const char *w = translate_with(&f, captures[i].documents), *how = "none";
	struct in6_addr address;
	size_t k, n = 0;
	uint32_t bits;

	parse_address(captures[i].address, false, (uint32_t *)&address, &bits);
	for (k = 0; !w && k < f.ir->n_captures; k++) {
		const struct ir_capture *c = &f.ir->capture[k];

		if (c->port != captures[i].port || memcmp(&c->address, &address, sizeof(address)))
			continue;
		n++;
		how = !c->opaque ? "http" : f.ir->cluster[c->cluster].n_endpoints ? "bytes" :
			"closed";
	}
	if (!w && (n > 1 || strcmp(how, captures[i].how))) {
		snprintf(wrong, sizeof(wrong), "%s (%zu times), expected %s", how, n,
			 captures[i].how);
		w = wrong;
	}
	front_end_free(&f);
	return w;
}

/* What is said of documents that do not do what they seem to. */
static const struct {
	const char *name, *documents;
	enum diag_level level;
	const char *message;
} messages[] = {
	{ "a host of an older VirtualService",
	  VS("a", "hosts: [reviews], http: [{" TO("web") "}]")
	  VS("b", "hosts: [reviews.default.svc.cluster.local], http: [{" TO("web") "}]"),
	  DIAG_WARNING, "belongs to VirtualService default/a" },
	{ "a host that is no service", VS("a", "hosts: [nobody], http: [{" TO("web") "}]"),
	  DIAG_INFORMATION, "no Service or ServiceEntry has the host nobody." },
	{ "a destination that is no service", VS("a", "hosts: [web], http: [{" TO("nobody") "}]"),
	  DIAG_WARNING, "has the host nobody.default.svc.cluster.local (port 80)" },
	{ "a port that the destination does not have",
	  VS("a", "hosts: [web], http: [{route: [{destination: {host: reviews, port: {number: 1}}}]}]"),
	  DIAG_WARNING, "reviews.default.svc.cluster.local has no port 1" },
	{ "a subset that is not defined",
	  VS("a", "hosts: [web], http: [{route: [{destination: {host: reviews, subset: v9}}]}]"),
	  DIAG_WARNING, "no DestinationRule defines the subset" },
	{ "a policy that selects nobody",
	  AP("p", "default", "selector: {matchLabels: {app: rewiews}}, action: DENY, rules: [{}]"),
	  DIAG_INFORMATION, "concerns no endpoint" },
	{ "endpoints of different policies",
	  AP("p", "default", "selector: {matchLabels: {version: v2}}, action: DENY, rules: [{}]")
	  AP("q", "default", SELECT ", rules: [{}]"),
	  DIAG_INFORMATION, "guarded by different policies" },
	{ "no protocol named", "", DIAG_INFORMATION, "names no protocol: forwarded as bytes" },
	{ "a port that is refused", AP("p", "default", "selector: {matchLabels: {app: db}}"),
	  DIAG_INFORMATION, "port 5432 are refused: no ALLOW policy" },
	{ "a port that cannot be judged",
	  AP("p", "default", "selector: {matchLabels: {app: db}}, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]"),
	  DIAG_WARNING, "port 5432 are refused, since" },
	{ "a document twice", DR("d", "host: web") DR("d", "host: db"), DIAG_WARNING,
	  "is there a second time" },
	{ "a policy for what is outside the mesh",
	  "---\n" NET "kind: ServiceEntry\nmetadata: {name: e}\nspec: {hosts: [e.com], addresses: [240.0.0.9], resolution: STATIC,"
	  " ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.3.0.1}]}\n"
	  AP("p", "default", "rules: [{}]"), DIAG_INFORMATION, "e.com port 80 is outside the mesh" },
	{ "a slice without its Service",
	  "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s, labels: {kubernetes.io/service-name: nobody}}\n",
	  DIAG_INFORMATION, "no document of its Service" },
};

static const char *check_message(size_t i)
{
	const struct diagnostic *d;
	struct front_end f;
	const char *w = translate_with(&f, messages[i].documents);

	d = front_end_message(&f, messages[i].message);
	if (!w && (!d || d->level != messages[i].level))
		w = d ? "at another level" : "not said";
	front_end_free(&f);
	return w;
}

/* What the evaluator does not show: fields of the tables' route. */
static const char *check_route(void)
{
	static const char documents[] = VS("r", "hosts: [reviews], http: ["
		"{timeout: 1500us, retries: {attempts: 0}, headers: {request: {set: {b: \"2\", a: \"1\", Host: h}, add: {c: \"3\"}, remove: [d]},"
		" response: {remove: [e]}}, route: [{destination: {host: reviews}, headers: {request: {remove: [f], set: {g: \"4\"}}}}]}]");
	static const struct {
		uint32_t kind;
		const char *name, *value;
	} expected[] = {
		{ L7FP_HEADER_REMOVE, "d", "" }, { L7FP_HEADER_REMOVE, "f", "" },
		{ L7FP_HEADER_SET, "a", "1" }, { L7FP_HEADER_SET, "b", "2" },
		{ L7FP_HEADER_ADD, "c", "3" }, { L7FP_HEADER_SET, "g", "4" },
	};
	const struct ir_route *r = NULL;
	struct front_end f;
	const char *w = translate_with(&f, documents);
	size_t i;

	for (i = 0; !w && i < f.ir->n_routes; i++)
		if (strstr(f.ir->route[i].source.what, "http[0]"))
			r = &f.ir->route[i];
	if (!w && !r)
		w = "no route";
	else if (!w && (r->timeout_ms != 2 || r->connect_retries != 0))
		w = "timeout or retries";
	else if (!w && (!r->rewrite_authority || strcmp(r->rewrite_authority, "h")))
		w = "host";
	else if (!w && (r->request.n != ARRAY_SIZE(expected) || r->response.n != 1))
		w = "number of header changes";
	for (i = 0; !w && i < ARRAY_SIZE(expected); i++)
		if (r->request.op[i].kind != expected[i].kind ||
		    strcmp(r->request.op[i].name, expected[i].name) ||
		    strcmp(r->request.op[i].value, expected[i].value))
			w = "order of header changes";
	front_end_free(&f);
	return w;
}

/* Which version of HTTP a cluster's servers are spoken to in. */
static const char *check_cluster_protocol(void)
{
	static const struct {
		const char *documents, *cluster;
		enum l7fp_cluster_protocol protocol;
	} table[] = {
		{ "", "outbound|9080||reviews.default.svc.cluster.local", L7FP_CLUSTER_HTTP1 },
		{ "", "outbound|50051||rpc.default.svc.cluster.local", L7FP_CLUSTER_HTTP2 },
		{ VS("w", "hosts: [web], http: [{" TO("web") "}]"),
		  "outbound|80||web.default.svc.cluster.local", L7FP_CLUSTER_ANY_HTTP },
		{ DR("r", "host: reviews, trafficPolicy: {connectionPool: {http: {useClientProtocol: true}}}"),
		  "outbound|9080||reviews.default.svc.cluster.local", L7FP_CLUSTER_ANY_HTTP },
		{ DR("r", "host: rpc, trafficPolicy: {connectionPool: {http: {useClientProtocol: false}}}"),
		  "outbound|50051||rpc.default.svc.cluster.local", L7FP_CLUSTER_HTTP2 },
	};
	const char *w = NULL;
	size_t i, k;

	for (i = 0; !w && i < ARRAY_SIZE(table); i++) {
		struct front_end f;

		w = translate_with(&f, table[i].documents);
		for (k = 0; !w && k < f.ir->n_clusters; k++)
			if (!strcmp(f.ir->cluster[k].name, table[i].cluster))
				break;
		if (!w && k == f.ir->n_clusters)
			w = "no such cluster";
		else if (!w && f.ir->cluster[k].protocol != table[i].protocol)
			w = table[i].cluster;
		front_end_free(&f);
	}
	return w;
}

static const char *check_endpoints(void)
{
	struct front_end f;
	const char *w = translate_with(&f, DR("d", "host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {connectTimeout: 3s}}}"));
	size_t i, seen = 0;

	for (i = 0; !w && i < f.ir->n_clusters; i++) {
		const struct ir_cluster *c = &f.ir->cluster[i];

		if (!strcmp(c->name, R)) {
			seen++;
			if (c->n_endpoints != 2 || !c->endpoint[0].healthy ||
			    c->endpoint[1].healthy || c->endpoint[0].port != 8080)
				w = "endpoints of reviews";
			else if (c->lb != L7FP_LB_RANDOM || c->connect_timeout_ms != 3000)
				w = "policy of reviews";
		} else if (!strcmp(c->name, "outbound|80||api.example.com")) {
			seen++;
			if (c->n_endpoints != 2 || c->endpoint[0].port != 8000 ||
			    c->endpoint[1].port != 8888 || c->endpoint[0].weight != 3)
				w = "endpoints of the entry";
			else if (c->lb != L7FP_LB_ROUND_ROBIN)
				w = "policy of the entry";
		}
	}
	if (!w && seen != 2)
		w = "clusters are missing";
	front_end_free(&f);
	return w;
}

/* N slots and one more: the last becomes a condition that the kernel cannot decide. */
static const char *check_slots(void)
{
	size_t over, i;
	const char *w = NULL;

	for (over = 0; over < 2 && !w; over++) {
		static char documents[65536];
		struct front_end f;
		size_t n;

		n = (size_t)snprintf(documents, sizeof(documents),
				     "---\n" NET "kind: VirtualService\nmetadata: {name: r}\n"
				     "spec: {hosts: [reviews], http: [");
		for (i = 0; i < L7FP_MAX_SLOTS + over; i++)
			n += (size_t)snprintf(documents + n, sizeof(documents) - n,
					      "{match: [{headers: {h%zu: {exact: x}}}], " TO("reviews") "},",
					      i);
		snprintf(documents + n, sizeof(documents) - n, "]}\n");
		w = translate_with(&f, documents);
		if (!w && (f.ir->n_slots != L7FP_MAX_SLOTS || f.verdicts->n_slow_path != over))
			w = over ? "past the limit" : "at the limit";
		front_end_free(&f);
	}
	return w;
}

static const char *check_conflict(void)
{
	struct front_end f;
	const char *w = NULL;

	if (!translate_with(&f, "---\napiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{port: 1}]}\n"))
		w = "two documents of one host are applied";
	front_end_free(&f);
	if (!w && !translate_with(&f, AP("x", "default", "rulez: [{}]")))
		w = "an invalid document is applied";
	front_end_free(&f);
	return w;
}

static const struct {
	const char *name;
	const char *(*check)(void);
} others[] = {
	{ "fields of a route", check_route },
	{ "endpoints", check_endpoints },
	{ "versions of HTTP", check_cluster_protocol },
	{ "slots at N and N + 1", check_slots },
	{ "nothing is applied after an error", check_conflict },
};

int main(void)
{
	size_t i;

	ktap_begin(ARRAY_SIZE(cases) + ARRAY_SIZE(captures) + ARRAY_SIZE(messages) +
		   ARRAY_SIZE(others));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ktap_result("request", cases[i].name, check_case(i));
	for (i = 0; i < ARRAY_SIZE(captures); i++)
		ktap_result("capture", captures[i].name, check_capture(i));
	for (i = 0; i < ARRAY_SIZE(messages); i++)
		ktap_result("message", messages[i].name, check_message(i));
	for (i = 0; i < ARRAY_SIZE(others); i++)
		ktap_result("translate", others[i].name, others[i].check());
	return ktap_end();
}
