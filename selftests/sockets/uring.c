// SPDX-License-Identifier: GPL-2.0-only
/* io_uring: the same calls, submitted. */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include "sockets.h"

static struct io_uring ring;

static void ring_open(void)
{
	int err = io_uring_queue_init(64, &ring, 0);

	if (err)
		give_up("io_uring: %s", strerror(-err));
}

static struct io_uring_sqe *sqe(uint64_t id)
{
	struct io_uring_sqe *s = io_uring_get_sqe(&ring);

	if (!s)
		give_up("no submission entry");
	/* Preparing an entry clears it; the id is set when it is submitted. */
	s->user_data = id;
	return s;
}

static void submit(struct io_uring_sqe *s, uint64_t id)
{
	s->user_data = id;
	io_uring_submit(&ring);
}

/* The next completion; its result as errno says it. */
static long complete(uint64_t *id, unsigned int *flags)
{
	struct __kernel_timespec limit = { .tv_sec = PATIENCE };
	struct io_uring_cqe *c;
	long res;

	if (io_uring_wait_cqe_timeout(&ring, &c, &limit))
		give_up("no completion");
	res = c->res;
	if (id)
		*id = c->user_data;
	if (flags)
		*flags = c->flags;
	io_uring_cqe_seen(&ring, c);
	if (res < 0) {
		errno = -res;
		return -1;
	}
	return res;
}

static void see_recv_done(const char *key, const void *data)
{
	see_bytes(key, complete(NULL, NULL), data);
}

static void simple(void)
{
	struct io_uring_sqe *s;
	char data[64];
	struct pair p;

	ring_open();
	pair_open(&p);
	s = sqe(0);
	io_uring_prep_send(s, p.a, "hello", 5, 0);
	submit(s, 1);
	see_call("send", complete(NULL, NULL));
	await_bytes(p.b, 5);
	s = sqe(0);
	io_uring_prep_recv(s, p.b, data, sizeof(data), 0);
	submit(s, 2);
	see_recv_done("recv", data);
	s = sqe(0);
	io_uring_prep_recv(s, p.b, data, sizeof(data), MSG_DONTWAIT);
	submit(s, 3);
	see_recv_done("recv with MSG_DONTWAIT", data);
	pair_close(&p);
}

static void pending(void)
{
	struct io_uring_sqe *s;
	char data[64];
	struct pair p;

	ring_open();
	pair_open(&p);
	s = sqe(0);
	io_uring_prep_recv(s, p.a, data, sizeof(data), 0);
	submit(s, 1);
	send(p.b, "later", 5, 0);
	see_recv_done("recv that was pending", data);
	s = sqe(0);
	io_uring_prep_recv(s, p.a, data, 6, MSG_WAITALL);
	submit(s, 2);
	send(p.b, "abc", 3, 0);
	send(p.b, "def", 3, 0);
	see_recv_done("recv with MSG_WAITALL", data);
	s = sqe(0);
	io_uring_prep_recv(s, p.a, data, sizeof(data), 0);
	submit(s, 3);
	shutdown(p.b, SHUT_WR);
	see_recv_done("recv at the end", data);
	pair_close(&p);
}

static void polling(void)
{
	struct io_uring_sqe *s;
	struct pair p;

	ring_open();
	pair_open(&p);
	s = sqe(0);
	io_uring_prep_poll_add(s, p.a, POLLIN);
	submit(s, 1);
	send(p.b, "abc", 3, 0);
	see_events("poll", complete(NULL, NULL));
	see_recv("recv", p.a, 64, 0);
	s = sqe(0);
	io_uring_prep_poll_add(s, p.a, POLLRDHUP);
	submit(s, 2);
	shutdown(p.b, SHUT_WR);
	see_events("poll for the end", complete(NULL, NULL));
	pair_close(&p);
}

