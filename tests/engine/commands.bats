#!/usr/bin/env bats
# tare's other commands: ps, rm, inspect, info, version, and the help of each.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

columns() { tr -s ' ' <<<"$1"; }

@test "ps shows the running containers, and with -a those that ended" {
	run --separate-stderr tare ps
	equal status "$status" 0
	equal "without containers" "$(columns "$output")" "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES"
	run -3 tare run --name ended "$ROOTFS" sh -c 'exit 3'
	start_container running "$ROOTFS" sh -c "$stay"

	run --separate-stderr tare ps
	equal "lines" "${#lines[@]}" 2
	[[ ${lines[1]} == "${container_id:0:12} "*"$ROOTFS"*'"sh -c '*"Up "*" running" ]]
	[[ $output == *'…"'* && $output != *"sleep 1000"* ]]
	run --separate-stderr tare ps -a
	equal "lines" "${#lines[@]}" 3
	[[ ${lines[1]} == *"Up "*" running" && ${lines[2]} == *"Exited (3) "*"ago "*" ended" ]]
}

@test "ps -q prints ids only, and --no-trunc whole ones" {
	tare run --name first "$ROOTFS" true
	tare run --name second "$ROOTFS" true
	run --separate-stderr tare ps -aq
	equal "lines" "${#lines[@]}" 2
	[[ ${lines[0]} =~ ^[0-9a-f]{12}$ && ${lines[1]} =~ ^[0-9a-f]{12}$ ]]
	local brief=("${lines[@]}")
	run --separate-stderr tare ps -a -q --no-trunc
	[[ ${lines[0]} =~ ^[0-9a-f]{64}$ && ${lines[0]} == "${brief[0]}"* && ${lines[1]} == "${brief[1]}"* ]]
	# The newest comes first.
	equal "the first" "$(tare inspect "${brief[0]}" | jq -r '.[0].Name')" /second
	run --separate-stderr tare ps -q
	equal "running" "$output" ""
	tare run --name long "$ROOTFS" echo "a command that is longer than the column is"
	[[ $(tare ps -a --no-trunc) == *'"echo a command that is longer than the column is"'* ]]
	run --separate-stderr tare ps operand
	equal status "$status" 125
}

@test "rm takes names, ids and beginnings of ids, and gives back everything" {
	local before id
	tare run --rm "$ROOTFS" true
	before=$(cd "$BATS_TEST_TMPDIR" && find root run | sort)
	tare run --name one "$ROOTFS" sh -c 'echo x >/file'
	tare run --name two "$ROOTFS" true
	tare run --name three "$ROOTFS" true
	id=$(tare inspect two | jq -r '.[0].Id')
	run --separate-stderr tare rm one "$id" "$(tare inspect three | jq -r '.[0].Id[0:8]')"
	equal status "$status" 0
	equal "the first" "${lines[0]}" one
	equal "the second" "${lines[1]}" "$id"
	equal "the store" "$(cd "$BATS_TEST_TMPDIR" && find root run | sort)" "$before"
	# One that is not there fails, and the others are removed none the less.
	tare run --name four "$ROOTFS" true
	run --separate-stderr tare rm absent four
	equal status "$status" 1
	equal output "$output" four
	[[ $stderr == "tare: No such container: absent"* ]]
	run --separate-stderr tare rm -f absent
	equal status "$status" 0
	run --separate-stderr tare rm
	equal status "$status" 125
}

@test "rm refuses a running container, and rm -f ends it" {
	start_container busy "$ROOTFS" sh -c "$stay"
	run --separate-stderr tare rm busy
	equal status "$status" 1
	[[ $stderr == *'cannot remove container "/busy": container is running'*"use -f"* ]]
	[[ -d /proc/$container_pid ]]
	run --separate-stderr tare rm -f busy
	equal status "$status" 0
	equal output "$output" busy
	[[ ! -d /proc/$container_pid ]]
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
	equal "containers" "$(tare ps -aq)" ""
	local code=0
	wait "$client_pid" || code=$?
	equal "what its run ended with" "$code" 137
	# The name and everything is free.
	tare run --name busy "$ROOTFS" true
}

