// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool drain: end the service without loss, so that the module can be unloaded. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include "bpffs.h"
#include "cmd.h"
#include "drain.h"
#include "json_out.h"
#include "schema.h"

#define DEFAULT_DEADLINE_MS	30000
#define MAX_NAMESPACES		4096
/* How often text says how far it is. */
#define PROGRESS_MS		1000

struct arguments {
	uint32_t deadline_ms;
	const char *netns;
	bool all, json;
};

/**
 * struct drains - those of one run
 * @drain: @n of them
 * @seen: inodes of network namespaces that were looked at
 */
struct drains {
	struct drain *drain;
	size_t n;
	ino_t seen[MAX_NAMESPACES];
	size_t n_seen;
};

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool drain [OPTION]...\n"
	      "\n"
	      "End the service of this network namespace without loss, so that the module can\n"
	      "be unloaded. Capture ends: new connections go to their destinations directly,\n"
	      "and are refused where an AuthorizationPolicy or STRICT binds the destination.\n"
	      "Connections that exist end with their next response; what lasts until the\n"
	      "deadline is reset. Then policy, listeners and clusters are taken away.\n"
	      "\n"
	      "  -d, --deadline TIME  such as 30s (the default), 2m or 500ms; a day at most\n"
	      "  -n, --netns NAME     another network namespace: a name of ip netns, or a path\n"
	      "  -a, --all            every network namespace in which something is in force,\n"
	      "                       and the pins of those that are gone\n"
	      "  -j, --json           the result as JSON\n"
	      "  -h, --help           this text\n", out);
}

static int parse_deadline(const char *text, uint32_t *ms)
{
	int64_t ns = schema_duration(text);

	if (ns < 0 || ns / 1000000 > L7FP_MAX_DRAIN_MS) {
		fprintf(stderr,
			"l7fp-tool drain: --deadline: expected a time such as 30s, at most %d s, got '%s'\n",
			L7FP_MAX_DRAIN_MS / 1000, text);
		return -1;
	}
	*ms = ns / 1000000;
	return 0;
}

/* 0 go on, else the exit status plus one. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "deadline", required_argument, NULL, 'd' },
		{ "netns", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	a->deadline_ms = DEFAULT_DEADLINE_MS;
	optind = 1;
	while ((c = getopt_long(argc, argv, "d:n:ajh", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			if (parse_deadline(optarg, &a->deadline_ms))
				return 1 + EXIT_USAGE;
			break;
		case 'n':
			a->netns = optarg;
			break;
		case 'a':
			a->all = true;
			break;
		case 'j':
			a->json = true;
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return 1 + EXIT_USAGE;
		}
	}
	if (optind == argc && !(a->all && a->netns))
		return 0;
	usage(stderr);
	return 1 + EXIT_USAGE;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Begins the drain of the network namespace that we are in. */
static int begin(struct drains *all, uint32_t deadline_ms, char *error, size_t error_len)
{
	struct drain *d;
	int err;

	all->drain = reallocarray(all->drain, all->n + 1, sizeof(*all->drain));
	if (!all->drain) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(EXIT_FAILED);
	}
	d = &all->drain[all->n];
	err = drain_begin(d, deadline_ms, error, error_len);
	if (err)
		drain_end(d);
	else
		all->n++;
	return err;
}

static int refuse_daemon(char *error, size_t error_len)
{
	uint64_t cookie;
	int err;

	err = bpffs_cookie(&cookie, error, error_len);
	if (err || !cmd_daemon_runs(cookie))
		return err;
	snprintf(error, error_len,
		 "l7fpd runs for this network namespace, and would put its policies in force again: end it first (systemctl stop l7fpd)");
	return -EBUSY;
}

/* Whether something is in force here. */
static bool in_force(void)
{
	char error[ERROR_LEN];
	struct kernel_drain state = {};
	struct netlink *nl;
	struct bpffs fs;
	bool there;

	if (bpffs_open(&fs, 0, error, sizeof(error)))
		return false;
	there = fs.fd >= 0;
	bpffs_close(&fs);
	if (there || netlink_open(&nl, error, sizeof(error)))
		return there;
	there = !kernel_drain(nl, 0, 0, &state, error, sizeof(error)) &&
		(state.listeners || state.connections);
	netlink_close(nl);
	return there;
}

static bool is_new(struct drains *all, const char *path)
{
	struct stat st;
	size_t i;

	if (stat(path, &st))
		return false;
	for (i = 0; i < all->n_seen; i++)
		if (all->seen[i] == st.st_ino)
			return false;
	if (all->n_seen == MAX_NAMESPACES)
		return false;
	all->seen[all->n_seen++] = st.st_ino;
	return true;
}

