#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The models of the rings' concurrency (*.pml), in all interleavings: each must
# hold, and all of it must be reached. Then each with one thing left out or turned
# round, a barrier or a look, for every NO_... and BUT_... that it knows: that must
# be noticed, or else the model proves nothing about it.
#
#   model_test.sh [-v] [PATTERN]    -v: how it goes wrong, step by step

set -u
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

verbose=''
if [ "${1-}" = -v ]; then
	verbose=y
	shift
fi
pattern=${1-}

# States that the search may hold, in MiB, and steps of its longest path.
readonly memory=2000 depth=200000

names()
{
	grep -ohE "\\b$2_[A-Z_]+" "$here/$1.pml" | sort -u
}

# What is to be searched, one a line: a name and the definitions.
list()
{
	local model variant mutation

	for model in event free quiet send wait; do
		echo "$model"
		for variant in $(names $model WITH); do
			echo "$model -D$variant"
		done
		for mutation in $(names $model NO) $(names $model BUT); do
			echo "$model -D$mutation"
		done
	done
}

# Which variant a mutation is about, if not the plain one.
variant_of()
{
	sed -n "s/^ \* $2: of \(WITH_[A-Z_]*\).*/-D\1/p" "$here/$1.pml"
}

# search DIR MODEL DEFINITION...: its output is in DIR/out.
search()
{
	local dir=$1 model=$2

	shift 2
	mkdir "$dir" && cp "$here"/*.pml "$dir" && cd "$dir" &&
		spin -a "$@" "$model.pml" >spin.out 2>&1 &&
		! grep -q . spin.out &&
		cc -w -DSAFETY -DMEMLIM=$memory -o pan pan.c &&
		./pan -m$depth -w20 >out 2>&1
}

# All was searched, nothing was found, and no line was never reached, but what
# the model says.
holds()
{
	local model=$1 out=$2 but

	but=$(sed -n 's/^ \* unreached: //p' "$here/$model.pml")
	grep -q 'errors: 0' "$out" &&
		! grep -qE 'not completed|too small' "$out" &&
		! grep -E '^	.*\.(pml|h):[0-9]+, state' "$out" |
			grep -vE -- "\"(-end-${but:+|$but})\""
}

figures()
{
	awk '/states, stored/ { n = $1 } /elapsed time/ { t = $4 }
	     END { printf "%d states, %.1f s", n, t }' "$1"
}

# What was found: in a mutation, that is what should be.
error()
{
	sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' "$1"
}

# How it came to that, step by step.
show()
{
	(cd "$1" && ls ./*.trail && ./pan -r | sed 's/^/# /') 2>/dev/null
}

report()
{
	local ok=$1 text=$2 dir=$3

	number=$((number + 1))
	if [ "$ok" = 0 ]; then
		echo "ok $number $text"
	else
		sed 's/^/# /' "$dir/spin.out" "$dir/out"
		show "$dir"
		echo "not ok $number $text"
		bad=1
	fi
}

check()
{
	local model=$1 definition=${2-} dir=$work/$1$2
	local name=${definition#-D} extra

	case $name in
	NO_* | BUT_*)
		mapfile -t extra < <(variant_of "$model" "$name")
		search "$dir" "$model" "$definition" "${extra[@]}"
		error "$dir/out" >"$work/error"
		[ -s "$work/error" ]
		report $? "$model: $name is noticed: $(<"$work/error")" "$dir"
		[ -z "$verbose" ] || show "$dir"
		;;
	*)
		search "$dir" "$model" ${definition:+"$definition"} &&
			holds "$model" "$dir/out"
		report $? "$model${name:+, $name}: $(figures "$dir/out")" "$dir"
		;;
	esac
	rm -rf "$dir"
}

number=0 bad=0
mapfile -t all < <(list | grep -e "$pattern")
echo 'TAP version 13'
echo "1..${#all[@]}"
for line in "${all[@]}"; do
	read -r model definition <<<"$line"
	check "$model" "$definition"
done
exit $bad
