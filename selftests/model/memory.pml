/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory, as far as its order matters. A store that another process looks at
 * without a lock goes to a buffer of the one that stores, and from there to
 * memory, in order, at some time. fence() waits until that has happened: it is a
 * full barrier. Loads are from memory, at once; nobody loads what he has stored.
 *
 * That a release may not be seen before what was stored earlier, and an acquire
 * may not come after what is loaded later, is the order of the lines. The
 * mutations of these turn the lines round.
 *
 * A model says which variables there are: STORE(variable, value) does it.
 */
chan buffered[BUFFERS] = [1] of { byte, byte };

#define store(variable, value)	buffered[me]!variable,value
#define fence()			empty(buffered[me])

proctype memory(byte me)
{
	byte variable, value;

end:
	do
	:: atomic { buffered[me]?variable,value; STORE(variable, value) }
	od
}
