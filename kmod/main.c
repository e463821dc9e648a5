// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module entry and exit.
 */
#include <linux/init.h>
#include <linux/module.h>
#include "app.h"
#include "capture.h"
#include "downstream.h"
#include "netlink.h"
#include "policy.h"
#include "state.h"
#include "steer.h"

static int __init l7fp_init(void)
{
	int err;

	err = l7fp_engine_init();
	if (err)
		goto err_engine;
	err = l7fp_app_init();
	if (err)
		goto err_app;
	err = l7fp_capture_init();
	if (err)
		goto err_capture;
	err = l7fp_policy_init();
	if (err)
		goto err_policy;
	err = l7fp_state_init();
	if (err)
		goto err_state;
	err = l7fp_kfuncs_init();
	if (!err)
		err = l7fp_steer_init();
	if (err)
		goto err_kfuncs;
	err = l7fp_handshake_init();
	if (err)
		goto err_kfuncs;
	err = l7fp_netlink_init();
	if (err)
		goto err_netlink;
	return 0;

err_netlink:
	l7fp_handshake_uninit();
err_kfuncs:
	l7fp_state_uninit();
err_state:
	l7fp_policy_uninit();
err_policy:
	l7fp_capture_uninit();
err_capture:
	l7fp_app_uninit();
err_app:
	l7fp_engine_uninit();
err_engine:
	return err;
}

static void __exit l7fp_exit(void)
{
	l7fp_netlink_uninit();
	l7fp_handshake_uninit();
	l7fp_state_uninit();
	l7fp_policy_uninit();
	l7fp_capture_uninit();
	l7fp_app_uninit();
	l7fp_engine_uninit();
	/* Callbacks that were queued by the above must not outlive the text. */
	rcu_barrier();
}

module_init(l7fp_init);
module_exit(l7fp_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application-layer policies of a service mesh, enforced in the kernel");
