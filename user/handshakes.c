// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop of the process that shakes hands.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "handshakes.h"
#include "kernel_handshake.h"
#include "tls_engine.h"
#include "tls_source.h"

/* Where an event was lost handshakes are looked for anyway, so often. */
#define LOOK_MS		1000
/* Contexts of clusters that are kept: as many terms as are in use at a time. */
#define MAX_CONTEXTS	1024
/* Failures are reported; not more than so many a second. */
#define REPORTS		10

_Static_assert(TLS_SYSTEM == (int)L7FP_TLS_SYSTEM, "one list of failures");
_Static_assert(TLS_CHACHA20_POLY1305 == (int)L7FP_TLS_CHACHA20_POLY1305, "one list of ciphers");

/* Terms of servers, and what OpenSSL needs for them. */
struct client {
	struct kernel_tls tls;
	struct tls_context *context;
	unsigned long used;
};

struct handshakes {
	struct netlink *nl, *events;
	struct tls_source *source;
	struct tls_trust_domains *domains;
	struct tls_engine *engine;
	struct tls_context *server;
	struct client *client[MAX_CONTEXTS];
	size_t n_clients;
	unsigned long uses;
	time_t reported;
	int reports;
};

/* One that is under way. */
struct shake {
	struct handshakes *h;
	uint64_t number;
	bool client;
	uint32_t id;
};

__attribute__((format(printf, 2, 3)))
static void report(struct handshakes *h, const char *format, ...)
{
	time_t now = time(NULL);
	va_list args;

	if (now != h->reported) {
		h->reported = now;
		h->reports = 0;
	}
	if (h->reports++ >= REPORTS)
		return;
	va_start(args, format);
	fputs("l7fpd: ", stderr);
	vfprintf(stderr, format, args);
	fputs(h->reports == REPORTS ? " (further ones of this second are not told)\n" : "\n",
	      stderr);
	va_end(args);
}

static void give_back(struct handshakes *h, uint64_t number,
		      const struct kernel_handshake_result *result)
{
	char error[ERROR_LEN];
	int err = kernel_handshake_done(h->nl, number, result, error, sizeof(error));

	/* The peer, or a deadline, was faster. */
	if (err && err != -ENOENT)
		report(h, "%s", error);
}

static void fail(struct handshakes *h, uint64_t number, uint32_t failure)
{
	const struct kernel_handshake_result result = { .failure = failure };

	give_back(h, number, &result);
}

static void on_done(void *owner, int fd, struct tls_outcome *outcome)
{
	struct kernel_handshake_result result = {
		.failure = outcome->failure, .version = outcome->version,
		.cipher = outcome->cipher, .max_record = (uint32_t)outcome->max_record,
		.alpn = outcome->alpn,
	};
	char client_cert[L7FP_MAX_CLIENT_CERT + 1];
	struct shake *s = owner;
	int err = 0;

	if (fd >= 0) {
		err = tls_keys_install(fd, outcome->keys);
		/* The module wants the socket for itself. */
		close(fd);
	}
	if (err) {
		report(s->h, "%s %u: the kernel does not take the keys: %s%s",
		       s->client ? "cluster" : "listener", s->id, strerror(-err),
		       err == -ENOENT ? "; load the module tls" : "");
		/* The peer may have closed already. */
		result.failure = err == -ENOTCONN ? L7FP_TLS_CLOSED : L7FP_TLS_SYSTEM;
	} else if (outcome->failure) {
		report(s->h, "%s %u: TLS handshake: %s: %s", s->client ? "cluster" : "listener",
		       s->id, tls_failure_name(outcome->failure), outcome->detail);
	}
	if (outcome->peer && outcome->peer->has_identity) {
		result.principal = outcome->peer->principal;
		result.namespace = outcome->peer->identity.namespace;
	}
	if (outcome->peer && !s->client &&
	    !tls_peer_client_cert(outcome->peer, client_cert, sizeof(client_cert)))
		result.client_cert = client_cert;
	give_back(s->h, s->number, &result);
	free(s);
}

/*
 * What a client calls istio-... it says by other names as well. One that speaks both versions
 * speaks HTTP/1.1: nothing is converted, and that is what an application more likely knows.
 */
