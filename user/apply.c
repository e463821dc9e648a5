// SPDX-License-Identifier: GPL-2.0-only
/*
 * Putting a policy in force, and taking everything away.
 *
 * The order of apply():
 *	1. load the program: nothing has changed yet, and the verifier is the
 *	   likeliest to refuse;
 *	2. clusters, endpoints, listeners, the generation's tables, hooks, the map
 *	   of captured addresses: each with what takes it back;
 *	3. swap the program (one link update), then the captured addresses (one
 *	   pointer), so that no connect is captured for a policy that does not
 *	   know it; then likewise what arrives for a workload;
 *	4. when the exchanges of the old generation have ended: remove what only
 *	   they used.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "apply_slowpath.h"
#include "apply_steps.h"
#include "apply_blob.h"
#include "synth.h"

void *apply_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	return p;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

void apply_memory_free(struct apply_memory *memory)
{
	free(memory->blob);
	memset(memory, 0, sizeof(*memory));
}

void apply_undo_push(struct apply *a, enum undo_kind kind, uint32_t id, uint64_t number)
{
	a->undo = reallocarray(a->undo, a->n_undo + 1, sizeof(*a->undo));
	if (!a->undo) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	a->undo[a->n_undo++] = (struct undo){ .kind = kind, .id = id, .number = number };
}

static int undo_one(struct apply *a, const struct undo *u, char *error)
{
	const struct kernel_cluster *old = kernel_cluster(&a->kernel, u->id);
	char path[PATH_MAX];

	switch (u->kind) {
	case UNDO_LISTENER:
		return kernel_listener_del(a->nl, u->id, error, ERROR_LEN);
	case UNDO_CLUSTER_NEW:
		return kernel_cluster_del(a->nl, u->id, error, ERROR_LEN);
	case UNDO_CLUSTER:
		return old ? kernel_cluster_new(a->nl, old, error, ERROR_LEN) : 0;
	case UNDO_ENDPOINTS:
		return old ? kernel_endpoint_set(a->nl, old,
						 &a->kernel.endpoint[old->first_endpoint],
						 old->n_endpoints, error, ERROR_LEN) : 0;
	case UNDO_GENERATION:
		/* A generation that was in force goes by itself when its exchanges end. */
		if (a->detached)
			return 0;
		return kernel_generation_del(a->nl, u->number, error, ERROR_LEN);
	case UNDO_HOOKS:
		return capture_detach(a->capture, u->number, error, ERROR_LEN);
	case UNDO_POLICY:
		a->detached = true;
		return policy_detach(bpffs_path(&a->fs, path, "policy"), error, ERROR_LEN);
	}
	return 0;
}

void apply_undo_all(struct apply *a)
{
	char error[ERROR_LEN];

	while (a->n_undo) {
		error[0] = '\0';
		if (undo_one(a, &a->undo[--a->n_undo], error)) {
			size_t len = strlen(a->error);

			snprintf(a->error + len, a->error_len - len, "; taking back: %s", error);
		}
	}
}

static uint64_t next_generation(const struct apply *a)
{
	const struct apply_memory *memory = a->options->memory;
	uint64_t number = memory ? memory->generation : 0;
	size_t i;

	for (i = 0; i < a->kernel.n_generations; i++)
		if (a->kernel.generation[i].number > number)
			number = a->kernel.generation[i].number;
	return number + 1;
}

