// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into an application's receive queue, past TCP.
 *
 * What is put there looks as if it had come by TCP and been acknowledged: both
 * sockets' sequence numbers and the window between them move by its length, at
 * once. So receiving is all TCP's own: read, poll, splice, urgent marks, unread
 * bytes at close, the update of the window after a read. It is done only while
 * TCP itself has nothing under way in that direction and the receiver's window
 * has room; otherwise TCP takes the bytes, behind those that are there.
 *
 * Both sockets' spinlocks are held, the wire port's first; neither may be owned
 * by a process, and nobody waits for one. Where the receiver is a wire port of
 * ours, too, the second lock is only tried.
 */
#include <linux/highmem.h>
#include <linux/skbuff.h>
#include <net/tcp.h>
#include "app.h"
#include "compat.h"
#include "wire.h"

/* Output in several ranges is copied up to this size: page references cost more. */
#define COPY_MAX	2048
#define DELIVER_MAX	65535

static void copy_range(u8 *to, const struct bio_vec *v, u32 len)
{
	u32 offset = v->bv_offset;

	while (len) {
		u32 n = min_t(u32, len, PAGE_SIZE - offset % PAGE_SIZE);

		memcpy_from_page(to, v->bv_page + offset / PAGE_SIZE, offset % PAGE_SIZE, n);
		to += n;
		offset += n;
		len -= n;
	}
}

static struct sk_buff *make_skb(const struct bio_vec *v, u32 n, u32 bytes)
{
	bool copy = bytes <= COPY_MAX;
	struct sk_buff *skb = alloc_skb(copy ? bytes : 0, GFP_ATOMIC | __GFP_NOWARN);
	u32 i, len;

	if (!skb)
		return NULL;
	for (i = 0; i < n && bytes; i++, bytes -= len) {
		len = min(bytes, v[i].bv_len);
		if (copy) {
			copy_range(skb_put(skb, len), &v[i], len);
			continue;
		}
		get_page(v[i].bv_page);
		skb_fill_page_desc(skb, i, v[i].bv_page, v[i].bv_offset, len);
		skb->len += len;
		skb->data_len += len;
		skb->truesize += len;
	}
	return skb;
}

/* Nothing of the port's output is under way by TCP, which keeps no notes about it either. */
static bool sender_idle(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	return sk->sk_state == TCP_ESTABLISHED && !sock_owned_by_user(sk) &&
	       tp->snd_una == tp->write_seq && tp->snd_nxt == tp->write_seq &&
	       tp->snd_up == tp->snd_una && !tp->packets_out && !tp->tlp_high_seq &&
	       inet_csk(sk)->icsk_ca_state == TCP_CA_Open && tcp_rtx_queue_empty(sk) &&
	       skb_queue_empty(&sk->sk_write_queue);
}

static bool keyed(const struct tcp_sock *tp)
{
#ifdef CONFIG_TCP_MD5SIG
	if (rcu_access_pointer(tp->md5sig_info))
		return true;
#endif
#ifdef CONFIG_TCP_AO
	if (rcu_access_pointer(tp->ao_info))
		return true;
#endif
	return false;
}

/* @sk takes what comes next after @seq, and nobody wants to see it on its way. */
static bool receiver_ready(struct sock *sk, u32 seq)
{
	struct tcp_sock *tp = tcp_sk(sk);

	return sk->sk_state == TCP_ESTABLISHED && !sock_owned_by_user(sk) &&
	       !(sk->sk_shutdown & RCV_SHUTDOWN) && tp->rcv_nxt == seq &&
	       RB_EMPTY_ROOT(&tp->out_of_order_queue) && !tp->urg_data && !keyed(tp) &&
	       !rcu_access_pointer(sk->sk_filter) && !sock_flag(sk, SOCK_RCVTSTAMP) &&
	       !(READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_RX_SOFTWARE) &&
	       l7fp_app_plain(sk);
}

static bool receiver_charge(struct sock *sk, struct sk_buff *skb)
{
	if (atomic_read(&sk->sk_rmem_alloc) + skb->truesize > READ_ONCE(sk->sk_rcvbuf) ||
	    !sk_rmem_schedule(sk, skb, skb->truesize))
		return false;
	skb_set_owner_r(skb, sk);
	return true;
}

