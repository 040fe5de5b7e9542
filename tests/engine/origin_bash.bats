#!/usr/bin/env bats
# What the first of the programs that tare grew out of does, a container runtime in a few lines of bash: row by row.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell; variables that bats and the helpers set
load helpers

setup_file() { setup_rootfs_once; }
setup() { setup_store; }
teardown() { teardown_store; }

layers() { stat -c '%n %i' "$TARE_ROOT"/layers/sha256/*/tree; }

@test "S1 a directory or a tarball is all that a container needs, with no image at all" {
	mkdir "$BATS_TEST_TMPDIR/place"
	cd "$BATS_TEST_TMPDIR/place"
	ln -s "$ROOTFS" directory
	cp "$TARBALL" busybox.tar
	run --separate-stderr tare run --rm ./busybox.tar sh -c 'echo "$0 runs" && ls /bin/busybox'
	equal status "$status" 0
	equal "the tarball's output" "$output" $'sh runs\n/bin/busybox'
	run --separate-stderr tare run --rm ./directory sh -c 'echo "$0 runs" && ls /bin/busybox'
	equal status "$status" 0
	equal "the directory's output" "$output" $'sh runs\n/bin/busybox'
	# Without ./ it is an image's name.
	run --separate-stderr tare run --rm --pull never busybox.tar true
	equal status "$status" 125
	[[ $stderr == *"what is called busybox.tar here is ./busybox.tar"*"No such image: busybox.tar"* ]]
	run --separate-stderr tare run --rm ./absent true
	equal status "$status" 125
	[[ $stderr == *./absent*"No such file or directory"* ]]
}

@test "S1 the tree of an exported container is the tarball's, entry by entry" {
	local export=$BATS_TEST_TMPDIR/export.tar outside=(dev proc sys etc/hosts etc/hostname etc/resolv.conf)
	python3 "$BATS_TEST_DIRNAME/tree.py" make "$export" "$(command -v busybox)"
	start_container tree "$export" sh -c "$stay"

	python3 "$BATS_TEST_DIRNAME/tree.py" tar "$export" >"$BATS_TEST_TMPDIR/expected"
	python3 "$BATS_TEST_DIRNAME/tree.py" directory "$TARE_ROOT"/layers/sha256/*/tree >"$BATS_TEST_TMPDIR/layer"
	# The tarball says nothing of its root and of what only some of its names imply.
	grep -vE '^/( |var/deep directory|var/deep/d+ directory)' "$BATS_TEST_TMPDIR/layer" | diff "$BATS_TEST_TMPDIR/expected" -
	grep -q '^/bin/ping .* security.capability=01000002002000' "$BATS_TEST_TMPDIR/layer"
	grep -qE '^/var/deep directory 0755 0 0 ' "$BATS_TEST_TMPDIR/layer"
	[[ $(getcap "$TARE_ROOT"/layers/sha256/*/tree/bin/ping) == *cap_net_raw=ep ]]

	# The same is what the container sees, but for what is mounted there.
	python3 "$BATS_TEST_DIRNAME/tree.py" tar "$export" "${outside[@]}" >"$BATS_TEST_TMPDIR/expected"
	python3 "$BATS_TEST_DIRNAME/tree.py" directory "/proc/$container_pid/root/." "${outside[@]}" |
		grep -vE '^/( |var/deep directory|var/deep/d+ directory)' | diff "$BATS_TEST_TMPDIR/expected" -
}

@test "S1 compression is known by content, and the same content is unpacked once" {
	cd "$BATS_TEST_TMPDIR"
	tare run --rm "$TARBALL" true
	local first name
	first=$(layers)
	cp "$TARBALL" other-name
	gzip -c "$TARBALL" >archive.jpg
	bzip2 -c "$TARBALL" >archive.gz
	xz -0 -T0 -c "$TARBALL" >archive
	zstd -q -1 -c "$TARBALL" >archive.tar.bz2
	for name in other-name archive.jpg archive.gz archive archive.tar.bz2; do
		equal "what $name runs" "$(tare run --rm "./$name" echo "from $name" 2>/dev/null)" "from $name"
		equal "the layers after $name" "$(layers)" "$first"
	done
	# Again, and from standard input; then there is nothing to be read anew.
	tare run --rm ./archive.jpg true
	tare run --rm - true <archive
	zstd -dc archive.tar.bz2 | tare run --rm - true
	equal "the layers in the end" "$(layers)" "$first"
}

@test "S1 a tarball on standard input is a container's root" {
	equal "what it says" "$(gzip -c "$TARBALL" | tare run --rm - sh -c 'echo unpacked; cat' 2>/dev/null)" unpacked
	run --separate-stderr tare run --rm -i - true <"$TARBALL"
	equal status "$status" 125
	[[ $stderr == *"standard input cannot be both"* ]]
}

@test "S2 a container has a cgroup in each hierarchy, named by its id, and none when it is gone" {
	start_container one "$ROOTFS" sh -c "$stay"
	local id=$container_id pid=$container_pid mount found=0 other
	start_container other "$ROOTFS" sh -c "$stay"
	other=$container_id
	[[ $id != "$other" ]]

	while read -r mount; do
		[[ -w $mount ]] || continue
		found=$((found + 1))
		[[ -d $mount/tare-$id && -d $mount/tare-$other ]] || { echo "no cgroup in $mount" && return 1; }
		grep -qx "$pid" "$mount/tare-$id/cgroup.procs"
	done < <(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts)
	((found > 0))
	# Each line of /proc/PID/cgroup ends with the path.
	equal "the other paths" "$(grep -cv ":/tare-$id$" "/proc/$pid/cgroup")" 0
	equal "the paths" "$(grep -c ":/tare-$id$" "/proc/$pid/cgroup")" "$(wc -l <"/proc/$pid/cgroup")"

	tare rm -f one other >/dev/null
	equal "what is left" "$(find /sys/fs/cgroup -name "*$id*" -o -name "*$other*")" ""
}

@test "S3 cpu shares 512 become the cgroup's weight" {
	start_container shares --cpu-shares 512 "$ROOTFS" sh -c \
		'cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight 2>/dev/null; while :; do sleep 1000; done'
	local expected=512
	if [[ $(cgroup_mode) == v2 ]]; then expected=59; fi
	equal "on the host" "$(cat "$(cgroup_file cpu/cpu.shares cpu.weight "$container_id")")" $expected
	equal "inside" "$(cat "$(output_of shares)")" $expected
	equal "as told by inspect" "$(tare inspect shares | jq '.[0].HostConfig.CpuShares')" 512
}

@test "S4 a memory limit of 1000000000 bytes becomes whole pages" {
	start_container memory -m 1000000000b "$ROOTFS" sh -c \
		'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; while :; do sleep 1000; done'
	equal "on the host" "$(cat "$(cgroup_file memory/memory.limit_in_bytes memory.max "$container_id")")" 999997440
	equal "inside" "$(cat "$(output_of memory)")" 999997440
}

@test "S4 a container that takes more memory than its limit is killed and says why" {
	run --separate-stderr tare run --name greedy -m 1000000000 --memory-swap 1000000000 "$ROOTFS" \
		dd if=/dev/zero of=/dev/null bs=1200M count=1
	equal status "$status" 137
	[[ $stderr == *OOM* ]]
	equal "as told by inspect" "$(tare inspect greedy | jq -c '.[0].State | [.OOMKilled, .ExitCode]')" '[true,137]'
	# What is left of it can be had: 700 MB are no reason to be killed.
	tare run --rm -m 1000000000 "$ROOTFS" dd if=/dev/zero of=/dev/null bs=700M count=1
}

@test "S5 five namespaces are the container's own, and its shell is process 1" {
	local name
	run --separate-stderr tare run --rm "$ROOTFS" sh -c 'cd /proc/self/ns && for i in mnt uts ipc pid net; do readlink $i; done; ps -o pid,comm; set -- /proc/[0-9]*; echo $*'
	equal status "$status" 0
	equal "number of lines" "${#lines[@]}" 9
	local number=0
	for name in mnt uts ipc pid net; do
		[[ ${lines[number]} == "$name:["* && ${lines[number]} != "$(readlink "/proc/self/ns/$name")" ]] ||
			{ echo "$name is ${lines[number]}" && return 1; }
		number=$((number + 1))
	done
	# ps shows itself, too.
	equal "processes" "$(printf '%s\n' "${lines[@]:5}" | tr -s ' ' | sed 's/^ //; s/^[0-9]* ps$/N ps/')" $'PID COMMAND\n1 sh\nN ps\n/proc/1'
}

@test "S6 the root is another one, and chroot does not lead out of it" {
	local host_root
	host_root=$(stat -c '%d:%i' /)
	[[ $(tare run --rm "$ROOTFS" stat -c '%d:%i' / 2>/dev/null) != "$host_root" ]]

	make_host_root "$BATS_TEST_TMPDIR/rootfs"
	touch "$BATS_TEST_TMPDIR/rootfs/container-marker"
	run --separate-stderr tare run --rm -i -v /usr:/usr:ro "$BATS_TEST_TMPDIR/rootfs" python3 - <<'PYTHON'
import os
inside = os.stat("/")
os.mkdir("/cage")
out = os.open("/", os.O_RDONLY)
os.chroot("/cage")
os.fchdir(out)
for _ in range(64):
    os.chdir("..")
os.chroot(".")
there = os.stat("/")
print("same root" if (inside.st_dev, inside.st_ino) == (there.st_dev, there.st_ino) else "ESCAPED",
      os.path.exists("/container-marker"), f"{there.st_dev}:{there.st_ino}")
PYTHON
	equal status "$status" 0
	[[ $output == "same root True "* && $output != *" $host_root" ]]
}

@test "S7 the hostname is the container's alone" {
	local before
	before=$(cat /proc/sys/kernel/hostname)
	run --separate-stderr tare run --rm --hostname container-fun "$ROOTFS" sh -c \
		'hostname; cat /etc/hostname; echo $HOSTNAME; grep -c container-fun /etc/hosts; mount | grep -c "^proc on /proc type proc"'
	equal status "$status" 0
	equal output "$output" $'container-fun\ncontainer-fun\ncontainer-fun\n1\n1'
	equal "the host's name" "$(cat /proc/sys/kernel/hostname)" "$before"
}

@test "S8 a shell on a terminal: tty, job control, Ctrl-C, Ctrl-Z, resizing, and the exit code" {
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$TARE_BIN_DIR/tare" "$ROOTFS" <<'PYTHON'
import sys
import time
from terminal import Terminal, check
shell = Terminal(sys.argv[1], "run", "--rm", "-it", "-e", "PS1=at-prompt> ", sys.argv[2], "sh", rows=30, columns=100)
prompt = r"at-prompt> (\x1b\[6n)?$"  # the shell may ask the terminal where the cursor is
shell.expect(prompt)
shell.answer("tty; for i in 0 1 2; do readlink /proc/self/fd/$i; done; stat -c '%t:%T' /dev/console",
             r"/dev/pts/0\r\n/dev/pts/0\r\n/dev/pts/0\r\n/dev/pts/0\r\n88:0\r\n")
shell.expect(prompt)
shell.answer("stty size", r"30 100\r\n")
shell.expect(prompt)
time.sleep(1)  # it shows its prompt before it waits for a key, and hears of the size only where it waits
shell.resize(41, 132)
shell.expect(r"\rat-prompt> \x1b\[J")  # drawn anew: the signal has come
shell.answer("stty size", r"41 132\r\n")
shell.expect(prompt)
shell.answer("sleep 100 &", prompt)
shell.answer("jobs", r"\[1\]\+  Running +sleep 100\r\n")
shell.expect(prompt)
shell.answer("fg", r"sleep 100\r\n")
time.sleep(1)  # the shell tells before it gives the terminal away, and only what has it is interrupted or stopped
shell.type("\x03")
shell.expect(prompt)
shell.answer("echo \"after Ctrl-C: $?\"", r"after Ctrl-C: 130\r\n")
shell.expect(prompt)
shell.type("sleep 200\n")
shell.expect(r"sleep 200\r\n")
time.sleep(1)
shell.type("\x1a")
shell.expect(r"\[1\]\+  Stopped +sleep 200\r\n")
shell.expect(prompt)
shell.answer("jobs", r"\[1\]\+  Stopped +sleep 200\r\n")
shell.expect(prompt)
shell.answer("bg; kill %1; wait; echo all done", r"all done\r\n")
shell.expect(prompt)
shell.type("exit 7\n")
check("its exit code is the command's", shell.wait() == 7)
check("the terminal is as it was", shell.is_restored())
PYTHON
}

@test "S9 no external tool is needed" {
	# A path that is empty, and nothing that was started but tare's own programs.
	run --separate-stderr env -i TARE_ROOT="$TARE_ROOT" TARE_RUN_ROOT="$TARE_RUN_ROOT" PATH=/nonexistent \
		"$TARE_BIN_DIR/tare" run --rm -m 64m --cpu-shares 512 --hostname alone "$ROOTFS" hostname
	equal status "$status" 0
	equal output "$output" alone
	local programs=$BATS_TEST_TMPDIR/programs
	PATH=/nonexistent /usr/bin/strace -f -qq -e trace=execve,execveat -e signal=none -o "$programs" \
		"$TARE_BIN_DIR/tare" run --rm "$TARBALL" true
	sed -n 's/^[0-9]* *execve[at]*(//p' "$programs" | grep -v ENOENT >"$programs.started"
	equal "programs that were started" "$(wc -l <"$programs.started")" 4 # tare, tare-image, tare-init, true
	grep -q "^\"$TARE_BIN_DIR/tare\"" "$programs.started"
	grep -q "^\"$TARE_BIN_DIR/tare-image\"" "$programs.started"
	grep -q '"/bin/true"' "$programs.started"
}

no_process_in() { ! readlink /proc/[0-9]*/ns/{net,mnt,pid} 2>/dev/null | grep -E "$1"; }
@test "S10 nothing is left after a container, however it ended" {
	local before links namespaces id mark=0
	tare run --rm "$TARBALL" true # the store's own directories and the layer stay
	before=$(cd "$BATS_TEST_TMPDIR" && find root run | sort)
	links=$(ip -o link | cut -d: -f2 | sort)

	tare run --rm "$ROOTFS" true
	tare run --rm -m 64m --tmpfs /mytemp --hostname x "$TARBALL" sh -c 'echo changed >/etc/passwd; mkdir -p /new/dir'
	run -3 tare run --rm "$ROOTFS" sh -c 'sleep 1000 & exit 3'
	run -127 tare run --rm "$ROOTFS" no-such-program
	run -125 tare run --rm -w /etc/passwd "$ROOTFS" true
	start_container ended --rm "$TARBALL" sh -c 'sleep 1000 & for i in net mnt pid; do readlink /proc/self/ns/$i; done; while :; do sleep 1000; done'
	id=$container_id
	wait_until 10 eval '[[ $(wc -l <"$(output_of ended)") == 3 ]]'
	namespaces=$(sed 's/.*\[\(.*\)\]/\1/' "$(output_of ended)" | paste -sd '|')
	tare rm -f ended
	wait "$client_pid" || mark=$?
	equal "the client's status" "$mark" 137

	rm -f "$BATS_TEST_TMPDIR"/*.out*
	equal "the store" "$(cd "$BATS_TEST_TMPDIR" && find root run | sort)" "$before"
	equal "the links" "$(ip -o link | cut -d: -f2 | sort)" "$links"
	equal "cgroups" "$(find /sys/fs/cgroup -name "*$id*")" ""
	equal "mounts" "$(grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo)" ""
	# The kernel gives a number that is free again to whoever comes next, which may be another test's container.
	wait_until 60 no_process_in "$namespaces"
	equal "processes in its cgroups" "$(grep -lF "$id" /proc/[0-9]*/cgroup 2>/dev/null)" ""
}
