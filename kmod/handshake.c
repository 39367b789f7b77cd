// SPDX-License-Identifier: GPL-2.0
/*
 * How a connection begins. A SYN is answered by a cookie, for which nothing is
 * kept; the echo of the cookie, which comes with the first data, makes the
 * connection. What is kept of a cookie that was used is one bit, so that a late
 * copy of an echo makes no second connection: it is answered by another cookie.
 *
 * With its first answer a server gives a cookie ahead, by which the client's next
 * connection begins with data at once. It is made and checked as any other, but
 * that the listener stands in it for the client's ID.
 */
#include <linux/random.h>
#include <linux/siphash.h>

#include "fastproto.h"
#include "conn.h"

#define EPOCH_BITS	26	/* of microseconds: how long a secret is used */
#define USED_BITS	20	/* log2 of the bits that tell used cookies */
#define GIVEN_UP_BITS	10	/* log2 of the clients that are remembered */

/**
 * struct fp_cookies - what a namespace needs to make and check cookies
 * @lock: guards the rest
 * @epoch: the newest one that has a key
 * @key: of this epoch and the one before, by the lowest bit of its number
 * @used: a bit for each cookie that made a connection, likewise
 * @client_key: constant
 * @any_given_up: there is one in @given_up; READ_ONCE()/WRITE_ONCE()
 * @given_up: the latest clients whose connection was given up before they had
 *	heard of it, hashes by their lowest bits; without @lock, for a client that
 *	is missed does no great harm
 */
struct fp_cookies {
	seqlock_t lock;
	u64 epoch;
	siphash_key_t key[2];
	unsigned long *used[2];
	siphash_key_t client_key;
	bool any_given_up;
	u64 given_up[1 << GIVEN_UP_BITS];
};

/*
 * Microseconds; a cookie has the low half. So fine that a cookie in place of one
 * that is taken for used is another one.
 */
static u64 clock_us(void)
{
	return ktime_to_us(ktime_get());
}

/* There are two before the clock began. */
static u64 epoch_of(u64 now)
{
	return (now >> EPOCH_BITS) + 2;
}

/* Begin the epochs up to @now: new keys, and no cookie of theirs was used. */
static void renew(struct fp_cookies *cookies, u64 now)
{
	u64 epoch = epoch_of(now);
	u64 e;

	if (likely(epoch <= READ_ONCE(cookies->epoch)))
		return;
	write_seqlock_bh(&cookies->lock);
	/* Another CPU may have been faster, and its clock, too. */
	if (epoch <= cookies->epoch)
		goto unlock;
	for (e = epoch - 1; e != epoch + 1; e++) {
		/* The one before may have been begun in its time. */
		if (e == cookies->epoch)
			continue;
		get_random_bytes(&cookies->key[e & 1], sizeof(siphash_key_t));
		bitmap_zero(cookies->used[e & 1], 1 << USED_BITS);
	}
	WRITE_ONCE(cookies->epoch, epoch);
unlock:
	write_sequnlock_bh(&cookies->lock);
}

static void destroy_cookies(struct fp_cookies *cookies)
{
	kvfree(cookies->used[0]);
	kvfree(cookies->used[1]);
	kfree(cookies);
}

static struct fp_cookies *make(void)
{
	const size_t size = (1 << USED_BITS) / BITS_PER_BYTE;
	struct fp_cookies *cookies;

	cookies = kzalloc(sizeof(*cookies), GFP_KERNEL);
	if (!cookies)
		return NULL;
	cookies->used[0] = kvzalloc(size, GFP_KERNEL);
	cookies->used[1] = kvzalloc(size, GFP_KERNEL);
	if (!cookies->used[0] || !cookies->used[1]) {	/* nor vmalloc() */
		destroy_cookies(cookies);
		return NULL;
	}
	seqlock_init(&cookies->lock);
	get_random_bytes(&cookies->client_key, sizeof(cookies->client_key));
	cookies->epoch = epoch_of(clock_us()) - 2;
	renew(cookies, clock_us());
	return cookies;
}

