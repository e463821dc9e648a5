// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Header blocks that come again, decoded and made once.
 *
 * Which block gives way to another is decided by a clock's hand: one that was of use since the
 * hand last passed is spared.
 */
#include "hpack_private.h"

void l7fp_hpack_decoder_repeats(struct l7fp_hpack_decoder *d, struct l7fp_hpack_repeats *repeats,
				u64 decoder)
{
	d->repeats = repeats;
	if (!repeats)
		return;
	memset(repeats, 0, sizeof(*repeats));
	repeats->decoder = decoder;
}

/*
 * Each time the block adds the same entries. Once as much was added as the table holds it has
 * nothing else any more, and more of the same changes nothing.
 */
void l7fp_hpack_repeats_settle(struct l7fp_hpack_decoder *d)
{
	struct l7fp_hpack_repeats *rs = d->repeats;
	const struct l7fp_hpack_repeat *r = &rs->repeat[rs->due];
	u32 enough;

	if (likely(!rs->times))
		return;
	enough = d->table.max_size / r->added + 2;
	if (rs->times > enough)
		rs->times = enough;
	while (rs->times) {
		rs->times--;
		l7fp_hpack_replay(d, r->block, r->len);
	}
}

static void list_again(const struct l7fp_hpack_repeat *r, struct l7fp_hpack_list *list)
{
	memcpy(list->headers, r->headers, r->n * sizeof(r->headers[0]));
	memcpy(list->info, r->info, r->n * sizeof(r->info[0]));
	memcpy(list->buf, r->text, r->text_len);
	list->n = r->n;
	list->n_fields = r->n;
	list->len = r->text_len;
	list->tokens = r->tokens;
}

bool l7fp_hpack_recall(struct l7fp_hpack_decoder *d, const u8 *block, u32 len,
		       struct l7fp_hpack_list *list)
{
	struct l7fp_hpack_repeats *rs = d->repeats;
	struct l7fp_hpack_repeat *r = rs->repeat;
	u32 i;

	for (i = 0; i < L7FP_HPACK_REPEATS; i++, r++)
		if (r->len == len && l7fp_hpack_same(r->block, block, len))
			break;
	/* A size update that the peer owes would come in a block of its own kind. */
	if (i == L7FP_HPACK_REPEATS || !len || d->owed)
		return false;
	if (r->refers && (rs->times || r->changes != d->table.changes))
		return false;
	if (r->n > list->max_headers || r->text_len > list->size)
		return false;
	if (r->added) {
		if (rs->due != i)
			l7fp_hpack_repeats_settle(d);
		rs->due = i;
		if (rs->times < L7FP_MAX_HPACK_TABLE)
			rs->times++;
	}
	r->used = true;
	list_again(r, list);
	list->origin.decoder = rs->decoder;
	list->origin.block = r->number;
	return true;
}

static struct l7fp_hpack_repeat *repeat_room(struct l7fp_hpack_repeats *rs)
{
	struct l7fp_hpack_repeat *r;

	for (;;) {
		r = &rs->repeat[rs->hand++ % L7FP_HPACK_REPEATS];
		if (!r->used)
			return r;
		r->used = false;
	}
}

void l7fp_hpack_remember(struct l7fp_hpack_decoder *d, const u8 *block, u32 len,
			 const struct l7fp_hpack_list *list, bool refers, u32 added)
{
	struct l7fp_hpack_repeats *rs = d->repeats;
	struct l7fp_hpack_repeat *r;
	u32 hash, i;

	if (!len || len > L7FP_HPACK_REPEAT_BLOCK || list->n > L7FP_HPACK_REPEAT_FIELDS ||
	    list->len > L7FP_HPACK_REPEAT_TEXT || list->bad || (refers && added))
		return;
	hash = l7fp_hpack_hash(block, len);
	if (rs->sight[hash % L7FP_HPACK_REPEAT_SIGHTS] != hash) {
		rs->sight[hash % L7FP_HPACK_REPEAT_SIGHTS] = hash;
		return;
	}
	for (i = 0; i < list->n; i++)
		if (list->info[i].flags & L7FP_HPACK_NEVER_INDEXED)
			return;
	if (rs->numbers == ~0U)
		return;
	r = repeat_room(rs);
	r->len = len;
	r->text_len = list->len;
	r->n = list->n;
	r->refers = refers;
	r->added = added;
	r->number = ++rs->numbers;
	r->tokens = list->tokens;
	r->changes = d->table.changes;
	memcpy(r->headers, list->headers, list->n * sizeof(r->headers[0]));
	memcpy(r->info, list->info, list->n * sizeof(r->info[0]));
	memcpy(r->block, block, len);
	memcpy(r->text, list->buf, list->len);
}

/* ---- encoder */

static bool same_source(const struct l7fp_hpack_made *m, const struct l7fp_hpack_source *source)
{
	u32 i;

	for (i = 0; i < L7FP_HPACK_MADE_HOW; i++)
		if (m->how[i] != source->how[i])
			return false;
	return m->origin.block == source->origin.block &&
	       m->origin.decoder == source->origin.decoder &&
	       m->text_len[0] == source->text_len[0] && m->text_len[1] == source->text_len[1] &&
	       l7fp_hpack_same(m->text, source->text[0], m->text_len[0]) &&
	       l7fp_hpack_same(m->text + m->text_len[0], source->text[1], m->text_len[1]);
}

const u8 *l7fp_hpack_made_find(struct l7fp_hpack_mades *mades, const struct l7fp_hpack_encoder *e,
			       const struct l7fp_hpack_source *source, u32 *len)
{
	struct l7fp_hpack_made *m = mades->made;
	u32 i;

	if (!source->origin.block || e->changed)
		return NULL;
	for (i = 0; i < L7FP_HPACK_REPEATS; i++, m++) {
		if (!same_source(m, source) || m->changes != e->table.changes)
			continue;
		m->used = true;
		*len = m->len;
		return m->block;
	}
	return NULL;
}

/* One that can be of no use any more comes before all others. */
static struct l7fp_hpack_made *made_room(struct l7fp_hpack_mades *mades, u64 changes)
{
	struct l7fp_hpack_made *m;

	for (;;) {
		m = &mades->made[mades->hand++ % L7FP_HPACK_REPEATS];
		if (!m->used || m->changes != changes)
			return m;
		m->used = false;
	}
}

void l7fp_hpack_made_keep(struct l7fp_hpack_mades *mades, const struct l7fp_hpack_encoder *e,
			  const struct l7fp_hpack_source *source, u64 changes, const u8 *block,
			  u32 len)
{
	struct l7fp_hpack_made *m;

	if (!source->origin.block || changes != e->table.changes || e->changed ||
	    len > L7FP_HPACK_REPEAT_BLOCK || source->text_len[0] > L7FP_HPACK_MADE_TEXT ||
	    source->text_len[1] > L7FP_HPACK_MADE_TEXT - source->text_len[0])
		return;
	m = made_room(mades, changes);
	m->origin = source->origin;
	memcpy(m->how, source->how, sizeof(m->how));
	m->changes = changes;
	m->text_len[0] = source->text_len[0];
	m->text_len[1] = source->text_len[1];
	m->len = len;
	m->used = false;
	if (m->text_len[0])
		memcpy(m->text, source->text[0], m->text_len[0]);
	if (m->text_len[1])
		memcpy(m->text + m->text_len[0], source->text[1], m->text_len[1]);
	memcpy(m->block, block, len);
}
