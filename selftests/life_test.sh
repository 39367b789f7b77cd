#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Life and death under traffic: in random order, what a host can lose is taken
# away, hundreds of times, and the rest goes on. FASTPROTO_ROUNDS= says how
# often, FASTPROTO_SEED= in which order.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip jq fpctl modprobe rmmod

rounds=${FASTPROTO_ROUNDS:-100}
seed=${FASTPROTO_SEED:-$(date +%s)}

# The next random number below $1, in $random: the same ones for the same seed.
draw()
{
	seed=$(((seed * 1103515245 + 12345) & 2147483647))
	random=$((seed / 65536 % $1))
}

# Traffic both ways, of both families, good and bad.
traffic()
{
	populate
	spawn_on "$a" fpsock hold :: 4000
	spawn_on "$a" fpsock flood fd77::2 4000
	spawn_on "$a" fpsock storm 10.77.0.2 4000
	spawn_on "$a" fpsock storm fd77::2 4000
}

# The processes on host b, to be killed one by one: words PID/PORT, where port 0
# is one that sends.
populate()
{
	holders=
	for port in 4000 4001 4002 0; do
		start "$port"
	done
}

start()
{
	if [ "$1" = 0 ]; then
		spawn_on "$b" fpsock flood 10.77.0.1 4000
	else
		spawn_on "$b" fpsock hold :: "$1"
	fi
	holders="$holders $child/$1"
}

end_now()
{
	kill -KILL "${1%/*}"
	wait "${1%/*}" 2>/dev/null || :
}

traffic_flows()
{
	before=$(counter "$b" .in_datagrams)
	wait_for more_than "$before" counter "$b" .in_datagrams
}

more_than()
{
	least=$1
	shift
	[ "$("$@")" -gt "$least" ]
}

counter()
{
	fpctl -N "$1" -j stats | jq "$2"
}

lose_link()
{
	ip -n "$b" -batch - <<-END
		link set fp0 down
		link set fp0 up
		addr replace fd77::2/64 dev fp0 nodad
	END
}

lose_addresses()
{
	ip -n "$b" -batch - <<-END
		addr del 10.77.0.2/24 dev fp0
		addr del fd77::2/64 dev fp0
		addr add 10.77.0.2/24 dev fp0
		addr add fd77::2/64 dev fp0 nodad
	END
}

# One of the processes on b is killed, and another one takes its place.
lose_process()
{
	# shellcheck disable=SC2086 # words are wanted
	set -- $holders
	draw $#
	shift "$random"
	victim=$1
	end_now "$victim"
	rest=
	for holder in $holders; do
		[ "$holder" = "$victim" ] || rest="$rest $holder"
	done
	holders=$rest
	start "${victim#*/}"
}

# The namespace goes while its sockets are open, and then they go.
lose_host()
{
	ip netns del "$b"
	for holder in $holders; do
		end_now "$holder"
	done
	wait_for link_is_gone
	new_host
}

link_is_gone()
{
	! ip -n "$a" link show fp0
}

# Host b once more.
new_host()
{
	ip netns add "$b"
	ip -n "$a" link add fp0 type veth peer name fp0 netns "$b"
	configure "$a" 1
	configure "$b" 2
	populate
}

hosts_lose_what_they_have()
{
	echo "seed $seed"
	two_hosts
	traffic
	{ set +x; } 2>/dev/null
	round=0
	while [ "$round" -lt "$rounds" ]; do
		draw 10
		case $random in
		0 | 1 | 2) lose_link ;;
		3 | 4 | 5) lose_addresses ;;
		6 | 7 | 8) lose_process ;;
		*) lose_host ;;
		esac
		if [ $((round % 10)) = 9 ]; then
			traffic_flows
		fi
		round=$((round + 1))
	done
	traffic_flows
}

# When all are gone, so is every socket, and the module can go, too.
nothing_is_left()
{
	wait_for no_sockets
	wait_for no_users
	rmmod fastproto
	fails grep -i fastproto /proc/slabinfo
	modprobe fastproto
}

no_sockets()
{
	[ "$(grep -c '^FASTPROTO' /proc/net/protocols)" = 1 ] &&
		[ "$(awk '$1 == "FASTPROTO" { print $3 }' /proc/net/protocols)" = 0 ]
}

no_users()
{
	[ "$(cat /sys/module/fastproto/refcnt)" = 0 ]
}

tap_run hosts_lose_what_they_have nothing_is_left
