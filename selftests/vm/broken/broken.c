// SPDX-License-Identifier: GPL-2.0
/*
 * Does what no module may do, one thing each time it is loaded, to prove that
 * the debugging kernels notice. Built for that test only, never installed.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <net/net_namespace.h>
#include <net/udp_tunnel.h>

static char *fault = "";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "what to do wrong: the name of a function below");

static void use_after_free(void)
{
	int *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	WRITE_ONCE(*p, 1);
}

static void out_of_bounds(void)
{
	size_t len = 40;
	char *p = kmalloc(len, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(len);
	if (p)
		WRITE_ONCE(p[len], 1);
	kfree(p);
}

static void leak(void)
{
	/* Nobody keeps the pointer; it is not to stay in a register either. */
	int *p = kmalloc(1000, GFP_KERNEL);

	if (p)
		WRITE_ONCE(*p, 1);
}

static void lock_inversion(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);

	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

static void sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	msleep(20);
	spin_unlock(&lock);
}

static void rcu_without_lock(void)
{
	static int value;
	static int __rcu *pointer = (int __force __rcu *)&value;

	WRITE_ONCE(value, *rcu_dereference(pointer));
}

static void shift_too_far(void)
{
	int bits = 40;

	OPTIMIZER_HIDE_VAR(bits);
	pr_info("broken: %d\n", 1 << bits);
}

static void expire(struct timer_list *timer)
{
}

static void free_armed_timer(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, expire, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void corrupt_list(void)
{
	LIST_HEAD(head);
	struct list_head entry;

	list_add(&entry, &head);
	entry.next = &entry;
	list_del(&entry);
}

static void refcount_underflow(void)
{
	refcount_t refs = REFCOUNT_INIT(1);

	refcount_dec(&refs);
}

static void keep_namespace(void)
{
	get_net(current->nsproxy->net_ns);
}

static void keep_port(void)
{
	struct udp_port_cfg port = { .family = AF_INET };
	struct socket *sock;

	if (udp_sock_create(&init_net, &port, &sock))
		pr_err("broken: no socket\n");
}

/* Nobody's: what vm/emulator forgives is one that is not there any more. */
static void breakpoint(void)
{
	asm volatile("int3");
}

static int racy_counter;

static int count(void *done)
{
	unsigned long end = jiffies + 10 * HZ;

	while (time_before(jiffies, end)) {
		racy_counter++;
		barrier();
	}
	complete(done);
	return 0;
}

static void race(void)
{
	struct completion done;
	int threads = 0, i;

	init_completion(&done);
	for (i = 0; i < 2; i++)
		threads += !IS_ERR(kthread_run(count, &done, "broken/%d", i));
	while (threads--)
		wait_for_completion(&done);
}

#define FAULT(name) { #name, name }

static const struct {
	const char *name;
	void (*commit)(void);
} faults[] = {
	FAULT(use_after_free), FAULT(out_of_bounds), FAULT(leak),
	FAULT(lock_inversion), FAULT(sleep_in_atomic), FAULT(rcu_without_lock),
	FAULT(shift_too_far), FAULT(free_armed_timer), FAULT(corrupt_list),
	FAULT(refcount_underflow), FAULT(keep_namespace), FAULT(keep_port),
	FAULT(breakpoint), FAULT(race),
};

static int __init broken_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(fault, faults[i].name))
			continue;
		faults[i].commit();
		return 0;
	}
	return -EINVAL;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_DESCRIPTION("Faults that a debugging kernel has to notice");
MODULE_LICENSE("GPL");
