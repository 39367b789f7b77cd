#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does `make scale` count, and write what it counted? A few boots; of the
# figures only what no change of the module may make wrong. Runs on the host.
#
#   run_test.sh KERNEL

set -u
here=$(dirname "$(readlink -f "$0")")
kernel=${1:-6.12}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
known=15 number=0 failures=0 status=0

scale()
{
	"$here/run" --kernel "$kernel" --output "$tmp/scale.json" "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

check()
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@" >"$tmp/why" 2>&1; then
		echo "ok $number scale: $name"
		return
	fi
	failures=$((failures + 1))
	tail -n 50 "$tmp/why" "$tmp/out" "$tmp/err" | sed 's/^/# /'
	[ ! -e "$tmp/scale.json" ] || sed 's/^/# /' "$tmp/scale.json"
	echo "# status $status"
	echo "not ok $number scale: $name"
}

# The table's line of a step
line()
{
	grep -E "^$1 +$2 +[0-9]+\.[0-9]{3} s( +-?[0-9,]+\.[0-9]){3}( +-?[0-9,]+){4}$" \
		"$tmp/out"
}

table()
{
	line rdm 500 && line rdm-server 500 && line seqpacket 500 &&
		line tcp 500 &&
		[ "$(grep -cE '^(rdm|rdm-server|seqpacket|tcp) ' "$tmp/out")" = 4 ]
}

# A step's objects, whatever else is in them. Nobody opens for less than 10,000
# instructions, or sends.
# shellcheck disable=SC2016 # these are jq's variables
rows()
{
	jq -e --arg kernel "$kernel" '
		[.[].transport] == ["rdm", "rdm-server", "seqpacket", "tcp"] and
		all(.[]; .connections == 500 and .kernel == $kernel and
			(.release | startswith($kernel + ".")) and
			.bytes_per_connection_client > 0 and
			.bytes_per_connection_client < 16384 and
			.bytes_per_connection_server > 0 and
			.bytes_per_connection_server < 16384 and
			.instructions_per_open > 10000 and
			.instructions_per_message > 10000 and
			.instructions_per_message <
				2 * .instructions_per_open and
			.seconds_open > 0)' "$tmp/scale.json"
}

# What is known to be at an end is found there: files and inodes, where there are
# any; the connections; the port of a TCP client, which the server does not have.
# shellcheck disable=SC2016
parts()
{
	jq -e '
		def same: .client > 0.98 * .server and
			.client < 1.02 * .server;
		(map({key: .transport, value: .memory}) | from_entries) as $of |
		all("seqpacket", "tcp"; $of[.] |
			(.sock_inode_cache | same and .client > 400) and
			(.filp | same and .client > 100)) and
		($of.rdm.fastproto_conn_rdm |
			same and .client > 60 and .client < 158) and
		($of.seqpacket.fastproto_conn |
			same and .client > 60 and .client < 137) and
		($of["rdm-server"] | .fastproto_conn.client > 60 and
			.fastproto_conn_rdm.server > 60) and
		($of.rdm | has("filp") | not) and
		($of["rdm-server"].filp | .client > 100 and .server < 2) and
		($of.tcp.TCP | same and .client > 1500) and
		($of.tcp.tcp_bind_bucket | .client > 60 and .server < 2)
		' "$tmp/scale.json"
}

# The parts are all but what is below a byte each.
adds_up()
{
	jq -e '
		all(.[]; .bytes_per_connection_client as $client |
			.bytes_per_connection_server as $server |
			(([.memory[].client] | add) - $client | fabs) < 100 and
			(([.memory[].server] | add) - $server | fabs) < 100)
		' "$tmp/scale.json"
}

gives_back()
{
	jq -e 'all(.[]; .bytes_left < 500 * 1024)' "$tmp/scale.json"
}

# At 100,000, an idle connection has what the design allows, and what it costs does
# not depend on how many there are. The server's table of clients has just doubled.
many()
{
	scale --number 100000
	[ $status = 0 ] &&
		jq -e '
			map(.connections) == [1000, 10000, 100000] and
			.[2].bytes_per_connection_client < 256 and
			.[2].bytes_per_connection_server < 272 and
			.[2].instructions_per_message <
				1.1 * .[0].instructions_per_message and
			.[2].instructions_per_open <
				1.1 * .[0].instructions_per_open
			' "$tmp/scale.json"
}

# However many fpctl lists or counts, it needs no more memory for that.
lists_all()
{
	jq -e '
		all(.[]; .listed == .connections and
			.counted == .connections and
			.kib_to_list > 200 and .kib_to_count > 200) and
		.[2].kib_to_list < .[0].kib_to_list + 256 and
		.[2].kib_to_count < .[0].kib_to_count + 256
		' "$tmp/scale.json"
}

