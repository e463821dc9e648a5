// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an exchange: a request comes in, the policy decides, head and
 * body go to an upstream, and the response comes back.
 *
 * All functions here run under the downstream's lock; what they append is
 * sent by l7fp_session_leave().
 */
#include "compat.h"
#include "downstream.h"
#include "exchange_private.h"
#include "grpc.h"
#include "h2_connection.h"
#include "netlink.h"
#include "slowpath.h"
#include "trace.h"

static struct l7fp_str text(const char *s)
{
	return (struct l7fp_str){ (const u8 *)s, strlen(s) };
}

void l7fp_exchange_set_state(struct l7fp_downstream *d, u8 state)
{
	d->state = state;
	d->since = jiffies;
}

void l7fp_exchange_linger(struct l7fp_downstream *d)
{
	l7fp_port_finish(&d->port);
	l7fp_exchange_set_state(d, L7FP_D_DISCARD);
	if (d->blocked)
		d->port.ops->read(&d->port);
}

/* @classes: the counters rq_2xx to rq_5xx, which follow one another. */
static void count_class(u64 __percpu *classes, u32 status)
{
	u32 class = status / 100 - 2;

	if (class < 4)
		this_cpu_inc(classes[class]);
}

static void count_status(struct l7fp_downstream *d, struct l7fp_exchange_kern *x, u32 status)
{
	x->pub.status = status;
	this_cpu_inc(d->listener->stats->rq_total);
	count_class(&d->listener->stats->rq_2xx, status);
}

/* Tells whoever listens for events that a connection in use was lost. */
static void tell_lost(struct l7fp_downstream *d, struct l7fp_exchange_kern *x)
{
	switch (x->reason) {
	case L7FP_REASON_UF:
	case L7FP_REASON_UC:
	case L7FP_REASON_UR:
	case L7FP_REASON_DC:
		l7fp_event_connection_lost(d->port.ln, &d->conn, x->pub.cluster, x->reason);
	}
}

/* Frees the exchange; the upstream is gone or given back. */
static void exchange_free(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	if (!x)
		return;
	d->x = NULL;
	if (x->timeout_ms)
		l7fp_port_disarm(&d->port);
	if (x->decided) {
		l7fp_count(d->port.ln, downstream_rq_completed);
		this_cpu_inc(d->port.ln->stats->reason[x->reason]);
		if (x->grpc)
			this_cpu_inc(d->port.ln->stats->grpc[x->grpc_status]);
		trace_l7fp_exchange_done(x);
		tell_lost(d, x);
	}
	l7fp_port_count_sent(&d->port, &d->port.ln->stats->downstream_tx_bytes);
	if (d->old_upstream) {
		l7fp_port_put(&d->old_upstream->port);
		d->old_upstream = NULL;
	}
	l7fp_decide_done(x);
	l7fp_arena_free(&x->arena);
	l7fp_body_free(&d->request);
	l7fp_body_free(&d->response);
	l7fp_buffer_reset(&d->head);
	l7fp_exchange_free(x);
}

/* The response is complete: on to the next request, or to the end. */
static void exchange_finish(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	if (!x->request_done)
		d->close_after = true;
	exchange_free(d);
	if (d->close_after || d->port.stream) {
		l7fp_exchange_linger(d);
		return;
	}
	l7fp_exchange_set_state(d, L7FP_D_HEAD);
	if (d->blocked)
		d->port.ops->read(&d->port);
}

void l7fp_exchange_abort(struct l7fp_downstream *d, u32 reason)
{
	if (d->x && !d->x->reason)
		d->x->reason = reason;
	exchange_free(d);
}

void l7fp_exchange_reply(struct l7fp_downstream *d, u32 status, struct l7fp_str body, u32 reason)
{
	struct l7fp_exchange_kern *x = d->x;
	bool close = d->close_after || !x || !x->request_done || !x->request.keep_alive ||
		     l7fp_downstream_drains(d) || reason == L7FP_REASON_DPE;

	if (x) {
		x->reason = reason;
		x->response_started = 1;
		if (x->grpc)
			x->grpc_status = x->deadline && reason == L7FP_REASON_UT ?
					 L7FP_GRPC_DEADLINE_EXCEEDED : l7fp_grpc_status_of(status);
		count_status(d, x, status);
	}
	l7fp_count(d->port.ln, local_reply);
	if (close)
		d->close_after = true;
	if (d->upstream || d->connecting)
		l7fp_pool_put(d, false);
	if (l7fp_write_reply(x && x->decided ? x : NULL, &d->port, status, body, reason,
			     d->listener->config.flags, close)) {
		l7fp_downstream_close(d, true);
		return;
	}
	if (x)
		exchange_finish(d);
	else
		l7fp_exchange_linger(d);
}

