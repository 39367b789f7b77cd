/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs between the kernels that we build for, 6.1 and 6.12. The
 * rest of the module reads as if written for the newest.
 */
#ifndef _FP_COMPAT_H
#define _FP_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <net/flow.h>
#include <net/route.h>
#include <net/sock.h>

/*
 * A large local variable that is filled in as far as it is used: kernels with
 * CONFIG_INIT_STACK_ALL_ZERO would clear all of it first.
 */
#if __has_attribute(__uninitialized__)
#define __fp_uninitialized	__attribute__((__uninitialized__))
#else
#define __fp_uninitialized
#endif

/* 6.5: proto.ioctl hands over the value instead of a user pointer. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define FP_IOCTL_ARG	unsigned long

static inline int fp_ioctl_store(FP_IOCTL_ARG arg, int val)
{
	return put_user(val, (int __user *)arg);
}
#else
#define FP_IOCTL_ARG	int *

static inline int fp_ioctl_store(FP_IOCTL_ARG arg, int val)
{
	*arg = val;
	return 0;
}
#endif

/* 6.3: encap_err_rcv is told the UDP payload instead of the header's offset. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define FP_ENCAP_ERR_RCV(name, handler)					\
static void name(struct sock *sk, struct sk_buff *skb, unsigned int off)	\
{									\
	handler(sk, skb, (const struct udphdr *)(skb->data + off));	\
}
#else
#define FP_ENCAP_ERR_RCV(name, handler)					\
static void name(struct sock *sk, struct sk_buff *skb, int err,		\
		 __be16 port, u32 info, u8 *payload)			\
{									\
	handler(sk, skb, (const struct udphdr *)payload - 1);		\
}
#endif

/* 6.9: a route on the link only is asked for by scope, not by a TOS bit. */
static inline void fp_flow4_set_onlink(struct flowi4 *fl4)
{
#ifdef RTO_ONLINK
	fl4->flowi4_tos |= RTO_ONLINK;
#else
	fl4->flowi4_scope = RT_SCOPE_LINK;
#endif
}

/* 6.10: accept's arguments are in a struct. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
struct proto_accept_arg {
	int flags;
	bool kern;
};
#endif

int fp_accept(struct socket *sock, struct socket *newsock,
	      const struct proto_accept_arg *arg);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline int fp_proto_accept(struct socket *sock, struct socket *newsock,
				  int flags, bool kern)
{
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };

	return fp_accept(sock, newsock, &arg);
}
#else
static inline int fp_proto_accept(struct socket *sock, struct socket *newsock,
				  struct proto_accept_arg *arg)
{
	return fp_accept(sock, newsock, arg);
}
#endif

/* 6.13: the function is given when an hrtimer is made. */
static inline void fp_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*function)(struct hrtimer *),
				    clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}

/* 6.3: a mapping's flags are changed by a function. */
static inline void fp_vm_flags_set(struct vm_area_struct *vma,
				   unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

/* 6.10: what a struct ubuf_info's owner does is in a table. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define FP_UBUF_OPS(name, complete)					\
static void (*const name)(struct sk_buff *, struct ubuf_info *, bool) = complete

static inline void fp_ubuf_init(struct ubuf_info *ubuf,
				void (*complete)(struct sk_buff *,
						 struct ubuf_info *, bool))
{
	ubuf->callback = complete;
	ubuf->flags = SKBFL_ZEROCOPY_FRAG | SKBFL_DONT_ORPHAN;
	refcount_set(&ubuf->refcnt, 1);
}
#else
#define FP_UBUF_OPS(name, function)					\
static const struct ubuf_info_ops name = { .complete = function }

#define fp_ubuf_init(ubuf, table)	__fp_ubuf_init(ubuf, &(table))

static inline void __fp_ubuf_init(struct ubuf_info *ubuf,
				  const struct ubuf_info_ops *ops)
{
	ubuf->ops = ops;
	ubuf->flags = SKBFL_ZEROCOPY_FRAG | SKBFL_DONT_ORPHAN;
	refcount_set(&ubuf->refcnt, 1);
}
#endif

/*
 * 6.7: a socket may ask to see the options of SOL_SOCKET. Before, the core refuses
 * SO_ZEROCOPY by itself.
 */
static inline void fp_take_sol_socket(struct socket *sock)
{
#ifdef SOCK_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* 6.10: dst_rtable() */
#ifndef dst_rtable
#define dst_rtable(ptr)	container_of(ptr, struct rtable, dst)
#endif

#endif /* _FP_COMPAT_H */
