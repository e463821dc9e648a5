// SPDX-License-Identifier: GPL-2.0-only
/* Socket options: what can be set is what is read back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "sockets.h"

static const struct {
	const char *name;
	int level, option, value;
} options[] = {
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1 },
	{ "TCP_CORK", IPPROTO_TCP, TCP_CORK, 1 },
	{ "TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, 0 },
	{ "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 77 },
	{ "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 7 },
	{ "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3 },
	{ "TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 4 },
	{ "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000 },
	{ "TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384 },
	{ "TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, 60000 },
	{ "TCP_THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1 },
	{ "TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, 5 },
	{ "TCP_INQ", IPPROTO_TCP, TCP_INQ, 1 },
	{ "TCP_TX_DELAY", IPPROTO_TCP, TCP_TX_DELAY, 0 },
	{ "TCP_SAVE_SYN", IPPROTO_TCP, TCP_SAVE_SYN, 1 },
	{ "TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 1000 },
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1 },
	{ "SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 5 },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 0 },
	{ "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 3 },
	{ "SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT, 3 },
	{ "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 40000 },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 40000 },
	{ "SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE, 50000 },
	{ "SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 1 },
	{ "SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 0 },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1 },
	{ "SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL, 0 },
	{ "SO_INCOMING_CPU", SOL_SOCKET, SO_INCOMING_CPU, 0 },
	{ "SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, 1 },
	{ "SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF, 0 },
	{ "SO_PASSCRED", SOL_SOCKET, SO_PASSCRED, 1 },
	{ "SO_TYPE", SOL_SOCKET, SO_TYPE, 1 },
	{ "SO_ERROR", SOL_SOCKET, SO_ERROR, 1 },
	{ "IP_TOS", IPPROTO_IP, IP_TOS, 0x20 },
	{ "IP_TTL", IPPROTO_IP, IP_TTL, 33 },
	{ "IP_MTU", IPPROTO_IP, IP_MTU, 0 },
	{ "IP_BIND_ADDRESS_NO_PORT", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1 },
	{ "an unknown one", SOL_SOCKET, 9999, 1 },
	{ "an unknown one of TCP", IPPROTO_TCP, 9999, 1 },
	{ "an unknown level", 9999, 1, 1 },
};

static void set_and_get(void)
{
	char key[64];
	struct pair p;
	size_t i;

	pair_open(&p);
	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		snprintf(key, sizeof(key), "set %s", options[i].name);
		see_call(key, set_int(p.a, options[i].level, options[i].option, options[i].value));
		snprintf(key, sizeof(key), "get %s", options[i].name);
		see_option(key, p.a, options[i].level, options[i].option);
	}
	set_int(p.a, IPPROTO_TCP, TCP_CORK, 0);
	pass(p.a, p.b, "still working");
	see_recv("recv", p.b, 64, 0);
	pair_close(&p);
}

static void defaults(void)
{
	struct pair p;

	pair_open(&p);
	see_option("SO_DOMAIN", p.a, SOL_SOCKET, SO_DOMAIN);
	see_option("SO_TYPE", p.a, SOL_SOCKET, SO_TYPE);
	see_option("SO_PROTOCOL", p.a, SOL_SOCKET, SO_PROTOCOL);
	see_option("SO_ACCEPTCONN", p.a, SOL_SOCKET, SO_ACCEPTCONN);
	see_option("SO_ERROR", p.a, SOL_SOCKET, SO_ERROR);
	see_option("TCP_NODELAY", p.a, IPPROTO_TCP, TCP_NODELAY);
	see_option("TCP_CORK", p.a, IPPROTO_TCP, TCP_CORK);
	see_option("SO_KEEPALIVE", p.a, SOL_SOCKET, SO_KEEPALIVE);
	see_option("SO_RCVLOWAT", p.a, SOL_SOCKET, SO_RCVLOWAT);
	see_option("SO_REUSEADDR", p.a, SOL_SOCKET, SO_REUSEADDR);
	see_option("SO_PRIORITY", p.a, SOL_SOCKET, SO_PRIORITY);
	see_option("SO_MARK", p.a, SOL_SOCKET, SO_MARK);
	see_option("IP_TOS", p.a, IPPROTO_IP, IP_TOS);
	see("SO_SNDBUF", "%s", get_int(p.a, SOL_SOCKET, SO_SNDBUF) > 4096 ? "some" : "little");
	see("SO_RCVBUF", "%s", get_int(p.a, SOL_SOCKET, SO_RCVBUF) > 4096 ? "some" : "little");
	see("TCP_MAXSEG", "%s", get_int(p.a, IPPROTO_TCP, TCP_MAXSEG) > 500 ? "some" : "little");
	see("SO_INCOMING_NAPI_ID", "%d", get_int(p.a, SOL_SOCKET, SO_INCOMING_NAPI_ID));
	see("SO_INCOMING_CPU", "%s", get_int(p.a, SOL_SOCKET, SO_INCOMING_CPU) >= -1 ? "one" :
	    "none");
	pair_close(&p);
}

static void texts(void)
{
	char name[32] = "";
	socklen_t len = sizeof(name);
	struct pair p;

	pair_open(&p);
	see_call("get TCP_CONGESTION", getsockopt(p.a, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	see("congestion control", "%s", name);
	see_call("set TCP_CONGESTION", setsockopt(p.a, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	see_call("set an unknown one", setsockopt(p.a, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6));
	see_call("SO_BINDTODEVICE", setsockopt(p.a, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	memset(name, 0, sizeof(name));
	len = sizeof(name);
	see_call("get SO_BINDTODEVICE", getsockopt(p.a, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	see("device", "%s", name);
	pass(p.a, p.b, "still working");
	see_recv("recv", p.b, 64, 0);
	pair_close(&p);
}

static void ulp(void)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	struct pair p;

	pair_open(&p);
	see_call("get TCP_ULP", getsockopt(p.a, IPPROTO_TCP, TCP_ULP, name, &len));
	see("name", "%s", len ? name : "none");
	see_call("set an unknown TCP_ULP", setsockopt(p.a, IPPROTO_TCP, TCP_ULP, "nosuch", 6));
	see_call("set TCP_ULP l7fp", setsockopt(p.a, IPPROTO_TCP, TCP_ULP, "l7fp", 4));
	pass(p.a, p.b, "still working");
	see_recv("recv", p.b, 64, 0);
	pass(p.b, p.a, "both ways");
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void file_calls(void)
{
	char data[8];
	struct stat st;
	struct pair p;
	int one = 1;

	pair_open(&p);
	see_call("fstat", fstat(p.a, &st));
	see("a socket", "%s", S_ISSOCK(st.st_mode) ? "yes" : "no");
	see_call("lseek", lseek(p.a, 0, SEEK_CUR));
	see_call("pread", pread(p.a, data, 8, 0));
	see_call("pwrite", pwrite(p.a, data, 8, 0));
	see_call("ftruncate", ftruncate(p.a, 0));
	see_call("fsync", fsync(p.a));
	see("mmap", "%s", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, p.a, 0) == MAP_FAILED ?
	    strerrorname_np(errno) : "ok");
	see("writable shared mmap", "%s",
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, p.a, 0) == MAP_FAILED ?
	    strerrorname_np(errno) : "ok");
	see_call("FIONBIO", ioctl(p.a, FIONBIO, &one));
	see("O_NONBLOCK", "%s", fcntl(p.a, F_GETFL) & O_NONBLOCK ? "set" : "not set");
	see_call("an unknown ioctl", ioctl(p.a, 0x12345678, &one));
	see_call("F_GETOWN", fcntl(p.a, F_GETOWN));
	see_call("TCGETS", ioctl(p.a, TCGETS, &st));
	pair_close(&p);
}

static void repair(void)
{
	struct pair p;

	pair_open(&p);
	see_call("TCP_REPAIR on", set_int(p.a, IPPROTO_TCP, TCP_REPAIR, 1));
	see_option("TCP_REPAIR", p.a, IPPROTO_TCP, TCP_REPAIR);
	see_call("TCP_REPAIR off", set_int(p.a, IPPROTO_TCP, TCP_REPAIR, 0));
	/* It took SO_REUSEADDR away, which the next listener needs. */
	set_int(p.a, SOL_SOCKET, SO_REUSEADDR, 1);
	pass(p.a, p.b, "still working");
	see_recv("recv", p.b, 64, 0);
	pair_close(&p);
}

const struct scenario option_scenarios[] = {
	SCENARIO("options-set", set_and_get),
	SCENARIO("options-defaults", defaults),
	SCENARIO("options-texts", texts),
	SCENARIO("options-ulp", ulp),
	SCENARIO("options-repair", repair),
	SCENARIO("file-calls", file_calls),
	{}
};
