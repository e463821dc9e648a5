/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * l7fpd: keeps the policies of some files in force in one network namespace.
 * When it dies, everything stays in the kernel; the next one takes over.
 */
#ifndef _L7FP_DAEMON_H
#define _L7FP_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "apply.h"
#include "handshakes.h"

#define DAEMON_RUN_DIR		"/run/l7fp"
/* Editors and kubectl write a file in several steps: wait until they are done. */
#define DAEMON_SETTLE_MS	200
/* A stream of changes must not put off the next apply for ever. */
#define DAEMON_SETTLE_MAX_MS	2000
/* How often what a replaced policy used is looked after. */
#define DAEMON_SWEEP_MS		5000
#define DAEMON_MAX_PATHS	256
#define DAEMON_MAX_WATCHES	4096

/* Where l7fpd of a network namespace answers: /run/l7fp/<cookie>.sock. */
void daemon_socket_path(char *out, size_t size, uint64_t cookie);

struct daemon_options {
	char *path[DAEMON_MAX_PATHS];
	size_t n_paths;
	const char *cgroup[64];
	size_t n_cgroups;
	uint16_t port;
	struct apply_slow_path slow_path;	/* without its token */
	const char *exempt[64];
	size_t n_exempt;
	const char *stats_listen;	/* ADDRESS:PORT, or NULL */
	bool replace;			/* the one that runs ends */
	bool workloads;			/* a policy for each, instead of one for all */
	bool tls;			/* and mutual TLS */
	bool registry_only;
	uint32_t listener_flags;	/* L7FP_LISTENER_* */
	const char *node;
};

/* daemon_policy.c: the policy of the files. */
struct daemon_policy;

struct daemon_policy *daemon_policy_new(const struct daemon_options *options);
/* Reads the files and applies what they say. What was in force stays when that fails. */
int daemon_policy_apply(struct daemon_policy *policy);
/*
 * Without the module: what a policy binds is refused until the next apply, and why is said. What the
 * files with errors say nobody knows: then nothing changes.
 */
void daemon_policy_guard(struct daemon_policy *policy);
/* Removes what a replaced policy used. True while something is left. */
bool daemon_policy_sweep(struct daemon_policy *policy);
bool daemon_policy_leftover(const struct daemon_policy *policy);
void daemon_policy_free(struct daemon_policy *policy);

/**
 * struct daemon_health - what /metrics says beside the kernel's counters
 * @applied: how often a policy was put in force
 * @failed: how often that failed
 * @ok: whether the last time succeeded
 */
struct daemon_health {
	uint64_t applied, failed;
	bool ok;
	uint64_t generation;
};

struct daemon_health daemon_policy_health(const struct daemon_policy *policy);

/* Whether the files can be applied; says why not. 0 or -1. */
int daemon_policy_check(const struct daemon_policy *policy);

/* Those of this node, once applied; with --workloads. */
struct workloads;
const struct workloads *daemon_policy_workloads(const struct daemon_policy *policy);

/* daemon_handshakes.c: a process for each workload that shakes hands; NULL: none does. */
struct daemon_handshakes;

/* NULL without certificates. */
struct daemon_handshakes *daemon_handshakes_new(const struct handshakes_options *options);
/* One for each of @workloads, and no other. */
void daemon_handshakes_update(struct daemon_handshakes *handshakes,
			      const struct workloads *workloads);
/* After SIGCHLD, or when it is time: milliseconds until it is again, or -1. */
int daemon_handshakes_look(struct daemon_handshakes *handshakes);
/* Ends them. */
void daemon_handshakes_free(struct daemon_handshakes *handshakes);

/* daemon_replace.c: ends the one that runs for this network namespace. 0, or -1 after a message. */
int daemon_replace(uint64_t cookie);

/* daemon_watch.c: inotify on files and folders. Its fd, or -1 after a message. */
struct daemon_watch;

struct daemon_watch *daemon_watch_new(char *const *path, size_t n);
int daemon_watch_fd(const struct daemon_watch *watch);
/* Takes what is there to read. True when one of the files may have changed. */
bool daemon_watch_read(struct daemon_watch *watch);
/* Watches folders that are new. True when something changed before it was watched. */
bool daemon_watch_refresh(struct daemon_watch *watch);
void daemon_watch_free(struct daemon_watch *watch);

/* daemon_stats.c: GET /metrics, on the Unix socket and on --stats-listen. */
struct daemon_stats;

/* NULL after a message. */
struct daemon_stats *daemon_stats_new(uint64_t cookie, const char *listen_on);
/* The sockets to wait on, at most @max; pollfd events included. */
struct pollfd;
size_t daemon_stats_poll(const struct daemon_stats *stats, struct pollfd *fds, size_t max);
/* Serves those that are ready. */
void daemon_stats_serve(struct daemon_stats *stats, const struct pollfd *fds, size_t n,
			const struct daemon_health *health);
/* Milliseconds until the next client is too slow; -1: there is none. */
int daemon_stats_timeout(const struct daemon_stats *stats);
void daemon_stats_free(struct daemon_stats *stats);

#endif /* _L7FP_DAEMON_H */
