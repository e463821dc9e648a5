/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inbound capture: connections that sk_lookup programs give to listeners.
 */
#ifndef _L7FP_STEER_H
#define _L7FP_STEER_H

#include "state.h"

struct bpf_sk_lookup;

/* Process context. After remove a grace period must pass before @ln goes. */
void l7fp_steer_add(struct l7fp_net *ln);
void l7fp_steer_remove(struct l7fp_net *ln);
/* Registers the kfunc; it goes with the module. */
int l7fp_steer_init(void);

/* The kfuncs; for sk_lookup programs only. */
int l7fp_steer(struct bpf_sk_lookup *ctx, u64 netns_cookie, u32 listener);
int l7fp_steer_cgroups(struct bpf_sk_lookup *ctx, u64 netns_cookie, u64 *id, u32 id__sz);

#endif /* _L7FP_STEER_H */
