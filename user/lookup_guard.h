/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of inbound capture without a gap, as capture_guard.c for connects.
 * 0 or a negative errno with @error set; nothing is done where nothing is captured.
 */
#ifndef _L7FP_LOOKUP_GUARD_H
#define _L7FP_LOOKUP_GUARD_H

#include "bpffs.h"

/* Pins of inbound capture. */
#define LOOKUP_LINK	"lookup"
#define LOOKUP_MAP	"inbound"
#define LOOKUP_NODES	"nodes"

/*
 * What arrives is captured no more: entries that nothing binds let it through, the others refuse
 * it. The module's own connections go on. @n: how many refuse.
 */
int lookup_guard(const struct bpffs *fs, size_t *n, char *error, size_t error_len);
/*
 * After that, and when all is done that was captured: a program that goes without the module.
 * @guarded: whether some entries refuse, so that the pins must stay.
 */
int lookup_guard_hook(const struct bpffs *fs, bool *guarded, char *error, size_t error_len);

#endif /* _L7FP_LOOKUP_GUARD_H */
