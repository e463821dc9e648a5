// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes that succeed, both roles ours: versions by ciphers by kinds of certificate, what
 * is known of the peer, and the keys, held against records.
 *
 * Between the two sockets is a relay, so that what is on the wire can be looked at and be
 * delivered byte by byte.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <openssl/crypto.h>
#include "codec_test.h"
#include "tls_pair.h"

#define WIRE_MAX	65536
#define ACCOUNT		"spiffe://cluster.local/ns/shop/sa/"

static char wrong[1024];
static char folder_a[PKI_PATH], folder_b[PKI_PATH], folder_rsa[PKI_PATH], folder_none[PKI_PATH];
static struct pki authority, leaf_a, leaf_b, leaf_rsa;
static struct tls_source *source_a, *source_b, *source_rsa, *source_none;
static struct tls_engine *engine;

static const char *fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wrong, sizeof(wrong), format, args);
	va_end(args);
	return wrong;
}

/* What went in each direction. */
struct relay {
	int end[2];
	uint8_t sent[2][WIRE_MAX];	/* by the client, by the server */
	size_t n[2];
	size_t step;	/* bytes that are passed on at once */
};

/* fd[0]: the client's end, fd[1]: the server's; the other ends are the relay's. */
static void relay_open(struct relay *r, int fd[2], size_t step)
{
	int a[2], b[2];

	tcp_pair(a);
	tcp_pair(b);
	fd[0] = a[0];
	fd[1] = b[0];
	r->end[0] = a[1];
	r->end[1] = b[1];
	r->n[0] = r->n[1] = 0;
	r->step = step;
}

static void relay_run(struct relay *r)
{
	ssize_t n;
	int i;

	for (i = 0; i < 2; i++) {
		n = recv(r->end[i], r->sent[i] + r->n[i],
			 r->step < WIRE_MAX - r->n[i] ? r->step : WIRE_MAX - r->n[i], MSG_DONTWAIT);
		if (n > 0 && send(r->end[!i], r->sent[i] + r->n[i], n, MSG_NOSIGNAL) == n)
			r->n[i] += n;
	}
}

static void relay_close(struct relay *r)
{
	close(r->end[0]);
	close(r->end[1]);
}

static const char *run(struct relay *r, struct tls_context *client, struct tls_context *server,
		       struct side s[2])
{
	int fd[2], i;

	memset(s, 0, 2 * sizeof(*s));
	relay_open(r, fd, r->step);
	if (!tls_engine_start(engine, client, fd[0], PAIR_TIMEOUT_MS, side_done, &s[0]) ||
	    !tls_engine_start(engine, server, fd[1], PAIR_TIMEOUT_MS, side_done, &s[1]))
		return fail("not begun: %s", strerror(errno));
	for (i = 0; i < 2000000 && (!s[0].over || !s[1].over); i++) {
		relay_run(r);
		tls_engine_run(engine);
	}
	for (i = 0; i < 2; i++)
		if (s[i].outcome.failure || !s[i].over)
			return fail("%s: %s: %s", i ? "server" : "client",
				    tls_failure_name(s[i].outcome.failure), s[i].outcome.detail);
	return NULL;
}

static void end(struct relay *r, struct side s[2])
{
	relay_close(r);
	side_free(&s[0]);
	side_free(&s[1]);
}

static struct tls_context *context(const struct tls_config *config)
{
	char error[512];
	struct tls_context *c = tls_context_new(config, error, sizeof(error));

	if (!c) {
		printf("Bail out! no context: %s\n", error);
		exit(1);
	}
	return c;
}

/* What one seals, the other opens: several records, and large ones. */
static const char *check_direction(struct side *from, struct side *to)
{
	static uint8_t text[16384], record[RECORD_MAX], out[RECORD_MAX];
	size_t i, len;
	uint8_t type;
	int n;

	for (i = 0; i < 5; i++) {
		memset(text, 'a' + i, sizeof(text));
		n = i == 3 ? sizeof(text) : 10 * i;
		len = record_seal(&from->keys.tx, 23, text, n, record);
		if (record_open(&to->keys.rx, record, len, &type, out) != n || type != 23 ||
		    memcmp(text, out, n))
			return fail("record %zu cannot be opened", i);
	}
	/* The same again is not the next one. */
	if (record_open(&to->keys.rx, record, len, &type, out) >= 0)
		return "a record was opened twice";
	return NULL;
}

