// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of any kind, right ones and lies, to sockets of all types that are in
 * use, while one sane pair of each type beside them must stay sound.
 *
 * Host B is the one that is lied to. Its sockets listen, call, speak, read or
 * don't, and leave in every way. On host A are the liars (lib/liar.c): clients
 * and servers that complete a handshake and then misbehave, in moods that last
 * for a while. What an honest peer would say is taken, changed by the mood, lied
 * about in some fields, packed with others into a datagram, damaged, and sent,
 * perhaps again and again. A meddler, in the middle between two sockets, changes
 * what they say to each other.
 *
 * On a kernel with fault injection, some of what the module asks for is refused
 * meanwhile, in any context, but not while soundness is looked at.
 *
 * FASTPROTO_SEED=    the same decisions again; it is printed
 * FASTPROTO_FRAMES=  how many frames, of each variant
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/grammar.h"

#define FRAMES		50000
#define CLIENTS		3	/* liars of a kind */
#define LIARS		(6 * CLIENTS + 2)
#define ACTORS		32
#define SLOT		2048
#define SLOTS		16
#define REPLAYS		64
#define MOOD_LASTS	150	/* steps */
#define SANE_EVERY	64	/* steps */
#define AVAILABLE	16384	/* KiB that may be in use afterwards */
#define SLABS		256

static unsigned char in[1 << 16], out[60000], frame[WORDS_ROOM];
static struct words words;

/*
 * The applications on host B
 */

enum role {
	NOBODY,
	DGRAM,
	LISTENER,
	RDM,
	CALLER,
	RDM_CALLER,
	CONNECTION,	/* accepted, or peeled off */
	RING,		/* SOCK_RDM that listens, with slots */
	RING_CALLER,
	DGRAM_RING,
};

struct actor {
	enum role role;
	int fd;
	struct sockaddr_fp at;		/* a server: where it is */
	struct sockaddr_fp calls;	/* a client: whom */
	struct ring ring;		/* of who has one */
	__u64 conn;			/* the last one that something came on */
};

static struct actor actors[ACTORS];

