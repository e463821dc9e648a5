// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wire ports: TCP sockets that the module owns and pumps.
 *
 * The socket's callbacks only queue work; the work takes what the socket has
 * (page references, no copy), lets go of the socket's lock, and pushes it to
 * the engine. So no engine lock is ever taken under a socket's.
 *
 * A plain TCP socket is read and written in softirq, on the CPU where its
 * packets arrived: a request then passes from the sender's system call to the
 * receiver's queue with no thread in between. What sleeps, and every other
 * kind of socket, goes through a work item in process context. Both may be
 * queued; L7FP_PORT_RUNNING makes one of them run at a time.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include "app.h"
#include "compat.h"
#include "tls.h"
#include "wire.h"
#include "wire_take.h"

/* Rounds of reading before others get their turn. */
#define ROUNDS_MAX	16

/* The callbacks run in softirq under sk_callback_lock or with the socket locked. */

static void wire_schedule(struct l7fp_port *port)
{
	if (port->softirq)
		l7fp_wire_queue(port);
	else
		queue_work(l7fp_port_wq, &port->work);
}

/* @saved: which of l7fp_port.saved_* is woken, too, while a process shakes hands. */
static void wire_wake(struct sock *sk, size_t saved)
{
	struct l7fp_port *port;

	/* Whoever owns a wire port frees it after a grace period. */
	rcu_read_lock();
	port = rcu_dereference_sk_user_data(sk);
	if (port && unlikely(l7fp_tls_shakes(port)))
		(*(void (**)(struct sock *sk))((u8 *)port + saved))(sk);
	if (port)
		wire_schedule(port);
	rcu_read_unlock();
}

static void wire_data_ready(struct sock *sk)
{
	wire_wake(sk, offsetof(struct l7fp_port, saved_data_ready));
}

static void wire_state_change(struct sock *sk)
{
	wire_wake(sk, offsetof(struct l7fp_port, saved_state_change));
}

static void wire_write_space(struct sock *sk)
{
	struct l7fp_port *port;

	read_lock_bh(&sk->sk_callback_lock);
	port = sk->sk_user_data;
	if (port && unlikely(l7fp_tls_shakes(port))) {
		port->saved_write_space(sk);
	} else if (port && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		set_bit(L7FP_PORT_SPACE, &port->flags);
		wire_schedule(port);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

struct wire_state {
	bool eof, urgent;
	bool control;		/* a TLS record that is no data is next */
	int err;
};

/*
 * The socket's lock, in softirq or in process context. False in softirq when a
 * process holds it: then the work in process context takes over.
 */
static bool wire_lock(struct l7fp_port *port, bool softirq)
{
	struct sock *sk = port->sock->sk;

	if (!softirq) {
		lock_sock(sk);
		return true;
	}
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk)) {
		__release(&sk->sk_lock.slock);	/* for sparse: wire_unlock() has it again */
		return true;
	}
	bh_unlock_sock(sk);
	return false;
}

static void wire_unlock(struct l7fp_port *port, bool softirq)
{
	struct sock *sk = port->sock->sk;

	if (softirq) {
		__acquire(&sk->sk_lock.slock);
		bh_unlock_sock(sk);
	} else {
		release_sock(sk);
	}
}

/*
 * What tcp_read_sock() does, for the usual case of one segment, or the rest of one, and nothing
 * else: that looks at the queue four times. False: it is something else.
 */
static bool take_one(struct l7fp_port *port, struct l7fp_wire_take *take)
{
	struct sock *sk = port->sock->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	struct sk_buff *skb;
	u32 offset;
	int n;

	/* It may have got kTLS since it became a port. */
	if (port->sock->ops->read_sock != tcp_read_sock || sk->sk_state != TCP_ESTABLISHED ||
	    tp->urg_data)
		return false;
	skb = tcp_recv_skb(sk, tp->copied_seq, &offset);
	if (!skb || offset >= skb->len || skb->len - offset > L7FP_RX_BYTES ||
	    !skb_queue_is_last(&sk->sk_receive_queue, skb))
		return false;
	n = l7fp_wire_take_skb(take, skb, offset, skb->len - offset);
	if (n <= 0)
		return false;
	tcp_read_done(sk, n);
	return true;
}

