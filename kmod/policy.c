// SPDX-License-Identifier: GPL-2.0-only
/*
 * The struct_ops that policies register, and the generations that they belong to.
 *
 * A generation's life: BUILDING (tables arrive), PREPARED (complete; holds its
 * struct_ops map), CURRENT (attached: new exchanges take it), DRAINING
 * (replaced or detached; the last exchange's put frees it from a work item).
 *
 * Locks. The BPF core calls reg, update and unreg under a mutex of its own,
 * but for the unreg of a link's last reference. attachments_lock comes next,
 * then l7fp_net.lock; neither is held when anything of the BPF core is called
 * that takes the first.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "compat.h"
#include "policy.h"
#include "slowpath.h"
#include "state.h"
#include "tables.h"

/* A link and the namespace that it attached a policy to. */
struct attachment {
	struct list_head list;
	struct bpf_link *link;
	struct l7fp_net *ln;		/* NULL: the namespace is gone */
};

static LIST_HEAD(attachments);
static DEFINE_MUTEX(attachments_lock);
static struct workqueue_struct *release_wq;
static atomic64_t serials;

static void generation_destroy(struct l7fp_generation *generation)
{
	percpu_ref_exit(&generation->ref);
	l7fp_tables_free(generation);
	l7fp_slow_path_free(generation);
	free_percpu(generation->exchanges);
	if (generation->map)
		bpf_map_put(generation->map);
	kfree(generation);
}

static void generation_release_work(struct work_struct *work)
{
	struct l7fp_generation *generation =
		container_of(work, struct l7fp_generation, release_work);
	struct l7fp_net *ln = generation->net;

	mutex_lock(&ln->lock);
	list_del(&generation->list);
	ln->sequence++;
	wake_up_all(&ln->released);
	mutex_unlock(&ln->lock);
	generation_destroy(generation);
}

/* The last exchange may end in softirq. */
static void generation_release(struct percpu_ref *ref)
{
	struct l7fp_generation *generation = container_of(ref, struct l7fp_generation, ref);

	queue_work(release_wq, &generation->release_work);
}

struct l7fp_generation *l7fp_generation_find(struct l7fp_net *ln, u64 number)
{
	struct l7fp_generation *generation;

	lockdep_assert_held(&ln->lock);
	list_for_each_entry(generation, &ln->generations, list)
		if (generation->number == number)
			return generation;
	return NULL;
}

struct l7fp_generation *l7fp_generation_new(struct l7fp_net *ln, u64 number)
{
	struct l7fp_generation *generation;

	lockdep_assert_held(&ln->lock);
	generation = kzalloc(sizeof(*generation), GFP_KERNEL_ACCOUNT);
	if (!generation)
		return ERR_PTR(-ENOMEM);
	generation->exchanges = alloc_percpu(s64);
	if (!generation->exchanges)
		goto free_generation;
	if (percpu_ref_init(&generation->ref, generation_release, 0, GFP_KERNEL))
		goto free_exchanges;
	generation->number = number;
	generation->serial = atomic64_inc_return(&serials);
	generation->net = ln;
	generation->state = L7FP_GENERATION_BUILDING;
	INIT_LIST_HEAD(&generation->blocks);
	INIT_WORK(&generation->release_work, generation_release_work);
	list_add_tail(&generation->list, &ln->generations);
	ln->n_generations++;
	return generation;

free_exchanges:
	free_percpu(generation->exchanges);
free_generation:
	kfree(generation);
	return ERR_PTR(-ENOMEM);
}

void l7fp_generation_free(struct l7fp_generation *generation)
{
	struct l7fp_net *ln = generation->net;

	lockdep_assert_held(&ln->lock);
	list_del(&generation->list);
	ln->n_generations--;
	generation_destroy(generation);
}

int l7fp_generation_hold(struct l7fp_generation *generation, int fd)
{
	struct bpf_map *map = bpf_map_get(fd);

	lockdep_assert_held(&generation->net->lock);
	if (IS_ERR(map))
		return PTR_ERR(map);
	/* That it is one of ours shows at reg, by where the value lies. */
	if (map->map_type != BPF_MAP_TYPE_STRUCT_OPS || !(map->map_flags & BPF_F_LINK)) {
		bpf_map_put(map);
		return -EINVAL;
	}
	generation->map = map;
	generation->state = L7FP_GENERATION_PREPARED;
	return 0;
}

s64 l7fp_generation_exchanges(const struct l7fp_generation *generation)
{
	s64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(generation->exchanges, cpu));
	return max_t(s64, sum, 0);
}

