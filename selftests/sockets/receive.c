// SPDX-License-Identifier: GPL-2.0-only
/* Reading: flags, limits, time limits, what is left behind. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "sockets.h"

static void echo(void)
{
	struct pair p;

	pair_open(&p);
	see_call("send", send(p.a, "hello", 5, 0));
	see_recv("recv", p.b, 64, 0);
	see_call("answer", send(p.b, "and back", 8, 0));
	see_recv("recv of the answer", p.a, 64, 0);
	pair_close(&p);
}

static void blocking(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	later_recv(&l, p.a, 64, 0);
	send(p.b, "wake up", 7, 0);
	see_bytes("recv that waited", later_end(&l), l.data);
	later_recv(&l, p.a, 64, MSG_PEEK);
	send(p.b, "once more", 9, 0);
	see_bytes("peek that waited", later_end(&l), l.data);
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void nonblocking(void)
{
	struct pair p;

	pair_open(&p);
	see_recv("recv with MSG_DONTWAIT, nothing there", p.a, 64, MSG_DONTWAIT);
	set_nonblocking(p.a);
	see_recv("recv with O_NONBLOCK, nothing there", p.a, 64, 0);
	see_recv("peek, nothing there", p.a, 64, MSG_PEEK);
	see_recv("MSG_WAITALL, nothing there", p.a, 64, MSG_WAITALL);
	pass(p.b, p.a, "abc");
	see_recv("MSG_WAITALL, less there", p.a, 64, MSG_WAITALL);
	see_recv("recv, nothing left", p.a, 64, 0);
	pair_close(&p);
}

static void peek(void)
{
	struct pair p;

	pair_open(&p);
	pass(p.b, p.a, "abcdefghij");
	see_recv("peek of 4", p.a, 4, MSG_PEEK);
	see_recv("peek of all", p.a, 64, MSG_PEEK);
	see("FIONREAD", "%d", readable_bytes(p.a));
	see_recv("recv of 4", p.a, 4, 0);
	see_recv("peek of the rest", p.a, 64, MSG_PEEK | MSG_DONTWAIT);
	pass(p.b, p.a, "klm");
	see_recv("peek across two sends", p.a, 64, MSG_PEEK);
	see_recv("recv across two sends", p.a, 64, 0);
	see_recv("peek, nothing there", p.a, 64, MSG_PEEK | MSG_DONTWAIT);
	shutdown(p.b, SHUT_WR);
	await_events(p.a, POLLRDHUP);
	see_recv("peek at the end", p.a, 64, MSG_PEEK);
	see_recv("recv at the end", p.a, 64, 0);
	pair_close(&p);
}

static void peek_waitall(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	later_recv(&l, p.a, 6, MSG_PEEK | MSG_WAITALL);
	pass(p.b, p.a, "abc");
	pass(p.b, p.a, "defghi");
	see_bytes("peek of 6 with MSG_WAITALL", later_end(&l), l.data);
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void peek_offset(void)
{
	struct pair p;

	pair_open(&p);
	see_call("SO_PEEK_OFF 2", set_int(p.a, SOL_SOCKET, SO_PEEK_OFF, 2));
	pass(p.b, p.a, "abcdefghij");
	see_recv("peek of 3", p.a, 3, MSG_PEEK);
	see_recv("peek of 3 more", p.a, 3, MSG_PEEK);
	see_option("offset", p.a, SOL_SOCKET, SO_PEEK_OFF);
	see_recv("recv of 4", p.a, 4, 0);
	see_option("offset after recv", p.a, SOL_SOCKET, SO_PEEK_OFF);
	see_recv("peek", p.a, 64, MSG_PEEK);
	see_recv("peek at the end of what is there", p.a, 64, MSG_PEEK | MSG_DONTWAIT);
	see_call("SO_PEEK_OFF -1", set_int(p.a, SOL_SOCKET, SO_PEEK_OFF, -1));
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void waitall(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	later_recv(&l, p.a, 9, MSG_WAITALL);
	send(p.b, "abc", 3, 0);
	send(p.b, "def", 3, 0);
	send(p.b, "ghijk", 5, 0);
	see_bytes("recv of 9 in three sends", later_end(&l), l.data);
	await_bytes(p.a, 2);
	later_recv(&l, p.a, 9, MSG_WAITALL);
	send(p.b, "lm", 2, 0);
	shutdown(p.b, SHUT_WR);
	see_bytes("recv that the end cuts short", later_end(&l), l.data);
	see_recv("after it", p.a, 9, MSG_WAITALL);
	pair_close(&p);
}

static void truncate_(void)
{
	struct pair p;

	pair_open(&p);
	pass(p.b, p.a, "abcdefghij");
	see_recv("MSG_TRUNC throws 4 away", p.a, 4, MSG_TRUNC);
	see_call("MSG_TRUNC without a buffer", recv(p.a, NULL, 2, MSG_TRUNC));
	see_recv("what is left", p.a, 64, MSG_PEEK);
	see_recv("MSG_PEEK and MSG_TRUNC", p.a, 2, MSG_PEEK | MSG_TRUNC);
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void nothing(void)
{
	struct pair p;

	pair_open(&p);
	see_recv("recv of 0, nothing there", p.a, 0, MSG_DONTWAIT);
	see_call("read of 0, nothing there", read(p.a, &p, 0));
	see_call("send of 0", send(p.b, "", 0, 0));
	pass(p.b, p.a, "abc");
	see_recv("recv of 0", p.a, 0, 0);
	see_call("read of 0", read(p.a, &p, 0));
	see_recv("recv", p.a, 64, 0);
	shutdown(p.b, SHUT_WR);
	see_recv("end", p.a, 64, 0);
	see_recv("recv of 0 at the end", p.a, 0, 0);
	pair_close(&p);
}

static void bad_memory(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pair p;

	munmap(page + 4096, 4096);
	pair_open(&p);
	pass(p.b, p.a, "abcdefghij");
	see_call("recv to no memory", recv(p.a, page + 4096, 10, 0));
	see_call("peek to no memory", recv(p.a, page + 4096, 10, MSG_PEEK));
	see("FIONREAD", "%d", readable_bytes(p.a));
	see_recv("recv", p.a, 64, 0);
	see_call("send from no memory", send(p.a, page + 4096, 10, 0));
	see_call("send after it", send(p.a, "ok", 2, 0));
	see_recv("recv by the peer", p.b, 64, 0);
	pair_close(&p);
	munmap(page, 4096);
}

static void lowat(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	see_call("SO_RCVLOWAT 10", set_int(p.a, SOL_SOCKET, SO_RCVLOWAT, 10));
	see_option("SO_RCVLOWAT", p.a, SOL_SOCKET, SO_RCVLOWAT);
	later_recv(&l, p.a, 64, 0);
	pass(p.b, p.a, "abcde");
	see_events("poll with 5", await_events(p.a, POLLOUT) & ~POLLOUT);
	send(p.b, "fghij", 5, 0);
	see_bytes("recv that waited for 10", later_end(&l), l.data);
	later_poll(&l, p.a, POLLIN);
	pass(p.b, p.a, "klmno");
	pass(p.b, p.a, "pqrstu");
	see_call("poll that waited", later_end(&l));
	see_events("its events", l.events);
	see("FIONREAD", "%d", readable_bytes(p.a));
	see_recv("recv of fewer", p.a, 4, 0);
	see_recv("recv of the rest, MSG_DONTWAIT", p.a, 64, MSG_DONTWAIT);
	pass(p.b, p.a, "vw");
	see_recv("recv of fewer than the mark, MSG_DONTWAIT", p.a, 64, MSG_DONTWAIT);
	send(p.b, "xyz", 3, 0);
	shutdown(p.b, SHUT_WR);
	await_events(p.a, POLLRDHUP);
	see_events("poll at the end", await_events(p.a, POLLIN));
	see_recv("recv at the end", p.a, 64, 0);
	see_recv("end", p.a, 64, 0);
	pair_close(&p);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void time_limit(void)
{
	struct pair p;
	double before;

	pair_open(&p);
	set_timeout(p.a, SO_RCVTIMEO, 60);
	before = now();
	see_recv("recv, nothing comes", p.a, 64, 0);
	see("it waited as long", "%s", now() - before >= 0.03 ? "yes" : "no");
	pass(p.b, p.a, "abc");
	before = now();
	see_recv("MSG_WAITALL of more than comes", p.a, 64, MSG_WAITALL);
	see("it waited as long, too", "%s", now() - before >= 0.03 ? "yes" : "no");
	see_recv("nothing is left", p.a, 64, 0);
	see_recv("MSG_PEEK", p.a, 64, MSG_PEEK);
	pair_close(&p);
}

static void vectors(void)
{
	char a[3], b[4], c[64];
	struct iovec v[4] = { { a, sizeof(a) }, { NULL, 0 }, { b, sizeof(b) }, { c, sizeof(c) } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 4 };
	struct pair p;
	long n;

	pair_open(&p);
	pass(p.b, p.a, "abcdefghijklm");
	n = readv(p.a, v, 3);
	see_call("readv", n);
	see("first part", "%.3s", a);
	see("second part", "%.4s", b);
	n = recvmsg(p.a, &m, 0);
	see_call("recvmsg", n);
	see("msg_flags", "%#x", m.msg_flags);
	see("its first part", "%.3s", a);
	see("its second part", "%.3s", b);
	pair_close(&p);
}

static void names(void)
{
	struct sockaddr_storage from = { .ss_family = AF_UNIX };
	char data[8], control[256];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_name = &from,
			    .msg_namelen = sizeof(from), .msg_control = control,
			    .msg_controllen = sizeof(control) };
	socklen_t len = sizeof(from);
	struct pair p;

	pair_open(&p);
	pass(p.b, p.a, "abcdefgh");
	see_call("recvmsg with a name", recvmsg(p.a, &m, 0));
	see("length of the name", "%u", m.msg_namelen);
	see("length of control data", "%zu", m.msg_controllen);
	pass(p.b, p.a, "ijk");
	see_bytes("recvfrom", recvfrom(p.a, data, 8, 0, (struct sockaddr *)&from, &len), data);
	see("length from recvfrom", "%u", len);
	pair_close(&p);
}

static void many_messages(void)
{
	char data[4][4];
	struct iovec v[4] = { { data[0], 4 }, { data[1], 4 }, { data[2], 4 }, { data[3], 4 } };
	struct mmsghdr m[4] = {};
	struct pair p;
	int i, n;

	pair_open(&p);
	for (i = 0; i < 4; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	pass(p.b, p.a, "abcdefghij");
	n = recvmmsg(p.a, m, 4, MSG_WAITFORONE, NULL);
	see_call("recvmmsg", n);
	for (i = 0; i < n; i++)
		see_bytes("message", m[i].msg_len, data[i]);
	see_call("recvmmsg, nothing there", recvmmsg(p.a, m, 4, MSG_DONTWAIT, NULL));
	pair_close(&p);
}

static void inq(void)
{
	char data[4], control[256];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	struct pair p;

	pair_open(&p);
	see_call("TCP_INQ", set_int(p.a, IPPROTO_TCP, TCP_INQ, 1));
	pass(p.b, p.a, "abcdefghij");
	see_bytes("recvmsg", recvmsg(p.a, &m, 0), data);
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		see("control data", "level %d type %d value %d", c->cmsg_level, c->cmsg_type,
		    *(int *)CMSG_DATA(c));
	m.msg_controllen = sizeof(control);
	shutdown(p.b, SHUT_WR);
	await_events(p.a, POLLRDHUP);
	see_recv("rest", p.a, 6, 0);
	see_call("recvmsg at the end", recvmsg(p.a, &m, 0));
	pair_close(&p);
}

static void timestamps(void)
{
	char data[16], control[256];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	double end = now() + PATIENCE;
	struct cmsghdr *c;
	struct pair p;

	pair_open(&p);
	see_call("SO_TIMESTAMPNS", set_int(p.a, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	/* The kernel begins to take time stamps a little later. */
	do {
		pass(p.b, p.a, "x");
		m.msg_controllen = sizeof(control);
		if (recvmsg(p.a, &m, 0) != 1)
			give_up("recvmsg: %s", strerror(errno));
		c = CMSG_FIRSTHDR(&m);
	} while (!c && now() < end);
	see("control data", "%s", c && c->cmsg_type == SO_TIMESTAMPNS ? "a timestamp" : "none");
	pair_close(&p);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct later l;
	struct pair p;

	pair_open(&p);
	sigaction(SIGUSR1, &act, NULL);
	later_recv(&l, p.a, 64, 0);
	pthread_kill(l.thread, SIGUSR1);
	see_bytes("recv and a signal", later_end(&l), l.data);
	act.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &act, NULL);
	later_recv(&l, p.a, 64, 0);
	pthread_kill(l.thread, SIGUSR1);
	send(p.b, "abc", 3, 0);
	see_bytes("recv and a signal with SA_RESTART", later_end(&l), l.data);
	set_timeout(p.a, SO_RCVTIMEO, PATIENCE * 1000);
	later_recv(&l, p.a, 64, 0);
	pthread_kill(l.thread, SIGUSR1);
	see_bytes("recv with a time limit and a signal", later_end(&l), l.data);
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, NULL);
	pass(p.b, p.a, "defg");
	later_recv(&l, p.a, 8, MSG_WAITALL);
	pthread_kill(l.thread, SIGUSR1);
	see_bytes("MSG_WAITALL and a signal", later_end(&l), l.data);
	pair_close(&p);
}

const struct scenario receive_scenarios[] = {
	SCENARIO("echo", echo),
	SCENARIO("recv-blocking", blocking),
	SCENARIO("recv-nonblocking", nonblocking),
	SCENARIO("recv-peek", peek),
	SCENARIO("recv-peek-waitall", peek_waitall),
	SCENARIO("recv-peek-offset", peek_offset),
	SCENARIO("recv-waitall", waitall),
	SCENARIO("recv-trunc", truncate_),
	SCENARIO("recv-nothing", nothing),
	SCENARIO("recv-bad-memory", bad_memory),
	SCENARIO("recv-lowat", lowat),
	SCENARIO("recv-timeout", time_limit),
	SCENARIO("recv-vectors", vectors),
	SCENARIO("recv-names", names),
	SCENARIO("recv-mmsg", many_messages),
	SCENARIO("recv-inq", inq),
	SCENARIO("recv-timestamp", timestamps),
	SCENARIO("recv-signal", interrupted),
	{}
};
