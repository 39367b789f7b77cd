#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# usage: run_tests.sh [-l LIST] [PATTERN]...
#
# Runs the tests of LIST (tests.list beside this script), or those whose name
# holds a PATTERN, and passes their TAP through. It closes with one line
# "N passed, N failed, N skipped" over all their cases, and fails if a case
# failed, if other than LIST's number of cases ran, or if tests ran and nothing
# passed.

limit=${FASTPROTO_LIMIT:-1800}	# seconds for one test

dir=$(cd "$(dirname "$0")" && pwd)
list=$dir/tests.list
while getopts l: opt; do
	case $opt in
	l) list=$OPTARG ;;
	*) sed -n '4s/^# //p' "$0" >&2; exit 1 ;;
	esac
done
shift $((OPTIND - 1))
dir=$(cd "$(dirname "$list")" && pwd)

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0 found=0

wanted()
{
	name=$1
	shift
	[ $# = 0 ] && return
	for pattern; do
		case $name in
		*"$pattern"*) return 0 ;;
		esac
	done
	return 1
}

# Passes TAP through and leaves "passed failed skipped none" in $tmp/count,
# none being 1 if the test skipped itself as a whole.
count()
{
	awk -v count="$tmp/count" '
		{ print; fflush() }
		/^1\.\.0 # SKIP/ { none = 1 }
		/^not ok / { failed++; next }
		/^ok .*# SKIP/ { skipped++; next }
		/^ok / { passed++ }
		END { print passed + 0, failed + 0, skipped + 0, none + 0 >count }'
}

run()
{
	name=$1 known=$2 began=$(date +%s)
	echo "# $name"
	{
		timeout -k 5 "$limit" "$dir/$name" 2>&1 </dev/null
		echo $? >"$tmp/status"
	} | count
	status=$(cat "$tmp/status")
	read -r p f s none <"$tmp/count"
	ran=$((p + f + s))
	if [ "$status" = 4 ] && [ "$none" = 1 ]; then
		s=$known
	elif [ $ran -lt "$known" ]; then
		echo "# $name: $ran of $known cases ran (exit status $status)"
		f=$((f + known - ran))
	elif [ $ran -gt "$known" ]; then
		echo "# $name: $ran cases ran, $(basename "$list") knows $known"
		f=$((f + 1))
	elif [ "$status" != 0 ] && [ "$status" != 4 ] && [ "$f" = 0 ]; then
		echo "# $name: exit status $status"
		f=1
	fi
	echo "# $name: $(($(date +%s) - began)) s"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
}

while read -r test cases <&3; do
	case $test in
	'' | '#'*) continue ;;
	esac
	wanted "$test" "$@" || continue
	found=$((found + 1))
	run "$test" "$cases"
done 3<"$list"

[ $found != 0 ] || echo "# no test of this list has such a name: $*"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && { [ $passed != 0 ] || [ $found = 0 ]; }
