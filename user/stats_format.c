// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters as text, as JSON, and in Prometheus' text exposition format 0.0.4.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "stats_format.h"

void stats_text(FILE *out, const struct kernel *k, bool zeroes)
{
	const char *object = NULL;
	uint32_t scope = ~0U;
	size_t i;

	for (i = 0; i < k->n_stats; i++) {
		const struct kernel_stat *s = &k->stat[i];

		if (!s->value && !zeroes)
			continue;
		if (s->scope != scope || !object || strcmp(s->object, object)) {
			fprintf(out, "%s%s%s\n", name_scope(s->scope), *s->object ? " " : "",
				s->object);
			scope = s->scope;
			object = s->object;
		}
		fprintf(out, "  %-34s %12" PRIu64 "\n", s->name, s->value);
	}
}

void stats_json(struct json *j, const struct kernel *k)
{
	size_t i;

	json_array(j, "counters");
	for (i = 0; i < k->n_stats; i++) {
		const struct kernel_stat *s = &k->stat[i];

		json_object(j, NULL);
		json_string(j, "scope", name_scope(s->scope));
		json_unsigned(j, "id", s->id);
		json_string(j, "object", s->object);
		json_string(j, "name", s->name);
		json_unsigned(j, "value", s->value);
		json_end(j);
	}
	json_end(j);
}

/* Label values escape backslash, quote and line feed, and nothing else. */
static void label_value(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '\\' || *s == '"')
			fprintf(out, "\\%c", *s);
		else
			putc(*s, out);
	}
}

/* Metric names are [a-zA-Z0-9_]; counters end in _total. */
static char *metric_name(const struct kernel_stat *s)
{
	bool total = strlen(s->name) > 6 && !strcmp(s->name + strlen(s->name) - 6, "_total");
	char *name, *p;

	if (asprintf(&name, "l7fp_%s%s%s%s", s->scope == L7FP_STAT_GLOBAL ? "" :
		     name_scope(s->scope), s->scope == L7FP_STAT_GLOBAL ? "" : "_", s->name,
		     total ? "" : "_total") < 0) {
		fputs("l7fp: out of memory\n", stderr);
		exit(1);
	}
	for (p = name; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return name;
}

struct metric {
	char *name;
	const struct kernel_stat *stat;
};

/* All samples of a metric must follow each other. */
static int by_name(const void *a, const void *b)
{
	const struct metric *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->stat < y->stat ? -1 : x->stat > y->stat;
}

static void sample(FILE *out, const struct metric *m)
{
	const struct kernel_stat *s = m->stat;

	fputs(m->name, out);
	/* Two objects may have one name (a listener on IPv4 and one on IPv6): the id tells. */
	if (s->scope != L7FP_STAT_GLOBAL) {
		fprintf(out, "{%s=\"", name_scope(s->scope));
		label_value(out, s->object);
		fprintf(out, "\",id=\"%u\"}", s->id);
	}
	fprintf(out, " %" PRIu64 "\n", s->value);
}

void stats_prometheus(FILE *out, const struct kernel *k)
{
	struct metric *list = calloc(k->n_stats + 1, sizeof(*list));
	size_t i;

	if (!list) {
		fputs("l7fp: out of memory\n", stderr);
		exit(1);
	}
	for (i = 0; i < k->n_stats; i++) {
		list[i].name = metric_name(&k->stat[i]);
		list[i].stat = &k->stat[i];
	}
	qsort(list, k->n_stats, sizeof(*list), by_name);
	for (i = 0; i < k->n_stats; i++) {
		if (!i || strcmp(list[i].name, list[i - 1].name))
			fprintf(out, "# TYPE %s counter\n", list[i].name);
		sample(out, &list[i]);
	}
	for (i = 0; i < k->n_stats; i++)
		free(list[i].name);
	free(list);
}
