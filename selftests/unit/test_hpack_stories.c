// SPDX-License-Identifier: GPL-2.0-only
/*
 * Header blocks of other encoders: the stories of ../shared/corpora/hpack (or below L7FP_CORPORA),
 * each a connection. Every block decodes to what the story says, and masks change nothing but
 * what they leave out; cut short anywhere it gives the fields that were complete, or none.
 */
#include "hpack_stories.h"
#include "hpack_test.h"

#define ROOM 65536
#define FIELDS 1024

static struct l7fp_hpack_names names;
static u64 seed = 1;
static unsigned int n_blocks, n_fields, n_cuts;

static u32 random_below(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

static const char *compare(const struct l7fp_hpack_list *list, const struct story_block *block)
{
	u32 i;

	if (list->n != block->n_fields)
		return "another number of fields";
	for (i = 0; i < list->n; i++) {
		const struct story_field *field = &block->fields[i];

		if (list->headers[i].name_len != field->name_len ||
		    memcmp(hpack_name(list, i), field->name, field->name_len))
			return "another name";
		if (list->headers[i].value_len != field->value_len ||
		    memcmp(hpack_value(list, i), field->value, field->value_len))
			return "another value";
		n_fields++;
	}
	return list->bad ? "a field is said to be bad" : NULL;
}

/* The decoder before a block, as often as it is needed: the table's memory is copied. */
static void copy_side(struct hpack_side *to, const struct hpack_side *from, u32 limit)
{
	ptrdiff_t moved = (u8 *)to->memory - (u8 *)from->memory;

	memcpy(to->memory, from->memory, l7fp_hpack_memory(limit));
	to->d = from->d;
	to->d.table.entries = (void *)((u8 *)from->d.table.entries + moved);
	to->d.table.bucket = (void *)((u8 *)from->d.table.bucket + moved);
	to->d.table.bytes = from->d.table.bytes + moved;
}

/* Cut short everywhere: an error, or fields of the whole block up to one. */
static const char *cut(const struct hpack_side *before, u32 limit, const u8 *block, u32 len,
		       const struct l7fp_hpack_list *whole)
{
	const char *wrong = NULL;
	struct hpack_side side;
	u32 at, i, good = 0;
	int err;

	hpack_side_init(&side, limit, ROOM, FIELDS);
	for (at = 0; at < len && !wrong; at++, n_cuts++) {
		copy_side(&side, before, limit);
		err = hpack_side_decode(&side, block, at, NULL);
		if (err && (err != L7FP_HPACK_ERR_BAD ||
			    l7fp_hpack_decode_block(&side.d, block, 0, NULL, &side.list) != err))
			wrong = "an error that does not last";
		if (err)
			continue;
		good++;
		if (side.list.n > whole->n)
			wrong = "more fields than the whole block has";
		for (i = 0; i < side.list.n && !wrong; i++)
			if (memcmp(&side.list.headers[i], &whole->headers[i],
				   sizeof(whole->headers[i])) ||
			    memcmp(hpack_name(&side.list, i), hpack_name(whole, i),
				   whole->headers[i].name_len + whole->headers[i].value_len))
				wrong = "a part of the block decodes to something else";
	}
	if (!wrong && len && good < whole->n)
		wrong = "fewer cuts that are right than there are fields";
	hpack_side_free(&side);
	return wrong;
}

static const char *run_block(struct hpack_side *all, struct hpack_side *masked,
			     struct hpack_side *spare, u32 limit, const struct story_block *block)
{
	struct l7fp_hpack_want want = { .names = &names };
	const char *wrong;

	if (block->table_size >= 0) {
		l7fp_hpack_decoder_set_max(&all->d, block->table_size);
		l7fp_hpack_decoder_set_max(&masked->d, block->table_size);
	}
	copy_side(spare, all, limit);
	want.slots = random_below(2) ? random_below(16) : 0;
	want.tokens = random_below(2) ? (u64)random_below(1U << 31) << 1 | random_below(2) : 0;
	want.keep = random_below(2);
	want.check = random_below(2);
	n_blocks++;
	if (hpack_side_decode(all, block->wire, block->len, NULL))
		return "it does not decode";
	if (hpack_side_decode(masked, block->wire, block->len, &want))
		return "it does not decode with a mask";
	wrong = compare(&all->list, block);
	if (!wrong)
		wrong = hpack_masked_wrong(&all->list, &masked->list, &want);
	if (!wrong)
		wrong = cut(spare, limit, block->wire, block->len, &all->list);
	return wrong;
}

static const char *run_story(const struct story *story)
{
	struct hpack_side all, masked, spare;
	u32 limit = L7FP_MAX_HPACK_TABLE, i;
	const char *wrong = NULL;

	hpack_side_init(&all, limit, ROOM, FIELDS);
	hpack_side_init(&masked, limit, ROOM, FIELDS);
	hpack_side_init(&spare, limit, ROOM, FIELDS);
	for (i = 0; i < story->n_blocks && !wrong; i++) {
		wrong = run_block(&all, &masked, &spare, limit, &story->blocks[i]);
		if (wrong)
			printf("# in block %u\n", i);
	}
	hpack_side_free(&all);
	hpack_side_free(&masked);
	hpack_side_free(&spare);
	return wrong;
}

int main(void)
{
	struct stories stories;
	u32 i;

	if (stories_load(&stories)) {
		printf("KTAP version 1\n1..0 # SKIP no stories in %s: L7FP_CORPORA says where the corpora are\n",
		       stories_folder());
		return 4;
	}
	l7fp_hpack_names_init(&names);
	l7fp_hpack_names_add(&names, 0, (const u8 *)"user-agent", 10);
	l7fp_hpack_names_add(&names, 1, (const u8 *)"accept", 6);
	l7fp_hpack_names_add(&names, 2, (const u8 *)"x-cache", 7);
	l7fp_hpack_names_add(&names, 3, (const u8 *)"x-frame-options", 15);
	ktap_begin(stories.n);
	for (i = 0; i < stories.n; i++)
		ktap_result("story", stories.story[i].name, run_story(&stories.story[i]));
	printf("# %u stories, %u blocks, %u fields, cut at %u places\n", stories.n, n_blocks,
	       n_fields, n_cuts);
	stories_free(&stories);
	return ktap_end();
}
