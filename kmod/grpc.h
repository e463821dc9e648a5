/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What gRPC says in fields of HTTP/2 (gRPC over HTTP2, PROTOCOL-HTTP2.md).
 */
#ifndef L7FP_GRPC_H
#define L7FP_GRPC_H

#include "h1.h"

#define L7FP_GRPC_STATUS_MAX	16	/* UNAUTHENTICATED; 0 is OK */
#define L7FP_GRPC_DEADLINE_EXCEEDED	4
/* No status came, or none that is known. */
#define L7FP_GRPC_STATUS_NONE	(L7FP_GRPC_STATUS_MAX + 1)

/**
 * l7fp_grpc_request() - whether a request is gRPC's, by its content-type, as Envoy sees it
 * @h: the request
 * @head: its text
 *
 * gRPC-Web is not.
 */
bool l7fp_grpc_request(const struct l7fp_h1_head *h, const u8 *head);

/**
 * l7fp_grpc_timeout() - a request's grpc-timeout
 * @h: the request
 * @head: its text
 *
 * Return: milliseconds, rounded up; 0 when there is none, or none that is well-formed.
 */
u32 l7fp_grpc_timeout(const struct l7fp_h1_head *h, const u8 *head);

/**
 * l7fp_grpc_status() - the grpc-status among @n fields
 * @headers: they; offsets into @text
 *
 * Return: it, or L7FP_GRPC_STATUS_NONE.
 */
u32 l7fp_grpc_status(const struct l7fp_h1_header *headers, u32 n, const u8 *text);

/* What a local reply with this status of HTTP is to gRPC: Envoy's mapping. */
u32 l7fp_grpc_status_of(u32 status);

/* OK, CANCELLED, ..., or NONE. */
const char *l7fp_grpc_status_name(u32 status);

#endif /* L7FP_GRPC_H */
