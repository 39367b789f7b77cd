#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A program that knows nothing of the family: socat, with its generic addresses.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip socat fpctl cmp

# What follows sfp_family in struct sockaddr_fp, as socat wants it: flags and
# padding, no connection ID, then family (2, little-endian), port 4000 and
# address of a struct sockaddr_in.
address_of()
{
	printf 'x%028d0200%04x%02x%02x%02x%02x%016d' 0 4000 \
		"$1" "$2" "$3" "$4" 0
}

# The same for IPv6 (10), fd77::2: flow label, address, scope.
address6()
{
	printf 'x%028d0a00%04x%08dfd77%024d0002%08d' 0 4000 0 0 0
}

# converse HOST SOCAT-ADDRESS: what is sent comes back, and then the end.
converse()
{
	head -c 100000 /dev/urandom >"$tmp/question"
	on "$1" timeout 60 socat -t 30 - "$2" <"$tmp/question" >"$tmp/answer"
	cmp "$tmp/question" "$tmp/answer"
}

client_of_an_echo_server()
{
	two_hosts
	spawn_on "$b" fpsock echo :: 4000
	converse "$a" "SOCKET-CONNECT:18:0:$(address_of 10 77 0 2),type=5"
	converse "$a" "SOCKET-CONNECT:18:0:$(address6),type=5"
}

listening()
{
	fpctl -N "$b" -j socket port 4000 | grep -q '"port"'
}

# serve SOCAT-ADDRESS SOCAT-ADDRESS, on host b.
serve()
{
	ip netns exec "$b" socat "$@" &
	child=$!
	children="$children $child"
	wait_for listening
}

server_for_itself()
{
	two_hosts
	serve "SOCKET-LISTEN:18:0:$(address_of 10 77 0 2),type=5,fork" PIPE
	converse "$a" "SOCKET-CONNECT:18:0:$(address_of 10 77 0 2),type=5"
	converse "$a" "SOCKET-CONNECT:18:0:$(address_of 10 77 0 2),type=5"
}

datagrams()
{
	two_hosts
	serve -u "SOCKET-RECV:18:2:0:$(address_of 10 77 0 2)" "$tmp/heard"
	echo one datagram | on "$a" socat -u - \
		"SOCKET-SENDTO:18:2:0:$(address_of 10 77 0 2)"
	wait_for grep -x 'one datagram' "$tmp/heard"
}

refused()
{
	two_hosts
	on "$a" socat - "SOCKET-CONNECT:18:0:$(address_of 10 77 0 2),type=5" \
		2>"$tmp/said" </dev/null && fail 'nobody listens there'
	grep 'Connection refused' "$tmp/said"
}

tap_run client_of_an_echo_server server_for_itself datagrams refused
