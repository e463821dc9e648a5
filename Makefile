# SPDX-License-Identifier: GPL-2.0-only
#
# `make help` lists the targets. All output goes below $(BUILD); another folder
# below the tree may be named: make BUILD=build/mine.

BUILD ?= build
V ?= 0
ifeq ($(V),0)
Q := @
MAKEFLAGS += --no-print-directory
say = @echo '  $(1)'
endif

CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
AR ?= ar
DESTDIR ?=
PREFIX ?= /usr/local

# The kernel the module is for: the running one with VM=0, else the newest 6.12
# whose headers are installed, which tools/vm/run boots.
VM ?= 1
ifeq ($(VM),0)
KVER ?= $(shell uname -r)
else
KVER ?= $(shell for d in /lib/modules/6.12.*/build; do \
	[ -e "$$d/Makefile" ] && basename "$${d%/build}"; done | sort -V | tail -n1)
endif
KDIR ?= /lib/modules/$(KVER)/build

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# ---- module: kbuild writes beside the sources, so it gets a folder of links

module_src := Kbuild $(wildcard kmod/Kbuild kmod/*.c kmod/*.h kmod/uapi/*.h)
mirror := $(BUILD)/module

.PHONY: module
module: $(BUILD)/l7fp.ko

$(BUILD)/l7fp.ko: $(module_src) Makefile
	$(call say,MODULE  $@)
	@[ -e "$(KDIR)/Makefile" ] || { \
		echo "make: no kernel headers in '$(KDIR)': run tools/setup" >&2; exit 1; }
	@[ "$(VM)" = 0 ] || [ -e "/boot/vmlinuz-$(KVER)" ] || \
		echo "make: headers for $(KVER) but no /boot/vmlinuz-$(KVER): run tools/setup" >&2
	$(Q)mkdir -p $(mirror)
	$(Q)flock $(BUILD)/module.lock $(MAKE) -f Makefile module-locked BUILD=$(BUILD) KDIR=$(KDIR)

.PHONY: module-locked
module-locked:
	$(Q)tools/mirror $(mirror) $(module_src)
	$(Q)$(MAKE) -C $(KDIR) M=$(abspath $(mirror)) MO= KCFLAGS="-Werror $(KCFLAGS)" modules \
		>$(mirror)/log 2>&1 || { cat $(mirror)/log >&2; exit 1; }
	$(Q)grep -E 'warning:|WARNING:' $(mirror)/log >&2 || true
	$(Q)cp $(mirror)/kmod/l7fp.ko $(BUILD)/l7fp.ko.new
	$(Q)mv $(BUILD)/l7fp.ko.new $(BUILD)/l7fp.ko

# One object, while others do not build: make kmod/h1.o
kmod/%.o: FORCE
	$(Q)mkdir -p $(mirror)
	$(Q)tools/mirror $(mirror) $(module_src)
	$(Q)flock $(BUILD)/module.lock $(MAKE) -C $(KDIR) M=$(abspath $(mirror)) KCFLAGS="-Werror $(KCFLAGS)" $@

.PHONY: FORCE
FORCE:

# ---- bpf

bpf_src := $(wildcard bpf/*.bpf.c bpf/examples/*.bpf.c)
bpf_obj := $(patsubst bpf/%.c,$(BUILD)/bpf/%.o,$(bpf_src))
bpf_skel := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -O2 -g -target bpf -Wall -Wextra -Werror -Ibpf -Ikmod \
	      $(addprefix -I/usr/include/,$(multiarch))

.PHONY: bpf
bpf: $(bpf_obj) $(bpf_skel)

$(BUILD)/bpf/%.o: bpf/%.c
	$(call say,BPF     $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL    $@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*) >$@.new
	$(Q)mv $@.new $@

# ---- user space

codec_src := $(wildcard kmod/client_hello.c kmod/h1*.c kmod/h2_frame.c kmod/h2_stream.c kmod/h2_head.c kmod/grpc.c kmod/hpack*.c kmod/huffman*.c kmod/path*.c kmod/match*.c)
program_src := user/l7fp-tool.c user/l7fpd.c
lib_src := $(filter-out $(program_src),$(wildcard user/*.c))
lib_obj := $(patsubst %.c,$(BUILD)/obj/%.o,$(lib_src) $(codec_src))
programs := $(patsubst user/%.c,$(BUILD)/%,$(wildcard $(program_src)))

CFLAGS ?= -O2 -g
USER_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fno-strict-aliasing \
	       -iquote kmod -iquote user -iquote $(BUILD)/bpf -I/usr/include/libnl3
USER_LIBS := -lbpf -lnl-genl-3 -lnl-3 -lyaml -lelf -lz -Wl,--as-needed -lssl -lcrypto

.PHONY: tool programs
tool: $(BUILD)/l7fp-tool
programs: $(programs)

$(BUILD)/obj/%.o: %.c | $(bpf_skel)
	$(call say,CC      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libl7fp.a: $(lib_obj)
	$(call say,AR      $@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/l7fp-tool $(BUILD)/l7fpd: $(BUILD)/%: $(BUILD)/obj/user/%.o $(BUILD)/libl7fp.a
	$(call say,LD      $@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libl7fp.a $(USER_LIBS)

# ---- everything

.PHONY: all
all: programs bpf module

# The one page that is written from the code's own tables.
.PHONY: docs
docs: $(BUILD)/l7fp-tool
	$(Q)$(BUILD)/l7fp-tool support-table >$(BUILD)/policy-support.rst
	$(Q)cp $(BUILD)/policy-support.rst Documentation/policy-support.rst

include selftests/unit/Makefile
-include selftests/fail/Makefile
-include selftests/sockets/Makefile
-include tools/fuzz/Makefile
include tools/bench/Makefile

# ---- tests; tools/check counts what they report

.PHONY: check check-unit check-host check-kunit check-fuzz check-selftests check-lint check-debug check-kcsan \
	check-envoy check-sockets check-servers check-hpack check-h2spec check-tls soak
check:
	$(Q)tools/setup
	$(Q)BUILD=$(BUILD) VM=$(VM) tools/check unit host kunit fuzz selftests lint
check-unit check-host check-kunit check-fuzz check-selftests check-lint check-debug \
check-kcsan check-envoy check-sockets check-servers check-hpack check-h2spec check-tls: check-%:
	$(Q)BUILD=$(BUILD) VM=$(VM) tools/check $*

# The long form of a selftest.
.PHONY: check-lossless
check-lossless: export L7FP_LOSSLESS_REQUESTS := $(or $(REQUESTS),10000)
check-lossless: export L7FP_LOSSLESS_SWAPS := $(or $(SWAPS),100)
check-lossless: export L7FP_LOSSLESS_KILLS := $(or $(KILLS),10)
check-lossless: all
	$(Q)$(if $(filter 0,$(VM)),,tools/vm/run --timeout 1500 --) selftests/run_tests --verbose \
		--module $(BUILD)/l7fp.ko selftests/test_lossless.py

# Long ones, not part of check. Each ends with "N passed, N failed".

.PHONY: check-differential check-mutants bench-rules
CASES ?= 20000
check-differential: all $(BUILD)/kernel_differential
	$(Q)BUILD=$(BUILD) VM=$(VM) CASES=$(CASES) SEED=$(SEED) REQUEST=$(REQUEST) CUTS=$(CUTS) \
		tools/differential
check-mutants: $(bpf_skel)
	$(Q)BUILD=$(BUILD) tools/mutants/run
bench-rules: all $(BUILD)/unit/test_rule_scale
	$(Q)BUILD=$(BUILD) tools/bench/rules/run --svg $(BUILD)/bench-rules.svg

soak:
	$(Q)BUILD=$(BUILD) VM=$(VM) MINUTES=$(MINUTES) tools/check soak

.PHONY: demo
demo:
	$(Q)tools/setup
	$(Q)$(MAKE) all BUILD=$(BUILD) VM=$(VM)
	$(Q)BUILD=$(BUILD) VM=$(VM) tools/demo/run

.PHONY: vm
vm:
	@[ -n "$$CMD" ] || { echo "usage: make vm CMD='command'" >&2; exit 2; }
	$(Q)tools/vm/run $(if $(TIMEOUT),--timeout $(TIMEOUT)) -- "$$CMD"
vm: override export CMD := $(value CMD)

.PHONY: setup
setup:
	$(Q)tools/setup

# ---- install

.PHONY: install install-programs install-module
install: install-programs install-module
install-programs: programs
	$(call say,INSTALL $(DESTDIR)$(PREFIX))
	$(Q)install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/l7fp \
		$(DESTDIR)$(PREFIX)/include/l7fp/uapi
	$(Q)install -m 755 $(programs) $(DESTDIR)$(PREFIX)/sbin/
	$(Q)for f in $(wildcard Documentation/netlink/specs/*.yaml); do \
		install -m 644 $$f $(DESTDIR)$(PREFIX)/share/l7fp/ || exit 1; done
	$(Q)for f in $(wildcard bpf/*.h kmod/context.h); do \
		install -m 644 $$f $(DESTDIR)$(PREFIX)/include/l7fp/ || exit 1; done
	$(Q)install -m 644 kmod/uapi/l7fp.h $(DESTDIR)$(PREFIX)/include/l7fp/uapi/
	$(Q)for f in $(wildcard Documentation/man/*.[1-8]); do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${f##*.}; \
		install -d $$d && install -m 644 $$f $$d/ || exit 1; done
install-module: module
	$(call say,INSTALL $(DESTDIR)/lib/modules/$(KVER)/updates)
	$(Q)install -d $(DESTDIR)/lib/modules/$(KVER)/updates
	$(Q)install -m 644 $(BUILD)/l7fp.ko $(DESTDIR)/lib/modules/$(KVER)/updates/
	$(Q)[ -n "$(DESTDIR)" ] || depmod $(KVER)

.PHONY: print-kdir
print-kdir:
	@echo $(KDIR)

.PHONY: clean
clean:
	$(Q)rm -rf $(BUILD)

.PHONY: help
help:
	@sed 's/^\t//' tools/help

-include $(shell find $(BUILD)/obj $(BUILD)/unit $(BUILD)/bpf $(BUILD)/mutants/obj -name '*.d' 2>/dev/null)
