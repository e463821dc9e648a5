// SPDX-License-Identifier: GPL-2.0-only
/*
 * l7fpd --replace: the one that runs ends, and the new one goes on. Nothing
 * that is in force changes by that, since none of it is the process's own.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include "daemon.h"

/* The old one finishes what it is about to apply. */
#define PATIENCE_MS	60000

/* The process that answers for the network namespace; 0: none. */
static pid_t running(uint64_t cookie)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	daemon_socket_path(address.sun_path, sizeof(address.sun_path), cookie);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	close(fd);
	return peer.pid;
}

int daemon_replace(uint64_t cookie)
{
	struct pollfd gone = { .events = POLLIN };
	pid_t pid = running(cookie);
	int n;

	if (!pid)
		return 0;
	/* A file descriptor, so that it is that process and no later one of its number. */
	gone.fd = syscall(SYS_pidfd_open, pid, 0);
	if (gone.fd < 0)
		return errno == ESRCH ? 0 : -1;
	if (running(cookie) != pid || syscall(SYS_pidfd_send_signal, gone.fd, SIGTERM, NULL, 0)) {
		fprintf(stderr, "l7fpd: process %d, which runs for this network namespace, cannot be ended: %s\n",
			(int)pid, strerror(errno));
		close(gone.fd);
		return -1;
	}
	do {
		n = poll(&gone, 1, PATIENCE_MS);
	} while (n < 0 && errno == EINTR);
	close(gone.fd);
	if (n > 0)
		return 0;
	fprintf(stderr,
		"l7fpd: process %d, which runs for this network namespace, has not ended within %d s; it goes on\n",
		(int)pid, PATIENCE_MS / 1000);
	return -1;
}
