// SPDX-License-Identifier: GPL-2.0-only
/* Traffic keys for the kernel. */
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include "tls_keys.h"

#ifndef SOL_TLS
#define SOL_TLS		282
#endif
#ifndef TCP_ULP
#define TCP_ULP		31
#endif

#define NONCE		12	/* of a record, all three ciphers */
#define SALT		4	/* AES-GCM: the part of it that never changes */
#define MAX_KEY		32
#define SECURE_HEAP	(4 * 1024 * 1024)
#define SECURE_LEAST	32

/**
 * struct cipher - what is fixed by the cipher
 * @hash: of the key derivation
 * @key: bytes of the key
 * @fixed_12: bytes of the nonce that TLS 1.2 takes from the key block
 */
static const struct cipher {
	const char *name;
	const char *hash;
	uint16_t kernel;
	size_t hash_len, key, fixed_12, len;
} ciphers[TLS_CIPHERS] = {
	[TLS_AES_128_GCM] = { "AES-128-GCM", "SHA256", TLS_CIPHER_AES_GCM_128, 32, 16, SALT,
			      sizeof(struct tls12_crypto_info_aes_gcm_128) },
	[TLS_AES_256_GCM] = { "AES-256-GCM", "SHA384", TLS_CIPHER_AES_GCM_256, 48, 32, SALT,
			      sizeof(struct tls12_crypto_info_aes_gcm_256) },
	[TLS_CHACHA20_POLY1305] = { "CHACHA20-POLY1305", "SHA256", TLS_CIPHER_CHACHA20_POLY1305,
				    32, 32, NONCE,
				    sizeof(struct tls12_crypto_info_chacha20_poly1305) },
};

const char *tls_cipher_name(enum tls_cipher cipher)
{
	return ciphers[cipher].name;
}

static void put_be64(unsigned char *p, uint64_t v)
{
	int i;

	for (i = 7; i >= 0; i--, v >>= 8)
		p[i] = v;
}

/* @nonce: salt and initial value as one, as TLS 1.3 has them. */
static void fill(enum tls_cipher cipher, uint16_t version, const uint8_t *key,
		 const uint8_t nonce[NONCE], uint64_t sequence, struct tls_direction *d)
{
	memset(d, 0, sizeof(*d));
	d->info.version = version;
	d->info.cipher_type = ciphers[cipher].kernel;
	d->len = ciphers[cipher].len;
	switch (cipher) {
	case TLS_AES_128_GCM:
		memcpy(d->aes_128.key, key, sizeof(d->aes_128.key));
		memcpy(d->aes_128.salt, nonce, SALT);
		memcpy(d->aes_128.iv, nonce + SALT, NONCE - SALT);
		put_be64(d->aes_128.rec_seq, sequence);
		break;
	case TLS_AES_256_GCM:
		memcpy(d->aes_256.key, key, sizeof(d->aes_256.key));
		memcpy(d->aes_256.salt, nonce, SALT);
		memcpy(d->aes_256.iv, nonce + SALT, NONCE - SALT);
		put_be64(d->aes_256.rec_seq, sequence);
		break;
	default:
		memcpy(d->chacha20.key, key, sizeof(d->chacha20.key));
		memcpy(d->chacha20.iv, nonce, NONCE);
		put_be64(d->chacha20.rec_seq, sequence);
	}
}

/* Fetches @name, sets parameters, derives. */
static int derive(const char *name, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, out, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	if (!ok)
		ERR_clear_error();
	return ok ? 0 : -1;
}

/* HKDF-Expand-Label with an empty context (RFC 8446, section 7.1). */
static int expand_label(const struct cipher *c, const struct tls_secrets_13 *s, const char *label,
			uint8_t *out, size_t len)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	size_t n = strlen(label);
	uint8_t info[32] = { len >> 8, len, 6 + n, 't', 'l', 's', '1', '3', ' ' };
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)c->hash, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)s->secret, s->len),
		/* The length of the context follows the label: 0. */
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, 9 + n + 1),
		OSSL_PARAM_construct_end(),
	};

	memcpy(info + 9, label, n);
	return derive(OSSL_KDF_NAME_HKDF, params, out, len);
}

