// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool dump and status: what the kernel holds. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "bpffs.h"
#include "capture.h"
#include "cmd.h"
#include "json_out.h"
#include "kernel.h"

struct options {
	const char *netns;
	bool json;
};

static void usage(FILE *out, const char *command)
{
	fprintf(out, "usage: l7fp-tool %s [OPTION]...\n\n%s\n\n"
		"  -n, --netns NAME   of another network namespace: a name of ip netns, or a path\n"
		"  -j, --json         as JSON\n"
		"  -h, --help         this text\n", command,
		*command == 'd' ?
		"Print everything that the kernel holds for this network namespace, as YAML." :
		"Print what is in force in this network namespace, as YAML. Exit status 1 when\n"
		"no policy is.");
}

/* 0 go on, else the exit status plus one. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "netns", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "n:jh", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->netns = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			usage(stdout, argv[0]);
			return 1;
		default:
			usage(stderr, argv[0]);
			return 1 + EXIT_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr, argv[0]);
		return 1 + EXIT_USAGE;
	}
	if (o->netns && cmd_enter_netns(o->netns))
		return 1 + EXIT_FAILED;
	return 0;
}

static void put_listener(struct json *j, const struct kernel *k, const struct kernel_listener *l)
{
	const struct kernel_cluster *c = kernel_cluster(k, l->cluster);
	char text[NAME_ADDRESS_LEN];

	json_object(j, NULL);
	json_unsigned(j, "id", l->id);
	json_string(j, "name", l->name);
	json_string(j, "address", name_address(text, &l->address, l->port));
	json_string(j, "protocol", name_protocol(l->protocol));
	if (c)
		json_string(j, "cluster", c->name);
	if (l->protocol == L7FP_PROTOCOL_HTTP || l->protocol == L7FP_PROTOCOL_HTTP2)
		json_string(j, "path_normalization", name_path_mode(l->path_mode));
	json_unsigned(j, "flags", l->flags);
	json_unsigned(j, "head_timeout_ms", l->head_timeout_ms);
	json_unsigned(j, "idle_timeout_ms", l->idle_timeout_ms);
	json_end(j);
}

static void put_cluster(struct json *j, const struct kernel *k, const struct kernel_cluster *c)
{
	char text[NAME_ADDRESS_LEN];
	size_t i;

	json_object(j, NULL);
	json_unsigned(j, "id", c->id);
	json_string(j, "name", c->name);
	json_string(j, "protocol", name_cluster_protocol(c->protocol));
	json_string(j, "load_balancing", name_lb(c->lb));
	json_unsigned(j, "connect_timeout_ms", c->connect_timeout_ms);
	json_unsigned(j, "idle_timeout_ms", c->idle_timeout_ms);
	json_unsigned(j, "max_connections", c->max_connections);
	json_unsigned(j, "max_pending", c->max_pending);
	json_unsigned(j, "max_requests_per_connection", c->max_requests_per_connection);
	json_array(j, "endpoints");
	for (i = c->first_endpoint; i < c->first_endpoint + c->n_endpoints; i++) {
		const struct kernel_endpoint *e = &k->endpoint[i];

		json_object(j, NULL);
		json_string(j, "address", name_address(text, &e->address, e->port));
		json_unsigned(j, "weight", e->weight);
		json_bool(j, "healthy", e->healthy);
		json_unsigned(j, "connections", e->connections);
		json_unsigned(j, "idle", e->idle);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void put_generation(struct json *j, const struct kernel_generation *g)
{
	char text[NAME_ADDRESS_LEN];

	json_object(j, NULL);
	json_unsigned(j, "number", g->number);
	json_string(j, "state", name_generation_state(g->state));
	json_string(j, "name", g->name);
	json_unsigned(j, "exchanges", g->exchanges);
	if (g->slow_path_port) {
		json_string(j, "slow_path", name_address(text, &g->slow_path, g->slow_path_port));
		if (g->slow_path_inbound_port)
			json_string(j, "slow_path_inbound",
				    name_address(text, &g->slow_path, g->slow_path_inbound_port));
		json_string(j, "slow_path_token", g->slow_path_token);
	}
	json_end(j);
}

static bool same_workload(const struct kernel_workload *x, const struct kernel_workload *y)
{
	return !strcmp(x->principal, y->principal) && !strcmp(x->namespace, y->namespace);
}

/* All @n of one workload, cgroups and addresses mixed. */
static void put_workload(struct json *j, const struct kernel_workload *w, size_t n)
{
	char text[NAME_ADDRESS_LEN];
	size_t i;

	json_object(j, NULL);
	json_string(j, "principal", w->principal);
	json_string(j, "namespace", w->namespace);
	json_array(j, "cgroup_ids");
	for (i = 0; i < n; i++)
		if (w[i].cgroup)
			json_unsigned(j, NULL, w[i].cgroup);
	json_end(j);
	json_array(j, "addresses");
	for (i = 0; i < n; i++)
		if (!w[i].cgroup)
			json_string(j, NULL, name_address(text, &w[i].address, 0));
	json_end(j);
	json_end(j);
}

static void put_workloads(struct json *j, const struct kernel *k)
{
	size_t i, n;

	json_array(j, "workloads");
	for (i = 0; i < k->n_workloads; i += n) {
		for (n = 1; i + n < k->n_workloads &&
		     same_workload(&k->workload[i], &k->workload[i + n]); n++)
			;
		put_workload(j, &k->workload[i], n);
	}
	json_end(j);
}

