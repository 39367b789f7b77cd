#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does `make bench` measure, and write what it measured? One short boot; what
# the figures are is not for a test to say. Runs on the host.
#
#   run_test.sh KERNEL

set -u
here=$(dirname "$(readlink -f "$0")")
kernel=${1:-6.12}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
known=7 number=0 failures=0 status=0

bench()
{
	"$here/run" --kernel "$kernel" --output "$tmp/bench.json" "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

check()
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@" >"$tmp/why" 2>&1; then
		echo "ok $number bench: $name"
		return
	fi
	failures=$((failures + 1))
	tail -n 50 "$tmp/why" "$tmp/out" "$tmp/err" | sed 's/^/# /'
	echo "# status $status"
	echo "not ok $number bench: $name"
}

# The table's line of a transport
line()
{
	grep -E "^ +64  $1 +[0-9,]+ +0.00%( +([0-9]+\.[0-9]{3}|-)){3}$" "$tmp/out"
}

table()
{
	line udp && line udp-sendto && line tcp && line unix &&
		grep "^rtt over lo, Linux $kernel: round trip" "$tmp/out"
}

# shellcheck disable=SC2016 # these are jq's variables
rows()
{
	jq -e --arg kernel "$kernel" '
		([.[] | .case + " " + .transport] | sort) ==
		["rtt tcp", "rtt udp", "rtt udp-sendto", "rtt unix",
			"setup tcp", "setup unix"] and
		all(.[]; .size == 64 and .link == "lo" and .boots == 1 and
			.kernel == $kernel and .spread == 0 and
			(.release | startswith($kernel + ".")) and
			.instructions > 1000)' "$tmp/bench.json"
}

# shellcheck disable=SC2016
ratios()
{
	jq -e '
		(map({key: (.case + " " + .transport), value: .}) |
			from_entries) as $row |
		all(.[]; . as $this |
			all("udp", "udp-sendto", "tcp"; . as $base |
				$row[$this.case + " " + $base].instructions
					as $other |
				$this["ratio_" + ($base | sub("-"; "_"))] as $ratio |
				if $other == null then $ratio == null
				else $ratio - $this.instructions / $other |
					fabs < 0.0001
				end))' "$tmp/bench.json"
}

refuses()
{
	bench "$@"
	[ $status = 2 ] && [ ! -s "$tmp/out" ]
}

refuses_unknown_words()
{
	refuses --case ping && grep "'ping' is none of rtt, stream" "$tmp/err" &&
		refuses --size 65 && refuses --transport tcpp &&
		refuses --link eth0 && refuses --boots 6
}

# The log of the machine that did not start is of no use.
fails_with_a_boot()
{
	FASTPROTO_VM_QEMU=-no-such-option bench --boots 2 --case rtt --size 64 \
		--link lo --transport udp
	sed -n "s/^vm\/run: the console's log is //p" "$tmp/err" | xargs -r rm
	[ $status = 1 ] && grep '^bench: a boot failed' "$tmp/err" &&
		[ ! -s "$tmp/out" ]
}

fails_without_a_kernel()
{
	kernel=5.4 bench
	[ $status = 1 ] && grep '^bench: .* failed' "$tmp/err" &&
		! grep Traceback "$tmp/err"
}

echo "1..$known"
bench --boots 1 --case "setup rtt" --size 64 --link lo --transport unix
check 'ends well' [ $status = 0 ]
check 'the table' table
check 'bench.json' rows
check 'ratios' ratios
check 'unknown words are refused' refuses_unknown_words
check 'fails if a boot does' fails_with_a_boot
check 'fails without a kernel' fails_without_a_kernel
echo "$((number - failures)) passed, $failures failed, 0 skipped"
[ $failures = 0 ] && [ $number = $known ]
