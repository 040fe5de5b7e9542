#!/usr/bin/env bats
# Fields of config.json that few containers have: what each says is what the process sees.
# shellcheck disable=SC2016 # the container expands it
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_runtime
	OUTSIDE=$BATS_TEST_TMPDIR/outside
}
teardown() {
	teardown_runtime
	if [[ -n ${NETWORK:-} ]]; then ip netns delete "$NETWORK" 2>/dev/null || true; fi
	if [[ -n ${AGENT:-} ]]; then kill "$AGENT" 2>/dev/null || true; fi
}

# Mounts that are made before they are attached are newer than the oldest kernel that will do.
needs_newer_calls() { if [[ -n ${TARE_WITHOUT:-} ]]; then skip "not to be had without the kernel's newer calls"; fi; }
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
	refuses '.process.scheduler = {"policy": "SCHED_SOME"}' '/process/scheduler/policy: "SCHED_SOME" is none of SCHED_OTHER, SCHED_FIFO'
	refuses '.process.scheduler = {"nice": 1}' '/process/scheduler/policy: it is missing'
	refuses '.process.scheduler = {"policy": "SCHED_OTHER", "priority": 4}' '/process/scheduler/priority: it is for SCHED_FIFO and SCHED_RR'
	refuses '.process.scheduler = {"policy": "SCHED_RR", "runtime": 4}' '/process/scheduler/policy: runtime, deadline and period are for'
	refuses '.process.scheduler = {"policy": "SCHED_FIFO", "flags": ["SCHED_FLAG_X"], "priority": 4}' '/process/scheduler/flags/0: "SCHED_FLAG_X" is none of'
	refuses '.process.scheduler = {"policy": "SCHED_OTHER", "nice": 20}' '/process/scheduler/nice'
	refuses '.process.scheduler = {"policy": "SCHED_ISO"}' 'cannot set /process/scheduler: invalid argument'
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
	refuses '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 8}' '/process/ioPriority/priority'
	refuses '.process.ioPriority = {"priority": 4}' '/process/ioPriority/class: it is missing'
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
	[[ $output == *"cannot set /process/execCPUAffinity/final to 4000"* ]]
	run runtime exec --process <(jq '.execCPUAffinity.final = "a-b"' "$BATS_TEST_TMPDIR/process.json") "$ID"
	[[ $output == *'/execCPUAffinity/final: "a-b" is no list'* ]]
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
	refuses '.linux.personality.domain = "HURD"' '/linux/personality/domain: "HURD" is none of LINUX, LINUX32'
	refuses '.linux.personality.flags = ["x"]' '/linux/personality/flags is not supported'
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
	refuses '.linux.memoryPolicy = {"mode": "MPOL_SOME", "nodes": "0"}' '/linux/memoryPolicy/mode: "MPOL_SOME" is none of'
	refuses '.linux.memoryPolicy = {"nodes": "0"}' '/linux/memoryPolicy/mode: it is missing'
	refuses '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "x"}' '/linux/memoryPolicy/nodes: "x" is no list'
	refuses '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "900"}' 'cannot take memory by the policy MPOL_BIND, nodes 900'
	command_is sleep 1000
	configure '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"}'
	start_it
	[[ $(runtime exec "$ID" head -n 1 /proc/self/numa_maps) == *bind:0* ]]
}

# options_of PATH: of the mount there, as the container sees it: its own and its file system's.
options_of='options_of() { sed -n "s|^[^ ]* [^ ]* [^ ]* [^ ]* $1 \([^ ]*\) .*- [^ ]* [^ ]* \([^ ]*\)$|\1 \2|p" /proc/self/mountinfo; }; '
# mount_is JSON...: further mounts of the container.
mount_is() { configure ".mounts += [$(printf '%s,' "$@" | sed 's/,$//')]"; }

