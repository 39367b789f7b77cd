/* SPDX-License-Identifier: GPL-2.0 */
/*
 * recv(2) of no bytes, in which the application's thread sends what it has written
 * and sleeps until there is an event. There is one slot. What is sent from it is
 * copied (FP_RING_QUIET), and then it is the application's again; but that knows
 * it only after the call, in which it may be needed for a message that has come.
 * Another thread has something for the one that sleeps, and calls SIOCFPWAKE.
 *
 * To be shown: all messages are read, and the other thread's is seen; nobody sleeps
 * while there is something to be done.
 */
#define MESSAGES	2
#define SENDS		3

#define APP		0
#define SOFTIRQ		1
#define OTHER		2
#define BUFFERS		3

#define GIVEN		0
#define LENDS		1
#define SLEEPS		2
#define TASK		3
#define WAITS		4

#define STORE(variable, value)						\
	if								\
	:: variable == GIVEN -> given = value				\
	:: variable == LENDS -> lends = value				\
	:: variable == SLEEPS -> sleeps = value				\
	:: variable == TASK -> task = value				\
	:: variable == WAITS -> waits = value				\
	fi

byte given;			/* shared, the application's: slots, so far */
byte taken;			/* the kernel's: of these */
byte events;			/* published, and not read yet */
bool task;			/* the other thread's, for the one that sleeps */
bool lends, woken, waits;	/* the kernel's */
bool sleeps;			/* it is on the wait queue, or about to be */
bool called;			/* and was woken there */

bool locked;			/* the connection's lock */
byte wanted;			/* messages that have come, and have no slot */
bool listed;			/* it waits for slots */

#include "memory.pml"

#define lock()		atomic { !locked -> locked = true }
#define unlock()	locked = false
#define free		(given - taken)

inline wake()
{
	atomic {
		if
		:: sleeps -> called = true
		:: else
		fi
	}
}

/* What waits goes out while there are slots. Holds the lock. */
inline deliver(done)
{
	do
	:: wanted == 0 -> done = true; break
	:: else ->
		if
		:: free == 0 -> done = false; break
		:: else ->
			atomic { taken++; wanted--; events++ };
			fence();
			wake()
		fi
	od
}

/* fp_ring_need(): the list, the mark, and does who sleeps have any? Then a look. */
inline wait_for_slots(again)
{
	listed = true;
#ifdef NO_WAITS_BARRIER
	store(WAITS, true);
#else
	fence() -> waits = true;
#endif
#ifndef NO_LENDS_WAKE
	if
	:: lends -> wake()
	:: else
	fi;
#endif
	again = free != 0
}

inline go_on(again, done)
{
	do
	:: !again -> break
	:: again ->
		listed = false;
		deliver(done);
		again = false;
		if
		:: done
		:: else -> wait_for_slots(again)
		fi
	od;
	done = false
}

proctype softirq()
{
	byte me = SOFTIRQ, i;
	bool again, done;

	for (i : 1 .. MESSAGES) {
		atomic { lock(); wanted++; again = !listed }
		go_on(again, done);
		unlock()
	}
}

/* A call that looks at the lists, and takes what is in the send ring. */
inline enter()
{
	atomic { again = waits; waits = false };
	if
	:: again ->
		lock();
		again = listed;
		go_on(again, done);
		unlock()
	:: else
	fi;
	again = false;
	lent = queued;
	queued = false
}

#ifdef NO_LENDS_LOOK
#define lacks_slots	false
#else
#define lacks_slots	(lent && waits)
#endif

/* On the wait queue, and then a look. */
inline sleep()
{
	called = false;
	store(SLEEPS, true);
#ifndef NO_SLEEP_BARRIER
	fence();
#endif
	if
	:: events > 0 || woken || lacks_slots
	:: else -> called
	fi;
	fence() -> sleeps = false
}

inline receive()
{
	fence();
#ifdef BUT_WOKEN_FIRST
	woken = false;
#endif
	if
	:: queued || waits -> enter()
	:: else
	fi;
#ifndef NO_LENDS
	if
	:: lent -> store(LENDS, true)
	:: else
	fi;
#endif
	do
	:: events > 0 -> break
	:: atomic { events == 0 && woken ->
#ifndef BUT_WOKEN_FIRST
		woken = false
#endif
	   }; break
	:: events == 0 && !woken && lacks_slots -> break
	:: events == 0 && !woken && !lacks_slots -> sleep()
	od;
	if
	:: lent -> store(LENDS, false); lent = false; mine = true
	:: else
	fi
}

#define nothing_to_do	(events == 0 && !mine && !(task && !seen))

proctype application()
{
	byte me = APP, read, sent, told;
	bool mine = true, queued, lent, seen, again, done;

	do
	:: read == MESSAGES && seen -> break
	:: atomic { events > 0 -> events--; read++; mine = true }
	:: atomic { task && !seen -> seen = true }
	:: atomic { mine && !queued && sent < SENDS ->
		mine = false; queued = true; sent++ }
	:: mine -> mine = false; told++; store(GIVEN, told)
	:: nothing_to_do && !(read == MESSAGES && seen) -> receive()
	od
}

/* What it has for the one that sleeps, first; then SIOCFPWAKE. */
proctype other()
{
	byte me = OTHER;

	store(TASK, true);
#ifndef NO_WOKEN_BARRIER
	fence();
#endif
#ifndef NO_WOKEN
	woken = true;
#endif
	fence();
	wake()
}

init {
	atomic {
		run memory(APP); run application();
		run memory(SOFTIRQ); run softirq();
		run memory(OTHER); run other()
	}
}
