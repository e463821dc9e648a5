// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners: one for HTTP and one for each cluster of opaque and detected
 * captures, on 127.0.0.1 and, where IPv6 addresses are captured, on ::1; and of
 * each protocol one for what arrives for a workload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apply_steps.h"

static bool is_ipv6(const struct in6_addr *address)
{
	return !IN6_IS_ADDR_V4MAPPED(address);
}

static void loopback(struct in6_addr *address, bool ipv6)
{
	static const struct in6_addr v4 = {
		.s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 },
	};

	*address = ipv6 ? in6addr_loopback : v4;
}

/* A listener that can stand for @l: it would do the same with every connection. */
static bool same(const struct kernel_listener *l, const struct kernel_listener *k)
{
	return l->protocol == k->protocol && l->cluster == k->cluster && l->flags == k->flags &&
	       l->tls == k->tls &&
	       (l->protocol == L7FP_PROTOCOL_OPAQUE || l->path_mode == k->path_mode) &&
	       (l->protocol != L7FP_PROTOCOL_DETECT ||
		l->detect_timeout_ms == k->detect_timeout_ms) &&
	       !memcmp(&l->address, &k->address, sizeof(l->address));
}

static struct wanted_listener *find_wanted(const struct apply *a, uint32_t protocol,
					   uint32_t cluster, bool ipv6, bool inbound,
					   uint32_t tls)
{
	size_t i;

	for (i = 0; i < a->n_wanted; i++) {
		const struct kernel_listener *l = &a->wanted[i].listener;

		if (l->protocol == protocol && l->cluster == cluster &&
		    is_ipv6(&l->address) == ipv6 && l->tls == tls &&
		    !!(l->flags & L7FP_LISTENER_INBOUND) == inbound)
			return &a->wanted[i];
	}
	return NULL;
}

static void want(struct apply *a, uint32_t protocol, uint32_t cluster, bool ipv6, bool inbound,
		 uint32_t tls, const char *name)
{
	static const char *const kind[] = {
		[L7FP_PROTOCOL_OPAQUE] = "opaque", [L7FP_PROTOCOL_DETECT] = "detect",
	};
	static const char *const tls_names[] = {
		[L7FP_TLS_DISABLE] = "", [L7FP_TLS_PERMISSIVE] = "permissive ",
		[L7FP_TLS_STRICT] = "strict ",
	};
	struct kernel_listener *l;

	if (find_wanted(a, protocol, cluster, ipv6, inbound, tls))
		return;
	a->wanted = reallocarray(a->wanted, a->n_wanted + 1, sizeof(*a->wanted));
	if (!a->wanted) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	memset(&a->wanted[a->n_wanted], 0, sizeof(*a->wanted));
	l = &a->wanted[a->n_wanted++].listener;
	l->protocol = protocol;
	l->tls = tls;
	l->cluster = cluster;
	l->flags = a->options->listener_flags | (inbound ? L7FP_LISTENER_INBOUND : 0);
	if (protocol == L7FP_PROTOCOL_DETECT)
		l->detect_timeout_ms = APPLY_DETECT_MS;
	l->path_mode = a->ir->path_mode;
	loopback(&l->address, ipv6);
	if (protocol == L7FP_PROTOCOL_HTTP) {
		snprintf(l->name, sizeof(l->name), "%s%s%s", inbound ? "inbound " : "",
			 tls_names[tls], ipv6 ? "http6" : "http");
		if (!inbound)
			l->port = a->options->port ? a->options->port : APPLY_HTTP_PORT;
	} else {
		snprintf(l->name, sizeof(l->name), "%s%s%s %.*s", tls_names[tls], kind[protocol],
			 ipv6 ? "6" : "", L7FP_MAX_NAME - 24, name);
	}
}

static void want_capture(struct apply *a, const struct ir_capture *c, bool ipv6)
{
	uint32_t cluster = c->detect ? c->opaque_cluster : c->cluster;

	if (c->opaque || c->detect)
		want(a, c->opaque ? L7FP_PROTOCOL_OPAQUE : L7FP_PROTOCOL_DETECT,
		     a->cluster_id[cluster], ipv6, false, 0, a->ir->cluster[cluster].name);
	else
		want(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, ipv6, false, 0, NULL);
}

static bool for_both(const struct ir_capture *c)
{
	return IN6_IS_ADDR_UNSPECIFIED(&c->address);
}

static void want_inbound(struct apply *a)
{
	const struct ir_inbound *in = &a->ir->inbound;
	uint32_t cluster;
	size_t i, p;

	if (!in->captured)
		return;
	cluster = a->cluster_id[in->cluster];
	for (i = 0; i < in->n_addresses; i++) {
		bool ipv6 = is_ipv6(&in->address[i]);

		want(a, L7FP_PROTOCOL_DETECT, cluster, ipv6, true, in->tls, "inbound");
		for (p = 0; p < in->n_ports; p++)
			want(a, in->port[p].protocol, in->port[p].protocol == L7FP_PROTOCOL_HTTP ?
			     KERNEL_NONE : cluster, ipv6, true, in->port[p].tls, "inbound");
	}
}

static void want_all(struct apply *a)
{
	size_t i;

	want(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, false, false, 0, NULL);
	for (i = 0; i < a->ir->n_captures; i++) {
		const struct ir_capture *c = &a->ir->capture[i];

		want_capture(a, c, is_ipv6(&c->address));
		if (for_both(c))
			want_capture(a, c, false);
	}
	want_inbound(a);
}

static bool id_taken(const struct apply *a, uint32_t id, size_t n_made)
{
	size_t i;

	for (i = 0; i < a->kernel.n_listeners; i++)
		if (a->kernel.listener[i].id == id)
			return true;
	for (i = 0; i < n_made; i++)
		if (a->wanted[i].listener.id == id)
			return true;
	return false;
}

