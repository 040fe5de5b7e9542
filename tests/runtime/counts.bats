#!/usr/bin/env bats
# What a container costs in counts, which nothing else that the machine does can change. Times are for ./dev bench.
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	command -v strace >/dev/null || skip "no strace here"
	setup_runtime
	TRACE=$BATS_TEST_TMPDIR/trace
	configure '.root.readonly = true'  # as `spec` writes it
	command_is true
}
teardown() { [[ -z ${BUNDLE:-} ]] || teardown_runtime; }

# counted COMMAND...: its calls of the kernel and those of all that it starts, in $TRACE, without busybox's own.
counted() { strace -f -qq -o "$TRACE" "$@" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
# Of each process only up to the last program that tare executes: what that one does is not ours.
calls() { awk '
	/ resumed>|^[0-9]+ +(\+\+\+|---)/ { next }
	{ call = $2; sub(/\(.*/, "", call) }
	ended[$1] { next }
	{ print call, $0 }
	call == "execve" && !/tare-runtime|crun|runc/ { ended[$1] = 1 }' "$TRACE"; }
count() { calls | awk -v name="^($1)$" '$1 ~ name { n++ } END { print n + 0 }'; }
written() { calls | sed -n -E 's/^(write|pwrite64|sendto|sendmsg) .* = ([0-9]+)$/\2/p' | awk '{ sum += $1 } END { print sum + 0 }'; }

# at_most WHAT COUNT LIMIT
at_most() {
	if (($2 <= $3)); then return; fi
	echo "$1: $2, at most $3"
	calls | cut -d' ' -f1 | sort | uniq -c | sort -rn | head -20
	return 1
}

@test "PF1 a run takes few calls of the kernel's, programs and processes, writes little and waits for no disk" {
	counted "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID"
	at_most "calls" "$(count '.*')" 550
	at_most "programs executed" "$(count 'execve|execveat')" 3 # itself, tare-init, the container's
	at_most "processes made" "$(count 'clone|clone3|fork|vfork')" 1
	at_most "waits for a disk" "$(count 'f.*sync|sync.*')" 0
	at_most "mounts" "$(count 'mount|move_mount')" 40
	at_most "unmounts" "$(count 'umount2')" 1
	at_most "paths walked in the root" "$(count openat2)" 40
	at_most "bytes written" "$(written)" 65536
	nothing_left
}

@test "PF2 an exec takes few calls of the kernel's, programs and processes" {
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	counted "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" exec "$ID" true
	at_most "calls" "$(count '.*')" 290
	at_most "programs executed" "$(count 'execve|execveat')" 3
	at_most "processes made" "$(count 'clone|clone3|fork|vfork')" 2
	at_most "waits for a disk" "$(count 'f.*sync|sync.*')" 0
	at_most "bytes written" "$(written)" 65536
}

@test "PF3 each container in a list takes twelve calls more" {
	command_is sleep 1000
	local i one
	for ((i = 0; i < 4; i++)); do
		runtime create --bundle "$BUNDLE" "$ID-$i" </dev/null >/dev/null 2>&1 3>&-
		((i > 0)) || counted "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" list
		((i > 0)) || one=$(count '.*')
	done
	counted "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" list
	at_most "calls for three more" $(($(count '.*') - one)) $((3 * 12))
}

@test "PF4 a run takes no more calls, programs and processes than crun's" {
	local crun
	crun=$(command -v crun) || skip "no crun here"
	configure '.ociVersion = "1.0.2"'
	"$crun" --root "$BATS_TEST_TMPDIR/crun" run --bundle "$BUNDLE" "$ID-other" </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/refusal" 3>&- ||
		skip "crun does not work here: $(head -n 1 "$BATS_TEST_TMPDIR/refusal")"
	declare -A theirs ours
	# measure INTO COMMAND...
	measure() {
		local -n into=$1
		shift
		counted "$@" run --bundle "$BUNDLE" "$ID"
		calls | grep -q '^execve .*"true"' # the container's program was executed
		# shellcheck disable=SC2034 # it is the caller's
		into=([calls]=$(count '.*') [programs]=$(count 'execve|execveat') [processes]=$(count 'clone|clone3|fork|vfork')
			[written]=$(written))
	}
	measure theirs "$crun" --root "$BATS_TEST_TMPDIR/crun"
	measure ours "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT"
	local what
	for what in calls programs processes; do at_most "$what" "${ours[$what]}" "${theirs[$what]}"; done
	at_most "bytes written" "${ours[written]}" 65536
}