@test "inspect prints what was asked for, and what became of it, as JSON" {
	run -7 tare run --name seen --hostname box -e A=1 -w /tmp -u nobody -m 64m --memory-swap 128m --cpu-shares 512 --cpus 1.5 \
		--cpuset-cpus 0 --pids-limit 20 --ulimit nofile=64:128 --read-only -v "$BATS_TEST_TMPDIR:/data:ro" --tmpfs /mytemp \
		--stop-signal SIGINT "$ROOTFS" sh -c 'exit 7' "an argument"
	local json
	json=$(tare inspect seen)
	field() { jq -c ".[0]$1" <<<"$json"; }
	equal "number of objects" "$(jq length <<<"$json")" 1
	[[ $(field .Id) =~ ^\"[0-9a-f]{64}\"$ ]]
	equal name "$(field .Name)" '"/seen"'
	equal path "$(field .Path)" '"sh"'
	equal arguments "$(field .Args)" '["-c","exit 7","an argument"]'
	equal image "$(field .Image)" "\"$ROOTFS\""
	equal state "$(field '.State | [.Status, .Running, .ExitCode, .OOMKilled, .Pid, .Error]')" '["exited",false,7,false,0,""]'
	equal times "$(field '| [.Created, .State.StartedAt, .State.FinishedAt] | map(test("^20[0-9-]+T[0-9:.]+Z$")) | all')" true
	equal "the times' order" "$(field '| .Created <= .State.StartedAt and .State.StartedAt <= .State.FinishedAt')" true
	equal config "$(field '.Config | [.Hostname, .User, .Tty, .OpenStdin, .WorkingDir, .StopSignal]')" \
		'["box","nobody",false,false,"/tmp","SIGINT"]'
	equal variables "$(field '.Config.Env | sort | map(select(startswith("PATH=") | not))')" '["A=1","HOME=/","HOSTNAME=box"]'
	equal limits "$(field '.HostConfig | [.Memory, .MemorySwap, .CpuShares, .CpuQuota, .CpuPeriod, .CpusetCpus, .PidsLimit]')" \
		'[67108864,134217728,512,150000,100000,"0",20]'
	equal flags "$(field '.HostConfig | [.NetworkMode, .AutoRemove, .ReadonlyRootfs]')" '["none",false,true]'
	equal ulimits "$(field '.HostConfig.Ulimits | map(select(.Soft == 64))[0] | [.Soft, .Hard]')" '[64,128]'
	equal mounts "$(field '.Mounts | map([.Type, .Destination])')" '[["bind","/data"],["tmpfs","/mytemp"]]'
	equal "a mount's source" "$(field '.Mounts[0].Source')" "\"$BATS_TEST_TMPDIR\""

	start_container running "$ROOTFS" sh -c "$stay"
	json=$(tare inspect running seen)
	equal "number of objects" "$(jq length <<<"$json")" 2
	equal "the running one" "$(field '.State | [.Status, .Running, .Pid]')" "[\"running\",true,$container_pid]"
	equal "its first process" "$(awk '/^NSpid/ { print $3 }' "/proc/$container_pid/status")" 1
	run --separate-stderr tare inspect absent seen
	equal status "$status" 1
	equal "the other one" "$(jq -r '.[0].Name' <<<"$output")" /seen
	run --separate-stderr tare inspect absent
	equal status "$status" 1
	equal output "$output" "[]"
	run --separate-stderr tare inspect
	equal status "$status" 125
}

@test "info tells of the machine, and of the containers" {
	start_container running "$ROOTFS" sh -c "$stay"
	tare run --name ended "$ROOTFS" true
	run --separate-stderr tare info
	equal status "$status" 0
	local line
	for line in "Version: $(tare version | cut -d' ' -f3)" "Kernel: $(uname -r) $(uname -m)" "Root: $TARE_ROOT" \
		"Run root: $TARE_RUN_ROOT" "Containers: 2 (1 running)"; do
		grep -qxF "$line" <<<"$output" || { echo "no line $line in $output" && return 1; }
	done
	grep -qE "^Cgroups: $(cgroup_mode)" <<<"$output"
	for line in Limits "Swap limit" "Device filter" Overlay Capabilities Init; do grep -q "^$line: ." <<<"$output"; done
	if capsh --has-p=cap_sys_resource >/dev/null 2>&1; then
		grep -qx "Capabilities: all that are needed" <<<"$output"
	else
		grep -qE "^Capabilities: missing:.*SYS_RESOURCE" <<<"$output"
	fi
}

@test "looking makes nothing" {
	equal "without containers" "$(tare ps -aq)" ""
	tare info >/dev/null
	run -1 tare inspect absent
	run -1 tare rm absent
	[[ ! -e $TARE_ROOT && ! -e $TARE_RUN_ROOT ]]
}

@test "a store is where --root and --run-root say, also by a relative path" {
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here"
	run --separate-stderr tare --root ./deep/store --run-root ../run-here run --name kept "$TARBALL" echo ran
	equal "status" "$status" 0
	equal "output" "$output" ran
	[[ -d deep/store/containers && -d deep/store/layers && -d ../run-here/containers && ! -e $TARE_ROOT && ! -e $TARE_RUN_ROOT ]]
	[[ $(tare --root=./deep/store --run-root=../run-here ps -a) == *kept* ]]
	tare --root "$PWD/deep/store" --run-root "$BATS_TEST_TMPDIR/run-here" rm kept
}

@test "version is the version" {
	run --separate-stderr tare version
	equal status "$status" 0
	[[ $output =~ ^tare\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	equal "with --version" "$(tare --version)" "$output"
	equal "with -v" "$(tare -v)" "$output"
	# Into nothing, it fails.
	run bash -c '"$TARE_BIN_DIR/tare" version >/dev/full'
	((status != 0))
	[[ $output == *"cannot write to standard output: No space left on device"* ]]
}

@test "each command has help, with each of its options" {
	local verb option
	run --separate-stderr tare --help
	equal status "$status" 0
	for verb in run ps rm inspect info version; do [[ $output == *" $verb "* ]]; done
	equal "without anything" "$(tare)" "$output"
	for verb in run ps rm inspect info version; do
		run --separate-stderr tare "$verb" --help
		equal "status of $verb --help" "$status" 0
		equal "its errors" "$stderr" ""
		[[ $output == *"Usage:"*"tare $verb"* ]]
	done
	run --separate-stderr tare run --help
	for option in interactive tty rm name hostname env env-file workdir user entrypoint read-only rootfs-rw tmpfs volume \
		cpu-shares cpus cpuset-cpus memory memory-swap pids-limit ulimit network stop-signal cgroup-parent plan; do
		grep -qE "^ +(-., )?--$option\b" <<<"$output" || { echo "no --$option" && return 1; }
	done
	[[ ! -e $TARE_ROOT ]] # help makes nothing
}

@test "a wrong word is answered with what may have been meant" {
	run --separate-stderr tare inspekt x
	equal status "$status" 125
	[[ $stderr == *inspekt*inspect* ]]
	run --separate-stderr tare run --hostnam x "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *--hostnam*--hostname* ]]
}

# is_over PID: it is gone, or nobody has asked what became of it yet.
is_over() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

# damage ID CASE: makes the container's record what CASE says.
damage() {
	local record=$TARE_ROOT/containers/$1/record.json
	case $2 in
	empty) : >"$record" ;;
	array) echo '[]' >"$record" ;;
	cut) head -c 50 "$record" >"$record.cut" && mv "$record.cut" "$record" ;;
	field) jq -c 'del(.command)' "$record" >"$record.less" && mv "$record.less" "$record" ;;
	type) jq -c '.command = [1]' "$record" >"$record.less" && mv "$record.less" "$record" ;;
	version) jq -c '.version = 2' "$record" >"$record.less" && mv "$record.less" "$record" ;;
	other) jq -c '.id = "'"$(printf '0%.0s' {1..64})"'"' "$record" >"$record.less" && mv "$record.less" "$record" ;;
	directory) rm "$record" && mkdir "$record" ;;
	esac
}