/**
 * fp_cookies_get - what a namespace with a listener needs
 * @fn: the namespace, which keeps it
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int fp_cookies_get(struct fp_net *fn)
{
	struct fp_cookies *cookies;

	if (READ_ONCE(fn->cookies))
		return 0;
	cookies = make();
	if (!cookies)
		return -ENOMEM;
	if (cmpxchg(&fn->cookies, NULL, cookies))	/* two at once */
		destroy_cookies(cookies);
	return 0;
}

void fp_cookies_free(struct fp_net *fn)
{
	if (fn->cookies)
		destroy_cookies(fn->cookies);
}

static u64 mac_of_inet(const struct sockaddr_in *src,
		       const struct sockaddr_in *dst, u64 id, u32 time,
		       const siphash_key_t *key)
{
	u64 addrs = (u64)(__force u32)src->sin_addr.s_addr << 32 |
		    (__force u32)dst->sin_addr.s_addr;
	u32 ports = (u32)(__force u16)src->sin_port << 16 |
		    (__force u16)dst->sin_port;

	return siphash_3u64(addrs, id, (u64)time << 32 | ports, key);
}

static u64 mac_of_inet6(const struct sockaddr_in6 *src,
			const struct sockaddr_in6 *dst, u64 id, u32 time,
			const siphash_key_t *key)
{
	struct {
		struct sockaddr_in6 src, dst;
		u64 id;
		u32 time;
		u32 pad;
	} __aligned(SIPHASH_ALIGNMENT) text;

	memset(&text, 0, sizeof(text));
	text.src = *src;
	text.dst = *dst;
	text.id = id;
	text.time = time;
	return siphash(&text, sizeof(text), key);
}

/* Of a client's address, the one that it speaks to, and its ID. */
static u64 mac_of(struct fp_cookies *cookies, const union fp_addr *src,
		  const union fp_addr *dst, u64 id, u32 time)
{
	siphash_key_t key;
	unsigned int seq;

	do {
		seq = read_seqbegin(&cookies->lock);
		key = cookies->key[time >> EPOCH_BITS & 1];
	} while (read_seqretry(&cookies->lock, seq));
	return src->family == AF_INET ?
	       mac_of_inet(&src->sin, &dst->sin, id, time, &key) :
	       mac_of_inet6(&src->sin6, &dst->sin6, id, time, &key);
}

static bool is_genuine(struct fp_net *fn, const struct fp_rx *rx, u64 id,
		       const struct fp_cookie *cookie)
{
	struct fp_cookies *cookies = READ_ONCE(fn->cookies);
	u64 now = clock_us();

	/* Of an epoch that is over for longer there is no key. */
	BUILD_BUG_ON(FP_COOKIE_LIFETIME >= 1 << EPOCH_BITS);
	renew(cookies, now);
	return (u32)now - cookie->time < fp_setting(fn, cookie_lifetime) &&
	       mac_of(cookies, &rx->src, &rx->dst, id, cookie->time) ==
	       cookie->mac;
}

static unsigned long *used_word(struct fp_cookies *cookies,
				const struct fp_cookie *cookie)
{
	return cookies->used[cookie->time >> EPOCH_BITS & 1];
}

static bool was_used(struct fp_cookies *cookies, const struct fp_cookie *cookie)
{
	return test_bit(cookie->mac & ((1 << USED_BITS) - 1),
			used_word(cookies, cookie));
}

/* Returns true for one of those who do the same at the same time. */
static bool set_used(struct fp_cookies *cookies, const struct fp_cookie *cookie)
{
	return !test_and_set_bit(cookie->mac & ((1 << USED_BITS) - 1),
				 used_word(cookies, cookie));
}

