/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * The interface of l7fp.ko to user space: the generic netlink family, the
 * limits, and the numbers that policies, tables and statistics share.
 *
 * Documentation/netlink/specs/l7fp.yaml describes the same family.
 */
#ifndef _UAPI_L7FP_H
#define _UAPI_L7FP_H

#include <linux/types.h>

#define L7FP_GENL_NAME		"l7fp"
#define L7FP_GENL_VERSION	1
#define L7FP_GENL_MCGRP_EVENTS	"events"

/* Limits. Bytes unless a comment says otherwise. */
#define L7FP_MAX_HEAD		65536	/* a message head, request or response */
#define L7FP_MAX_HEADERS	128	/* header lines in one head */
#define L7FP_MAX_CHUNK_LINE	256	/* chunk-size line with its extensions */
#define L7FP_MAX_TRAILERS	8192	/* a trailer section */
#define L7FP_HPACK_TABLE	4096	/* dynamic table that HTTP/2 connections begin with */
#define L7FP_MAX_HPACK_TABLE	65536	/* the largest one that the codec can hold */
#define L7FP_MAX_NAME		256	/* names of clusters, listeners, rules */
#define L7FP_MAX_STRING		8192	/* one string of a policy's tables */
#define L7FP_MAX_BODY		32768	/* body of a direct response; an attribute holds 65531 */
#define L7FP_MAX_SLOTS		64	/* slots of one generation */
#define L7FP_MAX_STRINGS	262144	/* strings of one generation */
#define L7FP_MAX_ROUTES		65536	/* routes of one generation */
#define L7FP_MAX_RULES		65536	/* named rules of one generation */
#define L7FP_MAX_GENERATION	67108864 /* memory of one generation's tables */
#define L7FP_MAX_GENERATIONS	16	/* of one network namespace, without those that drain */
#define L7FP_MAX_CLUSTERS	65536	/* clusters of one network namespace */
#define L7FP_MAX_ENDPOINTS	4096	/* endpoints of one cluster */
#define L7FP_MAX_LISTENERS	256	/* listeners of one network namespace */
#define L7FP_MAX_ROUTE_CLUSTERS	64	/* weighted clusters of one route */
#define L7FP_MAX_HEADER_OPS	64	/* header changes of one route and direction */
#define L7FP_MAX_CAPTURED	65536	/* connects under way, whole machine */
#define L7FP_MAX_ORIGINAL_DST	1024	/* addresses that one ORIGINAL_DST cluster keeps */
#define L7FP_MAX_EXPLAIN_HEAD	60000	/* a head that EXPLAIN judges: it fits into an attribute */
#define L7FP_MAX_SLOW_PATH_TOKEN 128	/* of a generation; the bound of the PROXY protocol */
#define L7FP_MAX_DRAIN_MS	86400000 /* a drain's deadline: a day */
#define L7FP_MAX_WORKLOAD_KEYS	131072	/* cgroups and addresses of one generation's workloads */
#define L7FP_MAX_PRINCIPAL	512	/* the principal of a workload */
#define L7FP_H2_MAX_STREAMS	100	/* open streams of one HTTP/2 connection */
#define L7FP_H2_MAX_RESETS	200	/* streams that one client resets in a second */
#define L7FP_H2_MAX_MADE_RESETS	100	/* streams that we must reset for one peer in a second */
#define L7FP_H2_MAX_CONTROL	1000	/* PING, SETTINGS, ignored frames of a peer in a second */
#define L7FP_H2_MAX_EMPTY	100	/* DATA frames without data of a peer in a second */
#define L7FP_H2_MAX_CONTINUATIONS 32	/* CONTINUATION frames of one HTTP/2 field block */
#define L7FP_MAX_HANDSHAKES	4096	/* TLS handshakes under way in one network namespace */
#define L7FP_HANDSHAKE_MS	10000	/* a client's TLS handshake, from its first byte on */
#define L7FP_MAX_TLS		8192	/* L7FP_A_CLUSTER_TLS of one cluster */
#define L7FP_MAX_TLS_SANS	1024	/* names that one cluster's servers may have */
#define L7FP_MAX_CLIENT_CERT	8192	/* an element of x-forwarded-client-cert */
#define L7FP_MAX_ALPN		255	/* name of a protocol, RFC 7301 section 3.1 */
#define L7FP_PATH_INLINE	256	/* of the path that a program reads directly */
#define L7FP_AUTHORITY_INLINE	128	/* of the host, likewise */

/**
 * enum l7fp_verdict - what a policy's request op returns
 * @L7FP_VERDICT_NONE: nothing decided; answered as an error, never forwarded
 * @L7FP_FORWARD: to the cluster that l7fp_route() or l7fp_set_cluster() chose
 * @L7FP_RESPOND: answer with what l7fp_route(), l7fp_deny() or l7fp_respond() set
 * @L7FP_RESET: close the downstream connection without an answer
 * @L7FP_SLOW_PATH: the kernel cannot decide; to the slow-path proxy of the
 *	generation, 503 where there is none
 *
 * Any other value is an error of the policy and is answered with 503.
 */
enum l7fp_verdict {
	L7FP_VERDICT_NONE = 0,
	L7FP_FORWARD = 1,
	L7FP_RESPOND = 2,
	L7FP_RESET = 3,
	L7FP_SLOW_PATH = 4,
	__L7FP_VERDICT_MAX
};

