/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What capture.c and capture_guard.c share: the hooks' programs and pins.
 */
#ifndef _L7FP_CAPTURE_HOOKS_H
#define _L7FP_CAPTURE_HOOKS_H

#include "capture.h"
#include "connect.skel.h"

/* The first two are those that capture; the others show an application where it connected to. */
#define CAPTURE_HOOKS		4
#define CAPTURE_CONNECT_HOOKS	2
/* What the name of the pin begins with that tells the hooks' version. */
#define CAPTURE_VERSION		"hooks-"

/**
 * struct capture - the capture of a network namespace
 * @skeleton: the programs; NULL while none had to be loaded
 * @services_fd: the outer map
 */
struct capture {
	const struct bpffs *fs;
	struct connect *skeleton;
	int services_fd;
};

extern const char *const capture_hook_name[CAPTURE_HOOKS];

/* The pin of the hook of the cgroup with this id; @out has PATH_MAX bytes. Returns it. */
char *capture_hook_path(const struct bpffs *fs, char *out, uint64_t id, int hook);
/* Loads the programs that capture, or those that guard; not both in one struct capture. */
int capture_load(struct capture *c, bool guards, char *error, size_t error_len);
struct bpf_program *capture_program(const struct capture *c, int hook);
/* Its fd, and its id, or a negative errno with @error set. */
int capture_open_cgroup(const char *cgroup, uint64_t *id, char *error, size_t error_len);
/* Attaches @program to the cgroup and pins the link. 0 or a negative errno. */
int capture_hook_attach(const struct capture *c, const struct bpf_program *program, int cgroup_fd,
			uint64_t id, int hook);
/* Puts @program into the link that is pinned at @path. 0 or a negative errno. */
int capture_hook_replace(const char *path, const struct bpf_program *program);
/* Puts the map in force; the hooks stay what they are. */
int capture_replace(struct capture *c, int services_fd, char *error, size_t error_len);
bool capture_is_version(const char *name);

#endif /* _L7FP_CAPTURE_HOOKS_H */
