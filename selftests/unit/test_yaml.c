// SPDX-License-Identifier: GPL-2.0-only
/* Reading YAML and JSON: types, positions, aliases, and every limit at N and N + 1. */
#include "front_end.h"

#include <stdarg.h>

static char wrong[512];

static const char *fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wrong, sizeof(wrong), format, args);
	va_end(args);
	return wrong;
}

/* A document of one field, and what its value is. */
static const struct {
	const char *text;
	enum node_kind kind;
	const char *value;
} scalars[] = {
	{ "1", NODE_INT, "1" }, { "-7", NODE_INT, "-7" }, { "0x1f", NODE_INT, "0x1f" },
	{ "010", NODE_INT, "010" }, { "08", NODE_FLOAT, "08" },
	{ "99999999999999999999", NODE_FLOAT, "99999999999999999999" },
	{ "1.10", NODE_FLOAT, "1.10" }, { "1e3", NODE_FLOAT, "1e3" },
	{ "1.2.3.4", NODE_STRING, "1.2.3.4" }, { "5s", NODE_STRING, "5s" },
	{ "'1'", NODE_STRING, "1" }, { "\"true\"", NODE_STRING, "true" },
	{ "!!str 1", NODE_STRING, "1" }, { "true", NODE_BOOL, "true" },
	{ "yes", NODE_BOOL, "yes" }, { "Off", NODE_BOOL, "Off" }, { "n", NODE_BOOL, "n" },
	{ "null", NODE_NULL, "null" }, { "~", NODE_NULL, "~" }, { "", NODE_NULL, "" },
	{ "nil", NODE_STRING, "nil" }, { "-", NODE_LIST, "" }, { "--", NODE_STRING, "--" },
	{ "e5", NODE_STRING, "e5" }, { "[a]", NODE_LIST, "" }, { "{a: b}", NODE_MAP, "" },
	{ "|\n  two\n  lines\n", NODE_STRING, "two\nlines\n" },
};

static const char *check_scalar(size_t i)
{
	struct front_end f;
	char text[256];
	const struct node *n;
	const char *w = NULL;

	snprintf(text, sizeof(text), "kind: x\nv: %s\n", scalars[i].text);
	front_end_read(&f, text);
	if (!strcmp(scalars[i].text, "-")) {
		/* A list needs a line of its own. */
		front_end_free(&f);
		front_end_read(&f, "kind: x\nv:\n-\n");
	}
	n = f.docs->n ? f.docs->list[0]->root->child[1] : NULL;
	if (!n)
		w = fail("no document");
	else if (n->kind != scalars[i].kind || strcmp(n->text, scalars[i].value))
		w = fail("%s \"%s\"", node_kind_name(n->kind), n->text);
	front_end_free(&f);
	return w;
}

/* Text that is refused, and where. */
static const struct {
	const char *name, *text;
	int line;
	const char *message;
} errors[] = {
	{ "duplicate key", "a: 1\nb: 2\na: 3\n", 3, "a second time (first in line 1)" },
	{ "duplicate key, other quotes", "a: 1\n\"a\": 3\n", 2, "a second time" },
	{ "no end", "a: [1\nb: 2\n", 2, "not YAML" },
	{ "tab", "a:\n\tb: 1\n", 2, "not YAML" },
	{ "alias without anchor", "a: *b\n", 1, "names no anchor" },
	{ "alias within its anchor", "a: &b [1, *b]\n", 1, "within what it names" },
	{ "key that is a list", "? [a]\n: 1\n", 1, "a key must be a string" },
	{ "merge of a string", "a:\n  <<: text\n", 2, "takes a map" },
	{ "document that is a string", "text\n", 1, "a document must be a map" },
	{ "item of a list that is none", "- {kind: x}\n- 5\n", 2, "a document must be a map" },
	{ "item of a List that is none", "kind: List\nitems:\n- x\n", 3, "an item of a List" },
	{ "no UTF-8", "a: \xff\n", 0, "not YAML" },
	{ "anchor of an earlier document", "a: &x 1\n---\nb: *x\n", 3, "names no anchor" },
};