@test "F6 mount options: the file system's own, those of a mount, and those of all below it" {
	mkdir -p "$OUTSIDE/below"
	mount -t tmpfs -o nosuid outside "$OUTSIDE"
	mkdir "$OUTSIDE/below"
	mount -t tmpfs below "$OUTSIDE/below"
	command_is sh -c "$options_of"'for m in /t /lazy /top /all /both /follow; do echo "$m $(options_of $m)|$(options_of $m/below)"; done'
	mount_is '{"destination": "/t", "type": "tmpfs", "source": "t", "options": ["sync", "dirsync", "nosuid", "strictatime", "silent", "iversion", "mode=711"]}' \
		'{"destination": "/lazy", "type": "tmpfs", "source": "lazy", "options": ["lazytime", "async", "norelatime", "loud", "noiversion", "ro"]}' \
		"{\"destination\": \"/top\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"ro\", \"sync\", \"lazytime\"]}" \
		"{\"destination\": \"/all\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"rro\", \"rnoexec\", \"rnoatime\"]}" \
		"{\"destination\": \"/both\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"rro\", \"noexec\", \"rnodev\", \"rsuid\"]}" \
		"{\"destination\": \"/follow\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"nosymfollow\", \"rsymfollow\", \"nodiratime\"]}"
	equal mounts "$(run_it | sed 's/,mode=[0-9]*//g; s/,inode64//g')" "$(cat <<-'END'
		/t rw,nosuid rw,sync,dirsync|
		/lazy ro,relatime rw,lazytime|
		/top ro,nosuid,relatime rw|rw,relatime rw
		/all ro,nosuid,noexec,noatime rw|ro,noexec,noatime rw
		/both ro,nodev,noexec,relatime rw|ro,nodev,relatime rw
		/follow rw,nosuid,nodiratime,relatime rw|rw,relatime rw
	END
	)"
	umount -R "$OUTSIDE"
	refuses '.mounts += [{"destination": "/x", "type": "bind", "source": "/tmp", "options": ["bind", "size=1m"]}]' 'unknown option "size'
}

@test "F6 remount changes what is mounted there already" {
	command_is sh -c "$options_of"'echo "$(options_of /t)|$(options_of /dev/shm)"'
	mount_is '{"destination": "/t", "type": "tmpfs", "source": "t"}' \
		'{"destination": "/t", "type": "none", "source": "none", "options": ["remount", "ro", "noexec"]}' \
		'{"destination": "/dev/shm", "type": "none", "source": "none", "options": ["remount", "exec"]}'
	equal options "$(run_it | sed 's/,inode64//g')" "ro,noexec,relatime rw|rw,nosuid,nodev,relatime rw,size=65536k"
	refuses '.mounts += [{"destination": "/tmp", "options": ["remount", "ro"]}]' "cannot make /tmp ro: invalid argument"
	refuses '.mounts += [{"destination": "/t", "options": ["remount", "size=4m"]}]' "a file system's own options stay as they are"
}

@test "F7 tmpcopyup: a tmpfs that begins with what was there" {
	needs_newer_calls
	mkdir -p "$BUNDLE/rootfs/data/deep" "$OUTSIDE"
	echo text >"$BUNDLE/rootfs/data/deep/file"
	chmod 606 "$BUNDLE/rootfs/data/deep/file"
	chown 5:6 "$BUNDLE/rootfs/data/deep/file"
	chmod 1777 "$BUNDLE/rootfs/data"
	ln -s ../x "$BUNDLE/rootfs/data/link"
	echo secret >"$OUTSIDE/secret"
	ln -s "$OUTSIDE" "$BUNDLE/rootfs/escape"
	command_is sh -c 'stat -c "%a %u:%g %n" /data /data/deep/file; readlink /data/link; cat /data/deep/file; echo more >>/data/deep/file; ls -A /escape'
	mount_is '{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=1m", "nosuid"]}' \
		'{"destination": "/escape", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	equal contents "$(run_it)" "$(printf '1777 0:0 /data\n606 5:6 /data/deep/file\n../x\ntext\n')"
	equal "the root file system's" "$(cat "$BUNDLE/rootfs/data/deep/file")" text
	refuses '.mounts += [{"destination": "/y", "type": "proc", "options": ["tmpcopyup"]}]' "tmpcopyup is for a tmpfs"
	# What is copied is memory, and the container's own limit is for that, too.
	head -c 50M /dev/zero >"$BUNDLE/rootfs/data/large"
	refuses '.linux.resources.memory = {"limit": 10485760, "swap": 10485760} | .mounts |= map(del(.options[]? | select(startswith("size=1m"))))' \
		"its memory limit may be too small"
}

# What is seen of mounts that are made on either side afterwards: of the host's in the container, of the container's on the host.
propagation_of() {
	mkdir -p "$OUTSIDE/from-host" "$OUTSIDE/from-container"
	runtime exec "$ID" mount -t tmpfs inner /v/from-container
	mount -t tmpfs outer "$OUTSIDE/from-host"
	local in out
	in=$(runtime exec "$ID" grep -c ' /v/from-host ' /proc/self/mountinfo || true)
	out=$(grep -c " $OUTSIDE/from-container " /proc/self/mountinfo || true)
	umount "$OUTSIDE/from-host"
	umount "$OUTSIDE/from-container" 2>/dev/null || true
	echo "in $in out $out"
}

