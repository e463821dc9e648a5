// SPDX-License-Identifier: GPL-2.0-only
/*
 * What policy programs may call (bpf/l7fp.h declares it for authors).
 *
 * Bounds are checked here although the verifier did. A call that cannot do
 * what it was asked for, for want of memory, marks the exchange as failed: it
 * is answered with 503, whatever the program goes on to say.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>
#include "capture.h"
#include "downstream.h"
#include "identify.h"
#include "kfuncs.h"
#include "match.h"
#include "tables.h"

#define MAX_FIELD_BUFFER	L7FP_PATH_INLINE

static bool deciding(const struct l7fp_exchange_kern *x)
{
	return x->phase == L7FP_PHASE_REQUEST;
}

static int reply(struct l7fp_exchange_kern *x, u32 status, u32 reason, struct l7fp_str body)
{
	/* The response headers of a route belong to its own answers. */
	x->route = NULL;
	x->route_cluster = NULL;
	return l7fp_reply_set(x, status, reason, body);
}

static struct l7fp_str reason_text(u32 reason)
{
	const char *text = l7fp_reason_text(reason);

	return (struct l7fp_str){ .data = text, .len = strlen(text) };
}

static void count_rule(struct l7fp_exchange_kern *x, u32 rule)
{
	if (rule >= x->generation->n_rules)
		return;
	x->pub.rule = rule;
	if (likely(!x->dry_run))
		l7fp_counters_inc(&x->generation->rule_hits, rule);
}

/* A copy of @data in the arena, in lower case when @lower. */
static bool copy_str(struct l7fp_exchange_kern *x, struct l7fp_str *to, const u8 *data, u32 len,
		     bool lower)
{
	u8 *p = l7fp_arena_alloc(&x->arena, max(len, 1U));
	u32 i;

	if (!p) {
		x->failed = L7FP_REASON_OM;
		return false;
	}
	for (i = 0; i < len; i++)
		p[i] = lower && data[i] >= 'A' && data[i] <= 'Z' ? data[i] | 0x20 : data[i];
	*to = (struct l7fp_str){ .data = p, .len = len };
	return true;
}

static int add_header_op(struct l7fp_exchange_kern *x, bool response, u8 kind, const u8 *name,
			 u32 name_len, const u8 *value, u32 value_len)
{
	u32 *n = response ? &x->n_extra_response : &x->n_extra_request;
	struct l7fp_header_op *op = response ? x->extra_response : x->extra_request;

	if (!deciding(x) && !(response && x->phase == L7FP_PHASE_RESPONSE))
		return -EPERM;
	if (!l7fp_header_name_valid(name, name_len) ||
	    (value && !l7fp_header_value_valid(value, value_len)))
		return -EINVAL;
	if (*n == L7FP_EXTRA_OPS)
		return -ENOSPC;
	op += *n;
	*op = (struct l7fp_header_op){ .kind = kind };
	if (!copy_str(x, &op->name, name, name_len, false) ||
	    !copy_str(x, &op->lower, name, name_len, true) ||
	    (value && !copy_str(x, &op->value, value, value_len, false)))
		return -ENOMEM;
	if (l7fp_header_reserved(op->lower.data, op->lower.len))
		return -EINVAL;
	++*n;
	x->slot_resolved = 0;
	return 0;
}

__bpf_kfunc_start_defs();

/**
 * l7fp_route() - apply a route of the generation's tables
 * @exchange: the exchange
 * @route: id of the route
 *
 * Chooses one of the route's weighted clusters, rewrites path and host (the
 * exchange's fields show the new ones at once), lays its header changes over
 * what header slots show. For the request op, once per exchange.
 *
 * Return: the verdict to return: L7FP_FORWARD, L7FP_RESPOND, L7FP_SLOW_PATH, or
 * L7FP_VERDICT_NONE when there is no such route.
 */
__bpf_kfunc int l7fp_route(struct l7fp_exchange *exchange, u32 route)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	return deciding(x) ? l7fp_route_apply(x, route) : L7FP_VERDICT_NONE;
}

/**
 * l7fp_deny() - refuse the request as an authorization policy does
 * @exchange: the exchange
 * @rule: id of the DENY rule that matched; ~0: no ALLOW rule did
 *
 * The answer is 403 with "RBAC: access denied". For the request op.
 *
 * Return: the verdict to return.
 */
__bpf_kfunc int l7fp_deny(struct l7fp_exchange *exchange, u32 rule)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	if (!deciding(x))
		return L7FP_VERDICT_NONE;
	count_rule(x, rule);
	return reply(x, 403, L7FP_REASON_RBAC, reason_text(L7FP_REASON_RBAC));
}