static void set_timid(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static bool has_ring(const struct actor *actor)
{
	return actor->role == RING || actor->role == RING_CALLER ||
	       actor->role == DGRAM_RING;
}

static void close_ring(struct actor *actor)
{
	if (actor->ring.base && actor->ring.base != MAP_FAILED)
		ring_unmap(&actor->ring);
	actor->ring.base = NULL;
}

/* Half of the slots are for the kernel, the other half to send from. */
static bool open_ring(struct actor *actor)
{
	fp_setint(actor->fd, SOL_FASTPROTO, FP_MSG_MAX, SLOTS * SLOT / 2);
	if (!ring_open(actor->fd, SLOT, SLOTS, SLOTS / 2, &actor->ring))
		return true;
	close_ring(actor);
	return false;
}

/* A socket of host B; a server's address stays what it was. */
static bool open_actor(struct actor *actor)
{
	static const int types[] = {
		[DGRAM] = SOCK_DGRAM, [LISTENER] = SOCK_SEQPACKET,
		[RDM] = SOCK_RDM, [CALLER] = SOCK_SEQPACKET,
		[RDM_CALLER] = SOCK_RDM, [RING] = SOCK_RDM,
		[RING_CALLER] = SOCK_RDM, [DGRAM_RING] = SOCK_DGRAM,
	};
	const int on = 1;

	net_enter(HOST_B);
	actor->fd = socket(AF_FASTPROTO, types[actor->role] | SOCK_NONBLOCK |
			   SOCK_CLOEXEC, 0);
	net_enter(HOST_A);
	if (actor->fd < 0)
		return false;
	setsockopt(actor->fd, SOL_FASTPROTO, FP_EVENTS, &on, sizeof(on));
	if (has_ring(actor) && !open_ring(actor))
		return false;
	if (actor->role == CALLER)
		return !fp_connect(actor->fd, &actor->calls) ||
		       errno == EINPROGRESS;
	if (actor->role == RDM_CALLER || actor->role == RING_CALLER)
		return true;
	/* Connections of the one before may still have the port. */
	if (fp_bind(actor->fd, &actor->at))
		return errno == EADDRINUSE;
	if (!fp_port(&actor->at) && fp_name(actor->fd, &actor->at))
		return false;
	return types[actor->role] == SOCK_DGRAM || !listen(actor->fd, 4);
}

static struct actor *vacancy(struct dice *dice)
{
	struct actor *actor;
	int i;

	for (i = 0; i < ACTORS; i++)
		if (actors[i].role == NOBODY)
			return &actors[i];
	do {
		actor = &actors[dice_below(dice, ACTORS)];
	} while (actor->role != CONNECTION);
	close(actor->fd);
	return actor;
}

static void adopt(int fd, struct dice *dice)
{
	struct actor *actor;

	if (fd < 0)
		return;
	set_timid(fd);
	actor = vacancy(dice);
	actor->role = CONNECTION;
	actor->fd = fd;
}

static size_t some_length(struct dice *dice)
{
	if (dice_chance(dice, 10))
		return dice_below(dice, sizeof(out) + 1);
	return dice_below(dice, dice_chance(dice, 50) ? 3000 : 300);
}

static void leave(struct actor *actor, struct dice *dice)
{
	if (has_ring(actor))
		close_ring(actor);
	if (dice_chance(dice, 40))
		fp_abort(actor->fd);
	else
		close(actor->fd);
	if (actor->role == CONNECTION)
		actor->role = NOBODY;
	else
		open_actor(actor);
}

static void set_something(int fd, struct dice *dice)
{
	static const int options[][2] = {
		{ SOL_FASTPROTO, FP_NEEDS_COPY },
		{ SOL_FASTPROTO, FP_PAYLOAD_CSUM },
		{ SOL_FASTPROTO, FP_NODELAY }, { SOL_FASTPROTO, FP_KEEPIDLE },
		{ SOL_FASTPROTO, FP_RECVINFO }, { SOL_SOCKET, SO_KEEPALIVE },
	};
	int which = dice_below(dice, ARRAY_SIZE(options));

	fp_setint(fd, options[which][0], options[which][1],
		  dice_below(dice, 2));
	if (dice_chance(dice, 20))
		fp_setint(fd, SOL_SOCKET, SO_RCVBUF, dice_below(dice, 1 << 20));
}

/* Reads what came, or only some of it; or listens to one alone, who is not there. */
static void use_dgram(struct actor *actor, struct dice *dice)
{
	struct sockaddr_fp nobody;

	switch (dice_below(dice, 16)) {
	case 0:
		nobody = fp_host(actor->at.sfp_transport, HOST_A, 9);
		fp_connect(actor->fd, &nobody);
		break;
	case 1:
	case 2:
		fp_disconnect(actor->fd);
		break;
	case 3:
		set_something(actor->fd, dice);
		break;
	case 4:
		fp_setint(actor->fd, SOL_SOCKET, SO_RCVBUF, 0);
		break;
	case 5:
		send(actor->fd, out, some_length(dice) % 1400, MSG_NOSIGNAL);
		break;
	default:
		while (recv(actor->fd, in, sizeof(in), 0) >= 0 &&
		       dice_chance(dice, 90))
			;
		break;
	}
}

static void use_connection(struct actor *actor, struct dice *dice)
{
	size_t len = some_length(dice);

	switch (dice_below(dice, 16)) {
	case 0:
		shutdown(actor->fd, dice_below(dice, 3));
		break;
	case 1:
		leave(actor, dice);
		break;
	case 2:
		set_something(actor->fd, dice);
		break;
	case 3:
		recv(actor->fd, in, len, MSG_PEEK);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		send(actor->fd, out, len, MSG_NOSIGNAL |
		     (dice_chance(dice, 20) ? MSG_MORE : 0));
		break;
	default:
		while (recv(actor->fd, in, len, 0) > 0 && dice_chance(dice, 70))
			;
		break;
	}
}

static void use_rdm(struct actor *actor, struct dice *dice)
{
	struct got got = rdm_receive(actor->fd, in, sizeof(in), MSG_DONTWAIT);
	__u64 conn = got.name.sfp_conn;

	if (got.len < 0 && actor->role == RDM_CALLER &&
	    dice_chance(dice, 20)) {
		rdm_dial(actor->fd, &actor->calls, &conn);
		rdm_send(actor->fd, conn, out, some_length(dice), MSG_DONTWAIT);
	}
	switch (dice_below(dice, 16)) {
	case 0:
		rdm_close(actor->fd, conn);
		break;
	case 1:
		adopt(rdm_peel(actor->fd, conn), dice);
		break;
	case 2:
		set_something(actor->fd, dice);
		break;
	case 3:
		if (dice_chance(dice, 10))
			leave(actor, dice);
		break;
	default:
		rdm_send(actor->fd, conn, out, some_length(dice), MSG_DONTWAIT);
		break;
	}
}

static unsigned long told;	/* messages in rings */

/* What came, and whose slots are not always given back. */
static void take_event(struct actor *actor, const struct fp_ring_event *event,
		       struct dice *dice)
{
	bool message = event->type == FP_RING_MESSAGE;

	told += message;
	if (event->conn)
		actor->conn = event->conn;
	if ((message || event->type == FP_RING_SENT) && dice_chance(dice, 98))
		ring_give_back(&actor->ring, event);
}

/* Any slots of the upper half, be they under way or not. */
static void send_slots(struct actor *actor, struct dice *dice)
{
	__u32 slot = SLOTS / 2 + dice_below(dice, SLOTS / 2);

	ring_queue(&actor->ring, actor->conn, slot, out,
		   dice_below(dice, (SLOTS - slot) * SLOT + 1), 0);
}

static void use_ring(struct actor *actor, struct dice *dice)
{
	const struct fp_ring_event *event;

	if (!actor->ring.base) {
		leave(actor, dice);
		return;
	}
	while ((event = ring_peek(&actor->ring)) && dice_chance(dice, 90)) {
		take_event(actor, event, dice);
		ring_seen(&actor->ring);
	}
	if (actor->role == RING_CALLER && dice_chance(dice, 20))
		rdm_dial(actor->fd, &actor->calls, &actor->conn);
	switch (dice_below(dice, 16)) {
	case 0:
		rdm_close(actor->fd, actor->conn);
		break;
	case 1:
		adopt(rdm_peel(actor->fd, actor->conn), dice);
		break;
	case 2:
		set_something(actor->fd, dice);
		break;
	case 3:
		if (dice_chance(dice, 20)) {
			leave(actor, dice);
			return;
		}
		break;
	default:
		send_slots(actor, dice);
		break;
	}
	ring_tell(&actor->ring);
}

static void act(struct dice *dice)
{
	struct actor *actor = &actors[dice_below(dice, ACTORS)];

	switch (actor->role) {
	case DGRAM:
		use_dgram(actor, dice);
		break;
	case LISTENER:
		if (dice_chance(dice, 2))
			leave(actor, dice);
		else
			adopt(accept(actor->fd, NULL, NULL), dice);
		break;
	case RDM:
	case RDM_CALLER:
		use_rdm(actor, dice);
		break;
	case RING:
	case RING_CALLER:
	case DGRAM_RING:
		use_ring(actor, dice);
		break;
	case CALLER:
	case CONNECTION:
		use_connection(actor, dice);
		break;
	default:
		break;
	}
}

/*
 * Moods: how an honest frame becomes that of a legal peer who misbehaves
 */

static struct liar liars[LIARS];

static void be_honest(struct liar *liar, struct dice *dice)
{
	words.flags |= FP_F_BEGIN | FP_F_END;
	words.len = some_length(dice) % 1400;
	liar->next++;
}

/* Messages of many fragments, of which some never end. */
static void send_fragments(struct liar *liar, struct dice *dice)
{
	words.flags |= dice_roll(dice) & (FP_F_BEGIN | FP_F_END);
	words.len = 1 + dice_below(dice, 1400);
	liar->next++;
}

static void acknowledge_nothing(struct liar *liar, struct dice *dice)
{
	be_honest(liar, dice);
	words.ack = 0;
	words.window = 1 << 24;
}

static void acknowledge_the_unsent(struct liar *liar, struct dice *dice)
{
	words.ack = dice_edge(dice, liar->received);
}

static void split_acks(struct liar *liar, struct dice *dice)
{
	__u32 at = 1;

	words.ack = dice_below(dice, liar->received + 1);
	words.nr = dice_below(dice, 8);
	for (int i = 0; i < words.nr; i++) {
		words.ranges[i].offset = at + dice_below(dice, 2);
		words.ranges[i].length = 1;
		at = words.ranges[i].offset + 1;
	}
}

static void shrink_window(struct liar *liar, struct dice *dice)
{
	words.window = dice_chance(dice, 50) ? 0 : dice_below(dice, 3000);
	words.syn_window = words.window;
	liar->window = words.window;
}

static void overlap(struct liar *liar, struct dice *dice)
{
	send_fragments(liar, dice);
	words.seq -= dice_below(dice, 8);
	liar->next--;
}

static void leave_gaps(struct liar *liar, struct dice *dice)
{
	be_honest(liar, dice);
	liar->next--;
	words.seq = liar->next + dice_below(dice, 300);
	if (dice_chance(dice, 3))
		words.seq += 1 << 16;
}

static void ask_and_ask(struct liar *liar, struct dice *dice)
{
	(void)liar;
	(void)dice;
	words.flags |= FP_F_PROBE;
}

static void reset(struct liar *liar, struct dice *dice)
{
	liar_words(liar, WORDS_RESET, &words);
	words.seq = dice_below(dice, 6);
	if (dice_chance(dice, 70))
		words_lie(&words, dice);
}

static void finish(struct liar *liar, struct dice *dice)
{
	words.flags |= FP_F_FIN | (dice_chance(dice, 50) ? FP_F_DONE : 0);
	words.seq += dice_below(dice, 3);
	liar->next += dice_below(dice, 2);
}

static void show_cookies(struct liar *liar, struct dice *dice)
{
	liar_words(liar, WORDS_ECHO, &words);
	if (dice_chance(dice, 50))
		words.tag = dice_roll(dice);
	if (dice_chance(dice, 50))
		be_honest(liar, dice);
}

static void ask_anew(struct liar *liar, struct dice *dice)
{
	liar_words(liar, WORDS_SYN, &words);
	words.slot = dice_roll(dice);
	words.tag = dice_roll(dice);
}

/* As a server does with its first answer, but at any time, and to anybody. */
static void give_cookies(struct liar *liar, struct dice *dice)
{
	be_honest(liar, dice);
	words.flags |= FP_F_SYN | FP_F_COOKIE;
	words.id = liar->id;
	words.time = words.ts;
	words.mac = dice_roll(dice);
}

static void crumble(struct liar *liar, struct dice *dice)
{
	words.flags |= FP_F_BEGIN | FP_F_END;
	words.len = dice_below(dice, 2);
	liar->next++;
}

static void confuse_kinds(struct liar *liar, struct dice *dice)
{
	liar_words(liar, dice_below(dice, WORDS_KINDS), &words);
	if (dice_chance(dice, 50))
		words.flags |= dice_roll(dice) & FP_F_KNOWN &
			       ~(FP_F_CONN | FP_F_ACK | FP_F_SYN | FP_F_COOKIE |
				 FP_F_RST);
	words.len += dice_below(dice, 100);
}

static const struct mood {
	void (*speak)(struct liar *liar, struct dice *dice);
	const char *name;
} moods[] = {
	{ be_honest, "honest" },
	{ send_fragments, "sends fragments" },
	{ acknowledge_nothing, "acknowledges nothing" },
	{ acknowledge_the_unsent, "acknowledges the unsent" },
	{ split_acks, "splits acknowledgments" },
	{ shrink_window, "shrinks its window" },
	{ overlap, "overlaps" },
	{ leave_gaps, "leaves gaps" },
	{ ask_and_ask, "floods probes" },
	{ reset, "resets" },
	{ finish, "finishes" },
	{ show_cookies, "floods cookies" },
	{ ask_anew, "floods SYNs" },
	{ give_cookies, "gives cookies" },
	{ crumble, "sends crumbs" },
	{ confuse_kinds, "confuses kinds" },
};

/* What is to be said next by who means it. */
static enum words_kind natural_kind(const struct liar *liar)
{
	if (liar >= &liars[LIARS - 2])
		return WORDS_DATAGRAM;
	if (liar->serves)
		return liar->end < 3 ? WORDS_ANSWER : WORDS_FRAME;
	if (liar->known)
		return WORDS_FRAME;
	return liar->cookie ? WORDS_ECHO : WORDS_SYN;
}

static void compose(struct liar *liar, const struct mood *mood,
		    struct dice *dice)
{
	enum words_kind kind = natural_kind(liar);

	liar_words(liar, kind, &words);
	words.payload = out + dice_below(dice, 1000);
	if (kind == WORDS_FRAME || kind == WORDS_ANSWER || kind == WORDS_ECHO) {
		/* What was dropped comes again, or all would be too early. */
		if (dice_chance(dice, 30))
			words.seq = liar->una;
		mood->speak(liar, dice);
	} else if (kind == WORDS_DATAGRAM) {
		words.len = some_length(dice) % 1400;
	}
	while (dice_chance(dice, 25))
		words_lie(&words, dice);
}

struct replay {
	struct liar *liar;
	size_t len;
	unsigned char bytes[2048];
};

static struct replay replays[REPLAYS];
static unsigned long sent, datagrams;

static void keep_replay(struct liar *liar, size_t len, struct dice *dice)
{
	struct replay *replay = &replays[dice_below(dice, REPLAYS)];

	if (len > sizeof(replay->bytes))
		return;
	replay->liar = liar;
	replay->len = len;
	memcpy(replay->bytes, frame, len);
}

static void send_replay(struct dice *dice)
{
	struct replay *replay = &replays[dice_below(dice, REPLAYS)];

	if (!replay->liar)
		return;
	liar_send(replay->liar, replay->bytes, replay->len);
	sent++;
	datagrams++;
}

/* One datagram of a liar. */
static void speak(struct liar *liar, const struct mood *mood, struct dice *dice)
{
	size_t len = 0;

	do {
		compose(liar, mood, dice);
		if (words_size(&words) > WORDS_MAX - 64 - len)
			break;
		len += words_write(frame + len, &words);
		sent++;
	} while (dice_chance(dice, 40) && len < 4000);
	if (!len)
		return;
	if (dice_chance(dice, 12))
		len = words_damage(frame, len, dice);
	if (dice_chance(dice, 5))
		liar_mark(liar, dice_below(dice, 4));
	liar_send(liar, frame, len);
	datagrams++;
	keep_replay(liar, len, dice);
	liar_listen(liar);
	if (!liar->serves && (liar->over || dice_chance(dice, 1)))
		liar_begin(liar, dice_roll(dice));
}

/*
 * The meddler stands between a caller and the listener, both of host B.
 */

static struct meddler {
	int front;
	int back;
	struct sockaddr_fp caller;
	struct sockaddr_fp server;
} meddler;

static size_t change(size_t len, struct dice *dice)
{
	static struct words w;

	if (dice_chance(dice, 60))
		return len;
	if (dice_chance(dice, 30))
		return words_damage(frame, len, dice);
	/* A valid frame, in the place of the first one. */
	if (!words_read(frame, len, &w))
		return len;
	memcpy(in, w.payload, w.len);
	w.payload = in;
	do {
		words_lie(&w, dice);
	} while (dice_chance(dice, 30));
	return words_size(&w) < WORDS_MAX ? words_write(frame, &w) : len;
}

static void meddle_from(int from, int to, struct sockaddr_fp *hears,
			const struct sockaddr_fp *addr, struct dice *dice)
{
	socklen_t room = sizeof(hears->sfp_room);
	struct sockaddr_fp src = {};
	ssize_t got;
	size_t len;

	for (;;) {
		got = recvfrom(from, frame, WORDS_MAX, MSG_DONTWAIT,
			       (struct sockaddr *)&src.sfp_sin, &room);
		if (got <= 0)
			return;
		if (hears)
			*hears = src;
		if (dice_chance(dice, 3))
			continue;
		len = change(got, dice);
		do {
			udp_sendto(to, frame, len, addr);
			sent++;
			datagrams++;
		} while (dice_chance(dice, 5));
	}
}

static void meddle(struct dice *dice)
{
	meddle_from(meddler.front, meddler.back, &meddler.caller,
		    &meddler.server, dice);
	if (fp_port(&meddler.caller))
		meddle_from(meddler.back, meddler.front, NULL, &meddler.caller,
			    dice);
}

/*
 * Those who stay sound
 */

struct sane {
	int a, b;			/* datagrams */
	int client, server;		/* a connection */
	int many_a, many_b;		/* one of many */
	__u64 conn;
	struct sockaddr_fp b_addr;
	unsigned int rounds;
	unsigned int patience;		/* of who has no memory, for an error */
};

static bool set_up_sane(struct sane *sane, int family)
{
	struct sockaddr_fp addr;

	memset(sane, 0, sizeof(*sane));
	sane->a = fp_open(HOST_A);
	sane->b = fp_open_host(HOST_B, family, &sane->b_addr);
	sane->many_b = rdm_listen(HOST_B, family, &addr);
	sane->many_a = rdm_open(HOST_A);
	return sane->a >= 0 && sane->b >= 0 && sane->many_a >= 0 &&
	       sane->many_b >= 0 &&
	       !fp_pair(family, &sane->client, &sane->server) &&
	       !rdm_dial(sane->many_a, &addr, &sane->conn);
}

static bool arrived(ssize_t got, size_t len, __u32 seed)
{
	return got == (ssize_t)len && filled(in, len, seed);
}

/* Returns what did not work. */
static const char *stay_sane(struct sane *sane, struct dice *dice)
{
	__u32 seed = dice_roll(dice);
	size_t len = 1 + dice_below(dice, 3000);
	struct got got;

	fill(out, len, seed);
	sane->rounds++;
	if (fp_sendto(sane->a, out, len % 1400, &sane->b_addr) < 0 ||
	    !arrived(recv(sane->b, in, sizeof(in), 0), len % 1400, seed))
		return "datagram";
	if (send(sane->client, out, len, 0) < 0 ||
	    !arrived(recv(sane->server, in, sizeof(in), 0), len, seed))
		return "message";
	if (send(sane->server, out, len, 0) < 0 ||
	    !arrived(recv(sane->client, in, sizeof(in), 0), len, seed))
		return "answer";
	if (rdm_send(sane->many_a, sane->conn, out, len, 0) < 0)
		return "message of many: send";
	got = rdm_receive(sane->many_b, in, sizeof(in), 0);
	if (!arrived(got.len, len, seed))
		return "message of many";
	if (rdm_send(sane->many_b, got.name.sfp_conn, out, len, 0) < 0 ||
	    !arrived(rdm_receive(sane->many_a, in, sizeof(in), 0).len, len,
		     seed))
		return "answer of many";
	return NULL;
}

static void end_sane(struct sane *sane)
{
	close(sane->a);
	close(sane->b);
	close(sane->client);
	close(sane->server);
	close(sane->many_a);
	close(sane->many_b);
}

/*
 * The play
 */

/* A frame that finds one of these at least once each must have been made. */
static const struct {
	int attr;
	const char *name;
} reached[] = {
	{ FASTPROTO_A_STATS_IN_FRAMES, "frames taken" },
	{ FASTPROTO_A_STATS_IN_VIEWS, "kept as a view" },
	{ FASTPROTO_A_STATS_IN_COPIES, "copied" },
	{ FASTPROTO_A_STATS_ACCEPTED, "accepted" },
	{ FASTPROTO_A_STATS_CONNECTED, "connected" },
	{ FASTPROTO_A_STATS_IN_RESETS, "resets taken" },
	{ FASTPROTO_A_STATS_OUT_RESETS_NO_CONNECTION, "no connection" },
	{ FASTPROTO_A_STATS_OUT_RESETS_ABORTED, "aborted" },
	{ FASTPROTO_A_STATS_RETRANS_RTO, "sent again" },
	{ FASTPROTO_A_STATS_COOKIES_SENT, "cookies" },
	{ FASTPROTO_A_STATS_DROP_INCOMPLETE, "incomplete" },
	{ FASTPROTO_A_STATS_DROP_MAGIC, "magic" },
	{ FASTPROTO_A_STATS_DROP_VERSION, "version" },
	{ FASTPROTO_A_STATS_DROP_FLAGS, "flags" },
	{ FASTPROTO_A_STATS_DROP_SIZE, "size" },
	{ FASTPROTO_A_STATS_DROP_CHECKSUM, "checksum" },
	{ FASTPROTO_A_STATS_DROP_NO_SOCKET, "no socket" },
	{ FASTPROTO_A_STATS_DROP_DUPLICATE, "duplicate" },
	{ FASTPROTO_A_STATS_DROP_ID, "ID" },
	{ FASTPROTO_A_STATS_DROP_TAG, "tag" },
	{ FASTPROTO_A_STATS_DROP_ACK, "acknowledgment" },
	{ FASTPROTO_A_STATS_DROP_PROTOCOL, "protocol" },
	{ FASTPROTO_A_STATS_DROP_COOKIE, "cookie" },
	{ FASTPROTO_A_STATS_DROP_PAYLOAD, "payload" },
	{ FASTPROTO_A_STATS_DROP_NO_VERSION, "no version" },
	{ FASTPROTO_A_STATS_DROP_STATE, "state" },
	{ FASTPROTO_A_STATS_DROP_CLOSED, "closed" },
	{ FASTPROTO_A_STATS_DROP_AHEAD, "ahead" },
	{ FASTPROTO_A_STATS_DROP_PEER, "not the peer" },
	{ FASTPROTO_A_STATS_DROP_QUEUE_FULL, "queue full" },
	{ FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS, "no free slots" },
	{ FASTPROTO_A_STATS_CE_MARKS, "marked by a router" },
};

/* Everything ends soon that nobody answers. */
static const struct {
	int attr;
	__u32 value;
} hasty[] = {
	{ FASTPROTO_A_DEV_RTO_MIN, 10000 },
	{ FASTPROTO_A_DEV_RTO_INITIAL, 20000 },
	{ FASTPROTO_A_DEV_RTO_MAX, 1000000 },
	{ FASTPROTO_A_DEV_SYN_TIMEOUT, 20000 },
	{ FASTPROTO_A_DEV_SYN_RETRIES, 3 },
	{ FASTPROTO_A_DEV_ORPHAN_TIMEOUT, 1000000 },
	{ FASTPROTO_A_DEV_FIN_TIMEOUT, 1000000 },
	{ FASTPROTO_A_DEV_IDLE_TIMEOUT, 20000 },
	{ FASTPROTO_A_DEV_RX_AHEAD, 100 },
	{ FASTPROTO_A_DEV_RESETS_PER_SECOND, 1000000 },
	{ FASTPROTO_A_DEV_KEEPALIVE_IDLE, 1 },
};

FIXTURE(wire) {
	struct sane sane;
	struct memory memory;
	struct stats base;		/* of host B */
	__u32 presets[ARRAY_SIZE(hasty)];
	__u32 sockets;
	__u64 seed;
	unsigned long frames;
	bool everywhere;		/* all of reached[] is wanted */
};

FIXTURE_VARIANT(wire) {
	int family;
	unsigned int faults;	/* percent of the module's allocations */
};

FIXTURE_VARIANT_ADD(wire, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(wire, ipv6) { .family = AF_INET6 };
FIXTURE_VARIANT_ADD(wire, faults) { .family = AF_INET6, .faults = 5 };

static __u32 sockets(void)
{
	__u32 count = 0;

	dev_get_u32(HOST_B, FASTPROTO_A_DEV_SOCKETS, &count);
	return count;
}

static struct actor *cast(int i, enum role role, const struct sockaddr_fp *addr)
{
	struct actor *actor = &actors[i];

	actor->role = role;
	if (role == CALLER || role == RDM_CALLER || role == RING_CALLER)
		actor->calls = *addr;
	else
		actor->at = *addr;
	return open_actor(actor) ? actor : NULL;
}

static bool add_liars(int first, int family, const struct sockaddr_fp *to,
		      __u64 seed)
{
	struct liar *liar;
	int i;

	for (i = first; i < first + CLIENTS; i++) {
		liar = &liars[i];
		memset(liar, 0, sizeof(*liar));
		liar->fd = udp_open(HOST_A, family, 0, NULL);
		liar->to = *to;
		liar->wants = true;
		liar_begin(liar, seed + i);
		if (liar->fd < 0)
			return false;
	}
	return true;
}

/* A liar who serves, and the one who calls it. */
static bool add_server(int i, int family, int caller, enum role role)
{
	struct sockaddr_fp addr;
	struct liar *liar = &liars[i];

	memset(liar, 0, sizeof(*liar));
	liar->serves = true;
	liar->fd = udp_open(HOST_A, family, 0, &addr);
	/* Until somebody calls. */
	liar->to = actors[0].at;
	liar_begin(liar, i);
	return liar->fd >= 0 && cast(caller, role, &addr);
}

static bool set_up_play(int family, __u64 seed)
{
	struct sockaddr_fp any = fp_host(family, HOST_B, 0), addr;
	int i, n = 0;

	memset(actors, 0, sizeof(actors));
	memset(replays, 0, sizeof(replays));
	memset(&meddler, 0, sizeof(meddler));
	sent = 0;
	datagrams = 0;
	told = 0;
	if (!cast(n++, DGRAM, &any) || !cast(n++, LISTENER, &any) ||
	    !cast(n++, RDM, &any) || !cast(n++, RING, &any) ||
	    !cast(n++, DGRAM_RING, &any))
		return false;
	if (!add_liars(0, family, &actors[1].at, seed) ||
	    !add_liars(CLIENTS, family, &actors[2].at, seed) ||
	    !add_liars(2 * CLIENTS, family, &actors[3].at, seed))
		return false;
	for (i = 0; i < CLIENTS; i++) {
		if (!add_server(3 * CLIENTS + i, family, n++, CALLER) ||
		    !add_server(4 * CLIENTS + i, family, n++, RDM_CALLER) ||
		    !add_server(5 * CLIENTS + i, family, n++, RING_CALLER))
			return false;
	}
	for (i = LIARS - 2; i < LIARS; i++) {
		memset(&liars[i], 0, sizeof(*liars));
		liars[i].fd = udp_open(HOST_A, family, 0, NULL);
		liars[i].to = i == LIARS - 1 ? actors[0].at : actors[4].at;
		if (liars[i].fd < 0)
			return false;
	}
	meddler.front = udp_open(HOST_A, family, 0, &addr);
	meddler.back = udp_open(HOST_A, family, 0, NULL);
	meddler.server = actors[1].at;
	return meddler.front >= 0 && meddler.back >= 0 && cast(n++, CALLER, &addr);
}

static void end_play(void)
{
	int i;

	for (i = 0; i < ACTORS; i++) {
		if (has_ring(&actors[i]))
			close_ring(&actors[i]);
		if (actors[i].role != NOBODY)
			close(actors[i].fd);
	}
	for (i = 0; i < LIARS; i++)
		close(liars[i].fd);
	close(meddler.front);
	close(meddler.back);
}

FIXTURE_SETUP(wire)
{
	size_t i;

	self->seed = test_seed();
	self->frames = test_count("FASTPROTO_FRAMES", FRAMES);
	if (variant->faults && !fault_storm_allow())
		SKIP(return, "needs a kernel with fault injection");
	TH_LOG("seed %llu, %lu frames", (unsigned long long)self->seed,
	       self->frames);
	/* What is sent first comes first. */
	net_pin();
	for (i = 0; i < ARRAY_SIZE(hasty); i++) {
		ASSERT_EQ(0, dev_get_u32(HOST_B, hasty[i].attr,
					 &self->presets[i]));
		ASSERT_EQ(0, dev_set_u32(HOST_B, hasty[i].attr,
					 hasty[i].value));
	}
	/*
	 * What is out of memory does not get as far, and in a short run nothing is
	 * certain: of 10,000 frames one names a version that is not ours.
	 */
	self->everywhere = !variant->faults && self->frames >= FRAMES;
	self->sockets = sockets();
	memory_read(&self->memory);
	stats_read(HOST_B, &self->base);
	ASSERT_TRUE(set_up_sane(&self->sane, variant->family));
	ASSERT_TRUE(set_up_play(variant->family, self->seed));
}

FIXTURE_TEARDOWN(wire)
{
	size_t i;

	if (variant->faults) {
		fault_storm(0);
		fault_anywhere();
	}
	for (i = 0; i < ARRAY_SIZE(hasty); i++)
		dev_set_u32(HOST_B, hasty[i].attr, self->presets[i]);
}

/* One step: everyone's decisions follow from the seed and its number. */
static void step(__u64 seed, unsigned long number)
{
	struct dice dice, mood;
	struct liar *liar;

	dice_seed(&dice, seed + number);
	liar = &liars[dice_below(&dice, LIARS)];
	/* One mood for a while, for each liar another one. */
	dice_seed(&mood, seed + number / MOOD_LASTS * LIARS + (liar - liars));
	speak(liar, &moods[dice_below(&mood, ARRAY_SIZE(moods))], &dice);
	if (dice_chance(&dice, 5))
		send_replay(&dice);
	act(&dice);
	meddle(&dice);
}

static __u64 grown(const struct _test_data_wire *self, const struct stats *now,
		   size_t which)
{
	return now->v[reached[which].attr] - self->base.v[reached[which].attr];
}

/* Has everything been reached? It is asked now and then. */
static bool all_reached(const struct _test_data_wire *self,
			unsigned long number)
{
	struct stats now;
	size_t i;

	if (number % (8 * SANE_EVERY))
		return false;
	stats_read(HOST_B, &now);
	for (i = 0; i < ARRAY_SIZE(reached); i++)
		if (!grown(self, &now, i))
			return false;
	return true;
}

/* So many frames; and more, up to a point, if they have not been everywhere. */
static bool is_over(const struct _test_data_wire *self, unsigned long number)
{
	if (sent < self->frames)
		return false;
	if (!self->everywhere)
		return true;
	return sent >= 10 * self->frames || all_reached(self, number);
}

static void expect_honest(struct __test_metadata *_metadata)
{
	const struct liar *liar;

	for (liar = liars; liar < liars + LIARS; liar++) {
		EXPECT_EQ(NULL, liar->wrong) {
			TH_LOG("the peer of liar %d %s", (int)(liar - liars),
			       liar->wrong);
		}
	}
}

TEST_F_TIMEOUT(wire, lies, 900)
{
	const char *insane = NULL;
	unsigned long number, heard = 0;
	struct stats now;
	struct dice dice;
	size_t i;

	dice_seed(&dice, self->seed);
	for (number = 0; !is_over(self, number) && !insane;
	     number += SANE_EVERY) {
		fault_storm(variant->faults);
		for (i = 0; i < SANE_EVERY; i++)
			step(self->seed, number + i);
		fault_storm(0);
		insane = stay_sane(&self->sane, &dice);
	}
	EXPECT_EQ(NULL, insane) {
		TH_LOG("step %lu: %s", number, insane);
	}
	expect_honest(_metadata);
	for (i = 0; i < LIARS; i++)
		heard += liars[i].heard;
	stats_read(HOST_B, &now);
	TH_LOG("%lu frames in %lu datagrams, %lu answers; %u sane rounds", sent,
	       datagrams, heard, self->sane.rounds);
	EXPECT_LT(0, told);
	if (variant->faults) {
		TH_LOG("%lu allocations failed", fault_storm_struck());
		EXPECT_LT(0, fault_storm_struck());
	}
	for (i = 0; i < ARRAY_SIZE(reached) && self->everywhere; i++) {
		EXPECT_LT(0, grown(self, &now, i)) {
			TH_LOG("nothing reached: %s", reached[i].name);
		}
	}
	end_play();
	end_sane(&self->sane);
	EXPECT_TRUE(conns_wait_gone());
	EXPECT_EQ(self->sockets, sockets());
	EXPECT_TRUE(memory_wait(&self->memory, SLABS, AVAILABLE));
}

int main(int argc, char **argv)
{
	net_setup();
	return test_harness_run(argc, argv);
}
