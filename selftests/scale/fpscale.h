/* SPDX-License-Identifier: GPL-2.0 */
/* What fpscale's files share. fpscale.c tells what it does. */
#ifndef FPSCALE_H
#define FPSCALE_H

#include <stdbool.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* fpscale.c: one connection, as its two ends know it; all processes share it. */
struct connection {
	unsigned long long id;		/* the client's, if they have no files */
	union {
		int client;		/* files */
		unsigned int answers;	/* if they have none */
	};
	int server;
};

extern struct connection *connections;
extern unsigned int *chosen;	/* whom the next messages are for */
extern unsigned int count;		/* of connections */
extern unsigned int per_address;	/* so many to an address; 0: to the same one */
extern unsigned int keep_idle;	/* seconds until clients ask; 0: they don't */
extern unsigned int rcvbuf;	/* of the server's socket, bytes; 0: the usual */

/*
 * transport.c: what client and server do. All of it blocks, and nobody need be
 * asked who has something to say: who it is was agreed on before.
 */
struct transport {
	const char *name;
	int family;
	int type;		/* of the server's socket */
	int client_type;
	bool own_address;	/* each client has one */
	unsigned int per_address;	/* unless asked otherwise */
	/* of the client */
	void (*open)(unsigned int i);
	void (*meet)(unsigned int i);	/* open and request, in one call if it can be */
	void (*request)(unsigned int i);
	void (*answer)(unsigned int i);
	void (*close)(unsigned int i);
	void (*abort)(void);	/* all, when the process ends */
	/* of the server; the first message tells which connection it is */
	void (*welcome)(void);
	void (*serve)(unsigned int i);
	void (*depart)(void);	/* the one that came last */
	unsigned int (*hear)(void);	/* whose message came next; NULL: no such */
};

extern const struct transport *transport;

const struct transport *transport_named(const char *name);
void transport_serve(void);
void transport_call(void);

/* player.c: a process that is the client or the server, and does as it is told. */
enum act {
	ACT_OPEN,		/* so many, with a message each way */
	ACT_MESSAGE,		/* a message each way, on those chosen */
	ACT_CHURN,		/* open, message, answer, close, one by one */
	ACT_SAY,		/* the client: so many, with a message */
	ACT_PART,		/* the client: close so many, one by one */
	ACT_HEAR,		/* the server: so many messages */
	ACT_ABORT,		/* end, without a good bye to anybody */
	ACT_CLOSE,		/* end in good order */
};

struct player {
	pid_t pid;
	int wire;		/* orders go there, and come back when done */
};

void player_enter(const char *host);
struct player player_server(const char *host);
struct player player_client(const char *host);
void player_one(const struct player *player, enum act what, unsigned int nr);
void player_both(const struct player *server, const struct player *client,
		 enum act what, unsigned int nr);
void player_end(const struct player *player, enum act what);

/* measure.c: instructions, and memory in bytes. */
struct moment {
	unsigned long long now;		/* nanoseconds */
	unsigned long long idle;		/* of them, there was nothing to do */
};

struct moment instructions_begin(void);
double instructions_since(const struct moment *since);
double instructions_idle(void);

#define CACHES_MAX	512

/*
 * What the kernel holds. Objects of slab caches are counted one by one, each
 * with its part of the slab: a slab that is in use in part only is not given
 * back. All other pages are those that are neither free nor slabs.
 */
enum {
	MEMORY_SLABS = CACHES_MAX,	/* the sum of those before */
	MEMORY_PAGES,
	MEMORY_AVAILABLE,	/* as /proc/meminfo has it */
	MEMORY_NR,
};

struct memory {
	double bytes[MEMORY_NR];
};

extern int nr_caches;

const char *cache_name(int nr);
void memory_settle(struct memory *memory);

/* list.c: what fpctl says. */
struct list {
	unsigned long listed;	/* connections */
	unsigned long counted;
	long listing;		/* KiB that fpctl had at most */
	long counting;
};

void list_connections(const char *host, struct list *list);
unsigned long list_count(const char *host);

/* echo.c: fpecho, which needs no orders. */
pid_t echo_begin(const char *host);
void echo_end(pid_t pid);
long echo_memory(pid_t pid);

/* counter.c: what `fpctl stats` calls it */
double counter(const char *host, const char *name);

#endif /* FPSCALE_H */
