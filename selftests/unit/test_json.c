// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON writer, as JSON and as YAML.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../user/json_out.h"

static int failed, number;

static void result(const char *name, const char *got, const char *expected)
{
	bool ok = !strcmp(got, expected);

	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	if (!ok) {
		printf("# expected: %s# got: %s", expected, got);
		failed = 1;
	}
}

static char *text;
static size_t text_len;
static FILE *out;

static void start(struct json *j, enum json_style style)
{
	out = open_memstream(&text, &text_len);
	json_begin(j, out, style);
}

static void end(struct json *j, const char *name, const char *expected)
{
	json_finish(j);
	fclose(out);
	result(name, text, expected);
	free(text);
}

static void sample(struct json *j)
{
	json_object(j, NULL);
	json_string(j, "name", "reviews");
	json_array(j, "ports");
	json_unsigned(j, NULL, 80);
	json_unsigned(j, NULL, 18446744073709551615ULL);
	json_end(j);
	json_array(j, "endpoints");
	json_object(j, NULL);
	json_string(j, "address", "10.0.0.1");
	json_bool(j, "healthy", true);
	json_end(j);
	json_object(j, NULL);
	json_end(j);
	json_end(j);
	json_array(j, "none");
	json_end(j);
	json_null(j, "null");
	json_signed(j, "low", -1);
	json_double(j, "ms", 1.5);
	json_end(j);
}

int main(void)
{
	struct json j;

	printf("TAP version 13\n1..6\n");

	start(&j, JSON_COMPACT);
	sample(&j);
	end(&j, "compact",
	    "{\"name\":\"reviews\",\"ports\":[80,18446744073709551615],"
	    "\"endpoints\":[{\"address\":\"10.0.0.1\",\"healthy\":true},{}],\"none\":[],"
	    "\"null\":null,\"low\":-1,\"ms\":1.500}\n");

	start(&j, JSON_YAML);
	sample(&j);
	end(&j, "yaml",
	    "name: \"reviews\"\n"
	    "ports:\n"
	    "  - 80\n"
	    "  - 18446744073709551615\n"
	    "endpoints:\n"
	    "  - address: \"10.0.0.1\"\n"
	    "    healthy: true\n"
	    "  - {}\n"
	    "none: []\n"
	    "null: null\n"
	    "low: -1\n"
	    "ms: 1.500\n");

	start(&j, JSON_PRETTY);
	json_object(&j, NULL);
	json_array(&j, "a");
	json_unsigned(&j, NULL, 1);
	json_end(&j);
	json_end(&j);
	end(&j, "pretty", "{\n  \"a\": [\n    1\n  ]\n}\n");

	start(&j, JSON_COMPACT);
	json_string(&j, NULL, "a\"b\\c\n\t\x01\x7f");
	end(&j, "escapes", "\"a\\\"b\\\\c\\n\\u0009\\u0001\\u007f\"\n");

	start(&j, JSON_COMPACT);
	json_string(&j, NULL, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	end(&j, "valid UTF-8 stays", "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"\n");

	start(&j, JSON_COMPACT);
	/* A lone lead byte, an overlong slash, a surrogate, one past the last code point. */
	json_string(&j, NULL, "\xc3|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80");
	end(&j, "what is no UTF-8 is replaced",
	    "\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd\\ufffd\"\n");

	return failed;
}
