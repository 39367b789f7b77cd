# SPDX-License-Identifier: GPL-2.0
#
# `make help` lists the targets. Kbuild describes the module; this file builds
# it for a kernel, builds user space, and runs the tests in virtual machines.

# The kernel to build the module for: a directory with its headers.
KDIR	?= /lib/modules/$(shell uname -r)/build
# The series that the tests boot, and which of the tests.
K	?= 6.1 6.12
T	?=
# What `make bench` measures; empty: everything. CASE and TRANSPORT are for
# `make scale`, too.
CASE	?=
TRANSPORT ?=
SIZE	?=
LINK	?=
BOOTS	?= 3
# How many connections `make scale` opens; empty: 100,000.
N	?=
# So many of them to one address of the server; empty: all of them.
PER_ADDRESS ?=
# For how long `make soak` goes on.
MINUTES	?= 30
# For how many seconds each target is fuzzed.
SECONDS	?= 60
PREFIX	?= /usr/local
DESTDIR	?=

TOP	:= $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
BUILD	:= $(TOP)/build
VERSION	:= $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' $(TOP)/dkms.conf)
DKMS_DIR := $(DESTDIR)/usr/src/fastproto-$(VERSION)
MODULE_SOURCES := Kbuild dkms.conf COPYING kmod include

# Out-of-tree builds put objects beside the sources: each kernel gets a copy.
define build_module
	@mkdir -p $(BUILD)/$(1)/module
	@cd $(TOP) && cp -pRu $(MODULE_SOURCES) $(BUILD)/$(1)/module/
	+$(MAKE) -C $(2) M=$(BUILD)/$(1)/module modules
	@cmp -s $(BUILD)/$(1)/module/fastproto.ko $(BUILD)/$(1)/fastproto.ko || \
		cp -p $(BUILD)/$(1)/module/fastproto.ko $(BUILD)/$(1)/fastproto.ko
endef

# What the virtual machine's kernel needs beside.
define build_emulator
	@mkdir -p $(BUILD)/$(1)/emulator
	@cp -pu $(TOP)/selftests/vm/emulator/* $(BUILD)/$(1)/emulator/
	+$(MAKE) -C $(2) M=$(BUILD)/$(1)/emulator modules
endef

.PHONY: all module userspace selftests deps vm-build
.PHONY: demo check bench scale fuzz soak coverage lint vm
.PHONY: install install-module install-dkms install-userspace clean help

all: module userspace

module:
	@test -e $(KDIR)/Makefile || { \
		echo "No kernel headers at $(KDIR): install linux-headers-$$(uname -r), or say KDIR=" >&2; \
		exit 1; }
	$(call build_module,running,$(KDIR))

userspace:
	$(MAKE) -C $(TOP)/userspace BUILD=$(BUILD)

# The tests link to the library: not built by two at once.
selftests: userspace
	$(MAKE) -C $(TOP)/selftests BUILD=$(BUILD)

# What the tests and the demo need of Debian's packages.
deps:
	@$(TOP)/selftests/deps

# All that a virtual machine with the kernel series K is given; called by
# selftests/vm/run, perhaps by several at once.
vm-build:
	@mkdir -p $(BUILD)
	@flock $(BUILD)/.lock $(MAKE) --no-print-directory -s vm-build-locked K=$(K)

.PHONY: vm-build-locked
vm-build-locked: userspace selftests
	$(call build_module,$(K),$(shell $(TOP)/selftests/vm/kernel --kdir $(K)))
	$(call build_emulator,$(K),$(shell $(TOP)/selftests/vm/kernel --kdir $(K)))

demo: deps
	@$(TOP)/selftests/demo/run

check: deps
	@$(TOP)/selftests/check -k "$(K)" -t "$(T)"

bench: deps
	@$(TOP)/selftests/bench/run --kernel $(lastword $(K)) \
		--case "$(CASE)" --transport "$(TRANSPORT)" --size "$(SIZE)" \
		--link "$(LINK)" --boots $(BOOTS)

scale: deps
	@$(TOP)/selftests/scale/run --kernel $(lastword $(K)) --number "$(N)" \
		--case "$(CASE)" --transport "$(TRANSPORT)" \
		--per-address "$(PER_ADDRESS)"

fuzz: deps
	@$(TOP)/selftests/fuzz/run -s "$(SECONDS)" -t "$(T)"

soak: deps
	@$(TOP)/selftests/soak -k "$(lastword $(K))" -m "$(MINUTES)"

coverage: deps
	@$(TOP)/selftests/coverage -t "$(T)"

lint: deps
	@$(TOP)/selftests/lint

vm: deps
	@$(TOP)/selftests/vm/run --kernel $(lastword $(K)) --shell

install: install-module install-userspace

install-module: module
	$(MAKE) -C $(KDIR) M=$(BUILD)/running/module \
		INSTALL_MOD_PATH=$(DESTDIR) modules_install

install-dkms:
	mkdir -p $(DKMS_DIR)
	cd $(TOP) && cp -pR $(MODULE_SOURCES) $(DKMS_DIR)/

install-userspace: userspace
	$(MAKE) -C $(TOP)/userspace BUILD=$(BUILD) install \
		PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/linux \
		$(TOP)/include/uapi/linux/fastproto.h \
		$(TOP)/include/uapi/linux/fastproto_netlink.h

clean:
	rm -rf $(BUILD)

help:
	@echo 'FastProto $(VERSION)'
	@echo
	@echo '  make demo          see it work: two hosts in a virtual machine'
	@echo '  make check         all tests on all kernels; K=6.12 one kernel,'
	@echo '                     T=NAME only the tests whose name holds NAME'
	@echo '                     K=debug, K=kcsan: kernels that look for bugs'
	@echo '  make bench         instructions of an operation, beside UDP, TCP, SCTP and'
	@echo '                     AF_UNIX; CASE=rtt SIZE=64 TRANSPORT=tcp LINK=veth: less'
	@echo '  make scale         bytes and instructions of a connection of very many: N=100000;'
	@echo '                     TRANSPORT=rdm, seqpacket, tcp; CASE=churn: open and close;'
	@echo '                     CASE=gone: all open when the process ends; CASE=echo: the'
	@echo '                     server is fpecho'
	@echo '  make fuzz          fuzz the parts that need no kernel; SECONDS=60 each'
	@echo '  make soak          fuzzers, attacks, and life and death, in random order:'
	@echo '                     MINUTES=30, K=debug'
	@echo '  make coverage      which lines of the module the tests run'
	@echo '  make lint          all that can be checked without running anything'
	@echo '  make vm            a shell in the virtual machine; K=6.1 chooses the kernel'
	@echo
	@echo '  make               the module for the running kernel, and user space'
	@echo '  make module        the module; KDIR=DIR chooses the kernel'
	@echo '  make userspace     fpctl, fpperf, libfastproto and its examples'
	@echo '  make install       install both; DESTDIR=, PREFIX=$(PREFIX)'
	@echo '  make install-dkms  install the sources for DKMS'
	@echo '  make deps          install what check, demo and lint need'
	@echo '  make clean         remove build/'
	@echo
	@echo 'Kernels and downloads are kept in $${XDG_CACHE_HOME:-~/.cache}/fastproto.'
