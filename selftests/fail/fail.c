// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failures on demand: fail_at=N lets the Nth allocation from now on fail, once.
 * It is 0 when that has happened. fail_every=N lets each Nth one fail of those
 * that the engine makes, in softirq and in its work queues, not in a request of
 * user space; failed says how many.
 */
#define L7FP_FAIL_C
#include "fail.h"

static atomic_t fail_at = ATOMIC_INIT(0);
static atomic64_t left = ATOMIC64_INIT(0);

static int set_fail_at(const char *value, const struct kernel_param *param)
{
	int n, err;

	err = kstrtoint(value, 0, &n);
	if (!err)
		atomic_set(&fail_at, n);
	return err;
}

static int get_fail_at(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&fail_at));
}

static const struct kernel_param_ops fail_at_ops = {
	.set = set_fail_at,
	.get = get_fail_at,
};

module_param_cb(fail_at, &fail_at_ops, NULL, 0600);

static unsigned int fail_every;
module_param(fail_every, uint, 0600);

static atomic_t turn = ATOMIC_INIT(0);
static atomic_t failed = ATOMIC_INIT(0);

static int get_failed(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&failed));
}

static const struct kernel_param_ops failed_ops = {
	.get = get_failed,
};

module_param_cb(failed, &failed_ops, NULL, 0400);

static bool fail_this_turn(void)
{
	unsigned int every = READ_ONCE(fail_every);

	if (!every || (in_task() && !(current->flags & PF_KTHREAD)) ||
	    (unsigned int)atomic_inc_return(&turn) % every)
		return false;
	atomic_inc(&failed);
	return true;
}

bool l7fp_fail(void)
{
	int n = atomic_read(&fail_at);

	if (fail_this_turn())
		return true;
	while (n > 0)
		if (atomic_try_cmpxchg(&fail_at, &n, n - 1))
			return n == 1;
	return false;
}

void *l7fp_fail_count(void *p)
{
	if (p)
		atomic64_inc(&left);
	return p;
}

void l7fp_fail_uncount(const void *p)
{
	if (p)
		atomic64_dec(&left);
}

void l7fp_fail_report(void)
{
	pr_info("l7fp-fail: %lld allocations left\n", atomic64_read(&left));
}