static u64 hash_client(const struct fp_cookies *cookies,
		       const union fp_addr *addr, u64 id)
{
	struct {
		union fp_addr addr;
		u64 id;
	} __aligned(SIPHASH_ALIGNMENT) text;

	memset(&text, 0, sizeof(text));
	text.addr = *addr;
	text.id = id;
	return siphash(&text, sizeof(text), &cookies->client_key);
}

static u64 *given_up_place(struct fp_cookies *cookies, u64 hash)
{
	return &cookies->given_up[hash & ((1 << GIVEN_UP_BITS) - 1)];
}

/**
 * fp_handshake_given_up - remember a client for the rest of its echoes
 * @conn: a connection that a listener made and that is given up, locked
 *
 * If it has heard of the connection, it sends no more of them. If not, another
 * cookie would let it have another connection, with the same data.
 */
void fp_handshake_given_up(const struct fp_conn *conn)
{
	struct fp_cookies *cookies = READ_ONCE(conn->endpoint->fn->cookies);
	u64 hash;

	if (!conn->passive || !fp_conn_is(conn, FP_CONN_SYN_DUE))
		return;
	hash = hash_client(cookies, &conn->path->peer.addr, conn->peer_id);
	WRITE_ONCE(*given_up_place(cookies, hash), hash);
	WRITE_ONCE(cookies->any_given_up, true);
}

static bool was_given_up(struct fp_cookies *cookies, const struct fp_rx *rx,
			 u64 client_id)
{
	u64 hash;

	if (!READ_ONCE(cookies->any_given_up))
		return false;
	hash = hash_client(cookies, &rx->src, client_id);
	return READ_ONCE(*given_up_place(cookies, hash)) == hash;
}

/* What a connection may keep at first, bytes: no more before accept(). */
static u32 early_limit(const struct sock *sk)
{
	return min_t(u32, READ_ONCE(sk->sk_rcvbuf),
		     fp_setting(fp_net(sock_net(sk)), early_buffer));
}

static void fill_syn(struct fp_syn *syn, u32 tag, u32 msg_max, u32 window,
		     u32 ts, u16 options)
{
	syn->tag = tag;
	syn->msg_max = msg_max;
	syn->window = window;
	syn->ts = ts;
	syn->options = options;
	syn->version_min = FP_VERSION;
	syn->version_max = FP_VERSION;
}

static u16 options_of(const struct fp_conn *conn)
{
	u16 options = FP_OPT_DONE | FP_OPT_PACK;

	if (conn->passive)
		return options;
	if (READ_ONCE(conn->endpoint->fn->jar) &&
	    fp_setting(conn->endpoint->fn, fast_open) & FP_FAST_OPEN_CLIENT)
		options |= FP_OPT_AHEAD;
	if (conn->act->early)
		options |= FP_OPT_EARLY;
	return options;
}

/**
 * fp_handshake_fill - the SYN section of our frames
 * @conn: the connection, locked
 * @syn: filled in
 * @now: microseconds
 */
void fp_handshake_fill(const struct fp_conn *conn, struct fp_syn *syn, u64 now)
{
	const struct fp_act *act = conn->act;

	fill_syn(syn, fp_id_tag(conn->id), conn->rx_msg_max, act->rx_edge,
		 conn->passive ? 0 : now, options_of(conn));
}

static struct sk_buff *alloc_control(unsigned int headroom, u16 flags,
				     u32 padding, u64 seq,
				     const struct fp_sections *sections)
{
	u32 hdr_len = fp_header_len(flags, 0);
	struct fp_frame frame = {
		.flags = flags,
		.size = hdr_len + padding,
		.seq = seq,
	};
	struct sk_buff *skb;

	skb = alloc_skb(headroom + frame.size, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, headroom);
	fp_header_encode(skb_put_zero(skb, frame.size), &frame, sections);
	return skb;
}

/**
 * fp_handshake_syn - ask for a connection
 * @conn: the connection in FP_SYN_SENT, locked
 * @todo: from fp_conn_lock(); gets the datagram
 *
 * Padded, so that the answer is not larger.
 */
