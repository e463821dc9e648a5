/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic keys, in the form in which the kernel wants them (linux/tls.h).
 *
 * OpenSSL 3.0 does not give a TLS 1.3 connection's receive direction to the kernel, so
 * both directions of both versions are derived here: of TLS 1.3 from the traffic secrets
 * that the key log names (RFC 8446, section 7.3), of TLS 1.2 from the master secret
 * (RFC 5246, section 6.3).
 */
#ifndef _L7FP_TLS_KEYS_H
#define _L7FP_TLS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/tls.h>

#define TLS_MAX_SECRET		48	/* SHA-384 */
#define TLS_RANDOM		32

/* Bit numbers of tls_config.ciphers; the order is that of preference. */
enum tls_cipher {
	TLS_AES_128_GCM,
	TLS_AES_256_GCM,
	TLS_CHACHA20_POLY1305,
	TLS_CIPHERS,
};

/* "AES-128-GCM", for people. */
const char *tls_cipher_name(enum tls_cipher cipher);

/**
 * struct tls_direction - what setsockopt(SOL_TLS, TLS_TX or TLS_RX) takes
 * @len: how many bytes of the union
 */
struct tls_direction {
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 aes_128;
		struct tls12_crypto_info_aes_gcm_256 aes_256;
		struct tls12_crypto_info_chacha20_poly1305 chacha20;
	};
	size_t len;
};

struct tls_keys {
	struct tls_direction tx, rx;
};

/**
 * struct tls_secrets_13 - of one direction of a TLS 1.3 connection
 * @secret: the application traffic secret
 * @len: 32 or 48, as the cipher's hash
 * @sequence: how many records it protected already
 */
struct tls_secrets_13 {
	uint8_t secret[TLS_MAX_SECRET];
	size_t len;
	uint64_t sequence;
};

/**
 * struct tls_secrets_12 - of a TLS 1.2 connection, and where it stands
 * @master: the master secret
 * @client_random: of ClientHello
 * @server_random: of ServerHello
 * @server: whether we are the server
 * @tx_sequence: of our next record
 * @rx_sequence: of the peer's next record
 * @explicit_nonce: AES-GCM: of our next record; one that was used must never come again
 */
struct tls_secrets_12 {
	uint8_t master[48];
	uint8_t client_random[TLS_RANDOM], server_random[TLS_RANDOM];
	bool server;
	uint64_t tx_sequence, rx_sequence;
	uint64_t explicit_nonce;
};

/* 0, or -1 and nothing in @keys: a secret of the wrong length, or OpenSSL failed. */
int tls_keys_13(enum tls_cipher cipher, const struct tls_secrets_13 *tx,
		const struct tls_secrets_13 *rx, struct tls_keys *keys);
int tls_keys_12(enum tls_cipher cipher, const struct tls_secrets_12 *secrets,
		struct tls_keys *keys);

/**
 * tls_keys_install() - give the keys to the kernel
 * @fd: a TCP socket on which nothing of OpenSSL's is left to read or write
 * @keys: wiped afterwards, whatever came of it
 *
 * Return: 0 or a negative errno: -ENOENT where the kernel has no module named tls.
 */
int tls_keys_install(int fd, struct tls_keys *keys);

/* Overwrites the keys. */
void tls_keys_wipe(struct tls_keys *keys);

/**
 * tls_protect_process() - keep keys out of core dumps and swap
 *
 * For a process that shakes hands, before it reads its first key: no core is written and
 * nobody of the same user may attach, and OpenSSL's private numbers live in locked memory.
 *
 * Return: 0, or -1 where one of these cannot be had; the others are in force.
 */
int tls_protect_process(void);

#endif /* _L7FP_TLS_KEYS_H */
