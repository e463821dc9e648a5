# SPDX-License-Identifier: GPL-2.0-only
#
# Count the results in a KTAP log: prints "PASSED FAILED SKIPPED". A result with
# subtests of its own is their summary and not counted, unless it failed and
# none of them did. A plan that is not met, or none at all, is one failure more.
#
#   awk -v status=N -f ktap.awk LOG	N is the exit status of the test

function depth_of(line,   n)
{
	match(line, /^ */)
	n = int(RLENGTH / 4)
	return n > 15 ? 15 : n
}

function end_of_children(d,   i)
{
	for (i = d + 1; i <= 15; i++) {
		children[i] = 0
		child_failures[i] = 0
	}
}

{
	sub(/\r$/, "")
	# A kernel log has a time stamp before each line.
	sub(/^\[ *[0-9]+\.[0-9]+\] /, "")
}

/^ *1\.\.[0-9]+/ {
	line = $0
	d = depth_of(line)
	sub(/^ */, "", line)
	if (d == 0) {
		plan = substr(line, 4) + 0
		planned = 1
		if (line ~ /# *SKIP/)
			skip_all = 1
	}
	next
}

/^ *Bail out!/ {
	bailed = 1
	next
}

/^ *(not )?ok [0-9]+/ {
	d = depth_of($0)
	failed = ($0 ~ /^ *not ok/)
	skip = ($0 ~ /# *SKIP/)
	if (d == 0)
		results++
	if (children[d + 1] > 0) {
		if (failed && child_failures[d + 1] == 0) {
			n_failed++
			child_failures[d]++
		} else if (failed) {
			child_failures[d]++
		}
	} else if (failed) {
		n_failed++
		child_failures[d]++
	} else if (skip) {
		n_skipped++
	} else {
		n_passed++
	}
	end_of_children(d)
	children[d]++
}

END {
	if (skip_all || (status == 4 && !results))
		n_skipped++
	else if (bailed || !results || (planned && plan != results))
		n_failed++
	else if (status != 0 && status != 4 && !n_failed)
		n_failed++
	print n_passed + 0, n_failed + 0, n_skipped + 0
}
