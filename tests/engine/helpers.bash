# What every engine test uses: the programs, a store of the test's own, root file systems, and the machine's state.
# shellcheck shell=bash

: "${TARE_BIN_DIR:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../build/release/bin" && pwd)}"
export TARE_BIN_DIR
if declare -F bats_require_minimum_version >/dev/null; then bats_require_minimum_version 1.5.0; fi

# Each test has its own store, so that tests can run side by side and see what they leave.
setup_store() {
	export TARE_ROOT=$BATS_TEST_TMPDIR/root TARE_RUN_ROOT=$BATS_TEST_TMPDIR/run
}

# Cgroups bear the container's id, so what a test left is found by the ids in its store.
teardown_store() {
	local id
	for id in $(tare ps -aq --no-trunc 2>/dev/null); do tare rm -f "$id" >/dev/null 2>&1 || true; done
	# What the test itself mounted.
	awk -v top="$BATS_TEST_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

tare() { "$TARE_BIN_DIR/tare" "$@"; }

# make_rootfs DIRECTORY: the distribution's static busybox with its applets.
make_rootfs() {
	local busybox
	busybox=$(command -v busybox)
	mkdir -p "$1"/{bin,sbin,usr/bin,usr/sbin,etc,dev,proc,sys,root,tmp}
	cp -L "$busybox" "$1/bin/busybox"
	# By one process, not by hundreds: where the processor is emulated, that is the difference between a second and ten.
	"$busybox" --list | DIRECTORY=$1/bin perl -ne 'chomp; symlink("busybox", "$ENV{DIRECTORY}/$_") unless $_ eq "busybox"'
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$1/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
}

# One root file system and one tarball of it for a whole file of tests.
setup_rootfs_once() {
	export ROOTFS=$BATS_FILE_TMPDIR/rootfs TARBALL=$BATS_FILE_TMPDIR/busybox.tar
	make_rootfs "$ROOTFS"
	tar -C "$ROOTFS" -cf "$TARBALL" .
}

# Mode of this machine's cgroups: v2, or v1 (alone or beside v2).
cgroup_mode() { if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then echo v2; else echo v1; fi; }

# cgroup_file V1_CONTROLLER/V1_FILE V2_FILE CONTAINER_ID: the path of a running container's limit on the host.
cgroup_file() {
	if [[ $(cgroup_mode) == v2 ]]; then
		echo "/sys/fs/cgroup/tare-$3/$2"
	else
		echo "/sys/fs/cgroup/${1%%/*}/tare-$3/${1#*/}"
	fi
}

# Everything that a container could leave on the machine, as text to compare: mounts, cgroups, network links, the store.
# Processes and namespaces are those of tare programs and of pid namespaces below this one.
machine_state() {
	echo "mounts:"
	sort /proc/self/mountinfo | cut -d' ' -f3-
	echo "cgroups:"
	find /sys/fs/cgroup -type d -name 'tare-*' | sort
	echo "links:"
	ip -o link 2>/dev/null | cut -d: -f2 | sort
	echo "processes:"
	local process
	for process in /proc/[0-9]*; do
		case $(readlink "$process/exe" 2>/dev/null) in
		*/tare | */tare-image | *tare-init*) echo "$process" ;;
		esac
	done
	echo "namespaces:"
	lsns -n -o NS,TYPE 2>/dev/null | sort
	echo "loop devices:"
	grep -hF "$BATS_TEST_TMPDIR" /sys/block/loop*/loop/backing_file 2>/dev/null || true
	echo "store:"
	(cd "$BATS_TEST_TMPDIR" && find root run 2>/dev/null | sort)
}

