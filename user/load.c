// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a synthesized program to the current policy: BTF of the module, the
 * verifier, the struct_ops map and the link.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include "../kmod/codec.h"
#include "../kmod/context.h"
#include "load.h"

#define MODULE_NAME	"l7fp"
#define OPS_STRUCT	"l7fp_policy"
#define VALUE_STRUCT	"bpf_struct_ops_l7fp_policy"
#define VERIFIER_LOG	(1U << 20)	/* its end, which has the reason */

/* The module as its BTF describes it. */
struct module {
	struct btf *vmlinux, *btf;
	int btf_fd;
	int ops_id, value_id;
	uint32_t kfunc_id[__SYNTH_KFUNC_MAX];
};

/* Where a program reads. */
struct field {
	const char *type, *member;
	uint32_t offset, size;
};

#define FIELD(type, member) \
	{ #type, #member, offsetof(struct type, member), sizeof(((struct type *)0)->member) }

static const struct field layout[] = {
	FIELD(l7fp_exchange, conn),
	FIELD(l7fp_exchange, method),
	FIELD(l7fp_exchange, path_len),
	FIELD(l7fp_exchange, authority_len),
	FIELD(l7fp_exchange, cluster),
	FIELD(l7fp_exchange, attempt),
	FIELD(l7fp_exchange, path),
	FIELD(l7fp_exchange, authority),
	FIELD(l7fp_connection, src_addr),
	FIELD(l7fp_connection, dst_addr),
	FIELD(l7fp_connection, src_port),
	FIELD(l7fp_connection, dst_port),
	FIELD(l7fp_policy, request),
	FIELD(l7fp_policy, generation),
	FIELD(l7fp_policy, name),
};

static int __attribute__((format(printf, 4, 5)))
fail(int err, char *error, size_t error_len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, error_len, format, args);
	va_end(args);
	return err;
}

/* The BTF's own file descriptor; programs and maps name the module by it. */
static int module_btf_fd(void)
{
	uint32_t id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		struct bpf_btf_info info = { 0 };
		char name[64] = "";
		uint32_t len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0)
			continue;
		info.name = (uintptr_t)name;
		info.name_len = sizeof(name);
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.kernel_btf &&
		    !strcmp(name, MODULE_NAME))
			return fd;
		close(fd);
	}
	return -errno;
}

static const struct btf_member *find_member(const struct btf *btf, int type_id, const char *name,
					    int *index)
{
	const struct btf_type *type = btf__type_by_id(btf, (uint32_t)type_id);
	const struct btf_member *member = btf_members(type);

	for (int i = 0; i < btf_vlen(type); i++) {
		if (strcmp(btf__name_by_offset(btf, member[i].name_off), name))
			continue;
		*index = i;
		return &member[i];
	}
	return NULL;
}

/* A type of the module's own: the kernel's many are not searched. */
static int find_type(const struct btf *btf, const char *name, uint32_t kind)
{
	const struct btf *base = btf__base_btf(btf);
	uint32_t n = btf__type_cnt(btf);

	for (uint32_t id = base ? btf__type_cnt(base) : 1; id < n; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_kind(type) == kind &&
		    !strcmp(btf__name_by_offset(btf, type->name_off), name))
			return (int)id;
	}
	return -ENOENT;
}

/* Offset of a member in bytes, or -ENOENT. */
static int member_offset(const struct btf *btf, int type_id, const char *name)
{
	int index;

	if (!find_member(btf, type_id, name, &index))
		return -ENOENT;
	return (int)(btf_member_bit_offset(btf__type_by_id(btf, (uint32_t)type_id),
					   (uint32_t)index) / 8);
}

static int check_layout(const struct btf *btf, char *error, size_t error_len)
{
	for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
		const struct field *f = &layout[i];
		const struct btf_member *member = NULL;
		int index, offset = -1, size = -1;
		int id = find_type(btf, f->type, BTF_KIND_STRUCT);

		if (id > 0)
			member = find_member(btf, id, f->member, &index);
		if (member) {
			offset = member_offset(btf, id, f->member);
			size = (int)btf__resolve_size(btf, member->type);
		}
		if (offset != (int)f->offset || size != (int)f->size)
			return fail(-EPROTO, error, error_len,
				    "the loaded module has struct %s.%s at offset %d with %d bytes, this program expects offset %u with %u bytes: install module and l7fp-tool of the same version",
				    f->type, f->member, offset, size, f->offset, f->size);
	}
	return 0;
}

