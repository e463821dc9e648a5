// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HPACK codec and nghttp2's on the same blocks, in one process: usage: hpack [ROUNDS]
 *
 * Blocks are those of the stories of ../shared/corpora/hpack, each story a connection with tables
 * of its own, made anew outside of what is measured. The two take turns round by round, the best
 * round of each counts: other programs on the machine only add. Time is of the thread's processor.
 * Prints JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <nghttp2/nghttp2.h>

#include "../../selftests/unit/hpack_stories.h"
#include "hpack.h"
#include "huffman.h"

#define ROOM 65536
#define FIELDS 1024
#define LIMIT 16384 /* the largest table of the stories */

static struct stories stories;
static struct l7fp_hpack_names names;
static u8 out[1 << 16];

/* What keeps a loop from being optimised away, and shows that both did the same. */
struct work {
	u64 fields;
	u64 bytes;
};

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- decoding */

static nghttp2_hd_inflater **inflaters;
static struct l7fp_hpack_decoder *decoders;
static u8 **memories;
static struct l7fp_hpack_list list;

static u64 nghttp2_decode(struct work *w)
{
	u64 begin, end;
	u32 i, j;

	for (i = 0; i < stories.n; i++)
		if (nghttp2_hd_inflate_new(&inflaters[i]))
			abort();
	begin = now();
	for (i = 0; i < stories.n; i++) {
		for (j = 0; j < stories.story[i].n_blocks; j++) {
			const struct story_block *block = &stories.story[i].blocks[j];
			const u8 *p = block->wire;
			size_t len = block->len;
			nghttp2_nv nv;
			ssize_t used;
			int what;

			if (block->table_size >= 0)
				nghttp2_hd_inflate_change_table_size(inflaters[i],
								     block->table_size);
			do {
				what = 0;
				used = nghttp2_hd_inflate_hd2(inflaters[i], &nv, &what, p, len, 1);
				if (used < 0)
					abort();
				p += used;
				len -= used;
				if (what & NGHTTP2_HD_INFLATE_EMIT) {
					w->fields++;
					w->bytes += nv.namelen + nv.valuelen;
				}
			} while (!(what & NGHTTP2_HD_INFLATE_FINAL));
			nghttp2_hd_inflate_end_headers(inflaters[i]);
		}
	}
	end = now();
	for (i = 0; i < stories.n; i++)
		nghttp2_hd_inflate_del(inflaters[i]);
	return end - begin;
}

static u64 ours_decode(struct work *w, const struct l7fp_hpack_want *want)
{
	u64 begin, end;
	u32 i, j, k;

	for (i = 0; i < stories.n; i++)
		l7fp_hpack_decoder_init(&decoders[i], memories[i], LIMIT);
	begin = now();
	for (i = 0; i < stories.n; i++) {
		for (j = 0; j < stories.story[i].n_blocks; j++) {
			const struct story_block *block = &stories.story[i].blocks[j];

			if (block->table_size >= 0)
				l7fp_hpack_decoder_set_max(&decoders[i], block->table_size);
			if (l7fp_hpack_decode_block(&decoders[i], block->wire, block->len, want, &list))
				abort();
			/* Touched as nghttp2's are. */
			for (k = 0; k < list.n; k++)
				w->bytes += list.headers[k].name_len + list.headers[k].value_len;
			w->fields += list.n;
		}
	}
	end = now();
	return end - begin;
}

static u64 decode_all(struct work *w)
{
	return ours_decode(w, NULL);
}

static struct l7fp_hpack_want three = { .names = &names };

static u64 decode_three(struct work *w)
{
	three.check = false;
	return ours_decode(w, &three);
}

static u64 decode_three_checked(struct work *w)
{
	three.check = true;
	return ours_decode(w, &three);
}

/* ---- encoding */

static nghttp2_hd_deflater **deflaters;
static struct l7fp_hpack_encoder *encoders;
static nghttp2_nv ***nvs;

static u64 nghttp2_encode(struct work *w)
{
	u64 begin, end;
	u32 i, j;

	for (i = 0; i < stories.n; i++)
		if (nghttp2_hd_deflate_new(&deflaters[i], L7FP_HPACK_TABLE))
			abort();
	begin = now();
	for (i = 0; i < stories.n; i++) {
		for (j = 0; j < stories.story[i].n_blocks; j++) {
			const struct story_block *block = &stories.story[i].blocks[j];
			ssize_t n = nghttp2_hd_deflate_hd(deflaters[i], out, sizeof(out),
							  nvs[i][j], block->n_fields);

			if (n < 0)
				abort();
			w->fields += block->n_fields;
			w->bytes += n;
		}
	}
	end = now();
	for (i = 0; i < stories.n; i++)
		nghttp2_hd_deflate_del(deflaters[i]);
	return end - begin;
}

static u64 ours_encode(struct work *w)
{
	u64 begin, end;
	u32 i, j, k;

	for (i = 0; i < stories.n; i++)
		l7fp_hpack_encoder_init(&encoders[i], memories[i], L7FP_HPACK_TABLE);
	begin = now();
	for (i = 0; i < stories.n; i++) {
		for (j = 0; j < stories.story[i].n_blocks; j++) {
			const struct story_block *block = &stories.story[i].blocks[j];
			u32 len = l7fp_hpack_encode_begin(&encoders[i], out, sizeof(out));

			for (k = 0; k < block->n_fields; k++) {
				const struct story_field *field = &block->fields[k];
				struct l7fp_hpack_field f = {
					.name = field->name, .name_len = field->name_len,
					.value = field->value, .value_len = field->value_len,
				};
				int n = l7fp_hpack_encode(&encoders[i], out + len,
							  sizeof(out) - len, &f);

				if (n < 0)
					abort();
				len += n;
			}
			w->fields += block->n_fields;
			w->bytes += len;
		}
	}
	end = now();
	return end - begin;
}

