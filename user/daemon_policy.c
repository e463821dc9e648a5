// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of the daemon's files: applied when they change, looked after
 * until what the replaced policy used is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon.h"
#include "netlink.h"
#include "policy_files.h"
#include "workloads.h"

/**
 * struct daemon_policy - what is in force, and from which files
 * @files: of the last policy that was applied; @files.ir NULL: none yet
 * @workloads: likewise of each workload, where there is a policy for each
 * @leftover: what a replaced policy still uses
 */
struct daemon_policy {
	const struct daemon_options *options;
	struct policy_files files;
	struct apply_memory memory;
	struct workloads workloads;
	struct daemon_health health;
	size_t leftover;
};

struct daemon_policy *daemon_policy_new(const struct daemon_options *options)
{
	struct daemon_policy *p = calloc(1, sizeof(*p));

	if (!p) {
		fputs("l7fpd: out of memory\n", stderr);
		exit(1);
	}
	p->options = options;
	return p;
}

void daemon_policy_free(struct daemon_policy *p)
{
	policy_files_free(&p->files);
	apply_memory_free(&p->memory);
	workloads_free(&p->workloads);
	free(p);
}

static void fill_options(struct daemon_policy *p, struct apply_options *o)
{
	memset(o, 0, sizeof(*o));
	o->cgroup = p->options->cgroup;
	o->n_cgroups = p->options->n_cgroups;
	o->port = p->options->port;
	o->slow_path = p->options->slow_path;
	o->exempt = p->options->exempt;
	o->n_exempt = p->options->n_exempt;
	o->memory = &p->memory;
	o->listener_flags = p->options->listener_flags;
}

static void report(const struct policy_files *files, const struct apply_result *r)
{
	if (r->same_generation)
		printf("l7fpd: generation %llu stays; %zu clusters changed, %zu addresses captured, %.1f ms\n",
		       (unsigned long long)r->generation, r->clusters_changed, r->n_captures,
		       files->translate_ms + r->load_ms);
	else
		printf("l7fpd: generation %llu in force: %zu routes, %zu authorization rules, %zu clusters, %zu endpoints, %zu addresses captured, %.1f ms\n",
		       (unsigned long long)r->generation, r->n_routes, r->n_rules, r->n_clusters,
		       r->n_endpoints, r->n_captures, files->translate_ms + r->load_ms);
	if (r->no_ipv6)
		puts("l7fpd: captured IPv6 addresses are refused: there is no ::1 to listen on");
	fflush(stdout);
}

static int fail(struct daemon_policy *p, struct policy_files *files, const char *text)
{
	fprintf(stderr, "l7fpd: %s; %s\n", text, p->health.generation ?
		"what was in force before stays in force" : "no policy was applied");
	policy_files_free(files);
	p->health.failed++;
	p->health.ok = false;
	return -1;
}

int daemon_policy_check(const struct daemon_policy *p)
{
	struct policy_files files;
	int err;

	err = policy_files_read(&files, p->options->path, p->options->n_paths);
	if (err) {
		policy_files_explain(&files, stderr);
		fputs("l7fpd: the files hold errors; the one that runs goes on\n", stderr);
	}
	policy_files_free(&files);
	return err ? -1 : 0;
}

static struct workloads_options workloads_options(const struct daemon_policy *p)
{
	const struct daemon_options *o = p->options;

	return (struct workloads_options){
		.path = o->path, .n_paths = o->n_paths, .node = o->node,
		.registry_only = o->registry_only, .tls = o->tls, .port = o->port,
		.listener_flags = o->listener_flags,
		.slow_path = o->slow_path, .exempt = o->exempt, .n_exempt = o->n_exempt,
	};
}

static int apply_workloads(struct daemon_policy *p)
{
	const struct workloads_options options = workloads_options(p);
	char error[ERROR_LEN] = "";
	size_t i, applied = 0;
	int err;

	err = workloads_apply(&p->workloads, &options, error, sizeof(error));
	if (err < 0)
		fprintf(stderr, "l7fpd: %s; what was in force before stays in force\n", error);
	p->leftover = 0;
	for (i = 0; i < p->workloads.n && err >= 0; i++) {
		const struct workload_policy *w = &p->workloads.policy[i];

		if (!w->applied) {
			fprintf(stderr, "l7fpd: %s: %s\n", w->name, w->error);
			continue;
		}
		applied++;
		p->leftover += w->result.leftover;
		p->health.generation = w->result.generation;
	}
	if (err >= 0)
		printf("l7fpd: policies of %zu workloads in force, %d failed\n", applied, err);
	fflush(stdout);
	p->health.ok = !err;
	if (err)
		p->health.failed++;
	else
		p->health.applied++;
	return err ? -1 : 0;
}

int daemon_policy_apply(struct daemon_policy *p)
{
	struct apply_options options;
	struct apply_result result;
	struct policy_files files;
	char error[ERROR_LEN];

	if (p->options->workloads)
		return apply_workloads(p);
	if (policy_files_read(&files, p->options->path, p->options->n_paths)) {
		policy_files_explain(&files, stderr);
		return fail(p, &files, "the files hold errors");
	}
	policy_files_explain(&files, stderr);
	fill_options(p, &options);
	if (options.slow_path.port &&
	    policy_files_token(p->options->path, p->options->n_paths, NULL,
			       options.slow_path.token, sizeof(options.slow_path.token)))
		return fail(p, &files, "the files changed while they were read");
	if (apply(files.ir, &options, &result, error, sizeof(error)))
		return fail(p, &files, error);
	report(&files, &result);
	policy_files_free(&p->files);
	p->files = files;
	p->leftover = result.leftover;
	p->health.applied++;
	p->health.ok = true;
	p->health.generation = result.generation;
	return 0;
}

void daemon_policy_guard(struct daemon_policy *p)
{
	struct apply_options options;
	struct policy_files files;
	char error[ERROR_LEN];
	size_t n = 0;

	if (p->options->workloads) {
		apply_workloads(p);
		return;
	}
	if (policy_files_read(&files, p->options->path, p->options->n_paths)) {
		policy_files_explain(&files, stderr);
		fail(p, &files, "the files hold errors");
		return;
	}
	fill_options(p, &options);
	if (apply_guard(files.ir, &options, &n, error, sizeof(error)))
		fprintf(stderr, "l7fpd: %s\n", error);
	else
		fprintf(stderr,
			"l7fpd: until the module is loaded and the policies are applied, %zu addresses that an authorization binds cannot be reached; l7fp-tool reset lets them go\n",
			n);
	policy_files_free(&files);
}

bool daemon_policy_leftover(const struct daemon_policy *p)
{
	return p->leftover && (p->files.ir || p->workloads.n);
}

bool daemon_policy_sweep(struct daemon_policy *p)
{
	struct apply_options options;
	char error[ERROR_LEN];

	if (!daemon_policy_leftover(p))
		return false;
	if (p->options->workloads) {
		const struct workloads_options all = workloads_options(p);

		p->leftover = workloads_sweep(&p->workloads, &all);
		return p->leftover;
	}
	fill_options(p, &options);
	if (apply_sweep(p->files.ir, &options, &p->leftover, error, sizeof(error)))
		fprintf(stderr, "l7fpd: %s\n", error);
	return p->leftover;
}

struct daemon_health daemon_policy_health(const struct daemon_policy *p)
{
	return p->health;
}

const struct workloads *daemon_policy_workloads(const struct daemon_policy *p)
{
	return &p->workloads;
}
