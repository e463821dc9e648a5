/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: the life of connections and exchanges.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM l7fp

#if !defined(_L7FP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _L7FP_TRACE_H

#include <linux/tracepoint.h>
#include "exchange.h"

DECLARE_EVENT_CLASS(l7fp_downstream,
	TP_PROTO(const struct l7fp_connection *conn, u32 reason),
	TP_ARGS(conn, reason),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, listener)
		__field(u32, reason)
		__array(u8, src, 16)
		__array(u8, dst, 16)
		__field(u16, src_port)
		__field(u16, dst_port)
	),
	TP_fast_assign(
		__entry->id = conn->id;
		__entry->listener = conn->listener;
		__entry->reason = reason;
		memcpy(__entry->src, conn->src_addr, sizeof(__entry->src));
		memcpy(__entry->dst, conn->dst_addr, sizeof(__entry->dst));
		__entry->src_port = conn->src_port;
		__entry->dst_port = conn->dst_port;
	),
	TP_printk("connection=%llu listener=%u src=%pI6c:%u dst=%pI6c:%u reason=%s",
		  __entry->id, __entry->listener, __entry->src, __entry->src_port,
		  __entry->dst, __entry->dst_port, l7fp_reason_name(__entry->reason))
);

DEFINE_EVENT(l7fp_downstream, l7fp_downstream_open,
	TP_PROTO(const struct l7fp_connection *conn, u32 reason),
	TP_ARGS(conn, reason));

DEFINE_EVENT(l7fp_downstream, l7fp_downstream_close,
	TP_PROTO(const struct l7fp_connection *conn, u32 reason),
	TP_ARGS(conn, reason));

/* @path is what was asked for: before start a request has no fields yet. */
TRACE_EVENT(l7fp_exchange_start,
	TP_PROTO(const struct l7fp_exchange_kern *x),
	TP_ARGS(x),
	TP_STRUCT__entry(
		__field(u64, connection)
		__field(u32, method)
		__dynamic_array(u8, target, min_t(u32, x->request.target.len, L7FP_PATH_INLINE))
	),
	TP_fast_assign(
		__entry->connection = x->pub.conn->id;
		__entry->method = x->request.method;
		memcpy(__get_dynamic_array(target), x->head + x->request.target.off,
		       __get_dynamic_array_len(target));
	),
	TP_printk("connection=%llu method=%u target=%.*s", __entry->connection, __entry->method,
		  (int)__get_dynamic_array_len(target), (const char *)__get_dynamic_array(target))
);

TRACE_EVENT(l7fp_exchange_decide,
	TP_PROTO(const struct l7fp_exchange_kern *x, int verdict),
	TP_ARGS(x, verdict),
	TP_STRUCT__entry(
		__field(u64, connection)
		__field(u64, generation)
		__field(int, verdict)
		__field(u32, route)
		__field(u32, rule)
		__field(u32, cluster)
		__field(u32, status)
		__field(u32, reason)
	),
	TP_fast_assign(
		__entry->connection = x->pub.conn->id;
		__entry->generation = x->pub.generation;
		__entry->verdict = verdict;
		__entry->route = x->pub.route;
		__entry->rule = x->pub.rule;
		__entry->cluster = x->pub.cluster;
		__entry->status = x->reply_status;
		__entry->reason = x->reply_reason;
	),
	TP_printk("connection=%llu generation=%llu verdict=%s route=%d rule=%d cluster=%d status=%u reason=%s",
		  __entry->connection, __entry->generation, l7fp_verdict_name(__entry->verdict),
		  __entry->route, __entry->rule, __entry->cluster, __entry->status,
		  l7fp_reason_name(__entry->reason))
);

TRACE_EVENT(l7fp_exchange_done,
	TP_PROTO(const struct l7fp_exchange_kern *x, u32 status, u32 reason),
	TP_ARGS(x, status, reason),
	TP_STRUCT__entry(
		__field(u64, connection)
		__field(u32, status)
		__field(u32, reason)
		__field(u64, request_bytes)
		__field(u64, response_bytes)
		__field(u32, attempt)
	),
	TP_fast_assign(
		__entry->connection = x->pub.conn->id;
		__entry->status = status;
		__entry->reason = reason;
		__entry->request_bytes = x->request_bytes;
		__entry->response_bytes = x->response_bytes;
		__entry->attempt = x->pub.attempt;
	),
	TP_printk("connection=%llu status=%u reason=%s request_bytes=%llu response_bytes=%llu attempt=%u",
		  __entry->connection, __entry->status, l7fp_reason_name(__entry->reason),
		  __entry->request_bytes, __entry->response_bytes, __entry->attempt)
);

/* @address: a struct sockaddr_in or sockaddr_in6. */
DECLARE_EVENT_CLASS(l7fp_upstream,
	TP_PROTO(u32 cluster, const struct sockaddr_storage *address, int error),
	TP_ARGS(cluster, address, error),
	TP_STRUCT__entry(
		__field(u32, cluster)
		__field(int, error)
		__array(u8, address, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->cluster = cluster;
		__entry->error = error;
		memcpy(__entry->address, address, sizeof(struct sockaddr_in6));
	),
	TP_printk("cluster=%u address=%pISpc error=%d", __entry->cluster, __entry->address,
		  __entry->error)
);

DEFINE_EVENT(l7fp_upstream, l7fp_upstream_connect,
	TP_PROTO(u32 cluster, const struct sockaddr_storage *address, int error),
	TP_ARGS(cluster, address, error));

DEFINE_EVENT(l7fp_upstream, l7fp_upstream_close,
	TP_PROTO(u32 cluster, const struct sockaddr_storage *address, int error),
	TP_ARGS(cluster, address, error));

#endif /* _L7FP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
