// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel answers, as l7fp-tool and l7fpd read it: dumps, answers to one
 * request, errors with their texts. The input takes the place of the socket.
 *
 * Its first byte says what is asked. Then messages: type (TYPE_*), flags, command
 * or error number, and attributes (attributes.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include "kernel.h"
#include "attributes.h"

#define FAMILY		0x20
#define MAX_MESSAGE	65536
#define ASK_LISTENER	0x40
#define ASK_EXPLAIN	0x80

enum { TYPE_ANSWER, TYPE_DONE, TYPE_ERROR, TYPE_NOOP, TYPE_OVERRUN, TYPE_OTHER };

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct input in;

/*
 * In the place of libnl's: the program is linked before it. Requests go nowhere,
 * and what is received is made of the input.
 */
int genl_connect(struct nl_sock *sock)
{
	(void)sock;
	return 0;
}

int genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	(void)sock;
	(void)name;
	return FAMILY;
}

int nl_socket_get_fd(const struct nl_sock *sock)
{
	(void)sock;
	return -1;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)len;
	return 0;
}

int nl_send_auto(struct nl_sock *sock, struct nl_msg *msg)
{
	(void)sock;
	return nlmsg_hdr(msg)->nlmsg_len;
}

static uint16_t message_type(uint8_t type)
{
	static const uint16_t types[] = {
		FAMILY, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, FAMILY + 1,
	};

	return types[type % (sizeof(types) / sizeof(types[0]))];
}

/* One message: what nl_recv() would give. */
static int receive(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **out,
		   struct ucred **credentials)
{
	static uint8_t attributes[MAX_MESSAGE], fixed[sizeof(struct nlmsgerr)];
	uint32_t flags, head, len, total;
	struct nlmsghdr *header;
	uint8_t number;
	uint16_t type;
	int32_t error;

	(void)sock;
	(void)credentials;
	if (!in.left)
		return -NLE_NOMEM;
	memset(from, 0, sizeof(*from));
	memset(fixed, 0, sizeof(fixed));
	type = message_type(take(&in));
	flags = take16(&in);
	number = take(&in);
	error = -(int32_t)number;
	switch (type) {
	case NLMSG_ERROR:
		head = sizeof(struct nlmsgerr);
		memcpy(fixed, &error, sizeof(error));
		((struct nlmsgerr *)fixed)->msg.nlmsg_len = NLMSG_HDRLEN;
		break;
	case NLMSG_DONE:
		head = sizeof(error);
		memcpy(fixed, &error, sizeof(error));
		break;
	default:
		head = GENL_HDRLEN;
		fixed[0] = number;
		break;
	}
	len = build(&in, attributes, sizeof(attributes));
	/* Of its very size, so that the sanitizer guards its end. */
	total = NLMSG_HDRLEN + head + len;
	*out = malloc(total);
	CHECK(*out);
	header = (struct nlmsghdr *)*out;
	*header = (struct nlmsghdr){ .nlmsg_len = total, .nlmsg_type = type, .nlmsg_flags = flags };
	memcpy(*out + NLMSG_HDRLEN, fixed, head);
	memcpy(*out + NLMSG_HDRLEN + head, attributes, len);
	return total;
}

int nl_recvmsgs(struct nl_sock *sock, struct nl_cb *cb)
{
	nl_cb_overwrite_recv(cb, receive);
	return nl_recvmsgs_report(sock, cb);
}

static void check_name(const char *name, size_t size)
{
	CHECK(memchr(name, '\0', size));
}

static void check_read(const struct kernel *k)
{
	size_t i;

	for (i = 0; i < k->n_listeners; i++)
		check_name(k->listener[i].name, sizeof(k->listener[i].name));
	for (i = 0; i < k->n_clusters; i++) {
		const struct kernel_cluster *c = &k->cluster[i];

		check_name(c->name, sizeof(c->name));
		CHECK(c->first_endpoint + c->n_endpoints <= k->n_endpoints);
		CHECK(kernel_cluster(k, c->id));
	}
	for (i = 0; i < k->n_generations; i++) {
		check_name(k->generation[i].name, sizeof(k->generation[i].name));
		check_name(k->generation[i].slow_path_token,
			   sizeof(k->generation[i].slow_path_token));
	}
	for (i = 0; i < k->n_stats; i++)
		CHECK(k->stat[i].object && k->stat[i].name);
	kernel_current(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct in6_addr address;
	struct kernel_listener listener;
	struct kernel_explain *explain;
	char error[ERROR_LEN] = "";
	struct netlink *nl;
	struct kernel k;
	uint8_t ask;
	int err;

	in = (struct input){ data, size };
	ask = take(&in);
	CHECK(!netlink_open(&nl, error, sizeof(error)));
	if (ask & ASK_EXPLAIN) {
		explain = malloc(sizeof(*explain));
		CHECK(explain);
		err = kernel_explain(nl, "GET", 3, 0, &address, 1, &address, 2, false, explain,
				     error, sizeof(error));
		if (!err) {
			check_name(explain->path, sizeof(explain->path));
			check_name(explain->host, sizeof(explain->host));
			check_name(explain->location, sizeof(explain->location));
		}
		free(explain);
	} else if (ask & ASK_LISTENER) {
		err = kernel_listener_get(nl, 1, &listener, error, sizeof(error));
		if (!err)
			check_name(listener.name, sizeof(listener.name));
	} else {
		err = kernel_read(nl, ask & KERNEL_ALL, &k, error, sizeof(error));
		check_read(&k);
		kernel_free(&k);
	}
	CHECK(err <= 0 && (!err || error[0]));
	netlink_close(nl);
	return 0;
}
