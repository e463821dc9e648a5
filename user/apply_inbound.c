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
		const struct in6_addr *address, uint16_t port, uint32_t protocol)
{
	struct lookup_entry *e = &list[(*n)++];

	e->address = *address;
	e->port = port;
	e->listener = apply_inbound_listener(a, protocol, !IN6_IS_ADDR_V4MAPPED(address));
	e->probes = port && is_probe_port(&a->ir->inbound, port);
}

static uint32_t protocol_of(const struct ir_inbound *in, uint16_t port)
{
	size_t i;

	for (i = 0; i < in->n_ports; i++)
		if (in->port[i].port == port)
			return in->port[i].protocol;
	return L7FP_PROTOCOL_DETECT;
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
		add(a, list, n, &in->address[i], 0, L7FP_PROTOCOL_DETECT);
		for (p = 0; p < in->n_ports; p++)
			add(a, list, n, &in->address[i], in->port[p].port, in->port[p].protocol);
		for (p = 0; p < in->n_probe_ports; p++)
			add(a, list, n, &in->address[i], in->probe_port[p],
			    protocol_of(in, in->probe_port[p]));
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

int apply_inbound_guard(const struct ir *ir, char *error, size_t error_len)
{
	struct apply a = { .ir = ir, .fs = { .fd = -1 } };
	struct lookup_entry *list;
	size_t n;
	int err;

	if (!ir->inbound.captured)
		return 0;
	a.cluster_id = apply_alloc(ir->n_clusters + 1, sizeof(*a.cluster_id));
	list = entries(&a, &n);
	err = bpffs_open(&a.fs, 1, error, error_len);
	if (!err)
		err = lookup_set(&a.fs, list, n, ir->inbound.node, ir->inbound.n_nodes, true,
				 error, error_len);
	bpffs_close(&a.fs);
	free(list);
	free(a.cluster_id);
	return err;
}
