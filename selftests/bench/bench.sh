#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the virtual machine that counts instructions: measures all that is asked
# for, between two namespaces joined by a veth pair and on the loopback
# interface of one. Called by `run` beside this file.
#
#   bench.sh MILLISECONDS TRANSPORTS CASES SIZES LINKS
#
# Milliseconds are what this boot waits longer than others. Results go to
# /out/results, one line of JSON each; nothing is written meanwhile but to
# memory.

set -eu

longer=$1 transports=$2 cases=$3 sizes=$4 links=$5

make_hosts()
{
	ip netns add alice
	ip netns add bob
	ip link add veth0 netns alice type veth peer name veth0 netns bob
	ip -n alice addr add 10.77.0.1/24 dev veth0
	ip -n bob addr add 10.77.0.2/24 dev veth0
	ip -n alice addr add fd77::1/64 dev veth0 nodad
	ip -n bob addr add fd77::2/64 dev veth0 nodad
	for host in alice bob; do
		ip -n "$host" link set lo up
		ip -n "$host" link set veth0 up
	done
}

# Without wake-up preemption, which makes figures jump.
batch()
{
	chrt -b 0 "$@"
}

# All links have the same server: it stands at all addresses of IPv4, or of both
# if IPv6 is asked for, too.
start_server()
{
	case $links in
	*veth6*) address=:: ;;
	*) address=0.0.0.0 ;;
	esac
	batch ip netns exec bob fpperf server -B 16M \
		-t "$(echo "$transports" | tr ' ' ,)" "$address" >/tmp/server &
	server=$!
	until grep -qs '^ready' /tmp/server; do
		kill -0 "$server"
		sleep 0.1
	done
}

# How many operations: enough, and no more than the buffers hold.
count()
{
	case $1,$2 in
	stream,16384) echo 200 ;;
	stream,*) echo 1600 ;;
	setup,*) echo 200 ;;
	burst,16384) echo 320 ;;
	burst,*) echo 1600 ;;
	*,16384) echo 300 ;;
	*) echo 4000 ;;
	esac
}

is_possible()
{
	case $1,$2,$3 in
	udp*,setup,* | fastproto-dgram,setup,* | fastproto-ring,setup,* | \
	unix,*,veth*) return 1 ;;
	esac
}

# measure LINK TRANSPORT CASE SIZE
measure()
{
	case $1 in
	veth) host=alice to=10.77.0.2 ;;
	veth6) host=alice to=fd77::2 ;;
	lo) host=bob to=127.0.0.1 ;;
	esac
	batch ip netns exec "$host" fpperf client -j -B 16M \
		-t "$2" -c "$3" -s "$4" -n "$(count "$3" "$4")" "$to" >/tmp/result
	echo "{\"link\":\"$1\",\"result\":$(cat /tmp/result)}" >>/out/results
	# What a connection leaves behind is not for the next to pay.
	sleep 1
}

make_hosts
start_server
sleep "20.00$longer"
for link in $links; do
	for test in $cases; do
		for size in $sizes; do
			for transport in $transports; do
				! is_possible "$transport" "$test" "$link" ||
					measure "$link" "$transport" "$test" "$size"
			done
		done
	done
done
uname -r >/out/release