# shellcheck disable=SC2016
churn()
{
	scale --case churn --number 200 --transport rdm
	[ $status = 0 ] && grep -E '^rdm +200 +[0-9,]+ +[0-9.]+$' \
		"$tmp/out" &&
		jq -e '
			[.[].transport] == ["rdm", "tcp"] and
			all(.[]; .instructions_per_connection > 20000) and
			.[1].ratio_tcp == 1 and
			(.[0].ratio_tcp * .[1].instructions_per_connection -
				.[0].instructions_per_connection | fabs) < 20
			' "$tmp/scale.json"
}

# Of fifty thousand, memory is back, and no processor was kept for long.
gone()
{
	scale --case gone --number 50000
	[ $status = 0 ] && grep -E '^module +50,000( +-?[0-9,]+){2} +[0-9]+ s$' \
		"$tmp/out" &&
		jq -e '
			[.[].way] == ["socket", "namespace", "module"] and
			all(.[]; .bytes_used > 200 * 50000 and
				.bytes_left < 0.05 * .bytes_used)
			' "$tmp/scale.json"
}

# Each peer that is silent is asked, and answers: nobody is gone.
keeps()
{
	scale --case keep --number 2000
	[ $status = 0 ] &&
		grep -E '^rdm +2,000( +[0-9,]+\.[0-9]){2} +300 s +[0-9.]+ +[0-9,]+$' \
			"$tmp/out" &&
		jq -e '
			.[0].questions_per_period > 0.8 and
			.[0].questions_per_period < 1.2 and
			.[0].instructions_per_period > 5000 and
			.[0].listed == 2000 and
			.[0].memory.fastproto_keep.client > 40
			' "$tmp/scale.json"
}

# All arrives, and who finds no room comes once more, when there is some.
flood()
{
	scale --case flood --number 5000
	[ $status = 0 ] && grep -E '^ +5,000 +100,000 +0 ' "$tmp/out" &&
		jq -e '
			.[0].resets == 0 and .[0].refused > 0.5 and
			.[0].told_of_room > 0.5 and
			.[0].datagrams_client < 4 and
			.[0].datagrams_server < 6
			' "$tmp/scale.json"
}

# The example answers all, each once, and has no more memory for it than before.
echo_of_many()
{
	scale --case echo --number 5000
	[ $status = 0 ] && grep -E '^ +5,000 +[0-9]+\.[0-9]{3} s +6,000 ' "$tmp/out" &&
		jq -e '
			.[0].answers == 6000 and
			.[0].bytes_per_connection_both > 200 and
			.[0].kib_server > 1000 and .[0].kib_server_more < 100 and
			.[0].instructions_per_open > 10000 and
			.[0].instructions_per_close > 5000
			' "$tmp/scale.json"
}

refuses()
{
	scale "$@"
	[ $status = 2 ] && [ ! -s "$tmp/out" ]
}

refuses_what_it_does_not_know()
{
	refuses --transport udp && grep "'udp' is none of rdm, rdm-s" "$tmp/err" &&
		refuses --case rtt && refuses --number many &&
		refuses --number 199 && refuses --number 20000000 &&
		refuses --number 1000001 --transport tcp &&
		refuses --case gone --transport tcp &&
		refuses --case echo --transport seqpacket &&
		refuses --case flood --transport seqpacket &&
		refuses --case keep --transport tcp &&
		refuses --number 5000000 --per-address 1
}

# The log of the machine that did not start is of no use.
fails_with_a_boot()
{
	rm -f "$tmp/scale.json"
	FASTPROTO_VM_QEMU=-no-such-option scale --number 500
	sed -n "s/^vm\/run: the console's log is //p" "$tmp/err" | xargs -r rm
	[ $status = 1 ] && grep '^scale: the boot failed' "$tmp/err" &&
		[ ! -s "$tmp/out" ] && [ ! -e "$tmp/scale.json" ]
}

echo "1..$known"
scale --number 500 --transport "tcp,seqpacket rdm rdm-server"
check 'ends well' [ $status = 0 ]
check 'the table' table
check 'scale.json' rows
check 'whose memory it is' parts
check 'the parts are the whole' adds_up
check 'memory is given back' gives_back
check 'a hundred thousand' many
check 'fpctl lists them all' lists_all
check 'churn' churn
check 'what is left of many' gone
check 'silent peers are asked' keeps
check 'all at once' flood
check 'the example answers all' echo_of_many
check 'what is unknown is refused' refuses_what_it_does_not_know
check 'fails if a boot does' fails_with_a_boot
echo "$((number - failures)) passed, $failures failed, 0 skipped"
[ $failures = 0 ] && [ $number = $known ]
