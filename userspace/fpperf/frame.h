/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program has to do itself if its transport knows bytes only: frames.
 * Each is its length (4 bytes, without themselves), a header of 24 bytes with a
 * checksum, and the payload. It is what FastProto does in the kernel.
 */
#ifndef _FPPERF_FRAME_H
#define _FPPERF_FRAME_H

#include <stddef.h>
#include <linux/fastproto.h>
#include <linux/types.h>
#include <sys/types.h>

/* In front of the payload */
#define FRAME_LENGTH_LEN	4
#define FRAME_HEADROOM		(FRAME_LENGTH_LEN + FP_HDR_LEN)

/**
 * struct frame_reader - bytes that came, and how far they have been read
 * @buf: room for @size bytes
 * @size: at least a whole frame
 * @begin: what is before it has been read
 * @end: what is behind it has not come yet
 */
struct frame_reader {
	unsigned char *buf;
	size_t size;
	size_t begin;
	size_t end;
};

void frame_init(void);

/* Fills in the FRAME_HEADROOM bytes in front of the payload. */
void frame_put_header(unsigned char *payload, size_t len, __u64 seq);

/*
 * The payload of the next frame that is there as a whole, and its length; 0 if
 * more has to come; -1 (errno is EPROTO) if it is none.
 */
ssize_t frame_next(struct frame_reader *reader, unsigned char **payload);

/* Where to put what comes next, and how much of it. */
void *frame_room(struct frame_reader *reader, size_t *len);

#endif /* _FPPERF_FRAME_H */
