// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "h1.h"
#include "match.h"
#include "path.h"
#include "policy_mock.h"

/* What the upper bits of a register may hold after a call of a C function. */
#define GARBAGE	0xabcdef0100000000ULL
#define GARBAGE_BOOL	0xabcdef0123456700ULL

#define MOCK_REGIONS	3	/* exchange, connection, context */

static char *join(const char *a, size_t a_len, const char *b, size_t b_len)
{
	char *s = malloc(a_len + b_len + 1);

	memcpy(s, a, a_len);
	memcpy(s + a_len, b, b_len);
	s[a_len + b_len] = 0;
	return s;
}

static void show(u8 *to, u32 room, u32 *len, const char *value, size_t n)
{
	memset(to, 0, room);
	memcpy(to, value, n < room ? n : room);
	*len = (u32)n;
}

static void show_path(struct mock *m)
{
	m->path_len = strlen(m->path);
	m->query = l7fp_path_query_off((const u8 *)m->path, (u32)m->path_len);
	show(m->x.path, L7FP_PATH_INLINE, &m->x.path_len, m->path, m->query);
}

static bool set_host(struct mock *m, const char *host)
{
	size_t len = strlen(host);
	char *lower = malloc(len + 1);
	u32 port;
	int n = l7fp_host_normalize((u8 *)lower, (u32)len, (const u8 *)host, (u32)len, &port);

	if (n < 0) {
		free(lower);
		return false;
	}
	lower[n] = 0;
	free(m->host);
	free(m->authority);
	m->host = strdup(host);
	m->authority = lower;
	m->has_host = true;
	show(m->x.authority, L7FP_AUTHORITY_INLINE, &m->x.authority_len, lower, (size_t)n);
	return true;
}

static void add_header(struct mock *m, const char *name, const char *value)
{
	if (m->n_headers == MOCK_HEADERS)
		abort();
	m->header[m->n_headers++] = (struct mock_header){ strdup(name), strdup(value) };
}

static void remove_header(struct mock *m, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_headers; i++) {
		if (strcasecmp(m->header[i].name, name)) {
			m->header[kept++] = m->header[i];
			continue;
		}
		free(m->header[i].name);
		free(m->header[i].value);
	}
	m->n_headers = kept;
}

static void change_headers(struct mock *m, const struct ir_header_ops *ops)
{
	for (size_t i = 0; i < ops->n; i++) {
		const struct ir_header_op *op = &ops->op[i];

		if (op->kind != L7FP_HEADER_ADD)
			remove_header(m, op->name);
		if (op->kind != L7FP_HEADER_REMOVE)
			add_header(m, op->name, op->value);
	}
}

static uint32_t respond(struct mock *m, uint32_t reason, uint32_t status)
{
	m->reason = reason;
	m->status = status;
	return L7FP_RESPOND;
}

static uint32_t route_call(struct mock *m, uint32_t id)
{
	const struct tables_route *entry;
	const struct ir_route *route;
	uint64_t total = 0, point;
	size_t i = 0;

	if (id >= m->tables->n_routes)
		return L7FP_VERDICT_NONE;
	entry = &m->tables->route[id];
	route = entry->route;
	m->x.route = id;
	if (route->kind == L7FP_ROUTE_SLOW_PATH)
		return L7FP_SLOW_PATH;
	if (route->kind != L7FP_ROUTE_FORWARD)
		return respond(m, L7FP_REASON_DR, route->status);
	for (size_t j = 0; j < route->n_clusters; j++)
		total += route->cluster[j].weight;
	if (!total)
		return respond(m, L7FP_REASON_NC, 503);
	point = m->pick * total >> 32;
	while (point >= route->cluster[i].weight)
		point -= route->cluster[i++].weight;
	m->x.cluster = entry->cluster_id[i];

	if (route->rewrite_kind != L7FP_REWRITE_NONE) {
		size_t cut = route->rewrite_match_len;
		const char *to = route->rewrite_path ? route->rewrite_path : "";
		char *path;

		if (route->rewrite_kind == L7FP_REWRITE_FULL || cut > m->query)
			cut = m->query;
		path = join(to, strlen(to), m->path + cut, m->path_len - cut);
		free(m->path);
		m->path = path;
		show_path(m);
	}
	if (route->rewrite_authority)
		set_host(m, route->rewrite_authority);
	change_headers(m, &route->cluster[i].request);
	change_headers(m, &route->request);
	return L7FP_FORWARD;
}

