// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pushing a generation's tables: slots, strings, routes, rules and workloads, in
 * as few messages as the size of one allows.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel.h"

/* A message is sent when it has this many bytes; one entry more always fits. */
#define MESSAGE_FULL	(128 * 1024)
/* The length field of an attribute has 16 bits. */
#define NEST_MAX	65535

struct push {
	struct netlink *nl;
	uint64_t number;
	struct nl_msg *msg;
	char *error;
	size_t error_len;
};

static void begin(struct push *p)
{
	p->msg = netlink_message(p->nl, L7FP_CMD_GENERATION_ADD, NETLINK_MAX_MESSAGE);
	nla_put_u64(p->msg, L7FP_A_GENERATION, p->number);
}

static int flush(struct push *p)
{
	struct nl_msg *msg = p->msg;
	char what[64];

	p->msg = NULL;
	if (!msg)
		return 0;
	snprintf(what, sizeof(what), "tables of generation %llu", (unsigned long long)p->number);
	return netlink_do(p->nl, msg, NULL, NULL, what, p->error, p->error_len);
}

static struct nlattr *entry_start(struct push *p, int type)
{
	if (!p->msg)
		begin(p);
	return nla_nest_start(p->msg, type | NLA_F_NESTED);
}

/* @name is for the error. */
static int entry_end(struct push *p, struct nlattr *nest, const char *kind, size_t id,
		     const char *name)
{
	size_t len = (char *)nlmsg_tail(nlmsg_hdr(p->msg)) - (char *)nest;

	if (len > NEST_MAX) {
		snprintf(p->error, p->error_len,
			 "%s %zu%s%s: %zu bytes of tables; expected at most %d: make its header changes or its body smaller",
			 kind, id, name ? ": " : "", name ? name : "", len, NEST_MAX);
		return -E2BIG;
	}
	nla_nest_end(p->msg, nest);
	if (nlmsg_hdr(p->msg)->nlmsg_len >= MESSAGE_FULL)
		return flush(p);
	return 0;
}

static int push_slots(struct push *p, const struct tables *t)
{
	struct nlattr *nest;
	size_t i;
	int err;

	for (i = 0; i < t->n_slots; i++) {
		nest = entry_start(p, L7FP_A_SLOT);
		nla_put_u32(p->msg, L7FP_A_SLOT_ID, i);
		nla_put_u32(p->msg, L7FP_A_SLOT_KIND, t->slot[i].kind);
		nla_put(p->msg, L7FP_A_SLOT_NAME, strlen(t->slot[i].name), t->slot[i].name);
		err = entry_end(p, nest, "slot", i, t->slot[i].name);
		if (err)
			return err;
	}
	return 0;
}

static int push_strings(struct push *p, const struct tables *t)
{
	struct nlattr *nest;
	size_t i;
	int err;

	for (i = 0; i < t->n_strings; i++) {
		nest = entry_start(p, L7FP_A_STRING);
		nla_put_u32(p->msg, L7FP_A_STRING_ID, i);
		nla_put(p->msg, L7FP_A_STRING_VALUE, t->string[i].len, t->string[i].data);
		err = entry_end(p, nest, "string", i, NULL);
		if (err)
			return err;
	}
	return 0;
}

static int push_rules(struct push *p, const struct tables *t)
{
	struct nlattr *nest;
	size_t i;
	int err;

	for (i = 0; i < t->n_rules; i++) {
		nest = entry_start(p, L7FP_A_RULE);
		nla_put_u32(p->msg, L7FP_A_RULE_ID, i);
		nla_put_string(p->msg, L7FP_A_RULE_NAME, t->rule[i].name);
		err = entry_end(p, nest, "rule", i, t->rule[i].name);
		if (err)
			return err;
	}
	return 0;
}

