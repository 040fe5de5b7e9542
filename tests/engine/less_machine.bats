#!/usr/bin/env bats
# On less than a full machine a container works, with one line that says what is missing; or, where what was asked for
# needs just that, is refused with one line. Tested by taking each thing away.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # other shells expand what is in single quotes; bats runs each test in a subshell

load helpers
: "${BATS_TEST_TIMEOUT:=60}"

setup_file() {
	export TARE_BIN_DIR
	setup_rootfs_once
}
setup() {
	setup_store
	export BATS_TEST_TMPDIR TARE=$TARE_BIN_DIR/tare
}
teardown() { teardown_store; }

# without SCRIPT COMMAND...: runs the command in a mount namespace from which SCRIPT has taken something.
without() {
	unshare --mount bash -c "set -e; $1"$'\nexec "$@"' without "${@:2}"
}

no_overlay='
	mkdir -p "$BATS_TEST_TMPDIR/upper" "$BATS_TEST_TMPDIR/work" "$BATS_TEST_TMPDIR/lower" "$BATS_TEST_TMPDIR/overlay"
	mount -t overlay -o "lowerdir=$BATS_TEST_TMPDIR/lower,upperdir=$BATS_TEST_TMPDIR/upper,workdir=$BATS_TEST_TMPDIR/work" \
		none "$BATS_TEST_TMPDIR/overlay"
	export TARE_ROOT=$BATS_TEST_TMPDIR/overlay/root'
read_only_cgroups='
	for mount in $(findmnt -rno TARGET -t cgroup,cgroup2); do mount -o remount,bind,ro "$mount"; done'
no_cgroups='umount -l -R /sys/fs/cgroup'

# What this machine itself lacks is said too, one line a run.
lines_about() { grep -c -- "$1" <<<"$stderr" || true; }
only_lines_about() {
	local line
	while read -r line; do
		[[ -z $line || $line == *"$1"* || $line == *"CAP_SYS_RESOURCE is missing: the container may open"* ]] || return 1
	done <<<"$stderr"
	[[ $(lines_about "$1") == 1 ]]
}
refused() {
	[[ $status == 125 && -z $output ]] || return 1
	only_lines_about "$1"
}

@test "LM1 without overlayfs the root is copied, and one line says so" {
	run --separate-stderr without "$no_overlay" "$TARE" run --rm "$ROOTFS" sh -c 'echo changed >/etc/passwd; cat /etc/passwd'
	[[ $status == 0 && $output == changed ]]
	only_lines_about "copied"
	grep root: "$ROOTFS/etc/passwd"
	run --separate-stderr without "$no_overlay" "$TARE" run --rm "$TARBALL" sh -c 'rm -r /root; ls /'
	[[ $status == 0 && $output != *root* && $output == *bin* ]]
	only_lines_about "copied"
	[[ -z $(ls "$BATS_TEST_TMPDIR/upper/root/containers") ]]
}

