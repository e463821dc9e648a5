// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent data of TCP (RFC 6093): the urgent byte stops read_sock for good, so
 * it is stepped over as a reader without SO_OOBINLINE does.
 */
#include <net/tcp.h>
#include "wire.h"

bool l7fp_wire_at_urgent(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	return tp->urg_data && tp->urg_seq == tp->copied_seq &&
	       before(tp->copied_seq, tp->rcv_nxt);
}

void l7fp_wire_skip_urgent(struct l7fp_port *port)
{
	u8 byte;
	struct kvec v = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {};

	/*
	 * tcp_recvmsg() leaves out an urgent byte that is next in line and returns
	 * the one behind it; MSG_PEEK would not move. MSG_OOB takes it instead and
	 * moves nothing, so read it inline: one byte, thrown away.
	 */
	lock_sock(port->sock->sk);
	sock_set_flag(port->sock->sk, SOCK_URGINLINE);
	release_sock(port->sock->sk);
	kernel_recvmsg(port->sock, &msg, &v, 1, 1, MSG_DONTWAIT);
	lock_sock(port->sock->sk);
	sock_reset_flag(port->sock->sk, SOCK_URGINLINE);
	release_sock(port->sock->sk);
}
