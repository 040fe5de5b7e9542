#!/usr/bin/env bats
# Cgroups made by systemd. What the other files test of tare-runtime is run with this driver, too, by ./dev test vm.
load helpers

setup_file() { setup_rootfs_once; }

has_systemd() { [[ -S /run/systemd/private && $(cgroup_mode) == v2 ]]; }

setup() {
	has_systemd || [[ $BATS_TEST_DESCRIPTION == without* ]] || skip "no systemd with cgroup v2 here"
	setup_runtime
	export TARE_RUNTIME_OPTIONS=--systemd-cgroup
	UNIT=test-$ID.scope
	configure '.linux.cgroupsPath = ":test:'"$ID"'"'
	command_is sleep 1000
}
teardown() { [[ -z ${UNIT:-} ]] || teardown_runtime; }

create() { runtime create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
property() { systemctl show --value --property "$1" "${2:-$UNIT}"; }
is_gone() { [[ $(property LoadState "$@") == not-found ]]; }

@test "V1 a container is a scope in its slice, with its limits as properties and in the cgroup" {
	configure '.linux.cgroupsPath = "tare-test.slice:test:'"$ID"'" | .linux.resources = {
		memory: {limit: 33554432, swap: 33554432}, pids: {limit: 77},
		cpu: {shares: 512, quota: 12345, period: 100000, cpus: "0", mems: "0"}}'
	create
	equal properties "$(systemctl show --property Slice,Delegate,MemoryMax,MemorySwapMax,TasksMax,CPUWeight,CPUQuotaPerSecUSec,AllowedCPUs,AllowedMemoryNodes,ActiveState "$UNIT" | sort | tr '\n' ' ')" \
		"ActiveState=active AllowedCPUs=0 AllowedMemoryNodes=0 CPUQuotaPerSecUSec=130ms CPUWeight=59 Delegate=yes MemoryMax=33554432 MemorySwapMax=0 Slice=tare-test.slice TasksMax=77 "
	local directory=/sys/fs/cgroup/tare.slice/tare-test.slice/$UNIT
	equal "files" "$(cd "$directory" && cat memory.max memory.swap.max pids.max cpu.weight cpu.max cpuset.cpus cpuset.mems | tr '\n' '|')" \
		"33554432|0|77|59|12345 100000|0|0|"
	equal "processes" "$(cat "$directory/cgroup.procs")" "$(runtime state "$ID" | jq .pid)"
	runtime start "$ID"
	equal "cgroup from inside" "$(runtime exec "$ID" cat /proc/self/cgroup)" "0::/"
	equal "processes seen" "$(runtime ps --format json "$ID" | jq length)" 1
	runtime delete --force "$ID"
	wait_until 10 is_gone
	nothing_left
}

@test "V2 annotations are properties, seconds in microseconds; what systemd does not know is an error" {
	configure '.annotations = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Documentation": "['"'"'man:x(1)'"'"']"}'
	create
	equal TimeoutStopUSec "$(property TimeoutStopUSec)" 7s
	[[ $(property Documentation) == *"man:x(1)"* ]]
	runtime delete "$ID"
	configure '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
	run create
	equal code "$status" 1
	grep -q NoSuchThing "$BATS_TEST_TMPDIR/out"
	wait_until 10 is_gone
	nothing_left
}

@test "V3 limits and the filter of devices outlive systemd's reload" {
	configure '.linux.resources.pids.limit = 77 | .linux.resources.memory.limit = 33554432'
	create
	runtime start "$ID"
	systemctl daemon-reload
	equal "limits" "$(cd "/sys/fs/cgroup/system.slice/$UNIT" && cat pids.max memory.max | tr '\n' ' ')" "77 33554432 "
	run runtime exec --cap CAP_MKNOD "$ID" sh -c 'mknod /disk b 254 0 && cat /disk | head -c 1'
	[[ $output == *"Operation not permitted"* ]]
	runtime exec "$ID" sh -c 'echo >/dev/null'
}

