// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every field of every document gets its verdict, and every rule the worst of
 * its fields.
 */
#include "classify.h"
#include "classify_rules.h"
#include "schema.h"

#include <stdlib.h>
#include <string.h>

static const char not_policy[] = "not a policy: ignored";
static const char unknown_kind[] =
	"unknown kind of a service mesh or gateway; the kernel does not know what it asks for";

/* A kind of this name exists, so that a wrong apiVersion is not taken for "no policy". */
static const struct schema_kind *same_name(const char *kind)
{
	const struct schema_kind *k;

	for (k = schema_istio; k->kind; k++)
		if (!strcmp(k->kind, kind))
			return k;
	return NULL;
}

static bool named(const struct document *d)
{
	const char *generate = node_string(node_path(d->root, "metadata", "generateName", NULL));

	return *d->name || (generate && *generate);
}

static void classify_document(struct node_arena *arena, struct document *d)
{
	const struct schema_kind *kind = schema_find(d->group, d->kind);
	const struct schema_kind *other = same_name(d->kind);

	if (!*d->kind || !*d->api_version) {
		mark_invalid(arena, d->root, "a document needs apiVersion and kind");
		return;
	}
	if (!kind) {
		if (other && !schema_group_is_policy(d->group))
			mark_invalid(arena, d->root, "no %s in \"%.100s\"; expected apiVersion %s/%s",
				     d->kind, d->api_version, other->group, other->version[0]);
		else if (schema_group_is_policy(d->group))
			node_mark_all(d->root, NODE_SLOW_PATH, unknown_kind);
		else
			node_mark_all(d->root, NODE_NO_EFFECT, not_policy);
		return;
	}
	schema_check(arena, kind, d);
	if (kind->role == ROLE_POLICY && !named(d))
		mark_invalid(arena, d->root, "metadata.name is needed");
	if (!strcmp(d->kind, "VirtualService"))
		classify_virtual_service(arena, d);
	else if (!strcmp(d->kind, "DestinationRule"))
		classify_destination_rule(arena, d);
	else if (!strcmp(d->kind, "ServiceEntry"))
		classify_service_entry(arena, d);
	else if (!strcmp(d->kind, "AuthorizationPolicy") && kind->role == ROLE_POLICY)
		classify_authorization_policy(arena, d);
	else if (!strcmp(d->kind, "GRPCRoute"))
		classify_grpc_route(arena, d);
	else if (kind->role == ROLE_INPUT)
		classify_input(arena, d);
	else if (kind->role == ROLE_SLOW_PATH)
		node_mark(d->root, NODE_SLOW_PATH, kind->reason);
}

static int compare_documents(const void *a, const void *b)
{
	const struct document *x = *(struct document * const *)a;
	const struct document *y = *(struct document * const *)b;
	int d = strcmp(x->group, y->group);

	if (!d)
		d = strcmp(x->kind, y->kind);
	if (!d)
		d = strcmp(x->namespace, y->namespace);
	if (!d)
		d = strcmp(x->name, y->name);
	if (!d)
		d = strcmp(x->at.file, y->at.file);
	if (!d)
		d = x->at.line < y->at.line ? -1 : x->at.line > y->at.line;
	return d;
}

/* Two documents of one name: a cluster would hold the later only. */
static void report_twins(struct documents *docs, struct diagnostics *diag)
{
	struct document **sorted = malloc((docs->n + 1) * sizeof(*sorted));
	size_t i;

	if (!sorted)
		return;
	if (docs->n)
		memcpy(sorted, docs->list, docs->n * sizeof(*sorted));
	qsort(sorted, docs->n, sizeof(*sorted), compare_documents);
	for (i = 1; i < docs->n; i++) {
		const struct document *a = sorted[i - 1], *b = sorted[i];

		if (*a->name && *a->kind && !strcmp(a->group, b->group) &&
		    !strcmp(a->kind, b->kind) && !strcmp(a->namespace, b->namespace) &&
		    !strcmp(a->name, b->name))
			diag_add(diag, DIAG_WARNING, &b->at,
				 "%s is there a second time (first: %s:%d); both are read, a cluster would keep one",
				 b->what, a->at.file, a->at.line);
	}
	free(sorted);
}

void classify(struct documents *docs, struct diagnostics *diag)
{
	size_t i;

	for (i = 0; i < docs->n; i++)
		classify_document(docs->arena, docs->list[i]);
	report_twins(docs, diag);
}

struct verdicts *verdicts_new(void)
{
	struct verdicts *v = calloc(1, sizeof(*v));

	if (!v) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	return v;
}

void verdicts_free(struct verdicts *verdicts)
{
	if (!verdicts)
		return;
	free(verdicts->list);
	free(verdicts);
}

static struct verdict *add(struct verdicts *v, const struct document *d, struct node *node,
			   const char *path, const char *what)
{
	struct verdict *one;

	node->rule = true;
	if (!(v->n & (v->n - 1))) {
		v->list = realloc(v->list, (v->n ? 2 * v->n : 1) * sizeof(*v->list));
		if (!v->list) {
			fputs("l7fp-tool: out of memory\n", stderr);
			exit(1);
		}
	}
	one = &v->list[v->n++];
	memset(one, 0, sizeof(*one));
	one->document = d;
	one->node = node;
	one->at = node->at;
	one->path = path;
	one->what = what;
	one->where = node;
	one->reason = "";
	return one;
}

