// SPDX-License-Identifier: GPL-2.0-only
/* The slow-path proxy of a generation, and the cgroups that are not captured. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apply_slowpath.h"

int apply_slow_path(struct apply *a, uint64_t number)
{
	const struct apply_slow_path *slow = &a->options->slow_path;
	const bool v4 = IN6_IS_ADDR_V4MAPPED(&slow->address);
	struct nlattr *nest;
	struct nl_msg *msg;
	char what[64];

	if (!slow->port)
		return 0;
	msg = netlink_message(a->nl, L7FP_CMD_GENERATION_ADD, NETLINK_MAX_MESSAGE);
	nla_put_u64(msg, L7FP_A_GENERATION, number);
	nest = nla_nest_start(msg, L7FP_A_SLOW_PATH | NLA_F_NESTED);
	nla_put(msg, L7FP_A_SLOW_PATH_ADDRESS, v4 ? 4 : 16, slow->address.s6_addr + (v4 ? 12 : 0));
	nla_put_u16(msg, L7FP_A_SLOW_PATH_PORT, slow->port);
	nla_put(msg, L7FP_A_SLOW_PATH_TOKEN, strlen(slow->token), slow->token);
	if (a->ir->inbound.captured)
		nla_put_u16(msg, L7FP_A_SLOW_PATH_INBOUND_PORT, slow->port + 1);
	nla_nest_end(msg, nest);
	snprintf(what, sizeof(what), "slow path of generation %llu", (unsigned long long)number);
	return netlink_do(a->nl, msg, NULL, NULL, what, a->error, a->error_len);
}

char *apply_slow_path_blob(const struct apply_options *options, char *blob, size_t *len)
{
	char *more = realloc(blob, *len + sizeof(options->slow_path));

	if (!more) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	memcpy(more + *len, &options->slow_path, sizeof(options->slow_path));
	*len += sizeof(options->slow_path);
	return more;
}

int apply_exempt(struct apply *a)
{
	uint64_t id[CAPTURE_MAX_CGROUPS];
	size_t i;
	int err;

	if (a->options->n_exempt > CAPTURE_MAX_CGROUPS) {
		snprintf(a->error, a->error_len, "%zu exempt cgroups; expected at most %d",
			 a->options->n_exempt, CAPTURE_MAX_CGROUPS);
		return -E2BIG;
	}
	for (i = 0; i < a->options->n_exempt; i++) {
		err = capture_cgroup_id(a->options->exempt[i], &id[i], a->error, a->error_len);
		if (err)
			return err;
	}
	return capture_exempt(a->capture, id, a->options->n_exempt, a->error, a->error_len);
}
