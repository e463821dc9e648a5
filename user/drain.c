// SPDX-License-Identifier: GPL-2.0-only
/* The steps of a drain. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apply_steps.h"
#include "drain.h"

/* The pins of the namespace; @capture NULL: nothing was captured. */
struct drain_capture {
	struct bpffs fs;
	struct capture *capture;
};

static bool is_services(const char *name)
{
	return !strcmp(name, "services");
}

/* Under the lock of the folder, so that no apply comes between. */
static int begin(struct drain *d, char *error, size_t error_len)
{
	struct drain_capture *c = d->capture;
	int err = 0;

	if (bpffs_has(&c->fs, is_services)) {
		err = capture_open(&c->capture, &c->fs, error, error_len);
		if (!err)
			err = capture_guard(c->capture, &d->n_guarded, error, error_len);
	}
	if (err)
		return err;
	return kernel_drain(d->nl, KERNEL_DRAIN_BEGIN, d->deadline_ms, &d->state, error,
			    error_len);
}

int drain_begin(struct drain *d, uint32_t deadline_ms, char *error, size_t error_len)
{
	int err;

	memset(d, 0, sizeof(*d));
	d->deadline_ms = deadline_ms;
	d->capture = apply_alloc(1, sizeof(*d->capture));
	d->capture->fs.fd = -1;
	err = netlink_open(&d->nl, error, error_len);
	if (!err)
		err = bpffs_open(&d->capture->fs, 0, error, error_len);
	if (err)
		return err;
	d->cookie = d->capture->fs.cookie;
	if (d->capture->fs.fd >= 0)
		err = bpffs_lock(&d->capture->fs, error, error_len);
	if (err)
		return err;
	err = begin(d, error, error_len);
	bpffs_unlock(&d->capture->fs);
	return err;
}

/* The module holds nothing of a connection any more: take away what made it serve. */
static int finish(struct drain *d, char *error, size_t error_len)
{
	struct drain_capture *c = d->capture;
	struct apply a = { .nl = d->nl, .fs = { .fd = -1 }, .error = error,
			   .error_len = error_len };
	int err = 0, e;

	if (c->fs.fd >= 0) {
		err = bpffs_lock(&c->fs, error, error_len);
		if (!err && c->capture)
			err = capture_guard_hooks(c->capture, error, error_len);
		else if (!err)
			err = capture_guard_inbound(&c->fs, error, error_len);
	}
	e = kernel_read(a.nl, KERNEL_LISTENERS | KERNEL_CLUSTERS | KERNEL_GENERATIONS, &a.kernel,
			error, error_len);
	if (!e)
		e = apply_reset_kernel(&a);
	/* The connection is ours to close. */
	a.nl = NULL;
	apply_finish(&a);
	bpffs_unlock(&c->fs);
	return err ? err : e;
}

int drain_step(struct drain *d, uint32_t elapsed_ms, char *error, size_t error_len)
{
	unsigned int what = 0;
	int err;

	if (!d->stopped && elapsed_ms >= DRAIN_GRACE_MS) {
		what = KERNEL_DRAIN_STOP;
		d->stopped = true;
	}
	err = kernel_drain(d->nl, what, 0, &d->state, error, error_len);
	/* Its deadline was before that. */
	if (what && err == -ENOENT)
		err = kernel_drain(d->nl, 0, 0, &d->state, error, error_len);
	if (err)
		return err;
	if (d->state.on) {
		if (elapsed_ms < d->deadline_ms + DRAIN_PATIENCE_MS)
			return 0;
		snprintf(error, error_len,
			 "the module has not ended the drain %d s after its deadline; the kernel's log may say why",
			 DRAIN_PATIENCE_MS / 1000);
		return -ETIMEDOUT;
	}
	err = finish(d, error, error_len);
	d->done = !err;
	return err;
}

void drain_end(struct drain *d)
{
	if (d->capture) {
		capture_close(d->capture->capture);
		bpffs_close(&d->capture->fs);
		free(d->capture);
	}
	netlink_close(d->nl);
	memset(d, 0, sizeof(*d));
}
