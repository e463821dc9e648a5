// SPDX-License-Identifier: GPL-2.0-only
/* Many handshakes at once. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "tls_engine.h"

/* Handshakes that go on before others of the same process get their turn. */
#define RUN_EVENTS	32
/* Bytes that are taken from a peer that is refused, so that it sees the alert, no reset. */
#define DISCARD		(64 * 1024)

/**
 * struct slot - a handshake
 * @generation: how often the slot was used: events of a former handshake are told by it
 * @handshake: NULL: the slot is free
 * @events: what epoll waits for
 * @deadline: milliseconds of the monotonic clock
 * @next: of the list by deadline, or of free slots; -1: the last
 * @prev: of the list by deadline
 */
struct slot {
	uint32_t generation;
	struct tls_handshake *handshake;
	struct tls_outcome outcome;
	int fd;
	uint32_t events;
	uint64_t deadline;
	tls_done done;
	void *owner;
	int next, prev;
};

struct tls_engine {
	int epoll;
	size_t max, n;
	int first, last;	/* by deadline */
	int free;
	uint64_t count[TLS_FAILURES], refused;
	struct slot slot[];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t number_of(const struct tls_engine *e, int i)
{
	return (uint64_t)e->slot[i].generation << 32 | i;
}

/* The slot of a handshake that is under way, or -1. */
static int slot_of(const struct tls_engine *e, uint64_t number)
{
	uint32_t i = number;

	if (i >= e->max || !e->slot[i].handshake || e->slot[i].generation != number >> 32)
		return -1;
	return i;
}

struct tls_engine *tls_engine_new(size_t max)
{
	struct tls_engine *e;
	size_t i;

	if (!max || max > TLS_ENGINE_MAX) {
		errno = EINVAL;
		return NULL;
	}
	e = calloc(1, sizeof(*e) + max * sizeof(e->slot[0]));
	if (!e)
		return NULL;
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll < 0) {
		free(e);
		return NULL;
	}
	e->max = max;
	e->first = -1;
	e->last = -1;
	for (i = 0; i < max; i++)
		e->slot[i].next = i + 1 < max ? (int)i + 1 : -1;
	return e;
}

/* Mostly all have the same time, so the place is the end. */
static void enqueue(struct tls_engine *e, int i)
{
	struct slot *s = &e->slot[i];
	int after = e->last;

	while (after >= 0 && e->slot[after].deadline > s->deadline)
		after = e->slot[after].prev;
	s->prev = after;
	s->next = after >= 0 ? e->slot[after].next : e->first;
	if (s->next >= 0)
		e->slot[s->next].prev = i;
	else
		e->last = i;
	if (after >= 0)
		e->slot[after].next = i;
	else
		e->first = i;
}

static void dequeue(struct tls_engine *e, int i)
{
	struct slot *s = &e->slot[i];

	if (s->prev >= 0)
		e->slot[s->prev].next = s->next;
	else
		e->first = s->next;
	if (s->next >= 0)
		e->slot[s->next].prev = s->prev;
	else
		e->last = s->prev;
}

/* Back to the free ones. The socket is the caller's. */
static void release(struct tls_engine *e, int i)
{
	struct slot *s = &e->slot[i];

	tls_handshake_free(s->handshake);
	s->handshake = NULL;
	s->generation++;
	s->next = e->free;
	e->free = i;
	e->n--;
}

/* The socket may live on in somebody else's hands: epoll must forget it. */
static int take_fd(struct tls_engine *e, int i)
{
	int fd = e->slot[i].fd;

	epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
	e->slot[i].fd = -1;
	dequeue(e, i);
	return fd;
}

/* Closing with input unread would reset the connection, and the alert could be lost. */
static void close_refused(int fd)
{
	char scrap[4096];
	size_t left = DISCARD;
	ssize_t n;

	shutdown(fd, SHUT_WR);
	do {
		n = recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT);
		left -= n > 0 ? n : 0;
	} while (n > 0 && left >= sizeof(scrap));
	close(fd);
}

static void finish(struct tls_engine *e, int i)
{
	struct slot *s = &e->slot[i];
	int fd = take_fd(e, i);

	e->count[s->outcome.failure]++;
	if (s->outcome.failure != TLS_DONE) {
		close_refused(fd);
		fd = -1;
	}
	s->done(s->owner, fd, &s->outcome);
	release(e, i);
}

