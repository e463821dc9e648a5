/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _L7FP_APPLY_SLOWPATH_H
#define _L7FP_APPLY_SLOWPATH_H

#include "apply_steps.h"

/* Ties generation @number, which is being built, to its proxy, where there is one. */
int apply_slow_path(struct apply *a, uint64_t number);
/* @blob with what tells the proxy: another one makes another generation. */
char *apply_slow_path_blob(const struct apply_options *options, char *blob, size_t *len);
/* Makes the exempt cgroups those of the options. */
int apply_exempt(struct apply *a);

#endif /* _L7FP_APPLY_SLOWPATH_H */
