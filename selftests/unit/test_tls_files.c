// SPDX-License-Identifier: GPL-2.0-only
/*
 * Certificates from files: what is refused, and certificates and bundles that change while
 * handshakes are under way and connections stand.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <openssl/pem.h>
#include "codec_test.h"
#include "tls_pair.h"

#define ACCOUNT		"spiffe://cluster.local/ns/shop/sa/"
#define ROTATIONS	60

static char wrong[1024];
static struct pki authority, other_authority, leaf, other, foreign;
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

/* What may be wrong with a folder, and what is said of it. */
static void no_files(const char *f)
{
	(void)f;
}

static void no_key(const char *f)
{
	pki_write_certificate(f, "tls.crt", &leaf);
}

static void no_certificate(const char *f)
{
	pki_write_key(f, "tls.key", &leaf);
}

static void another_key(const char *f)
{
	pki_write_certificate(f, "tls.crt", &leaf);
	pki_write_key(f, "tls.key", &other);
}

static void broken_certificate(const char *f)
{
	pki_write(f, &leaf, NULL);
	pki_write_text(f, "tls.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n"
		       "-----END CERTIFICATE-----\n");
}

static void empty_certificate(const char *f)
{
	pki_write(f, &leaf, NULL);
	pki_write_text(f, "tls.crt", "");
}

static void broken_bundle(const char *f)
{
	pki_write(f, &leaf, NULL);
	pki_write_text(f, "ca.crt", "no certificate\n");
}

static void expired(const char *f)
{
	struct pki old;

	pki_make(&old, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "a", .from = -9,
						       .until = -5 });
	pki_write(f, &old, &authority);
	pki_free(&old);
}

static void too_early(const char *f)
{
	struct pki soon;

	pki_make(&soon, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "a", .from = 500,
							.until = 900 });
	pki_write(f, &soon, &authority);
	pki_free(&soon);
}

/* It must not ask on the terminal either. */
static void encrypted_key(const char *f)
{
	char path[PKI_PATH + 16];
	FILE *file;

	pki_write(f, &leaf, NULL);
	snprintf(path, sizeof(path), "%s/tls.key", f);
	file = fopen(path, "w");
	PEM_write_PrivateKey(file, leaf.key, EVP_aes_128_cbc(), (unsigned char *)"secret", 6, NULL,
			     NULL);
	fclose(file);
}

static void repeat(const char *f, const char *name, int n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	while (n--)
		PEM_write_X509(out, authority.certificate);
	fclose(out);
	pki_write_text(f, name, text);
	free(text);
}

static void long_chain(const char *f)
{
	pki_write(f, &leaf, NULL);
	repeat(f, "tls.crt", TLS_MAX_CHAIN + 1);
}

static void long_bundle(const char *f)
{
	repeat(f, "ca.crt", TLS_MAX_AUTHORITIES + 1);
}

static void full_bundle(const char *f)
{
	repeat(f, "ca.crt", TLS_MAX_AUTHORITIES);
}

static void of_bytes(const char *f, size_t n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	PEM_write_X509(out, authority.certificate);
	fflush(out);
	while (size < n) {
		fputc('\n', out);
		fflush(out);
		if (size + 4096 < n) {
			fprintf(out, "%4095s\n", "");
			fflush(out);
		}
	}
	fclose(out);
	pki_write_text(f, "ca.crt", text);
	free(text);
}

static void large(const char *f)
{
	of_bytes(f, TLS_MAX_PEM);
}

static void too_large(const char *f)
{
	of_bytes(f, TLS_MAX_PEM + 1);
}

static void a_fifo(const char *f)
{
	char path[PKI_PATH + 16];

	pki_write(f, &leaf, NULL);
	snprintf(path, sizeof(path), "%s/tls.crt", f);
	unlink(path);
	if (mkfifo(path, 0600))
		perror(path);
}

