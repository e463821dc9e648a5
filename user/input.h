/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Documents from files, folders and standard input.
 *
 *	struct documents *docs = documents_new();
 *	struct diagnostics *diag = diag_new();
 *
 *	for (i = 0; i < n_paths; i++)
 *		documents_read(docs, paths[i], diag);
 */
#ifndef _L7FP_INPUT_H
#define _L7FP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include "diag.h"
#include "node.h"

#define INPUT_MAX_DOCUMENTS	65536	/* of one run */
#define INPUT_MAX_FOLDER_DEPTH	32

/* What a document without metadata.namespace belongs to. */
#define INPUT_DEFAULT_NAMESPACE	"default"

struct document {
	struct node *root;		/* a map */
	struct position at;
	const char *api_version, *kind;	/* "" when absent */
	const char *group;		/* of api_version, "" for the core */
	const char *name, *namespace;	/* never NULL */
	char *what;			/* "VirtualService default/reviews" */
};

struct documents {
	size_t n;
	struct document **list;
	struct node_arena *arena;	/* holds the trees */
	size_t n_files;
};

struct documents *documents_new(void);
void documents_free(struct documents *docs);

/**
 * documents_read - read a file, a folder (recursively: *.yaml, *.yml, *.json) or "-"
 *
 * Items of `kind: List` (and of any other *List of kubectl) become documents
 * of their own. Errors go to @diag, and what can be read is read.
 *
 * Return: 0, or -1 when something could not be read.
 */
int documents_read(struct documents *docs, const char *path, struct diagnostics *diag);

/* The same from memory; @name stands for the file in messages. */
int documents_read_buffer(struct documents *docs, const char *name, const char *text,
			  size_t length, struct diagnostics *diag);

#endif /* _L7FP_INPUT_H */
