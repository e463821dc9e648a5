// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool apply and reset: put policies in force, and take everything away. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "apply.h"
#include "capture.h"
#include "cmd.h"
#include "json_out.h"
#include "netlink.h"
#include "policy_files.h"
#include "workloads.h"

struct arguments {
	struct cmd_files files;
	const char *cgroups[CAPTURE_MAX_CGROUPS];
	size_t n_cgroups;
	const char *netns;
	const char *exempt[CAPTURE_MAX_CGROUPS];
	size_t n_exempt;
	struct apply_slow_path slow_path;
	unsigned long port;
	uint32_t listener_flags;	/* L7FP_LISTENER_* */
	bool json, dry_run;
	bool workloads, registry_only, tls;
	const char *node;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: l7fp-tool apply [OPTION]... [-f] FILE|FOLDER|- ...\n"
		"\n"
		"Translate the policies and put them in force in this network namespace, all\n"
		"or nothing: what was in force before stays when anything fails.\n"
		"\n"
		"  -f, --file PATH    a file, a folder or - (standard input); may be repeated\n"
		"  -c, --cgroup PATH  capture processes of this cgroup (default %s:\n"
		"                     all of the network namespace); may be repeated\n"
		"  -n, --netns NAME   of another network namespace: a name of ip netns, or a path\n"
		"  -p, --port PORT    of the HTTP listener (default %d, or any when it is taken)\n"
		"  -s, --slowpath ADDRESS:PORT   a proxy with the configuration that l7fp-tool\n"
		"                     slowpath writes for these policies; with --workloads in each\n"
		"                     network namespace, and on the next port for what arrives\n"
		"  -x, --exempt PATH  do not capture processes of this cgroup: the proxy's; may be\n"
		"                     repeated\n"
		"      --without NAME[,NAME]...   do not make: request-id, forwarded-proto,\n"
		"                     attempt-count, reason\n"
		"      --no-app-ports   hand bytes to processes of this network namespace by TCP,\n"
		"                     not past it\n"
		"  -w, --workloads    a policy for each Workload that has a networkNamespace: in it,\n"
		"                     for the processes of its cgroup and for what arrives there\n"
		"      --node NAME    with --workloads: of those whose node is NAME\n"
		"      --outbound-traffic-policy ALLOW_ANY|REGISTRY_ONLY   with --workloads: what\n"
		"                     becomes of destinations that no document names (default\n"
		"                     ALLOW_ANY; a Sidecar comes before it)\n"
		"      --mutual-tls   with --workloads: mutual TLS is spoken; for each of them\n"
		"                     l7fpd --handshakes runs\n"
		"      --dry-run      translate and synthesize only; needs neither root nor module\n"
		"  -j, --json         the summary as JSON\n"
		"  -h, --help         this text\n",
		CAPTURE_DEFAULT_CGROUP, APPLY_HTTP_PORT);
}

static int add_cgroup(const char **list, size_t *n, const char *path)
{
	if (*n == CAPTURE_MAX_CGROUPS) {
		fprintf(stderr, "l7fp-tool apply: more than %d cgroups; name one above them\n",
			CAPTURE_MAX_CGROUPS);
		return -1;
	}
	list[(*n)++] = path;
	return 0;
}

/* Names of header fields that the listener would add; --without. */
static int add_without(uint32_t *flags, char *names)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} known[] = {
		{ "request-id", L7FP_LISTENER_NO_REQUEST_ID },
		{ "forwarded-proto", L7FP_LISTENER_NO_FORWARDED_PROTO },
		{ "attempt-count", L7FP_LISTENER_NO_ATTEMPT_COUNT },
		{ "reason", L7FP_LISTENER_NO_REASON },
	};
	char *name, *rest;
	size_t i;

	for (name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (!strcmp(name, known[i].name))
				break;
		if (i == sizeof(known) / sizeof(known[0])) {
			fprintf(stderr,
				"l7fp-tool apply: --without '%s': expected request-id, forwarded-proto, attempt-count or reason\n",
				name);
			return -1;
		}
		*flags |= known[i].flag;
	}
	return 0;
}

