#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the virtual machine that counts instructions: each step between two
# namespaces of its own, joined by a veth pair. Called by `run`.
#
#   scale.sh CASE TRANSPORTS CONNECTIONS [ARGUMENT...]
#
# A case is one of fpscale's, or "gone": how long it takes, in seconds of that
# machine, until memory is back when a process with many connections has ended,
# or when then at once the namespaces are deleted, or the module is removed.
#
# Both lists are words; the arguments are fpscale's. Results go to /out/results,
# one line of JSON each.

set -eu

here=$(dirname "$0")
which=$1 transports=$2 steps=$3
shift 3

# Both are at many addresses, for those who want one for each connection.
make_hosts()
{
	ip netns add alice
	ip netns add bob
	ip link add veth0 netns alice type veth peer name veth0 netns bob
	ip -n alice addr add 10.77.0.1/24 dev veth0
	ip -n bob addr add 10.77.0.2/24 dev veth0
	for host in alice bob; do
		ip -n "$host" link set lo up
		ip -n "$host" link set veth0 up
		configure "$host"
	done
	ip -n alice route add local 10.192.0.0/10 dev lo
	ip -n alice route add 10.128.0.0/10 via 10.77.0.2
	ip -n bob route add local 10.128.0.0/10 dev lo
	ip -n bob route add 10.192.0.0/10 via 10.77.0.1
	ip netns exec alice ping -c 1 10.77.0.2
}

# Whoever is told that there is no such connection any more is told at once.
configure()
{
	fpctl -N "$1" set connections-max 16777216 resets-per-second 1000000
}

remove_hosts()
{
	ip netns del alice
	ip netns del bob
	sleep 5
}

# step TRANSPORT CONNECTIONS [ARGUMENT...]
step()
{
	transport=$1 connections=$2
	shift 2
	make_hosts >/tmp/log
	"$here/fpscale" -c "$which" -t "$transport" -n "$connections" "$@"
	remove_hosts
}

# What the kernel itself holds, in bytes; caches of files do not count, nor do
# slabs of which nothing is in use.
held()
{
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache"
	done
	awk '/^(Slab|VmallocUsed|Percpu|KernelStack):/ { sum += $2 * 1024 }
	     END { printf "%.0f\n", sum }' /proc/meminfo
}

seconds()
{
	cut -d . -f 1 /proc/uptime
}

# But for a hundredth: slabs in use in part, threads of work queues.
memory_is_back()
{
	[ "$(held)" -le $(($1 + ($2 - $1) / 100 + 1048576)) ]
}

# leave TRANSPORT CONNECTIONS [ARGUMENT...]: sets $most, what is held while all
# are open.
leave()
{
	rm -f /tmp/leave /tmp/open
	mkfifo /tmp/leave
	"$here/fpscale" -c leave -t "$1" -n "$2" </tmp/leave >/tmp/open &
	exec 9>/tmp/leave
	until grep -qs open /tmp/open; do
		kill -0 $!
		sleep 1
	done
	most=$(held)
	exec 9>&-
	wait $!
}

# gone TRANSPORT CONNECTIONS WAY
gone()
{
	transport=$1 connections=$2 way=$3
	make_hosts >/tmp/log
	sleep 5
	before=$(held)
	leave "$transport" "$connections"
	began=$(seconds)
	case $way in
	socket) ;;
	namespace) remove_hosts ;;
	module) remove_hosts && rmmod fastproto ;;
	esac
	while ! memory_is_back "$before" "$most" &&
		[ $(($(seconds) - began)) -lt 1000 ]; do
		sleep 5
	done
	printf '{"way":"%s","transport":"%s","connections":%s,' \
		"$way" "$transport" "$connections"
	printf '"bytes_used":%s,"bytes_left":%s,"seconds":%s}\n' \
		$((most - before)) $(($(held) - before)) \
		$(($(seconds) - began))
	case $way in
	socket) remove_hosts ;;
	module) modprobe fastproto ;;
	esac
}

# Whatever keeps a processor for two seconds ends the machine.
all_ways()
{
	echo 1 >/proc/sys/kernel/watchdog_thresh
	for way in socket namespace module; do
		gone "$1" "$2" "$way"
	done
}

sleep 20
if [ "$which" = gone ]; then
	# What the kernel does on first use is not for them to pay.
	gone "$transports" 1000 module >/dev/null
	all_ways "$transports" "$steps" >>/out/results
	uname -r >/out/release
	exit
fi
for transport in $transports; do
	# What the kernel does on first use is not for a step to pay.
	step "$transport" 200 -i 1 -g 0 >/dev/null
	for connections in $steps; do
		step "$transport" "$connections" "$@" >>/out/results
	done
done
uname -r >/out/release