/* False when the socket's lock could not be had in softirq. */
static bool wire_take(struct l7fp_port *port, struct l7fp_wire_take *take, struct wire_state *state,
		      bool softirq)
{
	struct sock *sk = port->sock->sk;
	read_descriptor_t desc = { .arg.data = take, .count = 1 };

	take->n = 0;
	take->bytes = 0;
	*state = (struct wire_state){};
	if (!wire_lock(port, softirq))
		return false;
	if (take_one(port, take))
		goto taken;
	/* After both FINs it is closed, with what is not read yet in its queue. */
	if ((sk->sk_state != TCP_CLOSE || !sk->sk_err) && sk->sk_state != TCP_SYN_SENT &&
	    sk->sk_state != TCP_SYN_RECV) {
		int n = port->sock->ops->read_sock(sk, &desc, l7fp_wire_take_actor);

		if (n < 0 && n != -EAGAIN && !take->bytes)
			state->err = n;
		state->control = n == -EINVAL && l7fp_tls_on(port);
		state->urgent = !take->bytes && !port->tls && l7fp_wire_at_urgent(sk);
		/* All was read when the FIN is in and nothing is queued before it. */
		if (((sk->sk_shutdown & RCV_SHUTDOWN) || sk->sk_state == TCP_CLOSE_WAIT ||
		     sk->sk_state == TCP_CLOSE) && !take->bytes && !state->urgent)
			state->eof = true;
	} else if (sk->sk_state == TCP_CLOSE) {
		state->eof = true;
	}
taken:
	if (state->control)
		state->err = 0;
	else if (sk->sk_err)
		state->err = -abs(sk->sk_err);
	else
		state->err = state->err ?: READ_ONCE(port->tx_error);
	wire_unlock(port, softirq);
	return true;
}

/* Gives ranges to the engine; keeps what it did not consume. True when all went. */
static bool wire_push(struct l7fp_port *port, struct bio_vec *v, u32 n)
{
	u32 used = port->events->input(port, v, n), i, left = 0;

	for (i = 0; i < n; i++) {
		if (used >= v[i].bv_len) {
			used -= v[i].bv_len;
			put_page(v[i].bv_page);
			continue;
		}
		v[i].bv_offset += used;
		v[i].bv_len -= used;
		used = 0;
		left++;
	}
	if (!left) {
		port->rx_n = 0;
		return true;
	}
	/* The last @left ranges are whole or partial: keep them. */
	if (!port->rx)
		port->rx = kmalloc_array(L7FP_RX_VECS, sizeof(*v), GFP_ATOMIC);
	if (!port->rx) {
		for (i = n - left; i < n; i++)
			put_page(v[i].bv_page);
		port->rx_n = 0;
		set_bit(L7FP_PORT_ERROR_SEEN, &port->flags);
		port->events->error(port, -ENOMEM);
		return false;
	}
	memmove(port->rx, v + n - left, left * sizeof(*v));
	port->rx_n = left;
	return false;
}

static bool wire_ended(struct l7fp_port *port)
{
	return port->flags & (BIT(L7FP_PORT_CLOSED) | BIT(L7FP_PORT_ERROR_SEEN));
}

static void wire_fail(struct l7fp_port *port, int err)
{
	if (!test_and_set_bit(L7FP_PORT_ERROR_SEEN, &port->flags))
		port->events->error(port, err);
}

/* The socket's error while the engine has input blocked, so that it need not read to see it. */
static int wire_error(struct l7fp_port *port)
{
	int err = -READ_ONCE(port->sock->sk->sk_err) ?: READ_ONCE(port->tx_error);

	if (err)
		return err;
	return READ_ONCE(port->sock->sk->sk_state) == TCP_CLOSE &&
	       !test_bit(L7FP_PORT_FIN_SENT, &port->flags) ? -ECONNRESET : 0;
}

