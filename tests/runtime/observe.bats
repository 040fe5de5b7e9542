#!/usr/bin/env bats
# events, features, state, list and ps: what other programs read, beside what runc says where it is installed.
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_runtime
	command_is sleep 100000
}
teardown() {
	[[ ! -d $BATS_TEST_TMPDIR/runc ]] || runc --root "$BATS_TEST_TMPDIR/runc" delete --force "peer-$ID" || true
	teardown_runtime
}

create() { runtime create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
run_it() { create && runtime start "$ID"; }

# The same bundle in runc's hands, as peer-$ID.
run_peer() {
	runc --root "$BATS_TEST_TMPDIR/runc" run --detach --bundle "$BUNDLE" "peer-$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
}
peer() { runc --root "$BATS_TEST_TMPDIR/runc" "$@"; }

# The paths of a JSON document with the types at their ends, without what belongs to one kernel's counters or CPUs.
shape() {
	jq -r 'paths as $path | select(getpath($path) | type | . != "object" and . != "array") |
		($path | map(if type == "number" then "[]" else . end) | join(".")) + " " + (getpath($path) | type)' | sort -u
}

# What Go's decoder does with containerd/go-runc's types (events.go): an unsigned number is neither negative nor a fraction.
# shellcheck disable=SC2016 # jq's own variables
decodes='
	def unsigned: type == "number" and . >= 0 and . == floor;
	def optional(check): . == null or check;
	def entry: (.limit | unsigned) and (.failcnt | unsigned) and (.usage | optional(unsigned)) and (.max | optional(unsigned));
	def average: type == "number" and . >= 0;
	def pressure: optional([.some, .full][] | . == null or ((.avg10 | average) and (.avg60 | average) and (.avg300 | average) and
		(.total | unsigned)));
	def blocks: optional(all(.[]; (.major | optional(unsigned)) and (.minor | optional(unsigned)) and
		(.op | optional(type == "string")) and (.value | optional(unsigned))));
	.type == "stats" and .id == $id and (.data |
		(.cpu.usage.total | unsigned) and (.cpu.usage.kernel | unsigned) and (.cpu.usage.user | unsigned) and
		(.cpu.usage.percpu | optional(all(.[]; unsigned))) and (.cpu.throttling | type == "object") and
		(.cpu.psi | pressure) and (.memory.psi | pressure) and (.blkio.psi | pressure) and
		([.memory.usage, .memory.swap, .memory.kernel, .memory.kernelTCP] | all(entry)) and
		(.memory.raw | all(unsigned)) and (.memory.usage.usage > 0) and
		(.pids.current >= 1) and (.pids.limit == 77) and
		([.blkio.ioServiceBytesRecursive, .blkio.ioServicedRecursive] | all(blocks)) and
		(.hugetlb | type == "object" and all(.[]; .failcnt | unsigned)) and (.intel_rdt == {}) and
		(.cpuset.sched_relax_domain_level | type == "number") and has("network_interfaces"))'

@test "V20 events --stats prints one line that go-runc can decode" {
	configure '.linux.resources.pids = {"limit": 77} | .linux.resources.memory = {"limit": 67108864}'
	run_it
	runtime events --stats "$ID" >"$BATS_TEST_TMPDIR/stats"
	equal lines "$(wc -l <"$BATS_TEST_TMPDIR/stats")" 1
	jq -e --arg id "$ID" "$decodes" "$BATS_TEST_TMPDIR/stats" || { cat "$BATS_TEST_TMPDIR/stats" && return 1; }
	equal limit "$(jq .data.memory.usage.limit "$BATS_TEST_TMPDIR/stats")" 67108864
	# Where the kernel counts pressure, it is there.
	if [[ $(cgroup_mode) == v2 && -e /sys/fs/cgroup/tare-runtime-$ID/cpu.pressure ]] &&
		grep -q some "/sys/fs/cgroup/tare-runtime-$ID/cpu.pressure"; then
		jq -e '.data | .cpu.psi.some.total >= 0 and .memory.psi.some.total >= 0 and .blkio.psi.full.total >= 0' "$BATS_TEST_TMPDIR/stats"
	fi
}

@test "V21 events --stats has every field of runc's, with the same type" {
	command -v runc >/dev/null || skip "runc is not installed"
	# The same for both; runc's defaults differ only in what is counted, not in the fields.
	configure '.linux.resources = {"devices": [{"allow": false, "access": "rwm"}], "pids": {"limit": 77}, "memory": {"limit": 67108864},
		"cpu": {"quota": 5000, "period": 100000}} | .process.args = ["sh", "-c", "while :; do :; done"]'
	run_it
	run_peer || skip "runc cannot run the bundle here: $(cat "$BATS_TEST_TMPDIR/out")"
	# A period must have passed for its fields to be there.
	has_periods() { runtime events --stats "$ID" | jq -e '.data.cpu.throttling.throttledTime > 0 and .data.cpu.usage.user > 0 and .data.cpu.usage.kernel >= 0'; }
	peer_has_periods() { peer events --stats "peer-$ID" | jq -e '.data.cpu.throttling.throttledTime > 0 and .data.cpu.usage.user > 0'; }
	wait_until 60 has_periods
	wait_until 60 peer_has_periods
	# A counter that is 0 is left out: the cache may be charged to others, and what block devices did differs.
	runtime events --stats "$ID" | jq 'del(.data.blkio, .data.hugetlb, .data.memory.cache)' | shape >"$BATS_TEST_TMPDIR/ours"
	peer events --stats "peer-$ID" | jq 'del(.data.blkio, .data.hugetlb, .data.memory.cache)' | shape >"$BATS_TEST_TMPDIR/theirs"
	equal "what runc has and we lack" "$(comm -13 "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs")" ""
	# Newer fields of runc than Debian's.
	equal "what we have and runc lacks" "$(comm -23 "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs" |
		grep -Ev '\.(psi|event_count)\.|^data\.cpu\.usage\.percpu_|^data\.(cpuset\.(cpus|mems)|memory\.(usage|swap)\.max|memory\.kernel\.usage)')" ""
	local limits='.data | [.memory.usage.limit, .pids.limit]'
	equal limits "$(runtime events --stats "$ID" | jq -c "$limits")" "$(peer events --stats "peer-$ID" | jq -c "$limits")"
}

