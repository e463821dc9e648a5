// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workloads belong to a generation, so that an exchange and who sent it are
 * judged by the same documents. No header takes part: what a client could
 * write itself says nothing about who it is.
 *
 * A cgroup comes before an address, and an inner cgroup before the one around
 * it. Cgroups are those of sockets in the same network namespace; addresses are
 * worth what the network makes sure of them.
 */
#include <linux/jhash.h>
#include "netlink.h"
#include "tables.h"
#include "workload.h"

#define BITS	12

/* An address, IPv4 as ::ffff:a.b.c.d, or a cgroup: its id and zeroes. */
struct workload_key {
	struct hlist_node hash;
	const struct l7fp_workload *workload;
	bool is_cgroup;
	u32 words[4];
};

static u32 bucket_of(bool is_cgroup, const u32 words[4])
{
	return jhash2(words, 4, is_cgroup) & ((1 << BITS) - 1);
}

static const struct workload_key *find(const struct l7fp_generation *g, bool is_cgroup,
				       const u32 words[4])
{
	const struct workload_key *key;

	hlist_for_each_entry(key, &g->workloads[bucket_of(is_cgroup, words)], hash)
		if (key->is_cgroup == is_cgroup && !memcmp(key->words, words, sizeof(key->words)))
			return key;
	return NULL;
}

static void cgroup_words(u32 words[4], u64 id)
{
	words[0] = lower_32_bits(id);
	words[1] = upper_32_bits(id);
	words[2] = 0;
	words[3] = 0;
}

static const struct l7fp_workload *find_cgroup(const struct l7fp_generation *g, u64 id)
{
	const struct workload_key *key;
	u32 words[4];

	cgroup_words(words, id);
	key = find(g, true, words);
	return key ? key->workload : NULL;
}

static int add_key(struct l7fp_generation *g, const struct l7fp_workload *workload,
		   const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	bool is_cgroup = nla_type(attr) == L7FP_A_WORKLOAD_CGROUP;
	struct workload_key *key;

	if (g->n_workload_keys == L7FP_MAX_WORKLOAD_KEYS) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"expected at most %u cgroups and addresses of workloads",
					L7FP_MAX_WORKLOAD_KEYS);
		return -ENOSPC;
	}
	key = l7fp_tables_alloc(g, sizeof(*key), extack);
	if (IS_ERR(key))
		return PTR_ERR(key);
	memset(key, 0, sizeof(*key));
	key->workload = workload;
	key->is_cgroup = is_cgroup;
	if (is_cgroup) {
		cgroup_words(key->words, nla_get_u64(attr));
	} else if (nla_len(attr) == 4) {
		key->words[2] = (__force u32)htonl(0xffff);
		memcpy(&key->words[3], nla_data(attr), 4);
	} else {
		memcpy(key->words, nla_data(attr), sizeof(key->words));
	}
	if (find(g, is_cgroup, key->words)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "expected a cgroup or address of one workload");
		return -EEXIST;
	}
	hlist_add_head(&key->hash, &g->workloads[bucket_of(is_cgroup, key->words)]);
	g->n_workload_keys++;
	return 0;
}

static int copy(struct l7fp_generation *g, struct l7fp_str *to, const struct nlattr *attr,
		struct netlink_ext_ack *extack)
{
	u8 *p = l7fp_tables_alloc(g, nla_len(attr), extack);

	if (IS_ERR(p))
		return PTR_ERR(p);
	memcpy(p, nla_data(attr), nla_len(attr));
	*to = (struct l7fp_str){ .data = p, .len = nla_len(attr) };
	return 0;
}

int l7fp_workload_add(struct l7fp_generation *g, const struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_WORKLOAD_MAX + 1];
	struct l7fp_workload *workload;
	const struct nlattr *attr;
	int rem, err;

	err = nla_parse_nested(tb, L7FP_A_WORKLOAD_MAX, nest, l7fp_workload_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_WORKLOAD_PRINCIPAL) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_WORKLOAD_NAMESPACE))
		return -EINVAL;
	if (!g->workloads) {
		struct hlist_head *heads;

		heads = l7fp_tables_alloc(g, sizeof(*heads) << BITS, extack);
		if (IS_ERR(heads))
			return PTR_ERR(heads);
		memset(heads, 0, sizeof(*heads) << BITS);
		g->workloads = heads;
	}
	workload = l7fp_tables_alloc(g, sizeof(*workload), extack);
	if (IS_ERR(workload))
		return PTR_ERR(workload);
	err = copy(g, &workload->principal, tb[L7FP_A_WORKLOAD_PRINCIPAL], extack);
	err = err ?: copy(g, &workload->namespace, tb[L7FP_A_WORKLOAD_NAMESPACE], extack);
	if (err)
		return err;
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != L7FP_A_WORKLOAD_CGROUP &&
		    nla_type(attr) != L7FP_A_WORKLOAD_ADDRESS)
			continue;
		err = add_key(g, workload, attr, extack);
		if (err)
			return err;
	}
	return 0;
}

const struct l7fp_workload *l7fp_workload_find(const struct l7fp_generation *g,
					       const struct l7fp_connection *conn,
					       const struct l7fp_cgroups *cgroups)
{
	const struct l7fp_workload *workload;
	const struct workload_key *key;
	u32 i;

	if (!g->workloads)
		return NULL;
	if (conn->cgroup) {
		workload = find_cgroup(g, conn->cgroup);
		for (i = cgroups ? cgroups->n : 0; i && !workload; i--)
			workload = find_cgroup(g, cgroups->id[i - 1]);
		if (workload)
			return workload;
	}
	key = find(g, false, conn->src_addr);
	return key ? key->workload : NULL;
}

int l7fp_workload_walk(const struct l7fp_generation *g, long at[2],
		       int (*fill)(const struct l7fp_workload *workload, u64 cgroup,
				   const u32 *address, void *arg), void *arg)
{
	const struct workload_key *key;
	int err;
	long i;

	for (; g->workloads && at[0] < 1 << BITS; at[0]++, at[1] = 0) {
		i = 0;
		hlist_for_each_entry(key, &g->workloads[at[0]], hash) {
			if (i++ < at[1])
				continue;
			err = fill(key->workload, (u64)key->words[1] << 32 | key->words[0],
				   key->is_cgroup ? NULL : key->words, arg);
			if (err)
				return err;
			at[1] = i;
		}
	}
	return 0;
}

bool l7fp_workload_field(const struct l7fp_workload *workload, u32 field, struct l7fp_str *value)
{
	*value = (struct l7fp_str){};
	if (!workload)
		return false;
	*value = field == L7FP_FIELD_SOURCE_PRINCIPAL ? workload->principal : workload->namespace;
	return true;
}
