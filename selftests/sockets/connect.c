// SPDX-License-Identifier: GPL-2.0-only
/* connect: states, errors, names, and connecting again. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "sockets.h"

static void nonblocking(void)
{
	int l = listen_here(4), c = stream_socket(SOCK_NONBLOCK), s;
	char data[8];

	see_call("connect", connect_here(c));
	see_events("poll", await_events(c, POLLOUT));
	see("SO_ERROR", "%d", get_int(c, SOL_SOCKET, SO_ERROR));
	see_call("connect again", connect_here(c));
	see_call("and again", connect_here(c));
	s = accept(l, NULL, NULL);
	see_call("recv", recv(c, data, 8, 0));
	pass(c, s, "abc");
	see_recv("server", s, 8, 0);
	close(s);
	close(c);
	close(l);
}

static void refused(void)
{
	struct sockaddr_storage to = refused_address();
	int c = stream_socket(0);

	see_call("connect", connect(c, (struct sockaddr *)&to, place.len));
	close(c);
}

static void refused_later(void)
{
	struct sockaddr_storage to = refused_address();
	int c = stream_socket(SOCK_NONBLOCK);

	see_call("connect", connect(c, (struct sockaddr *)&to, place.len));
	see_events("poll", await_events(c, POLLERR | POLLHUP));
	see("SO_ERROR", "%s", strerrorname_np(get_int(c, SOL_SOCKET, SO_ERROR)));
	see("SO_ERROR again", "%d", get_int(c, SOL_SOCKET, SO_ERROR));
	see_recv("recv", c, 8, 0);
	close(c);
}

static void same(const char *key, const struct sockaddr_storage *x,
		 const struct sockaddr_storage *y)
{
	const struct sockaddr_in *a = (const void *)x, *b = (const void *)y;
	bool address = a->sin_family == b->sin_family &&
		       (a->sin_family == AF_INET ? a->sin_addr.s_addr == b->sin_addr.s_addr :
			!memcmp(&((const struct sockaddr_in6 *)x)->sin6_addr,
				&((const struct sockaddr_in6 *)y)->sin6_addr, 16));

	see(key, "address %s, port %s", address ? "yes" : "no",
	    a->sin_port == b->sin_port ? "yes" : "no");
}

static void names(void)
{
	struct sockaddr_storage name[2][2] = {};
	socklen_t len = sizeof(name[0][0]);
	int l = listen_here(4), c = stream_socket(0), s;

	see_call("getpeername, not connected", getpeername(c, (struct sockaddr *)&name[0][0],
							   &len));
	len = sizeof(name[0][0]);
	see_call("connect", connect_here(c));
	s = accept(l, (struct sockaddr *)&name[1][1], &len);
	see("length", "%u", len);
	getsockname(c, (struct sockaddr *)&name[0][0], &len);
	getpeername(c, (struct sockaddr *)&name[0][1], &len);
	getsockname(s, (struct sockaddr *)&name[1][0], &len);
	same("client's peer is where it connected to", &name[0][1], &place.address);
	same("server's own name is where it listens", &name[1][0], &place.address);
	same("server's peer is the client", &name[1][1], &name[0][0]);
	getpeername(s, (struct sockaddr *)&name[0][1], &len);
	same("getpeername says what accept said", &name[0][1], &name[1][1]);
	close(s);
	close(c);
	close(l);
}

static void bound(void)
{
	struct sockaddr_storage own = place.address, is = {};
	socklen_t len = sizeof(is);
	int l = listen_here(4), c = stream_socket(0), s;

	((struct sockaddr_in *)&own)->sin_port = 0;
	see_call("bind", bind(c, (struct sockaddr *)&own, place.len));
	getsockname(c, (struct sockaddr *)&own, &len);
	see_call("connect", connect_here(c));
	len = sizeof(is);
	getsockname(c, (struct sockaddr *)&is, &len);
	same("own name is what was bound", &is, &own);
	s = accept(l, NULL, NULL);
	pass(c, s, "abc");
	see_recv("server", s, 8, 0);
	close(s);
	close(c);
	close(l);
}

static void disconnect(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int l = listen_here(4), c = stream_socket(0), s;

	see_call("connect", connect_here(c));
	s = accept(l, NULL, NULL);
	pass(c, s, "abc");
	pass(s, c, "unread");
	see_call("disconnect", connect(c, &none, sizeof(none)));
	see_call("getpeername", getpeername(c, (struct sockaddr *)&peer, &len));
	see_recv("recv", c, 8, MSG_DONTWAIT);
	see_events("server's poll", await_events(s, POLLERR) & POLLERR);
	close(s);
	see_call("connect again", connect_here(c));
	s = accept(l, NULL, NULL);
	pass(c, s, "def");
	pass(s, c, "ghi");
	see_recv("server", s, 8, 0);
	see_recv("client", c, 8, 0);
	close(s);
	close(c);
	close(l);
}

static void again(void)
{
	struct sockaddr_storage to = refused_address();
	int l = listen_here(4), c = stream_socket(0), s;

	see_call("connect", connect_here(c));
	s = accept(l, NULL, NULL);
	see_call("connect again", connect_here(c));
	see_call("connect elsewhere", connect(c, (struct sockaddr *)&to, place.len));
	see_call("listen on it", listen(c, 4));
	see_call("accept from it", accept(c, NULL, NULL));
	close(s);
	close(c);
	close(l);
}

static void wrong(void)
{
	struct sockaddr_storage to = place.address;
	int c = stream_socket(0);

	see_call("short address", connect(c, (struct sockaddr *)&to, 4));
	to.ss_family = AF_UNIX;
	see_call("wrong family", connect(c, (struct sockaddr *)&to, place.len));
	see("SO_ERROR", "%d", get_int(c, SOL_SOCKET, SO_ERROR));
	close(c);
}

static void fast_open(void)
{
	int l = listen_here(4), c = stream_socket(0), s;

	see_call("sendto with MSG_FASTOPEN", sendto(c, "abc", 3, MSG_FASTOPEN,
						    (struct sockaddr *)&place.address, place.len));
	s = accept(l, NULL, NULL);
	see_recv("server", s, 3, MSG_WAITALL);
	close(c);
	close(s);
	c = stream_socket(0);
	see_call("TCP_FASTOPEN_CONNECT", set_int(c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1));
	see_call("connect", connect_here(c));
	see_call("send", send(c, "def", 3, 0));
	s = accept(l, NULL, NULL);
	see_recv("server", s, 3, MSG_WAITALL);
	pass(s, c, "ghi");
	see_recv("client", c, 3, 0);
	close(c);
	close(s);
	close(l);
}

static void reading_early(void)
{
	struct later l;
	int listener = listen_here(4), c = stream_socket(0), s;

	/* A thread waits in recv before the server has accepted. */
	see_call("connect", connect_here(c));
	later_recv(&l, c, 64, 0);
	s = accept(listener, NULL, NULL);
	send(s, "greeting", 8, 0);
	see_bytes("recv that waited", later_end(&l), l.data);
	close(s);
	close(c);
	close(listener);
}

