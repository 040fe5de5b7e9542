#!/usr/bin/env bats
# A container's states: paused, renamed, in the background, never started, ended; and what is refused in each.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers
load life

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# What the kernel says of its processes: their cgroup's freezer.
frozen() {
	local id
	id=$(tare inspect -f '{{.Id}}' "$1")
	if [[ $(cgroup_mode) == v2 ]]; then
		grep -c 'frozen 1' "/sys/fs/cgroup/tare-$id/cgroup.events" || true
	else
		grep -c FROZEN "/sys/fs/cgroup/freezer/tare-$id/freezer.state" || true
	fi
}

# How often it has counted, which is in a file.
ticks() { wc -c <"$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' "$1")"/upper/ticks; }

counting='trap "exit 3" TERM; echo ready; while :; do printf x >>/ticks; sleep 0.02; done'

@test "pause holds every process where it is, and unpause lets them go on" {
	detached held "$ROOTFS" sh -c "$counting"
	tare exec -d held sh -c 'while :; do printf x >>/other; sleep 0.02; done'
	prints held pause held
	equal "the kernel" "$(frozen held)" 1
	equal "inspect" "$(state held Status) $(state held Paused) $(state held Running)" "paused true true"
	[[ $(words held) == "Up "*" (Paused)" ]]
	local before
	before=$(ticks held)
	sleep 0.3
	equal "what it did meanwhile" "$(ticks held)" "$before"
	prints held unpause held
	equal "the kernel" "$(frozen held)" 0
	equal "inspect" "$(state held Status) $(state held Paused)" "running false"
	wait_until 20 bash -c "(( \$(wc -c <'$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' held)/upper/ticks') > $before ))"
}

@test "a paused container can be stopped, killed and removed, and nothing else" {
	local name
	for name in one two three four; do detached $name "$ROOTFS" sh -c "$counting"; done
	prints $'one\ntwo\nthree\nfour' pause one two three four
	fails 1 "container one is paused, unpause the container before exec" exec one true
	fails 1 "You cannot attach to a paused container, unpause it first" attach one
	fails 1 "cannot start a paused container, try unpause instead" start one
	fails 1 "is already paused" pause one
	fails 1 'cannot remove container "/one": container is paused' rm one
	# Its signal waits for it.
	prints one kill -s TERM one
	equal "still" "$(state one Status)" paused
	prints one unpause one
	prints 3 wait one
	prints two stop two
	equal "stopped as always" "$(state two ExitCode)" 3
	prints three kill three
	equal "killed" "$(state three ExitCode)" 137
	prints four rm -f four
	equal "left" "$(tare ps -aq | wc -l)" 3
}

@test "what a state does not allow is refused with 1, by name" {
	detached up "$ROOTFS" sh -c "$stay"
	tare create --name new "$ROOTFS" true
	run -3 tare run --name ended "$ROOTFS" sh -c 'exit 3'
	prints up start up
	local id
	id=$(tare inspect -f '{{.Id}}' up)
	fails 1 "Container $id is not paused" unpause up
	local name verb
	for name in new ended; do
		for verb in pause unpause kill; do fails 1 "container $name is not running" $verb $name; done
		fails 1 "container $name is not running" exec $name true
		fails 1 "You cannot attach to a stopped container, start it first" attach $name
	done
	equal "nothing has changed" "$(state up Status) $(state new Status) $(state ended Status)" "running created exited"
}

@test "every verb says which container there is not, and is wrong without one" {
	local verb
	for verb in start stop restart kill wait pause unpause rm attach top logs export; do
		fails 1 "No such container: absent" $verb absent
		fails 125 "requires" $verb
	done
	fails 1 "No such object: absent" inspect absent
	fails 1 "No such container: absent" exec absent true
	fails 125 "requires at least 2" exec absent
	fails 1 "No such container: absent" rename absent other
	fails 125 "requires 2" rename absent
	fails 1 "No such container: absent" stats --no-stream absent
}