/* The explicit nonce of the last record that was written, which was Finished. */
static const char *check_nonce(const uint8_t *wire, size_t n, const struct tls_direction *d)
{
	const uint8_t *iv = d->info.cipher_type == TLS_CIPHER_AES_GCM_128 ? d->aes_128.iv :
									    d->aes_256.iv;
	uint64_t used = 0, next = 0;
	size_t at = 0, len = 0;
	int i;

	while (at + 5 <= n) {
		len = wire[at + 3] << 8 | wire[at + 4];
		if (at + 5 + len >= n)
			break;
		at += 5 + len;
	}
	if (at + 5 + len != n || wire[at] != 22)
		return "the last record on the wire is not Finished";
	for (i = 0; i < 8; i++) {
		used = used << 8 | wire[at + 5 + i];
		next = next << 8 | iv[i];
	}
	return next == used + 1 ? NULL : fail("the nonce %016llx follows %016llx",
					      (unsigned long long)next, (unsigned long long)used);
}

static const char *check_keys(struct relay *r, struct side s[2], bool old_gcm)
{
	const char *w = NULL;

	if (old_gcm)
		w = check_nonce(r->sent[0], r->n[0], &s[0].keys.tx);
	if (old_gcm && !w)
		w = check_nonce(r->sent[1], r->n[1], &s[1].keys.tx);
	if (!w)
		w = check_direction(&s[0], &s[1]);
	return w ? w : check_direction(&s[1], &s[0]);
}

static const char *check_cell(uint16_t version, enum tls_cipher cipher, bool rsa, size_t step)
{
	static const char *const alpn[] = { "istio-http/1.1", "istio" };
	struct tls_config client = {
		.role = TLS_CLIENT, .source = source_a, .alpn = alpn, .n_alpn = 2,
		.sni = "outbound_.80_._.b.shop.svc.cluster.local",
	};
	struct tls_config server = {
		.role = TLS_SERVER, .source = rsa ? source_rsa : source_b, .alpn = alpn + 1,
		.n_alpn = 1, .client_certificate = TLS_CERTIFICATE_REQUIRED,
		.min_version = version, .max_version = version, .ciphers = 1U << cipher,
	};
	struct tls_context *c = context(&client), *d = context(&server);
	static struct relay r;
	struct side s[2];
	const char *w;
	int i;

	r.step = step;
	w = run(&r, c, d, s);
	for (i = 0; i < 2 && !w; i++)
		if (s[i].outcome.version != version || s[i].outcome.cipher != cipher ||
		    strcmp(s[i].outcome.alpn, "istio") || s[i].outcome.max_record != 16384 ||
		    strcmp(s[i].outcome.sni, client.sni) || !s[i].outcome.peer)
			w = fail("version %x, %s, ALPN \"%s\", SNI \"%s\"", s[i].outcome.version,
				 tls_cipher_name(s[i].outcome.cipher), s[i].outcome.alpn,
				 s[i].outcome.sni);
	if (!w)
		w = check_keys(&r, s, version == TLS_1_2_VERSION && cipher != TLS_CHACHA20_POLY1305);
	end(&r, s);
	tls_context_put(c);
	tls_context_put(d);
	return w;
}