# private_machine COMMAND...: runs it as the first process of namespaces of its own and below cgroups of its own, so that
# what happens elsewhere on the machine is not in its machine_state. It is in a cgroup as of a login session, which its
# monitors have to leave.
private_machine() {
	local group=private-$BASHPID status=0 mount
	local -a mounts
	mapfile -t mounts < <(findmnt -rno TARGET -t cgroup,cgroup2)
	for mount in "${mounts[@]}"; do
		mkdir "$mount/$group"
		[[ -e $mount/cpuset.effective_cpus ]] || continue # v1: empty when new
		cat "$mount/cpuset.cpus" >"$mount/$group/cpuset.cpus"
		cat "$mount/cpuset.mems" >"$mount/$group/cpuset.mems"
	done
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount --pid --fork --ipc --uts --net --mount-proc --kill-child bash -c '
		group=$1 count=$2
		for mount in "${@:3:count}"; do mount --bind "$mount/$group" "$mount" || exit; done
		# What others mount in temporary directories goes when they remove those.
		for mount in $(findmnt -rno TARGET | tac); do
			if [[ $mount == /tmp/* && $mount != "$BATS_RUN_TMPDIR"* && $BATS_RUN_TMPDIR != "$mount"* ]]; then umount -l "$mount"; fi
		done
		for session in /sys/fs/cgroup{,/systemd}/session; do
			[[ ! -e ${session%/*}/cgroup.procs ]] || { mkdir "$session" && echo 0 >"$session/cgroup.procs"; } || exit
		done
		shift "$((count + 2))"
		exec "$@"' private_machine "$group" "${#mounts[@]}" "${mounts[@]}" "$@" || status=$?
	for mount in "${mounts[@]}"; do
		[[ ! -e $mount/$group/session ]] || rmdir "$mount/$group/session" || status=$?
		rmdir "$mount/$group" || status=$?
	done
	return "$status"
}

# equal WHAT GOT EXPECTED: says what differs.
equal() {
	[[ $2 == "$3" ]] || { printf -- '%s is not as expected\n--- expected\n%s\n--- got\n%s\n---\n' "$1" "$3" "$2" && return 1; }
}

# wait_until SECONDS COMMAND...: until it succeeds.
wait_until() {
	local seconds=$1 end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || { echo "not within $seconds seconds: $*" && return 1; }
		sleep 0.1
	done
}

# shellcheck disable=SC2154 # what `run` sets
# says EXPECTED ARGUMENT...: `tare run --rm` ends with 0 and prints that.
says() {
	local expected=$1
	shift
	run --separate-stderr tare run --rm "$@"
	[[ $status == 0 ]] || echo "$stderr"
	equal "status of $*" "$status" 0
	equal "output of $*" "$output" "$expected"
}

# shellcheck disable=SC2154 # what `run` sets
# refuses WORDS ARGUMENT...: `tare run` fails, not the command, and the last line has the words.
refuses() {
	local words=$1
	shift
	run --separate-stderr tare run --rm "$@"
	equal "status of $*" "$status" 125
	[[ ${stderr_lines[-1]} == *"$words"* ]] || { echo "$*: $stderr" && return 1; }
	equal "output of $*" "$output" ""
}

# start NAME ARGUMENT...: detached. Sets container_id and container_pid.
start() {
	local name=$1
	shift
	tare run -d --name "$name" "$@" 2>/dev/null
	# shellcheck disable=SC2034 # for the caller
	read -r container_id container_pid < <(tare inspect "$name" | jq -r '.[0] | "\(.Id) \(.State.Pid)"')
}

# start_container NAME ARGUMENT...: `tare run --name NAME ARGUMENT...` beside the test, until its command has printed
# something. Sets container_id, container_pid and client_pid; the output is in output_of NAME.
start_container() {
	local name=$1
	shift
	"$TARE_BIN_DIR/tare" run --name "$name" "$@" >"$(output_of "$name")" 2>"$(output_of "$name").err" </dev/null 3>&- &
	# shellcheck disable=SC2034 # for the caller
	client_pid=$!
	wait_until 60 test -s "$(output_of "$name")" || { cat "$(output_of "$name").err" && return 1; }
	# shellcheck disable=SC2034 # for the caller
	read -r container_id container_pid < <(tare inspect "$name" | jq -r '.[0] | "\(.Id) \(.State.Pid)"')
}

output_of() { echo "$BATS_TEST_TMPDIR/$1.out"; }

# What a container runs that only has to be there.
# shellcheck disable=SC2034 # for the tests
stay='echo ready; while :; do sleep 1000; done'

# make_host_root DIRECTORY: a root whose programs are the host's, for what busybox cannot do (python3). Run it with
# -v /usr:/usr:ro.
make_host_root() {
	local name
	mkdir -p "$1"/{etc,usr,dev,proc,sys,tmp}
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$1/$name"; done
}
