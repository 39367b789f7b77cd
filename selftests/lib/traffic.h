/* SPDX-License-Identifier: GPL-2.0 */
/* Heavy traffic that outlives what is done to it. */
#ifndef _TRAFFIC_H
#define _TRAFFIC_H

#include <stdatomic.h>

#include "grammar.h"

/* Seconds after which something of each kind must have come. */
#define TRAFFIC_PATIENCE	120

enum flow_kind {
	FLOW_SEQPACKET,
	FLOW_RDM,
	FLOW_RING,	/* at both ends, of SOCK_RDM */
	FLOWS
};

/**
 * struct flow - a client on host A and a server on host B
 * @listener: of SOCK_SEQPACKET, or -1
 * @client: its socket, or -1
 * @server: the same
 * @conn: the client's connection, if it may have many
 * @calls: the client's ring
 * @serves: the server's
 * @busy: which slots of @calls the kernel has
 * @whole: there is all of the above
 * @moved: how many answers came; others may read it
 * @since: when the last one came, or it was begun: milliseconds
 * @patience: how long it takes for an answer to come, about
 * @until: so long may nothing come on this one
 * @in_vain: nothing came since it was begun
 */
struct flow {
	atomic_int listener;
	atomic_int client;
	atomic_int server;
	__u64 conn;
	struct ring calls;
	struct ring serves;
	__u32 busy;
	bool whole;
	atomic_ulong moved;
	unsigned long since;
	unsigned long patience;
	unsigned long until;
	bool in_vain;
};

struct traffic {
	struct flow flows[FLOWS];
	atomic_bool stop;
};

int flow_take(atomic_int *fd);
struct traffic *traffic_new(void);
void traffic_run(struct traffic *traffic, __u64 seed);
bool traffic_wait(const struct traffic *traffic, unsigned int count);

#endif /* _TRAFFIC_H */
