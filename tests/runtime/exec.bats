#!/usr/bin/env bats
# exec and ps: further processes of a container.
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_runtime
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
}
teardown() { teardown_runtime; }

@test "exec runs in the container's namespaces and cgroup, with its rights" {
	run runtime exec "$ID" sh -c '(readlink /proc/self/ns/pid; readlink /proc/1/ns/pid) | uniq | wc -l; hostname; cat /proc/self/cgroup; grep CapEff /proc/self/status'
	equal code "$status" 0
	equal "pid namespaces" "${lines[0]}" 1
	equal hostname "${lines[1]}" container
	[[ $output != *tare-runtime-* ]] # the cgroup namespace's root is the container's cgroup
	[[ $output == *"CapEff:	0000000020000420"* ]]
}

@test "exec gives the process's exit code, and 255 when there is no process" {
	run runtime exec "$ID" sh -c 'exit 9'
	equal code "$status" 9
	run runtime exec "$ID" nonsense
	equal code "$status" 255
	[[ $output == *"executable file not found in \$PATH"* ]]
	runtime kill "$ID" KILL
	wait_until 5 has_status stopped
	run runtime exec "$ID" true
	equal code "$status" 255
	[[ $output == *"container not running"* ]]
	run runtime exec nothing true
	equal code "$status" 255
	[[ $output == *"does not exist"* ]]
}

@test "exec --process takes the process from a file" {
	cat >"$BATS_TEST_TMPDIR/process.json" <<-'END'
		{"args": ["sh", "-c", "id -u; id -g; pwd; echo $KEY; grep -E 'CapEff|NoNew' /proc/self/status"],
		 "cwd": "/tmp", "env": ["PATH=/bin", "KEY=value"], "user": {"uid": 12, "gid": 34}, "noNewPrivileges": true}
	END
	run runtime exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
	equal code "$status" 0
	equal output "${lines[*]}" "12 34 /tmp value CapEff:	0000000000000000 NoNewPrivs:	1"
}

@test "exec --detach returns, and its pid file says who runs" {
	runtime exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sh -c 'echo $$ >/started; sleep 1000' </dev/null >/dev/null 2>&1 3>&-
	wait_until 5 test -s "$BUNDLE/rootfs/started"
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	equal "pid inside" "$(awk '$1 == "NSpid:" { print $3 }' "/proc/$pid/status")" "$(cat "$BUNDLE/rootfs/started")"
	runtime ps --format json "$ID" | jq -e --argjson pid "$pid" 'index($pid) != null and (. | length) >= 2'
}

@test "ps shows the container's processes as ps(1) does" {
	runtime ps "$ID" >"$BATS_TEST_TMPDIR/table"
	head -n 1 "$BATS_TEST_TMPDIR/table" | grep -q PID
	equal lines "$(wc -l <"$BATS_TEST_TMPDIR/table")" 2
	tail -n 1 "$BATS_TEST_TMPDIR/table" | grep -q 'sleep 1000'
	runtime ps "$ID" -o pid,comm | tail -n 1 | grep -Eq '^ *[0-9]+ sleep$'
}

@test "exec's options: environment, directory, user, groups, capabilities" {
	# shellcheck disable=SC2016 # the container expands it
	run runtime exec -e A=1 --env A=2 --cwd /tmp -u 5:6 -g 7 -g 8 "$ID" sh -c 'echo $A; pwd; id -u; id -g; id -G'
	equal output "${lines[*]}" "2 /tmp 5 6 6 7 8"
	run runtime exec --cap CAP_SYS_TIME "$ID" grep -E 'CapEff|CapInh' /proc/self/status
	equal output "${lines[*]}" "CapInh:	0000000000000000 CapEff:	0000000022000420"
	local user
	for user in 1x ' 1' 0x1 1: -1 '' 4294967296; do
		run runtime exec -u "$user" "$ID" true
		equal "code for user '$user'" "$status" 255
	done
}

@test "a limit of one process does not keep exec out" {
	runtime delete --force "$ID"
	configure '.linux.resources.pids.limit = 1'
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	run runtime exec "$ID" cat /proc/self/comm
	equal code "$status" 0
}

@test "exec --tty relays a terminal" {
	run script -qec "$TARE_BIN_DIR/tare-runtime --root $RUNTIME_ROOT exec --tty $ID sh -c 'tty; echo typed; exit 4'" /dev/null
	equal code "$status" 4
	[[ $output == *"/dev/pts/"*typed* ]]
}

@test "exec joins no hierarchy of cgroups that came after the container" {
	[[ $(cgroup_mode) == v1 ]] || skip "only v2 here, which is one hierarchy"
	local before
	before=$(grep -c : /proc/self/cgroup)
	mkdir "$BATS_TEST_TMPDIR/named"
	# In a mount namespace that ends with the shell; the hierarchy, which holds nothing, goes with it.
	run unshare -m bash -c "mount -t cgroup -o none,name=tare-$$ none '$BATS_TEST_TMPDIR/named' &&
		'$TARE_BIN_DIR/tare-runtime' --root '$RUNTIME_ROOT' exec '$ID' grep -c : /proc/self/cgroup"
	equal code "$status" 0
	equal "hierarchies" "$output" "$((before + 1))"
}