static struct tls_context *server_context(const struct handshakes *h, char *error, size_t size)
{
	static const char * const alpn[] = { "http/1.1", "h2" };
	const struct tls_config config = {
		.role = TLS_SERVER, .alpn = alpn, .n_alpn = 2,
		.client_certificate = TLS_CERTIFICATE_REQUIRED, .check = TLS_PEER_SPIFFE,
		.source = h->source, .domains = h->domains,
	};

	return tls_context_new(&config, error, size);
}

static struct tls_context *client_context(const struct handshakes *h, const struct kernel_tls *tls,
					  char *error, size_t size)
{
	static const enum tls_peer_check check[] = {
		[L7FP_TLS_CHECK_SPIFFE] = TLS_PEER_SPIFFE,
		[L7FP_TLS_CHECK_NAMES] = TLS_PEER_NAMES,
		[L7FP_TLS_CHECK_NONE] = TLS_PEER_ANY,
	};
	struct tls_config config = {
		.role = TLS_CLIENT, .source = h->source, .domains = h->domains,
	};
	struct kernel_tls_terms *terms = malloc(sizeof(*terms));
	struct tls_context *context = NULL;

	if (!terms || kernel_tls_decode(tls, terms) || terms->check >= __L7FP_TLS_CHECK_MAX) {
		snprintf(error, size, "the terms of the cluster's servers cannot be read");
		free(terms);
		return NULL;
	}
	config.check = check[terms->check];
	config.sni = terms->sni;
	config.host = terms->check == L7FP_TLS_CHECK_NAMES ? terms->sni : NULL;
	config.expected = terms->san;
	config.n_expected = terms->n_sans;
	config.alpn = terms->alpn;
	config.n_alpn = terms->n_alpn;
	context = tls_context_new(&config, error, size);
	free(terms);
	return context;
}

static void free_client(struct client *c)
{
	tls_context_put(c->context);
	kernel_tls_free(&c->tls);
	free(c);
}

/* Makes room: what was not used for the longest time goes. */
static size_t evict(struct handshakes *h)
{
	size_t i, oldest = 0;

	if (h->n_clients < MAX_CONTEXTS)
		return h->n_clients++;
	for (i = 1; i < h->n_clients; i++)
		if (h->client[i]->used < h->client[oldest]->used)
			oldest = i;
	free_client(h->client[oldest]);
	return oldest;
}

/* Takes over @tls. */
static struct tls_context *find_context(struct handshakes *h, struct kernel_tls *tls, char *error,
					size_t size)
{
	struct tls_context *context;
	struct client *c;
	size_t i;

	for (i = 0; i < h->n_clients; i++) {
		c = h->client[i];
		if (!kernel_tls_equal(&c->tls, tls))
			continue;
		c->used = ++h->uses;
		kernel_tls_free(tls);
		return c->context;
	}
	context = client_context(h, tls, error, size);
	c = context ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		tls_context_put(context);
		kernel_tls_free(tls);
		return NULL;
	}
	c->tls = *tls;
	c->context = context;
	c->used = ++h->uses;
	memset(tls, 0, sizeof(*tls));
	h->client[evict(h)] = c;
	return context;
}

static void begin(struct handshakes *h, struct kernel_handshake *k)
{
	struct tls_context *context = h->server;
	struct shake *s = calloc(1, sizeof(*s));
	uint32_t failure = L7FP_TLS_SYSTEM;
	char error[ERROR_LEN] = "";

	if (k->client)
		context = find_context(h, &k->tls, error, sizeof(error));
	if (!context)
		report(h, "cluster %u: %s", k->id, error);
	if (s && context) {
		*s = (struct shake){ .h = h, .number = k->number, .client = k->client, .id = k->id };
		if (tls_engine_start(h->engine, context, k->fd, k->left_ms, on_done, s)) {
			k->fd = -1;
			return;
		}
		if (errno == ENOKEY)
			failure = L7FP_TLS_OWN_CERTIFICATE;
		report(h, "%s %u: TLS handshake: %s", k->client ? "cluster" : "listener", k->id,
		       errno == ENOKEY ? "no certificate to show" : strerror(errno));
	}
	free(s);
	/* All descriptors are closed when it goes back. */
	close(k->fd);
	k->fd = -1;
	fail(h, k->number, failure);
}

/* Takes what there is. */
static void take_all(struct handshakes *h)
{
	struct kernel_handshake k;
	char error[ERROR_LEN];
	int err;

	while (tls_engine_under_way(h->engine) < TLS_ENGINE_MAX) {
		err = kernel_handshake_accept(h->nl, &k, error, sizeof(error));
		if (err) {
			if (err != -EAGAIN)
				report(h, "%s", error);
			return;
		}
		begin(h, &k);
		kernel_handshake_free(&k);
	}
}

