/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the codecs need from their surroundings.
 *
 * h1, path and match are plain C: no allocation, no lock, no socket, callable in softirq. The same
 * source builds into the module, l7fpd, the unit tests and the fuzzers; this header is the only
 * place where kernel and user space differ.
 */
#ifndef L7FP_CODEC_H
#define L7FP_CODEC_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/cdefs.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#ifndef READ_ONCE
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#endif
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#ifndef BIT_ULL
#define BIT_ULL(n) (1ULL << (n))
#endif
#ifndef S64_MAX
#define S64_MAX INT64_MAX
#endif
#ifndef noinline
#define noinline __attribute__((__noinline__))
#endif
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif
#endif /* __KERNEL__ */

#include "uapi/l7fp.h"

/**
 * struct l7fp_slice - a range of the caller's buffer
 * @off: offset of the first byte
 * @len: number of bytes
 *
 * Offsets and not pointers, so that the buffer may move between two calls.
 */
struct l7fp_slice {
	u32 off;
	u32 len;
};

/**
 * l7fp_load64() - eight bytes, the first one lowest
 * @p: where they are; any alignment
 */
static __always_inline u64 l7fp_load64(const void *p)
{
	u64 x;

	__builtin_memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

/**
 * l7fp_store64() - the reverse of l7fp_load64()
 * @p: where they go; any alignment
 * @x: eight bytes, the first one lowest
 */
static __always_inline void l7fp_store64(void *p, u64 x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	__builtin_memcpy(p, &x, sizeof(x));
}

/**
 * l7fp_load32() - four bytes, the first one lowest
 * @p: where they are; any alignment
 */
static __always_inline u32 l7fp_load32(const void *p)
{
	u32 x;

	__builtin_memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap32(x);
#endif
	return x;
}

#endif /* L7FP_CODEC_H */
