#!/usr/bin/env bats
# What containers-from-scratch does, the program in Go that tare grew out of: row by row.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

@test "R1 no process of a container names a program of the host that could be written to" {
	local trace=$BATS_TEST_TMPDIR/trace exe
	tare run --rm "$ROOTFS" true # the first container on a machine with AppArmor has its profile loaded, by a program of AppArmor's
	# What runs in the container before its command is init, in a sealed file without a name.
	strace -f -qq -y -e trace=execve,execveat,memfd_create,fcntl -e signal=none -o "$trace" \
		"$TARE_BIN_DIR/tare" run --rm "$ROOTFS" true
	grep -E 'execve(at)?\(' "$trace" >"$trace.programs"
	equal "programs" "$(grep -c '= 0$' "$trace.programs")" 3 # tare, init, true
	grep -qE 'execveat\([0-9]+</memfd:.*AT_EMPTY_PATH' "$trace.programs"
	grep -qE 'F_ADD_SEALS, .*F_SEAL_SEAL.*F_SEAL_SHRINK.*F_SEAL_GROW.*F_SEAL_WRITE.*\) = 0' "$trace"

	# And what the command runs from is a file of the container's.
	start_container running "$ROOTFS" sh -c "$stay"
	exe=$(readlink "/proc/$container_pid/exe")
	equal "the command's program" "$exe" /bin/busybox
	[[ $(stat -Lc %d "/proc/$container_pid/exe") != "$(stat -c %d "$TARE_BIN_DIR/tare")" ]]
}

@test "R1 /proc/self/exe as the container's command reaches no program of the host" {
	# Whatever init is, it is not what an attacker's container gets hold of: it refuses to run without its list.
	run --separate-stderr tare run --rm "$ROOTFS" /proc/self/exe
	((status != 0))
	# A script whose interpreter is that link, as the attack was made (CVE-2019-5736).
	printf '#!/proc/self/exe\n' >"$BATS_TEST_TMPDIR/script"
	chmod 755 "$BATS_TEST_TMPDIR/script"
	run --separate-stderr tare run --rm -v "$BATS_TEST_TMPDIR/script:/script" "$ROOTFS" /script
	((status != 0))
	[[ $output == "" ]]

	# While a container starts again and again, nothing it could open is writable: an open for writing fails.
	start_container prey --tmpfs /mytemp "$ROOTFS" sh -c "$stay"
	run nsenter -t "$container_pid" -m -p -- /bin/sh -c 'for i in /proc/[0-9]*/exe; do echo >>$i && echo "$i WRITTEN"; done; true'
	[[ $output != *WRITTEN* && $output == *"Text file busy"* ]]
}

@test "R2 a fork bomb stops at the limit of processes" {
	# The first shell, one that forks until it cannot, and what it made: 20 in all.
	start_container bomb --pids-limit 20 "$ROOTFS" sh -c '
		cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null
		(while :; do sleep 1000 & done) 2>/tmp/why
		read -r why </tmp/why
		n=0; for i in /proc/[0-9]*; do n=$((n + 1)); done
		echo "$n left; $why"; while :; do sleep 1000; done'
	wait_until 60 grep -q left "$(output_of bomb)"
	equal "inside" "$(cat "$(output_of bomb)")" \
		$'20\n19 left; sh: can\'t fork: Resource temporarily unavailable'
	equal "the limit on the host" "$(cat "$(cgroup_file pids/pids.max pids.max "$container_id")")" 20
	(($(cat "$(cgroup_file pids/pids.current pids.current "$container_id")") <= 20))
	[[ $(cat "$(cgroup_file pids/pids.events pids.events "$container_id")") =~ ^max\ [1-9] ]]
	tare rm -f bomb
	equal "what is left" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
}

@test "a fork bomb that never ends is contained, and ended" {
	start_container bomb --pids-limit 20 "$ROOTFS" sh -c 'echo ready; b() { b | b & }; while :; do b; done 2>/dev/null'
	local file most=0 now number
	file=$(cgroup_file pids/pids.current pids.current "$container_id")
	for ((number = 0; number < 50; number++)); do
		now=$(cat "$file" 2>/dev/null) || break # its first shell could not fork, either
		if ((now > most)); then most=$now; fi
	done
	((most <= 20))
	tare rm -f bomb
	equal "what is left" "$(find /sys/fs/cgroup -name "*$container_id*")" ""
}

@test "R3 a hostname, a root of its own, proc and a tmpfs" {
	local before
	before=$(cat /proc/sys/kernel/hostname)
	run --separate-stderr tare run --rm --hostname container --tmpfs /mytemp "$ROOTFS" sh -c \
		'hostname; echo kept >/mytemp/file && cat /mytemp/file; grep " /mytemp " /proc/mounts | cut -d" " -f1-3; grep -c "^proc /proc proc" /proc/mounts'
	equal status "$status" 0
	equal output "$output" $'container\nkept\ntmpfs /mytemp tmpfs\n1'
	equal "the host's name" "$(cat /proc/sys/kernel/hostname)" "$before"
	# Unmounted after, and not written to the directory: only the place for it would be, and that is the container's.
	[[ ! -e $ROOTFS/mytemp ]]
	run grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
	equal "mounts" "$output" ""
}
