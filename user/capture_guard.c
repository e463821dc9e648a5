// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of capture without a gap: addresses that an authorization policy or
 * STRICT binds are refused as long as nothing judges their connections, also
 * when the module is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "capture_hooks.h"
#include "lookup.h"

int capture_guard(struct capture *c, size_t *n, char *error, size_t error_len)
{
	struct capture_service *list;
	size_t i, total;
	int fd, err;

	*n = 0;
	err = capture_list(c->fs, &list, &total, error, error_len);
	if (err)
		return err;
	for (i = 0; i < total; i++) {
		if (!list[i].guarded)
			continue;
		list[*n] = list[i];
		/* No listener: the hooks refuse it. */
		list[*n].port4 = 0;
		list[(*n)++].port6 = 0;
	}
	fd = capture_prepare(c, list, *n, error, error_len);
	free(list);
	if (fd < 0)
		return fd;
	err = capture_replace(c, fd, error, error_len);
	close(fd);
	return err;
}

static struct bpf_program *guard_program(const struct capture *c, int hook)
{
	return hook ? c->skeleton->progs.l7fp_guard6 : c->skeleton->progs.l7fp_guard4;
}

static int put_guards(struct capture *c, char *error, size_t error_len)
{
	uint64_t id[2 * CAPTURE_MAX_CGROUPS];
	char path[PATH_MAX];
	size_t i, n;
	int hook, err;

	/* Programs that capture may be loaded: these need an object of their own. */
	connect__destroy(c->skeleton);
	c->skeleton = NULL;
	err = capture_load(c, true, error, error_len);
	if (err)
		return err;
	n = capture_cgroups(c->fs, id, 2 * CAPTURE_MAX_CGROUPS);
	for (i = 0; i < n; i++) {
		for (hook = 0; hook < CAPTURE_CONNECT_HOOKS; hook++) {
			capture_hook_path(c->fs, path, id[i], hook);
			err = capture_hook_replace(path, guard_program(c, hook));
			if (!err || err == -ENOENT)
				continue;
			snprintf(error, error_len, "%s: the guard cannot be attached: %s", path,
				 strerror(-err));
			return err;
		}
	}
	return 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

static bool not_inbound(const char *name)
{
	return !lookup_is_pin(name);
}

static bool not_a_guard(const char *name)
{
	return not_inbound(name) && strcmp(name, "services") && strcmp(name, "exempt") &&
	       !ends_with(name, "-connect4") && !ends_with(name, "-connect6");
}

int capture_guard_inbound(const struct bpffs *fs, char *error, size_t error_len)
{
	int err = lookup_guard(fs, error, error_len);

	return err ? err : bpffs_remove_some(fs, not_inbound, error, error_len);
}

int capture_guard_hooks(struct capture *c, char *error, size_t error_len)
{
	struct capture_service *list;
	size_t n;
	int err;

	err = capture_list(c->fs, &list, &n, error, error_len);
	free(list);
	if (err)
		return err;
	if (!n)
		return capture_guard_inbound(c->fs, error, error_len);
	err = lookup_guard(c->fs, error, error_len);
	if (!err)
		err = put_guards(c, error, error_len);
	if (err)
		return err;
	return bpffs_remove_some(c->fs, not_a_guard, error, error_len);
}

static int guard_cgroup(struct capture *c, const char *cgroup, char *error, size_t error_len)
{
	char path[PATH_MAX];
	int fd, hook, err = 0;
	uint64_t id;

	fd = capture_open_cgroup(cgroup, &id, error, error_len);
	if (fd < 0)
		return fd;
	for (hook = 0; hook < CAPTURE_CONNECT_HOOKS && !err; hook++) {
		err = capture_hook_replace(capture_hook_path(c->fs, path, id, hook),
					   guard_program(c, hook));
		if (err == -ENOENT)
			err = capture_hook_attach(c, guard_program(c, hook), fd, id, hook);
		if (err)
			snprintf(error, error_len, "cgroup %s: the guard cannot be attached: %s",
				 cgroup, strerror(-err));
	}
	close(fd);
	return err;
}

int capture_guard_set(const struct bpffs *fs, const char *const *cgroup, size_t n_cgroups,
		      const struct capture_service *service, size_t n, char *error,
		      size_t error_len)
{
	struct capture c = { .fs = fs };
	int fd = -1, err;
	size_t i;

	err = capture_load(&c, true, error, error_len);
	if (!err) {
		c.services_fd = bpf_map__fd(c.skeleton->maps.l7fp_services);
		fd = capture_prepare(&c, service, n, error, error_len);
		err = fd < 0 ? fd : capture_replace(&c, fd, error, error_len);
	}
	for (i = 0; i < n_cgroups && !err; i++)
		err = guard_cgroup(&c, cgroup[i], error, error_len);
	if (fd >= 0)
		close(fd);
	connect__destroy(c.skeleton);
	return err;
}

bool capture_is_guarded(const struct bpffs *fs)
{
	uint64_t id;

	return lookup_is_guarded(fs) ||
	       (capture_cgroups(fs, &id, 1) && !bpffs_has(fs, capture_is_version));
}
