// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes that must not succeed: peers with bad certificates, peers that are no peers, and
 * very many of them. Each ends under its own reason, and the other side is told by an alert
 * where TLS has one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "codec_test.h"
#include "tls_pair.h"

#define ACCOUNT	"spiffe://cluster.local/ns/shop/sa/"
#define MANY	1000
/* Versions of OpenSSL differ in the alert. */
#define ANY	(-2)

static char wrong[1024];
static char folder[PKI_PATH], folder_none[PKI_PATH];
static struct pki authority, stranger, own;
static struct tls_source *source, *source_none;
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

/* A server that chooses what nobody offered. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		  const unsigned char *in, unsigned int in_len, void *arg)
{
	(void)ssl;
	(void)in;
	(void)in_len;
	*out = arg;
	*out_len = strlen(arg);
	return SSL_TLSEXT_ERR_OK;
}

/* A peer that is not of our making: it takes any certificate, and shows what it is told to. */
struct foreign {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	bool over;
	int alert;	/* that it was sent, or -1 */
};

static void foreign_open(struct foreign *f, bool server, int fd, const struct pki *leaf,
			 int version, const char *suites, const char *sni)
{
	memset(f, 0, sizeof(*f));
	f->fd = fd;
	f->alert = -1;
	f->ctx = SSL_CTX_new(TLS_method());
	SSL_CTX_set_security_level(f->ctx, 0);
	SSL_CTX_set_min_proto_version(f->ctx, version ? version : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(f->ctx, version);
	if (suites)
		SSL_CTX_set_ciphersuites(f->ctx, suites);
	if (suites)
		SSL_CTX_set_cipher_list(f->ctx, "AES256-SHA");
	if (version == TLS1_1_VERSION)
		SSL_CTX_set_cipher_list(f->ctx, "ALL:@SECLEVEL=0");
	f->ssl = SSL_new(f->ctx);
	if (leaf) {
		SSL_use_certificate(f->ssl, leaf->certificate);
		SSL_use_PrivateKey(f->ssl, leaf->key);
	}
	if (sni)
		SSL_set_tlsext_host_name(f->ssl, sni);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	SSL_set_fd(f->ssl, fd);
	if (server)
		SSL_set_accept_state(f->ssl);
	else
		SSL_set_connect_state(f->ssl);
}

/* Shakes hands, then reads, until it is told to stop. */
static void foreign_run(struct foreign *f)
{
	char byte;
	int ret, kind, reason;

	if (f->over)
		return;
	ERR_clear_error();
	ret = SSL_is_init_finished(f->ssl) ? SSL_read(f->ssl, &byte, 1) : SSL_do_handshake(f->ssl);
	kind = SSL_get_error(f->ssl, ret);
	if (ret > 0 || kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return;
	reason = ERR_GET_REASON(ERR_peek_error());
	if (kind == SSL_ERROR_SSL && reason >= SSL_AD_REASON_OFFSET)
		f->alert = reason - SSL_AD_REASON_OFFSET;
	f->over = true;
	ERR_clear_error();
}

static void foreign_close(struct foreign *f)
{
	SSL_free(f->ssl);
	SSL_CTX_free(f->ctx);
	close(f->fd);
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

static struct tls_context *server_context(void)
{
	return context(&(struct tls_config){ .role = TLS_SERVER, .source = source,
					     .client_certificate = TLS_CERTIFICATE_REQUIRED });
}

static const char *judge(const struct side *s, enum tls_failure failure)
{
	if (!s->over)
		return "it did not end";
	if (s->fd >= 0 && s->outcome.failure)
		return "a socket was handed out";
	if (s->outcome.failure != failure)
		return fail("%s: %s", tls_failure_name(s->outcome.failure), s->outcome.detail);
	return s->outcome.detail[0] ? NULL : "nothing is said of it";
}

enum by { BY_AUTHORITY, BY_STRANGER, BY_ITSELF };

/* Peers that differ from a good one in one thing. */
static const struct {
	const char *name;
	enum tls_failure failure;
	int alert;
	bool server;		/* the peer is the server, and we the client */
	bool none;		/* it shows no certificate */
	enum by by;
	struct pki_spec spec;
	int version;		/* the one that the peer has; 0: both */
	const char *suites;
	const char *sni;
	uint16_t least;		/* the one that we have */
	enum tls_peer_check check;
	const char *expected, *host;
	const char *alpn, *chosen;
} peers[] = {
	{ "client: expired", TLS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED,
	  .spec = { .names = "URI:" ACCOUNT "a", .from = -200, .until = -100 } },
	{ "client: expired, TLS 1.2", TLS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED,
	  .version = TLS1_2_VERSION, .spec = { .names = "URI:" ACCOUNT "a", .from = -200, .until = -100 } },
	{ "client: not valid yet", TLS_EXPIRED, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "URI:" ACCOUNT "a", .from = 1000, .until = 2000 } },
	{ "client: self-signed", TLS_UNTRUSTED, SSL_AD_UNKNOWN_CA, .by = BY_ITSELF,
	  .spec = { .names = "URI:" ACCOUNT "a" } },
	{ "client: another authority", TLS_UNTRUSTED, SSL_AD_UNKNOWN_CA, .by = BY_STRANGER,
	  .spec = { .names = "URI:" ACCOUNT "a" } },
	{ "client: wrong trust domain", TLS_TRUST_DOMAIN, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "URI:spiffe://other/ns/shop/sa/a" } },
	{ "client: two URIs", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "URI:" ACCOUNT "a,URI:" ACCOUNT "b" } },
	{ "client: a URI twice", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "URI:" ACCOUNT "a,URI:" ACCOUNT "a" } },
	{ "client: no URI", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "DNS:a.test" } },
	{ "client: no names", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE, .spec = { .names = NULL } },
	{ "client: another form of SPIFFE", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "URI:spiffe://cluster.local/a" } },
	{ "client: an authority", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE,
	  .spec = { .names = "URI:" ACCOUNT "a", .authority = true } },
	{ "client: no certificate", TLS_NO_CERTIFICATE, 116 /* certificate_required */,
	  .none = true },
	{ "client: no certificate, TLS 1.2", TLS_NO_CERTIFICATE, SSL_AD_HANDSHAKE_FAILURE,
	  .none = true, .version = TLS1_2_VERSION },
	{ "client: TLS 1.1", TLS_VERSION, SSL_AD_PROTOCOL_VERSION, .none = true,
	  .version = TLS1_1_VERSION },
	{ "client: TLS 1.2, and we have 1.3", TLS_VERSION, SSL_AD_PROTOCOL_VERSION,
	  .none = true, .version = TLS1_2_VERSION, .least = TLS_1_3_VERSION },
	{ "client: a cipher that we do not have", TLS_NO_CIPHER, SSL_AD_HANDSHAKE_FAILURE,
	  .none = true, .version = TLS1_3_VERSION, .suites = "TLS_AES_128_CCM_SHA256" },
	{ "client: a server name with a space", TLS_PROTOCOL, SSL_AD_UNRECOGNIZED_NAME,
	  .none = true, .sni = "a b" },
	{ "server: expired", TLS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED, .server = true,
	  .spec = { .names = "URI:" ACCOUNT "a", .from = -200, .until = -100 } },
	{ "server: self-signed", TLS_UNTRUSTED, SSL_AD_UNKNOWN_CA, .server = true,
	  .by = BY_ITSELF, .spec = { .names = "URI:" ACCOUNT "a" } },
	{ "server: wrong trust domain", TLS_TRUST_DOMAIN, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .spec = { .names = "URI:spiffe://other/ns/shop/sa/a" } },
	{ "server: no identity", TLS_IDENTITY, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .spec = { .names = "DNS:a.test" } },
	{ "server: somebody else", TLS_NAME, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .expected = ACCOUNT "b", .spec = { .names = "URI:" ACCOUNT "a" } },
	{ "server: of another namespace", TLS_NAME, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .expected = "spiffe://cluster.local/ns/other/sa/a",
	  .spec = { .names = "URI:" ACCOUNT "a" } },
	{ "server: another name", TLS_NAME, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .check = TLS_PEER_NAMES, .expected = "b.test", .spec = { .names = "DNS:a.test" } },
	{ "server: a name that only begins so", TLS_NAME, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .check = TLS_PEER_NAMES, .expected = "a.tes", .spec = { .names = "DNS:a.test" } },
	{ "server: another host", TLS_NAME, SSL_AD_BAD_CERTIFICATE, .server = true,
	  .check = TLS_PEER_NAMES, .host = "b.test", .spec = { .names = "DNS:a.test" } },
	{ "server: self-signed, by name", TLS_UNTRUSTED, SSL_AD_UNKNOWN_CA, .server = true,
	  .check = TLS_PEER_NAMES, .by = BY_ITSELF, .spec = { .names = "DNS:a.test" } },
	{ "server: an ALPN that was not offered", TLS_PROTOCOL, ANY, .server = true,
	  .alpn = "h2", .chosen = "h", .spec = { .names = "URI:" ACCOUNT "a" } },
	{ "server: TLS 1.2, and we have 1.3", TLS_ALERT, -1, .server = true,
	  .version = TLS1_2_VERSION, .least = TLS_1_3_VERSION,
	  .spec = { .names = "URI:" ACCOUNT "a" } },
};

