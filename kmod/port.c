// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all ports share: references, the output queue, the timer.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include "compat.h"
#include "frag.h"
#include "port.h"

DEFINE_PER_CPU(bool, l7fp_port_bh_off);

/* Ranges up to this size are copied: a page reference costs more. */
#define COPY_MAX	512
/* Linear memory is taken in pieces of at least this size. */
#define ROOM_MIN	512
/* Behind each, so that it can become the head of a struct sk_buff as it is. */
#define SKB_ROOM	SKB_DATA_ALIGN(sizeof(struct skb_shared_info))

struct workqueue_struct *l7fp_port_wq, *l7fp_bh_wq, *l7fp_free_wq;

/*
 * Streams come and go with every request. Most are freed at once; those that a work item or the
 * timer may know are, together, a tick later. A thread woken for each would cost more than the
 * request.
 */
struct free_streams {
	struct llist_head ports;
	struct delayed_work work;
};

static DEFINE_PER_CPU(struct free_streams, free_streams);

static void port_free(struct l7fp_port *port)
{
	struct l7fp_net *ln = port->ln;

	if (!port->stream || test_bit(L7FP_PORT_SYNC, &port->flags)) {
		timer_shutdown_sync(&port->timer);
		port->ops->release(port);
	}
	l7fp_port_purge(port);
	if (port->tx != port->tx_inline)
		kfree(port->tx);
	port->events->free(port);
	if (atomic_dec_and_test(&ln->n_ports))
		wake_up_var(&ln->n_ports);
}

static void port_free_work(struct work_struct *work)
{
	port_free(container_of(work, struct l7fp_port, free_work));
}

static void free_streams_work(struct work_struct *work)
{
	struct free_streams *list = container_of(to_delayed_work(work), struct free_streams, work);
	struct l7fp_port *port, *next;

	llist_for_each_entry_safe(port, next, llist_del_all(&list->ports), free_node) {
		port_free(port);
		cond_resched();
	}
}

static void port_timer(struct timer_list *t)
{
	struct l7fp_port *port = container_of(t, struct l7fp_port, timer);

	set_bit(L7FP_PORT_TIMER, &port->flags);
	port->ops->read(port);
}

void l7fp_port_init(struct l7fp_port *port, struct l7fp_net *ln,
		    const struct l7fp_port_ops *ops, const struct l7fp_port_events *events)
{
	port->ops = ops;
	port->events = events;
	port->ln = ln;
	refcount_set(&port->refs, 1);
	timer_setup(&port->timer, port_timer, 0);
	spin_lock_init(&port->tx_lock);
	port->tx = port->tx_inline;
	port->tx_cap = L7FP_TX_INLINE;
	port->tx_high = L7FP_TX_HIGH;
	port->last_activity = jiffies;
	ops->init(port);
	atomic_inc(&ln->n_ports);
}

void l7fp_port_put(struct l7fp_port *port)
{
	struct free_streams *list;

	if (!refcount_dec_and_test(&port->refs))
		return;
	if (!port->stream) {
		INIT_WORK(&port->free_work, port_free_work);
		queue_work(l7fp_free_wq, &port->free_work);
		return;
	}
	if (!test_bit(L7FP_PORT_SYNC, &port->flags)) {
		port_free(port);
		return;
	}
	list = get_cpu_ptr(&free_streams);
	/* Queued with the first of them, so that the list is never left behind. */
	if (llist_add(&port->free_node, &list->ports))
		queue_delayed_work(l7fp_free_wq, &list->work, 1);
	put_cpu_ptr(&free_streams);
}

static struct bio_vec *tx_at(struct l7fp_port *port, u32 i)
{
	return &port->tx[(port->tx_first + i) & (port->tx_cap - 1)];
}

static int tx_grow(struct l7fp_port *port)
{
	u32 cap = port->tx_cap * 2, i;
	struct bio_vec *v;

	lockdep_assert_held(&port->tx_lock);
	if (cap > L7FP_TX_ENTRIES)
		return -ENOBUFS;
	v = kmalloc_array(cap, sizeof(*v), GFP_ATOMIC);
	if (!v)
		return -ENOMEM;
	for (i = 0; i < port->tx_n; i++)
		v[i] = *tx_at(port, i);
	if (port->tx != port->tx_inline)
		kfree(port->tx);
	port->tx = v;
	port->tx_first = 0;
	port->tx_cap = cap;
	return 0;
}