static void cells(void)
{
	char name[80];
	int old, cipher, rsa;

	for (old = 0; old < 2; old++)
		for (cipher = 0; cipher < TLS_CIPHERS; cipher++)
			for (rsa = 0; rsa < 2; rsa++) {
				snprintf(name, sizeof(name), "TLS 1.%d, %s, %s", old ? 2 : 3,
					 tls_cipher_name(cipher), rsa ? "RSA" : "ECDSA");
				ktap_result("keys", name,
					    check_cell(old ? TLS_1_2_VERSION : TLS_1_3_VERSION,
						       cipher, rsa, WIRE_MAX));
			}
	ktap_result("byte by byte", "TLS 1.3",
		    check_cell(TLS_1_3_VERSION, TLS_AES_128_GCM, false, 1));
	ktap_result("byte by byte", "TLS 1.2",
		    check_cell(TLS_1_2_VERSION, TLS_AES_128_GCM, false, 1));
}

/* What is written behind the handshake is the kernel's to read. */
static const char *check_left(void)
{
	struct tls_config client = { .role = TLS_CLIENT, .source = source_a };
	struct tls_config server = { .role = TLS_SERVER, .source = source_b };
	struct tls_context *c = context(&client), *d = context(&server);
	struct side s[2] = {};
	uint8_t out[RECORD_MAX], type;
	const char *w = NULL;
	int fd[2], skipped = 0;

	tcp_pair(fd);
	tls_engine_start(engine, c, fd[0], 0, side_done, &s[0]);
	tls_engine_start(engine, d, fd[1], 0, side_done, &s[1]);
	while (!s[0].over)
		tls_engine_run(engine);
	/* The server has not read the client's Finished, perhaps, when this comes. */
	if (s[0].outcome.failure || !record_send(fd[0], &s[0].keys.tx, "early"))
		w = fail("client: %s", s[0].outcome.detail);
	if (!w && (!engine_run(engine, &s[1], NULL) || s[1].outcome.failure))
		w = fail("server: %s", s[1].outcome.detail);
	if (!w && (record_receive(fd[1], &s[1].keys.rx, &type, out, &skipped) != 5 ||
		   memcmp(out, "early", 5) || skipped))
		w = "what was sent at once did not come";
	side_free(&s[0]);
	side_free(&s[1]);
	tls_context_put(c);
	tls_context_put(d);
	return w;
}

static const char *check_facts(void)
{
	struct tls_config client = { .role = TLS_CLIENT, .source = source_a };
	struct tls_config server = { .role = TLS_SERVER, .source = source_b,
				     .client_certificate = TLS_CERTIFICATE_REQUIRED };
	struct tls_context *c = context(&client), *d = context(&server);
	static struct relay r = { .step = WIRE_MAX };
	unsigned char digest[32];
	const struct tls_peer *p;
	char hash[65];
	struct side s[2];
	const char *w;
	int i;

	w = run(&r, c, d, s);
	p = s[1].outcome.peer;
	X509_digest(leaf_a.certificate, EVP_sha256(), digest, NULL);
	for (i = 0; i < 32; i++)
		sprintf(hash + 2 * i, "%02x", digest[i]);
	if (!w && !p)
		w = "there is no peer";
	if (!w && (!p->has_identity || strcmp(p->uri, ACCOUNT "a") ||
		   strcmp(p->principal, "cluster.local/ns/shop/sa/a") ||
		   strcmp(p->identity.namespace, "shop") || strcmp(p->identity.account, "a")))
		w = fail("identity %s", p->uri);
	if (!w && strcmp(p->local_uri, ACCOUNT "b"))
		w = fail("ours is %s", p->local_uri);
	if (!w && strcmp(p->hash, hash))
		w = fail("hash %s", p->hash);
	if (!w && (p->n_dns != 1 || strcmp(p->dns[0], "a.test")))
		w = fail("%zu DNS names", p->n_dns);
	if (!w && strncmp(p->subject, "CN=test\\, ", 10))
		w = fail("subject %s", p->subject);
	if (!w && strcmp(s[0].outcome.peer->uri, ACCOUNT "b"))
		w = "the client does not know the server";
	end(&r, s);
	tls_context_put(c);
	tls_context_put(d);
	return w;
}

enum shown { NOBODY, IDENTITY, NAME };