/* ---- */

static void prepare(void)
{
	static const char * const asked[] = { ":path", ":authority", "user-agent" };
	u32 i, j, k;

	inflaters = calloc(stories.n, sizeof(*inflaters));
	deflaters = calloc(stories.n, sizeof(*deflaters));
	decoders = calloc(stories.n, sizeof(*decoders));
	encoders = calloc(stories.n, sizeof(*encoders));
	memories = calloc(stories.n, sizeof(*memories));
	nvs = calloc(stories.n, sizeof(*nvs));
	list.headers = calloc(FIELDS, sizeof(*list.headers));
	list.info = calloc(FIELDS, sizeof(*list.info));
	list.buf = calloc(1, ROOM);
	list.size = ROOM;
	list.max_headers = FIELDS;
	l7fp_hpack_names_init(&names);
	for (i = 0; i < 3; i++) {
		if (!l7fp_hpack_names_add(&names, i, (const u8 *)asked[i], strlen(asked[i])))
			abort();
		three.slots |= BIT_ULL(i);
	}
	for (i = 0; i < stories.n; i++) {
		memories[i] = calloc(1, l7fp_hpack_memory(LIMIT));
		nvs[i] = calloc(stories.story[i].n_blocks, sizeof(*nvs[i]));
		for (j = 0; j < stories.story[i].n_blocks; j++) {
			const struct story_block *block = &stories.story[i].blocks[j];

			nvs[i][j] = calloc(block->n_fields + 1, sizeof(*nvs[i][j]));
			for (k = 0; k < block->n_fields; k++) {
				const struct story_field *f = &block->fields[k];

				nvs[i][j][k] = (nghttp2_nv){ f->name, f->value, f->name_len,
							     f->value_len, 0 };
			}
		}
	}
}

struct bench {
	const char *name;
	u64 (*run)(struct work *w);
	u64 best;
	struct work work;
};

static double rate(const struct bench *b, u64 fields)
{
	return fields * 1e9 / b->best;
}

int main(int argc, char **argv)
{
	struct bench benches[] = {
		{ .name = "nghttp2 decodes all", .run = nghttp2_decode },
		{ .name = "l7fp decodes all", .run = decode_all },
		{ .name = "l7fp decodes three, looks through the others",
		  .run = decode_three_checked },
		{ .name = "l7fp decodes three", .run = decode_three },
		{ .name = "nghttp2 encodes", .run = nghttp2_encode },
		{ .name = "l7fp encodes", .run = ours_encode },
	};
	u32 n = sizeof(benches) / sizeof(benches[0]), i, rounds = argc > 1 ? atoi(argv[1]) : 300, r;
	u64 fields;

	if (stories_load(&stories)) {
		fprintf(stderr, "bench-hpack: no stories in %s: L7FP_CORPORA says where the corpora are\n",
			stories_folder());
		return 1;
	}
	prepare();
	for (r = 0; r < rounds; r++) {
		for (i = 0; i < n; i++) {
			struct work w = {};
			u64 ns = benches[i].run(&w);

			if (!r || ns < benches[i].best)
				benches[i].best = ns;
			benches[i].work = w;
		}
	}
	fields = benches[0].work.fields;
	if (fields != benches[1].work.fields || benches[0].work.bytes != benches[1].work.bytes ||
	    fields != benches[5].work.fields) {
		fprintf(stderr, "bench-hpack: the two did not do the same\n");
		return 1;
	}
	printf("{\n  \"corpora\": {\"stories\": %u, \"fields\": %llu, \"bytes_decoded\": %llu},\n",
	       stories.n, (unsigned long long)fields, (unsigned long long)benches[0].work.bytes);
	printf("  \"nghttp2\": \"%s\",\n  \"compiler\": \"%s\",\n  \"flags\": \"%s\",\n  \"rounds\": %u,\n",
	       nghttp2_version(0)->version_str, __VERSION__, BENCH_FLAGS, rounds);
	printf("  \"runs\": [\n");
	for (i = 0; i < n; i++)
		printf("    {\"name\": \"%s\", \"ns\": %llu, \"ns_per_field\": %.1f, \"fields_per_second\": %.0f, \"fields\": %llu, \"bytes\": %llu}%s\n",
		       benches[i].name, (unsigned long long)benches[i].best,
		       (double)benches[i].best / fields, rate(&benches[i], fields),
		       (unsigned long long)benches[i].work.fields,
		       (unsigned long long)benches[i].work.bytes, i + 1 < n ? "," : "");
	printf("  ],\n  \"decode_ratio\": %.2f,\n  \"encode_ratio\": %.2f,\n",
	       rate(&benches[1], fields) / rate(&benches[0], fields),
	       rate(&benches[5], fields) / rate(&benches[4], fields));
	printf("  \"three_of_all_avoid\": {\"bytes_not_decoded_or_copied\": %.3f, \"time\": %.3f, \"time_when_looked_through\": %.3f}\n}\n",
	       1 - (double)benches[3].work.bytes / benches[1].work.bytes,
	       1 - (double)benches[3].best / benches[1].best,
	       1 - (double)benches[2].best / benches[1].best);
	return 0;
}
