/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libfastproto: messages in memory shared with the kernel, a loop that hands
 * them out, and the parser of FastProto's frames. See libfastproto(3).
 *
 * A function that can fail returns a negative errno value, and never sets errno.
 * Nothing is global: what one thread does with a ring or a loop of its own
 * concerns no other thread. A ring, and a loop, belong to one thread at a time;
 * what others may call as well is said.
 */
#ifndef _FASTPROTO_H
#define _FASTPROTO_H

#include <linux/fastproto.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * fp_address - make an address of text
 * @addr: filled in
 * @host: an IPv4 or IPv6 address in digits, the latter perhaps with %interface;
 *	NULL: any address of this host, by IPv6 and IPv4
 * @port: UDP port, host byte order; 0: any
 *
 * Return: 0, or -EINVAL.
 */
int fp_address(struct sockaddr_fp *addr, const char *host, __u16 port);

/*
 * The parser.
 */

/**
 * enum fp_invalid - what is wrong with the bytes before us
 * @FP_INVALID_NONE: nothing
 * @FP_INVALID_MAGIC: not a FastProto frame
 * @FP_INVALID_VERSION: a version that the parser does not know
 * @FP_INVALID_FLAGS: an unknown flag, or some that do not go together
 * @FP_INVALID_SIZE: a size that no such frame has
 * @FP_INVALID_CHECKSUM: the header's CRC-32 does not match
 */
enum fp_invalid {
	FP_INVALID_NONE = 0,
	FP_INVALID_MAGIC = 1,
	FP_INVALID_VERSION = 2,
	FP_INVALID_FLAGS = 3,
	FP_INVALID_SIZE = 4,
	FP_INVALID_CHECKSUM = 5,
};

/**
 * struct fp_packet - a frame in a buffer
 * @seq: sequence number
 * @conn: with FP_F_CONN: the receiver's connection ID, or else 0
 * @payload: lies in the caller's buffer, and lives as long as that; with
 *	FP_F_NEEDS_COPY in @flags its sender asks that it be copied at once
 * @payload_len: bytes
 * @size: of the whole frame, bytes
 * @conn_slot: with FP_F_CONN: the sender's slot, or else 0
 * @version: protocol version
 * @flags: FP_F_*
 * @header_len: of the header and its sections, bytes
 * @invalid: enum fp_invalid
 */
struct fp_packet {
	__u64	seq;
	__u64	conn;
	const void	*payload;
	__u32	payload_len;
	__u32	size;
	__u32	conn_slot;
	__u16	version;
	__u16	flags;
	__u16	header_len;
	__u16	invalid;
};

/**
 * fp_parse - read the frame that a buffer begins with
 * @buf: any alignment; nothing is written to it
 * @len: bytes that are there
 * @packet: filled in if there is a whole, valid frame; @packet->invalid always
 *
 * It is the module's own parser. All of the header is checked before any of it
 * is believed, field by field, so that what is invalid is never taken for
 * incomplete, nor waited for. The checksum of a payload (FP_F_CSUM) is not
 * checked. Several frames in one buffer, with what is left over in the end::
 *
 *	while ((n = fp_parse(buf, len, &packet)) > 0) {
 *		handle(&packet);
 *		buf += n;
 *		len -= n;
 *	}
 *
 * May be called by any thread.
 *
 * Return: how many bytes the frame has, 0 if it is incomplete (valid so far),
 * -EBADMSG if it is invalid, -EINVAL.
 */
ssize_t fp_parse(const void *buf, size_t len, struct fp_packet *packet);

/*
 * The ring: one socket with its pool of slots and its rings, mapped.
 *
 * A message, received or to be sent, lies in a chain of slots. It is named by a
 * struct fp_ring_event: its members slot, nr and len. Either the kernel has the
 * slots, or the application; and then they are
 *
 *  - on loan: of the event that fp_ring_next() gave last, until the next call: what
 *    was received, and what was to be sent and could not be,
 *  - its own: after fp_ring_keep() and fp_ring_alloc(), until fp_ring_release(),
 *    fp_ring_queue().
 *
 * What is asked of a message whose slots the application does not have is
 * refused with -EINVAL.
 */