void l7fp_exchange_reply_reason(struct l7fp_downstream *d, u32 status, u32 reason)
{
	l7fp_exchange_reply(d, status, text(l7fp_reason_text(reason)), reason);
}

/* A request that could not be parsed: answered, and the connection ends. */
static void bad_request(struct l7fp_downstream *d, int err)
{
	struct l7fp_exchange_kern *x = d->x;
	u32 status = l7fp_h1_error_status(err);

	d->close_after = true;
	x->request.method = L7FP_METHOD_OTHER;
	x->request.keep_alive = 0;
	x->request.minor = 1;
	x->decided = 0;
	this_cpu_inc(d->port.ln->stats->reason[L7FP_REASON_DPE]);
	l7fp_exchange_reply(d, status, text(l7fp_status_phrase(status)), L7FP_REASON_DPE);
}

/* Takes over the reference on @endpoint. @fresh: no idle connection will do. */
static void use_endpoint(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint, bool fresh)
{
	if (fresh || !l7fp_pool_take(endpoint, d)) {
		l7fp_pool_want(d, endpoint);
		return;
	}
	l7fp_endpoint_put(endpoint);
	if (l7fp_exchange_bound(d))
		l7fp_exchange_reply_reason(d, 503, L7FP_REASON_OM);
}

void l7fp_exchange_find_upstream(struct l7fp_downstream *d, struct l7fp_endpoint *not)
{
	struct l7fp_exchange_kern *x = d->x;
	struct l7fp_endpoint *endpoint = NULL;
	struct l7fp_cluster *cluster;

	if (x->slow_path) {
		endpoint = l7fp_slow_path_endpoint(d);
		if (endpoint)
			use_endpoint(d, endpoint, x->resent);
		else
			l7fp_exchange_reply_reason(d, 503, L7FP_REASON_OM);
		return;
	}
	rcu_read_lock();
	cluster = x->found ?: l7fp_cluster_find(d->port.ln, x->pub.cluster);
	if (cluster && !l7fp_cluster_speaks(cluster, d)) {
		rcu_read_unlock();
		l7fp_exchange_reply_reason(d, 502, L7FP_REASON_HV);
		return;
	}
	if (cluster) {
		if (!not && !x->resent)
			this_cpu_inc(cluster->stats->rq_total);
		endpoint = l7fp_pool_pick(cluster, d, not);
		if (!endpoint)
			this_cpu_inc(cluster->stats->no_endpoint);
	}
	rcu_read_unlock();
	if (!cluster) {
		l7fp_exchange_reply_reason(d, 503, L7FP_REASON_NC);
		return;
	}
	if (!endpoint) {
		l7fp_event_upstream_wanted(d->port.ln, x->pub.cluster);
		l7fp_exchange_reply_reason(d, 503, L7FP_REASON_UH);
		return;
	}
	/* What was sent on a stale connection goes over a new one. */
	use_endpoint(d, endpoint, x->resent || not);
}

int l7fp_exchange_bound(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	if (d->blocked)
		d->port.ops->read(&d->port);
	if (!x) {
		int err = d->head.len ? l7fp_port_send(&d->upstream->port, d->head.data,
						       d->head.len) : 0;

		l7fp_buffer_free(&d->head);
		if (d->down_eof)
			l7fp_port_finish(&d->upstream->port);
		return err;
	}
	/* Body bytes that another connection did not get sent go with their head. */
	if (d->old_upstream) {
		int err = d->port.stream ? l7fp_h2_resume(d) :
					   l7fp_port_move(&d->upstream->port,
							  &d->old_upstream->port);

		l7fp_port_put(&d->old_upstream->port);
		d->old_upstream = NULL;
		return err;
	}
	if (x->slow_path && l7fp_slow_path_bound(d))
		return -ENOMEM;
	return l7fp_write_request(x, &d->upstream->port, d->request.in);
}

void l7fp_exchange_arm_timeout(struct l7fp_downstream *d)
{
	if (d->x->timeout_ms && d->x->request_done)
		l7fp_port_arm(&d->port, d->x->timeout_ms);
}