@test "F8 propagation of volumes: private, slave, shared" {
	needs_newer_calls
	mkdir -p "$OUTSIDE"
	mount -t tmpfs outside "$OUTSIDE"
	mount --make-shared "$OUTSIDE"
	command_is sleep 1000
	configure '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	local root option expected
	while read -r root option expected; do
		cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain"
		mount_is "{\"destination\": \"/v\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"$option\"]}"
		configure ".linux.rootfsPropagation = \"$root\""
		start_it
		equal "$root $option" "$(propagation_of)" "$expected"
		runtime delete --force "$ID"
		cp "$BATS_TEST_TMPDIR/plain" "$BUNDLE/config.json"
	done <<-'END'
		private rw in 0 out 0
		private rprivate in 0 out 0
		private rslave in 1 out 0
		rslave rslave in 1 out 0
		rslave rshared in 1 out 0
		rshared rshared in 1 out 1
		shared slave in 1 out 0
		rshared rprivate in 0 out 0
	END
	umount -R "$OUTSIDE"
	nothing_left
}

@test "F8 linux.rootfsPropagation: what the mounts of the container say" {
	command_is sh -c 'sed -n "s|^[^ ]* [^ ]* [^ ]* [^ ]* / [^ ]* \(.*\)- .*|\1|p; s|^[^ ]* [^ ]* [^ ]* [^ ]* /dev/pts [^ ]* \(.*\)- .*|pts \1|p" /proc/self/mountinfo | sed "s/:[0-9]*//g"'
	local name root pts
	while IFS='|' read -r name root pts; do
		configure ".linux.rootfsPropagation = \"$name\""
		equal "$name" "$(run_it | tr -s ' ' | sed 's/propagate_from //; s/master //' | tr '\n' '|')" "$root|pts $pts|"
	done <<-'END'
		private||
		shared|shared |
		rshared|shared |shared 
		unbindable|unbindable |
		runbindable|unbindable |unbindable 
	END
	refuses '.linux.rootfsPropagation = "loud"' '/linux/rootfsPropagation: unknown propagation "loud"'
}

@test "F9 id-mapped mounts: a bind, all below it, a new file system, the container's own ids" {
	needs_newer_calls
	mkdir -p "$OUTSIDE"
	mount -t tmpfs outside "$OUTSIDE"
	mkdir "$OUTSIDE/below"
	mount -t tmpfs below "$OUTSIDE/below"
	local directory
	for directory in "$OUTSIDE" "$OUTSIDE/below"; do
		: >"$directory/file"
		chown 5:6 "$directory/file"
	done
	local maps='"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}], "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 100}]'
	command_is sh -c 'stat -c "%u:%g %n" /v/file /v/below/file /r/below/file; : >/v/new; : >/t/new; stat -c "%u:%g %n" /t/new'
	mount_is "{\"destination\": \"/v\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"idmap\"], $maps}" \
		"{\"destination\": \"/r\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"rbind\", \"ridmap\"], $maps}"
	# The ids of the host show as those of the mapping, and who is 1000 here writes as 0 there.
	configure '.process.user = {"uid": 1000, "gid": 2000} | .mounts += [{"destination": "/t", "type": "tmpfs", "source": "t", "options": ["mode=777"]}]'
	chmod 777 "$OUTSIDE"
	equal ids "$(run_it)" "$(printf '%s\n' "1005:2006 /v/file" "5:6 /v/below/file" "1005:2006 /r/below/file" "1000:2000 /t/new")"
	equal "on the host" "$(stat -c %u:%g "$OUTSIDE/new")" 0:0
	umount -R "$OUTSIDE"
	refuses '.mounts[-2].options = ["bind", "idmap"] | del(.mounts[-2].uidMappings) | del(.mounts[-2].gidMappings)' "an id-mapped mount needs uidMappings and gidMappings"
	refuses '.mounts[-2] |= del(.gidMappings)' "uidMappings and gidMappings of a mount go together"
	configure '.mounts[-1] += {"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}], "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 100}]}'
	command_is sh -c ': >/t/new; stat -c "%u:%g %n" /t /t/new'
	equal "of a tmpfs" "$(run_it)" "$(printf '%s\n' "1000:2000 /t" "1000:2000 /t/new")"
}

