#!/usr/bin/env bats
# Rules of a container's life that are easy to miss, a test each. Those of pure cgroup v2 begin with V and a number, and run in
# the virtual machine, too (./dev test vm tests/runtime/rules.bats).
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

only_on() { [[ $(cgroup_mode) == "$1" ]] || skip "this is not cgroup $1"; }
running() { runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-; }
# The container's directory in a hierarchy that can freeze, and one that counts processes.
cgroup_directory() {
	case $(cgroup_mode) in
	v2) echo "/sys/fs/cgroup/$1" ;;
	*) echo "/sys/fs/cgroup/${2:-freezer}/$1" ;;
	esac
}

@test "create refuses a cgroup in which a process is" {
	command_is sleep 1000
	local directory process
	directory=$(cgroup_directory "parent-$ID")
	mkdir "$directory"
	sleep 1000 3>&- &
	process=$!
	echo "$process" >"$directory/cgroup.procs"
	configure ".linux.cgroupsPath = \"/parent-$ID\""
	run runtime create --bundle "$BUNDLE" "$ID"
	kill "$process"
	wait "$process" || true
	wait_until 5 rmdir "$directory"
	equal code "$status" 1
	[[ $output == *"container's cgroup is not empty: 1 process(es) found"* ]]
	nothing_left
}

@test "create refuses a cgroup below which a process is, and ends nobody" {
	local directory process
	directory=$(cgroup_directory "parent-$ID")
	mkdir -p "$directory/inner"
	sleep 1000 3>&- &
	process=$!
	echo "$process" >"$directory/inner/cgroup.procs"
	configure ".linux.cgroupsPath = \"/parent-$ID\""
	run runtime create --bundle "$BUNDLE" "$ID"
	runtime delete --force "$ID"
	kill "$process" # which is there to be ended
	wait "$process" || true
	wait_until 5 rmdir "$directory/inner"
	rmdir "$directory"
	equal code "$status" 1
	[[ $output == *"container's cgroup is not empty: 1 process(es) found"* ]]
	nothing_left
}

