#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the virtual machine that counts instructions: each step between two
# namespaces of its own, joined by a veth pair. Called by `run`.
#
#   scale.sh CASE TRANSPORTS CONNECTIONS [ARGUMENT...]
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

sleep 20
for transport in $transports; do
	# What the kernel does on first use is not for a step to pay.
	step "$transport" 200 -i 1 -g 0 >/dev/null
	for connections in $steps; do
		step "$transport" "$connections" "$@" >>/out/results
	done
done
uname -r >/out/release
