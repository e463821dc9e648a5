// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners: one for HTTP and one for each cluster of opaque captures, on
 * 127.0.0.1 and, where IPv6 addresses are captured, on ::1.
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
	       (l->protocol != L7FP_PROTOCOL_HTTP || l->path_mode == k->path_mode) &&
	       !memcmp(&l->address, &k->address, sizeof(l->address));
}

static struct wanted_listener *find_wanted(const struct apply *a, uint32_t protocol,
					   uint32_t cluster, bool ipv6)
{
	size_t i;

	for (i = 0; i < a->n_wanted; i++) {
		const struct kernel_listener *l = &a->wanted[i].listener;

		if (l->protocol == protocol && l->cluster == cluster &&
		    is_ipv6(&l->address) == ipv6)
			return &a->wanted[i];
	}
	return NULL;
}

static void want(struct apply *a, uint32_t protocol, uint32_t cluster, bool ipv6,
		 const char *name)
{
	struct kernel_listener *l;

	if (find_wanted(a, protocol, cluster, ipv6))
		return;
	a->wanted = reallocarray(a->wanted, a->n_wanted + 1, sizeof(*a->wanted));
	if (!a->wanted) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	memset(&a->wanted[a->n_wanted], 0, sizeof(*a->wanted));
	l = &a->wanted[a->n_wanted++].listener;
	l->protocol = protocol;
	l->cluster = cluster;
	l->flags = a->options->listener_flags;
	l->path_mode = a->ir->path_mode;
	loopback(&l->address, ipv6);
	if (protocol == L7FP_PROTOCOL_HTTP) {
		snprintf(l->name, sizeof(l->name), "%s", ipv6 ? "http6" : "http");
		l->port = a->options->port ? a->options->port : APPLY_HTTP_PORT;
	} else {
		snprintf(l->name, sizeof(l->name), "%s%.*s", ipv6 ? "opaque6 " : "opaque ",
			 L7FP_MAX_NAME - 8, name);
	}
}

static void want_all(struct apply *a)
{
	size_t i;

	want(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, false, NULL);
	for (i = 0; i < a->ir->n_captures; i++) {
		const struct ir_capture *c = &a->ir->capture[i];

		if (c->opaque)
			want(a, L7FP_PROTOCOL_OPAQUE, a->cluster_id[c->cluster],
			     is_ipv6(&c->address), a->ir->cluster[c->cluster].name);
		else
			want(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, is_ipv6(&c->address), NULL);
	}
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
	http = find_wanted(a, L7FP_PROTOCOL_HTTP, KERNEL_NONE, false);
	a->result->http_port = http->listener.port;
	a->result->n_listeners = a->n_wanted;
	return 0;
}

/* No listener, no port: the hooks refuse such a connect. */
static uint16_t port_of(const struct apply *a, const struct ir_capture *c)
{
	const struct wanted_listener *w;

	w = find_wanted(a, c->opaque ? L7FP_PROTOCOL_OPAQUE : L7FP_PROTOCOL_HTTP,
			c->opaque ? a->cluster_id[c->cluster] : KERNEL_NONE, is_ipv6(&c->address));
	return w && !w->missing ? w->listener.port : 0;
}

/* An authorization policy binds it; or its port is closed, for whatever reason. */
static bool is_guarded(const struct ir *ir, const struct ir_capture *c)
{
	const struct ir_cluster *cluster = &ir->cluster[c->cluster];

	return cluster->n_authorization || (c->opaque && !cluster->n_endpoints);
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
			list[i].port6 = port_of(a, c);
		else
			list[i].port4 = port_of(a, c);
	}
	return list;
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
