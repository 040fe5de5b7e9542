#!/usr/bin/env bats
# `tare run --trace`: what was done, how long it took, and by which calls of the kernel.
# shellcheck disable=SC2154 # bats and the helpers set them
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_store
	TRACE=$BATS_TEST_TMPDIR/trace.json
}
teardown() { teardown_store; }

check() { python3 "$BATS_TEST_DIRNAME/trace_check.py" "$@"; }

@test "TR1 a trace's operations are in order, within each other, and those of the plan" {
	local options
	for options in "" "--userns auto --init" "--read-only -m 64m -v data:/data -u 1000:1000" "--privileged --pid host"; do
		# shellcheck disable=SC2086 # words
		tare run --rm --network none --trace="$TRACE" $options "$ROOTFS" true
		check whole "$TRACE"
		# shellcheck disable=SC2086
		tare run --rm --network none --plan=json $options "$ROOTFS" true >"$BATS_TEST_TMPDIR/plan.json"
		check plan "$TRACE" "$BATS_TEST_TMPDIR/plan.json"
	done
}

@test "TR2 the operations tell of 95 % of the time" {
	local number kind
	for number in 1 2 3 4 5; do
		tare run --rm --trace="$BATS_TEST_TMPDIR/run$number.json" "$ROOTFS" true
		tare run -d --rm --trace="$BATS_TEST_TMPDIR/detached$number.json" "$ROOTFS" sleep 0.1
		tare run --rm --trace="$BATS_TEST_TMPDIR/long$number.json" "$ROOTFS" sleep 0.2
		run -127 tare run --rm --trace="$BATS_TEST_TMPDIR/failed$number.json" "$ROOTFS" nonsense
	done
	for kind in run detached long failed; do check covered "$BATS_TEST_TMPDIR/$kind"*.json; done
	wait_until 20 no_containers
}
no_containers() { [[ -z $(tare ps -aq) ]]; }

@test "the calls of the kernel are those that strace sees" {
	strace -f -qq -o "$BATS_TEST_TMPDIR/strace" "$TARE_BIN_DIR/tare" run --rm --network none --trace="$TRACE" "$ROOTFS" true
	check strace "$TRACE" "$BATS_TEST_TMPDIR/strace"
}

@test "a run that is not traced makes no call for that" {
	local plain traced
	strace -f -qq -e trace=clock_gettime,mmap,open,openat -o "$BATS_TEST_TMPDIR/plain" "$TARE_BIN_DIR/tare" run --rm "$ROOTFS" true
	strace -f -qq -e trace=clock_gettime,mmap,open,openat -o "$BATS_TEST_TMPDIR/traced" "$TARE_BIN_DIR/tare" run --rm --trace="$TRACE" "$ROOTFS" true
	plain=$(grep -cE 'clock_gettime|MAP_SHARED\|MAP_ANONYMOUS|cmdline' "$BATS_TEST_TMPDIR/plain" || true)
	traced=$(grep -cE 'clock_gettime|MAP_SHARED\|MAP_ANONYMOUS|cmdline' "$BATS_TEST_TMPDIR/traced" || true)
	equal "calls for a trace" "$plain" 0
	[[ $traced -ge 3 ]]
}

@test "the text says who did what, when, for how long, and with which calls" {
	run --separate-stderr tare run --rm --hostname box --trace "$ROOTFS" echo hello
	equal output "$output" hello
	local number='[0-9]+\.[0-9]{3}'
	grep -qE "^ +$number +$number  tare +look at the host$" <<<"$stderr"
	grep -qE "^ +$number +$number  tare-init +set the hostname to box$" <<<"$stderr"
	grep -qE "^ +$number +$number +\+ sethostname\(\"box\", 3\) = 0$" <<<"$stderr"
	grep -qE "^ +$number +$number  monitor +make the cgroup /tare-[0-9a-f]{64}$" <<<"$stderr"
	grep -qE "^ +$number +$number  tare-init +the command runs: echo hello$" <<<"$stderr"
	grep -qE "[0-9]+ calls of the kernel; the operations tell of [0-9.]+ % of the time$" <<<"$stderr"
}

@test "a run that fails is traced up to where it failed, and why" {
	run -127 --separate-stderr tare run --rm --trace="$TRACE" "$ROOTFS" nonsense
	grep -q 'executable file not found' <<<"$stderr"
	jq -e '.lanes[2].operations[-1].calls[0] | .name == "execve" and .result == "-1 ENOENT"' "$TRACE"
	run -125 --separate-stderr tare run --rm --trace="$TRACE" "$BATS_TEST_TMPDIR/missing" true
	jq -e '[.lanes[].name] == ["tare"]' "$TRACE"
	equal containers "$(tare ps -aq)" ""
}

@test "a filter that forbids all but the needed calls does not keep tare-init from being traced" {
	cat >"$BATS_TEST_TMPDIR/profile.json" <<-'END'
		{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		  {"names": ["clock_gettime", "gettimeofday", "clock_nanosleep"], "action": "SCMP_ACT_KILL_PROCESS"}]}
	END
	tare run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" --trace="$TRACE" "$ROOTFS" true
	check whole "$TRACE"
}

@test "what passes through a run is not in its trace" {
	tare run --rm -i --trace="$TRACE" "$ROOTFS" cat <<<"s3cret" >/dev/null
	check whole "$TRACE"
	run -1 grep -c s3cret "$TRACE"
}

@test "a name cannot forge a line of the text" {
	run -127 --separate-stderr tare run --rm --trace "$ROOTFS" $'no\nforged\e[31m'
	run -1 grep -E $'^forged|\e' <<<"$stderr"
}

@test "a trace that cannot be written leaves the run's outcome as it is" {
	run -7 --separate-stderr tare run --rm --trace=/dev/full "$ROOTFS" sh -c 'exit 7'
	[[ $stderr == *"the trace cannot be written"* ]]
	run -127 --separate-stderr tare run --rm --trace=/dev/full "$ROOTFS" nonsense
	[[ $stderr == *"executable file not found"* ]]
}

@test "a detached container's monitor records nothing once its client is gone" {
	tare run -d --name behind --trace="$TRACE" "$ROOTFS" sleep 1000
	check whole "$TRACE"
	wait_until 20 not_shared "$(pgrep -f '^tare: monitor behind$')"
}
not_shared() { ! grep -q ' rw-s .*/dev/zero' "/proc/$1/maps"; }

@test "a file that cannot be written is told before anything is done" {
	run -125 --separate-stderr tare run --trace="$BATS_TEST_TMPDIR/missing/trace.json" "$ROOTFS" true
	[[ $stderr == *"missing/trace.json: No such file or directory"* ]]
	equal containers "$(tare ps -aq)" ""
}
