// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of the kernel interface and addresses, for people.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"

#define NAME(table, i)	((i) < sizeof(table) / sizeof(*(table)) && (table)[i] ? (table)[i] : \
			 "unknown")

const char *name_verdict(uint32_t verdict)
{
	static const char *const name[] = {
		[L7FP_VERDICT_NONE] = "none",
		[L7FP_FORWARD] = "forward",
		[L7FP_RESPOND] = "respond",
		[L7FP_RESET] = "reset",
		[L7FP_SLOW_PATH] = "slow-path",
	};

	return NAME(name, verdict);
}

static const struct {
	const char *name, *text;
} reasons[__L7FP_REASON_MAX] = {
	[L7FP_REASON_NONE] = { "-", "no failure" },
	[L7FP_REASON_NR] = { "NR", "no route matched" },
	[L7FP_REASON_NC] = { "NC", "the route's cluster does not exist" },
	[L7FP_REASON_UH] = { "UH", "no healthy endpoint" },
	[L7FP_REASON_UF] = { "UF", "connecting to the endpoint failed" },
	[L7FP_REASON_UC] = { "UC", "the upstream ended or reset the connection" },
	[L7FP_REASON_UR] = { "UR", "the upstream reset the stream" },
	[L7FP_REASON_UT] = { "UT", "the route's timeout was reached" },
	[L7FP_REASON_UO] = { "UO", "a limit of the cluster was reached" },
	[L7FP_REASON_URX] = { "URX", "retries used up" },
	[L7FP_REASON_HV] = { "HV", "the endpoint speaks another version of HTTP than the client" },
	[L7FP_REASON_UPE] = { "UPE", "the upstream broke the protocol" },
	[L7FP_REASON_RL] = { "RL", "rate limited" },
	[L7FP_REASON_DC] = { "DC", "the downstream ended the connection" },
	[L7FP_REASON_DPE] = { "DPE", "the downstream broke the protocol" },
	[L7FP_REASON_DT] = { "DT", "the downstream was too slow" },
	[L7FP_REASON_DI] = { "DI", "delay injected" },
	[L7FP_REASON_FI] = { "FI", "abort injected" },
	[L7FP_REASON_RBAC] = { "RBAC", "denied by an authorization policy" },
	[L7FP_REASON_DR] = { "DR", "direct response or redirect of a route" },
	[L7FP_REASON_NP] = { "NP", "no policy is attached" },
	[L7FP_REASON_PE] = { "PE", "the policy program failed" },
	[L7FP_REASON_SP] = { "SP", "needs the slow path, and none is attached" },
	[L7FP_REASON_OM] = { "OM", "out of memory" },
	[L7FP_REASON_DRAIN] = { "DRAIN", "ended by a drain" },
};

const char *name_reason(uint32_t reason)
{
	return reason < __L7FP_REASON_MAX && reasons[reason].name ? reasons[reason].name :
								    "unknown";
}

const char *text_reason(uint32_t reason)
{
	return reason < __L7FP_REASON_MAX && reasons[reason].text ? reasons[reason].text :
								    "unknown";
}

const char *name_protocol(uint32_t protocol)
{
	static const char *const name[] = {
		[L7FP_PROTOCOL_HTTP] = "http",
		[L7FP_PROTOCOL_OPAQUE] = "opaque",
		[L7FP_PROTOCOL_DETECT] = "detect",
		[L7FP_PROTOCOL_HTTP2] = "http2",
	};

	return NAME(name, protocol);
}

const char *name_cluster_protocol(uint32_t protocol)
{
	static const char *const name[] = {
		[L7FP_CLUSTER_HTTP1] = "http1",
		[L7FP_CLUSTER_HTTP2] = "http2",
		[L7FP_CLUSTER_ANY_HTTP] = "any",
	};

	return NAME(name, protocol);
}

const char *name_lb(uint32_t lb)
{
	static const char *const name[] = {
		[L7FP_LB_ROUND_ROBIN] = "round-robin",
		[L7FP_LB_RANDOM] = "random",
	};

	return NAME(name, lb);
}

