#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# fpperf: that it works over every transport, and what it does if it can't. How
# fast anything is, is not for a test to say.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip tc jq fpperf

always='udp udp-sendto tcp fastproto-seqpacket fastproto-dgram unix'

# exits STATUS COMMAND...: its output is in $tmp/stdout and $tmp/stderr.
exits()
{
	expected=$1
	shift
	status=0
	"$@" >"$tmp/stdout" 2>"$tmp/stderr" || status=$?
	[ "$status" = "$expected" ] ||
		fail "exit status $status, not $expected: $*: $(cat "$tmp/stderr")"
}

serve()
{
	# What a test before this one, which failed, has left.
	rm -f "$tmp/wanted" "$tmp/measured"
	spawn_on "$b" fpperf server -T "$patience" "$@"
	server=$child
}

client()
{
	on "$a" fpperf client -T "$patience" "$@"
}

# Those that this kernel has, as the server says.
served()
{
	sed -n 's/^\([a-z-]*\): .*/\1/p' "$out"
}

has_cases()
{
	case $1 in
	udp* | fastproto-dgram) echo rtt stream burst outstanding ;;
	*) echo rtt stream burst outstanding setup ;;
	esac
}

# measure TRANSPORT CASE SIZE OPERATIONS ARGUMENT...
measure()
{
	echo "$1 $2 $3 $4" >>"$tmp/wanted"
	transport=$1 test=$2 size=$3 count=$4
	shift 4
	exits 0 client -j -t "$transport" -c "$test" -s "$size" -n "$count" "$@"
	cat "$tmp/stdout" >>"$tmp/measured"
}

# All results since the last time are what was wanted, and whole.
all_measured()
{
	jq -r 'select(.lost == 0 and .ns > 0 and (.operation | length) > 0 and
		.ns_per_operation == (.ns / .operations | round)) |
		"\(.transport) \(.case) \(.size) \(.operations)"' \
		"$tmp/measured" >"$tmp/got"
	diff "$tmp/wanted" "$tmp/got"
	rm "$tmp/wanted" "$tmp/measured"
}

# Both ends on one host, so that AF_UNIX is no exception.
every_case_of_every_transport()
{
	one_host
	b=$a
	serve 127.0.0.1
	for transport in $always; do
		served | grep -qx "$transport"
	done
	for transport in $(served); do
		for test in $(has_cases "$transport"); do
			measure "$transport" "$test" 64 16 -w 2 -d 4 127.0.0.1
		done
	done
	all_measured
}

large_messages()
{
	two_hosts
	serve -t udp,tcp,fastproto-seqpacket,fastproto-dgram
	for transport in udp tcp fastproto-seqpacket fastproto-dgram; do
		for test in rtt burst outstanding; do
			measure "$transport" "$test" 16384 8 -d 8 fd77::2
		done
	done
	measure fastproto-seqpacket rtt 1048576 2 10.77.0.2
	measure tcp rtt 1048576 2 10.77.0.2
	all_measured
}

both_families_in_turn()
{
	two_hosts
	serve -t udp,udp-sendto,fastproto-dgram,fastproto-seqpacket
	for address in 10.77.0.2 fd77::2 10.77.0.2 fd77::2; do
		for transport in udp udp-sendto fastproto-dgram \
			fastproto-seqpacket; do
			measure "$transport" rtt 64 4 "$address"
		done
	done
	all_measured
}

for_people()
{
	two_hosts
	serve -p 4000 -t fastproto-seqpacket,udp 10.77.0.2
	grep '^fastproto-seqpacket: 10.77.0.2:4002$' "$out"
	grep '^udp: 10.77.0.2:4000$' "$out"
	exits 0 client -l -p 4000 -n 100 10.77.0.2
	grep 'fastproto-seqpacket, rtt, 64 bytes: .* ns a round trip (100 in' \
		"$tmp/stdout"
	grep '^min .*, 50% .*, 99.9% .*, max .* us$' "$tmp/stdout"
	fails grep lost "$tmp/stdout"
	exits 0 fpperf list
	for transport in $always sctp mptcp; do
		grep "^$transport " "$tmp/stdout"
	done
}

latency()
{
	two_hosts
	serve -t fastproto-seqpacket
	for test in rtt setup; do
		exits 0 client -j -l -c "$test" -n 20 10.77.0.2
		jq -e '.latency_ns | [.min, .["50%"], .["90%"], .["99%"],
			.["99.9%"], .max] | . == sort and .[0] > 0' \
			"$tmp/stdout"
		# The mean of all lies between the least and the greatest.
		jq -e '.ns_per_operation >= .latency_ns.min - 1 and
			.ns_per_operation <= .latency_ns.max + 1' "$tmp/stdout"
	done
}

unix_path()
{
	one_host
	b=$a
	serve -t unix "$tmp/socket"
	measure unix rtt 64 4 "$tmp/socket"
	all_measured
	exits 1 client -t unix -n 4 "$tmp/nowhere"
	grep 'cannot connect: No such file' "$tmp/stderr"
}