/* Every network namespace that has a name or a process. */
static int begin_all(struct drains *all, uint32_t deadline_ms, char *error, size_t error_len)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd, err = 0;
	glob_t found = {};
	size_t i;

	glob("/proc/self/ns/net", 0, NULL, &found);
	glob("/run/netns/*", GLOB_APPEND, NULL, &found);
	glob("/proc/[0-9]*/ns/net", GLOB_APPEND, NULL, &found);
	for (i = 0; i < found.gl_pathc && !err; i++) {
		if (!is_new(all, found.gl_pathv[i]))
			continue;
		fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		/* Gone meanwhile; or a name in /run/netns that is none. */
		if (fd < 0 || setns(fd, CLONE_NEWNET)) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		close(fd);
		if (!in_force())
			continue;
		err = refuse_daemon(error, error_len);
		if (!err)
			err = begin(all, deadline_ms, error, error_len);
	}
	globfree(&found);
	if (home >= 0) {
		if (setns(home, CLONE_NEWNET) && !err) {
			err = -errno;
			snprintf(error, error_len, "network namespace: %s", strerror(-err));
		}
		close(home);
	}
	return err;
}

static bool step_all(struct drains *all, uint32_t elapsed, int *err, char *error,
		     size_t error_len)
{
	bool done = true;
	size_t i;

	for (i = 0; i < all->n && !*err; i++) {
		struct drain *d = &all->drain[i];

		if (!d->done)
			*err = drain_step(d, elapsed, error, error_len);
		done &= d->done;
	}
	return done;
}

static void print_progress(const struct drains *all)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct drain *d = &all->drain[i];

		if (d->done)
			continue;
		printf("network namespace %llu: %u listeners and %u connections left, %u s to the deadline\n",
		       (unsigned long long)d->cookie, d->state.listeners, d->state.connections,
		       (d->state.left_ms + 999) / 1000);
	}
	fflush(stdout);
}

static int wait_all(struct drains *all, bool quiet, char *error, size_t error_len)
{
	const struct timespec pause = { .tv_nsec = DRAIN_POLL_MS * 1000000L };
	uint64_t start = now_ms(), said = start;
	int err = 0;

	while (!step_all(all, now_ms() - start, &err, error, error_len) && !err) {
		if (!quiet && now_ms() - said >= PROGRESS_MS) {
			said = now_ms();
			print_progress(all);
		}
		nanosleep(&pause, NULL);
	}
	return err;
}

static void print_json(const struct drains *all, double seconds)
{
	struct json j;
	size_t i;

	json_begin(&j, stdout, JSON_PRETTY);
	json_object(&j, NULL);
	json_double(&j, "seconds", seconds);
	json_array(&j, "namespaces");
	for (i = 0; i < all->n; i++) {
		json_object(&j, NULL);
		json_unsigned(&j, "network_namespace", all->drain[i].cookie);
		json_unsigned(&j, "reset", all->drain[i].state.reset);
		json_unsigned(&j, "guarded_addresses", all->drain[i].n_guarded);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	json_finish(&j);
}

static void print_text(const struct drains *all, double seconds)
{
	size_t i;

	if (!all->n)
		puts("nothing is in force in any network namespace");
	for (i = 0; i < all->n; i++) {
		const struct drain *d = &all->drain[i];

		printf("network namespace %llu: drained in %.1f s, %llu connections were reset at the deadline\n",
		       (unsigned long long)d->cookie, seconds, (unsigned long long)d->state.reset);
		if (d->n_guarded)
			printf("network namespace %llu: %zu addresses are refused until the next apply: an AuthorizationPolicy or STRICT binds them\n",
			       (unsigned long long)d->cookie, d->n_guarded);
	}
}

/* Pins of namespaces that are gone; those that drained keep what guards them. */
static int remove_rest(const struct drains *all, char *error, size_t error_len)
{
	uint64_t *cookie = calloc(all->n + 1, sizeof(*cookie));
	size_t i;
	int err;

	if (!cookie) {
		snprintf(error, error_len, "out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < all->n; i++)
		cookie[i] = all->drain[i].cookie;
	err = bpffs_remove_all(cookie, all->n, error, error_len);
	free(cookie);
	return err;
}

static int run(struct drains *all, const struct arguments *a, char *error, size_t error_len)
{
	uint64_t start = now_ms();
	double seconds;
	int err;

	if (a->all) {
		err = begin_all(all, a->deadline_ms, error, error_len);
	} else {
		err = refuse_daemon(error, error_len);
		if (!err)
			err = begin(all, a->deadline_ms, error, error_len);
	}
	if (!err)
		err = wait_all(all, a->json, error, error_len);
	if (!err && a->all)
		err = remove_rest(all, error, error_len);
	if (err)
		return err;
	seconds = (now_ms() - start) / 1e3;
	if (a->json)
		print_json(all, seconds);
	else
		print_text(all, seconds);
	return 0;
}

int cmd_drain(int argc, char **argv)
{
	struct arguments a = {};
	char error[ERROR_LEN] = "";
	struct drains *all;
	size_t i;
	int err;

	err = parse(&a, argc, argv);
	if (err)
		return err - 1;
	if (a.netns && cmd_enter_netns(a.netns))
		return EXIT_FAILED;
	all = calloc(1, sizeof(*all));
	if (!all)
		return cmd_fail("drain", "out of memory");
	err = run(all, &a, error, sizeof(error));
	for (i = 0; i < all->n; i++)
		drain_end(&all->drain[i]);
	free(all->drain);
	free(all);
	return err ? cmd_fail("drain", error) : 0;
}
