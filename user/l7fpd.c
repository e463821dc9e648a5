// SPDX-License-Identifier: GPL-2.0-only
/*
 * l7fpd: keeps the policies of some files in force.
 *
 * No traffic passes through it. What it does is pinned in the kernel, so it may
 * be killed and started again at any time.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/signalfd.h>
#include "bpffs.h"
#include "capture.h"
#include "cmd.h"
#include "daemon.h"
#include "handshakes.h"
#include "netlink.h"

#define MAX_POLL	32

struct l7fpd {
	struct daemon_options options;
	const char *netns;
	struct handshakes_options handshakes;
	bool only_handshakes;
	struct daemon_policy *policy;
	struct daemon_watch *watch;
	struct daemon_stats *stats;
	struct daemon_handshakes *helpers;
	int signal_fd;
	uint64_t apply_at, apply_latest;	/* 0: nothing to apply */
	uint64_t sweep_at;			/* 0: nothing to sweep */
	int look_ms;				/* after helpers, -1: not by itself */
	bool stop;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: l7fpd [OPTION]... [--config] FILE|FOLDER ...\n"
		"\n"
		"Keep the policies of these files in force: apply them now and whenever they\n"
		"change. A change with an error is reported, and what was in force stays.\n"
		"\n"
		"  -f, --config PATH       a file or a folder; may be repeated\n"
		"  -c, --cgroup PATH       capture processes of this cgroup (default %s:\n"
		"                          all of the network namespace); may be repeated\n"
		"  -n, --netns NAME        of another network namespace\n"
		"  -p, --port PORT         of the HTTP listener (default %d, or any when taken)\n"
		"  -S, --slowpath ADDRESS:PORT   a proxy with the configuration that l7fp-tool\n"
		"                          slowpath writes for these policies; with --workloads\n"
		"                          in each network namespace, and on the next port for\n"
		"                          what arrives\n"
		"  -x, --exempt PATH       do not capture processes of this cgroup: the proxy's;\n"
		"                          may be repeated\n"
		"      --no-app-ports      hand bytes to processes of this network namespace by\n"
		"                          TCP, not past it\n"
		"  -w, --workloads         a policy for each Workload that has a networkNamespace\n"
		"      --node NAME         with --workloads: of those whose node is NAME\n"
		"      --outbound-traffic-policy ALLOW_ANY|REGISTRY_ONLY   with --workloads: what\n"
		"                          becomes of destinations that no document names\n"
		"  -s, --stats-listen ADDRESS:PORT   serve GET /metrics there, too\n"
		"      --certificates FOLDER   with tls.crt, tls.key and ca.crt, which are read again\n"
		"                          when they change: mutual TLS is spoken. With --workloads\n"
		"                          in FOLDER/NAMESPACE/SERVICE-ACCOUNT of each\n"
		"      --trust-domain-alias NAME   a former name of the trust domain of tls.crt;\n"
		"                          may be repeated\n"
		"      --handshakes        shake hands only, for policies that l7fp-tool applied\n"
		"  -r, --replace           take over from the one that runs, when the files are\n"
		"                          without errors\n"
		"  -h, --help              this text\n"
		"\n"
		"SIGHUP applies again; SIGTERM ends the daemon, and everything stays in force:\n"
		"l7fp-tool reset takes it away.\n",
		CAPTURE_DEFAULT_CGROUP, APPLY_HTTP_PORT);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int add_path(struct daemon_options *o, char *path)
{
	if (o->n_paths == DAEMON_MAX_PATHS) {
		fprintf(stderr, "l7fpd: more than %d paths; name a folder instead\n",
			DAEMON_MAX_PATHS);
		return -1;
	}
	if (!strcmp(path, "-")) {
		fputs("l7fpd: standard input cannot be watched; name a file\n", stderr);
		return -1;
	}
	o->path[o->n_paths++] = path;
	return 0;
}