static void forward(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	if (x->grpc && !x->slow_path)
		l7fp_exchange_grpc_timeout(x);
	x->upgrade = x->request.upgrade || x->request.method == L7FP_METHOD_CONNECT;
	l7fp_exchange_arm_timeout(d);
	l7fp_exchange_find_upstream(d, NULL);
}

/* What the policy said. @d->x may be gone afterwards. Under RCU, too. */
static void act_on(struct l7fp_downstream *d, int verdict)
{
	struct l7fp_exchange_kern *x = d->x;

	switch (verdict) {
	case L7FP_FORWARD:
		forward(d);
		return;
	case L7FP_RESET:
		x->reason = x->reply_reason;
		l7fp_downstream_close(d, true);
		return;
	case L7FP_SLOW_PATH:
		if (l7fp_slow_path_begin(x)) {
			forward(d);
			return;
		}
		fallthrough;
	default:
		l7fp_exchange_reply(d, x->reply_status ?: 503, x->reply_body, x->reply_reason);
		return;
	}
}

void l7fp_exchange_decide(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	x->decided = 1;
	d->n_exchanges++;
	l7fp_count(d->port.ln, downstream_rq_total);
	l7fp_body_begin(&d->request, x->request.body, x->request.body, x->request.content_length);
	l7fp_body_begin(&d->response, L7FP_BODY_NONE, L7FP_BODY_NONE, 0);
	x->request_done = d->request.done;
	l7fp_exchange_set_state(d, x->request_done ? L7FP_D_WAIT : L7FP_D_BODY);
	rcu_read_lock();
	act_on(d, l7fp_decide(x, d->port.ln));
	x = d->x;
	if (x)
		x->found = NULL;
	rcu_read_unlock();
}

/*
 * What is no request of HTTP/1 may be the preface of a client that speaks HTTP/2 (RFC 9113 3.3).
 * What l7fp_h2_detect() says; when it says that it is, the connection goes on with that.
 */
static int try_preface(struct l7fp_downstream *d)
{
	int len = d->n_exchanges ? L7FP_H1_ERR_BAD : l7fp_h2_detect(d->head.data, d->head.len);

	if (len == L7FP_H1_MORE) {
		/* The parser begins anew with the next bytes. */
		d->head.scan = 0;
	} else if (len > 0) {
		l7fp_exchange_abort(d, L7FP_REASON_NONE);
		l7fp_buffer_free(&d->head);
		if (!l7fp_h2_downstream_begin(d, true))
			l7fp_downstream_close(d, true);
	}
	return len;
}

/* Bytes of a request head. Returns how many of @v belong to it. */
static u32 head_input(struct l7fp_downstream *d, const struct bio_vec *v)
{
	/* Its first line may be there: what the connection speaks was told by it. */
	u32 before = d->head.len;
	int n, len;

	if (!d->x) {
		d->x = l7fp_exchange_new(d);
		if (!d->x) {
			l7fp_downstream_close(d, true);
			return v->bv_len;
		}
		d->since = jiffies;
	}
	n = l7fp_buffer_fill(&d->head, v, 0, L7FP_MAX_HEAD);
	if (n < 0) {
		l7fp_downstream_close(d, true);
		return v->bv_len;
	}
	len = l7fp_h1_parse_request(&d->x->request, d->head.data, d->head.len, &d->head.scan,
				    this_cpu_ptr(l7fp_exchange_lines));
	if (len < 0) {
		int preface = try_preface(d);

		if (preface == L7FP_H1_MORE)
			return n;
		if (preface > 0)
			return preface - before;
		bad_request(d, len);
		return v->bv_len;
	}
	if (!len)
		return n;
	d->head.len = len;
	d->x->head = d->head.data;
	d->rx_more |= v->bv_len > len - before;
	l7fp_exchange_decide(d);
	return len - before;
}

/* A transfer to the upstream failed for want of memory, or the body was malformed. */
static void request_body_failed(struct l7fp_downstream *d, int err)
{
	struct l7fp_exchange_kern *x = d->x;

	if (x->response_started) {
		x->reason = L7FP_REASON_DPE;
		l7fp_downstream_close(d, true);
		return;
	}
	d->close_after = true;
	if (err == -EPROTO || err == -EMSGSIZE)
		l7fp_exchange_reply_reason(d, 400, L7FP_REASON_DPE);
	else
		l7fp_exchange_reply_reason(d, 503, L7FP_REASON_OM);
}

