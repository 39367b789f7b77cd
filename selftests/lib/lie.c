// SPDX-License-Identifier: GPL-2.0
/* What may be wrong with a frame: one field of it, or bytes of any kind. */
#include <endian.h>
#include <string.h>
#include <zlib.h>

#include "grammar.h"

static void lie_seq(struct words *w, struct dice *dice)
{
	w->seq = dice_edge(dice, w->seq);
}

static void lie_ack(struct words *w, struct dice *dice)
{
	w->ack = dice_edge(dice, w->ack);
}

static void lie_window(struct words *w, struct dice *dice)
{
	w->window = dice_edge(dice, w->window);
}

static void lie_ts(struct words *w, struct dice *dice)
{
	w->ts = dice_edge(dice, w->ts);
}

static void lie_ts_echo(struct words *w, struct dice *dice)
{
	w->ts_echo = dice_edge(dice, w->ts_echo);
}

static void lie_delay(struct words *w, struct dice *dice)
{
	w->delay = dice_edge(dice, w->delay);
}

static void lie_counts(struct words *w, struct dice *dice)
{
	w->ce = dice_edge(dice, w->ce);
	w->dup = dice_edge(dice, w->dup);
}

/* Ranges that may be right, overlap, or be out of order or out of all bounds. */
static void lie_ranges(struct words *w, struct dice *dice)
{
	__u32 at = 1;
	int i;

	w->nr = dice_chance(dice, 90) ? dice_below(dice, FP_RANGES_MAX + 1) :
					dice_below(dice, WORDS_RANGES + 1);
	for (i = 0; i < w->nr; i++) {
		w->ranges[i].offset = at;
		w->ranges[i].length = 1 + dice_below(dice, 3);
		at += w->ranges[i].length + dice_below(dice, 3);
		if (dice_chance(dice, 3))
			w->ranges[i].offset = dice_edge(dice, at);
		if (dice_chance(dice, 3))
			w->ranges[i].length = dice_edge(dice, at);
	}
}

static void lie_id(struct words *w, struct dice *dice)
{
	w->id ^= dice_chance(dice, 50) ? 1ull << dice_below(dice, 64) :
					 dice_edge(dice, 0);
}

static void lie_slot(struct words *w, struct dice *dice)
{
	w->slot = dice_edge(dice, w->slot);
}

static void lie_tag(struct words *w, struct dice *dice)
{
	w->tag = dice_edge(dice, w->tag);
}

static void lie_limits(struct words *w, struct dice *dice)
{
	w->msg_max = dice_edge(dice, w->msg_max);
	w->syn_window = dice_edge(dice, w->syn_window);
}

static void lie_syn_ts(struct words *w, struct dice *dice)
{
	w->syn_ts = dice_edge(dice, w->syn_ts);
}

static void lie_versions(struct words *w, struct dice *dice)
{
	w->version_min = dice_edge(dice, w->version_min);
	w->version_max = dice_edge(dice, w->version_max);
	w->options = dice_roll(dice);
}

static void lie_cookie(struct words *w, struct dice *dice)
{
	if (dice_chance(dice, 50))
		w->mac ^= 1ull << dice_below(dice, 64);
	else
		w->time = dice_edge(dice, w->time);
}

static void lie_flag(struct words *w, struct dice *dice)
{
	w->flags ^= 1u << dice_below(dice, 16);
}

static void lie_known_flag(struct words *w, struct dice *dice)
{
	const __u16 flag = 1u << dice_below(dice, 16);

	w->flags ^= flag & FP_F_KNOWN;
}

static void lie_flags(struct words *w, struct dice *dice)
{
	w->flags = dice_roll(dice) & FP_F_KNOWN;
}

/* What does not change the kind: other fragments of other messages. */
static void lie_data_flags(struct words *w, struct dice *dice)
{
	w->flags ^= dice_roll(dice) & (FP_F_NEEDS_COPY | FP_F_FIN | FP_F_BEGIN |
				       FP_F_END | FP_F_CSUM | FP_F_PROBE |
				       FP_F_PACK);
}

