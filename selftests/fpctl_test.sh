#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# fpctl: what it shows, what it changes, and how it exits.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need ip jq fpctl setpriv

# exits STATUS COMMAND...: its output is in $tmp/stdout and $tmp/stderr.
exits()
{
	expected=$1
	shift
	status=0
	"$@" >"$tmp/stdout" 2>"$tmp/stderr" || status=$?
	[ "$status" = "$expected" ] ||
		fail "exit status $status, not $expected: $*: $(cat "$tmp/stderr")"
}

nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

show()
{
	exits 0 fpctl show
	for key in version protocol family msg_max_inet msg_max_inet6 \
		copybreak copybreak_max sockets; do
		grep -q "$key" "$tmp/stdout"
	done
	grep '18' "$tmp/stdout"
}

show_json()
{
	exits 0 fpctl -j show
	jq -e '.family == 18 and .protocol == 1 and .msg_max_inet == 65483 and
		.msg_max_inet6 == 65503 and .copybreak == 256 and
		.copybreak_max == 2048 and (.version | type) == "string"' \
		"$tmp/stdout"
	[ "$(jq -r .version "$tmp/stdout")" = \
		"$(cat /sys/module/fastproto/version)" ]
	# Options may follow the command, and pretty JSON is the same JSON.
	exits 0 fpctl show -j -p
	jq -e '.family == 18' "$tmp/stdout"
	[ "$(wc -l <"$tmp/stdout")" -gt 3 ]
}

stats_json()
{
	two_hosts
	spawn_on "$b" fpsock recv 10.77.0.2 4000
	on "$a" fpsock send 10.77.0.2 4000 hello
	wait_for grep -q '^hello$' "$out"
	exits 0 fpctl -N "$b" -j stats
	jq -e '.in_datagrams == 1 and .in_frames == 1 and .in_bytes == 5 and
		.in_copies == 1 and .in_views == 0 and .out_frames == 0 and
		.out_bytes == 0 and .out_errors == 0 and .icmp_errors == 0' \
		"$tmp/stdout"
	jq -e '[.out_acks, .out_retrans, .out_resets, .out_resets_limited,
		.in_resets, .accepted, .cookies_sent, .tlp_probes,
		.rto_timeouts, .window_probes, .recoveries, .spurious,
		.keepalive_probes, .keepalive_timeouts, .ce_marks,
		.ce_reductions, .black_holes, .paced, .parked, .woken,
		.early_connects, .early_refused, .early_accepted, .early_stale,
		.early_replayed] | all(. == 0)' "$tmp/stdout"
	jq -e '[.retrans_rack, .retrans_tlp, .retrans_rto, .retrans_hole,
		.retrans_syn, .retrans_echo, .out_resets_no_connection, .out_resets_refused,
		.out_resets_version, .out_resets_aborted, .out_resets_timeout,
		.in_resets_no_connection, .in_resets_refused,
		.in_resets_version, .in_resets_aborted, .in_resets_timeout,
		.in_resets_other, .connects, .connected, .connects_limited,
		.ended_closed, .ended_aborted, .ended_timeout, .ended_icmp,
		.window_updates] | all(. == 0)' "$tmp/stdout"
	jq -e '.drop | [.incomplete, .magic, .version, .flags, .size, .checksum,
		.no_socket, .no_memory, .queue_full, .filter, .duplicate, .id,
		.ack, .protocol, .cookie, .backlog, .payload,
		.limit] | all(. == 0)' \
		"$tmp/stdout"
	jq -e '.drop | [.memory, .refused, .no_version, .tag, .address, .state,
		.broadcast, .peer, .closed, .ahead] | all(. == 0)' \
		"$tmp/stdout"
}

stats()
{
	one_host
	exits 0 fpctl -N "$a" stats
	fails grep out_frames "$tmp/stdout"
	exits 0 fpctl -N "$a" stats -a
	grep out_frames "$tmp/stdout"
	grep drop_checksum "$tmp/stdout"
	spawn_on "$a" fpsock hold 127.0.0.1 4000
	on "$a" fpsock send 127.0.0.1 4000 hello
	exits 0 fpctl -N "$a" stats
	grep out_frames "$tmp/stdout"
}