/* Names that are no header lines. */
static char *special_value(const struct mock *m, const char *name)
{
	if (!strcmp(name, ":path"))
		return m->path_len ? strdup(m->path) : NULL;
	if (!strcmp(name, ":authority") || !strcmp(name, "host"))
		return m->has_host ? strdup(m->host) : NULL;
	if (!strcmp(name, ":method"))
		return strdup(m->method);
	return strdup("http");
}

/* The header's lines joined, which the caller frees; NULL when there is none. */
static char *header_value(const struct mock *m, const char *name)
{
	char *value = NULL, *longer;

	if (name[0] == ':' || !strcmp(name, "host"))
		return special_value(m, name);
	for (size_t i = 0; i < m->n_headers; i++) {
		if (strcasecmp(m->header[i].name, name))
			continue;
		longer = value ? join(value, strlen(value), ",", 1) : strdup("");
		free(value);
		value = join(longer, strlen(longer), m->header[i].value,
			     strlen(m->header[i].value));
		free(longer);
	}
	return value;
}

/* Who the client is by the tables; the caller frees it. */
static char *source_value(const struct mock *m, uint32_t field)
{
	for (size_t i = 0; i < m->tables->n_workloads; i++) {
		const struct ir_workload *w = &m->tables->workload[i];

		for (size_t j = 0; j < w->n_addresses; j++)
			if (!memcmp(&w->address[j], m->conn.src_addr, sizeof(m->conn.src_addr)))
				return strdup(field == L7FP_FIELD_SOURCE_PRINCIPAL ?
					      w->principal : w->namespace);
	}
	return NULL;
}

static char *field_value(const struct mock *m, uint32_t field)
{
	const struct ir_slot *slot;
	struct l7fp_slice slice;

	switch (field) {
	case L7FP_FIELD_PATH:
		return join(m->path, m->query, "", 0);
	case L7FP_FIELD_AUTHORITY:
		return m->has_host ? strdup(m->authority) : NULL;
	case L7FP_FIELD_METHOD:
		return strdup(m->method);
	case L7FP_FIELD_HOST:
		return m->has_host ? strdup(m->host) : NULL;
	case L7FP_FIELD_SOURCE_PRINCIPAL:
	case L7FP_FIELD_SOURCE_NAMESPACE:
		return source_value(m, field);
	}
	if (field < L7FP_FIELD_SLOT || field - L7FP_FIELD_SLOT >= m->tables->n_slots)
		return NULL;
	slot = &m->tables->slot[field - L7FP_FIELD_SLOT];
	if (slot->kind == L7FP_SLOT_HEADER)
		return header_value(m, slot->name);
	if (!l7fp_query_param((const u8 *)m->path, (u32)m->path_len, (const u8 *)slot->name,
			      (u32)strlen(slot->name), &slice))
		return NULL;
	return join(m->path + slice.off, slice.len, "", 0);
}

static bool field_match(const struct mock *m, uint32_t field, uint32_t op, uint32_t string)
{
	const struct tables_string *pattern;
	char *value;
	bool match;

	if (string >= m->tables->n_strings)
		return false;
	pattern = &m->tables->string[string];
	value = field_value(m, field);
	match = value && l7fp_match(op, (const u8 *)value, (u32)strlen(value),
				    (const u8 *)pattern->data, pattern->len);
	free(value);
	return match;
}

