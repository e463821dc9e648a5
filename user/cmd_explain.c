// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool explain: which rule decides a request, and what happens. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "explain.h"
#include "policy_files.h"

struct arguments {
	struct explain_request r;
	const char *netns, *workload;
	bool json, kernel, registry_only;
};

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool explain [OPTION]... [FILE|FOLDER|- ...]\n"
	      "\n"
	      "Say which rule, by file and line, decides a request, and what happens with it.\n"
	      "\n"
	      "  -m, --method METHOD        default GET\n"
	      "  -H, --host HOST[:PORT]     as the client sends it; required\n"
	      "  -p, --path PATH            with the query; default /\n"
	      "  -a, --header 'NAME: VALUE' may be repeated\n"
	      "  -s, --source-ip ADDRESS[:PORT]   of the client, default 127.0.0.1\n"
	      "  -d, --destination ADDRESS:PORT   where it connects to; default: the captured\n"
	      "                             address of the host\n"
	      "  -w, --workload NAMESPACE/NAME   by the policy of this Workload\n"
	      "  -i, --inbound              with --workload: a request that arrives there\n"
	      "      --outbound-traffic-policy ALLOW_ANY|REGISTRY_ONLY   with --workload\n"
	      "  -k, --kernel               ask the loaded program, too; without files only that\n"
	      "  -n, --netns NAME           of another network namespace\n"
	      "  -j, --json                 as JSON\n"
	      "  -h, --help                 this text\n"
	      "\n"
	      "Exit status 1 also where --kernel decides other than the files say.\n", out);
}

static int add_header(struct explain_request *r, char *text)
{
	char *colon = strchr(text, ':'), *value;
	size_t len;

	if (!colon || colon == text) {
		fprintf(stderr,
			"l7fp-tool explain: --header: expected 'NAME: VALUE', got '%s'\n", text);
		return -1;
	}
	/* Host is one more line of the head. */
	if (r->request.n_headers == EXPLAIN_MAX_HEADERS - 1) {
		fprintf(stderr, "l7fp-tool explain: --header: expected at most %d\n",
			EXPLAIN_MAX_HEADERS - 1);
		return -1;
	}
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (len = strlen(value); len && strchr(" \t", value[len - 1]); len--)
		value[len - 1] = '\0';
	if (strpbrk(text, "\r\n") || strpbrk(value, "\r\n")) {
		fputs("l7fp-tool explain: --header: a header has no line break\n", stderr);
		return -1;
	}
	r->header[r->request.n_headers].name = text;
	r->header[r->request.n_headers++].value = value;
	return 0;
}

static int set_address(const char *option, const char *text, struct in6_addr *address,
		       uint32_t *port)
{
	uint16_t p;

	if (!address_parse(text, address, &p)) {
		*port = p ? p : *port;
		return 0;
	}
	fprintf(stderr,
		"l7fp-tool explain: %s: expected an address such as 10.0.0.1:80 or [::1]:80, got '%s'\n",
		option, text);
	return -1;
}

/* One word of a request line: nothing that would end it. */
static int check_word(const char *option, const char *text)
{
	if (*text && !strpbrk(text, " \t\r\n"))
		return 0;
	fprintf(stderr, "l7fp-tool explain: %s: expected no blank and no line break, got '%s'\n",
		option, text);
	return -1;
}

static int set_option(struct arguments *a, int c)
{
	struct ir_request *q = &a->r.request;

	switch (c) {
	case 'm':
		q->method = optarg;
		return check_word("--method", optarg);
	case 'H':
		q->host = optarg;
		return check_word("--host", optarg);
	case 'p':
		q->target = optarg;
		return check_word("--path", optarg);
	case 'a':
		return add_header(&a->r, optarg);
	case 's':
		return set_address("--source-ip", optarg, &a->r.source, &q->source_port);
	case 'd':
		a->r.destination_given = true;
		q->destination_port = 80;
		return set_address("--destination", optarg, &a->r.destination,
				   &q->destination_port);
	case 'w':
		a->workload = optarg;
		return 0;
	case 'i':
		q->inbound = true;
		return 0;
	case 'o':
		return cmd_outbound("l7fp-tool explain", optarg, &a->registry_only);
	case 'k':
		a->kernel = true;
		return 0;
	case 'n':
		a->netns = optarg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	}
	return -1;
}

