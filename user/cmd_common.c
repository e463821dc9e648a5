// SPDX-License-Identifier: GPL-2.0-only
/*
 * What several commands of l7fp-tool share.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "cmd.h"
#include "daemon.h"

#define NETNS_DIR	"/run/netns"

int cmd_enter_netns(const char *netns)
{
	char path[PATH_MAX];
	int fd, err;

	if (strchr(netns, '/'))
		snprintf(path, sizeof(path), "%s", netns);
	else
		snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr,
			"%s: network namespace '%s': %s: %s; expected a name that ip netns lists, or a path such as /proc/PID/ns/net\n",
			program_invocation_short_name, netns, path, strerror(errno));
		return -1;
	}
	err = setns(fd, CLONE_NEWNET);
	if (err)
		fprintf(stderr, "%s: network namespace '%s': %s\n",
			program_invocation_short_name, netns, strerror(errno));
	close(fd);
	return err;
}

int cmd_fail(const char *command, const char *text)
{
	fprintf(stderr, "l7fp-tool %s: %s\n", command, text);
	return EXIT_FAILED;
}

int cmd_number(const char *option, const char *text, unsigned long low, unsigned long high,
	       unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && *text != '-' && *out >= low && *out <= high)
		return 0;
	fprintf(stderr, "%s: %s: expected a number from %lu to %lu, got '%s'\n",
		program_invocation_short_name, option, low, high, text);
	return -1;
}

int cmd_add_file(const char *command, struct cmd_files *files, char *path)
{
	if (files->n == CMD_MAX_FILES) {
		fprintf(stderr,
			"l7fp-tool %s: more than %d paths; expected fewer: name a folder instead\n",
			command, CMD_MAX_FILES);
		return -1;
	}
	files->path[files->n++] = path;
	return 0;
}

int cmd_add_files(const char *command, struct cmd_files *files, int argc, char **argv)
{
	int err = 0;

	while (!err && optind < argc)
		err = cmd_add_file(command, files, argv[optind++]);
	return err;
}

bool cmd_has_stdin(const struct cmd_files *files)
{
	size_t i;

	for (i = 0; i < files->n; i++)
		if (!strcmp(files->path[i], "-"))
			return true;
	return false;
}

int cmd_outbound(const char *command, const char *text, bool *registry_only)
{
	*registry_only = !strcmp(text, "REGISTRY_ONLY");
	if (*registry_only || !strcmp(text, "ALLOW_ANY"))
		return 0;
	fprintf(stderr,
		"%s: --outbound-traffic-policy: expected ALLOW_ANY or REGISTRY_ONLY, got '%s'\n",
		command, text);
	return -1;
}

int cmd_address(const char *option, const char *text, struct in6_addr *address, uint16_t *port)
{
	char copy[INET6_ADDRSTRLEN + 16], *colon, *host = copy;
	unsigned long number;
	struct in_addr v4;

	if (strlen(text) >= sizeof(copy))
		goto bad;
	strcpy(copy, text);
	colon = strrchr(copy, ':');
	if (!colon)
		goto bad;
	*colon = '\0';
	if (*copy == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		host++;
	}
	if (inet_pton(AF_INET, host, &v4) == 1) {
		memset(address, 0, sizeof(*address));
		address->s6_addr[10] = 0xff;
		address->s6_addr[11] = 0xff;
		memcpy(&address->s6_addr[12], &v4, sizeof(v4));
	} else if (host == copy || inet_pton(AF_INET6, host, address) != 1) {
		goto bad;
	}
	if (cmd_number(option, colon + 1, 1, 65535, &number))
		return -1;
	*port = (uint16_t)number;
	return 0;
bad:
	fprintf(stderr, "%s %s: expected ADDRESS:PORT, as in 127.0.0.1:15003 or [::1]:15003\n",
		option, text);
	return -1;
}

bool cmd_daemon_runs(uint64_t cookie)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool runs;

	if (fd < 0)
		return false;
	daemon_socket_path(address.sun_path, sizeof(address.sun_path), cookie);
	runs = !connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return runs;
}
