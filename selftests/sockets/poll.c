// SPDX-License-Identifier: GPL-2.0-only
/* Readiness as poll and select see it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include "sockets.h"

#define ALL	(POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM | POLLRDBAND | \
		 POLLWRBAND)

/* What poll says now, when @reached is known to be the case. */
static void see_poll(const char *key, int fd, short reached)
{
	struct pollfd p = { .fd = fd, .events = ALL };

	await_events(fd, reached);
	poll(&p, 1, 0);
	see_events(key, p.revents);
}

static void states(void)
{
	struct pair p;

	pair_open(&p);
	see_poll("fresh", p.a, POLLOUT);
	pass(p.b, p.a, "abc");
	see_poll("bytes there", p.a, POLLIN);
	see_recv("recv", p.a, 1, 0);
	see_poll("some left", p.a, POLLIN);
	see_recv("recv", p.a, 64, 0);
	see_poll("none left", p.a, POLLOUT);
	shutdown(p.b, SHUT_WR);
	see_poll("peer sends no more", p.a, POLLRDHUP);
	see_recv("recv", p.a, 64, 0);
	see_poll("end was read", p.a, POLLRDHUP);
	shutdown(p.a, SHUT_WR);
	see_poll("neither sends", p.a, POLLHUP);
	see_poll("peer of it", p.b, POLLHUP);
	pair_close(&p);
}

static void bytes_before_end(void)
{
	struct pair p;

	pair_open(&p);
	pass(p.b, p.a, "abc");
	shutdown(p.b, SHUT_WR);
	see_poll("bytes and the end", p.a, POLLRDHUP | POLLIN);
	see_recv("recv", p.a, 64, 0);
	see_poll("the end", p.a, POLLRDHUP);
	pair_close(&p);
}

static void own_end(void)
{
	struct pair p;

	pair_open(&p);
	shutdown(p.a, SHUT_RD);
	see_poll("we receive no more", p.a, POLLRDHUP);
	see_poll("peer of it", p.b, POLLOUT);
	shutdown(p.a, SHUT_WR);
	see_poll("nor send", p.a, POLLHUP);
	see_poll("peer of it then", p.b, POLLRDHUP);
	pair_close(&p);
}

static void reset(void)
{
	struct linger none = { 1, 0 };
	struct pair p;

	pair_open(&p);
	setsockopt(p.b, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(p.b);
	see_poll("reset", p.a, POLLERR);
	see("SO_ERROR", "%s", strerrorname_np(get_int(p.a, SOL_SOCKET, SO_ERROR)));
	see_poll("error was taken", p.a, POLLHUP);
	see_recv("recv", p.a, 64, 0);
	close(p.a);
	close(p.listener);
}

static void waiting(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	later_poll(&l, p.a, POLLIN);
	send(p.b, "abc", 3, 0);
	see_call("poll that waits for bytes", later_end(&l));
	see_events("its events", l.events);
	see_recv("recv", p.a, 64, 0);
	later_poll(&l, p.a, POLLRDHUP);
	shutdown(p.b, SHUT_WR);
	see_call("poll that waits for the end", later_end(&l));
	see_events("its events", l.events);
	later_poll(&l, p.a, 0);
	shutdown(p.a, SHUT_WR);
	see_call("poll that waits for the hang-up", later_end(&l));
	see_events("its events", l.events);
	pair_close(&p);
}

static void waiting_reset(void)
{
	struct linger none = { 1, 0 };
	struct later l;
	struct pair p;

	pair_open(&p);
	later_poll(&l, p.a, POLLIN);
	setsockopt(p.b, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(p.b);
	see_call("poll that meets a reset", later_end(&l));
	see_events("its events", l.events & (POLLIN | POLLERR));
	see_recv("recv", p.a, 64, 0);
	close(p.a);
	close(p.listener);
}

static long run_select(struct later *later)
{
	fd_set in, out, except;
	struct timeval tv = { PATIENCE, 0 };
	long n;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(later->fd, &in);
	if (later->flags)
		FD_SET(later->fd, &out);
	FD_SET(later->fd, &except);
	n = select(later->fd + 1, &in, &out, &except, &tv);
	later->events = (FD_ISSET(later->fd, &in) ? POLLIN : 0) |
			(FD_ISSET(later->fd, &out) ? POLLOUT : 0) |
			(FD_ISSET(later->fd, &except) ? POLLPRI : 0);
	return n;
}

static void select_(void)
{
	struct later l = { .run = run_select };
	struct pair p;

	pair_open(&p);
	l.fd = p.a;
	later_start(&l);
	send(p.b, "abc", 3, 0);
	see_call("select that waits for bytes", later_end(&l));
	see_events("its events", l.events);
	l.flags = 1;
	later_start(&l);
	see_call("select for both", later_end(&l));
	see_events("its events", l.events);
	see_recv("recv", p.a, 64, 0);
	later_start(&l);
	see_call("select when none is left", later_end(&l));
	see_events("its events", l.events);
	l.flags = 0;
	later_start(&l);
	shutdown(p.b, SHUT_WR);
	see_call("select that waits for the end", later_end(&l));
	see_events("its events", l.events);
	pair_close(&p);
}

static void others(void)
{
	int l = listen_here(4), c = stream_socket(0), s;

	see_poll("a socket that is not connected", c, POLLHUP);
	see_poll("a listener", l, 0);
	see_call("connect", connect_here(c));
	see_poll("a listener with a connection", l, POLLIN);
	s = accept(l, NULL, NULL);
	see_poll("a listener without", l, 0);
	close(s);
	close(c);
	close(l);
}

static volatile sig_atomic_t signals;

static void on_io(int sig)
{
	(void)sig;
	signals++;
}

static bool got_signal(void *arg)
{
	(void)arg;
	return signals;
}

static void asynchronous(void)
{
	struct pair p;

	pair_open(&p);
	signal(SIGIO, on_io);
	see_call("F_SETOWN", fcntl(p.a, F_SETOWN, getpid()));
	see_call("O_ASYNC", fcntl(p.a, F_SETFL, fcntl(p.a, F_GETFL) | O_ASYNC));
	signals = 0;
	pass(p.b, p.a, "abc");
	see("SIGIO for bytes", "%s", await(got_signal, NULL) ? "yes" : "no");
	see_recv("recv", p.a, 64, 0);
	signals = 0;
	shutdown(p.b, SHUT_WR);
	see("SIGIO for the end", "%s", await(got_signal, NULL) ? "yes" : "no");
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

const struct scenario poll_scenarios[] = {
	SCENARIO("poll-states", states),
	SCENARIO("poll-bytes-before-end", bytes_before_end),
	SCENARIO("poll-own-end", own_end),
	SCENARIO("poll-reset", reset),
	SCENARIO("poll-waiting", waiting),
	SCENARIO("poll-waiting-reset", waiting_reset),
	SCENARIO("poll-select", select_),
	ONCE("poll-others", others),
	SCENARIO("poll-sigio", asynchronous),
	{}
};