@test "a container whose record cannot be read is shown as damaged, keeps no other from being seen, and can be removed" {
	tare run --name whole "$ROOTFS" true
	local case id words
	while read -r case words; do
		tare run --name broken "$ROOTFS" true
		id=$(tare inspect broken | jq -r '.[0].Id')
		damage "$id" "$case"
		run --separate-stderr tare ps -a --no-trunc
		equal "$case: status" "$status" 0
		[[ $stderr == "tare: container $id: its record cannot be read: "*"$words"* && $(wc -l <<<"$stderr") == 1 ]] ||
			{ echo "$case: $stderr" && false; }
		[[ $(grep "^$id" <<<"$output") == *Damaged*broken ]]
		[[ $(grep whole <<<"$output") == *"Exited (0)"* ]]
		run --separate-stderr tare info
		equal "$case: info" "$status" 0
		[[ $output == *"Containers: 2 (0 running, 1 damaged)"* ]]
		equal "$case: inspected" "$(tare inspect broken | jq -r '.[0].State.Status')" damaged
		run --separate-stderr tare run --name broken "$ROOTFS" true
		equal "$case: name taken" "$status" 125
		[[ $stderr == *"already in use by container \"$id\""* ]]
		if [[ $case == array ]]; then run -0 tare rm broken; else run -0 tare rm -f "$id"; fi
		[[ ! -e $TARE_ROOT/containers/$id && ! -e $TARE_ROOT/names/broken && ! -e $TARE_ROOT/locks/$id ]]
	done <<-'TABLE'
		empty not JSON near byte 0
		array it is JSON, but no object
		cut not JSON
		field the field command is missing
		type the field command holds something else than strings
		version its version is 2
		other it is the record of 0000
		directory Is a directory
	TABLE
	equal "what is left" "$(tare ps -a | wc -l)" 2
}

