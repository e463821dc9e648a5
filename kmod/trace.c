// SPDX-License-Identifier: GPL-2.0-only
#include <linux/in6.h>
#include "exchange.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
