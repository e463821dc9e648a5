/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What policy programs may call; kfuncs.c describes each. Nothing in the
 * module calls them.
 */
#ifndef _L7FP_KFUNCS_H
#define _L7FP_KFUNCS_H

#include "context.h"

struct bpf_sock_addr;

int l7fp_route(struct l7fp_exchange *exchange, u32 route);
int l7fp_deny(struct l7fp_exchange *exchange, u32 rule);
void l7fp_allow(struct l7fp_exchange *exchange, u32 rule);
int l7fp_no_route(struct l7fp_exchange *exchange);
int l7fp_slow_path(struct l7fp_exchange *exchange, u32 rule);
bool l7fp_field_match(struct l7fp_exchange *exchange, u32 field, u32 op, u32 string);
u8 *l7fp_field(struct l7fp_exchange *exchange, u32 field, const int rdonly_buf_size);
u64 l7fp_hpack_decode(struct l7fp_exchange *exchange, u64 slots);
int l7fp_field_len(struct l7fp_exchange *exchange, u32 field);
int l7fp_set_cluster(struct l7fp_exchange *exchange, u32 cluster);
int l7fp_respond(struct l7fp_exchange *exchange, u32 status, const u8 *body, u32 body__sz);
int l7fp_header_get(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz, u8 *buf,
		    u32 buf__sz);
int l7fp_header_set(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz, const u8 *value,
		    u32 value__sz);
int l7fp_header_add(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz, const u8 *value,
		    u32 value__sz);
int l7fp_header_remove(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz);
int l7fp_response_header_set(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz,
			     const u8 *value, u32 value__sz);
int l7fp_response_header_add(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz,
			     const u8 *value, u32 value__sz);
int l7fp_response_header_remove(struct l7fp_exchange *exchange, const u8 *name, u32 name__sz);
int l7fp_rewrite_path(struct l7fp_exchange *exchange, const u8 *path, u32 path__sz);
int l7fp_timeout(struct l7fp_exchange *exchange, u32 ms);
int l7fp_capture(struct bpf_sock_addr *ctx);
int l7fp_peer(struct bpf_sock_addr *ctx, u8 *peer, u32 peer__sz);
void l7fp_connect_cluster(struct l7fp_connection *conn, u32 cluster);
void l7fp_connect_rule(struct l7fp_connection *conn, u32 rule);
bool l7fp_connect_match(struct l7fp_connection *conn, u32 field, u32 op, u32 string);

#endif /* _L7FP_KFUNCS_H */