void fp_handshake_syn(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_sections sections = { .conn_slot = fp_id_slot(conn->id) };
	u16 flags = FP_F_CONN | FP_F_SYN;
	struct sk_buff *skb;

	conn->act->syn_sent = todo->now;
	fp_handshake_fill(conn, &sections.syn, todo->now);
	skb = alloc_control(READ_ONCE(conn->path->headroom), flags,
			    FP_SYN_SIZE_MIN - fp_header_len(flags, 0), 0,
			    &sections);
	if (skb)
		fp_act_out(conn->act, skb);
	else
		FP_INC_STATS(conn->endpoint->fn, OUT_ERRORS);
}

/*
 * One frame of a datagram is answered, or the headers of IP and UDP would make
 * the answers larger than what they answer.
 */
static bool may_answer(struct fp_rx *rx)
{
	bool first = !rx->answered;

	rx->answered = true;
	return first;
}

/* Answer a frame without a connection. */
static void reply(struct fp_endpoint *endpoint, const struct fp_rx *rx,
		  u16 flags, u64 seq, const struct fp_sections *sections)
{
	struct sk_buff *skb;

	skb = alloc_control(FP_REPLY_HEADROOM, flags, 0, seq, sections);
	if (skb)
		fp_endpoint_reply(endpoint, skb, rx);
	else
		FP_INC_STATS(endpoint->fn, OUT_ERRORS);
}

/**
 * fp_handshake_refuse - tell a peer that there is no such connection
 * @endpoint: where its frame came in
 * @frame: the frame; not one with FP_F_RST
 * @sections: its sections
 * @rx: its addresses
 * @why: the reason
 *
 * So many a second and no more: who forges senders is not to be served.
 */
void fp_handshake_refuse(struct fp_endpoint *endpoint,
			 const struct fp_frame *frame,
			 const struct fp_sections *sections,
			 struct fp_rx *rx, enum fp_rst_reason why)
{
	struct fp_net *fn = endpoint->fn;
	struct fp_sections answer = {};
	u64 tag;

	/* It tells no ID that its sender could check. */
	if (!sections->conn_id && !(frame->flags & FP_F_SYN))
		return;
	if (!may_answer(rx))
		return;
	if (!__ratelimit(&fn->rst_limit)) {
		FP_INC_STATS(endpoint->fn, OUT_RESETS_LIMITED);
		return;
	}
	/* A client that knows no ID of ours is shown its own. */
	if (!sections->conn_id) {
		tag = sections->syn.tag;
	} else {
		tag = fp_id_tag(sections->conn_id);
		answer.conn_slot = fp_id_slot(sections->conn_id);
	}
	answer.conn_id = tag << 32 | sections->conn_slot;
	fp_count_reset(endpoint->fn, FASTPROTO_A_STATS_OUT_RESETS, why);
	reply(endpoint, rx, FP_F_CONN | FP_F_RST, why, &answer);
}

static bool speaks_our_version(const struct fp_syn *syn)
{
	return syn->version_min <= FP_VERSION && syn->version_max >= FP_VERSION;
}

static u64 client_id(const struct fp_sections *sections)
{
	return (u64)sections->syn.tag << 32 | sections->conn_slot;
}

static bool is_listening(const struct fp_sock *fs)
{
	return fs && READ_ONCE(fs->sk.sk_state) == TCP_LISTEN;
}

static void send_cookie(struct fp_endpoint *endpoint, const struct fp_sock *fs,
			const struct fp_sections *sections,
			struct fp_rx *rx)
{
	struct fp_cookies *cookies = READ_ONCE(endpoint->fn->cookies);
	struct fp_sections answer = { .conn_id = client_id(sections) };
	u64 now = clock_us();

