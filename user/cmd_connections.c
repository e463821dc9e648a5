// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool connections: every connection of the module, and what kind of port it has. */
#include <getopt.h>
#include "cmd.h"
#include "json_out.h"
#include "kernel.h"

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool connections [OPTION]...\n"
	      "\n"
	      "Print the connections of the module in this network namespace: each downstream\n"
	      "with the upstream that its exchange uses, then the idle ones of the pools. PORT is\n"
	      "app where bytes pass TCP by, tls where they are encrypted; SOCKET says what is at the\n"
	      "other end, or why they do not pass it by.\n"
	      "\n"
	      "  -n, --netns NAME   of another network namespace: a name of ip netns, or a path\n"
	      "  -j, --json         as JSON\n"
	      "  -h, --help         this text\n", out);
}

static const char *port_kind(const struct kernel_connection *c)
{
	if (c->tls_version)
		return "tls";
	return c->app == L7FP_APP_JOINED || c->app == L7FP_APP_OWN ? "app" : "wire";
}

static const char *listener_name(const struct kernel *k, uint32_t id)
{
	size_t i;

	for (i = 0; i < k->n_listeners; i++)
		if (k->listener[i].id == id)
			return k->listener[i].name;
	return NULL;
}

/* What it belongs to. It may have been removed since it was made. */
static const char *owner_name(const struct kernel *k, const struct kernel_connection *c)
{
	const struct kernel_cluster *cluster = kernel_cluster(k, c->cluster);

	return c->downstream ? listener_name(k, c->listener) : cluster ? cluster->name : NULL;
}

void connections_put(struct json *j, const struct kernel *k, const struct kernel_connection *c)
{
	char text[NAME_ADDRESS_LEN];

	json_object(j, NULL);
	json_string(j, "side", c->downstream ? "downstream" : "upstream");
	if (c->id)
		json_unsigned(j, "id", c->id);
	if (c->downstream)
		json_unsigned(j, "listener", c->listener);
	json_string(j, c->downstream ? "listener_name" : "cluster", owner_name(k, c));
	json_string(j, "state", name_connection_state(c->state));
	json_string(j, "port", port_kind(c));
	json_string(j, "socket", name_app_state(c->app));
	if (c->local_port)
		json_string(j, "local", name_address(text, &c->local, c->local_port));
	json_string(j, "remote", name_address(text, &c->remote, c->remote_port));
	if (c->original_port)
		json_string(j, "original", name_address(text, &c->original, c->original_port));
	if (c->tls_version) {
		json_object(j, "tls");
		json_string(j, "version", c->tls_version == L7FP_TLS_1_3 ? "1.3" : "1.2");
		json_string(j, "cipher", name_tls_cipher(c->tls_cipher));
		json_string(j, "peer", *c->tls_principal ? c->tls_principal : NULL);
		json_end(j);
	}
	json_unsigned(j, "exchanges", c->exchanges);
	json_unsigned(j, "rx_bytes", c->rx_bytes);
	json_unsigned(j, "tx_bytes", c->tx_bytes);
	json_unsigned(j, "queued_bytes", c->queued);
	json_unsigned(j, "idle_ms", c->idle_ms);
	json_end(j);
}

static void print(const struct kernel *k, const struct kernel_connection *c)
{
	char local[NAME_ADDRESS_LEN] = "-", remote[NAME_ADDRESS_LEN], original[NAME_ADDRESS_LEN] = "-";
	const char *owner = owner_name(k, c);

	if (c->local_port)
		name_address(local, &c->local, c->local_port);
	if (c->original_port)
		name_address(original, &c->original, c->original_port);
	printf("%-10s  %-10s  %-4s  %-9s  %-21s  %-21s  %-21s  %9llu  %7u  %8u  %s\n",
	       c->downstream ? "downstream" : "upstream", name_connection_state(c->state),
	       port_kind(c), name_app_state(c->app), local,
	       name_address(remote, &c->remote, c->remote_port), original,
	       (unsigned long long)c->exchanges, c->queued, c->idle_ms, owner ? owner : "-");
}

static void print_all(const struct kernel *k, bool as_json)
{
	struct json j;
	size_t i;

	if (!as_json) {
		printf("%-10s  %-10s  %-4s  %-9s  %-21s  %-21s  %-21s  %9s  %7s  %8s  %s\n", "SIDE",
		       "STATE", "PORT", "SOCKET", "LOCAL", "REMOTE", "ORIGINAL", "EXCHANGES",
		       "QUEUED", "IDLE-MS", "OF");
		for (i = 0; i < k->n_connections; i++)
			print(k, &k->connection[i]);
		return;
	}
	json_begin(&j, stdout, JSON_PRETTY);
	json_array(&j, NULL);
	for (i = 0; i < k->n_connections; i++)
		connections_put(&j, k, &k->connection[i]);
	json_end(&j);
	json_finish(&j);
}

int cmd_connections(int argc, char **argv)
{
	static const struct option options[] = {
		{ "netns", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *netns = NULL;
	struct kernel kernel = {};
	char error[ERROR_LEN];
	struct netlink *nl;
	bool json = false;
	int c, err;

	optind = 1;
	while ((c = getopt_long(argc, argv, "n:jh", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			netns = optarg;
			break;
		case 'j':
			json = true;
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
	if (netlink_open(&nl, error, sizeof(error)))
		return cmd_fail("connections", error);
	err = kernel_read(nl, KERNEL_LISTENERS | KERNEL_CLUSTERS | KERNEL_CONNECTIONS, &kernel, error,
			  sizeof(error));
	if (!err)
		print_all(&kernel, json);
	kernel_free(&kernel);
	netlink_close(nl);
	return err ? cmd_fail("connections", error) : 0;
}
