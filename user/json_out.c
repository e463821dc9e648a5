// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing JSON (RFC 8259), or the same structure as YAML.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "json_out.h"

void json_begin(struct json *j, FILE *out, enum json_style style)
{
	memset(j, 0, sizeof(*j));
	j->out = out;
	j->style = style;
}

int json_finish(struct json *j)
{
	putc('\n', j->out);
	return ferror(j->out) || fflush(j->out) ? -1 : 0;
}

/* Length of the UTF-8 sequence at @s (RFC 3629), 0 when it is none. */
static int utf8_length(const unsigned char *s)
{
	uint32_t code;
	int i, n;

	if (*s < 0x80)
		return 1;
	if (*s >= 0xc2 && *s <= 0xdf) {
		n = 2;
		code = *s & 0x1f;
	} else if (*s >= 0xe0 && *s <= 0xef) {
		n = 3;
		code = *s & 0xf;
	} else if (*s >= 0xf0 && *s <= 0xf4) {
		n = 4;
		code = *s & 0x7;
	} else {
		return 0;
	}
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && code < 0x800) || (code >= 0xd800 && code <= 0xdfff) ||
	    (n == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	return n;
}

static void quoted(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int n;

	putc('"', out);
	while (*s) {
		if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s++);
		} else if (*s == '\n') {
			fputs("\\n", out);
			s++;
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(out, "\\u%04x", *s++);
		} else {
			n = utf8_length(s);
			if (n) {
				fwrite(s, n, 1, out);
				s += n;
			} else {
				fputs("\\ufffd", out);
				s++;
			}
		}
	}
	putc('"', out);
}

static void indent(struct json *j, int depth)
{
	int i;

	putc('\n', j->out);
	for (i = 0; i < depth; i++)
		fputs("  ", j->out);
}

/* What stands before a value: comma, line, indentation, key. */
static void yaml_before(struct json *j, const char *key, bool container)
{
	bool array = j->depth && j->level[j->depth].array;

	if (!j->depth) {
		/* The root: its parts begin at the left margin. */
		j->inline_item = true;
		return;
	}
	if (j->inline_item)
		j->inline_item = false;
	else
		indent(j, j->depth - 1);
	j->level[j->depth].any = true;
	if (array) {
		fputs("- ", j->out);
		j->inline_item = container;
	} else {
		fputs(key, j->out);
		fputs(container ? ":" : ": ", j->out);
	}
}

static void before(struct json *j, const char *key, bool container)
{
	if (j->style == JSON_YAML) {
		yaml_before(j, key, container);
		return;
	}
	if (j->depth) {
		if (j->level[j->depth].any)
			putc(',', j->out);
		if (j->style == JSON_PRETTY)
			indent(j, j->depth);
		j->level[j->depth].any = true;
	}
	if (key) {
		quoted(j->out, key);
		fputs(j->style == JSON_PRETTY ? ": " : ":", j->out);
	}
}

static void open_level(struct json *j, const char *key, bool array)
{
	before(j, key, true);
	if (j->depth == JSON_MAX_DEPTH)
		abort();
	j->depth++;
	j->level[j->depth].array = array;
	j->level[j->depth].any = false;
	if (j->style != JSON_YAML)
		putc(array ? '[' : '{', j->out);
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, true);
}

void json_end(struct json *j)
{
	bool array = j->level[j->depth].array, any = j->level[j->depth].any;

	j->depth--;
	if (j->style == JSON_YAML) {
		if (!any) {
			fputs(j->inline_item ? "" : " ", j->out);
			fputs(array ? "[]" : "{}", j->out);
			j->inline_item = false;
		}
		return;
	}
	if (any && j->style == JSON_PRETTY)
		indent(j, j->depth);
	putc(array ? ']' : '}', j->out);
}

void json_string(struct json *j, const char *key, const char *value)
{
	before(j, key, false);
	if (value)
		quoted(j->out, value);
	else
		fputs("null", j->out);
}

void json_unsigned(struct json *j, const char *key, uint64_t value)
{
	before(j, key, false);
	fprintf(j->out, "%" PRIu64, value);
}

void json_signed(struct json *j, const char *key, int64_t value)
{
	before(j, key, false);
	fprintf(j->out, "%" PRId64, value);
}

void json_double(struct json *j, const char *key, double value)
{
	before(j, key, false);
	/* JSON has no infinity and no NaN. */
	if (isfinite(value))
		fprintf(j->out, "%.3f", value);
	else
		fputs("null", j->out);
}

void json_bool(struct json *j, const char *key, bool value)
{
	before(j, key, false);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	before(j, key, false);
	fputs("null", j->out);
}