	if (!may_answer(rx))
		return;
	renew(cookies, now);
	fill_syn(&answer.syn, 0, READ_ONCE(fs->msg_max),
		 early_limit(&fs->sk) / 2, sections->syn.ts, 0);
	answer.cookie.time = now;
	answer.cookie.mac = mac_of(cookies, &rx->src, &rx->dst, answer.conn_id,
				   now);
	FP_INC_STATS(endpoint->fn, COOKIES_SENT);
	reply(endpoint, rx, FP_F_CONN | FP_F_SYN | FP_F_COOKIE, 0, &answer);
}

/*
 * What stands for the client's ID in a cookie that is given ahead, when that is
 * not known: so it is good with this listener only, and what was promised of it.
 */
static u64 id_ahead(const struct fp_sock *fs)
{
	BUILD_BUG_ON(ilog2(FP_MSG_MAX_MAX) >= 25);
	return (u64)fs->id << 25 | READ_ONCE(fs->msg_max);
}

/**
 * fp_handshake_give - a cookie ahead, for the client's next connection
 * @conn: the connection, locked, with fp_conn.syn_due
 * @sections: gets the cookie, and what a cookie reply would tell now
 * @now: microseconds
 *
 * Return: whether there is one.
 */
bool fp_handshake_give(const struct fp_conn *conn, struct fp_sections *sections,
		       u64 now)
{
	const struct fp_peer *peer = &conn->path->peer;
	struct fp_net *fn = conn->endpoint->fn;
	const struct fp_sock *fs;

	if (!conn->act->wants_cookie ||
	    !(fp_setting(fn, fast_open) & FP_FAST_OPEN_SERVER))
		return false;
	fs = rcu_dereference_bh(conn->endpoint->fs);
	if (!is_listening(fs))
		return false;
	renew(fn->cookies, now);
	sections->syn.msg_max = READ_ONCE(fs->msg_max);
	sections->syn.window = early_limit(&fs->sk) / 2;
	sections->cookie.time = now;
	sections->cookie.mac = mac_of(fn->cookies, &peer->addr, &peer->local,
				      id_ahead(fs), now);
	return true;
}

/**
 * fp_handshake_keep - a server has given a cookie ahead
 * @conn: a client's connection, locked
 * @sections: those of the first answer
 * @now: microseconds
 */
void fp_handshake_keep(const struct fp_conn *conn,
		       const struct fp_sections *sections, u64 now)
{
	const struct fp_ahead ahead = {
		.cookie = sections->cookie,
		.msg_max = sections->syn.msg_max,
		.window = sections->syn.window,
	};

	fp_jar_put(conn->endpoint->fn, &conn->path->peer, &ahead, now);
}

/**
 * fp_handshake_early - connect by a cookie that the server gave ahead
 * @conn: the connection that nobody knows yet, locked
 * @todo: from fp_conn_lock()
 *
 * What is sent takes the cookie along. If the server wants another one, it says
 * so as it would to a SYN.
 *
 * Return: false: there is none.
 */
bool fp_handshake_early(struct fp_conn *conn, struct fp_todo *todo)
{
	struct fp_act *act = conn->act;
	struct fp_net *fn = conn->endpoint->fn;
	struct fp_ahead ahead;

	if (!(fp_setting(fn, fast_open) & FP_FAST_OPEN_CLIENT) ||
	    !fp_jar_take(fn, &conn->path->peer, &ahead, todo->now))
		return false;
	act->early = true;
	act->cookie = ahead.cookie;
	act->syn_sent = todo->now - 1;
	act->tx_edge = ahead.window;
	conn->msg_max = min_t(u32, ahead.msg_max, FP_MSG_MAX_MAX);
	FP_INC_STATS(fn, EARLY_CONNECTS);
	fp_conn_publish(conn, FP_ECHO_SENT);
	fp_timer_set(conn, FP_DEADLINE_HANDSHAKE, todo->now +
		     fp_setting(fn, ack_delay), todo->now);
	return true;
}

/**
 * fp_handshake_syn_rcv - a SYN came in
 * @endpoint: where
 * @frame: the frame
 * @sections: its sections
 * @rx: its addresses
 *
 * Context: softirq, RCU read lock held.
 * Return: 0 or why it is dropped.
 */