static int set_option(struct l7fpd *d, int c)
{
	struct daemon_options *o = &d->options;
	unsigned long port;

	switch (c) {
	case 'f':
		return add_path(o, optarg);
	case 'c':
		if (o->n_cgroups == sizeof(o->cgroup) / sizeof(o->cgroup[0])) {
			fputs("l7fpd: too many cgroups; name one above them\n", stderr);
			return -1;
		}
		o->cgroup[o->n_cgroups++] = optarg;
		return 0;
	case 'n':
		d->netns = optarg;
		return 0;
	case 'p':
		if (cmd_number("--port", optarg, 1, 65535, &port))
			return -1;
		o->port = port;
		return 0;
	case 'S':
		return cmd_address("l7fpd: --slowpath", optarg, &o->slow_path.address,
				   &o->slow_path.port);
	case 'x':
		if (o->n_exempt == sizeof(o->exempt) / sizeof(o->exempt[0])) {
			fputs("l7fpd: too many exempt cgroups; name one above them\n", stderr);
			return -1;
		}
		o->exempt[o->n_exempt++] = optarg;
		return 0;
	case 's':
		o->stats_listen = optarg;
		return 0;
	case 'r':
		o->replace = true;
		return 0;
	case 'C':
		d->handshakes.folder = optarg;
		o->tls = true;
		return 0;
	case 'T':
		if (d->handshakes.n_aliases == HANDSHAKES_MAX_ALIASES) {
			fprintf(stderr, "l7fpd: --trust-domain-alias: expected at most %d\n",
				HANDSHAKES_MAX_ALIASES);
			return -1;
		}
		d->handshakes.alias[d->handshakes.n_aliases++] = optarg;
		return 0;
	case 'H':
		d->only_handshakes = true;
		return 0;
	case 'A':
		o->listener_flags &= ~L7FP_LISTENER_APP_PORTS;
		return 0;
	case 'w':
		o->workloads = true;
		return 0;
	case 'N':
		o->node = optarg;
		return 0;
	case 'o':
		return cmd_outbound("l7fpd", optarg, &o->registry_only);
	}
	usage(stderr);
	return -1;
}

/* What each workload has of its own, and what is for one network namespace only. */
static int check_workloads(const struct l7fpd *d)
{
	const struct daemon_options *o = &d->options;

	if (!o->workloads && (o->node || o->registry_only)) {
		fputs("l7fpd: --node and --outbound-traffic-policy are for --workloads\n", stderr);
		return -1;
	}
	if (o->workloads && (o->n_cgroups || d->netns)) {
		fputs("l7fpd: --workloads: cgroups and network namespaces are those of the Workloads; expected neither --cgroup nor --netns\n",
		      stderr);
		return -1;
	}
	if (o->workloads && o->slow_path.port == UINT16_MAX) {
		fputs("l7fpd: --slowpath: port 65535; with --workloads the proxy has the next port, too: expected 65534 at most\n",
		      stderr);
		return -1;
	}
	return 0;
}

static int check_certificates(const struct l7fpd *d)
{
	const struct handshakes_options *o = &d->handshakes;

	if (!o->folder && (o->n_aliases || d->only_handshakes)) {
		fputs("l7fpd: --handshakes and --trust-domain-alias need --certificates\n", stderr);
		return -1;
	}
	if (d->only_handshakes && d->options.n_paths) {
		fputs("l7fpd: --handshakes applies no policy; expected no files, or --certificates alone\n",
		      stderr);
		return -1;
	}
	if (o->folder && !d->only_handshakes && !d->options.workloads) {
		fputs("l7fpd: --certificates: mutual TLS is spoken for Workloads; expected --workloads or --handshakes, too\n",
		      stderr);
		return -1;
	}
	return 0;
}

/* 0 go on, else the exit status plus one. */
static int parse(struct l7fpd *d, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "netns", required_argument, NULL, 'n' },
		{ "port", required_argument, NULL, 'p' },
		{ "slowpath", required_argument, NULL, 'S' },
		{ "exempt", required_argument, NULL, 'x' },
		{ "stats-listen", required_argument, NULL, 's' },
		{ "replace", no_argument, NULL, 'r' },
		{ "no-app-ports", no_argument, NULL, 'A' },
		{ "workloads", no_argument, NULL, 'w' },
		{ "node", required_argument, NULL, 'N' },
		{ "outbound-traffic-policy", required_argument, NULL, 'o' },
		{ "certificates", required_argument, NULL, 'C' },
		{ "trust-domain-alias", required_argument, NULL, 'T' },
		{ "handshakes", no_argument, NULL, 'H' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "f:c:n:p:s:S:x:wrh", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		}
		if (set_option(d, c))
			return 1 + EXIT_USAGE;
	}
	for (; optind < argc; optind++)
		if (add_path(&d->options, argv[optind]))
			return 1 + EXIT_USAGE;
	if (check_certificates(d))
		return 1 + EXIT_USAGE;
	if (!d->options.n_paths && !d->only_handshakes) {
		usage(stderr);
		return 1 + EXIT_USAGE;
	}
	return check_workloads(d) ? 1 + EXIT_USAGE : 0;
}

/* Without the module nothing can be kept in force: whoever started us should know at once. */
static int need_module(uint64_t *cookie)
{
	char error[ERROR_LEN];
	struct netlink *nl;

	if (netlink_open(&nl, error, sizeof(error)) ||
	    bpffs_cookie(cookie, error, sizeof(error))) {
		fprintf(stderr, "l7fpd: %s\n", error);
		return -1;
	}
	netlink_close(nl);
	return 0;
}