sockets()
{
	one_host
	exits 0 fpctl -N "$a" -j socket
	jq -e 'length == 0' "$tmp/stdout"
	spawn_on "$a" fpsock hold 127.0.0.1 4000
	spawn_on "$a" fpsock hold ::1 4001
	on "$a" fpsock send 127.0.0.1 4000 waiting
	exits 0 fpctl -N "$a" socket
	grep 127.0.0.1:4000 "$tmp/stdout"
	grep '\[::1\]:4001' "$tmp/stdout"
	wait_for queued 1
	exits 0 fpctl -N "$a" -j socket
	jq -e 'length == 2' "$tmp/stdout"
	jq -e '.[] | select(.local.port == 4000) | .type == "dgram" and
		.local.address == "127.0.0.1" and .peer == null and
		.rx_queue == 1 and .rx_memory > 0 and .rx_frames == 1 and
		.tx_frames == 0 and .uid == 0 and .inode > 0 and
		.shutdown == 0' "$tmp/stdout"
	exits 0 fpctl -N "$a" socket port 4001
	grep 4001 "$tmp/stdout"
	fails grep 4000 "$tmp/stdout"
}

connected_sockets()
{
	one_host
	spawn_on "$a" fpsock flood 127.0.0.1 4000
	exits 0 fpctl -N "$a" -j socket
	jq -e '.[0].peer.address == "127.0.0.1" and .[0].peer.port == 4000 and
		.[0].local.address == "127.0.0.1" and .[0].local.port > 0' \
		"$tmp/stdout"
	exits 0 fpctl -N "$a" socket
	grep '127.0.0.1:4000 *$' "$tmp/stdout"
}

queued()
{
	[ "$(fpctl -N "$a" -j socket local 127.0.0.1:4000 |
		jq '.[0].rx_queue')" = "$1" ]
}

# A list that is longer than one answer of the kernel.
many_sockets()
{
	one_host
	spawn_on "$a" fpsock crowd 500 0
	exits 0 fpctl -N "$a" -j socket
	jq -e 'length == 500 and (map(.local.port) | unique | length) == 500' \
		"$tmp/stdout"
	[ "$(fpctl -N "$a" -j show | jq .sockets)" = 500 ]
}

# Has each host one connection, in this state?
state_is()
{
	for host in "$a" "$b"; do
		[ "$(fpctl -N "$host" -j connection state "$1" |
			jq length)" = 1 ] || return
	done
}

connections()
{
	two_hosts
	exits 0 fpctl -N "$a" -j connection
	jq -e 'length == 0' "$tmp/stdout"
	spawn_on "$b" fpsock accept 10.77.0.2 4000
	spawn_on "$a" fpsock connect 10.77.0.2 4000 1
	wait_for state_is established
	exits 0 fpctl -N "$a" -j connection
	id=$(jq -r '.[0].id' "$tmp/stdout")
	jq -e '.[0] | .passive == 0 and .inode > 0 and .srtt > 0 and
		.rtt_min > 0 and .rto >= 200000 and .cwnd >= 1400 and
		has("ssthresh") and .mtu == 1500 and .tx_queue == 0 and
		.tx_lost >= 0 and .tx_credit > 0 and .rx_queue == 0 and
		.rx_credit > 0 and .rx_memory == 0 and .backoff >= 0 and
		.local.address == "10.77.0.1" and
		.peer == { address: "10.77.0.2", port: 4000 }' "$tmp/stdout"
	exits 0 fpctl -N "$b" -j connection
	jq -e --arg id "$id" '.[0] | .passive == 1 and .inode > 0 and
		.rx_queue == 1 and .rx_memory > 0 and
		.rx_memory < .rx_limit and .tx_unacked == 0 and
		.in_flight == 0 and .tx_memory == 0 and .peer_id == $id and
		.id != $id and .local.port == 4000 and
		.peer.address == "10.77.0.1"' "$tmp/stdout"
	# What was said is acknowledged within a while.
	wait_for acknowledged
	exits 0 fpctl -N "$a" connection -s port 4000
	grep "^established .* 10.77.0.2:4000 *$id\$" "$tmp/stdout"
	grep 'active mtu:1500 rtt:.* cwnd:' "$tmp/stdout"
	exits 0 fpctl -N "$a" -j connection local 10.77.0.2
	jq -e 'length == 0' "$tmp/stdout"
	# The sockets know their ends, too.
	exits 0 fpctl -N "$a" -j socket type seqpacket peer 10.77.0.2:4000
	jq -e 'length == 1' "$tmp/stdout"
}