static int direction_13(enum tls_cipher cipher, const struct tls_secrets_13 *s,
			struct tls_direction *d)
{
	const struct cipher *c = &ciphers[cipher];
	uint8_t key[MAX_KEY], nonce[NONCE];
	int err = -1;

	if (s->len == c->hash_len && !expand_label(c, s, "key", key, c->key) &&
	    !expand_label(c, s, "iv", nonce, sizeof(nonce))) {
		fill(cipher, TLS_1_3_VERSION, key, nonce, s->sequence, d);
		err = 0;
	}
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(nonce, sizeof(nonce));
	return err;
}

int tls_keys_13(enum tls_cipher cipher, const struct tls_secrets_13 *tx,
		const struct tls_secrets_13 *rx, struct tls_keys *keys)
{
	if (direction_13(cipher, tx, &keys->tx) || direction_13(cipher, rx, &keys->rx)) {
		tls_keys_wipe(keys);
		return -1;
	}
	return 0;
}

static int key_block(const struct cipher *c, const struct tls_secrets_12 *s, uint8_t *out,
		     size_t len)
{
	static const char label[] = "key expansion";
	uint8_t seed[sizeof(label) - 1 + 2 * TLS_RANDOM];
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)c->hash, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)s->master,
						  sizeof(s->master)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(seed, label, sizeof(label) - 1);
	memcpy(seed + sizeof(label) - 1, s->server_random, TLS_RANDOM);
	memcpy(seed + sizeof(label) - 1 + TLS_RANDOM, s->client_random, TLS_RANDOM);
	return derive(OSSL_KDF_NAME_TLS1_PRF, params, out, len);
}

/* The block: client's key, server's key, client's nonce, server's nonce. */
static void direction_12(enum tls_cipher cipher, const uint8_t *block, bool server,
			 uint64_t sequence, uint64_t explicit_nonce, struct tls_direction *d)
{
	const struct cipher *c = &ciphers[cipher];
	uint8_t nonce[NONCE];

	memcpy(nonce, block + 2 * c->key + server * c->fixed_12, c->fixed_12);
	if (c->fixed_12 == SALT)
		put_be64(nonce + SALT, explicit_nonce);
	fill(cipher, TLS_1_2_VERSION, block + server * c->key, nonce, sequence, d);
	OPENSSL_cleanse(nonce, sizeof(nonce));
}

int tls_keys_12(enum tls_cipher cipher, const struct tls_secrets_12 *s, struct tls_keys *keys)
{
	const struct cipher *c = &ciphers[cipher];
	uint8_t block[2 * MAX_KEY + 2 * NONCE];

	if (key_block(c, s, block, 2 * c->key + 2 * c->fixed_12)) {
		tls_keys_wipe(keys);
		return -1;
	}
	direction_12(cipher, block, s->server, s->tx_sequence, s->explicit_nonce, &keys->tx);
	/* Of a record that comes the nonce is in the record; the kernel reads it there. */
	direction_12(cipher, block, !s->server, s->rx_sequence, 0, &keys->rx);
	OPENSSL_cleanse(block, sizeof(block));
	return 0;
}

int tls_keys_install(int fd, struct tls_keys *keys)
{
	int err = 0;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) ||
	    setsockopt(fd, SOL_TLS, TLS_TX, &keys->tx.info, keys->tx.len) ||
	    setsockopt(fd, SOL_TLS, TLS_RX, &keys->rx.info, keys->rx.len))
		err = -errno;
	tls_keys_wipe(keys);
	return err;
}

void tls_keys_wipe(struct tls_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

int tls_protect_process(void)
{
	const struct rlimit none = { 0, 0 };
	int err = 0;

	if (prctl(PR_SET_DUMPABLE, 0))
		err = -1;
	if (setrlimit(RLIMIT_CORE, &none))
		err = -1;
	/* 2: it has the memory, but could not lock it. */
	if (!CRYPTO_secure_malloc_initialized() &&
	    CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST) != 1)
		err = -1;
	return err;
}