static const char *check_peer(size_t i)
{
	struct tls_config config = {
		.role = peers[i].server ? TLS_CLIENT : TLS_SERVER, .source = source,
		.client_certificate = TLS_CERTIFICATE_REQUIRED, .min_version = peers[i].least,
		.check = peers[i].check, .expected = &peers[i].expected,
		.n_expected = !!peers[i].expected, .host = peers[i].host,
		.alpn = &peers[i].alpn, .n_alpn = !!peers[i].alpn,
	};
	struct tls_context *c = context(&config);
	const struct pki *by[] = { &authority, &stranger, NULL };
	uint64_t before = tls_engine_count(engine, peers[i].failure);
	struct side s = {};
	struct foreign f;
	struct pki leaf = {};
	const char *w = NULL;
	int fd[2], n;

	if (!peers[i].none)
		pki_make(&leaf, by[peers[i].by], &peers[i].spec);
	tcp_pair(fd);
	foreign_open(&f, peers[i].server, fd[0], peers[i].none ? NULL : &leaf, peers[i].version,
		     peers[i].suites, peers[i].sni);
	if (peers[i].chosen)
		SSL_CTX_set_alpn_select_cb(f.ctx, choose, (void *)peers[i].chosen);
	if (!tls_engine_start(engine, c, fd[1], PAIR_TIMEOUT_MS, side_done, &s))
		w = "not begun";
	for (n = 0; n < 2000000 && !w && (!s.over || !f.over); n++) {
		tls_engine_run(engine);
		foreign_run(&f);
	}
	if (!w)
		w = judge(&s, peers[i].failure);
	if (!w && !f.over)
		w = "the peer was not told";
	if (!w && peers[i].alert != ANY && f.alert != peers[i].alert)
		w = fail("the peer saw alert %d", f.alert);
	if (!w && tls_engine_count(engine, peers[i].failure) != before + 1)
		w = "it was not counted";
	foreign_close(&f);
	side_free(&s);
	pki_free(&leaf);
	tls_context_put(c);
	return w;
}