uint64_t tls_engine_start(struct tls_engine *e, struct tls_context *context, int fd,
			  unsigned int timeout_ms, tls_done done, void *owner)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int i = e->free, flags = fcntl(fd, F_GETFL);
	struct slot *s;

	if (i < 0) {
		e->refused++;
		errno = EAGAIN;
		return 0;
	}
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return 0;
	s = &e->slot[i];
	s->handshake = tls_handshake_new(context, fd, &s->outcome);
	if (!s->handshake) {
		e->count[s->outcome.failure]++;
		errno = s->outcome.failure == TLS_OWN_CERTIFICATE ? ENOKEY : ENOMEM;
		return 0;
	}
	if (!s->generation)
		s->generation = 1;
	/* The first step is made when the socket can be written, which means connected. */
	event.data.u64 = number_of(e, i);
	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event)) {
		flags = errno;
		tls_handshake_free(s->handshake);
		s->handshake = NULL;
		errno = flags;
		return 0;
	}
	e->free = s->next;
	e->n++;
	s->fd = fd;
	s->events = event.events;
	s->done = done;
	s->owner = owner;
	s->deadline = now_ms() + (timeout_ms ? timeout_ms : TLS_ENGINE_TIMEOUT_MS);
	enqueue(e, i);
	return event.data.u64;
}

void tls_engine_cancel(struct tls_engine *e, uint64_t number)
{
	int i = slot_of(e, number);

	/* One whose @done is running has given its socket away. */
	if (i < 0 || e->slot[i].fd < 0)
		return;
	close(take_fd(e, i));
	release(e, i);
}

static void step(struct tls_engine *e, int i)
{
	struct slot *s = &e->slot[i];
	struct epoll_event event = { .data.u64 = number_of(e, i) };

	switch (tls_handshake_step(s->handshake)) {
	case TLS_WANT_READ:
		event.events = EPOLLIN;
		break;
	case TLS_WANT_WRITE:
		event.events = EPOLLOUT;
		break;
	default:
		finish(e, i);
		return;
	}
	if (event.events == s->events)
		return;
	s->events = event.events;
	if (epoll_ctl(e->epoll, EPOLL_CTL_MOD, s->fd, &event)) {
		s->outcome.failure = TLS_SYSTEM;
		strcpy(s->outcome.detail, "epoll_ctl failed");
		finish(e, i);
	}
}

static void end_late(struct tls_engine *e)
{
	uint64_t now = now_ms();
	struct slot *s;

	while (e->first >= 0 && e->slot[e->first].deadline <= now) {
		s = &e->slot[e->first];
		s->outcome.failure = TLS_TIMEOUT;
		strcpy(s->outcome.detail, "it was not done in time");
		finish(e, e->first);
	}
}

void tls_engine_run(struct tls_engine *e)
{
	struct epoll_event event[RUN_EVENTS];
	int n = epoll_wait(e->epoll, event, RUN_EVENTS, 0), i, slot;

	for (i = 0; i < n; i++) {
		/* It may have been cancelled by the end of one before it. */
		slot = slot_of(e, event[i].data.u64);
		if (slot >= 0 && e->slot[slot].fd >= 0)
			step(e, slot);
	}
	end_late(e);
}

int tls_engine_fd(const struct tls_engine *e)
{
	return e->epoll;
}

int tls_engine_timeout(const struct tls_engine *e)
{
	uint64_t now, at;

	if (e->first < 0)
		return -1;
	now = now_ms();
	at = e->slot[e->first].deadline;
	if (at <= now)
		return 0;
	return at - now < INT_MAX ? (int)(at - now) : INT_MAX;
}

size_t tls_engine_under_way(const struct tls_engine *e)
{
	return e->n;
}

uint64_t tls_engine_count(const struct tls_engine *e, enum tls_failure failure)
{
	return e->count[failure];
}

uint64_t tls_engine_refused(const struct tls_engine *e)
{
	return e->refused;
}

void tls_engine_free(struct tls_engine *e)
{
	if (!e)
		return;
	while (e->first >= 0)
		tls_engine_cancel(e, number_of(e, e->first));
	close(e->epoll);
	free(e);
}
