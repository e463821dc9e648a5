/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to the generic netlink family of l7fp.ko, in the network namespace
 * in which the socket was opened.
 *
 * Functions that can fail return 0 or a negative errno, and then say in
 * @error what was asked, what the kernel answered and what to do next.
 */
#ifndef _L7FP_NETLINK_H
#define _L7FP_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netinet/in.h>
#include "../kmod/uapi/l7fp.h"

/* What a caller of these functions keeps room for. */
#define ERROR_LEN	1024

/* Attributes of one message; the kernel's limit is the socket's send buffer. */
#define NETLINK_MAX_MESSAGE	(512 * 1024)

struct netlink;

/**
 * netlink_open() - connect to the module
 * @out: set to the connection; close with netlink_close()
 *
 * -ENOENT: the module is not loaded. -EPERM: no CAP_NET_ADMIN.
 */
int netlink_open(struct netlink **out, char *error, size_t error_len);
void netlink_close(struct netlink *nl);
/* False where it is not loaded; what else keeps a connection from it netlink_open() says. */
bool netlink_has_module(void);

/* A message of the family, empty so far. Exits when there is no memory. */
struct nl_msg *netlink_message(struct netlink *nl, enum l7fp_cmd cmd, size_t size);

/*
 * Called with the attributes of each answer; a negative return value ends the
 * dump and becomes the result. @attr is indexed by enum l7fp_attr.
 */
typedef int (*netlink_answer)(struct nlattr **attr, void *context);

/* Send @msg, take its answers and wait for the end. Consumes @msg. */
int netlink_do(struct netlink *nl, struct nl_msg *msg, netlink_answer answer, void *context,
	       const char *what, char *error, size_t error_len);
int netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_answer answer, void *context,
		 const char *what, char *error, size_t error_len);

/* Parse a nest; 0 or -EBADMSG. @table has @max + 1 places. */
int netlink_nest(struct nlattr **table, int max, struct nlattr *nest);

/* An address attribute of 4 or 16 bytes; IPv4 comes out mapped. 0 or -EBADMSG. */
int netlink_get_address(struct in6_addr *address, const struct nlattr *attr);
/* A mapped IPv4 address goes out in 4 bytes. */
int netlink_put_address(struct nl_msg *msg, int attr, const struct in6_addr *address);

/* Absent attributes read as zero, or as "". */
uint32_t netlink_get_u32(struct nlattr *attr);
uint64_t netlink_get_u64(struct nlattr *attr);
uint16_t netlink_get_u16(struct nlattr *attr);
const char *netlink_get_string(struct nlattr *attr);

/* To wait on. */
int netlink_fd(const struct netlink *nl);
/* Join the group of events. */
int netlink_listen(struct netlink *nl, char *error, size_t error_len);
/* Wait for messages of the group; @event is called with each. 0 or a negative errno. */
int netlink_events(struct netlink *nl, void (*event)(enum l7fp_cmd cmd, struct nlattr **attr,
						     void *context),
		   void *context, char *error, size_t error_len);

#endif /* _L7FP_NETLINK_H */