/* kTLS gave no data: why. False: there may be more behind what was taken now. */
static bool wire_record(struct l7fp_port *port, struct wire_state *state)
{
	int n;

	if (state->control) {
		n = l7fp_tls_control(port);
		if (!n)
			return false;
		state->eof = n > 0;
		state->err = min(n, 0);
	} else if (state->err == -EBADMSG) {
		l7fp_count(port->ln, tls_bad_record);
	} else if (state->eof && !state->err && !port->tls->closed) {
		/* Whoever cut the connection may have cut the message (RFC 8446 section 6.1). */
		l7fp_count(port->ln, tls_truncated);
		state->err = -ECONNRESET;
	}
	return true;
}

static void wire_read(struct l7fp_port *port, bool softirq)
{
	/* Clearing it would cost more than filling it. */
	struct l7fp_wire_take take __uninitialized;
	struct wire_state state;
	int rounds;

	for (rounds = 0; rounds < ROUNDS_MAX; rounds++) {
		if (wire_ended(port))
			return;
		if (port->rx_n) {
			if (!wire_push(port, port->rx, port->rx_n)) {
				if (!wire_ended(port) && wire_error(port))
					wire_fail(port, wire_error(port));
				return;
			}
			if (wire_ended(port))
				return;
		}
		if (!wire_take(port, &take, &state, softirq)) {
			queue_work(l7fp_port_wq, &port->work);
			return;
		}
		if (take.bytes) {
			port->last_activity = jiffies;
			port->rx_total += take.bytes;
			if (!wire_push(port, take.v, take.n))
				return;
			/* Most often that was all; the callback tells when more comes. */
			if (!state.err && take.bytes < L7FP_RX_BYTES && take.n < L7FP_RX_VECS &&
			    !port->tls && !READ_ONCE(port->sock->sk->sk_shutdown) &&
			    skb_queue_empty_lockless(&port->sock->sk->sk_receive_queue))
				return;
			continue;
		}
		if (port->tls && l7fp_tls_on(port) && !wire_record(port, &state))
			continue;
		if (state.err) {
			wire_fail(port, state.err);
			return;
		}
		if (state.urgent && softirq) {
			queue_work(l7fp_port_wq, &port->work);
			return;
		}
		if (state.urgent) {
			l7fp_wire_skip_urgent(port);
			continue;
		}
		if (state.eof && !test_and_set_bit(L7FP_PORT_EOF_SEEN, &port->flags))
			port->events->eof(port);
		return;
	}
	/* Much to read: a thread can be preempted. */
	queue_work(l7fp_port_wq, &port->work);
}

/* Plain TCP is read and written in softirq; with TLS nothing is, nor while that is not known. */
static void wire_choose_context(struct l7fp_port *port)
{
	struct sock *sk = port->sock->sk;

	port->softirq = port->sock->ops->read_sock == tcp_read_sock && !sk->sk_memcg &&
			(!port->tls || port->tls->state == L7FP_TLS_OFF);
}

static void wire_events(struct l7fp_port *port, bool softirq)
{
	if (!softirq && test_and_clear_bit(L7FP_PORT_DEFERRED, &port->flags)) {
		port->events->deferred(port);
		l7fp_port_put(port);
	}
	if (wire_ended(port))
		return;
	if (test_bit(L7FP_PORT_CONNECTING, &port->flags)) {
		/* First the bit, which tells what the state means. */
		bool called = test_bit_acquire(L7FP_PORT_CONNECT_CALLED, &port->flags);
		/* Pairs with the release in l7fp_wire_connect(). */
		struct socket *sock = smp_load_acquire(&port->sock);
		int state = sock ? READ_ONCE(sock->sk->sk_state) : TCP_CLOSE;

		/* What happens to the socket meanwhile is for who shakes hands to say. */
		if (unlikely(port->tls) &&
		    (l7fp_tls_shakes(port) || state == TCP_ESTABLISHED ||
		     state == TCP_CLOSE_WAIT) && l7fp_tls_pending(port))
			goto timer;
		if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT) {
			wire_choose_context(port);
			clear_bit(L7FP_PORT_CONNECTING, &port->flags);
			port->events->connected(port);
		} else if (state == TCP_CLOSE && called) {
			wire_fail(port, wire_error(port) ?: -ECONNREFUSED);
			return;
		}
	}