struct fp_ring;

/**
 * struct fp_ring_config - what a ring is to be like
 * @slot_size: bytes, a multiple of 64; 0: 2048
 * @slots: how many, at least 2; 0: 1024
 * @receive_slots: so many of them are for receiving only, the rest for sending
 *	only; at least 1, less than @slots; 0: half of them. All together they have
 *	to hold the largest message that the socket takes.
 * @events: entries of the event ring, a power of two; 0: twice @slots
 * @flags: FP_RING_IN_ORDER: what was refused with EAGAIN is not overtaken, see
 *	fp_ring_queue(); or 0
 * @reserved: must be zero
 *
 * The memory is locked (RLIMIT_MEMLOCK).
 */
struct fp_ring_config {
	__u32	slot_size;
	__u32	slots;
	__u32	receive_slots;
	__u32	events;
	__u32	flags;
	__u32	reserved[3];
};

/**
 * fp_ring_open - a new socket with a ring
 * @ring: filled in
 * @type: SOCK_RDM, SOCK_SEQPACKET or SOCK_DGRAM
 * @local: address to bind to, or NULL
 * @config: or NULL
 *
 * FP_MSG_MAX becomes less if the slots for receiving hold less. The socket has no
 * O_NONBLOCK, and an SO_RCVTIMEO of many days, see fp_ring_wait().
 *
 * Return: 0, or what socket(2), bind(2) and setting FP_RING say.
 */
int fp_ring_open(struct fp_ring **ring, int type,
		 const struct sockaddr_fp *local,
		 const struct fp_ring_config *config);

/**
 * fp_ring_attach - give a socket a ring
 * @ring: filled in
 * @fd: the socket; belongs to the ring from now on, unless this fails
 * @config: or NULL
 *
 * For what was accepted or peeled off, and where options have to be set first. If
 * it is connected already, the slots for receiving must hold what the peer was
 * told (FP_MSG_MAX of the listener).
 *
 * Return: 0, -ENOMEM, or what setting FP_RING says.
 */
int fp_ring_attach(struct fp_ring **ring, int fd,
		   const struct fp_ring_config *config);

/**
 * fp_ring_close - close the socket, and free the ring
 * @ring: or NULL; taken out of its loop, if it is in one
 */
void fp_ring_close(struct fp_ring *ring);

/**
 * fp_ring_fd - the socket
 * @ring: a ring
 *
 * For poll(2), options and addresses. It is readable while there are events, once
 * fp_ring_flush() has said which were read.
 *
 * Return: the file descriptor, which stays the ring's, or -EINVAL.
 */
int fp_ring_fd(const struct fp_ring *ring);

/**
 * fp_ring_listen - take connections: SOCK_RDM
 * @ring: that is bound
 *
 * Return: 0, or what listen(2) says.
 */
int fp_ring_listen(struct fp_ring *ring);

/**
 * fp_ring_connect - begin a connection
 * @ring: SOCK_DGRAM and SOCK_SEQPACKET: once
 * @to: the peer
 * @conn: its ID, or 0 if the socket has but one; may be NULL
 *
 * It never waits. The answer comes as an event: FP_RING_OPENED or FP_RING_CLOSED
 * (not with SOCK_DGRAM). SOCK_RDM: messages may be sent at once.
 *
 * Return: 0, or what connect(2) or FP_OPEN say.
 */
int fp_ring_connect(struct fp_ring *ring, const struct sockaddr_fp *to,
		    __u64 *conn);

/**
 * fp_ring_disconnect - close a connection
 * @ring: a ring
 * @conn: SOCK_RDM: its ID; else 0: nothing is sent any more, and the end is there
 *	when the peer, too, has ended (FP_RING_CLOSED)
 *
 * What was queued before is sent first.
 *
 * Return: 0, or what FP_CLOSE or shutdown(2) say.
 */
int fp_ring_disconnect(struct fp_ring *ring, __u64 conn);

