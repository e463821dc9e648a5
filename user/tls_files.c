// SPDX-License-Identifier: GPL-2.0-only
/*
 * Certificates from files.
 *
 * cert-manager and kubelet replace a link that a whole folder stands behind, so that the
 * files change together; others replace them one by one. Both are noticed by
 * daemon_watch.c, which looks at names, times and sizes after any event. Files that changed
 * while they were read are read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <openssl/crypto.h>
#include "daemon.h"
#include "tls_source.h"

#define CERTIFICATE	0
#define KEY		1
#define AUTHORITIES	2
#define FIRST_BUNDLE	3
/* Somebody who keeps writing must not keep us reading. */
#define READ_TRIES	3

/**
 * struct files - the source
 * @path: tls.crt, tls.key, ca.crt, then the further bundles
 * @trust_domain: of each further bundle
 */
struct files {
	struct tls_source base;
	struct daemon_watch *watch;
	char *path[FIRST_BUNDLE + TLS_MAX_BUNDLES];
	char *trust_domain[TLS_MAX_BUNDLES];
	size_t n_paths;
};

/* What was read of one file. */
struct text {
	char *data;	/* NULL: there is no such file */
	size_t len;
};

static void forget(struct text *text)
{
	if (text->data)
		OPENSSL_cleanse(text->data, text->len);
	free(text->data);
	text->data = NULL;
	text->len = 0;
}

static int read_open(int fd, const char *path, struct text *text, char *error, size_t size)
{
	ssize_t n;

	/* One byte more than may be there, to see when there is. */
	text->data = malloc(TLS_MAX_PEM + 1);
	if (!text->data) {
		snprintf(error, size, "%s: out of memory", path);
		return -1;
	}
	text->len = 0;
	while (text->len <= TLS_MAX_PEM) {
		n = read(fd, text->data + text->len, TLS_MAX_PEM + 1 - text->len);
		if (!n)
			return 0;
		if (n < 0) {
			snprintf(error, size, "%s: %s", path, strerror(errno));
			return -1;
		}
		text->len += n;
	}
	snprintf(error, size, "%s: it is larger than 1 MiB; expected PEM", path);
	return -1;
}

