// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins below /sys/fs/bpf/l7fp.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpffs.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

int bpffs_cookie(uint64_t *cookie, char *error, size_t error_len)
{
	socklen_t len = sizeof(*cookie);
	int fd, err = 0;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len)) {
		err = -errno;
		snprintf(error, error_len, "network namespace cookie: %s", strerror(-err));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int need_bpffs(char *error, size_t error_len)
{
	struct statfs st;

	if (!statfs(BPFFS_ROOT, &st) && st.f_type == BPF_FS_MAGIC)
		return 0;
	snprintf(error, error_len, "no BPF file system on %s: mount it (mount -t bpf none %s)",
		 BPFFS_ROOT, BPFFS_ROOT);
	return -ENOENT;
}

static int make_dir(const char *path, char *error, size_t error_len)
{
	int err;

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	err = -errno;
	snprintf(error, error_len, "%s: cannot be made: %s", path, strerror(-err));
	return err;
}

int bpffs_open(struct bpffs *fs, int create, char *error, size_t error_len)
{
	int err;

	fs->fd = -1;
	err = bpffs_cookie(&fs->cookie, error, error_len);
	if (err)
		return err;
	snprintf(fs->dir, sizeof(fs->dir), "%s/%llu", BPFFS_DIR, (unsigned long long)fs->cookie);
	if (create) {
		err = need_bpffs(error, error_len);
		if (!err)
			err = make_dir(BPFFS_DIR, error, error_len);
		if (!err)
			err = make_dir(fs->dir, error, error_len);
		if (err)
			return err;
	}
	fs->fd = open(fs->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->fd < 0) {
		if (!create && errno == ENOENT)
			return 0;
		err = -errno;
		snprintf(error, error_len, "%s: %s", fs->dir, strerror(-err));
		return err;
	}
	err = create ? bpffs_lock(fs, error, error_len) : 0;
	if (err)
		bpffs_close(fs);
	return err;
}

int bpffs_lock(struct bpffs *fs, char *error, size_t error_len)
{
	int err;

	/* Changes are short, so whoever comes second waits. */
	if (!flock(fs->fd, LOCK_EX))
		return 0;
	err = -errno;
	snprintf(error, error_len, "%s: cannot be locked: %s", fs->dir, strerror(-err));
	return err;
}

void bpffs_unlock(struct bpffs *fs)
{
	if (fs->fd >= 0)
		flock(fs->fd, LOCK_UN);
}

void bpffs_close(struct bpffs *fs)
{
	if (fs->fd >= 0)
		close(fs->fd);
	fs->fd = -1;
}

char *bpffs_path(const struct bpffs *fs, char *out, const char *name)
{
	/* Names are ours and short; one that does not fit leads nowhere. */
	if (snprintf(out, PATH_MAX, "%s/%s", fs->dir, name) >= PATH_MAX)
		out[0] = '\0';
	return out;
}

int bpffs_reuse(const struct bpffs *fs, struct bpf_map *map, const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	fd = bpf_obj_get(bpffs_path(fs, path, name));
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = bpf_map__reuse_fd(map, fd);
	close(fd);
	return err;
}

int bpffs_pin(const struct bpffs *fs, const struct bpf_map *map, const char *name)
{
	char path[PATH_MAX];

	if (!bpf_obj_pin(bpf_map__fd(map), bpffs_path(fs, path, name)) || errno == EEXIST)
		return 0;
	return -errno;
}

static DIR *open_dir(const struct bpffs *fs)
{
	int fd = openat(fs->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* The next name of @dir that @which says, or NULL. */
static const char *next_name(DIR *dir, bool (*which)(const char *name))
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    (!which || which(entry->d_name)))
			return entry->d_name;
	}
	return NULL;
}

bool bpffs_has(const struct bpffs *fs, bool (*which)(const char *name))
{
	DIR *dir = fs->fd >= 0 ? open_dir(fs) : NULL;
	bool found;

	if (!dir)
		return false;
	found = next_name(dir, which);
	closedir(dir);
	return found;
}

int bpffs_remove_some(const struct bpffs *fs, bool (*which)(const char *name), char *error,
		      size_t error_len)
{
	const char *name;
	int err = 0;
	DIR *dir;

	if (fs->fd < 0)
		return 0;
	dir = open_dir(fs);
	if (!dir) {
		err = -errno;
		snprintf(error, error_len, "%s: %s", fs->dir, strerror(-err));
		return err;
	}
	while ((name = next_name(dir, which))) {
		if (unlinkat(fs->fd, name, 0) && errno != ENOENT && !err) {
			err = -errno;
			snprintf(error, error_len, "%s/%s: cannot be removed: %s", fs->dir,
				 name, strerror(-err));
		}
	}
	closedir(dir);
	if (!err && rmdir(fs->dir) && errno != ENOENT && !(which && errno == ENOTEMPTY)) {
		err = -errno;
		snprintf(error, error_len, "%s: cannot be removed: %s", fs->dir, strerror(-err));
	}
	return err;
}

int bpffs_remove(const struct bpffs *fs, char *error, size_t error_len)
{
	return bpffs_remove_some(fs, NULL, error, error_len);
}

static bool is_one_of(uint64_t cookie, const uint64_t *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i] == cookie)
			return true;
	return false;
}

int bpffs_remove_all(const uint64_t *but, size_t n, char *error, size_t error_len)
{
	struct dirent *entry;
	struct bpffs fs;
	int err = 0, e;
	DIR *dir;

	dir = opendir(BPFFS_DIR);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    is_one_of(strtoull(entry->d_name, NULL, 10), but, n))
			continue;
		snprintf(fs.dir, sizeof(fs.dir), "%s/%s", BPFFS_DIR, entry->d_name);
		fs.fd = open(fs.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		e = bpffs_remove(&fs, error, error_len);
		if (e)
			err = e;
		bpffs_close(&fs);
	}
	closedir(dir);
	return err;
}