is_parked()
{
	exits 0 fpctl -N "$a" -j connection id "$1"
	jq -e '.parked == 1' "$tmp/stdout"
}

# One connection, in depth.
one_connection()
{
	two_hosts
	spawn_on "$b" fpsock accept 10.77.0.2 4000
	spawn_on "$a" fpsock connect 10.77.0.2 4000 1
	wait_for state_is established
	wait_for acknowledged
	id=$(fpctl -N "$a" -j connection | jq -r '.[0].id')
	exits 0 fpctl -N "$a" -j connection id "$id"
	jq -e --arg id "$id" '.id == $id and .state == "established" and
		.peer == { address: "10.77.0.2", port: 4000 } and
		.mtu == 1500 and .srtt > 0 and .rttvar >= 0 and .cwnd > 0 and
		.msg_max == 1048576 and .peer_msg_max == 1048576 and
		.headroom > 28 and .tx_bytes == 0 and .tx_limit == 4194304 and
		.rx_gaps == 0 and .age > 0 and .since_in <= .age and
		.since_out <= .age and .in_frames == 0 and .in_bytes == 0 and
		.out_frames == 1 and .out_bytes > 0 and .ce_marks == 0 and
		.out_retrans == .retrans_rack + .retrans_tlp + .retrans_rto +
			.retrans_hole and
		(.timer | has("loss") and has("end")) and .timer.end == null' \
		"$tmp/stdout"
	bytes=$(jq .out_bytes "$tmp/stdout")
	exits 0 fpctl -N "$a" connection id "$id"
	grep "^id  *$id\$" "$tmp/stdout"
	grep '^peer  *10.77.0.2:4000$' "$tmp/stdout"
	grep "^out_bytes  *$bytes bytes\$" "$tmp/stdout"
	fails grep timer_end "$tmp/stdout"
	peer=$(fpctl -N "$b" -j connection | jq -r '.[0].id')
	exits 0 fpctl -N "$b" -j connection id "$peer"
	jq -e --argjson bytes "$bytes" '.in_frames == 1 and .in_bytes == $bytes and
		.rx_queue == 1 and .since_in > 0' "$tmp/stdout"
	# Idle, it is the same; the other end has something to read.
	fpctl -N "$a" set idle-timeout 10000
	fpctl -N "$b" set idle-timeout 10000
	wait_for is_parked "$id"
	jq -e --argjson bytes "$bytes" '.state == "established" and
		.srtt > 0 and .rto > 0 and .cwnd > 0 and .tx_credit > 0 and
		.rx_credit > 0 and .rx_limit == 4194304 and
		.msg_max == 1048576 and .age > 0 and .since_out <= .age and
		.out_frames == 1 and .out_bytes == $bytes and .out_acks == 0 and
		([.timer[]] | all(. == null))' "$tmp/stdout"
	exits 0 fpctl -N "$a" -s connection
	grep 'rto:.* cwnd:.* parked flight:0 .* queue:0 rmem:0/4194304' \
		"$tmp/stdout"
	fpctl -N "$b" -j connection | jq -e '.[0].parked == 0'
	# Only for those who may know the ID, and only if there is one.
	exits 2 on "$a" setpriv --reuid 65534 --regid 65534 --clear-groups \
		fpctl connection id "$id"
	grep -i 'not permitted' "$tmp/stderr"
	exits 2 fpctl -N "$b" connection id "$id"
	grep "connection $id: .*no connection has this ID" "$tmp/stderr"
	exits 1 fpctl -N "$a" connection id
	exits 1 fpctl -N "$a" connection id nonsense
	exits 1 fpctl -N "$a" connection id "$id" state established
	[ ! -s "$tmp/stdout" ]
}