@test "V22 events tells at each interval, and ends with the container" {
	run_it
	"$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" events --interval 100ms "$ID" >"$BATS_TEST_TMPDIR/events" 3>&- &
	local watcher=$!
	three() { (($(grep -c '"type":"stats"' "$BATS_TEST_TMPDIR/events") >= 3)); }
	wait_until 20 three
	runtime kill "$ID" KILL
	gone() { ! kill -0 "$watcher" 2>/dev/null; }
	wait_until 20 gone
	wait "$watcher"
	jq -es --arg id "$ID" 'all(.[]; .type == "stats" and .id == $id)' "$BATS_TEST_TMPDIR/events"
}

@test "V23 events says when the kernel ends a process for want of memory" {
	configure '.linux.resources.memory = {"limit": 33554432, "swap": 33554432}'
	# The first process stays; what it starts takes too much.
	command_is sh -c 'until [ -e /go ]; do sleep 0.1; done; tail /dev/zero; sleep 100000'
	run_it
	"$TARE_BIN_DIR/tare-runtime" --root "$RUNTIME_ROOT" events --interval 1h "$ID" >"$BATS_TEST_TMPDIR/events" 3>&- &
	local watcher=$!
	listens() { readlink "/proc/$watcher/fd/"* | grep -Eq 'inotify|eventfd'; }
	wait_until 20 listens
	touch "$BUNDLE/rootfs/go"
	wait_until 60 grep -q oom "$BATS_TEST_TMPDIR/events"
	equal event "$(jq -cS . "$BATS_TEST_TMPDIR/events" | head -n 1)" "{\"id\":\"$ID\",\"type\":\"oom\"}"
	runtime kill --all "$ID" KILL
	wait "$watcher"
}

@test "V24 events of what does not run, and wrong intervals, are refused" {
	run runtime events --stats nothing
	equal code "$status" 1
	[[ $output == *"does not exist"* ]]
	run_it
	local interval
	for interval in 5 0s -1s soon ''; do
		run runtime events --interval "$interval" "$ID"
		equal "code for '$interval'" "$status" 1
		[[ $output == *interval* ]]
	done
	runtime kill "$ID" KILL
	wait_until 10 has_status stopped
	run runtime events --stats "$ID"
	equal code "$status" 1
	[[ $output == *"container with id $ID is not running"* ]]
}

