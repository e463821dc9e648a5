// SPDX-License-Identifier: GPL-2.0-only
/*
 * libyaml's events to a tree. Every allocation is bounded by the limits of
 * yaml.h before it is made; aliases count as what they expand to, so that a
 * few lines cannot become gigabytes.
 */
#include "node.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ARENA_BLOCK	65536
#define MERGE_MAX_STEPS	10000000	/* comparisons of one "<<" */

struct block {
	struct block *next;
	size_t used, size;
	max_align_t data[];
};

struct node_arena {
	struct block *block;
};

struct anchor {
	char *name;
	struct node *node;
};

struct reader {
	struct node_arena *arena;
	struct diagnostics *diag;
	const char *file;
	yaml_parser_t parser;
	size_t n_nodes;
	unsigned int depth;
	struct anchor anchor[YAML_MAX_ANCHORS];
	size_t n_anchors;
	bool failed;
};

struct node_arena *node_arena_new(void)
{
	struct node_arena *arena = calloc(1, sizeof(*arena));

	if (!arena) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	return arena;
}

void node_arena_free(struct node_arena *arena)
{
	struct block *b;

	if (!arena)
		return;
	while ((b = arena->block)) {
		arena->block = b->next;
		free(b);
	}
	free(arena);
}

void *node_alloc(struct node_arena *arena, size_t size)
{
	struct block *b = arena->block;
	size_t align = sizeof(max_align_t);
	void *p;

	size = (size + align - 1) / align * align;
	if (!b || b->size - b->used < size) {
		size_t want = size > ARENA_BLOCK ? size : ARENA_BLOCK;

		b = calloc(1, sizeof(*b) + want);
		if (!b) {
			fputs("l7fp-tool: out of memory\n", stderr);
			exit(1);
		}
		b->size = want;
		b->next = arena->block;
		arena->block = b;
	}
	p = (char *)b->data + b->used;
	b->used += size;
	return p;
}