/* Takes over the caller's reference on @page when it returns 0. */
static __always_inline int tx_append(struct l7fp_port *port, struct page *page, u32 offset, u32 len)
{
	int err;

	lockdep_assert_held(&port->tx_lock);
	if (port->tx_n == port->tx_cap) {
		err = tx_grow(port);
		if (err)
			return err;
	}
	bvec_set_page(tx_at(port, port->tx_n), page, len, offset);
	port->tx_n++;
	port->tx_bytes += len;
	port->tx_room = 0;
	port->tx_buffer = 0;
	return 0;
}

/* A new range at the end of the queue with room for @len bytes. */
static bool tx_extend(struct l7fp_port *port, u32 len)
{
	u32 room = SKB_DATA_ALIGN(max_t(u32, len, ROOM_MIN)), size = room + SKB_ROOM;
	struct bio_vec v;
	u8 *p;

	/* A compound page, so that a range may cross its first page. */
	p = size <= L7FP_FRAG_MAX ? l7fp_frag_alloc(&v, size) : NULL;
	if (!p) {
		size = 0;
		v.bv_page = alloc_pages(GFP_ATOMIC | __GFP_COMP | __GFP_NOWARN, get_order(room));
		v.bv_offset = 0;
		if (!v.bv_page)
			return false;
	}
	if (tx_append(port, v.bv_page, v.bv_offset, 0)) {
		put_page(v.bv_page);
		return false;
	}
	port->tx_room = room;
	port->tx_buffer = size;
	return true;
}

u8 *l7fp_port_reserve(struct l7fp_port *port, u32 len)
{
	struct bio_vec *last;
	u8 *p = NULL;

	lockdep_assert_in_softirq();
	spin_lock(&port->tx_lock);
	if (port->tx_room >= len || tx_extend(port, len)) {
		port->tx_reserved = true;
		last = tx_at(port, port->tx_n - 1);
		p = (u8 *)page_address(last->bv_page) + last->bv_offset + last->bv_len;
	}
	spin_unlock(&port->tx_lock);
	return p;
}

void l7fp_port_commit(struct l7fp_port *port, u32 len)
{
	spin_lock(&port->tx_lock);
	port->tx_reserved = false;
	if (!WARN_ON_ONCE(len > port->tx_room || !port->tx_n)) {
		tx_at(port, port->tx_n - 1)->bv_len += len;
		port->tx_room -= len;
		port->tx_bytes += len;
	}
	spin_unlock(&port->tx_lock);
	port->dirty = true;
}

/* Room for @len bytes that count from now on, or NULL. */
static u8 *tx_add(struct l7fp_port *port, u32 len)
{
	struct bio_vec *last;
	u8 *p;

	lockdep_assert_held(&port->tx_lock);
	if (port->tx_room < len && !tx_extend(port, len))
		return NULL;
	last = tx_at(port, port->tx_n - 1);
	p = (u8 *)page_address(last->bv_page) + last->bv_offset + last->bv_len;
	last->bv_len += len;
	port->tx_room -= len;
	port->tx_bytes += len;
	return p;
}

int l7fp_port_send(struct l7fp_port *port, const void *data, u32 len)
{
	u8 *p;

	lockdep_assert_in_softirq();
	spin_lock(&port->tx_lock);
	p = tx_add(port, len);
	if (p)
		memcpy(p, data, len);
	spin_unlock(&port->tx_lock);
	port->dirty = true;
	return p ? 0 : -ENOMEM;
}

static void copy_range(u8 *to, struct page *page, u32 offset, u32 len)
{
	while (len) {
		u32 n = min_t(u32, len, PAGE_SIZE - offset % PAGE_SIZE);

		memcpy_from_page(to, page + offset / PAGE_SIZE, offset % PAGE_SIZE, n);
		to += n;
		offset += n;
		len -= n;
	}
}

int l7fp_port_send_page(struct l7fp_port *port, struct page *page, u32 offset, u32 len)
{
	int err = -ENOMEM;
	u8 *p;

	lockdep_assert_in_softirq();
	if (len <= COPY_MAX || !sendpage_ok(page)) {
		spin_lock(&port->tx_lock);
		p = tx_add(port, len);
		if (p) {
			copy_range(p, page, offset, len);
			err = 0;
		}
		spin_unlock(&port->tx_lock);
	} else {
		get_page(page);
		spin_lock(&port->tx_lock);
		err = tx_append(port, page, offset, len);
		spin_unlock(&port->tx_lock);
		if (err)
			put_page(page);
	}
	port->dirty = true;
	return err;
}