int fp_handshake_syn_rcv(struct fp_endpoint *endpoint,
			 const struct fp_frame *frame,
			 const struct fp_sections *sections,
			 struct fp_rx *rx)
{
	const struct fp_sock *fs = rcu_dereference(endpoint->fs);

	if (!is_listening(fs)) {
		fp_handshake_refuse(endpoint, frame, sections, rx,
				    FP_RST_REFUSED);
		return FASTPROTO_A_STATS_DROP_REFUSED;
	}
	if (!speaks_our_version(&sections->syn)) {
		fp_handshake_refuse(endpoint, frame, sections, rx,
				    FP_RST_VERSION);
		return FASTPROTO_A_STATS_DROP_NO_VERSION;
	}
	send_cookie(endpoint, fs, sections, rx);
	return 0;
}

/* What the server lets us send, as a cookie reply says: for the first time. */
static void take_limits(struct fp_conn *conn, const struct fp_syn *syn,
			struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	WRITE_ONCE(conn->msg_max, min_t(u32, syn->msg_max, FP_MSG_MAX_MAX));
	act->tx_edge = syn->window;
	act->retries = 0;
	if (act->tx_largest > conn->msg_max)
		fp_conn_end(conn, -EMSGSIZE, todo);
	else
		todo->flags |= FP_OPENED;
}

/*
 * Another cookie, for an echo: the one that was shown was not taken, and what
 * came with it was not, either. Of one more for the SYN nothing follows, nor of
 * those for echoes of the same cookie.
 */
static int echo_again(struct fp_conn *conn, const struct fp_sections *sections,
		      struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if ((s32)(sections->syn.ts - (u32)act->syn_sent) <= 0 ||
	    act->cookie.mac == sections->cookie.mac)
		return FASTPROTO_A_STATS_DROP_DUPLICATE;
	act->cookie = sections->cookie;
	act->syn_sent = todo->now - 1;
	FP_INC_STATS(conn->endpoint->fn, RETRANS_ECHO);
	if (act->early) {
		act->early = false;
		FP_INC_STATS(conn->endpoint->fn, EARLY_REFUSED);
		take_limits(conn, &sections->syn, todo);
		if (conn->state == FP_CLOSED)
			return 0;
	}
	if (act->tx.flight) {
		fp_txwin_timeout(&act->tx);
		act->tx_check = 0;
		act->tx_restart = true;
	} else {
		act->tx_probe = true;
	}
	return 0;
}

/**
 * fp_handshake_cookie_rcv - a cookie came in
 * @conn: for this connection, locked
 * @sections: the frame's sections
 * @todo: from fp_conn_lock()
 *
 * The client is connected now. It keeps silent for a moment: data that are sent
 * soon take the echo along.
 *
 * Return: 0 or why the frame is dropped.
 */
int fp_handshake_cookie_rcv(struct fp_conn *conn,
			    const struct fp_sections *sections,
			    struct fp_todo *todo)
{
	struct fp_act *act = conn->act;

	if (conn->state != FP_SYN_SENT && conn->state != FP_ECHO_SENT)
		return FASTPROTO_A_STATS_DROP_STATE;
	if (conn->state == FP_ECHO_SENT)
		return echo_again(conn, sections, todo);
	act->cookie = sections->cookie;
	if (sections->syn.ts == (u32)act->syn_sent)
		fp_rtt_sample(&act->rtt,
			      max_t(u64, todo->now - act->syn_sent, 1),
			      todo->now);
	WRITE_ONCE(conn->state, FP_ECHO_SENT);
	take_limits(conn, &sections->syn, todo);
	if (conn->state == FP_CLOSED)
		return 0;
	fp_timer_set(conn, FP_DEADLINE_HANDSHAKE, todo->now +
		     fp_setting(conn->endpoint->fn, ack_delay), todo->now);
	todo->flags |= FP_WAKE_STATE | FP_WAKE_WRITE;
	return 0;
}

