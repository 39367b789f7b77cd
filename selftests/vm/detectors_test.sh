#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the debugging kernels notice what they are built to notice? Each boot loads
# broken.ko once for each of some faults; the run must fail, and tell of every
# one of them. Runs on the host.
#
#   detectors_test.sh debug|kcsan

set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
kernel=${1:-debug}
readonly here top kernel dir=$top/build/$kernel/broken
number=0 failures=0 log='' status=0

build()
{
	mkdir -p "$dir"
	cp -pu "$here"/broken/* "$dir/"
	make -s -C "$("$here/kernel" --kdir "$kernel")" M="$dir" modules
}

# commit FAULT...: in one machine, one after the other. KASAN is to report more
# than the first one.
commit()
{
	local console

	log=$dir/$1.log
	FASTPROTO_VM_APPEND=kasan_multi_shot \
		"$here/run" --kernel "$kernel" --no-module \
		--add "$dir/broken.ko" -- unshare -n sh -c "
		for fault in $*; do
			insmod broken.ko fault=\$fault
			rmmod broken
		done" >"$log" 2>&1
	status=$?
	# What it shows is not all that the kernel said.
	console=$(sed -n "s/^vm\/run: the console's log is //p" "$log")
	[ -z "$console" ] || cat "$console" >>"$log"
}

# notices FAULT STATUS PATTERN: the run must have ended like that, and said that.
notices()
{
	local fault=$1 wanted=$2 pattern=$3

	number=$((number + 1))
	if [ "$status" = "$wanted" ] && grep -q "$pattern" "$log"
	then
		echo "ok $number $kernel: $fault"
		return
	fi
	failures=$((failures + 1))
	tail -n 200 "$log" | sed 's/^/# /'
	echo "# status $status, not $wanted, or no '$pattern'"
	echo "not ok $number $kernel: $fault"
}

test_debug()
{
	echo 1..13

	# What stops lockdep comes behind what needs it, and what stops the
	# machine comes last.
	commit rcu_without_lock lock_inversion sleep_in_atomic shift_too_far \
		free_armed_timer refcount_underflow use_after_free out_of_bounds \
		corrupt_list
	notices rcu_without_lock 240 'suspicious RCU usage\|suspicious rcu_dereference'
	notices sleep_in_atomic 240 'scheduling while atomic\|sleeping function'
	notices shift_too_far 240 'UBSAN: shift-out-of-bounds'
	notices free_armed_timer 240 'ODEBUG: free active'
	notices refcount_underflow 240 'refcount_t'
	notices lock_inversion 240 'possible circular locking dependency'
	notices use_after_free 240 'KASAN: slab-use-after-free'
	notices out_of_bounds 240 'KASAN: slab-out-of-bounds'
	notices corrupt_list 240 'list_del corruption'

	commit leak
	notices leak 240 'kmemleak: 1 new suspected'

	commit keep_namespace
	notices keep_namespace 243 'LEFT OVER: .* of the kind RAWv6'
	commit keep_port
	notices keep_port 243 'LEFT OVER: 1 sockets of the kind UDP$'

	commit breakpoint
	notices breakpoint 240 'int3: 0000'
}

test_kcsan()
{
	echo 1..1
	commit race
	notices race 240 'KCSAN: data-race'
}

echo 'TAP version 13'
build || exit 1
"test_$kernel"
echo "$((number - failures)) passed, $failures failed, 0 skipped"
[ "$failures" = 0 ]
