// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds the tables of a generation. Names, values and bodies lie in blocks
 * that belong to the generation; all of its memory is counted.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "h1.h"
#include "netlink.h"
#include "path.h"
#include "tables.h"
#include "upstream.h"
#include "workload.h"

#define TABLE_BLOCK	65536

struct table_block {
	struct list_head list;
	u32 used, size;
	u8 data[];
};

static bool name_byte(u8 c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

bool l7fp_header_name_valid(const u8 *name, u32 len)
{
	u32 i;

	if (!len || len > L7FP_MAX_NAME)
		return false;
	for (i = 0; i < len; i++)
		if (!name_byte(name[i]))
			return false;
	return true;
}

bool l7fp_header_value_valid(const u8 *value, u32 len)
{
	u32 i;

	if (len > L7FP_MAX_STRING)
		return false;
	for (i = 0; i < len; i++)
		if ((value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
			return false;
	return true;
}

bool l7fp_header_reserved(const u8 *lower, u32 len)
{
	static const char * const names[] = {
		"connection", "content-length", "expect", "host", "http2-settings", "keep-alive",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && !memcmp(names[i], lower, len))
			return true;
	return false;
}

bool l7fp_path_valid(const u8 *path, u32 len)
{
	u32 i;

	if (!len || len > L7FP_MAX_STRING || path[0] != '/')
		return false;
	for (i = 0; i < len; i++)
		if (path[i] <= ' ' || path[i] >= 0x7f || path[i] == '#')
			return false;
	return true;
}

bool l7fp_host_valid(const u8 *host, u32 len)
{
	u8 normal[L7FP_MAX_NAME];
	u32 i, port;

	if (!len || len > L7FP_MAX_NAME)
		return false;
	for (i = 0; i < len; i++)
		if (host[i] <= ' ' || host[i] >= 0x7f || strchr("/?#@\\", host[i]))
			return false;
	return l7fp_host_normalize(normal, sizeof(normal), host, len, &port) > 0;
}

/* @size bytes more, or -E2BIG. */
static int charge(struct l7fp_generation *g, size_t size, struct netlink_ext_ack *extack)
{
	if (size > L7FP_MAX_GENERATION - g->memory) {
		NL_SET_ERR_MSG_FMT(extack, "tables of a generation take at most %u bytes",
				   L7FP_MAX_GENERATION);
		return -E2BIG;
	}
	g->memory += size;
	return 0;
}

/* @p, or @size bytes are given back when it is NULL. */
static void *charged(struct l7fp_generation *g, void *p, size_t size)
{
	if (!p)
		g->memory -= size;
	return p;
}

void *l7fp_tables_alloc(struct l7fp_generation *g, u32 len, struct netlink_ext_ack *extack)
{
	struct table_block *block = list_first_entry_or_null(&g->blocks, struct table_block, list);
	u32 size;
	void *p;

	len = round_up(max(len, 1U), 8);
	if (!block || len > block->size - block->used) {
		size = max_t(u32, len, TABLE_BLOCK - sizeof(*block));
		if (charge(g, size + sizeof(*block), extack))
			return ERR_PTR(-E2BIG);
		block = charged(g, kvmalloc(struct_size(block, data, size), GFP_KERNEL_ACCOUNT),
				size + sizeof(*block));
		if (!block)
			return ERR_PTR(-ENOMEM);
		block->used = 0;
		block->size = size;
		list_add(&block->list, &g->blocks);
	}
	p = block->data + block->used;
	block->used += len;
	return p;
}

static int copy_bytes(struct l7fp_generation *g, struct l7fp_str *to, const void *from, u32 len,
		      struct netlink_ext_ack *extack)
{
	u8 *p = l7fp_tables_alloc(g, len, extack);

	if (IS_ERR(p))
		return PTR_ERR(p);
	memcpy(p, from, len);
	to->data = p;
	to->len = len;
	return 0;
}

/* A binary attribute; absent leaves @to empty. */
static int copy_attr(struct l7fp_generation *g, struct l7fp_str *to, const struct nlattr *attr,
		     struct netlink_ext_ack *extack)
{
	return attr ? copy_bytes(g, to, nla_data(attr), nla_len(attr), extack) : 0;
}

/* A nul-string attribute; absent is "". */
static int copy_name(struct l7fp_generation *g, struct l7fp_str *to, const struct nlattr *attr,
		     struct netlink_ext_ack *extack)
{
	const char *name = attr ? nla_data(attr) : "";

	return copy_bytes(g, to, name, attr ? strnlen(name, nla_len(attr)) : 0, extack);
}

static int copy_lower(struct l7fp_generation *g, struct l7fp_str *to, const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	const u8 *name = nla_data(attr);
	u32 i, len = nla_len(attr);
	u8 *p = l7fp_tables_alloc(g, len, extack);

	if (IS_ERR(p))
		return PTR_ERR(p);
	for (i = 0; i < len; i++)
		p[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i];
	to->data = p;
	to->len = len;
	return 0;
}

/* Room for entry @id of a table of @max entries of @size bytes; moves *@n past it. */
static int make_room(struct l7fp_generation *g, void **table, u32 *cap, u32 *n, u32 id, u32 max,
		     size_t size, struct netlink_ext_ack *extack)
{
	u32 want;
	void *p;
	int err;

	if (id >= *cap) {
		want = min(max, max(roundup_pow_of_two(id + 1), 64UL));
		err = charge(g, (want - *cap) * size, extack);
		if (err)
			return err;
		p = charged(g, kvcalloc(want, size, GFP_KERNEL_ACCOUNT), (want - *cap) * size);
		if (!p)
			return -ENOMEM;
		if (*table)
			memcpy(p, *table, *cap * size);
		kvfree(*table);
		*table = p;
		*cap = want;
	}
	*n = max(*n, id + 1);
	return 0;
}

u8 l7fp_slot_special(const struct l7fp_slot *slot)
{
	static const struct {
		const char *name;
		u8 special;
	} names[] = {
		{ ":path", L7FP_SLOT_PATH },
		{ ":authority", L7FP_SLOT_AUTHORITY },
		{ "host", L7FP_SLOT_AUTHORITY },
		{ ":method", L7FP_SLOT_METHOD },
		{ ":scheme", L7FP_SLOT_SCHEME },
		{ "x-forwarded-proto", L7FP_SLOT_FORWARDED_PROTO },
	};
	u32 i;

	if (slot->kind == L7FP_SLOT_HEADER)
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (strlen(names[i].name) == slot->name.len &&
			    !memcmp(names[i].name, slot->name.data, slot->name.len))
				return names[i].special;
	return L7FP_SLOT_PLAIN;
}

static int add_slot(struct l7fp_generation *g, const struct nlattr *nest,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_SLOT_MAX + 1];
	struct l7fp_slot slot = {};
	u32 id, i;
	int err;

	err = nla_parse_nested(tb, L7FP_A_SLOT_MAX, nest, l7fp_slot_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_SLOT_ID) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_SLOT_KIND) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_SLOT_NAME))
		return -EINVAL;
	id = nla_get_u32(tb[L7FP_A_SLOT_ID]);
	if (g->slots[id].name.data) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, tb[L7FP_A_SLOT_ID], "slot %u was set before", id);
		return -EEXIST;
	}
	slot.kind = nla_get_u32(tb[L7FP_A_SLOT_KIND]);
	err = copy_attr(g, &slot.name, tb[L7FP_A_SLOT_NAME], extack);
	if (err)
		return err;
	slot.special = l7fp_slot_special(&slot);
	if (slot.kind == L7FP_SLOT_HEADER && slot.special == L7FP_SLOT_PLAIN) {
		bool valid = l7fp_header_name_valid(slot.name.data, slot.name.len);

		for (i = 0; valid && i < slot.name.len; i++)
			valid = slot.name.data[i] < 'A' || slot.name.data[i] > 'Z';
		if (!valid) {
			NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_SLOT_NAME],
					    "expected a header name in lower case");
			return -EINVAL;
		}
	}
	if (slot.kind == L7FP_SLOT_HEADER && slot.special == L7FP_SLOT_PLAIN)
		slot.bit = l7fp_name_bit(slot.name.data, slot.name.len);
	slot.joined = !slot.bit || l7fp_h1_lines_join(slot.name.data, slot.name.len);
	if (!slot.joined)
		g->slot_bits |= slot.bit;
	g->slots[id] = slot;
	g->n_slots = max(g->n_slots, id + 1);
	return 0;
}

