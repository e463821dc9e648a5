// SPDX-License-Identifier: GPL-2.0-only
/*
 * Header blocks of other encoders: the stories of ../shared/corpora/hpack (or below L7FP_CORPORA),
 * each a connection. Every block decodes to what the story says, and masks change nothing but
 * what they leave out; cut short anywhere it gives the fields that were complete, or none.
 */
#include <dirent.h>
#include <stdlib.h>

#include "hpack_test.h"

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

#define ROOM 65536
#define FIELDS 1024

static struct l7fp_hpack_names names;
static u64 seed = 1;
static unsigned int n_blocks, n_fields, n_cuts;

static u32 random_below(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

static const char *compare(const struct l7fp_hpack_list *list, const struct json *headers)
{
	const struct json *h;
	u32 i = 0;

	for (h = headers->child; h; h = h->next, i++) {
		const struct json *field = h->child;

		if (i == list->n)
			return "a field is missing";
		if (list->headers[i].name_len != strlen(field->key) ||
		    memcmp(hpack_name(list, i), field->key, strlen(field->key)))
			return "another name";
		if (list->headers[i].value_len != field->len ||
		    memcmp(hpack_value(list, i), field->text, field->len))
			return "another value";
		n_fields++;
	}
	if (i != list->n)
		return "a field too many";
	return list->bad ? "a field is said to be bad" : NULL;
}

/* The decoder before a block, as often as it is needed: the table's memory is copied. */
static void copy_side(struct hpack_side *to, const struct hpack_side *from, u32 limit)
{
	ptrdiff_t moved = (u8 *)to->memory - (u8 *)from->memory;

	memcpy(to->memory, from->memory, l7fp_hpack_memory(limit));
	to->d = from->d;
	to->d.table.entries = (void *)((u8 *)from->d.table.entries + moved);
	to->d.table.bucket = (void *)((u8 *)from->d.table.bucket + moved);
	to->d.table.bytes = from->d.table.bytes + moved;
}

/* Cut short everywhere: an error, or fields of the whole block up to one. */
static const char *cut(const struct hpack_side *before, u32 limit, const u8 *block, u32 len,
		       const struct l7fp_hpack_list *whole)
{
	const char *wrong = NULL;
	struct hpack_side side;
	u32 at, i, good = 0;
	int err;

	hpack_side_init(&side, limit, ROOM, FIELDS);
	for (at = 0; at < len && !wrong; at++, n_cuts++) {
		copy_side(&side, before, limit);
		err = hpack_side_decode(&side, block, at, NULL);
		if (err && (err != L7FP_HPACK_ERR_BAD ||
			    l7fp_hpack_decode(&side.d, block, 0, NULL, &side.list) != err))
			wrong = "an error that does not last";
		if (err)
			continue;
		good++;
		if (side.list.n > whole->n)
			wrong = "more fields than the whole block has";
		for (i = 0; i < side.list.n && !wrong; i++)
			if (memcmp(&side.list.headers[i], &whole->headers[i],
				   sizeof(whole->headers[i])) ||
			    memcmp(hpack_name(&side.list, i), hpack_name(whole, i),
				   whole->headers[i].name_len + whole->headers[i].value_len))
				wrong = "a part of the block decodes to something else";
	}
	if (!wrong && len && good < whole->n)
		wrong = "fewer cuts that are right than there are fields";
	hpack_side_free(&side);
	return wrong;
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

static const char *run_case(struct hpack_side *all, struct hpack_side *masked,
			    struct hpack_side *spare, u32 limit, struct json *c)
{
	struct l7fp_hpack_want want = { .names = &names };
	struct json *wire = json_get(c, "wire"), *size = json_get(c, "header_table_size");
	u8 *block = test_alloc(wire->len / 2);
	const char *wrong = NULL;
	u32 len = unhex(wire->text, block);

	if (size) {
		l7fp_hpack_decoder_set_max(&all->d, atoi(size->text));
		l7fp_hpack_decoder_set_max(&masked->d, atoi(size->text));
	}
	copy_side(spare, all, limit);
	want.slots = random_below(2) ? random_below(16) : 0;
	want.tokens = random_below(2) ? (u64)random_below(1U << 31) << 1 | random_below(2) : 0;
	want.keep = random_below(2);
	want.check = random_below(2);
	if (hpack_side_decode(all, block, len, NULL))
		wrong = "it does not decode";
	else if (hpack_side_decode(masked, block, len, &want))
		wrong = "it does not decode with a mask";
	if (!wrong)
		wrong = compare(&all->list, json_get(c, "headers"));
	if (!wrong)
		wrong = hpack_masked_wrong(&all->list, &masked->list, &want);
	if (!wrong)
		wrong = cut(spare, limit, block, len, &all->list);
	n_blocks++;
	test_free(block);
	return wrong;
}

static const char *run_story(const char *text)
{
	struct json *story, *c;
	struct hpack_side all, masked, spare;
	const char *wrong = NULL;
	u32 limit = L7FP_MAX_HPACK_TABLE;

	json_at = text;
	story = json_value();
	hpack_side_init(&all, limit, ROOM, FIELDS);
	hpack_side_init(&masked, limit, ROOM, FIELDS);
	hpack_side_init(&spare, limit, ROOM, FIELDS);
	c = json_get(story, "cases");
	if (!c || !c->child)
		wrong = "no cases";
	for (c = c ? c->child : NULL; c && !wrong; c = c->next) {
		wrong = run_case(&all, &masked, &spare, limit, c);
		if (wrong)
			printf("# at seqno %s\n", json_get(c, "seqno")->text);
	}
	hpack_side_free(&all);
	hpack_side_free(&masked);
	hpack_side_free(&spare);
	json_free(story);
	return wrong;
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

int main(void)
{
	const char *corpora = getenv("L7FP_CORPORA") ?: "../shared/corpora";
	struct dirent **folders, **files;
	unsigned int n_stories = 0;
	char path[4096], name[600];
	int i, j, n, m;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n");
	snprintf(path, sizeof(path), "%s/hpack", corpora);
	n = scandir(path, &folders, NULL, alphasort);
	if (n < 0) {
		printf("1..0 # SKIP no stories in %s: L7FP_CORPORA says where the corpora are\n",
		       path);
		return 4;
	}
	l7fp_hpack_names_init(&names);
	l7fp_hpack_names_add(&names, 0, (const u8 *)"user-agent", 10);
	l7fp_hpack_names_add(&names, 1, (const u8 *)"accept", 6);
	l7fp_hpack_names_add(&names, 2, (const u8 *)"x-cache", 7);
	l7fp_hpack_names_add(&names, 3, (const u8 *)"x-frame-options", 15);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/hpack/%s", corpora, folders[i]->d_name);
		m = folders[i]->d_name[0] == '.' ? 0 : scandir(path, &files, NULL, alphasort);
		for (j = 0; j < m; j++) {
			char file[5000], *text;

			if (strstr(files[j]->d_name, ".json")) {
				snprintf(file, sizeof(file), "%s/%s", path, files[j]->d_name);
				snprintf(name, sizeof(name), "%s/%s", folders[i]->d_name,
					 files[j]->d_name);
				text = read_file(file);
				ktap_result("story", name, run_story(text));
				free(text);
				n_stories++;
			}
			free(files[j]);
		}
		if (m > 0)
			free(files);
		free(folders[i]);
	}
	free(folders);
	printf("# %u stories, %u blocks, %u fields, cut at %u places\n", n_stories, n_blocks,
	       n_fields, n_cuts);
	printf("1..%u\n", n_stories);
	return ktap_end();
}