# When nobody answers, what it waits for is a matter of time.
one_connection_without_an_answer()
{
	one_host
	ip -n "$a" link add fp0 type dummy
	ip -n "$a" link set fp0 up
	ip -n "$a" addr add 10.77.0.1/24 dev fp0
	ip -n "$a" neigh add 10.77.0.9 dev fp0 lladdr 02:00:00:00:00:09
	ip netns exec "$a" fpsock connect 10.77.0.9 4000 1 &
	children="$children $!"
	wait_for alone syn-sent
	id=$(fpctl -N "$a" -j connection | jq -r '.[0].id')
	exits 0 fpctl -N "$a" -j connection id "$id"
	jq -e '.peer_msg_max == null and .since_in == null and
		.since_out == null and .srtt == null and .rttvar == null and
		.timer.handshake >= 0 and .timer.handshake <= 64000000 and
		.timer.loss == null' "$tmp/stdout"
	exits 0 fpctl -N "$a" connection id "$id"
	grep '^timer_handshake  *[0-9][0-9]* us$' "$tmp/stdout"
}

# What a connection holds is its socket's.
seqpacket_sockets()
{
	two_hosts
	exits 0 fpctl -N "$b" set early-buffer 5000
	spawn_on "$b" fpsock listen 10.77.0.2 4000
	spawn_on "$a" fpsock connect 10.77.0.2 4000 2
	wait_for waiting_to_be_accepted 2
	exits 0 fpctl -N "$b" -j connection
	jq -e 'length == 2 and all(.rx_limit == 5000)' "$tmp/stdout"
	exits 0 fpctl -N "$b" -j socket
	jq -e '.[0] | .msg_max == 1048576 and .backlog > 1 and
		.rx_limit == 4194304' "$tmp/stdout"
	exits 0 fpctl -N "$b" socket -s
	grep '^seqpacket *2 ' "$tmp/stdout"
	grep 'accept:2/' "$tmp/stdout"
	exits 0 fpctl -N "$a" -j socket
	jq -e 'length == 2 and all(.accept_queue == null and .backlog == null and
		.tx_frames == 1 and .msg_max == 1048576)' "$tmp/stdout"

	spawn_on "$b" fpsock accept 10.77.0.2 4001
	spawn_on "$a" fpsock connect 10.77.0.2 4001 1
	wait_for received 1
	exits 0 fpctl -N "$b" -j socket peer 10.77.0.1
	jq -e '.[0] | .rx_queue == 1 and .rx_memory > 0 and .rx_frames == 1 and
		.tx_frames == 0' "$tmp/stdout"
}

waiting_to_be_accepted()
{
	[ "$(fpctl -N "$b" -j socket | jq '.[0].accept_queue')" = "$1" ]
}

received()
{
	[ "$(fpctl -N "$b" -j socket peer 10.77.0.1 |
		jq '.[0].rx_queue')" = "$1" ]
}

acknowledged()
{
	fpctl -N "$a" -j connection | jq -e '.[0] | .tx_unacked == 0 and
		.in_flight == 0 and .tx_memory == 0'
}

# The states of an end, and connections without a socket.
dying_connections()
{
	two_hosts
	# Nobody answers.
	ip -n "$a" neigh add 10.77.0.9 dev fp0 lladdr 02:00:00:00:00:09
	ip netns exec "$a" fpsock connect 10.77.0.9 4000 1 &
	children="$children $!"
	wait_for alone syn-sent
	exits 0 fpctl -N "$a" -j connection
	jq -e '.[0] | .peer_id == null and .srtt == null and .retries >= 0' \
		"$tmp/stdout"
	fpctl -N "$a" kill "$(jq -r '.[0].id' "$tmp/stdout")"

	spawn_on "$b" fpsock listen 10.77.0.2 4000
	spawn_on "$a" fpsock connect 10.77.0.2 4000 1
	wait_for state_is established
	exits 0 fpctl -N "$b" -j connection
	jq -e '.[0].inode == null' "$tmp/stdout"
	end "$child"
	wait_for alone fin-wait-2
	exits 0 fpctl -N "$a" -j connection
	jq -e '.[0].inode == null' "$tmp/stdout"
	exits 0 fpctl -N "$b" -j connection state close-wait
	jq -e '.[0].rx_queue == 1' "$tmp/stdout"
}