static void module_close(struct module *module)
{
	btf__free(module->btf);
	btf__free(module->vmlinux);
	if (module->btf_fd >= 0)
		close(module->btf_fd);
}

static int find_ids(struct module *module, char *error, size_t error_len)
{
	module->ops_id = find_type(module->btf, OPS_STRUCT, BTF_KIND_STRUCT);
	module->value_id = find_type(module->btf, VALUE_STRUCT, BTF_KIND_STRUCT);
	if (module->ops_id < 0 || module->value_id < 0)
		return fail(-EPROTO, error, error_len,
			    "the BTF of module " MODULE_NAME " has no struct " VALUE_STRUCT ": install module and l7fp-tool of the same version");
	for (int i = 0; i < __SYNTH_KFUNC_MAX; i++) {
		int id = find_type(module->btf, synth_kfunc_name[i], BTF_KIND_FUNC);

		if (id < 0)
			return fail(-EPROTO, error, error_len,
				    "module " MODULE_NAME " has no kfunc %s: install module and l7fp-tool of the same version",
				    synth_kfunc_name[i]);
		module->kfunc_id[i] = (uint32_t)id;
	}
	return check_layout(module->btf, error, error_len);
}

static int module_open(struct module *module, char *error, size_t error_len)
{
	int err;

	*module = (struct module){ .btf_fd = -1 };
	module->vmlinux = btf__load_vmlinux_btf();
	if (!module->vmlinux)
		return fail(-ENOENT, error, error_len,
			    "cannot read the kernel's BTF (/sys/kernel/btf/vmlinux): %s; the kernel needs CONFIG_DEBUG_INFO_BTF",
			    strerror(errno));
	module->btf = btf__load_module_btf(MODULE_NAME, module->vmlinux);
	module->btf_fd = module->btf ? module_btf_fd() : -errno;
	if (module->btf_fd < 0) {
		err = module->btf_fd == -EPERM ? -EPERM : -ENOENT;
		fail(err, error, error_len,
		     err == -EPERM ? "reading the module's BTF needs root (CAP_SYS_ADMIN)" :
				     "module " MODULE_NAME " is not loaded, or has no BTF: try modprobe " MODULE_NAME);
	} else {
		err = find_ids(module, error, error_len);
	}
	if (err)
		module_close(module);
	return err;
}

/* The program with the kfuncs' BTF ids, or NULL. */
static struct bpf_insn *bind_kfuncs(const struct module *module, const struct bpf_insn *code,
				    size_t n)
{
	struct bpf_insn *insn = malloc(n * sizeof(*insn) + 1);

	if (!insn)
		return NULL;
	memcpy(insn, code, n * sizeof(*insn));
	for (size_t i = 0; i < n; i++) {
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW)) {
			i++;
			continue;
		}
		if (insn[i].code != (BPF_JMP | BPF_CALL) ||
		    insn[i].src_reg != BPF_PSEUDO_KFUNC_CALL)
			continue;
		insn[i].imm = (int32_t)module->kfunc_id[insn[i].imm];
		/* The second entry of fd_array. */
		insn[i].off = 1;
	}
	return insn;
}

static int load_program(const struct module *module, const char *member,
			const struct bpf_insn *code, size_t n, const char *name,
			char **verifier_log, char *error, size_t error_len)
{
	int fd_array[2] = { 0, module->btf_fd };
	int index, fd, err;
	struct bpf_insn *insn;
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .attach_btf_id = (uint32_t)module->ops_id,
		    .attach_btf_obj_fd = (uint32_t)module->btf_fd,
		    .fd_array = fd_array);

	find_member(module->btf, module->ops_id, member, &index);
	opts.expected_attach_type = (enum bpf_attach_type)index;
	insn = bind_kfuncs(module, code, n);
	if (!insn)
		return fail(-ENOMEM, error, error_len, "out of memory");
	fd = bpf_prog_load(BPF_PROG_TYPE_STRUCT_OPS, name, "GPL", insn, n, &opts);
	err = fd < 0 ? -errno : 0;
	if (err && verifier_log) {
		/* Once more, for the log: it costs too much to always ask for it. */
		*verifier_log = calloc(1, VERIFIER_LOG);
		opts.log_buf = *verifier_log;
		opts.log_size = *verifier_log ? VERIFIER_LOG : 0;
		opts.log_level = *verifier_log ? 1 : 0;
		fd = bpf_prog_load(BPF_PROG_TYPE_STRUCT_OPS, name, "GPL", insn, n, &opts);
		err = fd < 0 ? -errno : 0;
	}
	free(insn);
	if (err == -EPERM)
		return fail(err, error, error_len,
			    "loading a policy needs root (CAP_SYS_ADMIN, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN)");
	if (err)
		return fail(err, error, error_len,
			    "the kernel refused the program of %zu instructions: %s%s", n,
			    strerror(-err),
			    err == -EFAULT || err == -E2BIG ?
			    "; it has too many conditions one after the other: prefer exact and prefix matches of path and host" :
			    "");
	return fd;
}

