/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What writing heads of HTTP/1.1 and of HTTP/2 has in common.
 */
#ifndef _L7FP_HEAD_H
#define _L7FP_HEAD_H

#include "exchange.h"

#define L7FP_UUID_LEN	36
#define L7FP_DATE_ROOM	40

/* Whether changes in @list set or remove a field; @name in any case. */
bool l7fp_ops_remove(const struct l7fp_header_ops *list, u32 lists, const u8 *name, u32 len);
/* Whether @list[i].op[j] adds a field that no later change sets or removes. */
bool l7fp_op_is_written(const struct l7fp_header_ops *list, u32 lists, u32 i, u32 j);
/* RFC 9562 version 4, in its usual text form. */
void l7fp_uuid_text(u8 p[L7FP_UUID_LEN]);
/* IMF-fixdate of RFC 9110 5.6.7; returns its length. */
u32 l7fp_date_text(char text[L7FP_DATE_ROOM]);

#endif /* _L7FP_HEAD_H */