/**
 * l7fp_allow() - count the ALLOW rule that matched
 * @exchange: the exchange
 * @rule: id of the rule
 */
__bpf_kfunc void l7fp_allow(struct l7fp_exchange *exchange, u32 rule)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	if (deciding(x))
		count_rule(x, rule);
}

/**
 * l7fp_no_route() - answer that no route matched: 404
 * @exchange: the exchange
 *
 * Return: the verdict to return.
 */
__bpf_kfunc int l7fp_no_route(struct l7fp_exchange *exchange)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	if (!deciding(x))
		return L7FP_VERDICT_NONE;
	return reply(x, 404, L7FP_REASON_NR, reason_text(L7FP_REASON_NR));
}

/**
 * l7fp_slow_path() - the kernel cannot decide
 * @exchange: the exchange
 * @rule: id of the rule that it cannot decide, or ~0
 *
 * Return: the verdict to return.
 */
__bpf_kfunc int l7fp_slow_path(struct l7fp_exchange *exchange, u32 rule)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	if (!deciding(x))
		return L7FP_VERDICT_NONE;
	count_rule(x, rule);
	return L7FP_SLOW_PATH;
}

/**
 * l7fp_field_match() - compare a field with a string of the tables
 * @exchange: the exchange
 * @field: enum l7fp_field
 * @op: enum l7fp_match_op, with L7FP_MATCH_IGNORE_CASE
 * @string: id of the string
 *
 * Return: true when it matches; false also when the field is absent.
 */
__bpf_kfunc bool l7fp_field_match(struct l7fp_exchange *exchange, u32 field, u32 op, u32 string)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);
	const struct l7fp_generation *generation = x->generation;
	const struct l7fp_str *pattern;
	struct l7fp_str value;

	if (l7fp_fields_absent(x, field) || !l7fp_fields_get(x, field, &value))
		return false;
	switch (op & ~L7FP_MATCH_IGNORE_CASE) {
	case L7FP_MATCH_PRESENT:
		return true;
	case L7FP_MATCH_NOT_EMPTY:
		return value.len;
	}
	if (string >= generation->n_strings) {
		x->failed = L7FP_REASON_PE;
		return false;
	}
	pattern = &generation->strings[string];
	return l7fp_match(op, value.data, value.len, pattern->data, pattern->len);
}

/**
 * l7fp_hpack_decode() - find the values of headers
 * @exchange: the exchange
 * @slots: bit i: slot i of the generation's tables
 *
 * Asked once for all that a policy reads. What the request has none of needs no
 * l7fp_field_match() then, and what it has is not searched for again. The field
 * block of HTTP/2 itself was decoded as it came: the table of its connection
 * must not miss one. For a request of HTTP/1.1 it does the same.
 *
 * Return: bits of the slots that are there.
 */
__bpf_kfunc u64 l7fp_hpack_decode(struct l7fp_exchange *exchange, u64 slots)
{
	return l7fp_fields_present(l7fp_exchange_kern(exchange), slots);
}

/**
 * l7fp_field() - read the beginning of a field
 * @exchange: the exchange
 * @field: enum l7fp_field
 * @rdonly_buf_size: bytes wanted, at most 256
 *
 * Return: that many bytes, zeroes behind the value's end; NULL when the field
 * is absent. They may be read until the op returns.
 */
__bpf_kfunc u8 *l7fp_field(struct l7fp_exchange *exchange, u32 field, const int rdonly_buf_size)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);
	struct l7fp_str value;
	u32 len;
	u8 *p;

	if (rdonly_buf_size <= 0 || rdonly_buf_size > MAX_FIELD_BUFFER) {
		x->failed = L7FP_REASON_PE;
		return NULL;
	}
	if (!l7fp_fields_get(x, field, &value))
		return NULL;
	p = l7fp_arena_alloc(&x->arena, rdonly_buf_size);
	if (!p) {
		x->failed = L7FP_REASON_OM;
		return NULL;
	}
	len = min_t(u32, value.len, rdonly_buf_size);
	memcpy(p, value.data, len);
	memset(p + len, 0, rdonly_buf_size - len);
	return p;
}

/**
 * l7fp_field_len() - length of a field
 * @exchange: the exchange
 * @field: enum l7fp_field
 *
 * Return: bytes, or -1 when it is absent.
 */
__bpf_kfunc int l7fp_field_len(struct l7fp_exchange *exchange, u32 field)
{
	struct l7fp_str value;

	if (!l7fp_fields_get(l7fp_exchange_kern(exchange), field, &value))
		return -1;
	return value.len;
}

