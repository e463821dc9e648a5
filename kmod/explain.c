// SPDX-License-Identifier: GPL-2.0-only
/*
 * L7FP_CMD_EXPLAIN: gives the current policy a request that nobody sent, and
 * says what it decided. Nothing is forwarded and nothing is counted.
 */
#include <linux/bottom_half.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "exchange.h"
#include "netlink.h"
#include "path.h"
#include "state.h"

/* Path, host and location are cut there: their nest holds 65531 bytes. */
#define EXPLAIN_MAX_BYTES	20000U
#define EXPLAIN_REST		512	/* of an answer, beside those three */

struct explain {
	struct l7fp_connection conn;
	struct l7fp_exchange_kern x;
};

static const struct nla_policy explain_policy[L7FP_A_EXPLAIN_MAX + 1] = {
	[L7FP_A_EXPLAIN_HEAD] = { .type = NLA_BINARY, .len = L7FP_MAX_EXPLAIN_HEAD },
	[L7FP_A_EXPLAIN_PATH_MODE] = NLA_POLICY_MAX(NLA_U32, L7FP_PATH_DECODE_AND_MERGE_SLASHES),
	[L7FP_A_EXPLAIN_SOURCE_ADDRESS] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[L7FP_A_EXPLAIN_SOURCE_PORT] = { .type = NLA_U16 },
	[L7FP_A_EXPLAIN_DESTINATION_ADDRESS] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[L7FP_A_EXPLAIN_DESTINATION_PORT] = { .type = NLA_U16 },
	[L7FP_A_EXPLAIN_INBOUND] = NLA_POLICY_MAX(NLA_U8, 1),
};

const struct nla_policy l7fp_explain_policy[L7FP_A_EXPLAIN + 1] = {
	[L7FP_A_EXPLAIN] = NLA_POLICY_NESTED(explain_policy),
};

/* As in struct l7fp_connection; an absent address is ::. */
static int get_address(u32 out[4], const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	switch (nla_len(attr)) {
	case 4:
		out[2] = (__force u32)htonl(0xffff);
		memcpy(&out[3], nla_data(attr), 4);
		return 0;
	case 16:
		memcpy(out, nla_data(attr), 16);
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, attr, "expected an address of 4 or 16 bytes");
	return -EINVAL;
}

static int parse(struct explain *e, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct nlattr *head = tb[L7FP_A_EXPLAIN_HEAD];
	u32 scan = 0;
	int err;

	err = get_address(e->conn.src_addr, tb[L7FP_A_EXPLAIN_SOURCE_ADDRESS], extack) ?:
	      get_address(e->conn.dst_addr, tb[L7FP_A_EXPLAIN_DESTINATION_ADDRESS], extack);
	if (err)
		return err;
	if (tb[L7FP_A_EXPLAIN_SOURCE_PORT])
		e->conn.src_port = nla_get_u16(tb[L7FP_A_EXPLAIN_SOURCE_PORT]);
	if (tb[L7FP_A_EXPLAIN_DESTINATION_PORT])
		e->conn.dst_port = nla_get_u16(tb[L7FP_A_EXPLAIN_DESTINATION_PORT]);
	if (tb[L7FP_A_EXPLAIN_INBOUND])
		e->conn.inbound = nla_get_u8(tb[L7FP_A_EXPLAIN_INBOUND]);
	e->conn.family = ipv6_addr_v4mapped((struct in6_addr *)e->conn.dst_addr) ? AF_INET :
										   AF_INET6;
	e->x.pub.conn = &e->conn;
	e->x.dry_run = 1;
	e->x.path_mode = tb[L7FP_A_EXPLAIN_PATH_MODE] ?
			 nla_get_u32(tb[L7FP_A_EXPLAIN_PATH_MODE]) : L7FP_PATH_BASE;
	e->x.head = nla_data(head);
	err = l7fp_h1_parse_request(&e->x.request, e->x.head, nla_len(head), &scan, NULL);
	if (err > 0)
		return 0;
	if (err == L7FP_H1_MORE)
		NL_SET_ERR_MSG_ATTR(extack, head,
				    "the head is incomplete; expected an empty line at its end");
	else
		NL_SET_ERR_MSG_ATTR(extack, head,
				    "the head is malformed, no policy sees it: 400, 431, 501 or 505");
	return -EINVAL;
}

