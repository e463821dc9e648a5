// SPDX-License-Identifier: GPL-2.0-only
/* The urgent byte. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "sockets.h"

static volatile sig_atomic_t urgent;

static void on_urgent(int sig)
{
	(void)sig;
	urgent++;
}

static void see_mark(const char *key, int fd)
{
	int at = -1;

	if (ioctl(fd, SIOCATMARK, &at))
		see_call(key, -1);
	else
		see(key, "%d", at);
}

static void apart(void)
{
	struct pair p;

	pair_open(&p);
	signal(SIGURG, on_urgent);
	fcntl(p.b, F_SETOWN, getpid());
	see_recv("MSG_OOB, nothing there", p.b, 1, MSG_OOB);
	see_call("send", send(p.a, "abc", 3, 0));
	see_call("send of an urgent byte", send(p.a, "!", 1, MSG_OOB));
	see_call("send", send(p.a, "def", 3, 0));
	see_recv("recv up to the mark", p.b, 3, MSG_WAITALL);
	see_events("poll", await_events(p.b, POLLIN) & (POLLIN | POLLPRI));
	see_mark("SIOCATMARK", p.b);
	see("SIGURG", "%s", urgent ? "yes" : "no");
	see_recv("MSG_OOB", p.b, 1, MSG_OOB | MSG_DONTWAIT);
	see_recv("MSG_OOB again", p.b, 1, MSG_OOB | MSG_DONTWAIT);
	see_recv("recv of the rest", p.b, 3, MSG_WAITALL);
	pair_close(&p);
}

static void in_line(void)
{
	struct pair p;

	pair_open(&p);
	see_call("SO_OOBINLINE", set_int(p.b, SOL_SOCKET, SO_OOBINLINE, 1));
	send(p.a, "abc", 3, 0);
	send(p.a, "!", 1, MSG_OOB);
	send(p.a, "def", 3, 0);
	shutdown(p.a, SHUT_WR);
	see_recv("recv stops at the mark", p.b, 3, MSG_WAITALL);
	see_recv("recv of the rest", p.b, 64, MSG_WAITALL);
	pair_close(&p);
}

static void skipped(void)
{
	char data[64];
	struct pair p;
	long n, got = 0;

	/* A reader who knows nothing of it gets all other bytes. */
	pair_open(&p);
	send(p.a, "abc", 3, 0);
	send(p.a, "x!", 2, MSG_OOB);
	send(p.a, "def", 3, 0);
	shutdown(p.a, SHUT_WR);
	while ((n = recv(p.b, data + got, sizeof(data) - got, 0)) > 0)
		got += n;
	see_bytes("recv", got, data);
	pair_close(&p);
}

const struct scenario urgent_scenarios[] = {
	SCENARIO("urgent-apart", apart),
	SCENARIO("urgent-inline", in_line),
	SCENARIO("urgent-skipped", skipped),
	{}
};
