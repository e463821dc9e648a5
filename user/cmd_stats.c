// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool stats: the counters. */
#include <getopt.h>
#include "cmd.h"
#include "stats_format.h"

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool stats [OPTION]...\n"
	      "\n"
	      "Print the counters of this network namespace, those that are 0 left out.\n"
	      "\n"
	      "  -a, --all          also counters that are 0\n"
	      "  -n, --netns NAME   of another network namespace\n"
	      "  -p, --prometheus   in Prometheus' text format, all counters\n"
	      "  -j, --json         as JSON, all counters\n"
	      "  -h, --help         this text\n", out);
}

static int print(bool all, bool prometheus, bool as_json)
{
	char error[ERROR_LEN];
	struct kernel kernel;
	struct netlink *nl;
	struct json j;
	int err;

	err = netlink_open(&nl, error, sizeof(error));
	if (err)
		return cmd_fail("stats", error);
	err = kernel_read(nl, KERNEL_STATS, &kernel, error, sizeof(error));
	netlink_close(nl);
	if (err) {
		kernel_free(&kernel);
		return cmd_fail("stats", error);
	}
	if (prometheus) {
		stats_prometheus(stdout, &kernel);
	} else if (as_json) {
		json_begin(&j, stdout, JSON_PRETTY);
		json_object(&j, NULL);
		stats_json(&j, &kernel);
		json_end(&j);
		json_finish(&j);
	} else {
		stats_text(stdout, &kernel, all);
	}
	kernel_free(&kernel);
	return 0;
}

int cmd_stats(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "netns", required_argument, NULL, 'n' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool all = false, prometheus = false, as_json = false;
	const char *netns = NULL;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "an:pjh", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			all = true;
			break;
		case 'n':
			netns = optarg;
			break;
		case 'p':
			prometheus = true;
			break;
		case 'j':
			as_json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc || (prometheus && as_json)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (netns && cmd_enter_netns(netns))
		return EXIT_FAILED;
	return print(all, prometheus, as_json);
}
