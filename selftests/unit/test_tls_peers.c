// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes with other implementations, in either role: the openssl program and GnuTLS, by
 * versions and ciphers. After each, bytes go both ways in records made and read here, with
 * the keys that the kernel would get.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "codec_test.h"
#include "tls_pair.h"

#define ACCOUNT		"spiffe://cluster.local/ns/shop/sa/"
#define MAX_ARGS	32

static char wrong[2048];
static char folder[PKI_PATH], folder_peer[PKI_PATH];
static struct pki authority, leaf, peer;
static struct tls_source *source;
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

/* A program, with pipes to its standard input and from its output. */
struct program {
	pid_t pid;
	int in, out;
	char text[65536];
	size_t n;
};

static void start(struct program *p, const char *const argv[])
{
	int in[2], out[2];

	p->n = 0;
	p->text[0] = '\0';
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		printf("Bail out! pipe: %s\n", strerror(errno));
		exit(1);
	}
	p->pid = fork();
	if (!p->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], (char *const *)argv);
		fprintf(stderr, "%s: %s; run tools/setup\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
}

static void stop(struct program *p)
{
	close(p->in);
	close(p->out);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

/* Until its output has @what, at most for a while. */
static bool says(struct program *p, const char *what)
{
	struct pollfd fd = { .fd = p->out, .events = POLLIN };
	ssize_t n;

	while (!strstr(p->text, what)) {
		if (p->n + 1 >= sizeof(p->text) || poll(&fd, 1, PAIR_TIMEOUT_MS) <= 0)
			return false;
		n = read(p->out, p->text + p->n, sizeof(p->text) - 1 - p->n);
		if (n <= 0)
			return false;
		p->n += n;
		p->text[p->n] = '\0';
	}
	return true;
}

/* What it said last, for messages. */
static const char *last_words(struct program *p)
{
	says(p, "\1");
	return p->text + (p->n > 600 ? p->n - 600 : 0);
}

struct cell {
	bool gnutls, server;	/* the program, and its role */
	uint16_t version;
	enum tls_cipher cipher;
	bool anonymous;
};

/* Names that live as long as the process that gets them needs them. */
struct names {
	char certificate[PKI_PATH + 16], key[PKI_PATH + 16], authority[PKI_PATH + 16];
	char port[64], priority[128];
};

static int openssl_args(const struct cell *c, const struct names *n, const char **argv)
{
	static const char *const old[] = { "ECDHE-ECDSA-AES128-GCM-SHA256",
					   "ECDHE-ECDSA-AES256-GCM-SHA384",
					   "ECDHE-ECDSA-CHACHA20-POLY1305" };
	static const char *const new[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
					   "TLS_CHACHA20_POLY1305_SHA256" };
	bool v13 = c->version == TLS_1_3_VERSION;
	int i = 0;

	argv[i++] = "openssl";
	argv[i++] = c->server ? "s_server" : "s_client";
	argv[i++] = c->server ? "-accept" : "-connect";
	argv[i++] = n->port;
	argv[i++] = "-CAfile";
	argv[i++] = n->authority;
	argv[i++] = v13 ? "-tls1_3" : "-tls1_2";
	argv[i++] = v13 ? "-ciphersuites" : "-cipher";
	argv[i++] = v13 ? new[c->cipher] : old[c->cipher];
	argv[i++] = c->server ? "-www" : "-quiet";
	argv[i++] = "-verify_return_error";
	if (c->server) {
		argv[i++] = "-Verify";
		argv[i++] = "3";
	}
	if (!c->anonymous) {
		argv[i++] = "-cert";
		argv[i++] = n->certificate;
		argv[i++] = "-key";
		argv[i++] = n->key;
	}
	return i;
}

static int gnutls_args(const struct cell *c, struct names *n, const char **argv)
{
	int i = 0;

	snprintf(n->priority, sizeof(n->priority),
		 "NORMAL:-VERS-ALL:+VERS-TLS1.%d:-CIPHER-ALL:+%s",
		 c->version == TLS_1_3_VERSION ? 3 : 2, tls_cipher_name(c->cipher));
	argv[i++] = c->server ? "gnutls-serv" : "gnutls-cli";
	argv[i++] = "--port";
	argv[i++] = strrchr(n->port, ':') + 1;
	argv[i++] = "--priority";
	argv[i++] = n->priority;
	argv[i++] = "--x509cafile";
	argv[i++] = n->authority;
	if (!c->anonymous) {
		argv[i++] = "--x509certfile";
		argv[i++] = n->certificate;
		argv[i++] = "--x509keyfile";
		argv[i++] = n->key;
	}
	if (c->server) {
		argv[i++] = "--http";
		argv[i++] = "--require-client-cert";
		argv[i++] = "--verify-client-cert";
	} else {
		argv[i++] = "--verify-hostname=own.test";
		argv[i++] = "127.0.0.1";
	}
	return i;
}

static void run_program(const struct cell *c, unsigned short port, struct program *p)
{
	const char *argv[MAX_ARGS];
	struct names n;
	int i;

	snprintf(n.certificate, sizeof(n.certificate), "%s/tls.crt", folder_peer);
	snprintf(n.key, sizeof(n.key), "%s/tls.key", folder_peer);
	snprintf(n.authority, sizeof(n.authority), "%s/ca.crt", folder_peer);
	snprintf(n.port, sizeof(n.port), "127.0.0.1:%u", port);
	i = c->gnutls ? gnutls_args(c, &n, argv) : openssl_args(c, &n, argv);
	argv[i] = NULL;
	start(p, argv);
}

static struct tls_context *context(const struct cell *c)
{
	static const char *const expected = ACCOUNT "peer";
	struct tls_config config = {
		.role = c->server ? TLS_CLIENT : TLS_SERVER, .source = source,
		.client_certificate = TLS_CERTIFICATE_REQUIRED, .sni = c->server ? "peer.test" : NULL,
	};
	char error[512];
	struct tls_context *context;

	if (c->server) {
		config.expected = &expected;
		config.n_expected = 1;
	}
	context = tls_context_new(&config, error, sizeof(error));
	if (!context) {
		printf("Bail out! no context: %s\n", error);
		exit(1);
	}
	return context;
}

static const char *check_outcome(const struct side *s, const struct cell *c)
{
	const struct tls_outcome *o = &s->outcome;

	if (o->failure)
		return fail("%s: %s", tls_failure_name(o->failure), o->detail);
	if (o->version != c->version || o->cipher != c->cipher)
		return fail("version %x, %s", o->version, tls_cipher_name(o->cipher));
	if (!o->peer || strcmp(o->peer->uri, ACCOUNT "peer"))
		return fail("the peer is %s", o->peer ? o->peer->uri : "nobody");
	return NULL;
}

/* The program is a client: what it is told goes out, what we answer it says. */
static const char *talk_as_server(struct side *s, struct program *p)
{
	uint8_t out[RECORD_MAX + 1], type;
	int n, skipped = 0;

	if (write(p->in, "ping of the peer\n", 17) != 17)
		return "it does not listen";
	n = record_receive(s->fd, &s->keys.rx, &type, out, &skipped);
	if (n < 0)
		return "what it sent cannot be opened";
	out[n] = '\0';
	if (type != 23 || !strstr((char *)out, "ping of the peer"))
		return fail("type %d: %s", type, out);
	if (!record_send(s->fd, &s->keys.tx, "pong, first\n") ||
	    !record_send(s->fd, &s->keys.tx, "pong, second\n"))
		return "it cannot be answered";
	return says(p, "pong, second") && strstr(p->text, "pong, first") ? NULL :
		"it did not understand the answer";
}

/* The program is a server for HTTP. */
static const char *talk_as_client(struct side *s)
{
	uint8_t out[RECORD_MAX + 1], type;
	int n, skipped = 0;

	if (!record_send(s->fd, &s->keys.tx, "GET / HTTP/1.0\r\n") ||
	    !record_send(s->fd, &s->keys.tx, "Host: peer.test\r\n\r\n"))
		return "it cannot be asked";
	n = record_receive(s->fd, &s->keys.rx, &type, out, &skipped);
	if (n < 0)
		return "its answer cannot be opened";
	out[n] = '\0';
	/* Tickets came with keys of TLS 1.3 only. */
	if (skipped && s->outcome.version != TLS_1_3_VERSION)
		return "there were handshake records";
	return type == 23 && !strncmp((char *)out, "HTTP/1.0 200", 12) ? NULL :
		fail("type %d: %s", type, out);
}

static const char *run_cell(const struct cell *c, struct side *s, struct program *p)
{
	unsigned short port;
	int listener = tcp_listener(&port), fd;
	struct tls_context *context_used = context(c);
	const char *w = NULL;

	if (c->server)
		close(listener);
	run_program(c, port, p);
	fd = c->server ? tcp_connect(port) : accept(listener, NULL, NULL);
	if (!c->server)
		close(listener);
	if (fd < 0)
		w = "no connection";
	else if (!tls_engine_start(engine, context_used, fd, PAIR_TIMEOUT_MS, side_done, s))
		w = "not begun";
	else if (!engine_run(engine, s, NULL))
		w = "it does not end";
	tls_context_put(context_used);
	return w;
}

static const char *check_cell(const struct cell *c)
{
	static struct program p;
	struct side s = {};
	const char *w = run_cell(c, &s, &p);

	if (!w)
		w = check_outcome(&s, c);
	if (!w)
		w = c->server ? talk_as_client(&s) : talk_as_server(&s, &p);
	if (w) {
		kill(p.pid, SIGTERM);
		printf("# %s\n", last_words(&p));
	}
	stop(&p);
	side_free(&s);
	return w;
}

static const char *check_anonymous(bool gnutls)
{
	const struct cell c = { gnutls, false, TLS_1_3_VERSION, TLS_AES_128_GCM, true };
	static struct program p;
	struct side s = {};
	const char *w = run_cell(&c, &s, &p);

	if (!w && s.outcome.failure != TLS_NO_CERTIFICATE)
		w = fail("%s: %s", tls_failure_name(s.outcome.failure), s.outcome.detail);
	stop(&p);
	side_free(&s);
	return w;
}

int main(void)
{
	char name[96];
	int i;

	signal(SIGPIPE, SIG_IGN);
	ktap_begin(2 * 2 * 2 * TLS_CIPHERS + 2);
	pki_make(&authority, NULL, &(struct pki_spec){ .authority = true });
	pki_make(&leaf, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "own,DNS:own.test" });
	pki_make(&peer, &authority,
		 &(struct pki_spec){ .names = "URI:" ACCOUNT "peer,DNS:peer.test" });
	pki_folder(folder);
	pki_folder(folder_peer);
	pki_write(folder_peer, &peer, &authority);
	source = pki_source(folder, &leaf, &authority);
	engine = tls_engine_new(4);
	for (i = 0; i < 2 * 2 * 2 * TLS_CIPHERS; i++) {
		struct cell c = { i & 1, i & 2, i & 4 ? TLS_1_2_VERSION : TLS_1_3_VERSION, i / 8,
				  false };

		snprintf(name, sizeof(name), "%s as %s, TLS 1.%d, %s",
			 c.gnutls ? "GnuTLS" : "openssl", c.server ? "server" : "client",
			 c.version == TLS_1_3_VERSION ? 3 : 2, tls_cipher_name(c.cipher));
		ktap_result("peer", name, check_cell(&c));
	}
	ktap_result("no certificate", "openssl", check_anonymous(false));
	ktap_result("no certificate", "GnuTLS", check_anonymous(true));
	tls_engine_free(engine);
	tls_source_free(source);
	pki_remove(folder);
	pki_remove(folder_peer);
	pki_free(&authority);
	pki_free(&leaf);
	pki_free(&peer);
	return ktap_end();
}
