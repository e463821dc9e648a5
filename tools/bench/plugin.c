// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCG plugin for QEMU: counts the instructions of the guest by task and by function of its
 * kernel, exactly, between two marks.
 *
 *   -plugin plugin.so,symbols=FILE,out=FILE
 *
 * symbols: /proc/kallsyms of the same kernel, booted with nokaslr as the guest must be.
 * out: for each pair of marks a line "segment NUMBER", then lines "STACK FUNCTION COUNT": the
 * task's kernel stack (tasks.bpf.c tells whose it is), and "user", the name of a function, or an
 * address in hexadecimal where modules and BPF programs live, which come and go. Instructions of
 * interrupts belong to the task that they interrupted.
 *
 * A mark is a call of swapoff(2), with whatever argument: tools/bench/load makes it, and nothing
 * else does in the virtual machine.
 *
 * A task is known by its stack. Plugins cannot read registers (QEMU 7.2), but they see addresses
 * of memory accesses: the last one of __switch_to_asm pops from the stack of the task that is
 * switched to.
 *
 * Blocks are counted as a whole when they begin; one that is left by a fault is counted again
 * when it is resumed, which is noise below a tenth of a percent.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of QEMU's plugin interface; Debian has no package with its header. */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint32_t qemu_plugin_meminfo_t;
enum { CB_NO_REGS = 0, MEM_RW = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int vcpu, void *data),
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int vcpu, void *data),
					    int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*cb)(unsigned int vcpu, qemu_plugin_meminfo_t info,
						 uint64_t address, void *data),
				      int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))

/* 1 for QEMU before 8.2; the functions above are the same in all versions so far. */
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION 1
#endif
EXPORT extern int qemu_plugin_version;
int qemu_plugin_version = PLUGIN_VERSION;

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

#define STACK_SIZE	16384	/* THREAD_SIZE of x86-64 without KASAN */
#define MAX_VCPUS	64
#define MAX_TASKS	4096
#define MAX_FUNCTIONS	(1u << 18)
#define KERNEL_TEXT	0xffffffff80000000ULL
#define MODULES		0xffffffffa0000000ULL	/* and above: modules and BPF programs */

struct symbol {
	uint64_t address;
	char *name;
	uint32_t function;	/* number among those that were met; 0: not met */
};

struct function {
	uint64_t address;	/* name == NULL */
	const char *name;
};

struct task {
	uint64_t stack;
	uint64_t *counts;	/* by number of function */
};

struct block {
	uint32_t function;
	uint16_t insns;
	bool switches;		/* of __switch_to_asm */
};

static struct symbol *symbols;
static size_t n_symbols;
static struct function functions[MAX_FUNCTIONS];
static uint32_t n_functions = 1;	/* 0 is user space */
/* Functions without a name, by address: open addressing. */
static uint32_t anonymous[MAX_FUNCTIONS * 2];
static struct task tasks[MAX_TASKS];
static struct task *current[MAX_VCPUS];
static bool switching[MAX_VCPUS];
static bool counting;
static unsigned int segments;
static FILE *out;
static uint64_t switch_begin, switch_end, mark_address;

static void die(const char *what)
{
	fprintf(stderr, "tools/bench/plugin.c: %s\n", what);
	exit(1);
}

static struct task *task_of(uint64_t stack)
{
	size_t i = (stack / STACK_SIZE * 2654435761u) % MAX_TASKS;
	size_t tried;

	for (tried = 0; tried < MAX_TASKS; tried++, i = (i + 1) % MAX_TASKS) {
		if (tasks[i].counts && tasks[i].stack == stack)
			return &tasks[i];
		if (!tasks[i].counts) {
			tasks[i].stack = stack;
			tasks[i].counts = calloc(MAX_FUNCTIONS, sizeof(*tasks[i].counts));
			if (!tasks[i].counts)
				die("no memory");
			return &tasks[i];
		}
	}
	die("more kernel stacks than MAX_TASKS");
	return NULL;
}

static uint32_t new_function(uint64_t address, const char *name)
{
	if (n_functions == MAX_FUNCTIONS)
		die("more functions than MAX_FUNCTIONS");
	functions[n_functions].address = address;
	functions[n_functions].name = name;
	return n_functions++;
}

static uint32_t anonymous_function(uint64_t address)
{
	size_t i = (address * 0x9e3779b97f4a7c15ULL) >> 45;

	for (;; i = (i + 1) % (MAX_FUNCTIONS * 2)) {
		if (!anonymous[i])
			return anonymous[i] = new_function(address, NULL);
		if (functions[anonymous[i]].address == address)
			return anonymous[i];
	}
}

