#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Network namespaces: apart from each other, and gone without a trace.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip jq fpctl

counter()
{
	fpctl -N "$1" -j stats | jq "$2"
}

link_is_gone()
{
	! ip -n "$1" link show fp0
}

link_is_there()
{
	ip -n "$1" link show fp0 >/dev/null
}

same_port_in_two_namespaces()
{
	two_hosts
	spawn_on "$a" fpsock recv :: 4000
	out_a=$out
	spawn_on "$b" fpsock recv :: 4000
	out_b=$out
	on "$a" fpsock send ::1 4000 'to a'
	on "$b" fpsock send 127.0.0.1 4000 'to b'
	wait_for grep -q '^to a$' "$out_a"
	wait_for grep -q '^to b$' "$out_b"
}

counters_are_the_namespaces_own()
{
	two_hosts
	spawn_on "$b" fpsock recv 10.77.0.2 4000
	on "$a" fpsock send 10.77.0.2 4000 hello
	wait_for grep -q '^hello$' "$out"
	[ "$(counter "$a" .out_frames)" = 1 ]
	[ "$(counter "$a" .in_frames)" = 0 ]
	[ "$(counter "$b" .in_frames)" = 1 ]
	[ "$(counter "$b" .in_bytes)" = 5 ]
	[ "$(counter "$b" .out_frames)" = 0 ]
}

sockets_are_listed_where_they_are()
{
	two_hosts
	spawn_on "$a" fpsock hold 10.77.0.1 4000
	[ "$(fpctl -N "$a" -j socket | jq length)" = 1 ]
	[ "$(fpctl -N "$b" -j socket | jq length)" = 0 ]
	[ "$(fpctl -N "$a" -j show | jq .sockets)" = 1 ]
	[ "$(fpctl -N "$b" -j show | jq .sockets)" = 0 ]
}

# The other end of its veth pair vanishes when a namespace is really gone.
goes_when_its_last_socket_does()
{
	two_hosts
	spawn_on "$b" fpsock hold fd77::2 4000
	ip netns del "$b"
	link_is_there "$a"
	end "$child"
	wait_for link_is_gone "$a"
}

# Nobody is in the namespace any more, but a socket of it lives on elsewhere.
socket_keeps_its_namespace()
{
	two_hosts
	spawn fpsock leave "$b" 10.77.0.2 4000
	holder=$child
	ip netns del "$b"
	on "$a" fpsock send 10.77.0.2 4000 hello
	wait_for grep -q '^got hello$' "$out"
	link_is_there "$a"
	end "$holder"
	wait_for link_is_gone "$a"
}

goes_under_traffic()
{
	two_hosts
	for port in 4000 4001 4002; do
		spawn_on "$b" fpsock hold :: "$port"
		holders="${holders-} $child"
	done
	spawn_on "$b" fpsock flood 10.77.0.1 4000
	holders="$holders $child"
	spawn_on "$a" fpsock hold 10.77.0.1 4000
	spawn_on "$a" fpsock flood fd77::2 4000
	spawn_on "$a" fpsock storm 10.77.0.2 4000
	wait_for more_than 100 counter "$b" .in_datagrams
	wait_for more_than 100 counter "$a" .in_datagrams
	ip netns del "$b"
	for holder in $holders; do
		end "$holder"
	done
	wait_for link_is_gone "$a"
	# Host a works on.
	spawn_on "$a" fpsock recv ::1 4001
	on "$a" fpsock send ::1 4001 alive
	wait_for grep -q '^alive$' "$out"
}

more_than()
{
	least=$1
	shift
	[ "$("$@")" -gt "$least" ]
}

many_come_and_go()
{
	two_hosts
	i=0
	while [ "$i" -lt 8 ]; do
		ip netns add "fp-$$-$i"
		namespaces="$namespaces fp-$$-$i"
		ip -n "$a" link add "v$i" type veth peer name fp0 \
			netns "fp-$$-$i"
		ip -n "fp-$$-$i" link set lo up
		spawn_on "fp-$$-$i" fpsock hold ::1 4000
		on "fp-$$-$i" fpsock send ::1 4000 'never read'
		ip netns del "fp-$$-$i"
		end "$child"
		i=$((i + 1))
	done
	wait_for none_left
}

none_left()
{
	! ip -n "$a" link | grep -q ' v[0-9]*@'
}

# In a user namespace of one's own one is root: over its network, not others.
unprivileged_user()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare -U -r -n true || skip 'no user namespaces here'
	cat >"$tmp/inside" <<-'END'
	set -ex
	ip link set lo up
	fpsock recv ::1 77 >"$1" &
	while ! grep -q ready "$1"; do sleep 0.1; done
	fpsock send ::1 77 inside
	wait
	grep '^inside$' "$1"
	fpctl set copybreak 7
	[ "$(fpctl -j show | jq .copybreak)" = 7 ]
	END
	chmod 755 "$tmp"
	chmod 644 "$tmp/inside"
	touch "$tmp/heard"
	chmod 666 "$tmp/heard"
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare -U -r -n timeout 30 sh "$tmp/inside" "$tmp/heard"
	fails setpriv --reuid 65534 --regid 65534 --clear-groups \
		fpctl set copybreak 7
}

tap_run same_port_in_two_namespaces counters_are_the_namespaces_own \
	sockets_are_listed_where_they_are goes_when_its_last_socket_does \
	socket_keeps_its_namespace goes_under_traffic many_come_and_go \
	unprivileged_user
