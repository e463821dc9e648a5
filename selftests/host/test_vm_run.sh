#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
#
# tools/vm/run brings back output and status, ends what hangs, and fails when
# the kernel reports an error.

. "$(dirname "$0")/../lib.sh"
need qemu-system-x86_64
[ -z "${L7FP_VM:-}" ] || ktap_skip_all "already in the machine"

vm=$top/tools/vm/run
ktap_plan 13

result=build/vm/test-$$
at_exit "rm -f $top/$result"
cd "$top" || exit 1

"$vm" --timeout 300 -- bash -c 'echo "a  b"; echo e >&2; echo r >"$1"; echo w >/usr/l7fp; exit 7' \
	x "$result" >"$tmp/out" 2>"$tmp/err"
check_equal "the command's status" 7 $?
check_equal "its output" "a  b" "$(cat "$tmp/out")"
check_equal "its errors" e "$(grep -v '^tools/vm/run: the machine died while' "$tmp/err")"
check_equal "build/ is shared" r "$(cat "$result")"
check "nothing else is" test ! -e /usr/l7fp

"$vm" --timeout 300 --icount 'nproc; id -u; (sleep 1000 &); uname -r >&2' >"$tmp/out" 2>&1
check_equal "counting instructions: two processors, root, 6.12" "2 0 6.12." \
	"$(tr '\n' ' ' <"$tmp/out" | cut -c1-9)"

"$vm" --timeout 300 'echo "<4>WARNING: CPU: 0 PID: 1 at x" >/dev/kmsg' >"$tmp/out" 2>&1
check_equal "a kernel report fails the run" 125 $?
check "and is printed" grep -q 'WARNING: CPU: 0 PID: 1 at x' "$tmp/out"

"$vm" --timeout 40 'sleep 1000' >"$tmp/out" 2>&1
check_equal "a hang ends at the limit" 124 $?
check "with the console log" grep -q 'Linux version' "$tmp/out"

# A kernel that panics before the command: the first L7FP_TEST_PANICS machines are such.
mkdir "$tmp/bin"
cat >"$tmp/bin/qemu-system-x86_64" <<EOF
#!/bin/bash
echo x >>$tmp/boots
[ \$(wc -l <$tmp/boots) -gt \$L7FP_TEST_PANICS ] && exec $(command -v qemu-system-x86_64) "\$@"
for a; do
	case \$a in
	file,id=console,*) echo 'Kernel panic - not syncing: x' >"\${a#*path=}" ;;
	file,id=out,*|file,id=err,*) : >"\${a#*path=}" ;;
	esac
done
EOF
chmod 755 "$tmp/bin/qemu-system-x86_64"

boots()
{
	rm -f "$tmp/boots"
	L7FP_TEST_PANICS=$1 PATH=$tmp/bin:$PATH "$vm" --timeout 300 'exit 7' >"$tmp/out" 2>&1
	echo "$? after $(wc -l <"$tmp/boots")"
}
check_equal "a machine that dies while it boots is started again" "7 after 2" "$(boots 1)"
check "which is said" grep -q 'died while it booted' "$tmp/out"
check_equal "once" "125 after 2" "$(boots 9)"
