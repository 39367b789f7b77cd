#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# libfastproto's examples: an echo server, a publisher and its subscribers.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip mkfifo fpecho fppublish fpsubscribe fpsock fpctl jq

many=1000
[ -z "${FASTPROTO_ROUNDS:-}" ] || many=100

# The server keeps nothing of those that are gone, either.
echo_on_many_connections()
{
	two_hosts
	for address in 10.77.0.2 fd77::2; do
		spawn_on "$b" fpecho "$address" 7000
		server=$child
		on "$a" fpsock ask "$address" 7000 "$many" >"$tmp/answers"
		grep -qx "answers: $many" "$tmp/answers"
		kill "$server"
		wait "$server"
	done
}

usage_of_examples()
{
	for program in fpecho fppublish fpsubscribe; do
		status=0
		"$program" nonsense >"$tmp/stdout" 2>"$tmp/stderr" || status=$?
		[ "$status" = 2 ]
		grep -q "^usage: $program" "$tmp/stderr"
	done
}

# The publisher says how many there are, a line each.
has_subscribers()
{
	[ "$(tail -n 1 "$tmp/publisher")" = "$1" ]
}

# Each line that was published, once for every subscriber; and it ends with the
# publisher, whose input ends.
published_lines_come_to_all()
{
	two_hosts
	mkfifo "$tmp/lines"
	ip netns exec "$b" fppublish 10.77.0.2 7000 \
		<"$tmp/lines" >"$tmp/publisher" 2>&1 &
	child=$!
	publisher=$child
	children="$children $child"
	exec 9>"$tmp/lines"
	wait_for said ready "$tmp/publisher"
	ip netns exec "$a" fpsubscribe 10.77.0.2 7000 "$many" \
		>"$tmp/all" 2>"$tmp/lost" 9>&- &
	subscriber=$!
	children="$children $subscriber"
	wait_for has_subscribers "$many"
	printf 'one\n\nthree lines\n' >&9
	exec 9>&-
	wait "$publisher"
	wait "$subscriber"
	sort "$tmp/all" | uniq -c >"$tmp/counts"
	cat "$tmp/counts"
	[ "$(wc -l <"$tmp/counts")" = 3 ]
	grep -qxE " *$many one" "$tmp/counts"
	grep -qxE " *$many three lines" "$tmp/counts"
	grep -qxE " *$many *" "$tmp/counts"
	[ ! -s "$tmp/lost" ]
}

tap_run echo_on_many_connections usage_of_examples published_lines_come_to_all
