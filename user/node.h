/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML and JSON as a tree of nodes that know where they were written.
 *
 * Scalars have the types that kubectl gives them (YAML 1.1, as sigs.k8s.io/yaml).
 * Aliases are expanded into copies, so that every node has one parent.
 */
#ifndef _L7FP_NODE_H
#define _L7FP_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "diag.h"

#define YAML_MAX_SIZE		(16 << 20)	/* bytes of one file */
#define YAML_MAX_DEPTH		64		/* maps and lists within each other */
#define YAML_MAX_NODES		1000000		/* of one file, aliases expanded */
#define YAML_MAX_SCALAR		(1 << 20)	/* bytes of one scalar */
#define YAML_MAX_ANCHORS	1024		/* of one document */

enum node_kind {
	NODE_NULL,
	NODE_BOOL,
	NODE_INT,
	NODE_FLOAT,
	NODE_STRING,
	NODE_LIST,
	NODE_MAP,
};

/* What check says of a field; larger is worse. */
enum node_verdict {
	NODE_UNSEEN = 0,	/* not reached yet */
	NODE_NO_EFFECT,		/* nothing that a request could notice */
	NODE_KERNEL,
	NODE_SLOW_PATH,
	NODE_INVALID,
};

struct node {
	enum node_kind kind;
	struct position at;
	/* scalars, as written, NUL-terminated; @length may exceed strlen() */
	const char *text;
	size_t length;
	bool boolean;
	int64_t integer;
	/* lists and maps; @key of maps only */
	size_t n;
	struct node **child;
	struct node **key;
	/* set by classify */
	enum node_verdict verdict;
	const char *reason;
	bool rule;	/* it has a line of its own in check */
};

/* A boolean that is there and true. */
static inline bool node_true(const struct node *n)
{
	return n && n->kind == NODE_BOOL && n->boolean;
}

struct node_arena;

struct node_arena *node_arena_new(void);
void node_arena_free(struct node_arena *arena);
/* Zeroed; lives as long as @arena; exits when there is no memory. */
void *node_alloc(struct node_arena *arena, size_t size);
char *node_printf(struct node_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * yaml_parse - all documents of @text
 * @document: called with the root of each, NULL roots left out
 *
 * Return: 0, or -1 after an error, which is in @diag. Documents before the
 * error were delivered.
 */
int yaml_parse(struct node_arena *arena, const char *file, const char *text, size_t length,
	       struct diagnostics *diag, void (*document)(void *context, struct node *root),
	       void *context);

/* The value of @key in @map; NULL when @map is no map or has none, or a null. */
struct node *node_get(const struct node *map, const char *key);
/* Likewise by a path of keys: node_path(n, "metadata", "name", NULL). */
struct node *node_path(const struct node *map, ...) __attribute__((sentinel));
/* The text of a string; NULL of anything else. */
const char *node_string(const struct node *node);
/* That of a string in a map, or @otherwise. */
const char *node_text(const struct node *map, const char *key, const char *otherwise);
/* "a string", "a list": for messages. */
const char *node_kind_name(enum node_kind kind);

#endif /* _L7FP_NODE_H */