static int read_file(const char *path, struct text *text, char *error, size_t size)
{
	/* O_NONBLOCK: a FIFO in its place must not stop us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return -1;
	}
	err = read_open(fd, path, text, error, size);
	close(fd);
	return err;
}

static struct tls_pem pem_of(const struct files *f, const struct text *text, size_t i)
{
	return (struct tls_pem){ f->path[i], text[i].data, text[i].len };
}

static struct tls_material *make(const struct files *f, const struct text *text, char *error,
				 size_t size)
{
	struct tls_bundle_pem bundle[1 + TLS_MAX_BUNDLES];
	struct tls_material_pem pem = {
		.certificate = pem_of(f, text, CERTIFICATE),
		.key = pem_of(f, text, KEY),
		.bundle = bundle,
	};
	size_t i;

	if (text[AUTHORITIES].data)
		bundle[pem.n_bundles++] =
			(struct tls_bundle_pem){ NULL, pem_of(f, text, AUTHORITIES) };
	for (i = FIRST_BUNDLE; i < f->n_paths; i++) {
		if (!text[i].data) {
			snprintf(error, size, "%s: %s", f->path[i], strerror(ENOENT));
			return NULL;
		}
		bundle[pem.n_bundles++] = (struct tls_bundle_pem){
			f->trust_domain[i - FIRST_BUNDLE], pem_of(f, text, i)
		};
	}
	if (!pem.certificate.data && !pem.key.data && !pem.n_bundles) {
		snprintf(error, size, "%s, %s, %s: none of them exists", f->path[CERTIFICATE],
			 f->path[KEY], f->path[AUTHORITIES]);
		return NULL;
	}
	return tls_material_new(&pem, error, size);
}

static struct tls_material *load(const struct files *f, char *error, size_t size)
{
	struct text text[FIRST_BUNDLE + TLS_MAX_BUNDLES] = {};
	struct tls_material *m = NULL;
	bool read = true;
	size_t i;

	for (i = 0; i < f->n_paths && read; i++)
		read = !read_file(f->path[i], &text[i], error, size);
	if (read)
		m = make(f, text, error, size);
	for (i = 0; i < f->n_paths; i++)
		forget(&text[i]);
	return m;
}

/* Files that go are a mistake, or a moment in which they are replaced. */
static bool lost(const struct files *f, const struct tls_material *m, char *error, size_t size)
{
	if (!f->base.current)
		return false;
	if (tls_material_certificate(f->base.current) && !tls_material_certificate(m)) {
		snprintf(error, size, "%s: it is gone", f->path[CERTIFICATE]);
		return true;
	}
	if (tls_material_bundle(f->base.current, NULL, NULL) &&
	    !tls_material_bundle(m, NULL, NULL)) {
		snprintf(error, size, "%s: it is gone", f->path[AUTHORITIES]);
		return true;
	}
	return false;
}

static int reload(struct files *f, char *error, size_t size)
{
	struct tls_material *m;
	int tries = READ_TRIES;

	do {
		m = load(f, error, size);
		/* Watched again before it is used: links may lead elsewhere now. */
		if (!daemon_watch_refresh(f->watch))
			break;
		if (--tries) {
			tls_material_put(m);
			m = NULL;
		}
	} while (tries);
	if (m && lost(f, m, error, size)) {
		tls_material_put(m);
		m = NULL;
	}
	if (!m)
		return -1;
	tls_source_replace(&f->base, m);
	return 1;
}

static int files_fd(const struct tls_source *source)
{
	return daemon_watch_fd(((const struct files *)source)->watch);
}

static int files_timeout(const struct tls_source *source)
{
	(void)source;
	return -1;
}

static int files_update(struct tls_source *source, char *error, size_t size)
{
	struct files *f = (struct files *)source;

	return daemon_watch_read(f->watch) ? reload(f, error, size) : 0;
}

static void files_free(struct tls_source *source)
{
	struct files *f = (struct files *)source;
	size_t i;

	daemon_watch_free(f->watch);
	for (i = 0; i < f->n_paths; i++)
		free(f->path[i]);
	for (i = 0; i < TLS_MAX_BUNDLES; i++)
		free(f->trust_domain[i]);
	free(f);
}

static const struct tls_source_ops ops = {
	.fd = files_fd,
	.timeout = files_timeout,
	.update = files_update,
	.free = files_free,
};

static int add_path(struct files *f, const char *folder, const char *name)
{
	int len = folder ? asprintf(&f->path[f->n_paths], "%s/%s", folder, name) :
			   asprintf(&f->path[f->n_paths], "%s", name);

	if (len < 0) {
		f->path[f->n_paths] = NULL;
		return -1;
	}
	f->n_paths++;
	return 0;
}

static int set_paths(struct files *f, const struct tls_files *files)
{
	size_t i;

	if (add_path(f, files->folder, "tls.crt") || add_path(f, files->folder, "tls.key") ||
	    add_path(f, files->folder, "ca.crt"))
		return -1;
	for (i = 0; i < files->n_bundles; i++) {
		f->trust_domain[i] = strdup(files->bundle[i].trust_domain);
		if (!f->trust_domain[i] || add_path(f, NULL, files->bundle[i].path))
			return -1;
	}
	return 0;
}

struct tls_source *tls_files_new(const struct tls_files *files, char *error, size_t size)
{
	struct files *f;

	if (files->n_bundles >= TLS_MAX_BUNDLES) {
		snprintf(error, size, "%zu bundles: expected fewer than %d", files->n_bundles,
			 TLS_MAX_BUNDLES);
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (!f || set_paths(f, files)) {
		snprintf(error, size, "%s: out of memory", files->folder);
		if (f)
			files_free(&f->base);
		return NULL;
	}
	f->base.ops = &ops;
	f->watch = daemon_watch_new(f->path, f->n_paths);
	if (!f->watch) {
		snprintf(error, size, "%s: cannot be watched", files->folder);
		files_free(&f->base);
		return NULL;
	}
	if (reload(f, error, size) < 0) {
		files_free(&f->base);
		return NULL;
	}
	return &f->base;
}
