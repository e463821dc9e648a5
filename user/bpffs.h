/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things are pinned: /sys/fs/bpf/l7fp/<network namespace cookie>/. What
 * is pinned outlives l7fp-tool and l7fpd.
 *
 *	policy			the link of the policy
 *	services		the map of captured addresses
 *	original		where captured sockets wanted to go
 *	<cgroup id>-connect4	the links of the hooks, for each cgroup
 *	<cgroup id>-connect6
 *	<cgroup id>-getpeername4
 *	<cgroup id>-getpeername6
 *	hooks-<digest>		the version of the connect hooks' programs
 *
 * The cookie is unique while the machine runs, so a folder never passes to
 * another namespace.
 */
#ifndef _L7FP_BPFFS_H
#define _L7FP_BPFFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPFFS_ROOT	"/sys/fs/bpf"
#define BPFFS_DIR	BPFFS_ROOT "/l7fp"

struct bpffs {
	uint64_t cookie;	/* of this network namespace */
	char dir[PATH_MAX];
	int fd;			/* of the folder, locked; -1: it is not there */
};

/* The cookie of the calling thread's network namespace. 0 or a negative errno. */
int bpffs_cookie(uint64_t *cookie, char *error, size_t error_len);

/**
 * bpffs_open() - the folder of this network namespace
 * @fs: filled in; bpffs_close()
 * @create: make it where it is missing, and lock it against other changes
 *
 * Without @create a missing folder is no error: @fs->fd is -1 then.
 */
int bpffs_open(struct bpffs *fs, int create, char *error, size_t error_len);
void bpffs_close(struct bpffs *fs);

/* The path of @name in the folder; @out has PATH_MAX bytes. Returns it. */
char *bpffs_path(const struct bpffs *fs, char *out, const char *name);

struct bpf_map;

/*
 * A map of an object that is not loaded yet: where one is pinned by this name it is used as it is.
 * 0 or a negative errno.
 */
int bpffs_reuse(const struct bpffs *fs, struct bpf_map *map, const char *name);
/* A loaded map gets a pin, unless it has it. 0 or a negative errno. */
int bpffs_pin(const struct bpffs *fs, const struct bpf_map *map, const char *name);

/* Waits until nobody else changes an open folder, and keeps them out until bpffs_unlock(). */
int bpffs_lock(struct bpffs *fs, char *error, size_t error_len);
/* Lets others change it; it stays open. */
void bpffs_unlock(struct bpffs *fs);

/* Unpins all that is in the folder, and removes it. */
int bpffs_remove(const struct bpffs *fs, char *error, size_t error_len);
/* Unpins what @which says (NULL: all), and removes the folder where nothing is left. */
int bpffs_remove_some(const struct bpffs *fs, bool (*which)(const char *name), char *error,
		      size_t error_len);
/* Whether something is pinned that @which says. */
bool bpffs_has(const struct bpffs *fs, bool (*which)(const char *name));
/*
 * bpffs_remove() for every network namespace but these @n: those that are gone left their folders
 * behind.
 */
int bpffs_remove_all(const uint64_t *but, size_t n, char *error, size_t error_len);

#endif /* _L7FP_BPFFS_H */
