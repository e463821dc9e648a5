// SPDX-License-Identifier: GPL-2.0-only
/* Back-pressure: a receiver that does not read stops its sender, and wakes it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "sockets.h"

/* More than all queues on the way hold, a proxy's included. */
#define PLENTY	(32 * 1024 * 1024)

static long fill(int fd)
{
	static char data[16384];
	long total = 0, n;
	int quiet = 0;

	/* A proxy on the way makes room once more, a little later. */
	while (quiet < 100 && total < PLENTY) {
		n = send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			total += n;
			quiet = 0;
			continue;
		}
		if (n < 0 && errno != EAGAIN)
			give_up("send: %s", strerror(errno));
		quiet++;
		usleep(2000);
	}
	return total;
}

static long drain(int fd, long total)
{
	static char data[65536];
	long got = 0, n;

	while (got < total) {
		n = total - got;
		n = recv(fd, data, n < (long)sizeof(data) ? n : (long)sizeof(data), 0);
		if (n <= 0)
			break;
		got += n;
	}
	return got;
}

static void full(void)
{
	struct pollfd p;
	struct pair q;
	long total;

	pair_open_sized(&q, 65536, 65536);
	total = fill(q.a);
	see("there is an end to it", "%s", total < PLENTY ? "yes" : "no");
	see_call("send", send(q.a, "x", 1, MSG_DONTWAIT));
	p = (struct pollfd){ .fd = q.a, .events = POLLOUT | POLLIN };
	poll(&p, 1, 0);
	see_events("poll", p.revents);
	see("all is received", "%s", drain(q.b, total) == total ? "yes" : "no");
	see_events("room again", await_events(q.a, POLLOUT));
	see_call("send", send(q.a, "x", 1, MSG_DONTWAIT));
	see_recv("recv", q.b, 8, 0);
	pair_close(&q);
}

static long run_send(struct later *later)
{
	return send(later->fd, later->data, later->len, MSG_NOSIGNAL);
}

/* A send that is too long to go through; some of it may. */
static long run_send_plenty(struct later *later)
{
	char *data = calloc(1, PLENTY);
	long n = data ? send(later->fd, data, PLENTY, MSG_NOSIGNAL) : 0;

	free(data);
	return n;
}

/* How a send that waited for room ended: its error, or that of the next one. */
static void see_cut_short(const char *key, struct later *l)
{
	long n = later_end(l);

	if (n >= PLENTY)
		see_call(key, n);
	else if (n < 0)
		see_call(key, n);
	else
		see_call(key, send(l->fd, "x", 1, MSG_NOSIGNAL));
}

static void blocked(void)
{
	struct later l = { .run = run_send, .len = 1000 };
	struct pair p;
	long total;

	pair_open_sized(&p, 65536, 65536);
	total = fill(p.a);
	l.fd = p.a;
	later_start(&l);
	see("all is received", "%s", drain(p.b, total) == total ? "yes" : "no");
	see_call("send that waited for room", later_end(&l));
	see("what it sent", "%ld", drain(p.b, 1000));
	pair_close(&p);
}

static void blocked_poll(void)
{
	struct later l;
	struct pair p;
	long total;

	pair_open_sized(&p, 65536, 65536);
	total = fill(p.a);
	later_poll(&l, p.a, POLLOUT);
	see("all is received", "%s", drain(p.b, total) == total ? "yes" : "no");
	see_call("poll that waited for room", later_end(&l));
	see_events("its events", l.events);
	pair_close(&p);
}

static void limited(void)
{
	struct pair p;
	long n;

	pair_open_sized(&p, 65536, 65536);
	set_timeout(p.a, SO_SNDTIMEO, 50);
	fill(p.a);
	do
		n = send(p.a, "x", 1, 0);
	while (n == 1);
	see_call("send with a time limit", n);
	pair_close(&p);
}

