#!/usr/bin/env bats
# tare explain, item by item beside what the kernel's own files and the usual tools say.
# shellcheck disable=SC2154 # what `run` sets
# shellcheck disable=SC2016 # the container's shell expands it

load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

# explain NAME FILTER: what jq finds in the JSON.
explain() { tare explain --format json "$1" | jq -r "$2"; }

# check_namespaces NAME: kinds and inodes, beside /proc and lsns.
check_namespaces() {
	equal "namespaces of $1" "$(explain "$1" '.namespaces[] | "\(.kind):[\(.inode)]"')" \
		"$(for kind in cgroup ipc mnt net pid time user uts; do readlink "/proc/$container_pid/ns/$kind"; done)"
	equal "lsns of $1" "$(explain "$1" '.namespaces[] | "\(.kind) \(.inode)"' | sort)" \
		"$(lsns -p "$container_pid" -n -o TYPE,NS | awk '{ print $1, $2 }' | sort)"
	local kind
	for kind in cgroup ipc mnt net pid time user uts; do
		equal "$kind is the host's" "$(explain "$1" ".namespaces[] | select(.kind == \"$kind\").is_hosts")" \
			"$([[ $(readlink "/proc/$container_pid/ns/$kind") == "$(readlink "/proc/self/ns/$kind")" ]] && echo true || echo false)"
	done
}

# check_mounts NAME: places, types and options, beside findmnt, whose order is that of the tree.
check_mounts() {
	equal "mounts of $1" "$(explain "$1" '.mounts[] | "\(.where) \(.type) \(.options | join(","))"' | sort)" \
		"$(findmnt -N "$container_pid" -Jlo TARGET,FSTYPE,VFS-OPTIONS |
			jq -r '.filesystems[] | "\(.target) \(.fstype) \(."vfs-options")"' | sort)"
}

# check_rights NAME [PID]: beside /proc and capsh.
check_rights() {
	local name=$1 pid=${2:-$container_pid} set key
	local -A keys=([bounding]=CapBnd [effective]=CapEff [permitted]=CapPrm [inheritable]=CapInh [ambient]=CapAmb)
	for set in "${!keys[@]}"; do
		key=$(awk -v key="${keys[$set]}:" '$1 == key { print $2 }' "/proc/$pid/status")
		equal "$set of $name" "$(explain "$name" ".rights.capabilities.$set | join(\",\") | ascii_downcase")" \
			"$(capsh --decode="$key" | cut -d= -f2)"
	done
	equal "seccomp of $name" "$(explain "$name" '.rights.seccomp | "\(.mode) \(.filters)"')" \
		"$(awk '$1 == "Seccomp:" { mode = $2 } $1 == "Seccomp_filters:" { print mode, $2 }' "/proc/$pid/status")"
	equal "no_new_privs of $name" "$(explain "$name" '.rights.no_new_privileges | if . then 1 else 0 end')" \
		"$(awk '$1 == "NoNewPrivs:" { print $2 }' "/proc/$pid/status")"
	equal "label of $name" "$(explain "$name" '.rights.label')" \
		"$(tr -d '\0' <"/proc/$pid/attr/current" 2>/dev/null || true)"
	equal "OOM score of $name" "$(explain "$name" '.rights.oom_score_adjustment')" "$(cat "/proc/$pid/oom_score_adj")"
	equal "limits of $name" \
		"$(explain "$name" '.rights.resource_limits[] | "\(.name) \(.soft) \(.hard)"' | sort)" \
		"$(diff <(cut -c1-65 /proc/1/limits) <(cut -c1-65 "/proc/$pid/limits") | sed -n 's/^> *//p' | tr -s ' ' | sed 's/ $//' | sort)"
}

