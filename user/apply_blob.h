/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program with its tables as bytes, to tell whether two policies are the
 * same.
 */
#ifndef _L7FP_APPLY_BLOB_H
#define _L7FP_APPLY_BLOB_H

#include <stddef.h>
#include "synth.h"

/* The caller frees it. Equal bytes: the kernel would do the same with both. */
char *apply_blob(const struct synth_program *program, const struct tables *tables, size_t *len);

#endif /* _L7FP_APPLY_BLOB_H */
