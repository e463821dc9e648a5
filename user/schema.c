// SPDX-License-Identifier: GPL-2.0-only
/* Judging documents by the tables. */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

struct checking {
	struct node_arena *arena;
};

/* What all fields below a field on the slow path inherit. */
struct inherited {
	enum node_verdict verdict;
	const char *reason;
};

void node_mark(struct node *node, enum node_verdict verdict, const char *reason)
{
	if (node->verdict >= verdict)
		return;
	node->verdict = verdict;
	node->reason = reason;
}

void node_mark_all(struct node *node, enum node_verdict verdict, const char *reason)
{
	size_t i;

	node_mark(node, verdict, reason);
	for (i = 0; i < node->n; i++)
		node_mark_all(node->child[i], verdict, reason);
}

enum node_verdict node_worst(const struct node *node, const struct node **where)
{
	enum node_verdict worst = node->verdict;
	size_t i;

	if (where)
		*where = node;
	for (i = 0; i < node->n; i++) {
		const struct node *at;
		enum node_verdict v = node_worst(node->child[i], &at);

		if (v > worst) {
			worst = v;
			if (where)
				*where = at;
		}
	}
	return worst;
}

int64_t schema_duration(const char *text)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "\302\265s", 1e3 }, { "ms", 1e6 },
		{ "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	double total = 0;

	if (!strcmp(text, "0"))
		return 0;
	if (!*text)
		return -1;
	while (*text) {
		size_t digits = strspn(text, "0123456789."), i;
		char *end;
		double value;

		if (!digits || digits > 32)
			return -1;
		value = strtod(text, &end);
		if (end != text + digits)
			return -1;
		text = end;
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			size_t n = strlen(units[i].name);

			/* "m" must not take the "m" of "ms". */
			if (strncmp(text, units[i].name, n) ||
			    (text[n] && !strchr("0123456789.", text[n])))
				continue;
			total += value * units[i].ns;
			text += n;
			break;
		}
		if (i == sizeof(units) / sizeof(units[0]) || total > 9e18)
			return -1;
	}
	return (int64_t)total;
}

static void invalid(struct node *n, const char *reason)
{
	node_mark(n, NODE_INVALID, reason);
}

static void wrong_type(struct checking *c, struct node *n, const char *expected)
{
	invalid(n, node_printf(c->arena, "expected %s, found %s%s", expected,
			       node_kind_name(n->kind),
			       !strcmp(expected, "a string") && n->kind < NODE_STRING &&
			       n->kind != NODE_NULL ? "; put it in quotes" : ""));
}

/* Edits between two short words, for "did you mean". */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i, j;
	unsigned int row[64], diagonal, next;

	if (n >= 64 || m >= 64)
		return 64;
	for (j = 0; j <= m; j++)
		row[j] = (unsigned int)j;
	for (i = 1; i <= n; i++) {
		diagonal = row[0];
		row[0] = (unsigned int)i;
		for (j = 1; j <= m; j++) {
			next = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < next)
				next = row[j] + 1;
			if (row[j - 1] + 1 < next)
				next = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = next;
		}
	}
	return row[m];
}

static void unknown_field(struct checking *c, const struct schema_object *object,
			  const struct node *key, struct node *value)
{
	const struct schema_field *f;
	char list[512] = "";
	size_t used = 0;

	for (f = object->field; f->type != SCHEMA_END; f++) {
		if (2 * distance(key->text, f->name) < strlen(f->name)) {
			invalid(value, node_printf(c->arena,
						   "unknown field \"%.100s\"; did you mean \"%s\"?",
						   key->text, f->name));
			return;
		}
		if (used + strlen(f->name) + 3 < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 used ? ", " : "", f->name);
	}
	invalid(value, node_printf(c->arena, "unknown field \"%.100s\"; known here: %s", key->text,
				   list));
}

static void check_object(struct checking *c, const struct schema_object *object, struct node *n,
			 struct inherited from);

static void check_string(struct checking *c, const struct schema_field *f, struct node *n,
			 struct inherited from)
{
	const struct schema_value *v;
	char list[512] = "";
	size_t used = 0;

