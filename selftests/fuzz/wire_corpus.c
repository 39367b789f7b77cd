// SPDX-License-Identifier: GPL-2.0
/*
 * Writes cases for wire_fuzz to begin with into a folder: one for each
 * combination of flags that a frame may have, with and without ranges, and a few
 * that are damaged. So there is a frame of every kind from the first case on.
 *
 *   wire_corpus FOLDER
 */
#include <stdio.h>
#include <sys/stat.h>

#include "wire.h"
#include "wire_model.h"

#define WALK	0	/* first byte of a case: the rest is a datagram */
#define ROOM	(1 + 2 * (HEADER_MAX + 128))

static const char *folder;
static unsigned int written;

static void write_case(const char *name, unsigned int flags,
		       const unsigned char *bytes, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s-%03x", folder, name, flags);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) {
		perror(path);
		exit(1);
	}
	written++;
}

/* A valid frame. Returns its length. */
static size_t write_frame(unsigned char *p, unsigned int flags, unsigned int nr)
{
	struct fp_sections s = {
		.conn_id = 0x1122334400000007, .conn_slot = 3,
		.syn = {
			.tag = 5, .msg_max = 1 << 20, .window = 1 << 15,
			.ts = 6, .version_min = 1, .version_max = 1,
		},
		.cookie = { .time = 8, .mac = 9 },
		.ack = { .ack = 4, .window = 1 << 20, .ts = 1, .nr = nr },
	};
	struct fp_frame frame = { .flags = flags, .seq = 11 };
	size_t len = fixed_len(flags) + 8 * nr;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		s.ack.ranges[i].begin = 6 + 4 * i;
		s.ack.ranges[i].end = s.ack.ranges[i].begin + 2;
	}
	if (!id_wanted(flags))
		s.conn_id = 0;
	frame.size = smallest(flags, len);
	if (largest(flags, len) == LARGEST)
		frame.size += 5;
	memset(p, 'x', frame.size);
	build(p, &frame, &s);
	return frame.size;
}

/* Each of them fails another check. */
static void write_damaged(unsigned int flags)
{
	static const struct {
		const char *name;
		unsigned int at;
	} places[] = {
		{ "magic", AT_MAGIC }, { "version", AT_VERSION },
		{ "flags", AT_FLAGS + 1 }, { "size", AT_SIZE + 3 },
		{ "sum", AT_CHECKSUM },
	};
	unsigned char bytes[ROOM] = { WALK };
	size_t len = write_frame(bytes + 1, flags, 0), i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		bytes[1 + places[i].at] ^= 0x80;
		write_case(places[i].name, flags, bytes, 1 + len);
		bytes[1 + places[i].at] ^= 0x80;
	}
	write_case("cut", flags, bytes, len);
}

static void write_all(unsigned int flags)
{
	unsigned char bytes[ROOM] = { WALK };
	size_t len = write_frame(bytes + 1, flags, 0);

	write_case("one", flags, bytes, 1 + len);
	len += write_frame(bytes + 1 + len, flags, 0);
	write_case("two", flags, bytes, 1 + len);
	if (!(flags & ACK))
		return;
	len = write_frame(bytes + 1, flags, 3);
	write_case("ranges", flags, bytes, 1 + len);
	len = write_frame(bytes + 1, flags, 32);
	write_case("most-ranges", flags, bytes, 1 + len);
}

int main(int argc, char **argv)
{
	u16 flags[256];
	unsigned int nr, i;

	if (argc != 2) {
		fprintf(stderr, "usage: wire_corpus FOLDER\n");
		return 1;
	}
	folder = argv[1];
	mkdir(folder, 0777);
	nr = valid_flags(flags, sizeof(flags) / sizeof(*flags));
	for (i = 0; i < nr; i++) {
		write_all(flags[i]);
		/* What is wrong with one is wrong with all of the kind. */
		if (!(flags[i] & ~(ECHO | RST)))
			write_damaged(flags[i]);
	}
	printf("%u cases for %u combinations of flags\n", written, nr);
	return 0;
}