/* ClientHello as OpenSSL makes it. */
static size_t make_hello(uint8_t *out, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *to = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(ctx);
	int n;

	SSL_set_bio(ssl, in, to);
	SSL_connect(ssl);
	n = BIO_read(to, out, size);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return n > 0 ? n : 0;
}

/* Bytes, and what follows them. */
static const struct {
	const char *name;
	enum tls_failure failure;
	const char *bytes;
	size_t n;		/* 0: of a ClientHello, in percent */
	size_t percent;
	bool closes;		/* else it is silent */
	bool client;		/* we are the client */
} bytes[] = {
	{ "HTTP", TLS_PLAIN, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", .n = 27 },
	{ "HTTP/2", TLS_PLAIN, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .n = 24 },
	{ "CONNECT", TLS_PLAIN, "CONNECT a:80 HTTP/1.1\r\n\r\n", .n = 25 },
	{ "SSH", TLS_PLAIN, "SSH-2.0-OpenSSH_9.2\r\n", .n = 21 },
	{ "an answer in plain text", TLS_PLAIN, "HTTP/1.1 400 Bad Request\r\n\r\n", .n = 28,
	  .client = true },
	{ "not a handshake", TLS_PROTOCOL, "\x17\x03\x01\0\x05hello", .n = 10 },
	{ "a message that there is not", TLS_PROTOCOL, "\x16\x03\x01\0\x05\xff\0\0\x01\0", .n = 10 },
	{ "a record that is too long", TLS_PROTOCOL, "\x16\x03\x01\xff\xff\x01", .n = 6 },
	{ "an alert", TLS_ALERT, "\x15\x03\x01\0\x02\x02\x28", .n = 7, .client = true },
	{ "nothing, closed", TLS_CLOSED, "", .n = 0, .closes = true },
	{ "half a header, closed", TLS_CLOSED, "\x16\x03", .n = 2, .closes = true },
	{ "half a ClientHello, closed", TLS_CLOSED, .percent = 50, .closes = true },
	{ "a ClientHello, closed", TLS_CLOSED, .percent = 100, .closes = true },
	{ "nothing, closed by the server", TLS_CLOSED, "", .n = 0, .closes = true, .client = true },
	{ "nothing", TLS_TIMEOUT, "", .n = 0 },
	{ "half a header", TLS_TIMEOUT, "\x16\x03", .n = 2 },
	{ "half a ClientHello", TLS_TIMEOUT, .percent = 50 },
	{ "a ClientHello", TLS_TIMEOUT, .percent = 100 },
	{ "nothing from the server", TLS_TIMEOUT, "", .n = 0, .client = true },
};

static const char *check_bytes(size_t i)
{
	struct tls_config client = { .role = TLS_CLIENT, .source = source };
	struct tls_context *c = bytes[i].client ? context(&client) : server_context();
	const void *data = bytes[i].bytes;
	size_t n = bytes[i].n;
	struct side s = {};
	uint8_t hello[4096];
	const char *w = NULL;
	int fd[2];

	if (!data) {
		data = hello;
		n = make_hello(hello, sizeof(hello)) * bytes[i].percent / 100;
	}
	tcp_pair(fd);
	if (send(fd[0], data, n, MSG_NOSIGNAL) != (ssize_t)n)
		w = "cannot send";
	if (bytes[i].closes)
		shutdown(fd[0], SHUT_WR);
	if (!tls_engine_start(engine, c, fd[1], bytes[i].failure == TLS_TIMEOUT ? 50 :
			      PAIR_TIMEOUT_MS, side_done, &s))
		w = "not begun";
	else
		engine_run(engine, &s, NULL);
	if (!w)
		w = judge(&s, bytes[i].failure);
	if (!w && bytes[i].failure == TLS_ALERT && s.outcome.alert != 40)
		w = fail("alert %d", s.outcome.alert);
	close(fd[0]);
	side_free(&s);
	tls_context_put(c);
	return w;
}

/* Both ours, and good. */
static const char *check_good(struct tls_engine *e, struct tls_context *d)
{
	struct tls_config client = { .role = TLS_CLIENT, .source = source };
	struct tls_context *c = context(&client);
	struct side s[2] = {};
	const char *w = NULL;
	int fd[2];

	tcp_pair(fd);
	if (!tls_engine_start(e, c, fd[0], 0, side_done, &s[0]) ||
	    !tls_engine_start(e, d, fd[1], 0, side_done, &s[1]))
		w = "not begun";
	else if (!engine_run(e, &s[0], &s[1]))
		w = "a good one does not end";
	else if (s[0].outcome.failure || s[1].outcome.failure)
		w = fail("a good one: %s; %s", s[0].outcome.detail, s[1].outcome.detail);
	side_free(&s[0]);
	side_free(&s[1]);
	tls_context_put(c);
	return w;
}

/* A thousand that stop within their ClientHello, and good ones among them. */
static const char *check_many(void)
{
	static struct side s[MANY];
	static int fd[MANY][2];
	struct tls_engine *e = tls_engine_new(MANY + 2);
	struct tls_context *d = server_context();
	uint8_t hello[4096];
	size_t n = make_hello(hello, sizeof(hello)), i;
	const char *w = NULL;

	for (i = 0; i < MANY; i++) {
		tcp_pair(fd[i]);
		/* None of them at the same byte. */
		if (send(fd[i][0], hello, i % n, MSG_NOSIGNAL) < 0 ||
		    !tls_engine_start(e, d, fd[i][1], 3000, side_done, &s[i]))
			w = fail("%zu: not begun", i);
	}
	for (i = 0; i < 3 && !w; i++)
		w = check_good(e, d);
	if (!w && tls_engine_under_way(e) != MANY)
		w = fail("%zu are under way", tls_engine_under_way(e));
	for (i = 0; i < MANY && !w; i++)
		if (!engine_run(e, &s[i], NULL))
			w = fail("%zu does not end", i);
	if (!w && tls_engine_count(e, TLS_TIMEOUT) != MANY)
		w = fail("%llu were late", (unsigned long long)tls_engine_count(e, TLS_TIMEOUT));
	if (!w && (tls_engine_under_way(e) || tls_engine_timeout(e) != -1))
		w = "something is left";
	if (!w)
		w = check_good(e, d);
	for (i = 0; i < MANY; i++) {
		close(fd[i][0]);
		side_free(&s[i]);
	}
	tls_engine_free(e);
	tls_context_put(d);
	return w;
}

static const char *check_limit(void)
{
	struct tls_engine *e = tls_engine_new(4);
	struct tls_context *d = server_context();
	struct side s[6] = {};
	uint64_t number[6] = {};
	const char *w = NULL;
	int fd[6][2], i;

	for (i = 0; i < 5; i++) {
		tcp_pair(fd[i]);
		errno = 0;
		number[i] = tls_engine_start(e, d, fd[i][1], 0, side_done, &s[i]);
		if (!number[i] != (i == 4) || (i == 4 && errno != EAGAIN))
			w = fail("number %d: %s", i, strerror(errno));
	}
	if (tls_engine_refused(e) != 1)
		w = "it was not counted";
	tls_engine_cancel(e, number[1]);
	tls_engine_cancel(e, number[1]);
	if (tls_engine_under_way(e) != 3)
		w = "it was not cancelled once";
	number[4] = tls_engine_start(e, d, fd[4][1], 1, side_done, &s[4]);
	if (!number[4] || number[4] == number[1])
		w = "the place is not free again";
	/* The one that was cancelled last had the same place. */
	tls_engine_cancel(e, number[1]);
	if (!engine_run(e, &s[4], NULL) || s[4].outcome.failure != TLS_TIMEOUT)
		w = "the shortest deadline did not come first";
	if (s[0].over || s[1].over || s[2].over || s[3].over)
		w = "another one ended";
	tls_engine_free(e);
	for (i = 0; i < 5; i++)
		close(fd[i][0]);
	tls_context_put(d);
	if (tls_engine_new(0) || tls_engine_new(TLS_ENGINE_MAX + 1))
		w = "an engine of none or too many";
	return w;
}

/* No certificate of ours, no handshake; the socket stays the caller's. */
static const char *check_own(void)
{
	struct tls_context *c = context(&(struct tls_config){ .role = TLS_SERVER,
							      .source = source_none });
	uint64_t before = tls_engine_count(engine, TLS_OWN_CERTIFICATE);
	struct side s = {};
	const char *w = NULL;
	int fd[2];

	tcp_pair(fd);
	errno = 0;
	if (tls_engine_start(engine, c, fd[1], 0, side_done, &s) || errno != ENOKEY)
		w = "begun without a certificate";
	if (tls_engine_count(engine, TLS_OWN_CERTIFICATE) != before + 1)
		w = "it was not counted";
	if (send(fd[1], "x", 1, MSG_NOSIGNAL) != 1)
		w = "the socket was closed";
	close(fd[0]);
	close(fd[1]);
	tls_context_put(c);
	return w;
}

/* What is under way when its context goes keeps it. */
static const char *check_context(void)
{
	struct tls_context *d = server_context(), *c =
		context(&(struct tls_config){ .role = TLS_CLIENT, .source = source });
	struct side s[2] = {};
	const char *w = NULL;
	int fd[2];

	tcp_pair(fd);
	tls_engine_start(engine, c, fd[0], 0, side_done, &s[0]);
	tls_engine_start(engine, d, fd[1], 0, side_done, &s[1]);
	tls_context_put(c);
	tls_context_put(d);
	if (!engine_run(engine, &s[0], &s[1]) || s[0].outcome.failure || s[1].outcome.failure)
		w = fail("%s; %s", s[0].outcome.detail, s[1].outcome.detail);
	side_free(&s[0]);
	side_free(&s[1]);
	return w;
}

static void more_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	more_files();
	ktap_begin(ARRAY_SIZE(peers) + ARRAY_SIZE(bytes) + 4);
	pki_make(&authority, NULL, &(struct pki_spec){ .authority = true });
	pki_make(&stranger, NULL, &(struct pki_spec){ .authority = true });
	pki_make(&own, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "own" });
	pki_folder(folder);
	pki_folder(folder_none);
	source = pki_source(folder, &own, &authority);
	source_none = pki_source(folder_none, NULL, &authority);
	engine = tls_engine_new(16);
	for (i = 0; i < ARRAY_SIZE(peers); i++)
		ktap_result("peer", peers[i].name, check_peer(i));
	for (i = 0; i < ARRAY_SIZE(bytes); i++)
		ktap_result("bytes", bytes[i].name, check_bytes(i));
	ktap_result("engine", "a thousand half ClientHellos", check_many());
	ktap_result("engine", "its limit, deadlines, cancelling", check_limit());
	ktap_result("engine", "no certificate of our own", check_own());
	ktap_result("engine", "a context that is replaced", check_context());
	tls_engine_free(engine);
	tls_source_free(source);
	tls_source_free(source_none);
	pki_remove(folder);
	pki_remove(folder_none);
	pki_free(&authority);
	pki_free(&stranger);
	pki_free(&own);
	return ktap_end();
}
