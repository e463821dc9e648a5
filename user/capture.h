/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capture: the connect hooks of bpf/connect.bpf.c on cgroups, and the addresses
 * they redirect. Hooks and addresses are pinned; a second run takes over what
 * is there. 0 or a negative errno with @error set.
 */
#ifndef _L7FP_CAPTURE_H
#define _L7FP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include "../bpf/connect.h"
#include "bpffs.h"

/* Every process of the network namespace: whichever cgroup it is in. */
#define CAPTURE_DEFAULT_CGROUP	"/sys/fs/cgroup"
#define CAPTURE_MAX_CGROUPS	64
#define CAPTURE_MAX_SERVICES	262144

/*
 * A captured address: where it was asked for, and the listeners' ports (host order). @guarded: it
 * must not be reached unjudged, not even while there is nothing that judges.
 */
struct capture_service {
	struct in6_addr address;
	uint16_t port;
	uint16_t port4, port6;
	bool guarded;
};

struct capture;

/**
 * capture_open() - the capture of this network namespace
 * @out: set; close with capture_close()
 * @fs: its folder, opened to change it
 *
 * Loads the programs; where a service map is pinned they use that.
 */
int capture_open(struct capture **out, const struct bpffs *fs, char *error, size_t error_len);
void capture_close(struct capture *capture);

/*
 * Attach to the cgroup. Hooks of an earlier run stay, with the programs of this version in them.
 * @made: whether there was none.
 */
int capture_attach(struct capture *capture, const char *cgroup, bool *made, char *error,
		   size_t error_len);
/* Remove the hooks of the cgroup with this id. */
int capture_detach(struct capture *capture, uint64_t cgroup_id, char *error, size_t error_len);
/* Remove the hooks of all cgroups but these @n. */
int capture_detach_others(struct capture *capture, const uint64_t *cgroup_id, size_t n,
			  char *error, size_t error_len);

/* Make the map of these addresses; nothing is captured by it yet. Its fd, or a negative errno. */
int capture_prepare(struct capture *capture, const struct capture_service *service, size_t n,
		    char *error, size_t error_len);
/* Put the prepared map in force: one pointer. All cgroups are attached by then. */
int capture_commit(struct capture *capture, int services_fd, char *error, size_t error_len);

/* Processes of these cgroups, and of those below them, are not captured; of no others. */
int capture_exempt(struct capture *capture, const uint64_t *cgroup_id, size_t n, char *error,
		   size_t error_len);
const struct bpffs *capture_fs(const struct capture *capture);

/*
 * capture_guard.c: nothing is captured any more. Guarded addresses are refused, the others
 * reached directly. @n: how many are guarded.
 */
int capture_guard(struct capture *capture, size_t *n, char *error, size_t error_len);
/*
 * After that, and when all is done that was captured: hooks that go without the module where
 * something is guarded, and none where nothing is. The pins that are needed no longer are removed.
 */
int capture_guard_hooks(struct capture *capture, char *error, size_t error_len);
/*
 * Connects from the cgroups to these addresses are refused from now on, by hooks that go without the
 * module: nobody judges them. The next capture_attach() puts its own in their place.
 */
int capture_guard_set(const struct bpffs *fs, const char *const *cgroup, size_t n_cgroups,
		      const struct capture_service *service, size_t n, char *error,
		      size_t error_len);
/* What arrives stays refused where it was steered; all other pins are removed. */
int capture_guard_inbound(const struct bpffs *fs, char *error, size_t error_len);
/* Whether hooks that go without the module guard some addresses. */
bool capture_is_guarded(const struct bpffs *fs);

/* The addresses in force, read from the pin; *@out is the caller's to free. */
int capture_list(const struct bpffs *fs, struct capture_service **out, size_t *n, char *error,
		 size_t error_len);
/* The ids of the cgroups that are hooked, at most @max. */
size_t capture_cgroups(const struct bpffs *fs, uint64_t *id, size_t max);

/* The id of a cgroup v2 folder. */
int capture_cgroup_id(const char *cgroup, uint64_t *id, char *error, size_t error_len);

#endif /* _L7FP_CAPTURE_H */
