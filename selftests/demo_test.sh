#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The example programs: the README's, a file over a bad network, round trips.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip tc cmp fpctl jq
PATH=$(dirname "$0")/demo:$PATH

# transfer ADDRESS BYTES
transfer()
{
	head -c "$2" /dev/urandom >"$tmp/sent"
	on "$b" timeout 60 fpfile recv "$1" 4000 "$tmp/received" &
	receiver=$!
	on "$a" timeout 60 fpfile send "$1" 4000 "$tmp/sent"
	wait "$receiver"
	cmp "$tmp/sent" "$tmp/received"
}

file_of_any_size()
{
	two_hosts
	for size in 0 1 65535 65536 65537 300000; do
		transfer 10.77.0.2 "$size"
		transfer fd77::2 "$size"
	done
}

file_over_a_bad_network()
{
	two_hosts
	for host in "$a" "$b"; do
		tc -n "$host" qdisc add dev fp0 root netem \
			loss 5% duplicate 2% delay 1ms reorder 5% ||
			skip 'no netem here'
	done
	transfer fd77::2 500000
	[ "$(fpctl -N "$a" -j stats | jq .out_retrans)" -gt 0 ]
}

somebody_receives_later()
{
	two_hosts
	echo file >"$tmp/sent"
	spawn_listener fpfile recv :: 4000 "$tmp/received"
	fails on "$b" fpfile recv :: 4000 "$tmp/other"
	end "$child"
	# The sender waits until somebody is there.
	on "$a" timeout 60 fpfile send 10.77.0.2 4000 "$tmp/sent" &
	sender=$!
	on "$b" timeout 60 fpfile recv :: 4000 "$tmp/received"
	wait "$sender"
	cmp "$tmp/sent" "$tmp/received"
}

# What `make demo` shows.
whole_demo()
{
	demo.sh 1 >"$tmp/report" 2>&1 || fail "$(cat "$tmp/report")"
	grep '^   The link lost [1-9][0-9]* of alice' "$tmp/report"
	grep '^   alice sent [0-9]* frames, and [1-9][0-9]* of them again:' \
		"$tmp/report"
	grep '^   drop_checksum  *1$' "$tmp/report"
	grep '^== Done$' "$tmp/report"
}

round_trips()
{
	two_hosts
	spawn_listener fpping -l :: 4000
	on "$a" fpping 10.77.0.2 4000 100 >"$tmp/report"
	cat "$tmp/report"
	grep '^   100 round trips, 0 without an answer$' "$tmp/report"
	grep 'min .* median .* max' "$tmp/report"
	on "$a" fpping fd77::2 4000 10
	end "$child"
	# Without anybody there, every question is one without an answer.
	fails on "$a" fpping fd77::2 4000 2
}

# fpping says nothing when it is ready: its socket does.
spawn_listener()
{
	ip netns exec "$b" "$@" &
	child=$!
	children="$children $child"
	wait_for listening
}

listening()
{
	[ "$(fpctl -N "$b" -j socket | jq length)" -gt 0 ]
}

program_of_the_readme()
{
	[ "$(readme)" = hello ]
}

tap_run program_of_the_readme file_of_any_size file_over_a_bad_network \
	somebody_receives_later round_trips whole_demo
