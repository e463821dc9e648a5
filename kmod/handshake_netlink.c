// SPDX-License-Identifier: GPL-2.0-only
/*
 * L7FP_CMD_HANDSHAKE_ACCEPT and _DONE: a connection goes to the process that shakes hands, and
 * comes back.
 */
#include <linux/file.h>
#include "netlink.h"
#include "tls.h"
#include "upstream.h"

/* What the cluster says now; it may have changed, or be gone, since the connection was wanted. */
static int fill_expected(struct sk_buff *msg, const struct l7fp_tls *tls)
{
	const struct l7fp_cluster_tls *expected = NULL;
	struct l7fp_cluster *cluster;
	int err = -ENOENT;

	rcu_read_lock();
	cluster = l7fp_cluster_find(tls->port->ln, tls->id);
	if (cluster)
		expected = rcu_dereference(cluster->tls);
	if (expected)
		err = nla_put(msg, L7FP_A_HANDSHAKE_TLS | NLA_F_NESTED, expected->len,
			      expected->data);
	rcu_read_unlock();
	return err;
}

static int fill(struct sk_buff *msg, struct genl_info *info, const struct l7fp_tls *tls, int fd)
{
	long left = tls->deadline - jiffies;
	struct nlattr *nest;
	void *header;

	header = genlmsg_put_reply(msg, info, &l7fp_genl_family, 0, L7FP_CMD_HANDSHAKE_ACCEPT);
	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(msg, L7FP_A_HANDSHAKE);
	if (!nest ||
	    nla_put_u64_64bit(msg, L7FP_A_HANDSHAKE_NUMBER, tls->number,
			      L7FP_A_HANDSHAKE_UNSPEC) ||
	    nla_put_u32(msg, L7FP_A_HANDSHAKE_FD, fd) ||
	    nla_put_u32(msg, tls->client ? L7FP_A_HANDSHAKE_CLUSTER : L7FP_A_HANDSHAKE_LISTENER,
			tls->id) ||
	    nla_put_u32(msg, L7FP_A_HANDSHAKE_LEFT_MS, jiffies_to_msecs(max(left, 1L))) ||
	    (tls->client && fill_expected(msg, tls)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	genlmsg_end(msg, header);
	return 0;
}

int l7fp_nl_handshake_accept_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_net *ln = l7fp_net(genl_info_net(info));
	struct l7fp_tls *tls;
	struct sk_buff *msg;
	struct file *file;
	int fd, err;

	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE + L7FP_MAX_TLS, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	tls = l7fp_handshake_take(ln, info->snd_portid);
	if (!tls) {
		nlmsg_free(msg);
		return -EAGAIN;
	}
	fd = l7fp_handshake_descriptor(tls, &file);
	err = fd < 0 ? fd : fill(msg, info, tls, fd);
	if (err) {
		nlmsg_free(msg);
		if (fd >= 0) {
			put_unused_fd(fd);
			fput(file);
		}
		if (l7fp_handshake_return(ln, tls->number, info->snd_portid)) {
			l7fp_handshake_finish(tls, L7FP_TLS_SYSTEM);
			l7fp_port_put(tls->port);
		}
	} else {
		fd_install(fd, file);
		err = genlmsg_reply(msg, info);
	}
	l7fp_port_put(tls->port);
	return err;
}

static struct l7fp_str copy(u8 *to, const struct nlattr *attr)
{
	if (!attr)
		return (struct l7fp_str){};
	memcpy(to, nla_data(attr), nla_len(attr));
	return (struct l7fp_str){ .data = to, .len = nla_len(attr) };
}

static int check_done(struct nlattr **tb, const struct nlattr *nest, struct genl_info *info)
{
	if (NL_REQ_ATTR_CHECK(info->extack, nest, tb, L7FP_A_HANDSHAKE_NUMBER))
		return -EINVAL;
	if (tb[L7FP_A_HANDSHAKE_FAILURE] && nla_get_u32(tb[L7FP_A_HANDSHAKE_FAILURE]))
		return 0;
	if (NL_REQ_ATTR_CHECK(info->extack, nest, tb, L7FP_A_HANDSHAKE_VERSION) ||
	    NL_REQ_ATTR_CHECK(info->extack, nest, tb, L7FP_A_HANDSHAKE_CIPHER))
		return -EINVAL;
	if (!tb[L7FP_A_HANDSHAKE_PRINCIPAL] != !tb[L7FP_A_HANDSHAKE_NAMESPACE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest,
				    "expected the peer's principal and namespace, or neither");
		return -EINVAL;
	}
	return 0;
}

int l7fp_nl_handshake_done_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_net *ln = l7fp_net(genl_info_net(info));
	struct nlattr *tb[L7FP_A_HANDSHAKE_MAX + 1], *nest = info->attrs[L7FP_A_HANDSHAKE];
	u32 failure = L7FP_TLS_DONE;
	struct l7fp_tls *tls;
	u8 *client_cert = NULL;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_HANDSHAKE))
		return -EINVAL;
	err = nla_parse_nested(tb, L7FP_A_HANDSHAKE_MAX, nest, l7fp_handshake_nl_policy,
			       info->extack);
	err = err ?: check_done(tb, nest, info);
	if (err)
		return err;
	if (tb[L7FP_A_HANDSHAKE_CLIENT_CERT]) {
		client_cert = nla_memdup(tb[L7FP_A_HANDSHAKE_CLIENT_CERT], GFP_KERNEL);
		if (!client_cert)
			return -ENOMEM;
	}
	tls = l7fp_handshake_return(ln, nla_get_u64(tb[L7FP_A_HANDSHAKE_NUMBER]),
				    info->snd_portid);
	if (!tls) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest,
				    "no such handshake; the connection may have been closed");
		kfree(client_cert);
		return -ENOENT;
	}
	if (tb[L7FP_A_HANDSHAKE_FAILURE])
		failure = nla_get_u32(tb[L7FP_A_HANDSHAKE_FAILURE]);
	if (!failure) {
		tls->version = nla_get_u32(tb[L7FP_A_HANDSHAKE_VERSION]);
		tls->cipher = nla_get_u32(tb[L7FP_A_HANDSHAKE_CIPHER]);
		tls->max_record = L7FP_TLS_MAX_RECORD;
		if (tb[L7FP_A_HANDSHAKE_MAX_RECORD])
			tls->max_record = nla_get_u32(tb[L7FP_A_HANDSHAKE_MAX_RECORD]) ?:
					  L7FP_TLS_MAX_RECORD;
		if (tb[L7FP_A_HANDSHAKE_ALPN])
			copy((u8 *)tls->alpn, tb[L7FP_A_HANDSHAKE_ALPN]);
		if (client_cert)
			tls->client_cert = (struct l7fp_str){
				.data = client_cert,
				.len = nla_len(tb[L7FP_A_HANDSHAKE_CLIENT_CERT]),
			};
		client_cert = NULL;
		tls->peer.principal = copy(tls->names, tb[L7FP_A_HANDSHAKE_PRINCIPAL]);
		tls->peer.namespace = copy(tls->names + L7FP_MAX_PRINCIPAL,
					   tb[L7FP_A_HANDSHAKE_NAMESPACE]);
	}
	kfree(client_cert);
	err = l7fp_handshake_finish(tls, failure);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, nest,
				    "the socket is open elsewhere; close its descriptors first");
	else if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, nest,
				    "the socket has not the keys of both directions");
	l7fp_port_put(tls->port);
	return err;
}