nobody_there()
{
	two_hosts
	for transport in udp tcp fastproto-seqpacket fastproto-dgram unix; do
		exits 1 client -t "$transport" 10.77.0.2
		grep 'fpperf: .*: Connection refused' "$tmp/stderr"
		[ ! -s "$tmp/stdout" ]
	done
	serve -t tcp 10.77.0.2
	exits 1 on "$b" fpperf server -t tcp 10.77.0.2
	grep 'tcp: cannot listen at 10.77.0.2:7700: Address already in use' \
		"$tmp/stderr"
}

netem()
{
	tc -n "$a" qdisc add dev fp0 root netem "$@" || skip 'no netem here'
}

lost_messages_are_counted()
{
	two_hosts
	# Who has gone, and could not tell, is not to be waited for too long.
	serve -T 10 -t udp,fastproto-dgram
	netem loss 30%
	for transport in udp fastproto-dgram; do
		exits 0 client -j -t "$transport" -c stream -n 200 10.77.0.2
		jq -e '.lost > 0 and .lost < 200' "$tmp/stdout"
		exits 0 client -t "$transport" -c stream -n 200 10.77.0.2
		grep '^[0-9]* messages were lost$' "$tmp/stdout"
	done
}

# The neighbour's address is known: what is lost is messages.
know_neighbour()
{
	ip -n "$a" neigh replace 10.77.0.2 dev fp0 nud permanent lladdr \
		"$(ip -n "$b" -j link show fp0 | jq -r '.[0].address')"
}

lost_answer_is_a_failure()
{
	two_hosts
	know_neighbour
	serve -t udp,tcp,fastproto-seqpacket,fastproto-dgram
	netem loss 100%
	for transport in udp tcp fastproto-seqpacket fastproto-dgram; do
		exits 1 on "$a" fpperf client -t "$transport" -T 1 10.77.0.2
		grep 'nothing came for 1 seconds; giving up' "$tmp/stderr"
	done
}

# A client that is killed does not keep the next one waiting for ever.
killed_client()
{
	two_hosts
	serve -T 1 -t udp,fastproto-dgram,fastproto-seqpacket,tcp
	for transport in udp fastproto-dgram fastproto-seqpacket tcp; do
		ip netns exec "$a" fpperf client -t "$transport" \
			-n 1000000 10.77.0.2 &
		victim=$!
		wait_for serves
		end "$victim"
		wait_for on "$a" fpperf client -T 3 -t "$transport" -n 4 \
			10.77.0.2
	done
	kill -0 "$server"
}

# Somebody has sent something: there is a client that goes on.
serves()
{
	first=$(packets)
	sleep 0.1
	[ "$(packets)" -gt $((first + 10)) ]
}

packets()
{
	ip -n "$b" -j -s link show fp0 | jq '.[0].stats64.rx.packets'
}

small_buffers()
{
	two_hosts
	serve -t udp
	for test in burst outstanding; do
		exits 1 client -t udp -B 64K -c "$test" -s 16K 10.77.0.2
		grep '32 messages of 16384 bytes are too many for' \
			"$tmp/stderr"
	done
}

# refused WHY ARGUMENT...
refused()
{
	why=$1
	shift
	exits 2 fpperf "$@"
	grep -e "$why" "$tmp/stderr" || fail "$*: $(cat "$tmp/stderr")"
	[ ! -s "$tmp/stdout" ]
}

wrong_arguments()
{
	refused '^Usage'
	refused '^Usage' nonsense
	refused '^Usage' list more
	refused 'no HOST' client
	refused 'extra argument "b"' client a b
	refused 'extra argument "b"' server a b
	refused 'unknown transport "tcpp"' client -t tcpp a
	refused 'unknown transport "nix"' server -t tcp,nix
	refused 'no transport' server -t ,
	refused 'unknown case "ping"' client -c ping a
	refused 'size: 23 is not between 24 and 1048576' client -s 23 a
	refused 'size: 2M is not between' client -s 2M a
	refused 'size: udp carries up to 65507' client -t udp -s 65508 a
	refused 'size: "64k" is not a number' client -s 64k a
	refused 'size: "-1" is not a number' client -s -1 a
	refused 'size: "" is not a number' client -s '' a
	refused 'size: 99999999999999999999M is not between' \
		client -s 99999999999999999999M a
	refused 'count: 0 is not between' client -n 0 a
	refused 'count: "1K" is not a number' client -n 1K a
	refused 'count: less than the 32' client -c outstanding -n 31 a
	refused 'port: 65534 is not between' client -p 65534 a
	refused 'depth: 0 is not' client -d 0 a
	refused 'timeout: 0 is not' client -T 0 a
	refused 'buffer: 0 is not' server -B 0
	refused 'case setup: udp has no connections' client -t udp -c setup a
	refused 'case stream: there is no latency' client -l -c stream a
	refused "invalid option -- 'n'" server -n 1
	refused 'unrecognized option' client --nonsense a
	refused 'requires an argument' client a -t
	exits 1 fpperf client -t tcp not.a.host.invalid
	grep 'not.a.host.invalid: ' "$tmp/stderr"
	exits 0 fpperf --help
	grep '^Usage' "$tmp/stdout"
	exits 0 fpperf -V
	grep "^fpperf, fastproto $(cat /sys/module/fastproto/version)$" \
		"$tmp/stdout"
}

tap_run every_case_of_every_transport large_messages both_families_in_turn \
	for_people latency unix_path nobody_there lost_messages_are_counted \
	lost_answer_is_a_failure killed_client small_buffers wrong_arguments