static int add_string(struct l7fp_generation *g, const struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_STRING_MAX + 1];
	u32 id;
	int err;

	err = nla_parse_nested(tb, L7FP_A_STRING_MAX, nest, l7fp_string_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_STRING_ID) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_STRING_VALUE))
		return -EINVAL;
	id = nla_get_u32(tb[L7FP_A_STRING_ID]);
	err = make_room(g, (void **)&g->strings, &g->cap_strings, &g->n_strings, id,
			L7FP_MAX_STRINGS, sizeof(*g->strings), extack);
	if (err)
		return err;
	if (g->strings[id].data) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, tb[L7FP_A_STRING_ID], "string %u was set before",
					id);
		return -EEXIST;
	}
	return copy_attr(g, &g->strings[id], tb[L7FP_A_STRING_VALUE], extack);
}

static int add_rule(struct l7fp_generation *g, const struct nlattr *nest,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_RULE_MAX + 1];
	u32 id;
	int err;

	err = nla_parse_nested(tb, L7FP_A_RULE_MAX, nest, l7fp_rule_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_RULE_ID))
		return -EINVAL;
	id = nla_get_u32(tb[L7FP_A_RULE_ID]);
	err = make_room(g, (void **)&g->rules, &g->cap_rules, &g->n_rules, id, L7FP_MAX_RULES,
			sizeof(*g->rules), extack);
	if (err)
		return err;
	if (g->rules[id].name.data) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, tb[L7FP_A_RULE_ID], "rule %u was set before", id);
		return -EEXIST;
	}
	return copy_name(g, &g->rules[id].name, tb[L7FP_A_RULE_NAME], extack);
}

