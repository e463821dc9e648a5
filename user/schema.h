/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The known fields of each kind, with where each one runs and why: one table
 * from which documents are judged and Documentation/policy-support.rst is made.
 */
#ifndef _L7FP_SCHEMA_H
#define _L7FP_SCHEMA_H

#include <stdio.h>
#include "input.h"

enum schema_type {
	SCHEMA_END,		/* ends a list of fields */
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INT,		/* within [min, max] */
	SCHEMA_NUMBER,
	SCHEMA_DURATION,	/* "1.5s"; at least 1 ms, or 0 where min is 0 */
	SCHEMA_INT_OR_STRING,
	SCHEMA_OBJECT,
	SCHEMA_ANY,		/* not looked into */
};

enum schema_many {
	SCHEMA_ONE,
	SCHEMA_LIST,
	SCHEMA_MAP,		/* any keys, values of the type */
};

/* A value of an enumeration. */
struct schema_value {
	const char *text;
	enum node_verdict verdict;
	const char *reason;
};

struct schema_object;

/**
 * struct schema_field - a field of an object
 * @verdict: of the field itself; SLOW_PATH is inherited by all below it
 * @reason: why it is on the slow path; in the kernel: a remark for the table
 * @value: the values that a string may have; NULL: any
 * @null_item: a null item of the list or map is an error (it is always for lists)
 */
struct schema_field {
	const char *name;
	enum schema_type type;
	enum schema_many many;
	const struct schema_object *object;
	enum node_verdict verdict;
	const char *reason;
	const struct schema_value *value;
	int64_t min, max;
	bool null_item;
};

struct schema_object {
	const struct schema_field *field;
	bool open;		/* unknown fields have no effect and are no error */
};

/* What a kind is to the kernel. */
enum schema_role {
	ROLE_POLICY,		/* its rules are judged one by one */
	ROLE_INPUT,		/* describes services or workloads */
	ROLE_SLOW_PATH,		/* a policy that only the slow path knows */
};

/*
 * Whose requests a policy of ROLE_SLOW_PATH would change: they may not pass
 * the kernel as if it did not exist.
 */
enum schema_scope {
	SCOPE_NONE,		/* nothing that a request could notice */
	SCOPE_INGRESS,		/* gateways only; the kernel does not serve those */
	SCOPE_WORKLOADS,	/* of its namespace, or those that its selector matches */
	SCOPE_SERVICES,		/* the Services that its parentRefs or its service name */
	SCOPE_CLIENTS,		/* whoever calls from its namespace */
	SCOPE_PARTS,		/* another document decides whether it applies */
};

struct schema_kind {
	const char *group, *kind;
	const char * const *version;	/* NULL: any */
	enum schema_role role;
	const struct schema_object *spec;	/* NULL: not looked into */
	const struct schema_object *root;	/* fields beside spec; NULL: none */
	/* lists below spec whose items are rules; NULL-terminated */
	const char * const *rules;
	enum schema_scope scope;
	const char *reason;	/* of ROLE_SLOW_PATH */
	const char *remark;	/* for the table */
};

const struct schema_kind *schema_find(const char *group, const char *kind);
/* The group is that of a service mesh or a gateway, although the kind is unknown. */
bool schema_group_is_policy(const char *group);

/* Judge every field of @d by its type and its place in the table. */
void schema_check(struct node_arena *arena, const struct schema_kind *kind, struct document *d);

/* Set a verdict unless a worse one is set already. */
void node_mark(struct node *node, enum node_verdict verdict, const char *reason);
void node_mark_all(struct node *node, enum node_verdict verdict, const char *reason);
/* The worst verdict of @node and all below; @where (may be NULL): the first such node. */
enum node_verdict node_worst(const struct node *node, const struct node **where);

/* Nanoseconds of a duration as Go writes it ("1h2m3.5s"); -1: none. */
int64_t schema_duration(const char *text);

/* The tables. */
extern const struct schema_kind schema_istio[];
extern const struct schema_kind schema_gateway[];
extern const struct schema_kind schema_kubernetes[];
extern const struct schema_kind schema_other[];

/* Documentation/policy-support.rst. */
void schema_print_support(FILE *out);

#endif /* _L7FP_SCHEMA_H */
