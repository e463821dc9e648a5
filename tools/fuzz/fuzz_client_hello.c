// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ClientHello: whole, with its end missing, and with its message cut into other records. What is
 * found lies in the buffer, and is the same however it was cut.
 */
#include <stdlib.h>
#include <string.h>

#include "client_hello.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

static u8 *copy_of(const u8 *data, size_t size)
{
	u8 *copy = malloc(size);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

static void check_slice(struct l7fp_slice s, u32 len)
{
	CHECK(s.off <= len && s.len <= len - s.off);
}

/* The message in records of @step bytes. */
static u8 *cut(const u8 *message, u32 len, u32 step, u32 *size)
{
	u8 *out = malloc(len + 5 * (len / step + 1)), *p = out;
	u32 off, n;

	for (off = 0; off < len; off += n) {
		n = len - off < step ? len - off : step;
		*p++ = 22;
		*p++ = 3;
		*p++ = 1;
		*p++ = n >> 8;
		*p++ = n;
		memcpy(p, message + off, n);
		p += n;
	}
	*size = p - out;
	return out;
}

static void check_cut(const u8 *message, const struct l7fp_client_hello *expected, u32 step)
{
	u32 len = 4 + (message[1] << 16 | message[2] << 8 | message[3]), size;
	u8 *bytes = cut(message, len, step, &size);
	struct l7fp_client_hello hello;
	int got = l7fp_client_hello(&hello, bytes, size);

	if (size <= L7FP_MAX_CLIENT_HELLO)
		CHECK(got == 1 && !memcmp(&hello, expected, sizeof(hello)) &&
		      !memcmp(bytes, message, len));
	else
		CHECK(got == L7FP_CLIENT_HELLO_LONG);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct l7fp_client_hello hello, part;
	u8 *copy, *shorter;
	u32 less;
	int got, less_got;

	if (!size || size > 2 * L7FP_MAX_CLIENT_HELLO)
		return 0;
	less = data[0] % size;
	data++;
	size--;
	copy = copy_of(data, size);
	got = l7fp_client_hello(&hello, copy, size);
	CHECK(got >= L7FP_CLIENT_HELLO_LONG && got <= 1);
	if (got == 1) {
		check_slice(hello.server_name, size);
		check_slice(hello.alpn, size);
		l7fp_client_hello_offers(&hello, copy, "istio");
		CHECK(!hello.alpn.len || l7fp_client_hello_offers(&hello, copy, ""));
		check_cut(copy, &hello, 1 + less);
		check_cut(copy, &hello, 16384);
	}
	/* With less of it the answer is the same, or not there yet. */
	less = size > less ? size - less : 0;
	shorter = copy_of(data, less);
	less_got = l7fp_client_hello(&part, shorter, less);
	CHECK(less_got == got || less_got == L7FP_CLIENT_HELLO_MORE);
	free(shorter);
	free(copy);
	return 0;
}