static int add_header_op(struct l7fp_generation *g, struct l7fp_header_op *op,
			 const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_HEADER_OP_MAX + 1];
	const struct nlattr *name, *value;
	int err;

	err = nla_parse_nested(tb, L7FP_A_HEADER_OP_MAX, nest, l7fp_header_op_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_HEADER_OP_KIND) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_HEADER_OP_NAME))
		return -EINVAL;
	op->kind = nla_get_u32(tb[L7FP_A_HEADER_OP_KIND]);
	name = tb[L7FP_A_HEADER_OP_NAME];
	value = tb[L7FP_A_HEADER_OP_VALUE];
	if (!l7fp_header_name_valid(nla_data(name), nla_len(name))) {
		NL_SET_ERR_MSG_ATTR(extack, name, "expected a header name (RFC 9110 5.1)");
		return -EINVAL;
	}
	if (op->kind == L7FP_HEADER_REMOVE ? !!value : !value) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "expected a value to set or add, and none to remove");
		return -EINVAL;
	}
	if (value && !l7fp_header_value_valid(nla_data(value), nla_len(value))) {
		NL_SET_ERR_MSG_ATTR(extack, value,
				    "expected a header value without control characters");
		return -EINVAL;
	}
	err = copy_attr(g, &op->name, name, extack);
	if (!err)
		err = copy_lower(g, &op->lower, name, extack);
	if (!err)
		err = copy_attr(g, &op->value, value, extack);
	if (err)
		return err;
	if (l7fp_header_reserved(op->lower.data, op->lower.len)) {
		NL_SET_ERR_MSG_ATTR(extack, name,
				    "expected a header that does not frame the message; Host is changed by rewriting the authority");
		return -EINVAL;
	}
	return 0;
}