@test "F10 devices: named pipes, and nodes outside of /dev" {
	configure '.linux.devices = [{"path": "/dev/pipe", "type": "p", "fileMode": 416, "uid": 3, "gid": 4}, {"path": "/srv/pipe", "type": "p"},
		{"path": "/srv/null", "type": "c", "major": 1, "minor": 3, "fileMode": 438}, {"path": "/dev/deep/zero", "type": "u", "major": 1, "minor": 5, "fileMode": 438}]'
	command_is sh -c 'stat -c "%F %a %u:%g %n" /dev/pipe /srv/pipe /srv/null /dev/deep/zero; echo x >/srv/null && head -c 1 /dev/deep/zero | tr "\\0" 0'
	equal nodes "$(run_it)" "$(printf '%s\n' "fifo 640 3:4 /dev/pipe" "fifo 666 0:0 /srv/pipe" "character special file 666 0:0 /srv/null" "character special file 666 0:0 /dev/deep/zero" 0)"
	run_it >/dev/null # what lies in the root file system is there from before
	rm "$BUNDLE/rootfs/srv/null" && : >"$BUNDLE/rootfs/srv/null"
	run run_it
	[[ $output == *"/srv/null"*"file exists"* ]]
	rm "$BUNDLE/rootfs/srv/null"
	refuses '.linux.devices = [{"path": "/proc/x", "type": "p"}]' 'the device /proc/x cannot be in /proc or /sys'
	refuses '.linux.devices = [{"path": "x", "type": "p"}]' 'there can be no device node at "x"'
	refuses '.linux.devices = [{"path": "/dev/x", "type": "q"}]' 'unknown type of device "q"'
}

start_agent() {
	AGENT_SOCKET=$BATS_TEST_TMPDIR/agent AGENT_LOG=$BATS_TEST_TMPDIR/agent.log
	python3 "$BATS_TEST_DIRNAME/seccomp_agent.py" "$AGENT_SOCKET" "$AGENT_LOG" </dev/null >"$BATS_TEST_TMPDIR/agent.errors" 2>&1 3>&- &
	AGENT=$!
	wait_until 10 test -S "$AGENT_SOCKET"
}
# asks_about CALL...: the agent is.
asks_about() {
	configure ".linux.seccomp = {\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"$AGENT_SOCKET\", \"listenerMetadata\": \"some words\",
		\"syscalls\": [{\"action\": \"SCMP_ACT_NOTIFY\", \"names\": [$(printf '"%s",' "$@" | sed 's/,$//')]}]}"
}

@test "F11 seccomp's listener is told of the container, and answers for it; also of exec" {
	start_agent
	asks_about mkdir mkdirat
	configure '.annotations = {"a": "b"}'
	command_is sh -c 'mkdir /tmp/made && echo made; mkdir /tmp/answered; cat'
	run run_it
	equal answers "$output" "$(printf "made\nmkdir: can't create directory '/tmp/answered': File descriptor in bad state")"
	jq -e --arg id "$ID" --arg bundle "$BUNDLE" '.ociVersion == "1.3.0" and .fds == ["seccompFd"] and .descriptors == 1 and .pid > 1
		and .metadata == "some words" and .state.id == $id and .state.status == "creating" and .state.bundle == $bundle
		and .state.pid == .pid and .state.annotations.a == "b"' "$AGENT_LOG"
	: >"$AGENT_LOG"
	command_is sleep 1000
	start_it
	run runtime exec "$ID" mkdir /tmp/answered
	[[ $output == *"File descriptor in bad state"* ]] || { echo "code $status: $output; $(cat "$BATS_TEST_TMPDIR/agent.errors")" && return 1; }
	equal told "$(jq -sr 'map(.state.status) | join(" ")' "$AGENT_LOG")" "creating running"
	equal "the state is the container's" "$(jq -s '.[1] | .state.pid' "$AGENT_LOG") $(jq -s '.[1] | .pid == .state.pid' "$AGENT_LOG")" "$PID false"
	# The process goes on as its own sibling, which may have its filter before that is known here.
	run strace -e trace=poll -e inject=poll:delay_exit=20000 -o /dev/null "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" exec "$ID" mkdir /tmp/answered
	[[ $output == *"File descriptor in bad state"* ]] || { echo "$output" && return 1; }
	runtime delete --force "$ID"
	kill "$AGENT"
	wait "$AGENT" || true
	refuses '.' "$AGENT_SOCKET"
	refuses '.linux.seccomp |= del(.listenerPath)' "/linux/seccomp/listenerPath: it is missing, and SCMP_ACT_NOTIFY needs it"
}

