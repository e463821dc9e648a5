// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capture: hooks on cgroups and the map of captured addresses.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "capture_hooks.h"
#include "sha256.h"

/* Of the digest of the programs: as much as tells versions apart. */
#define VERSION_HEX	16

const char *const capture_hook_name[CAPTURE_HOOKS] = {
	"connect4", "connect6", "getpeername4", "getpeername6",
};

/* What libbpf said last; it tells more than the number. */
static char libbpf_text[512];

static int keep_text(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(libbpf_text, sizeof(libbpf_text), format, args);
	return 0;
}

/* The verifier's log is long; the last line of what libbpf said is enough. */
static const char *last_text(void)
{
	libbpf_text[strcspn(libbpf_text, "\n")] = '\0';
	return libbpf_text;
}

static bool pinned(const struct bpffs *fs, const char *name)
{
	char path[PATH_MAX];

	return !access(bpffs_path(fs, path, name), F_OK);
}

int capture_load(struct capture *c, bool guards, char *error, size_t error_len)
{
	libbpf_print_fn_t old;
	int err = 0;

	if (c->skeleton)
		return 0;
	old = libbpf_set_print(keep_text);
	libbpf_text[0] = '\0';
	c->skeleton = connect__open();
	if (!c->skeleton) {
		err = -errno;
		goto out;
	}
	c->skeleton->rodata->netns_cookie = c->fs->cookie;
	bpf_program__set_autoload(c->skeleton->progs.l7fp_guard4, guards);
	bpf_program__set_autoload(c->skeleton->progs.l7fp_guard6, guards);
	bpf_program__set_autoload(c->skeleton->progs.l7fp_connect4, !guards);
	bpf_program__set_autoload(c->skeleton->progs.l7fp_connect6, !guards);
	bpf_program__set_autoload(c->skeleton->progs.l7fp_getpeername4, !guards);
	bpf_program__set_autoload(c->skeleton->progs.l7fp_getpeername6, !guards);
	err = bpffs_reuse(c->fs, c->skeleton->maps.l7fp_services, "services");
	if (!err)
		err = bpffs_reuse(c->fs, c->skeleton->maps.l7fp_original, "original");
	if (!err)
		err = bpffs_reuse(c->fs, c->skeleton->maps.l7fp_exempt, "exempt");
	if (!err)
		err = connect__load(c->skeleton);
	if (!err)
		err = bpffs_pin(c->fs, c->skeleton->maps.l7fp_original, "original");
	if (!err)
		err = bpffs_pin(c->fs, c->skeleton->maps.l7fp_exempt, "exempt");
	if (!err)
		err = bpffs_pin(c->fs, c->skeleton->maps.l7fp_services, "services");
out:
	libbpf_set_print(old);
	if (err) {
		snprintf(error, error_len,
			 "capture: the connect hooks cannot be loaded: %s%s%s: is l7fp.ko of this version loaded? l7fp-tool doctor says what is missing",
			 strerror(-err), libbpf_text[0] ? ": " : "", last_text());
		connect__destroy(c->skeleton);
		c->skeleton = NULL;
	}
	return err;
}

