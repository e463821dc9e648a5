/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of l7fp-tool. argv[0] is the command's name.
 */
#ifndef _L7FP_CMD_H
#define _L7FP_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <netinet/in.h>

/* Exit statuses of every command. */
#define EXIT_FAILED	1	/* refused, invalid or missing: the message says what */
#define EXIT_USAGE	2	/* the command line is wrong */

int cmd_apply(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_connections(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_drain(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_reset(int argc, char **argv);
int cmd_slowpath(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_status(int argc, char **argv);

struct json;
struct kernel;
struct kernel_connection;

/* cmd_connections.c: an object of an array. */
void connections_put(struct json *j, const struct kernel *k, const struct kernel_connection *c);

/* cmd_common.c */

/*
 * Go to a network namespace: a name of ip-netns(8), or a path. Says on stderr
 * why when it cannot. 0 or -1.
 */
int cmd_enter_netns(const char *netns);
/* Whether l7fpd answers for the network namespace with this cookie. */
bool cmd_daemon_runs(uint64_t cookie);
/* "l7fp-tool COMMAND: text" on stderr; returns EXIT_FAILED. */
int cmd_fail(const char *command, const char *text);
/* A number from @low to @high. 0, or -1 after a message. */
int cmd_number(const char *option, const char *text, unsigned long low, unsigned long high,
	       unsigned long *out);

/* The files and folders of a command line. */
#define CMD_MAX_FILES	1024

struct cmd_files {
	char *path[CMD_MAX_FILES];
	size_t n;
};

/* One more; "-" is standard input. 0, or -1 after a message. */
int cmd_add_file(const char *command, struct cmd_files *files, char *path);
/* Those that are left on the command line, behind its options. Likewise. */
int cmd_add_files(const char *command, struct cmd_files *files, int argc, char **argv);
/* Whether one is standard input, which can be read once only. */
bool cmd_has_stdin(const struct cmd_files *files);

/* ALLOW_ANY or REGISTRY_ONLY. 0, or -1 after a message. */
int cmd_outbound(const char *command, const char *text, bool *registry_only);

/* ADDRESS:PORT or [IPv6]:PORT. 0, or -1 after a message. */
int cmd_address(const char *option, const char *text, struct in6_addr *address, uint16_t *port);

#endif /* _L7FP_CMD_H */
