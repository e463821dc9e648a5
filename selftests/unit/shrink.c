// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include "shrink.h"

/* Arrays with more entries are only cut in pieces of this part of them and larger. */
#define SMALLEST_PIECE	512

struct walk {
	struct random_policy *r;
	struct ir *ir;
	size_t next, wanted;
	struct shrink_undo *undo;
};

static bool is_wanted(struct walk *w)
{
	return w->next++ == w->wanted;
}

/* Stores @size bytes of @value at @at. */
static void change(struct walk *w, void *at, const void *value, size_t size)
{
	if (w->undo) {
		struct shrink_undo *u = w->undo;

		if (u->n == sizeof(u->saved) / sizeof(u->saved[0]) ||
		    size > sizeof(u->saved[0].old))
			abort();
		u->saved[u->n].at = at;
		u->saved[u->n].size = size;
		memcpy(u->saved[u->n++].old, at, size);
	}
	memcpy(at, value, size);
}

/* Array *@array of *@n entries of @size bytes: takes away a run of them, long ones first. */
static bool cut_array(struct walk *w, void *array, size_t *n, size_t size)
{
	char *old, *copy;

	memcpy(&old, array, sizeof(old));
	for (size_t len = *n; len; len /= 2) {
		if (len < *n / SMALLEST_PIECE)
			break;
		for (size_t first = 0; first < *n; first += len) {
			size_t last = first + len < *n ? first + len : *n;
			size_t left = *n - (last - first);

			if (!is_wanted(w))
				continue;
			copy = ir_alloc(w->ir, left * size + 1);
			memcpy(copy, old, first * size);
			memcpy(copy + first * size, old + last * size, (*n - last) * size);
			change(w, array, &copy, sizeof(copy));
			change(w, n, &left, sizeof(left));
			return true;
		}
	}
	return false;
}

/* True stands in its place, false, or one of its children; then the children themselves. */
static bool cut_expr(struct walk *w, struct ir_expr **at)
{
	struct ir_expr *e = *at, *copy;

	if (!e || e->kind == IR_TRUE || e->kind == IR_FALSE)
		return false;
	for (int i = 0; i < 2; i++) {
		if (!is_wanted(w))
			continue;
		copy = i ? ir_false(w->ir) : ir_true(w->ir);
		change(w, at, &copy, sizeof(copy));
		return true;
	}
	for (size_t i = 0; i < e->n_children; i++)
		if (is_wanted(w)) {
			change(w, at, &e->child[i], sizeof(*at));
			return true;
		}
	if (e->n_children > 2 && cut_array(w, &e->child, &e->n_children, sizeof(*e->child)))
		return true;
	for (size_t i = 0; i < e->n_children; i++)
		if (cut_expr(w, &e->child[i]))
			return true;
	return false;
}

static bool cut_u32(struct walk *w, uint32_t *at, uint32_t value)
{
	if (*at == value || !is_wanted(w))
		return false;
	change(w, at, &value, sizeof(value));
	return true;
}

static bool cut_text(struct walk *w, const char **at, const char *value)
{
	if (*at == value || (*at && value && !strcmp(*at, value)) || !is_wanted(w))
		return false;
	change(w, at, &value, sizeof(value));
	return true;
}

static bool cut_virtual_host(struct walk *w, struct ir_virtual_host *host)
{
	const int32_t none = -1;

	if (cut_array(w, &host->match, &host->n_matches, sizeof(*host->match)))
		return true;
	if (host->fallback >= 0 && is_wanted(w)) {
		change(w, &host->fallback, &none, sizeof(none));
		return true;
	}
	if (cut_expr(w, &host->expr))
		return true;
	for (size_t i = 0; i < host->n_matches; i++)
		if (cut_expr(w, &host->match[i].expr))
			return true;
	return false;
}

