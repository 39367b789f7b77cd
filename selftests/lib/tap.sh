# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2317
#
# TAP for tests in shell, and what they share. A test file defines functions
# and ends with `tap_run FUNCTION...`. Each runs in a subshell under `set -e`;
# it fails with the first command that does, or with `fail WHY`, and `skip WHY`
# ends it as a skip. Its output and trace are shown if it fails.

PATH=$(dirname "$0"):$PATH
patience=${FASTPROTO_PATIENCE:-30}	# seconds for what must happen

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
children=
namespaces=

fail()
{
	echo "$*"
	exit 1
}

skip()
{
	echo "$*" >"$tmp/skip"
	exit 4
}

# All of a test file, before its first case.
skip_all()
{
	echo 'TAP version 13'
	echo "1..0 # SKIP $*"
	exit 4
}

need()
{
	for tool; do
		command -v "$tool" >/dev/null || skip_all "no $tool here"
	done
	[ "$(id -u)" = 0 ] || skip_all 'needs root'
	[ -d /sys/module/fastproto ] || skip_all 'the module is not loaded'
}

# To be shown if the test passes, too.
tell()
{
	echo "# $*" >>"$tmp/told"
}

# The command must fail.
fails()
{
	if "$@"; then
		fail "succeeded, but must not: $*"
	fi
}

# Tries a command until it succeeds.
wait_for()
{
	{ set +x; } 2>/dev/null
	end=$(($(date +%s) + patience))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$end" ] || fail "waited in vain for: $*"
		sleep 0.05
	done
	set -x
}

# Starts a program that says "ready" and stays; $child is its process.
spawn()
{
	out=$(mktemp "$tmp/out.XXXXXX")
	"$@" >"$out" 2>&1 &
	child=$!
	children="$children $child"
	wait_for said ready "$out"
}

# The same in a namespace.
spawn_on()
{
	host=$1
	shift
	spawn ip netns exec "$host" "$@"
}

said()
{
	grep -q "^$1" "$2" && return
	kill -0 "$child" 2>/dev/null || fail "ended too soon: $(cat "$2")"
	return 1
}

end()
{
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null || :
}

# A host $a that is alone.
one_host()
{
	a=fp-$$-a
	namespaces="$namespaces $a"
	ip netns add "$a"
	ip -n "$a" link set lo up
}

# Two hosts $a and $b, joined by a veth pair whose ends are called fp0, with
# the addresses that the tests in C have, too.
two_hosts()
{
	a=fp-$$-a b=fp-$$-b
	namespaces="$namespaces $a $b"
	ip -batch - <<-END
	netns add $a
	netns add $b
	END
	ip -n "$a" link add fp0 type veth peer name fp0 netns "$b"
	configure "$a" 1
	configure "$b" 2
}

configure()
{
	ip -n "$1" -batch - <<-END
	link set lo up
	link set fp0 up
	addr add 10.77.0.$2/24 dev fp0
	addr add fd77::$2/64 dev fp0 nodad
	END
}

on()
{
	ip netns exec "$@"
}

clean_up()
{
	set +ex
	for child in $children; do
		end "$child"
	done
	for host in $namespaces; do
		ip netns del "$host" 2>/dev/null
	done
}

tap_run()
{
	echo 'TAP version 13'
	echo "1..$#"
	number=0 bad=0
	for name; do
		number=$((number + 1))
		rm -f "$tmp/skip" "$tmp/told"
		(
			trap clean_up EXIT
			set -ex
			"$name"
		) >"$tmp/log" 2>&1
		status=$?
		[ ! -e "$tmp/told" ] || cat "$tmp/told"
		case $status in
		0)
			echo "ok $number $name" ;;
		4)
			echo "ok $number $name # SKIP $(cat "$tmp/skip")" ;;
		*)
			sed 's/^/# /' "$tmp/log"
			echo "not ok $number $name"
			bad=1 ;;
		esac
	done
	exit $bad
}
