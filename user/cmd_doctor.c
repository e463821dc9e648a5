// SPDX-License-Identifier: GPL-2.0-only
/* l7fp-tool doctor: what this machine lacks, and the command that mends it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include "cmd.h"
#include "json_out.h"
#include "netlink.h"

/* The oldest kernel that the module builds and is tested for. */
#define KERNEL_MAJOR	6
#define KERNEL_MINOR	12

enum level {
	OK,
	NOTE,		/* works without */
	MISSING,
};

struct finding {
	enum level level;
	const char *what;
	char text[256];
	char mend[256];
};

struct doctor {
	struct finding finding[32];
	size_t n;
	struct utsname uts;
};

static void __attribute__((format(printf, 4, 5)))
add(struct doctor *d, enum level level, const char *what, const char *format, ...)
{
	struct finding *f = &d->finding[d->n++];
	va_list args;

	f->level = level;
	f->what = what;
	f->mend[0] = '\0';
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
}

static void __attribute__((format(printf, 2, 3)))
mend(struct doctor *d, const char *format, ...)
{
	struct finding *f = &d->finding[d->n - 1];
	va_list args;

	va_start(args, format);
	vsnprintf(f->mend, sizeof(f->mend), format, args);
	va_end(args);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static bool is_fs(const char *path, long magic)
{
	struct statfs st;

	return !statfs(path, &st) && st.f_type == magic;
}

/* The first bytes of a file, with a zero at the end; -1 when it cannot be read. */
static int slurp(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, out, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

static void check_kernel(struct doctor *d)
{
	unsigned int major, minor;

	if (sscanf(d->uts.release, "%u.%u", &major, &minor) != 2)
		major = minor = 0;
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)) {
		add(d, OK, "kernel", "%s", d->uts.release);
		return;
	}
	add(d, MISSING, "kernel", "%s; expected %d.%d or later", d->uts.release, KERNEL_MAJOR,
	    KERNEL_MINOR);
	mend(d, "apt-get install linux-image-amd64 (on Debian 12: -t bookworm-backports), then boot it");
}