int capture_open(struct capture **out, const struct bpffs *fs, char *error, size_t error_len)
{
	struct capture *c = calloc(1, sizeof(*c));
	char path[PATH_MAX];
	int err = 0;

	*out = NULL;
	if (!c) {
		snprintf(error, error_len, "out of memory");
		return -ENOMEM;
	}
	c->fs = fs;
	c->services_fd = bpf_obj_get(bpffs_path(fs, path, "services"));
	if (c->services_fd < 0) {
		err = capture_load(c, false, error, error_len);
		if (!err)
			c->services_fd = fcntl(bpf_map__fd(c->skeleton->maps.l7fp_services),
					       F_DUPFD_CLOEXEC, 3);
		if (!err && c->services_fd < 0) {
			err = -errno;
			snprintf(error, error_len, "capture: %s", strerror(-err));
		}
	}
	if (err) {
		capture_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	connect__destroy(c->skeleton);
	if (c->services_fd >= 0)
		close(c->services_fd);
	free(c);
}

const struct bpffs *capture_fs(const struct capture *c)
{
	return c->fs;
}

int capture_open_cgroup(const char *cgroup, uint64_t *id, char *error, size_t error_len)
{
	struct statfs fs;
	struct stat st;
	int fd, err;

	fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || fstatfs(fd, &fs)) {
		err = -errno;
		snprintf(error, error_len,
			 "cgroup %s: %s: expected a cgroup v2 folder; make it, or give another with --cgroup",
			 cgroup, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (fs.f_type != CGROUP2_SUPER_MAGIC) {
		snprintf(error, error_len,
			 "cgroup %s: not cgroup v2: mount it (mount -t cgroup2 cgroup2 %s), or give a cgroup v2 folder with --cgroup",
			 cgroup, CAPTURE_DEFAULT_CGROUP);
		close(fd);
		return -EINVAL;
	}
	*id = st.st_ino;
	return fd;
}

int capture_cgroup_id(const char *cgroup, uint64_t *id, char *error, size_t error_len)
{
	int fd = capture_open_cgroup(cgroup, id, error, error_len);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

char *capture_hook_path(const struct bpffs *fs, char *out, uint64_t id, int hook)
{
	char name[64];

	snprintf(name, sizeof(name), "%" PRIu64 "-%s", id, capture_hook_name[hook]);
	return bpffs_path(fs, out, name);
}

/* A pin of this name says that the hooks are the programs of this version. */
static void version_name(char out[32])
{
	char hex[SHA256_HEX];
	const void *bytes;
	size_t size;

	bytes = connect__elf_bytes(&size);
	sha256_hex(bytes, size, hex);
	snprintf(out, 32, CAPTURE_VERSION "%.*s", VERSION_HEX, hex);
}

int capture_hook_replace(const char *path, const struct bpf_program *program)
{
	int fd, err = 0;

	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_link_update(fd, bpf_program__fd(program), NULL))
		err = -errno;
	close(fd);
	return err;
}

/* What is attached may be of another version, or guard the addresses while nothing captures them. */
static int renew_one(struct capture *c, uint64_t id, int hook)
{
	char path[PATH_MAX];

	return capture_hook_replace(capture_hook_path(c->fs, path, id, hook),
				    capture_program(c, hook));
}

struct bpf_program *capture_program(const struct capture *c, int hook)
{
	struct bpf_program *const program[CAPTURE_HOOKS] = {
		c->skeleton->progs.l7fp_connect4, c->skeleton->progs.l7fp_connect6,
		c->skeleton->progs.l7fp_getpeername4, c->skeleton->progs.l7fp_getpeername6,
	};

	return program[hook];
}

int capture_hook_attach(const struct capture *c, const struct bpf_program *program, int cgroup_fd,
			uint64_t id, int hook)
{
	char path[PATH_MAX];
	struct bpf_link *link;
	int err;

	/* Links on cgroups are always of the kind that lets others attach, too. */
	link = bpf_program__attach_cgroup(program, cgroup_fd);
	if (!link)
		return -errno;
	err = bpf_link__pin(link, capture_hook_path(c->fs, path, id, hook));
	bpf_link__destroy(link);
	return err;
}

int capture_attach(struct capture *c, const char *cgroup, bool *made, char *error,
		   size_t error_len)
{
	bool mine[CAPTURE_HOOKS] = { false };
	char path[PATH_MAX], version[32];
	int fd, hook, err = 0;
	bool there, renewed;
	size_t n_there = 0;
	uint64_t id;

	*made = false;
	fd = capture_open_cgroup(cgroup, &id, error, error_len);
	if (fd < 0)
		return fd;
	version_name(version);
	renewed = pinned(c->fs, version);
	for (hook = 0; hook < CAPTURE_HOOKS && !err; hook++) {
		there = !access(capture_hook_path(c->fs, path, id, hook), F_OK);
		n_there += there;
		if (there && renewed)
			continue;
		err = capture_load(c, false, error, error_len);
		if (err)
			break;
		err = there ? renew_one(c, id, hook) :
			      capture_hook_attach(c, capture_program(c, hook), fd, id, hook);
		if (err)
			snprintf(error, error_len, "cgroup %s: the %s hook cannot be attached: %s",
				 cgroup, capture_hook_name[hook], strerror(-err));
		mine[hook] = !err && !there;
	}
	close(fd);
	if (!err) {
		/* Where some were there, taking back would open what they guard. */
		*made = !n_there;
		return 0;
	}
	for (hook = 0; hook < CAPTURE_HOOKS; hook++)
		if (mine[hook])
			unlink(capture_hook_path(c->fs, path, id, hook));
	return err;
}

int capture_detach(struct capture *c, uint64_t cgroup_id, char *error, size_t error_len)
{
	char path[PATH_MAX];
	int hook, err = 0;

	for (hook = 0; hook < CAPTURE_HOOKS; hook++) {
		if (!unlink(capture_hook_path(c->fs, path, cgroup_id, hook)) || errno == ENOENT)
			continue;
		err = -errno;
		snprintf(error, error_len, "%s: cannot be removed: %s", path, strerror(-err));
	}
	return err;
}

size_t capture_cgroups(const struct bpffs *fs, uint64_t *id, size_t max)
{
	struct dirent *entry;
	uint64_t value;
	size_t i, n = 0;
	DIR *dir;

	dir = fs->fd >= 0 ? opendir(fs->dir) : NULL;
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		char *end;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		value = strtoull(entry->d_name, &end, 10);
		if (*end != '-')
			continue;
		for (i = 0; i < n && id[i] != value; i++)
			;
		if (i == n && n < max)
			id[n++] = value;
	}
	closedir(dir);
	return n;
}

int capture_detach_others(struct capture *c, const uint64_t *cgroup_id, size_t n, char *error,
			  size_t error_len)
{
	uint64_t id[2 * CAPTURE_MAX_CGROUPS];
	size_t i, j, found;
	int err = 0, e;

	found = capture_cgroups(c->fs, id, 2 * CAPTURE_MAX_CGROUPS);
	for (i = 0; i < found; i++) {
		for (j = 0; j < n && cgroup_id[j] != id[i]; j++)
			;
		if (j < n)
			continue;
		e = capture_detach(c, id[i], error, error_len);
		if (e)
			err = e;
	}
	return err;
}

int capture_prepare(struct capture *c, const struct capture_service *service, size_t n,
		    char *error, size_t error_len)
{
	struct l7fp_redirect redirect;
	struct l7fp_service key;
	int fd, err;
	size_t i;

	(void)c;
	if (n > CAPTURE_MAX_SERVICES) {
		snprintf(error, error_len, "%zu captured addresses; expected at most %d", n,
			 CAPTURE_MAX_SERVICES);
		return -E2BIG;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "l7fp_captured", sizeof(key), sizeof(redirect),
			    n ? n : 1, NULL);
	if (fd < 0) {
		err = -errno;
		snprintf(error, error_len, "map of %zu captured addresses: %s", n, strerror(-err));
		return err;
	}
	for (i = 0; i < n; i++) {
		memset(&key, 0, sizeof(key));
		memcpy(key.address, &service[i].address, sizeof(key.address));
		key.port = htons(service[i].port);
		redirect.port4 = htons(service[i].port4);
		redirect.port6 = htons(service[i].port6);
		redirect.flags = service[i].guarded ? L7FP_REDIRECT_GUARDED : 0;
		if (bpf_map_update_elem(fd, &key, &redirect, BPF_ANY)) {
			err = -errno;
			snprintf(error, error_len, "captured address %zu of %zu: %s", i, n,
				 strerror(-err));
			close(fd);
			return err;
		}
	}
	return fd;
}

int capture_replace(struct capture *c, int services_fd, char *error, size_t error_len)
{
	uint32_t zero = 0;
	int err;

	if (!bpf_map_update_elem(c->services_fd, &zero, &services_fd, BPF_ANY))
		return 0;
	err = -errno;
	snprintf(error, error_len, "captured addresses: %s", strerror(-err));
	return err;
}

int capture_commit(struct capture *c, int services_fd, char *error, size_t error_len)
{
	char path[PATH_MAX], version[32];
	int err;

	err = capture_replace(c, services_fd, error, error_len);
	if (err)
		return err;
	version_name(version);
	if (pinned(c->fs, version))
		return 0;
	err = bpffs_remove_some(c->fs, capture_is_version, error, error_len);
	if (!err && bpf_obj_pin(c->services_fd, bpffs_path(c->fs, path, version))) {
		err = -errno;
		snprintf(error, error_len, "%s: %s", path, strerror(-err));
	}
	return err;
}

bool capture_is_version(const char *name)
{
	return !strncmp(name, CAPTURE_VERSION, strlen(CAPTURE_VERSION));
}

int capture_list(const struct bpffs *fs, struct capture_service **out, size_t *n, char *error,
		 size_t error_len)
{
	struct l7fp_service key, *previous = NULL;
	struct capture_service *list = NULL;
	struct l7fp_redirect redirect;
	uint32_t zero = 0, id;
	char path[PATH_MAX];
	int outer, fd, err;

	*out = NULL;
	*n = 0;
	if (fs->fd < 0 || !pinned(fs, "services"))
		return 0;
	outer = bpf_obj_get(bpffs_path(fs, path, "services"));
	if (outer < 0) {
		err = -errno;
		snprintf(error, error_len, "%s: %s", path, strerror(-err));
		return err;
	}
	err = bpf_map_lookup_elem(outer, &zero, &id) ? -errno : 0;
	close(outer);
	if (err)
		return err == -ENOENT ? 0 : err;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0) {
		err = -errno;
		snprintf(error, error_len, "captured addresses: %s", strerror(-err));
		return err;
	}
	/* A map in force does not change, so that one walk sees all of it. */
	while (!bpf_map_get_next_key(fd, previous, &key)) {
		struct capture_service *s;

		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &redirect))
			continue;
		list = reallocarray(list, *n + 1, sizeof(*list));
		if (!list) {
			fprintf(stderr, "l7fp: out of memory\n");
			exit(1);
		}
		s = &list[(*n)++];
		memcpy(&s->address, key.address, sizeof(s->address));
		s->port = ntohs(key.port);
		s->port4 = ntohs(redirect.port4);
		s->port6 = ntohs(redirect.port6);
		s->guarded = redirect.flags & L7FP_REDIRECT_GUARDED;
	}
	close(fd);
	*out = list;
	return 0;
}
