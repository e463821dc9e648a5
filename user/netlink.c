// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the generic netlink family of l7fp.ko.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include "netlink.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

/* One dump message, and all attributes of one request, fit. */
#define SOCKET_BUFFER	(2 * NETLINK_MAX_MESSAGE)

struct netlink {
	struct nl_sock *sock;
	int family;
};

/* One request under way. */
struct request {
	netlink_answer answer;
	void *context;
	int status;
	bool done;
	char extack[512];
};

static void no_memory(void)
{
	fprintf(stderr, "l7fp: out of memory\n");
	exit(1);
}

static int set_buffers(struct nl_sock *sock)
{
	int fd = nl_socket_get_fd(sock), size = SOCKET_BUFFER, one = 1;

	/* Beyond rmem_max and wmem_max where we may; the module asks for CAP_NET_ADMIN anyway. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

int netlink_open(struct netlink **out, char *error, size_t error_len)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int err;

	*out = NULL;
	if (!nl)
		no_memory();
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		no_memory();
	err = genl_connect(nl->sock);
	if (err) {
		snprintf(error, error_len, "generic netlink: %s", nl_geterror(err));
		err = -EPROTO;
		goto fail;
	}
	err = set_buffers(nl->sock);
	if (err) {
		snprintf(error, error_len, "generic netlink: socket buffers: %s", strerror(-err));
		goto fail;
	}
	nl->family = genl_ctrl_resolve(nl->sock, L7FP_GENL_NAME);
	if (nl->family < 0) {
		snprintf(error, error_len,
			 "the kernel has no netlink family '%s': load the module (modprobe l7fp, or insmod build/l7fp.ko); l7fp-tool doctor says what is missing",
			 L7FP_GENL_NAME);
		err = -ENOENT;
		goto fail;
	}
	err = nl_socket_set_msg_buf_size(nl->sock, NETLINK_MAX_MESSAGE);
	if (err) {
		snprintf(error, error_len, "generic netlink: message buffer: %s", nl_geterror(err));
		err = -ENOMEM;
		goto fail;
	}
	nl_socket_disable_auto_ack(nl->sock);
	*out = nl;
	return 0;

fail:
	netlink_close(nl);
	return err;
}

bool netlink_has_module(void)
{
	char error[ERROR_LEN];
	struct netlink *nl;
	int err;

	err = netlink_open(&nl, error, sizeof(error));
	if (!err)
		netlink_close(nl);
	return err != -ENOENT;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

struct nl_msg *netlink_message(struct netlink *nl, enum l7fp_cmd cmd, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(size + NLMSG_HDRLEN + GENL_HDRLEN + 64);

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, NLM_F_REQUEST, cmd,
				 L7FP_GENL_VERSION))
		no_memory();
	return msg;
}

int netlink_nest(struct nlattr **table, int max, struct nlattr *nest)
{
	return nla_parse_nested(table, max, nest, NULL) < 0 ? -EBADMSG : 0;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct nlattr *attr[L7FP_A_MAX + 1];
	struct request *request = arg;
	int err;

	if (!request->answer || request->status)
		return NL_OK;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, attr, L7FP_A_MAX, NULL) < 0) {
		request->status = -EBADMSG;
		return NL_OK;
	}
	err = request->answer(attr, request->context);
	if (err < 0)
		request->status = err;
	return NL_OK;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct request *request = arg;
	int32_t status;

	/* The end of a dump carries the error that cut it short. */
	if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(status))) {
		memcpy(&status, NLMSG_DATA(header), sizeof(status));
		if (status < 0 && !request->status)
			request->status = status;
	}
	request->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct request *request = arg;

	(void)msg;
	request->done = true;
	return NL_STOP;
}

/*
 * Something changed between two messages of a dump: what came is true of some
 * moment each. Who changes things holds a lock (bpffs_open()) and sees no other
 * changes; who only looks can look again.
 */
