/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A relay of two plain UDP sockets between client and server: it sees all frames,
 * loses, doubles or delays those that a test names, and forges others from the
 * very address that client and server take for each other's.
 */
#ifndef _RELAY_H
#define _RELAY_H

#include "fptest.h"

enum kind {
	OTHER,
	SYN,
	COOKIE,
	ECHO_,
	ANSWER,
	RESET,
	FIN,		/* the client's, without a handshake's sections */
	LAST,		/* the server's */
	RELAY_KINDS
};

struct relay {
	int front;			/* faces the client */
	int back;			/* faces the server */
	struct sockaddr_fp client;
	struct sockaddr_fp server;
	enum kind lose;			/* the first one of these */
	int lose_pack;			/* the client's pack of that number, from 1 */
	int lose_packs;			/* each of its packs by so many */
	int packs;			/* how many of its packs came */
	enum kind twice;		/* all of these */
	enum kind late;			/* the first one of these, behind the next frame */
	bool ancient;			/* both know no options */
	__u32 msg_max;			/* what cookies are made to tell, or 0 */
	bool deaf;			/* what the server says is lost */
	bool spoil;			/* the first echo has a wrong cookie */
	int struck;			/* how many of them came */
	__u64 client_id;
	__u64 server_id;
	unsigned char echo[2048];	/* the first one */
	ssize_t echo_len;
	unsigned char held[2048];	/* what is late */
	ssize_t held_len;
	int seen[RELAY_KINDS];		/* how many of each came */
};

enum kind relay_kind_of(const unsigned char *buf);
void relay_disguise(void *buf, __u32 bits);
void relay_pump(struct relay *relay);
bool relay_pump_until(struct relay *relay, int fd, short events);
bool relay_pump_until_sent(struct relay *relay, int fd);
bool relay_volley(struct relay *relay, bool disguised);

#endif /* _RELAY_H */
