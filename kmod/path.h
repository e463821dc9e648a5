/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths and hosts in the one form that is matched and forwarded; Documentation/policies.rst.
 */
#ifndef L7FP_PATH_H
#define L7FP_PATH_H

#include "codec.h"

#define L7FP_PATH_ERR_BAD (-1) /* must not be forwarded: 400 */
#define L7FP_PATH_ERR_SPACE (-2) /* the output buffer is smaller than the input */

/**
 * enum l7fp_path_mode - Istio's pathNormalization
 * @L7FP_PATH_NONE: as it came
 * @L7FP_PATH_BASE: unreserved %HH decoded once, '\' becomes '/', dot segments resolved
 * @L7FP_PATH_MERGE_SLASHES: BASE, and runs of '/' become one
 * @L7FP_PATH_DECODE_AND_MERGE_SLASHES: %2F and %5C decoded too, before all that
 */
enum l7fp_path_mode {
	L7FP_PATH_NONE,
	L7FP_PATH_BASE,
	L7FP_PATH_MERGE_SLASHES,
	L7FP_PATH_DECODE_AND_MERGE_SLASHES,
};

bool l7fp_path_is_normal(const u8 *src, u32 len, u32 *query);
int l7fp_path_normalize(u8 *dst, u32 cap, const u8 *src, u32 len, enum l7fp_path_mode mode);
u32 l7fp_path_query_off(const u8 *src, u32 len);

int l7fp_host_normalize(u8 *dst, u32 cap, const u8 *host, u32 len, u32 *port);

#endif /* L7FP_PATH_H */
