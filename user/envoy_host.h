/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _L7FP_ENVOY_HOST_H
#define _L7FP_ENVOY_HOST_H

#include <stddef.h>
#include <stdint.h>

struct envoy;
struct ir;

/* The member virtual_hosts of a route configuration for one destination port. */
void envoy_virtual_hosts(struct envoy *e, uint32_t port);
/* Likewise for what came to the workload, of every port. */
void envoy_inbound(struct envoy *e);
/* The destination ports that virtual hosts name, each once. The caller frees them. */
uint32_t *envoy_ports(const struct ir *ir, size_t *n);

#endif /* _L7FP_ENVOY_HOST_H */