# check_processes NAME: outside and inside, users, commands, beside /proc and the cgroup.
check_processes() {
	local expected pid
	expected=$(while read -r pid; do
		echo "$pid $(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status") $(awk '/^Uid:/ { print $3 }' "/proc/$pid/status")" \
			"$(awk '/^State:/ { print $2 }' "/proc/$pid/status") $(tr '\0' ' ' <"/proc/$pid/cmdline" | sed 's/ $//')"
	done < <(sort -n "$(cgroup_file pids/cgroup.procs cgroup.procs "$container_id")"))
	equal "processes of $1" "$(explain "$1" '.processes[] | "\(.pid) \(.inner_pid) \(.user) \(.state) \(.command)"')" "$expected"
}

check_all() {
	check_namespaces "$1"
	check_mounts "$1"
	check_rights "$1"
	check_processes "$1"
	equal "cgroups of $1" "$(explain "$1" '.limits.cgroups[] | "\(.hierarchy):\(.path)"' | sort)" \
		"$(cut -d: -f2- "/proc/$container_pid/cgroup" | sort)"
}

# origin NAME PLACE: where the mount at PLACE comes from.
origin() { explain "$1" ".mounts[] | select(.where == \"$2\") | \"\(.origin) \(.from)\""; }

@test "E1 explain tells of a default container what the kernel says" {
	start web "$TARBALL" sleep 1000
	check_all web
	equal "layer" "$(explain web '.mounts[] | select(.where == "/").layers[]')" \
		"$(tare inspect web | jq -r '.[0].GraphDriver.Data.Layers[]')"
	equal "changes" "$(origin web /)" "root $TARE_ROOT/containers/$container_id/upper"
	equal "hosts" "$(origin web /etc/hosts)" "own file $TARE_ROOT/containers/$container_id/hosts"
	equal "ids" "$(explain web '.uid_mappings[] | "\(.container) \(.host) \(.size)"')" "0 0 4294967295"
	equal "policy" "$(explain web .rights.seccomp.policy)" default
	equal "calls" "$(tare run --plan "$TARBALL" true 2>/dev/null | sed -n 's/.*the default policy: \([0-9]*\) calls allowed.*/\1/p')" \
		"$(explain web .rights.seccomp.calls_allowed)"
	equal "masked" "$(explain web '.mounts[] | select(.origin == "masked").where' | grep -c keys)" 1
	equal "read-only" "$(explain web '.mounts[] | select(.origin == "read-only part").where' | grep -cx /proc/sys)" 1

	run --separate-stderr tare explain web
	equal status "$status" 0
	equal "first line" "${lines[0]}" "web (${container_id:0:12}), process $container_pid"
	[[ $output == *"users and groups  every id is the host's own"* ]]
	[[ $output == *"CAP_CHOWN "*"change the owner of any file"* ]]
	[[ $output != *CAP_SYS_ADMIN* ]]
	[[ $output == *"Capabilities of process $container_pid: 14, without "* ]]
	[[ $output == *"the default policy, which allows "*" calls"*"mounting, "* ]]
	[[ $output == *"$container_pid        1  root"* ]]
}

@test "explain tells of a privileged container that nothing is kept from it" {
	start free --privileged "$ROOTFS" sleep 1000
	check_all free
	equal "seccomp" "$(explain free '.rights.seccomp | "\(.mode) \(.policy) \(.calls_allowed)"')" "0 privileged null"
	equal "masked" "$(explain free '[.mounts[] | select(.origin == "masked" or .origin == "read-only part")] | length')" 0
	run --separate-stderr tare explain free
	[[ $output == *"none: it may make every system call"* ]]
	[[ $output == *CAP_SYS_ADMIN* ]]
}

