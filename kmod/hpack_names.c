// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The names of fields that somebody asks for. Each is found by its Huffman-coded form as well,
 * which is but one: a name need not be decoded to know that nobody asks for it.
 */
#include "h1_private.h"
#include "hpack_private.h"
#include "huffman.h"

/* Of a name of L7FP_MAX_NAME bytes that has only tchars; their codes have 15 bits at most. */
#define MAX_CODED (L7FP_MAX_NAME * 2)

/* Every name with a token. */
static const char * const known[] = {
	":authority", ":method", ":path", ":scheme", ":status", ":protocol", "host", "connection",
	"content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive",
	"proxy-connection", "proxy-authenticate", "proxy-authorization", "expect", "date", "server",
	"via", "location", "cookie", "user-agent", "authorization", "content-type", "x-request-id",
	"x-forwarded-proto", "x-forwarded-for", "x-forwarded-host", "x-envoy-attempt-count",
	"x-envoy-original-path", "x-forwarded-client-cert", "x-l7fp-reason", "http2-settings", NULL
};

/* The name's number, from 1, or 0. */
u32 l7fp_hpack_names_find(const struct l7fp_hpack_names *names, const u8 *name, u32 len, u32 hash,
			  bool coded)
{
	u32 k = names->bucket[hash % L7FP_HPACK_BUCKETS], i;

	for (; k; k = names->name[i].next[(k - 1) & 1]) {
		i = (k - 1) / 2;
		if (((k - 1) & 1) != coded || names->name[i].hash[coded] != hash)
			continue;
		if (coded ? l7fp_huffman_same(name, len, names->name[i].name, names->name[i].len) :
			    len == names->name[i].len && !memcmp(name, names->name[i].name, len))
			return i + 1;
	}
	return 0;
}

static void link_form(struct l7fp_hpack_names *names, u32 i, bool coded, u32 hash)
{
	u16 *bucket = &names->bucket[hash % L7FP_HPACK_BUCKETS];

	names->name[i].hash[coded] = hash;
	names->name[i].next[coded] = *bucket;
	*bucket = 2 * i + coded + 1;
}

/* The number, from 0, of a name that is new or not; -1: no room. */
static int add_name(struct l7fp_hpack_names *names, const u8 *name, u32 len)
{
	u32 hash = l7fp_hpack_hash(name, len), i, s;
	u8 coded[MAX_CODED];

	i = l7fp_hpack_names_find(names, name, len, hash, false);
	if (i)
		return i - 1;
	if (names->n == L7FP_HPACK_MAX_NAMES || len > L7FP_MAX_NAME ||
	    l7fp_huffman_length(name, len) > sizeof(coded))
		return -1;
	i = names->n++;
	names->name[i].name = name;
	names->name[i].len = len;
	names->name[i].slot = L7FP_HPACK_NO_SLOT;
	names->name[i].token = l7fp_hpack_token(name, len);
	link_form(names, i, false, hash);
	hash = l7fp_hpack_hash(coded, l7fp_huffman_encode(coded, name, len) - coded);
	link_form(names, i, true, hash);
	/* Entries with the same name follow each other. */
	for (s = l7fp_hpack_static_find(name, len, names->name[i].hash[0]);
	     s && s <= L7FP_HPACK_STATIC && l7fp_hpack_statics[s].name_len == len &&
	     !memcmp(l7fp_hpack_static_text + l7fp_hpack_statics[s].off, name, len); s++)
		names->of_static[s] = i + 1;
	return i;
}

void l7fp_hpack_names_init(struct l7fp_hpack_names *names)
{
	const char * const *name;

	memset(names, 0, sizeof(*names));
	for (name = known; *name; name++)
		add_name(names, (const u8 *)*name, strlen(*name));
}

bool l7fp_hpack_names_add(struct l7fp_hpack_names *names, u32 slot, const u8 *name, u32 len)
{
	int i;

	if (slot >= L7FP_MAX_SLOTS)
		return false;
	i = add_name(names, name, len);
	if (i < 0 || names->name[i].slot != L7FP_HPACK_NO_SLOT)
		return false;
	names->name[i].slot = slot;
	return true;
}
