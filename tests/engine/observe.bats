#!/usr/bin/env bats
# What can be seen of containers: ps with filters and formats, inspect's formats, top, stats, and the caller's defaults.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

names() { tare ps -a --format '{{.Names}}' "$@" | sort | xargs; }

# limits_of CONTAINER: cpu shares (v1) or weight (v2), and the memory limit, as the kernel has them.
limits_of() {
	local id
	id=$(tare inspect -f '{{.Id}}' "$1")
	echo "$(<"$(cgroup_file cpu/cpu.shares cpu.weight "$id")") $(<"$(cgroup_file memory/memory.limit_in_bytes memory.max "$id")")"
}

# weight SHARES WEIGHT: what this machine's kernel calls it; docker's 1024 is v2's 100.
weight() { if [[ $(cgroup_mode) == v2 ]]; then echo "$2"; else echo "$1"; fi; }

@test "K7 TARE_CPU_SHARE and TARE_MEM_LIMIT are the caller's defaults, and options win" {
	TARE_CPU_SHARE=512 TARE_MEM_LIMIT=512 tare run -d --name defaults "$ROOTFS" sleep 1000
	equal "the defaults" "$(limits_of defaults)" "$(weight 512 59) 512000000"
	TARE_CPU_SHARE=512 TARE_MEM_LIMIT=512 tare run -d --name given -c 1024 -m 1024000000 "$ROOTFS" sleep 1000
	equal "the options" "$(limits_of given)" "$(weight 1024 100) 1024000000"
	run --separate-stderr env TARE_MEM_LIMIT=much "$TARE_BIN_DIR/tare" run "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *TARE_MEM_LIMIT*much* ]]
}

@test "labels come from options and files, and are shown and found" {
	printf 'from=file\n# not=this\n\nboth=file\n' >"$BATS_TEST_TMPDIR/labels"
	tare create --name labelled --label-file "$BATS_TEST_TMPDIR/labels" -l both=option --label empty "$ROOTFS" true
	tare create --name plain "$ROOTFS" true
	equal labels "$(tare inspect labelled | jq -c '.[0].Config.Labels')" '{"from":"file","both":"option","empty":""}'
	equal "in a list" "$(tare ps -a --filter name=labelled --format '{{.Labels}}')" "both=option,empty=,from=file"
	equal "a single one" "$(tare ps -a --format '{{.Names}}:{{.Label "from"}}' | sort | xargs)" "labelled:file plain:"
	equal "by name" "$(names --filter label=empty)" labelled
	equal "by value" "$(names --filter label=from=file --filter label=both=option)" labelled
	equal "all must hold" "$(names --filter label=from=file --filter label=both=file)" ""
	run --separate-stderr tare create -l =x "$ROOTFS" true
	equal status "$status" 125
	[[ $stderr == *'invalid label format'* ]]
}

@test "ps --filter finds by id, name, state, exit code, age, image and mount" {
	mkdir "$BATS_TEST_TMPDIR/data"
	run -3 tare run --name three "$ROOTFS" sh -c 'exit 3'
	tare run --name nought "$ROOTFS" true
	tare create --name new "$ROOTFS" true
	tare run -d --name up -v "$BATS_TEST_TMPDIR/data:/data" "$ROOTFS" sleep 1000
	tare run -d --name held "$ROOTFS" sleep 1000
	tare pause held
	equal "by a part of the name" "$(names --filter name=e)" "held new three"
	equal "by a pattern" "$(names --filter 'name=^/?(up|new)$')" "new up"
	equal "any of two" "$(names --filter name=up --filter name=three)" "three up"
	equal "both of two" "$(names --filter name=e --filter status=exited)" "three"
	equal "by id" "$(names --filter "id=$(tare inspect -f '{{.Id}}' up)")" up
	equal "by state" "$(names --filter status=exited --filter status=created)" "new nought three"
	equal "paused" "$(names --filter status=paused)" held
	equal "state and running ones" "$(tare ps --filter status=exited -q | wc -l)" 2
	equal "by exit code" "$(names --filter exited=3)" three
	equal "before" "$(names --filter before=new)" "nought three"
	equal "since" "$(names --filter since=new)" "held up"
	equal "by image" "$(names --filter "ancestor=$ROOTFS" | wc -w)" 5
	equal "by another image" "$(names --filter ancestor=other)" ""
	equal "by a mount's source" "$(names --filter "volume=$BATS_TEST_TMPDIR/data")" up
	equal "by a mount's destination" "$(names --filter volume=/data)" up
	equal "by network" "$(names --filter network=host)" ""
	for filter in health=healthy publish=80 expose=80; do equal "$filter" "$(names --filter "$filter")" ""; done
	local wrong
	for wrong in colour=red status=purple name 'name=(' exited=x; do
		run --separate-stderr tare ps --filter "$wrong"
		((status != 0)) || { echo "$wrong was accepted" && return 1; }
		[[ $stderr == *nvalid* ]]
	done
	run --separate-stderr tare ps --filter before=absent
	equal status "$status" 1
	[[ $stderr == "tare: No such container: absent"* ]]
}

