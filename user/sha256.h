/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _L7FP_SHA256_H
#define _L7FP_SHA256_H

#include <stddef.h>

#define SHA256_HEX	65	/* with the NUL */

void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX]);

#endif /* _L7FP_SHA256_H */