static int push_workloads(struct push *p, const struct tables *t)
{
	struct nlattr *nest;
	size_t i, j;
	int err;

	for (i = 0; i < t->n_workloads; i++) {
		const struct ir_workload *w = &t->workload[i];

		if (!w->n_addresses && !t->workload_cgroup[i])
			continue;
		nest = entry_start(p, L7FP_A_WORKLOAD);
		nla_put(p->msg, L7FP_A_WORKLOAD_PRINCIPAL, strlen(w->principal), w->principal);
		nla_put(p->msg, L7FP_A_WORKLOAD_NAMESPACE, strlen(w->namespace), w->namespace);
		if (t->workload_cgroup[i])
			nla_put_u64(p->msg, L7FP_A_WORKLOAD_CGROUP, t->workload_cgroup[i]);
		for (j = 0; j < w->n_addresses; j++)
			netlink_put_address(p->msg, L7FP_A_WORKLOAD_ADDRESS, &w->address[j]);
		err = entry_end(p, nest, "workload", i, w->source.what);
		if (err)
			return err;
	}
	return 0;
}

static void put_bytes(struct nl_msg *msg, int type, const char *text)
{
	if (text && *text)
		nla_put(msg, type, strlen(text), text);
}

static void put_header_ops(struct nl_msg *msg, int type, const struct ir_header_ops *ops)
{
	struct nlattr *nest;
	size_t i;

	for (i = 0; i < ops->n; i++) {
		nest = nla_nest_start(msg, type | NLA_F_NESTED);
		nla_put_u32(msg, L7FP_A_HEADER_OP_KIND, ops->op[i].kind);
		nla_put(msg, L7FP_A_HEADER_OP_NAME, strlen(ops->op[i].name), ops->op[i].name);
		if (ops->op[i].kind != L7FP_HEADER_REMOVE) {
			const char *value = ops->op[i].value ? ops->op[i].value : "";

			nla_put(msg, L7FP_A_HEADER_OP_VALUE, strlen(value), value);
		}
		nla_nest_end(msg, nest);
	}
}

static void put_route_clusters(struct nl_msg *msg, const struct tables_route *t)
{
	const struct ir_route *r = t->route;
	struct nlattr *nest;
	size_t i;

	for (i = 0; i < r->n_clusters; i++) {
		nest = nla_nest_start(msg, L7FP_A_ROUTE_CLUSTER | NLA_F_NESTED);
		nla_put_u32(msg, L7FP_A_ROUTE_CLUSTER_ID, t->cluster_id[i]);
		nla_put_u32(msg, L7FP_A_ROUTE_CLUSTER_WEIGHT, r->cluster[i].weight);
		put_header_ops(msg, L7FP_A_ROUTE_CLUSTER_REQUEST_HEADER, &r->cluster[i].request);
		put_header_ops(msg, L7FP_A_ROUTE_CLUSTER_RESPONSE_HEADER, &r->cluster[i].response);
		nla_nest_end(msg, nest);
	}
}

static void put_rewrite(struct nl_msg *msg, const struct ir_route *r)
{
	if (r->rewrite_kind == L7FP_REWRITE_NONE)
		return;
	nla_put_u32(msg, L7FP_A_ROUTE_REWRITE_KIND, r->rewrite_kind);
	if (r->rewrite_kind == L7FP_REWRITE_PREFIX)
		nla_put_u32(msg, L7FP_A_ROUTE_REWRITE_MATCH_LEN, r->rewrite_match_len);
	put_bytes(msg, L7FP_A_ROUTE_REWRITE_PATH, r->rewrite_path);
}

static void put_forward(struct nl_msg *msg, const struct tables_route *t)
{
	const struct ir_route *r = t->route;

	put_route_clusters(msg, t);
	put_rewrite(msg, r);
	put_bytes(msg, L7FP_A_ROUTE_REWRITE_AUTHORITY, r->rewrite_authority);
	put_header_ops(msg, L7FP_A_ROUTE_REQUEST_HEADER, &r->request);
	put_header_ops(msg, L7FP_A_ROUTE_RESPONSE_HEADER, &r->response);
	nla_put_u32(msg, L7FP_A_ROUTE_TIMEOUT_MS, r->timeout_ms);
	nla_put_u32(msg, L7FP_A_ROUTE_CONNECT_RETRIES, r->connect_retries);
}