static void on_event(enum l7fp_cmd cmd, struct nlattr **attr, void *context)
{
	(void)cmd;
	(void)attr;
	(void)context;
}

static void read_source(struct handshakes *h)
{
	char error[ERROR_LEN];
	int changed = tls_source_update(h->source, error, sizeof(error));

	if (changed < 0)
		fprintf(stderr, "l7fpd: certificates: %s; those before stay in force\n", error);
	else if (changed > 0)
		fputs("l7fpd: certificates: new ones are in force\n", stderr);
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int loop(struct handshakes *h, int stop_fd)
{
	struct pollfd fds[4] = {
		{ .fd = netlink_fd(h->events), .events = POLLIN },
		{ .fd = tls_engine_fd(h->engine), .events = POLLIN },
		{ .fd = tls_source_fd(h->source), .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};
	char error[ERROR_LEN];
	int timeout;

	for (;;) {
		timeout = sooner(tls_engine_timeout(h->engine), LOOK_MS);
		timeout = sooner(tls_source_timeout(h->source), timeout);
		if (poll(fds, 4, timeout) < 0 && errno != EINTR) {
			fprintf(stderr, "l7fpd: poll: %s\n", strerror(errno));
			return -1;
		}
		if (fds[3].revents)
			return 0;
		if (fds[0].revents && netlink_events(h->events, on_event, NULL, error,
						     sizeof(error))) {
			fprintf(stderr, "l7fpd: %s\n", error);
			return -1;
		}
		if (fds[2].revents || !tls_source_timeout(h->source))
			read_source(h);
		take_all(h);
		tls_engine_run(h->engine);
	}
}

static int set_up(struct handshakes *h, const struct handshakes_options *options)
{
	const struct tls_files files = { .folder = options->folder };
	char error[ERROR_LEN] = "";
	struct tls_material *material;
	struct tls_identity id;
	const char *uri, *wrong;

	/* Where it cannot be had the process goes on: that is a hardening, not a condition. */
	if (tls_protect_process())
		fputs("l7fpd: keys cannot be kept out of swap; raise the limit of locked memory\n",
		      stderr);
	h->source = tls_files_new(&files, error, sizeof(error));
	if (!h->source) {
		fprintf(stderr, "l7fpd: --certificates: %s\n", error);
		return -1;
	}
	material = tls_source_material(h->source);
	uri = tls_material_uri(material);
	wrong = tls_identity_parse(uri, strlen(uri), &id);
	tls_material_put(material);
	if (wrong) {
		fprintf(stderr,
			"l7fpd: --certificates: %s/tls.crt: '%s' %s; expected one URI, spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT\n",
			options->folder, uri, wrong);
		return -1;
	}
	h->domains = tls_trust_domains_new(id.trust_domain, options->alias, options->n_aliases,
					   error, sizeof(error));
	if (h->domains)
		h->server = server_context(h, error, sizeof(error));
	if (!h->server) {
		fprintf(stderr, "l7fpd: --certificates: %s\n", error);
		return -1;
	}
	if (netlink_open(&h->nl, error, sizeof(error)) ||
	    netlink_open(&h->events, error, sizeof(error)) ||
	    netlink_listen(h->events, error, sizeof(error))) {
		fprintf(stderr, "l7fpd: %s\n", error);
		return -1;
	}
	h->engine = tls_engine_new(TLS_ENGINE_MAX);
	if (!h->engine) {
		fprintf(stderr, "l7fpd: handshakes: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

int handshakes_run(const struct handshakes_options *options, int stop_fd)
{
	struct handshakes *h = calloc(1, sizeof(*h));
	size_t i;
	int err;

	if (!h) {
		fputs("l7fpd: out of memory\n", stderr);
		return -1;
	}
	err = set_up(h, options);
	if (!err) {
		fputs("l7fpd: ready for handshakes\n", stderr);
		err = loop(h, stop_fd);
	}
	if (h->engine)
		tls_engine_free(h->engine);
	for (i = 0; i < h->n_clients; i++)
		free_client(h->client[i]);
	tls_context_put(h->server);
	tls_trust_domains_free(h->domains);
	tls_source_free(h->source);
	netlink_close(h->events);
	netlink_close(h->nl);
	free(h);
	return err;
}
