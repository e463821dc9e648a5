// SPDX-License-Identifier: GPL-2.0-only
/* Readiness as epoll sees it: level and edge triggered, once, shared. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "sockets.h"

static int watch(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		give_up("epoll: %s", strerror(errno));
	return ep;
}

/* Events that are there, or that come while @wait is set. */
static void see_epoll(const char *key, int ep, bool wait)
{
	struct epoll_event e = {};
	int n = epoll_wait(ep, &e, 1, wait ? PATIENCE * 1000 : 0);

	if (n == 1)
		see_events(key, e.events);
	else
		see_call(key, n);
}

static void level(void)
{
	struct pair p;
	int ep;

	pair_open(&p);
	ep = watch(p.a, EPOLLIN | EPOLLRDHUP);
	see_epoll("nothing", ep, false);
	pass(p.b, p.a, "abcdef");
	see_epoll("bytes", ep, true);
	see_epoll("bytes still", ep, false);
	see_recv("recv of some", p.a, 3, 0);
	see_epoll("some left", ep, false);
	see_recv("recv of the rest", p.a, 64, 0);
	see_epoll("none left", ep, false);
	shutdown(p.b, SHUT_WR);
	see_epoll("end", ep, true);
	see_epoll("end still", ep, false);
	close(ep);
	pair_close(&p);
}

static void edge(void)
{
	struct pair p;
	int ep;

	pair_open(&p);
	ep = watch(p.a, EPOLLIN | EPOLLRDHUP | EPOLLET);
	see_epoll("nothing", ep, false);
	pass(p.b, p.a, "abcdef");
	see_epoll("bytes", ep, true);
	see_epoll("no second time", ep, false);
	see_recv("recv of some", p.a, 3, 0);
	see_epoll("nor after reading some", ep, false);
	pass(p.b, p.a, "ghi");
	see_epoll("new bytes", ep, true);
	see_epoll("no second time either", ep, false);
	see_recv("recv of all", p.a, 64, 0);
	see_epoll("none left", ep, false);
	shutdown(p.b, SHUT_WR);
	see_epoll("end", ep, true);
	see_epoll("end once", ep, false);
	close(ep);
	pair_close(&p);
}

static void edge_unread(void)
{
	struct pair p;
	int ep, i;

	/* Each arrival is an edge, although nothing is read. */
	pair_open(&p);
	ep = watch(p.a, EPOLLIN | EPOLLET);
	for (i = 0; i < 5; i++) {
		pass(p.b, p.a, "x");
		see_epoll("arrival", ep, true);
	}
	see_epoll("nothing more", ep, false);
	see_recv("recv", p.a, 64, 0);
	close(ep);
	pair_close(&p);
}

static void once(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	struct pair p;
	int ep;

	pair_open(&p);
	ep = watch(p.a, e.events);
	pass(p.b, p.a, "abc");
	see_epoll("bytes", ep, true);
	pass(p.b, p.a, "def");
	see_epoll("disarmed", ep, false);
	see_call("armed again", epoll_ctl(ep, EPOLL_CTL_MOD, p.a, &e));
	see_epoll("bytes", ep, true);
	see_recv("recv", p.a, 64, 0);
	see_call("armed again", epoll_ctl(ep, EPOLL_CTL_MOD, p.a, &e));
	see_epoll("none left", ep, false);
	close(ep);
	pair_close(&p);
}

/* Writes until the socket takes no more; how many bytes. */
static long fill(int fd)
{
	char data[16384];
	long total = 0, n;

	memset(data, 'f', sizeof(data));
	for (;;) {
		n = send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			break;
		total += n;
	}
	if (errno != EAGAIN)
		give_up("send: %s", strerror(errno));
	return total;
}

/* A proxy between the ends has queues of its own, which fill behind the sender's. */
static long fill_all(int fd)
{
	long total = 0, n;
	int quiet = 0;

	while (quiet < 100) {
		n = fill(fd);
		total += n;
		quiet = n ? 0 : quiet + 1;
		usleep(2000);
	}
	return total;
}

