/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: the life of connections and exchanges.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM l7fp

#if !defined(_L7FP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _L7FP_TRACE_H

#include <linux/in6.h>
#include <linux/tracepoint.h>
#include "downstream.h"

DECLARE_EVENT_CLASS(l7fp_downstream,

	TP_PROTO(const struct l7fp_downstream *d),

	TP_ARGS(d),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, exchanges)
		__field(u32, listener)
		__array(u8, src, 16)
		__array(u8, dst, 16)
		__field(u16, src_port)
		__field(u16, dst_port)
	),

	TP_fast_assign(
		__entry->id = d->conn.id;
		__entry->exchanges = d->n_exchanges;
		__entry->listener = d->conn.listener;
		memcpy(__entry->src, d->conn.src_addr, sizeof(__entry->src));
		memcpy(__entry->dst, d->conn.dst_addr, sizeof(__entry->dst));
		__entry->src_port = d->conn.src_port;
		__entry->dst_port = d->conn.dst_port;
	),

	TP_printk("connection=%llu listener=%u src=[%pI6c]:%u dst=[%pI6c]:%u exchanges=%llu",
		  __entry->id, __entry->listener, __entry->src, __entry->src_port,
		  __entry->dst, __entry->dst_port, __entry->exchanges)
);

DEFINE_EVENT(l7fp_downstream, l7fp_downstream_open,
	     TP_PROTO(const struct l7fp_downstream *d), TP_ARGS(d));

DEFINE_EVENT(l7fp_downstream, l7fp_downstream_close,
	     TP_PROTO(const struct l7fp_downstream *d), TP_ARGS(d));

/* The target is what was asked for, not yet normalised. */
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

	TP_PROTO(const struct l7fp_exchange_kern *x),

	TP_ARGS(x),

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
		__entry->status = x->pub.status;
		__entry->reason = x->reason;
		__entry->request_bytes = x->request_bytes;
		__entry->response_bytes = x->response_bytes;
		__entry->attempt = x->pub.attempt;
	),

	TP_printk("connection=%llu status=%u reason=%s request_bytes=%llu response_bytes=%llu attempt=%u",
		  __entry->connection, __entry->status, l7fp_reason_name(__entry->reason),
		  __entry->request_bytes, __entry->response_bytes, __entry->attempt)
);

DECLARE_EVENT_CLASS(l7fp_upstream,

	TP_PROTO(const struct l7fp_upstream *u),

	TP_ARGS(u),

	TP_STRUCT__entry(
		__field(u32, cluster)
		__field(u32, exchanges)
		__array(u8, address, sizeof(struct sockaddr_in6))
	),

	TP_fast_assign(
		__entry->cluster = u->endpoint->cluster->config.id;
		__entry->exchanges = u->n_exchanges;
		memcpy(__entry->address, &u->endpoint->config.address, sizeof(__entry->address));
	),

	TP_printk("cluster=%u address=%pISpc exchanges=%u", __entry->cluster, __entry->address,
		  __entry->exchanges)
);

DEFINE_EVENT(l7fp_upstream, l7fp_upstream_connect,
	     TP_PROTO(const struct l7fp_upstream *u), TP_ARGS(u));

DEFINE_EVENT(l7fp_upstream, l7fp_upstream_close,
	     TP_PROTO(const struct l7fp_upstream *u), TP_ARGS(u));

TRACE_EVENT(l7fp_h2_error,

	TP_PROTO(bool upstream, u32 code, const char *why),

	TP_ARGS(upstream, code, why),

	TP_STRUCT__entry(
		__field(bool, upstream)
		__field(u32, code)
		__string(why, why)
	),

	TP_fast_assign(
		__entry->upstream = upstream;
		__entry->code = code;
		__assign_str(why);
	),

	TP_printk("side=%s code=%u why=%s", __entry->upstream ? "upstream" : "downstream",
		  __entry->code, __get_str(why))
);

#endif /* _L7FP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