/* The kernel wants the BTF of a program beside that of the module; any will do. */
static int any_btf_fd(struct btf **btf)
{
	int err;

	*btf = btf__new_empty();
	if (!*btf)
		return -ENOMEM;
	if (btf__add_int(*btf, "int", 4, BTF_INT_SIGNED) < 0)
		return -ENOMEM;
	err = btf__load_into_kernel(*btf);
	return err ? err : btf__fd(*btf);
}

static int create_map(const struct module *module, const char *name, uint32_t size)
{
	struct btf *btf = NULL;
	int fd = any_btf_fd(&btf);
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .btf_fd = (uint32_t)(fd < 0 ? 0 : fd),
		    .btf_vmlinux_value_type_id = (uint32_t)module->value_id,
		    .value_type_btf_obj_fd = module->btf_fd,
		    .map_flags = BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD);

	if (fd >= 0) {
		fd = bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, name, sizeof(uint32_t), size, 1,
				    &opts);
		if (fd < 0)
			fd = -errno;
	}
	btf__free(btf);
	return fd;
}

static int fill_map(const struct module *module, int map_fd, uint32_t size,
		    const struct loaded_policy *programs, uint64_t generation, const char *name)
{
	int data = member_offset(module->btf, module->value_id, "data");
	struct l7fp_policy policy = { .generation = generation };
	char *value = calloc(1, size);
	uint32_t key = 0;
	int err;

	if (!value)
		return -ENOMEM;
	if (data < 0 || (uint32_t)data + sizeof(policy) > size) {
		free(value);
		return -EPROTO;
	}
	/* A program stands in the place of its function pointer by its fd. */
	memcpy(value + data, &policy, sizeof(policy));
	*(unsigned long *)(void *)(value + data + offsetof(struct l7fp_policy, request)) =
		(unsigned long)programs->prog_fd;
	if (programs->connect_fd >= 0)
		*(unsigned long *)(void *)(value + data + offsetof(struct l7fp_policy, connect)) =
			(unsigned long)programs->connect_fd;
	strncpy(value + data + offsetof(struct l7fp_policy, name), name, sizeof(policy.name) - 1);
	err = bpf_map_update_elem(map_fd, &key, value, 0) ? -errno : 0;
	free(value);
	return err;
}

static int make_map(const struct module *module, const struct loaded_policy *programs,
		    uint64_t generation, const char *name, const char *object, char *error, size_t error_len)
{
	uint32_t size = btf__type_by_id(module->btf, (uint32_t)module->value_id)->size;
	int err, fd = create_map(module, object, size);

	if (fd < 0)
		return fail(fd, error, error_len, "cannot create the struct_ops map: %s",
			    strerror(-fd));
	err = fill_map(module, fd, size, programs, generation, name);
	if (!err)
		return fd;
	close(fd);
	return fail(err, error, error_len,
		    "the module refused the program of generation %llu: %s",
		    (unsigned long long)generation, strerror(-err));
}

/* A name that the kernel takes for programs and maps. */
static void object_name(char out[BPF_OBJ_NAME_LEN], const char *name)
{
	size_t n = 0;

	for (; name[n] && n + 1 < BPF_OBJ_NAME_LEN; n++) {
		char c = name[n];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '_' || c == '.';

		out[n] = plain ? c : '_';
	}
	out[n] = 0;
}