/* What configurations make of each other; all of these succeed. */
static const struct {
	const char *name;
	enum tls_client_certificate asked;
	bool anonymous;			/* the client has no certificate */
	enum tls_peer_check check;
	const char *expected, *host, *own, *alias;
	const char *client_alpn, *server_alpn, *alpn;
	enum shown client, server;	/* as the other sees them */
	const char *principal;		/* of the client */
} pairs[] = {
	{ "certificate off", .asked = TLS_CERTIFICATE_OFF, .client = NOBODY, .server = IDENTITY },
	{ "certificate optional, shown", .asked = TLS_CERTIFICATE_OPTIONAL, .client = IDENTITY,
	  .server = IDENTITY },
	{ "certificate optional, none", .asked = TLS_CERTIFICATE_OPTIONAL, .anonymous = true,
	  .client = NOBODY, .server = IDENTITY },
	{ "expected identity", .expected = ACCOUNT "b", .server = IDENTITY },
	{ "expected identity by alias", .expected = "spiffe://old/ns/shop/sa/b", .own =
	  "cluster.local", .alias = "old", .server = IDENTITY },
	{ "the peer's trust domain is an alias", .asked = TLS_CERTIFICATE_REQUIRED, .own = "new",
	  .alias = "cluster.local", .client = IDENTITY, .server = IDENTITY,
	  .principal = "new/ns/shop/sa/a" },
	{ "name: DNS", .check = TLS_PEER_NAMES, .expected = "b.TEST", .server = NAME },
	{ "name: URI", .check = TLS_PEER_NAMES, .expected = ACCOUNT "b", .server = NAME },
	{ "name: host", .check = TLS_PEER_NAMES, .host = "b.test", .server = NAME },
	{ "name: any", .check = TLS_PEER_NAMES, .server = NAME },
	{ "no check", .check = TLS_PEER_ANY, .anonymous = true, .server = NAME },
	{ "ALPN: none in common", .client_alpn = "h2", .server_alpn = "istio", .alpn = "",
	  .server = IDENTITY },
	{ "ALPN: in common", .client_alpn = "h2", .server_alpn = "h2", .alpn = "h2",
	  .server = IDENTITY },
	{ "ALPN: client only", .client_alpn = "h2", .alpn = "", .server = IDENTITY },
};

static const char *check_shown(const struct tls_peer *peer, enum shown shown)
{
	if (!peer != (shown == NOBODY))
		return peer ? "somebody was shown" : "nobody was shown";
	if (peer && peer->has_identity != (shown == IDENTITY))
		return peer->has_identity ? "there is an identity" : "there is no identity";
	return NULL;
}

static const char *check_pair(size_t i)
{
	char error[512];
	struct tls_trust_domains *domains = !pairs[i].own ? NULL :
		tls_trust_domains_new(pairs[i].own, &pairs[i].alias, 1, error, sizeof(error));
	struct tls_config client = {
		.role = TLS_CLIENT, .source = pairs[i].anonymous ? source_none : source_a,
		.check = pairs[i].check, .expected = &pairs[i].expected,
		.n_expected = !!pairs[i].expected, .host = pairs[i].host, .domains = domains,
		.alpn = &pairs[i].client_alpn, .n_alpn = !!pairs[i].client_alpn,
	};
	struct tls_config server = {
		.role = TLS_SERVER, .source = source_b, .client_certificate = pairs[i].asked,
		.domains = domains, .alpn = &pairs[i].server_alpn, .n_alpn = !!pairs[i].server_alpn,
	};
	struct tls_trust_domains *mesh = pairs[i].anonymous ?
		tls_trust_domains_new("cluster.local", NULL, 0, error, sizeof(error)) : NULL;
	static struct relay r = { .step = WIRE_MAX };
	struct tls_context *c, *d;
	struct side s[2];
	const char *w;

	/* Without a certificate nothing else says which trust domain ca.crt is for. */
	if (mesh)
		client.domains = mesh;
	c = context(&client);
	d = context(&server);
	/* The contexts have copies. */
	tls_trust_domains_free(domains);
	tls_trust_domains_free(mesh);
	w = run(&r, c, d, s);
	if (!w)
		w = check_shown(s[0].outcome.peer, pairs[i].server);
	if (!w)
		w = check_shown(s[1].outcome.peer, pairs[i].client);
	if (!w && pairs[i].principal && strcmp(s[1].outcome.peer->principal, pairs[i].principal))
		w = fail("principal %s", s[1].outcome.peer->principal);
	if (!w && pairs[i].alpn && (strcmp(s[0].outcome.alpn, pairs[i].alpn) ||
				    strcmp(s[1].outcome.alpn, pairs[i].alpn)))
		w = fail("ALPN \"%s\", \"%s\"", s[0].outcome.alpn, s[1].outcome.alpn);
	end(&r, s);
	tls_context_put(c);
	tls_context_put(d);
	return w;
}