static void messages(void)
{
	char one[4], two[64];
	struct iovec out[2] = { { "abc", 3 }, { "defgh", 5 } };
	struct iovec in[2] = { { one, 4 }, { two, 64 } };
	struct msghdr m = { .msg_iov = out, .msg_iovlen = 2 };
	struct io_uring_sqe *s;
	struct pair p;
	long n;

	ring_open();
	pair_open(&p);
	s = sqe(0);
	io_uring_prep_sendmsg(s, p.a, &m, 0);
	submit(s, 1);
	see_call("sendmsg", complete(NULL, NULL));
	await_bytes(p.b, 8);
	m.msg_iov = in;
	s = sqe(0);
	io_uring_prep_recvmsg(s, p.b, &m, 0);
	submit(s, 2);
	n = complete(NULL, NULL);
	see_call("recvmsg", n);
	see_bytes("first part", 4, one);
	see_bytes("second part", n - 4, two);
	s = sqe(0);
	io_uring_prep_writev(s, p.a, out, 2, 0);
	submit(s, 3);
	see_call("writev", complete(NULL, NULL));
	await_bytes(p.b, 8);
	s = sqe(0);
	io_uring_prep_read(s, p.b, two, sizeof(two), 0);
	submit(s, 4);
	see_recv_done("read", two);
	pair_close(&p);
}

static void multishot(void)
{
	static char space[8][64];
	struct io_uring_sqe *s;
	unsigned int flags;
	struct pair p;
	long n;
	int i;

	ring_open();
	pair_open(&p);
	s = sqe(0);
	io_uring_prep_provide_buffers(s, space, 64, 8, 1, 0);
	submit(s, 1);
	see_call("buffers", complete(NULL, NULL));
	s = sqe(0);
	io_uring_prep_recv_multishot(s, p.a, NULL, 0, 0);
	s->flags |= IOSQE_BUFFER_SELECT;
	s->buf_group = 1;
	submit(s, 2);
	for (i = 0; i < 4; i++) {
		char text[2] = { 'a' + i, 0 };

		send(p.b, text, 1, 0);
		n = complete(NULL, &flags);
		see_bytes("arrival", n, space[flags >> IORING_CQE_BUFFER_SHIFT]);
		see("more to come", "%s", flags & IORING_CQE_F_MORE ? "yes" : "no");
	}
	shutdown(p.b, SHUT_WR);
	n = complete(NULL, &flags);
	see_call("end", n);
	see("more to come", "%s", flags & IORING_CQE_F_MORE ? "yes" : "no");
	pair_close(&p);
}

static void zero_copy(void)
{
	static char data[30000], got[30000];
	struct io_uring_sqe *s;
	unsigned int flags;
	struct pair p;
	long n;

	ring_open();
	pair_open(&p);
	fill_bytes(data, 0, sizeof(data));
	s = sqe(0);
	io_uring_prep_send_zc(s, p.a, data, sizeof(data), 0, 0);
	submit(s, 1);
	n = complete(NULL, &flags);
	see_call("send_zc", n);
	see_bytes("recv", recv(p.b, got, sizeof(got), MSG_WAITALL), got);
	if (flags & IORING_CQE_F_MORE) {
		complete(NULL, &flags);
		see("notified", "%s", flags & IORING_CQE_F_NOTIF ? "yes" : "no");
	}
	pair_close(&p);
}

static void cancel(void)
{
	struct io_uring_sqe *s;
	char data[64];
	uint64_t id;
	struct pair p;
	long n[3] = {};
	int i;

	ring_open();
	pair_open(&p);
	s = sqe(0);
	io_uring_prep_recv(s, p.a, data, sizeof(data), 0);
	submit(s, 1);
	s = sqe(0);
	io_uring_prep_cancel64(s, 1, 0);
	submit(s, 2);
	for (i = 0; i < 2; i++) {
		long res = complete(&id, NULL);

		n[id] = res < 0 ? -errno : res;
	}
	see("cancelled recv", "%ld", n[1]);
	see("cancel", "%ld", n[2]);
	pass(p.b, p.a, "abc");
	see_recv("nothing was lost", p.a, 64, 0);
	pair_close(&p);
}

