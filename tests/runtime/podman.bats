#!/usr/bin/env bats
# podman, with tare-runtime in place of its own runtime.
load helpers

setup_file() { setup_rootfs_once; }

setup() {
	command -v podman >/dev/null || skip "there is no podman here"
	export PODMAN_DIR=$BATS_TEST_TMPDIR/podman
	cp -a "$ROOTFS" "$BATS_TEST_TMPDIR/rootfs"
}

teardown() {
	command -v podman >/dev/null || return 0
	engine rm --all --force --time 0 >/dev/null 2>&1 || true
	# Podman leaves the parent of its cgroups.
	find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
	awk -v top="$BATS_TEST_TMPDIR/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r umount
}

engine() {
	podman --runtime "$TARE_BIN_DIR/tare-runtime" --cgroup-manager cgroupfs --storage-driver vfs --root "$PODMAN_DIR/root" \
		--runroot "$PODMAN_DIR/run" --tmpdir "$PODMAN_DIR/tmp" --events-backend file "$@" 3>&-
}
# Its own limits may be more than may be given here.
options=(--network none --ulimit nofile=1000:1000 --ulimit nproc=1000:1000)

@test "podman run: output, exit code, and 127 for a command that is not there" {
	run engine run --rm "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" sh -c 'echo hello; exit 5'
	equal code "$status" 5
	equal output "$output" hello
	run -127 engine run --rm "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" nonsense
	equal code "$status" 127
}

@test "podman run -d, exec, top, kill, rm" {
	engine run -d --name one "${options[@]}" --rootfs "$BATS_TEST_TMPDIR/rootfs" sleep 1000
	run engine exec one sh -c 'ps | grep -c "sleep 1000"; exit 3'
	equal code "$status" 3
	engine top one | grep -q sleep
	engine kill one
	engine rm -f one
	equal containers "$(engine ps -aq)" ""
}

@test "podman run -t: the terminal goes by the console socket" {
	# Podman may lose what a container said that ended at once, so this one stays a little. (script(1) starts $SHELL, or sh.)
	# shellcheck disable=SC2016 # the container expands it
	SHELL=$BASH run script -qec "$(declare -f engine); $(declare -p options); engine run --rm -t \"\${options[@]}\" --rootfs $BATS_TEST_TMPDIR/rootfs sh -c 'tty; sleep 1'" /dev/null
	[[ $output == */dev/pts/* ]] || { echo "status $status, output: $output" && false; }
}
