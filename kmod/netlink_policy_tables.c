// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each message of the family and each nest may hold; anything else is
 * refused (Documentation/netlink/specs/l7fp.yaml says the same).
 */
#include <linux/in.h>
#include <linux/in6.h>
#include "netlink.h"
#include "path.h"

/* Lengths of an IPv4 and an IPv6 address. */
static int address_length(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (nla_len(attr) == 4 || nla_len(attr) == 16)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "expected an address of 4 or 16 bytes");
	return -EINVAL;
}

/* What may be the value of a header field: visible ASCII and spaces. */
static int field_value(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const u8 *p = nla_data(attr);
	int i, len = nla_len(attr);

	for (i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] > '~')
			break;
	if (len && i == len)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "expected visible characters and spaces");
	return -EINVAL;
}

/* Bounds that do not fit into struct nla_policy, whose own are 16 bits wide. */
static const struct netlink_range_validation cluster_range = { .max = U32_MAX - 1 };
static const struct netlink_range_validation string_range = { .max = L7FP_MAX_STRINGS - 1 };
static const struct netlink_range_validation route_range = { .max = L7FP_MAX_ROUTES - 1 };
static const struct netlink_range_validation rule_range = { .max = L7FP_MAX_RULES - 1 };
static const struct netlink_range_validation weight_range = { .max = S32_MAX };
static const struct netlink_range_validation fd_range = { .max = S32_MAX };
static const struct netlink_range_validation drain_range = { .max = L7FP_MAX_DRAIN_MS };

#define ADDRESS		NLA_POLICY_VALIDATE_FN(NLA_BINARY, address_length)
#define NAME		{ .type = NLA_NUL_STRING, .len = L7FP_MAX_NAME }
#define BYTES(max_len)	{ .type = NLA_BINARY, .len = max_len }
#define BYTES_FROM_1(max) NLA_POLICY_RANGE(NLA_BINARY, 1, max)

