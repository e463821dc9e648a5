// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching files and folders.
 *
 * Editors replace files and Kubernetes replaces the link that a whole folder
 * stands behind, so it is folders that are watched: each one that is named,
 * those in it, and the one around each file. An event there is only a hint;
 * whether something changed is told by names, times and sizes.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include "daemon.h"
#include "input.h"

#define EVENTS	(IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | \
		 IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

/**
 * struct daemon_watch - the paths, and how they looked last
 * @signature: of names, times and sizes
 */
struct daemon_watch {
	int fd;
	char *const *path;
	size_t n_paths;
	size_t n_watches;
	uint64_t signature;
};

/* FNV-1a; files are not hostile here, they are the configuration. */
static void mix(uint64_t *hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		*hash = (*hash ^ *p++) * 0x100000001b3ULL;
}

static void add_watch(struct daemon_watch *w, const char *folder)
{
	if (w->n_watches >= DAEMON_MAX_WATCHES)
		return;
	if (inotify_add_watch(w->fd, folder, EVENTS) >= 0)
		w->n_watches++;
	else if (errno != ENOENT && errno != ENOTDIR)
		fprintf(stderr, "l7fpd: %s: cannot be watched: %s; SIGHUP applies changes there\n",
			folder, strerror(errno));
}

static void visit(struct daemon_watch *w, const char *path, int depth, uint64_t *hash, bool watch);

static void visit_folder(struct daemon_watch *w, const char *path, int depth, uint64_t *hash,
			 bool watch)
{
	char child[PATH_MAX];
	struct dirent **list;
	int i, n;

	if (watch)
		add_watch(w, path);
	n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return;
	for (i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.' &&
		    snprintf(child, sizeof(child), "%s/%s", path, list[i]->d_name) <
		    (int)sizeof(child))
			visit(w, child, depth + 1, hash, watch);
		free(list[i]);
	}
	free(list);
}

static void visit(struct daemon_watch *w, const char *path, int depth, uint64_t *hash, bool watch)
{
	struct stat st;

	mix(hash, path, strlen(path) + 1);
	if (depth > INPUT_MAX_FOLDER_DEPTH || stat(path, &st))
		return;
	if (S_ISDIR(st.st_mode)) {
		visit_folder(w, path, depth, hash, watch);
		return;
	}
	mix(hash, &st.st_dev, sizeof(st.st_dev));
	mix(hash, &st.st_ino, sizeof(st.st_ino));
	mix(hash, &st.st_size, sizeof(st.st_size));
	mix(hash, &st.st_mtim, sizeof(st.st_mtim));
	mix(hash, &st.st_mode, sizeof(st.st_mode));
}

static void watch_parent(struct daemon_watch *w, const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return;
	slash = strrchr(folder, '/');
	if (!slash)
		strcpy(folder, ".");
	else if (slash == folder)
		slash[1] = '\0';
	else
		*slash = '\0';
	add_watch(w, folder);
}

static uint64_t look(struct daemon_watch *w, bool watch)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	size_t i;

	if (watch)
		w->n_watches = 0;
	for (i = 0; i < w->n_paths; i++) {
		if (watch)
			watch_parent(w, w->path[i]);
		visit(w, w->path[i], 0, &hash, watch);
	}
	return hash;
}

struct daemon_watch *daemon_watch_new(char *const *path, size_t n)
{
	struct daemon_watch *w = calloc(1, sizeof(*w));

	if (!w) {
		fputs("l7fpd: out of memory\n", stderr);
		exit(1);
	}
	w->path = path;
	w->n_paths = n;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		fprintf(stderr, "l7fpd: inotify: %s; raise fs.inotify.max_user_instances\n",
			strerror(errno));
		free(w);
		return NULL;
	}
	w->signature = look(w, true);
	return w;
}

int daemon_watch_fd(const struct daemon_watch *w)
{
	return w->fd;
}

bool daemon_watch_read(struct daemon_watch *w)
{
	char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	uint64_t signature;
	bool any = false;

	while (read(w->fd, events, sizeof(events)) > 0)
		any = true;
	if (!any)
		return false;
	signature = look(w, false);
	if (signature == w->signature)
		return false;
	w->signature = signature;
	return true;
}

bool daemon_watch_refresh(struct daemon_watch *w)
{
	uint64_t signature = look(w, true), before = w->signature;

	w->signature = signature;
	return signature != before;
}

void daemon_watch_free(struct daemon_watch *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w);
}