/* What each workload has of its own, and what is for one network namespace only. */
static int check_workloads(const struct arguments *a)
{
	if (!a->workloads) {
		if (a->node || a->registry_only || a->tls) {
			fputs("l7fp-tool apply: --node, --outbound-traffic-policy and --mutual-tls are for --workloads\n",
			      stderr);
			return -1;
		}
		return 0;
	}
	if (a->n_cgroups || a->netns) {
		fputs("l7fp-tool apply: --workloads: cgroups and network namespaces are those of the Workloads; expected neither --cgroup nor --netns\n",
		      stderr);
		return -1;
	}
	if (a->slow_path.port == UINT16_MAX) {
		fputs("l7fp-tool apply: --slowpath: port 65535; with --workloads the proxy has the next port, too: expected 65534 at most\n",
		      stderr);
		return -1;
	}
	if (cmd_has_stdin(&a->files)) {
		fputs("l7fp-tool apply: --workloads needs files: standard input is read once\n",
		      stderr);
		return -1;
	}
	return 0;
}

/* 0 go on, else the exit status plus one. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "file", required_argument, NULL, 'f' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "netns", required_argument, NULL, 'n' },
		{ "port", required_argument, NULL, 'p' },
		{ "slowpath", required_argument, NULL, 's' },
		{ "exempt", required_argument, NULL, 'x' },
		{ "without", required_argument, NULL, 'W' },
		{ "no-app-ports", no_argument, NULL, 'A' },
		{ "workloads", no_argument, NULL, 'w' },
		{ "node", required_argument, NULL, 'N' },
		{ "outbound-traffic-policy", required_argument, NULL, 'o' },
		{ "mutual-tls", no_argument, NULL, 'T' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c, err = 0;

	optind = 1;
	while (!err && (c = getopt_long(argc, argv, "f:c:n:p:s:x:wjh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			err = cmd_add_file("apply", &a->files, optarg);
			break;
		case 'c':
			err = add_cgroup(a->cgroups, &a->n_cgroups, optarg);
			break;
		case 'n':
			a->netns = optarg;
			break;
		case 'p':
			err = cmd_number("--port", optarg, 1, 65535, &a->port);
			break;
		case 's':
			err = cmd_address("l7fp-tool apply: --slowpath", optarg,
					  &a->slow_path.address, &a->slow_path.port);
			break;
		case 'x':
			err = add_cgroup(a->exempt, &a->n_exempt, optarg);
			break;
		case 'W':
			err = add_without(&a->listener_flags, optarg);
			break;
		case 'A':
			a->listener_flags &= ~L7FP_LISTENER_APP_PORTS;
			break;
		case 'w':
			a->workloads = true;
			break;
		case 'N':
			a->node = optarg;
			break;
		case 'o':
			err = cmd_outbound("l7fp-tool apply", optarg, &a->registry_only);
			break;
		case 'T':
			a->tls = true;
			break;
		case 'd':
			a->dry_run = true;
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
	if (!err)
		err = cmd_add_files("apply", &a->files, argc, argv);
	if (!err && !a->files.n) {
		usage(stderr);
		err = -1;
	}
	if (!err)
		err = check_workloads(a);
	return err ? 1 + EXIT_USAGE : 0;
}

static void print_json(const struct policy_files *files, const struct apply_result *r,
		       bool dry_run)
{
	struct json j;

	json_begin(&j, stdout, JSON_PRETTY);
	json_object(&j, NULL);
	json_bool(&j, "dry_run", dry_run);
	json_unsigned(&j, "generation", r->generation);
	json_unsigned(&j, "replaced", r->replaced);
	json_unsigned(&j, "rules_kernel", files->verdicts->n_kernel);
	json_unsigned(&j, "rules_slow_path", files->verdicts->n_slow_path);
	json_unsigned(&j, "clusters", r->n_clusters);
	json_unsigned(&j, "endpoints", r->n_endpoints);
	json_unsigned(&j, "virtual_hosts", r->n_virtual_hosts);
	json_unsigned(&j, "routes", r->n_routes);
	json_unsigned(&j, "authorization_rules", r->n_rules);
	json_unsigned(&j, "captured_addresses", r->n_captures);
	json_unsigned(&j, "listeners", r->n_listeners);
	json_unsigned(&j, "http_port", r->http_port);
	json_unsigned(&j, "cgroups", r->n_cgroups);
	json_unsigned(&j, "instructions", r->n_insns);
	json_unsigned(&j, "verified_instructions", r->n_verified_insns);
	json_unsigned(&j, "leftover", r->leftover);
	json_double(&j, "translate_ms", files->translate_ms);
	json_double(&j, "synthesize_ms", r->synthesize_ms);
	json_double(&j, "verify_ms", r->verify_ms);
	json_double(&j, "load_ms", r->load_ms);
	json_end(&j);
	json_finish(&j);
}

static void print_text(const struct policy_files *files, const struct apply_result *r,
		       bool dry_run)
{
	printf("%zu virtual hosts, %zu routes, %zu authorization rules; %zu clusters with %zu endpoints\n",
	       r->n_virtual_hosts, r->n_routes, r->n_rules, r->n_clusters, r->n_endpoints);
	if (!dry_run) {
		printf("%zu addresses captured in %zu cgroup%s, HTTP listener on 127.0.0.1:%u\n",
		       r->n_captures, r->n_cgroups, r->n_cgroups == 1 ? "" : "s", r->http_port);
		if (r->no_ipv6)
			printf("captured IPv6 addresses are refused: there is no ::1 to listen on\n");
		if (r->leftover)
			printf("%zu listeners and clusters stay until exchanges of generation %llu end\n",
			       r->leftover, (unsigned long long)r->replaced);
	}
	verdicts_print_summary(files->verdicts, stdout);
	if (dry_run)
		printf("dry run: %zu instructions, nothing applied; translated in %.1f ms, synthesized in %.1f ms\n",
		       r->n_insns, files->translate_ms, r->load_ms);
	else
		printf("generation %llu in force: %zu instructions (the verifier processed %zu), translated in %.1f ms, loaded in %.1f ms\n",
		       (unsigned long long)r->generation, r->n_insns, r->n_verified_insns,
		       files->translate_ms, r->load_ms);
}

/* The files are read a second time, for what the proxy was told. */
static int set_token(struct arguments *a)
{
	if (cmd_has_stdin(&a->files))
		return cmd_fail("apply", "--slowpath needs files: standard input is read once");
	if (policy_files_token(a->files.path, a->files.n, NULL, a->slow_path.token,
			       sizeof(a->slow_path.token)))
		return cmd_fail("apply", "nothing was applied: the files changed while they were read");
	return 0;
}

