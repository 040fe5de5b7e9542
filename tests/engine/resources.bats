#!/usr/bin/env bats
# Devices, kernel parameters, shared memory, the OOM score, a supervising first process, and the namespaces that a
# container shares: each read back from the kernel and felt.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # scripts for other shells; variables that bats and the helpers set
load helpers
: "${BATS_TEST_TIMEOUT:=240}"

setup_file() {
	export TARE_BIN_DIR
	setup_rootfs_once
}
setup() { setup_store; }
teardown() { teardown_store; }

namespace_of() { readlink "/proc/$1/ns/$2"; }

@test "L11 the block I/O weight is the container's" {
	start_container weighed --blkio-weight 10 "$ROOTFS" sh -c "$stay"
	local directory value=10
	if [[ $(cgroup_mode) == v2 ]]; then
		directory=/sys/fs/cgroup/tare-$container_id
		[[ -e $directory/io.bfq.weight ]] || value=1 # io.weight counts from 1 to 10000
	else
		directory=/sys/fs/cgroup/blkio/tare-$container_id
	fi
	equal "weight" "$(cat "$directory"/{io,blkio}.bfq.weight "$directory"/{io,blkio}.weight 2>/dev/null | head -n 1)" \
		"$(if [[ $(cgroup_mode) == v2 ]]; then echo "default $value"; else echo "$value"; fi)"
	equal "as told by inspect" "$(tare inspect weighed | jq '.[0].HostConfig.BlkioWeight')" 10
	tare rm -f weighed
	refuses "range of blkio weight is from 10 to 1000" --blkio-weight 9 "$ROOTFS" true
	refuses "range of blkio weight is from 10 to 1000" --blkio-weight 1001 "$ROOTFS" true
	says "" --blkio-weight 0 "$ROOTFS" true
}

@test "R1 a device that is given has the host's number, mode and owner, and works" {
	# The kernel's log device: what a container is not given by itself. Where dmesg_restrict is set, reading takes a capability.
	local number mode syslog=(--cap-add SYSLOG)
	number=$(stat -c %t:%T /dev/kmsg) mode=$(stat -c '%a %u:%g' /dev/kmsg)
	says "$number $mode
$number $mode" --device /dev/kmsg --device /dev/kmsg:/dev/log/kernel "$ROOTFS" \
		stat -c '%t:%T %a %u:%g' /dev/kmsg /dev/log/kernel
	local try='(: </dev/kmsg) 2>/dev/null && echo read; (: >>/dev/kmsg) 2>/dev/null && echo written; true'
	says $'read\nwritten' "${syslog[@]}" --device /dev/kmsg "$ROOTFS" sh -c "$try"
	says read "${syslog[@]}" --device /dev/kmsg:r "$ROOTFS" sh -c "$try"
	says read "${syslog[@]}" --device /dev/kmsg:/dev/kmsg:rm "$ROOTFS" sh -c "$try"
	# Nobody else gets it.
	says "" "${syslog[@]}" "$ROOTFS" sh -c "mknod /dev/kmsg c 1 11; $try"
	says $'read\nwritten' "${syslog[@]}" --device-cgroup-rule 'c 1:11 rw' "$ROOTFS" sh -c "mknod /dev/kmsg c 1 11; $try"
	says written "${syslog[@]}" --device-cgroup-rule 'c *:11 w' "$ROOTFS" sh -c "mknod /dev/kmsg c 1 11; $try"
}

@test "a directory of devices is all nodes in it, a symlink what it leads to" {
	local top=$BATS_TEST_TMPDIR/devices
	mkdir -p "$top/inner"
	mknod -m 640 "$top/null" c 1 3
	mknod -m 600 "$top/inner/log" c 1 11
	touch "$top/file"
	ln -s null "$top/link"
	chown 12:6 "$top/null"
	says "/dev/all/inner/log 1:b 600 0:0
/dev/all/null 1:3 640 12:6" --cap-add SYSLOG --device "$top:/dev/all" "$ROOTFS" sh -c \
		'find /dev/all -type c | sort | xargs stat -c "%n %t:%T %a %u:%g"; head -c 0 /dev/all/inner/log'
	says "1:3 640" --device "$top/link:/dev/mine" "$ROOTFS" stat -c '%t:%T %a' /dev/mine
	# Outside of /dev it is the host's node that shows, and no node is left in the root file system.
	mkdir "$BATS_TEST_TMPDIR/own"
	cp -a "$ROOTFS/." "$BATS_TEST_TMPDIR/own"
	says "1:3" --rootfs-rw --device "$top/null:/data/null" "$BATS_TEST_TMPDIR/own" sh -c \
		'echo gone >/data/null && stat -c %t:%T /data/null'
	[[ -f $BATS_TEST_TMPDIR/own/data/null ]]
	# One of the standard ones' place.
	says "1:7" --device /dev/full:/dev/zero "$ROOTFS" stat -c %t:%T /dev/zero
	refuses "/dev/null" --device /dev/full:/dev/null "$ROOTFS" true # the standard input would be it
	refuses 'error gathering device information while adding custom device "/dev/none": No such file or directory' \
		--device /dev/none "$ROOTFS" true
	refuses 'error gathering device information while adding custom device "/etc/passwd": not a device node' \
		--device /etc/passwd "$ROOTFS" true
	refuses "bad mode specified: x" --device /dev/null:/dev/null:x "$ROOTFS" true
	refuses "CDI" --device vendor.com/gpu=all "$ROOTFS" true
	refuses "invalid device cgroup format 'c 1 r'" --device-cgroup-rule 'c 1 r' "$ROOTFS" true
	refuses "cannot be in /proc or /sys" --device /dev/null:/proc/null "$ROOTFS" true
}