@test "E3 explain tells a user namespace's ids from both sides" {
	start mapped --userns auto --init -v kept:/kept "$TARBALL" sleep 1000
	check_namespaces mapped
	check_mounts mapped
	check_processes mapped
	local program
	program=$(pgrep -P "$container_pid")
	check_rights mapped "$program"
	equal "whose rights" "$(explain mapped .rights.pid)" "$program"
	equal "users" "$(explain mapped '.uid_mappings[] | "\(.container) \(.host) \(.size)"')" \
		"$(tr -s ' ' <"/proc/$container_pid/uid_map" | sed 's/^ //')"
	equal "groups" "$(explain mapped '.gid_mappings[] | "\(.container) \(.host) \(.size)"')" \
		"$(tr -s ' ' <"/proc/$container_pid/gid_map" | sed 's/^ //')"
	equal "root inside" "$(explain mapped '.processes[].inner_user')" $'0\n0'
	equal "volume" "$(origin mapped /kept)" "volume kept"
	equal "device" "$(origin mapped /dev/zero)" "device /dev/zero"
	equal "layer, which the kernel has by descriptor" "$(explain mapped '.mounts[] | select(.where == "/").layers[]')" \
		"$(tare inspect mapped | jq -r '.[0].GraphDriver.Data.Layers[]')"
	run --separate-stderr tare explain mapped
	[[ $output == *"0-65535 inside are "*" outside"* ]]
	[[ $output == *"(0 inside)"* ]]
	[[ $output == *"(over what belongs to its user namespace)"* ]]
}

@test "explain tells what of the host's a container has, and who else has it" {
	start seeing --network host --pid host "$ROOTFS" sleep 1000
	check_all seeing
	equal "net and pid" "$(explain seeing '.namespaces[] | select(.kind == "net" or .kind == "pid").is_hosts')" $'true\ntrue'
	equal "pid inside" "$(explain seeing '.processes[0].inner_pid')" "$container_pid"
	equal "TCP" "$(explain seeing '.ports[] | select(.protocol == "tcp") | "\(.address):\(.port)"' | sort -u)" \
		"$(ss -Htln4 | awk '{ print $4 }' | sed 's/%[^:]*:/:/' | sort -u)"
	start lender --ipc shareable "$ROOTFS" sleep 1000
	start guest --network container:lender --ipc container:lender "$ROOTFS" sleep 1000
	equal "shared" "$(explain guest '.namespaces[] | select(.containers == ["lender"] and (.is_hosts | not)).kind')" $'ipc\nnet'
	run --separate-stderr tare explain guest
	[[ $output == *"net "*"shared with lender"* ]]
}

@test "explain tells files: read-only, tmpfs, volumes, host's paths" {
	mkdir "$BATS_TEST_TMPDIR/shown" "$BATS_TEST_TMPDIR/a b"
	start files --read-only --tmpfs /scratch:size=3m -v "$BATS_TEST_TMPDIR/shown:/shown:ro" \
		-v "$BATS_TEST_TMPDIR/a b:/a b" -v data:/data "$ROOTFS" sleep 1000
	check_mounts files
	equal "root" "$(explain files '.mounts[] | select(.where == "/").is_read_only')" true
	equal "scratch" "$(explain files '.mounts[] | select(.where == "/scratch") | "\(.origin) \(.size)"')" "tmpfs 3145728"
	equal "shown" "$(origin files /shown)" "bind $BATS_TEST_TMPDIR/shown"
	equal "shown is" "$(explain files '.mounts[] | select(.where == "/shown").is_read_only')" true
	equal "blank" "$(origin files '/a b')" "bind $BATS_TEST_TMPDIR/a b"
	equal "volume" "$(origin files /data)" "volume data"
	# What changed since the start is told, too.
	nsenter -t "$container_pid" -m mount -t tmpfs -o size=1m later /data
	equal "later" "$(origin files /data | tail -n 1)" "tmpfs "
}