/**
 * fp_ring_next - the next event
 * @ring: a ring
 *
 * What the event before it lent is given back by this. The kernel is told about
 * that, and about what is queued, by fp_ring_flush() only.
 *
 * Return: the event, for the time until the next call; NULL: there is none.
 */
const struct fp_ring_event *fp_ring_next(struct fp_ring *ring);

/**
 * fp_ring_flush - the kernel is told what was done
 * @ring: a ring
 *
 * Which events were read, which slots are free, what is to be sent: to be called
 * once for many of them, and before waiting. If nothing else waits for it, it is
 * but three stores; and else one system call.
 *
 * Return: 0, or what SIOCFPRING says, but for -EAGAIN: then there are events to
 * be read first.
 */
int fp_ring_flush(struct fp_ring *ring);

/**
 * fp_ring_wait - flush, and wait for an event
 * @ring: a ring
 * @timeout: nanoseconds; negative: for ever
 * @spin: nanoseconds of @timeout in which it looks again and again, before it
 *	sleeps
 *
 * Without @timeout and @spin that is one system call, recv(2), if the socket has
 * neither O_NONBLOCK nor had an SO_RCVTIMEO when it got its ring, and is not
 * SOCK_DGRAM.
 *
 * Return: 1 if there is an event, 0 if there was none in all that time, -EPIPE if
 * there will be none any more, -EINTR, -EINVAL, or what fp_ring_flush() says.
 */
int fp_ring_wait(struct fp_ring *ring, __s64 timeout, __u64 spin);

/**
 * fp_ring_data - the bytes of a message in one piece
 * @ring: a ring
 * @msg: the message, the application's
 * @buf: room for msg->len bytes, used if it lies in more than one piece; or NULL
 *
 * Return: where they are: in the slots, if these follow each other, or in @buf;
 * NULL: in pieces without a @buf, or the message is not the application's.
 */
const void *fp_ring_data(const struct fp_ring *ring,
			 const struct fp_ring_event *msg, void *buf);

/**
 * fp_ring_iov - the bytes of a message, piece by piece
 * @ring: a ring
 * @msg: the message, the application's
 * @iov: filled in
 * @max: how many there are of them; as many as msg->nr are always enough
 *
 * An empty message has no pieces.
 *
 * Return: how many pieces, -ENOBUFS if they are more than @max, -EINVAL.
 */
int fp_ring_iov(const struct fp_ring *ring, const struct fp_ring_event *msg,
		struct iovec *iov, unsigned int max);

/**
 * fp_ring_name - where a message came from
 * @ring: a ring
 * @msg: of FP_RING_MESSAGE, the application's
 *
 * Return: the address, for as long as the message is the application's; NULL: it
 * is not.
 */
const struct sockaddr_fp *fp_ring_name(const struct fp_ring *ring,
				       const struct fp_ring_event *msg);

/**
 * fp_ring_keep - what is on loan becomes the application's own
 * @ring: a ring
 * @msg: the message: of FP_RING_MESSAGE, or of FP_RING_SENT with an error
 *
 * The event itself is gone with the next one as ever: *@msg is to be copied.
 *
 * Return: 0, -EINVAL.
 */
int fp_ring_keep(struct fp_ring *ring, const struct fp_ring_event *msg);

/**
 * fp_ring_release - give the slots of a message back
 * @ring: a ring
 * @msg: the message, the application's
 *
 * Return: 0, -EINVAL.
 */
int fp_ring_release(struct fp_ring *ring, const struct fp_ring_event *msg);

/**
 * fp_ring_alloc - slots for a message to be sent
 * @ring: a ring
 * @len: bytes
 * @msg: slot, nr and len are filled in, the rest is zero
 *
 * Fill them by way of fp_ring_iov(), or of fp_ring_data() without const.
 *
 * If it has to, it flushes, so that those of messages with FP_RING_QUIET come back.
 *
 * Return: 0, -EAGAIN if there are not so many now (FP_RING_SENT brings some),
 * -EMSGSIZE if there will never be, -EINVAL, or what fp_ring_flush() says.
 */
