/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing JSON, or the same structure as YAML for people.
 *
 *	struct json j;
 *
 *	json_begin(&j, stdout, JSON_COMPACT);
 *	json_object(&j, NULL);
 *	json_string(&j, "name", "reviews");
 *	json_array(&j, "ports");
 *	json_unsigned(&j, NULL, 9080);
 *	json_end(&j);
 *	json_end(&j);
 *	json_finish(&j);
 *
 * Inside an object every value has a key, inside an array none has.
 */
#ifndef _L7FP_JSON_OUT_H
#define _L7FP_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH	48

enum json_style {
	JSON_PRETTY,
	JSON_COMPACT,
	JSON_YAML,
};

struct json {
	FILE *out;
	enum json_style style;
	int depth;
	struct {
		bool array;
		bool any;	/* something was written in it */
	} level[JSON_MAX_DEPTH + 1];
	bool inline_item;	/* YAML: the next key stands on the line of its "- " */
};

void json_begin(struct json *j, FILE *out, enum json_style style);
/* Ends the text with a newline. 0, or -1 when @out had an error. */
int json_finish(struct json *j);

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
/* Ends the innermost object or array. */
void json_end(struct json *j);

/* @value NULL writes null. Bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json *j, const char *key, const char *value);
void json_unsigned(struct json *j, const char *key, uint64_t value);
void json_signed(struct json *j, const char *key, int64_t value);
void json_double(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif /* _L7FP_JSON_OUT_H */
