// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inbound capture: what sk_lookup steers.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../bpf/lookup.h"
#include "lookup.h"
#include "lookup.skel.h"
#include "sha256.h"

/* Of the thread, which may be in another one than the process was. */
#define OWN_NETNS	"/proc/thread-self/ns/net"

/* A pin of this name tells the version of the program that steers; there is none for a guard. */
#define VERSION		"lookup-"
#define VERSION_HEX	16

static const char *const pins[] = { "lookup", "inbound", "nodes" };

static char libbpf_text[512];

static int keep_text(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(libbpf_text, sizeof(libbpf_text), format, args);
	return 0;
}

static bool is_version(const char *name)
{
	return !strncmp(name, VERSION, strlen(VERSION));
}

bool lookup_is_pin(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		if (!strcmp(name, pins[i]))
			return true;
	return false;
}

static void version_name(char out[32])
{
	char hex[SHA256_HEX];
	const void *bytes;
	size_t size;

	bytes = lookup__elf_bytes(&size);
	sha256_hex(bytes, size, hex);
	snprintf(out, 32, VERSION "%.*s", VERSION_HEX, hex);
}

static bool pinned(const struct bpffs *fs, const char *name)
{
	char path[PATH_MAX];

	return fs->fd >= 0 && !access(bpffs_path(fs, path, name), F_OK);
}

static struct lookup *load(const struct bpffs *fs, bool guard, char *error, size_t error_len)
{
	libbpf_print_fn_t old = libbpf_set_print(keep_text);
	struct lookup *skeleton;
	int err = 0;

	libbpf_text[0] = '\0';
	skeleton = lookup__open();
	if (!skeleton)
		err = -errno;
	if (!err) {
		skeleton->rodata->netns_cookie = fs->cookie;
		bpf_program__set_autoload(skeleton->progs.l7fp_lookup, !guard);
		bpf_program__set_autoload(skeleton->progs.l7fp_lookup_guard, guard);
		err = bpffs_reuse(fs, skeleton->maps.l7fp_inbound, "inbound");
	}
	if (!err)
		err = bpffs_reuse(fs, skeleton->maps.l7fp_nodes, "nodes");
	/* The connect hooks have it, too. */
	if (!err)
		err = bpffs_reuse(fs, skeleton->maps.l7fp_exempt, "exempt");
	if (!err)
		err = lookup__load(skeleton);
	if (!err)
		err = bpffs_pin(fs, skeleton->maps.l7fp_inbound, "inbound");
	if (!err)
		err = bpffs_pin(fs, skeleton->maps.l7fp_nodes, "nodes");
	if (!err)
		err = bpffs_pin(fs, skeleton->maps.l7fp_exempt, "exempt");
	libbpf_set_print(old);
	if (!err)
		return skeleton;
	libbpf_text[strcspn(libbpf_text, "\n")] = '\0';
	snprintf(error, error_len,
		 "inbound capture: the sk_lookup program cannot be loaded: %s%s%s: is l7fp.ko of this version loaded? l7fp-tool doctor says what is missing",
		 strerror(-err), libbpf_text[0] ? ": " : "", libbpf_text);
	lookup__destroy(skeleton);
	errno = -err;
	return NULL;
}

static int new_map(const char *name, uint32_t key, uint32_t value, size_t n, char *error,
		   size_t error_len)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, key, value, n ? n : 1, NULL);

	if (fd >= 0)
		return fd;
	fd = -errno;
	snprintf(error, error_len, "inbound capture: map of %zu entries: %s", n, strerror(-fd));
	return fd;
}

static int make_entries(const struct lookup_entry *entry, size_t n, char *error, size_t error_len)
{
	struct l7fp_steer_to to = { 0 };
	struct l7fp_inbound key;
	int fd, err;
	size_t i;

	fd = new_map("l7fp_inbound", sizeof(key), sizeof(to), n, error, error_len);
	for (i = 0; fd >= 0 && i < n; i++) {
		memcpy(key.address, &entry[i].address, sizeof(key.address));
		key.port = entry[i].port;
		to.listener = entry[i].listener;
		to.flags = entry[i].probes ? L7FP_STEER_PROBES : 0;
		if (bpf_map_update_elem(fd, &key, &to, BPF_ANY)) {
			err = -errno;
			snprintf(error, error_len, "inbound capture: address %zu of %zu: %s", i, n,
				 strerror(-err));
			close(fd);
			return err;
		}
	}
	return fd;
}

static int make_nodes(const struct in6_addr *node, size_t n, char *error, size_t error_len)
{
	struct l7fp_node_address key;
	const uint32_t set = 1;
	int fd, err;
	size_t i;

	fd = new_map("l7fp_nodes", sizeof(key), sizeof(set), n, error, error_len);
	for (i = 0; fd >= 0 && i < n; i++) {
		memcpy(key.address, &node[i], sizeof(key.address));
		if (bpf_map_update_elem(fd, &key, &set, BPF_ANY)) {
			err = -errno;
			snprintf(error, error_len, "inbound capture: node address %zu: %s", i,
				 strerror(-err));
			close(fd);
			return err;
		}
	}
	return fd;
}