static bool cut_route(struct walk *w, struct ir_route *route)
{
	uint32_t kind = route->kind, rewrite = route->rewrite_kind;

	for (size_t i = 0; i < route->n_clusters; i++)
		if (cut_array(w, &route->cluster[i].request.op, &route->cluster[i].request.n,
			      sizeof(struct ir_header_op)))
			return true;
	if (route->n_clusters > 1 && cut_array(w, &route->cluster, &route->n_clusters,
					       sizeof(*route->cluster)))
		return true;
	if (kind != L7FP_ROUTE_DIRECT && is_wanted(w)) {
		kind = L7FP_ROUTE_DIRECT;
		change(w, &route->kind, &kind, sizeof(kind));
		return true;
	}
	if (rewrite != L7FP_REWRITE_NONE && is_wanted(w)) {
		rewrite = L7FP_REWRITE_NONE;
		change(w, &route->rewrite_kind, &rewrite, sizeof(rewrite));
		return true;
	}
	return cut_array(w, &route->request.op, &route->request.n, sizeof(struct ir_header_op)) ||
	       cut_text(w, &route->rewrite_authority, NULL) ||
	       cut_text(w, &route->redirect_scheme, NULL) ||
	       cut_text(w, &route->redirect_authority, NULL) ||
	       cut_text(w, &route->redirect_path, NULL) || cut_u32(w, &route->redirect_port, 0);
}

static bool cut_request(struct walk *w, struct ir_request *q)
{
	const char *query = strchr(q->target, '?'), *port = q->host ? strchr(q->host, ':') : NULL;
	char *text;

	if (cut_array(w, &q->header, &q->n_headers, sizeof(*q->header)))
		return true;
	if (query && is_wanted(w)) {
		text = ir_strdup(w->ir, q->target);
		text[query - q->target] = 0;
		change(w, &q->target, &text, sizeof(text));
		return true;
	}
	if (port && is_wanted(w)) {
		text = ir_strdup(w->ir, q->host);
		text[port - q->host] = 0;
		change(w, &q->host, &text, sizeof(text));
		return true;
	}
	return cut_text(w, &q->target, "/") || cut_text(w, &q->host, "a") ||
	       cut_text(w, &q->method, "GET");
}

static bool cut_policy(struct walk *w)
{
	struct ir *ir = w->ir;

	if (cut_array(w, &ir->virtual_host, &ir->n_virtual_hosts, sizeof(*ir->virtual_host)))
		return true;
	for (size_t i = 0; i < ir->n_clusters; i++)
		if (cut_array(w, &ir->cluster[i].authorization, &ir->cluster[i].n_authorization,
			      sizeof(*ir->cluster[i].authorization)))
			return true;
	for (size_t i = 0; i < ir->n_authorization; i++)
		if (cut_array(w, &ir->authorization[i].rule, &ir->authorization[i].n_rules,
			      sizeof(*ir->authorization[i].rule)))
			return true;
	for (size_t i = 0; i < ir->n_virtual_hosts; i++)
		if (cut_virtual_host(w, &ir->virtual_host[i]))
			return true;
	for (size_t i = 0; i < ir->n_authorization; i++)
		for (size_t j = 0; j < ir->authorization[i].n_rules; j++)
			if (cut_expr(w, &ir->authorization[i].rule[j].expr))
				return true;
	for (size_t i = 0; i < ir->n_routes; i++)
		if (cut_route(w, &ir->route[i]))
			return true;
	return false;
}

bool shrink_cut(struct random_policy *r, struct ir_request *q, size_t index,
		struct shrink_undo *undo)
{
	struct walk w = { .r = r, .ir = r->ir, .wanted = index, .undo = undo };

	if (undo)
		undo->n = 0;
	return cut_policy(&w) || cut_request(&w, q);
}

void shrink_undo(struct shrink_undo *undo)
{
	while (undo->n) {
		undo->n--;
		memcpy(undo->saved[undo->n].at, undo->saved[undo->n].old,
		       undo->saved[undo->n].size);
	}
}

size_t shrink(struct random_policy *r, struct ir_request *q,
	      bool (*fails)(void *context, struct random_policy *r, const struct ir_request *q),
	      void *context, size_t tries, size_t **cut)
{
	size_t n = 0, room = 0, index = 0;
	struct shrink_undo undo;
	bool smaller = false;

	*cut = NULL;
	while (tries--) {
		if (!shrink_cut(r, q, index, &undo)) {
			if (!smaller)
				break;
			smaller = false;
			index = 0;
			continue;
		}
		if (!fails(context, r, q)) {
			shrink_undo(&undo);
			index++;
			continue;
		}
		if (n == room) {
			room = room ? 2 * room : 64;
			*cut = reallocarray(*cut, room, sizeof(**cut));
			if (!*cut)
				abort();
		}
		(*cut)[n++] = index;
		smaller = true;
	}
	return n;
}
