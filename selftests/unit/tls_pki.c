// SPDX-License-Identifier: GPL-2.0-only
/* Authorities and certificates for tests. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include "tls_pki.h"

#define HOUR	3600

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! certificates for the test: %s\n", what);
	exit(1);
}

static void add_extension(X509 *x, X509 *by, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, by, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	need(extension && X509_add_ext(x, extension, -1), value);
	X509_EXTENSION_free(extension);
}

void pki_make(struct pki *pki, const struct pki *by, const struct pki_spec *spec)
{
	static long serial;
	char number[32];
	X509_NAME *name;
	X509 *x = X509_new(), *issuer;

	pki->key = spec->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	pki->certificate = x;
	need(x && pki->key, "no memory");
	issuer = by ? by->certificate : x;
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), spec->until ? spec->from : -HOUR);
	X509_gmtime_adj(X509_getm_notAfter(x), spec->until ? spec->until : HOUR);
	snprintf(number, sizeof(number), "test, %ld", serial);
	name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (unsigned char *)"L7FP", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (unsigned char *)number, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, pki->key);
	if (spec->authority) {
		add_extension(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
	} else {
		add_extension(x, issuer, NID_basic_constraints, "critical,CA:FALSE");
		add_extension(x, issuer, NID_key_usage, "critical,digitalSignature");
		add_extension(x, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
	}
	add_extension(x, issuer, NID_subject_key_identifier, "hash");
	if (spec->names)
		add_extension(x, issuer, NID_subject_alt_name, spec->names);
	need(X509_sign(x, by ? by->key : pki->key, EVP_sha256()), "signing failed");
}

void pki_free(struct pki *pki)
{
	X509_free(pki->certificate);
	EVP_PKEY_free(pki->key);
	memset(pki, 0, sizeof(*pki));
}

void pki_folder(char folder[PKI_PATH])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, PKI_PATH, "%s/l7fp-tls-XXXXXX", tmp ? tmp : "/tmp");
	need(mkdtemp(folder), folder);
}

void pki_remove(const char *folder)
{
	char path[2 * PKI_PATH + 256];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static FILE *begin(const char *folder)
{
	char path[PKI_PATH + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/new", folder);
	f = fopen(path, "w");
	need(f, path);
	return f;
}

static void end(const char *folder, const char *name, FILE *f)
{
	char path[PKI_PATH + 16], final[PKI_PATH + 64];

	snprintf(path, sizeof(path), "%s/new", folder);
	snprintf(final, sizeof(final), "%s/%s", folder, name);
	need(!fclose(f) && !rename(path, final), final);
}

void pki_write_text(const char *folder, const char *name, const char *text)
{
	FILE *f = begin(folder);

	fputs(text, f);
	end(folder, name, f);
}

void pki_write_certificate(const char *folder, const char *name, const struct pki *pki)
{
	FILE *f = begin(folder);

	need(PEM_write_X509(f, pki->certificate), name);
	end(folder, name, f);
}

void pki_write_key(const char *folder, const char *name, const struct pki *pki)
{
	FILE *f = begin(folder);

	need(PEM_write_PrivateKey(f, pki->key, NULL, NULL, 0, NULL, NULL), name);
	end(folder, name, f);
}

void pki_write(const char *folder, const struct pki *leaf, const struct pki *authority)
{
	if (leaf) {
		pki_write_certificate(folder, "tls.crt", leaf);
		pki_write_key(folder, "tls.key", leaf);
	}
	if (authority)
		pki_write_certificate(folder, "ca.crt", authority);
}