static u32 tunnel_input(struct l7fp_port *to, const struct bio_vec *v, int *error)
{
	if (l7fp_port_full(to))
		return 0;
	*error = l7fp_port_send_page(to, v->bv_page, v->bv_offset, v->bv_len);
	return v->bv_len;
}

u32 l7fp_exchange_downstream_input(struct l7fp_downstream *d, const struct bio_vec *v)
{
	struct l7fp_exchange_kern *x = d->x;
	int error = 0;
	u32 n;

	lockdep_assert_held(&d->lock);
	switch (d->state) {
	case L7FP_D_DETECT:
		return l7fp_detect_input(d, v);
	case L7FP_D_HEAD:
		return head_input(d, v);
	case L7FP_D_BODY:
		if (!d->upstream)
			return 0;
		n = l7fp_body_input(&d->request, &d->upstream->port, v, &error);
		if (error) {
			request_body_failed(d, error);
			return v->bv_len;
		}
		x->request_bytes += n;
		if (d->request.done) {
			x->request_done = 1;
			l7fp_exchange_set_state(d, L7FP_D_WAIT);
			l7fp_exchange_arm_timeout(d);
		}
		return n;
	case L7FP_D_TUNNEL:
		if (!d->upstream)
			return 0;
		n = tunnel_input(&d->upstream->port, v, &error);
		if (error)
			l7fp_downstream_close(d, true);
		return n;
	case L7FP_D_DISCARD:
		return v->bv_len;
	case L7FP_D_CLOSED:
		/* Who sends more is to meet the reset, or TCP, not to be told that all went. */
		return d->close_reset || d->port.app_input ? 0 : v->bv_len;
	}
	return 0;
}

void l7fp_exchange_response_done(struct l7fp_downstream *d, u32 used)
{
	struct l7fp_exchange_kern *x = d->x;
	bool reusable;

	x->response_done = 1;
	/* Bytes behind a response are nobody's: they must not meet the next request. */
	reusable = x->request_done && x->response.keep_alive &&
		   x->response.body != L7FP_BODY_EOF && used == d->rx_left &&
		   !READ_ONCE(d->port.ln->draining);
	l7fp_pool_put(d, reusable);
	exchange_finish(d);
}

void l7fp_exchange_response_failed(struct l7fp_downstream *d, u32 reason)
{
	struct l7fp_exchange_kern *x = d->x;

	if (x->response_started) {
		/* Cut off, so that it cannot be taken for the whole. */
		x->reason = reason;
		l7fp_downstream_close(d, true);
		return;
	}
	reason = l7fp_slow_path_reason(d, reason);
	if (reason == L7FP_REASON_UPE)
		l7fp_exchange_reply_reason(d, 502, reason);
	else if (reason == L7FP_REASON_UT)
		l7fp_exchange_reply_reason(d, 504, reason);
	else
		l7fp_exchange_reply_reason(d, 503, reason);
}

/* Bytes pass both ways from here on. */
static void begin_tunnel(struct l7fp_downstream *d)
{
	l7fp_count(d->port.ln, tunnel);
	if (d->x && d->x->timeout_ms) {
		l7fp_port_disarm(&d->port);
		d->x->timeout_ms = 0;
	}
	l7fp_exchange_set_state(d, L7FP_D_TUNNEL);
	d->close_after = true;
	if (d->blocked)
		d->port.ops->read(&d->port);
}

void l7fp_exchange_begin_response(struct l7fp_downstream *d, const u8 *head, u32 used)
{
	struct l7fp_exchange_kern *x = d->x;
	struct l7fp_h1_head *h = &x->response;
	u8 out = h->body;

	if (h->body == L7FP_BODY_TUNNEL && !x->upgrade) {
		l7fp_exchange_response_failed(d, L7FP_REASON_UPE);
		return;
	}
	/* The end of a body must be told: by chunks to 1.1, by closing to 1.0. */
	if (h->body == L7FP_BODY_EOF && x->request.minor >= 1)
		out = L7FP_BODY_CHUNKED;
	else if (h->body == L7FP_BODY_CHUNKED && x->request.minor == 0)
		out = L7FP_BODY_EOF;
	if (out == L7FP_BODY_EOF || !x->request.keep_alive || !x->request_done ||
	    (out != L7FP_BODY_TUNNEL && l7fp_downstream_drains(d)))
		d->close_after = true;
	x->response_started = 1;
	count_status(d, x, h->status);
	count_class(&d->upstream->endpoint->cluster->stats->rq_2xx, h->status);
	l7fp_decide_response(x, h->status);
	l7fp_body_begin(&d->response, h->body, out, h->content_length);
	if (l7fp_write_response(x, head, &d->port, out, d->close_after)) {
		x->reason = L7FP_REASON_OM;
		l7fp_downstream_close(d, true);
		return;
	}
	l7fp_buffer_reset(&d->upstream->head);
	if (h->body == L7FP_BODY_TUNNEL)
		begin_tunnel(d);
	else if (d->response.done)
		l7fp_exchange_response_done(d, used);
}