/* A new connection into the accept queue; it may have closed, or be full. */
static bool enqueue_accept(struct fp_sock *fs, struct fp_conn *conn)
{
	struct sock *sk = &fs->sk;
	bool queued = false;

	if (fp_sock_is_rdm(fs))
		return fp_crowd_adopt(fs, conn);
	spin_lock_bh(&fs->rx_lock);
	if (sk->sk_state == TCP_LISTEN && !sk_acceptq_is_full(sk)) {
		list_add_tail(&fp_conn_get(conn)->accept, &fs->endpoint->accept_queue);
		sk_acceptq_added(sk);
		queued = true;
	}
	spin_unlock_bh(&fs->rx_lock);
	return queued;
}

static struct fp_conn *create_passive(struct fp_endpoint *endpoint,
				      const struct fp_sock *fs,
				      const struct fp_sections *sections,
				      const struct fp_rx *rx)
{
	struct fp_slots *slots = &endpoint->fn->slots;
	struct fp_peer peer = {
		.addr = rx->src,
		.local = rx->dst,
		.mark = READ_ONCE(fs->sk.sk_mark),
		.oif = READ_ONCE(fs->sk.sk_bound_dev_if),
	};
	u32 slot = fp_slot_reserve(slots);
	struct fp_conn *conn;
	struct fp_act *act;

	if (slot == FP_SLOT_NONE)
		return ERR_PTR(-ENOMEM);
	conn = fp_conn_create(endpoint, &peer, NULL, slot,
			      fp_sock_is_rdm(fs), GFP_ATOMIC);
	if (IS_ERR(conn)) {
		fp_slot_release(slots, slot);
		return conn;
	}
	act = conn->act;
	conn->passive = true;
	fp_conn_set(conn, FP_CONN_SYN_DUE);
	conn->knows_done = !!(sections->syn.options & FP_OPT_DONE);
	conn->packs = !!(sections->syn.options & FP_OPT_PACK);
	act->wants_cookie = !!(sections->syn.options & FP_OPT_AHEAD);
	conn->peer_id = client_id(sections);
	conn->msg_max = min_t(u32, sections->syn.msg_max, FP_MSG_MAX_MAX);
	act->tx_edge = sections->syn.window;
	conn->rx_msg_max = READ_ONCE(fs->msg_max);
	act->rx_limit = early_limit(&fs->sk);
	act->rx_edge = act->rx_limit / 2;
	return conn;
}

/* What create_passive() has failed for. */
static int why_not_created(int err)
{
	switch (err) {
	case -EAGAIN:
		return FASTPROTO_A_STATS_DROP_LIMIT;
	case -ESHUTDOWN:
		return FASTPROTO_A_STATS_DROP_REFUSED;
	default:
		return FASTPROTO_A_STATS_DROP_MEMORY;
	}
}

/*
 * Make a new connection known; it is locked. The CPU that is first with one of
 * several copies of an echo does it. Returns 0 or why the frame is dropped.
 */
static int introduce(struct fp_conn *conn, struct fp_sock *fs,
		     const struct fp_cookie *cookie, struct fp_todo *todo)
{
	int err = fp_conn_publish(conn, FP_ESTABLISHED);

	if (err) {
		todo->flags |= FP_ENDED;
		return err == -EEXIST ? FASTPROTO_A_STATS_DROP_DUPLICATE :
					FASTPROTO_A_STATS_DROP_MEMORY;
	}
	/* What a copy made may have come and gone since we looked. */
	if (!set_used(READ_ONCE(conn->endpoint->fn->cookies), cookie)) {
		fp_conn_end(conn, 0, todo);
		return FASTPROTO_A_STATS_DROP_DUPLICATE;
	}
	if (!enqueue_accept(fs, conn)) {
		fp_conn_end(conn, 0, todo);
		return FASTPROTO_A_STATS_DROP_BACKLOG;
	}
	todo->flags |= FP_OPENED;
	return 0;
}

