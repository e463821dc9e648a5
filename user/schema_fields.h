/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tables of schema_*.c are written: a verdict (K, KR, S, N), and one line for each field
 * with it. Names ending in S are lists, in MAP maps with any keys; INT and DUR have the least
 * value, INT the largest, too.
 */
#ifndef _L7FP_SCHEMA_FIELDS_H
#define _L7FP_SCHEMA_FIELDS_H

#include "schema.h"

#define K NODE_KERNEL, NULL		/* in the kernel */
#define KR(text) NODE_KERNEL, text	/* with a remark */
#define S(text) NODE_SLOW_PATH, text
#define N(text) NODE_NO_EFFECT, text

#define STR(n, ...) { n, SCHEMA_STRING, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, 0, 0, false }
#define STRS(n, ...) { n, SCHEMA_STRING, SCHEMA_LIST, NULL, __VA_ARGS__, NULL, 0, 0, false }
#define STRMAP(n, ...) { n, SCHEMA_STRING, SCHEMA_MAP, NULL, __VA_ARGS__, NULL, 0, 0, true }
#define ENUM(n, values) { n, SCHEMA_STRING, SCHEMA_ONE, NULL, K, values, 0, 0, false }
#define BOOL(n, ...) { n, SCHEMA_BOOL, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, 0, 0, false }
#define INT(n, lo, hi, ...) { n, SCHEMA_INT, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, lo, hi, false }
#define NUM(n, ...) { n, SCHEMA_NUMBER, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, 0, 0, false }
#define DUR(n, lo, ...) { n, SCHEMA_DURATION, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, lo, 0, false }
#define OBJ(n, o, ...) { n, SCHEMA_OBJECT, SCHEMA_ONE, &(o), __VA_ARGS__, NULL, 0, 0, false }
#define OBJS(n, o, ...) { n, SCHEMA_OBJECT, SCHEMA_LIST, &(o), __VA_ARGS__, NULL, 0, 0, false }
#define OBJMAP(n, o, ...) { n, SCHEMA_OBJECT, SCHEMA_MAP, &(o), __VA_ARGS__, NULL, 0, 0, true }
#define ANY(n, ...) { n, SCHEMA_ANY, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, 0, 0, false }
#define OBJECT(n, ...) \
	static const struct schema_object n = { \
		.field = (const struct schema_field[]) { __VA_ARGS__, { 0 } } \
	}

#endif /* _L7FP_SCHEMA_FIELDS_H */