int fp_ring_alloc(struct fp_ring *ring, size_t len, struct fp_ring_event *msg);

/**
 * fp_ring_queue - send a message
 * @ring: a ring
 * @conn: SOCK_RDM: the connection's ID, or 0 with @to; else it means nothing
 * @to: or NULL; not of SOCK_SEQPACKET: the address to send to
 * @msg: the message, the application's: of fp_ring_alloc(), or one that was
 *	received, which goes on in the slots that it came in; len may be less
 *	than it was
 * @flags: FP_RING_MORE, FP_RING_QUIET; with FP_RING_IN_ORDER also FP_RING_AGAIN
 *
 * It leaves with fp_ring_flush(). What became of it is told by FP_RING_SENT. Its
 * slots are spare then, and the event's nr is 0; unless there was an error: then
 * they are on loan, and the message may be queued again. With EAGAIN that is best
 * done after FP_RING_WRITABLE; one that was told between fp_ring_queue() and
 * FP_RING_SENT counts.
 *
 * With FP_RING_QUIET it is copied, however long it is, and FP_RING_SENT comes only
 * if there was an error; its slots are spare as soon as it has left. That is cheaper
 * for messages of less than 1,024 bytes, which are copied in any case. In a loop it
 * is done with them unasked if there is no fp_handlers.on_sent.
 *
 * Of a ring with FP_RING_IN_ORDER, when one message was refused with EAGAIN, so are
 * all that follow on the same connection, until one with FP_RING_AGAIN: the first of
 * them, queued anew when fp_ring_settled() says so; the others follow it.
 *
 * Return: 0, -EINVAL.
 */
int fp_ring_queue(struct fp_ring *ring, __u64 conn,
		  const struct sockaddr_fp *to,
		  const struct fp_ring_event *msg, __u32 flags);

/**
 * fp_ring_send - copy a message into slots, and queue it
 * @ring: a ring
 * @conn: SOCK_RDM: the connection's ID; else it means nothing
 * @buf: the message
 * @len: bytes
 * @flags: as of fp_ring_queue()
 *
 * Return: what fp_ring_alloc() and fp_ring_queue() say.
 */
int fp_ring_send(struct fp_ring *ring, __u64 conn, const void *buf,
		 size_t len, __u32 flags);

/**
 * fp_ring_sendto - the same, to an address
 * @ring: not SOCK_SEQPACKET
 * @to: the address; SOCK_RDM: a connection to it is opened
 * @buf: the message
 * @len: bytes
 * @flags: as of fp_ring_queue()
 *
 * Return: what fp_ring_alloc() and fp_ring_queue() say.
 */
int fp_ring_sendto(struct fp_ring *ring, const struct sockaddr_fp *to,
		   const void *buf, size_t len, __u32 flags);

/**
 * fp_ring_settled - is it known which messages were refused?
 * @ring: a ring
 *
 * It flushes. If it says yes, the kernel has looked at all that was queued, and each
 * event about that which it refused has been given by fp_ring_next().
 *
 * Return: 1; 0: not yet, there is an event to be read or to wait for, or
 * fp_ring_flush() failed.
 */
int fp_ring_settled(struct fp_ring *ring);

/**
 * fp_ring_spare - how many slots could be sent from now
 * @ring: a ring
 *
 * Return: slots.
 */
__u32 fp_ring_spare(const struct fp_ring *ring);

/**
 * fp_ring_config - what the ring is like
 * @ring: a ring
 * @config: filled in
 *
 * Return: 0, -EINVAL.
 */
int fp_ring_config(const struct fp_ring *ring, struct fp_ring_config *config);

/**
 * fp_ring_stats - what happened to the ring
 * @ring: a ring
 * @stats: filled in
 *
 * Return: 0, or what getting FP_RING_STATS says.
 */
int fp_ring_stats(const struct fp_ring *ring, struct fp_ring_stats *stats);

