#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
#
# `l7fp-tool check`, under ASan and UBSan, over policies in the wild: no crash,
# no hang, and a verdict for every document. They lie beside the tree, or where
# L7FP_CORPORA says.

. "$(dirname "$0")/../lib.sh"

corpora=${L7FP_CORPORA:-$top/../shared/corpora}
tool=$build/unit/l7fp-tool
[ -d "$corpora/policies" ] || ktap_skip_all "no policies in ${L7FP_CORPORA:-../shared/corpora}"

summary='^[0-9]+ of [0-9]+ rules in the kernel, [0-9]+ on the slow path, [0-9]+ invalid$'

# verdict FILE: prints what is wrong with the answer for it.
verdict()
{
	local status

	timeout 60 "$tool" check "$1" >"$tmp/answer" 2>"$tmp/errors" </dev/null
	status=$?
	case $status in
	0|1) ;;
	124) echo "$1: no answer within a minute"; return ;;
	*) echo "$1: status $status: $(head -c 300 "$tmp/errors" | tr '\n' ' ')"; return ;;
	esac
	grep -qE 'Sanitizer|runtime error' "$tmp/errors" && echo "$1: $(head -n 3 "$tmp/errors")"
	tail -n 1 "$tmp/answer" | grep -qE "$summary" || echo "$1: no summary in the last line"
	[ "$(wc -l <"$tmp/answer")" -ge 2 ] || echo "$1: no verdict for the document"
}

folders=$(find "$corpora/policies" -mindepth 1 -maxdepth 1 -type d | sort)
# shellcheck disable=SC2086 # a list of words
set -- $folders
ktap_plan $(($# + 3))

for folder in "$@"; do
	bad=$(find "$folder" -type f -name '*.yaml' | sort | while read -r f; do verdict "$f"; done)
	check_equal "each document of ${folder##*/}" "" "$(head -n 20 <<<"$bad")"
done

timeout 300 "$tool" check "$corpora/policies" >"$tmp/all" 2>"$tmp/errors"
status=$?
check "all at once: it ends by itself" test $status -le 1
check "all at once: a summary" grep -qE "$summary" "$tmp/all"
ktap_note "$(tail -n 1 "$tmp/all")"
timeout 300 "$tool" check --json "$corpora/policies" >"$tmp/json" 2>>"$tmp/errors"
check "all at once: JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp/json"
