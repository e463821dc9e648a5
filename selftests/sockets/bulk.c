// SPDX-License-Identifier: GPL-2.0-only
/* Many bytes in pieces of random sizes, by every way there is: all arrive, in order. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "sockets.h"

#define BYTES	(3 * 1024 * 1024)

struct way {
	pthread_t thread;
	int fd;
	uint64_t random, offset;
	uint32_t largest;
	long bytes;
	uint64_t hash;
	int (*move)(struct way *way, unsigned char *data, size_t len);
};

static uint32_t piece(struct way *w)
{
	uint32_t n = next_random(&w->random);

	/* Mostly small, sometimes as large as may be. */
	return 1 + (n & 7 ? next_random(&w->random) % 2000 : next_random(&w->random)) % w->largest;
}

static void *sender(void *arg)
{
	static const size_t room = 1 << 17;
	struct way *w = arg;
	unsigned char *data = malloc(room);

	while (w->bytes < BYTES) {
		size_t n = piece(w);
		int sent;

		if (n > (size_t)(BYTES - w->bytes))
			n = BYTES - w->bytes;
		fill_bytes(data, w->offset + w->bytes, n);
		sent = w->move(w, data, n);
		if (sent < 0)
			break;
		w->hash = hash_bytes(w->hash, data, sent);
		w->bytes += sent;
	}
	free(data);
	return NULL;
}

static void *receiver(void *arg)
{
	static const size_t room = 1 << 17;
	struct way *w = arg;
	unsigned char *data = malloc(room);
	int n;

	for (;;) {
		n = w->move(w, data, piece(w));
		if (n <= 0)
			break;
		w->hash = hash_bytes(w->hash, data, n);
		w->bytes += n;
	}
	free(data);
	return NULL;
}

static int plain_send(struct way *w, unsigned char *data, size_t len)
{
	return send(w->fd, data, len, MSG_NOSIGNAL);
}

static int more_send(struct way *w, unsigned char *data, size_t len)
{
	return send(w->fd, data, len, MSG_NOSIGNAL |
		    (w->bytes + (long)len < BYTES && next_random(&w->random) & 1 ? MSG_MORE : 0));
}

