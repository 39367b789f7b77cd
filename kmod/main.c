// SPDX-License-Identifier: GPL-2.0
/* Module init and exit, and what a namespace gets. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <net/net_namespace.h>

#include "crc.h"
#include "fastproto.h"
#include "conn.h"

int fp_family = AF_FASTPROTO;
module_param_named(family, fp_family, int, 0444);
MODULE_PARM_DESC(family, "number of the socket family (default 18)");

unsigned int fp_net_id;

/* fault_test finds it by its name. */
static int __net_init fp_net_init(struct net *net)
{
	struct fp_net *fn = fp_net(net);
	int err;

	fn->mib = alloc_percpu(struct fp_mib);
	if (!fn->mib)
		return -ENOMEM;
	err = fp_conn_net_init(net);
	if (err) {	/* no memory for each CPU, which nothing injects */
		free_percpu(fn->mib);
		return err;
	}
	spin_lock_init(&fn->sockets_lock);
	mutex_init(&fn->endpoint_lock);
	INIT_LIST_HEAD(&fn->clients);
	INIT_LIST_HEAD(&fn->left);
	fp_setting_net_init(fn);
	return 0;
}

/*
 * Any number of namespaces wait for the same few grace periods: who deletes a
 * thousand of them is not to wait for thousands.
 */
static void __net_exit net_exit_batch(struct list_head *nets)
{
	struct net *net;

	list_for_each_entry(net, nets, exit_list)
		fp_conn_net_end(net);
	list_for_each_entry(net, nets, exit_list)
		fp_conn_net_wait(net);
	/* Their callbacks give the last ports back. */
	rcu_barrier();
	fp_endpoint_flush();
	list_for_each_entry(net, nets, exit_list)
		fp_endpoint_net_end(net);
	/* Softirq may still be in encap_rcv. */
	synchronize_net();
	/* Callbacks give routes back, to a namespace that counts them. */
	rcu_barrier();
	list_for_each_entry(net, nets, exit_list) {
		WARN_ON(atomic_read(&fp_net(net)->nr_sockets));
		fp_conn_net_exit(net);
		free_percpu(fp_net(net)->mib);
	}
}

static struct pernet_operations net_ops = {
	.init	= fp_net_init,
	.exit_batch = net_exit_batch,
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

	fp_crc_init();
	fp_setting_init();
	err = fp_packet_init();
	if (err)
		return err;
	err = fp_txbuf_init();
	if (err)
		goto exit_packet;
	err = fp_conn_init();
	if (err)
		goto exit_txbuf;
	err = fp_pool_init();
	if (err)
		goto exit_conn;
	err = fp_proto_init();
	if (err)
		goto exit_pool;
	err = fp_endpoint_init();
	if (err)
		goto exit_proto;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto exit_endpoint;
	err = fp_netlink_register();
	if (err)
		goto unregister_pernet;
	err = fp_family_register();
	if (err)
		goto unregister_netlink;
	return 0;

unregister_netlink:
	fp_netlink_unregister();
unregister_pernet:
	unregister_pernet_subsys(&net_ops);
exit_endpoint:
	fp_endpoint_exit();
exit_proto:
	fp_proto_exit();
exit_pool:
	fp_pool_exit();
exit_conn:
	fp_conn_exit();
exit_txbuf:
	fp_txbuf_exit();
exit_packet:
	fp_packet_exit();
	return err;
}

static void __exit fastproto_exit(void)
{
	fp_family_unregister();
	fp_netlink_unregister();
	unregister_pernet_subsys(&net_ops);
	fp_endpoint_exit();
	/* Softirq may still be in encap_rcv, and peers wait for their end. */
	synchronize_net();
	rcu_barrier();
	fp_proto_exit();
	fp_pool_exit();
	fp_conn_exit();
	fp_txbuf_exit();
	fp_packet_exit();
}

module_init(fastproto_init);
module_exit(fastproto_exit);

MODULE_DESCRIPTION("FastProto: whole messages over UDP, framed and checked in the kernel");
MODULE_AUTHOR("The FastProto authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(FP_MODULE_VERSION);