timer:
	if (test_and_clear_bit(L7FP_PORT_TIMER, &port->flags))
		port->events->timer(port);
	if (test_and_clear_bit(L7FP_PORT_SPACE, &port->flags) ||
	    (READ_ONCE(port->app_sk) && READ_ONCE(port->sock->sk->sk_state) != TCP_ESTABLISHED))
		l7fp_wire_ops.flush(port);
	if (!test_bit(L7FP_PORT_CONNECTING, &port->flags))
		wire_read(port, softirq);
}

/* One event at a time: whoever comes second leaves its wish behind. */
void l7fp_wire_run(struct l7fp_port *port, bool softirq)
{
	set_bit(L7FP_PORT_RUN_AGAIN, &port->flags);
	/* Pairs with the one behind clear_bit_unlock(): one of us sees the other. */
	smp_mb__after_atomic();
	while (test_bit(L7FP_PORT_RUN_AGAIN, &port->flags) &&
	       !test_and_set_bit_lock(L7FP_PORT_RUNNING, &port->flags)) {
		clear_bit(L7FP_PORT_RUN_AGAIN, &port->flags);
		/* What came before the wish was left is seen by this round. */
		smp_mb__after_atomic();
		wire_events(port, softirq);
		clear_bit_unlock(L7FP_PORT_RUNNING, &port->flags);
		/* Pairs with the first one: a wish left meanwhile is seen. */
		smp_mb__after_atomic();
	}
	/* Softirq cannot do what sleeps, and its round may have swallowed that wish. */
	if (softirq && test_bit(L7FP_PORT_DEFERRED, &port->flags))
		queue_work(l7fp_port_wq, &port->work);
}

u32 l7fp_wire_push(struct l7fp_port *port, const struct bio_vec *v, u32 n, u32 seq)
{
	u32 used = 0;

	if (test_and_set_bit_lock(L7FP_PORT_RUNNING, &port->flags))
		return 0;
	/* Under the bit: nobody else reads the socket. */
	if (!(port->flags & (BIT(L7FP_PORT_CLOSED) | BIT(L7FP_PORT_ERROR_SEEN) |
			     BIT(L7FP_PORT_EOF_SEEN) | BIT(L7FP_PORT_TX_FIN) |
			     BIT(L7FP_PORT_CONNECTING))) && !port->rx_n &&
	    READ_ONCE(tcp_sk(port->sock->sk)->copied_seq) == seq) {
		port->last_activity = jiffies;
		port->app_input = true;
		used = port->events->input(port, v, n);
		port->app_input = false;
		port->rx_total += used;
		l7fp_count_add(port->ln, app_rx_bytes, used);
	}
	clear_bit_unlock(L7FP_PORT_RUNNING, &port->flags);
	/* Pairs with the first one in l7fp_wire_run(): a wish left meanwhile is seen. */
	smp_mb__after_atomic();
	if (test_bit(L7FP_PORT_RUN_AGAIN, &port->flags))
		wire_schedule(port);
	return used;
}

static void wire_work(struct work_struct *work)
{
	l7fp_wire_run(container_of(work, struct l7fp_port, work), false);
}

static void wire_request_read(struct l7fp_port *port)
{
	wire_schedule(port);
}

static void wire_defer(struct l7fp_port *port)
{
	/* The wish holds a reference: its work must not meet a port that is being freed. */
	if (!test_and_set_bit(L7FP_PORT_DEFERRED, &port->flags))
		l7fp_port_get(port);
	queue_work(l7fp_port_wq, &port->work);
}

