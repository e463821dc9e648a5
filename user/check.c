// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool check: where each rule and field runs, and why. */
#include "classify.h"
#include "schema.h"
#include "translate.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH_TEXT 1024

struct output {
	FILE *out;
	bool json;
	bool quiet;
	bool first;
};

static const char * const verdict_names[] = {
	[VERDICT_KERNEL] = "kernel",
	[VERDICT_SLOW_PATH] = "slow path",
	[VERDICT_INVALID] = "invalid",
	[VERDICT_INPUT] = "input",
	[VERDICT_IGNORED] = "ignored",
};

static const char * const field_names[] = {
	[NODE_UNSEEN] = "no effect",
	[NODE_NO_EFFECT] = "no effect",
	[NODE_KERNEL] = "kernel",
	[NODE_SLOW_PATH] = "slow path",
	[NODE_INVALID] = "invalid",
};

static void json_string(FILE *out, const char *s)
{
	putc('"', out);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void print_field(struct output *o, const char *path, const struct node *n)
{
	const char *reason = n->reason && n->verdict != NODE_KERNEL ? n->reason : "";

	if (o->json) {
		fprintf(o->out, "%s\n      {\"field\": ", o->first ? "" : ",");
		json_string(o->out, path);
		fprintf(o->out, ", \"line\": %d, \"column\": %d, \"verdict\": \"%s\", \"reason\": ",
			n->at.line, n->at.column, field_names[n->verdict]);
		json_string(o->out, reason);
		putc('}', o->out);
	} else {
		fprintf(o->out, "    %-10s %s%s%s\n", field_names[n->verdict], path,
			*reason ? ": " : "", reason);
	}
	o->first = false;
}

/*
 * Leaves, and containers that are worse than what they hold. @skip: rules
 * that are printed on their own are left out (for the fields around them).
 */
static void print_fields(struct output *o, const struct node *n, char *path, size_t used,
			 bool skip)
{
	bool leaf = !n->n || (n->kind != NODE_LIST && n->kind != NODE_MAP);
	size_t i;

	if (leaf || n->verdict == NODE_INVALID)
		print_field(o, path, n);
	for (i = 0; !leaf && i < n->n; i++) {
		const struct node *c = n->child[i];
		size_t room = MAX_PATH_TEXT - used;
		int more;

		if (skip && c->rule)
			continue;
		if (n->kind == NODE_LIST)
			more = snprintf(path + used, room, "[%zu]", i);
		else if (strpbrk(n->key[i]->text, ".[]/ :"))
			more = snprintf(path + used, room, "[%.200s]", n->key[i]->text);
		else
			more = snprintf(path + used, room, "%s%.200s", used ? "." : "",
					n->key[i]->text);
		if (more > 0 && (size_t)more < room)
			print_fields(o, c, path, used + (size_t)more, skip);
		path[used] = '\0';
	}
}

static void print_verdict(struct output *o, const struct verdicts *v, size_t i, size_t first)
{
	const struct verdict *one = &v->list[i];
	bool whole = one->node == one->document->root;
	char path[MAX_PATH_TEXT];

	if (o->json) {
		fprintf(o->out, "%s\n    {\"file\": ", i ? "," : "");
		json_string(o->out, one->at.file);
		fprintf(o->out, ", \"line\": %d, \"column\": %d, \"rule\": ", one->at.line,
			one->at.column);
		json_string(o->out, one->what);
		fprintf(o->out, ", \"verdict\": \"%s\", \"reason\": ", verdict_names[one->kind]);
		json_string(o->out, one->reason);
		fputs(", \"fields\": [", o->out);
	} else {
		fprintf(o->out, "%s:%d:%d: %s: %s", one->at.file, one->at.line, one->at.column,
			one->what, verdict_names[one->kind]);
		if (*one->reason)
			fprintf(o->out, " (line %d: %s)", one->where->at.line, one->reason);
		putc('\n', o->out);
	}
	o->first = true;
	/* Fields outside the rules go with the first rule of the document. */
	if (!o->quiet && i == first && !whole) {
		path[0] = '\0';
		print_fields(o, one->document->root, path, 0, true);
	}
	if (!o->quiet && one->kind != VERDICT_IGNORED &&
	    (one->kind != VERDICT_INPUT || o->json)) {
		snprintf(path, sizeof(path), "%s", one->path);
		print_fields(o, one->node, path, strlen(path), false);
	}
	if (o->json)
		fputs(o->first ? "]}" : "\n    ]}", o->out);
}

static void print_messages_json(FILE *out, const struct diagnostics *diag)
{
	static const char * const levels[] = { "error", "warning", "information" };
	size_t i;

	fputs("  \"messages\": [", out);
	for (i = 0; i < diag->n; i++) {
		const struct diagnostic *d = &diag->list[i];

		fprintf(out, "%s\n    {\"level\": \"%s\", \"file\": ", i ? "," : "",
			levels[d->level]);
		json_string(out, d->file ? d->file : "");
		fprintf(out, ", \"line\": %d, \"column\": %d, \"text\": ", d->line, d->column);
		json_string(out, d->text);
		putc('}', out);
	}
	fputs(diag->n ? "\n  ],\n" : "],\n", out);
}

static void print_all(struct output *o, const struct verdicts *v, const struct diagnostics *diag)
{
	size_t i, first = 0;

	if (o->json)
		fputs("{\n  \"rules\": [", o->out);
	for (i = 0; i < v->n; i++) {
		if (v->list[i].document != v->list[first].document)
			first = i;
		print_verdict(o, v, i, first);
	}
	if (o->json) {
		fputs(v->n ? "\n  ],\n" : "],\n", o->out);
		print_messages_json(o->out, diag);
		fprintf(o->out, "  \"kernel\": %zu,\n  \"slow_path\": %zu,\n  \"invalid\": %zu,\n"
			"  \"input\": %zu,\n  \"ignored\": %zu,\n  \"errors\": %zu\n}\n",
			v->n_kernel, v->n_slow_path, v->n_invalid, v->n_input, v->n_ignored,
			diag->n_errors);
		return;
	}
	diag_print(diag, o->out, DIAG_INFORMATION);
	if (v->n_input || v->n_ignored)
		fprintf(o->out,
			"%zu documents describe services and workloads, %zu are not policies and were ignored\n",
			v->n_input, v->n_ignored);
	if (diag->n_errors)
		fprintf(o->out, "%zu errors: not everything could be read\n", diag->n_errors);
	verdicts_print_summary(v, o->out);
}

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool check [OPTION]... FILE|FOLDER|- ...\n"
	      "       l7fp-tool check --support-table\n"
	      "\n"
	      "Says of every rule and every field whether it runs in the kernel, needs the slow\n"
	      "path, or is invalid, and why. Exit status: 0, or 1 when something is invalid.\n"
	      "\n"
	      "  -j, --json           as JSON\n"
	      "  -q, --quiet          rules only, without their fields\n"
	      "  -w, --workload NAMESPACE/NAME   as seen by this Workload\n"
	      "      --support-table  the fields that are known, as reStructuredText\n", out);
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "workload", required_argument, NULL, 'w' },
		{ "support-table", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct output o = { .out = stdout };
	struct translate_view view = { 0 };
	struct documents *docs;
	struct diagnostics *diag;
	struct verdicts *verdicts;
	struct ir *ir;
	int c, i, ret;

	optind = 1;
	while ((c = getopt_long(argc, argv, "jqw:h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			o.json = true;
			break;
		case 'q':
			o.quiet = true;
			break;
		case 'w':
			view.workload = optarg;
			break;
		case 's':
			schema_print_support(stdout);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return 2;
	}

	docs = documents_new();
	diag = diag_new();
	verdicts = verdicts_new();
	for (i = optind; i < argc; i++)
		documents_read(docs, argv[i], diag);
	ir = view.workload ? translate_for_workload(docs, diag, verdicts, &view) :
			     translate(docs, diag, verdicts);
	print_all(&o, verdicts, diag);
	ret = verdicts->n_invalid || diag->n_errors ? 1 : 0;
	ir_free(ir);
	verdicts_free(verdicts);
	diag_free(diag);
	documents_free(docs);
	return ret;
}
