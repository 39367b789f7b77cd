// SPDX-License-Identifier: GPL-2.0
/*
 * Puts right what QEMU's processors do wrong (seen in 7.2, with more than one). The
 * kernel changes an instruction of its own by way of a breakpoint, which it takes
 * away at the end; another processor may still run it after that, since it has
 * translated it before. Linux 6.12 dies of a breakpoint of which nobody knows ("Oops:
 * int3"). Here such a processor looks once more at what is there: the instruction,
 * or the breakpoint of another change, of which the kernel knows.
 *
 * Whoever really has a breakpoint of his own meets it again and again, and the
 * kernel dies as it should.
 */
#include <linux/atomic.h>
#include <linux/kdebug.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/ptrace.h>
#include <asm/text-patching.h>

#define TIMES	1000	/* in a row, at one place */

static atomic_t caught = ATOMIC_INIT(0);
static DEFINE_PER_CPU(unsigned long, last);
static DEFINE_PER_CPU(unsigned int, times);

/* Context: as of a non-maskable interrupt. */
static int look_again(struct notifier_block *block, unsigned long what, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;
	unsigned long at = regs->ip - INT3_INSN_SIZE;

	if (what != DIE_INT3 || user_mode(regs))
		return NOTIFY_DONE;
	if (this_cpu_read(last) != at) {
		this_cpu_write(last, at);
		this_cpu_write(times, 0);
	}
	if (*(const u8 *)at == INT3_INSN_OPCODE &&
	    this_cpu_inc_return(times) > TIMES)
		return NOTIFY_DONE;
	regs->ip = at;
	atomic_inc(&caught);
	return NOTIFY_STOP;
}

static struct notifier_block block = { .notifier_call = look_again };

static int get_caught(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&caught));
}

static const struct kernel_param_ops caught_ops = { .get = get_caught };
module_param_cb(caught, &caught_ops, NULL, 0444);
MODULE_PARM_DESC(caught, "breakpoints that were not there");

static int __init emulator_init(void)
{
	return register_die_notifier(&block);
}

static void __exit emulator_exit(void)
{
	unregister_die_notifier(&block);
}

module_init(emulator_init);
module_exit(emulator_exit);
MODULE_DESCRIPTION("Puts right what an emulated processor does wrong");
MODULE_LICENSE("GPL");
