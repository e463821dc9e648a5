// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records below a wire port, and the first look at what a client speaks.
 *
 * tls_sw_read_sock() gives data records to an actor, and stops before any other one: those are
 * taken with recvmsg, which tells their type. Kernels before 6.14 cannot change keys, so a
 * KeyUpdate ends the connection.
 */
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/tls.h>
#include <net/tcp.h>
#include <net/tls.h>
#include <net/tls_prot.h>
#include "client_hello.h"
#include "tls.h"
#include "wire.h"

#define HANDSHAKE_HEAD		4	/* type and length: RFC 8446 section 4 */
#define NEW_SESSION_TICKET	4
#define KEY_UPDATE		24
#define LIMIT_GCM_RECORDS	23726566	/* 2^24.5 */

int l7fp_tls_new(struct l7fp_port *port, bool client, u32 mode, u32 id)
{
	struct l7fp_tls *tls = kzalloc(sizeof(*tls), GFP_KERNEL);

	if (!tls)
		return -ENOMEM;
	tls->port = port;
	tls->client = client;
	tls->mode = mode;
	tls->id = id;
	tls->failure = -1;
	INIT_LIST_HEAD(&tls->list);
	port->tls = tls;
	return 0;
}

void l7fp_tls_free(struct l7fp_port *port)
{
	if (!port->tls)
		return;
	kfree(port->tls->client_cert.data);
	/* A callback of the socket may look at it still. */
	kfree_rcu(port->tls, rcu);
	port->tls = NULL;
}

int l7fp_tls_make_file(struct socket *sock)
{
	return PTR_ERR_OR_ZERO(sock_alloc_file(sock, O_NONBLOCK, NULL));
}

static void fail(struct l7fp_port *port, u32 failure)
{
	l7fp_handshake_cancel(port->tls);
	l7fp_count(port->ln, tls_handshake[failure]);
	port->tls->counted = true;
	if (!test_and_set_bit(L7FP_PORT_ERROR_SEEN, &port->flags))
		port->events->error(port, failure == L7FP_TLS_TIMEOUT ? -ETIMEDOUT : -EPROTO);
}

/* read_sock actor that takes nothing: the byte is for whoever reads next. */
static int look_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
		      size_t len)
{
	int *first = desc->arg.data;
	u8 byte;

	desc->count = 0;
	if (len && !skb_copy_bits(skb, offset, &byte, 1))
		*first = byte;
	return 0;
}

/* The first byte, or a negative error: -EAGAIN, or -ENODATA at the end. */
static int first_byte(struct socket *sock)
{
	struct sock *sk = sock->sk;
	int first = -EAGAIN;
	read_descriptor_t desc = { .arg.data = &first, .count = 1 };

	lock_sock(sk);
	if (sk->sk_state != TCP_CLOSE)
		sock->ops->read_sock(sk, &desc, look_actor);
	if (first < 0 && (sk->sk_state == TCP_CLOSE || (sk->sk_shutdown & RCV_SHUTDOWN)))
		first = -ENODATA;
	release_sock(sk);
	return first;
}

static void begin_to_shake(struct l7fp_port *port)
{
	struct l7fp_tls *tls = port->tls;

	tls->deadline = jiffies + msecs_to_jiffies(L7FP_HANDSHAKE_MS);
	/* A client has the time to connect, which is running. */
	if (!tls->client)
		l7fp_port_arm(port, L7FP_HANDSHAKE_MS);
	WRITE_ONCE(tls->state, L7FP_TLS_SHAKE);
	if (!l7fp_handshake_queue(tls))
		fail(port, L7FP_TLS_OVERFLOW);
}

enum whose {
	NOT_YET_KNOWN,
	THE_MESH,
	THE_APPLICATION,
};

/*
 * Who is to answer the handshake that begins: sidecars offer a protocol of Istio's. What is no
 * ClientHello is plain text.
 */
static enum whose whose(struct l7fp_port *port)
{
	const struct tcp_sock *tp = tcp_sk(port->sock->sk);
	enum whose who = NOT_YET_KNOWN;
	struct l7fp_client_hello hello;
	struct msghdr msg = {};
	struct kvec vec;
	int n, got;

	/* What has come; a byte more where FIN has. What comes meanwhile is looked at next. */
	vec.iov_len = min_t(u32, READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq),
			    L7FP_MAX_CLIENT_HELLO);
	vec.iov_base = kvmalloc(vec.iov_len, GFP_KERNEL);
	if (!vec.iov_base)
		return THE_MESH;
	n = kernel_recvmsg(port->sock, &msg, &vec, 1, vec.iov_len, MSG_PEEK | MSG_DONTWAIT);
	got = n > 0 ? l7fp_client_hello(&hello, vec.iov_base, n) : L7FP_CLIENT_HELLO_MORE;
	if (got == 1 && l7fp_client_hello_offers(&hello, vec.iov_base, "istio"))
		who = THE_MESH;
	else if (got != L7FP_CLIENT_HELLO_MORE)
		who = THE_APPLICATION;
	kvfree(vec.iov_base);
	return who;
}