static bool is_rule_list(const struct schema_kind *kind, const char *key)
{
	const char * const *r;

	for (r = kind ? kind->rules : NULL; r && *r; r++)
		if (!strcmp(*r, key))
			return true;
	return false;
}

/* The worst of what is not within a rule: it holds for all rules. */
static enum node_verdict document_worst(const struct schema_kind *kind, const struct node *root,
					const struct node **where)
{
	enum node_verdict worst = root->verdict;
	const struct node *spec = node_get(root, "spec");
	size_t i;

	*where = root;
	for (i = 0; i < root->n; i++) {
		const struct node *at;
		enum node_verdict v;

		if (root->child[i] == spec)
			continue;
		v = node_worst(root->child[i], &at);
		if (v > worst) {
			worst = v;
			*where = at;
		}
	}
	if (spec && spec->verdict > worst) {
		worst = spec->verdict;
		*where = spec;
	}
	for (i = 0; spec && i < spec->n; i++) {
		const struct node *at = spec->child[i];
		enum node_verdict v = at->verdict;

		if (spec->kind != NODE_MAP || !is_rule_list(kind, spec->key[i]->text))
			v = node_worst(spec->child[i], &at);
		else if (v == NODE_SLOW_PATH)
			continue;	/* the items say so themselves */
		if (v > worst) {
			worst = v;
			*where = at;
		}
	}
	return worst;
}

static void judge(struct verdicts *v, struct verdict *one, enum node_verdict whole,
		  const struct node *whole_where)
{
	const struct node *where;
	enum node_verdict worst = node_worst(one->node, &where);

	if (whole > worst) {
		worst = whole;
		where = whole_where;
	}
	if (worst == NODE_INVALID) {
		one->kind = VERDICT_INVALID;
		v->n_invalid++;
	} else if (worst == NODE_SLOW_PATH) {
		one->kind = VERDICT_SLOW_PATH;
		v->n_slow_path++;
	} else {
		one->kind = VERDICT_KERNEL;
		v->n_kernel++;
		return;
	}
	one->where = where;
	one->reason = where->reason ? where->reason : "";
}

static void collect(struct verdicts *v, struct documents *docs, struct document *d)
{
	const struct schema_kind *kind = schema_find(d->group, d->kind);
	const struct node *where, *spec = node_get(d->root, "spec");
	enum node_verdict whole = document_worst(kind, d->root, &where);
	struct verdict *one;
	const char * const *r;
	size_t i, found = 0;

	if (kind && kind->role == ROLE_INPUT) {
		one = add(v, d, d->root, "", d->what);
		whole = node_worst(d->root, &where);
		if (whole == NODE_INVALID) {
			judge(v, one, whole, where);
		} else {
			one->kind = VERDICT_INPUT;
			one->where = where;
			one->reason = whole == NODE_SLOW_PATH && where->reason ? where->reason : "";
			v->n_input++;
		}
		return;
	}
	if (!kind && d->root->verdict == NODE_NO_EFFECT) {
		one = add(v, d, d->root, "", d->what);
		one->kind = VERDICT_IGNORED;
		one->reason = not_policy;
		v->n_ignored++;
		return;
	}
	for (r = kind ? kind->rules : NULL; r && *r; r++) {
		struct node *list = node_get(spec, *r);

		if (!list)
			continue;
		if (list->kind != NODE_LIST || !strcmp(*r, "portLevelMtls")) {
			one = add(v, d, list, node_printf(docs->arena, "spec.%s", *r),
				  node_printf(docs->arena, "%s %s", d->what, *r));
			judge(v, one, whole, where);
			found++;
			continue;
		}
		for (i = 0; i < list->n; i++) {
			one = add(v, d, list->child[i],
				  node_printf(docs->arena, "spec.%s[%zu]", *r, i),
				  node_printf(docs->arena, "%s %s[%zu]", d->what, *r, i));
			judge(v, one, whole, where);
			found++;
		}
	}
	if (!found) {
		one = add(v, d, d->root, "", d->what);
		judge(v, one, whole, where);
	}
}

void verdicts_collect(struct verdicts *verdicts, struct documents *docs)
{
	size_t i;

	for (i = 0; i < docs->n; i++)
		collect(verdicts, docs, docs->list[i]);
}

void verdicts_print_summary(const struct verdicts *v, FILE *out)
{
	fprintf(out, "%zu of %zu rules in the kernel, %zu on the slow path, %zu invalid\n",
		v->n_kernel, v->n_kernel + v->n_slow_path + v->n_invalid, v->n_slow_path,
		v->n_invalid);
}

void verdicts_print(const struct verdicts *verdicts, FILE *out, enum verdict_kind kind)
{
	static const char * const names[] = {
		[VERDICT_KERNEL] = "kernel",
		[VERDICT_SLOW_PATH] = "slow path",
		[VERDICT_INVALID] = "invalid",
		[VERDICT_INPUT] = "input",
		[VERDICT_IGNORED] = "ignored",
	};
	size_t i;

	for (i = 0; i < verdicts->n; i++) {
		const struct verdict *v = &verdicts->list[i];
		const struct position *at = kind == VERDICT_INVALID ? &v->where->at : &v->at;

		if (v->kind != kind)
			continue;
		fprintf(out, "%s:%d:%d: %s: %s%s%s\n", at->file, at->line, at->column, v->what,
			names[kind], *v->reason ? ": " : "", v->reason);
	}
}