/* Request methods with a number of their own; any other one is OTHER. */
enum l7fp_method {
	L7FP_METHOD_OTHER = 0,
	L7FP_METHOD_GET,
	L7FP_METHOD_HEAD,
	L7FP_METHOD_POST,
	L7FP_METHOD_PUT,
	L7FP_METHOD_DELETE,
	L7FP_METHOD_CONNECT,
	L7FP_METHOD_OPTIONS,
	L7FP_METHOD_TRACE,
	L7FP_METHOD_PATCH,
	__L7FP_METHOD_MAX
};

/*
 * String fields of an exchange, as kfuncs and tables name them. Slots follow
 * L7FP_FIELD_SLOT: field L7FP_FIELD_SLOT + i is the i-th slot of the generation.
 */
enum l7fp_field {
	L7FP_FIELD_PATH = 0,		/* normalised path, without the query */
	L7FP_FIELD_AUTHORITY = 1,	/* host, lower case, without the port */
	L7FP_FIELD_METHOD = 2,		/* as sent; case counts */
	L7FP_FIELD_HOST = 3,		/* Host as sent, with its port */
	/* Who the client is, by the generation's workloads; absent where it is none of them. */
	L7FP_FIELD_SOURCE_PRINCIPAL = 4,
	L7FP_FIELD_SOURCE_NAMESPACE = 5,
	L7FP_FIELD_SLOT = 8,
};

/*
 * A request with several lines of a header that has a slot is not shown to the program: its
 * verdict is L7FP_SLOW_PATH. Lines that Envoy joins with "," are one value here, too
 * (l7fp_h1_lines_join()).
 */
enum l7fp_slot_kind {
	L7FP_SLOT_HEADER = 0,		/* a request header; name in lower case */
	L7FP_SLOT_QUERY = 1,		/* a query parameter */
	__L7FP_SLOT_KIND_MAX
};

/* How l7fp_match() compares a field with a string. */
enum l7fp_match_op {
	L7FP_MATCH_EXACT = 0,
	L7FP_MATCH_PREFIX = 1,		/* bytewise */
	L7FP_MATCH_SUFFIX = 2,
	L7FP_MATCH_PRESENT = 3,		/* the field exists; the string is not read */
	L7FP_MATCH_CONTAINS = 4,
	L7FP_MATCH_TEMPLATE = 5,	/* Envoy's uri_template: * and ** as segments */
	L7FP_MATCH_SEGMENT_PREFIX = 6,	/* Gateway API's PathPrefix */
	L7FP_MATCH_NOT_EMPTY = 7,	/* the field exists and has a byte */
	__L7FP_MATCH_OP_MAX
};

#define L7FP_MATCH_IGNORE_CASE	0x100

/* Why an exchange ended as it did; the names are Envoy's response flags where one fits. */
enum l7fp_reason {
	L7FP_REASON_NONE = 0,
	L7FP_REASON_NR,		/* no route */
	L7FP_REASON_NC,		/* the route's cluster does not exist */
	L7FP_REASON_UH,		/* no healthy endpoint */
	L7FP_REASON_UF,		/* connecting to the endpoint failed */
	L7FP_REASON_UC,		/* the upstream ended or reset the connection */
	L7FP_REASON_UR,		/* the upstream reset the stream */
	L7FP_REASON_UT,		/* route timeout */
	L7FP_REASON_UO,		/* a limit of the cluster was reached */
	L7FP_REASON_URX,	/* retries used up */
	L7FP_REASON_UPE,	/* the upstream broke the protocol */
	L7FP_REASON_RL,		/* rate limited */
	L7FP_REASON_DC,		/* the downstream ended the connection */
	L7FP_REASON_DPE,	/* the downstream broke the protocol */
	L7FP_REASON_DT,		/* the downstream was too slow */
	L7FP_REASON_DI,		/* delay injected */
	L7FP_REASON_FI,		/* abort injected */
	L7FP_REASON_RBAC,	/* denied by an authorization policy */
	L7FP_REASON_DR,		/* direct response or redirect of a route */
	L7FP_REASON_NP,		/* no policy is attached */
	L7FP_REASON_PE,		/* the policy program failed */
	L7FP_REASON_SP,		/* needs the slow path, and none is attached */
	L7FP_REASON_OM,		/* out of memory */
	L7FP_REASON_DRAIN,	/* ended by a drain or by the end of its namespace */
	L7FP_REASON_SPF,	/* the slow-path proxy failed, or is not this policy's */
	L7FP_REASON_HV,		/* the cluster speaks another version of HTTP than the client */
	__L7FP_REASON_MAX
};

enum l7fp_lb {
	L7FP_LB_ROUND_ROBIN = 0,
	L7FP_LB_RANDOM = 1,
	__L7FP_LB_MAX
};

/* Where a cluster's connections go (L7FP_A_CLUSTER_KIND). */
enum l7fp_cluster_kind {
	L7FP_CLUSTER_STATIC = 0,	/* to its endpoints */
	L7FP_CLUSTER_ORIGINAL_DST = 1,	/* where the client wanted to go; it has no endpoints */
	__L7FP_CLUSTER_KIND_MAX
};

/*
 * What a cluster's endpoints speak (L7FP_A_CLUSTER_PROTOCOL). A request of another version is
 * answered with 502 (HV). An ORIGINAL_DST cluster is spoken to as the client speaks, always.
 */
enum l7fp_cluster_protocol {
	L7FP_CLUSTER_HTTP1 = 0,		/* HTTP/1.1 */
	L7FP_CLUSTER_HTTP2 = 1,		/* HTTP/2 with prior knowledge */
	L7FP_CLUSTER_ANY_HTTP = 2,	/* what the client speaks */
	__L7FP_CLUSTER_PROTOCOL_MAX
};