/*
 * TCP copies small output into a page fragment of 32 KiB. One for each socket would stay with
 * idle ones; while @sk is locked it has that of the processor or of the thread.
 */
static DEFINE_PER_CPU(struct page_frag, wire_frags);

void l7fp_wire_uninit(void)
{
	int cpu;

	l7fp_wire_queue_uninit();
	for_each_possible_cpu(cpu) {
		struct page_frag *frag = per_cpu_ptr(&wire_frags, cpu);

		if (frag->page)
			put_page(frag->page);
		frag->page = NULL;
	}
}

static int wire_sendmsg_locked(struct sock *sk, struct msghdr *msg, u32 bytes,
			       struct page_frag *frag)
{
	int sent;

	swap(sk->sk_frag, *frag);
	sent = tcp_sendmsg_locked(sk, msg, bytes);
	swap(sk->sk_frag, *frag);
	return sent;
}

static int wire_send(struct l7fp_port *port, struct bio_vec *v, u32 n, u32 bytes, bool more)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct sock *sk = port->sock->sk;
	int sent;

	/* Small output is copied by TCP into pages of its own: cheaper than references. */
	if (bytes > 1024)
		msg.msg_flags |= MSG_SPLICE_PAGES;
	if (more)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, v, n, bytes);
	if (!l7fp_port_atomic()) {
		if (unlikely(port->tls) && !port->softirq)
			return l7fp_tls_send(port, &msg, bytes);
		if (!port->softirq)
			return sock_sendmsg(port->sock, &msg);
		wire_lock(port, false);
		sent = wire_sendmsg_locked(sk, &msg, bytes, &current->task_frag);
		wire_unlock(port, false);
		return sent;
	}
	if (!port->softirq || !wire_lock(port, true))
		return -EBUSY;
	/* Nothing below sleeps: no time to wait, and memory by GFP_ATOMIC. */
	sk->sk_allocation = GFP_ATOMIC;
	sent = wire_sendmsg_locked(sk, &msg, bytes, this_cpu_ptr(&wire_frags));
	sk->sk_allocation = GFP_KERNEL;
	wire_unlock(port, true);
	/* For want of room or of memory: only a thread can wait for the latter. */
	return sent == -EAGAIN ? -EBUSY : sent;
}

/* The application's socket as long as both ends are open; TCP knows what to do afterwards. */
static void wire_pair(struct l7fp_port *port)
{
	if (READ_ONCE(port->sock->sk->sk_state) != TCP_ESTABLISHED)
		l7fp_app_unpair(port);
	else if (!port->app_sk && port->app_tries < L7FP_APP_TRIES)
		l7fp_app_pair(port);
}

/* The usual way of a head and a small body. False: there is, or may be, something left to send. */
static bool wire_hand_over(struct l7fp_port *port)
{
	bool more = true;
	u32 sent = l7fp_app_deliver_buffer(port, &more);

	if (sent) {
		l7fp_count_add(port->ln, app_tx_bytes, sent);
		port->last_activity = jiffies;
	}
	return !more;
}

/* Whatever is queued. False: it has to wait, or failed. */
static bool wire_flush_queue(struct l7fp_port *port)
{
	struct bio_vec v[L7FP_RX_VECS] __uninitialized;	/* clearing it would cost a lot */
	u32 n, bytes;
	bool more;
	int sent;

	while ((n = l7fp_port_peek(port, v, ARRAY_SIZE(v), &bytes, &more))) {
		sent = port->app_sk ? l7fp_app_deliver(port, v, n, bytes) : 0;
		if (sent)
			l7fp_count_add(port->ln, app_tx_bytes, sent);
		else
			sent = wire_send(port, v, n, bytes, more);
		if (sent == -EAGAIN)
			return false;
		if (sent == -EBUSY) {
			set_bit(L7FP_PORT_SPACE, &port->flags);
			queue_work(l7fp_port_wq, &port->work);
			return false;
		}
		if (sent < 0) {
			/*
			 * The reader's side reports it: errors are events of the work. The queue
			 * stays full, so that nobody's bytes vanish in it until then.
			 */
			WRITE_ONCE(port->tx_error, sent);
			wire_schedule(port);
			return false;
		}
		port->last_activity = jiffies;
		if (!l7fp_port_sent(port, sent))
			break;
	}
	return true;
}