static void put_services(struct json *j, const struct capture_service *service, size_t n)
{
	char text[NAME_ADDRESS_LEN];
	size_t i;

	json_array(j, "captured");
	for (i = 0; i < n; i++) {
		json_object(j, NULL);
		json_string(j, "address", name_address(text, &service[i].address,
						       service[i].port));
		json_unsigned(j, "listener_port", service[i].port4 ? service[i].port4 :
								     service[i].port6);
		json_end(j);
	}
	json_end(j);
}

static void put_cgroups(struct json *j, const struct bpffs *fs)
{
	uint64_t id[CAPTURE_MAX_CGROUPS];
	size_t i, n = capture_cgroups(fs, id, CAPTURE_MAX_CGROUPS);

	json_array(j, "cgroup_ids");
	for (i = 0; i < n; i++)
		json_unsigned(j, NULL, id[i]);
	json_end(j);
}

static void put_dump(struct json *j, const struct kernel *k)
{
	size_t i;

	json_array(j, "listeners");
	for (i = 0; i < k->n_listeners; i++)
		put_listener(j, k, &k->listener[i]);
	json_end(j);
	json_array(j, "clusters");
	for (i = 0; i < k->n_clusters; i++)
		put_cluster(j, k, &k->cluster[i]);
	json_end(j);
	json_array(j, "generations");
	for (i = 0; i < k->n_generations; i++)
		put_generation(j, &k->generation[i]);
	json_end(j);
	put_workloads(j, k);
	json_array(j, "connections");
	for (i = 0; i < k->n_connections; i++)
		connections_put(j, k, &k->connection[i]);
	json_end(j);
}

int cmd_dump(int argc, char **argv)
{
	struct capture_service *service = NULL;
	struct kernel kernel = {};
	struct options o = {};
	char error[ERROR_LEN];
	struct netlink *nl;
	struct bpffs fs;
	size_t n = 0;
	struct json j;
	int err;

	err = parse(&o, argc, argv);
	if (err)
		return err - 1;
	err = netlink_open(&nl, error, sizeof(error));
	if (err)
		return cmd_fail("dump", error);
	err = kernel_read(nl, KERNEL_ALL & ~KERNEL_STATS, &kernel, error, sizeof(error));
	if (!err)
		err = bpffs_open(&fs, 0, error, sizeof(error));
	if (!err) {
		err = capture_list(&fs, &service, &n, error, sizeof(error));
		if (!err) {
			json_begin(&j, stdout, o.json ? JSON_PRETTY : JSON_YAML);
			json_object(&j, NULL);
			put_dump(&j, &kernel);
			put_services(&j, service, n);
			put_cgroups(&j, &fs);
			json_end(&j);
			json_finish(&j);
		}
		bpffs_close(&fs);
	}
	free(service);
	kernel_free(&kernel);
	netlink_close(nl);
	return err ? cmd_fail("dump", error) : 0;
}

static void put_status(struct json *j, const struct kernel *k, const struct bpffs *fs,
		       size_t n_captured)
{
	const struct kernel_generation *current = kernel_current(k);
	char text[NAME_ADDRESS_LEN];
	size_t i;

	json_unsigned(j, "network_namespace", fs->cookie);
	json_string(j, "pins", fs->fd >= 0 ? fs->dir : NULL);
	json_bool(j, "module", true);
	json_bool(j, "daemon", cmd_daemon_runs(fs->cookie));
	if (current) {
		json_unsigned(j, "generation", current->number);
		json_unsigned(j, "exchanges", current->exchanges);
	} else {
		json_null(j, "generation");
	}
	json_unsigned(j, "generations", k->n_generations);
	json_array(j, "listeners");
	for (i = 0; i < k->n_listeners; i++)
		json_string(j, NULL, name_address(text, &k->listener[i].address,
						  k->listener[i].port));
	json_end(j);
	json_unsigned(j, "clusters", k->n_clusters);
	json_unsigned(j, "endpoints", k->n_endpoints);
	json_unsigned(j, "captured_addresses", n_captured);
	json_bool(j, "guarded", capture_is_guarded(fs));
	put_cgroups(j, fs);
}

int cmd_status(int argc, char **argv)
{
	struct capture_service *service = NULL;
	struct kernel kernel = {};
	struct options o = {};
	char error[ERROR_LEN];
	struct netlink *nl;
	struct bpffs fs;
	size_t n = 0;
	struct json j;
	bool attached;
	int err;

	err = parse(&o, argc, argv);
	if (err)
		return err - 1;
	err = netlink_open(&nl, error, sizeof(error));
	if (err)
		return cmd_fail("status", error);
	err = kernel_read(nl, KERNEL_LISTENERS | KERNEL_CLUSTERS | KERNEL_GENERATIONS, &kernel,
			  error, sizeof(error));
	if (!err)
		err = bpffs_open(&fs, 0, error, sizeof(error));
	if (!err) {
		err = capture_list(&fs, &service, &n, error, sizeof(error));
		if (!err) {
			json_begin(&j, stdout, o.json ? JSON_PRETTY : JSON_YAML);
			json_object(&j, NULL);
			put_status(&j, &kernel, &fs, n);
			json_end(&j);
			json_finish(&j);
		}
		bpffs_close(&fs);
	}
	attached = kernel_current(&kernel);
	free(service);
	kernel_free(&kernel);
	netlink_close(nl);
	if (err)
		return cmd_fail("status", error);
	return attached ? 0 : EXIT_FAILED;
}
