/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module's netlink code needs of the kernel, for user space. Attributes
 * are parsed and written by the kernel's own lib/nlattr.c and net/netlink.h;
 * this stands below them. Included before everything else; the kernel's other
 * headers are empty files (tools/fuzz/kernel/build).
 */
#ifndef _L7FP_FUZZ_SHIM_H
#define _L7FP_FUZZ_SHIM_H

#define __KERNEL__
#define CONFIG_NET		1
#define CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS 1	/* as on x86 */

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <asm/types.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned int gfp_t;
typedef struct { int counter; } atomic_t;
typedef struct { int counter; } refcount_t;
typedef struct { int unused; } spinlock_t;
typedef struct { int unused; } wait_queue_head_t;
typedef struct { void *net; } possible_net_t;

#define __bitwise
#define __force
#define __user
#define __rcu
#define __percpu
#define __init
#define __exit
#define __net_init
#define __read_mostly
#define __ro_after_init
#define __always_unused		__attribute__((__unused__))
#define __maybe_unused		__attribute__((__unused__))
#define __must_check
#undef __counted_by
#define __counted_by(member)
#define __releases(lock)
#define __acquires(lock)
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define __aligned(x)		__attribute__((__aligned__(x)))
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define fallthrough		__attribute__((__fallthrough__))
#define noinline		__attribute__((__noinline__))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		(x)
#define smp_load_acquire(p)	(*(p))
#define WRITE_ONCE(x, value)	((x) = (value))
#define barrier()
#define EXPORT_SYMBOL(symbol)
#define MODULE_ALIAS_NET_PF_PROTO_NAME(...) struct fuzz_module_alias
#define THIS_MODULE		NULL
#define GFP_KERNEL		0U
#define GFP_ATOMIC		0U
#define GFP_KERNEL_ACCOUNT	0U
#define HZ			250
#define PAGE_SIZE		4096UL
#define S8_MAX			INT8_MAX
#define S8_MIN			INT8_MIN
#define S16_MAX			INT16_MAX
#define S16_MIN			INT16_MIN
#define S32_MAX			INT32_MAX
#define S32_MIN			INT32_MIN
#define S64_MAX			INT64_MAX
#define S64_MIN			INT64_MIN
#define U8_MAX			UINT8_MAX
#define U16_MAX			UINT16_MAX
#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(x)		_Static_assert(!(x), #x)
#define BUILD_BUG_ON_ZERO(x)	(sizeof(struct { int : (-!!(x)); }))
#define __stringify(x...)	#x
#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define struct_size(p, member, n) (sizeof(*(p)) + (size_t)(n) * sizeof((p)->member[0]))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define min(a, b)		({ __auto_type _a = (a); __auto_type _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ __auto_type _a = (a); __auto_type _b = (b); _a > _b ? _a : _b; })
#define min_t(type, a, b)	({ type _a = (a); type _b = (b); _a < _b ? _a : _b; })
#define max_t(type, a, b)	({ type _a = (a); type _b = (b); _a > _b ? _a : _b; })
#define clamp(x, low, high)	min(max(x, low), high)
#define round_up(x, to)		((((x) - 1) | ((__typeof__(x))(to) - 1)) + 1)
#define ALIGN(x, to)		round_up(x, to)
#define roundup_pow_of_two(n)	((n) <= 1 ? 1UL : 1UL << (64 - __builtin_clzll((n) - 1UL)))
#define array_index_nospec(i, n) (i)
#define BUG_ON(x)		WARN_ON(x)
#define WARN_ON(x)		({ bool _w = !!(x); if (_w) __builtin_trap(); _w; })
#define WARN_ON_ONCE(x)		WARN_ON(x)
#define WARN(x, ...)		WARN_ON(x)
#define pr_warn_ratelimited(...)
#define pr_warn_once(...)
#define net_dbg_ratelimited(...)
/* Of an extended answer that does not fit. */
#define net_warn_ratelimited(...) WARN_ON(true)
#define lockdep_assert_held(lock)	((void)(lock))
#define lockdep_is_held(lock)	1
#define might_sleep()
#define cond_resched()

#define ERR_PTR(err)		((void *)(long)(err))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= (unsigned long)-4095)
#define PTR_ERR_OR_ZERO(p)	({ __auto_type _p = (p); IS_ERR(_p) ? (int)PTR_ERR(_p) : 0; })