int policy_load(const struct synth_program *program, uint64_t generation, const char *name,
		struct loaded_policy *out, char **verifier_log, char *error, size_t error_len)
{
	struct bpf_prog_info info = { 0 };
	char object[BPF_OBJ_NAME_LEN];
	uint32_t len = sizeof(info);
	struct module module;
	int err, fd;

	*out = LOADED_POLICY_NONE;
	if (verifier_log)
		*verifier_log = NULL;
	err = module_open(&module, error, error_len);
	if (err)
		return err;
	object_name(object, name);
	fd = load_program(&module, "request", program->insn, program->n, object, verifier_log,
			  error, error_len);
	if (fd >= 0) {
		out->prog_fd = fd;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			out->verified_insns = info.verified_insns;
	}
	if (fd >= 0 && program->connect) {
		fd = load_program(&module, "connect", program->connect, program->n_connect, object,
				  verifier_log, error, error_len);
		out->connect_fd = fd;
	}
	if (fd >= 0)
		fd = make_map(&module, out, generation, name, object, error, error_len);
	module_close(&module);
	if (fd < 0) {
		policy_close(out);
		return fd;
	}
	out->map_fd = fd;
	return 0;
}

void policy_close(struct loaded_policy *policy)
{
	if (policy->prog_fd >= 0)
		close(policy->prog_fd);
	if (policy->connect_fd >= 0)
		close(policy->connect_fd);
	if (policy->map_fd >= 0)
		close(policy->map_fd);
	*policy = LOADED_POLICY_NONE;
}

/* ---- the link ---- */

/* The pinned struct_ops link, or a negative errno. */
static int open_link(const char *pin_path)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_obj_get(pin_path);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_LINK_TYPE_STRUCT_OPS) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int no_link(int err, const char *pin_path, char *error, size_t error_len)
{
	if (err == -ENOENT)
		return fail(err, error, error_len,
			    "no policy is attached: %s does not exist", pin_path);
	if (err == -EINVAL)
		return fail(err, error, error_len,
			    "%s is not the link of a policy: remove it", pin_path);
	return fail(err, error, error_len, "cannot open the policy's link %s: %s", pin_path,
		    strerror(-err));
}

int policy_attach(const struct loaded_policy *policy, const char *pin_path, char *error,
		  size_t error_len)
{
	int err, fd = bpf_link_create(policy->map_fd, 0, BPF_STRUCT_OPS, NULL);

	if (fd < 0) {
		err = -errno;
		if (err == -EBUSY)
			return fail(err, error, error_len,
				    "this network namespace has a policy already: replace or detach it first");
		return fail(err, error, error_len, "cannot attach the policy: %s%s",
			    strerror(-err),
			    err == -EINVAL || err == -ENOENT ?
			    " (its generation must be prepared first)" : "");
	}
	err = bpf_obj_pin(fd, pin_path) ? -errno : 0;
	/* Without a pin the policy goes with the last reference to its link, here. */
	close(fd);
	if (err)
		return fail(err, error, error_len,
			    "cannot pin the policy's link to %s: %s; the policy is not attached",
			    pin_path, strerror(-err));
	return 0;
}

int policy_replace(const struct loaded_policy *policy, const char *pin_path, char *error,
		   size_t error_len)
{
	int err, fd = open_link(pin_path);

	if (fd < 0)
		return no_link(fd, pin_path, error, error_len);
	err = bpf_link_update(fd, policy->map_fd, NULL) ? -errno : 0;
	close(fd);
	if (err)
		return fail(err, error, error_len,
			    "cannot replace the policy: %s; the one before stays", strerror(-err));
	return 0;
}

int policy_detach(const char *pin_path, char *error, size_t error_len)
{
	int err = 0, fd = open_link(pin_path);

	if (fd < 0)
		return no_link(fd, pin_path, error, error_len);
	/* Others may hold the link too; a link that is detached already is no error. */
	if (bpf_link_detach(fd) && errno != EINVAL && errno != EOPNOTSUPP)
		err = -errno;
	close(fd);
	if (err)
		return fail(err, error, error_len, "cannot detach the policy: %s", strerror(-err));
	if (unlink(pin_path))
		return fail(-errno, error, error_len, "cannot remove %s: %s", pin_path,
			    strerror(errno));
	return 0;
}

bool policy_is_attached(const char *pin_path)
{
	int fd = open_link(pin_path);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}
