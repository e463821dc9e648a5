/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before each source of the module to build l7fp-fail.ko: every
 * allocation and registration may be told to fail (module parameter fail_at),
 * and what is allocated is counted until it is freed.
 */
#ifndef _L7FP_FAIL_H
#define _L7FP_FAIL_H

#include <linux/btf.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

/*
 * True for the allocation that fail_at names, counted from when it was set, and for
 * each that fail_every names.
 */
bool l7fp_fail(void);
/* Counts @p unless it is NULL, and returns it. */
void *l7fp_fail_count(void *p);
void l7fp_fail_uncount(const void *p);
/* Says in the log what is left; at the module's end. */
void l7fp_fail_report(void);

#ifndef L7FP_FAIL_C

static inline void *fail_kmalloc(size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kmalloc(size, gfp));
}

static inline void *fail_kzalloc(size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kzalloc(size, gfp));
}

static inline void *fail_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kmalloc_array(n, size, gfp));
}

static inline void *fail_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kcalloc(n, size, gfp));
}

static inline void *fail_krealloc(void *p, size_t size, gfp_t gfp)
{
	void *new = l7fp_fail() ? NULL : krealloc(p, size, gfp);

	if (!p)
		l7fp_fail_count(new);
	return new;
}

static inline void *fail_kvmalloc(size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kvmalloc(size, gfp));
}

static inline void *fail_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kvmalloc_node(size, gfp, node));
}

static inline void *fail_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kvcalloc(n, size, gfp));
}

static inline void *fail_nla_memdup(const struct nlattr *src, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(nla_memdup(src, gfp));
}

static inline void *fail_kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return l7fp_fail() ? NULL : l7fp_fail_count(kmem_cache_alloc(cache, gfp));
}

static inline struct kmem_cache *fail_kmem_cache_create(const char *name, unsigned int size,
							unsigned int align, slab_flags_t flags,
							void (*ctor)(void *object))
{
	return l7fp_fail() ? NULL : kmem_cache_create(name, size, align, flags, ctor);
}

static inline void __percpu *fail_alloc_percpu(size_t size, size_t align)
{
	void __percpu *p = l7fp_fail() ? NULL : __alloc_percpu(size, align);

	l7fp_fail_count((__force void *)p);
	return p;
}

static inline struct page *fail_alloc_pages(gfp_t gfp, unsigned int order)
{
	return l7fp_fail() ? NULL : alloc_pages(gfp, order);
}

static inline void *fail_page_frag_alloc(struct page_frag_cache *cache, unsigned int size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : page_frag_alloc(cache, size, gfp);
}

static inline struct sk_buff *fail_genlmsg_new(size_t size, gfp_t gfp)
{
	return l7fp_fail() ? NULL : genlmsg_new(size, gfp);
}

static inline int fail_percpu_ref_init(struct percpu_ref *ref, percpu_ref_func_t *release,
				       unsigned int flags, gfp_t gfp)
{
	return l7fp_fail() ? -ENOMEM : percpu_ref_init(ref, release, flags, gfp);
}

static inline int fail_genl_register_family(struct genl_family *family)
{
	return l7fp_fail() ? -ENOMEM : genl_register_family(family);
}

static inline int fail_register_pernet_subsys(struct pernet_operations *ops)
{
	return l7fp_fail() ? -ENOMEM : register_pernet_subsys(ops);
}

static inline int fail_register_kfuncs(enum bpf_prog_type type, const struct btf_kfunc_id_set *set)
{
	return l7fp_fail() ? -ENOMEM : register_btf_kfunc_id_set(type, set);
}

static inline int fail_sock_create_kern(struct net *net, int family, int type, int protocol,
					struct socket **sock)
{
	return l7fp_fail() ? -ENOMEM : sock_create_kern(net, family, type, protocol, sock);
}

static inline void *fail_xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	return l7fp_fail() ? xa_mk_internal(-ENOMEM) : xa_store(xa, index, entry, gfp);
}

static inline void fail_kfree(const void *p)
{
	l7fp_fail_uncount(p);
	kfree(p);
}

static inline void fail_kvfree(const void *p)
{
	l7fp_fail_uncount(p);
	kvfree(p);
}

static inline void fail_kmem_cache_free(struct kmem_cache *cache, void *p)
{
	l7fp_fail_uncount(p);
	kmem_cache_free(cache, p);
}

static inline void fail_free_percpu(void __percpu *p)
{
	l7fp_fail_uncount((__force void *)p);
	free_percpu(p);
}

#undef kmalloc
#undef kzalloc
#undef kmalloc_array
#undef kcalloc
#undef krealloc
#undef kvmalloc
#undef kvmalloc_node
#undef kvcalloc
#undef kmem_cache_alloc
#undef __alloc_percpu
#undef alloc_percpu
#undef alloc_pages
#undef page_frag_alloc
#undef KMEM_CACHE
#undef kmem_cache_create
#undef kfree_rcu
#define kmalloc			fail_kmalloc
#define kzalloc			fail_kzalloc
#define kmalloc_array		fail_kmalloc_array
#define kcalloc			fail_kcalloc
#define krealloc		fail_krealloc
#define kvmalloc		fail_kvmalloc
#define kvmalloc_node		fail_kvmalloc_node
#define kvcalloc		fail_kvcalloc
#define nla_memdup		fail_nla_memdup
#define kmem_cache_alloc	fail_kmem_cache_alloc
#define __alloc_percpu		fail_alloc_percpu
#define alloc_percpu(type)	\
	((typeof(type) __percpu *)fail_alloc_percpu(sizeof(type), __alignof__(type)))
#define alloc_pages		fail_alloc_pages
#define page_frag_alloc		fail_page_frag_alloc
#define genlmsg_new		fail_genlmsg_new
#define percpu_ref_init		fail_percpu_ref_init
#define genl_register_family	fail_genl_register_family
#define register_pernet_subsys	fail_register_pernet_subsys
#define register_btf_kfunc_id_set fail_register_kfuncs
#define sock_create_kern	fail_sock_create_kern
#define xa_store		fail_xa_store
#define kfree			fail_kfree
#define kvfree			fail_kvfree
#define kmem_cache_free		fail_kmem_cache_free
#define free_percpu		fail_free_percpu
#define alloc_workqueue(...)	(l7fp_fail() ? NULL : (alloc_workqueue)(__VA_ARGS__))
#define kmem_cache_create	fail_kmem_cache_create
#define KMEM_CACHE(type, flags)	\
	fail_kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)
#define kfree_rcu(p, head)	\
	do { l7fp_fail_uncount(p); kvfree_rcu_arg_2(p, head); } while (0)

/* The ends of the module: say what is left. */
#undef module_init
#undef module_exit
#define module_init(fn)							\
int __init init_module(void)						\
{									\
	int err = fn();							\
									\
	if (err)							\
		l7fp_fail_report();					\
	return err;							\
}
#define module_exit(fn)							\
void __exit cleanup_module(void)					\
{									\
	fn();								\
	l7fp_fail_report();						\
}

#endif /* L7FP_FAIL_C */

#endif /* _L7FP_FAIL_H */
