#!/usr/bin/env bats
# Fields of config.json that few containers have: what each says is what the process sees.
# shellcheck disable=SC2016 # the container expands it
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

run_it() { runtime run --bundle "$BUNDLE" "$ID" </dev/null; }
# start_it: the container in the background; its process is $PID.
start_it() {
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	PID=$(runtime state "$ID" | jq .pid)
}
# refuses FILTER WORDS: the config changed so is refused with these words, and nothing is left.
refuses() {
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good"
	configure "$1"
	run run_it
	cp "$BATS_TEST_TMPDIR/good" "$BUNDLE/config.json"
	equal "code for $1" "$status" 1
	[[ $output == *"$2"* ]] || { echo "$1: $output" && false; }
	nothing_left
}
# scheduler_of PID: policy and priority as sched(7) numbers them, nice: fields 41, 40 and 19 of proc_pid_stat(5).
scheduler_of() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $39, $38, $17 }'; }
io_priority_of() { ionice -p "$1"; }
allowed_processors() { sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$1/status"; }

@test "F1 process.scheduler: policy, priority, nice, and those of exec" {
	command_is sleep 1000
	configure '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 5}'
	start_it
	equal batch "$(scheduler_of "$PID")" "3 0 5"
	runtime exec "$ID" sh -c 'sed "s/.*) //" /proc/self/stat | cut -d" " -f 17,39' >"$BATS_TEST_TMPDIR/exec"
	equal exec "$(cat "$BATS_TEST_TMPDIR/exec")" "5 3"
	runtime delete --force "$ID"
	configure '.process.scheduler = {"policy": "SCHED_IDLE"}'
	start_it
	equal idle "$(scheduler_of "$PID")" "5 0 0"
	runtime delete --force "$ID"
	refuses '.process.scheduler = {"policy": "SCHED_SOME"}' 'process.scheduler.policy: "SCHED_SOME" is none of SCHED_OTHER, SCHED_FIFO'
	refuses '.process.scheduler = {"nice": 1}' 'process.scheduler: policy is missing'
	refuses '.process.scheduler = {"policy": "SCHED_OTHER", "priority": 4}' 'process.scheduler: priority is for SCHED_FIFO and SCHED_RR'
	refuses '.process.scheduler = {"policy": "SCHED_RR", "runtime": 4}' 'process.scheduler: runtime, deadline and period are for'
	refuses '.process.scheduler = {"policy": "SCHED_FIFO", "flags": ["SCHED_FLAG_X"], "priority": 4}' 'process.scheduler.flags[0]: "SCHED_FLAG_X" is none of'
	refuses '.process.scheduler = {"policy": "SCHED_OTHER", "nice": 20}' 'process.scheduler.nice'
	refuses '.process.scheduler = {"policy": "SCHED_ISO"}' 'cannot set process.scheduler: invalid argument'
}

@test "F1 process.scheduler: realtime and deadlines" {
	command_is sleep 1000
	# Where realtime is shared out to cgroups, those have none to begin with.
	if [[ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]]; then
		refuses '.process.scheduler = {"policy": "SCHED_RR", "priority": 1}' 'a cgroup that has some (resources.cpu.realtimeRuntime)'
		configure '.linux.resources.cpu.realtimeRuntime = 10000'
	fi
	configure '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	start_it
	equal fifo "$(scheduler_of "$PID" | cut -d' ' -f1,2)" "1 7"
	[[ $(chrt -p "$PID") == *SCHED_RESET_ON_FORK* ]]
	runtime delete --force "$ID"
	configure '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 20000000, "period": 40000000}'
	start_it
	equal deadline "$(scheduler_of "$PID" | cut -d' ' -f1)" 6
	[[ $(chrt -p "$PID") == *1000000/20000000/40000000* ]]
}

@test "F2 process.ioPriority" {
	command_is sleep 1000
	configure '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 2}'
	start_it
	equal best-effort "$(io_priority_of "$PID")" "best-effort: prio 2"
	runtime delete --force "$ID"
	configure '.process.ioPriority = {"class": "IOPRIO_CLASS_IDLE"}'
	start_it
	equal idle "$(io_priority_of "$PID")" "idle"
	runtime delete --force "$ID"
	configure '.process.ioPriority = {"class": "IOPRIO_CLASS_RT", "priority": 7}'
	start_it
	equal realtime "$(io_priority_of "$PID")" "realtime: prio 7"
	runtime delete --force "$ID"
	refuses '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 8}' 'process.ioPriority.priority'
	refuses '.process.ioPriority = {"priority": 4}' 'process.ioPriority: class is missing'
}

@test "F3 process.execCPUAffinity is of exec only" {
	command_is sleep 1000
	configure '.process.execCPUAffinity = {"initial": "0", "final": "1"}'
	start_it
	local all
	all=$(allowed_processors "$PID")
	[[ $all != 1 ]]
	equal "with a final one" "$(runtime exec "$ID" sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" 1
	jq '.process | .args = ["sed", "-n", "s/^Cpus_allowed_list:\t//p", "/proc/self/status"] | .execCPUAffinity = {"initial": "1"}' \
		"$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
	equal "initial alone" "$(runtime exec --process "$BATS_TEST_TMPDIR/process.json" "$ID")" "$all"
	strace -f -e trace=sched_setaffinity,clone3 -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" exec "$ID" true
	[[ $(grep -m 1 -B 1 clone3 "$BATS_TEST_TMPDIR/trace" | head -n 1) == *'sched_setaffinity(0, 1, [0])'* ]]
	run runtime exec --process <(jq '.execCPUAffinity.final = "4000"' "$BATS_TEST_TMPDIR/process.json") "$ID"
	equal "code of a processor that is not there" "$status" 255
	[[ $output == *"cannot set process.execCPUAffinity.final to 4000"* ]]
	run runtime exec --process <(jq '.execCPUAffinity.final = "a-b"' "$BATS_TEST_TMPDIR/process.json") "$ID"
	[[ $output == *'execCPUAffinity.final: "a-b" is no list'* ]]
}

@test "F4 linux.personality: what uname says, also to exec" {
	command_is sh -c 'uname -m; cat'
	configure '.linux.personality.domain = "LINUX32"'
	case $(uname -m) in
	x86_64) equal machine "$(run_it)" i686 ;;
	aarch64) equal machine "$(run_it)" armv8l ;;
	esac
	configure '.linux.personality.domain = "LINUX"'
	equal machine "$(run_it)" "$(uname -m)"
	refuses '.linux.personality.domain = "HURD"' 'linux.personality.domain: "HURD" is none of LINUX, LINUX32'
	refuses '.linux.personality.flags = ["x"]' 'linux.personality.flags is not supported'
	configure '.linux.personality.domain = "LINUX32"'
	command_is sleep 1000
	start_it
	[[ $(runtime exec "$ID" uname -m) != "$(uname -m)" ]]
}