static const struct {
	const char *name;
	void (*make)(const char *folder);
	const char *file, *message;	/* NULL: it is taken */
} folders[] = {
	{ "empty", no_files, "tls.crt", "none of them exists" },
	{ "no key", no_key, "tls.key", "missing" },
	{ "no certificate", no_certificate, "tls.crt", "missing" },
	{ "another key", another_key, "tls.key", "not that of the certificate" },
	{ "a certificate that is broken", broken_certificate, "tls.crt", "cannot be read" },
	{ "a certificate that is empty", empty_certificate, "tls.crt", "no certificate in it" },
	{ "a bundle that is none", broken_bundle, "ca.crt", "no certificate in it" },
	{ "expired", expired, "tls.crt", "expired" },
	{ "not valid yet", too_early, "tls.crt", "not valid yet" },
	{ "a key with a password", encrypted_key, "tls.key", "without a password" },
	{ "a chain that is too long", long_chain, "tls.crt", "too many" },
	{ "a bundle with too many", long_bundle, "ca.crt", "too many" },
	{ "a bundle with the most", full_bundle, NULL, NULL },
	{ "the largest file", large, NULL, NULL },
	{ "a file that is larger", too_large, "ca.crt", "larger than 1 MiB" },
	{ "a FIFO", a_fifo, "tls.crt", "no certificate in it" },
};

static const char *check_folder(size_t i)
{
	char folder[PKI_PATH], error[1024] = "";
	struct tls_files files = { .folder = folder };
	const char *w = NULL;
	struct tls_source *s;

	pki_folder(folder);
	folders[i].make(folder);
	s = tls_files_new(&files, error, sizeof(error));
	if (!folders[i].message)
		w = s ? NULL : fail("%s", error);
	else if (s)
		w = "it was taken";
	else if (!strstr(error, folders[i].message) || !strstr(error, folders[i].file))
		w = fail("%s", error);
	tls_source_free(s);
	pki_remove(folder);
	return w;
}

/* A source, and contexts of both roles that use it. */
struct mesh {
	char folder[PKI_PATH], bundles[PKI_PATH];
	struct tls_source *source;
	struct tls_context *client, *server;
};

static const char *mesh_open(struct mesh *m, bool bundle)
{
	char error[1024], path[PKI_PATH + 16];
	struct tls_files_bundle more = { "other", path };
	struct tls_files files = { .folder = m->folder, .bundle = &more, .n_bundles = bundle };
	struct tls_config config = { .role = TLS_CLIENT };

	pki_folder(m->folder);
	pki_folder(m->bundles);
	snprintf(path, sizeof(path), "%s/other.crt", m->bundles);
	pki_write(m->folder, &leaf, &authority);
	if (bundle)
		pki_write_certificate(m->bundles, "other.crt", &other_authority);
	m->source = tls_files_new(&files, error, sizeof(error));
	if (!m->source)
		return fail("%s", error);
	config.source = m->source;
	m->client = tls_context_new(&config, error, sizeof(error));
	config.role = TLS_SERVER;
	config.client_certificate = TLS_CERTIFICATE_REQUIRED;
	m->server = tls_context_new(&config, error, sizeof(error));
	return m->client && m->server ? NULL : fail("%s", error);
}

static void mesh_close(struct mesh *m)
{
	tls_context_put(m->client);
	tls_context_put(m->server);
	tls_source_free(m->source);
	pki_remove(m->folder);
	pki_remove(m->bundles);
}

static const char *begin(struct tls_context *client, struct tls_context *server, struct side s[2])
{
	int fd[2];

	tcp_pair(fd);
	memset(s, 0, 2 * sizeof(*s));
	if (!tls_engine_start(engine, client, fd[0], 0, side_done, &s[0]) ||
	    !tls_engine_start(engine, server, fd[1], 0, side_done, &s[1]))
		return "not begun";
	return NULL;
}

static const char *finish(struct side s[2])
{
	if (!engine_run(engine, &s[0], &s[1]))
		return "it does not end";
	if (s[1].outcome.failure)
		return fail("server: %s", s[1].outcome.detail);
	return s[0].outcome.failure ? fail("client: %s", s[0].outcome.detail) : NULL;
}

static void end(struct side s[2])
{
	side_free(&s[0]);
	side_free(&s[1]);
}

/* Who the server was, as the client saw it. */
static const char *shake(struct mesh *m, const char *uri)
{
	struct side s[2];
	const char *w = begin(m->client, m->server, s);

	if (!w)
		w = finish(s);
	if (!w && strcmp(s[0].outcome.peer->uri, uri))
		w = fail("the server is %s", s[0].outcome.peer->uri);
	end(s);
	return w;
}

