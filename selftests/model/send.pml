/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The send ring: one thread of the application writes descriptors, another reads
 * the events with which the slots come back, and both call SIOCFPRING if the flags
 * say so. A message that is copied is done with at once, the others later, in
 * softirq; if the event ring is full then (it has one entry here, and belongs to
 * the received messages, too), the event waits on a list.
 *
 * To be shown: every descriptor is taken once, in order, as it was written, and
 * every slot comes back; nothing waits with nobody to call for it.
 */
#define SENDS		2
#define SLOTS		2
#define MESSAGES	4
#define OTHERS		1	/* events that are none of ours */
#define EVENTS		1

#define WRITER		0
#define READER		1
#define SOFTIRQ		2
#define BUFFERS		3

/* Indices are 3 bits wide, and begin where they soon wrap. */
#define index(i)	((i) & 7)
#define FIRST		6

#define TAIL		0
#define HEAD		1
#define NEED_SEND	2
#define NEED_ROOM	3

#define STORE(variable, value)						\
	if								\
	:: variable == TAIL -> send_tail = value			\
	:: variable == HEAD -> event_head = value			\
	:: variable == NEED_SEND -> need_send = value			\
	:: variable == NEED_ROOM -> need_room = value			\
	fi

byte send_head = FIRST;		/* the kernel's, of who has the mutex */
byte send_tail = FIRST;		/* shared, the application's */
byte sends[SENDS];		/* the same: number of the message */
byte event_tail = FIRST;	/* the kernel's */
byte event_head = FIRST;	/* shared, the application's */
bool slot_is_back[8];		/* what the event of that index says */
bool need_send = true;		/* shared, the kernel's */
bool need_room;			/* the same */

bool locked;			/* the mutex */
byte sent;			/* messages that were taken */
bool unsent;			/* one was copied, and its event has no room */
byte flying;			/* messages that are not done with */
byte done_list;			/* of these, their events have no room */
byte mine = SLOTS;		/* slots that are the application's */

#include "memory.pml"

#define place(i)	((i) & (SENDS - 1))
#define full		(index(event_tail - event_head) >= EVENTS)
#define waiting		(send_tail != send_head)

inline post(slot, ok)
{
	atomic {
		if
		:: full -> ok = false
		:: else ->
			slot_is_back[event_tail] = slot;
			event_tail = index(event_tail + 1);
			ok = true
		fi
	}
}

inline flush_unsent(ok)
{
	if
	:: unsent -> post(true, ok); unsent = !ok
	:: else -> ok = true
	fi
}

/* Takes the list out, and puts back what there is no room for. */
inline flush_done(nr, ok)
{
	atomic { nr = done_list; done_list = 0 };
	ok = true;
	do
	:: nr == 0 -> break
	:: else ->
		post(true, ok);
		if
		:: ok -> nr--
		:: else -> break
		fi
	od;
	atomic { done_list = done_list + nr; nr = 0 }
}

/* The message of a descriptor: every second one is copied. */
inline send_one()
{
	atomic {
		assert(what == sent);
		sent++;
		send_head = index(send_head + 1)
	};
	if
	:: what & 1 -> flying++
	:: else -> post(true, ok); unsent = !ok
	fi;
	what = 0
}

inline send_some()
{
	do
	:: unsent || full -> break
	:: else ->
#ifdef NO_TAIL_ACQUIRE
		what = sends[place(send_head)];
#endif
		if
		:: waiting
		:: else -> break
		fi;
#ifndef NO_TAIL_ACQUIRE
		what = sends[place(send_head)];
#endif
		send_one()
	od;
	what = 0
}

/* SIOCFPRING: the flags first, then all that waits, and another look. */
inline kick()
{
#if defined(BUT_TRYLOCK)
	if
	:: atomic { !locked -> locked = true }; enter()
	:: else
	fi
#elif defined(NO_LOCK)
	enter()
#else
	atomic { !locked -> locked = true };
	enter()
#endif
}

inline enter()
{
	store(NEED_SEND, false);
	store(NEED_ROOM, false);
#ifndef NO_CLEAR_BARRIER
	fence();
#endif
	do
	:: flush_unsent(ok);
	   if
	   :: ok -> flush_done(nr, ok)
	   :: else
	   fi;
	   if
	   :: ok -> send_some()
	   :: else
	   fi;
	   blocked = !ok || unsent || (waiting && full);
	   if
	   :: blocked -> store(NEED_ROOM, true)
	   :: else
	   fi;
	   store(NEED_SEND, true);
#ifndef NO_NEED_BARRIER
	   fence();
#endif
	   if
#ifdef NO_LOOK_AT_ROOM
	   :: blocked -> break
#else
	   :: blocked && full -> break
#endif
#ifdef NO_LOOK_AT_TAIL
	   :: !blocked -> break
#else
	   :: !blocked && !waiting -> break
#endif
#ifdef BUT_ROOM_LOST
	   :: !blocked && full -> break
#endif
	   :: else
	   fi;
	   store(NEED_SEND, false)
	od;
	blocked = false;
	ok = false;
	locked = false
}

/* put_off(): onto the list, the flag, another look, until one of both helps. */
inline put_off()
{
	done_list++;
	do
	:: store(NEED_ROOM, true);
#ifndef NO_DONE_BARRIER
	   fence();
#endif
	   if
	   :: full -> break
	   :: else -> flush_done(nr, ok)
	   fi;
#ifdef BUT_PUT_OFF_ONCE
	   break
#else
	   if
	   :: ok -> break
	   :: else
	   fi
#endif
	od
}

/* The last reference to a message is gone; and something was received. */
proctype softirq()
{
	byte me = SOFTIRQ, nr, others;
	bool ok;

end:
	do
	:: atomic { flying > 0 -> flying-- };
	   post(true, ok);
	   if
	   :: ok
	   :: else -> put_off()
	   fi;
	   ok = false
	:: others < OTHERS && !full -> post(false, ok);
	   if
	   :: ok -> others++
	   :: else
	   fi;
	   ok = false
	od
}

proctype writer()
{
	byte me = WRITER, tail = FIRST, nr, what, i;
	bool ok, blocked;

	for (i : 0 .. MESSAGES - 1) {
		atomic { mine > 0 -> mine-- };
#ifdef NO_TAIL_RELEASE
		store(TAIL, index(tail + 1));
		sends[place(tail)] = i;
#else
		sends[place(tail)] = i;
		store(TAIL, index(tail + 1));
#endif
		tail = index(tail + 1);
#ifndef NO_TAIL_FENCE
		fence();
#endif
		if
		:: need_send -> kick()
		:: else
		fi
	}
}

proctype reader()
{
	byte me = READER, head = FIRST, nr, what, back, others;
	bool ok, blocked;

	do
	:: back == MESSAGES && others == OTHERS -> break
	:: head != event_tail ->
		atomic {
			if
			:: slot_is_back[head] -> mine++; back++
			:: else -> others++
			fi;
			head = index(head + 1)
		};
		store(HEAD, head);
#ifndef NO_HEAD_FENCE
		fence();
#endif
		if
		:: need_room -> kick()
		:: else
		fi
	od
}

init {
	atomic {
		run memory(WRITER); run writer();
		run memory(READER); run reader();
		run memory(SOFTIRQ); run softirq()
	}
}
