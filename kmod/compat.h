/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernel versions, and nothing else.
 */
#ifndef _L7FP_COMPAT_H
#define _L7FP_COMPAT_H

#include <linux/module.h>
#include <linux/version.h>

/* The namespace became a string in 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define L7FP_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#else
#define L7FP_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#endif

#endif /* _L7FP_COMPAT_H */
