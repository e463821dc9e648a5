// SPDX-License-Identifier: GPL-2.0-only
/* Policies for each workload of this node. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "cmd.h"
#include "document.h"
#include "netlink.h"
#include "workloads.h"

#define OWN_NETNS	"/proc/thread-self/ns/net"
/* Each holds its translation and a pin; a node has some hundred pods at most. */
#define MAX_WORKLOADS	4096

static void *must(void *p)
{
	if (p)
		return p;
	fprintf(stderr, "l7fp: out of memory\n");
	exit(1);
}

static void policy_free(struct workload_policy *p)
{
	free(p->name);
	free(p->netns);
	free(p->cgroup);
	free(p->namespace);
	free(p->account);
	policy_files_free(&p->files);
	apply_memory_free(&p->memory);
	memset(p, 0, sizeof(*p));
}

void workloads_free(struct workloads *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		policy_free(&w->policy[i]);
	free(w->policy);
	memset(w, 0, sizeof(*w));
}

static bool is_here(const struct document *d, const char *node)
{
	const struct node *fields = workload_fields(d);
	const char *where = node_string(node_get(fields, "node"));

	if (!document_is_workload(d) || !node_string(node_get(fields, "networkNamespace")))
		return false;
	return !node || (where && !strcmp(where, node));
}

static void add(struct workloads *w, const struct document *d)
{
	const struct node *fields = workload_fields(d);
	const char *cgroup = node_string(node_get(fields, "cgroup"));
	struct workload_policy *p;

	w->policy = must(reallocarray(w->policy, w->n + 1, sizeof(*w->policy)));
	p = &w->policy[w->n++];
	memset(p, 0, sizeof(*p));
	if (asprintf(&p->name, "%s/%s", workload_namespace(d), workload_name(d)) < 0)
		must(NULL);
	p->netns = must(strdup(node_string(node_get(fields, "networkNamespace"))));
	p->namespace = must(strdup(workload_namespace(d)));
	p->account = must(strdup(workload_account(d)));
	if (cgroup)
		p->cgroup = must(strdup(cgroup));
}

/* The documents are read for themselves: a translation marks what it reads. */
static int find(struct workloads *w, const struct workloads_options *o, char *error,
		size_t error_len)
{
	struct documents *docs = documents_new();
	struct diagnostics *diag = diag_new();
	int err = 0;
	size_t i;

	for (i = 0; i < o->n_paths; i++)
		if (documents_read(docs, o->path[i], diag))
			err = -EINVAL;
	for (i = 0; i < docs->n && !err; i++)
		if (is_here(docs->list[i], o->node))
			add(w, docs->list[i]);
	if (err)
		diag_print(diag, stderr, DIAG_WARNING);
	diag_free(diag);
	documents_free(docs);
	if (err) {
		snprintf(error, error_len, "the files cannot be read");
		return err;
	}
	if (!w->n) {
		snprintf(error, error_len,
			 "no Workload%s%s has a networkNamespace: there is nothing to enforce policies for",
			 o->node ? " with node " : "", o->node ? o->node : "");
		return -ENOENT;
	}
	if (w->n > MAX_WORKLOADS) {
		snprintf(error, error_len, "%zu workloads; expected at most %d", w->n,
			 MAX_WORKLOADS);
		return -E2BIG;
	}
	return 0;
}

/* A network namespace has one policy, so one workload. */
static int check_apart(const struct workloads *w, char *error, size_t error_len)
{
	size_t i, k;

	for (i = 0; i < w->n; i++)
		for (k = 0; k < i; k++) {
			bool same_name = !strcmp(w->policy[i].name, w->policy[k].name);

			if (!same_name && strcmp(w->policy[i].netns, w->policy[k].netns))
				continue;
			snprintf(error, error_len,
				 same_name ? "%s is described twice" :
				 "%s and %s are in one network namespace, %s, which has one policy; expected one Workload for each",
				 w->policy[i].name, w->policy[k].name, w->policy[i].netns);
			return -EEXIST;
		}
	return 0;
}

static int translate_all(struct workloads *w, const struct workloads_options *o, char *error,
			 size_t error_len)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		struct workload_policy *p = &w->policy[i];
		const struct translate_view view = {
			.workload = p->name, .registry_only = o->registry_only,
			.tls = o->tls,
		};
		int err = policy_files_read_for_workload(&p->files, o->path, o->n_paths, &view);

		/* What is wrong is wrong for all of them. */
		if (err || !i)
			policy_files_explain(&p->files, stderr);
		if (!err && o->slow_path.port)
			err = policy_files_token(o->path, o->n_paths, &view, p->token,
						 sizeof(p->token));
		if (!err)
			continue;
		snprintf(error, error_len, "the policies for %s are invalid", p->name);
		return -EINVAL;
	}
	return 0;
}

