// SPDX-License-Identifier: GPL-2.0-only
/*
 * l7fp-tool: translates policies, puts them in force, and says what is.
 */
#include <stdio.h>
#include <string.h>
#include "cmd.h"

static int support_table(int argc, char **argv)
{
	char *arguments[] = { "check", "--support-table", NULL };

	(void)argv;
	if (argc != 1) {
		fputs("usage: l7fp-tool support-table\n", stderr);
		return EXIT_USAGE;
	}
	return cmd_check(2, arguments);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "apply", cmd_apply, "put policies in force" },
	{ "check", cmd_check, "say of each rule where it runs, and why" },
	{ "slowpath", cmd_slowpath, "write the configuration of a slow-path proxy" },
	{ "explain", cmd_explain, "say which rule decides a request, and what happens" },
	{ "connections", cmd_connections, "print the connections and their ports" },
	{ "dump", cmd_dump, "print everything that the kernel holds" },
	{ "status", cmd_status, "print what is in force" },
	{ "stats", cmd_stats, "print the counters" },
	{ "events", cmd_events, "print what the module reports, as it happens" },
	{ "doctor", cmd_doctor, "say what this machine lacks, and what mends it" },
	{ "drain", cmd_drain, "end the service without loss, so that the module can be unloaded" },
	{ "reset", cmd_reset, "take everything away, so that the module can be unloaded" },
	{ "support-table", support_table, "print which fields are supported" },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	size_t i;

	fputs("usage: l7fp-tool COMMAND [OPTION]... [FILE]...\n\n", out);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].summary);
	fputs("\nl7fp-tool COMMAND --help lists a command's options.\n"
	      "Exit status: 0 done; 1 refused, invalid or missing; 2 wrong command line.\n", out);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "l7fp-tool: there is no command '%s'\n\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
