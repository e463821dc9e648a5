// SPDX-License-Identifier: GPL-2.0-only
/* Documentation/policy-support.rst, from the tables that judge. */
#include "schema.h"

#include <string.h>

#define MAX_DEPTH 16
#define MAX_NAME 512

static const char * const where[] = {
	[NODE_UNSEEN] = "",
	[NODE_NO_EFFECT] = "no effect",
	[NODE_KERNEL] = "kernel",
	[NODE_SLOW_PATH] = "slow path",
	[NODE_INVALID] = "invalid",
};

static void row(FILE *out, const char *name, enum node_verdict verdict, const char *remark)
{
	fprintf(out, "   * - ``%s``\n     - %s\n     -%s%s\n", name, where[verdict],
		remark && *remark ? " " : "", remark && *remark ? remark : "");
}

static void values(FILE *out, const char *name, const struct schema_value *v)
{
	char text[MAX_NAME + 64];

	for (; v->text; v++) {
		snprintf(text, sizeof(text), "%s: %s", name, v->text);
		row(out, text, v->verdict, v->reason);
	}
}

static void fields(FILE *out, const char *above, const struct schema_object *object, int depth)
{
	const struct schema_field *f;
	char name[MAX_NAME];

	for (f = object->field; f->type != SCHEMA_END && depth < MAX_DEPTH; f++) {
		snprintf(name, sizeof(name), "%s%s%s%s", above, *above ? "." : "", f->name,
			 f->many == SCHEMA_LIST ? "[]" : f->many == SCHEMA_MAP ? ".*" : "");
		/* What is below a field on the slow path is there too: one row. */
		if (f->verdict == NODE_KERNEL && f->value)
			values(out, name, f->value);
		else if (f->verdict == NODE_KERNEL && f->type == SCHEMA_OBJECT) {
			if (f->reason)
				row(out, name, f->verdict, f->reason);
			fields(out, name, f->object, depth + 1);
		} else {
			row(out, name, f->verdict, f->reason);
		}
	}
}

static void begin_table(FILE *out, const char *first)
{
	fprintf(out, ".. list-table::\n   :header-rows: 1\n   :widths: 50 10 40\n\n"
		"   * - %s\n     - Where\n     - Remark\n", first);
}

static void title(FILE *out, const char *text, char line)
{
	size_t i;

	fprintf(out, "\n%s\n", text);
	for (i = 0; i < strlen(text); i++)
		putc(line, out);
	fputs("\n\n", out);
}

static void kinds(FILE *out, const struct schema_kind *k)
{
	char text[MAX_NAME];

	for (; k->kind; k++) {
		if (!*k->group && !strcmp(k->kind, "Workload"))
			continue;	/* the same as l7fp.io */
		snprintf(text, sizeof(text), "%s (%s)", k->kind, *k->group ? k->group : "v1");
		title(out, text, '-');
		if (k->remark)
			fprintf(out, "%s\n\n", k->remark);
		begin_table(out, "Field");
		if (k->spec)
			fields(out, "spec", k->spec, 0);
		if (k->root && k->root != k->spec) {
			const struct schema_object *root = k->root;

			fields(out, "", root, 0);
		}
	}
}

void schema_print_support(FILE *out)
{
	const struct schema_kind *k;
	char text[MAX_NAME];

	fputs(".. SPDX-License-Identifier: GPL-2.0-only\n"
	      ".. Made by ``l7fp-tool check --support-table``; do not edit.\n\n"
	      "==============\nPolicy support\n==============\n\n"
	      "Where each field of each kind runs. *kernel*: the kernel does it. *slow path*: the\n"
	      "kernel hands the request to a proxy, and answers 503 while there is none; a rule with\n"
	      "such a field keeps its place among the others, and never lets a request pass that\n"
	      "it might have to stop. *no effect*: a request cannot tell whether it is there.\n"
	      "A field that is not listed is refused, except in Kubernetes objects.\n"
	      "``l7fp-tool check`` says the same of the documents that it is given.\n\n"
	      "Captured are the addresses and ports that a Service or ServiceEntry names, and those\n"
	      "of its endpoints. A port that is not HTTP passes only where every connection may: where\n"
	      "a rule would have to look at one, connections are refused, and ``check`` says so.\n"
	      "Connections to ports of a workload that no Service names are not captured, and so not\n"
	      "judged.\n", out);
	title(out, "Istio", '=');
	kinds(out, schema_istio);
	title(out, "Gateway API", '=');
	kinds(out, schema_gateway);
	title(out, "Services and workloads", '=');
	kinds(out, schema_kubernetes);
	title(out, "Kinds for the slow path", '=');
	begin_table(out, "Kind");
	for (k = schema_other; k->kind; k++) {
		snprintf(text, sizeof(text), "%s (%s)", k->kind, k->group);
		row(out, text, NODE_SLOW_PATH, k->reason);
	}
	fputs("\nAny other kind is no policy: it is named and ignored. An unknown kind of one of the\n"
	      "groups above is taken for a policy of its namespace that the kernel cannot decide.\n",
	      out);
}
