// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool events: what the module reports, as it happens. */
#include <getopt.h>
#include "cmd.h"
#include "json_out.h"
#include "kernel.h"

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool events [OPTION]...\n"
	      "\n"
	      "Print connections that were lost and upstream connections that are wanted, one\n"
	      "line of JSON each, until interrupted. The module limits their rate.\n"
	      "\n"
	      "  -n, --netns NAME   of another network namespace\n"
	      "  -h, --help         this text\n", out);
}

static void put_address(struct json *j, const char *key, struct nlattr *address,
			struct nlattr *port)
{
	char text[NAME_ADDRESS_LEN];
	struct in6_addr in6;

	if (!netlink_get_address(&in6, address))
		json_string(j, key, name_address(text, &in6, netlink_get_u16(port)));
}

static void put_connection(struct json *j, struct nlattr *nest)
{
	struct nlattr *tb[L7FP_A_CONNECTION_MAX + 1];
	uint32_t reason;

	if (!nest || netlink_nest(tb, L7FP_A_CONNECTION_MAX, nest))
		return;
	reason = netlink_get_u32(tb[L7FP_A_CONNECTION_REASON]);
	json_string(j, "reason", name_reason(reason));
	json_string(j, "text", text_reason(reason));
	if (tb[L7FP_A_CONNECTION_LISTENER])
		json_unsigned(j, "listener", netlink_get_u32(tb[L7FP_A_CONNECTION_LISTENER]));
	if (tb[L7FP_A_CONNECTION_CLUSTER])
		json_unsigned(j, "cluster", netlink_get_u32(tb[L7FP_A_CONNECTION_CLUSTER]));
	put_address(j, "remote", tb[L7FP_A_CONNECTION_REMOTE_ADDRESS],
		    tb[L7FP_A_CONNECTION_REMOTE_PORT]);
	put_address(j, "original", tb[L7FP_A_CONNECTION_ORIGINAL_ADDRESS],
		    tb[L7FP_A_CONNECTION_ORIGINAL_PORT]);
}

static void on_event(enum l7fp_cmd cmd, struct nlattr **attr, void *context)
{
	struct json j;

	(void)context;
	json_begin(&j, stdout, JSON_COMPACT);
	json_object(&j, NULL);
	switch (cmd) {
	case L7FP_CMD_CONNECTION_LOST:
		json_string(&j, "event", "connection-lost");
		put_connection(&j, attr[L7FP_A_CONNECTION]);
		break;
	case L7FP_CMD_UPSTREAM_WANTED:
		json_string(&j, "event", "upstream-wanted");
		json_unsigned(&j, "cluster", netlink_get_u32(attr[L7FP_A_ID]));
		break;
	default:
		json_string(&j, "event", "unknown");
		json_unsigned(&j, "command", cmd);
	}
	json_end(&j);
	json_finish(&j);
}

int cmd_events(int argc, char **argv)
{
	static const struct option options[] = {
		{ "netns", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *netns = NULL;
	char error[ERROR_LEN];
	struct netlink *nl;
	int c, err;

	optind = 1;
	while ((c = getopt_long(argc, argv, "n:h", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			netns = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (netns && cmd_enter_netns(netns))
		return EXIT_FAILED;
	err = netlink_open(&nl, error, sizeof(error));
	if (!err)
		err = netlink_listen(nl, error, sizeof(error));
	while (!err)
		err = netlink_events(nl, on_event, NULL, error, sizeof(error));
	netlink_close(nl);
	return cmd_fail("events", error);
}
