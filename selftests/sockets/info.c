// SPDX-License-Identifier: GPL-2.0-only
/* What TCP_INFO says of a connection. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include "sockets.h"

static const char *state_name(int state)
{
	static const char *const names[] = {
		"none", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
		"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
	};

	return state < (int)(sizeof(names) / sizeof(*names)) ? names[state] : "unknown";
}

static void get(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len))
		give_up("TCP_INFO: %s", strerror(errno));
}

static void see_state(const char *key, int fd)
{
	struct tcp_info info;

	get(fd, &info);
	see(key, "%s", state_name(info.tcpi_state));
}

static const char *some(uint64_t value)
{
	return value ? "some" : "none";
}

static void fields(void)
{
	struct tcp_info info;
	struct pair p;

	pair_open(&p);
	pass(p.a, p.b, "0123456789");
	pass(p.b, p.a, "abc");
	await_sent(p.a);
	await_sent(p.b);
	get(p.a, &info);
	see("state", "%s", state_name(info.tcpi_state));
	see("ca_state", "%u", info.tcpi_ca_state);
	see("retransmits", "%u", info.tcpi_retransmits);
	see("total_retrans", "%u", info.tcpi_total_retrans);
	see("probes", "%u", info.tcpi_probes);
	see("lost", "%u", info.tcpi_lost);
	see("unacked", "%u", info.tcpi_unacked);
	see("notsent_bytes", "%u", info.tcpi_notsent_bytes);
	see("options", "%#x", info.tcpi_options);
	see("snd_mss", "%s", some(info.tcpi_snd_mss));
	see("rtt", "%s", some(info.tcpi_rtt));
	see("snd_cwnd", "%s", some(info.tcpi_snd_cwnd));
	see("pmtu", "%s", some(info.tcpi_pmtu));
	see("bytes_sent", "%llu", (unsigned long long)info.tcpi_bytes_sent);
	/* The SYN counts on the client. */
	see("bytes_acked", "%llu", (unsigned long long)info.tcpi_bytes_acked);
	see("bytes_received", "%llu", (unsigned long long)info.tcpi_bytes_received);
	see("data_segs_out", "%u", info.tcpi_data_segs_out);
	see("data_segs_in", "%u", info.tcpi_data_segs_in);
	pair_close(&p);
}

static bool closed_to(void *arg)
{
	int *want = arg;
	struct tcp_info info;

	get(want[0], &info);
	return info.tcpi_state == want[1];
}

static void reach(const char *key, int fd, int state)
{
	int want[2] = { fd, state };

	await(closed_to, want);
	see_state(key, fd);
}

static void states(void)
{
	struct pair p;
	int fd = stream_socket(0);

	see_state("fresh socket", fd);
	close(fd);
	pair_open(&p);
	see_state("listener", p.listener);
	see_state("connected", p.a);
	shutdown(p.a, SHUT_WR);
	reach("our end is sent", p.a, 5);
	reach("peer's state", p.b, 8);
	shutdown(p.b, SHUT_WR);
	reach("both ended", p.b, 7);
	pair_close(&p);
}

const struct scenario info_scenarios[] = {
	SCENARIO("info-fields", fields),
	SCENARIO("info-states", states),
	{}
};