int l7fp_port_move(struct l7fp_port *to, struct l7fp_port *from)
{
	int err = 0;
	u32 i;

	/* Both locks: @from is not connected, nobody else appends to either. */
	spin_lock_bh(&from->tx_lock);
	spin_lock_nested(&to->tx_lock, SINGLE_DEPTH_NESTING);
	for (i = 0; i < from->tx_n && !err; i++) {
		struct bio_vec *v = tx_at(from, i);

		if (v->bv_len)
			err = tx_append(to, v->bv_page, v->bv_offset, v->bv_len);
		else
			put_page(v->bv_page);
		if (!err) {
			from->tx_bytes -= v->bv_len;
			v->bv_len = 0;
			v->bv_page = NULL;
		}
	}
	if (!err) {
		from->tx_n = 0;
		from->tx_room = 0;
		from->tx_buffer = 0;
	}
	spin_unlock(&to->tx_lock);
	spin_unlock_bh(&from->tx_lock);
	to->dirty = true;
	return err;
}

/* Under both locks. */
static int take_range(struct l7fp_port *to, struct page *page, u32 offset, u32 len)
{
	struct bio_vec *last;
	int err;

	if (len <= COPY_MAX && len <= to->tx_room && to->tx_n) {
		last = tx_at(to, to->tx_n - 1);
		copy_range((u8 *)page_address(last->bv_page) + last->bv_offset + last->bv_len,
			   page, offset, len);
		last->bv_len += len;
		to->tx_room -= len;
		to->tx_bytes += len;
		return 0;
	}
	get_page(page);
	err = tx_append(to, page, offset, len);
	if (err)
		put_page(page);
	return err;
}

int l7fp_port_take(struct l7fp_port *to, struct l7fp_port *from, u32 len)
{
	int err = 0;

	spin_lock_bh(&from->tx_lock);
	spin_lock_nested(&to->tx_lock, SINGLE_DEPTH_NESTING);
	while (len && from->tx_n && !err) {
		struct bio_vec *v = tx_at(from, 0);
		u32 n = min(len, v->bv_len);

		if (n)
			err = take_range(to, v->bv_page, v->bv_offset, n);
		if (err)
			break;
		v->bv_offset += n;
		v->bv_len -= n;
		from->tx_bytes -= n;
		len -= n;
		if (v->bv_len)
			break;
		/* The last range may have room behind it that is still to be filled. */
		if (from->tx_n == 1 && from->tx_room)
			break;
		put_page(v->bv_page);
		from->tx_first = (from->tx_first + 1) & (from->tx_cap - 1);
		from->tx_n--;
	}
	spin_unlock(&to->tx_lock);
	spin_unlock_bh(&from->tx_lock);
	to->dirty = true;
	return err ?: len ? -ENODATA : 0;
}

bool l7fp_port_full(struct l7fp_port *port)
{
	bool full;

	/* Only the caller appends: what is not full stays so. */
	if (likely(READ_ONCE(port->tx_bytes) < port->tx_high &&
		   READ_ONCE(port->tx_n) < L7FP_TX_ENTRIES - 64))
		return false;
	lockdep_assert_in_softirq();
	spin_lock(&port->tx_lock);
	full = port->tx_bytes >= port->tx_high || port->tx_n >= L7FP_TX_ENTRIES - 64;
	if (full)
		set_bit(L7FP_PORT_TX_FULL, &port->flags);
	spin_unlock(&port->tx_lock);
	return full;
}

void l7fp_port_finish(struct l7fp_port *port)
{
	/* What is queued is there before the bit. */
	smp_mb__before_atomic();
	set_bit(L7FP_PORT_TX_FIN, &port->flags);
	port->dirty = true;
}

void l7fp_port_arm(struct l7fp_port *port, u32 ms)
{
	set_bit(L7FP_PORT_SYNC, &port->flags);
	mod_timer(&port->timer, jiffies + max_t(unsigned long, msecs_to_jiffies(ms), 1));
}

void l7fp_port_disarm(struct l7fp_port *port)
{
	timer_delete(&port->timer);
	clear_bit(L7FP_PORT_TIMER, &port->flags);
}

u32 l7fp_port_peek(struct l7fp_port *port, struct bio_vec *v, u32 n, u32 *bytes, bool *more)
{
	u32 i, k = 0;

	*bytes = 0;
	spin_lock_bh(&port->tx_lock);
	for (i = 0; i < port->tx_n && k < n; i++) {
		v[k] = *tx_at(port, i);
		*bytes += v[k].bv_len;
		if (v[k].bv_len)
			k++;
	}
	*more = i < port->tx_n;
	spin_unlock_bh(&port->tx_lock);
	return k;
}

