// SPDX-License-Identifier: GPL-2.0-only
/* Two ends of a handshake, and records. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <openssl/evp.h>
#include "tls_pair.h"

#define TAG	16
#define DATA	23
#define HANDSHAKE	22

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

void side_done(void *owner, int fd, struct tls_outcome *outcome)
{
	struct side *s = owner;

	need(!s->over, "a handshake ended twice");
	s->over = true;
	s->fd = fd;
	s->outcome = *outcome;
	outcome->peer = NULL;
	if (outcome->keys)
		s->keys = *outcome->keys;
	s->outcome.keys = &s->keys;
}

void side_free(struct side *s)
{
	if (s->over && s->fd >= 0)
		close(s->fd);
	tls_peer_free(s->outcome.peer);
	memset(s, 0, sizeof(*s));
}

int tcp_listener(unsigned short *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 4096) &&
	     !getsockname(fd, (struct sockaddr *)&a, &len), "listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static int try_connect(unsigned short port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0, "socket");
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

int tcp_connect(unsigned short port)
{
	int fd, i;

	for (i = 0; i < PAIR_TIMEOUT_MS / 20; i++) {
		fd = try_connect(port);
		if (fd >= 0)
			return fd;
		usleep(20000);
	}
	return -1;
}

void tcp_pair(int fd[2])
{
	unsigned short port;
	int l = tcp_listener(&port);

	fd[0] = try_connect(port);
	need(fd[0] >= 0, "connect");
	fd[1] = accept(l, NULL, NULL);
	need(fd[1] >= 0, "accept");
	close(l);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool engine_run(struct tls_engine *engine, const struct side *a, const struct side *b)
{
	struct pollfd p = { .fd = tls_engine_fd(engine), .events = POLLIN };
	uint64_t until = now_ms() + PAIR_TIMEOUT_MS;
	int timeout;

	while (!a->over || (b && !b->over)) {
		if (now_ms() > until)
			return false;
		timeout = tls_engine_timeout(engine);
		poll(&p, 1, timeout < 0 || timeout > 100 ? 100 : timeout);
		tls_engine_run(engine);
	}
	return true;
}

struct tls_source *pki_source(const char *folder, const struct pki *leaf,
			      const struct pki *authority)
{
	struct tls_files files = { .folder = folder };
	char error[512];
	struct tls_source *s;

	pki_write(folder, leaf, authority);
	s = tls_files_new(&files, error, sizeof(error));
	if (!s)
		printf("# %s\n", error);
	need(s, "no source");
	return s;
}

/* What the union has, whatever the cipher. */
struct parts {
	const EVP_CIPHER *cipher;
	const uint8_t *key;
	uint8_t nonce[12];
	uint8_t *sequence, *explicit;	/* @explicit: AES-GCM of TLS 1.2 */
};

static struct parts parts_of(struct tls_direction *d)
{
	bool old = d->info.version == TLS_1_2_VERSION;
	struct parts p = {};

	switch (d->info.cipher_type) {
	case TLS_CIPHER_AES_GCM_128:
		p.cipher = EVP_aes_128_gcm();
		p.key = d->aes_128.key;
		memcpy(p.nonce, d->aes_128.salt, 4);
		memcpy(p.nonce + 4, d->aes_128.iv, 8);
		p.sequence = d->aes_128.rec_seq;
		p.explicit = old ? d->aes_128.iv : NULL;
		break;
	case TLS_CIPHER_AES_GCM_256:
		p.cipher = EVP_aes_256_gcm();
		p.key = d->aes_256.key;
		memcpy(p.nonce, d->aes_256.salt, 4);
		memcpy(p.nonce + 4, d->aes_256.iv, 8);
		p.sequence = d->aes_256.rec_seq;
		p.explicit = old ? d->aes_256.iv : NULL;
		break;
	case TLS_CIPHER_CHACHA20_POLY1305:
		p.cipher = EVP_chacha20_poly1305();
		p.key = d->chacha20.key;
		memcpy(p.nonce, d->chacha20.iv, 12);
		p.sequence = d->chacha20.rec_seq;
		break;
	default:
		need(false, "a cipher that the kernel does not have");
	}
	return p;
}

static void increment(uint8_t *number)
{
	int i;

	for (i = 7; i >= 0 && !++number[i]; i--)
		;
}