static u32 response_head_input(struct l7fp_downstream *d, const struct bio_vec *v)
{
	struct l7fp_buffer *head = &d->upstream->head;
	struct l7fp_exchange_kern *x = d->x;
	u32 before = head->len;
	int n, len;

	n = l7fp_buffer_fill(head, v, 0, L7FP_MAX_HEAD);
	if (n < 0) {
		l7fp_exchange_response_failed(d, L7FP_REASON_OM);
		return v->bv_len;
	}
	len = l7fp_h1_parse_response(&x->response, head->data, head->len, &head->scan,
				     x->request.method, this_cpu_ptr(l7fp_exchange_lines));
	if (len < 0) {
		l7fp_exchange_response_failed(d, L7FP_REASON_UPE);
		return v->bv_len;
	}
	if (!len)
		return n;
	if (x->response.status >= 100 && x->response.status < 200 && x->response.status != 101) {
		/* RFC 9110 15.2: a 1.0 client knows no interim responses. */
		if (++x->interim > L7FP_INTERIM_MAX) {
			l7fp_exchange_response_failed(d, L7FP_REASON_UPE);
			return v->bv_len;
		}
		if (x->request.minor >= 1 && l7fp_write_interim(x, head->data, &d->port)) {
			l7fp_exchange_response_failed(d, L7FP_REASON_OM);
			return v->bv_len;
		}
		head->len = 0;
		head->scan = 0;
		return len - before;
	}
	l7fp_exchange_begin_response(d, head->data, len - before);
	return len - before;
}

u32 l7fp_exchange_upstream_input(struct l7fp_downstream *d, const struct bio_vec *v)
{
	struct l7fp_exchange_kern *x = d->x;
	int error = 0;
	u32 n;

	lockdep_assert_held(&d->lock);
	if (d->state == L7FP_D_TUNNEL) {
		n = tunnel_input(&d->port, v, &error);
		if (error)
			l7fp_downstream_close(d, true);
		return n;
	}
	if (!x || d->state == L7FP_D_CLOSED)
		return v->bv_len;
	if (!x->response_started)
		return response_head_input(d, v);
	n = l7fp_body_input(&d->response, &d->port, v, &error);
	if (error) {
		l7fp_exchange_response_failed(d, L7FP_REASON_UPE);
		return v->bv_len;
	}
	x->response_bytes += n;
	if (d->response.done)
		l7fp_exchange_response_done(d, n);
	return n;
}

static void tunnel_eof(struct l7fp_downstream *d)
{
	/* The last bytes may still be queued; the sweep closes what does not drain. */
	if (!d->down_eof || !d->up_eof)
		return;
	exchange_free(d);
	l7fp_exchange_linger(d);
}

void l7fp_exchange_downstream_eof(struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	switch (d->state) {
	case L7FP_D_NEW:
		d->down_eof = true;
		return;
	case L7FP_D_DETECT:
		l7fp_detect_eof(d);
		return;
	case L7FP_D_WAIT:
		/* Half-closed (RFC 9112 9.6): the answer is still due. */
		d->close_after = true;
		return;
	case L7FP_D_TUNNEL:
		d->down_eof = true;
		if (d->upstream)
			l7fp_port_finish(&d->upstream->port);
		tunnel_eof(d);
		return;
	case L7FP_D_BODY:
		l7fp_exchange_abort(d, L7FP_REASON_DC);
		break;
	}
	l7fp_downstream_close(d, false);
}

