// SPDX-License-Identifier: GPL-2.0-only
/* Cgroups whose processes are not captured: a pinned map of their ids. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "capture.h"

static bool holds(const uint64_t *id, size_t n, uint64_t one)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (id[i] == one)
			return true;
	return false;
}

static int fill(int fd, const uint64_t *id, size_t n)
{
	uint64_t key, next, *from = NULL;
	const uint8_t set = 1;
	size_t i;

	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &id[i], &set, BPF_ANY))
			return -errno;
	while (!bpf_map_get_next_key(fd, from, &next)) {
		if (!holds(id, n, next)) {
			/* Of a key that is gone the walk begins anew. */
			bpf_map_delete_elem(fd, &next);
			continue;
		}
		key = next;
		from = &key;
	}
	return 0;
}

int capture_exempt(struct capture *capture, const uint64_t *cgroup_id, size_t n, char *error,
		   size_t error_len)
{
	char path[PATH_MAX];
	int fd, err;

	fd = bpf_obj_get(bpffs_path(capture_fs(capture), path, "exempt"));
	if (fd < 0) {
		/* Hooks of an older version, which exempt nobody. */
		if (errno == ENOENT && !n)
			return 0;
		err = -errno;
		snprintf(error, error_len,
			 "%s: %s: the hooks that are attached know no exempt cgroups; l7fp-tool reset, then apply",
			 path, strerror(-err));
		return err;
	}
	err = fill(fd, cgroup_id, n);
	if (err)
		snprintf(error, error_len, "%s: %s", path, strerror(-err));
	close(fd);
	return err;
}
