// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for conditions, and calls that wait in a thread of their own. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "sockets.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

bool await(bool (*condition)(void *arg), void *arg)
{
	double end = now() + PATIENCE;

	while (!condition(arg)) {
		if (now() > end)
			return false;
		usleep(500);
	}
	return true;
}

struct wanted {
	int fd, bytes;
	short events, have;
};

static bool has_events(void *arg)
{
	struct wanted *w = arg;
	struct pollfd p = { .fd = w->fd, .events = w->events };

	poll(&p, 1, 0);
	w->have = p.revents;
	return (p.revents & w->events) == w->events;
}

short await_events(int fd, short events)
{
	struct wanted w = { .fd = fd, .events = events };

	if (!await(has_events, &w))
		note("waited in vain for events %#x", events);
	return w.have;
}

int readable_bytes(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) ? -errno : n;
}

static bool has_bytes(void *arg)
{
	struct wanted *w = arg;

	return readable_bytes(w->fd) >= w->bytes;
}

void await_bytes(int fd, int n)
{
	struct wanted w = { .fd = fd, .bytes = n };

	if (!await(has_bytes, &w))
		give_up("%d bytes can be read where %d were expected", readable_bytes(fd), n);
}

static bool is_sent(void *arg)
{
	struct wanted *w = arg;
	int n = 1;

	return ioctl(w->fd, SIOCOUTQ, &n) || !n;
}

void await_sent(int fd)
{
	struct wanted w = { .fd = fd };

	if (!await(is_sent, &w))
		give_up("bytes that were sent are not acknowledged");
}

void pass(int from, int to, const char *text)
{
	int before = readable_bytes(to);
	ssize_t len = strlen(text), n;

	n = send(from, text, len, MSG_NOSIGNAL);
	if (n != len)
		give_up("send of %zd bytes: %zd %s", len, n, n < 0 ? strerror(errno) : "");
	await_bytes(to, before + len);
}

static void *later_thread(void *arg)
{
	struct later *later = arg;

	__atomic_store_n(&later->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	errno = 0;
	later->ret = later->run(later);
	later->err = errno;
	__atomic_store_n(&later->tid, -1, __ATOMIC_RELEASE);
	return NULL;
}

/* Whether the thread sleeps, or has made its call. */
static bool is_blocked(void *arg)
{
	struct later *later = arg;
	pid_t tid = __atomic_load_n(&later->tid, __ATOMIC_ACQUIRE);
	char path[64], text[256], state = 0;
	char *end;
	FILE *f;

	if (!tid)
		return false;
	if (tid < 0)
		return true;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return true;
	if (fgets(text, sizeof(text), f)) {
		end = strrchr(text, ')');
		if (end)
			state = end[2];
	}
	fclose(f);
	return state == 'S';
}

void later_start(struct later *later)
{
	later->tid = 0;
	if (pthread_create(&later->thread, NULL, later_thread, later))
		give_up("no thread");
	if (!await(is_blocked, later))
		give_up("a thread neither sleeps nor returns");
}

long later_end(struct later *later)
{
	pthread_join(later->thread, NULL);
	errno = later->err;
	return later->ret;
}

static long run_recv(struct later *later)
{
	return recv(later->fd, later->data, later->len, later->flags);
}

void later_recv(struct later *later, int fd, size_t len, int flags)
{
	*later = (struct later){ .run = run_recv, .fd = fd, .len = len, .flags = flags };
	if (len > sizeof(later->data))
		give_up("a later recv of %zu bytes", len);
	later_start(later);
}

static long run_poll(struct later *later)
{
	struct pollfd p = { .fd = later->fd, .events = later->events };
	long ret = poll(&p, 1, PATIENCE * 1000);

	later->events = p.revents;
	return ret;
}

void later_poll(struct later *later, int fd, short events)
{
	*later = (struct later){ .run = run_poll, .fd = fd, .events = events };
	later_start(later);
}

void fill_bytes(void *data, uint64_t offset, size_t len)
{
	unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t at = (offset + i) * 0x9e3779b97f4a7c15ULL;

		p[i] = at >> 56;
	}
}

uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}