/*
 * The loop: rings, timers and file descriptors of one thread.
 *
 * All may be added and removed, rings closed and the loop stopped, by any handler
 * at any time. But fp_loop_run(), fp_loop_once() and fp_loop_free() are not for
 * handlers (-EBUSY).
 */
struct fp_loop;

/**
 * struct fp_loop_config - what a loop is to be like
 * @batch: after so many events, at most, timers and other file descriptors have
 *	their turn: 1 to 1024; 0: 256
 * @flags: must be zero
 * @spin: nanoseconds for which it looks again and again, after something has
 *	happened, before it sleeps; 0: not at all
 * @reserved: must be zero
 */
struct fp_loop_config {
	__u32	batch;
	__u32	flags;
	__u64	spin;
	__u64	reserved[2];
};

#define FP_LOOP_BATCH_MAX	1024

/**
 * fp_loop_new - make a loop
 * @loop: filled in
 * @config: or NULL
 *
 * Return: 0, -EINVAL, -ENOMEM, -EMFILE, -ENFILE.
 */
int fp_loop_new(struct fp_loop **loop, const struct fp_loop_config *config);

/**
 * fp_loop_free - free a loop
 * @loop: or NULL
 *
 * Rings, files and timers in it are taken out, not closed. Functions given to
 * fp_loop_call() that were not called yet will not be.
 *
 * Return: 0, -EBUSY.
 */
int fp_loop_free(struct fp_loop *loop);

/**
 * fp_loop_run - handle what comes
 * @loop: a loop
 *
 * While it has but one ring, and neither files nor timers, it flushes and waits in
 * one system call, as fp_ring_wait().
 *
 * Return: 0 after fp_loop_stop(); -EBUSY, -EINVAL, or what epoll_pwait2(2) and
 * fp_ring_flush() say, but never -EINTR.
 */
int fp_loop_run(struct fp_loop *loop);

/**
 * fp_loop_once - handle what is there
 * @loop: a loop
 * @timeout: if there is nothing, nanoseconds to wait; negative: for ever
 *
 * Return: 1 if something was handled, 0 if not: time is up, it was stopped, or a
 * signal came; -EBUSY, -EINVAL, or what epoll_pwait2(2) says.
 */
int fp_loop_once(struct fp_loop *loop, __s64 timeout);

/**
 * fp_loop_stop - end fp_loop_run()
 * @loop: a loop
 *
 * The one that runs, or the next one if none runs. Events and timers that had no
 * turn yet stay for later; files and calls of the present round do have theirs. May
 * be called by any thread, and in a signal's handler.
 */
void fp_loop_stop(struct fp_loop *loop);

/**
 * fp_loop_call - have a function called by the loop's thread
 * @loop: a loop
 * @function: what to call
 * @arg: its argument
 *
 * May be called by any number of threads; takes no lock. What one thread asks for
 * is called in that order.
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int fp_loop_call(struct fp_loop *loop, void (*function)(void *arg), void *arg);

/**
 * fp_loop_now - the time
 * @loop: a loop
 *
 * Return: when the present round of the loop began: CLOCK_MONOTONIC, nanoseconds.
 */
__u64 fp_loop_now(const struct fp_loop *loop);

/**
 * typedef fp_ring_handler - is told of an event
 * @ring: where it happened
 * @event: what; its slots, if any, are on loan until the handler returns
 * @arg: what fp_loop_add_ring() was given
 */
typedef void fp_ring_handler(struct fp_ring *ring,
			     const struct fp_ring_event *event, void *arg);

/**
 * struct fp_handlers - of the events of a ring; each may be NULL
 * @on_message: FP_RING_MESSAGE
 * @on_opened: FP_RING_OPENED
 * @on_writable: FP_RING_WRITABLE
 * @on_closed: FP_RING_CLOSED
 * @on_sent: FP_RING_SENT; without it, short messages are sent as with FP_RING_QUIET
 * @reserved: must be NULL
 *
 * What they send leaves at the end of the batch.
 */