@test "F11 a filter may ask about any call: those that pass messages, those that wait, all of them" {
	start_agent
	command_is sh -c 'echo done'
	local privileges calls
	for privileges in true false; do
		configure ".process.noNewPrivileges = $privileges"
		for calls in "sendmsg sendto write" "recvfrom recvmsg read" "close_range execve prctl capset setresuid"; do
			# shellcheck disable=SC2086 # they are words
			asks_about $calls
			equal "$calls" "$(run_it)" "done"
			runtime create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
			runtime start "$ID"
			wait_until 20 has_status stopped
			equal "$calls, by create and start" "$(cat "$BATS_TEST_TMPDIR/out")" "done"
			runtime delete "$ID"
		done
	done
	configure '.linux.seccomp = (.linux.seccomp | .defaultAction = "SCMP_ACT_NOTIFY" | .syscalls = [] | .flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])'
	equal "all calls" "$(run_it)" "done"
	kill "$AGENT"
	nothing_left
}

@test "F12 time namespaces: offsets of both clocks, in new and joined ones" {
	[[ -e /proc/self/timens_offsets ]] || skip "this kernel knows no time namespaces"
	local uptime
	configure '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"monotonic": {"secs": 7200, "nanosecs": 5}, "boottime": {"secs": 864000}}'
	command_is sh -c 'cat /proc/self/timens_offsets; cut -d. -f 1 /proc/uptime; echo $$; readlink /proc/self/ns/time; cat'
	uptime=$(cut -d. -f 1 /proc/uptime)
	run run_it
	equal offsets "$(tr -s ' ' <<<"${lines[0]}|${lines[1]}")" "monotonic 7200 5|boottime 864000 0"
	((lines[2] >= uptime + 864000 && lines[2] < uptime + 864000 + 100))
	equal pid "${lines[3]}" 1
	[[ ${lines[4]} != "$(readlink /proc/self/ns/time)" ]]
	command_is sleep 1000
	start_it
	equal "of exec" "$(runtime exec "$ID" sed -n 's/^boottime *//p' /proc/self/timens_offsets | tr -s ' ')" "864000 0"
	[[ $(runtime exec "$ID" readlink /proc/self/ns/time) == "$(readlink "/proc/$PID/ns/time")" ]]
	# Another container joins it.
	make_bundle "$BATS_TEST_TMPDIR/other"
	configure ".linux.namespaces += [{\"type\": \"time\", \"path\": \"/proc/$PID/ns/time\"}] | .process.args = [\"readlink\", \"/proc/self/ns/time\"]" "$BATS_TEST_TMPDIR/other"
	equal "of another" "$(runtime run --bundle "$BATS_TEST_TMPDIR/other" "$ID-other" </dev/null)" "$(readlink "/proc/$PID/ns/time")"
	runtime delete --force "$ID"
	refuses '.linux.namespaces |= map(select(.type != "time"))' "/linux/timeOffsets: there is no new time namespace"
	refuses '.linux.timeOffsets.tai = {"secs": 1}' "/linux/timeOffsets/tai: there are offsets of monotonic and boottime only"
	refuses '.linux.timeOffsets.boottime.secs = -900000000' "cannot set its clocks: monotonic 7200 5, boottime -900000000 0: numerical result out of range"
}

@test "F12 a time namespace in a user namespace, and with the host's pids" {
	[[ -e /proc/self/timens_offsets ]] || skip "this kernel knows no time namespaces"
	configure '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 864000}}'
	command_is sh -c 'sed -n "s/^boottime *//p" /proc/self/timens_offsets | tr -s " "; echo $$'
	configure '.linux.namespaces |= map(select(.type != "pid"))'
	run run_it
	equal offset "${lines[0]}" "864000 0"
	[[ ${lines[1]} != 1 ]]
	needs_newer_calls # the bundle lies where the mapped root has no way to
	configure '.linux.namespaces += [{"type": "pid"}, {"type": "user"}, {"type": "cgroup"}] | .linux.namespaces |= unique_by(.type) |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	run run_it
	equal offset "${lines[0]}" "864000 0"
	equal pid "${lines[1]}" 1
	nothing_left
}

# in_network COMMAND...: in a network namespace of the test's own, which stands for the host's.
in_network() { nsenter --net="/run/netns/$NETWORK" "$@"; }