/* Configurations that are refused. */
static const struct {
	const char *name;
	struct tls_config config;
} refused[] = {
	{ "versions turned round", { .min_version = TLS_1_3_VERSION,
				     .max_version = TLS_1_2_VERSION } },
	{ "TLS 1.1", { .min_version = 0x0302 } },
	{ "a cipher that there is not", { .ciphers = 1U << TLS_CIPHERS } },
	{ "SNI with a space", { .role = TLS_CLIENT, .sni = "a b" } },
	{ "SNI that is empty", { .role = TLS_CLIENT, .sni = "" } },
	{ "an ALPN that is empty", { .alpn = (const char *const[]){ "" }, .n_alpn = 1 } },
	{ "an identity that nobody has", { .role = TLS_CLIENT, .n_expected = 1,
					   .expected = (const char *const[]){ "b.test" } } },
	{ "a server that checks names", { .check = TLS_PEER_NAMES } },
};

static const char *check_refused(size_t i)
{
	struct tls_config config = refused[i].config;
	struct tls_context *c;
	char error[512] = "";

	config.source = source_a;
	c = tls_context_new(&config, error, sizeof(error));
	tls_context_put(c);
	return c ? "it was taken" : error[0] ? NULL : "no reason was given";
}

static void make_all(void)
{
	pki_make(&authority, NULL, &(struct pki_spec){ .authority = true });
	pki_make(&leaf_a, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "a,DNS:a.test" });
	pki_make(&leaf_b, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "b,DNS:b.test" });
	pki_make(&leaf_rsa, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "b", .rsa = true });
	pki_folder(folder_a);
	pki_folder(folder_b);
	pki_folder(folder_rsa);
	pki_folder(folder_none);
	source_a = pki_source(folder_a, &leaf_a, &authority);
	source_b = pki_source(folder_b, &leaf_b, &authority);
	source_rsa = pki_source(folder_rsa, &leaf_rsa, &authority);
	source_none = pki_source(folder_none, NULL, &authority);
	engine = tls_engine_new(16);
}

static void free_all(void)
{
	tls_engine_free(engine);
	tls_source_free(source_a);
	tls_source_free(source_b);
	tls_source_free(source_rsa);
	tls_source_free(source_none);
	pki_remove(folder_a);
	pki_remove(folder_b);
	pki_remove(folder_rsa);
	pki_remove(folder_none);
	pki_free(&authority);
	pki_free(&leaf_a);
	pki_free(&leaf_b);
	pki_free(&leaf_rsa);
}

int main(void)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	ktap_begin(2 * TLS_CIPHERS * 2 + 4 + ARRAY_SIZE(pairs) + ARRAY_SIZE(refused));
	/* As tls_protect_process() has it; a process that is not dumpable has no LSan. */
	CRYPTO_secure_malloc_init(1024 * 1024, 32);
	make_all();
	cells();
	ktap_result("wire", "what follows the handshake is left", check_left());
	ktap_result("peer", "facts", check_facts());
	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		ktap_result("pair", pairs[i].name, check_pair(i));
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		ktap_result("refused", refused[i].name, check_refused(i));
	free_all();
	return ktap_end();
}
