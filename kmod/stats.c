// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters: their names, sums over CPUs, and the dump.
 */
#include <linux/slab.h>
#include "exchange.h"
#include "listener.h"
#include "netlink.h"
#include "upstream.h"

/* What Envoy says of an upstream that failed before the response began. */
#define UPSTREAM_FAILED	"upstream connect error or disconnect/reset before headers. "

static const struct {
	const char *name;
	const char *text;
} reasons[__L7FP_REASON_MAX] = {
	[L7FP_REASON_NONE] = { "-", "" },
	[L7FP_REASON_NR] = { "NR", "" },
	[L7FP_REASON_NC] = { "NC", "" },
	[L7FP_REASON_UH] = { "UH", "no healthy upstream" },
	[L7FP_REASON_UF] = { "UF", UPSTREAM_FAILED "reset reason: remote connection failure" },
	[L7FP_REASON_UC] = { "UC", UPSTREAM_FAILED "reset reason: connection termination" },
	[L7FP_REASON_UR] = { "UR", UPSTREAM_FAILED "reset reason: remote reset" },
	[L7FP_REASON_UT] = { "UT", "upstream request timeout" },
	[L7FP_REASON_UO] = { "UO", UPSTREAM_FAILED "reset reason: overflow" },
	[L7FP_REASON_URX] = {
		"URX",
		UPSTREAM_FAILED "retried and the latest reset reason: remote connection failure"
	},
	[L7FP_REASON_UPE] = { "UPE", UPSTREAM_FAILED "reset reason: protocol error" },
	[L7FP_REASON_RL] = { "RL", "local_rate_limited" },
	[L7FP_REASON_DC] = { "DC", "" },
	[L7FP_REASON_DPE] = { "DPE", "Bad Request" },
	[L7FP_REASON_DT] = { "DT", "request timeout" },
	[L7FP_REASON_DI] = { "DI", "" },
	[L7FP_REASON_FI] = { "FI", "fault filter abort" },
	[L7FP_REASON_RBAC] = { "RBAC", "RBAC: access denied" },
	[L7FP_REASON_DR] = { "DR", "" },
	[L7FP_REASON_NP] = { "NP", "no policy is attached" },
	[L7FP_REASON_PE] = { "PE", "the policy failed" },
	[L7FP_REASON_SP] = { "SP", "the policy needs the slow path, and none is attached" },
	[L7FP_REASON_OM] = { "OM", "out of memory" },
	[L7FP_REASON_DRAIN] = { "DRAIN", "draining" },
	[L7FP_REASON_HV] = { "HV", "the endpoint speaks another version of HTTP" },
	[L7FP_REASON_SPF] = {
		"SPF", "the slow-path proxy did not answer, or was not configured for this policy"
	},
};

static const char * const verdicts[__L7FP_VERDICT_MAX] = {
	[L7FP_VERDICT_NONE] = "none",
	[L7FP_FORWARD] = "forward",
	[L7FP_RESPOND] = "respond",
	[L7FP_RESET] = "reset",
	[L7FP_SLOW_PATH] = "slow_path",
};

const char *l7fp_reason_text(u32 reason)
{
	return reason < ARRAY_SIZE(reasons) ? reasons[reason].text : "";
}

const char *l7fp_reason_name(u32 reason)
{
	return reason < ARRAY_SIZE(reasons) ? reasons[reason].name : "-";
}

const char *l7fp_verdict_name(u32 verdict)
{
	return verdict < ARRAY_SIZE(verdicts) ? verdicts[verdict] : "none";
}

int l7fp_counters_init(struct l7fp_counters *counters, u32 n)
{
	u32 i, n_chunks = DIV_ROUND_UP(n, L7FP_COUNTERS_CHUNK);

	counters->chunk = kcalloc(n_chunks, sizeof(*counters->chunk), GFP_KERNEL);
	if (!counters->chunk)
		return -ENOMEM;
	counters->n = n;
	for (i = 0; i < n_chunks; i++) {
		u32 in_chunk = min_t(u32, n - i * L7FP_COUNTERS_CHUNK, L7FP_COUNTERS_CHUNK);

		counters->chunk[i] = __alloc_percpu(in_chunk * sizeof(u64), sizeof(u64));
		if (!counters->chunk[i]) {
			l7fp_counters_free(counters);
			return -ENOMEM;
		}
	}
	return 0;
}

