// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool slowpath: the configuration of a proxy for what the kernel cannot decide. */
#include <arpa/inet.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"
#include "document.h"
#include "policy_files.h"
#include "proxy.h"

struct arguments {
	struct cmd_files files;
	struct proxy_options proxy;
	struct translate_view view;	/* @workload NULL: none */
	const char *output;
	char listen[INET6_ADDRSTRLEN];
	const char *certificates;
	bool token_only;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: l7fp-tool slowpath [OPTION]... [-f] FILE|FOLDER|- ...\n"
		"\n"
		"Write the configuration of a proxy for what these policies need and the kernel\n"
		"cannot do. l7fp-tool apply --slowpath ADDRESS:PORT of the same policies sends it\n"
		"such requests; a proxy with the configuration of other policies takes none.\n"
		"\n"
		"  -f, --file PATH         a file, a folder or - (standard input); may be repeated\n"
		"  -F, --format FORMAT     envoy (default) or haproxy\n"
		"  -o, --output FILE       there instead of standard output\n"
		"  -l, --listen ADDRESS:PORT   where the proxy listens (default 127.0.0.1:%d)\n"
		"  -a, --access-log FILE   one line a request\n"
		"  -w, --workload NAMESPACE/NAME   for the proxy in the network namespace of this\n"
		"                          Workload: for apply --workloads --slowpath\n"
		"      --outbound-traffic-policy ALLOW_ANY|REGISTRY_ONLY   with --workload: as\n"
		"                          apply is told\n"
		"      --mutual-tls        with --workload: servers are spoken to with mutual TLS, as\n"
		"                          apply is told\n"
		"      --certificates FOLDER   likewise, with FOLDER/NAMESPACE/SERVICE-ACCOUNT/tls.crt,\n"
		"                          tls.key and ca.crt, as l7fpd is told. Envoy only; it reads\n"
		"                          OUTPUT.certificate.json and OUTPUT.trust.json, which are\n"
		"                          written too, and certificates that change again\n"
		"      --token             print only what tells these policies from others\n"
		"  -h, --help              this text\n"
		"\n"
		"Rules that Envoy cannot express either are named, and answered with 503, and so is\n"
		"what goes to servers with mutual TLS if there is no certificate. With HAProxy any\n"
		"such rule is an error.\n",
		PROXY_DEFAULT_PORT);
}

static int set_format(struct arguments *a, const char *format)
{
	if (!strcmp(format, "envoy")) {
		a->proxy.format = PROXY_ENVOY;
		return 0;
	}
	if (!strcmp(format, "haproxy")) {
		a->proxy.format = PROXY_HAPROXY;
		return 0;
	}
	fprintf(stderr, "l7fp-tool slowpath: --format %s; expected envoy or haproxy\n", format);
	return -1;
}

static int set_listen(struct arguments *a, const char *text)
{
	struct in6_addr address;
	uint16_t port;

	if (cmd_address("l7fp-tool slowpath: --listen", text, &address, &port))
		return -1;
	if (IN6_IS_ADDR_V4MAPPED(&address))
		inet_ntop(AF_INET, &address.s6_addr[12], a->listen, sizeof(a->listen));
	else
		inet_ntop(AF_INET6, &address, a->listen, sizeof(a->listen));
	a->proxy.address = a->listen;
	a->proxy.port = port;
	return 0;
}

