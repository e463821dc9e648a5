// SPDX-License-Identifier: GPL-2.0-only
/* Deriving traffic keys: the example of RFC 8448, section 3, and secrets of wrong lengths. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <openssl/crypto.h>
#include "codec_test.h"
#include "tls_keys.h"

static void from_hex(const char *hex, uint8_t *out)
{
	unsigned int byte;

	for (; *hex; hex += 2) {
		sscanf(hex, "%2x", &byte);
		*out++ = byte;
	}
}

static bool is_hex(const void *data, const char *hex)
{
	uint8_t want[64];

	from_hex(hex, want);
	return !memcmp(data, want, strlen(hex) / 2);
}

static const struct tls_secrets_13 *client(size_t len)
{
	static struct tls_secrets_13 s;

	from_hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", s.secret);
	s.len = len;
	s.sequence = 0x0102030405060708;
	return &s;
}

static const struct tls_secrets_13 *server(size_t len)
{
	static struct tls_secrets_13 s;

	from_hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", s.secret);
	s.len = len;
	return &s;
}

static const char *check_example(void)
{
	struct tls_keys k;

	if (tls_keys_13(TLS_AES_128_GCM, client(32), server(32), &k))
		return "refused";
	if (k.tx.info.version != TLS_1_3_VERSION ||
	    k.tx.info.cipher_type != TLS_CIPHER_AES_GCM_128 ||
	    k.tx.len != sizeof(k.tx.aes_128) || k.rx.len != sizeof(k.rx.aes_128))
		return "version, cipher or length";
	if (!is_hex(k.tx.aes_128.key, "17422dda596ed5d9acd890e3c63f5051"))
		return "the client's key";
	if (!is_hex(k.rx.aes_128.key, "9f02283b6c9c07efc26bb9f2ac92e356"))
		return "the server's key";
	if (!is_hex(k.tx.aes_128.salt, "5b78923d") || !is_hex(k.tx.aes_128.iv, "ee08579033e523d9"))
		return "the client's nonce";
	if (!is_hex(k.rx.aes_128.salt, "cf782b88") || !is_hex(k.rx.aes_128.iv, "dd83549aadf1e984"))
		return "the server's nonce";
	if (!is_hex(k.tx.aes_128.rec_seq, "0102030405060708") ||
	    !is_hex(k.rx.aes_128.rec_seq, "0000000000000000"))
		return "the sequence numbers";
	return NULL;
}

static const struct {
	const char *name;
	enum tls_cipher cipher;
	size_t tx, rx;
	bool taken;
} lengths[] = {
	{ "AES-128, 32", TLS_AES_128_GCM, 32, 32, true },
	{ "AES-128, none", TLS_AES_128_GCM, 0, 32, false },
	{ "AES-128, none to receive", TLS_AES_128_GCM, 32, 0, false },
	{ "AES-128, 31", TLS_AES_128_GCM, 31, 32, false },
	{ "AES-128, 48", TLS_AES_128_GCM, 48, 48, false },
	{ "AES-256, 48", TLS_AES_256_GCM, 48, 48, true },
	{ "AES-256, 32", TLS_AES_256_GCM, 48, 32, false },
	{ "ChaCha20, 32", TLS_CHACHA20_POLY1305, 32, 32, true },
	{ "ChaCha20, 48", TLS_CHACHA20_POLY1305, 48, 32, false },
};

static bool all_zero(const struct tls_keys *k)
{
	const uint8_t *p = (const uint8_t *)k;
	size_t i;

	for (i = 0; i < sizeof(*k); i++)
		if (p[i])
			return false;
	return true;
}

static const char *check_length(size_t i)
{
	struct tls_keys k = {};
	int err = tls_keys_13(lengths[i].cipher, client(lengths[i].tx), server(lengths[i].rx), &k);

	if (lengths[i].taken)
		return err ? "refused" : all_zero(&k) ? "there are no keys" : NULL;
	if (!err)
		return "it was taken";
	return all_zero(&k) ? NULL : "half of the keys are left";
}

/* A plain socket, or none: an error, and nothing is left of the keys. */
static const char *check_install(void)
{
	struct tls_keys k;

	if (tls_keys_13(TLS_AES_128_GCM, client(32), server(32), &k))
		return "refused";
	if (tls_keys_install(-1, &k) >= 0)
		return "installed on no socket";
	return all_zero(&k) ? NULL : "the keys were not wiped";
}

/* In a child: the test itself has to be looked at for leaks. */
static const char *check_protected(void)
{
	pid_t pid = fork();
	struct rlimit core;
	int status;

	if (!pid) {
		if (tls_protect_process() && CRYPTO_secure_malloc_initialized() != 1)
			_exit(1);
		if (prctl(PR_GET_DUMPABLE) || getrlimit(RLIMIT_CORE, &core) || core.rlim_max)
			_exit(2);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "fork";
	return status ? "it can be dumped, or has no secure memory" : NULL;
}

int main(void)
{
	size_t i;

	ktap_begin(ARRAY_SIZE(lengths) + 3);
	ktap_result("keys", "RFC 8448", check_example());
	ktap_result("keys", "wiped", check_install());
	ktap_result("keys", "no core dump", check_protected());
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		ktap_result("secret", lengths[i].name, check_length(i));
	return ktap_end();
}