void l7fp_counters_free(struct l7fp_counters *counters)
{
	u32 i;

	if (!counters->chunk)
		return;
	for (i = 0; i < DIV_ROUND_UP(counters->n, L7FP_COUNTERS_CHUNK); i++)
		free_percpu(counters->chunk[i]);
	kfree(counters->chunk);
	counters->chunk = NULL;
	counters->n = 0;
}

u64 l7fp_counters_sum(const struct l7fp_counters *counters, u32 i)
{
	u64 __percpu *counter = counters->chunk[i / L7FP_COUNTERS_CHUNK] +
				i % L7FP_COUNTERS_CHUNK;
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(counter, cpu));
	return sum;
}

/* A counter that is a member of a per-CPU structure. */
struct field {
	const char *name;
	size_t offset;
};

#define FIELD(type, member, as) { .name = as, .offset = offsetof(struct type, member) }

#define TLS_HANDSHAKE(failure, as)	\
	FIELD(l7fp_stats, tls_handshake[L7FP_TLS_##failure], "tls_handshake_" as)

static const struct field global_fields[] = {
	FIELD(l7fp_stats, downstream_cx_total, "downstream_cx_total"),
	FIELD(l7fp_stats, downstream_cx_destroy, "downstream_cx_destroy"),
	FIELD(l7fp_stats, downstream_rq_total, "downstream_rq_total"),
	FIELD(l7fp_stats, downstream_rq_completed, "downstream_rq_completed"),
	FIELD(l7fp_stats, upstream_cx_total, "upstream_cx_total"),
	FIELD(l7fp_stats, upstream_cx_destroy, "upstream_cx_destroy"),
	FIELD(l7fp_stats, upstream_cx_connect_fail, "upstream_cx_connect_fail"),
	FIELD(l7fp_stats, upstream_cx_reused, "upstream_cx_reused"),
	FIELD(l7fp_stats, upstream_rq_resent, "upstream_rq_resent"),
	FIELD(l7fp_stats, local_reply, "local_reply"),
	FIELD(l7fp_stats, tunnel, "downstream_cx_upgrades_total"),
	FIELD(l7fp_stats, slow_path_rq_total, "slow_path_rq_total"),
	FIELD(l7fp_stats, slow_path_rq_failed, "slow_path_rq_failed"),
	FIELD(l7fp_stats, slow_path_cx_total, "slow_path_cx_total"),
	FIELD(l7fp_stats, h2_cx_total, "downstream_cx_http2_total"),
	FIELD(l7fp_stats, h2_error, "http2_error"),
	FIELD(l7fp_stats, h2_rx_reset, "http2_rx_reset"),
	FIELD(l7fp_stats, h2_tx_reset, "http2_tx_reset"),
	FIELD(l7fp_stats, h2_flood[0], "http2_flood_reset"),
	FIELD(l7fp_stats, h2_flood[1], "http2_flood_made_reset"),
	FIELD(l7fp_stats, h2_flood[2], "http2_flood_control"),
	FIELD(l7fp_stats, h2_flood[3], "http2_flood_empty_data"),
	FIELD(l7fp_stats, opaque, "tcp_downstream_cx_total"),
	FIELD(l7fp_stats, connect_refused, "downstream_cx_refused"),
	FIELD(l7fp_stats, downstream_rx_bytes, "downstream_cx_rx_bytes_total"),
	FIELD(l7fp_stats, downstream_tx_bytes, "downstream_cx_tx_bytes_total"),
	FIELD(l7fp_stats, upstream_rx_bytes, "upstream_cx_rx_bytes_total"),
	FIELD(l7fp_stats, upstream_tx_bytes, "upstream_cx_tx_bytes_total"),
	FIELD(l7fp_stats, downstream_rq_app, "downstream_rq_app_port_total"),
	FIELD(l7fp_stats, upstream_rq_app, "upstream_rq_app_port_total"),
	FIELD(l7fp_stats, app_rx_bytes, "app_port_rx_bytes_total"),
	FIELD(l7fp_stats, app_tx_bytes, "app_port_tx_bytes_total"),
	FIELD(l7fp_stats, app_cx_total, "app_port_cx_total"),
	TLS_HANDSHAKE(DONE, "done"),
	TLS_HANDSHAKE(TIMEOUT, "timeout"),
	TLS_HANDSHAKE(CLOSED, "closed"),
	TLS_HANDSHAKE(PLAIN_TEXT, "plain_text"),
	TLS_HANDSHAKE(VERSION, "version"),
	TLS_HANDSHAKE(NO_CIPHER, "no_cipher"),
	TLS_HANDSHAKE(NO_CERTIFICATE, "no_certificate"),
	TLS_HANDSHAKE(EXPIRED, "expired"),
	TLS_HANDSHAKE(UNTRUSTED, "untrusted"),
	TLS_HANDSHAKE(TRUST_DOMAIN, "trust_domain"),
	TLS_HANDSHAKE(IDENTITY, "identity"),
	TLS_HANDSHAKE(NAME, "name"),
	TLS_HANDSHAKE(ALERT, "alert"),
	TLS_HANDSHAKE(PROTOCOL, "protocol"),
	TLS_HANDSHAKE(OWN_CERTIFICATE, "own_certificate"),
	TLS_HANDSHAKE(SYSTEM, "system"),
	TLS_HANDSHAKE(OVERFLOW, "overflow"),
	TLS_HANDSHAKE(ABANDONED, "abandoned"),
	FIELD(l7fp_stats, tls_truncated, "tls_truncated"),
	FIELD(l7fp_stats, tls_alert, "tls_alert"),
	FIELD(l7fp_stats, tls_bad_record, "tls_bad_record"),
	FIELD(l7fp_stats, tls_passed, "tls_passed"),
	FIELD(l7fp_stats, tls_key_update, "tls_key_update"),
	FIELD(l7fp_stats, app_refused[L7FP_APP_ULP], "app_port_cx_refused_ulp"),
	FIELD(l7fp_stats, app_refused[L7FP_APP_MPTCP], "app_port_cx_refused_mptcp"),
	FIELD(l7fp_stats, app_refused[L7FP_APP_REPAIR], "app_port_cx_refused_repair"),
	FIELD(l7fp_stats, app_refused[L7FP_APP_SOCKMAP], "app_port_cx_refused_sockmap"),
	FIELD(l7fp_stats, app_refused[L7FP_APP_FILTER], "app_port_cx_refused_filter"),
	FIELD(l7fp_stats, app_refused[L7FP_APP_BUSY], "app_port_cx_refused_busy"),
};

static const struct field listener_fields[] = {
	FIELD(l7fp_listener_stats, cx_total, "downstream_cx_total"),
	FIELD(l7fp_listener_stats, cx_destroy, "downstream_cx_destroy"),
	FIELD(l7fp_listener_stats, cx_overflow, "downstream_cx_overflow"),
	FIELD(l7fp_listener_stats, rq_total, "downstream_rq_total"),
	FIELD(l7fp_listener_stats, rq_2xx, "downstream_rq_2xx"),
	FIELD(l7fp_listener_stats, rq_3xx, "downstream_rq_3xx"),
	FIELD(l7fp_listener_stats, rq_4xx, "downstream_rq_4xx"),
	FIELD(l7fp_listener_stats, rq_5xx, "downstream_rq_5xx"),
};

static const struct field cluster_fields[] = {
	FIELD(l7fp_cluster_stats, cx_total, "upstream_cx_total"),
	FIELD(l7fp_cluster_stats, cx_destroy, "upstream_cx_destroy"),
	FIELD(l7fp_cluster_stats, cx_connect_fail, "upstream_cx_connect_fail"),
	FIELD(l7fp_cluster_stats, cx_connect_timeout, "upstream_cx_connect_timeout"),
	FIELD(l7fp_cluster_stats, cx_overflow, "upstream_cx_overflow"),
	FIELD(l7fp_cluster_stats, rq_total, "upstream_rq_total"),
	FIELD(l7fp_cluster_stats, rq_2xx, "upstream_rq_2xx"),
	FIELD(l7fp_cluster_stats, rq_3xx, "upstream_rq_3xx"),
	FIELD(l7fp_cluster_stats, rq_4xx, "upstream_rq_4xx"),
	FIELD(l7fp_cluster_stats, rq_5xx, "upstream_rq_5xx"),
	FIELD(l7fp_cluster_stats, rq_timeout, "upstream_rq_timeout"),
	FIELD(l7fp_cluster_stats, rq_resent, "upstream_rq_resent"),
	FIELD(l7fp_cluster_stats, rq_retry, "upstream_rq_retry"),
	FIELD(l7fp_cluster_stats, rq_pending_overflow, "upstream_rq_pending_overflow"),
	FIELD(l7fp_cluster_stats, no_endpoint, "upstream_cx_none_healthy"),
};

static u64 field_sum(const void __percpu *base, size_t offset)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*(const u64 *)(per_cpu_ptr(base, cpu) + offset));
	return sum;
}