@test "without CAP_MKNOD a device that is given is the host's node" {
	run --separate-stderr setpriv --bounding-set -mknod "$TARE_BIN_DIR/tare" run --rm \
		--cap-add SYSLOG --device /dev/kmsg:/dev/log/kernel "$ROOTFS" \
		sh -c 'stat -c %t:%T /dev/log/kernel; : </dev/log/kernel && echo read'
	equal output "$output" $'1:b\nread'
}

@test "R2 kernel parameters of its namespaces are set, and stay read-only for it" {
	says "65536
1
1024	65000
77
example" --sysctl kernel.msgmax=65536 --sysctl net.ipv4.ip_forward=0 --sysctl net/ipv4/ip_forward=1 \
		--sysctl 'net.ipv4.ip_local_port_range=1024 65000' --sysctl fs.mqueue.msg_max=77 \
		--sysctl kernel.domainname=example "$ROOTFS" sh -c '
		cd /proc/sys && cat kernel/msgmax net/ipv4/ip_forward net/ipv4/ip_local_port_range fs/mqueue/msg_max kernel/domainname
		echo 0 2>/dev/null >net/ipv4/ip_forward && echo writable; true'
	[[ $(cat /proc/sys/kernel/msgmax) != 65536 ]]
	refuses "sysctl 'vm.swappiness=1' is not allowed" --sysctl vm.swappiness=1 "$ROOTFS" true
	refuses "sysctl 'kernel.core_pattern=x' is not allowed" --sysctl kernel.core_pattern=x "$ROOTFS" true
	refuses "sysctl 'net.ipv4.ip_forward' is not allowed" --sysctl net.ipv4.ip_forward "$ROOTFS" true
	refuses 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace' \
		--network host --sysctl net.ipv4.ip_forward=1 "$ROOTFS" true
	refuses 'sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace' --ipc host --sysctl kernel.msgmax=1 "$ROOTFS" true
	refuses "No such file or directory" --sysctl net.no.such=1 "$ROOTFS" true
	refuses "Invalid argument" --sysctl kernel.msgmax=many "$ROOTFS" true
	# What stands in the root in the place of /proc is not written to.
	local root=$BATS_TEST_TMPDIR/rootfs
	cp -a "$ROOTFS" "$root"
	rm -r "$root/proc"
	ln -s /etc "$root/proc"
	mkdir -p "$root/etc/sys/net/ipv4"
	echo untouched >"$root/etc/sys/net/ipv4/ip_forward"
	refuses "symlink" --rootfs-rw --sysctl net.ipv4.ip_forward=1 "$root" true
	equal "what the symlink leads to" "$(cat "$root/etc/sys/net/ipv4/ip_forward")" untouched
}

