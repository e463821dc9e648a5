// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into tests that let the kernel choose where they listen: a stream
 * socket that is bound to port 0 gets one of L7FP_BIND_COUNT ports from
 * L7FP_BIND_FIRST, which are captured.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
	int first = number("L7FP_BIND_FIRST"), count = number("L7FP_BIND_COUNT"), type = 0;
	static unsigned int turn;
	struct sockaddr_in6 own;
	socklen_t size = sizeof(type);
	int i, err = -1, one = 1;

	/* The port is at the same place in both families. */
	if (!real || !first || !count || len > sizeof(own) || len < sizeof(struct sockaddr_in) ||
	    (address->sa_family != AF_INET && address->sa_family != AF_INET6) ||
	    ((const struct sockaddr_in *)address)->sin_port ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM)
		return real ? real(fd, address, len) : -1;
	/* Each test is a process of its own: they do not all begin with the first. */
	if (!turn)
		turn = getpid();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	for (i = 0; i < count; i++) {
		__builtin_memcpy(&own, address, len);
		own.sin6_port = htons(first + turn++ % count);
		err = real(fd, (struct sockaddr *)&own, len);
		if (!err || errno != EADDRINUSE)
			return err;
	}
	return err;
}