static void put_redirect(struct nl_msg *msg, const struct ir_route *r)
{
	put_rewrite(msg, r);
	put_bytes(msg, L7FP_A_ROUTE_REDIRECT_SCHEME, r->redirect_scheme);
	put_bytes(msg, L7FP_A_ROUTE_REDIRECT_AUTHORITY, r->redirect_authority);
	if (r->redirect_port)
		nla_put_u16(msg, L7FP_A_ROUTE_REDIRECT_PORT, r->redirect_port);
	put_bytes(msg, L7FP_A_ROUTE_REDIRECT_PATH, r->redirect_path);
	nla_put_u32(msg, L7FP_A_ROUTE_STATUS, r->status);
	put_header_ops(msg, L7FP_A_ROUTE_RESPONSE_HEADER, &r->response);
}

static void put_direct(struct nl_msg *msg, const struct ir_route *r)
{
	nla_put_u32(msg, L7FP_A_ROUTE_STATUS, r->status);
	if (r->body_len)
		nla_put(msg, L7FP_A_ROUTE_BODY, r->body_len, r->body);
	put_header_ops(msg, L7FP_A_ROUTE_RESPONSE_HEADER, &r->response);
}

/* Only what has a meaning for a route of its kind: the kernel refuses the rest. */
static void put_route(struct nl_msg *msg, const struct tables_route *t)
{
	const struct ir_route *r = t->route;

	nla_put_string(msg, L7FP_A_ROUTE_NAME, t->name);
	nla_put_u32(msg, L7FP_A_ROUTE_KIND, r->kind);
	switch (r->kind) {
	case L7FP_ROUTE_FORWARD:
		put_forward(msg, t);
		break;
	case L7FP_ROUTE_REDIRECT:
		put_redirect(msg, r);
		break;
	case L7FP_ROUTE_DIRECT:
		put_direct(msg, r);
		break;
	default:
		break;
	}
}

static size_t header_ops_size(const struct ir_header_ops *ops)
{
	size_t i, n = 0;

	for (i = 0; i < ops->n; i++)
		n += 32 + strlen(ops->op[i].name) +
		     (ops->op[i].value ? strlen(ops->op[i].value) : 0);
	return n;
}

/* What put_route() may need, so that no attribute is left out for want of room. */
static size_t route_size(const struct ir_route *r)
{
	size_t i, n = 4096 + 4 * L7FP_MAX_STRING + r->body_len;

	n += header_ops_size(&r->request) + header_ops_size(&r->response);
	for (i = 0; i < r->n_clusters; i++)
		n += 64 + header_ops_size(&r->cluster[i].request) +
		     header_ops_size(&r->cluster[i].response);
	return n;
}

static int push_routes(struct push *p, const struct tables *t)
{
	struct nlattr *nest;
	size_t i;
	int err;

	for (i = 0; i < t->n_routes; i++) {
		size_t size = route_size(t->route[i].route);

		if (size > NETLINK_MAX_MESSAGE - MESSAGE_FULL) {
			snprintf(p->error, p->error_len,
				 "route %zu: %s: about %zu bytes of header changes and body; expected at most %d",
				 i, t->route[i].name, size, NEST_MAX);
			return -E2BIG;
		}
		nest = entry_start(p, L7FP_A_ROUTE);
		nla_put_u32(p->msg, L7FP_A_ROUTE_ID, i);
		put_route(p->msg, &t->route[i]);
		err = entry_end(p, nest, "route", i, t->route[i].name);
		if (err)
			return err;
	}
	return 0;
}

int kernel_generation_add(struct netlink *nl, uint64_t number, const struct tables *tables,
			  char *error, size_t error_len)
{
	struct push push = {
		.nl = nl, .number = number, .error = error, .error_len = error_len,
	};
	int err;

	err = push_slots(&push, tables);
	if (!err)
		err = push_strings(&push, tables);
	if (!err)
		err = push_routes(&push, tables);
	if (!err)
		err = push_rules(&push, tables);
	if (!err)
		err = push_workloads(&push, tables);
	if (!err)
		return flush(&push);
	nlmsg_free(push.msg);
	return err;
}