static char *node_memdup(struct node_arena *arena, const void *text, size_t length)
{
	char *copy = node_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *node_printf(struct node_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		length = 0;
	text = node_alloc(arena, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

static void fail(struct reader *r, const yaml_mark_t *mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct reader *r, const yaml_mark_t *mark, const char *format, ...)
{
	struct position at = { r->file, 0, 0 };
	va_list args;

	if (r->failed)
		return;
	r->failed = true;
	if (mark) {
		at.line = (int)mark->line + 1;
		at.column = (int)mark->column + 1;
	}
	va_start(args, format);
	diag_addv(r->diag, DIAG_ERROR, &at, format, args);
	va_end(args);
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return true;
	memset(event, 0, sizeof(*event));
	fail(r, r->parser.error == YAML_READER_ERROR ? NULL : &r->parser.problem_mark,
	     "not YAML: %s%s%s; mend the syntax",
	     r->parser.problem ? r->parser.problem : "cannot be read",
	     r->parser.context ? ", " : "", r->parser.context ? r->parser.context : "");
	return false;
}

static struct node *new_node(struct reader *r, enum node_kind kind, const yaml_mark_t *mark)
{
	struct node *n;

	if (++r->n_nodes > YAML_MAX_NODES) {
		fail(r, mark, "more than %d values in one file, aliases expanded; split the file",
		     YAML_MAX_NODES);
		return NULL;
	}
	n = node_alloc(r->arena, sizeof(*n));
	n->kind = kind;
	n->at.file = r->file;
	n->at.line = (int)mark->line + 1;
	n->at.column = (int)mark->column + 1;
	n->text = "";
	return n;
}

/* An alias: what it names once more, as nodes of their own. */
static struct node *copy_node(struct reader *r, const struct node *from, const yaml_mark_t *mark,
			      unsigned int depth)
{
	struct node *n = new_node(r, from->kind, mark);
	size_t i;

	if (!n)
		return NULL;
	/* @depth maps and lists are around it. */
	if ((from->kind == NODE_LIST || from->kind == NODE_MAP) && depth >= YAML_MAX_DEPTH) {
		fail(r, mark, "more than %d maps and lists within each other, aliases expanded",
		     YAML_MAX_DEPTH);
		return NULL;
	}
	*n = *from;
	if (!from->n)
		return n;
	n->child = node_alloc(r->arena, from->n * sizeof(*n->child));
	if (from->key)
		n->key = node_alloc(r->arena, from->n * sizeof(*n->key));
	for (i = 0; i < from->n; i++) {
		n->child[i] = copy_node(r, from->child[i], mark, depth + 1);
		if (!n->child[i])
			return NULL;
		if (from->key)
			n->key[i] = from->key[i];
	}
	return n;
}

static bool one_of(const char *s, const char * const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool parse_integer(const char *s, int64_t *value)
{
	const char *digits = s;
	char *end;
	int base = 10;

	if (*digits == '+' || *digits == '-')
		digits++;
	if (*digits < '0' || *digits > '9')
		return false;
	if (digits[0] == '0' && digits[1]) {
		if (digits[1] == 'x')
			base = 16;
		else if (digits[1] >= '0' && digits[1] <= '7')
			base = 8;
		else
			return false;
	}
	errno = 0;
	*value = strtoll(s, &end, base);
	return !*end && !errno;
}

static bool parse_float(const char *s)
{
	static const char * const special[] = { ".inf", ".Inf", ".INF", "+.inf", "-.inf", ".nan",
						".NaN", ".NAN", NULL };
	const char *p = s;
	char *end;

	if (one_of(s, special))
		return true;
	if (*p == '+' || *p == '-')
		p++;
	if (!*p || strspn(p, "0123456789.eE+-") != strlen(p) || !strpbrk(p, "0123456789"))
		return false;
	if (*p == 'e' || *p == 'E')
		return false;
	(void)strtod(s, &end);
	return !*end;
}

/* The types of plain scalars in YAML 1.1, as sigs.k8s.io/yaml has them. */
static void resolve(struct node *n, bool plain)
{
	static const char * const null[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char * const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on",
					    "On", "ON", "y", "Y", NULL };
	static const char * const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off",
					   "Off", "OFF", "n", "N", NULL };

	n->kind = NODE_STRING;
	if (!plain || strlen(n->text) != n->length)
		return;
	if (one_of(n->text, null)) {
		n->kind = NODE_NULL;
	} else if (one_of(n->text, yes)) {
		n->kind = NODE_BOOL;
		n->boolean = true;
	} else if (one_of(n->text, no)) {
		n->kind = NODE_BOOL;
	} else if (parse_integer(n->text, &n->integer)) {
		n->kind = NODE_INT;
	} else if (parse_float(n->text)) {
		n->kind = NODE_FLOAT;
	}
}

static struct anchor *find_anchor(struct reader *r, const char *name)
{
	size_t i;

	for (i = r->n_anchors; i-- > 0; )
		if (!strcmp(r->anchor[i].name, name))
			return &r->anchor[i];
	return NULL;
}

/* Its node is set when it is complete: an alias within itself finds none. */
static struct anchor *add_anchor(struct reader *r, const yaml_char_t *name,
				 const yaml_mark_t *mark)
{
	struct anchor *a;

	if (!name)
		return NULL;
	if (r->n_anchors == YAML_MAX_ANCHORS) {
		fail(r, mark, "more than %d anchors in one document; write the values out",
		     YAML_MAX_ANCHORS);
		return NULL;
	}
	a = &r->anchor[r->n_anchors++];
	a->name = node_memdup(r->arena, name, strlen((const char *)name));
	a->node = NULL;
	return a;
}

/* Children while their number is not known: doubles. */
struct children {
	struct node **child, **key;
	size_t n, room;
};

static void add_child(struct reader *r, struct children *c, struct node *key, struct node *child)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 4;
		struct node **more = node_alloc(r->arena, room * sizeof(*more));
		struct node **keys = node_alloc(r->arena, room * sizeof(*keys));

		if (c->n) {
			memcpy(more, c->child, c->n * sizeof(*more));
			memcpy(keys, c->key, c->n * sizeof(*keys));
		}
		c->child = more;
		c->key = keys;
		c->room = room;
	}
	c->child[c->n] = child;
	c->key[c->n++] = key;
}

static struct node *find_key(const struct node *map, const struct node *key)
{
	size_t i;

	for (i = 0; i < map->n; i++)
		if (map->key[i]->length == key->length &&
		    !memcmp(map->key[i]->text, key->text, key->length))
			return map->child[i];
	return NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(struct node * const *)a, *y = *(struct node * const *)b;
	size_t shorter = x->length < y->length ? x->length : y->length;
	int d = memcmp(x->text, y->text, shorter);

	if (d)
		return d;
	return x->length < y->length ? -1 : x->length > y->length;
}

/* Sorted, so that a map of a million keys does not take a million squared steps. */
static void refuse_duplicates(struct reader *r, const struct node *map)
{
	struct node **sorted;
	size_t i;

	if (map->n < 2)
		return;
	sorted = malloc(map->n * sizeof(*sorted));
	if (!sorted) {
		fail(r, NULL, "out of memory");
		return;
	}
	memcpy(sorted, map->key, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), compare_keys);
	for (i = 1; i < map->n; i++) {
		const struct node *a = sorted[i - 1], *b = sorted[i];

		if (compare_keys(&a, &b))
			continue;
		if (a->at.line > b->at.line ||
		    (a->at.line == b->at.line && a->at.column > b->at.column)) {
			const struct node *swap = a;

			a = b;
			b = swap;
		}
		if (!r->failed)
			diag_add(r->diag, DIAG_ERROR, &b->at,
				 "key \"%.100s\" a second time (first in line %d); remove one",
				 b->text, a->at.line);
		r->failed = true;
		break;
	}
	free(sorted);
}

