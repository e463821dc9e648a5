// SPDX-License-Identifier: GPL-2.0-only
#include "hpack_test.h"
#include "huffman.h"

/* The slow way: by comparing with every name. */
static bool asked_for(const struct l7fp_hpack_want *want, const u8 *name, u32 len)
{
	const struct l7fp_hpack_names *names = want->names;
	u32 i;

	for (i = 0; i < names->n; i++) {
		if (names->name[i].len != len || memcmp(names->name[i].name, name, len))
			continue;
		return (names->name[i].slot < L7FP_MAX_SLOTS &&
			want->slots & BIT_ULL(names->name[i].slot)) ||
		       (names->name[i].token && want->tokens & BIT_ULL(names->name[i].token));
	}
	return false;
}

static bool same_value(const struct l7fp_hpack_list *all, u32 i,
		       const struct l7fp_hpack_list *masked, u32 j, bool decoded)
{
	u32 len = all->headers[i].value_len, coded_len = masked->headers[j].value_len;

	if (!(masked->info[j].flags & L7FP_HPACK_VALUE_CODED))
		return coded_len == len &&
		       !memcmp(hpack_value(all, i), hpack_value(masked, j), len);
	return !decoded &&
	       l7fp_huffman_same(hpack_value(masked, j), coded_len, hpack_value(all, i), len);
}

const char *hpack_masked_wrong(const struct l7fp_hpack_list *all,
			       const struct l7fp_hpack_list *masked,
			       const struct l7fp_hpack_want *want)
{
	/* Values that nobody looks at are not judged. */
	u8 judged = want->check ? 0xff : (u8)~(L7FP_HPACK_BAD_VALUE | L7FP_HPACK_BAD_SPACE);
	u8 a, b, every = 0;
	u32 i, j = 0;

	if (all->n_fields != masked->n_fields)
		return "a mask changes how many fields there are";
	for (i = 0; i < all->n; i++) {
		u32 len = all->headers[i].name_len;
		bool asked = asked_for(want, hpack_name(all, i), len);

		a = all->info[i].flags;
		if (want->check || asked)
			every |= a;
		else
			every |= a & L7FP_HPACK_BAD_NAME;
		if (!asked && !want->keep)
			continue;
		if (j == masked->n)
			return "a mask loses a field";
		b = masked->info[j].flags & ~L7FP_HPACK_VALUE_CODED;
		if (masked->headers[j].name_len != len ||
		    memcmp(hpack_name(all, i), hpack_name(masked, j), len))
			return "a mask changes a name";
		if (!same_value(all, i, masked, j, asked))
			return "a mask changes a value";
		if (all->headers[i].token != masked->headers[j].token)
			return "a mask changes a token";
		if (all->info[i].name_index != masked->info[j].name_index)
			return "a mask changes the index of a name";
		/* Without a check values may be judged, where the table knows them. */
		if ((a ^ b) & (asked ? 0xff : judged) || b & ~a)
			return "a mask changes flags";
		j++;
	}
	if (j != masked->n)
		return "a mask adds a field";
	if ((every & L7FP_HPACK_BAD) & ~masked->bad || masked->bad & ~all->bad)
		return "a mask changes what is bad";
	return NULL;
}