/* All @type attributes below @nest. */
static int add_header_ops(struct l7fp_generation *g, struct l7fp_header_ops *ops,
			  const struct nlattr *nest, int type, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	struct l7fp_header_op *op;
	int rem, err;
	u32 n = 0;

	nla_for_each_nested(attr, nest, rem)
		n += nla_type(attr) == type;
	if (n > L7FP_MAX_HEADER_OPS) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, nest,
					"expected at most %u header changes in one direction",
					L7FP_MAX_HEADER_OPS);
		return -E2BIG;
	}
	if (!n)
		return 0;
	op = l7fp_tables_alloc(g, n * sizeof(*op), extack);
	if (IS_ERR(op))
		return PTR_ERR(op);
	memset(op, 0, n * sizeof(*op));
	ops->op = op;
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != type)
			continue;
		err = add_header_op(g, op++, attr, extack);
		if (err)
			return err;
	}
	ops->n = n;
	return 0;
}

static int add_route_cluster(struct l7fp_generation *g, struct l7fp_route_cluster *cluster,
			     u32 before, const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_ROUTE_CLUSTER_MAX + 1];
	u32 weight = 1;
	int err;

	err = nla_parse_nested(tb, L7FP_A_ROUTE_CLUSTER_MAX, nest, l7fp_route_cluster_nl_policy,
			       extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_ROUTE_CLUSTER_ID))
		return -EINVAL;
	cluster->cluster = nla_get_u32(tb[L7FP_A_ROUTE_CLUSTER_ID]);
	if (tb[L7FP_A_ROUTE_CLUSTER_WEIGHT])
		weight = nla_get_u32(tb[L7FP_A_ROUTE_CLUSTER_WEIGHT]);
	if (weight > S32_MAX - before) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, nest, "expected weights whose sum is at most %d",
					S32_MAX);
		return -ERANGE;
	}
	cluster->weight_end = before + weight;
	err = add_header_ops(g, &cluster->request, nest, L7FP_A_ROUTE_CLUSTER_REQUEST_HEADER,
			     extack);
	if (err)
		return err;
	return add_header_ops(g, &cluster->response, nest, L7FP_A_ROUTE_CLUSTER_RESPONSE_HEADER,
			      extack);
}

static int add_route_clusters(struct l7fp_generation *g, struct l7fp_route *route,
			      const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	struct l7fp_route_cluster *cluster;
	const struct nlattr *attr;
	u32 n = 0, before = 0;
	int rem, err;

	nla_for_each_nested(attr, nest, rem)
		n += nla_type(attr) == L7FP_A_ROUTE_CLUSTER;
	if (n > L7FP_MAX_ROUTE_CLUSTERS) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, nest, "expected at most %u clusters of one route",
					L7FP_MAX_ROUTE_CLUSTERS);
		return -E2BIG;
	}
	if (route->kind == L7FP_ROUTE_FORWARD ? !n : !!n) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "expected clusters in a route that forwards, and in no other");
		return -EINVAL;
	}
	if (!n)
		return 0;
	cluster = l7fp_tables_alloc(g, n * sizeof(*cluster), extack);
	if (IS_ERR(cluster))
		return PTR_ERR(cluster);
	memset(cluster, 0, n * sizeof(*cluster));
	route->clusters = cluster;
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != L7FP_A_ROUTE_CLUSTER)
			continue;
		err = add_route_cluster(g, cluster, before, attr, extack);
		if (err)
			return err;
		before = cluster++->weight_end;
	}
	route->n_clusters = n;
	return 0;
}

