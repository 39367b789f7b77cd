// SPDX-License-Identifier: GPL-2.0
// <fastproto.h> as C++ sees it. Output is TAP.
#include <fastproto.h>
#include <stdio.h>

static void on_message(struct fp_ring *ring, const struct fp_ring_event *msg,
		       void *)
{
	fp_ring_queue(ring, msg->conn, nullptr, msg, 0);
}

static bool parses()
{
	struct fp_packet packet;

	return fp_parse("FSTP", 4, &packet) == 0 && !packet.invalid;
}

static bool loops()
{
	struct fp_loop *loop;
	struct fp_loop_config config = {};

	if (fp_loop_new(&loop, &config))
		return false;
	fp_loop_stop(loop);
	return !fp_loop_run(loop) && !fp_loop_free(loop);
}

static bool refuses()
{
	struct fp_handlers handlers = {};

	handlers.on_message = on_message;
	return fp_loop_add_ring(nullptr, nullptr, &handlers, nullptr) < 0;
}

int main()
{
	const bool good[] = { parses(), loops(), refuses() };
	int bad = 0;

	printf("TAP version 13\n1..3\n");
	for (int i = 0; i < 3; i++) {
		printf("%sok %d\n", good[i] ? "" : "not ", i + 1);
		bad |= !good[i];
	}
	return bad;
}