struct fp_handlers {
	fp_ring_handler	*on_message;
	fp_ring_handler	*on_opened;
	fp_ring_handler	*on_writable;
	fp_ring_handler	*on_closed;
	fp_ring_handler	*on_sent;
	void		*reserved[3];
};

/**
 * fp_loop_add_ring - handle the events of a ring
 * @loop: a loop
 * @ring: in no loop yet, or else -EEXIST
 * @handlers: copied
 * @arg: for the handlers
 *
 * From now on the loop calls fp_ring_next(): nobody else does.
 *
 * Return: 0, -EEXIST, -EINVAL, -ENOMEM, -ENOSPC.
 */
int fp_loop_add_ring(struct fp_loop *loop, struct fp_ring *ring,
		     const struct fp_handlers *handlers, void *arg);

/**
 * fp_loop_del_ring - no longer
 * @loop: a loop
 * @ring: in this loop, or else -ENOENT
 *
 * Return: 0, -ENOENT, -EINVAL.
 */
int fp_loop_del_ring(struct fp_loop *loop, struct fp_ring *ring);

/**
 * fp_ring_loop - the loop that a ring is in
 * @ring: a ring
 *
 * Return: the loop; NULL: it is in none.
 */
struct fp_loop *fp_ring_loop(const struct fp_ring *ring);

/**
 * typedef fp_fd_handler - is told that a file is ready
 * @loop: the loop
 * @fd: the file descriptor
 * @events: EPOLLIN and so on
 * @arg: what fp_loop_add_fd() was given
 */
typedef void fp_fd_handler(struct fp_loop *loop, int fd, __u32 events,
			   void *arg);

/**
 * fp_loop_add_fd - watch a file
 * @loop: a loop
 * @fd: any that epoll(7) takes; stays the caller's, and must be open until
 *	fp_loop_del_fd()
 * @events: as for epoll_ctl(2): EPOLLIN, EPOLLOUT, EPOLLET ...
 * @handler: called when one of them is there
 * @arg: for the handler
 *
 * Return: 0, -EINVAL, -ENOMEM, or what epoll_ctl(2) says.
 */
int fp_loop_add_fd(struct fp_loop *loop, int fd, __u32 events,
		   fp_fd_handler *handler, void *arg);

/**
 * fp_loop_mod_fd - watch it for something else
 * @loop: a loop
 * @fd: that is in the loop
 * @events: from now on; EPOLLERR and EPOLLHUP are told in any case
 *
 * Return: 0, -ENOENT, or what epoll_ctl(2) says.
 */
int fp_loop_mod_fd(struct fp_loop *loop, int fd, __u32 events);

/**
 * fp_loop_del_fd - watch it no longer
 * @loop: a loop
 * @fd: that is in the loop
 *
 * Return: 0, -ENOENT, -EINVAL.
 */
int fp_loop_del_fd(struct fp_loop *loop, int fd);

/**
 * struct fp_timer - something to be done at a time
 * @handler: called then; to be filled in before fp_loop_set_timer()
 * @arg: for the caller
 * @reserved: the loop's; zero in the beginning
 *
 * The memory is the caller's: it may be part of something else, and must stay until
 * the timer is over or was removed.
 */
struct fp_timer {
	void		(*handler)(struct fp_loop *loop, struct fp_timer *timer);
	void		*arg;
	__u64	reserved[4];
};

/**
 * fp_loop_set_timer - set a timer, perhaps anew
 * @loop: a loop
 * @timer: with a handler; in no other loop
 * @delay: nanoseconds from now
 * @period: after that, nanoseconds from one time to the next; 0: only once. What
 *	the loop was too busy for is left out.
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int fp_loop_set_timer(struct fp_loop *loop, struct fp_timer *timer,
		      __u64 delay, __u64 period);

/**
 * fp_loop_del_timer - never mind
 * @loop: a loop
 * @timer: set, or else -ENOENT
 *
 * Return: 0, -ENOENT, -EINVAL.
 */
int fp_loop_del_timer(struct fp_loop *loop, struct fp_timer *timer);

#ifdef __cplusplus
}
#endif

#endif /* _FASTPROTO_H */
