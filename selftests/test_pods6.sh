#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# test_pods.sh with IPv6 alone: sources, Services, inbound capture, principals by address.

family=6
. "$(dirname "$0")/test_pods.sh"