enum l7fp_protocol {
	L7FP_PROTOCOL_HTTP = 0,		/* HTTP/1.1, or HTTP/2 by its preface */
	L7FP_PROTOCOL_OPAQUE = 1,	/* bytes, to the listener's cluster */
	L7FP_PROTOCOL_DETECT = 2,	/* HTTP by the first bytes, else as OPAQUE */
	L7FP_PROTOCOL_HTTP2 = 3,	/* HTTP/2 with prior knowledge; another client is refused */
	__L7FP_PROTOCOL_MAX
};

enum l7fp_header_op_kind {
	L7FP_HEADER_SET = 0,		/* replaces all lines of that name */
	L7FP_HEADER_ADD = 1,		/* appends a line */
	L7FP_HEADER_REMOVE = 2,
	__L7FP_HEADER_OP_MAX
};

/* What a route does with the path. */
enum l7fp_rewrite_kind {
	L7FP_REWRITE_NONE = 0,
	L7FP_REWRITE_PREFIX = 1,	/* the first match_len bytes become the value */
	L7FP_REWRITE_FULL = 2,		/* the whole path does; the query stays */
	__L7FP_REWRITE_MAX
};

enum l7fp_route_kind {
	L7FP_ROUTE_FORWARD = 0,		/* to one of its weighted clusters */
	L7FP_ROUTE_REDIRECT = 1,
	L7FP_ROUTE_DIRECT = 2,		/* direct response */
	L7FP_ROUTE_SLOW_PATH = 3,	/* matched, but only the slow path can do it */
	__L7FP_ROUTE_KIND_MAX
};

enum l7fp_generation_state {
	L7FP_GENERATION_BUILDING = 0,	/* tables still arrive */
	L7FP_GENERATION_PREPARED = 1,	/* complete, holds its struct_ops map */
	L7FP_GENERATION_CURRENT = 2,
	L7FP_GENERATION_DRAINING = 3,	/* replaced; exchanges still end on it */
};

/* Where a connection is (L7FP_A_CONNECTION_STATE). */
enum l7fp_connection_state {
	L7FP_CONNECTION_NEW = 0,	/* accepted; not judged yet, or its protocol is not known */
	L7FP_CONNECTION_CONNECTING = 1,	/* to an endpoint */
	L7FP_CONNECTION_IDLE = 2,	/* no exchange is under way */
	L7FP_CONNECTION_REQUEST = 3,	/* a request comes in, or goes out */
	L7FP_CONNECTION_RESPONSE = 4,	/* the request is complete, its response is not */
	L7FP_CONNECTION_TUNNEL = 5,	/* bytes pass both ways */
	L7FP_CONNECTION_CLOSING = 6,	/* the last bytes and FIN, or RST, are on their way */
};

/*
 * Whether the socket at the other end of a connection is joined, so that bytes pass TCP by, or
 * why not (L7FP_A_CONNECTION_APP).
 */
enum l7fp_app_state {
	L7FP_APP_OFF = 0,		/* the listener has no L7FP_LISTENER_APP_PORTS */
	L7FP_APP_SEARCHING = 1,		/* it is looked for at the next bytes */
	L7FP_APP_JOINED = 2,
	L7FP_APP_OWN = 3,		/* it is the module's own: bytes to it pass TCP by, too */
	L7FP_APP_ELSEWHERE = 4,		/* in another network namespace, or on another machine */
	L7FP_APP_LEFT = 5,		/* it was joined; its owner took it back */
	L7FP_APP_ULP = 6,		/* it has another ULP, as for kTLS */
	L7FP_APP_MPTCP = 7,
	L7FP_APP_REPAIR = 8,		/* TCP_REPAIR */
	L7FP_APP_SOCKMAP = 9,		/* or anything else with a struct proto of its own */
	L7FP_APP_FILTER = 10,		/* a socket filter */
	L7FP_APP_BUSY = 11,		/* a process owned it each time, or no memory */
	L7FP_APP_TRANSPORT = 12,	/* the module's end is not plain TCP, or in a memcg */
	__L7FP_APP_MAX
};

/* What clients of a listener speak below HTTP. */
enum l7fp_tls_mode {
	L7FP_TLS_DISABLE = 0,		/* plain text; TLS is bytes like others */
	L7FP_TLS_PERMISSIVE = 1,	/* TLS where the first byte is that of a TLS handshake */
	L7FP_TLS_STRICT = 2,		/* TLS; plain text is reset */
	__L7FP_TLS_MODE_MAX
};

/* Versions as on the wire, RFC 8446 section 4.2.1. */
#define L7FP_TLS_1_2	0x0303
#define L7FP_TLS_1_3	0x0304

/* What a server's certificate has to be. */
enum l7fp_tls_check {
	L7FP_TLS_CHECK_SPIFFE = 0,	/* of a SPIFFE identity; ours is shown */
	L7FP_TLS_CHECK_NAMES = 1,	/* for a name; ours is not shown */
	L7FP_TLS_CHECK_NONE = 2,	/* anything; ours is not shown */
	__L7FP_TLS_CHECK_MAX
};

enum l7fp_tls_cipher {
	L7FP_TLS_AES_128_GCM = 0,
	L7FP_TLS_AES_256_GCM = 1,
	L7FP_TLS_CHACHA20_POLY1305 = 2,
	__L7FP_TLS_CIPHER_MAX
};

