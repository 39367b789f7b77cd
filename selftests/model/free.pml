/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The free ring: the application gives slots, and connections take them, on any
 * CPU. One needs a slot for each message, the other two, which it takes one after
 * the other; what it took in vain goes to a list of spare ones. What finds too few
 * waits on a list. The event ring always has room here (event.pml is about that).
 *
 * To be shown: a slot has one owner; all messages come in order, in the slots that
 * their events name; nobody waits while there are slots. WITH_HOSTILE: whatever
 * the application writes, no slot is in two messages, and none is beyond the pool.
 *
 * WITH_RECV: the application does not look at the flag, but calls recv(2), where the
 * kernel looks at what it knows of itself.
 *
 * NO_HELD: of WITH_HOSTILE
 * NO_RANGE: of WITH_HOSTILE
 * Only one connection has spare slots here, and they come first:
 * unreached: b = [01]
 */
#define SLOTS		2
#define FREES		2
#define NONE		SLOTS
#define CONNS		2
#define EACH		2	/* messages of a connection, at most */
#define USER		CONNS
#define BUFFERS		(CONNS + 1)

/* Indices are 3 bits wide, and begin where they soon wrap. */
#define index(i)	((i) & 7)
#define FIRST		6

#define TAIL		0
#define NEED		1

#define STORE(variable, value)						\
	if								\
	:: variable == TAIL -> free_tail = value			\
	:: variable == NEED -> need_room = value			\
	fi

/* Whose a slot is, which the model alone knows. Less: a connection's. */
#define APP		CONNS
#define GIVEN		(CONNS + 1)
#define SPARE		(CONNS + 2)
#define COMING		(CONNS + 3)

byte free_head = FIRST;		/* the kernel's own */
byte free_tail = FIRST;		/* shared, the application's */
byte frees[FREES];		/* the same */
bool need_room;			/* shared, the kernel's */
bool waits;			/* the kernel's own, atomic */
bool held[SLOTS];		/* the kernel's: it is in a message, or spare */
bool spare[SLOTS];		/* the kernel's, with a lock */
byte owner[SLOTS];
byte content[SLOTS];		/* conn * EACH + number of the message */
chan event = [SLOTS] of { byte, byte, byte };	/* conn, slots */

bool locked[CONNS];		/* the connection's lock */
byte wanted[CONNS];		/* messages that have not gone out yet */
byte out[CONNS];		/* messages that have */
bool listed[CONNS];		/* it waits for slots */

#include "memory.pml"

#define lock(c)		atomic { !locked[c] -> locked[c] = true }
#define unlock(c)	locked[c] = false
#define place(i)	((i) & (FREES - 1))
#define needs(c)	(1 + (c))
#define has(c)		(EACH - (c))
#define given		index(free_tail - free_head)
#define free		(spare[0] + spare[1] + (given <= FREES -> given : 0))

/* Only the application can be to blame for an entry without sense. */
inline invalid()
{
#ifdef WITH_HOSTILE
	skip
#else
	assert(false)
#endif
}

/* An entry's slot becomes the kernel's, unless it makes no sense. */
inline hold(c, slot, from)
{
	atomic {
		if
#ifndef NO_RANGE
		:: slot >= SLOTS -> invalid(); slot = NONE
#endif
#ifndef NO_HELD
		:: slot < SLOTS && held[slot] -> invalid(); slot = NONE
#endif
		:: else ->
			assert(slot < SLOTS);
			own(c, slot, GIVEN);
			held[slot] = true
		fi
	}
}

inline own(c, slot, from)
{
#ifdef WITH_HOSTILE
	assert(owner[slot] >= CONNS && owner[slot] != SPARE || from == SPARE);
#else
	assert(owner[slot] == from);
#endif
	owner[slot] = c
}

inline take_spare(c, slot)
{
	atomic {
		if
		:: spare[0] -> spare[0] = false; slot = 0; own(c, 0, SPARE)
		:: !spare[0] && spare[1] ->
			spare[1] = false; slot = 1; own(c, 1, SPARE)
		:: else -> slot = NONE
		fi
	}
}

#ifndef WITH_HOSTILE
/* The next entry of the ring: slot, or NONE. */
inline take_entry(slot)
{
	do
	:: head = free_head;
#ifdef NO_TAIL_ACQUIRE
	   slot = frees[place(head)];
#endif
	   if
	   :: atomic { index(free_tail - head) == 0 -> slot = NONE }; break
	   :: atomic { index(free_tail - head) > FREES -> slot = NONE }; break
	   :: else
	   fi;
#ifndef NO_TAIL_ACQUIRE
	   slot = frees[place(head)];
#endif
	   atomic {
		if
#ifdef NO_CMPXCHG
		:: true ->
#else
		:: free_head == head ->
#endif
			free_head = index(head + 1); break
		:: else
		fi
	   }
	od;
	head = 0
}
#else
/* Whatever is loaded from shared memory may be anything. */
inline take_entry(slot)
{
	select(slot : 0 .. NONE + 1)
}
#endif

inline take_one(c, slot)
{
	take_spare(c, slot);
	if
	:: slot == NONE ->
		take_entry(slot);
		if
#ifdef WITH_HOSTILE
		:: slot == NONE + 1 -> slot = NONE
#else
		:: slot == NONE
#endif
		:: else -> hold(c, slot, GIVEN)
		fi
	:: else
	fi
}