u8 *l7fp_port_peek_buffer(struct l7fp_port *port, u32 *bytes, u32 *size)
{
	const struct bio_vec *v;
	u8 *p = NULL;

	lockdep_assert_in_softirq();
	spin_lock(&port->tx_lock);
	if (port->tx_n == 1 && port->tx_buffer && !port->tx_reserved && port->tx_bytes) {
		v = tx_at(port, 0);
		p = (u8 *)page_address(v->bv_page) + v->bv_offset;
		*bytes = v->bv_len;
		port->tx_buffer = l7fp_frag_trim(v->bv_page, v->bv_offset, port->tx_buffer,
						 SKB_DATA_ALIGN(v->bv_len) + SKB_ROOM);
		*size = port->tx_buffer;
		/* What follows must not be written into it. */
		port->tx_room = 0;
	}
	spin_unlock(&port->tx_lock);
	return p;
}

bool l7fp_port_gave_buffer(struct l7fp_port *port)
{
	u32 bytes;
	bool more;

	lockdep_assert_in_softirq();
	spin_lock(&port->tx_lock);
	bytes = tx_at(port, 0)->bv_len;
	port->tx_bytes -= bytes;
	port->tx_total += bytes;
	port->tx_first = (port->tx_first + 1) & (port->tx_cap - 1);
	port->tx_n--;
	more = port->tx_n;
	spin_unlock(&port->tx_lock);
	return more;
}

bool l7fp_port_sent(struct l7fp_port *port, u32 bytes)
{
	bool left;

	spin_lock_bh(&port->tx_lock);
	port->tx_buffer = 0;
	port->tx_bytes -= bytes;
	port->tx_total += bytes;
	while (port->tx_n) {
		struct bio_vec *v = tx_at(port, 0);

		if (v->bv_len > bytes) {
			v->bv_offset += bytes;
			v->bv_len -= bytes;
			break;
		}
		/* A reserved range is being filled: it stays. */
		if (port->tx_n == 1) {
			if (port->tx_reserved) {
				v->bv_offset += v->bv_len;
				v->bv_len = 0;
				break;
			}
			port->tx_room = 0;
		}
		bytes -= v->bv_len;
		put_page(v->bv_page);
		port->tx_first = (port->tx_first + 1) & (port->tx_cap - 1);
		port->tx_n--;
	}
	left = port->tx_bytes;
	spin_unlock_bh(&port->tx_lock);
	return left;
}

void l7fp_port_purge(struct l7fp_port *port)
{
	u32 i;

	spin_lock_bh(&port->tx_lock);
	for (i = 0; i < port->tx_n; i++)
		if (tx_at(port, i)->bv_page)
			put_page(tx_at(port, i)->bv_page);
	port->tx_n = 0;
	port->tx_bytes = 0;
	port->tx_room = 0;
	port->tx_buffer = 0;
	spin_unlock_bh(&port->tx_lock);
}

int l7fp_port_module_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct free_streams *list = per_cpu_ptr(&free_streams, cpu);

		init_llist_head(&list->ports);
		INIT_DELAYED_WORK(&list->work, free_streams_work);
	}
	l7fp_port_wq = alloc_workqueue("l7fp", WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!l7fp_port_wq)
		return -ENOMEM;
	l7fp_bh_wq = alloc_workqueue("l7fp_bh", WQ_BH, 0);
	if (!l7fp_bh_wq)
		goto destroy_port;
	l7fp_free_wq = alloc_workqueue("l7fp_free", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!l7fp_free_wq)
		goto destroy_bh;
	return 0;
destroy_bh:
	destroy_workqueue(l7fp_bh_wq);
destroy_port:
	destroy_workqueue(l7fp_port_wq);
	return -ENOMEM;
}

void l7fp_port_module_uninit(void)
{
	int cpu;

	/* All ports are gone; the last one's work may be about to end. */
	for_each_possible_cpu(cpu)
		cancel_delayed_work_sync(&per_cpu_ptr(&free_streams, cpu)->work);
	destroy_workqueue(l7fp_free_wq);
	destroy_workqueue(l7fp_bh_wq);
	destroy_workqueue(l7fp_port_wq);
	l7fp_frag_uninit();
}
