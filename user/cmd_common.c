// SPDX-License-Identifier: GPL-2.0-only
/*
 * What several commands of l7fp-tool share.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"

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
