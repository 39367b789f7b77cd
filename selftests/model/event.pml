/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event ring: many connections write to it, on any CPU, and one thread of
 * the application reads it, which sleeps when there is nothing. It has fewer
 * entries than there are events. What finds no room waits on a list.
 *
 * To be shown: every event comes, once, in its connection's order, as it was
 * written; and nobody sleeps on what is there. An end state in which somebody
 * waits in vain is reported as an invalid one.
 */
#define EVENTS		2
#define CONNS		2
#define EACH		2	/* events of a connection */
#define USER		CONNS
#define BUFFERS		(CONNS + 1)

/* Indices are 3 bits wide, and begin where they soon wrap. */
#define index(i)	((i) & 7)
#define FIRST		6

#define STAMP		0	/* of one of EVENTS entries */
#define HEAD		8
#define NEED		9
#define SLEEPS		10

#define STORE(variable, value)						\
	if								\
	:: variable < EVENTS -> stamp[variable] = value			\
	:: variable == HEAD -> event_head = value			\
	:: variable == NEED -> need_room = value			\
	:: variable == SLEEPS -> sleeps = value				\
	fi

byte event_tail = FIRST;	/* the kernel's own */
byte event_head = FIRST;	/* shared, the application's */
bool need_room;			/* shared, the kernel's */
byte stamp[EVENTS];
byte entry[EVENTS];		/* conn * EACH + number of the event */

bool locked[CONNS];		/* the connection's lock */
byte wanted[CONNS];		/* events that have not gone out yet */
byte out[CONNS];		/* events that have */
bool listed[CONNS];		/* it waits for room */
bool sleeps, woken;		/* the thread that reads */

#include "memory.pml"

#define lock(c)		atomic { !locked[c] -> locked[c] = true }
#define unlock(c)	locked[c] = false
#define place(i)	((i) & (EVENTS - 1))
#define full(tail, head) (index(tail - head) >= EVENTS)

/* fp_ring_reserve(): tail is the entry, if there is one. */
inline reserve(tail, done)
{
	do
	:: tail = event_tail;
	   if
	   :: atomic { full(tail, event_head) -> done = false }; break
	   :: else
	   fi;
#ifdef NO_CMPXCHG
	   event_tail = index(tail + 1); done = true; break
#else
	   atomic {
		if
		:: event_tail == tail ->
			event_tail = index(tail + 1); done = true; break
		:: else
		fi
	   }
#endif
	od
}

/* Entry first, then the stamp; and if nothing was there, somebody may sleep. */
inline publish(tail, what)
{
#ifdef NO_STAMP_RELEASE
	store(STAMP + place(tail), index(tail + 1));
	entry[place(tail)] = what;
#else
	entry[place(tail)] = what;
	store(STAMP + place(tail), index(tail + 1));
#endif
#ifndef NO_STAMP_BARRIER
	fence();
#endif
#ifndef NO_WAKE
	if
	:: event_head == tail -> wake()
	:: else
	fi
#endif
}

inline wake()
{
	atomic {
		if
		:: sleeps -> woken = true
		:: else
		fi
	}
}

/* What a connection has goes out, as long as there is room. Holds its lock. */
inline deliver(c, tail, done)
{
	do
	:: wanted[c] == 0 -> done = true; break
	:: else ->
		reserve(tail, done);
		if
		:: done -> publish(tail, c * EACH + out[c]);
		   atomic { wanted[c]--; out[c]++ }
		:: else -> break
		fi
	od
}

/* The list first, then the flag, then another look. */
inline wait_for_room(c, again)
{
#ifndef BUT_LIST_LAST
	listed[c] = true;
#endif
	store(NEED, true);
#ifndef NO_NEED_BARRIER
	fence();
#endif
#ifdef NO_SECOND_LOOK
	again = false;
#else
	again = !full(event_tail, event_head);
#endif
#ifdef BUT_LIST_LAST
	listed[c] = !again
#endif
}

proctype connection(byte c)
{
	byte me = c, tail, i;
	bool done, again;

	for (i : 1 .. EACH) {
		atomic { lock(c); wanted[c]++; again = !listed[c] }
		do
		:: !again -> break
		:: again ->
			listed[c] = false;
			deliver(c, tail, done);
			again = false;
			if
			:: done
			:: else -> wait_for_room(c, again)
			fi
		od;
		unlock(c)
	}
}

/* SIOCFPRING: the flag first, then what is on the list. */
inline kick()
{
	do
	:: store(NEED, false);
#ifndef NO_CLEAR_BARRIER
	   fence();
#endif
	   remain = false;
	   for (c : 0 .. CONNS - 1) {
		if
		:: listed[c] ->
			lock(c);
			listed[c] = false;
			deliver(c, tail, done);
			if
			:: done
			:: else -> listed[c] = true; remain = true
			fi;
			unlock(c)
		:: else
		fi
	   }
	   if
	   :: !remain -> break
	   :: else
	   fi;
	   store(NEED, true);
#ifndef NO_NEED_BARRIER
	   fence();
#endif
#ifdef NO_SECOND_LOOK
	   break
#else
	   if
	   :: full(event_tail, event_head) -> break
	   :: else
	   fi
#endif
	od
}

/* poll(): on the queue of those that wait, and then a look. */
inline sleep()
{
	woken = false;
	store(SLEEPS, true);
#ifndef NO_POLL_BARRIER
	fence();
#endif
	if
#ifndef NO_POLL_LOOK
	:: stamp[place(head)] == index(head + 1)
#endif
	:: else -> woken
	fi;
	sleeps = false
}

proctype reader()
{
	byte me = USER, head = FIRST, count, c, tail, what;
	byte seen[CONNS];
	bool done, remain;

	do
	:: count == CONNS * EACH -> break
	:: else ->
#ifdef NO_STAMP_ACQUIRE
		what = entry[place(head)];
#endif
		if
		:: stamp[place(head)] == index(head + 1) ->
#ifdef NO_HEAD_RELEASE
			store(HEAD, index(head + 1));
#endif
			atomic {
#ifndef NO_STAMP_ACQUIRE
				what = entry[place(head)];
#endif
				c = what / EACH;
				assert(what == c * EACH + seen[c]);
				seen[c]++;
				count++;
				head = index(head + 1);
				what = 0;
				c = 0
			}
			/* When it is told is the application's choice. */
			if
			:: store(HEAD, head); goto room
			:: skip
			fi
		:: else ->
			store(HEAD, head);
room:
#ifndef NO_HEAD_FENCE
			fence();
#endif
			if
			:: need_room -> kick()
			:: else
			fi;
			tail = 0; c = 0;
			if
			:: stamp[place(head)] == index(head + 1)
			:: else ->
				if
				:: count < CONNS * EACH -> sleep()
				:: else
				fi
			fi
		fi
	od
}

init {
	byte i;

	atomic {
		/* As they are after a round; in the first they are zero. */
		stamp[0] = index(FIRST - 1);
		stamp[1] = index(FIRST);
		for (i : 0 .. CONNS - 1) {
			run memory(i); run connection(i)
		}
		run memory(USER);
		run reader()
	}
}