alone()
{
	[ "$(fpctl -N "$a" -j connection | jq -r '.[].state')" = "$1" ]
}

many_connections()
{
	one_host
	spawn_on "$a" fpsock listen 127.0.0.1 4000
	spawn_on "$a" fpsock connect 127.0.0.1 4000 300
	exits 0 fpctl -N "$a" -j connection
	jq -e 'length == 600 and (map(.id) | unique | length) == 600 and
		(map(select(.passive == 1)) | length) == 300' "$tmp/stdout"
	exits 0 fpctl -N "$a" -j connection local 127.0.0.1:4000
	jq -e 'length == 300' "$tmp/stdout"
}

# How many there are, without a list.
counts()
{
	one_host
	exits 0 fpctl -N "$a" connection -c
	[ "$(cat "$tmp/stdout")" = "total       0" ]
	spawn_on "$a" fpsock listen 127.0.0.1 4000
	spawn_on "$a" fpsock connect 127.0.0.1 4000 300
	wait_for all_are 600 established
	exits 0 fpctl -N "$a" connection --count
	grep '^total  *600$' "$tmp/stdout"
	grep '^established  *600$' "$tmp/stdout"
	[ "$(wc -l <"$tmp/stdout")" = 2 ]
	exits 0 fpctl -N "$a" -j connection -c local 127.0.0.1:4000
	jq -e '.total == 300 and .states.established == 300 and
		(.states | length) == 8 and ([.states[]] | add) == 300' \
		"$tmp/stdout"
	exits 0 fpctl -N "$a" -c connection state syn-sent
	[ "$(cat "$tmp/stdout")" = "total       0" ]
	exits 0 fpctl -N "$a" -j -c connection peer 127.0.0.2
	jq -e '.total == 0 and all(.states[]; . == 0)' "$tmp/stdout"
	exits 0 fpctl -N "$a" socket -c
	grep '^seqpacket  *301$' "$tmp/stdout"
	exits 0 fpctl -N "$a" -j socket -c
	jq -e '.total == 301 and .types.seqpacket == 301 and
		.types.dgram == 0 and .types.rdm == 0' "$tmp/stdout"
	# One that nobody has accepted yet counts; so does one without a socket.
	end "$child"
	wait_for all_are 300 close-wait
}

all_are()
{
	[ "$(fpctl -N "$a" -j connection -c | jq ".states[\"$2\"]")" = "$1" ]
}

kill_connection()
{
	two_hosts
	spawn_on "$b" fpsock accept fd77::2 4000
	server=$out
	spawn_on "$a" fpsock connect fd77::2 4000 1
	wait_for state_is established
	wait_for said accepted "$server"
	exits 0 fpctl -N "$a" -j connection
	id=$(jq -r '.[0].id' "$tmp/stdout")
	# A wrong tag, and a slot that there is not.
	case $id in
	0x1*) wrong=0x2${id#0x?} ;;
	*) wrong=0x1${id#0x?} ;;
	esac
	exits 2 fpctl -N "$a" kill "$wrong" 0xffffffffffffffff
	[ "$(grep -c 'no connection' "$tmp/stderr")" = 2 ]
	exits 2 fpctl -N "$b" kill "$id"
	state_is established
	exits 2 fpctl -N "$a" kill 0x1 "$id"
	wait_for grep 'end: Software caused connection abort' "$out"
	wait_for grep 'end: Connection reset by peer' "$server"
	exits 2 fpctl -N "$a" kill "$id"
	wait_for nobody_is_left
}

nobody_is_left()
{
	for host in "$a" "$b"; do
		[ "$(fpctl -N "$host" -j connection | jq length)" = 0 ] ||
			return
	done
}

set_copybreak()
{
	two_hosts
	for value in 0 1 2048 256; do
		exits 0 fpctl -N "$a" set copybreak "$value"
		[ "$(fpctl -N "$a" -j show | jq .copybreak)" = "$value" ]
	done
	exits 0 fpctl -N "$a" set copybreak 100
	for value in 2049 65536 4294967295; do
		exits 2 fpctl -N "$a" set copybreak "$value"
		grep -i 'range' "$tmp/stderr"
	done
	for value in -1 x 1x 4294967296 ''; do
		exits 1 fpctl -N "$a" set copybreak "$value"
	done
	[ "$(fpctl -N "$a" -j show | jq .copybreak)" = 100 ]
	[ "$(fpctl -N "$b" -j show | jq .copybreak)" = 256 ]
}

# value_is HOST NAME VALUE
value_is()
{
	[ "$(fpctl -N "$1" -j get "$2" | jq ".[\"$2\"].value")" = "$3" ]
}

get_settings()
{
	two_hosts
	exits 0 fpctl -N "$a" -j get
	jq -e 'length >= 19 and all(.value == .default and
		.least <= .value and .value <= .greatest and
		.least < .greatest and (.unit | length) > 1)' "$tmp/stdout"
	jq -e '.copybreak == { value: 256, unit: "bytes", least: 0,
		greatest: 2048, default: 256 } and
		.["msg-max"].value == 1048576 and
		.["msg-max"].greatest == 16777216 and
		.["connections-max"].default == 16777216' "$tmp/stdout"
	names=$(jq -r 'keys[]' "$tmp/stdout")
	exits 0 fpctl -N "$a" get
	[ "$(sed 's/ .*//' "$tmp/stdout" | sort)" = "$names" ]
	fails grep -v '^[a-z-]*  *[0-9][0-9]* [a-z]*$' "$tmp/stdout"
	exits 0 fpctl -N "$a" get msg-max
	grep '^msg-max  *1048576 bytes$' "$tmp/stdout"
	[ "$(wc -l <"$tmp/stdout")" = 1 ]
	exits 0 fpctl -N "$a" get -s ack-delay syn-retries
	grep '^ack-delay  *25000 us (0 to 25000, default 25000): ' "$tmp/stdout"
	[ "$(wc -l <"$tmp/stdout")" = 2 ]
	exits 1 fpctl get nonsense
	exits 1 fpctl get copybreak copybreak
	[ ! -s "$tmp/stdout" ]
}

