/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * String matches that do not compile to wide compares; linear time, no recursion.
 */
#ifndef L7FP_MATCH_H
#define L7FP_MATCH_H

#include "codec.h"

bool l7fp_match(u32 op, const u8 *value, u32 value_len, const u8 *pattern, u32 pattern_len);
bool l7fp_match_template_valid(const u8 *pattern, u32 pattern_len);
bool l7fp_query_param(const u8 *path, u32 len, const u8 *name, u32 name_len,
		      struct l7fp_slice *value);

#endif /* L7FP_MATCH_H */
