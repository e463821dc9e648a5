// SPDX-License-Identifier: GPL-2.0-only
/*
 * Against nghttp2, on random lists of fields: what we encode it decodes exactly, and the reverse,
 * while either side changes the size of the table. What a decoder with a mask lists, with values
 * still coded, is encoded once more, as it is when it is forwarded.
 *
 * L7FP_HPACK_LISTS: how many lists (2,000); L7FP_HPACK_SEED: another sequence.
 */
#include <stdint.h>
#include <sys/types.h>
#include <nghttp2/nghttp2.h>

#include "hpack_test.h"

#define LIMIT 8192
#define FIELDS 40
#define ROOM 65536
#define LISTS 50 /* of one connection */

static u64 seed;

static u32 random_below(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

struct list {
	nghttp2_nv nv[FIELDS];
	u32 n;
};

static const char * const common_names[] = {
	":method", ":path", ":scheme", ":authority", ":status", "accept", "accept-encoding", "cookie",
	"user-agent", "content-type", "content-length", "date", "x-request-id", "grpc-timeout", "te",
	"set-cookie", "authorization", "x-b3-traceid", "x", "via", "www-authenticate", "etag",
};

static const char * const common_values[] = {
	"", "GET", "/", "/index.html", "http", "https", "200", "204", "304", "gzip, deflate",
	"trailers", "application/grpc", "a", "Mozilla/5.0 (X11; Linux x86_64)", "session=0123456789abc",
};

static u8 *random_text(size_t *len, u32 longest, bool name)
{
	u32 kind = random_below(4), n = random_below(random_below(8) ? 24 : longest) + name, i;
	u8 *p = test_alloc(n);

	for (i = 0; i < n; i++) {
		if (name)
			p[i] = "abcdefghijklmnopqrstuvwxyz0123456789-_"[random_below(38)];
		else if (kind == 0)
			p[i] = "0123456789abcdef"[random_below(16)];
		else if (kind == 1)
			p[i] = random_below(256);
		else
			p[i] = ' ' + random_below(95);
	}
	*len = n;
	return p;
}

static u8 *copy_text(const char *s, size_t *len)
{
	u8 *p;

	*len = strlen(s);
	p = test_alloc(*len);
	memcpy(p, s, *len);
	return p;
}

static void make_list(struct list *list)
{
	u32 i;

	list->n = random_below(FIELDS + 1);
	for (i = 0; i < list->n; i++) {
		nghttp2_nv *nv = &list->nv[i];
		u32 kind = random_below(10);

		if (i && kind < 2)
			nv->name = copy_text((char *)"x-repeated", &nv->namelen);
		else if (kind < 8)
			nv->name = copy_text(common_names[random_below(ARRAY_SIZE(common_names))],
					     &nv->namelen);
		else
			nv->name = random_text(&nv->namelen, 80, true);
		if (random_below(2))
			nv->value = copy_text(common_values[random_below(ARRAY_SIZE(common_values))],
					      &nv->valuelen);
		else
			nv->value = random_text(&nv->valuelen, random_below(30) ? 300 : 5000, false);
		nv->flags = random_below(12) ? 0 : NGHTTP2_NV_FLAG_NO_INDEX;
	}
}

static void free_list(struct list *list)
{
	u32 i;

	for (i = 0; i < list->n; i++) {
		test_free(list->nv[i].name);
		test_free(list->nv[i].value);
	}
}

/* Both ways of one connection, and one on which what was decoded with a mask goes on. */
struct connection {
	nghttp2_hd_deflater *deflater; /* to us */
	struct hpack_side all, masked;
	struct l7fp_hpack_encoder encoder, onward; /* to nghttp2 */
	nghttp2_hd_inflater *inflater, *end;
	void *memory, *onward_memory;
};

static struct l7fp_hpack_names names;
static unsigned int n_fields, n_sizes, n_coded, n_never, n_saved, n_plain;

static const char *decode_theirs(struct connection *c, const struct list *list)
{
	static u8 block[1 << 20];
	struct l7fp_hpack_want want = { .names = &names, .keep = true, .check = true };
	const struct l7fp_hpack_list *got = &c->all.list;
	ssize_t len;
	u32 i;

	len = nghttp2_hd_deflate_hd(c->deflater, block, sizeof(block), list->nv, list->n);
	if (len < 0)
		return "nghttp2 does not encode";
	want.slots = random_below(16);
	want.tokens = random_below(2) ? BIT_ULL(L7FP_H_PSEUDO_PATH) | BIT_ULL(L7FP_H_COOKIE) : 0;
	if (hpack_side_decode(&c->all, block, len, NULL) ||
	    hpack_side_decode(&c->masked, block, len, &want))
		return "what nghttp2 encodes does not decode";
	if (got->n != list->n)
		return "nghttp2 to us: another number of fields";
	for (i = 0; i < list->n; i++) {
		const nghttp2_nv *nv = &list->nv[i];
		bool never = got->info[i].flags & L7FP_HPACK_NEVER_INDEXED;

		if (got->headers[i].name_len != nv->namelen ||
		    memcmp(hpack_name(got, i), nv->name, nv->namelen))
			return "nghttp2 to us: another name";
		if (got->headers[i].value_len != nv->valuelen ||
		    memcmp(hpack_value(got, i), nv->value, nv->valuelen))
			return "nghttp2 to us: another value";
		if (nv->flags & NGHTTP2_NV_FLAG_NO_INDEX && !never)
			return "nghttp2 to us: a literal that is never indexed is not known to be";
	}
	return hpack_masked_wrong(got, &c->masked.list, &want);
}

static const char *inflate(nghttp2_hd_inflater *inflater, const u8 *block, u32 len,
			   const struct list *list, const u8 *flags)
{
	u8 *copy = test_alloc(len), *p = copy;
	const char *wrong = NULL;
	int what = 0;
	ssize_t used;
	u32 i = 0;

	memcpy(copy, block, len);
	while (!wrong && !(what & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv nv;

		used = nghttp2_hd_inflate_hd2(inflater, &nv, &what, p, len, 1);
		if (used < 0) {
			wrong = "what we encode nghttp2 does not decode";
			break;
		}
		p += used;
		len -= used;
		if (!(what & NGHTTP2_HD_INFLATE_EMIT))
			continue;
		if (i == list->n)
			wrong = "us to nghttp2: a field too many";
		else if (nv.namelen != list->nv[i].namelen ||
			 memcmp(nv.name, list->nv[i].name, nv.namelen))
			wrong = "us to nghttp2: another name";
		else if (nv.valuelen != list->nv[i].valuelen ||
			 memcmp(nv.value, list->nv[i].value, nv.valuelen))
			wrong = "us to nghttp2: another value";
		else if (!(nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) !=
			 !(flags[i] & L7FP_HPACK_NEVER_INDEXED))
			wrong = "us to nghttp2: never indexed, or not, is not kept";
		i++;
	}
	if (!wrong && i != list->n)
		wrong = "us to nghttp2: a field is missing";
	if (!wrong)
		nghttp2_hd_inflate_end_headers(inflater);
	test_free(copy);
	return wrong;
}

static int encode(struct l7fp_hpack_encoder *e, u8 *out, const struct l7fp_hpack_field *f)
{
	u32 bound = l7fp_hpack_field_bound(f->name_len, f->value_len);
	u8 *exact = test_alloc(bound);
	int n;

	if (l7fp_hpack_encode(e, exact, bound - 1, f) != L7FP_HPACK_ERR_SPACE)
		return -1;
	n = l7fp_hpack_encode(e, exact, bound, f);
	memcpy(out, exact, n > 0 ? n : 0);
	test_free(exact);
	return n;
}

static const char *encode_ours(struct connection *c, const struct list *list)
{
	static u8 block[1 << 20];
	u8 flags[FIELDS];
	u32 i, len;
	int n;

	len = l7fp_hpack_encode_begin(&c->encoder, block, L7FP_HPACK_BEGIN_BOUND);
	for (i = 0; i < list->n; i++) {
		static const u8 ways[] = { 0, L7FP_HPACK_INDEXED, L7FP_HPACK_NOT_INDEXED };
		const nghttp2_nv *nv = &list->nv[i];
		struct l7fp_hpack_field f = {
			.name = nv->name, .name_len = nv->namelen,
			.value = nv->value, .value_len = nv->valuelen,
		};

		f.flags = ways[random_below(random_below(4) ? 1 : 3)];
		if (nv->flags & NGHTTP2_NV_FLAG_NO_INDEX)
			f.flags |= L7FP_HPACK_NEVER_INDEXED;
		flags[i] = f.flags;
		n = encode(&c->encoder, block + len, &f);
		if (n < 0)
			return "a field does not encode";
		len += n;
		n_plain += f.name_len + f.value_len;
	}
	n_saved += len;
	return inflate(c->inflater, block, len, list, flags);
}

/* What was listed with a mask, values coded still, to the next hop. */
static const char *encode_onward(struct connection *c, const struct list *list)
{
	const struct l7fp_hpack_list *got = &c->masked.list;
	static u8 block[1 << 20];
	u8 flags[FIELDS];
	u32 i, len;
	int n;

	len = l7fp_hpack_encode_begin(&c->onward, block, L7FP_HPACK_BEGIN_BOUND);
	for (i = 0; i < got->n; i++) {
		struct l7fp_hpack_field f = {
			.name = hpack_name(got, i), .name_len = got->headers[i].name_len,
			.value = hpack_value(got, i), .value_len = got->headers[i].value_len,
			.flags = got->info[i].flags, .name_index = got->info[i].name_index,
		};

		flags[i] = f.flags;
		n_coded += !!(f.flags & L7FP_HPACK_VALUE_CODED);
		n_never += !!(f.flags & L7FP_HPACK_NEVER_INDEXED);
		n = encode(&c->onward, block + len, &f);
		if (n < 0)
			return "a field does not encode onward";
		len += n;
	}
	return inflate(c->end, block, len, list, flags);
}

static u32 random_size(void)
{
	static const u32 sizes[] = { 0, 1, 31, 32, 33, 64, 100, 500, 1000, 4096, 8192 };

	n_sizes++;
	return random_below(2) ? sizes[random_below(ARRAY_SIZE(sizes))] : random_below(LIMIT + 1);
}

/* SETTINGS_HEADER_TABLE_SIZE, once or twice between two blocks, and acknowledged at once. */
static void change_sizes(struct connection *c)
{
	u32 i, size;

	for (i = random_below(3); i; i--) {
		size = random_size();
		nghttp2_hd_deflate_change_table_size(c->deflater, size);
		l7fp_hpack_decoder_set_max(&c->all.d, size);
		l7fp_hpack_decoder_set_max(&c->masked.d, size);
	}
	for (i = random_below(3); i; i--) {
		size = random_size();
		nghttp2_hd_inflate_change_table_size(c->inflater, size);
		l7fp_hpack_encoder_set_max(&c->encoder, size);
		nghttp2_hd_inflate_change_table_size(c->end, size);
		l7fp_hpack_encoder_set_max(&c->onward, size);
	}
}

static void connect(struct connection *c)
{
	u32 limit = random_below(4) ? LIMIT : random_below(3) * 2048;

	if (nghttp2_hd_deflate_new(&c->deflater, LIMIT) || nghttp2_hd_inflate_new(&c->inflater) ||
	    nghttp2_hd_inflate_new(&c->end))
		abort();
	hpack_side_init(&c->all, LIMIT, ROOM * 4, FIELDS);
	hpack_side_init(&c->masked, LIMIT, ROOM * 4, FIELDS);
	c->memory = test_alloc(l7fp_hpack_memory(limit));
	c->onward_memory = test_alloc(l7fp_hpack_memory(limit));
	l7fp_hpack_encoder_init(&c->encoder, c->memory, limit);
	l7fp_hpack_encoder_init(&c->onward, c->onward_memory, limit);
}

static void disconnect(struct connection *c)
{
	nghttp2_hd_deflate_del(c->deflater);
	nghttp2_hd_inflate_del(c->inflater);
	nghttp2_hd_inflate_del(c->end);
	hpack_side_free(&c->all);
	hpack_side_free(&c->masked);
	test_free(c->memory);
	test_free(c->onward_memory);
}

int main(void)
{
	unsigned int lists = atoi(getenv("L7FP_HPACK_LISTS") ?: "2000"), i = 0, j;
	const char *theirs = NULL, *ours = NULL, *onward = NULL;
	struct connection c;
	struct list list;
	u64 first;

	first = strtoull(getenv("L7FP_HPACK_SEED") ?: "1", NULL, 0);
	l7fp_hpack_names_init(&names);
	for (j = 0; j < 4; j++)
		l7fp_hpack_names_add(&names, j, (const u8 *)common_names[5 + 2 * j],
				     strlen(common_names[5 + 2 * j]));
	ktap_begin(4);
	while (i < lists && !theirs && !ours && !onward) {
		/* One connection is repeated by its seed alone, and L7FP_HPACK_LISTS=50. */
		seed = first++;
		connect(&c);
		for (j = 0; j < LISTS && !theirs && !ours && !onward; i++, j++) {
			if (!random_below(4))
				change_sizes(&c);
			make_list(&list);
			n_fields += list.n;
			theirs = decode_theirs(&c, &list);
			ours = encode_ours(&c, &list);
			if (!theirs)
				onward = encode_onward(&c, &list);
			free_list(&list);
		}
		disconnect(&c);
	}
	if (theirs || ours || onward)
		printf("# list %u of the connection of L7FP_HPACK_SEED=%llu\n", j,
		       (unsigned long long)first - 1);
	printf("# %u lists, %u fields, %u table sizes; %u bytes became %u\n", i, n_fields, n_sizes,
	       n_plain, n_saved);
	printf("# onward: %u values still coded, %u never to be indexed\n", n_coded, n_never);
	ktap_result("nghttp2", "what it encodes we decode", theirs);
	ktap_result("nghttp2", "what we encode it decodes", ours);
	ktap_result("nghttp2", "what we decode with a mask we encode again", onward);
	ktap_result("nghttp2", "what was to happen happened",
		    n_sizes && n_coded && n_never && n_saved < n_plain ? NULL :
		    "no table size, coded value or literal of that kind was among the lists");
	return ktap_end();
}