/* The client begins a handshake. False: it is not for us. */
static bool look_further(struct l7fp_port *port)
{
	struct l7fp_tls *tls = port->tls;

	switch (tls->passes ? whose(port) : THE_MESH) {
	case THE_APPLICATION:
		l7fp_count(port->ln, tls_passed);
		WRITE_ONCE(tls->state, L7FP_TLS_OFF);
		return false;
	case THE_MESH:
		begin_to_shake(port);
		return true;
	case NOT_YET_KNOWN:
		break;
	}
	if (READ_ONCE(port->sock->sk->sk_shutdown) & RCV_SHUTDOWN)
		fail(port, L7FP_TLS_CLOSED);
	else if (tls->late)
		fail(port, L7FP_TLS_TIMEOUT);
	return true;
}

/* What the client speaks. False: plain text, which it may. */
static bool look(struct l7fp_port *port)
{
	bool permissive = port->tls->mode == L7FP_TLS_PERMISSIVE;
	int first = first_byte(port->sock);

	if (first == TLS_RECORD_TYPE_HANDSHAKE)
		return look_further(port);
	if (first == -EAGAIN && !port->tls->late)
		return true;
	if (permissive) {
		WRITE_ONCE(port->tls->state, L7FP_TLS_OFF);
		return false;
	}
	fail(port, first == -EAGAIN ? L7FP_TLS_TIMEOUT :
		   first == -ENODATA ? L7FP_TLS_CLOSED : L7FP_TLS_PLAIN_TEXT);
	return true;
}

bool l7fp_tls_pending(struct l7fp_port *port)
{
	struct l7fp_tls *tls = port->tls;

	/* Pairs with the releases of handshake.c. */
	switch (smp_load_acquire(&tls->state)) {
	case L7FP_TLS_LOOK:
		if (!tls->client)
			return look(port);
		begin_to_shake(port);
		return true;
	case L7FP_TLS_SHAKE:
		if (READ_ONCE(tls->failure) > 0)
			fail(port, tls->failure);
		else if (tls->late)
			fail(port, L7FP_TLS_TIMEOUT);
		return true;
	default:
		return false;
	}
}

void l7fp_tls_expire(struct l7fp_port *port)
{
	port->tls->late = true;
	port->ops->read(port);
}

/* Messages of a handshake record after the handshake. A negative error where it cannot go on. */
static int post_handshake(struct l7fp_port *port, const u8 *data, int len)
{
	int size;

	for (; len; data += size, len -= size) {
		if (len < HANDSHAKE_HEAD)
			return -EPROTO;
		size = HANDSHAKE_HEAD + (data[1] << 16 | data[2] << 8 | data[3]);
		if (size > len)
			return -EPROTO;
		if (data[0] == KEY_UPDATE) {
			l7fp_count(port->ln, tls_key_update);
			return -EKEYEXPIRED;
		}
		/* TLS 1.2 would negotiate anew; certificates are not asked for by us later. */
		if (data[0] != NEW_SESSION_TICKET || port->tls->version != L7FP_TLS_1_3)
			return -EPROTO;
	}
	return 0;
}

static int alert(struct l7fp_port *port, const u8 *data, int len)
{
	if (len != 2)
		return -EPROTO;
	switch (data[1]) {
	case TLS_ALERT_DESC_CLOSE_NOTIFY:
		port->tls->closed = true;
		return 1;
	case TLS_ALERT_DESC_USER_CANCELED:
		return 0;
	}
	l7fp_count(port->ln, tls_alert);
	return -ECONNRESET;
}

/* As tls_get_record_type(), which kernels without NET_HANDSHAKE have not. */
static u8 record_type(const struct cmsghdr *header)
{
	if (header->cmsg_level != SOL_TLS || header->cmsg_type != TLS_GET_RECORD_TYPE)
		return 0;
	return *(const u8 *)CMSG_DATA(header);
}

