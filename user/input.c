// SPDX-License-Identifier: GPL-2.0-only
#include "input.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct reading {
	struct documents *docs;
	struct diagnostics *diag;
	size_t room;
	bool full;
};

static void *must(void *p)
{
	if (!p) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct documents *documents_new(void)
{
	struct documents *docs = must(calloc(1, sizeof(*docs)));

	docs->arena = node_arena_new();
	return docs;
}

void documents_free(struct documents *docs)
{
	if (!docs)
		return;
	node_arena_free(docs->arena);
	free(docs->list);
	free(docs);
}

static const char *text_or(const struct node *node, const char *otherwise)
{
	const char *s = node_string(node);

	return s && *s ? s : otherwise;
}

static void add_document(struct reading *r, struct node *root)
{
	struct documents *docs = r->docs;
	struct document *d;
	const char *slash;

	if (docs->n >= INPUT_MAX_DOCUMENTS) {
		if (!r->full)
			diag_add(r->diag, DIAG_ERROR, &root->at,
				 "more than %d documents; give fewer at a time",
				 INPUT_MAX_DOCUMENTS);
		r->full = true;
		return;
	}
	if (!(docs->n & (docs->n - 1)))
		docs->list = must(realloc(docs->list,
					  (docs->n ? 2 * docs->n : 1) * sizeof(*docs->list)));
	d = node_alloc(docs->arena, sizeof(*d));
	d->root = root;
	d->at = root->at;
	d->api_version = text_or(node_get(root, "apiVersion"), "");
	d->kind = text_or(node_get(root, "kind"), "");
	slash = strchr(d->api_version, '/');
	d->group = slash ? node_printf(docs->arena, "%.*s", (int)(slash - d->api_version),
				       d->api_version) : "";
	d->name = text_or(node_path(root, "metadata", "name", NULL), "");
	d->namespace = text_or(node_path(root, "metadata", "namespace", NULL),
			       INPUT_DEFAULT_NAMESPACE);
	d->what = node_printf(docs->arena, "%.100s %.100s/%.300s", *d->kind ? d->kind : "document",
			      d->namespace, *d->name ? d->name : "(no name)");
	docs->list[docs->n++] = d;
}

static bool is_list(const struct node *root)
{
	const char *kind = node_string(node_get(root, "kind"));
	const struct node *items = node_get(root, "items");
	size_t length = kind ? strlen(kind) : 0;

	return length >= 4 && !strcmp(kind + length - 4, "List") &&
	       (!items || items->kind == NODE_LIST);
}

static void document(void *context, struct node *root)
{
	struct reading *r = context;
	struct node *items;
	size_t i;

	if (root->kind == NODE_LIST) {
		/* What `yq -s` and hand-made files have: a list of documents. */
		for (i = 0; i < root->n; i++)
			if (root->child[i]->kind == NODE_MAP)
				document(r, root->child[i]);
			else
				diag_add(r->diag, DIAG_ERROR, &root->child[i]->at,
					 "a document must be a map with apiVersion and kind, this is %s",
					 node_kind_name(root->child[i]->kind));
		return;
	}
	if (root->kind != NODE_MAP) {
		diag_add(r->diag, DIAG_ERROR, &root->at,
			 "a document must be a map with apiVersion and kind, this is %s",
			 node_kind_name(root->kind));
		return;
	}
	if (!is_list(root)) {
		add_document(r, root);
		return;
	}
	items = node_get(root, "items");
	for (i = 0; items && i < items->n; i++)
		if (items->child[i]->kind == NODE_MAP)
			document(r, items->child[i]);
		else
			diag_add(r->diag, DIAG_ERROR, &items->child[i]->at,
				 "an item of a List must be a document, this is %s",
				 node_kind_name(items->child[i]->kind));
}

int documents_read_buffer(struct documents *docs, const char *name, const char *text,
			  size_t length, struct diagnostics *diag)
{
	struct reading r = { .docs = docs, .diag = diag };
	size_t before = diag->n_errors;

	docs->n_files++;
	name = node_printf(docs->arena, "%s", name);
	if (yaml_parse(docs->arena, name, text, length, diag, document, &r))
		return -1;
	return diag->n_errors == before ? 0 : -1;
}

static int read_stream(struct documents *docs, const char *name, FILE *in,
		       struct diagnostics *diag)
{
	struct position at = { name, 0, 0 };
	size_t room = 65536, n = 0, got;
	char *text = must(malloc(room));
	int ret = -1;

	while ((got = fread(text + n, 1, room - n, in)) > 0) {
		n += got;
		if (n > YAML_MAX_SIZE)
			break;
		if (n == room) {
			room *= 2;
			text = must(realloc(text, room));
		}
	}
	if (ferror(in))
		diag_add(diag, DIAG_ERROR, &at, "cannot be read: %s", strerror(errno));
	else
		ret = documents_read_buffer(docs, name, text, n, diag);
	free(text);
	return ret;
}

static int read_file(struct documents *docs, const char *path, struct diagnostics *diag)
{
	struct position at = { path, 0, 0 };
	FILE *in = fopen(path, "re");
	int ret;

	if (!in) {
		diag_add(diag, DIAG_ERROR, &at, "cannot be opened: %s", strerror(errno));
		return -1;
	}
	ret = read_stream(docs, path, in, diag);
	fclose(in);
	return ret;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

static int wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int read_folder(struct documents *docs, const char *path, int depth,
		       struct diagnostics *diag)
{
	struct position at = { path, 0, 0 };
	struct dirent **entry;
	int n, i, ret = 0;

	if (depth > INPUT_MAX_FOLDER_DEPTH) {
		diag_add(diag, DIAG_ERROR, &at, "more than %d folders within each other",
			 INPUT_MAX_FOLDER_DEPTH);
		return -1;
	}
	n = scandir(path, &entry, wanted, alphasort);
	if (n < 0) {
		diag_add(diag, DIAG_ERROR, &at, "cannot be read: %s", strerror(errno));
		return -1;
	}
	for (i = 0; i < n; i++) {
		const char *name = entry[i]->d_name;
		struct stat st;
		char *full = NULL;

		if (asprintf(&full, "%s%s%s", path, has_suffix(path, "/") ? "" : "/", name) < 0)
			must(NULL);
		if (stat(full, &st)) {
			at.file = full;
			diag_add(diag, DIAG_ERROR, &at, "cannot be read: %s", strerror(errno));
			at.file = path;
			ret = -1;
		} else if (S_ISDIR(st.st_mode)) {
			ret |= read_folder(docs, full, depth + 1, diag);
		} else if (S_ISREG(st.st_mode) &&
			   (has_suffix(name, ".yaml") || has_suffix(name, ".yml") ||
			    has_suffix(name, ".json"))) {
			ret |= read_file(docs, full, diag);
		}
		free(full);
		free(entry[i]);
	}
	free(entry);
	return ret;
}

int documents_read(struct documents *docs, const char *path, struct diagnostics *diag)
{
	struct position at = { path, 0, 0 };
	struct stat st;

	if (!strcmp(path, "-"))
		return read_stream(docs, "(standard input)", stdin, diag);
	if (stat(path, &st)) {
		diag_add(diag, DIAG_ERROR, &at, "cannot be read: %s", strerror(errno));
		return -1;
	}
	if (S_ISDIR(st.st_mode))
		return read_folder(docs, path, 1, diag);
	return read_file(docs, path, diag);
}