static void wire_flush_once(struct l7fp_port *port)
{
	if (port->tx_error)
		return;
	if (port->softirq && test_bit(L7FP_PORT_APP, &port->flags))
		wire_pair(port);
	if (!(port->app_sk && wire_hand_over(port)) && !wire_flush_queue(port))
		return;
	/* Pairs with the one in l7fp_port_finish(): what was queued before it is seen, too. */
	if (!test_bit_acquire(L7FP_PORT_TX_FIN, &port->flags))
		return;
	/* Both came since the queue was found empty; there is another round for them. */
	if (READ_ONCE(port->tx_bytes))
		return;
	if (l7fp_port_atomic()) {
		set_bit(L7FP_PORT_SPACE, &port->flags);
		queue_work(l7fp_port_wq, &port->work);
	} else if (!test_and_set_bit(L7FP_PORT_FIN_SENT, &port->flags)) {
		l7fp_tls_close_notify(port);
		kernel_sock_shutdown(port->sock, SHUT_WR);
	}
}

static void wire_flush(struct l7fp_port *port)
{
	if (port->flags & (BIT(L7FP_PORT_CLOSED) | BIT(L7FP_PORT_CONNECTING)))
		return;
	/* One sender at a time; another one leaves its wish behind. */
	set_bit(L7FP_PORT_TX_AGAIN, &port->flags);
	/* Pairs with the one behind clear_bit_unlock(): one of us sees the other. */
	smp_mb__after_atomic();
	while (test_bit(L7FP_PORT_TX_AGAIN, &port->flags) &&
	       !test_and_set_bit_lock(L7FP_PORT_TX_BUSY, &port->flags)) {
		clear_bit(L7FP_PORT_TX_AGAIN, &port->flags);
		/* What was appended before the wish was left is seen by this round. */
		smp_mb__after_atomic();
		wire_flush_once(port);
		clear_bit_unlock(L7FP_PORT_TX_BUSY, &port->flags);
		/* Pairs with the first one: a wish left meanwhile is seen. */
		smp_mb__after_atomic();
	}
	if (test_bit(L7FP_PORT_TX_FULL, &port->flags) &&
	    READ_ONCE(port->tx_bytes) < L7FP_TX_LOW &&
	    READ_ONCE(port->tx_n) < L7FP_TX_ENTRIES / 2 &&
	    test_and_clear_bit(L7FP_PORT_TX_FULL, &port->flags))
		port->events->writable(port);
}

/* From here on the callbacks no longer know the port. */
static void wire_detach(struct l7fp_port *port)
{
	static const struct l7fp_tls_callbacks ours = {
		.data_ready = wire_data_ready,
		.write_space = wire_write_space,
		.state_change = wire_state_change,
	};
	struct sock *sk = port->sock->sk;

	if (port->tls) {
		l7fp_tls_detach(port, &ours);
		return;
	}
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data == port) {
		rcu_assign_sk_user_data(sk, NULL);
		sk->sk_data_ready = port->saved_data_ready;
		sk->sk_write_space = port->saved_write_space;
		sk->sk_state_change = port->saved_state_change;
	}
	write_unlock_bh(&sk->sk_callback_lock);
}

static void wire_close(struct l7fp_port *port, bool reset)
{
	if (test_and_set_bit(L7FP_PORT_CLOSED, &port->flags) || !port->sock)
		return;
	wire_detach(port);
	/* Who shook hands in vain has told the peer why: RST would overtake that. */
	if (reset && !l7fp_tls_failed(port)) {
		sock_no_linger(port->sock->sk);
		return;
	}
	l7fp_tls_close_notify(port);
	kernel_sock_shutdown(port->sock, SHUT_RDWR);
}

