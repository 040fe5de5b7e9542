#!/usr/bin/env bats
# pause, resume and update: what changes while a container lives.
load helpers

setup_file() { setup_rootfs_once; }
setup() {
	setup_runtime
	command_is sleep 100000
}
teardown() { teardown_runtime; }

create() { runtime create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
run_it() { create && runtime start "$ID"; }

# limit V1_CONTROLLER/V1_FILE V2_FILE: what the file in the container's cgroup says.
limit() {
	local file
	file=$(limit_file "$@")
	tr '\t' ' ' <"$file"
}
limit_file() {
	if [[ $(cgroup_mode) == v2 ]]; then
		echo "/sys/fs/cgroup/tare-runtime-$ID/$2"
	else
		echo "/sys/fs/cgroup/${1%%/*}/tare-runtime-$ID/${1#*/}"
	fi
}
# limit_is WHAT V1_CONTROLLER/V1_FILE V1_VALUE V2_FILE V2_VALUE
limit_is() {
	if [[ $(cgroup_mode) == v2 ]]; then equal "$1" "$(limit "$2" "$4")" "$5"; else equal "$1" "$(limit "$2" "$4")" "$3"; fi
}
has_controller() { # V1 V2
	if [[ $(cgroup_mode) == v2 ]]; then grep -qw "$2" /sys/fs/cgroup/cgroup.controllers; else [[ -d /sys/fs/cgroup/$1 ]]; fi
}
# refused WORDS OPTION...: update fails with 1 and says that.
refused() {
	local words=$1
	shift
	run runtime update "$@"
	equal "code of $*" "$status" 1
	[[ $output == *"$words"* ]] || { echo "$*: $output" && return 1; }
}

@test "V1 pause stops every process and resume lets them go on" {
	command_is sh -c 'while sleep 0.01; do echo >>/count; done'
	run_it
	wait_until 20 test -s "$BUNDLE/rootfs/count"
	runtime pause "$ID"
	equal status "$(status_of "$ID")" paused
	local before after
	before=$(wc -c <"$BUNDLE/rootfs/count")
	sleep 0.3
	after=$(wc -c <"$BUNDLE/rootfs/count")
	equal "count while paused" "$after" "$before"
	runtime list | grep -Eq "^$ID +[0-9]+ +paused +"
	runtime resume "$ID"
	equal status "$(status_of "$ID")" running
	goes_on() { [[ $(wc -c <"$BUNDLE/rootfs/count") != "$before" ]]; }
	wait_until 20 goes_on
}

@test "V2 what is not running is not paused, and what is not paused not resumed, in runc's words" {
	run_it
	run runtime resume "$ID"
	equal code "$status" 1
	[[ $output == *"container not paused"* ]]
	runtime pause "$ID"
	run runtime pause "$ID"
	equal code "$status" 1
	[[ $output == *"container not running"* ]]
	runtime kill "$ID" KILL
	wait_until 10 has_status stopped
	local verb
	for verb in pause update; do
		run runtime "$verb" "$ID"
		equal "$verb's code" "$status" 1
		[[ $output == *"container not running"* ]]
	done
	run runtime resume "$ID"
	[[ $output == *"container not paused"* ]]
	for verb in pause resume update; do
		run runtime "$verb" nothing
		equal "$verb's code" "$status" 1
		[[ $output == *"does not exist"* ]]
	done
}

@test "V3 a container that was created and not started can be paused, resumed, and then started" {
	create
	runtime pause "$ID"
	equal status "$(status_of "$ID")" paused
	runtime resume "$ID"
	equal status "$(status_of "$ID")" created
	runtime start "$ID"
	equal status "$(status_of "$ID")" running
}

@test "V4 a paused container is deleted by force, and nothing is left" {
	run_it
	runtime pause "$ID"
	run runtime delete "$ID"
	equal code "$status" 1
	[[ $output == *"not stopped: paused"* ]]
	runtime delete --force "$ID"
	nothing_left
}

@test "V5 update changes what is named, in runc's units, and nothing else" {
	configure '.linux.resources.cpu = {"shares": 512, "quota": 50000, "period": 100000} | .linux.resources.pids = {"limit": 100}
		| .linux.resources.memory = {"limit": 67108864}'
	run_it
	runtime update --memory 128M --pids-limit=55 "$ID"
	limit_is memory memory/memory.limit_in_bytes 134217728 memory.max 134217728
	limit_is pids pids/pids.max 55 pids.max 55
	limit_is shares cpu/cpu.shares 512 cpu.weight 59
	runtime update -memory-reservation 32m "$ID" -cpu-share 1024
	limit_is reservation memory/memory.soft_limit_in_bytes 33554432 memory.low 33554432
	limit_is shares cpu/cpu.shares 1024 cpu.weight 100
	limit_is memory memory/memory.limit_in_bytes 134217728 memory.max 134217728
	runtime update --pids-limit -1 --memory 64M --memory 96M "$ID"
	limit_is pids pids/pids.max max pids.max max
	limit_is "memory, of which the last counts" memory/memory.limit_in_bytes 100663296 memory.max 100663296
	runtime update --memory -1 "$ID"
	limit_is memory memory/memory.limit_in_bytes 9223372036854771712 memory.max max
	runtime update "$ID"
}

@test "V6 quota and period are changed one at a time, and each keeps the other" {
	configure '.linux.resources.cpu = {"quota": 50000, "period": 100000}'
	run_it
	both_are() {
		equal "quota and period" "$(if [[ $(cgroup_mode) == v2 ]]; then limit - cpu.max; else
			echo "$(limit cpu/cpu.cfs_quota_us -) $(limit cpu/cpu.cfs_period_us -)"
		fi)" "$1"
	}
	runtime update --cpu-period 200000 "$ID"
	both_are "50000 200000"
	runtime update --cpu-quota 30000 "$ID"
	both_are "30000 200000"
	runtime update --cpu-quota 60000 --cpu-burst 20000 "$ID"
	both_are "60000 200000"
	limit_is burst cpu/cpu.cfs_burst_us 20000 cpu.max.burst 20000
	runtime update --cpu-quota 30000 "$ID"
	limit_is "burst, which is kept" cpu/cpu.cfs_burst_us 20000 cpu.max.burst 20000
	runtime update --cpu-quota -1 --cpu-burst 0 "$ID"
	both_are "$(if [[ $(cgroup_mode) == v2 ]]; then echo max; else echo -1; fi) 200000"
}