# Every setting can be changed to its least and its greatest value, and no
# further; other hosts have their own.
set_settings()
{
	two_hosts
	exits 0 fpctl -N "$a" -j get
	cp "$tmp/stdout" "$tmp/before"
	for which in least greatest default; do
		# shellcheck disable=SC2046 # words are wanted
		exits 0 fpctl -N "$a" set $(jq -r --arg which "$which" \
			'to_entries[] | "\(.key) \(.value[$which])"' \
			"$tmp/before")
		exits 0 fpctl -N "$a" -j get
		jq -e --arg which "$which" 'all(.value == .[$which])' "$tmp/stdout"
		exits 0 fpctl -N "$b" -j get
		cmp "$tmp/stdout" "$tmp/before"
	done
	jq -r 'to_entries[] | "\(.key) \(.value.least) \(.value.greatest)"' \
		"$tmp/before" >"$tmp/ranges"
	while read -r name least greatest; do
		exits 2 fpctl -N "$a" set "$name" "$((greatest + 1))"
		grep "set: $name: .*range.* ($least to $greatest)\$" \
			"$tmp/stderr"
		[ "$least" = 0 ] ||
			exits 2 fpctl -N "$a" set "$name" "$((least - 1))"
	done <"$tmp/ranges"
	exits 0 fpctl -N "$a" -j get
	cmp "$tmp/stdout" "$tmp/before"
}

# All or none.
set_several()
{
	one_host
	exits 0 fpctl -N "$a" set copybreak 1 ack-delay 2 msg-max 3000
	value_is "$a" copybreak 1
	value_is "$a" ack-delay 2
	value_is "$a" msg-max 3000
	exits 2 fpctl -N "$a" set copybreak 7 ack-delay 25001 msg-max 7000
	grep 'set: ack-delay: ' "$tmp/stderr"
	exits 1 fpctl -N "$a" set copybreak 7 ack-delay 7x
	exits 1 fpctl -N "$a" set copybreak 7 ack-delay
	exits 1 fpctl -N "$a" set copybreak 7 nonsense 7
	exits 1 fpctl -N "$a" set copybreak 7 ack-delay 7 copybreak 8
	value_is "$a" copybreak 1
	value_is "$a" ack-delay 2
	value_is "$a" msg-max 3000
	exits 0 fpctl -N "$a" set copybreak default ack-delay 9 msg-max default
	value_is "$a" copybreak 256
	value_is "$a" ack-delay 9
	value_is "$a" msg-max 1048576
}