struct l7fp_generation *l7fp_generation_get(struct l7fp_net *ln)
{
	struct l7fp_generation *generation;

	rcu_read_lock();
	do {
		generation = rcu_dereference(ln->current_generation);
		/* A failure means that another one is current by now. */
	} while (generation && unlikely(!percpu_ref_tryget(&generation->ref)));
	rcu_read_unlock();
	return generation;
}

/* New exchanges take @next (or find no policy) from here on. */
static void generation_swap(struct l7fp_net *ln, struct l7fp_generation *next)
{
	struct l7fp_generation *old =
		rcu_dereference_protected(ln->current_generation, lockdep_is_held(&ln->lock));

	if (next)
		next->state = L7FP_GENERATION_CURRENT;
	rcu_assign_pointer(ln->current_generation, next);
	ln->sequence++;
	if (old) {
		old->state = L7FP_GENERATION_DRAINING;
		ln->n_generations--;
		percpu_ref_kill(&old->ref);
	}
}

/*
 * Is @kdata inside @map? The map's layout is private to the BPF core, but a
 * value lies in the same allocation as its map, and no two of them overlap.
 * Where that is not from kmalloc() it has pages of its own; one is enough.
 */
static bool map_contains(const struct bpf_map *map, const void *kdata)
{
	size_t size = is_vmalloc_addr(map) ? PAGE_SIZE : ksize(map);

	return kdata >= (const void *)map &&
	       kdata + sizeof(struct l7fp_policy) <= (const void *)map + size;
}

/* The generation that @ops was prepared for in @ln, or a negative error. */
static struct l7fp_generation *generation_of(struct l7fp_net *ln, struct l7fp_policy *ops)
{
	struct l7fp_generation *generation = l7fp_generation_find(ln, ops->generation);

	if (ln->dead)
		return ERR_PTR(-ENODEV);
	if (!generation || !generation->map || !map_contains(generation->map, ops))
		return ERR_PTR(-ENOENT);
	return generation;
}

static int policy_reg(void *kdata, struct bpf_link *link)
{
	struct l7fp_net *ln = l7fp_net(current->nsproxy->net_ns);
	struct l7fp_generation *generation;
	struct l7fp_policy *ops = kdata;
	struct attachment *attachment;
	int err = 0;

	if (!link)
		return -EOPNOTSUPP;
	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		return -ENOMEM;
	attachment->link = link;
	attachment->ln = ln;

	mutex_lock(&attachments_lock);
	mutex_lock(&ln->lock);
	generation = generation_of(ln, ops);
	if (IS_ERR(generation)) {
		err = PTR_ERR(generation);
	} else if (ln->link) {
		err = -EBUSY;
	} else if (generation->state != L7FP_GENERATION_PREPARED) {
		err = -ENOENT;
	} else {
		generation->ops = ops;
		ln->link = link;
		generation_swap(ln, generation);
		list_add(&attachment->list, &attachments);
	}
	mutex_unlock(&ln->lock);
	mutex_unlock(&attachments_lock);
	if (err)
		kfree(attachment);
	return err;
}

static struct attachment *attachment_find(struct bpf_link *link)
{
	struct attachment *attachment;

	lockdep_assert_held(&attachments_lock);
	list_for_each_entry(attachment, &attachments, list)
		if (attachment->link == link)
			return attachment;
	return NULL;
}

static void policy_unreg(void *kdata, struct bpf_link *link)
{
	struct attachment *attachment;
	struct l7fp_net *ln;

	mutex_lock(&attachments_lock);
	attachment = attachment_find(link);
	if (attachment) {
		ln = attachment->ln;
		if (ln) {
			mutex_lock(&ln->lock);
			generation_swap(ln, NULL);
			ln->link = NULL;
			mutex_unlock(&ln->lock);
		}
		list_del(&attachment->list);
		kfree(attachment);
	}
	mutex_unlock(&attachments_lock);
}

static int policy_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	struct l7fp_generation *generation;
	struct l7fp_policy *ops = kdata;
	struct attachment *attachment;
	struct l7fp_net *ln;
	int err = 0;

	mutex_lock(&attachments_lock);
	attachment = attachment_find(link);
	ln = attachment ? attachment->ln : NULL;
	if (!ln) {
		err = -ENOLINK;
		goto unlock;
	}
	mutex_lock(&ln->lock);
	generation = generation_of(ln, ops);
	if (IS_ERR(generation)) {
		err = PTR_ERR(generation);
	} else if (generation->state == L7FP_GENERATION_PREPARED) {
		generation->ops = ops;
		generation_swap(ln, generation);
	} else if (generation->state != L7FP_GENERATION_CURRENT) {
		err = -ENOENT;
	}
	mutex_unlock(&ln->lock);
