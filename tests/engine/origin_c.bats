#!/usr/bin/env bats
# What the two programs in C do that tare grew out of, "containers in a few lines of code" (Z) and "in 500 lines of code"
# (L): row by row.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

@test "Z2 the command's exit status is tare's, and 128 and more tells of a signal" {
	local code
	for code in 0 1 2 77 124 125 126 127 128 200 255; do
		run "-$code" tare run --rm "$ROOTFS" sh -c "exit $code"
	done
	# The first process of a pid namespace is killed by no signal of its own; another's end is a shell's business.
	run -137 tare run --rm "$ROOTFS" sh -c 'sh -c "kill -KILL \$\$"; exit $?'
	run -143 tare run --rm "$ROOTFS" sh -c 'sh -c "kill -TERM \$\$"; exit $?'
	start_container killed "$ROOTFS" sh -c "$stay"
	kill -KILL "$container_pid"
	code=0
	wait "$client_pid" || code=$?
	equal "the status when it was killed" "$code" 137
	equal "as told by inspect" "$(tare inspect killed | jq '.[0].State.ExitCode')" 137
}

@test "Z2 signals that tare gets are the container's" {
	start_container asked "$ROOTFS" sh -c 'trap "echo asked; exit 42" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done'
	kill -USR1 "$client_pid"
	wait_until 20 grep -q usr1 "$(output_of asked)"
	kill -TERM "$client_pid"
	local code=0
	wait "$client_pid" || code=$?
	equal status "$code" 42
	equal output "$(cat "$(output_of asked)")" $'ready\nusr1\nasked'
}

