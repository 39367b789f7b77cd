// SPDX-License-Identifier: GPL-2.0
/*
 * Cookies that servers gave ahead, with an earlier connection, for the next one
 * to them. A table of fixed size, in which a newer one takes an older one's
 * place: who finds none asks the server for one, which costs a round trip.
 */
#include <linux/jhash.h>
#include <linux/random.h>

#include "fastproto.h"
#include "conn.h"

#define JAR_BITS	10	/* log2 of the places */

/**
 * struct place - room for a cookie
 * @lock: guards what follows
 * @peer: who gave it; AF_UNSPEC: nobody
 * @local: to whom
 * @ahead: the cookie, and what goes with it
 * @at: when it came, microseconds
 */
struct place {
	spinlock_t lock;	/* see above */
	union fp_addr peer;
	union fp_addr local;
	struct fp_ahead ahead;
	u64 at;
};

/**
 * struct fp_jar - the cookies of a namespace
 * @seed: of the hash; constant
 * @places: by the hash of both addresses
 */
struct fp_jar {
	u32 seed;
	struct place places[1 << JAR_BITS];
};

/**
 * fp_jar_get - have a place for cookies
 * @fn: the namespace, which keeps it; without memory it has none
 *
 * Context: process.
 */
void fp_jar_get(struct fp_net *fn)
{
	struct fp_jar *jar;
	int i;

	if (READ_ONCE(fn->jar))
		return;
	jar = kvzalloc(sizeof(*jar), GFP_KERNEL);
	if (!jar)
		return;
	jar->seed = get_random_u32();
	for (i = 0; i < ARRAY_SIZE(jar->places); i++)
		spin_lock_init(&jar->places[i].lock);
	/* Whoever sees it sees what is in it. */
	if (cmpxchg(&fn->jar, NULL, jar))
		kvfree(jar);
}

/* No connection is left. */
void fp_jar_free(struct fp_net *fn)
{
	kvfree(fn->jar);
}

static u32 hash_jar(const union fp_addr *addr, u32 seed)
{
	const struct sockaddr_in *sin = &addr->sin;

	if (addr->family == AF_INET)
		return jhash_2words((__force u32)sin->sin_addr.s_addr,
				    (__force u16)sin->sin_port, seed);
	return jhash2((const u32 *)addr, sizeof(*addr) / sizeof(u32), seed);
}

/* Of a peer, by its two addresses. */
static struct place *find_place(struct fp_jar *jar, const struct fp_peer *peer)
{
	u32 index = hash_jar(&peer->addr, hash_jar(&peer->local, jar->seed));

	return &jar->places[index & ((1 << JAR_BITS) - 1)];
}

/**
 * fp_jar_put - keep a cookie for the next connection
 * @fn: the namespace
 * @peer: who gave it, and to which address of ours
 * @ahead: the cookie
 * @now: microseconds
 *
 * Context: BH off.
 */
void fp_jar_put(struct fp_net *fn, const struct fp_peer *peer,
		const struct fp_ahead *ahead, u64 now)
{
	struct fp_jar *jar = READ_ONCE(fn->jar);
	struct place *place;

	if (!jar)
		return;
	place = find_place(jar, peer);
	spin_lock(&place->lock);
	place->peer = peer->addr;
	place->local = peer->local;
	place->ahead = *ahead;
	place->at = now;
	spin_unlock(&place->lock);
}

/**
 * fp_jar_take - take out the cookie of a server
 * @fn: the namespace
 * @peer: who gave it, and to which address of ours
 * @ahead: filled in
 * @now: microseconds
 *
 * It is good for one connection: nobody else gets it. One that is too old for
 * any server is not worth a try.
 *
 * Context: BH off.
 * Return: whether there is one.
 */
bool fp_jar_take(struct fp_net *fn, const struct fp_peer *peer,
		 struct fp_ahead *ahead, u64 now)
{
	struct fp_jar *jar = READ_ONCE(fn->jar);
	struct place *place;
	bool found;

	if (!jar)
		return false;
	place = find_place(jar, peer);
	spin_lock(&place->lock);
	found = fp_addr_equal(&place->peer, &peer->addr) &&
		fp_addr_equal(&place->local, &peer->local);
	if (found) {
		*ahead = place->ahead;
		place->peer.family = AF_UNSPEC;
		found = now - place->at < FP_COOKIE_LIFETIME;
	}
	spin_unlock(&place->lock);
	return found;
}