static long drain(int fd, long total)
{
	char data[65536];
	long got = 0, n;

	while (got < total) {
		n = recv(fd, data, sizeof(data), 0);
		if (n <= 0)
			break;
		got += n;
	}
	return got;
}

static void write_edge(void)
{
	struct pair p;
	long total;
	int ep;

	pair_open_sized(&p, 65536, 65536);
	ep = watch(p.a, EPOLLOUT | EPOLLET);
	see_epoll("room", ep, true);
	see_epoll("no second time", ep, false);
	total = fill_all(p.a);
	/* An edge may have passed while it was filled. */
	epoll_wait(ep, &(struct epoll_event){}, 1, 0);
	see_epoll("full", ep, false);
	see("all was received", "%s", drain(p.b, total) == total ? "yes" : "no");
	see_epoll("room again", ep, true);
	close(ep);
	pair_close(&p);
}

static void write_level(void)
{
	struct pair p;
	long total;
	int ep;

	pair_open_sized(&p, 65536, 65536);
	ep = watch(p.a, EPOLLOUT);
	see_epoll("room", ep, true);
	see_epoll("room still", ep, false);
	total = fill_all(p.a);
	see_epoll("full", ep, false);
	see("all was received", "%s", drain(p.b, total) == total ? "yes" : "no");
	see_epoll("room again", ep, true);
	close(ep);
	pair_close(&p);
}

static void both_edge(void)
{
	struct epoll_event e;
	struct pair p;
	int ep;

	/* An edge of one kind reports the other's state, too. */
	pair_open(&p);
	ep = watch(p.a, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	see_epoll("fresh", ep, true);
	pass(p.b, p.a, "abc");
	see_epoll("bytes", ep, true);
	see_recv("recv", p.a, 64, 0);
	send(p.a, "def", 3, 0);
	await_sent(p.a);
	shutdown(p.b, SHUT_WR);
	await_events(p.a, POLLRDHUP);
	see_epoll("end", ep, true);
	while (epoll_wait(ep, &e, 1, 0) > 0)
		;
	shutdown(p.a, SHUT_WR);
	await_events(p.a, POLLHUP);
	see_epoll("both ended", ep, true);
	close(ep);
	pair_close(&p);
}

static void hung_up(void)
{
	struct linger none = { 1, 0 };
	struct pair p;
	int ep;

	pair_open(&p);
	ep = watch(p.a, EPOLLET);
	setsockopt(p.b, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(p.b);
	await_events(p.a, POLLHUP);
	see_epoll("reset, though nothing was asked for", ep, true);
	close(ep);
	close(p.a);
	close(p.listener);
}

static void two_sets(void)
{
	struct pair p;
	int one, two;

	pair_open(&p);
	one = watch(p.a, EPOLLIN | EPOLLET);
	two = watch(p.a, EPOLLIN);
	pass(p.b, p.a, "abc");
	see_epoll("edge", one, true);
	see_epoll("level", two, true);
	see_epoll("edge, once", one, false);
	see_epoll("level, again", two, false);
	close(one);
	close(two);
	pair_close(&p);
}

static void nested(void)
{
	struct pair p;
	int inner, outer;

	pair_open(&p);
	inner = watch(p.a, EPOLLIN);
	outer = watch(inner, EPOLLIN);
	see_epoll("nothing", outer, false);
	pass(p.b, p.a, "abc");
	see_epoll("bytes", outer, true);
	see_epoll("inner", inner, true);
	see_recv("recv", p.a, 64, 0);
	see_epoll("none left", outer, false);
	close(outer);
	close(inner);
	pair_close(&p);
}

const struct scenario epoll_scenarios[] = {
	SCENARIO("epoll-level", level),
	SCENARIO("epoll-edge", edge),
	SCENARIO("epoll-edge-unread", edge_unread),
	SCENARIO("epoll-once", once),
	SCENARIO("epoll-write-edge", write_edge),
	SCENARIO("epoll-write-level", write_level),
	SCENARIO("epoll-both", both_edge),
	SCENARIO("epoll-hang-up", hung_up),
	SCENARIO("epoll-two-sets", two_sets),
	SCENARIO("epoll-nested", nested),
	{}
};