@test "E2 explain tells limits and their use, as they are now" {
	start bound -m 64m --memory-swap 96m --pids-limit 9 --cpus 0.25 --cpu-shares 512 --cpuset-cpus 0 --blkio-weight 300 \
		--oom-score-adj 77 --ulimit nofile=99:199 --ulimit core=0 "$ROOTFS" sleep 1000
	check_all bound
	equal "limits" "$(explain bound '.limits | "\(.memory_limit) \(.swap_limit) \(.processes_limit) \(.processes) \(.cpus)"')" \
		"67108864 33554432 9 1 0"
	equal "quota" "$(explain bound '.limits | "\(.cpu_quota) \(.cpu_period)"')" "25000 100000"
	if [[ $(cgroup_mode) == v2 ]]; then
		equal "weight" "$(explain bound .limits.cpu_weight)" "$(cat "$(cgroup_file - cpu.weight "$container_id")")"
	else
		equal "shares" "$(explain bound .limits.cpu_shares)" 512
		equal "peak" "$(explain bound .limits.memory_peak)" \
			"$(cat "$(cgroup_file memory/memory.max_usage_in_bytes - "$container_id")")"
	fi
	equal "OOM score" "$(explain bound .rights.oom_score_adjustment)" 77
	equal "open files" "$(explain bound '.rights.resource_limits[] | select(.name == "Max open files") | "\(.soft) \(.hard)"')" "99 199"
	# Changed behind our back.
	echo 7 >"$(cgroup_file pids/pids.max pids.max "$container_id")"
	equal "changed" "$(explain bound .limits.processes_limit)" 7
	run --separate-stderr tare explain bound
	[[ $output == *"of 64MiB, "*" at most so far"* ]]
	[[ $output == *"1 of 7"* ]]
	[[ $output == *"0.25 of a CPU: 25000 of every 100000 microseconds"* ]]
}

@test "explain tells what listens in the container's network" {
	mkdir "$BATS_TEST_TMPDIR/host"
	make_host_root "$BATS_TEST_TMPDIR/host"
	start_container open -v /usr:/usr:ro "$BATS_TEST_TMPDIR/host" python3 -c '
import socket, time
sockets = []
def listen(family, kind, address):
    one = socket.socket(family, kind)
    one.bind(address)
    if kind == socket.SOCK_STREAM: one.listen()
    sockets.append(one)
listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 8080))
listen(socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 53))
listen(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 8081))
listen(socket.AF_INET6, socket.SOCK_DGRAM, ("::", 54))
listen(socket.AF_UNIX, socket.SOCK_STREAM, "/tmp/named")
listen(socket.AF_UNIX, socket.SOCK_STREAM, "\0abstract")
client = socket.create_connection(("127.0.0.1", 8080))
print("ready", flush=True)
time.sleep(1000)'
	equal "ports" "$(explain open '.ports[] | "\(.protocol) \(.address) \(.port)"')" "$(printf '%s\n' \
		'tcp 127.0.0.1 8080' 'tcp6 ::1 8081' 'udp 0.0.0.0 53' 'udp6 :: 54' 'unix /tmp/named 0' 'unix @abstract 0')"
	equal "ss" "$(explain open '[.ports[] | select(.protocol != "unix")] | length')" \
		"$(nsenter -t "$container_pid" -n ss -Htuln | wc -l)"
	run --separate-stderr tare explain open
	[[ $output == *"tcp6  [::1]:8081"* ]]
}

@test "explain tells two containers apart" {
	start first -m 64m -v common:/common --cap-drop NET_RAW "$TARBALL" sleep 1000
	start second --network container:first -v common:/other "$TARBALL" sleep 1000
	local json
	json=$(tare explain --format json first second)
	equal "namespaces" "$(jq -r '.namespaces[]' <<<"$json")" $'net\ntime (the host\'s)\nuser (the host\'s)'
	equal "layers" "$(jq -r '.layers[]' <<<"$json")" "$(tare inspect first | jq -r '.[0].GraphDriver.Data.Layers[]')"
	equal "volumes" "$(jq -r '.volumes[]' <<<"$json")" common
	equal "parents" "$(jq -r '.cgroup_parents[]' <<<"$json")" /
	equal "memory" "$(jq -r '.differences[] | select(.what == "memory limit") | "\(.first)|\(.second)"' <<<"$json")" "64MiB|"
	equal "capabilities" "$(jq -r '.differences[] | select(.what == "capabilities") | "\(.first)|\(.second)"' <<<"$json")" "|CAP_NET_RAW"
	equal "mount" "$(jq -r '.differences[] | select(.what == "mount /other") | "\(.first)|\(.second)"' <<<"$json")" "|volume common"
	run --separate-stderr tare explain first second
	equal status "$status" 0
	[[ $output == "first and second share"*"layers "*"They differ in"*"memory limit "*"64MiB  |  -"* ]]
}