/* Memory: what fuzz_netlink.c lets fail from time to time. */
void *fuzz_alloc(size_t size);
#define kmalloc(size, gfp)	((void)(gfp), fuzz_alloc(size))
#define kzalloc(size, gfp)	kmalloc(size, gfp)
#define kcalloc(n, size, gfp)	kmalloc((size_t)(n) * (size), gfp)
#define kvmalloc(size, gfp)	kmalloc(size, gfp)
#define kvcalloc(n, size, gfp)	kmalloc((size_t)(n) * (size), gfp)
#define kmemdup_noprof(from, size, gfp) kmemdup(from, size, gfp)
#define kmemdup(from, size, gfp) ({ void *_p = kmalloc(size, gfp); \
				    if (_p) memcpy(_p, from, size); _p; })
#define kmemdup_nul(from, size, gfp) ({ char *_p = kzalloc((size) + 1, gfp); \
					if (_p) memcpy(_p, from, size); _p; })
#define kfree(p)		free((void *)(p))
#define kvfree(p)		free((void *)(p))

/* Lists, as linux/list.h has them. */
struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

static inline void hlist_add_head(struct hlist_node *entry, struct hlist_head *head)
{
	entry->next = head->first;
	head->first = entry;
}

#define hlist_entry_or_null(p, type, member) \
	({ __auto_type _n = (p); _n ? container_of(_n, type, member) : NULL; })
#define hlist_for_each_entry(p, head, member)					\
	for (p = hlist_entry_or_null((head)->first, __typeof__(*p), member); p;	\
	     p = hlist_entry_or_null(p->member.next, __typeof__(*p), member))

#define lower_32_bits(n)	((u32)(n))
#define upper_32_bits(n)	((u32)((n) >> 32))

/* Any hash does, and one that meets others often is the better one here. */
static inline u32 jhash2(const u32 *words, u32 n, u32 seed)
{
	while (n--)
		seed ^= *words++ & 0x3;
	return seed;
}

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline void __list_add(struct list_head *entry, struct list_head *prev,
			      struct list_head *next)
{
	next->prev = entry;
	entry->next = next;
	entry->prev = prev;
	prev->next = entry;
}

#define list_add(entry, head)		__list_add(entry, head, (head)->next)
#define list_add_tail(entry, head)	__list_add(entry, (head)->prev, head)

static inline void list_del(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
}

#define list_entry(p, type, member)	container_of(p, type, member)
#define list_first_entry_or_null(head, type, member) \
	((head)->next == (head) ? NULL : list_entry((head)->next, type, member))
#define list_for_each_entry(p, head, member)				\
	for (p = list_entry((head)->next, __typeof__(*p), member);	\
	     &p->member != (head); p = list_entry(p->member.next, __typeof__(*p), member))
#define list_for_each_entry_safe(p, n, head, member)			\
	for (p = list_entry((head)->next, __typeof__(*p), member),	\
	     n = list_entry(p->member.next, __typeof__(*p), member);	\
	     &p->member != (head);					\
	     p = n, n = list_entry(n->member.next, __typeof__(*n), member))

/* One thread: locks are there to be spelt. */
struct mutex {
	bool locked;
};

static inline void mutex_lock(struct mutex *lock)
{
	WARN_ON(lock->locked);
	lock->locked = true;
}

static inline void mutex_unlock(struct mutex *lock)
{
	WARN_ON(!lock->locked);
	lock->locked = false;
}

#define spin_lock_bh(lock)	((void)(lock))
#define spin_unlock_bh(lock)	((void)(lock))
#define local_bh_disable()
#define local_bh_enable()
#define rcu_read_lock()
#define rcu_read_unlock()
#define rcu_dereference(p)	(p)
#define rcu_dereference_check(p, c) ((void)(c), (p))
#define rcu_dereference_protected(p, c) (p)
#define atomic_read(v)		((v)->counter)
#define DECLARE_PER_CPU(type, name) extern type name
#define in_serving_softirq()	false
#define this_cpu_read(x)	(x)
#define this_cpu_inc(x)		((x)++)
#define this_cpu_add(x, n)	((x) += (n))

/* Sparse arrays: a fixed number of places, which is more than a message can fill. */
#define XA_PLACES	64

struct xarray {
	unsigned long index[XA_PLACES];
	void *entry[XA_PLACES];
};

void *xa_load(struct xarray *xa, unsigned long index);
int xa_put(struct xarray *xa, unsigned long index, void *entry);
/* The entry with the least index from @*index on, at most @last; NULL at the end. */
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long last);
#define xa_for_each_range(xa, i, entry, first, last)			\
	for (i = (first), entry = xa_find(xa, &(i), last); entry;	\
	     i++, entry = i ? xa_find(xa, &(i), last) : NULL)
