/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios: programs that use connected TCP sockets and write down what they
 * observe, so that two runs can be compared line by line. A scenario may
 * observe only what does not depend on timing: it waits for the condition
 * under which it looks, and never for a while.
 */
#ifndef _L7FP_SOCKETS_H
#define _L7FP_SOCKETS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/types.h>

/* Seconds after which a condition that is waited for counts as not met. */
#define PATIENCE	10

struct scenario {
	const char *name;
	void (*run)(void);
	/* Not run a second time with the ends' roles changed. */
	bool once;
};

#define SCENARIO(scenario, function)	{ .name = scenario, .run = function }
#define ONCE(scenario, function)	{ .name = scenario, .run = function, .once = true }

extern const struct scenario receive_scenarios[], send_scenarios[], poll_scenarios[],
	epoll_scenarios[], shutdown_scenarios[], close_scenarios[], connect_scenarios[],
	accept_scenarios[], option_scenarios[], info_scenarios[], splice_scenarios[],
	descriptor_scenarios[], thread_scenarios[], bulk_scenarios[], pressure_scenarios[],
	urgent_scenarios[], zerocopy_scenarios[], uring_scenarios[], tls_scenarios[],
	filter_scenarios[];

/* ---- trace.c: what was observed */

/* One observation; @key says what was looked at. */
void see(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A system call's result: its value, or the name of errno. */
void see_call(const char *key, long ret);
/* The result of a call that read into @data: value and bytes (a hash of many). */
void see_bytes(const char *key, long ret, const void *data);
void see_events(const char *key, short revents);
/* recv() and its result. */
long see_recv(const char *key, int fd, size_t len, int flags);
/* An int option, or why it cannot be had. */
void see_option(const char *key, int fd, int level, int name);
/* What is a fact of this run, not compared. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t hash_bytes(uint64_t hash, const void *data, size_t len);
#define HASH_SEED	0xcbf29ce484222325ULL

/* The scenario cannot be run to its end: the trace says why, and the process ends. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- pair.c: connected sockets */

/**
 * struct pair - the two ends of one connection
 * @listener: where the server end was accepted
 * @a: the end that the scenario tries; the client, or the server when @swapped
 * @b: its peer
 */
struct pair {
	int listener, a, b;
};

struct place {
	struct sockaddr_storage address;	/* where servers listen */
	socklen_t len;
	uint16_t refused;			/* a port where nobody listens */
	bool swapped;
};

extern struct place place;

void pair_open(struct pair *p);
/* As pair_open(), with buffers of about these sizes where not 0, of both ends. */
void pair_open_sized(struct pair *p, int sndbuf, int rcvbuf);
void pair_close(struct pair *p);
int listen_here(int backlog);
int stream_socket(int flags);
int connect_here(int fd);
struct sockaddr_storage refused_address(void);
int set_int(int fd, int level, int name, int value);
int get_int(int fd, int level, int name);
void set_nonblocking(int fd);
void set_timeout(int fd, int name, int ms);
/* Says whether both ends are joined. */
void note_joined(const struct pair *p);

/* ---- wait.c: conditions */

/* Until @fd has all of @events; what it has in the end. */
short await_events(int fd, short events);
/* Until @n bytes can be read from @fd. */
void await_bytes(int fd, int n);
/* Until all that was written to @fd was acknowledged. */
void await_sent(int fd);
/* Sends all of @text on @from and waits until it can be read from @to. */
void pass(int from, int to, const char *text);
/* Until @condition(@arg) holds; false when it never does. */
bool await(bool (*condition)(void *arg), void *arg);
int readable_bytes(int fd);

/**
 * struct later - a call that another thread makes, and its result
 * @run: makes the call
 */
struct later {
	long (*run)(struct later *later);
	int fd, flags;
	size_t len;
	long ret;
	int err;
	short events;
	char data[4096];
	pthread_t thread;
	pid_t tid;
};

/* Starts the call; returns when its thread sleeps in it, or it has returned. */
void later_start(struct later *later);
void later_recv(struct later *later, int fd, size_t len, int flags);
void later_poll(struct later *later, int fd, short events);
/* Waits for the call; errno is the call's. */
long later_end(struct later *later);

/* ---- bytes that depend on their place alone */

void fill_bytes(void *data, uint64_t offset, size_t len);
/* A generator with a sequence of its own for each @state. */
uint32_t next_random(uint64_t *state);

#endif /* _L7FP_SOCKETS_H */
