/* SPDX-License-Identifier: GPL-2.0-only */
/* The stories of ../shared/corpora/hpack: connections as other HPACK encoders wrote them. */
#ifndef L7FP_HPACK_STORIES_H
#define L7FP_HPACK_STORIES_H

#include "codec.h"

struct story_field {
	u8 *name;
	u8 *value;
	u32 name_len;
	u32 value_len;
};

/*
 * @wire: the block, @len bytes
 * @table_size: SETTINGS_HEADER_TABLE_SIZE in force from here on, -1: as before
 * @fields: what it must decode to
 */
struct story_block {
	u8 *wire;
	u32 len;
	int table_size;
	struct story_field *fields;
	u32 n_fields;
};

/* @name: folder and file; @blocks: in order, they share one dynamic table. */
struct story {
	char *name;
	struct story_block *blocks;
	u32 n_blocks;
};

struct stories {
	struct story *story;
	u32 n;
};

/*
 * Reads all of them from the folder hpack below $L7FP_CORPORA, or ../shared/corpora. Negative: it
 * is not there. A file that is none is not to be believed: the program ends.
 */
int stories_load(struct stories *stories);
void stories_free(struct stories *stories);
const char *stories_folder(void);

#endif /* L7FP_HPACK_STORIES_H */
