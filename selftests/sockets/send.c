// SPDX-License-Identifier: GPL-2.0-only
/* Writing: flags, gathering, corking, the control messages. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "sockets.h"

static void more(void)
{
	struct pair p;

	pair_open(&p);
	see_call("MSG_MORE", send(p.a, "abc", 3, MSG_MORE));
	see_call("MSG_MORE again", send(p.a, "def", 3, MSG_MORE));
	see_call("and the last", send(p.a, "ghi", 3, 0));
	see_recv("recv of all", p.b, 9, MSG_WAITALL);
	see_call("MSG_MORE before the end", send(p.a, "jkl", 3, MSG_MORE));
	shutdown(p.a, SHUT_WR);
	see_recv("recv of the rest", p.b, 64, MSG_WAITALL);
	pair_close(&p);
}

static void more_timed(void)
{
	struct pair p;

	/* What MSG_MORE holds back goes out after 200 ms, whoever waits for it. */
	pair_open(&p);
	see_call("MSG_MORE and nothing after it", send(p.a, "abc", 3, MSG_MORE));
	see_recv("recv", p.b, 3, MSG_WAITALL);
	pair_close(&p);
}

static void cork(void)
{
	struct pair p;

	pair_open(&p);
	see_call("TCP_CORK", set_int(p.a, IPPROTO_TCP, TCP_CORK, 1));
	see_option("corked", p.a, IPPROTO_TCP, TCP_CORK);
	see_call("send", send(p.a, "abc", 3, 0));
	see_call("write", write(p.a, "def", 3));
	see_call("uncork", set_int(p.a, IPPROTO_TCP, TCP_CORK, 0));
	see_recv("recv", p.b, 6, MSG_WAITALL);
	set_int(p.a, IPPROTO_TCP, TCP_CORK, 1);
	send(p.a, "ghi", 3, 0);
	see_call("TCP_NODELAY on a corked socket", set_int(p.a, IPPROTO_TCP, TCP_NODELAY, 1));
	see_recv("recv", p.b, 3, MSG_WAITALL);
	send(p.a, "jkl", 3, 0);
	shutdown(p.a, SHUT_WR);
	see_recv("recv of what was corked at the end", p.b, 64, MSG_WAITALL);
	pair_close(&p);
}

static void nodelay(void)
{
	struct pair p;
	int i;

	pair_open(&p);
	see_call("TCP_NODELAY", set_int(p.a, IPPROTO_TCP, TCP_NODELAY, 1));
	see_call("TCP_QUICKACK", set_int(p.b, IPPROTO_TCP, TCP_QUICKACK, 1));
	for (i = 0; i < 20; i++)
		send(p.a, "x", 1, 0);
	see_recv("recv of 20 single bytes", p.b, 20, MSG_WAITALL);
	see_call("TCP_QUICKACK off", set_int(p.b, IPPROTO_TCP, TCP_QUICKACK, 0));
	see_call("TCP_NODELAY off", set_int(p.a, IPPROTO_TCP, TCP_NODELAY, 0));
	for (i = 0; i < 20; i++)
		send(p.a, "y", 1, 0);
	see_recv("recv of 20 more", p.b, 20, MSG_WAITALL);
	pair_close(&p);
}