inline untake(slot)
{
	atomic { owner[slot] = SPARE; spare[slot] = true; slot = NONE }
}

/* As many as a message needs, or none. */
inline take(c, a, b)
{
	if
#ifdef WITH_HOSTILE
	:: true
	:: true ->
#else
	:: needs(c) > 1 && free < needs(c)
	:: else ->
#endif
		take_one(c, a);
		if
		:: a != NONE && needs(c) > 1 ->
			take_one(c, b);
			if
			:: b == NONE -> untake(a)
			:: else
			fi
		:: else
		fi
	fi
}

inline write(slot)
{
	if
	:: slot != NONE -> content[slot] = c * EACH + out[c]
	:: else
	fi
}

inline release(slot)
{
	if
	:: slot != NONE -> held[slot] = false; owner[slot] = COMING
	:: else
	fi
}

/* The slots are the kernel's until just before the event. */
inline publish(c, a, b)
{
#ifndef BUT_HELD_LATE
	atomic { release(a); release(b) };
#endif
	atomic {
#ifndef WITH_HOSTILE
		event!c,a,b;
#endif
		wanted[c]--;
		out[c]++
	}
#ifdef BUT_HELD_LATE
	atomic { release(a); release(b) };
#endif
	a = NONE;
	b = NONE
}

/* What a connection has goes out while there are slots. Holds its lock. */
inline deliver(c, a, b, done)
{
	do
	:: wanted[c] == 0 -> done = true; break
	:: else ->
		take(c, a, b);
		if
		:: a == NONE -> done = false; break
		:: else -> atomic { write(a); write(b) }; publish(c, a, b)
		fi
	od
}

/* The list first, then the flag, then another look. */
inline wait_for_slots(c, again)
{
#ifndef BUT_LIST_LAST
	listed[c] = true;
#endif
#ifndef BUT_WAITS_LAST
	fence() -> waits = true;
#endif
	store(NEED, true);
#ifndef NO_NEED_BARRIER
	fence();
#endif
#ifdef BUT_WAITS_LAST
	waits = true;
#endif
#ifdef NO_SECOND_LOOK
	again = false;
#else
	again = free >= needs(c);
#endif
#ifdef BUT_LIST_LAST
	listed[c] = !again
#endif
}

proctype connection(byte c)
{
	byte me = c, i, head, a = NONE, b = NONE;
	bool done, again;

	for (i : 1 .. has(c)) {
		atomic { lock(c); wanted[c]++; again = !listed[c] }
		do
		:: !again -> break
		:: again ->
			listed[c] = false;
			deliver(c, a, b, done);
			again = false;
#ifndef WITH_HOSTILE
			if
			:: done
			:: else -> wait_for_slots(c, again)
			fi
#endif
		od;
		unlock(c)
	}
}

#ifndef WITH_HOSTILE
/* SIOCFPRING: the flag first, then what is on the list. */
inline kick()
{
	do
#ifdef BUT_WAITS_FIRST
	:: atomic { look = waits; waits = false };
	   store(NEED, false);
	   fence();
#else
	:: store(NEED, false);
#ifndef NO_CLEAR_BARRIER
	   fence();
#endif
	   atomic { look = waits; waits = false };
#endif
	   if
	   :: look
	   :: else -> break
	   fi;
	   look = false;
	   for (c : 0 .. CONNS - 1) {
		if
		:: listed[c] ->
			lock(c);
			listed[c] = false;
			deliver(c, a, b, done);
			if
			:: done
			:: else -> wait_for_slots(c, done);
			   look = look || done
			fi;
			unlock(c)
		:: else
		fi
	   }
	   c = 0;
	   done = false;
	   if
	   :: look
	   :: else -> break
	   fi
	od
}

/* A message is in the slots that its event names. */
inline check(slot)
{
	if
	:: slot != NONE ->
		assert(content[slot] == c * EACH + seen[c]);
		content[slot] = 255;
		owner[slot] = APP
	:: else
	fi
}

proctype application()
{
	byte me = USER, mine = FIRST, count, c, i, head, a = NONE, b = NONE;
	byte seen[CONNS];
	bool done, look;

	do
	:: count == has(0) + has(1) -> break
	:: atomic { event?c,a,b ->
		check(a); check(b);
		seen[c]++; count++;
		c = 0; a = NONE; b = NONE }
	:: atomic {
		owner[0] == APP || owner[1] == APP -> i = owner[0] != APP }
#ifdef NO_TAIL_RELEASE
		store(TAIL, index(mine + 1));
		owner[i] = GIVEN;
		frees[place(mine)] = i;
#else
		owner[i] = GIVEN;
		frees[place(mine)] = i;
		store(TAIL, index(mine + 1));
#endif
		atomic { mine = index(mine + 1); i = 0 };
#ifndef NO_TAIL_FENCE
		fence();
#endif
		if
#ifdef WITH_RECV
		:: waits -> kick()
#else
		:: need_room -> kick()
#endif
		:: else
		fi
	od
}
#endif

init {
	byte i;

	atomic {
		for (i : 0 .. SLOTS - 1) {
			owner[i] = APP;
			content[i] = 255
		}
		for (i : 0 .. CONNS - 1) {
			run memory(i); run connection(i)
		}
#ifndef WITH_HOSTILE
		run memory(USER);
		run application()
#endif
	}
}
