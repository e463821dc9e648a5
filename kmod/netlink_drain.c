// SPDX-License-Identifier: GPL-2.0-only
/*
 * L7FP_CMD_DRAIN: begin a drain, end the listeners, ask how far it is.
 */
#include "drain.h"
#include "netlink.h"
#include "state.h"

static int fill(struct sk_buff *msg, struct genl_info *info, const struct l7fp_drain_state *state)
{
	struct nlattr *nest;
	void *header;

	header = genlmsg_put_reply(msg, info, &l7fp_genl_family, 0, L7FP_CMD_DRAIN);
	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(msg, L7FP_A_DRAIN);
	if (!nest || nla_put_u32(msg, L7FP_A_DRAIN_LISTENERS, state->listeners) ||
	    nla_put_u32(msg, L7FP_A_DRAIN_CONNECTIONS, state->connections) ||
	    nla_put_u64_64bit(msg, L7FP_A_DRAIN_RESET, state->reset, L7FP_A_DRAIN_UNSPEC) ||
	    (state->on && nla_put_u32(msg, L7FP_A_DRAIN_LEFT_MS, state->left_ms)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	genlmsg_end(msg, header);
	return 0;
}

/* Under l7fp_net.lock. */
static int act_on(struct l7fp_net *ln, struct nlattr **tb, struct genl_info *info)
{
	if (tb[L7FP_A_DRAIN_DEADLINE_MS])
		l7fp_drain_begin(ln, nla_get_u32(tb[L7FP_A_DRAIN_DEADLINE_MS]));
	if (tb[L7FP_A_DRAIN_STOP] && l7fp_drain_stop(ln)) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[L7FP_A_DRAIN_STOP],
				    "no drain is going on; begin one with a deadline");
		return -ENOENT;
	}
	return 0;
}

int l7fp_nl_drain_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_net *ln = l7fp_net(genl_info_net(info));
	struct nlattr *tb[L7FP_A_DRAIN_MAX + 1] = {};
	struct l7fp_drain_state state = {};
	struct sk_buff *msg;
	int err = 0;

	if (info->attrs[L7FP_A_DRAIN])
		err = nla_parse_nested(tb, L7FP_A_DRAIN_MAX, info->attrs[L7FP_A_DRAIN],
				       l7fp_drain_nl_policy, info->extack);
	if (err)
		return err;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&ln->lock);
	err = ln->dead ? -ENODEV : act_on(ln, tb, info);
	l7fp_drain_state(ln, &state);
	mutex_unlock(&ln->lock);
	if (!err)
		err = fill(msg, info, &state);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}