@test "ps -n, -l and -s show the newest and measure" {
	tare run --name first "$ROOTFS" sh -c 'head -c 1000000 /dev/zero >/file; ln /file /same; mkdir -p /a/b; ln -s x /a/b/c'
	tare run --name second "$ROOTFS" true
	tare run -d --name third "$ROOTFS" sleep 1000
	equal "the two newest" "$(names -n 2)" "second third"
	equal "the newest" "$(names -l)" third
	equal "more than there are" "$(names --last 9)" "first second third"
	[[ $(tare ps -as --filter name=first) == *SIZE*"1MB (virtual "*")"* ]]
	equal "nothing of its own" "$(tare ps -as --filter name=third --format '{{.Size}}' | cut -d' ' -f1)" 0B
	equal "in inspect" "$(tare inspect -s first | jq '.[0].SizeRw')" 1000001
	(($(tare inspect -s first | jq '.[0].SizeRootFs') > 1000001 + $(stat -c %s "$ROOTFS/bin/busybox")))
	equal "unmeasured" "$(tare inspect first | jq '.[0].SizeRw')" null
}

@test "ps --format makes tables, lines and JSON" {
	tare run --name one -l com.example.part-of=it "$ROOTFS" true
	tare create --name another --hostname x "$ROOTFS" echo "a long command it is"
	equal "lines" "$(tare ps -a --format '{{.Names}}\t{{.State}}')" $'another\tcreated\none\texited'
	equal "a table" "$(tare ps -a --format 'table {{.Names}}\t{{.Label "com.example.part-of"}}' | tr -s ' ')" \
		$'NAMES part of\nanother \none it'
	equal "the table" "$(tare ps -a --format table)" "$(tare ps -a)"
	equal "functions" "$(tare ps -a --format '{{upper .Names}} {{truncate .ID 4 | len}}{{if eq .State "exited"}}!{{end}}')" \
		$'ANOTHER 4\nONE 4!'
	equal "JSON" "$(tare ps -a --format json | jq -c '[.Names, .Labels, .Command, .Networks]')" \
		'["another","","\"echo a long command…\"","none"]'$'\n''["one","com.example.part-of=it","\"true\"","none"]'
	equal "its fields" "$(tare ps -a --format '{{json .}}' | head -n 1 | jq -r 'keys | join(" ")')" \
		"Command CreatedAt ID Image Labels LocalVolumes Mounts Names Networks Ports RunningFor Size State Status"
	[[ $(tare ps -a --format '{{.CreatedAt}}') =~ ^20[0-9-]+\ [0-9:]+\ [+-][0-9]{4} ]]
	run --separate-stderr tare ps --format '{{.ID'
	equal status "$status" 1
	equal error "$stderr" "tare: template parsing error: template: :1: unclosed action"
	run --separate-stderr tare ps -a --format '{{.Nonsense}}'
	equal status "$status" 1
	[[ $stderr == *'executing "" at <.Nonsense>: map has no entry for key "Nonsense"'* ]]
}

@test "inspect -f prints what a template makes of each" {
	tare create --name one -e A=1 -e B=2 -l x=y "$ROOTFS" sh -c 'exit 0' arg
	tare create --name two "$ROOTFS" true
	equal "a field" "$(tare inspect -f '{{.State.Status}} {{.Name}}' one two)" $'created /one\ncreated /two'
	equal "lists" "$(tare inspect --format '{{range .Args}}[{{.}}]{{end}}{{join .Config.Cmd "-"}}' one)" \
		"[-c][exit 0][arg]sh--c-exit 0-arg"
	equal "a map" "$(tare inspect -f '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}{{end}}{{.Config.Labels.none}}' one)" \
		"x=y<no value>"
	equal "JSON" "$(tare inspect -f '{{json .Config.Labels}}' one)" '{"x":"y"}'
	equal "json" "$(tare inspect -f json one two | jq -r .Name | xargs)" "/one /two"
	run --separate-stderr tare inspect -f '{{.Name}}' absent two
	equal status "$status" 1
	equal output "$output" /two
	run --separate-stderr tare inspect -f '{{.Name' one
	equal status "$status" 64
	equal "of the type" "$(tare inspect --type container -f '{{.Name}}' one)" /one
	run --separate-stderr tare inspect --type spaceship one
	equal status "$status" 125
}