@test "a running container whose record cannot be read is shown as damaged, and rm -f ends it" {
	start_container busy "$ROOTFS" sh -c "$stay"
	damage "$container_id" empty
	[[ $(tare ps 2>/dev/null) == *Damaged*busy ]]
	run --separate-stderr tare rm busy
	equal status "$status" 1
	[[ $stderr == *'cannot remove container "/busy": container is running'* ]]
	run -0 tare rm -f busy
	[[ ! -d /proc/$container_pid ]]
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
	equal "containers" "$(tare ps -aq)" ""
}

@test "what is left of a container whose monitor was killed and whose record cannot be read goes with rm" {
	start_container busy "$ROOTFS" sh -c "$stay"
	damage "$container_id" empty
	kill -9 "$(jq .monitor "$TARE_RUN_ROOT/containers/$container_id.json")"
	wait "$client_pid" || true
	[[ $(tare ps 2>/dev/null) == *Damaged*busy ]]
	run -0 tare rm busy
	wait_until 10 is_over "$container_pid"
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
	equal "store" "$(find "$TARE_ROOT"/{containers,names,locks} "$TARE_RUN_ROOT/containers" -mindepth 1)" ""
}

@test "a run file that is empty or nonsense counts as none" {
	local text monitor file name=busy
	for text in "" "[]" "{" '{"version":1}' '{"version":2,"pid":1,"start_ticks":1,"monitor":1}' 'null'; do
		name+=y
		start_container "$name" "$ROOTFS" sh -c "$stay"
		file=$TARE_RUN_ROOT/containers/$container_id.json
		monitor=$(jq .monitor "$file")
		kill -9 "$client_pid"
		wait "$client_pid" || true
		echo -n "$text" >"$file"
		kill -9 "$monitor"
		wait_until 10 is_over "$monitor"
		run -0 --separate-stderr tare ps -a
		[[ $output == *"Exited (255)"* && $stderr == "" ]]
		wait_until 10 is_over "$container_pid"
		[[ ! -e $file ]]
		tare rm "$name"
	done
}