struct counter {
	u32 scope, id;
	const char *object;
	u32 object_len;
	const char *name;
	u64 value;
};

/* Where a dump is: in cb->args. */
enum { POS_SCOPE, POS_ID, POS_FIELD };

static int put_counter(struct sk_buff *skb, struct netlink_callback *cb,
		       const struct counter *counter)
{
	struct nlattr *nest, *object;
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &l7fp_genl_family, NLM_F_MULTI, L7FP_CMD_STATS_GET);
	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, L7FP_A_STAT);
	if (!nest ||
	    nla_put_u32(skb, L7FP_A_STAT_SCOPE, counter->scope) ||
	    nla_put_u32(skb, L7FP_A_STAT_ID, counter->id) ||
	    nla_put_string(skb, L7FP_A_STAT_NAME, counter->name) ||
	    nla_put_u64_64bit(skb, L7FP_A_STAT_VALUE, counter->value, L7FP_A_STAT_UNSPEC))
		goto full;
	if (counter->object) {
		/* The name of a table's object has no zero at its end. */
		object = nla_reserve(skb, L7FP_A_STAT_OBJECT, counter->object_len + 1);
		if (!object)
			goto full;
		memcpy(nla_data(object), counter->object, counter->object_len);
		((char *)nla_data(object))[counter->object_len] = '\0';
	}
	nla_nest_end(skb, nest);
	genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
	return 0;