const struct nla_policy l7fp_listener_nl_policy[L7FP_A_LISTENER_MAX + 1] = {
	[L7FP_A_LISTENER_ID] = { .type = NLA_U32 },
	[L7FP_A_LISTENER_NAME] = NAME,
	[L7FP_A_LISTENER_ADDRESS] = ADDRESS,
	[L7FP_A_LISTENER_PORT] = { .type = NLA_U16 },
	[L7FP_A_LISTENER_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, __L7FP_PROTOCOL_MAX - 1),
	[L7FP_A_LISTENER_CLUSTER] = { .type = NLA_U32 },
	[L7FP_A_LISTENER_FLAGS] = NLA_POLICY_MASK(NLA_U32, L7FP_LISTENER_FLAGS_ALL),
	[L7FP_A_LISTENER_HEAD_TIMEOUT_MS] = { .type = NLA_U32 },
	[L7FP_A_LISTENER_IDLE_TIMEOUT_MS] = { .type = NLA_U32 },
	[L7FP_A_LISTENER_PATH_MODE] = NLA_POLICY_MAX(NLA_U32,
						     L7FP_PATH_DECODE_AND_MERGE_SLASHES),
	[L7FP_A_LISTENER_DETECT_TIMEOUT_MS] = { .type = NLA_U32 },
	[L7FP_A_LISTENER_TLS] = NLA_POLICY_MAX(NLA_U32, __L7FP_TLS_MODE_MAX - 1),
	[L7FP_A_LISTENER_SOURCE4] = NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[L7FP_A_LISTENER_SOURCE6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
};

static const struct nla_policy tls_nl_policy[L7FP_A_TLS_MAX + 1] = {
	[L7FP_A_TLS_CHECK] = NLA_POLICY_MAX(NLA_U32, __L7FP_TLS_CHECK_MAX - 1),
	[L7FP_A_TLS_SNI] = { .type = NLA_NUL_STRING, .len = 255 },
	[L7FP_A_TLS_SAN] = { .type = NLA_NUL_STRING, .len = L7FP_MAX_PRINCIPAL + 9 },
	[L7FP_A_TLS_ALPN] = { .type = NLA_NUL_STRING, .len = L7FP_MAX_ALPN },
};

const struct nla_policy l7fp_cluster_nl_policy[L7FP_A_CLUSTER_MAX + 1] = {
	[L7FP_A_CLUSTER_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &cluster_range),
	[L7FP_A_CLUSTER_NAME] = NAME,
	[L7FP_A_CLUSTER_LB] = NLA_POLICY_MAX(NLA_U32, __L7FP_LB_MAX - 1),
	[L7FP_A_CLUSTER_CONNECT_TIMEOUT_MS] = { .type = NLA_U32 },
	[L7FP_A_CLUSTER_IDLE_TIMEOUT_MS] = { .type = NLA_U32 },
	[L7FP_A_CLUSTER_MAX_CONNECTIONS] = { .type = NLA_U32 },
	[L7FP_A_CLUSTER_MAX_PENDING] = { .type = NLA_U32 },
	[L7FP_A_CLUSTER_MAX_REQUESTS_PER_CONNECTION] = { .type = NLA_U32 },
	[L7FP_A_CLUSTER_TLS] = NLA_POLICY_NESTED(tls_nl_policy),
	[L7FP_A_CLUSTER_PROTOCOL] = NLA_POLICY_MAX(NLA_U32, __L7FP_CLUSTER_PROTOCOL_MAX - 1),
	[L7FP_A_CLUSTER_KIND] = NLA_POLICY_MAX(NLA_U32, __L7FP_CLUSTER_KIND_MAX - 1),
};

const struct nla_policy l7fp_endpoint_nl_policy[L7FP_A_ENDPOINT_MAX + 1] = {
	[L7FP_A_ENDPOINT_ADDRESS] = ADDRESS,
	[L7FP_A_ENDPOINT_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[L7FP_A_ENDPOINT_WEIGHT] = { .type = NLA_U32 },
	[L7FP_A_ENDPOINT_HEALTHY] = NLA_POLICY_MAX(NLA_U8, 1),
	[L7FP_A_ENDPOINT_CLUSTER] = { .type = NLA_REJECT },
	[L7FP_A_ENDPOINT_CONNECTIONS] = { .type = NLA_REJECT },
	[L7FP_A_ENDPOINT_IDLE] = { .type = NLA_REJECT },
};

const struct nla_policy l7fp_slot_nl_policy[L7FP_A_SLOT_MAX + 1] = {
	[L7FP_A_SLOT_ID] = NLA_POLICY_MAX(NLA_U32, L7FP_MAX_SLOTS - 1),
	[L7FP_A_SLOT_KIND] = NLA_POLICY_MAX(NLA_U32, __L7FP_SLOT_KIND_MAX - 1),
	[L7FP_A_SLOT_NAME] = BYTES_FROM_1(L7FP_MAX_NAME),
};

const struct nla_policy l7fp_string_nl_policy[L7FP_A_STRING_MAX + 1] = {
	[L7FP_A_STRING_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &string_range),
	[L7FP_A_STRING_VALUE] = BYTES(L7FP_MAX_STRING),
};

const struct nla_policy l7fp_header_op_nl_policy[L7FP_A_HEADER_OP_MAX + 1] = {
	[L7FP_A_HEADER_OP_KIND] = NLA_POLICY_MAX(NLA_U32, __L7FP_HEADER_OP_MAX - 1),
	[L7FP_A_HEADER_OP_NAME] = BYTES_FROM_1(L7FP_MAX_NAME),
	[L7FP_A_HEADER_OP_VALUE] = BYTES(L7FP_MAX_STRING),
};

const struct nla_policy l7fp_route_cluster_nl_policy[L7FP_A_ROUTE_CLUSTER_MAX + 1] = {
	[L7FP_A_ROUTE_CLUSTER_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &cluster_range),
	[L7FP_A_ROUTE_CLUSTER_WEIGHT] = NLA_POLICY_FULL_RANGE(NLA_U32, &weight_range),
	[L7FP_A_ROUTE_CLUSTER_REQUEST_HEADER] = NLA_POLICY_NESTED(l7fp_header_op_nl_policy),
	[L7FP_A_ROUTE_CLUSTER_RESPONSE_HEADER] = NLA_POLICY_NESTED(l7fp_header_op_nl_policy),
};

const struct nla_policy l7fp_route_nl_policy[L7FP_A_ROUTE_MAX + 1] = {
	[L7FP_A_ROUTE_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &route_range),
	[L7FP_A_ROUTE_NAME] = NAME,
	[L7FP_A_ROUTE_KIND] = NLA_POLICY_MAX(NLA_U32, __L7FP_ROUTE_KIND_MAX - 1),
	[L7FP_A_ROUTE_CLUSTER] = NLA_POLICY_NESTED(l7fp_route_cluster_nl_policy),
	[L7FP_A_ROUTE_REWRITE_KIND] = NLA_POLICY_MAX(NLA_U32, __L7FP_REWRITE_MAX - 1),
	[L7FP_A_ROUTE_REWRITE_MATCH_LEN] = NLA_POLICY_MAX(NLA_U32, L7FP_MAX_STRING),
	[L7FP_A_ROUTE_REWRITE_PATH] = BYTES_FROM_1(L7FP_MAX_STRING),
	[L7FP_A_ROUTE_REWRITE_AUTHORITY] = BYTES_FROM_1(L7FP_MAX_NAME),
	[L7FP_A_ROUTE_REDIRECT_SCHEME] = BYTES_FROM_1(sizeof("https") - 1),
	[L7FP_A_ROUTE_REDIRECT_AUTHORITY] = BYTES_FROM_1(L7FP_MAX_NAME),
	[L7FP_A_ROUTE_REDIRECT_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[L7FP_A_ROUTE_REDIRECT_PATH] = BYTES_FROM_1(L7FP_MAX_STRING),
	[L7FP_A_ROUTE_STATUS] = NLA_POLICY_RANGE(NLA_U32, 200, 599),
	[L7FP_A_ROUTE_BODY] = BYTES(L7FP_MAX_BODY),
	[L7FP_A_ROUTE_REQUEST_HEADER] = NLA_POLICY_NESTED(l7fp_header_op_nl_policy),
	[L7FP_A_ROUTE_RESPONSE_HEADER] = NLA_POLICY_NESTED(l7fp_header_op_nl_policy),
	[L7FP_A_ROUTE_TIMEOUT_MS] = { .type = NLA_U32 },
	[L7FP_A_ROUTE_CONNECT_RETRIES] = { .type = NLA_U32 },
};

const struct nla_policy l7fp_rule_nl_policy[L7FP_A_RULE_MAX + 1] = {
	[L7FP_A_RULE_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &rule_range),
	[L7FP_A_RULE_NAME] = NAME,
};

const struct nla_policy l7fp_slow_path_nl_policy[L7FP_A_SLOW_PATH_MAX + 1] = {
	[L7FP_A_SLOW_PATH_ADDRESS] = ADDRESS,
	[L7FP_A_SLOW_PATH_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[L7FP_A_SLOW_PATH_TOKEN] = BYTES_FROM_1(L7FP_MAX_SLOW_PATH_TOKEN),
	[L7FP_A_SLOW_PATH_INBOUND_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
};

const struct nla_policy l7fp_workload_nl_policy[L7FP_A_WORKLOAD_MAX + 1] = {
	[L7FP_A_WORKLOAD_PRINCIPAL] = BYTES_FROM_1(L7FP_MAX_PRINCIPAL),
	[L7FP_A_WORKLOAD_NAMESPACE] = BYTES_FROM_1(L7FP_MAX_NAME),
	[L7FP_A_WORKLOAD_CGROUP] = NLA_POLICY_MIN(NLA_U64, 1),
	[L7FP_A_WORKLOAD_ADDRESS] = ADDRESS,
};

const struct nla_policy l7fp_connection_nl_policy[L7FP_A_CONNECTION_MAX + 1] = {
	[L7FP_A_CONNECTION_FD] = NLA_POLICY_FULL_RANGE(NLA_U32, &fd_range),
	[L7FP_A_CONNECTION_LISTENER] = { .type = NLA_U32 },
	[L7FP_A_CONNECTION_CLUSTER] = { .type = NLA_U32 },
};

const struct nla_policy l7fp_drain_nl_policy[L7FP_A_DRAIN_MAX + 1] = {
	[L7FP_A_DRAIN_DEADLINE_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &drain_range),
	[L7FP_A_DRAIN_STOP] = NLA_POLICY_RANGE(NLA_U8, 1, 1),
};

/* No attribute at all: without a policy any would be taken, and ignored. */
const struct nla_policy l7fp_no_policy[L7FP_A_PAD + 1] = {
	[L7FP_A_PAD] = { .type = NLA_REJECT },
};

const struct nla_policy l7fp_id_policy[L7FP_A_ID + 1] = {
	[L7FP_A_ID] = { .type = NLA_U32 },
};

const struct nla_policy l7fp_listener_new_policy[L7FP_A_LISTENER + 1] = {
	[L7FP_A_LISTENER] = NLA_POLICY_NESTED(l7fp_listener_nl_policy),
};

const struct nla_policy l7fp_cluster_new_policy[L7FP_A_CLUSTER + 1] = {
	[L7FP_A_CLUSTER] = NLA_POLICY_NESTED(l7fp_cluster_nl_policy),
};

const struct nla_policy l7fp_endpoint_set_policy[L7FP_A_ENDPOINT + 1] = {
	[L7FP_A_ID] = { .type = NLA_U32 },
	[L7FP_A_ENDPOINT] = NLA_POLICY_NESTED(l7fp_endpoint_nl_policy),
};

const struct nla_policy l7fp_generation_policy[L7FP_A_GENERATION + 1] = {
	[L7FP_A_GENERATION] = NLA_POLICY_MIN(NLA_U64, 1),
};

const struct nla_policy l7fp_generation_add_policy[L7FP_A_WORKLOAD + 1] = {
	[L7FP_A_GENERATION] = NLA_POLICY_MIN(NLA_U64, 1),
	[L7FP_A_SLOT] = NLA_POLICY_NESTED(l7fp_slot_nl_policy),
	[L7FP_A_STRING] = NLA_POLICY_NESTED(l7fp_string_nl_policy),
	[L7FP_A_ROUTE] = NLA_POLICY_NESTED(l7fp_route_nl_policy),
	[L7FP_A_RULE] = NLA_POLICY_NESTED(l7fp_rule_nl_policy),
	[L7FP_A_SLOW_PATH] = NLA_POLICY_NESTED(l7fp_slow_path_nl_policy),
	[L7FP_A_WORKLOAD] = NLA_POLICY_NESTED(l7fp_workload_nl_policy),
};

const struct nla_policy l7fp_generation_prepare_policy[L7FP_A_MAP_FD + 1] = {
	[L7FP_A_GENERATION] = NLA_POLICY_MIN(NLA_U64, 1),
	[L7FP_A_MAP_FD] = NLA_POLICY_FULL_RANGE(NLA_U32, &fd_range),
};

const struct nla_policy l7fp_connection_attach_policy[L7FP_A_CONNECTION + 1] = {
	[L7FP_A_CONNECTION] = NLA_POLICY_NESTED(l7fp_connection_nl_policy),
};

const struct nla_policy l7fp_drain_policy[L7FP_A_DRAIN + 1] = {
	[L7FP_A_DRAIN] = NLA_POLICY_NESTED(l7fp_drain_nl_policy),
};

const struct nla_policy l7fp_handshake_nl_policy[L7FP_A_HANDSHAKE_MAX + 1] = {
	[L7FP_A_HANDSHAKE_NUMBER] = NLA_POLICY_MIN(NLA_U64, 1),
	[L7FP_A_HANDSHAKE_FAILURE] = NLA_POLICY_MAX(NLA_U32, __L7FP_TLS_FAILURE_MAX - 1),
	[L7FP_A_HANDSHAKE_VERSION] = NLA_POLICY_RANGE(NLA_U32, L7FP_TLS_1_2, L7FP_TLS_1_3),
	[L7FP_A_HANDSHAKE_CIPHER] = NLA_POLICY_MAX(NLA_U32, __L7FP_TLS_CIPHER_MAX - 1),
	[L7FP_A_HANDSHAKE_MAX_RECORD] = NLA_POLICY_MAX(NLA_U32, 16384),
	[L7FP_A_HANDSHAKE_ALPN] = BYTES_FROM_1(L7FP_MAX_ALPN),
	[L7FP_A_HANDSHAKE_PRINCIPAL] = BYTES_FROM_1(L7FP_MAX_PRINCIPAL),
	[L7FP_A_HANDSHAKE_NAMESPACE] = BYTES_FROM_1(L7FP_MAX_NAME),
	[L7FP_A_HANDSHAKE_CLIENT_CERT] =
		NLA_POLICY_VALIDATE_FN(NLA_BINARY, field_value, L7FP_MAX_CLIENT_CERT),
};

const struct nla_policy l7fp_handshake_policy[L7FP_A_HANDSHAKE + 1] = {
	[L7FP_A_HANDSHAKE] = NLA_POLICY_NESTED(l7fp_handshake_nl_policy),
};