static bool is_early(const struct fp_sections *sections)
{
	return sections->syn.options & FP_OPT_EARLY;
}

/* Is this a cookie that may make a connection? */
static bool is_good(struct fp_net *fn, const struct fp_sock *fs,
		    const struct fp_rx *rx, const struct fp_sections *sections)
{
	bool early = is_early(sections);
	u64 id = early ? id_ahead(fs) : client_id(sections);

	if (early && !(fp_setting(fn, fast_open) & FP_FAST_OPEN_SERVER))
		goto stale;
	if (!is_genuine(fn, rx, id, &sections->cookie))
		goto stale;
	if (!was_used(READ_ONCE(fn->cookies), &sections->cookie))
		return true;
	if (early)
		FP_INC_STATS(fn, EARLY_REPLAYED);
	return false;

stale:
	if (early)
		FP_INC_STATS(fn, EARLY_STALE);
	return false;
}

/**
 * fp_handshake_echo_rcv - the echo of a cookie came in, perhaps with data
 * @endpoint: where
 * @frame: the frame
 * @sections: the frame's sections
 * @rx: its addresses
 * @why: set if there is no connection: why the frame is dropped
 *
 * Context: softirq, RCU read lock held.
 * Return: the connection that was made by it, or by a copy of it before, a
 *	reference; or NULL.
 */
struct fp_conn *fp_handshake_echo_rcv(struct fp_endpoint *endpoint,
				      const struct fp_frame *frame,
				      const struct fp_sections *sections,
				      struct fp_rx *rx, int *why)
{
	struct fp_sock *fs = rcu_dereference(endpoint->fs);
	u64 id = client_id(sections);
	struct fp_cookies *cookies;
	struct fp_conn *conn;
	struct fp_todo todo;

	conn = fp_conn_find_passive(endpoint->fn, &rx->src, id);
	if (conn)
		return conn;

	*why = FASTPROTO_A_STATS_DROP_REFUSED;
	if (!is_listening(fs)) {
		fp_handshake_refuse(endpoint, frame, sections, rx,
				    FP_RST_REFUSED);
		return NULL;
	}
	cookies = READ_ONCE(endpoint->fn->cookies);
	*why = FASTPROTO_A_STATS_DROP_COOKIE;
	if (was_given_up(cookies, rx, id)) {
		fp_handshake_refuse(endpoint, frame, sections, rx,
				    FP_RST_ABORTED);
		return NULL;
	}
	if (!is_good(endpoint->fn, fs, rx, sections)) {
		send_cookie(endpoint, fs, sections, rx);
		return NULL;
	}
	*why = FASTPROTO_A_STATS_DROP_LIMIT;
	if (fp_sock_is_rdm(fs) && fp_crowd_is_full(fs))
		return NULL;
	*why = FASTPROTO_A_STATS_DROP_BACKLOG;
	if (!fp_sock_is_rdm(fs) && sk_acceptq_is_full(&fs->sk))
		return NULL;

	conn = create_passive(endpoint, fs, sections, rx);
	if (IS_ERR(conn)) {
		*why = why_not_created(PTR_ERR(conn));
		return NULL;
	}
	fp_conn_get(conn);
	fp_conn_lock(conn, &todo);
	*why = introduce(conn, fs, &sections->cookie, &todo);
	fp_conn_unlock(conn, &todo);
	if (*why) {
		fp_conn_put(conn);
		return *why == FASTPROTO_A_STATS_DROP_DUPLICATE ?
		       fp_conn_find_passive(endpoint->fn, &rx->src, id) : NULL;
	}
	FP_INC_STATS(endpoint->fn, ACCEPTED);
	if (is_early(sections))
		FP_INC_STATS(endpoint->fn, EARLY_ACCEPTED);
	/* Who has many waits for what comes on it. */
	if (!fp_sock_is_rdm(fs))
		fs->sk.sk_data_ready(&fs->sk);
	return conn;
}