/* Attributes of one kind of route in another one would be ignored: refuse them. */
static int check_route_kind(const struct l7fp_route *route, struct nlattr **tb,
			    const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	static const struct {
		u8 attr;
		u8 kinds;	/* bit enum l7fp_route_kind */
	} allowed[] = {
#define IN(kind) BIT(L7FP_ROUTE_##kind)
		{ L7FP_A_ROUTE_REWRITE_KIND, IN(FORWARD) | IN(REDIRECT) },
		{ L7FP_A_ROUTE_REWRITE_MATCH_LEN, IN(FORWARD) | IN(REDIRECT) },
		{ L7FP_A_ROUTE_REWRITE_PATH, IN(FORWARD) | IN(REDIRECT) },
		{ L7FP_A_ROUTE_REWRITE_AUTHORITY, IN(FORWARD) },
		{ L7FP_A_ROUTE_REDIRECT_SCHEME, IN(REDIRECT) },
		{ L7FP_A_ROUTE_REDIRECT_AUTHORITY, IN(REDIRECT) },
		{ L7FP_A_ROUTE_REDIRECT_PORT, IN(REDIRECT) },
		{ L7FP_A_ROUTE_REDIRECT_PATH, IN(REDIRECT) },
		{ L7FP_A_ROUTE_STATUS, IN(REDIRECT) | IN(DIRECT) },
		{ L7FP_A_ROUTE_BODY, IN(DIRECT) },
		{ L7FP_A_ROUTE_REQUEST_HEADER, IN(FORWARD) },
		{ L7FP_A_ROUTE_RESPONSE_HEADER, IN(FORWARD) | IN(REDIRECT) | IN(DIRECT) },
		{ L7FP_A_ROUTE_TIMEOUT_MS, IN(FORWARD) },
		{ L7FP_A_ROUTE_CONNECT_RETRIES, IN(FORWARD) },
#undef IN
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (tb[allowed[i].attr] && !(allowed[i].kinds & BIT(route->kind))) {
			NL_SET_ERR_MSG_ATTR(extack, tb[allowed[i].attr],
					    "not for a route of this kind");
			return -EINVAL;
		}
	}
	if (!tb[L7FP_A_ROUTE_STATUS] &&
	    (route->kind == L7FP_ROUTE_REDIRECT || route->kind == L7FP_ROUTE_DIRECT)) {
		NL_SET_ERR_ATTR_MISS(extack, nest, L7FP_A_ROUTE_STATUS);
		NL_SET_ERR_MSG_ATTR(extack, nest, "expected a status");
		return -EINVAL;
	}
	return 0;
}

static int check_route_strings(const struct l7fp_route *r, struct nlattr **tb,
			       const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct l7fp_str *scheme = &r->redirect_scheme;

	if (r->rewrite_kind == L7FP_REWRITE_NONE ? !!r->rewrite_path.data :
						   !r->rewrite_path.data) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "expected a rewrite kind and a path, or neither");
		return -EINVAL;
	}
	if (tb[L7FP_A_ROUTE_REWRITE_MATCH_LEN] && r->rewrite_kind != L7FP_REWRITE_PREFIX) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REWRITE_MATCH_LEN],
				    "expected with a prefix rewrite only");
		return -EINVAL;
	}
	if (r->rewrite_path.data &&
	    !l7fp_path_valid(r->rewrite_path.data, r->rewrite_path.len)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REWRITE_PATH],
				    "expected a path: '/' first, no space, control character or '#'");
		return -EINVAL;
	}
	if (r->redirect_path.data && r->rewrite_path.data) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REDIRECT_PATH],
				    "expected either a redirect path or a rewrite");
		return -EINVAL;
	}
	if (r->redirect_path.data &&
	    !l7fp_path_valid(r->redirect_path.data, r->redirect_path.len)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REDIRECT_PATH],
				    "expected a path: '/' first, no space, control character or '#'");
		return -EINVAL;
	}
	if (r->rewrite_authority.data &&
	    !l7fp_host_valid(r->rewrite_authority.data, r->rewrite_authority.len)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REWRITE_AUTHORITY],
				    "expected a host and an optional port");
		return -EINVAL;
	}
	if (r->redirect_authority.data &&
	    !l7fp_host_valid(r->redirect_authority.data, r->redirect_authority.len)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REDIRECT_AUTHORITY],
				    "expected a host and an optional port");
		return -EINVAL;
	}
	if (scheme->data && !(scheme->len == 4 && !memcmp(scheme->data, "http", 4)) &&
	    !(scheme->len == 5 && !memcmp(scheme->data, "https", 5))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_REDIRECT_SCHEME],
				    "expected http or https");
		return -EINVAL;
	}
	return 0;
}