/* "<<": the keys of @from that @map does not have itself. */
static void merge(struct reader *r, struct children *c, const struct node *from)
{
	struct node map = { .kind = NODE_MAP };
	size_t i;

	if (from->kind == NODE_LIST) {
		for (i = 0; i < from->n; i++)
			if (from->child[i]->kind == NODE_MAP)
				merge(r, c, from->child[i]);
			else
				break;
		if (i == from->n)
			return;
	}
	if (from->kind != NODE_MAP) {
		if (!r->failed)
			diag_add(r->diag, DIAG_ERROR, &from->at,
				 "\"<<\" takes a map or a list of maps, this is %s",
				 node_kind_name(from->kind));
		r->failed = true;
		return;
	}
	if (c->n * from->n > MERGE_MAX_STEPS) {
		if (!r->failed)
			diag_add(r->diag, DIAG_ERROR, &from->at,
				 "\"<<\" of a map this large; write the keys out");
		r->failed = true;
		return;
	}
	for (i = 0; i < from->n; i++) {
		map.n = c->n;
		map.key = c->key;
		map.child = c->child;
		if (!find_key(&map, from->key[i]))
			add_child(r, c, from->key[i], from->child[i]);
	}
}

static struct node *read_node(struct reader *r, const yaml_event_t *event);

static void read_children(struct reader *r, struct node *n, yaml_event_type_t end)
{
	struct children c = { 0 };
	struct node *key = NULL, *merged = NULL, *child;
	yaml_event_t event;
	bool done = false;

	while (!r->failed && !done && next_event(r, &event)) {
		if (event.type == end) {
			done = true;
		} else if (n->kind == NODE_MAP && !key) {
			key = read_node(r, &event);
			if (key && (key->kind == NODE_LIST || key->kind == NODE_MAP)) {
				fail(r, &event.start_mark, "a key must be a string, this is %s",
				     node_kind_name(key->kind));
			}
		} else {
			child = read_node(r, &event);
			if (child && n->kind == NODE_MAP && !strcmp(key->text, "<<"))
				merged = child;
			else if (child)
				add_child(r, &c, key, child);
			key = NULL;
		}
		yaml_event_delete(&event);
	}
	if (r->failed)
		return;
	if (n->kind == NODE_MAP) {
		n->n = c.n;
		n->key = c.key;
		refuse_duplicates(r, n);
		if (merged && !r->failed)
			merge(r, &c, merged);
		n->key = c.key;
	}
	n->n = c.n;
	n->child = c.child;
}