/* Nothing is there to read at once: inotify tells of what was done already. */
static int update(struct mesh *m, char *error)
{
	error[0] = '\0';
	return tls_source_update(m->source, error, 1024);
}

/* One handshake began before, one connection stood before; both go on. */
static const char *check_replaced(void)
{
	struct side stands[2], begun[2];
	uint8_t out[RECORD_MAX], type;
	char error[1024];
	struct mesh m = {};
	const char *w = mesh_open(&m, false);
	int skipped = 0;

	if (w || (w = shake(&m, ACCOUNT "a")))
		goto out;
	if (update(&m, error)) {
		w = fail("a change that there was not: %s", error);
		goto out;
	}
	w = begin(m.client, m.server, stands);
	if (!w)
		w = finish(stands);
	if (!w)
		w = begin(m.client, m.server, begun);
	if (w)
		goto out;
	pki_write(m.folder, &other, NULL);
	if (update(&m, error) != 1)
		w = fail("no change was seen: %s", error);
	if (!w)
		w = finish(begun);
	if (!w && strcmp(begun[0].outcome.peer->uri, ACCOUNT "a"))
		w = "a handshake under way got another certificate";
	if (!w && (!record_send(stands[0].fd, &stands[0].keys.tx, "text") ||
		   record_receive(stands[1].fd, &stands[1].keys.rx, &type, out, &skipped) != 4))
		w = "the connection that stood does not any more";
	if (!w)
		w = shake(&m, ACCOUNT "b");
	end(stands);
	end(begun);
out:
	mesh_close(&m);
	return w;
}

/* What does not fit leaves the former in force, and the next change is seen. */
static const char *check_half(void)
{
	char error[1024], path[PKI_PATH + 16];
	struct mesh m = {};
	const char *w = mesh_open(&m, false);

	if (w)
		goto out;
	pki_write_certificate(m.folder, "tls.crt", &other);
	if (update(&m, error) != -1 || !strstr(error, "tls.key"))
		w = fail("a certificate without its key: %s", error);
	if (!w && m.source->failures != 1)
		w = "it was not counted";
	if (!w)
		w = shake(&m, ACCOUNT "a");
	pki_write_key(m.folder, "tls.key", &other);
	if (!w && update(&m, error) != 1)
		w = fail("the key that came later: %s", error);
	if (!w)
		w = shake(&m, ACCOUNT "b");
	snprintf(path, sizeof(path), "%s/ca.crt", m.folder);
	unlink(path);
	if (!w && (update(&m, error) != -1 || !strstr(error, "ca.crt")))
		w = fail("no bundle any more: %s", error);
	if (!w)
		w = shake(&m, ACCOUNT "b");
out:
	mesh_close(&m);
	return w;
}

/* As kubelet does it: the files are links into a folder behind a link that is replaced. */
static const char *check_links(void)
{
	static const char *const names[] = { "tls.crt", "tls.key", "ca.crt" };
	char first[PKI_PATH], second[PKI_PATH], folder[PKI_PATH], data[PKI_PATH + 16];
	char link[PKI_PATH + 16], target[PKI_PATH], error[1024];
	struct tls_files files = { .folder = folder };
	struct tls_source *s;
	const char *w = NULL;
	size_t i;

	pki_folder(first);
	pki_folder(second);
	pki_folder(folder);
	pki_write(first, &leaf, &authority);
	pki_write(second, &other, &authority);
	snprintf(data, sizeof(data), "%s/..data", folder);
	if (symlink(first, data))
		w = "symlink";
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(link, sizeof(link), "%s/%s", folder, names[i]);
		snprintf(target, sizeof(target), "..data/%s", names[i]);
		if (symlink(target, link))
			w = "symlink";
	}
	s = tls_files_new(&files, error, sizeof(error));
	if (!s)
		w = fail("%s", error);
	snprintf(link, sizeof(link), "%s/..new", folder);
	if (!w && (symlink(second, link) || rename(link, data)))
		w = "rename";
	if (!w && tls_source_update(s, error, sizeof(error)) != 1)
		w = "the change was not seen";
	if (!w && strcmp(tls_material_uri(s->current), ACCOUNT "b"))
		w = "it is still the former";
	tls_source_free(s);
	pki_remove(folder);
	pki_remove(first);
	pki_remove(second);
	return w;
}