@test "R3 the domain name, the size of /dev/shm and the OOM score" {
	says "example.org
127.0.1.1	box.example.org box
box
16384" --hostname box --domainname example.org --shm-size 16m "$ROOTFS" sh -c '
		cat /proc/sys/kernel/domainname; grep 127.0.1.1 /etc/hosts; hostname; df -k /dev/shm | awk "NR == 2 { print \$2 }"'
	says "65536 0" "$ROOTFS" sh -c 'echo $(df -k /dev/shm | awk "NR == 2 { print \$2 }") $(cat /proc/self/oom_score_adj)'
	says "65536" --shm-size 0 "$ROOTFS" sh -c 'df -k /dev/shm | awk "NR == 2 { print \$2 }"'
	run --separate-stderr tare run --rm --shm-size 64k "$ROOTFS" dd if=/dev/zero of=/dev/shm/file bs=1k count=100
	[[ $status != 0 && $stderr == *"No space left"* ]]
	# Whatever the caller's is; and the processes of an exec have the container's.
	says 500 --oom-score-adj 500 "$ROOTFS" cat /proc/self/oom_score_adj
	run --separate-stderr bash -c 'echo 300 >/proc/self/oom_score_adj; exec "$TARE_BIN_DIR/tare" run --rm "$ROOTFS" cat /proc/self/oom_score_adj'
	[[ $output == 0 || $output == 300 ]] # a lower one cannot always be had
	start_container scored --oom-score-adj 700 --init "$ROOTFS" sh -c "$stay"
	equal "of the first process" "$(cat "/proc/$container_pid/oom_score_adj")" 700
	equal "in an exec" "$(tare exec scored cat /proc/self/oom_score_adj 2>/dev/null)" 700
	tare rm -f scored
	refuses "Invalid value 1001, range for oom score adj is [-1000, 1000]" --oom-score-adj 1001 "$ROOTFS" true
	if [[ $(awk '/^CapEff/ { print $2 }' /proc/self/status) == *[13579bdf]?????? ]]; then
		says -500 --oom-score-adj -500 "$ROOTFS" cat /proc/self/oom_score_adj
	else
		refuses "it needs CAP_SYS_RESOURCE, which is missing" --oom-score-adj -500 "$ROOTFS" true
	fi
}

@test "R4 --init: tare-init stays as the first process, reaps, and ends as the command does" {
	run --separate-stderr tare run --rm --init "$ROOTFS" sh -c '
		readlink /proc/1/exe; cat /proc/1/comm; echo $$
		(sleep 0.3 & exit 0); sleep 1
		grep -l "^State:.Z" /proc/[0-9]*/status; exit 7'
	equal status "$status" 7
	[[ ${lines[0]} == *tare-init* || ${lines[0]} == "" ]]
	equal "first process" "$(grep -x tare-init <<<"$output")" tare-init
	equal "zombies" "$(grep -c status <<<"$output")" 0
	# Without it, what nobody waits for stays: the shell that is the first process here waits for its own only.
	run -143 tare run --rm --init "$ROOTFS" sh -c 'kill -TERM $$'
	run -137 tare run --rm --init "$ROOTFS" sh -c 'kill -KILL $$'
	run -127 --separate-stderr tare run --rm --init "$ROOTFS" no-such
	[[ ${stderr_lines[-1]} == *"cannot run no-such: executable file not found in \$PATH"* ]]
	run -126 --separate-stderr tare run --rm --init "$ROOTFS" /etc/passwd
	[[ ${stderr_lines[-1]} == *"not executable"* ]]
	start_container kept --init "$ROOTFS" sh -c \
		'trap "echo asked; exit 42" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done'
	equal "name" "$(cat "/proc/$container_pid/comm")" tare-init
	equal "as told by inspect" "$(tare inspect kept | jq '.[0].HostConfig.Init')" true
	kill -USR1 "$client_pid"
	wait_until 30 grep -q usr1 "$(output_of kept)"
	tare stop kept
	local code=0
	wait "$client_pid" || code=$?
	equal status "$code" 42
	equal output "$(cat "$(output_of kept)")" $'ready\nusr1\nasked'
	# A command that does nothing about SIGTERM ends by it: it is not the first process.
	start_container quick --init "$ROOTFS" sh -c 'echo ready; exec sleep 1000'
	kill -TERM "$client_pid"
	code=0
	wait "$client_pid" || code=$?
	equal status "$code" 143
}

@test "--init with a terminal: the command has the foreground, and job control works" {
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$TARE_BIN_DIR/tare" "$ROOTFS" <<'PYTHON'
import sys
from terminal import Terminal, check
run = Terminal(sys.argv[1], "run", "--rm", "-it", "--init", sys.argv[2], "sh", "-c",
               "cut -d' ' -f5,8 /proc/self/stat; cat /proc/1/comm; trap 'echo interrupted' INT; echo ready; sleep 30; echo over")
run.expect(r"(\d+) \1\r\ntare-init\r\nready\r\n")
run.type("\x03")
run.expect(r"interrupted\r\nover\r\n$")
check("its exit code is 0", run.wait() == 0)
run = Terminal(sys.argv[1], "run", "--rm", "-it", "--init", sys.argv[2], "sh")
run.expect(r"# ")
run.type("set -m; sh -c 'echo go''ing; exec sleep 100'\n")
run.expect(r"going\r\n")
run.type("\x1a")
run.expect(r"Stopped")
run.type("kill -KILL %1; exit 5\n")
run.expect(r"stopped jobs")  # it says so once
run.type("exit 5\n")
check("its exit code is 5", run.wait() == 5)
PYTHON
}