/**
 * l7fp_set_cluster() - choose a cluster without a route
 * @exchange: the exchange
 * @cluster: id of the cluster
 *
 * For the request op. Whether it exists is looked up when the op has returned
 * L7FP_FORWARD.
 *
 * Return: 0, or -EPERM.
 */
__bpf_kfunc int l7fp_set_cluster(struct l7fp_exchange *exchange, u32 cluster)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	if (!deciding(x))
		return -EPERM;
	x->route_cluster = NULL;
	x->pub.cluster = cluster;
	return 0;
}

/**
 * l7fp_respond() - answer without asking a server
 * @exchange: the exchange
 * @status: 200 to 599
 * @body: what to send
 * @body__sz: its length, at most L7FP_MAX_BODY
 *
 * Return: the verdict to return.
 */
__bpf_kfunc int l7fp_respond(struct l7fp_exchange *exchange, u32 status, const u8 *body,
			     u32 body__sz)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);
	struct l7fp_str copy;

	if (!deciding(x) || status < 200 || status > 599 || body__sz > L7FP_MAX_BODY ||
	    !copy_str(x, &copy, body, body__sz, false))
		return L7FP_VERDICT_NONE;
	return reply(x, status, L7FP_REASON_DR, copy);
}

/**
 * l7fp_header_get() - read a request header
 * @exchange: the exchange
 * @name: its name, in any case
 * @name__sz: length of the name
 * @buf: where to copy the value
 * @buf__sz: bytes that fit; what the value does not fill is zeroed
 *
 * Several lines are joined with ",". The request's header changes so far are
 * in it.
 *
 * Return: length of the whole value, or -ENOENT.
 */
__bpf_kfunc int l7fp_header_get(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz,
				u8 *buf, u32 buf__sz)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);
	u8 lower[L7FP_MAX_NAME];
	struct l7fp_slot slot = { .kind = L7FP_SLOT_HEADER };
	struct l7fp_str value;
	u32 i, len;

	memset(buf, 0, buf__sz);
	if (!l7fp_header_name_valid(name, name__sz))
		return -EINVAL;
	for (i = 0; i < name__sz; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i];
	slot.name = (struct l7fp_str){ .data = lower, .len = name__sz };
	slot.special = l7fp_slot_special(&slot);
	if (!l7fp_fields_header(x, &slot, &value))
		return -ENOENT;
	len = min(value.len, buf__sz);
	memcpy(buf, value.data, len);
	return value.len;
}

/**
 * l7fp_header_set() - replace all lines of a request header by one
 * @exchange: the exchange
 * @name: its name
 * @name__sz: length of the name
 * @value: its value
 * @value__sz: length of the value
 *
 * For the request op. Headers that frame the message, those meant for one hop,
 * and Host cannot be changed.
 *
 * Return: 0, -EINVAL, -EPERM, -ENOSPC after 16 changes, or -ENOMEM.
 */
__bpf_kfunc int l7fp_header_set(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz,
				const u8 *value, u32 value__sz)
{
	return add_header_op(l7fp_exchange_kern(exchange), false, L7FP_HEADER_SET, name, name__sz,
			     value, value__sz);
}

/**
 * l7fp_header_add() - add a line to the request's headers
 * @exchange: the exchange
 * @name: its name
 * @name__sz: length of the name
 * @value: its value
 * @value__sz: length of the value
 *
 * Return: as l7fp_header_set().
 */
__bpf_kfunc int l7fp_header_add(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz,
				const u8 *value, u32 value__sz)
{
	return add_header_op(l7fp_exchange_kern(exchange), false, L7FP_HEADER_ADD, name, name__sz,
			     value, value__sz);
}

/**
 * l7fp_header_remove() - remove all lines of a request header
 * @exchange: the exchange
 * @name: its name
 * @name__sz: length of the name
 *
 * Return: as l7fp_header_set().
 */
__bpf_kfunc int l7fp_header_remove(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz)
{
	return add_header_op(l7fp_exchange_kern(exchange), false, L7FP_HEADER_REMOVE, name,
			     name__sz, NULL, 0);
}

/**
 * l7fp_response_header_set() - replace all lines of a response header by one
 * @exchange: the exchange
 * @name: its name
 * @name__sz: length of the name
 * @value: its value
 * @value__sz: length of the value
 *
 * For the request and the response op.
 *
 * Return: as l7fp_header_set().
 */
__bpf_kfunc int l7fp_response_header_set(struct l7fp_exchange *exchange, const u8 *name,
					 u32 name__sz, const u8 *value, u32 value__sz)
{
	return add_header_op(l7fp_exchange_kern(exchange), true, L7FP_HEADER_SET, name, name__sz,
			     value, value__sz);
}

