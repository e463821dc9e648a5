// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow path: an exchange that the kernel cannot decide goes to a proxy, as
 * it came, over a connection that begins with a PROXY protocol v2 header.
 *
 * The proxy belongs to a generation: its address and a token are part of the
 * generation's tables. Every connection's header carries the token, and the
 * configuration that l7fp-tool wrote takes no connection with another one, so
 * that neither side can be served by a policy that is not its own. Who the client
 * is goes along: the kernel knows, and a proxy could only guess by addresses.
 *
 * A header names one client, so a connection belongs to one downstream. Each
 * downstream has an endpoint of its own, whose pool no other one sees; it is
 * given up with the downstream, and when another generation judges its next
 * exchange that comes here. Streams of HTTP/2 go by HTTP/2, and the connection
 * that they came on is the downstream.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "compat.h"
#include "downstream.h"
#include "h2_connection.h"
#include "slowpath.h"

/* Until the proxy accepts: it is on this machine, or close. */
#define CONNECT_TIMEOUT_MS	5000

/* https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2 */
#define PROXY_VERSION_COMMAND	0x21	/* version 2, PROXY */
#define PROXY_TCP4		0x11
#define PROXY_TCP6		0x21
#define PROXY_TLV_AUTHORITY	0x02	/* here: the client's principal, where it is known */
#define PROXY_TLV_UNIQUE_ID	0x05	/* here: the token */
#define PROXY_TLV_HEAD		3	/* type and length of a TLV */
#define PROXY_HEAD		16

static const u8 signature[12] = "\r\n\r\n\0\r\nQUIT\n";

int l7fp_slow_path_set(struct l7fp_generation *generation, const struct sockaddr_storage *address,
		       u16 inbound_port, const u8 *token, u32 token_len)
{
	struct l7fp_cluster_config config = {
		.id = ~0U,
		.name = "slow path",
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
	};
	struct l7fp_slow_path *slow;

	lockdep_assert_held(&generation->net->lock);
	if (generation->slow_path)
		return -EEXIST;
	if (!token_len || token_len > L7FP_MAX_SLOW_PATH_TOKEN)
		return -EINVAL;
	slow = kzalloc(struct_size(slow, token, token_len), GFP_KERNEL_ACCOUNT);
	if (!slow)
		return -ENOMEM;
	slow->cluster = l7fp_cluster_new(generation->net, &config);
	if (!slow->cluster) {
		kfree(slow);
		return -ENOMEM;
	}
	slow->address = *address;
	slow->inbound_port = inbound_port;
	slow->token_len = token_len;
	memcpy(slow->token, token, token_len);
	generation->slow_path = slow;
	return 0;
}

/* Connections that were made for it may live on; they hold the cluster. */
void l7fp_slow_path_free(struct l7fp_generation *generation)
{
	if (!generation->slow_path)
		return;
	l7fp_cluster_put(generation->slow_path->cluster);
	kfree(generation->slow_path);
	generation->slow_path = NULL;
}

bool l7fp_slow_path_begin(struct l7fp_exchange_kern *x)
{
	if (!x->generation || !x->generation->slow_path)
		return false;
	if (x->pub.conn->inbound && !x->generation->slow_path->inbound_port)
		return false;
	/* What the program changed before it gave up is the proxy's to change. */
	x->n_extra_request = 0;
	x->n_extra_response = 0;
	x->timeout_ms = 0;
	x->connect_retries = 0;
	x->pub.cluster = ~0U;
	x->listener_flags |= L7FP_LISTENER_NO_REQUEST_ID | L7FP_LISTENER_NO_FORWARDED_PROTO |
			     L7FP_LISTENER_NO_ATTEMPT_COUNT;
	if (!l7fp_fields_init(x)) {
		x->reply_reason = L7FP_REASON_OM;
		return false;
	}
	x->slow_path = x->generation->slow_path;
	return true;
}

/* Its connections end when nothing uses them any more. */
static void abandon(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint)
{
	struct l7fp_upstream *u;

	spin_lock(&endpoint->lock);
	endpoint->dead = true;
	list_for_each_entry(u, &endpoint->idle, idle)
		u->pooled = false;
	list_splice_tail_init(&endpoint->idle, &d->closing);
	endpoint->n_idle = 0;
	l7fp_h2_upstream_abandon(endpoint);
	spin_unlock(&endpoint->lock);
	l7fp_endpoint_put(endpoint);
}

void l7fp_slow_path_release(struct l7fp_downstream *d)
{
	struct l7fp_endpoint *endpoint;

	lockdep_assert_held(&d->lock);
	/* Of a connection with HTTP/2 it is its streams' to use. */
	if (d->h2) {
		spin_lock(&d->h2->lock);
		endpoint = d->slow_endpoint;
		d->slow_endpoint = NULL;
		spin_unlock(&d->h2->lock);
	} else {
		endpoint = d->slow_endpoint;
		d->slow_endpoint = NULL;
	}
	if (endpoint)
		abandon(d, endpoint);
}