const char *name_tls_cipher(uint32_t cipher)
{
	static const char *const name[] = {
		[L7FP_TLS_AES_128_GCM] = "AES-128-GCM",
		[L7FP_TLS_AES_256_GCM] = "AES-256-GCM",
		[L7FP_TLS_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
	};

	return NAME(name, cipher);
}

const char *name_generation_state(uint32_t state)
{
	static const char *const name[] = {
		[L7FP_GENERATION_BUILDING] = "building",
		[L7FP_GENERATION_PREPARED] = "prepared",
		[L7FP_GENERATION_CURRENT] = "current",
		[L7FP_GENERATION_DRAINING] = "draining",
	};

	return NAME(name, state);
}

const char *name_connection_state(uint32_t state)
{
	static const char *const name[] = {
		[L7FP_CONNECTION_NEW] = "new",
		[L7FP_CONNECTION_CONNECTING] = "connecting",
		[L7FP_CONNECTION_IDLE] = "idle",
		[L7FP_CONNECTION_REQUEST] = "request",
		[L7FP_CONNECTION_RESPONSE] = "response",
		[L7FP_CONNECTION_TUNNEL] = "tunnel",
		[L7FP_CONNECTION_CLOSING] = "closing",
	};

	return NAME(name, state);
}

const char *name_app_state(uint32_t state)
{
	static const char *const name[] = {
		[L7FP_APP_OFF] = "off",
		[L7FP_APP_SEARCHING] = "searching",
		[L7FP_APP_JOINED] = "joined",
		[L7FP_APP_OWN] = "own",
		[L7FP_APP_ELSEWHERE] = "elsewhere",
		[L7FP_APP_LEFT] = "left",
		[L7FP_APP_ULP] = "ulp",
		[L7FP_APP_MPTCP] = "mptcp",
		[L7FP_APP_REPAIR] = "repair",
		[L7FP_APP_SOCKMAP] = "sockmap",
		[L7FP_APP_FILTER] = "filter",
		[L7FP_APP_BUSY] = "busy",
		[L7FP_APP_TRANSPORT] = "transport",
	};

	return NAME(name, state);
}

const char *name_path_mode(uint32_t mode)
{
	static const char *const name[] = {
		"none", "base", "merge-slashes", "decode-and-merge-slashes",
	};

	return NAME(name, mode);
}

const char *name_scope(uint32_t scope)
{
	static const char *const name[] = {
		[L7FP_STAT_GLOBAL] = "global",
		[L7FP_STAT_LISTENER] = "listener",
		[L7FP_STAT_CLUSTER] = "cluster",
		[L7FP_STAT_ROUTE] = "route",
		[L7FP_STAT_RULE] = "rule",
		[L7FP_STAT_VERDICT] = "verdict",
		[L7FP_STAT_REASON] = "reason",
		[L7FP_STAT_GRPC] = "grpc_status",
	};

	return NAME(name, scope);
}

char *name_address(char *out, const struct in6_addr *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(address)) {
		inet_ntop(AF_INET, &address->s6_addr[12], text, sizeof(text));
		snprintf(out, NAME_ADDRESS_LEN, "%s:%u", text, port);
	} else {
		inet_ntop(AF_INET6, address, text, sizeof(text));
		snprintf(out, NAME_ADDRESS_LEN, "[%s]:%u", text, port);
	}
	return out;
}

static int parse_port(const char *text, uint16_t *port)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || !value || value > 65535)
		return -EINVAL;
	*port = value;
	return 0;
}

int address_parse(const char *text, struct in6_addr *address, uint16_t *port)
{
	char host[INET6_ADDRSTRLEN];
	const char *end, *rest;
	size_t len;

	*port = 0;
	memset(address, 0, sizeof(*address));
	if (*text == '[') {
		text++;
		end = strchr(text, ']');
		if (!end)
			return -EINVAL;
		rest = end + 1;
	} else {
		end = strchr(text, ':');
		/* More than one colon and no bracket: a bare IPv6 address. */
		if (!end || strchr(end + 1, ':'))
			end = text + strlen(text);
		rest = end;
	}
	len = end - text;
	if (len >= sizeof(host) || (*rest && *rest != ':'))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (*rest && parse_port(rest + 1, port))
		return -EINVAL;
	if (inet_pton(AF_INET, host, &address->s6_addr[12]) == 1) {
		address->s6_addr[10] = 0xff;
		address->s6_addr[11] = 0xff;
		return 0;
	}
	return inet_pton(AF_INET6, host, address) == 1 ? 0 : -EINVAL;
}