@test "V25 features has the specification's fields, and what engines look for" {
	runtime features >"$BATS_TEST_TMPDIR/features"
	jq -e '.ociVersionMin == "1.0.0" and (.ociVersionMax | startswith("1.")) and
		([.hooks, .mountOptions, .linux.namespaces, .linux.capabilities, .linux.seccomp.actions, .linux.seccomp.operators,
			.linux.seccomp.archs, .linux.seccomp.knownFlags, .linux.seccomp.supportedFlags, .linux.memoryPolicy.modes] |
			all(type == "array" and all(.[]; type == "string"))) and
		([.linux.cgroup.v1, .linux.cgroup.v2, .linux.cgroup.systemd, .linux.cgroup.systemdUser, .linux.cgroup.rdma,
			.linux.seccomp.enabled, .linux.apparmor.enabled, .linux.selinux.enabled, .linux.intelRdt.enabled,
			.linux.mountExtensions.idmap.enabled, .linux.netDevices.enabled] | all(type == "boolean")) and
		(.linux.capabilities | index("CAP_SYS_ADMIN") and length == 41) and (.mountOptions | index("bind") and index("ro")) and
		(.annotations | all(.[]; type == "string"))' "$BATS_TEST_TMPDIR/features"
	if command -v runc >/dev/null && runc features >"$BATS_TEST_TMPDIR/theirs"; then
		# Every field that runc has is there with the same type, its annotations aside.
		local keys='del(.annotations) | [paths(type != "string") | map(select(type == "string"))] | unique | .[] | join(".")'
		equal "what runc has and we lack" \
			"$(comm -13 <(jq -r "$keys" "$BATS_TEST_TMPDIR/features" | sort) <(jq -r "$keys" "$BATS_TEST_TMPDIR/theirs" | sort))" ""
	fi
}

# accepted FILTER: whether create takes the configuration with this in it.
accepted() {
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/kept"
	configure "$1"
	local code=0
	create && runtime delete --force "$ID" || code=$?
	cp "$BATS_TEST_TMPDIR/kept" "$BUNDLE/config.json"
	return "$code"
}

@test "features claims what create accepts, and nothing else" {
	runtime features >"$BATS_TEST_TMPDIR/features"
	local word claimed
	# truth LIST WORD FILTER: the word is in the list if and only if the configuration with it is accepted.
	truth() {
		claimed=$(jq --arg word "$2" "$1 | index(\$word) != null" "$BATS_TEST_TMPDIR/features")
		if accepted "$3"; then equal "claim of $2" "$claimed" true; else
			equal "claim of $2, which is refused: $(cat "$BATS_TEST_TMPDIR/out")" "$claimed" false
		fi
	}
	for word in prestart createRuntime createContainer startContainer poststart poststop; do
		truth .hooks $word ".hooks = {\"$word\": [{\"path\": \"/bin/true\"}]}"
	done
	for word in cgroup ipc mount network pid time uts; do
		truth .linux.namespaces $word ".linux.namespaces |= map(select(.type != \"$word\")) + [{\"type\": \"$word\"}]"
	done
	python3 "$BATS_TEST_DIRNAME/seccomp_agent.py" "$BATS_TEST_TMPDIR/agent" "$BATS_TEST_TMPDIR/agent.log" </dev/null >/dev/null 2>&1 3>&- &
	local agent=$!
	wait_until 10 test -S "$BATS_TEST_TMPDIR/agent"
	for word in ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG NOTIFY TRACE TRAP NONSENSE; do
		truth .linux.seccomp.actions SCMP_ACT_$word \
			".linux.seccomp = {\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"$BATS_TEST_TMPDIR/agent\", \"syscalls\": [{\"names\": [\"reboot\"], \"action\": \"SCMP_ACT_$word\"}]}"
	done
	kill "$agent"
	for word in TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV NONSENSE; do
		truth .linux.seccomp.knownFlags SECCOMP_FILTER_FLAG_$word \
			".linux.seccomp = {\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"SECCOMP_FILTER_FLAG_$word\"]}"
	done
	for word in shared slave private unbindable; do
		truth .mountOptions $word ".mounts += [{\"destination\": \"/mnt\", \"type\": \"tmpfs\", \"source\": \"x\", \"options\": [\"$word\"]}]"
	done
	[[ -n ${TARE_WITHOUT:-} ]] || truth .mountOptions idmap '.mounts += [{"destination": "/mnt", "type": "tmpfs", "source": "x", "options": ["idmap"],
		"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]'
	# A bind mount leaves nothing to a file system: what is not known is refused.
	for word in ro rw nosuid suid nodev dev noexec exec noatime atime relatime norelatime strictatime nodiratime diratime \
		nosymfollow symfollow rro rnosuid tmpcopyup silent nonsense; do
		truth .mountOptions $word ".mounts += [{\"destination\": \"/mnt\", \"type\": \"bind\", \"source\": \"/tmp\", \"options\": [\"bind\", \"$word\"]}]"
	done
	nothing_left
}

@test "V27 what features says of systemd is what --systemd-cgroup does" {
	run runtime --systemd-cgroup state nothing
	local expected=true
	[[ $output != *"not supported"* ]] || expected=false
	equal systemd "$(runtime features | jq .linux.cgroup.systemd)" "$expected"
}

