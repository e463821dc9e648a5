// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ClientHello: what OpenSSL sends, whole, byte by byte and in small records; and what is
 * none.
 */
#include <openssl/ssl.h>
#include <string.h>
#include "client_hello.h"
#include "codec_test.h"

#define ROOM 4096

struct hello_bytes {
	u8 data[ROOM + 5 * ROOM];
	u32 len;
};

/* @alpn: names behind their lengths, or NULL. */
static void say_hello(struct hello_bytes *b, int version, const char *name, const char *alpn)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	BIO *out = BIO_new(BIO_s_mem());
	SSL *ssl;

	if (version) {
		SSL_CTX_set_min_proto_version(context, version);
		SSL_CTX_set_max_proto_version(context, version);
	}
	ssl = SSL_new(context);
	if (name)
		SSL_set_tlsext_host_name(ssl, name);
	if (alpn)
		SSL_set_alpn_protos(ssl, (const u8 *)alpn, strlen(alpn));
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_connect(ssl);
	b->len = BIO_read(out, b->data, ROOM);
	SSL_free(ssl);
	SSL_CTX_free(context);
}

/* Its message in records of @step bytes. */
static void cut(struct hello_bytes *to, const struct hello_bytes *from, u32 step)
{
	u32 off, n, len = from->len - 5;

	to->len = 0;
	for (off = 0; off < len; off += n) {
		n = len - off < step ? len - off : step;
		memcpy(to->data + to->len, (const u8[]){ 22, 3, 1, n >> 8, n }, 5);
		memcpy(to->data + to->len + 5, from->data + 5 + off, n);
		to->len += 5 + n;
	}
}

static int read_hello(struct l7fp_client_hello *hello, const u8 *data, u32 len, u8 **copy)
{
	*copy = test_alloc(len);
	memcpy(*copy, data, len);
	return l7fp_client_hello(hello, *copy, len);
}

static bool slice_is(const u8 *buf, struct l7fp_slice s, const char *expected)
{
	return s.len == strlen(expected) && !memcmp(buf + s.off, expected, s.len);
}

static const char *check_read(const struct hello_bytes *b, const char *name, const char *alpn)
{
	struct l7fp_client_hello hello;
	const char *wrong = NULL;
	u8 *copy;
	u32 n;

	for (n = 0; n < b->len && !wrong; n++) {
		if (read_hello(&hello, b->data, n, &copy) != L7FP_CLIENT_HELLO_MORE)
			wrong = "too early";
		test_free(copy);
	}
	if (wrong)
		return wrong;
	if (read_hello(&hello, b->data, b->len, &copy) != 1)
		wrong = "not read";
	else if (!slice_is(copy, hello.server_name, name ? name : ""))
		wrong = "the server's name";
	else if (!slice_is(copy, hello.alpn, alpn ? alpn : ""))
		wrong = "the protocols";
	else if (l7fp_client_hello_offers(&hello, copy, "istio") !=
		 (alpn && strstr(alpn, "istio") && !strstr(alpn, "x-istio")))
		wrong = "what is offered";
	test_free(copy);
	return wrong;
}

static const struct {
	const char *what;
	int version;
	const char *name, *alpn;
} real[] = {
	{ "nothing", 0, NULL, NULL },
	{ "a name", 0, "shop.example", NULL },
	{ "protocols", 0, NULL, "\x02h2\x08http/1.1" },
	{ "a name and protocols", 0, "shop.example", "\x02h2\x08http/1.1" },
	{ "Istio's", 0, "outbound_.80_._.b.default.svc.cluster.local", "\x0eistio-http/1.1\x05istio\x08http/1.1" },
	{ "Istio's alone", 0, NULL, "\x05istio" },
	{ "one with it inside", 0, NULL, "\x07x-istio" },
	{ "TLS 1.2", TLS1_2_VERSION, "a", "\x05istio" },
	{ "TLS 1.3", TLS1_3_VERSION, "a", "\x05istio" },
};

static const char *check_real(size_t i, u32 step)
{
	struct hello_bytes whole, parts;

	say_hello(&whole, real[i].version, real[i].name, real[i].alpn);
	if (step)
		cut(&parts, &whole, step);
	return check_read(step ? &parts : &whole, real[i].name, real[i].alpn);
}

/* Up to the extensions, which have the length @LEN. */
#define MESSAGE(len) "\x01\x00\x00" len "\x03\x03" "0123456789abcdef0123456789abcdef" "\x00" "\x00\x02\x13\x01" "\x01\x00"
#define HELLO(record, len, extensions) "\x16\x03\x01\x00" record MESSAGE(len) extensions
#define SNI(list) "\x00\x00" list
#define NAMES(list) "\x00\x10" list