static void print_workload_json(struct json *j, const struct workload_policy *p)
{
	const struct apply_result *r = &p->result;

	json_object(j, NULL);
	json_string(j, "workload", p->name);
	json_string(j, "network_namespace", p->netns);
	json_bool(j, "applied", p->applied);
	if (p->applied) {
		json_unsigned(j, "generation", r->generation);
		json_unsigned(j, "routes", r->n_routes);
		json_unsigned(j, "clusters", r->n_clusters);
		json_unsigned(j, "captured_addresses", r->n_captures);
		json_unsigned(j, "inbound_addresses", r->n_inbound);
		json_unsigned(j, "listeners", r->n_listeners);
		json_unsigned(j, "instructions", r->n_insns);
	} else {
		json_string(j, "error", p->error);
	}
	json_end(j);
}

static void print_workloads(const struct workloads *w, const struct arguments *a)
{
	struct json j;
	size_t i;

	for (i = 0; i < w->n; i++) {
		const struct workload_policy *p = &w->policy[i];

		if (!p->applied)
			fprintf(stderr, "l7fp-tool apply: %s: %s\n", p->name, p->error);
		else if (!a->json)
			printf("%s: %s%llu: %zu routes, %zu clusters, %zu addresses captured; %s\n",
			       p->name, a->dry_run ? "dry run, generation " : "generation ",
			       (unsigned long long)p->result.generation, p->result.n_routes,
			       p->result.n_clusters, p->result.n_captures,
			       p->files.ir->inbound.captured ? "what arrives is judged" :
			       "no policy concerns what arrives");
	}
	if (!a->json) {
		verdicts_print_summary(w->policy[0].files.verdicts, stdout);
		return;
	}
	json_begin(&j, stdout, JSON_PRETTY);
	json_array(&j, NULL);
	for (i = 0; i < w->n; i++)
		print_workload_json(&j, &w->policy[i]);
	json_end(&j);
	json_finish(&j);
}