@test "explain lets nothing of a container's reach the terminal" {
	mkdir "$BATS_TEST_TMPDIR/host"
	make_host_root "$BATS_TEST_TMPDIR/host"
	start_container evil --cap-add SYS_ADMIN -v /usr:/usr:ro "$BATS_TEST_TMPDIR/host" python3 -c '
import os, socket, subprocess, time
evil = "\x1b]0;owned\x07\x1b[2J\r\n\u009b2J\u202e"
os.makedirs("/tmp/" + evil)
subprocess.run(["mount", "-t", "tmpfs", evil, "/tmp/" + evil], check=True)
one = socket.socket(socket.AF_UNIX)
one.bind("/tmp/" + evil + ".sock")
one.listen()
subprocess.Popen(["-" + evil.encode().decode("latin-1") + "x" * 100000, "1000"], executable="/usr/bin/sleep")
print("ready", flush=True)
time.sleep(1000)'
	local form
	for form in text json; do
		tare explain --format "$form" evil >"$BATS_TEST_TMPDIR/$form"
		# The line feed alone; neither another control character nor C1, nor what turns the direction of writing.
		equal "$form" "$(python3 -c '
import sys, unicodedata
text = open(sys.argv[1], encoding="utf-8", newline="").read()
print(sorted({hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")}))' "$BATS_TEST_TMPDIR/$form")" "[]"
	done
	grep -qF '/tmp/\x1b]0;owned\x07\x1b[2J\x0d\x0a\xc2\x9b2J\xe2\x80\xae' "$BATS_TEST_TMPDIR/text"
	equal "bounded" "$(jq '[.processes[].command | length] | max < 5000' "$BATS_TEST_TMPDIR/json")" true
}

@test "explain says what to do about a container that does not run" {
	tare create --name still "$ROOTFS" true
	run --separate-stderr tare explain still
	equal status "$status" 1
	equal error "$stderr" "tare: container still is not running (only what runs is known to the kernel: \`tare start still\`)"
	equal output "$output" ""
	run --separate-stderr tare explain absent
	equal status "$status" 1
	[[ $stderr == "tare: No such container: absent"* ]]
	start up "$ROOTFS" sleep 1000
	run --separate-stderr tare explain up still
	equal status "$status" 1
	run --separate-stderr tare explain --format yaml up
	equal status "$status" 125
	run --separate-stderr tare explain
	equal status "$status" 125
}

@test "explain is no crash where containers and processes come and go" {
	start busy "$ROOTFS" sh -c 'while :; do /bin/true; /bin/true & done'
	local i
	for ((i = 0; i < 40; i++)); do tare explain busy >/dev/null; done
	tare pause busy
	equal "while it is paused" "$(explain busy .pid)" "$container_pid"
	tare rm -f busy
	for ((i = 0; i < 15; i++)); do
		run tare run -d --rm --name brief "$ROOTFS" sleep 0.0"$i"
		((status == 0)) || { echo "$status: $output" && return 1; }
		run tare explain brief
		((status <= 1)) || { echo "$status: $output" && return 1; }
		wait_until 20 bash -c '! "$TARE_BIN_DIR/tare" inspect brief >/dev/null 2>&1'
	done
}