static void set_port(struct sockaddr_storage *address, u16 port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

static bool is_mapped(const u32 address[4])
{
	return !address[0] && !address[1] && address[2] == (__force u32)htonl(0xffff);
}

static u8 *put(u8 *p, const void *data, u32 len)
{
	memcpy(p, data, len);
	return p + len;
}

static u8 *put16(u8 *p, u16 value)
{
	*p++ = value >> 8;
	*p++ = value;
	return p;
}

static u8 *put_tlv(u8 *p, u8 type, const void *data, u32 len)
{
	*p++ = type;
	p = put16(p, len);
	return put(p, data, len);
}

/* False without memory. */
static bool make_proxy_header(struct l7fp_endpoint *endpoint, struct l7fp_exchange_kern *x,
			      const struct l7fp_connection *conn)
{
	const struct l7fp_slow_path *slow = x->slow_path;
	bool v4 = is_mapped(conn->src_addr) && is_mapped(conn->dst_addr);
	u32 first = v4 ? 3 : 0, address_len = v4 ? 4 : 16;
	u32 len = 2 * address_len + 4 + PROXY_TLV_HEAD + slow->token_len;
	struct l7fp_str principal;
	u8 *start, *p;

	if (l7fp_fields_get(x, L7FP_FIELD_SOURCE_PRINCIPAL, &principal))
		len += PROXY_TLV_HEAD + principal.len;
	start = kmalloc(PROXY_HEAD + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!start)
		return false;
	p = put(start, signature, sizeof(signature));
	*p++ = PROXY_VERSION_COMMAND;
	*p++ = v4 ? PROXY_TCP4 : PROXY_TCP6;
	p = put16(p, len);
	p = put(p, conn->src_addr + first, address_len);
	p = put(p, conn->dst_addr + first, address_len);
	p = put16(p, conn->src_port);
	p = put16(p, conn->dst_port);
	p = put_tlv(p, PROXY_TLV_UNIQUE_ID, slow->token, slow->token_len);
	if (principal.len)
		p = put_tlv(p, PROXY_TLV_AUTHORITY, principal.data, principal.len);
	endpoint->preamble = start;
	endpoint->preamble_len = p - start;
	return true;
}

static struct l7fp_endpoint *new_endpoint(struct l7fp_downstream *d)
{
	const struct l7fp_slow_path *slow = d->x->slow_path;
	struct l7fp_endpoint_config config = {
		.address = slow->address,
		.weight = 1,
		.healthy = true,
	};
	struct l7fp_endpoint *endpoint;

	if (d->conn.inbound)
		set_port(&config.address, slow->inbound_port);
	endpoint = l7fp_endpoint_new(slow->cluster, &config, GFP_ATOMIC | __GFP_NOWARN);
	if (endpoint && !make_proxy_header(endpoint, d->x, &d->conn)) {
		l7fp_endpoint_put(endpoint);
		return NULL;
	}
	return endpoint;
}

/* That of @owner for @d's exchange, held, or NULL without memory. *@old: one to be given up. */
static struct l7fp_endpoint *use_endpoint(struct l7fp_downstream *d, struct l7fp_downstream *owner,
					  struct l7fp_endpoint **old)
{
	struct l7fp_endpoint *endpoint = owner->slow_endpoint;

	/* The endpoint holds the cluster: an equal pointer is the same generation. */
	if (endpoint && endpoint->cluster != d->x->slow_path->cluster) {
		*old = endpoint;
		endpoint = NULL;
	}
	if (!endpoint)
		endpoint = new_endpoint(d);
	owner->slow_endpoint = endpoint;
	if (endpoint)
		refcount_inc(&endpoint->refs);
	return endpoint;
}

struct l7fp_endpoint *l7fp_slow_path_endpoint(struct l7fp_downstream *d)
{
	struct l7fp_endpoint *endpoint, *old = NULL;

	lockdep_assert_held(&d->lock);
	/* Streams of one connection share its endpoint, and no others do. */
	if (d->port.stream) {
		struct l7fp_h2_connection *c = d->port.stream->c;

		spin_lock(&c->lock);
		endpoint = use_endpoint(d, c->downstream, &old);
		spin_unlock(&c->lock);
	} else {
		endpoint = use_endpoint(d, d, &old);
	}
	if (old)
		abandon(d, old);
	return endpoint;
}

int l7fp_slow_path_bound(struct l7fp_downstream *d)
{
	struct l7fp_upstream *u = d->upstream;
	int err;

	lockdep_assert_held(&d->lock);
	if (u->n_exchanges == 1) {
		/* A connection of HTTP/2 has sent it before its own preface. */
		err = d->port.stream ? 0 : l7fp_port_send(&u->port, u->endpoint->preamble,
							  u->endpoint->preamble_len);
		if (err)
			return err;
		l7fp_count(d->port.ln, slow_path_cx_total);
	}
	if (!d->x->resent)
		l7fp_count(d->port.ln, slow_path_rq_total);
	return 0;
}

u32 l7fp_slow_path_reason(struct l7fp_downstream *d, u32 reason)
{
	struct l7fp_exchange_kern *x = d->x;

	switch (reason) {
	case L7FP_REASON_UF:
	case L7FP_REASON_UC:
	case L7FP_REASON_UR:
	case L7FP_REASON_UO:
		if (!x->slow_path || x->response_started)
			return reason;
		l7fp_count(d->port.ln, slow_path_rq_failed);
		return L7FP_REASON_SPF;
	}
	return reason;
}