	if (n->kind != NODE_STRING) {
		wrong_type(c, n, "a string");
		return;
	}
	if (strlen(n->text) != n->length) {
		invalid(n, "a string may not hold the byte 0");
		return;
	}
	if (!f->value)
		return;
	for (v = f->value; v->text; v++) {
		if (!strcmp(v->text, n->text)) {
			if (from.verdict != NODE_SLOW_PATH)
				node_mark(n, v->verdict, v->reason);
			return;
		}
		if (used + strlen(v->text) + 3 < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 used ? ", " : "", v->text);
	}
	invalid(n, node_printf(c->arena, "unknown value \"%.100s\"; expected one of %s", n->text,
			       list));
}

static void check_one(struct checking *c, const struct schema_field *f, struct node *n,
		      struct inherited from)
{
	int64_t ns;

	switch (f->type) {
	case SCHEMA_STRING:
		check_string(c, f, n, from);
		break;
	case SCHEMA_BOOL:
		if (n->kind != NODE_BOOL)
			wrong_type(c, n, "true or false");
		break;
	case SCHEMA_INT:
		if (n->kind != NODE_INT)
			wrong_type(c, n, "a number");
		else if ((f->min || f->max) && (n->integer < f->min || n->integer > f->max))
			invalid(n, node_printf(c->arena,
					       "%.40s is out of range; expected %lld to %lld",
					       n->text, (long long)f->min, (long long)f->max));
		break;
	case SCHEMA_NUMBER:
		if (n->kind != NODE_INT && n->kind != NODE_FLOAT)
			wrong_type(c, n, "a number");
		break;
	case SCHEMA_DURATION:
		if (n->kind != NODE_STRING) {
			wrong_type(c, n, "a duration like \"5s\"");
			break;
		}
		ns = schema_duration(n->text);
		if (ns < 0 || (ns < 1000000 && !(ns == 0 && f->min == 0)))
			invalid(n, node_printf(c->arena,
					       "\"%.40s\" is no duration; expected one like \"5s\" or \"100ms\", at least 1ms",
					       n->text));
		break;
	case SCHEMA_INT_OR_STRING:
		if (n->kind != NODE_INT && n->kind != NODE_STRING)
			wrong_type(c, n, "a number or a string");
		break;
	case SCHEMA_OBJECT:
		check_object(c, f->object, n, from);
		break;
	case SCHEMA_ANY:
		node_mark_all(n, from.verdict, from.reason);
		break;
	case SCHEMA_END:
		break;
	}
	node_mark(n, from.verdict, from.reason);
}

static void check_field(struct checking *c, const struct schema_field *f, struct node *n,
			struct inherited from)
{
	size_t i;

	if (n->kind == NODE_NULL) {
		node_mark(n, NODE_NO_EFFECT, "null is as if it were not there");
		return;
	}
	if (from.verdict != NODE_SLOW_PATH && from.verdict != NODE_NO_EFFECT) {
		from.verdict = f->verdict;
		from.reason = f->reason;
	}
	if (f->many == SCHEMA_ONE) {
		check_one(c, f, n, from);
		return;
	}
	if (n->kind != (f->many == SCHEMA_LIST ? NODE_LIST : NODE_MAP)) {
		wrong_type(c, n, f->many == SCHEMA_LIST ? "a list" : "a map");
		return;
	}
	for (i = 0; i < n->n; i++) {
		if (n->child[i]->kind != NODE_NULL)
			check_one(c, f, n->child[i], from);
		else if (f->many == SCHEMA_LIST || f->null_item)
			invalid(n->child[i],
				"nothing is written here; write the item, {} for an empty one");
		else
			node_mark(n->child[i], from.verdict, from.reason);
	}
	node_mark(n, from.verdict, from.reason);
}

static void check_object(struct checking *c, const struct schema_object *object, struct node *n,
			 struct inherited from)
{
	const struct schema_field *f;
	size_t i;

	if (n->kind != NODE_MAP) {
		wrong_type(c, n, "a map");
		return;
	}
	for (i = 0; i < n->n; i++) {
		for (f = object->field; f->type != SCHEMA_END; f++)
			if (!strcmp(f->name, n->key[i]->text))
				break;
		if (f->type != SCHEMA_END)
			check_field(c, f, n->child[i], from);
		else if (object->open)
			node_mark_all(n->child[i], NODE_NO_EFFECT, "");
		else
			unknown_field(c, object, n->key[i], n->child[i]);
	}
}