static int polled_send(struct way *w, unsigned char *data, size_t len)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };
	int n;

	while ((n = send(w->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EAGAIN)
		if (poll(&p, 1, PATIENCE * 1000) != 1)
			return -1;
	return n;
}

static int vector_send(struct way *w, unsigned char *data, size_t len)
{
	struct iovec v[3] = { { data, len / 3 }, { data + len / 3, len / 2 - len / 3 },
			      { data + len / 2, len - len / 2 } };

	return writev(w->fd, v, 3);
}

static int splice_send(struct way *w, unsigned char *data, size_t len)
{
	int pipes[2], n, done = 0;

	if (pipe(pipes))
		return -1;
	n = write(pipes[1], data, len < 60000 ? len : 60000);
	while (done < n) {
		int moved = splice(pipes[0], NULL, w->fd, NULL, n - done, SPLICE_F_MORE);

		if (moved <= 0) {
			done = -1;
			break;
		}
		done += moved;
	}
	close(pipes[0]);
	close(pipes[1]);
	return done;
}

static int file_send(struct way *w, unsigned char *data, size_t len)
{
	char name[] = "/tmp/l7fp-sockets.XXXXXX";
	int fd = mkstemp(name), n;

	unlink(name);
	if (write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		give_up("a file: %s", strerror(errno));
	n = sendfile(w->fd, fd, NULL, len);
	close(fd);
	return n;
}

static int plain_recv(struct way *w, unsigned char *data, size_t len)
{
	return recv(w->fd, data, len, 0);
}

static int waitall_recv(struct way *w, unsigned char *data, size_t len)
{
	return recv(w->fd, data, len, MSG_WAITALL);
}

static int peek_recv(struct way *w, unsigned char *data, size_t len)
{
	uint64_t before;
	int n = recv(w->fd, data, len, MSG_PEEK);

	if (n <= 0)
		return n;
	before = hash_bytes(HASH_SEED, data, n);
	if (recv(w->fd, data, n, MSG_WAITALL) != n || hash_bytes(HASH_SEED, data, n) != before)
		return -1;
	return n;
}

static int polled_recv(struct way *w, unsigned char *data, size_t len)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int n;

	while ((n = recv(w->fd, data, len, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
		if (poll(&p, 1, PATIENCE * 1000) != 1)
			return -1;
	return n;
}

static int vector_recv(struct way *w, unsigned char *data, size_t len)
{
	struct iovec v[2] = { { data, len / 3 }, { data + len / 3, len - len / 3 } };

	return readv(w->fd, v, 2);
}

static int splice_recv(struct way *w, unsigned char *data, size_t len)
{
	int pipes[2], n, got;

	if (pipe(pipes))
		return -1;
	n = splice(w->fd, NULL, pipes[1], NULL, len < 60000 ? len : 60000, 0);
	if (n > 0) {
		got = read(pipes[0], data, n);
		if (got != n)
			n = -1;
	}
	close(pipes[0]);
	close(pipes[1]);
	return n;
}

static void start(struct way *w, void *(*run)(void *))
{
	w->hash = HASH_SEED;
	if (!w->largest)
		w->largest = 1 << 17;
	if (pthread_create(&w->thread, NULL, run, w))
		give_up("no thread");
}

static void see_way(const char *key, struct way *w)
{
	see(key, "%ld, hash %016llx", w->bytes, (unsigned long long)w->hash);
}

static void one_way(int (*send_by)(struct way *, unsigned char *, size_t),
		    int (*recv_by)(struct way *, unsigned char *, size_t), int sndbuf, int rcvbuf)
{
	struct way out = { .random = 1, .move = send_by }, in = { .random = 2, .move = recv_by };
	struct pair p;

	pair_open_sized(&p, sndbuf, rcvbuf);
	out.fd = p.a;
	in.fd = p.b;
	start(&in, receiver);
	start(&out, sender);
	pthread_join(out.thread, NULL);
	shutdown(p.a, SHUT_WR);
	pthread_join(in.thread, NULL);
	see_way("sent", &out);
	see_way("received", &in);
	pair_close(&p);
}

static void plain(void)
{
	one_way(plain_send, plain_recv, 0, 0);
}

static void corked(void)
{
	one_way(more_send, waitall_recv, 0, 0);
}

static void polled(void)
{
	one_way(polled_send, polled_recv, 0, 0);
}

static void vectors(void)
{
	one_way(vector_send, vector_recv, 0, 0);
}

static void spliced(void)
{
	one_way(splice_send, splice_recv, 0, 0);
}

static void from_file(void)
{
	one_way(file_send, plain_recv, 0, 0);
}

static void peeked(void)
{
	one_way(plain_send, peek_recv, 0, 0);
}

static void small_buffers(void)
{
	one_way(plain_send, plain_recv, 8192, 8192);
}

static void small_buffers_polled(void)
{
	one_way(polled_send, polled_recv, 16384, 16384);
}

static void both_ways(void)
{
	struct way w[4] = {
		{ .random = 1, .move = plain_send },
		{ .random = 2, .move = polled_recv },
		{ .random = 3, .move = polled_send, .offset = 1 << 20 },
		{ .random = 4, .move = plain_recv },
	};
	struct pair p;
	int i;

	pair_open(&p);
	w[0].fd = p.a;
	w[1].fd = p.b;
	w[2].fd = p.b;
	w[3].fd = p.a;
	for (i = 0; i < 4; i++)
		start(&w[i], i & 1 ? receiver : sender);
	pthread_join(w[0].thread, NULL);
	shutdown(p.a, SHUT_WR);
	pthread_join(w[2].thread, NULL);
	shutdown(p.b, SHUT_WR);
	pthread_join(w[1].thread, NULL);
	pthread_join(w[3].thread, NULL);
	see_way("a sent", &w[0]);
	see_way("b received", &w[1]);
	see_way("b sent", &w[2]);
	see_way("a received", &w[3]);
	pair_close(&p);
}

static void turns(void)
{
	static unsigned char data[70000], back[70000];
	uint64_t random = 9, hash = HASH_SEED;
	struct pair p;
	size_t n;
	int i;

	/* Question and answer, of random lengths, on one connection. */
	pair_open(&p);
	set_int(p.a, SOL_SOCKET, SO_SNDBUF, 1 << 18);
	for (i = 0; i < 300; i++) {
		n = 1 + next_random(&random) % (i % 16 ? 1500 : sizeof(data));
		fill_bytes(data, random, n);
		if (send(p.a, data, n, 0) != (ssize_t)n ||
		    recv(p.b, back, n, MSG_WAITALL) != (ssize_t)n || memcmp(data, back, n))
			give_up("question %d of %zu bytes", i, n);
		if (send(p.b, back, n / 2 + 1, 0) != (ssize_t)n / 2 + 1 ||
		    recv(p.a, data, n / 2 + 1, MSG_WAITALL) != (ssize_t)n / 2 + 1)
			give_up("answer %d of %zu bytes", i, n);
		hash = hash_bytes(hash, data, n / 2 + 1);
	}
	see("turns", "%d, hash %016llx", i, (unsigned long long)hash);
	pair_close(&p);
}

static void single_bytes(void)
{
	uint64_t hash = HASH_SEED;
	struct pair p;
	char c;
	int i;

	pair_open(&p);
	for (i = 0; i < 3000; i++) {
		c = i * 7;
		if (send(p.a, &c, 1, 0) != 1)
			give_up("send: %s", strerror(errno));
	}
	shutdown(p.a, SHUT_WR);
	for (i = 0; recv(p.b, &c, 1, 0) == 1; i++)
		hash = hash_bytes(hash, &c, 1);
	see("bytes", "%d, hash %016llx", i, (unsigned long long)hash);
	pair_close(&p);
}

const struct scenario bulk_scenarios[] = {
	SCENARIO("bulk-plain", plain),
	SCENARIO("bulk-more", corked),
	SCENARIO("bulk-polled", polled),
	SCENARIO("bulk-vectors", vectors),
	SCENARIO("bulk-splice", spliced),
	SCENARIO("bulk-sendfile", from_file),
	SCENARIO("bulk-peek", peeked),
	SCENARIO("bulk-small-buffers", small_buffers),
	SCENARIO("bulk-small-buffers-polled", small_buffers_polled),
	ONCE("bulk-both-ways", both_ways),
	SCENARIO("bulk-turns", turns),
	SCENARIO("bulk-single-bytes", single_bytes),
	{}
};