unlock:
	mutex_unlock(&attachments_lock);
	return err;
}

void l7fp_generations_exit(struct l7fp_net *ln)
{
	struct l7fp_generation *generation, *next;
	struct attachment *attachment;

	mutex_lock(&attachments_lock);
	list_for_each_entry(attachment, &attachments, list)
		if (attachment->ln == ln)
			attachment->ln = NULL;
	mutex_unlock(&attachments_lock);

	mutex_lock(&ln->lock);
	generation_swap(ln, NULL);
	ln->link = NULL;
	list_for_each_entry_safe(generation, next, &ln->generations, list)
		if (generation->state != L7FP_GENERATION_DRAINING)
			l7fp_generation_free(generation);
	mutex_unlock(&ln->lock);

	wait_event(ln->released, list_empty_careful(&ln->generations));
	/* The work that emptied the list may still be inside mutex_unlock(). */
	flush_workqueue(release_wq);
}

static int policy_init(struct btf *btf)
{
	return 0;
}

static bool policy_is_valid_access(int off, int size, enum bpf_access_type type,
				   const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static const struct bpf_func_proto *policy_func_proto(enum bpf_func_id id,
						      const struct bpf_prog *prog)
{
	return bpf_base_func_proto(id, prog);
}

/* No btf_struct_access: programs read what they are given, and change it by kfuncs only. */
static const struct bpf_verifier_ops policy_verifier_ops = {
	.is_valid_access = policy_is_valid_access,
	.get_func_proto = policy_func_proto,
};

static int policy_init_member(const struct btf_type *t, const struct btf_member *member,
			      void *kdata, const void *udata)
{
	const struct l7fp_policy *from = udata;
	struct l7fp_policy *to = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct l7fp_policy, generation):
		if (!from->generation)
			return -EINVAL;
		to->generation = from->generation;
		return 1;
	case offsetof(struct l7fp_policy, name):
		if (strnlen(from->name, sizeof(from->name)) == sizeof(from->name))
			return -EINVAL;
		strscpy(to->name, from->name, sizeof(to->name));
		return 1;
	}
	return 0;
}

/* The ops run under RCU and in softirq. */
static int policy_check_member(const struct btf_type *t, const struct btf_member *member,
			       const struct bpf_prog *prog)
{
	return prog->sleepable ? -EINVAL : 0;
}

static int policy_validate(void *kdata)
{
	const struct l7fp_policy *ops = kdata;

	return ops->request ? 0 : -EINVAL;
}

static int l7fp_policy__connect(struct l7fp_connection *conn)
{
	return 0;
}

static int l7fp_policy__request(struct l7fp_exchange *exchange)
{
	return 0;
}

static int l7fp_policy__response(struct l7fp_exchange *exchange)
{
	return 0;
}

static void l7fp_policy__done(struct l7fp_exchange *exchange)
{
}

static struct l7fp_policy policy_stubs = {
	.connect = l7fp_policy__connect,
	.request = l7fp_policy__request,
	.response = l7fp_policy__response,
	.done = l7fp_policy__done,
};

static struct bpf_struct_ops policy_struct_ops = {
	.verifier_ops = &policy_verifier_ops,
	.init = policy_init,
	.init_member = policy_init_member,
	.check_member = policy_check_member,
	.validate = policy_validate,
	.reg = policy_reg,
	.unreg = policy_unreg,
	.update = policy_update,
	.cfi_stubs = &policy_stubs,
	.name = "l7fp_policy",
	.owner = THIS_MODULE,
};

/* What is registered here goes with the module's BTF; nobody uses it before the module is live. */
int l7fp_policy_init(void)
{
	int err;

	release_wq = alloc_workqueue("l7fp_release", WQ_UNBOUND, 0);
	if (!release_wq)
		return -ENOMEM;
	err = register_bpf_struct_ops(&policy_struct_ops, l7fp_policy);
	if (err)
		destroy_workqueue(release_wq);
	return err;
}

/* After the last namespace's exit. */
void l7fp_policy_uninit(void)
{
	destroy_workqueue(release_wq);
}

L7FP_IMPORT_NS(BPF_INTERNAL);