/* Messages of any lengths share a header; one of them may say too much. */
static void lie_pack(struct words *w, struct dice *dice)
{
	static unsigned char bytes[1400];
	__u32 at = 0, len;

	memset(bytes, 'p', sizeof(bytes));
	do {
		len = dice_below(dice, 40);
		if (dice_chance(dice, 5))
			len = dice_edge(dice, sizeof(bytes) - at);
		bytes[at] = len;
		bytes[at + 1] = len >> 8;
		at += 2 + (__u16)len;
	} while (at < sizeof(bytes) - 2 && dice_chance(dice, 80));
	w->flags |= FP_F_BEGIN | FP_F_END | FP_F_PACK;
	w->flags &= ~(FP_F_FIN | FP_F_CSUM);
	w->payload = bytes;
	w->len = at < sizeof(bytes) ? at : sizeof(bytes);
}

static void lie_len(struct words *w, struct dice *dice)
{
	static const __u32 lens[] = {
		0, 1, 2, 255, 256, 257, 511, 512, 1300, 1408, 1500, 4096, 9000,
		20000,
	};

	w->len = lens[dice_below(dice, ARRAY_SIZE(lens))];
	w->payload = NULL;
}

static void lie_payload(struct words *w, struct dice *dice)
{
	(void)dice;
	w->flags |= FP_F_CSUM;
	w->spoiled = true;
}

static void lie_size(struct words *w, struct dice *dice)
{
	w->size = dice_edge(dice, words_size(w));
}

static void lie_magic(struct words *w, struct dice *dice)
{
	w->magic ^= 1u << dice_below(dice, 32);
}

static void lie_version(struct words *w, struct dice *dice)
{
	w->version = dice_edge(dice, w->version);
}

/* Those that get far stand here more than once. */
static void (* const lies[])(struct words *w, struct dice *dice) = {
	lie_seq, lie_seq, lie_seq, lie_ack, lie_ack, lie_ack, lie_window,
	lie_window, lie_ts, lie_ts_echo, lie_delay, lie_counts, lie_ranges,
	lie_ranges, lie_ranges, lie_id, lie_slot, lie_tag, lie_limits,
	lie_syn_ts, lie_versions, lie_cookie, lie_flag, lie_known_flag,
	lie_flags, lie_data_flags, lie_data_flags, lie_data_flags, lie_pack,
	lie_pack, lie_pack, lie_len,
	lie_len, lie_payload, lie_size, lie_magic, lie_version,
};

/* One thing is not as it should be. */
void words_lie(struct words *w, struct dice *dice)
{
	lies[dice_below(dice, ARRAY_SIZE(lies))](w, dice);
}

static void seal_again(unsigned char *p, size_t len)
{
	struct words w;
	__u16 nr = 0;

	if (len < sizeof(struct fp_hdr))
		return;
	memset(&w, 0, sizeof(w));
	memcpy(&w.flags, p + offsetof(struct fp_hdr, flags), sizeof(w.flags));
	w.flags = le16toh(w.flags) & FP_F_KNOWN & ~FP_F_CSUM;
	if (w.flags & FP_F_ACK && len >= sizeof(struct fp_hdr) + 40)
		nr = p[sizeof(struct fp_hdr) + 39];
	w.nr = nr;
	if (words_size(&w) <= len)
		frame_seal_sections(p, words_size(&w) - sizeof(struct fp_hdr));
}

/*
 * Bytes of a datagram change on the way, or its end is missing, or there is more
 * of it; the first frame's sum may fit what came of it. There is room for 64
 * bytes more. Returns the new length.
 */
size_t words_damage(void *buf, size_t len, struct dice *dice)
{
	unsigned char *p = buf;
	size_t more;

	if (!len)
		return 0;
	do {
		switch (dice_below(dice, 4)) {
		case 0:
			p[dice_below(dice, len)] ^= 1 << dice_below(dice, 8);
			break;
		case 1:
			p[dice_below(dice, len < 128 ? len : 128)] =
				dice_roll(dice);
			break;
		case 2:
			len = 1 + dice_below(dice, len);
			break;
		default:
			more = dice_below(dice, 9);
			memset(p + len, dice_roll(dice), more);
			len += more;
			break;
		}
	} while (dice_chance(dice, 30));
	if (dice_chance(dice, 60))
		seal_again(p, len);
	return len < WORDS_MAX ? len : WORDS_MAX;
}