/* The peer closed a pooled connection as we used it: safe requests go again, once. */
static bool resend(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	if (x->resent || d->upstream->n_exchanges < 2 || d->upstream->head.len || x->interim)
		return false;
	if (x->request.body != L7FP_BODY_NONE)
		return false;
	switch (x->request.method) {
	case L7FP_METHOD_GET:
	case L7FP_METHOD_HEAD:
	case L7FP_METHOD_OPTIONS:
	case L7FP_METHOD_TRACE:
		break;
	default:
		return false;
	}
	this_cpu_inc(d->upstream->endpoint->cluster->stats->rq_resent);
	l7fp_count(d->port.ln, upstream_rq_resent);
	x->resent = 1;
	l7fp_pool_put(d, false);
	l7fp_exchange_find_upstream(d, NULL);
	return true;
}

void l7fp_exchange_upstream_eof(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	if (d->state == L7FP_D_TUNNEL) {
		d->up_eof = true;
		l7fp_port_finish(&d->port);
		tunnel_eof(d);
		return;
	}
	if (!x)
		return;
	if (x->response_started) {
		if (l7fp_body_eof(&d->response, &d->port))
			l7fp_exchange_response_failed(d, L7FP_REASON_UC);
		else
			l7fp_exchange_response_done(d, 0);
		return;
	}
	if (!resend(d))
		l7fp_exchange_response_failed(d, L7FP_REASON_UC);
}

void l7fp_exchange_upstream_failed(struct l7fp_downstream *d, u32 reason)
{
	struct l7fp_exchange_kern *x = d->x;
	struct l7fp_endpoint *endpoint;
	struct l7fp_cluster *cluster;

	lockdep_assert_held(&d->lock);
	if (!x) {
		l7fp_downstream_close(d, true);
		return;
	}
	if (reason != L7FP_REASON_UF) {
		if (!x->response_started && !x->upgrade && d->upstream && resend(d))
			return;
		if (d->state == L7FP_D_TUNNEL)
			l7fp_downstream_close(d, true);
		else
			l7fp_exchange_response_failed(d, reason);
		return;
	}
	/* Not connected: nothing was sent, so another endpoint may be tried. */
	if (!x->connect_retries) {
		l7fp_exchange_response_failed(d, reason);
		return;
	}
	x->connect_retries--;
	x->pub.attempt++;
	endpoint = d->upstream->endpoint;
	cluster = endpoint->cluster;
	this_cpu_inc(cluster->stats->rq_retry);
	refcount_inc(&endpoint->refs);
	if (x->request_bytes || (d->port.stream && x->request_done)) {
		d->old_upstream = d->upstream;
		l7fp_port_get(&d->old_upstream->port);
	}
	l7fp_pool_put(d, false);
	l7fp_exchange_find_upstream(d, endpoint);
	l7fp_endpoint_put(endpoint);
}

void l7fp_exchange_timeout(struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	if (!d->x || !d->x->decided)
		return;
	if (d->upstream)
		this_cpu_inc(d->upstream->endpoint->cluster->stats->rq_timeout);
	l7fp_exchange_response_failed(d, L7FP_REASON_UT);
}

void l7fp_exchange_head_timeout(struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	/* Nothing of what came can be relied on. */
	if (d->x) {
		d->x->request.minor = 1;
		d->x->request.keep_alive = 0;
		d->x->request.method = L7FP_METHOD_OTHER;
	}
	this_cpu_inc(d->port.ln->stats->reason[L7FP_REASON_DT]);
	l7fp_exchange_reply_reason(d, 408, L7FP_REASON_DT);
}

void l7fp_exchange_stalled(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = d->x;

	lockdep_assert_held(&d->lock);
	if (x->response_started) {
		x->reason = L7FP_REASON_DT;
		l7fp_downstream_close(d, true);
	} else {
		l7fp_exchange_reply_reason(d, 408, L7FP_REASON_DT);
	}
}

void l7fp_exchange_opaque(struct l7fp_downstream *d)
{
	struct l7fp_cluster *cluster;
	struct l7fp_endpoint *endpoint = NULL;

	lockdep_assert_held(&d->lock);
	l7fp_count(d->port.ln, opaque);
	l7fp_exchange_set_state(d, L7FP_D_TUNNEL);
	rcu_read_lock();
	cluster = l7fp_cluster_find(d->port.ln, d->opaque_cluster);
	if (cluster)
		endpoint = l7fp_pool_pick(cluster, d, NULL);
	rcu_read_unlock();
	if (!endpoint) {
		l7fp_downstream_close(d, true);
		return;
	}
	l7fp_pool_want(d, endpoint);
}
