// SPDX-License-Identifier: GPL-2.0
/* Module init and exit, and what a namespace gets. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <net/net_namespace.h>

#include "fastproto.h"

int fp_family = AF_FASTPROTO;
module_param_named(family, fp_family, int, 0444);
MODULE_PARM_DESC(family, "number of the socket family (default 18)");

unsigned int fp_net_id;

static int __net_init net_init(struct net *net)
{
	struct fp_net *fn = fp_net(net);

	fn->mib = alloc_percpu(struct fp_mib);
	if (!fn->mib)
		return -ENOMEM;
	xa_init_flags(&fn->sockets, XA_FLAGS_ALLOC);
	fn->copybreak = FP_COPYBREAK;
	return 0;
}

static void __net_exit net_exit(struct net *net)
{
	struct fp_net *fn = fp_net(net);

	WARN_ON(!xa_empty(&fn->sockets));
	free_percpu(fn->mib);
}

static struct pernet_operations net_ops = {
	.init	= net_init,
	.exit	= net_exit,
	.id	= &fp_net_id,
	.size	= sizeof(struct fp_net),
};

static int __init fastproto_init(void)
{
	int err;

	if (fp_family <= AF_UNSPEC || fp_family >= NPROTO) {
		pr_err("family must be 1 to %d\n", NPROTO - 1);
		return -EINVAL;
	}

	err = fp_packet_init();
	if (err)
		return err;
	err = proto_register(&fp_proto, 1);
	if (err)
		goto exit_packet;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto unregister_proto;
	err = fp_netlink_register();
	if (err)
		goto unregister_pernet;
	fp_endpoint_init();
	err = fp_family_register();
	if (err)
		goto exit_endpoint;
	return 0;

exit_endpoint:
	fp_endpoint_exit();
	fp_netlink_unregister();
unregister_pernet:
	unregister_pernet_subsys(&net_ops);
unregister_proto:
	proto_unregister(&fp_proto);
exit_packet:
	fp_packet_exit();
	return err;
}

static void __exit fastproto_exit(void)
{
	fp_family_unregister();
	fp_endpoint_exit();
	fp_netlink_unregister();
	unregister_pernet_subsys(&net_ops);
	/* Softirq may still be in encap_rcv, and peers wait for their end. */
	synchronize_net();
	rcu_barrier();
	proto_unregister(&fp_proto);
	fp_packet_exit();
}

module_init(fastproto_init);
module_exit(fastproto_exit);

MODULE_DESCRIPTION("FastProto: whole messages over UDP, framed and checked in the kernel");
MODULE_AUTHOR("The FastProto authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(FP_MODULE_VERSION);
