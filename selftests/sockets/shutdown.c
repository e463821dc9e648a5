// SPDX-License-Identifier: GPL-2.0-only
/* shutdown: each way, both ways, and what may still be done afterwards. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>
#include <sys/socket.h>
#include "sockets.h"

static void half_close(void)
{
	struct pair p;

	pair_open(&p);
	send(p.a, "request", 7, 0);
	see_call("shutdown for writing", shutdown(p.a, SHUT_WR));
	see_recv("peer reads", p.b, 64, MSG_WAITALL);
	see_recv("peer reads the end", p.b, 64, 0);
	see_call("peer sends", send(p.b, "response", 8, 0));
	see_recv("recv", p.a, 8, MSG_WAITALL);
	see_call("peer sends again", send(p.b, "more", 4, 0));
	see_call("peer closes", close(p.b));
	see_recv("recv", p.a, 64, MSG_WAITALL);
	see_recv("end", p.a, 64, 0);
	close(p.a);
	close(p.listener);
}

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void after_own_end(void)
{
	struct pair p;

	pair_open(&p);
	signal(SIGPIPE, on_pipe);
	shutdown(p.a, SHUT_WR);
	see_call("send after SHUT_WR", send(p.a, "abc", 3, 0));
	see("SIGPIPE", "%d", (int)pipes);
	see_call("send after SHUT_WR, MSG_NOSIGNAL", send(p.a, "abc", 3, MSG_NOSIGNAL));
	see("SIGPIPE", "%d", (int)pipes);
	see_call("write after SHUT_WR", write(p.a, "abc", 3));
	see("SIGPIPE", "%d", (int)pipes);
	see_call("SHUT_WR again", shutdown(p.a, SHUT_WR));
	see_recv("peer", p.b, 64, 0);
	pair_close(&p);
}

static void killed(void)
{
	struct pair p;

	/* The trace says that the process ended by SIGPIPE. */
	pair_open(&p);
	shutdown(p.a, SHUT_WR);
	see("before", "SIGPIPE");
	send(p.a, "abc", 3, 0);
	see("after", "SIGPIPE");
}

static void reading_end(void)
{
	struct pair p;

	pair_open(&p);
	see_call("SHUT_RD", shutdown(p.a, SHUT_RD));
	see_recv("recv, nothing there", p.a, 64, 0);
	see_call("peer sends", send(p.b, "abc", 3, 0));
	await_bytes(p.a, 3);
	see_recv("recv of what came after SHUT_RD", p.a, 64, 0);
	see_recv("end", p.a, 64, 0);
	see_call("send", send(p.a, "def", 3, 0));
	see_recv("peer reads", p.b, 64, 0);
	pair_close(&p);
}

static void both(void)
{
	struct pair p;

	pair_open(&p);
	signal(SIGPIPE, SIG_IGN);
	see_call("SHUT_RDWR", shutdown(p.a, SHUT_RDWR));
	see_recv("recv", p.a, 64, 0);
	see_call("send", send(p.a, "abc", 3, 0));
	see_recv("peer", p.b, 64, 0);
	see_call("peer's SHUT_RDWR", shutdown(p.b, SHUT_RDWR));
	await_events(p.a, POLLHUP);
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void both_in_turn(void)
{
	struct pair p;

	pair_open(&p);
	send(p.a, "abc", 3, 0);
	send(p.b, "def", 3, 0);
	see_call("SHUT_WR", shutdown(p.a, SHUT_WR));
	see_call("peer's SHUT_WR", shutdown(p.b, SHUT_WR));
	see_recv("recv", p.a, 64, MSG_WAITALL);
	see_recv("peer reads", p.b, 64, MSG_WAITALL);
	see_events("poll", await_events(p.a, POLLIN | POLLHUP));
	see_events("peer's poll", await_events(p.b, POLLIN | POLLHUP));
	pair_close(&p);
}

static void waking(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	later_recv(&l, p.a, 64, 0);
	shutdown(p.a, SHUT_RD);
	see_bytes("recv that waits when SHUT_RD is called", later_end(&l), l.data);
	pair_close(&p);
	pair_open(&p);
	later_recv(&l, p.a, 64, 0);
	shutdown(p.b, SHUT_WR);
	see_bytes("recv that waits when the peer ends", later_end(&l), l.data);
	pair_close(&p);
}

static void wrong(void)
{
	int fd = stream_socket(0);
	struct pair p;

	see_call("shutdown, not connected", shutdown(fd, SHUT_RDWR));
	see_recv("recv, not connected", fd, 8, 0);
	signal(SIGPIPE, SIG_IGN);
	see_call("send, not connected", send(fd, "abc", 3, 0));
	close(fd);
	pair_open(&p);
	see_call("shutdown, wrong how", shutdown(p.a, 7));
	shutdown(p.a, SHUT_RDWR);
	shutdown(p.b, SHUT_RDWR);
	await_events(p.a, POLLHUP);
	see_call("shutdown once more", shutdown(p.a, SHUT_RD));
	pair_close(&p);
}

static long run_accept(struct later *later)
{
	return accept(later->fd, NULL, NULL);
}

static void listener(void)
{
	struct later l = { .run = run_accept, .fd = listen_here(4) };

	later_start(&l);
	see_call("shutdown of a listener", shutdown(l.fd, SHUT_RD));
	see_call("accept that waited", later_end(&l));
	see_call("accept", accept(l.fd, NULL, NULL));
	see_call("listen again", listen(l.fd, 4));
	close(l.fd);
}

const struct scenario shutdown_scenarios[] = {
	SCENARIO("shutdown-half", half_close),
	SCENARIO("shutdown-after", after_own_end),
	SCENARIO("shutdown-sigpipe", killed),
	SCENARIO("shutdown-read", reading_end),
	SCENARIO("shutdown-both", both),
	SCENARIO("shutdown-in-turn", both_in_turn),
	SCENARIO("shutdown-waking", waking),
	SCENARIO("shutdown-wrong", wrong),
	ONCE("shutdown-listener", listener),
	{}
};