static void take_over(struct workloads *w, struct workloads *old)
{
	size_t i, k;

	for (i = 0; i < w->n; i++)
		for (k = 0; k < old->n; k++)
			if (!strcmp(w->policy[i].name, old->policy[k].name) &&
			    !strcmp(w->policy[i].netns, old->policy[k].netns)) {
				w->policy[i].memory = old->policy[k].memory;
				memset(&old->policy[k].memory, 0, sizeof(struct apply_memory));
			}
	workloads_free(old);
}

static int enter(const struct workload_policy *p, char *error, size_t error_len)
{
	if (!cmd_enter_netns(p->netns))
		return 0;
	snprintf(error, error_len, "its network namespace %s cannot be entered", p->netns);
	return -ENOENT;
}

static int go_back(int netns, char *error, size_t error_len)
{
	int err = setns(netns, CLONE_NEWNET) ? -errno : 0;

	if (err)
		snprintf(error, error_len, "back to the own network namespace: %s",
			 strerror(-err));
	return err;
}

static struct apply_options options_of(struct workload_policy *p,
				       const struct workloads_options *o)
{
	struct apply_options options = {
		.n_cgroups = p->cgroup ? 1 : 0,
		.cgroup = (const char *const *)&p->cgroup,
		.port = o->port,
		.listener_flags = o->listener_flags,
		.slow_path = o->slow_path,
		.exempt = o->exempt,
		.n_exempt = o->n_exempt,
		.dry_run = o->dry_run,
		.memory = &p->memory,
	};

	memcpy(options.slow_path.token, p->token, sizeof(p->token));
	return options;
}

static int guard_one(struct workload_policy *p, const struct apply_options *options)
{
	size_t n;
	int err = apply_guard(p->files.ir, options, &n, p->error, sizeof(p->error));

	if (!err)
		snprintf(p->error, sizeof(p->error),
			 "l7fp.ko is not loaded: %s, and %zu addresses that an authorization binds cannot be reached from there; modprobe l7fp, then apply again",
			 p->files.ir->inbound.captured ? "what arrives is refused" :
			 "no policy concerns what arrives", n);
	return -ENODEV;
}

static int apply_one(struct workload_policy *p, const struct workloads_options *o)
{
	struct apply_options options = options_of(p, o);
	int err;

	err = o->dry_run ? 0 : enter(p, p->error, sizeof(p->error));
	if (!err && !o->dry_run && !netlink_has_module())
		err = guard_one(p, &options);
	else if (!err)
		err = apply(p->files.ir, &options, &p->result, p->error, sizeof(p->error));
	p->applied = !err;
	return err;
}

int workloads_apply(struct workloads *w, const struct workloads_options *o, char *error,
		    size_t error_len)
{
	struct workloads new = { 0 };
	int netns, err, failed = 0;
	size_t i;

	err = find(&new, o, error, error_len);
	if (!err)
		err = check_apart(&new, error, error_len);
	if (!err)
		err = translate_all(&new, o, error, error_len);
	netns = err ? -1 : open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (!err && netns < 0) {
		err = -errno;
		snprintf(error, error_len, "%s: %s", OWN_NETNS, strerror(-err));
	}
	if (err) {
		workloads_free(&new);
		return err;
	}
	take_over(&new, w);
	*w = new;
	for (i = 0; i < w->n && !err; i++) {
		failed += !!apply_one(&w->policy[i], o);
		err = o->dry_run ? 0 : go_back(netns, error, error_len);
	}
	close(netns);
	return err ? err : failed;
}

size_t workloads_sweep(struct workloads *w, const struct workloads_options *o)
{
	char error[ERROR_LEN];
	size_t i, left = 0;
	int netns;

	netns = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	for (i = 0; i < w->n && netns >= 0; i++) {
		struct workload_policy *p = &w->policy[i];
		struct apply_options options = options_of(p, o);

		if (!p->applied || !p->result.leftover)
			continue;
		/* A network namespace that is gone has nothing left. */
		p->result.leftover = 0;
		if (!enter(p, error, sizeof(error)) &&
		    apply_sweep(p->files.ir, &options, &p->result.leftover, error, sizeof(error)))
			fprintf(stderr, "l7fp: %s: %s\n", p->name, error);
		left += p->result.leftover;
		if (go_back(netns, error, sizeof(error))) {
			fprintf(stderr, "l7fp: %s\n", error);
			break;
		}
	}
	if (netns >= 0)
		close(netns);
	return left;
}