int l7fp_tls_control(struct l7fp_port *port)
{
	union {
		struct cmsghdr header;
		u8 room[CMSG_SPACE(sizeof(u8))];
	} control = {};
	struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
	struct kvec vec;
	int n;

	vec.iov_base = kvmalloc(L7FP_TLS_MAX_RECORD, GFP_KERNEL);
	vec.iov_len = L7FP_TLS_MAX_RECORD;
	if (!vec.iov_base)
		return -ENOMEM;
	n = kernel_recvmsg(port->sock, &msg, &vec, 1, L7FP_TLS_MAX_RECORD, MSG_DONTWAIT);
	if (n == -EAGAIN) {
		n = 0;
		goto free;
	}
	if (n < 0)
		goto free;
	switch (record_type(&control.header)) {
	case TLS_RECORD_TYPE_ALERT:
		n = alert(port, vec.iov_base, n);
		break;
	case TLS_RECORD_TYPE_HANDSHAKE:
		n = post_handshake(port, vec.iov_base, n);
		break;
	default:
		n = -EPROTO;
	}
free:
	kvfree(vec.iov_base);
	return n;
}

int l7fp_tls_send(struct l7fp_port *port, struct msghdr *msg, u32 bytes)
{
	struct l7fp_tls *tls = port->tls;
	u64 records;
	int sent;

	if (tls->state == L7FP_TLS_OFF)
		return sock_sendmsg(port->sock, msg);
	/* Nothing leaves in plain text that is to be encrypted. */
	if (!l7fp_tls_on(port))
		return -EPIPE;
	if (tls->cipher != L7FP_TLS_CHACHA20_POLY1305 && tls->tx_records >= LIMIT_GCM_RECORDS)
		return -EKEYEXPIRED;
	if (tls->max_record < L7FP_TLS_MAX_RECORD) {
		/* The peer takes smaller records than the kernel would make. */
		iov_iter_truncate(&msg->msg_iter, tls->max_record);
		msg->msg_flags &= ~MSG_MORE;
	}
	sent = sock_sendmsg(port->sock, msg);
	if (sent > 0) {
		records = tls->tx_records + DIV_ROUND_UP(sent, L7FP_TLS_MAX_RECORD);
		WRITE_ONCE(tls->tx_records, records);
	}
	return sent;
}

void l7fp_tls_close_notify(struct l7fp_port *port)
{
	u8 text[2] = { TLS_ALERT_LEVEL_WARNING, TLS_ALERT_DESC_CLOSE_NOTIFY };
	union {
		struct cmsghdr header;
		u8 room[CMSG_SPACE(sizeof(u8))];
	} control = {};
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	struct kvec vec = { .iov_base = text, .iov_len = sizeof(text) };

	if (!l7fp_tls_on(port))
		return;
	control.header.cmsg_level = SOL_TLS;
	control.header.cmsg_type = TLS_SET_RECORD_TYPE;
	control.header.cmsg_len = CMSG_LEN(sizeof(u8));
	*(u8 *)CMSG_DATA(&control.header) = TLS_RECORD_TYPE_ALERT;
	kernel_sendmsg(port->sock, &msg, &vec, 1, sizeof(text));
}

/* What kTLS saved when keys were installed, and calls. The socket is locked. */
static void restore_saved(struct l7fp_port *port, const struct l7fp_tls_callbacks *ours)
{
	struct sock *sk = port->sock->sk;
	const struct tcp_ulp_ops *ulp = inet_csk(sk)->icsk_ulp_ops;
	struct tls_sw_context_rx *rx;
	struct tls_context *ctx;

	if (!ulp || strcmp(ulp->name, "tls"))
		return;
	ctx = tls_get_ctx(sk);
	if (!ctx)
		return;
	if (ctx->sk_write_space == ours->write_space)
		ctx->sk_write_space = port->saved_write_space;
	rx = ctx->priv_ctx_rx;
	if (ctx->rx_conf != TLS_BASE && rx && rx->saved_data_ready == ours->data_ready)
		rx->saved_data_ready = port->saved_data_ready;
}

void l7fp_tls_detach(struct l7fp_port *port, const struct l7fp_tls_callbacks *ours)
{
	struct l7fp_tls *tls = port->tls;
	struct sock *sk = port->sock->sk;

	l7fp_handshake_cancel(tls);
	if (READ_ONCE(tls->state) == L7FP_TLS_SHAKE && !tls->counted) {
		tls->counted = true;
		if (READ_ONCE(sk->sk_state) == TCP_CLOSE)
			l7fp_count(port->ln, tls_handshake[L7FP_TLS_CLOSED]);
		else
			l7fp_count(port->ln, tls_handshake[L7FP_TLS_TIMEOUT]);
	}
	/* kTLS is set up, and calls what it saved, with the socket locked or under its lock. */
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data == port) {
		rcu_assign_sk_user_data(sk, NULL);
		if (sk->sk_data_ready == ours->data_ready)
			sk->sk_data_ready = port->saved_data_ready;
		if (sk->sk_write_space == ours->write_space)
			sk->sk_write_space = port->saved_write_space;
		if (sk->sk_state_change == ours->state_change)
			sk->sk_state_change = port->saved_state_change;
		restore_saved(port, ours);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}
