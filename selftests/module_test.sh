#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The module comes and goes: with sockets open, under traffic, with another
# family number. At the end it is loaded as it was.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip jq fpctl modprobe rmmod

[ "$(cat /sys/module/fastproto/refcnt)" = 0 ] ||
	skip_all 'somebody uses the module'

loaded()
{
	[ -d /sys/module/fastproto ]
}

# A socket that was closed just now is freed a moment later.
unload()
{
	wait_for rmmod fastproto
	fails loaded
}

# Every case begins and ends with the module as it is by default.
with_default()
{
	if loaded; then
		unload
	fi
	modprobe fastproto
}

busy_while_a_socket_is_open()
{
	spawn fpsock hold 127.0.0.1 4000
	fails rmmod fastproto 2>"$tmp/why"
	loaded
	grep -i 'in use\|temporarily unavailable\|busy' "$tmp/why"
	# The socket still works.
	fpsock send 127.0.0.1 4000 hello
	end "$child"
	unload
	with_default
}

# An unbound socket is one, too.
busy_while_an_unbound_socket_is_open()
{
	spawn fpsock idle
	fails rmmod fastproto
	loaded
	end "$child"
	unload
	with_default
}

leaves_nothing()
{
	unload
	fails grep -i fastproto /proc/slabinfo
	fails grep -i fastproto /proc/net/protocols
	fails fpsock open 2>"$tmp/why"
	grep 'Address family not supported' "$tmp/why"
	# Asking for the family loads nothing by itself.
	fails loaded
	with_default
	grep FASTPROTO /proc/net/protocols
	fpsock open
}

comes_and_goes_under_a_storm()
{
	two_hosts
	spawn_on "$a" fpsock storm 10.77.0.2 4000
	spawn_on "$a" fpsock storm fd77::2 4000
	unload
	i=0
	while [ "$i" -lt $((${FASTPROTO_ROUNDS:-100} / 5)) ]; do
		modprobe fastproto
		spawn_on "$b" fpsock hold :: $((4000 + i % 16))
		# At least a datagram comes in while the socket is there.
		wait_for counted "$b"
		fails rmmod fastproto
		end "$child"
		unload
		i=$((i + 1))
	done
	with_default
}

counted()
{
	[ "$(fpctl -N "$1" -j stats | jq .in_datagrams)" -gt 0 ]
}

another_family()
{
	unload
	modprobe fastproto family=27
	[ "$(fpctl -j show | jq .family)" = 27 ]
	fpsock -f 27 open
	fails fpsock open 2>"$tmp/why"
	grep 'Address family not supported' "$tmp/why"
	spawn fpsock -f 27 recv ::1 4000
	fpsock -f 27 send ::1 4000 hello
	wait_for grep -q '^hello$' "$out"
	unload
	with_default
	[ "$(fpctl -j show | jq .family)" = 18 ]
}

refused_families()
{
	unload
	# One that is taken (AF_INET), none at all, and beyond AF_MAX.
	for family in 2 0 46 100 -1; do
		fails modprobe fastproto family="$family" 2>"$tmp/why"
		fails loaded
		cat "$tmp/why"
		case $family in
		2) grep -i 'busy\|exists' "$tmp/why" ;;
		*) grep -i 'invalid' "$tmp/why" ;;
		esac
		# What had been registered before the failure is gone again.
		fails grep -i fastproto /proc/net/protocols
		fails grep -i fastproto /proc/slabinfo
	done
	with_default
}

tap_run busy_while_a_socket_is_open busy_while_an_unbound_socket_is_open \
	leaves_nothing comes_and_goes_under_a_storm another_family \
	refused_families