static int check_workload(const struct arguments *a)
{
	if ((a->view.registry_only || a->view.tls) && !a->view.workload) {
		fputs("l7fp-tool slowpath: --outbound-traffic-policy, --mutual-tls and --certificates are for --workload\n",
		      stderr);
		return -1;
	}
	if (a->certificates && a->proxy.format == PROXY_HAPROXY) {
		fputs("l7fp-tool slowpath: --certificates: HAProxy cannot tell servers by their SPIFFE identity; expected --format envoy, or --mutual-tls without them\n",
		      stderr);
		return -1;
	}
	if (a->certificates && !a->output && !a->token_only) {
		fputs("l7fp-tool slowpath: --certificates: expected --output FILE, beside which what Envoy reads of them is written\n",
		      stderr);
		return -1;
	}
	if (a->view.workload && a->proxy.port == UINT16_MAX) {
		fputs("l7fp-tool slowpath: --listen: port 65535; with --workload the proxy has the next port, too: expected 65534 at most\n",
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
		{ "format", required_argument, NULL, 'F' },
		{ "output", required_argument, NULL, 'o' },
		{ "listen", required_argument, NULL, 'l' },
		{ "access-log", required_argument, NULL, 'a' },
		{ "workload", required_argument, NULL, 'w' },
		{ "outbound-traffic-policy", required_argument, NULL, 'O' },
		{ "mutual-tls", no_argument, NULL, 'T' },
		{ "certificates", required_argument, NULL, 'C' },
		{ "token", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c, err = 0;

	optind = 1;
	while (!err && (c = getopt_long(argc, argv, "f:F:o:l:a:w:h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			err = cmd_add_file("slowpath", &a->files, optarg);
			break;
		case 'F':
			err = set_format(a, optarg);
			break;
		case 'o':
			a->output = optarg;
			break;
		case 'l':
			err = set_listen(a, optarg);
			break;
		case 'a':
			a->proxy.access_log = optarg;
			break;
		case 'w':
			a->view.workload = optarg;
			break;
		case 'O':
			err = cmd_outbound("l7fp-tool slowpath", optarg, &a->view.registry_only);
			break;
		case 'C':
			a->certificates = optarg;
			a->view.tls = true;
			break;
		case 'T':
			a->view.tls = true;
			break;
		case 't':
			a->token_only = true;
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
		err = cmd_add_files("slowpath", &a->files, argc, argv);
	if (!err && !a->files.n) {
		usage(stderr);
		err = -1;
	}
	if (!err)
		err = check_workload(a);
	return err ? 1 + EXIT_USAGE : 0;
}

static void print_refusals(const struct proxy_refusals *r, bool error)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct ir_source *s = r->list[i].source;

		fprintf(stderr, "%s:%d:%d: %s: not expressed, %s: %s\n", s->file ? s->file : "-",
			s->line, s->column, s->what ? s->what : "-",
			error ? "nothing is written" : "answered with 503", r->list[i].reason);
	}
}

static int write_file(const struct arguments *a, const char *text, size_t len)
{
	FILE *out = a->output ? fopen(a->output, "w") : stdout;
	int err;

	if (!out) {
		fprintf(stderr, "l7fp-tool slowpath: %s: %m\n", a->output);
		return EXIT_FAILED;
	}
	err = fwrite(text, 1, len, out) != len;
	err |= a->output ? fclose(out) : fflush(out);
	if (err)
		fprintf(stderr, "l7fp-tool slowpath: %s: %m\n", a->output ? a->output : "-");
	return err ? EXIT_FAILED : 0;
}

/* Before the configuration, which names them. */
static int write_secrets(const struct arguments *a)
{
	char path[PATH_MAX] = "";
	unsigned int i;

	for (i = 0; i < PROXY_SECRETS; i++)
		if (envoy_write_secret(&a->proxy, i, path, sizeof(path))) {
			fprintf(stderr, "l7fp-tool slowpath: %s: %m\n", path);
			return EXIT_FAILED;
		}
	return 0;
}

static bool is_workload(const struct document *d, const char *name)
{
	const char *slash = strchr(name, '/');

	return document_is_workload(d) && slash &&
	       !strncmp(name, workload_namespace(d), slash - name) &&
	       !workload_namespace(d)[slash - name] && !strcmp(slash + 1, workload_name(d));
}

/* Where the workload's certificate is, if it is to have one. */
static int find_certificates(struct arguments *a, const struct policy_files *files,
			     char folder[PATH_MAX])
{
	static const char * const files_of_it[] = { "tls.crt", "tls.key", "ca.crt" };
	char path[PATH_MAX + 8];
	size_t i;

	for (i = 0; a->certificates && i < files->docs->n; i++) {
		const struct document *d = files->docs->list[i];

		if (!is_workload(d, a->view.workload))
			continue;
		snprintf(folder, PATH_MAX, "%s/%s/%s", a->certificates, workload_namespace(d),
			 workload_account(d));
		a->proxy.certificates = folder;
		break;
	}
	for (i = 0; a->proxy.certificates && i < sizeof(files_of_it) / sizeof(*files_of_it); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files_of_it[i]);
		if (!access(path, R_OK))
			continue;
		fprintf(stderr, "l7fp-tool slowpath: --certificates: %s: %m; nothing was written\n",
			path);
		return EXIT_FAILED;
	}
	return 0;
}

static int write_configuration(const struct arguments *a, const struct policy_files *files)
{
	struct proxy_refusals refusals = { 0 };
	char token[PROXY_TOKEN_LEN];
	char *text = NULL;
	size_t len = 0;
	int ret = 0;
	FILE *f;

	proxy_token(files->ir, token);
	if (a->token_only) {
		puts(token);
		return 0;
	}
	f = open_memstream(&text, &len);
	if (!f)
		return cmd_fail("slowpath", "out of memory");
	if (a->proxy.format == PROXY_HAPROXY)
		haproxy_write(f, files->ir, &a->proxy, token, &refusals);
	else
		envoy_write(f, files->ir, &a->proxy, token, &refusals);
	fclose(f);
	print_refusals(&refusals, a->proxy.format == PROXY_HAPROXY);
	if (a->proxy.format == PROXY_HAPROXY && refusals.n)
		ret = cmd_fail("slowpath", "HAProxy cannot express these rules; use --format envoy");
	if (!ret)
		ret = write_file(a, text, len);
	proxy_refusals_free(&refusals);
	free(text);
	return ret;
}

int cmd_slowpath(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct policy_files files;
	char certificates[PATH_MAX];
	int ret;

	ret = parse(&a, argc, argv);
	if (ret)
		return ret - 1;
	if (policy_files_read_for_proxy(&files, a.files.path, a.files.n,
					a.view.workload ? &a.view : NULL)) {
		policy_files_explain(&files, stderr);
		ret = cmd_fail("slowpath", "nothing was written; l7fp-tool check says more");
	} else {
		a.proxy.configuration = a.output;
		ret = a.token_only ? 0 : find_certificates(&a, &files, certificates);
		if (!ret && a.proxy.certificates)
			ret = write_secrets(&a);
		if (!ret)
			ret = write_configuration(&a, &files);
	}
	policy_files_free(&files);
	return ret;
}