@test "V28 state, list and ps say what runc says of the same container" {
	command -v runc >/dev/null || skip "runc is not installed"
	run_it
	run_peer || skip "runc cannot run the bundle here: $(cat "$BATS_TEST_TMPDIR/out")"
	# The owner is in runc's list only; annotations it leaves out where there are none.
	local fields='del(.annotations, .owner, .ociVersion) | map_values(type)'
	equal state "$(runtime state "$ID" | jq -S "$fields")" "$(peer state "peer-$ID" | jq -S "$fields")"
	equal "the list" "$(runtime list -f json | jq -S "map($fields)")" "$(peer list -f json | jq -S "map($fields)")"
	local spaces='s/ +/ /g' header="s/peer-$ID/$ID/; s/ [0-9]+ / N /; s/[0-9-]+T[0-9:.]+Z/TIME/"
	equal "the table" "$(runtime list | sed -E "$spaces; $header")" "$(peer list | sed -E "$spaces; $header")"
	equal owner "$(runtime list -f json | jq -r .[0].owner)" "$(peer list -f json | jq -r .[0].owner)"
	equal "ps's header" "$(runtime ps "$ID" | head -n 1)" "$(peer ps "peer-$ID" | head -n 1)"
	equal "ps's lines" "$(runtime ps "$ID" -o pid,comm | tail -n +2 | awk '{ print $2 }')" "$(peer ps "peer-$ID" -o pid,comm | tail -n +2 | awk '{ print $2 }')"
	equal "pids" "$(runtime ps --format json "$ID" | jq -c 'map(type)')" "$(peer ps --format json "peer-$ID" | jq -c 'map(type)')"
}

@test "V29 ps hands what follows the id to ps, and says what that says" {
	run_it
	local pid
	pid=$(runtime state "$ID" | jq .pid)
	equal "the pid" "$(runtime ps "$ID" -o pid | tail -n +2 | tr -d ' ')" "$pid"
	equal JSON "$(runtime ps -f json "$ID")" "[$pid]"
	runtime ps "$ID" -aux | tail -n 1 | grep -q 'sleep 100000'
	run runtime ps "$ID" --nonsense
	equal code "$status" 1
	[[ $output == *"unknown gnu long option"* ]]
	run runtime ps "$ID" -o comm
	equal code "$status" 1
	[[ $output == *PID* ]]
	run runtime ps --format nonsense "$ID"
	equal code "$status" 1
	[[ $output == *"invalid format option"* ]]
	runtime kill "$ID" KILL
	wait_until 10 has_status stopped
	equal "pids of one that has ended" "$(runtime ps --format json "$ID")" "[]"
}

@test "V30 kill and delete take a regular expression, as crun's" {
	run_it
	local other=other-$ID
	runtime run --detach --bundle "$BUNDLE" "$other" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
	runtime kill --regex "^other-.*$" KILL
	other_stopped() { [[ $(status_of "$other") == stopped ]]; }
	wait_until 10 other_stopped
	equal "the other's status" "$(status_of "$ID")" running
	run runtime kill -r '(' KILL
	equal code "$status" 1
	[[ $output == *"regular expression"* ]]
	run runtime delete -r "$ID"
	equal code "$status" 1
	[[ $output == *"cannot delete container $ID that is not stopped: running"* ]]
	equal "what is left" "$(runtime list -q)" "$ID"
	runtime delete --force --regex "$ID"
	runtime delete --regex nothing
	nothing_left
}

@test "V31 kill --all of what has stopped, and delete --force of what is not there, are no errors" {
	run_it
	runtime kill "$ID" KILL
	wait_until 10 has_status stopped
	runtime kill --all "$ID" KILL
	runtime kill -a=true "$ID" 9
	run runtime kill "$ID" KILL
	equal code "$status" 1
	[[ $output == *"container not running"* ]]
	# What follows the id is the signal, as for runc.
	run runtime kill "$ID" --all
	equal code "$status" 1
	[[ $output == *"signal"* ]]
	runtime delete -f nothing
	runtime delete -force=true nothing
}

@test "V32 the global options of runc and crun are taken" {
	run_it
	local option name
	for option in --debug --rootless=true --rootless=false '--rootless auto' -rootless=auto '--log-level error' --log-level=warning \
		--log-level=debug --cgroup-manager=cgroupfs '--log-format text --log-format json' "--root /nowhere --root $RUNTIME_ROOT"; do
		# shellcheck disable=SC2086 # options and their values are words
		equal "status with $option" "$(runtime $option state "$ID" | jq -r .status)" running
	done
	for option in --rootless=maybe --log-level=loud --cgroup-manager=nobody; do
		run runtime "$option" state "$ID"
		equal "code of $option" "$status" 1
		name=${option%=*}
		[[ $output == *"invalid ${name#--}: "* ]]
	done
	equal version "$(runtime -V)" "$(runtime --version)"
	equal version "$(runtime -v)" "$(runtime --version)"
	[[ $(runtime --version | head -n 1) =~ ^tare-runtime\ version\ [0-9] ]]
}