full:
	genlmsg_cancel(skb, header);
	return -EMSGSIZE;
}

/* All fields of one object, from where the dump stopped. */
static int dump_fields(struct sk_buff *skb, struct netlink_callback *cb, struct counter *counter,
		       const struct field *fields, u32 n, const void __percpu *base)
{
	int err;

	for (; cb->args[POS_FIELD] < n; cb->args[POS_FIELD]++) {
		const struct field *field = &fields[cb->args[POS_FIELD]];

		counter->name = field->name;
		counter->value = field_sum(base, field->offset);
		err = put_counter(skb, cb, counter);
		if (err)
			return err;
	}
	cb->args[POS_FIELD] = 0;
	return 0;
}

static int dump_listeners(struct sk_buff *skb, struct netlink_callback *cb, struct l7fp_net *ln)
{
	struct l7fp_listener *listener;
	unsigned long id;
	int err;

	xa_for_each_start(&ln->listeners, id, listener, cb->args[POS_ID]) {
		struct counter counter = {
			.scope = L7FP_STAT_LISTENER,
			.id = id,
			.object = listener->config.name,
			.object_len = strlen(listener->config.name),
		};

		if (id != cb->args[POS_ID])
			cb->args[POS_FIELD] = 0;
		cb->args[POS_ID] = id;
		err = dump_fields(skb, cb, &counter, listener_fields, ARRAY_SIZE(listener_fields),
				  listener->stats);
		if (err)
			return err;
		cb->args[POS_ID] = id + 1;
	}
	return 0;
}

static int dump_clusters(struct sk_buff *skb, struct netlink_callback *cb, struct l7fp_net *ln)
{
	struct l7fp_cluster *cluster;
	unsigned long id;
	int err;

	xa_for_each_start(&ln->clusters, id, cluster, cb->args[POS_ID]) {
		struct counter counter = {
			.scope = L7FP_STAT_CLUSTER,
			.id = id,
			.object = cluster->config.name,
			.object_len = strlen(cluster->config.name),
		};

		if (id != cb->args[POS_ID])
			cb->args[POS_FIELD] = 0;
		cb->args[POS_ID] = id;
		err = dump_fields(skb, cb, &counter, cluster_fields, ARRAY_SIZE(cluster_fields),
				  cluster->stats);
		if (err)
			return err;
		cb->args[POS_ID] = id + 1;
	}
	return 0;
}

