#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fuzzers, attacks, life and death, and traffic, in random order and each time
# from another seed, for so many minutes; then what was survived. What fails ends
# it, and says with which seed it may come again.
#
#   soak.sh MINUTES [SEED]

set -u
minutes=${1:?minutes}
seed=${2:-$(date +%s)}
here=$(dirname "$(readlink -f "$0")")
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Each with how often it is drawn. The first ones never take the same way twice.
readonly mix=(
	wirefuzz_test wirefuzz_test wirefuzz_test wirefuzz_test
	sysfuzz_test sysfuzz_test sysfuzz_test sysfuzz_test
	life_test.sh life_test.sh life_test.sh death_test death_test
	ringhostile_test ringstress_test
	attack_test flood_test thread_test fault_test transfer_test park_test
)

if [ -n "${FASTPROTO_ROUNDS:-}" ]; then
	frames=5000 calls=4000 losses=4
else
	frames=20000 calls=20000 losses=40
fi
declare -A survived=()

count()
{
	survived[$1]=$((${survived[$1]:-0} + $2))
}

# The numbers in what the programs say of themselves.
add_up()
{
	local number what

	count "runs of $1" 1
	while read -r number what; do
		count "$what" "$number"
	done < <(sed -nE '
		s/.*:([0-9]+) frames in ([0-9]+) datagrams, .*/\1 frames that may lie/p
		s/.*:([0-9]+) calls, ([0-9]+) refused, ([0-9]+) with.*/\1 calls of any kind\n\3 allocations and copies that failed in them/p
		s/.*:([0-9]+) allocations failed$/\1 allocations that failed under frames/p
		s/.*:([0-9]+) (SYNs|echoes), ([0-9]+) conv.*/\1 spoofed \2\n\3 conversations meanwhile/p
		s/^# ([0-9]+) faults, .*/\1 allocations that failed, each in turn/p
		' "$log")
	while read -r number what; do
		count "times lost: $what" "$number"
	done < <(sed -nE 's/^# lost: (.*) \(seed.*/\1/p' "$log" |
		tr ' ' '\n' | paste -d' ' - -)
}

run()
{
	local name=$1

	FASTPROTO_SEED=$seed FASTPROTO_FRAMES=$frames FASTPROTO_CALLS=$calls \
		FASTPROTO_LOSSES=$losses FASTPROTO_ROUNDS=${FASTPROTO_ROUNDS:-40} \
		"$here/$name" >"$log" 2>&1 </dev/null
	case $? in
	0 | 4) add_up "$name" ;;
	*)
		cat "$log"
		echo "FAILED: $name, FASTPROTO_SEED=$seed"
		return 1
		;;
	esac
}

tell()
{
	local what

	echo "$((SECONDS / 60)) minutes survived:"
	for what in "${!survived[@]}"; do
		printf '%10d %s\n' "${survived[$what]}" "$what"
	done | sort -k 2
}

RANDOM=$((seed % 32768))
echo "from seed $seed"
while [ $SECONDS -lt $((minutes * 60)) ]; do
	name=${mix[RANDOM % ${#mix[@]}]}
	seed=$((seed + 1))
	printf '%5d s: %s, seed %d\n' $SECONDS "$name" "$seed"
	run "$name" || { tell; exit 1; }
done
tell