/* How a TLS handshake ended; each is counted. */
enum l7fp_tls_failure {
	L7FP_TLS_DONE = 0,		/* well */
	L7FP_TLS_TIMEOUT = 1,
	L7FP_TLS_CLOSED = 2,		/* the peer closed or reset the connection */
	L7FP_TLS_PLAIN_TEXT = 3,	/* what the peer sent is not TLS */
	L7FP_TLS_VERSION = 4,		/* none in common */
	L7FP_TLS_NO_CIPHER = 5,		/* none in common */
	L7FP_TLS_NO_CERTIFICATE = 6,	/* the peer has none, and is to have one */
	L7FP_TLS_EXPIRED = 7,		/* the peer's, or one above it, is not valid now */
	L7FP_TLS_UNTRUSTED = 8,		/* no authority that is trusted stands behind it */
	L7FP_TLS_TRUST_DOMAIN = 9,	/* its trust domain has no bundle */
	L7FP_TLS_IDENTITY = 10,		/* not exactly one SPIFFE identity */
	L7FP_TLS_NAME = 11,		/* the peer is somebody else than was expected */
	L7FP_TLS_ALERT = 12,		/* the peer refused */
	L7FP_TLS_PROTOCOL = 13,		/* the peer broke the protocol */
	L7FP_TLS_OWN_CERTIFICATE = 14,	/* there is none to show */
	L7FP_TLS_SYSTEM = 15,		/* memory, a system call, the kernel's keys */
	L7FP_TLS_OVERFLOW = 16,		/* more than L7FP_MAX_HANDSHAKES at one time */
	L7FP_TLS_ABANDONED = 17,	/* the process that had taken it is gone */
	__L7FP_TLS_FAILURE_MAX
};

/* L7FP_A_LISTENER_FLAGS: features that can be turned off, and what kind of listener it is. */
#define L7FP_LISTENER_NO_REQUEST_ID	(1U << 0) /* do not make x-request-id */
#define L7FP_LISTENER_NO_FORWARDED_PROTO (1U << 1)
#define L7FP_LISTENER_NO_ATTEMPT_COUNT	(1U << 2)
#define L7FP_LISTENER_NO_REASON		(1U << 3) /* no x-l7fp-reason on local replies */
#define L7FP_LISTENER_INBOUND		(1U << 4) /* sk_lookup brings clients here: see below */
#define L7FP_LISTENER_APP_PORTS	(1U << 5) /* bytes of this namespace's processes pass TCP by */
#define L7FP_LISTENER_FLAGS_ALL		0x3fU

/*
 * An INBOUND listener gets connections that an sk_lookup program steers to it:
 * the accepted socket's own address is where the client wanted to go.
 * Connections to an ORIGINAL_DST cluster on its behalf come from a reserved
 * address (L7FP_A_LISTENER_SOURCE4, _SOURCE6), which the program lets pass.
 * For IPv4 the default is Istio's. ::1 needs no address on lo, as Istio's ::6
 * does, and the kernel drops it where it comes from another machine.
 */
#define L7FP_INBOUND_SOURCE4	"127.0.0.6"
#define L7FP_INBOUND_SOURCE6	"::1"

/*
 * Commands. All need CAP_NET_ADMIN in the initial user namespace and act on
 * the network namespace of the calling socket.
 */
enum l7fp_cmd {
	L7FP_CMD_UNSPEC = 0,
	L7FP_CMD_LISTENER_NEW,
	L7FP_CMD_LISTENER_DEL,
	L7FP_CMD_LISTENER_GET,		/* do, dump */
	L7FP_CMD_CLUSTER_NEW,		/* creates, or changes the one with this id */
	L7FP_CMD_CLUSTER_DEL,
	L7FP_CMD_CLUSTER_GET,		/* do, dump */
	L7FP_CMD_ENDPOINT_SET,		/* replaces all endpoints of a cluster */
	L7FP_CMD_ENDPOINT_GET,		/* dump, of one cluster or of all */
	L7FP_CMD_GENERATION_NEW,	/* begins a generation's tables */
	L7FP_CMD_GENERATION_ADD,	/* slots, strings, routes, ...: any number of calls */
	L7FP_CMD_GENERATION_PREPARE,	/* seals the tables and ties a struct_ops map to them */
	L7FP_CMD_GENERATION_DEL,	/* gives up one that is not current */
	L7FP_CMD_GENERATION_GET,	/* do, dump */
	L7FP_CMD_CONNECTION_ATTACH,	/* hands over a connected socket by fd */
	L7FP_CMD_CONNECTION_GET,	/* dump: downstreams, and upstreams */
	L7FP_CMD_STATS_GET,		/* dump */
	L7FP_CMD_UPSTREAM_WANTED,	/* event */
	L7FP_CMD_CONNECTION_LOST,	/* event */
	L7FP_CMD_EXPLAIN,		/* what the current policy decides of a given request */
	L7FP_CMD_DRAIN,			/* begins to drain, or asks what is left */
	L7FP_CMD_WORKLOAD_GET,		/* dump, of the current generation */
	L7FP_CMD_HANDSHAKE_ACCEPT,	/* takes the oldest TLS handshake; EAGAIN: there is none */
	L7FP_CMD_HANDSHAKE_DONE,	/* gives it back: keys are installed, or it failed */
	L7FP_CMD_HANDSHAKE_WANTED,	/* event: there is one to take, where there was none */
	__L7FP_CMD_MAX
};

#define L7FP_CMD_MAX (__L7FP_CMD_MAX - 1)

