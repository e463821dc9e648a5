/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _L7FP_FUZZ_STUBS_H
#define _L7FP_FUZZ_STUBS_H

#include "downstream.h"
#include "drain.h"
#include "listener.h"
#include "netlink.h"
#include "path.h"
#include "policy.h"
#include "slowpath.h"
#include "state.h"
#include "tables.h"
#include "upstream.h"

/* The allocation that fails next, counted down; 0: none. */
extern unsigned int fuzz_fail_at;
/* References on sockets that the module holds. */
extern int fuzz_sockets;
/* Between l7fp_drain_begin() and l7fp_drain_stop(). */
extern bool fuzz_draining;
/* Called with each answer, which is freed afterwards. */
extern void (*fuzz_reply)(struct sk_buff *skb);

#endif /* _L7FP_FUZZ_STUBS_H */