@test "V7 the swap limit counts together with memory, also when only one of the two is changed" {
	[[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes || $(cgroup_mode) == v2 ]] || skip "this kernel does not count swap"
	configure '.linux.resources.memory = {"limit": 67108864, "swap": 100663296}'
	run_it
	[[ -e $(limit_file memory/memory.memsw.limit_in_bytes memory.swap.max) ]] || skip "this kernel does not count swap"
	runtime update --memory 80M "$ID"
	limit_is swap memory/memory.memsw.limit_in_bytes 100663296 memory.swap.max 16777216
	refused "smaller than the memory limit" --memory 128M "$ID"
	limit_is "memory, as before" memory/memory.limit_in_bytes 83886080 memory.max 83886080
	runtime update --memory 128M --memory-swap 192M "$ID"
	limit_is memory memory/memory.limit_in_bytes 134217728 memory.max 134217728
	limit_is swap memory/memory.memsw.limit_in_bytes 201326592 memory.swap.max 67108864
	runtime update --memory-swap -1 "$ID"
	limit_is swap memory/memory.memsw.limit_in_bytes 9223372036854771712 memory.swap.max max
	runtime update --memory-swap 160M "$ID"
	limit_is swap memory/memory.memsw.limit_in_bytes 167772160 memory.swap.max 33554432
}