@test "rename gives a container another name, running or not" {
	detached first "$ROOTFS" sh -c "$stay"
	tare create --name second "$ROOTFS" true
	prints "" rename first primary
	fails 1 "No such object: first" inspect first
	equal status "$(state primary Status)" running
	[[ $(ps -eo args) == *"tare: monitor "* ]]
	prints "" rename second first
	equal names "$(tare ps -a --format '{{.Names}}' | sort | xargs)" "first primary"
	local id
	id=$(tare inspect -f '{{.Id}}' primary)
	fails 1 "The container name \"/primary\" is already in use by container \"$id\"" rename first primary
	fails 1 "Renaming a container with the same name as its current name" rename primary primary
	fails 1 "Invalid container name" rename primary -- '-x'
	fails 1 "Invalid container name" rename primary 'a/b'
	# Its end is its own, whatever it was called when it began.
	prints primary kill primary
	equal "its end" "$(state primary ExitCode)" 137
	says "free again" --name second "$ROOTFS" echo "free again"
}

@test "run -d prints the whole id and returns, and the log goes on" {
	run --separate-stderr tare run -d --name behind "$ROOTFS" sh -c 'echo one; while [ ! -e /go ]; do sleep 0.05; done; echo two'
	equal status "$status" 0
	equal output "$output" "$(tare inspect -f '{{.Id}}' behind)"
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	wait_until 20 logged behind one
	equal "so far" "$(tare logs behind)" one
	tare exec behind touch /go
	prints 0 wait behind
	equal "in the end" "$(tare logs behind)" $'one\ntwo'
	# It is nobody's child, has no terminal, and nothing of ours is open in it.
	detached other "$ROOTFS" sh -c "$stay"
	local monitor
	monitor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$(state other Pid)/status")
	equal "its session" "$(ps -o sid= -p "$monitor" | xargs)" "$monitor"
	equal "its terminal" "$(ps -o tty= -p "$monitor" | xargs)" "?"
	[[ $(readlink "/proc/$monitor/fd/1") == /dev/null ]]
}

@test "a start that fails is told and recorded with its cause and what to do about it" {
	local -A codes=([nosuch]=127 [/etc/passwd]=126)
	local command record
	for command in "${!codes[@]}"; do
		run --separate-stderr "-${codes[$command]}" tare run --name failed "$ROOTFS" "$command"
		equal "output of $command" "$output" ""
		[[ ${stderr_lines[-1]} == *"$command"* ]]
		record=$(state failed Error)
		[[ ${stderr_lines[-1]} == "tare: $record" ]]
		equal "the code" "$(state failed ExitCode) $(state failed Status) $(state failed Running)" "${codes[$command]} exited false"
		equal "why" "$(tare inspect failed | jq -r '.[0].State.ExitReport.NotStarted')" "$record"
		[[ $(words failed) == "Exited (${codes[$command]}) "*" ago, not started" ]]
		fails "${codes[$command]}" "$command" run -d --rm "$ROOTFS" "$command"
		fails 1 "$command" start -a failed
		run --separate-stderr tare start failed
		equal "status of start" "$status" 1
		equal "output of start" "$output" ""
		[[ $stderr == *"$record"* ]]
		tare rm failed
	done
	# Repaired, it starts: the record tells of the last start only.
	mkdir "$BATS_TEST_TMPDIR/tools"
	tare create --name mended -v "$BATS_TEST_TMPDIR/tools:/tools" "$ROOTFS" /tools/sh -c 'exit 7'
	run --separate-stderr tare start mended
	equal "missing" "$status $(state mended ExitCode)" "1 127"
	cp "$ROOTFS/bin/busybox" "$BATS_TEST_TMPDIR/tools/sh"
	prints mended start mended
	prints 7 wait mended
	equal "the record" "$(state mended ExitCode) $(state mended Error)" "7 "
	fails 125 "No such" run --name unborn "$BATS_TEST_TMPDIR/absent" true
	equal "no trace of it" "$(tare ps -a --format '{{.Names}}')" mended
}