@test "Z3 the container's mounts are its own, and no old root is left" {
	run --separate-stderr tare run --rm "$ROOTFS" sh -c 'cat /proc/self/mountinfo; echo end; ls -A /'
	equal status "$status" 0
	local line text root
	local -a fields points=() ids=()
	while read -r line; do
		if [[ $line == end ]]; then break; fi
		read -ra fields <<<"$line"
		ids+=("${fields[0]}")
		points+=("${fields[4]}")
		root=${fields[3]}
		# What comes from the host's file systems are the three files that are made for the container.
		if [[ ${fields[4]} == /etc/* ]]; then
			[[ $root == *"/containers/"*"${fields[4]#/etc}" ]]
		else
			[[ $root == / || $root == /null || "/proc$root" == "${fields[4]}" ]] || { echo "$line" && return 1; }
		fi
	done <<<"$output"
	# No other mount point than these, the masks and the cgroups.
	text=$(printf '%s\n' "${points[@]}" | grep -vE '^(/proc|/sys)/' | sort)
	equal "mount points" "$text" "$(printf '%s\n' / /dev /dev/mqueue /dev/pts /dev/shm /etc/hostname /etc/hosts /etc/resolv.conf /proc /sys)"
	# Not one of the host's mounts by its number.
	text=$(cut -d' ' -f1 /proc/self/mountinfo | grep -Fxf <(printf '%s\n' "${ids[@]}") || true)
	equal "mounts of the host" "$text" ""
	equal "the root's names" "$(sed '1,/^end$/d' <<<"$output" | sort | paste -sd' ')" \
		"bin dev etc proc root sbin sys tmp usr"
	[[ $output != *oldroot* && $output != *put_old* && $output != *pivot* ]]
}

@test "Z4 /dev has the devices, and they work" {
	run --separate-stderr tare run --rm "$ROOTFS" sh -c '
		cd /dev
		stat -c "%n %F %t:%T %a %u:%g" null zero full random urandom tty
		stat -c "%n %F %a" shm mqueue pts
		for i in fd stdin stdout stderr ptmx core; do echo "$i -> $(readlink $i)"; done
		echo gone >null && wc -c <null
		head -c 4 zero | od -An -tx1
		echo x 2>&1 >full
		[ "$(head -c 16 random | od -An -tx1)" != "$(head -c 16 urandom | od -An -tx1)" ] && echo random
		(: <tty) 2>&1
		exec 3<>ptmx && ls pts && exec
		echo kept >shm/file && cat shm/file && touch mqueue/queue && cat mqueue/queue
		echo through >stdout
		ls | tr "\n" " "'
	equal status "$status" 0
	equal output "$(printf '%s\n' "$output" | sed 's/ *$//')" "null character special file 1:3 666 0:0
zero character special file 1:5 666 0:0
full character special file 1:7 666 0:0
random character special file 1:8 666 0:0
urandom character special file 1:9 666 0:0
tty character special file 5:0 666 0:0
shm directory 1777
mqueue directory 1777
pts directory 755
fd -> /proc/self/fd
stdin -> /proc/self/fd/0
stdout -> /proc/self/fd/1
stderr -> /proc/self/fd/2
ptmx -> pts/ptmx
core -> /proc/kcore
0
 00 00 00 00
sh: write error: No space left on device
random
sh: can't open tty: No such device or address
0
ptmx
kept
QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0
through
core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
}

@test "Z4 with a terminal /dev/console and /dev/tty are that terminal" {
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$TARE_BIN_DIR/tare" "$ROOTFS" <<'PYTHON'
import sys
from terminal import Terminal, check
command = ("stat -c '%n %F %t:%T' /dev/console /dev/pts/0 /dev/tty; echo by console >/dev/console;"
           "echo by tty >/dev/tty; stat -c %u:%a /dev/pts/0; stty size; ps -o pid,tty | tail -n +2 | head -n 1")
run = Terminal(sys.argv[1], "run", "--rm", "-it", sys.argv[2], "sh", "-c", command, rows=33, columns=111)
run.expect(r"/dev/console character special file 88:0\r\n/dev/pts/0 character special file 88:0\r\n"
           r"/dev/tty character special file 5:0\r\nby console\r\nby tty\r\n0:620\r\n33 111\r\n +1 136,0\r\n")
check("its exit code is 0", run.wait() == 0)
check("the terminal is as it was", run.is_restored())
PYTHON
}

@test "Z4 other devices cannot be used, even if their nodes are made" {
	run --separate-stderr tare run --rm "$ROOTFS" sh -c '
		mknod /tmp/kmem c 1 1 && mknod /tmp/disk b 254 0 && mknod /tmp/null c 1 3 || exit
		head -c 1 /tmp/kmem; head -c 1 /tmp/disk; echo x >/tmp/null && echo works'
	equal status "$status" 0
	equal output "$output" works
	[[ $stderr == *"/tmp/kmem: Operation not permitted"* && $stderr == *"/tmp/disk: Operation not permitted"* ]]
}

@test "Z4 /sys is read-only, what tells of the machine is masked, and what steers it cannot be written to" {
	run --separate-stderr tare run --rm "$ROOTFS" sh -c '
		touch /sys/new; echo 1 >/sys/kernel/profiling; mkdir /sys/fs/cgroup/new
		for i in sys/kernel/core_pattern sys/vm/drop_caches sysrq-trigger irq/default_smp_affinity; do
			[ -e /proc/$i ] && (: >/proc/$i)
		done
		for i in /proc/interrupts /proc/kcore /proc/keys /proc/timer_list /proc/latency_stats /proc/sched_debug; do
			[ ! -e $i ] || echo "$i $(cat $i | wc -c)"
		done
		for i in /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
			[ ! -e $i ] || echo "$i $(ls -A $i | wc -l)"
		done
		exec 2>&1
		umount /proc/keys; mount -o remount,rw /sys' <&-
	local line
	grep -qx "touch: /sys/new: Read-only file system" <<<"$stderr"
	equal "read-only file systems" "$(grep -c 'ead-only file system' <<<"$stderr")" \
		"$((5 + $(stat -c %n /proc/sysrq-trigger /proc/irq/default_smp_affinity 2>/dev/null | wc -l)))"
	# AppArmor's default profile keeps /proc/kcore even from being opened.
	equal "refusals of any other kind" "$(grep -vE "tare: CAP_SYS_RESOURCE|ead-only file system|'/proc/kcore': Permission denied" <<<"$stderr")" ""
	# Each that is on the host is empty inside.
	for line in /proc/interrupts /proc/keys /proc/timer_list /proc/acpi /sys/firmware /proc/kcore; do
		[[ ! -e $line ]] || grep -qx "$line 0" <<<"$output"
	done
	equal "what is not empty" "$(grep -E '^/[a-z/_]+ [1-9]' <<<"$output")" ""
	equal "attempts to undo it" "$(tail -n 2 <<<"$output" | grep -cE 'Operation not permitted|permission denied|Invalid')" 2
}

# A root with programs in several places; a command is named in many ways.
@test "Z8 a command is looked for as execvp would, in the container's PATH and root" {
	local root=$BATS_TEST_TMPDIR/rootfs
	mkdir -p "$root"/{bin,opt,usr/bin,usr/local/bin,etc,proc,sys,dev}
	cp "$ROOTFS/bin/busybox" "$root/bin/sh"
	local place
	for place in usr/local/bin/tool usr/bin/tool opt/own bin/only; do
		printf '#!/bin/sh\necho %s "$@"\n' "/$place" >"$root/$place"
		chmod 755 "$root/$place"
	done
	ln -s /opt/own "$root/bin/link"
	ln -s missing "$root/bin/dangling"
	echo "not a program" >"$root/usr/local/bin/only" # found first, but not executable: the search goes on
	echo "just text" >"$root/bin/text"
	chmod 755 "$root/bin/text"
	printf '#!/no/such/interpreter\n' >"$root/bin/lost"
	chmod 755 "$root/bin/lost"
	mkdir "$root/bin/directory"

	says() {
		local expected=$1
		shift
		run --separate-stderr tare run --rm "$@"
		equal "status of $*" "$status" 0
		equal "output of $*" "$output" "$expected"
	}
	fails() {
		local code=$1 words=$2
		shift 2
		run "-$code" --separate-stderr tare run --rm "$@"
		[[ ${stderr_lines[-1]} == "tare: "*"$words"* ]] || { echo "$*: $stderr" && return 1; }
	}
	says "/usr/local/bin/tool a b  c" "$root" tool a "b  c"
	says "/usr/bin/tool" "$root" /usr/bin/tool
	says "/bin/only" "$root" only
	says "/opt/own" "$root" link
	says "/opt/own" -w /opt "$root" ./own
	says "/opt/own" -w /usr "$root" ../opt/own
	says "/opt/own" -e PATH=/nowhere:/opt "$root" own
	says "/opt/own" -e PATH=/nowhere: -w /opt "$root" own # an empty part is the working directory
	says "/usr/bin/tool" -e PATH=/usr/bin:/usr/local/bin "$root" tool
	says "/opt/own x" --entrypoint /opt/own "$root" x

	fails 127 absent "$root" absent
	fails 127 own -w /opt "$root" own # the working directory is not in PATH
	fails 127 sh -e PATH=/opt "$root" sh
	fails 127 /no/such "$root" /no/such
	fails 127 /no/such/interpreter "$root" lost
	fails 127 dangling "$root" /bin/dangling
	fails 126 "not executable" "$root" /usr/local/bin/only
	fails 126 directory "$root" /bin/directory
	fails 126 "exec format error" "$root" text
	# Only in the container's root: what the host has does not count.
	[[ -x /usr/bin/python3 ]]
	fails 127 python3 "$root" python3
}

@test "L3 six namespaces are the container's own, and its cgroup is the root it sees" {
	run --separate-stderr tare run --rm "$ROOTFS" sh -c '
		for i in mnt cgroup pid ipc net uts user; do echo "$i $(readlink /proc/self/ns/$i)"; done; cat /proc/self/cgroup'
	equal status "$status" 0
	local name link own=0
	while read -r name link; do
		[[ $name == [0-9]* || $link != "$name:["* ]] && continue
		if [[ $link != "$(readlink "/proc/self/ns/$name")" ]]; then own=$((own + 1)); else equal "shared" "$name" user; fi
	done <<<"$output"
	equal "own namespaces" "$own" 6
	local cgroups
	cgroups=$(grep '^[0-9]' <<<"$output")
	grep -qx '0::/' <<<"$cgroups"
	equal "other paths than /" "$(grep -vc ':/$' <<<"$cgroups")" 0
	equal "hierarchies" "$(wc -l <<<"$cgroups")" "$(wc -l </proc/self/cgroup)"
	if [[ $(cgroup_mode) == v2 ]]; then equal "cgroups" "$cgroups" "0::/"; fi
}

@test "L4 only the three standard streams are open inside, whatever the caller had open" {
	# The shell's own listing opens one more, which is why the names are expanded by the shell itself.
	local list='for i in /proc/self/fd/*; do [ -e $i ] && echo "${i##*/}"; done; true'
	run --separate-stderr bash -c '
		for ((i = 3; i <= 20; i++)); do eval "exec $i<>\"$BATS_TEST_TMPDIR/leak\""; done
		exec "$TARE_BIN_DIR/tare" run --rm "$1" sh -c "$2"' bash "$ROOTFS" "$list"
	equal status "$status" 0
	equal "open inside" "$output" $'0\n1\n2'
	# Not even when tare was started without the standard streams, or with one of them closed.
	"$TARE_BIN_DIR/tare" run --name closed -v "$BATS_TEST_TMPDIR:/out" "$ROOTFS" sh -c "($list) >/out/fds" <&- >&- 2>&-
	equal "open inside" "$(cat "$BATS_TEST_TMPDIR/fds")" $'0\n1\n2'
	# The monitor, too, holds none of the caller's.
	exec 19<>"$BATS_TEST_TMPDIR/leak"
	start_container held "$ROOTFS" sh -c "$stay"
	exec 19>&-
	local monitor
	monitor=$(awk '/^PPid/ { print $2 }' "/proc/$container_pid/status")
	[[ $(readlink "/proc/$monitor/exe") == "$TARE_BIN_DIR/tare" ]]
	run bash -c "ls -l /proc/$monitor/fd /proc/$container_pid/fd"
	equal status "$status" 0
	[[ $output != *leak* ]]
}

@test "L8 mounts do not propagate: neither the container's to the host, nor the host's into the container" {
	local source=$BATS_TEST_TMPDIR/source
	# Shared, as everything is where systemd runs: what is mounted below is mounted in all copies of it.
	mkdir "$source"
	mount -t tmpfs source "$source"
	mount --make-shared "$source"
	mkdir "$source/later" "$source/inside"
	start_container apart -v "$source:/data" --tmpfs /mytemp "$ROOTFS" sh -c \
		'echo ready; until [ -e /data/go ]; do sleep 0.1; done; cat /proc/self/mountinfo; ls /data/later; echo end; while :; do sleep 1000; done'
	# The container's mounts are in no other's table.
	run grep -E " /mytemp | /data |$container_id" /proc/self/mountinfo
	equal "the container's mounts on the host" "$output" ""
	grep -q " /mytemp " "/proc/$container_pid/mountinfo"
	# A mount made on the host below the shared directory stays there.
	mount -t tmpfs late "$source/later"
	touch "$source/later/host-only" "$source/go"
	wait_until 20 grep -q '^end$' "$(output_of apart)"
	run grep -E 'host-only|late' "$(output_of apart)"
	equal "the host's later mount inside" "$output" ""
	# Nor the other way round, even for one who may mount.
	nsenter -t "$container_pid" -m -- /bin/mount -t tmpfs made-inside /data/inside
	grep -q made-inside "/proc/$container_pid/mountinfo"
	run grep made-inside /proc/self/mountinfo
	equal "a mount made inside on the host" "$output" ""
	# All of its mounts are private: neither shared nor slaves.
	run grep -E ' (shared|master|propagate_from):' "/proc/$container_pid/mountinfo"
	equal "mounts that are not private" "$output" ""
}

@test "L8 a mount made inside, by one who may, is not the host's" {
	start_container apart "$ROOTFS" sh -c "$stay"
	# The container itself has no right to mount.
	run --separate-stderr tare run --rm "$ROOTFS" mount -t tmpfs none /tmp
	((status != 0))
	[[ $stderr == *"ermission denied"* || $stderr == *"not permitted"* ]]
	nsenter -t "$container_pid" -m -- /bin/mount -t tmpfs made-inside /tmp
	grep -q made-inside "/proc/$container_pid/mountinfo"
	run grep made-inside /proc/self/mountinfo
	equal "the container's mount on the host" "$output" ""
}

@test "L11 memory, CPU weight and number of processes are limited together" {
	start_container limited -m 1g --cpu-shares 256 --pids-limit 64 "$ROOTFS" sh -c '
		cd /sys/fs/cgroup
		cat memory/memory.limit_in_bytes memory.max cpu/cpu.shares cpu.weight pids/pids.max pids.max 2>/dev/null
		while :; do sleep 1000; done'
	local weight=256
	if [[ $(cgroup_mode) == v2 ]]; then weight=35; fi
	value() { cat "$(cgroup_file "$1" "$2" "$container_id")"; }
	equal memory "$(value memory/memory.limit_in_bytes memory.max)" 1073741824
	equal weight "$(value cpu/cpu.shares cpu.weight)" "$weight"
	equal processes "$(value pids/pids.max pids.max)" 64
	wait_until 20 eval '[[ $(wc -l <"$(output_of limited)") == 3 ]]'
	equal inside "$(cat "$(output_of limited)")" "1073741824
$weight
64"
}

@test "L12 the limit of open files is the container's" {
	run --separate-stderr tare run --rm --ulimit nofile=64:64 "$ROOTFS" sh -c '
		ulimit -Sn; ulimit -Hn; grep "^Max open files" /proc/self/limits | tr -s " "
		i=3; while [ $i -lt 100 ]; do eval "exec $i</dev/null" || break; i=$((i + 1)); done'
	equal output "$output" $'64\n64\nMax open files 64 64 files '
	((status != 0))
	[[ $stderr == *"64"* || $stderr == *"ad file descriptor"* || $stderr == *"oo many open files"* ]]
}

@test "L13 nothing of the caller's environment enters but what was asked for" {
	printf '# a comment\nFROM_FILE=of the file\n\nEMPTY=\nTAKEN_OVER\nNOT_THERE\n' >"$BATS_TEST_TMPDIR/env"
	run --separate-stderr env TAKEN_OVER=by-file SECRET=hidden ALSO=by-option LANG=C LD_PRELOAD_X=y HOME=/caller TERM=vt52 \
		"$TARE_BIN_DIR/tare" run --rm --hostname box -e ALSO -e PLAIN=a=b -e GONE --env-file "$BATS_TEST_TMPDIR/env" \
		"$ROOTFS" env
	equal status "$status" 0
	equal environment "$(sort <<<"$output")" "$(sort <<<'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOSTNAME=box
HOME=/root
ALSO=by-option
PLAIN=a=b
FROM_FILE=of the file
EMPTY=
TAKEN_OVER=by-file')"
	run --separate-stderr env SECRET=hidden "$TARE_BIN_DIR/tare" run --rm --hostname box -u nobody -e PATH=/bin "$ROOTFS" env
	equal environment "$(sort <<<"$output")" $'HOME=/\nHOSTNAME=box\nPATH=/bin'
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$TARE_BIN_DIR/tare" "$ROOTFS" <<'PYTHON'
import sys
from terminal import Terminal, check
run = Terminal(sys.argv[1], "run", "--rm", "-it", "--hostname", "box", sys.argv[2], "sh", "-c", "env | sort | grep -vE '^(SHLVL|PWD)='")
run.expect(r"(^|\n)HOME=/root\r\nHOSTNAME=box\r\nPATH=[a-z/:]+\r\nTERM=xterm\r\n$")
check("its exit code is 0", run.wait() == 0)
PYTHON
}

@test "L13 nothing else of the caller enters: umask, signals, directory, session, priority, name" {
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr bash -c '
		umask 077
		trap "" HUP INT PIPE TERM USR1 USR2 TTOU CHLD
		exec "$TARE_BIN_DIR/tare" run --rm "$1" sh -c "$2"' bash "$ROOTFS" '
		touch /tmp/file; mkdir /tmp/directory; stat -c %a /tmp/file /tmp/directory; umask
		pwd; readlink /proc/1/cwd
		grep -E "^Sig(Blk|Ign|Pnd)|^ShdPnd" /proc/self/status
		cut -d" " -f5,6 /proc/1/stat'
	equal status "$status" 0
	equal output "$output" $'644\n755\n0022\n/\n/\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n1 1'
	# Blocked signals, too: bash cannot block any, python can.
	python3 - "$TARE_BIN_DIR/tare" "$ROOTFS" <<'PYTHON'
import signal, subprocess, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD, 40})
signal.signal(signal.SIGCHLD, signal.SIG_IGN); signal.signal(41, signal.SIG_IGN)
run = subprocess.Popen([sys.argv[1], "run", "--rm", sys.argv[2], "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"],
                       restore_signals=False, stdout=subprocess.PIPE)