@test "V8 an idle container has its share again when it no longer is" {
	configure '.linux.resources.cpu = {"shares": 512}'
	run_it
	[[ -e $(limit_file cpu/cpu.idle cpu.idle) ]] || skip "this kernel has no cpu.idle"
	runtime update --cpu-idle 1 "$ID"
	limit_is idle cpu/cpu.idle 1 cpu.idle 1
	runtime update --cpu-idle 0 "$ID"
	limit_is idle cpu/cpu.idle 0 cpu.idle 0
	limit_is shares cpu/cpu.shares 512 cpu.weight 59
}

@test "V9 update reads the specification's JSON from a file or standard input, and leaves devices alone" {
	run_it
	local devices
	devices=$(cat "/sys/fs/cgroup/devices/tare-runtime-$ID/devices.list" 2>/dev/null || true)
	echo '{"pids": {"limit": 33}, "memory": {"limit": 67108864, "swap": 0}, "cpu": {"quota": 0, "shares": null, "cpus": ""},
		"devices": [{"allow": true, "access": "rwm"}], "blockIO": {}, "network": null}' >"$BATS_TEST_TMPDIR/resources"
	runtime update --pids-limit 44 --resources "$BATS_TEST_TMPDIR/resources" "$ID"
	limit_is pids pids/pids.max 33 pids.max 33
	limit_is memory memory/memory.limit_in_bytes 67108864 memory.max 67108864
	equal devices "$(cat "/sys/fs/cgroup/devices/tare-runtime-$ID/devices.list" 2>/dev/null || true)" "$devices"
	runtime update --resources=- "$ID" <<<'{"pids": {"limit": 34}}'
	limit_is pids pids/pids.max 34 pids.max 34
	runtime update -r - "$ID" <<<'{"cpu": {"cpus": "0"}}'
	limit_is cpus cpuset/cpuset.cpus 0 cpuset.cpus 0
}

@test "V10 what cannot be read or carried out is refused by name, and changes nothing" {
	configure '.linux.resources.pids = {"limit": 100}'
	run_it
	refused --cpu-period --cpu-period abc "$ID"
	refused --memory --memory 1x "$ID"
	refused --blkio-weight --blkio-weight 2000 "$ID"
	refused --pids-limit --pids-limit -2 "$ID"
	refused --cpu-idle --cpu-idle 2 "$ID"
	refused "Intel RDT is not available here" --l3-cache-schema L3:0=f "$ID"
	refused "Intel RDT is not available here" --mem-bw-schema MB:0=50 "$ID"
	refused cpuset.cpus --pids-limit 50 --cpuset-cpus 9999 "$ID"
	refused "no such file" --resources "$BATS_TEST_TMPDIR/nothing" "$ID"
	run runtime update --resources - "$ID" <<<'{"memory": {"limit": "many"}}'
	equal code "$status" 1
	[[ $output == *"/memory/limit: "* ]]
	run runtime update --resources - "$ID" <<<'{"pids"'
	equal code "$status" 1
	limit_is "pids, as before" pids/pids.max 100 pids.max 100
	run runtime update
	equal code "$status" 1
	# What was refused is not remembered either.
	runtime update --pids-limit 60 "$ID"
	limit_is pids pids/pids.max 60 pids.max 60
}

@test "V11 a limit below what is in use is refused where that is asked for" {
	run_it
	run runtime update --resources - "$ID" <<<'{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'
	equal code "$status" 1
	[[ $output == *"rejecting memory limit 4096 <= usage"* ]]
	equal status "$(status_of "$ID")" running
}

@test "V12 realtime limits are v1's, and v2 says so" {
	run_it
	if [[ $(cgroup_mode) == v2 ]]; then
		refused "realtime" --cpu-rt-runtime 1000 "$ID"
	elif [[ -e $(limit_file cpu/cpu.rt_runtime_us -) ]]; then
		runtime update --cpu-rt-period 500000 --cpu-rt-runtime 1000 "$ID"
		equal runtime "$(limit cpu/cpu.rt_runtime_us -)" 1000
		equal period "$(limit cpu/cpu.rt_period_us -)" 500000
	else
		refused cpu.rt_runtime_us --cpu-rt-runtime 1000 "$ID"
	fi
}
