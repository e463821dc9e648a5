// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A canary release: who sends "x-canary: always" gets the new version, who
 * sends "never" the old one, and one in ten of the others the new one. The
 * response says which it was.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "l7fp.h"

#define CLUSTER_STABLE	1
#define CLUSTER_CANARY	2
#define CANARY_PERCENT	10

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ALWAYS	L7FP_WORD('a', 'l', 'w', 'a', 'y', 's', 0, 0)
#define NEVER	L7FP_WORD('n', 'e', 'v', 'e', 'r', 0, 0, 0)

static __always_inline __u32 choose(struct l7fp_exchange *x)
{
	__u64 value;

	/* Zero-padded: a longer value is another word. */
	l7fp_header_get(x, L7FP_STR("x-canary"), (__u8 *)&value, sizeof(value));
	if (value == ALWAYS)
		return CLUSTER_CANARY;
	if (value == NEVER)
		return CLUSTER_STABLE;
	return bpf_get_prandom_u32() % 100 < CANARY_PERCENT ? CLUSTER_CANARY : CLUSTER_STABLE;
}

SEC("struct_ops/request")
L7FP_OP(canary_request, struct l7fp_exchange, x)
{
	__u32 cluster = choose(x);

	/* Not for the server: it is the same program in both versions. */
	if (l7fp_header_remove(x, L7FP_STR("x-canary")) || l7fp_set_cluster(x, cluster))
		return L7FP_VERDICT_NONE;
	return L7FP_FORWARD;
}

SEC("struct_ops/response")
L7FP_OP(canary_response, struct l7fp_exchange, x)
{
	if (x->cluster == CLUSTER_CANARY)
		return l7fp_response_header_set(x, L7FP_STR("x-version"), L7FP_STR("canary"));
	return l7fp_response_header_set(x, L7FP_STR("x-version"), L7FP_STR("stable"));
}

SEC(".struct_ops.link")
struct l7fp_policy canary = {
	.request = (void *)canary_request,
	.response = (void *)canary_response,
	.generation = 1,
	.name = "canary",
};
