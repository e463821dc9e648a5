// SPDX-License-Identifier: GPL-2.0-only
/* Bytes by reference: splice, tee, vmsplice, sendfile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "sockets.h"

static void from_socket(void)
{
	char data[64];
	struct pair p;
	int pipes[2];

	pair_open(&p);
	if (pipe(pipes))
		give_up("pipe");
	pass(p.b, p.a, "abcdefghij");
	see_call("splice of 4", splice(p.a, NULL, pipes[1], NULL, 4, 0));
	see_bytes("pipe", read(pipes[0], data, sizeof(data)), data);
	see("FIONREAD", "%d", readable_bytes(p.a));
	see_call("splice of the rest", splice(p.a, NULL, pipes[1], NULL, 100, 0));
	see_bytes("pipe", read(pipes[0], data, sizeof(data)), data);
	set_nonblocking(p.a);
	see_call("splice of a non-blocking socket", splice(p.a, NULL, pipes[1], NULL, 100, 0));
	shutdown(p.b, SHUT_WR);
	await_events(p.a, POLLRDHUP);
	see_call("splice at the end", splice(p.a, NULL, pipes[1], NULL, 100, 0));
	pair_close(&p);
}

static long run_splice(struct later *later)
{
	return splice(later->fd, NULL, later->flags, NULL, 100, 0);
}

static void waiting(void)
{
	struct later l = { .run = run_splice };
	char data[64];
	struct pair p;
	int pipes[2];

	pair_open(&p);
	if (pipe(pipes))
		give_up("pipe");
	l.fd = p.a;
	l.flags = pipes[1];
	later_start(&l);
	send(p.b, "abc", 3, 0);
	see_call("splice that waited", later_end(&l));
	see_bytes("pipe", read(pipes[0], data, sizeof(data)), data);
	later_start(&l);
	shutdown(p.b, SHUT_WR);
	see_call("splice that waited for the end", later_end(&l));
	pair_close(&p);
}

static void to_socket(void)
{
	struct pair p;
	int pipes[2];

	pair_open(&p);
	if (pipe(pipes))
		give_up("pipe");
	if (write(pipes[1], "abcdefghij", 10) != 10)
		give_up("write");
	see_call("splice of 4 with SPLICE_F_MORE", splice(pipes[0], NULL, p.a, NULL, 4,
							  SPLICE_F_MORE));
	see_call("splice of the rest", splice(pipes[0], NULL, p.a, NULL, 100, 0));
	see_recv("recv", p.b, 10, MSG_WAITALL);
	close(pipes[1]);
	see_call("splice of an ended pipe", splice(pipes[0], NULL, p.a, NULL, 100, 0));
	pair_close(&p);
}

static void memory(void)
{
	char *data = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v = { data, 40000 };
	struct pair p;
	int pipes[2];
	long n;

	pair_open(&p);
	if (pipe(pipes))
		give_up("pipe");
	fill_bytes(data, 0, 65536);
	n = vmsplice(pipes[1], &v, 1, 0);
	see_call("vmsplice", n);
	see_call("splice", splice(pipes[0], NULL, p.a, NULL, n, 0));
	see_recv("recv", p.b, 40000, MSG_WAITALL);
	pair_close(&p);
	munmap(data, 65536);
}

static int file_of(size_t len)
{
	char name[] = "/tmp/l7fp-sockets.XXXXXX";
	char *data = malloc(len);
	int fd = mkstemp(name);

	if (fd < 0 || !data)
		give_up("a file: %s", strerror(errno));
	unlink(name);
	fill_bytes(data, 0, len);
	if (write(fd, data, len) != (ssize_t)len)
		give_up("write: %s", strerror(errno));
	free(data);
	return fd;
}

static void files(void)
{
	off_t offset = 1000;
	struct pair p;
	int fd = file_of(100000);

	pair_open(&p);
	see_call("sendfile from an offset", sendfile(p.a, fd, &offset, 20000));
	see("offset", "%lld", (long long)offset);
	see_recv("recv", p.b, 20000, MSG_WAITALL);
	lseek(fd, 99000, SEEK_SET);
	see_call("sendfile past the end", sendfile(p.a, fd, NULL, 5000));
	see_recv("recv", p.b, 1000, MSG_WAITALL);
	see_call("sendfile at the end", sendfile(p.a, fd, NULL, 5000));
	see_call("sendfile from a socket", sendfile(fd, p.b, NULL, 10));
	offset = 0;
	see_call("sendfile of 30000", sendfile(p.a, fd, &offset, 30000));
	shutdown(p.a, SHUT_WR);
	see_recv("recv", p.b, 100000, MSG_WAITALL);
	close(fd);
	pair_close(&p);
}

static void file_changed_later(void)
{
	struct pair p;
	int fd = file_of(30000);
	off_t offset = 0;

	/* Received before the file changes: what was received is what was sent. */
	pair_open(&p);
	see_call("sendfile", sendfile(p.a, fd, &offset, 30000));
	see_recv("recv", p.b, 30000, MSG_WAITALL);
	if (pwrite(fd, "changed", 7, 0) != 7)
		give_up("pwrite");
	offset = 0;
	see_call("sendfile of 7", sendfile(p.a, fd, &offset, 7));
	see_recv("recv", p.b, 7, MSG_WAITALL);
	close(fd);
	pair_close(&p);
}