static void many(void)
{
	int l = listen_here(64), c[20], s[20], i, ok = 0;
	char text[8], data[8];

	/* Whichever order they are accepted in, bytes go to the right one and back. */
	for (i = 0; i < 20; i++) {
		c[i] = stream_socket(0);
		if (connect_here(c[i]))
			give_up("connect: %s", strerror(errno));
		memset(text, 'a' + i, sizeof(text));
		send(c[i], text, sizeof(text), 0);
	}
	for (i = 0; i < 20; i++) {
		s[i] = accept(l, NULL, NULL);
		if (recv(s[i], data, sizeof(data), MSG_WAITALL) != sizeof(data))
			give_up("recv: %s", strerror(errno));
		send(s[i], data, sizeof(data), 0);
	}
	for (i = 0; i < 20; i++) {
		memset(text, 'a' + i, sizeof(text));
		recv(c[i], data, sizeof(data), MSG_WAITALL);
		ok += !memcmp(text, data, sizeof(data));
		close(c[i]);
		close(s[i]);
	}
	see("answers that are right", "%d", ok);
	close(l);
}

const struct scenario connect_scenarios[] = {
	ONCE("connect-nonblocking", nonblocking),
	ONCE("connect-refused", refused),
	ONCE("connect-refused-later", refused_later),
	ONCE("connect-names", names),
	ONCE("connect-bound", bound),
	ONCE("connect-disconnect", disconnect),
	ONCE("connect-again", again),
	ONCE("connect-wrong", wrong),
	ONCE("connect-fast-open", fast_open),
	ONCE("connect-recv-early", reading_early),
	ONCE("connect-many", many),
	{}
};