static const struct {
	const char *what;
	const char *bytes;
	u32 len;
	int expected;
} made[] = {
#define CASE(what, bytes, expected) { what, bytes, sizeof(bytes) - 1, expected }
	CASE("no extensions", HELLO("\x2d", "\x29", ""), 1),
	CASE("no extension", HELLO("\x2f", "\x2b", "\x00\x00"), 1),
	CASE("one that is unknown", HELLO("\x33", "\x2f", "\x00\x04\xff\xff\x00\x00"), 1),
	CASE("a name", HELLO("\x39", "\x35", "\x00\x0a" SNI("\x00\x06\x00\x04\x00\x00\x01x")), 1),
	CASE("plain text", "GET / HTTP/1.1\r\n", L7FP_CLIENT_HELLO_BAD),
	CASE("another record", "\x17\x03\x03\x00\x01x", L7FP_CLIENT_HELLO_BAD),
	CASE("another version", "\x16\x02\x00", L7FP_CLIENT_HELLO_BAD),
	CASE("another message", "\x16\x03\x01\x00\x04\x02\x00\x00\x00", L7FP_CLIENT_HELLO_BAD),
	CASE("an empty record", "\x16\x03\x01\x00\x00", L7FP_CLIENT_HELLO_BAD),
	CASE("a record that is too long", "\x16\x03\x01\x40\x01", L7FP_CLIENT_HELLO_BAD),
	CASE("another record between", "\x16\x03\x01\x00\x02\x01\x00\x15", L7FP_CLIENT_HELLO_BAD),
	CASE("a message that is too long", "\x16\x03\x01\x00\x04\x01\x00\x40\x00", L7FP_CLIENT_HELLO_LONG),
	CASE("an empty message", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", L7FP_CLIENT_HELLO_BAD),
	CASE("bytes behind the extensions", HELLO("\x30", "\x2c", "\x00\x00x"), L7FP_CLIENT_HELLO_BAD),
	CASE("extensions that are too short", HELLO("\x2f", "\x2b", "\x00\x01"), L7FP_CLIENT_HELLO_BAD),
	CASE("half an extension", HELLO("\x32", "\x2e", "\x00\x03\x00\x10\x00"), L7FP_CLIENT_HELLO_BAD),
	CASE("an extension twice", HELLO("\x41", "\x3d", "\x00\x12" NAMES("\x00\x04\x00\x02\x01x") NAMES("\x00\x06\x00\x04\x03xyz")), L7FP_CLIENT_HELLO_BAD),
	CASE("no name in the list", HELLO("\x35", "\x31", "\x00\x06" SNI("\x00\x02\x00\x00")), L7FP_CLIENT_HELLO_BAD),
	CASE("an empty name", HELLO("\x38", "\x34", "\x00\x09" SNI("\x00\x05\x00\x03\x00\x00\x00")), L7FP_CLIENT_HELLO_BAD),
	CASE("a name with a zero", HELLO("\x39", "\x35", "\x00\x0a" SNI("\x00\x06\x00\x04\x00\x00\x01\x00")), L7FP_CLIENT_HELLO_BAD),
	CASE("a name of another type", HELLO("\x39", "\x35", "\x00\x0a" SNI("\x00\x06\x00\x04\x01\x00\x01x")), L7FP_CLIENT_HELLO_BAD),
	CASE("two names", HELLO("\x3d", "\x39", "\x00\x0e" SNI("\x00\x0a\x00\x08\x00\x00\x01x\x00\x00\x01y")), L7FP_CLIENT_HELLO_BAD),
	CASE("no protocol", HELLO("\x35", "\x31", "\x00\x06" NAMES("\x00\x02\x00\x00")), L7FP_CLIENT_HELLO_BAD),
	CASE("an empty protocol", HELLO("\x36", "\x32", "\x00\x07" NAMES("\x00\x03\x00\x01\x00")), L7FP_CLIENT_HELLO_BAD),
	CASE("a protocol that is cut", HELLO("\x37", "\x33", "\x00\x08" NAMES("\x00\x04\x00\x02\x02x")), L7FP_CLIENT_HELLO_BAD),
};

static const char *check_made(size_t i)
{
	struct l7fp_client_hello hello;
	const char *wrong = NULL;
	u8 *copy;
	u32 n;
	int got;

	got = read_hello(&hello, (const u8 *)made[i].bytes, made[i].len, &copy);
	test_free(copy);
	if (got != made[i].expected) {
		printf("# got %d\n", got);
		return "whole";
	}
	/* Nothing that is said of a part is taken back. */
	for (n = 0; n < made[i].len && !wrong; n++) {
		got = read_hello(&hello, (const u8 *)made[i].bytes, n, &copy);
		test_free(copy);
		if (got != L7FP_CLIENT_HELLO_MORE && got != made[i].expected)
			wrong = "a part of it";
	}
	return wrong;
}

/* What never ends is looked at up to a bound. */
static const char *check_bound(void)
{
	static u8 bytes[L7FP_MAX_CLIENT_HELLO + 1];
	struct l7fp_client_hello hello;
	u8 *copy;
	int got;

	memcpy(bytes, "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9);
	got = read_hello(&hello, bytes, L7FP_MAX_CLIENT_HELLO - 1, &copy);
	test_free(copy);
	if (got != L7FP_CLIENT_HELLO_MORE)
		return "a byte less";
	got = read_hello(&hello, bytes, L7FP_MAX_CLIENT_HELLO, &copy);
	test_free(copy);
	if (got != L7FP_CLIENT_HELLO_LONG)
		return "all that is looked at";
	got = read_hello(&hello, bytes, L7FP_MAX_CLIENT_HELLO + 1, &copy);
	test_free(copy);
	return got == L7FP_CLIENT_HELLO_LONG ? NULL : "a byte more";
}

int main(void)
{
	static const u32 steps[] = { 0, 1, 7, 200 };
	char name[100];
	size_t i, k;

	ktap_begin(ARRAY_SIZE(real) * ARRAY_SIZE(steps) + ARRAY_SIZE(made) + 1);
	for (i = 0; i < ARRAY_SIZE(real); i++) {
		for (k = 0; k < ARRAY_SIZE(steps); k++) {
			snprintf(name, sizeof(name), "%s, in records of %u", real[i].what, steps[k]);
			ktap_result("hello", name, check_real(i, steps[k]));
		}
	}
	for (i = 0; i < ARRAY_SIZE(made); i++)
		ktap_result("hello", made[i].what, check_made(i));
	ktap_result("hello", "one without end", check_bound());
	return ktap_end();
}