static void sender_advance(struct sock *sk, u32 len)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 seq = tp->write_seq + len;

	WRITE_ONCE(tp->write_seq, seq);
	WRITE_ONCE(tp->snd_nxt, seq);
	tp->snd_una = seq;
	tp->snd_up = seq;
	tp->snd_sml = seq;
	tp->pushed_seq = seq;
	tp->snd_wnd -= len;
	/* It predicts the window of the next segment. */
	tp->pred_flags = 0;
	tp->bytes_sent += len;
	tp->bytes_acked += len;
	tp->lsndtime = tcp_jiffies32;
	/* Answers that pass by carry no ACK: let it not wait for one. */
	inet_csk_exit_pingpong_mode(sk);
}

static void receiver_advance(struct sock *sk, struct sk_buff *skb)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 len = skb->len;

	TCP_SKB_CB(skb)->seq = tp->rcv_nxt;
	TCP_SKB_CB(skb)->end_seq = tp->rcv_nxt + len;
	TCP_SKB_CB(skb)->ack_seq = tp->snd_una;
	TCP_SKB_CB(skb)->tcp_flags = TCPHDR_ACK | TCPHDR_PSH;
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	WRITE_ONCE(tp->rcv_nxt, tp->rcv_nxt + len);
	/* The last segment that told a window is as old as before. */
	tp->snd_wl1 += len;
	tp->bytes_received += len;
	inet_csk(sk)->icsk_ack.lrcvtime = tcp_jiffies32;
	inet_csk_exit_pingpong_mode(sk);
}

/* Whether it is worth a try; what counts is looked at under the locks. */
static bool may_deliver(struct sock *from, u32 bytes)
{
	const struct tcp_sock *tp = tcp_sk(from);

	return bytes <= READ_ONCE(tp->snd_wnd) &&
	       READ_ONCE(tp->snd_una) == READ_ONCE(tp->write_seq);
}

/* Takes over @skb when it returns true. Bottom halves off. */
static bool deliver(struct sock *from, struct sock *to, struct sk_buff *skb)
{
	u32 bytes = skb->len;

	bh_lock_sock(from);
	if (!sender_idle(from))
		goto unlock_from;
	if (!l7fp_wire_owns(to))
		bh_lock_sock_nested(to);
	else if (!spin_trylock(&to->sk_lock.slock))
		goto unlock_from;
	if (!receiver_ready(to, tcp_sk(from)->write_seq) ||
	    bytes > min(tcp_sk(from)->snd_wnd, tcp_receive_window(tcp_sk(to))) ||
	    !receiver_charge(to, skb)) {
		bh_unlock_sock(to);
		goto unlock_from;
	}
	sender_advance(from, bytes);
	bh_unlock_sock(from);
	receiver_advance(to, skb);
	if (tcp_epollin_ready(to, READ_ONCE(to->sk_rcvlowat)) || sock_flag(to, SOCK_DONE))
		to->sk_data_ready(to);
	bh_unlock_sock(to);
	return true;

unlock_from:
	bh_unlock_sock(from);
	return false;
}

u32 l7fp_app_deliver(struct l7fp_port *port, const struct bio_vec *v, u32 n, u32 bytes)
{
	struct sock *from = port->sock->sk;
	struct sk_buff *skb;
	bool done;

	bytes = min3(bytes, (u32)DELIVER_MAX, READ_ONCE(tcp_sk(from)->snd_wnd));
	if (!bytes || !may_deliver(from, bytes))
		return 0;
	skb = make_skb(v, n, bytes);
	if (!skb)
		return 0;
	local_bh_disable();
	done = deliver(from, port->app_sk, skb);
	local_bh_enable();
	if (!done)
		kfree_skb(skb);
	return done ? bytes : 0;
}

u32 l7fp_app_deliver_buffer(struct l7fp_port *port, bool *more)
{
	struct sock *from = port->sock->sk;
	u32 bytes = 0, size, sent = 0;
	struct sk_buff *skb;
	u8 *data;

	local_bh_disable();
	data = l7fp_port_peek_buffer(port, &bytes, &size);
	if (!data || !may_deliver(from, bytes))
		goto out;
	skb = napi_build_skb(data, size);
	if (!skb)
		goto out;
	__skb_put(skb, bytes);
	if (deliver(from, port->app_sk, skb)) {
		*more = l7fp_port_gave_buffer(port);
		sent = bytes;
	} else {
		/* The data stays the queue's. */
		kfree_skb_partial(skb, true);
	}
out:
	local_bh_enable();
	return sent;
}