#define xa_for_each_start(xa, i, entry, first) \
	xa_for_each_range(xa, i, entry, first, ULONG_MAX)

#define refcount_inc(r)	((r)->counter++)
#define percpu_ref_put(ref)	((void)(ref))

/* Only pointed to, or only there to have a size. */
struct rcu_head { void *unused[2]; };
struct llist_node { struct llist_node *next; };
struct work_struct { void *unused; };
struct delayed_work { struct work_struct work; };
struct workqueue_struct;
struct timer_list { void *unused; };
struct ratelimit_state { int unused; };
struct percpu_ref { void *unused; };
struct bio_vec { void *page; unsigned int len, offset; };
struct page;
struct module;
struct kmem_cache;
struct bpf_map;
struct scm_creds { u32 pid; uid_t uid; gid_t gid; };
struct notifier_block;
struct file;
struct user_namespace;
struct net {
	void *l7fp;
	struct sock *genl_sock;
};


struct sock {
	struct net *net;
	u8 sk_state;
	void *sk_user_data;
};

struct inet_connection_sock {
	const void *icsk_ulp_ops;
};

struct socket {
	struct sock *sk;
};

#define sock_net(sk)		((sk)->net)
#define sk_is_tcp(sk)		true
#define TCP_ESTABLISHED		1
struct inet_connection_sock *inet_csk(struct sock *sk);
struct socket *sockfd_lookup(int fd, int *err);
void sockfd_put(struct socket *sock);

extern struct net init_net;
#define read_pnet(pnet)		((struct net *)(pnet)->net)
#define write_pnet(pnet, value)	((pnet)->net = (value))
#define net_generic(ns, id)	((void)(id), (ns)->l7fp)
static inline bool net_eq(const struct net *a, const struct net *b)
{
	return a == b;
}

extern unsigned long jiffies;
#define jiffies_to_msecs(j)	((u32)(j) * 4)
#define msecs_to_jiffies(ms)	((ms) / 4)
#define jiffies_64_to_clock_t(j) (j)
#define nsecs_to_jiffies(ns)	((ns) / 4000000)
#define __ratelimit(state)	((void)(state), 1)

/* A buffer of one message. */
struct sk_buff {
	unsigned int len;
	unsigned int size;
	struct sock *sk;
	char cb[48] __aligned(8);
	unsigned char *head, *data;
	void (*destructor)(struct sk_buff *skb);
};

static inline unsigned char *skb_tail_pointer(const struct sk_buff *skb)
{
	return skb->data + skb->len;
}

static inline unsigned int skb_tailroom(const struct sk_buff *skb)
{
	return skb->size - skb->len;
}

#define is_vmalloc_addr(p)	((void)(p), false)
#define skb_clone(skb, gfp)	((struct sk_buff *)NULL)
#define __skb_put(skb, len)	skb_put(skb, len)
void *skb_put(struct sk_buff *skb, unsigned int len);
#define skb_put_zero(skb, len)	memset(skb_put(skb, len), 0, len)
#define skb_put_data(skb, from, len) memcpy(skb_put(skb, len), from, len)
void skb_trim(struct sk_buff *skb, unsigned int len);
struct sk_buff *alloc_skb(unsigned int size, gfp_t gfp);
void kfree_skb(struct sk_buff *skb);
#define consume_skb(skb)	kfree_skb(skb)
#define SKB_WITH_OVERHEAD(size)	((size) - 320)
#define SKB_DATA_ALIGN(size)	ALIGN(size, 64)
/* Not copied: tells what uninitialised bytes would be. */
#define NUMA_NO_NODE		(-1)

static inline bool ipv6_addr_v4mapped(const struct in6_addr *a)
{
	return !a->s6_addr32[0] && !a->s6_addr32[1] && a->s6_addr32[2] == htonl(0xffff);
}

ssize_t strscpy_pad_bytes(char *to, const char *from, size_t size);
#define memset_after(p, value, member) \
	memset((char *)(p) + offsetof(__typeof__(*(p)), member) + sizeof((p)->member), value, \
	       sizeof(*(p)) - offsetof(__typeof__(*(p)), member) - sizeof((p)->member))
static inline int scnprintf(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to, size, format, args);
	va_end(args);
	return size ? min(n, (int)size - 1) : 0;
}

#endif /* _L7FP_FUZZ_SHIM_H */
