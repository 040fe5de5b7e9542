#!/usr/bin/env bats
# What config.json says is what the container is; and the same bundle under runc looks the same.
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_runtime; }
teardown() { teardown_runtime; }

@test "what is not carried out yet is refused by name" {
	local filter name
	while IFS='|' read -r filter name; do
		make_bundle "$BATS_TEST_TMPDIR/other"
		configure "$filter" "$BATS_TEST_TMPDIR/other"
		run runtime run --bundle "$BATS_TEST_TMPDIR/other" "$ID"
		equal "code for $filter" "$status" 1
		[[ $output == *"$name"* ]] || { echo "$filter: $output" && false; }
		rm -rf "$BATS_TEST_TMPDIR/other"
	done <<-'END'
		.linux.resources.unified = {"memory": "1"}|/linux/resources/unified/memory: it must be in the form CONTROLLER.PARAMETER
		.process.args[1] = 5|/process/args/1: expected a string
		.process.user.uid = -1|/process/user/uid: expected an integer
		.linux.namespaces[0].type = "x"|/linux/namespaces/0/type: unknown type of namespace "x"
		.linux.namespaces += [{"type": "pid"}]|/linux/namespaces/6/type: there are two namespaces of this type
		del(.ociVersion)|/ociVersion: it is missing
		.ociVersion = "2.0.0"|/ociVersion: only versions 1.x
		.root.path = "nowhere"|nowhere: no such file or directory
		.process.cwd = "tmp"|/process/cwd: it is not an absolute path
	END
	nothing_left
}

@test "fields that the specification does not know are passed over" {
	configure '.fromTheFuture = {"a": 1} | .linux.alsoUnknown = [1]'
	command_is true
	runtime run --bundle "$BUNDLE" "$ID"
}

@test "limits are in the container's cgroup, and the cgroup is where the config says" {
	if by_systemd; then skip "systemd.bats looks at its scopes"; fi
	configure '.linux.cgroupsPath = "/parent-'"$ID"'/child" | .linux.resources.memory.limit = 33554432 |
		.linux.resources.pids.limit = 77'
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	if [[ $(cgroup_mode) == v2 ]]; then
		equal memory "$(cat "/sys/fs/cgroup/parent-$ID/child/memory.max")" 33554432
		equal pids "$(cat "/sys/fs/cgroup/parent-$ID/child/pids.max")" 77
	else
		equal memory "$(cat "/sys/fs/cgroup/memory/parent-$ID/child/memory.limit_in_bytes")" 33554432
		equal pids "$(cat "/sys/fs/cgroup/pids/parent-$ID/child/pids.max")" 77
	fi
	runtime delete --force "$ID"
	nothing_left
}

@test "rare limits are in the cgroup, or refused with what they need" {
	command_is sleep 1000
	local directory disk
	disk=$(lsblk --noheadings --nodeps --output MAJ:MIN | head -n 1 | tr -d ' ')
	if [[ $(cgroup_mode) == v2 ]]; then
		configure '.linux.resources.unified = {"memory.high": "33554432", "cgroup.max.depth": "5"}'
		runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
		directory=$(cgroup_of "$ID")
		equal files "$(cat "$directory/memory.high" "$directory/cgroup.max.depth")" $'33554432\n5'
		configure '.linux.resources = {memory: {swappiness: 5}}'
		run -1 runtime run --bundle "$BUNDLE" "$ID-other" </dev/null
		[[ $output == *"the swappiness needs the memory controller of cgroup v1"* ]]
		return
	fi
	configure ".linux.resources = {memory: {swappiness: 5, disableOOMKiller: true}, blockIO: {
		throttleReadBpsDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 1048576}]}}"
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	directory=$(grep -oP '^[0-9]+:[^:]*memory[^:]*:\K.*' "/proc/$(runtime state "$ID" | jq .pid)/cgroup")
	equal swappiness "$(cat "/sys/fs/cgroup/memory$directory/memory.swappiness")" 5
	grep -qx "oom_kill_disable 1" "/sys/fs/cgroup/memory$directory/memory.oom_control"
	equal rate "$(cat "/sys/fs/cgroup/blkio$directory/blkio.throttle.read_bps_device")" "$disk 1048576"
	configure '.linux.resources = {unified: {"memory.high": "1"}}'
	run -1 runtime run --bundle "$BUNDLE" "$ID-other" </dev/null
	[[ $output == *"/linux/resources/unified is for cgroup v2 alone"* ]]
}

@test "huge pages are limited, in whichever hierarchy has them" {
	local file
	grep -qE '^hugetlb\s' /proc/cgroups || skip "this kernel limits no huge pages"
	configure '.linux.resources = {hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	command_is sleep 1000
	if ! runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1; then
		grep -q "the limit of huge pages needs the hugetlb cgroup controller" "$BATS_TEST_TMPDIR/said"
		skip "the hugetlb controller is not to be had here: it is refused by name"
	fi
	file=$(find /sys/fs/cgroup -path "*$ID*" \( -name hugetlb.2MB.max -o -name hugetlb.2MB.limit_in_bytes \) | head -n 1)
	equal limit "$(cat "$file")" 4194304
}