/* 0 go on, else the exit status plus one. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "method", required_argument, NULL, 'm' },
		{ "host", required_argument, NULL, 'H' },
		{ "path", required_argument, NULL, 'p' },
		{ "header", required_argument, NULL, 'a' },
		{ "source-ip", required_argument, NULL, 's' },
		{ "destination", required_argument, NULL, 'd' },
		{ "workload", required_argument, NULL, 'w' },
		{ "inbound", no_argument, NULL, 'i' },
		{ "outbound-traffic-policy", required_argument, NULL, 'o' },
		{ "kernel", no_argument, NULL, 'k' },
		{ "netns", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	uint16_t port;
	int c;

	a->r.request.method = "GET";
	a->r.request.target = "/";
	address_parse("127.0.0.1", &a->r.source, &port);
	a->r.request.source_port = 40000;
	/* An IPv4 client, unless it is said otherwise. */
	address_parse("0.0.0.0", &a->r.destination, &port);
	optind = 1;
	while ((c = getopt_long(argc, argv, "m:H:p:a:s:d:w:ikn:jh", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		}
		if (c == '?' || set_option(a, c)) {
			if (c == '?')
				usage(stderr);
			return 1 + EXIT_USAGE;
		}
	}
	if (!a->r.request.host || (optind == argc && !a->kernel)) {
		usage(stderr);
		return 1 + EXIT_USAGE;
	}
	return 0;
}

static int ask_kernel(struct arguments *a, uint32_t path_mode, struct kernel_explain *answer,
		      struct kernel *tables, char *error, size_t error_len)
{
	struct netlink *nl;
	size_t head_len;
	char *head;
	int err;

	if (a->netns && cmd_enter_netns(a->netns)) {
		snprintf(error, error_len, "the kernel was not asked");
		return -1;
	}
	err = netlink_open(&nl, error, error_len);
	if (err)
		return err;
	head = explain_head(&a->r, &head_len);
	err = kernel_explain(nl, head, head_len, path_mode, &a->r.source,
			     a->r.request.source_port, &a->r.destination,
			     a->r.request.destination_port, a->r.request.inbound, answer, error, error_len);
	if (!err)
		err = kernel_read(nl, KERNEL_CLUSTERS | KERNEL_STATS, tables, error, error_len);
	free(head);
	netlink_close(nl);
	return err;
}

/* The path mode that the listener of this namespace has. */
#define DEFAULT_PATH_MODE	1

static int run(struct arguments *a, const struct ir *ir)
{
	struct explanation explanation = {};
	struct kernel_explain *answer = NULL;
	struct kernel tables = {};
	char error[ERROR_LEN];
	bool agrees = true;
	int err = 0;

	if (ir && !a->r.destination_given)
		explain_guess_destination(ir, &a->r);
	explain_set_addresses(&a->r);
	if (ir)
		explain_evaluate(ir, &a->r, &explanation);
	if (a->kernel) {
		answer = malloc(sizeof(*answer));
		if (!answer)
			return cmd_fail("explain", "out of memory");
		err = ask_kernel(a, ir ? ir->path_mode : DEFAULT_PATH_MODE, answer, &tables, error,
				 sizeof(error));
	}
	if (err) {
		err = cmd_fail("explain", error);
		goto out;
	}
	if (ir && answer)
		agrees = explain_agrees(ir, &explanation, answer, &tables);
	if (a->json) {
		explain_print_json(ir, &a->r, &explanation, answer, &tables, agrees);
	} else {
		if (ir)
			explain_print_text(ir, &a->r, &explanation);
		if (answer)
			explain_print_kernel(answer, &tables);
	}
	if (!agrees)
		err = cmd_fail("explain",
			       "the loaded program decides otherwise: is what is in force from these files? l7fp-tool apply puts them in force");
out:
	kernel_free(&tables);
	free(answer);
	explain_free(&explanation);
	return err;
}

static int read_files(const struct arguments *a, struct policy_files *files, char *const *path,
		      size_t n)
{
	const struct translate_view view = {
		.workload = a->workload, .registry_only = a->registry_only,
	};

	return a->workload ? policy_files_read_for_workload(files, path, n, &view) :
			     policy_files_read(files, path, n);
}

int cmd_explain(int argc, char **argv)
{
	struct policy_files files = {};
	struct arguments a = {};
	int err;

	err = parse(&a, argc, argv);
	if (err)
		return err - 1;
	if (optind < argc && read_files(&a, &files, argv + optind, argc - optind)) {
		policy_files_explain(&files, stderr);
		policy_files_free(&files);
		return cmd_fail("explain", "the policies are invalid; l7fp-tool check says more");
	}
	err = run(&a, files.ir);
	policy_files_free(&files);
	return err;
}
