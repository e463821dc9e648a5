// SPDX-License-Identifier: GPL-2.0-only
/* MSG_ZEROCOPY, its completions, TCP_ZEROCOPY_RECEIVE, and time stamps of sends. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "sockets.h"

#define LEN	40000

/* The next message of the error queue, when poll says that there is one. */
static bool completion(int fd, struct sock_extended_err *err)
{
	char control[256];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	await_events(fd, POLLERR);
	if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == IP_RECVERR || c->cmsg_type == IPV6_RECVERR) {
			memcpy(err, CMSG_DATA(c), sizeof(*err));
			return true;
		}
	}
	return false;
}

static void sending(void)
{
	static char data[LEN], got[LEN];
	struct sock_extended_err err = {};
	unsigned int done = 0;
	struct pair p;

	pair_open(&p);
	see_call("MSG_ZEROCOPY without SO_ZEROCOPY", send(p.a, "abc", 3, MSG_ZEROCOPY));
	see_recv("recv", p.b, 3, MSG_WAITALL);
	see_call("SO_ZEROCOPY", set_int(p.a, SOL_SOCKET, SO_ZEROCOPY, 1));
	fill_bytes(data, 0, LEN);
	see_call("send", send(p.a, data, LEN, MSG_ZEROCOPY));
	see_call("send again", send(p.a, "small", 5, MSG_ZEROCOPY));
	see_bytes("recv", recv(p.b, got, LEN, MSG_WAITALL), got);
	see_bytes("recv", recv(p.b, got, 5, MSG_WAITALL), got);
	while (done < 2 && completion(p.a, &err)) {
		if (err.ee_origin != SO_EE_ORIGIN_ZEROCOPY || err.ee_errno)
			break;
		done = err.ee_data + 1;
	}
	see("completed", "%u", done);
	see("origin", "%u", err.ee_origin);
	see_recv("error queue is empty", p.a, 1, MSG_ERRQUEUE);
	pair_close(&p);
}

static void receiving(void)
{
	static char data[LEN], got[LEN];
	struct tcp_zerocopy_receive z = {};
	socklen_t len = sizeof(z);
	struct pair p;
	void *where;
	long n = 0;

	pair_open(&p);
	where = mmap(NULL, 65536, PROT_READ, MAP_SHARED, p.b, 0);
	see("mmap", "%s", where == MAP_FAILED ? strerrorname_np(errno) : "ok");
	fill_bytes(data, 0, LEN);
	if (send(p.a, data, LEN, 0) != LEN)
		give_up("send: %s", strerror(errno));
	await_bytes(p.b, LEN);
	z.address = (uintptr_t)where;
	z.length = 65536;
	see_call("TCP_ZEROCOPY_RECEIVE", getsockopt(p.b, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &z,
						    &len));
	/* What was not mapped is to be read. */
	if (where != MAP_FAILED && z.length <= LEN) {
		memcpy(got, where, z.length);
		n = z.length;
	}
	see_call("recv of the rest is", recv(p.b, got + n, LEN - n, MSG_WAITALL) + n);
	see_bytes("all", LEN, got);
	pair_close(&p);
}

static void stamped(void)
{
	struct sock_extended_err err = {};
	struct pair p;

	pair_open(&p);
	see_call("SO_TIMESTAMPING", set_int(p.a, SOL_SOCKET, SO_TIMESTAMPING,
					    SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
					    SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY));
	pass(p.a, p.b, "abcdef");
	see("acknowledged", "%s", completion(p.a, &err) ? "yes" : "no");
	see("origin", "%u", err.ee_origin);
	see("kind", "%u", err.ee_info);
	see("byte", "%u", err.ee_data);
	pair_close(&p);
}

const struct scenario zerocopy_scenarios[] = {
	SCENARIO("zerocopy-send", sending),
	SCENARIO("zerocopy-receive", receiving),
	SCENARIO("timestamp-ack", stamped),
	{}
};