@test "R5 --pid host: the host's processes are seen, and the container's end is theirs" {
	start_container wide --pid host "$ROOTFS" sh -c 'setsid sleep 4321 >/dev/null & echo $$; wait; sleep 1000'
	equal "namespace" "$(namespace_of "$container_pid" pid)" "$(namespace_of self pid)"
	equal "its own pid" "$(cat "$(output_of wide)")" "$container_pid"
	equal "as told by inspect" "$(tare inspect wide | jq -r '.[0].HostConfig.PidMode')" host
	# What tells of the machine is masked all the same.
	equal "keys" "$(tare exec wide cat /proc/keys 2>/dev/null)" ""
	run tare exec wide sh -c ': >/proc/sys/kernel/msgmax'
	[[ $output == *"ead-only"* ]]
	wait_until 20 pgrep -x -P "$container_pid" sleep
	local child
	child=$(pgrep -x -P "$container_pid" sleep | head -n 1)
	tare stop -t 1 wide
	wait_until 20 eval "! kill -0 $child 2>/dev/null"
	# Also when its first process alone is killed.
	start_container again --pid host --init "$ROOTFS" sh -c 'setsid sleep 4321 >/dev/null & echo $!; wait; sleep 1000'
	child=$(cat "$(output_of again)")
	kill -0 "$child"
	kill -KILL "$container_pid"
	wait_until 20 eval "! kill -0 $child 2>/dev/null"
}

@test "R6 --pid container: the other's processes are seen" {
	start_container first "$ROOTFS" sh -c "$stay"
	local first=$container_pid
	says "$(namespace_of "$first" pid)
sh" --pid container:first "$ROOTFS" sh -c 'readlink /proc/self/ns/pid; cat /proc/1/comm'
	start_container second --pid "container:${container_id:0:8}" "$ROOTFS" sh -c "$stay"
	equal "namespace" "$(namespace_of "$container_pid" pid)" "$(namespace_of "$first" pid)"
	equal "seen from the first" "$(tare exec first ps 2>/dev/null | grep -cx ' *[0-9]* root  *sleep 1000')" 2
	tare exec second sh -c 'kill -0 1'
	tare rm -f second
	kill -0 "$first"
	tare stop -t 0 first
	refuses "cannot join PID of a non running container: first" --pid container:first "$ROOTFS" true
	refuses "No such container: nobody" --pid container:nobody "$ROOTFS" true
}

@test "R7 --ipc: none, host, and another container's with its shared memory" {
	start_container shared --ipc shareable "$ROOTFS" sh -c "echo here >/dev/shm/note; $stay"
	says "$(namespace_of "$container_pid" ipc)
here" --ipc container:shared "$ROOTFS" sh -c 'readlink /proc/self/ns/ipc; cat /dev/shm/note; echo back >/dev/shm/answer'
	equal "the answer" "$(tare exec shared cat /dev/shm/answer 2>/dev/null)" back
	[[ ! -e /dev/shm/note ]]
	says "no shm
mqueue" --ipc none "$ROOTFS" sh -c 'grep -q " /dev/shm " /proc/self/mountinfo || echo no shm; cd /dev; ls -d mqueue shm 2>/dev/null; true'
	says "$(namespace_of self ipc)" --ipc host "$ROOTFS" readlink /proc/self/ns/ipc
	local note=/dev/shm/tare-test-$BASHPID
	echo theirs >"$note"
	says theirs --ipc host "$ROOTFS" cat "$note" || { rm "$note" && return 1; }
	rm "$note"
	start_container alone --ipc none "$ROOTFS" sh -c "$stay"
	run -125 --separate-stderr tare run --rm --ipc container:alone "$ROOTFS" true
	[[ ${stderr_lines[-1]} == *"non-shareable IPC"* ]]
	run -125 --separate-stderr tare run --rm --ipc bad "$ROOTFS" true
	[[ ${stderr_lines[-1]} == *"invalid IPC mode"* ]]
}

