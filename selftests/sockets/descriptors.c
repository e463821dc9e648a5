// SPDX-License-Identifier: GPL-2.0-only
/* More than one descriptor, or process, for one socket. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "sockets.h"

static void duplicate(void)
{
	struct pair p;
	int two;

	pair_open(&p);
	two = dup(p.a);
	pass(p.b, p.a, "abcdef");
	see_recv("one", p.a, 3, 0);
	see_recv("the other", two, 3, 0);
	see_call("close of one", close(p.a));
	pass(p.b, two, "ghi");
	see_recv("the other still reads", two, 64, 0);
	see_call("and writes", send(two, "jkl", 3, 0));
	see_recv("peer", p.b, 64, 0);
	close(two);
	see_recv("end after the last close", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void send_fd(int to, int fd)
{
	union {
		struct cmsghdr c;
		char space[CMSG_SPACE(sizeof(int))];
	} u = { .c = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS } };
	struct iovec v = { "f", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u,
			    .msg_controllen = sizeof(u) };

	memcpy(CMSG_DATA(&u.c), &fd, sizeof(fd));
	if (sendmsg(to, &m, 0) != 1)
		give_up("sendmsg: %s", strerror(errno));
}

static int recv_fd(int from)
{
	union {
		struct cmsghdr c;
		char space[CMSG_SPACE(sizeof(int))];
	} u;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u,
			    .msg_controllen = sizeof(u) };
	int fd = -1;

	if (recvmsg(from, &m, 0) != 1)
		give_up("recvmsg: %s", strerror(errno));
	memcpy(&fd, CMSG_DATA(&u.c), sizeof(fd));
	return fd;
}

static void handed_over(void)
{
	int unix_pair[2], status, fd;
	char data[64] = "";
	struct pair p;
	pid_t pid;

	/* Another process gets the socket while bytes are in it, and goes on. */
	pair_open(&p);
	pass(p.b, p.a, "before ");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair))
		give_up("socketpair");
	pid = fork();
	if (!pid) {
		close(p.a);
		close(p.b);
		fd = recv_fd(unix_pair[1]);
		recv(fd, data, 12, MSG_WAITALL);
		send(fd, data, strlen(data), 0);
		_exit(0);
	}
	send_fd(unix_pair[0], p.a);
	close(p.a);
	send(p.b, "after", 5, 0);
	see_recv("answer of the other process", p.b, 12, MSG_WAITALL);
	waitpid(pid, &status, 0);
	see("its status", "%d", status);
	see_recv("end when it is gone", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void forked(void)
{
	char data[64];
	struct pair p;
	int status;
	pid_t pid;

	pair_open(&p);
	pid = fork();
	if (!pid) {
		close(p.b);
		if (recv(p.a, data, 3, MSG_WAITALL) != 3)
			_exit(1);
		send(p.a, "child", 5, 0);
		_exit(0);
	}
	send(p.b, "abc", 3, 0);
	see_recv("from the child", p.b, 5, MSG_WAITALL);
	waitpid(pid, &status, 0);
	see("its status", "%d", status);
	see_call("send by the parent", send(p.a, "parent", 6, 0));
	see_recv("from the parent", p.b, 6, MSG_WAITALL);
	close(p.a);
	see_recv("end", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void killed(void)
{
	struct pair p;
	int pipes[2];
	pid_t pid;
	char c;

	/* A process that dies closes its sockets: in order, not with a reset. */
	pair_open(&p);
	if (pipe(pipes))
		give_up("pipe");
	pid = fork();
	if (!pid) {
		close(p.b);
		send(p.a, "last", 4, 0);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(p.a);
	if (read(pipes[0], &c, 1) != 1)
		give_up("read");
	kill(pid, 9);
	waitpid(pid, NULL, 0);
	see_recv("what it sent", p.b, 64, MSG_WAITALL);
	see_recv("end", p.b, 64, 0);
	close(p.b);
	close(p.listener);
}

static void executed(void)
{
	char text[16];
	struct pair p;
	int status;
	pid_t pid;

	pair_open(&p);
	fcntl(p.a, F_SETFD, 0);
	snprintf(text, sizeof(text), "%d", p.a);
	pid = fork();
	if (!pid) {
		dup2(p.a, 0);
		dup2(p.a, 1);
		execlp("tr", "tr", "a-z", "A-Z", NULL);
		_exit(127);
	}
	close(p.a);
	send(p.b, "through another program", 23, 0);
	shutdown(p.b, SHUT_WR);
	see_recv("its answer", p.b, 64, MSG_WAITALL);
	see_recv("end", p.b, 64, 0);
	waitpid(pid, &status, 0);
	see("its status", "%d", status);
	close(p.b);
	close(p.listener);
}

static void fetched(void)
{
	int pidfd, two;
	struct pair p;

	pair_open(&p);
	pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	two = syscall(SYS_pidfd_getfd, pidfd, p.a, 0);
	see("pidfd_getfd", "%s", two < 0 ? strerrorname_np(errno) : "ok");
	pass(p.b, two, "abc");
	see_recv("recv", two, 64, 0);
	close(two);
	pass(p.b, p.a, "def");
	see_recv("the first one still reads", p.a, 64, 0);
	pair_close(&p);
}

static void reopened(void)
{
	char path[64];
	struct pair p;

	pair_open(&p);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p.a);
	see_call("open of the descriptor's path", open(path, O_RDWR));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", p.a);
	see("fdinfo", "%s", access(path, R_OK) ? strerrorname_np(errno) : "ok");
	pair_close(&p);
}

static void shared_flags(void)
{
	struct pair p;
	int two;

	/* O_NONBLOCK belongs to the open file, not to the descriptor. */
	pair_open(&p);
	two = dup(p.a);
	set_nonblocking(two);
	see_recv("recv by the other descriptor", p.a, 8, 0);
	close(two);
	pair_close(&p);
}

const struct scenario descriptor_scenarios[] = {
	SCENARIO("fd-dup", duplicate),
	SCENARIO("fd-rights", handed_over),
	SCENARIO("fd-fork", forked),
	SCENARIO("fd-killed", killed),
	SCENARIO("fd-exec", executed),
	SCENARIO("fd-pidfd", fetched),
	SCENARIO("fd-reopen", reopened),
	SCENARIO("fd-flags", shared_flags),
	{}
};