@test "F5 linux.memoryPolicy: what numa_maps shows, also of exec" {
	[[ -e /proc/self/numa_maps ]] || skip "this kernel knows no NUMA"
	local mode
	command_is sh -c 'sed -n "1s/^[^ ]* \([^ ]*\) .*/\1/p" /proc/self/numa_maps'
	while IFS='|' read -r mode words; do
		configure ".linux.memoryPolicy = $mode"
		equal "$mode" "$(run_it)" "$words"
	done <<-'END'
		{"mode": "MPOL_BIND", "nodes": "0"}|bind:0
		{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}|bind=static:0
		{"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}|interleave=relative:0
		{"mode": "MPOL_PREFERRED", "nodes": "0"}|prefer:0
		{"mode": "MPOL_LOCAL"}|local
		{"mode": "MPOL_DEFAULT"}|default
	END
	refuses '.linux.memoryPolicy = {"mode": "MPOL_SOME", "nodes": "0"}' 'linux.memoryPolicy.mode: "MPOL_SOME" is none of'
	refuses '.linux.memoryPolicy = {"nodes": "0"}' 'linux.memoryPolicy: mode is missing'
	refuses '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "x"}' 'linux.memoryPolicy.nodes: "x" is no list'
	refuses '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "900"}' 'cannot take memory by the policy MPOL_BIND, nodes 900'
	command_is sleep 1000
	configure '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"}'
	start_it
	[[ $(runtime exec "$ID" head -n 1 /proc/self/numa_maps) == *bind:0* ]]
}