static int dump_routes(struct sk_buff *skb, struct netlink_callback *cb, struct l7fp_net *ln)
{
	const struct l7fp_generation *g =
		rcu_dereference_protected(ln->current_generation, lockdep_is_held(&ln->lock));
	u32 n = g ? g->n_routes : 0;
	int err;

	for (; cb->args[POS_ID] < n; cb->args[POS_ID]++) {
		const struct l7fp_route *route = &g->routes[cb->args[POS_ID]];
		struct counter counter = {
			.scope = L7FP_STAT_ROUTE,
			.id = route->id,
			.object = (const char *)route->name.data,
			.object_len = route->name.len,
			.name = "rq_total",
			.value = l7fp_counters_sum(&g->route_hits, route->id),
		};

		err = put_counter(skb, cb, &counter);
		if (err)
			return err;
	}
	return 0;
}

static int dump_rules(struct sk_buff *skb, struct netlink_callback *cb, struct l7fp_net *ln)
{
	const struct l7fp_generation *g =
		rcu_dereference_protected(ln->current_generation, lockdep_is_held(&ln->lock));
	u32 n = g ? g->n_rules : 0;
	int err;

	for (; cb->args[POS_ID] < n; cb->args[POS_ID]++) {
		u32 id = cb->args[POS_ID];
		struct counter counter = {
			.scope = L7FP_STAT_RULE,
			.id = id,
			.object = (const char *)g->rules[id].name.data,
			.object_len = g->rules[id].name.len,
			.name = "matched",
			.value = l7fp_counters_sum(&g->rule_hits, id),
		};

		err = put_counter(skb, cb, &counter);
		if (err)
			return err;
	}
	return 0;
}

/* Counters that are an array in struct l7fp_stats. */
static int dump_array(struct sk_buff *skb, struct netlink_callback *cb, struct l7fp_net *ln,
		      u32 scope, u32 n, size_t offset, const char *(*name)(u32 id))
{
	int err;

	for (; cb->args[POS_ID] < n; cb->args[POS_ID]++) {
		u32 id = cb->args[POS_ID];
		struct counter counter = {
			.scope = scope,
			.id = id,
			.object = name(id),
			.object_len = strlen(name(id)),
			.name = "rq_total",
			.value = field_sum(ln->stats, offset + id * sizeof(u64)),
		};

		err = put_counter(skb, cb, &counter);
		if (err)
			return err;
	}
	return 0;
}

static int dump_scope(struct sk_buff *skb, struct netlink_callback *cb, struct l7fp_net *ln)
{
	struct counter counter = { .scope = L7FP_STAT_GLOBAL };

	switch (cb->args[POS_SCOPE]) {
	case L7FP_STAT_GLOBAL:
		return dump_fields(skb, cb, &counter, global_fields, ARRAY_SIZE(global_fields),
				   ln->stats);
	case L7FP_STAT_LISTENER:
		return dump_listeners(skb, cb, ln);
	case L7FP_STAT_CLUSTER:
		return dump_clusters(skb, cb, ln);
	case L7FP_STAT_ROUTE:
		return dump_routes(skb, cb, ln);
	case L7FP_STAT_RULE:
		return dump_rules(skb, cb, ln);
	case L7FP_STAT_VERDICT:
		return dump_array(skb, cb, ln, L7FP_STAT_VERDICT, __L7FP_VERDICT_MAX,
				  offsetof(struct l7fp_stats, verdict), l7fp_verdict_name);
	case L7FP_STAT_REASON:
		return dump_array(skb, cb, ln, L7FP_STAT_REASON, __L7FP_REASON_MAX,
				  offsetof(struct l7fp_stats, reason), l7fp_reason_name);
	default:
		return dump_array(skb, cb, ln, L7FP_STAT_GRPC, L7FP_GRPC_STATUS_NONE + 1,
				  offsetof(struct l7fp_stats, grpc), l7fp_grpc_status_name);
	}
}

int l7fp_nl_stats_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	int err = 0;

	mutex_lock(&ln->lock);
	cb->seq = ln->sequence;
	for (; cb->args[POS_SCOPE] <= L7FP_STAT_GRPC; cb->args[POS_SCOPE]++) {
		err = dump_scope(skb, cb, ln);
		if (err)
			break;
		cb->args[POS_ID] = 0;
		cb->args[POS_FIELD] = 0;
	}
	mutex_unlock(&ln->lock);
	return err == -EMSGSIZE && skb->len ? (int)skb->len : err;
}