#define FIELD(n, t, m, v) { .name = n, .type = t, .many = m, .verdict = v }

static const struct schema_object metadata_object = {
	.field = (const struct schema_field[]) {
		FIELD("name", SCHEMA_STRING, SCHEMA_ONE, NODE_KERNEL),
		FIELD("namespace", SCHEMA_STRING, SCHEMA_ONE, NODE_KERNEL),
		FIELD("labels", SCHEMA_STRING, SCHEMA_MAP, NODE_NO_EFFECT),
		FIELD("annotations", SCHEMA_STRING, SCHEMA_MAP, NODE_NO_EFFECT),
		FIELD("creationTimestamp", SCHEMA_ANY, SCHEMA_ONE, NODE_KERNEL),
		{ 0 }
	},
	.open = true,
};

static const struct schema_field head_fields[] = {
	FIELD("apiVersion", SCHEMA_STRING, SCHEMA_ONE, NODE_KERNEL),
	FIELD("kind", SCHEMA_STRING, SCHEMA_ONE, NODE_KERNEL),
	{ .name = "metadata", .type = SCHEMA_OBJECT, .object = &metadata_object,
	  .verdict = NODE_KERNEL },
	FIELD("status", SCHEMA_ANY, SCHEMA_ONE, NODE_NO_EFFECT),
	{ 0 }
};

static const struct schema_field *find_field(const struct schema_field *f, const char *name)
{
	for (; f && f->type != SCHEMA_END; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

static void check_version(struct checking *c, const struct schema_kind *kind, struct document *d)
{
	struct node *n = node_get(d->root, "apiVersion");
	const char *slash = strchr(d->api_version, '/');
	const char *version = slash ? slash + 1 : d->api_version;
	const char * const *v;

	if (!n || !kind->version)
		return;
	for (v = kind->version; *v; v++)
		if (!strcmp(*v, version))
			return;
	invalid(n, node_printf(c->arena, "no version \"%.40s\" of this kind; expected %s/%s",
			       version, kind->group, kind->version[0]));
}

void schema_check(struct node_arena *arena, const struct schema_kind *kind, struct document *d)
{
	struct checking c = { arena };
	struct inherited none = { NODE_KERNEL, NULL };
	struct inherited slow = { NODE_SLOW_PATH, kind->reason };
	size_t i;

	check_version(&c, kind, d);
	for (i = 0; i < d->root->n; i++) {
		struct node *key = d->root->key[i], *n = d->root->child[i];
		const struct schema_field *f = find_field(head_fields, key->text);

		if (f) {
			check_field(&c, f, n, none);
		} else if (kind->role == ROLE_SLOW_PATH) {
			node_mark_all(n, slow.verdict, slow.reason);
		} else if (!strcmp(key->text, "spec") && kind->spec) {
			if (n->kind != NODE_NULL) {
				check_object(&c, kind->spec, n, none);
				node_mark(n, NODE_KERNEL, NULL);
			}
		} else if (kind->root && find_field(kind->root->field, key->text)) {
			check_field(&c, find_field(kind->root->field, key->text), n, none);
		} else if (kind->role == ROLE_INPUT) {
			node_mark_all(n, NODE_NO_EFFECT, "");
		} else {
			invalid(n, node_printf(arena,
					       "unknown field \"%.100s\"; known here: apiVersion, kind, metadata, spec",
					       key->text));
		}
	}
	node_mark(d->root, NODE_KERNEL, NULL);
}

static const struct schema_kind * const tables[] = {
	schema_istio, schema_gateway, schema_kubernetes, schema_other,
};

const struct schema_kind *schema_find(const char *group, const char *kind)
{
	const struct schema_kind *k;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (k = tables[i]; k->kind; k++)
			if (!strcmp(k->kind, kind) && !strcmp(k->group, group))
				return k;
	return NULL;
}

bool schema_group_is_policy(const char *group)
{
	const struct schema_kind *k;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (k = tables[i]; k->kind; k++)
			if (k->role != ROLE_INPUT && !strcmp(k->group, group))
				return true;
	return false;
}
