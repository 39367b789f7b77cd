#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The slab caches of the module, as /proc/slabinfo shows them.

# Every function is called by way of tap_run.
# shellcheck disable=SC2317

# shellcheck source=selftests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
need awk
grep -q slab_nomerge /proc/cmdline ||
	skip_all 'caches may be merged: boot with slab_nomerge'

count=600

objects()
{
	awk -v name="$1" '$1 == name { print $2; found = 1 }
			  END { exit !found }' /proc/slabinfo
}

caches_are_there()
{
	for cache in fastproto_packet fastproto_small fastproto_frame \
		     FASTPROTO FASTPROTO-DGRAM; do
		objects "$cache"
	done
}

# grows CACHE SIZE: messages of that size wait in it, and leave it again.
grows()
{
	wait_for fewer_than "$count" "$1"
	spawn fpsock crowd "$count" "$2"
	[ "$(objects "$1")" -ge "$count" ]
	end "$child"
	wait_for fewer_than "$count" "$1"
}

fewer_than()
{
	[ "$(objects "$2")" -lt "$1" ]
}

sockets_are_slab_objects()
{
	grows FASTPROTO-DGRAM 0
}

small_messages_are_slab_objects()
{
	grows fastproto_small 100
}

views_are_slab_objects()
{
	grows fastproto_packet 1000
}

tap_run caches_are_there sockets_are_slab_objects \
	small_messages_are_slab_objects views_are_slab_objects
