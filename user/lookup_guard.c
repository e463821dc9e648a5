// SPDX-License-Identifier: GPL-2.0-only
/* Inbound connections while nothing judges them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../bpf/lookup.h"
#include "lookup.skel.h"
#include "lookup_guard.h"

/* No listener has it. */
#define NO_LISTENER	(~0U)

static bool is_link(const char *name)
{
	return !strcmp(name, LOOKUP_LINK);
}

static int open_pin(const struct bpffs *fs, const char *name, char *error, size_t error_len)
{
	char path[PATH_MAX];
	int fd = bpf_obj_get(bpffs_path(fs, path, name));

	if (fd >= 0)
		return fd;
	fd = -errno;
	snprintf(error, error_len, "%s: %s", path, strerror(-fd));
	return fd;
}

/* The map that is in force, out of the place that @outer has for it. */
static int open_inner(int outer, char *error, size_t error_len)
{
	uint32_t zero = 0, id;
	int fd, err;

	if (bpf_map_lookup_elem(outer, &zero, &id))
		return errno == ENOENT ? -ENOENT : -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd >= 0)
		return fd;
	err = -errno;
	snprintf(error, error_len, "inbound capture: %s", strerror(-err));
	return err;
}

/* Fills @to (-1: only counts) with what @from has. A map in force does not change. */
static int copy(int from, int to, size_t *n, size_t *n_all)
{
	struct l7fp_inbound key, *previous = NULL;
	struct l7fp_steer_to value;

	*n = 0;
	*n_all = 0;
	while (!bpf_map_get_next_key(from, previous, &key)) {
		previous = &key;
		if (bpf_map_lookup_elem(from, &key, &value))
			continue;
		(*n_all)++;
		if (value.flags & L7FP_STEER_OPEN)
			value.flags |= L7FP_STEER_PASS;
		*n += !(value.flags & L7FP_STEER_PASS);
		value.listener = NO_LISTENER;
		if (to >= 0 && bpf_map_update_elem(to, &key, &value, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int replace(int outer, int inner, size_t *n, char *error, size_t error_len)
{
	uint32_t zero = 0;
	size_t n_all;
	int fd, err;

	err = copy(inner, -1, n, &n_all);
	if (err)
		return err;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "l7fp_inbound", sizeof(struct l7fp_inbound),
			    sizeof(struct l7fp_steer_to), n_all ? n_all : 1, NULL);
	err = fd < 0 ? -errno : copy(inner, fd, n, &n_all);
	if (!err && bpf_map_update_elem(outer, &zero, &fd, BPF_ANY))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		snprintf(error, error_len, "inbound capture: %s", strerror(-err));
	return err;
}

int lookup_guard(const struct bpffs *fs, size_t *n, char *error, size_t error_len)
{
	int outer, inner, err;

	*n = 0;
	if (!bpffs_has(fs, is_link))
		return 0;
	outer = open_pin(fs, LOOKUP_MAP, error, error_len);
	if (outer < 0)
		return outer;
	inner = open_inner(outer, error, error_len);
	err = inner == -ENOENT ? 0 : inner;
	if (inner >= 0) {
		err = replace(outer, inner, n, error, error_len);
		close(inner);
	}
	close(outer);
	return err;
}

static int reuse(const struct bpffs *fs, struct bpf_map *map, const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	fd = bpf_obj_get(bpffs_path(fs, path, name));
	if (fd < 0)
		return -errno;
	err = bpf_map__reuse_fd(map, fd);
	close(fd);
	return err;
}

static int put_guard(const struct bpffs *fs, int link)
{
	struct lookup *skeleton = lookup__open();
	int err;

	if (!skeleton)
		return -errno;
	skeleton->rodata->netns_cookie = fs->cookie;
	bpf_program__set_autoload(skeleton->progs.l7fp_lookup, false);
	err = reuse(fs, skeleton->maps.l7fp_inbound, LOOKUP_MAP);
	if (!err)
		err = reuse(fs, skeleton->maps.l7fp_nodes, LOOKUP_NODES);
	if (!err)
		err = lookup__load(skeleton);
	if (!err && bpf_link_update(link, bpf_program__fd(skeleton->progs.l7fp_lookup_guard), NULL))
		err = -errno;
	lookup__destroy(skeleton);
	return err;
}

int lookup_guard_hook(const struct bpffs *fs, bool *guarded, char *error, size_t error_len)
{
	size_t n;
	int link, err;

	*guarded = false;
	err = lookup_guard(fs, &n, error, error_len);
	if (err || !n)
		return err;
	link = open_pin(fs, LOOKUP_LINK, error, error_len);
	if (link < 0)
		return link;
	err = put_guard(fs, link);
	if (err)
		snprintf(error, error_len, "inbound capture: the guard cannot be attached: %s",
			 strerror(-err));
	*guarded = !err;
	close(link);
	return err;
}