@test "R8 --uts host, --cgroupns, --network container" {
	says "$(namespace_of self uts)
$(hostname)" --uts host "$ROOTFS" sh -c 'readlink /proc/self/ns/uts; hostname'
	refuses "conflicting options: hostname and the UTS mode" --uts host --hostname box "$ROOTFS" true
	start_container open --cgroupns host --hostname donor "$ROOTFS" sh -c "$stay"
	equal "namespace" "$(namespace_of "$container_pid" cgroup)" "$(namespace_of self cgroup)"
	tare exec open cat /proc/self/cgroup 2>/dev/null | grep -q "/tare-$container_id"
	equal "can make one there" "$(tare exec open mkdir /sys/fs/cgroup/new 2>&1 | grep -c "ead-only")" 1
	says "$(namespace_of "$container_pid" net)
donor
donor" --network container:open "$ROOTFS" sh -c 'readlink /proc/self/ns/net; hostname; cat /etc/hostname'
	run -125 --separate-stderr tare run --rm --network container:open --hostname box "$ROOTFS" true
	[[ ${stderr_lines[-1]} == *"conflicting options: hostname and the network mode"* ]]
	tare stop -t 0 open
	run -125 --separate-stderr tare run --rm --network container:open "$ROOTFS" true
	[[ ${stderr_lines[-1]} == *"cannot join network of a non running container: open"* ]]
	equal "a default container's" "$(tare run --rm "$ROOTFS" cat /proc/self/cgroup 2>/dev/null | grep -vc ':/$')" 0
}

@test "inspect tells all of it, and start does it again" {
	tare create --name told --blkio-weight 300 --device /dev/kmsg:/dev/log:r --device-cgroup-rule 'c 1:11 rw' \
		--sysctl kernel.msgmax=4096 --domainname example --shm-size 2m --oom-score-adj 100 --init --pid host --ipc none \
		--uts host --cgroupns host --network host "$ROOTFS" sh -c 'cat /proc/self/oom_score_adj' 2>/dev/null && return 1
	tare create --name told --blkio-weight 300 --device /dev/kmsg:/dev/log:r --device-cgroup-rule 'c 1:11 rw' \
		--sysctl kernel.msgmax=4096 --domainname example --shm-size 2m --oom-score-adj 100 --init --pid host --ipc private \
		--cgroupns host "$ROOTFS" sh -c 'cat /proc/self/oom_score_adj /proc/sys/kernel/msgmax; stat -c %t:%T /dev/log' >/dev/null
	equal "HostConfig" "$(tare inspect told | jq -c '.[0].HostConfig | [.BlkioWeight, .Devices, .DeviceCgroupRules, .Sysctls, .ShmSize,
		.OomScoreAdj, .Init, .PidMode, .IpcMode, .UTSMode, .CgroupnsMode]')" \
		'[300,[{"PathOnHost":"/dev/kmsg","PathInContainer":"/dev/log","CgroupPermissions":"r"}],["c 1:11 rw"],{"kernel.msgmax":"4096"},2097152,100,true,"host","private","","host"]'
	equal "Domainname" "$(tare inspect told | jq -r '.[0].Config.Domainname')" example
	local count
	for count in 1 2; do
		equal "start $count" "$(tare start -a told 2>/dev/null)" $'100\n4096\n1:b'
	done
}

# Only cgroup v2, and bpf(2) refused, as in another container that has the right to mount.
@test "where bpf(2) is refused the container runs, and one line says what that means" {
	cat >"$BATS_TEST_TMPDIR/no_bpf.py" <<'PYTHON'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def statement(code, k, yes=0, no=0): return struct.pack("HBBI", code, yes, no, k)
program = (statement(0x20, 0) + statement(0x15, 321, 0, 1) +  # x86-64: bpf
           statement(0x06, 0x00050000 | 1) + statement(0x06, 0x7fff0000))
buffer = ctypes.create_string_buffer(program)
header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
assert libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) == 0 or libc.prctl(22, 2, header) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
	export BATS_TEST_TMPDIR
	run --separate-stderr unshare --mount bash -ec '
		unified=$(findmnt -rno TARGET -t cgroup2 | head -n 1)
		mount --bind "$unified" "$BATS_TEST_TMPDIR/unified" 2>/dev/null || { mkdir "$BATS_TEST_TMPDIR/unified" && mount --bind "$unified" "$BATS_TEST_TMPDIR/unified"; }
		umount -R -l /sys/fs/cgroup
		mount --move "$BATS_TEST_TMPDIR/unified" /sys/fs/cgroup
		exec python3 "$BATS_TEST_TMPDIR/no_bpf.py" "$TARE_BIN_DIR/tare" run --rm "$ROOTFS" sh -c "echo works >/dev/null && echo done; mknod /dev/log c 1 11"'
	[[ $status == 1 ]] || { echo "$stderr" && return 1; }
	equal output "$output" "done"
	equal "lines about it" "$(grep -c 'bpf(2) is refused' <<<"$stderr")" 1
	[[ $stderr == *"mknod: /dev/log: Operation not permitted"* ]]
}
