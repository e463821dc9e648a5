// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sockmap acceleration, as meshes use it, for tools/bench: both ends of a connection within this
 * machine are put into a map when it is established, and what one sends goes to the other's
 * receive queue. Nothing is parsed, no policy is asked.
 *
 * A connection is known by its client's address and port, which NAT does not change; its two
 * sockets by that and by which end they are. Connections that arrive at Envoy's inbound listener
 * (15006) are those between two sidecars, and stay on TCP.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define INBOUND 15006

struct end {
	__u32 address;		/* of the client, network byte order */
	__u16 port;		/* of the client, host byte order */
	__u16 server;		/* 1: the socket that was accepted */
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__type(key, struct end);
	__type(value, __u64);
} sockets SEC(".maps");

/* Clients of connections of which both sockets are in the map. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct end);
	__type(value, __u8);
} clients SEC(".maps");

SEC("sockops")
int established(struct bpf_sock_ops *ctx)
{
	struct end end = {};
	__u8 one = 1;

	if (ctx->family != AF_INET)
		return 0;
	if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
		end.address = ctx->local_ip4;
		end.port = ctx->local_port;
		/* Of an earlier connection from this port. */
		bpf_map_delete_elem(&clients, &end);
	} else if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		if (ctx->local_port == INBOUND)
			return 0;
		end.address = ctx->remote_ip4;
		end.port = bpf_ntohl(ctx->remote_port);
		end.server = 1;
	} else {
		return 0;
	}
	if (bpf_sock_hash_update(ctx, &sockets, &end, BPF_ANY))
		return 0;
	/* The client's end was established before. */
	if (end.server) {
		end.server = 0;
		bpf_map_update_elem(&clients, &end, &one, BPF_ANY);
	}
	return 0;
}

SEC("sk_msg")
int handed_over(struct sk_msg_md *msg)
{
	struct end end = { .address = msg->local_ip4, .port = msg->local_port };

	if (bpf_map_lookup_elem(&clients, &end)) {
		end.server = 1;
	} else {
		end.address = msg->remote_ip4;
		end.port = bpf_ntohl(msg->remote_port);
		if (!bpf_map_lookup_elem(&clients, &end))
			return SK_PASS;
	}
	return bpf_msg_redirect_hash(msg, &sockets, &end, BPF_F_INGRESS);
}

char _license[] SEC("license") = "Dual BSD/GPL";