/* Whether an earlier listener of ours, which cannot stand for @l, has its address. */
static bool port_taken(const struct apply *a, const struct kernel_listener *l)
{
	size_t i;

	for (i = 0; i < a->kernel.n_listeners; i++)
		if (a->kernel.listener[i].port == l->port &&
		    !memcmp(&a->kernel.listener[i].address, &l->address, sizeof(l->address)))
			return true;
	return false;
}

static int make(struct apply *a, size_t index)
{
	struct wanted_listener *w = &a->wanted[index];
	uint32_t id = 1;
	int err;

	while (id_taken(a, id, index))
		id++;
	w->listener.id = id;
	if (!a->options->port && port_taken(a, &w->listener))
		w->listener.port = 0;
	err = kernel_listener_new(a->nl, &w->listener, a->error, a->error_len);
	if (err == -EADDRINUSE && w->listener.port && !a->options->port) {
		w->listener.port = 0;
		err = kernel_listener_new(a->nl, &w->listener, a->error, a->error_len);
	}
	if (is_ipv6(&w->listener.address) && (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)) {
		w->missing = true;
		a->result->no_ipv6 = true;
		return 0;
	}
	if (err)
		return err;
	apply_undo_push(a, UNDO_LISTENER, id, 0);
	w->is_new = true;
	return kernel_listener_get(a->nl, id, &w->listener, a->error, a->error_len);
}

int apply_listeners(struct apply *a, bool can_make)
{
	struct wanted_listener *http;
	size_t i, j;
	int err;

	want_all(a);
	for (i = 0; i < a->n_wanted; i++) {
		struct kernel_listener *l = &a->wanted[i].listener;

		for (j = 0; j < a->kernel.n_listeners; j++) {
			const struct kernel_listener *k = &a->kernel.listener[j];

			if (same(l, k) && (l->protocol != L7FP_PROTOCOL_HTTP ||
					   l->flags & L7FP_LISTENER_INBOUND ||
					   !a->options->port || k->port == a->options->port))
				break;
		}
		if (j < a->kernel.n_listeners) {
			*l = a->kernel.listener[j];
			continue;
		}
		if (!can_make) {
			a->wanted[i].missing = true;
			continue;
		}
		err = make(a, i);
		if (err)
			return err;
	}
	http = find_wanted(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, false, false, 0);
	a->result->http_port = http->listener.port;
	a->result->n_listeners = a->n_wanted;
	return 0;
}

/* No listener, no port: the hooks refuse such a connect. */
static uint16_t port_of(const struct apply *a, const struct ir_capture *c, bool ipv6)
{
	const struct wanted_listener *w;

	if (c->opaque || c->detect)
		w = find_wanted(a, c->opaque ? L7FP_PROTOCOL_OPAQUE : L7FP_PROTOCOL_DETECT,
				a->cluster_id[c->detect ? c->opaque_cluster : c->cluster], ipv6,
				false, 0);
	else
		w = find_wanted(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, ipv6, false, 0);
	return w && !w->missing ? w->listener.port : 0;
}

/* An authorization policy binds it; or its port is closed, for whatever reason. */
static bool is_guarded(const struct ir *ir, const struct ir_capture *c)
{
	const struct ir_cluster *cluster = &ir->cluster[c->cluster];

	return cluster->n_authorization ||
	       (c->opaque && !cluster->n_endpoints && cluster->kind == L7FP_CLUSTER_STATIC);
}

struct capture_service *apply_services(const struct apply *a)
{
	struct capture_service *list = apply_alloc(a->ir->n_captures + 1, sizeof(*list));
	size_t i;

	for (i = 0; i < a->ir->n_captures; i++) {
		const struct ir_capture *c = &a->ir->capture[i];

		list[i].address = c->address;
		list[i].port = c->port;
		list[i].guarded = is_guarded(a->ir, c);
		if (is_ipv6(&c->address))
			list[i].port6 = port_of(a, c, true);
		if (!is_ipv6(&c->address) || for_both(c))
			list[i].port4 = port_of(a, c, false);
	}
	return list;
}

/* The id of the listener for what arrives; one that is missing gets one that does not exist. */
uint32_t apply_inbound_listener(const struct apply *a, uint32_t protocol, uint32_t tls, bool ipv6)
{
	const struct wanted_listener *w;

	w = find_wanted(a, protocol, protocol == L7FP_PROTOCOL_HTTP ? KERNEL_NONE :
			a->cluster_id[a->ir->inbound.cluster], ipv6, true, tls);
	return w && !w->missing ? w->listener.id : KERNEL_NONE;
}

static bool is_wanted(const struct apply *a, uint32_t id)
{
	size_t i;

	for (i = 0; i < a->n_wanted; i++)
		if (!a->wanted[i].missing && a->wanted[i].listener.id == id)
			return true;
	return false;
}

size_t apply_count_stale_listeners(const struct apply *a)
{
	size_t i, n = 0;

	for (i = 0; i < a->kernel.n_listeners; i++)
		n += !is_wanted(a, a->kernel.listener[i].id);
	return n;
}

int apply_remove_listeners(struct apply *a, size_t *removed)
{
	int err = 0, e;
	size_t i;

	for (i = 0; i < a->kernel.n_listeners; i++) {
		if (is_wanted(a, a->kernel.listener[i].id))
			continue;
		e = kernel_listener_del(a->nl, a->kernel.listener[i].id, a->error, a->error_len);
		if (e && e != -ENOENT)
			err = e;
		else
			(*removed)++;
	}
	return err;
}