/* Attributes of every message. */
enum l7fp_attr {
	L7FP_A_UNSPEC = 0,
	L7FP_A_PAD,
	L7FP_A_ID,			/* u32: listener, cluster, slot, string, route, rule */
	L7FP_A_NAME,			/* nul-string, at most L7FP_MAX_NAME */
	L7FP_A_LISTENER,		/* nest l7fp_attr_listener */
	L7FP_A_CLUSTER,			/* nest l7fp_attr_cluster */
	L7FP_A_ENDPOINT,		/* nest l7fp_attr_endpoint, repeated */
	L7FP_A_GENERATION,		/* u64 */
	L7FP_A_GENERATION_STATE,	/* u32 enum l7fp_generation_state */
	L7FP_A_MAP_FD,			/* u32: struct_ops map of the generation */
	L7FP_A_SLOT,			/* nest l7fp_attr_slot, repeated */
	L7FP_A_STRING,			/* nest l7fp_attr_string, repeated */
	L7FP_A_ROUTE,			/* nest l7fp_attr_route, repeated */
	L7FP_A_RULE,			/* nest l7fp_attr_rule, repeated */
	L7FP_A_CONNECTION,		/* nest l7fp_attr_connection */
	L7FP_A_STAT,			/* nest l7fp_attr_stat */
	L7FP_A_EXCHANGES,		/* u64: exchanges that still hold a generation */
	L7FP_A_EXPLAIN,			/* nest l7fp_attr_explain */
	L7FP_A_DRAIN,			/* nest l7fp_attr_drain */
	L7FP_A_SLOW_PATH,		/* nest l7fp_attr_slow_path: of a generation */
	L7FP_A_WORKLOAD,		/* nest l7fp_attr_workload, repeated: of a generation */
	L7FP_A_HANDSHAKE,		/* nest l7fp_attr_handshake */
	__L7FP_A_MAX
};

#define L7FP_A_MAX (__L7FP_A_MAX - 1)

enum l7fp_attr_listener {
	L7FP_A_LISTENER_UNSPEC = 0,
	L7FP_A_LISTENER_ID,		/* u32 */
	L7FP_A_LISTENER_NAME,		/* nul-string */
	L7FP_A_LISTENER_ADDRESS,	/* binary: 4 or 16 bytes, network order */
	L7FP_A_LISTENER_PORT,		/* u16, host order; 0: the kernel chooses, GET tells */
	L7FP_A_LISTENER_PROTOCOL,	/* u32 enum l7fp_protocol */
	L7FP_A_LISTENER_CLUSTER,	/* u32: cluster of opaque connections: OPAQUE, DETECT */
	L7FP_A_LISTENER_FLAGS,		/* u32 L7FP_LISTENER_* */
	L7FP_A_LISTENER_HEAD_TIMEOUT_MS, /* u32: for a request head to arrive; 0: 60000 */
	L7FP_A_LISTENER_IDLE_TIMEOUT_MS, /* u32: between requests; 0: 3600000 */
	L7FP_A_LISTENER_PATH_MODE,	/* u32 enum l7fp_path_mode of kmod/path.h */
	L7FP_A_LISTENER_DETECT_TIMEOUT_MS, /* u32: no byte for so long: opaque; 0: 5000 */
	L7FP_A_LISTENER_SOURCE4,	/* binary, 4 bytes, INBOUND; default L7FP_INBOUND_SOURCE4 */
	L7FP_A_LISTENER_SOURCE6,	/* binary, 16 bytes, likewise L7FP_INBOUND_SOURCE6 */
	L7FP_A_LISTENER_TLS,		/* u32 enum l7fp_tls_mode; absent: DISABLE */
	__L7FP_A_LISTENER_MAX
};

#define L7FP_A_LISTENER_MAX (__L7FP_A_LISTENER_MAX - 1)

enum l7fp_attr_cluster {
	L7FP_A_CLUSTER_UNSPEC = 0,
	L7FP_A_CLUSTER_ID,		/* u32, chosen by user space */
	L7FP_A_CLUSTER_NAME,		/* nul-string */
	L7FP_A_CLUSTER_LB,		/* u32 enum l7fp_lb */
	L7FP_A_CLUSTER_CONNECT_TIMEOUT_MS, /* u32; 0: 10000 */
	L7FP_A_CLUSTER_IDLE_TIMEOUT_MS,	/* u32: of a pooled connection; 0: 3600000 */
	L7FP_A_CLUSTER_MAX_CONNECTIONS,	/* u32; 0: 4294967295 */
	L7FP_A_CLUSTER_MAX_PENDING,	/* u32: exchanges waiting for a connection; 0: 4294967295 */
	L7FP_A_CLUSTER_MAX_REQUESTS_PER_CONNECTION, /* u32; 0: no limit */
	L7FP_A_CLUSTER_KIND,		/* u32 enum l7fp_cluster_kind; cannot change */
	L7FP_A_CLUSTER_PROTOCOL,	/* u32 enum l7fp_cluster_protocol */
	L7FP_A_CLUSTER_TLS,		/* nest l7fp_attr_tls: new connections shake hands first */
	__L7FP_A_CLUSTER_MAX
};

#define L7FP_A_CLUSTER_MAX (__L7FP_A_CLUSTER_MAX - 1)

/*
 * What is expected of a TLS server. The module keeps it for the process that shakes hands, and
 * reads nothing of it.
 */
enum l7fp_attr_tls {
	L7FP_A_TLS_UNSPEC = 0,
	L7FP_A_TLS_CHECK,		/* u32 enum l7fp_tls_check */
	L7FP_A_TLS_SNI,			/* nul-string: the server's name; absent: none is sent */
	L7FP_A_TLS_SAN,			/* nul-string, repeated: it has to be one of them */
	L7FP_A_TLS_ALPN,		/* nul-string, repeated, in order of preference */
	__L7FP_A_TLS_MAX
};