/* Generations that an earlier run left behind: begun, but never current. */
static int remove_unfinished(struct apply *a)
{
	size_t i;
	int err;

	for (i = 0; i < a->kernel.n_generations; i++) {
		const struct kernel_generation *g = &a->kernel.generation[i];

		if (g->state != L7FP_GENERATION_BUILDING && g->state != L7FP_GENERATION_PREPARED)
			continue;
		err = kernel_generation_del(a->nl, g->number, a->error, a->error_len);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

static int push_generation(struct apply *a, uint64_t number, const struct tables *tables,
			   const struct loaded_policy *policy)
{
	int err;

	err = kernel_generation_new(a->nl, number, a->error, a->error_len);
	if (err)
		return err;
	apply_undo_push(a, UNDO_GENERATION, 0, number);
	err = kernel_generation_add(a->nl, number, tables, a->error, a->error_len);
	if (!err)
		err = apply_slow_path(a, number);
	if (err)
		return err;
	return kernel_generation_prepare(a->nl, number, policy->map_fd, a->error, a->error_len);
}

size_t apply_cgroups(const struct apply_options *options, const char *const **cgroup)
{
	static const char *const everything[] = { CAPTURE_DEFAULT_CGROUP };

	*cgroup = options->n_cgroups ? options->cgroup : everything;
	return options->n_cgroups ? options->n_cgroups : 1;
}

static int attach_hooks(struct apply *a, uint64_t *cgroup_id, size_t *n)
{
	const char *const *cgroup;
	bool made;
	size_t i;
	int err;

	*n = apply_cgroups(a->options, &cgroup);
	if (*n > CAPTURE_MAX_CGROUPS) {
		snprintf(a->error, a->error_len, "%zu cgroups; expected at most %d", *n,
			 CAPTURE_MAX_CGROUPS);
		return -E2BIG;
	}
	for (i = 0; i < *n; i++) {
		err = capture_cgroup_id(cgroup[i], &cgroup_id[i], a->error, a->error_len);
		if (!err)
			err = capture_attach(a->capture, cgroup[i], &made, a->error, a->error_len);
		if (err)
			return err;
		if (made)
			apply_undo_push(a, UNDO_HOOKS, 0, cgroup_id[i]);
	}
	a->result->n_cgroups = *n;
	return 0;
}

static int swap_program(struct apply *a, const struct loaded_policy *policy)
{
	char path[PATH_MAX];
	int err;

	bpffs_path(&a->fs, path, "policy");
	if (policy_is_attached(path)) {
		err = policy_replace(policy, path, a->error, a->error_len);
		/* The old program is gone: what the new one uses must stay, come what may. */
		if (!err)
			a->n_undo = 0;
		return err;
	}
	err = policy_attach(policy, path, a->error, a->error_len);
	if (!err)
		apply_undo_push(a, UNDO_POLICY, 0, 0);
	return err;
}

static bool draining(struct apply *a)
{
	struct kernel kernel;
	bool found = false;
	size_t i;

	if (!kernel_read(a->nl, KERNEL_GENERATIONS, &kernel, a->error, a->error_len))
		for (i = 0; i < kernel.n_generations; i++)
			found |= kernel.generation[i].state == L7FP_GENERATION_DRAINING;
	kernel_free(&kernel);
	return found;
}

/*
 * Exchanges that the old policy judged may still be about to use its clusters,
 * and connects that it captured about to reach its listeners.
 */
static int remove_stale(struct apply *a, int wait_ms, size_t *leftover)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	double until = now_ms() + wait_ms;
	size_t removed = 0;
	int err, e;

	*leftover = apply_count_stale_clusters(a) + apply_count_stale_listeners(a);
	if (!*leftover)
		return 0;
	while (draining(a)) {
		if (now_ms() >= until)
			return 0;
		nanosleep(&pause, NULL);
	}
	err = apply_remove_listeners(a, &removed);
	e = apply_remove_clusters(a, &removed);
	*leftover -= removed;
	return err ? err : e;
}

/* From here the kernel changes; everything is taken back on an error. */
static int change(struct apply *a, const struct tables *tables, struct loaded_policy *policy,
		  uint64_t number)
{
	uint64_t cgroup_id[CAPTURE_MAX_CGROUPS];
	struct capture_service *services;
	int err, services_fd;
	size_t n_cgroups;

	err = remove_unfinished(a);
	if (!err)
		err = apply_clusters(a);
	if (!err)
		err = apply_listeners(a, true);
	if (!err && policy)
		err = push_generation(a, number, tables, policy);
	if (!err)
		err = capture_open(&a->capture, &a->fs, a->error, a->error_len);
	if (!err)
		err = attach_hooks(a, cgroup_id, &n_cgroups);
	if (err)
		return err;

	services = apply_services(a);
	services_fd = capture_prepare(a->capture, services, a->ir->n_captures, a->error,
				      a->error_len);
	free(services);
	if (services_fd < 0)
		return services_fd;
	a->result->n_captures = a->ir->n_captures;

	if (policy)
		err = swap_program(a, policy);
	if (!err)
		err = capture_commit(a->capture, services_fd, a->error, a->error_len);
	if (!err)
		err = apply_inbound(a);
	close(services_fd);
	if (err)
		return err;
	a->n_undo = 0;
	err = apply_exempt(a);
	if (err)
		return err;
	return capture_detach_others(a->capture, cgroup_id, n_cgroups, a->error, a->error_len);
}

static void fill_result(struct apply *a, const struct synth_program *program)
{
	a->result->n_insns = program->n;
	a->result->n_routes = a->ir->n_routes;
	a->result->n_rules = a->ir->n_rules;
	a->result->n_virtual_hosts = a->ir->n_virtual_hosts;
	a->result->n_captures = a->ir->n_captures;
}

static int dry_run(struct apply *a)
{
	struct synth_program program;
	struct tables tables;
	size_t i;
	int err;

	apply_assign_clusters(a);
	err = synthesize(a->ir, a->cluster_id, &program, &tables, a->error, a->error_len);
	if (err)
		return err;
	fill_result(a, &program);
	a->result->n_clusters = a->ir->n_clusters;
	for (i = 0; i < a->ir->n_clusters; i++)
		a->result->n_endpoints += a->ir->cluster[i].n_endpoints;
	synth_program_free(&program);
	tables_free(&tables);
	return 0;
}

/* The verifier's last words; its whole log would bury them. */
static void add_verifier_log(struct apply *a, char *log)
{
	size_t len = strlen(a->error), n = log ? strlen(log) : 0;

	if (n)
		snprintf(a->error + len, a->error_len - len, "; verifier: %s",
			 log + (n > 400 ? n - 400 : 0));
	free(log);
}

static int load_and_change(struct apply *a)
{
	struct apply_memory *memory = a->options->memory;
	const struct kernel_generation *current = kernel_current(&a->kernel);
	struct loaded_policy policy = LOADED_POLICY_NONE;
	uint64_t number = next_generation(a);
	struct synth_program program;
	struct tables tables;
	char *blob, *log = NULL;
	size_t blob_len;
	double start;
	bool same;
	int err;

	start = now_ms();
	err = synthesize(a->ir, a->cluster_id, &program, &tables, a->error, a->error_len);
	a->result->synthesize_ms = now_ms() - start;
	if (err)
		return err;
	apply_workload_cgroups(a, &tables);
	fill_result(a, &program);
	a->result->replaced = current ? current->number : 0;
	blob = apply_blob(&program, &tables, &blob_len);
	blob = apply_slow_path_blob(a->options, blob, &blob_len);
	same = memory && memory->blob && current && current->number == memory->generation &&
	       memory->blob_len == blob_len && !memcmp(memory->blob, blob, blob_len);
	if (!same) {
		start = now_ms();
		err = policy_load(&program, number, "l7fp", &policy, &log, a->error, a->error_len);
		a->result->verify_ms = now_ms() - start;
		if (err)
			add_verifier_log(a, log);
		a->result->n_verified_insns = policy.verified_insns;
	}
	if (!err)
		err = change(a, &tables, same ? NULL : &policy, number);
	if (err) {
		apply_undo_all(a);
	} else {
		a->result->same_generation = same;
		a->result->generation = same ? current->number : number;
		if (memory) {
			free(memory->blob);
			memory->blob = blob;
			memory->blob_len = blob_len;
			memory->generation = a->result->generation;
			blob = NULL;
		}
	}
	free(blob);
	if (policy.map_fd >= 0)
		policy_close(&policy);
	synth_program_free(&program);
	tables_free(&tables);
	return err;
}

void apply_finish(struct apply *a)
{
	capture_close(a->capture);
	bpffs_close(&a->fs);
	kernel_free(&a->kernel);
	netlink_close(a->nl);
	free(a->cluster_id);
	free(a->wanted);
	free(a->undo);
}

/* What would be put in force now ended with the drain. */
static int refuse_draining(struct apply *a)
{
	struct kernel_drain drain;
	int err;

	err = kernel_drain(a->nl, 0, 0, &drain, a->error, a->error_len);
	if (err || !drain.on)
		return err;
	snprintf(a->error, a->error_len,
		 "this network namespace drains, for another %u s at most: wait for the end of l7fp-tool drain",
		 (drain.left_ms + 999) / 1000);
	return -EBUSY;
}

static int begin(struct apply *a)
{
	int err;

	err = netlink_open(&a->nl, a->error, a->error_len);
	if (!err)
		err = bpffs_open(&a->fs, 1, a->error, a->error_len);
	if (!err)
		err = refuse_draining(a);
	if (!err)
		err = kernel_read(a->nl, KERNEL_LISTENERS | KERNEL_CLUSTERS | KERNEL_GENERATIONS,
				  &a->kernel, a->error, a->error_len);
	if (!err)
		apply_assign_clusters(a);
	return err;
}

int apply(const struct ir *ir, const struct apply_options *options, struct apply_result *result,
	  char *error, size_t error_len)
{
	struct apply a = {
		.ir = ir, .options = options, .result = result, .fs = { .fd = -1 },
		.error = error, .error_len = error_len,
	};
	double start = now_ms();
	int err;

	error[0] = '\0';
	memset(result, 0, sizeof(*result));
	if (options->dry_run) {
		err = dry_run(&a);
	} else {
		err = begin(&a);
		if (!err)
			err = load_and_change(&a);
	}
	result->load_ms = now_ms() - start;
	if (!err && !options->dry_run)
		err = remove_stale(&a, APPLY_DRAIN_MS, &result->leftover);
	apply_finish(&a);
	return err;
}

int apply_sweep(const struct ir *ir, const struct apply_options *options, size_t *leftover,
		char *error, size_t error_len)
{
	struct apply_result result = {};
	struct apply a = {
		.ir = ir, .options = options, .result = &result, .fs = { .fd = -1 },
		.error = error, .error_len = error_len,
	};
	int err;

	*leftover = 0;
	error[0] = '\0';
	err = begin(&a);
	if (!err)
		err = apply_listeners(&a, false);
	if (!err)
		err = remove_stale(&a, 0, leftover);
	apply_finish(&a);
	return err;
}

int apply_reset_kernel(struct apply *a)
{
	int err, e;
	size_t i;

	/* Listeners first, so that nothing new comes in while the rest goes. */
	err = 0;
	for (i = 0; i < a->kernel.n_listeners; i++) {
		e = kernel_listener_del(a->nl, a->kernel.listener[i].id, a->error, a->error_len);
		if (e && e != -ENOENT)
			err = e;
	}
	for (i = 0; i < a->kernel.n_generations; i++) {
		const struct kernel_generation *g = &a->kernel.generation[i];

		if (g->state != L7FP_GENERATION_BUILDING && g->state != L7FP_GENERATION_PREPARED)
			continue;
		e = kernel_generation_del(a->nl, g->number, a->error, a->error_len);
		if (e && e != -ENOENT)
			err = e;
	}
	for (i = 0; i < a->kernel.n_clusters; i++) {
		e = kernel_cluster_del(a->nl, a->kernel.cluster[i].id, a->error, a->error_len);
		if (e && e != -ENOENT)
			err = e;
	}
	return err;
}

int apply_reset(char *error, size_t error_len)
{
	struct apply a = { .fs = { .fd = -1 }, .error = error, .error_len = error_len };
	int err, e;

	error[0] = '\0';
	err = bpffs_open(&a.fs, 0, error, error_len);
	/* The hooks and the link go with their pins: capture ends before the listeners do. */
	if (!err)
		err = bpffs_remove(&a.fs, error, error_len);
	e = netlink_open(&a.nl, error, error_len);
	if (e == -ENOENT) {
		/* Without the module there is nothing more to take away. */
		apply_finish(&a);
		return err;
	}
	if (!e)
		e = kernel_read(a.nl, KERNEL_LISTENERS | KERNEL_CLUSTERS | KERNEL_GENERATIONS,
				&a.kernel, error, error_len);
	if (!e)
		e = apply_reset_kernel(&a);
	apply_finish(&a);
	return err ? err : e;
}
