// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking TLS handshakes from the module and giving them back; the terms of a cluster's servers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kernel_handshake.h"

int kernel_tls_encode(struct kernel_tls *tls, const struct kernel_tls_terms *terms, char *error,
		      size_t error_len)
{
	struct nl_msg *msg = nlmsg_alloc_size(2 * L7FP_MAX_TLS);
	int err = msg ? 0 : -NLE_NOMEM;
	struct nlattr *nest = NULL;
	size_t i;

	memset(tls, 0, sizeof(*tls));
	if (!err)
		nest = nla_nest_start(msg, L7FP_A_CLUSTER_TLS);
	if (!nest) {
		nlmsg_free(msg);
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	err = nla_put_u32(msg, L7FP_A_TLS_CHECK, terms->check);
	if (terms->sni)
		err = err ? err : nla_put_string(msg, L7FP_A_TLS_SNI, terms->sni);
	for (i = 0; i < terms->n_sans && !err; i++)
		err = nla_put_string(msg, L7FP_A_TLS_SAN, terms->san[i]);
	for (i = 0; i < terms->n_alpn && !err; i++)
		err = nla_put_string(msg, L7FP_A_TLS_ALPN, terms->alpn[i]);
	nla_nest_end(msg, nest);
	if (err || nla_len(nest) > L7FP_MAX_TLS) {
		snprintf(error, error_len,
			 "the names that servers may have, %zu of them, need more than %d bytes; expected fewer or shorter ones",
			 terms->n_sans, L7FP_MAX_TLS);
		nlmsg_free(msg);
		return -E2BIG;
	}
	kernel_tls_copy(tls, nest);
	nlmsg_free(msg);
	return 0;
}

static bool is_text(struct nlattr *attr)
{
	int len = nla_len(attr);
	const char *s = nla_data(attr);

	return len > 0 && !s[len - 1];
}

int kernel_tls_decode(const struct kernel_tls *tls, struct kernel_tls_terms *terms)
{
	struct nlattr *attr;
	int rem;

	memset(terms, 0, sizeof(*terms));
	nla_for_each_attr(attr, tls->data, tls->len, rem) {
		switch (nla_type(attr)) {
		case L7FP_A_TLS_CHECK:
			if (nla_len(attr) != sizeof(uint32_t))
				return -EBADMSG;
			terms->check = nla_get_u32(attr);
			break;
		case L7FP_A_TLS_SNI:
			if (!is_text(attr))
				return -EBADMSG;
			terms->sni = nla_get_string(attr);
			break;
		case L7FP_A_TLS_SAN:
			if (!is_text(attr) || terms->n_sans == L7FP_MAX_TLS_SANS)
				return -EBADMSG;
			terms->san[terms->n_sans++] = nla_get_string(attr);
			break;
		case L7FP_A_TLS_ALPN:
			if (!is_text(attr) || terms->n_alpn == KERNEL_TLS_ALPN)
				return -EBADMSG;
			terms->alpn[terms->n_alpn++] = nla_get_string(attr);
			break;
		}
	}
	return 0;
}

void kernel_tls_copy(struct kernel_tls *tls, struct nlattr *attr)
{
	tls->len = attr ? (size_t)nla_len(attr) : 0;
	tls->data = NULL;
	if (!attr)
		return;
	tls->data = malloc(tls->len + 1);
	if (!tls->data) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	memcpy(tls->data, nla_data(attr), tls->len);
}

bool kernel_tls_equal(const struct kernel_tls *a, const struct kernel_tls *b)
{
	return !a->data == !b->data && a->len == b->len &&
	       (!a->data || !memcmp(a->data, b->data, a->len));
}

void kernel_tls_free(struct kernel_tls *tls)
{
	free(tls->data);
	memset(tls, 0, sizeof(*tls));
}

static int on_accept(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_HANDSHAKE_MAX + 1];
	struct kernel_handshake *h = context;

	if (!attr[L7FP_A_HANDSHAKE] ||
	    netlink_nest(tb, L7FP_A_HANDSHAKE_MAX, attr[L7FP_A_HANDSHAKE]) ||
	    !tb[L7FP_A_HANDSHAKE_FD])
		return -EBADMSG;
	h->fd = netlink_get_u32(tb[L7FP_A_HANDSHAKE_FD]);
	h->number = netlink_get_u64(tb[L7FP_A_HANDSHAKE_NUMBER]);
	h->client = tb[L7FP_A_HANDSHAKE_CLUSTER];
	h->id = netlink_get_u32(tb[h->client ? L7FP_A_HANDSHAKE_CLUSTER :
				   L7FP_A_HANDSHAKE_LISTENER]);
	h->left_ms = netlink_get_u32(tb[L7FP_A_HANDSHAKE_LEFT_MS]);
	kernel_tls_copy(&h->tls, tb[L7FP_A_HANDSHAKE_TLS]);
	return 0;
}

int kernel_handshake_accept(struct netlink *nl, struct kernel_handshake *out, char *error,
			    size_t error_len)
{
	int err;

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	err = netlink_do(nl, netlink_message(nl, L7FP_CMD_HANDSHAKE_ACCEPT, 64), on_accept, out,
			 "take a handshake", error, error_len);
	if (!err && out->fd < 0)
		err = -EBADMSG;
	if (err)
		kernel_handshake_free(out);
	return err;
}

void kernel_handshake_free(struct kernel_handshake *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	kernel_tls_free(&h->tls);
}

int kernel_handshake_done(struct netlink *nl, uint64_t number,
			  const struct kernel_handshake_result *r, char *error, size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, L7FP_CMD_HANDSHAKE_DONE,
					     2048 + L7FP_MAX_CLIENT_CERT);
	struct nlattr *nest = nla_nest_start(msg, L7FP_A_HANDSHAKE | NLA_F_NESTED);

	nla_put_u64(msg, L7FP_A_HANDSHAKE_NUMBER, number);
	if (r->failure != L7FP_TLS_DONE) {
		nla_put_u32(msg, L7FP_A_HANDSHAKE_FAILURE, r->failure);
	} else {
		nla_put_u32(msg, L7FP_A_HANDSHAKE_VERSION, r->version);
		nla_put_u32(msg, L7FP_A_HANDSHAKE_CIPHER, r->cipher);
		nla_put_u32(msg, L7FP_A_HANDSHAKE_MAX_RECORD, r->max_record);
		if (r->alpn && *r->alpn)
			nla_put(msg, L7FP_A_HANDSHAKE_ALPN, strlen(r->alpn), r->alpn);
		if (r->principal) {
			nla_put(msg, L7FP_A_HANDSHAKE_PRINCIPAL, strlen(r->principal),
				r->principal);
			nla_put(msg, L7FP_A_HANDSHAKE_NAMESPACE, strlen(r->namespace),
				r->namespace);
		}
	}
	if (r->failure == L7FP_TLS_DONE && r->client_cert)
		nla_put(msg, L7FP_A_HANDSHAKE_CLIENT_CERT, strlen(r->client_cert), r->client_cert);
	nla_nest_end(msg, nest);
	return netlink_do(nl, msg, NULL, NULL, "give a handshake back", error, error_len);
}
