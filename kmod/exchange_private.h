/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the exchange share with each other only. All run under the downstream's lock.
 */
#ifndef _L7FP_EXCHANGE_PRIVATE_H
#define _L7FP_EXCHANGE_PRIVATE_H

#include "downstream.h"

/* Interim responses of one exchange that are passed on. */
#define L7FP_INTERIM_MAX	16

/* exchange_memory.c. Bottom halves off. */
extern struct l7fp_h1_lines __percpu *l7fp_exchange_lines;

/* exchange.c */
void l7fp_exchange_set_state(struct l7fp_downstream *d, u8 state);
/* The request's head is complete: the policy decides. */
void l7fp_exchange_decide(struct l7fp_downstream *d);
/* Finds an upstream for the decided exchange; connects when no idle one is there. */
void l7fp_exchange_find_upstream(struct l7fp_downstream *d, struct l7fp_endpoint *not);
/* The route's time runs from the end of the request, as Envoy has it. */
void l7fp_exchange_arm_timeout(struct l7fp_downstream *d);
/* Answers by ourselves; nothing of a response was sent yet. */
void l7fp_exchange_reply(struct l7fp_downstream *d, u32 status, struct l7fp_str body, u32 reason);
void l7fp_exchange_reply_reason(struct l7fp_downstream *d, u32 status, u32 reason);
/* The response's head, @head, is complete: which body follows, and how it is written. */
void l7fp_exchange_begin_response(struct l7fp_downstream *d, const u8 *head, u32 used);
/* @used of the bytes that came with this event were the response's. */
void l7fp_exchange_response_done(struct l7fp_downstream *d, u32 used);
void l7fp_exchange_response_failed(struct l7fp_downstream *d, u32 reason);

#endif /* _L7FP_EXCHANGE_PRIVATE_H */