static uint64_t field_buffer(struct mock *m, uint32_t field, uint32_t size)
{
	struct bpf_region *region = &m->machine.region[MOCK_REGIONS + m->n_buffers];
	char *value, *buffer;

	if (!size || size > L7FP_PATH_INLINE || m->n_buffers == MOCK_BUFFERS)
		abort();
	value = field_value(m, field);
	if (!value)
		return 0;
	buffer = calloc(1, size);
	memcpy(buffer, value, strlen(value) < size ? strlen(value) : size);
	free(value);
	m->buffer[m->n_buffers++] = (uint64_t *)buffer;
	*region = (struct bpf_region){ buffer, size };
	return (uintptr_t)buffer;
}

static uint32_t field_len(const struct mock *m, uint32_t field)
{
	char *value = field_value(m, field);
	uint32_t len = value ? (uint32_t)strlen(value) : ~0U;

	free(value);
	return len;
}

static uint64_t present(const struct mock *m, uint64_t slots)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < L7FP_MAX_SLOTS; i++) {
		char *value = slots >> i & 1 ? field_value(m, L7FP_FIELD_SLOT + i) : NULL;

		if (value)
			found |= 1ULL << i;
		free(value);
	}
	return found;
}

static void count_rule(struct mock *m, uint32_t rule)
{
	if (rule < m->tables->n_rules)
		m->x.rule = rule;
}

static uint64_t kfunc_call(void *context, enum synth_kfunc kfunc, const uint64_t arg[5])
{
	struct mock *m = context;
	uint32_t number = (uint32_t)arg[1];

	if (kfunc == SYNTH_CONNECT_MATCH || kfunc == SYNTH_CONNECT_RULE ?
	    arg[0] != (uintptr_t)&m->conn : arg[0] != (uintptr_t)&m->x)
		abort();
	switch (kfunc) {
	case SYNTH_CONNECT_MATCH:
		return GARBAGE_BOOL | field_match(m, number, (uint32_t)arg[2], (uint32_t)arg[3]);
	case SYNTH_CONNECT_RULE:
		count_rule(m, number);
		return GARBAGE;
	case SYNTH_ROUTE:
		return GARBAGE | route_call(m, number);
	case SYNTH_DENY:
		count_rule(m, number);
		return GARBAGE | respond(m, L7FP_REASON_RBAC, 403);
	case SYNTH_ALLOW:
		count_rule(m, number);
		m->allowed++;
		return GARBAGE;
	case SYNTH_NO_ROUTE:
		return GARBAGE | respond(m, L7FP_REASON_NR, 404);
	case SYNTH_SLOW_PATH:
		count_rule(m, number);
		return GARBAGE | L7FP_SLOW_PATH;
	case SYNTH_FIELD_MATCH:
		return GARBAGE_BOOL | field_match(m, number, (uint32_t)arg[2], (uint32_t)arg[3]);
	case SYNTH_FIELD:
		return field_buffer(m, number, (uint32_t)arg[2]);
	case SYNTH_FIELD_LEN:
		return GARBAGE | field_len(m, number);
	case SYNTH_HPACK_DECODE:
		return present(m, arg[1]);
	case __SYNTH_KFUNC_MAX:
		break;
	}
	abort();
}

static uint32_t method_number(const char *method)
{
	static const char *const name[] = { "",	      "GET",	 "HEAD",    "POST",  "PUT",
					    "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH" };

	for (uint32_t i = 1; i < __L7FP_METHOD_MAX; i++)
		if (!strcmp(method, name[i]))
			return i;
	return 0;
}

