// SPDX-License-Identifier: GPL-2.0-only
/* accept: flags, what is inherited, clients that are gone already. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "sockets.h"

static int client(void)
{
	int c = stream_socket(0);

	if (connect_here(c))
		give_up("connect: %s", strerror(errno));
	return c;
}

static void flags(void)
{
	int l = listen_here(4), c[3], s, i;

	for (i = 0; i < 3; i++)
		c[i] = client();
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	see("F_GETFL", "%#x", fcntl(s, F_GETFL));
	see("F_GETFD", "%#x", fcntl(s, F_GETFD));
	see_recv("recv", s, 8, 0);
	close(s);
	s = accept4(l, NULL, NULL, 0);
	see("F_GETFL without flags", "%#x", fcntl(s, F_GETFL));
	see("F_GETFD without flags", "%#x", fcntl(s, F_GETFD));
	close(s);
	see_call("wrong flags", accept4(l, NULL, NULL, 0x40000000));
	s = accept(l, NULL, NULL);
	see("the third", "%s", s < 0 ? strerror(errno) : "is there");
	close(s);
	set_nonblocking(l);
	see_call("accept, nobody there", accept(l, NULL, NULL));
	for (i = 0; i < 3; i++)
		close(c[i]);
	close(l);
}

static long run_accept(struct later *later)
{
	return accept(later->fd, NULL, NULL) < 0 ? -1 : 0;
}

static void waiting(void)
{
	struct later l = { .run = run_accept, .fd = listen_here(4) };
	int c;

	later_start(&l);
	c = client();
	see_call("accept that waited", later_end(&l));
	set_timeout(l.fd, SO_RCVTIMEO, 50);
	see_call("accept with a time limit", accept(l.fd, NULL, NULL));
	close(c);
	close(l.fd);
}

static void inherited(void)
{
	struct linger some = { 1, 7 };
	socklen_t len = sizeof(some);
	int l = listen_here(4), c, s;

	set_int(l, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(l, SOL_SOCKET, SO_RCVLOWAT, 5);
	set_int(l, SOL_SOCKET, SO_PRIORITY, 3);
	setsockopt(l, SOL_SOCKET, SO_LINGER, &some, sizeof(some));
	set_timeout(l, SO_SNDTIMEO, 1000);
	c = client();
	s = accept(l, NULL, NULL);
	see_option("TCP_NODELAY", s, IPPROTO_TCP, TCP_NODELAY);
	see_option("SO_KEEPALIVE", s, SOL_SOCKET, SO_KEEPALIVE);
	see_option("SO_RCVLOWAT", s, SOL_SOCKET, SO_RCVLOWAT);
	see_option("SO_PRIORITY", s, SOL_SOCKET, SO_PRIORITY);
	memset(&some, 0, sizeof(some));
	getsockopt(s, SOL_SOCKET, SO_LINGER, &some, &len);
	see("SO_LINGER", "%d %d", some.l_onoff, some.l_linger);
	see_option("SO_ACCEPTCONN of the listener", l, SOL_SOCKET, SO_ACCEPTCONN);
	see_option("SO_ACCEPTCONN", s, SOL_SOCKET, SO_ACCEPTCONN);
	send(c, "abc", 3, 0);
	send(c, "def", 3, 0);
	see_recv("recv of at least 5", s, 6, MSG_WAITALL);
	close(s);
	close(c);
	close(l);
}

static void client_gone(void)
{
	int l = listen_here(4), c = client(), s;

	send(c, "written and gone", 16, 0);
	close(c);
	await_events(l, POLLIN);
	s = accept(l, NULL, NULL);
	see("accept", "%s", s < 0 ? strerrorname_np(errno) : "ok");
	see_recv("recv", s, 64, MSG_WAITALL);
	see_recv("end", s, 64, 0);
	close(s);
	close(l);
}

static void client_reset(void)
{
	struct linger none = { 1, 0 };
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int l = listen_here(4), c = client(), s;

	await_events(l, POLLIN);
	setsockopt(c, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(c);
	s = accept(l, NULL, NULL);
	see("accept", "%s", s < 0 ? strerrorname_np(errno) : "ok");
	see_events("poll", await_events(s, POLLERR | POLLHUP) & (POLLERR | POLLHUP));
	see_call("getpeername", getpeername(s, (struct sockaddr *)&peer, &len));
	see_recv("recv", s, 64, 0);
	close(s);
	close(l);
}

static void deferred(void)
{
	int l = listen_here(4), c, s;

	see_call("TCP_DEFER_ACCEPT", set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 10));
	c = client();
	set_nonblocking(l);
	see_call("accept before bytes", accept(l, NULL, NULL));
	send(c, "abc", 3, 0);
	await_events(l, POLLIN);
	s = accept(l, NULL, NULL);
	see("accept", "%s", s < 0 ? strerrorname_np(errno) : "ok");
	see_recv("recv", s, 3, 0);
	close(s);
	close(c);
	close(l);
}

static void in_order(void)
{
	int l = listen_here(16), c[8], s, i;
	char byte;

	for (i = 0; i < 8; i++) {
		c[i] = client();
		byte = '0' + i;
		send(c[i], &byte, 1, 0);
	}
	for (i = 0; i < 8; i++) {
		s = accept(l, NULL, NULL);
		see_recv("connection", s, 1, MSG_WAITALL);
		close(s);
	}
	for (i = 0; i < 8; i++) {
		see_recv("client", c[i], 1, 0);
		close(c[i]);
	}
	close(l);
}

static void listener_gone(void)
{
	int l = listen_here(4), c = client();

	/* Nobody accepts it: it is reset. */
	await_events(l, POLLIN);
	close(l);
	await_events(c, POLLERR);
	see_recv("recv", c, 8, 0);
	close(c);
}

const struct scenario accept_scenarios[] = {
	ONCE("accept-flags", flags),
	ONCE("accept-waiting", waiting),
	ONCE("accept-inherited", inherited),
	ONCE("accept-client-gone", client_gone),
	ONCE("accept-client-reset", client_reset),
	ONCE("accept-deferred", deferred),
	ONCE("accept-order", in_order),
	ONCE("accept-listener-gone", listener_gone),
	{}
};