@test "a run whose container was deleted meanwhile leaves the next one of that name alone" {
	command_is sleep 1000
	(exec "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-) &
	local first=$!
	wait_until 20 has_status running
	kill -STOP "$first"
	runtime delete --force "$ID"
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	kill -CONT "$first"
	wait "$first" || true
	equal status "$(status_of "$ID")" running
	runtime exec "$ID" true
	runtime delete --force "$ID"
	nothing_left
}

@test "run --detach that waits does not keep its container from being ended" {
	command_is sleep 1000
	# A hook that goes on until it is told.
	local hook=$BATS_TEST_TMPDIR/hook
	printf '#!/bin/sh\nwhile [ ! -e %s ]; do sleep 0.05; done\n' "$BATS_TEST_TMPDIR/go" >"$hook"
	chmod +x "$hook"
	configure ".hooks.poststart = [{path: \"$hook\"}]"
	(exec "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-) &
	local waiting=$!
	wait_until 20 has_status running
	timeout 5 "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" delete --force "$ID"
	touch "$BATS_TEST_TMPDIR/go"
	wait "$waiting" || true
	nothing_left
}

@test "create refuses a frozen cgroup, and takes an empty one" {
	command_is true
	local directory
	directory=$(cgroup_directory "parent-$ID")
	mkdir "$directory"
	configure ".linux.cgroupsPath = \"/parent-$ID\""
	if [[ $(cgroup_mode) == v2 ]]; then echo 1 >"$directory/cgroup.freeze"; else echo FROZEN >"$directory/freezer.state"; fi
	run runtime create --bundle "$BUNDLE" "$ID"
	equal code "$status" 1
	[[ $output == *"container's cgroup unexpectedly frozen"* ]]
	if [[ $(cgroup_mode) == v2 ]]; then echo 0 >"$directory/cgroup.freeze"; else echo THAWED >"$directory/freezer.state"; fi
	runtime run --bundle "$BUNDLE" "$ID"
	nothing_left
}

@test "a container has all CPUs of its cpuset, whatever the caller was confined to; so has exec" {
	(($(nproc) > 1)) || skip "there is one CPU"
	command_is grep Cpus_allowed_list /proc/self/status
	local all
	all=$(taskset -c 0 "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID")
	[[ $all == *-* || $all == *,* ]]
	configure '.linux.resources.cpu.cpus = "1"'
	equal "cpuset" "$(taskset -c 0 "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID")" $'Cpus_allowed_list:\t1'
	command_is sleep 1000
	running
	equal "exec's" "$(taskset -c 0 "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" exec "$ID" grep Cpus_allowed_list /proc/self/status)" $'Cpus_allowed_list:\t1'
}

@test "a cgroup that is mounted writable belongs to the process's user as far as the kernel delegates it" {
	command_is sleep 1000
	configure '.process.user = {uid: 1234, gid: 5} |
		.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	running
	local directory=/sys/fs/cgroup name
	[[ $(cgroup_mode) == v2 ]] || directory=/sys/fs/cgroup/unified
	directory+=/tare-runtime-$ID
	equal "directory's owner" "$(stat -c %u "$directory")" 1234
	while read -r name; do
		[[ ! -e $directory/$name ]] || equal "$name's owner" "$(stat -c %u "$directory/$name")" 1234
	done </sys/kernel/cgroup/delegate
	equal "other's owner" "$(stat -c %u "$directory/cgroup.events")" 0
	runtime delete --force "$ID"
	configure '.mounts |= map(if .type == "cgroup" then .options += ["ro"] else . end)'
	running
	equal "owner of one mounted read-only" "$(stat -c %u "$directory")" 0
}

@test "KILL ends a frozen container, and the whole cgroup where the pid namespace is shared" {
	configure '.linux.namespaces |= map(select(.type != "pid"))'
	command_is sh -c 'sleep 1000 & echo $! >/child; sleep 1000'
	running
	wait_until 5 test -s "$BUNDLE/rootfs/child"
	local child directory
	child=$(cat "$BUNDLE/rootfs/child")
	directory=$(cgroup_directory "tare-runtime-$ID")
	if [[ $(cgroup_mode) == v2 ]]; then echo 1 >"$directory/cgroup.freeze"; else echo FROZEN >"$directory/freezer.state"; fi
	wait_until 5 has_status paused
	runtime kill "$ID" KILL
	wait_until 5 has_status stopped
	wait_until 5 test ! -e "/proc/$child"
}

@test "delete --force of a frozen container" {
	command_is sleep 1000
	running
	local directory
	directory=$(cgroup_directory "tare-runtime-$ID")
	if [[ $(cgroup_mode) == v2 ]]; then echo 1 >"$directory/cgroup.freeze"; else echo FROZEN >"$directory/freezer.state"; fi
	wait_until 5 has_status paused
	runtime delete --force "$ID"
	nothing_left
}

@test "no thread is ever made" {
	command -v strace >/dev/null || skip "there is no strace here"
	command_is true
	hook=$(jq -cn '{path: "/bin/true"}')
	configure ".hooks = {prestart: [$hook], createContainer: [$hook], poststop: [$hook]}"
	strace -f -e trace=clone,clone3,fork,vfork -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" \
		run --bundle "$BUNDLE" "$ID"
	grep -q clone3 "$BATS_TEST_TMPDIR/trace"
	run ! grep -q CLONE_THREAD "$BATS_TEST_TMPDIR/trace"
	nothing_left
}

@test "limits of one process and of little memory do not keep a container or exec out" {
	configure '.linux.resources.pids.limit = 1 | .linux.resources.memory.limit = 307200'
	# A program that does nothing: its memory is one page.
	printf '%s' 7f454c4602010100000000000000000002003e0001000000780040000000000040000000000000000000000000000000000000004000380001000000000000000100000005000000000000000000000000004000000000000000400000000000800000000000000080000000000000000010000000000000b83c0000000f05 |
		python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >"$BUNDLE/rootfs/bin/nothing"
	chmod +x "$BUNDLE/rootfs/bin/nothing"
	[[ $(uname -m) == x86_64 ]] || skip "the program is for x86-64"
	command_is /bin/nothing
	run runtime run --bundle "$BUNDLE" "$ID"
	equal "code, and what was said: $output" "$status" 0
	nothing_left
	configure '.linux.resources = {pids: {limit: 1}}'
	command_is sleep 1000
	running
	equal "exec at the limit" "$(runtime exec "$ID" echo here)" here
}

@test "V1 exec where the container's cgroup has cgroups below it is where its first process is" {
	only_on v2
	command_is sleep 1000
	running
	local directory=/sys/fs/cgroup/tare-runtime-$ID pid
	pid=$(runtime state "$ID" | jq .pid)
	mkdir "$directory/inner"
	echo "$pid" >"$directory/inner/cgroup.procs"
	echo "+pids" >"$directory/cgroup.subtree_control"
	runtime exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
	equal cgroup "$(cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")" "0::/tare-runtime-$ID/inner"
	# One of the choice of whoever calls is below the container's all the same.
	runtime exec --cgroup inner "$ID" true
	runtime delete --force "$ID"
	nothing_left
}

@test "V2 exec --cgroup takes no controllers" {
	only_on v2
	command_is sleep 1000
	running
	run runtime exec --cgroup pids:/ "$ID" true
	equal code "$status" 255
	[[ $output == *"controllers are for cgroup v1"* ]]
}