static int check_route_status(const struct l7fp_route *r, struct nlattr **tb,
			      struct netlink_ext_ack *extack)
{
	if (r->kind == L7FP_ROUTE_REDIRECT && (r->status < 300 || r->status > 399)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_STATUS],
				    "expected a redirect's status, 300 to 399");
		return -ERANGE;
	}
	/* A final response: an interim one would leave the client waiting. */
	if (r->kind == L7FP_ROUTE_DIRECT && (r->status < 200 || r->status > 599)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[L7FP_A_ROUTE_STATUS],
				    "expected a final response's status, 200 to 599");
		return -ERANGE;
	}
	return 0;
}

static u32 get_u32(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int copy_route_strings(struct l7fp_generation *g, struct l7fp_route *r, struct nlattr **tb,
			      struct netlink_ext_ack *extack)
{
	int err;

	err = copy_name(g, &r->name, tb[L7FP_A_ROUTE_NAME], extack);
	err = err ?: copy_attr(g, &r->rewrite_path, tb[L7FP_A_ROUTE_REWRITE_PATH], extack);
	err = err ?: copy_attr(g, &r->rewrite_authority, tb[L7FP_A_ROUTE_REWRITE_AUTHORITY],
			       extack);
	err = err ?: copy_attr(g, &r->redirect_scheme, tb[L7FP_A_ROUTE_REDIRECT_SCHEME], extack);
	err = err ?: copy_attr(g, &r->redirect_authority, tb[L7FP_A_ROUTE_REDIRECT_AUTHORITY],
			       extack);
	err = err ?: copy_attr(g, &r->redirect_path, tb[L7FP_A_ROUTE_REDIRECT_PATH], extack);
	err = err ?: copy_attr(g, &r->body, tb[L7FP_A_ROUTE_BODY], extack);
	return err;
}

static int add_route(struct l7fp_generation *g, const struct nlattr *nest,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_ROUTE_MAX + 1];
	struct l7fp_route r = {};
	int err;

	err = nla_parse_nested(tb, L7FP_A_ROUTE_MAX, nest, l7fp_route_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_ROUTE_ID) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_ROUTE_KIND))
		return -EINVAL;
	r.set = 1;
	r.id = nla_get_u32(tb[L7FP_A_ROUTE_ID]);
	r.kind = nla_get_u32(tb[L7FP_A_ROUTE_KIND]);
	r.rewrite_kind = get_u32(tb[L7FP_A_ROUTE_REWRITE_KIND]);
	r.rewrite_match_len = get_u32(tb[L7FP_A_ROUTE_REWRITE_MATCH_LEN]);
	r.status = get_u32(tb[L7FP_A_ROUTE_STATUS]);
	r.timeout_ms = get_u32(tb[L7FP_A_ROUTE_TIMEOUT_MS]);
	r.connect_retries = get_u32(tb[L7FP_A_ROUTE_CONNECT_RETRIES]);
	if (tb[L7FP_A_ROUTE_REDIRECT_PORT])
		r.redirect_port = nla_get_u16(tb[L7FP_A_ROUTE_REDIRECT_PORT]);
	r.has_scheme = !!tb[L7FP_A_ROUTE_REDIRECT_SCHEME];
	r.has_authority = !!tb[L7FP_A_ROUTE_REDIRECT_AUTHORITY];
	r.has_port = !!tb[L7FP_A_ROUTE_REDIRECT_PORT];
	r.has_path = !!tb[L7FP_A_ROUTE_REDIRECT_PATH];

	err = make_room(g, (void **)&g->routes, &g->cap_routes, &g->n_routes, r.id,
			L7FP_MAX_ROUTES, sizeof(*g->routes), extack);
	if (err)
		return err;
	if (g->routes[r.id].set) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, tb[L7FP_A_ROUTE_ID], "route %u was set before",
					r.id);
		return -EEXIST;
	}
	err = check_route_kind(&r, tb, nest, extack);
	err = err ?: check_route_status(&r, tb, extack);
	err = err ?: copy_route_strings(g, &r, tb, extack);
	err = err ?: check_route_strings(&r, tb, nest, extack);
	err = err ?: add_route_clusters(g, &r, nest, extack);
	err = err ?: add_header_ops(g, &r.request, nest, L7FP_A_ROUTE_REQUEST_HEADER, extack);
	err = err ?: add_header_ops(g, &r.response, nest, L7FP_A_ROUTE_RESPONSE_HEADER, extack);
	if (err)
		return err;
	g->routes[r.id] = r;
	return 0;
}

