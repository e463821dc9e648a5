// SPDX-License-Identifier: GPL-2.0-only
/*
 * The values that policies compare: path, host and slots, looked up in the
 * request's head when they are first asked for.
 */
#include <linux/unaligned.h>
#include "downstream.h"
#include "match.h"
#include "path.h"
#include "tables.h"

#define STR(literal) ((struct l7fp_str){ .data = (literal), .len = sizeof(literal) - 1 })

/*
 * Copies the beginning of @src to @dst of @cap bytes, a multiple of 8, and
 * zeroes up to @dirty, where all that follows is zero already. Returns the new
 * @dirty. By words: this runs for every request.
 */
static u16 copy_padded(u8 *dst, u32 cap, u32 dirty, const u8 *src, u32 len)
{
	u32 i, n = min(len, cap);
	u64 last = 0;

	for (i = 0; i + 8 <= n; i += 8)
		put_unaligned(get_unaligned((const u64 *)(src + i)), (u64 *)(dst + i));
	if (i < n) {
		if (i) {
			last = get_unaligned_le64(src + n - 8) >> 8 * (8 - (n - i));
		} else {
			while (n-- > 0)
				last = last << 8 | src[n];
		}
		put_unaligned_le64(last, dst + i);
		i += 8;
	}
	n = i;
	for (; i < dirty; i += 8)
		*(u64 *)(dst + i) = 0;
	return n;
}

static void set_path(struct l7fp_exchange_kern *x, struct l7fp_str path, u32 query_off)
{
	x->path = path;
	x->query_off = query_off;
	x->pub.path_len = query_off;
	x->path_dirty = copy_padded(x->pub.path, sizeof(x->pub.path), x->path_dirty, path.data,
				    query_off);
	x->slot_resolved = 0;
}

void l7fp_fields_set_path(struct l7fp_exchange_kern *x, struct l7fp_str path)
{
	set_path(x, path, l7fp_path_query_off(path.data, path.len));
}

static void set_authority(struct l7fp_exchange_kern *x, struct l7fp_str host, const u8 *data,
			  u32 len)
{
	x->host = host;
	x->authority = (struct l7fp_str){ .data = data, .len = len };
	x->pub.authority_len = len;
	x->slot_resolved = 0;
}

bool l7fp_fields_set_host(struct l7fp_exchange_kern *x, struct l7fp_str host)
{
	u8 *dst = x->pub.authority;
	u32 port, n;
	int len;

	if (host.len && host.len == x->last_host_len &&
	    !memcmp(host.data, x->last_host, host.len)) {
		set_authority(x, host, dst, x->last_authority_len);
		return true;
	}
	x->last_host_len = 0;
	len = l7fp_host_normalize(dst, sizeof(x->pub.authority), host.data, host.len, &port);
	if (unlikely(len == L7FP_PATH_ERR_SPACE)) {
		dst = l7fp_arena_alloc(&x->arena, host.len);
		if (!dst) {
			x->failed = L7FP_REASON_OM;
			return false;
		}
		len = l7fp_host_normalize(dst, host.len, host.data, host.len, &port);
	}
	if (len < 0)
		return false;
	set_authority(x, host, dst, len);
	if (dst != x->pub.authority) {
		x->authority_dirty = copy_padded(x->pub.authority, sizeof(x->pub.authority),
						 x->authority_dirty, dst, len);
		return true;
	}
	if (host.len <= sizeof(x->last_host)) {
		memcpy(x->last_host, host.data, host.len);
		x->last_host_len = host.len;
		x->last_authority_len = len;
	}
	for (n = len; n % 8; n++)
		dst[n] = 0;
	len = n;
	for (; n < x->authority_dirty; n += 8)
		*(u64 *)(dst + n) = 0;
	x->authority_dirty = len;
	return true;
}

/* The normal form of @path in the arena. False: it must not be forwarded, or @x->failed. */
static bool normalize_path(struct l7fp_exchange_kern *x, struct l7fp_str *path)
{
	/* Nearly every path becomes shorter; the second size always suffices. */
	u32 cap = path->len + 1;
	int len;
	u8 *dst;

	for (;;) {
		dst = l7fp_arena_alloc(&x->arena, cap);
		if (!dst) {
			x->failed = L7FP_REASON_OM;
			return false;
		}
		len = l7fp_path_normalize(dst, cap, path->data, path->len, x->path_mode);
		if (len != L7FP_PATH_ERR_SPACE || cap > path->len + 1)
			break;
		cap = 3 * path->len + 2;
	}
	if (len < 0)
		return false;
	*path = (struct l7fp_str){ .data = dst, .len = len };
	return true;
}