@test "the end is recorded: exit code, signal, times" {
	run -41 tare run --name coded "$ROOTFS" sh -c 'exit 41'
	equal "its code" "$(state coded ExitCode) $(state coded OOMKilled)" "41 false"
	equal "no signal" "$(tare inspect coded | jq '.[0].State.ExitReport | has("Signal")')" false
	[[ $(words coded) =~ ^"Exited (41) "[A-Za-z0-9\ ]+" ago"$ ]]
	detached shot "$ROOTFS" sh -c "$stay"
	kill -KILL "$(state shot Pid)"
	prints 137 wait shot
	equal "its signal" "$(tare inspect -f '{{.State.ExitReport.Signal}} {{.State.ExitCode}}' shot)" "SIGKILL 137"
	[[ $(words shot) == "Exited (137) "*" ago, by SIGKILL" ]]
	local began ended
	read -r began ended < <(tare inspect -f '{{.State.StartedAt}} {{.State.FinishedAt}}' shot)
	[[ $began < $ended ]]
	# Of the container, not of what its first process saw.
	run -9 tare run --name inner "$ROOTFS" sh -c 'sh -c "kill -KILL \$\$"; exit 9'
	equal "no signal of its own" "$(tare inspect inner | jq '.[0].State.ExitReport | has("Signal")')" false
}

@test "an end for want of memory is recorded with the cgroup, its limit and the peak" {
	run --separate-stderr -137 tare run --name hungry -m 16m --memory-swap 16m "$ROOTFS" \
		sh -c 'exec sh -c "x=x; while :; do x=\$x\$x; done"'
	[[ ${stderr_lines[-1]} == *"OOM: the container reached its memory limit of 16MiB and was killed"* ]]
	local report
	report=$(tare inspect hungry | jq '.[0].State')
	equal "killed" "$(jq -c '[.OOMKilled, .ExitCode, .ExitReport.Signal]' <<<"$report")" '[true,137,"SIGKILL"]'
	equal "limit" "$(jq .ExitReport.OutOfMemory.Limit <<<"$report")" $((16 << 20))
	equal "cgroup" "$(jq -r .ExitReport.OutOfMemory.Cgroup <<<"$report")" "/tare-$(tare inspect -f '{{.Id}}' hungry)"
	equal "peak" "$(jq '.ExitReport.MemoryPeak | . > 12582912 and . <= 16777216' <<<"$report")" true
	[[ $(words hungry) == "Exited (137) "*" ago, out of memory" ]]
	# One that goes on after a child was killed: the count is there, the words are of its own end.
	tare run --name parent -m 16m --memory-swap 16m "$ROOTFS" \
		sh -c 'sh -c "x=x; while :; do x=\$x\$x; done"; exit 0'
	equal "its end" "$(state parent ExitCode) $(state parent OOMKilled)" "0 true"
}

@test "stats tells what the cgroup files tell" {
	start_container counted -m 64m "$ROOTFS" sh -c 'head -c 8000000 /dev/zero >/dev/shm/held; sleep 1000 & sleep 1000 & echo ready; wait'
	local memory pids json
	memory=$(<"$(cgroup_file memory/memory.usage_in_bytes memory.current "$container_id")")
	pids=$(<"$(cgroup_file pids/pids.current pids.current "$container_id")")
	json=$(tare stats --no-stream --format json counted)
	equal processes "$(jq -r .PIDs <<<"$json")" "$pids"
	# What the page cache holds and could give back is not counted, as docker has it.
	equal memory "$(jq -r --argjson all "$memory" '.MemUsage | capture("^(?<n>[0-9.]+)MiB / 64MiB$").n | tonumber * 1048576
		| . > 8000000 and . <= $all + 11000' <<<"$json")" true
	equal "top's lines" "$(tare top counted | wc -l)" $((pids + 1))
}
