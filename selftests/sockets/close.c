// SPDX-License-Identifier: GPL-2.0-only
/* close: who is first, with what unread or unsent, and how. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "sockets.h"

static void first(void)
{
	struct pair p;

	pair_open(&p);
	see_call("close", close(p.a));
	see_recv("peer reads", p.b, 64, 0);
	see_call("peer closes", close(p.b));
	close(p.listener);
}

static void with_bytes(void)
{
	struct pair p;

	pair_open(&p);
	send(p.a, "last words", 10, 0);
	close(p.a);
	see_recv("peer reads", p.b, 64, MSG_WAITALL);
	see_recv("end", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void with_many(void)
{
	static char data[300000];
	struct pair p;
	long n, got = 0;
	uint64_t hash = HASH_SEED;

	pair_open(&p);
	set_int(p.a, SOL_SOCKET, SO_SNDBUF, sizeof(data) * 2);
	fill_bytes(data, 0, sizeof(data));
	see_call("send", send(p.a, data, 100000, 0));
	close(p.a);
	while ((n = recv(p.b, data, 1000, 0)) > 0) {
		hash = hash_bytes(hash, data, n);
		got += n;
	}
	see_call("last recv", n);
	see("received", "%ld, hash %016llx", got, (unsigned long long)hash);
	close(p.b);
	close(p.listener);
}

static void writing_after(void)
{
	struct pair p;

	pair_open(&p);
	signal(SIGPIPE, SIG_IGN);
	close(p.a);
	await_events(p.b, POLLRDHUP);
	see_call("first send", send(p.b, "abc", 3, 0));
	see_events("reset", await_events(p.b, POLLERR | POLLHUP) & (POLLERR | POLLHUP));
	see_call("second send", send(p.b, "def", 3, 0));
	see_call("third send", send(p.b, "ghi", 3, 0));
	see_recv("recv", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void unread(void)
{
	struct pair p;

	pair_open(&p);
	signal(SIGPIPE, SIG_IGN);
	pass(p.b, p.a, "not read");
	close(p.a);
	see_events("poll", await_events(p.b, POLLERR | POLLHUP) & (POLLERR | POLLHUP));
	see_recv("recv", p.b, 64, 0);
	see_recv("recv again", p.b, 64, 0);
	see_call("send", send(p.b, "abc", 3, 0));
	close(p.b);
	close(p.listener);
}

static void unread_with_bytes(void)
{
	struct pair p;

	/* What was sent before is received; the reset comes after it. */
	pair_open(&p);
	pass(p.b, p.a, "not read");
	pass(p.a, p.b, "read me");
	see_recv("recv before", p.b, 4, 0);
	close(p.a);
	await_events(p.b, POLLERR);
	see_recv("recv", p.b, 64, 0);
	see_recv("recv", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void abort_(void)
{
	struct linger none = { 1, 0 };
	struct pair p;

	pair_open(&p);
	signal(SIGPIPE, SIG_IGN);
	see_call("SO_LINGER 0", setsockopt(p.a, SOL_SOCKET, SO_LINGER, &none, sizeof(none)));
	see_call("close", close(p.a));
	await_events(p.b, POLLERR);
	see("SO_ERROR", "%s", strerrorname_np(get_int(p.b, SOL_SOCKET, SO_ERROR)));
	see("SO_ERROR again", "%d", get_int(p.b, SOL_SOCKET, SO_ERROR));
	see_recv("recv", p.b, 64, 0);
	see_call("send", send(p.b, "abc", 3, 0));
	close(p.b);
	close(p.listener);
}

static void abort_blocked(void)
{
	struct linger none = { 1, 0 };
	struct later l;
	struct pair p;

	pair_open(&p);
	later_recv(&l, p.b, 64, 0);
	setsockopt(p.a, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(p.a);
	see_bytes("recv that waited", later_end(&l), l.data);
	see_recv("recv after it", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void abort_send(void)
{
	struct linger none = { 1, 0 };
	struct pair p;

	pair_open(&p);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(p.a, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(p.a);
	await_events(p.b, POLLERR);
	see_call("send", send(p.b, "abc", 3, 0));
	see_call("send again", send(p.b, "abc", 3, 0));
	close(p.b);
	close(p.listener);
}

static void linger_(void)
{
	struct linger some = { 1, PATIENCE };
	struct pair p;

	pair_open(&p);
	setsockopt(p.a, SOL_SOCKET, SO_LINGER, &some, sizeof(some));
	send(p.a, "wait for me", 11, 0);
	see_call("close that waits until all was received", close(p.a));
	see_recv("peer reads", p.b, 64, MSG_WAITALL);
	close(p.b);
	close(p.listener);
}

static void linger_read(void)
{
	struct linger some;
	socklen_t len = sizeof(some);
	struct pair p;

	pair_open(&p);
	see_call("SO_LINGER", getsockopt(p.a, SOL_SOCKET, SO_LINGER, &some, &len));
	see("value", "%d %d", some.l_onoff, some.l_linger);
	see_call("TCP_LINGER2", set_int(p.a, IPPROTO_TCP, TCP_LINGER2, 3));
	see_option("value", p.a, IPPROTO_TCP, TCP_LINGER2);
	pair_close(&p);
}

static void crossing(void)
{
	struct pair p;

	pair_open(&p);
	pass(p.a, p.b, "from a");
	pass(p.b, p.a, "from b");
	see_recv("a reads", p.a, 64, 0);
	see_recv("b reads", p.b, 64, 0);
	see_call("a closes", close(p.a));
	see_call("b closes", close(p.b));
	/* The same address can be listened at, and connected to, at once. */
	close(p.listener);
	pair_open(&p);
	pass(p.a, p.b, "again");
	see_recv("again", p.b, 64, 0);
	pair_close(&p);
}

static void same_port_again(void)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int l = listen_here(4), c = stream_socket(0), s;

	/* The client's own address is in TIME_WAIT when it is used again. */
	if (connect_here(c))
		give_up("connect: %s", strerror(errno));
	s = accept(l, NULL, NULL);
	getsockname(c, (struct sockaddr *)&own, &len);
	shutdown(c, SHUT_WR);
	see_recv("server", s, 8, 0);
	close(s);
	see_recv("client", c, 8, 0);
	close(c);
	c = stream_socket(0);
	see_call("SO_REUSEADDR", set_int(c, SOL_SOCKET, SO_REUSEADDR, 1));
	see_call("bind to the same address", bind(c, (struct sockaddr *)&own, len));
	see_call("connect from it", connect_here(c));
	close(c);
	close(l);
}

const struct scenario close_scenarios[] = {
	SCENARIO("close-first", first),
	SCENARIO("close-bytes", with_bytes),
	SCENARIO("close-many-bytes", with_many),
	SCENARIO("close-send-after", writing_after),
	SCENARIO("close-unread", unread),
	SCENARIO("close-unread-and-sent", unread_with_bytes),
	SCENARIO("close-reset", abort_),
	SCENARIO("close-reset-blocked", abort_blocked),
	SCENARIO("close-reset-send", abort_send),
	SCENARIO("close-linger", linger_),
	SCENARIO("close-linger-options", linger_read),
	SCENARIO("close-crossing", crossing),
	ONCE("close-time-wait", same_port_again),
	{}
};