bool l7fp_fields_init(struct l7fp_exchange_kern *x)
{
	const struct l7fp_h1_head *h = &x->request;
	struct l7fp_str path = { .data = x->head + h->path.off, .len = h->path.len };
	struct l7fp_str host = { .data = x->head + h->authority.off, .len = h->authority.len };

	u32 query_off;

	/* A tunnel has no path. */
	if (h->method == L7FP_METHOD_CONNECT)
		l7fp_fields_set_path(x, path);
	else if (likely(l7fp_path_is_normal(path.data, path.len, &query_off)))
		set_path(x, path, query_off);
	else if (normalize_path(x, &path))
		l7fp_fields_set_path(x, path);
	else
		return false;
	if (likely(host.len || h->host >= 0))
		return l7fp_fields_set_host(x, host);

	/* HTTP/1.0 may go without. */
	x->host = (struct l7fp_str){};
	x->authority = (struct l7fp_str){};
	x->pub.authority_len = 0;
	x->last_host_len = 0;
	x->authority_dirty = copy_padded(x->pub.authority, sizeof(x->pub.authority),
					 x->authority_dirty, x->head, 0);
	return true;
}

bool l7fp_fields_repeated(struct l7fp_exchange_kern *x)
{
	const struct l7fp_generation *generation = x->generation;
	const struct l7fp_h1_head *h = &x->request;
	u64 seen = 0, again = 0, bit;
	u32 i;

	if (!generation->n_slots)
		return false;
	for (i = 0; i < h->n_headers; i++) {
		bit = l7fp_name_bit(x->head + h->headers[i].name_off, h->headers[i].name_len);
		again |= seen & bit;
		seen |= bit;
	}
	x->names = seen;
	if (likely(!(again & generation->slot_bits)))
		return false;
	for (i = 0; i < generation->n_slots; i++) {
		const struct l7fp_slot *slot = &generation->slots[i];
		const struct l7fp_str *name = &slot->name;
		int first;

		if (slot->joined)
			continue;
		first = l7fp_h1_find(h, x->head, name->data, name->len, -1);
		if (first >= 0 && l7fp_h1_find(h, x->head, name->data, name->len, first) >= 0 &&
		    !(h->has_connection_options &&
		      l7fp_h1_connection_lists(h, x->head, name->data, name->len)))
			return true;
	}
	return false;
}

static struct l7fp_str header_value(const struct l7fp_exchange_kern *x, int i)
{
	const struct l7fp_h1_header *header = &x->request.headers[i];

	return (struct l7fp_str){ .data = x->head + header->value_off, .len = header->value_len };
}

/* What the client sent under @name, all lines joined with "," as Envoy joins them. */
static bool sent_value(struct l7fp_exchange_kern *x, struct l7fp_str name, struct l7fp_str *value)
{
	const struct l7fp_h1_head *h = &x->request;
	struct l7fp_str line;
	u32 total = 0;
	int i, first;
	u8 *p;

	first = l7fp_h1_find(h, x->head, name.data, name.len, -1);
	if (first < 0)
		return false;
	/* Not forwarded, so not there for policies either. */
	if (h->has_connection_options &&
	    l7fp_h1_connection_lists(h, x->head, name.data, name.len))
		return false;
	*value = header_value(x, first);
	if (l7fp_h1_find(h, x->head, name.data, name.len, first) < 0)
		return true;

	for (i = first; i >= 0; i = l7fp_h1_find(h, x->head, name.data, name.len, i))
		total += h->headers[i].value_len + 1;
	p = l7fp_arena_alloc(&x->arena, total);
	if (!p) {
		x->failed = L7FP_REASON_OM;
		return false;
	}
	*value = (struct l7fp_str){ .data = p, .len = total - 1 };
	for (i = first; i >= 0; i = l7fp_h1_find(h, x->head, name.data, name.len, i)) {
		line = header_value(x, i);
		memcpy(p, line.data, line.len);
		p += line.len;
		*p++ = ',';
	}
	return true;
}

static bool append_value(struct l7fp_exchange_kern *x, struct l7fp_str *value,
			 struct l7fp_str more)
{
	u8 *p = l7fp_arena_alloc(&x->arena, value->len + 1 + more.len);

	if (!p) {
		x->failed = L7FP_REASON_OM;
		return false;
	}
	memcpy(p, value->data, value->len);
	p[value->len] = ',';
	memcpy(p + value->len + 1, more.data, more.len);
	*value = (struct l7fp_str){ .data = p, .len = value->len + 1 + more.len };
	return true;
}

/*
 * Lays the header changes that apply so far over what the client sent. Seldom there are any: on
 * its own, so that its list is not cleared for nothing.
 */
static noinline bool changed_value(struct l7fp_exchange_kern *x, struct l7fp_str name,
				   bool present, struct l7fp_str *value)
{
	struct l7fp_header_ops list[L7FP_OPS_LISTS];
	u32 i, j, n = l7fp_request_ops(x, list);

	for (i = 0; i < n; i++) {
		for (j = 0; j < list[i].n; j++) {
			const struct l7fp_header_op *op = &list[i].op[j];

			if (op->lower.len != name.len ||
			    memcmp(op->lower.data, name.data, name.len))
				continue;
			if (op->kind == L7FP_HEADER_REMOVE) {
				present = false;
			} else if (op->kind == L7FP_HEADER_SET || !present) {
				*value = op->value;
				if (!value->data)
					*value = STR("");
				present = true;
			} else if (!append_value(x, value, op->value)) {
				return false;
			}
		}
	}
	return present;
}

