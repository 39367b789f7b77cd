/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Descriptors with FP_RING_QUIET: there is an event only of those that were refused.
 * It may wait for room, or lie behind an entry that another CPU has not published
 * yet. All others are told by send_head alone, which the kernel writes now and then.
 *
 * To be shown: when the application has read send_head, and then as many events as
 * `refused` says, it knows of each descriptor before send_head what became of it.
 */
#define MESSAGES	3

#define KERNEL		0
#define BUFFERS		1

#define HEAD		0
#define REFUSED		1

#define STORE(variable, value)						\
	if								\
	:: variable == HEAD -> send_head = value			\
	:: variable == REFUSED -> refused = value			\
	fi

byte send_head;			/* shared, the kernel's */
byte refused;			/* the same */
bool was_refused[MESSAGES];	/* what the kernel knows */
chan unpublished = [MESSAGES] of { byte };
chan event = [MESSAGES] of { byte };

#include "memory.pml"

proctype kernel()
{
	byte me = KERNEL, i, nr;

	for (i : 0 .. MESSAGES - 1) {
		if
		:: true ->		/* copied */
#ifdef NO_REFUSED
		:: true -> was_refused[i] = true; unpublished!i
#else
		:: true ->
			was_refused[i] = true;
			nr++;
#ifdef BUT_REFUSED_LAST
			store(HEAD, i + 1);
#endif
			store(REFUSED, nr);
			unpublished!i
#endif
		fi;
		/* More may be taken before it is told. */
		if
		:: store(HEAD, i + 1)
		:: i + 1 < MESSAGES
		fi
	}
}

/* Other CPUs, and whoever has the application read before there is room. */
proctype others()
{
	byte i;

end:
	do
	:: atomic { unpublished?i -> event!i; i = 0 }
	od
}

proctype application()
{
	byte i, head, told, seen;
	bool heard[MESSAGES];

	do
	:: head == MESSAGES && told == seen -> break
	:: atomic { event?i -> heard[i] = true; seen++; i = 0 }
	:: !(head == MESSAGES && told == seen) ->
#ifdef BUT_REFUSED_FIRST
		told = refused;
		head = send_head;
#else
		head = send_head;
		told = refused;
#endif
		/* There is nothing more to be heard of what is before it. */
		if
		:: told == seen ->
			atomic {
				for (i : 0 .. MESSAGES - 1) {
					assert(i >= head || !was_refused[i] ||
					       heard[i])
				}
				i = 0
			}
		:: else
		fi
	od
}

init {
	atomic {
		run memory(KERNEL); run kernel();
		run others();
		run application()
	}
}