@test "V4 one request, to systemd itself: no message bus is asked" {
	strace -s 400 -e trace=connect,sendmsg,sendto -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN_DIR/tare-runtime" \
		--root "$RUNTIME_ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	equal requests "$(grep -o 'StartTransientUnit\|ResetFailedUnit\|Subscribe\|AddMatch\|GetUnit\|"Hello"\|StopUnit' "$BATS_TEST_TMPDIR/trace" | sort | uniq -c | tr -s ' ')" \
		" 1 StartTransientUnit"
	equal "sockets" "$(grep -o 'sun_path="/run/[^"]*"' "$BATS_TEST_TMPDIR/trace")" 'sun_path="/run/systemd/private"'
	# A scope goes with its last process, so that there is nothing to ask.
	strace -e trace=connect -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" delete "$ID" 3>&-
	equal "connections of delete" "$(grep -c /run/systemd "$BATS_TEST_TMPDIR/trace")" 0
	wait_until 10 is_gone
}

@test "V5 a name is free again at once, also after an end for want of memory" {
	local round
	for round in 1 2 3; do
		create
		runtime delete "$ID"
	done
	configure '.linux.resources.memory = {limit: 8388608, swap: 8388608}'
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'x=x; while :; do x=$x$x; done'
	for round in 1 2; do
		create
		runtime start "$ID"
		wait_until 60 has_status stopped
		runtime delete "$ID"
	done
	nothing_left
}

@test "V6 a scope that is in use is another's: refused, and left as it is" {
	create
	configure '.hostname = "other"'
	run runtime create --bundle "$BUNDLE" "$ID-other" </dev/null
	equal code "$status" 1
	[[ $output == *"not empty: 1 process(es) found"* ]]
	equal state "$(property ActiveState)" active
	equal status "$(status_of "$ID")" created
}

@test "V7 a create that was killed half-way leaves no scope" {
	local round
	for round in 02 05 10 20 40; do
		(exec "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-) &
		local victim=$!
		sleep "0.$round"
		kill -KILL "$victim" 2>/dev/null || true
		wait "$victim" || true
		runtime delete --force "$ID"
		wait_until 10 is_gone
		wait_until 10 nothing_left
	done
}

@test "V7 a create that was killed while it wrote the name of its unit is deleted like any other" {
	# The file is there then, and empty.
	strace -f -o /dev/null -e trace=write -P "$RUNTIME_ROOT/$ID/unit" -e inject=write:signal=KILL "$TARE_BIN_DIR/tare-runtime" \
		--root "$RUNTIME_ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- || true
	equal "size of the file" "$(stat -c %s "$RUNTIME_ROOT/$ID/unit")" 0
	runtime delete --force "$ID"
	wait_until 10 nothing_left
}

@test "V8 a limit of one process is in force, and does not keep that one out" {
	configure '.linux.resources.pids.limit = 1'
	command_is sh -c 'sleep 1 & wait; echo done'
	run runtime run --bundle "$BUNDLE" "$ID"
	[[ $output == *"can't fork"* ]]
	command_is sleep 1000
	create
	equal pids.max "$(cat "/sys/fs/cgroup/system.slice/$UNIT/pids.max")" 1
	equal TasksMax "$(property TasksMax)" 1
}

@test "V9 a name that ends in .slice is the unit itself, and goes with the container" {
	configure '.linux.cgroupsPath = "::test'"${ID//-/}"'.slice"'
	create
	equal cgroup "$(cut -d: -f3 "/proc/$(runtime state "$ID" | jq .pid)/cgroup")" "/test${ID//-/}.slice"
	runtime delete "$ID"
	equal ActiveState "$(property ActiveState "test${ID//-/}.slice")" inactive
	[[ ! -e /sys/fs/cgroup/test${ID//-/}.slice ]]
}

@test "V10 the root slice, the default one, and what is no path for systemd" {
	configure '.linux.cgroupsPath = "-:test:'"$ID"'"'
	create
	[[ -e /sys/fs/cgroup/$UNIT ]]
	runtime delete "$ID"
	configure 'del(.linux.cgroupsPath)'
	create
	[[ -e /sys/fs/cgroup/system.slice/tare-runtime-$ID.scope ]]
	runtime delete "$ID"
	configure '.linux.cgroupsPath = "/a/b"'
	run create
	equal code "$status" 1
	grep -qF 'expected cgroupsPath to be of format "slice:prefix:name"' "$BATS_TEST_TMPDIR/out"
	nothing_left
}

@test "V11 podman's own way: a scope below machine.slice" {
	command -v podman >/dev/null || skip "there is no podman here"
	podman() {
		command podman --runtime "$TARE_BIN_DIR/tare-runtime" --cgroup-manager systemd --storage-driver vfs --root "$BATS_TEST_TMPDIR/podman" \
			--runroot "$BATS_TEST_TMPDIR/podman-run" --tmpdir "$BATS_TEST_TMPDIR/podman-tmp" --events-backend file "$@" 3>&-
	}
	local id
	id=$(podman run -d --network none --memory 32m --rootfs "$BUNDLE/rootfs" sleep 1000)
	equal MemoryMax "$(property MemoryMax "libpod-$id.scope")" 33554432
	equal Slice "$(property Slice "libpod-$id.scope")" machine.slice
	equal "output of exec" "$(podman exec "$id" echo hello)" hello
	podman rm --force --time 0 "$id"
	wait_until 10 is_gone "libpod-$id.scope"
}

@test "V12 the message bus, greeted and subscribed to, is asked where systemd's own socket is not to be had" {
	[[ -S /run/dbus/system_bus_socket ]] || skip "there is no message bus here"
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount sh -c 'mount --bind /dev/null /run/systemd/private && exec "$@"' sh \
		strace -s 4000 -e trace=connect,sendto -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN_DIR/tare-runtime" \
		--root "$RUNTIME_ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	equal "requests" "$(grep -o 'StartTransientUnit\|Subscribe\|AddMatch\|Hello' "$BATS_TEST_TMPDIR/trace" | tr '\n' ' ')" \
		"Hello AddMatch Subscribe StartTransientUnit "
	equal "socket" "$(grep -o 'sun_path="/run/dbus[^"]*".* = 0' "$BATS_TEST_TMPDIR/trace" | cut -d'"' -f2)" /run/dbus/system_bus_socket
	equal ActiveState "$(property ActiveState)" active
	runtime delete "$ID"
	wait_until 10 is_gone
}

@test "without systemd the error says what is missing and what to do, and nothing is left" {
	if has_systemd; then skip "systemd runs here"; fi
	run create
	equal code "$status" 1
	grep -q 'systemd' "$BATS_TEST_TMPDIR/out"
	grep -q 'leave out --systemd-cgroup' "$BATS_TEST_TMPDIR/out"
	nothing_left
}