static void connecting(void)
{
	int l = listen_here(4), c = stream_socket(0), server;
	struct io_uring_sqe *s;
	uint64_t id;
	long res[3] = {};
	char data[8];
	int i;

	ring_open();
	s = sqe(0);
	io_uring_prep_accept(s, l, NULL, NULL, SOCK_CLOEXEC);
	submit(s, 1);
	s = sqe(0);
	io_uring_prep_connect(s, c, (struct sockaddr *)&place.address, place.len);
	submit(s, 2);
	for (i = 0; i < 2; i++) {
		long n = complete(&id, NULL);

		res[id] = n < 0 ? -errno : n;
	}
	server = res[1];
	see("accept", "%s", server >= 0 ? "ok" : strerror(-server));
	see("connect", "%ld", res[2]);
	pass(c, server, "abc");
	see_recv("recv", server, 8, 0);
	s = sqe(0);
	io_uring_prep_shutdown(s, c, SHUT_WR);
	submit(s, 1);
	see_call("shutdown", complete(NULL, NULL));
	s = sqe(0);
	io_uring_prep_recv(s, server, data, 8, 0);
	submit(s, 1);
	see_recv_done("end", data);
	close(server);
	close(c);
	close(l);
}

static void linked(void)
{
	struct io_uring_sqe *one, *two;
	char data[64];
	struct pair p;

	/* Two sends in order, though both are submitted at once. */
	ring_open();
	pair_open(&p);
	one = sqe(1);
	io_uring_prep_send(one, p.a, "first ", 6, 0);
	one->flags |= IOSQE_IO_LINK;
	two = sqe(2);
	io_uring_prep_send(two, p.a, "second", 6, 0);
	io_uring_submit(&ring);
	see_call("first", complete(NULL, NULL));
	see_call("second", complete(NULL, NULL));
	see_bytes("recv", recv(p.b, data, 12, MSG_WAITALL), data);
	pair_close(&p);
}

static void bulk(void)
{
	static char data[100000], got[100000];
	struct io_uring_sqe *s;
	uint64_t hash = HASH_SEED, id;
	long sent = 0, have = 0, n;
	struct pair p;
	int i;

	/* Sends and receives under way at the same time, one of each. */
	ring_open();
	pair_open(&p);
	for (i = 0; i < 20; i++) {
		fill_bytes(data, i, sizeof(data));
		sent = 0;
		have = 0;
		s = sqe(0);
		io_uring_prep_send(s, p.a, data, sizeof(data), MSG_WAITALL);
		submit(s, 1);
		s = sqe(0);
		io_uring_prep_recv(s, p.b, got, sizeof(got), MSG_WAITALL);
		submit(s, 2);
		while (sent < (long)sizeof(data) || have < (long)sizeof(got)) {
			n = complete(&id, NULL);
			if (n <= 0)
				give_up("operation %d: %s", (int)id, strerror(errno));
			if (id == 1)
				sent += n;
			else
				have += n;
			s = NULL;
			if (id == 1 && sent < (long)sizeof(data)) {
				s = sqe(0);
				io_uring_prep_send(s, p.a, data + sent, sizeof(data) - sent,
						   MSG_WAITALL);
			} else if (id == 2 && have < (long)sizeof(got)) {
				s = sqe(0);
				io_uring_prep_recv(s, p.b, got + have, sizeof(got) - have,
						   MSG_WAITALL);
			}
			if (s)
				submit(s, id);
		}
		hash = hash_bytes(hash, got, sizeof(got));
	}
	see("received", "hash %016llx", (unsigned long long)hash);
	pair_close(&p);
}

const struct scenario uring_scenarios[] = {
	SCENARIO("uring-simple", simple),
	SCENARIO("uring-pending", pending),
	SCENARIO("uring-poll", polling),
	SCENARIO("uring-messages", messages),
	SCENARIO("uring-multishot", multishot),
	SCENARIO("uring-send-zc", zero_copy),
	SCENARIO("uring-cancel", cancel),
	ONCE("uring-connect", connecting),
	SCENARIO("uring-linked", linked),
	SCENARIO("uring-bulk", bulk),
	{}
};