/**
 * l7fp_response_header_add() - add a line to the response's headers
 * @exchange: the exchange
 * @name: its name
 * @name__sz: length of the name
 * @value: its value
 * @value__sz: length of the value
 *
 * Return: as l7fp_header_set().
 */
__bpf_kfunc int l7fp_response_header_add(struct l7fp_exchange *exchange, const u8 *name,
					 u32 name__sz, const u8 *value, u32 value__sz)
{
	return add_header_op(l7fp_exchange_kern(exchange), true, L7FP_HEADER_ADD, name, name__sz,
			     value, value__sz);
}

/**
 * l7fp_response_header_remove() - remove all lines of a response header
 * @exchange: the exchange
 * @name: its name
 * @name__sz: length of the name
 *
 * Return: as l7fp_header_set().
 */
__bpf_kfunc int l7fp_response_header_remove(struct l7fp_exchange *exchange, const u8 *name,
					    u32 name__sz)
{
	return add_header_op(l7fp_exchange_kern(exchange), true, L7FP_HEADER_REMOVE, name,
			     name__sz, NULL, 0);
}

/**
 * l7fp_rewrite_path() - replace the path
 * @exchange: the exchange
 * @path: the new path: '/' first; it may have a query of its own
 * @path__sz: its length
 *
 * The request's query stays where @path has none. For the request op.
 *
 * Return: 0, -EINVAL, -EPERM or -ENOMEM.
 */
__bpf_kfunc int l7fp_rewrite_path(struct l7fp_exchange *exchange, const u8 *path, u32 path__sz)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);
	u32 query_len = x->path.len - x->query_off;
	u8 *p;

	if (!deciding(x))
		return -EPERM;
	if (!l7fp_path_valid(path, path__sz))
		return -EINVAL;
	if (memchr(path, '?', path__sz))
		query_len = 0;
	p = l7fp_arena_alloc(&x->arena, path__sz + query_len);
	if (!p) {
		x->failed = L7FP_REASON_OM;
		return -ENOMEM;
	}
	memcpy(p, path, path__sz);
	memcpy(p + path__sz, x->path.data + x->query_off, query_len);
	l7fp_fields_set_path(x, (struct l7fp_str){ .data = p, .len = path__sz + query_len });
	return 0;
}

/**
 * l7fp_timeout() - bound the time until the response ends
 * @exchange: the exchange
 * @ms: milliseconds; 0: no bound
 *
 * Return: 0, or -EPERM outside of the request op.
 */
__bpf_kfunc int l7fp_timeout(struct l7fp_exchange *exchange, u32 ms)
{
	struct l7fp_exchange_kern *x = l7fp_exchange_kern(exchange);

	if (!deciding(x))
		return -EPERM;
	x->timeout_ms = ms;
	return 0;
}

/**
 * l7fp_capture() - remember where a socket is about to connect
 * @ctx: context of a connect4 or connect6 program
 *
 * To be called before the program changes the address.
 *
 * Return: 0; 1 for a connection of the module's own, which must go on as it is; -EPERM for what is
 * not TCP, -ENOBUFS when L7FP_MAX_CAPTURED connects are under way, -ENOMEM. After an error the
 * program must refuse the connect.
 */
__bpf_kfunc int l7fp_capture(struct bpf_sock_addr *ctx)
{
	/* As with all contexts: programs know it by its user-space type. */
	return l7fp_capture_store((struct bpf_sock_addr_kern *)ctx);
}

/**
 * l7fp_peer() - who an application's accepted connection is from
 * @ctx: context of a getpeername4 or getpeername6 program
 * @peer: where to copy a struct l7fp_peer
 * @peer__sz: its size
 *
 * Where a listener forwards a connection without looking into it, the
 * application's socket is connected to the module.
 *
 * Return: 0; -ENOENT where the peer is none of ours, or its connection carries
 * requests of more than one client: the address is to be left as it is; or
 * -EINVAL.
 */
__bpf_kfunc int l7fp_peer(struct bpf_sock_addr *ctx, u8 *peer, u32 peer__sz)
{
	struct bpf_sock_addr_kern *kern = (struct bpf_sock_addr_kern *)ctx;
	struct l7fp_client client;
	struct l7fp_peer to = {};

	if (peer__sz != sizeof(to))
		return -EINVAL;
	memset(peer, 0, peer__sz);
	if (!kern->sk || !l7fp_identify_peer(kern->sk, &client))
		return -ENOENT;
	memcpy(to.address, client.addr, sizeof(to.address));
	to.port = (__force u32)htons(client.port);
	memcpy(peer, &to, sizeof(to));
	return 0;
}