static struct node *read_node(struct reader *r, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	const yaml_char_t *name = NULL;
	enum node_kind kind;
	struct anchor *anchor;
	struct node *n;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		anchor = find_anchor(r, (const char *)event->data.alias.anchor);
		if (!anchor || !anchor->node) {
			fail(r, mark, "alias *%.100s %s", (const char *)event->data.alias.anchor,
			     anchor ? "within what it names; write the value out" :
			     "names no anchor above it; write the value out");
			return NULL;
		}
		return copy_node(r, anchor->node, mark, r->depth);
	case YAML_SCALAR_EVENT:
		kind = NODE_STRING;
		name = event->data.scalar.anchor;
		break;
	case YAML_SEQUENCE_START_EVENT:
		kind = NODE_LIST;
		name = event->data.sequence_start.anchor;
		break;
	case YAML_MAPPING_START_EVENT:
		kind = NODE_MAP;
		name = event->data.mapping_start.anchor;
		break;
	default:
		fail(r, mark, "a value was expected here");
		return NULL;
	}
	n = new_node(r, kind, mark);
	if (!n)
		return NULL;
	anchor = add_anchor(r, name, mark);
	if (r->failed)
		return NULL;

	if (kind == NODE_STRING) {
		const char *tag = (const char *)event->data.scalar.tag;

		if (event->data.scalar.length > YAML_MAX_SCALAR) {
			fail(r, mark, "a value of more than %d bytes; shorten it",
			     YAML_MAX_SCALAR);
			return NULL;
		}
		n->length = event->data.scalar.length;
		n->text = node_memdup(r->arena, event->data.scalar.value, n->length);
		resolve(n, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			!(tag && !strcmp(tag, YAML_STR_TAG)));
	} else {
		if (++r->depth > YAML_MAX_DEPTH) {
			fail(r, mark, "more than %d maps and lists within each other",
			     YAML_MAX_DEPTH);
			return NULL;
		}
		read_children(r, n, kind == NODE_LIST ? YAML_SEQUENCE_END_EVENT :
			      YAML_MAPPING_END_EVENT);
		r->depth--;
	}
	if (r->failed)
		return NULL;
	if (anchor)
		anchor->node = n;
	return n;
}

int yaml_parse(struct node_arena *arena, const char *file, const char *text, size_t length,
	       struct diagnostics *diag, void (*document)(void *context, struct node *root),
	       void *context)
{
	struct reader *r;
	bool done = false;
	int ret;

	if (length > YAML_MAX_SIZE) {
		struct position at = { file, 0, 0 };

		diag_add(diag, DIAG_ERROR, &at, "more than %d bytes; split the file",
			 YAML_MAX_SIZE);
		return -1;
	}
	r = calloc(1, sizeof(*r));
	if (!r || !yaml_parser_initialize(&r->parser)) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	r->arena = arena;
	r->diag = diag;
	r->file = file;
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, length);

	while (!done && !r->failed) {
		struct node *root = NULL;
		yaml_event_t event;

		if (!next_event(r, &event))
			break;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			r->n_anchors = 0;
			break;
		case YAML_STREAM_END_EVENT:
			done = true;
			break;
		default:
			root = read_node(r, &event);
			break;
		}
		yaml_event_delete(&event);
		if (root && !r->failed && root->kind != NODE_NULL)
			document(context, root);
	}
	ret = r->failed ? -1 : 0;
	yaml_parser_delete(&r->parser);
	free(r);
	return ret;
}

struct node *node_get(const struct node *map, const char *key)
{
	size_t length = strlen(key), i;

	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (i = 0; i < map->n; i++)
		if (map->key[i]->length == length && !memcmp(map->key[i]->text, key, length))
			return map->child[i]->kind == NODE_NULL ? NULL : map->child[i];
	return NULL;
}

struct node *node_path(const struct node *map, ...)
{
	struct node *n = NULL;
	const char *key;
	va_list args;

	va_start(args, map);
	while ((key = va_arg(args, const char *))) {
		n = node_get(map, key);
		if (!n)
			break;
		map = n;
	}
	va_end(args);
	return n;
}

const char *node_string(const struct node *node)
{
	return node && node->kind == NODE_STRING ? node->text : NULL;
}

const char *node_text(const struct node *map, const char *key, const char *otherwise)
{
	const char *s = node_string(node_get(map, key));

	return s ? s : otherwise;
}

const char *node_kind_name(enum node_kind kind)
{
	static const char * const names[] = {
		[NODE_NULL] = "nothing",
		[NODE_BOOL] = "true or false",
		[NODE_INT] = "a number",
		[NODE_FLOAT] = "a number with a fraction",
		[NODE_STRING] = "a string",
		[NODE_LIST] = "a list",
		[NODE_MAP] = "a map",
	};

	return names[kind];
}