static void vectors(void)
{
	struct iovec v[4] = { { "abc", 3 }, { "", 0 }, { "de", 2 }, { "fghi", 4 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 4 };
	struct iovec many[1025] = {};
	struct pair p;
	int i;

	pair_open(&p);
	see_call("writev", writev(p.a, v, 4));
	see_recv("recv", p.b, 9, MSG_WAITALL);
	see_call("sendmsg", sendmsg(p.a, &m, 0));
	see_recv("recv", p.b, 9, MSG_WAITALL);
	for (i = 0; i < 1024; i++)
		many[i] = (struct iovec){ "0123456789" + i % 10, 1 };
	see_call("writev of 1024", writev(p.a, many, 1024));
	see_recv("recv", p.b, 1024, MSG_WAITALL);
	see_call("writev of 1025", writev(p.a, many, 1025));
	m.msg_iovlen = 0;
	see_call("sendmsg of nothing", sendmsg(p.a, &m, 0));
	see("FIONREAD", "%d", readable_bytes(p.b));
	pair_close(&p);
}

static void many_messages(void)
{
	struct iovec v[3] = { { "one", 3 }, { "two", 3 }, { "three", 5 } };
	struct mmsghdr m[3] = {};
	struct pair p;
	int i;

	pair_open(&p);
	for (i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	see_call("sendmmsg", sendmmsg(p.a, m, 3, 0));
	for (i = 0; i < 3; i++)
		see("length", "%u", m[i].msg_len);
	see_recv("recv", p.b, 11, MSG_WAITALL);
	pair_close(&p);
}

static void addressed(void)
{
	struct sockaddr_storage to = refused_address();
	struct pair p;

	pair_open(&p);
	see_call("sendto another address", sendto(p.a, "abc", 3, 0, (struct sockaddr *)&to,
						  place.len));
	see_call("sendto with a bad length", sendto(p.a, "def", 3, 0, (struct sockaddr *)&to, 400));
	see_recv("recv", p.b, 3, MSG_WAITALL);
	pair_close(&p);
}

static void flags(void)
{
	struct pair p;

	pair_open(&p);
	see_call("MSG_EOR", send(p.a, "abc", 3, MSG_EOR));
	see_call("MSG_CONFIRM", send(p.a, "def", 3, MSG_CONFIRM));
	see_call("MSG_DONTROUTE", send(p.a, "ghi", 3, MSG_DONTROUTE));
	see_call("MSG_NOSIGNAL", send(p.a, "jkl", 3, MSG_NOSIGNAL));
	see_call("MSG_DONTWAIT", send(p.a, "mno", 3, MSG_DONTWAIT));
	see_call("an unknown flag", send(p.a, "pqr", 3, 0x400000));
	see_recv("recv", p.b, 18, MSG_WAITALL);
	see_recv("MSG_ERRQUEUE, nothing there", p.a, 64, MSG_ERRQUEUE);
	see_recv("MSG_CMSG_CLOEXEC", p.b, 64, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	pair_close(&p);
}

static void control(void)
{
	struct iovec v = { "abc", 3 };
	union {
		struct cmsghdr c;
		char space[CMSG_SPACE(sizeof(int))];
	} u = { .c = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SO_MARK } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u,
			    .msg_controllen = sizeof(u) };
	struct pair p;

	pair_open(&p);
	see_call("sendmsg with SO_MARK", sendmsg(p.a, &m, 0));
	u.c.cmsg_type = SCM_RIGHTS;
	see_call("sendmsg with SCM_RIGHTS", sendmsg(p.a, &m, 0));
	u.c.cmsg_type = 999;
	see_call("sendmsg with unknown control data", sendmsg(p.a, &m, 0));
	u.c.cmsg_len = 3;
	see_call("sendmsg with broken control data", sendmsg(p.a, &m, 0));
	send(p.a, "end", 3, 0);
	shutdown(p.a, SHUT_WR);
	see_recv("recv", p.b, 64, MSG_WAITALL);
	pair_close(&p);
}

static void queued(void)
{
	struct pair p;
	int n = -1;

	pair_open(&p);
	see_call("SIOCOUTQ", ioctl(p.a, SIOCOUTQ, &n));
	see("bytes", "%d", n);
	pass(p.a, p.b, "abcdef");
	await_sent(p.a);
	see_call("SIOCOUTQ when all was received", ioctl(p.a, SIOCOUTQ, &n));
	see("bytes then", "%d", n);
	see_call("SIOCOUTQNSD", ioctl(p.a, SIOCOUTQNSD, &n));
	see("bytes not sent", "%d", n);
	see("FIONREAD", "%d", readable_bytes(p.b));
	see_recv("recv", p.b, 2, 0);
	see("FIONREAD after it", "%d", readable_bytes(p.b));
	shutdown(p.a, SHUT_WR);
	await_events(p.b, POLLRDHUP);
	see("FIONREAD at the end", "%d", readable_bytes(p.b));
	see_recv("recv", p.b, 64, 0);
	see("FIONREAD behind the end", "%d", readable_bytes(p.b));
	pair_close(&p);
}

static void listening_queries(void)
{
	int fd = listen_here(4), n = 0;

	see_call("FIONREAD of a listener", ioctl(fd, FIONREAD, &n));
	see_call("SIOCOUTQ of a listener", ioctl(fd, SIOCOUTQ, &n));
	see_recv("recv from a listener", fd, 8, 0);
	signal(SIGPIPE, SIG_IGN);
	see_call("send on a listener", send(fd, "abc", 3, 0));
	close(fd);
}

const struct scenario send_scenarios[] = {
	SCENARIO("send-more", more),
	SCENARIO("send-more-alone", more_timed),
	SCENARIO("send-cork", cork),
	SCENARIO("send-nodelay", nodelay),
	SCENARIO("send-vectors", vectors),
	SCENARIO("send-mmsg", many_messages),
	SCENARIO("send-addressed", addressed),
	SCENARIO("send-flags", flags),
	SCENARIO("send-control", control),
	SCENARIO("send-queued", queued),
	ONCE("send-listener", listening_queries),
	{}
};