static void check_btf(struct doctor *d)
{
	if (exists("/sys/kernel/btf/vmlinux")) {
		add(d, OK, "BTF", "/sys/kernel/btf/vmlinux");
		return;
	}
	add(d, MISSING, "BTF", "no /sys/kernel/btf/vmlinux: the program cannot be tied to the module");
	mend(d, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y and CONFIG_DEBUG_INFO_BTF_MODULES=y (Debian's have both)");
}

/* 'y', 'm', 'n', or '?' when the configuration is not to be found. */
static char config(const struct doctor *d, const char *option)
{
	char path[PATH_MAX], line[512];
	size_t len = strlen(option);
	char value = '?';
	gzFile f;

	snprintf(path, sizeof(path), "/boot/config-%s", d->uts.release);
	f = gzopen(exists(path) ? path : "/proc/config.gz", "r");
	if (!f)
		return value;
	value = 'n';
	while (gzgets(f, line, sizeof(line)))
		if (!strncmp(line, option, len) && line[len] == '=')
			value = line[len + 1];
	gzclose(f);
	return value;
}

static void check_config(struct doctor *d, const char *option, enum level without,
			 const char *purpose)
{
	char value = config(d, option);

	if (value == 'y' || value == 'm') {
		add(d, OK, option, "=%c", value);
	} else if (value == '?') {
		add(d, NOTE, option, "unknown: neither /boot/config-%.64s nor /proc/config.gz is there",
		    d->uts.release);
	} else {
		add(d, without, option, "not set: %s", purpose);
		mend(d, "boot a kernel that has it (Debian's do)");
	}
}

static void check_module(struct doctor *d)
{
	char path[PATH_MAX], error[ERROR_LEN];
	struct netlink *nl;

	if (!exists("/sys/module/l7fp")) {
		snprintf(path, sizeof(path), "/lib/modules/%s/updates/dkms/l7fp.ko",
			 d->uts.release);
		add(d, MISSING, "module", "l7fp is not loaded");
		if (exists(path))
			mend(d, "modprobe l7fp");
		else
			mend(d, "make && insmod build/l7fp.ko, or make install && modprobe l7fp");
		return;
	}
	if (netlink_open(&nl, error, sizeof(error))) {
		add(d, MISSING, "module", "l7fp is loaded, but does not answer: %.128s", error);
		mend(d, "rmmod l7fp && insmod build/l7fp.ko, and look at dmesg");
		return;
	}
	netlink_close(nl);
	if (exists("/sys/kernel/btf/l7fp")) {
		add(d, OK, "module", "l7fp is loaded");
	} else {
		add(d, MISSING, "module", "l7fp is loaded, but has no BTF");
		mend(d, "build it where /usr/src/linux-headers-%.64s has vmlinux (Debian's have), and load it again",
		     d->uts.release);
	}
}

static void check_lockdown(struct doctor *d)
{
	char text[128] = "";
	bool loaded = exists("/sys/module/l7fp");

	/* "none [integrity] confidentiality": the one in brackets is in force. */
	if (slurp("/sys/kernel/security/lockdown", text, sizeof(text)) || strstr(text, "[none]")) {
		add(d, OK, "lockdown", "off: unsigned modules can be loaded");
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	add(d, loaded ? NOTE : MISSING, "lockdown", "%s: only signed modules can be loaded", text);
	mend(d, "sign l7fp.ko with a key that is enrolled (mokutil --import), or turn Secure Boot off");
}

static void check_modules_disabled(struct doctor *d)
{
	char text[8] = "";

	if (!exists("/proc/modules")) {
		add(d, MISSING, "modules", "this kernel has no loadable modules");
		mend(d, "use the virtual machine: make vm CMD='...'");
		return;
	}
	if (!slurp("/proc/sys/kernel/modules_disabled", text, sizeof(text)) && text[0] == '1') {
		add(d, exists("/sys/module/l7fp") ? NOTE : MISSING, "modules",
		    "loading is turned off until the next boot (kernel.modules_disabled)");
		mend(d, "reboot, and load l7fp before it is turned off");
		return;
	}
	add(d, OK, "modules", "can be loaded");
}

static void check_headers(struct doctor *d)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile", d->uts.release);
	if (exists(path)) {
		add(d, OK, "headers", "for %s", d->uts.release);
		return;
	}
	add(d, NOTE, "headers", "none for %s: the module cannot be built for this kernel here",
	    d->uts.release);
	mend(d, "apt-get install linux-headers-%.128s", d->uts.release);
}

static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

static void check_capabilities(struct doctor *d)
{
	static const struct {
		int number;
		const char *name, *purpose;
	} needed[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "to talk to the module" },
		{ CAP_BPF, "CAP_BPF", "to load programs" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to attach to cgroups and find the module's BTF" },
	};
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has_capability(needed[i].number)) {
			add(d, OK, needed[i].name, "held");
			continue;
		}
		add(d, MISSING, needed[i].name, "not held; needed %s", needed[i].purpose);
		mend(d, "run as root");
	}
}

