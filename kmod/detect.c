// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners of protocol DETECT: HTTP/2 by its preface, HTTP/1 by the first
 * line; anything else is opaque, and so is TLS for the time being.
 *
 * The bytes looked at stay in d->head: what tells HTTP is the beginning of the
 * first request's head, and what turns out to be opaque is sent before all else
 * (l7fp_exchange_bound()). A client that waits for the server to speak sends
 * none: after the listener's time the connection is opaque.
 */
#include "downstream.h"
#include "h2.h"

void l7fp_detect_begin(struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	d->state = L7FP_D_DETECT;
	d->since = jiffies;
	if (d->down_eof)
		l7fp_downstream_begin(d, L7FP_PROTOCOL_OPAQUE);
	else
		l7fp_port_arm(&d->port, d->listener->config.detect_timeout_ms);
}

static void detected(struct l7fp_downstream *d, u32 protocol)
{
	l7fp_port_disarm(&d->port);
	d->head.scan = 0;
	l7fp_downstream_begin(d, protocol);
}

u32 l7fp_detect_input(struct l7fp_downstream *d, const struct bio_vec *v)
{
	u32 before = d->head.len;
	int taken, tells;

	lockdep_assert_held(&d->lock);
	taken = l7fp_buffer_fill(&d->head, v, 0, L7FP_MAX_HEAD - 1);
	if (taken < 0) {
		l7fp_downstream_close(d, true);
		return v->bv_len;
	}
	tells = l7fp_h2_detect(d->head.data, d->head.len);
	if (tells == L7FP_H1_MORE)
		return taken;
	if (tells > 0) {
		l7fp_buffer_free(&d->head);
		detected(d, L7FP_PROTOCOL_HTTP2);
		return tells - before;
	}
	tells = l7fp_h1_detect(d->head.data, d->head.len, &d->head.scan);
	if (tells == L7FP_H1_MORE && d->head.len < L7FP_MAX_HEAD - 1)
		return taken;
	if (tells < 0) {
		detected(d, L7FP_PROTOCOL_OPAQUE);
		return taken;
	}
	/* One that is too long, too: the parser answers 431. */
	if (tells > 0) {
		d->head.len = tells;
		taken = tells - before;
	}
	detected(d, L7FP_PROTOCOL_HTTP);
	return taken;
}

void l7fp_detect_eof(struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	d->down_eof = true;
	detected(d, L7FP_PROTOCOL_OPAQUE);
}

void l7fp_detect_timeout(struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	/* A request that is slow to come gets its 408, and is judged as a request. */
	detected(d, d->head.len ? L7FP_PROTOCOL_HTTP : L7FP_PROTOCOL_OPAQUE);
	if (d->blocked)
		d->port.ops->read(&d->port);
}