static void blocked_reset(void)
{
	struct linger none = { 1, 0 };
	struct later l = { .run = run_send_plenty };
	struct pair p;

	pair_open_sized(&p, 65536, 65536);
	fill(p.a);
	l.fd = p.a;
	later_start(&l);
	setsockopt(p.b, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(p.b);
	see_cut_short("send that met a reset", &l);
	close(p.a);
	close(p.listener);
}

static void blocked_closed(void)
{
	struct later l = { .run = run_send_plenty };
	struct pair p;

	/* The peer closes with bytes unread: a reset. */
	pair_open_sized(&p, 65536, 65536);
	fill(p.a);
	l.fd = p.a;
	later_start(&l);
	close(p.b);
	see_cut_short("send whose peer closed", &l);
	close(p.a);
	close(p.listener);
}

static void blocked_shutdown(void)
{
	struct later l = { .run = run_send_plenty };
	struct pair p;

	pair_open_sized(&p, 65536, 65536);
	fill(p.a);
	l.fd = p.a;
	later_start(&l);
	shutdown(p.a, SHUT_WR);
	see_cut_short("send whose socket was shut down", &l);
	pair_close(&p);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct later l = { .run = run_send_plenty };
	struct pair p;
	long n;

	sigaction(SIGUSR1, &act, NULL);
	pair_open_sized(&p, 65536, 65536);
	fill(p.a);
	l.fd = p.a;
	later_start(&l);
	pthread_kill(l.thread, SIGUSR1);
	n = later_end(&l);
	see("send and a signal", "%s", n < 0 ? strerrorname_np(errno) : n < PLENTY ? "EINTR" :
	    "all");
	pair_close(&p);
}

static void end_behind(void)
{
	struct pair p;
	long total, n;
	char c;

	/* The end is behind all that was queued, however long that takes. */
	pair_open_sized(&p, 65536, 65536);
	total = fill(p.a);
	see_call("shutdown", shutdown(p.a, SHUT_WR));
	see("all is received", "%s", drain(p.b, total) == total ? "yes" : "no");
	n = recv(p.b, &c, 1, 0);
	see_call("end", n);
	pair_close(&p);
}

static void closed_full(void)
{
	struct pair p;
	long total;
	char c;

	pair_open_sized(&p, 65536, 65536);
	total = fill(p.a);
	see_call("close", close(p.a));
	see("all is received", "%s", drain(p.b, total) == total ? "yes" : "no");
	see_call("end", recv(p.b, &c, 1, 0));
	close(p.b);
	close(p.listener);
}

static void other_way(void)
{
	struct pair p;
	long total;

	/* One direction is full; the other one does not care. */
	pair_open_sized(&p, 65536, 65536);
	total = fill(p.a);
	pass(p.b, p.a, "against the stream");
	see_recv("recv", p.a, 64, 0);
	see("all is received", "%s", drain(p.b, total) == total ? "yes" : "no");
	pair_close(&p);
}

static void both_full(void)
{
	struct pair p;
	long ab, ba;

	pair_open_sized(&p, 65536, 65536);
	ab = fill(p.a);
	ba = fill(p.b);
	see("b receives", "%s", drain(p.b, ab) == ab ? "yes" : "no");
	see("a receives", "%s", drain(p.a, ba) == ba ? "yes" : "no");
	pass(p.a, p.b, "and on");
	see_recv("recv", p.b, 64, 0);
	pair_close(&p);
}

static void low_mark(void)
{
	struct pair p;
	long total;

	pair_open_sized(&p, 262144, 65536);
	see_call("TCP_NOTSENT_LOWAT", set_int(p.a, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4096));
	total = fill(p.a);
	see("all is received", "%s", drain(p.b, total) == total ? "yes" : "no");
	see_events("room again", await_events(p.a, POLLOUT));
	pair_close(&p);
}

const struct scenario pressure_scenarios[] = {
	SCENARIO("pressure-full", full),
	SCENARIO("pressure-blocked", blocked),
	SCENARIO("pressure-poll", blocked_poll),
	SCENARIO("pressure-timeout", limited),
	SCENARIO("pressure-reset", blocked_reset),
	SCENARIO("pressure-peer-closed", blocked_closed),
	SCENARIO("pressure-shutdown", blocked_shutdown),
	SCENARIO("pressure-signal", interrupted),
	SCENARIO("pressure-end", end_behind),
	SCENARIO("pressure-close", closed_full),
	SCENARIO("pressure-other-way", other_way),
	SCENARIO("pressure-both", both_full),
	SCENARIO("pressure-notsent-lowat", low_mark),
	{}
};