/* The last symbol at or below the address. */
static uint32_t function_of(uint64_t address)
{
	size_t low = 0, high = n_symbols;

	if (!(address >> 63))
		return 0;
	if (address < KERNEL_TEXT || address >= MODULES)
		return anonymous_function(address);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return anonymous_function(address);
	if (!symbols[low - 1].function)
		symbols[low - 1].function = new_function(symbols[low - 1].address,
							 symbols[low - 1].name);
	return symbols[low - 1].function;
}

static void on_switch(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	(void)info;
	(void)data;
	/*
	 * QEMU 7.2 goes on calling it for accesses by helpers after the block has ended, and
	 * takes stores for loads. The addresses before the last are not those of a stack, or of
	 * the one that is left; only tasks that counted are printed.
	 */
	if (switching[vcpu % MAX_VCPUS])
		current[vcpu % MAX_VCPUS] = task_of(address & ~(uint64_t)(STACK_SIZE - 1));
}

static void on_block(unsigned int vcpu, void *data)
{
	const struct block *b = data;

	vcpu %= MAX_VCPUS;
	switching[vcpu] = b->switches;
	if (!counting)
		return;
	if (!current[vcpu])
		current[vcpu] = task_of(0);
	current[vcpu]->counts[b->function] += b->insns;
}

static void dump(void)
{
	size_t t;
	uint32_t f;

	fprintf(out, "segment %u\n", segments++);
	for (t = 0; t < MAX_TASKS; t++) {
		if (!tasks[t].counts)
			continue;
		for (f = 0; f < n_functions; f++) {
			if (!tasks[t].counts[f])
				continue;
			fprintf(out, "%" PRIx64 " ", tasks[t].stack);
			if (!f)
				fputs("user", out);
			else if (functions[f].name)
				fputs(functions[f].name, out);
			else
				fprintf(out, "%" PRIx64, functions[f].address);
			fprintf(out, " %" PRIu64 "\n", tasks[t].counts[f]);
		}
	}
	fflush(out);
}

static void on_mark(unsigned int vcpu, void *data)
{
	size_t t;

	(void)vcpu;
	(void)data;
	if (counting) {
		dump();
	} else {
		for (t = 0; t < MAX_TASKS; t++) {
			if (tasks[t].counts)
				memset(tasks[t].counts, 0,
				       n_functions * sizeof(*tasks[t].counts));
		}
	}
	counting = !counting;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *b = malloc(sizeof(*b));
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	uint64_t address = qemu_plugin_tb_vaddr(tb);

	(void)id;
	if (!b)
		die("no memory");
	b->function = function_of(address);
	b->insns = n;
	b->switches = address >= switch_begin && address < switch_end;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, CB_NO_REGS, b);
	if (address == mark_address)
		qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), on_mark,
						       CB_NO_REGS, NULL);
	if (!b->switches)
		return;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_vaddr(insn) < switch_end)
			qemu_plugin_register_vcpu_mem_cb(insn, on_switch, CB_NO_REGS, MEM_RW, NULL);
	}
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void read_symbols(const char *name)
{
	FILE *f = fopen(name, "r");
	size_t size = 0, i;
	char line[1024];

	if (!f)
		die("the file of symbols cannot be opened");
	while (fgets(line, sizeof(line), f)) {
		uint64_t address;
		char type, word[512];

		if (sscanf(line, "%" SCNx64 " %c %511s", &address, &type, word) != 3 ||
		    address < KERNEL_TEXT || address >= MODULES || !strchr("tTwW", type))
			continue;
		if (n_symbols == size) {
			size = size ? size * 2 : 65536;
			symbols = realloc(symbols, size * sizeof(*symbols));
			if (!symbols)
				die("no memory");
		}
		symbols[n_symbols].address = address;
		symbols[n_symbols].name = strdup(word);
		symbols[n_symbols++].function = 0;
	}
	fclose(f);
	qsort(symbols, n_symbols, sizeof(*symbols), by_address);
	for (i = 0; i < n_symbols; i++) {
		if (!strcmp(symbols[i].name, "__x64_sys_swapoff"))
			mark_address = symbols[i].address;
		if (!strcmp(symbols[i].name, "__switch_to_asm") && i + 1 < n_symbols) {
			switch_begin = symbols[i].address;
			switch_end = symbols[i + 1].address;
		}
	}
	if (!mark_address || !switch_begin)
		die("the file of symbols lacks __x64_sys_swapoff or __switch_to_asm");
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "symbols=", 8)) {
			read_symbols(argv[i] + 8);
		} else if (!strncmp(argv[i], "out=", 4)) {
			out = fopen(argv[i] + 4, "w");
		} else {
			die("unknown argument");
		}
	}
	/* Without arguments: only for a kernel that was booted alike, to read its symbols. */
	if (!argc)
		return 0;
	if (!out || !n_symbols)
		die("expected symbols=FILE,out=FILE, both to be opened");
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