reading_is_for_all_changing_for_root()
{
	exits 0 nobody fpctl -j get
	before=$(fpctl -j show | jq .copybreak)
	exits 0 nobody fpctl show
	exits 0 nobody fpctl -j stats
	exits 0 nobody fpctl socket
	exits 2 nobody fpctl set copybreak 7
	grep -i 'not permitted' "$tmp/stderr"
	exits 2 nobody fpctl kill 0x1
	grep -i 'not permitted' "$tmp/stderr"
	[ "$(fpctl -j show | jq .copybreak)" = "$before" ]
}

# Who has the IDs of a connection can forge its frames.
ids_are_for_root()
{
	one_host
	spawn_on "$a" fpsock listen 127.0.0.1 4000
	spawn_on "$a" fpsock connect 127.0.0.1 4000 1
	wait_for both_established
	exits 0 fpctl -N "$a" -j connection
	jq -e 'all(.id != null and .peer_id != null)' "$tmp/stdout"
	exits 0 on "$a" setpriv --reuid 65534 --regid 65534 --clear-groups \
		fpctl -j connection
	jq -e 'length == 2 and all(.id == null and .peer_id == null and
		.state == "established")' "$tmp/stdout"
}

both_established()
{
	[ "$(fpctl -N "$a" -j connection state established | jq length)" = 2 ]
}

help()
{
	for option in --help -h help; do
		exits 0 fpctl "$option"
		for command in show get stats socket connection kill set; do
			grep -q "$command" "$tmp/stdout"
		done
		[ ! -s "$tmp/stderr" ]
	done
}

wrong_usage()
{
	exits 1 fpctl
	exits 1 fpctl nonsense
	grep nonsense "$tmp/stderr"
	exits 1 fpctl --nonsense
	exits 1 fpctl show nonsense
	exits 1 fpctl set
	exits 1 fpctl set copybreak
	exits 1 fpctl set nonsense 1
	exits 1 fpctl socket port nonsense
	exits 1 fpctl socket state established
	exits 1 fpctl connection state nonsense
	exits 1 fpctl connection type seqpacket
	exits 1 fpctl connection -c state nonsense
	exits 1 fpctl connection -c established
	exits 1 fpctl connection -c id 0x1
	exits 1 fpctl connection -c -s
	exits 1 fpctl show -c
	exits 1 fpctl -c kill 0x1
	exits 1 fpctl kill
	exits 1 fpctl kill 0x1 nonsense
	exits 1 fpctl -N no-such-namespace show
	grep no-such-namespace "$tmp/stderr"
	[ ! -s "$tmp/stdout" ]
}

output_that_cannot_be_written()
{
	status=0
	fpctl -j show >/dev/full 2>"$tmp/stderr" || status=$?
	[ "$status" = 1 ]
	[ -s "$tmp/stderr" ]
}

nobody_uses_the_module()
{
	[ "$(cat /sys/module/fastproto/refcnt)" = 0 ]
}

without_the_module()
{
	# Sockets that are closed hold it for a moment.
	(wait_for nobody_uses_the_module) || skip 'somebody uses the module'
	wait_for rmmod fastproto
	trap 'modprobe fastproto; clean_up' EXIT
	for command in show get stats socket connection 'kill 0x1' \
		'set copybreak 7'; do
		# shellcheck disable=SC2086 # words are wanted
		exits 2 fpctl $command
		grep -i 'not loaded' "$tmp/stderr"
		[ "$(wc -l <"$tmp/stderr")" = 1 ]
	done
	exits 2 nobody fpctl show
	exits 0 fpctl --help
	modprobe fastproto
	exits 0 fpctl show
}

tap_run show show_json stats stats_json sockets connected_sockets many_sockets \
	connections one_connection one_connection_without_an_answer \
	seqpacket_sockets dying_connections many_connections counts \
	kill_connection \
	set_copybreak get_settings set_settings set_several \
	reading_is_for_all_changing_for_root ids_are_for_root help wrong_usage \
	output_that_cannot_be_written without_the_module