/* The nonce of this record; of AES-GCM in TLS 1.2 it is there already. */
static void mix_nonce(struct parts *p)
{
	int i;

	for (i = 0; i < 8 && !p->explicit; i++)
		p->nonce[4 + i] ^= p->sequence[i];
}

/* RFC 5246, section 6.2.3.3; RFC 8446, section 5.2. Its length. */
static int additional(const struct tls_direction *d, const struct parts *p, uint8_t type,
		      size_t plain, size_t record, uint8_t out[13])
{
	if (d->info.version == TLS_1_3_VERSION) {
		memcpy(out, (uint8_t[]){ DATA, 3, 3, record >> 8, record }, 5);
		return 5;
	}
	memcpy(out, p->sequence, 8);
	memcpy(out + 8, (uint8_t[]){ type, 3, 3, plain >> 8, plain }, 5);
	return 13;
}

static bool run_cipher(const struct parts *p, bool seal, const uint8_t *aad, int n_aad,
		  const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[TAG])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, last;
	bool ok;

	ok = EVP_CipherInit_ex(ctx, p->cipher, NULL, p->key, p->nonce, seal) == 1 &&
	     (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1) &&
	     EVP_CipherUpdate(ctx, NULL, &n, aad, n_aad) == 1 &&
	     EVP_CipherUpdate(ctx, out, &n, in, len) == 1 &&
	     EVP_CipherFinal_ex(ctx, out + n, &last) == 1 &&
	     (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

size_t record_seal(struct tls_direction *d, uint8_t type, const void *data, size_t len,
		   uint8_t *out)
{
	bool inner = d->info.version == TLS_1_3_VERSION;
	struct parts p = parts_of(d);
	uint8_t aad[13], plain[RECORD_MAX], *body = out + 5;
	size_t total = len + inner + TAG + (p.explicit ? 8 : 0);
	int n_aad;

	mix_nonce(&p);
	memcpy(plain, data, len);
	plain[len] = type;
	memcpy(out, (uint8_t[]){ inner ? DATA : type, 3, 3, total >> 8, total }, 5);
	n_aad = additional(d, &p, type, len, total, aad);
	if (p.explicit) {
		memcpy(body, p.explicit, 8);
		body += 8;
	}
	need(run_cipher(&p, true, aad, n_aad, plain, len + inner, body, body + len + inner), "seal");
	increment(p.sequence);
	if (p.explicit)
		increment(p.explicit);
	return 5 + total;
}

int record_open(struct tls_direction *d, const uint8_t *record, size_t len, uint8_t *type,
		uint8_t *out)
{
	struct parts p = parts_of(d);
	const uint8_t *body = record + 5;
	uint8_t aad[13], tag[TAG];
	size_t n = len - 5;
	int n_aad;

	mix_nonce(&p);
	if (p.explicit && n >= 8) {
		memcpy(p.nonce + 4, body, 8);
		body += 8;
		n -= 8;
	}
	if (n < TAG)
		return -1;
	n -= TAG;
	memcpy(tag, body + n, TAG);
	n_aad = additional(d, &p, record[0], n, len - 5, aad);
	if (!run_cipher(&p, false, aad, n_aad, body, n, out, tag))
		return -1;
	increment(p.sequence);
	*type = record[0];
	if (d->info.version == TLS_1_3_VERSION) {
		while (n && !out[n - 1])
			n--;
		if (!n)
			return -1;
		*type = out[--n];
	}
	return n;
}

static void wait_for(int fd)
{
	struct timeval t = { PAIR_TIMEOUT_MS / 1000, 0 };

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

bool record_send(int fd, struct tls_direction *d, const char *text)
{
	uint8_t record[RECORD_MAX];
	size_t n = record_seal(d, DATA, text, strlen(text), record);

	wait_for(fd);
	return send(fd, record, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool read_whole(int fd, uint8_t *p, size_t n)
{
	return !n || recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

int record_receive(int fd, struct tls_direction *d, uint8_t *type, uint8_t *out, int *skipped)
{
	uint8_t record[RECORD_MAX];
	size_t len;
	int n;

	wait_for(fd);
	do {
		if (!read_whole(fd, record, 5))
			return -1;
		len = record[3] << 8 | record[4];
		if (len > RECORD_MAX - 5 || !read_whole(fd, record + 5, len))
			return -1;
		n = record_open(d, record, 5 + len, type, out);
		if (n >= 0 && *type == HANDSHAKE)
			++*skipped;
	} while (n >= 0 && *type == HANDSHAKE);
	return n;
}