got = run.communicate(timeout=60)[0].decode()
sys.exit(0 if got == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" else got)
PYTHON
}

@test "L13 the caller's keys are not the container's" {
	make_host_root "$BATS_TEST_TMPDIR/rootfs"
	# As root in a container with the host's programs: the session keyring is its own, and empty.
	cat >"$BATS_TEST_TMPDIR/keys.py" <<'PYTHON'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
add_key, request_key, keyctl = 248, 249, 250  # x86-64
session, describe, join, search = -3, 6, 1, 10
def call(*arguments):
    return libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
def name_of(keyring):
    buffer = ctypes.create_string_buffer(256)
    call(keyctl, describe, keyring, buffer, 256)
    return buffer.value.decode()
if sys.argv[1] == "outside":
    import os
    assert call(keyctl, join, b"the-callers") > 0
    assert call(add_key, b"user", b"the-callers-secret", b"secret", 6, session) > 0
    assert call(keyctl, search, session, b"user", b"the-callers-secret", 0) > 0
    os.execv(sys.argv[2], sys.argv[2:])
print(name_of(session).split(";")[-1], call(keyctl, search, session, b"user", b"the-callers-secret", 0),
      call(request_key, b"user", b"the-callers-secret", None, 0))
PYTHON
	run --separate-stderr python3 "$BATS_TEST_TMPDIR/keys.py" outside "$TARE_BIN_DIR/tare" run --name keyed --security-opt seccomp=unconfined -v /usr:/usr:ro \
		-v "$BATS_TEST_TMPDIR/keys.py:/keys.py:ro" "$BATS_TEST_TMPDIR/rootfs" python3 /keys.py inside
	equal status "$status" 0
	equal output "$output" "_ses.$(tare inspect keyed | jq -r '.[0].Id') -1 -1"
	# And what keys there are on the machine is not to be read.
	equal "/proc/keys inside" "$(tare run --rm "$ROOTFS" cat /proc/keys 2>/dev/null)" ""
}