/* "Connection: name" takes headers of that name away; no other form is sent here. */
static void add_sent_headers(struct mock *m, const struct ir_request *r)
{
	bool has_proto = false;

	for (size_t i = 0; i < r->n_headers; i++) {
		bool hop = false;

		for (size_t j = 0; j < r->n_headers && !hop; j++)
			hop = !strcasecmp(r->header[j].name, "connection") &&
			      !strcasecmp(r->header[j].value, r->header[i].name);
		if (hop)
			continue;
		has_proto |= !strcasecmp(r->header[i].name, "x-forwarded-proto");
		add_header(m, r->header[i].name, r->header[i].value);
	}
	if (!has_proto)
		add_header(m, "x-forwarded-proto", "http");
}

bool mock_init(struct mock *m, const struct ir_request *r, uint32_t path_mode,
	       const struct tables *tables, uint32_t pick)
{
	size_t len = strlen(r->target);
	int n;

	*m = (struct mock){ .tables = tables, .pick = pick };
	m->x.conn = &m->conn;
	m->x.attempt = 1;
	m->x.cluster = m->x.route = m->x.rule = ~0U;
	m->x.method = method_number(r->method);
	m->method = strdup(r->method);
	memcpy(m->conn.src_addr, r->source_ip, sizeof(r->source_ip));
	memcpy(m->conn.dst_addr, r->destination_ip, sizeof(r->destination_ip));
	m->conn.src_port = r->source_port;
	m->conn.dst_port = r->destination_port;
	m->conn.inbound = r->inbound;
	add_sent_headers(m, r);
	m->path = malloc(3 * len + 2);
	n = l7fp_path_normalize((u8 *)m->path, (u32)(3 * len + 1), (const u8 *)r->target, (u32)len,
				path_mode);
	m->host = strdup("");
	m->authority = strdup("");
	if (n < 0 || (r->host && !set_host(m, r->host)))
		return false;
	m->path[n] = 0;
	show_path(m);
	return true;
}

/* The module asks no program then. */
static bool repeats_slot(const struct mock *m)
{
	for (size_t i = 0; i < m->tables->n_slots; i++) {
		const struct ir_slot *slot = &m->tables->slot[i];
		size_t n = 0;

		for (size_t j = 0; j < m->n_headers; j++)
			n += !strcasecmp(m->header[j].name, slot->name);
		if (slot->kind == L7FP_SLOT_HEADER && n > 1 && strcmp(slot->name, "host") &&
		    !l7fp_h1_lines_join((const u8 *)slot->name, (u32)strlen(slot->name)))
			return true;
	}
	return false;
}

uint32_t mock_run(struct mock *m, const struct synth_program *program, const char **wrong)
{
	const void *context[] = { &m->x };
	uint64_t r0 = L7FP_VERDICT_NONE;

	*wrong = NULL;
	if (repeats_slot(m))
		return L7FP_SLOW_PATH;
	m->machine = (struct bpf_machine){
		.region = { { &m->x, sizeof(m->x) }, { &m->conn, sizeof(m->conn) },
			    { context, sizeof(context) } },
		.call = kfunc_call,
		.context = m,
	};
	*wrong = bpf_run(&m->machine, program, context, &r0);
	return (uint32_t)r0;
}

uint32_t mock_run_connect(struct mock *m, const struct synth_program *program, uint32_t protocol,
			  const char **wrong)
{
	const struct synth_program connect = { .insn = program->connect, .n = program->n_connect };
	const void *context[] = { &m->conn };
	uint64_t r0 = 0;

	*wrong = NULL;
	m->conn.protocol = protocol;
	m->machine = (struct bpf_machine){
		.region = { { &m->x, sizeof(m->x) }, { &m->conn, sizeof(m->conn) },
			    { context, sizeof(context) } },
		.call = kfunc_call,
		.context = m,
	};
	if (program->connect)
		*wrong = bpf_run(&m->machine, &connect, context, &r0);
	return (uint32_t)r0;
}

void mock_free(struct mock *m)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		free(m->header[i].name);
		free(m->header[i].value);
	}
	for (size_t i = 0; i < m->n_buffers; i++)
		free(m->buffer[i]);
	free(m->path);
	free(m->host);
	free(m->authority);
	free(m->method);
}
