/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of AF_FASTPROTO share: two hosts (network namespaces) joined
 * by a veth pair, addresses on them, sockets, crafted frames, and the counters
 * of the module.
 *
 * Every test program makes its own two hosts with net_setup() before its first
 * test and begins each test on HOST_A. A socket stays on the host on which it
 * was opened, so one process can hold both ends.
 */
#ifndef _FPTEST_H
#define _FPTEST_H

#include <linux/fastproto.h>
#include <linux/fastproto_netlink.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(arr) (sizeof(arr) / sizeof((arr)[0]))
#endif

/* Seconds after which something that must happen has failed to happen. */
#define PATIENCE	20

/*
 * Seconds for a test that says nothing else; the harness's own are few on a slow
 * kernel and a busy host.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	240

/* The veth device has the same name on both hosts. */
#define DEVICE		"fp0"

enum host {
	HOST_A,
	HOST_B,
	HOSTS,
	ROUTER = HOSTS,	/* only if net_router() made it */
	NAMESPACES
};

/* net.c */
void net_setup(void);
void net_enter(enum host host);
int net_ifindex(enum host host, const char *device);
int net_run(enum host host, const char *command);
int net_qdisc(enum host host, const char *device, const char *words);
int net_netem(enum host host, const char *words);
int net_mtu(enum host host, const char *device, unsigned int mtu);
void net_router(void);
void net_detour(bool on);
void net_hop_mtu(unsigned int mtu);
int net_quiet(bool on);
int net_link(enum host host, bool up);
int net_addresses(enum host host, bool there);
void net_alone(void);
__u64 net_counter(enum host host, const char *name);
int net_sysctl(enum host host, const char *name, const char *value);
void net_pin(void);

/* addr.c */
struct sockaddr_fp fp_addr(int family, const char *text, unsigned int port);
struct sockaddr_fp fp_host(int family, enum host host, unsigned int port);
struct sockaddr_fp fp_any(int family, unsigned int port);
struct sockaddr_fp fp_loopback(int family, unsigned int port);
socklen_t fp_addrlen(const struct sockaddr_fp *addr);
unsigned int fp_port(const struct sockaddr_fp *addr);
bool fp_same(const struct sockaddr_fp *a, const struct sockaddr_fp *b);
bool fp_same_ip(const struct sockaddr_fp *a, const struct sockaddr_fp *b);

/* sock.c */
int fp_open(enum host host);
int fp_open_seqpacket(enum host host);
int fp_listen(enum host host, int family, int backlog,
	      struct sockaddr_fp *addr);
int fp_pair(int family, int *client, int *server);
void fp_abort(int fd);
int fp_open_bound(enum host host, struct sockaddr_fp *addr);
int fp_open_host(enum host host, int family, struct sockaddr_fp *addr);
int fp_bind(int fd, const struct sockaddr_fp *addr);
int fp_connect(int fd, const struct sockaddr_fp *addr);
int fp_disconnect(int fd);
int fp_name(int fd, struct sockaddr_fp *addr);
int fp_peer(int fd, struct sockaddr_fp *addr);
ssize_t fp_sendto(int fd, const void *buf, size_t len,
		  const struct sockaddr_fp *to);
int fp_setint(int fd, int level, int name, int value);
int fp_getint(int fd, int level, int name);
bool fp_wait(int fd, short events);
ssize_t fp_recvinfo(int fd, void *buf, size_t len, int flags,
		    struct fp_recvinfo *info);
int udp_open(enum host host, int family, unsigned int port,
	     struct sockaddr_fp *addr);
ssize_t udp_sendto(int fd, const void *buf, size_t len,
		   const struct sockaddr_fp *to);
void fill(void *buf, size_t len, __u32 seed);
bool filled(const void *buf, size_t len, __u32 seed);

/* rdm.c */

/* What was received, and on which connection. */
struct got {
	ssize_t len;
	int flags;
	struct sockaddr_fp name;
	struct fp_event event;
};

int rdm_open(enum host host);
int rdm_listen(enum host host, int family, struct sockaddr_fp *addr);
struct got rdm_receive(int fd, void *buf, size_t len, int flags);
ssize_t rdm_send(int fd, __u64 conn, const void *buf, size_t len, int flags);
int rdm_dial(int fd, const struct sockaddr_fp *to, __u64 *conn);
int rdm_close(int fd, __u64 conn);
int rdm_peel(int fd, __u64 conn);

/* ring.c */

/* A mapped pool and its rings. */
struct ring {
	int fd;
	struct fp_ring_info info;
	void *base;
	struct fp_ring_ctl *ctl;
	struct fp_ring_event *events;
	__u32 *frees;
	struct fp_ring_send *sends;
	__u32 *links;
	struct sockaddr_fp *names;
	unsigned char *pool;
};

int ring_make(int fd, unsigned int slot_size, unsigned int slots,
	      unsigned int events);
int ring_map(int fd, struct ring *ring);
int ring_open(int fd, unsigned int slot_size, unsigned int slots,
	      unsigned int receive, struct ring *ring);
void ring_unmap(struct ring *ring);
void *ring_slot(const struct ring *ring, __u32 slot);
void ring_give(struct ring *ring, __u32 slot);
int ring_tell(struct ring *ring);
const struct fp_ring_event *ring_peek(struct ring *ring);
void ring_seen(struct ring *ring);
bool ring_wait(struct ring *ring, struct fp_ring_event *event);
void ring_copy(const struct ring *ring, const struct fp_ring_event *event,
	       void *to);
void ring_give_back(struct ring *ring, const struct fp_ring_event *event);
void ring_queue(struct ring *ring, __u64 conn, __u32 slot, const void *data,
		__u32 len, __u32 flags);
