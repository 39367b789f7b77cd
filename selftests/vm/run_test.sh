#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of selftests/vm/run itself, on the host. VM_TEST_KERNEL chooses the
# kernel, 6.1 unless told.

here=$(dirname "$(readlink -f "$0")")
kernel=${VM_TEST_KERNEL:-6.1}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
known=32 number=0 failures=0

vm()
{
	"$here/run" --kernel "$kernel" --no-module --timeout 120 "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

# Something else than what was wanted is told with all that is known.
check()
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $name"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $number - $name"
	echo "# wanted: $*"
	echo "# status $status"
	tail -n 20 "$tmp/out" "$tmp/err" | sed 's/^/# /'
}

log_kept()
{
	local log

	log=$(sed -n "s/.*the console's log is //p" "$tmp/err")
	[ -n "$log" ] && grep -q "$1" "$log" && rm -f "$log"
}

# One boot proves many things: the script writes each to a file of its own
# and sends them all home at the end.
test_ordinary()
{
	local odd=$'two words "q" \'s\' $HOME `x` \\n\nnext\t*'

	head -c 100000 /dev/urandom >"$tmp/random bytes"
	cat >"$tmp/script" <<-'END'
		{
			nproc
			sed -n 's/MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo
			pwd
			readlink /proc/self/fd/0
			printf '%s\0' "$@" | md5sum
			md5sum <'random bytes'
			cat /opt/there
			ip -o link show up | grep -c lo:
			modprobe sch_netem && echo netem
			echo error >&2
		} 2>&1
		mkdir /out/folder
		cp 'random bytes' /out/folder
		printf '\r\n\000\377end'
		exit 77
	END
	echo dest >"$tmp/there"
	vm --mem 700M --cpus 2 --add "$tmp/random bytes" --add "$tmp/script" \
		--add "$tmp/there:/opt/there" --out "$tmp/fetched" -- sh script "$odd" '' last
	tr -d '\000' <"$tmp/out" >"$tmp/text"
	check "the command's status" [ $status = 77 ]
	check "--cpus 2" [ "$(line 1)" = 2 ]
	check "--mem 700M" [ "$(($(line 2) / 102400))" = 6 ]
	check "starts in /root" [ "$(line 3)" = /root ]
	check "stdin is /dev/null" [ "$(line 4)" = /dev/null ]
	check "arguments arrive as given" [ "$(line 5)" = \
		"$(printf '%s\0' "$odd" '' last | md5sum)" ]
	check "--out DIR" cmp "$tmp/random bytes" \
		"$tmp/fetched/folder/random bytes"
	check "--add FILE" [ "$(line 6)" = "$(md5sum <"$tmp/random bytes")" ]
	check "--add FILE:DEST" [ "$(line 7)" = dest ]
	check "lo is up" [ "$(line 8)" = 1 ]
	check "a module is loaded with what it needs" [ "$(line 9)" = netem ]
	check "stderr arrives" [ "$(line 10)" = error ]
	check "output is the same byte by byte" [ "$(tail -c 7 "$tmp/out" |
		od -An -c | tr -d ' ')" = '\r\n\0377end' ]
}

line()
{
	sed -n "$1p" "$tmp/text"
}

test_status()
{
	vm --cpus 1 -- sh -c 'nproc; exit 255'
	check "status 255" [ $status = 255 ]
	check "--cpus 1" [ "$(cat "$tmp/out")" = 1 ]
	vm --cpus 1 -- sh -c 'sleep 1000 & exit 0'
	check "status 0, whatever is left running" [ $status = 0 ]
}

# A report of KCSAN; in it is a function of this module
race()
{
	cat >"$tmp/race" <<-END
		====================================================
		BUG: KCSAN: data-race in one / another
		write to 0xffff88807ad1fc98 of 4 bytes by task 1 on cpu 1:
		 one+0x116/0x1d9 $1
		read to 0xffff88807ad1fc98 of 4 bytes by task 0 on cpu 0:
		 another+0x4b/0x67
		====================================================
	END
	# shellcheck disable=SC2016 # for the machine's shell
	vm --cpus 1 --add "$tmp/race:/race" -- sh -c \
		'while read -r line; do echo "<4>$line" >/dev/kmsg; done </race'
}

test_failures()
{
	vm -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
	check "a panic is 240" [ $status = 240 ]
	check "its log is kept" log_kept 'Kernel panic'
	vm --cpus 1 -- sh -c 'echo "<4>WARNING: CPU: 0 at test" >/dev/kmsg; echo ok'
	check "a warning is 240 though the command succeeds" [ $status = 240 ]
	check "the command's output is there all the same" \
		[ "$(cat "$tmp/out")" = ok ]
	check "the warning is shown" grep -q '^\[.*WARNING: CPU: 0' "$tmp/err"
	log_kept WARNING
	race '[fastproto]'
	check "a data race of ours is 240" [ $status = 240 ]
	log_kept KCSAN
	race ''
	check "one of the kernel's own is none of ours" [ $status = 0 ]
	vm --cpus 1 --timeout 25 -- sh -c 'echo begun; sleep 1000'
	check "a hang is 241" [ $status = 241 ]
	check "what came before the hang is there" [ "$(cat "$tmp/out")" = begun ]
	log_kept 'time is nearly up'
	vm --cpus 1 -- reboot -f
	check "an end without a status is 242" [ $status = 242 ]
	log_kept ''
	vm --add /nowhere -- true
	check "what cannot be prepared is 244" [ $status = 244 ]
}

# A computation, a sleep, a fork and the random generator
count_instructions()
{
	# shellcheck disable=SC2016 # expanded in the machine
	vm --icount -- sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done
		sleep 0.01; grep now /proc/timer_list
		head -c 16 /dev/urandom | md5sum'
}

test_icount()
{
	count_instructions
	check "--icount works" [ $status = 0 ]
	cp "$tmp/out" "$tmp/first"
	count_instructions
	check "--icount: the same time to the nanosecond, twice" \
		cmp "$tmp/out" "$tmp/first"
}

# Nothing may stay behind, however run is ended.
test_interrupt()
{
	local run

	TMPDIR=$tmp "$here/run" --kernel "$kernel" --no-module -- \
		sleep 1000 >/dev/null 2>&1 &
	run=$!
	until pgrep -f "$tmp.*/initramfs" >/dev/null || ! kill -0 $run; do
		sleep 0.2
	done
	kill -TERM $run
	wait $run
	status=$?
	check "an interrupted run ends with 143" [ $status = 143 ]
	check "no machine is left" eval "! pgrep -f '$tmp.*/initramfs' >/dev/null"
	check "no temporary file is left" eval "! ls -d $tmp/fastproto-vm.* >/dev/null 2>&1"
}

echo "TAP version 13"
if ! type -P qemu-system-x86_64 >/dev/null; then
	echo "1..0 # SKIP qemu-system-x86_64 is missing"
	exit 4
fi
echo "1..$known"
test_ordinary
test_status
test_failures
test_icount
test_interrupt
echo "$((number - failures)) passed, $failures failed, 0 skipped"
[ $failures = 0 ] && [ $number = $known ]
