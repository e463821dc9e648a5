// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exchanges over streams of HTTP/2: a stream carries one, so that both messages' ends are events
 * of their own, and nothing follows a response.
 *
 * All functions here run under the downstream's lock, as those of exchange.c.
 */
#include "downstream.h"
#include "exchange_private.h"
#include "grpc.h"
#include "h2_connection.h"

void l7fp_exchange_stream_request(struct l7fp_downstream *d, int err)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	x->grpc = !err && l7fp_grpc_request(&x->request, x->head);
	x->grpc_status = L7FP_GRPC_STATUS_NONE;
	if (!err) {
		l7fp_exchange_decide(d);
		return;
	}
	/* No policy sees it; what is said of the body is not relied on. */
	x->request.method = L7FP_METHOD_OTHER;
	x->decided = 0;
	this_cpu_inc(d->port.ln->stats->reason[L7FP_REASON_DPE]);
	l7fp_exchange_reply_reason(d, l7fp_h1_error_status(err), L7FP_REASON_DPE);
}

/*
 * The client's deadline, where the route has no shorter one: Envoy's, with the max_grpc_timeout
 * that Istio gives it.
 */
void l7fp_exchange_grpc_timeout(struct l7fp_exchange_kern *x)
{
	u32 ms = l7fp_grpc_timeout(&x->request, x->head);

	if (!ms || (x->timeout_ms && x->timeout_ms < ms))
		return;
	x->timeout_ms = ms;
	x->deadline = 1;
}

bool l7fp_exchange_downstream_end(struct l7fp_downstream *d, struct l7fp_h2_trailers *trailers)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	if (d->state != L7FP_D_BODY) {
		l7fp_h2_trailers_free(trailers);
		return true;
	}
	if (!d->upstream) {
		d->blocked = true;
		return false;
	}
	d->request.done = true;
	x->request_done = 1;
	l7fp_exchange_set_state(d, L7FP_D_WAIT);
	l7fp_exchange_arm_timeout(d);
	l7fp_h2_stream_end(&d->upstream->port, trailers);
	return true;
}

void l7fp_exchange_stream_response(struct l7fp_downstream *d, const u8 *head)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	if (x->response.status >= 200) {
		/* A response that is an error may be its head alone. */
		if (x->grpc)
			x->grpc_status = l7fp_grpc_status(x->response.headers,
							  x->response.n_headers, head);
		l7fp_exchange_begin_response(d, head, 0);
		return;
	}
	if (++x->interim > L7FP_INTERIM_MAX)
		l7fp_exchange_response_failed(d, L7FP_REASON_UPE);
	else if (l7fp_write_interim(x, head, &d->port))
		l7fp_exchange_response_failed(d, L7FP_REASON_OM);
}

void l7fp_exchange_upstream_end(struct l7fp_downstream *d, struct l7fp_h2_trailers *trailers)
{
	lockdep_assert_held(&d->lock);
	if (!d->x || !d->x->response_started || d->response.done) {
		l7fp_h2_trailers_free(trailers);
		return;
	}
	d->response.done = true;
	if (d->x->grpc && trailers)
		d->x->grpc_status = l7fp_grpc_status(trailers->headers, trailers->n,
						     trailers->buf);
	l7fp_h2_stream_end(&d->port, trailers);
	l7fp_exchange_response_done(d, 0);
}

void l7fp_exchange_upstream_refused(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	/* RFC 9113 8.7: nothing was done with it; once more, if all of it is still there. */
	if (x->resent || x->response_started || x->interim || d->upstream->port.stream->moved) {
		l7fp_exchange_response_failed(d, L7FP_REASON_UR);
		return;
	}
	this_cpu_inc(d->upstream->endpoint->cluster->stats->rq_resent);
	l7fp_count(d->port.ln, upstream_rq_resent);
	x->resent = 1;
	if (x->request_bytes || x->request_done) {
		d->old_upstream = d->upstream;
		l7fp_port_get(&d->old_upstream->port);
	}
	l7fp_pool_put(d, false);
	l7fp_exchange_find_upstream(d, NULL);
}