static const char *check_error(size_t i)
{
	const struct diagnostic *d;
	struct front_end f;
	const char *w = NULL;

	front_end_read(&f, errors[i].text);
	d = front_end_message(&f, errors[i].message);
	if (!d || d->level != DIAG_ERROR)
		w = fail("no such error (%zu others: %s)", f.diag->n,
			 f.diag->n ? f.diag->list[0].text : "");
	else if (d->line != errors[i].line || strcmp(d->file, "test.yaml"))
		w = fail("at %s:%d:%d", d->file, d->line, d->column);
	front_end_free(&f);
	return w;
}

struct text {
	char *data;
	size_t n;
};

static void append(struct text *t, const char *s, size_t times)
{
	size_t n = strlen(s), i;

	t->data = realloc(t->data, t->n + n * times + 1);
	for (i = 0; i < times; i++) {
		memcpy(t->data + t->n, s, n);
		t->n += n;
	}
	t->data[t->n] = '\0';
}

static void text_depth(struct text *t, size_t n)
{
	append(t, "a: ", 1);
	append(t, "[", n - 1);
	append(t, "]", n - 1);
}

/* The depth is that of the copy, where it is put. */
static void text_alias_depth(struct text *t, size_t n)
{
	append(t, "a: &x ", 1);
	append(t, "[", 30);
	append(t, "]", 30);
	append(t, "\nb: ", 1);
	append(t, "[", n - 31);
	append(t, "*x", 1);
	append(t, "]", n - 31);
}

static void text_nodes(struct text *t, size_t n)
{
	/* The map, its key and the list count too. */
	append(t, "a: [", 1);
	append(t, "1,", n - 3);
	append(t, "]", 1);
}

/* Ten anchors of which each is ten of the one before would be a million. */
static void text_laughs(struct text *t, size_t n)
{
	char line[256];
	size_t i;

	append(t, "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n", 1);
	for (i = 1; i < n; i++) {
		snprintf(line, sizeof(line),
			 "a%zu: &a%zu [*a%zu,*a%zu,*a%zu,*a%zu,*a%zu,*a%zu,*a%zu,*a%zu,*a%zu]\n", i,
			 i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		append(t, line, 1);
	}
}

static void text_scalar(struct text *t, size_t n)
{
	append(t, "a: \"", 1);
	append(t, "x", n);
	append(t, "\"", 1);
}

static void text_anchors(struct text *t, size_t n)
{
	char line[64];
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "k%zu: &k%zu 1\n", i, i);
		append(t, line, 1);
	}
}

static void text_size(struct text *t, size_t n)
{
	append(t, "a: 1\n", 1);
	append(t, "#", 1);
	append(t, "x", n - t->n);
}

static void text_documents(struct text *t, size_t n)
{
	append(t, "---\n{}\n", n);
}

static const struct {
	const char *name;
	void (*write)(struct text *t, size_t n);
	size_t limit;
	const char *message;
} limits[] = {
	{ "depth", text_depth, YAML_MAX_DEPTH, "within each other" },
	{ "depth with aliases", text_alias_depth, YAML_MAX_DEPTH, "within each other" },
	{ "values", text_nodes, YAML_MAX_NODES, "values in one file" },
	{ "aliases of aliases", text_laughs, 6, "values in one file" },
	{ "scalar", text_scalar, YAML_MAX_SCALAR, "a value of more than" },
	{ "anchors", text_anchors, YAML_MAX_ANCHORS, "anchors in one document" },
	{ "size", text_size, YAML_MAX_SIZE, "bytes; split the file" },
	{ "documents", text_documents, INPUT_MAX_DOCUMENTS, "documents; give fewer" },
};

static const char *check_limit(size_t i)
{
	const char *w = NULL;
	size_t over;

	for (over = 0; over < 2 && !w; over++) {
		struct text t = { 0 };
		struct front_end f;

		limits[i].write(&t, limits[i].limit + over);
		front_end_read(&f, t.data);
		if (!over && f.diag->n_errors)
			w = fail("at the limit: %s", f.diag->list[0].text);
		if (over && !front_end_message(&f, limits[i].message))
			w = fail("past the limit: %s", f.diag->n ? f.diag->list[0].text :
				 "no error");
		front_end_free(&f);
		free(t.data);
	}
	return w;
}

