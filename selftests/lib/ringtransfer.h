/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transfers over mapped rings, by way of libfastproto: one thread for each end of
 * a connection, which sends one transfer and receives another.
 */
#ifndef _RINGTRANSFER_H
#define _RINGTRANSFER_H

#include <fastproto.h>

#include "fptest.h"

/**
 * struct ring_end - one end of a connection
 * @ring: its ring
 * @out: what it sends
 * @in: what it receives
 * @finish: what was to be sent is: close the connection
 * @again: that message: it was refused for want of room
 * @blocked: there is @again
 * @writable: there has been room since it was queued
 * @closed: the connection has ended, both ways
 * @buf: room for a message
 * @thread: does all that
 */
struct ring_end {
	struct fp_ring *ring;
	struct transfer *out;
	struct transfer *in;
	bool finish;
	struct fp_ring_event again;
	bool blocked;
	bool writable;
	bool closed;
	unsigned char *buf;
	pthread_t thread;
};

int ring_end_start(struct ring_end *end, int fd,
		   const struct fp_ring_config *config);
void ring_end_finish(struct ring_end *end);
bool ring_end_join(struct ring_end *end);

#endif /* _RINGTRANSFER_H */
