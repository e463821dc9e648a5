// SPDX-License-Identifier: GPL-2.0-only
#include "downstream.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