#define L7FP_A_TLS_MAX (__L7FP_A_TLS_MAX - 1)

enum l7fp_attr_endpoint {
	L7FP_A_ENDPOINT_UNSPEC = 0,
	L7FP_A_ENDPOINT_ADDRESS,	/* binary: 4 or 16 bytes, network order */
	L7FP_A_ENDPOINT_PORT,		/* u16, host order */
	L7FP_A_ENDPOINT_WEIGHT,		/* u32; 0 reads as 1 */
	L7FP_A_ENDPOINT_HEALTHY,	/* u8; absent: 1 */
	L7FP_A_ENDPOINT_CLUSTER,	/* u32: in dumps */
	L7FP_A_ENDPOINT_CONNECTIONS,	/* u32: in dumps, open now */
	L7FP_A_ENDPOINT_IDLE,		/* u32: in dumps, of them idle */
	__L7FP_A_ENDPOINT_MAX
};

#define L7FP_A_ENDPOINT_MAX (__L7FP_A_ENDPOINT_MAX - 1)

enum l7fp_attr_slot {
	L7FP_A_SLOT_UNSPEC = 0,
	L7FP_A_SLOT_ID,			/* u32 below L7FP_MAX_SLOTS */
	L7FP_A_SLOT_KIND,		/* u32 enum l7fp_slot_kind */
	L7FP_A_SLOT_NAME,		/* binary, 1 to L7FP_MAX_NAME bytes */
	__L7FP_A_SLOT_MAX
};

#define L7FP_A_SLOT_MAX (__L7FP_A_SLOT_MAX - 1)

enum l7fp_attr_string {
	L7FP_A_STRING_UNSPEC = 0,
	L7FP_A_STRING_ID,		/* u32 */
	L7FP_A_STRING_VALUE,		/* binary, at most L7FP_MAX_STRING */
	__L7FP_A_STRING_MAX
};

#define L7FP_A_STRING_MAX (__L7FP_A_STRING_MAX - 1)

enum l7fp_attr_route {
	L7FP_A_ROUTE_UNSPEC = 0,
	L7FP_A_ROUTE_ID,		/* u32 */
	L7FP_A_ROUTE_NAME,		/* nul-string: where it was written, for statistics */
	L7FP_A_ROUTE_KIND,		/* u32 enum l7fp_route_kind */
	L7FP_A_ROUTE_CLUSTER,		/* nest l7fp_attr_route_cluster, repeated */
	L7FP_A_ROUTE_REWRITE_KIND,	/* u32 enum l7fp_rewrite_kind */
	L7FP_A_ROUTE_REWRITE_MATCH_LEN,	/* u32: bytes that a prefix rewrite replaces */
	L7FP_A_ROUTE_REWRITE_PATH,	/* binary */
	L7FP_A_ROUTE_REWRITE_AUTHORITY,	/* binary; becomes Host */
	L7FP_A_ROUTE_REDIRECT_SCHEME,	/* binary; absent: kept */
	L7FP_A_ROUTE_REDIRECT_AUTHORITY, /* binary; absent: kept */
	L7FP_A_ROUTE_REDIRECT_PORT,	/* u16; absent: kept */
	L7FP_A_ROUTE_REDIRECT_PATH,	/* binary; absent: kept (rewrite attributes apply) */
	L7FP_A_ROUTE_STATUS,		/* u32: of a redirect or a direct response */
	L7FP_A_ROUTE_BODY,		/* binary, at most L7FP_MAX_BODY */
	L7FP_A_ROUTE_REQUEST_HEADER,	/* nest l7fp_attr_header_op, repeated, in order */
	L7FP_A_ROUTE_RESPONSE_HEADER,	/* nest l7fp_attr_header_op, repeated, in order */
	L7FP_A_ROUTE_TIMEOUT_MS,	/* u32; 0: none */
	L7FP_A_ROUTE_CONNECT_RETRIES,	/* u32: further attempts when connecting fails */
	__L7FP_A_ROUTE_MAX
};

#define L7FP_A_ROUTE_MAX (__L7FP_A_ROUTE_MAX - 1)

enum l7fp_attr_route_cluster {
	L7FP_A_ROUTE_CLUSTER_UNSPEC = 0,
	L7FP_A_ROUTE_CLUSTER_ID,	/* u32 */
	L7FP_A_ROUTE_CLUSTER_WEIGHT,	/* u32; their sum is at most 2^31 - 1 */
	L7FP_A_ROUTE_CLUSTER_REQUEST_HEADER, /* nest l7fp_attr_header_op, repeated */
	L7FP_A_ROUTE_CLUSTER_RESPONSE_HEADER,
	__L7FP_A_ROUTE_CLUSTER_MAX
};

#define L7FP_A_ROUTE_CLUSTER_MAX (__L7FP_A_ROUTE_CLUSTER_MAX - 1)

enum l7fp_attr_header_op {
	L7FP_A_HEADER_OP_UNSPEC = 0,
	L7FP_A_HEADER_OP_KIND,		/* u32 enum l7fp_header_op_kind */
	L7FP_A_HEADER_OP_NAME,		/* binary: a field name of RFC 9110 5.1 */
	L7FP_A_HEADER_OP_VALUE,		/* binary: a field value, not for REMOVE */
	__L7FP_A_HEADER_OP_MAX
};