static int put(const struct bpffs *fs, const char *name, int fd, char *error, size_t error_len)
{
	char path[PATH_MAX];
	uint32_t zero = 0;
	int outer, err = 0;

	outer = bpf_obj_get(bpffs_path(fs, path, name));
	if (outer < 0 || bpf_map_update_elem(outer, &zero, &fd, BPF_ANY)) {
		err = -errno;
		snprintf(error, error_len, "%s: %s", path, strerror(-err));
	}
	if (outer >= 0)
		close(outer);
	return err;
}

static int attach(const struct bpffs *fs, const struct bpf_program *program, char *error,
		  size_t error_len)
{
	char path[PATH_MAX];
	struct bpf_link *link;
	int netns, err = 0;

	netns = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	link = netns >= 0 ? bpf_program__attach_netns(program, netns) : NULL;
	if (!link || bpf_link__pin(link, bpffs_path(fs, path, "lookup"))) {
		err = -errno;
		snprintf(error, error_len,
			 "inbound capture: the sk_lookup program cannot be attached: %s",
			 strerror(-err));
	}
	bpf_link__destroy(link);
	if (netns >= 0)
		close(netns);
	return err;
}

/* The program changes with no moment in between. */
static int replace(const struct bpffs *fs, const struct bpf_program *program, char *error,
		   size_t error_len)
{
	char path[PATH_MAX];
	int fd, err = 0;

	fd = bpf_obj_get(bpffs_path(fs, path, "lookup"));
	if (fd < 0 || bpf_link_update(fd, bpf_program__fd(program), NULL)) {
		err = -errno;
		snprintf(error, error_len, "%s: the program cannot be replaced: %s", path,
			 strerror(-err));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int put_program(const struct bpffs *fs, struct lookup *skeleton, bool guard, char *error,
		       size_t error_len)
{
	const struct bpf_program *program = guard ? skeleton->progs.l7fp_lookup_guard :
						    skeleton->progs.l7fp_lookup;
	char path[PATH_MAX], version[32];
	int err;

	err = lookup_is_attached(fs) ? replace(fs, program, error, error_len) :
				       attach(fs, program, error, error_len);
	if (err)
		return err;
	err = bpffs_remove_some(fs, is_version, error, error_len);
	version_name(version);
	if (!err && !guard && bpf_obj_pin(bpf_map__fd(skeleton->maps.l7fp_inbound),
					  bpffs_path(fs, path, version))) {
		err = -errno;
		snprintf(error, error_len, "%s: %s", path, strerror(-err));
	}
	return err;
}

bool lookup_is_attached(const struct bpffs *fs)
{
	return pinned(fs, "lookup");
}

bool lookup_is_guarded(const struct bpffs *fs)
{
	return lookup_is_attached(fs) && !bpffs_has(fs, is_version);
}

int lookup_set(const struct bpffs *fs, const struct lookup_entry *entry, size_t n,
	       const struct in6_addr *node, size_t n_nodes, bool guard, char *error,
	       size_t error_len)
{
	struct lookup *skeleton = NULL;
	int entries, nodes = -1, err;
	char version[32];

	if (n > LOOKUP_MAX_ENTRIES || n_nodes > LOOKUP_MAX_NODES) {
		snprintf(error, error_len,
			 "inbound capture: %zu addresses and ports, %zu of nodes; expected at most %d and %d",
			 n, n_nodes, LOOKUP_MAX_ENTRIES, LOOKUP_MAX_NODES);
		return -E2BIG;
	}
	version_name(version);
	if (guard || !lookup_is_attached(fs) || !pinned(fs, version)) {
		skeleton = load(fs, guard, error, error_len);
		if (!skeleton)
			return -errno;
	}
	entries = make_entries(entry, n, error, error_len);
	err = entries < 0 ? entries : 0;
	if (!err) {
		nodes = make_nodes(node, n_nodes, error, error_len);
		err = nodes < 0 ? nodes : 0;
	}
	if (!err)
		err = put(fs, "nodes", nodes, error, error_len);
	if (!err)
		err = put(fs, "inbound", entries, error, error_len);
	if (!err && skeleton)
		err = put_program(fs, skeleton, guard, error, error_len);
	if (entries >= 0)
		close(entries);
	if (nodes >= 0)
		close(nodes);
	lookup__destroy(skeleton);
	return err;
}

int lookup_guard(const struct bpffs *fs, char *error, size_t error_len)
{
	struct lookup *skeleton;
	int err;

	if (!lookup_is_attached(fs))
		return 0;
	skeleton = load(fs, true, error, error_len);
	if (!skeleton)
		return -errno;
	err = put_program(fs, skeleton, true, error, error_len);
	lookup__destroy(skeleton);
	return err;
}

int lookup_detach(const struct bpffs *fs, char *error, size_t error_len)
{
	int err;

	if (!lookup_is_attached(fs))
		return 0;
	err = bpffs_remove_some(fs, lookup_is_pin, error, error_len);
	return err ? err : bpffs_remove_some(fs, is_version, error, error_len);
}