@test "without overlayfs a container that stays keeps its copy until rm" {
	without "$no_overlay" bash -c '
		set -e
		"$TARE" run --name kept "$ROOTFS" sh -c "echo here >/file" 2>/dev/null
		[[ $(cat "$TARE_ROOT"/containers/*/rootfs/file) == here ]]
		"$TARE" rm kept
		[[ -z $(ls "$TARE_ROOT/containers") ]]'
}

@test "without overlayfs a failure in the copy is told as any other" {
	run -127 --separate-stderr without "$no_overlay" "$TARE" run --rm "$ROOTFS" no-such-program
	[[ $(lines_about no-such-program) == 1 && $(lines_about copied) == 1 ]]
	[[ -z $(ls "$BATS_TEST_TMPDIR/upper/root/containers") ]]
}

@test "without overlayfs nothing is copied for a root that is written to itself" {
	run --separate-stderr without "$no_overlay" "$TARE" run --rm --rootfs-rw "$ROOTFS" true
	[[ $status == 0 && $stderr != *copied* ]]
}

@test "LM2 without a cgroup that can be written it runs, and one line says so" {
	local taken
	for taken in "$read_only_cgroups" "$no_cgroups"; do
		run --separate-stderr without "$taken" "$TARE" run --rm "$ROOTFS" echo here
		[[ $status == 0 && $output == here ]]
		only_lines_about "no cgroup here can be written"
	done
}

@test "LM3 without a cgroup that can be written every limit is refused with one line" {
	local taken option
	for option in "-m 64m" "--cpus 1" "--pids-limit 9" "--cpuset-cpus 0" "-c 512" "--memory-swap 128m -m 64m"; do
		taken=$read_only_cgroups
		[[ $option == "-m 64m" ]] || taken=$no_cgroups
		# shellcheck disable=SC2086
		run --separate-stderr without "$taken" "$TARE" run --rm $option "$ROOTFS" echo here
		refused "no cgroup here can be written"
	done
}

@test "without a cgroup that can be written rm -f and a killed monitor end everything all the same" {
	export -f machine_state
	without "$no_cgroups" unshare --pid --fork --mount-proc bash -c '
		set -e
		for way in rm monitor; do
			"$TARE" run --name endless "$ROOTFS" sh -c "sleep 60 & sleep 60" >/dev/null 2>&1 & client=$!
			until [[ $("$TARE" inspect endless 2>/dev/null | jq -r ".[0].State.Status") == running ]]; do sleep 0.01; done
			if [[ $way == monitor ]]; then kill -9 "$(cat /proc/$client/task/$client/children)"; fi
			"$TARE" rm -f endless
			wait "$client" || true
			[[ -z $(pgrep sleep) ]]
		done'
}

@test "without the memory controller alone a memory limit is refused by name, and the rest works" {
	[[ $(cgroup_mode) == v1 ]] || skip "v2 has its controllers in one place"
	run --separate-stderr without 'umount /sys/fs/cgroup/memory' "$TARE" run --rm --pids-limit 9 "$ROOTFS" echo here
	[[ $status == 0 && $output == here ]]
	run --separate-stderr without 'umount /sys/fs/cgroup/memory' "$TARE" run --rm -m 64m "$ROOTFS" echo here
	refused memory
}

# without_capability NAME COMMAND...
without_capability() {
	setpriv --bounding-set "-$1" --inh-caps "-$1" "${@:2}"
}

@test "LM4 without CAP_SYS_RESOURCE it runs with fewer open files, and one line says so" {
	local hard=4096
	run --separate-stderr without_capability sys_resource prlimit --nofile=1024:$hard "$TARE" run --rm "$ROOTFS" sh -c 'ulimit -Hn'
	[[ $status == 0 && $output == "$hard" ]]
	[[ $(lines_about "CAP_SYS_RESOURCE is missing: the container may open $hard files at most") == 1 ]]
	[[ $(wc -l <<<"$stderr") == 1 ]]
}

@test "LM5 without CAP_SYS_RESOURCE a limit above the hard one is refused with one line" {
	run --separate-stderr without_capability sys_resource prlimit --nofile=1024:4096 "$TARE" run --rm --ulimit nofile=1000000:1000000 "$ROOTFS" true
	[[ $status == 125 && -z $output ]]
	[[ $(grep -v "may open" <<<"$stderr") == *CAP_SYS_RESOURCE* && $(grep -vc "may open" <<<"$stderr") == 1 ]]
	[[ -z $(ls "$TARE_ROOT/containers") ]]
	run --separate-stderr without_capability sys_resource prlimit --nofile=1024:4096 "$TARE" run --rm --ulimit nofile=99:999 "$ROOTFS" sh -c 'ulimit -n; ulimit -Hn'
	[[ $status == 0 && $output == $'99\n999' ]]
}

@test "LM6 without CAP_MKNOD the container has its devices, and cannot make others" {
	run --separate-stderr without_capability mknod "$TARE" run --rm "$ROOTFS" sh -c '
		echo thrown away >/dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c && ls -l /dev/full /dev/tty | wc -l
		mknod /tmp/null c 1 3 2>/dev/null || echo refused'
	[[ $status == 0 && $output == $'4\n4\n2\nrefused' ]]
	only_lines_about "CAP_MKNOD is missing"
}

@test "without keyctl it runs" {
	# A filter that refuses keyctl(2) with EPERM, as other containers' filters do.
	run --separate-stderr python3 - "$TARE" run --rm "$ROOTFS" echo here <<-'PYTHON'
		import ctypes, os, struct, sys
		keyctl = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
		code = [(0x20, 0, 0, 0), (0x15, 0, 1, keyctl), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
		program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
		class Filter(ctypes.Structure):
		    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
		libc = ctypes.CDLL(None, use_errno=True)
		if libc.prctl(22, 2, ctypes.byref(Filter(len(code), ctypes.addressof(program))), 0, 0) != 0:
		    sys.exit(f"prctl: {ctypes.get_errno()}")
		assert libc.syscall(keyctl, 0, 0, 0) == -1 and ctypes.get_errno() == 1
		os.execv(sys.argv[1], sys.argv[1:])
	PYTHON
	[[ $status == 0 && $output == here ]]
}

@test "LM7 where memory files may not be executed tare-init is executed from a hidden file system" {
	[[ -e /proc/sys/vm/memfd_noexec ]] || skip "this kernel cannot forbid it"
	local before
	before=$(cat /proc/sys/vm/memfd_noexec)
	ln -sf /proc/self/exe "$ROOTFS/bin/again" # the container's command is tare-init itself: it must not get anywhere
	# The setting is the pid namespace's own.
	run --separate-stderr unshare --pid --fork --mount-proc bash -c '
		echo 2 >/proc/sys/vm/memfd_noexec
		cat /proc/sys/vm/memfd_noexec
		"$TARE" run --rm "$ROOTFS" echo here
		"$TARE" run --rm "$ROOTFS" again 2>/dev/null
		echo "$?"
		grep -c tmpfs /proc/self/mountinfo' 
	[[ $status == 0 && ${lines[0]} == 2 && ${lines[1]} == here && ${lines[2]} == 255 ]]
	[[ ${lines[3]} == "$(grep -c tmpfs /proc/self/mountinfo)" ]]
	rm "$ROOTFS/bin/again"
	[[ $(cat /proc/sys/vm/memfd_noexec) == "$before" ]]
}

# A root file system with tare in it, for a container that makes containers.
make_root_with_tare() {
	local root=$1 library
	make_rootfs "$root"
	mkdir -p "$root"/{old,var/lib/tare,run,inner}
	cp "$TARE_BIN_DIR/tare" "$TARE_BIN_DIR/tare-image" "$root/usr/bin"
	for library in $(ldd "$TARE_BIN_DIR/tare" "$TARE_BIN_DIR/tare-image" | grep -o '/[^ :]*\.so[^ ]*' | sort -u); do
		mkdir -p "$root/$(dirname "$library")"
		cp -L "$library" "$root/$library"
	done
	cp "$TARBALL" "$root/busybox.tar"
	cp -a "$ROOTFS/." "$root/inner"
}

# in_container SCRIPT: inside a container made by others: all namespaces, a root of its own, cgroups as SCRIPT makes them.
# On v2 its cgroup is its own, and its processes are in one below it, as v2 wants them.
in_container() {
	local group=/sys/fs/cgroup/outer-$BASHPID status=0
	[[ $(cgroup_mode) == v1 ]] || mkdir -p "$group/init"
	unshare --mount --pid --fork --uts --ipc --net --mount-proc bash -c '
		[[ ! -d $3 ]] || echo $$ >"$3/cgroup.procs" || exit
		exec unshare --cgroup bash -c "$4" in_container "$@"' in_container "$BATS_TEST_TMPDIR/outer" "$1" "$group" '
		set -e
		[[ ! -d $3 ]] || echo $$ >"$3/init/cgroup.procs"
		mount --bind "$1" "$1"
		mount -t tmpfs tmpfs "$1/var/lib/tare"
		mount -t proc proc "$1/proc"
		mount -t sysfs -o ro sysfs "$1/sys"
		mount --rbind /dev "$1/dev"
		cd "$1"
		pivot_root . old
		export PATH=/bin:/usr/bin
		unset TARE_ROOT TARE_RUN_ROOT
		exec chroot . /bin/sh -ec "umount -l /old; $2"' || status=$?
	[[ ! -d $group ]] || rmdir "$group/init" "$group" || { status=$?; find "$group" -type d >&2; grep . "$group"/*/cgroup.procs >&2; }
	return "$status"
}

@test "LM8 inside another container without cgroups a container works" {
	make_root_with_tare "$BATS_TEST_TMPDIR/outer"
	run --separate-stderr in_container '
		tare run --rm /inner echo from a directory
		tare run --rm /busybox.tar echo from a tarball
		tare run --rm /inner sh -c "exit 3" || echo $?
		tare ps -aq; ls /var/lib/tare/containers'
	[[ $status == 0 && $output == $'from a directory\nfrom a tarball\n3' ]]
	[[ $(lines_about "no cgroup here can be written") == 3 ]]
	run --separate-stderr in_container 'tare run --rm -m 64m /inner true'
	refused "no cgroup here can be written"
}

@test "LM9 inside another container with cgroups of its own limits work" {
	make_root_with_tare "$BATS_TEST_TMPDIR/outer"
	local mounts='mount -t tmpfs none /sys/fs/cgroup; mkdir /sys/fs/cgroup/memory /sys/fs/cgroup/pids;
		mount -t cgroup -o memory none /sys/fs/cgroup/memory; mount -t cgroup -o pids none /sys/fs/cgroup/pids'
	local file=/sys/fs/cgroup/memory/memory.limit_in_bytes
	if [[ $(cgroup_mode) == v2 ]]; then
		mounts='mount -t cgroup2 none /sys/fs/cgroup'
		file=/sys/fs/cgroup/memory.max
	fi
	run --separate-stderr in_container "$mounts; tare run --rm -m 64m /inner cat $file"
	[[ $status == 0 ]] || { echo "$status: $stderr" && return 1; }
	equal "limit" "$output" 67108864
	run --separate-stderr in_container "$mounts; tare run --rm -m 16m /inner sh -c 'tail /dev/zero'"
	[[ $status == 137 && $stderr == *OOM* ]] || { echo "$status: $stderr" && return 1; }
}

@test "with closed standard streams it runs and takes no file of its own for them" {
	"$TARE" run --name closed "$ROOTFS" sh -c 'echo out; echo error >&2; readlink /proc/self/fd/0 >/read; exit 7' <&- >&- 2>&- || [[ $? == 7 ]]
	[[ $("$TARE" inspect closed | jq '.[0].State.ExitCode') == 7 ]]
	[[ $(cat "$TARE_ROOT"/containers/*/upper/read) == /dev/null ]]
	"$TARE" run --rm -i "$ROOTFS" cat <&-
	run "$TARE" run --rm "$ROOTFS" echo here <&-
	[[ $output == *here ]]
}

@test "with a directory as standard input it runs" {
	run --separate-stderr timeout 20 "$TARE" run --rm "$ROOTFS" cat </
	[[ $status == 0 && -z $output ]]
	run --separate-stderr timeout 20 "$TARE" run --rm -i "$ROOTFS" sh -c 'cat; echo ended' </
	[[ $status == 0 && $output == ended ]]
}

# works_in ROOT: a store there holds containers of both kinds.
works_in() {
	local source
	for source in "$ROOTFS" "$TARBALL"; do
		run --separate-stderr "$TARE" --root "$1" --run-root "$1/run" run --name container "$source" sh -c 'echo here >/file; cat /file'
		[[ $status == 0 && $output == here && $stderr != *copied* ]] || { echo "$1: $status $stderr" && return 1; }
		[[ $(cat "$1"/containers/*/upper/file) == here ]] || return 1
		"$TARE" --root "$1" --run-root "$1/run" rm container || return 1
		[[ -z $(ls "$1/containers") ]] || return 1
	done
}

@test "the store's path may be longer than a socket address and than a mount option" {
	local path=$BATS_TEST_TMPDIR part
	part=$(printf '%060d' 0)
	while ((${#path} < 400)); do
		path+=/$part
		mkdir -p "$path"
		works_in "$path"
	done
}

@test "the store's path may hold any character" {
	works_in "$BATS_TEST_TMPDIR/co:lon"
	works_in "$BATS_TEST_TMPDIR/com,ma"
	works_in "$BATS_TEST_TMPDIR/back\\slash"
	works_in "$BATS_TEST_TMPDIR/a blank"
	works_in "$BATS_TEST_TMPDIR/a
line feed"
	works_in "$BATS_TEST_TMPDIR/"$'\x01byte \xff'
}

@test "the root file system's path may hold any character" {
	local name
	for name in co:lon com,ma back\\slash "a blank" $'a\nline feed' $'\xff'; do
		ln -s "$ROOTFS" "$BATS_TEST_TMPDIR/$name"
		cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/real$name"
		run --separate-stderr "$TARE" run --rm "$BATS_TEST_TMPDIR/$name" echo here
		[[ $status == 0 && $output == here && $stderr != *copied* ]]
		run --separate-stderr "$TARE" run --rm "$BATS_TEST_TMPDIR/real$name" echo here
		[[ $status == 0 && $output == here && $stderr != *copied* ]]
	done
}

@test "the store's path may be relative" {
	cd "$BATS_TEST_TMPDIR"
	TARE_ROOT=relative TARE_RUN_ROOT=./relative/run "$TARE" run --name container "$ROOTFS" sh -c 'echo here >/file'
	[[ $(cat "$BATS_TEST_TMPDIR"/relative/containers/*/upper/file) == here ]]
	cd /
	[[ $("$TARE" --root "$BATS_TEST_TMPDIR/relative" --run-root "$BATS_TEST_TMPDIR/relative/run" ps -aq | wc -l) == 1 ]]
}
