// SPDX-License-Identifier: GPL-2.0-only
/*
 * What arrives for the workload that the policy is for: steered to listeners
 * by address and port, but for probes from the node on the ports declared for
 * them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apply_steps.h"
#include "lookup.h"

void apply_workload_cgroups(const struct apply *a, struct tables *tables)
{
	char ignored[ERROR_LEN];
	size_t i, k;

	(void)a;
	for (i = 0; i < tables->n_workloads; i++) {
		const char *cgroup = tables->workload[i].cgroup;

		if (!cgroup || capture_cgroup_id(cgroup, &tables->workload_cgroup[i], ignored,
						 sizeof(ignored))) {
			tables->workload_cgroup[i] = 0;
			continue;
		}
		/* A cgroup that two workloads name says nothing about either. */
		for (k = 0; k < i; k++)
			if (tables->workload_cgroup[k] == tables->workload_cgroup[i]) {
				tables->workload_cgroup[k] = 0;
				tables->workload_cgroup[i] = 0;
			}
	}
}

static bool is_probe_port(const struct ir_inbound *in, uint16_t port)
{
	size_t i;

	for (i = 0; i < in->n_probe_ports; i++)
		if (in->probe_port[i] == port)
			return true;
	return false;
}

static void add(const struct apply *a, struct lookup_entry *list, size_t *n,
		const struct in6_addr *address, uint16_t port, uint32_t protocol, uint32_t tls)
{
	struct lookup_entry *e = &list[(*n)++];

	e->address = *address;
	e->port = port;
	e->listener = apply_inbound_listener(a, protocol, tls, !IN6_IS_ADDR_V4MAPPED(address));
	e->probes = port && is_probe_port(&a->ir->inbound, port);
}

/* Of a port that may not be known. */
static struct ir_inbound_port port_of(const struct ir_inbound *in, uint16_t port)
{
	const struct ir_inbound_port unknown = {
		.port = port, .protocol = L7FP_PROTOCOL_DETECT, .tls = in->tls,
	};
	size_t i;

	for (i = 0; i < in->n_ports; i++)
		if (in->port[i].port == port)
			return in->port[i];
	return unknown;
}

/* Of each address: known ports, ports for probes alone, and all others. */
static struct lookup_entry *entries(const struct apply *a, size_t *n)
{
	const struct ir_inbound *in = &a->ir->inbound;
	struct lookup_entry *list;
	size_t i, p;

	*n = 0;
	list = apply_alloc(in->n_addresses * (1 + in->n_ports + in->n_probe_ports) + 1,
			   sizeof(*list));
	for (i = 0; i < in->n_addresses && in->captured; i++) {
		add(a, list, n, &in->address[i], 0, L7FP_PROTOCOL_DETECT, in->tls);
		for (p = 0; p < in->n_ports; p++)
			add(a, list, n, &in->address[i], in->port[p].port, in->port[p].protocol,
			    in->port[p].tls);
		for (p = 0; p < in->n_probe_ports; p++) {
			const struct ir_inbound_port port = port_of(in, in->probe_port[p]);

			add(a, list, n, &in->address[i], port.port, port.protocol, port.tls);
		}
	}
	return list;
}

int apply_inbound(struct apply *a)
{
	const struct ir_inbound *in = &a->ir->inbound;
	struct lookup_entry *list;
	size_t n;
	int err;

	if (!in->captured)
		return lookup_detach(&a->fs, a->error, a->error_len);
	list = entries(a, &n);
	err = lookup_set(&a->fs, list, n, in->node, in->n_nodes, false, a->error, a->error_len);
	free(list);
	a->result->n_inbound = n;
	return err;
}

static int guard_inbound(struct apply *a)
{
	const struct ir_inbound *in = &a->ir->inbound;
	struct lookup_entry *list;
	size_t n;
	int err;

	if (!in->captured)
		return 0;
	list = entries(a, &n);
	err = lookup_set(&a->fs, list, n, in->node, in->n_nodes, true, a->error, a->error_len);
	free(list);
	return err;
}

static int guard_outbound(struct apply *a, size_t *n_guarded)
{
	struct capture_service *list = apply_services(a);
	const char *const *cgroup;
	size_t i, n = 0, n_cgroups;
	uint64_t id;
	int err = 0;

	/* There is no listener: none of them has a port. */
	for (i = 0; i < a->ir->n_captures; i++)
		if (list[i].guarded)
			list[n++] = list[i];
	n_cgroups = apply_cgroups(a->options, &cgroup);
	if (n || capture_cgroups(&a->fs, &id, 1))
		err = capture_guard_set(&a->fs, cgroup, n_cgroups, list, n, a->error,
					a->error_len);
	free(list);
	*n_guarded = n;
	return err;
}

int apply_guard(const struct ir *ir, const struct apply_options *options, size_t *n_guarded,
		char *error, size_t error_len)
{
	struct apply a = {
		.ir = ir, .options = options, .fs = { .fd = -1 },
		.error = error, .error_len = error_len,
	};
	int err;

	*n_guarded = 0;
	a.cluster_id = apply_alloc(ir->n_clusters + 1, sizeof(*a.cluster_id));
	err = bpffs_open(&a.fs, 1, error, error_len);
	if (!err)
		err = guard_outbound(&a, n_guarded);
	if (!err)
		err = guard_inbound(&a);
	bpffs_close(&a.fs);
	free(a.cluster_id);
	return err;
}