static void check_mounts(struct doctor *d)
{
	if (is_fs("/sys/fs/bpf", BPF_FS_MAGIC)) {
		add(d, OK, "bpffs", "on /sys/fs/bpf");
	} else {
		add(d, MISSING, "bpffs", "not mounted on /sys/fs/bpf");
		mend(d, "mount -t bpf bpf /sys/fs/bpf");
	}
	if (is_fs("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC)) {
		add(d, OK, "cgroup2", "on /sys/fs/cgroup");
	} else if (is_fs("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC)) {
		add(d, NOTE, "cgroup2",
		    "on /sys/fs/cgroup/unified: name it with --cgroup, the default is /sys/fs/cgroup");
	} else {
		add(d, MISSING, "cgroup2", "not mounted on /sys/fs/cgroup");
		mend(d, "boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	}
}

static void check_jit(struct doctor *d)
{
	char text[8] = "";

	if (slurp("/proc/sys/net/core/bpf_jit_enable", text, sizeof(text)) || text[0] != '0') {
		add(d, OK, "JIT", "on");
		return;
	}
	add(d, MISSING, "JIT", "off: struct_ops and kfuncs need it");
	mend(d, "sysctl -w net.core.bpf_jit_enable=1");
}

/* A KVM without VMX or SVM below it cannot run an unmodified kernel. */
static bool has_virtualization(void)
{
	char line[16384];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "re");

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) &&
			(strstr(line, " vmx ") || strstr(line, " svm "));
	fclose(f);
	return found;
}

static void check_kvm(struct doctor *d)
{
	if (!access("/dev/kvm", R_OK | W_OK) && has_virtualization()) {
		add(d, OK, "KVM", "the virtual machine runs at native speed");
		return;
	}
	add(d, NOTE, "KVM", "not here: the virtual machine of the tests is emulated, and slow");
	mend(d, "modprobe kvm_intel or kvm_amd, where the processor and the host allow it");
}

static void examine(struct doctor *d)
{
	uname(&d->uts);
	check_kernel(d);
	check_btf(d);
	check_config(d, "CONFIG_BPF_SYSCALL", MISSING, "programs cannot be loaded");
	check_config(d, "CONFIG_CGROUP_BPF", MISSING, "connections cannot be captured");
	check_config(d, "CONFIG_DEBUG_INFO_BTF_MODULES", MISSING, "modules have no BTF");
	check_config(d, "CONFIG_TLS", NOTE, "no TLS in the kernel; plain HTTP works");
	check_jit(d);
	check_modules_disabled(d);
	check_lockdown(d);
	check_headers(d);
	check_module(d);
	check_mounts(d);
	check_capabilities(d);
	check_kvm(d);
}

static const char *const level_name[] = { "ok", "note", "missing" };

static void print_text(const struct doctor *d, size_t missing)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		const struct finding *f = &d->finding[i];

		printf("%-8s %-30s %s\n", level_name[f->level], f->what, f->text);
		if (f->mend[0])
			printf("%-8s %-30s mend: %s\n", "", "", f->mend);
	}
	if (missing)
		printf("%zu missing\n", missing);
	else
		puts("nothing is missing");
}

static void print_json(const struct doctor *d, size_t missing)
{
	struct json j;
	size_t i;

	json_begin(&j, stdout, JSON_PRETTY);
	json_object(&j, NULL);
	json_array(&j, "findings");
	for (i = 0; i < d->n; i++) {
		const struct finding *f = &d->finding[i];

		json_object(&j, NULL);
		json_string(&j, "level", level_name[f->level]);
		json_string(&j, "what", f->what);
		json_string(&j, "text", f->text);
		json_string(&j, "mend", f->mend[0] ? f->mend : NULL);
		json_end(&j);
	}
	json_end(&j);
	json_unsigned(&j, "missing", missing);
	json_end(&j);
	json_finish(&j);
}

static void usage(FILE *out)
{
	fputs("usage: l7fp-tool doctor [--json]\n"
	      "\n"
	      "Say what this machine has and lacks, and the command that mends it. Exit status\n"
	      "1 when something that L7FP needs is missing.\n"
	      "\n"
	      "  -j, --json   as JSON\n"
	      "  -h, --help   this text\n", out);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct doctor d = {};
	size_t i, missing = 0;
	bool as_json = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			as_json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	examine(&d);
	for (i = 0; i < d.n; i++)
		missing += d.finding[i].level == MISSING;
	if (as_json)
		print_json(&d, missing);
	else
		print_text(&d, missing);
	return missing ? EXIT_FAILED : 0;
}