@test "top lists a container's processes, and what was executed in it, as ps does" {
	# When a process began is told to the minute, and ps may round another second.
	while (($(date +%-S) < 2 || $(date +%-S) > 50)); do sleep 1; done
	start_container busy "$ROOTFS" sh -c 'sleep 1234 & echo ready; wait'
	tare exec -d busy sleep 4321
	wait_until 20 bash -c '"$TARE_BIN_DIR/tare" top busy | grep -q "sleep 4321"'
	run --separate-stderr tare top busy
	equal status "$status" 0
	equal lines "${#lines[@]}" 4
	equal titles "$(xargs <<<"${lines[0]}")" "UID PID PPID C STIME TTY TIME CMD"
	local pid
	pid=$(awk '$8 == "sleep" && $9 == 1234 { print $2 }' <<<"$output")
	equal "the pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1234 "
	equal "as ps" "$(awk -v pid="$pid" '$2 == pid' <<<"$output" | xargs)" "$(ps -o user,pid,ppid,c,stime,tty,time,cmd --no-headers "$pid" | xargs)"
	equal "with options" "$(tare top busy -eo pid,comm | awk '{ print $2 }' | sort | xargs)" "COMMAND sh sleep sleep"
	equal "aux" "$(tare top busy aux | wc -l)" 4
	run --separate-stderr tare top busy -o rss
	equal status "$status" 1
	[[ $stderr == *"Couldn't find PID field in ps output"* ]]
	tare rm -f busy
	tare create --name still "$ROOTFS" true
	run --separate-stderr tare top still
	equal status "$status" 1
	[[ $stderr == *"is not running"* ]]
	run --separate-stderr tare top absent
	equal status "$status" 1
	[[ $stderr == "tare: No such container: absent"* ]]
}

@test "stats shows use against limits" {
	start_container hungry -m 64m --cpus 0.05 "$ROOTFS" sh -c '
		head -c 20000000 /dev/zero >/dev/shm/held; echo ready; sleep 1000 & while :; do :; done'
	tare create --name still "$ROOTFS" true
	run --separate-stderr tare stats --no-stream
	equal status "$status" 0
	equal lines "${#lines[@]}" 2
	equal titles "$(tr -s ' ' <<<"${lines[0]}")" "CONTAINER ID NAME CPU % MEM USAGE / LIMIT MEM % NET I/O BLOCK I/O PIDS"
	[[ ${lines[1]} == "${container_id:0:12} "*" hungry "*" / 64MiB "*"0B / 0B "* ]]
	local json
	json=$(tare stats --no-stream --format json hungry)
	equal processes "$(jq -r .PIDs <<<"$json")" 2
	# 19.07 MiB are in its /dev/shm, and a shell is no larger than a few.
	equal memory "$(jq -r '.MemUsage | split("MiB")[0] | tonumber | . > 19 and . < 30' <<<"$json")" true
	equal "percent" "$(jq -r '.MemPerc | rtrimstr("%") | tonumber | . > 29 and . < 47' <<<"$json")" true
	# Its twentieth of a CPU, or less where others want the machine, too.
	equal "CPU" "$(jq -r '.CPUPerc | rtrimstr("%") | tonumber | . > 0.5 and . < 15' <<<"$json")" true
	wait_until 60 bash -c '(( $("$TARE_BIN_DIR/tare" stats --no-stream --format "{{.ThrottledPeriods}}" hungry) > 0 ))'
	equal "with those that do not run" "$(tare stats -a --no-stream --format '{{.Name}} {{.PIDs}}' | sort)" $'hungry 2\nstill --'
	equal "whole ids" "$(tare stats --no-stream --no-trunc --format '{{.ID}}')" "$container_id"
	run --separate-stderr tare stats --no-stream absent
	equal status "$status" 1
	run --separate-stderr tare stats --format '{{'
	equal status "$status" 1
}

@test "stats counts what goes over the container's own network, and to disks" {
	start_container sender "$ROOTFS" sh -c "$stay"
	nsenter -t "$container_pid" -n python3 -c '
import socket, subprocess, time
for command in "link add v0 type veth peer name v1", "link set v0 up", "link set v1 up":
    subprocess.run(["ip"] + command.split(), check=True)
# Until the kernel has noticed that there is a carrier, it throws away what is sent, and says nothing.
for link in "v0", "v1":
    while b"state UP" not in subprocess.check_output(["ip", "link", "show", link]):
        time.sleep(0.01)
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packets.bind(("v0", 0))
for i in range(200):
    packets.send(bytes(1000))'
	local json in out
	json=$(tare stats --no-stream --format json sender)
	read -r in out < <(jq -r '.NetIO | capture("^(?<i>[0-9.]+)kB / (?<o>[0-9.]+)kB$") | "\(.i) \(.o)"' <<<"$json")
	equal "in and out" "$(awk -v i="$in" -v o="$out" 'BEGIN { print (i >= 200 && i < 220 && o >= 200 && o < 220) }')" 1
	# With the host's network nothing is the container's own.
	tare run -d --name guest --network host "$ROOTFS" sleep 1000
	equal "the host's" "$(tare stats --no-stream --format '{{.NetIO}}' guest)" "0B / 0B"
}

@test "stats goes on each second until its container is gone" {
	start_container watched "$ROOTFS" sh -c "$stay"
	"$TARE_BIN_DIR/tare" stats --format '{{.Name}} {{.PIDs}}' watched >"$BATS_TEST_TMPDIR/seen" 3>&- &
	local watcher=$!
	wait_until 20 bash -c '(( $(wc -l <"$1") >= 3 ))' - "$BATS_TEST_TMPDIR/seen"
	tare rm -f watched
	wait "$watcher"
	equal "each line" "$(sort -u "$BATS_TEST_TMPDIR/seen" | head -n 1 | cut -d' ' -f1)" watched
}
