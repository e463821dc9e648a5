// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An iterator that lists the kernel stacks of all tasks, which is how plugin.c knows them:
 * "STACK PID THREAD-GROUP NAME-OF-ITS-LEADER".
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* Only the members that are read; CO-RE finds them. */
struct seq_file;

struct task_struct {
	void *stack;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;

	if (task)
		BPF_SEQ_PRINTF(seq, "%lx %d %d %s\n", (unsigned long)task->stack, task->pid,
			       task->tgid, task->group_leader->comm);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