bool l7fp_fields_header(struct l7fp_exchange_kern *x, const struct l7fp_slot *slot,
			struct l7fp_str *value)
{
	const struct l7fp_slice *method = &x->request.method_name;
	bool present;

	switch (slot->special) {
	case L7FP_SLOT_PATH:
		*value = x->path;
		return x->path.len;
	case L7FP_SLOT_AUTHORITY:
		*value = x->host;
		return x->host.data;
	case L7FP_SLOT_METHOD:
		*value = (struct l7fp_str){ .data = x->head + method->off, .len = method->len };
		return true;
	case L7FP_SLOT_SCHEME:
		*value = x->request.https ? STR("https") : STR("http");
		return true;
	}
	present = sent_value(x, slot->name, value);
	if (!present && slot->special == L7FP_SLOT_FORWARDED_PROTO &&
	    !(x->listener_flags & L7FP_LISTENER_NO_FORWARDED_PROTO)) {
		*value = STR("http");
		present = true;
	}
	if (x->failed)
		return false;
	if (likely(!l7fp_fields_changed(x)))
		return present;
	return changed_value(x, slot->name, present, value);
}

/* On its own, as what follows is asked for most often and needs no place on the stack. */
static noinline bool query_value(struct l7fp_exchange_kern *x, struct l7fp_str name,
				 struct l7fp_str *value)
{
	const u8 *query = x->path.data + x->query_off;
	struct l7fp_slice slice;

	if (!l7fp_query_param(query, x->path.len - x->query_off, name.data, name.len, &slice))
		return false;
	*value = (struct l7fp_str){ .data = query + slice.off, .len = slice.len };
	return true;
}

static bool slot_value(struct l7fp_exchange_kern *x, u32 i, struct l7fp_str *value)
{
	const struct l7fp_slot *slot;

	/* Not the same as absent: a program for other tables must not decide by it. */
	if (i >= x->generation->n_slots) {
		x->failed = L7FP_REASON_PE;
		return false;
	}
	if (!(x->slot_resolved & BIT_ULL(i))) {
		slot = &x->generation->slots[i];
		if (slot->kind == L7FP_SLOT_QUERY ? !query_value(x, slot->name, value) :
						    !l7fp_fields_header(x, slot, value))
			*value = (struct l7fp_str){};
		x->slot[i] = *value;
		x->slot_resolved |= BIT_ULL(i);
	}
	*value = x->slot[i];
	return value->data;
}

u64 l7fp_fields_present(struct l7fp_exchange_kern *x, u64 slots)
{
	const struct l7fp_slot *slot = x->generation->slots;
	u64 known = l7fp_fields_changed(x) ? 0 : ~0ULL, present = 0;
	struct l7fp_str value;
	u32 i;

	for (; slots; slots &= slots - 1) {
		i = __ffs64(slots);
		/* As l7fp_fields_absent() has it. */
		if (i < x->generation->n_slots && slot[i].bit & known & ~x->names)
			continue;
		if (slot_value(x, i, &value))
			present |= BIT_ULL(i);
	}
	return present;
}

/* Looked up once for an exchange, and only where the policy asks who the client is. */
static bool source_value(struct l7fp_exchange_kern *x, u32 field, struct l7fp_str *value)
{
	if (!x->workload_found) {
		x->workload = x->downstream ?
			      l7fp_downstream_workload(x->downstream, x->generation) :
			      l7fp_workload_find(x->generation, x->pub.conn, NULL);
		x->workload_found = 1;
	}
	return l7fp_workload_field(x->workload, field, value);
}

bool l7fp_fields_get(struct l7fp_exchange_kern *x, u32 field, struct l7fp_str *value)
{
	const struct l7fp_slice *method = &x->request.method_name;

	if (field >= L7FP_FIELD_SLOT)
		return slot_value(x, field - L7FP_FIELD_SLOT, value);
	switch (field) {
	case L7FP_FIELD_PATH:
		*value = (struct l7fp_str){ .data = x->path.data, .len = x->query_off };
		return true;
	case L7FP_FIELD_AUTHORITY:
		*value = x->authority;
		return x->authority.data;
	case L7FP_FIELD_METHOD:
		*value = (struct l7fp_str){ .data = x->head + method->off, .len = method->len };
		return true;
	case L7FP_FIELD_HOST:
		*value = x->host;
		return x->host.data;
	case L7FP_FIELD_SOURCE_PRINCIPAL:
	case L7FP_FIELD_SOURCE_NAMESPACE:
		return source_value(x, field, value);
	}
	x->failed = L7FP_REASON_PE;
	return false;
}
