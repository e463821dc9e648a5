/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of a generation: slots, strings, routes, rules and workloads, as
 * they come over netlink.
 */
#ifndef _L7FP_TABLES_H
#define _L7FP_TABLES_H

#include "policy.h"

struct genl_info;
struct netlink_ext_ack;

/*
 * Adds what the attributes of @info hold. After an error the generation is
 * good for nothing but GENERATION_DEL: part of them may have been added.
 */
int l7fp_tables_add(struct l7fp_generation *generation, struct genl_info *info);
/* No hole, no reference to a cluster that does not exist; makes the counters. */
int l7fp_tables_seal(struct l7fp_generation *generation, struct netlink_ext_ack *extack);
void l7fp_tables_free(struct l7fp_generation *generation);
/* Memory that lives as long as a generation that is BUILDING; counted. Or an error pointer. */
void *l7fp_tables_alloc(struct l7fp_generation *generation, u32 len,
			struct netlink_ext_ack *extack);

/* A field name of RFC 9110 5.1, at most L7FP_MAX_NAME bytes. */
bool l7fp_header_name_valid(const u8 *name, u32 len);
/* A field value of RFC 9110 5.5: no control character but HTAB. */
bool l7fp_header_value_valid(const u8 *value, u32 len);
/*
 * A header that only the codec may write, because it frames the message or is
 * meant for one hop; Host is set by rewriting the authority. @lower: in lower case.
 */
bool l7fp_header_reserved(const u8 *lower, u32 len);
/* Whether the slot's name, in lower case, is one that is not looked up among the header lines. */
/* One of 64 for a header name, whatever its case; names that share it are told apart later. */
static inline u64 l7fp_name_bit(const u8 *name, u32 len)
{
	return BIT_ULL((len * 5 + (name[0] & 0x1f) + (name[len - 1] & 0x1f) * 3) & 63);
}

u8 l7fp_slot_special(const struct l7fp_slot *slot);
/* A path to send: begins with '/', visible ASCII, no fragment. */
bool l7fp_path_valid(const u8 *path, u32 len);
/* A host with an optional port to send. */
bool l7fp_host_valid(const u8 *host, u32 len);

#endif /* _L7FP_TABLES_H */