/* Another trust domain's peer is let in by a bundle of that one, and only while it is there. */
static const char *check_bundles(void)
{
	struct mesh m = {}, f = {};
	struct tls_config config = { .role = TLS_CLIENT, .check = TLS_PEER_ANY };
	char error[1024], folder[PKI_PATH];
	struct side s[2];
	const char *w = mesh_open(&m, true);

	pki_folder(folder);
	config.source = pki_source(folder, &foreign, &authority);
	f.client = tls_context_new(&config, error, sizeof(error));
	if (!w)
		w = begin(f.client, m.server, s);
	if (!w)
		w = finish(s);
	if (!w && strcmp(s[1].outcome.peer->principal, "other/ns/shop/sa/a"))
		w = "the peer is somebody else";
	end(s);
	if (!w && tls_material_bundle(m.source->current, "third", NULL))
		w = "there is a bundle for a trust domain without one";
	/* An authority of its own trust domain says nothing about another. */
	pki_write_certificate(m.bundles, "other.crt", &authority);
	if (!w && update(&m, error) != 1)
		w = fail("the change was not seen: %s", error);
	if (!w)
		w = begin(f.client, m.server, s);
	if (!w && engine_run(engine, &s[0], &s[1]) && s[1].outcome.failure != TLS_UNTRUSTED)
		w = fail("%s: %s", tls_failure_name(s[1].outcome.failure), s[1].outcome.detail);
	end(s);
	if (!w)
		w = shake(&m, ACCOUNT "a");
	tls_context_put(f.client);
	tls_source_free(config.source);
	pki_remove(folder);
	mesh_close(&m);
	return w;
}

/* Handshakes all the time, and the certificates change all the time: none fails. */
static const char *check_rotation(void)
{
	const struct pki *const pki[] = { &leaf, &other };
	struct mesh m = {};
	const char *w = mesh_open(&m, false);
	struct side s[4][2];
	char error[1024];
	int i, k;

	for (i = 0; i < ROTATIONS && !w; i++) {
		for (k = 0; k < 4 && !w; k++)
			w = begin(m.client, m.server, s[k]);
		for (k = 0; k < i % 5; k++)
			tls_engine_run(engine);
		pki_write(m.folder, pki[i & 1], &authority);
		if (!w && update(&m, error) < 0)
			w = fail("rotation %d: %s", i, error);
		for (k = 0; k < 4 && !w; k++)
			w = finish(s[k]);
		for (k = 0; k < 4; k++)
			end(s[k]);
	}
	if (!w && m.source->changes < ROTATIONS - 1)
		w = fail("%llu changes of %d", m.source->changes, ROTATIONS);
	if (!w && tls_engine_under_way(engine))
		w = "something is left";
	mesh_close(&m);
	return w;
}

int main(void)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	ktap_begin(ARRAY_SIZE(folders) + 5);
	pki_make(&authority, NULL, &(struct pki_spec){ .authority = true });
	pki_make(&other_authority, NULL, &(struct pki_spec){ .authority = true });
	pki_make(&leaf, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "a" });
	pki_make(&other, &authority, &(struct pki_spec){ .names = "URI:" ACCOUNT "b" });
	pki_make(&foreign, &other_authority,
		 &(struct pki_spec){ .names = "URI:spiffe://other/ns/shop/sa/a" });
	engine = tls_engine_new(16);
	for (i = 0; i < ARRAY_SIZE(folders); i++)
		ktap_result("folder", folders[i].name, check_folder(i));
	ktap_result("change", "another certificate", check_replaced());
	ktap_result("change", "files one by one", check_half());
	ktap_result("change", "a link in place of a folder", check_links());
	ktap_result("change", "bundles of trust domains", check_bundles());
	ktap_result("change", "rotation without end", check_rotation());
	tls_engine_free(engine);
	pki_free(&authority);
	pki_free(&other_authority);
	pki_free(&leaf);
	pki_free(&other);
	pki_free(&foreign);
	return ktap_end();
}