static int put_str(struct sk_buff *skb, int type, struct l7fp_str s)
{
	return s.len ? nla_put(skb, type, min(s.len, EXPLAIN_MAX_BYTES), s.data) : 0;
}

static struct l7fp_str location(const struct l7fp_exchange_kern *x)
{
	u32 i;

	for (i = 0; i < x->n_extra_response; i++) {
		const struct l7fp_header_op *op = &x->extra_response[i];

		if (op->lower.len == 8 && !memcmp(op->lower.data, "location", 8))
			return op->value;
	}
	return (struct l7fp_str){};
}

static u32 answer_size(const struct l7fp_exchange_kern *x)
{
	return EXPLAIN_REST + min(x->path.len, EXPLAIN_MAX_BYTES) +
	       min(x->host.len, EXPLAIN_MAX_BYTES) + min(location(x).len, EXPLAIN_MAX_BYTES);
}

static int fill(struct sk_buff *skb, struct genl_info *info, const struct l7fp_exchange_kern *x,
		int verdict)
{
	u32 reason = verdict == L7FP_RESPOND || verdict == L7FP_SLOW_PATH ? x->reply_reason :
									    L7FP_REASON_NONE;
	const struct l7fp_exchange *pub = &x->pub;
	struct nlattr *nest;
	void *header;

	header = genlmsg_put_reply(skb, info, &l7fp_genl_family, 0, L7FP_CMD_EXPLAIN);
	if (!header ||
	    nla_put_u64_64bit(skb, L7FP_A_GENERATION, pub->generation, L7FP_A_PAD))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, L7FP_A_EXPLAIN);
	if (!nest ||
	    nla_put_u32(skb, L7FP_A_EXPLAIN_VERDICT, verdict) ||
	    nla_put_u32(skb, L7FP_A_EXPLAIN_REASON, reason) ||
	    nla_put_u32(skb, L7FP_A_EXPLAIN_STATUS, x->reply_status) ||
	    (verdict == L7FP_FORWARD &&
	     nla_put_u32(skb, L7FP_A_EXPLAIN_CLUSTER, pub->cluster)) ||
	    (pub->route != ~0U && nla_put_u32(skb, L7FP_A_EXPLAIN_ROUTE, pub->route)) ||
	    (pub->rule != ~0U && nla_put_u32(skb, L7FP_A_EXPLAIN_RULE, pub->rule)) ||
	    put_str(skb, L7FP_A_EXPLAIN_PATH, x->path) ||
	    put_str(skb, L7FP_A_EXPLAIN_HOST, x->host) ||
	    put_str(skb, L7FP_A_EXPLAIN_LOCATION, location(x)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	return 0;
}

/*
 * The answer. Under what a port's work queue holds while it decides: softirqs
 * off, RCU. What it says lies in the generation until l7fp_decide_done().
 */
static struct sk_buff *decide(struct explain *e, struct genl_info *info)
{
	struct l7fp_net *ln = l7fp_net(genl_info_net(info));
	struct sk_buff *skb;
	int verdict, err;

	local_bh_disable();
	rcu_read_lock();
	verdict = l7fp_decide(&e->x, ln);
	skb = genlmsg_new(answer_size(&e->x), GFP_ATOMIC);
	err = skb ? fill(skb, info, &e->x, verdict) : -ENOMEM;
	l7fp_decide_done(&e->x);
	rcu_read_unlock();
	local_bh_enable();
	if (!err)
		return skb;
	nlmsg_free(skb);
	return ERR_PTR(err);
}

int l7fp_nl_explain_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[L7FP_A_EXPLAIN_MAX + 1], *nest;
	struct sk_buff *msg = NULL;
	struct explain *e;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_EXPLAIN))
		return -EINVAL;
	nest = info->attrs[L7FP_A_EXPLAIN];
	err = nla_parse_nested(tb, L7FP_A_EXPLAIN_MAX, nest, explain_policy, info->extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(info->extack, nest, tb, L7FP_A_EXPLAIN_HEAD))
		return -EINVAL;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	err = parse(e, tb, info->extack);
	if (!err) {
		msg = decide(e, info);
		err = PTR_ERR_OR_ZERO(msg);
	}
	l7fp_arena_free(&e->x.arena);
	kfree(e);
	return err ? err : genlmsg_reply(msg, info);
}