#define L7FP_A_HEADER_OP_MAX (__L7FP_A_HEADER_OP_MAX - 1)

/* The proxy for what the kernel cannot decide; at most one of a generation. */
enum l7fp_attr_slow_path {
	L7FP_A_SLOW_PATH_UNSPEC = 0,
	L7FP_A_SLOW_PATH_ADDRESS,	/* binary: 4 or 16 bytes, network order */
	L7FP_A_SLOW_PATH_PORT,		/* u16, host order */
	L7FP_A_SLOW_PATH_TOKEN,		/* binary: TLV 5 of each connection's PROXY v2 header */
	L7FP_A_SLOW_PATH_INBOUND_PORT,	/* u16, host order: for INBOUND listeners; absent: none */
	__L7FP_A_SLOW_PATH_MAX
};

#define L7FP_A_SLOW_PATH_MAX (__L7FP_A_SLOW_PATH_MAX - 1)

/*
 * Whoever connects from one of the cgroups (or one below it) in the same network
 * namespace, or else from one of the addresses, is this workload.
 */
enum l7fp_attr_workload {
	L7FP_A_WORKLOAD_UNSPEC = 0,
	L7FP_A_WORKLOAD_PRINCIPAL,	/* binary: cluster.local/ns/default/sa/web */
	L7FP_A_WORKLOAD_NAMESPACE,	/* binary */
	L7FP_A_WORKLOAD_CGROUP,		/* u64: cgroup v2 id, repeated */
	L7FP_A_WORKLOAD_ADDRESS,	/* binary: 4 or 16 bytes, network order, repeated */
	__L7FP_A_WORKLOAD_MAX
};

#define L7FP_A_WORKLOAD_MAX (__L7FP_A_WORKLOAD_MAX - 1)

/* A rule has a name and a counter; l7fp_deny() and l7fp_count_rule() refer to it. */
enum l7fp_attr_rule {
	L7FP_A_RULE_UNSPEC = 0,
	L7FP_A_RULE_ID,			/* u32 */
	L7FP_A_RULE_NAME,		/* nul-string */
	__L7FP_A_RULE_MAX
};

#define L7FP_A_RULE_MAX (__L7FP_A_RULE_MAX - 1)

enum l7fp_attr_connection {
	L7FP_A_CONNECTION_UNSPEC = 0,
	L7FP_A_CONNECTION_FD,		/* u32, of ATTACH */
	L7FP_A_CONNECTION_LISTENER,	/* u32: a downstream of it, or one to be */
	L7FP_A_CONNECTION_CLUSTER,	/* u32: likewise an upstream */
	L7FP_A_CONNECTION_LOCAL_ADDRESS,
	L7FP_A_CONNECTION_LOCAL_PORT,
	L7FP_A_CONNECTION_REMOTE_ADDRESS,
	L7FP_A_CONNECTION_REMOTE_PORT,
	L7FP_A_CONNECTION_ORIGINAL_ADDRESS, /* where a captured client wanted to go */
	L7FP_A_CONNECTION_ORIGINAL_PORT,
	L7FP_A_CONNECTION_EXCHANGES,	/* u64 so far */
	L7FP_A_CONNECTION_IDLE_MS,	/* u32 since the last byte */
	L7FP_A_CONNECTION_REASON,	/* u32 enum l7fp_reason, in CONNECTION_LOST */
	L7FP_A_CONNECTION_APP,		/* u32 enum l7fp_app_state */
	L7FP_A_CONNECTION_ID,		/* u64: a downstream's; of the one that uses an upstream */
	L7FP_A_CONNECTION_STATE,	/* u32 enum l7fp_connection_state */
	L7FP_A_CONNECTION_QUEUED,	/* u32: bytes that wait for room in the socket */
	L7FP_A_CONNECTION_RX_BYTES,	/* u64 so far */
	L7FP_A_CONNECTION_TX_BYTES,	/* u64 so far */
	L7FP_A_CONNECTION_TLS_VERSION,	/* u32 L7FP_TLS_1_2 or L7FP_TLS_1_3; absent: plain text */
	L7FP_A_CONNECTION_TLS_CIPHER,	/* u32 enum l7fp_tls_cipher */
	L7FP_A_CONNECTION_TLS_PRINCIPAL, /* binary: of the peer; absent: it has no identity */
	__L7FP_A_CONNECTION_MAX
};

#define L7FP_A_CONNECTION_MAX (__L7FP_A_CONNECTION_MAX - 1)

/* What a counter counts (scope), of which object, and its value. */
enum l7fp_stat_scope {
	L7FP_STAT_GLOBAL = 0,
	L7FP_STAT_LISTENER = 1,
	L7FP_STAT_CLUSTER = 2,
	L7FP_STAT_ROUTE = 3,		/* of the current generation */
	L7FP_STAT_RULE = 4,		/* of the current generation */
	L7FP_STAT_VERDICT = 5,		/* enum l7fp_verdict */
	L7FP_STAT_REASON = 6,		/* enum l7fp_reason */
	L7FP_STAT_GRPC = 7,		/* grpc-status of the answers to gRPC */
};

enum l7fp_attr_stat {
	L7FP_A_STAT_UNSPEC = 0,
	L7FP_A_STAT_SCOPE,		/* u32 enum l7fp_stat_scope */
	L7FP_A_STAT_ID,			/* u32: of the object, verdict, reason or grpc-status */
	L7FP_A_STAT_OBJECT,		/* nul-string: its name */
	L7FP_A_STAT_NAME,		/* nul-string: the counter, e.g. "rq_total" */
	L7FP_A_STAT_VALUE,		/* u64 */
	__L7FP_A_STAT_MAX
};

