// SPDX-License-Identifier: GPL-2.0-only
/* Connected sockets. Client and server are one process, so that their order is known. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "sockets.h"

struct place place;

int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

int get_int(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -errno : value;
}

void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void set_timeout(int fd, int name, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)))
		give_up("time limit of a socket: %s", strerror(errno));
}

int stream_socket(int flags)
{
	int fd = socket(place.address.ss_family, SOCK_STREAM | flags, 0);

	if (fd < 0)
		give_up("socket: %s", strerror(errno));
	return fd;
}

static int listen_sized(int backlog, int sndbuf, int rcvbuf)
{
	int fd = stream_socket(SOCK_CLOEXEC);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sndbuf)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, sndbuf);
	if (rcvbuf)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (bind(fd, (struct sockaddr *)&place.address, place.len))
		give_up("bind: %s", strerror(errno));
	if (listen(fd, backlog))
		give_up("listen: %s", strerror(errno));
	return fd;
}

int listen_here(int backlog)
{
	return listen_sized(backlog, 0, 0);
}

int connect_here(int fd)
{
	return connect(fd, (struct sockaddr *)&place.address, place.len);
}

struct sockaddr_storage refused_address(void)
{
	struct sockaddr_storage address = place.address;

	/* The port is at the same place in both families. */
	((struct sockaddr_in *)&address)->sin_port = htons(place.refused);
	return address;
}

void note_joined(const struct pair *p)
{
	char name[2][16] = { "", "" };
	socklen_t len = sizeof(name[0]);

	if (getsockopt(p->a, IPPROTO_TCP, TCP_ULP, name[0], &len) || !len)
		strcpy(name[0], "-");
	len = sizeof(name[1]);
	if (getsockopt(p->b, IPPROTO_TCP, TCP_ULP, name[1], &len) || !len)
		strcpy(name[1], "-");
	note("pair %s %s", name[0], name[1]);
}

void pair_open_sized(struct pair *p, int sndbuf, int rcvbuf)
{
	int client, server;

	p->listener = listen_sized(16, sndbuf, rcvbuf);
	client = stream_socket(SOCK_CLOEXEC);
	if (sndbuf)
		set_int(client, SOL_SOCKET, SO_SNDBUF, sndbuf);
	if (rcvbuf)
		set_int(client, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (connect_here(client))
		give_up("connect: %s", strerror(errno));
	server = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		give_up("accept: %s", strerror(errno));
	p->a = place.swapped ? server : client;
	p->b = place.swapped ? client : server;
	note_joined(p);
}

void pair_open(struct pair *p)
{
	pair_open_sized(p, 0, 0);
}

void pair_close(struct pair *p)
{
	close(p->a);
	close(p->b);
	close(p->listener);
}
