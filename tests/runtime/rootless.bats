#!/usr/bin/env bats
# tare-runtime for a user who is not root. Run as root, the tests make one: a number without a name. In the test machine
# they run as a user with a login session, subordinate ids and a systemd of his own.
# shellcheck disable=SC2016 # the container expands it
load helpers

setup_file() {
	[[ $(cat /proc/sys/user/max_user_namespaces) -gt 0 ]] || skip "user namespaces are switched off"
	export PLACE
	PLACE=$(mktemp -d /tmp/tare-rootless.XXXXXX)
	chmod 755 "$PLACE"
	cp "$TARE_BIN_DIR/tare-runtime" "$PLACE/"
	mkdir "$PLACE/run" "$PLACE/bundle"
	make_rootfs "$PLACE/bundle/rootfs"
	if [[ $(id -u) == 0 ]]; then chown -R 1234:1234 "$PLACE"; fi
}
teardown_file() { rm -rf "$PLACE"; }

setup() {
	cd "$PLACE/bundle" || return
	rm -f config.json
	as_user "$PLACE/tare-runtime" spec --rootless
	change '.process.terminal = false | .root.readonly = false'
}
teardown() {
	local id
	for id in $(runtime list -q); do runtime delete --force "$id"; done
}

# as_user COMMAND...: with a runtime directory of this file's own, as systemd's is where there is one.
as_user() {
	if [[ $(id -u) == 0 ]]; then
		XDG_RUNTIME_DIR=$PLACE/run setpriv --reuid 1234 --regid 1234 --clear-groups "$@"
	else
		"$@"
	fi
}
# Its messages are looked for in the output.
runtime() { as_user "$PLACE/tare-runtime" "$@" 2>&1; }
change() {
	jq "$1" config.json >"$PLACE/new"
	cat "$PLACE/new" >config.json
}
command_is() { change ".process.args = $(jq -cn '$ARGS.positional' --args -- "$@")"; }
in_machine() { [[ -n ${TARE_IN_VM:-} ]] || skip "for the test machine: it needs a user's systemd and subordinate ids"; }
has_status() { [[ $(runtime state one | jq -r .status) == "$1" ]]; }

@test "V40 a user's container: he is root inside, what it makes is his, its exit code is run's" {
	command_is sh -c 'id -u; touch /made; echo x >/dev/null; hostname; exit 4'
	run runtime run one
	equal output "$output" $'0\ncontainer'
	equal code "$status" 4
	equal owner "$(stat -c %u rootfs/made)" "$(as_user id -u)"
	rm rootfs/made
	equal "what is left" "$(runtime list -q)" ""
}

@test "V41 create, state, start, exec, ps, kill, delete, each a command of the user's own" {
	command_is sleep 1000
	runtime create one
	has_status created
	runtime start one
	has_status running
	run runtime exec one sh -c 'id -u; cat /proc/1/comm; exit 3'
	equal output "$output" $'0\nsleep'
	equal code "$status" 3
	equal processes "$(runtime ps --format json one | jq length)" 1
	runtime kill one KILL
	wait_until 20 has_status stopped
	runtime delete one
	run -1 runtime state one
	[[ $output == *"does not exist"* ]]
}

@test "V42 without a right to cgroups: none is made, and a limit is refused with what to do" {
	change '.linux.resources = {pids: {limit: 40}}'
	run -1 runtime run one
	[[ $output == *"the limit of processes needs the pids cgroup controller"*"--systemd-cgroup"* ]]
	change 'del(.linux.resources) | .linux.cgroupsPath = "/one"'
	run -1 runtime run one
	[[ $output == *"/linux/cgroupsPath: /one: permission denied"* ]]
	run -1 runtime --cgroup-manager disabled run one
	[[ $output == *"/linux/cgroupsPath names a cgroup, and --cgroup-manager says disabled"* ]]
	change 'del(.linux.cgroupsPath)'
	command_is echo hello
	run -0 runtime --cgroup-manager disabled run one
	equal output "$output" hello
	equal "what is left" "$(runtime list -q)" ""
}