#define L7FP_A_STAT_MAX (__L7FP_A_STAT_MAX - 1)

/* The request of EXPLAIN: up to DESTINATION_PORT, and INBOUND. The rest is its answer. */
enum l7fp_attr_explain {
	L7FP_A_EXPLAIN_UNSPEC = 0,
	L7FP_A_EXPLAIN_HEAD,		/* binary: HTTP/1.1, at most L7FP_MAX_EXPLAIN_HEAD */
	L7FP_A_EXPLAIN_PATH_MODE,	/* u32 enum l7fp_path_mode */
	L7FP_A_EXPLAIN_SOURCE_ADDRESS,	/* binary: 4 or 16 bytes, network order */
	L7FP_A_EXPLAIN_SOURCE_PORT,	/* u16, host order */
	L7FP_A_EXPLAIN_DESTINATION_ADDRESS, /* likewise: where the client wanted to go */
	L7FP_A_EXPLAIN_DESTINATION_PORT,
	L7FP_A_EXPLAIN_VERDICT,		/* u32 enum l7fp_verdict */
	L7FP_A_EXPLAIN_REASON,		/* u32 enum l7fp_reason */
	L7FP_A_EXPLAIN_STATUS,		/* u32: of a local answer */
	L7FP_A_EXPLAIN_CLUSTER,		/* u32; absent: none, and so the next two */
	L7FP_A_EXPLAIN_ROUTE,		/* u32 */
	L7FP_A_EXPLAIN_RULE,		/* u32 */
	L7FP_A_EXPLAIN_PATH,		/* binary: as forwarded, with query; cut at 20000 bytes */
	L7FP_A_EXPLAIN_HOST,		/* binary: likewise */
	L7FP_A_EXPLAIN_LOCATION,	/* binary: of a redirect */
	L7FP_A_EXPLAIN_INBOUND,		/* u8: of the request: 1: it came to an INBOUND listener */
	__L7FP_A_EXPLAIN_MAX
};

#define L7FP_A_EXPLAIN_MAX (__L7FP_A_EXPLAIN_MAX - 1)

/*
 * Of DRAIN. DEADLINE_MS begins, STOP ends accepting, neither asks; the rest is the answer. A drain
 * ends when it was told to stop and nothing is left, or at its deadline.
 */
enum l7fp_attr_drain {
	L7FP_A_DRAIN_UNSPEC = 0,
	L7FP_A_DRAIN_DEADLINE_MS,	/* u32, at most L7FP_MAX_DRAIN_MS: the rest is reset */
	L7FP_A_DRAIN_STOP,		/* u8, 1: listeners take what waits for them, and close */
	L7FP_A_DRAIN_LISTENERS,		/* u32: listeners left */
	L7FP_A_DRAIN_CONNECTIONS,	/* u32: downstream connections left */
	L7FP_A_DRAIN_RESET,		/* u64: connections that the last deadline reset */
	L7FP_A_DRAIN_LEFT_MS,		/* u32: until the deadline; absent: no drain is going on */
	__L7FP_A_DRAIN_MAX
};

#define L7FP_A_DRAIN_MAX (__L7FP_A_DRAIN_MAX - 1)

/*
 * A TLS handshake. ACCEPT answers with what is above FAILURE: the socket is the caller's until it
 * has closed the descriptor and says DONE, with NUMBER and what is from FAILURE on. One that its
 * taker does not give back is reset when the taker's netlink socket closes. The caller installs
 * the keys of both directions (TCP_ULP "tls", TLS_TX, TLS_RX) before DONE without a FAILURE.
 */
enum l7fp_attr_handshake {
	L7FP_A_HANDSHAKE_UNSPEC = 0,
	L7FP_A_HANDSHAKE_NUMBER,	/* u64 */
	L7FP_A_HANDSHAKE_FD,		/* u32: the connected socket */
	L7FP_A_HANDSHAKE_LISTENER,	/* u32: we are the server, for this listener; */
	L7FP_A_HANDSHAKE_CLUSTER,	/* u32: or the client, for this cluster, */
	L7FP_A_HANDSHAKE_TLS,		/* nest l7fp_attr_tls: and what it expects */
	L7FP_A_HANDSHAKE_LEFT_MS,	/* u32: until the connection is given up */
	L7FP_A_HANDSHAKE_FAILURE,	/* u32 enum l7fp_tls_failure; absent: DONE */
	L7FP_A_HANDSHAKE_VERSION,	/* u32 L7FP_TLS_1_2 or L7FP_TLS_1_3 */
	L7FP_A_HANDSHAKE_CIPHER,	/* u32 enum l7fp_tls_cipher */
	L7FP_A_HANDSHAKE_MAX_RECORD,	/* u32: plain text of a record that we send; 0: 16384 */
	L7FP_A_HANDSHAKE_ALPN,		/* binary: the protocol agreed on; absent: none */
	L7FP_A_HANDSHAKE_PRINCIPAL,	/* binary: of the peer; absent: it has no identity */
	L7FP_A_HANDSHAKE_NAMESPACE,	/* binary: likewise */
	L7FP_A_HANDSHAKE_CLIENT_CERT,	/* binary: for x-forwarded-client-cert */
	__L7FP_A_HANDSHAKE_MAX
};

#define L7FP_A_HANDSHAKE_MAX (__L7FP_A_HANDSHAKE_MAX - 1)

#endif /* _UAPI_L7FP_H */