/**
 * l7fp_connect_cluster() - choose where an opaque connection goes
 * @conn: the connection, as the connect op got it
 * @cluster: id of a cluster; where it does not exist, the connection is closed
 *
 * Without a call it is the listener's cluster. For the connect op.
 */
__bpf_kfunc void l7fp_connect_cluster(struct l7fp_connection *conn, u32 cluster)
{
	struct l7fp_downstream *d = container_of(conn, struct l7fp_downstream, conn);

	if (d->judged_by)
		d->opaque_cluster = cluster;
}

/**
 * l7fp_connect_rule() - count the rule that let a connection in, or kept it out
 * @conn: the connection, as the connect op got it
 * @rule: id of the rule
 *
 * For the connect op.
 */
__bpf_kfunc void l7fp_connect_rule(struct l7fp_connection *conn, u32 rule)
{
	struct l7fp_downstream *d = container_of(conn, struct l7fp_downstream, conn);

	if (d->judged_by && rule < d->judged_by->n_rules)
		l7fp_counters_inc(&d->judged_by->rule_hits, rule);
}

/**
 * l7fp_connect_match() - compare who connects with a string of the generation's tables
 * @conn: the connection, as the connect op got it
 * @field: L7FP_FIELD_SOURCE_PRINCIPAL or L7FP_FIELD_SOURCE_NAMESPACE
 * @op: enum l7fp_match_op, with L7FP_MATCH_IGNORE_CASE
 * @string: id of the string
 *
 * For the connect op.
 *
 * Return: whether it matches; false when nobody knows who connects.
 */
__bpf_kfunc bool l7fp_connect_match(struct l7fp_connection *conn, u32 field, u32 op, u32 string)
{
	struct l7fp_downstream *d = container_of(conn, struct l7fp_downstream, conn);
	const struct l7fp_generation *g = d->judged_by;
	struct l7fp_str value;

	if (!g || string >= g->n_strings ||
	    (field != L7FP_FIELD_SOURCE_PRINCIPAL && field != L7FP_FIELD_SOURCE_NAMESPACE))
		return false;
	if (!l7fp_workload_field(l7fp_downstream_workload(d, g), field, &value))
		return false;
	return l7fp_match(op, value.data, value.len, g->strings[string].data,
			  g->strings[string].len);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(policy_kfuncs)
BTF_ID_FLAGS(func, l7fp_route, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_deny, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_allow, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_no_route, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_slow_path, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_field_match, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_hpack_decode, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_field, KF_TRUSTED_ARGS | KF_RET_NULL)
BTF_ID_FLAGS(func, l7fp_field_len, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_set_cluster, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_respond, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_header_get, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_header_set, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_header_add, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_header_remove, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_response_header_set, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_response_header_add, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_response_header_remove, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_rewrite_path, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_timeout, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_connect_cluster, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_connect_rule, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, l7fp_connect_match, KF_TRUSTED_ARGS)
BTF_KFUNCS_END(policy_kfuncs)

BTF_KFUNCS_START(capture_kfuncs)
BTF_ID_FLAGS(func, l7fp_capture)
BTF_ID_FLAGS(func, l7fp_peer)
BTF_KFUNCS_END(capture_kfuncs)
BTF_ID_LIST_SINGLE(peer_kfunc, func, l7fp_peer)

/* Other modules have struct_ops too: their programs have no exchange to pass. */
static const struct btf_kfunc_id_set policy_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &policy_kfuncs,
};

/* The hook is shared by all cgroup program types. */
static int capture_filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	if (!btf_id_set8_contains(&capture_kfuncs, kfunc_id))
		return 0;
	if (prog->type != BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
		return -EACCES;
	switch (prog->expected_attach_type) {
	case BPF_CGROUP_INET4_CONNECT:
	case BPF_CGROUP_INET6_CONNECT:
		return kfunc_id == peer_kfunc[0] ? -EACCES : 0;
	case BPF_CGROUP_INET4_GETPEERNAME:
	case BPF_CGROUP_INET6_GETPEERNAME:
		return kfunc_id == peer_kfunc[0] ? 0 : -EACCES;
	default:
		return -EACCES;
	}
}

static const struct btf_kfunc_id_set capture_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &capture_kfuncs,
	.filter = capture_filter,
};

int l7fp_kfuncs_init(void)
{
	int err;

	err = register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS, &policy_kfunc_set);
	return err ?: register_btf_kfunc_id_set(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
						&capture_kfunc_set);
}