static void tees(void)
{
	char data[64];
	int one[2], two[2];
	struct pair p;

	pair_open(&p);
	if (pipe(one) || pipe(two))
		give_up("pipe");
	pass(p.b, p.a, "abcdef");
	see_call("splice", splice(p.a, NULL, one[1], NULL, 100, 0));
	see_call("tee", tee(one[0], two[1], 100, 0));
	see_call("splice back", splice(one[0], NULL, p.a, NULL, 100, 0));
	see_bytes("copy", read(two[0], data, sizeof(data)), data);
	see_recv("recv by the peer", p.b, 6, MSG_WAITALL);
	pair_close(&p);
}

static void relay(void)
{
	static char data[200000];
	struct pair p, q;
	long left, n, m;
	int pipes[2];
	uint64_t hash = HASH_SEED;

	/* From one connection to another, through a pipe, as proxies do. */
	pair_open(&p);
	q = p;
	close(p.listener);
	pair_open(&q);
	if (pipe(pipes))
		give_up("pipe");
	fill_bytes(data, 7, sizeof(data));
	for (left = 0; left < (long)sizeof(data); left += 20000) {
		if (send(p.b, data + left, 20000, 0) != 20000)
			give_up("send: %s", strerror(errno));
		for (m = 0; m < 20000; m += n) {
			n = splice(p.a, NULL, pipes[1], NULL, 20000 - m, SPLICE_F_MOVE);
			if (n <= 0)
				give_up("splice: %s", strerror(errno));
			if (splice(pipes[0], NULL, q.a, NULL, n, SPLICE_F_MOVE) != n)
				give_up("splice out: %s", strerror(errno));
		}
		if (recv(q.b, data + left, 20000, MSG_WAITALL) != 20000)
			give_up("recv: %s", strerror(errno));
		hash = hash_bytes(hash, data + left, 20000);
	}
	see("relayed", "%ld, hash %016llx", left, (unsigned long long)hash);
	pair_close(&q);
	close(p.a);
	close(p.b);
}

const struct scenario splice_scenarios[] = {
	SCENARIO("splice-from-socket", from_socket),
	SCENARIO("splice-waiting", waiting),
	SCENARIO("splice-to-socket", to_socket),
	SCENARIO("splice-vmsplice", memory),
	SCENARIO("splice-sendfile", files),
	SCENARIO("splice-file-changed", file_changed_later),
	SCENARIO("splice-tee", tees),
	SCENARIO("splice-relay", relay),
	{}
};