void l7fp_wire_put_socket(struct socket *sock)
{
	/* One that came from user space belongs to its file, which may stay open there. */
	if (sock->file)
		sockfd_put(sock);
	else
		sock_release(sock);
}

static void wire_release(struct l7fp_port *port)
{
	u32 i;

	if (!port->sock)
		goto free;
	wire_detach(port);
	disable_work_sync(&port->work);
	l7fp_app_release(port);
	/* The module's sockets must be gone before their namespace is: fput() may put that off. */
	if (port->tls)
		__fput_sync(port->sock->file);
	else
		l7fp_wire_put_socket(port->sock);
	port->sock = NULL;
	for (i = 0; i < port->rx_n; i++)
		put_page(port->rx[i].bv_page);
	kfree(port->rx);
	port->rx = NULL;
free:
	l7fp_tls_free(port);
}

static void wire_init(struct l7fp_port *port)
{
	INIT_WORK(&port->work, wire_work);
}

const struct l7fp_port_ops l7fp_wire_ops = {
	.read = wire_request_read,
	.flush = wire_flush,
	.defer = wire_defer,
	.close = wire_close,
	.finish_idle = l7fp_wire_finish_idle,
	.release = wire_release,
	.init = wire_init,
};

static void wire_hook(struct l7fp_port *port)
{
	struct sock *sk = port->sock->sk;

	tcp_sock_set_nodelay(sk);
	write_lock_bh(&sk->sk_callback_lock);
	port->saved_data_ready = sk->sk_data_ready;
	port->saved_write_space = sk->sk_write_space;
	port->saved_state_change = sk->sk_state_change;
	wire_choose_context(port);
	/* From here on the callbacks know it. */
	rcu_assign_sk_user_data(sk, port);
	sk->sk_data_ready = wire_data_ready;
	sk->sk_write_space = wire_write_space;
	sk->sk_state_change = wire_state_change;
	/* A task's page fragments are not softirq's; the socket has its own. */
	sk->sk_use_task_frag = false;
	write_unlock_bh(&sk->sk_callback_lock);
}

void l7fp_wire_attach(struct l7fp_port *port, struct socket *sock)
{
	port->sock = sock;
	wire_hook(port);
	if (port->softirq && test_bit(L7FP_PORT_APP, &port->flags))
		l7fp_app_pair(port);
	wire_schedule(port);
}

bool l7fp_wire_owns(const struct sock *sk)
{
	return READ_ONCE(sk->sk_data_ready) == wire_data_ready;
}

static int wire_bind(struct l7fp_port *port, const struct sockaddr_storage *from)
{
	struct sockaddr_storage address = *from;

	/* The port is chosen by connect: one for each destination, not for all of them. */
	inet_set_bit(BIND_ADDRESS_NO_PORT, port->sock->sk);
	return kernel_bind(port->sock, (struct sockaddr *)&address, sizeof(address));
}

int l7fp_wire_connect(struct l7fp_port *port, const struct sockaddr_storage *address,
		      const struct sockaddr_storage *from)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(port->ln->net, address->ss_family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (!err && port->tls)
		err = l7fp_tls_make_file(sock);
	if (err)
		return err;
	set_bit(L7FP_PORT_CONNECTING, &port->flags);
	/* Events of the port may run already: of its timer, or of who has bytes for it. */
	smp_store_release(&port->sock, sock);
	wire_hook(port);
	err = from ? wire_bind(port, from) : 0;
	if (err)
		return err;
	err = kernel_connect(port->sock, (struct sockaddr *)address, sizeof(*address), O_NONBLOCK);
	if (err && err != -EINPROGRESS)
		return err;
	set_bit(L7FP_PORT_CONNECT_CALLED, &port->flags);
	/* Whoever looks at the state from here on sees the bit. */
	smp_mb__after_atomic();
	if (!err || READ_ONCE(sock->sk->sk_state) == TCP_CLOSE)
		wire_schedule(port);
	return 0;
}