@test "V43 what a user may not have is refused: no user namespace, another's ids, further groups" {
	cp config.json "$PLACE/good"
	change '.linux.namespaces |= map(select(.type != "user"))'
	run -1 runtime run one
	[[ $output == *"with a user namespace only"*"spec --rootless"* ]]
	cat "$PLACE/good" >config.json
	change '.linux.uidMappings[0].hostID = 0'
	run -1 runtime run one
	[[ $output == *"/linux/uidMappings: the container's uid 0 is 0 outside"* ]]
	cat "$PLACE/good" >config.json
	change '.process.user.additionalGids = [0]'
	run -1 runtime run one
	[[ $output == *"/process/user/additionalGids"* ]]
	cat "$PLACE/good" >config.json
	change '.linux.uidMappings += [{containerID: 1, hostID: 4000000000, size: 10}]'
	run -1 runtime run one
	[[ $output == *"cannot be mapped: "*"/etc/subuid"* ]]
	equal "what is left" "$(runtime list -q)" ""
}

@test "V44 subordinate ids are mapped by newuidmap and newgidmap" {
	in_machine
	change '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 65536}] |
		.linux.gidMappings += [{containerID: 1, hostID: 100000, size: 65536}] |
		.process.user = {uid: 5, gid: 6, additionalGids: [7]}'
	command_is id
	run -0 runtime run one
	equal output "$output" "uid=5 gid=6 groups=7"
}

@test "V45 the user's systemd makes the cgroup: limits, exec, pause, and a controller that was not delegated" {
	in_machine
	change '.linux.resources = {pids: {limit: 40}}'
	command_is sleep 1000
	runtime --systemd-cgroup create one
	runtime start one
	local cgroup
	cgroup=/sys/fs/cgroup$(cut -d: -f3 "/proc/$(runtime state one | jq .pid)/cgroup")
	[[ $cgroup == */user@*.service/user.slice/tare-runtime-one.scope ]]
	equal limit "$(cat "$cgroup/pids.max")" 40
	runtime exec -d one sleep 1000
	wait_until 20 eval '[[ $(runtime ps --format json one | jq length) == 2 ]]'
	equal processes "$(wc -l <"$cgroup/cgroup.procs")" 2
	runtime pause one
	has_status paused
	runtime resume one
	runtime delete --force one
	change '.linux.resources = {cpu: {cpus: "0"}}'
	run -1 runtime --systemd-cgroup run one
	[[ $output == *"needs the cpuset cgroup controller"*"Delegate="* ]]
}

@test "CVE-2023-25809: without a cgroup namespace a user's container sees its own cgroup only, and cannot write there" {
	in_machine
	change 'del(.linux.namespaces[] | select(.type == "cgroup")) | .mounts |= map(select(.destination | startswith("/sys") | not))
		+ [{destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"]},
			{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
	command_is sh -c 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/new; mkdir /sys/fs/cgroup/user.slice/new
		echo 0 >/sys/fs/cgroup/cgroup.procs; cat /sys/fs/cgroup/cgroup.procs | wc -l; find /sys/fs/cgroup -mindepth 1 -type d'
	run runtime --systemd-cgroup run one
	echo "$output"
	# Its place in the host's tree it is told; what lies there it is not shown.
	[[ ${lines[0]} == 0::/user.slice/*.scope ]]
	equal "refusals" "$(grep -cE "can't create.*(Read-only file system|No such file or directory)" <<<"$output")" 3
	equal "its three processes, and no group" "${lines[*]:4}" 3
}

@test "V46 rootless podman: with a cgroup of systemd's, without any, in the host's namespaces" {
	in_machine
	engine() { podman --runtime "$PLACE/tare-runtime" "$@" 3>&-; }
	run -5 engine run --rm --network none --pids-limit 33 --rootfs "$PLACE/bundle/rootfs" sh -c 'cat /sys/fs/cgroup/pids.max; exit 5'
	equal output "$output" 33
	run -0 engine --cgroup-manager cgroupfs run --rm --network none --rootfs "$PLACE/bundle/rootfs" id -u
	equal output "$output" 0
	run -0 engine run --rm --network host --pid host --ipc host --rootfs "$PLACE/bundle/rootfs" cat /proc/1/comm
	equal output "$output" systemd
}
