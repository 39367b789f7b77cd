#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The main job, for a person to watch: two hosts (network namespaces joined by
# a veth pair) send a file over a connection, through a link that loses some of
# it, and measure round trips of datagrams. Run by `make demo` in the virtual
# machine, with the module loaded.

set -eu

here=$(dirname "$0")
size_mb=${1:-4}
work=$(mktemp -d)
# An empty message (Documentation/protocol.rst) but for its checksum's last bit
flipped='FSTP\001\0\0\0\030\0\0\0\0\0\0\0\0\0\0\0\210\373\063\066'

say()
{
	printf '\n== %s\n' "$*"
}

in_alice()
{
	ip netns exec alice "$@"
}

in_bob()
{
	ip netns exec bob "$@"
}

# A responder at bob; sets $responder. (Not by in_bob: the process to be killed
# later would be the shell's.)
start_responder()
{
	ip netns exec bob "$here/fpping" -l 10.77.0.2 7001 &
	responder=$!
	await_port bob 7001
}

stop_responder()
{
	kill "$responder"
	wait "$responder" 2>/dev/null || :
}

# Until a socket in namespace $1 listens on port $2.
await_port()
{
	until fpctl -N "$1" -j socket port "$2" | grep -q '"port"'; do
		sleep 0.1
	done
}

make_hosts()
{
	ip netns add alice
	ip netns add bob
	ip link add veth0 netns alice type veth peer name veth0 netns bob
	in_alice ip addr add 10.77.0.1/24 dev veth0
	in_alice ip addr add fd77::1/64 dev veth0 nodad
	in_bob ip addr add 10.77.0.2/24 dev veth0
	in_bob ip addr add fd77::2/64 dev veth0 nodad
	for host in alice bob; do
		ip -n "$host" link set lo up
		ip -n "$host" link set veth0 up
	done
	for host in alice bob; do
		ip -n "$host" -brief addr show dev veth0 | sed "s/^/   $host: /"
	done
}

# loses HOST PERCENT: of the datagrams that leave it, those are lost.
loses()
{
	tc -n "$1" qdisc replace dev veth0 root netem limit 10000 delay 5ms \
		loss "$2%"
}

# To this address of bob; the sums of both files are compared.
send_file()
{
	in_bob "$here/fpfile" recv "$1" 7000 "$work/received" &
	receiver=$!
	await_port bob 7000
	in_alice "$here/fpfile" send "$1" 7000 "$work/sent"
	wait "$receiver"

	sent=$(sha256sum <"$work/sent" | cut -d' ' -f1)
	received=$(sha256sum <"$work/received" | cut -d' ' -f1)
	echo "   SHA-256 sent by alice    $sent"
	echo "   SHA-256 received by bob  $received"
	if [ "$sent" != "$received" ]; then
		echo "   the file did not arrive as it was sent" >&2
		exit 1
	fi
}

# counter HOST NAME
counter()
{
	fpctl -N "$1" -j stats | jq ".$2 // 0"
}

# Datagrams of a host that the link has lost, by its own account
lost()
{
	tc -n "$1" -s -j qdisc show dev veth0 | jq '.[0].drops'
}

tell_recovery()
{
	cat <<-END
	   The link lost $(lost alice) of alice's datagrams and $(lost bob) of bob's.
	   alice sent $(counter alice out_frames) frames, and $(counter alice out_retrans) of them again:
	      $(counter alice retrans_rack), since bob acknowledged later ones (RACK),
	      $(counter alice retrans_tlp), since nothing came, to make him speak (tail loss probe),
	      $(counter alice retrans_rto), since still nothing came (timeout).
	   $(counter bob drop_duplicate) frames came to bob twice.
	END
}

measure_round_trips()
{
	start_responder
	in_alice "$here/fpping" 10.77.0.2 7001 1000
	stop_responder
}

say "The module is loaded on Linux $(uname -r)"
grep ^fastproto /proc/modules | sed 's/^/   /'
fpctl show | sed 's/^/   /'

say "Two hosts: alice and bob, joined by a link"
make_hosts

say "alice sends bob a file of $size_mb MB of random bytes; the link loses 5 % of all"
loses alice 5
loses bob 5
head -c "$((size_mb * 1000000))" /dev/urandom >"$work/sent"
send_file 10.77.0.2

say "What was lost, and how it was recovered"
tell_recovery

say "Datagrams, without loss: round trips of 64 bytes (emulated: only good for comparing)"
tc -n alice qdisc del dev veth0 root
tc -n bob qdisc del dev veth0 root
measure_round_trips

say "A frame with a flipped bit is dropped and counted"
start_responder
in_alice bash -c "printf '$flipped' >/dev/udp/10.77.0.2/7001"
until fpctl -N bob stats | grep checksum | sed 's/^/   /' | grep .; do
	sleep 0.1
done
stop_responder

ip netns del alice
ip netns del bob
rm -r "$work"
say "Done"