@test "a process that another boot noted is not taken for the container's" {
	start_container busy "$ROOTFS" sh -c "$stay"
	local file=$TARE_RUN_ROOT/containers/$container_id.json monitor bystander
	monitor=$(jq .monitor "$file")
	kill -9 "$client_pid"
	wait "$client_pid" || true
	sleep 1000 3>&- &
	bystander=$!
	jq -c ".pid = $bystander | .start_ticks = $(cut -d' ' -f22 "/proc/$bystander/stat") | .boot = \"another\"" "$file" >"$file.other"
	mv "$file.other" "$file"
	kill -9 "$monitor"
	wait_until 10 is_over "$monitor"
	[[ $(tare ps -a) == *"Exited (255)"* ]]
	[[ ! -e $file ]]
	grep -q '^State:[[:space:]]*S' "/proc/$bystander/status"
	kill "$bystander"
}

@test "a staging directory that cannot be looked at keeps no container from being seen" {
	tare run --name whole "$ROOTFS" true
	rm -rf "$TARE_ROOT/staging"
	echo >"$TARE_ROOT/staging"
	run -0 --separate-stderr tare ps -a
	[[ $output == *whole && $stderr == "tare: "*staging* ]]
}

# freeze ID: from the host.
freeze() {
	if [[ $(cgroup_mode) == v2 ]]; then
		echo 1 >"/sys/fs/cgroup/tare-$1/cgroup.freeze"
	else
		echo FROZEN >"/sys/fs/cgroup/freezer/tare-$1/freezer.state"
	fi
}

@test "rm -f ends a container that is frozen" {
	start_container busy "$ROOTFS" sh -c "$stay"
	freeze "$container_id"
	run -0 --separate-stderr timeout 8 "$TARE_BIN_DIR/tare" rm -f busy
	[[ ! -d /proc/$container_pid ]]
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
	equal "containers" "$(tare ps -aq)" ""
	local code=0
	wait "$client_pid" || code=$?
	equal "what its run ended with" "$code" 137
}

@test "a frozen container whose monitor was killed is settled" {
	start_container busy "$ROOTFS" sh -c "$stay"
	freeze "$container_id"
	kill -9 "$(jq .monitor "$TARE_RUN_ROOT/containers/$container_id.json")"
	local code=0
	wait "$client_pid" || code=$?
	equal "what its run ended with" "$code" 255
	run -0 timeout 8 "$TARE_BIN_DIR/tare" ps -a
	[[ $output == *"Exited (255)"* ]]
	wait_until 10 is_over "$container_pid"
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
}

@test "cgroups nested deeper than files can be open are removed with their container" {
	ulimit -n 1024 # of the monitor, which removes them, too
	start_container busy "$ROOTFS" sh -c "$stay"
	python3 - "$container_id" <<-'PYTHON'
		import os, sys
		for hierarchy in "freezer", "pids", ".":
		    directory = f"/sys/fs/cgroup/{hierarchy}/tare-{sys.argv[1]}"
		    if not os.path.isdir(directory):
		        continue
		    os.chdir(directory)
		    for level in range(1300):
		        os.mkdir("n")
		        os.chdir("n")
	PYTHON
	run -0 --separate-stderr timeout 60 "$TARE_BIN_DIR/tare" rm -f busy || { echo "$stderr" && false; }
	equal "cgroups" "$(find /sys/fs/cgroup -maxdepth 2 -name "*$container_id*")" ""
	equal "containers" "$(tare ps -aq)" ""
}

@test "rm -f and a monitor that removes the same container do not get in each other's way" {
	local round number runs
	for round in $(seq 20); do
		runs=()
		for number in 1 2 3 4; do
			(
				"$TARE_BIN_DIR/tare" run --rm --name "box$number" "$ROOTFS" sh -c 'echo ready; sleep 1000' >"$BATS_TEST_TMPDIR/$number" 2>/dev/null 3>&- &
				wait_until 10 grep -qs ready "$BATS_TEST_TMPDIR/$number"
				kill -KILL $!
				equal "rm in round $round" "$("$TARE_BIN_DIR/tare" rm -f "box$number" 2>&1)" "box$number"
			) &
			runs+=($!)
		done
		for number in "${runs[@]}"; do wait "$number"; done
		rm -f "$BATS_TEST_TMPDIR"/[1-4]
	done
	equal "containers" "$(tare ps -aq)" ""
}