@test "F13 linux.netDevices: moved, renamed, with their lasting global addresses, up" {
	NETWORK=t$$
	ip netns add "$NETWORK"
	in_network ip link add eth7 type veth peer name peer7
	in_network ip link add eth8 type veth peer name peer8
	in_network ip address add 192.0.2.7/24 broadcast 192.0.2.255 dev eth7
	in_network ip address add 2001:db8::7/64 dev eth7 nodad
	in_network ip address add 192.0.2.9/24 dev eth7 valid_lft 1000 preferred_lft 1000
	in_network ip address add 198.51.100.1/32 peer 198.51.100.2/32 dev eth7
	in_network ip link set eth7 up
	configure '.linux.netDevices = {"eth7": {"name": "inside0"}, "eth8": {}}'
	command_is sh -c 'cat'
	in_network "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	PID=$(runtime state "$ID" | jq .pid)
	equal "on the host" "$(in_network ip -o link | cut -d: -f2 | sed 's/@.*//' | sort | tr -d '\n')" " lo peer7 peer8"
	equal devices "$(nsenter -t "$PID" -n ip -o link | sed 's/@[^:]*//' | awk -F': ' '/,UP|<UP/ { print $2 }' | tr '\n' ' ')" "lo inside0 eth8 "
	equal addresses "$(nsenter -t "$PID" -n ip -o address show dev inside0 scope global | awk '{ print $3, $4, $5, $6 }' | sort | tr '\n' '|')" \
		"inet 192.0.2.7/24 brd 192.0.2.255|inet 198.51.100.1 peer 198.51.100.2/32|inet6 2001:db8::7/64 scope global|"
	runtime delete --force "$ID"
		# What fails leaves the container not made; what was moved ends with its namespace, as the kernel has it.
	configure '.linux.netDevices = {"eth9": {"name": "inside0"}}'
	run in_network "$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" run --bundle "$BUNDLE" "$ID" </dev/null
	equal code "$status" 1
	[[ $output == *"/linux/netDevices: cannot move the network device eth9 into the container: no such device"* ]]
	refuses '.linux.netDevices = {"eth7": {"name": "lo/x"}}' "/linux/netDevices/eth7: this is no network device's name"
	refuses '.linux.netDevices = {"a": {"name": "x"}, "b": {"name": "x"}}' 'there are two devices called "x" in the container'
	refuses '.linux.namespaces |= map(select(.type != "network"))' "/linux/netDevices: the container has no network namespace of its own"
	[[ $(runtime create --plan --bundle "$BUNDLE" "$ID") == *"move the network device eth9 into the container, as inside0"* ]]
	ip netns delete "$NETWORK"
}

@test "F14 linux.intelRdt is refused where there is none, and update's options for it are" {
	if grep -q ' - resctrl ' /proc/self/mountinfo; then skip "resctrl is there"; fi
	refuses '.linux.intelRdt = {"closID": "gold"}' "/linux/intelRdt: Intel RDT is not available here"
	refuses '.linux.intelRdt = {"closID": "../gold"}' "/linux/intelRdt/closID: this is no group's name"
	refuses '.linux.intelRdt = {"schemata": ["L3:0=f\nMB:0=1"]}' "/linux/intelRdt/schemata/0: it has more than one line"
	command_is sleep 1000
	start_it
	run runtime update --l3-cache-schema "L3:0=f" "$ID"
	equal code "$status" 1
	[[ $output == *"Intel RDT is not available here"* ]]
}

@test "F15 places are meant as they are checked: .. and . lead nowhere else" {
	mkdir -p "$OUTSIDE"
	local place
	for place in /sys/../proc/sys /dev/../proc /proc/./sys/../sys /foo/../proc/sys ../proc/sys //proc//sys; do
		refuses ".mounts += [{\"destination\": \"$place\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"bind\"]}]" "cannot be mounted over: it is part of /proc"
	done
	for place in /dev/.. /sys/../ /.; do
		refuses ".mounts += [{\"destination\": \"$place\", \"type\": \"bind\", \"source\": \"$OUTSIDE\", \"options\": [\"bind\"]}]" "nothing can be mounted over the root"
	done
	configure '.linux.namespaces += [{"type": "user"}, {"type": "cgroup"}] | .linux.namespaces |= unique_by(.type) |
		.linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	refuses '.linux.devices = [{"path": "/dev/../etc/passwd", "type": "c", "major": 1, "minor": 3}]' "the device /etc/passwd is not below /dev"
	refuses '.linux.devices = [{"path": "/dev/shm", "type": "c", "major": 1, "minor": 3}]' "/dev/shm of the host is not the device that it is to be"
}
