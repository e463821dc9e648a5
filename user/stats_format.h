/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters as text, as JSON, and in Prometheus' text exposition format.
 */
#ifndef _L7FP_STATS_FORMAT_H
#define _L7FP_STATS_FORMAT_H

#include <stdio.h>
#include "json_out.h"
#include "kernel.h"

/* @zeroes: also counters that are 0. */
void stats_text(FILE *out, const struct kernel *kernel, bool zeroes);
void stats_json(struct json *j, const struct kernel *kernel);
/* Version 0.0.4; the content type is STATS_PROMETHEUS_TYPE. */
void stats_prometheus(FILE *out, const struct kernel *kernel);

#define STATS_PROMETHEUS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

#endif /* _L7FP_STATS_FORMAT_H */