int ring_stats(int fd, struct fp_ring_stats *stats);

/* notice.c */

/* Calls that are over. */
struct notice {
	__u32 first;
	__u32 last;
	bool copied;
};

bool notice_take(int fd, struct notice *notice);
bool notice_wait(int fd, struct notice *notice);
bool notice_none(int fd);
unsigned int notice_collect(int fd, bool *seen, unsigned int calls);

/* frame.c */
size_t frame_build(void *buf, __u64 seq, unsigned int flags,
		   const void *payload, size_t len);
size_t frame_build_conn(void *buf, __u64 seq, unsigned int flags, __u64 id,
			__u32 slot, __u64 ack, const void *payload, size_t len);
size_t frame_build_syn(void *buf, __u32 slot, __u32 tag);
size_t frame_build_syn_version(void *buf, __u32 slot, __u32 tag, __u8 version);
void frame_seal(void *buf);
void frame_seal_sections(void *buf, size_t len);
bool frame_sealed(const void *buf);

/* stats.c */
struct stats {
	__u64 v[FASTPROTO_A_STATS_MAX + 1];
};

#define STATS_DROP_FIRST	FASTPROTO_A_STATS_DROP_INCOMPLETE
#define STATS_DROP_LAST		FASTPROTO_A_STATS_DROP_NO_FREE_SLOTS

void stats_read(enum host host, struct stats *stats);
__u64 stats_since(enum host host, const struct stats *base, int attr);
bool stats_wait(enum host host, const struct stats *base, int attr,
		__u64 count);
__u64 stats_drops_since(enum host host, const struct stats *base);
unsigned int conns_count(enum host host);
long long socket_counted(enum host host, const char *name);
int genl_family(void);
int dev_get_u32(enum host host, int attr, __u32 *value);
int dev_set_u32(enum host host, int attr, __u32 value);

unsigned int conn_get_u32(enum host host, int attr, __u32 *values,
			  unsigned int room);
int conn_kill(enum host host, __u64 id);
unsigned int conn_get_ids(enum host host, __u64 *ids, unsigned int room);

/* Of a connection, in microseconds. */
struct conn_times {
	__u64 since_in;			/* since the last frame */
	__u64 keepalive;		/* until the peer is asked; 0: never */
	__u64 pace;			/* until what is held goes; 0: never */
};

int conn_get_times(enum host host, __u64 id, struct conn_times *times);

/* memory.c */
struct memory {
	long slabs;			/* KiB, of the caches that we use */
	long available;			/* KiB, of all that is free */
};

int slab_objects(const char *cache);
int slab_conns(void);
void memory_read(struct memory *memory);
bool memory_wait(const struct memory *before, long slabs, long available);
bool conns_wait_gone(void);

/* transfer.c */

/* Seconds after which a transfer on which nothing comes has failed. */
#define TRANSFER_PATIENCE	120

/**
 * struct transfer - messages of one direction of a connection
 * @from: the socket to send on
 * @to: the socket to receive on
 * @stream: what tells this transfer's messages from those of others
 * @messages: how many; 0: until transfer_stop()
 * @largest: none has more bytes
 * @size: all have so many; 0: any
 * @framed: the sockets are streams
 *
 * The rest is for transfer.c.
 */
struct transfer {
	int from;
	int to;
	__u64 stream;
	unsigned int messages;
	size_t largest;
	size_t size;
	bool framed;

	bool stop;
	bool all_sent;
	bool over;
	unsigned int sent;
	unsigned int received;
	__u64 bytes;
	int send_error;
	int receive_error;
	const char *wrong;
	pthread_t sender;
	pthread_t receiver;
};

int transfer_start(struct transfer *t);
unsigned int transfer_received(const struct transfer *t);
__u64 transfer_bytes(const struct transfer *t);
void transfer_stop(struct transfer *t);
void transfer_wait(struct transfer *t);
bool transfer_end(struct transfer *t);

/* For others who send and receive. */
size_t transfer_size(const struct transfer *t, unsigned int number);
void transfer_write(const struct transfer *t, unsigned int number,
		    unsigned char *buf, size_t len);
bool transfer_is(const struct transfer *t, unsigned int number,
		 const unsigned char *buf, size_t len);
bool transfer_is_over(const struct transfer *t, unsigned int number);
bool transfer_all_came(const struct transfer *t);

/* fault.c */
bool fault_allow(void);
bool fault_finds(const char *function);
bool fault_only_in(const char *function, const char *except);
bool fault_not_in(const char *function);
void fault_anywhere(void);
int fault_arm(unsigned int n);
unsigned int fault_disarm(void);
int fault_cache(const char *cache, bool fail);
bool fault_storm_allow(void);
void fault_storm(unsigned int percent);
unsigned long fault_storm_struck(void);

/* thread.c */
unsigned int fewer(unsigned int count);
bool wait_others_asleep(int count);

/* module.c */
bool module_find(void);
int module_load(const char *args);
int module_try_unload(void);
int module_unload(void);

/*
 * For the harness: the call must fail with this error. Several in one test
 * stay readable, since the call itself is printed when it does not.
 */
#define EXPECT_FAILS(error, call) do {					\
	const int __expected = (error);					\
	int __ret, __err;						\
									\
	errno = 0;							\
	__ret = (call);							\
	__err = __ret == -1 ? errno : 0;				\
	EXPECT_EQ(__expected, __err) {					\
		TH_LOG("%s: returned %d, %s; expected %s", #call,	\
		       __ret, strerror(__err),				\
		       strerror(__expected));				\
	}								\
} while (0)

#endif /* _FPTEST_H */