@test "the NIS domain name is the container's" {
	configure '.domainname = "example"'
	command_is cat /proc/sys/kernel/domainname
	equal domain "$(runtime run --bundle "$BUNDLE" "$ID" </dev/null)" example
}

@test "without a cgroup namespace the container sees its own cgroup and nobody else's" {
	configure '.linux.namespaces |= map(select(.type != "cgroup"))'
	command_is sh -c 'find /sys/fs/cgroup -type d -mindepth 2; cat /proc/self/cgroup'
	run runtime run --bundle "$BUNDLE" "$ID"
	equal code "$status" 0
	[[ ${lines[0]} == *"/tare-runtime-$ID"?(.scope) ]] # no directory is below one of the mounts
}

@test "devices: the config's rules are added to those that every container has" {
	configure '.linux.resources.devices += [{"allow": true, "type": "c", "major": 1, "minor": 1, "access": "r"}]'
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	if [[ $(cgroup_mode) != v2 ]]; then
		grep -qx 'c 1:1 r' "/sys/fs/cgroup/devices/tare-runtime-$ID/devices.list"
		grep -qx 'c 1:3 rwm' "/sys/fs/cgroup/devices/tare-runtime-$ID/devices.list"
	fi
	runtime exec "$ID" sh -c 'echo x >/dev/null'
}

@test "a frozen container is paused" {
	command_is sleep 1000
	runtime run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	if [[ $(cgroup_mode) == v2 ]]; then
		echo 1 >"$(cgroup_of "$ID")/cgroup.freeze"
	else
		echo FROZEN >"/sys/fs/cgroup/freezer/tare-runtime-$ID/freezer.state"
	fi
	wait_until 5 has_status paused
	run runtime exec "$ID" true
	equal code "$status" 255
	runtime delete --force "$ID"
	nothing_left
}

@test "HOME is the user's in the container's own passwd" {
	# shellcheck disable=SC2016 # the container expands it
	command_is sh -c 'echo $HOME'
	equal "root's" "$(runtime run --bundle "$BUNDLE" "$ID")" /root
	configure '.process.user = {"uid": 4711, "gid": 0}'
	equal "nobody knows whose" "$(runtime run --bundle "$BUNDLE" "$ID")" /
}

# What a process sees of its container, without what differs from run to run.
# shellcheck disable=SC2016 # the container expands it
view='grep -E "^(Cap|NoNewPrivs|Uid|Gid|Groups)" /proc/self/status | grep -v CapBnd; cut -d" " -f5- /proc/self/mountinfo |
	sed "s/ - / /; s/shared:[0-9]*//; s/master:[0-9]*//" | while read -r point options type source more; do echo "$point $options $type"; done |
	grep -v "^/sys/fs/cgroup" | sort; cat /proc/self/limits | grep -v -i "pending\|processes\|locked"; env | grep -v "^SHLVL\|^_" | sort; hostname; umask;
	pwd; ls -l /dev | grep -v "^total" | tr -s " " | cut -d" " -f1,3-6,9- | grep -v "core\|^d" | sort'

@test "the default bundle looks from inside as it does under runc" {
	command -v runc >/dev/null || skip "there is no runc here"
	configure '.ociVersion = "1.0.2" | .root.readonly = true | .linux.seccomp = null | .linux.namespaces |= map(select(.type != "cgroup"))'
	command_is sh -c "$view"
	runtime run --bundle "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/ours"
	runc --root "$BATS_TEST_TMPDIR/runc" run --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/runcs"
	# What covers masked directories does less here: no programs, no devices.
	sed -i 's/ ro,nosuid,nodev,noexec,relatime tmpfs$/ ro,relatime tmpfs/' "$BATS_TEST_TMPDIR/ours"
	diff "$BATS_TEST_TMPDIR/runcs" "$BATS_TEST_TMPDIR/ours"
}

@test "the config's seccomp profile is in force, in the container and in an exec; a bad one is refused" {
	configure '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 117}]}'
	command_is sh -c 'grep Seccomp: /proc/self/status; mkdir /new; sleep 1000'
	runtime create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
	runtime start "$ID"
	wait_until 5 grep -q 'Structure needs cleaning' "$BATS_TEST_TMPDIR/out"
	grep -qP '^Seccomp:\t2$' "$BATS_TEST_TMPDIR/out"
	run runtime exec "$ID" mkdir /new
	[[ $output == *"Structure needs cleaning"* ]]
	configure '.linux.seccomp.defaultAction = "SCMP_ACT_NONE"'
	run runtime create --bundle "$BUNDLE" "$ID-bad"
	equal code "$status" 1
	[[ $output == *"/linux/seccomp/defaultAction"* ]]
}
