#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the debugging kernels notice what they are built to notice? Each case boots
# one and loads broken.ko, which does one thing wrong; the run must fail, and
# say why. Runs on the host.
#
#   detectors_test.sh debug|kcsan

set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
kernel=${1:-debug}
readonly here top kernel dir=$top/build/$kernel/broken
number=0 failures=0

build()
{
	mkdir -p "$dir"
	cp -pu "$here"/broken/* "$dir/"
	make -s -C "$("$here/kernel" --kdir "$kernel")" M="$dir" modules
}

# notices FAULT STATUS PATTERN: the run must end like that, and say that.
notices()
{
	local fault=$1 wanted=$2 pattern=$3 status

	"$here/run" --kernel "$kernel" --no-module --add "$dir/broken.ko" \
		-- sh -c "unshare -n insmod broken.ko fault=$fault; rmmod broken" \
		>"$dir/$fault.log" 2>&1
	status=$?
	number=$((number + 1))
	if [ "$status" = "$wanted" ] && grep -q "$pattern" "$dir/$fault.log"
	then
		echo "ok $number $kernel: $fault"
		return
	fi
	failures=$((failures + 1))
	tail -n 40 "$dir/$fault.log" | sed 's/^/# /'
	echo "# status $status, not $wanted, or no '$pattern'"
	echo "not ok $number $kernel: $fault"
}

test_debug()
{
	echo 1..12
	notices use_after_free 240 'KASAN: slab-use-after-free'
	notices out_of_bounds 240 'KASAN: slab-out-of-bounds'
	notices leak 240 'kmemleak: 1 new suspected'
	notices lock_inversion 240 'possible circular locking dependency'
	notices sleep_in_atomic 240 'scheduling while atomic\|sleeping function'
	notices rcu_without_lock 240 'suspicious RCU usage\|suspicious rcu_dereference'
	notices shift_too_far 240 'UBSAN: shift-out-of-bounds'
	notices free_armed_timer 240 'ODEBUG: free active'
	notices corrupt_list 240 'list_del corruption'
	notices refcount_underflow 240 'refcount_t'
	notices keep_namespace 243 'LEFT OVER: .* of the kind RAWv6'
	notices keep_port 243 'LEFT OVER: 1 sockets of the kind UDP$'
}

test_kcsan()
{
	echo 1..1
	notices race 240 'KCSAN: data-race'
}

echo 'TAP version 13'
build || exit 1
"test_$kernel"
echo "$((number - failures)) passed, $failures failed, 0 skipped"
[ "$failures" = 0 ]