static const char *check_positions(void)
{
	static const char text[] = "kind: A\nm:\n  - k: v\n    l: w\n---\n# c\nkind: B\n";
	struct front_end f;
	const char *w = NULL;
	const struct node *n;

	front_end_read(&f, text);
	n = node_get(node_get(f.docs->list[0]->root, "m")->child[0], "l");
	if (f.docs->n != 2)
		w = fail("%zu documents", f.docs->n);
	else if (n->at.line != 4 || n->at.column != 8)
		w = fail("value at %d:%d, expected 4:8", n->at.line, n->at.column);
	else if (f.docs->list[1]->at.line != 7)
		w = fail("second document in line %d", f.docs->list[1]->at.line);
	front_end_free(&f);
	return w;
}

static const char *check_alias(void)
{
	static const char text[] =
		"base: &b {x: 1, y: [2]}\nsame: *b\nmore:\n  <<: *b\n  y: 3\n  z: 4\n"
		"two:\n  <<: [{x: 5}, *b]\n";
	struct front_end f;
	const char *w = NULL;
	struct node *root;

	front_end_read(&f, text);
	root = f.docs->list[0]->root;
	if (node_get(root, "same") == node_get(root, "base") ||
	    node_get(node_get(root, "same"), "x") == node_get(node_get(root, "base"), "x"))
		w = fail("an alias is not a copy");
	else if (node_get(node_get(root, "more"), "y")->integer != 3 ||
		 node_get(node_get(root, "more"), "x")->integer != 1)
		w = fail("<< does not give way to keys of the map");
	else if (node_get(node_get(root, "two"), "x")->integer != 5)
		w = fail("<< takes a later map before an earlier one");
	front_end_free(&f);
	return w;
}

/* kubectl get -o yaml, -o json, and several documents in a stream. */
static const char *check_list(void)
{
	static const char yaml[] =
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n"
		"- apiVersion: v1\n  kind: ServiceList\n  items:\n"
		"  - {apiVersion: v1, kind: Service, metadata: {name: b}}\n";
	static const char json[] =
		"{\"apiVersion\": \"v1\", \"kind\": \"List\",\n\t\"items\": [{\"apiVersion\": \"v1\","
		" \"kind\": \"Service\", \"metadata\": {\"name\": \"a\\u0041\\/\", \"namespace\": \"n\"}}]}";
	struct front_end f;
	const char *w = NULL;

	front_end_read(&f, yaml);
	if (f.docs->n != 2 || strcmp(f.docs->list[1]->name, "b") ||
	    strcmp(f.docs->list[1]->namespace, "default"))
		w = fail("YAML: %zu documents", f.docs->n);
	front_end_free(&f);
	front_end_read(&f, json);
	if (f.docs->n != 1 || strcmp(f.docs->list[0]->name, "aA/") ||
	    strcmp(f.docs->list[0]->namespace, "n"))
		w = fail("JSON: %zu documents, %s", f.docs->n,
			 f.diag->n ? f.diag->list[0].text : "");
	front_end_free(&f);
	return w;
}

/* Cut anywhere: an error or fewer documents, never more than that. */
static const char *check_cut(void)
{
	static const char text[] =
		"a: &x [1, {b: \"c\\n\"}]\nd: *x\ne: |\n  f\n---\n{\"g\": [true, null]}\n";
	size_t n;

	for (n = 0; n < sizeof(text); n++) {
		struct front_end f = { documents_new(), diag_new(), verdicts_new(), NULL };
		char *copy = test_alloc(n);

		memcpy(copy, text, n);
		documents_read_buffer(f.docs, "cut", copy, n, f.diag);
		test_free(copy);
		front_end_free(&f);
	}
	return NULL;
}

static const struct {
	const char *name;
	const char *(*check)(void);
} others[] = {
	{ "positions", check_positions },
	{ "aliases and merge keys", check_alias },
	{ "lists of documents", check_list },
	{ "cut after every byte", check_cut },
};

int main(void)
{
	size_t i;

	ktap_begin(ARRAY_SIZE(scalars) + ARRAY_SIZE(errors) + ARRAY_SIZE(limits) +
		   ARRAY_SIZE(others));
	for (i = 0; i < ARRAY_SIZE(scalars); i++)
		ktap_result("scalar", *scalars[i].text == '|' ? "block" : scalars[i].text,
			    check_scalar(i));
	for (i = 0; i < ARRAY_SIZE(errors); i++)
		ktap_result("error", errors[i].name, check_error(i));
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		ktap_result("limit", limits[i].name, check_limit(i));
	for (i = 0; i < ARRAY_SIZE(others); i++)
		ktap_result("yaml", others[i].name, others[i].check());
	return ktap_end();
}
