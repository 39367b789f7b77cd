#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Life and death under traffic: in random order, what a host can lose is taken
# away, a hundred times, and the rest goes on. FASTPROTO_ROUNDS= says how
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

# Traffic both ways, of both families, good and bad, datagrams and connections.
traffic()
{
	visitors=
	populate
	visit fpsock hold :: 4000
	visit fpsock flood fd77::2 4000
	visit fplife serve :: 4010
	visit fplife call 10.77.0.2 4010
	visit fplife call fd77::2 4010
	visit fplife rdm-serve :: 4020
	visit fplife rdm-call fd77::2 4020
	wait_until_ready
}

# What needs no module goes on without it.
storms()
{
	launch "$a" fpsock storm 10.77.0.2 4000
	launch "$a" fpsock storm fd77::2 4000
}

visit()
{
	launch "$a" "$@"
	visitors="$visitors $child"
}

# The processes on host b, to be killed one by one: words PID/KIND.
populate()
{
	holders=
	for kind in 4000 4001 flood serve call rdm-serve rdm-call; do
		start "$kind"
	done
}

start()
{
	case $1 in
	flood) launch "$b" fpsock flood 10.77.0.1 4000 ;;
	serve) launch "$b" fplife serve :: 4010 ;;
	call) launch "$b" fplife call fd77::1 4010 ;;
	rdm-serve) launch "$b" fplife rdm-serve :: 4020 ;;
	rdm-call) launch "$b" fplife rdm-call fd77::1 4020 ;;
	*) launch "$b" fpsock hold :: "$1" ;;
	esac
	holders="$holders $child/$1"
}

# As spawn_on, but several get ready at the same time.
launch()
{
	host=$1 launches=$((launches + 1))
	shift
	ip netns exec "$host" "$@" >"$tmp/launch.$launches" 2>&1 &
	child=$!
	children="$children $child"
	starting="$starting $child/$launches"
}

wait_until_ready()
{
	for each in $starting; do
		child=${each%/*}
		wait_for said ready "$tmp/launch.${each#*/}"
	done
	starting=
}

# So that there is always something under way, and connections are in all states.
slow_down()
{
	tc -n "$1" qdisc replace dev fp0 root netem delay 3ms loss 1%
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
	for host in "$a" "$b"; do
		before=$(counter "$host" .accepted)
		wait_for more_than "$before" counter "$host" .accepted
	done
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
	wait_until_ready
}

# The namespace goes while its sockets are open, and then they go.
lose_namespace()
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

# The module goes when nobody uses it any more, with all connections that are not
# through yet, and frames still come.
lose_module()
{
	for process in $holders $visitors; do
		end_now "$process"
	done
	wait_for no_users
	rmmod fastproto
	modprobe fastproto
	traffic
}

# Host b once more.
new_host()
{
	ip netns add "$b"
	ip -n "$a" link add fp0 type veth peer name fp0 netns "$b"
	configure "$a" 1
	configure "$b" 2
	slow_down "$a"
	slow_down "$b"
	populate
	wait_until_ready
}

# What is to be lost next, in $what. Once in 20 rounds it is a namespace, and
# once the module.
choose()
{
	if [ $((round % 20)) = 0 ]; then
		draw 20
		space_at=$random
		draw 19
		module_at=$(((space_at + 1 + random) % 20))
	fi
	draw 3
	case $((round % 20)) in
	"$space_at") what=namespace ;;
	"$module_at") what=module ;;
	*)
		set -- link addresses process
		shift "$random"
		what=$1
		;;
	esac
}

hosts_lose_what_they_have()
{
	echo "seed $seed"
	first_seed=$seed
	launches=0 starting=
	two_hosts
	slow_down "$a"
	slow_down "$b"
	storms
	traffic
	{ set +x; } 2>/dev/null
	round=0
	while [ "$round" -lt "$rounds" ]; do
		choose
		"lose_$what"
		echo "$what" >>"$tmp/lost"
		if [ $((round % 20)) = 19 ]; then
			traffic_flows
		fi
		round=$((round + 1))
	done
	traffic_flows
	tell "lost:$(sort "$tmp/lost" | uniq -c | tr -s ' \n' ' ')(seed $first_seed)"
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
	[ "$(awk '/^FASTPROTO/ { print $3 }' /proc/net/protocols |
		xargs)" = "0 0" ]
}

no_users()
{
	[ "$(cat /sys/module/fastproto/refcnt)" = 0 ]
}

tap_run hosts_lose_what_they_have nothing_is_left
