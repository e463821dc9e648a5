// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An allow list: GET and HEAD below /public/ from loopback addresses pass to
 * cluster 1, /healthz is answered here, all else is denied.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "l7fp.h"

#define CLUSTER	1

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Paths are normalised and zero-padded: whole words can be compared. */
static __always_inline bool is_healthz(const struct l7fp_exchange *x)
{
	return x->path_len == 8 &&
	       L7FP_PATH_WORD(x, 0) == L7FP_WORD('/', 'h', 'e', 'a', 'l', 't', 'h', 'z');
}

static __always_inline bool is_public(const struct l7fp_exchange *x)
{
	return L7FP_PATH_WORD(x, 0) == L7FP_WORD('/', 'p', 'u', 'b', 'l', 'i', 'c', '/');
}

/* 127.0.0.0/8; IPv4 addresses come as ::ffff:a.b.c.d. */
static __always_inline bool is_local(const struct l7fp_connection *conn)
{
	return !conn->src_addr[0] && !conn->src_addr[1] &&
	       conn->src_addr[2] == bpf_htonl(0xffff) &&
	       bpf_ntohl(conn->src_addr[3]) >> 24 == 127;
}

SEC("struct_ops/request")
L7FP_OP(allow_list_request, struct l7fp_exchange, x)
{
	if (is_healthz(x))
		return l7fp_respond(x, 200, L7FP_STR("ok\n"));
	if (x->method != L7FP_METHOD_GET && x->method != L7FP_METHOD_HEAD)
		return l7fp_deny(x, L7FP_NONE);
	if (!is_public(x) || !is_local(x->conn))
		return l7fp_deny(x, L7FP_NONE);
	if (l7fp_set_cluster(x, CLUSTER))
		return L7FP_VERDICT_NONE;
	return L7FP_FORWARD;
}

SEC(".struct_ops.link")
struct l7fp_policy allow_list = {
	.request = (void *)allow_list_request,
	.generation = 1,
	.name = "allow-list",
};
