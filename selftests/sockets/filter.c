// SPDX-License-Identifier: GPL-2.0-only
/* Socket filters of a program of its own. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include "sockets.h"

static void attached(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 0xffffffff) };
	struct sock_fprog prog = { 1, all };
	struct pair p;

	pair_open(&p);
	pass(p.b, p.a, "before ");
	see_call("SO_ATTACH_FILTER", setsockopt(p.a, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
						sizeof(prog)));
	pass(p.b, p.a, "with ");
	see_call("SO_DETACH_FILTER", setsockopt(p.a, SOL_SOCKET, SO_DETACH_FILTER, &prog,
						sizeof(prog)));
	pass(p.b, p.a, "without");
	see_recv("recv", p.a, 64, 0);
	see_call("SO_DETACH_FILTER again", setsockopt(p.a, SOL_SOCKET, SO_DETACH_FILTER, &prog,
						      sizeof(prog)));
	pair_close(&p);
}

static void early(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 0xffffffff) };
	struct sock_fprog prog = { 1, all };
	int l = listen_here(4), c = stream_socket(0), s;

	/* Before the connection is made, on both ends. */
	see_call("of the client", setsockopt(c, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
					     sizeof(prog)));
	see_call("of the listener", setsockopt(l, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
					       sizeof(prog)));
	see_call("connect", connect_here(c));
	s = accept(l, NULL, NULL);
	pass(c, s, "there");
	pass(s, c, "and back");
	see_recv("server", s, 64, 0);
	see_recv("client", c, 64, 0);
	close(s);
	close(c);
	close(l);
}

const struct scenario filter_scenarios[] = {
	SCENARIO("filter-attached", attached),
	ONCE("filter-early", early),
	{}
};
