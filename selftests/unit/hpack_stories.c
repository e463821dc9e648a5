// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_test.h"
#include "hpack_stories.h"

struct json {
	char *key;
	char *text; /* of a string or a number */
	u32 len;
	struct json *child;
	struct json *next;
};

static const char *json_at;

static void json_space(void)
{
	while (*json_at && strchr(" \t\r\n,:", *json_at))
		json_at++;
}

/* Strings of the stories are ASCII; \u with more than one byte is refused. */
static char *json_string(u32 *len)
{
	const char *end = json_at + 1;
	char *out, *p;

	while (*end && *end != '"')
		end += 1 + (*end == '\\' && end[1]);
	p = out = test_alloc(end - json_at);
	for (json_at++; json_at < end; json_at++) {
		char c = *json_at, digits[5] = "";

		if (c == '\\') {
			c = *++json_at;
			if (c == 'u') {
				memcpy(digits, json_at + 1, 4);
				c = strtol(digits, NULL, 16);
				if (strtol(digits, NULL, 16) > 127)
					abort();
				json_at += 4;
			} else if (c == 'n' || c == 't' || c == 'r') {
				c = c == 'n' ? '\n' : c == 't' ? '\t' : '\r';
			}
		}
		*p++ = c;
	}
	*len = p - out;
	*p = 0;
	json_at = end + (*end == '"');
	return out;
}

static struct json *json_value(void)
{
	struct json *v = calloc(1, sizeof(*v)), **last = &v->child;
	const char *begin;
	char *key;
	u32 len;

	json_space();
	if (*json_at == '"') {
		v->text = json_string(&v->len);
	} else if (*json_at == '{' || *json_at == '[') {
		char close = *json_at == '{' ? '}' : ']';

		for (json_at++, json_space(); *json_at && *json_at != close; json_space()) {
			key = close == '}' ? json_string(&len) : NULL;
			*last = json_value();
			(*last)->key = key;
			last = &(*last)->next;
		}
		json_at += *json_at == close;
	} else {
		begin = json_at;
		while (*json_at && !strchr(",]} \r\n\t", *json_at))
			json_at++;
		v->text = strndup(begin, json_at - begin);
	}
	return v;
}

static void json_free(struct json *v)
{
	struct json *next;

	for (; v; v = next) {
		next = v->next;
		json_free(v->child);
		free(v->key);
		free(v->text);
		free(v);
	}
}

static struct json *json_get(struct json *v, const char *key)
{
	for (v = v ? v->child : NULL; v; v = v->next)
		if (v->key && !strcmp(v->key, key))
			return v;
	return NULL;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t size = 1 << 20, n;
	char *text = malloc(size + 1);

	if (!f || !text)
		abort();
	n = fread(text, 1, size, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static u32 unhex(const char *hex, u8 *out)
{
	u32 n = 0;
	char digits[3] = "";

	for (; hex[0] && hex[1]; hex += 2) {
		memcpy(digits, hex, 2);
		out[n++] = strtol(digits, NULL, 16);
	}
	return n;
}

const char *stories_folder(void)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/hpack", getenv("L7FP_CORPORA") ?: "../shared/corpora");
	return path;
}

static u32 count(const struct json *v)
{
	u32 n = 0;

	for (v = v ? v->child : NULL; v; v = v->next)
		n++;
	return n;
}

/* Takes the strings of @v. */
static void take_block(struct story_block *block, struct json *v)
{
	struct json *wire = json_get(v, "wire"), *headers = json_get(v, "headers"), *h;
	struct json *size = json_get(v, "header_table_size");
	struct story_field *field;

	if (!wire || !headers)
		abort();
	block->wire = test_alloc(wire->len / 2);
	block->len = unhex(wire->text, block->wire);
	block->table_size = size ? atoi(size->text) : -1;
	block->n_fields = count(headers);
	block->fields = calloc(block->n_fields + 1, sizeof(*block->fields));
	field = block->fields;
	for (h = headers->child; h; h = h->next, field++) {
		field->name = (u8 *)h->child->key;
		field->name_len = strlen(h->child->key);
		field->value = (u8 *)h->child->text;
		field->value_len = h->child->len;
		h->child->key = NULL;
		h->child->text = NULL;
	}
}

static void load_story(struct story *story, const char *path, const char *name)
{
	char *text = read_file(path);
	struct json *root, *cases, *c;
	u32 i = 0;

	json_at = text;
	root = json_value();
	cases = json_get(root, "cases");
	story->name = strdup(name);
	story->n_blocks = count(cases);
	if (!story->n_blocks)
		abort();
	story->blocks = calloc(story->n_blocks, sizeof(*story->blocks));
	for (c = cases->child; c; c = c->next)
		take_block(&story->blocks[i++], c);
	json_free(root);
	free(text);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int stories_load(struct stories *stories)
{
	struct dirent **folders, **files;
	char path[8192], name[1024];
	int i, j, n, m;

	memset(stories, 0, sizeof(*stories));
	n = scandir(stories_folder(), &folders, visible, alphasort);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", stories_folder(), folders[i]->d_name);
		m = scandir(path, &files, visible, alphasort);
		for (j = 0; j < m; j++) {
			if (strstr(files[j]->d_name, ".json")) {
				stories->story = realloc(stories->story,
							 (stories->n + 1) *
							 sizeof(*stories->story));
				snprintf(name, sizeof(name), "%s/%s", folders[i]->d_name,
					 files[j]->d_name);
				snprintf(path, sizeof(path), "%s/%s", stories_folder(), name);
				load_story(&stories->story[stories->n++], path, name);
			}
			free(files[j]);
		}
		if (m >= 0)
			free(files);
		free(folders[i]);
	}
	free(folders);
	return stories->n ? 0 : -1;
}

void stories_free(struct stories *stories)
{
	u32 i, j, k;

	for (i = 0; i < stories->n; i++) {
		struct story *story = &stories->story[i];

		for (j = 0; j < story->n_blocks; j++) {
			for (k = 0; k < story->blocks[j].n_fields; k++) {
				free(story->blocks[j].fields[k].name);
				free(story->blocks[j].fields[k].value);
			}
			free(story->blocks[j].fields);
			test_free(story->blocks[j].wire);
		}
		free(story->blocks);
		free(story->name);
	}
	free(stories->story);
}