static int on_interrupted(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

/* What the kernel says beside the number (NETLINK_EXT_ACK). */
static void read_extack(struct request *request, const struct nlmsghdr *header,
			const struct nlmsgerr *nlerr)
{
	struct nlattr *attr[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*nlerr);

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(nlerr->msg.nlmsg_len) - sizeof(nlerr->msg);
	if (header->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	if (nla_parse(attr, NLMSGERR_ATTR_MAX,
		      (struct nlattr *)((char *)NLMSG_DATA(header) + skip),
		      header->nlmsg_len - NLMSG_HDRLEN - skip, NULL) < 0)
		return;
	if (attr[NLMSGERR_ATTR_MSG])
		snprintf(request->extack, sizeof(request->extack), "%.*s",
			 nla_len(attr[NLMSGERR_ATTR_MSG]),
			 (const char *)nla_data(attr[NLMSGERR_ATTR_MSG]));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *nlerr, void *arg)
{
	struct nlmsghdr *header = (struct nlmsghdr *)((char *)nlerr - NLMSG_HDRLEN);
	struct request *request = arg;

	(void)from;
	request->status = nlerr->error;
	request->done = true;
	read_extack(request, header, nlerr);
	return NL_STOP;
}

static int transact(struct netlink *nl, struct nl_msg *msg, int flags, netlink_answer answer,
		    void *context, const char *what, char *error, size_t error_len)
{
	struct request request = { .answer = answer, .context = context };
	struct nl_cb *cb;
	int err;

	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		no_memory();
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &request);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &request);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &request);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, &request);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &request);

	nlmsg_hdr(msg)->nlmsg_flags |= flags;
	err = nl_send_auto(nl->sock, msg);
	nlmsg_free(msg);
	while (err >= 0 && !request.done)
		err = nl_recvmsgs(nl->sock, cb);
	nl_cb_put(cb);
	if (err < 0 && !request.done) {
		snprintf(error, error_len, "%s: netlink: %s", what, nl_geterror(err));
		return -EIO;
	}
	err = request.status;
	if (!err)
		return 0;
	if (request.extack[0])
		snprintf(error, error_len, "%s: %s (%s)", what, request.extack, strerror(-err));
	else if (err == -EPERM)
		snprintf(error, error_len,
			 "%s: %s: run as root, with CAP_NET_ADMIN in the initial user namespace",
			 what, strerror(-err));
	else
		snprintf(error, error_len, "%s: %s", what, strerror(-err));
	return err;
}

int netlink_do(struct netlink *nl, struct nl_msg *msg, netlink_answer answer, void *context,
	       const char *what, char *error, size_t error_len)
{
	return transact(nl, msg, NLM_F_ACK, answer, context, what, error, error_len);
}

int netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_answer answer, void *context,
		 const char *what, char *error, size_t error_len)
{
	return transact(nl, msg, NLM_F_DUMP, answer, context, what, error, error_len);
}

int netlink_get_address(struct in6_addr *address, const struct nlattr *attr)
{
	memset(address, 0, sizeof(*address));
	if (!attr)
		return -EBADMSG;
	switch (nla_len(attr)) {
	case 4:
		address->s6_addr[10] = 0xff;
		address->s6_addr[11] = 0xff;
		memcpy(&address->s6_addr[12], nla_data(attr), 4);
		return 0;
	case 16:
		memcpy(address, nla_data(attr), 16);
		return 0;
	default:
		return -EBADMSG;
	}
}

int netlink_put_address(struct nl_msg *msg, int attr, const struct in6_addr *address)
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		return nla_put(msg, attr, 4, &address->s6_addr[12]);
	return nla_put(msg, attr, 16, address);
}

uint16_t netlink_get_u16(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 2 ? nla_get_u16(attr) : 0;
}

uint32_t netlink_get_u32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

uint64_t netlink_get_u64(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

const char *netlink_get_string(struct nlattr *attr)
{
	if (!attr || nla_len(attr) < 1 || strnlen(nla_data(attr), nla_len(attr)) ==
	    (size_t)nla_len(attr))
		return "";
	return nla_get_string(attr);
}

int netlink_listen(struct netlink *nl, char *error, size_t error_len)
{
	int group, err;

	group = genl_ctrl_resolve_grp(nl->sock, L7FP_GENL_NAME, L7FP_GENL_MCGRP_EVENTS);
	if (group < 0) {
		snprintf(error, error_len, "netlink group '%s': %s", L7FP_GENL_MCGRP_EVENTS,
			 nl_geterror(group));
		return -ENOENT;
	}
	nl_socket_disable_seq_check(nl->sock);
	err = nl_socket_add_membership(nl->sock, group);
	if (err) {
		snprintf(error, error_len, "netlink group '%s': %s", L7FP_GENL_MCGRP_EVENTS,
			 nl_geterror(err));
		return -EPERM;
	}
	return 0;
}

struct listener {
	void (*event)(enum l7fp_cmd cmd, struct nlattr **attr, void *context);
	void *context;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *header = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[L7FP_A_MAX + 1];
	struct listener *listener = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attr, L7FP_A_MAX, NULL) >= 0)
		listener->event(header->cmd, attr, listener->context);
	return NL_OK;
}

int netlink_fd(const struct netlink *nl)
{
	return nl_socket_get_fd(nl->sock);
}

int netlink_events(struct netlink *nl, void (*event)(enum l7fp_cmd cmd, struct nlattr **attr,
						     void *context),
		   void *context, char *error, size_t error_len)
{
	struct listener listener = { .event = event, .context = context };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		no_memory();
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_event, &listener);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, NULL, NULL);
	err = nl_recvmsgs(nl->sock, cb);
	nl_cb_put(cb);
	/* Events were lost because they came faster than they were read; the next ones count. */
	if (err == -NLE_NOMEM)
		return 0;
	if (err >= 0)
		return 0;
	snprintf(error, error_len, "events: %s", nl_geterror(err));
	return -EIO;
}
