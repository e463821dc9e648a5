// SPDX-License-Identifier: GPL-2.0-only
/* Many threads on one socket. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "sockets.h"

#define THREADS		8
#define EACH		20000

struct worker {
	pthread_t thread;
	int fd, id;
	long bytes, calls;
	uint64_t sum;
};

static void *write_own_byte(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->id;
	char data[300];
	long left = EACH, n;

	memset(data, 'a' + w->id, sizeof(data));
	while (left) {
		n = 1 + next_random(&random) % sizeof(data);
		n = send(w->fd, data, n < left ? n : left, MSG_NOSIGNAL);
		if (n < 0)
			break;
		left -= n;
	}
	w->bytes = EACH - left;
	return NULL;
}

static void *read_any(void *arg)
{
	struct worker *w = arg;
	unsigned char data[777];
	long n, i;

	while ((n = recv(w->fd, data, sizeof(data), 0)) > 0) {
		w->bytes += n;
		for (i = 0; i < n; i++)
			w->sum += data[i];
	}
	return NULL;
}

static void start(struct worker *w, int n, int fd, void *(*run)(void *))
{
	int i;

	for (i = 0; i < n; i++) {
		w[i] = (struct worker){ .fd = fd, .id = i };
		if (pthread_create(&w[i].thread, NULL, run, &w[i]))
			give_up("no thread");
	}
}

static void join(struct worker *w, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
}

static void writers(void)
{
	struct worker w[THREADS];
	long count[THREADS] = {}, n, i;
	char data[4096];
	struct pair p;

	pair_open(&p);
	start(w, THREADS, p.a, write_own_byte);
	for (i = 0; i < THREADS * EACH; i += n) {
		long k;

		n = recv(p.b, data, sizeof(data), 0);
		if (n <= 0)
			give_up("recv: %ld", n);
		for (k = 0; k < n; k++)
			if (data[k] >= 'a' && data[k] < 'a' + THREADS)
				count[data[k] - 'a']++;
	}
	join(w, THREADS);
	for (i = 0; i < THREADS; i++)
		see("bytes of one thread", "%ld", count[i]);
	see("nothing more", "%d", readable_bytes(p.b));
	pair_close(&p);
}

static void readers(void)
{
	static unsigned char data[THREADS * EACH];
	uint64_t sum = 0, got = 0, want = 0;
	struct worker w[THREADS];
	struct pair p;
	size_t i;

	pair_open(&p);
	start(w, THREADS, p.a, read_any);
	fill_bytes(data, 0, sizeof(data));
	for (i = 0; i < sizeof(data); i += 1000)
		if (send(p.b, data + i, 1000, 0) != 1000)
			give_up("send: %s", strerror(errno));
	for (i = 0; i < sizeof(data); i++)
		want += data[i];
	shutdown(p.b, SHUT_WR);
	/* All of them see the end. */
	join(w, THREADS);
	for (i = 0; i < THREADS; i++) {
		got += w[i].bytes;
		sum += w[i].sum;
	}
	see("bytes", "%llu", (unsigned long long)got);
	see("each once", "%s", sum == want ? "yes" : "no");
	pair_close(&p);
}

static void both_ways(void)
{
	struct worker wa[2], wb[2], ra, rb;
	struct pair p;

	pair_open(&p);
	start(&ra, 1, p.a, read_any);
	start(&rb, 1, p.b, read_any);
	start(wa, 2, p.a, write_own_byte);
	start(wb, 2, p.b, write_own_byte);
	join(wa, 2);
	join(wb, 2);
	shutdown(p.a, SHUT_WR);
	shutdown(p.b, SHUT_WR);
	join(&ra, 1);
	join(&rb, 1);
	see("a received", "%ld", ra.bytes);
	see("b received", "%ld", rb.bytes);
	pair_close(&p);
}

static void *poll_and_read(void *arg)
{
	struct worker *w = arg;
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	char data[100];
	long n;

	for (;;) {
		if (poll(&p, 1, PATIENCE * 1000) < 1)
			break;
		n = recv(w->fd, data, sizeof(data), MSG_DONTWAIT);
		if (!n)
			break;
		if (n > 0)
			w->bytes += n;
		else if (errno != EAGAIN)
			break;
	}
	return NULL;
}

static void pollers(void)
{
	struct worker w[THREADS];
	char data[100] = "";
	struct pair p;
	long got = 0;
	int i;

	pair_open(&p);
	start(w, THREADS, p.a, poll_and_read);
	for (i = 0; i < 500; i++)
		if (send(p.b, data, sizeof(data), 0) != sizeof(data))
			give_up("send: %s", strerror(errno));
	shutdown(p.b, SHUT_WR);
	join(w, THREADS);
	for (i = 0; i < THREADS; i++)
		got += w[i].bytes;
	see("bytes", "%ld", got);
	pair_close(&p);
}

static void waiting_alike(void)
{
	struct later l[3];
	struct pair p;
	long got = 0;
	int i;

	/* Three wait; three bytes, one at a time, wake each once. */
	pair_open(&p);
	for (i = 0; i < 3; i++)
		later_recv(&l[i], p.a, 1, 0);
	send(p.b, "x", 1, 0);
	send(p.b, "y", 1, 0);
	send(p.b, "z", 1, 0);
	for (i = 0; i < 3; i++) {
		if (later_end(&l[i]) == 1)
			got += l[i].data[0];
	}
	see("sum of the bytes", "%ld", got);
	pair_close(&p);
}

static void waiting_for_end(void)
{
	struct later l[4];
	struct pair p;
	int i;

	pair_open(&p);
	for (i = 0; i < 4; i++)
		later_recv(&l[i], p.a, 8, 0);
	shutdown(p.b, SHUT_WR);
	for (i = 0; i < 4; i++)
		see_call("recv", later_end(&l[i]));
	pair_close(&p);
}

static void sending_while_reading(void)
{
	struct later l;
	struct pair p;

	pair_open(&p);
	later_recv(&l, p.a, 8, 0);
	see_call("send while another thread is in recv", send(p.a, "abc", 3, 0));
	see_recv("peer", p.b, 8, 0);
	send(p.b, "def", 3, 0);
	see_bytes("recv that waited", later_end(&l), l.data);
	pair_close(&p);
}

const struct scenario thread_scenarios[] = {
	SCENARIO("threads-writing", writers),
	SCENARIO("threads-reading", readers),
	SCENARIO("threads-both", both_ways),
	SCENARIO("threads-polling", pollers),
	SCENARIO("threads-waiting", waiting_alike),
	SCENARIO("threads-end", waiting_for_end),
	SCENARIO("threads-send-recv", sending_while_reading),
	{}
};