static int apply_workloads(struct arguments *a)
{
	const struct workloads_options options = {
		.path = a->files.path, .n_paths = a->files.n, .node = a->node,
		.registry_only = a->registry_only, .tls = a->tls, .dry_run = a->dry_run, .port = a->port,
		.listener_flags = a->listener_flags,
		.slow_path = a->slow_path, .exempt = a->exempt, .n_exempt = a->n_exempt,
	};
	struct workloads w = { 0 };
	char error[ERROR_LEN];
	int err;

	err = workloads_apply(&w, &options, error, sizeof(error));
	if (err < 0)
		cmd_fail("apply", error);
	if (w.n)
		print_workloads(&w, a);
	workloads_free(&w);
	return err ? EXIT_FAILED : 0;
}

int cmd_apply(int argc, char **argv)
{
	struct apply_options options = {};
	struct apply_result result;
	struct policy_files files;
	struct arguments a = { .listener_flags = L7FP_LISTENER_APP_PORTS };
	char error[ERROR_LEN];
	int err;

	err = parse(&a, argc, argv);
	if (err)
		return err - 1;
	if (a.workloads)
		return apply_workloads(&a);
	if (policy_files_read(&files, a.files.path, a.files.n)) {
		policy_files_explain(&files, stderr);
		policy_files_free(&files);
		return cmd_fail("apply", "nothing was applied; l7fp-tool check says more");
	}
	policy_files_explain(&files, stderr);
	if (a.slow_path.port && set_token(&a)) {
		policy_files_free(&files);
		return EXIT_FAILED;
	}
	if (a.netns && cmd_enter_netns(a.netns)) {
		policy_files_free(&files);
		return EXIT_FAILED;
	}
	options.cgroup = a.cgroups;
	options.n_cgroups = a.n_cgroups;
	options.port = a.port;
	options.slow_path = a.slow_path;
	options.exempt = a.exempt;
	options.n_exempt = a.n_exempt;
	options.dry_run = a.dry_run;
	options.listener_flags = a.listener_flags;
	err = apply(files.ir, &options, &result, error, sizeof(error));
	if (err)
		err = cmd_fail("apply", error);
	else if (a.json)
		print_json(&files, &result, a.dry_run);
	else
		print_text(&files, &result, a.dry_run);
	policy_files_free(&files);
	return err;
}

static void reset_usage(FILE *out)
{
	fputs("usage: l7fp-tool reset [OPTION]...\n"
	      "\n"
	      "Take away capture, policy, listeners and clusters of this network namespace:\n"
	      "processes connect to their destinations directly again, and the module can be\n"
	      "unloaded. Nothing enforces the policies after that.\n"
	      "\n"
	      "  -n, --netns NAME   another network namespace: a name of ip netns, or a path\n"
	      "  -a, --all          also the pins of every other network namespace, whether it\n"
	      "                     still exists or not\n"
	      "  -h, --help         this text\n", out);
}

int cmd_reset(int argc, char **argv)
{
	static const struct option options[] = {
		{ "netns", required_argument, NULL, 'n' },
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *netns = NULL;
	char error[ERROR_LEN];
	bool all = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "n:ah", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			netns = optarg;
			break;
		case 'a':
			all = true;
			break;
		case 'h':
			reset_usage(stdout);
			return 0;
		default:
			reset_usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		reset_usage(stderr);
		return EXIT_USAGE;
	}
	if (netns && cmd_enter_netns(netns))
		return EXIT_FAILED;
	if (apply_reset(error, sizeof(error)))
		return cmd_fail("reset", error);
	if (all && bpffs_remove_all(NULL, 0, error, sizeof(error)))
		return cmd_fail("reset", error);
	return 0;
}