int l7fp_tables_add(struct l7fp_generation *generation, struct genl_info *info)
{
	struct netlink_ext_ack *extack = info->extack;
	const struct nlattr *attr;
	int rem, err;

	if (!generation->slots) {
		err = charge(generation, L7FP_MAX_SLOTS * sizeof(*generation->slots), extack);
		if (err)
			return err;
		generation->slots = charged(generation,
					    kcalloc(L7FP_MAX_SLOTS, sizeof(*generation->slots),
						    GFP_KERNEL_ACCOUNT),
					    L7FP_MAX_SLOTS * sizeof(*generation->slots));
		if (!generation->slots)
			return -ENOMEM;
	}
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		switch (nla_type(attr)) {
		case L7FP_A_SLOT:
			err = add_slot(generation, attr, extack);
			break;
		case L7FP_A_STRING:
			err = add_string(generation, attr, extack);
			break;
		case L7FP_A_ROUTE:
			err = add_route(generation, attr, extack);
			break;
		case L7FP_A_RULE:
			err = add_rule(generation, attr, extack);
			break;
		case L7FP_A_WORKLOAD:
			err = l7fp_workload_add(generation, attr, extack);
			break;
		case L7FP_A_SLOW_PATH:
			err = l7fp_parse_slow_path(attr, generation, extack);
			break;
		default:
			continue;
		}
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int check_route(const struct l7fp_generation *g, const struct l7fp_route *route,
		       struct netlink_ext_ack *extack)
{
	u32 i;

	for (i = 0; i < route->n_clusters; i++) {
		u32 id = route->clusters[i].cluster;

		/* Entries go under l7fp_net.lock, which the caller holds. */
		if (!l7fp_cluster_find(g->net, id)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "route %u: cluster %u does not exist; create it first",
					   route->id, id);
			return -ENOENT;
		}
	}
	return 0;
}

int l7fp_tables_seal(struct l7fp_generation *g, struct netlink_ext_ack *extack)
{
	const char *what = NULL;
	u32 i, id = 0;
	int err;

	lockdep_assert_held(&g->net->lock);
	for (i = 0; i < g->n_slots && !what; i++)
		if (!g->slots[i].name.data) {
			what = "slot";
			id = i;
		}
	for (i = 0; i < g->n_strings && !what; i++)
		if (!g->strings[i].data) {
			what = "string";
			id = i;
		}
	for (i = 0; i < g->n_rules && !what; i++)
		if (!g->rules[i].name.data) {
			what = "rule";
			id = i;
		}
	for (i = 0; i < g->n_routes && !what; i++)
		if (!g->routes[i].set) {
			what = "route";
			id = i;
		}
	if (what) {
		NL_SET_ERR_MSG_FMT(extack, "%s %u is missing, but a higher one was set", what, id);
		return -EINVAL;
	}
	for (i = 0; i < g->n_routes; i++) {
		err = check_route(g, &g->routes[i], extack);
		if (err)
			return err;
		cond_resched();
	}
	/* A PREPARE that failed behind this may have left some, for fewer routes and rules. */
	l7fp_counters_free(&g->route_hits);
	l7fp_counters_free(&g->rule_hits);
	err = l7fp_counters_init(&g->route_hits, g->n_routes);
	return err ?: l7fp_counters_init(&g->rule_hits, g->n_rules);
}

void l7fp_tables_free(struct l7fp_generation *g)
{
	struct table_block *block, *next;

	list_for_each_entry_safe(block, next, &g->blocks, list)
		kvfree(block);
	INIT_LIST_HEAD(&g->blocks);
	kfree(g->slots);
	kvfree(g->strings);
	kvfree(g->routes);
	kvfree(g->rules);
	l7fp_counters_free(&g->route_hits);
	l7fp_counters_free(&g->rule_hits);
}