/* It may judge tomorrow what it bound yesterday: until then nothing of that is open. */
static void guard(struct l7fpd *d)
{
	if (netlink_has_module())
		return;
	d->policy = daemon_policy_new(&d->options);
	daemon_policy_guard(d->policy);
	daemon_policy_free(d->policy);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void apply_now(struct l7fpd *d)
{
	d->apply_at = 0;
	d->apply_latest = 0;
	daemon_policy_apply(d->policy);
	daemon_handshakes_update(d->helpers, daemon_policy_workloads(d->policy));
	if (daemon_watch_refresh(d->watch))
		d->apply_at = now_ms() + DAEMON_SETTLE_MS;
	d->sweep_at = daemon_policy_leftover(d->policy) ? now_ms() + DAEMON_SWEEP_MS : 0;
}

static void on_signal(struct l7fpd *d)
{
	struct signalfd_siginfo info;

	while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			d->apply_at = now_ms();
		else if (info.ssi_signo == SIGCHLD)
			continue;
		else
			d->stop = true;
	}
}

static void on_change(struct l7fpd *d)
{
	uint64_t now = now_ms();

	if (!daemon_watch_read(d->watch))
		return;
	if (!d->apply_latest)
		d->apply_latest = now + DAEMON_SETTLE_MAX_MS;
	d->apply_at = now + DAEMON_SETTLE_MS;
	if (d->apply_at > d->apply_latest)
		d->apply_at = d->apply_latest;
}

static int sooner(int timeout, uint64_t at, uint64_t now)
{
	int left;

	if (!at)
		return timeout;
	left = at > now ? at - now : 0;
	return timeout < 0 || left < timeout ? left : timeout;
}

static void loop(struct l7fpd *d)
{
	struct pollfd fds[MAX_POLL];
	struct daemon_health health;
	uint64_t now;
	int timeout;
	size_t n;

	while (!d->stop) {
		now = now_ms();
		timeout = daemon_stats_timeout(d->stats);
		timeout = sooner(timeout, d->apply_at, now);
		timeout = sooner(timeout, d->sweep_at, now);
		if (d->look_ms >= 0 && (timeout < 0 || timeout > d->look_ms))
			timeout = d->look_ms;
		fds[0] = (struct pollfd){ .fd = d->signal_fd, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = daemon_watch_fd(d->watch), .events = POLLIN };
		n = daemon_stats_poll(d->stats, fds + 2, MAX_POLL - 2);
		if (poll(fds, 2 + n, timeout) < 0 && errno != EINTR) {
			fprintf(stderr, "l7fpd: poll: %s\n", strerror(errno));
			return;
		}
		if (fds[0].revents)
			on_signal(d);
		if (fds[1].revents)
			on_change(d);
		d->look_ms = daemon_handshakes_look(d->helpers);
		health = daemon_policy_health(d->policy);
		daemon_stats_serve(d->stats, fds + 2, n, &health);
		now = now_ms();
		if (d->apply_at && d->apply_at <= now && !d->stop)
			apply_now(d);
		if (d->sweep_at && d->sweep_at <= now)
			d->sweep_at = daemon_policy_sweep(d->policy) ? now + DAEMON_SWEEP_MS : 0;
	}
}

int main(int argc, char **argv)
{
	struct l7fpd d = { .options.listener_flags = L7FP_LISTENER_APP_PORTS };
	uint64_t cookie;
	int err;

	err = parse(&d, argc, argv);
	if (err)
		return err - 1;
	if (d.netns && cmd_enter_netns(d.netns))
		return EXIT_FAILED;
	d.signal_fd = open_signals();
	if (d.signal_fd < 0)
		return EXIT_FAILED;
	if (need_module(&cookie)) {
		guard(&d);
		return EXIT_FAILED;
	}
	if (d.only_handshakes)
		return handshakes_run(&d.handshakes, d.signal_fd) ? EXIT_FAILED : 0;
	d.watch = daemon_watch_new(d.options.path, d.options.n_paths);
	if (!d.watch)
		return EXIT_FAILED;
	d.policy = daemon_policy_new(&d.options);
	/* What could fail is behind us when the old one ends. */
	if (d.options.replace && (daemon_policy_check(d.policy) || daemon_replace(cookie)))
		return EXIT_FAILED;
	d.stats = daemon_stats_new(cookie, d.options.stats_listen);
	if (d.stats) {
		d.helpers = daemon_handshakes_new(&d.handshakes);
		d.look_ms = -1;
		apply_now(&d);
		loop(&d);
		daemon_handshakes_free(d.helpers);
		daemon_stats_free(d.stats);
	}
	daemon_policy_free(d.policy);
	daemon_watch_free(d.watch);
	close(d.signal_fd);
	return d.stats ? 0 : EXIT_FAILED;
}
